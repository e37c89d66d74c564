/*
 * job_claim_internal.h
 *		What the claims of copies and the other ones share.
 */
#ifndef VMCLONE_JOB_CLAIM_INTERNAL_H
#define VMCLONE_JOB_CLAIM_INTERNAL_H

#include "job/job_run.h"
#include "job/job_transaction.h"

/* Claims at once that only find out that they have to wait. */
#define CLAIMS_A_PASS 100

typedef struct Claim
{
	JobRun *run;      /* made by a claim that went through */
	bool claimed;     /* something was changed, a run or a wait */
	bool any_waiting; /* jobs that wait have their time */
} Claim;

/* A copy of the text that lives as long as the run; NULL stays NULL. */
extern char *job_claim_keep(JobRun *run, const char *text);

/*
 * Runs one claim's transaction, whose argument is a Claim, and starts what came of it.  False: nothing was there
 * to claim, or something stands in its way, which is written then.
 */
extern bool job_claim_one(JobUnit unit, bool any_waiting);

#endif
