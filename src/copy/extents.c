/*
 * extents.c
 *		The extents of a chain, to be gone through more than once.
 */
#include <stdlib.h>

#include "budget.h"
#include "extents.h"

#define MAX_REMEMBERED ((size_t) 512 * 1024)
#define LIST_BYTES     (MAX_REMEMBERED * sizeof(struct extent))

int
extents_open(struct extents *extents, const struct chain *chain, const atomic_bool *stop)
{
	memset(extents, 0, sizeof(*extents));
	extents->map = chain_map_open(chain, false);
	if (extents->map == NULL)
		return -1;
	chain_map_set_stop(extents->map, stop);
	extents->first_pass = true;
	/* Memory that isn't used isn't resident. */
	extents->list = budget_try(LIST_BYTES);
	return 0;
}

static void
forget(struct extents *extents)
{
	budget_free(extents->list,
				extents->first_pass ? LIST_BYTES : extents->count * sizeof(struct extent));
	extents->list = NULL;
	extents->count = 0;
}

int
extents_next(struct extents *extents, struct extent *extent)
{
	int result;

	if (!extents->first_pass && extents->list != NULL)
	{
		if (extents->next >= extents->count)
			return 0;
		*extent = extents->list[extents->next++];
		return 1;
	}
	result = chain_map_next(extents->map, extent);
	if (extents->first_pass && extents->list != NULL)
	{
		if (result > 0 && extents->count < MAX_REMEMBERED)
			extents->list[extents->count++] = *extent;
		else if (result > 0)
			forget(extents);
		else if (result == 0)
			budget_shrink(extents->list, LIST_BYTES, extents->count * sizeof(struct extent));
	}
	if (result == 0)
		extents->first_pass = false;
	return result;
}

void
extents_rewind(struct extents *extents)
{
	extents->next = 0;
	if (extents->list == NULL)
		chain_map_rewind(extents->map);
}

const struct chain_map_totals *
extents_totals(const struct extents *extents)
{
	return chain_map_get_totals(extents->map);
}

void
extents_close(struct extents *extents)
{
	if (extents->list != NULL)
		forget(extents);
	chain_map_close(extents->map);
	extents->map = NULL;
}

static const struct extent *sort_list; /* only while one thread sorts, before any copying */

static int
compare_sources(const void *a, const void *b)
{
	const struct extent *left = &sort_list[*(const uint32_t *) a];
	const struct extent *right = &sort_list[*(const uint32_t *) b];

	if (left->layer != right->layer)
		return left->layer < right->layer ? -1 : 1;
	if (left->host != right->host)
		return left->host < right->host ? -1 : 1;
	return left->start < right->start ? -1 : left->start > right->start;
}

uint32_t *
extents_sort_by_source(const struct extents *extents)
{
	uint32_t *order = budget_allocate(extents->count * sizeof(uint32_t));

	if (order == NULL)
		return NULL;
	for (size_t i = 0; i < extents->count; i++)
		order[i] = (uint32_t) i;
	sort_list = extents->list;
	qsort(order, extents->count, sizeof(uint32_t), compare_sources);
	return order;
}

void
extents_free_order(const struct extents *extents, uint32_t *order)
{
	budget_free(order, extents->count * sizeof(uint32_t));
}
