/*
 * insertion.h
 *		Many rows of one table, made in C, inserted at once.
 *
 * Columns that are not given get their defaults.  Rows are written without a statement where that is
 * just what an INSERT would do (table_writer.h); elsewhere they come to a kept one as a tuple store with
 * typed columns: nothing is unnested, nothing goes through JSON.
 */
#ifndef VMCLONE_INSERTION_H
#define VMCLONE_INSERTION_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

#include "base/statement.h"

#define INSERTION_MAX_COLUMNS 24

/* The name by which a statement knows the rows. */
#define NEW_ROWS "vmclone_new_rows"

/* A static object, since the table's description and the statement are kept with it. */
typedef struct Insertion
{
	const char *relation; /* as in SQL, for the frame in which it runs */
	int column_count;
	struct
	{
		const char *name;
		Oid type; /* of the values put; becomes the column's */
	} columns[INSERTION_MAX_COLUMNS];
	Statement statement; /* made when it is needed, unless it is given: any INSERT from NEW_ROWS */
	bool statement_is_made;
	TupleDesc descriptor;
	struct InsertionTable *table;
} Insertion;

/* The rows of one run. */
typedef struct NewRows
{
	Insertion *insertion;
	uint64 count; /* values, by row and column */
	uint64 size;
	Datum *values;
	bool *nulls;
} NewRows;

extern NewRows insertion_begin(Insertion *insertion);

/*
 * Values in the order of the insertion's columns, row after row; NULL for SQL's NULL.  What
 * new_rows_put and new_rows_put_jsonb point to must last until the rows are inserted.
 */
extern void new_rows_put(NewRows *rows, Datum value);
extern void new_rows_put_uuid(NewRows *rows, const pg_uuid_t *value);
extern void new_rows_put_text(NewRows *rows, const char *value);
extern void new_rows_put_jsonb(NewRows *rows, const Jsonb *value);
extern void new_rows_put_null(NewRows *rows);

/* Inserts the rows and frees them; an ERROR (XX000) unless all were inserted.  No rows: nothing. */
extern void insertion_run(NewRows *rows);

/* For other statements on NEW_ROWS: around making one, and around running it.  store NULL: none. */
extern void new_rows_register(TupleDesc descriptor, Tuplestorestate *store);
extern void new_rows_unregister(void);

#endif
