/*
 * command_key.c
 *		The request key: one clone for one key, however often and from how many sessions it is asked.
 *
 * The key's row is inserted in the call's own transaction.  A concurrent caller with the same key
 * waits at the unique index until that transaction ends: then it finds the row, or is the first.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/errors.h"
#include "base/frame.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "command/command_steps.h"
#include "locks/locks.h"

static Statement claim_request_key = {
	.sql = "INSERT INTO vmclone.request_keys (owner_role, request_key, call_id, parameters, owner)"
		   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
	.argument_count = 5,
	.argument_types = {OIDOID, TEXTOID, UUIDOID, JSONBOID, TEXTOID},
};

static Statement known_request_key = {
	.sql = "SELECT call_id, parameters = $3, created_at FROM vmclone.request_keys"
		   " WHERE owner_role = $1 AND request_key = $2",
	.argument_count = 3,
	.argument_types = {OIDOID, TEXTOID, JSONBOID},
};

/* Columns of known_request_key. */
enum KnownKeyColumn
{
	KNOWN_CALL_ID = 1,
	KNOWN_SAME_PARAMETERS,
	KNOWN_CREATED_AT,
};

static Statement jobs_of_call = {
	.sql = "SELECT copy_number, job_id, vm_id, vm_name, status FROM vmclone.jobs WHERE call_id = $1"
		   " ORDER BY copy_number",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of jobs_of_call. */
enum JobOfCallColumn
{
	JOB_COPY_NUMBER = 1,
	JOB_ID,
	JOB_VM_ID,
	JOB_VM_NAME,
	JOB_STATUS,
};

bool
command_find_earlier_call(Command *command)
{
	const CloneRequest *request = command->request;
	Datum values[5];
	bool same;
	Frame frame;

	if (request->request_key == NULL)
		return false;
	frame_enter_own(&frame);
	values[0] = ObjectIdGetDatum(command->caller.role_id);
	values[1] = CStringGetTextDatum(request->request_key);
	values[2] = UUIDPGetDatum(&command->result->call_id);
	values[3] = JsonbPGetDatum(request->parameters);
	values[4] = CStringGetTextDatum(command->caller.role_name);
	if (locks_run_waiting(&claim_request_key, values, "the request key", "vmclone.request_keys") ==
		1)
	{
		frame_leave(&frame);
		return false;
	}
	/* who controls the key's jobs also learns of them by it */
	if (command->caller.role_id != command->caller.second_role_id &&
		command->caller.second_kind != CALLER_ADMIN)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for request key \"%s\"", request->request_key),
						errdetail("It is role \"%s\"'s, and role \"%s\" takes part in the call.",
								  command->caller.role_name,
								  GetUserNameFromId(command->caller.second_role_id, false)),
						errhint("Use a new request key for a new call.")));
	values[2] = JsonbPGetDatum(request->parameters);
	statement_run_one_row(&known_request_key, values, NULL);
	command->result->call_id = field_uuid(0, KNOWN_CALL_ID);
	same = field_bool(0, KNOWN_SAME_PARAMETERS);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_VC_REQUEST_KEY),
				 errmsg("request key \"%s\" was used for another call", request->request_key),
				 errkey("REQUEST_KEY_USED"),
				 errdetail("REQUEST_KEY_USED: call %s of %s had other parameters.",
						   uuid_text(&command->result->call_id), field_text(0, KNOWN_CREATED_AT)),
				 errhint("Use a new request key for a new call.")));
	values[0] = UUIDPGetDatum(&command->result->call_id);
	command->result->copy_count = statement_run(&jobs_of_call, values, NULL);
	command->result->copies = palloc0(sizeof(CloneCopy) * Max(command->result->copy_count, 1));
	command->result->statuses = palloc0(sizeof(char *) * Max(command->result->copy_count, 1));
	for (int i = 0; i < command->result->copy_count; i++)
	{
		command->result->copies[i].number = field_int64(i, JOB_COPY_NUMBER);
		command->result->copies[i].job_id = field_uuid(i, JOB_ID);
		command->result->copies[i].vm_id = field_uuid(i, JOB_VM_ID);
		command->result->copies[i].vm_name = field_text(i, JOB_VM_NAME);
		command->result->statuses[i] = field_text(i, JOB_STATUS);
	}
	frame_leave(&frame);
	return true;
}
