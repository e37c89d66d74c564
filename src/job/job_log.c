/*
 * job_log.c
 *		What the server's log is told of jobs, as vmclone.log_jobs says.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/settings.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "catalog/pg_type.h"
#include "job/job_log.h"
#include "miscadmin.h"

static Statement figures = {
	.sql = "SELECT count(*), COALESCE(sum(t.bytes_written), 0)::int8,"
		   " COALESCE(string_agg(DISTINCT t.method, ', '), 'nothing to copy'),"
		   " COALESCE(extract(epoch FROM clock_timestamp() - j.started_at) * 1000, 0)::int8"
		   " FROM vmclone.jobs j LEFT JOIN vmclone.async_tasks t ON t.job_id = j.job_id"
		   " WHERE j.job_id = $1 GROUP BY j.job_id",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of figures. */
enum
{
	FIGURE_DISKS = 1,
	FIGURE_BYTES,
	FIGURE_METHODS,
	FIGURE_MILLISECONDS,
};

/* "job … of database "engine", which makes "web01"": the beginning of every message. */
static char *
subject(const JobRow *job)
{
	return psprintf("job %s of database \"%s\", which makes \"%s\",", uuid_text(&job->job_id),
					get_database_name(MyDatabaseId), job->vm_name);
}

void
job_log_start(const JobRow *job)
{
	if (vmclone_log_jobs == LOG_JOBS_ALL)
		ereport(LOG, (errmsg("%s starts", subject(job))));
}

void
job_log_end(const JobRow *job)
{
	Datum value = UUIDPGetDatum(&job->job_id);

	if (vmclone_log_jobs != LOG_JOBS_ALL)
		return;
	if (job->status != JOB_SUCCEEDED)
	{
		ereport(LOG, (errmsg("%s is %s: %s", subject(job), job_status_word(job->status),
							 job->reason ? job->reason : "no reason was recorded")));
		return;
	}
	statement_run_one_row(&figures, &value, NULL);
	ereport(LOG,
			(errmsg("%s has succeeded: disks: " INT64_FORMAT ", bytes written: " INT64_FORMAT
					", seconds: %.3f, by: %s",
					subject(job), field_int64(0, FIGURE_DISKS), field_int64(0, FIGURE_BYTES),
					field_int64(0, FIGURE_MILLISECONDS) / 1000.0, field_text(0, FIGURE_METHODS))));
}

void
job_log_problem(const JobRow *job, const char *what, const char *reason)
{
	if (vmclone_log_jobs != LOG_JOBS_NONE)
		ereport(WARNING, (errmsg("%s %s: %s", subject(job), what, reason)));
}
