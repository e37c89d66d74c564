/*
 * report.c
 *		Keeps and prints the one error of a run.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "copy/base/report.h"

static pthread_mutex_t report_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct report first_report;

static void
report_store(enum report_kind kind, int error_number, int layer, const char *path, uint64_t offset,
			 const char *format, va_list arguments)
{
	pthread_mutex_lock(&report_mutex);
	if (first_report.kind == REPORT_NONE)
	{
		first_report.kind = kind;
		first_report.error_number = error_number;
		first_report.layer = layer;
		first_report.offset = offset;
		snprintf(first_report.path, sizeof(first_report.path), "%s", path != NULL ? path : "");
		vsnprintf(first_report.message, sizeof(first_report.message), format, arguments);
	}
	pthread_mutex_unlock(&report_mutex);
}

int
report_error(enum report_kind kind, int error_number, int layer, const char *path, uint64_t offset,
			 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report_store(kind, error_number, layer, path, offset, format, arguments);
	va_end(arguments);
	return -1;
}

int
report_io_error(int error_number, int layer, const char *path, uint64_t offset, const char *format,
				...)
{
	enum report_kind kind = REPORT_IO;
	va_list arguments;

	if (error_number == ENOSPC || error_number == EDQUOT)
		kind = REPORT_NO_SPACE;
	else if (error_number == ESTALE && layer >= 0)
		kind = REPORT_SOURCE_STALE;
	va_start(arguments, format);
	report_store(kind, error_number, layer, path, offset, format, arguments);
	va_end(arguments);
	return -1;
}

bool
report_if_stopped(const atomic_bool *stop)
{
	if (stop == NULL || !atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	report_error(REPORT_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled");
	return true;
}

bool
report_is_set(void)
{
	bool is_set;

	pthread_mutex_lock(&report_mutex);
	is_set = first_report.kind != REPORT_NONE;
	pthread_mutex_unlock(&report_mutex);
	return is_set;
}

struct report
report_get(void)
{
	struct report copy;

	pthread_mutex_lock(&report_mutex);
	copy = first_report;
	pthread_mutex_unlock(&report_mutex);
	return copy;
}

void
report_reset(void)
{
	pthread_mutex_lock(&report_mutex);
	memset(&first_report, 0, sizeof(first_report));
	pthread_mutex_unlock(&report_mutex);
}

const char *
report_kind_name(enum report_kind kind)
{
	switch (kind)
	{
		case REPORT_NONE:
			return "none";
		case REPORT_IO:
			return "io";
		case REPORT_REFUSED:
			return "refused";
		case REPORT_USAGE:
			return "usage";
		case REPORT_CANCELLED:
			return "cancelled";
		case REPORT_BUSY:
			return "busy";
		case REPORT_EXISTS:
			return "exists";
		case REPORT_NO_SPACE:
			return "no_space";
		case REPORT_SOURCE_CHANGED:
			return "source_changed";
		case REPORT_SOURCE_STALE:
			return "source_stale";
	}
	return "io";
}

enum exit_code
report_exit_code(const struct report *report)
{
	switch (report->kind)
	{
		case REPORT_NONE:
			return EXIT_DONE;
		case REPORT_USAGE:
			return EXIT_USAGE;
		case REPORT_REFUSED:
			return EXIT_REFUSED;
		case REPORT_CANCELLED:
			return EXIT_CANCELLED;
		case REPORT_BUSY:
			/* A layer in use is refused like a broken one; a locked output is not an image. */
			return report->layer >= 0 ? EXIT_REFUSED : EXIT_IO;
		case REPORT_IO:
		case REPORT_EXISTS:
		case REPORT_NO_SPACE:
		case REPORT_SOURCE_CHANGED:
		case REPORT_SOURCE_STALE:
			return EXIT_IO;
	}
	return EXIT_IO;
}

const char *
report_errno_name(int error_number)
{
	return error_number == 0 ? NULL : strerrorname_np(error_number);
}

void
report_print_json_string(const char *text)
{
	if (text == NULL)
	{
		fputs("null", stdout);
		return;
	}
	putchar('"');
	for (const unsigned char *at = (const unsigned char *) text; *at != '\0'; at++)
	{
		if (*at == '"' || *at == '\\')
			printf("\\%c", *at);
		else if (*at < 0x20 || *at >= 0x7f)
			/* Paths are bytes, not text: what isn't ASCII is shown byte by byte. */
			printf("\\u%04x", *at);
		else
			putchar(*at);
	}
	putchar('"');
}

/* Bytes of the UTF-8 character that begins here; 0 if none does that a terminal only shows. */
static int
visible_length(const unsigned char *at)
{
	int length = at[0] < 0x80   ? 1
				 : at[0] < 0xc2 ? 0
				 : at[0] < 0xe0 ? 2
				 : at[0] < 0xf0 ? 3
				 : at[0] < 0xf5 ? 4
								: 0;

	if (at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0))
		return 0;
	for (int i = 1; i < length; i++)
	{
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

/*
 * Prints text to stderr so that it stays one line and does nothing to a terminal: names that images hold
 * are part of messages.  Control characters, and what isn't UTF-8, become \xNN.
 */
static void
print_visible(const char *text)
{
	const unsigned char *at = (const unsigned char *) text;

	while (*at != '\0')
	{
		int length = visible_length(at);

		if (length == 0)
			fprintf(stderr, "\\x%02x", *at++);
		else
		{
			/* nobody may be reading any more: what can't be said is left out */
			(void) fwrite(at, 1, (size_t) length, stderr);
			at += length;
		}
	}
}

void
report_say(const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	flockfile(stderr);
	fputs("vmclone-copy: ", stderr);
	print_visible(text);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void
report_print(bool json)
{
	struct report report = report_get();
	const char *errno_name = report_errno_name(report.error_number);

	if (report.kind == REPORT_NONE)
		return;
	if (json)
	{
		fputs("{\"event\":\"error\",\"kind\":", stdout);
		report_print_json_string(report_kind_name(report.kind));
		fputs(",\"errno\":", stdout);
		report_print_json_string(errno_name);
		if (report.layer >= 0)
			printf(",\"layer\":%d,\"path\":", report.layer);
		else
			fputs(",\"layer\":null,\"path\":", stdout);
		report_print_json_string(report.path[0] != '\0' ? report.path : NULL);
		if (report.offset != NO_OFFSET)
			printf(",\"offset\":%" PRIu64 ",\"message\":", report.offset);
		else
			fputs(",\"offset\":null,\"message\":", stdout);
		report_print_json_string(report.message);
		fputs("}\n", stdout);
		fflush(stdout);
	}

	flockfile(stderr);
	fputs("vmclone-copy: ", stderr);
	if (report.layer >= 0)
		fprintf(stderr, "layer %d ", report.layer);
	else if (report.layer == OUTPUT_IMAGE)
		fputs("output ", stderr);
	if (report.path[0] != '\0')
	{
		fputc('"', stderr);
		print_visible(report.path);
		fputc('"', stderr);
	}
	if (report.offset != NO_OFFSET)
		fprintf(stderr, " offset %" PRIu64, report.offset);
	if (report.layer != NO_LAYER || report.path[0] != '\0')
		fputs(": ", stderr);
	print_visible(report.message);
	if (report.error_number != 0)
		fprintf(stderr, ": %s", strerror(report.error_number));
	fputc('\n', stderr);
	funlockfile(stderr);
}
