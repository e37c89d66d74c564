/*
 * volume_place.c
 *		What the place of a storage domain must be, so that no volume fails there later: looked at by attach.
 */
#include "copy/volume/volume_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

bool
volume_place_check_path(const char *real)
{
	/* what the worker hears of a path is printable ASCII; another byte would name another file there */
	for (const char *at = real; *at != '\0'; at++)
		if (*at < 0x20 || *at > 0x7e)
			return volume_fail(COPIER_REFUSED, 0, real,
							   "Mount the storage domain at a path of printable ASCII characters.",
							   "path of the storage domain has a byte that is no printable ASCII");
	return true;
}

/* A storage domain's own directory, by VDSM's metadata or by ours. */
static bool
is_domain(int dirfd, const char *name)
{
	static const char *const marks[] = {"metadata", "vmclone-identity"};
	struct stat status;
	char path[VOLUME_NAME_SIZE + 32];

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
	{
		snprintf(path, sizeof(path), "%s/dom_md/%s", name, marks[i]);
		if (fstatat(dirfd, path, &status, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

bool
volume_place_check_nesting(int rootfd, const char *real, const char *domain)
{
	char *above = strdup(real);
	bool is_inside = false;
	char *slash;

	if (above == NULL)
		return volume_fail_errno(NULL, "could not allocate memory");
	while (!is_inside && (slash = strrchr(above, '/')) != NULL && slash != above)
	{
		int dirfd;

		*slash = '\0';
		dirfd = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
		is_inside = dirfd >= 0 && is_domain(dirfd, ".");
		if (dirfd >= 0)
			close(dirfd);
	}
	if (is_inside)
		volume_fail(COPIER_REFUSED, 0, real, "Attach that directory, or move one of the two.",
					"directory lies inside another storage domain, \"%s\"", above);
	free(above);
	if (is_inside)
		return false;
	if (is_domain(rootfd, domain) && !is_domain(rootfd, "."))
		return volume_fail(
			COPIER_REFUSED, 0, real, "Attach the storage domain's own directory inside it.",
			"directory is the mount point; the storage domain is \"%s/%s\"", real, domain);
	return true;
}

/* Links one file to a second name and compares what the file system says of both. */
static bool
compare_links(int rootfd, const char *name, const char *other)
{
	static const char hint[] =
		"Use another file system, or mount it so that it shows inodes (FUSE: use_ino).";
	struct stat first;
	struct stat second;

	if (linkat(rootfd, name, rootfd, other, 0) != 0)
		return volume_fail(COPIER_REFUSED, errno, NULL, hint,
						   "storage domain's file system makes no hard links: %s", strerror(errno));
	if (fstatat(rootfd, name, &first, AT_SYMLINK_NOFOLLOW) != 0 ||
		fstatat(rootfd, other, &second, AT_SYMLINK_NOFOLLOW) != 0)
		return volume_fail_errno(NULL, "could not read the attributes of a test file");
	if (first.st_dev != second.st_dev || first.st_ino != second.st_ino)
		return volume_fail(COPIER_REFUSED, 0, NULL, hint,
						   "storage domain's file system shows hard links as different files");
	return true;
}

bool
volume_place_check_links(int rootfd)
{
	char name[VOLUME_NAME_SIZE];
	char other[VOLUME_NAME_SIZE];
	uint64_t number;
	bool good;
	int fd;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t) sizeof(number))
		return volume_fail_errno(NULL, "could not get random bytes");
	snprintf(name, sizeof(name), ".vmclone-test-%016" PRIx64, number);
	snprintf(other, sizeof(other), ".vmclone-test-%016" PRIx64 ".link", number);
	fd = openat(rootfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return volume_fail_errno(NULL, "could not create a test file in the storage domain");
	/* closed first: an open file that is unlinked stays on NFS under a name of its own */
	close(fd);
	good = compare_links(rootfd, name, other);
	(void) unlinkat(rootfd, other, 0);
	if (unlinkat(rootfd, name, 0) != 0 && good)
		return volume_fail_errno(name, "could not remove test file");
	return good;
}
