/*
 * deferred_constraints.c
 *		Users' deferrable constraints on the inventory's tables are checked at once while a frame writes.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/deferred_constraints.h"

/* A deferrable constraint that a statement on an inventory table has to do with. */
typedef struct DeferrableConstraint
{
	char *schema;
	char *name;
	char *table;
	Oid owner; /* of the table that the constraint is on */
	bool initially_deferred;
} DeferrableConstraint;

/* Of one schema, as the catalogs were when they were read; read anew when any table's has changed. */
static List *constraints = NIL; /* DeferrableConstraint * */
static MemoryContext context = NULL;
static Oid schema_id = InvalidOid;
static bool is_valid = false;

static void
invalidate(Datum argument, Oid relation_id)
{
	is_valid = false;
}

static bool
is_known(const char *schema, const char *name)
{
	ListCell *cell;

	foreach (cell, constraints)
	{
		const DeferrableConstraint *known = lfirst(cell);

		if (strcmp(known->name, name) == 0 && strcmp(known->schema, schema) == 0)
			return true;
	}
	return false;
}

static void
add(Oid constraint_id, bool initially_deferred)
{
	HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint_id));
	HeapTuple table;
	Form_pg_constraint row;
	const char *schema;

	if (!HeapTupleIsValid(tuple))
		return;
	row = (Form_pg_constraint) GETSTRUCT(tuple);
	schema = get_namespace_name(row->connamespace);
	table = SearchSysCache1(RELOID, ObjectIdGetDatum(row->conrelid));
	if (schema != NULL && HeapTupleIsValid(table) && !is_known(schema, NameStr(row->conname)))
	{
		MemoryContext before = MemoryContextSwitchTo(context);
		DeferrableConstraint *constraint = palloc(sizeof(DeferrableConstraint));

		constraint->schema = pstrdup(schema);
		constraint->name = pstrdup(NameStr(row->conname));
		constraint->table = pstrdup(NameStr(((Form_pg_class) GETSTRUCT(table))->relname));
		constraint->owner = ((Form_pg_class) GETSTRUCT(table))->relowner;
		constraint->initially_deferred = initially_deferred;
		constraints = lappend(constraints, constraint);
		MemoryContextSwitchTo(before);
	}
	if (HeapTupleIsValid(table))
		ReleaseSysCache(table);
	ReleaseSysCache(tuple);
}

/* The triggers that do a constraint's work stand on the tables that it has to do with, the referenced one too. */
static void
read_constraints(Oid of_schema)
{
	Relation triggers;
	SysScanDesc scan;
	HeapTuple tuple;

	if (context == NULL)
	{
		CacheRegisterRelcacheCallback(invalidate, (Datum) 0);
		context = AllocSetContextCreate(TopMemoryContext, "vmclone deferrable constraints",
										ALLOCSET_SMALL_SIZES);
	}
	constraints = NIL;
	MemoryContextReset(context);
	/* an error in the middle leaves a list that is no schema's; a change that is heard of meanwhile, one that isn't valid */
	schema_id = InvalidOid;
	is_valid = true;
	triggers = table_open(TriggerRelationId, AccessShareLock);
	scan = systable_beginscan(triggers, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);

		if (trigger->tgdeferrable && OidIsValid(trigger->tgconstraint) &&
			get_rel_namespace(trigger->tgrelid) == of_schema)
			add(trigger->tgconstraint, trigger->tginitdeferred);
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	schema_id = of_schema;
}

static void
name_constraint(void *argument)
{
	const DeferrableConstraint *constraint = argument;

	errcontext("checking constraint \"%s\" of table \"%s\" before vmclone writes, which it cannot "
			   "do while constraints are deferred",
			   constraint->name, constraint->table);
}

/* As the owner of the table: what is pending may be a trigger of whoever owns it, run for us. */
static void
set_deferred(DeferrableConstraint *constraint, bool deferred)
{
	ConstraintsSetStmt *statement = makeNode(ConstraintsSetStmt);
	ErrorContextCallback callback = {
		.previous = error_context_stack, .callback = name_constraint, .arg = constraint};
	Oid user_id;
	int security_context;

	statement->constraints = list_make1(makeRangeVar(constraint->schema, constraint->name, -1));
	statement->deferred = deferred;
	GetUserIdAndSecContext(&user_id, &security_context);
	SetUserIdAndSecContext(constraint->owner, security_context | SECURITY_LOCAL_USERID_CHANGE |
												  SECURITY_RESTRICTED_OPERATION);
	error_context_stack = &callback;
	AfterTriggerSetState(statement);
	error_context_stack = callback.previous;
	SetUserIdAndSecContext(user_id, security_context);
}

bool
deferred_constraints_enter(const char *schema)
{
	Oid of_schema = get_namespace_oid(schema, false);
	ListCell *cell;

	AcceptInvalidationMessages();
	if (!is_valid || schema_id != of_schema)
		read_constraints(of_schema);
	foreach (cell, constraints)
		set_deferred(lfirst(cell), false);
	return constraints != NIL;
}

void
deferred_constraints_leave(void)
{
	ListCell *cell;

	foreach (cell, constraints)
	{
		DeferrableConstraint *constraint = lfirst(cell);

		if (constraint->initially_deferred)
			set_deferred(constraint, true);
	}
}
