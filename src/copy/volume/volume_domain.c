/*
 * volume_domain.c
 *		Storage domains: attach, check, detach, space.
 *
 * A domain belongs to the database whose token lies in dom_md/vmclone-identity: a copy of the
 * database (TEMPLATE, restore, PITR) has the same rows but must not touch the same files.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/rootpath.h"
#include "copy/base/safeopen.h"
#include "copy/base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define IDENTITY_NAME  "vmclone-identity"
#define IDENTITY_LIMIT 1024
#define METADATA_LIMIT 65536
/* What dom_md/vmclone-identity says. */
typedef struct Identity
{
	char domain[64];
	char token[160];
	bool has_reflink;
	bool reflink;
} Identity;

static const char *
filesystem_name(long magic)
{
	switch ((unsigned long) magic)
	{
		case EXT4_SUPER_MAGIC:
			return "ext4";
		case XFS_SUPER_MAGIC:
			return "xfs";
		case NFS_SUPER_MAGIC:
			return "nfs";
		case TMPFS_MAGIC:
			return "tmpfs";
		case BTRFS_SUPER_MAGIC:
			return "btrfs";
		case OVERLAYFS_SUPER_MAGIC:
			return "overlay";
		case FUSE_SUPER_MAGIC:
			return "fuse";
		case CEPH_SUPER_MAGIC:
			return "ceph";
		case SMB2_SUPER_MAGIC:
		case CIFS_SUPER_MAGIC:
			return "cifs";
		case 0x01161970UL:
			return "gfs2";
		case 0x2fc12fc1UL:
			return "zfs";
		default:
			return "other";
	}
}

static bool
tell_facts(int fd, const char *path, struct json *answer)
{
	struct stat status;
	struct statfs filesystem;
	struct statvfs space;

	if (fstat(fd, &status) != 0 || fstatfs(fd, &filesystem) != 0 || fstatvfs(fd, &space) != 0)
		return volume_fail_errno(path, "could not read facts about the storage domain");
	json_integer(answer, "device", status.st_dev);
	json_string(answer, "filesystem", filesystem_name(filesystem.f_type));
	json_integer(answer, "block_size", space.f_frsize);
	json_integer(answer, "total_bytes", (uint64_t) space.f_blocks * space.f_frsize);
	json_integer(answer, "available_bytes", (uint64_t) space.f_bavail * space.f_frsize);
	return true;
}

/* The string value of a key of the flat JSON object that write_identity makes. */
static bool
json_string_of(const char *text, const char *key, char *value, size_t size)
{
	char pattern[64];
	const char *start;
	size_t length;

	snprintf(pattern, sizeof(pattern), "\"%s\":\"", key);
	start = strstr(text, pattern);
	if (start == NULL)
		return false;
	start += strlen(pattern);
	length = strcspn(start, "\"\\");
	if (start[length] != '"' || length >= size)
		return false;
	memcpy(value, start, length);
	value[length] = '\0';
	return true;
}

/* 1 = read, 0 = the domain carries no identity, -1 after volume_fail(). */
static int
read_identity(int rootfd, Identity *identity)
{
	char text[IDENTITY_LIMIT];
	ssize_t length;
	int dirfd = safe_open_beneath(rootfd, "dom_md", O_RDONLY | O_DIRECTORY, 0);

	memset(identity, 0, sizeof(*identity));
	if (dirfd < 0)
	{
		if (errno == ENOENT)
			return 0;
		volume_fail_errno("dom_md", "could not open directory");
		return -1;
	}
	length = volume_read_file(dirfd, IDENTITY_NAME, text, sizeof(text));
	close(dirfd);
	if (length == -2)
		return 0;
	if (length < 0)
		return -1;
	if (!json_string_of(text, "storage_domain", identity->domain, sizeof(identity->domain)) ||
		!json_string_of(text, "token", identity->token, sizeof(identity->token)))
	{
		volume_fail(COPIER_REFUSED, 0, "dom_md/" IDENTITY_NAME,
					"Look at the file; attach with take_over => true (--take-over) writes it anew.",
					"identity file is malformed");
		return -1;
	}
	identity->reflink = strstr(text, "\"reflink\":true") != NULL;
	identity->has_reflink = identity->reflink || strstr(text, "\"reflink\":false") != NULL;
	return 1;
}

/* The domain's own metadata, where there is any, must name the same storage domain. */
static bool
check_domain_metadata(int rootfd, const char *domain)
{
	char *text;
	char *found;
	ssize_t length;
	bool result = true;
	int dirfd = safe_open_beneath(rootfd, "dom_md", O_RDONLY | O_DIRECTORY, 0);

	if (dirfd < 0)
		return errno == ENOENT ? true : volume_fail_errno("dom_md", "could not open directory");
	text = malloc(METADATA_LIMIT);
	if (text == NULL)
	{
		close(dirfd);
		return volume_fail_errno(NULL, "could not allocate memory");
	}
	length = volume_read_file(dirfd, "metadata", text, METADATA_LIMIT);
	close(dirfd);
	if (length == -1)
		result = false;
	else if (length > 0)
	{
		found = strncmp(text, "SDUUID=", 7) == 0 ? text : strstr(text, "\nSDUUID=");
		if (found != NULL)
		{
			found = strchr(found, '=') + 1;
			found[strcspn(found, "\r\n")] = '\0';
			if (strcasecmp(found, domain) != 0)
				result = volume_fail(COPIER_REFUSED, 0, "dom_md/metadata",
									 "Attach the directory of that storage domain.",
									 "directory belongs to storage domain \"%.40s\", not \"%s\"",
									 found, domain);
		}
	}
	free(text);
	return result;
}

static bool
write_identity(int rootfd, const char *domain, const char *token, bool reflink)
{
	struct json text = {0};
	bool done;
	int dirfd = volume_make_directory(rootfd, "dom_md", true);

	if (dirfd < 0)
		return false;
	json_open(&text, NULL, '{');
	json_string(&text, "storage_domain", domain);
	json_string(&text, "token", token);
	json_bool(&text, "reflink", reflink);
	json_close(&text, '}');
	if (text.failed)
		done = volume_fail(COPIER_IO, ENOMEM, NULL, NULL, "could not allocate memory");
	else
		done = volume_write_new(dirfd, IDENTITY_NAME, 0644, text.text, text.length, true) &&
			   volume_rename_new(dirfd, IDENTITY_NAME, true);
	json_free(&text);
	close(dirfd);
	return done;
}

/* The domain of a user's own folder is a folder of ours in it: nothing else there is touched. */
static bool
enter_own_folder(int *rootfd, char **real)
{
	char *path = NULL;
	int folder = volume_make_directory(*rootfd, COPIER_OWN_FOLDER, true);

	if (folder < 0)
		return false;
	close(*rootfd);
	*rootfd = folder;
	if (asprintf(&path, "%s/" COPIER_OWN_FOLDER, *real) < 0)
		return volume_fail_errno(NULL, "could not allocate memory");
	free(*real);
	*real = path;
	return true;
}

bool
volume_attach(const VolumeOptions *options, struct json *answer)
{
	Identity identity;
	char *real;
	int rootfd = -1;
	int found;
	bool reflink;
	bool done = false;

	real = volume_place_resolve(options);
	if (real == NULL)
		return false;
	if (!volume_place_check_path(real))
		goto end;
	rootfd = volume_open_root(real);
	if (rootfd < 0 || !check_domain_metadata(rootfd, options->domain) ||
		!volume_place_check_nesting(rootfd, real, options->domain))
		goto end;
	if (options->directory)
	{
		json_string(answer, "files_path", real);
		if (!enter_own_folder(&rootfd, &real))
			goto end;
	}

	/* with --take-over whatever is in the identity file, malformed or not, is replaced */
	if (!options->take_over)
	{
		found = read_identity(rootfd, &identity);
		if (found < 0)
			goto end;
		if (found == 1 && strcmp(identity.token, options->token) != 0)
		{
			volume_fail(
				COPIER_REFUSED, 0, "dom_md/" IDENTITY_NAME,
				"Detach the domain in the other database, or attach it with take_over => true (--take-over) if that database is gone for good.",
				"storage domain is attached to another database");
			goto end;
		}
		if (found == 1 && strcmp(identity.domain, options->domain) != 0)
		{
			volume_fail(COPIER_REFUSED, 0, "dom_md/" IDENTITY_NAME,
						"One directory holds one storage domain; detach the other one first.",
						"directory is attached as storage domain \"%s\"", identity.domain);
			goto end;
		}
	}
	if (!volume_probe(rootfd, options, &reflink) ||
		!write_identity(rootfd, options->domain, options->token, reflink))
		goto end;
	json_string(answer, "realpath", real);
	if (!tell_facts(rootfd, real, answer))
		goto end;
	json_bool(answer, "reflink", reflink);
	json_string(answer, "storage_domain", options->domain);
	json_string(answer, "token", options->token);
	done = true;
end:
	if (rootfd >= 0)
		close(rootfd);
	free(real);
	return done;
}

/* The identity of an attached domain, which must carry our token. */
static bool
require_identity(int rootfd, const VolumeOptions *options, Identity *identity)
{
	int found = read_identity(rootfd, identity);

	if (found < 0)
		return false;
	if (found == 0)
		return volume_fail(
			COPIER_NOT_ATTACHED, 0, "dom_md/" IDENTITY_NAME,
			"Check that the domain is mounted, then attach it with attach_storage_domain; with take_over => true where another database had it that is gone for good.",
			"storage domain carries no identity of a database");
	if (strcmp(identity->token, options->token) != 0)
		return volume_fail(
			COPIER_NOT_ATTACHED, 0, "dom_md/" IDENTITY_NAME,
			"Attach it with take_over => true (--take-over) if the other database is gone for good.",
			"storage domain is attached to another database");
	if (options->domain != NULL && strcmp(identity->domain, options->domain) != 0)
		return volume_fail(COPIER_NOT_ATTACHED, 0, "dom_md/" IDENTITY_NAME,
						   "Check what is mounted there.", "directory holds storage domain \"%s\"",
						   identity->domain);
	return true;
}

bool
volume_require_identity(int rootfd, const VolumeOptions *options)
{
	Identity identity;

	return require_identity(rootfd, options, &identity);
}

static bool
tell_probe(int rootfd, const VolumeOptions *options, struct json *answer)
{
	bool reflink;
	bool direct;

	if (!volume_probe(rootfd, options, &reflink) || !volume_probe_direct(rootfd, options, &direct))
		return false;
	json_bool(answer, "reflink", reflink);
	json_bool(answer, "direct_io", direct);
	return true;
}

bool
volume_check(const VolumeOptions *options, struct json *answer)
{
	Identity identity;
	bool done = false;
	int rootfd = volume_open_root(options->root);

	if (rootfd < 0)
		return false;
	if (require_identity(rootfd, options, &identity) &&
		check_domain_metadata(rootfd, options->domain))
	{
		json_string(answer, "realpath", options->root);
		done = tell_facts(rootfd, options->root, answer);
		/* probing writes: unless it is asked for, attach's finding is in the identity file */
		if (options->probe)
			done = done && tell_probe(rootfd, options, answer);
		else if (identity.has_reflink)
			json_bool(answer, "reflink", identity.reflink);
		else
			json_null(answer, "reflink");
		json_string(answer, "storage_domain", identity.domain);
		json_string(answer, "token", identity.token);
	}
	close(rootfd);
	return done;
}

bool
volume_detach(const VolumeOptions *options, struct json *answer)
{
	Identity identity;
	int dirfd = -1;
	int found;
	bool done = false;
	int rootfd = volume_open_root(options->root);

	if (rootfd < 0)
		return false;
	found = read_identity(rootfd, &identity);
	if (found < 0)
		goto end;
	if (found == 0)
	{
		json_bool(answer, "removed", false);
		done = true;
		goto end;
	}
	if (!require_identity(rootfd, options, &identity))
		goto end;
	dirfd = safe_open_beneath(rootfd, "dom_md", O_RDONLY | O_DIRECTORY, 0);
	if (dirfd < 0)
	{
		volume_fail_errno("dom_md", "could not open directory");
		goto end;
	}
	if (unlinkat(dirfd, IDENTITY_NAME, 0) != 0)
	{
		volume_fail_errno("dom_md/" IDENTITY_NAME, "could not remove file");
		goto end;
	}
	if (!volume_sync_directory(dirfd, "dom_md"))
		goto end;
	json_bool(answer, "removed", true);
	done = true;
end:
	if (dirfd >= 0)
		close(dirfd);
	close(rootfd);
	return done;
}

bool
volume_space(const VolumeOptions *options, struct json *answer)
{
	struct statvfs space;
	bool done = false;
	int rootfd = volume_open_root(options->root);

	if (rootfd < 0)
		return false;
	if (fstatvfs(rootfd, &space) != 0)
		volume_fail_errno(options->root, "could not read free space");
	else
	{
		json_integer(answer, "block_size", space.f_frsize);
		json_integer(answer, "total_bytes", (uint64_t) space.f_blocks * space.f_frsize);
		json_integer(answer, "free_bytes", (uint64_t) space.f_bfree * space.f_frsize);
		json_integer(answer, "available_bytes", (uint64_t) space.f_bavail * space.f_frsize);
		json_integer(answer, "total_files", space.f_files);
		json_integer(answer, "available_files", space.f_favail);
		json_bool(answer, "read_only", (space.f_flag & ST_RDONLY) != 0);
		done = true;
	}
	close(rootfd);
	return done;
}
