/*
 * table_updater.h
 *		Columns of rows set without a statement, as logical replication's apply worker does.
 */
#ifndef VMCLONE_TABLE_UPDATER_H
#define VMCLONE_TABLE_UPDATER_H

#include "postgres.h"

#include "base/keyed_rows.h"

/* A column that is set to values of that type, which is its own; a text may be a varchar's. */
typedef struct UpdatedColumn
{
	const char *name;
	Oid type;
} UpdatedColumn;

/*
 * Sets columns of the numbered rows, which this transaction has locked since they were found (keyed_rows_lock), to
 * the values: not null, row after row.  What an UPDATE does to a row happens here too: triggers, CHECK and NOT NULL,
 * indexes; as the current user.
 *
 * False, and nothing was done: only a statement can do that.  Of a view, a foreign or partitioned table or
 * partition, with rules or row security, without rights on the table, or where somebody wants to see statements; where
 * a BEFORE trigger of each row or a generated column is; where a value doesn't fit its column as it is.
 */
extern bool table_update(const KeyedRows *rows, const int *numbers, int count,
						 const UpdatedColumn *columns, int column_count, const Datum *values);

#endif
