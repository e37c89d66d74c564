/*
 * job_place.c
 *		Which host does a run.
 *
 * All steps of a run are done on one host, where all of its storage domains must be attached.  Whether hosts answer is what
 * the last look at them said (job_hosts.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/arrays.h"
#include "base/settings.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "job/job_place.h"
#include "storage/storage_files.h"
#include "storage/storage_place.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

static Statement hosts_with_domains = {
	.sql = "SELECT host_name, address, max_copies, bandwidth_limit, obstacle"
		   " FROM vmclone_internal.hosts_with_domains($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Columns of hosts_with_domains; the first three also of usable_hosts. */
enum
{
	HOST_NAME = 1,
	HOST_ADDRESS,
	HOST_MAX_COPIES,
	HOST_BANDWIDTH_LIMIT,
	HOST_OBSTACLE,
};

static Statement usable_hosts = {
	.sql = "SELECT host_name, address, max_copies FROM vmclone.hosts"
		   " WHERE status <> 'down' AND drain IS NULL",
};

static Statement hosts_of_domains = {
	.sql = "SELECT vmclone_internal.hosts_of_domains($1, $2)",
	.argument_count = 2,
	.argument_types = {UUIDARRAYOID, TEXTARRAYOID},
};

/* Columns of hosts_of_domains. */
enum
{
	NOWHERE_REASON = 1,
};

int
job_runs_on_host(const char *host_name)
{
	int count = 0;
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		const JobRun *run = lfirst(cell);

		if (strcmp(run->host.name, host_name) == 0 && job_run_active(run))
			count++;
	}
	return count;
}

Datum
job_free_hosts(void)
{
	uint64 rows = statement_run(&usable_hosts, NULL, NULL);
	const char **names = palloc(sizeof(char *) * (rows + 1));
	int count = 0;

	for (uint64 row = 0; row < rows; row++)
	{
		const char *name = field_text(row, HOST_NAME);

		if (field_is_null(row, HOST_MAX_COPIES) ||
			job_runs_on_host(name) < field_int64(row, HOST_MAX_COPIES))
			names[count++] = name;
	}
	return array_of_texts(names, count);
}

static Datum
domain_id(const RunDomain *domain)
{
	return DirectFunctionCall1(uuid_in, CStringGetDatum(domain->id));
}

static Datum
domain_ids(const JobRun *run)
{
	Datum *ids = palloc(sizeof(Datum) * list_length(run->domains));
	int count = 0;
	ListCell *cell;

	foreach (cell, run->domains)
		ids[count++] = domain_id(lfirst(cell));
	return array_of_datums(ids, count, UUIDOID);
}

static const char *
label(const RunDomain *domain)
{
	return psprintf("\"%s\" (%s)", domain->name, domain->id);
}

/* A block domain's devices can't be made, so it can't be used, while no program is set. */
static char *
place_problem(const RunDomain *domain, const char *host, StoragePlace *place)
{
	pg_uuid_t *id = DatumGetUUIDP(domain_id(domain));

	if (!storage_place_find(id, host, false, place))
		return psprintf(
			"storage domain %s is not attached (attach_storage_domain; with take_over => "
			"true where a database had attached it that is gone)",
			label(domain));
	if (!place->is_usable)
		return psprintf("storage domain %s cannot be used: %s", label(domain),
						place->error != NULL ? place->error : "its last check failed");
	if (storage_place_lacks_program(place))
		return psprintf(
			"storage domain %s is a block domain, and vmclone.provision_command is empty",
			label(domain));
	return NULL;
}

/* Each is attached somewhere, but no host has all. */
static char *
nowhere_together(const JobRun *run)
{
	const char **labels = palloc(sizeof(char *) * list_length(run->domains));
	int count = 0;
	Datum values[2];
	ListCell *cell;

	foreach (cell, run->domains)
		labels[count++] = label(lfirst(cell));
	values[0] = domain_ids(run);
	values[1] = array_of_texts(labels, count);
	statement_run_one_row(&hosts_of_domains, values, NULL);
	return field_text(0, NOWHERE_REASON);
}

/* Why no host has all domains. */
static char *
missing_domains(const JobRun *run)
{
	StoragePlace place;
	ListCell *cell;

	foreach (cell, run->domains)
	{
		char *problem = place_problem(lfirst(cell), NULL, &place);

		if (problem != NULL)
			return problem;
	}
	return nowhere_together(run);
}

/* Where the domain lies on the run's host. */
static char *
take_place(JobRun *run, RunDomain *domain)
{
	StoragePlace place;
	char *problem = place_problem(domain, run->host.name, &place);
	MemoryContext old;

	if (problem != NULL)
		return problem;
	old = MemoryContextSwitchTo(run->context);
	domain->place = storage_place_copy(&place);
	MemoryContextSwitchTo(old);
	return NULL;
}

/* What the layer's file is called on the run's host; a logical volume's device is known when it is active. */
static void
set_path(JobRun *run, RunLayer *layer)
{
	const StoragePlace *place = &layer->domain->place;
	pg_uuid_t image_id;
	char *file = NULL;
	char *slash;

	if (place->files_path != NULL && uuid_parse_text(layer->image_id, &image_id))
		file = storage_file_find(&image_id);
	slash = file != NULL ? strrchr(file, '/') : NULL;
	layer->name = MemoryContextStrdup(
		run->context, file == NULL ? layer->image_id : (slash != NULL ? slash + 1 : file));
	if (place->is_block)
		return;
	layer->path = MemoryContextStrdup(run->context,
									  file != NULL ? psprintf("%s/%s", place->files_path, file)
												   : psprintf("%s/images/%s/%s", place->real_path,
															  layer->group_id, layer->image_id));
}

static void
set_paths(JobRun *run)
{
	ListCell *cell;

	foreach (cell, run->layers)
		set_path(run, lfirst(cell));
}

static char *
take_places(JobRun *run)
{
	ListCell *cell;

	foreach (cell, run->domains)
	{
		char *problem = take_place(run, lfirst(cell));

		if (problem != NULL)
			return problem;
	}
	set_paths(run);
	return NULL;
}

void
job_run_place_sources(JobRun *run)
{
	List *domains = run->domains;
	List *layers = run->layers;
	MemoryContext old = MemoryContextSwitchTo(run->context);
	ListCell *cell;

	run->domains = run->layers = NIL;
	foreach (cell, domains)
	{
		RunDomain *domain = lfirst(cell);

		if (domain->place.real_path != NULL || take_place(run, domain) == NULL)
			run->domains = lappend(run->domains, domain);
	}
	foreach (cell, layers)
		if (list_member_ptr(run->domains, ((RunLayer *) lfirst(cell))->domain))
			run->layers = lappend(run->layers, lfirst(cell));
	MemoryContextSwitchTo(old);
	set_paths(run);
}

/* How full a host is, in thousandths; above 1000 for a host that takes no more. */
static int64
load(int64 max_copies, int runs)
{
	if (max_copies == 0)
		return Min(1000 * (int64) runs / vmclone_max_parallel_copies, 1000);
	return runs >= max_copies ? 1001 : 1000 * (int64) runs / max_copies;
}

/* The row of the least loaded host; -1: none may have it.  *unusable gets what is wrong with those that may not. */
static int64
choose_row(const JobRun *run, uint64 rows, bool *is_busy, StringInfo unusable)
{
	int64 best = -1;
	int64 least = 1001;

	for (uint64 row = 0; row < rows; row++)
	{
		const char *name = field_text(row, HOST_NAME);
		int64 its_load = load(field_int64(row, HOST_MAX_COPIES), job_runs_on_host(name));
		bool was_there = run->earlier_host != NULL && strcmp(run->earlier_host, name) == 0;

		/* what a copier has kept beside a device lies there */
		if (run->kind == RUN_CLEAN && was_there)
			its_load = -1;
		if (!field_is_null(row, HOST_OBSTACLE))
			appendStringInfo(unusable, "%s%s", unusable->len > 0 ? "; " : "",
							 field_text(row, HOST_OBSTACLE));
		else if (its_load > 1000 && run->kind == RUN_COPY)
			*is_busy = true;
		else if (best < 0 || its_load < least || (its_load == least && was_there))
		{
			best = row;
			least = its_load;
		}
	}
	return best;
}

Placement
job_run_place(JobRun *run, char **problem)
{
	Datum ids = domain_ids(run);
	uint64 rows = statement_run(&hosts_with_domains, &ids, NULL);
	StringInfoData unusable;
	bool is_busy = false;
	int64 row;
	MemoryContext old;

	initStringInfo(&unusable);
	row = choose_row(run, rows, &is_busy, &unusable);
	if (row < 0)
	{
		*problem = is_busy    ? "the hosts that have its storage domains are busy"
				   : rows > 0 ? unusable.data
							  : missing_domains(run);
		return rows > 0 ? PLACE_LATER : PLACE_NONE;
	}
	old = MemoryContextSwitchTo(run->context);
	run->host.name = field_text(row, HOST_NAME);
	run->host.address = field_text(row, HOST_ADDRESS);
	run->host_limit = field_int64(row, HOST_BANDWIDTH_LIMIT);
	MemoryContextSwitchTo(old);
	*problem = take_places(run);
	return *problem == NULL ? PLACED : PLACE_NONE;
}
