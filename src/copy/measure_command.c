/*
 * measure_command.c
 *		vmclone-copy measure: exact length of the result, and bytes that must be read.
 */
#include <inttypes.h>
#include <stdio.h>

#include "commands.h"
#include "plan.h"
#include "report.h"

static int
measure(const struct chain *chain, const struct options *options)
{
	struct chain_map *map = chain_map_open(chain, false);
	struct plan plan;
	int result;

	if (map == NULL)
		return -1;
	result = plan_make(&plan, chain, map, options);
	chain_map_close(map);
	if (result != 0)
		return -1;
	printf("{\"required\":%" PRIu64 ",\"bytes_to_read\":%" PRIu64 ",\"virtual_size\":%" PRIu64
		   ",\"allocated_bytes\":%" PRIu64 "}\n",
		   plan.layout.file_length, plan.totals.read_bytes, plan.virtual_size,
		   options->preallocate ? plan.layout.file_length : plan_bytes(&plan));
	return 0;
}

int
measure_main(int argc, char **argv)
{
	static struct options options;
	struct chain chain = {0};
	struct report report;

	if (options_parse(&options, OPTIONS_MEASURE, argc, argv) == 0 &&
		chain_open(&chain, options.layers, options.layer_count, options.force_share) == 0)
		measure(&chain, &options);
	chain_close(&chain);
	report_print(false);
	report = report_get();
	return report_exit_code(&report);
}
