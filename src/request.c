/*
 * request.c
 *		The parameters of one clone call, parsed and bounded, before anything is looked up.
 *
 * The SQL arguments become one jsonb object, which jobs.parameters keeps; both a fresh call and a
 * repeated one are read from such an object, so that a retry can't mean anything else than the
 * first call did.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "compat.h"
#include "json.h"
#include "request.h"
#include "settings.h"

typedef enum ParameterKind
{
	PARAMETER_UUID,
	PARAMETER_TEXT,
	PARAMETER_JSONB,
	PARAMETER_BOOLEAN,
	PARAMETER_INTEGER,
	PARAMETER_BIGINT,
} ParameterKind;

typedef struct Parameter
{
	const char *name;
	ParameterKind kind;
} Parameter;

/* In the order of the SQL functions' arguments; templates have two of their own before the last. */
static const Parameter common_parameters[] = {
	{"snapshot_id", PARAMETER_UUID},
	{"vm_name", PARAMETER_TEXT},
	{"vm_static", PARAMETER_JSONB},
	{"use_given_vm_static", PARAMETER_BOOLEAN},
	{"source_vm_id", PARAMETER_UUID},
	{"cluster_id", PARAMETER_UUID},
	{"disks", PARAMETER_JSONB},
	{"interfaces", PARAMETER_JSONB},
	{"missing_disk", PARAMETER_TEXT},
	{"copies", PARAMETER_INTEGER},
	{"lock_mode", PARAMETER_TEXT},
	{"user_id", PARAMETER_UUID},
	{"request_key", PARAMETER_TEXT},
	{"priority", PARAMETER_INTEGER},
	{"bandwidth_limit", PARAMETER_BIGINT},
	{"verify", PARAMETER_BOOLEAN},
	{"start_paused", PARAMETER_BOOLEAN},
	{"on_failure", PARAMETER_TEXT},
	{"copy_overrides", PARAMETER_JSONB},
};

static const Parameter template_parameters[] = {
	{"base_template_id", PARAMETER_UUID},
	{"template_version_name", PARAMETER_TEXT},
};

static const Parameter last_parameters[] = {
	{"virtio_scsi", PARAMETER_BOOLEAN},
};

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

static void
append_argument(StringInfo buffer, FunctionCallInfo fcinfo, int index, const Parameter *parameter)
{
	Datum value;

	if (index >= PG_NARGS() || PG_ARGISNULL(index))
		return;
	value = PG_GETARG_DATUM(index);
	if (buffer->len > 1)
		appendStringInfoChar(buffer, ',');
	json_append_string(buffer, parameter->name);
	appendStringInfoChar(buffer, ':');
	switch (parameter->kind)
	{
		case PARAMETER_UUID:
			json_append_string(buffer, uuid_text(DatumGetUUIDP(value)));
			break;
		case PARAMETER_TEXT:
			json_append_string(buffer, TextDatumGetCString(value));
			break;
		case PARAMETER_JSONB:
			(void) JsonbToCString(buffer, &DatumGetJsonbP(value)->root, -1);
			break;
		case PARAMETER_BOOLEAN:
			appendStringInfoString(buffer, DatumGetBool(value) ? "true" : "false");
			break;
		case PARAMETER_INTEGER:
			appendStringInfo(buffer, "%d", DatumGetInt32(value));
			break;
		case PARAMETER_BIGINT:
			appendStringInfo(buffer, INT64_FORMAT, DatumGetInt64(value));
			break;
	}
}

CloneRequest *
request_parse(FunctionCallInfo fcinfo, CloneTarget target)
{
	StringInfoData buffer;
	int index = 0;

	initStringInfo(&buffer);
	appendStringInfoChar(&buffer, '{');
	for (int i = 0; i < lengthof(common_parameters); i++)
		append_argument(&buffer, fcinfo, index++, &common_parameters[i]);
	if (target == CLONE_TARGET_TEMPLATE)
		for (int i = 0; i < lengthof(template_parameters); i++)
			append_argument(&buffer, fcinfo, index++, &template_parameters[i]);
	for (int i = 0; i < lengthof(last_parameters); i++)
		append_argument(&buffer, fcinfo, index++, &last_parameters[i]);
	appendStringInfoChar(&buffer, '}');
	return request_from_parameters(json_from_text(buffer.data), target);
}

pg_noreturn static void
refuse_value(const char *parameter, const char *value, const char *allowed)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for parameter \"%s\": \"%s\"", parameter, value),
					errhint("Valid values are %s.", allowed)));
}

/* The value below a key, or NULL: absent or null. */
static JsonbValue *
value_of(const Jsonb *object, const char *key)
{
	JsonbValue *value =
		getKeyJsonValueFromContainer((JsonbContainer *) &object->root, key, strlen(key), NULL);

	return value && value->type != jbvNull ? value : NULL;
}

/* Stands for the call itself where a parameter's name is wanted: its keys are the parameters. */
static const char call_itself[] = "parameters";

pg_noreturn static void
refuse_type(const char *parameter, const char *key, const char *expected)
{
	if (parameter == call_itself)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("parameter \"%s\" is not %s", key, expected),
						errhint("Leave it out for its default.")));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("key \"%s\" in parameter \"%s\" is not %s", key, parameter, expected),
					errhint("Leave it out to keep what the snapshot has.")));
}

static char *
text_of(const Jsonb *object, const char *parameter, const char *key)
{
	const JsonbValue *value = value_of(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		refuse_type(parameter, key, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool
boolean_of(const Jsonb *object, const char *parameter, const char *key, bool absent)
{
	const JsonbValue *value = value_of(object, key);

	if (value == NULL)
		return absent;
	if (value->type != jbvBool)
		refuse_type(parameter, key, "a boolean");
	return value->val.boolean;
}

static OptionalUuid
uuid_of(const Jsonb *object, const char *parameter, const char *key)
{
	char *text = text_of(object, parameter, key);
	OptionalUuid result = {false};

	if (text == NULL)
		return result;
	if (!uuid_parse_text(text, &result.value) && parameter == call_itself)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("parameter \"%s\" is not a uuid: \"%s\"", key, text),
			 errhint("A uuid is 36 characters, as in \"aaa00000-0000-0000-0000-123456789aaa\".")));
	if (!uuid_parse_text(text, &result.value))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("key \"%s\" in parameter \"%s\" is not a uuid: \"%s\"", key, parameter, text),
			 errhint("A uuid is 36 characters, as in \"aaa00000-0000-0000-0000-123456789aaa\".")));
	result.given = true;
	return result;
}

/* A string or a number; oVirt's codes and words are both at home in configurations. */
static void
check_scalar(const Jsonb *object, const char *parameter, const char *key)
{
	const JsonbValue *value = value_of(object, key);

	if (value && value->type == jbvBinary)
		refuse_type(parameter, key, "a string or a number");
}

static void
check_keys(Jsonb *object, const char *parameter, const char *const *allowed)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbValue value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char *key;
		int i;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		for (i = 0; allowed[i]; i++)
			if (strcmp(allowed[i], key) == 0)
				break;
		if (allowed[i] == NULL)
		{
			StringInfoData list;

			initStringInfo(&list);
			for (i = 0; allowed[i]; i++)
				appendStringInfo(&list, "%s%s", i ? ", " : "", allowed[i]);
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 parameter == call_itself
						 ? errmsg("unrecognized parameter \"%s\"", key)
						 : errmsg("unrecognized key \"%s\" in parameter \"%s\"", key, parameter),
					 errhint("Valid %s are %s.", parameter == call_itself ? "parameters" : "keys",
							 list.data)));
		}
	}
}

/* Elements of an array parameter, each an object with known keys. */
static Jsonb **
objects_of(Jsonb *array, const char *parameter, const char *const *allowed, int limit, int *count)
{
	Jsonb **objects;

	*count = 0;
	if (array == NULL)
		return NULL;
	if (!JB_ROOT_IS_ARRAY(array) || JB_ROOT_IS_SCALAR(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" is not an array", parameter),
				 errhint("Pass an array of objects, for example [{\"%s\": …}].", allowed[0])));
	if (JB_ROOT_COUNT(array) > limit)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("parameter \"%s\" has %d elements", parameter, JB_ROOT_COUNT(array)),
						errdetail("The most that one call takes is %d.", limit),
						errhint("Make several calls.")));
	objects = palloc0(sizeof(Jsonb *) * (JB_ROOT_COUNT(array) + 1));
	for (uint32 i = 0; i < JB_ROOT_COUNT(array); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(&array->root, i);

		objects[i] = element->type == jbvBinary ? JsonbValueToJsonb(element) : NULL;
		if (objects[i] == NULL || !JB_ROOT_IS_OBJECT(objects[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("element %u of parameter \"%s\" is not an object", i + 1, parameter),
					 errhint("Pass an array of objects, for example [{\"%s\": …}].", allowed[0])));
		check_keys(objects[i], parameter, allowed);
	}
	*count = JB_ROOT_COUNT(array);
	return objects;
}

static VolumeFormat
volume_format_of(const Jsonb *object)
{
	char *text = text_of(object, "disks", "volume_format");

	if (text == NULL)
		return VOLUME_FORMAT_UNSET;
	if (pg_strcasecmp(text, "RAW") == 0)
		return VOLUME_FORMAT_RAW;
	if (pg_strcasecmp(text, "COW") == 0)
		return VOLUME_FORMAT_COW;
	refuse_value("disks.volume_format", text, "\"RAW\" and \"COW\"");
}

static VolumeType
volume_type_of(const Jsonb *object)
{
	char *text = text_of(object, "disks", "volume_type");

	if (text == NULL)
		return VOLUME_TYPE_UNASSIGNED;
	if (pg_strcasecmp(text, "Sparse") == 0)
		return VOLUME_TYPE_SPARSE;
	if (pg_strcasecmp(text, "Preallocated") == 0)
		return VOLUME_TYPE_PREALLOCATED;
	refuse_value("disks.volume_type", text, "\"Sparse\" and \"Preallocated\"");
}

static void
parse_disks(CloneRequest *request, Jsonb *array)
{
	Jsonb **objects =
		objects_of(array, "disks", disk_keys, REQUEST_MAX_ELEMENTS, &request->disk_count);

	request->disks = palloc0(sizeof(DiskChoice) * (request->disk_count + 1));
	for (int i = 0; i < request->disk_count; i++)
	{
		Jsonb *object = objects[i];
		DiskChoice *choice = &request->disks[i];
		OptionalUuid disk_id = uuid_of(object, "disks", "disk_id");

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
		choice->include = boolean_of(object, "disks", "include", true);
		choice->attach = boolean_of(object, "disks", "attach", false);
		choice->storage_domain_id = uuid_of(object, "disks", "storage_domain_id");
		choice->volume_format = volume_format_of(object);
		choice->volume_type = volume_type_of(object);
		choice->disk_alias = text_of(object, "disks", "disk_alias");
		choice->quota_id = uuid_of(object, "disks", "quota_id");
		choice->disk_profile_id = uuid_of(object, "disks", "disk_profile_id");
		(void) uuid_of(object, "disks", "image_id");
		(void) text_of(object, "disks", "disk_description");
		(void) text_of(object, "disks", "disk_interface");
		(void) boolean_of(object, "disks", "is_boot", false);
		(void) boolean_of(object, "disks", "is_plugged", false);
		(void) boolean_of(object, "disks", "pass_discard", false);
		(void) boolean_of(object, "disks", "wipe_after_delete", false);
		(void) boolean_of(object, "disks", "is_readonly", false);
		(void) boolean_of(object, "disks", "is_using_scsi_reservation", false);
		check_scalar(object, "disks", "size");
		if (choice->disk_alias && pg_mbstrlen(choice->disk_alias) > 255)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("disk alias of disk %s is longer than 255 characters",
								   uuid_text(&disk_id.value)),
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

/* "new", "keep" or the address of one station: no group's (an odd first byte), and not all zero. */
static void
check_mac(const char *mac)
{
	if (pg_strcasecmp(mac, "new") == 0 || pg_strcasecmp(mac, "keep") == 0)
		return;
	if (!is_mac(mac))
		refuse_value("interfaces.mac", mac,
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
	OptionalUuid id = uuid_of(objects[index], "interfaces", "interface_id");
	const char *name = text_of(objects[index], "interfaces", "name");

	for (int i = 0; i < index; i++)
	{
		OptionalUuid other_id = uuid_of(objects[i], "interfaces", "interface_id");
		const char *other_name = text_of(objects[i], "interfaces", "name");

		/* a snapshot may have two interfaces of one name, which their ids tell apart */
		if (id.given && other_id.given ? uuid_same(&id.value, &other_id.value)
									   : name && other_name && strcmp(name, other_name) == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("parameter \"interfaces\" names interface \"%s\" twice",
								   name ? name : uuid_text(&id.value)),
							errhint("Say all that is wanted of an interface in one element.")));
	}
}

static void
check_interfaces(Jsonb *array)
{
	int count;
	Jsonb **objects = objects_of(array, "interfaces", interface_keys, REQUEST_MAX_ELEMENTS, &count);

	for (int i = 0; i < count; i++)
	{
		OptionalUuid interface_id = uuid_of(objects[i], "interfaces", "interface_id");
		char *name = text_of(objects[i], "interfaces", "name");
		char *mac = text_of(objects[i], "interfaces", "mac");

		if (!interface_id.given && name == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("element %d of parameter \"interfaces\" has neither "
								   "\"interface_id\" nor \"name\"",
								   i + 1),
							errhint("vmclone.get_vm_configuration_by_snapshot_id lists the "
									"snapshot's interfaces.")));
		refuse_given_twice(objects, i);
		if (mac)
			check_mac(mac);
		mac = text_of(objects[i], "interfaces", "mac_addr");
		if (mac && !is_mac(mac))
			refuse_value("interfaces.mac_addr", mac, "addresses like \"56:6f:1a:00:00:01\"");
		(void) uuid_of(objects[i], "interfaces", "vnic_profile_id");
		(void) text_of(objects[i], "interfaces", "network_name");
		(void) text_of(objects[i], "interfaces", "profile_name");
		(void) boolean_of(objects[i], "interfaces", "linked", true);
		(void) boolean_of(objects[i], "interfaces", "plugged", true);
		(void) boolean_of(objects[i], "interfaces", "is_plugged", true);
		(void) boolean_of(objects[i], "interfaces", "include", true);
		check_scalar(objects[i], "interfaces", "type");
	}
}

static void
check_object(const Jsonb *object, const char *parameter)
{
	if (object && !JB_ROOT_IS_OBJECT(object))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("parameter \"%s\" is not an object", parameter),
						errhint("Pass an object keyed by column of vm_static, for example "
								"{\"mem_size_mb\": 2048}.")));
}

static void
parse_copy_overrides(CloneRequest *request, Jsonb *array)
{
	int count;
	Jsonb **objects =
		objects_of(array, "copy_overrides", copy_override_keys, REQUEST_MAX_COPIES, &count);

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
		const JsonbValue *vm_static = value_of(objects[i], "vm_static");

		(void) text_of(objects[i], "copy_overrides", "vm_name");
		if (vm_static && vm_static->type != jbvBinary)
			refuse_type("copy_overrides", "vm_static", "an object");
		check_object(json_get(objects[i], "vm_static"), "copy_overrides.vm_static");
		if (value_of(objects[i], "interfaces") && json_get(objects[i], "interfaces") == NULL)
			refuse_type("copy_overrides", "interfaces", "an array");
		check_interfaces(json_get(objects[i], "interfaces"));
	}
	request->copy_overrides = array;
}

static MissingDisk
missing_disk_of(const char *text)
{
	if (text == NULL)
		return MISSING_DISK_DEFAULT;
	if (pg_strcasecmp(text, "skip") == 0)
		return MISSING_DISK_SKIP;
	if (pg_strcasecmp(text, "fail") == 0)
		return MISSING_DISK_FAIL;
	if (pg_strcasecmp(text, "blank") == 0)
		return MISSING_DISK_BLANK;
	refuse_value("missing_disk", text, "\"skip\", \"fail\" and \"blank\"");
}

/* True where text is the second word, false where it is the first. */
static bool
second_of(const char *parameter, const char *text, const char *first, const char *second)
{
	if (pg_strcasecmp(text, first) == 0)
		return false;
	if (pg_strcasecmp(text, second) == 0)
		return true;
	refuse_value(parameter, text, psprintf("\"%s\" and \"%s\"", first, second));
}

static int64
integer_of(const Jsonb *parameters, const char *name, int64 absent, int64 least, int64 most)
{
	const JsonbValue *given = value_of(parameters, name);
	int64 value;

	if (given && (given->type != jbvNumeric || strchr(json_get_text(parameters, name), '.')))
		refuse_type(call_itself, name, "an integer");
	value = json_get_int64(parameters, name, absent);
	if (given && (value < least || value > most))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("parameter \"%s\" is out of range: " INT64_FORMAT, name, value),
						errdetail("It must lie between " INT64_FORMAT " and " INT64_FORMAT ".",
								  least, most),
						errhint("Leave it out for its default.")));
	return value;
}

/* What clone_again lays over a stored call may have any key. */
static void
check_parameter_names(Jsonb *parameters, CloneTarget target)
{
	const char *names[lengthof(common_parameters) + lengthof(template_parameters) +
					  lengthof(last_parameters) + 1];
	int count = 0;

	for (int i = 0; i < lengthof(common_parameters); i++)
		names[count++] = common_parameters[i].name;
	if (target == CLONE_TARGET_TEMPLATE)
		for (int i = 0; i < lengthof(template_parameters); i++)
			names[count++] = template_parameters[i].name;
	for (int i = 0; i < lengthof(last_parameters); i++)
		names[count++] = last_parameters[i].name;
	names[count] = NULL;
	check_keys(parameters, call_itself, names);
}

/* The value of a jsonb parameter, a scalar too: what it is for tells what it should have been. */
static Jsonb *
jsonb_of(const Jsonb *parameters, const char *name)
{
	JsonbValue *value = value_of(parameters, name);

	return value ? JsonbValueToJsonb(value) : NULL;
}

CloneRequest *
request_from_parameters(const Jsonb *parameters, CloneTarget target)
{
	CloneRequest *request = palloc0(sizeof(CloneRequest));
	const char *lock_mode = json_get_text(parameters, "lock_mode");
	const char *on_failure = json_get_text(parameters, "on_failure");

	check_parameter_names((Jsonb *) parameters, target);
	request->target = target;
	request->parameters = (Jsonb *) parameters;
	request->snapshot_id = uuid_of(parameters, call_itself, "snapshot_id");
	request->vm_name = text_of(parameters, call_itself, "vm_name");
	request->vm_static = jsonb_of(parameters, "vm_static");
	check_object(request->vm_static, "vm_static");
	request->use_given_vm_static =
		boolean_of(parameters, call_itself, "use_given_vm_static", false);
	if (request->use_given_vm_static &&
		(request->vm_static == NULL || JB_ROOT_COUNT(request->vm_static) == 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("use_given_vm_static is true, but parameter \"vm_static\" is empty"),
						errhint("Pass the whole vm_static, or leave use_given_vm_static out to "
								"take the snapshot's.")));
	request->source_vm_id = uuid_of(parameters, call_itself, "source_vm_id");
	request->cluster_id = uuid_of(parameters, call_itself, "cluster_id");
	parse_disks(request, jsonb_of(parameters, "disks"));
	request->interfaces = jsonb_of(parameters, "interfaces");
	check_interfaces(request->interfaces);
	request->missing_disk = missing_disk_of(text_of(parameters, call_itself, "missing_disk"));
	request->copies = integer_of(parameters, "copies", 1, 1, REQUEST_MAX_COPIES);
	parse_copy_overrides(request, jsonb_of(parameters, "copy_overrides"));
	request->lock_shared =
		second_of("lock_mode", lock_mode ? lock_mode : vmclone_lock_mode, "exclusive", "shared");
	request->user_id = uuid_of(parameters, call_itself, "user_id");
	request->request_key = text_of(parameters, call_itself, "request_key");
	if (request->request_key &&
		(request->request_key[0] == '\0' || strlen(request->request_key) > 255))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"request_key\" is empty or longer than 255 bytes"),
				 errhint("Use a short text that is new for every call, for example a uuid.")));
	request->priority =
		integer_of(parameters, "priority", 0, REQUEST_LEAST_PRIORITY, REQUEST_MOST_PRIORITY);
	request->bandwidth_limit = integer_of(parameters, "bandwidth_limit", 0, 1, PG_INT64_MAX);
	request->verify = boolean_of(parameters, call_itself, "verify", false);
	request->start_paused = boolean_of(parameters, call_itself, "start_paused", false);
	request->hold_on_failure =
		on_failure ? second_of("on_failure", on_failure, "clean", "hold") : false;
	request->base_template_id = uuid_of(parameters, call_itself, "base_template_id");
	request->template_version_name = text_of(parameters, call_itself, "template_version_name");
	request->virtio_scsi_given = value_of(parameters, "virtio_scsi") != NULL;
	request->virtio_scsi = boolean_of(parameters, call_itself, "virtio_scsi", true);
	return request;
}
