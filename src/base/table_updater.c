/*
 * table_updater.c
 *		One column of rows set without a statement, as logical replication's apply worker does.
 *
 * The rows are locked, so that nobody else can have changed them, and each is found by its place: no
 * index is asked.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/executor_compat.h"
#include "base/table_expressions.h"
#include "base/table_updater.h"

typedef struct Update
{
	EState *state;
	ResultRelInfo *target;
	TransitionCaptureState *transitions;
	bool fires_after_row;
	AttrNumber column;
	Datum value;
	TupleTableSlot *old_row;
	TupleTableSlot *new_row;
} Update;

static bool
fits(Form_pg_attribute attribute, Oid type, Datum value)
{
	if (attribute->attidentity)
		return false;
	if (type == TEXTOID && attribute->atttypid == VARCHAROID)
		/* bytes are characters at least */
		return attribute->atttypmod < 0 ||
			   VARSIZE_ANY_EXHDR(DatumGetPointer(value)) <= attribute->atttypmod - VARHDRSZ;
	return attribute->atttypid == type && attribute->atttypmod < 0;
}

static bool
can_update(Relation relation, AttrNumber column, Oid type, Datum value)
{
	Form_pg_class form = RelationGetForm(relation);
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (form->relkind != RELKIND_RELATION || form->relispartition || form->relhassubclass ||
		form->relhasrules || form->relrowsecurity || ExecutorCheckPerms_hook != NULL ||
		pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_UPDATE) != ACLCHECK_OK)
		return false;
	if (relation->trigdesc && relation->trigdesc->trig_update_before_row)
		return false;
	if (column <= 0 ||
		(constraints && (constraints->has_generated_stored || has_virtual_columns(constraints))))
		return false;
	return fits(TupleDescAttr(RelationGetDescr(relation), column - 1), type, value);
}

static void
begin(Update *update, Relation relation)
{
	EState *state = update->state;
	Bitmapset *columns = bms_make_singleton(update->column - FirstLowInvalidHeapAttributeNumber);
	TriggerDesc *triggers;

	update->target = executor_open_target(state, relation, columns);
	state->es_output_cid = GetCurrentCommandId(true);
	state->es_snapshot = GetActiveSnapshot();
	CheckCmdReplicaIdentity(relation, CMD_UPDATE);
	ExecOpenIndices(update->target, false);
	update->old_row = table_slot_create(relation, &state->es_tupleTable);
	update->new_row = table_slot_create(relation, &state->es_tupleTable);
	AfterTriggerBeginQuery();
	triggers = update->target->ri_TrigDesc;
	if (triggers)
	{
		update->transitions =
			MakeTransitionCaptureState(triggers, RelationGetRelid(relation), CMD_UPDATE);
		update->fires_after_row = triggers->trig_update_after_row;
	}
	ExecBSUpdateTriggers(state, update->target);
}

static void
fill_new_row(const Update *update)
{
	TupleTableSlot *row = ExecClearTuple(update->new_row);
	int columns = row->tts_tupleDescriptor->natts;

	slot_getallattrs(update->old_row);
	memcpy(row->tts_values, update->old_row->tts_values, sizeof(Datum) * columns);
	memcpy(row->tts_isnull, update->old_row->tts_isnull, sizeof(bool) * columns);
	row->tts_values[update->column - 1] = update->value;
	row->tts_isnull[update->column - 1] = false;
	ExecStoreVirtualTuple(row);
	row->tts_tableOid = RelationGetRelid(update->target->ri_RelationDesc);
}

static void
update_row(Update *update, ItemPointer place)
{
	Relation relation = update->target->ri_RelationDesc;
	TU_UpdateIndexes indexes = TU_None;
	LockTupleMode mode;
	TM_FailureData failure;
	List *recheck = NIL;

	if (!table_tuple_fetch_row_version(relation, place, SnapshotAny, update->old_row))
		elog(ERROR, "a locked row of %s is gone", RelationGetRelationName(relation));
	fill_new_row(update);
	if (RelationGetDescr(relation)->constr &&
		!table_constraints_hold(table_expressions(relation), update->new_row))
		ExecConstraints(update->target, update->new_row, update->state);
	if (table_tuple_update(relation, place, update->new_row, update->state->es_output_cid,
						   update->state->es_snapshot, InvalidSnapshot, true, &failure, &mode,
						   &indexes) != TM_Ok)
		elog(ERROR, "a locked row of %s was changed", RelationGetRelationName(relation));
	if (update->target->ri_NumIndices > 0 && indexes != TU_None)
		recheck =
			executor_update_index_entries(update->state, update->target, update->new_row, indexes);
	if (update->fires_after_row || update->transitions)
		executor_after_update(update->state, update->target, place, update->new_row, recheck,
							  update->transitions);
	list_free(recheck);
}

/* False: a trigger has changed one of them since they were locked. */
static bool
are_current(Relation relation, const KeyedRows *rows, const int *numbers, int count)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	bool result = true;

	for (int i = 0; i < count && result; i++)
		result = table_tuple_fetch_row_version(relation, &rows->rows[numbers[i]]->t_self,
											   GetActiveSnapshot(), slot);
	ExecDropSingleTupleTableSlot(slot);
	return result;
}

static void
update_rows(Relation relation, const KeyedRows *rows, const int *numbers, int count,
			AttrNumber column, Datum value)
{
	Update update = {.column = column, .value = value};
	MemoryContext context;

	update.state = CreateExecutorState();
	context = MemoryContextSwitchTo(update.state->es_query_cxt);
	begin(&update, relation);
	for (int i = 0; i < count; i++)
	{
		ItemPointerData place = rows->rows[numbers[i]]->t_self;

		update_row(&update, &place);
		ResetPerTupleExprContext(update.state);
	}
	ExecASUpdateTriggers(update.state, update.target, update.transitions);
	AfterTriggerEndQuery(update.state);
	MemoryContextSwitchTo(context);
	ExecResetTupleTable(update.state->es_tupleTable, false);
	executor_close_target(update.state, update.target);
	FreeExecutorState(update.state);
}

bool
table_update(const KeyedRows *rows, const int *numbers, int count, const char *column, Oid type,
			 Datum value)
{
	Relation relation;
	AttrNumber attribute;
	bool can;

	if (!rows->is_indexed)
		return false;
	relation = table_open(rows->relation_id, RowExclusiveLock);
	attribute = get_attnum(rows->relation_id, column);
	can = can_update(relation, attribute, type, value);
	if (can && count > 0)
	{
		/* as each statement of SPI does: what was written before is seen, by triggers too */
		CommandCounterIncrement();
		PushActiveSnapshot(GetTransactionSnapshot());
		can = are_current(relation, rows, numbers, count);
		if (can)
			update_rows(relation, rows, numbers, count, attribute, value);
		PopActiveSnapshot();
		CommandCounterIncrement();
	}
	table_close(relation, NoLock);
	return can;
}
