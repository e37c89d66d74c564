/*
 * limits.c
 *		The OVF reader alone, beyond the limits that it has in the server: built with a larger
 *		OVF_MAX_BYTES by test/t/046_ovf_limits.pl.  Prints a line for each case.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovf/ovf.h"

static int asked;
static int asked_most;

static bool
interrupt_later(void)
{
	return ++asked > asked_most;
}

static const OvfValue *
member(const OvfValue *object, const char *key)
{
	const OvfValue *value = object->first;

	while (strcmp(value->key, key) != 0)
		value = value->next;
	return value;
}

/* Memory of which one piece is missing. */
static int pieces;
static int pieces_missing = -1;
static int pieces_live;

static void *
allocate(size_t size)
{
	if (pieces++ == pieces_missing)
		return NULL;
	pieces_live++;
	return malloc(size);
}

static void
release(void *memory)
{
	pieces_live--;
	free(memory);
}

static bool
read_document(const char *ovf, bool (*interrupted)(void), OvfResult *result, OvfError *error)
{
	static OvfHost host = {.allocate = allocate, .release = release};

	host.interrupted = interrupted;
	return ovf_read(ovf, strlen(ovf), &host, result, error);
}

static void
show(const char *what, const char *ovf, bool (*interrupted)(void))
{
	OvfResult result;
	OvfError error;

	if (read_document(ovf, interrupted, &result, &error))
	{
		printf("%s: read, %zu bytes of description\n", what,
			   member(member(result.document, "vm_static"), "description")->length);
		ovf_result_free(&result);
	}
	else
		printf("%s: refused: %s\n", what, error.message);
}

/* Each piece of memory is missing once: the document is refused, and all others are given back. */
static void
starve(const char *ovf)
{
	OvfResult result;
	OvfError error;
	int refused = 0;

	for (pieces_missing = 0;; pieces_missing++)
	{
		pieces = 0;
		if (read_document(ovf, NULL, &result, &error))
			break;
		if (strcmp(error.message, "out of memory") == 0 && pieces_live == 0)
			refused++;
	}
	ovf_result_free(&result);
	printf("out of memory: refused %d of %d times, %d pieces left\n", refused, pieces_missing,
		   pieces_live);
	pieces_missing = -1;
}

static char *
read_file(const char *name)
{
	char *text = calloc(1, OVF_MAX_BYTES);
	FILE *file = fopen(name, "r");

	if (text == NULL || file == NULL || fread(text, 1, OVF_MAX_BYTES - 1, file) == 0)
		exit(2);
	fclose(file);
	return text;
}

/* text in the description of a VM whose NICs come behind it. */
static char *
document(size_t text_length)
{
	static const char before[] =
		"<ovf:Envelope xmlns:ovf=\"o\" xmlns:rasd=\"r\" ovf:version=\"4.4.0.0\"><References/>"
		"<DiskSection/>"
		"<Content><Name>vm</Name><Description>";
	static const char after[] =
		"</Description><Section xmlns:xsi=\"x\" xsi:type=\"ovf:VirtualHardwareSection_Type\">"
		"</Section></Content></ovf:Envelope>";
	char *ovf = malloc(sizeof(before) + text_length + sizeof(after));

	if (ovf == NULL)
		exit(2);
	strcpy(ovf, before);
	memset(ovf + sizeof(before) - 1, 'x', text_length);
	strcpy(ovf + sizeof(before) - 1 + text_length, after);
	return ovf;
}

int
main(int argc, char **argv)
{
	char *small = document(100);
	char *large = document(12000000);

	printf("limit: %s\n", OVF_MAX_BYTES > 12000000 ? "raised" : "as in the server");
	show("small", small, NULL);
	show("long text", large, NULL);
	asked_most = 1000;
	show("not interrupted", small, interrupt_later);
	asked = 0;
	asked_most = 4;
	show("interrupted", small, interrupt_later);
	printf("asked: %d\n", asked);
	for (int i = 1; i < argc; i++)
	{
		char *ovf = read_file(argv[i]);

		starve(ovf);
		free(ovf);
	}
	free(small);
	free(large);
	return 0;
}
