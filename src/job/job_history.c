/*
 * job_history.c
 *		Jobs that are over: what is counted of them, and how long they are kept.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/caller.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/settings.h"
#include "base/statement.h"
#include "job/job_history.h"

/* Jobs that the worker removes in one transaction. */
#define PURGE_AT_ONCE 1000

VMCLONE_FUNCTION_INFO(vmclone_purge_history);
VMCLONE_FUNCTION_INFO(vmclone_reset_stat);

static Statement count_end = {
	.sql = "INSERT INTO vmclone.counters AS c (clones_succeeded, clones_failed, clones_cancelled,"
		   " bytes_by_reflink, bytes_by_server, bytes_by_threads, bytes_left_out, copy_seconds)"
		   " SELECT ($2 = 'succeeded')::integer, ($2 = 'failed')::integer,"
		   " ($2 = 'cancelled')::integer,"
		   " COALESCE(sum(t.bytes_done) FILTER (WHERE t.method = 'reflink'), 0),"
		   " COALESCE(sum(t.bytes_done) FILTER (WHERE t.method = 'copy_file_range'), 0),"
		   " COALESCE(sum(t.bytes_done) FILTER (WHERE t.method LIKE 'threads%'), 0),"
		   " COALESCE(sum(GREATEST(t.virtual_size - t.bytes_total, 0))"
		   "  FILTER (WHERE t.result = 'success'), 0),"
		   " COALESCE(sum(extract(epoch FROM t.ended_at - t.started_at))"
		   "  FILTER (WHERE t.method IS NOT NULL), 0)"
		   " FROM vmclone.async_tasks t WHERE t.job_id = $1"
		   " ON CONFLICT (only_row) DO UPDATE SET"
		   " clones_succeeded = c.clones_succeeded + excluded.clones_succeeded,"
		   " clones_failed = c.clones_failed + excluded.clones_failed,"
		   " clones_cancelled = c.clones_cancelled + excluded.clones_cancelled,"
		   " bytes_by_reflink = c.bytes_by_reflink + excluded.bytes_by_reflink,"
		   " bytes_by_server = c.bytes_by_server + excluded.bytes_by_server,"
		   " bytes_by_threads = c.bytes_by_threads + excluded.bytes_by_threads,"
		   " bytes_left_out = c.bytes_left_out + excluded.bytes_left_out,"
		   " copy_seconds = c.copy_seconds + excluded.copy_seconds",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static Statement count_wait = {
	.sql = "INSERT INTO vmclone.counters AS c (waits) VALUES (1)"
		   " ON CONFLICT (only_row) DO UPDATE SET waits = c.waits + 1",
};

static Statement count_retry = {
	.sql = "INSERT INTO vmclone.counters AS c (retries) VALUES (1)"
		   " ON CONFLICT (only_row) DO UPDATE SET retries = c.retries + 1",
};

static Statement reset = {
	.sql = "DELETE FROM vmclone.counters",
};

static Statement begin_counting = {
	.sql = "INSERT INTO vmclone.counters DEFAULT VALUES ON CONFLICT (only_row) DO NOTHING",
};

/*
 * Copies of one call go together: one that is under way may still read another's image.  The lineage of
 * what they made stays, as do files that nobody could remove.
 */
static Statement purge = {
	.sql = "WITH old AS (SELECT j.job_id FROM vmclone.jobs j"
		   " WHERE j.ended_at < clock_timestamp() - $1 AND j.announced"
		   " AND NOT EXISTS (SELECT FROM vmclone.jobs l"
		   "  WHERE l.call_id = j.call_id AND l.ended_at IS NULL)"
		   " ORDER BY j.ended_at LIMIT $2 FOR UPDATE SKIP LOCKED),"
		   " tasks AS (DELETE FROM vmclone.async_tasks t USING old WHERE t.job_id = old.job_id)"
		   " DELETE FROM vmclone.jobs j USING old WHERE j.job_id = old.job_id",
	.argument_count = 2,
	.argument_types = {INTERVALOID, INT8OID},
};

static Statement purge_keys = {
	.sql = "DELETE FROM vmclone.request_keys k WHERE k.created_at < clock_timestamp() - $1"
		   " AND NOT EXISTS (SELECT FROM vmclone.jobs j WHERE j.call_id = k.call_id)",
	.argument_count = 1,
	.argument_types = {INTERVALOID},
};

void
job_count_end(const pg_uuid_t *job_id, JobStatus status)
{
	Datum values[2] = {UUIDPGetDatum(job_id), CStringGetTextDatum(job_status_word(status))};

	(void) statement_run(&count_end, values, NULL);
}

void
job_count_wait(void)
{
	(void) statement_run(&count_wait, NULL, NULL);
}

void
job_count_retry(void)
{
	(void) statement_run(&count_retry, NULL, NULL);
}

/* at_once 0: all of them. */
static uint64
purge_older_than(Interval *age, int64 at_once)
{
	Datum values[2] = {IntervalPGetDatum(age), Int64GetDatum(at_once)};
	bool nulls[2] = {false, at_once == 0};
	uint64 purged = statement_run(&purge, values, nulls);

	(void) statement_run(&purge_keys, values, NULL);
	return purged;
}

uint64
job_purge_some(void)
{
	Interval *age = palloc0(sizeof(Interval));

	age->time = vmclone_history_retention * INT64CONST(1000000);
	return purge_older_than(age, PURGE_AT_ONCE);
}

static void
enter(Frame *frame, const char *what)
{
	DirectFunctionCall1(vmclone_require_administrator, CStringGetTextDatum(what));
	SPI_connect();
	frame_enter_own(frame);
}

static void
leave(Frame *frame)
{
	frame_leave(frame);
	SPI_finish();
}

/* purge_history(older_than interval) */
Datum
vmclone_purge_history(PG_FUNCTION_ARGS)
{
	Interval zero = {0};
	Frame frame;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("older_than must not be null"),
				 errhint("Pass an interval, for example '90 days'.")));
	if (DatumGetBool(
			DirectFunctionCall2(interval_lt, PG_GETARG_DATUM(0), IntervalPGetDatum(&zero))))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("older_than must not be negative"),
						errhint("Pass an interval, for example '90 days'.")));
	enter(&frame, "remove the history of jobs");
	(void) purge_older_than(PG_GETARG_INTERVAL_P(0), 0);
	leave(&frame);
	PG_RETURN_VOID();
}

/* reset_stat() */
Datum
vmclone_reset_stat(PG_FUNCTION_ARGS)
{
	Frame frame;

	enter(&frame, "reset the counters of vmclone");
	(void) statement_run(&reset, NULL, NULL);
	(void) statement_run(&begin_counting, NULL, NULL);
	leave(&frame);
	PG_RETURN_VOID();
}
