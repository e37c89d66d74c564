/*
 * checks.h
 *		The whole canDoAction, table-driven: adding a check is adding one row to the table in
 *		checks.c and one function in the checks_*.c of its family.
 */
#ifndef VMCLONE_CHECKS_H
#define VMCLONE_CHECKS_H

#include "errors.h"
#include "plan.h"

typedef enum CheckPhase
{
	CHECK_ALWAYS = 1 << 0,	   /* before the locks, and in can_add_… */
	CHECK_AFTER_LOCKS = 1 << 1, /* depends on what is locked meanwhile: again, in a new snapshot */
	CHECK_USER = 1 << 2,	   /* only for calls on behalf of an engine user */
} CheckPhase;

/* Runs the checks of a phase in order; returns all refusals (Refusal *), in step order. */
extern List *checks_run(const ClonePlan *plan, int phases);

#endif
