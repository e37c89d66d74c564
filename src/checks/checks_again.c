/*
 * checks_again.c
 *		What was read before the locks, read once more under them: where the images lie, the storage
 *		domains that are read and written, who has the names.  The images themselves locks.c has read
 *		again.
 *
 * While a call waits for its locks others may merge, move and remove, and set domains inactive.
 * Everything is read in one statement that sees what is committed now, under every isolation level.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "checks/check_table.h"
#include "plan/plan_parts.h"

/*
 * $1, $2: images, and the domain that each is read from; $3: domains; $4: the data center; $5: names;
 * $6: their entity_type.  A row an image that isn't in that domain any longer, a row a domain, and a
 * row a VM (or template) of the data center that has a name.
 */
static Statement read_again = {
	.sql = "SELECT 0 AS what, r.id, NULL::integer, NULL::text"
		   " FROM ROWS FROM (unnest($1), unnest($2)) AS r (id, domain_id)"
		   " WHERE NOT EXISTS (SELECT FROM image_storage_domain_map m"
		   "  WHERE m.image_id = r.id AND m.storage_domain_id = r.domain_id)"
		   " UNION ALL SELECT 1, r.id,"
		   " (SELECT m.status FROM storage_pool_iso_map m WHERE m.storage_id = r.id"
		   "  AND m.storage_pool_id = $4), NULL FROM unnest($3) AS r (id)"
		   " UNION ALL SELECT 2, v.vm_guid, NULL, v.vm_name::text"
		   " FROM unnest($5::varchar[]) AS n(name)"
		   /* OFFSET 0: by the index on names, not through all VMs of the clusters */
		   " CROSS JOIN LATERAL (SELECT w.vm_guid, w.vm_name, w.cluster_id"
		   "  FROM vm_static w WHERE w.vm_name = n.name AND w.entity_type = $6 OFFSET 0) v"
		   " JOIN cluster c ON c.cluster_id = v.cluster_id WHERE c.storage_pool_id = $4",
	.argument_count = 6,
	.argument_types = {UUIDARRAYOID, UUIDARRAYOID, UUIDARRAYOID, UUIDOID, TEXTARRAYOID, TEXTOID},
};

/* Columns of read_again. */
enum ReadAgainColumn
{
	READ_WHAT = 1,
	READ_ID,
	READ_STATUS,
	READ_NAME,
};

/* Values of read_again's first column. */
typedef enum ReadAgain
{
	READ_IMAGE_MOVED,
	READ_DOMAIN,
	READ_NAME_USED,
} ReadAgain;

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

static void
append_image_move(StringInfo detail, const ClonePlan *plan, uint64 row)
{
	pg_uuid_t id = field_uuid(row, READ_ID);
	const ChainImage *image = find_image(plan, &id);

	appendStringInfo(detail, "%sImage %s is no longer in storage domain %s.",
					 detail->len ? "  " : "", uuid_text(&id), uuid_text(&image->storage_domain_id));
}

static void
append_domain_change(StringInfo detail, const ClonePlan *plan, uint64 row)
{
	pg_uuid_t id = field_uuid(row, READ_ID);
	const DomainFacts *domain = plan_domain(plan, &id);

	if (domain == NULL || field_int64(row, READ_STATUS) == STORAGE_DOMAIN_STATUS_ACTIVE)
		return;
	appendStringInfo(detail, "%sStorage domain %s (%s) ", detail->len ? "  " : "",
					 domain->name ? domain->name : "", uuid_text(&id));
	if (field_is_null(row, READ_STATUS))
		appendStringInfo(detail, "is no longer in data center \"%s\".", plan->pool_name);
	else
		appendStringInfo(detail, "has status %s now.",
						 storage_domain_status_name((int) field_int64(row, READ_STATUS)));
}

/* Reads once a run; what has changed, as sentences, in the run. */
static void
look_again(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	pg_uuid_t *images;
	pg_uuid_t *image_domains;
	pg_uuid_t *domains;
	int image_count;
	int domain_count;
	Datum values[6];
	uint64 rows;

	/* beforehand the plan has just been read */
	if (run->looked_again || (run->phases & CHECK_ALWAYS))
		return;
	run->looked_again = true;
	initStringInfo(&run->changed_images);
	initStringInfo(&run->changed_domains);
	if (plan->chain_changes)
		appendStringInfoString(&run->changed_images, plan->chain_changes);
	image_count = collect_images(plan, &images, &image_domains);
	domain_count = collect_domains(plan, &domains);
	values[0] = array_of_uuids(images, image_count);
	values[1] = array_of_uuids(image_domains, image_count);
	values[2] = array_of_uuids(domains, domain_count);
	values[3] = UUIDPGetDatum(&plan->pool_id);
	values[4] = planned_names(plan);
	values[5] = CStringGetTextDatum(planned_entity_type(plan));
	rows = statement_run_latest(&read_again, values, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		switch ((ReadAgain) field_int64(row, READ_WHAT))
		{
			case READ_IMAGE_MOVED:
				append_image_move(&run->changed_images, plan, row);
				break;
			case READ_DOMAIN:
				append_domain_change(&run->changed_domains, plan, row);
				break;
			case READ_NAME_USED:
				note_used_name(run, field_text(row, READ_NAME), field_text(row, READ_ID));
				break;
		}
	}
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
