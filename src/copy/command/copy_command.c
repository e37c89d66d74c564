/*
 * copy_command.c
 *		vmclone-copy copy: options, control thread, and the end of a run.
 */
#include "copy/command/commands.h"
#include "copy/base/control.h"
#include "copy/command/copy.h"
#include "copy/base/remover.h"
#include "copy/base/report.h"
#include "copy/base/rootpath.h"
#include "copy/base/sandbox.h"

int
copy_main(int argc, char **argv)
{
	static struct options options;
	static struct copy copy;
	struct report report;

	if (options_parse(&options, OPTIONS_COPY, argc, argv) != 0)
	{
		report_print(options.progress == PROGRESS_JSON);
		return COPIER_EXIT_USAGE;
	}
	options.output_path = root_device_path(options.output_path);
	sandbox_prepare(options.progress == PROGRESS_JSON);
	copy.options = &options;
	throttle_start(&copy.throttle, options.limit);
	progress_start(&copy.progress, options.progress, &copy.throttle.stop);
	if (remover_start(argc, argv) == 0 &&
		control_start(&copy.throttle, &copy.progress, options_control_mode(&options)) == 0)
	{
		if (copy_open(&copy) != 0 || sandbox_enter() != 0 || copy_run(&copy) != 0)
			copy_clean(&copy);
		else if (options.keep_lock)
			control_wait_end();
		control_finish();
	}
	progress_end_line(&copy.progress);
	copy_close(&copy);
	remover_finish();
	/* Once all is synced, what arrives while the lock is kept is no failure. */
	if (copy.finished)
		return COPIER_EXIT_DONE;
	report_print(options.progress == PROGRESS_JSON && progress_wait_for_room(&copy.progress));
	report = report_get();
	return (int) report_exit_code(&report);
}
