/*
 * make_chain.c
 *		Writes a random but valid snapshot chain of raw and qcow2 files, byte by byte.
 *
 *		make_chain SEED DIR [key=value …]
 *
 * The same seed gives the same chain.  It writes layouts that qemu-img never would: clusters and
 * tables in any order with gaps between them, preallocated zero clusters, every refcount width, raw
 * deflate of every block type, several zstd frames, subcluster bitmaps of every kind, tables and
 * data cut off by the end of the file.  Apart from "loose" ones the images are clean for
 * qemu-img check, which generated.t uses to check this program.
 *
 * Standard output: one line "FORMAT NAME VIRTUAL_SIZE notes" for each layer, first layer first.
 *
 * Keys: layers=N, size=BYTES, cluster_bits=N, version=2|3, extended=0|1, compression=none|zlib|zstd,
 * density=PERCENT, base=raw|qcow2, truncate=0|1, loose=0|1.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define COPIED     (UINT64_C(1) << 63)
#define COMPRESSED (UINT64_C(1) << 62)
#define ZERO_FLAG  UINT64_C(1)
#define FILL_LIMIT 65536 /* bytes of content written per cluster; the rest stays a hole */

/* ---------- random numbers, memory, errors ---------- */

static uint64_t random_state;

static uint64_t
random_u64(void)
{
	uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t
below(uint64_t limit)
{
	return limit == 0 ? 0 : random_u64() % limit;
}

static bool
percent(unsigned int probability)
{
	return below(100) < probability;
}

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("make_chain: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static void *
allocate(size_t count, size_t size)
{
	void *pointer = calloc(count + 1, size);

	if (pointer == NULL)
		die("out of memory");
	return pointer;
}

static void
write_at(int fd, const void *data, size_t length, uint64_t offset)
{
	const char *bytes = data;

	while (length > 0)
	{
		ssize_t n = pwrite(fd, bytes, length, (off_t) offset);

		if (n <= 0)
			die("could not write: %s", strerror(errno));
		bytes += n;
		length -= (size_t) n;
		offset += (uint64_t) n;
	}
}

static uint64_t
divide_up(uint64_t value, uint64_t by)
{
	return (value + by - 1) / by;
}

/* ---------- options of a chain and of a layer ---------- */

typedef struct Options
{
	int layers;
	int64_t size;
	int cluster_bits;
	int version;
	int extended;
	int compression; /* 0 none, 1 zlib, 2 zstd */
	int density;
	int base; /* 1 raw, 2 qcow2 */
	int truncate;
	int loose;
} Options;

static Options options = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

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

static size_t
add_chunk(Layer *layer, uint64_t clusters)
{
	if (layer->chunk_count == layer->chunk_space)
	{
		layer->chunk_space = layer->chunk_space * 2 + 64;
		layer->chunks = realloc(layer->chunks, layer->chunk_space * sizeof(Chunk));
		if (layer->chunks == NULL)
			die("out of memory");
	}
	layer->chunks[layer->chunk_count] = (Chunk){.clusters = clusters};
	return layer->chunk_count++;
}

static uint64_t
chunk_offset(const Layer *layer, size_t chunk)
{
	return layer->chunks[chunk].host * layer->cluster_size;
}

/* ---------- content ---------- */

/* Fills a buffer: noise, text that compresses, long runs, or zeroes. */
static void
make_content(unsigned char *buffer, size_t length, bool compressible)
{
	unsigned int style = compressible ? 1 + (unsigned int) below(4) : (unsigned int) below(10);

	switch (style)
	{
		case 1:
			for (size_t i = 0; i < length; i++)
				buffer[i] = (unsigned char) "snapshot chain\n0123456789abcdef"[below(31)];
			break;
		case 2:
		{
			uint64_t word = random_u64();
			size_t period = 1 + below(8);

			for (size_t i = 0; i < length; i++)
				buffer[i] = (unsigned char) (word >> (8 * (i % period)));
			break;
		}
		case 3:
			memset(buffer, 0, length);
			if (length > 0 && percent(70))
				buffer[below(length)] = (unsigned char) (1 + below(255));
			break;
		case 4:
			for (size_t i = 0; i < length; i++)
				buffer[i] = (unsigned char) (i % 4096 < 64 ? random_u64() : i >> 8);
			break;
		default:
			for (size_t i = 0; i < length; i += 8)
			{
				uint64_t word = random_u64();

				memcpy(buffer + i, &word, length - i < 8 ? length - i : 8);
			}
	}
}

/* Raw deflate with every kind of block; returns the stream's length, 0 = does not fit into space. */
static size_t
deflate_cluster(const unsigned char *from, size_t length, unsigned char *to, size_t space)
{
	static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE};
	z_stream stream = {0};
	size_t written;
	int status;

	/* qemu reads a 4 KiB window, so nothing else is a valid image */
	if (deflateInit2(&stream, (int) below(10), Z_DEFLATED, -12, 1 + (int) below(9),
					 strategies[below(4)]) != Z_OK)
		die("deflateInit2 failed");
	stream.next_in = (unsigned char *) from;
	stream.next_out = to;
	stream.avail_out = (unsigned int) space;
	if (percent(20) && length >= 2)
	{
		/* flushed in the middle: empty stored blocks in the stream */
		stream.avail_in = (unsigned int) (length / 2);
		status = deflate(&stream, percent(50) ? Z_FULL_FLUSH : Z_SYNC_FLUSH);
		if (status != Z_OK)
		{
			deflateEnd(&stream);
			return 0;
		}
		stream.avail_in += (unsigned int) (length - length / 2);
	}
	else
		stream.avail_in = (unsigned int) length;
	status = deflate(&stream, Z_FINISH);
	written = space - stream.avail_out;
	deflateEnd(&stream);
	return status == Z_STREAM_END ? written : 0;
}

static size_t
zstd_cluster(const unsigned char *from, size_t length, unsigned char *to, size_t space)
{
	size_t first = percent(20) ? length / 2 : length;
	size_t written = ZSTD_compress(to, space, from, first, 1 + (int) below(5));

	if (ZSTD_isError(written))
		return 0;
	if (first < length)
	{
		size_t more = ZSTD_compress(to + written, space - written, from + first, length - first, 1);

		if (ZSTD_isError(more))
			return 0;
		written += more;
	}
	return written;
}

/* ---------- which guest cluster is what ---------- */

static void
choose_subclusters(Cluster *cluster)
{
	uint32_t allocated = 0;
	uint32_t zeroes = 0;

	switch (below(6))
	{
		case 0:
			allocated = UINT32_MAX;
			break;
		case 1:
			zeroes = UINT32_MAX;
			break;
		case 2: /* neither: preallocated, reads the layer below */
			break;
		case 3:
			for (int i = 0; i < 32;)
			{
				uint64_t run = 1 + below(9);
				uint64_t what = below(3);

				for (; run > 0 && i < 32; run--, i++)
				{
					allocated |= what == 1 ? UINT32_C(1) << i : 0;
					zeroes |= what == 2 ? UINT32_C(1) << i : 0;
				}
			}
			break;
		default:
			allocated = (uint32_t) random_u64();
			zeroes = (uint32_t) random_u64() & ~allocated;
	}
	cluster->allocated = allocated;
	cluster->zeroes = zeroes;
}

static void
choose_clusters(Layer *layer, unsigned int density, uint64_t budget)
{
	uint64_t i = 0;
	uint64_t stride = 1 + below(20);

	if (layer->guest_clusters > 8192)
		stride *= layer->guest_clusters / 8192;
	while (i < layer->guest_clusters)
	{
		uint64_t run = 1 + below(percent(20) ? stride * 8 : stride);
		enum cluster_kind kind = UNALLOCATED;

		if (percent(density))
		{
			switch (below(10))
			{
				case 0:
					kind = layer->version >= 3 ? ZERO_PLAIN : DATA;
					break;
				case 1:
					kind = layer->version >= 3 ? ZERO_PREALLOCATED : DATA;
					break;
				case 2:
				case 3:
				case 4:
					kind = layer->compression != 0 ? PACKED : DATA;
					break;
				default:
					kind = DATA;
			}
			if (layer->extended && kind != PACKED)
				kind = SUBCLUSTERS;
		}
		for (; run > 0 && i < layer->guest_clusters; run--, i++)
		{
			uint64_t cost =
				layer->cluster_size < FILL_LIMIT ? layer->cluster_size : (uint64_t) FILL_LIMIT;

			if (kind == DATA || kind == PACKED || kind == SUBCLUSTERS)
			{
				if (budget < cost)
					continue;
				budget -= cost;
			}
			layer->clusters[i].kind = kind;
			if (kind == SUBCLUSTERS)
				choose_subclusters(&layer->clusters[i]);
			if (kind == DATA || kind == ZERO_PREALLOCATED || kind == SUBCLUSTERS)
				layer->clusters[i].chunk =
					kind == SUBCLUSTERS && layer->clusters[i].allocated == 0 && percent(50)
						? SIZE_MAX
						: add_chunk(layer, 1);
		}
	}
}

/*
 * Compresses the clusters that shall be, into shared host clusters where the refcount width allows
 * that.  The streams are kept in memory, in order of guest address.
 */
static void
pack_clusters(Layer *layer)
{
	uint64_t max_shared =
		layer->refcount_order >= 6 ? 1000 : (UINT64_C(1) << (1 << layer->refcount_order)) - 1;
	size_t space = 2 * layer->cluster_size;
	unsigned char *content = allocate(1, layer->cluster_size);
	unsigned char *stream = allocate(1, space);
	size_t length = 0;
	size_t capacity = 0;
	uint64_t fill = 0;
	uint64_t streams = 0;
	size_t chunk = SIZE_MAX;
	size_t start = 0; /* of the open chunk in layer->packed */

	if (max_shared > 1000)
		max_shared = 1000;
	for (uint64_t i = 0; i < layer->guest_clusters; i++)
	{
		Cluster *cluster = &layer->clusters[i];
		size_t bytes;

		if (cluster->kind != PACKED)
			continue;
		make_content(content, layer->cluster_size, true);
		bytes = layer->compression == 1
					? deflate_cluster(content, layer->cluster_size, stream, space - 1024)
					: zstd_cluster(content, layer->cluster_size, stream, space - 1024);
		if (bytes == 0)
		{
			cluster->kind = layer->extended ? SUBCLUSTERS : DATA;
			cluster->allocated = UINT32_MAX;
			cluster->chunk = add_chunk(layer, 1);
			continue;
		}
		if (chunk == SIZE_MAX || streams == max_shared || fill > 4 * layer->cluster_size ||
			percent(10))
		{
			chunk = add_chunk(layer, 0);
			start = length;
			/* not every stream begins at a sector */
			fill = percent(50) ? below(600) : 0;
			streams = 0;
		}
		/* the field holds at most 2^(cluster_bits-8) sectors */
		if (divide_up(fill % 512 + bytes, 512) > (UINT64_C(1) << (layer->cluster_bits - 8)))
			fill = divide_up(fill, 512) * 512;
		if (start + fill + bytes > capacity)
		{
			capacity = (start + fill + bytes) * 2 + 65536;
			layer->packed = realloc(layer->packed, capacity);
			if (layer->packed == NULL)
				die("out of memory");
		}
		if (start + fill > length)
			memset(layer->packed + length, 0xa5, start + fill - length);
		memcpy(layer->packed + start + fill, stream, bytes);
		cluster->chunk = chunk;
		cluster->offset = fill;
		cluster->bytes = (uint32_t) bytes;
		cluster->allocated = (uint32_t) start; /* where the chunk's streams are in memory */
		fill += bytes;
		length = start + fill;
		streams++;
		layer->chunks[chunk].clusters = divide_up(fill, layer->cluster_size);
	}
	free(content);
	free(stream);
}

/* ---------- where everything lies ---------- */

/* Gives every chunk its host clusters, from cluster 1 on.  Returns the number of clusters. */
static uint64_t
place_chunks(Layer *layer, const size_t *order, const unsigned char *gaps)
{
	uint64_t next = 1;

	for (size_t i = 0; i < layer->chunk_count; i++)
	{
		Chunk *chunk = &layer->chunks[order[i]];

		next += gaps[i];
		chunk->host = next;
		next += chunk->clusters;
	}
	return next;
}

static void
count_reference(Layer *layer, uint64_t host, uint64_t clusters)
{
	for (uint64_t i = 0; i < clusters; i++)
		layer->refcounts[host + i]++;
}

static void
set_refcount(unsigned char *block, uint64_t index, int order, uint64_t value)
{
	if (order < 3)
	{
		unsigned int per_byte = 8u >> order;
		unsigned int shift = (unsigned int) (index % per_byte) << order;

		block[index / per_byte] |= (unsigned char) (value << shift);
	}
	else
	{
		size_t bytes = (size_t) 1 << (order - 3);

		for (size_t i = 0; i < bytes && i < 8; i++)
			block[index * bytes + bytes - 1 - i] = (unsigned char) (value >> (8 * i));
	}
}

/* ---------- the file ---------- */

static size_t
put_extension(unsigned char *header, size_t at, uint32_t type, const void *data, uint32_t length)
{
	uint32_t word = htobe32(type);

	memcpy(header + at, &word, 4);
	word = htobe32(length);
	memcpy(header + at + 4, &word, 4);
	memcpy(header + at + 8, data, length);
	return at + 8 + (length + 7) / 8 * 8;
}

static void
put32(unsigned char *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, 4);
}

static void
put64(unsigned char *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, 8);
}

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

static void
write_header(int fd, const Layer *layer, const Tables *tables)
{
	unsigned char *header = allocate(1, layer->cluster_size);
	size_t at = 72;
	bool dirty = layer->version >= 3 && percent(10);

	memcpy(header, "QFI\xfb", 4);
	put32(header + 4, (uint32_t) layer->version);
	put32(header + 20, (uint32_t) layer->cluster_bits);
	put64(header + 24, layer->size);
	put32(header + 36, (uint32_t) layer->l1_size);
	put64(header + 40, chunk_offset(layer, tables->l1));
	put64(header + 48, chunk_offset(layer, tables->reftable));
	put32(header + 56, (uint32_t) tables->reftable_clusters);
	if (tables->snapshots != SIZE_MAX)
	{
		put32(header + 60, 1);
		put64(header + 64, chunk_offset(layer, tables->snapshots));
	}
	if (layer->version >= 3)
	{
		uint64_t incompatible =
			(dirty ? 1 : 0) | (layer->compression == 2 ? 8 : 0) | (layer->extended ? 16 : 0);

		put64(header + 72, incompatible);
		put64(header + 80, dirty || percent(10) ? 1 : 0);       /* lazy refcounts */
		put64(header + 88, percent(5) ? UINT64_C(1) << 40 : 0); /* unknown autoclear bit */
		put32(header + 96, (uint32_t) layer->refcount_order);
		at = layer->compression == 2 || percent(50) ? 112 : 104;
		put32(header + 100, (uint32_t) at);
		header[104] = layer->compression == 2 ? 1 : 0;
	}
	if (layer->backing_format != NULL)
		at = put_extension(header, at, 0xe2792aca, layer->backing_format,
						   (uint32_t) strlen(layer->backing_format));
	if (layer->version >= 3 && layer->cluster_size >= 1024 && percent(50))
	{
		unsigned char features[96] = {0, 0, 'd', 'i', 'r', 't', 'y'};

		features[48] = 1;
		memcpy(features + 50, "lazy refcounts", 14);
		at = put_extension(header, at, 0x6803f857, features, sizeof(features));
	}
	if (percent(15))
		at = put_extension(header, at, 0x12345678, "unknown extension", 17);
	at += 8; /* end of extensions */
	if (layer->backing_name != NULL)
	{
		size_t length = strlen(layer->backing_name);

		at += below(3) * 8;
		if (at + length > layer->cluster_size)
			die("header does not fit");
		memcpy(header + at, layer->backing_name, length);
		put64(header + 8, at);
		put32(header + 16, (uint32_t) length);
	}
	write_at(fd, header, layer->cluster_size, 0);
	free(header);
}

/* Content of one data cluster: pieces in it, the rest stays a hole. */
static void
write_data(int fd, const Layer *layer, uint64_t offset, unsigned char *buffer)
{
	uint64_t length = layer->cluster_size < FILL_LIMIT ? layer->cluster_size : FILL_LIMIT;
	uint64_t position = 0;

	if (percent(3))
		return; /* a data cluster that was never written */
	if (layer->cluster_size > length)
	{
		position = below(layer->cluster_size - length + 1);
		if (percent(50))
			position = position / 4096 * 4096;
	}
	make_content(buffer, length, false);
	write_at(fd, buffer, length, offset + position);
}

static uint64_t
entry_of(Layer *layer, const Cluster *cluster, uint64_t *bitmap)
{
	uint64_t copied = layer->loose && percent(50) ? 0 : COPIED;
	uint64_t offset = 0;
	uint64_t sectors;

	*bitmap = 0;
	switch (cluster->kind)
	{
		case UNALLOCATED:
			return 0;
		case ZERO_PLAIN:
			return ZERO_FLAG;
		case ZERO_PREALLOCATED:
			return chunk_offset(layer, cluster->chunk) | ZERO_FLAG | copied;
		case DATA:
			return chunk_offset(layer, cluster->chunk) | copied;
		case SUBCLUSTERS:
			*bitmap = (uint64_t) cluster->zeroes << 32 | cluster->allocated;
			if (cluster->chunk != SIZE_MAX)
				offset = chunk_offset(layer, cluster->chunk) | copied;
			return offset;
		case PACKED:
			offset = chunk_offset(layer, cluster->chunk) + cluster->offset;
			sectors = (offset + cluster->bytes - 1) / 512 - offset / 512;
			for (uint64_t host = offset / 512 * 512 / layer->cluster_size;
				 host <= (offset / 512 * 512 + sectors * 512 + 511) / layer->cluster_size; host++)
				layer->refcounts[host]++;
			return COMPRESSED | sectors << (62 - (layer->cluster_bits - 8)) | offset;
	}
	return 0;
}

static void
write_snapshot(int fd, Layer *layer, const Tables *tables, unsigned char *buffer)
{
	unsigned char record[128] = {0};
	size_t entry = layer->extended ? 16 : 8;
	uint64_t l1_entry = COPIED | chunk_offset(layer, tables->snapshot_l2);
	size_t at = 40;

	put64(record, chunk_offset(layer, tables->snapshot_l1));
	put32(record + 8, (uint32_t) layer->l1_size);
	record[13] = 1; /* length of the id */
	record[15] = 5; /* length of the name */
	if (layer->version >= 3)
	{
		record[39] = 24;
		put64(record + 48, layer->size);
		at += 24;
	}
	memcpy(record + at, "1older", 6);
	write_at(fd, record, (at + 6 + 7) / 8 * 8, chunk_offset(layer, tables->snapshots));
	put64(record, l1_entry);
	write_at(fd, record, 8, chunk_offset(layer, tables->snapshot_l1));
	memset(record, 0, entry);
	put64(record, COPIED | chunk_offset(layer, tables->snapshot_data));
	if (layer->extended)
		put64(record + 8, UINT32_MAX);
	write_at(fd, record, entry, chunk_offset(layer, tables->snapshot_l2));
	write_data(fd, layer, chunk_offset(layer, tables->snapshot_data), buffer);
	count_reference(layer, layer->chunks[tables->snapshots].host, 1);
	count_reference(layer, layer->chunks[tables->snapshot_l1].host,
					layer->chunks[tables->snapshot_l1].clusters);
	count_reference(layer, layer->chunks[tables->snapshot_l2].host, 1);
	count_reference(layer, layer->chunks[tables->snapshot_data].host, 1);
}

/* Lays the file out: how many refcount blocks there are depends on the length, and the other way round. */
static void
lay_out(Layer *layer, Tables *tables)
{
	uint64_t per_block = layer->cluster_size * 8 >> layer->refcount_order;
	size_t fixed = layer->chunk_count;
	size_t *order = NULL;
	unsigned char *gaps = NULL;
	uint64_t blocks = 1;

	for (;;)
	{
		uint64_t needed;
		uint64_t saved = random_state;

		layer->chunk_count = fixed;
		tables->reftable_clusters = divide_up(blocks * 8, layer->cluster_size);
		tables->reftable = add_chunk(layer, tables->reftable_clusters);
		tables->first_refblock = layer->chunk_count;
		for (uint64_t i = 0; i < blocks; i++)
			add_chunk(layer, 1);
		order = realloc(order, layer->chunk_count * sizeof(size_t));
		gaps = realloc(gaps, layer->chunk_count);
		if (order == NULL || gaps == NULL)
			die("out of memory");
		for (size_t i = 0; i < layer->chunk_count; i++)
		{
			order[i] = layer->placement == REVERSED ? layer->chunk_count - 1 - i : i;
			gaps[i] = percent(layer->gap_percent) ? (unsigned char) (1 + below(3)) : 0;
		}
		for (size_t i = layer->chunk_count; layer->placement == SHUFFLED && i > 1; i--)
		{
			size_t other = below(i);
			size_t swap = order[i - 1];

			order[i - 1] = order[other];
			order[other] = swap;
		}
		layer->total = place_chunks(layer, order, gaps);
		needed = divide_up(layer->total, per_block);
		if (needed <= blocks)
			break;
		blocks = needed;
		random_state = saved;
	}
	tables->refblocks = blocks;
	free(order);
	free(gaps);
}

static void
write_refcounts(int fd, Layer *layer, const Tables *tables)
{
	uint64_t per_block = layer->cluster_size * 8 >> layer->refcount_order;
	unsigned char *block = allocate(1, layer->cluster_size);
	unsigned char entry[8];

	count_reference(layer, 0, 1);
	count_reference(layer, layer->chunks[tables->reftable].host, tables->reftable_clusters);
	for (uint64_t i = 0; i < tables->refblocks; i++)
		count_reference(layer, layer->chunks[tables->first_refblock + i].host, 1);
	for (uint64_t i = 0; i < tables->refblocks; i++)
	{
		uint64_t offset = chunk_offset(layer, tables->first_refblock + i);

		memset(block, 0, layer->cluster_size);
		for (uint64_t j = 0; j < per_block && i * per_block + j < layer->total; j++)
			set_refcount(block, j, layer->refcount_order, layer->refcounts[i * per_block + j]);
		write_at(fd, block, layer->cluster_size, offset);
		put64(entry, offset);
		write_at(fd, entry, 8, chunk_offset(layer, tables->reftable) + i * 8);
	}
	free(block);
}

static void
write_tables(int fd, Layer *layer, const Tables *tables, unsigned char *buffer)
{
	size_t entry_size = layer->extended ? 16 : 8;
	unsigned char *l1 = allocate(layer->l1_size, 8);
	unsigned char *l2 = allocate(1, layer->cluster_size);

	for (uint64_t t = 0; t < layer->l1_needed; t++)
	{
		if (tables->l2[t] == SIZE_MAX)
			continue;
		memset(l2, 0, layer->cluster_size);
		for (uint64_t j = 0; j < layer->l2_entries; j++)
		{
			uint64_t guest = t * layer->l2_entries + j;
			uint64_t bitmap;
			const Cluster *cluster;

			if (guest >= layer->guest_clusters)
				break;
			cluster = &layer->clusters[guest];
			put64(l2 + j * entry_size, entry_of(layer, cluster, &bitmap));
			if (layer->extended)
				put64(l2 + j * entry_size + 8, bitmap);
			if (cluster->kind == PACKED)
				write_at(fd, layer->packed + cluster->allocated + cluster->offset, cluster->bytes,
						 chunk_offset(layer, cluster->chunk) + cluster->offset);
			else if (cluster->kind != UNALLOCATED && cluster->kind != ZERO_PLAIN &&
					 cluster->chunk != SIZE_MAX)
			{
				/* what lies in a zero or unallocated cluster must never be seen */
				write_data(fd, layer, chunk_offset(layer, cluster->chunk), buffer);
				count_reference(layer, layer->chunks[cluster->chunk].host, 1);
			}
		}
		write_at(fd, l2, layer->cluster_size, chunk_offset(layer, tables->l2[t]));
		count_reference(layer, layer->chunks[tables->l2[t]].host, 1);
		put64(l1 + t * 8,
			  chunk_offset(layer, tables->l2[t]) | (layer->loose && percent(50) ? 0 : COPIED));
	}
	write_at(fd, l1, layer->l1_size * 8, chunk_offset(layer, tables->l1));
	count_reference(layer, layer->chunks[tables->l1].host, layer->chunks[tables->l1].clusters);
	free(l1);
	free(l2);
}

static void
write_qcow2(const char *path, Layer *layer, unsigned int density, uint64_t budget, bool truncated)
{
	Tables tables = {.snapshots = SIZE_MAX};
	unsigned char *buffer = allocate(1, FILL_LIMIT);
	size_t entry_size = layer->extended ? 16 : 8;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);

	if (fd < 0)
		die("could not create %s: %s", path, strerror(errno));
	layer->cluster_size = UINT64_C(1) << layer->cluster_bits;
	layer->guest_clusters = divide_up(layer->size / 512 * 512, layer->cluster_size);
	layer->l2_entries = layer->cluster_size / entry_size;
	/* the L1 table must cover the header's size, although its odd bytes are cut off (image-copy.md §2.1) */
	layer->l1_needed = divide_up(divide_up(layer->size, layer->cluster_size), layer->l2_entries);
	layer->l1_size = layer->l1_needed + (percent(20) ? below(6) : 0);
	if (layer->l1_size == 0)
		layer->l1_size = 1;
	layer->clusters = allocate(layer->guest_clusters, sizeof(Cluster));
	tables.l1 = add_chunk(layer, divide_up(layer->l1_size * 8, layer->cluster_size));
	choose_clusters(layer, density, budget);
	pack_clusters(layer);
	tables.l2 = allocate(layer->l1_needed, sizeof(size_t));
	for (uint64_t t = 0; t < layer->l1_needed; t++)
	{
		bool used = percent(5); /* a table without entries is a table too */

		for (uint64_t j = t * layer->l2_entries;
			 !used && j < (t + 1) * layer->l2_entries && j < layer->guest_clusters; j++)
			used = layer->clusters[j].kind != UNALLOCATED;
		tables.l2[t] = used ? add_chunk(layer, 1) : SIZE_MAX;
	}
	if (layer->guest_clusters > 0 && percent(10))
	{
		tables.snapshots = add_chunk(layer, 1);
		tables.snapshot_l1 = add_chunk(layer, layer->chunks[tables.l1].clusters);
		tables.snapshot_l2 = add_chunk(layer, 1);
		tables.snapshot_data = add_chunk(layer, 1);
	}
	lay_out(layer, &tables);
	layer->refcounts = allocate(layer->total + 2, sizeof(uint64_t));

	write_tables(fd, layer, &tables, buffer);
	if (tables.snapshots != SIZE_MAX)
		write_snapshot(fd, layer, &tables, buffer);
	write_refcounts(fd, layer, &tables);
	write_header(fd, layer, &tables);
	if (truncated)
	{
		/* somewhere in the last cluster: whatever is there, a table too, reads as zeroes from here */
		uint64_t length = (layer->total - 1) * layer->cluster_size + below(layer->cluster_size);

		if (ftruncate(fd, (off_t) length) != 0)
			die("could not truncate: %s", strerror(errno));
	}
	else if (percent(50) && ftruncate(fd, (off_t) (layer->total * layer->cluster_size)) != 0)
		die("could not truncate: %s", strerror(errno));
	if (close(fd) != 0)
		die("could not close: %s", strerror(errno));
	free(tables.l2);
	free(layer->clusters);
	free(layer->chunks);
	free(layer->packed);
	free(layer->refcounts);
	free(buffer);
}

static void
write_raw(const char *path, uint64_t size, unsigned int density, uint64_t budget)
{
	unsigned char *buffer = allocate(1, FILL_LIMIT);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);

	if (fd < 0 || ftruncate(fd, (off_t) size) != 0)
		die("could not create %s: %s", path, strerror(errno));
	for (uint64_t at = 0; at < size;)
	{
		uint64_t length = 1 + below(FILL_LIMIT);

		if (percent(60))
			length = divide_up(length, 4096) * 4096;
		if (length > size - at)
			length = size - at;
		if (percent(density) && budget >= length)
		{
			make_content(buffer, length, false);
			write_at(fd, buffer, length, at);
			budget -= length;
		}
		at += length + (percent(30) ? below(size / 8 + 1) : 0);
	}
	if (close(fd) != 0)
		die("could not close: %s", strerror(errno));
	free(buffer);
}

/* ---------- the chain ---------- */

static uint64_t
choose_size(void)
{
	uint64_t size;

	switch (below(12))
	{
		case 0:
			size = below(8) * 512;
			break;
		case 1:
		case 2:
		case 3:
			size = below(256 * 1024);
			break;
		case 4:
		case 5:
		case 6:
		case 7:
			size = below(3 * 1024 * 1024);
			break;
		case 8:
			size = 64 * 1024 * 1024 + below(64 * 1024 * 1024);
			break;
		default:
			size = below(16 * 1024 * 1024);
	}
	if (percent(40))
		size = size / 65536 * 65536;
	else if (percent(50))
		size = size / 512 * 512;
	return size;
}

static int
choose_layers(void)
{
	uint64_t kind = below(100);

	return kind < 25   ? 1
		   : kind < 80 ? 2 + (int) below(5)
		   : kind < 96 ? 7 + (int) below(24)
		   : kind < 99 ? 31 + (int) below(70)
					   : 200;
}

static void
parse_options(int argc, char **argv)
{
	static const struct
	{
		const char *key;
		int *value;
	} keys[] = {{"layers", &options.layers},   {"cluster_bits", &options.cluster_bits},
				{"version", &options.version}, {"extended", &options.extended},
				{"density", &options.density}, {"truncate", &options.truncate},
				{"loose", &options.loose}};

	for (int i = 0; i < argc; i++)
	{
		const char *equals = strchr(argv[i], '=');
		bool known = false;

		if (equals == NULL)
			die("not key=value: %s", argv[i]);
		if (strncmp(argv[i], "size=", 5) == 0)
		{
			options.size = atoll(equals + 1);
			continue;
		}
		if (strncmp(argv[i], "base=", 5) == 0)
		{
			options.base = strcmp(equals + 1, "raw") == 0 ? 1 : 2;
			continue;
		}
		if (strncmp(argv[i], "compression=", 12) == 0)
		{
			options.compression = strcmp(equals + 1, "zlib") == 0   ? 1
								  : strcmp(equals + 1, "zstd") == 0 ? 2
																	: 0;
			continue;
		}
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			if (strncmp(argv[i], keys[k].key, strlen(keys[k].key)) == 0 &&
				argv[i] + strlen(keys[k].key) == equals)
			{
				*keys[k].value = atoi(equals + 1);
				known = true;
			}
		if (!known)
			die("unknown key: %s", argv[i]);
	}
}

static void
choose_layer(Layer *layer)
{
	static const int usual_bits[] = {16, 16, 16, 12, 9, 14, 21};

	memset(layer, 0, sizeof(*layer));
	layer->version = options.version > 0 ? options.version : percent(25) ? 2 : 3;
	layer->cluster_bits = options.cluster_bits > 0 ? options.cluster_bits
						  : percent(50)            ? usual_bits[below(7)]
												   : 9 + (int) below(13);
	layer->compression = options.compression >= 0 ? options.compression
						 : percent(35)            ? 1 + (int) below(2)
												  : 0;
	layer->extended = options.extended >= 0 ? options.extended == 1 : percent(25);
	if (layer->version == 2)
	{
		layer->extended = false;
		if (layer->compression == 2)
			layer->compression = 1;
	}
	if (layer->cluster_bits < 14)
		layer->extended = false;
	layer->refcount_order = layer->version >= 3 && percent(40) ? (int) below(7) : 4;
	layer->loose = options.loose >= 0 ? options.loose == 1 : percent(10);
	layer->placement = (enum placement) below(PLACEMENTS);
	layer->gap_percent = layer->loose ? (unsigned int) below(30) : 0;
}

int
main(int argc, char **argv)
{
	uint64_t size;
	uint64_t budget;
	int layers;
	char name[32] = "";
	char previous[32] = "";
	const char *previous_format = NULL;

	if (argc < 3)
		die("usage: make_chain SEED DIR [key=value ...]");
	random_state = strtoull(argv[1], NULL, 0);
	if (chdir(argv[2]) != 0)
		die("could not enter %s: %s", argv[2], strerror(errno));
	parse_options(argc - 3, argv + 3);

	layers = options.layers > 0 ? options.layers : choose_layers();
	size = options.size >= 0 ? (uint64_t) options.size : choose_size();
	budget = (uint64_t) (8 << 20) / (layers < 16 ? (uint64_t) layers : 16);
	for (int i = 0; i < layers; i++)
	{
		Layer layer;
		unsigned int density = options.density >= 0 ? (unsigned int) options.density
							   : percent(20)        ? 90
													: 5 + (unsigned int) below(40);
		bool raw = i == 0 && (options.base > 0 ? options.base == 1 : percent(30));

		/* layers grow and shrink along the chain: a short one hides what lies under its end */
		if (options.size < 0 && i > 0 && percent(15))
			size = percent(50) ? size + below(size / 4 + 4096) : size - below(size / 4 + 1);
		snprintf(name, sizeof(name), "l%03d.%s", i, raw ? "raw" : "qcow2");
		if (raw)
		{
			write_raw(name, size, density, budget);
			printf("raw %s %" PRIu64 " raw\n", name, size);
			previous_format = "raw";
		}
		else
		{
			bool truncated = options.truncate >= 0 ? options.truncate == 1 : percent(12);

			choose_layer(&layer);
			layer.size = size;
			if (i > 0)
			{
				layer.backing_name = previous;
				layer.backing_format = percent(60) ? previous_format : NULL;
			}
			write_qcow2(name, &layer, density, budget, truncated);
			printf("qcow2 %s %" PRIu64
				   " v%d bits=%d order=%d extended=%d compression=%d loose=%d truncated=%d"
				   " placement=%d\n",
				   name, size / 512 * 512, layer.version, layer.cluster_bits, layer.refcount_order,
				   layer.extended, layer.compression, layer.loose, truncated,
				   (int) layer.placement);
			previous_format = "qcow2";
		}
		memcpy(previous, name, sizeof(previous));
	}
	return 0;
}
