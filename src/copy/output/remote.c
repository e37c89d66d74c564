/*
 * remote.c
 *		Whether the file server can copy from the layers to the output.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "copy/base/fileio.h"
#include "copy/base/system.h"
#include "copy/output/remote.h"

#define PROBE_BYTES 65536

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

/*
 * NFS 4.2 copies on the server; before, as on CIFS and Ceph unless they were told so, copy_file_range goes through the
 * client and fills every hole.  statfs says the same of all versions, but only 4.2 can take space away from a file
 * (RFC 7862, 7 and 15.4): what is taken away here lies past the end.
 */
static bool
server_copies(const struct output *output)
{
	struct statfs system;
	struct stat status;

	if (output->is_block_device || fstatfs(output->fd, &system) != 0 ||
		(uint32_t) system.f_type != NFS_SUPER_MAGIC || file_status(output->fd, &status) != 0)
		return false;
	return fallocate(output->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					 (off_t) align_up((uint64_t) status.st_size, PROBE_BYTES), PROBE_BYTES) == 0;
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
