/*
 * plan_domains.c
 *		Facts of the storage domains that a clone call reads or writes, and what jobs under way have
 *		reserved there.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "base/arrays.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/keyed_rows.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "plan/plan_parts.h"

#define GIB ((int64) 1024 * 1024 * 1024)

/* How long a look of ours at a domain's free space counts; afterwards only its size does. */
#define MEASURED_COUNTS_MS (60 * 60 * 1000)

/* Disk profiles of domain $1: those that the user $3 may attach (ATTACH_DISK_PROFILE) come first. */
static Statement load_profiles_of_user = {
	.sql = "SELECT f.id FROM disk_profiles f WHERE f.storage_domain_id = $1"
		   " ORDER BY EXISTS (SELECT 1 FROM permissions pm"
		   "    JOIN roles_groups g ON g.role_id = pm.role_id"
		   "     AND g.action_group_id = " SQL_ACTION_ATTACH_DISK_PROFILE
		   "    WHERE pm.ad_element_id IN " SQL_USER_AND_GROUPS(
			   "$3") "     AND pm.object_id IN (f.id, $1, $2, " OVIRT_SYSTEM_ID
					 ")) DESC, f.name, f.id",
	.argument_count = 3,
	.argument_types = {UUIDOID, UUIDOID, UUIDOID},
};

/* VDSM's, for a block domain that isn't attached. */
#define DEFAULT_EXTENT_SIZE ((int64) 128 * 1024 * 1024)

/*
 * What other clones than $3 take of a domain's free space, as it was when it was looked at: tasks under way
 * what they have still to write, those that began later all of it; finished ones what they have written
 * since.
 */
static Statement load_reserved = {
	.sql = "SELECT r.id,"
		   " LEAST(COALESCE((SELECT sum(CASE WHEN t.started_at > r.known_at"
		   "    THEN GREATEST(t.bytes_reserved, t.bytes_written)"
		   "    ELSE GREATEST(t.bytes_reserved - t.bytes_written, 0) END)"
		   "   FROM vmclone.async_tasks t WHERE t.storage_domain_id = r.id AND t.result IS NULL"
		   "    AND NOT t.vm_id = ANY ($3)), 0)"
		   "  + COALESCE((SELECT sum(COALESCE(t.actual_size, t.bytes_written))"
		   "   FROM vmclone.async_tasks t WHERE t.storage_domain_id = r.id AND t.result = 'success'"
		   "    AND t.ended_at > r.known_at), 0), 9223372036854775807)::bigint"
		   " FROM ROWS FROM (unnest($1), unnest($2)) AS r(id, known_at)",
	.argument_count = 3,
	.argument_types = {UUIDARRAYOID, TIMESTAMPTZARRAYOID, UUIDARRAYOID},
};

/* Columns of load_reserved. */
enum ReservedColumn
{
	RESERVED_DOMAIN_ID = 1,
	RESERVED_BYTES,
};

DomainFacts *
plan_domain(const ClonePlan *plan, const pg_uuid_t *domain_id)
{
	ListCell *cell;

	foreach (cell, plan->domains)
	{
		DomainFacts *domain = lfirst(cell);

		if (uuid_same(&domain->id, domain_id))
			return domain;
	}
	return NULL;
}

static DomainFacts *
add_domain(ClonePlan *plan, const pg_uuid_t *domain_id)
{
	DomainFacts *domain = plan_domain(plan, domain_id);

	if (domain == NULL)
	{
		domain = palloc0(sizeof(DomainFacts));
		domain->id = *domain_id;
		plan->domains = lappend(plan->domains, domain);
	}
	return domain;
}

/* A lease is only there when it is asked for. */
static void
collect_lease_domains(ClonePlan *plan)
{
	pg_uuid_t domain;

	if (json_get_uuid(plan->vm_static, "lease_sd_id", &domain))
		add_domain(plan, &domain)->of_lease = true;
	for (int i = 0; plan->request->copy_overrides && i < plan->request->copies; i++)
		if (json_get_uuid(json_get(plan_overrides_of_copy(plan->request, i), "vm_static"),
						  "lease_sd_id", &domain))
			add_domain(plan, &domain)->of_lease = true;
}

static void
collect_domains(ClonePlan *plan)
{
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		for (int j = 0; j < disk->chain_length && disk->fate == DISK_COPY; j++)
			if (disk->chain[j].has_domain)
				add_domain(plan, &disk->chain[j].storage_domain_id)->is_source = true;
		if (disk->has_target)
			add_domain(plan, &disk->target_domain_id)->is_target = true;
	}
	for (int i = 0; i < plan->active_disk_count; i++)
		if (plan->active_disks[i].has_domain)
			add_domain(plan, &plan->active_disks[i].storage_domain_id)->of_active_disk = true;
	collect_lease_domains(plan);
}

/* From now on no more than that is available. */
static void
limit_available(DomainFacts *domain, int64 bytes, TimestampTz since)
{
	if (domain->has_available && domain->available_bytes <= bytes)
		return;
	domain->has_available = true;
	domain->available_bytes = bytes;
	domain->available_since = since;
}

/*
 * The smaller of what the engine's row says and of what vmclone saw: the one may be nobody's measurement, the other
 * knows nothing of thresholds of the storage.  Each counts with the clones since it was found.
 */
static void
read_available(DomainFacts *domain, const KeyedRows *dynamic, const KeyedRows *mounts, int mount)
{
	bool engine_knows = dynamic && !keyed_is_null(dynamic, 0, "available_disk_size");

	domain->available_since = DT_NOEND;
	if (engine_knows)
		limit_available(domain, keyed_int64(dynamic, 0, "available_disk_size") * GIB,
						keyed_has_column(dynamic, "_update_date")
							? keyed_time(dynamic, 0, "_update_date", DT_NOEND)
							: DT_NOEND);
	if (mount < 0)
		return;
	if (!keyed_is_null(mounts, mount, "available_bytes") &&
		(!engine_knows || !TimestampDifferenceExceeds(keyed_time(mounts, mount, "checked_at", 0),
													  GetCurrentTimestamp(), MEASURED_COUNTS_MS)))
		limit_available(domain, keyed_int64(mounts, mount, "available_bytes"),
						keyed_time(mounts, mount, "checked_at", DT_NOEND));
	else if (!keyed_is_null(mounts, mount, "total_bytes"))
		limit_available(domain, keyed_int64(mounts, mount, "total_bytes"), DT_NOEND);
}

static bool
is_attached(const KeyedRows *mounts, int row)
{
	return strcmp(keyed_text(mounts, row, "status"), "attached") == 0;
}

/* Of the hosts that have the domain, the one that looked last, those that have it attached first; -1: none has. */
static int
choose_mount(const KeyedRows *mounts)
{
	int chosen = -1;

	for (int row = 0; row < mounts->count; row++)
	{
		if (chosen < 0 || is_attached(mounts, row) > is_attached(mounts, chosen) ||
			(is_attached(mounts, row) == is_attached(mounts, chosen) &&
			 keyed_time(mounts, row, "checked_at", DT_NOEND) >
				 keyed_time(mounts, chosen, "checked_at", DT_NOEND)))
			chosen = row;
	}
	return chosen;
}

/* What vmclone knows of the domain. */
static int
read_mount(DomainFacts *domain, const KeyedRows *mounts)
{
	int mount = choose_mount(mounts);

	domain->extent_size = DEFAULT_EXTENT_SIZE;
	if (mount < 0)
		return mount;
	domain->attached = is_attached(mounts, mount);
	domain->attach_error = domain->attached ? NULL : keyed_text(mounts, mount, "error");
	domain->reflink = keyed_bool(mounts, mount, "reflink");
	if (keyed_int64(mounts, mount, "extent_size") > 0)
		domain->extent_size = keyed_int64(mounts, mount, "extent_size");
	return mount;
}

/* The domain's status in the data center; an unknown data center has no domains. */
static void
read_status(const ClonePlan *plan, DomainFacts *domain)
{
	const KeyedRows *pools =
		keyed_rows("storage_pool_iso_map", "storage_id", &domain->id, 1, KEYED_ACTIVE);

	for (int row = 0; row < pools->count && plan->pool_exists; row++)
	{
		pg_uuid_t pool = keyed_uuid(pools, row, "storage_pool_id");

		if (!uuid_same(&pool, &plan->pool_id))
			continue;
		domain->exists = !keyed_is_null(pools, row, "status");
		domain->status = (int) keyed_int64(pools, row, "status");
	}
}

static void
read_profiles(const ClonePlan *plan, DomainFacts *domain)
{
	Datum values[3] = {UUIDPGetDatum(&domain->id), UUIDPGetDatum(&plan->pool_id),
					   UUIDPGetDatum(&plan->user_id)};
	bool nulls[3] = {false, !plan->pool_exists, false};
	const KeyedRows *rows =
		keyed_rows("disk_profiles", "storage_domain_id", &domain->id, 1, KEYED_ACTIVE);

	domain->disk_profiles = keyed_ids_by_name(rows, "id", "name");
	domain->disk_profile_count = rows->count;
	/* whose user may attach which, matters where there is a choice */
	if (!plan->has_user || rows->count < 2)
		return;
	domain->disk_profile_count = (int) statement_run(&load_profiles_of_user, values, nulls);
	domain->disk_profiles = palloc(sizeof(pg_uuid_t) * (domain->disk_profile_count + 1));
	for (int row = 0; row < domain->disk_profile_count; row++)
		domain->disk_profiles[row] = field_uuid(row, ONLY_COLUMN);
}

/* What the engine says of the domain, and what vmclone does. */
static void
read_domain(const ClonePlan *plan, DomainFacts *domain)
{
	const KeyedRows *domains =
		keyed_rows("storage_domain_static", "id", &domain->id, 1, KEYED_ACTIVE);
	const KeyedRows *mounts =
		keyed_rows("vmclone.storage_mounts", "storage_domain_id", &domain->id, 1, KEYED_ACTIVE);
	int mount = read_mount(domain, mounts);
	const KeyedRows *dynamic = NULL;

	if (domains->count > 0)
	{
		domain->name = keyed_text(domains, 0, "storage_name");
		domain->domain_type = (int) keyed_int64(domains, 0, "storage_domain_type");
		domain->storage_type = (int) keyed_int64(domains, 0, "storage_type");
		domain->has_blocker = !keyed_is_null(domains, 0, "critical_space_action_blocker");
		domain->critical_blocker_gb = keyed_int64(domains, 0, "critical_space_action_blocker");
		domain->format = keyed_text(domains, 0, "storage_domain_format_type");
		read_status(plan, domain);
		read_profiles(plan, domain);
		dynamic = keyed_rows("storage_domain_dynamic", "id", &domain->id, 1, KEYED_ACTIVE);
		if (dynamic->count == 0)
			dynamic = NULL;
	}
	domain->is_block =
		domain->storage_type == STORAGE_TYPE_FCP || domain->storage_type == STORAGE_TYPE_ISCSI;
	read_available(domain, dynamic, mounts, mount);
}

/* Has somebody measured the snapshot? */
static bool
is_measured(const ClonePlan *plan)
{
	const KeyedRows *rows =
		keyed_rows("vmclone.measurements", "snapshot_id", &plan->snapshot_id, 1, KEYED_ACTIVE);

	for (int row = 0; row < rows->count; row++)
	{
		if (strcmp(keyed_text(rows, row, "status"), "done") == 0)
			return true;
	}
	return false;
}

/* Whose the mounts are that the rows tell of: a copy of a database has attached none yet. */
static void
load_identity(ClonePlan *plan)
{
	ListCell *cell;
	Frame frame;

	frame_enter_own(&frame);
	plan->identity = identity_state();
	plan->waits_for_adopt = identity_waits_for_adopt(plan->identity);
	frame_leave(&frame);
	if (!identity_is_copy(plan->identity))
		return;
	foreach (cell, plan->domains)
	{
		DomainFacts *domain = lfirst(cell);

		if (domain->attached)
			domain->attach_error = pstrdup(IDENTITY_MOUNT_OF_ANOTHER);
		domain->attached = false;
	}
}

/* Ids of the plan's domains, all or those that are written. */
static Datum
domain_array(const ClonePlan *plan, bool only_targets)
{
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * list_length(plan->domains));
	int count = 0;
	ListCell *cell;

	foreach (cell, plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (domain->is_target || !only_targets)
			ids[count++] = domain->id;
	}
	return array_of_uuids(ids, count);
}

void
plan_load_reserved(const ClonePlan *plan)
{
	Datum *times = palloc(sizeof(Datum) * (list_length(plan->domains) + 1));
	int count = 0;
	Datum values[3];
	ListCell *cell;
	uint64 rows;
	Frame frame;

	foreach (cell, plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (domain->is_target)
			times[count++] = TimestampTzGetDatum(domain->available_since);
	}
	if (count == 0)
		return;
	values[0] = domain_array(plan, true);
	values[1] = array_of_datums(times, count, TIMESTAMPTZOID);
	values[2] = array_of_uuids(plan->new_vm_ids, plan->new_vm_count);
	frame_enter_own(&frame);
	rows = statement_run(&load_reserved, values, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t id = field_uuid(row, RESERVED_DOMAIN_ID);

		DomainFacts *domain = plan_domain(plan, &id);

		domain->bytes_reserved = field_int64(row, RESERVED_BYTES);
		domain->is_summed_up = true;
	}
	frame_leave(&frame);
}

void
plan_load_domains(ClonePlan *plan)
{
	ListCell *cell;
	bool measured;

	collect_domains(plan);
	if (plan->domains == NIL)
		return;
	keyed_begin_snapshot();
	measured = is_measured(plan);
	foreach (cell, plan->domains)
	{
		DomainFacts *domain = lfirst(cell);

		read_domain(plan, domain);
		domain->snapshot_measured = measured;
	}
	keyed_end_snapshot();
	load_identity(plan);
}
