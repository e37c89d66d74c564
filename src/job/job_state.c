/*
 * job_state.c
 *		Every change of jobs.status, each with its NOTIFY vmclone_job.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "job/job_state.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "utils/builtins.h"

#define JOB_CHANNEL "vmclone_job"

/* Longest back-off in seconds between two attempts of a waiting job. */
#define WAIT_DELAY_MAX "60"

static Statement lock_job = {
	.sql = "SELECT j.call_id, j.vm_id, j.storage_pool_id, j.cluster_id, j.user_id, j.vm_name,"
		   " j.owner, j.status, j.requested, j.final_status, j.reason,"
		   " j.action = 'AddVmTemplateFromSnapshot', j.on_failure = 'hold', j.source_freed,"
		   " j.copy_number"
		   " FROM vmclone.jobs j WHERE j.job_id = $1 FOR UPDATE SKIP LOCKED",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement set_running = {
	.sql = "UPDATE vmclone.jobs SET status = 'running', next_attempt_at = NULL,"
		   " started_at = coalesce(started_at, clock_timestamp()) WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement clear_reason = {
	.sql = "UPDATE vmclone.jobs SET reason = NULL, reason_key = NULL, waiting_since = NULL"
		   " WHERE job_id = (SELECT job_id FROM vmclone.jobs WHERE job_id = $1"
		   " AND status = 'running' AND (reason IS NOT NULL OR waiting_since IS NOT NULL)"
		   " AND requested IS DISTINCT FROM 'cancel' FOR UPDATE SKIP LOCKED)",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* The delay grows with the time waited, so it about doubles from one attempt to the next. */
static Statement set_waiting = {
	.sql = "UPDATE vmclone.jobs SET status = 'waiting', reason_key = $2, reason = $3,"
		   " waiting_since = coalesce(waiting_since, clock_timestamp()),"
		   " next_attempt_at = clock_timestamp() + least(make_interval(secs => " WAIT_DELAY_MAX "),"
		   " greatest(make_interval(secs => $4 / 1000.0),"
		   " clock_timestamp() - coalesce(waiting_since, clock_timestamp())))"
		   " WHERE job_id = $1 AND (waiting_since IS NULL"
		   " OR waiting_since + make_interval(secs => $5) > clock_timestamp())",
	.argument_count = 5,
	.argument_types = {UUIDOID, TEXTOID, TEXTOID, INT4OID, INT4OID},
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

static Statement abort_tasks = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'aborting', rate = NULL"
		   " WHERE job_id = $1 AND status = 'running'",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement set_paused = {
	.sql = "UPDATE vmclone.jobs SET status = 'paused', requested = NULL WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement set_resumed = {
	.sql = "UPDATE vmclone.jobs SET requested = NULL, next_attempt_at = NULL,"
		   " waiting_since = NULL, reason = NULL, reason_key = NULL,"
		   " status = CASE WHEN started_at IS NULL THEN 'queued' ELSE 'running' END"
		   " WHERE job_id = $1 RETURNING status",
	.argument_count = 1,
	.argument_types = {UUIDOID},
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

static Statement set_ended = {
	.sql = "UPDATE vmclone.jobs SET status = $2, ended_at = clock_timestamp(), requested = NULL,"
		   " source_freed = true, next_attempt_at = NULL, waiting_since = NULL,"
		   " cleaning_error = NULL WHERE job_id = $1",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

bool
job_word_among(const char *word, const char *const *words)
{
	for (; word != NULL && *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

bool
job_cancel_requested(const JobRow *job)
{
	return job->requested != NULL && strcmp(job->requested, "cancel") == 0;
}

bool
job_lock(const pg_uuid_t *job_id, JobRow *job)
{
	Datum value = UUIDPGetDatum(job_id);

	memset(job, 0, sizeof(*job));
	if (statement_run(&lock_job, &value, NULL) == 0)
		return false;
	job->job_id = *job_id;
	job->call_id = field_uuid(0, 1);
	job->vm_id = field_uuid(0, 2);
	job->storage_pool_id = field_uuid(0, 3);
	job->cluster_id = field_uuid(0, 4);
	job->user_id = field_uuid(0, 5);
	job->vm_name = field_text(0, 6);
	job->owner = field_text(0, 7);
	job->status = field_text(0, 8);
	job->requested = field_text(0, 9);
	job->final_status = field_text(0, 10);
	job->reason = field_text(0, 11);
	job->is_template = field_bool(0, 12);
	job->hold_on_failure = field_bool(0, 13);
	job->source_freed = field_bool(0, 14);
	job->copy_number = field_int64(0, 15);
	return true;
}

void
job_tell(const pg_uuid_t *job_id, const char *status)
{
	Async_Notify(JOB_CHANNEL,
				 psprintf("{\"job_id\":\"%s\",\"status\":\"%s\"}", uuid_text(job_id), status));
}

/* A move without values of its own. */
static void
move(Statement *statement, const pg_uuid_t *job_id, const char *status)
{
	Datum value = UUIDPGetDatum(job_id);

	(void) statement_run(statement, &value, NULL);
	job_tell(job_id, status);
}

void
job_runs(const JobRow *job)
{
	if (strcmp(job->status, "running") != 0)
		move(&set_running, &job->job_id, "running");
}

void
job_goes_well(const pg_uuid_t *job_id)
{
	Datum value = UUIDPGetDatum(job_id);

	(void) statement_run(&clear_reason, &value, NULL);
}

/* failing or cancelling; what runs is told to stop by the worker's next pass. */
static void
undo(const JobRow *job, const char *status, const char *final_status, const char *key,
	 const char *reason)
{
	Datum values[5] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(status),
					   CStringGetTextDatum(final_status), CStringGetTextDatum(key),
					   CStringGetTextDatum(reason)};

	(void) statement_run(&set_undoing, values, NULL);
	(void) statement_run(&abort_tasks, values, NULL);
	job_tell(&job->job_id, status);
}

void
job_fails(const JobRow *job, const char *kind, const char *reason)
{
	Datum values[3] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(kind),
					   CStringGetTextDatum(reason)};

	if (!job->hold_on_failure)
	{
		undo(job, "failing", "failed", kind, reason);
		return;
	}
	(void) statement_run(&set_held, values, NULL);
	job_tell(&job->job_id, "held");
}

void
job_waits(const JobRow *job, const char *kind, const char *reason)
{
	static const char *const for_a_person[] = {"held", "paused", NULL};
	Datum values[5] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(kind),
					   CStringGetTextDatum(reason), Int32GetDatum(vmclone_retry_delay),
					   Int32GetDatum(vmclone_wait_limit)};

	if (job_word_among(job->status, for_a_person))
		return;
	if (statement_run(&set_waiting, values, NULL) == 0)
		job_fails(job, kind, psprintf("%s; waited %d seconds", reason, vmclone_wait_limit));
	else if (strcmp(job->status, "waiting") != 0)
		job_tell(&job->job_id, "waiting");
}

void
job_cancels(const JobRow *job)
{
	undo(job, "cancelling", "cancelled", "cancelled", job->reason ? job->reason : "cancelled");
}

void
job_pauses(const JobRow *job)
{
	move(&set_paused, &job->job_id, "paused");
}

void
job_resumes(const JobRow *job)
{
	Datum value = UUIDPGetDatum(&job->job_id);

	statement_run_one_row(&set_resumed, &value, NULL);
	job_tell(&job->job_id, field_text(0, 1));
}

void
job_finishes(const JobRow *job)
{
	move(&set_finishing, &job->job_id, "finishing");
}

void
job_cleans(const JobRow *job)
{
	move(&set_cleaning, &job->job_id, "cleaning");
}

void
job_ends(const JobRow *job, const char *status)
{
	Datum values[2] = {UUIDPGetDatum(&job->job_id), CStringGetTextDatum(status)};

	(void) statement_run(&set_ended, values, NULL);
	job_tell(&job->job_id, status);
}
