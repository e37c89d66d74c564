/*
 * insertion.c
 *		Many rows of one table, made in C, inserted by one kept statement.
 *
 *	INSERT INTO relation (columns) SELECT columns FROM vmclone_new_rows
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"

#include "base/compat.h"
#include "base/insertion.h"

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
prepare(Insertion *insertion)
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
	if (insertion->statement.sql == NULL)
		insertion->statement.sql = psprintf("INSERT INTO %s (%s) SELECT %s FROM " NEW_ROWS,
											insertion->relation, columns.data, columns.data);
	pfree(columns.data);
	MemoryContextSwitchTo(context);
	insertion->descriptor = descriptor;
}

NewRows
insertion_begin(Insertion *insertion)
{
	NewRows rows = {.insertion = insertion};

	if (insertion->descriptor == NULL)
		prepare(insertion);
	rows.store = tuplestore_begin_heap(false, false, work_mem);
	return rows;
}

static void
put(NewRows *rows, Datum value, bool is_null)
{
	rows->values[rows->column] = value;
	rows->nulls[rows->column++] = is_null;
	if (rows->column < rows->insertion->column_count)
		return;
	tuplestore_putvalues(rows->store, rows->insertion->descriptor, rows->values, rows->nulls);
	rows->column = 0;
	rows->count++;
}

void
new_rows_put(NewRows *rows, Datum value)
{
	put(rows, value, false);
}

void
new_rows_put_uuid(NewRows *rows, const pg_uuid_t *value)
{
	put(rows, UUIDPGetDatum(value), value == NULL);
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

void
insertion_run(NewRows *rows)
{
	Assert(rows->column == 0);
	if (rows->count > 0)
	{
		uint64 inserted;

		new_rows_register(rows->insertion->descriptor, rows->store);
		inserted = statement_run(&rows->insertion->statement, NULL, NULL);
		new_rows_unregister();
		if (inserted != rows->count)
			elog(ERROR, UINT64_FORMAT " rows of %s were to be inserted, and " UINT64_FORMAT " were",
				 rows->count, rows->insertion->relation, inserted);
	}
	tuplestore_end(rows->store);
}
