/*
 * lease.c
 *		How long a copier may go on writing without a word from whoever started it.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "copy/base/json.h"
#include "copy/base/lease.h"
#include "copy/base/report.h"
#include "copy/base/system.h"

/* The threads of the engine, the first one, those that listen and make checkpoints. */
#define MAX_THREADS  (COPIER_MAX_THREADS + 8)
#define LEASE_SIGNAL SIGALRM

/* A group that is about to be known. */
#define BEGINNING (-1)

/* What the processes of one copier share. */
struct shared_lease
{
	atomic_uint_fast64_t end; /* ms of lease_clock() */
};

static struct
{
	struct shared_lease *shared; /* NULL = none */
	uint64_t length;             /* ms */
	pthread_mutex_t mutex;       /* of the two below */
	timer_t timers[MAX_THREADS];
	int timer_count;
	uint64_t armed_until; /* what all of them are set to; 0 = they are not set */
	char last_line[160];  /* the event that says why the process ends */
	char last_words[160]; /* and a line for people */
	atomic_flag is_said;
	atomic_int group;      /* that ends with the process; 0: none */
	atomic_bool is_ending; /* somebody ends the group, and then the process */
} lease = {.mutex = PTHREAD_MUTEX_INITIALIZER, .is_said = ATOMIC_FLAG_INIT};

static _Thread_local bool is_guarded;

uint64_t
lease_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/* Of the process: what these signals did before a group was begun, and its thread's mask. */
static const int ending_signals[] = {SIGHUP, SIGINT, SIGTERM};
#define ENDING_SIGNALS (sizeof(ending_signals) / sizeof(ending_signals[0]))
static struct
{
	struct sigaction actions[ENDING_SIGNALS];
	sigset_t mask;
} before_group;

bool
lease_is_on(void)
{
	return lease.shared != NULL;
}

/* Says a line if somebody takes it now. */
static void
say(int fd, const char *line)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0 &&
		write(fd, line, strlen(line)) < 0)
		return;
}

/* Nothing here but what a signal handler may call.  Never returns; the other threads stay in here, too. */
static void
end_process(int unused)
{
	sigset_t signals;

	(void) unused;
	/* A timer's signal that came to a thread in here would have it wait for itself. */
	sigemptyset(&signals);
	sigaddset(&signals, LEASE_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	lease_kill_group();
	while (atomic_flag_test_and_set(&lease.is_said))
		poll(NULL, 0, -1);
	say(STDOUT_FILENO, lease.last_line);
	say(STDERR_FILENO, lease.last_words);
	_exit(COPIER_EXIT_CANCELLED);
}

static bool
is_over(void)
{
	return lease_clock() >= atomic_load(&lease.shared->end);
}

/* No honest one is later than this; a process that an image has taken over may have written there. */
static uint64_t
get_end(void)
{
	return min_u64(atomic_load(&lease.shared->end), lease_clock() + lease.length);
}

/* One that can't be set guards nothing: then there is no copier. */
static void
must(int result, const char *what)
{
	if (result == 0)
		return;
	report_say("could not %s a timer for the lease: %s", what, strerror(errno));
	_exit(COPIER_EXIT_IO);
}

static void
set_timer(timer_t timer, uint64_t end)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t) (end / 1000), .tv_nsec = (long) (end % 1000) * 1000000}};

	must(timer_settime(timer, TIMER_ABSTIME, &when, NULL), "set");
}

static void
set_timers(uint64_t end)
{
	for (int i = 0; i < lease.timer_count; i++)
		set_timer(lease.timers[i], end);
	lease.armed_until = end;
}

static void
add_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = LEASE_SIGNAL};
	sigset_t signals;

	event.sigev_notify_thread_id = gettid();
	sigemptyset(&signals);
	sigaddset(&signals, LEASE_SIGNAL);
	if (lease.timer_count >= MAX_THREADS)
		errno = EAGAIN;
	must(lease.timer_count >= MAX_THREADS
			 ? -1
			 : timer_create(CLOCK_BOOTTIME, &event, &lease.timers[lease.timer_count]),
		 "make");
	lease.timer_count++;
	is_guarded = true;
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

/* The others, where they are set to that already, are left alone. */
static void
set_newest_timer(uint64_t end)
{
	if (lease.armed_until == end)
		set_timer(lease.timers[lease.timer_count - 1], end);
	else
		set_timers(end);
}

void
lease_guard_thread(void)
{
	if (!lease_is_on())
		return;
	pthread_mutex_lock(&lease.mutex);
	if (is_guarded)
		set_timers(get_end());
	else
	{
		add_timer();
		set_newest_timer(get_end());
	}
	pthread_mutex_unlock(&lease.mutex);
	/* a timer that is set for the past comes a moment later */
	if (is_over())
		end_process(0);
}

void
lease_release_process(void)
{
	if (!lease_is_on())
		return;
	pthread_mutex_lock(&lease.mutex);
	set_timers(0);
	pthread_mutex_unlock(&lease.mutex);
}

void
lease_kill_group(void)
{
	int group;

	atomic_store(&lease.is_ending, true);
	/* whoever begins one has all signals blocked that lead here: it is another thread */
	while ((group = atomic_load(&lease.group)) == BEGINNING)
		poll(NULL, 0, 1);
	if (group > 0)
		kill(-group, SIGKILL);
}

static void
end_with_group(int unused)
{
	(void) unused;
	lease_kill_group();
	_exit(COPIER_EXIT_CANCELLED);
}

void
lease_begin_group(void)
{
	struct sigaction action = {.sa_handler = end_with_group};
	sigset_t signals;

	if (!lease_is_on())
		return;
	sigemptyset(&action.sa_mask);
	sigemptyset(&signals);
	sigaddset(&signals, LEASE_SIGNAL);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigaddset(&signals, ending_signals[i]);
	pthread_sigmask(SIG_BLOCK, &signals, &before_group.mask);
	atomic_store(&lease.group, BEGINNING);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigaction(ending_signals[i], &action, &before_group.actions[i]);
}

void
lease_bind_group(pid_t group)
{
	if (!lease_is_on())
		return;
	atomic_store(&lease.group, group);
	/* the group's end may be the beginning of the process's, whose exit code is that of the other thread */
	while (group == 0 && atomic_load(&lease.is_ending))
		poll(NULL, 0, -1);
	for (size_t i = 0; i < ENDING_SIGNALS && group == 0; i++)
		sigaction(ending_signals[i], &before_group.actions[i], NULL);
	pthread_sigmask(SIG_SETMASK, &before_group.mask, NULL);
}

void
lease_forked(void)
{
	atomic_store(&lease.group, 0);
	atomic_store(&lease.is_ending, false);
	lease.timer_count = 0;
	lease.armed_until = 0;
	is_guarded = false;
}

/*
 * A signal that is on its way may be forgotten when its timer is set anew.  So nothing is set once the lease is over, and
 * the thread that calls this has a timer itself: no pause between looking at the clock and setting is too long.
 */
void
lease_beat(uint64_t clock)
{
	uint64_t end = clock + lease.length;

	if (!lease_is_on() || clock > lease_clock())
		return;
	if (is_over())
		end_process(0);
	pthread_mutex_lock(&lease.mutex);
	if (end > atomic_load(&lease.shared->end))
	{
		atomic_store(&lease.shared->end, end);
		set_timers(end);
	}
	pthread_mutex_unlock(&lease.mutex);
}

static void
prepare_words(uint64_t seconds)
{
	snprintf(lease.last_line, sizeof(lease.last_line),
			 "{\"" COPIER_FIELD_EVENT "\":\"" COPIER_EVENT_ERROR "\",\"" COPIER_FIELD_KIND
			 "\":\"%s\",\"" COPIER_FIELD_MESSAGE "\":\"nothing was heard for %" PRIu64
			 " seconds, the lease is over\"}\n",
			 copier_error_word(COPIER_LEASE), seconds);
	snprintf(lease.last_words, sizeof(lease.last_words),
			 "vmclone-copy: nothing was heard for %" PRIu64 " seconds, the lease is over\n",
			 seconds);
}

int
lease_start(uint64_t seconds, uint64_t beat)
{
	struct sigaction action = {.sa_handler = end_process};

	if (beat > lease_clock())
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"--" COPIER_OPTION_BEAT " %" PRIu64 " is in the future", beat);
	lease.shared = mmap(NULL, sizeof(*lease.shared), PROT_READ | PROT_WRITE,
						MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lease.shared == MAP_FAILED)
	{
		lease.shared = NULL;
		return report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET,
							"could not allocate memory for the lease");
	}
	lease.length = seconds * 1000;
	atomic_store(&lease.shared->end, beat + lease.length);
	if (is_over())
		return report_error(COPIER_LEASE, 0, NO_LAYER, NULL, NO_OFFSET,
							"the lease of %" PRIu64 " seconds was over before the start", seconds);
	prepare_words(seconds);
	json_stamp_events(lease_clock);
	sigemptyset(&action.sa_mask);
	if (sigaction(LEASE_SIGNAL, &action, NULL) != 0)
		return report_error(COPIER_IO, errno, NO_LAYER, NULL, NO_OFFSET,
							"could not set up the lease");
	lease_guard_thread();
	return 0;
}
