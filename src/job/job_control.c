/*
 * job_control.c
 *		cancel_job, pause_job, resume_job, retry_job, alter_job, abandon_cleaning.
 *
 * They write what is wanted into the job's row; the worker, woken at commit, does it.  Each says
 * what it can't do in the state that the job is in.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/extension.h"
#include "base/audit.h"
#include "base/caller.h"
#include "base/compat.h"
#include "command/command.h"
#include "base/errors.h"
#include "base/frame.h"
#include "job/job_state.h"
#include "job/task_state.h"
#include "base/json.h"
#include "request/request.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "wake/wake.h"

VMCLONE_FUNCTION_INFO(vmclone_cancel_job);
VMCLONE_FUNCTION_INFO(vmclone_pause_job);
VMCLONE_FUNCTION_INFO(vmclone_resume_job);
VMCLONE_FUNCTION_INFO(vmclone_retry_job);
VMCLONE_FUNCTION_INFO(vmclone_alter_job);
VMCLONE_FUNCTION_INFO(vmclone_abandon_cleaning);

static Statement find_job = {
	.sql =
		"SELECT owner_role::oid::int8, status, requested, vm_name, vm_id, copy_number, call_id, storage_pool_id,"
		" cluster_id FROM vmclone.jobs WHERE job_id = $1 FOR UPDATE",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement set_requested = {
	.sql = "UPDATE vmclone.jobs SET requested = $2,"
		   " reason = CASE WHEN $2 = 'cancel' THEN $3 ELSE reason END WHERE job_id = $1",
	.argument_count = 3,
	.argument_types = {UUIDOID, TEXTOID, TEXTOID},
};

static Statement retry_cleaning = {
	.sql = "UPDATE vmclone.jobs SET next_attempt_at = NULL WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement alter_job = {
	.sql = "UPDATE vmclone.jobs SET priority = COALESCE($2, priority),"
		   " bandwidth_limit = CASE WHEN $3 IS NULL THEN bandwidth_limit ELSE NULLIF($3, 0) END"
		   " WHERE job_id = $1",
	.argument_count = 3,
	.argument_types = {UUIDOID, INT4OID, INT8OID},
};

/* The files of a file domain or the logical volumes of a block domain, as a person would look for them. */
static Statement note_orphans = {
	.sql = "INSERT INTO vmclone.orphan_files (job_id, task_id, storage_domain_id, path, reason,"
		   " abandoned_by) SELECT t.job_id, t.task_id, t.storage_domain_id,"
		   " COALESCE(m.real_path, 'storage domain ' || t.storage_domain_id)"
		   " || CASE WHEN m.kind = 'block' THEN '/' ELSE '/images/' || t.disk_id || '/' END"
		   " || t.image_id,"
		   " COALESCE(j.cleaning_error, 'cleaning was not tried to its end'), $2"
		   " FROM vmclone.async_tasks t JOIN vmclone.jobs j ON j.job_id = t.job_id"
		   " LEFT JOIN LATERAL (SELECT * FROM vmclone.storage_mounts m"
		   "  WHERE m.storage_domain_id = t.storage_domain_id"
		   "  ORDER BY m.host_name <> t.host_name LIMIT 1) m ON true"
		   " WHERE t.job_id = $1 AND t.status = 'cleaning' RETURNING path",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

/* Columns of find_job and note_orphans. */
enum
{
	JOB_OWNER = 1,
	JOB_STATUS,
	JOB_REQUESTED,
	JOB_VM_NAME,
	JOB_VM_ID,
	JOB_COPY_NUMBER,
	JOB_CALL_ID,
	JOB_STORAGE_POOL_ID,
	JOB_CLUSTER_ID,
};
enum
{
	ORPHAN_PATH = 1,
};

/* A job that the caller may control, its row locked. */
typedef struct ControlledJob
{
	pg_uuid_t job_id;
	Caller caller;
	JobStatus status;
	JobRequest requested;
	char *vm_name;
	pg_uuid_t vm_id;
	pg_uuid_t call_id;
	pg_uuid_t storage_pool_id;
	pg_uuid_t cluster_id;
	int copy_number;
	Frame frame;
} ControlledJob;

/* Enters the extension's own frame, which leave_job leaves. */
static void
enter_job(FunctionCallInfo fcinfo, ControlledJob *job)
{
	Datum value;
	Oid owner;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("job_id must not be null"),
						errhint("View vmclone.jobs_view lists the jobs.")));
	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot control jobs on a standby server"),
						errhint("Call on the primary server.")));
	SPI_connect();
	job->job_id = *PG_GETARG_UUID_P(0);
	job->caller = caller_identify();
	frame_enter_own(&job->frame);
	value = UUIDPGetDatum(&job->job_id);
	if (statement_run(&find_job, &value, NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_VC_NO_SUCH_JOB),
						errmsg("job %s does not exist", uuid_text(&job->job_id)),
						errkey("JOB_DOES_NOT_EXIST"), errdetail("JOB_DOES_NOT_EXIST."),
						errhint("View vmclone.jobs_view lists the jobs.")));
	owner = (Oid) field_int64(0, JOB_OWNER);
	job->status = job_status_of_word(field_text(0, JOB_STATUS));
	job->requested = job_request_of_word(field_text(0, JOB_REQUESTED));
	job->vm_name = field_text(0, JOB_VM_NAME);
	job->vm_id = field_uuid(0, JOB_VM_ID);
	job->copy_number = field_int64(0, JOB_COPY_NUMBER);
	job->call_id = field_uuid(0, JOB_CALL_ID);
	job->storage_pool_id = field_uuid(0, JOB_STORAGE_POOL_ID);
	job->cluster_id = field_uuid(0, JOB_CLUSTER_ID);
	caller_check_job(&job->caller, owner, &job->job_id);
}

static void
leave_job(const ControlledJob *job)
{
	frame_leave(&job->frame);
	SPI_finish();
	wake_worker_at_commit();
}

static void
refuse(const ControlledJob *job, const char *what, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_VC_JOB_STATE), errkey("JOB_STATE_DOES_NOT_ALLOW"),
					errmsg("cannot %s job %s: it is %s", what, uuid_text(&job->job_id),
						   job_status_word(job->status)),
					errdetail("JOB_STATE_DOES_NOT_ALLOW: The job makes \"%s\".", job->vm_name),
					hint ? errhint("%s", hint)
					: state_in(job->status, JOB_IS_UNDONE)
						? errhint("Wait until it is undone: CALL vmclone.wait_for_job('%s').",
								  uuid_text(&job->job_id))
						: errhint("View vmclone.jobs_view shows the state of the jobs.")));
}

/* requested NULL takes an earlier request back. */
static void
request(const ControlledJob *job, const char *requested)
{
	Datum values[3] = {UUIDPGetDatum(&job->job_id)};
	bool nulls[3] = {false, requested == NULL, false};

	if (requested != NULL)
		values[1] = CStringGetTextDatum(requested);
	values[2] = CStringGetTextDatum(psprintf("cancelled by %s", job->caller.role_name));
	(void) statement_run(&set_requested, values, nulls);
}

/* cancel_job(job_id) */
Datum
vmclone_cancel_job(PG_FUNCTION_ARGS)
{
	ControlledJob job;

	enter_job(fcinfo, &job);
	if (job.status == JOB_SUCCEEDED)
		refuse(&job, "cancel", "What it made is there; remove it in the engine.");
	/* what cancelling leads to is under way or done: asking twice is no mistake */
	if (state_in(job.status, JOB_IS_UNDONE | JOB_IS_OVER))
		ereport(NOTICE, (errmsg("job %s is %s already", uuid_text(&job.job_id),
								job_status_word(job.status))));
	else
		request(&job, "cancel");
	leave_job(&job);
	PG_RETURN_VOID();
}

/* pause_job(job_id) */
Datum
vmclone_pause_job(PG_FUNCTION_ARGS)
{
	ControlledJob job;

	enter_job(fcinfo, &job);
	if (job.requested == REQUEST_CANCEL)
		refuse(&job, "pause", "Its cancel has been requested.");
	if (job.status == JOB_PAUSED)
		request(&job, NULL); /* takes a resume back */
	else if (state_in(job.status, job_sources(JOB_PAUSED, MOVER_WORKER)))
		request(&job, "pause");
	else
		refuse(&job, "pause", NULL);
	leave_job(&job);
	PG_RETURN_VOID();
}

/* resume_job(job_id) */
Datum
vmclone_resume_job(PG_FUNCTION_ARGS)
{
	ControlledJob job;

	enter_job(fcinfo, &job);
	if (job.requested == REQUEST_CANCEL)
		refuse(&job, "resume", "Its cancel has been requested.");
	if (job.status == JOB_PAUSED)
		request(&job, "resume");
	else if (job.requested == REQUEST_PAUSE)
		request(&job, NULL); /* before the worker has done it */
	else
		refuse(&job, "resume",
			   job.status == JOB_WAITING || job.status == JOB_HELD
				   ? "It isn't paused; retry_job goes on at once."
				   : "It isn't paused.");
	leave_job(&job);
	PG_RETURN_VOID();
}

/* alter_job(job_id, priority, bandwidth_limit): NULL leaves as is, bandwidth_limit 0 is none. */
Datum
vmclone_alter_job(PG_FUNCTION_ARGS)
{
	ControlledJob job;
	Datum values[3];
	bool nulls[3] = {false, PG_ARGISNULL(1), PG_ARGISNULL(2)};

	if (!nulls[1] &&
		(PG_GETARG_INT32(1) < REQUEST_LEAST_PRIORITY || PG_GETARG_INT32(1) > REQUEST_MOST_PRIORITY))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("parameter \"priority\" is out of range: %d", PG_GETARG_INT32(1)),
						errdetail("It must lie between %d and %d.", REQUEST_LEAST_PRIORITY,
								  REQUEST_MOST_PRIORITY),
						errhint("Jobs of higher priority are copied first; 0 is the default.")));
	if (!nulls[2] && PG_GETARG_INT64(2) < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("bandwidth_limit must not be negative"),
						errhint("Zero removes the limit.")));
	enter_job(fcinfo, &job);
	if (state_in(job.status, JOB_IS_OVER | JOB_IS_UNDONE))
		refuse(&job, "alter", NULL);
	values[0] = UUIDPGetDatum(&job.job_id);
	values[1] = nulls[1] ? (Datum) 0 : PG_GETARG_DATUM(1);
	values[2] = nulls[2] ? (Datum) 0 : PG_GETARG_DATUM(2);
	(void) statement_run(&alter_job, values, nulls);
	leave_job(&job);
	PG_RETURN_VOID();
}

static void
put_row(ReturnSetInfo *result, int copy_number, const pg_uuid_t *job_id, const pg_uuid_t *vm_id,
		const char *vm_name)
{
	Datum values[4] = {Int32GetDatum(copy_number), UUIDPGetDatum(job_id), UUIDPGetDatum(vm_id),
					   CStringGetTextDatum(vm_name)};
	bool nulls[4] = {0};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
audit_retry(const ControlledJob *job, const pg_uuid_t *call_id, const pg_uuid_t *job_id,
			const pg_uuid_t *vm_id, const char *vm_name)
{
	AuditSubject subject = {
		.vm_id = *vm_id,
		.vm_name = vm_name,
		.storage_pool_id = job->storage_pool_id,
		.cluster_id = job->cluster_id,
		.job_id = *job_id,
		.call_id = *call_id,
	};
	Frame frame;

	frame_enter_inventory_to_write(&frame);
	audit_name_caller(&subject, &job->caller);
	audit_write(AUDIT_CLONE_RETRIED, &subject,
				(const char *const[]){"VmName", vm_name, "UserName", subject.user_name, NULL});
	frame_leave(&frame);
}

/* retry_job(job_id) → copy_number, job_id, vm_id, vm_name */
Datum
vmclone_retry_job(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ControlledJob job;
	Datum value;

	InitMaterializedSRF(fcinfo, 0);
	enter_job(fcinfo, &job);
	value = UUIDPGetDatum(&job.job_id);
	if (job.requested == REQUEST_CANCEL)
		refuse(&job, "retry", "Its cancel has been requested.");
	if (job.status == JOB_FAILED || job.status == JOB_CANCELLED)
	{
		CommandResult *again;

		/* The call is the caller's own, with its own checks and frames. */
		frame_leave(&job.frame);
		again = command_retry(&job.job_id);
		for (int i = 0; i < again->copy_count; i++)
		{
			const CloneCopy *copy = &again->copies[i];

			audit_retry(&job, &again->call_id, &copy->job_id, &copy->vm_id, copy->vm_name);
			put_row(result, copy->number, &copy->job_id, &copy->vm_id, copy->vm_name);
		}
		SPI_finish();
		wake_worker_at_commit();
		return (Datum) 0;
	}
	if (job.status == JOB_WAITING || job.status == JOB_HELD)
	{
		tasks_retry(&job.job_id);
		job_retry_now(&job.job_id, job.status);
	}
	else if (job.status == JOB_CLEANING)
		(void) statement_run(&retry_cleaning, &value, NULL);
	else
		refuse(&job, "retry",
			   job.status == JOB_PAUSED
				   ? "Use resume_job."
				   : "Only jobs that wait, are held, failed or were cancelled can be tried again.");
	audit_retry(&job, &job.call_id, &job.job_id, &job.vm_id, job.vm_name);
	put_row(result, job.copy_number, &job.job_id, &job.vm_id, job.vm_name);
	leave_job(&job);
	return (Datum) 0;
}

/* abandon_cleaning(job_id) */
Datum
vmclone_abandon_cleaning(PG_FUNCTION_ARGS)
{
	ControlledJob job;
	Datum values[2];
	uint64 count;
	StringInfoData paths;
	AuditSubject subject = {0};
	Frame frame;

	enter_job(fcinfo, &job);
	if (job.caller.kind != CALLER_ADMIN)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to abandon the cleaning of job %s",
							   uuid_text(&job.job_id)),
						errhint("Ask an administrator of vmclone (grant_admin).")));
	if (job.status != JOB_CLEANING)
		refuse(&job, "abandon the cleaning of", NULL);
	values[0] = UUIDPGetDatum(&job.job_id);
	values[1] = CStringGetTextDatum(job.caller.role_name);
	count = statement_run(&note_orphans, values, NULL);
	initStringInfo(&paths);
	for (uint64 i = 0; i < count; i++)
		appendStringInfo(&paths, "%s%s", i > 0 ? ", " : "", field_text(i, ORPHAN_PATH));
	tasks_abandon_cleaning(&job.job_id);
	(void) statement_run(&retry_cleaning, values, NULL);

	subject.vm_id = job.vm_id;
	subject.vm_name = job.vm_name;
	subject.storage_pool_id = job.storage_pool_id;
	subject.cluster_id = job.cluster_id;
	subject.job_id = job.job_id;
	subject.call_id = job.call_id;
	frame_enter_inventory_to_write(&frame);
	audit_name_caller(&subject, &job.caller);
	audit_write(AUDIT_CLEANING_ABANDONED, &subject,
				(const char *const[]){"UserName", subject.user_name, "VmName", job.vm_name, "Paths",
									  count > 0 ? paths.data : "none", NULL});
	frame_leave(&frame);
	leave_job(&job);
	PG_RETURN_VOID();
}
