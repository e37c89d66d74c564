/*
 * job_adopt.c
 *		adopt(): what becomes of the jobs that came with a copied, restored or promoted database.
 */
#include "postgres.h"

#include "base/audit.h"
#include "base/caller.h"
#include "base/errors.h"
#include "base/extension.h"
#include "base/frame.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "job/job_state.h"
#include "job/task_state.h"
#include "locks/locks.h"
#include "storage/identity.h"
#include "utils/builtins.h"
#include "wake/wake.h"

VMCLONE_FUNCTION_INFO(vmclone_adopt);

static void
write_audit(const char *role_name, const char *choice)
{
	AuditSubject subject = {.user_name = role_name};
	const char *const placeholders[] = {"UserName", role_name, "Choice", choice, NULL};
	Frame frame;

	frame_enter_inventory_to_write(&frame);
	audit_write(AUDIT_JOBS_ADOPTED, &subject, placeholders);
	frame_leave(&frame);
}

/* The files are the other database's: nothing of theirs is touched. */
static void
abandon_all(void)
{
	int count;
	pg_uuid_t *calls;

	tasks_abandon_all();
	calls = job_abandon_all(&count);
	for (int i = 0; i < count; i++)
		locks_release(&calls[i]);
}

/*
 * adopt(choice text): 'resume' or 'abandon' the jobs that came with a copied database.
 * ERRCODE_VC_IDENTITY where they are its own, 22023 for another choice.
 */
Datum
vmclone_adopt(PG_FUNCTION_ARGS)
{
	char *choice;
	bool resume;
	IdentityState state;
	Caller caller;
	Frame frame;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("adopt needs a choice"),
						errhint("Say 'resume' or 'abandon'.")));
	choice = text_to_cstring(PG_GETARG_TEXT_PP(0));
	resume = strcmp(choice, "resume") == 0;
	if (!resume && strcmp(choice, "abandon") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("adopt does not know the choice \"%s\"", choice),
						errhint("Say 'resume' or 'abandon'.")));
	SPI_connect();
	caller = caller_identify();
	if (caller.kind != CALLER_ADMIN)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to adopt jobs"),
				 errhint("Ask an administrator of vmclone (grant_admin).")));
	frame_enter_own(&frame);
	state = identity_state_locked();
	if (state == IDENTITY_OWN || (state == IDENTITY_NONE && !identity_any_live_job()))
		ereport(ERROR,
				(errcode(ERRCODE_VC_IDENTITY),
				 errmsg("there is nothing to adopt: %s", identity_describe(state)),
				 errhint("View vmclone.worker says whether the jobs of this database run.")));
	if (state != IDENTITY_OTHER_TIMELINE)
		locks_forget_versions();
	if (resume)
		(void) identity_take_over(state);
	else
	{
		identity_begin_anew();
		abandon_all();
	}
	write_audit(caller.role_name, choice);
	frame_leave(&frame);
	SPI_finish();
	wake_worker_at_commit();
	PG_RETURN_VOID();
}
