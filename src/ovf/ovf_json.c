/*
 * ovf_json.c
 *		Writes JSON text without PostgreSQL.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovf/ovf_internal.h"

static void
append(OvfJson *json, const char *bytes, size_t count)
{
	if (json->failed)
		return;
	if (count >= json->capacity - json->length)
	{
		size_t capacity = json->capacity == 0 ? 512 : json->capacity;
		char *data;

		while (count >= capacity - json->length)
			capacity *= 2;
		data = realloc(json->data, capacity);
		if (data == NULL)
		{
			json->failed = true;
			return;
		}
		json->data = data;
		json->capacity = capacity;
	}
	memcpy(json->data + json->length, bytes, count);
	json->length += count;
	json->data[json->length] = '\0';
}

static void
append_quoted(OvfJson *json, const char *text)
{
	const char *run = text;

	append(json, "\"", 1);
	for (; *text != '\0'; text++)
	{
		unsigned char byte = (unsigned char) *text;
		char escape[8];

		if (byte >= 0x20 && byte != '"' && byte != '\\')
			continue;
		append(json, run, text - run);
		run = text + 1;
		if (byte >= 0x20)
			snprintf(escape, sizeof(escape), "\\%c", byte);
		else
			snprintf(escape, sizeof(escape), "\\u%04x", byte);
		append(json, escape, strlen(escape));
	}
	append(json, run, text - run);
	append(json, "\"", 1);
}

/* The comma before a member and its key. */
static void
begin(OvfJson *json, const char *key)
{
	if (json->length > 0 && !json->failed)
	{
		char last = json->data[json->length - 1];

		if (last != '{' && last != '[')
			append(json, ",", 1);
	}
	if (key != NULL)
	{
		append_quoted(json, key);
		append(json, ":", 1);
	}
}

void
ovf_json_object(OvfJson *json, const char *key)
{
	begin(json, key);
	append(json, "{", 1);
}

void
ovf_json_object_end(OvfJson *json)
{
	append(json, "}", 1);
}

void
ovf_json_array(OvfJson *json, const char *key)
{
	begin(json, key);
	append(json, "[", 1);
}

void
ovf_json_array_end(OvfJson *json)
{
	append(json, "]", 1);
}

void
ovf_json_text(OvfJson *json, const char *key, const char *text)
{
	begin(json, key);
	if (text == NULL)
		append(json, "null", 4);
	else
		append_quoted(json, text);
}

void
ovf_json_integer(OvfJson *json, const char *key, long long value)
{
	char digits[32];

	begin(json, key);
	snprintf(digits, sizeof(digits), "%lld", value);
	append(json, digits, strlen(digits));
}

void
ovf_json_boolean(OvfJson *json, const char *key, bool value)
{
	begin(json, key);
	append(json, value ? "true" : "false", value ? 4 : 5);
}

void
ovf_json_part(OvfJson *json, const char *key, OvfJson *part)
{
	if (part->failed)
		json->failed = true;
	begin(json, key);
	append(json, part->data, part->length);
}

void
ovf_json_free(OvfJson *json)
{
	free(json->data);
	memset(json, 0, sizeof(*json));
}
