/*
 * chain.h
 *		The layers of one image, opened and checked as a chain.
 *
 * The caller names every layer, its format and its order; what a header says about its backing file
 * is compared with that and never opened (docs/design/image-copy.md, "The chain comes from the caller").
 */
#ifndef COPY_CHAIN_H
#define COPY_CHAIN_H

#include "copy/chain/layer.h"

/* One --layer of the command line. */
struct layer_option
{
	enum image_format format;
	const char *path;
	const char *backing_name; /* of --backing-name; NULL = last component of the path below */
};

struct chain
{
	int count;
	struct layer *layers;  /* layers[0] = first snapshot */
	uint64_t virtual_size; /* of the last layer */
	uint64_t granule;      /* smallest unit of ownership, 512 bytes to 2 MiB */
	uint32_t max_cluster;  /* largest cluster size, or 0 without qcow2 layers */
};

/* Where the data of layers comes from. */
enum data_source
{
	FROM_PAGE_CACHE,
	FROM_DEVICE,         /* past the page cache where files allow it */
	FROM_CACHE_OR_DEVICE /* from the cache what it holds, else past it */
};

/*
 * Opens the files of all layers for reading and reads none of their bytes; each is opened for direct I/O too where
 * "source" wants it and the file allows it.  Returns 0, or -1 after report_error(); close with chain_close() in both
 * cases.
 */
extern int chain_open_files(struct chain *chain, const struct layer_option *options, int count,
							enum data_source source);

/*
 * Reads and checks the headers and L1 tables of the opened layers, and how they fit together.  Before that
 * each is locked against writers, as qemu locks an image that it reads, until chain_close(), and refused if somebody
 * else writes to it; not with "force_share".  Ends soon after *stop becomes true (NULL = never).  0, or -1 after
 * report_error().
 */
extern int chain_read(struct chain *chain, bool force_share, const atomic_bool *stop);

/* Finds out which of the locked layers the page cache holds whole, for those whose data is read. */
extern void chain_look_at_cache(struct chain *chain);

/*
 * A chain of one image without backing file on an opened descriptor, and another one for direct
 * reading (-1 = none), which it takes over: a result to be read back, and messages call it the
 * output.  Ends soon after *stop becomes true (NULL = never).  0, or -1 after report_error(); close
 * with chain_close() in both cases.
 */
extern int chain_open_fd(struct chain *chain, int fd, int direct_fd, enum image_format format,
						 const char *path, const atomic_bool *stop);

/* Compares device, inode, size and mtime of every layer with those at opening. */
extern int chain_check_unchanged(const struct chain *chain);

extern void chain_close(struct chain *chain);

#endif
