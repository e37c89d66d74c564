/*
 * job_give_back.c
 *		Logical volumes that a host still has active for a task that went on elsewhere.
 *
 * A host that died or was cut off, or that a copy has moved away from, can't be asked then to deactivate what it has activated, nor
 * to forget what it keeps for the new volume.  It is once it answers again and nobody works on the task any more.
 */
#include "postgres.h"

#include "base/statement.h"
#include "base/uuid.h"
#include "catalog/pg_type.h"
#include "job/job_block.h"
#include "job/job_give_back.h"
#include "job/job_place.h"
#include "job/job_source.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Milliseconds before one that could not give back is asked again. */
#define RETRY_MS 10000

static Statement next_left = {
	.sql =
		"SELECT t.task_id, t.disk_id, t.image_id, t.storage_domain_id, t.volume_format, t.layers,"
		" h.host_name, h.address " SQL_LEFT_ON_HOSTS " AND h.status <> 'down'"
		" AND NOT t.task_id = ANY ($1) LIMIT 1 FOR UPDATE OF t SKIP LOCKED",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Columns of next_left. */
enum
{
	LEFT_TASK_ID = 1,
	LEFT_DISK_ID,
	LEFT_IMAGE_ID,
	LEFT_STORAGE_DOMAIN_ID,
	LEFT_VOLUME_FORMAT,
	LEFT_LAYERS,
	LEFT_HOST_NAME,
	LEFT_ADDRESS,
};

static Statement given_back = {
	.sql = "UPDATE vmclone.async_tasks SET left_hosts = NULLIF(array_remove(left_hosts, $2), '{}')"
		   " WHERE task_id = $1",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static TimestampTz not_before = 0;

void
job_give_back_failed(void)
{
	not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_MS);
}

void
job_give_back_done(void *argument)
{
	const JobRun *run = argument;
	Datum values[2] = {UUIDPGetDatum(&run->task.task_id), CStringGetTextDatum(run->host.name)};

	(void) statement_run(&given_back, values, NULL);
}

/* The volume that was made and those that were read. */
static void
add_volumes(JobRun *run)
{
	pg_uuid_t domain_id = field_uuid(0, LEFT_STORAGE_DOMAIN_ID);
	pg_uuid_t disk_id = field_uuid(0, LEFT_DISK_ID);
	pg_uuid_t image_id = field_uuid(0, LEFT_IMAGE_ID);
	char *format = field_text(0, LEFT_VOLUME_FORMAT);
	Jsonb *layers = field_jsonb(0, LEFT_LAYERS);

	(void) job_run_add_layer(run, &domain_id, format, &disk_id, &image_id);
	(void) job_run_add_layers(run, layers, NULL);
	job_run_place_sources(run);
}

JobRun *
job_give_back_claim(Datum busy_tasks)
{
	MemoryContext old;
	JobRun *run;

	if (GetCurrentTimestamp() < not_before || statement_run(&next_left, &busy_tasks, NULL) == 0)
		return NULL;
	run = job_run_make(RUN_GIVE_BACK);
	run->task.task_id = field_uuid(0, LEFT_TASK_ID);
	old = MemoryContextSwitchTo(run->context);
	run->host.name = field_text(0, LEFT_HOST_NAME);
	run->host.address = field_text(0, LEFT_ADDRESS);
	run->image_id = field_text(0, LEFT_IMAGE_ID);
	MemoryContextSwitchTo(old);
	add_volumes(run);
	run->has_activated = job_block_is_touched(run);
	if (job_block_release_next(run))
		return run;
	/* it has none of the domains any more, or others need what it has */
	if (run->has_activated)
		job_give_back_failed();
	else
		job_give_back_done(run);
	MemoryContextDelete(run->context);
	return NULL;
}
