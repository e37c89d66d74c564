/*
 * control.c
 *		The thread that listens while a copy runs.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/base/control.h"
#include "copy/base/report.h"

#define TICK_MS    250
#define LINE_BYTES (COPIER_MAX_CONTROL + 1)

struct control
{
	struct throttle *throttle;
	struct progress *progress;
	bool end_cancels;
	bool listens; /* to stdin */
	int signal_fd;
	int finish_fd; /* eventfd: end the thread */
	pthread_t thread;
	char line[LINE_BYTES];
	size_t line_length;
	bool line_too_long;
	pthread_mutex_t mutex;
	pthread_cond_t ended_changed;
	bool ended; /* end of stdin, "cancel" or signal */
	atomic_bool lost_parent;
};

static struct control control = {.mutex = PTHREAD_MUTEX_INITIALIZER,
								 .ended_changed = PTHREAD_COND_INITIALIZER,
								 .signal_fd = -1,
								 .finish_fd = -1};

static void
set_ended(void)
{
	pthread_mutex_lock(&control.mutex);
	control.ended = true;
	pthread_cond_broadcast(&control.ended_changed);
	pthread_mutex_unlock(&control.mutex);
}

static void
cancel(const char *why)
{
	report_error(COPIER_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled by %s", why);
	throttle_stop(control.throttle);
	set_ended();
}

static void
lose_parent(const char *why)
{
	if (!throttle_is_stopped(control.throttle))
		atomic_store(&control.lost_parent, true);
	cancel(why);
}

bool
control_lost_parent(void)
{
	return atomic_load(&control.lost_parent);
}

static void
obey(const char *line)
{
	static const char limit_line[] = COPIER_CONTROL_LIMIT " ";
	char *end;

	if (strcmp(line, COPIER_CONTROL_CANCEL) == 0)
		cancel("command");
	else if (strcmp(line, COPIER_CONTROL_PAUSE) == 0 || strcmp(line, COPIER_CONTROL_RESUME) == 0)
	{
		bool pause = strcmp(line, COPIER_CONTROL_PAUSE) == 0;

		atomic_store(&control.progress->paused, pause);
		throttle_set_paused(control.throttle, pause);
		progress_show(control.progress, true);
	}
	else if (strncmp(line, limit_line, sizeof(limit_line) - 1) == 0 &&
			 line[sizeof(limit_line) - 1] >= '0' && line[sizeof(limit_line) - 1] <= '9')
	{
		unsigned long long limit;

		errno = 0;
		limit = strtoull(line + sizeof(limit_line) - 1, &end, 10);
		if (errno == 0 && *end == '\0')
			throttle_set_limit(control.throttle, limit);
		else
			report_say("not a limit in bytes per second: \"%s\"", line + sizeof(limit_line) - 1);
	}
	else if (*line != '\0')
		report_say("unknown command on stdin: \"%s\"", line);
}

static void
end_line(void)
{
	control.line[control.line_length] = '\0';
	if (control.line_length > 0 && control.line[control.line_length - 1] == '\r')
		control.line[control.line_length - 1] = '\0';
	if (control.line_too_long)
		report_say("unknown command on stdin: \"%.40s…\"", control.line);
	else
		obey(control.line);
	control.line_length = 0;
	control.line_too_long = false;
}

/* Returns false at the end of stdin. */
static bool
read_commands(void)
{
	char bytes[256];
	ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	if (got == 0)
	{
		/* where the end cancels by itself, half a line is from a program that is no more */
		if (!control.end_cancels)
			end_line();
		return false;
	}
	for (ssize_t i = 0; i < got; i++)
	{
		if (bytes[i] != '\n')
		{
			if (control.line_length < LINE_BYTES - 1)
				control.line[control.line_length++] = bytes[i];
			else
				control.line_too_long = true;
			continue;
		}
		end_line();
	}
	return true;
}

static void *
control_main(void *unused)
{
	(void) unused;
	for (;;)
	{
		struct pollfd fds[3] = {{.fd = control.finish_fd, .events = POLLIN},
								{.fd = control.signal_fd, .events = POLLIN},
								{.fd = control.listens ? STDIN_FILENO : -1, .events = POLLIN}};

		if (poll(fds, 3, control.progress->style == PROGRESS_NONE ? -1 : TICK_MS) < 0 &&
			errno != EINTR)
			break;
		if (fds[0].revents != 0)
			break;
		if (fds[1].revents != 0)
		{
			struct signalfd_siginfo info;

			if (read(control.signal_fd, &info, sizeof(info)) == (ssize_t) sizeof(info))
			{
				if (info.ssi_signo == SIGHUP)
					lose_parent("end of the parent process");
				else
					cancel("signal");
			}
		}
		if (fds[2].revents != 0 && !read_commands())
		{
			control.listens = false;
			if (control.end_cancels)
				lose_parent("end of stdin");
			else
				set_ended();
		}
		progress_show(control.progress, false);
	}
	return NULL;
}

/* Adds a signal, unless the caller has it ignored: nohup does so, and shells for what runs behind them. */
static void
add_unless_ignored(sigset_t *signals, int number)
{
	struct sigaction action;

	if (sigaction(number, NULL, &action) != 0 || action.sa_handler != SIG_IGN)
		sigaddset(signals, number);
}

/* Where a program starts us without a pipe, as with /dev/null, there is no end to wait for. */
static bool
stdin_is_connection(void)
{
	struct stat status;

	return fstat(STDIN_FILENO, &status) == 0 &&
		   (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

int
control_start(struct throttle *throttle, struct progress *progress, enum control_mode mode)
{
	sigset_t signals;
	pthread_attr_t attributes;
	int error_number;

	control.throttle = throttle;
	control.progress = progress;
	control.end_cancels = mode == CONTROL_PARENT;
	control.listens = mode == CONTROL_LINES || (mode == CONTROL_PARENT && stdin_is_connection());
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	add_unless_ignored(&signals, SIGINT);
	/* where the end of the parent process cancels, it sends this one */
	if (control.end_cancels)
		sigaddset(&signals, SIGHUP);
	else
		add_unless_ignored(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	control.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	control.finish_fd = eventfd(0, EFD_CLOEXEC);
	if (control.signal_fd < 0 || control.finish_fd < 0)
		return report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET,
							"could not set up signal handling");
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	error_number = pthread_create(&control.thread, &attributes, control_main, NULL);
	pthread_attr_destroy(&attributes);
	if (error_number != 0)
		return report_error(COPIER_IO, error_number, NO_LAYER, NULL, NO_OFFSET,
							"could not start a thread");
	return 0;
}

void
control_finish(void)
{
	uint64_t one = 1;

	if (write(control.finish_fd, &one, sizeof(one)) == (ssize_t) sizeof(one))
		pthread_join(control.thread, NULL);
	close(control.finish_fd);
	close(control.signal_fd);
	control.finish_fd = -1;
	control.signal_fd = -1;
}

void
control_wait_end(void)
{
	pthread_mutex_lock(&control.mutex);
	while (!control.ended && control.listens)
		pthread_cond_wait(&control.ended_changed, &control.mutex);
	pthread_mutex_unlock(&control.mutex);
}
