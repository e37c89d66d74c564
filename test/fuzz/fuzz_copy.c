/*
 * fuzz_copy.c
 *		A whole copy, from the command's options to the synced file, whose result is read back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "copy/base/budget.h"
#include "copy/command/copy.h"
#include "fuzz_chain.h"
#include "fuzz_faults.h"
#include "copy/base/report.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* Reads the result, raw or qcow2, through a map of its own. */
static void
compare_result(const struct fuzz_chain *made, const char *path, enum image_format format,
			   uint64_t virtual_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct chain chain = {0};
	struct chain_map *map;
	struct extent extent = {0};
	bool more;

	if (fd < 0 || chain_open_fd(&chain, fd, -1, format, path, NULL) != 0 ||
		chain.virtual_size != virtual_size || (map = chain_map_open(&chain, false)) == NULL)
		abort();
	more = chain_map_next(map, &extent) == 1;
	for (uint64_t offset = 0; offset < virtual_size; offset += 512)
	{
		unsigned char expected[512];
		unsigned char found[512] = {0};
		uint64_t host;
		int layer;

		while (more && extent.start + extent.length <= offset)
			more = chain_map_next(map, &extent) == 1;
		if (more && extent.start <= offset &&
			pread(fd, found, 512, (off_t) (extent.host + (offset - extent.start))) < 0)
			abort();
		if (fuzz_chain_sector(made, offset, &layer, &host, expected) != FUZZ_COMPRESSED &&
			memcmp(found, expected, 512) != 0)
		{
			fprintf(stderr, "guest %#lx differs\n", (unsigned long) offset);
			abort();
		}
	}
	chain_map_close(map);
	chain_close(&chain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct options options;
	static struct copy copy;
	struct fuzz_chain made;
	size_t before = budget_left();
	struct fuzz_fault fault = fuzz_fault_take(input, &size);
	char path[320];
	bool good;

	if (!fuzz_chain_make(&made, input, size))
		return 0;
	report_reset();
	memset(&options, 0, sizeof(options));
	memset(&copy, 0, sizeof(copy));
	memcpy(options.layers, made.options, sizeof(made.options));
	options.layer_count = made.count;
	options.output_format = (made.flags & 1) != 0 ? FORMAT_QCOW2 : FORMAT_RAW;
	snprintf(path, sizeof(path), "%s", fuzz_path("out"));
	options.output_path = path;
	options.version = (made.flags & 2) != 0 ? 2 : 3;
	options.cluster_bits = 9 + (made.flags >> 2) % 8;
	options.threads = 1 + (made.flags >> 5) % 2;
	options.preallocate = (made.flags & 64) != 0 && options.output_format == FORMAT_RAW;
	options.keep_zeroes = (made.flags & 128) != 0;
	options.io = (made.flags & 8) != 0 ? IO_BUFFERED : IO_AUTO;
	copy.options = &options;
	throttle_start(&copy.throttle, 0);
	progress_start(&copy.progress, PROGRESS_NONE, NULL);
	fuzz_fault_begin(&fault);
	good = copy_open(&copy) == 0;
	if (good)
	{
		fuzz_fault_break_layer(&fault, &copy.chain, false);
		good = copy_run(&copy) == 0;
	}
	fuzz_fault_end(&fault);
	if (good)
	{
		uint64_t virtual_size = copy.plan.virtual_size;

		copy_close(&copy);
		report_reset();
		compare_result(&made, path, options.output_format, virtual_size);
	}
	else
	{
		if (!report_is_set())
			abort();
		copy_clean(&copy);
		copy_close(&copy);
		if (access(path, F_OK) == 0)
		{
			fprintf(stderr, "output left after a failure\n");
			abort();
		}
	}
	unlink(path);
	fuzz_chain_free(&made);
	if (budget_left() != before)
		abort();
	return 0;
}
