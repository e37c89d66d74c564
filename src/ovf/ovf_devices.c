/*
 * ovf_devices.c
 *		VirtualHardwareSection/Item: CPU, memory, NICs and every device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ovf/ovf_internal.h"

/* rasd:ResourceType; oVirt keeps 20 and 26 where the standard has none or another number */
#define RESOURCE_OTHER            0
#define RESOURCE_CPU              3
#define RESOURCE_MEMORY           4
#define RESOURCE_NETWORK          10
#define RESOURCE_FLOPPY           14
#define RESOURCE_CD               15
#define RESOURCE_DISK             17
#define RESOURCE_MONITOR          20
#define RESOURCE_USB              23
#define RESOURCE_GRAPHICS         24
#define RESOURCE_GRAPHICS_OVIRT   26
#define RESOURCE_MONITOR_STANDARD 32768

#define MAX_SPEC_PARAMS_DEPTH 16

typedef struct InterfaceType
{
	const char *name;
	int type;
} InterfaceType;

static const InterfaceType interface_types[] = {
	{"rtl8139_pv", 0},      {"rtl8139", 1},    {"e1000", 2},     {"pv", 3},
	{"VirtIO", 3},          {"spapr-vlan", 4}, {"spaprVlan", 4}, {"pci-passthrough", 5},
	{"pci-passthorugh", 5}, /* as engines spell it */
	{"pciPassthrough", 5},  {"e1000e", 6},
};

/* Mb/s by type */
static const int default_speeds[] = {1000, 100, 1000, 10000, 1000, 1000, 1000};

static bool
write_spec_params(OvfReader *reader, OvfValue *parent, const OvfNode *node, const char *key,
				  int depth)
{
	OvfValue *params = ovf_add_object(reader, parent, key);

	if (depth > MAX_SPEC_PARAMS_DEPTH)
		return ovf_fail(reader, node, "SpecParams are nested too deeply");
	for (const OvfNode *child = node != NULL ? node->children : NULL; child != NULL;
		 child = child->next)
	{
		const char *name = ovf_copy_text(reader, child->name);

		if (child->children == NULL)
			ovf_add_text(reader, params, name, ovf_text(reader, child));
		else if (!write_spec_params(reader, params, child, name, depth + 1))
			return false;
	}
	return !reader->failed;
}

/*
 * The next place for a device's id.  A disk or NIC must have its own (required); of others, taken
 * ids and what is no uuid are replaced by a derived one.
 */
static bool
claim_device_id(OvfReader *reader, const OvfNode *item, const char *wanted, bool required,
				char id[OVF_UUID_SIZE])
{
	bool usable = ovf_is_uuid(wanted, id);

	if (reader->device_count >= OVF_MAX_DEVICES)
		return ovf_fail(reader, item, "more than %d devices", OVF_MAX_DEVICES);
	for (int i = 0; usable && i < reader->device_count; i++)
		usable = strcmp(reader->device_ids[i], id) != 0;
	if (!usable && required)
		return ovf_fail(reader, item, "device %s is described twice", wanted);
	if (!usable)
		ovf_derived_uuid(reader, "device", reader->device_count, id);
	strcpy(reader->device_ids[reader->device_count++], id);
	return true;
}

static bool
child_boolean(OvfReader *reader, const OvfNode *item, const char *name, bool absent, bool *value)
{
	const OvfNode *node = ovf_child(item, name);

	*value = absent;
	return node == NULL || ovf_is_blank(ovf_text(reader, node)) || ovf_boolean(reader, node, value);
}

/* VmDeviceGeneralType; what an engine doesn't know is unknown to it too. */
static const char *
known_type(OvfReader *reader, const OvfNode *node, const char *type)
{
	static const char *const types[] = {
		"disk",    "interface", "video",    "graphics", "sound", "controller", "balloon",
		"channel", "redir",     "redirdev", "console",  "rng",   "smartcard",  "watchdog",
		"hostdev", "memory",    "tpm",      "mdev",     "iommu", "unknown",
	};
	char shown[64];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i], type) == 0)
			return types[i];
	ovf_warn(reader, node, "device type \"%s\" is not known; the device is kept as \"unknown\"",
			 ovf_excerpt(type, shown, sizeof(shown)));
	return "unknown";
}

/* A child's text of at most 255 characters, as vm_device takes. */
static bool
short_text(OvfReader *reader, const OvfNode *item, const char *name, const char **text)
{
	const OvfNode *node = ovf_child(item, name);

	*text = ovf_text(reader, node);
	return ovf_fits(reader, node, *text, 255);
}

/* Managed although it has the general resource type (engine: "special"). */
static bool
is_special(const char *type, const char *device)
{
	static const char *const any_device[] = {"sound", "hostdev", "mdev", "tpm"};
	static const char *const pairs[][2] = {
		{"console", "console"},          {"smartcard", "smartcard"},    {"redir", "spicevmc"},
		{"balloon", "memballoon"},       {"watchdog", "watchdog"},      {"rng", "virtio"},
		{"controller", "virtio-serial"}, {"controller", "virtio-scsi"},
	};

	if (strcmp(device, "usb") == 0)
		return true;
	for (size_t i = 0; i < sizeof(any_device) / sizeof(any_device[0]); i++)
		if (strcmp(type, any_device[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (strcmp(type, pairs[i][0]) == 0 && strcmp(device, pairs[i][1]) == 0)
			return true;
	return false;
}

/*
 * One device.  id: the uuid it must have (disk, NIC), or NULL for the item's own.  type and device
 * are what the resource type stands for where the item doesn't say.
 */
static bool
write_device(OvfReader *reader, const OvfNode *item, const char *id, const char *type,
			 const char *device, bool managed, bool *plugged, bool *read_only)
{
	OvfValue *json;
	const OvfNode *node;
	const char *custom = ovf_child_text(reader, item, "CustomProperties");
	const char *text;
	const char *address;
	const char *alias;
	char device_id[OVF_UUID_SIZE];
	char snapshot_id[OVF_UUID_SIZE];
	long long boot_order = 0;

	text = ovf_child_text(reader, item, "Type");
	if (!ovf_is_blank(text))
		type = known_type(reader, ovf_child(item, "Type"), text);
	if (!short_text(reader, item, "Device", &text) ||
		!short_text(reader, item, "Address", &address) ||
		!short_text(reader, item, "Alias", &alias))
		return false;
	if (!ovf_is_blank(text))
		device = text;
	if (id == NULL ? !claim_device_id(reader, item, ovf_child_text(reader, item, "InstanceId"),
									  false, device_id)
				   : !claim_device_id(reader, item, id, true, device_id))
		return false;
	if (!child_boolean(reader, item, "IsPlugged", true, plugged) ||
		!child_boolean(reader, item, "IsReadOnly", false, read_only))
		return false;
	node = ovf_child(item, "BootOrder");
	if (node != NULL && !ovf_is_blank(ovf_text(reader, node)) &&
		!ovf_integer(reader, node, -1, 100000, &boot_order))
		return false;

	/* keys by length and bytes, as jsonb has them: they needn't be sorted then */
	json = ovf_add_object(reader, reader->devices, NULL);
	ovf_add_text(reader, json, "type", type);
	ovf_add_text(reader, json, "alias", alias);
	ovf_add_text(reader, json, "device", device);
	ovf_add_text(reader, json, "address", address);
	ovf_add_text(reader, json, "device_id", device_id);
	ovf_add_integer(reader, json, "boot_order", boot_order);
	ovf_add_boolean(reader, json, "is_managed", managed);
	ovf_add_boolean(reader, json, "is_plugged", *plugged);
	ovf_add_boolean(reader, json, "is_readonly", *read_only);
	node = ovf_child(item, "SnapshotId");
	if (node != NULL && !ovf_is_blank(ovf_text(reader, node)))
	{
		if (!ovf_uuid(reader, node, ovf_text(reader, node), snapshot_id))
			return false;
		ovf_add_text(reader, json, "snapshot_id", snapshot_id);
	}
	else
		ovf_add_text(reader, json, "snapshot_id", NULL);
	if (!write_spec_params(reader, json, ovf_child(item, "SpecParams"), "spec_params", 0))
		return false;
	ovf_add_text(reader, json, "custom_properties", ovf_is_blank(custom) ? NULL : custom);

	reader->has_balloon = reader->has_balloon || strcmp(type, "balloon") == 0;
	reader->has_graphics = reader->has_graphics || (managed && strcmp(type, "graphics") == 0);
	reader->has_virtio_serial = reader->has_virtio_serial || (strcmp(type, "controller") == 0 &&
															  strcmp(device, "virtio-serial") == 0);
	return !reader->failed;
}

static bool
write_count(OvfReader *reader, const OvfNode *item, const char *element, const char *column,
			bool required)
{
	const OvfNode *node = ovf_child(item, element);
	long long value;

	if (node == NULL || ovf_is_blank(ovf_text(reader, node)))
		return !required || ovf_fail(reader, item, "element rasd:%s is missing", element);
	if (!ovf_integer(reader, node, 1, 65536, &value))
		return false;
	ovf_add_integer(reader, reader->vm_static, column, value);
	return true;
}

static bool
read_cpu(OvfReader *reader, const OvfNode *item)
{
	const OvfNode *sockets = ovf_child(item, "num_of_sockets");
	bool by_quantity = sockets == NULL || ovf_is_blank(ovf_text(reader, sockets));

	/* documents of virt-v2v count CPUs only */
	return write_count(reader, item, by_quantity ? "VirtualQuantity" : "num_of_sockets",
					   "num_of_sockets", true) &&
		   write_count(reader, item, "cpu_per_socket", "cpu_per_socket", false) &&
		   write_count(reader, item, "threads_per_cpu", "threads_per_cpu", false);
}

static bool
read_memory(OvfReader *reader, const OvfNode *item)
{
	const OvfNode *node = ovf_child(item, "VirtualQuantity");
	const OvfNode *units = ovf_child(item, "AllocationUnits");
	const char *unit = ovf_text(reader, units);
	char shown[64];

	if (node == NULL)
		return ovf_fail(reader, item, "element rasd:VirtualQuantity is missing");
	if (!ovf_is_blank(unit) && strcasecmp(unit, "MegaBytes") != 0 && strcmp(unit, "MB") != 0 &&
		strcmp(unit, "byte * 2^20") != 0)
		return ovf_fail(reader, units, "\"%s\" is not a known unit; memory is given in MegaBytes",
						ovf_excerpt(unit, shown, sizeof(shown)));
	if (!ovf_integer(reader, node, 1, 2147483647, &reader->memory_mb))
		return false;
	ovf_add_integer(reader, reader->vm_static, "mem_size_mb", reader->memory_mb);
	return true;
}

static bool
read_disk(OvfReader *reader, const OvfNode *item)
{
	const OvfNode *node = ovf_child(item, "InstanceId");
	char image_id[OVF_UUID_SIZE];
	OvfDisk *disk;
	bool read_only;

	if (node == NULL)
		return ovf_fail(reader, item, "element rasd:InstanceId is missing");
	if (!ovf_uuid(reader, node, ovf_text(reader, node), image_id))
		return false;
	disk = ovf_find_disk(reader, image_id);
	if (disk == NULL)
		return ovf_fail(reader, node, "no File of References belongs to image %s", image_id);
	if (!write_device(reader, item, disk->disk_id, "disk", "disk", true, &disk->plugged,
					  &read_only))
		return false;
	disk->read_only = disk->read_only || read_only;
	return true;
}

/* A number, or one of the names that engines and virt-v2v write. */
static bool
read_interface_type(OvfReader *reader, const OvfNode *item, int *type)
{
	const OvfNode *node = ovf_child(item, "ResourceSubType");
	const char *text = ovf_text(reader, node);
	long long code;

	*type = INTERFACE_TYPE_PV;
	if (ovf_is_blank(text))
		return true;
	for (size_t i = 0; i < sizeof(interface_types) / sizeof(interface_types[0]); i++)
	{
		if (strcasecmp(interface_types[i].name, text) == 0)
		{
			*type = interface_types[i].type;
			return true;
		}
	}
	if (!ovf_integer(reader, node, 0, 6, &code))
		return false;
	*type = (int) code;
	return true;
}

static bool
is_mac_address(const char *text)
{
	for (int i = 0; i < 17; i++)
	{
		if (i % 3 == 2 ? text[i] != ':' : strchr("0123456789abcdefABCDEF", text[i]) == NULL)
			return false;
		if (text[i] == '\0')
			return false;
	}
	return text[17] == '\0';
}

static bool
read_interface(OvfReader *reader, const OvfNode *item)
{
	OvfValue *json;
	const OvfNode *instance = ovf_child(item, "InstanceId");
	const OvfNode *mac = ovf_child(item, "MACAddress");
	const OvfNode *speed_node = ovf_child(item, "speed");
	const OvfNode *linked_node = ovf_child(item, "Linked");
	const char *network = ovf_child_text(reader, item, "Connection");
	const char *profile = ovf_child_text(reader, item, "OtherResourceType");
	const char *name = ovf_child_text(reader, item, "Name");
	const char *mac_text = ovf_text(reader, mac);
	char id[OVF_UUID_SIZE];
	char default_name[32];
	char shown[64];
	bool linked = true, plugged, read_only;
	long long speed;
	int type;

	reader->interface_count++;
	/* before 3.1 the id was a number */
	if (!ovf_is_uuid(ovf_text(reader, instance), id))
	{
		const char *text = ovf_text(reader, instance);

		if (!ovf_is_blank(text) && strspn(text, "0123456789 \t\r\n") != strlen(text))
			return ovf_uuid(reader, instance, text, id);
		ovf_derived_uuid(reader, "interface", reader->interface_count, id);
	}
	if (!read_interface_type(reader, item, &type))
		return false;
	speed = default_speeds[type];
	if (speed_node != NULL && !ovf_is_blank(ovf_text(reader, speed_node)) &&
		!ovf_integer(reader, speed_node, 0, 2147483647, &speed))
		return false;
	if (linked_node != NULL && !ovf_is_blank(ovf_text(reader, linked_node)) &&
		!ovf_boolean(reader, linked_node, &linked))
		return false;
	if (!ovf_is_blank(mac_text) && !is_mac_address(mac_text))
		return ovf_fail(reader, mac, "\"%s\" is not a MAC address",
						ovf_excerpt(mac_text, shown, sizeof(shown)));
	if (!ovf_fits(reader, ovf_child(item, "Name"), name, 50))
		return false;
	if (ovf_is_blank(name))
	{
		snprintf(default_name, sizeof(default_name), "nic%d", reader->interface_count);
		name = default_name;
	}
	if (!write_device(reader, item, id, "interface",
					  type == INTERFACE_TYPE_PCI_PASSTHROUGH ? "hostdev" : "bridge", true, &plugged,
					  &read_only))
		return false;

	json = ovf_add_object(reader, reader->interfaces, NULL);
	ovf_add_text(reader, json, "name", name);
	ovf_add_integer(reader, json, "type", type);
	ovf_add_integer(reader, json, "speed", speed);
	ovf_add_boolean(reader, json, "linked", linked);
	ovf_add_text(reader, json, "address", ovf_child_text(reader, item, "Address"));
	ovf_add_text(reader, json, "mac_addr", ovf_is_blank(mac_text) ? NULL : mac_text);
	ovf_add_boolean(reader, json, "is_plugged", plugged);
	ovf_add_text(reader, json, "interface_id", id);
	ovf_add_text(reader, json, "network_name", ovf_is_blank(network) ? NULL : network);
	ovf_add_text(reader, json, "profile_name", ovf_is_blank(profile) ? NULL : profile);
	return !reader->failed;
}

static bool
read_monitor(OvfReader *reader, const OvfNode *item)
{
	const OvfNode *node = ovf_child(item, "VirtualQuantity");
	bool plugged, read_only;
	long long monitors;

	if (node != NULL && !ovf_is_blank(ovf_text(reader, node)))
	{
		if (!ovf_integer(reader, node, 0, 64, &monitors))
			return false;
		ovf_add_integer(reader, reader->vm_static, "num_of_monitors", monitors);
	}
	return write_device(reader, item, NULL, "video", "qxl", true, &plugged, &read_only);
}

static bool
read_usb_policy(OvfReader *reader, const OvfNode *item)
{
	static const char *const policies[] = {"ENABLED_LEGACY", "DISABLED", "ENABLED_NATIVE"};
	const OvfNode *node = ovf_child(item, "UsbPolicy");
	const char *text = ovf_text(reader, node);
	int policy = node == NULL ? 2 : -1;
	char shown[64];

	for (int i = 0; i < 3; i++)
		if (strcasecmp(text, policies[i]) == 0)
			policy = i;
	if (strcasecmp(text, "Enabled") == 0) /* 3.0 */
		policy = 0;
	if (policy < 0)
		return ovf_fail(reader, node, "\"%s\" is not a USB policy",
						ovf_excerpt(text, shown, sizeof(shown)));
	ovf_add_integer(reader, reader->vm_static, "usb_policy", policy);
	return true;
}

static bool
read_other(OvfReader *reader, const OvfNode *item)
{
	const char *type = ovf_child_text(reader, item, "Type");
	const char *device = ovf_child_text(reader, item, "Device");
	bool plugged, read_only;

	return write_device(reader, item, NULL, "unknown", "unknown", is_special(type, device),
						&plugged, &read_only);
}

static bool
read_item(OvfReader *reader, const OvfNode *item)
{
	const OvfNode *node = ovf_child(item, "ResourceType");
	bool plugged, read_only;
	long long type;

	if (node == NULL)
		return ovf_fail(reader, item, "element rasd:ResourceType is missing");
	if (!ovf_integer(reader, node, 0, 2147483647, &type))
		return false;
	switch (type)
	{
		case RESOURCE_CPU:
			return read_cpu(reader, item);
		case RESOURCE_MEMORY:
			return read_memory(reader, item);
		case RESOURCE_DISK:
			return read_disk(reader, item);
		case RESOURCE_NETWORK:
			return read_interface(reader, item);
		case RESOURCE_USB:
			return read_usb_policy(reader, item);
		case RESOURCE_MONITOR:
		case RESOURCE_MONITOR_STANDARD:
			return read_monitor(reader, item);
		case RESOURCE_GRAPHICS:
		case RESOURCE_GRAPHICS_OVIRT:
			return write_device(reader, item, NULL, "graphics", "spice", true, &plugged,
								&read_only);
		case RESOURCE_CD:
			return write_device(reader, item, NULL, "disk", "cdrom", true, &plugged, &read_only);
		case RESOURCE_FLOPPY:
			return write_device(reader, item, NULL, "disk", "floppy", true, &plugged, &read_only);
		case RESOURCE_OTHER:
			return read_other(reader, item);
		default:
			/* a later engine's; with a type it is at least a device */
			if (ovf_child(item, "Type") != NULL && ovf_child(item, "Device") != NULL)
				return read_other(reader, item);
			ovf_warn(reader, item, "Item of unknown resource type %lld is left out", type);
			return true;
	}
}

bool
ovf_read_hardware(OvfReader *reader, const OvfNode *section)
{
	int most = 2; /* those of ovf_add_default_devices */

	for (const OvfNode *item = ovf_child(section, "Item"); item != NULL && most < OVF_MAX_DEVICES;
		 item = ovf_next(item, "Item"))
		most++;
	reader->device_ids = ovf_allocate(&reader->memory, sizeof(*reader->device_ids) * most);
	if (reader->device_ids == NULL)
		return ovf_fail(reader, NULL, "out of memory");
	for (const OvfNode *item = ovf_child(section, "Item"); item != NULL;
		 item = ovf_next(item, "Item"))
		if (!read_item(reader, item))
			return false;
	return true;
}

static bool
add_device(OvfReader *reader, const char *type, const char *device)
{
	OvfValue *json;
	char id[OVF_UUID_SIZE];

	if (!claim_device_id(reader, NULL, "", false, id))
		return false;
	json = ovf_add_object(reader, reader->devices, NULL);
	ovf_add_text(reader, json, "type", type);
	ovf_add_text(reader, json, "alias", "");
	ovf_add_text(reader, json, "device", device);
	ovf_add_text(reader, json, "address", "");
	ovf_add_text(reader, json, "device_id", id);
	ovf_add_integer(reader, json, "boot_order", 0);
	ovf_add_boolean(reader, json, "is_managed", true);
	ovf_add_boolean(reader, json, "is_plugged", true);
	ovf_add_boolean(reader, json, "is_readonly", false);
	ovf_add_text(reader, json, "snapshot_id", NULL);
	ovf_add_object(reader, json, "spec_params");
	ovf_add_text(reader, json, "custom_properties", NULL);
	return true;
}

/* What documents before 3.3 and 3.6 leave out: the serial controller and the display's server. */
bool
ovf_add_default_devices(OvfReader *reader, long long display_type, bool has_display)
{
	if (!reader->has_virtio_serial && !add_device(reader, "controller", "virtio-serial"))
		return false;
	if (reader->has_graphics || (has_display && display_type == DISPLAY_NONE))
		return true;
	return add_device(reader, "graphics",
					  !has_display || display_type == DISPLAY_QXL ? "spice" : "vnc");
}
