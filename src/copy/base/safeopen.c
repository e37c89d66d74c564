/*
 * safeopen.c
 *		openat2 with RESOLVE_BENEATH, or the same walk done component by component.
 */
#include "copy/base/safeopen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "copy/base/system.h"

/* openat2 says EAGAIN when a rename raced with the walk; a directory renamed that often is an attack. */
#define OPENAT2_TRIES 128

static bool
is_plain_relative(const char *relative)
{
	const char *start = relative;

	if (strlen(relative) >= PATH_MAX)
		return false;
	for (;;)
	{
		size_t length = strcspn(start, "/");

		if (length == 0 || length > NAME_MAX || (length == 1 && start[0] == '.') ||
			(length == 2 && start[0] == '.' && start[1] == '.'))
			return false;
		if (start[length] == '\0')
			return true;
		start += length + 1;
	}
}

/* The fallback: every directory on the way is opened by itself, and none of them may be a link. */
static int
open_by_components(int rootfd, const char *relative, int flags, mode_t mode)
{
	char name[NAME_MAX + 1];
	const char *start = relative;
	int directory = rootfd;
	int result;
	int saved_errno;

	for (;;)
	{
		size_t length = strcspn(start, "/");
		int next;

		memcpy(name, start, length);
		name[length] = '\0';
		if (start[length] == '\0')
			break;
		next = openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		saved_errno = errno;
		if (directory != rootfd)
			close(directory);
		if (next < 0)
		{
			errno = saved_errno;
			return -1;
		}
		directory = next;
		start += length + 1;
	}
	result = openat(directory, name, flags, mode);
	saved_errno = errno;
	if (directory != rootfd)
		close(directory);
	errno = saved_errno;
	return result;
}

int
safe_open_beneath(int rootfd, const char *relative, int flags, mode_t mode)
{
	struct open_how how = {0};

	if (!is_plain_relative(relative))
	{
		errno = EINVAL;
		return -1;
	}
	flags |= O_CLOEXEC | O_NOFOLLOW;
	how.flags = (unsigned int) flags;
	/* openat2, unlike openat, refuses a mode that would not be used */
	how.mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0;
	how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

	for (int i = 0; i < OPENAT2_TRIES; i++)
	{
		long fd = syscall(SYS_openat2, rootfd, relative, &how, sizeof(how));

		if (fd >= 0)
			return (int) fd;
		if (errno == ENOSYS || errno == EPERM)
		{
			/* EPERM: some container filters answer so to calls that they don't know */
			return open_by_components(rootfd, relative, flags, mode);
		}
		if (errno != EAGAIN && errno != EINTR)
			return -1;
	}
	errno = EAGAIN;
	return -1;
}
