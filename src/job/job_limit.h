/*
 * job_limit.h
 *		Bytes per second that a run may copy.
 */
#ifndef VMCLONE_JOB_LIMIT_H
#define VMCLONE_JOB_LIMIT_H

#include "postgres.h"

#include "job/job_run.h"

/* Its share of its job's limit and of its domain's, the smaller one; 0: no limit. */
extern int64 job_limit(const JobRun *run);

#endif
