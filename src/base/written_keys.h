/*
 * written_keys.h
 *		Ids of rows that table_writer.c has just inserted, for foreign keys of rows that it inserts next.
 *
 * Nobody else can take such a row away, and they are forgotten where this transaction may have: as soon as anything but
 * the writers, one after the other, has been a command that writes.
 */
#ifndef VMCLONE_WRITTEN_KEYS_H
#define VMCLONE_WRITTEN_KEYS_H

#include "postgres.h"

#include "access/attnum.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/uuid.h"

/*
 * A writer begins, of rows that command inserts.  Returns the column of the target by which foreign keys may find its
 * rows here; 0: there is none.
 */
extern AttrNumber written_keys_begin(const ResultRelInfo *target, CommandId command);

/* The row is in the table; keys to it are known when its writer has ended. */
extern void written_keys_note(AttrNumber column, TupleTableSlot *row, CommandId command);

/* The writer has ended, and a new command has begun. */
extern void written_keys_end(CommandId command);

/* False: it isn't known whether there is such a row, for a row that command inserts. */
extern bool written_keys_have(Oid relation_id, AttrNumber column, const pg_uuid_t *id,
							  CommandId command);

#endif
