/*
 * stream.h
 *		The stream of data of a copy: pieces in a fixed order, each shared, copied remotely or moved by
 *		the engine, and skipped as far as an earlier run has done it.
 */
#ifndef COPY_STREAM_H
#define COPY_STREAM_H

#include "copy/engine/engine.h"

struct stream
{
	const struct chain *chain;
	const struct output *output;
	struct engine *engine;
	struct throttle *throttle;
	uint64_t unit;   /* of sharing, 0 = none */
	uint64_t skip;   /* bytes of the stream done by an earlier run and not yet passed */
	uint64_t shared; /* bytes shared so far */

	/* a run to be shared that may go on */
	const struct layer *run_layer; /* NULL = none */
	struct extent run;
	uint64_t run_out;
};

/* Adds bytes [skip, skip + length) of an extent at "out".  0, or -1 after report_error(). */
extern int stream_add(struct stream *stream, const struct extent *extent, uint64_t skip,
					  uint64_t length, uint64_t out);

/* Shares what is pending and waits for the engine. */
extern int stream_finish(struct stream *stream);

#endif
