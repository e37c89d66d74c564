/*
 * ovf_general.c
 *		The tags directly below Content, and the operating system: columns of vm_static.
 *
 * A tag that is missing, or empty where its column isn't text, says nothing: the current row's
 * value stays.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ovf/ovf_internal.h"

typedef enum TagKind
{
	TAG_TEXT,          /* empty is a value */
	TAG_NONEMPTY_TEXT, /* empty says nothing */
	TAG_BOOLEAN,
	TAG_INTEGER,
	TAG_UUID,
	TAG_DATE,
	TAG_WORD, /* one of words, stored in the table's spelling */
} TagKind;

typedef struct GeneralTag
{
	const char *element;
	const char *column;
	TagKind kind;
	int least;
	int most;                 /* of a text: characters, as the column takes; 0 is any number */
	const char *const *words; /* NULL-terminated */
} GeneralTag;

static const char *const sso_methods[] = {"none", "guest_agent", NULL};
static const char *const disconnect_actions[] = {"NONE",     "LOCK_SCREEN", "LOGOUT",
												 "SHUTDOWN", "REBOOT",      NULL};
static const char *const resume_behaviors[] = {"AUTO_RESUME", "LEAVE_PAUSED", "KILL", NULL};
static const char *const migration_supports[] = {"MIGRATABLE", "IMPLICITLY_NON_MIGRATABLE",
												 "PINNED_TO_HOST", NULL};

static const GeneralTag general_tags[] = {
	{"Name", "vm_name", TAG_NONEMPTY_TEXT, 0, 255},
	{"Description", "description", TAG_TEXT, 0, 4000},
	{"Comment", "free_text_comment", TAG_TEXT},
	{"CreationDate", "creation_date", TAG_DATE},
	{"DeleteProtected", "is_delete_protected", TAG_BOOLEAN},
	{"SsoMethod", "sso_method", TAG_WORD, 0, 0, sso_methods},
	{"IsSmartcardEnabled", "is_smartcard_enabled", TAG_BOOLEAN},
	{"NumOfIoThreads", "num_of_io_threads", TAG_INTEGER, 0, 1024},
	{"default_boot_sequence", "default_boot_sequence", TAG_INTEGER, 0, 16},
	{"initrd_url", "initrd_url", TAG_NONEMPTY_TEXT, 0, 4000},
	{"kernel_url", "kernel_url", TAG_NONEMPTY_TEXT, 0, 4000},
	{"kernel_params", "kernel_params", TAG_NONEMPTY_TEXT, 0, 4000},
	{"Generation", "db_generation", TAG_INTEGER, 0, INT_MAX},
	{"CustomCompatibilityVersion", "custom_compatibility_version", TAG_NONEMPTY_TEXT, 0, 40},
	{"VmType", "vm_type", TAG_INTEGER, 0, 2},
	{"ResumeBehavior", "resume_behavior", TAG_WORD, 0, 0, resume_behaviors},
	{"TunnelMigration", "tunnel_migration", TAG_BOOLEAN},
	{"VncKeyboardLayout", "vnc_keyboard_layout", TAG_NONEMPTY_TEXT, 0, 16},
	{"MinAllocatedMem", "min_allocated_mem", TAG_INTEGER, 0, INT_MAX},
	{"IsStateless", "is_stateless", TAG_BOOLEAN},
	{"IsRunAndPause", "is_run_and_pause", TAG_BOOLEAN},
	{"AutoStartup", "auto_startup", TAG_BOOLEAN},
	{"Priority", "priority", TAG_INTEGER, 0, INT_MAX},
	{"CreatedByUserId", "created_by_user_id", TAG_UUID},
	{"MigrationDowntime", "migration_downtime", TAG_INTEGER, 0, INT_MAX},
	{"MigrationSupport", "migration_support", TAG_INTEGER, 0, 2},
	{"SerialNumberPolicy", "serial_number_policy", TAG_INTEGER, 0, 3},
	{"CustomSerialNumber", "custom_serial_number", TAG_NONEMPTY_TEXT, 0, 255},
	{"IsBootMenuEnabled", "is_boot_menu_enabled", TAG_BOOLEAN},
	{"IsSpiceFileTransferEnabled", "is_spice_file_transfer_enabled", TAG_BOOLEAN},
	{"IsSpiceCopyPasteEnabled", "is_spice_copy_paste_enabled", TAG_BOOLEAN},
	{"AllowConsoleReconnect", "allow_console_reconnect", TAG_BOOLEAN},
	{"ConsoleDisconnectAction", "console_disconnect_action", TAG_WORD, 0, 0, disconnect_actions},
	{"ConsoleDisconnectActionDelay", "console_disconnect_action_delay", TAG_INTEGER, 0, 32767},
	{"IsAutoConverge", "is_auto_converge", TAG_BOOLEAN},
	{"IsMigrateCompressed", "is_migrate_compressed", TAG_BOOLEAN},
	{"IsMigrateEncrypted", "is_migrate_encrypted", TAG_BOOLEAN},
	{"MigrationPolicyId", "migration_policy_id", TAG_UUID},
	{"ParallelMigrations", "parallel_migrations", TAG_INTEGER, -2, 255},
	{"CustomEmulatedMachine", "custom_emulated_machine", TAG_NONEMPTY_TEXT, 0, 40},
	{"CustomCpuName", "custom_cpu_name", TAG_NONEMPTY_TEXT, 0, 255},
	{"PredefinedProperties", "predefined_properties", TAG_TEXT, 0, 4000},
	{"UserDefinedProperties", "userdefined_properties", TAG_TEXT, 0, 4000},
	{"LeaseDomainId", "lease_sd_id", TAG_UUID},
	{"MultiQueuesEnabled", "multi_queues_enabled", TAG_BOOLEAN},
	{"UseHostCpu", "host_cpu_flags", TAG_BOOLEAN},
	{"UseTscFrequency", "use_tsc_frequency", TAG_BOOLEAN},
	{"CpuShares", "cpu_shares", TAG_INTEGER, 0, INT_MAX},
	{"Namespace", "namespace", TAG_NONEMPTY_TEXT, 0, 253},
	{"TemplateId", "vmt_guid", TAG_UUID},
	{"InstanceTypeId", "instance_type_id", TAG_UUID},
	{"ImageTypeId", "image_type_id", TAG_UUID},
	{"IsInitilized", "is_initialized", TAG_BOOLEAN}, /* sic */
	{"Origin", "origin", TAG_INTEGER, 0, 100},
	{"quota_id", "quota_id", TAG_UUID},
	{"OriginalTemplateId", "original_template_id", TAG_UUID},
	{"OriginalTemplateName", "original_template_name", TAG_NONEMPTY_TEXT, 0, 255},
	/* what the oldest engines wrote for the engine that imports; read last, so that they win */
	{"exportonly_userDefinedProperties", "userdefined_properties", TAG_NONEMPTY_TEXT, 0, 4000},
	{"exportonly_predefinedProperties", "predefined_properties", TAG_NONEMPTY_TEXT, 0, 4000},
	{"exportonly_minAllocatedMem", "min_allocated_mem", TAG_INTEGER, 0, INT_MAX},
};

static bool
write_word(OvfReader *reader, const OvfNode *node, const GeneralTag *tag)
{
	const char *text = ovf_text(reader, node);
	char shown[64];

	for (int i = 0; tag->words[i] != NULL; i++)
	{
		if (strcasecmp(tag->words[i], text) == 0)
		{
			ovf_add_text(reader, reader->vm_static, tag->column, tag->words[i]);
			return true;
		}
	}
	return ovf_fail(reader, node, "\"%s\" is not a value of this element",
					ovf_excerpt(text, shown, sizeof(shown)));
}

static bool
write_tag(OvfReader *reader, const OvfNode *node, const GeneralTag *tag)
{
	OvfValue *json = reader->vm_static;
	const char *text = ovf_text(reader, node);
	char word[64];
	long long number;
	bool truth;

	if (ovf_is_blank(text) && tag->kind != TAG_TEXT)
		return true;
	switch (tag->kind)
	{
		case TAG_TEXT:
		case TAG_NONEMPTY_TEXT:
			if (!ovf_fits(reader, node, text, tag->most))
				return false;
			ovf_add_text(reader, json, tag->column, text);
			return true;
		case TAG_BOOLEAN:
			if (!ovf_boolean(reader, node, &truth))
				return false;
			ovf_add_boolean(reader, json, tag->column, truth);
			return true;
		case TAG_INTEGER:
			if (!ovf_integer(reader, node, tag->least, tag->most, &number))
				return false;
			ovf_add_integer(reader, json, tag->column, number);
			return true;
		case TAG_UUID:
			if (!ovf_uuid(reader, node, text, word))
				return false;
			ovf_add_text(reader, json, tag->column, word);
			return true;
		case TAG_DATE:
			if (!ovf_date(reader, node, word, sizeof(word)))
				return false;
			ovf_add_text(reader, json, tag->column, word);
			return true;
		case TAG_WORD:
			return write_word(reader, node, tag);
	}
	return true;
}

static bool
tag_integer(OvfReader *reader, const OvfNode *content, const char *element, long long least,
			long long most, long long *value, bool *given)
{
	const OvfNode *node = ovf_child(content, element);

	*given = node != NULL && !ovf_is_blank(ovf_text(reader, node));
	return !*given || ovf_integer(reader, node, least, most, value);
}

/* Written as the code less one; engines before 4.3 had no other kind than the first. */
static bool
read_bios_type(OvfReader *reader, const OvfNode *content)
{
	long long type = 0;
	bool given;

	if (!tag_integer(reader, content, "BiosType", 0, 3, &type, &given))
		return false;
	ovf_add_integer(reader, reader->vm_static, "bios_type", type + 1);
	return true;
}

/* Pinning and policy agree: manual exactly where a pinning is. */
static bool
read_cpu_pinning(OvfReader *reader, const OvfNode *content)
{
	OvfValue *json = reader->vm_static;
	const char *pinning = ovf_child_text(reader, content, "CpuPinning");
	long long policy = 0;
	bool given;

	if (ovf_is_blank(pinning))
		pinning = ovf_child_text(reader, content, "exportonly_cpuPinning");
	if (!tag_integer(reader, content, "CpuPinningPolicy", 0, 4, &policy, &given))
		return false;
	if (!ovf_is_blank(pinning))
	{
		ovf_add_text(reader, json, "cpu_pinning", pinning);
		ovf_add_integer(reader, json, "cpu_pinning_policy", 1);
	}
	else if (given || ovf_child(content, "CpuPinning") != NULL)
	{
		ovf_add_text(reader, json, "cpu_pinning", NULL);
		ovf_add_integer(reader, json, "cpu_pinning_policy", policy == 1 ? 0 : policy);
	}
	return true;
}

static bool
read_max_memory(OvfReader *reader, const OvfNode *content)
{
	const OvfNode *node = ovf_child(content, "MaxMemorySizeMb");
	long long most = 0;
	bool given;

	if (!tag_integer(reader, content, "MaxMemorySizeMb", 0, INT_MAX, &most, &given))
		return false;
	if (!given || most == 0)
		return true;
	if (most < reader->memory_mb)
	{
		ovf_warn(reader, node, "MaxMemorySizeMb is less than the memory; it is raised to %lld",
				 reader->memory_mb);
		most = reader->memory_mb;
	}
	ovf_add_integer(reader, reader->vm_static, "max_memory_size_mb", most);
	return true;
}

/* true with @ovf:queues = that many, true alone = automatic (-1), false = off. */
static bool
read_virtio_scsi_queues(OvfReader *reader, const OvfNode *content)
{
	const OvfNode *node = ovf_child(content, "VirtioScsiMultiQueuesEnabled");
	const OvfNode *attribute = ovf_attribute(node, "queues");
	long long queues = -1;
	bool enabled;

	if (node == NULL || ovf_is_blank(ovf_text(reader, node)))
		return true;
	if (!ovf_boolean(reader, node, &enabled))
		return false;
	if (!enabled)
		queues = 0;
	else if (attribute != NULL && !ovf_is_blank(ovf_text(reader, attribute)) &&
			 !ovf_integer(reader, attribute, 1, 65535, &queues))
		return false;
	ovf_add_integer(reader, reader->vm_static, "virtio_scsi_multi_queues", queues);
	return true;
}

static bool
read_balloon(OvfReader *reader, const OvfNode *content)
{
	const OvfNode *node = ovf_child(content, "BalloonEnabled");
	bool enabled = reader->has_balloon;

	if (node != NULL && !ovf_is_blank(ovf_text(reader, node)) &&
		!ovf_boolean(reader, node, &enabled))
		return false;
	ovf_add_boolean(reader, reader->vm_static, "balloon_enabled", enabled);
	return true;
}

/* Zones that were renamed or merged since. */
static bool
read_time_zone(OvfReader *reader, const OvfNode *content)
{
	static const char *const renamed[][2] = {
		{"America/Indianapolis", "America/New_York"},
		{"US Eastern Standard Time", "Eastern Standard Time"},
		{"Atlantic/Reykjavik", "Etc/GMT"},
		{"Iceland Standard Time", "Greenwich Standard Time"},
	};
	const OvfNode *node = ovf_child(content, "TimeZone");
	const char *zone = ovf_text(reader, node);

	if (ovf_is_blank(zone))
		return true;
	if (!ovf_fits(reader, node, zone, 40))
		return false;
	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (strcmp(zone, renamed[i][0]) == 0)
			zone = renamed[i][1];
	ovf_add_text(reader, reader->vm_static, "time_zone", zone);
	return true;
}

/* DedicatedVmForVds, one for each host that the VM is pinned to. */
static bool
read_pinned_hosts(OvfReader *reader, const OvfNode *content)
{
	static const char *const elements[] = {"DedicatedVmForVds", "exportonly_dedicatedVmForVds"};
	char host_id[OVF_UUID_SIZE];

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
	{
		for (const OvfNode *node = ovf_child(content, elements[i]); node != NULL;
			 node = ovf_next(node, elements[i]))
		{
			if (ovf_is_blank(ovf_text(reader, node)))
				continue;
			if (!ovf_uuid(reader, node, ovf_text(reader, node), host_id))
				return false;
			ovf_add_text(reader, reader->pinned_hosts, NULL, host_id);
		}
	}
	return true;
}

/* Code or, from the oldest engines, the name. */
static bool
read_exported_migration_support(OvfReader *reader, const OvfNode *content)
{
	const OvfNode *node = ovf_child(content, "exportonly_migrationSupport");
	const char *text = ovf_text(reader, node);
	long long code = -1;

	if (ovf_is_blank(text))
		return true;
	for (int i = 0; migration_supports[i] != NULL; i++)
		if (strcasecmp(text, migration_supports[i]) == 0)
			code = i;
	if (code < 0 && !ovf_integer(reader, node, 0, 2, &code))
		return false;
	ovf_add_integer(reader, reader->vm_static, "migration_support", code);
	return true;
}

/* After the hardware: memory, balloon and the display's devices are known. */
bool
ovf_read_general(OvfReader *reader, const OvfNode *content)
{
	long long display_type = 0;
	bool has_display;

	for (size_t i = 0; i < sizeof(general_tags) / sizeof(general_tags[0]); i++)
	{
		const OvfNode *node = ovf_child(content, general_tags[i].element);

		if (node != NULL && !write_tag(reader, node, &general_tags[i]))
			return false;
	}
	if (!tag_integer(reader, content, "DefaultDisplayType", 0, 4, &display_type, &has_display))
		return false;
	/* bochs came with 4.4 and took the number of the headless VM */
	if (display_type == DISPLAY_BOCHS && reader->version < 404)
		display_type = DISPLAY_NONE;
	if (has_display)
		ovf_add_integer(reader, reader->vm_static, "default_display_type", display_type);
	return read_time_zone(reader, content) && read_bios_type(reader, content) &&
		   read_cpu_pinning(reader, content) && read_max_memory(reader, content) &&
		   read_virtio_scsi_queues(reader, content) && read_balloon(reader, content) &&
		   read_pinned_hosts(reader, content) && read_exported_migration_support(reader, content) &&
		   ovf_add_default_devices(reader, display_type, has_display);
}

/* The section's id is the VM's; its Description is the name of the operating system, or its id. */
bool
ovf_read_operating_system(OvfReader *reader, const OvfNode *section)
{
	const OvfNode *node = ovf_child(section, "Description");
	const OvfNode *id = ovf_attribute(section, "id");
	const char *name = ovf_text(reader, node);
	char shown[64];
	long long os;

	if (id != NULL && !ovf_uuid(reader, id, ovf_text(reader, id), reader->vm_id))
		return false;
	if (ovf_is_blank(name))
		return true;
	os = ovf_os_id(name);
	if (os < 0 && strspn(name, "0123456789") == strlen(name))
	{
		if (!ovf_integer(reader, node, 0, INT_MAX, &os))
			return false;
	}
	if (os >= 0)
		ovf_add_integer(reader, reader->vm_static, "os", os);
	else
		ovf_warn(reader, node, "operating system \"%s\" is not known; the VM's present one is kept",
				 ovf_excerpt(name, shown, sizeof(shown)));
	return true;
}
