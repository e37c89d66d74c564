/*
 * decompress.h
 *		Decodes compressed clusters (zlib, zstd) of qcow2 layers.
 *
 * A cluster is good when exactly one cluster of output came out; input that is left over is allowed,
 * and so is a deflate stream that would go on, as qemu does it; a zstd frame must end with the
 * cluster.  Less output is refused.  Unlike qemu, deflate distances above 4 KiB and codes that
 * libdeflate takes but zlib does not are accepted: the bytes are determined all the same.
 */
#ifndef COPY_DECOMPRESS_H
#define COPY_DECOMPRESS_H

#include "copy/chain/chain.h"

/* Belongs to one thread. */
struct decompressor;

/* For clusters up to "max_cluster" bytes.  NULL after report_error(). */
extern struct decompressor *decompressor_open(uint32_t max_cluster);
extern void decompressor_close(struct decompressor *decompressor, uint32_t max_cluster);

/* Budget that decompressor_open() takes. */
extern size_t decompressor_memory(uint32_t max_cluster);

/*
 * Reads [host, host + length) of a layer ahead in one go, for several clusters that lie side by side.
 * At most decompressor_read_limit() bytes; more is cut.  Returns 0, or -1 after report_error().
 */
extern int decompressor_read_ahead(struct decompressor *decompressor, const struct layer *layer,
								   uint64_t host, uint64_t length);
extern size_t decompressor_read_limit(uint32_t max_cluster);

/*
 * Puts bytes [skip, skip + length) of the cluster compressed at "host" into "to".  Returns 0, or -1
 * after report_error().
 */
extern int decompressor_get(struct decompressor *decompressor, const struct layer *layer,
							uint64_t host, uint32_t compressed_length, uint32_t skip,
							uint32_t length, void *to);

#endif
