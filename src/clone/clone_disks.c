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

static const char *
bool_text(bool value)
{
	return value ? "true" : "false";
}

/* A flag that the snapshot says; null for one that must not be null means: as the source has it. */
static void
set_flag(RowCopy *rows, int source, const Jsonb *configuration, const char *key)
{
	if (json_get_text(configuration, key))
		row_copy_set(rows, source, key, bool_text(json_get_bool(configuration, key, false)));
}

/* base_disks: what the snapshot says of the disk, never shareable. */
static int
disk_source(RowCopy *rows, const PlannedDisk *disk)
{
	int source = row_copy_source(rows, &disk->disk_id, NULL, 0);
	const char *backup = json_get_text(disk->configuration, "backup");

	row_copy_set(rows, source, "shareable", "false");
	row_copy_set(rows, source, "disk_storage_type", psprintf("%d", DISK_STORAGE_TYPE_IMAGE));
	set_flag(rows, source, disk->configuration, "wipe_after_delete");
	if (backup)
		row_copy_set(rows, source, "backup", backup);
	if (json_has(disk->configuration, "disk_description"))
		row_copy_set(rows, source, "disk_description",
					 json_get_text(disk->configuration, "disk_description"));
	return source;
}

/* images: one leaf without parent, locked until its data is there. */
static int
image_source(RowCopy *rows, const ClonePlan *plan, const PlannedDisk *disk)
{
	static const char no_id[] = "00000000-0000-0000-0000-000000000000";
	int source = row_copy_source(rows, &disk->image_id, NULL, 0);

	row_copy_set(rows, source, "size", psprintf(INT64_FORMAT, disk->size));
	row_copy_set(rows, source, "active", "true");
	row_copy_set(rows, source, "it_guid", no_id);
	row_copy_set(rows, source, "parentid", no_id);
	row_copy_set(rows, source, "imagestatus", psprintf("%d", IMAGE_STATUS_LOCKED));
	row_copy_set(rows, source, "qcow_compat", psprintf("%d", qcow_compat(plan, disk)));
	row_copy_set(rows, source, "volume_type", psprintf("%d", (int) disk->volume_type));
	row_copy_set(rows, source, "volume_format", psprintf("%d", (int) disk->volume_format));
	row_copy_set(rows, source, "volume_classification",
				 psprintf("%d", VOLUME_CLASSIFICATION_VOLUME));
	row_copy_set(rows, source, "sequence_number", "1");
	row_copy_set(rows, source, "_create_date", "now");
	row_copy_set(rows, source, "_update_date", NULL);
	row_copy_set(rows, source, "creation_date", "now");
	row_copy_set(rows, source, "lastmodified", "now");
	return source;
}

/* disk_vm_element: how the virtual machine uses the disk. */
static int
element_source(RowCopy *rows, const ClonePlan *plan, const PlannedDisk *disk, bool chipset_changes)
{
	const Jsonb *old = json_get(plan->configuration, "vm_static");
	bool becomes_q35 = json_get_int64(old, "bios_type", 0) == BIOS_I440FX;
	const char *disk_interface = disk->disk_interface;
	int source = row_copy_source(rows, &disk->disk_id, NULL, 0);

	/* Q35 has no IDE, I440FX no SATA */
	if (disk_interface && chipset_changes &&
		strcmp(disk_interface, becomes_q35 ? "IDE" : "SATA") == 0)
		disk_interface = becomes_q35 ? "SATA" : "IDE";

	row_copy_set(rows, source, "is_boot", bool_text(disk->is_boot));
	if (disk_interface)
		row_copy_set(rows, source, "disk_interface", disk_interface);
	set_flag(rows, source, disk->configuration, "pass_discard");
	set_flag(rows, source, disk->configuration, "is_using_scsi_reservation");
	return source;
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
		int from_disk = 0;
		int from_image = 0;
		int from_elements[2] = {0, 0}; /* chipset as in the snapshot, or another one */

		if (!disk_is_made(disk) && disk->fate != DISK_ATTACH)
			continue;
		if (disk_is_made(disk))
		{
			from_disk = disk_source(disk_rows, disk);
			from_image = image_source(image_rows, plan, disk);
		}
		for (int c = 0; c < work->copy_count; c++)
		{
			const CloneCopy *copy = &work->copies[c];
			bool chipset_changes = clone_changes_chipset(plan, work->vm_static[c]);
			int *from_element = &from_elements[chipset_changes];
			const pg_uuid_t *disk_id = &disk->disk_id;
			const void *values[ROW_COPY_MAX_COLUMNS];

			if (disk_is_made(disk))
			{
				disk_id = &copy->new_disk_ids[d];
				values[0] = disk_id;
				values[1] = copy->disk_aliases[d];
				row_copy_row(disk_rows, from_disk, values);
				values[0] = &copy->new_image_ids[d];
				values[1] = disk_id;
				/* a template has no snapshots */
				values[2] = work->is_template ? NULL : &copy->active_snapshot_id;
				row_copy_row(image_rows, from_image, values);
				clone_note_row(work, c, disk_id);
				clone_note_row(work, c, &copy->new_image_ids[d]);
			}
			else
				clone_note_row(work, c, disk_id);
			if (*from_element == 0)
				*from_element = element_source(element_rows, plan, disk, chipset_changes);
			values[0] = disk_id;
			values[1] = &copy->vm_id;
			row_copy_row(element_rows, *from_element, values);
		}
	}
	(void) row_copy_run(disk_rows);
	(void) row_copy_run(image_rows);
	place_images(work);
	(void) row_copy_run(element_rows);
}
