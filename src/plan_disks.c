/*
 * plan_disks.c
 *		Disks of a clone call: which are copied, their chains, target formats and bytes.
 *
 * All chains of all disks come from one recursive statement.  What is wrong in them (gone, ILLEGAL,
 * another disk's, a loop) is found here and refused by checks_chain.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "json.h"
#include "plan_parts.h"
#include "statement.h"

#define VOLUME_ALIGNMENT 4096

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

static Statement load_active_disks = {
	.sql = "SELECT e.disk_id, i.image_guid, b.disk_alias::text, i.imagestatus, b.disk_storage_type,"
		   " (SELECT m.storage_domain_id FROM image_storage_domain_map m"
		   "   WHERE m.image_id = i.image_guid ORDER BY 1 LIMIT 1)"
		   " FROM disk_vm_element e JOIN base_disks b ON b.disk_id = e.disk_id"
		   " JOIN images i ON i.image_group_id = e.disk_id AND i.active"
		   " WHERE e.vm_id = $1 AND NOT COALESCE(b.shareable, false) ORDER BY e.disk_id",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Keys of a handed-back disk object that a caller may change; disk_alias has a rule of its own. */
static const char *const changeable_keys[] = {
	"disk_description", "disk_interface",    "is_boot",     "is_plugged",
	"pass_discard",     "wipe_after_delete", "is_readonly", "is_using_scsi_reservation"};

/* Facts about the source that nobody may change by handing them back differently. */
static const char *const fixed_keys[] = {"image_id",          "size",   "shareable",
										 "disk_storage_type", "backup", "lun_id"};

static const char *const disk_interfaces[] = {"IDE", "VirtIO_SCSI", "VirtIO", "SPAPR_VSCSI",
											  "SATA"};

static int64
round_up(int64 size)
{
	if (size < 0 || size > PG_INT64_MAX - VOLUME_ALIGNMENT)
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

/* Lays what the caller may change over the disk's object of the configuration. */
static void
apply_choice(PlannedDisk *disk)
{
	const Jsonb *given = disk->choice->given;
	const char *interface = json_get_text(given, "disk_interface");
	StringInfoData overlay;

	for (int i = 0; i < lengthof(fixed_keys); i++)
	{
		char *wanted = json_get_text(given, fixed_keys[i]);
		char *is = json_get_text(disk->configuration, fixed_keys[i]);

		if (wanted && (is == NULL || strcmp(wanted, is) != 0))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("key \"%s\" of disk %s in parameter \"disks\" cannot be changed",
								   fixed_keys[i], uuid_text(&disk->disk_id)),
							errdetail("It is \"%s\" in the snapshot, and \"%s\" was given.",
									  is ? is : "null", wanted),
							errhint("Leave the key out, or hand it back unchanged.")));
	}
	if (interface)
	{
		bool known = false;

		for (int i = 0; i < lengthof(disk_interfaces); i++)
			known = known || strcmp(disk_interfaces[i], interface) == 0;
		if (!known)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("invalid value for parameter \"disks.disk_interface\": \"%s\"",
								   interface),
							errhint("Valid values are \"IDE\", \"VirtIO_SCSI\", \"VirtIO\", "
									"\"SPAPR_VSCSI\" and \"SATA\".")));
	}
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
choose_domain(ChainImage *image, const pg_uuid_t *domains, int count, const ChainImage *child)
{
	image->has_domain = count > 0;
	if (count == 0)
		return;
	image->storage_domain_id = domains[0];
	for (int i = 0; i < count && child && child->has_domain; i++)
		if (uuid_same(&domains[i], &child->storage_domain_id))
			image->storage_domain_id = domains[i];
}

static void
read_image(uint64 row, ChainImage *image, const ChainImage *child)
{
	int domain_count;
	pg_uuid_t *domains = plan_field_uuids(row, 11, &domain_count);

	image->image_id = field_uuid(row, 2);
	image->parent_id = field_uuid(row, 3);
	image->disk_id = field_uuid(row, 5);
	image->image_status = (int) field_int64(row, 6);
	image->volume_format = (VolumeFormat) field_int64(row, 7);
	image->volume_type = (VolumeType) field_int64(row, 8);
	image->size = field_int64(row, 9);
	image->actual_size = field_int64(row, 10);
	choose_domain(image, domains, domain_count, child);
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

/* Rows [first, last) are one chain, chosen image first; the disk keeps it root first. */
static void
read_chain(PlannedDisk *disk, uint64 first, uint64 last)
{
	int rows = (int) (last - first);
	ChainImage *images = palloc0(sizeof(ChainImage) * rows);
	pg_uuid_t child_template_image = {{0}};
	int count;

	for (count = 0; count < rows; count++)
	{
		uint64 row = first + count;
		ChainImage *image = &images[count];
		const ChainImage *child = count > 0 ? &images[count - 1] : NULL;

		read_image(row, image, child);
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
			check_step(disk, image, child, field_bool(row, 12), &child_template_image);
		else if (child && child->of_template)
			set_fault(disk, CHAIN_TEMPLATE_STEP,
					  "Template image %s has a parent in the virtual machine's own disk: image %s.",
					  uuid_text(&child->image_id), uuid_text(&image->image_id));
		if (count > 0 && image->image_status == IMAGE_STATUS_ILLEGAL)
			set_fault(disk, CHAIN_IMAGE_ILLEGAL, "Image %s is ILLEGAL.",
					  uuid_text(&image->image_id));
		child_template_image = field_uuid(row, 4);
	}
	if (count == rows && !uuid_is_zero(&images[rows - 1].parent_id))
		set_fault(disk, CHAIN_PARENT_MISSING, "Image %s has parent %s, which does not exist.",
				  uuid_text(&images[rows - 1].image_id), uuid_text(&images[rows - 1].parent_id));

	disk->chain = palloc(sizeof(ChainImage) * (count + 1));
	disk->chain_length = count;
	for (int i = 0; i < count; i++)
		disk->chain[i] = images[count - 1 - i];
	disk->state = images[0].image_status == IMAGE_STATUS_ILLEGAL ? DISK_ILLEGAL : DISK_PRESENT;
	disk->size = round_up(images[0].size);
}

static void
load_all_chains(ClonePlan *plan)
{
	pg_uuid_t *images = palloc(sizeof(pg_uuid_t) * (plan->disk_count + 1));
	pg_uuid_t *disks = palloc(sizeof(pg_uuid_t) * (plan->disk_count + 1));
	PlannedDisk **wanted = palloc(sizeof(PlannedDisk *) * (plan->disk_count + 1));
	int count = 0;
	Datum values[3];
	uint64 rows;

	for (int i = 0; i < plan->disk_count; i++)
	{
		PlannedDisk *disk = &plan->disks[i];

		if (!is_image_disk(disk))
			continue;
		images[count] = disk->image_id;
		disks[count] = disk->disk_id;
		wanted[count++] = disk;
	}
	if (count == 0)
		return;
	values[0] = plan_uuid_array(images, count);
	values[1] = plan_uuid_array(disks, count);
	values[2] = Int32GetDatum(CHAIN_MAX_LENGTH);
	rows = statement_run(&load_chains, values, NULL);
	for (uint64 first = 0; first < rows;)
	{
		int64 number = field_int64(first, 1);
		uint64 last = first + 1;

		while (last < rows && field_int64(last, 1) == number)
			last++;
		if (number < 1 || number > count)
			elog(ERROR, "chain of disk number " INT64_FORMAT " was not asked for", number);
		read_chain(wanted[number - 1], first, last);
		first = last;
	}
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

void
plan_load_disks(ClonePlan *plan)
{
	read_configuration(plan);
	load_all_chains(plan);
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
}

void
plan_load_active_disks(ClonePlan *plan)
{
	Datum value = UUIDPGetDatum(&plan->source_vm_id);
	uint64 rows;

	if (!plan->snapshot_exists)
		return;
	rows = statement_run(&load_active_disks, &value, NULL);
	plan->active_disks = palloc0(sizeof(ActiveDisk) * (rows + 1));
	plan->active_disk_count = (int) rows;
	for (uint64 row = 0; row < rows; row++)
	{
		ActiveDisk *disk = &plan->active_disks[row];

		disk->disk_id = field_uuid(row, 1);
		disk->image_id = field_uuid(row, 2);
		disk->alias = field_text(row, 3);
		disk->image_status = (int) field_int64(row, 4);
		disk->disk_storage_type = (int) field_int64(row, 5);
		disk->has_domain = !field_is_null(row, 6);
		disk->storage_domain_id = field_uuid(row, 6);
	}
}
