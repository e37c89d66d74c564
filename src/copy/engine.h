/*
 * engine.h
 *		Moves data with threads: pieces are gathered into batches, each read into one buffer and
 *		written with as few calls as its output ranges allow.
 */
#ifndef COPY_ENGINE_H
#define COPY_ENGINE_H

#include "chain_map.h"
#include "output.h"
#include "progress.h"
#include "throttle.h"

struct engine;

struct engine_options
{
	const struct chain *chain;
	const struct output *output;
	struct throttle *throttle;
	struct progress *progress;
	int threads;        /* wanted; fewer where memory doesn't allow */
	size_t buffer_size; /* bytes a batch carries, a power of two ≥ 64 KiB */
};

/* Starts the threads.  NULL after report_error(). */
extern struct engine *engine_start(const struct engine_options *options);

/*
 * Adds bytes [skip, skip + length) of a data or compressed extent, to be written at "out_offset".
 * Waits while the queue is full.  Returns 0, or -1 after report_error() by whichever thread.
 */
extern int engine_add(struct engine *engine, const struct extent *extent, uint64_t skip,
					  uint64_t length, uint64_t out_offset);

/*
 * Bytes added first and completely written: all that engine_add() got before this many bytes are in
 * the file (not yet synced).
 */
extern uint64_t engine_low_mark(struct engine *engine);

/* Waits until everything is written.  0, or -1 after report_error(). */
extern int engine_drain(struct engine *engine);

/* Ends the threads; what is queued is dropped. */
extern void engine_stop(struct engine *engine);

extern int engine_threads(const struct engine *engine);

#endif
