/*
 * volume_directory.c
 *		What lies in the directory of a disk image: taking files away under their lock, naming the rest.
 */
#include "copy/volume/volume_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LEFT_NAMES_LIMIT 32 /* names of foreign files that remove reports */
#define NONCE_DIGITS     16
#define UNLINKED_TICK_MS 100
#define UNLINKED_TICKS   20

int
volume_lock_for_removal(int dirfd, const char *name)
{
	int locked;
	int fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
	{
		if (errno == ENOENT)
			return -2;
		volume_fail_errno(name, "could not open file");
		return -1;
	}
	locked = volume_lock_file(fd, name);
	if (locked == 0)
		volume_fail(COPIER_BUSY, EAGAIN, name,
					"Stop the process that uses the file, then try again.",
					"another process holds the file locked");
	if (locked != 1)
	{
		close(fd);
		return -1;
	}
	return fd;
}

/* "IMAGE.part.NONCE.new": a copier makes its output under that name (resume.h). */
static bool
is_unnamed_output(const char *name, const char *image)
{
	static const char suffix[] = COPIER_SUFFIX_PART ".";
	size_t length = strlen(image);
	const char *nonce;

	if (strncmp(name, image, length) != 0 || strncmp(name + length, suffix, strlen(suffix)) != 0)
		return false;
	nonce = name + length + strlen(suffix);
	return strspn(nonce, "0123456789abcdef") == NONCE_DIGITS &&
		   strcmp(nonce + NONCE_DIGITS, ".new") == 0;
}

/* Removes a name and adds it to the open array of the answer, if there is one.  False after volume_fail(). */
static bool
remove_name(int dirfd, const char *name, struct json *answer)
{
	if (unlinkat(dirfd, name, 0) == 0)
	{
		if (answer != NULL)
			json_string(answer, NULL, name);
		return true;
	}
	return errno == ENOENT || volume_fail_errno(name, "could not remove file");
}

bool
volume_remove_unnamed(int dirfd, const char *image, struct json *answer)
{
	DIR *directory = volume_open_entries(dirfd, NULL);
	const char *name;

	if (directory == NULL)
		return false;
	while (!report_is_set() && (name = volume_next_entry(directory, NULL)) != NULL)
	{
		int fd;

		if (!is_unnamed_output(name, image))
			continue;
		fd = volume_lock_for_removal(dirfd, name);
		if (fd < 0)
			continue;
		close(fd);
		(void) remove_name(dirfd, name, answer);
	}
	closedir(directory);
	return !report_is_set();
}

static bool
is_unlinked_open(const char *name)
{
	return strncmp(name, ".nfs", 4) == 0;
}

/* 1 = there is a name that an NFS client gives to an open file which was unlinked, 0 = none, -1 after volume_fail(). */
static int
has_unlinked_open(int dirfd)
{
	DIR *directory = volume_open_entries(dirfd, NULL);
	const char *name;
	int found = 0;

	if (directory == NULL)
		return -1;
	while (found == 0 && (name = volume_next_entry(directory, NULL)) != NULL)
		found = is_unlinked_open(name);
	closedir(directory);
	return report_is_set() ? -1 : found;
}

bool
volume_remove_names_of(int dirfd, const struct stat *status, struct json *answer)
{
	const char *name;
	struct stat named;
	DIR *directory;

	/* one name: no other one needs to be looked for */
	if (status->st_nlink < 2)
		return true;
	directory = volume_open_entries(dirfd, NULL);
	if (directory == NULL)
		return false;
	while (!report_is_set() && (name = volume_next_entry(directory, NULL)) != NULL)
		if (is_unlinked_open(name) && fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
			volume_is_same_file(&named, status))
			(void) remove_name(dirfd, name, answer);
	closedir(directory);
	return !report_is_set();
}

bool
volume_remove_unlinked(int dirfd, struct json *answer)
{
	const struct timespec tick = {.tv_nsec = UNLINKED_TICK_MS * 1000000L};
	int found = has_unlinked_open(dirfd);
	const char *name;
	DIR *directory;

	for (int i = 0; found == 1 && i < UNLINKED_TICKS; i++)
	{
		(void) nanosleep(&tick, NULL);
		found = has_unlinked_open(dirfd);
	}
	if (found != 1)
		return found == 0;
	directory = volume_open_entries(dirfd, NULL);
	if (directory == NULL)
		return false;
	while (!report_is_set() && (name = volume_next_entry(directory, NULL)) != NULL)
	{
		int fd = is_unlinked_open(name) ? volume_lock_for_removal(dirfd, name) : -2;

		if (fd < 0)
			continue;
		close(fd);
		(void) remove_name(dirfd, name, answer);
	}
	closedir(directory);
	return !report_is_set();
}

bool
volume_tell_left(int dirfd, struct json *answer, bool *empty)
{
	DIR *directory = volume_open_entries(dirfd, NULL);
	const char *name;
	size_t count = 0;

	if (directory == NULL)
		return false;
	json_open(answer, "left", '[');
	while ((name = volume_next_entry(directory, NULL)) != NULL)
	{
		if (count++ < LEFT_NAMES_LIMIT)
			json_string(answer, NULL, name);
	}
	json_close(answer, ']');
	*empty = count == 0;
	closedir(directory);
	return !report_is_set();
}
