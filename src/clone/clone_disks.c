/*
 * clone_disks.c
 *		Disks of the new virtual machines: one collapsed image each (ovirt-clone.md, "Disks").
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/insertion.h"
#include "base/json.h"
#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "clone/clone_internal.h"

static RowCopyTarget base_disks = {
	.relation = "base_disks",
	.key = "disk_id",
	.column_count = 2,
	.columns = {{"disk_id", UUIDOID}, {"disk_alias", TEXTOID}},
};

static RowCopyTarget images = {
	.relation = "images",
	.key = "image_guid",
	.column_count = 3,
	.columns = {{"image_guid", UUIDOID}, {"image_group_id", UUIDOID}, {"vm_snapshot_id", UUIDOID}},
};

static RowCopyTarget disk_vm_element = {
	.relation = "disk_vm_element",
	.key = "disk_id",
	.second_key = "vm_id",
	.column_count = 2,
	.columns = {{"disk_id", UUIDOID}, {"vm_id", UUIDOID}},
};

/* How much the images take: nothing yet; and where they lie. */
static Insertion insert_sizes = {
	.relation = "disk_image_dynamic",
	.column_count = 2,
	.columns = {{"image_id", UUIDOID}, {"actual_size", INT8OID}},
};

static Insertion insert_places = {
	.relation = "image_storage_domain_map",
	.column_count = 4,
	.columns = {{"image_id", UUIDOID},
				{"storage_domain_id", UUIDOID},
				{"quota_id", UUIDOID},
				{"disk_profile_id", UUIDOID}},
};

/* qcow2's version in the target domain: 0.10 up to format V3, 1.1 from V4. */
static int
qcow_compat(const ClonePlan *plan, const PlannedDisk *disk)
{
	ListCell *cell;

	if (disk->volume_format != VOLUME_FORMAT_COW)
		return 0;
	foreach (cell, plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (uuid_same(&domain->id, &disk->target_domain_id) && domain->format &&
			atoi(domain->format) < 4)
			return QCOW_COMPAT_V2;
	}
	return QCOW_COMPAT_V3;
}

/* base_disks: what the snapshot says of the disk, never shareable. */
static Jsonb *
disk_overlay(const PlannedDisk *disk)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "{\"shareable\": false, \"disk_storage_type\": %d",
					 DISK_STORAGE_TYPE_IMAGE);
	/* null for a flag that must not be null means: as the source has it */
	if (json_get_text(disk->configuration, "wipe_after_delete"))
		appendStringInfo(&text, ", \"wipe_after_delete\": %s",
						 json_get_bool(disk->configuration, "wipe_after_delete", false) ? "true"
																						: "false");
	if (json_get_text(disk->configuration, "backup"))
	{
		appendStringInfoString(&text, ", \"backup\": ");
		json_append_string(&text, json_get_text(disk->configuration, "backup"));
	}
	if (json_has(disk->configuration, "disk_description"))
	{
		appendStringInfoString(&text, ", \"disk_description\": ");
		json_append_string(&text, json_get_text(disk->configuration, "disk_description"));
	}
	appendStringInfoChar(&text, '}');
	return json_from_text(text.data);
}

/* images: one leaf without parent, locked until its data is there.  Keys as jsonb sorts them. */
static Jsonb *
image_overlay(const ClonePlan *plan, const PlannedDisk *disk)
{
	return json_from_text(
		psprintf("{\"size\": " INT64_FORMAT ", \"active\": true,"
				 " \"it_guid\": \"00000000-0000-0000-0000-000000000000\","
				 " \"parentid\": \"00000000-0000-0000-0000-000000000000\", \"imagestatus\": %d,"
				 " \"qcow_compat\": %d, \"volume_type\": %d, \"_create_date\": \"now\","
				 " \"_update_date\": null, \"lastmodified\": \"now\", \"creation_date\": \"now\","
				 " \"volume_format\": %d, \"sequence_number\": 1, \"volume_classification\": %d}",
				 disk->size, IMAGE_STATUS_LOCKED, qcow_compat(plan, disk), (int) disk->volume_type,
				 (int) disk->volume_format, VOLUME_CLASSIFICATION_VOLUME));
}

/* disk_vm_element: how the virtual machine uses the disk. */
static Jsonb *
element_overlay(const ClonePlan *plan, const PlannedDisk *disk, bool chipset_changes)
{
	const Jsonb *old = json_get(plan->configuration, "vm_static");
	bool becomes_q35 = json_get_int64(old, "bios_type", 0) == BIOS_I440FX;
	const char *disk_interface = disk->disk_interface;
	StringInfoData text;

	/* Q35 has no IDE, I440FX no SATA */
	if (disk_interface && chipset_changes &&
		strcmp(disk_interface, becomes_q35 ? "IDE" : "SATA") == 0)
		disk_interface = becomes_q35 ? "SATA" : "IDE";

	initStringInfo(&text);
	appendStringInfo(&text, "{\"is_boot\": %s", disk->is_boot ? "true" : "false");
	if (disk_interface)
	{
		appendStringInfoString(&text, ", \"disk_interface\": ");
		json_append_string(&text, disk_interface);
	}
	if (json_get_text(disk->configuration, "pass_discard"))
		appendStringInfo(&text, ", \"pass_discard\": %s",
						 json_get_bool(disk->configuration, "pass_discard", false) ? "true"
																				   : "false");
	if (json_get_text(disk->configuration, "is_using_scsi_reservation"))
		appendStringInfo(&text, ", \"is_using_scsi_reservation\": %s",
						 json_get_bool(disk->configuration, "is_using_scsi_reservation", false)
							 ? "true"
							 : "false");
	appendStringInfoChar(&text, '}');
	return json_from_text(text.data);
}

static void
place_images(CloneWork *work)
{
	const ClonePlan *plan = work->plan;
	NewRows sizes = insertion_begin(&insert_sizes);
	NewRows places = insertion_begin(&insert_places);

	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];

		for (int c = 0; c < work->copy_count && disk_is_made(disk); c++)
		{
			const pg_uuid_t *image_id = &work->copies[c].new_image_ids[d];

			new_rows_put_uuid(&sizes, image_id);
			new_rows_put(&sizes, Int64GetDatum(0));
			new_rows_put_uuid(&places, image_id);
			new_rows_put_uuid(&places, &disk->target_domain_id);
			new_rows_put_uuid(&places, disk->quota_id.given ? &disk->quota_id.value : NULL);
			new_rows_put_uuid(&places,
							  disk->disk_profile_id.given ? &disk->disk_profile_id.value : NULL);
		}
	}
	insertion_run(&sizes);
	insertion_run(&places);
}

void
clone_disks_write(CloneWork *work)
{
	const ClonePlan *plan = work->plan;
	RowCopy *disk_rows = row_copy_begin(&base_disks, NULL);
	RowCopy *image_rows = row_copy_begin(&images, NULL);
	RowCopy *element_rows = row_copy_begin(&disk_vm_element, &plan->source_vm_id);

	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];
		int disk_source = 0;
		int image_source = 0;
		int element_sources[2] = {0, 0}; /* chipset as in the snapshot, or another one */
		const Jsonb *overlay;

		if (!disk_is_made(disk) && disk->fate != DISK_ATTACH)
			continue;
		if (disk_is_made(disk))
		{
			overlay = disk_overlay(disk);
			disk_source = row_copy_source(disk_rows, &disk->disk_id, &overlay, 1);
			overlay = image_overlay(plan, disk);
			image_source = row_copy_source(image_rows, &disk->image_id, &overlay, 1);
		}
		for (int c = 0; c < work->copy_count; c++)
		{
			const CloneCopy *copy = &work->copies[c];
			bool chipset_changes = clone_changes_chipset(plan, work->vm_static[c]);
			int *element_source = &element_sources[chipset_changes];
			const pg_uuid_t *disk_id = &disk->disk_id;
			const void *values[ROW_COPY_MAX_COLUMNS];

			if (disk_is_made(disk))
			{
				disk_id = &copy->new_disk_ids[d];
				values[0] = disk_id;
				values[1] = copy->disk_aliases[d];
				row_copy_row(disk_rows, disk_source, values);
				values[0] = &copy->new_image_ids[d];
				values[1] = disk_id;
				/* a template has no snapshots */
				values[2] = work->is_template ? NULL : &copy->active_snapshot_id;
				row_copy_row(image_rows, image_source, values);
				clone_note_row(work, c, disk_id);
				clone_note_row(work, c, &copy->new_image_ids[d]);
			}
			else
				clone_note_row(work, c, disk_id);
			if (*element_source == 0)
			{
				overlay = element_overlay(plan, disk, chipset_changes);
				*element_source = row_copy_source(element_rows, &disk->disk_id, &overlay, 1);
			}
			values[0] = disk_id;
			values[1] = &copy->vm_id;
			row_copy_row(element_rows, *element_source, values);
		}
	}
	(void) row_copy_run(disk_rows);
	(void) row_copy_run(image_rows);
	place_images(work);
	(void) row_copy_run(element_rows);
}
