/*
 * copy.h
 *		One copy from beginning to end: map, layout, zero, data, sync, verify.
 */
#ifndef COPY_COPY_H
#define COPY_COPY_H

#include "copy/output/placement.h"
#include "copy/command/plan.h"
#include "copy/output/qcow2_write.h"
#include "copy/output/resume.h"
#include "copy/engine/stream.h"

struct copy
{
	const struct options *options;
	struct throttle throttle;
	struct progress progress;
	struct chain chain;
	struct output output;
	struct resume resume;
	bool with_resume;
	struct extents extents;
	struct helper_thread *helper; /* makes half of the map */
	struct plan plan;
	struct placement *placement; /* of a qcow2 result */
	uint32_t *
		source_order; /* a raw result is copied in the order of the layers' files; NULL = guest's */
	struct qcow2_writer *writer;
	struct engine *engine;
	struct stream stream;
	const char *no_reflink; /* why no blocks are shared */
	uint64_t start_mark;    /* bytes of the stream that an earlier run did */
	bool remote;            /* the file server copies */
	const char *method;
	const char *reason;
	char reason_text[256]; /* where reason has two parts */
	bool result_is_bad;    /* what was written must not be gone on with */
	bool finished;         /* all is synced, "done" was said */
};

/*
 * For a copy that "volume commit" follows: where it says how many bytes its file has when it is done, memory shared with
 * the process that goes on.  It may leave its sync to commit.
 */
extern void copy_tell_length(uint64_t *length);

/* Opens all files and starts all threads, but reads no image.  0, or -1 after report_error(). */
extern int copy_open(struct copy *copy);

/* Runs the opened copy.  0, or -1 after report_error(). */
extern int copy_run(struct copy *copy);

/* Removes what a failed copy must not leave (docs/design/decisions.md, "Exit codes"). */
extern void copy_clean(struct copy *copy);

/* Closes everything, and with it the locks. */
extern void copy_close(struct copy *copy);

#endif
