/*
 * volume_name.c
 *		Volumes of a directory domain: their names in the folder that its users see.
 *
 * The domain itself is a folder of ours in the users' one.  There a volume is made as in any file domain; when commit has
 * made it whole, its image moves to its name in the folder above.  What is kept beside its metadata says which file
 * that is: by its inode, since anybody may take the name or the file away there.  Only that file is ever removed.
 */
#include "copy/volume/volume_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_LIMIT (COPIER_MAX_NAME + 64) /* bytes of what is kept of a name */

int
volume_open_folder(const VolumeOptions *options)
{
	char *path = strdup(options->root);
	char *slash = path != NULL ? strrchr(path, '/') : NULL;
	int fd = -1;

	if (path == NULL)
		volume_fail_errno(NULL, "could not allocate memory");
	else if (slash == NULL || slash == path || strcmp(slash + 1, COPIER_OWN_FOLDER) != 0)
		volume_fail(COPIER_USAGE, 0, options->root, NULL,
					"domain was not attached with --directory");
	else
	{
		*slash = '\0';
		fd = volume_open_root(path);
	}
	free(path);
	return fd;
}

static void
record_text(const VolumeOptions *options, const struct stat *status, char text[RECORD_LIMIT])
{
	snprintf(text, RECORD_LIMIT, "NAME=%s\nINODE=%" PRIu64 "\nEOF\n", options->name,
			 (uint64_t) status->st_ino);
}

bool
volume_name_read(int dirfd, const char *record, char given[COPIER_MAX_NAME + 1], uint64_t *inode)
{
	char text[RECORD_LIMIT];
	ssize_t length = volume_read_file(dirfd, record, text, sizeof(text));
	char *line = length > 0 ? strchr(text, '\n') : NULL;
	char *end;

	if (line == NULL || strncmp(text, "NAME=", 5) != 0 || strncmp(line, "\nINODE=", 7) != 0 ||
		line - text - 5 > COPIER_MAX_NAME || strspn(line + 7, "0123456789") == 0)
		return false;
	*line = '\0';
	strcpy(given, text + 5);
	errno = 0;
	*inode = strtoull(line + 7, &end, 10);
	return errno == 0 && strcmp(end, "\nEOF\n") == 0;
}

/* As volume_name_find(), in the opened folder. */
static int
find_in_folder(int folder, int dirfd, const VolumeOptions *options, struct stat *status)
{
	char name[VOLUME_NAME_SIZE];
	char text[RECORD_LIMIT];
	char expected[RECORD_LIMIT];
	struct stat named;
	ssize_t length;
	int found;

	volume_image_name(name, options->image, VOLUME_SUFFIX_NAME);
	length = volume_read_file(dirfd, name, text, sizeof(text));
	if (length == -2)
		return 0;
	if (length < 0)
		return -1;
	found = volume_stat_name(folder, options->name, &named);
	if (found != 1)
		return found;
	record_text(options, &named, expected);
	if (!S_ISREG(named.st_mode) || strcmp(text, expected) != 0)
		return 0;
	*status = named;
	return 1;
}

int
volume_name_find(int dirfd, const VolumeOptions *options, struct stat *status)
{
	int folder = volume_open_folder(options);
	int found = folder < 0 ? -1 : find_in_folder(folder, dirfd, options, status);

	if (folder >= 0)
		close(folder);
	return found;
}

static bool
refuse_taken(const VolumeOptions *options)
{
	return volume_fail(COPIER_EXISTS, EEXIST, options->name,
					   "Give the file another name, or remove it; then try again.",
					   "a file of that name is there already");
}

bool
volume_name_check_free(const VolumeOptions *options)
{
	struct stat status;
	int folder = volume_open_folder(options);
	int found = folder < 0 ? -1 : volume_stat_name(folder, options->name, &status);

	if (folder >= 0)
		close(folder);
	return found == 0 || (found == 1 && refuse_taken(options));
}

/* Moves the image, replacing nothing. */
static bool
move_image(int dirfd, int folder, const VolumeOptions *options)
{
	struct stat status;
	int found;

	if (renameat2(dirfd, options->image, folder, options->name, RENAME_NOREPLACE) == 0)
		return true;
	if (errno == EEXIST)
		return refuse_taken(options);
	if (errno != EINVAL && errno != ENOSYS)
		return volume_fail_errno(options->name, "could not rename image file");
	/* NFS can't; see rename_in_directory() */
	found = volume_stat_name(folder, options->name, &status);
	if (found != 0)
		return found == 1 && refuse_taken(options);
	return renameat(dirfd, options->image, folder, options->name) == 0 ||
		   volume_fail_errno(options->name, "could not rename image file");
}

/* First what is kept of the name, then the name: what a crash leaves is one or both. */
static bool
give_in_folder(int folder, int dirfd, const VolumeOptions *options)
{
	char name[VOLUME_NAME_SIZE];
	char text[RECORD_LIMIT];
	struct stat status;
	int found = volume_stat_name(dirfd, options->image, &status);

	if (found < 0)
		return false;
	if (found == 0)
	{
		found = find_in_folder(folder, dirfd, options, &status);
		return found == 1 ||
			   (found == 0 &&
				volume_fail(COPIER_NOT_FOUND, ENOENT, options->name,
							"The image file was removed by someone else.", "image file is gone"));
	}
	volume_image_name(name, options->image, VOLUME_SUFFIX_NAME);
	record_text(options, &status, text);
	return volume_write_new(dirfd, name, 0644, text, strlen(text), true) &&
		   volume_rename_new(dirfd, name, true) && move_image(dirfd, folder, options) &&
		   volume_sync_directory(folder, NULL) && volume_sync_directory(dirfd, options->disk);
}

bool
volume_name_give(int dirfd, const VolumeOptions *options)
{
	int folder = volume_open_folder(options);
	bool done = folder >= 0 && give_in_folder(folder, dirfd, options);

	if (folder >= 0)
		close(folder);
	return done;
}

static bool
remove_in_folder(int folder, int dirfd, const VolumeOptions *options, struct json *answer)
{
	struct stat status;
	int found = find_in_folder(folder, dirfd, options, &status);
	int locked;

	if (found != 1)
		return found == 0;
	locked = volume_lock_for_removal(folder, options->name);
	if (locked == -1)
		return false;
	if (locked >= 0)
		close(locked);
	if (unlinkat(folder, options->name, 0) == 0)
		json_string(answer, NULL, options->name);
	else if (errno != ENOENT)
		return volume_fail_errno(options->name, "could not remove file");
	return volume_sync_directory(folder, NULL);
}

bool
volume_name_remove(int dirfd, const VolumeOptions *options, struct json *answer)
{
	int folder = volume_open_folder(options);
	bool done = folder >= 0 && remove_in_folder(folder, dirfd, options, answer);

	if (folder >= 0)
		close(folder);
	return done;
}
