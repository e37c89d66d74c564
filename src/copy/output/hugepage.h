/*
 * hugepage.h
 *		Fills 2 MiB of a tmpfs file at once, as one huge page.
 *
 * A write to tmpfs spends most of its time on pages of 4 KiB that it gets, charges and inserts one by
 * one, while it holds the file's lock.  MADV_COLLAPSE (Linux 6.1) puts one huge page there instead,
 * whatever the mount's huge= says, and two threads can do so at the same time.
 */
#ifndef COPY_HUGEPAGE_H
#define COPY_HUGEPAGE_H

#include <stdatomic.h>

#include "copy/base/common.h"

#define HUGEPAGE_BYTES (2 * MIB)

struct hugepage_window;

/*
 * Whether it is worth trying with this file.  Catches SIGBUS for good, so that a file which someone
 * else cuts meanwhile doesn't end the process.
 */
extern bool hugepage_prepare(int fd);

/* Address space for one thread; no memory.  NULL = none left. */
extern struct hugepage_window *hugepage_open(void);

extern void hugepage_close(struct hugepage_window *window);

/*
 * When to take a huge page.  They are the faster way by far where memory is at hand; where it isn't
 * (fragmented, or a hypervisor must get it first), pages of 4 KiB that were in use a moment ago are.
 * So both are timed, and after slow huge pages the next ones are left out, each time twice as many.
 * All threads of an engine share one; it begins as zeroes.
 */
struct hugepage_pace
{
	atomic_uint leave_out; /* so many more */
	atomic_uint next_leave_out;
	atomic_uint slow;              /* in a row */
	atomic_uint_fast64_t ordinary; /* ns of the last write in pages of 4 KiB; 0 = none yet */
};

/* Whether the next HUGEPAGE_BYTES should be tried as a huge page. */
extern bool hugepage_is_due(struct hugepage_pace *pace);

/* CPU time of this thread, ns: what a busy machine adds to a write doesn't count. */
extern uint64_t hugepage_clock(void);

/* What HUGEPAGE_BYTES took in the two ways; "good": there was a huge page to be had. */
extern void hugepage_took(struct hugepage_pace *pace, uint64_t time, bool good);
extern void hugepage_ordinary_took(struct hugepage_pace *pace, uint64_t time);

/*
 * Writes HUGEPAGE_BYTES from "from" to "offset", a multiple of that.  False if it can't be done (old
 * kernel, no huge page to be had, no space): the range then holds what it held, or the first bytes of
 * "from", and must be written in the ordinary way, which also tells what is wrong.
 */
extern bool hugepage_write(struct hugepage_window *window, int fd, const unsigned char *from,
						   uint64_t offset);

#endif
