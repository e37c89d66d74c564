/*
 * fuzz_chain.c
 *		Chains out of fuzzer input, and the naive reader that knows what they contain.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz_chain.h"
#include "copy/chain/qcow2_header.h"

#define FLAG_RAW       1
#define FLAG_EXTENDED  2
#define FLAG_VERSION_2 4
#define FLAG_ZSTD      8
#define FLAG_COOKED    16 /* words of the content are turned into entries that make sense */

static char directory[256];

static void
remove_directory(void)
{
	rmdir(directory);
}

const char *
fuzz_path(const char *name)
{
	static char path[sizeof(directory) + 32];

	if (directory[0] == '\0')
	{
		const char *folder = getenv("FUZZ_FOLDER");

		snprintf(directory, sizeof(directory), "%.200s/vmclone-fuzz-XXXXXX",
				 folder != NULL ? folder : "/dev/shm");
		if (mkdtemp(directory) == NULL)
			abort();
		atexit(remove_directory);
	}
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
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

static uint64_t
get64(const unsigned char *from)
{
	uint64_t value;

	memcpy(&value, from, 8);
	return be64toh(value);
}

/* Random words are hardly ever valid entries: this makes most of them so. */
static uint64_t
cook(uint64_t word, const struct fuzz_layer *layer)
{
	uint64_t clusters = layer->file_size >> layer->cluster_bits;
	uint64_t offset = (word & 0xff) % (clusters + 2) << layer->cluster_bits;

	switch (word >> 60)
	{
		case 0:
		case 1:
			return 0;
		case 2:
			return QCOW2_FLAG_ZERO;
		case 3:
			return offset | QCOW2_FLAG_ZERO | QCOW2_FLAG_COPIED;
		case 4:
			return QCOW2_FLAG_COMPRESSED | offset | (word & 0x700) |
				   (word >> 16 & 3) << (62 - (layer->cluster_bits - 8));
		case 5:
			return word;
		default:
			return offset | QCOW2_FLAG_COPIED;
	}
}

static void
make_header(struct fuzz_layer *layer, uint8_t flags, const char *below)
{
	unsigned char *header = layer->file;
	uint64_t cluster_size = UINT64_C(1) << layer->cluster_bits;
	uint64_t l2_entries = cluster_size / (layer->extended ? 16 : 8);
	uint64_t clusters = divide_up(layer->virtual_size, cluster_size);
	bool zstd = (flags & FLAG_ZSTD) != 0 && (flags & FLAG_VERSION_2) == 0;

	memcpy(header, "QFI\xfb", 4);
	put32(header + 4, (flags & FLAG_VERSION_2) != 0 ? 2 : 3);
	put32(header + 20, layer->cluster_bits);
	put64(header + 24, layer->virtual_size);
	put32(header + 36, (uint32_t) max_u64(divide_up(clusters, l2_entries), 1));
	put64(header + 40, cluster_size);
	put64(header + 48, 2 * cluster_size);
	put32(header + 56, 1);
	if ((flags & FLAG_VERSION_2) == 0)
	{
		put64(header + 72, (zstd ? 8 : 0) | (layer->extended ? 16 : 0));
		put32(header + 96, 4);
		put32(header + 100, 112);
		header[104] = zstd ? 1 : 0;
	}
	if (below != NULL)
	{
		put64(header + 8, 256);
		put32(header + 16, (uint32_t) strlen(below));
		memcpy(header + 256, below, strlen(below));
	}
}

static void
write_file(const struct fuzz_layer *layer)
{
	int fd = open(layer->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, layer->file, layer->file_size) != (ssize_t) layer->file_size)
		abort();
	close(fd);
}

bool
fuzz_chain_make(struct fuzz_chain *chain, const uint8_t *input, size_t size)
{
	char name[16];
	char below[16] = "";

	memset(chain, 0, sizeof(*chain));
	if (size < 1)
		return false;
	chain->flags = *input++;
	size--;
	while (chain->count < FUZZ_LAYERS && size >= 6)
	{
		struct fuzz_layer *layer = &chain->layers[chain->count];
		uint8_t flags = input[0];
		uint64_t content = (uint64_t) input[4] | (uint64_t) input[5] << 8;
		uint64_t header = 0;
		layer->cluster_bits = 9 + input[1] % 6;
		layer->virtual_size =
			((uint64_t) input[2] | (uint64_t) input[3] << 8) % (FUZZ_SECTORS + 1) * 512;
		input += 6;
		size -= 6;
		content = min_u64(content, size);
		layer->format = (flags & FLAG_RAW) != 0 && chain->count == 0 ? FORMAT_RAW : FORMAT_QCOW2;
		layer->extended = (flags & FLAG_EXTENDED) != 0 && (flags & FLAG_VERSION_2) == 0 &&
						  layer->format == FORMAT_QCOW2;
		if (layer->extended)
			layer->cluster_bits = 14;
		if (layer->format == FORMAT_QCOW2)
			header = UINT64_C(1) << layer->cluster_bits;
		layer->file_size = header + content;
		layer->file = calloc(1, layer->file_size + 1);
		if (layer->file == NULL)
			abort();
		memcpy(layer->file + header, input, content);
		if (layer->format == FORMAT_QCOW2)
		{
			make_header(layer, flags, below[0] != '\0' ? below : NULL);
			if ((flags & FLAG_COOKED) != 0)
				for (uint64_t at = header; at + 8 <= layer->file_size; at += 8)
					put64(layer->file + at, cook(get64(layer->file + at), layer));
		}
		else
			layer->virtual_size = align_up(layer->file_size, 512);
		input += content;
		size -= content;
		snprintf(name, sizeof(name), "layer%d", chain->count);
		memcpy(below, name, sizeof(below));
		snprintf(layer->path, sizeof(layer->path), "%s", fuzz_path(name));
		write_file(layer);
		chain->options[chain->count].format = layer->format;
		chain->options[chain->count].path = layer->path;
		chain->count++;
	}
	return chain->count > 0;
}

void
fuzz_chain_free(struct fuzz_chain *chain)
{
	for (int i = 0; i < chain->count; i++)
	{
		unlink(chain->layers[i].path);
		free(chain->layers[i].file);
	}
	chain->count = 0;
}

/* Bytes of a file; what lies past its end is zero. */
static void
read_file(const struct fuzz_layer *layer, uint64_t offset, unsigned char *to, size_t length)
{
	memset(to, 0, length);
	if (offset < layer->file_size)
		memcpy(to, layer->file + offset, min_u64(length, layer->file_size - offset));
}

static uint64_t
read_entry(const struct fuzz_layer *layer, uint64_t offset)
{
	unsigned char bytes[8];

	read_file(layer, offset, bytes, 8);
	return get64(bytes);
}

/* -1 = look in the layer below. */
static int
qcow2_sector(const struct fuzz_layer *layer, uint64_t offset, uint64_t *host)
{
	uint64_t cluster_size = UINT64_C(1) << layer->cluster_bits;
	uint64_t entry_size = layer->extended ? 16 : 8;
	uint64_t l2_entries = cluster_size / entry_size;
	uint64_t cluster = offset / cluster_size;
	uint64_t table = read_entry(layer, cluster_size + cluster / l2_entries * 8) & QCOW2_OFFSET_MASK;
	uint64_t entry;
	uint64_t at;

	if (table == 0)
		return -1;
	at = table + cluster % l2_entries * entry_size;
	entry = read_entry(layer, at);
	*host = (entry & QCOW2_OFFSET_MASK) + offset % cluster_size;
	if ((entry & QCOW2_FLAG_COMPRESSED) != 0)
		return FUZZ_COMPRESSED;
	if (layer->extended)
	{
		uint64_t bitmap = read_entry(layer, at + 8);
		uint64_t subcluster = offset % cluster_size / (cluster_size / 32);

		if ((bitmap >> subcluster & 1) != 0)
			return FUZZ_DATA;
		return (bitmap >> (32 + subcluster) & 1) != 0 ? FUZZ_ZERO : -1;
	}
	if ((entry & QCOW2_FLAG_ZERO) != 0)
		return FUZZ_ZERO;
	return (entry & QCOW2_OFFSET_MASK) != 0 ? FUZZ_DATA : -1;
}

enum fuzz_answer
fuzz_chain_sector(const struct fuzz_chain *chain, uint64_t offset, int *layer_index, uint64_t *host,
				  unsigned char bytes[512])
{
	memset(bytes, 0, 512);
	for (int i = chain->count - 1; i >= 0; i--)
	{
		const struct fuzz_layer *layer = &chain->layers[i];
		int answer = FUZZ_DATA;

		/* a short layer hides what lies under its end */
		if (offset >= layer->virtual_size)
			return FUZZ_ZERO;
		*host = offset;
		if (layer->format == FORMAT_QCOW2)
			answer = qcow2_sector(layer, offset, host);
		if (answer < 0)
			continue;
		*layer_index = i;
		if (answer == FUZZ_DATA)
		{
			if (*host >= layer->file_size)
				return FUZZ_ZERO;
			read_file(layer, *host, bytes, 512);
		}
		return (enum fuzz_answer) answer;
	}
	return FUZZ_ZERO;
}
