/*
 * job_sequence.h
 *		Which step of a run follows which, and steps that one child does one after the other.
 */
#ifndef VMCLONE_JOB_SEQUENCE_H
#define VMCLONE_JOB_SEQUENCE_H

#include "postgres.h"

#include "job/job_run.h"
#include "utils/jsonb.h"

/* Makes run->step the one that follows a step that was done with this answer (NULL: none).  False: it was the last one. */
extern bool job_step_follows(JobRun *run, const Jsonb *answer);

/* Whether true stands below the key; not for NULL. */
extern bool job_answer_says(const Jsonb *answer, const char *key);

/* The run's step begins: nothing was said of it yet, and it has its time from now on. */
extern void job_step_begin(JobRun *run);

/* Seconds that the step's child goes on without hearing from the worker; 0: as long as its stdin is open. */
extern int job_step_lease(const JobRun *run);

/* Seconds that the run's step may take; 0: as long as it takes. */
extern int job_step_timeout(const JobRun *run);

/* A child that does several steps has kept the answer of one of them in run->answer: goes on to the next. */
extern void job_sequence_answered(JobRun *run);

#endif
