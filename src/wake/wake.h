/*
 * wake.h
 *		Tells the worker, at commit, that there is work.
 *
 * One transaction callback is registered at library load; a backend-local flag says whether this
 * transaction has queued something.  Just before COMMIT a worker is started if none is there (not
 * preloaded), behind it latches are set.  PREPARE TRANSACTION does the same; the worker stays until
 * the prepared transaction has ended, and its slow safety poll finds the rows of a COMMIT PREPARED.
 */
#ifndef VMCLONE_WAKE_H
#define VMCLONE_WAKE_H

extern void wake_initialize(void); /* from _PG_init */
extern void wake_worker_at_commit(void);

/* For who waits: starts a worker where none runs; false, with a WARNING, if there is no slot for it. */
extern bool wake_worker_now(void);

#endif
