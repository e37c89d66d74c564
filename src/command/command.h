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
 * A stored call is run once more, for one copy alone, all checks again, new ids.  Not in a frame; needs an
 * SPI connection.  Errors: class VC by the first failed check; 55000 on a standby or without a bound
 * inventory; 42501 for a caller without the right.
 */

/* The call of a job that is over, under the name that the copy had.  VC022: there is no such job. */
extern CommandResult *command_retry(const pg_uuid_t *job_id);

/*
 * The call that made a virtual machine or template, with an object laid over its parameters; whether its
 * job is still there doesn't matter.  P0002: vmclone didn't make it.
 */
extern CommandResult *command_clone_again(const pg_uuid_t *vm_id, const Jsonb *overrides);

#endif
