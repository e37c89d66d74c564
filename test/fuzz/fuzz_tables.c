/*
 * fuzz_tables.c
 *		Tables of a whole chain: every extent of the map must be what the naive reader finds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "copy/base/budget.h"
#include "copy/chain/chain_map.h"
#include "fuzz_chain.h"
#include "fuzz_faults.h"
#include "copy/base/report.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
check_sector(const struct fuzz_chain *input, const struct extent *extent, uint64_t offset)
{
	unsigned char bytes[512];
	uint64_t host = 0;
	int layer = NO_LAYER;
	enum fuzz_answer answer = fuzz_chain_sector(input, offset, &layer, &host, bytes);
	bool same;

	if (extent == NULL || extent->kind == EXTENT_ZERO || extent->kind == EXTENT_HOLE)
		same = answer == FUZZ_ZERO;
	else if (extent->kind == EXTENT_COMPRESSED)
		same = answer == FUZZ_COMPRESSED && layer == extent->layer;
	else
	{
		/* the last granule of a file may reach past its end: there it reads as zeroes */
		same = layer == extent->layer && host == extent->host + (offset - extent->start) &&
			   (answer == FUZZ_DATA ||
				(answer == FUZZ_ZERO && extent->host < input->layers[layer].file_size &&
				 host >= input->layers[layer].file_size));
	}
	if (!same)
	{
		fprintf(stderr, "guest %#lx: map says kind %d, reader says %d in layer %d at %#lx\n",
				(unsigned long) offset, extent == NULL ? -1 : extent->kind, answer, layer,
				(unsigned long) host);
		abort();
	}
}

static void
compare_map(const struct fuzz_chain *input, const struct chain *chain, struct chain_map *map)
{
	struct extent extent;
	uint64_t offset = 0;
	uint64_t end = 0;
	int result;

	while ((result = chain_map_next(map, &extent)) == 1)
	{
		if (extent.start < end || extent.length == 0 || extent.layer < 0 ||
			extent.layer >= chain->count || extent.length > chain->virtual_size - extent.start)
			abort();
		end = extent.start + extent.length;
		for (; offset < extent.start; offset += 512)
			check_sector(input, NULL, offset);
		for (; offset < end; offset += 512)
			check_sector(input, &extent, offset);
	}
	if (result == 0)
		for (; offset < chain->virtual_size; offset += 512)
			check_sector(input, NULL, offset);
	else if (!report_is_set())
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct fuzz_chain made;
	struct chain chain = {0};
	size_t before = budget_left();
	struct fuzz_fault fault = fuzz_fault_take(input, &size);
	bool good;

	if (!fuzz_chain_make(&made, input, size))
		return 0;
	report_reset();
	fuzz_fault_begin(&fault);
	good = chain_open_files(&chain, made.options, made.count,
							(made.flags & 2) != 0 ? FROM_CACHE_OR_DEVICE : FROM_PAGE_CACHE) == 0;
	if (good)
	{
		fuzz_fault_break_layer(&fault, &chain, false);
		good = chain_read(&chain, (made.flags & 1) != 0, NULL) == 0;
	}
	if (good)
	{
		struct chain_map *map = chain_map_open(&chain, true);

		fuzz_fault_break_layer(&fault, &chain, true);
		if (map != NULL)
			compare_map(&made, &chain, map);
		else if (!report_is_set())
			abort();
		chain_map_close(map);
	}
	chain_close(&chain);
	fuzz_fault_end(&fault);
	fuzz_chain_free(&made);
	if (budget_left() != before)
		abort();
	return 0;
}
