/*
 * table_writer.h
 *		Rows inserted into a table without a statement, as COPY and logical replication's apply worker do.
 *
 * What an INSERT does to a row happens here too: BEFORE and AFTER triggers, generated columns, CHECK
 * and NOT NULL, unique indexes, foreign keys; as the current user.  What it doesn't spend is planning,
 * starting an executor, and a statement for each foreign key of each row.
 */
#ifndef VMCLONE_TABLE_WRITER_H
#define VMCLONE_TABLE_WRITER_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/relcache.h"

typedef struct TableWriter TableWriter;

/*
 * True if rows can be written so, with just what an INSERT would do: no view, foreign or partitioned
 * table or partition, no rules, no row security, rights on the table, and nobody who wants to see statements.
 */
extern bool table_writer_can(Relation relation);

/* The table is locked with RowExclusiveLock, and stays so. */
extern TableWriter *table_writer_begin(Relation relation);

/*
 * The next row's slot, empty: tts_values and tts_isnull of all columns of the table are to be filled in,
 * those of generated and dropped ones with null; then table_writer_put.  Values must last until the end.
 */
extern TupleTableSlot *table_writer_slot(TableWriter *writer);
extern void table_writer_put(TableWriter *writer);

/* Writes what is left, fires the triggers; returns how many rows were inserted. */
extern uint64 table_writer_end(TableWriter *writer);

#endif
