/*
 * job_end.c
 *		The ends of a job: finishing, failing, cancelling, cleaning.
 *
 * Success is one transaction.  Failure and cancel, once the copiers are dead, are three: the source
 * is freed, the files go, the rows go (decisions.md, "Failure").  The new VM stays LOCKED until its
 * rows go.
 */
#include "postgres.h"

#include "base/audit.h"
#include "catalog/pg_type.h"
#include "clone/clone.h"
#include "base/frame.h"
#include "job/job_run.h"
#include "job/job_state.h"
#include "job/job_transaction.h"
#include "base/json.h"
#include "locks/locks.h"
#include "base/settings.h"
#include "base/statement.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define JOBS_A_PASS "200"

/* Jobs that may have come to a turn: all images are there, or they are on the way to their end. */
static Statement turning_jobs = {
	.sql = "SELECT j.job_id FROM vmclone.jobs j"
		   " WHERE (j.next_attempt_at IS NULL OR j.next_attempt_at <= clock_timestamp())"
		   " AND (j.status IN ('finishing', 'failing', 'cancelling')"
		   " OR (j.status = 'cleaning' AND NOT EXISTS (SELECT FROM vmclone.async_tasks t"
		   " WHERE t.job_id = j.job_id AND t.status = 'cleaning'))"
		   " OR (j.status IN ('queued', 'running', 'waiting') AND j.requested IS NULL"
		   " AND NOT EXISTS (SELECT FROM vmclone.async_tasks t WHERE t.job_id = j.job_id"
		   " AND t.result IS DISTINCT FROM 'success')))"
		   " ORDER BY j.created_at, j.copy_number LIMIT " JOBS_A_PASS,
};

/* Copies of the same call that read, or will soon read, this job's images. */
static Statement readers = {
	.sql = "SELECT count(*) FROM vmclone.async_tasks own"
		   " JOIN vmclone.jobs rj ON rj.call_id = $2 AND rj.job_id <> $1"
		   " JOIN vmclone.async_tasks r ON r.job_id = rj.job_id"
		   " AND r.disk_number = own.disk_number AND r.read_from_task IS NOT NULL"
		   " AND r.result IS NULL"
		   " WHERE own.job_id = $1 AND (r.status = 'running'"
		   " OR (r.status = 'init' AND rj.status IN ('queued', 'running')))"
		   " AND NOT EXISTS (SELECT FROM vmclone.jobs ej JOIN vmclone.async_tasks e"
		   " ON e.job_id = ej.job_id WHERE ej.call_id = $2 AND ej.copy_number < $3"
		   " AND e.disk_number = own.disk_number AND e.result = 'success'"
		   " AND ej.status NOT IN ('succeeded', 'failed', 'cancelled', 'failing', 'cancelling',"
		   " 'cleaning'))",
	.argument_count = 3,
	.argument_types = {UUIDOID, UUIDOID, INT4OID},
};

static Statement free_source = {
	.sql = "UPDATE vmclone.jobs SET source_freed = true WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement others_need_source = {
	.sql = "SELECT count(*) FROM vmclone.jobs WHERE call_id = $1 AND NOT source_freed",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement free_name = {
	.sql = "DELETE FROM vmclone.vm_names WHERE vm_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement forget_lineage = {
	.sql = "DELETE FROM vmclone.lineage WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* A task that was never claimed has written nothing. */
static Statement clean_tasks = {
	.sql = "UPDATE vmclone.async_tasks SET claim = claim + 1, rate = NULL, next_attempt_at = NULL,"
		   " status = CASE WHEN claim = 0 THEN 'finished' ELSE 'cleaning' END,"
		   " result = CASE WHEN claim = 0 THEN 'cleanSuccess' END,"
		   " phase = CASE WHEN claim = 0 THEN 'cleaned' ELSE 'cleaning' END,"
		   " ended_at = CASE WHEN claim = 0 THEN clock_timestamp() END"
		   " WHERE job_id = $1 AND (status <> 'finished' OR result IN ('success', 'failure'))",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement note_problem = {
	.sql = "UPDATE vmclone.jobs SET reason_key = CASE WHEN status = 'finishing' THEN 'finishing'"
		   " ELSE reason_key END,"
		   " reason = CASE WHEN status = 'finishing' THEN $2 ELSE reason END,"
		   " cleaning_error = CASE WHEN status <> 'finishing' THEN $2 ELSE cleaning_error END,"
		   " clean_attempts = clean_attempts + CASE WHEN status <> 'finishing' THEN 1 ELSE 0 END,"
		   " waiting_since = CASE WHEN status = 'finishing'"
		   " THEN coalesce(waiting_since, clock_timestamp()) END,"
		   " next_attempt_at = clock_timestamp() + make_interval(secs => least(60, $3 / 1000.0"
		   " * (2 ^ least(clean_attempts, 10))))"
		   " WHERE job_id = $1 RETURNING status = 'finishing'"
		   " AND waiting_since + make_interval(secs => $4) < clock_timestamp()",
	.argument_count = 4,
	.argument_types = {UUIDOID, TEXTOID, INT4OID, INT4OID},
};

static Statement live_jobs = {
	.sql = "SELECT EXISTS (SELECT FROM vmclone.jobs WHERE requested IS NOT NULL"
		   " AND status NOT IN ('succeeded', 'failed', 'cancelled') OR status IN ('queued',"
		   " 'running', 'waiting', 'finishing', 'failing', 'cancelling', 'cleaning'))"
		   " OR EXISTS (SELECT FROM vmclone.measurements WHERE status = 'queued')",
};

static void
tell_audit(const JobRow *job, AuditType type)
{
	AuditSubject subject = {
		.vm_id = job->vm_id,
		.vm_name = job->vm_name,
		.user_id = job->user_id,
		.storage_pool_id = job->storage_pool_id,
		.cluster_id = job->cluster_id,
		.job_id = job->job_id,
		.call_id = job->call_id,
	};
	const char *const placeholders[] = {"VmName", job->vm_name, "Reason",
										job->reason ? job->reason : "unknown", NULL};
	Frame frame;

	frame_enter_inventory(&frame);
	subject.user_name = audit_user_name(&job->user_id, job->owner);
	audit_write(type, &subject, placeholders);
	frame_leave(&frame);
}

/* This job needs the source no more; the last one of the call gives the locks back. */
static void
let_source_go(const JobRow *job)
{
	Datum job_id = UUIDPGetDatum(&job->job_id);
	Datum call_id = UUIDPGetDatum(&job->call_id);

	(void) statement_run(&free_source, &job_id, NULL);
	statement_run_one_row(&others_need_source, &call_id, NULL);
	if (field_int64(0, 1) == 0)
		locks_release(&job->call_id);
}

static bool
is_being_read(const JobRow *job)
{
	Datum values[3] = {UUIDPGetDatum(&job->job_id), UUIDPGetDatum(&job->call_id),
					   Int32GetDatum(job->copy_number)};

	statement_run_one_row(&readers, values, NULL);
	return field_int64(0, 1) > 0;
}

static void
finish(const JobRow *job)
{
	Datum vm_id = UUIDPGetDatum(&job->vm_id);
	Frame frame;

	frame_enter_inventory(&frame);
	clone_finish(&job->vm_id);
	frame_leave(&frame);
	let_source_go(job);
	(void) statement_run(&free_name, &vm_id, NULL);
	tell_audit(job, job->is_template ? AUDIT_USER_ADD_VM_TEMPLATE_FINISHED_SUCCESS
									 : AUDIT_USER_ADD_VM_FINISHED_SUCCESS);
	job_ends(job, "succeeded");
}

static void
begin_cleaning(const JobRow *job)
{
	Datum job_id = UUIDPGetDatum(&job->job_id);

	(void) statement_run(&clean_tasks, &job_id, NULL);
	let_source_go(job);
	job_cleans(job);
}

static void
remove_rows(const JobRow *job)
{
	Datum vm_id = UUIDPGetDatum(&job->vm_id);
	Datum job_id = UUIDPGetDatum(&job->job_id);
	bool cancelled = job->final_status != NULL && strcmp(job->final_status, "cancelled") == 0;
	Frame frame;

	frame_enter_inventory(&frame);
	clone_remove(&job->vm_id);
	frame_leave(&frame);
	(void) statement_run(&free_name, &vm_id, NULL);
	(void) statement_run(&forget_lineage, &job_id, NULL);
	tell_audit(job, cancelled          ? AUDIT_CLONE_CANCELLED
					: job->is_template ? AUDIT_USER_ADD_VM_TEMPLATE_CREATE_TEMPLATE_FAILURE
									   : AUDIT_USER_ADD_VM_FINISHED_FAILURE);
	job_ends(job, cancelled ? "cancelled" : "failed");
}

typedef struct Turn
{
	pg_uuid_t job_id;
	bool moved;
	char *problem; /* of the transaction before */
} Turn;

static void
take_turn(void *argument)
{
	Turn *turn = argument;
	JobRow job;

	if (!job_lock(&turn->job_id, &job) || job_cancel_requested(&job))
		return;
	turn->moved = true;
	if (strcmp(job.status, "finishing") == 0)
	{
		turn->moved = !is_being_read(&job);
		if (turn->moved)
			finish(&job);
	}
	else if (strcmp(job.status, "failing") == 0 || strcmp(job.status, "cancelling") == 0)
	{
		/* The source is free only when nobody reads it any more. */
		turn->moved = !job_has_runs(&job.job_id);
		if (turn->moved)
			begin_cleaning(&job);
	}
	else if (strcmp(job.status, "cleaning") == 0)
		remove_rows(&job);
	else
		job_finishes(&job);
}

static void
write_problem(void *argument)
{
	Turn *turn = argument;
	Datum values[4] = {UUIDPGetDatum(&turn->job_id), CStringGetTextDatum(turn->problem),
					   Int32GetDatum(vmclone_retry_delay), Int32GetDatum(vmclone_wait_limit)};
	JobRow job;

	if (!job_lock(&turn->job_id, &job) || job_cancel_requested(&job))
		return;
	statement_run_one_row(&note_problem, values, NULL);
	if (field_bool(0, 1))
		job_fails(&job, "finishing", turn->problem);
}

typedef struct TurnList
{
	MemoryContext context;
	Turn *turns;
	int count;
} TurnList;

static void
read_turns(void *argument)
{
	TurnList *list = argument;
	uint64 rows = statement_run(&turning_jobs, NULL, NULL);

	list->turns = MemoryContextAllocZero(list->context, (rows + 1) * sizeof(Turn));
	for (uint64 i = 0; i < rows; i++)
		list->turns[list->count++].job_id = field_uuid(i, 1);
}

bool
job_end_next(void)
{
	TurnList list = {CurrentMemoryContext, NULL, 0};
	bool moved = false;

	if (job_transaction(read_turns, &list) != NULL)
		return false;
	for (int i = 0; i < list.count; i++)
	{
		Turn *turn = &list.turns[i];

		turn->problem = job_transaction(take_turn, turn);
		if (turn->problem != NULL)
			(void) job_transaction(write_problem, turn);
		else
			moved |= turn->moved;
	}
	return moved;
}

static void
look_for_jobs(void *argument)
{
	statement_run_one_row(&live_jobs, NULL, NULL);
	*(bool *) argument = field_bool(0, 1);
}

bool
job_anything_to_do(void)
{
	bool any = false;

	return job_transaction(look_for_jobs, &any) == NULL && any;
}
