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
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/index_lookup.h"

#define FIRST_SIZE 32

static bool
may_read(Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relrowsecurity &&
		   !relation->rd_rel->relhassubclass && ExecutorCheckPerms_hook == NULL &&
		   pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/* An index that every row is in, by that column and its type's own order first; NULL: there is none. */
static Relation
open_index(Relation relation, AttrNumber column)
{
	Oid type = TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid;
	List *ids = RelationGetIndexList(relation);
	Relation found = NULL;
	ListCell *cell;

	foreach (cell, ids)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		const FormData_pg_index *form = index->rd_index;

		if (index->rd_rel->relam == BTREE_AM_OID && form->indisvalid && !form->indcheckxmin &&
			form->indkey.values[0] == column && index->rd_opcintype[0] == type &&
			!OidIsValid(index->rd_indcollation[0]) &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&
			(found == NULL || form->indnkeyatts < found->rd_index->indnkeyatts))
		{
			if (found)
				index_close(found, NoLock);
			found = index;
		}
		else
			index_close(index, NoLock);
	}
	list_free(ids);
	return found;
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
			 HeapTuple **rows, int *count)
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
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	slot = table_slot_create(relation, NULL);
	scan = begin_index_scan(relation, index, GetActiveSnapshot(), 1);
	for (int i = 0; i < key_count; i++)
	{
		ScanKeyData key;

		ScanKeyInit(&key, 1, BTEqualStrategyNumber, get_opcode(equal), keys[i]);
		index_rescan(scan, &key, 1, NULL, 0);
		look_up(scan, slot, rows, count, &size);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	PopActiveSnapshot();
	index_close(index, NoLock);
	return true;
}
