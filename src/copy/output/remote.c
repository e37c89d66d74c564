/*
 * remote.c
 *		Whether the file server can copy from the layers to the output.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "copy/base/fileio.h"
#include "copy/base/page_cache.h"
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
 * (RFC 7862, 7 and 15.4): what is taken away here lies past the end, which is returned.
 */
static bool
server_may_copy(const struct output *output, uint64_t *end)
{
	struct statfs system;

	if (output->is_block_device || file_system_of(output->fd, &system) != 0 ||
		(uint32_t) system.f_type != NFS_SUPER_MAGIC || file_size(output->fd, end) != 0)
		return false;
	return fallocate(output->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					 (off_t) align_up(*end, PROBE_BYTES), PROBE_BYTES) == 0;
}

/* What has come through this machine is in its page cache. */
static bool
is_in_cache(int fd, off_t offset, size_t length)
{
	unsigned char pages[PROBE_BYTES / PAGE_BYTES];
	void *map = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, offset);
	bool found = map == MAP_FAILED || mincore(map, length, pages) != 0;

	for (size_t i = 0; i < (length + PAGE_BYTES - 1) / PAGE_BYTES && !found; i++)
		found = (pages[i] & 1) != 0;
	if (map != MAP_FAILED)
		(void) munmap(map, length);
	return found;
}

/*
 * A server of NFS 4.2 need not copy (RFC 7862, 15.2): where it doesn't, the kernel reads and writes itself, and says nothing of
 * it.  So a piece is copied past the end, and taken away again.
 */
static bool
server_copies(const struct layer *layer, const struct output *output, uint64_t end)
{
	off_t from = 0;
	off_t to = (off_t) align_up(end, PROBE_BYTES);
	off_t start = to;
	ssize_t copied = copy_file_range(layer->fd, &from, output->fd, &to, PROBE_BYTES, 0);
	bool by_server = copied > 0 && !is_in_cache(output->fd, start, (size_t) copied);

	return ftruncate(output->fd, (off_t) end) == 0 && by_server;
}

bool
remote_choose(struct chain *chain, const struct output *output)
{
	bool asked = false;
	bool copies = false;
	uint64_t end;

	if (!kernel_is_recent() || !server_may_copy(output, &end))
		return false;
	for (int i = 0; i < chain->count; i++)
	{
		struct layer *layer = &chain->layers[i];

		if (layer->is_block_device || layer->device != output->device)
			continue;
		copies = asked ? copies : server_copies(layer, output, end);
		asked = true;
		layer->remote = copies;
	}
	return copies;
}
