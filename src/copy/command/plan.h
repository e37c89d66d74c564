/*
 * plan.h
 *		The first pass over a chain: counts what there is to copy and fixes the layout of the result.
 */
#ifndef COPY_PLAN_H
#define COPY_PLAN_H

#include "copy/chain/extents.h"
#include "copy/base/fingerprint.h"
#include "copy/output/layout.h"
#include "copy/command/options.h"

struct plan
{
	uint64_t virtual_size; /* of the result: --size, or that of the last layer */
	struct chain_map_totals totals;
	uint64_t runs; /* of guest addresses that are written, what is between them is not */
	struct layout layout;
	struct fingerprint fingerprint; /* of options, layers and every extent */
};

/* Guest bytes that are written. */
static inline uint64_t
plan_bytes(const struct plan *plan)
{
	return plan->totals.data_bytes + plan->totals.compressed_bytes;
}

/* Goes the first time over the extents.  Returns 0, or -1 after report_error(). */
extern int plan_make(struct plan *plan, const struct chain *chain, struct extents *extents,
					 const struct options *options);

#endif
