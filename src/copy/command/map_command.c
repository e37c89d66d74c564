/*
 * map_command.c
 *		vmclone-copy map: who owns which guest bytes, as JSON lines.
 */
#include <inttypes.h>
#include <stdio.h>

#include "copy/chain/chain_map.h"
#include "copy/command/commands.h"
#include "copy/command/options.h"
#include "copy/base/report.h"
#include "copy/base/sandbox.h"

static void
print_extent(uint64_t start, uint64_t length, int layer, const char *kind, uint64_t offset)
{
	printf("{\"start\":%" PRIu64 ",\"length\":%" PRIu64, start, length);
	if (layer == NO_LAYER)
		fputs(",\"layer\":null", stdout);
	else
		printf(",\"layer\":%d", layer);
	if (offset == NO_OFFSET)
		printf(",\"kind\":\"%s\",\"offset\":null}\n", kind);
	else
		printf(",\"kind\":\"%s\",\"offset\":%" PRIu64 "}\n", kind, offset);
}

static int
print_map(const struct chain *chain)
{
	struct chain_map *map = chain_map_open(chain, true);
	struct extent extent;
	uint64_t at = 0;
	int result = 0;

	if (map == NULL)
		return -1;
	/* Whoever reads it may have seen enough: a map can be very long. */
	while (!ferror(stdout) && (result = chain_map_next(map, &extent)) > 0)
	{
		if (extent.start > at)
			print_extent(at, extent.start - at, NO_LAYER, "hole", NO_OFFSET);
		print_extent(extent.start, extent.length, extent.layer,
					 extent.kind == EXTENT_DATA   ? "data"
					 : extent.kind == EXTENT_ZERO ? "zero"
												  : "compressed",
					 extent.kind == EXTENT_ZERO ? NO_OFFSET : extent.host);
		at = extent.start + extent.length;
	}
	if (result == 0 && !ferror(stdout) && at < chain->virtual_size)
		print_extent(at, chain->virtual_size - at, NO_LAYER, "hole", NO_OFFSET);
	chain_map_close(map);
	if (result >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
		return report_error(REPORT_IO, 0, NO_LAYER, NULL, NO_OFFSET, "could not write to stdout");
	return result;
}

int
map_main(int argc, char **argv)
{
	static struct options options;
	struct chain chain = {0};
	struct report report;

	sandbox_prepare(false);
	if (options_parse(&options, OPTIONS_MAP, argc, argv) == 0 &&
		chain_open_files(&chain, options.layers, options.layer_count, false) == 0 &&
		sandbox_enter() == 0 && chain_read(&chain, options.force_share, NULL) == 0)
		print_map(&chain);
	chain_close(&chain);
	report_print(false);
	report = report_get();
	return report_exit_code(&report);
}
