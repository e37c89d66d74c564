/*
 * row_copy.c
 *		Whole rows copied within a table of the inventory, set-based.
 *
 * The sources are read in one statement.  Overlays are laid over them here, once a source, so that
 * a hundred copies of a row cost one conversion of its values; the new rows come to the one INSERT
 * as a tuple store.  Defaults are evaluated here too, for sources without a row and only for the
 * columns that no overlay names; as everything else, as the owner of the inventory.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "base/arrays.h"
#include "base/compat.h"
#include "base/index_lookup.h"
#include "base/insertion.h"
#include "base/statement.h"
#include "base/table_writer.h"
#include "base/uuid.h"
#include "inventory/row_copy_internal.h"

#define FIRST_GROW 8

typedef struct Source
{
	bool has_key;
	pg_uuid_t key;
	const Jsonb *overlays[ROW_COPY_MAX_OVERLAYS];
	int overlay_count;
	RowCopySetting *settings;
	int setting_count;
	Datum *values; /* by column, when the sources are read */
	bool *nulls;
	bool *own_defaults; /* by column: every row gets a default of its own; NULL: none does */
} Source;

typedef struct NewRow
{
	int source;
	Datum values[ROW_COPY_MAX_COLUMNS];
	bool nulls[ROW_COPY_MAX_COLUMNS];
} NewRow;

struct RowCopy
{
	RowCopyTarget *target;
	bool has_second_key;
	pg_uuid_t second_key;
	int source_count;
	int source_size;
	Source *sources;
	int row_count;
	int row_size;
	NewRow *rows;
};

/* A row that was found for a key; values by column. */
typedef struct Found
{
	pg_uuid_t key;
	Datum *values;
	bool *nulls;
} Found;

RowCopy *
row_copy_begin(RowCopyTarget *target, const pg_uuid_t *second_key)
{
	RowCopy *copy = palloc0(sizeof(RowCopy));

	Assert(target->column_count > 0 && target->column_count <= ROW_COPY_MAX_COLUMNS);
	copy->target = target;
	copy->has_second_key = second_key != NULL;
	if (second_key)
		copy->second_key = *second_key;
	return copy;
}

static void *
grow(void *array, int *size, size_t item_size)
{
	*size = *size ? *size * 2 : FIRST_GROW;
	return array ? repalloc(array, *size * item_size) : palloc(*size * item_size);
}

int
row_copy_source(RowCopy *copy, const pg_uuid_t *key, const Jsonb *const *overlays,
				int overlay_count)
{
	Source *source;

	Assert(overlay_count >= 0 && overlay_count <= ROW_COPY_MAX_OVERLAYS);
	if (copy->source_count == copy->source_size)
		copy->sources = grow(copy->sources, &copy->source_size, sizeof(Source));
	source = &copy->sources[copy->source_count++];
	memset(source, 0, sizeof(Source));
	source->has_key = key != NULL;
	if (key)
		source->key = *key;
	for (int i = 0; i < overlay_count; i++)
		source->overlays[i] = overlays[i];
	source->overlay_count = overlay_count;
	return copy->source_count;
}

void
row_copy_set(RowCopy *copy, int source_number, const char *column, const char *text)
{
	Source *source = &copy->sources[source_number - 1];

	Assert(source->setting_count < ROW_COPY_MAX_SETTINGS);
	if (source->settings == NULL)
		source->settings = palloc(sizeof(RowCopySetting) * ROW_COPY_MAX_SETTINGS);
	source->settings[source->setting_count++] = (RowCopySetting){column, text};
}

static Datum
uuid_datum(const pg_uuid_t *uuid)
{
	pg_uuid_t *copy = palloc(sizeof(pg_uuid_t));

	*copy = *uuid;
	return UUIDPGetDatum(copy);
}

void
row_copy_row(RowCopy *copy, int source, const void *const *values)
{
	const RowCopyTarget *target = copy->target;
	NewRow *row;

	Assert(source >= 1 && source <= copy->source_count);
	if (copy->row_count == copy->row_size)
		copy->rows = grow(copy->rows, &copy->row_size, sizeof(NewRow));
	row = &copy->rows[copy->row_count++];
	row->source = source - 1;
	for (int c = 0; c < target->column_count; c++)
	{
		row->nulls[c] = values[c] == NULL;
		if (values[c] == NULL)
			row->values[c] = (Datum) 0;
		else if (target->columns[c].type == UUIDOID)
			row->values[c] = uuid_datum(values[c]);
		else
			row->values[c] = CStringGetTextDatum((const char *) values[c]);
	}
}

static int
compare_found(const void *a, const void *b)
{
	return memcmp(&((const Found *) a)->key, &((const Found *) b)->key, UUID_LEN);
}

/* A row as it came: of the table, or of the columns that the statement reads. */
static Found
describe_found(const RowCopyTable *table, HeapTuple tuple, bool is_whole)
{
	TupleDesc descriptor = is_whole ? table->descriptor : table->columns_descriptor;
	Datum *values = palloc(sizeof(Datum) * descriptor->natts);
	bool *nulls = palloc(sizeof(bool) * descriptor->natts);
	Found found = {.values = values, .nulls = nulls};

	heap_deform_tuple(tuple, descriptor, values, nulls);
	/* in place: a column's number is never below its place among the columns */
	for (int i = 0; i < table->column_count && is_whole; i++)
	{
		values[i] = values[table->columns[i].number - 1];
		nulls[i] = nulls[table->columns[i].number - 1];
	}
	if (!nulls[table->key])
		found.key = *DatumGetUUIDP(values[table->key]);
	return found;
}

static HeapTuple *
read_by_statement(const RowCopy *copy, RowCopyTable *table, Datum *keys, int key_count, int *count)
{
	Datum argument;
	int result;

	if (copy->has_second_key)
		argument = keys[0];
	else
		argument = array_of_datums(keys, key_count, UUIDOID);
	row_copy_make_statements(table, copy->target);
	statement_plan(table->read_plan, !table->has_read, true);
	table->has_read = true;
	result = SPI_execute_plan(table->read_plan, &argument, NULL, false, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not read rows of %s: %s", table->relation_name,
			 SPI_result_code_string(result));
	*count = (int) SPI_processed;
	return SPI_tuptable->vals;
}

/* The rows of the table that sources name; sorted by key, *count of them. */
static Found *
find_rows(const RowCopy *copy, RowCopyTable *table, Relation relation, int *count)
{
	Datum *keys = palloc(sizeof(Datum) * (copy->source_count + 1));
	int key_count = 0;
	HeapTuple *tuples = NULL;
	bool is_whole;
	Found *found;

	*count = 0;
	for (int i = 0; i < copy->source_count; i++)
	{
		if (copy->sources[i].has_key)
			keys[key_count++] = UUIDPGetDatum(&copy->sources[i].key);
	}
	if (key_count == 0 || (copy->target->second_key && !copy->has_second_key))
		return NULL;
	/* one look into an index rather than one a source: most rows of the second key are sources */
	if (copy->has_second_key)
	{
		keys[0] = UUIDPGetDatum(&copy->second_key);
		key_count = 1;
	}
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	is_whole = table->read_by != InvalidAttrNumber &&
			   index_lookup(relation, &table->read_by, 1, keys, key_count, GetActiveSnapshot(),
							&tuples, count);
	PopActiveSnapshot();
	if (!is_whole)
		tuples = read_by_statement(copy, table, keys, key_count, count);
	found = palloc(sizeof(Found) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		found[i] = describe_found(table, tuples[i], is_whole);
	qsort(found, *count, sizeof(Found), compare_found);
	return found;
}

/* Default expressions of a table's columns, ready to run; made as they are needed. */
typedef struct Defaults
{
	ExprContext *context;
	ExprState **states; /* by column */
} Defaults;

static Datum
evaluate_default(const RowCopyTable *table, Defaults *defaults, int i, bool *is_null)
{
	const CopiedColumn *column = &table->columns[i];
	Datum value;

	if (defaults->context == NULL)
	{
		defaults->context = CreateStandaloneExprContext();
		defaults->states = palloc0(sizeof(ExprState *) * table->column_count);
	}
	/* planned now: a function in it may be another one than when the table was described */
	if (defaults->states[i] == NULL)
		defaults->states[i] =
			ExecInitExpr(expression_planner(copyObject(column->default_expression)), NULL);
	value = ExecEvalExpr(defaults->states[i], defaults->context, is_null);
	return *is_null ? (Datum) 0 : datumCopy(value, column->by_value, column->length);
}

/*
 * What the columns that nothing is known of get, as in an INSERT that leaves them out, and NOT NULL
 * ones with a default that would be NULL; of a source with a row, those that no two rows may share.
 */
static void
set_defaults(RowCopyTable *table, Source *source, bool has_row, const bool *is_set,
			 Defaults *defaults)
{
	for (int i = 0; i < table->column_count; i++)
	{
		CopiedColumn *column = &table->columns[i];

		if (column->given >= 0)
			continue;
		if ((is_set[i] || (has_row && !column->is_serial)) &&
			!(source->nulls[i] && column->null_is_default))
			continue;
		if (column->is_volatile)
		{
			if (source->own_defaults == NULL)
				source->own_defaults = palloc0(sizeof(bool) * table->column_count);
			source->own_defaults[i] = true;
			continue;
		}
		source->values[i] = (Datum) 0;
		source->nulls[i] = true;
		if (column->default_expression == NULL)
		{
			/* a domain may refuse null */
			if (column->is_domain)
				(void) row_copy_input(column, NULL);
		}
		else if (IsA(column->default_expression, Const))
		{
			const Const *constant = (const Const *) column->default_expression;

			source->values[i] = constant->constvalue;
			source->nulls[i] = constant->constisnull;
		}
		else
			source->values[i] = evaluate_default(table, defaults, i, &source->nulls[i]);
	}
}

/* Values of all sources: their rows, overlays over them; defaults where there is no row. */
static void
read_sources(RowCopy *copy, RowCopyTable *table, Relation relation, Defaults *defaults)
{
	int found_count;
	Found *found = find_rows(copy, table, relation, &found_count);
	bool *is_set = palloc(sizeof(bool) * table->column_count);

	for (int i = 0; i < copy->source_count; i++)
	{
		Source *source = &copy->sources[i];
		Found key = {.key = source->key};
		const Found *row = NULL;

		source->values = palloc0(sizeof(Datum) * table->column_count);
		source->nulls = palloc0(sizeof(bool) * table->column_count);
		memset(is_set, 0, sizeof(bool) * table->column_count);
		if (source->has_key && found_count > 0)
			row = bsearch(&key, found, found_count, sizeof(Found), compare_found);
		if (row)
		{
			memcpy(source->values, row->values, sizeof(Datum) * table->column_count);
			memcpy(source->nulls, row->nulls, sizeof(bool) * table->column_count);
		}
		row_copy_lay_settings(table, source->settings, source->setting_count, source->values,
							  source->nulls, is_set);
		row_copy_lay_over(table, source->overlays, source->overlay_count, source->values,
						  source->nulls, is_set);
		set_defaults(table, source, row != NULL, is_set, defaults);
	}
}

/* A value given for a row, as the column's type. */
static Datum
given_value(CopiedColumn *column, Oid type, Datum value, bool is_null)
{
	if (column->type == type)
		return value;
	if (is_null)
		return column->is_domain ? row_copy_input(column, NULL) : (Datum) 0;
	return row_copy_input(column, type == UUIDOID ? uuid_text(DatumGetUUIDP(value))
												  : TextDatumGetCString(value));
}

/* Values of a new row, by column. */
static void
make_row(const RowCopy *copy, RowCopyTable *table, Defaults *defaults, const NewRow *row,
		 Datum *values, bool *nulls)
{
	const Source *source = &copy->sources[row->source];

	memcpy(values, source->values, sizeof(Datum) * table->column_count);
	memcpy(nulls, source->nulls, sizeof(bool) * table->column_count);
	for (int i = 0; i < table->column_count; i++)
	{
		int given = table->columns[i].given;

		if ((source->own_defaults && source->own_defaults[i]) ||
			(given >= 0 && row->nulls[given] && table->columns[i].null_is_default))
		{
			values[i] = evaluate_default(table, defaults, i, &nulls[i]);
			continue;
		}
		if (given < 0)
			continue;
		nulls[i] = row->nulls[given];
		values[i] = given_value(&table->columns[i], copy->target->columns[given].type,
								row->values[given], nulls[i]);
	}
}

static uint64
write_rows(const RowCopy *copy, RowCopyTable *table, Relation relation, Defaults *defaults)
{
	int all = table->descriptor->natts;
	Datum *values = palloc(sizeof(Datum) * table->column_count);
	bool *nulls = palloc(sizeof(bool) * table->column_count);
	TableWriter *writer = table_writer_begin(relation);

	for (int r = 0; r < copy->row_count; r++)
	{
		TupleTableSlot *slot = table_writer_slot(writer);

		make_row(copy, table, defaults, &copy->rows[r], values, nulls);
		if (table->column_count < all)
		{
			memset(slot->tts_values, 0, sizeof(Datum) * all);
			memset(slot->tts_isnull, true, sizeof(bool) * all);
		}
		for (int i = 0; i < table->column_count; i++)
		{
			slot->tts_values[table->columns[i].number - 1] = values[i];
			slot->tts_isnull[table->columns[i].number - 1] = nulls[i];
		}
		table_writer_put(writer);
	}
	return table_writer_end(writer);
}

static uint64
insert_by_statement(const RowCopy *copy, RowCopyTable *table, Defaults *defaults)
{
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
	Datum *values = palloc(sizeof(Datum) * table->column_count);
	bool *nulls = palloc(sizeof(bool) * table->column_count);
	int result;

	for (int r = 0; r < copy->row_count; r++)
	{
		make_row(copy, table, defaults, &copy->rows[r], values, nulls);
		tuplestore_putvalues(rows, table->columns_descriptor, values, nulls);
	}
	row_copy_make_statements(table, copy->target);
	new_rows_register(table->columns_descriptor, rows);
	result = SPI_execute_plan(table->insert_plan, NULL, NULL, false, 0);
	new_rows_unregister();
	tuplestore_end(rows);
	if (result != SPI_OK_INSERT)
		elog(ERROR, "could not copy rows of %s: %s", copy->target->relation,
			 SPI_result_code_string(result));
	return SPI_processed;
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

static uint64
read_and_write(RowCopy *copy, RowCopyTable *table, Relation relation)
{
	Defaults defaults = {0};
	uint64 written;

	read_sources(copy, table, relation, &defaults);
	if (table_writer_can(relation) && !table->has_identity)
		written = write_rows(copy, table, relation, &defaults);
	else
		written = insert_by_statement(copy, table, &defaults);
	if (defaults.context)
		FreeExprContext(defaults.context, true);
	return written;
}

static void
copy_rows(RowCopy *copy)
{
	Relation relation = inventory_open(copy->target->relation, RowExclusiveLock);
	RowCopyTable *table = row_copy_table(copy->target, relation);
	uint64 written;

	table->users++;
	PG_TRY();
	{
		written = read_and_write(copy, table, relation);
	}
	PG_FINALLY();
	{
		table->users--;
	}
	PG_END_TRY();
	table_close(relation, NoLock);
	if (written != (uint64) copy->row_count)
		elog(ERROR, "%d rows of %s were to be copied, and " UINT64_FORMAT " were", copy->row_count,
			 copy->target->relation, written);
}

uint64
row_copy_run(RowCopy *copy)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = error_context,
		.arg = (void *) copy->target->relation,
	};

	if (copy->row_count == 0)
		return 0;
	error_context_stack = &callback;
	PG_TRY();
	{
		copy_rows(copy);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		rethrow_refused_row(copy->target);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	return copy->row_count;
}
