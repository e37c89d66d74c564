/*
 * row_copy.h
 *		Whole rows copied within a table of the inventory, set-based (decisions.md, "Rows are copied
 *		whole").
 *
 * A copy takes every column that the table has, so that columns vmclone has never heard of come
 * along: the source row, overlays laid over it, and a few columns that differ in every new row.
 * Generated and identity columns are left to the server, serial ones get a new number.  Where there
 * is no source row, columns that no overlay names get their defaults.  One statement reads the
 * sources of a table, one inserts the new rows; both are kept for the session and made anew when
 * the table changes.
 *
 * All functions run in an inventory frame with an SPI connection.
 */
#ifndef VMCLONE_ROW_COPY_H
#define VMCLONE_ROW_COPY_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"
#include "utils/uuid.h"

#define ROW_COPY_MAX_COLUMNS  5
#define ROW_COPY_MAX_OVERLAYS 8
#define ROW_COPY_MAX_SETTINGS 16

/* A column given for every new row: UUIDOID or TEXTOID, cast to the column's own type. */
typedef struct RowCopyColumn
{
	const char *name;
	Oid type;
} RowCopyColumn;

/* What is copied; a static object, since the statements are kept with it. */
typedef struct RowCopyTarget
{
	const char *relation;
	const char *key;        /* uuid column that finds a source row */
	const char *second_key; /* another one, or NULL: few rows share it, key is unique among them */
	int column_count;
	RowCopyColumn columns[ROW_COPY_MAX_COLUMNS];
	struct RowCopyTable *table; /* NULL until the first run */
} RowCopyTarget;

typedef struct RowCopy RowCopy;

/* True if the bound inventory has the table; some tables are optional. */
extern bool inventory_has_table(const char *relation);

/* Opens a table of the bound inventory; 42P01 if there is none. */
extern Relation inventory_open(const char *relation, LOCKMODE lock_mode);

/* second_key: of all sources; NULL where the target has none, or no row is to be copied from. */
extern RowCopy *row_copy_begin(RowCopyTarget *target, const pg_uuid_t *second_key);

/*
 * A row to copy from; returns its number.  key NULL: there is none, defaults apply.  overlays:
 * objects keyed by column name (keys that are no columns are ignored), low to high, up to
 * ROW_COPY_MAX_OVERLAYS, NULLs among them skipped.  Values are read as jsonb_populate_record reads
 * them, and only those that no higher overlay replaces.
 */
extern int row_copy_source(RowCopy *copy, const pg_uuid_t *key, const Jsonb *const *overlays,
						   int overlay_count);

/*
 * A column's value above all overlays: a text as the column's type reads it, NULL for null; up to ROW_COPY_MAX_SETTINGS,
 * each column once.  Ignored where there is no such column.  Both must last until the run.
 */
extern void row_copy_set(RowCopy *copy, int source, const char *column, const char *text);

/* A new row from a source; values in the order of target->columns, NULL for SQL's NULL. */
extern void row_copy_row(RowCopy *copy, int source, const void *const *values);

/* Inserts all rows in one statement; returns how many.  No rows: runs nothing. */
extern uint64 row_copy_run(RowCopy *copy);

/*
 * Checks a caller's overlay against a table: ERRCODE_INVALID_PARAMETER_VALUE (22023) names a key
 * that is no column, or a generated one; a value of the wrong type, or null where the column
 * doesn't take it, is an error of the type's own SQLSTATE that names key and table.
 */
extern void row_overlay_check(const char *relation, const Jsonb *overlay, const char *parameter);

#endif
