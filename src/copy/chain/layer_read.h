/*
 * layer_read.h
 *		Reads data of a layer, past the page cache or from it.
 */
#ifndef COPY_LAYER_READ_H
#define COPY_LAYER_READ_H

#include "copy/chain/layer.h"

/*
 * Reads "length" bytes at offset "host" of the layer's file; bytes past its end are zero.  Where the layer is open for
 * direct I/O and the alignment allows it, bytes come from the device, but what the page cache holds comes from there
 * (layer->cache_known), so that the cache stays as it is.  0, or -1 after report_error().
 */
extern int layer_read(const struct layer *layer, unsigned char *to, size_t length, uint64_t host);

#endif
