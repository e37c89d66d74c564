/*
 * job_row.c
 *		A job's row, read and locked by the worker.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/statement.h"
#include "catalog/pg_type.h"
#include "job/job_row.h"
#include "utils/timestamp.h"

static Statement lock_job = {
	.sql = "SELECT call_id, vm_id, storage_pool_id, cluster_id, user_id, vm_name, owner, status,"
		   " requested, final_status, reason, action, on_failure, source_freed, started_at,"
		   " copy_number, clean_attempts, waiting_since"
		   " FROM vmclone.jobs WHERE job_id = $1 FOR UPDATE SKIP LOCKED",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of lock_job. */
enum
{
	JOB_CALL_ID = 1,
	JOB_VM_ID,
	JOB_STORAGE_POOL_ID,
	JOB_CLUSTER_ID,
	JOB_USER_ID,
	JOB_VM_NAME,
	JOB_OWNER,
	JOB_STATUS,
	JOB_REQUESTED,
	JOB_FINAL_STATUS,
	JOB_REASON,
	JOB_ACTION,
	JOB_ON_FAILURE,
	JOB_SOURCE_FREED,
	JOB_STARTED_AT,
	JOB_COPY_NUMBER,
	JOB_CLEAN_ATTEMPTS,
	JOB_WAITING_SINCE,
};

JobRequest
job_request_of_word(const char *word)
{
	if (word == NULL)
		return REQUEST_NONE;
	if (strcmp(word, "pause") == 0)
		return REQUEST_PAUSE;
	if (strcmp(word, "resume") == 0)
		return REQUEST_RESUME;
	if (strcmp(word, "cancel") == 0)
		return REQUEST_CANCEL;
	elog(ERROR, "\"%s\" is no request to a job", word);
}

bool
job_lock(const pg_uuid_t *job_id, JobRow *job)
{
	Datum value = UUIDPGetDatum(job_id);
	char *final_status;

	memset(job, 0, sizeof(*job));
	if (statement_run(&lock_job, &value, NULL) == 0)
		return false;
	job->job_id = *job_id;
	job->call_id = field_uuid(0, JOB_CALL_ID);
	job->vm_id = field_uuid(0, JOB_VM_ID);
	job->storage_pool_id = field_uuid(0, JOB_STORAGE_POOL_ID);
	job->cluster_id = field_uuid(0, JOB_CLUSTER_ID);
	job->user_id = field_uuid(0, JOB_USER_ID);
	job->vm_name = field_text(0, JOB_VM_NAME);
	job->owner = field_text(0, JOB_OWNER);
	job->status = job_status_of_word(field_text(0, JOB_STATUS));
	job->requested = job_request_of_word(field_text(0, JOB_REQUESTED));
	final_status = field_text(0, JOB_FINAL_STATUS);
	job->is_cancelled =
		final_status != NULL && strcmp(final_status, job_status_word(JOB_CANCELLED)) == 0;
	job->reason = field_text(0, JOB_REASON);
	job->is_template = strcmp(field_text(0, JOB_ACTION), "AddVmTemplateFromSnapshot") == 0;
	job->hold_on_failure = strcmp(field_text(0, JOB_ON_FAILURE), "hold") == 0;
	job->source_freed = field_bool(0, JOB_SOURCE_FREED);
	job->has_started = !field_is_null(0, JOB_STARTED_AT);
	job->copy_number = field_int64(0, JOB_COPY_NUMBER);
	job->clean_attempts = field_int64(0, JOB_CLEAN_ATTEMPTS);
	job->waiting_since = field_timestamp(0, JOB_WAITING_SINCE);
	return true;
}
