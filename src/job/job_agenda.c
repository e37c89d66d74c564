/*
 * job_agenda.c
 *		What there is to do, as the tables say.
 *
 * One statement, since it runs with every pass; each part is found by an index that holds little
 * (jobs.sql), however many jobs rest, wait in the queue or are history.
 */
#include "postgres.h"

#include "base/statement.h"
#include "job/job_claim.h"
#include "job/job_end.h"
#include "job/job_give_back.h"
#include "job/job_agenda.h"

static Statement what_is_to_do = {
	.sql = "SELECT EXISTS (SELECT FROM vmclone.jobs j WHERE NOT j.announced),"
		   " EXISTS (SELECT FROM vmclone.jobs j WHERE j.requested IS NOT NULL),"
		   " EXISTS (" ENDING_JOBS "),"
		   " EXISTS (SELECT FROM vmclone.jobs j WHERE j.requested IS NULL"
		   "  AND j.status IN ('queued', 'running')),"
		   " EXISTS (SELECT FROM vmclone.jobs j WHERE j.status = 'waiting'"
		   "  AND j.next_attempt_at <= clock_timestamp()),"
		   " EXISTS (SELECT FROM vmclone.jobs j WHERE j.status = 'cleaning' AND " DUE_JOB "),"
		   " EXISTS (SELECT FROM vmclone.measurements WHERE " SQL_MEASUREMENT_IS_DUE "),"
		   " EXISTS (SELECT FROM vmclone.measurements WHERE status = 'queued'),"
		   " EXISTS (SELECT FROM vmclone.jobs j WHERE j.status"
		   "  IN ('running', 'waiting', 'finishing', 'failing', 'cancelling', 'cleaning')),"
		   " EXISTS (SELECT FROM vmclone.jobs j"
		   "  WHERE j.status NOT IN ('succeeded', 'failed', 'cancelled')),"
		   " EXISTS (SELECT " SQL_LEFT_ON_HOSTS ")",
};

/* Columns of what_is_to_do. */
enum
{
	AGENDA_ANNOUNCE = 1,
	AGENDA_REQUESTS,
	AGENDA_ENDING,
	AGENDA_STARTABLE,
	AGENDA_WAITING,
	AGENDA_CLEANING,
	AGENDA_MEASUREMENTS,
	AGENDA_MEASUREMENTS_WAITING,
	AGENDA_MOVING,
	AGENDA_LIVE,
	AGENDA_LEFT_ON_HOSTS,
};

void
job_agenda(JobAgenda *agenda)
{
	statement_run_one_row(&what_is_to_do, NULL, NULL);
	agenda->announce = field_bool(0, AGENDA_ANNOUNCE);
	agenda->requests = field_bool(0, AGENDA_REQUESTS);
	agenda->ending = field_bool(0, AGENDA_ENDING);
	agenda->startable = field_bool(0, AGENDA_STARTABLE);
	agenda->waiting = field_bool(0, AGENDA_WAITING);
	agenda->cleaning = field_bool(0, AGENDA_CLEANING);
	agenda->measurements = field_bool(0, AGENDA_MEASUREMENTS);
	agenda->live = field_bool(0, AGENDA_LIVE);
	agenda->left_on_hosts = field_bool(0, AGENDA_LEFT_ON_HOSTS);
	agenda->busy = agenda->announce || agenda->requests || agenda->startable ||
				   agenda->left_on_hosts || field_bool(0, AGENDA_MEASUREMENTS_WAITING) ||
				   field_bool(0, AGENDA_MOVING);
}
