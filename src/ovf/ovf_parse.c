/*
 * ovf_parse.c
 *		libxml2 under the reader: bounded parsing into a tree of ours.
 *
 * The tree has what the reader asks for, elements, attributes and their texts, and needs neither a
 * piece of memory nor a name of its own for each node.
 */
#include <stdio.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>

#include "ovf/ovf_internal.h"

/* libxml2 2.14 calls the parser's fields deprecated; 2.9 has no functions in their place. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* Hangs on the parser: the tree so far, and why we stopped it. */
typedef struct ParseState
{
	OvfReader *reader;
	OvfNode *open; /* the element that is read */
	int depth;
	int elements;
	char *texts; /* all elements', in the document's order */
	size_t used;
	size_t size;
	bool stopped; /* by us */
	bool faulty;  /* libxml2 has found an error, not only something to warn of */
} ParseState;

static void
stop(xmlParserCtxt *context, const char *message)
{
	ParseState *state = context->_private;
	OvfError *error = state->reader->error;

	if (state->stopped)
		return;
	state->stopped = true;
	error->line = context->input != NULL ? context->input->line : 0;
	if (context->name != NULL)
		ovf_copy_line(error->element, sizeof(error->element), (const char *) context->name);
	ovf_copy_line(error->message, sizeof(error->message), message);
	xmlStopParser(context);
}

static void
refuse_document_type(void *context, const xmlChar *name, const xmlChar *external_id,
					 const xmlChar *system_id)
{
	stop(context, "a document type declaration is not allowed");
}

static OvfNode *
new_node(xmlParserCtxt *parser, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	ParseState *state = parser->_private;
	OvfNode *node = ovf_allocate(&state->reader->memory, sizeof(OvfNode));

	if (node == NULL)
	{
		stop(parser, "out of memory");
		return NULL;
	}
	memset(node, 0, sizeof(*node));
	node->name = (const char *) name;
	node->prefix = (const char *) prefix;
	node->has_namespace = uri != NULL;
	node->line = parser->input->line;
	node->parent = state->open;
	return node;
}

/* libxml2 gives five pointers an attribute: name, prefix, namespace, the value and its end. */
static bool
read_attributes(xmlParserCtxt *parser, OvfNode *element, int count, const xmlChar **attributes)
{
	ParseState *state = parser->_private;
	OvfNode **place = &element->attributes;

	for (int i = 0; i < count; i++, attributes += 5)
	{
		OvfNode *attribute = new_node(parser, attributes[0], attributes[1], attributes[2]);
		size_t length = attributes[4] - attributes[3];
		char *text = ovf_allocate(&state->reader->memory, length + 1);

		if (attribute == NULL || text == NULL)
		{
			stop(parser, "out of memory");
			return false;
		}
		memcpy(text, attributes[3], length);
		text[length] = '\0';
		attribute->is_attribute = true;
		attribute->parent = element;
		attribute->text = text;
		attribute->text_length = length;
		*place = attribute;
		place = &attribute->next;
	}
	return true;
}

static void
start_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
			  int namespace_count, const xmlChar **namespaces, int attribute_count,
			  int defaulted_count, const xmlChar **attributes)
{
	xmlParserCtxt *parser = context;
	ParseState *state = parser->_private;
	const OvfHost *host = state->reader->host;
	OvfNode *element;

	if (++state->elements > OVF_MAX_ELEMENTS)
		stop(parser, "the document has too many elements");
	else if (state->depth >= OVF_MAX_DEPTH)
		stop(parser, "elements are nested too deeply");
	else if (host->interrupted && host->interrupted())
		stop(parser, "reading was interrupted");
	if (state->stopped)
		return;
	element = new_node(parser, name, prefix, uri);
	if (element == NULL || !read_attributes(parser, element, attribute_count, attributes))
		return;
	element->text = state->texts + state->used;
	if (state->open == NULL)
		state->reader->root = element;
	else if (state->open->last_child != NULL)
		state->open->last_child->next = element;
	else
		state->open->children = element;
	if (state->open != NULL)
		state->open->last_child = element;
	state->open = element;
	state->depth++;
}

static void
end_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	ParseState *state = ((xmlParserCtxt *) context)->_private;
	OvfNode *element = state->open;

	if (state->stopped || element == NULL)
		return;
	element->text_length = state->texts + state->used - element->text;
	state->texts[state->used++] = '\0';
	state->open = element->parent;
	state->depth--;
}

static void
add_characters(void *context, const xmlChar *characters, int length)
{
	xmlParserCtxt *parser = context;
	ParseState *state = parser->_private;

	if (state->stopped || state->open == NULL)
		return;
	/* can't be: a text is no longer than what stands for it, and a tag is longer than its NUL */
	if ((size_t) length >= state->size - state->used)
	{
		stop(parser, "the texts are longer than the document");
		return;
	}
	memcpy(state->texts + state->used, characters, length);
	state->used += length;
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
	ParseState *state = parser->_private;

	if (fault->level < XML_ERR_ERROR)
		return;
	/* a parser that is stopped has forgotten where it was */
	if (!state->faulty && !state->stopped && parser->name != NULL)
		ovf_copy_line(state->reader->error->element, sizeof(state->reader->error->element),
					  (const char *) parser->name);
	state->faulty = true;
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
 * Counts the attributes of a tag, an equals sign outside of quotes for each, and steps to its end or the
 * next "<", which never stands inside of a tag.
 */
static int
count_attributes(const char **at, const char *end)
{
	int count = 0;

	for (; *at < end && **at != '>' && **at != '<'; ++*at)
	{
		if (**at == '=')
			count++;
		else if (**at == '"' || **at == '\'')
		{
			const char *quote = memchr(*at + 1, **at, end - *at - 1);
			const char *last = quote != NULL ? quote : end - 1;
			const char *tag = memchr(*at, '<', last - *at);

			*at = tag != NULL ? tag - 1 : last;
		}
	}
	return count;
}

/* There are no more attributes than equals signs in the whole document: in most too few to look where they stand. */
static bool
has_few_attributes(const char *ovf, const char *end)
{
	int count = 0;

	while (count <= OVF_MAX_ATTRIBUTES_OF_ELEMENT && (ovf = memchr(ovf, '=', end - ovf)) != NULL)
	{
		ovf++;
		count++;
	}
	return count <= OVF_MAX_ATTRIBUTES_OF_ELEMENT;
}

/*
 * libxml2 has read all attributes of an element before it says so, and its version 2.9 compares each name
 * with each.  So they are counted beforehand.  Up to where libxml2 finds a fault, this sees the same tags.
 */
static bool
bounds_tags(OvfReader *reader, const char *ovf, size_t length)
{
	const char *end = ovf + length;
	const char *at = ovf;
	int all = 0;

	if (has_few_attributes(ovf, end))
		return true;
	while ((at = memchr(at, '<', end - at)) != NULL)
	{
		at++;
		if (begins_with(at, end, "!--"))
			at = skip_past(at + 3, end, "-->");
		else if (begins_with(at, end, "![CDATA["))
			at = skip_past(at + 8, end, "]]>");
		else if (begins_with(at, end, "?"))
			at = skip_past(at + 1, end, "?>");
		else if (!begins_with(at, end, "/"))
		{
			int count = count_attributes(&at, end);

			all += count;
			if (count > OVF_MAX_ATTRIBUTES_OF_ELEMENT)
				return ovf_fail(reader, NULL, "an element has more than %d attributes",
								OVF_MAX_ATTRIBUTES_OF_ELEMENT);
			if (all > OVF_MAX_ATTRIBUTES)
				return ovf_fail(reader, NULL, "the document has too many attributes");
		}
	}
	return true;
}

/* What libxml2 says of a document that it doesn't take, within the element open. */
static void
fail_by_fault(OvfReader *reader, const OvfNode *open, const xmlError *fault)
{
	OvfError *error = reader->error;

	/* 2.9.10 says "line 0" here */
	if (fault != NULL && fault->code == XML_ERR_TAG_NAME_MISMATCH && open != NULL &&
		fault->str2 != NULL)
	{
		char begin[100];
		char end[100];

		ovf_copy_line(begin, sizeof(begin), open->name);
		ovf_copy_line(end, sizeof(end), fault->str2);
		ovf_fail(reader, NULL, "\"%s\" of line %d is closed as \"%s\"", begin, open->line, end);
	}
	else
	{
		char message[sizeof(error->message)];

		ovf_copy_line(message, sizeof(message),
					  fault != NULL && fault->message != NULL ? fault->message : "not XML");
		ovf_fail(reader, NULL, "%s", message);
	}
	if (fault != NULL && fault->line > 0)
	{
		size_t used = strlen(error->message);

		error->line = fault->line;
		if (fault->int2 > 0)
			snprintf(error->message + used, sizeof(error->message) - used, " at column %d",
					 fault->int2);
	}
	if (error->element[0] == '\0' && fault != NULL && fault->str1 != NULL &&
		fault->code != XML_ERR_DOCUMENT_EMPTY)
		ovf_copy_line(error->element, sizeof(error->element), fault->str1);
}

/*
 * No network, no DTD, and so no entities but the five of XML itself, which libxml2 puts in
 * (XML_PARSE_NOENT).  The declaration's encoding is not heard: the document comes in UTF-8, which is what
 * libxml2 takes one without for; named, it would be converted from UTF-8 to UTF-8.  libxml2's own limits
 * on names, texts and depth stay on (no XML_PARSE_HUGE).  Nothing is printed.
 */
bool
ovf_parse(OvfReader *reader, const char *ovf, size_t length)
{
	ParseState state = {.reader = reader, .size = length + 1};
	xmlParserCtxt *context;
	xmlSAXHandler *handler;
	const xmlError *fault;

	if (length > OVF_MAX_BYTES)
		return ovf_fail(reader, NULL, "the document is larger than %d MiB",
						OVF_MAX_BYTES / (1024 * 1024));
	if (!bounds_tags(reader, ovf, length))
		return false;
	state.texts = ovf_allocate(&reader->memory, state.size);
	context = xmlNewParserCtxt();
	if (state.texts == NULL || context == NULL)
	{
		xmlFreeParserCtxt(context);
		return ovf_fail(reader, NULL, "out of memory");
	}
	reader->parser = context;
	context->_private = &state;
	handler = context->sax;
	memset(handler, 0, sizeof(*handler));
	handler->initialized = XML_SAX2_MAGIC;
	handler->internalSubset = refuse_document_type;
	handler->externalSubset = refuse_document_type;
	handler->startElementNs = start_element;
	handler->endElementNs = end_element;
	handler->characters = add_characters;
	handler->ignorableWhitespace = add_characters;
	handler->serror = note_fault;
	xmlCtxtReadMemory(context, ovf, (int) length, NULL, NULL,
					  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
						  XML_PARSE_NOCDATA | XML_PARSE_NOENT | XML_PARSE_IGNORE_ENC);
	fault = xmlCtxtGetLastError(context);
	if (state.stopped)
		reader->failed = true;
	else if (!context->wellFormed || !context->nsWellFormed || state.faulty ||
			 reader->root == NULL || (fault != NULL && fault->level >= XML_ERR_ERROR))
		fail_by_fault(reader, state.open, fault);
	return !reader->failed;
}

void
ovf_release(OvfReader *reader)
{
	xmlFreeParserCtxt(reader->parser);
	ovf_arena_free(&reader->memory);
}
