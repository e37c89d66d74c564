/*
 * request_values.c
 *		Values of the parameters' JSON, each with a refusal that names parameter and key.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/uuid.h"
#include "request/request_internal.h"

pg_noreturn void
request_refuse_value(const char *parameter, const char *value, const char *allowed)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for parameter \"%s\": \"%s\"", parameter,
						   message_excerpt(value)),
					errhint("Valid values are %s.", allowed)));
}

/* The value below a key, or NULL: absent or null. */
JsonbValue *
request_value(const Jsonb *object, const char *key)
{
	JsonbValue *value =
		getKeyJsonValueFromContainer((JsonbContainer *) &object->root, key, strlen(key), NULL);

	return value && value->type != jbvNull ? value : NULL;
}

const char request_itself[] = "parameters";

pg_noreturn void
request_refuse_type(const char *parameter, const char *key, const char *expected)
{
	if (parameter == request_itself)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("parameter \"%s\" is not %s", key, expected),
						errhint("Leave it out for its default.")));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("key \"%s\" in parameter \"%s\" is not %s", key, parameter, expected),
					errhint("Leave it out to keep what the snapshot has.")));
}

char *
request_text(const Jsonb *object, const char *parameter, const char *key)
{
	const JsonbValue *value = request_value(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		request_refuse_type(parameter, key, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

bool
request_boolean(const Jsonb *object, const char *parameter, const char *key, bool absent)
{
	const JsonbValue *value = request_value(object, key);

	if (value == NULL)
		return absent;
	if (value->type != jbvBool)
		request_refuse_type(parameter, key, "a boolean");
	return value->val.boolean;
}

OptionalUuid
request_uuid(const Jsonb *object, const char *parameter, const char *key)
{
	char *text = request_text(object, parameter, key);
	OptionalUuid result = {false};

	if (text == NULL)
		return result;
	if (!uuid_parse_text(text, &result.value) && parameter == request_itself)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("parameter \"%s\" is not a uuid: \"%s\"", key, message_excerpt(text)),
			 errhint("A uuid is 36 characters, as in \"aaa00000-0000-0000-0000-123456789aaa\".")));
	if (!uuid_parse_text(text, &result.value))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("key \"%s\" in parameter \"%s\" is not a uuid: \"%s\"", key, parameter,
					message_excerpt(text)),
			 errhint("A uuid is 36 characters, as in \"aaa00000-0000-0000-0000-123456789aaa\".")));
	result.given = true;
	return result;
}

/* A string or a number; oVirt's codes and words are both at home in configurations. */
void
request_check_scalar(const Jsonb *object, const char *parameter, const char *key)
{
	const JsonbValue *value = request_value(object, key);

	if (value && value->type == jbvBinary)
		request_refuse_type(parameter, key, "a string or a number");
}

void
request_check_keys(Jsonb *object, const char *parameter, const char *const *allowed)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbValue value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char *key;
		int i;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		for (i = 0; allowed[i]; i++)
			if (strcmp(allowed[i], key) == 0)
				break;
		if (allowed[i] == NULL)
		{
			StringInfoData list;

			initStringInfo(&list);
			for (i = 0; allowed[i]; i++)
				appendStringInfo(&list, "%s%s", i ? ", " : "", allowed[i]);
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 parameter == request_itself
						 ? errmsg("unrecognized parameter \"%s\"", message_excerpt(key))
						 : errmsg("unrecognized key \"%s\" in parameter \"%s\"",
								  message_excerpt(key), parameter),
					 errhint("Valid %s are %s.",
							 parameter == request_itself ? "parameters" : "keys", list.data)));
		}
	}
}

/* Elements of an array parameter, each an object with known keys. */
Jsonb **
request_objects(Jsonb *array, const char *parameter, const char *const *allowed, int limit,
				int *count)
{
	Jsonb **objects;

	*count = 0;
	if (array == NULL)
		return NULL;
	if (!JB_ROOT_IS_ARRAY(array) || JB_ROOT_IS_SCALAR(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" is not an array", parameter),
				 errhint("Pass an array of objects, for example [{\"%s\": ...}].", allowed[0])));
	if (JB_ROOT_COUNT(array) > limit)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("parameter \"%s\" has %d elements", parameter, JB_ROOT_COUNT(array)),
						errdetail("The most that one call takes is %d.", limit),
						errhint("Make several calls.")));
	objects = palloc0(sizeof(Jsonb *) * (JB_ROOT_COUNT(array) + 1));
	for (uint32 i = 0; i < JB_ROOT_COUNT(array); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(&array->root, i);

		objects[i] = element->type == jbvBinary ? JsonbValueToJsonb(element) : NULL;
		if (objects[i] == NULL || !JB_ROOT_IS_OBJECT(objects[i]))
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("element %u of parameter \"%s\" is not an object", i + 1, parameter),
				 errhint("Pass an array of objects, for example [{\"%s\": ...}].", allowed[0])));
		request_check_keys(objects[i], parameter, allowed);
	}
	*count = JB_ROOT_COUNT(array);
	return objects;
}

void
request_check_object(const Jsonb *object, const char *parameter)
{
	if (object && !JB_ROOT_IS_OBJECT(object))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("parameter \"%s\" is not an object", parameter),
						errhint("Pass an object keyed by column of vm_static, for example "
								"{\"mem_size_mb\": 2048}.")));
}
