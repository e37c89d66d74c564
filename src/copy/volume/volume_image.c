/*
 * volume_image.c
 *		Volumes of a file domain: create and stat.
 *
 * A volume comes to life in an order that a crash may cut anywhere: directory, .lease, .meta saying
 * ILLEGAL; the copier writes <image>.part and, beside it, its record; commit syncs all of that, writes .meta.new,
 * renames .part to <image>, then .meta.new, which says LEGAL and GEN=1, to .meta.  So LEGAL always means complete and
 * synced (docs/design/storage.md).  Nothing is synced before: what the crash of a machine leaves of it is taken
 * for what it is, and made again.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/fileio.h"
#include "copy/base/remover.h"
#include "copy/base/safeopen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_SUFFIX COPIER_SUFFIX_PART COPIER_SUFFIX_RECORD
#define RECORD_SLOTS  2

const char *const volume_suffixes[VOLUME_SUFFIX_COUNT] = {
	"",       COPIER_SUFFIX_PART,        RECORD_SUFFIX,      RECORD_SUFFIX ".new",
	".lease", VOLUME_SUFFIX_NAME ".new", VOLUME_SUFFIX_NAME, ".meta.new",
	".meta"};

static int
make_image_directory(int rootfd, const char *disk)
{
	int images = volume_make_directory(rootfd, "images", false);
	int dirfd = images < 0 ? -1 : volume_make_directory(images, disk, false);

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

bool
volume_remove_record(int dirfd, const char *image)
{
	static const char *const suffixes[] = {RECORD_SUFFIX, RECORD_SUFFIX ".new"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
	{
		char name[VOLUME_NAME_SIZE];

		volume_image_name(name, image, suffixes[i]);
		if (unlinkat(dirfd, name, 0) != 0 && errno != ENOENT)
			return volume_fail_errno(name, "could not remove file");
	}
	return true;
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
	bool is_committing; /* commit was cut off between its two renames */
};

static bool
find_volume(int dirfd, const VolumeOptions *options, struct found_volume *found)
{
	char part[VOLUME_NAME_SIZE];
	int meta = volume_meta_read(dirfd, options->image, &found->meta);
	int final = volume_stat_name(dirfd, options->image, &found->final_status);
	int unfinished;
	int committing;

	if (final == 0 && options->name != NULL)
		final = volume_name_find(dirfd, options, &found->final_status);
	volume_image_name(part, options->image, COPIER_SUFFIX_PART);
	unfinished = volume_stat_name(dirfd, part, &found->part_status);
	committing = volume_meta_is_committing(dirfd, options);
	found->has_meta = meta == 1;
	found->has_final = final == 1;
	found->has_part = unfinished == 1;
	found->is_committing = committing == 1 && found->has_final && !found->has_part &&
						   found->has_meta && !volume_meta_is_legal(&found->meta);
	return meta >= 0 && final >= 0 && unfinished >= 0 && committing >= 0;
}

static bool
is_committed(const struct found_volume *found)
{
	return found->is_committing || (found->has_final && volume_meta_is_legal(&found->meta));
}

/* .part under its second name: version 1.0 linked it, and was cut off there. */
static bool
is_linked(const struct found_volume *found)
{
	return found->has_part && volume_is_same_file(&found->final_status, &found->part_status);
}

/*
 * Whether everything found is of an earlier call of this job, which may have been cut off anywhere.  Metadata
 * tell: they come before any file that a copy writes, name disk, format and size, and are never those of
 * another volume.  A file under the final name is ours only if they say that it is complete, or if it was .part
 * shortly before; anything else was made by VDSM or another job, and create takes nothing over.
 */
static bool
is_own_volume(const struct found_volume *found, const VolumeMeta *wanted, const char *image,
			  const char *meta_name)
{
	static const char other_image[] = "Another job or VDSM made this volume; use another image id.";
	bool is_complete = found->has_meta && volume_meta_is_legal(&found->meta);

	if (found->has_meta && !same_volume(&found->meta, wanted))
		return volume_fail(COPIER_EXISTS, 0, meta_name, other_image,
						   "volume metadata is there already and differs");
	if (found->has_final && !is_complete && !found->is_committing &&
		!(found->has_meta && is_linked(found)))
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
 * ILLEGAL.  So no crash of a program leaves a copy's file without metadata that say whose it is and that it isn't
 * complete.
 */
static bool
make_parts(int rootfd, int dirfd, const VolumeOptions *options, const struct found_volume *found,
		   const char *meta_name, const char *text)
{
	bool is_complete = is_committed(found);

	/* whoever uses a complete volume may hold its lease */
	if (!is_complete && options->name == NULL && !volume_lease_make(rootfd, dirfd, options))
		return false;
	return found->has_meta ||
		   (volume_write_new(dirfd, meta_name, 0644, text, strlen(text), false) &&
			volume_rename_new(dirfd, meta_name, false));
}

/*
 * Whether .part's record of resuming can be gone on with: 1; 0 = there is none, or one that a machine's crash left
 * without content, or on NFS with nothing but whose it is, which a client sends with the rename; -1 after volume_fail().
 */
static int
record_speaks(int dirfd, const char *image)
{
	unsigned char slots[RECORD_SLOTS * RECORD_PAGE];
	char name[VOLUME_NAME_SIZE];
	ssize_t length;
	int fd;

	volume_image_name(name, image, RECORD_SUFFIX);
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : (volume_fail_errno(name, "could not open file"), -1);
	length = file_read(fd, slots, sizeof(slots), RECORD_PAGE);
	if (length < 0)
		volume_fail_errno(name, "could not read file");
	close(fd);
	return length < 0 ? -1 : !memory_is_zero(slots, (size_t) length);
}

/*
 * An unfinished copy that no record speaks of can't go on, and the next copier would take it for somebody's file: it
 * was cut off by the crash of a machine, before the record had been synced.  With a record that says nothing yet goes
 * the output that a killed copier had made and not noted there: its name is known by that record alone.
 */
static bool
drop_unrecorded_part(int dirfd, const char *image)
{
	char part[VOLUME_NAME_SIZE];
	char record[VOLUME_NAME_SIZE];
	struct stat status;
	int recorded = record_speaks(dirfd, image);
	int fd;

	if (recorded != 0)
		return recorded > 0;
	volume_image_name(record, image, RECORD_SUFFIX);
	if (volume_stat_name(dirfd, record, &status) == 1 && !volume_remove_unnamed(dirfd, image, NULL))
		return false;
	volume_image_name(part, image, COPIER_SUFFIX_PART);
	fd = volume_lock_for_removal(dirfd, part);
	if (fd == -1)
		return false;
	if (fd >= 0)
	{
		close(fd);
		if (unlinkat(dirfd, part, 0) != 0 && errno != ENOENT)
			return volume_fail_errno(part, "could not remove file");
	}
	return volume_remove_record(dirfd, image);
}

/* What is left to do where an earlier call has come this far already. */
static bool
tidy(int rootfd, int dirfd, const char *image, const struct found_volume *found)
{
	char part[VOLUME_NAME_SIZE];

	/* all that .meta.new relies on had been synced before */
	if (found->is_committing)
		return volume_remove_record(dirfd, image) && volume_meta_rename_new(dirfd, image) &&
			   volume_sync_above(rootfd);
	if (!found->has_final || !volume_meta_is_legal(&found->meta))
		return found->has_final || drop_unrecorded_part(dirfd, image);
	/* complete; a .part that is another file is somebody's */
	if (found->has_part && !is_linked(found))
		return true;
	volume_image_name(part, image, COPIER_SUFFIX_PART);
	if (unlinkat(dirfd, part, 0) != 0 && errno != ENOENT)
		return volume_fail_errno(part, "could not remove file");
	return volume_remove_record(dirfd, image) && volume_sync_directory(dirfd, image);
}

/* Of a directory domain: the rest of a commit that was cut off, or a look whether the name can be had. */
static bool
name_volume(int dirfd, const VolumeOptions *options, const struct found_volume *found)
{
	if (options->name == NULL)
		return true;
	return is_committed(found) ? volume_name_give(dirfd, options) : volume_name_check_free(options);
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
	volume_image_name(part, options->image, COPIER_SUFFIX_PART);
	volume_image_name(meta_name, options->image, ".meta");
	dirfd = make_image_directory(rootfd, options->disk);
	if (dirfd >= 0 && find_volume(dirfd, options, &found) &&
		is_own_volume(&found, &wanted, options->image, meta_name) &&
		make_parts(rootfd, dirfd, options, &found, meta_name, text) &&
		tidy(rootfd, dirfd, options->image, &found) && name_volume(dirfd, options, &found))
	{
		bool committed = is_committed(&found);

		*options->committed = committed;
		json_bool(answer, "existing", found.has_meta);
		json_bool(answer, "committed", committed);
		json_string(answer, "part", part);
		done = true;
	}
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}

void
volume_tell_size(const struct stat *status, struct json *answer)
{
	json_integer(answer, "size", (uint64_t) status->st_size);
	json_integer(answer, "allocated", (uint64_t) status->st_blocks * 512);
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
	for (size_t i = 0; i < VOLUME_SUFFIX_COUNT; i++)
	{
		char name[VOLUME_NAME_SIZE];
		struct stat status;
		int found;

		volume_image_name(name, options->image, volume_suffixes[i]);
		found = volume_stat_name(dirfd, name, &status);
		if (found < 0)
			goto end;
		if (found == 0)
			continue;
		json_open(answer, name, '{');
		volume_tell_size(&status, answer);
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
