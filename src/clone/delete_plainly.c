/*
 * delete_plainly.c
 *		Deletes rows that a publication keeps everybody from deleting.
 *
 * A publication of deletions refuses every DELETE on a table that has neither a key nor a replica
 * identity, whether or not there is a row, also one that a foreign key's ON DELETE CASCADE sends.  What a
 * failed clone has made must go all the same.  Such rows are deleted without the executor: nothing
 * refers to them (clone_refuse_references), users' triggers don't fire, and subscribers can't be told.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/binding.h"
#include "base/compat.h"
#include "base/extension.h"

VMCLONE_FUNCTION_INFO(vmclone_clone_delete_plainly);

/*
 * clone_delete_plainly(target regclass, rows tid[]): in an inventory frame, rows of a table of the
 * inventory.  Nobody but the table's owner gets there, who could as well drop its constraints.
 */
Datum
vmclone_clone_delete_plainly(PG_FUNCTION_ARGS)
{
	Relation table = table_open(PG_GETARG_OID(0), RowExclusiveLock);
	Datum *rows;
	bool *nulls;
	int count;

	if (!InSecurityRestrictedOperation() || table->rd_rel->relowner != GetUserId() ||
		GetUserId() != binding_look_up()->owner || table->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to delete rows plainly"),
						errhint("Only the cleaning of a failed clone does it.")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TIDOID, sizeof(ItemPointerData), false,
					  TYPALIGN_SHORT, &rows, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			simple_table_tuple_delete(table, (ItemPointer) DatumGetPointer(rows[i]),
									  GetActiveSnapshot());
	}
	table_close(table, NoLock);
	CommandCounterIncrement();
	PG_RETURN_VOID();
}
