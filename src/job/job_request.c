/*
 * job_request.c
 *		Cancel, pause, resume and limits: what the rows ask for is told to what runs.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "job/job_run.h"
#include "job/job_state.h"
#include "job/job_transaction.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* Requests that one pass follows; the rest wait for the next one. */
#define REQUESTS_A_PASS "200"

static Statement requests = {
	.sql = "SELECT job_id FROM vmclone.jobs WHERE requested IS NOT NULL"
		   " AND status NOT IN ('succeeded', 'failed', 'cancelled') LIMIT " REQUESTS_A_PASS,
};

static Statement drop_request = {
	.sql = "UPDATE vmclone.jobs SET requested = NULL WHERE job_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement run_rows = {
	.sql = "SELECT t.task_id, t.claim, t.status, j.status, j.requested,"
		   " j.bandwidth_limit, m.bandwidth_limit, m.max_copies"
		   " FROM vmclone.async_tasks t JOIN vmclone.jobs j ON j.job_id = t.job_id"
		   " LEFT JOIN vmclone.storage_mounts m ON m.storage_domain_id = t.storage_domain_id"
		   " WHERE t.task_id = ANY ($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Jobs that have not started; a paused one was told by job_pauses or never queued. */
static Statement queued_jobs = {
	.sql = "SELECT job_id, status FROM vmclone.jobs"
		   " WHERE status IN ('queued', 'paused') AND started_at IS NULL",
};

/* What the rows say of a run. */
typedef struct RunRow
{
	pg_uuid_t task_id;
	int claim;
	char *task_status;
	char *job_status;
	char *requested;
	int64 job_limit;    /* 0: none */
	int64 domain_limit; /* 0: none */
	int64 max_copies;   /* to the domain; 0: no limit */
} RunRow;

typedef struct RunRows
{
	MemoryContext context;
	RunRow *rows;
	int count;
} RunRows;

/* All its copiers have stopped to copy, or there are none. */
static bool
all_paused(const pg_uuid_t *job_id)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		JobRun *run = lfirst(cell);

		if (uuid_same(&run->job_id, job_id) && !run->paused)
			return false;
	}
	return true;
}

static void
follow_request(void *argument)
{
	static const char *const cancellable[] = {"queued", "running",   "paused", "waiting",
											  "held",   "finishing", NULL};
	static const char *const pausable[] = {"queued", "running", "waiting", NULL};
	const pg_uuid_t *job_id = argument;
	Datum value = UUIDPGetDatum(job_id);
	JobRow job;

	if (!job_lock(job_id, &job) || job.requested == NULL)
		return;
	if (strcmp(job.requested, "cancel") == 0 && job_word_among(job.status, cancellable))
		job_cancels(&job);
	else if (strcmp(job.requested, "resume") == 0 && strcmp(job.status, "paused") == 0)
		job_resumes(&job);
	else if (strcmp(job.requested, "pause") == 0 && job_word_among(job.status, pausable))
	{
		if (all_paused(job_id))
			job_pauses(&job);
	}
	else
		/* The job went on meanwhile to where the request means nothing. */
		(void) statement_run(&drop_request, &value, NULL);
}

typedef struct RequestList
{
	MemoryContext context;
	pg_uuid_t *job_ids;
	int count;
} RequestList;

static void
read_requests(void *argument)
{
	RequestList *list = argument;
	uint64 rows = statement_run(&requests, NULL, NULL);

	list->job_ids = MemoryContextAlloc(list->context, (rows + 1) * sizeof(pg_uuid_t));
	for (uint64 i = 0; i < rows; i++)
		list->job_ids[list->count++] = field_uuid(i, 1);
}

static void
read_run_rows(void *argument)
{
	RunRows *rows = argument;
	Datum *ids = palloc(sizeof(Datum) * (list_length(job_runs_list) + 1));
	Datum array;
	int id_count = 0;
	ListCell *cell;
	uint64 found;
	MemoryContext old;

	foreach (cell, job_runs_list)
		ids[id_count++] = UUIDPGetDatum(&((JobRun *) lfirst(cell))->task_id);
	array =
		PointerGetDatum(construct_array(ids, id_count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	found = statement_run(&run_rows, &array, NULL);
	old = MemoryContextSwitchTo(rows->context);
	rows->rows = palloc0(sizeof(RunRow) * (found + 1));
	for (uint64 i = 0; i < found; i++)
	{
		RunRow *row = &rows->rows[rows->count++];

		row->task_id = field_uuid(i, 1);
		row->claim = field_int64(i, 2);
		row->task_status = field_text(i, 3);
		row->job_status = field_text(i, 4);
		row->requested = field_text(i, 5);
		row->job_limit = field_int64(i, 6);
		row->domain_limit = field_int64(i, 7);
		row->max_copies = field_int64(i, 8);
	}
	MemoryContextSwitchTo(old);
}

static RunRow *
row_of(const RunRows *rows, const JobRun *run)
{
	for (int i = 0; i < rows->count; i++)
		if (uuid_same(&rows->rows[i].task_id, &run->task_id))
			return &rows->rows[i];
	return NULL;
}

static bool
same_target(const JobRun *run, const JobRun *other)
{
	return strcmp(((RunDomain *) linitial(run->domains))->id,
				  ((RunDomain *) linitial(other->domains))->id) == 0;
}

/* The limits for copies that run at once leave room for a paused one to go on. */
static bool
may_go_on(const JobRun *run, const RunRow *row)
{
	int64 copies = 0;
	ListCell *cell;

	if (job_runs_active() >= vmclone_max_parallel_copies)
		return false;
	foreach (cell, job_runs_list)
		if (job_run_active(lfirst(cell)) && same_target(run, lfirst(cell)))
			copies++;
	return row->max_copies == 0 || copies < row->max_copies;
}

/* Runs that share a limit with this one: of the same job, or to the same domain. */
static int
sharers(const JobRun *run, bool same_job)
{
	int count = 0;
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		JobRun *other = lfirst(cell);

		if (!job_run_active(other) || other->step != STEP_COPY)
			continue;
		if (same_job ? uuid_same(&other->job_id, &run->job_id) : same_target(run, other))
			count++;
	}
	return Max(count, 1);
}

static int64
limit_of(const JobRun *run, const RunRow *row)
{
	int64 limit = 0;

	if (row->job_limit > 0)
		limit = Max(row->job_limit / sharers(run, true), 1);
	if (row->domain_limit > 0)
	{
		int64 share = Max(row->domain_limit / sharers(run, false), 1);

		limit = limit == 0 ? share : Min(limit, share);
	}
	return limit;
}

static void
tell_copier(JobRun *run, const RunRow *row)
{
	bool pause = strcmp(row->job_status, "paused") == 0 ||
				 (row->requested != NULL && strcmp(row->requested, "pause") == 0);
	int64 limit = limit_of(run, row);

	if (row->requested != NULL && strcmp(row->requested, "resume") == 0)
		pause = false;
	if (run->step != STEP_COPY || run->command == NULL)
	{
		run->limit_sent = limit; /* goes on the command line */
		return;
	}
	if (limit != run->limit_sent)
	{
		char line[64];

		snprintf(line, sizeof(line), "limit " INT64_FORMAT, limit);
		storage_command_send(run->command, line);
		run->limit_sent = limit;
	}
	if (pause != run->pause_sent && (pause || !run->paused || may_go_on(run, row)))
	{
		storage_command_send(run->command, pause ? "pause" : "resume");
		run->pause_sent = pause;
	}
}

static void
tell_runs(const RunRows *rows)
{
	static const char *const alive[] = {"queued", "running", "paused", "waiting", "held", NULL};
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		JobRun *run = lfirst(cell);
		RunRow *row = row_of(rows, run);

		if (run->kind == RUN_MEASURE)
			continue;
		/* Dropped with its tables, undone, abandoned or claimed anew. */
		if (row == NULL || row->claim != run->claim ||
			(run->kind == RUN_COPY && (!job_word_among(row->job_status, alive) ||
									   strcmp(row->task_status, "running") != 0)) ||
			(run->kind == RUN_CLEAN && strcmp(row->task_status, "cleaning") != 0))
			job_run_stop(run);
		else if (run->kind == RUN_COPY)
			tell_copier(run, row);
	}
}

/* A job whose queued, or paused at start, was sent. */
typedef struct ToldJob
{
	pg_uuid_t job_id; /* the key */
	uint32 pass;      /* that saw it last */
} ToldJob;

static HTAB *told_jobs = NULL;

/* NOTIFY for jobs that are new since the last pass; the call itself may be prepared, so it can't. */
static void
tell_new_jobs(void *argument)
{
	static uint32 pass = 0;
	uint64 rows = statement_run(&queued_jobs, NULL, NULL);
	HASH_SEQ_STATUS scan;
	ToldJob *told;

	pass++;
	for (uint64 i = 0; i < rows; i++)
	{
		pg_uuid_t job_id = field_uuid(i, 1);
		bool found;

		told = hash_search(told_jobs, &job_id, HASH_ENTER, &found);
		told->pass = pass;
		if (!found)
			job_tell(&job_id, field_text(i, 2));
	}
	hash_seq_init(&scan, told_jobs);
	while ((told = hash_seq_search(&scan)) != NULL)
		if (told->pass != pass)
			(void) hash_search(told_jobs, &told->job_id, HASH_REMOVE, NULL);
}

static void
make_told_jobs(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(pg_uuid_t);
	control.entrysize = sizeof(ToldJob);
	told_jobs = hash_create("vmclone jobs told", 64, &control, HASH_ELEM | HASH_BLOBS);
}

void
job_requests_follow(void)
{
	RequestList list = {CurrentMemoryContext, NULL, 0};
	RunRows rows = {CurrentMemoryContext, NULL, 0};

	if (told_jobs == NULL)
		make_told_jobs();
	(void) job_transaction(tell_new_jobs, NULL);
	if (job_runs_list != NIL && job_transaction(read_run_rows, &rows) == NULL)
		tell_runs(&rows);
	if (job_transaction(read_requests, &list) != NULL)
		return;
	for (int i = 0; i < list.count; i++)
		(void) job_transaction(follow_request, &list.job_ids[i]);
}
