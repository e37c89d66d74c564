/*
 * dispatch.c
 *		A command line's subcommand, and what stands before it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/copier_protocol.h"
#include "copy/base/arguments.h"
#include "copy/base/lease.h"
#include "copy/base/report.h"
#include "copy/command/commands.h"
#include "copy/command/dispatch.h"
#include "copy/command/sequence.h"
#include "copy/volume/volume.h"

static const char help[] =
	"vmclone-copy turns a chain of raw/qcow2 snapshot layers into one image.\n"
	"\n"
	"  vmclone-copy copy    --layer FORMAT:PATH … --output FORMAT:PATH [options]\n"
	"  vmclone-copy measure --layer FORMAT:PATH … --format FORMAT [options]\n"
	"  vmclone-copy map     --layer FORMAT:PATH … [--svg]\n"
	"  vmclone-copy verify  --layer FORMAT:PATH … --output FORMAT:PATH\n"
	"  vmclone-copy volume  SUBCOMMAND …      (used by the vmclone worker)\n"
	"  vmclone-copy sequence volume|copy … --then volume|copy … (one after the other)\n"
	"  vmclone-copy serve   --root DIR … [--provision PROGRAM --state DIR]\n"
	"                                         (one of these, told by a program on another machine)\n"
	"  vmclone-copy --version\n"
	"\n"
	"Give every layer, the first snapshot first and the one to copy last.  FORMAT is raw or\n"
	"qcow2 and is never guessed.  What a header says about its backing file is compared with\n"
	"the layers given, and never opened.\n"
	"\n"
	"A first copy:\n"
	"  vmclone-copy copy --layer qcow2:base.qcow2 --layer qcow2:snap1.qcow2 \\\n"
	"      --output raw:clone.img --progress bar\n"
	"\n"
	"The result\n"
	"  --output FORMAT:PATH  a new file, or an existing block device (all of it is written)\n"
	"  --size BYTES          virtual size, not below that of the last layer (K, M, G, T allowed);\n"
	"                        without any layer: an empty image of that size\n"
	"  --preallocate         raw: allocate every block; without it, zero blocks are holes\n"
	"  --compat 0.10|1.1     qcow2 version (1.1)\n"
	"  --cluster-size BYTES  qcow2 cluster size, 512 to 2M (64K)\n"
	"  --keep-zeroes         write blocks of zeroes that the layers hold as data\n"
	"  --verify              read the result back and compare it before saying done\n"
	"How it is copied\n"
	"  --threads N           number of threads (chosen by the machine and the storage)\n"
	"  --limit BYTES         at most this many bytes per second\n"
	"  --io auto|direct|buffered  past the page cache or through it (auto)\n"
	"  --no-reflink          never share blocks with the layers\n"
	"  --resume FILE         keep a record in FILE; the same command again goes on from there\n"
	"  --claim N             with --resume: refuse a record that a newer claim has written\n"
	"  --since-claim N       with --claim: begin anew where a claim before N has written it\n"
	"  --keep-lock           when done, hold the lock on the output until stdin ends\n"
	"  --keep-record         when done, leave the record of --resume\n"
	"  --progress none|bar|json\n"
	"  --control             obey lines on stdin: \"limit BYTES\", \"pause\", \"resume\", \"cancel\"\n"
	"The layers\n"
	"  --backing-name NAME   behind a --layer: the backing file name its header must have,\n"
	"                        instead of the name of the layer before it\n"
	"  --force-share         copy though another process has a layer open for writing\n"
	"  --root DIR            open files only below DIR and never through symbolic links;\n"
	"                        may be given more than once\n"
	"\n"
	"Before copy, verify, volume or sequence\n"
	"  --lease SECONDS       end when nothing is heard on stdin for so long: lines \"beat CLOCK\"\n"
	"                        with the newest clock of an event (--progress json)\n"
	"  --beat CLOCK          count from this clock on instead of from the start\n"
	"\n"
	"While it runs, SIGTERM and SIGINT cancel.  Without --control stdin is left alone, but where\n"
	"--progress json is given and it is a pipe: then lines are obeyed too, and its end cancels.\n"
	"\n"
	"measure prints the exact length of the result and the bytes that must be read; map prints\n"
	"who owns each guest range, or with --svg draws it; verify says where the first difference\n"
	"is and which layer owns it.\n"
	"\n"
	"Exit status: 0 done and synced (verify: equal) · 1 I/O error (verify: different) · 2 usage\n"
	"· 3 image refused · 4 cancelled, or a lease was over.  After 1, 3 and 4 a new output file is\n"
	"removed; with --resume it is kept after 1, and when a lease was over.\n";

void
dispatch_help(void)
{
	fputs(help, stdout);
}

static int
fail(void)
{
	struct report report = report_get();

	report_print(lease_is_on());
	return (int) report_exit_code(&report);
}

static int
usage_error(const char *what, const char *which)
{
	report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
				 "%s \"%.200s\"; see vmclone-copy --help", what, which);
	return fail();
}

static int
take_number(const char *option, const char *text, uint64_t limit, uint64_t *number)
{
	if (arguments_number(text, 10, number) && *number > 0 && *number <= limit)
		return 0;
	return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
						"%s \"%.200s\" is not valid, expected a number from 1 to %" PRIu64, option,
						text, limit);
}

/* Takes the options that stand before the subcommand.  How many arguments these are, or -1 after report_error(). */
static int
take_lease(int argc, char **argv, uint64_t clock)
{
	static const char lease_option[] = "--" COPIER_OPTION_LEASE;
	static const char beat_option[] = "--" COPIER_OPTION_BEAT;
	uint64_t seconds = 0;
	uint64_t beat = 0;
	int taken = 0;

	for (; taken + 2 < argc; taken += 2)
	{
		const char *option = argv[taken + 1];
		int result;

		if (strcmp(option, lease_option) == 0)
			result = take_number(option, argv[taken + 2], COPIER_MAX_LEASE, &seconds);
		else if (strcmp(option, beat_option) == 0)
			result = take_number(option, argv[taken + 2], INT64_MAX, &beat);
		else
			break;
		if (result != 0)
			return -1;
	}
	if (beat != 0 && seconds == 0)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET, "%s is only for %s",
							beat_option, lease_option);
	if (seconds != 0 && lease_start(seconds, beat != 0 ? beat : clock) != 0)
		return -1;
	return taken;
}

int
dispatch(int argc, char **argv, uint64_t clock)
{
	static const struct
	{
		const char *name;
		int (*run)(int argc, char **argv);
		bool takes_lease;
	} commands[] = {{COPIER_COPY, copy_main, true},     {COPIER_MEASURE, measure_main, false},
					{COPIER_MAP, map_main, false},      {COPIER_VERIFY, verify_main, true},
					{COPIER_VOLUME, volume_main, true}, {COPIER_SEQUENCE, sequence_main, true}};
	int taken = take_lease(argc, argv, clock);

	if (taken < 0)
		return fail();
	argc -= taken;
	argv += taken;
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (argc > 2 && strcmp(argv[2], "--help") == 0 && commands[i].run != volume_main)
		{
			dispatch_help();
			return COPIER_EXIT_DONE;
		}
		if (lease_is_on() && !commands[i].takes_lease)
			return usage_error("--" COPIER_OPTION_LEASE " is not for", argv[1]);
		return commands[i].run(argc - 1, argv + 1);
	}
	if (argc > 1)
		return usage_error("unknown subcommand", argv[1]);
	report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
				 "give a subcommand: copy, measure, map or verify; see vmclone-copy --help");
	return fail();
}
