/*
 * job_row.h
 *		A job's row, read and locked by the worker.
 */
#ifndef VMCLONE_JOB_ROW_H
#define VMCLONE_JOB_ROW_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "state/state_table.h"
#include "utils/uuid.h"

/* jobs.requested: what a person asked for and the worker has not done yet. */
typedef enum JobRequest
{
	REQUEST_NONE,
	REQUEST_PAUSE,
	REQUEST_RESUME,
	REQUEST_CANCEL,
} JobRequest;

typedef struct JobRow
{
	pg_uuid_t job_id;
	pg_uuid_t call_id;
	pg_uuid_t vm_id;
	pg_uuid_t storage_pool_id;
	pg_uuid_t cluster_id; /* zero: none */
	pg_uuid_t user_id;    /* zero: internal call */
	char *vm_name;
	char *owner;
	JobStatus status; /* as the row's lock keeps it; job_state.c moves it with the row */
	JobRequest requested;
	bool is_cancelled; /* final_status: what it becomes once it is undone */
	char *reason;
	bool is_template;
	bool hold_on_failure;
	bool source_freed;
	bool has_started; /* started_at is set */
	int copy_number;
	int clean_attempts;
	TimestampTz waiting_since; /* 0: it has not waited since it last made progress */
} JobRow;

/*
 * Locks and reads the row, all its texts in the current memory context.  False: it is gone, or
 * someone's open transaction holds it; the worker never waits for people and looks again with its
 * next pass.  In a job_transaction.
 */
extern bool job_lock(const pg_uuid_t *job_id, JobRow *job);

/* A word of jobs.requested, or NULL. */
extern JobRequest job_request_of_word(const char *word);

#endif
