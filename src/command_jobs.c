/*
 * command_jobs.c
 *		The rows of a call's jobs and tasks, one statement a table for all copies.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "command_steps.h"
#include "errors.h"
#include "frame.h"
#include "json.h"
#include "locks.h"
#include "statement.h"

static Statement insert_jobs = {
	.sql =
		"INSERT INTO vmclone.jobs (job_id, call_id, copy_number, action, status, vm_id, vm_name,"
		" source_vm_id, source_snapshot_id, storage_pool_id, cluster_id, owner, user_id, parameters,"
		" retry_of, lock_mode, on_failure, priority, bandwidth_limit, verify, started_at, ended_at)"
		" SELECT c.job_id, (d->>'call_id')::uuid, c.copy_number, d->>'action', d->>'status', c.vm_id,"
		" c.vm_name, (d->>'source_vm_id')::uuid, (d->>'source_snapshot_id')::uuid,"
		" (d->>'storage_pool_id')::uuid, (d->>'cluster_id')::uuid, $2, (d->>'user_id')::uuid, $3,"
		" (d->>'retry_of')::uuid, d->>'lock_mode', d->>'on_failure', (d->>'priority')::integer,"
		" (d->>'bandwidth_limit')::bigint, (d->>'verify')::boolean,"
		" CASE WHEN d->>'status' = 'succeeded' THEN pg_catalog.clock_timestamp() END,"
		" CASE WHEN d->>'status' = 'succeeded' THEN pg_catalog.clock_timestamp() END"
		" FROM (SELECT $1 AS d) AS call, pg_catalog.jsonb_to_recordset($1->'copies')"
		"  AS c(job_id uuid, copy_number integer, vm_id uuid, vm_name text)",
	.argument_count = 3,
	.argument_types = {JSONBOID, NAMEOID, JSONBOID},
};

static Statement insert_tasks = {
	.sql =
		"INSERT INTO vmclone.async_tasks (task_id, job_id, vm_id, disk_number, source_disk_id,"
		" source_image_id, source_storage_domain_id, layers, read_from_task, disk_id, disk_alias,"
		" image_id, storage_domain_id, volume_format, volume_type, copy_volume_type, virtual_size,"
		" bytes_reserved, bytes_total, description)"
		" SELECT t.task_id, t.job_id, t.vm_id, t.disk_number, t.source_disk_id, t.source_image_id,"
		" t.source_storage_domain_id, $1->'layers'->(t.disk_number::text), t.read_from_task, t.disk_id,"
		" t.disk_alias, t.image_id, t.storage_domain_id, t.volume_format, t.volume_type,"
		" t.copy_volume_type, t.virtual_size, t.bytes_reserved, t.bytes_total, t.description"
		" FROM pg_catalog.jsonb_to_recordset($1->'tasks') AS t(task_id uuid, job_id uuid, vm_id uuid,"
		"  disk_number integer, source_disk_id uuid, source_image_id uuid,"
		"  source_storage_domain_id uuid, read_from_task uuid, disk_id uuid, disk_alias text,"
		"  image_id uuid, storage_domain_id uuid, volume_format text, volume_type text,"
		"  copy_volume_type text, virtual_size bigint, bytes_reserved bigint, bytes_total bigint,"
		"  description text)",
	.argument_count = 1,
	.argument_types = {JSONBOID},
};

static Statement reserve_names = {
	.sql = "INSERT INTO vmclone.vm_names (storage_pool_id, vm_name, vm_id, call_id)"
		   " SELECT ($1->>'storage_pool_id')::uuid, c.vm_name, c.vm_id, ($1->>'call_id')::uuid"
		   " FROM pg_catalog.jsonb_to_recordset($1->'copies') AS c(vm_id uuid, vm_name text)"
		   " ORDER BY c.vm_name ON CONFLICT DO NOTHING RETURNING vm_name",
	.argument_count = 1,
	.argument_types = {JSONBOID},
};

/* Virtual machines of the pool, or templates, that have one of the names. */
static Statement used_names = {
	.sql = "SELECT v.vm_name::text FROM vm_static v JOIN cluster c ON c.cluster_id = v.cluster_id"
		   " WHERE v.vm_name = ANY ($1::varchar[]) AND v.entity_type = $2"
		   "  AND c.storage_pool_id = $3 ORDER BY 1 LIMIT 1",
	.argument_count = 3,
	.argument_types = {TEXTARRAYOID, TEXTOID, UUIDOID},
};

static Statement release_names = {
	.sql = "DELETE FROM vmclone.vm_names WHERE call_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

pg_noreturn static void
raise_name_used(const char *name, const char *by)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_NAME), errmsg("name is already used: %s", name),
			 errkey("ACTION_TYPE_FAILED_NAME_ALREADY_USED"),
			 errdetail("ACTION_TYPE_FAILED_NAME_ALREADY_USED: %s of the data center has it.", by),
			 errhint("Choose another vm_name, or leave it out: vmclone.suggest_vm_name gives a "
					 "free one.")));
}

/* The first name of the call that isn't among the rows of the last statement. */
static const char *
first_absent_name(const CommandResult *result, uint64 rows)
{
	for (int i = 0; i < result->copy_count; i++)
	{
		uint64 row = 0;

		while (row < rows && strcmp(field_text(row, 1), result->copies[i].vm_name) != 0)
			row++;
		if (row == rows)
			return result->copies[i].vm_name;
	}
	elog(ERROR, "no name is absent");
}

static Datum
names_array(const CommandResult *result)
{
	Datum *values = palloc(sizeof(Datum) * result->copy_count);

	for (int i = 0; i < result->copy_count; i++)
		values[i] = CStringGetTextDatum(result->copies[i].vm_name);
	return PointerGetDatum(
		construct_array(values, result->copy_count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * Names are unique among all jobs of the pool, committed or not: the second caller waits.  What had
 * the name when it waited may be over since, and its virtual machine be there; so what is committed
 * now is looked at once more, which the snapshot of a REPEATABLE READ caller doesn't show.
 */
void
command_reserve_names(const Command *command, const Jsonb *document)
{
	const CommandResult *result = command->result;
	const CloneRequest *request = command->request;
	Datum value = JsonbPGetDatum(document);
	Datum values[3];
	uint64 rows;
	Frame frame;

	frame_enter_own(&frame);
	rows = locks_run_waiting(&reserve_names, &value, "the name of the new virtual machine");
	if (rows != (uint64) result->copy_count)
		raise_name_used(first_absent_name(result, rows), "a clone under way");
	frame_leave(&frame);

	/* the versions of a template share its name */
	if (request->base_template_id.given)
		return;
	values[0] = names_array(result);
	values[1] = CStringGetTextDatum(request->target == CLONE_TARGET_VM ? "VM" : "TEMPLATE");
	values[2] = UUIDPGetDatum(&command->plan->pool_id);
	if (statement_run_latest(&used_names, values, NULL) > 0)
		raise_name_used(field_text(0, 1),
						request->target == CLONE_TARGET_VM ? "a virtual machine" : "a template");
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

bool
command_makes_image(const PlannedDisk *disk)
{
	return disk->fate == DISK_COPY || disk->fate == DISK_BLANK;
}

static void
append_uuid(StringInfo json, const char *key, const pg_uuid_t *uuid)
{
	if (uuid == NULL || uuid_is_zero(uuid))
		appendStringInfo(json, "\"%s\":null", key);
	else
		appendStringInfo(json, "\"%s\":\"%s\"", key, uuid_text(uuid));
}

Jsonb *
command_document(const Command *command)
{
	const CloneRequest *request = command->request;
	const ClonePlan *plan = command->plan;
	const CommandResult *result = command->result;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_uuid(&json, "call_id", &result->call_id);
	appendStringInfo(&json, ",\"action\":\"%s\",\"status\":\"%s\",",
					 request->target == CLONE_TARGET_VM ? "AddVmFromSnapshot"
														: "AddVmTemplateFromSnapshot",
					 command->tasks_per_copy == 0 ? "succeeded"
					 : request->start_paused      ? "paused"
												  : "queued");
	append_uuid(&json, "source_vm_id", &plan->source_vm_id);
	appendStringInfoChar(&json, ',');
	append_uuid(&json, "source_snapshot_id", &plan->snapshot_id);
	appendStringInfoChar(&json, ',');
	append_uuid(&json, "storage_pool_id", &plan->pool_id);
	appendStringInfoChar(&json, ',');
	append_uuid(&json, "cluster_id", &plan->cluster_id);
	appendStringInfoChar(&json, ',');
	append_uuid(&json, "user_id", command->has_user ? &command->user_id : NULL);
	appendStringInfoChar(&json, ',');
	append_uuid(&json, "retry_of", command->retry_of);
	appendStringInfo(&json,
					 ",\"lock_mode\":\"%s\",\"on_failure\":\"%s\",\"priority\":%d,\"verify\":%s,"
					 "\"bandwidth_limit\":",
					 request->lock_shared ? "shared" : "exclusive",
					 request->hold_on_failure ? "hold" : "clean", request->priority,
					 request->verify ? "true" : "false");
	if (request->bandwidth_limit > 0)
		appendStringInfo(&json, INT64_FORMAT, request->bandwidth_limit);
	else
		appendStringInfoString(&json, "null");
	appendStringInfoString(&json, ",\"copies\":[");
	for (int i = 0; i < result->copy_count; i++)
	{
		const CloneCopy *copy = &result->copies[i];

		appendStringInfo(&json, "%s{\"copy_number\":%d,", i ? "," : "", copy->number);
		append_uuid(&json, "job_id", &copy->job_id);
		appendStringInfoChar(&json, ',');
		append_uuid(&json, "vm_id", &copy->vm_id);
		appendStringInfoString(&json, ",\"vm_name\":");
		json_append_string(&json, copy->vm_name);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoString(&json, "]}");
	return json_from_text(json.data);
}

/*
 * The chain to read.  A template's image is read by its hard link in the VM's own folder.
 */
static void
append_layers(StringInfo json, const PlannedDisk *disk)
{
	appendStringInfo(json, "\"%d\":[", disk->number);
	for (int i = 0; disk->fate == DISK_COPY && i < disk->chain_length; i++)
	{
		const ChainImage *image = &disk->chain[i];

		appendStringInfo(json, "%s{", i ? "," : "");
		append_uuid(json, "image_id", &image->image_id);
		appendStringInfoChar(json, ',');
		append_uuid(json, "image_group_id", &image->folder_id);
		appendStringInfoChar(json, ',');
		append_uuid(json, "storage_domain_id", &image->storage_domain_id);
		appendStringInfo(json, ",\"volume_format\":\"%s\",\"size\":" INT64_FORMAT "}",
						 image->volume_format == VOLUME_FORMAT_RAW ? "RAW" : "COW", image->size);
	}
	appendStringInfoChar(json, ']');
}

static void
append_task(StringInfo json, const Command *command, const CloneCopy *copy, const PlannedDisk *disk,
			int index, const pg_uuid_t *task_id, const pg_uuid_t *read_from_task)
{
	bool is_copy = disk->fate == DISK_COPY;

	appendStringInfoChar(json, '{');
	append_uuid(json, "task_id", task_id);
	appendStringInfoChar(json, ',');
	append_uuid(json, "job_id", &copy->job_id);
	appendStringInfoChar(json, ',');
	append_uuid(json, "vm_id", &copy->vm_id);
	appendStringInfo(json, ",\"disk_number\":%d,", disk->number);
	append_uuid(json, "source_disk_id", &disk->disk_id);
	appendStringInfoChar(json, ',');
	append_uuid(json, "source_image_id", is_copy ? &disk->image_id : NULL);
	appendStringInfoChar(json, ',');
	append_uuid(json, "source_storage_domain_id",
				is_copy ? &disk->chain[disk->chain_length - 1].storage_domain_id : NULL);
	appendStringInfoChar(json, ',');
	append_uuid(json, "read_from_task", read_from_task);
	appendStringInfoChar(json, ',');
	append_uuid(json, "disk_id", &copy->new_disk_ids[index]);
	appendStringInfoString(json, ",\"disk_alias\":");
	json_append_string(json, copy->disk_aliases[index]);
	appendStringInfoChar(json, ',');
	append_uuid(json, "image_id", &copy->new_image_ids[index]);
	appendStringInfoChar(json, ',');
	append_uuid(json, "storage_domain_id", &disk->target_domain_id);
	appendStringInfo(json,
					 ",\"volume_format\":\"%s\",\"volume_type\":\"%s\",\"copy_volume_type\":\"%s\","
					 "\"virtual_size\":" INT64_FORMAT ",\"bytes_reserved\":" INT64_FORMAT
					 ",\"bytes_total\":" INT64_FORMAT ",\"description\":",
					 disk->volume_format == VOLUME_FORMAT_RAW ? "RAW" : "COW",
					 disk->volume_type == VOLUME_TYPE_PREALLOCATED ? "Preallocated" : "Sparse",
					 command->request->target == CLONE_TARGET_TEMPLATE ? "SHARED" : "LEAF",
					 disk->size, disk->bytes_needed, disk->bytes_to_read);
	json_append_string(json, copy->disk_aliases[index]);
	appendStringInfoChar(json, '}');
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
	pg_uuid_t *first = palloc0(sizeof(pg_uuid_t) * Max(plan->disk_count, 1));
	bool comma = false;
	StringInfoData json;
	Datum document;

	if (command->tasks_per_copy == 0)
		return;
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"layers\":{");
	for (int d = 0; d < plan->disk_count; d++)
	{
		if (!command_makes_image(&plan->disks[d]))
			continue;
		appendStringInfoString(&json, comma ? "," : "");
		append_layers(&json, &plan->disks[d]);
		comma = true;
	}
	appendStringInfoString(&json, "},\"tasks\":[");
	comma = false;
	for (int c = 0; c < result->copy_count; c++)
	{
		for (int d = 0; d < plan->disk_count; d++)
		{
			pg_uuid_t task_id;

			if (!command_makes_image(&plan->disks[d]))
				continue;
			task_id = uuid_new();
			appendStringInfoString(&json, comma ? "," : "");
			append_task(&json, command, &result->copies[c], &plan->disks[d], d, &task_id,
						c > 0 && plan->disks[d].fate == DISK_COPY ? &first[d] : NULL);
			if (c == 0)
				first[d] = task_id;
			comma = true;
		}
	}
	appendStringInfoString(&json, "]}");
	document = JsonbPGetDatum(json_from_text(json.data));
	if (statement_run(&insert_tasks, &document, NULL) !=
		(uint64) command->tasks_per_copy * result->copy_count)
		elog(ERROR, "task rows are missing");
}

void
command_write_jobs(const Command *command, const Jsonb *document)
{
	Datum values[3];
	Frame frame;

	frame_enter_own(&frame);
	values[0] = JsonbPGetDatum(document);
	values[1] = DirectFunctionCall1(namein, CStringGetDatum(command->caller.role_name));
	values[2] = JsonbPGetDatum(command->request->parameters);
	if (statement_run(&insert_jobs, values, NULL) != (uint64) command->result->copy_count)
		elog(ERROR, "job rows are missing");
	write_tasks(command);
	frame_leave(&frame);
}
