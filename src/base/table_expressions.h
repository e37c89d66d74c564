/*
 * table_expressions.h
 *		CHECK constraints, conditions of BEFORE triggers and what indexes compute of a table, ready to run for the session.
 *
 * An executor reads and compiles them for each statement, which takes longer than a few rows do.
 */
#ifndef VMCLONE_TABLE_EXPRESSIONS_H
#define VMCLONE_TABLE_EXPRESSIONS_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/relcache.h"

typedef struct TableExpressions TableExpressions;

/* Of the table as it is now; valid until the next call. */
extern TableExpressions *table_expressions(Relation relation);

/*
 * True if no column is null that must not be, and all CHECK constraints hold.  False: ExecConstraints
 * has to tell what is wrong, if anything is; also where a CHECK's own function has led here.
 */
extern bool table_constraints_hold(TableExpressions *expressions, TupleTableSlot *row);

typedef struct IndexUse IndexUse;

/*
 * Opens the target's indexes as ExecOpenIndices does, with their expressions and predicates ready to run.  These are in
 * use until the caller is done with them, or an error ends the state.
 */
extern IndexUse *table_open_indexes(EState *state, ResultRelInfo *target);
extern void table_indexes_done(IndexUse *use);

/* How often a table, function, type, constraint or schema has changed so far: what is derived from them holds until then. */
extern uint64 table_changes(void);

/* Expressions ready to run, kept with a table's description; all zeros at first. */
typedef struct KeptExpressions
{
	MemoryContext context;
	uint64 changes; /* when they were made */
	Oid user_id;
	ExprState **states; /* NULL: in use, or none */
} KeptExpressions;

/*
 * States of the expressions, which are not planned; NULLs among them stay.  Made anew, in a context below parent, after any
 * change.  They are the caller's alone until they are given back; an error makes that unnecessary.
 */
extern ExprState **kept_expressions_take(KeptExpressions *kept, MemoryContext parent,
										 Expr *const *expressions, int count);
extern void kept_expressions_give_back(KeptExpressions *kept, ExprState **states);

/* True if the conditions of all BEFORE INSERT triggers for each row say that none fires; false where such a condition has led here. */
extern bool table_no_trigger_fires(TableExpressions *expressions, TupleTableSlot *row);

#endif
