/*
 * volume_place.c
 *		What the place of a storage domain must be, so that no volume fails there later: looked at by attach.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/rootpath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* real lies strictly below the real path of one of the roots. */
static bool
lies_below_roots(const char *real, const char *roots)
{
	char *list = strdup(roots);
	char *rest = list;
	char *root;
	bool below = false;
	bool is_root = false;

	if (list == NULL)
		return volume_fail_errno(NULL, "could not allocate memory");
	while (!below && (root = strsep(&rest, ":")) != NULL)
	{
		char *real_root = root[0] == '/' ? realpath(root, NULL) : NULL;

		/* a root that isn't there just allows nothing */
		if (real_root == NULL)
			continue;
		if (strcmp(real_root, "/") == 0)
			below = strcmp(real, "/") != 0;
		else
			below =
				strncmp(real, real_root, strlen(real_root)) == 0 && real[strlen(real_root)] == '/';
		is_root = is_root || strcmp(real, real_root) == 0;
		free(real_root);
	}
	free(list);
	if (!below && is_root)
		return volume_fail(
			COPIER_OUTSIDE_ROOT, 0, real,
			"Name the directory above it in vmclone.storage_roots (superuser), or "
			"take a directory below it.",
			"path is one of vmclone.storage_roots itself; what is used lies below one");
	if (!below)
		return volume_fail(COPIER_OUTSIDE_ROOT, 0, real,
						   "Add a directory above it to vmclone.storage_roots (superuser).",
						   "path does not lie below any directory of vmclone.storage_roots");
	return true;
}

char *
volume_place_resolve(const VolumeOptions *options)
{
	char *real;

	if (options->path[0] != '/')
	{
		volume_fail(COPIER_USAGE, 0, options->path, NULL, "--path must be an absolute path");
		return NULL;
	}
	/* what doesn't lie below this host's directories is not even looked at */
	if (root_is_confined())
	{
		int fd = root_open_directory(options->path, O_PATH);

		if (fd < 0)
		{
			volume_fail_errno(options->path, "could not open directory");
			return NULL;
		}
		close(fd);
	}
	real = realpath(options->path, NULL);
	if (real == NULL)
		volume_fail_errno(options->path, "could not resolve path");
	else if (options->roots != NULL && !lies_below_roots(real, options->roots))
	{
		free(real);
		real = NULL;
	}
	return real;
}

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
