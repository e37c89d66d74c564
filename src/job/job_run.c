/*
 * job_run.c
 *		The list of runs, their children, and the way from one step to the next.
 */
#include "postgres.h"

#include <signal.h>

#include "job/job_run.h"
#include "base/json.h"
#include "base/settings.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Milliseconds from SIGTERM to SIGKILL. */
#define STOP_PATIENCE_MS 3000

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

static void
forget(JobRun *run)
{
	job_runs_list = list_delete_ptr(job_runs_list, run);
	if (run->command != NULL)
		storage_command_free(run->command);
	MemoryContextDelete(run->context);
}

static List *
add(List *arguments, const char *option, const char *value)
{
	arguments = lappend(arguments, (void *) option);
	return lappend(arguments, (void *) value);
}

static List *
volume_arguments(const JobRun *run, const char *action)
{
	const RunDomain *target = linitial(run->domains);
	List *arguments = list_make2("volume", (void *) action);

	arguments = add(arguments, "--root", target->root);
	arguments = add(arguments, "--disk", run->disk_id);
	return add(arguments, "--image", run->image_id);
}

static List *
check_arguments(const JobRun *run)
{
	const RunDomain *domain = list_nth(run->domains, run->domains_checked);
	List *arguments = list_make2("volume", "check");

	arguments = add(arguments, "--root", domain->root);
	arguments = add(arguments, "--storage-domain", domain->id);
	return add(arguments, "--token", domain->token);
}

static List *
create_arguments(const JobRun *run)
{
	const RunDomain *target = linitial(run->domains);
	List *arguments = volume_arguments(run, "create");

	arguments = add(arguments, "--domain", target->id);
	arguments = add(arguments, "--size", psprintf(INT64_FORMAT, run->virtual_size));
	arguments = add(arguments, "--format", run->volume_format);
	arguments = add(arguments, "--type",
					strcmp(run->volume_type, "Preallocated") == 0 ? "PREALLOCATED" : "SPARSE");
	arguments = add(arguments, "--voltype", run->copy_volume_type);
	arguments = add(arguments, "--domain-format", target->format);
	arguments = add(arguments, "--disk-type", "DATA");
	return add(arguments, "--description", run->description);
}

static List *
add_roots(List *arguments, const JobRun *run)
{
	ListCell *cell;

	foreach (cell, run->domains)
		arguments = add(arguments, "--root", ((RunDomain *) lfirst(cell))->root);
	return arguments;
}

static List *
copy_arguments(const JobRun *run)
{
	const RunDomain *target = linitial(run->domains);
	bool raw = strcmp(run->volume_format, "RAW") == 0;
	char *part = psprintf("%s/images/%s/%s.part", target->root, run->disk_id, run->image_id);
	List *arguments = list_concat(list_make1("copy"), run->layers);

	arguments = add(arguments, "--output", psprintf("%s:%s", raw ? "raw" : "qcow2", part));
	arguments = add(arguments, "--size", psprintf(INT64_FORMAT, run->virtual_size));
	if (!raw)
		arguments = add(arguments, "--compat", target->format[0] >= '4' ? "1.1" : "0.10");
	else if (strcmp(run->volume_type, "Preallocated") == 0)
		arguments = lappend(arguments, "--preallocate");
	/* commit takes the record away: a crash before finds the finished copy by it */
	arguments = add(arguments, "--resume", psprintf("%s.resume", part));
	arguments = lappend(arguments, "--keep-record");
	if (run->limit_sent > 0)
		arguments = add(arguments, "--limit", psprintf(INT64_FORMAT, run->limit_sent));
	if (vmclone_copy_threads > 0)
		arguments = add(arguments, "--threads", psprintf("%d", vmclone_copy_threads));
	if (run->verify)
		arguments = lappend(arguments, "--verify");
	return add_roots(add(arguments, "--progress", "json"), run);
}

static List *
commit_arguments(const JobRun *run)
{
	List *arguments = volume_arguments(run, "commit");

	if (run->output_size > 0)
		arguments = add(arguments, "--size", psprintf(INT64_FORMAT, run->output_size));
	return arguments;
}

static List *
measure_arguments(const JobRun *run)
{
	List *arguments = list_concat(list_make1("measure"), run->layers);

	arguments =
		add(arguments, "--format", strcmp(run->volume_format, "RAW") == 0 ? "raw" : "qcow2");
	return add_roots(arguments, run);
}

void
job_run_step(JobRun *run)
{
	static const char *const phases[] = {"checking",   "creating", "starting",
										 "committing", "removing", "measuring"};
	MemoryContext old = MemoryContextSwitchTo(run->context);
	List *arguments = NIL;
	int timeout = vmclone_storage_timeout;
	char *error;

	switch (run->step)
	{
		case STEP_CHECK:
			arguments = check_arguments(run);
			break;
		case STEP_CREATE:
			arguments = create_arguments(run);
			break;
		case STEP_COPY:
			arguments = copy_arguments(run);
			timeout = 0; /* takes as long as it takes; it is stopped on request only */
			break;
		case STEP_COMMIT:
			arguments = commit_arguments(run);
			break;
		case STEP_REMOVE:
			arguments = volume_arguments(run, "remove");
			break;
		case STEP_MEASURE:
			arguments = measure_arguments(run);
			timeout = 0;
			break;
	}
	strlcpy(run->phase, phases[run->step], sizeof(run->phase));
	run->dirty = true;
	run->answer = NULL;
	run->error_kind = run->error_errno = run->error_message = NULL;
	run->error_in_layer = false;
	run->command = storage_command_start(arguments, timeout, &error);
	run->refused = run->command == NULL;
	if (run->refused)
	{
		/* what the server or the machine has too little of may be there later */
		run->error_kind = errno == EMFILE || errno == ENFILE || errno == EAGAIN || errno == ENOMEM
							  ? "no_resources"
							  : "program";
		run->error_message = error;
	}
	MemoryContextSwitchTo(old);
}

/* The child is over, or could not be started: next step, or end of the run. */
static bool
advance(JobRun *run)
{
	switch (job_outcome(run))
	{
		case RUN_GOES_ON:
			if (run->command != NULL)
				storage_command_free(run->command);
			run->command = NULL;
			job_run_step(run);
			return true;
		case RUN_IS_OVER:
			forget(run);
			return true;
		case RUN_LATER:
			break;
	}
	return false;
}

static void
press_to_stop(JobRun *run)
{
	if (run->stop_sent != 0 && run->command->killed_at == 0 &&
		TimestampDifferenceExceeds(run->stop_sent, GetCurrentTimestamp(), STOP_PATIENCE_MS))
		storage_command_kill(run->command, SIGKILL);
	if (storage_command_stuck(run->command) && !run->stuck_told)
	{
		run->stuck_told = true;
		strlcpy(run->phase, "stuck", sizeof(run->phase));
		run->dirty = true;
		ereport(
			WARNING,
			(errmsg("storage does not answer: process %d cannot be ended", (int) run->command->pid),
			 errdetail("It works on image %s; nothing else is done there while it lives.",
					   run->image_id ? run->image_id : uuid_text(&run->task_id)),
			 errhint("Check the storage domain's server and mount.")));
	}
}

bool
job_runs_attend(void)
{
	List *runs = list_copy(job_runs_list);
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
				press_to_stop(run);
				continue;
			}
		}
		changed |= advance(run);
	}
	list_free(runs);
	return changed;
}

void
job_run_stop(JobRun *run)
{
	if (run->stop_sent != 0)
		return;
	run->stop_sent = GetCurrentTimestamp();
	if (run->command != NULL)
		storage_command_kill(run->command, SIGTERM);
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

/* A copier that was told to go on takes its place before it says so. */
bool
job_run_active(const JobRun *run)
{
	return run->kind == RUN_COPY && !(run->paused && run->pause_sent) && !run->stuck_told;
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
