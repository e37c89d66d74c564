/*
 * worker_process.c
 *		worker_process(): the worker of this database, for every role that may look at the views.
 *
 * pg_stat_activity keeps from other roles what kind of process they see.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/extension.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "wake/worker_presence.h"

VMCLONE_FUNCTION_INFO(vmclone_worker_process);

/* Columns of worker_process. */
enum
{
	PROCESS_PID,
	PROCESS_ACTIVITY,
	PROCESS_STARTED_AT,
	PROCESS_COLUMNS,
};

static bool
is_worker_of_database(const PgBackendStatus *backend)
{
	const char *type;

	if (backend->st_backendType != B_BG_WORKER || backend->st_databaseid != MyDatabaseId)
		return false;
	type = GetBackgroundWorkerTypeByPid(backend->st_procpid);
	return type != NULL && strcmp(type, WORKER_BACKEND_TYPE) == 0;
}

/* worker_process() → pid, activity, started_at; all null where no worker runs. */
Datum
vmclone_worker_process(PG_FUNCTION_ARGS)
{
	Datum values[PROCESS_COLUMNS] = {0};
	bool nulls[PROCESS_COLUMNS] = {true, true, true};
	TupleDesc descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "worker_process must be called where a row is accepted");
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		const PgBackendStatus *backend = &pgstat_get_local_beentry_by_index(i)->backendStatus;
		size_t skip = strlen(WORKER_APPLICATION_NAME);

		if (!is_worker_of_database(backend))
			continue;
		memset(nulls, 0, sizeof(nulls));
		values[PROCESS_PID] = Int32GetDatum(backend->st_procpid);
		values[PROCESS_ACTIVITY] =
			CStringGetTextDatum(strncmp(backend->st_appname, WORKER_APPLICATION_NAME, skip) == 0
									? backend->st_appname + skip
									: "starting");
		values[PROCESS_STARTED_AT] = TimestampTzGetDatum(backend->st_proc_start_timestamp);
		break;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
