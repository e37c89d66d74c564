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
	RUN_HAS_IMAGE, /* it is committed, and job_outcome_write_ends() is to write it */
	RUN_LATER,     /* the end could not be written yet */
} RunOutcome;

/* The child of the run's step has ended: writes what that means, in transactions of its own. */
extern RunOutcome job_outcome(JobRun *run);

/*
 * Writes the ends of runs that have their images, in one transaction if that can be.  Returns those whose end is
 * written; for the others it is RUN_LATER.
 */
extern List *job_outcome_write_ends(List *runs);

#endif
