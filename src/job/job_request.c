/*
 * job_request.c
 *		Cancel, pause, resume and limits: what the rows ask for is told to what runs.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "contract/copier_protocol.h"
#include "base/arrays.h"
#include "job/job_history.h"
#include "job/job_limit.h"
#include "job/job_place.h"
#include "job/job_request.h"
#include "job/job_run.h"
#include "job/job_state.h"
#include "job/job_transaction.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Requests that are followed in one transaction. */
#define REQUESTS_AT_ONCE "200"

static Statement requests = {
	.sql = "SELECT job_id FROM vmclone.jobs WHERE requested IS NOT NULL"
		   " LIMIT " REQUESTS_AT_ONCE,
};

static Statement run_rows = {
	.sql = "SELECT t.task_id, t.claim, t.status, j.status, j.requested,"
		   " j.bandwidth_limit, m.bandwidth_limit, m.max_copies, h.bandwidth_limit, h.max_copies,"
		   " h.drain = 'move'"
		   " FROM vmclone.async_tasks t JOIN vmclone.jobs j ON j.job_id = t.job_id"
		   " LEFT JOIN vmclone.storage_mounts m ON m.storage_domain_id = t.storage_domain_id"
		   " AND m.host_name = t.host_name"
		   " LEFT JOIN vmclone.hosts h ON h.host_name = t.host_name"
		   " WHERE t.task_id = ANY ($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Jobs that the call has queued, made paused, or, without disks, ended. */
static Statement announce = {
	.sql = "UPDATE vmclone.jobs SET announced = true WHERE job_id = ANY (ARRAY(SELECT job_id"
		   " FROM vmclone.jobs WHERE NOT announced LIMIT 1000 FOR UPDATE SKIP LOCKED))"
		   " RETURNING job_id, status",
};

/* Columns of requests, run_rows and announce. */
enum
{
	REQUESTED_JOB_ID = 1,
};
enum
{
	RUN_TASK_ID = 1,
	RUN_CLAIM,
	RUN_TASK_STATUS,
	RUN_JOB_STATUS,
	RUN_REQUESTED,
	RUN_JOB_LIMIT,
	RUN_DOMAIN_LIMIT,
	RUN_MAX_COPIES,
	RUN_HOST_LIMIT,
	RUN_HOST_MAX_COPIES,
	RUN_MOVES,
};
enum
{
	ANNOUNCED_JOB_ID = 1,
	ANNOUNCED_STATUS,
};

/* What the rows say of a run. */
typedef struct RunRow
{
	pg_uuid_t task_id;
	int claim;
	char *task_status;
	JobStatus job_status;
	JobRequest requested;
	int64 job_limit;       /* of JobRun */
	int64 domain_limit;    /* of JobRun */
	int64 max_copies;      /* to the domain; 0: no limit */
	int64 host_limit;      /* of JobRun */
	int64 host_max_copies; /* on the host; 0: no limit */
	bool moves;            /* the host is drained, and copies are to go on elsewhere */
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

/* True: the job's row has changed. */
static bool
follow_request(const pg_uuid_t *job_id)
{
	JobRow job;

	if (!job_lock(job_id, &job) || job.requested == REQUEST_NONE)
		return false;
	if (job.requested == REQUEST_CANCEL &&
		state_in(job.status, job_sources(JOB_CANCELLING, MOVER_WORKER)))
		job_set_cancelling(&job);
	else if (job.requested == REQUEST_RESUME && job.status == JOB_PAUSED)
		job_set_resumed(&job);
	else if (job.requested == REQUEST_PAUSE &&
			 state_in(job.status, job_sources(JOB_PAUSED, MOVER_WORKER)))
	{
		if (!all_paused(job_id))
			return false;
		job_set_paused(&job);
	}
	else
		/* The job went on meanwhile to where the request means nothing. */
		job_drop_request(&job);
	return true;
}

typedef struct RequestList
{
	MemoryContext context;
	pg_uuid_t *job_ids;
	int count;
	bool moved;
} RequestList;

static void
follow_requests(void *argument)
{
	RequestList *list = argument;

	list->moved = false;
	for (int i = 0; i < list->count; i++)
		list->moved |= follow_request(&list->job_ids[i]);
}

static void
read_requests(void *argument)
{
	RequestList *list = argument;
	uint64 rows = statement_run(&requests, NULL, NULL);

	list->job_ids = MemoryContextAlloc(list->context, (rows + 1) * sizeof(pg_uuid_t));
	for (uint64 i = 0; i < rows; i++)
		list->job_ids[list->count++] = field_uuid(i, REQUESTED_JOB_ID);
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
		ids[id_count++] = UUIDPGetDatum(&((JobRun *) lfirst(cell))->task.task_id);
	array = array_of_datums(ids, id_count, UUIDOID);
	found = statement_run(&run_rows, &array, NULL);
	old = MemoryContextSwitchTo(rows->context);
	rows->rows = palloc0(sizeof(RunRow) * (found + 1));
	for (uint64 i = 0; i < found; i++)
	{
		RunRow *row = &rows->rows[rows->count++];

		row->task_id = field_uuid(i, RUN_TASK_ID);
		row->claim = field_int64(i, RUN_CLAIM);
		row->task_status = field_text(i, RUN_TASK_STATUS);
		row->job_status = job_status_of_word(field_text(i, RUN_JOB_STATUS));
		row->requested = job_request_of_word(field_text(i, RUN_REQUESTED));
		row->job_limit = field_int64(i, RUN_JOB_LIMIT);
		row->domain_limit = field_int64(i, RUN_DOMAIN_LIMIT);
		row->max_copies = field_int64(i, RUN_MAX_COPIES);
		row->host_limit = field_int64(i, RUN_HOST_LIMIT);
		row->host_max_copies = field_int64(i, RUN_HOST_MAX_COPIES);
		row->moves = field_bool(i, RUN_MOVES);
	}
	MemoryContextSwitchTo(old);
}

static RunRow *
row_of(const RunRows *rows, const JobRun *run)
{
	for (int i = 0; i < rows->count; i++)
		if (uuid_same(&rows->rows[i].task_id, &run->task.task_id))
			return &rows->rows[i];
	return NULL;
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
		if (job_run_active(lfirst(cell)) && job_runs_same_target(run, lfirst(cell)))
			copies++;
	return (row->max_copies == 0 || copies < row->max_copies) &&
		   (row->host_max_copies == 0 || job_runs_on_host(run->host.name) < row->host_max_copies);
}

static void
tell_copier(JobRun *run, const RunRow *row)
{
	bool pause = row->requested != REQUEST_RESUME &&
				 (row->job_status == JOB_PAUSED || row->requested == REQUEST_PAUSE);
	int64 limit = job_limit(run);

	if (run->command == NULL || (run->step != STEP_COPY && !run->in_sequence))
		return; /* goes on the command line */
	if (limit != run->limit_sent)
	{
		char line[64];

		snprintf(line, sizeof(line), COPIER_CONTROL_LIMIT " " INT64_FORMAT, limit);
		storage_command_send(run->command, line);
		run->limit_sent = limit;
	}
	if (pause != run->pause_sent && (pause || !run->paused || may_go_on(run, row)))
	{
		storage_command_send(run->command, pause ? COPIER_CONTROL_PAUSE : COPIER_CONTROL_RESUME);
		run->pause_sent = pause;
	}
}

static void
tell_runs(const RunRows *rows)
{
	ListCell *cell;

	/* first all, as what one may copy depends on what the others may */
	foreach (cell, job_runs_list)
	{
		JobRun *run = lfirst(cell);
		RunRow *row = row_of(rows, run);

		run->job_limit = row != NULL ? row->job_limit : 0;
		run->domain_limit = row != NULL ? row->domain_limit : 0;
		run->host_limit = row != NULL ? row->host_limit : 0;
	}
	foreach (cell, job_runs_list)
	{
		JobRun *run = lfirst(cell);
		RunRow *row = row_of(rows, run);

		if (run->kind == RUN_MEASURE || run->step == STEP_RELEASE)
			continue;
		/* Dropped with its tables, undone, abandoned or claimed anew. */
		if (row == NULL || row->claim != run->task.claim ||
			(run->kind == RUN_COPY &&
			 (!state_in(row->job_status, JOB_HAS_COPIES) ||
			  strcmp(row->task_status, task_status_word(TASK_RUNNING)) != 0)) ||
			(run->kind == RUN_CLEAN &&
			 strcmp(row->task_status, task_status_word(TASK_CLEANING)) != 0))
			job_run_stop(run);
		else if (row->moves && run->kind == RUN_COPY && run->step != STEP_COMMIT)
		{
			run->moves_away = true;
			job_run_stop(run);
		}
		else if (run->kind == RUN_COPY)
			tell_copier(run, row);
	}
}

typedef struct AnnouncedJob
{
	pg_uuid_t job_id;
	JobStatus status;
} AnnouncedJob;

/* NOTIFY for jobs that are new; the call itself may be prepared, so it can't. */
static void
announce_jobs(void *argument)
{
	uint64 rows = statement_run(&announce, NULL, NULL);
	AnnouncedJob *jobs = palloc((rows + 1) * sizeof(AnnouncedJob));

	for (uint64 i = 0; i < rows; i++)
	{
		AnnouncedJob *job = &jobs[i];

		job->job_id = field_uuid(i, ANNOUNCED_JOB_ID);
		job->status = job_status_of_word(field_text(i, ANNOUNCED_STATUS));
	}
	for (uint64 i = 0; i < rows; i++)
	{
		job_notify(&jobs[i].job_id, jobs[i].status);
		/* without disks it was over with the call */
		if (jobs[i].status == JOB_SUCCEEDED)
			job_count_end(&jobs[i].job_id, JOB_SUCCEEDED);
	}
}

void
job_requests_announce(void)
{
	(void) job_transaction(announce_jobs, NULL);
}

void
job_requests_tell(void)
{
	RunRows rows = {CurrentMemoryContext, NULL, 0};

	if (job_runs_list != NIL && job_transaction(read_run_rows, &rows) == NULL)
		tell_runs(&rows);
}

bool
job_requests_follow(void)
{
	RequestList list = {CurrentMemoryContext, NULL, 0, false};
	bool moved = false;

	if (job_transaction(read_requests, &list) != NULL || list.count == 0)
		return false;
	if (list.count > 1 && job_transaction(follow_requests, &list) == NULL)
		return list.moved;
	/* one after the other, so that what stands in the way of one stops no other */
	for (int i = 0; i < list.count; i++)
	{
		RequestList one = {CurrentMemoryContext, &list.job_ids[i], 1, false};

		moved |= job_transaction(follow_requests, &one) == NULL && one.moved;
	}
	return moved;
}
