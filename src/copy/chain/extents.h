/*
 * extents.h
 *		The data and compressed extents of a chain, to be gone through more than once.
 *
 * The first pass over the map is remembered as long as it fits into memory (half a million extents);
 * beyond that, every pass resolves the map again.
 */
#ifndef COPY_EXTENTS_H
#define COPY_EXTENTS_H

#include "copy/chain/helper_thread.h"
#include "copy/chain/chain_map.h"

struct extents
{
	struct chain_map *map;
	const struct chain *chain;
	const atomic_bool *stop;
	struct extent *list; /* all extents in guest order; NULL = not remembered */
	size_t count;        /* in the list */
	size_t next;
	bool first_pass;

	/* The first pass over the upper half of the guest's addresses, by the second thread. */
	struct helper_thread *helper;
	struct chain_map *upper_map; /* NULL = there is none */
	size_t upper_count;          /* at the end of the list, backwards */
	atomic_size_t remembered;    /* of both halves */
	atomic_bool upper_abandoned;
	bool upper_overflow; /* the list was full */
	int upper_result;    /* 0, or -1 after report_error() */
	bool joined;         /* the first pass is at the upper half, which lies in the list */
};

/* Starts the first pass.  0, or -1 after report_error(). */
extern int extents_open(struct extents *extents, const struct chain *chain,
						const atomic_bool *stop);

/*
 * Has the second thread make half of the first pass, while extents_next() makes the other.  Call before
 * the first extents_next().  Where there is no memory for it, or nothing to divide, it does nothing.
 */
extern void extents_share(struct extents *extents, struct helper_thread *helper);

/* As chain_map_next(). */
extern int extents_next(struct extents *extents, struct extent *extent);

/* Starts the next pass; the one before must have come to its end. */
extern void extents_rewind(struct extents *extents);

extern const struct chain_map_totals *extents_totals(const struct extents *extents);

/*
 * Where the remembered extents, of which there must be a list, come when sorted by layer and offset in
 * its file.  NULL after report_error().
 */
extern uint32_t *extents_sort_by_source(const struct extents *extents);

/* Gives that back, before extents_close(); NULL is allowed. */
extern void extents_free_order(const struct extents *extents, uint32_t *order);

extern void extents_close(struct extents *extents);

#endif
