/*
 * plan_chains.c
 *		The chains of the disks' images, followed and looked through.
 *
 * Chains are followed through the rows of all images of the disks, which are read at once.  Those
 * that leave their disk, into a template's or wrongly, come from one recursive statement.  What is
 * wrong in them (gone, ILLEGAL, another disk's, a loop) is found here and refused by checks_chain.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/arrays.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "plan/plan_parts.h"

#define VOLUME_ALIGNMENT 4096
#define DISK_MOST_BYTES  ((int64) 1 << 62) /* 4 EiB: what is needed for it is still a number */

/*
 * Chosen image first, then its ancestors; the bound ends what has a loop.  An image of another
 * disk is looked up further: the step into a template's disk is right, any other is a fault.
 */
static Statement load_chains = {
	.sql =
		"WITH RECURSIVE chain AS ("
		" SELECT c.n, c.disk_id, 0 AS depth, i.image_guid, i.parentid, i.it_guid, i.image_group_id,"
		"  i.imagestatus, i.volume_format, i.volume_type, i.size"
		"  FROM ROWS FROM (unnest($1), unnest($2)) WITH ORDINALITY"
		"   AS c(image_id, disk_id, n) JOIN images i ON i.image_guid = c.image_id"
		" UNION ALL"
		" SELECT c.n, c.disk_id, c.depth + 1, i.image_guid, i.parentid, i.it_guid,"
		"  i.image_group_id, i.imagestatus, i.volume_format, i.volume_type, i.size"
		"  FROM chain c JOIN images i ON i.image_guid = c.parentid"
		/* every engine has a row with this id, which is no image */
		"  WHERE c.depth < $3 AND c.parentid <> '00000000-0000-0000-0000-000000000000')"
		" SELECT c.n::integer, c.image_guid, c.parentid, c.it_guid, c.image_group_id, c.imagestatus,"
		"  c.volume_format, c.volume_type, c.size, COALESCE(d.actual_size, 0),"
		"  ARRAY (SELECT m.storage_domain_id FROM image_storage_domain_map m"
		"   WHERE m.image_id = c.image_guid ORDER BY 1),"
		"  CASE WHEN c.image_group_id IS DISTINCT FROM c.disk_id THEN EXISTS ("
		"   SELECT 1 FROM disk_vm_element e JOIN vm_static t ON t.vm_guid = e.vm_id"
		"    WHERE e.disk_id = c.image_group_id AND t.entity_type = 'TEMPLATE') ELSE false END"
		" FROM chain c LEFT JOIN disk_image_dynamic d ON d.image_id = c.image_guid"
		" ORDER BY c.n, c.depth",
	.argument_count = 3,
	.argument_types = {UUIDARRAYOID, UUIDARRAYOID, INT4OID},
};

/* Columns of load_chains. */
enum ChainColumn
{
	CHAIN_NUMBER = 1,
	CHAIN_IMAGE_ID,
	CHAIN_PARENT_ID,
	CHAIN_TEMPLATE_IMAGE_ID,
	CHAIN_DISK_ID,
	CHAIN_STATUS,
	CHAIN_VOLUME_FORMAT,
	CHAIN_VOLUME_TYPE,
	CHAIN_SIZE,
	CHAIN_ACTUAL_SIZE,
	CHAIN_DOMAINS,
	CHAIN_OF_TEMPLATE_DISK,
};

/* One image of a chain, and whether its disk, if it isn't the chain's, is a template's. */
typedef struct ChainLink
{
	ImageRow image;
	bool of_template_disk;
} ChainLink;

/* 0: no size that a new disk can have. */
int64
plan_disk_size(int64 size)
{
	if (size < 0 || size > DISK_MOST_BYTES)
		return 0;
	return (size + VOLUME_ALIGNMENT - 1) / VOLUME_ALIGNMENT * VOLUME_ALIGNMENT;
}

bool
plan_has_image(const PlannedDisk *disk)
{
	return disk->disk_storage_type == DISK_STORAGE_TYPE_IMAGE && !disk->shareable;
}

static void pg_attribute_printf(3, 4)
	set_fault(PlannedDisk *disk, ChainFault fault, const char *format, ...)
{
	char buffer[512];
	va_list arguments;

	if (disk->chain_fault != CHAIN_SOUND)
		return;
	va_start(arguments, format);
	vsnprintf(buffer, sizeof(buffer), format, arguments);
	va_end(arguments);
	disk->chain_fault = fault;
	disk->fault_detail = pstrdup(buffer);
}

/* The chosen image's own domain comes first; a template's image may lie on several. */
static void
choose_domain(ChainImage *image, const ImageRow *row, const ChainImage *child)
{
	image->has_domain = row->domain_count > 0;
	if (row->domain_count == 0)
		return;
	image->storage_domain_id = row->domains[0];
	for (int i = 0; i < row->domain_count && child && child->has_domain; i++)
		if (uuid_same(&row->domains[i], &child->storage_domain_id))
			image->storage_domain_id = row->domains[i];
}

static void
read_image(ChainImage *image, const ImageRow *row, const ChainImage *child)
{
	image->image_id = row->image_id;
	image->parent_id = row->parent_id;
	image->disk_id = row->disk_id;
	image->image_status = row->status;
	image->volume_format = (VolumeFormat) row->volume_format;
	image->volume_type = (VolumeType) row->volume_type;
	image->size = row->size;
	image->actual_size = row->actual_size;
	choose_domain(image, row, child);
}

static bool
seen_before(const ChainImage *images, int count, const pg_uuid_t *image_id)
{
	for (int i = 0; i < count; i++)
		if (uuid_same(&images[i].image_id, image_id))
			return true;
	return false;
}

/* An image of another disk than the chain's: right once, into the template a thin VM stands on. */
static void
check_step(PlannedDisk *disk, ChainImage *image, const ChainImage *child, bool of_template,
		   const pg_uuid_t *child_template_image)
{
	if (child == NULL)
	{
		set_fault(disk, CHAIN_OTHER_DISK, "Image %s belongs to disk %s, not to disk %s.",
				  uuid_text(&image->image_id), uuid_text(&image->disk_id),
				  uuid_text(&disk->disk_id));
		return;
	}
	if (child->of_template)
	{
		image->of_template = true;
		if (!uuid_same(&image->disk_id, &child->disk_id))
			set_fault(disk, CHAIN_TEMPLATE_STEP,
					  "Image %s of disk %s continues in image %s of disk %s; a chain may step "
					  "into a template's disk once.",
					  uuid_text(&child->image_id), uuid_text(&child->disk_id),
					  uuid_text(&image->image_id), uuid_text(&image->disk_id));
		return;
	}
	if (!of_template)
	{
		set_fault(disk, CHAIN_OTHER_DISK,
				  "Image %s of disk %s has a parent of disk %s, which is no template's disk: image "
				  "%s.",
				  uuid_text(&child->image_id), uuid_text(&child->disk_id),
				  uuid_text(&image->disk_id), uuid_text(&image->image_id));
		return;
	}
	image->of_template = true;
	if (!uuid_is_zero(child_template_image) && !uuid_same(child_template_image, &image->image_id))
		set_fault(disk, CHAIN_TEMPLATE_STEP,
				  "Image %s is made from template image %s, but its parent is image %s.",
				  uuid_text(&child->image_id), uuid_text(child_template_image),
				  uuid_text(&image->image_id));
	if (image->has_domain && child->has_domain &&
		!uuid_same(&image->storage_domain_id, &child->storage_domain_id))
		set_fault(disk, CHAIN_TEMPLATE_DOMAIN,
				  "Template image %s is not on storage domain %s, where image %s is.",
				  uuid_text(&image->image_id), uuid_text(&child->storage_domain_id),
				  uuid_text(&child->image_id));
}

/* links: the chain, chosen image first; the disk keeps it root first. */
static void
read_chain(PlannedDisk *disk, const ChainLink *links, int link_count)
{
	ChainImage *images = palloc0(sizeof(ChainImage) * link_count);
	pg_uuid_t child_template_image = {{0}};
	int count;

	for (count = 0; count < link_count; count++)
	{
		ChainImage *image = &images[count];
		const ChainImage *child = count > 0 ? &images[count - 1] : NULL;

		read_image(image, &links[count].image, child);
		image->folder_id = disk->disk_id;
		if (seen_before(images, count, &image->image_id))
		{
			set_fault(disk, CHAIN_LOOP, "Image %s is its own ancestor by way of image %s.",
					  uuid_text(&image->image_id), uuid_text(&child->image_id));
			break;
		}
		if (count >= CHAIN_MAX_LENGTH)
		{
			set_fault(disk, CHAIN_TOO_LONG, "The chain of image %s is longer than %d images.",
					  uuid_text(&disk->image_id), CHAIN_MAX_LENGTH);
			break;
		}
		if (!uuid_same(&image->disk_id, &disk->disk_id))
			check_step(disk, image, child, links[count].of_template_disk, &child_template_image);
		else if (child && child->of_template)
			set_fault(disk, CHAIN_TEMPLATE_STEP,
					  "Template image %s has a parent in the virtual machine's own disk: image %s.",
					  uuid_text(&child->image_id), uuid_text(&image->image_id));
		if (count > 0 && image->image_status == IMAGE_STATUS_ILLEGAL)
			set_fault(disk, CHAIN_IMAGE_ILLEGAL, "Image %s is ILLEGAL.",
					  uuid_text(&image->image_id));
		child_template_image = links[count].image.template_image_id;
	}
	if (count == link_count && !uuid_is_zero(&images[count - 1].parent_id))
		set_fault(disk, CHAIN_PARENT_MISSING, "Image %s has parent %s, which does not exist.",
				  uuid_text(&images[count - 1].image_id), uuid_text(&images[count - 1].parent_id));

	disk->chain = palloc(sizeof(ChainImage) * (count + 1));
	disk->chain_length = count;
	for (int i = 0; i < count; i++)
		disk->chain[i] = images[count - 1 - i];
	disk->state = images[0].image_status == IMAGE_STATUS_ILLEGAL ? DISK_ILLEGAL : DISK_PRESENT;
	disk->size = plan_disk_size(images[0].size);
}

/* Follows the chain as long as it stays in its disk; false: it leaves it, or its image is gone. */
static bool
follow_chain(PlannedDisk *disk, const ImageRows *images)
{
	int room = 32;
	ChainLink *links = palloc(sizeof(ChainLink) * room);
	pg_uuid_t next = disk->image_id;
	int count = 0;

	/* one more than a chain may have, which also ends a loop */
	do
	{
		const ImageRow *row = image_rows_find(images, &next);

		if (row == NULL || !uuid_same(&row->disk_id, &disk->disk_id))
			return false;
		if (count == room)
		{
			room *= 2;
			links = repalloc(links, sizeof(ChainLink) * room);
		}
		links[count].of_template_disk = false;
		links[count++].image = *row;
		next = row->parent_id;
	} while (!uuid_is_zero(&next) && count <= CHAIN_MAX_LENGTH);
	read_chain(disk, links, count);
	return true;
}

static void
read_link(uint64 row, ChainLink *link)
{
	link->image.image_id = field_uuid(row, CHAIN_IMAGE_ID);
	link->image.parent_id = field_uuid(row, CHAIN_PARENT_ID);
	link->image.template_image_id = field_uuid(row, CHAIN_TEMPLATE_IMAGE_ID);
	link->image.disk_id = field_uuid(row, CHAIN_DISK_ID);
	link->image.status = (int) field_int64(row, CHAIN_STATUS);
	link->image.volume_format = (int) field_int64(row, CHAIN_VOLUME_FORMAT);
	link->image.volume_type = (int) field_int64(row, CHAIN_VOLUME_TYPE);
	link->image.size = field_int64(row, CHAIN_SIZE);
	link->image.actual_size = field_int64(row, CHAIN_ACTUAL_SIZE);
	link->image.domains = field_uuids(row, CHAIN_DOMAINS, &link->image.domain_count);
	link->of_template_disk = field_bool(row, CHAIN_OF_TEMPLATE_DISK);
}

static void
load_chains_of(PlannedDisk **disks, int count)
{
	pg_uuid_t *image_ids = palloc(sizeof(pg_uuid_t) * (count + 1));
	pg_uuid_t *disk_ids = palloc(sizeof(pg_uuid_t) * (count + 1));
	Datum values[3];
	uint64 rows;

	for (int i = 0; i < count; i++)
	{
		image_ids[i] = disks[i]->image_id;
		disk_ids[i] = disks[i]->disk_id;
	}
	values[0] = array_of_uuids(image_ids, count);
	values[1] = array_of_uuids(disk_ids, count);
	values[2] = Int32GetDatum(CHAIN_MAX_LENGTH);
	rows = statement_run(&load_chains, values, NULL);
	for (uint64 first = 0; first < rows;)
	{
		int64 number = field_int64(first, CHAIN_NUMBER);
		uint64 last = first;
		ChainLink *links;

		while (last < rows && field_int64(last, CHAIN_NUMBER) == number)
			last++;
		if (number < 1 || number > count)
			elog(ERROR, "chain of disk number " INT64_FORMAT " was not asked for", number);
		links = palloc0(sizeof(ChainLink) * (last - first));
		for (uint64 row = first; row < last; row++)
			read_link(row, &links[row - first]);
		read_chain(disks[number - 1], links, (int) (last - first));
		first = last;
	}
}

void
plan_load_chains(ClonePlan *plan, const ImageRows *images)
{
	PlannedDisk **left = palloc(sizeof(PlannedDisk *) * (plan->disk_count + 1));
	int count = 0;

	for (int i = 0; i < plan->disk_count; i++)
	{
		PlannedDisk *disk = &plan->disks[i];

		if (plan_has_image(disk) && !follow_chain(disk, images))
			left[count++] = disk;
	}
	if (count == 0)
		return;
	load_chains_of(left, count);
	plan->image_places = NULL;
}
