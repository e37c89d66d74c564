/*
 * table_writer.c
 *		Rows inserted into a table without a statement, as COPY and logical replication's apply worker do.
 *
 * Rows go to the table many at a time, unless a BEFORE trigger could look at those before.  Foreign
 * keys are checked by foreign_keys.c; what it isn't sure of is left to the constraint's own trigger.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/executor_compat.h"
#include "base/foreign_keys.h"
#include "base/table_expressions.h"
#include "base/table_writer.h"
#include "base/written_keys.h"

/* Rows that go to the table at once. */
#define MAX_ROWS 256

struct TableWriter
{
	EState *state;
	ResultRelInfo *target;
	MemoryContext context; /* the caller's */
	TransitionCaptureState *transitions;
	ForeignKeys *keys;
	AttrNumber referenced; /* foreign keys of tables that are written next may refer to it; or 0 */
	IndexUse *indexes;
	bool may_fire_before; /* a row's BEFORE trigger, which could look at the rows before */
	bool fires_after_row;
	int count;      /* of slots that are filled */
	int slot_count; /* of slots that there are */
	uint64 written;
	TupleTableSlot *slots[MAX_ROWS];
};

bool
table_writer_can(Relation relation)
{
	Form_pg_class form = RelationGetForm(relation);

	return form->relkind == RELKIND_RELATION && !form->relispartition && !form->relhasrules &&
		   !form->relrowsecurity && ExecutorCheckPerms_hook == NULL &&
		   pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_INSERT) == ACLCHECK_OK;
}

TableWriter *
table_writer_begin(Relation relation)
{
	TableWriter *writer = palloc(sizeof(TableWriter));
	EState *state;
	TriggerDesc *triggers;
	MemoryContext context;

	/* as each statement of SPI does: what was written before is seen, by triggers too */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());

	/* of the slots, only those that there are are looked at */
	memset(writer, 0, offsetof(TableWriter, slots));
	writer->context = CurrentMemoryContext;
	writer->state = state = CreateExecutorState();
	context = MemoryContextSwitchTo(state->es_query_cxt);
	writer->target = executor_open_target(state, relation, NULL);
	state->es_output_cid = GetCurrentCommandId(true);
	state->es_snapshot = GetActiveSnapshot();
	writer->indexes = table_open_indexes(state, writer->target);
	writer->referenced = written_keys_begin(writer->target, state->es_output_cid);
	if (writer->referenced > 0 && !foreign_keys_owner_may_lock(relation))
		writer->referenced = 0;
	triggers = writer->target->ri_TrigDesc;
	AfterTriggerBeginQuery();
	if (triggers)
	{
		writer->transitions =
			MakeTransitionCaptureState(triggers, RelationGetRelid(relation), CMD_INSERT);
		writer->may_fire_before = triggers->trig_insert_before_row;
		writer->fires_after_row = triggers->trig_insert_after_row;
		writer->keys = foreign_keys_begin(state, writer->target);
	}
	ExecBSInsertTriggers(state, writer->target);
	MemoryContextSwitchTo(context);
	return writer;
}

TupleTableSlot *
table_writer_slot(TableWriter *writer)
{
	TupleTableSlot **slot = &writer->slots[writer->count];

	if (writer->count == writer->slot_count)
	{
		MemoryContext context = MemoryContextSwitchTo(writer->state->es_query_cxt);

		writer->slot_count++;
		*slot = table_slot_create(writer->target->ri_RelationDesc, &writer->state->es_tupleTable);
		MemoryContextSwitchTo(context);
	}
	ExecClearTuple(*slot);
	return *slot;
}

/* Everything before the row is in the table, but for BEFORE triggers. */
static void
prepare_row(TableWriter *writer, TupleTableSlot *row)
{
	Relation relation = writer->target->ri_RelationDesc;
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (constraints == NULL)
		return;
	if (constraints->has_generated_stored)
		executor_compute_generated(writer->state, writer->target, row);
	if (!table_constraints_hold(table_expressions(relation), row))
		ExecConstraints(writer->target, row, writer->state);
}

static void
insert_index_entries(TableWriter *writer, TupleTableSlot *row)
{
	List *recheck = NIL;

	if (writer->target->ri_NumIndices > 0)
		recheck = executor_insert_index_entries(writer->state, writer->target, row);
	if (writer->referenced > 0)
		written_keys_note(writer->referenced, row, writer->state->es_output_cid);
	if (writer->fires_after_row || writer->transitions)
	{
		if (writer->keys)
			foreign_keys_check(writer->keys, row);
		ExecARInsertTriggers(writer->state, writer->target, row, recheck, writer->transitions);
	}
	list_free(recheck);
}

static void
flush(TableWriter *writer)
{
	Relation relation = writer->target->ri_RelationDesc;
	CommandId command = writer->state->es_output_cid;
	MemoryContext context;

	if (writer->count == 1)
		table_tuple_insert(relation, writer->slots[0], command, 0, NULL);
	else if (writer->count > 1)
		table_multi_insert(relation, writer->slots, writer->count, command, 0, NULL);
	/* what scans and triggers keep lasts as long as they */
	context = MemoryContextSwitchTo(writer->state->es_query_cxt);
	for (int i = 0; i < writer->count; i++)
		insert_index_entries(writer, writer->slots[i]);
	MemoryContextSwitchTo(context);
	writer->written += writer->count;
	writer->count = 0;
}

/* A row whose BEFORE triggers fire comes alone: they see all that were put before. */
static void
put_alone(TableWriter *writer)
{
	TupleTableSlot *row = writer->slots[writer->count];
	MemoryContext context;
	bool inserts;

	if (writer->count > 0)
	{
		writer->slots[writer->count] = writer->slots[0];
		flush(writer);
		writer->slots[0] = row;
	}
	/* a function that is called keeps what it knows in the context of its first call */
	context = MemoryContextSwitchTo(writer->state->es_query_cxt);
	inserts = ExecBRInsertTriggers(writer->state, writer->target, row);
	MemoryContextSwitchTo(context);
	if (!inserts)
		return;
	prepare_row(writer, row);
	writer->count = 1;
	flush(writer);
}

void
table_writer_put(TableWriter *writer)
{
	TupleTableSlot *row = writer->slots[writer->count];
	Relation relation = writer->target->ri_RelationDesc;
	MemoryContext context = MemoryContextSwitchTo(GetPerTupleMemoryContext(writer->state));

	ExecStoreVirtualTuple(row);
	row->tts_tableOid = RelationGetRelid(relation);
	if (writer->may_fire_before && !table_no_trigger_fires(table_expressions(relation), row))
		put_alone(writer);
	else
	{
		prepare_row(writer, row);
		writer->count++;
		if (writer->count == MAX_ROWS)
			flush(writer);
	}
	if (writer->count == 0)
		ResetPerTupleExprContext(writer->state);
	MemoryContextSwitchTo(context);
}

uint64
table_writer_end(TableWriter *writer)
{
	EState *state = writer->state;
	CommandId command = state->es_output_cid;
	uint64 written;
	MemoryContext context = MemoryContextSwitchTo(GetPerTupleMemoryContext(state));

	flush(writer);
	MemoryContextSwitchTo(state->es_query_cxt);
	if (writer->keys)
		foreign_keys_end(writer->keys);
	ExecASInsertTriggers(state, writer->target, writer->transitions);
	AfterTriggerEndQuery(state);
	MemoryContextSwitchTo(context);
	MemoryContextSwitchTo(writer->context);
	written = writer->written;
	ExecResetTupleTable(state->es_tupleTable, false);
	executor_close_target(state, writer->target);
	table_indexes_done(writer->indexes);
	FreeExecutorState(state);
	PopActiveSnapshot();
	CommandCounterIncrement();
	written_keys_end(command);
	return written;
}
