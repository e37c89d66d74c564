/*
 * wake.c
 *		Tells the worker, at commit, that there is work.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "wake.h"
#include "worker.h"

static bool wake_wanted = false;

/* Runs after the commit is recorded: nothing here may raise an error. */
static void
at_end_of_transaction(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (wake_wanted)
			{
				wake_wanted = false;
				/* Without a free slot the launcher, or the next call, tries again. */
				(void) worker_wake();
			}
			break;
		case XACT_EVENT_PREPARE:
			/* Gets a worker to be there; its safety poll finds the rows after COMMIT PREPARED. */
			if (wake_wanted)
			{
				wake_wanted = false;
				(void) worker_wake();
			}
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
	wake_wanted = true;
}
