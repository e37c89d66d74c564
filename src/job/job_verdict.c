/*
 * job_verdict.c
 *		What a child's end means.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/settings.h"
#include "contract/copier_protocol.h"
#include "job/job_verdict.h"
#include "storage/storage_remote.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* What a server, a switch or an administrator can mend while the job waits. */
static const char *const passing_errors[] = {
	"EIO",      "ESTALE",      "ETIMEDOUT",    "ENOTCONN",   "EHOSTDOWN", "EHOSTUNREACH",
	"ENETDOWN", "ENETUNREACH", "ECONNABORTED", "ECONNRESET", "EAGAIN",    "ENOSPC",
	"EDQUOT",   "ENODEV",      "ENXIO",        "EROFS",      "ESHUTDOWN", "ENOMEM",
	"ENFILE",   "EMFILE",      "EACCES",       "EPERM",      NULL,
};
static const enum copier_error passing_kinds[] = {COPIER_NO_SPACE, COPIER_SOURCE_STALE,
												  COPIER_NOT_ATTACHED, COPIER_NO_ERROR};

/* What another attempt would meet again. */
static const enum copier_error final_kinds[] = {
	COPIER_REFUSED,        COPIER_EXISTS,     COPIER_USAGE, COPIER_NOT_FOUND, COPIER_OUTSIDE_ROOT,
	COPIER_SOURCE_CHANGED, COPIER_SUPERSEDED, COPIER_IO,    COPIER_NO_ERROR};

/* words end with NULL; a NULL word is none of them. */
static bool
is_among(const char *word, const char *const *words)
{
	for (; word != NULL && *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

Jsonb *
job_answer(const JobRun *run)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb *answer = NULL;

	if (run->answer == NULL)
		return NULL;
	PG_TRY();
	{
		answer = json_from_text(run->answer);
		if (!JB_ROOT_IS_OBJECT(answer))
			answer = NULL;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		answer = NULL;
	}
	PG_END_TRY();
	return answer;
}

/* kinds end with COPIER_NO_ERROR; a NULL word is none of them. */
static bool
is_kind_among(const char *word, const enum copier_error *kinds)
{
	for (; word != NULL && *kinds != COPIER_NO_ERROR; kinds++)
		if (strcmp(word, copier_error_word(*kinds)) == 0)
			return true;
	return false;
}

/* The storage's or the machine's trouble: "no_resources" is the worker's own word (job_step.c). */
static bool
may_pass(const JobRun *run)
{
	return is_kind_among(run->error_kind, passing_kinds) ||
		   (run->error_kind != NULL && strcmp(run->error_kind, "no_resources") == 0) ||
		   is_among(run->error_errno, passing_errors);
}

/* A volume command's own words on why it did not do what it was told. */
static void
take_refusal(JobRun *run, const Jsonb *answer)
{
	char *message = answer ? json_get_printable(answer, COPIER_FIELD_MESSAGE) : NULL;
	char *path = answer ? json_get_printable(answer, COPIER_FIELD_PATH) : NULL;
	char *hint = answer ? json_get_printable(answer, COPIER_FIELD_HINT) : NULL;
	MemoryContext old = MemoryContextSwitchTo(run->context);
	StringInfoData text;

	if (message != NULL)
	{
		initStringInfo(&text);
		appendStringInfoString(&text, message);
		run->error_kind = pstrdup(json_get_printable(answer, COPIER_FIELD_KIND)
									  ? json_get_printable(answer, COPIER_FIELD_KIND)
									  : copier_error_word(COPIER_IO));
		run->error_errno = json_get_printable(answer, COPIER_FIELD_ERRNO);
		run->error_path = path != NULL ? pstrdup(path) : NULL;
		run->error_in_layer =
			run->step == STEP_ACTIVATE || json_is_given(answer, COPIER_FIELD_LAYER);
		if (path != NULL)
			appendStringInfo(&text, ": \"%s\"", path);
		if (run->error_errno != NULL)
			appendStringInfo(&text, " (%s)", run->error_errno);
		if (hint != NULL)
			appendStringInfo(&text, "; %s", hint);
		run->error_message = text.data;
	}
	MemoryContextSwitchTo(old);
}

/* The program does not know its own command line: a fault of the installation, not of the user. */
static void
take_usage_error(JobRun *run, const char *said)
{
	run->error_kind = (char *) copier_error_word(COPIER_USAGE);
	run->error_message = MemoryContextStrdup(
		run->context,
		"vmclone-copy does not take what this version of the extension tells it; install both from "
		"the same version (see vmclone.copy_program)");
	ereport(LOG, (errmsg("vmclone-copy refused its command line"),
				  said[0] != '\0' ? errdetail("It said: %s", said) : 0));
}

static void
take_last_words(JobRun *run, int exit_code, const char *said)
{
	run->error_message = MemoryContextStrdup(
		run->context, psprintf("vmclone-copy %s%s%s",
							   exit_code < 0 ? "was ended by a signal"
											 : psprintf("ended with exit code %d", exit_code),
							   said[0] != '\0' ? ": " : "", said));
}

/*
 * Whether the copier's lease can have ended it.  One that says so sooner was ended by somebody else, or was taken over by an
 * image and would have itself begun again for ever.
 */
static bool
lease_may_be_over(const StorageCommand *command)
{
	return command->lease > 0 &&
		   TimestampDifferenceExceeds(command->started_at, GetCurrentTimestamp(),
									  command->lease * 1000);
}

/*
 * The order matters: what can be said for certain comes first, and a cause that may go away wins over
 * one that would be met again, since a wait costs time and a failure costs all that was copied.
 *
 * 1. Not started at all: too little of something on this machine passes; a missing program is tried
 *    some times, for an upgrade may be under way.
 * 2. Killed at its deadline: the storage hangs, which passes.
 * 3. Its host doesn't answer, or its copier has ended because it heard nothing from us: both say nothing of storage.
 *    Usage: the command line is ours, so no attempt will differ.
 * 4. The check of a domain: whatever is wrong with a domain as a whole, its administrator can mend it.
 *    So a step that failed for good has its domains looked at once more (STEP_LOOK): one that was unmounted
 *    meanwhile just has no such files.
 * 5. "busy" is an output that a copier has locked which outlived its worker, and goes with it; a layer
 *    that is busy is written by a running VM, and what was read would be wrong.
 * 6. No kind that we know: the program crashed or was killed.
 * 7. A fault in the image of another copy, as where that one was cancelled since and is being cleaned,
 *    says nothing of the chain.
 */
Verdict
job_verdict(JobRun *run, const Jsonb *answer)
{
	int exit_code;
	const char *said;
	char *fault;

	if (run->command == NULL)
		return may_pass(run) ? VERDICT_WAIT : VERDICT_CRASHED;
	exit_code = storage_command_exit_code(run->command);
	said = run->command->error_text.data;
	if (run->command->timed_out)
	{
		run->error_kind = "timeout";
		run->error_message =
			MemoryContextStrdup(run->context, psprintf("storage did not answer within %d seconds",
													   vmclone_storage_timeout));
		return VERDICT_WAIT;
	}
	if (exit_code == 0)
		return VERDICT_DONE;
	fault = storage_remote_fault(run->command);
	if (fault != NULL)
	{
		run->error_kind = "host";
		run->error_message =
			MemoryContextStrdup(run->context, psprintf("host \"%s\": %s", run->host.name, fault));
		return VERDICT_AGAIN;
	}
	if (exit_code == COPIER_EXIT_CANCELLED && lease_may_be_over(run->command))
	{
		run->error_kind = (char *) copier_error_word(COPIER_LEASE);
		run->error_message = "the copier heard nothing from the worker for its lease, and ended";
		return VERDICT_AGAIN;
	}
	if (exit_code == COPIER_EXIT_USAGE)
	{
		take_usage_error(run, said);
		return VERDICT_FAIL;
	}
	if (run->step != STEP_COPY)
		take_refusal(run, answer);
	if (run->error_message == NULL)
		take_last_words(run, exit_code, said);
	if (run->step == STEP_CHECK || run->step == STEP_LOOK)
		return VERDICT_WAIT;
	if (may_pass(run))
		return VERDICT_WAIT;
	if (run->error_kind != NULL && strcmp(run->error_kind, copier_error_word(COPIER_BUSY)) == 0)
		return run->error_in_layer && run->step != STEP_ACTIVATE ? VERDICT_FAIL : VERDICT_WAIT;
	if (!is_kind_among(run->error_kind, final_kinds))
		return VERDICT_CRASHED;
	return run->reads_copy && run->error_in_layer ? VERDICT_CHAIN : VERDICT_FAIL;
}
