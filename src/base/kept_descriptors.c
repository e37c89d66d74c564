/*
 * kept_descriptors.c
 *		What tables' rows are read by, kept for the session.
 *
 * The relation cache's own one lasts only as long as the table is open, and a copy for each look at a table of a
 * hundred columns costs as much as some rows.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/kept_descriptors.h"
#include "base/table_expressions.h"

#define KEPT_MOST 256

typedef struct KeptDescriptor
{
	Oid relation_id; /* invalid: the place is free */
	uint64 changes;  /* of tables, when it was copied */
	MemoryContext context;
	TupleDesc descriptor;
} KeptDescriptor;

static KeptDescriptor all_kept[KEPT_MOST];

/* Rows that have been read may still be read by it. */
static void
give_away(KeptDescriptor *kept)
{
	if (OidIsValid(kept->relation_id))
		MemoryContextSetParent(kept->context, TopTransactionContext);
	kept->relation_id = InvalidOid;
}

TupleDesc
kept_descriptor(Relation relation)
{
	Oid relation_id = RelationGetRelid(relation);
	KeptDescriptor *kept = &all_kept[murmurhash32(relation_id) % KEPT_MOST];
	uint64 changes = table_changes();
	MemoryContext callers;

	if (kept->relation_id == relation_id && kept->changes == changes)
		return kept->descriptor;
	give_away(kept);
	kept->context = AllocSetContextCreate(CurrentMemoryContext, "vmclone table descriptor",
										  ALLOCSET_SMALL_SIZES);
	callers = MemoryContextSwitchTo(kept->context);
	kept->descriptor = CreateTupleDescCopy(RelationGetDescr(relation));
	MemoryContextSwitchTo(callers);
	MemoryContextSetParent(kept->context, CacheMemoryContext);
	kept->relation_id = relation_id;
	kept->changes = changes;
	return kept->descriptor;
}
