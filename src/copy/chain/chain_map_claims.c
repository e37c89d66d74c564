/*
 * chain_map_claims.c
 *		Who owns which granules of a window, and what each layer has claimed so far.
 */
#include <inttypes.h>

#include "copy/chain/chain_map_internal.h"
#include "copy/base/report.h"

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

void
claims_start_pass(struct chain_map *map)
{
	map->claim_count = 0;
	map->next_claim = 0;
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
claims_start_window(struct chain_map *map)
{
	map->claim_count = 0;
	map->next_claim = 0;
	map->owned_granules = 0;
	memset(map->owned, 0, sizeof(map->owned));
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

/* "host" is where the last claim lies. */
static int
check_account(const struct chain_map *map, int index, uint64_t host)
{
	const struct layer_account *account = &map->accounts[index];
	const struct layer *layer = &map->chain->layers[index];

	if (account->data_bytes > account->data_bound)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, host,
							"tables refer to more data than the file of %" PRIu64 " bytes holds",
							layer->file_size);
	/* a cluster may come in as many pieces as it has granules */
	if (account->compressed_clusters > 0 &&
		account->compressed_clusters /
				((UINT64_C(1) << layer->qcow2.cluster_bits) / map->chain->granule) >
			account->compressed_bound)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, host,
							"tables refer to more compressed clusters than the file of %" PRIu64
							" bytes can hold",
							layer->file_size);
	return 0;
}

static int
account_claim(struct chain_map *map, const struct extent *claim)
{
	struct layer_account *account = &map->accounts[claim->layer];

	if (claim->kind == EXTENT_DATA)
		account->data_bytes += claim->length;
	else if (claim->kind == EXTENT_COMPRESSED)
		account->compressed_clusters++;
	else
		return 0;
	return check_account(map, claim->layer, claim->host);
}

int
claims_join(struct chain_map *map, const struct chain_map *other)
{
	for (int i = 0; i < map->chain->count; i++)
	{
		map->accounts[i].data_bytes += other->accounts[i].data_bytes;
		map->accounts[i].compressed_clusters += other->accounts[i].compressed_clusters;
		if (check_account(map, i, NO_OFFSET) != 0)
			return -1;
	}
	return 0;
}

int
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

int
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

bool
claims_shrink(const struct chain_map *map, uint64_t *start, uint64_t *end)
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

/* Extents of one layer come in ascending order: merges those runs until all are one. */
void
claims_sort(struct chain_map *map)
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
