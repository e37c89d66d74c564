/*
 * stream.c
 *		The stream of data of a copy.
 */
#include "copy/output/reflink.h"
#include "copy/base/report.h"
#include "copy/engine/stream.h"

/* Shares the pending run; what can't be shared after all is copied. */
static int
flush_run(struct stream *stream)
{
	const struct layer *layer = stream->run_layer;
	struct extent run = stream->run;
	uint64_t out = stream->run_out;

	stream->run_layer = NULL;
	while (layer != NULL && run.length > 0)
	{
		uint64_t part = min_u64(run.length, 256 * MIB);
		uint64_t done;
		int result;

		if (!throttle_take(stream->throttle, part))
			return report_error(COPIER_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled");
		result = reflink_range(stream->output, layer, run.host, part, out, &done);
		if (result < 0)
			return -1;
		stream->shared += done;
		engine_add_done(stream->engine, done);
		run.host += done;
		run.start += done;
		run.length -= done;
		out += done;
		if (result > 0)
		{
			/* Don't ask this layer again. */
			stream->chain->layers[layer->index].reflink = false;
			return engine_add(stream->engine, &run, 0, run.length, out);
		}
	}
	return 0;
}

/* Bytes [skip, skip + length) of a data extent that can be shared whole. */
static int
add_shared(struct stream *stream, const struct extent *extent, uint64_t skip, uint64_t length,
		   uint64_t out)
{
	struct extent *run = &stream->run;

	if (stream->run_layer != NULL && run->layer == extent->layer &&
		run->host + run->length == extent->host + skip && stream->run_out + run->length == out)
	{
		run->length += length;
		return 0;
	}
	if (flush_run(stream) != 0)
		return -1;
	stream->run_layer = &stream->chain->layers[extent->layer];
	*run = *extent;
	run->start += skip;
	run->host += skip;
	run->length = length;
	stream->run_out = out;
	return 0;
}

static int
add_moved(struct stream *stream, const struct extent *extent, uint64_t skip, uint64_t length,
		  uint64_t out)
{
	if (length == 0)
		return 0;
	if (flush_run(stream) != 0)
		return -1;
	if (stream->chain->layers[extent->layer].remote && extent->kind == EXTENT_DATA)
		return engine_add_remote(stream->engine, extent, skip, length, out);
	return engine_add(stream->engine, extent, skip, length, out);
}

int
stream_add(struct stream *stream, const struct extent *extent, uint64_t skip, uint64_t length,
		   uint64_t out)
{
	const struct layer *layer = &stream->chain->layers[extent->layer];
	uint64_t done_before = min_u64(stream->skip, length);
	uint64_t unit = stream->unit;
	uint64_t host;
	uint64_t head;
	uint64_t middle;

	stream->skip -= done_before;
	skip += done_before;
	out += done_before;
	length -= done_before;
	if (length == 0)
		return 0;
	host = extent->host + skip;
	if (unit == 0 || extent->kind != EXTENT_DATA || !layer->reflink ||
		((host ^ out) & (unit - 1)) != 0)
		return add_moved(stream, extent, skip, length, out);
	head = min_u64(align_up(host, unit) - host, length);
	/* Sharing can't go beyond the end of the layer's file. */
	middle = align_down(min_u64(host + length, max_u64(layer->file_size, host + head)), unit);
	middle = middle > host + head ? middle - host - head : 0;
	if (middle == 0)
		return add_moved(stream, extent, skip, length, out);
	if (add_moved(stream, extent, skip, head, out) != 0 ||
		add_shared(stream, extent, skip + head, middle, out + head) != 0)
		return -1;
	return add_moved(stream, extent, skip + head + middle, length - head - middle,
					 out + head + middle);
}

int
stream_finish(struct stream *stream)
{
	if (flush_run(stream) != 0)
		return -1;
	return engine_drain(stream->engine);
}
