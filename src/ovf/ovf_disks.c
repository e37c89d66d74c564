/*
 * ovf_disks.c
 *		References/File and DiskSection/Disk: one object a disk.
 *
 * A File without a Disk, or a Disk without a File, means that the document is damaged: leaving
 * the disk out would clone a VM without it.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ovf/ovf_internal.h"

#define BYTES_PER_GIB   (1024LL * 1024 * 1024)
#define MAX_SIZE_IN_GIB (8LL * 1024 * 1024)

static const char *const storage_types[] = {"IMAGE", "LUN", "CINDER", "MANAGED_BLOCK_STORAGE",
											"KUBERNETES"};
static const char *const volume_formats[] = {"COW", "RAW", "Unassigned"};
static const char *const volume_types[] = {"Sparse", "Preallocated", "Unassigned"};
static const char *const interfaces[] = {"IDE", "VirtIO_SCSI", "VirtIO", "SPAPR_VSCSI", "SATA"};

#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* Index of the attribute's word; absent when it is missing or empty. */
static bool
attribute_word(OvfReader *reader, const OvfNode *node, const char *name, const char *const *words,
			   int count, int absent, int *word)
{
	const OvfNode *attribute = ovf_attribute(node, name);
	const char *text = ovf_text(reader, attribute);
	char shown[64];

	*word = absent;
	if (ovf_is_blank(text))
		return true;
	for (int i = 0; i < count; i++)
	{
		if (strcmp(words[i], text) == 0)
		{
			*word = i;
			return true;
		}
	}
	return ovf_fail(reader, attribute, "\"%s\" is not a value of this attribute",
					ovf_excerpt(text, shown, sizeof(shown)));
}

/* ovf:href is DISK/IMAGE; for a direct LUN just DISK. */
static bool
read_file(OvfReader *reader, const OvfNode *file, OvfDisk *disk)
{
	const OvfNode *attribute = ovf_attribute(file, "href");
	const char *href = ovf_text(reader, attribute);
	const char *slash = strchr(href, '/');
	char disk_id[OVF_UUID_SIZE];
	char shown[100];

	if (attribute == NULL)
		return ovf_fail(reader, file, "attribute ovf:href is missing");
	if (!attribute_word(reader, file, "disk_storage_type", storage_types, COUNT(storage_types), 0,
						&disk->storage_type))
		return false;
	if (slash != NULL && (size_t) (slash - href) < sizeof(disk_id))
	{
		memcpy(disk_id, href, slash - href);
		disk_id[slash - href] = '\0';
	}
	else if (slash == NULL && strlen(href) < sizeof(disk_id))
		strcpy(disk_id, href);
	else
		disk_id[0] = '\0';
	if (!ovf_is_uuid(disk_id, disk->disk_id) ||
		(slash == NULL && disk->storage_type != DISK_STORAGE_TYPE_LUN))
		return ovf_fail(reader, attribute,
						"\"%s\" is not a disk's uuid, a slash and an image's uuid",
						ovf_excerpt(href, shown, sizeof(shown)));
	disk->file = file;
	disk->plugged = true;
	if (disk->storage_type == DISK_STORAGE_TYPE_LUN)
	{
		disk->image_id[0] = '\0';
		return true;
	}
	attribute = ovf_attribute(file, "id");
	if (attribute == NULL)
		return ovf_fail(reader, file, "attribute ovf:id is missing");
	if (!ovf_uuid(reader, attribute, ovf_text(reader, attribute), disk->image_id))
		return false;
	/* cinder and block disks repeat the disk's id here */
	if (disk->storage_type == DISK_STORAGE_TYPE_IMAGE && slash != NULL)
	{
		char image_id[OVF_UUID_SIZE];

		if (!ovf_is_uuid(slash + 1, image_id) || strcmp(image_id, disk->image_id) != 0)
			return ovf_fail(reader, file, "ovf:href names another image than ovf:id");
	}
	return true;
}

static OvfDisk *
find_disk(OvfReader *reader, const char *id)
{
	for (int i = 0; i < reader->disk_count; i++)
	{
		OvfDisk *disk = &reader->disks[i];

		if (strcmp(disk->storage_type == DISK_STORAGE_TYPE_LUN ? disk->disk_id : disk->image_id,
				   id) == 0)
			return disk;
	}
	return NULL;
}

OvfDisk *
ovf_find_disk(OvfReader *reader, const char *image_id)
{
	return find_disk(reader, image_id);
}

static bool
read_disk(OvfReader *reader, const OvfNode *node)
{
	const OvfNode *attribute = ovf_attribute(node, "diskId");
	char id[OVF_UUID_SIZE];
	OvfDisk *disk;

	if (attribute == NULL)
		return ovf_fail(reader, node, "attribute ovf:diskId is missing");
	if (!ovf_uuid(reader, attribute, ovf_text(reader, attribute), id))
		return false;
	disk = find_disk(reader, id);
	if (disk == NULL)
		return ovf_fail(reader, node, "no File of References belongs to disk %s", id);
	if (disk->disk != NULL)
		return ovf_fail(reader, node, "disk %s is described twice", id);
	disk->disk = node;
	return ovf_attribute_boolean(reader, node, "plugged", true, &disk->plugged) &&
		   ovf_attribute_boolean(reader, node, "read-only", false, &disk->read_only);
}

bool
ovf_read_disks(OvfReader *reader, const OvfNode *envelope)
{
	const OvfNode *references = ovf_child(envelope, "References");
	const OvfNode *section = ovf_section(envelope, "DiskSection");
	int count = 0;

	if (references == NULL)
		return ovf_fail(reader, envelope, "element References is missing");
	if (section == NULL)
		return ovf_fail(reader, envelope, "the DiskSection is missing");
	for (const OvfNode *file = ovf_child(references, "File"); file != NULL;
		 file = ovf_next(file, "File"))
		if (++count > OVF_MAX_DISKS)
			return ovf_fail(reader, file, "more than %d disks", OVF_MAX_DISKS);
	if (count > 0)
	{
		reader->disks = ovf_allocate(&reader->memory, sizeof(OvfDisk) * count);
		if (reader->disks == NULL)
			return ovf_fail(reader, NULL, "out of memory");
	}
	for (const OvfNode *file = ovf_child(references, "File"); file != NULL;
		 file = ovf_next(file, "File"))
	{
		OvfDisk disk = {0};

		if (!read_file(reader, file, &disk))
			return false;
		for (int i = 0; i < reader->disk_count; i++)
			if (strcmp(reader->disks[i].disk_id, disk.disk_id) == 0)
				return ovf_fail(reader, file, "disk %s is named twice", disk.disk_id);
		reader->disks[reader->disk_count++] = disk;
	}
	for (const OvfNode *disk = ovf_child(section, "Disk"); disk != NULL;
		 disk = ovf_next(disk, "Disk"))
		if (!read_disk(reader, disk))
			return false;
	for (int i = 0; i < reader->disk_count; i++)
		if (reader->disks[i].disk == NULL)
			return ovf_fail(reader, reader->disks[i].file,
							"the DiskSection does not describe disk %s", reader->disks[i].disk_id);
	return true;
}

static bool
write_size(OvfReader *reader, OvfValue *json, const OvfDisk *disk, OvfDiskSummary *summary)
{
	const OvfNode *attribute = ovf_attribute(disk->disk, "size");
	long long size;

	summary->size = -1;
	if (attribute != NULL && !ovf_is_blank(ovf_text(reader, attribute)))
	{
		if (!ovf_integer(reader, attribute, 0, MAX_SIZE_IN_GIB, &size))
			return false;
		summary->size = size * BYTES_PER_GIB;
		ovf_add_integer(reader, json, "size", summary->size);
	}
	else
		ovf_add_text(reader, json, "size", NULL);
	attribute = ovf_attribute(disk->file, "size");
	if (attribute != NULL && !ovf_is_blank(ovf_text(reader, attribute)))
	{
		if (!ovf_integer(reader, attribute, 0, MAX_SIZE_IN_GIB * BYTES_PER_GIB, &size))
			return false;
		ovf_add_integer(reader, json, "actual_size", size);
	}
	return true;
}

static bool
write_disk(OvfReader *reader, OvfValue *disks, OvfDiskSummary *summary, const OvfDisk *disk)
{
	OvfValue *json = ovf_add_object(reader, disks, NULL);
	const OvfNode *node = disk->disk;
	const OvfNode *alias = ovf_attribute(node, "disk-alias");
	const OvfNode *description = ovf_attribute(node, "disk-description");
	int format, type, interface;
	bool boot, shareable, pass_discard, wipe, reservation, incremental;

	if (!attribute_word(reader, node, "volume-format", volume_formats, COUNT(volume_formats), 2,
						&format) ||
		!attribute_word(reader, node, "volume-type", volume_types, COUNT(volume_types), 2, &type) ||
		!attribute_word(reader, node, "disk-interface", interfaces, COUNT(interfaces), 0,
						&interface) ||
		!ovf_attribute_boolean(reader, node, "boot", false, &boot) ||
		!ovf_attribute_boolean(reader, node, "shareable", false, &shareable) ||
		!ovf_attribute_boolean(reader, node, "pass-discard", false, &pass_discard) ||
		!ovf_attribute_boolean(reader, node, "wipe-after-delete", false, &wipe) ||
		!ovf_attribute_boolean(reader, node, "scsi_reservation", false, &reservation) ||
		!ovf_attribute_boolean(reader, node, "incremental-backup", false, &incremental))
		return false;
	if (!ovf_fits(reader, alias, ovf_text(reader, alias), 255) ||
		!ovf_fits(reader, description, ovf_text(reader, description), 500))
		return false;
	strcpy(summary->disk_id, disk->disk_id);
	strcpy(summary->image_id, disk->image_id);
	summary->alias = alias != NULL ? ovf_copy_text(reader, ovf_text(reader, alias)) : NULL;
	summary->is_boot = boot;
	summary->copied = disk->storage_type == DISK_STORAGE_TYPE_IMAGE && !shareable;
	ovf_add_text(reader, json, "disk_id", disk->disk_id);
	ovf_add_text(reader, json, "image_id", disk->image_id[0] != '\0' ? disk->image_id : NULL);
	ovf_add_text(reader, json, "disk_alias", summary->alias);
	ovf_add_text(reader, json, "disk_description",
				 description != NULL ? ovf_text(reader, description) : NULL);
	if (!write_size(reader, json, disk, summary))
		return false;
	ovf_add_text(reader, json, "volume_format", format < 2 ? volume_formats[format] : NULL);
	ovf_add_text(reader, json, "volume_type", type < 2 ? volume_types[type] : NULL);
	ovf_add_text(reader, json, "disk_interface", interfaces[interface]);
	ovf_add_boolean(reader, json, "is_boot", boot);
	ovf_add_boolean(reader, json, "is_plugged", disk->plugged);
	ovf_add_boolean(reader, json, "is_readonly", disk->read_only);
	ovf_add_boolean(reader, json, "shareable", shareable);
	ovf_add_integer(reader, json, "disk_storage_type", disk->storage_type);
	ovf_add_boolean(reader, json, "pass_discard", pass_discard);
	ovf_add_boolean(reader, json, "wipe_after_delete", wipe);
	/* few engines write it: without, the current row counts */
	if (ovf_attribute(node, "scsi_reservation") != NULL)
		ovf_add_boolean(reader, json, "is_using_scsi_reservation", reservation);
	else
		ovf_add_text(reader, json, "is_using_scsi_reservation", NULL);
	ovf_add_text(reader, json, "backup", incremental ? "Incremental" : "None");
	if (disk->storage_type == DISK_STORAGE_TYPE_LUN)
		ovf_add_text(reader, json, "lun_id", ovf_attribute_text(reader, node, "lun_id"));
	return !reader->failed;
}

bool
ovf_write_disks(OvfReader *reader, OvfValue *document, OvfDiskSummary *summaries)
{
	OvfValue *disks = ovf_add_array(reader, document, "disks");

	for (int i = 0; i < reader->disk_count; i++)
		if (!write_disk(reader, disks, &summaries[i], &reader->disks[i]))
			return false;
	return true;
}
