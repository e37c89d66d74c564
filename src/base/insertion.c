/*
 * insertion.c
 *		Many rows of one table, made in C, inserted at once.
 *
 * The statement, where it takes one:
 *	INSERT INTO relation (columns) SELECT columns FROM vmclone_new_rows
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/insertion.h"
#include "base/keyed_rows.h"
#include "base/table_expressions.h"
#include "base/table_writer.h"

/* Where a column of the table gets its value from. */
typedef struct InsertedColumn
{
	int given;         /* index into the insertion's columns, or -1 */
	bool is_converted; /* by the types' output and input functions */
	FmgrInfo output;   /* of the given type */
	FmgrInfo input;    /* of the column's */
	Oid input_parameter;
	int32 type_modifier;
} InsertedColumn;

/* A table as it was when it was described. */
typedef struct InsertionTable
{
	MemoryContext context;
	Oid relation_id;
	uint64 changes; /* of tables, when it was last found to be as described */
	TupleDesc descriptor;
	InsertedColumn *columns;    /* by attribute */
	Expr **default_expressions; /* by attribute, not planned; NULL: null */
	KeptExpressions defaults;
	int users; /* writes under way: a default's or a trigger's function may insert, too */
} InsertionTable;

void
new_rows_register(TupleDesc descriptor, Tuplestorestate *rows)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	int result;

	relation->md.name = NEW_ROWS;
	relation->md.tupdesc = descriptor;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = 1;
	relation->reldata = rows;
	result = SPI_register_relation(relation);
	if (result != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register new rows: %s", SPI_result_code_string(result));
}

void
new_rows_unregister(void)
{
	int result = SPI_unregister_relation(NEW_ROWS);

	if (result != SPI_OK_REL_UNREGISTER)
		elog(ERROR, "could not unregister new rows: %s", SPI_result_code_string(result));
}

/* The columns' types are built in, so no change of the catalogs makes this invalid: it is made once a session. */
static void
make_statement(Insertion *insertion)
{
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
	TupleDesc descriptor = CreateTemplateTupleDesc(insertion->column_count);
	StringInfoData columns;

	initStringInfo(&columns);
	for (int i = 0; i < insertion->column_count; i++)
	{
		TupleDescInitEntry(descriptor, i + 1, insertion->columns[i].name,
						   insertion->columns[i].type, -1, 0);
		appendStringInfo(&columns, "%s%s", i ? ", " : "",
						 quote_identifier(insertion->columns[i].name));
	}
	TupleDescFinalize(descriptor);
	insertion->statement_is_made = insertion->statement.sql == NULL;
	if (insertion->statement_is_made)
		insertion->statement.sql = psprintf("INSERT INTO %s (%s) SELECT %s FROM " NEW_ROWS,
											insertion->relation, columns.data, columns.data);
	pfree(columns.data);
	MemoryContextSwitchTo(context);
	insertion->descriptor = descriptor;
}

NewRows
insertion_begin(Insertion *insertion)
{
	NewRows rows = {.insertion = insertion, .size = insertion->column_count};

	rows.values = palloc(sizeof(Datum) * rows.size);
	rows.nulls = palloc(sizeof(bool) * rows.size);
	return rows;
}

static void
put(NewRows *rows, Datum value, bool is_null)
{
	if (rows->count == rows->size)
	{
		rows->size *= 2;
		rows->values = repalloc_huge(rows->values, sizeof(Datum) * rows->size);
		rows->nulls = repalloc_huge(rows->nulls, sizeof(bool) * rows->size);
	}
	rows->values[rows->count] = value;
	rows->nulls[rows->count++] = is_null;
}

void
new_rows_put(NewRows *rows, Datum value)
{
	put(rows, value, false);
}

void
new_rows_put_uuid(NewRows *rows, const pg_uuid_t *value)
{
	pg_uuid_t *copy;

	if (value == NULL)
	{
		new_rows_put_null(rows);
		return;
	}
	copy = palloc(sizeof(pg_uuid_t));
	*copy = *value;
	put(rows, UUIDPGetDatum(copy), false);
}

void
new_rows_put_text(NewRows *rows, const char *value)
{
	put(rows, value ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

void
new_rows_put_jsonb(NewRows *rows, const Jsonb *value)
{
	put(rows, JsonbPGetDatum(value), value == NULL);
}

void
new_rows_put_null(NewRows *rows)
{
	put(rows, (Datum) 0, true);
}

static int
given_column(const Insertion *insertion, const char *name)
{
	for (int i = 0; i < insertion->column_count; i++)
	{
		if (strcmp(insertion->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* The type's values are the column's as they are. */
static bool
is_same_kind(Oid given_type, Form_pg_attribute attribute)
{
	Oid function;

	return attribute->atttypmod < 0 &&
		   (given_type == attribute->atttypid ||
			(get_typtype(attribute->atttypid) != TYPTYPE_DOMAIN &&
			 find_coercion_pathway(attribute->atttypid, given_type, COERCION_ASSIGNMENT,
								   &function) == COERCION_PATH_RELABELTYPE));
}

static void
describe_given(InsertedColumn *column, Form_pg_attribute attribute, Oid given_type)
{
	Oid output;
	Oid input;
	bool is_varlena;

	column->is_converted = !is_same_kind(given_type, attribute);
	if (!column->is_converted)
		return;
	getTypeOutputInfo(OidIsValid(given_type) ? given_type : attribute->atttypid, &output,
					  &is_varlena);
	fmgr_info_cxt(output, &column->output, CurrentMemoryContext);
	getTypeInputInfo(attribute->atttypid, &input, &column->input_parameter);
	fmgr_info_cxt(input, &column->input, CurrentMemoryContext);
	column->type_modifier = attribute->atttypmod;
}

/* False: a column that is given isn't there, or is the server's to fill; the statement says what is wrong. */
static bool
describe_columns(InsertionTable *table, const Insertion *insertion, Relation relation)
{
	int given = 0;

	table->columns = palloc0(sizeof(InsertedColumn) * table->descriptor->natts);
	table->default_expressions = palloc0(sizeof(Expr *) * table->descriptor->natts);
	for (int i = 0; i < table->descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(table->descriptor, i);
		InsertedColumn *column = &table->columns[i];

		column->given = -1;
		if (attribute->attisdropped || attribute->attgenerated)
			continue;
		column->given = given_column(insertion, NameStr(attribute->attname));
		if (column->given >= 0)
		{
			if (attribute->attidentity)
				return false;
			describe_given(column, attribute, insertion->columns[column->given].type);
			given++;
		}
		else
		{
			table->default_expressions[i] =
				(Expr *) build_column_default(relation, attribute->attnum);
			/* a domain may refuse null */
			if (table->default_expressions[i] == NULL &&
				get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN)
				describe_given(column, attribute, InvalidOid);
		}
	}
	return given == insertion->column_count;
}

static bool
is_current(InsertionTable *table, Relation relation)
{
	uint64 changes = table_changes();

	if (table->relation_id != RelationGetRelid(relation))
		return false;
	if (table->changes != changes &&
		!equalTupleDescs(table->descriptor, RelationGetDescr(relation)))
		return false;
	table->changes = changes;
	return true;
}

/* The table as it is now; NULL: a statement has to do it. */
static InsertionTable *
insertion_table(Insertion *insertion, Relation relation)
{
	InsertionTable *table = insertion->table;
	MemoryContext context;
	MemoryContext callers;

	if (table && is_current(table, relation))
		return table;
	if (table)
	{
		insertion->table = NULL;
		/* one in use stays for good: its function has exchanged the table that is being written */
		if (table->users == 0)
			MemoryContextDelete(table->context);
	}
	/* the caller's until all is made, so that an error leaves nothing behind */
	context =
		AllocSetContextCreate(CurrentMemoryContext, "vmclone insertion", ALLOCSET_SMALL_SIZES);
	callers = MemoryContextSwitchTo(context);
	table = palloc0(sizeof(InsertionTable));
	table->context = context;
	table->relation_id = RelationGetRelid(relation);
	table->changes = table_changes();
	table->descriptor = CreateTupleDescCopyConstr(RelationGetDescr(relation));
	if (!describe_columns(table, insertion, relation))
		table = NULL;
	MemoryContextSwitchTo(callers);
	if (table == NULL)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	MemoryContextSetParent(context, CacheMemoryContext);
	insertion->table = table;
	return table;
}

static Datum
convert(const InsertedColumn *column, Datum value, bool is_null)
{
	return InputFunctionCall((FmgrInfo *) &column->input,
							 is_null ? NULL
									 : OutputFunctionCall((FmgrInfo *) &column->output, value),
							 column->input_parameter, column->type_modifier);
}

static void
fill_row(const InsertionTable *table, ExprState *const *defaults, ExprContext *context,
		 const Datum *values, const bool *nulls, TupleTableSlot *row)
{
	for (int i = 0; i < table->descriptor->natts; i++)
	{
		const InsertedColumn *column = &table->columns[i];
		Datum *value = &row->tts_values[i];
		bool *is_null = &row->tts_isnull[i];

		*value = (Datum) 0;
		*is_null = true;
		if (column->given >= 0)
		{
			*value = values[column->given];
			*is_null = nulls[column->given];
			if (column->is_converted)
				*value = convert(column, *value, *is_null);
		}
		else if (defaults[i])
			*value = ExecEvalExpr(defaults[i], context, is_null);
		else if (column->is_converted)
			(void) convert(column, (Datum) 0, true);
	}
}

/* What evaluating leaves lasts as long as the caller's context. */
static uint64
write_rows(const NewRows *rows, InsertionTable *table, Relation relation)
{
	/* a run within a run has its own */
	KeptExpressions own = {0};
	KeptExpressions *kept = table->users > 1 ? &own : &table->defaults;
	ExprState **defaults =
		kept_expressions_take(kept, table->users > 1 ? CurrentMemoryContext : table->context,
							  table->default_expressions, table->descriptor->natts);
	ExprContext *context = CreateStandaloneExprContext();
	TableWriter *writer = table_writer_begin(relation);
	uint64 written;

	for (uint64 first = 0; first < rows->count; first += rows->insertion->column_count)
	{
		fill_row(table, defaults, context, &rows->values[first], &rows->nulls[first],
				 table_writer_slot(writer));
		table_writer_put(writer);
	}
	written = table_writer_end(writer);
	FreeExprContext(context, true);
	kept_expressions_give_back(kept, defaults);
	return written;
}

static uint64
run_statement(const NewRows *rows)
{
	Insertion *insertion = rows->insertion;
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	uint64 written;

	if (insertion->descriptor == NULL)
		make_statement(insertion);
	for (uint64 first = 0; first < rows->count; first += insertion->column_count)
		tuplestore_putvalues(store, insertion->descriptor, &rows->values[first],
							 &rows->nulls[first]);
	new_rows_register(insertion->descriptor, store);
	written = statement_run(&insertion->statement, NULL, NULL);
	new_rows_unregister();
	tuplestore_end(store);
	return written;
}

/* The relation if its rows can be written here, locked; else NULL. */
static Relation
open_relation(const Insertion *insertion)
{
	Relation relation;
	Oid id;

	if (insertion->statement.sql && !insertion->statement_is_made)
		return NULL;
	id = relation_of_name(insertion->relation, RowExclusiveLock);
	if (!OidIsValid(id))
		return NULL;
	relation = relation_open(id, NoLock);
	if (table_writer_can(relation))
		return relation;
	relation_close(relation, NoLock);
	return NULL;
}

static uint64
write_in_use(NewRows *rows, InsertionTable *table, Relation relation)
{
	uint64 written;

	table->users++;
	PG_TRY();
	{
		written = write_rows(rows, table, relation);
	}
	PG_FINALLY();
	{
		table->users--;
	}
	PG_END_TRY();
	return written;
}

void
insertion_run(NewRows *rows)
{
	Insertion *insertion = rows->insertion;
	uint64 count = rows->count / insertion->column_count;
	InsertionTable *table = NULL;

	Assert(rows->count % insertion->column_count == 0);
	if (count > 0)
	{
		Relation relation = open_relation(insertion);
		uint64 written;

		if (relation)
			table = insertion_table(insertion, relation);
		written = table ? write_in_use(rows, table, relation) : run_statement(rows);
		if (relation)
			relation_close(relation, NoLock);
		if (written != count)
			elog(ERROR, UINT64_FORMAT " rows of %s were to be inserted, and " UINT64_FORMAT " were",
				 count, insertion->relation, written);
	}
	pfree(rows->values);
	pfree(rows->nulls);
}
