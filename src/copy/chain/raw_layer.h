/*
 * raw_layer.h
 *		Which bytes of a raw layer hold data, as far as the file system can tell.
 *
 * Regular files are asked with SEEK_DATA and SEEK_HOLE.  Where these fail (NFS before 4.2, CIFS, devices) all bytes up to
 * the end of the file are data.
 */
#ifndef COPY_RAW_LAYER_H
#define COPY_RAW_LAYER_H

#include "copy/chain/layer.h"

/* Data that was found last, from one hole to the next; start == end: nothing yet. */
struct raw_data
{
	uint64_t start;
	uint64_t end;
};

/*
 * Finds the first data at or after "from" and before "to".  *start and *end bound it, clipped to the
 * two.  Returns whether there is any.  *known is what the caller keeps between calls: looking for a
 * hole can cost as much as there are pages before it.
 */
extern bool raw_next_data(const struct layer *layer, struct raw_data *known, uint64_t from,
						  uint64_t to, uint64_t *start, uint64_t *end);

#endif
