/*
 * checkpointer.h
 *		The thread that makes checkpoints while data moves (--resume).
 */
#ifndef COPY_CHECKPOINTER_H
#define COPY_CHECKPOINTER_H

#include "copy/engine/engine.h"
#include "copy/output/resume.h"

/* Starts the thread; it does nothing until checkpointer_begin().  0, or -1 after report_error(). */
extern int checkpointer_start(struct resume *resume, const struct output *output,
							  struct throttle *throttle, struct progress *progress);

/* From now on it notes how far the engine has come. */
extern void checkpointer_begin(struct engine *engine);

/* Ends the thread. */
extern void checkpointer_finish(void);

#endif
