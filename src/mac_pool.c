/*
 * mac_pool.c
 *		MAC addresses of a cluster's pool (reference §2.4).
 *
 * Where a pool's scan goes on is kept in vmclone.reservations, in the row that locks_take_counted
 * has locked, so that two calls never get the same address.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "errors.h"
#include "frame.h"
#include "json.h"
#include "mac_pool.h"
#include "statement.h"

#define KEY_NOT_ENOUGH "MAC_POOL_NOT_ENOUGH_MAC_ADDRESSES"

static Statement free_addresses = {
	.sql = "SELECT vmclone.mac_pool_free_addresses($1, $2, (SELECT last_address"
		   " FROM vmclone.reservations WHERE kind = 'mac_pool' AND entity_id = $1), $3)",
	.argument_count = 3,
	.argument_types = {UUIDOID, INT4OID, TEXTARRAYOID},
};

static Statement set_last_address = {
	.sql = "INSERT INTO vmclone.reservations (kind, entity_id, last_address)"
		   " VALUES ('mac_pool', $1, $2)"
		   " ON CONFLICT (kind, entity_id) DO UPDATE SET last_address = $2",
	.argument_count = 2,
	.argument_types = {UUIDOID, INT8OID},
};

/* Free addresses in scan order; returns how many, at most count. */
static int
find_free(const pg_uuid_t *mac_pool_id, int count, char *const *excluded, int excluded_count,
		  int64 **addresses)
{
	Datum *texts = palloc(sizeof(Datum) * Max(excluded_count, 1));
	Datum arguments[3];
	Datum *items;
	bool is_null;
	Datum array;
	int found;

	for (int i = 0; i < excluded_count; i++)
	{
		char *text = asc_tolower(excluded[i], strlen(excluded[i]));

		texts[i] = CStringGetTextDatum(text);
	}
	arguments[0] = UUIDPGetDatum(mac_pool_id);
	arguments[1] = Int32GetDatum(count);
	arguments[2] =
		PointerGetDatum(construct_array(texts, excluded_count, TEXTOID, -1, false, TYPALIGN_INT));
	statement_run_one_row(&free_addresses, arguments, NULL);
	array = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	if (is_null)
		elog(ERROR, "mac_pool_free_addresses returned null");
	deconstruct_array(DatumGetArrayTypePCopy(array), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &items, NULL, &found);
	*addresses = palloc(sizeof(int64) * Max(found, 1));
	for (int i = 0; i < found; i++)
		(*addresses)[i] = DatumGetInt64(items[i]);
	return found;
}

int
mac_pool_count_free(const pg_uuid_t *mac_pool_id, int limit)
{
	int64 *addresses;

	return limit > 0 ? find_free(mac_pool_id, limit, NULL, 0, &addresses) : 0;
}

static int
compare_addresses(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

static char *
mac_text(int64 address)
{
	return psprintf("%02x:%02x:%02x:%02x:%02x:%02x", (int) (address >> 40) & 0xff,
					(int) (address >> 32) & 0xff, (int) (address >> 24) & 0xff,
					(int) (address >> 16) & 0xff, (int) (address >> 8) & 0xff,
					(int) address & 0xff);
}

char **
mac_pool_allocate(const pg_uuid_t *mac_pool_id, int count, char *const *excluded,
				  int excluded_count, int *remaining)
{
	char **result = palloc(sizeof(char *) * Max(count, 1));
	int64 *addresses;
	int found;
	Datum arguments[2];
	Frame own;

	/* what is found beyond count says whether the pool is almost empty */
	found = find_free(mac_pool_id, count + MAC_POOL_REMAINING_WARNING + 1, excluded, excluded_count,
					  &addresses);
	if (found < count)
		ereport(ERROR, (errcode(ERRCODE_VC_NETWORK),
						errmsg("the MAC pool has too few free addresses"), errkey(KEY_NOT_ENOUGH),
						errdetail("%s: %d needed, %d free in pool %s.", KEY_NOT_ENOUGH, count,
								  found, uuid_text(mac_pool_id)),
						errhint("Add a range to the cluster's MAC pool, or leave NICs out.")));
	*remaining = found - count;
	if (count == 0)
		return result;

	arguments[0] = UUIDPGetDatum(mac_pool_id);
	arguments[1] = Int64GetDatum(addresses[count - 1]);
	frame_enter_own(&own);
	(void) statement_run(&set_last_address, arguments, NULL);
	frame_leave(&own);

	qsort(addresses, count, sizeof(int64), compare_addresses);
	for (int i = 0; i < count; i++)
		result[i] = mac_text(addresses[i]);
	return result;
}
