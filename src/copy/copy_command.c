/*
 * copy_command.c
 *		vmclone-copy copy: options, control thread, and the end of a run.
 */
#include <errno.h>

#include "commands.h"
#include "control.h"
#include "copy.h"
#include "report.h"

int
copy_main(int argc, char **argv)
{
	static struct options options;
	static struct copy copy;
	struct report report;

	if (options_parse(&options, OPTIONS_COPY, argc, argv) != 0)
	{
		report_print(options.progress == PROGRESS_JSON);
		return EXIT_USAGE;
	}
	copy.options = &options;
	throttle_start(&copy.throttle, options.limit);
	progress_start(&copy.progress, options.progress);
	if (control_start(&copy.throttle, &copy.progress, options.progress == PROGRESS_JSON) == 0)
	{
		if (copy_run(&copy) == 0 && options.keep_lock)
			control_wait_end();
		control_finish();
	}
	progress_end_line(&copy.progress);
	copy_close(&copy);
	report_print(options.progress == PROGRESS_JSON);
	report = report_get();
	/* Once all is synced, what arrives while the lock is kept is no failure. */
	return copy.finished ? EXIT_DONE : (int) report_exit_code(&report);
}
