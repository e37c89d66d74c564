/*
 * copy.h
 *		One copy from beginning to end: map, layout, zero, data, sync, verify.
 */
#ifndef COPY_COPY_H
#define COPY_COPY_H

#include "engine.h"
#include "plan.h"
#include "qcow2_write.h"

struct copy
{
	const struct options *options;
	struct throttle throttle;
	struct progress progress;
	struct chain chain;
	struct output output;
	bool output_opened;
	struct plan plan;
	struct chain_map *map;
	struct qcow2_writer *writer;
	struct engine *engine;
	const char *method;
	const char *reason;
	bool finished; /* all data is synced, "done" was said */
};

/* Runs the copy; options, throttle and progress must be set.  0, or -1 after report_error(). */
extern int copy_run(struct copy *copy);

/* Closes everything, and with it the lock on the output. */
extern void copy_close(struct copy *copy);

#endif
