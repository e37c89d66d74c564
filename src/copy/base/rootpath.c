/*
 * rootpath.c
 *		Opens paths of the command line, and with --root only below the given directories.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/base/report.h"
#include "copy/base/rootpath.h"
#include "copy/base/safeopen.h"
#include "copy/base/volume_group.h"

struct root
{
	int fd;
	size_t length;
	char path[PATH_MAX]; /* as given, without '/' at the end */
};

/* Those that confine are known by two names, if one is a link. */
#define MAX_NAMES (2 * COPIER_MAX_ROOTS)

struct root_list
{
	struct root *roots[MAX_NAMES];
	int count;
};

static struct root_list given; /* --root of the subcommand */
static struct root_list
	confines; /* of the whole program: every other root lies below one of these */

/* "fd" is open on the directory, or -1 with errno. */
static int
add(struct root_list *list, int limit, const char *path, int fd)
{
	int error_number = errno;
	struct root *root;
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	if (list->count >= limit)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"at most %d --root directories can be given", COPIER_MAX_ROOTS);
	if (length == 0 || length >= sizeof(root->path))
		return report_error(COPIER_USAGE, 0, NO_LAYER, path, NO_OFFSET,
							"the --root directory must be a path of 1 to %d bytes", PATH_MAX - 1);
	root = calloc(1, sizeof(*root));
	if (root == NULL)
		return report_error(COPIER_IO, ENOMEM, NO_LAYER, path, NO_OFFSET,
							"could not remember the --root directory");
	memcpy(root->path, path, length);
	root->length = length;
	root->fd = fd;
	if (fd < 0)
	{
		free(root);
		if (error_number == EXDEV || error_number == ELOOP)
			return report_error(COPIER_OUTSIDE_ROOT, error_number, NO_LAYER, path, NO_OFFSET,
								"the --root directory does not lie below one of this host's");
		return report_io_error(error_number, NO_LAYER, path, NO_OFFSET,
							   "could not open the --root directory");
	}
	list->roots[list->count++] = root;
	return 0;
}

int
root_add(const char *path)
{
	return add(&given, COPIER_MAX_ROOTS, path, root_open_directory(path, O_PATH));
}

int
root_confine(const char *path)
{
	char *real = realpath(path, NULL);
	int result = add(&confines, MAX_NAMES - 1, path, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));

	/* the machine that asks knows what attach has answered */
	if (result == 0 && real != NULL && strcmp(real, path) != 0)
		result = add(&confines, MAX_NAMES, real, open(real, O_PATH | O_DIRECTORY | O_CLOEXEC));
	free(real);
	return result;
}

bool
root_is_confined(void)
{
	return confines.count > 0;
}

/* Opens "path" below a root; empty and "." components are dropped, ".." is refused. */
static int
open_below(int root, const char *path, int flags, mode_t mode)
{
	char clean[PATH_MAX];
	size_t length = 0;

	while (*path != '\0')
	{
		size_t part = strcspn(path, "/");

		if (part > 0 && !(part == 1 && path[0] == '.'))
		{
			if (part == 2 && path[0] == '.' && path[1] == '.')
			{
				errno = EXDEV;
				return -1;
			}
			if (length + part + 2 > sizeof(clean))
			{
				errno = ENAMETOOLONG;
				return -1;
			}
			if (length > 0)
				clean[length++] = '/';
			memcpy(clean + length, path, part);
			length += part;
		}
		path += part;
		while (*path == '/')
			path++;
	}
	clean[length] = '\0';
	if (length == 0)
		return openat(root, ".", flags | O_CLOEXEC, mode);
	return safe_open_beneath(root, clean, flags, mode);
}

/*
 * Finds the root that contains the path and the part of the path below it; a root contains itself where
 * "or_itself".
 */
static int
find_root(const struct root_list *list, const char *path, bool or_itself, const struct root **found,
		  const char **below)
{
	const struct root *best = NULL;

	if (*path != '/')
	{
		if (list->count != 1)
		{
			errno = EXDEV;
			return -1;
		}
		*found = list->roots[0];
		*below = path;
		return 0;
	}
	for (int i = 0; i < list->count; i++)
	{
		const struct root *root = list->roots[i];
		size_t length = root->length;

		if (length == 1)
			length = 0; /* the root directory itself: its '/' is the separator */
		if (strncmp(path, root->path, length) == 0 &&
			(path[length] == '/' || (or_itself && path[length] == '\0')) &&
			(best == NULL || root->length > best->length))
			best = root;
	}
	if (best == NULL)
	{
		errno = EXDEV;
		return -1;
	}
	*found = best;
	*below = path + (best->length == 1 ? 0 : best->length);
	while (**below == '/')
		(*below)++;
	return 0;
}

/* A device that confinement does not name stays closed, wherever its node lies.  "fd", or -1 with errno. */
static int
keep_if_allowed(int fd)
{
	struct stat status;

	if (fd < 0 || confines.count == 0 ||
		(fstat(fd, &status) == 0 &&
		 (!S_ISBLK(status.st_mode) || volume_group_has_device(status.st_rdev))))
		return fd;
	close(fd);
	errno = EXDEV;
	return -1;
}

/* Devices are named as the kernel does it, and lie below no root. */
static bool
is_confined_device(const char *path)
{
	return confines.count > 0 && volume_group_is_device_path(path);
}

int
root_open(const char *path, int flags, mode_t mode)
{
	const struct root *root;
	const char *below;

	if (given.count == 0 && confines.count == 0)
		return open(path, flags | O_CLOEXEC, mode);
	if (is_confined_device(path))
		return keep_if_allowed(open(path, (flags & ~O_CREAT) | O_NOFOLLOW | O_CLOEXEC));
	if (find_root(&given, path, false, &root, &below) != 0)
		return -1;
	return keep_if_allowed(open_below(root->fd, below, flags, mode));
}

static bool
is_link_below(int root, const char *path)
{
	int fd = open_below(root, path, O_PATH, 0);
	struct stat status;
	bool is_link = fd < 0 ? errno == ELOOP : fstat(fd, &status) == 0 && S_ISLNK(status.st_mode);

	if (fd >= 0)
		close(fd);
	return is_link;
}

int
root_open_directory(const char *path, int flags)
{
	const struct root *root;
	const char *below;
	int fd;

	flags |= O_DIRECTORY | O_CLOEXEC;
	if (confines.count == 0)
		return open(path, flags);
	if (*path != '/')
	{
		errno = EXDEV;
		return -1;
	}
	if (find_root(&confines, path, true, &root, &below) != 0)
		return -1;
	fd = open_below(root->fd, below, flags, 0);
	/* the kernel says of a link only that it is no directory */
	if (fd < 0 && errno == ENOTDIR)
		errno = is_link_below(root->fd, below) ? ELOOP : ENOTDIR;
	return fd;
}

int
root_open_direct(const char *path, int fd)
{
	struct stat first;
	struct stat second;
	int direct;

	if (file_direct_alignment(fd) == 0)
		return -1;
	direct = root_open(path, O_RDONLY | O_DIRECT | O_NONBLOCK | O_NOCTTY, 0);
	if (direct < 0)
		return -1;
	if (fstat(fd, &first) != 0 || fstat(direct, &second) != 0 ||
		(first.st_mode & S_IFMT) != (second.st_mode & S_IFMT) ||
		(S_ISBLK(first.st_mode) ? first.st_rdev != second.st_rdev
								: first.st_dev != second.st_dev || first.st_ino != second.st_ino))
	{
		close(direct);
		return -1;
	}
	return direct;
}

/* The directory of a device that may be opened; there nothing else is looked up or made. */
static int
open_directory_of_device(const char *path)
{
	struct stat status;

	if (lstat(path, &status) != 0)
		return -1;
	if (S_ISBLK(status.st_mode) && volume_group_has_device(status.st_rdev))
		return open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	errno = EXDEV;
	return -1;
}

int
root_open_directory_of(const char *path, const char **name)
{
	char directory[PATH_MAX];
	size_t length;

	*name = path_last_component(path);
	length = (size_t) (*name - path);
	if (**name == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
	{
		errno = EISDIR;
		return -1;
	}
	if (length >= sizeof(directory))
	{
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(directory, path, length);
	directory[length] = '\0';
	if (is_confined_device(path))
		return open_directory_of_device(path);
	if (given.count == 0 && confines.count == 0)
		return open(length == 0 ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root_open(length == 0 ? "." : directory, O_RDONLY | O_DIRECTORY, 0);
}

const char *
root_device_path(const char *path)
{
	static char resolved[PATH_MAX];
	struct stat status;

	if (given.count > 0 || confines.count > 0 || lstat(path, &status) != 0 ||
		!S_ISLNK(status.st_mode) || stat(path, &status) != 0 || !S_ISBLK(status.st_mode) ||
		realpath(path, resolved) == NULL)
		return path;
	return resolved;
}

int
open_in_directory(int directory, const char *name, int flags, mode_t mode)
{
	if (strchr(name, '/') != NULL)
	{
		errno = EINVAL;
		return -1;
	}
	return keep_if_allowed(openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, mode));
}

int
rename_in_directory(int directory, const char *from, const char *to)
{
	struct stat status;

	if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/*
	 * NFS can't.  A link replaces nothing either, but the old name of an open file would become .nfs… then, which a
	 * client that crashes leaves for ever.
	 */
	if (fstatat(directory, to, &status, AT_SYMLINK_NOFOLLOW) == 0)
	{
		errno = EEXIST;
		return -1;
	}
	return errno == ENOENT ? renameat(directory, from, directory, to) : -1;
}

void
unlink_if_same(int directory, const char *name, int fd)
{
	struct stat named;
	struct stat opened;

	if (fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &opened) == 0 &&
		named.st_dev == opened.st_dev && named.st_ino == opened.st_ino)
		unlinkat(directory, name, 0);
}

int
root_refuse_file(const char *path)
{
	const char *name;
	struct stat status;
	int directory = root_open_directory_of(path, &name);
	bool is_there = directory >= 0 && fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
					!S_ISBLK(status.st_mode);

	if (directory >= 0)
		close(directory);
	return is_there ? report_error(COPIER_EXISTS, EEXIST, NO_LAYER, path, NO_OFFSET,
								   "output must not exist yet")
					: 0;
}

const char *
path_last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}
