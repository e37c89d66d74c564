/*
 * written_keys.c
 *		Ids of rows that table_writer.c has just inserted, for foreign keys of rows that it inserts next.
 *
 * Whatever a trigger, a default or a constraint's function changes in a table, it does in commands of its own: the
 * command id says whether there was one between two writers, or within one.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/rel.h"

#include "base/written_keys.h"

/* What a call inserts and refers to then are a few rows for each copy; keys to others are looked up. */
#define MAX_KEYS 64

typedef struct WrittenKey
{
	Oid relation_id;
	AttrNumber column;
	pg_uuid_t id;
} WrittenKey;

static WrittenKey written[MAX_KEYS];
static int written_count;
static int known_count;          /* those of writers that have ended */
static TransactionId written_by; /* the subtransaction that they are of */

/* The writer's that is under way, or the one behind the last writer's. */
static CommandId current_command;

/* Its column is a uuid, in the type's own order. */
static bool
is_on_uuid(Relation index, Relation relation)
{
	const FormData_pg_index *form = index->rd_index;

	return index->rd_rel->relam == BTREE_AM_OID && form->indisvalid && form->indnkeyatts == 1 &&
		   form->indkey.values[0] > 0 && index->rd_opcintype[0] == UUIDOID &&
		   TupleDescAttr(RelationGetDescr(relation), form->indkey.values[0] - 1)->atttypid ==
			   UUIDOID;
}

/* Its index is open. */
static AttrNumber
column_of_index(const ResultRelInfo *target, Oid index_id)
{
	for (int i = 0; i < target->ri_NumIndices; i++)
	{
		Relation index = target->ri_IndexRelationDescs[i];

		if (RelationGetRelid(index) == index_id)
			return is_on_uuid(index, target->ri_RelationDesc) ? index->rd_index->indkey.values[0]
															  : 0;
	}
	return 0;
}

/* The column that foreign keys of other tables refer to; of several the first one. */
static AttrNumber
referenced_column(const ResultRelInfo *target)
{
	const TriggerDesc *triggers = target->ri_TrigDesc;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (OidIsValid(trigger->tgconstrindid) &&
			RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_PK)
			return column_of_index(target, trigger->tgconstrindid);
	}
	return 0;
}

AttrNumber
written_keys_begin(const ResultRelInfo *target, CommandId command)
{
	TransactionId transaction = GetCurrentTransactionId();

	if (current_command != command || written_by != transaction)
		written_count = 0;
	known_count = written_count;
	current_command = command;
	written_by = transaction;
	return referenced_column(target);
}

void
written_keys_note(AttrNumber column, TupleTableSlot *row, CommandId command)
{
	bool is_null;
	Datum id = slot_getattr(row, column, &is_null);

	/* a trigger's function may have led to another writer */
	if (is_null || written_count == MAX_KEYS || current_command != command)
		return;
	written[written_count++] =
		(WrittenKey){.relation_id = row->tts_tableOid, .column = column, .id = *DatumGetUUIDP(id)};
}

void
written_keys_end(CommandId command)
{
	if (current_command == command && GetCurrentCommandId(false) == command + 1)
		current_command = command + 1;
	else
		written_count = 0;
}

bool
written_keys_have(Oid relation_id, AttrNumber column, const pg_uuid_t *id, CommandId command)
{
	if (current_command != command || GetCurrentCommandId(false) != command)
		return false;
	for (int i = 0; i < known_count; i++)
	{
		const WrittenKey *key = &written[i];

		if (key->relation_id == relation_id && key->column == column &&
			memcmp(&key->id, id, UUID_LEN) == 0)
			return true;
	}
	return false;
}
