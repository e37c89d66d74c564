/*
 * lease.h
 *		How long a copier may go on writing without a word from whoever started it.
 *
 * The caller gives a copier a lease and tells it again and again the newest clock of the copier's that he has
 * read.  A copier writes no longer than the lease behind that clock: who has read no newer one knows when it is
 * over, whatever became of the connection.  Each thread that writes has a timer of its own, whose signal ends the
 * process: it comes before the thread's next instruction, also when all were stopped meanwhile, as by SIGSTOP or a
 * suspended machine.  Whoever starts the copier waits a while longer, for what the kernel was doing.
 */
#ifndef COPY_LEASE_H
#define COPY_LEASE_H

#include <sys/types.h>

#include "copy/base/common.h"

/* CLOCK_BOOTTIME in ms: the same for every process of a machine, and going on while it sleeps. */
extern uint64_t lease_clock(void);

/*
 * Begins a lease of so many seconds behind "beat" (ms of lease_clock(), not in the future), and guards the calling
 * thread.  Returns 0, or -1 after report_error(), of kind lease if it is over already.
 */
extern int lease_start(uint64_t seconds, uint64_t beat);

extern bool lease_is_on(void);

/* The caller has read this clock.  An older one than before, or one that this copier can't have told, says nothing. */
extern void lease_beat(uint64_t clock);

/* From here on the calling thread ends the process when the lease is over; that may be at once. */
extern void lease_guard_thread(void);

/* The calling process only waits for another one, which hears the caller: it is not ended until the next guard. */
extern void lease_release_process(void);

/*
 * While a lease is on, whatever ends the calling process before its work is done kills the bound process group first: the end
 * of the lease, "cancel", the end of stdin and signals.  It is begun before its first process is started, so that one that
 * is starting doesn't go on alone; bound to 0 it is over, or could not be started.  Of the main thread.
 */
extern void lease_begin_group(void);
extern void lease_bind_group(pid_t group);
extern void lease_kill_group(void);

/* In a process that was forked: it shares the lease, and none of its threads is guarded. */
extern void lease_forked(void);

#endif
