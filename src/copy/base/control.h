/*
 * control.h
 *		The thread that listens while a copy runs: signals, commands on stdin, and the clock.
 *
 * SIGTERM and SIGINT cancel; SIGHUP means that the parent ended and does what the end of stdin
 * does.  SIGINT, and SIGHUP without "end_cancels", do nothing where the caller has them ignored.
 * Where stdin is a pipe or socket, lines "limit BYTES", "pause", "resume" and "cancel" are obeyed; with
 * "end_cancels" the end of stdin cancels, so that a copier never outlives the program that started
 * it.
 */
#ifndef COPY_CONTROL_H
#define COPY_CONTROL_H

#include "copy/base/progress.h"
#include "copy/base/throttle.h"

/* Starts the thread.  Call before any other thread: it blocks the signals.  0, or -1 reported. */
extern int control_start(struct throttle *throttle, struct progress *progress, bool end_cancels);

/*
 * True if the run was cancelled because stdin ended or the parent did, not by somebody's wish: what
 * can be resumed is kept.
 */
extern bool control_lost_parent(void);

/* Ends the thread. */
extern void control_finish(void);

/* Waits until stdin ends, a line "cancel" or a signal comes (--keep-lock). */
extern void control_wait_end(void);

#endif
