/*
 * keyed_rows.c
 *		Rows of a table found by a uuid column, and their fields by name.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/arrays.h"
#include "base/compat.h"
#include "base/index_lookup.h"
#include "base/keyed_rows.h"
#include "base/statement.h"

Oid
relation_of_name(const char *name, LOCKMODE lock_mode)
{
	const char *dot = strchr(name, '.');
	char *schema = dot ? pnstrdup(name, dot - name) : NULL;

	return RangeVarGetRelid(makeRangeVar(schema, pstrdup(dot ? dot + 1 : name), -1), lock_mode,
							true);
}

static Snapshot
push_snapshot(KeyedSnapshot kind)
{
	CommandCounterIncrement();
	PushActiveSnapshot(kind == KEYED_LATEST ? GetLatestSnapshot() : GetTransactionSnapshot());
	return GetActiveSnapshot();
}

static void
read_by_statement(KeyedRows *rows, const char *relation, const char *column, const pg_uuid_t *ids,
				  int count, Snapshot snapshot)
{
	Oid type = UUIDARRAYOID;
	Datum argument = array_of_uuids(ids, count);
	char *text =
		psprintf("SELECT * FROM %s AS r WHERE r.%s = ANY ($1)", relation, quote_identifier(column));
	SPIPlanPtr plan = SPI_prepare(text, 1, &type);
	int result;

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", text, SPI_result_code_string(SPI_result));
	result = SPI_execute_snapshot(plan, &argument, NULL, snapshot, InvalidSnapshot, true, false, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\": %s", text, SPI_result_code_string(result));
	rows->descriptor = SPI_tuptable->tupdesc;
	rows->rows = SPI_tuptable->vals;
	rows->count = (int) SPI_processed;
	rows->relation_id = InvalidOid;
}

static int
compare_keys(const void *a, const void *b)
{
	return memcmp(DatumGetUUIDP(*(const Datum *) a), DatumGetUUIDP(*(const Datum *) b), UUID_LEN);
}

/* Sorts them; returns how many are left. */
static int
keep_each_once(Datum *keys, int count)
{
	int kept = 0;

	qsort(keys, count, sizeof(Datum), compare_keys);
	for (int i = 0; i < count; i++)
	{
		if (kept == 0 || compare_keys(&keys[kept - 1], &keys[i]) != 0)
			keys[kept++] = keys[i];
	}
	return kept;
}

KeyedRows *
keyed_rows(const char *relation_name, const char *column, const pg_uuid_t *ids, int count,
		   KeyedSnapshot kind)
{
	KeyedRows *rows = palloc0(sizeof(KeyedRows));
	Datum *keys = palloc_extended(sizeof(Datum) * (count + 1), MCXT_ALLOC_HUGE);
	int key_count = 0;
	Snapshot snapshot;
	Relation relation;
	AttrNumber number;

	rows->relation_id = relation_of_name(relation_name, AccessShareLock);
	if (!OidIsValid(rows->relation_id))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" does not exist", relation_name),
				 errhint("SELECT * FROM vmclone.inventory_report() lists what is missing.")));
	relation = relation_open(rows->relation_id, NoLock);
	number = get_attnum(rows->relation_id, column);
	for (int i = 0; i < count; i++)
		keys[key_count++] = UUIDPGetDatum(&ids[i]);
	key_count = keep_each_once(keys, key_count);
	snapshot = push_snapshot(kind);
	rows->is_indexed =
		number > 0 && TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid == UUIDOID &&
		index_lookup(relation, number, keys, key_count, snapshot, &rows->rows, &rows->count);
	if (rows->is_indexed)
		rows->descriptor = CreateTupleDescCopy(RelationGetDescr(relation));
	else
		read_by_statement(rows, relation_name, column, ids, count, snapshot);
	PopActiveSnapshot();
	relation_close(relation, NoLock);
	return rows;
}

KeyedRows *
keyed_row(const char *relation, const char *column, const pg_uuid_t *id)
{
	KeyedRows *rows = keyed_rows(relation, column, id, 1, KEYED_NOW);

	if (rows->count > 1)
		elog(ERROR, "%d rows of %s have the same %s", rows->count, relation, column);
	return rows->count == 1 ? rows : NULL;
}

bool
keyed_rows_lock(const KeyedRows *rows, const int *numbers, int count, LockTupleMode mode)
{
	TM_FailureData failure;
	TupleTableSlot *slot;
	Relation relation;
	bool locked = true;

	if (!rows->is_indexed ||
		pg_class_aclcheck(rows->relation_id, GetUserId(), ACL_UPDATE) != ACLCHECK_OK)
		return false;
	relation = table_open(rows->relation_id, RowShareLock);
	slot = table_slot_create(relation, NULL);
	for (int i = 0; i < count && locked; i++)
	{
		ItemPointerData place = rows->rows[numbers[i]]->t_self;

		locked =
			table_tuple_lock(relation, &place, GetActiveSnapshot(), slot, GetCurrentCommandId(true),
							 mode, LockWaitSkip, 0, &failure) == TM_Ok;
	}
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, NoLock);
	return locked;
}

Datum
keyed_field(const KeyedRows *rows, int row, const char *column, Oid *type, bool *is_null)
{
	int number = OidIsValid(rows->relation_id) ? get_attnum(rows->relation_id, column)
											   : SPI_fnumber(rows->descriptor, column);

	if (number <= 0 || number > rows->descriptor->natts)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" does not exist", column),
				 errhint("SELECT * FROM vmclone.inventory_report() lists what is missing.")));
	*type = TupleDescAttr(rows->descriptor, number - 1)->atttypid;
	return heap_getattr(rows->rows[row], number, rows->descriptor, is_null);
}

bool
keyed_is_null(const KeyedRows *rows, int row, const char *column)
{
	Oid type;
	bool is_null;

	(void) keyed_field(rows, row, column, &type, &is_null);
	return is_null;
}

char *
keyed_text(const KeyedRows *rows, int row, const char *column)
{
	Oid type;
	bool is_null;
	Datum value = keyed_field(rows, row, column, &type, &is_null);
	Oid output;
	bool is_varlena;

	if (is_null)
		return NULL;
	if (type == TEXTOID || type == VARCHAROID)
		return TextDatumGetCString(value);
	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

pg_uuid_t
keyed_uuid(const KeyedRows *rows, int row, const char *column)
{
	Oid type;
	bool is_null;
	Datum value = keyed_field(rows, row, column, &type, &is_null);
	pg_uuid_t uuid = {{0}};

	if (type != UUIDOID)
		elog(ERROR, "column %s has type %s instead of uuid", column, format_type_be(type));
	if (!is_null)
		uuid = *DatumGetUUIDP(value);
	return uuid;
}

int64
keyed_int64(const KeyedRows *rows, int row, const char *column)
{
	Oid type;
	bool is_null;
	Datum value = keyed_field(rows, row, column, &type, &is_null);
	int64 result = 0;

	if (!is_null && !get_integer(value, type, &result))
		elog(ERROR, "column %s has type %s instead of an integer", column, format_type_be(type));
	return result;
}

bool
keyed_bool(const KeyedRows *rows, int row, const char *column)
{
	Oid type;
	bool is_null;
	Datum value = keyed_field(rows, row, column, &type, &is_null);

	if (type != BOOLOID)
		elog(ERROR, "column %s has type %s instead of boolean", column, format_type_be(type));
	return !is_null && DatumGetBool(value);
}
