/*
 * locks.h
 *		Row locks for the length of the call, lasting locks for the length of the copy
 *		(decisions.md, "The lasting lock").
 */
#ifndef VMCLONE_LOCKS_H
#define VMCLONE_LOCKS_H

#include "plan/plan.h"
#include "base/statement.h"

/*
 * Takes the row locks on the snapshot, every image of the chains and the images that stand directly
 * on these, without waiting, in one fixed order, then the lasting locks: status LOCKED,
 * image_locks, lock_state.  The chain goes from its first image to the selected one; of an engine's VM
 * that is down whole disks are held.  Images of a
 * template are held shared and keep their status.  In an inventory frame.  ERRCODE_VC_LOCKED names
 * every row that someone else holds, with the pid of an uncommitted holder or the job of a lasting
 * one.  What the rows say under their locks and the plan doesn't goes into plan->chain_changes.
 */
extern void locks_take(ClonePlan *plan, const pg_uuid_t *call_id);

/*
 * Gives back what a holder holds; the last holder of an entity restores its earlier status by
 * compare-and-set: a status that somebody else has written since, LOCKED too, stays.  Idempotent.
 */
extern void locks_release(const pg_uuid_t *call_id);

/*
 * In a database that came out of a dump the rows have other versions: from now on a status LOCKED of
 * what is held counts as ours.  In the extension's own frame.
 */
extern void locks_forget_versions(void);

/*
 * Locks and updates the rows that unrelated calls count (quota, storage domains, MAC pool, pool),
 * waiting up to vmclone.lock_wait, in one fixed order, so that only one call at a time counts.
 * Sets plan->last_mac_address and the domains' bytes_counted.
 */
extern void locks_take_counted(ClonePlan *plan);

/* After the checks: what plan_load_reserved has summed up is the new start of the upper bounds. */
extern void locks_note_summed_up(const ClonePlan *plan);

/*
 * Runs a statement that writes to one of our tables and may wait for a lock, up to
 * vmclone.lock_wait for each; ERRCODE_VC_LOCKED says what it waited for ("could not lock WHAT within
 * 5000 ms") and which prepared transactions have written to the table.  In a frame, whose end takes
 * lock_timeout back.
 */
extern uint64 locks_run_waiting(Statement *statement, const Datum *values, const char *what,
								const char *table);

#endif
