/*
 * job_sequence.c
 *		Which step of a run follows which, and steps that one child does one after the other.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/settings.h"
#include "contract/copier_protocol.h"
#include "job/job_look.h"
#include "job/job_sequence.h"
#include "job/job_verdict.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static bool
answer_is_true(const Jsonb *answer, const char *key)
{
	char *text = answer != NULL ? json_get_text(answer, key) : NULL;

	return text != NULL && strcmp(text, "true") == 0;
}

static RunStep
step_after_check(const JobRun *run)
{
	switch (run->kind)
	{
		case RUN_COPY:
			return STEP_CREATE;
		case RUN_CLEAN:
			return STEP_REMOVE;
		case RUN_MEASURE:
			break;
	}
	return STEP_MEASURE;
}

bool
job_step_follows(JobRun *run, const Jsonb *answer)
{
	switch (run->step)
	{
		case STEP_CHECK:
			job_look_keep(list_nth(run->domains, run->domains_checked), answer);
			if (++run->domains_checked >= list_length(run->domains))
				run->step = step_after_check(run);
			return true;
		case STEP_CREATE:
			/* Committed by an attempt whose end could not be written any more: nothing to copy. */
			run->step = answer_is_true(answer, "committed") ? STEP_COMMIT : STEP_COPY;
			return true;
		case STEP_COPY:
			run->step = STEP_COMMIT;
			return true;
		case STEP_LOOK:
			job_look_keep(list_nth(run->domains, run->domains_checked), answer);
			return ++run->domains_checked < list_length(run->domains);
		case STEP_SPACE:
		case STEP_COMMIT:
		case STEP_REMOVE:
		case STEP_MEASURE:
			break;
	}
	return false;
}

int
job_step_timeout(const JobRun *run)
{
	/* A copy takes as long as it takes, a measurement too; both are stopped on request only. */
	return run->step == STEP_COPY || run->step == STEP_MEASURE ? 0 : vmclone_storage_timeout;
}

void
job_step_begin(JobRun *run)
{
	static const char *const phases[] = {
		[STEP_CHECK] = "checking",  [STEP_CREATE] = "creating",  [STEP_COPY] = "starting",
		[STEP_SPACE] = "checking",  [STEP_LOOK] = "checking",    [STEP_COMMIT] = "committing",
		[STEP_REMOVE] = "removing", [STEP_MEASURE] = "measuring"};

	strlcpy(run->phase, phases[run->step], sizeof(run->phase));
	run->dirty = true;
	run->answer = NULL;
	run->error_kind = run->error_errno = run->error_path = run->error_message = NULL;
	run->progressed_at = GetCurrentTimestamp();
	run->error_in_layer = false;
	if (run->command != NULL)
		storage_command_set_timeout(run->command, job_step_timeout(run));
}

void
job_sequence_answered(JobRun *run)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "vmclone answer", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	Jsonb *answer = job_answer(run);

	if (answer_is_true(answer, COPIER_FIELD_OK) && job_step_follows(run, answer))
		job_step_begin(run);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}
