/*
 * sequence.c
 *		vmclone-copy sequence: several subcommands one after the other in one process.
 *
 * Starting a program costs more than most steps on storage do.  What parses images is a process of its own
 * here too: it is forked, goes into the sandbox, and ends; the steps around it are done by one that has never
 * seen an image's bytes, and that is its remover.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/copier_protocol.h"
#include "copy/base/control.h"
#include "copy/base/lease.h"
#include "copy/base/remover.h"
#include "copy/base/report.h"
#include "copy/command/commands.h"
#include "copy/command/copy.h"
#include "copy/command/sequence.h"
#include "copy/volume/volume.h"

/* Arguments of one step: more than a chain of COPIER_MAX_LAYERS layers with their names. */
#define STEP_ARGUMENTS (COPIER_MAX_LAYERS * 4 + 256)

/* The process that copies; 0: none. */
static volatile sig_atomic_t copying = 0;

/* What stops the sequence stops the copy; any other step can be cut off anywhere. */
static void
pass_on(int number)
{
	if (copying != 0)
	{
		kill((pid_t) copying, number);
		return;
	}
	signal(number, SIG_DFL);
	raise(number);
}

static void
pass_signals_on(void)
{
	struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/*
 * The process list shows the copy's own command line: the strings of the step, which lie one behind the
 * other, move to the front.
 */
static void
show_step(char *first, int argc, char **argv)
{
	char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	size_t length = (size_t) (end - argv[0]);
	ptrdiff_t moved = argv[0] - first;

	memmove(first, argv[0], length);
	memset(first + length, 0, (size_t) moved);
	for (int i = 0; i < argc; i++)
		argv[i] -= moved;
}

/* Never returns. */
static void
run_copy(pid_t parent, char *first, int argc, char **argv, uint64_t *length)
{
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(COPIER_EXIT_IO);
	lease_forked();
	lease_guard_thread();
	remover_join();
	show_step(first, argc, argv);
	if (length != NULL)
		copy_tell_length(length);
	exit(copy_main(argc, argv));
}

/*
 * The copy's exit code; its signal ends this process, too, so that whoever waits sees the same.  Meanwhile this process
 * is the copy's remover.
 */
static int
wait_for_copy(pid_t pid)
{
	int status;

	remover_serve();
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return COPIER_EXIT_IO;
	copying = 0;
	/* from now on files may be somebody else's to go on with */
	lease_guard_thread();
	remover_end();
	if (WIFSIGNALED(status))
	{
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
		return COPIER_EXIT_IO;
	}
	return WEXITSTATUS(status);
}

/* length: of the copy's file, in memory that both processes see; NULL: nobody commits it. */
static int
fork_copy(char *first, int argc, char **argv, uint64_t *length)
{
	pid_t parent = getpid();
	sigset_t stopping;
	sigset_t before;
	pid_t pid;

	if (remover_open() != 0)
	{
		report_print(true);
		return COPIER_EXIT_IO;
	}
	/* the copy has a thread of its own that listens */
	control_finish();
	/* a signal between fork and the note of whom to pass it on to would be lost */
	sigemptyset(&stopping);
	sigaddset(&stopping, SIGTERM);
	sigaddset(&stopping, SIGINT);
	sigaddset(&stopping, SIGHUP);
	sigprocmask(SIG_BLOCK, &stopping, &before);
	lease_release_process();
	pid = fork();
	if (pid == 0)
	{
		sigprocmask(SIG_SETMASK, &before, NULL);
		run_copy(parent, first, argc, argv, length);
	}
	copying = pid > 0 ? pid : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
	{
		report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET, "could not start a process");
		report_print(true);
		return COPIER_EXIT_IO;
	}
	return wait_for_copy(pid);
}

/* A step behind a copy is told how long the file is that it finds. */
static int
run_volume(int argc, char **argv, uint64_t length, bool *committed)
{
	static char *arguments[STEP_ARGUMENTS];
	char size[24];

	if (length == 0 || strcmp(argv[1], COPIER_VOLUME_COMMIT) != 0)
		return volume_run(argc, argv, committed);
	memcpy(arguments, argv, (size_t) argc * sizeof(*argv));
	snprintf(size, sizeof(size), "%" PRIu64, length);
	arguments[argc] = "--" COPIER_OPTION_SIZE;
	arguments[argc + 1] = size;
	return volume_run(argc + 2, arguments, committed);
}

/* Where the step that begins at argv[from] ends. */
static int
end_of_step(int argc, char **argv, int from)
{
	while (from < argc && strcmp(argv[from], COPIER_THEN) != 0)
		from++;
	return from;
}

/* Whether the step behind --then at argv[end] is a commit. */
static bool
is_commit_next(int argc, char **argv, int end)
{
	return end + 2 < argc && strcmp(argv[end + 1], COPIER_VOLUME) == 0 &&
		   strcmp(argv[end + 2], COPIER_VOLUME_COMMIT) == 0;
}

static bool
is_step(int argc, char **argv)
{
	if (argc < 2 || argc > STEP_ARGUMENTS - 2)
		return false;
	return strcmp(argv[0], COPIER_COPY) == 0 || strcmp(argv[0], COPIER_VOLUME) == 0;
}

static bool
check_steps(int argc, char **argv)
{
	for (int from = 1, end; from <= argc; from = end + 1)
	{
		end = end_of_step(argc, argv, from);
		if (!is_step(end - from, argv + from))
		{
			report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
						 "sequence takes \"copy …\" and \"volume …\", separated by --then; see "
						 "vmclone-copy --help");
			report_print(false);
			return false;
		}
	}
	return true;
}

int
sequence_main(int argc, char **argv)
{
	uint64_t *length;
	bool committed = false;
	int status = COPIER_EXIT_DONE;

	if (!check_steps(argc, argv))
		return COPIER_EXIT_USAGE;
	length = mmap(NULL, sizeof(*length), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (length == MAP_FAILED)
	{
		perror("vmclone-copy: could not allocate memory");
		return COPIER_EXIT_IO;
	}
	pass_signals_on();
	for (int from = 1, end; from <= argc && status == COPIER_EXIT_DONE; from = end + 1)
	{
		char **step = argv + from;

		end = end_of_step(argc, argv, from);
		if (strcmp(step[0], COPIER_VOLUME) == 0)
			status = run_volume(end - from, step, *length, &committed);
		else if (!committed)
			/* an earlier attempt whose end nobody has heard of made the volume: nothing is to be copied */
			status = fork_copy(argv[0], end - from, step,
							   is_commit_next(argc, argv, end) ? length : NULL);
	}
	control_finish();
	munmap(length, sizeof(*length));
	return status;
}
