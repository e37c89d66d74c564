/*
 * job_request.h
 *		Cancel, pause, resume and limits: what the rows ask for is told to what runs.
 */
#ifndef VMCLONE_JOB_REQUEST_H
#define VMCLONE_JOB_REQUEST_H

#include "postgres.h"

/* Follows what people ask for in the jobs' rows.  True: something moved. */
extern bool job_requests_follow(void);

/* Tells what runs how the rows of its task and job are now: to stop, to stand still, how fast it may be. */
extern void job_requests_tell(void);

/* Sends the NOTIFY of jobs that are new. */
extern void job_requests_announce(void);

#endif
