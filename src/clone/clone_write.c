/*
 * clone_write.c
 *		Rows of the new virtual machines or templates: the order, and what belongs to the VM itself.
 *
 * The order follows the foreign keys.  Layers of vm_static, low to high: current row < OVF <
 * caller's values (all in plan->vm_static) < what must be new (here).
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/arrays.h"
#include "base/insertion.h"
#include "base/keyed_rows.h"
#include "base/json.h"
#include "base/json_objects.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "clone/clone_internal.h"

#define ROLE_VM_OPERATOR            "UserVmManager"
#define ROLE_TEMPLATE_OWNER         "TemplateOwner"
#define ROLE_DISK_OPERATOR          "DiskOperator"
#define ACTIVE_SNAPSHOT_DESCRIPTION "Active VM"

static RowCopyTarget vm_static = {
	.relation = "vm_static",
	.key = "vm_guid",
	.column_count = 3,
	.columns = {{"vm_guid", UUIDOID}, {"vm_name", TEXTOID}, {"vmt_guid", UUIDOID}},
};

static RowCopyTarget vm_init = {
	.relation = "vm_init",
	.key = "vm_id",
	.column_count = 1,
	.columns = {{"vm_id", UUIDOID}},
};

static RowCopyTarget vm_nvram_data = {
	.relation = "vm_nvram_data",
	.key = "vm_id",
	.column_count = 1,
	.columns = {{"vm_id", UUIDOID}},
};

static RowCopyTarget vm_ovf_generations = {
	.relation = "vm_ovf_generations",
	.key = "vm_guid",
	.column_count = 1,
	.columns = {{"vm_guid", UUIDOID}},
};

#define USER_AND_GROUPS SQL_USER_AND_GROUPS("$2")

/*
 * The version of base template $1; what user $2 needs to own the result: the roles named $3 and $4, and
 * whether rights on the cluster, the data center or the system suffice already
 * (MANIPULATE_PERMISSIONS).
 */
static Statement clone_facts = {
	.sql =
		"SELECT CASE WHEN $1 IS NULL THEN 1 ELSE (SELECT COALESCE(max(template_version_number), 0) + 1"
		"  FROM vm_static WHERE vmt_guid = $1 AND entity_type = 'TEMPLATE') END,"
		" (SELECT id FROM roles WHERE name = $3), (SELECT id FROM roles WHERE name = $4),"
		" NOT EXISTS (SELECT 1 FROM permissions p"
		"  JOIN roles_groups g ON g.role_id = p.role_id AND g.action_group_id = " SQL_ACTION_MANIPULATE_PERMISSIONS
		"  WHERE p.ad_element_id IN " USER_AND_GROUPS
		"   AND p.object_id IN ($5, $6, " OVIRT_SYSTEM_ID "))",
	.argument_count = 6,
	.argument_types = {UUIDOID, UUIDOID, TEXTOID, TEXTOID, UUIDOID, UUIDOID},
};

/* Columns of clone_facts. */
enum CloneFactColumn
{
	CLONE_TEMPLATE_VERSION = 1,
	CLONE_VM_ROLE_ID,
	CLONE_DISK_ROLE_ID,
	CLONE_GRANTS_VM_ROLE,
};

/* Rows that a new virtual machine starts with; these are made, not copied from the source's. */
static Insertion insert_dynamic = {
	.relation = "vm_dynamic",
	.column_count = 9,
	.columns = {{"vm_guid", UUIDOID},
				{"status", INT4OID},
				{"last_stop_time", TIMESTAMPTZOID},
				{"app_list", TEXTOID},
				{"vm_host", TEXTOID},
				{"vm_ip", TEXTOID},
				{"acpi_enable", BOOLOID},
				{"session", INT4OID},
				{"boot_sequence", INT4OID}},
};

static Insertion insert_statistics = {
	.relation = "vm_statistics",
	.column_count = 1,
	.columns = {{"vm_guid", UUIDOID}},
};

static Insertion insert_snapshots = {
	.relation = "snapshots",
	.column_count = 8,
	.columns = {{"snapshot_id", UUIDOID},
				{"vm_id", UUIDOID},
				{"snapshot_type", TEXTOID},
				{"status", TEXTOID},
				{"description", TEXTOID},
				{"creation_date", TIMESTAMPTZOID},
				{"app_list", TEXTOID},
				{"vm_configuration_broken", BOOLOID}},
};

static Insertion insert_permissions = {
	.relation = "permissions",
	.column_count = 5,
	.columns = {{"id", UUIDOID},
				{"role_id", UUIDOID},
				{"ad_element_id", UUIDOID},
				{"object_id", UUIDOID},
				{"object_type_id", INT4OID}},
};

static Statement copy_host_pinning = {
	.sql = "INSERT INTO vm_host_pinning_map (vm_id, vds_id) SELECT n.vm_id, p.vds_id"
		   " FROM vm_host_pinning_map p CROSS JOIN unnest($2) AS n (vm_id)"
		   " WHERE p.vm_id = $1",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDARRAYOID},
};

static Datum
vm_id_array(const CloneWork *work)
{
	Datum *ids = palloc(sizeof(Datum) * work->copy_count);

	for (int c = 0; c < work->copy_count; c++)
		ids[c] = UUIDPGetDatum(&work->copies[c].vm_id);
	return array_of_datums(ids, work->copy_count, UUIDOID);
}

static void
read_facts(CloneWork *work)
{
	const ClonePlan *plan = work->plan;
	CloneFacts *facts = &work->facts;
	pg_uuid_t user_id = plan->user_id;
	OptionalUuid base = plan->request->base_template_id;
	bool nulls[6] = {false};
	Datum arguments[6];

	facts->template_version = 1;
	if (!plan->has_user && !base.given)
		return;
	nulls[0] = !base.given;
	nulls[1] = !plan->has_user;
	arguments[0] = UUIDPGetDatum(&base.value);
	arguments[1] = UUIDPGetDatum(&user_id);
	arguments[2] = CStringGetTextDatum(work->is_template ? ROLE_TEMPLATE_OWNER : ROLE_VM_OPERATOR);
	arguments[3] = CStringGetTextDatum(ROLE_DISK_OPERATOR);
	arguments[4] = UUIDPGetDatum(&plan->cluster_id);
	arguments[5] = UUIDPGetDatum(&plan->pool_id);
	statement_run_one_row(&clone_facts, arguments, nulls);
	facts->template_version = (int) field_int64(0, CLONE_TEMPLATE_VERSION);
	facts->has_vm_role = !field_is_null(0, CLONE_VM_ROLE_ID);
	facts->vm_role_id = field_uuid(0, CLONE_VM_ROLE_ID);
	facts->has_disk_role = !field_is_null(0, CLONE_DISK_ROLE_ID);
	facts->disk_role_id = field_uuid(0, CLONE_DISK_ROLE_ID);
	facts->grants_vm_role = field_bool(0, CLONE_GRANTS_VM_ROLE);
}

/* What must be new in vm_static, whatever the layers below say. */
static Jsonb *
new_vm_static(const ClonePlan *plan, int template_version)
{
	const CloneRequest *request = plan->request;
	bool is_template = request->target == CLONE_TARGET_TEMPLATE;
	OptionalUuid cpu_profile;
	OptionalUuid quota;
	JsonbValue columns;

	/* one of each for all copies */
	cpu_profile.given = json_get_uuid(plan->vm_static, "cpu_profile_id", &cpu_profile.value);
	quota.given = json_get_uuid(plan->vm_static, "quota_id", &quota.value);
	if (!quota.given)
		quota = plan->default_quota_id;
	json_object_begin(&columns, 14);
	json_put_uuid(&columns, "quota_id", quota.given ? &quota.value : NULL);
	json_put_uuid(&columns, "cluster_id", &plan->cluster_id);
	json_put_int64(&columns, "child_count", 0);
	json_put_bool(&columns, "is_disabled", false);
	json_put_text(&columns, "entity_type", is_template ? "TEMPLATE" : "VM");
	json_put_text(&columns, "_create_date", "now");
	json_put_text(&columns, "_update_date", NULL);
	json_put_text(&columns, "creation_date", "now");
	json_put_int64(&columns, "db_generation", 1);
	json_put_uuid(&columns, "cpu_profile_id", cpu_profile.given ? &cpu_profile.value : NULL);
	json_put_uuid(&columns, "created_by_user_id", plan->has_user ? &plan->user_id : NULL);
	if (is_template)
	{
		json_put_int64(&columns, "template_status", TEMPLATE_STATUS_LOCKED);
		json_put_int64(&columns, "template_version_number", template_version);
		json_put_text(&columns, "template_version_name",
					  request->template_version_name    ? request->template_version_name
					  : request->base_template_id.given ? ""
														: "base version");
	}
	else
	{
		json_put_text(&columns, "template_status", NULL);
		json_put_text(&columns, "template_version_number", NULL);
		json_put_text(&columns, "template_version_name", NULL);
	}
	return json_from_value(&columns);
}

Jsonb *
clone_expected_vm_static(const ClonePlan *plan)
{
	return new_vm_static(plan, 1);
}

static void
write_vm_static(CloneWork *work)
{
	static const pg_uuid_t blank = {{0}};
	const ClonePlan *plan = work->plan;
	RowCopy *rows = row_copy_begin(&vm_static, NULL);
	Jsonb *new_values = new_vm_static(work->plan, work->facts.template_version);
	/* the whole VmStatic is the caller's: nothing comes from the source */
	const pg_uuid_t *key = plan->request->use_given_vm_static ? NULL : &plan->source_vm_id;
	int same = 0;

	for (int c = 0; c < work->copy_count; c++)
	{
		const CloneCopy *copy = &work->copies[c];
		const void *values[ROW_COPY_MAX_COLUMNS] = {&copy->vm_id, copy->vm_name, &blank};
		int source = same;

		/* the source's row itself, not its values in JSON: some types don't read what they write there */
		if (source == 0 || work->vm_static[c] != plan->vm_static)
			source = row_copy_source(rows, key,
									 (const Jsonb *const[]){plan->vm_static_changes,
															json_get(copy->overrides, "vm_static"),
															new_values},
									 3);
		if (work->vm_static[c] == plan->vm_static)
			same = source;
		if (work->is_template)
			values[2] = plan->request->base_template_id.given
							? &plan->request->base_template_id.value
							: &copy->vm_id;
		row_copy_row(rows, source, values);
		clone_note_row(work, c, &copy->vm_id);
	}
	(void) row_copy_run(rows);
}

/* vm_dynamic, vm_statistics and the ACTIVE snapshot; a template has none of them. */
static void
write_run_rows(CloneWork *work)
{
	NewRows dynamic = insertion_begin(&insert_dynamic);
	NewRows statistics = insertion_begin(&insert_statistics);
	NewRows snapshots = insertion_begin(&insert_snapshots);
	Datum now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());

	for (int c = 0; c < work->copy_count; c++)
	{
		const CloneCopy *copy = &work->copies[c];

		clone_note_row(work, c, &copy->active_snapshot_id);
		new_rows_put_uuid(&dynamic, &copy->vm_id);
		new_rows_put(&dynamic, Int32GetDatum(VM_STATUS_IMAGE_LOCKED));
		new_rows_put(&dynamic, now);
		new_rows_put_text(&dynamic, work->plan->app_list);
		/* what the engine writes of a virtual machine that has never run */
		new_rows_put_text(&dynamic, "");
		new_rows_put_text(&dynamic, "");
		new_rows_put(&dynamic, BoolGetDatum(true));
		new_rows_put(&dynamic, Int32GetDatum(SESSION_STATE_UNKNOWN));
		new_rows_put(&dynamic, Int32GetDatum(BOOT_SEQUENCE_C));
		new_rows_put_uuid(&statistics, &copy->vm_id);
		new_rows_put_uuid(&snapshots, &copy->active_snapshot_id);
		new_rows_put_uuid(&snapshots, &copy->vm_id);
		new_rows_put_text(&snapshots, "ACTIVE");
		new_rows_put_text(&snapshots, "OK");
		new_rows_put_text(&snapshots, ACTIVE_SNAPSHOT_DESCRIPTION);
		new_rows_put(&snapshots, now);
		new_rows_put_text(&snapshots, work->plan->app_list);
		new_rows_put(&snapshots, BoolGetDatum(false));
	}
	insertion_run(&dynamic);
	insertion_run(&statistics);
	insertion_run(&snapshots);
}

static void
put_permission(CloneWork *work, NewRows *rows, int c, const pg_uuid_t *role_id,
			   const pg_uuid_t *object_id, int object_type)
{
	pg_uuid_t id = uuid_new();

	clone_note_row(work, c, &id);
	new_rows_put_uuid(rows, &id);
	new_rows_put_uuid(rows, role_id);
	new_rows_put_uuid(rows, &work->plan->user_id);
	new_rows_put_uuid(rows, object_id);
	new_rows_put(rows, Int32GetDatum(object_type));
}

/* The creator's roles on the new virtual machine and on its disks. */
static void
write_permissions(CloneWork *work)
{
	const ClonePlan *plan = work->plan;
	const CloneFacts *facts = &work->facts;
	NewRows rows;

	if (!plan->has_user)
		return;
	rows = insertion_begin(&insert_permissions);
	for (int c = 0; c < work->copy_count; c++)
	{
		const CloneCopy *copy = &work->copies[c];

		if (facts->grants_vm_role && facts->has_vm_role)
			put_permission(work, &rows, c, &facts->vm_role_id, &copy->vm_id,
						   work->is_template ? OBJECT_TYPE_TEMPLATE : OBJECT_TYPE_VM);
		for (int d = 0; d < plan->disk_count && facts->has_disk_role; d++)
		{
			if (disk_is_made(&plan->disks[d]))
				put_permission(work, &rows, c, &facts->disk_role_id, &copy->new_disk_ids[d],
							   OBJECT_TYPE_DISK);
		}
	}
	insertion_run(&rows);
}

/* One row a copy, of a table keyed by the virtual machine; none where overlay is NULL. */
static void
write_row_of_vm(CloneWork *work, RowCopyTarget *target, const pg_uuid_t *key, const Jsonb *overlay)
{
	RowCopy *rows;
	int source;

	if (overlay == NULL || !inventory_has_table(target->relation))
		return;
	rows = row_copy_begin(target, NULL);
	source = row_copy_source(rows, key, &overlay, 1);
	for (int c = 0; c < work->copy_count; c++)
	{
		const void *values[ROW_COPY_MAX_COLUMNS] = {&work->copies[c].vm_id};

		row_copy_row(rows, source, values);
	}
	(void) row_copy_run(rows);
}

/* Ids of the NICs, which devices have too. */
static void
name_interfaces(CloneWork *work)
{
	int count = work->plan->interface_count;

	work->interface_ids = palloc0(sizeof(pg_uuid_t *) * work->copy_count);
	for (int c = 0; c < work->copy_count; c++)
	{
		work->interface_ids[c] = palloc0(sizeof(pg_uuid_t) * Max(count, 1));
		for (int i = 0; i < count; i++)
		{
			if (!work->copies[c].interfaces[i].include)
				continue;
			work->interface_ids[c][i] = uuid_new();
			clone_note_row(work, c, &work->interface_ids[c][i]);
		}
	}
}

static CloneWork *
begin(const ClonePlan *plan, const CloneCopy *copies, int copy_count, const AuditSubject *caller)
{
	CloneWork *work = palloc0(sizeof(CloneWork));
	CloneRecord *record = palloc0(sizeof(CloneRecord));

	work->plan = plan;
	work->caller = caller;
	work->copies = copies;
	work->copy_count = copy_count;
	work->is_template = plan->request->target == CLONE_TARGET_TEMPLATE;
	work->same_cluster = uuid_same(&plan->cluster_id, &plan->source_cluster_id);
	work->record = record;
	record->devices = palloc0(sizeof(Jsonb *) * copy_count);
	record->row_ids = palloc0(sizeof(pg_uuid_t *) * copy_count);
	record->row_id_counts = palloc0(sizeof(int) * copy_count);
	work->row_id_sizes = palloc0(sizeof(int) * copy_count);
	work->vm_static = palloc(sizeof(Jsonb *) * copy_count);
	for (int c = 0; c < copy_count; c++)
	{
		Jsonb *own = json_get(copies[c].overrides, "vm_static");

		work->vm_static[c] = own ? json_overlay(plan->vm_static, own) : plan->vm_static;
	}
	name_interfaces(work);
	return work;
}

CloneWork *
clone_write(const ClonePlan *plan, const CloneCopy *copies, int copy_count,
			const AuditSubject *caller)
{
	CloneWork *work = begin(plan, copies, copy_count, caller);
	static JsonConstant nothing = {"{}"};
	const Jsonb *init = json_get(plan->configuration, "vm_init");

	/* the row itself says it all */
	if (init && plan_is_from_rows(plan))
		init = json_constant(&nothing);
	read_facts(work);
	write_vm_static(work);
	if (!work->is_template)
		write_run_rows(work);
	write_row_of_vm(work, &vm_ovf_generations, NULL,
					json_from_text(psprintf("{\"storage_pool_id\": \"%s\", \"ovf_generation\": 0}",
											uuid_text(&plan->pool_id))));
	clone_disks_write(work);
	clone_devices_write(work);
	write_row_of_vm(work, &vm_init, &plan->source_vm_id, init);
	clone_numa_write(work);
	write_row_of_vm(work, &vm_nvram_data, NULL, clone_external_data(work, EXTERNAL_DATA_NVRAM));
	/* hosts of another cluster can't be pinned to */
	if (work->same_cluster && inventory_has_table("vm_host_pinning_map") &&
		keyed_rows("vm_host_pinning_map", "vm_id", &plan->source_vm_id, 1, KEYED_NOW)->count > 0)
	{
		Datum arguments[2] = {UUIDPGetDatum(&plan->source_vm_id), vm_id_array(work)};

		(void) statement_run(&copy_host_pinning, arguments, NULL);
	}
	write_permissions(work);
	return work;
}

void
clone_write_interfaces(CloneWork *work)
{
	clone_interfaces_write(work);
}
