/*
 * locks_counted.c
 *		The rows that unrelated calls count: quotas, storage domains, MAC pools.
 *
 * Their versions go up under their locks, so that a caller under REPEATABLE READ that has counted an
 * older state fails with 40001.  What calls reserve of a storage domain is added up in its row, which
 * nothing takes from: an upper bound, so that the tasks under way, which may be thousands, are only
 * summed up where it comes near the free space.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/frame.h"
#include "base/keyed_rows.h"
#include "base/statement.h"
#include "base/table_updater.h"
#include "base/uuid.h"
#include "locks/locks.h"
#include "plan/plan_parts.h"

static Statement make_counted = {
	.sql = "INSERT INTO vmclone.reservations (kind, entity_id) SELECT kind, entity_id"
		   " FROM ROWS FROM (unnest($1), unnest($2)) AS c(kind, entity_id)"
		   " ORDER BY kind, entity_id ON CONFLICT DO NOTHING",
	.argument_count = 2,
	.argument_types = {TEXTARRAYOID, UUIDARRAYOID},
};

/*
 * The subquery locks in order, and waits; what it returns is what the others have left.  While a row
 * is still to be made it locks none: whoever makes rows waits for others who do, and would wait for
 * them in a circle if it held rows that they wait for.
 */
static Statement count_up = {
	.sql = "UPDATE vmclone.reservations r SET version = r.version + 1,"
		   " bytes = LEAST(r.bytes, $4) + o.bytes"
		   " FROM (SELECT l.kind, l.entity_id, c.bytes"
		   "  FROM ROWS FROM (unnest($1), unnest($2), unnest($3))"
		   "   AS c(kind, entity_id, bytes)"
		   "  JOIN vmclone.reservations l ON l.kind = c.kind AND l.entity_id = c.entity_id"
		   "  WHERE (SELECT count(*) FROM ROWS FROM (unnest($1), unnest($2))"
		   "   AS m(kind, entity_id) JOIN vmclone.reservations USING (kind, entity_id))"
		   "   = cardinality($1)"
		   "  ORDER BY l.kind, l.entity_id FOR NO KEY UPDATE OF l) o"
		   " WHERE r.kind = o.kind AND r.entity_id = o.entity_id"
		   " RETURNING r.kind, r.entity_id, r.last_address, r.bytes",
	.argument_count = 4,
	.argument_types = {TEXTARRAYOID, UUIDARRAYOID, INT8ARRAYOID, INT8OID},
};

/* Columns of count_up. */
enum CountedColumn
{
	COUNTED_KIND = 1,
	COUNTED_ID,
	COUNTED_LAST_ADDRESS,
	COUNTED_BYTES,
};

static Statement set_summed_up = {
	.sql = "UPDATE vmclone.reservations r SET bytes = c.bytes"
		   " FROM ROWS FROM (unnest($1), unnest($2)) AS c(entity_id, bytes)"
		   " WHERE r.kind = 'storage_domain' AND r.entity_id = c.entity_id",
	.argument_count = 2,
	.argument_types = {UUIDARRAYOID, INT8ARRAYOID},
};

/* More bytes than this aren't told apart; twice as many still are an int8. */
#define MOST_BYTES ((int64) 1 << 61)

/* The rows of vmclone.reservations that a call counts: kinds[i] of ids[i], for bytes[i]. */
typedef struct CountedRows
{
	const char **kinds;
	pg_uuid_t *ids;
	int64 *bytes;
	int count;
} CountedRows;

static void
add_counted(CountedRows *counted, const char *kind, const pg_uuid_t *id, int64 bytes)
{
	for (int i = 0; i < counted->count; i++)
	{
		if (uuid_same(&counted->ids[i], id) && strcmp(counted->kinds[i], kind) == 0)
			return;
	}
	counted->kinds[counted->count] = kind;
	counted->bytes[counted->count] = Min(bytes, MOST_BYTES);
	counted->ids[counted->count++] = *id;
}

static bool
is_named(const PlannedInterface *interface)
{
	return interface->mac != MAC_NEW && interface->mac_addr;
}

/*
 * Whether the copies have NICs; with only_named, some whose addresses are not the pool's to give:
 * other calls may want those in clusters of other pools.
 */
static bool
has_interfaces(const ClonePlan *plan, bool only_named)
{
	for (int i = 0; i < plan->request->copies; i++)
	{
		for (int j = 0; j < plan->interface_count; j++)
		{
			const PlannedInterface *interface = &plan->copy_interfaces[i][j];

			if (interface->include && (!only_named || is_named(interface)))
				return true;
		}
	}
	return false;
}

static void
collect_counted(const ClonePlan *plan, CountedRows *counted)
{
	static const pg_uuid_t all_pools = {{0}};
	int most = 2 * plan->disk_count + 3;

	counted->kinds = palloc(sizeof(char *) * most);
	counted->ids = palloc(sizeof(pg_uuid_t) * most);
	counted->bytes = palloc(sizeof(int64) * most);
	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];

		if (disk->fate != DISK_COPY && disk->fate != DISK_BLANK)
			continue;
		if (disk->has_target)
			add_counted(counted, "storage_domain", &disk->target_domain_id,
						plan_domain(plan, &disk->target_domain_id)->bytes_needed);
		if (disk->quota_id.given)
			add_counted(counted, "quota", &disk->quota_id.value, 0);
	}
	if (plan->has_mac_pool && has_interfaces(plan, false))
		add_counted(counted, "mac_pool", &plan->mac_pool_id, 0);
	if (has_interfaces(plan, true))
		add_counted(counted, "mac_pool", &all_pools, 0);
	/* versions of templates are numbered, those without disks and NICs too */
	if (plan->request->base_template_id.given)
		add_counted(counted, "storage_pool", &plan->pool_id, 0);
}

static Datum
bytes_array(const int64 *bytes, int count)
{
	Datum *values = palloc(sizeof(Datum) * (count + 1));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(bytes[i]);
	return array_of_datums(values, count, INT8OID);
}

/* What a counted row tells the plan.  bytes: what other calls have left in it; PG_INT64_MAX: not known. */
static void
note_counted(ClonePlan *plan, const char *kind, const pg_uuid_t *id, const int64 *last_address,
			 int64 bytes)
{
	if (strcmp(kind, "mac_pool") == 0 && last_address)
		plan->last_mac_address = *last_address;
	else if (strcmp(kind, "storage_domain") == 0)
	{
		DomainFacts *domain = plan_domain(plan, id);

		domain->is_counted = true;
		domain->bytes_counted = bytes;
	}
}

static void
count_by_statement(ClonePlan *plan, const CountedRows *counted)
{
	static const char what[] = "a quota, storage domain or MAC pool";
	Datum *kinds = palloc(sizeof(Datum) * counted->count);
	Datum values[4];
	bool is_new;
	uint64 rows;

	for (int i = 0; i < counted->count; i++)
		kinds[i] = CStringGetTextDatum(counted->kinds[i]);
	values[0] = array_of_datums(kinds, counted->count, TEXTOID);
	values[1] = array_of_uuids(counted->ids, counted->count);
	values[2] = bytes_array(counted->bytes, counted->count);
	values[3] = Int64GetDatum(MOST_BYTES);
	rows = locks_run_waiting(&count_up, values, what, "vmclone.reservations");
	is_new = rows != (uint64) counted->count;
	if (is_new)
	{
		/* the first call that counts one of them */
		(void) locks_run_waiting(&make_counted, values, what, "vmclone.reservations");
		rows = locks_run_waiting(&count_up, values, what, "vmclone.reservations");
		if (rows != (uint64) counted->count)
			elog(ERROR, "counted " UINT64_FORMAT " of %d rows", rows, counted->count);
	}
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t id = field_uuid(row, COUNTED_ID);
		int64 last_address = field_int64(row, COUNTED_LAST_ADDRESS);

		/* a new row doesn't know what was reserved before */
		note_counted(plan, field_text(row, COUNTED_KIND), &id,
					 field_is_null(row, COUNTED_LAST_ADDRESS) ? NULL : &last_address,
					 is_new ? PG_INT64_MAX : field_int64(row, COUNTED_BYTES));
	}
}

static int
compare_counted(const void *a, const void *b, void *argument)
{
	const CountedRows *counted = argument;
	int left = *(const int *) a;
	int right = *(const int *) b;
	int result = strcmp(counted->kinds[left], counted->kinds[right]);

	return result != 0 ? result
					   : memcmp(&counted->ids[left], &counted->ids[right], sizeof(pg_uuid_t));
}

/* In the order in which they are to be locked. */
static CountedRows
sort_counted(const CountedRows *counted)
{
	CountedRows sorted = {.count = counted->count};
	int *order = palloc(sizeof(int) * counted->count);

	sorted.kinds = palloc(sizeof(char *) * counted->count);
	sorted.ids = palloc(sizeof(pg_uuid_t) * counted->count);
	sorted.bytes = palloc(sizeof(int64) * counted->count);
	for (int i = 0; i < counted->count; i++)
		order[i] = i;
	qsort_arg(order, counted->count, sizeof(int), compare_counted, (void *) counted);
	for (int i = 0; i < counted->count; i++)
	{
		sorted.kinds[i] = counted->kinds[order[i]];
		sorted.ids[i] = counted->ids[order[i]];
		sorted.bytes[i] = counted->bytes[order[i]];
	}
	return sorted;
}

/*
 * What count_up does, where all rows are there and nobody has one locked.  False: the statement has to wait, or to
 * make rows.
 */
static bool
count_at_once(ClonePlan *plan, const CountedRows *counted)
{
	static const UpdatedColumn columns[] = {{"version", INT8OID}, {"bytes", INT8OID}};
	static const char *const key[] = {"kind", "entity_id"};
	const KeyedRows *rows;
	int *numbers = palloc(sizeof(int) * counted->count);
	Datum *values = palloc(sizeof(Datum) * 2 * counted->count);

	for (int i = 0; i < counted->count; i++)
	{
		values[2 * i] = CStringGetTextDatum(counted->kinds[i]);
		values[2 * i + 1] = UUIDPGetDatum(&counted->ids[i]);
	}
	rows = keyed_rows_by_pairs("vmclone.reservations", key, values, counted->count, KEYED_NOW);
	if (rows->count != counted->count)
		return false;
	for (int i = 0; i < rows->count; i++)
	{
		numbers[i] = i;
		values[2 * i] = Int64GetDatum(keyed_int64(rows, i, "version") + 1);
		values[2 * i + 1] =
			Int64GetDatum(Min(keyed_int64(rows, i, "bytes"), MOST_BYTES) + counted->bytes[i]);
	}
	if (!keyed_rows_lock(rows, numbers, rows->count, LockTupleNoKeyExclusive) ||
		!table_update(rows, numbers, rows->count, columns, 2, values))
		return false;
	for (int i = 0; i < rows->count; i++)
	{
		int64 last_address = keyed_int64(rows, i, "last_address");

		note_counted(plan, counted->kinds[i], &counted->ids[i],
					 keyed_is_null(rows, i, "last_address") ? NULL : &last_address,
					 DatumGetInt64(values[2 * i + 1]));
	}
	return true;
}

void
locks_take_counted(ClonePlan *plan)
{
	CountedRows counted = {0};
	Frame frame;

	collect_counted(plan, &counted);
	if (counted.count == 0)
		return;
	counted = sort_counted(&counted);
	frame_enter_own(&frame);
	if (!count_at_once(plan, &counted))
		count_by_statement(plan, &counted);
	frame_leave(&frame);
}

void
locks_note_summed_up(const ClonePlan *plan)
{
	int most = list_length(plan->domains);
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * (most + 1));
	int64 *bytes = palloc(sizeof(int64) * (most + 1));
	int count = 0;
	Datum values[2];
	ListCell *cell;
	Frame frame;

	foreach (cell, plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (!domain->is_counted || !domain->is_summed_up)
			continue;
		ids[count] = domain->id;
		bytes[count++] =
			Min(domain->bytes_reserved, MOST_BYTES) + Min(domain->bytes_needed, MOST_BYTES);
	}
	if (count == 0)
		return;
	values[0] = array_of_uuids(ids, count);
	values[1] = bytes_array(bytes, count);
	frame_enter_own(&frame);
	(void) statement_run(&set_summed_up, values, NULL);
	frame_leave(&frame);
}
