/*
 * helper_thread.h
 *		A second thread for work that the first one shares with it.  In the sandbox no thread can be
 *		started, so it is there from the beginning and waits.
 */
#ifndef COPY_HELPER_THREAD_H
#define COPY_HELPER_THREAD_H

struct helper_thread;

/* Starts the thread.  NULL after report_error(). */
extern struct helper_thread *helper_thread_start(void);

/* Has the thread call work(argument), which begins at once.  One at a time: helper_thread_wait() comes between. */
extern void helper_thread_run(struct helper_thread *helper, void (*work)(void *argument),
							  void *argument);

/* Waits until the work, if there is any, has ended. */
extern void helper_thread_wait(struct helper_thread *helper);

/* Waits, and ends the thread.  NULL is allowed. */
extern void helper_thread_stop(struct helper_thread *helper);

#endif
