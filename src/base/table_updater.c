/*
 * table_updater.c
 *		Columns of rows set without a statement, as logical replication's apply worker does.
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
#include "catalog/pg_trigger.h"
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

#define TABLE_UPDATE_MAX_COLUMNS 4

typedef struct Update
{
	EState *state;
	ResultRelInfo *target;
	TransitionCaptureState *transitions;
	bool fires_after_row;
	bool leaves_keys;  /* what fires is foreign keys', whose columns stay as they are */
	IndexUse *indexes; /* NULL: not opened; most updates need none */
	AttrNumber numbers[TABLE_UPDATE_MAX_COLUMNS];
	int column_count;
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
can_update(Relation relation)
{
	Form_pg_class form = RelationGetForm(relation);
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (form->relkind != RELKIND_RELATION || form->relispartition || form->relhassubclass ||
		form->relhasrules || form->relrowsecurity || ExecutorCheckPerms_hook != NULL ||
		pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_UPDATE) != ACLCHECK_OK)
		return false;
	if (relation->trigdesc && relation->trigdesc->trig_update_before_row)
		return false;
	return constraints == NULL ||
		   !(constraints->has_generated_stored || has_virtual_columns(constraints));
}

/* False: there is no such column, or a value doesn't fit. */
static bool
find_columns(Update *update, Relation relation, const UpdatedColumn *columns, int count,
			 const Datum *values, int row_count)
{
	update->column_count = count;
	for (int i = 0; i < count; i++)
	{
		AttrNumber number = get_attnum(RelationGetRelid(relation), columns[i].name);

		if (number <= 0)
			return false;
		update->numbers[i] = number;
		for (int row = 0; row < row_count; row++)
		{
			if (!fits(TupleDescAttr(RelationGetDescr(relation), number - 1), columns[i].type,
					  values[row * count + i]))
				return false;
		}
	}
	return true;
}

static bool
is_left_alone(const List *constraints, Oid id, const Bitmapset *columns)
{
	ListCell *cell;

	foreach (cell, constraints)
	{
		const ForeignKeyCacheInfo *constraint = lfirst(cell);

		/* of several columns, MATCH FULL may find fault with a row that it didn't check before */
		if (constraint->conoid == id)
			return constraint->nkeys == 1 &&
				   !bms_is_member(constraint->conkey[0] - FirstLowInvalidHeapAttributeNumber,
								  columns);
	}
	return false;
}

/*
 * Foreign keys look at an updated row where a key's value has changed, at one of this transaction's in any case.  For
 * all others their triggers, of which a table has as many as tables refer to it, would be asked in vain.
 */
static bool
leaves_keys(Relation relation, const TriggerDesc *triggers, const Bitmapset *columns)
{
	Bitmapset *referenced = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_KEY);
	bool stays = !bms_overlap(referenced, columns);
	List *constraints = RelationGetFKeyList(relation);

	for (int i = 0; i < triggers->numtriggers && stays; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_AFTER,
								  TRIGGER_TYPE_UPDATE))
			continue;
		switch (RI_FKey_trigger_type(trigger->tgfoid))
		{
			case RI_TRIGGER_PK:
				break;
			case RI_TRIGGER_FK:
				stays = is_left_alone(constraints, trigger->tgconstraint, columns);
				break;
			default:
				stays = false;
		}
	}
	bms_free(referenced);
	return stays;
}

static void
begin(Update *update, Relation relation)
{
	EState *state = update->state;
	Bitmapset *columns = NULL;
	TriggerDesc *triggers;

	for (int i = 0; i < update->column_count; i++)
		columns = bms_add_member(columns, update->numbers[i] - FirstLowInvalidHeapAttributeNumber);
	update->target = executor_open_target(state, relation, columns);
	state->es_output_cid = GetCurrentCommandId(true);
	state->es_snapshot = GetActiveSnapshot();
	CheckCmdReplicaIdentity(relation, CMD_UPDATE);
	update->old_row = table_slot_create(relation, &state->es_tupleTable);
	update->new_row = table_slot_create(relation, &state->es_tupleTable);
	AfterTriggerBeginQuery();
	triggers = update->target->ri_TrigDesc;
	if (triggers)
	{
		update->transitions =
			MakeTransitionCaptureState(triggers, RelationGetRelid(relation), CMD_UPDATE);
		update->fires_after_row = triggers->trig_update_after_row;
		update->leaves_keys = update->fires_after_row && leaves_keys(relation, triggers, columns);
	}
	ExecBSUpdateTriggers(state, update->target);
}

static void
fill_new_row(const Update *update, const Datum *values)
{
	TupleTableSlot *row = ExecClearTuple(update->new_row);
	int columns = row->tts_tupleDescriptor->natts;

	slot_getallattrs(update->old_row);
	memcpy(row->tts_values, update->old_row->tts_values, sizeof(Datum) * columns);
	memcpy(row->tts_isnull, update->old_row->tts_isnull, sizeof(bool) * columns);
	for (int i = 0; i < update->column_count; i++)
	{
		row->tts_values[update->numbers[i] - 1] = values[i];
		row->tts_isnull[update->numbers[i] - 1] = false;
	}
	ExecStoreVirtualTuple(row);
	row->tts_tableOid = RelationGetRelid(update->target->ri_RelationDesc);
}

static void
open_indexes(Update *update)
{
	if (update->indexes == NULL)
		update->indexes = table_open_indexes(update->state, update->target);
}

/* The row is locked: only code that the update itself has set off can have changed it, as a statement would say, too. */
static void
refuse_changed(Relation relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("a row of table \"%s\" was changed by a trigger or a constraint's function "
					"while it was updated",
					RelationGetRelationName(relation)),
			 errhint("Have an AFTER trigger change other rows.")));
}

static bool
is_own(TupleTableSlot *row)
{
	bool is_null;
	Datum inserter = slot_getsysattr(row, MinTransactionIdAttributeNumber, &is_null);

	return TransactionIdIsCurrentTransactionId(DatumGetTransactionId(inserter));
}

static void
update_row(Update *update, ItemPointer place, const Datum *values)
{
	Relation relation = update->target->ri_RelationDesc;
	TU_UpdateIndexes indexes = TU_None;
	LockTupleMode mode;
	TM_FailureData failure;
	List *recheck = NIL;

	if (!table_tuple_fetch_row_version(relation, place, SnapshotAny, update->old_row))
		refuse_changed(relation);
	fill_new_row(update, values);
	if (RelationGetDescr(relation)->constr &&
		!table_constraints_hold(table_expressions(relation), update->new_row))
		ExecConstraints(update->target, update->new_row, update->state);
	if (table_tuple_update(relation, place, update->new_row, update->state->es_output_cid,
						   update->state->es_snapshot, InvalidSnapshot, true, &failure, &mode,
						   &indexes) != TM_Ok)
		refuse_changed(relation);
	if (indexes != TU_None)
		open_indexes(update);
	if (indexes != TU_None && update->target->ri_NumIndices > 0)
		recheck =
			executor_update_index_entries(update->state, update->target, update->new_row, indexes);
	/* the description is the target's own */
	if (update->leaves_keys)
		update->target->ri_TrigDesc->trig_update_after_row = is_own(update->old_row);
	if (update->fires_after_row || update->transitions)
		executor_after_update(update->state, update->target, place, update->new_row, recheck,
							  update->transitions);
	list_free(recheck);
}

static void
update_rows(Update *update, Relation relation, const KeyedRows *rows, const int *numbers, int count,
			const Datum *values)
{
	EState *state = CreateExecutorState();
	MemoryContext context = MemoryContextSwitchTo(state->es_query_cxt);

	update->state = state;
	begin(update, relation);
	for (int i = 0; i < count; i++)
	{
		ItemPointerData place = rows->rows[numbers[i]]->t_self;

		update_row(update, &place, &values[i * update->column_count]);
		ResetPerTupleExprContext(state);
	}
	ExecASUpdateTriggers(state, update->target, update->transitions);
	AfterTriggerEndQuery(state);
	MemoryContextSwitchTo(context);
	ExecResetTupleTable(state->es_tupleTable, false);
	executor_close_target(state, update->target);
	if (update->indexes)
		table_indexes_done(update->indexes);
	FreeExecutorState(state);
}

bool
table_update(const KeyedRows *rows, const int *numbers, int count, const UpdatedColumn *columns,
			 int column_count, const Datum *values)
{
	Update update = {0};
	Relation relation;
	bool can;

	Assert(column_count <= TABLE_UPDATE_MAX_COLUMNS);
	if (!rows->is_indexed)
		return false;
	relation = table_open(rows->relation_id, RowExclusiveLock);
	can = can_update(relation) &&
		  find_columns(&update, relation, columns, column_count, values, count);
	if (can && count > 0)
	{
		/* as each statement of SPI does: what was written before is seen, by triggers too */
		CommandCounterIncrement();
		PushActiveSnapshot(GetTransactionSnapshot());
		/* a trigger may have changed one of them since they were locked */
		can = keyed_rows_are_current(rows, numbers, count, KEYED_ACTIVE);
		if (can)
			update_rows(&update, relation, rows, numbers, count, values);
		PopActiveSnapshot();
		CommandCounterIncrement();
	}
	table_close(relation, NoLock);
	return can;
}
