/*
 * volume_probe.c
 *		What is tried out in a storage domain: whose files and directories made there are, links, shared extents, direct I/O.
 *
 * Test files are closed before their names go: an open file that is unlinked stays on NFS under a name of its own, for ever if the
 * client crashes.
 */
#include "copy/volume/volume_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFLINK_PROBE 65536 /* bytes: a multiple of every file system's block size */

#define WAYS_OUT                                                                                   \
	"Export the domain with all_squash and anonuid and anongid of its owner, or run the copier as that user by a wrapper (vmclone.copy_program)."

#define SOMEBODY ((uid_t) 65534) /* a user who owns nothing */

/* An open file of the domain; its name goes with it. */
typedef struct TestFile
{
	int rootfd;
	int fd;
	char name[VOLUME_NAME_SIZE];
} TestFile;

static bool
random_name(char name[VOLUME_NAME_SIZE])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t) sizeof(number))
		return volume_fail_errno(NULL, "could not get random bytes");
	snprintf(name, VOLUME_NAME_SIZE, ".vmclone-test-%016" PRIx64, number);
	return true;
}

/* False after volume_fail(), unless one had failed before. */
static bool
remove_name(int rootfd, const char *name, int flags)
{
	if (unlinkat(rootfd, name, flags) == 0)
		return true;
	return report_is_set() ? false : volume_fail_errno(name, "could not remove test file");
}

static bool
test_file_close(TestFile *file)
{
	close(file->fd);
	return remove_name(file->rootfd, file->name, 0);
}

/* Made with the given mode as an image would be.  False after volume_fail(). */
static bool
test_file_open(TestFile *file, int rootfd, mode_t mode)
{
	file->rootfd = rootfd;
	if (!random_name(file->name))
		return false;
	file->fd = openat(rootfd, file->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (file->fd < 0)
		return volume_fail_errno(NULL, "could not create a test file in the storage domain");
	if (fchmod(file->fd, mode) == 0)
		return true;
	volume_fail_errno(NULL, "could not set the mode of a test file in the storage domain");
	(void) test_file_close(file);
	return false;
}

/* attach has been told the one, check the other. */
static const char *
place_of(const VolumeOptions *options)
{
	return options->path != NULL ? options->path : options->root;
}

/* What was made has the owner that the options name, and its mode.  what: "files", "directories". */
static bool
check_status(int fd, const char *what, mode_t mode, const VolumeOptions *options)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return volume_fail_errno(NULL, "could not read the attributes of a test file");
	if (options->has_owner &&
		(status.st_uid != options->owner_uid || status.st_gid != options->owner_gid))
		return volume_fail(COPIER_REFUSED, 0, place_of(options), WAYS_OUT,
						   "%s created in the storage domain belong to %lu:%lu, not to %lu:%lu",
						   what, (unsigned long) status.st_uid, (unsigned long) status.st_gid,
						   (unsigned long) options->owner_uid, (unsigned long) options->owner_gid);
	/* a directory may inherit the set-group-id bit, which harms nobody */
	if ((status.st_mode & 05777) != mode)
		return volume_fail(COPIER_REFUSED, 0, place_of(options), WAYS_OUT,
						   "%s created in the storage domain have mode %04o, not %04o", what,
						   (unsigned int) (status.st_mode & 07777), (unsigned int) mode);
	return true;
}

static bool
check_file(int rootfd, const VolumeOptions *options)
{
	TestFile file;
	bool good;

	if (!test_file_open(&file, rootfd, options->mode))
		return false;
	good = check_status(file.fd, "files", options->mode, options);
	return test_file_close(&file) && good;
}

/* In a process of its own: whether another user of the directory's group may read it and pass it.  0 or errno. */
static int
try_as_another(int rootfd, const char *name, const struct stat *status)
{
	uid_t other = status->st_uid == SOMEBODY ? SOMEBODY - 1 : SOMEBODY;

	/* who can't become another one, as in some containers, learns nothing */
	if (fchdir(rootfd) != 0 || setgroups(0, NULL) != 0 || setgid(status->st_gid) != 0 ||
		setuid(other) != 0)
		return 0;
	return faccessat(AT_FDCWD, name, R_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

/*
 * qemu runs as another user of the owner's group, and comes from the domain's own folder on: what modes and owner
 * allow, the folder above, an access control list or a server may not.  Only root can try.
 */
static bool
check_others(int rootfd, const char *name, int fd, const VolumeOptions *options)
{
	struct stat status;
	int ended = 0;
	pid_t child;

	if (geteuid() != 0)
		return true;
	if (fstat(fd, &status) != 0 || (child = fork()) < 0)
		return volume_fail_errno(NULL, "could not try a test directory as another user");
	if (child == 0)
		_exit(try_as_another(rootfd, name, &status));
	while (waitpid(child, &ended, 0) < 0)
	{
		if (errno != EINTR)
			return volume_fail_errno(NULL, "could not try a test directory as another user");
	}
	if (!WIFEXITED(ended) || (WEXITSTATUS(ended) != EACCES && WEXITSTATUS(ended) != EPERM))
		return true;
	return volume_fail(
		COPIER_REFUSED, WEXITSTATUS(ended), place_of(options),
		"Give the group or everybody the right to pass the storage domain's directory (chmod 0755), or have the server do so.",
		"other users of group %lu can't pass a directory created in the storage domain, as qemu has to",
		(unsigned long) status.st_gid);
}

/* As one of an image's is made: the hosts' other users have to pass it. */
static bool
check_directory(int rootfd, const VolumeOptions *options)
{
	char name[VOLUME_NAME_SIZE];
	bool good;
	int fd;

	if (!random_name(name))
		return false;
	fd = volume_make_directory(rootfd, name, false);
	if (fd < 0)
		return false;
	good = check_status(fd, "directories", VOLUME_DIRECTORY_MODE, options) &&
		   check_others(rootfd, name, fd, options);
	close(fd);
	return remove_name(rootfd, name, AT_REMOVEDIR) && good;
}

/* Links one file to a second name and compares what the file system says of both. */
static bool
compare_links(int rootfd, const char *name, const char *other)
{
	static const char hint[] =
		"Use another file system, or mount it so that it shows inodes (FUSE: use_ino).";
	struct stat first;
	struct stat second;

	if (linkat(rootfd, name, rootfd, other, 0) != 0)
		return volume_fail(COPIER_REFUSED, errno, NULL, hint,
						   "storage domain's file system makes no hard links: %s", strerror(errno));
	if (fstatat(rootfd, name, &first, AT_SYMLINK_NOFOLLOW) != 0 ||
		fstatat(rootfd, other, &second, AT_SYMLINK_NOFOLLOW) != 0)
		volume_fail_errno(NULL, "could not read the attributes of a test file");
	else if (first.st_dev != second.st_dev || first.st_ino != second.st_ino)
		volume_fail(COPIER_REFUSED, 0, NULL, hint,
					"storage domain's file system shows hard links as different files");
	return remove_name(rootfd, other, 0) && !report_is_set();
}

/* Hard links work there and show as one file, which commit needs. */
static bool
check_links(int rootfd, const VolumeOptions *options)
{
	char other[VOLUME_NAME_SIZE];
	TestFile file;

	if (!random_name(other) || !test_file_open(&file, rootfd, options->mode))
		return false;
	close(file.fd);
	(void) compare_links(rootfd, file.name, other);
	return remove_name(rootfd, file.name, 0) && !report_is_set();
}

static bool
write_block(int fd)
{
	static const char block[REFLINK_PROBE];

	for (size_t done = 0; done < sizeof(block);)
	{
		ssize_t n = pwrite(fd, block + done, sizeof(block) - done, (off_t) done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return volume_fail_errno(NULL, "could not write a test file in the storage domain");
		done += (size_t) n;
	}
	return true;
}

/* Whether the file system shares extents. */
static bool
try_reflink(int rootfd, const VolumeOptions *options, bool *reflink)
{
	TestFile from;
	TestFile to;
	bool good;

	if (!test_file_open(&from, rootfd, options->mode))
		return false;
	good = test_file_open(&to, rootfd, options->mode);
	if (good)
	{
		good = write_block(from.fd);
		*reflink = good && ioctl(to.fd, FICLONE, from.fd) == 0;
		good = test_file_close(&to) && good;
	}
	return test_file_close(&from) && good;
}

bool
volume_probe(int rootfd, const VolumeOptions *options, bool *reflink)
{
	return check_file(rootfd, options) && check_directory(rootfd, options) &&
		   check_links(rootfd, options) && try_reflink(rootfd, options, reflink);
}

bool
volume_probe_direct(int rootfd, const VolumeOptions *options, bool *direct)
{
	TestFile file;
	bool good;
	int fd;

	if (!test_file_open(&file, rootfd, options->mode))
		return false;
	good = write_block(file.fd);
	fd = openat(rootfd, file.name, O_RDONLY | O_DIRECT | O_NOFOLLOW | O_CLOEXEC);
	*direct = false;
	if (fd >= 0)
	{
		/* some file systems refuse it only here */
		static _Alignas(4096) char block[4096];

		*direct = pread(fd, block, sizeof(block), 0) == (ssize_t) sizeof(block);
		close(fd);
	}
	return test_file_close(&file) && good;
}
