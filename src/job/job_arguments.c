/*
 * job_arguments.c
 *		What a run's child is told on its command line.
 */
#include "postgres.h"

#include "base/settings.h"
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
	List *arguments = list_make2("volume", (void *) action);

	arguments = add(arguments, "--root", target->root);
	arguments = add(arguments, "--disk", run->disk_id);
	return add(arguments, "--image", run->image_id);
}

static List *
check_arguments(const RunDomain *domain)
{
	List *arguments = list_make2("volume", "check");

	arguments = add(arguments, "--root", domain->root);
	arguments = add(arguments, "--storage-domain", domain->id);
	return add(arguments, "--token", domain->token);
}

static List *
create_arguments(const JobRun *run)
{
	const RunDomain *target = job_run_target(run);
	List *arguments = volume_arguments(run, "create");

	arguments = add(arguments, "--domain", target->id);
	arguments = add(arguments, "--size", psprintf(INT64_FORMAT, run->virtual_size));
	arguments = add(arguments, "--format", run->volume_format);
	arguments = add(arguments, "--type",
					strcmp(run->volume_type, "Preallocated") == 0 ? "PREALLOCATED" : "SPARSE");
	arguments = add(arguments, "--voltype", run->copy_volume_type);
	arguments = add(arguments, "--domain-format", target->format);
	arguments = add(arguments, "--disk-type", "DATA");
	return add(arguments, "--description", run->description);
}

static List *
add_roots(List *arguments, const JobRun *run)
{
	ListCell *cell;

	foreach (cell, run->domains)
		arguments = add(arguments, "--root", ((RunDomain *) lfirst(cell))->root);
	return arguments;
}

static List *
copy_arguments(const JobRun *run)
{
	const RunDomain *target = job_run_target(run);
	bool raw = strcmp(run->volume_format, "RAW") == 0;
	char *part = psprintf("%s/images/%s/%s.part", target->root, run->disk_id, run->image_id);
	List *arguments = list_concat(list_make1("copy"), run->layers);

	arguments = add(arguments, "--output", psprintf("%s:%s", raw ? "raw" : "qcow2", part));
	arguments = add(arguments, "--size", psprintf(INT64_FORMAT, run->virtual_size));
	if (!raw)
		arguments = add(arguments, "--compat", target->format[0] >= '4' ? "1.1" : "0.10");
	else if (strcmp(run->volume_type, "Preallocated") == 0)
		arguments = lappend(arguments, "--preallocate");
	/* commit takes the record away: a crash before finds the finished copy by it */
	arguments = add(arguments, "--resume", psprintf("%s.resume", part));
	arguments = lappend(arguments, "--keep-record");
	if (run->limit_sent > 0)
		arguments = add(arguments, "--limit", psprintf(INT64_FORMAT, run->limit_sent));
	if (vmclone_copy_threads > 0)
		arguments = add(arguments, "--threads", psprintf("%d", vmclone_copy_threads));
	if (run->verify)
		arguments = lappend(arguments, "--verify");
	return add_roots(add(arguments, "--progress", "json"), run);
}

static List *
commit_arguments(const JobRun *run)
{
	List *arguments = volume_arguments(run, "commit");

	if (run->output_size > 0)
		arguments = add(arguments, "--size", psprintf(INT64_FORMAT, run->output_size));
	return arguments;
}

static List *
measure_arguments(const JobRun *run)
{
	List *arguments = list_concat(list_make1("measure"), run->layers);

	arguments =
		add(arguments, "--format", strcmp(run->volume_format, "RAW") == 0 ? "raw" : "qcow2");
	return add_roots(arguments, run);
}

List *
job_arguments(const JobRun *run)
{
	switch (run->step)
	{
		case STEP_CHECK:
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
			return volume_arguments(run, "remove");
		case STEP_MEASURE:
			break;
	}
	return measure_arguments(run);
}
