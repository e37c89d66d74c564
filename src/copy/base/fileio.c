/*
 * fileio.c
 *		Whole reads and writes at an offset, and what a file allows for direct I/O.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/base/fingerprint.h"

ssize_t
file_read(int fd, void *buffer, size_t length, uint64_t offset)
{
	size_t done = 0;

	if (offset > INT64_MAX || length > INT64_MAX - offset)
	{
		/* No file reaches that far. */
		return 0;
	}
	while (done < length)
	{
		ssize_t got = pread(fd, (char *) buffer + done, length - done, (off_t) (offset + done));

		if (got < 0)
		{
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (got == 0)
			break;
		done += (size_t) got;
	}
	return (ssize_t) done;
}

int
file_read_zero_filled(int fd, void *buffer, size_t length, uint64_t offset)
{
	ssize_t got = file_read(fd, buffer, length, offset);

	if (got < 0)
		return -1;
	if ((size_t) got < length)
		memset((char *) buffer + got, 0, length - (size_t) got);
	return 0;
}

int
file_write(int fd, const void *buffer, size_t length, uint64_t offset)
{
	size_t done = 0;

	if (offset > INT64_MAX || length > INT64_MAX - offset)
	{
		errno = EFBIG;
		return -1;
	}
	while (done < length)
	{
		ssize_t put =
			pwrite(fd, (const char *) buffer + done, length - done, (off_t) (offset + done));

		if (put < 0)
		{
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (put == 0)
		{
			/* Only a device that ends here does that. */
			errno = ENOSPC;
			return -1;
		}
		done += (size_t) put;
	}
	return 0;
}

int
file_system_of(int fd, struct statfs *system)
{
	static struct statfs known;
	static dev_t device;
	static bool is_known = false;
	struct stat status;

	if (file_status(fd, &status) != 0)
		return -1;
	if (!is_known || device != status.st_dev)
	{
		is_known = fstatfs(fd, &known) == 0;
		device = status.st_dev;
		if (!is_known)
			return -1;
	}
	*system = known;
	return 0;
}

uint32_t
file_direct_alignment(int fd)
{
	struct stat status;
	struct statfs system;

	if (fstat(fd, &status) != 0)
		return 0;
	if (S_ISBLK(status.st_mode))
	{
		int sector = 0;

		if (ioctl(fd, BLKSSZGET, &sector) != 0 || sector < 1 || sector > (int) DIRECT_BLOCK)
			return 0;
		return (uint32_t) sector;
	}
#ifdef STATX_DIOALIGN
	{
		struct statx extended;

		if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &extended) == 0 &&
			(extended.stx_mask & STATX_DIOALIGN) != 0)
		{
			uint32_t align = extended.stx_dio_offset_align;

			if (extended.stx_dio_mem_align > align)
				align = extended.stx_dio_mem_align;
			if (!is_power_of_two(align) || align > DIRECT_BLOCK)
				return 0;
			return align;
		}
	}
#endif
	/* tmpfs takes O_DIRECT and copies through memory all the same. */
	if (file_system_of(fd, &system) != 0 || system.f_type == TMPFS_MAGIC ||
		system.f_type == RAMFS_MAGIC)
		return 0;
	/* A kernel or file system that doesn't tell (NFS): 4096 is enough everywhere. */
	return (uint32_t) DIRECT_BLOCK;
}

int
file_status(int fd, struct stat *status)
{
#if defined(SYS_fstat) && defined(__LP64__)
	/* glibc's fstat() may be newfstatat() with "", which a filter can't tell from any other path. */
	return (int) syscall(SYS_fstat, fd, status);
#else
	return fstat(fd, status);
#endif
}

uint64_t
file_birth(int fd, const char *name)
{
	struct statx status;

	if (statx(fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BTIME, &status) != 0 ||
		(status.stx_mask & STATX_BTIME) == 0)
		return 0;
	return (uint64_t) status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
}

bool
file_device_attribute(unsigned major_number, unsigned minor_number, const char *file, char *line,
					  size_t size)
{
	char path[128];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major_number, minor_number, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, line, size - 1);
	close(fd);
	if (length <= 0)
		return false;
	line[length] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

uint64_t
file_device_identity(const struct stat *status)
{
	static const char *const names[] = {"dm/uuid", "device/wwid", "wwid"};
	struct fingerprint hash = {0, 0};
	char line[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (!file_device_attribute(major(status->st_rdev), minor(status->st_rdev), names[i], line,
								   sizeof(line)) ||
			line[0] == '\0')
			continue;
		for (const char *byte = line; *byte != '\0'; byte++)
			fingerprint_add(&hash, (unsigned char) *byte);
		return hash.low;
	}
	return status->st_rdev;
}

int
file_size(int fd, uint64_t *size)
{
	struct stat status;

	if (file_status(fd, &status) != 0)
		return -1;
	if (S_ISREG(status.st_mode))
	{
		*size = (uint64_t) status.st_size;
		return 0;
	}
	if (S_ISBLK(status.st_mode))
		return ioctl(fd, BLKGETSIZE64, size);
	errno = EINVAL;
	return -1;
}

int
file_sync_directory(int fd)
{
	struct stat status;

	/* CIFS and some FUSE file systems can't sync a directory and say so with EINVAL */
	if (fsync(fd) != 0 && errno != EINVAL)
		return -1;

	/*
	 * XFS answers 0 even when it has shut down (Linux 6.18, xfs_dir_fsync only looks for what the log still has to write),
	 * and a new name is gone at the next mount.  Attributes it refuses then.
	 */
	return file_status(fd, &status);
}

int
file_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 1;
	return errno == EAGAIN || errno == EACCES ? 0 : -1;
}

bool
memory_is_zero(const void *memory, size_t length)
{
	const unsigned char *bytes = memory;

	/* Most data differs from zero in its first bytes; the comparison runs only on what doesn't. */
	while (length > 0 && ((uintptr_t) bytes & 7) != 0)
	{
		if (*bytes != 0)
			return false;
		bytes++;
		length--;
	}
	while (length >= 64)
	{
		uint64_t words[8];

		memcpy(words, bytes, sizeof(words));
		if ((words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] |
			 words[7]) != 0)
			return false;
		bytes += 64;
		length -= 64;
	}
	while (length > 0)
	{
		if (*bytes != 0)
			return false;
		bytes++;
		length--;
	}
	return true;
}
