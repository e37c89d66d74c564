/*
 * index_lookup.c
 *		Rows of a table found by one column, without a statement.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/index_lookup.h"

#define FIRST_SIZE  32
#define CACHED_MOST 64

/* The index that was chosen for a column; until the table or an index of it changes. */
typedef struct ChosenIndex
{
	Oid relation_id;
	AttrNumber column;
	Oid index_id; /* invalid: there is none */
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

/* An index that every row is in, by that column and its type's own order first. */
static Oid
choose_index(Relation relation, AttrNumber column)
{
	Oid type = TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid;
	List *ids = RelationGetIndexList(relation);
	int fewest = INDEX_MAX_KEYS + 1;
	Oid result = InvalidOid;
	ListCell *cell;

	foreach (cell, ids)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		const FormData_pg_index *form = index->rd_index;

		if (index->rd_rel->relam == BTREE_AM_OID && form->indisvalid && !form->indcheckxmin &&
			form->indkey.values[0] == column && index->rd_opcintype[0] == type &&
			!OidIsValid(index->rd_indcollation[0]) &&
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

/* NULL: there is none. */
static Relation
open_index(Relation relation, AttrNumber column)
{
	static bool is_registered;
	ChosenIndex entry = {.relation_id = RelationGetRelid(relation), .column = column};

	if (!is_registered)
	{
		CacheRegisterRelcacheCallback(forget_chosen, (Datum) 0);
		is_registered = true;
	}
	for (int i = 0; i < chosen_count; i++)
	{
		if (chosen[i].relation_id == entry.relation_id && chosen[i].column == column)
			return OidIsValid(chosen[i].index_id) ? index_open(chosen[i].index_id, AccessShareLock)
												  : NULL;
	}
	entry.index_id = choose_index(relation, column);
	if (chosen_count < CACHED_MOST)
		chosen[chosen_count++] = entry;
	return OidIsValid(entry.index_id) ? index_open(entry.index_id, AccessShareLock) : NULL;
}

static void
look_up(IndexScanDesc scan, TupleTableSlot *slot, HeapTuple **rows, int *count, int *size)
{
	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		if (*count == *size)
		{
			*size *= 2;
			*rows = repalloc(*rows, sizeof(HeapTuple) * *size);
		}
		(*rows)[(*count)++] = ExecCopySlotHeapTuple(slot);
	}
}

bool
index_lookup(Relation relation, AttrNumber column, const Datum *keys, int key_count,
			 Snapshot snapshot, HeapTuple **rows, int *count)
{
	Relation index = may_read(relation) ? open_index(relation, column) : NULL;
	int size = FIRST_SIZE;
	Oid equal;
	IndexScanDesc scan;
	TupleTableSlot *slot;

	if (index == NULL)
		return false;
	equal = get_opfamily_member(index->rd_opfamily[0], index->rd_opcintype[0],
								index->rd_opcintype[0], BTEqualStrategyNumber);
	*rows = palloc(sizeof(HeapTuple) * size);
	*count = 0;
	slot = table_slot_create(relation, NULL);
	scan = begin_index_scan(relation, index, snapshot, 1);
	for (int i = 0; i < key_count; i++)
	{
		ScanKeyData key;

		ScanKeyInit(&key, 1, BTEqualStrategyNumber, get_opcode(equal), keys[i]);
		index_rescan(scan, &key, 1, NULL, 0);
		look_up(scan, slot, rows, count, &size);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, NoLock);
	return true;
}
