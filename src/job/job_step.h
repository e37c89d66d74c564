/*
 * job_step.h
 *		The way of a run from one child to the next.
 */
#ifndef VMCLONE_JOB_STEP_H
#define VMCLONE_JOB_STEP_H

#include "postgres.h"

#include "job/job_run.h"

/* Starts the child of the run's step; a failure to start is found by job_runs_attend. */
extern void job_run_step(JobRun *run);

/*
 * Reads from all children and goes on with those that ended.  True: a task's or job's state was
 * changed, so another pass is worth while.
 */
extern bool job_runs_attend(void);

#endif
