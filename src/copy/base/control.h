/*
 * control.h
 *		The thread that listens while a copy runs: signals, commands on stdin, and the clock.
 *
 * SIGTERM and SIGINT cancel; SIGHUP means that the parent ended and does what the end of stdin
 * does.  SIGINT, and SIGHUP without "end_cancels", do nothing where the caller has them ignored.
 * When it listens to stdin, lines "limit BYTES", "pause", "resume" and "cancel" are obeyed; with
 * "end_cancels" the end of stdin cancels, so that a copier never outlives the program that started it.
 * Otherwise stdin is somebody else's, as that of a shell's loop, and not a byte of it is read.
 */
#ifndef COPY_CONTROL_H
#define COPY_CONTROL_H

#include "copy/base/progress.h"
#include "copy/base/throttle.h"

/* To whom the thread listens beside signals. */
enum control_mode
{
	CONTROL_SIGNALS, /* to nobody */
	CONTROL_LINES,   /* lines on stdin */
	CONTROL_PARENT /* lines on a stdin that is a pipe or socket, whose end cancels; and the parent's end */
};

/*
 * Listens in place of a step that can be cut off anywhere, and of which only that it lives is told: while a lease is
 * on, else nothing happens.  "cancel" and the end of stdin end the process at once; pause and limit are for the
 * copy that control_start() of this process or one that it forks begins.  It goes on with the next step;
 * control_finish() ends it.  0, or -1 reported.
 */
extern int control_start_step(void);

/* Starts the thread.  Call before any other thread: it blocks the signals.  0, or -1 reported. */
extern int control_start(struct throttle *throttle, struct progress *progress,
						 enum control_mode mode);

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
