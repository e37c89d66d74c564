/*
 * wake.h
 *		Tells the worker, at commit, that there is work.
 *
 * One transaction callback is registered at library load; a backend-local flag says whether this
 * transaction has queued something.  At COMMIT the worker's latch is set (preloaded) or a worker
 * is started (not preloaded).  PREPARE TRANSACTION does the same, so that a worker is
 * there whose slow safety poll finds the rows of a COMMIT PREPARED.
 */
#ifndef VMCLONE_WAKE_H
#define VMCLONE_WAKE_H

extern void wake_initialize(void); /* from _PG_init */
extern void wake_worker_at_commit(void);

#endif
