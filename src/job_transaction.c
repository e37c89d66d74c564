/*
 * job_transaction.c
 *		The worker's short transactions.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "frame.h"
#include "job_transaction.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

char *
job_transaction(JobUnit unit, void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	char *volatile problem = NULL;

	PG_TRY();
	{
		Frame frame;

		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		SPI_connect();
		frame_enter_own(&frame);
		unit(argument);
		frame_leave(&frame);
		SPI_finish();
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		ErrorData *error;

		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		problem = error->detail != NULL ? psprintf("%s (%s)", error->message, error->detail)
										: pstrdup(error->message);
		EmitErrorReport();
		FlushErrorState();
		FreeErrorData(error);
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	/* Without these two autovacuum never learns of what a background worker writes. */
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return problem;
}
