/*
 * job_log.h
 *		What the server's log is told of jobs, as vmclone.log_jobs says.
 */
#ifndef VMCLONE_JOB_LOG_H
#define VMCLONE_JOB_LOG_H

#include "postgres.h"

#include "job/job_row.h"

/* Its first task was claimed: LOG. */
extern void job_log_start(const JobRow *job);

/* It is over: LOG, for a success with what was copied and how long it took. */
extern void job_log_end(const JobRow *job);

/* It waits, is held, is failing, or what it had made can't be removed: WARNING.  what: "is held". */
extern void job_log_problem(const JobRow *job, const char *what, const char *reason);

#endif
