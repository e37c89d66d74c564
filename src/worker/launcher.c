/*
 * launcher.c
 *		The static launcher: keeps a worker running in each database that has the extension.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "base/settings.h"
#include "worker/worker.h"
#include "wake/worker_slots.h"

/* Milliseconds that the look into one database at start may take before the next one's. */
#define PROBE_LIMIT_MS 10000

/* Oids of the databases that people connect to, in the current memory context. */
static List *
list_databases(void)
{
	MemoryContext result_context = CurrentMemoryContext;
	List *databases = NIL;
	Relation relation;
	TableScanDesc scan;
	HeapTuple tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		/* A connection to a template would make CREATE DATABASE fail. */
		if (database->datallowconn && !database->datistemplate && database->datconnlimit != -2)
		{
			MemoryContext old = MemoryContextSwitchTo(result_context);

			databases = lappend_oid(databases, database->oid);
			MemoryContextSwitchTo(old);
		}
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(result_context);
	return databases;
}

typedef struct LauncherLocal
{
	BackgroundWorkerHandle *handles[WORKER_SLOTS];
	List *databases; /* those that people could connect to when they were listed last */
	TimestampTz listed_at;
	List *probes; /* databases not looked at since they are there */
	Oid probing;  /* the one that is being looked at */
	TimestampTz probe_until;
	bool told_exhausted; /* said once per episode that no worker slot is free */
} LauncherLocal;

/* Starts the worker of a slot that is SLOT_WANTED; false: no background worker slot is free. */
static bool
start_slot(LauncherLocal *local, int index, Oid database_id, uint64 generation)
{
	BackgroundWorker worker;
	WorkerArgument argument;

	if (local->handles[index] != NULL)
		pfree(local->handles[index]);
	local->handles[index] = NULL;
	memset(&argument, 0, sizeof(argument));
	argument.slot = index;
	argument.generation = generation;
	worker_fill_registration(&worker, database_id);
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &argument, sizeof(argument));
	return RegisterDynamicBackgroundWorker(&worker, &local->handles[index]);
}

/* A worker that ended before it occupied its slot: wanted again, later. */
static void
notice_dead_worker(LauncherLocal *local, int index)
{
	WorkerSlot *slot = &launcher_shared->slots[index];
	pid_t pid;

	if (local->handles[index] == NULL ||
		GetBackgroundWorkerPid(local->handles[index], &pid) != BGWH_STOPPED)
		return;
	pfree(local->handles[index]);
	local->handles[index] = NULL;
	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	if (slot->state == SLOT_STARTING)
	{
		slot->state = SLOT_WANTED;
		slot->start_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RESTART_DELAY_MS);
	}
	LWLockRelease(launcher_shared->lock);
}

/*
 * Starts what is wanted and due; returns milliseconds until something else will be.
 *
 * The slots are shared with backends and workers, and starting a worker or listing the databases must
 * not happen under their lock.  So each slot is looked at twice: under the lock it goes from
 * SLOT_WANTED to SLOT_STARTING with a new generation, which keeps everybody else from starting it;
 * after the attempt only a slot that still has that generation is put back.  A worker that comes late
 * finds by its generation that the slot is no longer its own, and exits.
 */
static long
start_wanted(LauncherLocal *local)
{
	TimestampTz now = GetCurrentTimestamp();
	long timeout = 60000;
	List *databases = NIL;
	bool listed = false;

	for (int i = 0; i < WORKER_SLOTS; i++)
	{
		WorkerSlot *slot = &launcher_shared->slots[i];
		Oid database_id;
		uint64 generation = 0;
		bool start = false;

		notice_dead_worker(local, i);
		LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
		database_id = slot->database_id;
		if (slot->state == SLOT_WANTED && slot->suspended == 0)
		{
			if (slot->start_at <= now)
			{
				start = true;
				slot->state = SLOT_STARTING;
				slot->generation = generation = ++launcher_shared->next_generation;
			}
			else
				timeout = Min(timeout, TimestampDifferenceMilliseconds(now, slot->start_at) + 1);
		}
		else if (slot->state == SLOT_STARTING)
			timeout = Min(timeout, 1000);
		LWLockRelease(launcher_shared->lock);
		if (!start)
			continue;

		/* Dropped or made a template meanwhile: nothing to start. */
		if (!listed)
		{
			databases = list_databases();
			listed = true;
		}
		if (!list_member_oid(databases, database_id))
		{
			LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
			if (slot->generation == generation && slot->state == SLOT_STARTING)
				slot->state = SLOT_FREE;
			LWLockRelease(launcher_shared->lock);
			continue;
		}
		if (start_slot(local, i, database_id, generation))
		{
			local->told_exhausted = false;
			timeout = Min(timeout, 1000);
			continue;
		}
		LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
		if (slot->generation == generation && slot->state == SLOT_STARTING)
		{
			slot->state = SLOT_WANTED;
			slot->start_at = TimestampTzPlusMilliseconds(now, RESTART_DELAY_MS);
		}
		LWLockRelease(launcher_shared->lock);
		timeout = Min(timeout, RESTART_DELAY_MS);
		if (!local->told_exhausted)
			ereport(LOG,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("vmclone could not start the worker of database %u: no background "
							"worker slot is free",
							database_id),
					 errhint("Raise \"max_worker_processes\".  The launcher goes on trying.")));
		local->told_exhausted = true;
	}
	list_free(databases);
	return timeout;
}

/*
 * ALTER DATABASE tells nobody that it lets connections in, or that a database is no template any more: such
 * a one is new in the list, and so is one that was made as a copy.
 */
static void
list_again(LauncherLocal *local)
{
	TimestampTz now = GetCurrentTimestamp();
	List *databases;
	ListCell *cell;

	if (local->listed_at != 0 &&
		!TimestampDifferenceExceeds(local->listed_at, now, vmclone_poll_interval * 1000))
		return;
	local->listed_at = now;
	databases = list_databases();
	foreach (cell, databases)
		if (!list_member_oid(local->databases, lfirst_oid(cell)))
			local->probes = list_append_unique_oid(local->probes, lfirst_oid(cell));
	list_free(local->databases);
	local->databases = databases;
}

/* One database after the other, so that a server with many keeps its worker slots. */
static void
probe_next(LauncherLocal *local)
{
	WorkerSlot *slot;

	if (local->probing != InvalidOid)
	{
		bool busy = false;

		LWLockAcquire(launcher_shared->lock, LW_SHARED);
		slot = worker_slot_find(local->probing, false);
		busy = slot != NULL && (slot->state == SLOT_STARTING || slot->state == SLOT_WANTED);
		LWLockRelease(launcher_shared->lock);
		if (busy && GetCurrentTimestamp() < local->probe_until)
			return;
		local->probing = InvalidOid;
	}
	if (local->probes == NIL)
		return;
	local->probing = linitial_oid(local->probes);
	local->probes = list_delete_first(local->probes);
	local->probe_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PROBE_LIMIT_MS);
	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	slot = worker_slot_find(local->probing, true);
	if (slot != NULL && slot->state == SLOT_FREE)
	{
		slot->state = SLOT_WANTED;
		slot->start_at = 0;
	}
	LWLockRelease(launcher_shared->lock);
	if (slot == NULL)
		ereport(LOG, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					  errmsg("vmclone keeps workers for at most %d databases", WORKER_SLOTS)));
}

static void
forget_launcher(int code, Datum argument)
{
	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	launcher_shared->launcher_pid = 0;
	LWLockRelease(launcher_shared->lock);
}

void
vmclone_launcher_main(Datum argument)
{
	LauncherLocal *local;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	before_shmem_exit(forget_launcher, (Datum) 0);
	local = MemoryContextAllocZero(TopMemoryContext, sizeof(LauncherLocal));

	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	launcher_shared->launcher_pid = MyProcPid;
	/* Workers that a launcher before this one registered and that never came: again. */
	for (int i = 0; i < WORKER_SLOTS; i++)
		if (launcher_shared->slots[i].state == SLOT_STARTING)
		{
			launcher_shared->slots[i].state = SLOT_WANTED;
			launcher_shared->slots[i].start_at = 0;
		}
	LWLockRelease(launcher_shared->lock);

	MemoryContextSwitchTo(TopMemoryContext);
	for (;;)
	{
		long timeout;

		/* with 0 the server would not start it again where only the launcher was told to stop */
		if (ShutdownRequestPending)
			proc_exit(1);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		list_again(local);
		probe_next(local);
		timeout = start_wanted(local);
		if (local->probing != InvalidOid || local->probes != NIL)
			timeout = Min(timeout, 200);
		timeout = Min(timeout, vmclone_poll_interval * 1000L);
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, NULL);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

void
launcher_initialize(void)
{
	BackgroundWorker worker;

	/* pg_upgrade loads every library that the catalogs name: nothing may start there. */
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	worker_slots_initialize();
	worker_commands_initialize();

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_DELAY_MS / 1000;
	strlcpy(worker.bgw_library_name, LIBRARY_NAME, sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "vmclone_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "vmclone launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "vmclone launcher", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}
