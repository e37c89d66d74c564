/*
 * row_holders.c
 *		Whose open transaction has locked a row, or may have.
 *
 * A row's xmax names its locker, or a group of lockers (a multixact), which no SQL function tells
 * apart; so the tuple's header is read.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/multixact.h"
#include "access/subtrans.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/statement.h"
#include "locks/row_holders.h"

static Statement prepared_transaction = {
	.sql = "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE transaction = $1",
	.argument_count = 1,
	.argument_types = {XIDOID},
};

static Statement some_prepared = {.sql = "SELECT FROM pg_prepared_xact() LIMIT 1"};

/* Locks without a process are prepared transactions'; the one on its own number says which has them. */
static Statement writers = {
	.sql = "SELECT string_agg(format('\"%s\"', p.gid), ', ' ORDER BY p.prepared, p.gid), count(*)"
		   " FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database() AND EXISTS"
		   "  (SELECT FROM pg_catalog.pg_locks own"
		   "   JOIN pg_catalog.pg_locks l USING (virtualtransaction)"
		   "   WHERE own.transactionid = p.transaction AND own.mode = 'ExclusiveLock'"
		   "    AND own.pid IS NULL AND l.pid IS NULL AND l.locktype = 'relation'"
		   "    AND l.relation = $1::regclass AND l.mode = 'RowExclusiveLock')",
	.argument_count = 1,
	.argument_types = {TEXTOID},
};

/* Columns of writers. */
enum WriterColumn
{
	WRITER_NAMES = 1,
	WRITER_COUNT,
};

static void
append_prepared(StringInfo text, TransactionId xid)
{
	Datum value = TransactionIdGetDatum(xid);

	if (statement_run(&prepared_transaction, &value, NULL) == 1)
		appendStringInfo(text, "the prepared transaction \"%s\"", field_text(0, ONLY_COLUMN));
	else
		appendStringInfoString(text, "another transaction");
}

/* False for a transaction that is over, or is the caller's own. */
static bool
append_transaction(StringInfo text, TransactionId xid, bool first)
{
	int pid;

	if (!TransactionIdIsNormal(xid) || TransactionIdIsCurrentTransactionId(xid) ||
		!TransactionIdIsInProgress(xid))
		return false;
	xid = SubTransGetTopmostTransaction(xid);
	pid = BackendXidGetPid(xid);
	appendStringInfoString(text, first ? " by " : " and ");
	if (pid != 0)
		appendStringInfo(text, "the open transaction of process %d", pid);
	else
		append_prepared(text, xid);
	return true;
}

bool
append_row_holders(StringInfo text, Oid table_id, ItemPointer tid)
{
	Relation relation = table_open(table_id, AccessShareLock);
	HeapTupleData tuple = {.t_self = *tid};
	TransactionId xmax = InvalidTransactionId;
	uint16 infomask = HEAP_XMAX_INVALID;
	Buffer buffer;
	bool found = false;

	if (heap_fetch(relation, SnapshotAny, &tuple, &buffer, false))
	{
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		infomask = tuple.t_data->t_infomask;
		xmax = HeapTupleHeaderGetRawXmax(tuple.t_data);
		UnlockReleaseBuffer(buffer);
	}
	table_close(relation, NoLock);
	if (infomask & HEAP_XMAX_INVALID)
		return false;
	if (infomask & HEAP_XMAX_IS_MULTI)
	{
		MultiXactMember *members;
		int count =
			GetMultiXactIdMembers(xmax, &members, false, HEAP_XMAX_IS_LOCKED_ONLY(infomask));

		for (int i = 0; i < count; i++)
			found |= append_transaction(text, members[i].xid, !found);
	}
	else
		found = append_transaction(text, xmax, true);
	return found;
}

const char *
prepared_writers(const char *table)
{
	Datum value;

	/* nearly always; the question would cost each call a look at all locks */
	if (max_prepared_xacts == 0 || statement_run(&some_prepared, NULL, NULL) == 0)
		return NULL;
	value = CStringGetTextDatum(table);
	statement_run_one_row(&writers, &value, NULL);
	if (field_is_null(0, WRITER_NAMES))
		return NULL;
	return psprintf(field_int64(0, WRITER_COUNT) == 1
						? "the prepared transaction %s has written there."
						: "the prepared transactions %s have written there.",
					field_text(0, WRITER_NAMES));
}
