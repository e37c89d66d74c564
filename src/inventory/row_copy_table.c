/*
 * row_copy_table.c
 *		Tables of the inventory as rows are copied within them: columns, and the kept statements.
 *
 *	SELECT columns FROM t WHERE key = ANY ($1), or second_key = $1
 *	INSERT INTO t (columns) SELECT columns FROM vmclone_new_rows
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"

#include "base/compat.h"
#include "base/insertion.h"
#include "base/table_expressions.h"
#include "inventory/row_copy_internal.h"

/*
 * Schema of the inventory: of the frame's search_path, the one that is neither the catalog nor
 * temporary.  Explicitly so: a caller's temporary table never stands for an optional table.
 */
static Oid
inventory_namespace(void)
{
	List *path = fetch_search_path(false);
	ListCell *cell;
	Oid result = InvalidOid;

	foreach (cell, path)
	{
		Oid id = lfirst_oid(cell);

		if (id != PG_CATALOG_NAMESPACE && !isAnyTempNamespace(id))
		{
			result = id;
			break;
		}
	}
	list_free(path);
	if (!OidIsValid(result))
		elog(ERROR, "not in an inventory frame");
	return result;
}

bool
inventory_has_table(const char *relation)
{
	return OidIsValid(get_relname_relid(relation, inventory_namespace()));
}

Relation
inventory_open(const char *relation, LOCKMODE lock_mode)
{
	Oid namespace_id = inventory_namespace();
	Oid relation_id = get_relname_relid(relation, namespace_id);

	if (!OidIsValid(relation_id))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" does not exist in inventory schema \"%s\"", relation,
						get_namespace_name(namespace_id)),
				 errhint("SELECT * FROM vmclone.inventory_report() lists what is missing.")));
	return table_open(relation_id, lock_mode);
}

/* Which row column gives attribute name; -1: the source does. */
static int
given_column(const RowCopyTarget *target, const char *name)
{
	for (int i = 0; i < target->column_count; i++)
	{
		if (strcmp(target->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

RowCopyInput
row_copy_input_of(Oid type)
{
	Oid base = getBaseType(type);

	if (type == JSONBOID)
		return ROW_COPY_INPUT_JSONB;
	if (base == JSONBOID || base == JSONOID || OidIsValid(get_element_type(base)) ||
		type_is_rowtype(base))
		return ROW_COPY_INPUT_POPULATE;
	return ROW_COPY_INPUT_TEXT;
}

static bool
calls_nextval(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == F_NEXTVAL)
		return true;
	return expression_tree_walker(node, calls_nextval, context);
}

static void
describe_column(CopiedColumn *column, Relation relation, Form_pg_attribute attribute,
				const RowCopyTarget *target)
{
	Oid function;
	Node *expression;

	column->name = pstrdup(NameStr(attribute->attname));
	column->name_length = strlen(column->name);
	column->type = attribute->atttypid;
	column->type_modifier = attribute->atttypmod;
	column->is_domain = get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN;
	column->by_value = attribute->attbyval;
	column->length = attribute->attlen;
	column->input = row_copy_input_of(attribute->atttypid);
	getTypeInputInfo(attribute->atttypid, &function, &column->input_parameter);
	fmgr_info_cxt(function, &column->input_function, CurrentMemoryContext);
	expression = build_column_default(relation, attribute->attnum);
	column->default_expression = (Expr *) expression;
	column->is_volatile = contain_volatile_functions(expression);
	column->is_serial = calls_nextval(expression, NULL);
	column->null_is_default = attribute->attnotnull && expression != NULL;
	column->given = given_column(target, column->name);
	column->number = attribute->attnum;
}

/* jsonb has keys by length, then by bytes. */
static int
compare_names(const void *a, const void *b, void *columns)
{
	const CopiedColumn *left = &((const CopiedColumn *) columns)[*(const int *) a];
	const CopiedColumn *right = &((const CopiedColumn *) columns)[*(const int *) b];

	if (left->name_length != right->name_length)
		return left->name_length - right->name_length;
	return memcmp(left->name, right->name, left->name_length);
}

static void
describe_columns(RowCopyTable *table, Relation relation, const RowCopyTarget *target)
{
	TupleDesc descriptor = RelationGetDescr(relation);
	int given = 0;

	table->columns = palloc0(sizeof(CopiedColumn) * Max(descriptor->natts, 1));
	table->by_name = palloc(sizeof(int) * Max(descriptor->natts, 1));
	table->key = -1;
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		int n = table->column_count;

		if (target->second_key && !attribute->attisdropped && attribute->atttypid == UUIDOID &&
			strcmp(NameStr(attribute->attname), target->second_key) == 0)
			table->read_by = attribute->attnum;
		if (attribute->attidentity && !attribute->attisdropped)
			table->has_identity = true;
		if (attribute->attisdropped || attribute->attgenerated || attribute->attidentity)
			continue;
		table->by_name[n] = n;
		describe_column(&table->columns[n], relation, attribute, target);
		if (table->columns[n].given >= 0)
			given++;
		if (strcmp(table->columns[n].name, target->key) == 0 && attribute->atttypid == UUIDOID)
			table->key = n;
		table->column_count++;
	}
	if (given != target->column_count || table->key < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table %s lacks a column that vmclone needs", table->relation_name),
				 errhint("SELECT * FROM vmclone.inventory_report() lists what is missing.")));
	if (target->second_key == NULL)
		table->read_by = table->columns[table->key].number;
	qsort_arg(table->by_name, table->column_count, sizeof(int), compare_names, table->columns);

	table->columns_descriptor = CreateTemplateTupleDesc(table->column_count);
	for (int i = 0, n = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && !attribute->attgenerated && !attribute->attidentity)
			TupleDescCopyEntry(table->columns_descriptor, ++n, descriptor, i + 1);
	}
	TupleDescFinalize(table->columns_descriptor);
}

static SPIPlanPtr
keep(const char *text, int argument_count, Oid *types)
{
	/* planning for the values at hand would cost more than the statement */
	SPIPlanPtr plan = SPI_prepare_cursor(text, argument_count, types, CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", text, SPI_result_code_string(SPI_result));
	return plan;
}

void
row_copy_make_statements(RowCopyTable *table, const RowCopyTarget *target)
{
	Oid type = target->second_key ? UUIDOID : UUIDARRAYOID;
	StringInfoData columns;
	StringInfoData text;
	SPIPlanPtr read_plan;
	SPIPlanPtr insert_plan;

	if (table->read_plan)
		return;
	initStringInfo(&columns);
	for (int i = 0; i < table->column_count; i++)
		appendStringInfo(&columns, "%s%s", i ? ", " : "", quote_identifier(table->columns[i].name));

	initStringInfo(&text);
	appendStringInfo(&text,
					 target->second_key ? "SELECT %s FROM %s AS t WHERE t.%s = $1"
										: "SELECT %s FROM %s AS t WHERE t.%s = ANY ($1)",
					 columns.data, table->relation_name,
					 quote_identifier(target->second_key ? target->second_key : target->key));
	read_plan = keep(text.data, 1, &type);

	resetStringInfo(&text);
	appendStringInfo(&text, "INSERT INTO %s (%s) SELECT %s FROM " NEW_ROWS, table->relation_name,
					 columns.data, columns.data);
	new_rows_register(table->columns_descriptor, NULL);
	insert_plan = keep(text.data, 0, NULL);
	new_rows_unregister();
	if (SPI_keepplan(read_plan) != 0 || SPI_keepplan(insert_plan) != 0)
		elog(ERROR, "could not keep the plans for %s", table->relation_name);
	table->read_plan = read_plan;
	table->insert_plan = insert_plan;
}

static void
forget(RowCopyTarget *target)
{
	RowCopyTable *table = target->table;

	target->table = NULL;
	/* one in use stays for good: its function has exchanged the table that is being copied to */
	if (table->users > 0)
		return;
	if (table->read_plan)
	{
		SPI_freeplan(table->read_plan);
		SPI_freeplan(table->insert_plan);
	}
	MemoryContextDelete(table->context);
}

/* The name is part of the statements. */
static bool
is_current(RowCopyTable *table, Relation relation)
{
	uint64 changes = table_changes();

	if (table->relation_id != RelationGetRelid(relation))
		return false;
	if (table->changes != changes &&
		(!equalTupleDescs(table->descriptor, RelationGetDescr(relation)) ||
		 strcmp(table->schema_name, get_namespace_name(RelationGetNamespace(relation))) != 0))
		return false;
	table->changes = changes;
	return true;
}

RowCopyTable *
row_copy_table(RowCopyTarget *target, Relation relation)
{
	RowCopyTable *table = target->table;
	uint64 changes;
	MemoryContext context;
	MemoryContext caller_context;

	if (table && is_current(table, relation))
		return table;
	if (table)
		forget(target);
	changes = table_changes();

	/* the caller's until all is made, so that an error leaves nothing behind */
	context = AllocSetContextCreate(CurrentMemoryContext, "vmclone row copy", ALLOCSET_SMALL_SIZES);
	caller_context = MemoryContextSwitchTo(context);
	table = palloc0(sizeof(RowCopyTable));
	table->context = context;
	table->relation_id = RelationGetRelid(relation);
	table->changes = changes;
	table->schema_name = get_namespace_name(RelationGetNamespace(relation));
	table->relation_name =
		quote_qualified_identifier(table->schema_name, RelationGetRelationName(relation));
	table->descriptor = CreateTupleDescCopyConstr(RelationGetDescr(relation));
	describe_columns(table, relation, target);
	MemoryContextSwitchTo(caller_context);
	MemoryContextSetParent(context, CacheMemoryContext);
	target->table = table;
	return table;
}
