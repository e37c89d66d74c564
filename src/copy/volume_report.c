/*
 * volume_report.c
 *		The one JSON object that a volume subcommand prints.
 */
#include "volume_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_words[] = {"ok",       "usage",     "io",           "exists",
										 "busy",     "not_found", "outside_root", "not_attached",
										 "no_space", "refused"};

/* Without memory there is no answer to give; the worker sees the exit status. */
static void *
must_allocate(void *pointer)
{
	if (pointer == NULL)
	{
		fputs("vmclone-copy: out of memory\n", stderr);
		exit(1);
	}
	return pointer;
}

static void
append(VolumeReport *report, const char *text, size_t length)
{
	if (report->capacity - report->length < length + 1)
	{
		report->capacity = (report->capacity + length + 1) * 2;
		report->text = must_allocate(realloc(report->text, report->capacity));
	}
	memcpy(report->text + report->length, text, length);
	report->length += length;
	report->text[report->length] = '\0';
}

static void
append_text(VolumeReport *report, const char *text)
{
	append(report, text, strlen(text));
}

/*
 * A JSON string.  Names from storage may hold any byte: what is not ASCII is passed on when it is
 * a plain UTF-8 byte sequence in form, else shown as U+FFFD, so that the output is always JSON.
 */
static void
append_quoted(VolumeReport *report, const char *value)
{
	const unsigned char *byte = (const unsigned char *) value;
	char escape[8];

	append(report, "\"", 1);
	while (*byte != '\0')
	{
		size_t length = *byte < 0x80                    ? 1
						: *byte >= 0xc2 && *byte < 0xe0 ? 2
						: *byte >= 0xe0 && *byte < 0xf0 ? 3
						: *byte >= 0xf0 && *byte < 0xf5 ? 4
														: 0;
		size_t have = 1;

		while (have < length && (byte[have] & 0xc0) == 0x80)
			have++;
		/* overlong forms, surrogates and what lies beyond U+10FFFF are no UTF-8 either */
		if (have < length || (byte[0] == 0xe0 && byte[1] < 0xa0) ||
			(byte[0] == 0xed && byte[1] > 0x9f) || (byte[0] == 0xf0 && byte[1] < 0x90) ||
			(byte[0] == 0xf4 && byte[1] > 0x8f))
			length = 0;

		if (length == 0)
		{
			append_text(report, "\\ufffd");
			length = 1;
		}
		else if (length > 1)
			append(report, (const char *) byte, length);
		else if (*byte == '"' || *byte == '\\')
		{
			escape[0] = '\\';
			escape[1] = (char) *byte;
			append(report, escape, 2);
		}
		else if (*byte < 0x20 || *byte == 0x7f)
		{
			snprintf(escape, sizeof(escape), "\\u%04x", *byte);
			append_text(report, escape);
		}
		else
			append(report, (const char *) byte, 1);
		byte += length;
	}
	append(report, "\"", 1);
}

static void
append_key(VolumeReport *report, const char *key)
{
	if (report->length == 0 ||
		(report->text[report->length - 1] != '{' && report->text[report->length - 1] != '['))
		append(report, ",", 1);
	if (key != NULL)
	{
		append_quoted(report, key);
		append(report, ":", 1);
	}
}

void
report_string(VolumeReport *report, const char *key, const char *value)
{
	append_key(report, key);
	append_quoted(report, value);
}

void
report_integer(VolumeReport *report, const char *key, uint64_t value)
{
	char digits[24];

	append_key(report, key);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	append_text(report, digits);
}

void
report_bool(VolumeReport *report, const char *key, bool value)
{
	append_key(report, key);
	append_text(report, value ? "true" : "false");
}

void
report_null(VolumeReport *report, const char *key)
{
	append_key(report, key);
	append_text(report, "null");
}

void
report_open(VolumeReport *report, const char *key, char open)
{
	append_key(report, key);
	append(report, &open, 1);
}

void
report_close(VolumeReport *report, char close)
{
	append(report, &close, 1);
}

bool
fail(VolumeReport *report, VolumeKind kind, int error, const char *path, const char *hint,
	 const char *format, ...)
{
	va_list arguments;

	if (report->kind != VOLUME_OK)
		return false;
	report->kind = kind;
	report->error = error;
	report->path = path == NULL ? NULL : must_allocate(strdup(path));
	report->hint = hint;
	va_start(arguments, format);
	if (vasprintf(&report->message, format, arguments) < 0)
		report->message = NULL;
	va_end(arguments);
	must_allocate(report->message);
	return false;
}

bool
fail_errno(VolumeReport *report, const char *path, const char *what)
{
	int error = errno;
	VolumeKind kind = VOLUME_IO;
	const char *hint = NULL;

	switch (error)
	{
		case ENOENT:
			kind = VOLUME_NOT_FOUND;
			break;
		case EEXIST:
			kind = VOLUME_EXISTS;
			break;
		case ENOSPC:
		case EDQUOT:
			kind = VOLUME_NO_SPACE;
			hint = "Free space on the storage domain, or choose another one.";
			break;
		case ELOOP:
		case EXDEV:
			kind = VOLUME_OUTSIDE_ROOT;
			hint =
				"Symbolic links below a storage domain are never followed; put a real directory there.";
			break;
		case ENOTDIR:
			kind = VOLUME_REFUSED;
			break;
		case EACCES:
		case EPERM:
			hint =
				"Give the server's user access: export with anonuid/anongid, run the copier through a wrapper, or put the user into group kvm.";
			break;
		case ESTALE:
			hint = "The NFS server forgot this directory: mount the domain again.";
			break;
		case EROFS:
			hint = "The file system is mounted read-only.";
			break;
	}
	return fail(report, kind, error, path, hint, "%s: %s", what, strerror(error));
}

int
report_print(VolumeReport *report)
{
	int status;

	if (report->kind == VOLUME_OK)
	{
		printf("{\"ok\":true%s}\n", report->text == NULL ? "" : report->text);
		status = 0;
	}
	else
	{
		const char *name = report->error == 0 ? NULL : strerrorname_np(report->error);

		report->length = 0; /* facts gathered before the failure don't count */
		append_text(report, "{\"ok\":false");
		report_string(report, "kind", kind_words[report->kind]);
		if (name != NULL)
			report_string(report, "errno", name);
		else
			report_null(report, "errno");
		if (report->path != NULL)
			report_string(report, "path", report->path);
		else
			report_null(report, "path");
		report_string(report, "message", report->message);
		if (report->hint != NULL)
			report_string(report, "hint", report->hint);
		else
			report_null(report, "hint");
		printf("%s}\n", report->text);
		status = report->kind == VOLUME_USAGE ? 2
				 : report->kind == VOLUME_IO || report->kind == VOLUME_NO_SPACE ||
						 report->kind == VOLUME_NOT_FOUND
					 ? 1
					 : 3;
	}
	if (fflush(stdout) != 0)
		status = 1;
	free(report->text);
	free(report->path);
	free(report->message);
	return status;
}
