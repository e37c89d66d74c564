/*
 * remote.c
 *		Whether the file server can copy from the layers to the output.
 */
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "copy/base/system.h"
#include "copy/output/remote.h"

static bool
kernel_is_recent(void)
{
	struct utsname name;
	unsigned major;
	unsigned minor;

	if (uname(&name) != 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 5 || (major == 5 && minor >= 19);
}

static bool
server_copies(const struct output *output)
{
	struct statfs system;

	if (output->is_block_device || fstatfs(output->fd, &system) != 0)
		return false;
	switch ((uint32_t) system.f_type)
	{
		case NFS_SUPER_MAGIC:
		case CIFS_SUPER_MAGIC:
		case SMB2_SUPER_MAGIC:
		case CEPH_SUPER_MAGIC:
			return true;
		default:
			return false;
	}
}

bool
remote_choose(struct chain *chain, const struct output *output)
{
	bool any = false;

	if (!kernel_is_recent() || !server_copies(output))
		return false;
	for (int i = 0; i < chain->count; i++)
	{
		struct layer *layer = &chain->layers[i];

		layer->remote = !layer->is_block_device && layer->device == output->device;
		any = any || layer->remote;
	}
	return any;
}
