/*
 * foreign_keys.c
 *		Foreign keys of rows that are being inserted: looked up at once where nothing speaks against it.
 *
 * A constraint's trigger runs a statement for every row.  What it asks is one look into an index and
 * a share in the row found, and for rows of one call it is mostly the same row.  So that is done here
 * first; only where it doesn't find and lock the row at once, the trigger is left to do it, to wait for
 * who changes the row, or to raise the error.
 *
 * The triggers of foreign keys would fire at the end of the statement, before those of others: their
 * names sort first.  Where another one's name sorts before, they all are left alone.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/foreign_keys.h"
#include "base/written_keys.h"

/* Names of the triggers begin so. */
#define CONSTRAINT_TRIGGER "RI_ConstraintTrigger"

/* Values of a key that are remembered as found; a key with more of them looks all up. */
#define MAX_FOUND 1024

/* A value of at most 16 bytes. */
typedef struct FoundValue
{
	char bytes[16];
} FoundValue;

typedef struct ForeignKey
{
	Trigger *trigger;
	char enabled; /* the trigger's tgenabled */
	AttrNumber column;
	AttrNumber referenced_column;
	Oid referenced_id;
	Oid index_id;
	/* when the first value is looked up */
	bool is_open;
	bool cannot; /* look up: it's the trigger's */
	Relation referenced;
	Relation index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	ScanKeyData equal;
	bool by_value;
	int16 length;
	FoundValue last;
	bool has_last;
	HTAB *found;
} ForeignKey;

struct ForeignKeys
{
	EState *state;
	ForeignKey *keys;
	int count;
	CommandId command; /* of the last row */
	bool others_write; /* functions, which may have deleted what this transaction wrote */
};

static bool
is_plain_key(const Trigger *trigger)
{
	return RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_FK && !trigger->tgdeferrable &&
		   OidIsValid(trigger->tgconstraint) && OidIsValid(trigger->tgconstrindid);
}

/* True if all others fire behind the triggers of foreign keys. */
static bool
others_fire_later(const TriggerDesc *triggers)
{
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_AFTER(trigger->tgtype) &&
			TRIGGER_FOR_INSERT(trigger->tgtype) &&
			RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_NONE &&
			strcmp(trigger->tgname, CONSTRAINT_TRIGGER) < 0)
			return false;
	}
	return true;
}

static const ForeignKeyCacheInfo *
find_constraint(const List *constraints, Oid id)
{
	ListCell *cell;

	foreach (cell, constraints)
	{
		const ForeignKeyCacheInfo *constraint = lfirst(cell);

		if (constraint->conoid == id)
			return constraint;
	}
	return NULL;
}

ForeignKeys *
foreign_keys_begin(EState *state, ResultRelInfo *target)
{
	TriggerDesc *triggers = target->ri_TrigDesc;
	ForeignKeys *keys;
	List *constraints;

	/* with triggers off, or those of a replica on, they decide for themselves */
	if (triggers == NULL || !triggers->trig_insert_after_row ||
		SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA || !others_fire_later(triggers))
		return NULL;
	constraints = RelationGetFKeyList(target->ri_RelationDesc);
	if (constraints == NIL)
		return NULL;
	keys = palloc0(sizeof(ForeignKeys));
	keys->state = state;
	keys->command = state->es_output_cid;
	keys->keys = palloc0(sizeof(ForeignKey) * triggers->numtriggers);
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];
		const ForeignKeyCacheInfo *constraint;
		ForeignKey *key = &keys->keys[keys->count];

		if (!TRIGGER_FOR_INSERT(trigger->tgtype) || !is_plain_key(trigger) ||
			(trigger->tgenabled != TRIGGER_FIRES_ON_ORIGIN &&
			 trigger->tgenabled != TRIGGER_FIRES_ALWAYS))
			continue;
		constraint = find_constraint(constraints, trigger->tgconstraint);
		if (constraint == NULL || constraint->nkeys != 1 || !foreign_key_is_enforced(constraint))
			continue;
		key->trigger = trigger;
		key->enabled = trigger->tgenabled;
		key->column = constraint->conkey[0];
		key->referenced_column = constraint->confkey[0];
		key->referenced_id = constraint->confrelid;
		key->index_id = trigger->tgconstrindid;
		keys->count++;
	}
	return keys->count > 0 ? keys : NULL;
}

/* Both columns have the index's own type, which is short and has no collation: equal is equal. */
static bool
is_comparable(const ForeignKey *key, const Form_pg_attribute column)
{
	const Form_pg_attribute referenced =
		TupleDescAttr(RelationGetDescr(key->referenced), key->referenced_column - 1);

	return key->referenced->rd_rel->relkind == RELKIND_RELATION &&
		   key->index->rd_rel->relam == BTREE_AM_OID && key->index->rd_index->indisvalid &&
		   key->index->rd_index->indnkeyatts == 1 &&
		   key->index->rd_index->indkey.values[0] == key->referenced_column &&
		   referenced->atttypid == column->atttypid &&
		   key->index->rd_opcintype[0] == column->atttypid && !OidIsValid(column->attcollation) &&
		   column->attlen > 0 && column->attlen <= (int) sizeof(FoundValue);
}

bool
foreign_keys_owner_may_lock(Relation referenced)
{
	const AclMode needed = ACL_SELECT | ACL_UPDATE;

	return pg_class_aclmask(RelationGetRelid(referenced), referenced->rd_rel->relowner, needed,
							ACLMASK_ALL) == needed;
}

static void
open_key(ForeignKeys *keys, ForeignKey *key, const Form_pg_attribute column)
{
	MemoryContext context = MemoryContextSwitchTo(keys->state->es_query_cxt);
	Oid equal;

	key->is_open = true;
	key->referenced = table_open(key->referenced_id, RowShareLock);
	key->index = index_open(key->index_id, AccessShareLock);
	key->cannot = !is_comparable(key, column) || !foreign_keys_owner_may_lock(key->referenced);
	if (!key->cannot)
	{
		equal = get_opfamily_member(key->index->rd_opfamily[0], column->atttypid, column->atttypid,
									BTEqualStrategyNumber);
		ScanKeyInit(&key->equal, 1, BTEqualStrategyNumber, get_opcode(equal), (Datum) 0);
		key->by_value = column->attbyval;
		key->length = column->attlen;
		key->slot = table_slot_create(key->referenced, NULL);
		key->scan = begin_index_scan(key->referenced, key->index, GetActiveSnapshot(), 1);
	}
	MemoryContextSwitchTo(context);
}

/* Finds the row and locks it; false: not at once. */
static bool
look_up(const ForeignKeys *keys, ForeignKey *key, Datum value)
{
	TM_FailureData failure;
	ItemPointerData place;
	bool is_null;

	key->equal.sk_argument = value;
	index_rescan(key->scan, &key->equal, 1, NULL, 0);
	if (!index_getnext_slot(key->scan, ForwardScanDirection, key->slot))
		return false;
	/* what this transaction wrote nobody else can take away */
	if (!keys->others_write &&
		TransactionIdIsCurrentTransactionId(DatumGetTransactionId(
			slot_getsysattr(key->slot, MinTransactionIdAttributeNumber, &is_null))))
		return true;
	place = key->slot->tts_tid;
	return table_tuple_lock(key->referenced, &place, GetActiveSnapshot(), key->slot,
							GetCurrentCommandId(true), LockTupleKeyShare, LockWaitSkip, 0,
							&failure) == TM_Ok;
}

/* The first value has no hash table: most keys have only that one. */
static bool
was_found(const ForeignKey *key, const FoundValue *value)
{
	if (key->has_last && memcmp(&key->last, value, sizeof(*value)) == 0)
		return true;
	return key->found && hash_search(key->found, value, HASH_FIND, NULL) != NULL;
}

static void
note_found(ForeignKeys *keys, ForeignKey *key, const FoundValue *value)
{
	if (key->has_last && key->found == NULL)
	{
		HASHCTL control = {.keysize = sizeof(FoundValue),
						   .entrysize = sizeof(FoundValue),
						   .hcxt = keys->state->es_query_cxt};

		key->found =
			hash_create("vmclone found keys", 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		(void) hash_search(key->found, &key->last, HASH_ENTER, NULL);
	}
	if (key->found && hash_get_num_entries(key->found) < MAX_FOUND)
		(void) hash_search(key->found, value, HASH_ENTER, NULL);
	key->last = *value;
	key->has_last = true;
}

static bool
is_found(ForeignKeys *keys, ForeignKey *key, TupleTableSlot *row)
{
	const Form_pg_attribute column = TupleDescAttr(row->tts_tupleDescriptor, key->column - 1);
	bool is_null;
	Datum value = slot_getattr(row, key->column, &is_null);
	FoundValue bytes = {{0}};

	/* MATCH SIMPLE and FULL are the same for one column */
	if (is_null)
		return true;
	if (column->atttypid == UUIDOID &&
		written_keys_have(key->referenced_id, key->referenced_column, DatumGetUUIDP(value),
						  keys->state->es_output_cid))
		return true;
	if (!key->is_open)
		open_key(keys, key, column);
	if (key->cannot)
		return false;
	if (key->by_value)
		memcpy(bytes.bytes, &value, sizeof(value));
	else
		memcpy(bytes.bytes, DatumGetPointer(value), key->length);
	if (was_found(key, &bytes))
		return true;
	if (!look_up(keys, key, value))
		return false;
	note_found(keys, key, &bytes);
	return true;
}

/* What was found may have been taken away. */
static void
forget_found(ForeignKeys *keys)
{
	keys->others_write = true;
	for (int i = 0; i < keys->count; i++)
	{
		ForeignKey *key = &keys->keys[i];

		key->has_last = false;
		if (key->found)
			hash_destroy(key->found);
		key->found = NULL;
	}
}

void
foreign_keys_check(ForeignKeys *keys, TupleTableSlot *row)
{
	CommandId command = GetCurrentCommandId(false);

	if (command != keys->command)
		forget_found(keys);
	keys->command = command;
	for (int i = 0; i < keys->count; i++)
	{
		ForeignKey *key = &keys->keys[i];

		key->trigger->tgenabled = is_found(keys, key, row) ? TRIGGER_DISABLED : key->enabled;
	}
}

void
foreign_keys_end(ForeignKeys *keys)
{
	for (int i = 0; i < keys->count; i++)
	{
		ForeignKey *key = &keys->keys[i];

		key->trigger->tgenabled = key->enabled;
		if (!key->is_open)
			continue;
		if (key->scan)
		{
			index_endscan(key->scan);
			ExecDropSingleTupleTableSlot(key->slot);
		}
		index_close(key->index, NoLock);
		table_close(key->referenced, NoLock);
	}
}
