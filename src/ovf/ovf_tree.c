/*
 * ovf_tree.c
 *		Walking the tree, typed values, and warnings.
 *
 * Names are compared without their prefix: engines, virt-v2v and people write ovf: and rasd:
 * with different prefixes, and no two names of the dialect differ by the prefix only.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <uuid/uuid.h>

#include "ovf/ovf_internal.h"

/* What the reader does not understand and can leave alone; ends up in "warnings". */
void
ovf_warn(OvfReader *reader, const OvfNode *node, const char *format, ...)
{
	char message[512];
	char line[600];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	snprintf(line, sizeof(line), "line %d: %s", node->line, message);
	ovf_copy_line(message, sizeof(message), line);
	ovf_add_text(reader, reader->warnings, NULL, message);
}

static const OvfNode *
named(const OvfNode *node, const char *name)
{
	/* most names differ in the first letter */
	while (node != NULL && (node->name[0] != name[0] || strcmp(node->name, name) != 0))
		node = node->next;
	return node;
}

const OvfNode *
ovf_child(const OvfNode *parent, const char *name)
{
	return parent != NULL ? named(parent->children, name) : NULL;
}

const OvfNode *
ovf_next(const OvfNode *node, const char *name)
{
	return named(node->next, name);
}

const OvfNode *
ovf_attribute(const OvfNode *node, const char *name)
{
	return node != NULL ? named(node->attributes, name) : NULL;
}

/* <Section xsi:type="ovf:NAME_Type">, or <NAME> as newer writers have it. */
const OvfNode *
ovf_section(const OvfNode *parent, const char *name)
{
	size_t length = strlen(name);

	for (const OvfNode *node = parent != NULL ? parent->children : NULL; node != NULL;
		 node = node->next)
	{
		const OvfNode *type;

		if (strcmp(node->name, name) == 0)
			return node;
		if (strcmp(node->name, "Section") != 0)
			continue;
		type = ovf_attribute(node, "type");
		if (type != NULL)
		{
			const char *value = type->text;
			const char *colon = strchr(value, ':');

			if (colon != NULL)
				value = colon + 1;
			if (strncmp(value, name, length) == 0 && strcmp(value + length, "_Type") == 0)
				return node;
		}
	}
	return NULL;
}

/* Text of an element or attribute, as long as the reader lives; of elements within, too. */
const char *
ovf_text(OvfReader *reader, const OvfNode *node)
{
	char *text;
	char *end;

	if (node == NULL)
		return "";
	if (node->children == NULL)
		return node->text;
	text = end = ovf_allocate(&reader->memory, node->text_length + 1);
	if (text == NULL)
	{
		ovf_fail(reader, node, "out of memory");
		return "";
	}
	for (size_t i = 0; i < node->text_length; i++)
		if (node->text[i] != '\0')
			*end++ = node->text[i];
	*end = '\0';
	return text;
}

const char *
ovf_child_text(OvfReader *reader, const OvfNode *parent, const char *name)
{
	return ovf_text(reader, ovf_child(parent, name));
}

const char *
ovf_attribute_text(OvfReader *reader, const OvfNode *node, const char *name)
{
	return ovf_text(reader, ovf_attribute(node, name));
}

static bool
is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

bool
ovf_is_blank(const char *text)
{
	while (is_space(*text))
		text++;
	return *text == '\0';
}

bool
ovf_fits(OvfReader *reader, const OvfNode *node, const char *text, int most)
{
	int characters = 0;

	if (most == 0)
		return true;
	for (; *text != '\0'; text++)
		if (((unsigned char) *text & 0xC0) != 0x80 && ++characters > most)
			return ovf_fail(reader, node, "the text is longer than %d characters", most);
	return true;
}

/* A value for a message: at most size - 1 bytes, one line. */
const char *
ovf_excerpt(const char *text, char *buffer, size_t size)
{
	while (is_space(*text))
		text++;
	ovf_copy_line(buffer, size, text);
	return buffer;
}

/* Copies text without the space around it; false if it doesn't fit. */
static bool
trimmed(const char *text, char *buffer, size_t size)
{
	size_t length;

	while (is_space(*text))
		text++;
	length = strlen(text);
	while (length > 0 && is_space(text[length - 1]))
		length--;
	if (length >= size)
		return false;
	memcpy(buffer, text, length);
	buffer[length] = '\0';
	return true;
}

bool
ovf_integer(OvfReader *reader, const OvfNode *node, long long least, long long most,
			long long *value)
{
	const char *text = ovf_text(reader, node);
	char digits[32];
	char shown[64];
	char *end;

	if (!trimmed(text, digits, sizeof(digits)) || digits[0] == '\0' || digits[0] == '+')
		return ovf_fail(reader, node, "\"%s\" is not a whole number",
						ovf_excerpt(text, shown, sizeof(shown)));
	errno = 0;
	*value = strtoll(digits, &end, 10);
	if (*end != '\0' || end == digits)
		return ovf_fail(reader, node, "\"%s\" is not a whole number",
						ovf_excerpt(text, shown, sizeof(shown)));
	if (errno == ERANGE || *value < least || *value > most)
		return ovf_fail(reader, node, "%s is out of range %lld to %lld", digits, least, most);
	return true;
}

bool
ovf_boolean(OvfReader *reader, const OvfNode *node, bool *value)
{
	const char *text = ovf_text(reader, node);
	char word[16];
	char shown[64];

	if (trimmed(text, word, sizeof(word)))
	{
		/* virt-v2v writes True */
		*value = strcasecmp(word, "true") == 0 || strcmp(word, "1") == 0;
		if (*value || strcasecmp(word, "false") == 0 || strcmp(word, "0") == 0)
			return true;
	}
	return ovf_fail(reader, node, "\"%s\" is neither true nor false",
					ovf_excerpt(text, shown, sizeof(shown)));
}

/* 36 characters, in lower case in the result. */
bool
ovf_is_uuid(const char *text, char uuid[OVF_UUID_SIZE])
{
	if (!trimmed(text, uuid, OVF_UUID_SIZE))
		return false;
	for (int i = 0; i < OVF_UUID_SIZE - 1; i++)
	{
		char letter = uuid[i] | 0x20;
		bool is_digit = uuid[i] >= '0' && uuid[i] <= '9';

		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			if (uuid[i] != '-')
				return false;
		}
		else if (letter >= 'a' && letter <= 'f')
			uuid[i] = letter;
		else if (!is_digit)
			return false;
	}
	return true;
}

bool
ovf_uuid(OvfReader *reader, const OvfNode *node, const char *text, char uuid[OVF_UUID_SIZE])
{
	char shown[64];

	if (ovf_is_uuid(text, uuid))
		return true;
	return ovf_fail(reader, node, "\"%s\" is not a uuid", ovf_excerpt(text, shown, sizeof(shown)));
}

/* yyyy/MM/dd HH:mm:ss, UTC, to what timestamptz reads. */
bool
ovf_date(OvfReader *reader, const OvfNode *node, char *date, size_t size)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char *text = ovf_text(reader, node);
	char shown[64];
	char word[24];
	int year, month, day, hour, minute, second;
	int end = 0;

	if (trimmed(text, word, sizeof(word)) &&
		sscanf(word, "%4d/%2d/%2d %2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second,
			   &end) == 6 &&
		word[end] == '\0' && year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
		day <= days[month - 1] &&
		!(month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0))) &&
		hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60)
	{
		snprintf(date, size, "%04d-%02d-%02d %02d:%02d:%02d+00", year, month, day, hour, minute,
				 second);
		return true;
	}
	return ovf_fail(reader, node, "\"%s\" is not a date of the form yyyy/MM/dd HH:mm:ss",
					ovf_excerpt(text, shown, sizeof(shown)));
}

bool
ovf_attribute_boolean(OvfReader *reader, const OvfNode *node, const char *name, bool absent,
					  bool *value)
{
	const OvfNode *attribute = ovf_attribute(node, name);

	*value = absent;
	if (attribute == NULL || ovf_is_blank(ovf_text(reader, attribute)))
		return true;
	return ovf_boolean(reader, attribute, value);
}

/*
 * An id for what the document has no uuid of: the same one at every reading, so that a caller can
 * name it.
 */
void
ovf_derived_uuid(const OvfReader *reader, const char *kind, int number, char uuid[OVF_UUID_SIZE])
{
	uuid_t vm_id;
	uuid_t bytes;
	char name[64];

	if (uuid_parse(reader->vm_id, vm_id) != 0)
		uuid_clear(vm_id);
	snprintf(name, sizeof(name), "%s:%d", kind, number);
	uuid_generate_sha1(bytes, vm_id, name, strlen(name));
	uuid_unparse_lower(bytes, uuid);
}
