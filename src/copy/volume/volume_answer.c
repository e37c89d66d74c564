/*
 * volume_answer.c
 *		Failures of volume subcommands, and the one JSON object that they print.
 */
#include "copy/volume/volume_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
volume_fail(enum copier_error kind, int error_number, const char *path, const char *hint,
			const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report_verror(kind, error_number, NO_LAYER, path, NO_OFFSET, hint, format, arguments);
	va_end(arguments);
	return false;
}

bool
volume_fail_errno(const char *path, const char *what)
{
	int error = errno;
	enum copier_error kind = COPIER_IO;
	const char *hint = NULL;

	switch (error)
	{
		case ENOENT:
			kind = COPIER_NOT_FOUND;
			break;
		case EEXIST:
			kind = COPIER_EXISTS;
			break;
		case ENOSPC:
		case EDQUOT:
			kind = COPIER_NO_SPACE;
			hint = "Free space on the storage domain, or choose another one.";
			break;
		case ELOOP:
		case EXDEV:
			kind = COPIER_OUTSIDE_ROOT;
			hint =
				"Symbolic links below a storage domain are never followed; put a real directory there.";
			break;
		case ENOTDIR:
			kind = COPIER_REFUSED;
			break;
		case EACCES:
		case EPERM:
			hint =
				"Give the server's user access (chmod, chown or an access control list; on NFS an export with all_squash and anonuid and anongid of the owner), or run the copier as the owner by a wrapper (vmclone.copy_program).";
			break;
		case ESTALE:
			hint = "The NFS server forgot this directory: mount the domain again.";
			break;
		case EROFS:
			hint = "The file system is mounted read-only.";
			break;
	}
	return volume_fail(kind, error, path, hint, "%s: %s", what, strerror(error));
}

static enum copier_exit
exit_code(enum copier_error kind)
{
	switch (kind)
	{
#define EXIT_OF_KIND(name, word, exit_of_copy, exit_of_volume)                                     \
	case COPIER_##name:                                                                            \
		return COPIER_EXIT_##exit_of_volume;
		COPIER_ERROR_KINDS(EXIT_OF_KIND)
#undef EXIT_OF_KIND
		case COPIER_NO_ERROR:
			break;
	}
	return COPIER_EXIT_DONE;
}

int
volume_print_answer(struct json *facts)
{
	struct report report = report_get();
	int status = (int) exit_code(report.kind);

	if (report.kind != COPIER_NO_ERROR)
	{
		/* what was found before the failure doesn't count */
		json_clear(facts);
		json_open(facts, NULL, '{');
		json_bool(facts, COPIER_FIELD_OK, false);
		report_add_members(&report, facts);
		json_string(facts, COPIER_FIELD_MESSAGE, report.message);
		json_string(facts, COPIER_FIELD_HINT, report.hint);
	}
	json_close(facts, '}');
	if (json_print(facts, true) != 0)
	{
		report_say("could not print the answer: %s", strerror(errno));
		status = COPIER_EXIT_IO;
	}
	json_free(facts);
	return status;
}
