/*
 * index_lookup.h
 *		Rows of a table found by one column, without a statement.
 */
#ifndef VMCLONE_INDEX_LOOKUP_H
#define VMCLONE_INDEX_LOOKUP_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/*
 * The rows whose column has one of the keys (of the column's type, not null), in the keys' order; as
 * the snapshot has them, *count of them, copied, with their t_self.  False: only a statement can do that,
 * as of a view, under row security, or where no index begins with the column.  The table is locked.
 */
extern bool index_lookup(Relation relation, AttrNumber column, const Datum *keys, int key_count,
						 Snapshot snapshot, HeapTuple **rows, int *count);

#endif
