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
 * density=PERCENT, base=raw|qcow2, truncate=0|1, loose=0|1, zstd=0 (zlib where a layer would have had it).
 */
#include "make_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	int zstd;
} Options;

static Options options = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

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
				{"loose", &options.loose},     {"zstd", &options.zstd}};

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
		layer->extended = false;
	if (layer->compression == 2 && (layer->version == 2 || options.zstd == 0))
		layer->compression = 1;
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
