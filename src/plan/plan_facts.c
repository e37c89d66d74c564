/*
 * plan_facts.c
 *		What the inventory says of the snapshot, its virtual machine, the target cluster and The template that the caller names; run only where one is named.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/json.h"
#include "base/keyed_rows.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "configuration/configuration.h"
#include "ovirt/ovirt_codes.h"
#include "plan/plan_parts.h"
#include "plan/quota.h"

/*
 * Of the snapshot's VM $1, data center $2 and compatibility version $3: what isn't a row by its id.
 */
static Statement load_more = {
	.sql = "SELECT EXISTS (SELECT FROM snapshots o WHERE o.vm_id = $1 AND o.status <> 'OK'),"
		   " (SELECT q.id FROM quota q WHERE q.storage_pool_id = $2 AND q.is_default),"
		   " (SELECT jsonb_object_agg(o.option_name, o.option_value) FROM vdc_options o"
		   "  WHERE o.option_name IN ('MaxVmNameLength', 'MaxNumOfVmSockets',"
		   "   'MaxNumOfCpuPerSocket', 'MaxNumOfThreadsPerCpu', 'MaxNumOfVmCpus',"
		   "   'NumberOfUSBSlots') AND o.version IN ('general', $3))",
	.argument_count = 3,
	.argument_types = {UUIDOID, UUIDOID, TEXTOID},
};

/* Columns of load_more. */
enum MoreColumn
{
	MORE_SOME_SNAPSHOT_BUSY = 1,
	MORE_DEFAULT_QUOTA_ID,
	MORE_OPTIONS,
};

/* Snapshots that something works on; run only where the first statement has counted some. */
static Statement load_busy_snapshots = {
	.sql = "SELECT snapshot_id, description::text, status::text FROM snapshots"
		   " WHERE vm_id = $1 AND status <> 'OK' ORDER BY snapshot_id",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of load_busy_snapshots. */
enum BusySnapshotColumn
{
	BUSY_SNAPSHOT_ID = 1,
	BUSY_DESCRIPTION,
	BUSY_STATUS,
};

/* a template that the caller names. */
static Statement load_template = {
	.sql = "SELECT t.vm_name::text, COALESCE(t.is_disabled, false), t.template_status,"
		   " c.storage_pool_id, t.vmt_guid <> t.vm_guid FROM vm_static t"
		   " LEFT JOIN cluster c ON c.cluster_id = t.cluster_id"
		   " WHERE t.vm_guid = $1 AND t.entity_type = 'TEMPLATE'",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of load_template. */
enum TemplateColumn
{
	TEMPLATE_NAME = 1,
	TEMPLATE_DISABLED,
	TEMPLATE_STATUS,
	TEMPLATE_POOL_ID,
	TEMPLATE_IS_VERSION,
};

static void
read_busy_snapshots(ClonePlan *plan)
{
	Datum value = UUIDPGetDatum(&plan->source_vm_id);
	uint64 rows = statement_run(&load_busy_snapshots, &value, NULL);

	plan->busy_snapshots = palloc0(sizeof(BusySnapshot) * (rows + 1));
	plan->busy_snapshot_count = (int) rows;
	for (uint64 row = 0; row < rows; row++)
	{
		plan->busy_snapshots[row].snapshot_id = field_uuid(row, BUSY_SNAPSHOT_ID);
		plan->busy_snapshots[row].description = field_text(row, BUSY_DESCRIPTION);
		plan->busy_snapshots[row].status = field_text(row, BUSY_STATUS);
	}
}

static void
read_template(ClonePlan *plan)
{
	Datum value = UUIDPGetDatum(&plan->template_id.value);
	pg_uuid_t pool_id;

	if (statement_run(&load_template, &value, NULL) == 0)
		return;
	plan->template_exists = true;
	plan->template_name = field_text(0, TEMPLATE_NAME);
	plan->template_disabled = field_bool(0, TEMPLATE_DISABLED);
	plan->template_status = (int) field_int64(0, TEMPLATE_STATUS);
	pool_id = field_uuid(0, TEMPLATE_POOL_ID);
	plan->template_is_version = field_bool(0, TEMPLATE_IS_VERSION);
	/* Blank and templates without a cluster belong to every data center */
	plan->template_in_pool = uuid_is_zero(&pool_id) || uuid_same(&pool_id, &plan->pool_id);
}

/* Disks that the VM has now; plan_load_disks adds what their images say. */
static void
read_attached_disks(ClonePlan *plan, ConfigurationSource *source)
{
	const KeyedRows *elements =
		keyed_rows("disk_vm_element", "vm_id", &plan->source_vm_id, 1, KEYED_ACTIVE);
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * (elements->count + 1));
	const KeyedRows *disks;

	for (int i = 0; i < elements->count; i++)
		ids[i] = keyed_uuid(elements, i, "disk_id");
	plan->active_disks = palloc0(sizeof(ActiveDisk) * (elements->count + 1));
	if (elements->count == 0)
		return;
	disks = keyed_rows("base_disks", "disk_id", ids, elements->count, KEYED_ACTIVE);
	for (int i = 0; i < disks->count; i++)
	{
		ActiveDisk *disk = &plan->active_disks[plan->active_disk_count];
		int storage_type = (int) keyed_int64(disks, i, "disk_storage_type");
		bool shareable = keyed_bool(disks, i, "shareable");

		source->has_kept_disks |= shareable || storage_type == DISK_STORAGE_TYPE_LUN;
		if (shareable)
			continue;
		disk->disk_id = keyed_uuid(disks, i, "disk_id");
		disk->alias = keyed_text(disks, i, "disk_alias");
		disk->disk_storage_type = storage_type;
		plan->active_disk_count++;
	}
}

/* Parameter cluster_id wins over the source's cluster in vm_static, handed back, and no other one. */
static void
check_cluster_given_once(const ClonePlan *plan)
{
	const OptionalUuid *parameter = &plan->request->cluster_id;
	pg_uuid_t in_vm_static;

	if (!parameter->given ||
		!json_get_uuid(plan->request->vm_static, "cluster_id", &in_vm_static) ||
		uuid_same(&in_vm_static, &parameter->value) ||
		uuid_same(&in_vm_static, &plan->source_cluster_id))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("cluster_id is %s, but vm_static says cluster %s",
						   uuid_text(&parameter->value), uuid_text(&in_vm_static)),
					errhint("Give the cluster once.")));
}

/* The row that the id finds, or NULL; as the active snapshot has it. */
static const KeyedRows *
find_row(const char *relation, const char *column, const pg_uuid_t *id)
{
	const KeyedRows *rows = keyed_rows(relation, column, id, 1, KEYED_ACTIVE);

	if (rows->count > 1)
		elog(ERROR, "%d rows of %s have the same %s", rows->count, relation, column);
	return rows->count == 1 ? rows : NULL;
}

static void
read_snapshot(ClonePlan *plan, LoadedFacts *facts)
{
	const KeyedRows *snapshot = find_row("snapshots", "snapshot_id", &plan->snapshot_id);

	if (snapshot == NULL)
		return;
	plan->snapshot_exists = !keyed_is_null(snapshot, 0, "vm_id");
	plan->snapshot_type = keyed_text(snapshot, 0, "snapshot_type");
	plan->snapshot_description = keyed_text(snapshot, 0, "description");
	plan->configuration_broken = keyed_bool(snapshot, 0, "vm_configuration_broken");
	plan->source_vm_id = keyed_uuid(snapshot, 0, "vm_id");
	plan->app_list = keyed_text(snapshot, 0, "app_list");
	plan->memory_disk_id =
		keyed_uuid(snapshot, 0,
				   keyed_is_null(snapshot, 0, "memory_dump_disk_id") ? "memory_metadata_disk_id"
																	 : "memory_dump_disk_id");
	facts->source.ovf = keyed_text(snapshot, 0, "vm_configuration");
}

/* The virtual machine as it is now; it may be gone. */
static void
read_source_vm(ClonePlan *plan, LoadedFacts *facts)
{
	ConfigurationSource *source = &facts->source;
	const KeyedRows *row;

	plan->source_vm_status = -1;
	row = find_row("vm_dynamic", "vm_guid", &plan->source_vm_id);
	if (row && !keyed_is_null(row, 0, "status"))
		plan->source_vm_status = (int) keyed_int64(row, 0, "status");
	row = find_row("vm_static", "vm_guid", &plan->source_vm_id);
	if (row == NULL)
		return;
	facts->current = keyed_json(row, 0);
	plan->source_vm_name = keyed_text(row, 0, "vm_name");
	plan->source_cluster_id = keyed_uuid(row, 0, "cluster_id");
	source->quota_id = keyed_uuid(row, 0, "quota_id");
	source->instance_type_id = keyed_uuid(row, 0, "instance_type_id");
	source->lease_sd_id = keyed_uuid(row, 0, "lease_sd_id");
	source->max_memory_mb = keyed_int64(row, 0, "max_memory_size_mb");
	if (keyed_is_null(row, 0, "cluster_id"))
		return;
	row = find_row("cluster", "cluster_id", &plan->source_cluster_id);
	source->has_pool = row && !keyed_is_null(row, 0, "storage_pool_id");
	if (source->has_pool)
		plan->source_pool_id = keyed_uuid(row, 0, "storage_pool_id");
}

/* The data center of the target cluster. */
static void
read_pool(ClonePlan *plan, const pg_uuid_t *id)
{
	const KeyedRows *pool = find_row("storage_pool", "id", id);

	if (pool == NULL)
		return;
	plan->pool_exists = true;
	plan->pool_id = *id;
	plan->pool_name = keyed_text(pool, 0, "name");
	plan->pool_status = (int) keyed_int64(pool, 0, "status");
	plan->quota_enforcement = (int) keyed_int64(pool, 0, "quota_enforcement_type");
}

static void
read_mac_pool(ClonePlan *plan, const pg_uuid_t *id)
{
	const KeyedRows *pool = find_row("mac_pools", "id", id);

	if (pool == NULL)
		return;
	plan->has_mac_pool = true;
	plan->mac_pool_id = *id;
	plan->mac_pool_allows_duplicates = keyed_bool(pool, 0, "allow_duplicate_mac_addresses");
}

/* The cluster that the caller names, else the source's. */
static void
read_target_cluster(ClonePlan *plan, LoadedFacts *facts, const OptionalUuid *given)
{
	const KeyedRows *cluster;
	const KeyedRows *profiles;

	plan->cluster_id = given->value;
	if (!given->given)
		plan->cluster_id = plan->source_cluster_id;
	if (!given->given && facts->current == NULL)
		return;
	cluster = find_row("cluster", "cluster_id", &plan->cluster_id);
	if (cluster == NULL)
	{
		plan->cluster_id = given->value;
		return;
	}
	plan->cluster_exists = true;
	plan->cluster_name = keyed_text(cluster, 0, "name");
	plan->architecture = (int) keyed_int64(cluster, 0, "architecture");
	plan->cluster_bios_type = (int) keyed_int64(cluster, 0, "bios_type");
	plan->compatibility_version = keyed_text(cluster, 0, "compatibility_version");
	plan->rng_sources = keyed_text(cluster, 0, "additional_rng_sources");
	profiles = keyed_rows("cpu_profiles", "cluster_id", &plan->cluster_id, 1, KEYED_ACTIVE);
	facts->cpu_profiles = keyed_ids_by_name(profiles, "id", "name");
	facts->cpu_profile_count = profiles->count;
	if (!keyed_is_null(cluster, 0, "mac_pool_id"))
	{
		pg_uuid_t id = keyed_uuid(cluster, 0, "mac_pool_id");

		read_mac_pool(plan, &id);
	}
	if (!keyed_is_null(cluster, 0, "storage_pool_id"))
	{
		pg_uuid_t id = keyed_uuid(cluster, 0, "storage_pool_id");

		read_pool(plan, &id);
	}
}

/* Returns whether something works on a snapshot of the virtual machine. */
static bool
read_more(ClonePlan *plan)
{
	Datum values[3] = {UUIDPGetDatum(&plan->source_vm_id), UUIDPGetDatum(&plan->pool_id)};
	bool nulls[3] = {!plan->snapshot_exists, !plan->pool_exists};

	values[2] = text_or_null(plan->compatibility_version, &nulls[2]);
	statement_run_one_row(&load_more, values, nulls);
	plan->default_quota_id.given = !field_is_null(0, MORE_DEFAULT_QUOTA_ID);
	plan->default_quota_id.value = field_uuid(0, MORE_DEFAULT_QUOTA_ID);
	plan->options = field_jsonb(0, MORE_OPTIONS);
	return field_bool(0, MORE_SOME_SNAPSHOT_BUSY);
}

/*
 * Rows by their ids, all as one snapshot has them; one statement for what isn't a row by its id.  What is not there
 * leaves zeros and NULLs behind, for the checks to name.  The two things that seldom say anything, snapshots at work
 * and a template, have statements of their own.
 */
void
plan_load_facts(ClonePlan *plan, LoadedFacts *facts)
{
	const CloneRequest *request = plan->request;
	OptionalUuid cluster = request->cluster_id;

	if (!cluster.given && json_get_uuid(request->vm_static, "cluster_id", &cluster.value))
		cluster.given = true;
	memset(facts, 0, sizeof(*facts));
	plan->snapshot_id = request->snapshot_id.value;
	plan->source_vm_status = -1;

	keyed_begin_snapshot();
	if (request->snapshot_id.given)
		read_snapshot(plan, facts);
	if (plan->snapshot_exists)
	{
		read_source_vm(plan, facts);
		read_attached_disks(plan, &facts->source);
	}
	check_cluster_given_once(plan);
	read_target_cluster(plan, facts, &cluster);
	keyed_end_snapshot();

	facts->source.snapshot_id = plan->snapshot_id;
	facts->source.vm_id = plan->source_vm_id;
	facts->source.vm_name = plan->source_vm_name;
	facts->source.pool_id = plan->source_pool_id;
	facts->source.wants_name = request->vm_name == NULL;
	if (read_more(plan))
		read_busy_snapshots(plan);
	plan->template_id = request->base_template_id;
	if (!plan->template_id.given &&
		json_get_uuid(request->vm_static, "vmt_guid", &plan->template_id.value))
		plan->template_id.given = !uuid_is_zero(&plan->template_id.value);
	if (plan->template_id.given)
		read_template(plan);
}
