/*
 * job_source.c
 *		What a run reads and which storage domains it touches.
 *
 * A later copy of a call reads the first copy's finished image of the same disk, one file instead of a chain,
 * but only while that copy's job isn't over: afterwards its VM may run and change the image.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "base/frame.h"
#include "base/json.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "contract/copier_protocol.h"
#include "job/job_source.h"
#include "utils/memutils.h"

/* The image that stands for the chain: the one with the lowest number, so that all take the same. */
static Statement finished_sibling = {
	.sql = "SELECT e.disk_id, e.image_id, e.storage_domain_id, e.volume_format"
		   " FROM vmclone.jobs ej JOIN vmclone.async_tasks e ON e.job_id = ej.job_id"
		   " WHERE ej.call_id = $1 AND ej.job_id <> $2 AND e.disk_number = $3"
		   " AND e.result = 'success' AND e.virtual_size = $4"
		   " AND ej.status IN ('queued', 'running', 'paused', 'waiting', 'finishing')"
		   " ORDER BY ej.copy_number LIMIT 1",
	.argument_count = 4,
	.argument_types = {UUIDOID, UUIDOID, INT4OID, INT8OID},
};

/* Columns of finished_sibling. */
enum
{
	SIBLING_DISK_ID = 1,
	SIBLING_IMAGE_ID,
	SIBLING_STORAGE_DOMAIN_ID,
	SIBLING_VOLUME_FORMAT,
};

static Statement domain_in_pool = {
	.sql = "SELECT s.storage_name, s.storage_domain_format_type, p.status"
		   " FROM storage_domain_static s LEFT JOIN storage_pool_iso_map p"
		   " ON p.storage_id = s.id AND p.storage_pool_id = $2 WHERE s.id = $1",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDOID},
};

/* Columns of domain_in_pool. */
enum
{
	DOMAIN_NAME = 1,
	DOMAIN_FORMAT,
	DOMAIN_STATUS,
};

char *
job_run_add_domain(JobRun *run, const pg_uuid_t *domain_id, const pg_uuid_t *pool_id,
				   RunDomain **result)
{
	char *id = uuid_text(domain_id);
	Datum values[2] = {UUIDPGetDatum(domain_id), UUIDPGetDatum(pool_id)};
	bool nulls[2] = {false, pool_id == NULL};
	MemoryContext old;
	RunDomain *domain;
	Frame frame;
	char *name;
	char *format;
	int64 status;
	ListCell *cell;

	foreach (cell, run->domains)
	{
		*result = lfirst(cell);
		if (strcmp((*result)->id, id) == 0)
			return NULL;
	}

	frame_enter_inventory(&frame);
	if (statement_run(&domain_in_pool, values, nulls) == 0)
	{
		frame_leave(&frame);
		return psprintf("storage domain %s does not exist", id);
	}
	name = field_text(0, DOMAIN_NAME);
	format = field_text(0, DOMAIN_FORMAT);
	status = field_int64(0, DOMAIN_STATUS);
	frame_leave(&frame);
	if (pool_id != NULL && status != STORAGE_DOMAIN_STATUS_ACTIVE)
		return psprintf("storage domain \"%s\" (%s) is not active", name, id);
	old = MemoryContextSwitchTo(run->context);
	domain = palloc0(sizeof(RunDomain));
	domain->id = pstrdup(id);
	domain->name = pstrdup(name);
	domain->format = pstrdup(format != NULL && format[0] != '\0' ? format : "0");
	run->domains = lappend(run->domains, domain);
	MemoryContextSwitchTo(old);
	*result = domain;
	return NULL;
}

static void
add_layer(JobRun *run, RunDomain *domain, const char *format, const pg_uuid_t *group_id,
		  const pg_uuid_t *image_id)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	RunLayer *layer = palloc0(sizeof(RunLayer));

	layer->domain = domain;
	layer->is_raw = strcmp(format, COPIER_WORD_RAW) == 0;
	layer->group_id = uuid_text(group_id);
	layer->image_id = uuid_text(image_id);
	run->layers = lappend(run->layers, layer);
	MemoryContextSwitchTo(old);
}

char *
job_run_add_layer(JobRun *run, const pg_uuid_t *domain_id, const char *format,
				  const pg_uuid_t *group_id, const pg_uuid_t *image_id)
{
	RunDomain *domain;
	char *problem = job_run_add_domain(run, domain_id, NULL, &domain);

	if (problem == NULL)
		add_layer(run, domain, format, group_id, image_id);
	return problem;
}

char *
job_run_add_layers(JobRun *run, const Jsonb *layers, const pg_uuid_t *pool_id)
{
	JsonbIterator *iterator = JsonbIteratorInit((JsonbContainer *) &layers->root);
	JsonbValue value;
	JsonbIteratorToken token;

	(void) JsonbIteratorNext(&iterator, &value, false);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) == WJB_ELEM)
	{
		Jsonb *layer = JsonbValueToJsonb(&value);
		char *format = json_get_text(layer, "volume_format");
		RunDomain *domain;
		pg_uuid_t domain_id;
		pg_uuid_t image_id;
		pg_uuid_t group_id;
		char *problem;

		if (format == NULL || !json_get_uuid(layer, "image_id", &image_id) ||
			!json_get_uuid(layer, "image_group_id", &group_id) ||
			!json_get_uuid(layer, "storage_domain_id", &domain_id))
			elog(ERROR,
				 "a layer lacks image_id, image_group_id, storage_domain_id or volume_format");
		problem = job_run_add_domain(run, &domain_id, pool_id, &domain);
		if (problem != NULL)
			return problem;
		add_layer(run, domain, format, &group_id, &image_id);
	}
	return NULL;
}

char *
job_run_choose_source(JobRun *run, const JobRow *job, const Jsonb *layers, int disk_number,
					  bool may_read)
{
	Datum values[4] = {UUIDPGetDatum(&job->call_id), UUIDPGetDatum(&job->job_id),
					   Int32GetDatum(disk_number), Int64GetDatum(run->virtual_size)};

	if (may_read && statement_run(&finished_sibling, values, NULL) > 0)
	{
		pg_uuid_t disk_id = field_uuid(0, SIBLING_DISK_ID);
		pg_uuid_t image_id = field_uuid(0, SIBLING_IMAGE_ID);
		pg_uuid_t domain_id = field_uuid(0, SIBLING_STORAGE_DOMAIN_ID);
		char *format = field_text(0, SIBLING_VOLUME_FORMAT);
		RunDomain *domain;
		char *problem = job_run_add_domain(run, &domain_id, &job->storage_pool_id, &domain);

		if (problem != NULL)
			return problem;
		add_layer(run, domain, format, &disk_id, &image_id);
		run->reads_copy = true;
		return NULL;
	}
	return job_run_add_layers(run, layers, &job->storage_pool_id);
}
