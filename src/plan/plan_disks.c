/*
 * plan_disks.c
 *		Disks of a clone call: the caller's values, which are copied, where they go.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/errors.h"
#include "base/json.h"
#include "base/json_objects.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "inventory/row_copy.h"
#include "plan/plan_parts.h"

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

/* Refuses a description that the column has no room for; how long it may be, the table says. */
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
		disk->configuration = json_overlay(disk->configuration, json_from_text(overlay.data));
}

static const DiskChoice *
find_choice(const CloneRequest *request, const pg_uuid_t *disk_id)
{
	for (int i = 0; i < request->disk_count; i++)
		if (uuid_same(&request->disks[i].disk_id, disk_id))
			return &request->disks[i];
	return NULL;
}

static void
read_configuration(ClonePlan *plan)
{
	int count;
	Jsonb **objects = json_get_elements(plan->configuration, "disks", &count);

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
		disk->size = plan_disk_size(json_get_int64(disk->configuration, "size", 0));
		/* what has no image can't miss it */
		disk->state = plan_has_image(disk) ? DISK_MISSING : DISK_PRESENT;
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

static void
choose_fate(const ClonePlan *plan, PlannedDisk *disk)
{
	bool attach = disk->choice && disk->choice->attach;

	if (attach && plan_has_image(disk))
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
	else if (!plan_has_image(disk))
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
		if (plan_has_image(&plan->disks[i]))
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
	plan->image_places = images->places;
	plan_load_chains(plan, images);
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
