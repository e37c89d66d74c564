/*
 * plan_disks.c
 *		Disks of a clone call: which are copied, their chains, target formats and bytes.
 *
 * Chains are followed through the rows of all images of the disks, which are read at once.  Those
 * that leave their disk, into a template's or wrongly, come from one recursive statement.  What is
 * wrong in them (gone, ILLEGAL, another disk's, a loop) is found here and refused by checks_chain.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/errors.h"
#include "base/json.h"
#include "plan/plan_parts.h"
#include "inventory/row_copy.h"
#include "base/statement.h"

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
		"  FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) WITH ORDINALITY"
		"   AS c(image_id, disk_id, n) JOIN images i ON i.image_guid = c.image_id"
		" UNION ALL"
		" SELECT c.n, c.disk_id, c.depth + 1, i.image_guid, i.parentid, i.it_guid,"
		"  i.image_group_id, i.imagestatus, i.volume_format, i.volume_type, i.size"
		"  FROM chain c JOIN images i ON i.image_guid = c.parentid WHERE c.depth < $3)"
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

/* One image of a chain, and whether its disk, if it isn't the chain's, is a template's. */
typedef struct ChainLink
{
	ImageRow image;
	bool of_template_disk;
} ChainLink;

/* Keys of a handed-back disk object that a caller may change; disk_alias has a rule of its own. */
static const char *const changeable_keys[] = {
	"disk_description", "disk_interface",    "is_boot",     "is_plugged",
	"pass_discard",     "wipe_after_delete", "is_readonly", "is_using_scsi_reservation"};

/* Facts about the source that nobody may change by handing them back differently. */
static const char *const fixed_keys[] = {"image_id",          "size",   "shareable",
										 "disk_storage_type", "backup", "lun_id"};

/* What an attached disk has for all virtual machines that use it. */
static const char *const attached_keys[] = {
	"disk_alias",  "disk_description",  "wipe_after_delete", "volume_format",
	"volume_type", "storage_domain_id", "quota_id",          "disk_profile_id"};

static const char *const disk_interfaces[] = {"IDE", "VirtIO_SCSI", "VirtIO", "SPAPR_VSCSI",
											  "SATA"};

/* 0: no size that a new disk can have. */
static int64
round_up(int64 size)
{
	if (size < 0 || size > DISK_MOST_BYTES)
		return 0;
	return (size + VOLUME_ALIGNMENT - 1) / VOLUME_ALIGNMENT * VOLUME_ALIGNMENT;
}

static void
append_given(StringInfo overlay, const Jsonb *given, const char *key)
{
	JsonbValue *value =
		getKeyJsonValueFromContainer((JsonbContainer *) &given->root, key, strlen(key), NULL);
	char *text;

	if (value == NULL || value->type == jbvNull)
		return;
	text = json_get_text(given, key);
	appendStringInfo(overlay, "%s\"%s\":", overlay->len > 1 ? "," : "", key);
	if (value->type == jbvString)
		json_append_string(overlay, text);
	else
		appendStringInfoString(overlay, text);
}

/* The longest one is the table's to say. */
static void
check_description(const Jsonb *given)
{
	StringInfoData overlay;

	if (json_get_text(given, "disk_description") == NULL)
		return;
	initStringInfo(&overlay);
	appendStringInfoChar(&overlay, '{');
	append_given(&overlay, given, "disk_description");
	appendStringInfoChar(&overlay, '}');
	row_overlay_check("base_disks", json_from_text(overlay.data), "disks");
}

static void
refuse_changed_keys(const PlannedDisk *disk, const char *const *keys, int count, const char *why)
{
	for (int i = 0; i < count; i++)
	{
		char *wanted = json_get_text(disk->choice->given, keys[i]);
		char *is = json_get_text(disk->configuration, keys[i]);

		if (wanted && (is == NULL || strcmp(wanted, is) != 0))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("key \"%s\" of disk %s in parameter \"disks\" cannot be changed",
								   keys[i], uuid_text(&disk->disk_id)),
							errdetail("It is \"%s\" in the snapshot, and \"%s\" was given%s.",
									  is ? is : "null", message_excerpt(wanted), why),
							errhint("Leave the key out, or hand it back unchanged.")));
	}
}

/* Lays what the caller may change over the disk's object of the configuration. */
static void
apply_choice(PlannedDisk *disk)
{
	const Jsonb *given = disk->choice->given;
	const char *interface = json_get_text(given, "disk_interface");
	StringInfoData overlay;

	refuse_changed_keys(disk, fixed_keys, lengthof(fixed_keys), "");
	if (disk->choice->attach)
		refuse_changed_keys(disk, attached_keys, lengthof(attached_keys),
							"; the same disk is attached, as it is");
	if (interface)
	{
		bool known = false;

		for (int i = 0; i < lengthof(disk_interfaces); i++)
			known = known || strcmp(disk_interfaces[i], interface) == 0;
		if (!known)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("invalid value for parameter \"disks.disk_interface\": \"%s\"",
								   message_excerpt(interface)),
							errhint("Valid values are \"IDE\", \"VirtIO_SCSI\", \"VirtIO\", "
									"\"SPAPR_VSCSI\" and \"SATA\".")));
	}
	check_description(given);
	initStringInfo(&overlay);
	appendStringInfoChar(&overlay, '{');
	for (int i = 0; i < lengthof(changeable_keys); i++)
		append_given(&overlay, given, changeable_keys[i]);
	appendStringInfoChar(&overlay, '}');
	if (overlay.len > 2)
		disk->configuration = plan_concatenate(disk->configuration, json_from_text(overlay.data));
}

static const DiskChoice *
find_choice(const CloneRequest *request, const pg_uuid_t *disk_id)
{
	for (int i = 0; i < request->disk_count; i++)
		if (uuid_same(&request->disks[i].disk_id, disk_id))
			return &request->disks[i];
	return NULL;
}

static bool
is_image_disk(const PlannedDisk *disk)
{
	return disk->disk_storage_type == DISK_STORAGE_TYPE_IMAGE && !disk->shareable;
}

static void
read_configuration(ClonePlan *plan)
{
	int count;
	Jsonb **objects = plan_objects(plan->configuration, "disks", &count);

	plan->disks = palloc0(sizeof(PlannedDisk) * (count + 1));
	plan->disk_count = count;
	for (int i = 0; i < count; i++)
	{
		PlannedDisk *disk = &plan->disks[i];

		disk->number = i + 1;
		disk->configuration = objects[i];
		(void) json_get_uuid(objects[i], "disk_id", &disk->disk_id);
		(void) json_get_uuid(objects[i], "image_id", &disk->image_id);
		disk->source_alias = json_get_text(objects[i], "disk_alias");
		disk->choice = find_choice(plan->request, &disk->disk_id);
		if (disk->choice)
			apply_choice(disk);
		disk->is_boot = json_get_bool(disk->configuration, "is_boot", false);
		disk->shareable = json_get_bool(disk->configuration, "shareable", false);
		disk->disk_storage_type =
			(int) json_get_int64(disk->configuration, "disk_storage_type", DISK_STORAGE_TYPE_IMAGE);
		disk->disk_interface = json_get_text(disk->configuration, "disk_interface");
		disk->has_backup = json_get_text(disk->configuration, "backup") &&
						   strcmp(json_get_text(disk->configuration, "backup"), "Incremental") == 0;
		disk->size = round_up(json_get_int64(disk->configuration, "size", 0));
		/* what has no image can't miss it */
		disk->state = is_image_disk(disk) ? DISK_MISSING : DISK_PRESENT;
	}
	for (int i = 0; i < plan->request->disk_count && plan->configuration; i++)
	{
		bool known = false;

		for (int d = 0; d < count; d++)
			known = known || plan->disks[d].choice == &plan->request->disks[i];
		if (!known)
			plan->unknown_disks =
				lappend(plan->unknown_disks, uuid_text(&plan->request->disks[i].disk_id));
	}
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
	disk->size = round_up(images[0].size);
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
	link->image.image_id = field_uuid(row, 2);
	link->image.parent_id = field_uuid(row, 3);
	link->image.template_image_id = field_uuid(row, 4);
	link->image.disk_id = field_uuid(row, 5);
	link->image.status = (int) field_int64(row, 6);
	link->image.volume_format = (int) field_int64(row, 7);
	link->image.volume_type = (int) field_int64(row, 8);
	link->image.size = field_int64(row, 9);
	link->image.actual_size = field_int64(row, 10);
	link->image.domains = plan_field_uuids(row, 11, &link->image.domain_count);
	link->of_template_disk = field_bool(row, 12);
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
	values[0] = plan_uuid_array(image_ids, count);
	values[1] = plan_uuid_array(disk_ids, count);
	values[2] = Int32GetDatum(CHAIN_MAX_LENGTH);
	rows = statement_run(&load_chains, values, NULL);
	for (uint64 first = 0; first < rows;)
	{
		int64 number = field_int64(first, 1);
		uint64 last = first;
		ChainLink *links;

		while (last < rows && field_int64(last, 1) == number)
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

static void
load_all_chains(ClonePlan *plan, const ImageRows *images)
{
	PlannedDisk **left = palloc(sizeof(PlannedDisk *) * (plan->disk_count + 1));
	int count = 0;

	for (int i = 0; i < plan->disk_count; i++)
	{
		PlannedDisk *disk = &plan->disks[i];

		if (is_image_disk(disk) && !follow_chain(disk, images))
			left[count++] = disk;
	}
	if (count > 0)
		load_chains_of(left, count);
}

static void
choose_fate(const ClonePlan *plan, PlannedDisk *disk)
{
	bool attach = disk->choice && disk->choice->attach;

	if (attach && is_image_disk(disk))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("disk %s cannot be attached to a second virtual machine",
							   uuid_text(&disk->disk_id)),
						errdetail("It is neither shareable nor a LUN."),
						errhint("Leave \"attach\" out: the disk is copied.")));
	if (disk->choice && !disk->choice->include)
	{
		disk->fate = DISK_SKIP;
		disk->fate_reason = "left out by the caller";
	}
	else if (!is_image_disk(disk))
	{
		bool attachable = disk->shareable || disk->disk_storage_type == DISK_STORAGE_TYPE_LUN;

		disk->fate = attach && attachable ? DISK_ATTACH : DISK_LEFT;
		if (!attachable)
			disk->fate_reason = "its kind of storage cannot be cloned";
		else if (attach)
			disk->fate_reason = "the same disk is attached to the clone";
		else
			disk->fate_reason =
				"shareable and LUN disks are not copied; \"attach\": true attaches them";
	}
	else if (disk->state == DISK_PRESENT)
		disk->fate = DISK_COPY;
	else
	{
		bool blank = plan->request->missing_disk == MISSING_DISK_BLANK;

		disk->fate = blank ? DISK_BLANK : DISK_SKIP;
		if (disk->state == DISK_ILLEGAL)
			disk->fate_reason = blank ? "the snapshot's image is ILLEGAL; an empty disk is made"
									  : "the snapshot's image is ILLEGAL";
		else
			disk->fate_reason = blank ? "the snapshot's image is gone; an empty disk is made"
									  : "the snapshot's image is gone";
	}
}

/* Its own domain unless the caller names one; a blank disk goes where its neighbours are. */
static void
choose_target(const ClonePlan *plan, PlannedDisk *disk)
{
	if (disk->fate != DISK_COPY && disk->fate != DISK_BLANK)
		return;
	if (disk->choice && disk->choice->storage_domain_id.given)
	{
		disk->has_target = true;
		disk->target_domain_id = disk->choice->storage_domain_id.value;
		return;
	}
	if (disk->chain_length > 0)
	{
		disk->has_target = disk->chain[disk->chain_length - 1].has_domain;
		disk->target_domain_id = disk->chain[disk->chain_length - 1].storage_domain_id;
		return;
	}
	disk->has_target =
		json_get_uuid(disk->configuration, "storage_domain_id", &disk->target_domain_id);
	for (int i = 0; i < plan->disk_count && !disk->has_target; i++)
	{
		const PlannedDisk *other = &plan->disks[i];

		if (other->chain_length == 0 || !other->chain[other->chain_length - 1].has_domain)
			continue;
		disk->has_target = true;
		disk->target_domain_id = other->chain[other->chain_length - 1].storage_domain_id;
	}
}

static const ImageRows *
load_images(const ClonePlan *plan)
{
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * (plan->disk_count + plan->active_disk_count + 1));
	int count = 0;

	for (int i = 0; i < plan->disk_count; i++)
		if (is_image_disk(&plan->disks[i]))
			ids[count++] = plan->disks[i].disk_id;
	for (int i = 0; i < plan->active_disk_count; i++)
		ids[count++] = plan->active_disks[i].disk_id;
	return image_rows_load(ids, count);
}

static int
compare_active_disks(const void *a, const void *b)
{
	return memcmp(&((const ActiveDisk *) a)->disk_id, &((const ActiveDisk *) b)->disk_id,
				  sizeof(pg_uuid_t));
}

/* Of the disks that the VM has now, those that it writes to, by id. */
static void
read_active_images(ClonePlan *plan, const ImageRows *images)
{
	int kept = 0;

	for (int d = 0; d < plan->active_disk_count; d++)
	{
		ActiveDisk disk = plan->active_disks[d];

		for (int i = 0; i < images->count; i++)
		{
			const ImageRow *image = &images->rows[i];

			if (!image->active || !uuid_same(&image->disk_id, &disk.disk_id))
				continue;
			disk.image_id = image->image_id;
			disk.image_status = image->status;
			disk.has_domain = image->domain_count > 0;
			if (disk.has_domain)
				disk.storage_domain_id = image->domains[0];
			plan->active_disks[kept++] = disk;
			break;
		}
	}
	plan->active_disk_count = kept;
	qsort(plan->active_disks, kept, sizeof(ActiveDisk), compare_active_disks);
}

void
plan_load_disks(ClonePlan *plan, const ImageRows *images)
{
	read_configuration(plan);
	if (images == NULL)
		images = load_images(plan);
	load_all_chains(plan, images);
	for (int i = 0; i < plan->disk_count; i++)
	{
		PlannedDisk *disk = &plan->disks[i];

		choose_fate(plan, disk);
		choose_target(plan, disk);
		if (disk->choice && disk->choice->quota_id.given)
			disk->quota_id = disk->choice->quota_id;
		else
			disk->quota_id = plan->default_quota_id;
	}
	read_active_images(plan, images);
}
