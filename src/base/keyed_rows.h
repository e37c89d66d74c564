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
#include "utils/jsonb.h"
#include "utils/timestamp.h"
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
	/* the row whose fields were asked for last, taken apart as far as they were */
	struct TupleTableSlot *reader;
	int read_row;
} KeyedRows;

/* What a look sees. */
typedef enum KeyedSnapshot
{
	KEYED_NOW, /* what a statement would: the transaction's own changes, and by isolation level */
	KEYED_LATEST, /* what is committed now, under every isolation level: for checks */
	KEYED_ACTIVE  /* what the snapshot of keyed_begin_snapshot has */
} KeyedSnapshot;

/*
 * All columns of the rows whose column is one of the ids, each once, in any order.  relation: as in SQL, for
 * the frame.  With an SPI connection; palloc'd.
 */
extern KeyedRows *keyed_rows(const char *relation, const char *column, const pg_uuid_t *ids,
							 int count, KeyedSnapshot snapshot);

/* Between them, rows of several tables can be read by one snapshot, as a statement would. */
extern void keyed_begin_snapshot(void);
extern void keyed_end_snapshot(void);

/*
 * The rows whose two columns have the values of one of the keys, in the keys' order: pairs of the columns' types (a text for a
 * varchar), each once.  is_indexed is false, and there are none, where only a statement can read them.
 */
extern KeyedRows *keyed_rows_by_pairs(const char *relation, const char *const columns[2],
									  const Datum *keys, int count, KeyedSnapshot snapshot);

/* The same by one column, a text or varchar, for texts that are each another one. */
extern KeyedRows *keyed_rows_by_texts(const char *relation, const char *column, char *const *texts,
									  int count, KeyedSnapshot snapshot);

/*
 * All rows of which lower(column) is one of the texts (a text or varchar; at least one), and whatever else lies between
 * these in an index on that: for neighbours, of which one look finds all.  is_indexed as above.
 */
extern KeyedRows *keyed_rows_near_lowered(const char *relation, const char *column,
										  char *const *texts, int count, KeyedSnapshot snapshot);

/*
 * Whether the numbered rows (numbers NULL: the first count) are still there as they were found.  False where they were not
 * found by an index.
 */
extern bool keyed_rows_are_current(const KeyedRows *rows, const int *numbers, int count,
								   KeyedSnapshot snapshot);

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
/* Reads what the field's value is kept in beside the row, so that who reads it after this one needn't. */
extern void keyed_detoast(const KeyedRows *rows, int row, const char *column);

extern bool keyed_is_null(const KeyedRows *rows, int row, const char *column);
extern char *keyed_text(const KeyedRows *rows, int row, const char *column);
extern pg_uuid_t keyed_uuid(const KeyedRows *rows, int row, const char *column);
extern int64 keyed_int64(const KeyedRows *rows, int row, const char *column);
extern bool keyed_bool(const KeyedRows *rows, int row, const char *column);

extern TimestampTz keyed_time(const KeyedRows *rows, int row, const char *column,
							  TimestampTz if_null);
extern bool keyed_has_column(const KeyedRows *rows, const char *column);

/* The row as to_jsonb has it. */
extern Jsonb *keyed_json(const KeyedRows *rows, int row);

/* The rows' ids as ORDER BY name_column, id_column has them; palloc'd, as many as there are rows. */
extern pg_uuid_t *keyed_ids_by_name(const KeyedRows *rows, const char *id_column,
									const char *name_column);

#endif
