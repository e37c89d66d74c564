/*
 * chain_layout.c
 *		Where everything lies in a qcow2 file, and the refcounts that this gives.
 */
#include "make_chain.h"

#include <stdlib.h>
#include <string.h>

uint64_t
chunk_offset(const Layer *layer, size_t chunk)
{
	return layer->chunks[chunk].host * layer->cluster_size;
}

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

void
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

void
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

void
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
