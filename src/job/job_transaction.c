/*
 * job_transaction.c
 *		The worker's short transactions.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "base/frame.h"
#include "job/job_transaction.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Milliseconds before the log is told once more what it was told last. */
#define REPEAT_INTERVAL_MS 60000

/*
 * The worker tries again a second later: as long as somebody's open transaction holds a table, the
 * log is told once a minute.
 */
static void
report(const ErrorData *error)
{
	static char last[256] = "";
	static TimestampTz told_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (strncmp(last, error->message, sizeof(last) - 1) == 0 && now >= told_at &&
		!TimestampDifferenceExceeds(told_at, now, REPEAT_INTERVAL_MS))
		return;
	strlcpy(last, error->message, sizeof(last));
	told_at = now;
	EmitErrorReport();
}

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
		report(error);
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
