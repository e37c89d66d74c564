/*
 * mac_pool.c
 *		MAC addresses of a cluster's pool (ovirt-clone.md, "NICs and MAC addresses").
 *
 * Addresses are numbers of 48 bits here.  Candidates are taken in scan order from the pool's
 * ranges: upwards from the address after the last one given, then from the pool's first one; those
 * that an interface has are looked up by index, a bunch of neighbours at a time, so that the cost depends on how
 * many used addresses lie in the way and not on the size of the pool.  Where a pool's scan goes on
 * is kept in vmclone.reservations, in the row that locks_take_counted has locked, so that two calls
 * never get the same address.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/errors.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/keyed_rows.h"
#include "base/statement.h"
#include "base/table_updater.h"
#include "base/uuid.h"
#include "clone/mac_pool.h"

#define KEY_NOT_ENOUGH "MAC_POOL_NOT_ENOUGH_MAC_ADDRESSES"
#define LAST_ADDRESS   (((int64) 1 << 48) - 1)
#define MULTICAST_BIT  ((int64) 1 << 40)
#define MAX_CANDIDATES 65536

VMCLONE_FUNCTION_INFO(vmclone_mac_pool_free_addresses);

static Statement used_addresses = {
	.sql = "SELECT lower(mac_addr) FROM vm_interface"
		   " WHERE lower(mac_addr) = ANY ($1)",
	.argument_count = 1,
	.argument_types = {TEXTARRAYOID},
};

static Statement set_last_address = {
	.sql = "UPDATE vmclone.reservations SET last_address = $2"
		   " WHERE kind = 'mac_pool' AND entity_id = $1",
	.argument_count = 2,
	.argument_types = {UUIDOID, INT8OID},
};

typedef struct MacRange
{
	int64 first;
	int64 last;
} MacRange;

/* A pool's scan: what is left of it is the rest of the ranges, in order. */
typedef struct MacScan
{
	bool duplicates; /* used addresses may be given again */
	MacRange *ranges;
	int range_count;
	int range;  /* the scan is in this one */
	int64 next; /* at this address of it */
	const int64 *excluded;
	int excluded_count;
} MacScan;

static bool
parse_mac(const char *text, int64 *address)
{
	int64 result = 0;

	if (strlen(text) != MAC_TEXT_LENGTH)
		return false;
	for (int i = 0; i < MAC_TEXT_LENGTH; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (i % 3 == 2)
		{
			if (c != ':')
				return false;
		}
		else if (isxdigit(c))
			result = result << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*address = result;
	return true;
}

static char *
mac_text(int64 address)
{
	static const char digits[] = "0123456789abcdef";
	char *text = palloc(MAC_TEXT_LENGTH + 1);

	for (int i = 0; i < MAC_TEXT_LENGTH; i++)
	{
		int shift = 44 - 4 * (i - i / 3);

		text[i] = i % 3 == 2 ? ':' : digits[(address >> shift) & 0xf];
	}
	text[MAC_TEXT_LENGTH] = '\0';
	return text;
}

static int
compare_addresses(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

static int
compare_ranges(const void *a, const void *b)
{
	return compare_addresses(&((const MacRange *) a)->first, &((const MacRange *) b)->first);
}

static int64
range_end(const pg_uuid_t *mac_pool_id, char *text)
{
	int64 address;

	if (text == NULL || !parse_mac(text, &address))
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						errmsg("a range of MAC pool %s has an end that is no MAC address: \"%s\"",
							   uuid_text(mac_pool_id), text ? text : "null"),
						errhint("Correct the row of mac_pool_ranges.")));
	return address;
}

/* The pool's ranges, ascending, each address once; then the part up to after moved to the end. */
static void
begin_scan(MacScan *scan, const pg_uuid_t *mac_pool_id, int64 after)
{
	const KeyedRows *pool = keyed_rows("mac_pools", "id", mac_pool_id, 1, KEYED_NOW);
	const KeyedRows *rows = keyed_rows("mac_pool_ranges", "mac_pool_id", mac_pool_id, 1, KEYED_NOW);
	int row_count = pool->count > 0 ? rows->count : 0;
	MacRange *ranges = palloc(sizeof(MacRange) * (row_count + 1));
	int count = 0;

	scan->duplicates = pool->count > 0 && keyed_bool(pool, 0, "allow_duplicate_mac_addresses");
	for (int row = 0; row < row_count; row++)
	{
		ranges[row].first = range_end(mac_pool_id, keyed_text(rows, row, "from_mac"));
		ranges[row].last = range_end(mac_pool_id, keyed_text(rows, row, "to_mac"));
	}
	qsort(ranges, row_count, sizeof(MacRange), compare_ranges);
	for (int row = 0; row < row_count; row++)
	{
		if (ranges[row].last < ranges[row].first)
			continue;
		if (count > 0 && ranges[row].first <= ranges[count - 1].last)
			ranges[count - 1].last = Max(ranges[count - 1].last, ranges[row].last);
		else
			ranges[count++] = ranges[row];
	}

	scan->ranges = palloc(sizeof(MacRange) * (2 * count + 1));
	for (int i = 0; i < count; i++)
		if (ranges[i].last > after)
			scan->ranges[scan->range_count++] =
				(MacRange){Max(ranges[i].first, after + 1), ranges[i].last};
	for (int i = 0; i < count; i++)
		if (ranges[i].first <= after)
			scan->ranges[scan->range_count++] =
				(MacRange){ranges[i].first, Min(ranges[i].last, after)};
	if (scan->range_count > 0)
		scan->next = scan->ranges[0].first;
}

static bool
is_excluded(const MacScan *scan, int64 address)
{
	for (int i = 0; i < scan->excluded_count; i++)
		if (scan->excluded[i] == address)
			return true;
	return false;
}

/* The next addresses that aren't multicast or excluded; returns how many, 0 at the end. */
static int
next_candidates(MacScan *scan, int64 *candidates, int most)
{
	int count = 0;

	while (count < most && scan->range < scan->range_count)
	{
		if (scan->next > scan->ranges[scan->range].last)
		{
			if (++scan->range < scan->range_count)
				scan->next = scan->ranges[scan->range].first;
		}
		else if (scan->next & MULTICAST_BIT)
			/* the first address whose first byte is even */
			scan->next = (scan->next | (MULTICAST_BIT - 1)) + 1;
		else
		{
			if (!is_excluded(scan, scan->next))
				candidates[count++] = scan->next;
			scan->next++;
		}
	}
	return count;
}

/* What used_addresses says, by one look into an index; NULL: the statement has to say it. */
static const KeyedRows *
rows_near(const int64 *candidates, int count, char *const *texts)
{
	const KeyedRows *rows;
	int64 span = candidates[count - 1] - candidates[0];

	/* between candidates of several ranges, or multicast addresses, all others may lie */
	if (span < 0 || span > 2 * count)
		return NULL;
	rows = keyed_rows_near_lowered("vm_interface", "mac_addr", texts, count, KEYED_NOW);
	return rows->is_indexed ? rows : NULL;
}

static uint64
run_used_addresses(char *const *texts, int count)
{
	Datum *values = palloc(sizeof(Datum) * count);
	Datum array;

	for (int i = 0; i < count; i++)
		values[i] = CStringGetTextDatum(texts[i]);
	array = array_of_datums(values, count, TEXTOID);
	return statement_run(&used_addresses, &array, NULL);
}

/* Addresses that interfaces have, ascending: those among the candidates, and maybe others. */
static int64 *
look_up_used(const int64 *candidates, int count, int *used_count)
{
	char **texts = palloc(sizeof(char *) * count);
	const KeyedRows *near;
	int64 *used;
	uint64 rows;

	for (int i = 0; i < count; i++)
		texts[i] = mac_text(candidates[i]);
	near = rows_near(candidates, count, texts);
	rows = near ? (uint64) near->count : run_used_addresses(texts, count);
	used = palloc(sizeof(int64) * (rows + 1));
	*used_count = 0;
	for (uint64 row = 0; row < rows; row++)
	{
		const char *text =
			near ? keyed_text(near, (int) row, "mac_addr") : field_text(row, ONLY_COLUMN);

		if (parse_mac(text, &used[*used_count]))
			(*used_count)++;
	}
	qsort(used, *used_count, sizeof(int64), compare_addresses);
	return used;
}

/* Free addresses in scan order; returns how many, at most wanted. */
static int
find_free(const pg_uuid_t *mac_pool_id, int64 after, int wanted, char *const *excluded,
		  int excluded_count, int64 *found)
{
	int64 *numbers = palloc(sizeof(int64) * (excluded_count + 1));
	MacScan scan = {.excluded = numbers};
	int bunch = wanted;
	int count = 0;

	for (int i = 0; i < excluded_count; i++)
		if (parse_mac(excluded[i], &numbers[scan.excluded_count]))
			scan.excluded_count++;
	begin_scan(&scan, mac_pool_id, after);
	while (count < wanted)
	{
		int64 *candidates = palloc(sizeof(int64) * bunch);
		int candidate_count = next_candidates(&scan, candidates, bunch);
		int64 *used = NULL;
		int used_count = 0;

		CHECK_FOR_INTERRUPTS();
		if (candidate_count == 0)
			break;
		if (!scan.duplicates)
			used = look_up_used(candidates, candidate_count, &used_count);
		for (int i = 0; i < candidate_count && count < wanted; i++)
			if (used_count == 0 ||
				bsearch(&candidates[i], used, used_count, sizeof(int64), compare_addresses) == NULL)
				found[count++] = candidates[i];
		bunch = Min(Max(2 * bunch, 32), MAX_CANDIDATES);
	}
	return count;
}

int
mac_pool_count_free(const ClonePlan *plan, int limit, char *const *excluded, int excluded_count)
{
	if (limit <= 0)
		return 0;
	return find_free(&plan->mac_pool_id, -1, limit, excluded, excluded_count,
					 palloc(sizeof(int64) * limit));
}

/* In the row that the call has locked. */
static void
keep_last_address(const pg_uuid_t *mac_pool_id, int64 address)
{
	static const char *const key[] = {"kind", "entity_id"};
	static const UpdatedColumn column = {"last_address", INT8OID};
	const int first = 0;
	Datum arguments[2] = {UUIDPGetDatum(mac_pool_id), Int64GetDatum(address)};
	Datum values[2];
	const KeyedRows *row;
	Frame own;

	frame_enter_own(&own);
	values[0] = CStringGetTextDatum("mac_pool");
	values[1] = UUIDPGetDatum(mac_pool_id);
	row = keyed_rows_by_pairs("vmclone.reservations", key, values, 1, KEYED_NOW);
	if ((row->count != 1 || !table_update(row, &first, 1, &column, 1, &arguments[1])) &&
		statement_run(&set_last_address, arguments, NULL) != 1)
		elog(ERROR, "MAC pool %s is not counted", uuid_text(mac_pool_id));
	frame_leave(&own);
}

char **
mac_pool_allocate(const ClonePlan *plan, int count, char *const *excluded, int excluded_count,
				  int *remaining)
{
	/* what is found beyond count says whether the pool is almost empty */
	int wanted = count + MAC_POOL_REMAINING_WARNING + 1;
	int64 *addresses = palloc(sizeof(int64) * wanted);
	char **result = palloc(sizeof(char *) * Max(count, 1));
	int found = find_free(&plan->mac_pool_id, plan->last_mac_address, wanted, excluded,
						  excluded_count, addresses);

	if (found < count)
		ereport(ERROR, (errcode(ERRCODE_VC_NETWORK),
						errmsg("the MAC pool has too few free addresses"), errkey(KEY_NOT_ENOUGH),
						errdetail("%s: %d needed, %d free in pool %s.", KEY_NOT_ENOUGH, count,
								  found, uuid_text(&plan->mac_pool_id)),
						errhint("Add a range to the cluster's MAC pool, or leave NICs out.")));
	*remaining = found - count;
	if (count == 0)
		return result;

	keep_last_address(&plan->mac_pool_id, addresses[count - 1]);
	qsort(addresses, count, sizeof(int64), compare_addresses);
	for (int i = 0; i < count; i++)
		result[i] = mac_text(addresses[i]);
	return result;
}

/*
 * mac_pool_free_addresses(mac_pool_id uuid, count integer, after bigint, except text[]) → bigint[]
 */
Datum
vmclone_mac_pool_free_addresses(PG_FUNCTION_ARGS)
{
	int wanted;
	int64 after;
	Datum *texts;
	bool *nulls;
	int text_count;
	char **excluded;
	int excluded_count = 0;
	int64 *addresses;
	Datum *numbers;
	int found;
	ArrayType *result;
	Frame frame;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	wanted = PG_GETARG_INT32(1);
	if (wanted < 0 || wanted > MAX_CANDIDATES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("count must be between 0 and %d", MAX_CANDIDATES),
						errhint("Ask for fewer addresses.")));
	after = PG_ARGISNULL(2) ? -1 : PG_GETARG_INT64(2);
	if (after < -1 || after > LAST_ADDRESS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("address " INT64_FORMAT " has more than 48 bits", after),
						errhint("Pass the address after which to begin, or 0.")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls,
					  &text_count);
	excluded = palloc(sizeof(char *) * (text_count + 1));
	for (int i = 0; i < text_count; i++)
		if (!nulls[i])
			excluded[excluded_count++] = TextDatumGetCString(texts[i]);
	addresses = palloc(sizeof(int64) * (wanted + 1));
	numbers = palloc(sizeof(Datum) * (wanted + 1));

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	frame_enter_inventory(&frame);
	found = find_free(PG_GETARG_UUID_P(0), after, wanted, excluded, excluded_count, addresses);
	frame_leave(&frame);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	for (int i = 0; i < found; i++)
		numbers[i] = Int64GetDatum(addresses[i]);
	result =
		construct_array(numbers, found, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	PG_RETURN_ARRAYTYPE_P(result);
}
