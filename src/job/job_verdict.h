/*
 * job_verdict.h
 *		What a child's end means.
 */
#ifndef VMCLONE_JOB_VERDICT_H
#define VMCLONE_JOB_VERDICT_H

#include "postgres.h"

#include "job/job_run.h"
#include "utils/jsonb.h"

typedef enum Verdict
{
	VERDICT_DONE,
	VERDICT_WAIT,    /* an outside cause that may go away */
	VERDICT_AGAIN,   /* its host is at fault, or it heard nothing from us: again, maybe elsewhere */
	VERDICT_CRASHED, /* the program gave no reason, or what it made is gone: again, some times */
	VERDICT_CHAIN,   /* the other copy's image can't be read any more: the chain is read instead */
	VERDICT_FAIL,
} Verdict;

/* A volume command's or measure's one object, in the current memory context; NULL where it isn't one. */
extern Jsonb *job_answer(const JobRun *run);

/*
 * Judges the end of the run's child, which is over or could not be started.  Unless it is done,
 * run->error_kind (or NULL) and run->error_message say why.
 */
extern Verdict job_verdict(JobRun *run, const Jsonb *answer);

#endif
