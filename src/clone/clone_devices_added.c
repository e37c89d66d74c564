/*
 * clone_devices_added.c
 *		Devices that a clone needs and its snapshot's list lacks.
 */
#include "postgres.h"

#include "base/json.h"
#include "ovirt/ovirt_codes.h"
#include "clone/clone_device_rows.h"
#include "clone/clone_usb.h"

static JsonConstant new_disk = {"{\"type\": \"disk\", \"device\": \"disk\", \"address\": \"\","
								" \"alias\": \"\", \"is_managed\": true, \"spec_params\": {},"
								" \"snapshot_id\": null, \"logical_name\": null}"};

static bool
wants_virtio_scsi(const ClonePlan *plan)
{
	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];

		if ((disk_is_made(disk) || disk->fate == DISK_ATTACH) && disk->disk_interface &&
			strcmp(disk->disk_interface, "VirtIO_SCSI") == 0)
			return true;
	}
	return false;
}

static void
add_usb_devices(DeviceSet *set)
{
	ListCell *cell;

	foreach (cell, set->usb.controllers)
		device_make(set, NULL, "controller", "usb", false, lfirst(cell), "added", set->usb.reason);
	for (int i = 0; i < set->usb.new_slots; i++)
		device_make(set, NULL, "redir", "spicevmc", false, "{}", "added", set->usb.reason);
}

/* Video devices: as many as the monitors need, of the display type. */
static void
make_videos(DeviceSet *set)
{
	static const char *const names[] = {"cirrus", "qxl", "vga", "bochs"};
	int64 type = device_display_type(set);
	int64 count = json_get_int64(set->vm_static, "num_of_monitors", 1);
	const char *device;
	char *spec = device_spec_text(set->first_video);

	/* 3 was "none" in some versions: a VM without video devices stays so */
	if (type >= DISPLAY_NONE || (type == DISPLAY_BOCHS && set->videos == 0))
		return;
	if (type == DISPLAY_QXL && json_get_bool(set->vm_static, "single_qxl_pci", false))
		count = 1;
	count = Max(count, 1);
	device = type >= 0 ? names[type] : names[DISPLAY_QXL];
	for (int64 i = 0; i < count; i++)
		device_make(set, NULL, "video", device, false, spec ? spec : "{}",
					set->videos > 0 ? "remade" : "added", "one for each monitor");
}

/* A virtual machine that was headless and gets a display needs a server for it. */
static void
add_graphics(DeviceSet *set)
{
	Jsonb *old = json_get(set->work->plan->configuration, "vm_static");

	if (set->graphics == NIL && device_display_type(set) < DISPLAY_NONE &&
		json_get_int64(old, "default_display_type", DISPLAY_QXL) >= DISPLAY_NONE)
		device_make(set, NULL, "graphics",
					device_display_type(set) == DISPLAY_QXL ? "spice" : "vnc", false, "{}", "added",
					"the virtual machine is headless no more");
}

static void
add_disks(DeviceSet *set)
{
	const ClonePlan *plan = set->work->plan;

	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];
		Overlays overlays = {0};

		if (set->disks[d] || !(disk_is_made(disk) || disk->fate == DISK_ATTACH))
			continue;
		device_lay_over(&overlays, json_constant(&new_disk));
		device_lay_over_disk(&overlays, disk, true);
		device_add_disk_rows(set, d, &disk->disk_id, &overlays);
		device_report(set, NULL, "disk", "disk", "added",
					  "the snapshot lists no device for the disk");
	}
}

static void
add_interfaces(DeviceSet *set)
{
	const ClonePlan *plan = set->work->plan;

	for (int n = 0; n < plan->interface_count; n++)
	{
		const char *device =
			json_get_int64(set->source_interfaces[n], "type", 0) == INTERFACE_TYPE_PCI_PASSTHROUGH
				? "hostdev"
				: "bridge";
		Overlays overlays = {0};

		if (set->interfaces[n] || !device_interface_included(set, n))
			continue;
		device_lay_over(&overlays,
						json_from_text(psprintf(
							"{\"type\": \"interface\", \"device\": \"%s\", \"address\": \"\","
							" \"alias\": \"\", \"is_managed\": true, \"is_readonly\": false,"
							" \"spec_params\": {}, \"snapshot_id\": null, \"logical_name\": null}",
							device)));
		device_add_interface_rows(set, n, &plan->interfaces[n].interface_id, &overlays, true);
		device_report(set, NULL, "interface", device, "added",
					  "the snapshot lists no device for the NIC");
	}
}

static void
add_cdrom(DeviceSet *set)
{
	char *path = json_get_text(set->vm_static, "iso_path");
	StringInfoData spec;

	if (set->cdrom)
		return;
	initStringInfo(&spec);
	appendStringInfoString(&spec, "{\"path\": ");
	json_append_string(&spec, path ? path : "");
	appendStringInfoChar(&spec, '}');
	device_make(set, NULL, "disk", "cdrom", true, spec.data, "added",
				"every virtual machine has a CD-ROM drive");
}

static void
add_virtio_scsi(DeviceSet *set)
{
	const ClonePlan *plan = set->work->plan;

	if (set->virtio_scsi)
		return;
	if (wants_virtio_scsi(plan))
		device_make(set, NULL, "controller", "virtio-scsi", false, "{}", "added",
					"a disk is on virtio-scsi");
	else if (plan->request->virtio_scsi_given && plan->request->virtio_scsi)
		device_make(set, NULL, "controller", "virtio-scsi", false, "{}", "added",
					"the caller wants VirtIO SCSI");
}

/*
 * What the clone needs and the snapshot's list lacks, as old documents and hand-made ones do: without its
 * device row a disk or NIC isn't plugged, though its own rows are there.  Controllers, video and graphics
 * follow from the disks and from vm_static rather than from the list.
 */
void
device_add_missing(DeviceSet *set)
{
	add_disks(set);
	add_interfaces(set);
	add_cdrom(set);
	if (!set->balloon)
		device_make(set, NULL, "balloon", "memballoon", false, "{\"model\": \"virtio\"}", "added",
					"every virtual machine has a balloon");
	if (!set->smartcard && json_get_bool(set->vm_static, "is_smartcard_enabled", false))
		device_make(set, NULL, "smartcard", "smartcard", false,
					"{\"mode\": \"passthrough\", \"type\": \"spicevmc\"}", "added",
					"the smartcard is enabled");
	add_virtio_scsi(set);
	add_usb_devices(set);
	add_graphics(set);
	make_videos(set);
}
