/*
 * layer.h
 *		One opened image of the chain: its descriptors, identity and sizes.
 */
#ifndef COPY_LAYER_H
#define COPY_LAYER_H

#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "copy/base/common.h"

enum compression_type
{
	COMPRESSION_ZLIB = 0,
	COMPRESSION_ZSTD = 1
};

/* What a qcow2 header says, checked (docs/design/image-copy.md, "Reading qcow2"). */
struct qcow2_header
{
	uint32_t version;       /* 2 or 3 */
	uint32_t cluster_bits;  /* 9 to 21 */
	uint32_t l2_bits;       /* entries in an L2 table, as a power of two */
	uint32_t l2_entry_size; /* 8, or 16 with extended L2 entries */
	bool extended_l2;
	enum compression_type compression;
	uint64_t l1_offset;
	uint64_t l1_entries; /* that the virtual size needs; the table may be longer */
	uint64_t incompatible_features;
	uint32_t snapshot_count;
	bool has_bitmaps;
	char backing_name[1024]; /* "" = none */
	char backing_format[32]; /* "" = not said */
};

struct layer
{
	int index;    /* 0 = first snapshot */
	int shown_as; /* in messages: the index, or OUTPUT_IMAGE when a result is read back */
	enum image_format format;
	const char *path;          /* of the command line */
	const char *expected_name; /* of the layer below; NULL for the first layer */
	int fd;                    /* buffered; -1 when closed */
	int direct_fd;             /* O_DIRECT; -1 where there is none or it is not wanted */
	uint32_t direct_alignment; /* of offset, length and memory; 0 without direct_fd */
	bool cache_known;          /* page_cache_read() has an answer, and is asked */
	bool cached_whole;         /* chain_look_at_cache() has found all of it in the page cache */
	bool is_block_device;

	/* identity at the time of opening */
	dev_t device;
	ino_t inode;
	uint64_t device_identity; /* file_device_identity(); 0 for a file */
	uint64_t file_size;       /* bytes of the file or device */
	struct timespec modified;

	uint64_t virtual_size; /* bytes, a multiple of 512 */

	/*
	 * Guest bytes from 0 that this layer and those below can still give: the smallest virtual size
	 * of this layer and those above it.  What lies beyond reads as zero (short backing rule).
	 */
	uint64_t limit;

	bool reflink; /* blocks can be shared with the output */
	bool remote;  /* the file server copies to the output (copy_file_range) */

	struct qcow2_header qcow2; /* for FORMAT_QCOW2 */
};

#endif
