/*
 * raw_layer.c
 *		Which bytes of a raw layer hold data, as far as the file system can tell.
 */
#include <errno.h>
#include <unistd.h>

#include "copy/chain/raw_layer.h"

bool
raw_next_data(const struct layer *layer, struct raw_data *known, uint64_t from, uint64_t to,
			  uint64_t *start, uint64_t *end)
{
	off_t found;

	to = min_u64(to, layer->file_size);
	if (from >= to)
		return false;
	*start = from;
	*end = to;
	if (layer->is_block_device)
		return true;
	if (from >= known->start && from < known->end)
	{
		*end = min_u64(known->end, to);
		return true;
	}
	/*
	 * Where the answer is an error, reading tells whether the file can be read: CIFS answers EIO for each
	 * file of Samba's with holes.
	 */
	found = lseek(layer->fd, (off_t) from, SEEK_DATA);
	if (found < 0)
		return errno != ENXIO;
	if ((uint64_t) found >= to)
		return false;
	*start = max_u64((uint64_t) found, from);
	found = lseek(layer->fd, (off_t) *start, SEEK_HOLE);
	/* A file that shrinks meanwhile must not make us stand still. */
	if (found > (off_t) *start)
	{
		*known = (struct raw_data){.start = *start, .end = (uint64_t) found};
		*end = min_u64((uint64_t) found, to);
	}
	return true;
}
