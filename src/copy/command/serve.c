/*
 * serve.c
 *		vmclone-copy serve: another subcommand, on behalf of a program on another machine.
 *
 * It is the forced command of an ssh key.  Whoever has the key sends one request, and the process that does it is a
 * child that is bound to serve's own directories.  serve itself only waits: for the end of stdin, which ends the child,
 * and for the end of every process that came of it, which it then says.  Since an orphan becomes its child too, nobody
 * writes any more once that was said.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "copy/base/arguments.h"
#include "copy/base/json.h"
#include "copy/base/lease.h"
#include "copy/base/report.h"
#include "copy/base/rootpath.h"
#include "copy/base/volume_group.h"
#include "copy/command/dispatch.h"
#include "copy/command/serve.h"
#include "copy/command/serve_request.h"
#include "copy/volume/volume.h"

#define REQUEST_PATIENCE UINT64_C(60000) /* ms */
#define END_PATIENCE     2000            /* ms from the end of stdin to SIGKILL */
#define LAST_WORDS_MS    10000           /* for whoever reads slowly */
#define PROVISION        "provision"
#define BY_SIGNAL        128 /* and its number: the exit code, as a shell has it */

static const struct argument arguments[] = {{COPIER_OPTION_ROOT, true, false, 1, 1},
											{PROVISION, true, true, 1, 0},
											{COPIER_OPTION_STATE, true, true, 1, 0},
											{"allow-loop", false, true, 1, 0},
											{NULL, false, false, 0, 0}};

/* The host's own words. */
struct serve_options
{
	const char *roots[COPIER_MAX_ROOTS];
	int root_count;
	const char *program; /* NULL: no logical volumes are made here */
	const char *state;
	bool allow_loop;
};

static int
take_option(void *context, const char *name, char *value)
{
	struct serve_options *options = context;

	if (strcmp(name, PROVISION) == 0)
		options->program = value;
	else if (strcmp(name, COPIER_OPTION_STATE) == 0)
		options->state = value;
	else if (strcmp(name, COPIER_OPTION_ROOT) != 0)
		options->allow_loop = true;
	else if (options->root_count == COPIER_MAX_ROOTS)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"at most %d --root directories can be given", COPIER_MAX_ROOTS);
	else
		options->roots[options->root_count++] = value;
	return 0;
}

/* A group has no directory while none of its volumes is active. */
static int
confine_to(const struct serve_options *options, const char *root)
{
	const char *group = options->program != NULL ? volume_group_of_path(root) : NULL;

	return group != NULL ? volume_group_confine(group) : root_confine(root);
}

static int
confine(const struct serve_options *options)
{
	if ((options->program == NULL) != (options->state == NULL) ||
		(options->allow_loop && options->program == NULL))
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"serve takes --" PROVISION " and --" COPIER_OPTION_STATE
							" together, or neither");
	for (int i = 0; i < options->root_count; i++)
		if (confine_to(options, options->roots[i]) != 0)
			return -1;
	if (options->program == NULL)
		return 0;
	if (options->allow_loop)
		volume_group_confine_to_loops();
	volume_confine(options->program, options->state, options->allow_loop);
	return root_confine(options->state);
}

/* The clock that it tells. */
static uint64_t
print_ready(void)
{
	struct json event = {0};
	uint64_t clock = lease_clock();

	json_open_event(&event, COPIER_EVENT_READY);
	json_integer(&event, COPIER_FIELD_CLOCK, clock);
	json_integer(&event, COPIER_FIELD_PROTOCOL, COPIER_PROTOCOL);
	json_string(&event, COPIER_FIELD_VERSION, VMCLONE_VERSION);
	json_close(&event, '}');
	(void) json_print(&event, true);
	json_free(&event);
	return clock;
}

static void
print_ended(int status)
{
	struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
	struct json event = {0};

	if (poll(&room, 1, LAST_WORDS_MS) == 0)
		return;
	json_open_event(&event, COPIER_EVENT_ENDED);
	json_integer(&event, COPIER_FIELD_EXIT, (uint64_t) status);
	json_close(&event, '}');
	(void) json_print(&event, true);
	json_free(&event);
}

/* Never returns. */
static void
run_child(pid_t parent, const sigset_t *signals, const struct request *request, uint64_t clock)
{
	signal(SIGPIPE, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
		sigprocmask(SIG_SETMASK, signals, NULL) != 0)
		_exit(COPIER_EXIT_IO);
	exit(dispatch(request->argc, request->argv, clock));
}

/* Takes the ends of children until none is left (true) or those that are left go on.  *status: how "child" ended. */
static bool
reap(pid_t child, int *status)
{
	for (;;)
	{
		int ended;
		pid_t pid = waitpid(-1, &ended, WNOHANG);

		if (pid == 0)
			return false;
		if (pid < 0 && errno != EINTR)
			return errno == ECHILD;
		if (pid == child)
			*status = WIFSIGNALED(ended) ? BY_SIGNAL + WTERMSIG(ended) : WEXITSTATUS(ended);
	}
}

/* Waits for the end of all processes; the end of stdin and signals are the child's to act upon.  The child's exit code. */
static int
wait_for_all(pid_t child, int signal_fd)
{
	int status = -1;
	bool hears = true;
	bool was_killed = false;

	while (!reap(child, &status))
	{
		struct pollfd fds[2] = {{.fd = signal_fd, .events = POLLIN},
								{.fd = hears ? STDIN_FILENO : -1, .events = POLLRDHUP}};
		struct signalfd_siginfo info;
		int number = 0;
		int result = poll(fds, 2, hears || was_killed ? -1 : END_PATIENCE);

		if (result < 0 && errno != EINTR)
			break;
		if (result == 0)
		{
			was_killed = true;
			number = SIGKILL;
		}
		if (fds[0].revents != 0 && read(signal_fd, &info, sizeof(info)) == (ssize_t) sizeof(info) &&
			info.ssi_signo != SIGCHLD)
			number = (int) info.ssi_signo;
		if (fds[1].revents != 0)
		{
			/* as if this process had ended */
			hears = false;
			number = SIGHUP;
		}
		if (number != 0 && status < 0)
			kill(child, number);
	}
	return status < 0 ? COPIER_EXIT_IO : status;
}

static int
run(const struct request *request, uint64_t clock)
{
	pid_t parent = getpid();
	sigset_t signals;
	sigset_t before;
	int signal_fd;
	pid_t child;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	signal(SIGPIPE, SIG_IGN);
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		return report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET,
							"could not set up signal handling");
	child = fork();
	if (child == 0)
	{
		close(signal_fd);
		run_child(parent, &before, request, clock);
	}
	if (child < 0)
		return report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET,
							"could not start a process");
	return wait_for_all(child, signal_fd);
}

int
serve_main(int argc, char **argv)
{
	static struct serve_options options;
	struct request request = {0};
	uint64_t clock;
	int status = COPIER_EXIT_DONE;

	report_to_program();
	if (arguments_parse(arguments, 1, COPIER_SERVE, argc, argv, take_option, &options) != 0 ||
		confine(&options) != 0)
	{
		struct report report = report_get();

		report_print(true);
		return (int) report_exit_code(&report);
	}
	clock = print_ready();
	if (request_read(STDIN_FILENO, argv[0], REQUEST_PATIENCE, &request) != 0)
		status = -1;
	else if (request.argc > 0 && strcmp(request.argv[1], COPIER_REQUEST_HELLO) != 0)
		status = run(&request, clock);
	if (status < 0)
	{
		struct report report = report_get();

		report_print(true);
		status = (int) report_exit_code(&report);
	}
	print_ended(status);
	return status;
}
