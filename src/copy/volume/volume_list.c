/*
 * volume_list.c
 *		What lies below images/ of a storage domain: one line for each file, for whoever compares it with rows.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/safeopen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Listing
{
	struct json line;
	uint64_t directories;
	uint64_t files;
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

static bool
tell_file(Listing *listing, int dirfd, const char *disk, const char *name)
{
	struct stat status;
	size_t length = strlen(name);

	if (fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT || volume_fail_errno(name, "could not read file attributes");
	json_open(&listing->line, NULL, '{');
	json_string(&listing->line, "disk", disk);
	json_string(&listing->line, "file", name);
	json_integer(&listing->line, "inode", status.st_ino & INT64_MAX);
	volume_tell_size(&status, &listing->line);
	json_integer(&listing->line, "links", status.st_nlink);
	if (length > 5 && strcmp(name + length - 5, ".meta") == 0 && S_ISREG(status.st_mode))
		tell_meta(listing, dirfd, name);
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
	json_free(&listing.line);
	close(rootfd);
	return !report_is_set();
}
