/*
 * fileio.h
 *		Whole reads and writes at an offset, and what a file allows for direct I/O.
 */
#ifndef COPY_FILEIO_H
#define COPY_FILEIO_H

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

#include "copy/base/common.h"

/* Reads until "length" bytes or the end of the file.  Returns bytes read, or -1 with errno. */
extern ssize_t file_read(int fd, void *buffer, size_t length, uint64_t offset);

/* As file_read(); bytes past the end of the file read as zero.  Returns 0, or -1 with errno. */
extern int file_read_zero_filled(int fd, void *buffer, size_t length, uint64_t offset);

/* Returns 0, or -1 with errno. */
extern int file_write(int fd, const void *buffer, size_t length, uint64_t offset);

/*
 * fstatfs(), asked once of a file system: on NFS each is a question to the server.  Kind and block size stay; for what is free
 * ask anew.  One thread, before there are others.  Returns 0, or -1 with errno.
 */
extern int file_system_of(int fd, struct statfs *system);

/*
 * Alignment that direct I/O on the file needs for offset, length and memory, as statx tells it
 * (a power of two from 1 to 4096), or 0 where the file has no direct I/O.
 */
extern uint32_t file_direct_alignment(int fd);

/* fstat() by a system call that takes no path, for the sandbox.  Returns 0, or -1 with errno. */
extern int file_status(int fd, struct stat *status);

/*
 * When the file of this name in a directory was made, in ns since 1970; with the name "" that of the
 * descriptor.  0 where the file system doesn't tell.
 */
extern uint64_t file_birth(int fd, const char *name);

/* One line of a file in /sys about a block device; false if there is none.  Not in the sandbox. */
extern bool file_device_attribute(unsigned major_number, unsigned minor_number, const char *file,
								  char *line, size_t size);

/*
 * Which block device it is, seen from any host: a hash of device mapper's uuid (a logical volume has the same
 * everywhere) or of its WWID; where it has neither, as loop devices, its number here.  Not in the sandbox.
 */
extern uint64_t file_device_identity(const struct stat *status);

/* Size in bytes of a regular file or block device.  Returns 0, or -1 with errno. */
extern int file_size(int fd, uint64_t *size);

/* Syncs a directory; a file system that has no sync of directories is fine.  Returns 0, or -1 with errno. */
extern int file_sync_directory(int fd);

/*
 * Locks the whole file exclusively for as long as it is open (OFD), without waiting.  Returns 1; 0 = somebody
 * else has a lock; -1 with errno.
 */
extern int file_lock(int fd);

/* True if all "length" bytes are zero. */
extern bool memory_is_zero(const void *memory, size_t length);

#endif
