/*
 * rootpath.h
 *		Opens paths of the command line, and with --root only below the given directories.
 *
 * Below a root no component may be a symbolic link or lead out of it (docs/design/decisions.md, "Storage roots").  Without a
 * root a path means what it means to the shell.  Nothing here ever sees a name from an image.
 */
#ifndef COPY_ROOTPATH_H
#define COPY_ROOTPATH_H

#include <sys/types.h>

#include "copy/base/common.h"

/* Adds a --root directory.  At most COPIER_MAX_ROOTS.  Returns 0, or -1 after report_error(). */
extern int root_add(const char *path);

/*
 * From now on every root must be such a directory or lie below one, without a symbolic link on the way from it, no file is
 * opened without a root, and no block device that volume_group.h does not allow.  At most COPIER_MAX_ROOTS.  Returns 0, or
 * -1 after report_error().
 */
extern int root_confine(const char *path);
extern bool root_is_confined(void);

/* open(2) of a root itself, as far as root_confine() allows it; "flags" beside O_DIRECTORY.  -1 with errno. */
extern int root_open_directory(const char *path, int flags);

/*
 * open(2) of "path" below the root that contains it.  Returns a descriptor, or -1 with errno
 * (EXDEV or ELOOP where the path leaves the root).
 */
extern int root_open(const char *path, int flags, mode_t mode);

/*
 * Opens "path" a second time, for direct reading; "fd" is open on it.  Returns a descriptor, or -1 where
 * the file has no direct I/O or the path leads to another file by now.
 */
extern int root_open_direct(const char *path, int fd);

/*
 * Opens the directory that holds "path" and sets *name to the last component within "path".
 * Returns a descriptor for openat(), or -1 with errno.
 */
extern int root_open_directory_of(const char *path, const char **name);

/*
 * Where "path" leads if it is a symbolic link to a block device, as the names of logical volumes are; else,
 * and with --root, "path".  The answer is good until the next call.
 */
extern const char *root_device_path(const char *path);

/* open(2) of one name, without '/', in a directory; never follows a link.  -1 with errno. */
extern int open_in_directory(int directory, const char *name, int flags, mode_t mode);

/*
 * Gives a file another name in its directory, which nobody may have yet (EEXIST); on NFS somebody who makes it in that
 * moment loses it.  Returns 0, or -1 with errno.
 */
extern int rename_in_directory(int directory, const char *from, const char *to);

/* Removes a name, if it still is that of the open file "fd", which could not be made to the end. */
extern void unlink_if_same(int directory, const char *name, int fd);

/* Refuses the path of an output where something else than a block device is.  0, or -1 after report_error(). */
extern int root_refuse_file(const char *path);

/* Last component of a path; the whole of it where there is no '/'. */
extern const char *path_last_component(const char *path);

#endif
