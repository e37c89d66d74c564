/*
 * plan.c
 *		A clone call worked out against the inventory: snapshot, virtual machine, cluster, template,
 *		the new vm_static.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "configuration/configuration.h"
#include "base/json.h"
#include "plan/plan_parts.h"
#include "plan/quota.h"
#include "base/statement.h"

#define ORIGIN_OVIRT 3

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
		" a.disk_ids, a.aliases, a.storage_types,"
		" (SELECT pg_catalog.jsonb_object_agg(o.option_name, o.option_value) FROM vdc_options o"
		"  WHERE o.option_name IN ('MaxVmNameLength', 'MaxNumOfVmSockets', 'MaxNumOfCpuPerSocket',"
		"   'MaxNumOfThreadsPerCpu', 'MaxNumOfVmCpus', 'NumberOfUSBSlots')"
		"   AND o.version IN ('general', c.compatibility_version)),"
		" s.app_list, c.additional_rng_sources"
		" FROM (SELECT $1 AS snapshot_id, $2 AS cluster_id) r"
		" LEFT JOIN snapshots s ON s.snapshot_id = r.snapshot_id"
		" LEFT JOIN LATERAL (SELECT w.vm_name, w.cluster_id, w.quota_id, w.instance_type_id,"
		"  w.lease_sd_id, w.max_memory_size_mb, pg_catalog.to_jsonb(w.*) AS all_columns"
		"  FROM vm_static w WHERE w.vm_guid = s.vm_id OFFSET 0) v ON true"
		" LEFT JOIN cluster sc ON sc.cluster_id = v.cluster_id"
		" LEFT JOIN cluster c ON c.cluster_id = COALESCE(r.cluster_id, v.cluster_id)"
		" LEFT JOIN mac_pools m ON m.id = c.mac_pool_id"
		" LEFT JOIN storage_pool p ON p.id = c.storage_pool_id"
		" CROSS JOIN LATERAL (SELECT pg_catalog.array_agg(e.disk_id) AS disk_ids,"
		"  pg_catalog.array_agg(b.disk_alias::text) AS aliases,"
		"  pg_catalog.array_agg(b.disk_storage_type::integer) AS storage_types"
		"  FROM disk_vm_element e JOIN base_disks b ON b.disk_id = e.disk_id"
		"  WHERE e.vm_id = s.vm_id AND NOT COALESCE(b.shareable, false)) a",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDOID},
};

/* Run where they say something, which is seldom: snapshots at work, and */
static Statement load_busy_snapshots = {
	.sql = "SELECT snapshot_id, description::text, status::text FROM snapshots"
		   " WHERE vm_id = $1 AND status <> 'OK' ORDER BY snapshot_id",
	.argument_count = 1,
	.argument_types = {UUIDOID},
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

/* What the statement says that the plan itself doesn't keep. */
typedef struct LoadedFacts
{
	Jsonb *current; /* the source VM's row as it is now; NULL: it is gone */
	pg_uuid_t *cpu_profiles;
	int cpu_profile_count;
	ConfigurationSource source;
} LoadedFacts;

Datum
plan_uuid_array(const pg_uuid_t *ids, int count)
{
	Datum *values = palloc(sizeof(Datum) * (count + 1));

	for (int i = 0; i < count; i++)
		values[i] = UUIDPGetDatum(&ids[i]);
	return PointerGetDatum(construct_array(values, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

pg_uuid_t *
plan_field_uuids(uint64 row, int column, int *count)
{
	bool is_null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &is_null);
	Datum *elements;
	pg_uuid_t *result;

	*count = 0;
	if (is_null)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &elements,
					  NULL, count);
	result = palloc(sizeof(pg_uuid_t) * (*count + 1));
	for (int i = 0; i < *count; i++)
		result[i] = *DatumGetUUIDP(elements[i]);
	return result;
}

Jsonb **
plan_objects(const Jsonb *object, const char *key, int *count)
{
	Jsonb *array = json_get(object, key);
	Jsonb **result;

	*count = 0;
	if (array == NULL || !JB_ROOT_IS_ARRAY(array) || JB_ROOT_IS_SCALAR(array))
		return NULL;
	result = palloc(sizeof(Jsonb *) * (JB_ROOT_COUNT(array) + 1));
	for (uint32 i = 0; i < JB_ROOT_COUNT(array); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(&array->root, i);

		if (element->type == jbvBinary)
			result[(*count)++] = JsonbValueToJsonb(element);
	}
	return result;
}

Jsonb *
plan_concatenate(Jsonb *left, Jsonb *right)
{
	if (left == NULL || right == NULL)
		return left ? left : right;
	if (JB_ROOT_IS_OBJECT(right) && JB_ROOT_COUNT(right) == 0)
		return left;
	return DatumGetJsonbP(
		DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(left), JsonbPGetDatum(right)));
}

static void
read_busy_snapshots(ClonePlan *plan)
{
	Datum value = UUIDPGetDatum(&plan->source_vm_id);
	uint64 rows = statement_run(&load_busy_snapshots, &value, NULL);

	plan->busy_snapshots = palloc0(sizeof(BusySnapshot) * (rows + 1));
	plan->busy_snapshot_count = (int) rows;
	for (uint64 row = 0; row < rows; row++)
	{
		plan->busy_snapshots[row].snapshot_id = field_uuid(row, 1);
		plan->busy_snapshots[row].description = field_text(row, 2);
		plan->busy_snapshots[row].status = field_text(row, 3);
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
	plan->template_name = field_text(0, 1);
	plan->template_disabled = field_bool(0, 2);
	plan->template_status = (int) field_int64(0, 3);
	pool_id = field_uuid(0, 4);
	plan->template_is_version = field_bool(0, 5);
	/* Blank and templates without a cluster belong to every data center */
	plan->template_in_pool = uuid_is_zero(&pool_id) || uuid_same(&pool_id, &plan->pool_id);
}

static Datum *
field_array(int column, Oid type, bool **nulls, int *count)
{
	bool is_null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &is_null);
	Datum *elements = NULL;

	*count = 0;
	if (!is_null)
		deconstruct_array(DatumGetArrayTypeP(value), type, type == INT4OID ? 4 : -1,
						  type == INT4OID, TYPALIGN_INT, &elements, nulls, count);
	return elements;
}

/* Disks that the VM has now; plan_load_active_disks adds what their images say. */
static void
read_attached_disks(ClonePlan *plan)
{
	int count;
	pg_uuid_t *ids = plan_field_uuids(0, 29, &count);
	bool *alias_nulls;
	bool *type_nulls;
	Datum *aliases = field_array(30, TEXTOID, &alias_nulls, &count);
	Datum *types = field_array(31, INT4OID, &type_nulls, &count);

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
	source->ovf = field_text(0, 24);
	source->vm_name = plan->source_vm_name;
	source->has_pool = !field_is_null(0, 8);
	source->pool_id = plan->source_pool_id;
	source->quota_id = field_uuid(0, 25);
	source->instance_type_id = field_uuid(0, 26);
	source->lease_sd_id = field_uuid(0, 27);
	source->max_memory_mb = field_int64(0, 28);
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

static void
load(ClonePlan *plan, LoadedFacts *facts)
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
	plan->snapshot_exists = !field_is_null(0, 4);
	plan->snapshot_type = field_text(0, 1);
	plan->snapshot_description = field_text(0, 2);
	plan->configuration_broken = field_bool(0, 3);
	plan->source_vm_id = field_uuid(0, 4);
	plan->source_vm_name = field_text(0, 5);
	plan->source_vm_status = field_is_null(0, 6) ? -1 : (int) field_int64(0, 6);
	plan->source_cluster_id = field_uuid(0, 7);
	plan->source_pool_id = field_uuid(0, 8);
	check_cluster_given_once(plan);
	facts->current = field_jsonb(0, 9);
	some_busy = field_bool(0, 10);
	plan->cluster_exists = !field_is_null(0, 11);
	plan->cluster_id = plan->cluster_exists ? field_uuid(0, 11) : cluster.value;
	plan->cluster_name = field_text(0, 12);
	plan->architecture = (int) field_int64(0, 13);
	plan->cluster_bios_type = (int) field_int64(0, 14);
	plan->compatibility_version = field_text(0, 15);
	plan->has_mac_pool = !field_is_null(0, 16);
	plan->mac_pool_id = field_uuid(0, 16);
	plan->mac_pool_allows_duplicates = field_bool(0, 17);
	plan->pool_exists = !field_is_null(0, 18);
	plan->pool_id = field_uuid(0, 18);
	plan->pool_name = field_text(0, 19);
	plan->pool_status = (int) field_int64(0, 20);
	plan->quota_enforcement = (int) field_int64(0, 21);
	plan->default_quota_id.given = !field_is_null(0, 22);
	plan->default_quota_id.value = field_uuid(0, 22);
	facts->cpu_profiles = plan_field_uuids(0, 23, &facts->cpu_profile_count);
	read_source(plan, &facts->source);
	read_attached_disks(plan);
	plan->options = field_jsonb(0, 32);
	plan->app_list = field_text(0, 33);
	plan->rng_sources = field_text(0, 34);

	if (some_busy)
		read_busy_snapshots(plan);
	plan->template_id = request->base_template_id;
	if (!plan->template_id.given &&
		json_get_uuid(request->vm_static, "vmt_guid", &plan->template_id.value))
		plan->template_id.given = !uuid_is_zero(&plan->template_id.value);
	if (plan->template_id.given)
		read_template(plan);
}

/* The caller's or source's CPU profile if the cluster has it, else the cluster's first. */
static void
choose_cpu_profile(ClonePlan *plan, StringInfo overlay, const Jsonb *merged, const Jsonb *given,
				   const LoadedFacts *facts)
{
	const pg_uuid_t *profiles = facts->cpu_profiles;
	int count = facts->cpu_profile_count;
	pg_uuid_t wanted;
	pg_uuid_t current;

	plan->cpu_profile_fits = true;
	if (!plan->cluster_exists)
		return;
	if (json_get_uuid(merged, "cpu_profile_id", &wanted))
	{
		for (int i = 0; i < count; i++)
			if (uuid_same(&profiles[i], &wanted))
				return;
		/* the source's own, handed back, is no choice for another cluster */
		if (json_get_text(given, "cpu_profile_id") &&
			(uuid_same(&plan->source_cluster_id, &plan->cluster_id) ||
			 !json_get_uuid(facts->current, "cpu_profile_id", &current) ||
			 !uuid_same(&current, &wanted)))
		{
			plan->cpu_profile_fits = false;
			return;
		}
	}
	if (count > 0)
		appendStringInfo(overlay, ",\"cpu_profile_id\":\"%s\"", uuid_text(&profiles[0]));
	else
		plan->cpu_profile_fits = false;
}

/*
 * The source's quota doesn't go along into another data center: that one's default takes its place.
 * Handed back, it is no choice either; any other quota is the caller's, for the checks.
 */
static bool
loses_quota(const ClonePlan *plan, const LoadedFacts *facts, const Jsonb *merged)
{
	const Jsonb *sources[2] = {json_get(plan->configuration, "vm_static"), facts->current};
	pg_uuid_t wanted;
	pg_uuid_t own;

	if (!plan->pool_exists || uuid_same(&plan->pool_id, &plan->source_pool_id) ||
		!json_get_uuid(merged, "quota_id", &wanted))
		return false;
	for (int i = 0; i < lengthof(sources); i++)
		if (json_get_uuid(sources[i], "quota_id", &own) && uuid_same(&own, &wanted))
			return true;
	return false;
}

/* A VmStatic given whole needs its memory; the maximum is four times that, as in the engine's form. */
static void
complete_given_vm_static(StringInfo overlay, const Jsonb *given)
{
	int64 memory = json_get_int64(given, "mem_size_mb", 0);

	if (!json_has(given, "mem_size_mb"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"vm_static\" lacks key \"mem_size_mb\""),
				 errdetail("use_given_vm_static is true: nothing is taken from the snapshot's "
						   "VmStatic."),
				 errhint("vmclone.get_vm_configuration_by_snapshot_id gives a whole vm_static.")));
	if (json_get_text(given, "max_memory_size_mb") == NULL)
		appendStringInfo(overlay, ",\"max_memory_size_mb\":" INT64_FORMAT,
						 memory > 0 ? Min(memory * 4, PG_INT32_MAX) : memory);
}

bool
plan_is_from_rows(const ClonePlan *plan)
{
	char *source = json_get_text(plan->configuration, "source");

	return source && strcmp(source, "current") == 0;
}

/* current row < configuration < caller's values (DESIGN §2); reference §2.1. */
static void
build_vm_static(ClonePlan *plan, const LoadedFacts *facts)
{
	Jsonb *given = plan->request->vm_static;
	Jsonb *changes = given;
	Jsonb *merged = given;
	StringInfoData overlay;

	if (!plan->request->use_given_vm_static)
	{
		/* without a document, the configuration is the current row */
		if (!plan_is_from_rows(plan))
			changes = plan_concatenate(json_get(plan->configuration, "vm_static"), given);
		merged = plan_concatenate(facts->current, changes);
	}
	if (changes == NULL)
		changes = json_from_text("{}");
	if (merged == NULL)
		merged = json_from_text("{}");

	initStringInfo(&overlay);
	appendStringInfo(&overlay, "{\"entity_type\":\"%s\"",
					 plan->request->target == CLONE_TARGET_TEMPLATE ? "TEMPLATE" : "VM");
	if (plan->cluster_exists)
		appendStringInfo(&overlay, ",\"cluster_id\":\"%s\"", uuid_text(&plan->cluster_id));
	if (plan->request->use_given_vm_static)
		complete_given_vm_static(&overlay, given);
	/* below what copies have of their own */
	if (json_get_text(merged, "origin") == NULL)
		appendStringInfo(&overlay, ",\"origin\":%d", ORIGIN_OVIRT);
	if (json_get_int64(merged, "bios_type", 0) == 0 && plan->cluster_bios_type != 0)
		appendStringInfo(&overlay, ",\"bios_type\":%d", plan->cluster_bios_type);
	/* a lease only if it is asked for */
	if (!json_has(given, "lease_sd_id") && json_has(merged, "lease_sd_id"))
		appendStringInfoString(&overlay, ",\"lease_sd_id\":null");
	if (loses_quota(plan, facts, merged))
		appendStringInfoString(&overlay, ",\"quota_id\":null");
	choose_cpu_profile(plan, &overlay, merged, given, facts);
	appendStringInfoChar(&overlay, '}');
	plan->vm_static = plan_concatenate(merged, json_from_text(overlay.data));
	plan->vm_static_changes = plan_concatenate(changes, json_from_text(overlay.data));
}

ClonePlan *
plan_load(const CloneRequest *request, bool has_user, const pg_uuid_t *user_id)
{
	ClonePlan *plan = palloc0(sizeof(ClonePlan));
	LoadedFacts facts;
	ImageRows *images = NULL;

	plan->request = request;
	plan->quota = palloc0(sizeof(QuotaState));
	plan->has_user = has_user;
	plan->last_mac_address = -1;
	if (has_user)
		plan->user_id = *user_id;
	plan_check_overrides(request);
	load(plan, &facts);
	if (plan->snapshot_exists)
	{
		pg_uuid_t *disks = palloc(sizeof(pg_uuid_t) * (plan->active_disk_count + 1));

		for (int i = 0; i < plan->active_disk_count; i++)
			disks[i] = plan->active_disks[i].disk_id;
		facts.source.other_disks = disks;
		facts.source.other_disk_count = plan->active_disk_count;
		plan->configuration =
			configuration_load_from(&facts.source, &images, &plan->configuration_error);
	}
	build_vm_static(plan, &facts);
	plan_check_shared_columns(plan, facts.current);
	plan_name_copies(plan);
	plan_load_disks(plan, images);
	plan_load_domains(plan);
	plan_load_locks(plan);
	plan_decide_disks(plan);
	quota_settle(plan);
	plan_load_interfaces(plan);
	return plan;
}
