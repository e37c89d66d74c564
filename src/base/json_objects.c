/*
 * json_objects.c
 *		jsonb put together from parts: arrays of objects, and objects laid over each other.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/compat.h"
#include "base/json.h"
#include "base/json_objects.h"
#include "base/uuid.h"

JsonbValue *
json_objects_add(JsonObjects *objects, int member_count)
{
	JsonbValue *object;

	if (objects->count == objects->size)
	{
		objects->size = objects->size ? objects->size * 2 : 32;
		objects->items = objects->items
							 ? repalloc(objects->items, objects->size * sizeof(JsonbValue))
							 : palloc(objects->size * sizeof(JsonbValue));
	}
	object = &objects->items[objects->count++];
	object->type = jbvObject;
	object->val.object.nPairs = 0;
	object->val.object.pairs = palloc(member_count * sizeof(JsonbPair));
	return object;
}

static JsonbValue *
put(JsonbValue *object, const char *key)
{
	JsonbPair *pair = &object->val.object.pairs[object->val.object.nPairs++];

	pair->key.type = jbvString;
	pair->key.val.string.val = unconstify(char *, key);
	pair->key.val.string.len = strlen(key);
	pair->order = object->val.object.nPairs;
	Assert(pair->order == 1 || pair[-1].key.val.string.len < pair->key.val.string.len ||
		   (pair[-1].key.val.string.len == pair->key.val.string.len &&
			memcmp(pair[-1].key.val.string.val, key, pair->key.val.string.len) < 0));
	return &pair->value;
}

void
json_put_text(JsonbValue *object, const char *key, const char *text)
{
	JsonbValue *value = put(object, key);

	value->type = text ? jbvString : jbvNull;
	if (text)
	{
		value->val.string.val = unconstify(char *, text);
		value->val.string.len = strlen(text);
	}
}

void
json_put_int64(JsonbValue *object, const char *key, int64 number)
{
	JsonbValue *value = put(object, key);

	value->type = jbvNumeric;
	value->val.numeric = int64_to_numeric(number);
}

void
json_put_uuid(JsonbValue *object, const char *key, const pg_uuid_t *uuid)
{
	json_put_text(object, key, uuid ? uuid_text(uuid) : NULL);
}

Jsonb *
json_objects_array(const JsonObjects *objects)
{
	JsonbValue array = {.type = jbvArray};

	array.val.array.nElems = objects->count;
	array.val.array.elems = objects->items;
	array.val.array.rawScalar = false;
	return JsonbValueToJsonb(&array);
}

Jsonb **
json_elements(const Jsonb *array, int *count)
{
	Jsonb **elements;

	*count = 0;
	if (array == NULL || !JB_ROOT_IS_ARRAY(array) || JB_ROOT_IS_SCALAR(array))
		return NULL;
	elements = palloc(sizeof(Jsonb *) * (JB_ROOT_COUNT(array) + 1));
	for (uint32 i = 0; i < JB_ROOT_COUNT(array); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer((JsonbContainer *) &array->root, i);

		if (element->type == jbvBinary)
			elements[(*count)++] = JsonbValueToJsonb(element);
	}
	return elements;
}

Jsonb **
json_get_elements(const Jsonb *object, const char *key, int *count)
{
	return json_elements(json_get(object, key), count);
}

Jsonb *
json_overlay(const Jsonb *below, const Jsonb *above)
{
	if (below == NULL || above == NULL)
		return unconstify(Jsonb *, below ? below : above);
	if (JB_ROOT_IS_OBJECT(above) && JB_ROOT_COUNT(above) == 0)
		return unconstify(Jsonb *, below);
	return DatumGetJsonbP(
		DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(below), JsonbPGetDatum(above)));
}
