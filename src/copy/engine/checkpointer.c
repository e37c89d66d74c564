/*
 * checkpointer.c
 *		The thread that makes checkpoints while data moves.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "copy/engine/checkpointer.h"
#include "copy/base/lease.h"
#include "copy/base/report.h"

/* A sync takes at most one part in this of the time, within the two bounds (ns). */
#define SYNC_SHARE   20
#define MIN_INTERVAL UINT64_C(100000000)
#define MAX_INTERVAL UINT64_C(10000000000)

#define THREAD_STACK_BYTES ((size_t) 64 * 1024)

static struct
{
	struct resume *resume;
	const struct output *output;
	struct throttle *throttle;
	struct progress *progress;
	struct engine *engine; /* NULL = not begun */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool started;
	bool ending;
} checkpointer = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Mark sampled, then data synced, then mark written. */
static int
make_checkpoint(struct engine *engine)
{
	uint64_t mark = engine_low_mark(engine);

	if (fdatasync(checkpointer.output->fd) != 0)
		return report_io_error(errno, NO_LAYER, checkpointer.output->path, NO_OFFSET,
							   "could not sync the output");
	if (resume_checkpoint(checkpointer.resume, RESUME_DATA, mark, true) != 0)
		return -1;
	atomic_store(&checkpointer.progress->checkpoint, mark);
	return 0;
}

static void *
checkpointer_main(void *unused)
{
	uint64_t interval = MIN_INTERVAL;

	(void) unused;
	lease_guard_thread();
	pthread_mutex_lock(&checkpointer.mutex);
	while (!checkpointer.ending)
	{
		uint64_t until = monotonic_now() + interval;
		struct timespec deadline = {.tv_sec = (time_t) (until / 1000000000),
									.tv_nsec = (long) (until % 1000000000)};
		struct engine *engine = checkpointer.engine;
		uint64_t begun;

		if (engine == NULL)
		{
			pthread_cond_wait(&checkpointer.changed, &checkpointer.mutex);
			continue;
		}
		if (pthread_cond_timedwait(&checkpointer.changed, &checkpointer.mutex, &deadline) !=
			ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&checkpointer.mutex);
		begun = monotonic_now();
		if (make_checkpoint(engine) != 0)
		{
			/* Nothing may advance any more. */
			throttle_stop(checkpointer.throttle);
			return NULL;
		}
		interval = max_u64((monotonic_now() - begun) * SYNC_SHARE, MIN_INTERVAL);
		interval = min_u64(interval, MAX_INTERVAL);
		pthread_mutex_lock(&checkpointer.mutex);
	}
	pthread_mutex_unlock(&checkpointer.mutex);
	return NULL;
}

int
checkpointer_start(struct resume *resume, const struct output *output, struct throttle *throttle,
				   struct progress *progress)
{
	pthread_attr_t attributes;
	pthread_condattr_t clock;
	int error_number;

	checkpointer.resume = resume;
	checkpointer.output = output;
	checkpointer.throttle = throttle;
	checkpointer.progress = progress;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&checkpointer.changed, &clock);
	pthread_condattr_destroy(&clock);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	error_number = pthread_create(&checkpointer.thread, &attributes, checkpointer_main, NULL);
	pthread_attr_destroy(&attributes);
	if (error_number != 0)
		return report_error(COPIER_IO, error_number, NO_LAYER, NULL, NO_OFFSET,
							"could not start a thread");
	checkpointer.started = true;
	return 0;
}

void
checkpointer_begin(struct engine *engine)
{
	pthread_mutex_lock(&checkpointer.mutex);
	checkpointer.engine = engine;
	if (checkpointer.started)
		pthread_cond_signal(&checkpointer.changed);
	pthread_mutex_unlock(&checkpointer.mutex);
}

void
checkpointer_finish(void)
{
	if (!checkpointer.started)
		return;
	pthread_mutex_lock(&checkpointer.mutex);
	checkpointer.ending = true;
	pthread_cond_signal(&checkpointer.changed);
	pthread_mutex_unlock(&checkpointer.mutex);
	pthread_join(checkpointer.thread, NULL);
	checkpointer.started = false;
}
