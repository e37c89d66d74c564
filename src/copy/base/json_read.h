/*
 * json_read.h
 *		Reads the one JSON object that another program answered with.
 *
 * The answer is passed on as it is, so it must be one; of its members only texts are looked at.
 */
#ifndef COPY_JSON_READ_H
#define COPY_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

/* Exactly one JSON object (RFC 8259), nested at most 32 deep, with no line end in it. */
extern bool json_is_object(const char *text);

/*
 * Copies the text below a key of the outermost object, what doesn't fit cut off.  False where there is none or
 * it is no text.  Of an object that json_is_object() accepts.
 */
extern bool json_member_text(const char *object, const char *key, char *value, size_t size);

/* Whether true stands below a key of the outermost object.  Of an object that json_is_object() accepts. */
extern bool json_member_is_true(const char *object, const char *key);

#endif
