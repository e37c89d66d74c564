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

static void
show(const char *what, const char *ovf, OvfInterrupted interrupted)
{
	OvfResult result;
	OvfError error;

	if (ovf_read(ovf, strlen(ovf), interrupted, &result, &error))
	{
		printf("%s: read\n", what);
		ovf_result_free(&result);
	}
	else
		printf("%s: refused: %s\n", what, error.message);
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
main(void)
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
	free(small);
	free(large);
	return 0;
}
