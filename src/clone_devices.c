/*
 * clone_devices.c
 *		Devices of the new virtual machines, by the table of reference §2.3.
 *
 * The source is the state at snapshot time: configuration.devices.  Every device of it is copied,
 * re-made, or left out for a reason that is recorded.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "clone_internal.h"
#include "clone_usb.h"
#include "compat.h"
#include "json.h"

/* vm_static.default_display_type */
#define DISPLAY_QXL   1
#define DISPLAY_BOCHS 3
#define DISPLAY_NONE  4

/* vm_static.bios_type: 1 is I440FX, the others are Q35 */
#define BIOS_I440FX 1

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

/* One device of the snapshot's configuration. */
typedef struct SourceDevice
{
	Jsonb *object;
	pg_uuid_t id;
	bool has_id;
	const char *type;
	const char *device;
	bool managed;
} SourceDevice;

/* What is laid over a source's row, low to high. */
typedef struct Overlays
{
	const Jsonb *items[ROW_COPY_MAX_OVERLAYS];
	int count;
} Overlays;

/* Devices for the copies that have the same vm_static. */
typedef struct DeviceSet
{
	CloneWork *work;
	RowCopy *rows;
	RowCopy *external_data;
	const int *copies; /* indexes */
	int copy_count;
	Jsonb *vm_static;
	bool chipset_changes;
	/* overlays, made once a call */
	Jsonb *new_row; /* what every new row has */
	Jsonb *new_row_empty_spec;
	Jsonb *no_address;
	Jsonb *no_alias;
	Jsonb *plugged[2]; /* false, true */
	JsonObjects report;
	/* what is there already */
	bool cdrom;
	bool balloon;
	bool smartcard;
	bool virtio_scsi;
	bool tpm;
	bool rng;
	List *graphics; /* char * */
	CloneUsb usb;
	int usb_slots; /* copied so far */
	int videos;
	Jsonb *first_video;
	bool *disks;      /* by disk */
	bool *interfaces; /* by interface */
} DeviceSet;

static const char empty_spec[] = "{\"spec_params\": {}}";

static bool
is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

static void
report(DeviceSet *set, const SourceDevice *source, const char *type, const char *device,
	   const char *fate, const char *reason)
{
	JsonbValue *object = json_objects_add(&set->report, 5);

	json_put_text(object, "fate", fate);
	json_put_text(object, "type", type);
	json_put_text(object, "device", device);
	json_put_text(object, "reason", reason);
	json_put_uuid(object, "device_id", source && source->has_id ? &source->id : NULL);
}

static void
leave_out(DeviceSet *set, const SourceDevice *source, const char *reason)
{
	report(set, source, source->type, source->device, "left out", reason);
}

static void
lay_over(Overlays *overlays, const Jsonb *overlay)
{
	Assert(overlays->count < ROW_COPY_MAX_OVERLAYS);
	overlays->items[overlays->count++] = overlay;
}

/* What holds for every copied row: it is new, belongs to no snapshot, has no nulls where none go. */
static Overlays
row_overlays(const DeviceSet *set, const SourceDevice *source, const char *changes)
{
	/* the common changes, parsed once a call */
	bool plain = changes == empty_spec;
	Overlays overlays = {0};

	lay_over(&overlays, source->object);
	lay_over(&overlays, plain ? set->new_row_empty_spec : set->new_row);
	if (set->chipset_changes || !json_is_given(source->object, "address"))
		lay_over(&overlays, set->no_address);
	if (!json_is_given(source->object, "alias"))
		lay_over(&overlays, set->no_alias);
	if (changes && !plain)
		lay_over(&overlays, json_from_text(changes));
	return overlays;
}

static void
add_row(DeviceSet *set, int source, int copy, const pg_uuid_t *id)
{
	const void *values[ROW_COPY_MAX_COLUMNS] = {id, &set->work->copies[copy].vm_id};

	row_copy_row(set->rows, source, values);
	clone_note_row(set->work, copy, id);
}

/* A row with an id of its own in every copy. */
static void
add_rows(DeviceSet *set, const pg_uuid_t *source_id, const Overlays *overlays)
{
	int source = row_copy_source(set->rows, source_id, overlays->items, overlays->count);

	for (int i = 0; i < set->copy_count; i++)
	{
		pg_uuid_t id = uuid_new();

		add_row(set, source, set->copies[i], &id);
	}
}

static void
copy_device(DeviceSet *set, const SourceDevice *source, const char *changes, const char *reason)
{
	Overlays overlays = row_overlays(set, source, changes);

	add_rows(set, source->has_id ? &source->id : NULL, &overlays);
	report(set, source, source->type, source->device, "copied", reason);
}

/* A managed device that the source has not, or that is made anew. */
static void
make_device(DeviceSet *set, const SourceDevice *source, const char *type, const char *device,
			bool readonly, const char *spec, const char *fate, const char *reason)
{
	Overlays overlays = {0};
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "{\"type\": ");
	json_append_string(&text, type);
	appendStringInfoString(&text, ", \"device\": ");
	json_append_string(&text, device);
	appendStringInfo(&text,
					 ", \"address\": \"\", \"alias\": \"\", \"is_managed\": true,"
					 " \"is_plugged\": true, \"is_readonly\": %s, \"spec_params\": %s}",
					 readonly ? "true" : "false", spec);
	lay_over(&overlays, json_from_text(text.data));
	add_rows(set, NULL, &overlays);
	report(set, source, type, device, fate, reason);
}

static char *
spec_text(const Jsonb *object)
{
	Jsonb *spec = object ? json_get(object, "spec_params") : NULL;

	return spec ? JsonbToCString(NULL, &spec->root, VARSIZE(spec)) : NULL;
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

/* The row of a disk in all copies: under its new id, or for an attached disk its own. */
static void
add_disk_rows(DeviceSet *set, int d, const pg_uuid_t *source_id, const Overlays *overlays)
{
	const PlannedDisk *disk = &set->work->plan->disks[d];
	int source = row_copy_source(set->rows, source_id, overlays->items, overlays->count);

	for (int i = 0; i < set->copy_count; i++)
	{
		int c = set->copies[i];

		add_row(set, source, c,
				clone_makes_disk(disk) ? &set->work->copies[c].new_disk_ids[d] : &disk->disk_id);
	}
	set->disks[d] = true;
}

static void
copy_disk(DeviceSet *set, const SourceDevice *source)
{
	const ClonePlan *plan = set->work->plan;
	int d = source->has_id ? find_disk(plan, &source->id) : -1;
	const PlannedDisk *disk;

	if (d < 0)
	{
		leave_out(set, source, "the snapshot has no such disk");
		return;
	}
	disk = &plan->disks[d];
	if (set->disks[d])
		leave_out(set, source, "a second device of the same disk");
	else if (clone_makes_disk(disk) || disk->fate == DISK_ATTACH)
	{
		/* the caller may have said otherwise than the snapshot */
		bool plugged = json_get_bool(disk->configuration, "is_plugged",
									 json_get_bool(source->object, "is_plugged", true));
		Overlays overlays = row_overlays(set, source, empty_spec);

		lay_over(&overlays, set->plugged[plugged]);
		add_disk_rows(set, d, &source->id, &overlays);
		report(set, source, source->type, source->device, "copied",
			   disk->fate == DISK_ATTACH ? "the same disk is attached" : NULL);
	}
	else
		leave_out(set, source, disk_reason(disk));
}

/* The rows of a NIC; a copy with interfaces of its own may have it plugged otherwise. */
static void
add_interface_rows(DeviceSet *set, int n, const pg_uuid_t *source_id, const Overlays *overlays,
				   bool plugged)
{
	const CloneWork *work = set->work;
	const PlannedInterface *previous = NULL;
	int source = 0;

	for (int i = 0; i < set->copy_count; i++)
	{
		int c = set->copies[i];
		const PlannedInterface *interface = &work->copies[c].interfaces[n];

		if (!interface->include)
			continue;
		if (interface != previous)
		{
			Overlays all = *overlays;

			lay_over(&all,
					 set->plugged[json_get_bool(interface->configuration, "is_plugged", plugged)]);
			source = row_copy_source(set->rows, source_id, all.items, all.count);
			previous = interface;
		}
		add_row(set, source, c, &work->interface_ids[c][n]);
	}
	set->interfaces[n] = true;
}

static bool
interface_included(const DeviceSet *set, int n)
{
	for (int i = 0; i < set->copy_count; i++)
	{
		if (set->work->copies[set->copies[i]].interfaces[n].include)
			return true;
	}
	return false;
}

static void
copy_interface(DeviceSet *set, const SourceDevice *source)
{
	int n = source->has_id ? find_interface(set->work->plan, &source->id) : -1;

	if (n < 0)
		leave_out(set, source, "the snapshot has no such NIC");
	else if (set->interfaces[n])
		leave_out(set, source, "a second device of the same NIC");
	else if (!interface_included(set, n))
		leave_out(set, source, "the caller leaves the NIC out");
	else
	{
		Overlays overlays = row_overlays(set, source, empty_spec);

		add_interface_rows(set, n, &source->id, &overlays,
						   json_get_bool(source->object, "is_plugged", true));
		report(set, source, source->type, source->device, "copied", NULL);
	}
}

static void
copy_cdrom(DeviceSet *set, const SourceDevice *source)
{
	char *path = json_get_text(set->vm_static, "iso_path");
	StringInfoData changes;

	if (set->cdrom)
	{
		leave_out(set, source, "only the first CD-ROM drive is copied");
		return;
	}
	if (path == NULL || *path == '\0')
		path = json_get_text(json_get(source->object, "spec_params"), "path");
	initStringInfo(&changes);
	appendStringInfoString(&changes, "{\"spec_params\": {\"path\": ");
	json_append_string(&changes, path ? path : "");
	appendStringInfoString(&changes, "}}");
	copy_device(set, source, changes.data, NULL);
	set->cdrom = true;
}

static bool
wants_virtio_scsi(const ClonePlan *plan)
{
	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];

		if ((clone_makes_disk(disk) || disk->fate == DISK_ATTACH) &&
			is(disk->disk_interface, "VirtIO_SCSI"))
			return true;
	}
	return false;
}

static void
copy_controller(DeviceSet *set, const SourceDevice *source)
{
	const CloneRequest *request = set->work->plan->request;
	bool virtio_scsi = is(source->device, "virtio-scsi");

	if (virtio_scsi && request->virtio_scsi_given && !request->virtio_scsi)
	{
		leave_out(set, source, "the caller wants no VirtIO SCSI");
		return;
	}
	if (is(source->device, "usb") && !set->usb.keeps_controllers)
	{
		leave_out(set, source, set->usb.reason);
		return;
	}
	/* virtio-scsi keeps its I/O thread; the engine loses it there, a defect */
	if (virtio_scsi || is(source->device, "usb") || is(source->device, "pci"))
		copy_device(set, source, NULL, NULL);
	else
		copy_device(set, source, empty_spec, NULL);
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
		leave_out(set, source, "there is a random number generator already");
		return;
	}
	if (is(from, "hwrng") && !work->same_cluster &&
		!(work->facts.rng_sources && strcasestr(work->facts.rng_sources, "hwrng")))
	{
		leave_out(set, source, "the target cluster has no hardware random number generator");
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
				clone_overlay(spec, json_from_text(psprintf("{\"source\": \"%s\"}", right)));

			initStringInfo(&changes);
			appendStringInfo(&changes, "{\"spec_params\": %s}",
							 JsonbToCString(NULL, &adjusted->root, VARSIZE(adjusted)));
			copy_device(set, source, changes.data, "its source is the target cluster's");
			return;
		}
	}
	copy_device(set, source, NULL, NULL);
}

static void
copy_graphics(DeviceSet *set, const SourceDevice *source)
{
	ListCell *cell;

	foreach (cell, set->graphics)
	{
		if (is(source->device, lfirst(cell)))
		{
			leave_out(set, source, "there is a graphics device of this kind already");
			return;
		}
	}
	copy_device(set, source, empty_spec, NULL);
	set->graphics = lappend(set->graphics, pstrdup(source->device));
}

/* TPM: a new device that gets the snapshot's data. */
static void
make_tpm(DeviceSet *set, const SourceDevice *source)
{
	const CloneWork *work = set->work;
	char *data = json_get_text(json_get(work->plan->configuration, "external_data"), "tpm");
	Overlays overlays;
	int source_number;
	int data_source = 0;

	if (set->tpm)
	{
		leave_out(set, source, "there is a TPM already");
		return;
	}
	set->tpm = true;
	overlays = row_overlays(set, source, NULL);
	lay_over(&overlays, set->no_address);
	source_number = row_copy_source(set->rows, source->has_id ? &source->id : NULL, overlays.items,
									overlays.count);
	if (data)
	{
		const Jsonb *overlay;
		StringInfoData text;

		initStringInfo(&text);
		appendStringInfoString(&text, "{\"tpm_data\": ");
		json_append_string(&text, data);
		/* the hash is of the host's form of the data, which the engine asks for again */
		appendStringInfoString(&text, ", \"tpm_hash\": null}");
		overlay = json_from_text(text.data);
		data_source = row_copy_source(set->external_data, NULL, &overlay, 1);
	}
	for (int i = 0; i < set->copy_count; i++)
	{
		int c = set->copies[i];
		pg_uuid_t id = uuid_new();
		const void *values[ROW_COPY_MAX_COLUMNS] = {&id, &work->copies[c].vm_id};

		add_row(set, source_number, c, &id);
		if (data)
			row_copy_row(set->external_data, data_source, values);
	}
	report(set, source, source->type, source->device, "remade",
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
		leave_out(set, source, set->usb.reason);
		return;
	}
	if (is_slot && is(source->device, "spicevmc"))
		set->usb_slots++;
	copy_device(set, source, empty_spec, NULL);
}

static void
add_usb_devices(DeviceSet *set)
{
	ListCell *cell;

	foreach (cell, set->usb.controllers)
		make_device(set, NULL, "controller", "usb", false, lfirst(cell), "added", set->usb.reason);
	for (int i = 0; i < set->usb.new_slots; i++)
		make_device(set, NULL, "redir", "spicevmc", false, "{}", "added", set->usb.reason);
}

static void
copy_one(DeviceSet *set, const SourceDevice *source)
{
	const char *type = source->type;

	if (json_get_text(source->object, "snapshot_id"))
		leave_out(set, source, "a snapshot's disk of another virtual machine");
	else if (set->chipset_changes && !source->managed && !is(type, "disk") &&
			 !is(type, "interface"))
		leave_out(set, source, "unmanaged, and the chipset changes");
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
		report(set, source, type, source->device, "remade",
			   "video devices follow the number of monitors");
	}
	else if (is(type, "balloon"))
	{
		if (set->balloon)
			leave_out(set, source, "there is a balloon already");
		else
			copy_device(set, source, "{\"spec_params\": {\"model\": \"virtio\"}}", NULL);
		set->balloon = true;
	}
	else if (is(type, "smartcard"))
	{
		if (set->smartcard)
			leave_out(set, source, "there is a smartcard already");
		else if (!json_get_bool(set->vm_static, "is_smartcard_enabled", true))
			leave_out(set, source, "the smartcard is not enabled");
		else
		{
			char *spec = spec_text(source->object);

			copy_device(
				set, source,
				spec && strcmp(spec, "{}") != 0
					? NULL
					: "{\"spec_params\": {\"mode\": \"passthrough\", \"type\": \"spicevmc\"}}",
				NULL);
			set->smartcard = true;
		}
	}
	else if (is(type, "watchdog") || is(type, "memory") || is(type, "console"))
		copy_device(set, source, NULL, NULL);
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
			copy_device(set, source, NULL, NULL);
		else
			leave_out(set, source, "a device of hosts that the target cluster hasn't");
	}
	else
		copy_device(set, source, empty_spec, NULL);
}

/* Video devices: as many as the monitors need, of the display type. */
static void
make_videos(DeviceSet *set)
{
	static const char *const names[] = {"cirrus", "qxl", "vga", "bochs"};
	int64 type = json_get_int64(set->vm_static, "default_display_type", DISPLAY_QXL);
	int64 count = json_get_int64(set->vm_static, "num_of_monitors", 1);
	const char *device;
	char *spec = spec_text(set->first_video);

	/* 3 was "none" in some versions: a VM without video devices stays so */
	if (type >= DISPLAY_NONE || (type == DISPLAY_BOCHS && set->videos == 0))
		return;
	if (type == DISPLAY_QXL && json_get_bool(set->vm_static, "single_qxl_pci", false))
		count = 1;
	count = Max(count, 1);
	device = type >= 0 ? names[type] : names[DISPLAY_QXL];
	for (int64 i = 0; i < count; i++)
		make_device(set, NULL, "video", device, false, spec ? spec : "{}",
					set->videos > 0 ? "remade" : "added", "one for each monitor");
}

/* What the clone needs and the snapshot's list lacks. */
static void
add_missing(DeviceSet *set)
{
	const CloneWork *work = set->work;
	const ClonePlan *plan = work->plan;

	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];
		Overlays overlays = {0};

		if (set->disks[d] || !(clone_makes_disk(disk) || disk->fate == DISK_ATTACH))
			continue;
		lay_over(&overlays,
				 json_from_text("{\"type\": \"disk\", \"device\": \"disk\", \"address\": \"\","
								" \"alias\": \"\", \"is_managed\": true, \"is_readonly\": false,"
								" \"spec_params\": {}, \"snapshot_id\": null,"
								" \"logical_name\": null}"));
		lay_over(&overlays, set->plugged[json_get_bool(disk->configuration, "is_plugged", true)]);
		add_disk_rows(set, d, &disk->disk_id, &overlays);
		report(set, NULL, "disk", "disk", "added", "the snapshot lists no device for the disk");
	}
	for (int n = 0; n < plan->interface_count; n++)
	{
		const char *device =
			json_get_int64(plan->interfaces[n].configuration, "type", 0) == NIC_TYPE_PCI_PASSTHROUGH
				? "hostdev"
				: "bridge";
		Overlays overlays = {0};

		if (set->interfaces[n] || !interface_included(set, n))
			continue;
		lay_over(&overlays,
				 json_from_text(psprintf(
					 "{\"type\": \"interface\", \"device\": \"%s\", \"address\": \"\","
					 " \"alias\": \"\", \"is_managed\": true, \"is_readonly\": false,"
					 " \"spec_params\": {}, \"snapshot_id\": null, \"logical_name\": null}",
					 device)));
		add_interface_rows(set, n, &plan->interfaces[n].interface_id, &overlays, true);
		report(set, NULL, "interface", device, "added", "the snapshot lists no device for the NIC");
	}
	if (!set->cdrom)
	{
		char *path = json_get_text(set->vm_static, "iso_path");
		StringInfoData spec;

		initStringInfo(&spec);
		appendStringInfoString(&spec, "{\"path\": ");
		json_append_string(&spec, path ? path : "");
		appendStringInfoChar(&spec, '}');
		make_device(set, NULL, "disk", "cdrom", true, spec.data, "added",
					"every virtual machine has a CD-ROM drive");
	}
	if (!set->balloon)
		make_device(set, NULL, "balloon", "memballoon", false, "{\"model\": \"virtio\"}", "added",
					"every virtual machine has a balloon");
	if (!set->smartcard && json_get_bool(set->vm_static, "is_smartcard_enabled", false))
		make_device(set, NULL, "smartcard", "smartcard", false,
					"{\"mode\": \"passthrough\", \"type\": \"spicevmc\"}", "added",
					"the smartcard is enabled");
	if (!set->virtio_scsi && wants_virtio_scsi(plan))
		make_device(set, NULL, "controller", "virtio-scsi", false, "{}", "added",
					"a disk is on virtio-scsi");
	add_usb_devices(set);
	make_videos(set);
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

bool
clone_changes_chipset(const ClonePlan *plan, const Jsonb *vm_static)
{
	Jsonb *old = json_get(plan->configuration, "vm_static");
	int64 before = json_get_int64(old, "bios_type", 0);
	int64 after = json_get_int64(vm_static, "bios_type", 0);

	/* 0: the cluster's, or not known */
	return before > 0 && after > 0 && (before == BIOS_I440FX) != (after == BIOS_I440FX);
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
	Jsonb **objects;
	int count;

	set.chipset_changes = clone_changes_chipset(plan, set.vm_static);
	set.usb = clone_usb_decide(plan, set.vm_static, set.chipset_changes);
	set.new_row = json_from_text("{\"snapshot_id\": null, \"logical_name\": null,"
								 " \"_create_date\": \"now\", \"_update_date\": null}");
	set.new_row_empty_spec = clone_overlay(set.new_row, json_from_text(empty_spec));
	set.no_address = json_from_text("{\"address\": \"\"}");
	set.no_alias = json_from_text("{\"alias\": \"\"}");
	set.plugged[false] = json_from_text("{\"is_plugged\": false}");
	set.plugged[true] = json_from_text("{\"is_plugged\": true}");
	set.disks = palloc0(sizeof(bool) * Max(plan->disk_count, 1));
	set.interfaces = palloc0(sizeof(bool) * Max(plan->interface_count, 1));

	objects = clone_elements(json_get(plan->configuration, "devices"), &count);
	for (int i = 0; i < count; i++)
	{
		SourceDevice source = read_device(objects[i]);

		copy_one(&set, &source);
	}
	add_missing(&set);

	report_array = json_objects_array(&set.report);
	for (int i = 0; i < copy_count; i++)
		work->record->devices[copies[i]] = report_array;
}

/* Copies with the same vm_static have the same devices; those with values of their own come alone. */
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
