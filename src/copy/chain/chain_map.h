/*
 * chain_map.h
 *		Resolves who owns which guest bytes of a chain: the core of every subcommand.
 *
 * One pass gives the extents in ascending guest order.  Guest addresses are resolved window by
 * window, from the last layer down; in each window a bitmap remembers what is owned, so that the
 * first owner wins, each table entry is read at most once, and the cost is that of the tables that
 * exist, not of layers times extents.  Memory: about 5 MiB whatever the chain.
 */
#ifndef COPY_CHAIN_MAP_H
#define COPY_CHAIN_MAP_H

#include "copy/chain/chain.h"

enum extent_kind
{
	EXTENT_HOLE,      /* no layer says anything: reads as zero */
	EXTENT_ZERO,      /* a layer says zero, or the data lies past the end of its file */
	EXTENT_DATA,      /* at "host" in the layer's file */
	EXTENT_COMPRESSED /* part of the cluster compressed at "host" */
};

struct extent
{
	uint64_t start;             /* guest offset */
	uint64_t length;            /* bytes; a compressed extent never leaves its cluster */
	uint64_t host;              /* file offset */
	uint32_t compressed_length; /* bytes at most, for EXTENT_COMPRESSED */
	int16_t layer;              /* NO_LAYER for a hole */
	uint8_t kind;               /* enum extent_kind */
};

struct chain_map;

/* What a whole pass has added up. */
struct chain_map_totals
{
	uint64_t data_bytes;       /* guest bytes of EXTENT_DATA */
	uint64_t compressed_bytes; /* guest bytes of EXTENT_COMPRESSED */
	uint64_t read_bytes;       /* bytes to read from the layers */
	uint64_t extents;          /* data and compressed */
	bool has_compressed;
};

/*
 * Starts a pass.  With "report_zero", zero extents are returned too, otherwise only data and
 * compressed ones; holes are never returned.  Returns NULL after report_error().
 */
extern struct chain_map *chain_map_open(const struct chain *chain, bool report_zero);

/* Makes chain_map_next() stop with COPIER_CANCELLED soon after *stop becomes true. */
extern void chain_map_set_stop(struct chain_map *map, const atomic_bool *stop);

/* Offsets at which a map can be divided are multiples of this. */
extern uint64_t chain_map_window_size(const struct chain_map *map);

/* Starts again, for the guest bytes from "low" up to "high" only. */
extern void chain_map_set_range(struct chain_map *map, uint64_t low, uint64_t high);

/*
 * The map comes to its end at "high" from now on.  If it has been at its end, it goes on where that
 * was.
 */
extern void chain_map_set_end(struct chain_map *map, uint64_t high);

/*
 * Adds what another map of the same chain found elsewhere to the totals.  0, or -1 after
 * report_error() if a layer claims more in both than its file can hold.
 */
extern int chain_map_join(struct chain_map *map, const struct chain_map *other);

/* Returns 1 with the next extent, 0 at the end, -1 after report_error(). */
extern int chain_map_next(struct chain_map *map, struct extent *extent);

extern const struct chain_map_totals *chain_map_get_totals(const struct chain_map *map);

/* Starts again from the first guest offset. */
extern void chain_map_rewind(struct chain_map *map);

extern void chain_map_close(struct chain_map *map);

#endif
