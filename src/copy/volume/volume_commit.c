/*
 * volume_commit.c
 *		Volumes of a file domain: commit, which makes a copy's output the volume's image.
 *
 * Everything of the volume is synced here, and only here, in the order in which one part may rely on another: the
 * image, the lease, .meta.new and the directories above, then both renames with their directory.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/rootpath.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

typedef struct Commit
{
	const VolumeOptions *options;
	int rootfd;
	int dirfd;
	int fd; /* the image, locked */
	char part[VOLUME_NAME_SIZE];
	char lease[VOLUME_NAME_SIZE];
	char new_meta[VOLUME_NAME_SIZE];
	VolumeMeta meta;
	struct stat status; /* of the image */
	bool existing;      /* under its final name already */
} Commit;

static const char other_image[] = "Another job or VDSM made this volume; use another image id.";

/* Reads the volume's metadata, which must be of this disk. */
static bool
read_own_meta(Commit *commit)
{
	const VolumeOptions *options = commit->options;
	int found = volume_meta_read(commit->dirfd, options->image, &commit->meta);

	if (found < 0)
		return false;
	if (found == 0)
		return volume_fail(COPIER_NOT_FOUND, ENOENT, options->image, "Create the volume first.",
						   "volume has no metadata");
	if (!volume_meta_is_of_disk(&commit->meta, options->disk) ||
		volume_meta_value(&commit->meta, "GEN") == NULL ||
		volume_meta_value(&commit->meta, "LEGALITY") == NULL)
		return volume_fail(COPIER_REFUSED, 0, options->image, NULL,
						   "volume metadata is not that of a volume of disk \"%s\"", options->disk);
	return true;
}

/* Opens and locks the file that is to be the image.  1 = done, 0 = there is none, -1 after volume_fail(). */
static int
open_image(Commit *commit, const char *name)
{
	struct stat named;
	int locked;

	commit->fd = openat(commit->dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (commit->fd < 0 && errno == ENOENT)
		return 0;
	if (commit->fd < 0)
		return volume_fail_errno(name, "could not open file") ? 1 : -1;
	locked = volume_lock_file(commit->fd, name);
	if (locked == 0)
		volume_fail(COPIER_BUSY, EAGAIN, name, "Wait until the copier has ended.",
					"another process holds the file locked");
	if (locked != 1)
		return -1;
	if (fstat(commit->fd, &commit->status) != 0 ||
		fstatat(commit->dirfd, name, &named, AT_SYMLINK_NOFOLLOW) != 0)
		return volume_fail_errno(name, "could not read file attributes") ? 1 : -1;
	if (!S_ISREG(commit->status.st_mode) || !volume_is_same_file(&commit->status, &named))
		return volume_fail(COPIER_BUSY, 0, name, NULL, "file was replaced while it was opened")
				   ? 1
				   : -1;
	return 1;
}

static bool
check_size(const Commit *commit, const char *name, const char *hint)
{
	uint64_t size = (uint64_t) commit->status.st_size;

	if (!commit->options->has_size || size == commit->options->size)
		return true;
	return volume_fail(COPIER_REFUSED, 0, name, hint,
					   "file is %" PRIu64 " bytes long, not %" PRIu64, size, commit->options->size);
}

static bool
set_mode(const Commit *commit, const char *name)
{
	return fchmod(commit->fd, commit->options->mode) == 0 ||
		   volume_fail_errno(name, "could not set file mode");
}

static int
open_part(const Commit *commit, const char *name)
{
	int fd = openat(commit->dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		volume_fail_errno(name, "could not open file");
	return fd;
}

/*
 * Mode and contents of the image, the lease and .meta.new: whoever sees LEGAL may use them.  With them the directories
 * above that of the volume, which create has left unsynced.
 */
static bool
sync_files(const Commit *commit, const char *name)
{
	/* a directory domain has no leases */
	VolumeSync files[] = {{commit->fd, name}, {-1, commit->new_meta}, {-1, commit->lease}};
	int count = commit->options->name == NULL ? 3 : 2;
	bool done = true;

	for (int i = 1; i < count && done; i++)
	{
		files[i].fd = open_part(commit, files[i].name);
		done = files[i].fd >= 0;
	}
	done = done && volume_sync_together(files, count, commit->rootfd);
	for (int i = 1; i < count; i++)
		if (files[i].fd >= 0)
			close(files[i].fd);
	return done;
}

/*
 * Renames .part to its final name, where nothing may be; what version 1.0 has linked has it already.  An NFS server
 * that was asked twice, since its first answer was lost, says that there is no .part: what counts is what is there.
 */
static bool
give_name(Commit *commit)
{
	const char *image = commit->options->image;
	struct stat final;
	int found = volume_stat_name(commit->dirfd, image, &final);
	int error = 0;

	if (found < 0)
		return false;
	if (found == 1 && volume_is_same_file(&final, &commit->status))
	{
		/* what is open when its name goes would get another one on NFS */
		close(commit->fd);
		commit->fd = -1;
		if (unlinkat(commit->dirfd, commit->part, 0) != 0 && errno != ENOENT)
			return volume_fail_errno(commit->part, "could not remove file");
		return true;
	}
	if (rename_in_directory(commit->dirfd, commit->part, image) != 0)
		error = errno;
	if (error == ENOENT && fstatat(commit->dirfd, image, &final, AT_SYMLINK_NOFOLLOW) == 0 &&
		volume_is_same_file(&final, &commit->status))
		error = 0;
	if (error == EEXIST)
		return volume_fail(COPIER_EXISTS, EEXIST, image, other_image,
						   "image file is there already");
	errno = error;
	return error == 0 || volume_fail_errno(image, "could not rename image file");
}

/* There is no .part: an earlier commit must have come this far. */
static bool
take_final(Commit *commit)
{
	const VolumeOptions *options = commit->options;

	commit->existing = true;
	if (volume_meta_is_legal(&commit->meta))
	{
		int found = volume_stat_name(commit->dirfd, options->image, &commit->status);

		if (found == 0 && options->name != NULL)
			found = volume_name_find(commit->dirfd, options, &commit->status);
		if (found < 0)
			return false;
		if (found == 1)
			return check_size(commit, options->image, NULL);
	}
	else
	{
		int opened = open_image(commit, options->image);

		if (opened < 0)
			return false;
		if (opened == 1)
		{
			int committing = volume_meta_is_committing(commit->dirfd, options);

			if (committing < 0)
				return false;
			if (committing == 0)
				return volume_fail(COPIER_EXISTS, EEXIST, options->image, other_image,
								   "image file is there, but the volume was never committed");
			return check_size(commit, options->image, NULL) && set_mode(commit, options->image) &&
				   sync_files(commit, options->image);
		}
	}
	return volume_fail(COPIER_NOT_FOUND, ENOENT, commit->part, "Run the copy first.",
					   "there is no copy to commit");
}

/* What .meta.new says counts from the image's rename on, which it is synced before: it shows whose the image is. */
static bool
do_commit(Commit *commit)
{
	const char *image = commit->options->image;
	int opened = open_image(commit, commit->part);
	bool is_whole;

	if (opened < 0)
		return false;
	if (opened == 1)
	{
		if (!check_size(commit, commit->part, "Run the copy again.") ||
			!set_mode(commit, commit->part) ||
			!volume_meta_write_new(commit->dirfd, image, &commit->meta, "LEGAL", "1") ||
			!sync_files(commit, commit->part) || !give_name(commit))
			return false;
	}
	else if (!take_final(commit))
		return false;
	is_whole = opened != 1 && volume_meta_is_legal(&commit->meta);
	/* before the last sync: a record that a crash brings back belongs to nobody */
	if (!volume_remove_record(commit->dirfd, image) ||
		(is_whole ? !volume_sync_directory(commit->dirfd, image)
				  : !volume_meta_rename_new(commit->dirfd, image)))
		return false;
	return volume_remove_names_of(commit->dirfd, &commit->status, NULL) &&
		   (commit->options->name == NULL || volume_name_give(commit->dirfd, commit->options));
}

bool
volume_commit(const VolumeOptions *options, struct json *answer)
{
	Commit commit = {.options = options, .dirfd = -1, .fd = -1};
	bool done = false;

	commit.rootfd = volume_open_root(options->root);
	if (commit.rootfd < 0)
		return false;
	volume_image_name(commit.part, options->image, COPIER_SUFFIX_PART);
	volume_image_name(commit.lease, options->image, ".lease");
	volume_image_name(commit.new_meta, options->image, ".meta.new");
	commit.dirfd = volume_open_image_directory(commit.rootfd, options->disk, NULL);
	if (commit.dirfd >= 0 && read_own_meta(&commit) && do_commit(&commit))
	{
		json_bool(answer, "existing", commit.existing);
		volume_tell_size(&commit.status, answer);
		done = true;
	}
	if (commit.fd >= 0)
		close(commit.fd);
	if (commit.dirfd >= 0)
		close(commit.dirfd);
	close(commit.rootfd);
	return done;
}
