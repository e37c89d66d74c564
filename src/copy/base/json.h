/*
 * json.h
 *		Writes JSON: events, answers and maps, each one object on a line of its own.
 *
 * The text is pure ASCII: whatever else strings hold is written as \u escapes, so that it passes unharmed
 * through whoever reads lines with care.  Bytes that are no UTF-8 become U+FFFD.
 */
#ifndef COPY_JSON_H
#define COPY_JSON_H

#include "copy/base/common.h"

/* A text under construction.  Begins as zeroes; keeps its memory for the next line until json_free(). */
struct json
{
	char *text; /* a string; NULL = nothing was written yet */
	size_t length;
	size_t capacity;
	bool failed; /* there was no memory: json_print() says so */
};

/*
 * Members of the object or elements of the array that is open; "key" is NULL inside an array and for the
 * outermost value.
 */
extern void json_open(struct json *json, const char *key, char open);           /* '{' or '[' */
extern void json_close(struct json *json, char close);                          /* '}' or ']' */
extern void json_string(struct json *json, const char *key, const char *value); /* NULL = null */
extern void json_integer(struct json *json, const char *key, uint64_t value);
extern void json_decimal(struct json *json, const char *key, double value, int digits);
extern void json_bool(struct json *json, const char *key, bool value);
extern void json_null(struct json *json, const char *key);

/* A value that is JSON already (json_read.h). */
extern void json_value(struct json *json, const char *key, const char *value);

/* Begins an event: an object whose first member is its name. */
extern void json_open_event(struct json *json, const char *event);

/* From now on each event tells what this clock says. */
extern void json_stamp_events(uint64_t (*clock)(void));

/* Forgets what was written. */
extern void json_clear(struct json *json);

/*
 * Writes the text and a newline to stdout in one piece, flushes it if "flush", and begins anew.  0, or -1
 * with errno.
 */
extern int json_print(struct json *json, bool flush);

extern void json_free(struct json *json);

#endif
