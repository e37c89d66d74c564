/*
 * worker_commands.c
 *		Commands that need a database without connections: the worker makes way for them.
 */
#include "postgres.h"

#include <signal.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "base/compat.h"
#include "wake/worker_slots.h"

/* Milliseconds that DROP DATABASE and the like wait for the worker to exit. */
#define STOP_LIMIT_MS 10000

static ProcessUtility_hook_type previous_process_utility = NULL;

static void
resume_database(Oid database_id, bool dropped)
{
	WorkerSlot *slot;

	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	slot = worker_slot_find(database_id, false);
	if (slot != NULL && slot->suspended > 0 && --slot->suspended == 0 && dropped)
		slot->state = SLOT_FREE;
	LWLockRelease(launcher_shared->lock);
	worker_set_latch(launcher_shared->launcher_pid);
}

static void
resume_database_callback(int code, Datum argument)
{
	resume_database(DatumGetObjectId(argument), false);
}

/* Half-made files and their storage domains would be nobody's. */
static void
refuse_to_drop(Oid database_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("database \"%s\" has vmclone jobs under way", get_database_name(database_id)),
			 errhint("End them there with vmclone.cancel_job, or use DROP DATABASE ... WITH "
					 "(FORCE), which leaves their files as they are.")));
}

/*
 * The database's worker is told to go and none is started.  False: there is nothing to resume,
 * since no worker is there nor wanted.  unless_live: ERRCODE_OBJECT_IN_USE where jobs are under way.
 */
static bool
suspend_database(Oid database_id, bool unless_live)
{
	WorkerSlot *slot;
	bool refused;

	LWLockAcquire(launcher_shared->lock, LW_EXCLUSIVE);
	slot = worker_slot_find(database_id, false);
	refused = slot != NULL && slot->any_live && unless_live;
	if (slot != NULL && !refused)
		slot->suspended++;
	LWLockRelease(launcher_shared->lock);
	if (refused)
		refuse_to_drop(database_id);
	return slot != NULL;
}

static void
wait_for_worker_exit(Oid database_id)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STOP_LIMIT_MS);
	pid_t told = 0;

	for (;;)
	{
		WorkerSlot *slot;
		pid_t pid = 0;
		bool there = false;

		LWLockAcquire(launcher_shared->lock, LW_SHARED);
		slot = worker_slot_find(database_id, false);
		if (slot != NULL && (slot->state == SLOT_RUNNING || slot->state == SLOT_STARTING))
		{
			there = true;
			pid = slot->pid;
			/* Under the lock the slot's owner can't be gone and its pid another's. */
			if (pid != 0 && pid != told)
				kill(pid, SIGTERM);
		}
		LWLockRelease(launcher_shared->lock);
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

static bool
is_forced(const DropdbStmt *statement)
{
	ListCell *cell;

	foreach (cell, statement->options)
		if (strcmp(((DefElem *) lfirst(cell))->defname, "force") == 0)
			return true;
	return false;
}

/*
 * Database that a command needs for itself, or InvalidOid; *drops is set for DROP DATABASE, *forced for
 * one WITH (FORCE).
 */
static Oid
database_needed(Node *statement, bool *drops, bool *forced)
{
	const char *name = NULL;
	bool copies = false;
	Oid database_id;

	*drops = false;
	if (IsA(statement, DropdbStmt))
	{
		name = ((DropdbStmt *) statement)->dbname;
		*drops = true;
		*forced = is_forced((DropdbStmt *) statement);
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
	if (!OidIsValid(database_id) || (database_id == MyDatabaseId && !copies) ||
		(!object_ownercheck(DatabaseRelationId, database_id, GetUserId()) &&
		 !(copies && may_create_databases())))
		return InvalidOid;
	return database_id;
}

static void
run_utility(UTILITY_PARAMETERS)
{
	if (previous_process_utility)
		previous_process_utility(UTILITY_ARGUMENTS);
	else
		standard_ProcessUtility(UTILITY_ARGUMENTS);
}

/* The command, between the worker's exit and its new start. */
static void
run_without_worker(Oid database_id, UTILITY_PARAMETERS)
{
	PG_ENSURE_ERROR_CLEANUP(resume_database_callback, ObjectIdGetDatum(database_id));
	{
		wait_for_worker_exit(database_id);
		run_utility(UTILITY_ARGUMENTS);
	}
	PG_END_ENSURE_ERROR_CLEANUP(resume_database_callback, ObjectIdGetDatum(database_id));
}

static void
process_utility(UTILITY_PARAMETERS)
{
	bool drops = false;
	bool forced = false;
	Oid database_id = InvalidOid;

	if (launcher_shared != NULL && IsTransactionState())
		database_id = database_needed(planned->utilityStmt, &drops, &forced);
	if (!OidIsValid(database_id) || !suspend_database(database_id, drops && !forced))
	{
		run_utility(UTILITY_ARGUMENTS);
		return;
	}
	run_without_worker(database_id, UTILITY_ARGUMENTS);
	resume_database(database_id, drops);
}

void
worker_commands_initialize(void)
{
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
