/*
 * volume_removal.c
 *		Volumes of a file domain: remove, which takes away what a job has written and nothing else.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/fileio.h"
#include "copy/base/safeopen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The open file fd (or none, < 0) is the one that has this name. */
static bool
names_open_file(int dirfd, int fd, const char *name)
{
	struct stat open_status;
	struct stat named_status;

	return fd >= 0 && fstat(fd, &open_status) == 0 &&
		   fstatat(dirfd, name, &named_status, AT_SYMLINK_NOFOLLOW) == 0 &&
		   volume_is_same_file(&open_status, &named_status);
}

/* Takes the emptied directory away; a foreign file that comes meanwhile keeps it. */
static bool
remove_directory(int rootfd, const char *disk, bool *removed)
{
	bool done = true;
	int images = safe_open_beneath(rootfd, "images", O_RDONLY | O_DIRECTORY, 0);

	if (images < 0)
		return volume_fail_errno("images", "could not open directory");
	*removed = unlinkat(images, disk, AT_REMOVEDIR) == 0;
	if (!*removed && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
		done = volume_fail_errno(disk, "could not remove image directory");
	else if (*removed)
		done = volume_sync_directory(images, "images");
	close(images);
	return done;
}

/*
 * Whether the volume of that name is somebody else's: create has refused it, or it came afterwards.
 * An image file is the job's if it is .part under its second name or the job's metadata says that it
 * was committed, or, in .meta.new, that it was about to be; metadata are the job's if
 * they name the job's disk, or if a crash has left nothing of them.  False after volume_fail().
 */
static bool
find_foreign(int dirfd, const VolumeOptions *options, int part, bool *foreign)
{
	char name[VOLUME_NAME_SIZE];
	char text[VOLUME_META_LIMIT + 2];
	VolumeMeta meta;
	struct stat status;
	ssize_t length;
	bool ours;
	int has_final = volume_stat_name(dirfd, options->image, &status);
	int committing = volume_meta_is_committing(dirfd, options);

	volume_image_name(name, options->image, ".meta");
	length = volume_read_file(dirfd, name, text, sizeof(text));
	if (has_final < 0 || committing < 0 || length == -1)
		return false;
	ours = length >= 0 && volume_meta_parse(text, (size_t) length, &meta) &&
		   volume_meta_is_of_disk(&meta, options->disk);
	*foreign = length >= 0 && !ours && !memory_is_zero(text, (size_t) length);
	if (has_final == 1 && !names_open_file(dirfd, part, options->image))
		*foreign = !ours || !(volume_meta_is_legal(&meta) || (part < 0 && committing == 1));
	return true;
}

/* Removes the files that the job has written, and adds their names to the open array of the answer. */
static bool
remove_files(int dirfd, const VolumeOptions *options, bool foreign, struct json *answer)
{
	char name[VOLUME_NAME_SIZE];

	for (size_t i = 0; i < VOLUME_SUFFIX_COUNT; i++)
	{
		if (foreign &&
			strncmp(volume_suffixes[i], COPIER_SUFFIX_PART, strlen(COPIER_SUFFIX_PART)) != 0)
			continue;
		volume_image_name(name, options->image, volume_suffixes[i]);
		if (unlinkat(dirfd, name, 0) == 0)
			json_string(answer, NULL, name);
		else if (errno != ENOENT)
			return volume_fail_errno(name, "could not remove file");
	}
	return volume_remove_unnamed(dirfd, options->image, answer) &&
		   (foreign || volume_remove_unlinked(dirfd, answer));
}

static void
close_locked(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -2;
}

bool
volume_remove(const VolumeOptions *options, struct json *answer)
{
	char name[VOLUME_NAME_SIZE];
	bool missing;
	bool empty;
	bool foreign;
	bool removed = false;
	bool done = false;
	int dirfd = -1;
	int record = -2;
	int part = -2;
	int final = -2;
	int rootfd = volume_open_root(options->root);

	if (rootfd < 0)
		return false;
	dirfd = volume_open_image_directory(rootfd, options->disk, &missing);
	if (dirfd < 0)
	{
		if (missing)
		{
			json_open(answer, "removed", '[');
			json_close(answer, ']');
			json_open(answer, "left", '[');
			json_close(answer, ']');
			json_bool(answer, "directory_removed", false);
			done = true;
		}
		goto end;
	}
	/* a copier that writes or is about to, or a program that runs from the image, keeps its files */
	volume_image_name(name, options->image, COPIER_SUFFIX_PART COPIER_SUFFIX_RECORD);
	record = volume_lock_for_removal(dirfd, name);
	volume_image_name(name, options->image, COPIER_SUFFIX_PART);
	part = record == -1 ? -1 : volume_lock_for_removal(dirfd, name);
	if (part == -1 || !find_foreign(dirfd, options, part, &foreign))
		goto end;
	/* a commit cut off after its link: both names are one file, which is locked already */
	if (!foreign && !names_open_file(dirfd, part, options->image))
		final = volume_lock_for_removal(dirfd, options->image);
	if (final == -1)
		goto end;
	/* on NFS what is open when its name goes stays in the directory, after a crash of this machine for ever */
	close_locked(&record);
	close_locked(&part);
	close_locked(&final);
	json_open(answer, "removed", '[');
	if ((!foreign && options->name != NULL && !volume_name_remove(dirfd, options, answer)) ||
		!remove_files(dirfd, options, foreign, answer))
		goto end;
	json_close(answer, ']');
	if (!volume_sync_directory(dirfd, options->disk) || !volume_tell_left(dirfd, answer, &empty))
		goto end;
	if (empty && !remove_directory(rootfd, options->disk, &removed))
		goto end;
	json_bool(answer, "directory_removed", removed);
	done = true;
end:
	close_locked(&record);
	close_locked(&part);
	close_locked(&final);
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}
