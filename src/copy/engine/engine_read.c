/*
 * engine_read.c
 *		Reads the pieces of a batch into its buffer, with as few calls as the layers' files allow.
 */
#include "copy/engine/engine_internal.h"
#include "copy/base/report.h"
#include "copy/chain/layer_read.h"

/* Compressed pieces no further apart than this are still read in one go. */
#define READ_GAP ((uint64_t) 4096)

/* Bytes of a layer that read_compressed() has read ahead. */
struct read_ahead
{
	int layer;
	uint64_t start;
	uint64_t end;
};

/* Compressed pieces that follow each other in the file are read in one go. */
static int
read_compressed(struct worker *worker, const struct batch *batch, int index,
				struct read_ahead *ahead)
{
	const struct piece *piece = &batch->pieces[index];
	const struct layer *layer = &worker->engine->options.chain->layers[piece->layer];
	uint64_t limit = decompressor_read_limit(UINT32_C(1) << layer->qcow2.cluster_bits);
	uint64_t end = piece->host + piece->compressed_length;

	if (ahead->layer != piece->layer || piece->host < ahead->start || end > ahead->end)
	{
		for (int i = index + 1; i < batch->count; i++)
		{
			const struct piece *next = &batch->pieces[i];

			if (next->kind != EXTENT_COMPRESSED || next->layer != piece->layer ||
				next->host < piece->host || next->host > end + READ_GAP ||
				next->host + next->compressed_length > piece->host + limit)
				break;
			end = max_u64(end, next->host + next->compressed_length);
		}
		if (decompressor_read_ahead(worker->decompressor, layer, piece->host, end - piece->host) !=
			0)
			return -1;
		*ahead = (struct read_ahead){.layer = piece->layer, .start = piece->host, .end = end};
	}
	return decompressor_get(worker->decompressor, layer, piece->host, piece->compressed_length,
							piece->skip, piece->length, batch->buffer->bytes + piece->at);
}

int
read_batch(struct worker *worker, const struct batch *batch)
{
	const struct chain *chain = worker->engine->options.chain;
	struct read_ahead ahead = {.layer = NO_LAYER};
	int i = 0;

	while (i < batch->count)
	{
		const struct piece *piece = &batch->pieces[i];
		uint32_t length = piece->length;

		if (piece->kind == EXTENT_COMPRESSED)
		{
			if (read_compressed(worker, batch, i++, &ahead) != 0)
				return -1;
			continue;
		}
		/* Pieces that lie side by side in file and buffer are one read. */
		for (i++; i < batch->count && batch->pieces[i].kind == EXTENT_DATA &&
				  batch->pieces[i].layer == piece->layer &&
				  batch->pieces[i].host == piece->host + length &&
				  batch->pieces[i].at == piece->at + length;
			 i++)
			length += batch->pieces[i].length;
		if (layer_read(&chain->layers[piece->layer], batch->buffer->bytes + piece->at, length,
					   piece->host) != 0)
			return -1;
	}
	return 0;
}
