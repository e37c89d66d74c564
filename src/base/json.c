/*
 * json.c
 *		Reading jsonb objects from C, and writing them as text.
 */
#include "postgres.h"

#include <ctype.h>

#include "base/errors.h"
#include "base/uuid.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/compat.h"
#include "base/json.h"

/* Where the data of an entry end that begin at offset; all of them from the container's base. */
static uint32
end_of_entry(JEntry entry, uint32 offset)
{
	return JBE_HAS_OFF(entry) ? JBE_OFFLENFLD(entry) : offset + JBE_OFFLENFLD(entry);
}

/* The value of an entry. */
static void
read_value(JEntry entry, const char *base, uint32 offset, JsonbValue *value)
{
	if (JBE_ISNULL(entry))
		value->type = jbvNull;
	else if (JBE_ISSTRING(entry))
	{
		value->type = jbvString;
		value->val.string.val = unconstify(char *, base + offset);
		value->val.string.len = (int) (end_of_entry(entry, offset) - offset);
	}
	else if (JBE_ISNUMERIC(entry))
	{
		value->type = jbvNumeric;
		value->val.numeric = (Numeric) (base + INTALIGN(offset));
	}
	else if (JBE_ISBOOL(entry))
	{
		value->type = jbvBool;
		value->val.boolean = JBE_ISBOOL_TRUE(entry);
	}
	else
	{
		value->type = jbvBinary;
		value->val.binary.data = (JsonbContainer *) (base + INTALIGN(offset));
		value->val.binary.len = (int) (end_of_entry(entry, offset) - INTALIGN(offset));
	}
}

/*
 * An object's value below key.  Keys lie in order of their lengths, which stand before them: what is of
 * another length is stepped over without a look at its bytes, and nothing is allocated, as the server's
 * getKeyJsonValueFromContainer does.
 */
static bool
find_any(const Jsonb *object, const char *key, JsonbValue *value)
{
	const JsonbContainer *container = &object->root;
	uint32 count = JsonContainerSize(container);
	const char *base = (const char *) &container->children[count * 2];
	uint32 key_length = strlen(key);
	uint32 offset = 0;

	for (uint32 i = 0; i < count; i++)
	{
		JEntry entry = container->children[i];
		uint32 end = end_of_entry(entry, offset);

		if (end - offset > key_length)
			return false;
		if (end - offset == key_length && memcmp(base + offset, key, key_length) == 0)
		{
			read_value(container->children[count + i], base, getJsonbOffset(container, count + i),
					   value);
			return true;
		}
		offset = end;
	}
	return false;
}

void
json_members_begin(JsonMembers *members, const Jsonb *object)
{
	uint32 count = JB_ROOT_COUNT(object);

	Assert(JB_ROOT_IS_OBJECT(object));
	*members = (JsonMembers){
		.object = &object->root,
		.base = (const char *) &object->root.children[count * 2],
		.value_offset = getJsonbOffset(&object->root, (int) count),
	};
}

bool
json_members_next(JsonMembers *members, JsonbValue *key, JsonbValue *value)
{
	const JsonbContainer *object = members->object;
	uint32 count = JsonContainerSize(object);
	JEntry key_entry;
	JEntry value_entry;

	if (members->next == count)
		return false;
	key_entry = object->children[members->next];
	value_entry = object->children[count + members->next];
	read_value(key_entry, members->base, members->key_offset, key);
	read_value(value_entry, members->base, members->value_offset, value);
	members->key_offset = end_of_entry(key_entry, members->key_offset);
	members->value_offset = end_of_entry(value_entry, members->value_offset);
	members->next++;
	return true;
}

/* False: absent, null, or object is no object. */
static bool
find(const Jsonb *object, const char *key, JsonbValue *value)
{
	return object != NULL && JB_ROOT_IS_OBJECT(object) && find_any(object, key, value) &&
		   value->type != jbvNull;
}

char *
json_get_text(const Jsonb *object, const char *key)
{
	JsonbValue value;

	if (!find(object, key, &value))
		return NULL;
	switch (value.type)
	{
		case jbvString:
			return pnstrdup(value.val.string.val, value.val.string.len);
		case jbvNumeric:
			return DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
		case jbvBool:
			return pstrdup(value.val.boolean ? "true" : "false");
		default:
			return JsonbToCString(NULL, &JsonbValueToJsonb(&value)->root, 0);
	}
}

/* An escape sequence of JSON becomes any character: of those that a terminal obeys each becomes "?". */
char *
json_get_printable(const Jsonb *object, const char *key)
{
	char *text = json_get_text(object, key);
	bool is_utf8 = GetDatabaseEncoding() == PG_UTF8;

	for (unsigned char *at = (unsigned char *) text; text != NULL && *at != '\0'; at++)
	{
		if (*at < 0x20 || *at == 0x7f)
			*at = '?';
		/* U+0080 to U+009F, of two bytes */
		else if (is_utf8 && *at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
			at[0] = at[1] = '?';
	}
	return text;
}

bool
json_get_bool(const Jsonb *object, const char *key, bool absent)
{
	JsonbValue value;
	bool result;

	if (!find(object, key, &value))
		return absent;
	if (value.type == jbvBool)
		return value.val.boolean;
	if (value.type == jbvString &&
		parse_bool_with_len(value.val.string.val, value.val.string.len, &result))
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
	JsonbValue value;

	return find(object, key, &value) ? JsonbValueToJsonb(&value) : NULL;
}

bool
json_is_given(const Jsonb *object, const char *key)
{
	JsonbValue value;

	return find(object, key, &value);
}

bool
json_has(const Jsonb *object, const char *key)
{
	JsonbValue value;

	return object != NULL && JB_ROOT_IS_OBJECT(object) && find_any(object, key, &value);
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

const Jsonb *
json_constant(JsonConstant *constant)
{
	if (constant->json == NULL)
	{
		Jsonb *json = json_from_text(constant->text);
		Jsonb *kept = MemoryContextAlloc(TopMemoryContext, VARSIZE(json));

		memcpy(kept, json, VARSIZE(json));
		constant->json = kept;
	}
	return constant->json;
}
