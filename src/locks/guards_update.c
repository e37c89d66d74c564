/*
 * guards_update.c
 *		The guards on UPDATE of images and snapshots: what a copy reads stays as it is.
 *
 * Statement triggers with transition tables, so that they look after every wait for a row lock.
 * Rows that changed in a way that matters are suspects; who holds them is looked at only if there
 * are any, by what is committed now (guards.h).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "base/arrays.h"
#include "base/compat.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "locks/guards.h"

VMCLONE_FUNCTION_INFO(vmclone_guard_changed_images);
VMCLONE_FUNCTION_INFO(vmclone_guard_changed_snapshots);

#define MAX_WATCHED 8

/* What of a table must not change while it is read. */
typedef struct Guarded
{
	const char *kind;
	const char *id;
	const char *parent; /* the id of what it stands on, or NULL */
	const char *watched[MAX_WATCHED];
	const char *status; /* may become locked, nothing else */
	const char *locked; /* as text */
} Guarded;

static const Guarded images = {
	.kind = "image",
	.id = "image_guid",
	.parent = "parentid",
	.watched = {"parentid", "image_group_id", "vm_snapshot_id", "it_guid", "volume_format", "size"},
	.status = "imagestatus",
	.locked = "2",
};

static const Guarded snapshots = {
	.kind = "snapshot",
	.id = "snapshot_id",
	.watched = {"vm_id", "snapshot_type"},
	.status = "status",
	.locked = "LOCKED",
};

typedef struct Suspect
{
	pg_uuid_t id;
	pg_uuid_t parent;
	bool leaves_parent;
} Suspect;

static Statement refuse = {
	.sql = "SELECT vmclone_internal.refuse_held('changed', $1, $2, $3)",
	.argument_count = 3,
	.argument_types = {TEXTOID, UUIDOID, UUIDOID},
};

static int
column_number(Relation relation, const char *name)
{
	int number = SPI_fnumber(RelationGetDescr(relation), name);

	if (number <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("table %s has no column \"%s\", which its guard watches",
							   RelationGetRelationName(relation), name),
						errhint("Give the column its name back, or drop the trigger.")));
	return number;
}

static int
uuid_column_number(Relation relation, const char *name)
{
	int number = column_number(relation, name);

	if (TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid != UUIDOID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" of table %s, which its guard watches, is no uuid",
							   name, RelationGetRelationName(relation)),
						errhint("Give the column its type back, or drop the trigger.")));
	return number;
}

static pg_uuid_t
uuid_of(TupleTableSlot *slot, int number)
{
	bool is_null;
	Datum value = slot_getattr(slot, number, &is_null);
	pg_uuid_t uuid = {{0}};

	if (!is_null)
		uuid = *DatumGetUUIDP(value);
	return uuid;
}

static bool
differs(TupleTableSlot *old_row, TupleTableSlot *new_row, int number)
{
	Form_pg_attribute attribute = TupleDescAttr(old_row->tts_tupleDescriptor, number - 1);
	bool old_null;
	bool new_null;
	Datum old_value = slot_getattr(old_row, number, &old_null);
	Datum new_value = slot_getattr(new_row, number, &new_null);

	if (old_null || new_null)
		return old_null != new_null;
	return !datum_image_eq(old_value, new_value, attribute->attbyval, attribute->attlen);
}

static bool
is_locked(const Guarded *guarded, TupleTableSlot *row, int number)
{
	Oid output;
	bool is_varlena;
	bool is_null;
	Datum value = slot_getattr(row, number, &is_null);

	if (is_null)
		return false;
	getTypeOutputInfo(TupleDescAttr(row->tts_tupleDescriptor, number - 1)->atttypid, &output,
					  &is_varlena);
	return strcmp(OidOutputFunctionCall(output, value), guarded->locked) == 0;
}

/* The transition tables have a row's old and new form at the same place. */
static bool
next_row(Tuplestorestate *store, TupleTableSlot *slot)
{
	return tuplestore_gettupleslot(store, true, false, slot);
}

static TupleTableSlot *
begin_rows(Tuplestorestate *store, Relation relation)
{
	tuplestore_select_read_pointer(store, tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND));
	tuplestore_rescan(store);
	return MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsMinimalTuple);
}

/* List of Suspect, by what the statement did. */
static List *
find_suspects(const TriggerData *trigger, const Guarded *guarded)
{
	Relation relation = trigger->tg_relation;
	TupleTableSlot *old_row = begin_rows(trigger->tg_oldtable, relation);
	TupleTableSlot *new_row = begin_rows(trigger->tg_newtable, relation);
	int id = uuid_column_number(relation, guarded->id);
	int parent = guarded->parent ? uuid_column_number(relation, guarded->parent) : 0;
	int status = column_number(relation, guarded->status);
	int watched[MAX_WATCHED];
	int watched_count = 0;
	List *suspects = NIL;

	while (watched_count < MAX_WATCHED && guarded->watched[watched_count])
	{
		watched[watched_count] = column_number(relation, guarded->watched[watched_count]);
		watched_count++;
	}
	while (next_row(trigger->tg_oldtable, old_row))
	{
		bool is_same = next_row(trigger->tg_newtable, new_row) && !differs(old_row, new_row, id);
		bool is_suspect = !is_same;
		Suspect *suspect;

		for (int i = 0; i < watched_count && !is_suspect; i++)
			is_suspect = differs(old_row, new_row, watched[i]);
		if (!is_suspect && differs(old_row, new_row, status))
			is_suspect = !is_locked(guarded, new_row, status);
		if (!is_suspect)
			continue;
		suspect = palloc0(sizeof(Suspect));
		suspect->id = uuid_of(old_row, id);
		if (parent > 0)
		{
			suspect->parent = uuid_of(old_row, parent);
			suspect->leaves_parent = !is_same || differs(old_row, new_row, parent);
		}
		suspects = lappend(suspects, suspect);
	}
	ExecDropSingleTupleTableSlot(old_row);
	ExecDropSingleTupleTableSlot(new_row);
	return suspects;
}

/* What holds the suspect: itself, or what it stands on; NULL: nothing. */
static const pg_uuid_t *
holding(const Suspect *suspect, uint64 held_count)
{
	const pg_uuid_t *result = NULL;

	for (uint64 i = 0; i < held_count; i++)
	{
		pg_uuid_t held = field_uuid(i, HELD_NOW_ID);

		if (uuid_same(&held, &suspect->id))
			return &suspect->id;
		/* children of what keeps its status, a template's image, are free */
		if (suspect->leaves_parent && !field_bool(i, HELD_NOW_KEEPS_STATUS) &&
			uuid_same(&held, &suspect->parent))
			result = &suspect->parent;
	}
	return result;
}

static void
refuse_held_suspect(const Guarded *guarded, const List *suspects)
{
	Datum *ids = palloc(sizeof(Datum) * 2 * list_length(suspects));
	const Suspect *refused = NULL;
	const pg_uuid_t *refused_for = NULL;
	Datum arguments[3];
	uint64 held_count;
	ListCell *cell;
	int n = 0;

	foreach (cell, suspects)
	{
		Suspect *suspect = lfirst(cell);

		ids[n++] = UUIDPGetDatum(&suspect->id);
		if (suspect->leaves_parent)
			ids[n++] = UUIDPGetDatum(&suspect->parent);
	}
	held_count = guards_held_now(guarded->kind, array_of_datums(ids, n, UUIDOID));
	foreach (cell, suspects)
	{
		const Suspect *suspect = lfirst(cell);
		const pg_uuid_t *held = holding(suspect, held_count);

		/* always the same one of several */
		if (held && (refused == NULL || memcmp(&suspect->id, &refused->id, UUID_LEN) < 0))
		{
			refused = suspect;
			refused_for = held;
		}
	}
	if (refused == NULL)
		return;
	arguments[0] = CStringGetTextDatum(guarded->kind);
	arguments[1] = UUIDPGetDatum(&refused->id);
	arguments[2] = UUIDPGetDatum(refused_for);
	(void) statement_run(&refuse, arguments, NULL);
}

static Datum
guard(FunctionCallInfo fcinfo, const Guarded *guarded)
{
	const TriggerData *trigger = (const TriggerData *) fcinfo->context;
	List *suspects;
	Frame own;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) || trigger->tg_oldtable == NULL ||
		trigger->tg_newtable == NULL)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("the guard of an %s is an AFTER UPDATE trigger for each statement "
							   "that has both transition tables",
							   guarded->kind)));
	suspects = find_suspects(trigger, guarded);
	if (suspects == NIL)
		return PointerGetDatum(NULL);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	frame_enter_own(&own);
	refuse_held_suspect(guarded, suspects);
	frame_leave(&own);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	return PointerGetDatum(NULL);
}

/* trigger on images: refuses to merge, re-parent, resize or unlock what a job reads */
Datum
vmclone_guard_changed_images(PG_FUNCTION_ARGS)
{
	return guard(fcinfo, &images);
}

/* trigger on snapshots: refuses to unlock or move what a job reads */
Datum
vmclone_guard_changed_snapshots(PG_FUNCTION_ARGS)
{
	return guard(fcinfo, &snapshots);
}
