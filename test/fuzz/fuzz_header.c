/*
 * fuzz_header.c
 *		The input is an image file: header, extensions, L1 table, and one pass over its map.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "copy/base/budget.h"
#include "copy/chain/chain_map.h"
#include "copy/base/report.h"
#include "fuzz_faults.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* A sparse L1 of petabytes is legal; this many extents of it are enough. */
#define EXTENT_LIMIT 20000

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct chain chain = {0};
	size_t before = budget_left();
	struct fuzz_fault fault = fuzz_fault_take(input, &size);
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (fd < 0 || write(fd, input, size) != (ssize_t) size)
		abort();
	if (fuzz_fault_is_file(&fault))
		fuzz_fault_break_file(fd);
	report_reset();
	fuzz_fault_begin(&fault);
	if (chain_open_fd(&chain, fd, -1, FORMAT_QCOW2, "image", NULL) == 0)
	{
		struct chain_map *map = chain_map_open(&chain, true);
		struct extent extent;
		uint64_t end = 0;

		for (int i = 0; map != NULL && i < EXTENT_LIMIT && chain_map_next(map, &extent) == 1; i++)
		{
			if (extent.start < end || extent.length == 0 || extent.start >= chain.virtual_size ||
				extent.length > chain.virtual_size - extent.start)
				abort();
			end = extent.start + extent.length;
		}
		chain_map_close(map);
	}
	else if (!report_is_set())
		abort(); /* a failure without a reason */
	chain_close(&chain);
	fuzz_fault_end(&fault);
	/* whatever happened, all memory is given back */
	if (budget_left() != before)
		abort();
	return 0;
}
