/*
 * layout.h
 *		Where everything of the result lies: a function of metadata only, never of content.
 *
 * A qcow2 result is header, refcount table, refcount blocks, L1, L2 tables, data clusters, each once
 * (docs/design/image-copy.md, "Writing qcow2").  So its exact length is known before a byte is written.
 */
#ifndef COPY_LAYOUT_H
#define COPY_LAYOUT_H

#include "copy/chain/chain_map.h"

struct layout
{
	enum image_format format;
	uint32_t version; /* qcow2: 2 for compat 0.10, 3 for compat 1.1 */
	uint32_t cluster_bits;
	uint64_t virtual_size;
	uint64_t file_length; /* bytes */

	/* counted by layout_count(); clusters that any data or compressed extent touches */
	uint64_t data_clusters;
	uint64_t l2_tables;

	/* qcow2 only, set by layout_finish(); clusters, and byte offsets in the file */
	uint64_t l1_entries;
	uint64_t l1_clusters;
	uint64_t refblock_clusters;
	uint64_t reftable_clusters;
	uint64_t total_clusters;
	uint64_t reftable_offset;
	uint64_t refblock_offset;
	uint64_t l1_offset;
	uint64_t l2_offset;
	uint64_t data_offset;

	/* running state of layout_count(): next guest cluster and table not yet counted */
	uint64_t next_cluster;
	uint64_t next_l1_index;
};

/* Starts a layout.  "cluster_bits" and "version" are for qcow2. */
extern void layout_start(struct layout *layout, enum image_format format, uint64_t virtual_size,
						 uint32_t cluster_bits, uint32_t version);

/* Counts the next extent; extents come in ascending guest order. */
extern void layout_count(struct layout *layout, const struct extent *extent);

/* Fixes all offsets.  Returns 0, or -1 after report_error() if the result can't be so large. */
extern int layout_finish(struct layout *layout);

#endif
