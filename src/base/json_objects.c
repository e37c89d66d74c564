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
	json_object_begin(object, member_count);
	return object;
}

void
json_object_begin(JsonbValue *object, int member_count)
{
	object->type = jbvObject;
	object->val.object.nPairs = 0;
	object->val.object.pairs = palloc(member_count * sizeof(JsonbPair));
}

void
json_object_grow(JsonbValue *object, int more)
{
	object->val.object.pairs =
		repalloc(object->val.object.pairs, (object->val.object.nPairs + more) * sizeof(JsonbPair));
}

JsonbValue *
json_put(JsonbValue *object, const char *key)
{
	JsonbPair *pair = &object->val.object.pairs[object->val.object.nPairs++];

	pair->key.type = jbvString;
	pair->key.val.string.val = unconstify(char *, key);
	pair->key.val.string.len = strlen(key);
	pair->order = object->val.object.nPairs;
	return &pair->value;
}

void
json_put_text(JsonbValue *object, const char *key, const char *text)
{
	JsonbValue *value = json_put(object, key);

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
	JsonbValue *value = json_put(object, key);

	value->type = jbvNumeric;
	value->val.numeric = int64_to_numeric(number);
}

void
json_put_bool(JsonbValue *object, const char *key, bool truth)
{
	JsonbValue *value = json_put(object, key);

	value->type = jbvBool;
	value->val.boolean = truth;
}

void
json_put_uuid(JsonbValue *object, const char *key, const pg_uuid_t *uuid)
{
	json_put_text(object, key, uuid ? uuid_text(uuid) : NULL);
}

/* jsonb's order of keys: by length, then by bytes. */
static int
compare_keys(const JsonbValue *left, const JsonbValue *right)
{
	if (left->val.string.len != right->val.string.len)
		return left->val.string.len < right->val.string.len ? -1 : 1;
	return memcmp(left->val.string.val, right->val.string.val, left->val.string.len);
}

/* Of equal keys the later one first. */
static int
compare_pairs(const void *left, const void *right)
{
	const JsonbPair *a = *(const JsonbPair *const *) left;
	const JsonbPair *b = *(const JsonbPair *const *) right;
	int result = compare_keys(&a->key, &b->key);

	return result != 0 ? result : a > b ? -1 : 1;
}

static bool
is_sorted(const JsonbValue *object)
{
	for (int i = 1; i < object->val.object.nPairs; i++)
		if (compare_keys(&object->val.object.pairs[i - 1].key, &object->val.object.pairs[i].key) >=
			0)
			return false;
	return true;
}

/* Of equal keys only the last one stays.  Not the pairs themselves are sorted, which are large. */
static void
sort_pairs(JsonbValue *object)
{
	int count = object->val.object.nPairs;
	JsonbPair **order = palloc(sizeof(JsonbPair *) * count);
	JsonbPair *pairs = palloc(sizeof(JsonbPair) * count);
	int kept = 0;

	for (int i = 0; i < count; i++)
		order[i] = &object->val.object.pairs[i];
	qsort(order, count, sizeof(JsonbPair *), compare_pairs);
	for (int i = 0; i < count; i++)
		if (kept == 0 || compare_keys(&pairs[kept - 1].key, &order[i]->key) != 0)
			pairs[kept++] = *order[i];
	object->val.object.pairs = pairs;
	object->val.object.nPairs = kept;
}

/* All objects in value, with their keys in order. */
static void
sort_keys(JsonbValue *value)
{
	if (value->type == jbvArray)
	{
		for (int i = 0; i < value->val.array.nElems; i++)
			sort_keys(&value->val.array.elems[i]);
	}
	else if (value->type == jbvObject)
	{
		if (!is_sorted(value))
			sort_pairs(value);
		for (int i = 0; i < value->val.object.nPairs; i++)
			sort_keys(&value->val.object.pairs[i].value);
	}
}

Jsonb *
json_from_value(JsonbValue *value)
{
	sort_keys(value);
	return JsonbValueToJsonb(value);
}

Jsonb *
json_objects_array(const JsonObjects *objects)
{
	JsonbValue array = {.type = jbvArray};

	for (int i = 0; i < objects->count; i++)
		Assert(is_sorted(&objects->items[i]));
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

/* Two objects of scalars, which come in order; NULL: a member is an object or array. */
static Jsonb *
merge_scalars(const Jsonb *below, const Jsonb *above)
{
	JsonMembers objects[2];
	JsonbPair members[2];
	bool has[2];
	JsonbValue merged;

	json_object_begin(&merged, JB_ROOT_COUNT(below) + JB_ROOT_COUNT(above));
	json_members_begin(&objects[0], below);
	json_members_begin(&objects[1], above);
	for (int i = 0; i < lengthof(objects); i++)
		has[i] = json_members_next(&objects[i], &members[i].key, &members[i].value);
	while (has[0] || has[1])
	{
		int order = !has[0] ? 1 : !has[1] ? -1 : compare_keys(&members[0].key, &members[1].key);
		int from = order < 0 ? 0 : 1;

		if (members[from].value.type == jbvBinary)
			return NULL;
		merged.val.object.pairs[merged.val.object.nPairs++] = members[from];
		for (int i = 0; i < lengthof(objects); i++)
		{
			if (i == 0 ? order <= 0 : order >= 0)
				has[i] = json_members_next(&objects[i], &members[i].key, &members[i].value);
		}
	}
	return JsonbValueToJsonb(&merged);
}

Jsonb *
json_overlay(const Jsonb *below, const Jsonb *above)
{
	Jsonb *merged = NULL;

	if (below == NULL || above == NULL)
		return unconstify(Jsonb *, below ? below : above);
	if (JB_ROOT_IS_OBJECT(above) && JB_ROOT_COUNT(above) == 0)
		return unconstify(Jsonb *, below);
	if (JB_ROOT_IS_OBJECT(below) && JB_ROOT_IS_OBJECT(above))
		merged = merge_scalars(below, above);
	if (merged != NULL)
		return merged;
	return DatumGetJsonbP(
		DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(below), JsonbPGetDatum(above)));
}
