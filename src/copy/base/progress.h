/*
 * progress.h
 *		What is shown while a copy runs: JSON lines for programs, a bar for people, or nothing.
 */
#ifndef COPY_PROGRESS_H
#define COPY_PROGRESS_H

#include <stdatomic.h>

#include "copy/base/common.h"

enum progress_style
{
	PROGRESS_NONE,
	PROGRESS_BAR,
	PROGRESS_JSON
};

struct progress
{
	enum progress_style style;
	const atomic_bool *stop;     /* NULL = never */
	_Atomic(const char *) phase; /* COPIER_PHASE_… */
	atomic_uint_fast64_t bytes_done;
	atomic_uint_fast64_t bytes_total;
	atomic_uint_fast64_t checkpoint; /* bytes that a resumed run would not do again */
	atomic_uint_fast64_t verified;   /* guest bytes of the result that were compared */
	atomic_uint_fast64_t to_verify;  /* 0 until that begins */
	atomic_bool paused;
	uint64_t started;   /* monotonic ns */
	uint64_t shown;     /* monotonic ns of the last line, 0 = none */
	uint64_t rate_time; /* when the rate was sampled, monotonic ns */
	uint64_t rate_done;
	double rate;          /* bytes/s, smoothed */
	uint64_t done_before; /* bytes that an earlier run had done */
	bool terminal;        /* a bar is drawn again and again; elsewhere only its last state is */
	bool ended;           /* the last line was written */
	size_t drawn;         /* columns of the bar's line before */
};

/*
 * "stop" (NULL = never) ends waiting for whoever should read a line and doesn't: the line is left out.
 * How far it is, is left out at once: there will be newer figures.
 */
extern void progress_start(struct progress *progress, enum progress_style style,
						   const atomic_bool *stop);

/* Whether a line can be written now; waits until it can be or the copy is stopped. */
extern bool progress_wait_for_room(const struct progress *progress);

/* An earlier run has copied so many bytes. */
extern void progress_start_at(struct progress *progress, uint64_t bytes);

/* Enters a phase; called by one thread. */
extern void progress_phase(struct progress *progress, const char *phase);

/* Tells what will be done. */
extern void progress_plan(struct progress *progress, uint64_t virtual_size, uint64_t output_size,
						  const char *method, const char *reason);

/* Shows where we are if the last time is a quarter of a second ago, or if "force". */
extern void progress_show(struct progress *progress, bool force);

/* Something about a layer that people should know: an event of JSON, or a line on standard error. */
extern void progress_notice(struct progress *progress, int layer, const char *path,
							const char *message);

/* "bytes_again": done twice because of a resume. */
extern void progress_done(struct progress *progress, uint64_t bytes_again, uint64_t output_size,
						  uint64_t allocated, const char *method, const char *reason);

/* As progress_done(), for a comparison by itself that found no difference. */
extern void progress_verified(struct progress *progress);

/* Whatever happened, what follows begins on a line of its own. */
extern void progress_end_line(struct progress *progress);

#endif
