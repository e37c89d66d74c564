/*
 * job_run.c
 *		The list of runs.
 */
#include "postgres.h"

#include <signal.h>

#include "base/json.h"
#include "base/uuid.h"
#include "base/settings.h"
#include "job/job_run.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

List *job_runs_list = NIL;

JobRun *
job_run_make(RunKind kind)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "vmclone run", ALLOCSET_SMALL_SIZES);
	JobRun *run = MemoryContextAllocZero(context, sizeof(JobRun));

	run->context = context;
	run->kind = kind;
	run->step = STEP_CHECK;
	return run;
}

void
job_run_add(JobRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	job_runs_list = lappend(job_runs_list, run);
	MemoryContextSwitchTo(old);
}

void
job_run_remove(JobRun *run)
{
	job_runs_list = list_delete_ptr(job_runs_list, run);
	if (run->command != NULL)
		storage_command_free(run->command);
	MemoryContextDelete(run->context);
}

void
job_run_stop(JobRun *run)
{
	if (run->stop_sent != 0)
		return;
	run->stop_sent = GetCurrentTimestamp();
	if (run->command != NULL)
		storage_command_stop(run->command);
}

void
job_runs_kill_all(void)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		JobRun *run = lfirst(cell);

		if (run->command != NULL)
			storage_command_kill(run->command, SIGKILL);
	}
}

bool
job_has_runs(const pg_uuid_t *job_id)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
		if (uuid_same(&((JobRun *) lfirst(cell))->job_id, job_id))
			return true;
	return false;
}

bool
job_runs_go_on(void)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		const JobRun *run = lfirst(cell);

		if ((run->step != STEP_COPY && !run->in_sequence) || run->command == NULL ||
			run->stop_sent != 0)
			return false;
	}
	return job_runs_list != NIL;
}

const RunDomain *
job_run_target(const JobRun *run)
{
	return linitial(run->domains);
}

bool
job_run_stalled(const JobRun *run)
{
	return run->kind == RUN_COPY && run->step == STEP_COPY && !run->paused && !run->is_stuck &&
		   TimestampDifferenceExceeds(run->progressed_at, GetCurrentTimestamp(),
									  vmclone_storage_timeout * 1000);
}

bool
job_runs_same_target(const JobRun *run, const JobRun *other)
{
	return strcmp(job_run_target(run)->id, job_run_target(other)->id) == 0;
}

bool
job_runs_same_host(const JobRun *run, const JobRun *other)
{
	return strcmp(run->host.name, other->host.name) == 0;
}

/* Stalled copies before the given one in the list, or all of them for NULL. */
static int
stalled_before(const JobRun *run)
{
	int count = 0;
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		if (lfirst(cell) == run)
			break;
		if (job_run_stalled(lfirst(cell)))
			count++;
	}
	return count;
}

/* A copier that was told to go on takes its place before it says so. */
bool
job_run_active(const JobRun *run)
{
	if (run->kind != RUN_COPY || (run->paused && run->pause_sent) || run->is_stuck)
		return false;
	return !job_run_stalled(run) || stalled_before(run) >= vmclone_max_parallel_copies;
}

int
job_runs_stalled(void)
{
	return Min(stalled_before(NULL), vmclone_max_parallel_copies);
}

int
job_runs_active(void)
{
	int count = 0;
	ListCell *cell;

	foreach (cell, job_runs_list)
		if (job_run_active(lfirst(cell)))
			count++;
	return count;
}
