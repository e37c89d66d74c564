/*
 * worker_slots.h
 *		Shared memory of the launcher: one slot for each database whose worker runs or should run.
 *
 * Only for launcher.c, worker_slots.c and worker_commands.c.  There is no shared memory, and
 * launcher_shared is NULL, where the library isn't preloaded.
 */
#ifndef VMCLONE_WORKER_SLOTS_H
#define VMCLONE_WORKER_SLOTS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "postmaster/bgworker.h"
#include "storage/lwlock.h"

#define LIBRARY_NAME "vmclone"

/* Databases with a worker at once; max_worker_processes is the real bound. */
#define WORKER_SLOTS 256

/* Milliseconds before a worker that died is started again. */
#define RESTART_DELAY_MS 5000

typedef enum SlotState
{
	SLOT_FREE,
	SLOT_WANTED,   /* to be started at start_at, unless suspended */
	SLOT_STARTING, /* registered, has not reported yet */
	SLOT_RUNNING,  /* pid is there */
} SlotState;

typedef struct WorkerSlot
{
	Oid database_id;
	SlotState state;
	pid_t pid;
	uint64 generation;    /* tells a late worker that its slot is another's by now */
	int suspended;        /* commands under way that need the database without connections */
	bool any_live;        /* jobs that were not over when the worker last looked */
	TimestampTz start_at; /* SLOT_WANTED */
} WorkerSlot;

typedef struct LauncherShared
{
	LWLock *lock;
	pid_t launcher_pid;
	uint64 next_generation;
	WorkerSlot slots[WORKER_SLOTS];
} LauncherShared;

/* What the launcher hands to a worker in bgw_extra. */
typedef struct WorkerArgument
{
	int slot;
	uint64 generation;
} WorkerArgument;

extern LauncherShared *launcher_shared;

/* From _PG_init while preloading: asks for the shared memory. */
extern void worker_slots_initialize(void);

/*
 * Slot of a database; with create, a free one is made its own (SLOT_FREE still).  NULL: none.
 * Under the lock.
 */
extern WorkerSlot *worker_slot_find(Oid database_id, bool create);

/* Sets the latch of a process of this server; 0 and processes that are gone are passed over. */
extern void worker_set_latch(pid_t pid);

/* A registration of the database's worker, to be completed with bgw_extra and bgw_notify_pid. */
extern void worker_fill_registration(BackgroundWorker *worker, Oid database_id);

/* From _PG_init while preloading: the hook for commands that need a database for themselves. */
extern void worker_commands_initialize(void);

#endif
