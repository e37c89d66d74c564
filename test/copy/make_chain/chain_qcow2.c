/*
 * chain_qcow2.c
 *		Writes a layer as a qcow2 file.
 */
#include "make_chain.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPIED     (UINT64_C(1) << 63)
#define COMPRESSED (UINT64_C(1) << 62)
#define ZERO_FLAG  UINT64_C(1)

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

void
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
