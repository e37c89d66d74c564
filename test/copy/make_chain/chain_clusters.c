/*
 * chain_clusters.c
 *		Which guest cluster of a qcow2 layer is what.
 */
#include "make_chain.h"

#include <stdlib.h>
#include <string.h>

size_t
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

void
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

void
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
