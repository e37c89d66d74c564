/*
 * layout.c
 *		Where everything of the result lies.
 */
#include <inttypes.h>

#include "copy/output/layout.h"
#include "copy/chain/qcow2_header.h"
#include "copy/base/report.h"

void
layout_start(struct layout *layout, enum image_format format, uint64_t virtual_size,
			 uint32_t cluster_bits, uint32_t version)
{
	memset(layout, 0, sizeof(*layout));
	layout->format = format;
	layout->virtual_size = virtual_size;
	layout->cluster_bits = cluster_bits;
	layout->version = version;
}

void
layout_count(struct layout *layout, const struct extent *extent)
{
	uint32_t l2_bits = layout->cluster_bits - 3;
	uint64_t first = extent->start >> layout->cluster_bits;
	uint64_t end = ((extent->start + extent->length - 1) >> layout->cluster_bits) + 1;
	uint64_t first_table;
	uint64_t end_table;

	if (layout->format == FORMAT_RAW)
		return;
	first = max_u64(first, layout->next_cluster);
	if (first >= end)
		return;
	layout->data_clusters += end - first;
	layout->next_cluster = end;
	first_table = max_u64(first >> l2_bits, layout->next_l1_index);
	end_table = ((end - 1) >> l2_bits) + 1;
	if (first_table < end_table)
	{
		layout->l2_tables += end_table - first_table;
		layout->next_l1_index = end_table;
	}
}

int
layout_finish(struct layout *layout)
{
	uint64_t cluster_size = UINT64_C(1) << layout->cluster_bits;
	uint64_t total = 0;

	layout->next_cluster = 0;
	layout->next_l1_index = 0;
	if (layout->format == FORMAT_RAW)
	{
		layout->file_length = layout->virtual_size;
		return 0;
	}
	layout->l1_entries = divide_up(divide_up(layout->virtual_size, cluster_size), cluster_size / 8);
	if (layout->l1_entries * 8 > QCOW2_MAX_L1_BYTES)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"a qcow2 image of %" PRIu64 " bytes needs clusters larger than %" PRIu64
							" bytes; give a larger --cluster-size",
							layout->virtual_size, cluster_size);
	layout->l1_clusters = divide_up(layout->l1_entries * 8, cluster_size);
	layout->refblock_clusters = 1;
	layout->reftable_clusters = 1;
	for (;;)
	{
		uint64_t blocks;
		uint64_t tables;

		total = 1 + layout->reftable_clusters + layout->refblock_clusters + layout->l1_clusters +
				layout->l2_tables + layout->data_clusters;
		blocks = divide_up(total, cluster_size / 2);
		tables = divide_up(blocks * 8, cluster_size);
		if (blocks == layout->refblock_clusters && tables == layout->reftable_clusters)
			break;
		layout->refblock_clusters = max_u64(blocks, layout->refblock_clusters);
		layout->reftable_clusters = max_u64(tables, layout->reftable_clusters);
		if (blocks < layout->refblock_clusters || tables < layout->reftable_clusters)
			break; /* one more block than needed is harmless and ends the search */
	}
	if (layout->reftable_clusters > QCOW2_MAX_REFTABLE_BYTES >> layout->cluster_bits)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"a qcow2 image with %" PRIu64
							" clusters needs clusters larger than %" PRIu64
							" bytes; give a larger --cluster-size",
							total, cluster_size);
	layout->total_clusters = total;
	layout->reftable_offset = cluster_size;
	layout->refblock_offset = layout->reftable_offset + layout->reftable_clusters * cluster_size;
	layout->l1_offset = layout->refblock_offset + layout->refblock_clusters * cluster_size;
	layout->l2_offset = layout->l1_offset + layout->l1_clusters * cluster_size;
	layout->data_offset = layout->l2_offset + layout->l2_tables * cluster_size;
	layout->file_length = total << layout->cluster_bits;
	return 0;
}
