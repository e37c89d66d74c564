/*
 * job_arguments.h
 *		What a run's child is told on its command line.
 */
#ifndef VMCLONE_JOB_ARGUMENTS_H
#define VMCLONE_JOB_ARGUMENTS_H

#include "postgres.h"

#include "job/job_run.h"

/* vmclone-copy's arguments (char *) for the run's step, in the current memory context. */
extern List *job_arguments(const JobRun *run);

#endif
