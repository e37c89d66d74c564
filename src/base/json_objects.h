/*
 * json_objects.h
 *		jsonb put together from parts: arrays of objects, and objects laid over each other.
 */
#ifndef VMCLONE_JSON_OBJECTS_H
#define VMCLONE_JSON_OBJECTS_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

/*
 * Builds an array of objects without text.  A key goes behind those before it in jsonb's order: by
 * length, then by bytes; a text lasts until the array is made, NULL becomes null.  In what
 * json_from_value takes keys come in any order, and of two that are equal the last one counts.
 */
typedef struct JsonObjects
{
	JsonbValue *items;
	int count;
	int size;
} JsonObjects;

extern JsonbValue *json_objects_add(JsonObjects *objects, int member_count);
extern void json_object_begin(JsonbValue *object, int member_count);
extern void json_object_grow(JsonbValue *object, int more);       /* room for more members */
extern JsonbValue *json_put(JsonbValue *object, const char *key); /* the value's place */
extern void json_put_text(JsonbValue *object, const char *key, const char *text);
extern void json_put_int64(JsonbValue *object, const char *key, int64 value);
extern void json_put_bool(JsonbValue *object, const char *key, bool value);
extern void json_put_uuid(JsonbValue *object, const char *key, const pg_uuid_t *uuid);
extern Jsonb *json_objects_array(const JsonObjects *objects);
extern Jsonb *json_from_value(JsonbValue *value);

/* Objects and arrays among the elements of an array; *count is 0 for NULL and for anything else. */
extern Jsonb **json_elements(const Jsonb *array, int *count);

/* The same of the array below key. */
extern Jsonb **json_get_elements(const Jsonb *object, const char *key, int *count);

/* below || above: what above says wins.  Either may be NULL; the result may be one of them itself. */
extern Jsonb *json_overlay(const Jsonb *below, const Jsonb *above);

#endif
