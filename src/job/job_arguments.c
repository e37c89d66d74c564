/*
 * job_arguments.c
 *		What a run's child is told on its command line.
 */
#include "postgres.h"

#include "base/settings.h"
#include "contract/copier_protocol.h"
#include "job/job_arguments.h"

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

	arguments = add(arguments, "--" COPIER_OPTION_ROOT, target->root);
	arguments = add(arguments, "--" COPIER_OPTION_DISK, run->disk_id);
	return add(arguments, "--" COPIER_OPTION_IMAGE, run->image_id);
}

static List *
check_arguments(const RunDomain *domain)
{
	List *arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_CHECK);

	arguments = add(arguments, "--" COPIER_OPTION_ROOT, domain->root);
	arguments = add(arguments, "--" COPIER_OPTION_STORAGE_DOMAIN, domain->id);
	return add(arguments, "--" COPIER_OPTION_TOKEN, domain->token);
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
add_roots(List *arguments, const JobRun *run)
{
	ListCell *cell;

	foreach (cell, run->domains)
		arguments = add(arguments, "--" COPIER_OPTION_ROOT, ((RunDomain *) lfirst(cell))->root);
	return arguments;
}

static List *
copy_arguments(const JobRun *run)
{
	const RunDomain *target = job_run_target(run);
	bool raw = strcmp(run->volume_format, COPIER_WORD_RAW) == 0;
	char *part =
		psprintf("%s/images/%s/%s" COPIER_SUFFIX_PART, target->root, run->disk_id, run->image_id);
	List *arguments = list_concat(list_make1(COPIER_COPY), run->layers);

	arguments = add(arguments, "--" COPIER_OPTION_OUTPUT,
					psprintf("%s:%s", raw ? COPIER_FORMAT_RAW : COPIER_FORMAT_QCOW2, part));
	arguments = add(arguments, "--" COPIER_OPTION_SIZE, psprintf(INT64_FORMAT, run->virtual_size));
	if (!raw)
		arguments = add(arguments, "--" COPIER_OPTION_COMPAT,
						target->format[0] >= '4' ? COPIER_COMPAT_V3 : COPIER_COMPAT_V2);
	else if (strcmp(run->volume_type, "Preallocated") == 0)
		arguments = lappend(arguments, "--" COPIER_OPTION_PREALLOCATE);
	/* commit takes the record away: a crash before finds the finished copy by it */
	arguments =
		add(arguments, "--" COPIER_OPTION_RESUME, psprintf("%s" COPIER_SUFFIX_RECORD, part));
	arguments = lappend(arguments, "--" COPIER_OPTION_KEEP_RECORD);
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
	List *arguments = list_concat(list_make1(COPIER_MEASURE), run->layers);

	arguments = add(arguments, "--" COPIER_OPTION_FORMAT,
					strcmp(run->volume_format, COPIER_WORD_RAW) == 0 ? COPIER_FORMAT_RAW
																	 : COPIER_FORMAT_QCOW2);
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

/* All steps of the run, for one process. */
static List *
sequence_arguments(const JobRun *run)
{
	List *arguments = list_make1(COPIER_SEQUENCE);
	ListCell *cell;

	foreach (cell, run->domains)
		arguments = then(arguments, check_arguments(lfirst(cell)));
	if (run->kind == RUN_CLEAN)
		return then(arguments, volume_arguments(run, COPIER_VOLUME_REMOVE));
	arguments = then(arguments, create_arguments(run));
	arguments = then(arguments, copy_arguments(run));
	return then(arguments, commit_arguments(run));
}

List *
job_arguments(const JobRun *run)
{
	if (run->in_sequence)
		return sequence_arguments(run);
	switch (run->step)
	{
		case STEP_CHECK:
		case STEP_LOOK:
			return check_arguments(list_nth(run->domains, run->domains_checked));
		case STEP_SPACE:
			return check_arguments(job_run_target(run));
		case STEP_CREATE:
			return create_arguments(run);
		case STEP_COPY:
			return copy_arguments(run);
		case STEP_COMMIT:
			return commit_arguments(run);
		case STEP_REMOVE:
			return volume_arguments(run, COPIER_VOLUME_REMOVE);
		case STEP_MEASURE:
			break;
	}
	return measure_arguments(run);
}
