/*
 * chain_map_internal.h
 *		What the files of the chain map share.
 *
 * chain_map.c goes through the windows and asks the layers of each, the last one first; chain_map_qcow2.c
 * and chain_map_raw.c say what a layer has there; chain_map_claims.c gives each granule of the window to
 * the first who claims it, and bounds what a layer can make us do.
 */
#ifndef COPY_CHAIN_MAP_INTERNAL_H
#define COPY_CHAIN_MAP_INTERNAL_H

#include "copy/chain/chain_map.h"
#include "copy/chain/raw_layer.h"

#define WINDOW_GRANULES   ((uint64_t) 65536)
#define BITMAP_WORDS      (WINDOW_GRANULES / 64)
#define SLICE_BYTES       ((size_t) 65536)
#define L1_BUFFER_ENTRIES 512

/* The slice of a layer's L1 table that was read last, or what was found last in a raw layer. */
struct l1_buffer
{
	uint64_t first; /* index of the first entry */
	uint32_t count; /* 0 = nothing read yet */
	uint64_t next;  /* guest offset of the next table or data; UINT64_MAX = none */
	struct raw_data known;
	unsigned char entries[L1_BUFFER_ENTRIES * 8];
};

/* What a layer has given so far, for the bounds on work. */
struct layer_account
{
	uint64_t data_bytes;
	uint64_t data_bound;
	uint64_t compressed_clusters;
	uint64_t compressed_bound;
};

struct chain_map
{
	const struct chain *chain;
	bool report_zero;
	const atomic_bool *stop;
	uint64_t window_size;
	uint64_t low; /* guest bytes [low, high) are gone through */
	uint64_t high;
	uint32_t granule_bits;
	uint64_t window_start;
	uint64_t window_end;
	uint64_t owned_granules; /* in this window */
	uint64_t owned[BITMAP_WORDS];
	struct extent *claims; /* of this window */
	struct extent *sorted;
	size_t claim_count;
	size_t next_claim;
	unsigned char *slice;
	struct l1_buffer *l1;
	struct layer_account *accounts;
	struct chain_map_totals totals;
};

/* Forgets all claims and accounts. */
extern void claims_start_pass(struct chain_map *map);

/* Adds the accounts of another map of the same chain.  As claim_range() about too large claims. */
extern int claims_join(struct chain_map *map, const struct chain_map *other);

/* Nothing is owned in the window that now lies at [window_start, window_end). */
extern void claims_start_window(struct chain_map *map);

/*
 * Claims for a layer what nobody above owns of [start, start + length).  The range lies inside the
 * window.  The claim tells kind, layer, and "host" for the byte at "start" (for a compressed cluster,
 * for all of it).  0, or -1 after report_error() if the layer claims more than its file can hold.
 */
extern int claim_range(struct chain_map *map, struct extent claim);

/*
 * Claims data at "host" as claim_range() does; what lies past the end of the file reads as zero and
 * costs nothing.
 */
extern int claim_data(struct chain_map *map, const struct layer *layer, uint64_t start,
					  uint64_t length, uint64_t host);

/* Shrinks [start, end) of the window to what is left for layers below; false = all is owned. */
extern bool claims_shrink(const struct chain_map *map, uint64_t *start, uint64_t *end);

/* Sorts the window's claims, which come layer by layer, by guest offset. */
extern void claims_sort(struct chain_map *map);

/*
 * Claims what the layer has in the window before "end", a guest offset.  0, or -1 after
 * report_error().
 */
extern int resolve_qcow2(struct chain_map *map, const struct layer *layer, uint64_t end);
extern int resolve_raw(struct chain_map *map, const struct layer *layer, uint64_t end);

/*
 * *next becomes the guest offset at or after "from", which is below the layer's limit, where the layer
 * may own something; without one it stays as it is.  find_next_qcow2: 0, or -1 after report_error().
 */
extern int find_next_qcow2(struct chain_map *map, const struct layer *layer, uint64_t from,
						   uint64_t *next);
extern void find_next_raw(struct chain_map *map, const struct layer *layer, uint64_t from,
						  uint64_t *next);

#endif
