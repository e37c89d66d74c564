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
#include "base/statement.h"
#include "base/uuid.h"
#include "configuration/configuration.h"
#include "ovirt/ovirt_codes.h"
#include "plan/plan_parts.h"
#include "plan/quota.h"

/*
 * Everything that hangs on the snapshot and the target cluster, in one row.  Where a table has columns
 * as wide as a page, as vm_static and vm_dynamic have, a planner without statistics believes in one
 * row: OFFSET 0 and the subquery make it one index probe all the same.
 */
static Statement load_facts = {
	.sql =
		"SELECT s.snapshot_type::text, s.description::text, s.vm_configuration_broken, s.vm_id,"
		" v.vm_name::text, (SELECT d.status FROM vm_dynamic d WHERE d.vm_guid = s.vm_id),"
		" v.cluster_id, sc.storage_pool_id, v.all_columns,"
		" EXISTS (SELECT FROM snapshots o WHERE o.vm_id = s.vm_id AND o.status <> 'OK'),"
		" c.cluster_id, c.name::text, c.architecture, COALESCE(c.bios_type, 0),"
		" c.compatibility_version::text, m.id, COALESCE(m.allow_duplicate_mac_addresses, false),"
		" p.id, p.name::text, p.status, p.quota_enforcement_type,"
		" (SELECT q.id FROM quota q WHERE q.storage_pool_id = p.id AND q.is_default),"
		" ARRAY (SELECT f.id FROM cpu_profiles f WHERE f.cluster_id = c.cluster_id"
		"  ORDER BY f.name, f.id),"
		" s.vm_configuration, v.quota_id, v.instance_type_id, v.lease_sd_id, v.max_memory_size_mb,"
		" a.disk_ids, a.aliases, a.storage_types, a.has_kept_disks,"
		" (SELECT jsonb_object_agg(o.option_name, o.option_value) FROM vdc_options o"
		"  WHERE o.option_name IN ('MaxVmNameLength', 'MaxNumOfVmSockets', 'MaxNumOfCpuPerSocket',"
		"   'MaxNumOfThreadsPerCpu', 'MaxNumOfVmCpus', 'NumberOfUSBSlots')"
		"   AND o.version IN ('general', c.compatibility_version)),"
		" s.app_list, c.additional_rng_sources,"
		" COALESCE(s.memory_dump_disk_id, s.memory_metadata_disk_id)"
		" FROM (SELECT $1 AS snapshot_id, $2 AS cluster_id) r"
		" LEFT JOIN snapshots s ON s.snapshot_id = r.snapshot_id"
		" LEFT JOIN LATERAL (SELECT w.vm_name, w.cluster_id, w.quota_id, w.instance_type_id,"
		"  w.lease_sd_id, w.max_memory_size_mb, to_jsonb(w.*) AS all_columns"
		"  FROM vm_static w WHERE w.vm_guid = s.vm_id OFFSET 0) v ON true"
		" LEFT JOIN cluster sc ON sc.cluster_id = v.cluster_id"
		" LEFT JOIN cluster c ON c.cluster_id = COALESCE(r.cluster_id, v.cluster_id)"
		" LEFT JOIN mac_pools m ON m.id = c.mac_pool_id"
		" LEFT JOIN storage_pool p ON p.id = c.storage_pool_id"
		" CROSS JOIN LATERAL (SELECT array_agg(e.disk_id) FILTER (WHERE NOT o.shareable) AS disk_ids,"
		"  array_agg(b.disk_alias::text) FILTER (WHERE NOT o.shareable) AS aliases,"
		"  array_agg(b.disk_storage_type::integer) FILTER (WHERE NOT o.shareable) AS storage_types,"
		"  bool_or(" SQL_DISK_IS_KEPT ") AS has_kept_disks"
		"  FROM disk_vm_element e JOIN base_disks b ON b.disk_id = e.disk_id"
		"  CROSS JOIN LATERAL (SELECT COALESCE(b.shareable, false) AS shareable) o"
		"  WHERE e.vm_id = s.vm_id) a",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDOID},
};

/* Columns of load_facts. */
enum FactsColumn
{
	FACT_SNAPSHOT_TYPE = 1,
	FACT_SNAPSHOT_DESCRIPTION,
	FACT_CONFIGURATION_BROKEN,
	FACT_SOURCE_VM_ID,
	FACT_SOURCE_VM_NAME,
	FACT_SOURCE_VM_STATUS,
	FACT_SOURCE_CLUSTER_ID,
	FACT_SOURCE_POOL_ID,
	FACT_SOURCE_ROW,
	FACT_SOME_SNAPSHOT_BUSY,
	FACT_CLUSTER_ID,
	FACT_CLUSTER_NAME,
	FACT_ARCHITECTURE,
	FACT_CLUSTER_BIOS_TYPE,
	FACT_COMPATIBILITY_VERSION,
	FACT_MAC_POOL_ID,
	FACT_MAC_POOL_ALLOWS_DUPLICATES,
	FACT_POOL_ID,
	FACT_POOL_NAME,
	FACT_POOL_STATUS,
	FACT_QUOTA_ENFORCEMENT,
	FACT_DEFAULT_QUOTA_ID,
	FACT_CPU_PROFILES,
	FACT_OVF,
	FACT_SOURCE_QUOTA_ID,
	FACT_SOURCE_INSTANCE_TYPE_ID,
	FACT_SOURCE_LEASE_DOMAIN_ID,
	FACT_SOURCE_MAX_MEMORY,
	FACT_ACTIVE_DISK_IDS,
	FACT_ACTIVE_DISK_ALIASES,
	FACT_ACTIVE_DISK_STORAGE_TYPES,
	FACT_HAS_KEPT_DISKS,
	FACT_OPTIONS,
	FACT_APP_LIST,
	FACT_RNG_SOURCES,
	FACT_MEMORY_DISK_ID,
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
read_attached_disks(ClonePlan *plan)
{
	int count;
	pg_uuid_t *ids = field_uuids(0, FACT_ACTIVE_DISK_IDS, &count);
	bool *alias_nulls;
	bool *type_nulls;
	Datum *aliases = field_elements(0, FACT_ACTIVE_DISK_ALIASES, TEXTOID, &alias_nulls, &count);
	Datum *types = field_elements(0, FACT_ACTIVE_DISK_STORAGE_TYPES, INT4OID, &type_nulls, &count);

	plan->active_disks = palloc0(sizeof(ActiveDisk) * (count + 1));
	plan->active_disk_count = count;
	for (int i = 0; i < count; i++)
	{
		plan->active_disks[i].disk_id = ids[i];
		plan->active_disks[i].alias = alias_nulls[i] ? NULL : TextDatumGetCString(aliases[i]);
		plan->active_disks[i].disk_storage_type = type_nulls[i] ? 0 : DatumGetInt32(types[i]);
	}
}

static void
read_source(const ClonePlan *plan, ConfigurationSource *source)
{
	source->snapshot_id = plan->snapshot_id;
	source->vm_id = plan->source_vm_id;
	source->ovf = field_text(0, FACT_OVF);
	source->vm_name = plan->source_vm_name;
	source->has_pool = !field_is_null(0, FACT_SOURCE_POOL_ID);
	source->pool_id = plan->source_pool_id;
	source->quota_id = field_uuid(0, FACT_SOURCE_QUOTA_ID);
	source->instance_type_id = field_uuid(0, FACT_SOURCE_INSTANCE_TYPE_ID);
	source->lease_sd_id = field_uuid(0, FACT_SOURCE_LEASE_DOMAIN_ID);
	source->max_memory_mb = field_int64(0, FACT_SOURCE_MAX_MEMORY);
	source->has_kept_disks = field_bool(0, FACT_HAS_KEPT_DISKS);
	source->wants_name = plan->request->vm_name == NULL;
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

/*
 * One statement for nearly everything, since starting a statement costs more than what these read: a call has
 * some 20 of them.  What is not there leaves zeros and NULLs behind, for the checks to name.  The
 * two things that seldom say anything, snapshots at work and a template, have statements of their own.
 */
void
plan_load_facts(ClonePlan *plan, LoadedFacts *facts)
{
	const CloneRequest *request = plan->request;
	OptionalUuid cluster = request->cluster_id;
	Datum values[2];
	bool nulls[2];
	bool some_busy;

	if (!cluster.given && json_get_uuid(request->vm_static, "cluster_id", &cluster.value))
		cluster.given = true;
	values[0] = UUIDPGetDatum(&request->snapshot_id.value);
	values[1] = UUIDPGetDatum(&cluster.value);
	nulls[0] = !request->snapshot_id.given;
	nulls[1] = !cluster.given;
	statement_run_one_row(&load_facts, values, nulls);

	plan->snapshot_id = request->snapshot_id.value;
	plan->snapshot_exists = !field_is_null(0, FACT_SOURCE_VM_ID);
	plan->snapshot_type = field_text(0, FACT_SNAPSHOT_TYPE);
	plan->snapshot_description = field_text(0, FACT_SNAPSHOT_DESCRIPTION);
	plan->configuration_broken = field_bool(0, FACT_CONFIGURATION_BROKEN);
	plan->source_vm_id = field_uuid(0, FACT_SOURCE_VM_ID);
	plan->source_vm_name = field_text(0, FACT_SOURCE_VM_NAME);
	plan->source_vm_status =
		field_is_null(0, FACT_SOURCE_VM_STATUS) ? -1 : (int) field_int64(0, FACT_SOURCE_VM_STATUS);
	plan->source_cluster_id = field_uuid(0, FACT_SOURCE_CLUSTER_ID);
	plan->source_pool_id = field_uuid(0, FACT_SOURCE_POOL_ID);
	check_cluster_given_once(plan);
	facts->current = field_jsonb(0, FACT_SOURCE_ROW);
	some_busy = field_bool(0, FACT_SOME_SNAPSHOT_BUSY);
	plan->cluster_exists = !field_is_null(0, FACT_CLUSTER_ID);
	plan->cluster_id = plan->cluster_exists ? field_uuid(0, FACT_CLUSTER_ID) : cluster.value;
	plan->cluster_name = field_text(0, FACT_CLUSTER_NAME);
	plan->architecture = (int) field_int64(0, FACT_ARCHITECTURE);
	plan->cluster_bios_type = (int) field_int64(0, FACT_CLUSTER_BIOS_TYPE);
	plan->compatibility_version = field_text(0, FACT_COMPATIBILITY_VERSION);
	plan->has_mac_pool = !field_is_null(0, FACT_MAC_POOL_ID);
	plan->mac_pool_id = field_uuid(0, FACT_MAC_POOL_ID);
	plan->mac_pool_allows_duplicates = field_bool(0, FACT_MAC_POOL_ALLOWS_DUPLICATES);
	plan->pool_exists = !field_is_null(0, FACT_POOL_ID);
	plan->pool_id = field_uuid(0, FACT_POOL_ID);
	plan->pool_name = field_text(0, FACT_POOL_NAME);
	plan->pool_status = (int) field_int64(0, FACT_POOL_STATUS);
	plan->quota_enforcement = (int) field_int64(0, FACT_QUOTA_ENFORCEMENT);
	plan->default_quota_id.given = !field_is_null(0, FACT_DEFAULT_QUOTA_ID);
	plan->default_quota_id.value = field_uuid(0, FACT_DEFAULT_QUOTA_ID);
	facts->cpu_profiles = field_uuids(0, FACT_CPU_PROFILES, &facts->cpu_profile_count);
	read_source(plan, &facts->source);
	read_attached_disks(plan);
	plan->options = field_jsonb(0, FACT_OPTIONS);
	plan->app_list = field_text(0, FACT_APP_LIST);
	plan->rng_sources = field_text(0, FACT_RNG_SOURCES);
	plan->memory_disk_id = field_uuid(0, FACT_MEMORY_DISK_ID);

	if (some_busy)
		read_busy_snapshots(plan);
	plan->template_id = request->base_template_id;
	if (!plan->template_id.given &&
		json_get_uuid(request->vm_static, "vmt_guid", &plan->template_id.value))
		plan->template_id.given = !uuid_is_zero(&plan->template_id.value);
	if (plan->template_id.given)
		read_template(plan);
}
