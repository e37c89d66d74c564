/*
 * job_end.h
 *		The ends of a job: finishing, failing, cancelling, cleaning.
 */
#ifndef VMCLONE_JOB_END_H
#define VMCLONE_JOB_END_H

#include "postgres.h"

/* Moves jobs whose tasks are over, or that are on the way to their end.  True: something moved. */
extern bool job_end_next(void);

/*
 * Jobs that are not over and not only held or paused: the worker has a reason to stay.  *any_live: jobs
 * that are not over, these too.
 */
extern bool job_anything_to_do(bool *any_live);

#endif
