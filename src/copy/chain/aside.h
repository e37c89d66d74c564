/*
 * aside.h
 *		A second thread for work that the first one shares with it.  In the sandbox no thread can be
 *		started, so it is there from the beginning and waits.
 */
#ifndef COPY_ASIDE_H
#define COPY_ASIDE_H

struct aside;

/* Starts the thread.  NULL after report_error(). */
extern struct aside *aside_start(void);

/* Has the thread call work(argument), which begins at once.  One at a time: aside_wait() comes between. */
extern void aside_run(struct aside *aside, void (*work)(void *argument), void *argument);

/* Waits until the work, if there is any, has ended. */
extern void aside_wait(struct aside *aside);

/* Waits, and ends the thread.  NULL is allowed. */
extern void aside_stop(struct aside *aside);

#endif
