/*
 * index_lookup.h
 *		Rows of a table found by one column or two, without a statement.
 */
#ifndef VMCLONE_INDEX_LOOKUP_H
#define VMCLONE_INDEX_LOOKUP_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#define INDEX_LOOKUP_MAX_COLUMNS 2

/*
 * The rows whose columns have the values of one of the keys (of the columns' types, not null; key after key), in the
 * keys' order; as the snapshot has them, *count of them, copied, with their t_self.  False: only a statement can do
 * that, as of a view, under row security, or where no index begins with the columns.  The table is locked.
 */
extern bool index_lookup(Relation relation, const AttrNumber *columns, int column_count,
						 const Datum *keys, int key_count, Snapshot snapshot, HeapTuple **rows,
						 int *count);

/*
 * The rows of which lower() of a text or varchar lies between the first and the last of the texts, in the order of an
 * index on that, whichever that is: all that have one of the texts are among them.
 */
extern bool index_lookup_near_lowered(Relation relation, AttrNumber column, const Datum *texts,
									  int text_count, Snapshot snapshot, HeapTuple **rows,
									  int *count);

#endif
