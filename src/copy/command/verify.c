/*
 * verify.c
 *		Compares the guest contents of two chains.
 */
#include <inttypes.h>
#include <pthread.h>

#include "copy/base/budget.h"
#include "copy/chain/chain_map.h"
#include "copy/chain/decompress.h"
#include "copy/base/fileio.h"
#include "copy/chain/layer_read.h"
#include "copy/base/report.h"
#include "copy/command/verify.h"

#define COMPARE_BYTES      MIB
#define PARALLEL_BYTES     ((uint64_t) 64 * 1024) /* less isn't worth waking a thread for */
#define THREAD_STACK_BYTES ((size_t) 128 * 1024)

/* One of the two sides: a pass over its map, and the extent that is or comes next. */
struct side
{
	const struct chain *chain;
	struct chain_map *map;
	struct decompressor *decompressor;
	struct extent extent;
	bool at_end; /* of the map */
	unsigned char *buffer;
};

static int
side_next(struct side *side)
{
	int result = chain_map_next(side->map, &side->extent);

	if (result < 0)
		return -1;
	side->at_end = result == 0;
	return 0;
}

static int
side_open(struct side *side, const struct chain *chain, bool with_zeroes, struct throttle *throttle)
{
	side->chain = chain;
	side->map = chain_map_open(chain, with_zeroes);
	side->buffer = budget_allocate(COMPARE_BYTES);
	if (side->map == NULL || side->buffer == NULL)
		return -1;
	chain_map_set_stop(side->map, &throttle->stop);
	if (chain->max_cluster != 0)
	{
		side->decompressor = decompressor_open(chain->max_cluster);
		if (side->decompressor == NULL)
			return -1;
	}
	return side_next(side);
}

static void
side_close(struct side *side)
{
	if (side->chain == NULL)
		return;
	decompressor_close(side->decompressor, side->chain->max_cluster);
	budget_free(side->buffer, COMPARE_BYTES);
	chain_map_close(side->map);
}

/* Length of what is alike from "at" on: inside the extent, or zeroes up to the next one. */
static uint64_t
side_length(const struct side *side, uint64_t at)
{
	if (side->at_end)
		return UINT64_MAX;
	if (at < side->extent.start)
		return side->extent.start - at;
	return side->extent.start + side->extent.length - at;
}

static bool
side_is_zero(const struct side *side, uint64_t at)
{
	return side->at_end || at < side->extent.start || side->extent.kind == EXTENT_ZERO;
}

static int
side_read(struct side *side, uint64_t at, uint64_t length)
{
	const struct extent *extent = &side->extent;
	const struct layer *layer = &side->chain->layers[extent->layer];
	uint64_t skip = at - extent->start;

	if (extent->kind == EXTENT_COMPRESSED)
		return decompressor_get(side->decompressor, layer, extent->host, extent->compressed_length,
								(uint32_t) (at & ((UINT64_C(1) << layer->qcow2.cluster_bits) - 1)),
								(uint32_t) length, side->buffer);
	return layer_read(layer, side->buffer, (size_t) length, extent->host + skip);
}

/* The thread that reads the result. */
static struct
{
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool started;
	bool ending;
	struct side *side; /* what is to be read; NULL = nothing */
	uint64_t at;
	uint64_t length;
	int result;
} reader = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *
reader_main(void *unused)
{
	(void) unused;
	pthread_mutex_lock(&reader.mutex);
	while (!reader.ending)
	{
		int result;

		if (reader.side == NULL)
		{
			pthread_cond_wait(&reader.changed, &reader.mutex);
			continue;
		}
		pthread_mutex_unlock(&reader.mutex);
		result = side_read(reader.side, reader.at, reader.length);
		pthread_mutex_lock(&reader.mutex);
		reader.result = result;
		reader.side = NULL;
		pthread_cond_broadcast(&reader.changed);
	}
	pthread_mutex_unlock(&reader.mutex);
	return NULL;
}

int
verify_start(void)
{
	pthread_attr_t attributes;
	int error_number;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	reader.ending = false;
	error_number = pthread_create(&reader.thread, &attributes, reader_main, NULL);
	pthread_attr_destroy(&attributes);
	if (error_number != 0)
		return report_error(COPIER_IO, error_number, NO_LAYER, NULL, NO_OFFSET,
							"could not start a thread");
	reader.started = true;
	return 0;
}

void
verify_stop(void)
{
	if (!reader.started)
		return;
	pthread_mutex_lock(&reader.mutex);
	reader.ending = true;
	pthread_cond_broadcast(&reader.changed);
	pthread_mutex_unlock(&reader.mutex);
	pthread_join(reader.thread, NULL);
	reader.started = false;
}

/* Reads the same guest bytes of both. */
static int
read_both(struct side *source, struct side *result, uint64_t at, uint64_t length)
{
	int outcome;

	if (!reader.started || length < PARALLEL_BYTES)
		return side_read(source, at, length) != 0 ? -1 : side_read(result, at, length);
	pthread_mutex_lock(&reader.mutex);
	reader.side = result;
	reader.at = at;
	reader.length = length;
	pthread_cond_broadcast(&reader.changed);
	pthread_mutex_unlock(&reader.mutex);
	outcome = side_read(source, at, length);
	pthread_mutex_lock(&reader.mutex);
	while (reader.side != NULL)
		pthread_cond_wait(&reader.changed, &reader.mutex);
	if (reader.result != 0)
		outcome = -1;
	pthread_mutex_unlock(&reader.mutex);
	return outcome;
}

static int
report_difference(const struct side *source, uint64_t at, uint64_t end, const unsigned char *a,
				  const unsigned char *b)
{
	uint64_t differs = 0;

	while (at + differs < end - 1 && (a != NULL ? a[differs] : 0) == (b != NULL ? b[differs] : 0))
		differs++;
	if (!source->at_end && at >= source->extent.start)
		report_error(COPIER_IO, 0, source->extent.layer,
					 source->chain->layers[source->extent.layer].path, NO_OFFSET,
					 a != NULL ? "output differs at guest offset %" PRIu64 ", which this layer owns"
							   : "output differs at guest offset %" PRIu64
								 ", which this layer owns as zero",
					 at + differs);
	else
		report_error(COPIER_IO, 0, NO_LAYER, NULL, NO_OFFSET,
					 "output differs at guest offset %" PRIu64
					 ", which no layer owns: it must be zero",
					 at + differs);
	return 1;
}

static int
compare_range(struct side *source, struct side *result, uint64_t at, uint64_t end)
{
	const unsigned char *a = side_is_zero(source, at) ? NULL : source->buffer;
	const unsigned char *b = side_is_zero(result, at) ? NULL : result->buffer;

	if (a != NULL && b != NULL)
	{
		if (read_both(source, result, at, end - at) != 0)
			return -1;
	}
	else if (side_read(a != NULL ? source : result, at, end - at) != 0)
		return -1;
	if (a != NULL && b != NULL ? memcmp(a, b, (size_t) (end - at)) == 0
							   : memory_is_zero(a != NULL ? a : b, (size_t) (end - at)))
		return 0;
	return report_difference(source, at, end, a, b);
}

int
verify_compare(const struct chain *source_chain, const struct chain *result_chain, uint64_t size,
			   struct throttle *throttle, atomic_uint_fast64_t *compared)
{
	struct side source = {0};
	struct side result = {0};
	uint64_t at = 0;
	int outcome = -1;

	if (side_open(&source, source_chain, true, throttle) != 0 ||
		side_open(&result, result_chain, false, throttle) != 0)
		goto done;
	outcome = 0;
	while (at < size && outcome == 0)
	{
		uint64_t length = min_u64(side_length(&source, at), side_length(&result, at));

		length = min_u64(length, size - at);
		if (!side_is_zero(&source, at) || !side_is_zero(&result, at))
		{
			length = min_u64(length, COMPARE_BYTES - (at & (COMPARE_BYTES - 1)));
			if (!throttle_take(throttle, length))
				outcome = report_error(COPIER_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled");
			else
				outcome = compare_range(&source, &result, at, at + length);
		}
		at += length;
		if (outcome == 0)
			atomic_store(compared, at);
		if (outcome == 0 && !source.at_end && at >= source.extent.start + source.extent.length)
			outcome = side_next(&source);
		if (outcome == 0 && !result.at_end && at >= result.extent.start + result.extent.length)
			outcome = side_next(&result);
	}
done:
	side_close(&result);
	side_close(&source);
	return outcome;
}
