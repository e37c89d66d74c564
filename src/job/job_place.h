/*
 * job_place.h
 *		Which host does a run.
 */
#ifndef VMCLONE_JOB_PLACE_H
#define VMCLONE_JOB_PLACE_H

#include "postgres.h"

#include "job/job_run.h"

typedef enum Placement
{
	PLACED,
	PLACE_LATER, /* all hosts that have its domains have their number of copies, too, or are down */
	PLACE_NONE,
} Placement;

/*
 * Chooses the host of a run that knows its domains and layers: of those that have all of them the least loaded one, and among
 * equals the one that it was on before.  Where the domains lie there, and the paths of layers, are known then.
 * But for PLACED, *problem says why not, and of PLACE_NONE what an administrator can do about it.  In a job_transaction.
 */
extern Placement job_run_place(JobRun *run, char **problem);

/* Of a run that has a host: the other domains that it has there; layers elsewhere are left out. */
extern void job_run_place_sources(JobRun *run);

/*
 * Of a task t, whether it is to be claimed: a host of the text[] "free" has its target and its source, or no host that is to be
 * used has them, which the claim says then; "held" are tasks whose copier may still be there (job_lease.h).
 */
#define SQL_TASK_CAN_BE_PLACED(free, held)                                                         \
	"(EXISTS (" SQL_HOSTS_OF_TASK " AND a.host_name = ANY (" free "))"                             \
	" OR NOT EXISTS (" SQL_HOSTS_OF_TASK ")) AND NOT t.task_id = ANY (" held ")"

#define SQL_HOSTS_OF_TASK                                                                          \
	"SELECT FROM vmclone.storage_mounts a JOIN vmclone.storage_mounts b"                           \
	" ON b.host_name = a.host_name JOIN vmclone.hosts h ON h.host_name = a.host_name"              \
	" WHERE h.status <> 'down' AND h.drain IS NULL AND a.storage_domain_id = t.storage_domain_id"  \
	" AND b.storage_domain_id = CASE WHEN t.read_from_task IS NULL"                                \
	" THEN COALESCE(t.source_storage_domain_id, t.storage_domain_id)"                              \
	" ELSE t.storage_domain_id END"

/* Names of hosts that may get a copy now, as text[]. */
extern Datum job_free_hosts(void);

/* Copies that take a place on the host. */
extern int job_runs_on_host(const char *host_name);

#endif
