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
#include "job/job_end.h"
#include "job/job_run.h"
#include "job/job_state.h"
#include "job/job_transaction.h"
#include "job/task_state.h"
#include "base/json.h"
#include "locks/locks.h"
#include "base/statement.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define JOBS_A_PASS "200"

/* Jobs whose next step towards their end is due: all their images are there, or they are finishing, failing, cancelling or cleaning. */
static Statement ending_jobs = {
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

static Statement live_jobs = {
	.sql = "SELECT EXISTS (SELECT FROM vmclone.jobs WHERE requested IS NOT NULL"
		   " AND status NOT IN ('succeeded', 'failed', 'cancelled') OR status IN ('queued',"
		   " 'running', 'waiting', 'finishing', 'failing', 'cancelling', 'cleaning'))"
		   " OR EXISTS (SELECT FROM vmclone.measurements WHERE status = 'queued'),"
		   " EXISTS (SELECT FROM vmclone.jobs"
		   "  WHERE status NOT IN ('succeeded', 'failed', 'cancelled'))",
};

/* Columns of live_jobs. */
enum LiveJobsColumn
{
	LIVE_ANYTHING_TO_DO = 1,
	LIVE_ANY,
};

static void
write_audit(const JobRow *job, AuditType type)
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

	frame_enter_inventory_to_write(&frame);
	subject.user_name = audit_user_name(&job->user_id, job->owner);
	audit_write(type, &subject, placeholders);
	frame_leave(&frame);
}

/* This job needs the source no more; the last one of the call gives the locks back. */
static void
release_source(const JobRow *job)
{
	Datum job_id = UUIDPGetDatum(&job->job_id);
	Datum call_id = UUIDPGetDatum(&job->call_id);

	(void) statement_run(&free_source, &job_id, NULL);
	statement_run_one_row(&others_need_source, &call_id, NULL);
	if (field_int64(0, ONLY_COLUMN) == 0)
		locks_release(&job->call_id);
}

static bool
is_being_read(const JobRow *job)
{
	Datum values[3] = {UUIDPGetDatum(&job->job_id), UUIDPGetDatum(&job->call_id),
					   Int32GetDatum(job->copy_number)};

	statement_run_one_row(&readers, values, NULL);
	return field_int64(0, ONLY_COLUMN) > 0;
}

static void
finish(JobRow *job)
{
	Datum vm_id = UUIDPGetDatum(&job->vm_id);
	Frame frame;

	frame_enter_inventory_to_write(&frame);
	clone_finish(&job->vm_id);
	frame_leave(&frame);
	release_source(job);
	(void) statement_run(&free_name, &vm_id, NULL);
	write_audit(job, job->is_template ? AUDIT_USER_ADD_VM_TEMPLATE_FINISHED_SUCCESS
									  : AUDIT_USER_ADD_VM_FINISHED_SUCCESS);
	job_set_succeeded(job);
}

static void
begin_cleaning(JobRow *job)
{
	tasks_clean(&job->job_id);
	release_source(job);
	job_set_cleaning(job);
}

static void
remove_rows(JobRow *job)
{
	Datum vm_id = UUIDPGetDatum(&job->vm_id);
	Datum job_id = UUIDPGetDatum(&job->job_id);
	Frame frame;

	frame_enter_inventory_to_write(&frame);
	clone_remove(&job->vm_id);
	frame_leave(&frame);
	(void) statement_run(&free_name, &vm_id, NULL);
	(void) statement_run(&forget_lineage, &job_id, NULL);
	write_audit(job, job->is_template ? AUDIT_USER_ADD_VM_TEMPLATE_CREATE_TEMPLATE_FAILURE
									  : AUDIT_USER_ADD_VM_FINISHED_FAILURE);
	job_set_undone(job);
}

/* A job's next step on the way to its end. */
typedef struct Ending
{
	pg_uuid_t job_id;
	bool moved;
	char *problem; /* of the transaction before */
} Ending;

static void
take_step(void *argument)
{
	Ending *ending = argument;
	JobRow job;

	if (!job_lock(&ending->job_id, &job) || job.requested == REQUEST_CANCEL)
		return;
	ending->moved = true;
	switch (job.status)
	{
		case JOB_FINISHING:
			ending->moved = !is_being_read(&job);
			if (ending->moved)
				finish(&job);
			break;
		case JOB_FAILING:
		case JOB_CANCELLING:
			/* The source is free only when nobody reads it any more. */
			ending->moved = !job_has_runs(&job.job_id);
			if (ending->moved)
				begin_cleaning(&job);
			break;
		case JOB_CLEANING:
			remove_rows(&job);
			break;
		case JOB_QUEUED:
		case JOB_RUNNING:
		case JOB_WAITING:
			job_set_finishing(&job);
			break;
		default:
			/* paused or held since it was looked for */
			ending->moved = false;
			break;
	}
}

static void
write_problem(void *argument)
{
	Ending *ending = argument;
	JobRow job;

	if (!job_lock(&ending->job_id, &job) || job.requested == REQUEST_CANCEL)
		return;
	if (job.status == JOB_FINISHING)
		job_finishing_waits(&job, ending->problem);
	else if (state_in(job.status, JOB_IS_UNDONE))
		job_cleaning_waits(&job, ending->problem);
}

typedef struct EndingList
{
	MemoryContext context;
	Ending *endings;
	int count;
} EndingList;

static void
read_endings(void *argument)
{
	EndingList *list = argument;
	uint64 rows = statement_run(&ending_jobs, NULL, NULL);

	list->endings = MemoryContextAllocZero(list->context, (rows + 1) * sizeof(Ending));
	for (uint64 i = 0; i < rows; i++)
		list->endings[list->count++].job_id = field_uuid(i, ONLY_COLUMN);
}

bool
job_end_next(void)
{
	EndingList list = {CurrentMemoryContext, NULL, 0};
	bool moved = false;

	if (job_transaction(read_endings, &list) != NULL)
		return false;
	for (int i = 0; i < list.count; i++)
	{
		Ending *ending = &list.endings[i];

		ending->problem = job_transaction(take_step, ending);
		if (ending->problem != NULL)
			(void) job_transaction(write_problem, ending);
		else
			moved |= ending->moved;
	}
	return moved;
}

typedef struct LiveJobs
{
	bool anything_to_do;
	bool any;
} LiveJobs;

static void
look_for_jobs(void *argument)
{
	LiveJobs *live = argument;

	statement_run_one_row(&live_jobs, NULL, NULL);
	live->anything_to_do = field_bool(0, LIVE_ANYTHING_TO_DO);
	live->any = field_bool(0, LIVE_ANY);
}

bool
job_anything_to_do(bool *any_live)
{
	LiveJobs live = {false, false};

	if (job_transaction(look_for_jobs, &live) != NULL)
		live.anything_to_do = false;
	*any_live = live.any;
	return live.anything_to_do;
}
