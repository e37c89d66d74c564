/*
 * chain_map_raw.c
 *		What a raw layer claims: the data that its file system tells of.
 */
#include "copy/chain/chain_map_internal.h"

int
resolve_raw(struct chain_map *map, const struct layer *layer, uint64_t end)
{
	uint64_t granule = map->chain->granule;
	uint64_t at = map->window_start;

	while (at < end)
	{
		uint64_t unowned_end = end;
		uint64_t start;
		uint64_t stop;

		if (!claims_shrink(map, &at, &unowned_end))
			break;
		if (!raw_next_data(layer, &map->l1[layer->index].known, at, unowned_end, &start, &stop))
			return 0;
		/* Holes are kept to whole granules; data is never less than what the file has. */
		start = max_u64(align_down(start, granule), at);
		stop = min_u64(align_up(stop, granule), unowned_end);
		if (claim_data(map, layer, start, stop - start, start) != 0)
			return -1;
		at = stop;
	}
	return 0;
}

void
find_next_raw(struct chain_map *map, const struct layer *layer, uint64_t from, uint64_t *next)
{
	uint64_t start;
	uint64_t stop;

	if (raw_next_data(layer, &map->l1[layer->index].known, from, layer->limit, &start, &stop))
		*next = start;
}
