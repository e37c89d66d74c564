/*
 * foreign_keys.h
 *		Foreign keys of rows that are being inserted: looked up at once where nothing speaks against it.
 */
#ifndef VMCLONE_FOREIGN_KEYS_H
#define VMCLONE_FOREIGN_KEYS_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/relcache.h"

typedef struct ForeignKeys ForeignKeys;

/* The target's triggers are open; NULL: it has no foreign key that can be looked up here. */
extern ForeignKeys *foreign_keys_begin(EState *state, ResultRelInfo *target);

/*
 * The row is in the table.  Looks up the rows that its foreign keys name, by index, and locks them FOR KEY
 * SHARE, as the constraints' triggers do, once for each value until a function that a row has set off
 * writes something.  The trigger of a key that was found is switched off for this row; any other one has
 * to do its work, and raises the error if there is one.
 */
extern void foreign_keys_check(ForeignKeys *keys, TupleTableSlot *row);

extern void foreign_keys_end(ForeignKeys *keys);

/* A key's trigger looks its row up as the owner of the table, who may have lost the right to that. */
extern bool foreign_keys_owner_may_lock(Relation referenced);

#endif
