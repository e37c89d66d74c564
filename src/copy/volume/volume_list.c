/*
 * volume_list.c
 *		What lies below images/ of a storage domain, and in the folder of a directory domain: one line for each file, for whoever
 *		compares it with rows.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/safeopen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_DEPTH 8      /* folders below the users' one */
#define FOLDER_FILES 100000 /* files in them: more aren't compared */

typedef struct Listing
{
	struct json line;
	uint64_t directories;
	uint64_t files;
	uint64_t users_files;
} Listing;

/* What metadata say; a file that can't be read as such just says nothing. */
static void
tell_meta(Listing *listing, int dirfd, const char *name)
{
	char text[VOLUME_META_LIMIT + 2];
	VolumeMeta meta;
	const char *capacity;
	ssize_t length = 0;
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return;
	text[length] = '\0';
	if (!volume_meta_parse(text, (size_t) length, &meta))
		return;
	json_string(&listing->line, "legality", volume_meta_value(&meta, "LEGALITY"));
	capacity = volume_meta_value(&meta, "CAP");
	if (capacity != NULL && strspn(capacity, "0123456789") == strlen(capacity) &&
		strlen(capacity) < 19)
		json_integer(&listing->line, "capacity", strtoull(capacity, NULL, 10));
}

/* Which file of the users' folder the image has become. */
static void
tell_name(Listing *listing, int dirfd, const char *name)
{
	char given[COPIER_MAX_NAME + 1];
	uint64_t inode;

	if (!volume_name_read(dirfd, name, given, &inode))
		return;
	json_string(&listing->line, "name", given);
	json_integer(&listing->line, "name_inode", inode & INT64_MAX);
}

static bool
ends_in(const char *name, const char *suffix)
{
	size_t length = strlen(name);

	return length > strlen(suffix) && strcmp(name + length - strlen(suffix), suffix) == 0;
}

static bool
tell_file(Listing *listing, int dirfd, const char *disk, const char *name)
{
	struct stat status;

	if (fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT || volume_fail_errno(name, "could not read file attributes");
	json_open(&listing->line, NULL, '{');
	json_string(&listing->line, "disk", disk);
	json_string(&listing->line, "file", name);
	json_integer(&listing->line, "inode", status.st_ino & INT64_MAX);
	volume_tell_size(&status, &listing->line);
	json_integer(&listing->line, "links", status.st_nlink);
	if (ends_in(name, ".meta") && S_ISREG(status.st_mode))
		tell_meta(listing, dirfd, name);
	if (ends_in(name, VOLUME_SUFFIX_NAME) && S_ISREG(status.st_mode))
		tell_name(listing, dirfd, name);
	json_close(&listing->line, '}');
	listing->files++;
	return json_print(&listing->line, false) == 0 ||
		   volume_fail_errno(NULL, "could not print the answer");
}

static bool
list_disk(Listing *listing, int images, const char *disk)
{
	const char *name;
	DIR *directory;
	int dirfd = safe_open_beneath(images, disk, O_RDONLY | O_DIRECTORY, 0);

	if (dirfd < 0)
		return errno == ENOENT || errno == ENOTDIR ||
			   volume_fail_errno(disk, "could not open image directory");
	listing->directories++;
	directory = volume_open_entries(dirfd, disk);
	while (directory != NULL && !report_is_set() &&
		   (name = volume_next_entry(directory, disk)) != NULL)
		(void) tell_file(listing, dirfd, disk, name);
	if (directory != NULL)
		closedir(directory);
	close(dirfd);
	return !report_is_set();
}

/* ---------- the users' folder ---------- */

static bool
tell_users_file(Listing *listing, const char *path, const struct stat *status)
{
	if (listing->users_files++ == FOLDER_FILES)
		return volume_fail(COPIER_REFUSED, 0, NULL, NULL, "folder holds more than %d files",
						   FOLDER_FILES);
	json_open(&listing->line, NULL, '{');
	json_string(&listing->line, "file", path);
	json_integer(&listing->line, "inode", status->st_ino & INT64_MAX);
	volume_tell_size(status, &listing->line);
	json_close(&listing->line, '}');
	return json_print(&listing->line, false) == 0 ||
		   volume_fail_errno(NULL, "could not print the answer");
}

static bool list_folder(Listing *listing, int dirfd, const char *path, int depth);

/* A regular file, or a folder with what is in it; others, and what may not be entered, hold no images. */
static bool
list_entry(Listing *listing, int dirfd, const char *folder, const char *name, int depth)
{
	char path[PATH_MAX];
	struct stat status;
	bool done;
	int fd;

	if ((size_t) snprintf(path, sizeof(path), "%s%s%s", folder, folder[0] != '\0' ? "/" : "",
						  name) >= sizeof(path) ||
		strcmp(path, COPIER_OWN_FOLDER) == 0)
		return true;
	if (fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT || volume_fail_errno(path, "could not read file attributes");
	if (S_ISREG(status.st_mode))
		return tell_users_file(listing, path, &status);
	if (!S_ISDIR(status.st_mode) || depth == FOLDER_DEPTH)
		return true;
	fd = safe_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ||
			   volume_fail_errno(path, "could not open directory");
	done = list_folder(listing, fd, path, depth + 1);
	close(fd);
	return done;
}

static bool
list_folder(Listing *listing, int dirfd, const char *path, int depth)
{
	const char *name;
	DIR *directory = volume_open_entries(dirfd, path);

	while (directory != NULL && !report_is_set() &&
		   (name = volume_next_entry(directory, path)) != NULL)
		(void) list_entry(listing, dirfd, path, name, depth);
	if (directory != NULL)
		closedir(directory);
	return !report_is_set();
}

static void
list_users_folder(Listing *listing, const VolumeOptions *options)
{
	int folder = volume_open_folder(options);

	if (folder < 0)
		return;
	(void) list_folder(listing, folder, "", 0);
	close(folder);
}

bool
volume_list(const VolumeOptions *options, struct json *answer)
{
	Listing listing = {0};
	const char *name;
	DIR *directory = NULL;
	int images;
	int rootfd = volume_open_root(options->root);

	if (rootfd < 0)
		return false;
	if (!volume_require_identity(rootfd, options))
		goto end;
	if (options->directory)
		list_users_folder(&listing, options);
	images = safe_open_beneath(rootfd, "images", O_RDONLY | O_DIRECTORY, 0);
	if (images < 0 && errno != ENOENT)
		volume_fail_errno("images", "could not open directory");
	if (images < 0)
		goto end;
	directory = volume_open_entries(images, "images");
	while (directory != NULL && !report_is_set() &&
		   (name = volume_next_entry(directory, "images")) != NULL)
		(void) list_disk(&listing, images, name);
	if (directory != NULL)
		closedir(directory);
	close(images);
end:
	json_integer(answer, "directories", listing.directories);
	json_integer(answer, "files", listing.files);
	if (options->directory)
		json_integer(answer, "users_files", listing.users_files);
	json_free(&listing.line);
	close(rootfd);
	return !report_is_set();
}
