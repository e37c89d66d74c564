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
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/arrays.h"
#include "base/compat.h"
#include "base/index_lookup.h"
#include "base/kept_descriptors.h"
#include "base/keyed_rows.h"
#include "base/statement.h"

#define KNOWN_COLUMNS 4096
#define KNOWN_NAMES   128
#define KNOWN_PLACES  8 /* that a name may have: two names would else push each other out */

/* What a name meant to a user with a search_path; until any table or schema is made, renamed or dropped. */
typedef struct KnownName
{
	const char *asked_by; /* the literal; NULL: the place is free */
	char name[2 * NAMEDATALEN];
	char search_path[4 * NAMEDATALEN];
	Oid user_id;
	Oid relation_id; /* invalid: nothing is known */
} KnownName;

static KnownName known_names[KNOWN_NAMES];

static void
forget_names(Datum argument, int cache, uint32 hash)
{
	for (int i = 0; i < KNOWN_NAMES; i++)
		known_names[i].relation_id = InvalidOid;
}

static KnownName *
known_name(const char *name)
{
	static bool is_registered;
	uint32 place = murmurhash32((uint32) (uintptr_t) name);

	if (!is_registered)
	{
		CacheRegisterSyscacheCallback(RELNAMENSP, forget_names, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_names, (Datum) 0);
		is_registered = true;
	}
	/* mostly literals: there are not many */
	for (int i = 0; i < KNOWN_PLACES; i++)
	{
		KnownName *known = &known_names[(place + i) % KNOWN_NAMES];

		if (known->asked_by == name || known->asked_by == NULL)
			return known;
	}
	return &known_names[place % KNOWN_NAMES];
}

static void
note_name(KnownName *known, const char *name, Oid relation_id)
{
	if (strlen(name) >= sizeof(known->name) ||
		strlen(namespace_search_path) >= sizeof(known->search_path))
		return;
	known->asked_by = name;
	strlcpy(known->name, name, sizeof(known->name));
	strlcpy(known->search_path, namespace_search_path, sizeof(known->search_path));
	known->user_id = GetUserId();
	known->relation_id = relation_id;
}

static Oid
look_up_name(const char *name, LOCKMODE lock_mode)
{
	const char *dot = strchr(name, '.');
	char *schema = dot ? pnstrdup(name, dot - name) : NULL;

	return RangeVarGetRelid(makeRangeVar(schema, pstrdup(dot ? dot + 1 : name), -1), lock_mode,
							true);
}

Oid
relation_of_name(const char *name, LOCKMODE lock_mode)
{
	KnownName *known = known_name(name);
	Oid relation_id = known->relation_id;

	if (OidIsValid(relation_id) && known->user_id == GetUserId() &&
		strcmp(known->name, name) == 0 && strcmp(known->search_path, namespace_search_path) == 0)
	{
		LockRelationOid(relation_id, lock_mode);
		/* getting the lock has told what has changed */
		if (known->relation_id == relation_id)
			return relation_id;
		UnlockRelationOid(relation_id, lock_mode);
	}
	relation_id = look_up_name(name, lock_mode);
	note_name(known, name, relation_id);
	return relation_id;
}

void
keyed_begin_snapshot(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
keyed_end_snapshot(void)
{
	PopActiveSnapshot();
}

static Snapshot
push_snapshot(KeyedSnapshot kind)
{
	if (kind == KEYED_ACTIVE)
	{
		PushActiveSnapshot(GetActiveSnapshot());
		return GetActiveSnapshot();
	}
	CommandCounterIncrement();
	PushActiveSnapshot(kind == KEYED_LATEST ? GetLatestSnapshot() : GetTransactionSnapshot());
	return GetActiveSnapshot();
}

static bool
is_named(TupleDesc descriptor, int number, const char *column)
{
	Form_pg_attribute attribute = TupleDescAttr(descriptor, number - 1);

	return strcmp(NameStr(attribute->attname), column) == 0 && !attribute->attisdropped;
}

/*
 * 0: there is none.  Names are mostly literals, asked for in call after call: the last answer is tried first, wherever
 * that came from.
 */
static int
column_number(TupleDesc descriptor, Oid relation_id, const char *column)
{
	static AttrNumber answers[KNOWN_COLUMNS];
	AttrNumber *answer =
		&answers[murmurhash32((uint32) (uintptr_t) column ^ relation_id) % KNOWN_COLUMNS];

	if (*answer > 0 && *answer <= descriptor->natts && is_named(descriptor, *answer, column))
		return *answer;
	for (int number = 1; number <= descriptor->natts; number++)
	{
		if (is_named(descriptor, number, column))
			return *answer = number;
	}
	return 0;
}

/* As long-lived as the rows, whatever the context is. */
static TupleTableSlot *
make_reader(const KeyedRows *rows)
{
	MemoryContext context = MemoryContextSwitchTo(GetMemoryChunkContext((void *) rows));
	TupleTableSlot *reader = MakeSingleTupleTableSlot(rows->descriptor, &TTSOpsHeapTuple);

	MemoryContextSwitchTo(context);
	return reader;
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
	number = column_number(RelationGetDescr(relation), rows->relation_id, column);
	for (int i = 0; i < count; i++)
		keys[key_count++] = UUIDPGetDatum(&ids[i]);
	key_count = keep_each_once(keys, key_count);
	snapshot = push_snapshot(kind);
	rows->is_indexed =
		number > 0 && TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid == UUIDOID &&
		index_lookup(relation, &number, 1, keys, key_count, snapshot, &rows->rows, &rows->count);
	if (rows->is_indexed)
		rows->descriptor = kept_descriptor(relation);
	else
		read_by_statement(rows, relation_name, column, ids, count, snapshot);
	PopActiveSnapshot();
	relation_close(relation, NoLock);
	return rows;
}

/* What the keys of a look are. */
typedef enum KeyKind
{
	KEYS_AS_COLUMNS, /* of all columns, one after the other */
	KEYS_TEXTS,      /* the only column is a text or varchar */
	KEYS_NEAR_LOWERED,
} KeyKind;

/* By an index alone. */
static KeyedRows *
rows_by_index(const char *relation_name, const char *const *columns, int column_count,
			  const Datum *keys, int count, KeyKind key_kind, KeyedSnapshot kind)
{
	KeyedRows *rows = palloc0(sizeof(KeyedRows));
	Snapshot snapshot = push_snapshot(kind);
	AttrNumber numbers[INDEX_LOOKUP_MAX_COLUMNS] = {0};
	bool can = true;
	Relation relation;

	rows->relation_id = relation_of_name(relation_name, AccessShareLock);
	if (OidIsValid(rows->relation_id))
	{
		relation = relation_open(rows->relation_id, NoLock);
		for (int i = 0; i < column_count; i++)
		{
			numbers[i] = column_number(RelationGetDescr(relation), rows->relation_id, columns[i]);
			can = can && numbers[i] > 0;
		}
		if (can && key_kind != KEYS_AS_COLUMNS)
		{
			Oid type = TupleDescAttr(RelationGetDescr(relation), numbers[0] - 1)->atttypid;

			can = type == TEXTOID || type == VARCHAROID;
		}
		if (can && key_kind == KEYS_NEAR_LOWERED)
			rows->is_indexed = index_lookup_near_lowered(relation, numbers[0], keys, count,
														 snapshot, &rows->rows, &rows->count);
		else if (can)
			rows->is_indexed = index_lookup(relation, numbers, column_count, keys, count, snapshot,
											&rows->rows, &rows->count);
		rows->descriptor = kept_descriptor(relation);
		relation_close(relation, NoLock);
	}
	PopActiveSnapshot();
	return rows;
}

KeyedRows *
keyed_rows_by_pairs(const char *relation_name, const char *const columns[2], const Datum *keys,
					int count, KeyedSnapshot kind)
{
	return rows_by_index(relation_name, columns, 2, keys, count, KEYS_AS_COLUMNS, kind);
}

static Datum *
text_keys(char *const *texts, int count)
{
	Datum *keys = palloc_extended(sizeof(Datum) * (count + 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < count; i++)
		keys[i] = CStringGetTextDatum(texts[i]);
	return keys;
}

KeyedRows *
keyed_rows_by_texts(const char *relation_name, const char *column, char *const *texts, int count,
					KeyedSnapshot kind)
{
	return rows_by_index(relation_name, &column, 1, text_keys(texts, count), count, KEYS_TEXTS,
						 kind);
}

KeyedRows *
keyed_rows_near_lowered(const char *relation_name, const char *column, char *const *texts,
						int count, KeyedSnapshot kind)
{
	return rows_by_index(relation_name, &column, 1, text_keys(texts, count), count,
						 KEYS_NEAR_LOWERED, kind);
}

bool
keyed_rows_are_current(const KeyedRows *rows, const int *numbers, int count, KeyedSnapshot kind)
{
	Snapshot snapshot;
	Relation relation;
	TupleTableSlot *slot;
	bool result = true;

	/* a statement's rows have no relation either */
	if (!rows->is_indexed)
		return false;
	snapshot = push_snapshot(kind);
	relation = table_open(rows->relation_id, AccessShareLock);
	slot = table_slot_create(relation, NULL);
	for (int i = 0; i < count && result; i++)
		result = table_tuple_fetch_row_version(
			relation, &rows->rows[numbers ? numbers[i] : i]->t_self, snapshot, slot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, NoLock);
	PopActiveSnapshot();
	return result;
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

		/* a lock is no change: written_keys.c would take this command for one that writes */
		locked =
			table_tuple_lock(relation, &place, GetActiveSnapshot(), slot,
							 GetCurrentCommandId(false), mode, LockWaitSkip, 0, &failure) == TM_Ok;
	}
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, NoLock);
	return locked;
}

Datum
keyed_field(const KeyedRows *rows, int row, const char *column, Oid *type, bool *is_null)
{
	KeyedRows *reading = (KeyedRows *) rows;
	int number = column_number(rows->descriptor, rows->relation_id, column);

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" does not exist", column),
				 errhint("SELECT * FROM vmclone.inventory_report() lists what is missing.")));
	*type = TupleDescAttr(rows->descriptor, number - 1)->atttypid;
	if (rows->reader == NULL || rows->read_row != row)
	{
		if (rows->reader == NULL)
			reading->reader = make_reader(rows);
		ExecStoreHeapTuple(rows->rows[row], rows->reader, false);
		reading->read_row = row;
	}
	return slot_getattr(rows->reader, number, is_null);
}

void
keyed_detoast(const KeyedRows *rows, int row, const char *column)
{
	int number = column_number(rows->descriptor, rows->relation_id, column);
	Oid type;
	bool is_null;
	Datum value = keyed_field(rows, row, column, &type, &is_null);

	if (!is_null && TupleDescAttr(rows->descriptor, number - 1)->attlen == -1)
		rows->reader->tts_values[number - 1] = PointerGetDatum(PG_DETOAST_DATUM(value));
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

TimestampTz
keyed_time(const KeyedRows *rows, int row, const char *column, TimestampTz if_null)
{
	Oid type;
	bool is_null;
	Datum value = keyed_field(rows, row, column, &type, &is_null);

	if (is_null)
		return if_null;
	if (type == TIMESTAMPOID)
		value = DirectFunctionCall1(timestamp_timestamptz, value);
	else if (type != TIMESTAMPTZOID)
		elog(ERROR, "column %s has type %s instead of a time", column, format_type_be(type));
	return DatumGetTimestampTz(value);
}

bool
keyed_has_column(const KeyedRows *rows, const char *column)
{
	return column_number(rows->descriptor, rows->relation_id, column) > 0;
}

typedef struct NamedId
{
	pg_uuid_t id;
	char *name; /* NULL sorts last */
	Oid collation;
} NamedId;

static int
compare_names(const void *a, const void *b)
{
	const NamedId *left = a;
	const NamedId *right = b;
	int result = 0;

	if (left->name && right->name)
		result = varstr_cmp(left->name, (int) strlen(left->name), right->name,
							(int) strlen(right->name), left->collation);
	else if (left->name || right->name)
		result = left->name ? -1 : 1;
	return result != 0 ? result : memcmp(&left->id, &right->id, UUID_LEN);
}

pg_uuid_t *
keyed_ids_by_name(const KeyedRows *rows, const char *id_column, const char *name_column)
{
	NamedId *sorted = palloc(sizeof(NamedId) * (rows->count + 1));
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * (rows->count + 1));
	int name_number = column_number(rows->descriptor, rows->relation_id, name_column);

	for (int i = 0; i < rows->count; i++)
	{
		sorted[i].id = keyed_uuid(rows, i, id_column);
		sorted[i].name = keyed_text(rows, i, name_column);
		sorted[i].collation = TupleDescAttr(rows->descriptor, name_number - 1)->attcollation;
	}
	qsort(sorted, rows->count, sizeof(NamedId), compare_names);
	for (int i = 0; i < rows->count; i++)
		ids[i] = sorted[i].id;
	return ids;
}
