/*
 * quota.c
 *		oVirt's quota: what a clone takes, against limit, threshold and grace (ovirt-clone.md,
 *		"Quota").
 *
 * Every call counts, also one without an engine user: an administrator who wants to go beyond a
 * quota raises it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/json.h"
#include "base/keyed_rows.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "plan/plan_parts.h"
#include "plan/quota.h"

#define GIB       ((int64) 1024 * 1024 * 1024)
#define UNLIMITED (-1)

static Statement load_domain_limits = {
	.sql = "SELECT r.n::integer, l.storage_size_gb FROM ROWS FROM (unnest($1),"
		   " unnest($2)) WITH ORDINALITY AS r(quota_id, storage_id, n)"
		   " JOIN quota_limitation l ON l.quota_id = r.quota_id AND l.storage_id = r.storage_id"
		   " AND l.storage_size_gb IS NOT NULL",
	.argument_count = 2,
	.argument_types = {UUIDARRAYOID, UUIDARRAYOID},
};

/*
 * The engine's CalculateStorageUsage, in bytes; more than a bigint has are above every limit too.
 */
static Statement count_usage = {
	.sql = "SELECT r.n::integer, LEAST(COALESCE((SELECT sum(CASE WHEN i.active THEN"
		   "   i.size ELSE COALESCE(d.actual_size, 0) END) FROM image_storage_domain_map m"
		   "  JOIN images i ON i.image_guid = m.image_id"
		   "  LEFT JOIN disk_image_dynamic d ON d.image_id = m.image_id"
		   "  WHERE m.quota_id = r.quota_id"
		   "   AND (r.storage_id IS NULL OR m.storage_domain_id = r.storage_id)), 0),"
		   "  9223372036854775807)::bigint"
		   " FROM ROWS FROM (unnest($1), unnest($2))"
		   "  WITH ORDINALITY AS r(quota_id, storage_id, n)",
	.argument_count = 2,
	.argument_types = {UUIDARRAYOID, UUIDARRAYOID},
};

/* Columns of count_usage. */
enum DemandColumn
{
	DEMAND_NUMBER = 1,
	DEMAND_VALUE,
};

static QuotaFacts *
find_quota(const QuotaState *state, const pg_uuid_t *quota_id)
{
	for (int i = 0; i < state->quota_count; i++)
		if (uuid_same(&state->quotas[i].quota_id, quota_id))
			return &state->quotas[i];
	return NULL;
}

static void
add_quota(QuotaState *state, const OptionalUuid *quota_id)
{
	if (quota_id->given && find_quota(state, &quota_id->value) == NULL)
		state->quotas[state->quota_count++].quota_id = quota_id->value;
}

/* What is limited: storage and clusters, as a whole (global) or for some (specific). */
static void
read_limits(QuotaFacts *quota)
{
	const KeyedRows *limits =
		keyed_rows("quota_limitation", "quota_id", &quota->quota_id, 1, KEYED_ACTIVE);
	bool specific_storage = false;
	bool global_cluster = false;
	bool specific_cluster = false;

	for (int row = 0; row < limits->count; row++)
	{
		bool has_domain = !keyed_is_null(limits, row, "storage_id");
		bool has_cluster = !keyed_is_null(limits, row, "cluster_id");

		specific_storage |= has_domain;
		specific_cluster |= has_cluster;
		if (has_domain || has_cluster)
			continue;
		global_cluster |= !keyed_is_null(limits, row, "virtual_cpu") ||
						  !keyed_is_null(limits, row, "mem_size_mb");
		if (!keyed_is_null(limits, row, "storage_size_gb"))
		{
			int64 size = keyed_int64(limits, row, "storage_size_gb");

			quota->global_limit_gb = quota->has_global ? Max(quota->global_limit_gb, size) : size;
			quota->has_global = true;
		}
	}
	quota->limits_storage = quota->has_global || specific_storage;
	quota->limits_cluster = global_cluster || specific_cluster;
	quota->limits_mixed =
		(quota->has_global && specific_storage) || (global_cluster && specific_cluster);
}

static void
read_quotas(const ClonePlan *plan, QuotaState *state)
{
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * state->quota_count);
	const KeyedRows *rows;

	for (int i = 0; i < state->quota_count; i++)
		ids[i] = state->quotas[i].quota_id;
	keyed_begin_snapshot();
	rows = keyed_rows("quota", "id", ids, state->quota_count, KEYED_ACTIVE);
	for (int row = 0; row < rows->count; row++)
	{
		pg_uuid_t id = keyed_uuid(rows, row, "id");
		pg_uuid_t pool = keyed_uuid(rows, row, "storage_pool_id");
		QuotaFacts *quota = find_quota(state, &id);

		quota->name = keyed_text(rows, row, "quota_name");
		quota->in_pool = plan->pool_exists && uuid_same(&pool, &plan->pool_id);
		quota->threshold_percent = (int) keyed_int64(rows, row, "threshold_storage_percentage");
		quota->grace_percent = (int) keyed_int64(rows, row, "grace_storage_percentage");
		read_limits(quota);
	}
	keyed_end_snapshot();
}

QuotaState *
quota_load(const ClonePlan *plan)
{
	QuotaState *state = plan->quota;
	OptionalUuid vm_quota = {false};

	if (state->quotas)
		return state;
	state->quotas = palloc0(sizeof(QuotaFacts) * (plan->disk_count + 2));
	vm_quota.given = json_get_uuid(plan->vm_static, "quota_id", &vm_quota.value);
	state->vm_quota_named = vm_quota.given;
	if (!vm_quota.given)
		vm_quota = plan->default_quota_id;
	/* without enforcement only the VM's own quota is looked at, if it has one */
	if (state->vm_quota_named || plan->quota_enforcement != QUOTA_DISABLED)
		add_quota(state, &vm_quota);
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];
		bool chosen = disk->choice && disk->choice->quota_id.given;

		if (disk_is_made(disk) && (chosen || plan->quota_enforcement != QUOTA_DISABLED))
			add_quota(state, &disk->quota_id);
	}
	if (state->quota_count > 0)
		read_quotas(plan, state);
	if (vm_quota.given)
		state->vm_quota = find_quota(state, &vm_quota.value);
	return state;
}

bool
quota_some_missing(const ClonePlan *plan)
{
	const QuotaState *state = quota_load(plan);

	for (int i = 0; i < state->quota_count; i++)
	{
		if (state->quotas[i].name == NULL)
			return true;
	}
	return false;
}

void
quota_settle(ClonePlan *plan)
{
	const QuotaState *state = quota_load(plan);

	if (plan->quota_enforcement != QUOTA_SOFT)
		return;
	for (int i = 0; i < plan->disk_count; i++)
	{
		PlannedDisk *disk = &plan->disks[i];
		const QuotaFacts *quota =
			disk->quota_id.given ? find_quota(state, &disk->quota_id.value) : NULL;

		if (quota && quota->name == NULL)
			disk->quota_id.given = false;
	}
}

/* Disks of one quota, or of one quota and domain, ask together. */
static QuotaDemand *
find_demand(QuotaState *state, const QuotaFacts *quota, const PlannedDisk *disk)
{
	bool has_domain = quota && quota->name && !quota->has_global;
	QuotaDemand *demand;

	for (int i = 0; i < state->demand_count; i++)
	{
		demand = &state->demands[i];
		if (demand->quota == quota && demand->has_domain == has_domain &&
			(!has_domain || uuid_same(&demand->storage_domain_id, &disk->target_domain_id)))
			return demand;
	}
	demand = &state->demands[state->demand_count++];
	demand->quota = quota;
	demand->has_domain = has_domain;
	demand->storage_domain_id = disk->target_domain_id;
	demand->limit_gb = quota && quota->has_global ? quota->global_limit_gb : UNLIMITED;
	if (quota == NULL || quota->name == NULL)
		demand->verdict = QUOTA_ROW_MISSING;
	else if (!quota->in_pool || !quota->limits_storage)
		demand->verdict = QUOTA_NOT_VALID;
	else if (has_domain)
		demand->verdict = QUOTA_NO_DOMAIN_LIMIT; /* until its limit is found */
	return demand;
}

static void
collect_demands(const ClonePlan *plan, QuotaState *state)
{
	state->demands = palloc0(sizeof(QuotaDemand) * (plan->disk_count + 1));
	state->demand_count = 0;
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];
		QuotaDemand *demand;
		int64 bytes;

		if (!disk_is_made(disk) || !disk->has_target)
			continue;
		demand = find_demand(
			state, disk->quota_id.given ? find_quota(state, &disk->quota_id.value) : NULL, disk);
		if (pg_mul_s64_overflow(disk->size, plan->request->copies, &bytes) ||
			pg_add_s64_overflow(demand->requested_bytes, bytes, &demand->requested_bytes))
			demand->requested_bytes = PG_INT64_MAX;
	}
}

/* Runs a statement over the demands that a test picks; arrays of quota and domain. */
static uint64
run_for_demands(Statement *statement, QuotaState *state, bool (*wanted)(const QuotaDemand *),
				QuotaDemand **picked)
{
	Datum *quotas = palloc(sizeof(Datum) * (state->demand_count + 1));
	Datum *domains = palloc(sizeof(Datum) * (state->demand_count + 1));
	bool *nulls = palloc(sizeof(bool) * (state->demand_count + 1));
	Datum values[2];
	int count = 0;
	int lower_bound = 1;

	for (int i = 0; i < state->demand_count; i++)
	{
		QuotaDemand *demand = &state->demands[i];

		if (!wanted(demand))
			continue;
		quotas[count] = UUIDPGetDatum(&demand->quota->quota_id);
		domains[count] = UUIDPGetDatum(&demand->storage_domain_id);
		nulls[count] = !demand->has_domain;
		picked[count++] = demand;
	}
	if (count == 0)
		return 0;
	values[0] = array_of_datums(quotas, count, UUIDOID);
	values[1] = PointerGetDatum(construct_md_array(domains, nulls, 1, &count, &lower_bound, UUIDOID,
												   UUID_LEN, false, TYPALIGN_CHAR));
	return statement_run(statement, values, NULL);
}

static bool
needs_domain_limit(const QuotaDemand *demand)
{
	return demand->verdict == QUOTA_NO_DOMAIN_LIMIT;
}

static bool
needs_usage(const QuotaDemand *demand)
{
	return demand->verdict == QUOTA_WITHIN && demand->limit_gb != UNLIMITED;
}

/* Exact, so that equality stays inside the lower class: taken * 100 <= limit * percent. */
static bool
within(const QuotaDemand *demand, int percent)
{
	int128 taken = (int128) demand->used_bytes + demand->requested_bytes;

	return taken * 100 <= (int128) demand->limit_gb * GIB * percent;
}

static const char *
percent_of(const QuotaDemand *demand, int64 bytes)
{
	if (demand->limit_gb <= 0)
		return "100.0";
	return psprintf("%.1f", 100.0 * bytes / ((double) demand->limit_gb * GIB));
}

static QuotaEvent *
add_event(QuotaState *state, AuditType type)
{
	QuotaEvent *event = palloc0(sizeof(QuotaEvent));

	event->type = type;
	state->events = lappend(state->events, event);
	return event;
}

static void
add_storage_event(QuotaState *state, const QuotaDemand *demand, AuditType type)
{
	QuotaEvent *event = add_event(state, type);

	event->quota_id = demand->quota->quota_id;
	event->has_domain = demand->has_domain;
	event->storage_domain_id = demand->storage_domain_id;
	event->placeholders[0] = "QuotaName";
	event->placeholders[1] = demand->quota->name;
	event->placeholders[2] = "CurrentStorage";
	event->placeholders[3] = percent_of(demand, demand->used_bytes);
	event->placeholders[4] = "Requested";
	event->placeholders[5] = percent_of(demand, demand->requested_bytes);
}

/*
 * Compares what a demand would take with its limit.  Enforcement decides what comes of it: HARD leaves the
 * verdict for the checks to refuse; SOFT lets the call go on, so that only the audit row tells.  The rows
 * for the threshold and for the limit within grace are written under both, as the engine does
 * (docs/design/ovirt-clone.md, "Quota").  A demand without a limit to compare with keeps the verdict that
 * it was made with.
 */
static void
judge_demand(const ClonePlan *plan, QuotaState *state, QuotaDemand *demand)
{
	bool soft = plan->quota_enforcement == QUOTA_SOFT;

	if (demand->verdict == QUOTA_ROW_MISSING && soft)
	{
		QuotaEvent *event =
			add_event(state, AUDIT_MISSING_QUOTA_STORAGE_PARAMETERS_PERMISSIVE_MODE);

		event->placeholders[0] = "VmName";
		event->placeholders[1] = plan->vm_name;
	}
	if (demand->verdict != QUOTA_WITHIN || demand->limit_gb == UNLIMITED ||
		within(demand, demand->quota->threshold_percent))
		return;
	if (within(demand, 100))
		add_storage_event(state, demand, AUDIT_USER_EXCEEDED_QUOTA_STORAGE_THRESHOLD);
	else if (within(demand, 100 + demand->quota->grace_percent))
		add_storage_event(state, demand, AUDIT_USER_EXCEEDED_QUOTA_STORAGE_LIMIT);
	else
	{
		demand->verdict = QUOTA_EXCEEDED;
		if (soft)
			add_storage_event(state, demand,
							  AUDIT_USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT_PERMISSIVE_MODE);
	}
}

const QuotaState *
quota_evaluate(const ClonePlan *plan)
{
	QuotaState *state = quota_load(plan);
	QuotaDemand **picked = palloc0(sizeof(QuotaDemand *) * (plan->disk_count + 1));
	uint64 rows;

	state->events = NIL;
	state->demand_count = 0;
	if (plan->quota_enforcement == QUOTA_DISABLED)
		return state;
	collect_demands(plan, state);
	rows = run_for_demands(&load_domain_limits, state, needs_domain_limit, picked);
	for (uint64 row = 0; row < rows; row++)
	{
		QuotaDemand *demand = picked[field_int64(row, DEMAND_NUMBER) - 1];

		demand->verdict = QUOTA_WITHIN;
		demand->limit_gb = field_int64(row, DEMAND_VALUE);
	}
	rows = run_for_demands(&count_usage, state, needs_usage, picked);
	for (uint64 row = 0; row < rows; row++)
	{
		QuotaDemand *demand = picked[field_int64(row, DEMAND_NUMBER) - 1];
		int64 used = field_int64(row, DEMAND_VALUE);

		/* the call's own images are there already */
		if (plan->new_vm_count > 0 && used < PG_INT64_MAX)
			used = Max(used - demand->requested_bytes, 0);
		demand->used_bytes = used;
	}
	for (int i = 0; i < state->demand_count; i++)
		judge_demand(plan, state, &state->demands[i]);
	if (plan->quota_enforcement == QUOTA_SOFT &&
		(state->vm_quota == NULL || state->vm_quota->name == NULL))
	{
		QuotaEvent *event =
			add_event(state, AUDIT_MISSING_QUOTA_CLUSTER_PARAMETERS_PERMISSIVE_MODE);

		event->placeholders[0] = "VmName";
		event->placeholders[1] = plan->vm_name;
	}
	return state;
}

List *
quota_events(const ClonePlan *plan)
{
	return plan->quota->events;
}

bool
quota_left(const ClonePlan *plan, const PlannedDisk *disk, double *left_gb)
{
	const QuotaState *state = plan->quota;

	for (int i = 0; i < state->demand_count && disk->quota_id.given; i++)
	{
		const QuotaDemand *demand = &state->demands[i];

		if (demand->quota == NULL || !uuid_same(&demand->quota->quota_id, &disk->quota_id.value) ||
			demand->limit_gb == UNLIMITED ||
			(demand->has_domain && !uuid_same(&demand->storage_domain_id, &disk->target_domain_id)))
			continue;
		*left_gb = (double) demand->limit_gb - (double) demand->used_bytes / GIB;
		return true;
	}
	return false;
}
