/*
 * report.c
 *		Keeps and prints the one error of a run.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "copy/base/report.h"
#include "copy/base/system.h"
#include "copy/base/throttle.h"
#include "copy/base/utf8.h"

static pthread_mutex_t report_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct report first_report;
static bool is_for_program;

int
report_verror(enum copier_error kind, int error_number, int layer, const char *path,
			  uint64_t offset, const char *hint, const char *format, va_list arguments)
{
	pthread_mutex_lock(&report_mutex);
	if (first_report.kind == COPIER_NO_ERROR)
	{
		first_report.kind = kind;
		first_report.error_number = error_number;
		first_report.layer = layer;
		first_report.offset = offset;
		first_report.hint = hint;
		snprintf(first_report.path, sizeof(first_report.path), "%s", path != NULL ? path : "");
		vsnprintf(first_report.message, sizeof(first_report.message), format, arguments);
	}
	pthread_mutex_unlock(&report_mutex);
	return -1;
}

int
report_error(enum copier_error kind, int error_number, int layer, const char *path, uint64_t offset,
			 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report_verror(kind, error_number, layer, path, offset, NULL, format, arguments);
	va_end(arguments);
	return -1;
}

int
report_io_error(int error_number, int layer, const char *path, uint64_t offset, const char *format,
				...)
{
	enum copier_error kind = COPIER_IO;
	va_list arguments;

	if (error_number == ENOSPC || error_number == EDQUOT)
		kind = COPIER_NO_SPACE;
	else if (error_number == ESTALE && layer >= 0)
		kind = COPIER_SOURCE_STALE;
	va_start(arguments, format);
	report_verror(kind, error_number, layer, path, offset, NULL, format, arguments);
	va_end(arguments);
	return -1;
}

bool
report_if_stopped(const atomic_bool *stop)
{
	if (stop == NULL || !atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	report_error(COPIER_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled");
	return true;
}

bool
report_is_set(void)
{
	bool is_set;

	pthread_mutex_lock(&report_mutex);
	is_set = first_report.kind != COPIER_NO_ERROR;
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

enum copier_exit
report_exit_code(const struct report *report)
{
	/* A layer in use is refused like a broken one; a locked output is not an image. */
	if (report->kind == COPIER_BUSY && report->layer >= 0)
		return COPIER_EXIT_REFUSED;
	switch (report->kind)
	{
#define EXIT_OF_KIND(name, word, exit_of_copy, exit_of_volume)                                     \
	case COPIER_##name:                                                                            \
		return COPIER_EXIT_##exit_of_copy;
		COPIER_ERROR_KINDS(EXIT_OF_KIND)
#undef EXIT_OF_KIND
		case COPIER_NO_ERROR:
			break;
	}
	return COPIER_EXIT_DONE;
}

const char *
report_errno_name(int error_number)
{
	return error_number == 0 ? NULL : strerrorname_np(error_number);
}

/* One line for stderr. */
struct line
{
	char text[8192];
	size_t length;
};

static void
add_bytes(struct line *line, const char *bytes, size_t length)
{
	/* always room for the end of the line */
	if (length >= sizeof(line->text) - 1 - line->length)
		length = sizeof(line->text) - 1 - line->length;
	memcpy(line->text + line->length, bytes, length);
	line->length += length;
}

__attribute__((format(printf, 2, 3))) static void
add_format(struct line *line, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	add_bytes(line, text, strlen(text));
}

/*
 * Adds text so that it stays one line and does nothing to a terminal: names that images hold are part of
 * messages.  Control characters, and what isn't UTF-8, become \xNN.
 */
static void
add_visible(struct line *line, const char *text)
{
	while (*text != '\0')
	{
		uint32_t code;
		size_t length = utf8_decode(text, &code);

		if (length == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
			add_format(line, "\\x%02x", (unsigned char) *text++);
		else
		{
			add_bytes(line, text, length);
			text += length;
		}
	}
}

/*
 * Nobody may be reading any more: what can't be said within a second is left out, and the end of the
 * copier doesn't wait for it.  A pipe that is ready takes PIPE_BUF bytes at once.
 */
static void
print_line(struct line *line)
{
	uint64_t until = monotonic_now() + UINT64_C(1000000000);
	size_t written = 0;

	line->text[line->length++] = '\n';
	while (written < line->length)
	{
		struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
		uint64_t now = monotonic_now();
		size_t part = line->length - written < PIPE_BUF ? line->length - written : PIPE_BUF;
		ssize_t result;

		if (now >= until || poll(&ready, 1, (int) ((until - now) / 1000000 + 1)) <= 0)
			return;
		result = write(STDERR_FILENO, line->text + written, part);
		if (result < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (result > 0)
			written += (size_t) result;
	}
}

void
report_say(const char *format, ...)
{
	struct line line = {.length = 0};
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	add_format(&line, "vmclone-copy: ");
	add_visible(&line, text);
	print_line(&line);
}

void
report_add_members(const struct report *report, struct json *json)
{
	json_string(json, COPIER_FIELD_KIND, copier_error_word(report->kind));
	json_string(json, COPIER_FIELD_ERRNO, report_errno_name(report->error_number));
	json_string(json, COPIER_FIELD_PATH, report->path[0] != '\0' ? report->path : NULL);
}

static void
print_event(const struct report *report)
{
	struct json json = {0};

	json_open_event(&json, COPIER_EVENT_ERROR);
	report_add_members(report, &json);
	if (report->layer >= 0)
		json_integer(&json, COPIER_FIELD_LAYER, (uint64_t) report->layer);
	else
		json_null(&json, COPIER_FIELD_LAYER);
	if (report->offset != NO_OFFSET)
		json_integer(&json, COPIER_FIELD_OFFSET, report->offset);
	else
		json_null(&json, COPIER_FIELD_OFFSET);
	json_string(&json, COPIER_FIELD_MESSAGE, report->message);
	json_close(&json, '}');
	/* the exit code and the line on stderr say it as well */
	(void) json_print(&json, true);
	json_free(&json);
}

void
report_to_program(void)
{
	is_for_program = true;
}

void
report_print(bool json)
{
	struct report report = report_get();
	struct line line = {.length = 0};

	if (report.kind == COPIER_NO_ERROR)
		return;
	if (json || is_for_program)
		print_event(&report);

	add_format(&line, "vmclone-copy: ");
	if (report.layer >= 0)
		add_format(&line, "layer %d ", report.layer);
	else if (report.layer == OUTPUT_IMAGE)
		add_format(&line, "output ");
	if (report.path[0] != '\0')
	{
		add_format(&line, "\"");
		add_visible(&line, report.path);
		add_format(&line, "\"");
	}
	if (report.offset != NO_OFFSET)
		add_format(&line, " offset %" PRIu64, report.offset);
	if (report.layer != NO_LAYER || report.path[0] != '\0')
		add_format(&line, ": ");
	add_visible(&line, report.message);
	if (report.error_number != 0)
		add_format(&line, ": %s", strerror(report.error_number));
	print_line(&line);
}
