/*
 * json.h
 *		Reading jsonb objects from C, and writing them as text.
 */
#ifndef VMCLONE_JSON_H
#define VMCLONE_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "base/uuid.h"

extern char *json_get_text(const Jsonb *object, const char *key); /* NULL: absent or null */

/* The same of what a program has said that may be in an image's hands, for people to read: no control characters. */
extern char *json_get_printable(const Jsonb *object, const char *key);
extern bool json_get_bool(const Jsonb *object, const char *key, bool absent);
extern int64 json_get_int64(const Jsonb *object, const char *key, int64 absent);

/* A number from 0 up, fractions cut; anything else, and no object, is absent: for a child's words. */
extern int64 json_get_count(const Jsonb *object, const char *key, int64 absent);

extern bool json_get_uuid(const Jsonb *object, const char *key,
						  pg_uuid_t *uuid); /* false: absent or null */
extern Jsonb *json_get(const Jsonb *object,
					   const char *key); /* object or array below key; NULL if absent */
extern bool json_is_given(const Jsonb *object, const char *key); /* there, and not null */
extern bool json_has(const Jsonb *object, const char *key);

/*
 * An object's members in order, a step for each and without memory of its own; next: false behind the last one.
 * Objects and arrays within come as jbvBinary.
 */
typedef struct JsonMembers
{
	const JsonbContainer *object;
	const char *base;
	uint32 next;
	uint32 key_offset; /* of the next one, from base */
	uint32 value_offset;
} JsonMembers;

extern void json_members_begin(JsonMembers *members, const Jsonb *object);
extern bool json_members_next(JsonMembers *members, JsonbValue *key, JsonbValue *value);

/* Builds text for jsonb_in: json_append_string writes a quoted, escaped string or null. */
extern void json_append_string(StringInfo buffer, const char *text);
extern Jsonb *json_from_text(const char *text);

/* A text that never changes, read once a session. */
typedef struct JsonConstant
{
	const char *text;
	const Jsonb *json; /* NULL: not read yet */
} JsonConstant;

extern const Jsonb *json_constant(JsonConstant *constant);

#endif
