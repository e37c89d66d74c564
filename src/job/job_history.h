/*
 * job_history.h
 *		Jobs that are over: what is counted of them, and how long they are kept.
 *
 * All of it in a job_transaction.
 */
#ifndef VMCLONE_JOB_HISTORY_H
#define VMCLONE_JOB_HISTORY_H

#include "postgres.h"

#include "job/job_row.h"

/* A job is over, in the state given. */
extern void job_count_end(const pg_uuid_t *job_id, JobStatus status);

/* A job begins to wait for something outside. */
extern void job_count_wait(void);

/* Another attempt follows a crash. */
extern void job_count_retry(void);

/* Removes some of what is older than vmclone.history_retention.  Returns how many jobs. */
extern uint64 job_purge_some(void);

#endif
