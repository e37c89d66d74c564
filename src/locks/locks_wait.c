/*
 * locks_wait.c
 *		Waits for rows that other transactions have locked, up to vmclone.lock_wait for each.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/errors.h"
#include "base/settings.h"
#include "locks/locks_internal.h"
#include "locks/row_holders.h"

#define KEY_OBJECT_LOCKED "ACTION_TYPE_FAILED_OBJECT_LOCKED"

static void
set_lock_timeout(void)
{
	char value[32];

	/* a lock_timeout of 0 would wait for ever */
	snprintf(value, sizeof(value), "%d", Max(vmclone_lock_wait, 1));
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

uint64
locks_wait_for(Statement *statement, const Datum *values, const char *what, const char *held)
{
	volatile uint64 rows = 0;
	MemoryContext context = CurrentMemoryContext;

	set_lock_timeout();
	PG_TRY();
	{
		rows = statement_run(statement, values, NULL);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_VC_LOCKED),
				 errmsg("could not lock %s within %d ms", what, vmclone_lock_wait),
				 errkey(KEY_OBJECT_LOCKED),
				 held ? errdetail("%s: %s", KEY_OBJECT_LOCKED, held)
					  : errdetail("%s.", KEY_OBJECT_LOCKED),
				 errhint("Another call holds it in an open transaction.  Try again, or raise "
						 "vmclone.lock_wait; a prepared transaction ends by COMMIT PREPARED or "
						 "ROLLBACK PREPARED.")));
	}
	PG_END_TRY();
	return rows;
}

uint64
locks_run_waiting(Statement *statement, const Datum *values, const char *what, const char *table)
{
	return locks_wait_for(statement, values, what, prepared_writers(table));
}
