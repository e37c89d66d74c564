/*
 * verify.c
 *		Compares the guest contents of two chains.
 */
#include <errno.h>
#include <inttypes.h>

#include "budget.h"
#include "chain_map.h"
#include "decompress.h"
#include "fileio.h"
#include "report.h"
#include "verify.h"

#define COMPARE_BYTES ((uint64_t) 256 * 1024)

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
side_open(struct side *side, const struct chain *chain, struct throttle *throttle)
{
	side->chain = chain;
	side->map = chain_map_open(chain, false);
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
	return side->at_end || at < side->extent.start;
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
	if (file_read_zero_filled(layer->direct_fd >= 0 &&
									  is_aligned(extent->host + skip, DIRECT_BLOCK) &&
									  is_aligned(length, DIRECT_BLOCK)
								  ? layer->direct_fd
								  : layer->fd,
							  side->buffer, (size_t) length, extent->host + skip) != 0)
		return report_io_error(errno, layer->index, layer->path, extent->host + skip,
							   "could not read data");
	return 0;
}

static int
report_difference(const struct side *source, uint64_t at, uint64_t end, const unsigned char *a,
				  const unsigned char *b)
{
	uint64_t differs = 0;

	while (at + differs < end - 1 && (a != NULL ? a[differs] : 0) == (b != NULL ? b[differs] : 0))
		differs++;
	if (a != NULL)
		report_error(REPORT_IO, 0, source->extent.layer,
					 source->chain->layers[source->extent.layer].path, NO_OFFSET,
					 "output differs at guest offset %" PRIu64 ", which this layer owns",
					 at + differs);
	else
		report_error(REPORT_IO, 0, NO_LAYER, NULL, NO_OFFSET,
					 "output differs at guest offset %" PRIu64
					 ", which no layer owns: it must be zero",
					 at + differs);
	return 1;
}

static int
compare_range(struct side *source, struct side *result, uint64_t at, uint64_t end)
{
	const unsigned char *a = NULL;
	const unsigned char *b = NULL;

	if (!side_is_zero(source, at))
	{
		if (side_read(source, at, end - at) != 0)
			return -1;
		a = source->buffer;
	}
	if (!side_is_zero(result, at))
	{
		if (side_read(result, at, end - at) != 0)
			return -1;
		b = result->buffer;
	}
	if (a != NULL && b != NULL ? memcmp(a, b, (size_t) (end - at)) == 0
							   : memory_is_zero(a != NULL ? a : b, (size_t) (end - at)))
		return 0;
	return report_difference(source, at, end, a, b);
}

int
verify_compare(const struct chain *source_chain, const struct chain *result_chain, uint64_t size,
			   struct throttle *throttle, struct progress *progress)
{
	struct side source = {0};
	struct side result = {0};
	uint64_t at = 0;
	int outcome = -1;

	if (side_open(&source, source_chain, throttle) != 0 ||
		side_open(&result, result_chain, throttle) != 0)
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
				outcome = report_error(REPORT_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled");
			else
				outcome = compare_range(&source, &result, at, at + length);
			if (progress != NULL && !side_is_zero(&source, at))
				atomic_fetch_add(&progress->bytes_done, length);
		}
		at += length;
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
