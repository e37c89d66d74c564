/*
 * checks_again.c
 *		What was read before the locks, read once more under them: where the images lie, the storage
 *		domains that are read and written, who has the names.  The images themselves locks.c has read
 *		again.
 *
 * While a call waits for its locks others may merge, move and remove, and set domains inactive.
 * All of it is read as it is committed now, under every isolation level.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/keyed_rows.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "checks/check_table.h"
#include "plan/plan_parts.h"

/* Names $1 of VMs (or templates, by entity_type $2) of data center $3 that have one now. */
static Statement used_names = {
	.sql = "SELECT v.vm_guid, v.vm_name::text FROM unnest($1::varchar[]) AS n(name)"
		   /* OFFSET 0: by the index on names, not through all VMs of the clusters */
		   " CROSS JOIN LATERAL (SELECT w.vm_guid, w.vm_name, w.cluster_id"
		   "  FROM vm_static w WHERE w.vm_name = n.name AND w.entity_type = $2 OFFSET 0) v"
		   " JOIN cluster c ON c.cluster_id = v.cluster_id WHERE c.storage_pool_id = $3",
	.argument_count = 3,
	.argument_types = {TEXTARRAYOID, TEXTOID, UUIDOID},
};

/* Columns of used_names. */
enum UsedNameColumn
{
	USED_BY = 1,
	USED_NAME,
};

static const ChainImage *
find_image(const ClonePlan *plan, const pg_uuid_t *image_id)
{
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		for (int j = 0; j < disk->chain_length && disk->fate == DISK_COPY; j++)
			if (uuid_same(&disk->chain[j].image_id, image_id))
				return &disk->chain[j];
	}
	return NULL;
}

/* The images to read, each once, and their domains. */
static int
collect_images(const ClonePlan *plan, pg_uuid_t **ids, pg_uuid_t **domains)
{
	int total = 0;
	int count = 0;

	for (int i = 0; i < plan->disk_count; i++)
		total += plan->disks[i].chain_length;
	*ids = palloc(sizeof(pg_uuid_t) * (total + 1));
	*domains = palloc(sizeof(pg_uuid_t) * (total + 1));
	for (int i = 0; i < plan->disk_count; i++)
		for (int j = 0; j < plan->disks[i].chain_length && plan->disks[i].fate == DISK_COPY; j++)
		{
			const ChainImage *image = &plan->disks[i].chain[j];

			if (find_image(plan, &image->image_id) != image)
				continue;
			(*ids)[count] = image->image_id;
			(*domains)[count++] = image->storage_domain_id;
		}
	return count;
}

static int
collect_domains(const ClonePlan *plan, pg_uuid_t **ids)
{
	int count = 0;
	ListCell *cell;

	*ids = palloc(sizeof(pg_uuid_t) * (list_length(plan->domains) + 1));
	foreach (cell, plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (domain->is_source || domain->is_target || domain->of_lease)
			(*ids)[count++] = domain->id;
	}
	return count;
}

/* An image in a domain. */
typedef struct Place
{
	pg_uuid_t image_id;
	pg_uuid_t domain_id;
} Place;

static Place *
read_places(const ClonePlan *plan, const pg_uuid_t *images, int count, int *place_count)
{
	const KeyedRows *rows = plan->image_places;
	Place *places;

	if (rows == NULL || !keyed_rows_are_current(rows, NULL, rows->count, KEYED_LATEST))
		rows = keyed_rows("image_storage_domain_map", "image_id", images, count, KEYED_LATEST);
	places = palloc(sizeof(Place) * (rows->count + 1));

	for (int i = 0; i < rows->count; i++)
	{
		places[i].image_id = keyed_uuid(rows, i, "image_id");
		places[i].domain_id = keyed_uuid(rows, i, "storage_domain_id");
	}
	*place_count = rows->count;
	return places;
}

static bool
is_among(const Place *places, int count, const pg_uuid_t *image_id, const pg_uuid_t *domain_id)
{
	for (int i = 0; i < count; i++)
	{
		if (uuid_same(&places[i].image_id, image_id) && uuid_same(&places[i].domain_id, domain_id))
			return true;
	}
	return false;
}

static void
look_for_moves(StringInfo detail, const ClonePlan *plan)
{
	pg_uuid_t *images;
	pg_uuid_t *domains;
	int count = collect_images(plan, &images, &domains);
	int place_count;
	const Place *places = read_places(plan, images, count, &place_count);

	for (int i = 0; i < count; i++)
	{
		if (!is_among(places, place_count, &images[i], &domains[i]))
			appendStringInfo(detail, "%sImage %s is no longer in storage domain %s.",
							 detail->len ? "  " : "", uuid_text(&images[i]),
							 uuid_text(&domains[i]));
	}
}

/* The domain's row in the data center, or -1. */
static int
find_in_pool(const KeyedRows *rows, const pg_uuid_t *domain_id, const pg_uuid_t *pool_id)
{
	for (int i = 0; i < rows->count; i++)
	{
		pg_uuid_t domain = keyed_uuid(rows, i, "storage_id");
		pg_uuid_t pool = keyed_uuid(rows, i, "storage_pool_id");

		if (uuid_same(&domain, domain_id) && uuid_same(&pool, pool_id))
			return i;
	}
	return -1;
}

static void
look_at_domains(StringInfo detail, const ClonePlan *plan)
{
	pg_uuid_t *ids;
	int count = collect_domains(plan, &ids);
	const KeyedRows *rows =
		keyed_rows("storage_pool_iso_map", "storage_id", ids, count, KEYED_LATEST);

	for (int i = 0; i < count; i++)
	{
		const DomainFacts *domain = plan_domain(plan, &ids[i]);
		int row = find_in_pool(rows, &ids[i], &plan->pool_id);
		bool is_null = row < 0 || keyed_is_null(rows, row, "status");
		int status = is_null ? 0 : (int) keyed_int64(rows, row, "status");

		if (!is_null && status == STORAGE_DOMAIN_STATUS_ACTIVE)
			continue;
		appendStringInfo(detail, "%sStorage domain %s (%s) ", detail->len ? "  " : "",
						 domain->name ? domain->name : "", uuid_text(&ids[i]));
		if (is_null)
			appendStringInfo(detail, "is no longer in data center \"%s\".", plan->pool_name);
		else
			appendStringInfo(detail, "has status %s now.", storage_domain_status_name(status));
	}
}

static bool
is_new(const ClonePlan *plan, const pg_uuid_t *vm_id)
{
	for (int i = 0; i < plan->new_vm_count; i++)
	{
		if (uuid_same(&plan->new_vm_ids[i], vm_id))
			return true;
	}
	return false;
}

/* Nearly always only the call's own machines, if any, have the names. */
static bool
only_new_have_names(const ClonePlan *plan)
{
	const KeyedRows *rows = rows_with_planned_names(plan, KEYED_LATEST);
	bool result = rows->is_indexed;

	for (int row = 0; row < rows->count && result; row++)
	{
		pg_uuid_t id = keyed_uuid(rows, row, "vm_guid");

		result = is_new(plan, &id);
	}
	return result;
}

static void
look_for_names(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	Datum values[3] = {planned_names(plan), CStringGetTextDatum(planned_entity_type(plan)),
					   UUIDPGetDatum(&plan->pool_id)};
	uint64 rows;

	if (only_new_have_names(plan))
		return;
	rows = statement_run_latest(&used_names, values, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t id = field_uuid(row, USED_BY);

		if (!is_new(plan, &id))
			note_used_name(run, field_text(row, USED_NAME), uuid_text(&id));
	}
}

/* Reads once a run; what has changed, as sentences, in the run. */
static void
look_again(CheckRun *run)
{
	/* beforehand the plan has just been read */
	if (run->looked_again || (run->phases & CHECK_ALWAYS))
		return;
	run->looked_again = true;
	initStringInfo(&run->changed_images);
	initStringInfo(&run->changed_domains);
	if (run->plan->chain_changes)
		appendStringInfoString(&run->changed_images, run->plan->chain_changes);
	look_for_moves(&run->changed_images, run->plan);
	look_at_domains(&run->changed_domains, run->plan);
	look_for_names(run);
}

/* note_used_name for all VMs of the data center that have a name, as they are now. */
void
look_up_used_names_again(CheckRun *run)
{
	look_again(run);
}

void
check_chain_unchanged(CheckRun *run)
{
	look_again(run);
	if (run->looked_again && run->changed_images.len)
		refuse(run, run->changed_images.data, "images of the snapshot were changed meanwhile");
}

void
check_domains_unchanged(CheckRun *run)
{
	look_again(run);
	if (run->looked_again && run->changed_domains.len)
		refuse(run, run->changed_domains.data,
			   "storage domains of the clone were changed meanwhile");
}
