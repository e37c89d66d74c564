/*
 * json.c
 *		Writes JSON, one object on a line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "contract/copier_protocol.h"
#include "copy/base/json.h"
#include "copy/base/utf8.h"

#define FIRST_CAPACITY        ((size_t) 512)
#define REPLACEMENT_CHARACTER 0xfffd

static uint64_t (*event_clock)(void) = NULL;

static void
append(struct json *json, const char *text, size_t length)
{
	if (json->failed)
		return;
	if (json->capacity - json->length <= length)
	{
		size_t capacity = (json->capacity + length) * 2 + FIRST_CAPACITY;
		char *larger = realloc(json->text, capacity);

		if (larger == NULL)
		{
			json->failed = true;
			return;
		}
		json->text = larger;
		json->capacity = capacity;
	}
	memcpy(json->text + json->length, text, length);
	json->length += length;
	json->text[json->length] = '\0';
}

static void
append_text(struct json *json, const char *text)
{
	append(json, text, strlen(text));
}

static void
append_character(struct json *json, uint32_t code)
{
	char escaped[16];

	if (code == '"' || code == '\\')
		snprintf(escaped, sizeof(escaped), "\\%c", (char) code);
	else if (code >= 0x20 && code < 0x7f)
		snprintf(escaped, sizeof(escaped), "%c", (char) code);
	else if (code < 0x10000)
		snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned) code);
	else
		snprintf(escaped, sizeof(escaped), "\\u%04x\\u%04x",
				 (unsigned) (0xd800 + ((code - 0x10000) >> 10)),
				 (unsigned) (0xdc00 + ((code - 0x10000) & 0x3ff)));
	append_text(json, escaped);
}

static void
append_quoted(struct json *json, const char *value)
{
	append_text(json, "\"");
	while (*value != '\0')
	{
		uint32_t code;
		size_t length = utf8_decode(value, &code);

		append_character(json, length == 0 ? REPLACEMENT_CHARACTER : code);
		value += length == 0 ? 1 : length;
	}
	append_text(json, "\"");
}

/* What comes before a value: a comma behind another one, and its key. */
static void
append_key(struct json *json, const char *key)
{
	char before = json->length > 0 ? json->text[json->length - 1] : '{';

	if (before != '{' && before != '[')
		append_text(json, ",");
	if (key != NULL)
	{
		append_quoted(json, key);
		append_text(json, ":");
	}
}

void
json_open(struct json *json, const char *key, char open)
{
	append_key(json, key);
	append(json, &open, 1);
}

void
json_close(struct json *json, char close)
{
	append(json, &close, 1);
}

void
json_string(struct json *json, const char *key, const char *value)
{
	append_key(json, key);
	if (value == NULL)
		append_text(json, "null");
	else
		append_quoted(json, value);
}

void
json_value(struct json *json, const char *key, const char *value)
{
	append_key(json, key);
	append_text(json, value);
}

void
json_integer(struct json *json, const char *key, uint64_t value)
{
	char digits[24];

	append_key(json, key);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	append_text(json, digits);
}

void
json_decimal(struct json *json, const char *key, double value, int digits)
{
	char text[64];

	append_key(json, key);
	snprintf(text, sizeof(text), "%.*f", digits, value);
	append_text(json, text);
}

void
json_bool(struct json *json, const char *key, bool value)
{
	append_key(json, key);
	append_text(json, value ? "true" : "false");
}

void
json_null(struct json *json, const char *key)
{
	json_string(json, key, NULL);
}

void
json_stamp_events(uint64_t (*clock)(void))
{
	event_clock = clock;
}

void
json_open_event(struct json *json, const char *event)
{
	json_open(json, NULL, '{');
	json_string(json, COPIER_FIELD_EVENT, event);
	if (event_clock != NULL)
		json_integer(json, COPIER_FIELD_CLOCK, event_clock());
}

void
json_clear(struct json *json)
{
	json->length = 0;
	json->failed = false;
	if (json->text)
		json->text[0] = '\0';
}

int
json_print(struct json *json, bool flush)
{
	int error_number = 0;

	append_text(json, "\n");
	if (json->failed)
		error_number = ENOMEM;
	else if (fwrite(json->text, 1, json->length, stdout) != json->length ||
			 (flush && fflush(stdout) != 0))
		error_number = errno;
	json_clear(json);
	errno = error_number;
	return error_number == 0 ? 0 : -1;
}

void
json_free(struct json *json)
{
	free(json->text);
	memset(json, 0, sizeof(*json));
}
