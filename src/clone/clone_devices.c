/*
 * clone_devices.c
 *		Devices of the new virtual machines, by the table of ovirt-clone.md, "Devices".
 *
 * The source is the state at snapshot time: configuration.devices.  Every device of it is copied,
 * re-made, or left out for a reason that is recorded.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/json.h"
#include "base/json_objects.h"
#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "clone/clone_device_rows.h"
#include "clone/clone_usb.h"

static RowCopyTarget vm_device = {
	.relation = "vm_device",
	.key = "device_id",
	.second_key = "vm_id",
	.column_count = 2,
	.columns = {{"device_id", UUIDOID}, {"vm_id", UUIDOID}},
};

static RowCopyTarget vm_external_data = {
	.relation = "vm_external_data",
	.key = "device_id",
	.second_key = "vm_id",
	.column_count = 2,
	.columns = {{"device_id", UUIDOID}, {"vm_id", UUIDOID}},
};

static JsonConstant balloon_spec = {"{\"spec_params\": {\"model\": \"virtio\"}}"};
static JsonConstant smartcard_spec = {
	"{\"spec_params\": {\"mode\": \"passthrough\", \"type\": \"spicevmc\"}}"};

static bool
is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

static int
find_disk(const ClonePlan *plan, const pg_uuid_t *disk_id)
{
	for (int d = 0; d < plan->disk_count; d++)
	{
		if (uuid_same(&plan->disks[d].disk_id, disk_id))
			return d;
	}
	return -1;
}

static int
find_interface(const ClonePlan *plan, const pg_uuid_t *interface_id)
{
	for (int i = 0; i < plan->interface_count; i++)
	{
		if (uuid_same(&plan->interfaces[i].interface_id, interface_id))
			return i;
	}
	return -1;
}

static const char *
disk_reason(const PlannedDisk *disk)
{
	switch (disk->fate)
	{
		case DISK_SKIP:
			if (disk->state == DISK_PRESENT)
				return "the caller leaves the disk out";
			return disk->state == DISK_MISSING ? "the disk's image is missing"
											   : "the disk's image is illegal";
		case DISK_LEFT:
			return disk->shareable ? "a shareable disk is not cloned"
								   : "a disk of this storage type is not cloned";
		default:
			return NULL;
	}
}

static void
copy_disk(DeviceSet *set, const SourceDevice *source)
{
	const ClonePlan *plan = set->work->plan;
	int d = source->has_id ? find_disk(plan, &source->id) : -1;
	const PlannedDisk *disk;

	if (d < 0)
	{
		device_leave_out(set, source, "the snapshot has no such disk");
		return;
	}
	disk = &plan->disks[d];
	if (set->disks[d])
		device_leave_out(set, source, "a second device of the same disk");
	else if (disk_is_made(disk) || disk->fate == DISK_ATTACH)
	{
		Overlays overlays = device_overlays(set, source, json_constant(&device_empty_spec));

		device_lay_over_disk(&overlays, disk, json_get_bool(source->object, "is_plugged", true));
		device_add_disk_rows(set, d, &source->id, &overlays);
		device_report(set, source, source->type, source->device, "copied",
					  disk->fate == DISK_ATTACH ? "the same disk is attached" : NULL);
	}
	else
		device_leave_out(set, source, disk_reason(disk));
}

static void
copy_interface(DeviceSet *set, const SourceDevice *source)
{
	int n = source->has_id ? find_interface(set->work->plan, &source->id) : -1;

	if (n < 0)
		device_leave_out(set, source, "the snapshot has no such NIC");
	else if (set->interfaces[n])
		device_leave_out(set, source, "a second device of the same NIC");
	else if (!device_interface_included(set, n))
		device_leave_out(set, source, "the caller leaves the NIC out");
	else
	{
		Overlays overlays = device_overlays(set, source, json_constant(&device_empty_spec));

		device_add_interface_rows(set, n, &source->id, &overlays,
								  json_get_bool(source->object, "is_plugged", true));
		device_report(set, source, source->type, source->device, "copied", NULL);
	}
}

static void
copy_cdrom(DeviceSet *set, const SourceDevice *source)
{
	char *path = json_get_text(set->vm_static, "iso_path");
	StringInfoData changes;

	if (set->cdrom)
	{
		device_leave_out(set, source, "only the first CD-ROM drive is copied");
		return;
	}
	if (path == NULL || *path == '\0')
		path = json_get_text(json_get(source->object, "spec_params"), "path");
	initStringInfo(&changes);
	appendStringInfoString(&changes, "{\"spec_params\": {\"path\": ");
	json_append_string(&changes, path ? path : "");
	appendStringInfoString(&changes, "}}");
	device_copy(set, source, json_from_text(changes.data), NULL);
	set->cdrom = true;
}

static void
copy_controller(DeviceSet *set, const SourceDevice *source)
{
	const CloneRequest *request = set->work->plan->request;
	bool virtio_scsi = is(source->device, "virtio-scsi");

	if (virtio_scsi && request->virtio_scsi_given && !request->virtio_scsi)
	{
		device_leave_out(set, source, "the caller wants no VirtIO SCSI");
		return;
	}
	if (is(source->device, "usb") && !set->usb.keeps_controllers)
	{
		device_leave_out(set, source, set->usb.reason);
		return;
	}
	/* virtio-scsi keeps its I/O thread; the engine loses it there, a defect */
	if (virtio_scsi || is(source->device, "usb") || is(source->device, "pci"))
		device_copy(set, source, NULL, NULL);
	else
		device_copy(set, source, json_constant(&device_empty_spec), NULL);
	set->virtio_scsi |= virtio_scsi;
}

/* The random source must be one that the target cluster's hosts have. */
static void
copy_rng(DeviceSet *set, const SourceDevice *source)
{
	const CloneWork *work = set->work;
	Jsonb *spec = json_get(source->object, "spec_params");
	char *from = json_get_text(spec, "source");
	const char *version = work->plan->compatibility_version;
	int major = 0;
	int minor = 0;

	if (set->rng)
	{
		device_leave_out(set, source, "there is a random number generator already");
		return;
	}
	if (is(from, "hwrng") && !work->same_cluster &&
		!(work->plan->rng_sources && strcasestr(work->plan->rng_sources, "hwrng")))
	{
		device_leave_out(set, source, "the target cluster has no hardware random number generator");
		return;
	}
	set->rng = true;
	/* up to 4.0 clusters have /dev/random, from 4.1 on /dev/urandom in its place */
	if (version && sscanf(version, "%d.%d", &major, &minor) == 2 &&
		(is(from, "random") || is(from, "urandom")))
	{
		const char *right = major > 4 || (major == 4 && minor >= 1) ? "urandom" : "random";

		if (!is(from, right))
		{
			StringInfoData changes;
			Jsonb *adjusted =
				json_overlay(spec, json_from_text(psprintf("{\"source\": \"%s\"}", right)));

			initStringInfo(&changes);
			appendStringInfo(&changes, "{\"spec_params\": %s}",
							 JsonbToCString(NULL, &adjusted->root, VARSIZE(adjusted)));
			device_copy(set, source, json_from_text(changes.data),
						"its source is the target cluster's");
			return;
		}
	}
	device_copy(set, source, NULL, NULL);
}

static void
copy_graphics(DeviceSet *set, const SourceDevice *source)
{
	ListCell *cell;

	if (device_display_type(set) >= DISPLAY_NONE)
	{
		device_leave_out(set, source, "the virtual machine is headless");
		return;
	}
	foreach (cell, set->graphics)
	{
		if (is(source->device, lfirst(cell)))
		{
			device_leave_out(set, source, "there is a graphics device of this kind already");
			return;
		}
	}
	device_copy(set, source, json_constant(&device_empty_spec), NULL);
	set->graphics = lappend(set->graphics, pstrdup(source->device));
}

/* TPM: a new device that gets the snapshot's data. */
static void
make_tpm(DeviceSet *set, const SourceDevice *source)
{
	const CloneWork *work = set->work;
	const Jsonb *data = clone_external_data(work, EXTERNAL_DATA_TPM);
	Overlays overlays;
	int source_number;
	int data_source = 0;

	if (set->tpm)
	{
		device_leave_out(set, source, "there is a TPM already");
		return;
	}
	set->tpm = true;
	overlays = device_overlays(set, source, NULL);
	device_lay_over(&overlays, json_constant(&device_no_address));
	source_number = row_copy_source(set->rows, source->has_id ? &source->id : NULL, overlays.items,
									overlays.count);
	if (data)
		data_source = row_copy_source(set->external_data, NULL, &data, 1);
	for (int i = 0; i < set->copy_count; i++)
	{
		int c = set->copies[i];
		pg_uuid_t id = uuid_new();
		const void *values[ROW_COPY_MAX_COLUMNS] = {&id, &work->copies[c].vm_id};

		device_add_row(set, source_number, c, &id);
		if (data)
			row_copy_row(set->external_data, data_source, values);
	}
	device_report(set, source, source->type, source->device, "remade",
				  data ? "with the snapshot's TPM data" : "the snapshot has no TPM data");
}

/* USB redirection: slots, and the channels of running guests. */
static void
copy_redirection(DeviceSet *set, const SourceDevice *source)
{
	bool is_slot = is(source->type, "redir");

	if (is(source->device, "spicevmc") &&
		(is_slot ? set->usb_slots >= set->usb.kept_slots : !set->usb.keeps_channels))
	{
		device_leave_out(set, source, set->usb.reason);
		return;
	}
	if (is_slot && is(source->device, "spicevmc"))
		set->usb_slots++;
	device_copy(set, source, json_constant(&device_empty_spec), NULL);
}

/*
 * Decides on one device of the snapshot's list: copied as it is, copied with changes, made anew later, or left out.
 * The list is the configuration's and not the table's, since the table says what the VM has now.  What
 * there may be one of only (balloon, smartcard) is noted in the set, so that a second one is left out and
 * device_add_missing knows.  Each device is reported with its reason, for lineage.
 */
static void
copy_device(DeviceSet *set, const SourceDevice *source)
{
	const char *type = source->type;

	if (json_get_text(source->object, "snapshot_id"))
		device_leave_out(set, source, "a snapshot's disk of another virtual machine");
	else if (set->chipset_changes && !source->managed && !is(type, "disk") &&
			 !is(type, "interface"))
		device_leave_out(set, source, "unmanaged, and the chipset changes");
	else if (is(type, "disk") && is(source->device, "cdrom"))
		copy_cdrom(set, source);
	else if (is(type, "disk") && is(source->device, "disk"))
		copy_disk(set, source);
	else if (is(type, "interface"))
		copy_interface(set, source);
	else if (is(type, "controller"))
		copy_controller(set, source);
	else if (is(type, "video"))
	{
		set->videos++;
		if (set->first_video == NULL)
			set->first_video = source->object;
		device_report(set, source, type, source->device, "remade",
					  "video devices follow the number of monitors");
	}
	else if (is(type, "balloon"))
	{
		if (set->balloon)
			device_leave_out(set, source, "there is a balloon already");
		else
			device_copy(set, source, json_constant(&balloon_spec), NULL);
		set->balloon = true;
	}
	else if (is(type, "smartcard"))
	{
		if (set->smartcard)
			device_leave_out(set, source, "there is a smartcard already");
		else if (!json_get_bool(set->vm_static, "is_smartcard_enabled", true))
			device_leave_out(set, source, "the smartcard is not enabled");
		else
		{
			char *spec = device_spec_text(source->object);

			device_copy(set, source,
						spec && strcmp(spec, "{}") != 0 ? NULL : json_constant(&smartcard_spec),
						NULL);
			set->smartcard = true;
		}
	}
	else if (is(type, "watchdog") || is(type, "memory") || is(type, "console"))
		device_copy(set, source, NULL, NULL);
	else if (is(type, "rng"))
		copy_rng(set, source);
	else if (is(type, "redir") || is(type, "redirdev"))
		copy_redirection(set, source);
	else if (is(type, "tpm"))
		make_tpm(set, source);
	else if (is(type, "graphics"))
		copy_graphics(set, source);
	else if (is(type, "hostdev") || is(type, "mdev"))
	{
		if (set->work->same_cluster)
			device_copy(set, source, NULL, NULL);
		else
			device_leave_out(set, source, "a device of hosts that the target cluster hasn't");
	}
	else
		device_copy(set, source, json_constant(&device_empty_spec), NULL);
}

static SourceDevice
read_device(Jsonb *object)
{
	SourceDevice source = {.object = object};

	source.has_id = json_get_uuid(object, "device_id", &source.id);
	source.type = json_get_text(object, "type");
	source.device = json_get_text(object, "device");
	source.managed = json_get_bool(object, "is_managed", false);
	if (source.type == NULL)
		source.type = "unknown";
	if (source.device == NULL)
		source.device = "unknown";
	return source;
}

static void
write_set(CloneWork *work, RowCopy *rows, RowCopy *external_data, const int *copies, int copy_count)
{
	const ClonePlan *plan = work->plan;
	DeviceSet set = {
		.work = work,
		.rows = rows,
		.external_data = external_data,
		.copies = copies,
		.copy_count = copy_count,
		.vm_static = work->vm_static[copies[0]],
	};
	Jsonb *report_array;
	int count;

	set.chipset_changes = clone_changes_chipset(plan, set.vm_static);
	set.usb = clone_usb_decide(plan, set.vm_static, set.chipset_changes);
	set.source_interfaces = json_elements(json_get(plan->configuration, "interfaces"), &count);
	set.disks = palloc0(sizeof(bool) * Max(plan->disk_count, 1));
	set.interfaces = palloc0(sizeof(bool) * Max(plan->interface_count, 1));

	for (int i = 0; i < plan->device_count; i++)
	{
		SourceDevice source = read_device(plan->devices[i]);

		copy_device(&set, &source);
	}
	device_add_missing(&set);

	report_array = json_objects_array(&set.report);
	for (int i = 0; i < copy_count; i++)
		work->record->devices[copies[i]] = report_array;
}

/*
 * Copies with the same vm_static have the same devices; those with values of their own come alone.
 */
void
clone_devices_write(CloneWork *work)
{
	RowCopy *rows = row_copy_begin(&vm_device, &work->plan->source_vm_id);
	RowCopy *external_data = row_copy_begin(&vm_external_data, NULL);
	int *same = palloc(sizeof(int) * work->copy_count);
	int same_count = 0;

	for (int c = 0; c < work->copy_count; c++)
	{
		if (work->vm_static[c] == work->plan->vm_static)
			same[same_count++] = c;
		else
			write_set(work, rows, external_data, &c, 1);
	}
	if (same_count > 0)
		write_set(work, rows, external_data, same, same_count);
	(void) row_copy_run(rows);
	if (inventory_has_table("vm_external_data"))
		(void) row_copy_run(external_data);
}
