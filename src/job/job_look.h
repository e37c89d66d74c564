/*
 * job_look.h
 *		What runs see of storage domains, for view storage.
 */
#ifndef VMCLONE_JOB_LOOK_H
#define VMCLONE_JOB_LOOK_H

#include "job/job_run.h"
#include "utils/jsonb.h"

/* The answer of "volume check" for the domain: it is there, and has so much space.  NULL: it said nothing. */
extern void job_look_keep(RunDomain *domain, const Jsonb *answer);

/* The check of the domain failed, for run->error_message. */
extern void job_look_fail(JobRun *run, RunDomain *domain);

/*
 * Writes what the run has seen into storage_mounts, in the caller's transaction; at most every five seconds where it is no
 * news.  Where somebody has the row locked (attach and detach wait for storage meanwhile) nothing is written.
 */
extern void job_look_write(const JobRun *run);

#endif
