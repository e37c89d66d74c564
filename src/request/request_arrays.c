/*
 * request_arrays.c
 *		The array parameters: disks, interfaces and copy_overrides.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/json.h"
#include "base/uuid.h"
#include "request/request_internal.h"

/* What a caller may choose for a disk, then what else a configuration's disk object has. */
static const char *const disk_keys[] = {"disk_id",
										"storage_domain_id",
										"volume_format",
										"volume_type",
										"disk_alias",
										"quota_id",
										"disk_profile_id",
										"include",
										"attach",
										"disk_description",
										"disk_interface",
										"is_boot",
										"is_plugged",
										"pass_discard",
										"wipe_after_delete",
										"is_readonly",
										"is_using_scsi_reservation",
										"actual_size",
										"size_rounded",
										"lun_id",
										"image_id",
										"size",
										"shareable",
										"disk_storage_type",
										"backup",
										"image_status",
										NULL};

static const char *const interface_keys[] = {
	"interface_id", "name",     "mac",   "vnic_profile_id", "linked",
	"plugged",      "include",  "type",  "network_name",    "profile_name",
	"is_plugged",   "mac_addr", "speed", "address",         NULL};

static const char *const copy_override_keys[] = {"vm_name", "vm_static", "interfaces", NULL};

static VolumeFormat
volume_format_of(const Jsonb *object)
{
	char *text = request_text(object, "disks", "volume_format");

	if (text == NULL)
		return VOLUME_FORMAT_UNSET;
	if (pg_strcasecmp(text, "RAW") == 0)
		return VOLUME_FORMAT_RAW;
	if (pg_strcasecmp(text, "COW") == 0)
		return VOLUME_FORMAT_COW;
	request_refuse_value("disks.volume_format", text, "\"RAW\" and \"COW\"");
}

static VolumeType
volume_type_of(const Jsonb *object)
{
	char *text = request_text(object, "disks", "volume_type");

	if (text == NULL)
		return VOLUME_TYPE_UNASSIGNED;
	if (pg_strcasecmp(text, "Sparse") == 0)
		return VOLUME_TYPE_SPARSE;
	if (pg_strcasecmp(text, "Preallocated") == 0)
		return VOLUME_TYPE_PREALLOCATED;
	request_refuse_value("disks.volume_type", text, "\"Sparse\" and \"Preallocated\"");
}

void
request_parse_disks(CloneRequest *request, Jsonb *array)
{
	Jsonb **objects =
		request_objects(array, "disks", disk_keys, REQUEST_MAX_ELEMENTS, &request->disk_count);

	request->disks = palloc0(sizeof(DiskChoice) * (request->disk_count + 1));
	for (int i = 0; i < request->disk_count; i++)
	{
		Jsonb *object = objects[i];
		DiskChoice *choice = &request->disks[i];
		OptionalUuid disk_id = request_uuid(object, "disks", "disk_id");

		if (!disk_id.given)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("element %d of parameter \"disks\" has no \"disk_id\"", i + 1),
							errhint("vmclone.snapshot_disks lists the snapshot's disks.")));
		for (int other = 0; other < i; other++)
			if (uuid_same(&request->disks[other].disk_id, &disk_id.value))
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("parameter \"disks\" names disk %s twice",
									   uuid_text(&disk_id.value)),
								errhint("Say all that is wanted of a disk in one element.")));
		choice->disk_id = disk_id.value;
		choice->given = object;
		choice->handed_back = json_has(object, "image_id");
		choice->include = request_boolean(object, "disks", "include", true);
		choice->attach = request_boolean(object, "disks", "attach", false);
		choice->storage_domain_id = request_uuid(object, "disks", "storage_domain_id");
		choice->volume_format = volume_format_of(object);
		choice->volume_type = volume_type_of(object);
		choice->disk_alias = request_text(object, "disks", "disk_alias");
		choice->quota_id = request_uuid(object, "disks", "quota_id");
		choice->disk_profile_id = request_uuid(object, "disks", "disk_profile_id");
		(void) request_uuid(object, "disks", "image_id");
		(void) request_text(object, "disks", "disk_description");
		(void) request_text(object, "disks", "disk_interface");
		(void) request_boolean(object, "disks", "is_boot", false);
		(void) request_boolean(object, "disks", "is_plugged", false);
		(void) request_boolean(object, "disks", "pass_discard", false);
		(void) request_boolean(object, "disks", "wipe_after_delete", false);
		(void) request_boolean(object, "disks", "is_readonly", false);
		(void) request_boolean(object, "disks", "is_using_scsi_reservation", false);
		request_check_scalar(object, "disks", "size");
		if (choice->disk_alias && pg_mbstrlen(choice->disk_alias) > DISK_ALIAS_LENGTH)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("disk alias of disk %s is longer than %d characters",
								   uuid_text(&disk_id.value), DISK_ALIAS_LENGTH),
							errhint("Choose a shorter \"disk_alias\".")));
	}
}

/* Six hexadecimal bytes. */
static bool
is_mac(const char *text)
{
	bool right = strlen(text) == 17 && strspn(text, "0123456789abcdefABCDEF:") == 17;

	for (int i = 0; right && i < 17; i++)
		right = (text[i] == ':') == (i % 3 == 2);
	return right;
}

void
request_check_mac(const char *mac)
{
	if (pg_strcasecmp(mac, "new") == 0 || pg_strcasecmp(mac, "keep") == 0)
		return;
	if (!is_mac(mac))
		request_refuse_value("interfaces.mac", mac,
							 "\"new\", \"keep\" and an address like \"56:6f:1a:00:00:01\"");
	if (strchr("13579bdfBDF", mac[1]) || strspn(mac, "0:") == 17)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("MAC address %s in parameter \"interfaces\" is not one that a network "
						"interface can have",
						mac),
				 errdetail("It is a multicast address or zero."),
				 errhint("Use \"mac\": \"new\", or an address whose first byte is even.")));
}

/* Two elements for one interface: which of them would count? */
static void
refuse_given_twice(Jsonb **objects, int index)
{
	OptionalUuid id = request_uuid(objects[index], "interfaces", "interface_id");
	const char *name = request_text(objects[index], "interfaces", "name");

	for (int i = 0; i < index; i++)
	{
		OptionalUuid other_id = request_uuid(objects[i], "interfaces", "interface_id");
		const char *other_name = request_text(objects[i], "interfaces", "name");

		/* a snapshot may have two interfaces of one name, which their ids tell apart */
		if (id.given && other_id.given ? uuid_same(&id.value, &other_id.value)
									   : name && other_name && strcmp(name, other_name) == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("parameter \"interfaces\" names interface \"%s\" twice",
								   name ? name : uuid_text(&id.value)),
							errhint("Say all that is wanted of an interface in one element.")));
	}
}

void
request_check_interfaces(Jsonb *array)
{
	int count;
	Jsonb **objects =
		request_objects(array, "interfaces", interface_keys, REQUEST_MAX_ELEMENTS, &count);

	for (int i = 0; i < count; i++)
	{
		OptionalUuid interface_id = request_uuid(objects[i], "interfaces", "interface_id");
		char *name = request_text(objects[i], "interfaces", "name");
		char *mac = request_text(objects[i], "interfaces", "mac");

		if (!interface_id.given && name == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("element %d of parameter \"interfaces\" has neither "
								   "\"interface_id\" nor \"name\"",
								   i + 1),
							errhint("vmclone.get_vm_configuration_by_snapshot_id lists the "
									"snapshot's interfaces.")));
		refuse_given_twice(objects, i);
		if (mac)
			request_check_mac(mac);
		mac = request_text(objects[i], "interfaces", "mac_addr");
		if (mac && !is_mac(mac))
			request_refuse_value("interfaces.mac_addr", mac,
								 "addresses like \"56:6f:1a:00:00:01\"");
		(void) request_uuid(objects[i], "interfaces", "vnic_profile_id");
		(void) request_text(objects[i], "interfaces", "network_name");
		(void) request_text(objects[i], "interfaces", "profile_name");
		(void) request_boolean(objects[i], "interfaces", "linked", true);
		(void) request_boolean(objects[i], "interfaces", "plugged", true);
		(void) request_boolean(objects[i], "interfaces", "is_plugged", true);
		(void) request_boolean(objects[i], "interfaces", "include", true);
		request_check_scalar(objects[i], "interfaces", "type");
	}
}

void
request_parse_copy_overrides(CloneRequest *request, Jsonb *array)
{
	int count;
	Jsonb **objects =
		request_objects(array, "copy_overrides", copy_override_keys, REQUEST_MAX_COPIES, &count);

	if (array == NULL)
		return;
	if (count > request->copies)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("parameter \"copy_overrides\" has %d elements for %d copies", count,
							   request->copies),
						errhint("Element n is for copy n; leave the last ones out, or raise "
								"\"copies\".")));
	for (int i = 0; i < count; i++)
	{
		const JsonbValue *vm_static = request_value(objects[i], "vm_static");

		(void) request_text(objects[i], "copy_overrides", "vm_name");
		if (vm_static && vm_static->type != jbvBinary)
			request_refuse_type("copy_overrides", "vm_static", "an object");
		request_check_object(json_get(objects[i], "vm_static"), "copy_overrides.vm_static");
		if (request_value(objects[i], "interfaces") && json_get(objects[i], "interfaces") == NULL)
			request_refuse_type("copy_overrides", "interfaces", "an array");
		request_check_interfaces(json_get(objects[i], "interfaces"));
	}
	request->copy_overrides = array;
}
