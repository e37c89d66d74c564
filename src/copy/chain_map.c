/*
 * chain_map.c
 *		Resolves who owns which guest bytes of a chain.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "budget.h"
#include "chain_map.h"
#include "fileio.h"
#include "qcow2_header.h"
#include "raw_layer.h"
#include "report.h"

#define WINDOW_GRANULES   ((uint64_t) 65536)
#define BITMAP_WORDS      (WINDOW_GRANULES / 64)
#define SLICE_BYTES       ((size_t) 65536)
#define L1_BUFFER_ENTRIES 512

/* The slice of a layer's L1 table that was read last. */
struct l1_buffer
{
	uint64_t first; /* index of the first entry */
	uint32_t count; /* 0 = nothing read yet */
	uint64_t next;  /* guest offset of the next table or data; UINT64_MAX = none */
	unsigned char entries[L1_BUFFER_ENTRIES * 8];
};

/* What a layer has given so far, for the bounds on work. */
struct layer_account
{
	uint64_t data_bytes;
	uint64_t data_bound;
	uint64_t compressed_clusters;
	uint64_t compressed_bound;
};

struct chain_map
{
	const struct chain *chain;
	bool report_zero;
	const atomic_bool *stop;
	uint64_t window_size;
	uint32_t granule_bits;
	uint64_t window_start;
	uint64_t window_end;
	uint64_t owned_granules; /* in this window */
	uint64_t owned[BITMAP_WORDS];
	struct extent *claims; /* of this window */
	struct extent *sorted;
	size_t claim_count;
	size_t next_claim;
	unsigned char *slice;
	struct l1_buffer *l1;
	struct layer_account *accounts;
	struct chain_map_totals totals;
};

/*
 * The least bytes that a compressed cluster takes: deflate never goes beyond 1032:1; a zstd frame has
 * a header of 2 bytes after its magic and 4 bytes for each block of at most 128 KiB.
 */
static uint64_t
min_compressed_length(const struct layer *layer)
{
	uint64_t cluster_size = UINT64_C(1) << layer->qcow2.cluster_bits;

	if (layer->qcow2.compression == COMPRESSION_ZLIB)
		return max_u64(cluster_size / 1032, 4);
	return 6 + 4 * divide_up(cluster_size, 128 * KIB);
}

static void
start_accounts(struct chain_map *map)
{
	for (int i = 0; i < map->chain->count; i++)
	{
		const struct layer *layer = &map->chain->layers[i];
		struct layer_account *account = &map->accounts[i];

		memset(account, 0, sizeof(*account));
		account->data_bound = UINT64_MAX;
		if (layer->format == FORMAT_QCOW2)
		{
			account->data_bound =
				align_up(layer->file_size, UINT64_C(1) << layer->qcow2.cluster_bits);
			account->compressed_bound = layer->file_size / min_compressed_length(layer) + 1;
		}
	}
}

void
chain_map_rewind(struct chain_map *map)
{
	map->window_start = 0;
	map->window_end = 0;
	map->claim_count = 0;
	map->next_claim = 0;
	memset(&map->totals, 0, sizeof(map->totals));
	for (int i = 0; i < map->chain->count; i++)
	{
		map->l1[i].count = 0;
		map->l1[i].next = 0;
	}
	start_accounts(map);
}

struct chain_map *
chain_map_open(const struct chain *chain, bool report_zero)
{
	struct chain_map *map = budget_allocate(sizeof(*map));
	size_t count = (size_t) chain->count;

	if (map == NULL)
		return NULL;
	map->chain = chain;
	map->report_zero = report_zero;
	map->granule_bits = (uint32_t) __builtin_ctzll(chain->granule);
	map->window_size = chain->granule * WINDOW_GRANULES;
	map->claims = budget_allocate(WINDOW_GRANULES * sizeof(struct extent));
	map->sorted = budget_allocate(WINDOW_GRANULES * sizeof(struct extent));
	map->slice = budget_allocate(SLICE_BYTES);
	map->l1 = budget_allocate(count * sizeof(struct l1_buffer));
	map->accounts = budget_allocate(count * sizeof(struct layer_account));
	if (map->claims == NULL || map->sorted == NULL || map->slice == NULL || map->l1 == NULL ||
		map->accounts == NULL)
	{
		chain_map_close(map);
		return NULL;
	}
	chain_map_rewind(map);
	return map;
}

void
chain_map_set_stop(struct chain_map *map, const atomic_bool *stop)
{
	map->stop = stop;
}

const struct chain_map_totals *
chain_map_get_totals(const struct chain_map *map)
{
	return &map->totals;
}

void
chain_map_close(struct chain_map *map)
{
	size_t count;

	if (map == NULL)
		return;
	count = (size_t) map->chain->count;
	budget_free(map->claims, WINDOW_GRANULES * sizeof(struct extent));
	budget_free(map->sorted, WINDOW_GRANULES * sizeof(struct extent));
	budget_free(map->slice, SLICE_BYTES);
	budget_free(map->l1, count * sizeof(struct l1_buffer));
	budget_free(map->accounts, count * sizeof(struct layer_account));
	budget_free(map, sizeof(*map));
}

/*
 * The bitmap.  Positions are granules within the window; bits beyond the last one are never asked
 * for.
 */

/* First position in [from, to) whose bit equals "value", or "to". */
static uint64_t
find_bit(const uint64_t *bitmap, uint64_t from, uint64_t to, bool value)
{
	uint64_t flip = value ? 0 : UINT64_MAX;

	while (from < to)
	{
		uint64_t word = (bitmap[from / 64] ^ flip) >> (from % 64);

		if (word != 0)
			return min_u64(from + (uint64_t) __builtin_ctzll(word), to);
		from = (from / 64 + 1) * 64;
	}
	return to;
}

static void
set_bits(uint64_t *bitmap, uint64_t from, uint64_t to)
{
	while (from < to)
	{
		uint64_t end = min_u64((from / 64 + 1) * 64, to);
		uint64_t count = end - from;
		uint64_t mask = count == 64 ? UINT64_MAX : ((UINT64_C(1) << count) - 1) << (from % 64);

		bitmap[from / 64] |= mask;
		from = end;
	}
}

/* Appends a claim, or lengthens the last one if it goes on there. */
static void
append_claim(struct chain_map *map, const struct extent *claim)
{
	if (map->claim_count > 0)
	{
		struct extent *last = &map->claims[map->claim_count - 1];

		if (last->layer == claim->layer && last->kind == claim->kind &&
			last->start + last->length == claim->start &&
			(claim->kind == EXTENT_ZERO ||
			 (claim->kind == EXTENT_DATA && last->host + last->length == claim->host)))
		{
			last->length += claim->length;
			return;
		}
	}
	map->claims[map->claim_count++] = *claim;
}

static int
account_claim(struct chain_map *map, const struct extent *claim)
{
	struct layer_account *account = &map->accounts[claim->layer];
	const struct layer *layer = &map->chain->layers[claim->layer];

	if (claim->kind == EXTENT_DATA)
	{
		account->data_bytes += claim->length;
		if (account->data_bytes > account->data_bound)
			return report_error(REPORT_REFUSED, 0, layer->index, layer->path, claim->host,
								"tables refer to more data than the file of %" PRIu64
								" bytes holds",
								layer->file_size);
	}
	else if (claim->kind == EXTENT_COMPRESSED)
	{
		account->compressed_clusters++;
		if (account->compressed_clusters >
			account->compressed_bound *
				((UINT64_C(1) << layer->qcow2.cluster_bits) / map->chain->granule))
			return report_error(REPORT_REFUSED, 0, layer->index, layer->path, claim->host,
								"tables refer to more compressed clusters than the file of %" PRIu64
								" bytes can hold",
								layer->file_size);
	}
	return 0;
}

/*
 * Claims for a layer what nobody above owns of [start, start + length).  The range lies inside the
 * window.  "extent" tells kind, layer, and "host" for the byte at "start" (for a compressed cluster,
 * for all of it).
 */
static int
claim_range(struct chain_map *map, struct extent claim)
{
	uint64_t end = claim.start + claim.length;
	uint64_t base = claim.host;
	uint64_t start = claim.start;
	uint64_t from = (start - map->window_start) >> map->granule_bits;
	uint64_t to = (end - map->window_start + map->chain->granule - 1) >> map->granule_bits;

	while ((from = find_bit(map->owned, from, to, false)) < to)
	{
		uint64_t next = find_bit(map->owned, from, to, true);

		claim.start = max_u64(map->window_start + (from << map->granule_bits), start);
		claim.length = min_u64(map->window_start + (next << map->granule_bits), end) - claim.start;
		claim.host = claim.kind == EXTENT_DATA ? base + (claim.start - start) : base;
		set_bits(map->owned, from, next);
		map->owned_granules += next - from;
		if (account_claim(map, &claim) != 0)
			return -1;
		if (claim.kind != EXTENT_ZERO || map->report_zero)
			append_claim(map, &claim);
		from = next;
	}
	return 0;
}

/* Data at "host": what lies past the end of the file reads as zero and costs nothing. */
static int
claim_data(struct chain_map *map, const struct layer *layer, uint64_t start, uint64_t length,
		   uint64_t host)
{
	struct extent claim = {.start = start,
						   .length = length,
						   .host = host,
						   .layer = (int16_t) layer->index,
						   .kind = EXTENT_DATA};
	uint64_t inside = 0;

	if (host < layer->file_size)
		inside = min_u64(align_up(layer->file_size - host, map->chain->granule), length);
	if (inside > 0)
	{
		claim.length = inside;
		if (claim_range(map, claim) != 0)
			return -1;
	}
	if (inside < length)
	{
		claim.kind = EXTENT_ZERO;
		claim.start = start + inside;
		claim.length = length - inside;
		claim.host = 0;
		return claim_range(map, claim);
	}
	return 0;
}

static int
refuse_entry(const struct layer *layer, uint64_t entry_offset, uint64_t entry, const char *message)
{
	return report_error(REPORT_REFUSED, 0, layer->index, layer->path, entry_offset,
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
		if (claim.host >= layer->file_size)
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
		if (file_read_zero_filled(layer->fd, map->slice, length, offset) != 0)
			return report_io_error(errno, layer->index, layer->path, offset,
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
	l1->first = index - index % L1_BUFFER_ENTRIES;
	l1->count = (uint32_t) min_u64(layer->qcow2.l1_entries - l1->first, L1_BUFFER_ENTRIES);
	offset = layer->qcow2.l1_offset + l1->first * 8;
	if (file_read_zero_filled(layer->fd, l1->entries, (size_t) l1->count * 8, offset) != 0)
	{
		l1->count = 0;
		return report_io_error(errno, layer->index, layer->path, offset, "could not read L1 table");
	}
	return 0;
}

static uint64_t
l1_table_offset(const struct chain_map *map, const struct layer *layer, uint64_t index)
{
	const struct l1_buffer *l1 = &map->l1[layer->index];

	return load_be64(l1->entries + (index - l1->first) * 8) & QCOW2_OFFSET_MASK;
}

/* What is left for layers below in [start, end) of the window; false = all is owned. */
static bool
shrink_to_unowned(const struct chain_map *map, uint64_t *start, uint64_t *end)
{
	uint64_t from = (*start - map->window_start) >> map->granule_bits;
	uint64_t to = (*end - map->window_start + map->chain->granule - 1) >> map->granule_bits;
	uint64_t first = find_bit(map->owned, from, to, false);

	if (first >= to)
		return false;
	*start = max_u64(*start, map->window_start + (first << map->granule_bits));
	/* The owned end is found from behind, word by word. */
	while (to > first && (map->owned[(to - 1) / 64] >> ((to - 1) % 64) & 1) != 0)
		to--;
	*end = min_u64(*end, map->window_start + (to << map->granule_bits));
	return true;
}

static int
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
				REPORT_REFUSED, 0, layer->index, layer->path, layer->qcow2.l1_offset + index * 8,
				"L2 table offset %" PRIu64 " is not a multiple of the cluster size", table);
		if (!shrink_to_unowned(map, &low, &high))
			continue;
		if (claim_table(map, layer, table, table_guest, low, high) != 0)
			return -1;
	}
	return 0;
}

static int
resolve_raw(struct chain_map *map, const struct layer *layer, uint64_t end)
{
	uint64_t granule = map->chain->granule;
	uint64_t at = map->window_start;

	while (at < end)
	{
		uint64_t unowned_end = end;
		uint64_t start;
		uint64_t stop;
		int found;

		if (!shrink_to_unowned(map, &at, &unowned_end))
			break;
		found = raw_next_data(layer, at, unowned_end, &start, &stop);
		if (found <= 0)
			return found;
		/* Holes are kept to whole granules; data is never less than what the file has. */
		start = max_u64(align_down(start, granule), at);
		stop = min_u64(align_up(stop, granule), unowned_end);
		if (claim_data(map, layer, start, stop - start, start) != 0)
			return -1;
		at = stop;
	}
	return 0;
}

/* Guest offset at or after "from" where the layer may own something; UINT64_MAX = nowhere. */
static int
next_of_layer(struct chain_map *map, const struct layer *layer, uint64_t from)
{
	struct l1_buffer *l1 = &map->l1[layer->index];
	uint32_t coverage_bits;
	uint64_t end;

	if (l1->next > from)
		return 0;
	l1->next = UINT64_MAX;
	if (from >= layer->limit)
		return 0;
	if (layer->format == FORMAT_RAW)
	{
		uint64_t start;
		uint64_t stop;
		int found = raw_next_data(layer, from, layer->limit, &start, &stop);

		if (found > 0)
			l1->next = start;
		return found < 0 ? -1 : 0;
	}
	coverage_bits = layer->qcow2.cluster_bits + layer->qcow2.l2_bits;
	end = ((layer->limit - 1) >> coverage_bits) + 1;
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
			l1->next = max_u64(index << coverage_bits, from);
			break;
		}
	}
	return 0;
}

/* Extents of one layer come in ascending order: merges those runs until all are one. */
static void
sort_claims(struct chain_map *map)
{
	size_t count = map->claim_count;

	for (;;)
	{
		size_t at = 0;
		size_t out = 0;
		size_t runs = 0;
		struct extent *swap;

		while (at < count)
		{
			size_t left = at;
			size_t left_end = at + 1;
			size_t right;
			size_t right_end;

			while (left_end < count &&
				   map->claims[left_end - 1].start < map->claims[left_end].start)
				left_end++;
			if (left == 0 && left_end == count)
				return;
			right = left_end;
			right_end = right < count ? right + 1 : right;
			while (right_end < count &&
				   map->claims[right_end - 1].start < map->claims[right_end].start)
				right_end++;
			while (left < left_end || right < right_end)
			{
				if (right >= right_end ||
					(left < left_end && map->claims[left].start < map->claims[right].start))
					map->sorted[out++] = map->claims[left++];
				else
					map->sorted[out++] = map->claims[right++];
			}
			at = right_end;
			runs++;
		}
		swap = map->claims;
		map->claims = map->sorted;
		map->sorted = swap;
		if (runs <= 1)
			return;
	}
}

static void
add_totals(struct chain_map *map)
{
	for (size_t i = 0; i < map->claim_count; i++)
	{
		const struct extent *claim = &map->claims[i];

		if (claim->kind == EXTENT_DATA)
		{
			map->totals.data_bytes += claim->length;
			map->totals.read_bytes += claim->length;
			map->totals.extents++;
		}
		else if (claim->kind == EXTENT_COMPRESSED)
		{
			bool again = i > 0 && claim[-1].kind == EXTENT_COMPRESSED &&
						 claim[-1].layer == claim->layer && claim[-1].host == claim->host;

			map->totals.compressed_bytes += claim->length;
			map->totals.read_bytes += again ? 0 : claim->compressed_length;
			map->totals.extents++;
			map->totals.has_compressed = true;
		}
	}
}

/* Resolves the next window that has anything.  Returns 1, 0 at the end, -1 after report_error(). */
static int
resolve_window(struct chain_map *map)
{
	const struct chain *chain = map->chain;
	uint64_t next = UINT64_MAX;
	uint64_t granules;

	if (map->stop != NULL && atomic_load_explicit(map->stop, memory_order_relaxed))
		return report_error(REPORT_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled");
	for (int i = 0; i < chain->count; i++)
	{
		if (next_of_layer(map, &chain->layers[i], map->window_end) != 0)
			return -1;
		next = min_u64(next, map->l1[i].next);
	}
	if (next >= chain->virtual_size)
		return 0;
	map->window_start = align_down(next, map->window_size);
	map->window_end = min_u64(map->window_start + map->window_size, chain->virtual_size);
	granules = divide_up(map->window_end - map->window_start, chain->granule);
	map->claim_count = 0;
	map->next_claim = 0;
	map->owned_granules = 0;
	memset(map->owned, 0, sizeof(map->owned));
	for (int i = chain->count - 1; i >= 0 && map->owned_granules < granules; i--)
	{
		const struct layer *layer = &chain->layers[i];
		uint64_t end = min_u64(map->window_end, layer->limit);
		int result;

		if (map->l1[i].next >= end)
			continue;
		result = layer->format == FORMAT_RAW ? resolve_raw(map, layer, end)
											 : resolve_qcow2(map, layer, end);
		if (result != 0)
			return -1;
	}
	sort_claims(map);
	add_totals(map);
	return 1;
}

int
chain_map_next(struct chain_map *map, struct extent *extent)
{
	while (map->next_claim >= map->claim_count)
	{
		int result = resolve_window(map);

		if (result <= 0)
			return result;
	}
	*extent = map->claims[map->next_claim++];
	return 1;
}
