/*
 * volume_block.c
 *		Block domains: a provisioning program makes the device, vmclone proves which one it is.
 *
 * vmclone never writes LVM: it runs the administrator's program with fixed arguments and then
 * believes only the kernel (device mapper's name and uuid in sysfs), not a name in /dev (docs/design/storage.md).
 */
#include "copy/base/fileio.h"
#include "copy/volume/volume_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOP_MAJOR   7
#define PROGRAM_TICK 20   /* ms between looks at the program */
#define STDERR_LIMIT 1000 /* bytes of the program's complaint that are passed on */

static bool
is_lvm_name(const char *name)
{
	size_t length =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-");

	return length > 0 && length <= 127 && name[length] == '\0' && name[0] != '-' &&
		   strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* device mapper's name of a logical volume: VG-LV, where a dash inside a name is doubled */
static void
mapper_name(char *name, size_t size, const char *vg, const char *lv)
{
	const char *const parts[] = {vg, lv};
	size_t length = 0;

	for (int i = 0; i < 2; i++)
	{
		for (const char *c = parts[i]; *c != '\0' && length + 3 < size; c++)
		{
			name[length++] = *c;
			if (*c == '-')
				name[length++] = '-';
		}
		if (i == 0 && length + 1 < size)
			name[length++] = '-';
	}
	name[length] = '\0';
}

/* "<prefix><digits>" and nothing more. */
static bool
is_numbered(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(text, prefix, length) != 0 || text[length] == '\0')
		return false;
	for (text += length; *text != '\0'; text++)
		if (!isdigit((unsigned char) *text))
			return false;
	return true;
}

static bool
check_program(const char *program)
{
	struct stat status;

	if (program[0] != '/')
		return volume_fail(COPIER_USAGE, 0, program, "Give the full path of the program.",
						   "provisioning program must be an absolute path");
	if (stat(program, &status) != 0)
		return volume_fail_errno(program, "could not find the provisioning program");
	if (!S_ISREG(status.st_mode) || access(program, X_OK) != 0)
		return volume_fail(COPIER_REFUSED, 0, program, "Make it executable for the server's user.",
						   "provisioning program is not an executable file");
	if ((status.st_mode & S_IWOTH) != 0)
		return volume_fail(COPIER_REFUSED, 0, program, "Take the write permission of others away.",
						   "provisioning program can be changed by every user");
	return true;
}

static int64_t
milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What the program has said so far on standard error; of more than "text" holds, the beginning. */
static void
read_complaint(int *errors, char text[STDERR_LIMIT + 1], size_t *length)
{
	for (;;)
	{
		char chunk[512];
		ssize_t n = read(*errors, chunk, sizeof(chunk));
		size_t keep;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
		{
			*errors = -1; /* poll() passes it over */
			return;
		}
		keep = (size_t) n < STDERR_LIMIT - *length ? (size_t) n : STDERR_LIMIT - *length;
		memcpy(text + *length, chunk, keep);
		*length += keep;
	}
}

/*
 * Waits for the program itself: it may close standard error and go on, or leave it open in something
 * that it started (LVM's daemons).  A program that takes longer than the time allowed is killed with all
 * that it started.
 */
static bool
wait_for_program(pid_t pid, int errors, const VolumeOptions *options)
{
	char text[STDERR_LIMIT + 1];
	size_t length = 0;
	int64_t deadline = milliseconds_now() + (int64_t) options->timeout * 1000;
	bool late = false;
	pid_t ended = 0;
	int status = 0;

	if (fcntl(errors, F_SETFL, O_NONBLOCK) != 0)
		return volume_fail_errno(NULL, "could not set up a pipe");
	while (ended == 0)
	{
		struct pollfd poll_fd = {.fd = errors, .events = POLLIN};

		if (!late && milliseconds_now() >= deadline)
		{
			late = true;
			kill(-pid, SIGKILL);
		}
		(void) poll(&poll_fd, 1, PROGRAM_TICK);
		if (errors >= 0)
			read_complaint(&errors, text, &length);
		ended = waitpid(pid, &status, WNOHANG);
		if (ended < 0 && errno == EINTR)
			ended = 0;
		if (ended < 0)
			return volume_fail_errno(options->command,
									 "could not wait for the provisioning program");
	}
	if (errors >= 0)
		read_complaint(&errors, text, &length);
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		length--;
	text[length] = '\0';
	if (late)
		return volume_fail(COPIER_IO, ETIMEDOUT, options->command,
						   "Look why the program hangs, or raise --timeout.",
						   "provisioning program did not end within %" PRIu64 " seconds",
						   options->timeout);
	if (WIFSIGNALED(status))
		return volume_fail(COPIER_IO, 0, options->command, NULL,
						   "provisioning program was killed by signal %d: %s", WTERMSIG(status),
						   text);
	if (WEXITSTATUS(status) != 0)
		return volume_fail(COPIER_IO, 0, options->command, NULL,
						   "provisioning program failed with exit code %d: %s", WEXITSTATUS(status),
						   text);
	return true;
}

static bool
run_program(const VolumeOptions *options)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t defaults;
	char bytes[24];
	char *arguments[6];
	static char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
	int errors[2];
	int error;
	pid_t pid;
	bool done;

	if (!check_program(options->command))
		return false;
	snprintf(bytes, sizeof(bytes), "%" PRIu64, options->size);
	arguments[0] = (char *) options->command;
	arguments[1] = (char *) options->action;
	arguments[2] = (char *) options->vg;
	arguments[3] = (char *) options->lv;
	arguments[4] = bytes;
	arguments[5] = NULL;
	if (pipe2(errors, O_CLOEXEC) != 0)
		return volume_fail_errno(NULL, "could not make a pipe");
	sigemptyset(&none);
	sigfillset(&defaults);
	sigdelset(&defaults, SIGKILL);
	sigdelset(&defaults, SIGSTOP);
	if ((error = posix_spawn_file_actions_init(&actions)) != 0 ||
		(error = posix_spawnattr_init(&attributes)) != 0 ||
		(error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)) != 0 ||
		(error = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)) != 0 ||
		(error = posix_spawn_file_actions_adddup2(&actions, errors[1], 2)) != 0 ||
		(error = posix_spawnattr_setsigmask(&attributes, &none)) != 0 ||
		(error = posix_spawnattr_setsigdefault(&attributes, &defaults)) != 0 ||
		(error =
			 posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
													   POSIX_SPAWN_SETPGROUP)) != 0 ||
		(error = posix_spawn(&pid, options->command, &actions, &attributes, arguments,
							 environment)) != 0)
	{
		close(errors[0]);
		close(errors[1]);
		errno = error;
		return volume_fail_errno(options->command, "could not start the provisioning program");
	}
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(errors[1]);
	done = wait_for_program(pid, errors[0], options);
	close(errors[0]);
	return done;
}

#define PROVISION_HINT                                                                             \
	"The provisioning program must activate the logical volume so that udev links it."

/* Where the link leads: to a node of device mapper, or to a loop device where these are allowed. */
static bool
find_device(const VolumeOptions *options, const char *link, char *device, size_t size,
			bool *is_loop)
{
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	int needed;

	if (length < 0 && errno == EINVAL)
		return volume_fail(COPIER_REFUSED, 0, link, PROVISION_HINT,
						   "device name is not a symbolic link");
	if (length < 0)
		return volume_fail_errno(link, "could not read device link");
	target[length] = '\0';
	*is_loop = options->allow_loop && is_numbered(target, "/dev/loop");
	if (*is_loop)
		needed = snprintf(device, size, "%s", target);
	else if (is_numbered(target, "../dm-"))
		needed = snprintf(device, size, "%s/%s", options->root, target + 3);
	else
		return volume_fail(COPIER_REFUSED, 0, link, PROVISION_HINT,
						   "device link leads to \"%s\", not to ../dm-N", target);
	if (needed < 0 || (size_t) needed >= size)
		return volume_fail(COPIER_USAGE, ENAMETOOLONG, link, NULL, "device path is too long");
	return true;
}

/* The opened device is the wanted one by the kernel's own names. */
static bool
check_kernel_names(const VolumeOptions *options, const char *device, dev_t number, bool is_loop)
{
	char expected[520];
	char found[520];

	if (is_loop)
		return major(number) == LOOP_MAJOR ||
			   volume_fail(COPIER_REFUSED, 0, device, NULL, "not a loop device");
	mapper_name(expected, sizeof(expected), options->vg, options->lv);
	if (!file_device_attribute(major(number), minor(number), "dm/name", found, sizeof(found)) ||
		strcmp(found, expected) != 0)
		return volume_fail(COPIER_REFUSED, 0, device, PROVISION_HINT,
						   "device is not device mapper's \"%s\" in the kernel", expected);
	if (!file_device_attribute(major(number), minor(number), "dm/uuid", found, sizeof(found)) ||
		strncmp(found, "LVM-", 4) != 0)
		return volume_fail(COPIER_REFUSED, 0, device, PROVISION_HINT,
						   "device is not a logical volume");
	return true;
}

static bool
check_open_device(const VolumeOptions *options, const char *device, int fd, bool is_loop,
				  struct json *answer)
{
	struct stat status;
	uint64_t bytes;
	int sector;

	if (fstat(fd, &status) != 0)
		return volume_fail_errno(device, "could not read device attributes");
	if (!S_ISBLK(status.st_mode))
		return volume_fail(COPIER_REFUSED, 0, device, PROVISION_HINT, "not a block device");
	if (!check_kernel_names(options, device, status.st_rdev, is_loop))
		return false;
	if (ioctl(fd, BLKGETSIZE64, &bytes) != 0 || ioctl(fd, BLKSSZGET, &sector) != 0)
		return volume_fail_errno(device, "could not read device size");
	if (bytes < options->size)
		return volume_fail(COPIER_NO_SPACE, 0, device,
						   "The provisioning program made it too small; look at its rounding.",
						   "device has %" PRIu64 " bytes, less than %" PRIu64, bytes,
						   options->size);
	json_string(answer, "path", device);
	json_integer(answer, "size", bytes);
	json_integer(answer, "logical_block_size", (uint64_t) sector);
	json_integer(answer, "device", status.st_rdev);
	return true;
}

/* The device behind <root>/<vg>/<lv>. */
static bool
check_device(const VolumeOptions *options, const char *link, struct json *answer)
{
	char device[PATH_MAX];
	bool is_loop = false;
	bool good;
	int fd;

	if (!find_device(options, link, device, sizeof(device), &is_loop))
		return false;
	fd = open(device, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return volume_fail_errno(device, "could not open device");
	good = check_open_device(options, device, fd, is_loop, answer);
	close(fd);
	return good;
}

bool
volume_provision(const VolumeOptions *options, struct json *answer)
{
	char link[PATH_MAX];
	struct stat status;

	if (!is_lvm_name(options->vg))
		return volume_fail(COPIER_USAGE, 0, options->vg, NULL, "not a volume group name");
	if (!is_lvm_name(options->lv))
		return volume_fail(COPIER_USAGE, 0, options->lv, NULL, "not a logical volume name");
	if (options->root[0] != '/' || (size_t) snprintf(link, sizeof(link), "%s/%s/%s", options->root,
													 options->vg, options->lv) >= sizeof(link))
		return volume_fail(COPIER_USAGE, 0, options->root, NULL,
						   "--root must be an absolute path of usual length");
	if (!run_program(options))
		return false;
	if (strcmp(options->action, "remove") != 0)
		return check_device(options, link, answer);
	if (lstat(link, &status) == 0)
		return volume_fail(COPIER_IO, 0, link,
						   "Look at the provisioning program: it said that the device is removed.",
						   "device link is still there");
	if (errno != ENOENT)
		return volume_fail_errno(link, "could not look for the device link");
	json_bool(answer, "removed", true);
	return true;
}
