/*
 * job_state.h
 *		Every write of jobs.status, each with its NOTIFY vmclone_job.
 *
 * Each function checks its move against state_table.h and raises XX000 for one that the table does
 * not have.  They run in a transaction with the job's row locked (job_lock, or FOR UPDATE), and
 * leave in job->status what they have written.  Only the call itself writes a status elsewhere,
 * with the row (command_jobs.c).
 */
#ifndef VMCLONE_JOB_STATE_H
#define VMCLONE_JOB_STATE_H

#include "postgres.h"

#include "job/job_row.h"

/* NOTIFY for a job that the call has queued, or made paused. */
extern void job_notify(const pg_uuid_t *job_id, JobStatus status);

/* A task was claimed: running, if it isn't; reason and waiting_since stay until there is progress. */
extern void job_set_running(JobRow *job);

/* Its task makes progress again: a running job has no reason to show any more. */
extern void job_clear_reason(const pg_uuid_t *job_id);

/* So much progress that the next wait is one of its own: the time waited starts anew. */
extern void job_clear_wait(const pg_uuid_t *job_id);

/*
 * An outside cause: waiting, to be tried again later; undone or held where vmclone.wait_limit is
 * over.  A job that is held or paused stays so: a person decides when it goes on.
 */
extern void job_set_waiting(JobRow *job, const char *reason_key, const char *reason);

/* It can't succeed: failing or held, as jobs.on_failure says. */
extern void job_set_failing(JobRow *job, const char *reason_key, const char *reason);

extern void job_set_cancelling(JobRow *job);
extern void job_set_paused(JobRow *job);
extern void job_set_resumed(JobRow *job);   /* running, or queued if it has never run */
extern void job_set_finishing(JobRow *job); /* all images are there */
/* The same for a job that has succeeded in the next moment: told, but the row gets only its end. */
extern void job_pass_finishing(JobRow *job);

extern void job_set_cleaning(JobRow *job); /* the source is free */
extern void job_set_succeeded(JobRow *job);
extern void job_set_undone(JobRow *job); /* failed or cancelled: what it had made is gone */

/* It is as it was, but its request is done or means nothing any more. */
extern void job_drop_request(const JobRow *job);

/* Removing files or rows did not succeed: tried again later, with the reason shown. */
extern void job_cleaning_waits(const JobRow *job, const char *problem);

/* The last step to success could not be done: tried again, undone or held after vmclone.wait_limit. */
extern void job_finishing_waits(JobRow *job, const char *problem);

/* retry_job: waiting and due at once, with the time waited and the attempts forgotten. */
extern void job_retry_now(const pg_uuid_t *job_id, JobStatus status);

/* adopt('abandon'): every live job is cleaning, to fail.  Returns their calls, palloc'd; *count. */
extern pg_uuid_t *job_abandon_all(int *count);

#endif
