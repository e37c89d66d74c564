/*
 * job_limit.c
 *		Bytes per second that a run may copy.
 */
#include "postgres.h"

#include "base/uuid.h"
#include "job/job_limit.h"

/* Runs that share a limit with this one: of the same job, or to the same domain. */
static int
sharers(const JobRun *run, bool same_job)
{
	int count = 0;
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		JobRun *other = lfirst(cell);

		if (!job_run_active(other) || other->step == STEP_COMMIT)
			continue;
		if (same_job ? uuid_same(&other->job_id, &run->job_id) : job_runs_same_target(other, run))
			count++;
	}
	return Max(count, 1);
}

int64
job_limit(const JobRun *run)
{
	int64 limit = 0;

	if (run->job_limit > 0)
		limit = Max(run->job_limit / sharers(run, true), 1);
	if (run->domain_limit > 0)
	{
		int64 share = Max(run->domain_limit / sharers(run, false), 1);

		limit = limit == 0 ? share : Min(limit, share);
	}
	return limit;
}
