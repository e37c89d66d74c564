/*
 * checks.h
 *		The whole canDoAction, table-driven: adding a check is adding one row to the table in
 *		checks.c and one function in the checks_*.c of its family.
 */
#ifndef VMCLONE_CHECKS_H
#define VMCLONE_CHECKS_H

#include "base/errors.h"
#include "plan/plan.h"

typedef enum CheckPhase
{
	CHECK_ALWAYS = 1 << 0, /* before the locks, and in can_add_… */
	CHECK_AFTER_LOCKS =
		1 << 1,          /* depends on what other calls take: after the locks, in a new snapshot */
	CHECK_USER = 1 << 2, /* only for calls on behalf of an engine user */
} CheckPhase;

/* Steps of the table that others look for in the refusals. */
#define STEP_USER_MAY_CLONE         500
#define STEP_SNAPSHOT_EXISTS        1100
#define STEP_CONFIGURATION_IS_WHOLE 1300
#define STEP_CONFIGURATION_READABLE 1600

#define CHECK_ALL (CHECK_ALWAYS | CHECK_AFTER_LOCKS | CHECK_USER)

/*
 * Runs the checks of the given phases in order; returns all refusals (Refusal *), in step order.
 * Where one of CHECK_ALWAYS refuses the call, the other phases run as well, so that the caller
 * learns everything at once.  In an inventory frame, with an SPI connection.
 */
extern List *checks_run(const ClonePlan *plan, int phases);

#endif
