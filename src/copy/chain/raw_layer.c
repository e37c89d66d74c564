/*
 * raw_layer.c
 *		Which bytes of a raw layer hold data, as far as the file system can tell.
 */
#include <errno.h>
#include <unistd.h>

#include "copy/chain/raw_layer.h"
#include "copy/base/report.h"

int
raw_next_data(const struct layer *layer, struct raw_data *known, uint64_t from, uint64_t to,
			  uint64_t *start, uint64_t *end)
{
	off_t found;

	to = min_u64(to, layer->file_size);
	if (from >= to)
		return 0;
	*start = from;
	*end = to;
	if (layer->is_block_device)
		return 1;
	if (from >= known->start && from < known->end)
	{
		*end = min_u64(known->end, to);
		return 1;
	}
	found = lseek(layer->fd, (off_t) from, SEEK_DATA);
	if (found < 0)
	{
		if (errno == ENXIO)
			return 0;
		if (errno == EINVAL || errno == EOPNOTSUPP)
			return 1;
		return report_io_error(errno, layer->shown_as, layer->path, from,
							   "could not look for data");
	}
	if ((uint64_t) found >= to)
		return 0;
	*start = max_u64((uint64_t) found, from);
	found = lseek(layer->fd, (off_t) *start, SEEK_HOLE);
	if (found < 0)
		return report_io_error(errno, layer->shown_as, layer->path, *start,
							   "could not look for a hole");
	/* A file that shrinks meanwhile must not make us stand still. */
	if ((uint64_t) found > *start)
	{
		*known = (struct raw_data){.start = *start, .end = (uint64_t) found};
		*end = min_u64((uint64_t) found, to);
	}
	return 1;
}
