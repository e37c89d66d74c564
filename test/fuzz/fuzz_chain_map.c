/*
 * fuzz_chain_map.c
 *		Chains of up to eight layers, described by the fuzzer guest cluster by guest cluster: who owns what,
 *		how runs merge, and what the passes over a map add up to.
 *
 * fuzz_tables feeds bytes of tables.  Here the images are always valid and the input says what they
 * hold, so that all of the time goes into what layers do to each other: overlaps, sizes, cluster sizes,
 * order of clusters in the file, windows.  The expected map is kept beside the images while they are made,
 * sector by sector, and never read from them.
 *
 * All of it happens in 2 MiB of guest addresses, which may lie across the boundary of two windows.
 *
 * Input: 1 byte of flags (1: raw base; 2: virtual sizes in odd sectors; bits 2-4: where the 2 MiB lie); then
 * for each layer 4 bytes (cluster bits and order of clusters; version, subclusters; virtual size, 16 bits)
 * and runs of 3 bytes (kind, first guest cluster, length), ended by a byte 0.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/base/budget.h"
#include "copy/chain/extents.h"
#include "copy/chain/helper_thread.h"
#include "copy/base/fileio.h"
#include "fuzz_chain.h"
#include "copy/chain/qcow2_header.h"
#include "copy/base/report.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define LAYERS      8
#define SECTORS     4096 /* of the 2 MiB */
#define BEFORE      MIB
#define MAX_RUNS    64
#define FILE_BYTES  (16 * MIB) /* of a qcow2 layer */
#define WINDOW      ((uint64_t) 65536)
#define RAW_GRANULE ((uint64_t) 4096)

enum run_kind
{
	RUN_END,
	RUN_DATA,
	RUN_ZERO,
	RUN_ZERO_ALLOCATED,
	RUN_UNALLOCATED, /* takes back what a run before has made */
	RUN_PAST_END,    /* data beyond the end of the file */
	RUN_COMPRESSED,
	RUN_SUBCLUSTERS,
	RUN_KINDS
};

/* What a sector is: the oracle. */
struct sector
{
	uint64_t host;
	int8_t layer; /* NO_LAYER = a hole */
	uint8_t kind; /* enum extent_kind */
};

struct made_layer
{
	char path[320];
	unsigned char *file; /* of a raw layer what lies from "base" on */
	uint64_t file_size;
	uint64_t sectors; /* virtual size, from "base" on */
	uint32_t cluster_bits;
	bool raw;
	bool extended;
	struct sector *own; /* of each sector; EXTENT_HOLE = nothing of its own */
};

static uint64_t base; /* guest offset where the 2 MiB begin */

struct input
{
	const uint8_t *bytes;
	size_t size;
};

static uint8_t
take(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->bytes++;
}

static void
own(struct made_layer *layer, uint64_t start, uint64_t length, enum extent_kind kind, int index,
	uint64_t host)
{
	for (uint64_t i = 0; i < length / 512; i++)
	{
		struct sector *sector = &layer->own[start / 512 + i];

		if (start / 512 + i >= layer->sectors)
			return;
		*sector = (struct sector){.kind = (uint8_t) kind,
								  .layer = (int8_t) (kind == EXTENT_HOLE ? NO_LAYER : index),
								  .host = kind == EXTENT_DATA         ? host + i * 512
										  : kind == EXTENT_COMPRESSED ? host
																	  : 0};
	}
}

static void
make_header(struct made_layer *layer, uint32_t version, uint64_t l1_entries, const char *below)
{
	unsigned char *header = layer->file;

	memcpy(header, "QFI\xfb", 4);
	store_be32(header + 4, version);
	store_be32(header + 20, layer->cluster_bits);
	store_be64(header + 24, base + layer->sectors * 512);
	store_be32(header + 36, (uint32_t) max_u64(l1_entries, 1));
	store_be64(header + 40, UINT64_C(1) << layer->cluster_bits);
	store_be64(header + 48, UINT64_C(1) << layer->cluster_bits);
	store_be32(header + 56, 1);
	if (version == 3)
	{
		store_be64(header + 72, layer->extended ? 16 : 0);
		store_be32(header + 96, 4);
		store_be32(header + 100, 112);
	}
	if (below != NULL)
	{
		store_be64(header + 8, 256);
		store_be32(header + 16, (uint32_t) strlen(below));
		memcpy(header + 256, below, strlen(below));
	}
}

/* Clusters of the file are given out upwards, downwards, or every other one. */
static uint64_t
next_cluster(uint64_t *given, uint64_t first, uint64_t count, unsigned order)
{
	uint64_t i = (*given)++ % count;

	if (order == 1)
		i = count - 1 - i;
	else if (order == 2)
		i = i * 2 % count + (count % 2 == 0 && i >= count / 2 ? 1 : 0);
	return first + i;
}

static void
make_qcow2(struct made_layer *layer, int index, struct input *input, uint8_t shape, uint8_t style,
		   const char *below)
{
	uint64_t cluster = UINT64_C(1) << layer->cluster_bits;
	uint64_t entry_size = layer->extended ? 16 : 8;
	uint64_t l2_entries = cluster / entry_size;
	uint64_t guest_clusters = divide_up(layer->sectors * 512, cluster);
	uint64_t first_guest = base >> layer->cluster_bits;
	uint64_t first_l1 = first_guest / l2_entries;
	uint64_t l1_entries = divide_up(first_guest + guest_clusters, l2_entries);
	uint64_t l1_clusters = divide_up(l1_entries * 8, cluster);
	uint64_t tables = guest_clusters > 0 ? l1_entries - first_l1 : 0;
	uint64_t first_table = 1 + l1_clusters;
	uint64_t first_data = first_table + tables;
	uint64_t data_clusters = max_u64(guest_clusters, 1);
	uint64_t given = 0;
	unsigned order = shape >> 6;
	uint32_t version = (style & 1) != 0 && !layer->extended ? 2 : 3;

	layer->file_size = (first_data + data_clusters) << layer->cluster_bits;
	if (layer->file_size > FILE_BYTES)
		abort();
	layer->file = calloc(1, layer->file_size);
	if (layer->file == NULL)
		abort();
	make_header(layer, version, l1_entries, below);
	for (uint64_t i = 0; i < tables; i++)
		store_be64(layer->file + cluster + (first_l1 + i) * 8,
				   ((first_table + (order == 1 ? tables - 1 - i : i)) << layer->cluster_bits) |
					   QCOW2_FLAG_COPIED);
	for (int run = 0; run < MAX_RUNS && guest_clusters > 0; run++)
	{
		uint8_t what = take(input);
		enum run_kind kind = (enum run_kind)(what % RUN_KINDS);
		uint64_t at = take(input) * guest_clusters / 256;
		uint64_t count = 1 + take(input) % 40;

		if (kind == RUN_END)
			break;
		if (version == 2 && (kind == RUN_ZERO || kind == RUN_ZERO_ALLOCATED))
			kind = RUN_DATA;
		if (kind == RUN_SUBCLUSTERS && !layer->extended)
			kind = RUN_DATA;
		if (layer->extended && kind == RUN_ZERO)
			kind = RUN_SUBCLUSTERS;
		for (uint64_t c = at; c < at + count && c < guest_clusters && given < data_clusters; c++)
		{
			uint64_t guest = first_guest + c;
			uint64_t table = guest / l2_entries - first_l1;
			unsigned char *entry =
				layer->file +
				((first_table + (order == 1 ? tables - 1 - table : table)) << layer->cluster_bits) +
				guest % l2_entries * entry_size;
			uint64_t host = 0;
			uint64_t word = 0;
			uint64_t bitmap = 0;

			if (kind == RUN_DATA || kind == RUN_ZERO_ALLOCATED || kind == RUN_SUBCLUSTERS ||
				kind == RUN_COMPRESSED)
				host = next_cluster(&given, first_data, data_clusters, order)
					   << layer->cluster_bits;
			switch (kind)
			{
				case RUN_DATA:
					word = host | QCOW2_FLAG_COPIED;
					bitmap = UINT32_MAX;
					own(layer, c * cluster, cluster, EXTENT_DATA, index, host);
					break;
				case RUN_ZERO:
				case RUN_ZERO_ALLOCATED:
					word = layer->extended ? host : host | QCOW2_FLAG_ZERO;
					bitmap = (uint64_t) UINT32_MAX << 32;
					own(layer, c * cluster, cluster, EXTENT_ZERO, index, 0);
					break;
				case RUN_PAST_END:
					word = (layer->file_size + (c << layer->cluster_bits)) | QCOW2_FLAG_COPIED;
					bitmap = UINT32_MAX;
					own(layer, c * cluster, cluster, EXTENT_ZERO, index, 0);
					break;
				case RUN_COMPRESSED:
					host += what & 0x78; /* not aligned */
					word = QCOW2_FLAG_COMPRESSED | host;
					own(layer, c * cluster, cluster, EXTENT_COMPRESSED, index, host);
					break;
				case RUN_SUBCLUSTERS:
				{
					uint64_t pattern = UINT64_C(0x9e3779b97f4a7c15) * (what + c * 8 + 1);
					uint32_t allocated = (uint32_t) pattern & (uint32_t) (pattern >> 16);
					uint32_t zero = (uint32_t) (pattern >> 32) & ~allocated;

					word = host | QCOW2_FLAG_COPIED;
					bitmap = (uint64_t) zero << 32 | allocated;
					for (uint64_t s = 0; s < 32; s++)
						own(layer, c * cluster + s * (cluster / 32), cluster / 32,
							(allocated >> s & 1) != 0 ? EXTENT_DATA
							: (zero >> s & 1) != 0    ? EXTENT_ZERO
													  : EXTENT_HOLE,
							index, host + s * (cluster / 32));
					break;
				}
				default:
					own(layer, c * cluster, cluster, EXTENT_HOLE, index, 0);
					break;
			}
			store_be64(entry, word);
			if (layer->extended)
				store_be64(entry + 8, bitmap);
		}
	}
}

/* Runs of a raw layer lie between holes of the file system's making. */
static void
make_raw(struct made_layer *layer, struct input *input)
{
	layer->file_size = base + layer->sectors * 512;
	layer->file = calloc(1, layer->sectors * 512 + 1);
	if (layer->file == NULL)
		abort();
	for (int run = 0; run < MAX_RUNS; run++)
	{
		uint8_t what = take(input);
		uint64_t at = base + take(input) * (layer->sectors / 8) / 256 * RAW_GRANULE;
		uint64_t length = (1 + take(input) % 40) * RAW_GRANULE;

		if (what == 0)
			break;
		for (uint64_t i = at; i < at + length && i < layer->file_size; i++)
			layer->file[i - base] = what;
	}
}

static void
write_file(struct made_layer *layer)
{
	int fd = open(layer->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t) layer->file_size) != 0)
		abort();
	for (uint64_t at = layer->raw ? base : 0; at < layer->file_size; at += RAW_GRANULE)
	{
		size_t length = (size_t) min_u64(RAW_GRANULE, layer->file_size - at);
		const unsigned char *bytes = layer->file + (layer->raw ? at - base : at);

		if (!memory_is_zero(bytes, length) &&
			pwrite(fd, bytes, length, (off_t) at) != (ssize_t) length)
			abort();
	}
	/* where the file has data is the file system's word: the oracle takes it as it is */
	for (off_t at = 0; layer->raw && (at = lseek(fd, at, SEEK_DATA)) >= 0;)
	{
		off_t end = lseek(fd, at, SEEK_HOLE);

		own(layer, (uint64_t) at - base, (uint64_t) (end - at), EXTENT_DATA, 0, (uint64_t) at);
		at = end;
	}
	close(fd);
}

static int
make_layers(struct made_layer *layers, struct layer_option *options, struct input *input)
{
	uint8_t flags = take(input);
	unsigned place = flags >> 2 & 7;
	char below[16] = "";
	int count = 0;

	/* across the first boundary of windows of granules of 512 to 4096 bytes */
	base = place == 0 || place > 4 ? 0 : (WINDOW << (8 + place)) - BEFORE;
	while (count < LAYERS && input->size >= 4)
	{
		struct made_layer *layer = &layers[count];
		uint8_t shape = take(input);
		uint8_t style = take(input);
		uint16_t size = (uint16_t) (take(input) | take(input) << 8);
		char name[16];

		memset(layer, 0, sizeof(*layer));
		layer->raw = (flags & 1) != 0 && count == 0;
		layer->extended = !layer->raw && (style & 6) == 2;
		layer->cluster_bits = layer->extended ? 14 + shape % 3 : 9 + shape % 8;
		layer->sectors = size % (SECTORS + 1);
		if ((flags & 2) == 0)
			layer->sectors = layer->sectors / 128 * 128;
		layer->own = calloc(SECTORS, sizeof(struct sector));
		if (layer->own == NULL)
			abort();
		for (uint64_t i = 0; i < SECTORS; i++)
			layer->own[i].layer = NO_LAYER;
		snprintf(name, sizeof(name), "map%d", count);
		snprintf(layer->path, sizeof(layer->path), "%s", fuzz_path(name));
		if (layer->raw)
			make_raw(layer, input);
		else
			make_qcow2(layer, count, input, shape, style, below[0] != '\0' ? below : NULL);
		write_file(layer);
		memcpy(below, name, sizeof(below));
		options[count].format = layer->raw ? FORMAT_RAW : FORMAT_QCOW2;
		options[count].path = layer->path;
		options[count].backing_name = NULL;
		count++;
	}
	return count;
}

/* First owner from the last layer down; a short layer hides what lies under its end. */
static void
expect(const struct made_layer *layers, int count, struct sector *expected, uint64_t sectors)
{
	for (uint64_t i = 0; i < sectors; i++)
	{
		expected[i] = (struct sector){.kind = EXTENT_HOLE, .layer = NO_LAYER};
		for (int l = count - 1; l >= 0 && i < layers[l].sectors; l--)
		{
			if (layers[l].own[i].kind == EXTENT_HOLE)
				continue;
			expected[i] = layers[l].own[i];
			break;
		}
	}
}

static void
fail(const char *what, const struct extent *extent)
{
	fprintf(stderr, "%s: extent at %#lx of %#lx bytes, layer %d, kind %d, host %#lx\n", what,
			(unsigned long) extent->start, (unsigned long) extent->length, extent->layer,
			extent->kind, (unsigned long) extent->host);
	abort();
}

/* The extent is what the oracle has there. */
static void
check_extent(const struct extent *extent, const struct sector *expected)
{
	if (extent->start < base)
		fail("where nothing is", extent);
	if (!is_aligned(extent->start, 512) || extent->length == 0 || !is_aligned(extent->length, 512))
		fail("not of whole sectors", extent);
	for (uint64_t i = 0; i < extent->length / 512; i++)
	{
		const struct sector *sector = &expected[(extent->start - base) / 512 + i];
		uint64_t host = extent->kind == EXTENT_DATA ? extent->host + i * 512 : extent->host;

		if (sector->kind != extent->kind || sector->layer != extent->layer ||
			(extent->kind != EXTENT_ZERO && sector->host != host))
			fail("not what was made", extent);
	}
}

/* Two extents in a row that could have been one, and lie in one window. */
static bool
should_be_one(const struct extent *a, const struct extent *b, uint64_t window)
{
	return a->start + a->length == b->start && a->layer == b->layer && a->kind == b->kind &&
		   (a->kind == EXTENT_ZERO || (a->kind == EXTENT_DATA && a->host + a->length == b->host)) &&
		   b->start % window != 0;
}

/* A pass over the map; with zeroes or without.  The totals are those of the oracle. */
static void
check_map(const struct chain *chain, const struct sector *expected, bool with_zeroes)
{
	struct chain_map *map = chain_map_open(chain, with_zeroes);
	uint64_t window = chain->granule * WINDOW;
	const struct chain_map_totals *totals;
	struct chain_map_totals found = {0};
	struct extent before = {0};
	struct extent extent;
	uint64_t data = 0;
	uint64_t compressed = 0;

	if (map == NULL)
		abort();
	for (int pass = 0; pass < 2; pass++)
	{
		uint64_t at = base;
		int result;

		memset(&found, 0, sizeof(found));
		memset(&before, 0, sizeof(before));
		while ((result = chain_map_next(map, &extent)) == 1)
		{
			if (extent.start < at || extent.start + extent.length > chain->virtual_size)
				fail("out of order", &extent);
			for (; at < extent.start; at += 512)
				if (expected[(at - base) / 512].kind != EXTENT_HOLE &&
					(with_zeroes || expected[(at - base) / 512].kind != EXTENT_ZERO))
					fail("something was left out before it", &extent);
			check_extent(&extent, expected);
			if (before.length > 0 && should_be_one(&before, &extent, window))
				fail("could have been merged with the one before", &extent);
			if (extent.kind == EXTENT_DATA)
				found.data_bytes += extent.length;
			else if (extent.kind == EXTENT_COMPRESSED)
				found.compressed_bytes += extent.length;
			if (extent.kind != EXTENT_ZERO)
				found.extents++;
			at = extent.start + extent.length;
			before = extent;
		}
		if (result < 0)
		{
			report_print(false);
			abort(); /* a valid chain */
		}
		for (; at < chain->virtual_size; at += 512)
			if (expected[(at - base) / 512].kind != EXTENT_HOLE &&
				(with_zeroes || expected[(at - base) / 512].kind != EXTENT_ZERO))
				fail("something was left out behind it", &before);
		totals = chain_map_get_totals(map);
		if (totals->data_bytes != found.data_bytes ||
			totals->compressed_bytes != found.compressed_bytes || totals->extents != found.extents)
			fail("totals differ; the last one is", &before);
		chain_map_rewind(map);
	}
	for (uint64_t i = 0; i < (chain->virtual_size - base) / 512; i++)
	{
		data += expected[i].kind == EXTENT_DATA ? 512 : 0;
		compressed += expected[i].kind == EXTENT_COMPRESSED ? 512 : 0;
	}
	if (found.data_bytes != data || found.compressed_bytes != compressed)
		abort();
	chain_map_close(map);
}

/* The order by source has each extent once, layer by layer and by place in its file. */
static void
check_order(const struct extents *extents)
{
	uint32_t *order = extents_sort_by_source(extents);
	bool *seen = calloc(extents->count + 1, sizeof(bool));

	if (order == NULL || seen == NULL)
		abort();
	for (size_t i = 0; i < extents->count; i++)
	{
		const struct extent *extent = &extents->list[order[i]];
		const struct extent *before = i > 0 ? &extents->list[order[i - 1]] : extent;

		if (seen[order[i]] || before->layer > extent->layer ||
			(before->layer == extent->layer && before->host > extent->host))
			fail("out of order by source", extent);
		seen[order[i]] = true;
	}
	free(seen);
	extents_free_order(extents, order);
}

/* The remembered list gives every pass the same as the map itself, also where a second thread makes half of the first pass. */
static void
check_list(const struct chain *chain, bool is_shared)
{
	struct chain_map *map = chain_map_open(chain, false);
	struct helper_thread *helper = is_shared ? helper_thread_start() : NULL;
	struct extents extents;

	if (map == NULL || extents_open(&extents, chain, NULL) != 0 || (is_shared && helper == NULL))
		abort();
	if (is_shared)
		extents_share(&extents, helper);
	for (int pass = 0; pass < 3; pass++)
	{
		struct extent a;
		struct extent b;
		int result;

		while ((result = chain_map_next(map, &a)) == 1)
			if (extents_next(&extents, &b) != 1 || a.start != b.start || a.length != b.length ||
				a.host != b.host || a.layer != b.layer || a.kind != b.kind ||
				a.compressed_length != b.compressed_length)
				fail("the list differs", &a);
		if (result != 0 || extents_next(&extents, &b) != 0)
			abort();
		chain_map_rewind(map);
		extents_rewind(&extents);
	}
	if (extents.list != NULL)
		check_order(&extents);
	extents_close(&extents);
	helper_thread_stop(helper);
	chain_map_close(map);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct sector expected[SECTORS + 1];
	struct made_layer layers[LAYERS];
	struct layer_option options[LAYERS];
	struct input input = {bytes, size};
	struct chain chain = {0};
	size_t before = budget_left();
	int count = make_layers(layers, options, &input);

	if (count > 0)
	{
		report_reset();
		if (chain_open_files(&chain, options, count, FROM_PAGE_CACHE) != 0 ||
			chain_read(&chain, false, NULL) != 0)
		{
			report_print(false);
			abort(); /* a valid chain */
		}
		if (chain.virtual_size != base + layers[count - 1].sectors * 512)
			abort();
		expect(layers, count, expected, layers[count - 1].sectors);
		check_map(&chain, expected, true);
		check_map(&chain, expected, false);
		check_list(&chain, false);
		check_list(&chain, true);
		chain_close(&chain);
	}
	for (int i = 0; i < count; i++)
	{
		unlink(layers[i].path);
		free(layers[i].file);
		free(layers[i].own);
	}
	if (budget_left() != before)
		abort();
	return 0;
}
