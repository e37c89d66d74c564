/*
 * safeopen.h
 *		Opens files below a directory without ever following a symbolic link.
 *
 * Promise: the file opened lies below the directory that the caller holds open, whatever anybody
 * does to names meanwhile.  No "..", no symbolic or magic link is followed, on kernels without
 * openat2 too.  docs/design/decisions.md, "Storage roots".
 */
#ifndef VMCLONE_COPY_SAFEOPEN_H
#define VMCLONE_COPY_SAFEOPEN_H

#include <sys/types.h>

/*
 * Opens "relative" (no leading '/', no empty, "." or ".." component) below rootfd, a directory.
 * flags and mode are open(2)'s; O_CLOEXEC and O_NOFOLLOW are always added.
 * Returns a descriptor, or -1 with errno: EXDEV or ELOOP = the name leaves the directory or goes
 * through a link, EINVAL = not a relative plain name, else as open(2).
 */
extern int safe_open_beneath(int rootfd, const char *relative, int flags, mode_t mode);

#endif /* VMCLONE_COPY_SAFEOPEN_H */
