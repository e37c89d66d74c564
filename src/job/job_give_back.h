/*
 * job_give_back.h
 *		Logical volumes that a host still has active for a task that went on elsewhere.
 */
#ifndef VMCLONE_JOB_GIVE_BACK_H
#define VMCLONE_JOB_GIVE_BACK_H

#include "postgres.h"

#include "job/job_run.h"

/* Tasks of which hosts that are there have something to give back, as the FROM and WHERE of a statement; h is the host. */
#define SQL_LEFT_ON_HOSTS                                                                          \
	"FROM vmclone.async_tasks t JOIN vmclone.hosts h ON h.host_name = ANY (t.left_hosts)"          \
	" WHERE t.left_hosts IS NOT NULL"

/* In a job_transaction: a run, not on the list yet, for what the next such host has; NULL: none has anything, or can. */
extern JobRun *job_give_back_claim(Datum busy_tasks);

/* In a job_transaction: the host of the run has given all back. */
extern void job_give_back_done(void *run);

/* It could not now: it is asked again later. */
extern void job_give_back_failed(void);

#endif
