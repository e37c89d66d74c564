/*
 * keyed_rows.h
 *		Rows of a table found by a uuid column, and their fields by name.
 *
 * For what is one row, or a few, by key: a look into an index costs a fifth of a statement.  Where
 * only a statement can read the table it is one all the same.
 */
#ifndef VMCLONE_KEYED_ROWS_H
#define VMCLONE_KEYED_ROWS_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "nodes/lockoptions.h"
#include "storage/lockdefs.h"
#include "utils/uuid.h"

/* A table or view by its name in SQL, locked; InvalidOid: there is none. */
extern Oid relation_of_name(const char *name, LOCKMODE lock_mode);

typedef struct KeyedRows
{
	Oid relation_id;
	bool is_indexed; /* rows have their t_self */
	TupleDesc descriptor;
	HeapTuple *rows;
	int count;
} KeyedRows;

/* What a look sees. */
typedef enum KeyedSnapshot
{
	KEYED_NOW,   /* what a statement would: the transaction's own changes, and by isolation level */
	KEYED_LATEST /* what is committed now, under every isolation level: for checks */
} KeyedSnapshot;

/*
 * All columns of the rows whose column is one of the ids, each once, in any order.  relation: as in SQL, for
 * the frame.  With an SPI connection; palloc'd.
 */
extern KeyedRows *keyed_rows(const char *relation, const char *column, const pg_uuid_t *ids,
							 int count, KeyedSnapshot snapshot);

/* The only row, or NULL. */
extern KeyedRows *keyed_row(const char *relation, const char *column, const pg_uuid_t *id);

/*
 * Locks the numbered rows as they were found, one after the other; false: somebody has one locked, or has changed
 * it since, so that only a statement can tell.  Nothing waits; those before it stay locked.
 */
extern bool keyed_rows_lock(const KeyedRows *rows, const int *numbers, int count,
							LockTupleMode mode);

/* Fields by name, an ERROR if the table has no such column; as field_text and its like (statement.h). */
extern Datum keyed_field(const KeyedRows *rows, int row, const char *column, Oid *type,
						 bool *is_null);
extern bool keyed_is_null(const KeyedRows *rows, int row, const char *column);
extern char *keyed_text(const KeyedRows *rows, int row, const char *column);
extern pg_uuid_t keyed_uuid(const KeyedRows *rows, int row, const char *column);
extern int64 keyed_int64(const KeyedRows *rows, int row, const char *column);
extern bool keyed_bool(const KeyedRows *rows, int row, const char *column);

#endif
