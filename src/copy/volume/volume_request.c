/*
 * volume_request.c
 *		What the provisioning program is told (docs/provisioning.md), and by which file.
 *
 * The program reads its request from a file that it has as standard input.  With --state that file lies in a directory of
 * the caller's, one for each volume, and is locked: the lock lasts as long as anything that was started with it lives, sudo
 * and LVM's own commands too.  So whoever takes up the work of somebody who was killed waits for what that one has started.
 */
#include "copy/volume/volume_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/base/json_read.h"
#include "copy/base/system.h"

#define LOCK_ATTEMPTS 100

static bool
is_action(const VolumeOptions *options, const char *action)
{
	return strcmp(options->action, action) == 0;
}

/* What VDSM keeps in its area "leases": sanlock's record, in hex digits. */
static void
put_lease(struct json *request, const VolumeOptions *options)
{
	/* block domains have no other geometry (VDSM's blockSD.supported_block_size) */
	static const VolumeLeaseGeometry geometry = {512, UINT64_C(1) << 20};
	unsigned char record[VOLUME_LEASE_RECORD];
	char digits[2 * 2 * 512 + 1];

	volume_lease_format(&geometry, options->domain, options->image, record);
	for (size_t i = 0; i < sizeof(digits) / 2; i++)
		snprintf(digits + 2 * i, 3, "%02x", record[i]);
	json_open(request, "lease", '{');
	json_integer(request, "alignment", geometry.alignment);
	json_string(request, "record", digits);
	json_close(request, '}');
}

/* The text of the volume's metadata: of a volume in the making, or of a whole one. */
static bool
put_metadata(struct json *request, const VolumeOptions *options, bool whole)
{
	VolumeOptions described = *options;
	char text[VOLUME_META_LIMIT + 1];
	VolumeMeta meta;

	described.size = options->capacity;
	if (!volume_meta_format(&described, text))
		return false;
	if (whole && (!volume_meta_parse(text, strlen(text), &meta) ||
				  !volume_meta_text(&meta, "LEGAL", "1", text)))
		return volume_fail(COPIER_USAGE, 0, NULL, NULL, "metadata of the volume is malformed");
	json_string(request, "metadata", text);
	return true;
}

static void
put_names(struct json *request, const VolumeOptions *options)
{
	json_open(request, "lvs", '[');
	for (int i = 0; i < options->lv_count; i++)
		json_string(request, NULL, options->lvs[i]);
	json_close(request, ']');
}

/* The members that an action has beside those of all requests. */
static bool
put_members(struct json *request, const VolumeOptions *options)
{
	bool create = is_action(options, COPIER_PROVISION_CREATE);
	bool commit = is_action(options, COPIER_PROVISION_COMMIT);

	if (is_action(options, COPIER_PROVISION_ATTACH))
		json_bool(request, "take_over", options->take_over);
	if (is_action(options, COPIER_PROVISION_ACTIVATE) ||
		is_action(options, COPIER_PROVISION_DEACTIVATE))
		put_names(request, options);
	if (!create && !commit && !is_action(options, COPIER_PROVISION_REMOVE))
		return true;
	json_string(request, "lv", options->image);
	json_string(request, "image_group", options->disk);
	json_integer(request, "domain_format", (uint64_t) options->domain_format);
	if (options->has_size)
		json_integer(request, "size", options->size);
	if (commit)
		put_lease(request, options);
	if (create || commit)
		return put_metadata(request, options, commit);
	json_bool(request, "wipe", options->wipe);
	json_bool(request, "discard", options->discard);
	return true;
}

bool
volume_request_make(const VolumeOptions *options, struct json *request)
{
	json_open(request, NULL, '{');
	json_integer(request, "protocol", 1);
	json_string(request, "vg", options->vg);
	json_string(request, "token", options->token);
	if (options->vg_uuid != NULL)
		json_string(request, "vg_uuid", options->vg_uuid);
	if (!put_members(request, options))
		return false;
	json_close(request, '}');
	return !request->failed || volume_fail(COPIER_IO, ENOMEM, NULL, NULL, "out of memory");
}

static bool
state_path(const VolumeOptions *options, const char *suffix, char path[PATH_MAX])
{
	return (size_t) snprintf(path, PATH_MAX, "%s/%s%s", options->state, options->image, suffix) <
			   PATH_MAX ||
		   volume_fail(COPIER_USAGE, ENAMETOOLONG, options->state, NULL, "state path is too long");
}

/* Opened and locked, and still the file of that name: whoever had it before may have taken it away. */
static int
open_locked(const char *path)
{
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++)
	{
		struct stat opened;
		struct stat named;
		int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
		{
			volume_fail_errno(path, "could not open state file");
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		{
			if (errno == EWOULDBLOCK)
				volume_fail(COPIER_BUSY, 0, path,
							"It is waited for; look at it if it doesn't come to its end.",
							"a provisioning program that was started earlier works on the volume");
			else
				volume_fail_errno(path, "could not lock state file");
			close(fd);
			return -1;
		}
		if (fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
			opened.st_dev == named.st_dev)
			return fd;
		close(fd);
	}
	volume_fail(COPIER_BUSY, 0, path, NULL, "state file is replaced again and again");
	return -1;
}

int
volume_request_open(const VolumeOptions *options)
{
	char path[PATH_MAX];
	size_t length = strlen(options->request);
	int fd;

	if (options->state == NULL || options->image == NULL)
		fd = memfd_create("request", MFD_CLOEXEC);
	else
	{
		if (!state_path(options, ".lock", path))
			return -1;
		fd = open_locked(path);
		if (fd < 0)
			return -1;
	}
	if (fd >= 0 && ftruncate(fd, 0) == 0 && file_write(fd, options->request, length, 0) == 0 &&
		lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	volume_fail_errno(NULL, "could not write the request for the provisioning program");
	if (fd >= 0)
		close(fd);
	return -1;
}

bool
volume_request_forget(const VolumeOptions *options)
{
	static const char *const suffixes[] = {COPIER_SUFFIX_RECORD ".new", COPIER_SUFFIX_RECORD,
										   ".lock"};
	char path[PATH_MAX];

	for (size_t i = 0; options->state != NULL && i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (!state_path(options, suffixes[i], path))
			return false;
		else if (unlink(path) != 0 && errno != ENOENT)
			return volume_fail_errno(path, "could not remove state file");
	return true;
}

/* A program that was started earlier is at the volume still. */
static bool
is_locked(const VolumeOptions *options)
{
	char path[PATH_MAX];
	bool locked;
	int fd;

	if (!state_path(options, ".lock", path))
		return true;
	fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (fd >= 0)
		close(fd);
	if (locked)
		volume_fail(COPIER_BUSY, 0, path, NULL,
					"a provisioning program that was started earlier works on the volume");
	return locked;
}

bool
volume_request_forget_idle(const VolumeOptions *options)
{
	VolumeOptions volume = *options;

	for (int i = 0; i < options->lv_count; i++)
	{
		volume.image = options->lvs[i];
		if (is_locked(&volume) || !volume_request_forget(&volume))
			return false;
	}
	return true;
}
