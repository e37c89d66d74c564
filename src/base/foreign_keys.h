/*
 * foreign_keys.h
 *		Foreign keys of rows that are being inserted: looked up at once where nothing speaks against it.
 */
#ifndef VMCLONE_FOREIGN_KEYS_H
#define VMCLONE_FOREIGN_KEYS_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "nodes/execnodes.h"

typedef struct ForeignKeys ForeignKeys;

/* The target's triggers are open; NULL: it has no foreign key that can be looked up here. */
extern ForeignKeys *foreign_keys_begin(EState *state, ResultRelInfo *target);

/*
 * The row is in the table.  Looks up the rows that its foreign keys name, by index, and locks them FOR KEY
 * SHARE, as the constraints' triggers do, once for each value.  The trigger of a key that was found is
 * switched off for this row; any other one has to do its work, and raises the error if there is one.
 */
extern void foreign_keys_check(ForeignKeys *keys, TupleTableSlot *row);

/* Looks up again what was found: a trigger has run, which may have taken it away. */
extern void foreign_keys_forget(ForeignKeys *keys);

extern void foreign_keys_end(ForeignKeys *keys);

#endif
