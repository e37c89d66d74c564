/*
 * plan.c
 *		The first pass over a chain.
 */
#include <inttypes.h>

#include "copy/command/plan.h"
#include "copy/base/report.h"

static int
choose_size(struct plan *plan, const struct chain *chain, const struct options *options)
{
	plan->virtual_size = options->has_size ? options->size : chain->virtual_size;
	if (plan->virtual_size < chain->virtual_size)
	{
		const struct layer *last = &chain->layers[chain->count - 1];

		return report_error(COPIER_REFUSED, 0, last->shown_as, last->path, NO_OFFSET,
							"virtual size is %" PRIu64 " bytes, more than --size %" PRIu64,
							chain->virtual_size, plan->virtual_size);
	}
	return 0;
}

/* What a resumed copy, on whatever host, must find unchanged, but for the extents. */
static void
start_fingerprint(struct plan *plan, const struct chain *chain, const struct options *options)
{
	struct fingerprint *fingerprint = &plan->fingerprint;

	fingerprint_add(fingerprint, plan->virtual_size);
	fingerprint_add(fingerprint, options->output_format);
	fingerprint_add(fingerprint, options->cluster_bits);
	fingerprint_add(fingerprint, options->version);
	fingerprint_add(fingerprint, options->preallocate);
	fingerprint_add(fingerprint, options->keep_zeroes);
	for (int i = 0; i < chain->count; i++)
	{
		const struct layer *layer = &chain->layers[i];

		fingerprint_add(fingerprint, layer->format);
		/* what is the same from any host: no number of a device of ours */
		fingerprint_add(fingerprint, layer->device_identity);
		fingerprint_add(fingerprint, layer->inode);
		fingerprint_add(fingerprint, layer->file_size);
		fingerprint_add(fingerprint, layer->virtual_size);
		/* Opening a device for writing elsewhere may touch its node: its contents tell. */
		fingerprint_add(fingerprint,
						layer->is_block_device ? 0 : (uint64_t) layer->modified.tv_sec);
		fingerprint_add(fingerprint,
						layer->is_block_device ? 0 : (uint64_t) layer->modified.tv_nsec);
	}
}

static void
add_extent(struct fingerprint *fingerprint, const struct extent *extent)
{
	fingerprint_add(fingerprint, extent->start);
	fingerprint_add(fingerprint, extent->length);
	fingerprint_add(fingerprint, extent->host);
	fingerprint_add(fingerprint, (uint64_t) extent->compressed_length << 32 |
									 (uint64_t) (uint16_t) extent->layer << 8 | extent->kind);
}

int
plan_make(struct plan *plan, const struct chain *chain, struct extents *extents,
		  const struct options *options)
{
	struct extent extent;
	uint64_t end = 0; /* of the extent before */
	int result;

	memset(plan, 0, sizeof(*plan));
	if (choose_size(plan, chain, options) != 0)
		return -1;
	start_fingerprint(plan, chain, options);
	layout_start(&plan->layout, options->output_format, plan->virtual_size, options->cluster_bits,
				 options->version);
	while ((result = extents_next(extents, &extent)) > 0)
	{
		plan->runs += extent.start != end || plan->runs == 0;
		end = extent.start + extent.length;
		layout_count(&plan->layout, &extent);
		add_extent(&plan->fingerprint, &extent);
	}
	if (result < 0)
		return -1;
	plan->totals = *extents_totals(extents);
	return layout_finish(&plan->layout);
}
