/*
 * table_expressions.h
 *		CHECK constraints and the conditions of BEFORE triggers of a table, ready to run for the session.
 *
 * An executor reads and compiles them for each statement, which takes longer than a few rows do.
 */
#ifndef VMCLONE_TABLE_EXPRESSIONS_H
#define VMCLONE_TABLE_EXPRESSIONS_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/relcache.h"

typedef struct TableExpressions TableExpressions;

/* Of the table as it is now; valid until the next call. */
extern TableExpressions *table_expressions(Relation relation);

/*
 * True if no column is null that must not be, and all CHECK constraints hold.  False: ExecConstraints
 * has to tell what is wrong, if anything is; also where a CHECK's own function has led here.
 */
extern bool table_constraints_hold(TableExpressions *expressions, TupleTableSlot *row);

/* True if the conditions of all BEFORE INSERT triggers for each row say that none fires; false where such a condition has led here. */
extern bool table_no_trigger_fires(TableExpressions *expressions, TupleTableSlot *row);

#endif
