/*
 * plan.c
 *		The first pass over a chain.
 */
#include <inttypes.h>

#include "plan.h"
#include "report.h"

static int
choose_size(struct plan *plan, const struct chain *chain, const struct options *options)
{
	const struct layer *last = &chain->layers[chain->count - 1];

	plan->virtual_size = options->has_size ? options->size : chain->virtual_size;
	if (plan->virtual_size < chain->virtual_size)
		return report_error(REPORT_REFUSED, 0, last->index, last->path, NO_OFFSET,
							"virtual size is %" PRIu64 " bytes, more than --size %" PRIu64,
							chain->virtual_size, plan->virtual_size);
	return 0;
}

int
plan_make(struct plan *plan, const struct chain *chain, struct chain_map *map,
		  const struct options *options)
{
	struct extent extent;
	int result;

	memset(plan, 0, sizeof(*plan));
	if (choose_size(plan, chain, options) != 0)
		return -1;
	layout_start(&plan->layout, options->output_format, plan->virtual_size, options->cluster_bits,
				 options->version);
	while ((result = chain_map_next(map, &extent)) > 0)
		layout_count(&plan->layout, &extent);
	if (result < 0)
		return -1;
	plan->totals = *chain_map_get_totals(map);
	return layout_finish(&plan->layout);
}
