/*
 * volume_answer.c
 *		The one JSON object that a volume subcommand prints.
 */
#include "copy/volume/volume_internal.h"

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
append(VolumeAnswer *answer, const char *text, size_t length)
{
	if (answer->capacity - answer->length < length + 1)
	{
		answer->capacity = (answer->capacity + length + 1) * 2;
		answer->text = must_allocate(realloc(answer->text, answer->capacity));
	}
	memcpy(answer->text + answer->length, text, length);
	answer->length += length;
	answer->text[answer->length] = '\0';
}

static void
append_text(VolumeAnswer *answer, const char *text)
{
	append(answer, text, strlen(text));
}

/*
 * A JSON string.  Names from storage may hold any byte: what is not ASCII is passed on when it is
 * a plain UTF-8 byte sequence in form, else shown as U+FFFD, so that the output is always JSON.
 */
static void
append_quoted(VolumeAnswer *answer, const char *value)
{
	const unsigned char *byte = (const unsigned char *) value;
	char escape[8];

	append(answer, "\"", 1);
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
			append_text(answer, "\\ufffd");
			length = 1;
		}
		else if (length > 1)
			append(answer, (const char *) byte, length);
		else if (*byte == '"' || *byte == '\\')
		{
			escape[0] = '\\';
			escape[1] = (char) *byte;
			append(answer, escape, 2);
		}
		else if (*byte < 0x20 || *byte == 0x7f)
		{
			snprintf(escape, sizeof(escape), "\\u%04x", *byte);
			append_text(answer, escape);
		}
		else
			append(answer, (const char *) byte, 1);
		byte += length;
	}
	append(answer, "\"", 1);
}

static void
append_key(VolumeAnswer *answer, const char *key)
{
	if (answer->length == 0 ||
		(answer->text[answer->length - 1] != '{' && answer->text[answer->length - 1] != '['))
		append(answer, ",", 1);
	if (key != NULL)
	{
		append_quoted(answer, key);
		append(answer, ":", 1);
	}
}

void
answer_string(VolumeAnswer *answer, const char *key, const char *value)
{
	append_key(answer, key);
	append_quoted(answer, value);
}

void
answer_integer(VolumeAnswer *answer, const char *key, uint64_t value)
{
	char digits[24];

	append_key(answer, key);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	append_text(answer, digits);
}

void
answer_bool(VolumeAnswer *answer, const char *key, bool value)
{
	append_key(answer, key);
	append_text(answer, value ? "true" : "false");
}

void
answer_null(VolumeAnswer *answer, const char *key)
{
	append_key(answer, key);
	append_text(answer, "null");
}

void
answer_open(VolumeAnswer *answer, const char *key, char open)
{
	append_key(answer, key);
	append(answer, &open, 1);
}

void
answer_close(VolumeAnswer *answer, char close)
{
	append(answer, &close, 1);
}

bool
volume_fail(VolumeAnswer *answer, VolumeKind kind, int error, const char *path, const char *hint,
			const char *format, ...)
{
	va_list arguments;

	if (answer->kind != VOLUME_OK)
		return false;
	answer->kind = kind;
	answer->error = error;
	answer->path = path == NULL ? NULL : must_allocate(strdup(path));
	answer->hint = hint;
	va_start(arguments, format);
	if (vasprintf(&answer->message, format, arguments) < 0)
		answer->message = NULL;
	va_end(arguments);
	must_allocate(answer->message);
	return false;
}

bool
volume_fail_errno(VolumeAnswer *answer, const char *path, const char *what)
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
	return volume_fail(answer, kind, error, path, hint, "%s: %s", what, strerror(error));
}

int
answer_print(VolumeAnswer *answer)
{
	int status;

	if (answer->kind == VOLUME_OK)
	{
		printf("{\"ok\":true%s}\n", answer->text == NULL ? "" : answer->text);
		status = 0;
	}
	else
	{
		const char *name = answer->error == 0 ? NULL : strerrorname_np(answer->error);

		answer->length = 0; /* facts gathered before the failure don't count */
		append_text(answer, "{\"ok\":false");
		answer_string(answer, "kind", kind_words[answer->kind]);
		if (name != NULL)
			answer_string(answer, "errno", name);
		else
			answer_null(answer, "errno");
		if (answer->path != NULL)
			answer_string(answer, "path", answer->path);
		else
			answer_null(answer, "path");
		answer_string(answer, "message", answer->message);
		if (answer->hint != NULL)
			answer_string(answer, "hint", answer->hint);
		else
			answer_null(answer, "hint");
		printf("%s}\n", answer->text);
		status = answer->kind == VOLUME_USAGE ? 2
				 : answer->kind == VOLUME_IO || answer->kind == VOLUME_NO_SPACE ||
						 answer->kind == VOLUME_NOT_FOUND
					 ? 1
					 : 3;
	}
	if (fflush(stdout) != 0)
		status = 1;
	free(answer->text);
	free(answer->path);
	free(answer->message);
	return status;
}
