/*
 * job_event.c
 *		What a copier says, and the progress that is written from it.
 *
 * The copier reads what guests wrote, so its lines are taken as hostile: bounded, printable, and
 * anything that isn't the expected object is kept as a last word for error messages only.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "contract/copier_protocol.h"
#include "job/job_event.h"
#include "job/job_run.h"
#include "job/job_sequence.h"
#include "job/job_state.h"
#include "job/job_transaction.h"
#include "base/json.h"
#include "base/statement.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define PROGRESS_INTERVAL_MS 1000

/* A retry does some bytes again and stops some bytes earlier or later: only more starts the time waited anew. */
#define ADVANCE_BYTES (INT64CONST(64) * 1024 * 1024)

/* What this attempt doesn't know yet, an earlier one may have found. */
static Statement write_progress = {
	.sql = "UPDATE vmclone.async_tasks SET phase = $3, bytes_total = COALESCE(NULLIF($4, 0),"
		   " bytes_total), bytes_done = $5, bytes_written = $6, rate = NULLIF($7, 0),"
		   " method = COALESCE($8, method), method_reason = COALESCE($9, method_reason),"
		   " checkpoint = COALESCE($10, checkpoint), last_progress_at = $11,"
		   " bytes_verified = CASE WHEN $13 > 0 THEN $12 END, bytes_to_verify = NULLIF($13, 0)"
		   " WHERE task_id = $1 AND claim = $2 AND status IN ('running', 'aborting', 'cleaning')",
	.argument_count = 13,
	.argument_types = {UUIDOID, INT4OID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID,
					   TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID},
};

/* The last line that is no event: no more than one is kept. */
static void
keep_answer(JobRun *run, const char *line)
{
	if (run->answer != NULL)
		pfree(run->answer);
	run->answer = MemoryContextStrdup(run->context, line);
}

static char *
keep_text(JobRun *run, const Jsonb *object, const char *key, char *earlier)
{
	char *text = json_get_printable(object, key);

	if (text == NULL || (earlier != NULL && strcmp(text, earlier) == 0))
		return earlier;
	if (earlier != NULL)
		pfree(earlier);
	return MemoryContextStrdup(run->context, text);
}

static void
take_error(JobRun *run, const Jsonb *event)
{
	StringInfoData message;
	char *layer = json_get_printable(event, COPIER_FIELD_LAYER);
	char *path = json_get_printable(event, COPIER_FIELD_PATH);
	char *offset = json_get_printable(event, COPIER_FIELD_OFFSET);

	initStringInfo(&message);
	appendStringInfoString(&message, "copying failed");
	if (layer != NULL)
		appendStringInfo(&message, ", layer %s", layer);
	if (path != NULL)
		appendStringInfo(&message, ", \"%s\"", path);
	if (offset != NULL)
		appendStringInfo(&message, ", offset %s", offset);
	if (json_has(event, COPIER_FIELD_MESSAGE))
		appendStringInfo(&message, ": %s", json_get_printable(event, COPIER_FIELD_MESSAGE));
	run->error_in_layer = layer != NULL;
	run->error_path = keep_text(run, event, COPIER_FIELD_PATH, run->error_path);
	run->error_kind = keep_text(run, event, COPIER_FIELD_KIND, run->error_kind);
	run->error_errno = keep_text(run, event, COPIER_FIELD_ERRNO, run->error_errno);
	if (run->error_errno != NULL)
		appendStringInfo(&message, " (%s)", run->error_errno);
	if (run->error_message != NULL)
		pfree(run->error_message);
	run->error_message = MemoryContextStrdup(run->context, message.data);
}

/* The copier has found out how much there is to do, and where it goes on. */
static bool
knows_its_place(const JobRun *run)
{
	return strcmp(run->phase, "map") != 0 && strcmp(run->phase, "layout") != 0;
}

/* Before it knows its place it has done nothing, but what an earlier attempt has copied is there. */
static void
take_bytes(JobRun *run, const Jsonb *event)
{
	int64 done = json_get_count(event, COPIER_FIELD_BYTES_DONE, run->bytes_done);

	if (!knows_its_place(run))
		return;
	if (done > run->bytes_best)
		run->moves = true;
	if (done > run->bytes_best + ADVANCE_BYTES)
		run->advanced = true;
	run->bytes_done = run->bytes_written = done;
}

static void
take_phase(JobRun *run, const Jsonb *event)
{
	char *phase = json_get_printable(event, COPIER_FIELD_PHASE);

	if (json_get_bool(event, COPIER_FIELD_PAUSED, false))
		phase = "paused";
	if (phase != NULL)
		strlcpy(run->phase, phase, sizeof(run->phase));
}

static void
take_event(JobRun *run, const Jsonb *event)
{
	char *name = json_get_printable(event, COPIER_FIELD_EVENT);
	char earlier_phase[sizeof(run->phase)];
	int64 earlier_bytes = run->bytes_done;
	int64 earlier_verified = run->bytes_verified;

	if (name == NULL)
		return;
	if (strcmp(name, COPIER_EVENT_ERROR) == 0)
	{
		take_error(run, event);
		return;
	}
	strlcpy(earlier_phase, run->phase, sizeof(earlier_phase));
	take_phase(run, event);
	run->bytes_total = json_get_count(event, COPIER_FIELD_BYTES_TOTAL, run->bytes_total);
	run->output_size = json_get_count(event, COPIER_FIELD_OUTPUT_SIZE, run->output_size);
	run->allocated = json_get_count(event, COPIER_FIELD_ALLOCATED, run->allocated);
	run->method = keep_text(run, event, COPIER_FIELD_METHOD, run->method);
	run->method_reason = keep_text(run, event, COPIER_FIELD_REASON, run->method_reason);
	if (json_has(event, COPIER_FIELD_BYTES_DONE))
		take_bytes(run, event);
	if (strcmp(name, COPIER_EVENT_PROGRESS) == 0)
	{
		char *checkpoint = json_get_printable(event, COPIER_FIELD_CHECKPOINT);

		run->paused = json_get_bool(event, COPIER_FIELD_PAUSED, false);
		run->rate = run->paused ? 0 : json_get_count(event, COPIER_FIELD_RATE, 0);
		run->bytes_verified = json_get_count(event, COPIER_FIELD_VERIFIED, run->bytes_verified);
		run->bytes_to_verify = json_get_count(event, COPIER_FIELD_TO_VERIFY, run->bytes_to_verify);
		if (checkpoint != NULL && knows_its_place(run))
			strlcpy(run->checkpoint, checkpoint, sizeof(run->checkpoint));
	}
	if (strcmp(name, COPIER_EVENT_DONE) == 0)
	{
		run->moves = run->advanced = true;
		run->rate = 0;
	}
	if (run->bytes_done != earlier_bytes || run->bytes_verified != earlier_verified ||
		strcmp(run->phase, earlier_phase) != 0)
		run->progressed_at = GetCurrentTimestamp();
	run->dirty = true;
	if (run->in_sequence && strcmp(name, COPIER_EVENT_DONE) == 0 && job_step_follows(run, NULL))
		job_step_begin(run);
}

void
job_event_line(const char *line, void *argument)
{
	JobRun *run = argument;
	MemoryContext scratch;
	MemoryContext old;

	if (run->step != STEP_COPY)
	{
		/* volume and measure answer with one object, read when they have ended */
		keep_answer(run, line);
		if (run->in_sequence)
			job_sequence_answered(run);
		return;
	}
	scratch = AllocSetContextCreate(CurrentMemoryContext, "vmclone event", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		Jsonb *event = json_from_text(line);

		if (JB_ROOT_IS_OBJECT(event))
			take_event(run, event);
	}
	PG_CATCH();
	{
		/* Only the text's form can be wrong here; the copier's exit code tells the rest. */
		MemoryContextSwitchTo(scratch);
		FlushErrorState();
		keep_answer(run, line);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/* NULL for what no event has told. */
static const char *
said(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static void
write_one(JobRun *run)
{
	Datum values[13];
	bool nulls[13] = {0};

	values[0] = UUIDPGetDatum(&run->task.task_id);
	values[1] = Int32GetDatum(run->task.claim);
	values[2] = CStringGetTextDatum(run->phase);
	values[3] = Int64GetDatum(run->bytes_total);
	values[4] = Int64GetDatum(run->bytes_done);
	values[5] = Int64GetDatum(run->bytes_written);
	values[6] = Int64GetDatum(run->rate);
	values[7] = text_or_null(said(run->method), &nulls[7]);
	values[8] = text_or_null(said(run->method_reason), &nulls[8]);
	values[9] = text_or_null(said(run->checkpoint), &nulls[9]);
	values[10] = TimestampTzGetDatum(run->progressed_at);
	values[11] = Int64GetDatum(run->bytes_verified);
	values[12] = Int64GetDatum(run->bytes_to_verify);
	(void) statement_run(&write_progress, values, nulls);
	if (run->kind != RUN_COPY || !run->moves)
		return;
	if (!run->reason_cleared)
		job_clear_reason(&run->job_id);
	run->reason_cleared = true;
	if (run->advanced && !run->wait_cleared)
		job_clear_wait(&run->job_id);
	run->wait_cleared = run->advanced;
}

static void
write_all(void *argument)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		JobRun *run = lfirst(cell);

		if (run->dirty && run->kind != RUN_MEASURE)
			write_one(run);
	}
}

void
job_progress_write(void)
{
	static TimestampTz written_at = 0;
	bool dirty = false;
	ListCell *cell;

	foreach (cell, job_runs_list)
		dirty |= ((JobRun *) lfirst(cell))->dirty;
	if (!dirty ||
		!TimestampDifferenceExceeds(written_at, GetCurrentTimestamp(), PROGRESS_INTERVAL_MS))
		return;
	written_at = GetCurrentTimestamp();
	if (job_transaction(write_all, NULL) == NULL)
		foreach (cell, job_runs_list)
			((JobRun *) lfirst(cell))->dirty = false;
}
