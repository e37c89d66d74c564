/*
 * job_limit.c
 *		Bytes per second that a run may copy.
 */
#include "postgres.h"

#include "base/uuid.h"
#include "job/job_limit.h"

static bool
same_job(const JobRun *run, const JobRun *other)
{
	return uuid_same(&run->job_id, &other->job_id);
}

/* Runs that share a limit with this one, as "share" says of two. */
static int
sharers(const JobRun *run, bool (*share)(const JobRun *run, const JobRun *other))
{
	int count = 0;
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		JobRun *other = lfirst(cell);

		if (!job_run_active(other) || other->step == STEP_COMMIT)
			continue;
		if (share(run, other))
			count++;
	}
	return Max(count, 1);
}

/* The lower one of a limit so far and the run's part of another one; 0: none. */
static int64
lower(int64 limit, int64 shared, int count)
{
	int64 part = Max(shared / count, 1);

	if (shared == 0)
		return limit;
	return limit == 0 ? part : Min(limit, part);
}

int64
job_limit(const JobRun *run)
{
	int64 limit = 0;

	limit = lower(limit, run->job_limit, sharers(run, same_job));
	limit = lower(limit, run->domain_limit, sharers(run, job_runs_same_target));
	return lower(limit, run->host_limit, sharers(run, job_runs_same_host));
}
