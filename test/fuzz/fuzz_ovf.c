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

#include "ovf.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OvfError error;
	char *json = ovf_read((const char *) data, size, &error);

	if (json != NULL)
		check_json(json);
	else if (error.message[0] == '\0')
		fail("refused without a reason", "");
	free(json);
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
		OvfError error;
		char *json;

		if (file == NULL || data == NULL)
			return 2;
		size = fread(data, 1, OVF_MAX_BYTES + 1, file);
		fclose(file);
		json = ovf_read(data, size, &error);
		if (json != NULL)
		{
			check_json(json);
			puts(json);
		}
		else
			printf("%s: line %d, element %s: %s\n", argv[i], error.line, error.element,
				   error.message);
		free(json);
		free(data);
	}
	return 0;
}
#endif
