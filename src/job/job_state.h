/*
 * job_state.h
 *		Every change of jobs.status, each with its NOTIFY vmclone_job (decisions.md, "Jobs").
 *
 * Only the worker moves a job; control functions write jobs.requested.  All functions run in a
 * job_transaction.  docs/jobs.md has the table of who moves what from where to where.
 */
#ifndef VMCLONE_JOB_STATE_H
#define VMCLONE_JOB_STATE_H

#include "postgres.h"

#include "utils/uuid.h"

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
	char *status;
	char *requested;    /* NULL: nothing */
	char *final_status; /* NULL until the job is failing or cancelling */
	char *reason;
	bool is_template;
	bool hold_on_failure;
	bool source_freed;
	int copy_number;
} JobRow;

/*
 * Locks and reads the row.  False: it is gone, or someone's open transaction holds it; the worker
 * never waits for people and looks again with its next pass.
 */
extern bool job_lock(const pg_uuid_t *job_id, JobRow *job);

/* Nothing but the cancel may move the job any more. */
extern bool job_cancel_requested(const JobRow *job);

/* words end with NULL; a NULL word is none of them. */
extern bool job_word_among(const char *word, const char *const *words);

/* NOTIFY for a job that has just been queued. */
extern void job_tell(const pg_uuid_t *job_id, const char *status);

/* A task was claimed: queued or waiting becomes running; reason and waiting_since stay for now. */
extern void job_runs(const JobRow *job);

/* The task that had to wait makes progress: nothing to complain of any more. */
extern void job_goes_well(const pg_uuid_t *job_id);

/*
 * An outside cause: waiting, to be tried again later; failing where vmclone.wait_limit is over.  A
 * job that is held or paused stays so: a person decides when it goes on.
 */
extern void job_waits(const JobRow *job, const char *kind, const char *reason);

/* It can't succeed: held or failing, as jobs.on_failure says. */
extern void job_fails(const JobRow *job, const char *kind, const char *reason);

extern void job_cancels(const JobRow *job);
extern void job_pauses(const JobRow *job);
extern void job_resumes(const JobRow *job);
extern void job_finishes(const JobRow *job); /* all images are there */
extern void job_cleans(const JobRow *job);   /* the source is free */
extern void job_ends(const JobRow *job, const char *status);

#endif
