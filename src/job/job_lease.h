/*
 * job_lease.h
 *		Tasks whose copier may still write: nobody else gets them before its lease and a margin are over.
 */
#ifndef VMCLONE_JOB_LEASE_H
#define VMCLONE_JOB_LEASE_H

#include "postgres.h"

#include "job/job_run.h"

/* The run's child is over, or there was none: nobody writes for its task any more. */
extern bool job_lease_is_over(const JobRun *run);

/*
 * At a run's end: its task is held, unless nobody writes for it any more; changes_group: and its volume group is for other
 * hosts.
 */
extern void job_lease_hold(const JobRun *run, bool changes_group);

/* Another host than this one may still be changing the volume group of the domain. */
extern bool job_lease_holds_group(const char *domain_id, const char *host_name);

/* After a start: what a dead worker's copiers may be at is held from now on.  In a job_transaction. */
extern void job_lease_load(void);

/* Ids of the tasks that are held now, in an array with room for more, and how many they are. */
extern Datum *job_lease_held(int room, int *count);

#endif
