/*
 * chain_map_qcow2.c
 *		What a qcow2 layer claims: its L1 and L2 tables, each entry checked.
 */
#include <errno.h>
#include <inttypes.h>

#include "copy/chain/chain_map_internal.h"
#include "copy/base/fileio.h"
#include "copy/chain/qcow2_header.h"
#include "copy/base/report.h"

static int
refuse_entry(const struct layer *layer, uint64_t entry_offset, uint64_t entry, const char *message)
{
	return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, entry_offset,
						"L2 entry 0x%016" PRIx64 " %s", entry, message);
}

/* The part [start, end) of an extended entry's cluster that lies in window and limit. */
static int
claim_subclusters(struct chain_map *map, const struct layer *layer, uint64_t cluster,
				  uint64_t start, uint64_t end, uint64_t host, uint64_t entry, uint64_t bitmap,
				  uint64_t entry_offset)
{
	uint32_t allocated = (uint32_t) bitmap;
	uint32_t zero = (uint32_t) (bitmap >> 32);
	uint32_t bits = layer->qcow2.cluster_bits - 5;
	uint32_t first = (uint32_t) ((start - cluster) >> bits);
	uint32_t last = (uint32_t) ((end - 1 - cluster) >> bits);

	if ((allocated & zero) != 0)
		return refuse_entry(layer, entry_offset, bitmap,
							"has a subcluster that is both allocated and zero");
	if (host == 0 && allocated != 0)
		return refuse_entry(layer, entry_offset, entry,
							"has allocated subclusters without an offset");
	while (first <= last)
	{
		uint32_t next = first + 1;
		uint32_t mask = UINT32_C(1) << first;
		uint64_t from;
		uint64_t to;
		int result = 0;

		while (next <= last && ((allocated >> next & 1) != 0) == ((allocated & mask) != 0) &&
			   ((zero >> next & 1) != 0) == ((zero & mask) != 0))
			next++;
		from = max_u64(cluster + ((uint64_t) first << bits), start);
		to = min_u64(cluster + ((uint64_t) next << bits), end);
		if ((allocated & mask) != 0)
			result = claim_data(map, layer, from, to - from, host + (from - cluster));
		else if ((zero & mask) != 0)
			result = claim_range(map, (struct extent){.start = from,
													  .length = to - from,
													  .layer = (int16_t) layer->index,
													  .kind = EXTENT_ZERO});
		if (result != 0)
			return -1;
		first = next;
	}
	return 0;
}

/*
 * One L2 entry that is not all zero.  [start, end) is what window and limit leave of its cluster,
 * which begins at guest offset "cluster".
 */
static int
claim_entry(struct chain_map *map, const struct layer *layer, uint64_t cluster, uint64_t start,
			uint64_t end, const unsigned char *raw, uint64_t entry_offset)
{
	const struct qcow2_header *qcow2 = &layer->qcow2;
	uint64_t cluster_size = UINT64_C(1) << qcow2->cluster_bits;
	uint64_t entry = load_be64(raw);
	uint64_t host = entry & QCOW2_OFFSET_MASK;
	struct extent claim = {.start = start,
						   .length = end - start,
						   .layer = (int16_t) layer->index,
						   .kind = EXTENT_ZERO};

	if ((entry & QCOW2_FLAG_COMPRESSED) != 0)
	{
		uint32_t offset_bits = 62 - (qcow2->cluster_bits - 8);
		uint64_t sectors = (entry & ~(QCOW2_FLAG_COMPRESSED | QCOW2_FLAG_COPIED)) >> offset_bits;

		claim.kind = EXTENT_COMPRESSED;
		claim.host = entry & ((UINT64_C(1) << offset_bits) - 1);
		claim.compressed_length =
			(uint32_t) ((sectors + 1) * SECTOR_SIZE - (claim.host & (SECTOR_SIZE - 1)));
		/* a file may have been cut where nobody looks any more, as layers above have the guest's bytes */
		if (claim.host >= layer->file_size && claims_shrink(map, &start, &end))
			return refuse_entry(layer, entry_offset, entry,
								"has a compressed cluster past the end of the file");
		return claim_range(map, claim);
	}
	if (!is_aligned(host, cluster_size))
		return refuse_entry(layer, entry_offset, entry,
							"has an offset that is not a multiple of the cluster size");
	if (qcow2->extended_l2)
		return claim_subclusters(map, layer, cluster, start, end, host, entry, load_be64(raw + 8),
								 entry_offset);
	if ((entry & QCOW2_FLAG_ZERO) != 0)
	{
		if (qcow2->version < 3)
			return refuse_entry(layer, entry_offset, entry,
								"has the zero flag, which version 2 does not have");
		return claim_range(map, claim);
	}
	if (host == 0)
		return 0; /* unallocated, whatever the COPIED flag says */
	return claim_data(map, layer, start, end - start, host + (start - cluster));
}

/* Entries [from, to) of one L2 table; guest offsets are clipped to [low, high). */
static int
claim_table(struct chain_map *map, const struct layer *layer, uint64_t table, uint64_t table_guest,
			uint64_t low, uint64_t high)
{
	const struct qcow2_header *qcow2 = &layer->qcow2;
	uint32_t entry_size = qcow2->l2_entry_size;
	uint64_t slice_entries = SLICE_BYTES / entry_size;
	uint64_t from = (low - table_guest) >> qcow2->cluster_bits;
	uint64_t to = divide_up(high - table_guest, UINT64_C(1) << qcow2->cluster_bits);

	for (uint64_t first = from; first < to; first += slice_entries)
	{
		uint64_t count = min_u64(to - first, slice_entries);
		uint64_t offset = table + first * entry_size;
		size_t length = (size_t) count * entry_size;

		if (offset >= layer->file_size)
			break;
		if (report_if_stopped(map->stop))
			return -1;
		if (file_read_zero_filled(layer->fd, map->slice, length, offset) != 0)
			return report_io_error(errno, layer->shown_as, layer->path, offset,
								   "could not read L2 table");
		for (size_t at = 0; at < length; at += entry_size)
		{
			uint64_t cluster;
			uint64_t words[8];

			/* Most entries of a layer are empty: skip them by 64 bytes. */
			while (at + 64 <= length)
			{
				memcpy(words, map->slice + at, sizeof(words));
				if ((words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] |
					 words[7]) != 0)
					break;
				at += 64;
			}
			if (at >= length)
				break;
			memcpy(words, map->slice + at, sizeof(uint64_t));
			if (entry_size == 16)
				memcpy(words + 1, map->slice + at + 8, sizeof(uint64_t));
			else
				words[1] = 0;
			if ((words[0] | words[1]) == 0)
				continue;
			cluster = table_guest + ((first + at / entry_size) << qcow2->cluster_bits);
			if (claim_entry(map, layer, cluster, max_u64(cluster, low),
							min_u64(cluster + (UINT64_C(1) << qcow2->cluster_bits), high),
							map->slice + at, offset + at) != 0)
				return -1;
		}
	}
	return 0;
}

/* Reads the slice of the L1 table that holds entry "index". */
static int
load_l1(struct chain_map *map, const struct layer *layer, uint64_t index)
{
	struct l1_buffer *l1 = &map->l1[layer->index];
	uint64_t offset;

	if (l1->count > 0 && index >= l1->first && index < l1->first + l1->count)
		return 0;
	if (report_if_stopped(map->stop))
		return -1;
	l1->first = index - index % L1_BUFFER_ENTRIES;
	l1->count = (uint32_t) min_u64(layer->qcow2.l1_entries - l1->first, L1_BUFFER_ENTRIES);
	offset = layer->qcow2.l1_offset + l1->first * 8;
	if (file_read_zero_filled(layer->fd, l1->entries, (size_t) l1->count * 8, offset) != 0)
	{
		l1->count = 0;
		return report_io_error(errno, layer->shown_as, layer->path, offset,
							   "could not read L1 table");
	}
	return 0;
}

static uint64_t
l1_table_offset(const struct chain_map *map, const struct layer *layer, uint64_t index)
{
	const struct l1_buffer *l1 = &map->l1[layer->index];

	return load_be64(l1->entries + (index - l1->first) * 8) & QCOW2_OFFSET_MASK;
}

int
resolve_qcow2(struct chain_map *map, const struct layer *layer, uint64_t end)
{
	uint32_t coverage_bits = layer->qcow2.cluster_bits + layer->qcow2.l2_bits;
	uint64_t last = (end - 1) >> coverage_bits;

	for (uint64_t index = map->window_start >> coverage_bits; index <= last; index++)
	{
		uint64_t table_guest = index << coverage_bits;
		uint64_t low = max_u64(table_guest, map->window_start);
		uint64_t high = min_u64(table_guest + (UINT64_C(1) << coverage_bits), end);
		uint64_t table;

		if (load_l1(map, layer, index) != 0)
			return -1;
		table = l1_table_offset(map, layer, index);
		if (table == 0 || table >= layer->file_size)
			continue;
		if (!is_aligned(table, UINT64_C(1) << layer->qcow2.cluster_bits))
			return report_error(
				COPIER_REFUSED, 0, layer->shown_as, layer->path, layer->qcow2.l1_offset + index * 8,
				"L2 table offset %" PRIu64 " is not a multiple of the cluster size", table);
		if (!claims_shrink(map, &low, &high))
			continue;
		if (claim_table(map, layer, table, table_guest, low, high) != 0)
			return -1;
	}
	return 0;
}

int
find_next_qcow2(struct chain_map *map, const struct layer *layer, uint64_t from, uint64_t *next)
{
	uint32_t coverage_bits = layer->qcow2.cluster_bits + layer->qcow2.l2_bits;
	uint64_t end = ((layer->limit - 1) >> coverage_bits) + 1;

	for (uint64_t index = from >> coverage_bits; index < end; index++)
	{
		uint64_t table;

		if (layer->qcow2.l1_offset + index * 8 >= layer->file_size)
			break;
		if (load_l1(map, layer, index) != 0)
			return -1;
		table = l1_table_offset(map, layer, index);
		if (table != 0 && table < layer->file_size)
		{
			*next = max_u64(index << coverage_bits, from);
			break;
		}
	}
	return 0;
}
