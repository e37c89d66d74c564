/*
 * job_outcome.c
 *		What a child's end means for the task and its job.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "job/job_run.h"
#include "job/job_state.h"
#include "job/job_transaction.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef enum Verdict
{
	VERDICT_DONE,
	VERDICT_WAIT,    /* an outside cause that may go away */
	VERDICT_CRASHED, /* the program ended without a reason: again, some times */
	VERDICT_CHAIN,   /* the other copy's image can't be read any more: the chain is read instead */
	VERDICT_FAIL,
} Verdict;

static Statement task_succeeded = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'finished', result = 'success',"
		   " phase = 'done', rate = NULL, actual_size = nullif($3, 0),"
		   " bytes_total = $4, bytes_done = $4, bytes_written = $5,"
		   " method = coalesce($6, method), method_reason = coalesce($7, method_reason),"
		   " ended_at = clock_timestamp(), error = NULL, error_kind = NULL"
		   " WHERE task_id = $1 AND claim = $2 AND status = 'running'",
	.argument_count = 7,
	.argument_types = {UUIDOID, INT4OID, INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID},
};

/* Back to the queue; crashed: with a delay that doubles. */
static Statement task_again = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'init', phase = 'queued', rate = NULL,"
		   " bytes_done = $3, bytes_written = $3, error_kind = $4, error = $5,"
		   " attempts = attempts + $6, next_attempt_at = CASE WHEN $6 > 0 THEN clock_timestamp()"
		   " + make_interval(secs => least(60, $7 / 1000.0 * (2 ^ least(attempts, 10)))) END"
		   " WHERE task_id = $1 AND claim = $2 AND status = 'running' RETURNING attempts",
	.argument_count = 7,
	.argument_types = {UUIDOID, INT4OID, INT8OID, TEXTOID, TEXTOID, INT4OID, INT4OID},
};

/* Back to the queue, and on its own from now on. */
static Statement task_reads_chain = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'init', phase = 'queued', rate = NULL,"
		   " bytes_done = 0, bytes_written = 0, read_from_task = NULL"
		   " WHERE task_id = $1 AND claim = $2 AND status = 'running'",
	.argument_count = 2,
	.argument_types = {UUIDOID, INT4OID},
};

static Statement task_failed = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'finished', result = 'failure',"
		   " phase = 'failed', rate = NULL, bytes_done = $3, bytes_written = $3, error_kind = $4,"
		   " error = $5, ended_at = clock_timestamp()"
		   " WHERE task_id = $1 AND claim = $2 AND status IN ('running', 'init')",
	.argument_count = 5,
	.argument_types = {UUIDOID, INT4OID, INT8OID, TEXTOID, TEXTOID},
};

static Statement task_cleaned = {
	.sql = "UPDATE vmclone.async_tasks SET status = 'finished', result = 'cleanSuccess',"
		   " phase = 'cleaned', rate = NULL, bytes_written = 0, ended_at = clock_timestamp()"
		   " WHERE task_id = $1 AND claim = $2 AND status = 'cleaning'",
	.argument_count = 2,
	.argument_types = {UUIDOID, INT4OID},
};

static Statement cleaning_failed = {
	.sql = "UPDATE vmclone.jobs SET clean_attempts = clean_attempts + 1, cleaning_error = $2,"
		   " next_attempt_at = clock_timestamp()"
		   " + make_interval(secs => least(60, $3 / 1000.0 * (2 ^ least(clean_attempts, 10))))"
		   " WHERE job_id = $1 AND status = 'cleaning'",
	.argument_count = 3,
	.argument_types = {UUIDOID, TEXTOID, INT4OID},
};

static Statement measured = {
	.sql = "UPDATE vmclone.measurements SET status = CASE WHEN $7 IS NULL THEN 'done' ELSE"
		   " 'failed' END, required = $4, bytes_to_read = $5, allocated = $6, error = $7,"
		   " measured_at = clock_timestamp() WHERE snapshot_id = $1 AND image_id = $2"
		   " AND volume_format = $3",
	.argument_count = 7,
	.argument_types = {UUIDOID, UUIDOID, TEXTOID, INT8OID, INT8OID, INT8OID, TEXTOID},
};

/* Reads a volume command's or measure's one object; NULL where it isn't one. */
static Jsonb *
parse_answer(const JobRun *run)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb *answer = NULL;

	if (run->answer == NULL)
		return NULL;
	PG_TRY();
	{
		answer = json_from_text(run->answer);
		if (!JB_ROOT_IS_OBJECT(answer))
			answer = NULL;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		answer = NULL;
	}
	PG_END_TRY();
	return answer;
}

static bool
answer_is_true(const Jsonb *answer, const char *key)
{
	char *text = answer != NULL ? json_get_text(answer, key) : NULL;

	return text != NULL && strcmp(text, "true") == 0;
}

static void
take_refusal(JobRun *run, const Jsonb *answer)
{
	char *message = answer ? json_get_text(answer, "message") : NULL;
	char *path = answer ? json_get_text(answer, "path") : NULL;
	char *hint = answer ? json_get_text(answer, "hint") : NULL;
	MemoryContext old = MemoryContextSwitchTo(run->context);
	StringInfoData text;

	if (message != NULL)
	{
		initStringInfo(&text);
		appendStringInfoString(&text, message);
		run->error_kind =
			pstrdup(json_get_text(answer, "kind") ? json_get_text(answer, "kind") : "io");
		run->error_errno = json_get_text(answer, "errno");
		if (path != NULL)
			appendStringInfo(&text, ": \"%s\"", path);
		if (run->error_errno != NULL)
			appendStringInfo(&text, " (%s)", run->error_errno);
		if (hint != NULL)
			appendStringInfo(&text, "; %s", hint);
		run->error_message = text.data;
	}
	MemoryContextSwitchTo(old);
}

static Verdict
judge(JobRun *run, const Jsonb *answer)
{
	/* What a server, a switch or an administrator can mend while the job waits. */
	static const char *const passing_errors[] = {
		"EIO",      "ESTALE",      "ETIMEDOUT",    "ENOTCONN",   "EHOSTDOWN", "EHOSTUNREACH",
		"ENETDOWN", "ENETUNREACH", "ECONNABORTED", "ECONNRESET", "EAGAIN",    "ENOSPC",
		"EDQUOT",   "ENODEV",      "ENXIO",        "EROFS",      "ESHUTDOWN", "ENOMEM",
		"ENFILE",   "EMFILE",      NULL,
	};
	static const char *const passing_kinds[] = {"no_space", "source_stale", "not_attached",
												"no_resources", NULL};
	static const char *const final_kinds[] = {
		"refused", "exists", "usage", "not_found", "outside_root", "source_changed", "io", NULL};
	int code;
	char *said;

	if (run->command == NULL)
		return job_word_among(run->error_kind, passing_kinds) ? VERDICT_WAIT : VERDICT_CRASHED;
	code = storage_command_exit_code(run->command);
	if (run->command->timed_out)
	{
		run->error_kind = "timeout";
		run->error_message =
			MemoryContextStrdup(run->context, psprintf("storage did not answer within %d seconds",
													   vmclone_storage_timeout));
		return VERDICT_WAIT;
	}
	if (code == 0)
		return VERDICT_DONE;
	if (run->step != STEP_COPY)
		take_refusal(run, answer);
	said = run->command->error_text.data;
	if (run->error_message == NULL)
		run->error_message = MemoryContextStrdup(
			run->context,
			psprintf("vmclone-copy %s%s%s",
					 code < 0 ? "was ended by a signal" : psprintf("ended with exit code %d", code),
					 said[0] != '\0' ? ": " : "", said));
	/* Whatever is wrong with a domain as a whole, its administrator can mend it. */
	if (run->step == STEP_CHECK)
		return VERDICT_WAIT;
	if (job_word_among(run->error_kind, passing_kinds) ||
		job_word_among(run->error_errno, passing_errors))
		return VERDICT_WAIT;
	/* An output locked by a copier that outlived its worker; a layer that is written is refused. */
	if (run->error_kind != NULL && strcmp(run->error_kind, "busy") == 0)
		return run->error_in_layer ? VERDICT_FAIL : VERDICT_WAIT;
	if (!job_word_among(run->error_kind, final_kinds))
		return VERDICT_CRASHED;
	/* As where that copy was cancelled since and is being cleaned. */
	return run->reads_copy && run->error_in_layer ? VERDICT_CHAIN : VERDICT_FAIL;
}

static void
write_success(void *argument)
{
	JobRun *run = argument;
	Datum values[7] = {UUIDPGetDatum(&run->task_id), Int32GetDatum(run->claim),
					   Int64GetDatum(run->allocated), Int64GetDatum(run->bytes_done),
					   Int64GetDatum(run->bytes_written)};
	bool nulls[7] = {0};

	nulls[5] = run->method == NULL;
	nulls[6] = run->method_reason == NULL;
	if (!nulls[5])
		values[5] = CStringGetTextDatum(run->method);
	if (!nulls[6])
		values[6] = CStringGetTextDatum(run->method_reason);
	(void) statement_run(&task_succeeded, values, nulls);
	if (!run->told_well)
		job_goes_well(&run->job_id);
}

typedef struct Failure
{
	JobRun *run;
	Verdict verdict;
	bool written;
} Failure;

static void
write_failure(void *argument)
{
	Failure *failure = argument;
	JobRun *run = failure->run;
	const char *kind = run->error_kind ? run->error_kind : "crashed";
	bool crashed = failure->verdict == VERDICT_CRASHED;
	Verdict verdict = failure->verdict;
	Datum values[7] = {UUIDPGetDatum(&run->task_id),
					   Int32GetDatum(run->claim),
					   Int64GetDatum(run->bytes_done),
					   CStringGetTextDatum(kind),
					   CStringGetTextDatum(run->error_message),
					   Int32GetDatum(crashed ? 1 : 0),
					   Int32GetDatum(vmclone_retry_delay)};
	JobRow job;
	char *reason;

	if (!job_lock(&run->job_id, &job))
		return;
	failure->written = true;
	/* Whatever ended it, the person's word counts: the task is undone with its job. */
	if (job_cancel_requested(&job))
		return;
	reason = psprintf("disk \"%s\" (%s): %s", run->disk_alias, run->disk_id, run->error_message);
	if (verdict == VERDICT_CHAIN)
	{
		(void) statement_run(&task_reads_chain, values, NULL);
		return;
	}
	if (verdict != VERDICT_FAIL)
	{
		/* No row: the job was cancelled or the claim is another's, and this end is dropped. */
		if (statement_run(&task_again, values, NULL) == 0)
			return;
		if (!crashed)
		{
			job_waits(&job, kind, reason);
			return;
		}
		if (field_int64(0, 1) < vmclone_max_attempts)
			return;
		reason = psprintf("%s; tried %d times", reason, vmclone_max_attempts);
	}
	if (statement_run(&task_failed, values, NULL) > 0)
		job_fails(&job, kind, reason);
}

static void
write_cleaned(void *argument)
{
	JobRun *run = argument;
	Datum values[2] = {UUIDPGetDatum(&run->task_id), Int32GetDatum(run->claim)};

	(void) statement_run(&task_cleaned, values, NULL);
}

static void
write_cleaning_failed(void *argument)
{
	JobRun *run = argument;
	Datum values[3] = {UUIDPGetDatum(&run->job_id), CStringGetTextDatum(run->error_message),
					   Int32GetDatum(vmclone_retry_delay)};

	(void) statement_run(&cleaning_failed, values, NULL);
}

typedef struct Measurement
{
	JobRun *run;
	Jsonb *answer; /* NULL: it failed */
} Measurement;

static void
write_measurement(void *argument)
{
	Measurement *measurement = argument;
	JobRun *run = measurement->run;
	Jsonb *answer = measurement->answer;
	Datum values[7] = {UUIDPGetDatum(&run->snapshot_id), UUIDPGetDatum(&run->task_id),
					   CStringGetTextDatum(run->volume_format)};
	bool nulls[7] = {0};

	nulls[3] = nulls[4] = nulls[5] = answer == NULL;
	nulls[6] = answer != NULL;
	if (answer != NULL)
	{
		values[3] = Int64GetDatum(json_get_count(answer, "required", 0));
		values[4] = Int64GetDatum(json_get_count(answer, "bytes_to_read", 0));
		values[5] = Int64GetDatum(json_get_count(answer, "allocated_bytes", 0));
	}
	else
		values[6] = CStringGetTextDatum(run->error_message ? run->error_message : "no answer");
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

static RunStep
step_after_check(const JobRun *run)
{
	switch (run->kind)
	{
		case RUN_COPY:
			return STEP_CREATE;
		case RUN_CLEAN:
			return STEP_REMOVE;
		case RUN_MEASURE:
			break;
	}
	return STEP_MEASURE;
}

static RunOutcome
next_step(JobRun *run, RunStep step)
{
	run->step = step;
	return RUN_GOES_ON;
}

static RunOutcome
step_done(JobRun *run, Jsonb *answer)
{
	Measurement measurement = {run, answer};

	switch (run->step)
	{
		case STEP_CHECK:
			if (++run->domains_checked < list_length(run->domains))
				return RUN_GOES_ON;
			return next_step(run, step_after_check(run));
		case STEP_CREATE:
			/* Committed by an attempt whose end could not be written any more: nothing to copy. */
			if (answer_is_true(answer, "committed"))
				return next_step(run, STEP_COMMIT);
			return next_step(run, STEP_COPY);
		case STEP_COPY:
			return next_step(run, STEP_COMMIT);
		case STEP_COMMIT:
			run->allocated = json_get_count(answer, "allocated", run->allocated);
			return written(job_transaction(write_success, run));
		case STEP_REMOVE:
			return written(job_transaction(write_cleaned, run));
		case STEP_MEASURE:
			break;
	}
	return written(job_transaction(write_measurement, &measurement));
}

RunOutcome
job_outcome(JobRun *run)
{
	Jsonb *answer = parse_answer(run);
	Verdict verdict;
	Failure failure = {run, VERDICT_DONE, false};
	Measurement measurement = {run, NULL};

	/* Stopped on request: the job's row says what comes next. */
	if (run->stop_sent != 0)
		return RUN_IS_OVER;
	verdict = judge(run, answer);
	if (verdict == VERDICT_DONE)
		return step_done(run, answer);
	switch (run->kind)
	{
		case RUN_CLEAN:
			return written(job_transaction(write_cleaning_failed, run));
		case RUN_MEASURE:
			return written(job_transaction(write_measurement, &measurement));
		case RUN_COPY:
			break;
	}
	failure.verdict = verdict;
	if (written(job_transaction(write_failure, &failure)) == RUN_LATER || !failure.written)
		return RUN_LATER;
	return RUN_IS_OVER;
}
