/*
 * statement.h
 *		SPI statements whose plans live as long as the session.
 *
 * A Statement is a static object.  Its plan is made at the first run and kept; the plan cache
 * makes it anew when the search_path or a table changes.  All runs check SPI's return code.
 */
#ifndef VMCLONE_STATEMENT_H
#define VMCLONE_STATEMENT_H

#include "postgres.h"

#include "executor/spi.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#define STATEMENT_MAX_ARGUMENTS 20

typedef struct Statement
{
	const char *sql;
	int argument_count;
	Oid argument_types[STATEMENT_MAX_ARGUMENTS];
	SPIPlanPtr plan; /* NULL until the first run */
} Statement;

/* nulls: one bool an argument, or NULL when none is null.  Returns the rows (SPI_processed). */
extern uint64 statement_run(Statement *statement, const Datum *values, const bool *nulls);

/*
 * The same, but it sees what is committed now, under every isolation level, as the checks of foreign
 * keys do.  For checks only: under REPEATABLE READ other statements see an older state.
 */
extern uint64 statement_run_latest(Statement *statement, const Datum *values, const bool *nulls);

/* As statement_run, and an ERROR (XX000) unless it gave just one row. */
extern void statement_run_one_row(Statement *statement, const Datum *values, const bool *nulls);

/*
 * Plans a kept statement that is new or no longer valid, with indexes and (joins) nested loops:
 * our statements look up few rows by keys, and the plan outlives the size that the tables have today.
 */
extern void statement_plan(SPIPlanPtr plan, bool is_new, bool joins);

/* The column of a statement that returns just one. */
#define ONLY_COLUMN 1

/*
 * Fields of SPI_tuptable, by row and by column from 1, for which an enum stands beside the statement; palloc'd in the current context.
 */
extern bool field_is_null(uint64 row, int column);
extern char *field_text(uint64 row,
						int column); /* NULL for null; any type, by its output function */
extern pg_uuid_t field_uuid(uint64 row, int column);        /* zero uuid for null */
extern int64 field_int64(uint64 row, int column);           /* int2, int4 or int8; 0 for null */
extern bool field_bool(uint64 row, int column);             /* false for null */
extern Jsonb *field_jsonb(uint64 row, int column);          /* NULL for null */
extern TimestampTz field_timestamp(uint64 row, int column); /* timestamptz; 0 for null */

/* An argument of type text; NULL sets *is_null. */
extern Datum text_or_null(const char *text, bool *is_null);

/* The number of a value of type int2, int4 or int8; false: the type is another one. */
extern bool get_integer(Datum value, Oid type, int64 *result);

#endif
