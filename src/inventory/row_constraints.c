/*
 * row_constraints.c
 *		Which constraints new rows of an inventory table would violate, told before they are written.
 *
 * One statement for all rows and all constraints in question:
 *
 *	SELECT r.n, c.k FROM unnest($1) WITH ORDINALITY r (value, n)
 *	CROSS JOIN LATERAL jsonb_populate_record(ROW (defaults)::t, r.value) AS vmclone_row
 *	CROSS JOIN LATERAL (VALUES (0, CHECK's expression), (1, EXISTS (the referenced row))) c (k, holds)
 *	WHERE NOT c.holds
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tupdesc.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "base/arrays.h"
#include "base/compat.h"
#include "base/statement.h"
#include "inventory/row_constraints.h"
#include "inventory/row_copy.h"

#define ROW_ALIAS "vmclone_row"

/* Columns of the statement. */
enum ViolationColumn
{
	VIOLATING_ROW = 1,
	VIOLATED_CONSTRAINT,
};

/* The constraints of a table as it is now, and the statement that asks them; kept for the session. */
typedef struct ConstraintPlan
{
	Oid relation_id;
	char *relation_name; /* qualified and quoted */
	TupleDesc descriptor;
	char *foreign_keys; /* foreign_keys_text */
	List *constraints;  /* RowViolation *, without a row */
	Statement statement;
	int users; /* runs under way: a CHECK's function may call us again */
	MemoryContext context;
} ConstraintPlan;

static ConstraintPlan *kept_plan = NULL;

static bool
is_member(const List *names, const char *name)
{
	ListCell *cell;

	foreach (cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

static bool
some_member(const List *names, const List *others)
{
	ListCell *cell;

	foreach (cell, names)
		if (is_member(others, lfirst(cell)))
			return true;
	return false;
}

static const char *
column_name(Relation relation, AttrNumber number)
{
	return NameStr(TupleDescAttr(RelationGetDescr(relation), number - 1)->attname);
}

static char *
row_column(const char *column)
{
	return psprintf(ROW_ALIAS ".%s", quote_identifier(column));
}

/* Constraint number k of the list is expression k of the statement. */
static void
add_constraint(List **constraints, StringInfo values, ConstraintKind kind, const char *name,
			   List *columns, const char *what, const char *expression)
{
	RowViolation *constraint = palloc0(sizeof(RowViolation));

	constraint->kind = kind;
	constraint->name = name;
	constraint->columns = columns;
	constraint->what = what;
	appendStringInfo(values, "%s(%d, (%s))", values->len ? ", " : "", list_length(*constraints),
					 expression);
	*constraints = lappend(*constraints, constraint);
}

static void
add_checks(Relation relation, List **constraints, StringInfo values)
{
	TupleConstr *constr = RelationGetDescr(relation)->constr;

	for (int i = 0; constr && i < constr->num_check; i++)
	{
		Node *expression = stringToNode(constr->check[i].ccbin);
		List *columns = NIL;
		List *variables = pull_var_clause(expression, 0);
		ListCell *cell;
		char *text;

		if (!check_is_enforced(&constr->check[i]))
			continue;
		foreach (cell, variables)
		{
			AttrNumber number = ((Var *) lfirst(cell))->varattno;

			/* 0: the whole row */
			if (number > 0 && !is_member(columns, column_name(relation, number)))
				columns = lappend(columns, pstrdup(column_name(relation, number)));
		}
		text = deparse_expression(
			expression, deparse_context_for(ROW_ALIAS, RelationGetRelid(relation)), true, false);
		add_constraint(constraints, values, CONSTRAINT_KIND_CHECK, pstrdup(constr->check[i].ccname),
					   columns,
					   deparse_expression(expression,
										  deparse_context_for(RelationGetRelationName(relation),
															  RelationGetRelid(relation)),
										  false, false),
					   text);
	}
}

static void
add_not_null(Relation relation, List **constraints, StringInfo values)
{
	TupleDesc descriptor = RelationGetDescr(relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		char *name = pstrdup(NameStr(attribute->attname));

		/* a NULL for one that has a default is the default */
		if (attribute->attisdropped || !attribute->attnotnull || attribute->attgenerated ||
			attribute->attidentity || attribute->atthasdef)
			continue;
		add_constraint(constraints, values, CONSTRAINT_KIND_NOT_NULL, name, list_make1(name), NULL,
					   psprintf("%s IS NOT NULL", row_column(name)));
	}
}

/* OPERATOR(schema.name), whatever the search_path. */
static char *
operator_text(Oid operator_id)
{
	HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator_id));
	Form_pg_operator form;
	char *text;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator_id);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	text = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return text;
}

/* A key that the server enforces, to a table that may be looked into. */
static bool
may_ask(const ForeignKeyCacheInfo *key)
{
	Oid namespace_id = get_rel_namespace(key->confrelid);

	/* invalid: it is being dropped */
	return OidIsValid(namespace_id) && foreign_key_is_enforced(key) &&
		   pg_class_aclcheck(key->confrelid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		   object_aclcheck(NamespaceRelationId, namespace_id, GetUserId(), ACL_USAGE) ==
			   ACLCHECK_OK;
}

/* Changes when the statement's part about the foreign keys has to. */
static char *
foreign_keys_text(Relation relation)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, RelationGetFKeyList(relation))
	{
		const ForeignKeyCacheInfo *key = lfirst(cell);

		if (may_ask(key))
			appendStringInfo(&text, "%u %s.%s;", key->conoid,
							 get_namespace_name(get_rel_namespace(key->confrelid)),
							 get_rel_name(key->confrelid));
	}
	return text.data;
}

static void
add_foreign_keys(Relation relation, const List *settled, List **constraints, StringInfo values)
{
	ListCell *cell;

	foreach (cell, RelationGetFKeyList(relation))
	{
		const ForeignKeyCacheInfo *key = lfirst(cell);
		List *columns = NIL;
		StringInfoData nulls;
		StringInfoData same;
		char *target;

		if (!may_ask(key))
			continue;
		initStringInfo(&nulls);
		initStringInfo(&same);
		for (int i = 0; i < key->nkeys; i++)
		{
			const char *column = column_name(relation, key->conkey[i]);

			columns = lappend(columns, pstrdup(column));
			appendStringInfo(&nulls, "%s%s IS NULL", i ? " OR " : "", row_column(column));
			appendStringInfo(&same, "%svmclone_target.%s %s %s", i ? " AND " : "",
							 quote_identifier(get_attname(key->confrelid, key->confkey[i], false)),
							 operator_text(key->conpfeqop[i]), row_column(column));
		}
		if (some_member(columns, settled))
			continue;
		target = get_rel_name(key->confrelid);
		add_constraint(constraints, values, CONSTRAINT_KIND_FOREIGN_KEY,
					   get_constraint_name(key->conoid), columns, target,
					   psprintf("%s OR EXISTS (SELECT FROM %s AS vmclone_target WHERE %s)",
								nulls.data,
								quote_qualified_identifier(
									get_namespace_name(get_rel_namespace(key->confrelid)), target),
								same.data));
	}
}

/* Default of a column as text; NULL where it has none, or a volatile one, say a sequence's. */
static char *
default_expression(Relation relation, AttrNumber number)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	for (int i = 0; constraints && i < constraints->num_defval; i++)
	{
		Node *expression;

		if (constraints->defval[i].adnum != number)
			continue;
		expression = stringToNode(constraints->defval[i].adbin);
		if (contain_volatile_functions(expression))
			return NULL;
		return deparse_expression(
			expression,
			deparse_context_for(RelationGetRelationName(relation), RelationGetRelid(relation)),
			false, false);
	}
	return NULL;
}

/* Expressions of a row that is given no values, for ROW (…)::table. */
static char *
default_values(Relation relation)
{
	TupleDesc descriptor = RelationGetDescr(relation);
	StringInfoData values;

	initStringInfo(&values);
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		char *expression;

		if (attribute->attisdropped)
			continue;
		expression = attribute->attgenerated ? NULL : default_expression(relation, i + 1);
		appendStringInfo(&values, "%s%s", values.len ? ", " : "", expression ? expression : "NULL");
	}
	return values.data;
}

/*
 * The row's values that constraints look at, as SQL: others may be of types that don't read what
 * they write in JSON.
 */
static char *
needed_values(const List *constraints)
{
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	foreach (cell, constraints)
	{
		const RowViolation *constraint = lfirst(cell);
		ListCell *column;

		if (constraint->columns == NIL)
			return pstrdup("r.value");
		foreach (column, constraint->columns)
			appendStringInfo(&names, "%s%s", names.len ? ", " : "",
							 quote_literal_cstr((const char *) lfirst(column)));
	}
	return psprintf("(SELECT jsonb_object_agg(o.key, o.value)"
					" FROM jsonb_each(r.value) AS o WHERE o.key IN (%s))",
					names.data);
}

/* Fills the plan; everything is allocated in the current context. */
static void
make_plan(ConstraintPlan *plan, Relation relation, const char *const *settled)
{
	List *settled_list = NIL;
	StringInfoData values;

	for (; settled && *settled; settled++)
		settled_list = lappend(settled_list, (void *) *settled);
	initStringInfo(&values);
	add_not_null(relation, &plan->constraints, &values);
	add_checks(relation, &plan->constraints, &values);
	add_foreign_keys(relation, settled_list, &plan->constraints, &values);
	if (plan->constraints == NIL)
		return;
	plan->statement.sql =
		psprintf("SELECT r.n, c.k FROM unnest($1) WITH ORDINALITY AS r (value, n)"
				 " CROSS JOIN LATERAL jsonb_populate_record(ROW (%s)::%s, %s) AS " ROW_ALIAS
				 " CROSS JOIN LATERAL (VALUES %s) AS c (k, holds) WHERE NOT c.holds ORDER BY 1, 2",
				 default_values(relation), plan->relation_name, needed_values(plan->constraints),
				 values.data);
	plan->statement.argument_count = 1;
	plan->statement.argument_types[0] = JSONBARRAYOID;
}

static ConstraintPlan *
prepare(const char *relation_name, const char *const *settled)
{
	Relation relation = inventory_open(relation_name, AccessShareLock);
	char *name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											RelationGetRelationName(relation));
	char *foreign_keys = foreign_keys_text(relation);
	ConstraintPlan *plan = kept_plan;
	MemoryContext context;
	MemoryContext before;

	if (plan && plan->relation_id == RelationGetRelid(relation) &&
		strcmp(plan->relation_name, name) == 0 && strcmp(plan->foreign_keys, foreign_keys) == 0 &&
		equalTupleDescs(plan->descriptor, RelationGetDescr(relation)))
	{
		table_close(relation, NoLock);
		return plan;
	}
	context =
		AllocSetContextCreate(CurrentMemoryContext, "vmclone constraints", ALLOCSET_SMALL_SIZES);
	before = MemoryContextSwitchTo(context);
	plan = palloc0(sizeof(ConstraintPlan));
	plan->context = context;
	plan->relation_id = RelationGetRelid(relation);
	plan->relation_name = pstrdup(name);
	plan->foreign_keys = pstrdup(foreign_keys);
	plan->descriptor = CreateTupleDescCopyConstr(RelationGetDescr(relation));
	make_plan(plan, relation, settled);
	MemoryContextSwitchTo(before);
	table_close(relation, NoLock);

	if (kept_plan)
	{
		ConstraintPlan *old = kept_plan;

		kept_plan = NULL;
		/* one that was left by an error counts as used, and stays for good */
		if (old->users == 0)
		{
			if (old->statement.plan)
				SPI_freeplan(old->statement.plan);
			MemoryContextDelete(old->context);
		}
	}
	MemoryContextSetParent(context, CacheMemoryContext);
	kept_plan = plan;
	return plan;
}

/* About a column whose value was given, or about the row as a whole. */
static bool
concerns(const RowViolation *constraint, const List *given)
{
	return constraint->columns == NIL || some_member(constraint->columns, given);
}

List *
row_constraints_violated(const char *relation_name, Jsonb *const *rows, int row_count,
						 const List *given, const char *const *settled)
{
	ConstraintPlan *plan = prepare(relation_name, settled);
	Datum *elements = palloc(sizeof(Datum) * Max(row_count, 1));
	List *violations = NIL;
	bool some = false;
	Datum argument;
	ListCell *cell;
	uint64 found;

	foreach (cell, plan->constraints)
		some = some || concerns(lfirst(cell), given);
	if (!some || row_count == 0)
		return NIL;
	for (int i = 0; i < row_count; i++)
		elements[i] = JsonbPGetDatum(rows[i]);
	argument = array_of_datums(elements, row_count, JSONBOID);
	plan->users++;
	found = statement_run(&plan->statement, &argument, NULL);
	plan->users--;
	for (uint64 row = 0; row < found; row++)
	{
		const RowViolation *constraint =
			list_nth(plan->constraints, (int) field_int64(row, VIOLATED_CONSTRAINT));
		RowViolation *violation;

		if (!concerns(constraint, given))
			continue;
		violation = palloc(sizeof(RowViolation));
		*violation = *constraint;
		violation->row = (int) field_int64(row, VIOLATING_ROW) - 1;
		violations = lappend(violations, violation);
	}
	return violations;
}
