/*
 * fuzz_json.c
 *		The input is what a provisioning program answers: one JSON object, of which texts are read; and it is a text that is
 *		written as JSON.
 *
 * The second reader goes over the text once, with a stack of brackets of its own and no recursion.
 */
#include <stdio.h>
#include <stdlib.h>

#include "copy/base/json.h"
#include "copy/base/json_read.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define MAX_OPEN 32 /* json_read.h */

enum expected
{
	ANY_VALUE,
	FIRST_VALUE, /* of an array, or its end */
	FIRST_KEY,   /* of an object, or its end */
	NEXT_KEY,
	COMMA
};

struct reader
{
	const char *at;
	char open[MAX_OPEN];
	int depth;
	enum expected expected;
	/* the member of the outermost object that is looked for */
	const char *key;
	const char *value; /* where its value begins; NULL: not met */
	bool is_next;      /* its key was just read */
};

/* Length of the string that begins here, with both quotes; 0: it is none. */
static size_t
string_length(const char *text)
{
	size_t i = 1;

	while (text[i] != '"')
	{
		if (text[i] >= 0 && text[i] < ' ')
			return 0;
		if (text[i++] != '\\')
			continue;
		if (text[i] != 'u')
		{
			if (text[i] == '\0' || strchr("\"\\/bfnrt", text[i]) == NULL)
				return 0;
			i++;
			continue;
		}
		if (strspn(text + i + 1, "0123456789abcdefABCDEF") < 4)
			return 0;
		i += 5;
	}
	return i + 1;
}

/* Length of the number, true, false or null that begins here; 0: it is none. */
static size_t
scalar_length(const char *text)
{
	static const char digits[] = "0123456789";
	const char *at = text + (*text == '-');
	size_t whole = strspn(at, digits);

	if (strncmp(text, "null", 4) == 0 || strncmp(text, "true", 4) == 0)
		return 4;
	if (strncmp(text, "false", 5) == 0)
		return 5;
	if (whole == 0 || (whole > 1 && *at == '0'))
		return 0;
	at += whole;
	if (*at == '.')
	{
		if (strspn(at + 1, digits) == 0)
			return 0;
		at += 1 + strspn(at + 1, digits);
	}
	if (*at == 'e' || *at == 'E')
	{
		at += at[1] == '+' || at[1] == '-' ? 2 : 1;
		if (strspn(at, digits) == 0)
			return 0;
		at += strspn(at, digits);
	}
	return (size_t) (at - text);
}

static bool
is_in_object(const struct reader *reader)
{
	return reader->open[reader->depth - 1] == '{';
}

static bool
read_key(struct reader *reader)
{
	size_t length = string_length(reader->at);

	if (length == 0)
		return false;
	reader->is_next = reader->depth == 1 && reader->value == NULL &&
					  length == strlen(reader->key) + 2 &&
					  memcmp(reader->at + 1, reader->key, length - 2) == 0;
	reader->at += length;
	reader->at += strspn(reader->at, " \t");
	if (*reader->at++ != ':')
		return false;
	reader->expected = ANY_VALUE;
	return true;
}

static bool
read_value(struct reader *reader)
{
	size_t length;

	if (reader->is_next)
		reader->value = reader->at;
	reader->is_next = false;
	if (*reader->at == '{' || *reader->at == '[')
	{
		if (reader->depth == MAX_OPEN)
			return false;
		reader->open[reader->depth++] = *reader->at;
		reader->expected = *reader->at == '{' ? FIRST_KEY : FIRST_VALUE;
		reader->at++;
		return true;
	}
	length = *reader->at == '"' ? string_length(reader->at) : scalar_length(reader->at);
	reader->at += length;
	reader->expected = COMMA;
	return length > 0;
}

/* One token.  False: the text is none. */
static bool
read_token(struct reader *reader)
{
	char c = *reader->at;

	if ((c == '}' || c == ']') && reader->expected != ANY_VALUE && reader->expected != NEXT_KEY)
	{
		if ((c == '}') != is_in_object(reader))
			return false;
		reader->at++;
		reader->depth--;
		reader->expected = COMMA;
		return true;
	}
	if (reader->expected == COMMA)
	{
		reader->at++;
		reader->expected = is_in_object(reader) ? NEXT_KEY : ANY_VALUE;
		return c == ',';
	}
	if (reader->expected == FIRST_KEY || reader->expected == NEXT_KEY)
		return c == '"' && read_key(reader);
	return read_value(reader);
}

/* Whether it is one object; reader->value: where the member's value begins. */
static bool
read_object(struct reader *reader, const char *text, const char *key)
{
	memset(reader, 0, sizeof(*reader));
	reader->at = text + strspn(text, " \t");
	reader->key = key;
	if (*reader->at != '{')
		return false;
	do
	{
		if (!read_token(reader))
			return false;
		reader->at += strspn(reader->at, " \t");
	} while (reader->depth > 0);
	return *reader->at == '\0';
}

/* What the string that begins here says, with "?" for \u. */
static void
say(const char *string, char *said)
{
	const char *end = string + string_length(string) - 1;

	for (string++; string < end; string++)
	{
		if (*string != '\\')
			*said++ = *string;
		else if (string[1] == 'u')
		{
			*said++ = '?';
			string += 5;
		}
		else
		{
			string++;
			*said++ = *string == 'b'   ? '\b'
					  : *string == 'f' ? '\f'
					  : *string == 'n' ? '\n'
					  : *string == 'r' ? '\r'
					  : *string == 't' ? '\t'
									   : *string;
		}
	}
	*said = '\0';
}

static void
compare_member(const char *text, const char *key)
{
	struct reader reader;
	char *expected = calloc(1, strlen(text) + 1);
	char *found = malloc(strlen(text) + 1);
	char few[8];
	bool is_text;

	if (!read_object(&reader, text, key))
		abort();
	is_text = reader.value != NULL && *reader.value == '"';
	if (json_member_text(text, key, found, strlen(text) + 1) != is_text ||
		json_member_text(text, key, few, sizeof(few)) != is_text ||
		json_member_is_true(text, key) !=
			(reader.value != NULL && strncmp(reader.value, "true", 4) == 0))
		abort();
	if (is_text)
	{
		say(reader.value, expected);
		/* what doesn't fit is cut off */
		if (strcmp(found, expected) != 0 || strlen(few) >= sizeof(few) ||
			strncmp(few, expected, sizeof(few) - 1) != 0)
			abort();
	}
	free(expected);
	free(found);
}

/* Any bytes become JSON that is read back: what is printable as it was. */
static void
write_and_read(const char *text)
{
	static const char key[] = "a \"key\"\n\xff";
	struct json json = {0};
	char *found = malloc(strlen(text) + 1);
	struct reader reader;
	bool is_printable = true;

	for (const char *c = text; *c != '\0'; c++)
		is_printable &= *c >= ' ' && *c <= '~';
	json_open(&json, NULL, '{');
	json_string(&json, key, text);
	json_string(&json, "b", text);
	json_open(&json, "list", '[');
	json_string(&json, NULL, text);
	json_close(&json, ']');
	json_close(&json, '}');
	if (json.failed || !read_object(&reader, json.text, "b") || !json_is_object(json.text) ||
		!json_member_text(json.text, "b", found, strlen(text) + 1) ||
		(is_printable && strcmp(found, text) != 0))
		abort();
	for (const char *c = json.text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			abort();
	json_free(&json);
	free(found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const char *const keys[] = {"lv", "error", "kind", "vg_uuid", "committed", ""};
	char *text = calloc(1, size + 1);
	struct reader reader;
	bool is_object;

	if (text == NULL)
		abort();
	memcpy(text, input, size);
	is_object = read_object(&reader, text, "lv");
	if (json_is_object(text) != is_object)
	{
		fprintf(stderr, "the readers differ\n");
		abort();
	}
	for (size_t i = 0; is_object && i < sizeof(keys) / sizeof(keys[0]); i++)
		compare_member(text, keys[i]);
	write_and_read(text);
	free(text);
	return 0;
}
