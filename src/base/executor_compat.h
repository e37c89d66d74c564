/*
 * executor_compat.h
 *		What writing rows without a statement needs of the executor, on PostgreSQL 13 to 19.
 *
 * Beside compat.h, since only what writes rows includes the executor's headers.
 */
#ifndef VMCLONE_EXECUTOR_COMPAT_H
#define VMCLONE_EXECUTOR_COMPAT_H

#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "parser/parse_relation.h"

#include "base/compat.h"

/*
 * The relation as an executor state's only one, to be inserted into, or updated where columns are set (offset as in
 * a statement's permissions); it is locked already.
 */
static inline ResultRelInfo *
executor_open_target(EState *state, Relation relation, Bitmapset *updated)
{
	AclMode needed = updated ? ACL_UPDATE : ACL_INSERT;
	RangeTblEntry *entry = makeNode(RangeTblEntry);
	ResultRelInfo *target = makeNode(ResultRelInfo);
#if PG_VERSION_NUM >= 160000
	RTEPermissionInfo *permission;
	List *permissions = NIL;
#endif

	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(relation);
	entry->relkind = relation->rd_rel->relkind;
	entry->rellockmode = RowExclusiveLock;
#if PG_VERSION_NUM >= 160000
	permission = addRTEPermissionInfo(&permissions, entry);
	permission->requiredPerms = needed;
	permission->updatedCols = updated;
#else
	entry->requiredPerms = needed;
	entry->updatedCols = updated;
#endif
#if PG_VERSION_NUM >= 180000
	ExecInitRangeTable(state, list_make1(entry), permissions, bms_make_singleton(1));
#elif PG_VERSION_NUM >= 160000
	ExecInitRangeTable(state, list_make1(entry), permissions);
#else
	ExecInitRangeTable(state, list_make1(entry));
#endif
#if PG_VERSION_NUM >= 140000
	ExecInitResultRelation(state, target, 1);
#else
	InitResultRelInfo(target, ExecGetRangeTableRelation(state, 1), 1, NULL, 0);
	state->es_result_relations = target;
	state->es_num_result_relations = 1;
	state->es_result_relation_info = target;
#endif
	return target;
}

/* Closes it, its indexes and what triggers opened; locks stay. */
static inline void
executor_close_target(EState *state, ResultRelInfo *target)
{
#if PG_VERSION_NUM >= 140000
	ExecCloseResultRelations(state);
	ExecCloseRangeTableRelations(state);
#else
	ExecCloseIndices(target);
	ExecCleanUpTriggerState(state);
	table_close(target->ri_RelationDesc, NoLock);
#endif
}

/* An inserted row's index entries; the indexes of deferred constraints that are to be looked at again. */
static inline List *
executor_insert_index_entries(EState *state, ResultRelInfo *target, TupleTableSlot *row)
{
#if PG_VERSION_NUM >= 190000
	return ExecInsertIndexTuples(target, state, 0, row, NIL, NULL);
#elif PG_VERSION_NUM >= 160000
	return ExecInsertIndexTuples(target, row, state, false, false, NULL, NIL, false);
#elif PG_VERSION_NUM >= 140000
	return ExecInsertIndexTuples(target, row, state, false, false, NULL, NIL);
#else
	return ExecInsertIndexTuples(row, state, false, NULL, NIL);
#endif
}

/* As PostgreSQL 16 has it; before, true stood for all. */
#if PG_VERSION_NUM < 160000
typedef bool TU_UpdateIndexes;
#define TU_None false
#endif
#if PG_VERSION_NUM >= 190000
#define table_tuple_update(relation, place, slot, command, snapshot, crosscheck, wait, failure,    \
						   mode, indexes)                                                          \
	table_tuple_update(relation, place, slot, command, 0, snapshot, crosscheck, wait, failure,     \
					   mode, indexes)
#endif

/* The same of a row's new version. */
static inline List *
executor_update_index_entries(EState *state, ResultRelInfo *target, TupleTableSlot *row,
							  TU_UpdateIndexes indexes)
{
#if PG_VERSION_NUM >= 190000
	return ExecInsertIndexTuples(
		target, state, EIIT_IS_UPDATE | (indexes == TU_Summarizing ? EIIT_ONLY_SUMMARIZING : 0),
		row, NIL, NULL);
#elif PG_VERSION_NUM >= 160000
	return ExecInsertIndexTuples(target, row, state, true, false, NULL, NIL,
								 indexes == TU_Summarizing);
#elif PG_VERSION_NUM >= 140000
	return ExecInsertIndexTuples(target, row, state, true, false, NULL, NIL);
#else
	return ExecInsertIndexTuples(row, state, false, NULL, NIL);
#endif
}

static inline void
executor_after_update(EState *state, ResultRelInfo *target, ItemPointer place, TupleTableSlot *row,
					  List *recheck, TransitionCaptureState *transitions)
{
#if PG_VERSION_NUM >= 150000
	ExecARUpdateTriggers(state, target, NULL, NULL, place, NULL, row, recheck, transitions, false);
#else
	ExecARUpdateTriggers(state, target, place, NULL, row, recheck, transitions);
#endif
}

static inline void
executor_compute_generated(EState *state, ResultRelInfo *target, TupleTableSlot *row)
{
#if PG_VERSION_NUM >= 140000
	ExecComputeStoredGenerated(target, state, row, CMD_INSERT);
#else
	ExecComputeStoredGenerated(state, row, CMD_INSERT);
#endif
}

#endif
