/*
 * command.h
 *		One clone call from its parameters to its job rows, in the caller's transaction.
 *
 *	request.c	parameters → CloneRequest
 *	caller.c	which role, for which engine user
 *	plan*.c		facts and decisions
 *	checks*.c	oVirt's canDoAction and what the feature page wanted
 *	locks.c		row locks, lasting locks, counted rows
 *	clone*.c	the new rows
 *	command_*.c	request key, job and task rows, audit
 *	command.c	the order of all this
 */
#ifndef VMCLONE_COMMAND_H
#define VMCLONE_COMMAND_H

#include "plan/plan.h"

typedef struct CommandResult
{
	pg_uuid_t call_id;
	CloneCopy *copies;
	int copy_count;
	const char **statuses; /* of the jobs, by copy */
} CommandResult;

/*
 * The stored call of a job that is over, for its copy alone, all checks again, new ids.  overrides:
 * an object laid over the stored parameters (clone_again), or NULL: under the name that it had.
 * Not in a frame; needs an SPI connection.  Errors: class VC by the first failed check; 55000 on a
 * standby or without a bound inventory; 42501 for a caller without the right.
 */
extern CommandResult *command_run_again(const pg_uuid_t *job_id, const Jsonb *overrides,
										bool is_retry);

#endif
