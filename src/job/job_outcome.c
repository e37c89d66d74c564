/*
 * job_outcome.c
 *		What becomes of a task and its job when a child has ended.
 */
#include "postgres.h"

#include "contract/copier_protocol.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "catalog/pg_type.h"
#include "job/job_block.h"
#include "job/job_end.h"
#include "job/job_give_back.h"
#include "job/job_history.h"
#include "job/job_hosts.h"
#include "job/job_lease.h"
#include "job/job_look.h"
#include "job/job_outcome.h"
#include "job/job_sequence.h"
#include "job/job_state.h"
#include "job/job_transaction.h"
#include "job/job_verdict.h"
#include "job/task_state.h"
#include "base/uuid.h"
#include "storage/storage_files.h"
#include "utils/builtins.h"

static Statement measured = {
	.sql =
		"UPDATE vmclone.measurements SET status = $8, required = $4, bytes_to_read = $5, allocated = $6, error = $7,"
		" measured_at = clock_timestamp() WHERE snapshot_id = $1 AND image_id = $2"
		" AND volume_format = $3",
	.argument_count = 8,
	.argument_types = {UUIDOID, UUIDOID, TEXTOID, INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID},
};

static void
write_success(void *argument)
{
	JobRun *run = argument;
	TaskSuccess success = {run->allocated,       run->bytes_done, run->bytes_written,
						   run->bytes_to_verify, run->method,     run->method_reason};

	(void) task_set_succeeded(&run->task, &success);
	job_look_write(run);
}

/* What the job waited for earlier is no complaint any more. */
static void
clear_complaints(const JobRun *run)
{
	if (!run->reason_cleared)
		job_clear_reason(&run->job_id);
	if (!run->wait_cleared)
		job_clear_wait(&run->job_id);
}

static void
write_success_alone(void *argument)
{
	write_success(argument);
	clear_complaints(argument);
}

/* Mostly a job ends with its last task: the same transaction makes the machine usable. */
static void
write_success_and_end(void *argument)
{
	JobRun *run = argument;

	write_success(run);
	if (!job_end_after_success(&run->job_id))
		clear_complaints(run);
}

static void
write_successes_and_ends(void *argument)
{
	ListCell *cell;

	foreach (cell, (List *) argument)
		write_success_and_end(lfirst(cell));
}

/* What stands in the way of the job's end is no reason to forget that the image is there. */
static char *
write_end_of_copy(JobRun *run)
{
	char *problem = job_transaction(write_success_and_end, run);

	return problem == NULL ? NULL : job_transaction(write_success_alone, run);
}

List *
job_outcome_write_ends(List *runs)
{
	List *over = NIL;
	ListCell *cell;

	if (list_length(runs) > 1 && job_transaction(write_successes_and_ends, runs) == NULL)
		return list_copy(runs);
	/* one after the other, so that what stands in the way of one stops no other */
	foreach (cell, runs)
		if (write_end_of_copy(lfirst(cell)) == NULL)
			over = lappend(over, lfirst(cell));
	return over;
}

/* The domain of the layer that was at fault, or the target. */
static const RunDomain *
domain_of_error(const JobRun *run)
{
	ListCell *cell;

	if (run->step == STEP_CHECK || run->step == STEP_LOOK || run->step == STEP_ACTIVATE)
		return list_nth(run->domains, Min(run->domain_number, list_length(run->domains) - 1));
	if (run->error_in_layer && run->error_path != NULL)
		foreach (cell, run->layers)
		{
			const RunLayer *layer = lfirst(cell);

			if (layer->path != NULL && strcmp(run->error_path, layer->path) == 0)
				return layer->domain;
		}
	return job_run_target(run);
}

typedef struct Failure
{
	JobRun *run;
	Verdict verdict;
	bool written;
} Failure;

/*
 * A crash counts; what waits or reads the chain from now on does not.  False of the task's functions:
 * the job was cancelled or the claim is another's, and this end is dropped.
 */
static void
write_failure(void *argument)
{
	Failure *failure = argument;
	JobRun *run = failure->run;
	Verdict verdict = failure->verdict;
	TaskFailure ended = {run->bytes_done, run->error_kind ? run->error_kind : "crashed",
						 run->error_message, job_lease_is_over(run)};
	const RunDomain *domain = domain_of_error(run);
	char *reason = psprintf(
		"disk \"%s\" (%s), storage domain \"%s\" (%s)%s: %s", run->disk_alias, run->disk_id,
		domain->name, domain->id,
		run->host.address != NULL ? psprintf(", host \"%s\"", run->host.name) : "", ended.error);
	JobRow job;

	if (!job_lock(&run->job_id, &job))
		return;
	failure->written = true;
	job_look_write(run);
	/* Whatever ended it, the person's word counts: the task is undone with its job. */
	if (job.requested == REQUEST_CANCEL)
		return;
	if (verdict == VERDICT_CRASHED && ++run->attempts >= vmclone_max_attempts)
	{
		reason = psprintf("%s; tried %d times", reason, run->attempts);
		verdict = VERDICT_FAIL;
	}
	switch (verdict)
	{
		case VERDICT_DONE:
			break;
		case VERDICT_CHAIN:
			(void) task_set_reads_chain(&run->task);
			break;
		case VERDICT_AGAIN:
			(void) task_set_again(&run->task, &ended, false, run->attempts);
			break;
		case VERDICT_CRASHED:
			if (task_set_again(&run->task, &ended, true, run->attempts))
				job_count_retry();
			break;
		case VERDICT_WAIT:
			if (task_set_again(&run->task, &ended, false, run->attempts))
				job_set_waiting(&job, ended.error_kind, reason);
			break;
		case VERDICT_FAIL:
			if (task_set_failed(&run->task, &ended))
				job_set_failing(&job, ended.error_kind, reason);
			break;
	}
}

static void
write_cleaned(void *argument)
{
	JobRun *run = argument;

	pg_uuid_t image_id;

	(void) task_set_cleaned(&run->task);
	if (run->file_name != NULL && uuid_parse_text(run->image_id, &image_id))
		storage_file_forget(&image_id);
	job_look_write(run);
}

static void
write_cleaning_failed(void *argument)
{
	JobRun *run = argument;
	JobRow job;

	if (job_lock(&run->job_id, &job) && job.status == JOB_CLEANING)
		job_cleaning_waits(&job, run->error_message);
	job_look_write(run);
}

typedef struct Measurement
{
	JobRun *run;
	Jsonb *answer; /* NULL: it failed */
} Measurement;

static bool
is_hosts_fault(const JobRun *run)
{
	return run->error_kind != NULL && strcmp(run->error_kind, "host") == 0;
}

static void
write_measurement(void *argument)
{
	Measurement *measurement = argument;
	JobRun *run = measurement->run;
	Jsonb *answer = measurement->answer;
	Datum values[8] = {UUIDPGetDatum(&run->snapshot_id), UUIDPGetDatum(&run->task.task_id),
					   CStringGetTextDatum(run->volume_format)};
	bool nulls[8] = {0};
	/* another host, or this one when it is back, may do it */
	const char *status = answer != NULL ? "done" : is_hosts_fault(run) ? "queued" : "failed";

	nulls[3] = nulls[4] = nulls[5] = answer == NULL;
	nulls[6] = answer != NULL;
	if (answer != NULL)
	{
		values[3] = Int64GetDatum(json_get_count(answer, COPIER_FIELD_REQUIRED, 0));
		values[4] = Int64GetDatum(json_get_count(answer, COPIER_FIELD_BYTES_TO_READ, 0));
		values[5] = Int64GetDatum(json_get_count(answer, COPIER_FIELD_ALLOCATED_BYTES, 0));
	}
	else
		values[6] = CStringGetTextDatum(run->error_message ? run->error_message : "no answer");
	values[7] = CStringGetTextDatum(status);
	(void) statement_run(&measured, values, nulls);
}

static RunOutcome
written(char *problem)
{
	if (problem == NULL)
		return RUN_IS_OVER;
	pfree(problem);
	return RUN_LATER;
}

static RunOutcome
next_step(JobRun *run, RunStep step)
{
	run->step = step;
	return RUN_GOES_ON;
}

/* The bytes that the image takes: of a logical volume all that it has. */
static int64
committed_bytes(const JobRun *run, const Jsonb *answer)
{
	if (job_run_writes_block(run))
		return json_get_count(storage_facts(answer), "size", run->allocated);
	return json_get_count(answer, COPIER_FIELD_ALLOCATED, run->allocated);
}

static RunOutcome
step_done(JobRun *run, Jsonb *answer)
{
	Measurement measurement = {run, answer};

	if (job_step_follows(run, answer))
		return RUN_GOES_ON;
	switch (run->step)
	{
		case STEP_COMMIT:
			run->allocated = committed_bytes(run, answer);
			return RUN_HAS_IMAGE;
		case STEP_REMOVE:
			return written(job_transaction(write_cleaned, run));
		default:
			break;
	}
	return written(job_transaction(write_measurement, &measurement));
}

/* An answer without the devices that it must have is as bad as a refusal. */
static Verdict
take_devices(JobRun *run, const Jsonb *answer)
{
	bool needed =
		run->step == STEP_ACTIVATE || (run->step == STEP_CREATE && job_run_writes_block(run) &&
									   !job_answer_says(storage_facts(answer), "committed"));

	if (!needed || job_block_take_devices(run, answer))
		return VERDICT_DONE;
	run->error_kind = (char *) copier_error_word(COPIER_REFUSED);
	run->error_message = "vmclone-copy did not tell which devices the logical volumes have";
	return VERDICT_FAIL;
}

static bool
found_no_space(const JobRun *run)
{
	return run->kind == RUN_COPY && run->step == STEP_COPY && run->error_kind != NULL &&
		   strcmp(run->error_kind, copier_error_word(COPIER_NO_SPACE)) == 0;
}

/* The domain said how much there is, if it could: the copy's message gets the bytes that are missing. */
static void
take_missing_bytes(JobRun *run, const Jsonb *answer)
{
	int64 needed = Max(run->bytes_total - run->bytes_done, 0);
	int64 available =
		answer != NULL ? json_get_count(storage_facts(answer), "available_bytes", -1) : -1;

	run->error_kind = (char *) copier_error_word(COPIER_NO_SPACE);
	run->error_message = run->space_error;
	if (available >= 0)
		run->error_message = MemoryContextStrdup(
			run->context,
			psprintf("%s; about " INT64_FORMAT " bytes are still to be written, " INT64_FORMAT
					 " are available, " INT64_FORMAT " are missing",
					 run->space_error, needed, available, Max(needed - available, 0)));
}

static void
keep_failure(JobRun *run)
{
	RunError failure = {run->step,           run->error_kind, run->error_errno,
						run->error_in_layer, run->error_path, run->error_message};

	run->failure = failure;
	run->domain_number = 0;
}

static void
take_failure(JobRun *run)
{
	const RunError *failure = &run->failure;

	run->step = failure->step;
	run->error_kind = failure->kind;
	run->error_errno = failure->errno_word;
	run->error_in_layer = failure->in_layer;
	run->error_path = failure->path;
	run->error_message = failure->message;
}

/* A file that is missing, or a domain that is. */
static bool
needs_look(const JobRun *run, Verdict verdict)
{
	return run->kind == RUN_COPY && verdict == VERDICT_FAIL &&
		   (run->step == STEP_CREATE || run->step == STEP_COPY || run->step == STEP_COMMIT);
}

/*
 * What this job had made has gone from a target that is there, as where somebody removed it or an older state of the
 * storage was restored: it is made again, some times.
 */
static bool
output_is_gone(const JobRun *run)
{
	bool is_missing = (run->error_kind != NULL &&
					   strcmp(run->error_kind, copier_error_word(COPIER_NOT_FOUND)) == 0) ||
					  (run->error_errno != NULL && strcmp(run->error_errno, "ENOENT") == 0);

	return is_missing &&
		   (run->step == STEP_COMMIT || (run->step == STEP_COPY && !run->error_in_layer));
}

/* What stays active does no harm to the job, but an administrator may wonder. */
static void
tell_of_release(const JobRun *run, Verdict verdict)
{
	if (verdict != VERDICT_DONE)
		ereport(
			LOG,
			(errmsg("could not deactivate logical volumes of volume group \"%s\"",
					((RunDomain *) list_nth(run->domains, run->domain_number))->place.volume_group),
			 run->error_message ? errdetail("%s.", run->error_message) : 0));
}

/* One domain's volumes; the run goes on with the next one. */
static RunOutcome
released(JobRun *run, Verdict verdict)
{
	tell_of_release(run, verdict);
	run->is_left |= verdict != VERDICT_DONE;
	if (run->kind != RUN_GIVE_BACK ||
		job_block_next_source(run, run->domain_number + 1) < list_length(run->domains))
		return RUN_IS_OVER;
	if (run->is_left)
		job_give_back_failed();
	else
		return written(job_transaction(job_give_back_done, run));
	return RUN_IS_OVER;
}

RunOutcome
job_outcome(JobRun *run)
{
	Jsonb *answer = job_answer(run);
	Verdict verdict;
	Failure failure = {run, VERDICT_DONE, false};
	Measurement measurement = {run, NULL};

	/* Stopped on request: the job's row says what comes next, but for one that goes on elsewhere. */
	if (run->stop_sent != 0 && !run->moves_away)
		return RUN_IS_OVER;
	if (run->stop_sent != 0)
	{
		failure.verdict = VERDICT_AGAIN;
		run->error_kind = "moved";
		run->error_message = "its host is being drained";
		if (written(job_transaction(write_failure, &failure)) == RUN_LATER || !failure.written)
			return RUN_LATER;
		return RUN_IS_OVER;
	}
	verdict = job_verdict(run, answer);
	if (is_hosts_fault(run))
		job_host_failed(run->host.name, run->error_message);
	if (run->step == STEP_RELEASE)
		return released(run, verdict);
	if (verdict == VERDICT_DONE)
		verdict = take_devices(run, answer);
	if (run->step == STEP_SPACE)
	{
		take_missing_bytes(run, answer);
		verdict = VERDICT_WAIT;
	}
	else if (found_no_space(run))
	{
		run->space_error = run->error_message;
		return next_step(run, STEP_SPACE);
	}
	else if (needs_look(run, verdict))
	{
		keep_failure(run);
		return next_step(run, STEP_LOOK);
	}
	else if (verdict == VERDICT_DONE && run->step == STEP_LOOK)
	{
		if (job_step_follows(run, answer))
			return RUN_GOES_ON;
		/* they are all there */
		take_failure(run);
		verdict = output_is_gone(run) ? VERDICT_CRASHED : VERDICT_FAIL;
	}
	else if (verdict == VERDICT_DONE)
		return step_done(run, answer);
	if (run->command != NULL && (run->step == STEP_CHECK || run->step == STEP_LOOK))
		job_look_fail(run, list_nth(run->domains, run->domain_number));
	switch (run->kind)
	{
		case RUN_CLEAN:
			return written(job_transaction(write_cleaning_failed, run));
		case RUN_MEASURE:
			return written(job_transaction(write_measurement, &measurement));
		case RUN_GIVE_BACK:
		case RUN_COPY:
			break;
	}
	failure.verdict = verdict;
	if (written(job_transaction(write_failure, &failure)) == RUN_LATER || !failure.written)
		return RUN_LATER;
	return RUN_IS_OVER;
}
