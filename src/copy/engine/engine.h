/*
 * engine.h
 *		Moves data with threads: pieces are gathered into batches, each read into one buffer and
 *		written with as few calls as its output ranges allow.
 */
#ifndef COPY_ENGINE_H
#define COPY_ENGINE_H

#include "copy/chain/chain_map.h"
#include "copy/output/output.h"
#include "copy/base/progress.h"
#include "copy/base/throttle.h"

struct engine;

struct engine_options
{
	const struct chain *chain;
	const struct output *output;
	struct throttle *throttle;
	struct progress *progress;
	atomic_uint_fast64_t *done_ever; /* counts the same bytes as progress->bytes_done, or NULL */
	int threads;                     /* 1 to 64 */
};

/* Starts the threads; they wait for engine_configure().  NULL after report_error(). */
extern struct engine *engine_start(const struct engine_options *options);

/*
 * Gives the threads their memory, once the chain has been read: batches of "buffer_size" bytes (less
 * where there is too little memory or data; a cluster, if larger).  Threads that the budget has no room for end, and those that the bytes of the
 * stream, up to "end", are too few for.  The first byte added will be number "position" of it.  0, or -1
 * after report_error().
 */
extern int engine_configure(struct engine *engine, size_t buffer_size, uint64_t position,
							uint64_t end);

/*
 * Adds bytes [skip, skip + length) of a data or compressed extent, to be written at "out_offset".
 * Waits while the queue is full.  Returns 0, or -1 after report_error() by whichever thread.
 */
extern int engine_add(struct engine *engine, const struct extent *extent, uint64_t skip,
					  uint64_t length, uint64_t out_offset);

/*
 * As engine_add() for a data extent, but the file server copies (copy_file_range); where it can't after
 * all, the thread does.
 */
extern int engine_add_remote(struct engine *engine, const struct extent *extent, uint64_t skip,
							 uint64_t length, uint64_t out_offset);

/* Counts the next bytes of the stream as written: the caller has done it (reflink). */
extern void engine_add_done(struct engine *engine, uint64_t length);

/*
 * Bytes added first and completely written: all that engine_add() got before this many bytes are in
 * the file (not yet synced).
 */
extern uint64_t engine_low_mark(struct engine *engine);

/* Waits until everything is written.  0, or -1 after report_error(). */
extern int engine_drain(struct engine *engine);

/* Ends the threads; what is queued is dropped. */
extern void engine_stop(struct engine *engine);

#endif
