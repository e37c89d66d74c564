/*
 * command_jobs.c
 *		The rows of a call's jobs and tasks, one statement a table for all copies.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/arrays.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/frame.h"
#include "base/insertion.h"
#include "base/json.h"
#include "base/json_objects.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "command/command_steps.h"
#include "locks/locks.h"
#include "state/state_table.h"

static Insertion insert_jobs = {
	.relation = "vmclone.jobs",
	.column_count = 23,
	.columns = {{"job_id", UUIDOID},
				{"call_id", UUIDOID},
				{"copy_number", INT4OID},
				{"action", TEXTOID},
				{"status", TEXTOID},
				{"vm_id", UUIDOID},
				{"vm_name", TEXTOID},
				{"source_vm_id", UUIDOID},
				{"source_snapshot_id", UUIDOID},
				{"storage_pool_id", UUIDOID},
				{"cluster_id", UUIDOID},
				{"owner", TEXTOID},
				{"owner_role", OIDOID},
				{"user_id", UUIDOID},
				{"parameters", JSONBOID},
				{"retry_of", UUIDOID},
				{"lock_mode", TEXTOID},
				{"on_failure", TEXTOID},
				{"priority", INT4OID},
				{"bandwidth_limit", INT8OID},
				{"verify", BOOLOID},
				{"started_at", TIMESTAMPTZOID},
				{"ended_at", TIMESTAMPTZOID}},
};

static Insertion insert_tasks = {
	.relation = "vmclone.async_tasks",
	.column_count = 21,
	.columns = {{"task_id", UUIDOID},          {"job_id", UUIDOID},
				{"status", TEXTOID},           {"vm_id", UUIDOID},
				{"disk_number", INT4OID},      {"source_disk_id", UUIDOID},
				{"source_image_id", UUIDOID},  {"source_storage_domain_id", UUIDOID},
				{"layers", JSONBOID},          {"read_from_task", UUIDOID},
				{"disk_id", UUIDOID},          {"disk_alias", TEXTOID},
				{"image_id", UUIDOID},         {"storage_domain_id", UUIDOID},
				{"volume_format", TEXTOID},    {"volume_type", TEXTOID},
				{"copy_volume_type", TEXTOID}, {"virtual_size", INT8OID},
				{"bytes_reserved", INT8OID},   {"bytes_total", INT8OID},
				{"description", TEXTOID}},
};

static Statement reserve_names = {
	.sql = "INSERT INTO vmclone.vm_names (storage_pool_id, vm_name, vm_id, call_id)"
		   " SELECT $1, c.vm_name, c.vm_id, $2"
		   " FROM ROWS FROM (unnest($3), unnest($4)) AS c (vm_name, vm_id)"
		   " ORDER BY c.vm_name ON CONFLICT DO NOTHING RETURNING vm_name",
	.argument_count = 4,
	.argument_types = {UUIDOID, UUIDOID, TEXTARRAYOID, UUIDARRAYOID},
};

static Statement release_names = {
	.sql = "DELETE FROM vmclone.vm_names WHERE call_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/*
 * The first name of the call that isn't among the rows of the last statement.  NULL: all are there, as
 * where two copies have one name, which the checks refuse.
 */
static const char *
first_absent_name(const CommandResult *result, uint64 rows)
{
	for (int i = 0; i < result->copy_count; i++)
	{
		uint64 row = 0;

		while (row < rows && strcmp(field_text(row, ONLY_COLUMN), result->copies[i].vm_name) != 0)
			row++;
		if (row == rows)
			return result->copies[i].vm_name;
	}
	return NULL;
}

static Datum
names_array(const CommandResult *result)
{
	Datum *values = palloc(sizeof(Datum) * result->copy_count);

	for (int i = 0; i < result->copy_count; i++)
		values[i] = CStringGetTextDatum(result->copies[i].vm_name);
	return array_of_datums(values, result->copy_count, TEXTOID);
}

static Datum
vm_ids_array(const CommandResult *result)
{
	Datum *values = palloc(sizeof(Datum) * result->copy_count);

	for (int i = 0; i < result->copy_count; i++)
		values[i] = UUIDPGetDatum(&result->copies[i].vm_id);
	return array_of_datums(values, result->copy_count, UUIDOID);
}

/*
 * Names are unique among all jobs of the pool, committed or not: the second caller waits.  What had
 * the name when it waited may be over since, and its virtual machine be there; so the checks that
 * come after look at what is committed then.
 */
const char *
command_reserve_names(const Command *command)
{
	const CommandResult *result = command->result;
	Datum values[4] = {UUIDPGetDatum(&command->plan->pool_id), UUIDPGetDatum(&result->call_id),
					   names_array(result), vm_ids_array(result)};
	const char *taken = NULL;
	uint64 rows;
	Frame frame;

	frame_enter_own(&frame);
	rows = locks_run_waiting(&reserve_names, values, "the name of the new virtual machine",
							 "vmclone.vm_names");
	if (rows != (uint64) result->copy_count)
		taken = first_absent_name(result, rows);
	frame_leave(&frame);
	return taken;
}

void
command_release_names(const Command *command)
{
	Datum value = UUIDPGetDatum(&command->result->call_id);
	Frame frame;

	frame_enter_own(&frame);
	(void) statement_run(&release_names, &value, NULL);
	frame_leave(&frame);
}

static const pg_uuid_t *
id_or_null(const pg_uuid_t *id)
{
	return uuid_is_zero(id) ? NULL : id;
}

/* In the order of insert_tasks. */
static void
put_task(NewRows *rows, const Command *command, const CloneCopy *copy, int d, const Jsonb *chain,
		 const pg_uuid_t *task_id, const pg_uuid_t *read_from_task)
{
	const PlannedDisk *disk = &command->plan->disks[d];
	bool is_copy = disk->fate == DISK_COPY;

	new_rows_put_uuid(rows, task_id);
	new_rows_put_uuid(rows, &copy->job_id);
	new_rows_put_text(rows, task_first_word(TASK_INIT));
	new_rows_put_uuid(rows, &copy->vm_id);
	new_rows_put(rows, Int32GetDatum(disk->number));
	new_rows_put_uuid(rows, &disk->disk_id);
	new_rows_put_uuid(rows, is_copy ? id_or_null(&disk->image_id) : NULL);
	new_rows_put_uuid(
		rows, is_copy ? id_or_null(&disk->chain[disk->chain_length - 1].storage_domain_id) : NULL);
	new_rows_put_jsonb(rows, chain);
	new_rows_put_uuid(rows, read_from_task);
	new_rows_put_uuid(rows, &copy->new_disk_ids[d]);
	new_rows_put_text(rows, copy->disk_aliases[d]);
	new_rows_put_uuid(rows, &copy->new_image_ids[d]);
	new_rows_put_uuid(rows, &disk->target_domain_id);
	new_rows_put_text(rows, disk->volume_format == VOLUME_FORMAT_RAW ? "RAW" : "COW");
	new_rows_put_text(rows,
					  disk->volume_type == VOLUME_TYPE_PREALLOCATED ? "Preallocated" : "Sparse");
	new_rows_put_text(rows, command->request->target == CLONE_TARGET_TEMPLATE ? "SHARED" : "LEAF");
	new_rows_put(rows, Int64GetDatum(disk->size));
	new_rows_put(rows, Int64GetDatum(disk->bytes_needed));
	new_rows_put(rows, Int64GetDatum(disk->bytes_to_read));
	new_rows_put_text(
		rows, command_volume_description(copy->disk_aliases[d],
										 json_get_text(disk->configuration, "disk_description")));
}

/*
 * One task an image.  Copy 1 reads the chain; the others read copy 1's finished image where that
 * is in the same domain and format, which the domain may reflink; their layers are the chain all
 * the same, in case copy 1 fails.
 */
static void
write_tasks(const Command *command)
{
	const ClonePlan *plan = command->plan;
	const CommandResult *result = command->result;
	NewRows rows = insertion_begin(&insert_tasks);

	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];
		pg_uuid_t first = {{0}};
		Jsonb *chain;

		if (!disk_is_made(disk))
			continue;
		chain = plan_layers(disk);
		for (int c = 0; c < result->copy_count; c++)
		{
			pg_uuid_t task_id = uuid_new();

			put_task(&rows, command, &result->copies[c], d, chain, &task_id,
					 c > 0 && disk->fate == DISK_COPY ? &first : NULL);
			if (c == 0)
				first = task_id;
		}
	}
	insertion_run(&rows);
}

const char *
command_initial_status(const Command *command)
{
	if (command->tasks_per_copy == 0)
		return job_first_word(JOB_SUCCEEDED);
	return job_first_word(command->request->start_paused ? JOB_PAUSED : JOB_QUEUED);
}

/* In the order of insert_jobs. */
static void
put_job(NewRows *rows, const Command *command, const CloneCopy *copy)
{
	const CloneRequest *request = command->request;
	const ClonePlan *plan = command->plan;
	const char *status = command_initial_status(command);
	Datum now = TimestampTzGetDatum(GetCurrentTimestamp());

	new_rows_put_uuid(rows, &copy->job_id);
	new_rows_put_uuid(rows, &command->result->call_id);
	new_rows_put(rows, Int32GetDatum(copy->number));
	new_rows_put_text(rows, request->target == CLONE_TARGET_VM ? "AddVmFromSnapshot"
															   : "AddVmTemplateFromSnapshot");
	new_rows_put_text(rows, status);
	new_rows_put_uuid(rows, &copy->vm_id);
	new_rows_put_text(rows, copy->vm_name);
	new_rows_put_uuid(rows, &plan->source_vm_id);
	new_rows_put_uuid(rows, &plan->snapshot_id);
	new_rows_put_uuid(rows, &plan->pool_id);
	new_rows_put_uuid(rows, id_or_null(&plan->cluster_id));
	new_rows_put_text(rows, command->caller.role_name);
	new_rows_put(rows, ObjectIdGetDatum(command->caller.role_id));
	new_rows_put_uuid(rows, command->has_user ? id_or_null(&command->user_id) : NULL);
	new_rows_put_jsonb(rows, request->parameters);
	new_rows_put_uuid(rows, command->retry_of);
	new_rows_put_text(rows, request->lock_shared ? "shared" : "exclusive");
	new_rows_put_text(rows, request->hold_on_failure ? "hold" : "clean");
	new_rows_put(rows, Int32GetDatum(request->priority));
	if (request->bandwidth_limit > 0)
		new_rows_put(rows, Int64GetDatum(request->bandwidth_limit));
	else
		new_rows_put_null(rows);
	new_rows_put(rows, BoolGetDatum(request->verify));
	for (int i = 0; i < 2; i++) /* started_at, ended_at */
	{
		if (command->tasks_per_copy == 0) /* it has succeeded */
			new_rows_put(rows, now);
		else
			new_rows_put_null(rows);
	}
}

void
command_write_jobs(const Command *command)
{
	NewRows rows = insertion_begin(&insert_jobs);
	Frame frame;

	for (int c = 0; c < command->result->copy_count; c++)
		put_job(&rows, command, &command->result->copies[c]);
	frame_enter_own(&frame);
	insertion_run(&rows);
	write_tasks(command);
	frame_leave(&frame);
}
