/*
 * row_copy.c
 *		Whole rows copied within a table of the inventory, set-based.
 *
 * One statement for all rows of a table.  Its sources are populated once each, in a materialised
 * subquery; the new rows are then joined to them, so that a hundred copies of a row cost one
 * jsonb_populate_record:
 *
 *	WITH source AS MATERIALIZED (
 *		SELECT k.n, p.* FROM unnest($1, $2, $3) WITH ORDINALITY k (key, second_key, overlay, n)
 *		LEFT JOIN LATERAL (SELECT t AS found FROM t WHERE t.key = k.key OFFSET 0) s ON true
 *		CROSS JOIN LATERAL jsonb_populate_record(
 *			coalesce(s.found, ROW (defaults)::t), k.overlay) p)
 *	INSERT INTO t (columns)
 *	SELECT r.id, source.a, ... FROM unnest($4, ...) r JOIN source ON source.n = r.source
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tupdesc.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "json.h"
#include "row_copy.h"
#include "statement.h"

#define FIRST_GROW 8

/* The kept statement of a target. */
typedef struct RowCopyStatement
{
	Oid relation_id;
	char *relation_name; /* qualified and quoted, as in the text */
	TupleDesc descriptor;
	SPIPlanPtr plan;
	bool has_run;
	MemoryContext context;
} RowCopyStatement;

struct RowCopy
{
	RowCopyTarget *target;
	int source_count;
	int source_size;
	Datum *keys;
	bool *key_nulls;
	Datum *second_keys;
	bool *second_key_nulls;
	Datum *overlays;
	int row_count;
	int row_size;
	Datum *row_sources;
	Datum *values[ROW_COPY_MAX_COLUMNS];
	bool *value_nulls[ROW_COPY_MAX_COLUMNS];
};

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

/* Default of a column as text, or NULL; without_effect: of volatile ones too. */
static char *
default_expression(Relation relation, AttrNumber number, bool without_effect)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	for (int i = 0; constraints && i < constraints->num_defval; i++)
	{
		Node *expression;

		if (constraints->defval[i].adnum != number)
			continue;
		expression = stringToNode(constraints->defval[i].adbin);
		if (without_effect && contain_volatile_functions(expression))
			return NULL;
		return deparse_expression(
			expression,
			deparse_context_for(RelationGetRelationName(relation), RelationGetRelid(relation)),
			false, false);
	}
	return NULL;
}

char *
row_default_values(Relation relation, bool without_effect)
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
		expression =
			attribute->attgenerated ? NULL : default_expression(relation, i + 1, without_effect);
		appendStringInfo(&values, "%s%s", values.len ? ", " : "", expression ? expression : "NULL");
	}
	return values.data;
}

/* Which row column gives attribute name; -1: the source does. */
static int
row_column(const RowCopyTarget *target, const char *name)
{
	for (int i = 0; i < target->column_count; i++)
	{
		if (strcmp(target->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

static char *
statement_text(const RowCopyTarget *target, Relation relation, const char *name)
{
	TupleDesc descriptor = RelationGetDescr(relation);
	StringInfoData columns;
	StringInfoData values;
	StringInfoData text;
	int given = 0;

	initStringInfo(&columns);
	initStringInfo(&values);
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		const char *column = quote_identifier(NameStr(attribute->attname));
		int number;

		if (attribute->attisdropped || attribute->attgenerated || attribute->attidentity)
			continue;
		number = row_column(target, NameStr(attribute->attname));
		appendStringInfo(&columns, "%s%s", columns.len ? ", " : "", column);
		if (number >= 0)
		{
			given++;
			appendStringInfo(&values, "%sr.v%d", values.len ? ", " : "", number);
		}
		else
			appendStringInfo(&values, "%ssource.%s", values.len ? ", " : "", column);
	}
	if (given != target->column_count)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table %s lacks a column that vmclone needs", name),
				 errhint("SELECT * FROM vmclone.inventory_report() lists what is missing.")));

	initStringInfo(&text);
	appendStringInfo(&text,
					 "WITH source AS MATERIALIZED (SELECT k.n AS vmclone_source, p.*"
					 " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
					 " pg_catalog.unnest($3)) WITH ORDINALITY AS k (key, second_key, overlay, n)"
					 " LEFT JOIN LATERAL (SELECT t AS found FROM %s AS t WHERE t.%s = k.key",
					 name, quote_identifier(target->key));
	if (target->second_key)
		appendStringInfo(&text, " AND t.%s = k.second_key", quote_identifier(target->second_key));
	/* OFFSET 0: one index probe a source, whatever the planner believes of the table's size */
	appendStringInfo(&text,
					 " OFFSET 0) AS s ON true CROSS JOIN LATERAL pg_catalog.jsonb_populate_record("
					 "coalesce(s.found, ROW (%s)::%s), k.overlay) AS p)"
					 " INSERT INTO %s (%s) SELECT %s FROM ROWS FROM (pg_catalog.unnest($4)",
					 row_default_values(relation, false), name, name, columns.data, values.data);
	for (int i = 0; i < target->column_count; i++)
		appendStringInfo(&text, ", pg_catalog.unnest($%d)", i + 5);
	appendStringInfoString(&text, ") AS r (source");
	for (int i = 0; i < target->column_count; i++)
		appendStringInfo(&text, ", v%d", i);
	appendStringInfoString(&text, ") JOIN source ON source.vmclone_source = r.source");
	return text.data;
}

/* The target's statement for the table as it is now. */
static RowCopyStatement *
prepare(RowCopyTarget *target)
{
	Relation relation = inventory_open(target->relation, RowExclusiveLock);
	char *name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											RelationGetRelationName(relation));
	RowCopyStatement *statement = target->statement;
	Oid types[4 + ROW_COPY_MAX_COLUMNS] = {UUIDARRAYOID, UUIDARRAYOID, JSONBARRAYOID, INT4ARRAYOID};
	MemoryContext context;
	SPIPlanPtr plan;
	char *text;

	if (statement && statement->relation_id == RelationGetRelid(relation) &&
		strcmp(statement->relation_name, name) == 0 &&
		equalTupleDescs(statement->descriptor, RelationGetDescr(relation)))
	{
		table_close(relation, NoLock);
		return statement;
	}
	if (statement)
	{
		target->statement = NULL;
		SPI_freeplan(statement->plan);
		MemoryContextDelete(statement->context);
	}

	for (int i = 0; i < target->column_count; i++)
		types[4 + i] = target->columns[i].type == UUIDOID ? UUIDARRAYOID : TEXTARRAYOID;
	text = statement_text(target, relation, name);
	/* planning for the arrays at hand would cost more than the insertion */
	plan = SPI_prepare_cursor(text, 4 + target->column_count, types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", text, SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", text);

	context = AllocSetContextCreate(CacheMemoryContext, "vmclone row copy", ALLOCSET_SMALL_SIZES);
	statement = MemoryContextAllocZero(context, sizeof(RowCopyStatement));
	statement->context = context;
	statement->relation_id = RelationGetRelid(relation);
	statement->relation_name = MemoryContextStrdup(context, name);
	statement->plan = plan;
	context = MemoryContextSwitchTo(context);
	statement->descriptor = CreateTupleDescCopyConstr(RelationGetDescr(relation));
	MemoryContextSwitchTo(context);
	target->statement = statement;
	table_close(relation, NoLock);
	return statement;
}

RowCopy *
row_copy_begin(RowCopyTarget *target)
{
	RowCopy *copy = palloc0(sizeof(RowCopy));

	Assert(target->column_count > 0 && target->column_count <= ROW_COPY_MAX_COLUMNS);
	copy->target = target;
	return copy;
}

static void *
grow(void *array, int size, size_t item_size)
{
	return array ? repalloc(array, size * item_size) : palloc(size * item_size);
}

static Datum
uuid_datum(const pg_uuid_t *uuid)
{
	pg_uuid_t *copy = palloc(sizeof(pg_uuid_t));

	*copy = *uuid;
	return UUIDPGetDatum(copy);
}

int
row_copy_source(RowCopy *copy, const pg_uuid_t *key, const pg_uuid_t *second_key,
				const Jsonb *overlay)
{
	int i = copy->source_count++;

	if (i == copy->source_size)
	{
		copy->source_size = i ? i * 2 : FIRST_GROW;
		copy->keys = grow(copy->keys, copy->source_size, sizeof(Datum));
		copy->key_nulls = grow(copy->key_nulls, copy->source_size, sizeof(bool));
		copy->second_keys = grow(copy->second_keys, copy->source_size, sizeof(Datum));
		copy->second_key_nulls = grow(copy->second_key_nulls, copy->source_size, sizeof(bool));
		copy->overlays = grow(copy->overlays, copy->source_size, sizeof(Datum));
	}
	copy->key_nulls[i] = key == NULL;
	copy->keys[i] = key ? uuid_datum(key) : (Datum) 0;
	copy->second_key_nulls[i] = second_key == NULL;
	copy->second_keys[i] = second_key ? uuid_datum(second_key) : (Datum) 0;
	copy->overlays[i] = JsonbPGetDatum(overlay ? overlay : json_from_text("{}"));
	return i + 1;
}

void
row_copy_row(RowCopy *copy, int source, const void *const *values)
{
	const RowCopyTarget *target = copy->target;
	int i = copy->row_count++;

	Assert(source >= 1 && source <= copy->source_count);
	if (i == copy->row_size)
	{
		copy->row_size = i ? i * 2 : FIRST_GROW;
		copy->row_sources = grow(copy->row_sources, copy->row_size, sizeof(Datum));
		for (int c = 0; c < target->column_count; c++)
		{
			copy->values[c] = grow(copy->values[c], copy->row_size, sizeof(Datum));
			copy->value_nulls[c] = grow(copy->value_nulls[c], copy->row_size, sizeof(bool));
		}
	}
	copy->row_sources[i] = Int32GetDatum(source);
	for (int c = 0; c < target->column_count; c++)
	{
		copy->value_nulls[c][i] = values[c] == NULL;
		if (values[c] == NULL)
			copy->values[c][i] = (Datum) 0;
		else if (target->columns[c].type == UUIDOID)
			copy->values[c][i] = uuid_datum(values[c]);
		else
			copy->values[c][i] = CStringGetTextDatum((const char *) values[c]);
	}
}

static Datum
array_of(Datum *values, bool *nulls, int count, Oid type)
{
	int16 length;
	bool by_value;
	char alignment;
	int lower_bound = 1;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower_bound, type, length,
											  by_value, alignment));
}

static void
error_context(void *relation)
{
	errcontext("copying rows of %s", (const char *) relation);
}

/*
 * In a catch block: the error again.  Where a constraint has refused a row, a value that the
 * caller gave is the likely reason; the kilobytes of the statement would hide the message.
 */
pg_noreturn static void
rethrow_refused_row(const RowCopyTarget *target)
{
	ErrorData *error = CopyErrorData();

	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
		PG_RE_THROW();
	FlushErrorState();
	error->context = psprintf("copying rows of %s", target->relation);
	if (error->hint == NULL && strcmp(target->relation, "vm_static") == 0)
		error->hint = "Set the column to a valid value in parameter \"vm_static\".";
	ReThrowError(error);
}

static int
insert_rows(const RowCopyTarget *target, SPIPlanPtr plan, Datum *arguments)
{
	MemoryContext context = CurrentMemoryContext;
	volatile int result = 0;

	PG_TRY();
	{
		result = SPI_execute_plan(plan, arguments, NULL, false, 0);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		rethrow_refused_row(target);
	}
	PG_END_TRY();
	return result;
}

uint64
row_copy_run(RowCopy *copy)
{
	RowCopyTarget *target = copy->target;
	Datum arguments[4 + ROW_COPY_MAX_COLUMNS];
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = error_context,
		.arg = (void *) target->relation,
	};
	RowCopyStatement *statement;
	int result;

	if (copy->row_count == 0)
		return 0;
	error_context_stack = &callback;
	statement = prepare(target);
	arguments[0] = array_of(copy->keys, copy->key_nulls, copy->source_count, UUIDOID);
	arguments[1] = array_of(copy->second_keys, copy->second_key_nulls, copy->source_count, UUIDOID);
	arguments[2] = array_of(copy->overlays, NULL, copy->source_count, JSONBOID);
	arguments[3] = array_of(copy->row_sources, NULL, copy->row_count, INT4OID);
	for (int c = 0; c < target->column_count; c++)
		arguments[4 + c] = array_of(copy->values[c], copy->value_nulls[c], copy->row_count,
									target->columns[c].type);

	/* the sources and the new rows may well be hashed, there can be many */
	statement_plan(statement->plan, !statement->has_run, false);
	statement->has_run = true;
	result = insert_rows(target, statement->plan, arguments);
	if (result != SPI_OK_INSERT)
		elog(ERROR, "could not copy rows of %s: %s", target->relation,
			 SPI_result_code_string(result));
	if (SPI_processed != (uint64) copy->row_count)
		elog(ERROR, "%d rows of %s were to be copied, and " UINT64_FORMAT " were", copy->row_count,
			 target->relation, SPI_processed);
	error_context_stack = callback.previous;
	return SPI_processed;
}

/* Reads a value as the column's type; an error of the type becomes one that names key and table. */
static void
check_value(const char *relation, Form_pg_attribute attribute, char *text, const char *parameter)
{
	MemoryContext context = CurrentMemoryContext;
	Oid input;
	Oid parameter_type;

	getTypeInputInfo(attribute->atttypid, &input, &parameter_type);
	PG_TRY();
	{
		(void) OidInputFunctionCall(input, text, parameter_type, attribute->atttypmod);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(error->sqlerrcode),
				 errmsg("value of key \"%s\" in %s is not valid: %s", NameStr(attribute->attname),
						parameter, error->message),
				 errhint("Column \"%s\" of %s has type %s.", NameStr(attribute->attname), relation,
						 format_type_with_typemod(attribute->atttypid, attribute->atttypmod))));
	}
	PG_END_TRY();
}

void
row_overlay_check(const char *relation_name, const Jsonb *overlay, const char *parameter)
{
	Relation relation;
	TupleDesc descriptor;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (overlay == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(overlay))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s is not a JSON object", parameter),
						errhint("Give an object keyed by the columns of %s.", relation_name)));
	relation = inventory_open(relation_name, AccessShareLock);
	descriptor = RelationGetDescr(relation);
	iterator = JsonbIteratorInit((JsonbContainer *) &overlay->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		Form_pg_attribute attribute = NULL;
		char *key;
		char *text;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		for (int i = 0; i < descriptor->natts; i++)
		{
			Form_pg_attribute candidate = TupleDescAttr(descriptor, i);

			if (!candidate->attisdropped && strcmp(NameStr(candidate->attname), key) == 0)
				attribute = candidate;
		}
		if (attribute == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("unknown key \"%s\" in %s", key, parameter),
							errhint("Keys are the columns of %s.", relation_name)));
		if (attribute->attgenerated || attribute->attidentity)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("key \"%s\" in %s can't be given", key, parameter),
							errdetail("Column \"%s\" of %s is generated.", key, relation_name),
							errhint("Leave it out.")));
		text = json_get_text(overlay, key);
		if (text == NULL)
		{
			if (attribute->attnotnull)
				ereport(ERROR,
						(errcode(ERRCODE_NOT_NULL_VIOLATION),
						 errmsg("value of key \"%s\" in %s must not be null", key, parameter),
						 errhint("Leave it out to keep the source's value.")));
			continue;
		}
		/* arrays and composites are read as JSON, when the row is made */
		if (OidIsValid(get_element_type(attribute->atttypid)) ||
			type_is_rowtype(attribute->atttypid))
			continue;
		check_value(relation_name, attribute, text, parameter);
	}
	table_close(relation, AccessShareLock);
}
