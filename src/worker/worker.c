/*
 * worker.c
 *		The background worker of one database: its life, its event loop, and start_worker().
 *
 * One loop over the latch and the children's pipes.  No transaction is open while it waits, and
 * no system call on storage is made here (decisions.md, "Processes").
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xact.h"
#include "fmgr.h"
#include "storage/identity.h"
#include "job/job_claim.h"
#include "job/job_end.h"
#include "job/job_event.h"
#include "job/job_history.h"
#include "job/job_agenda.h"
#include "job/job_hosts.h"
#include "job/job_request.h"
#include "job/job_run.h"
#include "job/job_step.h"
#include "job/job_transaction.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "base/extension.h"
#include "base/settings.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/storage_command.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"
#include "utils/timestamp.h"
#include "wake/wake.h"
#include "wake/worker_presence.h"
#include "worker/worker.h"
#include "base/compat.h"

/* Milliseconds between two passes over the tables while something runs. */
#define PASS_INTERVAL_MS 1000

/* Milliseconds that a pass goes on while something moves, before children are heard again. */
#define PASS_LIMIT_MS 200

/* Milliseconds between two looks at what is too old to be kept. */
#define PURGE_INTERVAL_MS 60000

/* Milliseconds that what copiers say of their progress waits, so that many of them are heard at once. */
#define PROGRESS_REST_MS 50

/* Milliseconds from a pass that had nothing to do but to announce jobs to the next one, so that many of them are announced at once. */
#define NEWS_REST_MS 20

/* Milliseconds between looks at a child that has closed its pipes and isn't reaped yet. */
#define REAP_INTERVAL_MS 10

/* Milliseconds that start_worker waits for the worker to hold its lock. */
#define START_LIMIT_MS 5000

VMCLONE_FUNCTION_INFO(vmclone_start_worker);
VMCLONE_FUNCTION_INFO(vmclone_wake_worker);
VMCLONE_FUNCTION_INFO(vmclone_worker_preloaded);

/*
 * Is the extension there, and of the library's version?  Of another one the worker leaves, and says
 * so: ALTER EXTENSION UPDATE, or the start of a server with another library, starts the next one.
 */
static bool
extension_is_current(void)
{
	MemoryContext context = CurrentMemoryContext;
	ExtensionState state;
	char *version = NULL;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	state = extension_state(&version);
	if (state == EXTENSION_OTHER_VERSION)
		ereport(LOG, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					  errmsg("vmclone does nothing in database %u: the extension there is version "
							 "%s, the library %s",
							 MyDatabaseId, version, library_version),
					  errhint("%s", extension_advice(version))));
	CommitTransactionCommand();
	/* the commit has made a context the current one that lives as long as the process */
	MemoryContextSwitchTo(context);
	pgstat_report_stat(true);
	return state == EXTENSION_CURRENT;
}

static void
kill_children(int code, Datum argument)
{
	job_runs_kill_all();
	job_hosts_kill_all();
}

/* Its pipe is closed a moment before it can be reaped. */
static void
child_is_gone(SIGNAL_ARGS)
{
	int saved = errno;

	SetLatch(MyLatch);
	errno = saved;
}

static void
connect_to_database(Oid database_id)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	/* it exits between two steps, as an orderly process does, and not with FATAL in the middle of one */
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGCHLD, child_is_gone);
	/* What a child that is gone was to read; SIGPIPE would end the worker. */
	pqsignal(SIGPIPE, PG_SIG_IGN);
	BackgroundWorkerUnblockSignals();
	if (!worker_slot_occupy(database_id))
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(database_id, InvalidOid, 0);
	/*
	 * The worker doesn't wait long for people's open transactions: it tries again.  In a deadlock with
	 * somebody who locks whole tables (DROP EXTENSION) it is the one to give way, before the other one
	 * is ended.
	 */
	SetConfigOption("lock_timeout", psprintf("%dms", Max(Min(DeadlockTimeout * 4 / 5, 2000), 1)),
					PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
#if PG_VERSION_NUM >= 170000
	SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
#endif
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	/* It never runs in parallel. */
	SetConfigOption("max_parallel_workers_per_gather", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("jit", "off", PGC_SUSET, PGC_S_OVERRIDE);
}

/* Milliseconds until the next look if nobody wakes the worker; busy: jobs wait for their time. */
static long
wait_timeout(bool busy)
{
	long timeout = busy ? PASS_INTERVAL_MS : vmclone_poll_interval * 1000L;
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		JobRun *run = lfirst(cell);

		timeout = Min(timeout, PASS_INTERVAL_MS);
		if (run->command != NULL && run->command->output < 0 && !run->command->reaped &&
			run->command->killed_at == 0)
			timeout = REAP_INTERVAL_MS;
	}
	return timeout;
}

static void
add_command(WaitEventSet *set, const StorageCommand *command)
{
	if (command != NULL && command->output >= 0)
		AddWaitEventToSet(set, WL_SOCKET_READABLE, command->output, NULL, NULL);
	if (command != NULL && command->errors >= 0)
		AddWaitEventToSet(set, WL_SOCKET_READABLE, command->errors, NULL, NULL);
}

/* Waits for the latch alone, which is also set when a child ends.  True: somebody set it. */
static bool
rest(long timeout)
{
	int events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
						   PG_WAIT_EXTENSION);

	if ((events & WL_LATCH_SET) == 0)
		return false;
	ResetLatch(MyLatch);
	return true;
}

/* Waits for the latch, a child's pipe or the timeout.  True: somebody set the latch. */
static bool
wait_for_something(long timeout)
{
	List *probes = job_hosts_commands();
	WaitEventSet *set =
		CreateWaitEventSet(NULL, 2 + 2 * (list_length(job_runs_list) + list_length(probes)));
	WaitEvent event;
	bool woken = false;
	ListCell *cell;

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	foreach (cell, job_runs_list)
		add_command(set, ((JobRun *) lfirst(cell))->command);
	foreach (cell, probes)
		add_command(set, lfirst(cell));
	if (WaitEventSetWait(set, timeout, &event, 1, PG_WAIT_EXTENSION) > 0)
		woken = (event.events & WL_LATCH_SET) != 0;
	FreeWaitEventSet(set);
	if (woken)
		ResetLatch(MyLatch);
	return woken;
}

static void
show_activity(const char *identity)
{
	static char last[128] = "";
	char text[128];
	int active = job_runs_active();

	if (identity != NULL)
		snprintf(text, sizeof(text), "does nothing (%s)", identity);
	else if (job_runs_list == NIL)
		strlcpy(text, "idle", sizeof(text));
	else
		snprintf(text, sizeof(text), "%d copies, %d other steps", active,
				 list_length(job_runs_list) - active);
	if (strcmp(text, last) == 0)
		return;
	strlcpy(last, text, sizeof(last));
	set_ps_display(text);
	pgstat_report_appname(psprintf(WORKER_APPLICATION_NAME "%s", text));
}

/* The last answer to whose jobs they are. */
static IdentityState logged_identity = IDENTITY_OWN;

/* What a pass finds first. */
typedef struct Look
{
	IdentityState identity;
	bool may_run;
	JobAgenda jobs;
} Look;

static void
look(void *argument)
{
	Look *found = argument;

	found->may_run = identity_may_run(&found->identity);
	job_agenda(&found->jobs);
}

/* This database's jobs are not its own: what runs for them is ended, and the log is told once. */
static void
stand_back(IdentityState identity)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
		job_run_stop(lfirst(cell));
	show_activity(identity == IDENTITY_NONE ? NULL : identity_word(identity));
	if (identity != logged_identity && identity != IDENTITY_NONE)
		ereport(LOG, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					  errmsg("vmclone does nothing in database %u: %s", MyDatabaseId,
							 identity_describe(identity)),
					  errhint("Decide with SELECT vmclone.adopt('resume' | 'abandon').")));
	logged_identity = identity;
}

/*
 * Does what a look has found.  something_new: since the last one, but for the time that has passed.  True: what one
 * step has ended, another may begin with.
 */
static bool
do_what_is_found(const JobAgenda *found, bool something_new)
{
	bool moved = false;

	if (found->announce)
		job_requests_announce();
	job_requests_tell();
	if (found->requests)
		moved |= job_requests_follow();
	if (found->ending)
		moved |= job_end_next();
	if (found->startable || found->waiting)
		(void) job_claim_next(found->waiting, something_new || moved || found->announce);
	if (found->cleaning)
		(void) job_claim_cleaning();
	if (found->left_on_hosts)
		(void) job_claim_give_back();
	if (found->measurements)
		(void) job_claim_measurement();
	return moved;
}

static void
purge_some(void *argument)
{
	*(uint64 *) argument = job_purge_some();
}

/* Once a minute, and some at a time, what is older than vmclone.history_retention goes. */
static void
purge_history(void)
{
	static TimestampTz purged_at = 0;
	uint64 purged = 0;

	if (vmclone_history_retention == 0 ||
		!TimestampDifferenceExceeds(purged_at, GetCurrentTimestamp(), PURGE_INTERVAL_MS))
		return;
	if (job_transaction(purge_some, &purged) != NULL || purged == 0)
		purged_at = GetCurrentTimestamp();
}

/* What has come of a pass over the tables. */
typedef struct Pass
{
	bool may_run; /* this database's jobs are its own */
	bool busy;    /* there is or will be something to do */
	bool live;    /* jobs are not over, or only rest */
	bool again;   /* it was cut short, to hear what children say */
	bool idle;    /* nothing ran and nothing was moved: at most jobs were announced */
} Pass;

static Pass
pass(bool *first, bool something_new)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PASS_LIMIT_MS);
	Pass result = {false, false, false, false, job_runs_list == NIL};
	Look found = {IDENTITY_NONE};
	bool moved = something_new;

	do
	{
		if (job_transaction(look, &found) != NULL)
			return result;
		result.may_run = found.may_run;
		if (!found.may_run)
		{
			stand_back(found.identity);
			return result;
		}
		logged_identity = found.identity;
		result.busy = *first || found.jobs.busy;
		result.live = found.jobs.live;
		if (*first && !job_claim_reset_orphans())
			return result;
		*first = false;
		job_hosts_follow();
		moved = do_what_is_found(&found.jobs, moved);
		result.idle &= !moved && job_runs_list == NIL;
		if (ShutdownRequestPending)
			break;
		CHECK_FOR_INTERRUPTS();
	} while (moved && GetCurrentTimestamp() < until);
	result.again = moved;
	purge_history();
	show_activity(NULL);
	return result;
}

/*
 * Without a launcher the worker exits when it has had nothing to do for a while.  It looks at the
 * tables once more while no call is under way and none can begin; the next one finds its lock free
 * and starts another worker.
 */
static bool
may_exit(const Pass *passed, bool *busy, TimestampTz *busy_at)
{
	*busy = job_runs_list != NIL || passed->busy;
	worker_slot_tell_live(passed->live);
	if (*busy)
	{
		*busy_at = GetCurrentTimestamp();
		return false;
	}
	if (launcher_present() || !TimestampDifferenceExceeds(*busy_at, GetCurrentTimestamp(),
														  vmclone_worker_idle_timeout * 1000))
		return false;
	if (!worker_exclude_calls())
		return false;
	*busy = passed->may_run && job_anything_to_do();
	if (!*busy)
		worker_lock_release();
	worker_admit_calls();
	return !*busy;
}

/*
 * Calls whose jobs don't start wake the worker one by one, and their clients wait for the processor that it takes: a stream
 * of them is let gather.  Whatever else wakes it meanwhile waits as long.
 */
static void
let_news_gather(const Pass *passed, TimestampTz passed_at)
{
	long rest_ms;

	if (!passed->idle)
		return;
	rest_ms = NEWS_REST_MS - TimestampDifferenceMilliseconds(passed_at, GetCurrentTimestamp());
	if (rest_ms > 0)
		(void) WaitLatch(NULL, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, rest_ms, PG_WAIT_EXTENSION);
}

static void
work(void)
{
	MemoryContext loop_context =
		AllocSetContextCreate(TopMemoryContext, "vmclone worker loop", ALLOCSET_DEFAULT_SIZES);
	TimestampTz busy_at = GetCurrentTimestamp();
	TimestampTz passed_at = 0;
	bool first = true;
	bool woken = true;
	bool busy = false;
	Pass passed = {false};

	for (;;)
	{
		bool changed;

		if (ShutdownRequestPending)
			return;
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(loop_context);
		MemoryContextReset(loop_context);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		changed = job_runs_attend();
		changed |= job_hosts_attend();
		job_progress_write();
		/* A copier's progress alone is no reason to look at the tables. */
		if (changed || woken || job_runs_list == NIL ||
			TimestampDifferenceExceeds(passed_at, GetCurrentTimestamp(), PASS_INTERVAL_MS))
		{
			passed_at = GetCurrentTimestamp();
			/* DROP EXTENSION: the children's tasks are gone with the tables; UPDATE: they go on under the next worker. */
			if (!extension_is_current())
				return;
			passed = pass(&first, changed || woken);
			if (may_exit(&passed, &busy, &busy_at))
				return;
		}
		if (passed.again)
		{
			(void) wait_for_something(0);
			woken = true;
		}
		else
			woken = (job_runs_go_on() && rest(PROGRESS_REST_MS)) ||
					wait_for_something(wait_timeout(busy));
		if (woken && !passed.again)
			let_news_gather(&passed, passed_at);
	}
}

void
vmclone_worker_main(Datum argument)
{
	connect_to_database(DatumGetObjectId(argument));
	before_shmem_exit(kill_children, (Datum) 0);
	if (extension_is_current() && worker_lock_take())
	{
		ereport(LOG, (errmsg("vmclone worker for database %u started", MyDatabaseId)));
		work();
		ereport(LOG, (errmsg("vmclone worker for database %u exits", MyDatabaseId)));
	}
	/* who was told to stop is started again, unless the server stops too */
	if (!ShutdownRequestPending)
		worker_slot_retire();
	proc_exit(0);
}

/* start_worker() → boolean: true once a worker of this database runs. */
Datum
vmclone_start_worker(PG_FUNCTION_ARGS)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), START_LIMIT_MS);

	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("no vmclone worker runs on a standby server"),
						errhint("It starts when the server is promoted.")));
	do
	{
		if (worker_is_running())
			PG_RETURN_BOOL(true);
		if (!worker_ensure() || !worker_wake())
			ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
							errmsg("could not start the vmclone worker: no background worker slot "
								   "is free"),
							errhint("Raise \"max_worker_processes\".")));
		for (int i = 0; i < 20 && !worker_is_running(); i++)
		{
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 50,
							 PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	} while (GetCurrentTimestamp() < until);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("the vmclone worker did not start within %d seconds", START_LIMIT_MS / 1000),
			 errhint("The server log says why; \"max_worker_processes\" may be too low.")));
}

/* wake_worker(): tells the launcher at commit that this database has the extension. */
Datum
vmclone_wake_worker(PG_FUNCTION_ARGS)
{
	/* Without a launcher a worker is started by the first call that has work for it. */
	if (launcher_present())
		wake_worker_at_commit();
	PG_RETURN_VOID();
}

/* worker_preloaded() → boolean: a launcher starts the workers. */
Datum
vmclone_worker_preloaded(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(launcher_present());
}
