/*
 * binding.c
 *		Which schema's tables are the inventory, and as whom its statements run.
 *
 * The choice is two rows of vmclone's own, read without a statement: every call wants to know, and
 * knowing must not cost more than a look at a page.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/binding.h"
#include "base/compat.h"
#include "base/extension.h"

VMCLONE_FUNCTION_INFO(vmclone_current_inventory);

/* Of the statement that the client is running. */
static Binding bound;
static TimestampTz bound_at;

/* The named fields of a table's only row, as the statement sees it; false: it is empty. */
static bool
read_only_row(const char *table, const char *const *columns, int count, Datum *values)
{
	Oid relation_id = get_relname_relid(table, get_namespace_oid(VMCLONE_SCHEMA, false));
	Relation relation;
	TableScanDesc scan;
	TupleTableSlot *slot;
	Snapshot snapshot;
	bool found;

	if (!OidIsValid(relation_id))
		elog(ERROR, "table %s.%s does not exist", VMCLONE_SCHEMA, table);
	relation = table_open(relation_id, AccessShareLock);
	slot = table_slot_create(relation, NULL);
	snapshot =
		RegisterSnapshot(ActiveSnapshotSet() ? GetActiveSnapshot() : GetTransactionSnapshot());
	scan = table_beginscan(relation, snapshot, 0, NULL, SO_NONE);
	found = table_scan_getnextslot(scan, ForwardScanDirection, slot);
	for (int i = 0; found && i < count; i++)
	{
		AttrNumber number = get_attnum(relation_id, columns[i]);
		bool is_null;

		values[i] = slot_getattr(slot, number, &is_null);
		if (is_null)
			elog(ERROR, "column %s of %s.%s is null", columns[i], VMCLONE_SCHEMA, table);
		/* both types that there are */
		if (TupleDescAttr(RelationGetDescr(relation), number - 1)->attlen == NAMEDATALEN)
		{
			Name copy = palloc(NAMEDATALEN);

			namestrcpy(copy, NameStr(*DatumGetName(values[i])));
			values[i] = NameGetDatum(copy);
		}
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	/* until the end of the transaction: what it has read of the binding is so until then */
	table_close(relation, NoLock);
	return found;
}

static Oid
owner_of_tables(const char *schema)
{
	Oid namespace_id = get_namespace_oid(schema, true);
	Oid relation_id =
		OidIsValid(namespace_id) ? get_relname_relid("vm_static", namespace_id) : InvalidOid;
	HeapTuple tuple;
	Oid owner;

	if (!OidIsValid(relation_id))
		return InvalidOid;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation_id));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static char *
role_name(Oid role_id)
{
	char *name = GetUserNameFromId(role_id, true);

	return name ? name : psprintf("unknown (OID=%u)", role_id);
}

static void
read_binding(Binding *result)
{
	static const char *const binding_columns[] = {"schema_name", "owner", "database_oid"};
	static const char *const choice_columns[] = {"schema_name"};
	Datum binding[3];
	Datum choice;
	bool is_bound = read_only_row("inventory_binding", binding_columns, 3, binding);
	bool is_chosen = read_only_row("inventory_choice", choice_columns, 1, &choice);
	const char *wanted = is_chosen ? NameStr(*DatumGetName(choice)) : VMCLONE_SCHEMA;
	const char *schema;
	Oid owner;

	if (!is_bound || strcmp(NameStr(*DatumGetName(binding[0])), wanted) != 0 ||
		(is_chosen && DatumGetObjectId(binding[2]) != MyDatabaseId))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no inventory is bound to this database"),
				 errdetail("The database that it was restored or copied from worked on the tables "
						   "of schema \"%s\".",
						   wanted),
				 errhint("Run SELECT vmclone.use_inventory(%s), or name another schema.",
						 quote_literal_cstr(wanted))));
	schema = wanted;
	owner = owner_of_tables(schema);
	if (owner != DatumGetObjectId(binding[1]))
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the inventory in schema \"%s\" has changed since it was bound", schema),
			 OidIsValid(owner)
				 ? errdetail("Its owner was \"%s\" and is \"%s\".",
							 role_name(DatumGetObjectId(binding[1])), role_name(owner))
				 : errdetail("Table \"vm_static\" is gone."),
			 errhint("Run SELECT vmclone.use_inventory(%s) again.", quote_literal_cstr(schema))));
	namestrcpy(&result->schema, schema);
	result->owner = owner;
}

const Binding *
binding_look_up(void)
{
	if (bound_at != GetCurrentStatementStartTimestamp())
	{
		bound_at = 0;
		read_binding(&bound);
		bound_at = GetCurrentStatementStartTimestamp();
	}
	return &bound;
}

/* current_inventory(OUT schema_name name, OUT owner name) */
Datum
vmclone_current_inventory(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	Binding binding;
	NameData owner;
	Datum values[2];
	bool nulls[2] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	/* anew: a script may change the choice and ask in one statement */
	read_binding(&binding);
	namestrcpy(&owner, GetUserNameFromId(binding.owner, false));
	values[0] = NameGetDatum(&binding.schema);
	values[1] = NameGetDatum(&owner);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
