/*
 * chain_map.c
 *		Goes through a chain window by window.
 */
#include "copy/base/budget.h"
#include "copy/chain/chain_map_internal.h"
#include "copy/base/report.h"

void
chain_map_rewind(struct chain_map *map)
{
	map->window_start = map->low;
	map->window_end = map->low;
	memset(&map->totals, 0, sizeof(map->totals));
	for (int i = 0; i < map->chain->count; i++)
	{
		map->l1[i].count = 0;
		map->l1[i].next = 0;
		map->l1[i].known = (struct raw_data){0};
	}
	claims_start_pass(map);
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
	map->high = chain->virtual_size;
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

uint64_t
chain_map_window_size(const struct chain_map *map)
{
	return map->window_size;
}

void
chain_map_set_range(struct chain_map *map, uint64_t low, uint64_t high)
{
	map->low = low;
	chain_map_set_end(map, high);
	chain_map_rewind(map);
}

void
chain_map_set_end(struct chain_map *map, uint64_t high)
{
	map->high = min_u64(high, map->chain->virtual_size);
}

int
chain_map_join(struct chain_map *map, const struct chain_map *other)
{
	map->totals.data_bytes += other->totals.data_bytes;
	map->totals.compressed_bytes += other->totals.compressed_bytes;
	map->totals.read_bytes += other->totals.read_bytes;
	map->totals.extents += other->totals.extents;
	map->totals.has_compressed = map->totals.has_compressed || other->totals.has_compressed;
	return claims_join(map, other);
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

/* Where the layer may own something from "from" on, into its l1->next; UINT64_MAX = nowhere. */
static int
find_next(struct chain_map *map, const struct layer *layer, uint64_t from)
{
	uint64_t *next = &map->l1[layer->index].next;

	if (*next > from)
		return 0;
	*next = UINT64_MAX;
	if (from >= layer->limit)
		return 0;
	if (layer->format == FORMAT_RAW)
	{
		find_next_raw(map, layer, from, next);
		return 0;
	}
	return find_next_qcow2(map, layer, from, next);
}

/* Resolves the next window that has anything.  Returns 1, 0 at the end, -1 after report_error(). */
static int
resolve_window(struct chain_map *map)
{
	const struct chain *chain = map->chain;
	uint64_t next = UINT64_MAX;
	uint64_t granules;

	for (int i = 0; i < chain->count; i++)
	{
		if (report_if_stopped(map->stop) || find_next(map, &chain->layers[i], map->window_end) != 0)
			return -1;
		next = min_u64(next, map->l1[i].next);
	}
	if (next >= map->high)
		return 0;
	map->window_start = align_down(next, map->window_size);
	map->window_end = min_u64(map->window_start + map->window_size, chain->virtual_size);
	granules = divide_up(map->window_end - map->window_start, chain->granule);
	claims_start_window(map);
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
	claims_sort(map);
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
