/*
 * json_read.c
 *		Reads the one JSON object that another program answered with.
 */
#include <ctype.h>
#include <string.h>

#include "copy/base/json_read.h"

#define MAX_DEPTH 32

/* Each of these takes what it is named for from the front of *text; false if it isn't there. */
static bool take_value(const char **text, int depth);

static void
take_space(const char **text)
{
	*text += strspn(*text, " \t");
}

static bool
take_character(const char **text, char wanted)
{
	take_space(text);
	if (**text != wanted)
		return false;
	++*text;
	return true;
}

static bool
take_string(const char **text)
{
	if (!take_character(text, '"'))
		return false;
	for (; **text != '"'; ++*text)
	{
		if ((unsigned char) **text < 0x20) /* the end of the text among them */
			return false;
		if (**text != '\\')
			continue;
		++*text;
		if (**text == 'u')
		{
			for (int i = 0; i < 4; i++)
				if (!isxdigit((unsigned char) *++*text))
					return false;
		}
		else if (**text == '\0' || strchr("\"\\/bfnrt", **text) == NULL)
			return false;
	}
	++*text;
	return true;
}

static bool
take_digits(const char **text)
{
	size_t length = strspn(*text, "0123456789");

	*text += length;
	return length > 0;
}

static bool
take_number(const char **text)
{
	if (**text == '-')
		++*text;
	if (**text == '0')
		++*text;
	else if (!take_digits(text))
		return false;
	if (**text == '.')
	{
		++*text;
		if (!take_digits(text))
			return false;
	}
	if (**text == 'e' || **text == 'E')
	{
		++*text;
		if (**text == '+' || **text == '-')
			++*text;
		return take_digits(text);
	}
	return true;
}

/* Members of an object or elements of an array, behind the bracket that opens it. */
static bool
take_items(const char **text, char close, int depth)
{
	if (depth > MAX_DEPTH)
		return false;
	if (take_character(text, close))
		return true;
	do
	{
		if (close == '}' && (!take_string(text) || !take_character(text, ':')))
			return false;
		if (!take_value(text, depth))
			return false;
	} while (take_character(text, ','));
	return take_character(text, close);
}

static bool
take_value(const char **text, int depth)
{
	static const char *const words[] = {"true", "false", "null"};

	take_space(text);
	if (**text == '"')
		return take_string(text);
	if (take_character(text, '{'))
		return take_items(text, '}', depth + 1);
	if (take_character(text, '['))
		return take_items(text, ']', depth + 1);
	for (int i = 0; i < 3; i++)
		if (strncmp(*text, words[i], strlen(words[i])) == 0)
		{
			*text += strlen(words[i]);
			return true;
		}
	return take_number(text);
}

bool
json_is_object(const char *text)
{
	if (!take_character(&text, '{') || !take_items(&text, '}', 1))
		return false;
	take_space(&text);
	return *text == '\0';
}

/* The characters of a string's inside; what only \u can say becomes a question mark. */
static void
copy_text(const char *from, const char *end, char *value, size_t size)
{
	static const char escapes[] = "b\bf\fn\nr\rt\t";
	size_t length = 0;

	for (; from < end && length + 1 < size; from++)
	{
		const char *escape;

		if (*from != '\\')
		{
			value[length++] = *from;
			continue;
		}
		from++;
		escape = *from != 'u' ? strchr(escapes, *from) : NULL;
		value[length++] = *from == 'u' ? '?' : escape != NULL ? escape[1] : *from;
		if (*from == 'u')
			from += 4;
	}
	value[length] = '\0';
}

/* Where the value below a key of the outermost object begins, and ends; NULL where there is none. */
static const char *
find_member(const char *object, const char *key, const char **end)
{
	size_t length = strlen(key);

	(void) take_character(&object, '{');
	while (!take_character(&object, '}'))
	{
		const char *begin;
		bool found;

		take_space(&object);
		begin = object + 1;
		if (!take_string(&object))
			return NULL;
		found = (size_t) (object - 1 - begin) == length && memcmp(begin, key, length) == 0;
		(void) take_character(&object, ':');
		take_space(&object);
		begin = object;
		if (!take_value(&object, 1))
			return NULL;
		*end = object;
		if (found)
			return begin;
		(void) take_character(&object, ',');
	}
	return NULL;
}

bool
json_member_text(const char *object, const char *key, char *value, size_t size)
{
	const char *end;
	const char *begin = find_member(object, key, &end);

	if (begin == NULL || *begin != '"')
		return false;
	copy_text(begin + 1, end - 1, value, size);
	return true;
}

bool
json_member_is_true(const char *object, const char *key)
{
	const char *end;
	const char *begin = find_member(object, key, &end);

	return begin != NULL && *begin == 't';
}
