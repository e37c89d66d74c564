/*
 * sandbox.h
 *		Gives up every right that reading images doesn't need, before the first byte of one is read.
 *
 * All files are open and all threads run by then.  Afterwards the process can read, write, sync and
 * clone ranges.  No call that takes a path is left, nor any that makes sockets or processes, and no
 * io_uring.  Whatever is not allowed fails with EPERM.  What must be removed, remover.h removes.
 */
#ifndef COPY_SANDBOX_H
#define COPY_SANDBOX_H

#include "copy/base/common.h"

/*
 * Limits on memory, core files and malloc, and as many descriptors as are allowed; call first. 
 * "supervised": end when the parent does.
 */
extern void sandbox_prepare(bool supervised);

/* How many descriptors can be opened behind "fd". */
extern int sandbox_descriptors_left(int fd);

/* Enters the sandbox with all threads.  Returns 0, or -1 after report_error(). */
extern int sandbox_enter(void);

/*
 * No file may grow beyond this many bytes from now on, or beyond 1 MiB; those behind stdout and stderr by
 * 1 GiB more than they have.
 */
extern void sandbox_limit_file_size(uint64_t bytes);

/*
 * In a build with COPY_SANDBOX_PROBE: tries open, openat, socket, execve, fork, io_uring_setup and more,
 * and to remove, change and look at the file that VMCLONE_COPY_PROBE names, and prints what came of each
 * as JSON lines.  Elsewhere it does nothing.
 */
extern void sandbox_probe(void);

#endif
