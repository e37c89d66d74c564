/*
 * report.h
 *		The one error of a run: the first that any thread reports.
 *
 * Functions that can fail return -1 after report_error(); whoever started the run prints what was
 * reported (text on stderr, and the "error" event with --progress json; "volume" as its answer) and
 * takes the exit code from its kind.
 */
#ifndef COPY_REPORT_H
#define COPY_REPORT_H

#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "contract/copier_protocol.h"
#include "copy/base/common.h"
#include "copy/base/json.h"

/* In place of a layer's index. */
#define NO_LAYER     (-1)
#define OUTPUT_IMAGE (-2) /* the output, read like a layer */

#define NO_OFFSET UINT64_MAX

struct report
{
	enum copier_error kind;
	int error_number;    /* errno value, 0 if there is none */
	int layer;           /* 0 = first snapshot; NO_LAYER, OUTPUT_IMAGE */
	uint64_t offset;     /* byte offset in the file of "path"; NO_OFFSET */
	char path[PATH_MAX]; /* "" if there is none */
	char message[1280];
	const char *hint; /* what to do; NULL = none */
};

/*
 * Keeps the error if it is the first one.  Always returns -1.  "path" may be NULL; the message is
 * one sentence without layer, path and offset: these are added where it is printed.
 */
extern int report_error(enum copier_error kind, int error_number, int layer, const char *path,
						uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* As report_error(), with a constant text that says what to do (NULL = none). */
extern int report_verror(enum copier_error kind, int error_number, int layer, const char *path,
						 uint64_t offset, const char *hint, const char *format, va_list arguments)
	__attribute__((format(printf, 7, 0)));

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

/* The exit code of copy, measure, map and verify. */
extern enum copier_exit report_exit_code(const struct report *report);

/* "ENOSPC" for ENOSPC; NULL for 0 and for numbers without a name. */
extern const char *report_errno_name(int error_number);

/* Prints a line on stderr about something that does not end the run. */
extern void report_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds kind, errno and path to an open object. */
extern void report_add_members(const struct report *report, struct json *json);

/* From now on report_print() prints events, whatever it is told: a program on another machine reads them. */
extern void report_to_program(void);

/* Prints the reported error as one line on stderr, and as an event on stdout if "json". */
extern void report_print(bool json);

#endif
