/*
 * extents.c
 *		The extents of a chain, to be gone through more than once.
 */
#include <stdlib.h>

#include "copy/base/budget.h"
#include "copy/chain/extents.h"

#ifndef MAX_REMEMBERED /* fuzzed with fewer */
#define MAX_REMEMBERED ((size_t) 512 * 1024)
#endif
#define LIST_BYTES  (MAX_REMEMBERED * sizeof(struct extent))
#define UPPER_BYTES (8 * MIB) /* at least what a second map needs */

int
extents_open(struct extents *extents, const struct chain *chain, const atomic_bool *stop)
{
	memset(extents, 0, sizeof(*extents));
	extents->chain = chain;
	extents->stop = stop;
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

/* The second thread: fills the list from its end. */
static void
read_upper_half(void *argument)
{
	struct extents *extents = argument;
	struct extent extent;
	int result = 0;

	while (!atomic_load_explicit(&extents->upper_abandoned, memory_order_relaxed) &&
		   (result = chain_map_next(extents->upper_map, &extent)) > 0)
	{
		if (atomic_fetch_add(&extents->remembered, 1) >= MAX_REMEMBERED)
		{
			extents->upper_overflow = true;
			return;
		}
		extents->list[MAX_REMEMBERED - ++extents->upper_count] = extent;
	}
	extents->upper_result = result;
}

void
extents_share(struct extents *extents, struct helper_thread *helper)
{
	uint64_t size = extents->chain->virtual_size;
	uint64_t middle = align_up(size / 2, chain_map_window_size(extents->map));

	if (extents->list == NULL || middle >= size || budget_left() < UPPER_BYTES)
		return;
	extents->upper_map = chain_map_open(extents->chain, false);
	if (extents->upper_map == NULL)
		return;
	chain_map_set_stop(extents->upper_map, extents->stop);
	chain_map_set_range(extents->upper_map, middle, size);
	chain_map_set_end(extents->map, middle);
	extents->helper = helper;
	helper_thread_run(helper, read_upper_half, extents);
}

/* Ends the second thread's pass.  If it isn't "wanted", this thread goes on to the end by itself. */
static void
end_upper_half(struct extents *extents, bool wanted)
{
	if (extents->upper_map == NULL)
		return;
	atomic_store(&extents->upper_abandoned, !wanted);
	helper_thread_wait(extents->helper);
	chain_map_set_end(extents->map, extents->chain->virtual_size);
	if (wanted && !extents->upper_overflow)
		return;
	chain_map_close(extents->upper_map);
	extents->upper_map = NULL;
}

/* What the second thread has found comes behind what this one has.  1, or -1 after report_error(). */
static int
join_halves(struct extents *extents)
{
	struct extent *upper = extents->list + MAX_REMEMBERED - extents->upper_count;
	int result = extents->upper_result;

	if (result == 0)
		result = chain_map_join(extents->map, extents->upper_map);
	chain_map_close(extents->upper_map);
	extents->upper_map = NULL;
	if (result != 0)
		return -1;
	for (size_t i = 0; i < extents->upper_count / 2; i++)
	{
		struct extent swapped = upper[i];

		upper[i] = upper[extents->upper_count - 1 - i];
		upper[extents->upper_count - 1 - i] = swapped;
	}
	memmove(extents->list + extents->count, upper, extents->upper_count * sizeof(struct extent));
	extents->next = extents->count;
	extents->count += extents->upper_count;
	extents->joined = true;
	return 1;
}

static int
end_first_pass(struct extents *extents)
{
	extents->first_pass = false;
	if (extents->list != NULL)
		budget_shrink(extents->list, LIST_BYTES, extents->count * sizeof(struct extent));
	return 0;
}

/* The next extent of the first pass. */
static int
first_next(struct extents *extents, struct extent *extent)
{
	int result = extents->joined ? 0 : chain_map_next(extents->map, extent);

	if (result < 0)
		return -1;
	if (result > 0)
	{
		if (extents->list == NULL)
			return 1;
		if (atomic_fetch_add(&extents->remembered, 1) < MAX_REMEMBERED)
			extents->list[extents->count++] = *extent;
		else
		{
			end_upper_half(extents, false);
			forget(extents);
		}
		return 1;
	}
	if (extents->upper_map != NULL)
	{
		end_upper_half(extents, true);
		if (extents->upper_map == NULL)
		{
			/* There were too many to remember. */
			forget(extents);
			return first_next(extents, extent);
		}
		if (join_halves(extents) < 0)
			return -1;
	}
	if (!extents->joined || extents->next >= extents->count)
		return end_first_pass(extents);
	*extent = extents->list[extents->next++];
	return 1;
}

int
extents_next(struct extents *extents, struct extent *extent)
{
	if (extents->first_pass)
		return first_next(extents, extent);
	if (extents->list != NULL)
	{
		if (extents->next >= extents->count)
			return 0;
		*extent = extents->list[extents->next++];
		return 1;
	}
	return chain_map_next(extents->map, extent);
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
	end_upper_half(extents, false);
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
