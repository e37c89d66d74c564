/*
 * locks_counted.c
 *		The rows that unrelated calls count: quotas, storage domains, MAC pools.
 *
 * Their versions go up under their locks, so that a caller under REPEATABLE READ that has counted an
 * older state fails with 40001.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "frame.h"
#include "json.h"
#include "locks.h"
#include "plan_parts.h"
#include "statement.h"

static Statement make_counted = {
	.sql = "INSERT INTO vmclone.reservations (kind, entity_id) SELECT kind, entity_id"
		   " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c(kind, entity_id)"
		   " ORDER BY kind, entity_id ON CONFLICT DO NOTHING",
	.argument_count = 2,
	.argument_types = {TEXTARRAYOID, UUIDARRAYOID},
};

/* The subquery locks in order, and waits; what it returns is what the others have left. */
static Statement count_up = {
	.sql = "UPDATE vmclone.reservations r SET version = r.version + 1"
		   " FROM (SELECT l.kind, l.entity_id FROM vmclone.reservations l"
		   "  WHERE (l.kind, l.entity_id) IN (SELECT c.kind, c.entity_id FROM ROWS FROM"
		   "   (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c(kind, entity_id))"
		   "  ORDER BY l.kind, l.entity_id FOR NO KEY UPDATE OF l) o"
		   " WHERE r.kind = o.kind AND r.entity_id = o.entity_id"
		   " RETURNING r.kind = 'mac_pool', r.last_address",
	.argument_count = 2,
	.argument_types = {TEXTARRAYOID, UUIDARRAYOID},
};

/* The rows of vmclone.reservations that a call counts: kinds[i] of ids[i]. */
typedef struct CountedRows
{
	const char **kinds;
	pg_uuid_t *ids;
	int count;
} CountedRows;

static void
add_counted(CountedRows *counted, const char *kind, const pg_uuid_t *id)
{
	for (int i = 0; i < counted->count; i++)
	{
		if (uuid_same(&counted->ids[i], id) && strcmp(counted->kinds[i], kind) == 0)
			return;
	}
	counted->kinds[counted->count] = kind;
	counted->ids[counted->count++] = *id;
}

static void
collect_counted(const ClonePlan *plan, CountedRows *counted)
{
	int most = 2 * plan->disk_count + 1;

	counted->kinds = palloc(sizeof(char *) * most);
	counted->ids = palloc(sizeof(pg_uuid_t) * most);
	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];

		if (disk->fate != DISK_COPY && disk->fate != DISK_BLANK)
			continue;
		if (disk->has_target)
			add_counted(counted, "storage_domain", &disk->target_domain_id);
		if (disk->quota_id.given)
			add_counted(counted, "quota", &disk->quota_id.value);
	}
	if (plan->has_mac_pool && plan->interface_count > 0)
		add_counted(counted, "mac_pool", &plan->mac_pool_id);
}

void
locks_take_counted(ClonePlan *plan)
{
	static const char what[] = "a quota, storage domain or MAC pool";
	CountedRows counted = {0};
	Datum *kinds;
	Datum values[2];
	uint64 rows;
	Frame frame;

	collect_counted(plan, &counted);
	if (counted.count == 0)
		return;
	kinds = palloc(sizeof(Datum) * counted.count);
	for (int i = 0; i < counted.count; i++)
		kinds[i] = CStringGetTextDatum(counted.kinds[i]);
	values[0] =
		PointerGetDatum(construct_array(kinds, counted.count, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = plan_uuid_array(counted.ids, counted.count);

	frame_enter_own(&frame);
	rows = locks_run_waiting(&count_up, values, what);
	if (rows != (uint64) counted.count)
	{
		/* the first call that counts one of them */
		(void) locks_run_waiting(&make_counted, values, what);
		rows = locks_run_waiting(&count_up, values, what);
	}
	for (uint64 row = 0; row < rows; row++)
	{
		if (field_bool(row, 1) && !field_is_null(row, 2))
			plan->last_mac_address = field_int64(row, 2);
	}
	frame_leave(&frame);
}
