/*
 * job_request.h
 *		Cancel, pause, resume and limits: what the rows ask for is told to what runs.
 */
#ifndef VMCLONE_JOB_REQUEST_H
#define VMCLONE_JOB_REQUEST_H

#include "postgres.h"

/* Follows what the jobs' rows ask for, and sends the NOTIFY of jobs that are new. */
extern void job_requests_follow(void);

#endif
