/*
 * throttle.h
 *		The gate that every piece of data passes: bandwidth limit, pause, stop.
 *
 * A token bucket that holds a quarter of a second's worth; limit and pause can change at any time.
 */
#ifndef COPY_THROTTLE_H
#define COPY_THROTTLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "copy/base/common.h"

struct throttle
{
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	uint64_t limit; /* bytes/s, 0 = none */
	bool paused;
	double tokens;      /* bytes; may be negative after a large piece */
	uint64_t refilled;  /* monotonic ns */
	atomic_bool closed; /* limit or pause is on: the gate must be asked */
	atomic_bool stop;   /* everything must end soon */
};

extern void throttle_start(struct throttle *throttle, uint64_t limit);
extern void throttle_set_limit(struct throttle *throttle, uint64_t limit);
extern void throttle_set_paused(struct throttle *throttle, bool paused);
extern void throttle_stop(struct throttle *throttle);

static inline bool
throttle_is_stopped(struct throttle *throttle)
{
	return atomic_load_explicit(&throttle->stop, memory_order_relaxed);
}

/* Waits until "bytes" may be moved.  False = stop instead. */
extern bool throttle_take(struct throttle *throttle, uint64_t bytes);

/* CLOCK_MONOTONIC in ns. */
extern uint64_t monotonic_now(void);

#endif
