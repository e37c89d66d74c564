/*
 * index_lookup.h
 *		Rows of a table found by one column, without a statement.
 */
#ifndef VMCLONE_INDEX_LOOKUP_H
#define VMCLONE_INDEX_LOOKUP_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/relcache.h"

/*
 * The rows whose column has one of the keys (of the column's type, not null), in the keys' order; as a
 * SELECT of the current user sees them now, *count of them, copied.  False: only a statement can do that,
 * as of a view, under row security, or where no index begins with the column.  The table is locked.
 */
extern bool index_lookup(Relation relation, AttrNumber column, const Datum *keys, int key_count,
						 HeapTuple **rows, int *count);

#endif
