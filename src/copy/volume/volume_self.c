/*
 * volume_self.c
 *		vmclone-copy volume self: what the program can say of itself, and a directory that it is to work in.
 */
#include "copy/volume/volume_internal.h"

#include <fcntl.h>
#include <unistd.h>

#include "copy/base/sandbox.h"

/* Others may not enter it, or its server may not answer: the caller has a time limit. */
static bool
check_directory(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool enters;

	if (fd < 0)
		return volume_fail_errno(path, "could not open directory");
	enters = faccessat(fd, ".", X_OK, AT_EACCESS) == 0 ||
			 volume_fail_errno(path, "could not enter directory");
	close(fd);
	return enters;
}

bool
volume_self(const VolumeOptions *options, struct json *answer)
{
	if (options->path != NULL && !check_directory(options->path))
		return false;
	json_string(answer, "version", VMCLONE_VERSION);
	json_integer(answer, "protocol", COPIER_PROTOCOL);
#ifdef COPY_WITHOUT_SANDBOX
	json_bool(answer, "sandbox", false);
	return true;
#else
	/* as a copy does, with its limits on memory, too */
	sandbox_prepare(false);
	json_bool(answer, "sandbox", true);
	return sandbox_enter() == 0;
#endif
}
