/*
 * make_chain.h
 *		What the files of make_chain share; make_chain.c says what the program is for.
 *
 *	make_chain.c		options, what a chain's layers are, raw layers
 *	chain_clusters.c	which guest cluster of a qcow2 layer is what, and the compressed ones' streams
 *	chain_content.c		content, and its compression
 *	chain_layout.c		where everything lies in a qcow2 file, and the refcounts that this gives
 *	chain_qcow2.c		the qcow2 file
 *	chain_random.c		random numbers; memory, errors, writing
 */
#ifndef MAKE_CHAIN_H
#define MAKE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILL_LIMIT 65536 /* bytes of content written per cluster; the rest stays a hole */

/* chain_random.c: a state to save and to set back */
extern uint64_t random_state;
extern uint64_t random_u64(void);
extern uint64_t below(uint64_t limit);
extern bool percent(unsigned int probability);

extern void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
extern void *allocate(size_t count, size_t size); /* zeroed */
extern void write_at(int fd, const void *data, size_t length, uint64_t offset);
extern uint64_t divide_up(uint64_t value, uint64_t by);
extern void put32(unsigned char *to, uint32_t value); /* big-endian */
extern void put64(unsigned char *to, uint64_t value);

enum placement
{
	IN_ORDER,
	REVERSED,
	SHUFFLED,
	PLACEMENTS
};

/* A run of host clusters that belong together and may be anywhere in the file. */
typedef struct Chunk
{
	uint64_t clusters;
	uint64_t host; /* cluster number, set by place_chunks */
} Chunk;

enum cluster_kind
{
	UNALLOCATED,
	DATA,
	ZERO_PLAIN,
	ZERO_PREALLOCATED,
	PACKED,
	SUBCLUSTERS
};

/* A guest cluster that has an entry. */
typedef struct Cluster
{
	enum cluster_kind kind;
	size_t chunk;       /* where it lies */
	uint64_t offset;    /* PACKED: byte offset in the chunk */
	uint32_t bytes;     /* PACKED: length of the stream */
	uint32_t allocated; /* SUBCLUSTERS: the two bitmaps */
	uint32_t zeroes;
} Cluster;

typedef struct Layer
{
	int version;
	int cluster_bits;
	uint64_t cluster_size;
	uint64_t size;
	bool extended;
	int compression;
	int refcount_order;
	bool loose;
	enum placement placement;
	unsigned int gap_percent;
	const char *backing_name;
	const char *backing_format; /* NULL = no such extension */
	uint64_t guest_clusters;
	uint64_t l2_entries;
	uint64_t l1_needed;
	uint64_t l1_size;
	Cluster *clusters;
	Chunk *chunks;
	size_t chunk_count;
	size_t chunk_space;
	unsigned char *packed; /* compressed streams, by chunk */
	uint64_t *refcounts;
	uint64_t total; /* host clusters */
} Layer;

typedef struct Tables
{
	size_t l1;
	size_t reftable;
	uint64_t reftable_clusters;
	size_t first_refblock;
	uint64_t refblocks;
	size_t *l2;       /* chunk of every L1 entry, SIZE_MAX = none */
	size_t snapshots; /* chunk, SIZE_MAX = none */
	size_t snapshot_l1;
	size_t snapshot_l2;
	size_t snapshot_data;
} Tables;

/* chain_clusters.c: a chunk's number */
extern size_t add_chunk(Layer *layer, uint64_t clusters);
extern void choose_clusters(Layer *layer, unsigned int density, uint64_t budget);

/*
 * Compresses the clusters that shall be, into shared host clusters where the refcount width allows
 * that.  The streams are kept in memory, in order of guest address.
 */
extern void pack_clusters(Layer *layer);

/* chain_content.c: fills a buffer with noise, text that compresses, long runs, or zeroes. */
extern void make_content(unsigned char *buffer, size_t length, bool compressible);

/* The stream's length; 0: it does not fit into space.  Raw deflate has every kind of block. */
extern size_t deflate_cluster(const unsigned char *from, size_t length, unsigned char *to,
							  size_t space);
extern size_t zstd_cluster(const unsigned char *from, size_t length, unsigned char *to,
						   size_t space);

/* chain_layout.c: how many refcount blocks there are depends on the length, and the other way round. */
extern void lay_out(Layer *layer, Tables *tables);
extern uint64_t chunk_offset(const Layer *layer, size_t chunk); /* in bytes */
extern void count_reference(Layer *layer, uint64_t host, uint64_t clusters);
extern void write_refcounts(int fd, Layer *layer, const Tables *tables);

/* chain_qcow2.c */
extern void write_qcow2(const char *path, Layer *layer, unsigned int density, uint64_t budget,
						bool truncated);

#endif
