/*
 * job_claim.c
 *		Which cleaning, measurement or giving back is next, and how a claim is made.
 *
 * Copies are claimed in job_claim_copy.c.
 */
#include "postgres.h"

#include "base/arrays.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "catalog/pg_type.h"
#include "job/job_block.h"
#include "job/job_claim.h"
#include "job/job_claim_internal.h"
#include "job/job_give_back.h"
#include "job/job_lease.h"
#include "job/job_place.h"
#include "job/job_run.h"
#include "job/job_source.h"
#include "job/job_state.h"
#include "job/job_step.h"
#include "job/job_transaction.h"
#include "storage/storage_files.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

static Statement next_cleaning = {
	.sql = "SELECT t.task_id, t.job_id, t.disk_id, t.image_id, t.storage_domain_id, t.layers,"
		   " t.host_name FROM vmclone.async_tasks t JOIN vmclone.jobs j ON j.job_id = t.job_id"
		   " WHERE t.status = 'cleaning' AND j.status = 'cleaning'"
		   " AND (j.next_attempt_at IS NULL OR j.next_attempt_at <= clock_timestamp())"
		   " AND NOT t.task_id = ANY ($1)"
		   " ORDER BY j.created_at, t.disk_number LIMIT 1 FOR UPDATE OF t, j SKIP LOCKED",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Columns of next_cleaning. */
enum
{
	CLEANING_TASK_ID = 1,
	CLEANING_JOB_ID,
	CLEANING_DISK_ID,
	CLEANING_IMAGE_ID,
	CLEANING_STORAGE_DOMAIN_ID,
	CLEANING_LAYERS,
	CLEANING_HOST_NAME,
};

static Statement removal = {
	.sql = "SELECT (SELECT wipe_after_delete FROM base_disks WHERE disk_id = $1),"
		   " (SELECT (to_jsonb(s) ->> 'discard_after_delete')::boolean"
		   " FROM storage_domain_static s WHERE s.id = $2)",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDOID},
};

/* Columns of removal. */
enum
{
	REMOVAL_WIPE = 1,
	REMOVAL_DISCARD,
};

static Statement next_measurement = {
	.sql = "UPDATE vmclone.measurements SET status = 'running' WHERE (snapshot_id, image_id,"
		   " volume_format) = (SELECT snapshot_id, image_id, volume_format FROM"
		   " vmclone.measurements WHERE " SQL_MEASUREMENT_IS_DUE " ORDER BY requested_at LIMIT 1"
		   " FOR UPDATE SKIP LOCKED) RETURNING snapshot_id, image_id, volume_format, layers",
};

/* Columns of next_measurement. */
enum
{
	MEASUREMENT_SNAPSHOT_ID = 1,
	MEASUREMENT_IMAGE_ID,
	MEASUREMENT_VOLUME_FORMAT,
	MEASUREMENT_LAYERS,
};

static Statement measurement_ended = {
	.sql = "UPDATE vmclone.measurements SET status = $5, error = $4,"
		   " measured_at = clock_timestamp()"
		   " WHERE snapshot_id = $1 AND image_id = $2 AND volume_format = $3",
	.argument_count = 5,
	.argument_types = {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID},
};

static Statement reset_measurements = {
	.sql = "UPDATE vmclone.measurements SET status = 'queued' WHERE status = 'running'",
};

char *
job_claim_keep(JobRun *run, const char *text)
{
	return text != NULL ? MemoryContextStrdup(run->context, text) : NULL;
}

/* Tasks whose cleaning is under way, whose killed child isn't gone yet, or whose copier may still be there. */
static Datum
tasks_with_runs(void)
{
	int count;
	Datum *ids = job_lease_held(list_length(job_runs_list), &count);
	ListCell *cell;

	foreach (cell, job_runs_list)
		ids[count++] = UUIDPGetDatum(&((JobRun *) lfirst(cell))->task.task_id);
	return array_of_datums(ids, count, UUIDOID);
}

static void
write_measurement_problem(const JobRun *run, const char *status, const char *problem)
{
	Datum values[5] = {UUIDPGetDatum(&run->snapshot_id), UUIDPGetDatum(&run->task.task_id),
					   CStringGetTextDatum(run->volume_format), CStringGetTextDatum(problem),
					   CStringGetTextDatum(status)};

	(void) statement_run(&measurement_ended, values, NULL);
}

typedef struct ClaimProblem
{
	const JobRun *run;
	const char *text;
} ClaimProblem;

/* The claim's transaction failed, as where no inventory is bound: not at once again. */
static void
write_claim_problem(void *argument)
{
	const ClaimProblem *problem = argument;
	const JobRun *run = problem->run;
	JobRow job;

	switch (run->kind)
	{
		case RUN_COPY:
			if (job_lock(&run->job_id, &job))
				job_set_waiting(&job, "error", problem->text);
			break;
		case RUN_CLEAN:
			if (job_lock(&run->job_id, &job))
				job_cleaning_waits(&job, problem->text);
			break;
		case RUN_MEASURE:
			write_measurement_problem(run, "failed", problem->text);
			break;
		case RUN_GIVE_BACK:
			job_give_back_failed();
			break;
	}
}

bool
job_claim_one(JobUnit unit, bool any_waiting)
{
	Claim claim = {NULL, false, any_waiting};
	ClaimProblem problem;

	problem.text = job_transaction(unit, &claim);
	if (problem.text != NULL)
	{
		problem.run = claim.run;
		if (claim.run != NULL)
		{
			(void) job_transaction(write_claim_problem, &problem);
			MemoryContextDelete(claim.run->context);
		}
		return false;
	}
	if (claim.run != NULL)
	{
		job_run_add(claim.run);
		job_run_step(claim.run);
	}
	return claim.claimed;
}

/* What of the disk must not stay readable, and what the device is told of its room: as the engine's rows say. */
static void
choose_removal(JobRun *run, const pg_uuid_t *domain_id)
{
	Datum values[2] = {DirectFunctionCall1(uuid_in, CStringGetDatum(run->disk_id)),
					   UUIDPGetDatum(domain_id)};
	Frame frame;

	frame_enter_inventory(&frame);
	statement_run_one_row(&removal, values, NULL);
	run->wipe = field_bool(0, REMOVAL_WIPE);
	run->discard = field_bool(0, REMOVAL_DISCARD);
	frame_leave(&frame);
}

static void
claim_clean(void *argument)
{
	Claim *claim = argument;
	JobRun *run;
	JobRow job;
	RunDomain *target;
	pg_uuid_t domain_id;
	Jsonb *layers;
	char *problem;
	Datum value = tasks_with_runs();

	if (statement_run(&next_cleaning, &value, NULL) == 0)
		return;
	claim->claimed = true;
	run = claim->run = job_run_make(RUN_CLEAN);
	run->task.task_id = field_uuid(0, CLEANING_TASK_ID);
	run->job_id = field_uuid(0, CLEANING_JOB_ID);
	run->disk_id = job_claim_keep(run, field_text(0, CLEANING_DISK_ID));
	run->image_id = job_claim_keep(run, field_text(0, CLEANING_IMAGE_ID));
	domain_id = field_uuid(0, CLEANING_STORAGE_DOMAIN_ID);
	layers = field_jsonb(0, CLEANING_LAYERS);
	run->earlier_host = job_claim_keep(run, field_text(0, CLEANING_HOST_NAME));
	if (!job_lock(&run->job_id, &job))
		elog(ERROR, "row of job %s is locked, but can't be read", uuid_text(&run->job_id));
	problem = job_run_add_domain(run, &domain_id, NULL, &target);
	if (problem == NULL)
		(void) job_run_place(run, &problem);
	if (problem != NULL)
	{
		job_cleaning_waits(&job, problem);
		MemoryContextDelete(run->context);
		claim->run = NULL;
		return;
	}
	if (target->place.files_path != NULL)
	{
		pg_uuid_t image_id;

		if (uuid_parse_text(run->image_id, &image_id))
			run->file_name = job_claim_keep(run, storage_file_find(&image_id));
	}
	choose_removal(run, &domain_id);
	/* what a killed worker had activated is released; a domain that can't be used now is let alone */
	(void) job_run_add_layers(run, layers, NULL);
	job_run_place_sources(run);
	run->has_activated = job_block_is_touched(run);
	task_claim_cleaning(&run->task, run->host.name, vmclone_copy_lease, job_block_is_touched(run));
}

bool
job_claim_cleaning(void)
{
	bool any = false;

	for (int i = 0; i < CLAIMS_A_PASS && list_length(job_runs_list) < CLAIMS_A_PASS; i++)
	{
		if (!job_claim_one(claim_clean, false))
			break;
		any = true;
	}
	return any;
}

static void
claim_give_back(void *argument)
{
	Claim *claim = argument;

	claim->run = job_give_back_claim(tasks_with_runs());
	claim->claimed = claim->run != NULL;
}

bool
job_claim_give_back(void)
{
	return job_claim_one(claim_give_back, false);
}

static void
claim_measurement(void *argument)
{
	Claim *claim = argument;
	JobRun *run;
	Jsonb *layers;
	char *problem;
	Placement placement = PLACE_NONE;

	if (statement_run(&next_measurement, NULL, NULL) == 0)
		return;
	claim->claimed = true;
	run = claim->run = job_run_make(RUN_MEASURE);
	run->snapshot_id = field_uuid(0, MEASUREMENT_SNAPSHOT_ID);
	run->task.task_id = field_uuid(0, MEASUREMENT_IMAGE_ID);
	run->volume_format = job_claim_keep(run, field_text(0, MEASUREMENT_VOLUME_FORMAT));
	layers = field_jsonb(0, MEASUREMENT_LAYERS);
	problem = job_run_add_layers(run, layers, NULL);
	if (problem == NULL && run->layers == NIL)
		problem = "there are no images to measure";
	if (problem == NULL)
		placement = job_run_place(run, &problem);
	if (problem != NULL)
	{
		write_measurement_problem(run, placement == PLACE_LATER ? "queued" : "failed", problem);
		MemoryContextDelete(run->context);
		claim->run = NULL;
	}
}

bool
job_claim_measurement(void)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
		if (((JobRun *) lfirst(cell))->kind == RUN_MEASURE)
			return false;
	return job_claim_one(claim_measurement, false);
}

static void
reset_orphans(void *argument)
{
	job_lease_load();
	tasks_reset_orphans();
	(void) statement_run(&reset_measurements, NULL, NULL);
}

bool
job_claim_reset_orphans(void)
{
	return job_transaction(reset_orphans, NULL) == NULL;
}
