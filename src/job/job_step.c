/*
 * job_step.c
 *		The way of a run from one child to the next.
 */
#include "postgres.h"

#include <signal.h>

#include "base/json.h"
#include "base/settings.h"
#include "base/uuid.h"
#include "job/job_arguments.h"
#include "job/job_block.h"
#include "job/job_event.h"
#include "job/job_lease.h"
#include "job/job_limit.h"
#include "job/job_outcome.h"
#include "job/job_sequence.h"
#include "job/job_step.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Milliseconds from SIGTERM to SIGKILL; another host has to say that its copier is gone. */
#define STOP_PATIENCE_MS      3000
#define HOST_STOP_PATIENCE_MS 10000

void
job_run_step(JobRun *run)
{
	MemoryContext old;
	char *error;

	run->must_wait = job_block_is_held_up(run);
	if (run->must_wait)
		return;
	old = MemoryContextSwitchTo(run->context);
	job_step_begin(run);
	/* what begins at its beginning goes all the way in one process, unless devices have to be known in between */
	run->in_sequence =
		run->step == STEP_CHECK && run->kind != RUN_MEASURE && !job_block_is_touched(run);
	run->limit_sent = job_limit(run);
	run->command = storage_command_start(&run->host, job_arguments(run), job_step_lease(run),
										 job_step_timeout(run), &error);
	if (run->command == NULL)
	{
		/* what the server or the machine has too little of may be there later */
		run->error_kind = errno == EMFILE || errno == ENFILE || errno == EAGAIN || errno == ENOMEM
							  ? "no_resources"
							  : "program";
		run->error_message = error;
	}
	MemoryContextSwitchTo(old);
}

static void
start_next(JobRun *run)
{
	if (run->command != NULL)
		storage_command_free(run->command);
	run->command = NULL;
	job_run_step(run);
}

/* The end of a run: it goes, but for what it has activated. */
static void
end(JobRun *run)
{
	job_lease_hold(run, job_block_changes_group(run));
	if (!job_block_release_next(run))
	{
		job_run_remove(run);
		return;
	}
	/* it has been stopped, if it was, and nobody else would do this */
	run->stop_sent = 0;
	start_next(run);
}

/* The child is over, or could not be started: next step, or end of the run.  *ends gets runs whose end is to be written. */
static bool
advance(JobRun *run, List **ends)
{
	switch (job_outcome(run))
	{
		case RUN_GOES_ON:
			start_next(run);
			return true;
		case RUN_IS_OVER:
			end(run);
			return true;
		case RUN_HAS_IMAGE:
			*ends = lappend(*ends, run);
			return false;
		case RUN_LATER:
			break;
	}
	return false;
}

/* A child that was told to stop and doesn't is killed; one that survives SIGKILL is reported once. */
static void
enforce_stop(JobRun *run)
{
	if (run->stop_sent != 0 && run->command->killed_at == 0 &&
		TimestampDifferenceExceeds(run->stop_sent, GetCurrentTimestamp(),
								   run->command->host != NULL ? HOST_STOP_PATIENCE_MS
															  : STOP_PATIENCE_MS))
		storage_command_kill(run->command, SIGKILL);
	if (storage_command_stuck(run->command) && !run->is_stuck)
	{
		run->is_stuck = true;
		strlcpy(run->phase, "stuck", sizeof(run->phase));
		run->dirty = true;
		ereport(
			WARNING,
			(errmsg("storage does not answer: process %d cannot be ended", (int) run->command->pid),
			 errdetail("It works on image %s; nothing else is done there while it lives.",
					   run->image_id ? run->image_id : uuid_text(&run->task.task_id)),
			 errhint("Check the storage domain's server and mount.")));
	}
}

bool
job_runs_attend(void)
{
	List *runs = list_copy(job_runs_list);
	List *ends = NIL;
	bool changed = false;
	ListCell *cell;

	foreach (cell, runs)
	{
		JobRun *run = lfirst(cell);

		if (run->command != NULL)
		{
			storage_command_read(run->command, job_event_line, run);
			if (!storage_command_finished(run->command))
			{
				enforce_stop(run);
				continue;
			}
		}
		if (run->must_wait && run->stop_sent == 0)
		{
			job_run_step(run);
			continue;
		}
		changed |= advance(run, &ends);
	}
	list_free(runs);
	ends = job_outcome_write_ends(ends);
	foreach (cell, ends)
		end(lfirst(cell));
	return changed || ends != NIL;
}
