/*
 * command_steps.h
 *		The steps of a clone call that belong to this folder: request key, names, job and task rows, audit.
 *		The others are of plan, checks, locks and clone; command.c has the order of them all.
 */
#ifndef VMCLONE_COMMAND_STEPS_H
#define VMCLONE_COMMAND_STEPS_H

#include "base/audit.h"
#include "base/caller.h"
#include "command/command.h"

/* A call on its way through the steps. */
typedef struct Command
{
	const CloneRequest *request;
	const pg_uuid_t *retry_of;
	Caller caller;
	bool has_user;
	pg_uuid_t user_id;
	ClonePlan *plan;
	CommandResult *result;
	AuditSubject audit; /* what all audit rows of the call say */
	int tasks_per_copy;
} Command;

/*
 * command_key.c: the request key.  The first caller goes on (false); a later one with the same
 * parameters gets the first one's jobs in command->result (true); with others it is an error,
 * ERRCODE_VC_REQUEST_KEY.  A concurrent first caller is waited for.
 */
extern bool command_find_earlier_call(Command *command);

/*
 * command_jobs.c: the names of the call's copies, reserved in their data center until the job is
 * over (returns the first one that another job has, or NULL); its job and task rows.
 */
extern const char *command_reserve_names(const Command *command);
extern void command_release_names(const Command *command);
extern void command_write_jobs(const Command *command);
extern const char *command_initial_status(const Command *command);

/*
 * volume_description.c: what the metadata of a new volume say of its disk: JSON of at most COPIER_MAX_DESCRIPTION bytes.
 * description may be NULL.
 */
extern char *command_volume_description(const char *alias, const char *description);

/* command_audit.c: in an inventory frame; command_name_caller fills command->audit. */
extern void command_name_caller(Command *command);
extern void command_write_audit(const Command *command);

#endif
