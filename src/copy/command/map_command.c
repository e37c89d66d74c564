/*
 * map_command.c
 *		vmclone-copy map: who owns which guest bytes, as JSON lines or as a picture.
 */
#include <stdio.h>

#include "copy/chain/chain_map.h"
#include "copy/command/commands.h"
#include "copy/command/map_svg.h"
#include "copy/command/options.h"
#include "copy/base/report.h"
#include "copy/base/sandbox.h"

static int
print_extent(struct json *json, uint64_t start, uint64_t length, int layer, const char *kind,
			 uint64_t offset)
{
	json_open(json, NULL, '{');
	json_integer(json, "start", start);
	json_integer(json, "length", length);
	if (layer == NO_LAYER)
		json_null(json, "layer");
	else
		json_integer(json, "layer", (uint64_t) layer);
	json_string(json, "kind", kind);
	if (offset == NO_OFFSET)
		json_null(json, "offset");
	else
		json_integer(json, "offset", offset);
	json_close(json, '}');
	return json_print(json, false);
}

static const char *
kind_name(enum extent_kind kind)
{
	switch (kind)
	{
		case EXTENT_DATA:
			return "data";
		case EXTENT_ZERO:
			return "zero";
		case EXTENT_COMPRESSED:
			return "compressed";
		case EXTENT_HOLE:
			break;
	}
	return "hole";
}

/* Prints every extent, and the holes between them.  0; 1 if nobody reads any more; -1 after report_error(). */
static int
print_extents(const struct chain *chain, struct chain_map *map, struct json *json)
{
	struct extent extent;
	uint64_t at = 0;
	int result;

	/* Whoever reads it may have seen enough: a map can be very long. */
	while ((result = chain_map_next(map, &extent)) > 0)
	{
		if (extent.start > at && print_extent(json, at, extent.start - at, NO_LAYER,
											  kind_name(EXTENT_HOLE), NO_OFFSET) != 0)
			return 1;
		if (print_extent(json, extent.start, extent.length, extent.layer, kind_name(extent.kind),
						 extent.kind == EXTENT_ZERO ? NO_OFFSET : extent.host) != 0)
			return 1;
		at = extent.start + extent.length;
	}
	if (result == 0 && at < chain->virtual_size &&
		print_extent(json, at, chain->virtual_size - at, NO_LAYER, kind_name(EXTENT_HOLE),
					 NO_OFFSET) != 0)
		return 1;
	return result;
}

static int
print_map(const struct chain *chain, bool svg)
{
	struct chain_map *map = chain_map_open(chain, true);
	struct json json = {0};
	int result;

	if (map == NULL)
		return -1;
	if (svg)
	{
		result = map_svg_print(chain, map);
		chain_map_close(map);
		return result;
	}
	result = print_extents(chain, map, &json);
	chain_map_close(map);
	json_free(&json);
	if (result > 0 || (result == 0 && fflush(stdout) != 0))
		return report_error(COPIER_IO, 0, NO_LAYER, NULL, NO_OFFSET, "could not write to stdout");
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
		chain_open_files(&chain, options.layers, options.layer_count, FROM_PAGE_CACHE) == 0 &&
		sandbox_enter() == 0 && chain_read(&chain, options.force_share, NULL) == 0)
		print_map(&chain, options.svg);
	chain_close(&chain);
	report_print(false);
	report = report_get();
	return report_exit_code(&report);
}
