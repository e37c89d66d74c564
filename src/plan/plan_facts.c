/*
 * plan_facts.c
 *		What the inventory says of the snapshot, its virtual machine, the target cluster and the template.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/compat.h"
#include "base/json.h"
#include "base/keyed_rows.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "configuration/configuration.h"
#include "ovirt/ovirt_codes.h"
#include "plan/plan_parts.h"
#include "plan/quota.h"

static const char *const option_names[] = {
	"MaxVmNameLength",       "MaxNumOfVmSockets", "MaxNumOfCpuPerSocket",
	"MaxNumOfThreadsPerCpu", "MaxNumOfVmCpus",    "NumberOfUSBSlots",
};

/* The options of these names $1; run only where no index finds them. */
static Statement load_options = {
	.sql = "SELECT option_name::text, option_value::text, version::text FROM vdc_options"
		   " WHERE option_name = ANY ($1)",
	.argument_count = 1,
	.argument_types = {TEXTARRAYOID},
};

/* Columns of load_options. */
enum OptionColumn
{
	OPTION_NAME = 1,
	OPTION_VALUE,
	OPTION_VERSION,
};

/* Snapshots that something works on; run only where there are some. */
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

/* The template that the caller names; run only where one is named. */
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
	plan->snapshot_row = snapshot;
	keyed_detoast(snapshot, 0, "vm_configuration");
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
	facts->source_cluster = row;
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
	if (facts->source_cluster && uuid_same(&plan->cluster_id, &plan->source_cluster_id))
		cluster = facts->source_cluster;
	else
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

/* Of the data center of the target cluster. */
static void
read_default_quota(ClonePlan *plan)
{
	const KeyedRows *quotas =
		keyed_rows("quota", "storage_pool_id", &plan->pool_id, 1, KEYED_ACTIVE);

	for (int row = 0; row < quotas->count; row++)
	{
		if (!keyed_bool(quotas, row, "is_default"))
			continue;
		plan->default_quota_id.given = true;
		plan->default_quota_id.value = keyed_uuid(quotas, row, "id");
	}
}

/* A row of vdc_options. */
typedef struct EngineOption
{
	char *name;
	char *value;
	char *version;
} EngineOption;

static EngineOption *
read_options(int *count)
{
	const KeyedRows *rows =
		keyed_rows_by_texts("vdc_options", "option_name", (char *const *) option_names,
							lengthof(option_names), KEYED_ACTIVE);
	EngineOption *options;
	Datum names[lengthof(option_names)];
	Datum value;

	if (rows->is_indexed)
	{
		*count = rows->count;
		options = palloc(sizeof(EngineOption) * (*count + 1));
		for (int row = 0; row < *count; row++)
			options[row] = (EngineOption){keyed_text(rows, row, "option_name"),
										  keyed_text(rows, row, "option_value"),
										  keyed_text(rows, row, "version")};
		return options;
	}
	for (int i = 0; i < (int) lengthof(option_names); i++)
		names[i] = CStringGetTextDatum(option_names[i]);
	value = array_of_datums(names, lengthof(option_names), TEXTOID);
	*count = (int) statement_run(&load_options, &value, NULL);
	options = palloc(sizeof(EngineOption) * (*count + 1));
	for (int row = 0; row < *count; row++)
		options[row] = (EngineOption){field_text(row, OPTION_NAME), field_text(row, OPTION_VALUE),
									  field_text(row, OPTION_VERSION)};
	return options;
}

static void
put_options(JsonbInState *state, const EngineOption *options, int count, const char *version)
{
	for (int i = 0; i < count; i++)
	{
		JsonbValue text = {.type = jbvString};

		if (version == NULL || options[i].version == NULL ||
			strcmp(options[i].version, version) != 0 || options[i].value == NULL)
			continue;
		text.val.string.val = options[i].name;
		text.val.string.len = (int) strlen(options[i].name);
		pushJsonbValue(state, WJB_KEY, &text);
		text.val.string.val = options[i].value;
		text.val.string.len = (int) strlen(options[i].value);
		pushJsonbValue(state, WJB_VALUE, &text);
	}
}

/* What is set for the cluster's version wins over what is set for all; the last one that is put does. */
static Jsonb *
load_engine_options(const char *version)
{
	JsonbInState state = {0};
	int count;
	const EngineOption *options = read_options(&count);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_options(&state, options, count, "general");
	put_options(&state, options, count, version);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(state.result);
}

/* Whether something works on a snapshot of the virtual machine. */
static bool
some_snapshot_is_busy(const ClonePlan *plan)
{
	const KeyedRows *snapshots =
		keyed_rows("snapshots", "vm_id", &plan->source_vm_id, 1, KEYED_ACTIVE);

	for (int row = 0; row < snapshots->count; row++)
	{
		const char *status = keyed_text(snapshots, row, "status");

		if (status && strcmp(status, "OK") != 0)
			return true;
	}
	return false;
}

/*
 * Rows by their ids, all as one snapshot has them.  What is not there leaves zeros and NULLs behind, for the checks to
 * name.  The two things that seldom say anything, snapshots at work and a template, have statements of their own.
 */
void
plan_load_facts(ClonePlan *plan, LoadedFacts *facts)
{
	const CloneRequest *request = plan->request;
	OptionalUuid cluster = request->cluster_id;
	bool is_busy;

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
	if (plan->pool_exists)
		read_default_quota(plan);
	plan->options = load_engine_options(plan->compatibility_version);
	is_busy = plan->snapshot_exists && some_snapshot_is_busy(plan);
	keyed_end_snapshot();

	facts->source.snapshot_id = plan->snapshot_id;
	facts->source.vm_id = plan->source_vm_id;
	facts->source.vm_name = plan->source_vm_name;
	facts->source.pool_id = plan->source_pool_id;
	facts->source.wants_name = request->vm_name == NULL;
	if (is_busy)
		read_busy_snapshots(plan);
	plan->template_id = request->base_template_id;
	if (!plan->template_id.given &&
		json_get_uuid(request->vm_static, "vmt_guid", &plan->template_id.value))
		plan->template_id.given = !uuid_is_zero(&plan->template_id.value);
	if (plan->template_id.given)
		read_template(plan);
}
