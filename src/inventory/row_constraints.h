/*
 * row_constraints.h
 *		Which constraints new rows of an inventory table would violate, told before they are written.
 *
 * Foreign keys, CHECK and NOT NULL constraints are read from the catalog, so that those of a real
 * engine's table, or of its administrator, count as those of vmclone's own.  Not foreseen: unique
 * and exclusion constraints, constraint triggers, CHECK constraints on generated columns, and
 * foreign keys to tables that the inventory's owner may not read.
 */
#ifndef VMCLONE_ROW_CONSTRAINTS_H
#define VMCLONE_ROW_CONSTRAINTS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

typedef enum ConstraintKind
{
	CONSTRAINT_KIND_FOREIGN_KEY,
	CONSTRAINT_KIND_CHECK,
	CONSTRAINT_KIND_NOT_NULL,
} ConstraintKind;

typedef struct RowViolation
{
	ConstraintKind kind;
	int row;          /* index of the row */
	const char *name; /* the constraint's; of NOT NULL the column's */
	List *columns;    /* char *, those that it is about */
	const char *what; /* the referenced table, the CHECK's expression, or NULL */
} RowViolation;

/*
 * rows: objects that hold all values of a new row by column; columns that one lacks get their
 * defaults.  given: char *, the columns whose values the caller chose; constraints that name none
 * of them are left out, and so are foreign keys that name one of settled (NULL-ended, always the same
 * for a table).  Runs one statement, whose plan is kept until the table changes, and none where no
 * constraint is left.  Returns RowViolation *, by row, whose words live as long as the plan.
 * In an inventory frame: CHECK expressions run as they do when the row is written.
 */
extern List *row_constraints_violated(const char *relation, Jsonb *const *rows, int row_count,
									  const List *given, const char *const *settled);

#endif
