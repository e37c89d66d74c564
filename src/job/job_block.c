/*
 * job_block.c
 *		Block domains: a run's logical volumes and their devices.
 *
 * A volume that is read is activated before and deactivated after, unless another run reads it too.  Names of devices are
 * taken from vmclone-copy's answer only: it has proved them.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/settings.h"
#include "contract/copier_protocol.h"
#include "job/job_block.h"
#include "job/job_lease.h"
#include "storage/storage_place.h"
#include "utils/memutils.h"

bool
job_run_writes_block(const JobRun *run)
{
	return (run->kind == RUN_COPY || run->kind == RUN_CLEAN) && job_run_target(run)->place.is_block;
}

bool
job_block_is_touched(const JobRun *run)
{
	ListCell *cell;

	foreach (cell, run->domains)
		if (((RunDomain *) lfirst(cell))->place.is_block)
			return true;
	return false;
}

static bool
reads_domain(const JobRun *run, const RunDomain *domain)
{
	ListCell *cell;

	foreach (cell, run->layers)
		if (((RunLayer *) lfirst(cell))->domain == domain)
			return true;
	return false;
}

int
job_block_next_source(const JobRun *run, int number)
{
	while (number < list_length(run->domains))
	{
		const RunDomain *domain = list_nth(run->domains, number);

		if (domain->place.is_block && reads_domain(run, domain))
			break;
		number++;
	}
	return number;
}

static const RunDomain *
present_domain(const JobRun *run)
{
	return list_nth(run->domains, run->domain_number);
}

/* Another run deactivates volumes of the domain on the run's host. */
static bool
is_being_released(const JobRun *run, const RunDomain *domain)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		const JobRun *other = lfirst(cell);

		if (other != run && other->step == STEP_RELEASE && job_runs_same_host(other, run) &&
			strcmp(present_domain(other)->id, domain->id) == 0)
			return true;
	}
	return false;
}

bool
job_block_changes_group(const JobRun *run)
{
	return job_run_writes_block(run) &&
		   (run->step == STEP_CREATE || run->step == STEP_COMMIT || run->step == STEP_REMOVE);
}

/* On its own host plain LVM has a lock for that; on others it knows of nobody. */
static bool
is_changed_elsewhere(const JobRun *run)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		const JobRun *other = lfirst(cell);

		if (other != run && other->command != NULL && job_block_changes_group(other) &&
			!job_runs_same_host(other, run) && job_runs_same_target(other, run))
			return true;
	}
	return job_lease_holds_group(job_run_target(run)->id, run->host.name);
}

bool
job_block_is_held_up(const JobRun *run)
{
	if (run->step == STEP_ACTIVATE)
		return is_being_released(run, present_domain(run));
	return job_block_changes_group(run) &&
		   (is_being_released(run, job_run_target(run)) || is_changed_elsewhere(run));
}

/* Another run that isn't over reads the volume. */
static bool
is_needed(const JobRun *run, const RunLayer *layer)
{
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		const JobRun *other = lfirst(cell);
		ListCell *layer_cell;

		if (other == run || other->step == STEP_RELEASE || !job_runs_same_host(other, run))
			continue;
		foreach (layer_cell, other->layers)
		{
			const RunLayer *theirs = lfirst(layer_cell);

			if (strcmp(theirs->domain->id, layer->domain->id) == 0 &&
				strcmp(theirs->image_id, layer->image_id) == 0)
				return true;
		}
	}
	return false;
}

/* Names of the volumes of the present domain that the step is for. */
static List *
step_volumes(const JobRun *run)
{
	List *names = NIL;
	ListCell *cell;

	foreach (cell, run->layers)
	{
		const RunLayer *layer = lfirst(cell);

		if (layer->domain == present_domain(run) &&
			(run->step == STEP_ACTIVATE || !is_needed(run, layer)))
			names = lappend(names, layer->image_id);
	}
	return names;
}

bool
job_block_release_next(JobRun *run)
{
	if (!run->has_activated)
		return false;
	run->domain_number = run->step == STEP_RELEASE ? run->domain_number + 1 : 0;
	run->step = STEP_RELEASE;
	for (;;)
	{
		run->domain_number = job_block_next_source(run, run->domain_number);
		if (run->domain_number == list_length(run->domains))
			return false;
		if (step_volumes(run) != NIL)
			return true;
		run->domain_number++;
	}
}

/* The path of the device of a volume; NULL where the answer has none. */
static char *
device_of(const Jsonb *devices, const char *volume)
{
	JsonbIterator *iterator = JsonbIteratorInit((JsonbContainer *) &devices->root);
	JsonbValue value;

	(void) JsonbIteratorNext(&iterator, &value, false);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		Jsonb *device = JsonbValueToJsonb(&value);
		char *name = json_get_text(device, "lv");
		char *path = json_get_text(device, "path");

		if (name != NULL && path != NULL && strcmp(name, volume) == 0)
			return path;
	}
	return NULL;
}

bool
job_block_take_devices(JobRun *run, const Jsonb *answer)
{
	const Jsonb *devices = answer != NULL ? json_get(answer, "devices") : NULL;
	MemoryContext old;
	bool complete = true;
	ListCell *cell;

	if (devices == NULL || !JB_ROOT_IS_ARRAY(devices))
		return false;
	old = MemoryContextSwitchTo(run->context);
	if (run->step == STEP_CREATE)
	{
		run->device = device_of(devices, run->image_id);
		run->state = run->host.address != NULL ? json_get_text(answer, COPIER_FIELD_STATE)
											   : storage_state_directory();
		complete = run->device != NULL && run->state != NULL;
	}
	else
		foreach (cell, run->layers)
		{
			RunLayer *layer = lfirst(cell);

			if (layer->domain != present_domain(run))
				continue;
			layer->path = device_of(devices, layer->image_id);
			complete = complete && layer->path != NULL;
		}
	MemoryContextSwitchTo(old);
	return complete;
}

void
job_block_take_size(JobRun *run, const Jsonb *answer)
{
	run->device_size = json_get_count(answer, COPIER_FIELD_REQUIRED, 0);
}

int
job_block_timeout(const JobRun *run)
{
	return run->step == STEP_REMOVE && (run->wipe || run->discard) ? STORAGE_ENDLESS_TIMEOUT
																   : vmclone_storage_timeout;
}

static List *
add(List *arguments, const char *option, const char *value)
{
	arguments = lappend(arguments, (void *) option);
	return lappend(arguments, (void *) value);
}

static List *
add_number(List *arguments, const char *option, int64 number)
{
	return add(arguments, option, psprintf(INT64_FORMAT, number));
}

/* What concerns the volume that is made, whole or removed. */
static List *
volume_arguments(const JobRun *run, const char *action)
{
	const RunDomain *target = job_run_target(run);
	List *arguments = storage_provision_arguments(&target->place, action, job_block_timeout(run));

	arguments = add(arguments, "--" COPIER_OPTION_DISK, run->disk_id);
	arguments = add(arguments, "--" COPIER_OPTION_IMAGE, run->image_id);
	arguments = add(arguments, "--" COPIER_OPTION_DOMAIN_FORMAT, target->format);
	return storage_add_state(&target->place, arguments);
}

static List *
described_arguments(const JobRun *run, const char *action)
{
	List *arguments = volume_arguments(run, action);
	bool is_preallocated = strcmp(run->volume_type, "Preallocated") == 0;

	arguments = add(arguments, "--" COPIER_OPTION_DOMAIN, job_run_target(run)->id);
	arguments = add_number(arguments, "--" COPIER_OPTION_CAPACITY, run->virtual_size);
	arguments = add(arguments, "--" COPIER_OPTION_FORMAT, run->volume_format);
	arguments = add(arguments, "--" COPIER_OPTION_TYPE,
					is_preallocated ? COPIER_WORD_PREALLOCATED : COPIER_WORD_SPARSE);
	arguments = add(arguments, "--" COPIER_OPTION_VOLTYPE, run->copy_volume_type);
	arguments = add(arguments, "--" COPIER_OPTION_DISK_TYPE, COPIER_WORD_DATA);
	arguments = add(arguments, "--" COPIER_OPTION_DESCRIPTION, run->description);
	if (run->step == STEP_CREATE)
		return add_number(arguments, "--" COPIER_OPTION_SIZE,
						  run->device_size > 0 ? run->device_size : run->virtual_size);
	/* what an earlier attempt had made too large is given back */
	if (run->output_size > 0)
		return add_number(arguments, "--" COPIER_OPTION_SIZE, run->output_size);
	return arguments;
}

static List *
activation_arguments(const JobRun *run, const char *action)
{
	List *arguments =
		storage_provision_arguments(&present_domain(run)->place, action, job_block_timeout(run));
	ListCell *cell;

	foreach (cell, step_volumes(run))
		arguments = add(arguments, "--" COPIER_OPTION_LV, lfirst(cell));
	return arguments;
}

static List *
removal_arguments(const JobRun *run)
{
	List *arguments = volume_arguments(run, COPIER_PROVISION_REMOVE);

	if (run->wipe)
		arguments = lappend(arguments, "--" COPIER_OPTION_WIPE);
	if (run->discard)
		arguments = lappend(arguments, "--" COPIER_OPTION_DISCARD);
	return arguments;
}

List *
job_block_arguments(const JobRun *run)
{
	switch (run->step)
	{
		case STEP_ACTIVATE:
			return activation_arguments(run, COPIER_PROVISION_ACTIVATE);
		case STEP_RELEASE:
			return activation_arguments(run, COPIER_PROVISION_DEACTIVATE);
		case STEP_CREATE:
			return described_arguments(run, COPIER_PROVISION_CREATE);
		case STEP_COMMIT:
			return described_arguments(run, COPIER_PROVISION_COMMIT);
		default:
			break;
	}
	return removal_arguments(run);
}
