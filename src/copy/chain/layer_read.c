/*
 * layer_read.c
 *		Reads data of a layer, past the page cache or from it.
 */
#include <errno.h>

#include "copy/base/fileio.h"
#include "copy/base/page_cache.h"
#include "copy/base/report.h"
#include "copy/chain/layer_read.h"

static int
read_from(const struct layer *layer, int fd, unsigned char *to, size_t length, uint64_t host)
{
	if (file_read_zero_filled(fd, to, length, host) == 0)
		return 0;
	/* A tail that direct I/O refuses is read through the cache. */
	if (fd != layer->fd && errno == EINVAL &&
		file_read_zero_filled(layer->fd, to, length, host) == 0)
		return 0;
	return report_io_error(errno, layer->shown_as, layer->path, host, "could not read data");
}

int
layer_read(const struct layer *layer, unsigned char *to, size_t length, uint64_t host)
{
	if (layer->direct_fd < 0 || !is_aligned(host, layer->direct_alignment) ||
		!is_aligned((uintptr_t) to, layer->direct_alignment) ||
		!is_aligned(length, layer->direct_alignment))
		return read_from(layer, layer->fd, to, length, host);
	while (layer->cache_known && length > 0 && host + length <= layer->file_size)
	{
		bool held;
		size_t part = page_cache_read(layer->fd, to, (size_t) min_u64(length, PAGE_CACHE_WINDOW),
									  host, layer->cached_whole, &held);

		if (!held && read_from(layer, layer->direct_fd, to, part, host) != 0)
			return -1;
		to += part;
		host += part;
		length -= part;
	}
	return length > 0 ? read_from(layer, layer->direct_fd, to, length, host) : 0;
}
