/*
 * job_block.h
 *		Block domains: a run's logical volumes and their devices.
 */
#ifndef VMCLONE_JOB_BLOCK_H
#define VMCLONE_JOB_BLOCK_H

#include "postgres.h"

#include "job/job_run.h"
#include "utils/jsonb.h"

extern bool job_run_writes_block(const JobRun *run);

/* It reads from a block domain, or writes to one. */
extern bool job_block_is_touched(const JobRun *run);

/* The number of a domain, from "number" on, whose logical volumes the run reads; that of all domains where there is none. */
extern int job_block_next_source(const JobRun *run, int number);

/* The run's present step changes the metadata of its target's volume group. */
extern bool job_block_changes_group(const JobRun *run);

/*
 * The run's next step has to wait: another one is deactivating volumes of the domain that it is at, or changes the group on
 * another host, or may still do so there.
 */
extern bool job_block_is_held_up(const JobRun *run);

/*
 * Which devices the volumes have that STEP_ACTIVATE was for, or that STEP_CREATE has made, and where the copy's record goes.
 * False: the answer lacks one.
 */
extern bool job_block_take_devices(JobRun *run, const Jsonb *answer);

/* The answer of STEP_SIZE. */
extern void job_block_take_size(JobRun *run, const Jsonb *answer);

/*
 * After a run's end, whatever it was: STEP_RELEASE is next, for the next domain of which it has volumes active that no
 * other run needs.  False: there is none.
 */
extern bool job_block_release_next(JobRun *run);

/* The command lines of STEP_ACTIVATE, STEP_RELEASE and, with a block domain as target, STEP_CREATE, STEP_COMMIT, STEP_REMOVE. */
extern List *job_block_arguments(const JobRun *run);

/* Seconds that the run's present step on a block domain may take; zeroing a whole volume takes as long as it takes. */
extern int job_block_timeout(const JobRun *run);

#endif
