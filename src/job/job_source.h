/*
 * job_source.h
 *		What a run reads and where it writes: domains, and the layers of the chain.
 *
 * Each of these returns NULL, or why it can't be done at present: a reason to wait, never to fail, since an administrator
 * activates or attaches a domain, and the job goes on.
 */
#ifndef VMCLONE_JOB_SOURCE_H
#define VMCLONE_JOB_SOURCE_H

#include "postgres.h"

#include "job/job_row.h"
#include "job/job_run.h"
#include "utils/jsonb.h"

/*
 * Adds the domain to those that the run touches, once.  The inventory says whether it exists and is active in the data
 * centre; where it lies is known when a host has been chosen (job_place.h).  pool_id NULL leaves out whether it is active, for cleaning and
 * measuring, which need the images only.
 */
extern char *job_run_add_domain(JobRun *run, const pg_uuid_t *domain_id, const pg_uuid_t *pool_id,
								RunDomain **result);

/* One image, in whatever state the data centre is.  Like the others, returns NULL or what is wrong. */
extern char *job_run_add_layer(JobRun *run, const pg_uuid_t *domain_id, const char *format,
							   const pg_uuid_t *group_id, const pg_uuid_t *image_id);

/* The chain of async_tasks.layers or measurements.layers. */
extern char *job_run_add_layers(JobRun *run, const Jsonb *layers, const pg_uuid_t *pool_id);

/* The finished image of another copy of the call, where there is one and the task may read it; else the layers. */
extern char *job_run_choose_source(JobRun *run, const JobRow *job, const Jsonb *layers,
								   int disk_number, bool may_read);

#endif
