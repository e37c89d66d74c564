/*
 * job_source.h
 *		What a run reads and which storage domains it touches.
 *
 * The functions return NULL, or why it can't be done at present: a reason to wait, never to fail.
 */
#ifndef VMCLONE_JOB_SOURCE_H
#define VMCLONE_JOB_SOURCE_H

#include "postgres.h"

#include "job/job_row.h"
#include "job/job_run.h"
#include "utils/jsonb.h"

extern char *job_run_add_domain(JobRun *run, const pg_uuid_t *domain_id, const pg_uuid_t *pool_id,
								RunDomain **result);

/* The layers of async_tasks.layers or measurements.layers, as arguments of copy and measure. */
extern char *job_run_add_layers(JobRun *run, const Jsonb *layers, const pg_uuid_t *pool_id);

/* The finished image of another copy of the call, where there is one and the task may read it; else the layers. */
extern char *job_run_choose_source(JobRun *run, const JobRow *job, const Jsonb *layers,
								   int disk_number, bool may_read);

#endif
