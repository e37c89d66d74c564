/*
 * volume_device.c
 *		Which device a logical volume is: the kernel's own names decide, not a name in /dev.
 */
#include "copy/volume/volume_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/base/volume_group.h"

#define LOOP_MAJOR 7

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
	*is_loop = options->allow_loop && volume_group_is_numbered(target, "/dev/loop");
	if (*is_loop)
		needed = snprintf(device, size, "%s", target);
	else if (volume_group_is_numbered(target, "../dm-"))
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
check_kernel_names(const VolumeOptions *options, const char *lv, const char *device, dev_t number,
				   bool is_loop)
{
	char expected[MAPPER_NAME_SIZE];
	char found[MAPPER_NAME_SIZE];

	if (is_loop)
		return major(number) == LOOP_MAJOR ||
			   volume_fail(COPIER_REFUSED, 0, device, NULL, "not a loop device");
	volume_group_mapper_name(expected, sizeof(expected), options->vg, lv);
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
check_open_device(const VolumeOptions *options, const char *lv, const char *device, int fd,
				  bool is_loop, struct json *answer)
{
	struct stat status;
	uint64_t bytes;
	int sector;

	if (fstat(fd, &status) != 0)
		return volume_fail_errno(device, "could not read device attributes");
	if (!S_ISBLK(status.st_mode))
		return volume_fail(COPIER_REFUSED, 0, device, PROVISION_HINT, "not a block device");
	if (!check_kernel_names(options, lv, device, status.st_rdev, is_loop))
		return false;
	if (ioctl(fd, BLKGETSIZE64, &bytes) != 0 || ioctl(fd, BLKSSZGET, &sector) != 0)
		return volume_fail_errno(device, "could not read device size");
	if (bytes < options->size)
		return volume_fail(COPIER_NO_SPACE, 0, device,
						   "The provisioning program made it too small; look at its rounding.",
						   "device has %" PRIu64 " bytes, less than %" PRIu64, bytes,
						   options->size);
	json_open(answer, NULL, '{');
	json_string(answer, "lv", lv);
	json_string(answer, "path", device);
	json_integer(answer, "size", bytes);
	json_integer(answer, "logical_block_size", (uint64_t) sector);
	json_integer(answer, "device", status.st_rdev);
	json_close(answer, '}');
	return true;
}

/* <root>/<vg>/<lv>, where udev puts a link. */
static bool
device_link(const VolumeOptions *options, const char *lv, char link[PATH_MAX])
{
	return (size_t) snprintf(link, PATH_MAX, "%s/%s/%s", options->root, options->vg, lv) <
			   PATH_MAX ||
		   volume_fail(COPIER_USAGE, ENAMETOOLONG, options->root, NULL, "device path is too long");
}

bool
volume_find_device(const VolumeOptions *options, const char *lv, struct json *answer)
{
	char link[PATH_MAX];
	char device[PATH_MAX];
	bool is_loop = false;
	bool good;
	int fd;

	if (!device_link(options, lv, link) ||
		!find_device(options, link, device, sizeof(device), &is_loop))
		return false;
	fd = open(device, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return volume_fail_errno(device, "could not open device");
	good = check_open_device(options, lv, device, fd, is_loop, answer);
	close(fd);
	return good;
}

bool
volume_device_is_gone(const VolumeOptions *options, const char *lv)
{
	char link[PATH_MAX];
	struct stat status;

	if (!device_link(options, lv, link))
		return false;
	if (lstat(link, &status) == 0)
		return volume_fail(COPIER_IO, 0, link,
						   "Look at the provisioning program: it said that the device is removed.",
						   "device link is still there");
	if (errno != ENOENT)
		return volume_fail_errno(link, "could not look for the device link");
	return true;
}
