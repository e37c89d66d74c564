/*
 * report.h
 *		The one error of a run: the first that any thread reports.
 *
 * Functions that can fail return -1 after report_error(); whoever started the run prints what was
 * reported (text on stderr, and the "error" event with --progress json) and takes the exit code
 * from its kind.
 */
#ifndef COPY_REPORT_H
#define COPY_REPORT_H

#include <stdatomic.h>

#include "copy/base/common.h"

enum report_kind
{
	REPORT_NONE,
	REPORT_IO,
	REPORT_REFUSED,        /* an image is not what it must be */
	REPORT_USAGE,          /* the command line asks for what can't be done */
	REPORT_CANCELLED,      /* SIGTERM, SIGINT, "cancel" or end of stdin */
	REPORT_BUSY,           /* somebody else holds a lock */
	REPORT_EXISTS,         /* the output is there already */
	REPORT_NO_SPACE,       /* ENOSPC, EDQUOT */
	REPORT_SOURCE_CHANGED, /* a layer is no longer what it was at the start */
	REPORT_SOURCE_STALE    /* ESTALE */
};

/* Exit codes of vmclone-copy (DESIGN section 7). */
enum exit_code
{
	EXIT_DONE = 0,
	EXIT_IO = 1,
	EXIT_USAGE = 2,
	EXIT_REFUSED = 3,
	EXIT_CANCELLED = 4
};

/* In place of a layer's index. */
#define NO_LAYER     (-1)
#define OUTPUT_IMAGE (-2) /* the output, read like a layer */

#define NO_OFFSET UINT64_MAX

struct report
{
	enum report_kind kind;
	int error_number; /* errno value, 0 if there is none */
	int layer;        /* 0 = first snapshot; NO_LAYER, OUTPUT_IMAGE */
	uint64_t offset;  /* byte offset in the file of "path"; NO_OFFSET */
	char path[1024];  /* "" if there is none */
	char message[512];
};

/*
 * Keeps the error if it is the first one.  Always returns -1.  "path" may be NULL; the message is
 * one sentence without layer, path and offset: these are added where it is printed.
 */
extern int report_error(enum report_kind kind, int error_number, int layer, const char *path,
						uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* As report_error(), with the kind that belongs to the errno value of a failed system call. */
extern int report_io_error(int error_number, int layer, const char *path, uint64_t offset,
						   const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * True, after report_error(), if *stop says that everything must end; "stop" may be NULL.  Loops whose
 * length an image decides ask it.
 */
extern bool report_if_stopped(const atomic_bool *stop);

extern bool report_is_set(void);
extern struct report report_get(void);
extern void report_reset(void);

/* "io", "refused" …: the word of the "kind" field of the error event. */
extern const char *report_kind_name(enum report_kind kind);
extern enum exit_code report_exit_code(const struct report *report);

/* "ENOSPC" for ENOSPC; NULL for 0 and for numbers without a name. */
extern const char *report_errno_name(int error_number);

/* Prints a line on stderr about something that does not end the run. */
extern void report_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the reported error as one line on stderr, and as an event on stdout if "json". */
extern void report_print(bool json);

/* Prints "text" to stdout as a JSON string, or null for NULL. */
extern void report_print_json_string(const char *text);

#endif
