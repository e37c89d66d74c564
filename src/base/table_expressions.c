/*
 * table_expressions.c
 *		CHECK constraints, conditions of BEFORE triggers and what indexes compute of a table, ready to run for the session.
 *
 * They are made anew when the table changes, or any function, type or constraint: seldom, in a server
 * that runs.  Constraints are the relation cache's, conditions its triggers'.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/index.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/table_expressions.h"

#define MOST_TABLES 64

struct TableExpressions
{
	Oid relation_id;
	Oid user_id; /* who may run the functions in them: looked at when they are made */
	MemoryContext context;
	bool is_stale;
	bool
		is_running; /* a function in them may call us again: what runs is neither run nor forgotten then */
	ExprContext *values;
	bool is_plain; /* false: the executor has to do it */
	int check_count;
	ExprState **checks;
	bool always_fires; /* a trigger without a condition */
	int when_count;
	ExprState **whens;
	bool has_indexes; /* described: when rows are first written */
	bool
		indexes_are_used; /* by an executor state: another one, of a function in them, makes its own */
	bool is_forgotten;    /* but in use */
	int index_count;
	Oid *index_ids;
	IndexInfo **indexes;
};

struct IndexUse
{
	MemoryContextCallback callback;
	TableExpressions *expressions; /* NULL: none that are kept */
};

static TableExpressions *tables[MOST_TABLES];
static int table_count;
static uint64 changes; /* heard of so far */

static bool
is_about(const TableExpressions *expressions, Oid relation_id)
{
	if (relation_id == InvalidOid || expressions->relation_id == relation_id)
		return true;
	for (int i = 0; i < expressions->index_count; i++)
	{
		if (expressions->index_ids[i] == relation_id)
			return true;
	}
	return false;
}

/* Invalid: all of them. */
static void
note_relation_change(Datum argument, Oid relation_id)
{
	changes++;
	for (int i = 0; i < table_count; i++)
	{
		if (is_about(tables[i], relation_id))
			tables[i]->is_stale = true;
	}
}

static void
note_catalog_change(Datum argument, int cache, uint32 hash)
{
	note_relation_change(argument, InvalidOid);
}

static void
hear_of_changes(void)
{
	static bool is_registered;

	if (is_registered)
		return;
	CacheRegisterRelcacheCallback(note_relation_change, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, note_catalog_change, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, note_catalog_change, (Datum) 0);
	CacheRegisterSyscacheCallback(CONSTROID, note_catalog_change, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, note_catalog_change, (Datum) 0);
	is_registered = true;
}

static void
forget(int i)
{
	TableExpressions *old = tables[i];

	tables[i] = tables[--table_count];
	if (old->indexes_are_used)
		old->is_forgotten = true;
	else
		MemoryContextDelete(old->context);
}

uint64
table_changes(void)
{
	hear_of_changes();
	return changes;
}

static void
make_room(void)
{
	for (int i = 0; i < table_count; i++)
	{
		if (tables[i]->is_running)
			continue;
		forget(i);
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
			 errmsg("constraints of %d tables call vmclone from within one another", MOST_TABLES),
			 errhint("Take the calls out of the functions that CHECK constraints use.")));
}

static void
prepare_checks(TableExpressions *expressions, const TupleConstr *constraints)
{
	expressions->checks = palloc(sizeof(ExprState *) * (constraints->num_check + 1));
	for (int i = 0; i < constraints->num_check; i++)
	{
		const ConstrCheck *check = &constraints->check[i];
		Expr *expression;

		if (!check_is_enforced(check))
			continue;
		expression = expression_planner(stringToNode(check->ccbin));
		expressions->checks[expressions->check_count++] = ExecInitExpr(expression, NULL);
	}
}

/* NEW is the outer row, as the executor has it. */
static void
prepare_whens(TableExpressions *expressions, const TriggerDesc *triggers)
{
	expressions->whens = palloc(sizeof(ExprState *) * (triggers->numtriggers + 1));
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];
		Node *condition;

		if (!TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_BEFORE,
								  TRIGGER_TYPE_INSERT))
			continue;
		if (trigger->tgqual == NULL)
		{
			expressions->always_fires = true;
			continue;
		}
		condition = stringToNode(trigger->tgqual);
		ChangeVarNodes(condition, PRS2_NEW_VARNO, OUTER_VAR, 0);
		condition = (Node *) make_ands_implicit((Expr *) condition);
		condition = (Node *) expression_planner((Expr *) condition);
		expressions->whens[expressions->when_count++] = ExecInitQual((List *) condition, NULL);
	}
}

static TableExpressions *
prepare(Relation relation)
{
	/* the caller's until all is made, so that an error leaves nothing behind */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "vmclone table expressions",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext callers = MemoryContextSwitchTo(context);
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;
	TableExpressions *expressions = palloc0(sizeof(TableExpressions));
	uint64 before = changes;

	expressions->relation_id = RelationGetRelid(relation);
	expressions->user_id = GetUserId();
	expressions->context = context;
	expressions->values = CreateStandaloneExprContext();
	expressions->is_plain = constraints == NULL || !has_virtual_columns(constraints);
	if (constraints && expressions->is_plain)
		prepare_checks(expressions, constraints);
	/* a function that is planned away may make a trigger, and so a new description */
	if (relation->trigdesc)
		prepare_whens(expressions, CopyTriggerDesc(relation->trigdesc));
	expressions->is_stale = changes != before;
	MemoryContextSwitchTo(callers);
	MemoryContextSetParent(context, CacheMemoryContext);
	return expressions;
}

TableExpressions *
table_expressions(Relation relation)
{
	TableExpressions *expressions;

	hear_of_changes();
	for (int i = 0; i < table_count; i++)
	{
		if (tables[i]->relation_id != RelationGetRelid(relation))
			continue;
		if (tables[i]->is_running || (!tables[i]->is_stale && tables[i]->user_id == GetUserId()))
			return tables[i];
		forget(i);
		break;
	}
	expressions = prepare(relation);
	/* looked at behind it: a function that was planned may have come here */
	if (table_count == MOST_TABLES)
		make_room();
	tables[table_count++] = expressions;
	return expressions;
}

static bool
has_forbidden_null(TupleTableSlot *row)
{
	TupleDesc descriptor = row->tts_tupleDescriptor;

	if (descriptor->constr == NULL || !descriptor->constr->has_not_null)
		return false;
	for (int i = 0; i < descriptor->natts; i++)
	{
		if (TupleDescAttr(descriptor, i)->attnotnull && slot_attisnull(row, i + 1))
			return true;
	}
	return false;
}

static bool
checks_hold(TableExpressions *expressions, TupleTableSlot *row)
{
	bool result = true;

	expressions->values->ecxt_scantuple = row;
	for (int i = 0; i < expressions->check_count && result; i++)
		result = ExecCheck(expressions->checks[i], expressions->values);
	return result;
}

static bool
no_condition_holds(TableExpressions *expressions, TupleTableSlot *row)
{
	bool result = true;

	expressions->values->ecxt_outertuple = row;
	for (int i = 0; i < expressions->when_count && result; i++)
		result = !ExecQual(expressions->whens[i], expressions->values);
	return result;
}

/* Not from within itself: what it works with is one row's. */
static bool
run(TableExpressions *expressions, TupleTableSlot *row,
	bool (*evaluate)(TableExpressions *, TupleTableSlot *))
{
	bool result;

	if (expressions->is_running)
		return false;
	expressions->is_running = true;
	PG_TRY();
	{
		result = evaluate(expressions, row);
	}
	PG_CATCH();
	{
		/* a function in them may be in the middle of its work */
		expressions->is_stale = true;
		expressions->is_running = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	expressions->is_running = false;
	ResetExprContext(expressions->values);
	return result;
}

bool
table_constraints_hold(TableExpressions *expressions, TupleTableSlot *row)
{
	return expressions->is_plain && !has_forbidden_null(row) &&
		   (expressions->check_count == 0 || run(expressions, row, checks_hold));
}

bool
table_no_trigger_fires(TableExpressions *expressions, TupleTableSlot *row)
{
	return !expressions->always_fires &&
		   (expressions->when_count == 0 || run(expressions, row, no_condition_holds));
}

/* A state of its own for what the executor notes while it writes. */
static IndexInfo *
index_for_use(const IndexInfo *kept)
{
	IndexInfo *index = makeNode(IndexInfo);

	memcpy(index, kept, sizeof(IndexInfo));
	index->ii_Context = CurrentMemoryContext;
	return index;
}

/* For the next time. */
static void
keep_indexes(const ResultRelInfo *target)
{
	/* the caller's until all is made, so that an error leaves nothing behind */
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "vmclone indexes", ALLOCSET_SMALL_SIZES);
	MemoryContext callers = MemoryContextSwitchTo(context);
	int count = target->ri_NumIndices;
	Oid *ids = palloc(sizeof(Oid) * (count + 1));
	IndexInfo **indexes = palloc(sizeof(IndexInfo *) * (count + 1));
	uint64 before = changes;
	TableExpressions *expressions;

	for (int i = 0; i < count; i++)
	{
		IndexInfo *index = BuildIndexInfo(target->ri_IndexRelationDescs[i]);
		ListCell *cell;

		foreach (cell, index->ii_Expressions)
			index->ii_ExpressionsState =
				lappend(index->ii_ExpressionsState,
						ExecInitExpr(expression_planner(copyObject(lfirst(cell))), NULL));
		if (index->ii_Predicate)
			index->ii_PredicateState = ExecInitQual(
				(List *) expression_planner((Expr *) copyObject(index->ii_Predicate)), NULL);
		ids[i] = RelationGetRelid(target->ri_IndexRelationDescs[i]);
		indexes[i] = index;
	}
	MemoryContextSwitchTo(callers);
	/* looked for again: a function that was planned may have come here */
	expressions = table_expressions(target->ri_RelationDesc);
	if (changes != before || expressions->is_stale || expressions->has_indexes)
	{
		MemoryContextDelete(context);
		return;
	}
	MemoryContextSetParent(context, expressions->context);
	expressions->index_ids = ids;
	expressions->indexes = indexes;
	expressions->index_count = count;
	expressions->has_indexes = true;
}

/* As they are kept; their relations are locked and may have changed meanwhile. */
static void
open_kept_indexes(TableExpressions *expressions, ResultRelInfo *target)
{
	int count = expressions->index_count;

	target->ri_NumIndices = count;
	target->ri_IndexRelationDescs = palloc(sizeof(Relation) * (count + 1));
	target->ri_IndexRelationInfo = palloc(sizeof(IndexInfo *) * (count + 1));
	for (int i = 0; i < count; i++)
	{
		target->ri_IndexRelationDescs[i] = index_open(expressions->index_ids[i], RowExclusiveLock);
		target->ri_IndexRelationInfo[i] = index_for_use(expressions->indexes[i]);
	}
	for (int i = 0; i < count && expressions->is_stale; i++)
		target->ri_IndexRelationInfo[i] = BuildIndexInfo(target->ri_IndexRelationDescs[i]);
}

void
table_indexes_done(IndexUse *use)
{
	TableExpressions *expressions = use->expressions;

	if (expressions == NULL)
		return;
	use->expressions = NULL;
	expressions->indexes_are_used = false;
	if (expressions->is_forgotten)
		MemoryContextDelete(expressions->context);
}

/* An error has left: a function in them may be in the middle of its work. */
static void
break_use(void *argument)
{
	IndexUse *use = argument;

	if (use->expressions)
		use->expressions->is_stale = true;
	table_indexes_done(use);
}

IndexUse *
table_open_indexes(EState *state, ResultRelInfo *target)
{
	IndexUse *use = MemoryContextAllocZero(state->es_query_cxt, sizeof(IndexUse));
	TableExpressions *expressions;

	if (!RelationGetForm(target->ri_RelationDesc)->relhasindex)
		return use;
	expressions = table_expressions(target->ri_RelationDesc);
	if (!expressions->has_indexes || expressions->is_stale || expressions->indexes_are_used)
	{
		ExecOpenIndices(target, false);
		if (!expressions->has_indexes && !expressions->is_stale)
			keep_indexes(target);
		return use;
	}
	use->callback.func = break_use;
	use->callback.arg = use;
	use->expressions = expressions;
	expressions->indexes_are_used = true;
	MemoryContextRegisterResetCallback(state->es_query_cxt, &use->callback);
	open_kept_indexes(expressions, target);
	return use;
}

ExprState **
kept_expressions_take(KeptExpressions *kept, MemoryContext parent, Expr *const *expressions,
					  int count)
{
	ExprState **states = kept->states;
	MemoryContext context;
	MemoryContext callers;

	/* not there until they are given back: an error may leave a function in the middle of its work */
	kept->states = NULL;
	if (states && kept->changes == table_changes() && kept->user_id == GetUserId())
		return states;
	kept->changes = table_changes();
	kept->user_id = GetUserId();
	if (kept->context)
		MemoryContextDelete(kept->context);
	kept->context = NULL;
	/* the caller's until all is made, so that an error leaves nothing behind */
	context =
		AllocSetContextCreate(CurrentMemoryContext, "vmclone expressions", ALLOCSET_SMALL_SIZES);
	callers = MemoryContextSwitchTo(context);
	states = palloc0(sizeof(ExprState *) * (count + 1));
	for (int i = 0; i < count; i++)
	{
		if (expressions[i])
			states[i] = ExecInitExpr(expression_planner(copyObject(expressions[i])), NULL);
	}
	MemoryContextSwitchTo(callers);
	MemoryContextSetParent(context, parent);
	kept->context = context;
	return states;
}

void
kept_expressions_give_back(KeptExpressions *kept, ExprState **states)
{
	kept->states = states;
}
