/*
 * fuzz_ovf.c
 *		Feeds the OVF reader any bytes.  Beyond not crashing, what it returns must be one object whose
 *		keys and texts are well-formed UTF-8, its list of disks must fit it, and a refusal must say why.
 *
 * Built with -DOVF_FUZZ_FILES and without the fuzzer it reads the files named as arguments and
 * prints what comes out, as JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovf/ovf.h"

#define MAX_DEPTH 32

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const OvfHost host = {.allocate = malloc, .release = free};

static void
fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: %.300s\n", what, text);
	abort();
}

/* No character that XML doesn't have, none in more bytes than it needs. */
static void
check_text(const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *) text;
	const unsigned char *end = at + length;

	if (strlen(text) != length)
		fail("a text of another length", text);
	while (at < end)
	{
		int more = *at < 0x80 ? 0 : *at >= 0xF0 ? 3 : *at >= 0xE0 ? 2 : 1;
		static const uint32_t least[] = {0x09, 0x80, 0x800, 0x10000};
		uint32_t code = more == 0 ? *at : *at & (0x3F >> more);

		if ((*at >= 0x80 && *at < 0xC0) || *at >= 0xF8)
			fail("no character begins so", text);
		for (int i = 1; i <= more; i++)
		{
			if ((at[i] & 0xC0) != 0x80)
				fail("a character is cut", text);
			code = code << 6 | (at[i] & 0x3F);
		}
		if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
			fail("not a character", text);
		at += more + 1;
	}
}

static void
check_value(const OvfValue *value, bool is_member, int depth)
{
	const OvfValue *last = NULL;
	int count = 0;

	if (depth > MAX_DEPTH)
		fail("too deep", "");
	if (is_member != (value->key != NULL))
		fail("a member without a key, or an element with one", "");
	if (value->key != NULL)
		check_text(value->key, strlen(value->key));
	if (value->kind == OVF_TEXT)
		check_text(value->text, value->length);
	if (value->kind != OVF_OBJECT && value->kind != OVF_ARRAY)
		return;
	for (const OvfValue *inner = value->first; inner != NULL; inner = inner->next)
	{
		check_value(inner, value->kind == OVF_OBJECT, depth + 1);
		last = inner;
		count++;
	}
	if (count != value->count || last != value->last)
		fail("the count is wrong", value->key != NULL ? value->key : "");
}

static const OvfValue *
member(const OvfValue *object, const char *key)
{
	const OvfValue *found = NULL;

	for (const OvfValue *inner = object->first; inner != NULL; inner = inner->next)
		if (strcmp(inner->key, key) == 0)
			found = inner;
	if (found == NULL)
		fail("a member is missing", key);
	return found;
}

/* The list of disks says what the array does. */
static void
check_disks(const OvfResult *result)
{
	const OvfValue *disks = member(result->document, "disks");
	const OvfValue *value = disks->first;

	if (disks->kind != OVF_ARRAY || disks->count != result->disk_count)
		fail("another number of disks", "");
	for (int i = 0; i < result->disk_count; i++, value = value->next)
	{
		const OvfDiskSummary *disk = &result->disks[i];
		const OvfValue *image = member(value, "image_id");
		const OvfValue *alias = member(value, "disk_alias");
		const OvfValue *size = member(value, "size");

		if (strcmp(member(value, "disk_id")->text, disk->disk_id) != 0 ||
			(image->kind == OVF_NULL ? disk->image_id[0] != '\0'
									 : strcmp(image->text, disk->image_id) != 0) ||
			(alias->kind == OVF_NULL ? disk->alias != NULL
									 : strcmp(alias->text, disk->alias) != 0) ||
			(size->kind == OVF_NULL ? disk->size != -1 : size->integer != disk->size) ||
			member(value, "is_boot")->boolean != disk->is_boot)
			fail("another disk", disk->disk_id);
	}
}

static void
check_result(const OvfResult *result)
{
	if (result->document->kind != OVF_OBJECT)
		fail("not an object", "");
	check_value(result->document, false, 0);
	check_disks(result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OvfResult result;
	OvfError error;

	if (ovf_read((const char *) data, size, &host, &result, &error))
	{
		check_result(&result);
		ovf_result_free(&result);
	}
	else if (error.message[0] == '\0')
		fail("refused without a reason", "");
	return 0;
}

#ifdef OVF_FUZZ_FILES
static void
print_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++)
	{
		unsigned char byte = (unsigned char) *text;

		if (byte < 0x20)
			printf("\\u%04x", byte);
		else
			printf(byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
	}
	putchar('"');
}

static void
print_value(const OvfValue *value)
{
	if (value->key != NULL)
	{
		print_text(value->key);
		putchar(':');
	}
	switch (value->kind)
	{
		case OVF_NULL:
			printf("null");
			break;
		case OVF_TEXT:
			print_text(value->text);
			break;
		case OVF_INTEGER:
			printf("%lld", value->integer);
			break;
		case OVF_BOOLEAN:
			printf(value->boolean ? "true" : "false");
			break;
		case OVF_OBJECT:
		case OVF_ARRAY:
			putchar(value->kind == OVF_OBJECT ? '{' : '[');
			for (const OvfValue *inner = value->first; inner != NULL; inner = inner->next)
			{
				print_value(inner);
				if (inner->next != NULL)
					putchar(',');
			}
			putchar(value->kind == OVF_OBJECT ? '}' : ']');
			break;
	}
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		FILE *file = fopen(argv[i], "rb");
		char *data = malloc(OVF_MAX_BYTES + 2);
		size_t size;
		OvfResult result;
		OvfError error;

		if (file == NULL || data == NULL)
			return 2;
		size = fread(data, 1, OVF_MAX_BYTES + 1, file);
		fclose(file);
		if (ovf_read(data, size, &host, &result, &error))
		{
			check_result(&result);
			print_value(result.document);
			putchar('\n');
			ovf_result_free(&result);
		}
		else
			printf("%s: line %d, element %s: %s\n", argv[i], error.line, error.element,
				   error.message);
		free(data);
	}
	return 0;
}
#endif
