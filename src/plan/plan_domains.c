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
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "plan/plan_parts.h"

#define USER_AND_GROUPS SQL_USER_AND_GROUPS("$3")

#define GIB ((int64) 1024 * 1024 * 1024)

/* How long a look of ours at a domain's free space counts; afterwards only its size does. */
#define MEASURED_COUNTS "1 hour"

/*
 * What the engine says of the domains, and what vmclone does.  For a user: profiles that it may
 * attach (ATTACH_DISK_PROFILE) come first.
 */
static Statement load_domains = {
	.sql =
		"SELECT r.id, s.storage_name::text, m.status, s.storage_domain_type, s.storage_type,"
		" d.available_disk_size, s.critical_space_action_blocker, ARRAY (SELECT f.id FROM disk_profiles f WHERE f.storage_domain_id = s.id"
		"  ORDER BY $3 IS NULL OR EXISTS (SELECT 1 FROM permissions pm"
		"    JOIN roles_groups g ON g.role_id = pm.role_id AND g.action_group_id = " SQL_ACTION_ATTACH_DISK_PROFILE
		"    WHERE pm.ad_element_id IN " USER_AND_GROUPS
		"     AND pm.object_id IN (f.id, s.id, $2, " OVIRT_SYSTEM_ID ")) DESC,"
		"   f.name, f.id), (to_jsonb(d) ->> '_update_date')::timestamptz,"
		" s.storage_domain_format_type::text, a.status = 'attached', a.reflink, a.available_bytes,"
		" a.checked_at, a.total_bytes, a.checked_at > clock_timestamp() - interval '" MEASURED_COUNTS
		"', EXISTS (SELECT 1 FROM vmclone.measurements e"
		"  WHERE e.snapshot_id = $4 AND e.status = 'done'), a.error, a.extent_size"
		" FROM unnest($1) r(id)"
		" LEFT JOIN storage_domain_static s ON s.id = r.id"
		" LEFT JOIN storage_domain_dynamic d ON d.id = s.id"
		" LEFT JOIN storage_pool_iso_map m ON m.storage_id = s.id AND m.storage_pool_id = $2"
		/* of the hosts that have it, the one that looked last */
		" LEFT JOIN LATERAL (SELECT * FROM vmclone.storage_mounts m WHERE m.storage_domain_id = r.id"
		"  ORDER BY m.status = 'attached' DESC, m.checked_at DESC LIMIT 1) a ON true",
	.argument_count = 4,
	.argument_types = {UUIDARRAYOID, UUIDOID, UUIDOID, UUIDOID},
};

/* Columns of load_domains. */
enum DomainColumn
{
	DOMAIN_ID = 1,
	DOMAIN_NAME,
	DOMAIN_STATUS,
	DOMAIN_TYPE,
	DOMAIN_STORAGE_TYPE,
	DOMAIN_AVAILABLE_GB,
	DOMAIN_BLOCKER_GB,
	DOMAIN_DISK_PROFILES,
	DOMAIN_ENGINE_LOOKED_AT,
	DOMAIN_FORMAT,
	DOMAIN_ATTACHED,
	DOMAIN_REFLINK,
	DOMAIN_AVAILABLE_BYTES,
	DOMAIN_LOOKED_AT,
	DOMAIN_TOTAL_BYTES,
	DOMAIN_LOOK_COUNTS,
	DOMAIN_MEASURED,
	DOMAIN_ATTACH_ERROR,
	DOMAIN_EXTENT_SIZE,
};

/* VDSM's, for a block domain that isn't attached. */
#define DEFAULT_EXTENT_SIZE ((int64) 128 * 1024 * 1024)

/*
 * What other clones take of a domain's free space, as it was when it was looked at: tasks under way
 * what they have still to write, those that began later all of it; finished ones what they have written
 * since.
 */
static Statement load_reserved = {
	.sql =
		"SELECT r.id,"
		" LEAST(COALESCE((SELECT sum(CASE WHEN t.started_at > r.known_at"
		"    THEN GREATEST(t.bytes_reserved, t.bytes_written)"
		"    ELSE GREATEST(t.bytes_reserved - t.bytes_written, 0) END)"
		"   FROM vmclone.async_tasks t WHERE t.storage_domain_id = r.id AND t.result IS NULL), 0)"
		"  + COALESCE((SELECT sum(COALESCE(t.actual_size, t.bytes_written))"
		"   FROM vmclone.async_tasks t WHERE t.storage_domain_id = r.id AND t.result = 'success'"
		"    AND t.ended_at > r.known_at), 0), 9223372036854775807)::bigint"
		" FROM ROWS FROM (unnest($1), unnest($2)) AS r(id, known_at)",
	.argument_count = 2,
	.argument_types = {UUIDARRAYOID, TIMESTAMPTZARRAYOID},
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

/* A time that a column holds; who doesn't say when has looked just now. */
static TimestampTz
field_time(uint64 row, enum DomainColumn column)
{
	bool is_null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &is_null);

	return is_null ? DT_NOEND : DatumGetTimestampTz(value);
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
read_available(uint64 row, DomainFacts *domain)
{
	bool engine_knows = !field_is_null(row, DOMAIN_AVAILABLE_GB);

	domain->available_since = DT_NOEND;
	if (engine_knows)
		limit_available(domain, field_int64(row, DOMAIN_AVAILABLE_GB) * GIB,
						field_time(row, DOMAIN_ENGINE_LOOKED_AT));
	if (!field_is_null(row, DOMAIN_AVAILABLE_BYTES) &&
		(!engine_knows || field_bool(row, DOMAIN_LOOK_COUNTS)))
		limit_available(domain, field_int64(row, DOMAIN_AVAILABLE_BYTES),
						field_time(row, DOMAIN_LOOKED_AT));
	else if (!field_is_null(row, DOMAIN_TOTAL_BYTES))
		limit_available(domain, field_int64(row, DOMAIN_TOTAL_BYTES), DT_NOEND);
}

static void
read_domain(uint64 row, DomainFacts *domain)
{
	domain->name = field_text(row, DOMAIN_NAME);
	domain->exists = !field_is_null(row, DOMAIN_STATUS);
	domain->status = (int) field_int64(row, DOMAIN_STATUS);
	domain->domain_type = (int) field_int64(row, DOMAIN_TYPE);
	domain->storage_type = (int) field_int64(row, DOMAIN_STORAGE_TYPE);
	domain->is_block =
		domain->storage_type == STORAGE_TYPE_FCP || domain->storage_type == STORAGE_TYPE_ISCSI;
	domain->has_blocker = !field_is_null(row, DOMAIN_BLOCKER_GB);
	domain->critical_blocker_gb = field_int64(row, DOMAIN_BLOCKER_GB);
	domain->disk_profiles = field_uuids(row, DOMAIN_DISK_PROFILES, &domain->disk_profile_count);
	domain->format = field_text(row, DOMAIN_FORMAT);
	domain->attached = field_bool(row, DOMAIN_ATTACHED);
	domain->attach_error = domain->attached ? NULL : field_text(row, DOMAIN_ATTACH_ERROR);
	domain->reflink = field_bool(row, DOMAIN_REFLINK);
	read_available(row, domain);
	domain->snapshot_measured = field_bool(row, DOMAIN_MEASURED);
	domain->extent_size = field_int64(row, DOMAIN_EXTENT_SIZE);
	if (domain->extent_size <= 0)
		domain->extent_size = DEFAULT_EXTENT_SIZE;
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
	Datum values[2];
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
	Datum values[4];
	bool nulls[4] = {false};
	uint64 rows;

	collect_domains(plan);
	if (plan->domains == NIL)
		return;
	values[0] = domain_array(plan, false);
	/* domains are looked up in the target's pool; an unknown one has none */
	values[1] = UUIDPGetDatum(&plan->pool_id);
	nulls[1] = !plan->pool_exists;
	values[2] = UUIDPGetDatum(&plan->user_id);
	nulls[2] = !plan->has_user;
	values[3] = UUIDPGetDatum(&plan->snapshot_id);
	rows = statement_run(&load_domains, values, nulls);
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t id = field_uuid(row, DOMAIN_ID);

		read_domain(row, plan_domain(plan, &id));
	}
	load_identity(plan);
}
