/*
 * job_sequence.c
 *		Which step of a run follows which, and steps that one child does one after the other.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/settings.h"
#include "contract/copier_protocol.h"
#include "job/job_block.h"
#include "job/job_look.h"
#include "job/job_sequence.h"
#include "job/job_verdict.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Seconds more than a provisioning program has: the copier that runs it is to tell of a program that is late. */
#define PROVISION_GRACE 5

bool
job_answer_says(const Jsonb *answer, const char *key)
{
	char *text = answer != NULL ? json_get_text(answer, key) : NULL;

	return text != NULL && strcmp(text, "true") == 0;
}

static RunStep
step_with_sources(const JobRun *run)
{
	switch (run->kind)
	{
		case RUN_COPY:
			/* of a raw image it is known */
			return job_run_writes_block(run) && strcmp(run->volume_format, COPIER_WORD_RAW) != 0
					   ? STEP_SIZE
					   : STEP_CREATE;
		case RUN_CLEAN:
			return STEP_REMOVE;
		case RUN_GIVE_BACK:
			return STEP_RELEASE;
		case RUN_MEASURE:
			break;
	}
	return STEP_MEASURE;
}

/* Devices for the logical volumes that are read, one block domain after the other; then the work itself. */
static RunStep
step_after_check(JobRun *run)
{
	run->domain_number = job_block_next_source(run, run->domain_number);
	if (run->kind == RUN_CLEAN || run->domain_number == list_length(run->domains))
		return step_with_sources(run);
	run->has_activated = true;
	return STEP_ACTIVATE;
}

bool
job_step_follows(JobRun *run, const Jsonb *answer)
{
	switch (run->step)
	{
		case STEP_CHECK:
			job_look_keep(list_nth(run->domains, run->domain_number), storage_facts(answer));
			/* of a cleaning only the domain counts that is cleaned */
			if (++run->domain_number < list_length(run->domains) && run->kind != RUN_CLEAN)
				return true;
			run->domain_number = 0;
			run->step = step_after_check(run);
			return true;
		case STEP_ACTIVATE:
			run->domain_number++;
			run->step = step_after_check(run);
			return true;
		case STEP_SIZE:
			job_block_take_size(run, answer);
			run->step = STEP_CREATE;
			return true;
		case STEP_CREATE:
			/* Committed by an attempt whose end could not be written any more: nothing to copy. */
			run->step =
				job_answer_says(storage_facts(answer), "committed") ? STEP_COMMIT : STEP_COPY;
			return true;
		case STEP_COPY:
			run->step = STEP_COMMIT;
			return true;
		case STEP_LOOK:
			job_look_keep(list_nth(run->domains, run->domain_number), storage_facts(answer));
			return ++run->domain_number < list_length(run->domains);
		case STEP_SPACE:
		case STEP_COMMIT:
		case STEP_REMOVE:
		case STEP_MEASURE:
		case STEP_RELEASE:
			break;
	}
	return false;
}

/* The step's child runs a provisioning program. */
static bool
runs_program(const JobRun *run)
{
	switch (run->step)
	{
		case STEP_CHECK:
		case STEP_LOOK:
			return ((RunDomain *) list_nth(run->domains, run->domain_number))->place.is_block;
		case STEP_ACTIVATE:
		case STEP_RELEASE:
			return true;
		case STEP_SPACE:
		case STEP_CREATE:
		case STEP_COMMIT:
		case STEP_REMOVE:
			return job_run_writes_block(run);
		default:
			break;
	}
	return false;
}

/* What a provisioning program does here is ended by nobody in the middle, unless another host could take it up. */
int
job_step_lease(const JobRun *run)
{
	bool writes = run->step != STEP_MEASURE && run->step != STEP_SIZE;

	if (runs_program(run))
		writes = job_block_changes_group(run) &&
				 (run->host.address != NULL || job_run_target(run)->place.is_shared);
	return writes ? vmclone_copy_lease : 0;
}

int
job_step_timeout(const JobRun *run)
{
	/* A copy takes as long as it takes, a measurement too; both are stopped on request only. */
	if (run->step == STEP_COPY || run->step == STEP_MEASURE || run->step == STEP_SIZE)
		return 0;
	return runs_program(run) ? job_block_timeout(run) + PROVISION_GRACE : vmclone_storage_timeout;
}

void
job_step_begin(JobRun *run)
{
	static const char *const phases[] = {
		[STEP_CHECK] = "checking",    [STEP_ACTIVATE] = "activating", [STEP_SIZE] = "measuring",
		[STEP_CREATE] = "creating",   [STEP_COPY] = "starting",       [STEP_SPACE] = "checking",
		[STEP_LOOK] = "checking",     [STEP_COMMIT] = "committing",   [STEP_REMOVE] = "removing",
		[STEP_MEASURE] = "measuring", [STEP_RELEASE] = "deactivating"};

	strlcpy(run->phase, phases[run->step], sizeof(run->phase));
	/* what comes after the end is no progress of the task */
	run->dirty = run->step != STEP_RELEASE;
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

	if (job_answer_says(answer, COPIER_FIELD_OK) && job_step_follows(run, answer))
		job_step_begin(run);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}
