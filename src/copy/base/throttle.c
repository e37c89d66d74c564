/*
 * throttle.c
 *		The gate that every piece of data passes: bandwidth limit, pause, stop.
 */
#include <time.h>

#include "copy/base/throttle.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* The bucket holds this part of a second's bytes. */
#define BURST_SECONDS 0.25

uint64_t
monotonic_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * NS_PER_SECOND + (uint64_t) now.tv_nsec;
}

static void
update_closed(struct throttle *throttle)
{
	atomic_store(&throttle->closed, throttle->paused || throttle->limit != 0);
	pthread_cond_broadcast(&throttle->changed);
}

void
throttle_start(struct throttle *throttle, uint64_t limit)
{
	pthread_condattr_t attributes;

	memset(throttle, 0, sizeof(*throttle));
	pthread_mutex_init(&throttle->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&throttle->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	throttle->limit = limit;
	throttle->refilled = monotonic_now();
	update_closed(throttle);
}

void
throttle_set_limit(struct throttle *throttle, uint64_t limit)
{
	pthread_mutex_lock(&throttle->mutex);
	throttle->limit = limit;
	throttle->tokens = 0;
	throttle->refilled = monotonic_now();
	update_closed(throttle);
	pthread_mutex_unlock(&throttle->mutex);
}

void
throttle_set_paused(struct throttle *throttle, bool paused)
{
	pthread_mutex_lock(&throttle->mutex);
	throttle->paused = paused;
	throttle->tokens = 0;
	throttle->refilled = monotonic_now();
	update_closed(throttle);
	pthread_mutex_unlock(&throttle->mutex);
}

void
throttle_stop(struct throttle *throttle)
{
	pthread_mutex_lock(&throttle->mutex);
	atomic_store(&throttle->stop, true);
	pthread_cond_broadcast(&throttle->changed);
	pthread_mutex_unlock(&throttle->mutex);
}

static void
refill(struct throttle *throttle)
{
	uint64_t now = monotonic_now();
	double burst = (double) throttle->limit * BURST_SECONDS;

	throttle->tokens +=
		(double) throttle->limit * (double) (now - throttle->refilled) / (double) NS_PER_SECOND;
	if (throttle->tokens > burst)
		throttle->tokens = burst;
	throttle->refilled = now;
}

static void
wait_ns(struct throttle *throttle, uint64_t ns)
{
	uint64_t until = monotonic_now() + ns;
	struct timespec deadline = {.tv_sec = (time_t) (until / NS_PER_SECOND),
								.tv_nsec = (long) (until % NS_PER_SECOND)};

	pthread_cond_timedwait(&throttle->changed, &throttle->mutex, &deadline);
}

bool
throttle_take(struct throttle *throttle, uint64_t bytes)
{
	bool go_on;

	if (!atomic_load_explicit(&throttle->closed, memory_order_relaxed))
		return !throttle_is_stopped(throttle);

	pthread_mutex_lock(&throttle->mutex);
	for (;;)
	{
		double missing;

		if (throttle_is_stopped(throttle))
			break;
		if (throttle->paused)
		{
			pthread_cond_wait(&throttle->changed, &throttle->mutex);
			continue;
		}
		if (throttle->limit == 0)
			break;
		refill(throttle);
		/* Debt is allowed, so that a piece larger than the bucket passes; the next one waits. */
		if (throttle->tokens >= 0)
		{
			throttle->tokens -= (double) bytes;
			break;
		}
		missing = -throttle->tokens / (double) throttle->limit;
		wait_ns(throttle, missing > 3600 ? 3600 * NS_PER_SECOND
										 : (uint64_t) (missing * (double) NS_PER_SECOND) + 1);
	}
	go_on = !throttle_is_stopped(throttle);
	pthread_mutex_unlock(&throttle->mutex);
	return go_on;
}
