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
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/base/arguments.h"
#include "copy/base/control.h"
#include "copy/base/json.h"
#include "copy/base/lease.h"
#include "copy/base/report.h"

#define TICK_MS    250
#define LINE_BYTES (COPIER_MAX_CONTROL + 1)

/* The line that is being read: of the process that hears the caller now, with what the one before has heard of it. */
struct input
{
	char line[LINE_BYTES];
	size_t length;
	bool is_too_long;
};

struct control
{
	struct throttle *throttle;
	struct progress *progress;
	bool end_cancels;
	bool listens; /* to stdin */
	bool is_step; /* there is nothing to throttle, and no progress */
	int signal_fd;
	int finish_fd; /* eventfd: end the thread */
	pthread_t thread;
	struct input *input;
	pthread_mutex_t mutex;
	pthread_cond_t ended_changed;
	bool ended; /* end of stdin, "cancel" or signal */
	atomic_bool lost_parent;
};

static struct input own_input;
static struct control control = {.input = &own_input,
								 .mutex = PTHREAD_MUTEX_INITIALIZER,
								 .ended_changed = PTHREAD_COND_INITIALIZER,
								 .signal_fd = -1,
								 .finish_fd = -1};

/* What was said during the steps before a copy. */
static struct
{
	bool paused;
	bool has_limit;
	uint64_t limit;
} kept;

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
	if (control.is_step)
	{
		lease_kill_group();
		_exit(COPIER_EXIT_CANCELLED);
	}
	report_error(COPIER_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled by %s", why);
	throttle_stop(control.throttle);
	set_ended();
}

static void
lose_parent(const char *why)
{
	if (!control.is_step && !throttle_is_stopped(control.throttle))
		atomic_store(&control.lost_parent, true);
	cancel(why);
}

bool
control_lost_parent(void)
{
	return atomic_load(&control.lost_parent);
}

static void
set_paused(bool paused)
{
	if (control.is_step)
	{
		kept.paused = paused;
		return;
	}
	atomic_store(&control.progress->paused, paused);
	throttle_set_paused(control.throttle, paused);
	progress_show(control.progress, true);
}

static void
set_limit(uint64_t limit)
{
	if (control.is_step)
	{
		kept.has_limit = true;
		kept.limit = limit;
		return;
	}
	throttle_set_limit(control.throttle, limit);
}

/* What begins with a digit behind the word and a blank; NULL: it is another line. */
static const char *
digits_behind(const char *line, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(line, word, length) != 0 || line[length] != ' ' || line[length + 1] < '0' ||
		line[length + 1] > '9')
		return NULL;
	return line + length + 1;
}

static void
obey(const char *line)
{
	const char *limit = digits_behind(line, COPIER_CONTROL_LIMIT);
	const char *beat = lease_is_on() ? digits_behind(line, COPIER_CONTROL_BEAT) : NULL;
	uint64_t number;

	if (strcmp(line, COPIER_CONTROL_CANCEL) == 0)
		cancel("command");
	else if (strcmp(line, COPIER_CONTROL_PAUSE) == 0 || strcmp(line, COPIER_CONTROL_RESUME) == 0)
		set_paused(strcmp(line, COPIER_CONTROL_PAUSE) == 0);
	else if (limit != NULL && arguments_number(limit, 10, &number))
		set_limit(number);
	else if (limit != NULL)
		report_say("not a limit in bytes per second: \"%s\"", limit);
	else if (beat != NULL && arguments_number(beat, 10, &number))
		lease_beat(number);
	else if (*line != '\0')
		report_say("unknown command on stdin: \"%s\"", line);
}

static void
end_line(void)
{
	struct input *input = control.input;
	/* a copy that an image has taken over may have written there */
	size_t length = min_u64(input->length, LINE_BYTES - 1);
	bool is_too_long = input->is_too_long;
	char line[LINE_BYTES];

	memcpy(line, input->line, length);
	line[length] = '\0';
	if (length > 0 && line[length - 1] == '\r')
		line[length - 1] = '\0';
	input->length = 0;
	input->is_too_long = false;
	if (is_too_long)
		report_say("unknown command on stdin: \"%.40s…\"", line);
	else
		obey(line);
}

/* Returns false at the end of stdin. */
static bool
read_commands(void)
{
	struct input *input = control.input;
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
			if (input->length < LINE_BYTES - 1)
				input->line[input->length++] = bytes[i];
			else
				input->is_too_long = true;
			continue;
		}
		end_line();
	}
	return true;
}

/* A step tells only that it lives; nobody waits for room to say so. */
static void
show_alive(void)
{
	struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
	struct json event = {0};

	if (poll(&room, 1, 0) == 0)
		return;
	json_open_event(&event, COPIER_EVENT_ALIVE);
	json_close(&event, '}');
	(void) json_print(&event, true);
	json_free(&event);
}

static int
tick(void)
{
	return control.is_step || control.progress->style != PROGRESS_NONE ? TICK_MS : -1;
}

static void *
control_main(void *unused)
{
	(void) unused;
	lease_guard_thread();
	for (;;)
	{
		struct pollfd fds[3] = {{.fd = control.finish_fd, .events = POLLIN},
								{.fd = control.signal_fd, .events = POLLIN},
								{.fd = control.listens ? STDIN_FILENO : -1, .events = POLLIN}};

		int result = poll(fds, 3, tick());

		if (result < 0 && errno != EINTR)
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
		if (!control.is_step)
			progress_show(control.progress, false);
		else if (result == 0)
			show_alive();
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

static int
start_thread(void)
{
	pthread_attr_t attributes;
	int error_number;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	error_number = pthread_create(&control.thread, &attributes, control_main, NULL);
	pthread_attr_destroy(&attributes);
	if (error_number != 0)
		return report_error(COPIER_IO, error_number, NO_LAYER, NULL, NO_OFFSET,
							"could not start a thread");
	return 0;
}

int
control_start(struct throttle *throttle, struct progress *progress, enum control_mode mode)
{
	sigset_t signals;

	control.is_step = false;
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
	if (kept.has_limit)
		set_limit(kept.limit);
	if (kept.paused)
		set_paused(true);
	return start_thread();
}

/* Lines may come in halves, of which one process hears the first and another one the second. */
static bool
share_input(void)
{
	struct input *input;

	if (control.input != &own_input)
		return true;
	input = mmap(NULL, sizeof(*input), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (input == MAP_FAILED)
		return false;
	control.input = input;
	return true;
}

int
control_start_step(void)
{
	if (!lease_is_on() || control.finish_fd >= 0)
		return 0;
	control.is_step = true;
	control.end_cancels = true;
	control.listens = stdin_is_connection();
	control.finish_fd = eventfd(0, EFD_CLOEXEC);
	if (control.finish_fd < 0 || !share_input())
		return report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET,
							"could not begin to listen");
	return start_thread();
}

void
control_finish(void)
{
	uint64_t one = 1;

	if (control.finish_fd < 0)
		return;
	if (write(control.finish_fd, &one, sizeof(one)) == (ssize_t) sizeof(one))
		pthread_join(control.thread, NULL);
	close(control.finish_fd);
	if (control.signal_fd >= 0)
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
