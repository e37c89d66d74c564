/*
 * launcher.c
 *		Which database has a worker: the static launcher, its shared memory, and the commands
 *		that need a database without connections.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "wake.h"
#include "worker.h"

#if PG_VERSION_NUM < 160000
#define object_ownercheck(class_id, object_id, role_id) pg_database_ownercheck(object_id, role_id)
#endif

#define LIBRARY_NAME "vmclone"

/* Databases with a worker at once; max_worker_processes is the real bound. */
#define WORKER_SLOTS 256

/* Milliseconds before a worker that died is started again, and that a probe may take. */
#define RESTART_DELAY_MS 5000
#define PROBE_LIMIT_MS   10000

/* Milliseconds that DROP DATABASE and the like wait for the worker to leave. */
#define STOP_LIMIT_MS 10000

/* Advisory locks of users have class 1 or 2; no SQL function reaches another one. */
#define WORKER_LOCK_CLASS 21
#define WORKER_LOCK_KEY   0x766d636c /* "vmcl" */

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

static LauncherShared *shared = NULL;
static int own_slot = -1; /* of this worker */
static uint64 own_generation;
static bool own_retired = false;

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;
static ProcessUtility_hook_type previous_process_utility = NULL;

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
	shared = ShmemInitStruct("vmclone launcher", sizeof(LauncherShared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(LauncherShared));
		shared->lock = &GetNamedLWLockTranche(LIBRARY_NAME)->lock;
	}
	LWLockRelease(AddinShmemInitLock);
}

bool
launcher_present(void)
{
	return shared != NULL;
}

/* Slot of a database, or a free one made its own when create; NULL: none.  Under the lock. */
static WorkerSlot *
find_slot(Oid database_id, bool create)
{
	WorkerSlot *free_slot = NULL;

	for (int i = 0; i < WORKER_SLOTS; i++)
	{
		WorkerSlot *slot = &shared->slots[i];

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
		free_slot->generation = ++shared->next_generation;
	}
	return create ? free_slot : NULL;
}

static void
set_latch_of(pid_t pid)
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
	if (LockAcquireExtended(&tag, ShareLock, true, true, false, NULL
#if PG_VERSION_NUM >= 180000
							,
							false
#endif
							) == LOCKACQUIRE_NOT_AVAIL)
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
 * The worker's side of its slot
 */

static void
vacate_slot(int code, Datum argument)
{
	WorkerSlot *slot = &shared->slots[own_slot];

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
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
	LWLockRelease(shared->lock);
	set_latch_of(shared->launcher_pid);
}

bool
worker_slot_occupy(Oid database_id)
{
	WorkerArgument argument;
	WorkerSlot *slot;
	bool wanted;

	if (shared == NULL)
		return true;
	memcpy(&argument, MyBgworkerEntry->bgw_extra, sizeof(argument));
	if (argument.slot < 0 || argument.slot >= WORKER_SLOTS)
		return false;
	slot = &shared->slots[argument.slot];
	own_slot = argument.slot;
	own_generation = argument.generation;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	wanted = slot->state == SLOT_STARTING && slot->generation == own_generation &&
			 slot->database_id == database_id;
	if (wanted)
	{
		slot->state = SLOT_RUNNING;
		slot->pid = MyProcPid;
	}
	LWLockRelease(shared->lock);
	if (!wanted)
		return false;
	before_shmem_exit(vacate_slot, (Datum) 0);
	return slot->suspended == 0;
}

void
worker_slot_retire(void)
{
	own_retired = true;
}

/*
 * Asking for a worker
 */

static void
fill_worker(BackgroundWorker *worker, Oid database_id)
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

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(MyDatabaseId, true);
	if (slot == NULL)
	{
		LWLockRelease(shared->lock);
		return false;
	}
	if (slot->state == SLOT_FREE)
	{
		slot->state = SLOT_WANTED;
		slot->start_at = 0;
	}
	wake_pid = slot->state == SLOT_RUNNING ? slot->pid : shared->launcher_pid;
	LWLockRelease(shared->lock);
	set_latch_of(wake_pid);
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
#if PG_VERSION_NUM >= 180000
			!proc->isRegularBackend
#else
			proc->isBackgroundWorker
#endif
		)
			SetLatch(&proc->procLatch);
	}
}

bool
worker_wake(void)
{
	BackgroundWorker worker;

	if (shared != NULL)
		return wake_through_launcher();
	if (worker_is_running())
	{
		wake_workers_of_database();
		return true;
	}
	fill_worker(&worker, MyDatabaseId);
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

/*
 * The launcher
 */

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
	List *probes; /* databases not looked at since the start */
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
	fill_worker(&worker, database_id);
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &argument, sizeof(argument));
	return RegisterDynamicBackgroundWorker(&worker, &local->handles[index]);
}

/* A worker that ended before it occupied its slot: wanted again, later. */
static void
notice_dead_worker(LauncherLocal *local, int index)
{
	WorkerSlot *slot = &shared->slots[index];
	pid_t pid;

	if (local->handles[index] == NULL ||
		GetBackgroundWorkerPid(local->handles[index], &pid) != BGWH_STOPPED)
		return;
	pfree(local->handles[index]);
	local->handles[index] = NULL;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->state == SLOT_STARTING)
	{
		slot->state = SLOT_WANTED;
		slot->start_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RESTART_DELAY_MS);
	}
	LWLockRelease(shared->lock);
}

/* Starts what is wanted and due; returns milliseconds until something else will be. */
static long
start_wanted(LauncherLocal *local)
{
	TimestampTz now = GetCurrentTimestamp();
	long timeout = 60000;
	List *databases = NIL;
	bool listed = false;

	for (int i = 0; i < WORKER_SLOTS; i++)
	{
		WorkerSlot *slot = &shared->slots[i];
		Oid database_id;
		uint64 generation = 0;
		bool start = false;

		notice_dead_worker(local, i);
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		database_id = slot->database_id;
		if (slot->state == SLOT_WANTED && slot->suspended == 0)
		{
			if (slot->start_at <= now)
			{
				start = true;
				slot->state = SLOT_STARTING;
				slot->generation = generation = ++shared->next_generation;
			}
			else
				timeout = Min(timeout, TimestampDifferenceMilliseconds(now, slot->start_at) + 1);
		}
		else if (slot->state == SLOT_STARTING)
			timeout = Min(timeout, 1000);
		LWLockRelease(shared->lock);
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
			LWLockAcquire(shared->lock, LW_EXCLUSIVE);
			if (slot->generation == generation && slot->state == SLOT_STARTING)
				slot->state = SLOT_FREE;
			LWLockRelease(shared->lock);
			continue;
		}
		if (start_slot(local, i, database_id, generation))
		{
			local->told_exhausted = false;
			timeout = Min(timeout, 1000);
			continue;
		}
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		if (slot->generation == generation && slot->state == SLOT_STARTING)
		{
			slot->state = SLOT_WANTED;
			slot->start_at = TimestampTzPlusMilliseconds(now, RESTART_DELAY_MS);
		}
		LWLockRelease(shared->lock);
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

/* One database after the other, so that a server with many keeps its worker slots. */
static void
probe_next(LauncherLocal *local)
{
	WorkerSlot *slot;

	if (local->probing != InvalidOid)
	{
		bool busy = false;

		LWLockAcquire(shared->lock, LW_SHARED);
		slot = find_slot(local->probing, false);
		busy = slot != NULL && (slot->state == SLOT_STARTING || slot->state == SLOT_WANTED);
		LWLockRelease(shared->lock);
		if (busy && GetCurrentTimestamp() < local->probe_until)
			return;
		local->probing = InvalidOid;
	}
	if (local->probes == NIL)
		return;
	local->probing = linitial_oid(local->probes);
	local->probes = list_delete_first(local->probes);
	local->probe_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PROBE_LIMIT_MS);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(local->probing, true);
	if (slot != NULL && slot->state == SLOT_FREE)
	{
		slot->state = SLOT_WANTED;
		slot->start_at = 0;
	}
	LWLockRelease(shared->lock);
	if (slot == NULL)
		ereport(LOG, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					  errmsg("vmclone keeps workers for at most %d databases", WORKER_SLOTS)));
}

static void
forget_launcher(int code, Datum argument)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_pid = 0;
	LWLockRelease(shared->lock);
}

void
vmclone_launcher_main(Datum argument)
{
	LauncherLocal *local;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	before_shmem_exit(forget_launcher, (Datum) 0);
	local = MemoryContextAllocZero(TopMemoryContext, sizeof(LauncherLocal));

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_pid = MyProcPid;
	/* Workers that a launcher before this one registered and that never came: again. */
	for (int i = 0; i < WORKER_SLOTS; i++)
		if (shared->slots[i].state == SLOT_STARTING)
		{
			shared->slots[i].state = SLOT_WANTED;
			shared->slots[i].start_at = 0;
		}
	LWLockRelease(shared->lock);

	MemoryContextSwitchTo(TopMemoryContext);
	local->probes = list_databases();
	for (;;)
	{
		long timeout;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		probe_next(local);
		timeout = start_wanted(local);
		if (local->probing != InvalidOid || local->probes != NIL)
			timeout = Min(timeout, 200);
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, NULL);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/*
 * Commands that need a database without connections
 */

static void
resume_database(Oid database_id, bool dropped)
{
	WorkerSlot *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(database_id, false);
	if (slot != NULL && slot->suspended > 0 && --slot->suspended == 0 && dropped)
		slot->state = SLOT_FREE;
	LWLockRelease(shared->lock);
	set_latch_of(shared->launcher_pid);
}

static void
resume_database_callback(int code, Datum argument)
{
	resume_database(DatumGetObjectId(argument), false);
}

/*
 * The database's worker is told to go and none is started.  False: there is nothing to resume,
 * since no worker is there nor wanted.
 */
static bool
suspend_database(Oid database_id)
{
	WorkerSlot *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(database_id, false);
	if (slot != NULL)
		slot->suspended++;
	LWLockRelease(shared->lock);
	return slot != NULL;
}

static void
wait_for_worker_to_leave(Oid database_id)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STOP_LIMIT_MS);
	pid_t told = 0;

	for (;;)
	{
		WorkerSlot *slot;
		pid_t pid = 0;
		bool there = false;

		LWLockAcquire(shared->lock, LW_SHARED);
		slot = find_slot(database_id, false);
		if (slot != NULL && (slot->state == SLOT_RUNNING || slot->state == SLOT_STARTING))
		{
			there = true;
			pid = slot->pid;
			/* Under the lock the slot's owner can't be gone and its pid another's. */
			if (pid != 0 && pid != told)
				kill(pid, SIGTERM);
		}
		LWLockRelease(shared->lock);
		told = pid;
		if (!there || GetCurrentTimestamp() >= until)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 20,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static bool
may_create_databases(void)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	bool may = false;

	if (HeapTupleIsValid(tuple))
	{
		may = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
		ReleaseSysCache(tuple);
	}
	return may || superuser();
}

/* Database that a command needs for itself, or InvalidOid; *drops is set for DROP DATABASE. */
static Oid
database_needed(Node *statement, bool *drops)
{
	const char *name = NULL;
	bool copies = false;
	Oid database_id;

	*drops = false;
	if (IsA(statement, DropdbStmt))
	{
		name = ((DropdbStmt *) statement)->dbname;
		*drops = true;
	}
	else if (IsA(statement, RenameStmt) &&
			 ((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
		name = ((RenameStmt *) statement)->subname;
	else if (IsA(statement, AlterDatabaseStmt))
	{
		ListCell *cell;

		foreach (cell, ((AlterDatabaseStmt *) statement)->options)
			if (strcmp(((DefElem *) lfirst(cell))->defname, "tablespace") == 0)
				name = ((AlterDatabaseStmt *) statement)->dbname;
	}
	else if (IsA(statement, CreatedbStmt))
	{
		ListCell *cell;

		foreach (cell, ((CreatedbStmt *) statement)->options)
		{
			DefElem *option = lfirst(cell);

			if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
				name = defGetString(option);
		}
		copies = true;
	}
	if (name == NULL)
		return InvalidOid;
	database_id = get_database_oid(name, true);
	/* Who may not run the command doesn't get the worker stopped either. */
	if (!OidIsValid(database_id) || database_id == MyDatabaseId ||
		(!object_ownercheck(DatabaseRelationId, database_id, GetUserId()) &&
		 !(copies && may_create_databases())))
		return InvalidOid;
	return database_id;
}

static void
run_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
			ProcessUtilityContext context, ParamListInfo parameters, QueryEnvironment *environment,
			DestReceiver *destination, QueryCompletion *completion)
{
	if (previous_process_utility)
		previous_process_utility(planned, query, read_only_tree, context, parameters, environment,
								 destination, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, parameters, environment,
								destination, completion);
}

/* The command, between the worker's leaving and its coming back. */
static void
run_without_worker(Oid database_id, PlannedStmt *planned, const char *query, bool read_only_tree,
				   ProcessUtilityContext context, ParamListInfo parameters,
				   QueryEnvironment *environment, DestReceiver *destination,
				   QueryCompletion *completion)
{
	PG_ENSURE_ERROR_CLEANUP(resume_database_callback, ObjectIdGetDatum(database_id));
	{
		wait_for_worker_to_leave(database_id);
		run_utility(planned, query, read_only_tree, context, parameters, environment, destination,
					completion);
	}
	PG_END_ENSURE_ERROR_CLEANUP(resume_database_callback, ObjectIdGetDatum(database_id));
}

static void
process_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo parameters,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	bool drops = false;
	Oid database_id = InvalidOid;

	if (shared != NULL && IsTransactionState())
		database_id = database_needed(planned->utilityStmt, &drops);
	if (!OidIsValid(database_id) || !suspend_database(database_id))
	{
		run_utility(planned, query, read_only_tree, context, parameters, environment, destination,
					completion);
		return;
	}
	run_without_worker(database_id, planned, query, read_only_tree, context, parameters,
					   environment, destination, completion);
	resume_database(database_id, drops);
}

void
launcher_initialize(void)
{
	BackgroundWorker worker;

	/* pg_upgrade loads every library that the catalogs name: nothing may start there. */
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = shmem_request;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;

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
