/*
 * measure_command.c
 *		vmclone-copy measure: exact length of the result, and bytes that must be read.
 */
#include <errno.h>

#include "copy/command/commands.h"
#include "copy/command/plan.h"
#include "copy/base/report.h"
#include "copy/base/sandbox.h"

static int
measure(const struct chain *chain, const struct options *options)
{
	struct extents extents;
	struct plan plan;
	struct json answer = {0};
	int result = extents_open(&extents, chain, NULL);

	if (result == 0)
		result = plan_make(&plan, chain, &extents, options);
	extents_close(&extents);
	if (result != 0)
		return -1;
	json_open(&answer, NULL, '{');
	json_integer(&answer, COPIER_FIELD_REQUIRED, plan.layout.file_length);
	json_integer(&answer, COPIER_FIELD_BYTES_TO_READ, plan.totals.read_bytes);
	json_integer(&answer, COPIER_FIELD_VIRTUAL_SIZE, plan.virtual_size);
	json_integer(&answer, COPIER_FIELD_ALLOCATED_BYTES,
				 options->preallocate ? plan.layout.file_length : plan_bytes(&plan));
	json_close(&answer, '}');
	result = json_print(&answer, true);
	json_free(&answer);
	if (result != 0)
		return report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET,
							"could not write to stdout");
	return 0;
}

int
measure_main(int argc, char **argv)
{
	static struct options options;
	struct chain chain = {0};
	struct report report;

	sandbox_prepare(false);
	if (options_parse(&options, OPTIONS_MEASURE, argc, argv) == 0 &&
		chain_open_files(&chain, options.layers, options.layer_count, FROM_PAGE_CACHE) == 0 &&
		sandbox_enter() == 0 && chain_read(&chain, options.force_share, NULL) == 0)
		measure(&chain, &options);
	chain_close(&chain);
	report_print(false);
	report = report_get();
	return report_exit_code(&report);
}
