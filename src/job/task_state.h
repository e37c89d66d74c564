/*
 * task_state.h
 *		Every write of async_tasks.status: each statement moves only tasks that state_table.h lets go.
 *
 * What a claim reports is dropped where the row has another claim by then: such a function returns
 * false and has written nothing.
 */
#ifndef VMCLONE_TASK_STATE_H
#define VMCLONE_TASK_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* Which attempt at which task reports. */
typedef struct TaskClaim
{
	pg_uuid_t task_id;
	int claim;
	int since_claim; /* the first of those in a row that its host had */
} TaskClaim;

/* What a finished copy has come to; bytes throughout, texts NULL where unknown. */
typedef struct TaskSuccess
{
	int64 allocated; /* 0: unknown */
	int64 bytes_done;
	int64 bytes_written;
	int64 bytes_verified; /* 0: none */
	const char *method;
	const char *method_reason;
} TaskSuccess;

/* Why an attempt ended without success. */
typedef struct TaskFailure
{
	int64 bytes_done;
	const char *error_kind;
	const char *error;
	bool copier_is_gone; /* for certain: nobody writes for the task any more */
} TaskFailure;

/*
 * init → running, on a host, whose copier has a lease of that many seconds: the task gets a new claim.  has_devices: another host
 * that it was on may have logical volumes active for it.
 */
extern void task_set_running(TaskClaim *task, const char *host_name, int lease, bool has_devices);

/* running → finished, success. */
extern bool task_set_succeeded(const TaskClaim *claim, const TaskSuccess *success);

/* running → init: tried again, as soon as the job is; crashed: not before a delay that doubles. */
extern bool task_set_again(const TaskClaim *claim, const TaskFailure *failure, bool crashed,
						   int attempts);

/* running → init: the chain is read from now on, not another copy's image. */
extern bool task_set_reads_chain(const TaskClaim *claim);

/* running → finished, failure. */
extern bool task_set_failed(const TaskClaim *claim, const TaskFailure *failure);

/* running → aborting, all of the job. */
extern void tasks_abort(const pg_uuid_t *job_id);

/*
 * All of the job that is undone: cleaning, or finished where it was never claimed, since such a task
 * has written nothing.
 */
extern void tasks_clean(const pg_uuid_t *job_id);

/* Another claim for a task that is cleaning. */
extern void task_claim_cleaning(TaskClaim *task, const char *host_name, int lease,
								bool has_devices);

/* cleaning → finished, cleanSuccess. */
extern bool task_set_cleaned(const TaskClaim *claim);

/* running → init, all that a dead worker left so. */
extern void tasks_reset_orphans(void);

/*
 * finished → init, what has failed of the job: the attempts that made a person look are forgotten,
 * the bytes copied are not.
 */
extern void tasks_retry(const pg_uuid_t *job_id);

/* cleaning → finished, cleanFailure: their files are left. */
extern void tasks_abandon_cleaning(const pg_uuid_t *job_id);

/* All tasks of live jobs are finished, cleanFailure: their files are another database's. */
extern void tasks_abandon_all(void);

#endif
