/*
 * ovf_error.c
 *		Why a document is refused, and which place in it that is.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ovf/ovf_internal.h"

/* Cuts text to size bytes where a character ends, and makes it one line. */
void
ovf_copy_line(char *target, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length >= size)
	{
		length = size - 1;
		while (length > 0 && ((unsigned char) text[length] & 0xC0) == 0x80)
			length--;
	}
	memcpy(target, text, length);
	while (length > 0 &&
		   (target[length - 1] == '\n' || target[length - 1] == '.' || target[length - 1] == ' '))
		length--;
	target[length] = '\0';
	for (; *target != '\0'; target++)
		if ((unsigned char) *target < 0x20 || *target == 0x7F)
			*target = ' ';
}

/* Puts text before what path holds from *begin on, or as much of its end as there is room for. */
static void
prepend(char *path, size_t *begin, const char *text)
{
	size_t length = strlen(text);
	size_t room = *begin < length ? *begin : length;

	*begin -= room;
	memcpy(path + *begin, text + length - room, room);
}

static bool
same_name(const OvfNode *one, const OvfNode *other)
{
	return strcmp(one->name, other->name) == 0 && one->has_namespace == other->has_namespace &&
		   one->prefix == other->prefix;
}

/* An element's number among the siblings of its name, from 1; 0: it is the only one. */
static int
number_among_siblings(const OvfNode *node, bool any_name)
{
	int number = 0;
	int all = 0;

	for (const OvfNode *sibling = node->parent != NULL ? node->parent->children : node;
		 sibling != NULL; sibling = sibling->next)
	{
		if (any_name || same_name(sibling, node))
			all++;
		if (sibling == node)
			number = all;
	}
	return all > 1 ? number : 0;
}

/* An XPath, "*" for a name in a default namespace; of a long one the end, which says more. */
static void
node_path(const OvfNode *node, char *path, size_t size)
{
	char buffer[sizeof(((OvfError *) NULL)->element)];
	size_t begin = sizeof(buffer) - 1;

	buffer[begin] = '\0';
	for (; node != NULL && begin > 0; node = node->parent)
	{
		bool any_name = !node->is_attribute && node->has_namespace && node->prefix == NULL;
		int number = node->is_attribute ? 0 : number_among_siblings(node, any_name);
		char index[16];

		if (number > 0)
		{
			snprintf(index, sizeof(index), "[%d]", number);
			prepend(buffer, &begin, index);
		}
		prepend(buffer, &begin, any_name ? "*" : node->name);
		if (node->prefix != NULL)
		{
			prepend(buffer, &begin, ":");
			prepend(buffer, &begin, node->prefix);
		}
		prepend(buffer, &begin, node->is_attribute ? "/@" : "/");
	}
	while (((unsigned char) buffer[begin] & 0xC0) == 0x80)
		begin++;
	ovf_copy_line(path, size, buffer + begin);
}

bool
ovf_fail(OvfReader *reader, const OvfNode *node, const char *format, ...)
{
	char message[1024];
	va_list arguments;

	if (reader->failed)
		return false;
	reader->failed = true;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	ovf_copy_line(reader->error->message, sizeof(reader->error->message), message);
	if (node != NULL)
	{
		reader->error->line = node->line;
		node_path(node, reader->error->element, sizeof(reader->error->element));
	}
	return false;
}
