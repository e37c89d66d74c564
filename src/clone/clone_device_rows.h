/*
 * clone_device_rows.h
 *		Rows of vm_device, and the report of what became of every device.
 */
#ifndef VMCLONE_CLONE_DEVICE_ROWS_H
#define VMCLONE_CLONE_DEVICE_ROWS_H

#include "clone/clone_internal.h"
#include "clone/clone_usb.h"
#include "base/json.h"
#include "base/json_objects.h"

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
	Jsonb **source_interfaces; /* of the snapshot's configuration */
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

/* Changes that many devices have. */
extern JsonConstant device_empty_spec;
extern JsonConstant device_no_address;

/* What became of a device: fate "copied", "remade", "left out" or "added"; source NULL: it is new. */
extern void device_report(DeviceSet *set, const SourceDevice *source, const char *type,
						  const char *device, const char *fate, const char *reason);
extern void device_leave_out(DeviceSet *set, const SourceDevice *source, const char *reason);

/* What a row of the source becomes: it is new, belongs to no snapshot; changes may be NULL. */
extern Overlays device_overlays(const DeviceSet *set, const SourceDevice *source,
								const Jsonb *changes);
extern void device_lay_over(Overlays *overlays, const Jsonb *overlay);

/* Plugged and read-only as the plan of the disk says; plugged: what holds where it says nothing. */
extern void device_lay_over_disk(Overlays *overlays, const PlannedDisk *disk, bool plugged);

/* A row for every copy, under the id that is given or a new one. */
extern void device_add_row(DeviceSet *set, int source, int copy, const pg_uuid_t *id);
extern void device_add_disk_rows(DeviceSet *set, int d, const pg_uuid_t *source_id,
								 const Overlays *overlays);
extern void device_add_interface_rows(DeviceSet *set, int n, const pg_uuid_t *source_id,
									  const Overlays *overlays, bool plugged);

/* Copies or makes a device in all copies, and reports it; spec: JSON. */
extern void device_copy(DeviceSet *set, const SourceDevice *source, const Jsonb *changes,
						const char *reason);
extern void device_make(DeviceSet *set, const SourceDevice *source, const char *type,
						const char *device, bool readonly, const char *spec, const char *fate,
						const char *reason);

extern char *device_spec_text(const Jsonb *object); /* NULL: it has none */

/* vm_static.default_display_type of the set's copies. */
extern int64 device_display_type(const DeviceSet *set);

/* Adds what the copies need and the snapshot's list of devices, which has been gone through, lacks. */
extern void device_add_missing(DeviceSet *set);

/* True if any of the set's copies has interface n. */
extern bool device_interface_included(const DeviceSet *set, int n);

#endif
