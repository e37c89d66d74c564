/*
 * volume_image.c
 *		Volumes of a file domain: create, commit, remove, stat.
 *
 * A volume comes to life in an order that a crash may cut anywhere: directory, .lease, .meta saying
 * ILLEGAL; the copier writes <image>.part; commit links it to <image>, then one rename of .meta says
 * LEGAL and GEN=1, then .part goes.  So LEGAL always means complete and synced (DESIGN §5).
 */
#include "volume_internal.h"

#include "safeopen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEASE_BYTES      (1024 * 1024) /* sanlock's space for one resource on 512-byte sectors */
#define LEFT_NAMES_LIMIT 32            /* names of foreign files that remove reports */

/* Every suffix that a job writes beside <image>, in the order in which remove takes them away. */
static const char *const job_suffixes[] = {".part.resume", ".part.resume.new", ".part", "",
										   ".lease",       ".meta.new",        ".meta"};
#define JOB_SUFFIX_COUNT (sizeof(job_suffixes) / sizeof(job_suffixes[0]))

static void
image_name(char name[VOLUME_NAME_SIZE], const char *image, const char *suffix)
{
	snprintf(name, VOLUME_NAME_SIZE, "%s%s", image, suffix);
}

/* 1 = there, 0 = not there, -1 after fail(). */
static int
stat_name(int dirfd, const char *name, struct stat *status, VolumeReport *report)
{
	if (fstatat(dirfd, name, status, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	fail_errno(report, name, "could not read file attributes");
	return -1;
}

/* mkdir that may find the directory there; the parent is synced either way, as a crash may have come between. */
static bool
make_directory(int dirfd, const char *name, mode_t mode, VolumeReport *report)
{
	if (mkdirat(dirfd, name, mode) != 0 && errno != EEXIST)
		return fail_errno(report, name, "could not create directory");
	return sync_descriptor(dirfd, name, report);
}

static int
make_image_directory(int rootfd, const char *disk, VolumeReport *report)
{
	int images;
	int dirfd = -1;

	if (!make_directory(rootfd, "images", 0755, report))
		return -1;
	images = safe_open_beneath(rootfd, "images", O_RDONLY | O_DIRECTORY, 0);
	if (images < 0)
	{
		fail_errno(report, "images", "could not open directory");
		return -1;
	}
	if (make_directory(images, disk, 0755, report))
		dirfd = open_image_directory(rootfd, disk, NULL, report);
	close(images);
	return dirfd;
}

static bool
make_lease(int dirfd, const char *image, mode_t mode, VolumeReport *report)
{
	char name[VOLUME_NAME_SIZE];
	struct stat status;
	bool done = false;
	int fd;

	image_name(name, image, ".lease");
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, mode);
	if (fd < 0)
		return fail_errno(report, name, "could not create lease file");
	if (fstat(fd, &status) != 0)
		fail_errno(report, name, "could not read file attributes");
	else if (!S_ISREG(status.st_mode))
		fail(report, VOLUME_EXISTS, 0, name, NULL, "lease is not a regular file");
	else if (status.st_size < LEASE_BYTES && ftruncate(fd, LEASE_BYTES) != 0)
		fail_errno(report, name, "could not set the size of the lease file");
	else if (fchmod(fd, mode) != 0)
		fail_errno(report, name, "could not set file mode");
	else
		done = sync_descriptor(fd, name, report);
	if (close(fd) != 0 && done)
		done = fail_errno(report, name, "could not close lease file");
	return done;
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
		const char *value = meta_value(existing, key);

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
is_legal(const VolumeMeta *meta)
{
	const char *legality = meta_value(meta, "LEGALITY");

	return legality != NULL && strcmp(legality, "LEGAL") == 0;
}

bool
volume_create(const VolumeOptions *options, VolumeReport *report)
{
	char text[VOLUME_META_LIMIT + 1];
	char part[VOLUME_NAME_SIZE];
	char meta_name[VOLUME_NAME_SIZE];
	VolumeMeta wanted;
	VolumeMeta existing;
	struct stat final_status;
	struct stat part_status;
	int has_meta;
	int has_final;
	int has_part;
	int rootfd;
	int dirfd = -1;
	bool done = false;

	if (!meta_format(options, text, report))
		return false;
	if (!meta_parse(text, strlen(text), &wanted))
		return fail(report, VOLUME_USAGE, 0, NULL, NULL, "description must be one line of text");
	rootfd = open_root(options->root, report);
	if (rootfd < 0)
		return false;
	dirfd = make_image_directory(rootfd, options->disk, report);
	if (dirfd < 0)
		goto end;

	image_name(part, options->image, ".part");
	image_name(meta_name, options->image, ".meta");
	has_meta = meta_read(dirfd, options->image, &existing, report);
	has_final = stat_name(dirfd, options->image, &final_status, report);
	has_part = stat_name(dirfd, part, &part_status, report);
	if (has_meta < 0 || has_final < 0 || has_part < 0)
		goto end;
	if (has_meta == 1 && !same_volume(&existing, &wanted))
	{
		fail(report, VOLUME_EXISTS, 0, meta_name,
			 "Another job or VDSM made this volume; use another image id.",
			 "volume metadata is there already and differs");
		goto end;
	}
	/* a final file is ours only if our metadata says that it is complete, or commit was cut off after its link */
	if (has_final == 1 &&
		!(has_meta == 1 &&
		  (is_legal(&existing) || (has_part == 1 && final_status.st_dev == part_status.st_dev &&
								   final_status.st_ino == part_status.st_ino))))
	{
		fail(report, VOLUME_EXISTS, EEXIST, options->image,
			 "Another job or VDSM made this volume; use another image id.",
			 "image file is there already");
		goto end;
	}
	if (has_final == 0 && has_meta == 1 && is_legal(&existing))
	{
		fail(report, VOLUME_EXISTS, 0, meta_name, "The image file was removed by someone else.",
			 "volume metadata says that the volume is complete, but it has no image file");
		goto end;
	}
	if (!make_lease(dirfd, options->image, options->mode, report))
		goto end;
	if (has_meta == 0 && !write_file_atomically(dirfd, meta_name, 0644, text, strlen(text), report))
		goto end;
	if (!sync_descriptor(dirfd, options->disk, report))
		goto end;
	report_bool(report, "existing", has_meta == 1);
	report_bool(report, "committed", has_final == 1 && is_legal(&existing));
	report_string(report, "part", part);
	done = true;
end:
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}

static void
report_file_size(const struct stat *status, VolumeReport *report)
{
	report_integer(report, "size", (uint64_t) status->st_size);
	report_integer(report, "allocated", (uint64_t) status->st_blocks * 512);
}

/* The job is over for this file: .part and its resume file go. */
static bool
remove_part(int dirfd, const char *image, VolumeReport *report)
{
	static const char *const suffixes[] = {".part.resume", ".part.resume.new", ".part"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
	{
		char name[VOLUME_NAME_SIZE];

		image_name(name, image, suffixes[i]);
		if (unlinkat(dirfd, name, 0) != 0 && errno != ENOENT)
			return fail_errno(report, name, "could not remove file");
	}
	return sync_descriptor(dirfd, image, report);
}

/*
 * Links the locked, synced .part to the final name and returns the final file's attributes.  A
 * repeat after a crash finds the link made already: the same inode under both names.
 */
static bool
link_part(int dirfd, int fd, const char *part, const VolumeOptions *options, struct stat *status,
		  VolumeReport *report)
{
	struct stat locked;
	struct stat named;

	if (fstat(fd, &locked) != 0 || fstatat(dirfd, part, &named, AT_SYMLINK_NOFOLLOW) != 0)
		return fail_errno(report, part, "could not read file attributes");
	if (!S_ISREG(locked.st_mode) || locked.st_dev != named.st_dev || locked.st_ino != named.st_ino)
		return fail(report, VOLUME_BUSY, 0, part, NULL, "file was replaced while it was opened");
	if (options->has_size && (uint64_t) locked.st_size != options->size)
		return fail(report, VOLUME_REFUSED, 0, part, "Run the copy again.",
					"file is %" PRIu64 " bytes long, not %" PRIu64, (uint64_t) locked.st_size,
					options->size);
	if (fchmod(fd, options->mode) != 0)
		return fail_errno(report, part, "could not set file mode");
	if (!sync_descriptor(fd, part, report))
		return false;
	if (linkat(dirfd, part, dirfd, options->image, 0) != 0 && errno != EEXIST)
		return fail_errno(report, options->image, "could not link image file");
	if (fstatat(dirfd, options->image, status, AT_SYMLINK_NOFOLLOW) != 0)
		return fail_errno(report, options->image, "could not read file attributes");
	if (status->st_dev != locked.st_dev || status->st_ino != locked.st_ino)
		return fail(report, VOLUME_EXISTS, EEXIST, options->image,
					"Another job or VDSM made this volume; use another image id.",
					"image file is there already");
	return sync_descriptor(dirfd, options->disk, report);
}

bool
volume_commit(const VolumeOptions *options, VolumeReport *report)
{
	char part[VOLUME_NAME_SIZE];
	VolumeMeta meta;
	struct stat status;
	const char *owner;
	int has_meta;
	int has_final;
	int rootfd;
	int locked;
	int dirfd = -1;
	int fd = -1;
	bool existing = false;
	bool done = false;

	rootfd = open_root(options->root, report);
	if (rootfd < 0)
		return false;
	dirfd = open_image_directory(rootfd, options->disk, NULL, report);
	if (dirfd < 0)
		goto end;
	has_meta = meta_read(dirfd, options->image, &meta, report);
	if (has_meta < 0)
		goto end;
	if (has_meta == 0)
	{
		fail(report, VOLUME_NOT_FOUND, ENOENT, options->image, "Create the volume first.",
			 "volume has no metadata");
		goto end;
	}
	owner = meta_value(&meta, "IMAGE");
	if (owner == NULL || strcmp(owner, options->disk) != 0 || meta_value(&meta, "GEN") == NULL ||
		meta_value(&meta, "LEGALITY") == NULL)
	{
		fail(report, VOLUME_REFUSED, 0, options->image, NULL,
			 "volume metadata is not that of a volume of disk \"%s\"", options->disk);
		goto end;
	}
	image_name(part, options->image, ".part");
	fd = openat(dirfd, part, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno != ENOENT)
	{
		fail_errno(report, part, "could not open file");
		goto end;
	}
	if (fd >= 0)
	{
		locked = lock_whole_file(fd, part, report);
		if (locked == 0)
			fail(report, VOLUME_BUSY, EAGAIN, part, "Wait until the copier has ended.",
				 "another process holds the file locked");
		if (locked != 1 || !link_part(dirfd, fd, part, options, &status, report))
			goto end;
	}
	else
	{
		has_final = stat_name(dirfd, options->image, &status, report);
		if (has_final < 0)
			goto end;
		if (has_final == 0)
		{
			fail(report, VOLUME_NOT_FOUND, ENOENT, part, "Run the copy first.",
				 "there is no copy to commit");
			goto end;
		}
		/* .part is removed after the metadata was written, so ILLEGAL here means someone else's file */
		if (!is_legal(&meta))
		{
			fail(report, VOLUME_EXISTS, EEXIST, options->image,
				 "Another job or VDSM made this volume; use another image id.",
				 "image file is there, but the volume was never committed");
			goto end;
		}
		if (options->has_size && (uint64_t) status.st_size != options->size)
		{
			fail(report, VOLUME_REFUSED, 0, options->image, NULL,
				 "file is %" PRIu64 " bytes long, not %" PRIu64, (uint64_t) status.st_size,
				 options->size);
			goto end;
		}
		existing = true;
	}
	if (!is_legal(&meta) && !meta_rewrite(dirfd, options->image, &meta, "LEGAL", "1", report))
		goto end;
	if (!remove_part(dirfd, options->image, report))
		goto end;
	report_bool(report, "existing", existing);
	report_file_size(&status, report);
	done = true;
end:
	if (fd >= 0)
		close(fd);
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}

/*
 * Opens and locks a file that is about to go, so that nobody writes it meanwhile.
 * Returns the descriptor, -2 = no such file or not a regular one, -1 after fail().
 */
static int
lock_for_removal(int dirfd, const char *name, VolumeReport *report)
{
	int locked;
	int fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
	{
		if (errno == ENOENT)
			return -2;
		fail_errno(report, name, "could not open file");
		return -1;
	}
	locked = lock_whole_file(fd, name, report);
	if (locked == 0)
		fail(report, VOLUME_BUSY, EAGAIN, name,
			 "Stop the process that uses the file, then try again.",
			 "another process holds the file locked");
	if (locked != 1)
	{
		close(fd);
		return -1;
	}
	return fd;
}

/* The open file fd (or none, < 0) is the one that has this name. */
static bool
same_file(int dirfd, int fd, const char *name)
{
	struct stat open_status;
	struct stat named_status;

	return fd >= 0 && fstat(fd, &open_status) == 0 &&
		   fstatat(dirfd, name, &named_status, AT_SYMLINK_NOFOLLOW) == 0 &&
		   open_status.st_dev == named_status.st_dev && open_status.st_ino == named_status.st_ino;
}

/* Names what is left in the directory, and says whether it is empty. */
static bool
report_left(int dirfd, VolumeReport *report, bool *empty)
{
	struct dirent *entry;
	DIR *directory;
	size_t count = 0;
	int fd = dup(dirfd);

	directory = fd < 0 ? NULL : fdopendir(fd);
	if (directory == NULL)
	{
		fail_errno(report, NULL, "could not read image directory");
		if (fd >= 0)
			close(fd);
		return false;
	}
	rewinddir(directory);
	report_open(report, "left", '[');
	while (errno = 0, (entry = readdir(directory)) != NULL)
	{
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (count++ < LEFT_NAMES_LIMIT)
			report_string(report, NULL, entry->d_name);
	}
	report_close(report, ']');
	*empty = count == 0;
	if (errno != 0)
		fail_errno(report, NULL, "could not read image directory");
	closedir(directory);
	return report->kind == VOLUME_OK;
}

/* Takes the emptied directory away; a foreign file that comes meanwhile keeps it. */
static bool
remove_directory(int rootfd, const char *disk, bool *removed, VolumeReport *report)
{
	bool done = true;
	int images = safe_open_beneath(rootfd, "images", O_RDONLY | O_DIRECTORY, 0);

	if (images < 0)
		return fail_errno(report, "images", "could not open directory");
	*removed = unlinkat(images, disk, AT_REMOVEDIR) == 0;
	if (!*removed && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
		done = fail_errno(report, disk, "could not remove image directory");
	else if (*removed)
		done = sync_descriptor(images, "images", report);
	close(images);
	return done;
}

bool
volume_remove(const VolumeOptions *options, VolumeReport *report)
{
	char name[VOLUME_NAME_SIZE];
	bool missing;
	bool empty;
	bool removed = false;
	bool done = false;
	int dirfd = -1;
	int part = -2;
	int final = -2;
	int rootfd = open_root(options->root, report);

	if (rootfd < 0)
		return false;
	dirfd = open_image_directory(rootfd, options->disk, &missing, report);
	if (dirfd < 0)
	{
		if (missing)
		{
			report_open(report, "removed", '[');
			report_close(report, ']');
			report_open(report, "left", '[');
			report_close(report, ']');
			report_bool(report, "directory_removed", false);
			done = true;
		}
		goto end;
	}
	/* a copier that writes, or a program that runs from the image, keeps its files */
	image_name(name, options->image, ".part");
	part = lock_for_removal(dirfd, name, report);
	if (part == -1)
		goto end;
	/* a commit cut off after its link: both names are one file, which is locked already */
	if (!same_file(dirfd, part, options->image))
		final = lock_for_removal(dirfd, options->image, report);
	if (final == -1)
		goto end;
	report_open(report, "removed", '[');
	for (size_t i = 0; i < JOB_SUFFIX_COUNT; i++)
	{
		image_name(name, options->image, job_suffixes[i]);
		if (unlinkat(dirfd, name, 0) == 0)
			report_string(report, NULL, name);
		else if (errno != ENOENT)
		{
			fail_errno(report, name, "could not remove file");
			goto end;
		}
	}
	report_close(report, ']');
	if (!sync_descriptor(dirfd, options->disk, report) || !report_left(dirfd, report, &empty))
		goto end;
	if (empty && !remove_directory(rootfd, options->disk, &removed, report))
		goto end;
	report_bool(report, "directory_removed", removed);
	done = true;
end:
	if (part >= 0)
		close(part);
	if (final >= 0)
		close(final);
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}

bool
volume_stat(const VolumeOptions *options, VolumeReport *report)
{
	VolumeMeta meta;
	int has_meta;
	int dirfd;
	bool done = false;
	int rootfd = open_root(options->root, report);

	if (rootfd < 0)
		return false;
	dirfd = open_image_directory(rootfd, options->disk, NULL, report);
	if (dirfd < 0)
		goto end;
	report_open(report, "files", '{');
	for (size_t i = 0; i < JOB_SUFFIX_COUNT; i++)
	{
		char name[VOLUME_NAME_SIZE];
		struct stat status;
		int found;

		image_name(name, options->image, job_suffixes[i]);
		found = stat_name(dirfd, name, &status, report);
		if (found < 0)
			goto end;
		if (found == 0)
			continue;
		report_open(report, name, '{');
		report_file_size(&status, report);
		report_integer(report, "mtime", (uint64_t) status.st_mtim.tv_sec);
		report_integer(report, "links", status.st_nlink);
		report_bool(report, "regular", S_ISREG(status.st_mode));
		report_close(report, '}');
	}
	report_close(report, '}');
	has_meta = meta_read(dirfd, options->image, &meta, report);
	if (has_meta < 0)
		goto end;
	if (has_meta == 0)
		report_null(report, "meta");
	else
	{
		report_open(report, "meta", '{');
		for (int i = 0; i < meta.count; i++)
			report_string(report, meta.keys[i], meta.values[i]);
		report_close(report, '}');
	}
	done = true;
end:
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}
