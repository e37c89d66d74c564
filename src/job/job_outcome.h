/*
 * job_outcome.h
 *		What becomes of a task and its job when a child has ended.
 */
#ifndef VMCLONE_JOB_OUTCOME_H
#define VMCLONE_JOB_OUTCOME_H

#include "postgres.h"

#include "job/job_run.h"

typedef enum RunOutcome
{
	RUN_GOES_ON, /* run->step is the next one */
	RUN_IS_OVER,
	RUN_LATER, /* the end could not be written yet */
} RunOutcome;

/* The child of the run's step has ended: writes what that means, in transactions of its own. */
extern RunOutcome job_outcome(JobRun *run);

#endif
