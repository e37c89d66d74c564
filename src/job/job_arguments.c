/*
 * job_arguments.c
 *		What a run's child is told on its command line.
 */
#include "postgres.h"

#include "base/settings.h"
#include "contract/copier_protocol.h"
#include "job/job_arguments.h"
#include "job/job_block.h"

static List *
add(List *arguments, const char *option, const char *value)
{
	arguments = lappend(arguments, (void *) option);
	return lappend(arguments, (void *) value);
}

static List *
volume_arguments(const JobRun *run, const char *action)
{
	const RunDomain *target = job_run_target(run);
	List *arguments = list_make2(COPIER_VOLUME, (void *) action);

	arguments = add(arguments, "--" COPIER_OPTION_ROOT, target->place.real_path);
	arguments = add(arguments, "--" COPIER_OPTION_DISK, run->disk_id);
	arguments = add(arguments, "--" COPIER_OPTION_IMAGE, run->image_id);
	return run->file_name != NULL ? add(arguments, "--" COPIER_OPTION_NAME, run->file_name)
								  : arguments;
}

static List *
create_arguments(const JobRun *run)
{
	const RunDomain *target = job_run_target(run);
	List *arguments = volume_arguments(run, COPIER_VOLUME_CREATE);

	arguments = add(arguments, "--" COPIER_OPTION_DOMAIN, target->id);
	arguments = add(arguments, "--" COPIER_OPTION_SIZE, psprintf(INT64_FORMAT, run->virtual_size));
	arguments = add(arguments, "--" COPIER_OPTION_FORMAT, run->volume_format);
	arguments = add(arguments, "--" COPIER_OPTION_TYPE,
					strcmp(run->volume_type, "Preallocated") == 0 ? COPIER_WORD_PREALLOCATED
																  : COPIER_WORD_SPARSE);
	arguments = add(arguments, "--" COPIER_OPTION_VOLTYPE, run->copy_volume_type);
	arguments = add(arguments, "--" COPIER_OPTION_DOMAIN_FORMAT, target->format);
	arguments = add(arguments, "--" COPIER_OPTION_DISK_TYPE, COPIER_WORD_DATA);
	return add(arguments, "--" COPIER_OPTION_DESCRIPTION, run->description);
}

static List *
add_layers(List *arguments, const JobRun *run)
{
	const char *parent = NULL;
	ListCell *cell;

	foreach (cell, run->layers)
	{
		const RunLayer *layer = lfirst(cell);

		arguments = add(arguments, "--" COPIER_OPTION_LAYER,
						psprintf("%s:%s", layer->is_raw ? COPIER_FORMAT_RAW : COPIER_FORMAT_QCOW2,
								 layer->path));
		if (parent != NULL)
			arguments = add(arguments, "--" COPIER_OPTION_BACKING_NAME, parent);
		parent = layer->name;
	}
	return arguments;
}

/* Directories that the copier may open files in: those of file domains, and one for all devices. */
static List *
add_roots(List *arguments, const JobRun *run)
{
	bool has_devices = false;
	ListCell *cell;

	foreach (cell, run->domains)
	{
		const StoragePlace *place = &((RunDomain *) lfirst(cell))->place;

		if (!place->is_block)
			arguments = add(arguments, "--" COPIER_OPTION_ROOT,
							place->files_path != NULL ? place->files_path : place->real_path);
		/* on another host devices are known by their names in the kernel */
		has_devices |= place->is_block && place->host.address == NULL;
	}
	return has_devices ? add(arguments, "--" COPIER_OPTION_ROOT, DEVICE_DIRECTORY) : arguments;
}

static const char *
compatibility(const JobRun *run)
{
	return job_run_target(run)->format[0] >= '4' ? COPIER_COMPAT_V3 : COPIER_COMPAT_V2;
}

/* Where the copier writes, and where it keeps its record of how far it is. */
static List *
add_output(List *arguments, const JobRun *run)
{
	const char *format =
		strcmp(run->volume_format, COPIER_WORD_RAW) == 0 ? COPIER_FORMAT_RAW : COPIER_FORMAT_QCOW2;
	char *path = run->device;
	char *record;

	if (job_run_writes_block(run))
	{
		record = psprintf("%s/%s" COPIER_SUFFIX_RECORD, run->state, run->image_id);
		arguments = add(arguments, "--" COPIER_OPTION_ROOT, run->state);
		/* the record stays on its host, and says nothing of what others have written since */
		if (run->task.since_claim > 1)
			arguments = add(arguments, "--" COPIER_OPTION_SINCE_CLAIM,
							psprintf("%d", run->task.since_claim));
	}
	else
	{
		path = psprintf("%s/images/%s/%s" COPIER_SUFFIX_PART, job_run_target(run)->place.real_path,
						run->disk_id, run->image_id);
		record = psprintf("%s" COPIER_SUFFIX_RECORD, path);
	}
	arguments = add(arguments, "--" COPIER_OPTION_OUTPUT, psprintf("%s:%s", format, path));
	/* commit takes the record away: a crash before finds the finished copy by it */
	arguments = add(arguments, "--" COPIER_OPTION_RESUME, record);
	/* whoever goes on after us has a higher one, and this copier never writes under that */
	arguments = add(arguments, "--" COPIER_OPTION_CLAIM, psprintf("%d", run->task.claim));
	return lappend(arguments, "--" COPIER_OPTION_KEEP_RECORD);
}

static List *
copy_arguments(const JobRun *run)
{
	List *arguments = add_layers(list_make1(COPIER_COPY), run);

	arguments = add_output(arguments, run);
	arguments = add(arguments, "--" COPIER_OPTION_SIZE, psprintf(INT64_FORMAT, run->virtual_size));
	if (strcmp(run->volume_format, COPIER_WORD_RAW) != 0)
		arguments = add(arguments, "--" COPIER_OPTION_COMPAT, compatibility(run));
	else if (strcmp(run->volume_type, "Preallocated") == 0 && !job_run_writes_block(run))
		arguments = lappend(arguments, "--" COPIER_OPTION_PREALLOCATE);
	if (run->limit_sent > 0)
		arguments =
			add(arguments, "--" COPIER_OPTION_LIMIT, psprintf(INT64_FORMAT, run->limit_sent));
	if (vmclone_copy_threads > 0)
		arguments =
			add(arguments, "--" COPIER_OPTION_THREADS, psprintf("%d", vmclone_copy_threads));
	if (run->verify)
		arguments = lappend(arguments, "--" COPIER_OPTION_VERIFY);
	return add_roots(add(arguments, "--" COPIER_OPTION_PROGRESS, COPIER_PROGRESS_JSON), run);
}

static List *
commit_arguments(const JobRun *run)
{
	List *arguments = volume_arguments(run, COPIER_VOLUME_COMMIT);

	if (run->output_size > 0)
		arguments =
			add(arguments, "--" COPIER_OPTION_SIZE, psprintf(INT64_FORMAT, run->output_size));
	return arguments;
}

static List *
measure_arguments(const JobRun *run)
{
	List *arguments = add_layers(list_make1(COPIER_MEASURE), run);

	arguments = add(arguments, "--" COPIER_OPTION_FORMAT,
					strcmp(run->volume_format, COPIER_WORD_RAW) == 0 ? COPIER_FORMAT_RAW
																	 : COPIER_FORMAT_QCOW2);
	if (run->step == STEP_SIZE)
	{
		arguments =
			add(arguments, "--" COPIER_OPTION_SIZE, psprintf(INT64_FORMAT, run->virtual_size));
		arguments = add(arguments, "--" COPIER_OPTION_COMPAT, compatibility(run));
	}
	return add_roots(arguments, run);
}

/* Arguments of one step behind those of the steps before it. */
static List *
then(List *arguments, List *step)
{
	if (list_length(arguments) > 1)
		arguments = lappend(arguments, COPIER_THEN);
	return list_concat(arguments, step);
}

/* All steps of the run, for one process; only of runs that touch no block domain. */
static List *
sequence_arguments(const JobRun *run)
{
	List *arguments = list_make1(COPIER_SEQUENCE);
	ListCell *cell;

	foreach (cell, run->domains)
	{
		const RunDomain *domain = lfirst(cell);

		if (run->kind != RUN_CLEAN || domain == job_run_target(run))
			arguments = then(arguments, storage_check_arguments(&domain->place, domain->id));
	}
	if (run->kind == RUN_CLEAN)
		return then(arguments, volume_arguments(run, COPIER_VOLUME_REMOVE));
	arguments = then(arguments, create_arguments(run));
	arguments = then(arguments, copy_arguments(run));
	return then(arguments, commit_arguments(run));
}

List *
job_arguments(const JobRun *run)
{
	const RunDomain *domain;

	if (run->in_sequence)
		return sequence_arguments(run);
	switch (run->step)
	{
		case STEP_CHECK:
		case STEP_LOOK:
			domain = list_nth(run->domains, run->domain_number);
			return storage_check_arguments(&domain->place, domain->id);
		case STEP_SPACE:
			domain = job_run_target(run);
			return storage_check_arguments(&domain->place, domain->id);
		case STEP_ACTIVATE:
		case STEP_RELEASE:
			return job_block_arguments(run);
		case STEP_CREATE:
			return job_run_writes_block(run) ? job_block_arguments(run) : create_arguments(run);
		case STEP_COPY:
			return copy_arguments(run);
		case STEP_COMMIT:
			return job_run_writes_block(run) ? job_block_arguments(run) : commit_arguments(run);
		case STEP_REMOVE:
			return job_run_writes_block(run) ? job_block_arguments(run)
											 : volume_arguments(run, COPIER_VOLUME_REMOVE);
		case STEP_SIZE:
		case STEP_MEASURE:
			break;
	}
	return measure_arguments(run);
}
