/*
 * json.h
 *		Reading and writing jsonb objects from C.
 */
#ifndef VMCLONE_JSON_H
#define VMCLONE_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

extern char *json_get_text(const Jsonb *object, const char *key); /* NULL: absent or null */
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

/* Builds text for jsonb_in: json_append_string writes a quoted, escaped string or null. */
extern void json_append_string(StringInfo buffer, const char *text);
extern Jsonb *json_from_text(const char *text);

/*
 * Builds an array of objects without text.  A key goes behind those before it in jsonb's order: by
 * length, then by bytes; a text lasts until the array is made, NULL becomes null.
 */
typedef struct JsonObjects
{
	JsonbValue *items;
	int count;
	int size;
} JsonObjects;

extern JsonbValue *json_objects_add(JsonObjects *objects, int member_count);
extern void json_put_text(JsonbValue *object, const char *key, const char *text);
extern void json_put_int64(JsonbValue *object, const char *key, int64 value);
extern void json_put_uuid(JsonbValue *object, const char *key, const pg_uuid_t *uuid);
extern Jsonb *json_objects_array(const JsonObjects *objects);

extern bool uuid_is_zero(const pg_uuid_t *uuid);
extern bool uuid_same(const pg_uuid_t *a, const pg_uuid_t *b);
extern char *uuid_text(const pg_uuid_t *uuid); /* 36 characters, palloc'd */
extern pg_uuid_t uuid_new(void);               /* libuuid, version 5 of a random name space */
extern bool uuid_parse_text(const char *text, pg_uuid_t *uuid);

#endif
