/*
 * volume_paths.c
 *		Opening, syncing, locking and replacing files of a storage domain.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/fileio.h"
#include "copy/base/rootpath.h"
#include "copy/base/safeopen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
volume_open_root(const char *root)
{
	char link[64];
	char real[PATH_MAX];
	ssize_t length;
	int fd;

	if (root[0] != '/')
	{
		volume_fail(COPIER_USAGE, 0, root, NULL, "--root must be an absolute path");
		return -1;
	}
	fd = root_open_directory(root, O_RDONLY | O_NOFOLLOW);
	if (fd < 0)
	{
		volume_fail_errno(root, "could not open storage domain");
		return -1;
	}
	/* attach resolved the path once: if it now leads elsewhere, someone put a link into it */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, real, sizeof(real) - 1);
	if (length < 0)
	{
		volume_fail_errno(root, "could not resolve storage domain");
		close(fd);
		return -1;
	}
	real[length] = '\0';
	if (strcmp(real, root) != 0)
	{
		volume_fail(COPIER_OUTSIDE_ROOT, 0, root,
					"Detach the storage domain and attach it again by its real path.",
					"storage domain path leads to \"%s\"", real);
		close(fd);
		return -1;
	}
	return fd;
}

int
volume_open_image_directory(int rootfd, const char *disk, bool *missing)
{
	char name[VOLUME_NAME_SIZE];
	int fd;

	snprintf(name, sizeof(name), "images/%s", disk);
	fd = safe_open_beneath(rootfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (missing != NULL)
		*missing = fd < 0 && errno == ENOENT;
	if (fd < 0 && !(missing != NULL && *missing))
		volume_fail_errno(name, "could not open image directory");
	return fd;
}

int
volume_make_directory(int dirfd, const char *name, bool synced)
{
	struct stat status;
	bool done = true;
	int fd;
	bool made = mkdirat(dirfd, name, VOLUME_DIRECTORY_MODE) == 0;

	if (!made && errno != EEXIST)
	{
		volume_fail_errno(name, "could not create directory");
		return -1;
	}
	fd = safe_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 || fstat(fd, &status) != 0)
	{
		volume_fail_errno(name, "could not open directory");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	/*
	 * The umask took rights away, also in an earlier call that was cut off here; hosts need them.  What somebody
	 * else made with other rights stays as it is.
	 */
	if (made || (status.st_uid == geteuid() && (status.st_mode & 0077) == 0))
		done = fchmod(fd, VOLUME_DIRECTORY_MODE) == 0
				   ? !synced || volume_sync_directory(fd, name)
				   : volume_fail_errno(name, "could not set directory mode");
	/* either way: a crash may have come between an earlier call's mkdir and its sync */
	if (done && (!synced || volume_sync_directory(dirfd, name)))
		return fd;
	close(fd);
	return -1;
}

bool
volume_write_out(int fd, const char *path)
{
	unsigned int flags = SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

	/* without such a call here the sync does it all */
	return sync_file_range(fd, 0, 0, flags) == 0 || errno == EINVAL || errno == ENOSYS ||
		   errno == EPERM || volume_fail_errno(path, "could not write file");
}

bool
volume_sync(int fd, const char *path)
{
	if (fsync(fd) != 0)
		return volume_fail_errno(path, "could not sync");
	return true;
}

bool
volume_sync_directory(int fd, const char *path)
{
	if (file_sync_directory(fd) != 0)
		return volume_fail_errno(path, "could not sync");
	return true;
}

bool
volume_write_new(int dirfd, const char *name, mode_t mode, const char *text, size_t length,
				 bool synced)
{
	char temporary[VOLUME_NAME_SIZE];
	size_t written = 0;
	bool done = false;
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	/* a leftover of a crash is ours to replace; O_EXCL then sees to it that the file is a new one */
	if (unlinkat(dirfd, temporary, 0) != 0 && errno != ENOENT)
		return volume_fail_errno(temporary, "could not remove left-over file");
	fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return volume_fail_errno(temporary, "could not create file");
	while (written < length)
	{
		ssize_t n = write(fd, text + written, length - written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
		{
			volume_fail_errno(temporary, "could not write file");
			goto end;
		}
		written += (size_t) n;
	}
	if (fchmod(fd, mode) != 0)
	{
		volume_fail_errno(temporary, "could not set file mode");
		goto end;
	}
	if (synced && !volume_sync(fd, temporary))
		goto end;
	done = true;
end:
	/* NFS reports some write errors at close */
	if (close(fd) != 0 && done)
		done = volume_fail_errno(temporary, "could not close file");
	if (!done)
		unlinkat(dirfd, temporary, 0);
	return done;
}

bool
volume_rename_new(int dirfd, const char *name, bool synced)
{
	char temporary[VOLUME_NAME_SIZE];

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	if (renameat(dirfd, temporary, dirfd, name) != 0)
		return volume_fail_errno(name, "could not rename file");
	return !synced || volume_sync_directory(dirfd, name);
}

int
volume_stat_name(int dirfd, const char *name, struct stat *status)
{
	if (fstatat(dirfd, name, status, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	volume_fail_errno(name, "could not read file attributes");
	return -1;
}

ssize_t
volume_read_file(int dirfd, const char *name, char *buffer, size_t size)
{
	struct stat status;
	size_t length = 0;
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
	{
		if (errno == ENOENT)
			return -2;
		volume_fail_errno(name, "could not open file");
		return -1;
	}
	if (fstat(fd, &status) != 0)
	{
		volume_fail_errno(name, "could not read file attributes");
		close(fd);
		return -1;
	}
	if (!S_ISREG(status.st_mode))
	{
		volume_fail(COPIER_REFUSED, 0, name, NULL, "not a regular file");
		close(fd);
		return -1;
	}
	while (length < size)
	{
		ssize_t n = read(fd, buffer + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
		{
			volume_fail_errno(name, "could not read file");
			close(fd);
			return -1;
		}
		if (n == 0)
			break;
		length += (size_t) n;
	}
	close(fd);
	if (length >= size)
	{
		volume_fail(COPIER_REFUSED, 0, name, NULL, "file is longer than %zu bytes", size - 1);
		return -1;
	}
	buffer[length] = '\0';
	return (ssize_t) length;
}

DIR *
volume_open_entries(int dirfd, const char *path)
{
	int own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = own < 0 ? NULL : fdopendir(own);

	if (directory == NULL)
	{
		volume_fail_errno(path, "could not read directory");
		if (own >= 0)
			close(own);
	}
	return directory;
}

const char *
volume_next_entry(DIR *directory, const char *path)
{
	struct dirent *entry;

	do
	{
		errno = 0;
		entry = readdir(directory);
	} while (entry != NULL &&
			 (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	if (entry == NULL && errno != 0)
		volume_fail_errno(path, "could not read directory");
	return entry != NULL ? entry->d_name : NULL;
}

int
volume_lock_file(int fd, const char *name)
{
	int locked = file_lock(fd);

	if (locked < 0)
		volume_fail_errno(name, "could not lock file");
	return locked;
}

bool
volume_sync_above(int rootfd)
{
	int images = safe_open_beneath(rootfd, "images", O_RDONLY | O_DIRECTORY, 0);
	bool done;

	if (images < 0)
		return volume_fail_errno("images", "could not open directory");
	done = volume_sync_directory(images, "images") && volume_sync_directory(rootfd, "images");
	close(images);
	return done;
}

void
volume_image_name(char name[VOLUME_NAME_SIZE], const char *image, const char *suffix)
{
	snprintf(name, VOLUME_NAME_SIZE, "%s%s", image, suffix);
}
