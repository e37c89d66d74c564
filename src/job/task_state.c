/*
 * task_state.c
 *		Every write of async_tasks.status: each statement moves only tasks that state_table.h lets go.
 *
 * In each statement the last argument is the set of states that the move may begin in.
 */
#include "postgres.h"

#include "base/statement.h"
#include "catalog/pg_type.h"
#include "job/retry_delay.h"
#include "state/state_table.h"
#include "job/task_state.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Of statements that make a claim. */
enum
{
	RETURNED_CLAIM = 1,
	RETURNED_SINCE_CLAIM,
};

/* Sets the host of $3 and its lease of $4; host_claim is the first claim of those in a row that the host had. */
#define SET_HOST                                                                                   \
	"left_hosts = NULLIF(array_remove(CASE WHEN $5 AND host_name <> $3"                            \
	" THEN array_append(array_remove(left_hosts, host_name), host_name)"                           \
	" ELSE left_hosts END, $3), '{}'), "                                                           \
	"host_name = $3, lease = $4, host_claim = CASE WHEN host_name IS DISTINCT FROM $3"             \
	" THEN claim + 1 ELSE COALESCE(host_claim, 1) END"

static Statement claim_task = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'running', claim = claim + 1,"
		   " phase = 'checking', started_at = COALESCE(started_at, clock_timestamp()),"
		   " next_attempt_at = NULL, error = NULL, error_kind = NULL, " SET_HOST
		   " WHERE task_id = $1 AND status = ANY ($2) RETURNING claim, host_claim",
	.argument_count = 5,
	.argument_types = {UUIDOID, TEXTARRAYOID, TEXTOID, INT4OID, BOOLOID},
};

static Statement succeeded = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'finished', result = 'success',"
		   " phase = 'done', rate = NULL, actual_size = NULLIF($3, 0),"
		   " bytes_total = $4, bytes_done = $4, bytes_written = $5,"
		   " method = COALESCE($6, method), method_reason = COALESCE($7, method_reason),"
		   " bytes_verified = NULLIF($8, 0), bytes_to_verify = NULLIF($8, 0),"
		   " ended_at = clock_timestamp(), error = NULL, error_kind = NULL"
		   " WHERE task_id = $1 AND claim = $2 AND status = ANY ($9)",
	.argument_count = 9,
	.argument_types = {UUIDOID, INT4OID, INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID, INT8OID,
					   TEXTARRAYOID},
};

static Statement again = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'init', phase = 'queued', rate = NULL,"
		   " bytes_done = $3, bytes_written = $3, error_kind = $4, error = $5, attempts = $6,"
		   " next_attempt_at = $7, lease = CASE WHEN $9 THEN NULL ELSE lease END"
		   " WHERE task_id = $1 AND claim = $2 AND status = ANY ($8)",
	.argument_count = 9,
	.argument_types = {UUIDOID, INT4OID, INT8OID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID,
					   TEXTARRAYOID, BOOLOID},
};

static Statement reads_chain = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'init', phase = 'queued', rate = NULL,"
		   " bytes_done = 0, bytes_written = 0, read_from_task = NULL"
		   " WHERE task_id = $1 AND claim = $2 AND status = ANY ($3)",
	.argument_count = 3,
	.argument_types = {UUIDOID, INT4OID, TEXTARRAYOID},
};

static Statement failed = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'finished', result = 'failure',"
		   " phase = 'failed', rate = NULL, bytes_done = $3, bytes_written = $3, error_kind = $4,"
		   " error = $5, ended_at = clock_timestamp()"
		   " WHERE task_id = $1 AND claim = $2 AND status = ANY ($6)",
	.argument_count = 6,
	.argument_types = {UUIDOID, INT4OID, INT8OID, TEXTOID, TEXTOID, TEXTARRAYOID},
};

static Statement abort_tasks = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'aborting', rate = NULL"
		   " WHERE job_id = $1 AND status = ANY ($2)",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTARRAYOID},
};

static Statement skip_cleaning = {
	.sql = "UPDATE vmclone.async_tasks SET claim = claim + 1, rate = NULL, next_attempt_at = NULL,"
		   " status = 'finished', result = 'cleanSuccess', phase = 'cleaned',"
		   " ended_at = clock_timestamp() WHERE job_id = $1 AND claim = 0 AND status = ANY ($2)",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTARRAYOID},
};

static Statement clean = {
	.sql = "UPDATE vmclone.async_tasks SET claim = claim + 1, rate = NULL, next_attempt_at = NULL,"
		   " status = 'cleaning', result = NULL, phase = 'cleaning', ended_at = NULL"
		   " WHERE job_id = $1 AND claim > 0 AND status = ANY ($2)"
		   " AND (result IS NULL OR result IN ('success', 'failure'))",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTARRAYOID},
};

static Statement claim_cleaning = {
	.sql = "UPDATE vmclone.async_tasks SET claim = claim + 1, phase = 'checking', " SET_HOST
		   " WHERE task_id = $1 AND $2 IS NOT NULL RETURNING claim, host_claim",
	.argument_count = 5,
	.argument_types = {UUIDOID, TEXTARRAYOID, TEXTOID, INT4OID, BOOLOID},
};

static Statement cleaned = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'finished', result = 'cleanSuccess',"
		   " phase = 'cleaned', rate = NULL, bytes_written = 0, ended_at = clock_timestamp()"
		   " WHERE task_id = $1 AND claim = $2 AND status = ANY ($3)",
	.argument_count = 3,
	.argument_types = {UUIDOID, INT4OID, TEXTARRAYOID},
};

static Statement reset_orphans = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'init', phase = 'queued', rate = NULL,"
		   " claim = claim + 1 WHERE status = ANY ($1) AND status <> 'init' AND result IS NULL",
	.argument_count = 1,
	.argument_types = {TEXTARRAYOID},
};

static Statement retry = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'init', result = NULL, phase = 'queued',"
		   " attempts = 0, next_attempt_at = NULL, ended_at = NULL"
		   " WHERE job_id = $1 AND ((result = 'failure' AND status = ANY ($2)) OR status = 'init')",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTARRAYOID},
};

static Statement abandon_cleaning = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'finished', result = 'cleanFailure',"
		   " phase = 'abandoned', claim = claim + 1, ended_at = clock_timestamp()"
		   " WHERE job_id = $1 AND status = ANY ($2)",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTARRAYOID},
};

/* Also what is finished: what it has made is the other database's. */
static Statement abandon_all = {
	.sql = "UPDATE vmclone.async_tasks SET claim = claim + 1, status = 'finished',"
		   " result = 'cleanFailure', phase = 'abandoned', rate = NULL,"
		   " ended_at = clock_timestamp(), error = 'left to the database that it was copied from'"
		   " WHERE (status = ANY ($1) OR status = 'finished') AND job_id IN"
		   " (SELECT job_id FROM vmclone.jobs"
		   " WHERE status NOT IN ('succeeded', 'failed', 'cancelled'))",
	.argument_count = 1,
	.argument_types = {TEXTARRAYOID},
};

static Datum
from_states(TaskStatus to, Mover mover)
{
	return task_status_array(task_sources(to, mover));
}

static void
claim(Statement *statement, TaskClaim *task, const char *host_name, int lease, bool has_devices)
{
	Datum values[5] = {UUIDPGetDatum(&task->task_id), from_states(TASK_RUNNING, MOVER_WORKER),
					   CStringGetTextDatum(host_name), Int32GetDatum(lease),
					   BoolGetDatum(has_devices)};

	statement_run_one_row(statement, values, NULL);
	task->claim = field_int64(0, RETURNED_CLAIM);
	task->since_claim = field_int64(0, RETURNED_SINCE_CLAIM);
}

/* A move of all the tasks of a job that may make it. */
static void
move_tasks_of(const pg_uuid_t *job_id, TaskStatus to, Mover mover, Statement *statement)
{
	Datum values[2] = {UUIDPGetDatum(job_id), from_states(to, mover)};

	(void) statement_run(statement, values, NULL);
}

void
task_set_running(TaskClaim *task, const char *host_name, int lease, bool has_devices)
{
	claim(&claim_task, task, host_name, lease, has_devices);
}

bool
task_set_succeeded(const TaskClaim *claim, const TaskSuccess *success)
{
	bool nulls[9] = {0};
	Datum values[9] = {UUIDPGetDatum(&claim->task_id),
					   Int32GetDatum(claim->claim),
					   Int64GetDatum(success->allocated),
					   Int64GetDatum(success->bytes_done),
					   Int64GetDatum(success->bytes_written),
					   text_or_null(success->method, &nulls[5]),
					   text_or_null(success->method_reason, &nulls[6]),
					   Int64GetDatum(success->bytes_verified),
					   from_states(TASK_FINISHED, MOVER_WORKER)};

	return statement_run(&succeeded, values, nulls) > 0;
}

bool
task_set_again(const TaskClaim *claim, const TaskFailure *failure, bool crashed, int attempts)
{
	bool nulls[9] = {0};
	Datum values[9] = {UUIDPGetDatum(&claim->task_id),
					   Int32GetDatum(claim->claim),
					   Int64GetDatum(failure->bytes_done),
					   CStringGetTextDatum(failure->error_kind),
					   CStringGetTextDatum(failure->error),
					   Int32GetDatum(attempts),
					   TimestampTzGetDatum(retry_at(Max(attempts - 1, 0))),
					   from_states(TASK_INIT, MOVER_WORKER),
					   BoolGetDatum(failure->copier_is_gone)};

	nulls[6] = !crashed;
	return statement_run(&again, values, nulls) > 0;
}

bool
task_set_reads_chain(const TaskClaim *claim)
{
	Datum values[3] = {UUIDPGetDatum(&claim->task_id), Int32GetDatum(claim->claim),
					   from_states(TASK_INIT, MOVER_WORKER)};

	return statement_run(&reads_chain, values, NULL) > 0;
}

bool
task_set_failed(const TaskClaim *claim, const TaskFailure *failure)
{
	Datum values[6] = {
		UUIDPGetDatum(&claim->task_id),      Int32GetDatum(claim->claim),
		Int64GetDatum(failure->bytes_done),  CStringGetTextDatum(failure->error_kind),
		CStringGetTextDatum(failure->error), from_states(TASK_FINISHED, MOVER_WORKER)};

	return statement_run(&failed, values, NULL) > 0;
}

void
tasks_abort(const pg_uuid_t *job_id)
{
	move_tasks_of(job_id, TASK_ABORTING, MOVER_WORKER, &abort_tasks);
}

void
tasks_clean(const pg_uuid_t *job_id)
{
	move_tasks_of(job_id, TASK_FINISHED, MOVER_WORKER, &skip_cleaning);
	move_tasks_of(job_id, TASK_CLEANING, MOVER_WORKER, &clean);
}

void
task_claim_cleaning(TaskClaim *task, const char *host_name, int lease, bool has_devices)
{
	claim(&claim_cleaning, task, host_name, lease, has_devices);
}

bool
task_set_cleaned(const TaskClaim *claim)
{
	Datum values[3] = {UUIDPGetDatum(&claim->task_id), Int32GetDatum(claim->claim),
					   from_states(TASK_FINISHED, MOVER_WORKER)};

	return statement_run(&cleaned, values, NULL) > 0;
}

void
tasks_reset_orphans(void)
{
	Datum from = from_states(TASK_INIT, MOVER_WORKER);

	(void) statement_run(&reset_orphans, &from, NULL);
}

void
tasks_retry(const pg_uuid_t *job_id)
{
	move_tasks_of(job_id, TASK_INIT, MOVER_RETRY_JOB, &retry);
}

void
tasks_abandon_cleaning(const pg_uuid_t *job_id)
{
	move_tasks_of(job_id, TASK_FINISHED, MOVER_ABANDON_CLEANING, &abandon_cleaning);
}

void
tasks_abandon_all(void)
{
	Datum from = from_states(TASK_FINISHED, MOVER_ADOPT);

	(void) statement_run(&abandon_all, &from, NULL);
}
