/*
 * volume_image.c
 *		Volumes of a file domain: create, commit, remove, stat.
 *
 * A volume comes to life in an order that a crash may cut anywhere: directory, .lease, .meta saying
 * ILLEGAL; the copier writes <image>.part; commit links it to <image>, then one rename of .meta says
 * LEGAL and GEN=1, then .part goes.  So LEGAL always means complete and synced (docs/design/storage.md).
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/safeopen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Every suffix that a job writes beside <image>, in the order in which remove takes them away: what
 * shows whose a file is goes after that file.
 */
static const char *const job_suffixes[] = {COPIER_SUFFIX_PART COPIER_SUFFIX_RECORD,
										   COPIER_SUFFIX_PART COPIER_SUFFIX_RECORD ".new",
										   "",
										   COPIER_SUFFIX_PART,
										   ".lease",
										   ".meta.new",
										   ".meta"};
#define JOB_SUFFIX_COUNT (sizeof(job_suffixes) / sizeof(job_suffixes[0]))

static void
image_name(char name[VOLUME_NAME_SIZE], const char *image, const char *suffix)
{
	snprintf(name, VOLUME_NAME_SIZE, "%s%s", image, suffix);
}

/* 1 = there, 0 = not there, -1 after volume_fail(). */
static int
stat_name(int dirfd, const char *name, struct stat *status)
{
	if (fstatat(dirfd, name, status, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	volume_fail_errno(name, "could not read file attributes");
	return -1;
}

static int
make_image_directory(int rootfd, const char *disk)
{
	int images = volume_make_directory(rootfd, "images");
	int dirfd = images < 0 ? -1 : volume_make_directory(images, disk);

	if (images >= 0)
		close(images);
	return dirfd;
}

/* Everything but time, legality and generation is the same: it is our own earlier call. */
static bool
same_volume(const VolumeMeta *existing, const VolumeMeta *wanted)
{
	if (existing->count != wanted->count)
		return false;
	for (int i = 0; i < wanted->count; i++)
	{
		const char *key = wanted->keys[i];
		const char *value = volume_meta_value(existing, key);

		if (value == NULL)
			return false;
		if (strcmp(key, "CTIME") == 0 || strcmp(key, "LEGALITY") == 0 || strcmp(key, "GEN") == 0)
			continue;
		if (strcmp(value, wanted->values[i]) != 0)
			return false;
	}
	return true;
}

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool
is_legal(const VolumeMeta *meta)
{
	const char *legality = volume_meta_value(meta, "LEGALITY");

	return legality != NULL && strcmp(legality, "LEGAL") == 0;
}

/* The job is over for this file: .part and its resume file go. */
static bool
remove_part(int dirfd, const char *image)
{
	static const char *const suffixes[] = {COPIER_SUFFIX_PART COPIER_SUFFIX_RECORD,
										   COPIER_SUFFIX_PART COPIER_SUFFIX_RECORD ".new",
										   COPIER_SUFFIX_PART};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
	{
		char name[VOLUME_NAME_SIZE];

		image_name(name, image, suffixes[i]);
		if (unlinkat(dirfd, name, 0) != 0 && errno != ENOENT)
			return volume_fail_errno(name, "could not remove file");
	}
	return volume_sync_directory(dirfd, image);
}

/* What lies at a volume's place before create has done anything. */
struct found_volume
{
	VolumeMeta meta;
	struct stat final_status;
	struct stat part_status;
	bool has_meta;
	bool has_final;
	bool has_part;
};

static bool
find_volume(int dirfd, const char *image, const char *part, struct found_volume *found)
{
	int meta = volume_meta_read(dirfd, image, &found->meta);
	int final = stat_name(dirfd, image, &found->final_status);
	int unfinished = stat_name(dirfd, part, &found->part_status);

	found->has_meta = meta == 1;
	found->has_final = final == 1;
	found->has_part = unfinished == 1;
	return meta >= 0 && final >= 0 && unfinished >= 0;
}

/* .part under its second name: commit was cut off after its link. */
static bool
is_linked(const struct found_volume *found)
{
	return found->has_part && is_same_file(&found->final_status, &found->part_status);
}

/*
 * Whether everything found is of an earlier call of this job, which may have been cut off anywhere.  Metadata
 * tell: they come before any file that a copy writes, name disk, format and size, and are never those of
 * another volume.  A file under the final name is ours only if they say that it is complete, or if it is
 * still .part as well; anything else was made by VDSM or another job, and create takes nothing over.
 */
static bool
is_own_volume(const struct found_volume *found, const VolumeMeta *wanted, const char *image,
			  const char *meta_name)
{
	static const char other_image[] = "Another job or VDSM made this volume; use another image id.";
	bool is_complete = found->has_meta && is_legal(&found->meta);

	if (found->has_meta && !same_volume(&found->meta, wanted))
		return volume_fail(COPIER_EXISTS, 0, meta_name, other_image,
						   "volume metadata is there already and differs");
	if (found->has_final && !is_complete && !(found->has_meta && is_linked(found)))
		return volume_fail(COPIER_EXISTS, EEXIST, image, other_image,
						   "image file is there already");
	if (!found->has_final && is_complete)
		return volume_fail(
			COPIER_EXISTS, 0, meta_name, "The image file was removed by someone else.",
			"volume metadata says that the volume is complete, but it has no image file");
	return true;
}

/*
 * Makes the parts of a volume in the order in which they protect each other: lease, then metadata that say
 * ILLEGAL, then the directory is synced.  So no crash leaves a copy's file without metadata that say whose
 * it is and that it isn't complete.
 */
static bool
make_parts(int rootfd, int dirfd, const VolumeOptions *options, const struct found_volume *found,
		   const char *meta_name, const char *text)
{
	bool is_complete = found->has_final && is_legal(&found->meta);

	/* whoever uses a complete volume may hold its lease */
	if (!is_complete && !volume_lease_make(rootfd, dirfd, options))
		return false;
	if (!found->has_meta && !volume_write_file(dirfd, meta_name, 0644, text, strlen(text)))
		return false;
	return volume_sync_directory(dirfd, options->disk);
}

/*
 * Creating is the one step that is repeated after every crash, of the copier, the worker or the machine, as a
 * worker that starts again knows nothing but the ids.  So it first finds out what is there, refuses what is
 * not its own, makes what is missing, and answers how far the volume has come: "committed" spares the copy.
 * A commit that was cut off before its last step is ended here, since nobody will call it again.
 */
bool
volume_create(const VolumeOptions *options, struct json *answer)
{
	char text[VOLUME_META_LIMIT + 1];
	char part[VOLUME_NAME_SIZE];
	char meta_name[VOLUME_NAME_SIZE];
	VolumeMeta wanted;
	struct found_volume found;
	bool committed = false;
	bool done = false;
	int dirfd;
	int rootfd;

	if (!volume_meta_format(options, text))
		return false;
	if (!volume_meta_parse(text, strlen(text), &wanted))
		return volume_fail(COPIER_USAGE, 0, NULL, NULL, "description must be one line of text");
	rootfd = volume_open_root(options->root);
	if (rootfd < 0)
		return false;
	image_name(part, options->image, COPIER_SUFFIX_PART);
	image_name(meta_name, options->image, ".meta");
	dirfd = make_image_directory(rootfd, options->disk);
	if (dirfd >= 0 && find_volume(dirfd, options->image, part, &found) &&
		is_own_volume(&found, &wanted, options->image, meta_name) &&
		make_parts(rootfd, dirfd, options, &found, meta_name, text))
	{
		committed = found.has_final && is_legal(&found.meta);
		done = !committed || (found.has_part && !is_linked(&found)) ||
			   remove_part(dirfd, options->image);
	}
	if (done)
	{
		*options->committed = committed;
		json_bool(answer, "existing", found.has_meta);
		json_bool(answer, "committed", committed);
		json_string(answer, "part", part);
	}
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}

static void
tell_file_size(const struct stat *status, struct json *answer)
{
	json_integer(answer, "size", (uint64_t) status->st_size);
	json_integer(answer, "allocated", (uint64_t) status->st_blocks * 512);
}

/*
 * Links the locked, synced .part to the final name and returns the final file's attributes.  A
 * repeat after a crash finds the link made already: the same inode under both names.
 */
static bool
link_part(int dirfd, int fd, const char *part, const VolumeOptions *options, struct stat *status)
{
	struct stat locked;
	struct stat named;

	if (fstat(fd, &locked) != 0 || fstatat(dirfd, part, &named, AT_SYMLINK_NOFOLLOW) != 0)
		return volume_fail_errno(part, "could not read file attributes");
	if (!S_ISREG(locked.st_mode) || !is_same_file(&locked, &named))
		return volume_fail(COPIER_BUSY, 0, part, NULL, "file was replaced while it was opened");
	if (options->has_size && (uint64_t) locked.st_size != options->size)
		return volume_fail(COPIER_REFUSED, 0, part, "Run the copy again.",
						   "file is %" PRIu64 " bytes long, not %" PRIu64,
						   (uint64_t) locked.st_size, options->size);
	if (fchmod(fd, options->mode) != 0)
		return volume_fail_errno(part, "could not set file mode");
	if (!volume_sync(fd, part))
		return false;
	if (linkat(dirfd, part, dirfd, options->image, 0) != 0 && errno != EEXIST)
		return volume_fail_errno(options->image, "could not link image file");
	if (fstatat(dirfd, options->image, status, AT_SYMLINK_NOFOLLOW) != 0)
		return volume_fail_errno(options->image, "could not read file attributes");
	if (!is_same_file(status, &locked))
		return volume_fail(COPIER_EXISTS, EEXIST, options->image,
						   "Another job or VDSM made this volume; use another image id.",
						   "image file is there already");
	return volume_sync_directory(dirfd, options->disk);
}

/* Reads the volume's metadata, which must be of this disk. */
static bool
read_own_meta(int dirfd, const VolumeOptions *options, VolumeMeta *meta)
{
	int found = volume_meta_read(dirfd, options->image, meta);
	const char *owner;

	if (found < 0)
		return false;
	if (found == 0)
		return volume_fail(COPIER_NOT_FOUND, ENOENT, options->image, "Create the volume first.",
						   "volume has no metadata");
	owner = volume_meta_value(meta, "IMAGE");
	if (owner == NULL || strcmp(owner, options->disk) != 0 ||
		volume_meta_value(meta, "GEN") == NULL || volume_meta_value(meta, "LEGALITY") == NULL)
		return volume_fail(COPIER_REFUSED, 0, options->image, NULL,
						   "volume metadata is not that of a volume of disk \"%s\"", options->disk);
	return true;
}

/* There is no .part: an earlier commit must have come this far. */
static bool
check_committed(int dirfd, const VolumeOptions *options, const VolumeMeta *meta, const char *part,
				struct stat *status)
{
	int found = stat_name(dirfd, options->image, status);

	if (found < 0)
		return false;
	if (found == 0)
		return volume_fail(COPIER_NOT_FOUND, ENOENT, part, "Run the copy first.",
						   "there is no copy to commit");
	/* .part is removed after the metadata was written, so ILLEGAL here means someone else's file */
	if (!is_legal(meta))
		return volume_fail(COPIER_EXISTS, EEXIST, options->image,
						   "Another job or VDSM made this volume; use another image id.",
						   "image file is there, but the volume was never committed");
	if (options->has_size && (uint64_t) status->st_size != options->size)
		return volume_fail(COPIER_REFUSED, 0, options->image, NULL,
						   "file is %" PRIu64 " bytes long, not %" PRIu64,
						   (uint64_t) status->st_size, options->size);
	return true;
}

bool
volume_commit(const VolumeOptions *options, struct json *answer)
{
	char part[VOLUME_NAME_SIZE];
	VolumeMeta meta;
	struct stat status;
	int rootfd;
	int locked;
	int dirfd = -1;
	int fd = -1;
	bool existing = false;
	bool done = false;

	rootfd = volume_open_root(options->root);
	if (rootfd < 0)
		return false;
	dirfd = volume_open_image_directory(rootfd, options->disk, NULL);
	if (dirfd < 0 || !read_own_meta(dirfd, options, &meta))
		goto end;
	image_name(part, options->image, COPIER_SUFFIX_PART);
	fd = openat(dirfd, part, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno != ENOENT)
	{
		volume_fail_errno(part, "could not open file");
		goto end;
	}
	if (fd >= 0)
	{
		locked = volume_lock_file(fd, part);
		if (locked == 0)
			volume_fail(COPIER_BUSY, EAGAIN, part, "Wait until the copier has ended.",
						"another process holds the file locked");
		if (locked != 1 || !link_part(dirfd, fd, part, options, &status))
			goto end;
	}
	else
	{
		if (!check_committed(dirfd, options, &meta, part, &status))
			goto end;
		existing = true;
	}
	if (!is_legal(&meta) && !volume_meta_rewrite(dirfd, options->image, &meta, "LEGAL", "1"))
		goto end;
	if (!remove_part(dirfd, options->image))
		goto end;
	json_bool(answer, "existing", existing);
	tell_file_size(&status, answer);
	done = true;
end:
	if (fd >= 0)
		close(fd);
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}

/* The open file fd (or none, < 0) is the one that has this name. */
static bool
names_open_file(int dirfd, int fd, const char *name)
{
	struct stat open_status;
	struct stat named_status;

	return fd >= 0 && fstat(fd, &open_status) == 0 &&
		   fstatat(dirfd, name, &named_status, AT_SYMLINK_NOFOLLOW) == 0 &&
		   is_same_file(&open_status, &named_status);
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
 * was committed; metadata are the job's if they name the job's disk.  False after volume_fail().
 */
static bool
find_foreign(int dirfd, const VolumeOptions *options, int part, bool *foreign)
{
	char name[VOLUME_NAME_SIZE];
	char text[VOLUME_META_LIMIT + 2];
	VolumeMeta meta;
	const char *disk;
	struct stat status;
	ssize_t length;
	bool ours;
	int has_final = stat_name(dirfd, options->image, &status);

	image_name(name, options->image, ".meta");
	length = volume_read_file(dirfd, name, text, sizeof(text));
	if (has_final < 0 || length == -1)
		return false;
	ours = length >= 0 && volume_meta_parse(text, (size_t) length, &meta) &&
		   (disk = volume_meta_value(&meta, "IMAGE")) != NULL && strcmp(disk, options->disk) == 0;
	*foreign = length >= 0 && !ours;
	if (has_final == 1 && !names_open_file(dirfd, part, options->image))
		*foreign = !ours || !is_legal(&meta);
	return true;
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
	/* a copier that writes, or a program that runs from the image, keeps its files */
	image_name(name, options->image, COPIER_SUFFIX_PART);
	part = volume_lock_for_removal(dirfd, name);
	if (part == -1 || !find_foreign(dirfd, options, part, &foreign))
		goto end;
	/* a commit cut off after its link: both names are one file, which is locked already */
	if (!foreign && !names_open_file(dirfd, part, options->image))
		final = volume_lock_for_removal(dirfd, options->image);
	if (final == -1)
		goto end;
	json_open(answer, "removed", '[');
	for (size_t i = 0; i < JOB_SUFFIX_COUNT; i++)
	{
		if (foreign &&
			strncmp(job_suffixes[i], COPIER_SUFFIX_PART, strlen(COPIER_SUFFIX_PART)) != 0)
			continue;
		image_name(name, options->image, job_suffixes[i]);
		if (unlinkat(dirfd, name, 0) == 0)
			json_string(answer, NULL, name);
		else if (errno != ENOENT)
		{
			volume_fail_errno(name, "could not remove file");
			goto end;
		}
	}
	if (!volume_remove_unnamed(dirfd, options->image, answer))
		goto end;
	json_close(answer, ']');
	/* on NFS what is open stays in the directory */
	close_locked(&part);
	close_locked(&final);
	if (!volume_await_unlinked(dirfd) || !volume_sync_directory(dirfd, options->disk) ||
		!volume_tell_left(dirfd, answer, &empty))
		goto end;
	if (empty && !remove_directory(rootfd, options->disk, &removed))
		goto end;
	json_bool(answer, "directory_removed", removed);
	done = true;
end:
	close_locked(&part);
	close_locked(&final);
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}

bool
volume_stat(const VolumeOptions *options, struct json *answer)
{
	VolumeMeta meta;
	int has_meta;
	int dirfd;
	bool done = false;
	int rootfd = volume_open_root(options->root);

	if (rootfd < 0)
		return false;
	dirfd = volume_open_image_directory(rootfd, options->disk, NULL);
	if (dirfd < 0)
		goto end;
	json_open(answer, "files", '{');
	for (size_t i = 0; i < JOB_SUFFIX_COUNT; i++)
	{
		char name[VOLUME_NAME_SIZE];
		struct stat status;
		int found;

		image_name(name, options->image, job_suffixes[i]);
		found = stat_name(dirfd, name, &status);
		if (found < 0)
			goto end;
		if (found == 0)
			continue;
		json_open(answer, name, '{');
		tell_file_size(&status, answer);
		json_integer(answer, "mtime", (uint64_t) status.st_mtim.tv_sec);
		json_integer(answer, "links", status.st_nlink);
		json_bool(answer, "regular", S_ISREG(status.st_mode));
		json_close(answer, '}');
	}
	json_close(answer, '}');
	has_meta = volume_meta_read(dirfd, options->image, &meta);
	if (has_meta < 0)
		goto end;
	if (has_meta == 0)
		json_null(answer, "meta");
	else
	{
		json_open(answer, "meta", '{');
		for (int i = 0; i < meta.count; i++)
			json_string(answer, meta.keys[i], meta.values[i]);
		json_close(answer, '}');
	}
	done = true;
end:
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}
