/*
 * index_lookup.c
 *		Rows of a table found by one column or two, without a statement.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/index_lookup.h"

#define FIRST_SIZE  32
#define CACHED_MOST 64

/* The index that was chosen for columns; until the table or an index of it changes. */
typedef struct ChosenIndex
{
	Oid relation_id;
	AttrNumber columns[INDEX_LOOKUP_MAX_COLUMNS];  /* 0: none */
	bool is_lowered;                               /* on lower() of the only column */
	Oid index_id;                                  /* invalid: there is none */
	RegProcedure equals[INDEX_LOOKUP_MAX_COLUMNS]; /* of its columns */
} ChosenIndex;

static ChosenIndex chosen[CACHED_MOST];
static int chosen_count;

static void
forget_chosen(Datum argument, Oid relation_id)
{
	chosen_count = 0;
}

static bool
may_read(Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relrowsecurity &&
		   !relation->rd_rel->relhassubclass && ExecutorCheckPerms_hook == NULL &&
		   pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

static bool
is_deterministic(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

/* Its first columns are these, in their types' own order, in which equal values are the same. */
static bool
begins_with(Relation index, Relation relation, const AttrNumber *columns, int column_count)
{
	const FormData_pg_index *form = index->rd_index;

	if (form->indnkeyatts < column_count)
		return false;
	for (int i = 0; i < column_count; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(relation), columns[i] - 1);
		Oid type = column->atttypid;

		/* a varchar's order is that of texts */
		if (form->indkey.values[i] != columns[i] ||
			index->rd_opcintype[i] != (type == VARCHAROID ? TEXTOID : type) ||
			!is_deterministic(index->rd_indcollation[i]) || !is_deterministic(column->attcollation))
			return false;
	}
	return true;
}

/* Its first column is lower() of this one, under this one's collation. */
static bool
begins_with_lowered(Relation index, Relation relation, AttrNumber number)
{
	Oid collation = TupleDescAttr(RelationGetDescr(relation), number - 1)->attcollation;
	const FuncExpr *call;
	const Node *argument;

	if (index->rd_index->indkey.values[0] != 0 || index->rd_opcintype[0] != TEXTOID ||
		!is_deterministic(index->rd_indcollation[0]) || !is_deterministic(collation))
		return false;
	call = linitial(RelationGetIndexExpressions(index));
	if (!IsA(call, FuncExpr) || call->funcid != F_LOWER_TEXT || call->inputcollid != collation)
		return false;
	argument = linitial(call->args);
	/* a varchar as text */
	if (IsA(argument, RelabelType))
		argument = (const Node *) ((const RelabelType *) argument)->arg;
	return IsA(argument, Var) && ((const Var *) argument)->varattno == number;
}

/* An index that every row is in and that begins with the columns. */
static Oid
choose_index(Relation relation, const AttrNumber *columns, int column_count, bool is_lowered)
{
	List *ids = RelationGetIndexList(relation);
	int fewest = INDEX_MAX_KEYS + 1;
	Oid result = InvalidOid;
	ListCell *cell;

	foreach (cell, ids)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		const FormData_pg_index *form = index->rd_index;

		if (index->rd_rel->relam == BTREE_AM_OID && form->indisvalid && !form->indcheckxmin &&
			(is_lowered ? begins_with_lowered(index, relation, columns[0])
						: begins_with(index, relation, columns, column_count)) &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&
			form->indnkeyatts < fewest)
		{
			fewest = form->indnkeyatts;
			result = lfirst_oid(cell);
		}
		index_close(index, NoLock);
	}
	list_free(ids);
	return result;
}

/* Of an index's column, numbered from 0, the function that compares so. */
static RegProcedure
comparison(Relation index, int column, int16 strategy)
{
	Oid type = index->rd_opcintype[column];

	return get_opcode(get_opfamily_member(index->rd_opfamily[column], type, type, strategy));
}

/* Of the index's columns, the functions that say what is equal. */
static void
find_equals(ChosenIndex *entry, int column_count)
{
	Relation index = index_open(entry->index_id, AccessShareLock);

	for (int i = 0; i < column_count; i++)
		entry->equals[i] = comparison(index, i, BTEqualStrategyNumber);
	index_close(index, NoLock);
}

/* NULL: there is none. */
static Relation
open_index(Relation relation, const AttrNumber *columns, int column_count, bool is_lowered,
		   RegProcedure *equals)
{
	static bool is_registered;
	ChosenIndex entry = {.relation_id = RelationGetRelid(relation), .is_lowered = is_lowered};
	bool is_known = false;

	if (!is_registered)
	{
		CacheRegisterRelcacheCallback(forget_chosen, (Datum) 0);
		is_registered = true;
	}
	memcpy(entry.columns, columns, sizeof(AttrNumber) * column_count);
	for (int i = 0; i < chosen_count; i++)
	{
		if (chosen[i].relation_id == entry.relation_id && chosen[i].is_lowered == is_lowered &&
			memcmp(chosen[i].columns, entry.columns, sizeof(entry.columns)) == 0)
		{
			entry = chosen[i];
			is_known = true;
			break;
		}
	}
	if (!is_known)
	{
		entry.index_id = choose_index(relation, columns, column_count, is_lowered);
		if (OidIsValid(entry.index_id))
			find_equals(&entry, column_count);
		if (chosen_count < CACHED_MOST)
			chosen[chosen_count++] = entry;
	}
	memcpy(equals, entry.equals, sizeof(entry.equals));
	return OidIsValid(entry.index_id) ? index_open(entry.index_id, AccessShareLock) : NULL;
}

/* Keys that are to be given their values. */
static void
prepare_keys(Relation index, int column_count, const RegProcedure *equals, ScanKeyData *keys)
{
	for (int i = 0; i < column_count; i++)
		ScanKeyEntryInitialize(&keys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
							   index->rd_indcollation[i], equals[i], (Datum) 0);
}

/* A copy with all columns: the table may have got some, with values for the rows that it had, since the row was written. */
static HeapTuple
copy_row(TupleTableSlot *slot)
{
	HeapTuple row = ExecCopySlotHeapTuple(slot);
	HeapTuple whole;

	if (HeapTupleHeaderGetNatts(row->t_data) == slot->tts_tupleDescriptor->natts)
		return row;
	slot_getallattrs(slot);
	whole = heap_form_tuple(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull);
	whole->t_self = row->t_self;
	whole->t_tableOid = row->t_tableOid;
	/* which version of the row it is */
	HeapTupleHeaderSetXmin(whole->t_data, HeapTupleHeaderGetRawXmin(row->t_data));
	return whole;
}

/* Looks into an index, one after the other, and the rows that they find. */
typedef struct Looks
{
	Relation index;
	TupleTableSlot *slot;
	IndexScanDesc scan;
	int key_count;
	HeapTuple *rows;
	int count;
	int size;
} Looks;

static Looks
looks_begin(Relation relation, Relation index, int key_count, Snapshot snapshot)
{
	return (Looks){
		.index = index,
		.slot = table_slot_create(relation, NULL),
		.scan = begin_index_scan(relation, index, snapshot, key_count),
		.key_count = key_count,
		.rows = palloc(sizeof(HeapTuple) * FIRST_SIZE),
		.size = FIRST_SIZE,
	};
}

static void
look_up(Looks *looks, ScanKey keys)
{
	index_rescan(looks->scan, keys, looks->key_count, NULL, 0);
	while (index_getnext_slot(looks->scan, ForwardScanDirection, looks->slot))
	{
		if (looks->count == looks->size)
		{
			looks->size *= 2;
			looks->rows = repalloc(looks->rows, sizeof(HeapTuple) * looks->size);
		}
		looks->rows[looks->count++] = copy_row(looks->slot);
	}
}

static void
looks_end(const Looks *looks, HeapTuple **rows, int *count)
{
	index_endscan(looks->scan);
	ExecDropSingleTupleTableSlot(looks->slot);
	index_close(looks->index, NoLock);
	*rows = looks->rows;
	*count = looks->count;
}

bool
index_lookup(Relation relation, const AttrNumber *columns, int column_count, const Datum *keys,
			 int key_count, Snapshot snapshot, HeapTuple **rows, int *count)
{
	RegProcedure equals[INDEX_LOOKUP_MAX_COLUMNS];
	Relation index =
		may_read(relation) ? open_index(relation, columns, column_count, false, equals) : NULL;
	ScanKeyData scan_keys[INDEX_LOOKUP_MAX_COLUMNS];
	Looks looks;

	if (index == NULL)
		return false;
	looks = looks_begin(relation, index, column_count, snapshot);
	prepare_keys(index, column_count, equals, scan_keys);
	for (int i = 0; i < key_count; i++)
	{
		for (int c = 0; c < column_count; c++)
			scan_keys[c].sk_argument = keys[i * column_count + c];
		look_up(&looks, scan_keys);
	}
	looks_end(&looks, rows, count);
	return true;
}

/* Keys for what lies between the first and the last of the texts, as the index has them. */
static void
prepare_span(Relation index, const Datum *texts, int count, ScanKeyData keys[2])
{
	FmgrInfo *order = index_getprocinfo(index, 1, BTORDER_PROC);
	Oid collation = index->rd_indcollation[0];
	Datum first = texts[0];
	Datum last = texts[0];

	for (int i = 1; i < count; i++)
	{
		if (DatumGetInt32(FunctionCall2Coll(order, collation, texts[i], first)) < 0)
			first = texts[i];
		if (DatumGetInt32(FunctionCall2Coll(order, collation, texts[i], last)) > 0)
			last = texts[i];
	}
	ScanKeyEntryInitialize(&keys[0], 0, 1, BTGreaterEqualStrategyNumber, InvalidOid, collation,
						   comparison(index, 0, BTGreaterEqualStrategyNumber), first);
	ScanKeyEntryInitialize(&keys[1], 0, 1, BTLessEqualStrategyNumber, InvalidOid, collation,
						   comparison(index, 0, BTLessEqualStrategyNumber), last);
}

bool
index_lookup_near_lowered(Relation relation, AttrNumber column, const Datum *texts, int text_count,
						  Snapshot snapshot, HeapTuple **rows, int *count)
{
	AttrNumber columns[INDEX_LOOKUP_MAX_COLUMNS] = {column};
	RegProcedure equals[INDEX_LOOKUP_MAX_COLUMNS];
	Relation index = may_read(relation) ? open_index(relation, columns, 1, true, equals) : NULL;
	ScanKeyData keys[2];
	Looks looks;

	if (index == NULL)
		return false;
	prepare_span(index, texts, text_count, keys);
	looks = looks_begin(relation, index, 2, snapshot);
	look_up(&looks, keys);
	looks_end(&looks, rows, count);
	return true;
}
