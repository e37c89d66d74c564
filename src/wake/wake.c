/*
 * wake.c
 *		Tells the worker, at commit, that there is work.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "wake/wake.h"
#include "wake/worker_presence.h"

static bool wake_wanted = false;

static void
warn_without_worker(void)
{
	ereport(WARNING,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("could not start the vmclone worker: no background worker slot is free"),
			 errdetail("What was asked for waits until a worker runs."),
			 errhint("Raise \"max_worker_processes\", or free a slot and run SELECT "
					 "vmclone.start_worker().")));
}

/*
 * What can fail is done before the commit, when an error still ends the transaction: an error behind
 * it would end the server.  Behind it only latches are set.  A worker that is there at that time
 * doesn't exit before the transaction has ended (worker_expect_call), so that it sees the rows.
 */
static void
at_end_of_transaction(XactEvent event, void *argument)
{
	if (!wake_wanted)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (!worker_ensure())
				warn_without_worker();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			/* of a prepared transaction the worker's safety poll finds the rows in the end */
			wake_wanted = false;
			(void) worker_wake();
			break;
		case XACT_EVENT_ABORT:
			wake_wanted = false;
			break;
		default:
			break;
	}
}

void
wake_initialize(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
}

void
wake_worker_at_commit(void)
{
	if (!launcher_present())
		worker_expect_call();
	wake_wanted = true;
}

bool
wake_worker_now(void)
{
	if (worker_is_running() || (worker_ensure() && worker_wake()))
		return true;
	warn_without_worker();
	return false;
}
