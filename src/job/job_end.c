/*
 * job_end.c
 *		The ends of a job: finishing, failing, cancelling, cleaning.
 *
 * Success is one transaction.  Failure and cancel, once the copiers are dead, are three: the source
 * is freed, the files go, the rows go (decisions.md, "Failure").  The new VM stays LOCKED until its
 * rows go.
 */
#include "postgres.h"

#include "base/arrays.h"
#include "base/audit.h"
#include "catalog/pg_type.h"
#include "clone/clone.h"
#include "base/frame.h"
#include "job/job_end.h"
#include "job/job_agenda.h"
#include "job/job_run.h"
#include "job/job_state.h"
#include "job/job_transaction.h"
#include "job/task_state.h"
#include "base/json.h"
#include "locks/locks.h"
#include "base/statement.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Jobs that take a step in one transaction. */
#define JOBS_A_PASS "200"

static Statement ending_jobs = {
	.sql = "SELECT e.job_id FROM (" ENDING_JOBS ") e"
		   " ORDER BY e.created_at, e.copy_number LIMIT " JOBS_A_PASS,
};

static Statement has_all_images = {
	.sql = "SELECT FROM vmclone.jobs j WHERE j.job_id = $1 AND " HAS_ALL_IMAGES,
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement has_files_to_clean = {
	.sql = "SELECT FROM vmclone.async_tasks WHERE job_id = $1 AND status = 'cleaning' LIMIT 1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Copies of the same call that read, or will soon read, this job's images; one after the other, as in MAY_BEGIN. */
static Statement readers = {
	.sql = "SELECT FROM vmclone.async_tasks own WHERE own.job_id = $1"
		   " AND NOT EXISTS (SELECT FROM (SELECT ej.job_id FROM vmclone.jobs ej"
		   "   WHERE ej.call_id = $2 AND ej.copy_number < $3"
		   "   AND ej.status NOT IN ('succeeded', 'failed', 'cancelled')"
		   "   AND ej.status NOT IN ('failing', 'cancelling', 'cleaning')"
		   "   ORDER BY ej.copy_number) m CROSS JOIN LATERAL (SELECT FROM vmclone.async_tasks e"
		   "   WHERE e.job_id = m.job_id AND e.disk_number = own.disk_number"
		   "   AND e.result = 'success' LIMIT 1) e)"
		   " AND EXISTS (SELECT FROM (SELECT rj.job_id, rj.status FROM vmclone.jobs rj"
		   "   WHERE rj.call_id = $2 AND rj.job_id <> $1"
		   "   AND rj.status NOT IN ('succeeded', 'failed', 'cancelled')"
		   "   ORDER BY rj.copy_number) m CROSS JOIN LATERAL (SELECT FROM vmclone.async_tasks r"
		   "   WHERE r.job_id = m.job_id AND r.disk_number = own.disk_number"
		   "   AND r.read_from_task IS NOT NULL AND r.result IS NULL AND (r.status = 'running'"
		   "    OR (r.status = 'init' AND m.status IN ('queued', 'running'))) LIMIT 1) r)"
		   " LIMIT 1",
	.argument_count = 3,
	.argument_types = {UUIDOID, UUIDOID, INT4OID},
};

static Statement others_need_source = {
	.sql = "SELECT FROM vmclone.jobs WHERE call_id = $1 AND job_id <> $2 AND NOT source_freed"
		   " LIMIT 1",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDOID},
};

static Statement free_names = {
	.sql = "DELETE FROM vmclone.vm_names WHERE vm_id = ANY ($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

static Statement forget_lineage = {
	.sql = "DELETE FROM vmclone.lineage WHERE job_id = ANY ($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
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

/*
 * This job needs the source no more, as the state says that is written next; the last one of the call gives
 * the locks back.
 */
static void
release_source(const JobRow *job)
{
	Datum values[2] = {UUIDPGetDatum(&job->call_id), UUIDPGetDatum(&job->job_id)};

	if (statement_run(&others_need_source, values, NULL) == 0)
		locks_release(&job->call_id);
}

static bool
is_being_read(const JobRow *job)
{
	Datum values[3] = {UUIDPGetDatum(&job->job_id), UUIDPGetDatum(&job->call_id),
					   Int32GetDatum(job->copy_number)};

	return statement_run(&readers, values, NULL) > 0;
}

static void
finish(JobRow *job)
{
	Datum vm_id = array_of_uuids(&job->vm_id, 1);
	Frame frame;

	frame_enter_inventory_to_write(&frame);
	clone_finish(&job->vm_id);
	frame_leave(&frame);
	release_source(job);
	(void) statement_run(&free_names, &vm_id, NULL);
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

/* The rows of all these jobs' machines go at once: removing them costs by the call more than by the machine. */
static void
remove_rows(JobRow *jobs, int count)
{
	pg_uuid_t *vm_ids = palloc(count * sizeof(pg_uuid_t));
	pg_uuid_t *job_ids = palloc(count * sizeof(pg_uuid_t));
	Datum vm_array;
	Datum job_array;
	Frame frame;

	if (count == 0)
		return;
	for (int i = 0; i < count; i++)
	{
		vm_ids[i] = jobs[i].vm_id;
		job_ids[i] = jobs[i].job_id;
	}
	vm_array = array_of_uuids(vm_ids, count);
	job_array = array_of_uuids(job_ids, count);
	frame_enter_inventory_to_write(&frame);
	clone_remove(vm_array);
	frame_leave(&frame);
	(void) statement_run(&free_names, &vm_array, NULL);
	(void) statement_run(&forget_lineage, &job_array, NULL);
	for (int i = 0; i < count; i++)
	{
		write_audit(&jobs[i], jobs[i].is_template
								  ? AUDIT_USER_ADD_VM_TEMPLATE_CREATE_TEMPLATE_FAILURE
								  : AUDIT_USER_ADD_VM_FINISHED_FAILURE);
		job_set_undone(&jobs[i]);
	}
}

/* A job's next step on the way to its end. */
typedef struct Ending
{
	pg_uuid_t job_id;
	bool moved;
} Ending;

typedef struct EndingList
{
	MemoryContext context;
	Ending *endings;
	int count;
	bool keeps_rows; /* they can't be removed now */
	char *problem;   /* of the transaction before */
} EndingList;

static bool
may_remove_rows(const JobRow *job)
{
	Datum job_id = UUIDPGetDatum(&job->job_id);

	return job->status == JOB_CLEANING && statement_run(&has_files_to_clean, &job_id, NULL) == 0;
}

/* The next step of one job, but the removal of its rows.  True: something moved. */
static bool
take_step(JobRow *job)
{
	switch (job->status)
	{
		case JOB_FINISHING:
			if (is_being_read(job))
				return false;
			finish(job);
			return true;
		case JOB_FAILING:
		case JOB_CANCELLING:
			/* The source is free only when nobody reads it any more. */
			if (job_has_runs(&job->job_id))
				return false;
			begin_cleaning(job);
			return true;
		case JOB_CLEANING:
			return may_remove_rows(job);
		case JOB_QUEUED:
		case JOB_RUNNING:
		case JOB_WAITING:
			job_set_finishing(job);
			return true;
		default:
			/* paused or held since it was looked for */
			return false;
	}
}

/* One step of each; what has no file to be removed loses its rows right behind its source's locks. */
static void
take_steps(void *argument)
{
	EndingList *list = argument;
	JobRow *removable = palloc(list->count * sizeof(JobRow));
	int removable_count = 0;

	for (int i = 0; i < list->count; i++)
	{
		Ending *ending = &list->endings[i];
		JobRow job;

		ending->moved = false;
		if (!job_lock(&ending->job_id, &job) || job.requested == REQUEST_CANCEL)
			continue;
		ending->moved = take_step(&job);
		if (ending->moved && !list->keeps_rows && may_remove_rows(&job))
			removable[removable_count++] = job;
	}
	remove_rows(removable, removable_count);
}

bool
job_end_after_success(const pg_uuid_t *job_id)
{
	Datum value = UUIDPGetDatum(job_id);
	JobRow job;

	if (statement_run(&has_all_images, &value, NULL) == 0 || !job_lock(job_id, &job) ||
		job.requested != REQUEST_NONE || job.status != JOB_RUNNING)
		return false;
	if (is_being_read(&job))
		job_set_finishing(&job);
	else
	{
		job_pass_finishing(&job);
		finish(&job);
	}
	return true;
}

static void
write_problem(void *argument)
{
	const EndingList *list = argument;
	JobRow job;

	if (!job_lock(&list->endings[0].job_id, &job) || job.requested == REQUEST_CANCEL)
		return;
	if (job.status == JOB_FINISHING)
		job_finishing_waits(&job, list->problem);
	else if (state_in(job.status, JOB_IS_UNDONE))
		job_cleaning_waits(&job, list->problem);
}

static void
read_endings(void *argument)
{
	EndingList *list = argument;
	uint64 rows = statement_run(&ending_jobs, NULL, NULL);

	list->endings = MemoryContextAllocZero(list->context, (rows + 1) * sizeof(Ending));
	for (uint64 i = 0; i < rows; i++)
		list->endings[list->count++].job_id = field_uuid(i, ONLY_COLUMN);
}

/* Without the others, so that what stands in the way of one is told of that one. */
static bool
take_one_step(Ending *ending)
{
	EndingList one = {.context = CurrentMemoryContext, .endings = ending, .count = 1};

	one.problem = job_transaction(take_steps, &one);
	if (one.problem == NULL)
		return ending->moved;
	/* what stands in the way of its rows keeps neither the source locked nor the files */
	one.keeps_rows = true;
	(void) job_transaction(take_steps, &one);
	(void) job_transaction(write_problem, &one);
	return false;
}

bool
job_end_next(void)
{
	EndingList list = {.context = CurrentMemoryContext};
	bool moved = false;

	if (job_transaction(read_endings, &list) != NULL || list.count == 0)
		return false;
	if (list.count > 1 && job_transaction(take_steps, &list) == NULL)
	{
		for (int i = 0; i < list.count; i++)
			moved |= list.endings[i].moved;
		return moved;
	}
	for (int i = 0; i < list.count; i++)
		moved |= take_one_step(&list.endings[i]);
	return moved;
}

static void
look_for_jobs(void *argument)
{
	job_agenda(argument);
}

bool
job_anything_to_do(void)
{
	JobAgenda agenda = {0};

	return job_transaction(look_for_jobs, &agenda) == NULL && agenda.busy;
}
