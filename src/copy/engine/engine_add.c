/*
 * engine_add.c
 *		Gathers what is to be copied into batches.
 */
#include "copy/engine/engine_internal.h"

#define MAX_REMOTE_BYTES (64 * MIB) /* a stop must not wait long */
#define LIMITED_BYTES    (256 * KIB)

/*
 * Bytes of a batch's buffer that may be filled, with "out_offset" as the next.  A batch that may become
 * a huge page of the output has the buffer to itself; others are small, to stay in the cache.  Under a
 * limit they are small in any case, so that bytes flow evenly.
 */
static size_t
batch_capacity(const struct engine *engine, struct batch *batch, uint64_t out_offset, bool joins)
{
	if (atomic_load_explicit(&engine->options.throttle->closed, memory_order_relaxed))
	{
		batch->whole = false;
		return (size_t) min_u64(engine->batch_size, max_u64(LIMITED_BYTES, engine->max_cluster));
	}
	if (batch->count == 0)
		batch->whole = engine->options.output->huge_pages && is_aligned(out_offset, HUGEPAGE_BYTES);
	else if (!joins)
		batch->whole = false;
	return batch->whole ? engine->buffer_size : engine->batch_size;
}

int
engine_add(struct engine *engine, const struct extent *extent, uint64_t skip, uint64_t length,
		   uint64_t out_offset)
{
	while (length > 0)
	{
		struct batch *batch = engine->filling;
		struct piece *piece;
		size_t capacity;
		uint32_t at;
		uint64_t part;
		bool joins;

		if (batch == NULL)
		{
			if (get_batch(engine) != 0)
				return -1;
			batch = engine->filling;
		}
		/*
		 * A piece lies in the buffer as it will lie in the file: behind the one before where it goes
		 * on there, else with the same alignment, for direct I/O.
		 */
		joins = batch->count > 0 &&
				batch->pieces[batch->count - 1].out + batch->pieces[batch->count - 1].length ==
					out_offset;
		at = batch->used;
		if (!joins)
			at += (uint32_t) ((out_offset - at) & (DIRECT_BLOCK - 1));
		capacity = batch_capacity(engine, batch, out_offset, joins);
		part = at < capacity ? min_u64(length, capacity - at) : 0;
		/* The batch ends where the next huge page begins.  Compressed clusters lie across none. */
		if (engine->options.output->huge_pages && extent->kind == EXTENT_DATA)
		{
			part = min_u64(part, HUGEPAGE_BYTES - (out_offset & (HUGEPAGE_BYTES - 1)));
			if (batch->count > 0 && is_aligned(out_offset, HUGEPAGE_BYTES))
				part = 0;
		}
		if (batch->count == BATCH_PIECES || part == 0 ||
			(extent->kind == EXTENT_COMPRESSED && part < length && batch->count > 0))
		{
			if (submit_batch(engine) != 0)
				return -1;
			continue;
		}
		piece = &batch->pieces[batch->count++];
		piece->out = out_offset;
		piece->length = (uint32_t) part;
		piece->at = at;
		piece->layer = extent->layer;
		piece->kind = extent->kind;
		piece->compressed_length = extent->compressed_length;
		if (extent->kind == EXTENT_COMPRESSED)
		{
			uint32_t bits = engine->options.chain->layers[extent->layer].qcow2.cluster_bits;

			piece->host = extent->host;
			piece->skip = (uint32_t) ((extent->start + skip) & ((UINT64_C(1) << bits) - 1));
		}
		else
		{
			piece->host = extent->host + skip;
			piece->skip = 0;
		}
		batch->used = at + (uint32_t) part;
		batch->bytes += (uint32_t) part;
		engine->added += part;
		skip += part;
		length -= part;
		out_offset += part;
		if (batch->used >= capacity && submit_batch(engine) != 0)
			return -1;
	}
	return 0;
}

int
engine_add_remote(struct engine *engine, const struct extent *extent, uint64_t skip,
				  uint64_t length, uint64_t out_offset)
{
	while (length > 0)
	{
		uint32_t part = (uint32_t) min_u64(length, MAX_REMOTE_BYTES);
		struct batch *batch;

		if (engine->filling != NULL && submit_batch(engine) != 0)
			return -1;
		if (get_batch(engine) != 0)
			return -1;
		batch = engine->filling;
		batch->remote = true;
		batch->count = 1;
		batch->bytes = part;
		batch->pieces[0] = (struct piece){.host = extent->host + skip,
										  .out = out_offset,
										  .length = part,
										  .layer = extent->layer,
										  .kind = extent->kind};
		engine->added += part;
		if (submit_batch(engine) != 0)
			return -1;
		skip += part;
		out_offset += part;
		length -= part;
	}
	return 0;
}
