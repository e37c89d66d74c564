/*
 * job_state.c
 *		Every write of jobs.status, each with its NOTIFY vmclone_job.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "job/job_history.h"
#include "job/job_log.h"
#include "job/job_state.h"
#include "job/retry_delay.h"
#include "job/task_state.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define JOB_CHANNEL "vmclone_job"

/* Attempts to clean, up to a minute apart, of which the log is told one. */
#define CLEANINGS_A_MESSAGE 10

static Statement set_running = {
	.sql = "UPDATE vmclone.jobs SET status = 'running', next_attempt_at = NULL,"
		   " started_at = COALESCE(started_at, clock_timestamp()) WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement clear_reason = {
	.sql = "UPDATE vmclone.jobs SET reason = NULL, reason_key = NULL"
		   " WHERE job_id = (SELECT job_id FROM vmclone.jobs WHERE job_id = $1"
		   " AND status = 'running' AND reason IS NOT NULL"
		   " AND requested IS DISTINCT FROM 'cancel' FOR UPDATE SKIP LOCKED)",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement clear_wait = {
	.sql = "UPDATE vmclone.jobs SET waiting_since = NULL"
		   " WHERE job_id = (SELECT job_id FROM vmclone.jobs WHERE job_id = $1"
		   " AND status = 'running' AND waiting_since IS NOT NULL FOR UPDATE SKIP LOCKED)",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement set_waiting = {
	.sql = "UPDATE vmclone.jobs SET status = 'waiting', reason_key = $2, reason = $3,"
		   " waiting_since = COALESCE(waiting_since, clock_timestamp()), next_attempt_at = $4"
		   " WHERE job_id = $1",
	.argument_count = 4,
	.argument_types = {UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID},
};

static Statement set_held = {
	.sql = "UPDATE vmclone.jobs SET status = 'held', requested = NULL, reason_key = $2,"
		   " reason = $3, next_attempt_at = NULL, waiting_since = NULL WHERE job_id = $1",
	.argument_count = 3,
	.argument_types = {UUIDOID, TEXTOID, TEXTOID},
};

static Statement set_undoing = {
	.sql = "UPDATE vmclone.jobs SET status = $2, final_status = $3, requested = NULL,"
		   " reason_key = $4, reason = $5, next_attempt_at = NULL, waiting_since = NULL"
		   " WHERE job_id = $1",
	.argument_count = 5,
	.argument_types = {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
};

static Statement set_paused = {
	.sql = "UPDATE vmclone.jobs SET status = 'paused', requested = NULL WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement set_resumed = {
	.sql = "UPDATE vmclone.jobs SET status = $2, requested = NULL, next_attempt_at = NULL,"
		   " waiting_since = NULL, reason = NULL, reason_key = NULL WHERE job_id = $1",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static Statement set_finishing = {
	.sql = "UPDATE vmclone.jobs SET status = 'finishing', reason = NULL, reason_key = NULL,"
		   " next_attempt_at = NULL, waiting_since = NULL WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement set_cleaning = {
	.sql = "UPDATE vmclone.jobs SET status = 'cleaning', source_freed = true,"
		   " next_attempt_at = NULL WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* A success has nothing to complain of; a failure's reason is its history. */
static Statement set_ended = {
	.sql = "UPDATE vmclone.jobs SET status = $2, ended_at = clock_timestamp(), requested = NULL,"
		   " reason = CASE WHEN $2 <> 'succeeded' THEN reason END,"
		   " reason_key = CASE WHEN $2 <> 'succeeded' THEN reason_key END,"
		   " source_freed = true, next_attempt_at = NULL, waiting_since = NULL,"
		   " cleaning_error = NULL WHERE job_id = $1",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static Statement drop_request = {
	.sql = "UPDATE vmclone.jobs SET requested = NULL WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement cleaning_waits = {
	.sql = "UPDATE vmclone.jobs SET clean_attempts = clean_attempts + 1, cleaning_error = $2,"
		   " next_attempt_at = $3 WHERE job_id = $1",
	.argument_count = 3,
	.argument_types = {UUIDOID, TEXTOID, TIMESTAMPTZOID},
};

static Statement finishing_waits = {
	.sql = "UPDATE vmclone.jobs SET reason_key = 'finishing', reason = $2,"
		   " waiting_since = COALESCE(waiting_since, clock_timestamp()), next_attempt_at = $3"
		   " WHERE job_id = $1",
	.argument_count = 3,
	.argument_types = {UUIDOID, TEXTOID, TIMESTAMPTZOID},
};

static Statement retry_now = {
	.sql = "UPDATE vmclone.jobs SET status = 'waiting', next_attempt_at = clock_timestamp(),"
		   " waiting_since = NULL, clean_attempts = 0 WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement abandon_jobs = {
	.sql = "UPDATE vmclone.jobs SET status = 'cleaning', final_status = 'failed',"
		   " requested = NULL, source_freed = true, next_attempt_at = NULL, waiting_since = NULL,"
		   " reason_key = 'abandoned',"
		   " reason = 'left to the database that this one was copied from'"
		   " WHERE status = ANY ($1) RETURNING job_id, call_id",
	.argument_count = 1,
	.argument_types = {TEXTARRAYOID},
};

/* Jobs that were cleaning already are abandoned as they are: no other state, no NOTIFY. */
static Statement abandon_cleaning_jobs = {
	.sql = "UPDATE vmclone.jobs SET next_attempt_at = NULL WHERE status = 'cleaning'",
};

/* Columns of abandon_jobs. */
enum
{
	ABANDONED_JOB_ID = 1,
	ABANDONED_CALL_ID,
};

void
job_notify(const pg_uuid_t *job_id, JobStatus status)
{
	Async_Notify(JOB_CHANNEL, psprintf("{\"job_id\":\"%s\",\"status\":\"%s\"}", uuid_text(job_id),
									   job_status_word(status)));
}

/* The worker writes a state: by a statement whose first argument is the job's id. */
static void
move(JobRow *job, JobStatus to, Statement *statement, const Datum *values)
{
	job_check_move(&job->job_id, job->status, to, MOVER_WORKER);
	(void) statement_run(statement, values, NULL);
	job->status = to;
	job_notify(&job->job_id, to);
}

/* A move without values of its own. */
static void
move_only(JobRow *job, JobStatus to, Statement *statement)
{
	Datum value = UUIDPGetDatum(&job->job_id);

	move(job, to, statement, &value);
}

/* A move whose statement takes the state as its second argument. */
static void
move_to(JobRow *job, JobStatus to, Statement *statement)
{
	Datum values[2] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(job_status_word(to))};

	move(job, to, statement, values);
}

static int64
waited_ms(const JobRow *job)
{
	return job->waiting_since == 0
			   ? 0
			   : TimestampDifferenceMilliseconds(job->waiting_since, GetCurrentTimestamp());
}

static bool
wait_is_over(const JobRow *job)
{
	return job->waiting_since != 0 && waited_ms(job) >= vmclone_wait_limit * INT64CONST(1000);
}

void
job_set_running(JobRow *job)
{
	if (job->status != JOB_RUNNING)
		move_only(job, JOB_RUNNING, &set_running);
	if (!job->has_started)
		job_log_start(job);
	job->has_started = true;
}

void
job_clear_reason(const pg_uuid_t *job_id)
{
	Datum value = UUIDPGetDatum(job_id);

	(void) statement_run(&clear_reason, &value, NULL);
}

void
job_clear_wait(const pg_uuid_t *job_id)
{
	Datum value = UUIDPGetDatum(job_id);

	(void) statement_run(&clear_wait, &value, NULL);
}

/* failing or cancelling; the worker's next pass tells what runs to stop. */
static void
undo(JobRow *job, JobStatus to, JobStatus final_status, const char *key, const char *reason)
{
	Datum values[5] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(job_status_word(to)),
					   CStringGetTextDatum(job_status_word(final_status)), CStringGetTextDatum(key),
					   CStringGetTextDatum(reason)};

	move(job, to, &set_undoing, values);
	tasks_abort(&job->job_id);
}

void
job_set_failing(JobRow *job, const char *reason_key, const char *reason)
{
	Datum values[3] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(reason_key),
					   CStringGetTextDatum(reason)};

	if (!job->hold_on_failure)
		undo(job, JOB_FAILING, JOB_FAILED, reason_key, reason);
	else if (job->status != JOB_HELD)
		move(job, JOB_HELD, &set_held, values);
	else
		return;
	job_log_problem(job, job->hold_on_failure ? "is held" : "fails", reason);
}

void
job_set_waiting(JobRow *job, const char *reason_key, const char *reason)
{
	Datum values[4] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(reason_key),
					   CStringGetTextDatum(reason),
					   TimestampTzGetDatum(retry_at(retry_attempts_within(waited_ms(job))))};

	if (state_in(job->status, STATE_BIT(JOB_HELD) | STATE_BIT(JOB_PAUSED)))
		return;
	if (wait_is_over(job))
		job_set_failing(job, reason_key,
						psprintf("%s; waited %d seconds", reason, vmclone_wait_limit));
	else
	{
		/* once for a cause, not with every attempt */
		if (job->reason == NULL || strcmp(job->reason, reason) != 0)
			job_log_problem(job, "waits", reason);
		if (job->status == JOB_WAITING)
			(void) statement_run(&set_waiting, values, NULL);
		else
		{
			move(job, JOB_WAITING, &set_waiting, values);
			job_count_wait();
		}
	}
}

void
job_set_cancelling(JobRow *job)
{
	undo(job, JOB_CANCELLING, JOB_CANCELLED, "cancelled", job->reason ? job->reason : "cancelled");
}

void
job_set_paused(JobRow *job)
{
	move_only(job, JOB_PAUSED, &set_paused);
}

void
job_set_resumed(JobRow *job)
{
	move_to(job, job->has_started ? JOB_RUNNING : JOB_QUEUED, &set_resumed);
}

void
job_set_finishing(JobRow *job)
{
	move_only(job, JOB_FINISHING, &set_finishing);
}

void
job_pass_finishing(JobRow *job)
{
	job_check_move(&job->job_id, job->status, JOB_FINISHING, MOVER_WORKER);
	job->status = JOB_FINISHING;
	job_notify(&job->job_id, JOB_FINISHING);
}

void
job_set_cleaning(JobRow *job)
{
	move_only(job, JOB_CLEANING, &set_cleaning);
}

void
job_set_succeeded(JobRow *job)
{
	move_to(job, JOB_SUCCEEDED, &set_ended);
	job_count_end(&job->job_id, job->status);
	job_log_end(job);
}

void
job_set_undone(JobRow *job)
{
	move_to(job, job->is_cancelled ? JOB_CANCELLED : JOB_FAILED, &set_ended);
	job_count_end(&job->job_id, job->status);
	job_log_end(job);
}

void
job_drop_request(const JobRow *job)
{
	Datum value = UUIDPGetDatum(&job->job_id);

	(void) statement_run(&drop_request, &value, NULL);
}

void
job_cleaning_waits(const JobRow *job, const char *problem)
{
	Datum values[3] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(problem),
					   TimestampTzGetDatum(retry_at(job->clean_attempts))};

	if (job->clean_attempts % CLEANINGS_A_MESSAGE == 0)
		job_log_problem(job, "could not be cleaned", problem);
	(void) statement_run(&cleaning_waits, values, NULL);
}

void
job_finishing_waits(JobRow *job, const char *problem)
{
	Datum values[3] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(problem),
					   TimestampTzGetDatum(retry_at(retry_attempts_within(waited_ms(job))))};

	if (wait_is_over(job))
		job_set_failing(job, "finishing", problem);
	else
	{
		if (job->reason == NULL || strcmp(job->reason, problem) != 0)
			job_log_problem(job, "could not be finished", problem);
		(void) statement_run(&finishing_waits, values, NULL);
	}
}

void
job_retry_now(const pg_uuid_t *job_id, JobStatus status)
{
	Datum value = UUIDPGetDatum(job_id);

	if (status != JOB_WAITING)
		job_check_move(job_id, status, JOB_WAITING, MOVER_RETRY_JOB);
	(void) statement_run(&retry_now, &value, NULL);
	if (status != JOB_WAITING)
		job_notify(job_id, JOB_WAITING);
}

pg_uuid_t *
job_abandon_all(int *count)
{
	Datum from = job_status_array(job_sources(JOB_CLEANING, MOVER_ADOPT));
	uint64 rows;
	pg_uuid_t *calls;

	(void) statement_run(&abandon_cleaning_jobs, NULL, NULL);
	rows = statement_run(&abandon_jobs, &from, NULL);
	calls = palloc((rows + 1) * sizeof(pg_uuid_t));
	for (uint64 i = 0; i < rows; i++)
	{
		pg_uuid_t job_id = field_uuid(i, ABANDONED_JOB_ID);

		calls[i] = field_uuid(i, ABANDONED_CALL_ID);
		job_notify(&job_id, JOB_CLEANING);
	}
	*count = rows;
	return calls;
}
