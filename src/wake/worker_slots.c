/*
 * worker_slots.c
 *		Which database has a worker: shared memory, the session lock, and waking.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
#include "base/compat.h"
#include "wake/worker_presence.h"
#include "wake/worker_slots.h"

/* Advisory locks of users have class 1 or 2; no SQL function reaches another one. */
#define WORKER_LOCK_CLASS 21
#define CALL_LOCK_CLASS   22
#define WORKER_LOCK_KEY   0x766d636c /* "vmcl" */

/* Milliseconds that a call waits for the slot of a worker: while it exits, and when it can't be seen any more. */
#define EXIT_LIMIT_MS 2000
#define GONE_LIMIT_MS 250

LauncherShared *launcher_shared = NULL;

static int own_slot = -1; /* of this worker */
static uint64 own_generation;
static bool own_retired = false;

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

/*
 * Shared memory
 */

static void
shmem_request(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(LauncherShared)));
	RequestNamedLWLockTranche(LIBRARY_NAME, 1);
}

static void
shmem_startup(void)
{
	bool found;

	if (previous_shmem_startup)
		previous_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	launcher_shared = ShmemInitStruct("vmclone launcher", sizeof(LauncherShared), &found);
	if (!found)
	{
		memset(launcher_shared, 0, sizeof(LauncherShared));
		launcher_shared->lock = &GetNamedLWLockTranche(LIBRARY_NAME)->lock;
	}
	LWLockRelease(AddinShmemInitLock);
}

bool
launcher_present(void)
{
	return launcher_shared != NULL;
}

WorkerSlot *
worker_slot_find(Oid database_id, bool create)
{
	WorkerSlot *free_slot = NULL;

	for (int i = 0; i < WORKER_SLOTS; i++)
	{
		WorkerSlot *slot = &launcher_shared->slots[i];

		if (slot->state == SLOT_FREE && slot->suspended == 0)
		{
			if (free_slot == NULL)
				free_slot = slot;
		}
		else if (slot->database_id == database_id)
			return slot;
	}
	if (create && free_slot != NULL)
	{
		free_slot->database_id = database_id;
		free_slot->generation = ++launcher_shared->next_generation;
		free_slot->any_live = false;
	}
	return create ? free_slot : NULL;
}

void
worker_set_latch(pid_t pid)
{
	PGPROC *proc = pid != 0 ? BackendPidGetProc(pid) : NULL;

	/* Latches live as long as the server; at worst a later owner of the place is woken. */
	if (proc != NULL)
		SetLatch(&proc->procLatch);
}

/*
 * The session lock
 */

static void
set_worker_lock_tag(LOCKTAG *tag)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, WORKER_LOCK_KEY, 0, WORKER_LOCK_CLASS);
}

bool
worker_is_running(void)
{
	LOCKTAG tag;

	set_worker_lock_tag(&tag);
	/* No error where shared memory for locks is used up: counts as running. */
	if (LockAcquireExtended(&tag, ShareLock, true, true, false, NULL, false) ==
		LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, ShareLock, true);
	return false;
}

bool
worker_lock_take(void)
{
	LOCKTAG tag;

	set_worker_lock_tag(&tag);
	/* Backends that ask whether a worker runs hold a share of it for some microseconds. */
	for (int attempt = 0; attempt < 20; attempt++)
	{
		if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL)
			return true;
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 25, PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

void
worker_lock_release(void)
{
	LOCKTAG tag;

	set_worker_lock_tag(&tag);
	LockRelease(&tag, ExclusiveLock, true);
}

/*
 * Calls under way
 */

static void
set_call_lock_tag(LOCKTAG *tag)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, WORKER_LOCK_KEY, 0, CALL_LOCK_CLASS);
}

void
worker_expect_call(void)
{
	LOCKTAG tag;

	set_call_lock_tag(&tag);
	(void) LockAcquire(&tag, ShareLock, false, false);
}

bool
worker_exclude_calls(void)
{
	LOCKTAG tag;

	set_call_lock_tag(&tag);
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
worker_admit_calls(void)
{
	LOCKTAG tag;

	set_call_lock_tag(&tag);
	LockRelease(&tag, ExclusiveLock, true);
}

/*
 * The worker's side of its slot
 */

static void
vacate_slot(int code, Datum argument)
{
	WorkerSlot *slot = &launcher_shared->slots[own_slot];

	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	if (slot->generation == own_generation && slot->state != SLOT_FREE)
	{
		slot->pid = 0;
		if (own_retired && slot->suspended == 0)
			slot->state = SLOT_FREE;
		else
		{
			slot->state = SLOT_WANTED;
			slot->start_at = TimestampTzPlusMilliseconds(
				GetCurrentTimestamp(), slot->suspended > 0 ? 0 : RESTART_DELAY_MS);
		}
	}
	LWLockRelease(launcher_shared->lock);
	worker_set_latch(launcher_shared->launcher_pid);
}

bool
worker_slot_occupy(Oid database_id)
{
	WorkerArgument argument;
	WorkerSlot *slot;
	bool wanted;

	if (launcher_shared == NULL)
		return true;
	memcpy(&argument, MyBgworkerEntry->bgw_extra, sizeof(argument));
	if (argument.slot < 0 || argument.slot >= WORKER_SLOTS)
		return false;
	slot = &launcher_shared->slots[argument.slot];
	own_slot = argument.slot;
	own_generation = argument.generation;
	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	wanted = slot->state == SLOT_STARTING && slot->generation == own_generation &&
			 slot->database_id == database_id;
	if (wanted)
	{
		slot->state = SLOT_RUNNING;
		slot->pid = MyProcPid;
	}
	LWLockRelease(launcher_shared->lock);
	if (!wanted)
		return false;
	before_shmem_exit(vacate_slot, (Datum) 0);
	return slot->suspended == 0;
}

void
worker_slot_tell_live(bool any_live)
{
	WorkerSlot *slot;

	if (launcher_shared == NULL)
		return;
	slot = &launcher_shared->slots[own_slot];
	if (slot->any_live == any_live)
		return;
	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	if (slot->generation == own_generation)
		slot->any_live = any_live;
	LWLockRelease(launcher_shared->lock);
}

void
worker_slot_retire(void)
{
	own_retired = true;
}

/*
 * Asking for a worker
 */

void
worker_fill_registration(BackgroundWorker *worker, Oid database_id)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, LIBRARY_NAME, sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, "vmclone_worker_main", sizeof(worker->bgw_function_name));
	snprintf(worker->bgw_name, sizeof(worker->bgw_name), "vmclone worker for database %u",
			 database_id);
	strlcpy(worker->bgw_type, WORKER_BACKEND_TYPE, sizeof(worker->bgw_type));
	worker->bgw_main_arg = ObjectIdGetDatum(database_id);
}

static bool
wake_through_launcher(void)
{
	pid_t wake_pid;
	WorkerSlot *slot;

	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	slot = worker_slot_find(MyDatabaseId, true);
	if (slot == NULL)
	{
		LWLockRelease(launcher_shared->lock);
		return false;
	}
	if (slot->state == SLOT_FREE)
	{
		slot->state = SLOT_WANTED;
		slot->start_at = 0;
	}
	wake_pid = slot->state == SLOT_RUNNING ? slot->pid : launcher_shared->launcher_pid;
	LWLockRelease(launcher_shared->lock);
	worker_set_latch(wake_pid);
	return true;
}

/* The holder of the session lock is one of the database's background workers: wakes them all. */
static void
wake_workers_of_database(void)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC *proc = &ProcGlobal->allProcs[i];

		if (proc->pid != 0 && proc->databaseId == MyDatabaseId &&
			proc_may_be_background_worker(proc))
			SetLatch(&proc->procLatch);
	}
}

static bool
worker_may_be_exiting(void)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC *proc = &ProcGlobal->allProcs[i];

		if (proc->pid != 0 && proc->databaseId == MyDatabaseId &&
			proc_may_be_background_worker(proc))
			return true;
	}
	return false;
}

/*
 * A worker that exits gives up its lock first and its slot last, when the postmaster has reaped it.
 * Where that is the only slot, a call that comes in between would stay without a worker.
 */
bool
worker_ensure(void)
{
	TimestampTz began_at = GetCurrentTimestamp();
	TimestampTz seen_at = began_at;
	BackgroundWorker worker;

	if (launcher_shared != NULL || worker_is_running())
		return true;
	worker_fill_registration(&worker, MyDatabaseId);
	while (!RegisterDynamicBackgroundWorker(&worker, NULL))
	{
		TimestampTz now = GetCurrentTimestamp();

		if (worker_may_be_exiting())
			seen_at = now;
		if (TimestampDifferenceExceeds(seen_at, now, GONE_LIMIT_MS) ||
			TimestampDifferenceExceeds(began_at, now, EXIT_LIMIT_MS))
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

/* Nothing here or below allocates or looks anything up in a catalog. */
bool
worker_wake(void)
{
	if (launcher_shared != NULL)
		return wake_through_launcher();
	wake_workers_of_database();
	return true;
}

void
worker_slots_initialize(void)
{
	add_shmem_request(shmem_request, &previous_shmem_request);
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}
