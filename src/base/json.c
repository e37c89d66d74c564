/*
 * json.c
 *		Reading and writing jsonb objects from C; uuids.
 */
#include "postgres.h"

#include <ctype.h>

/* libuuid's header before PostgreSQL's, which has a uuid_t-free name space of its own */
#include <uuid.h>

#include "base/errors.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "base/json.h"

/* The value below key, or NULL: absent, null, or object is no object. */
static JsonbValue *
find(const Jsonb *object, const char *key)
{
	JsonbValue *value;

	if (object == NULL || !JB_ROOT_IS_OBJECT(object))
		return NULL;
	value = getKeyJsonValueFromContainer((JsonbContainer *) &object->root, key, strlen(key), NULL);
	return value && value->type != jbvNull ? value : NULL;
}

char *
json_get_text(const Jsonb *object, const char *key)
{
	JsonbValue *value = find(object, key);

	if (value == NULL)
		return NULL;
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return JsonbToCString(NULL, &JsonbValueToJsonb(value)->root, 0);
	}
}

bool
json_get_bool(const Jsonb *object, const char *key, bool absent)
{
	JsonbValue *value = find(object, key);
	bool result;

	if (value == NULL)
		return absent;
	if (value->type == jbvBool)
		return value->val.boolean;
	if (value->type == jbvString &&
		parse_bool_with_len(value->val.string.val, value->val.string.len, &result))
		return result;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("value of key \"%s\" is not a boolean", key), errhint("Give true or false.")));
}

/* False where text begins with no number, or with one that is too large; end: behind the number. */
static bool
leading_integer(const char *text, int64 *value, char **end)
{
	errno = 0;
	*value = strtoll(text, end, 10);
	return errno == 0 && *end != text;
}

int64
json_get_int64(const Jsonb *object, const char *key, int64 absent)
{
	char *text = json_get_text(object, key);
	char *end;
	int64 value;
	bool is_number;

	if (text == NULL)
		return absent;
	is_number = leading_integer(text, &value, &end);
	while (isspace((unsigned char) *end))
		end++;
	if (!is_number || *end != '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						errmsg("value of key \"%s\" is not an integer: \"%s\"", key,
							   message_excerpt(text)),
						errhint("It may come from the call, the snapshot's configuration or table "
								"vdc_options; correct it there.")));
	return value;
}

int64
json_get_count(const Jsonb *object, const char *key, int64 absent)
{
	char *text = object != NULL ? json_get_text(object, key) : NULL;
	char *end;
	int64 value;

	return text != NULL && leading_integer(text, &value, &end) && value >= 0 ? value : absent;
}

bool
json_get_uuid(const Jsonb *object, const char *key, pg_uuid_t *uuid)
{
	char *text = json_get_text(object, key);

	if (text == NULL)
		return false;
	if (!uuid_parse_text(text, uuid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("value of key \"%s\" is not a uuid: \"%s\"", key, message_excerpt(text)),
				 errhint("A uuid is 36 characters, as in "
						 "\"aaa00000-0000-0000-0000-123456789aaa\".")));
	return true;
}

Jsonb *
json_get(const Jsonb *object, const char *key)
{
	JsonbValue *value = find(object, key);

	return value ? JsonbValueToJsonb(value) : NULL;
}

bool
json_is_given(const Jsonb *object, const char *key)
{
	return find(object, key) != NULL;
}

bool
json_has(const Jsonb *object, const char *key)
{
	if (object == NULL || !JB_ROOT_IS_OBJECT(object))
		return false;
	return getKeyJsonValueFromContainer((JsonbContainer *) &object->root, key, strlen(key), NULL) !=
		   NULL;
}

void
json_append_string(StringInfo buffer, const char *text)
{
	if (text)
		escape_json(buffer, text);
	else
		appendStringInfoString(buffer, "null");
}

Jsonb *
json_from_text(const char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

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

bool
uuid_is_zero(const pg_uuid_t *uuid)
{
	static const pg_uuid_t zero = {{0}};

	return memcmp(uuid, &zero, sizeof(zero)) == 0;
}

bool
uuid_same(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

char *
uuid_text(const pg_uuid_t *uuid)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(uuid)));
}

StaticAssertDecl(sizeof(uuid_t) == UUID_LEN, "libuuid's uuids have PostgreSQL's size");

/*
 * A random uuid costs libuuid six system calls, and a call makes dozens.  So one random uuid is the
 * name space of this process, and the others are libuuid's hashes of a counter in it.
 */
pg_uuid_t
uuid_new(void)
{
	static uuid_t name_space;
	static int name_space_of; /* process */
	static uint64 counter;
	pg_uuid_t result;
	uuid_t generated;

	if (name_space_of != MyProcPid)
	{
		uuid_generate_random(name_space);
		name_space_of = MyProcPid;
	}
	counter++;
	uuid_generate_sha1(generated, name_space, (const char *) &counter, sizeof(counter));
	memcpy(result.data, generated, UUID_LEN);
	return result;
}

bool
uuid_parse_text(const char *text, pg_uuid_t *uuid)
{
	uuid_t parsed;

	if (uuid_parse(text, parsed) != 0)
		return false;
	memcpy(uuid->data, parsed, UUID_LEN);
	return true;
}
