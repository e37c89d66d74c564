/*
 * clone_device_rows.c
 *		Rows of vm_device, and the report of what became of every device.
 */
#include "postgres.h"

#include "base/json_objects.h"
#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "clone/clone_device_rows.h"

JsonConstant device_empty_spec = {"{\"spec_params\": {}}"};

/* What every copied row has: it is new and belongs to no snapshot. */
static JsonConstant new_row = {"{\"snapshot_id\": null, \"logical_name\": null,"
							   " \"_create_date\": \"now\", \"_update_date\": null}"};
static JsonConstant no_alias = {"{\"alias\": \"\"}"};
static JsonConstant plugged_or_not[2] = {{"{\"is_plugged\": false}"}, {"{\"is_plugged\": true}"}};
static JsonConstant readonly_or_not[2] = {{"{\"is_readonly\": false}"},
										  {"{\"is_readonly\": true}"}};
static JsonConstant at_bridge = {"{\"device\": \"bridge\"}"};
static JsonConstant passed_through = {"{\"device\": \"hostdev\"}"};

JsonConstant device_no_address = {"{\"address\": \"\"}"};

void
device_report(DeviceSet *set, const SourceDevice *source, const char *type, const char *device,
			  const char *fate, const char *reason)
{
	JsonbValue *object = json_objects_add(&set->report, 5);

	json_put_text(object, "fate", fate);
	json_put_text(object, "type", type);
	json_put_text(object, "device", device);
	json_put_text(object, "reason", reason);
	json_put_uuid(object, "device_id", source && source->has_id ? &source->id : NULL);
}

void
device_leave_out(DeviceSet *set, const SourceDevice *source, const char *reason)
{
	device_report(set, source, source->type, source->device, "left out", reason);
}

void
device_lay_over(Overlays *overlays, const Jsonb *overlay)
{
	Assert(overlays->count < ROW_COPY_MAX_OVERLAYS);
	overlays->items[overlays->count++] = overlay;
}

void
device_lay_over_disk(Overlays *overlays, const PlannedDisk *disk, bool plugged)
{
	bool is_plugged = json_get_bool(disk->configuration, "is_plugged", plugged);
	bool is_readonly = json_get_bool(disk->configuration, "is_readonly", false);

	device_lay_over(overlays, json_constant(&plugged_or_not[is_plugged]));
	device_lay_over(overlays, json_constant(&readonly_or_not[is_readonly]));
}

/* No null in a column that takes none. */
Overlays
device_overlays(const DeviceSet *set, const SourceDevice *source, const Jsonb *changes)
{
	Overlays overlays = {0};

	device_lay_over(&overlays, source->object);
	device_lay_over(&overlays, json_constant(&new_row));
	if (set->chipset_changes || !json_is_given(source->object, "address"))
		device_lay_over(&overlays, json_constant(&device_no_address));
	if (!json_is_given(source->object, "alias"))
		device_lay_over(&overlays, json_constant(&no_alias));
	if (changes)
		device_lay_over(&overlays, changes);
	return overlays;
}

void
device_add_row(DeviceSet *set, int source, int copy, const pg_uuid_t *id)
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

		device_add_row(set, source, set->copies[i], &id);
	}
}

void
device_copy(DeviceSet *set, const SourceDevice *source, const Jsonb *changes, const char *reason)
{
	Overlays overlays = device_overlays(set, source, changes);

	add_rows(set, source->has_id ? &source->id : NULL, &overlays);
	device_report(set, source, source->type, source->device, "copied", reason);
}

/* A managed device that the source has not, or that is made anew. */
void
device_make(DeviceSet *set, const SourceDevice *source, const char *type, const char *device,
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
	device_lay_over(&overlays, json_from_text(text.data));
	add_rows(set, NULL, &overlays);
	device_report(set, source, type, device, fate, reason);
}

char *
device_spec_text(const Jsonb *object)
{
	Jsonb *spec = object ? json_get(object, "spec_params") : NULL;

	return spec ? JsonbToCString(NULL, &spec->root, VARSIZE(spec)) : NULL;
}

/* The row of a disk in all copies: under its new id, or for an attached disk its own. */
void
device_add_disk_rows(DeviceSet *set, int d, const pg_uuid_t *source_id, const Overlays *overlays)
{
	const PlannedDisk *disk = &set->work->plan->disks[d];
	int source = row_copy_source(set->rows, source_id, overlays->items, overlays->count);

	for (int i = 0; i < set->copy_count; i++)
	{
		int c = set->copies[i];

		device_add_row(set, source, c,
					   disk_is_made(disk) ? &set->work->copies[c].new_disk_ids[d] : &disk->disk_id);
	}
	set->disks[d] = true;
}

/* A host's device is passed through, all others are at a bridge. */
static bool
is_passthrough(const Jsonb *interface)
{
	return json_get_int64(interface, "type", 0) == INTERFACE_TYPE_PCI_PASSTHROUGH;
}

/* The rows of a NIC; a copy with interfaces of its own may have it plugged otherwise. */
void
device_add_interface_rows(DeviceSet *set, int n, const pg_uuid_t *source_id,
						  const Overlays *overlays, bool plugged)
{
	const CloneWork *work = set->work;
	bool was_passthrough = is_passthrough(set->source_interfaces[n]);
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
			bool is_plugged = json_get_bool(interface->configuration, "is_plugged", plugged);
			Overlays all = *overlays;

			device_lay_over(&all, json_constant(&plugged_or_not[is_plugged]));
			if (is_passthrough(interface->configuration) != was_passthrough)
				device_lay_over(&all,
								json_constant(was_passthrough ? &at_bridge : &passed_through));
			source = row_copy_source(set->rows, source_id, all.items, all.count);
			previous = interface;
		}
		device_add_row(set, source, c, &work->interface_ids[c][n]);
	}
	set->interfaces[n] = true;
}

int64
device_display_type(const DeviceSet *set)
{
	return json_get_int64(set->vm_static, "default_display_type", DISPLAY_QXL);
}

bool
device_interface_included(const DeviceSet *set, int n)
{
	for (int i = 0; i < set->copy_count; i++)
	{
		if (set->work->copies[set->copies[i]].interfaces[n].include)
			return true;
	}
	return false;
}
