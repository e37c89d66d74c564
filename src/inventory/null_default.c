/*
 * null_default.c
 *		NULL for a column that takes none becomes its default; not in what clones write.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "nodes/nodes.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"

#include "base/extension.h"
#include "base/frame.h"

VMCLONE_FUNCTION_INFO(vmclone_null_is_default);

/* The default of a column, or NULL if that has none; its value lies in the executor's memory. */
static Datum
default_of(Relation relation, AttrNumber number, EState *executor, bool *is_null)
{
	Node *expression = build_column_default(relation, number);

	*is_null = true;
	if (expression == NULL)
		return (Datum) 0;
	return ExecEvalExprSwitchContext(ExecPrepareExpr((Expr *) expression, executor),
									 GetPerTupleExprContext(executor), is_null);
}

/* null_is_default(): trigger before a row is inserted. */
Datum
vmclone_null_is_default(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc descriptor;
	HeapTuple row;
	EState *executor;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		elog(ERROR, "null_is_default is a trigger function for rows before INSERT");
	row = trigger->tg_trigtuple;
	if (frame_is_inventory())
		return PointerGetDatum(row);
	descriptor = RelationGetDescr(trigger->tg_relation);
	executor = CreateExecutorState();
	for (int number = 1; number <= descriptor->natts; number++)
	{
		bool is_null;
		Datum value;

		if (!TupleDescAttr(descriptor, number - 1)->attnotnull ||
			!heap_attisnull(row, number, descriptor))
			continue;
		value = default_of(trigger->tg_relation, number, executor, &is_null);
		if (!is_null)
			row = heap_modify_tuple_by_cols(row, descriptor, 1, &number, &value, &is_null);
	}
	FreeExecutorState(executor);
	return PointerGetDatum(row);
}
