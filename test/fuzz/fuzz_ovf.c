/*
 * fuzz_ovf.c
 *		Feeds the OVF reader any bytes.  Beyond not crashing, what it returns must be one JSON
 *		object, and a refusal must say why.
 *
 * Built with -DOVF_FUZZ_FILES and without the fuzzer it reads the files named as arguments and
 * prints what comes out.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovf/ovf.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fail(const char *what, const char *json)
{
	fprintf(stderr, "%s: %.300s\n", what, json);
	abort();
}

/* Strings closed, brackets matched, nothing after the end, no control characters. */
static void
check_json(const char *json)
{
	char open[256];
	int depth = 0;
	const char *c = json;

	if (*c != '{')
		fail("not an object", json);
	for (; *c != '\0'; c++)
	{
		if ((unsigned char) *c < 0x20)
			fail("control character", c);
		if (*c == '"')
		{
			for (c++; *c != '"'; c++)
			{
				if (*c == '\\')
					c++;
				if ((unsigned char) *c < 0x20)
					fail("string not closed", c);
			}
		}
		else if (*c == '{' || *c == '[')
		{
			if (depth == (int) sizeof(open))
				fail("too deep", c);
			open[depth++] = *c;
		}
		else if (*c == '}' || *c == ']')
		{
			if (depth == 0 || open[depth - 1] != (*c == '}' ? '{' : '['))
				fail("brackets do not match", c);
			if (--depth == 0 && c[1] != '\0')
				fail("text after the end", c);
		}
	}
	if (depth != 0)
		fail("object not closed", json);
}

/* Offsets lie where they say: before the brace that closes a disk, and around its short form. */
static void
check_places(const OvfResult *result)
{
	for (int i = 0; i < result->disk_count; i++)
	{
		const OvfDiskPlace *disk = &result->disks[i];

		if (disk->end >= result->length || result->json[disk->end] != '}')
			fail("no disk ends there", disk->disk_id);
		if (disk->short_begin >= disk->short_end || disk->short_end > result->short_length ||
			result->short_forms[disk->short_begin] != '{')
			fail("no short form is there", disk->disk_id);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OvfResult result;
	OvfError error;

	if (ovf_read((const char *) data, size, NULL, &result, &error))
	{
		check_json(result.json);
		check_places(&result);
		ovf_result_free(&result);
	}
	else if (error.message[0] == '\0')
		fail("refused without a reason", "");
	return 0;
}

#ifdef OVF_FUZZ_FILES
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
		if (ovf_read(data, size, NULL, &result, &error))
		{
			check_json(result.json);
			check_places(&result);
			puts(result.json);
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
