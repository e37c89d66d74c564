/*
 * placement.h
 *		Which data cluster of a qcow2 result goes where.
 *
 * In guest order, clusters follow each other as the guest has them.  In source order they follow each
 * other as the layers' files have them, so that runs which are scattered over the guest but allocated
 * one after the other (what snapshots look like) become one run again: one call shares it.  Source
 * order needs all extents in memory.
 */
#ifndef COPY_PLACEMENT_H
#define COPY_PLACEMENT_H

#include "copy/chain/extents.h"
#include "copy/output/layout.h"

/* A piece of an extent and its place in the output. */
struct placed_piece
{
	struct extent extent;
	uint64_t skip; /* bytes of the extent before the piece */
	uint64_t length;
	uint64_t out;              /* file offset */
	uint64_t new_cluster;      /* first guest cluster that the piece begins */
	uint64_t new_clusters;     /* how many; 0 for the rest of one begun before */
	uint64_t new_clusters_out; /* file offset of the first */
};

struct placement;

/* "by_source" is possible only if extents->list is there.  NULL after report_error(). */
extern struct placement *placement_open(struct extents *extents, const struct layout *layout,
										bool by_source);

/* The next piece in ascending guest order.  1, 0 at the end, -1 after report_error(). */
extern int placement_next_in_guest_order(struct placement *placement, struct placed_piece *piece);

/* The next piece in the order in which data is to be copied. */
extern int placement_next_to_copy(struct placement *placement, struct placed_piece *piece);

/* Starts again from the first piece, of both. */
extern void placement_rewind(struct placement *placement);

extern bool placement_is_by_source(const struct placement *placement);

extern void placement_close(struct placement *placement);

#endif
