/*
 * worker_presence.h
 *		Whether the current database has a worker, how it gets one, and when that one may exit.
 *
 * Three kinds of processes ask: backends that call, start_worker(), and the worker itself.  Preloaded,
 * a launcher connected to no database keeps one slot in shared memory for each database whose worker
 * runs or should run (worker_slots.h).  Not preloaded there are no slots: the first call starts a
 * worker, which is known by its session lock, and which exits when it has had nothing to do for
 * vmclone.worker_idle_timeout.
 */
#ifndef VMCLONE_WORKER_PRESENCE_H
#define VMCLONE_WORKER_PRESENCE_H

#include "postgres.h"

#define WORKER_BACKEND_TYPE "vmclone worker"

/* What it does stands behind that in its application_name. */
#define WORKER_APPLICATION_NAME "vmclone worker: "

/* The library was loaded by shared_preload_libraries and the server is no upgrade's. */
extern bool launcher_present(void);

/*
 * Makes sure that the current database has a worker; with a launcher that is worker_wake's part.
 * False: no background worker slot was free.
 */
extern bool worker_ensure(void);

/*
 * Has the worker look for work soon, and the launcher start it where there is none.  Can't fail and
 * allocates nothing, so that it may run after commit.  False: the launcher has no slot left.
 */
extern bool worker_wake(void);

/*
 * For a call that will give the worker something to do: until the end of the transaction, also of a
 * prepared one, no worker exits for want of work.  Waits while one is just about to.
 */
extern void worker_expect_call(void);

/* A worker holds the current database's session lock. */
extern bool worker_is_running(void);

/* For the worker itself: takes the session lock; false when another worker keeps it. */
extern bool worker_lock_take(void);
extern void worker_lock_release(void);

/*
 * For the worker itself: what calls have committed is visible, and until worker_admit_calls others
 * wait before they write.  False: a call is under way.
 */
extern bool worker_exclude_calls(void);
extern void worker_admit_calls(void);

/*
 * For the worker itself, before it connects: occupies its slot.  False: it isn't wanted any more.
 * Always true where there is no launcher.
 */
extern bool worker_slot_occupy(Oid database_id);

/* For the worker itself: whether there are jobs that are not over, for DROP DATABASE (worker_commands.c). */
extern void worker_slot_tell_live(bool any_live);

/* It exits because there is nothing for it to do, and need not be started again. */
extern void worker_slot_retire(void);

#endif
