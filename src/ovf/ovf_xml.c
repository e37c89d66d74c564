/*
 * ovf_xml.c
 *		libxml2 under the reader: bounded parsing, walking the tree, typed values.
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

#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <uuid/uuid.h>

#include "ovf/ovf_internal.h"

/* libxml2 2.14 calls the parser's fields deprecated; 2.9 has no functions in their place. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* Hangs on the parser: counts elements and says why we stopped it. */
typedef struct ParseBounds
{
	OvfError *error;
	OvfInterrupted interrupted;
	int elements;
	bool stopped; /* by us */
	bool faulty;  /* libxml2 has found an error, not only something to warn of */
} ParseBounds;

/* Cuts text to size bytes where a character ends, and makes it one line. */
static void
copy_line(char *target, size_t size, const char *text)
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

static void
stop(xmlParserCtxt *context, const char *message)
{
	ParseBounds *bounds = context->_private;

	if (bounds->stopped)
		return;
	bounds->stopped = true;
	bounds->error->line = context->input != NULL ? context->input->line : 0;
	if (context->name != NULL)
		copy_line(bounds->error->element, sizeof(bounds->error->element),
				  (const char *) context->name);
	copy_line(bounds->error->message, sizeof(bounds->error->message), message);
	xmlStopParser(context);
}

static void
refuse_document_type(void *context, const xmlChar *name, const xmlChar *external_id,
					 const xmlChar *system_id)
{
	stop(context, "a document type declaration is not allowed");
}

static void
start_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
			  int namespace_count, const xmlChar **namespaces, int attribute_count,
			  int defaulted_count, const xmlChar **attributes)
{
	xmlParserCtxt *parser = context;
	ParseBounds *bounds = parser->_private;

	if (++bounds->elements > OVF_MAX_ELEMENTS)
		stop(parser, "the document has too many elements");
	else if (parser->nodeNr >= OVF_MAX_DEPTH)
		stop(parser, "elements are nested too deeply");
	else if (bounds->interrupted && bounds->interrupted())
		stop(parser, "reading was interrupted");
	else
		xmlSAX2StartElementNs(context, name, prefix, uri, namespace_count, namespaces,
							  attribute_count, defaulted_count, attributes);
}

/*
 * From libxml2, at every error: the level decides.  Some of them leave a document that looks whole, such
 * as a text that was cut.  Behind the first one the parser would go on, out of step with what bounds_tags
 * has seen.
 */
static void
#if LIBXML_VERSION >= 21200
note_fault(void *context, const xmlError *fault)
#else
note_fault(void *context, xmlError *fault)
#endif
{
	xmlParserCtxt *parser = context;
	ParseBounds *bounds = parser->_private;

	if (fault->level < XML_ERR_ERROR)
		return;
	/* a parser that is stopped has forgotten where it was */
	if (!bounds->faulty && !bounds->stopped && parser->name != NULL)
		copy_line(bounds->error->element, sizeof(bounds->error->element),
				  (const char *) parser->name);
	bounds->faulty = true;
	if (fault->level == XML_ERR_FATAL)
		xmlStopParser(parser);
}

/* The byte behind the next end, or the end of all. */
static const char *
skip_past(const char *at, const char *end, const char *what)
{
	size_t length = strlen(what);

	for (; (size_t) (end - at) >= length; at++)
	{
		if (memcmp(at, what, length) == 0)
			return at + length;
	}
	return end;
}

static bool
begins_with(const char *at, const char *end, const char *what)
{
	size_t length = strlen(what);

	return (size_t) (end - at) >= length && memcmp(at, what, length) == 0;
}

/*
 * libxml2 has read all attributes of an element before it says so, and its version 2.9 compares each name
 * with each.  So they are counted beforehand: an equals sign outside of quotes for each.  A "<" never
 * stands inside of a tag.
 */
static bool
bounds_tags(OvfReader *reader, const char *ovf, size_t length)
{
	const char *end = ovf + length;
	const char *at = ovf;
	int attributes = 0;
	int all = 0;
	char quote = '\0';
	bool in_tag = false;

	while (at < end)
	{
		if (*at == '<')
		{
			in_tag = false;
			if (begins_with(at, end, "<!--"))
				at = skip_past(at + 4, end, "-->");
			else if (begins_with(at, end, "<![CDATA["))
				at = skip_past(at + 9, end, "]]>");
			else if (begins_with(at, end, "<?"))
				at = skip_past(at + 2, end, "?>");
			else
			{
				in_tag = true;
				attributes = 0;
				quote = '\0';
				at++;
			}
			continue;
		}
		if (in_tag && quote != '\0')
			quote = *at == quote ? '\0' : quote;
		else if (in_tag && (*at == '"' || *at == '\''))
			quote = *at;
		else if (in_tag && *at == '>')
			in_tag = false;
		else if (in_tag && *at == '=')
		{
			if (++attributes > OVF_MAX_ATTRIBUTES_OF_ELEMENT)
				return ovf_fail(reader, NULL, "an element has more than %d attributes",
								OVF_MAX_ATTRIBUTES_OF_ELEMENT);
			if (++all > OVF_MAX_ATTRIBUTES)
				return ovf_fail(reader, NULL, "the document has too many attributes");
		}
		at++;
	}
	return true;
}

/*
 * No network, no DTD, no entities beyond the five of XML itself; libxml2's own limits on names,
 * texts and depth stay on (no XML_PARSE_HUGE).  Nothing is printed.
 */
bool
ovf_parse(OvfReader *reader, const char *ovf, size_t length)
{
	ParseBounds bounds = {.error = reader->error, .interrupted = reader->interrupted};
	xmlParserCtxt *context;
	const xmlError *fault;

	if (length > OVF_MAX_BYTES)
		return ovf_fail(reader, NULL, "the document is larger than %d MiB",
						OVF_MAX_BYTES / (1024 * 1024));
	if (!bounds_tags(reader, ovf, length))
		return false;
	context = xmlNewParserCtxt();
	if (context == NULL)
		return ovf_fail(reader, NULL, "out of memory");
	context->_private = &bounds;
	context->sax->internalSubset = refuse_document_type;
	context->sax->externalSubset = refuse_document_type;
	context->sax->startElementNs = start_element;
	context->sax->serror = note_fault;
	reader->document =
		xmlCtxtReadMemory(context, ovf, (int) length, NULL, "UTF-8",
						  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
							  XML_PARSE_NOCDATA | XML_PARSE_COMPACT | XML_PARSE_BIG_LINES);
	fault = xmlCtxtGetLastError(context);
	if (bounds.stopped)
		reader->failed = true;
	else if (reader->document == NULL || !context->nsWellFormed || bounds.faulty ||
			 (fault != NULL && fault->level >= XML_ERR_ERROR))
	{
		char message[sizeof(reader->error->message)];

		copy_line(message, sizeof(message),
				  fault != NULL && fault->message != NULL ? fault->message : "not XML");
		ovf_fail(reader, NULL, "%s", message);
		if (fault != NULL && fault->line > 0)
		{
			size_t used = strlen(reader->error->message);

			reader->error->line = fault->line;
			if (fault->int2 > 0)
				snprintf(reader->error->message + used, sizeof(reader->error->message) - used,
						 " at column %d", fault->int2);
		}
		if (reader->error->element[0] == '\0' && fault != NULL && fault->str1 != NULL &&
			fault->code != XML_ERR_DOCUMENT_EMPTY)
			copy_line(reader->error->element, sizeof(reader->error->element), fault->str1);
	}
	xmlFreeParserCtxt(context);
	return !reader->failed;
}

void
ovf_release(OvfReader *reader)
{
	for (int i = 0; i < reader->string_count; i++)
		xmlFree(reader->strings[i]);
	free(reader->strings);
	xmlFreeDoc(reader->document);
}

static void
node_path(const xmlNode *node, char *path, size_t size)
{
	xmlChar *whole = node != NULL ? xmlGetNodePath((xmlNode *) node) : NULL;

	if (whole != NULL)
	{
		const char *text = (const char *) whole;
		size_t length = strlen(text);

		/* the end says more than the beginning */
		if (length >= size)
		{
			text += length - size + 1;
			while (((unsigned char) *text & 0xC0) == 0x80)
				text++;
		}
		copy_line(path, size, text);
		xmlFree(whole);
	}
}

bool
ovf_fail(OvfReader *reader, const xmlNode *node, const char *format, ...)
{
	char message[1024];
	va_list arguments;

	if (reader->failed)
		return false;
	reader->failed = true;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	copy_line(reader->error->message, sizeof(reader->error->message), message);
	if (node != NULL)
	{
		const xmlNode *element = node->type == XML_ATTRIBUTE_NODE ? node->parent : node;
		long line = xmlGetLineNo(element);

		reader->error->line = line > 0 ? (int) line : 0;
		node_path(node, reader->error->element, sizeof(reader->error->element));
	}
	return false;
}

/* What the reader does not understand and can leave alone; ends up in "warnings". */
void
ovf_warn(OvfReader *reader, const xmlNode *node, const char *format, ...)
{
	char message[512];
	char line[600];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	snprintf(line, sizeof(line), "line %ld: %s", xmlGetLineNo(node), message);
	copy_line(message, sizeof(message), line);
	ovf_json_text(&reader->warnings, NULL, message);
}

/* Without the prefix; one that isn't declared would be part of the name, and is refused. */
const char *
ovf_local_name(const xmlNode *node)
{
	return (const char *) node->name;
}

static const xmlNode *
named(const xmlNode *node, const char *name)
{
	while (node != NULL &&
		   (node->type != XML_ELEMENT_NODE || strcmp(ovf_local_name(node), name) != 0))
		node = node->next;
	return node;
}

const xmlNode *
ovf_child(const xmlNode *parent, const char *name)
{
	return parent != NULL ? named(parent->children, name) : NULL;
}

const xmlNode *
ovf_next(const xmlNode *node, const char *name)
{
	return named(node->next, name);
}

const xmlNode *
ovf_attribute(const xmlNode *node, const char *name)
{
	if (node == NULL || node->type != XML_ELEMENT_NODE)
		return NULL;
	for (const xmlAttr *attribute = node->properties; attribute != NULL;
		 attribute = attribute->next)
		if (strcmp(ovf_local_name((const xmlNode *) attribute), name) == 0)
			return (const xmlNode *) attribute;
	return NULL;
}

/* <Section xsi:type="ovf:NAME_Type">, or <NAME> as newer writers have it. */
const xmlNode *
ovf_section(const xmlNode *parent, const char *name)
{
	size_t length = strlen(name);

	for (const xmlNode *node = parent != NULL ? parent->children : NULL; node != NULL;
		 node = node->next)
	{
		const xmlNode *type;

		if (node->type != XML_ELEMENT_NODE)
			continue;
		if (strcmp(ovf_local_name(node), name) == 0)
			return node;
		if (strcmp(ovf_local_name(node), "Section") != 0)
			continue;
		type = ovf_attribute(node, "type");
		if (type != NULL && type->children != NULL && type->children->content != NULL)
		{
			const char *value = (const char *) type->children->content;
			const char *colon = strchr(value, ':');

			if (colon != NULL)
				value = colon + 1;
			if (strncmp(value, name, length) == 0 && strcmp(value + length, "_Type") == 0)
				return node;
		}
	}
	return NULL;
}

/* Text of an element or attribute, as long as the reader lives. */
const char *
ovf_text(OvfReader *reader, const xmlNode *node)
{
	const xmlNode *child;
	xmlChar *text;

	if (node == NULL)
		return "";
	child = node->children;
	if (child == NULL)
		return "";
	if (child->next == NULL && child->type == XML_TEXT_NODE)
		return child->content != NULL ? (const char *) child->content : "";
	if (reader->string_count == reader->string_capacity)
	{
		int capacity = reader->string_capacity == 0 ? 16 : reader->string_capacity * 2;
		xmlChar **strings = realloc(reader->strings, capacity * sizeof(xmlChar *));

		if (strings == NULL)
		{
			ovf_fail(reader, node, "out of memory");
			return "";
		}
		reader->strings = strings;
		reader->string_capacity = capacity;
	}
	text = xmlNodeGetContent(node);
	if (text == NULL)
	{
		ovf_fail(reader, node, "out of memory");
		return "";
	}
	reader->strings[reader->string_count++] = text;
	return (const char *) text;
}

const char *
ovf_child_text(OvfReader *reader, const xmlNode *parent, const char *name)
{
	return ovf_text(reader, ovf_child(parent, name));
}

const char *
ovf_attribute_text(OvfReader *reader, const xmlNode *node, const char *name)
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
ovf_fits(OvfReader *reader, const xmlNode *node, const char *text, int most)
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
	copy_line(buffer, size, text);
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
ovf_integer(OvfReader *reader, const xmlNode *node, long long least, long long most,
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
ovf_boolean(OvfReader *reader, const xmlNode *node, bool *value)
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

bool
ovf_is_uuid(const char *text, char uuid[OVF_UUID_SIZE])
{
	uuid_t bytes;

	if (!trimmed(text, uuid, OVF_UUID_SIZE) || uuid_parse(uuid, bytes) != 0)
		return false;
	uuid_unparse_lower(bytes, uuid);
	return true;
}

bool
ovf_uuid(OvfReader *reader, const xmlNode *node, const char *text, char uuid[OVF_UUID_SIZE])
{
	char shown[64];

	if (ovf_is_uuid(text, uuid))
		return true;
	return ovf_fail(reader, node, "\"%s\" is not a uuid", ovf_excerpt(text, shown, sizeof(shown)));
}

/* yyyy/MM/dd HH:mm:ss, UTC, to what timestamptz reads. */
bool
ovf_date(OvfReader *reader, const xmlNode *node, char *date, size_t size)
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
ovf_attribute_boolean(OvfReader *reader, const xmlNode *node, const char *name, bool absent,
					  bool *value)
{
	const xmlNode *attribute = ovf_attribute(node, name);

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
