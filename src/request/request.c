/*
 * request.c
 *		The parameters of one clone call, parsed and bounded, before anything is looked up.
 *
 * The SQL arguments become one jsonb object, which jobs.parameters keeps; both a fresh call and a
 * repeated one are read from such an object, so that a retry can't mean anything else than the
 * first call did.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/compat.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/uuid.h"
#include "request/request_internal.h"

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
	request_refuse_value("missing_disk", text, "\"skip\", \"fail\" and \"blank\"");
}

/* True where text is the second word, false where it is the first. */
static bool
second_of(const char *parameter, const char *text, const char *first, const char *second)
{
	if (pg_strcasecmp(text, first) == 0)
		return false;
	if (pg_strcasecmp(text, second) == 0)
		return true;
	request_refuse_value(parameter, text, psprintf("\"%s\" and \"%s\"", first, second));
}

static int64
integer_of(const Jsonb *parameters, const char *name, int64 absent, int64 least, int64 most)
{
	const JsonbValue *given = request_value(parameters, name);
	int64 value;

	if (given && (given->type != jbvNumeric || strchr(json_get_text(parameters, name), '.')))
		request_refuse_type(request_itself, name, "an integer");
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
	request_check_keys(parameters, request_itself, names);
}

/* The value of a jsonb parameter, a scalar too: what it is for tells what it should have been. */
static Jsonb *
jsonb_of(const Jsonb *parameters, const char *name)
{
	JsonbValue *value = request_value(parameters, name);

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
	request->snapshot_id = request_uuid(parameters, request_itself, "snapshot_id");
	request->vm_name = request_text(parameters, request_itself, "vm_name");
	request->vm_static = jsonb_of(parameters, "vm_static");
	request_check_object(request->vm_static, "vm_static");
	request->use_given_vm_static =
		request_boolean(parameters, request_itself, "use_given_vm_static", false);
	if (request->use_given_vm_static &&
		(request->vm_static == NULL || JB_ROOT_COUNT(request->vm_static) == 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("use_given_vm_static is true, but parameter \"vm_static\" is empty"),
						errhint("Pass the whole vm_static, or leave use_given_vm_static out to "
								"take the snapshot's.")));
	request->source_vm_id = request_uuid(parameters, request_itself, "source_vm_id");
	request->cluster_id = request_uuid(parameters, request_itself, "cluster_id");
	request_parse_disks(request, jsonb_of(parameters, "disks"));
	request->interfaces = jsonb_of(parameters, "interfaces");
	request_check_interfaces(request->interfaces);
	request->missing_disk =
		missing_disk_of(request_text(parameters, request_itself, "missing_disk"));
	request->copies = integer_of(parameters, "copies", 1, 1, REQUEST_MAX_COPIES);
	request_parse_copy_overrides(request, jsonb_of(parameters, "copy_overrides"));
	request->lock_shared =
		second_of("lock_mode", lock_mode ? lock_mode : vmclone_lock_mode, "exclusive", "shared");
	request->user_id = request_uuid(parameters, request_itself, "user_id");
	request->request_key = request_text(parameters, request_itself, "request_key");
	if (request->request_key &&
		(request->request_key[0] == '\0' || strlen(request->request_key) > 255))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"request_key\" is empty or longer than 255 bytes"),
				 errhint("Use a short text that is new for every call, for example a uuid.")));
	request->priority =
		integer_of(parameters, "priority", 0, REQUEST_LEAST_PRIORITY, REQUEST_MOST_PRIORITY);
	request->bandwidth_limit = integer_of(parameters, "bandwidth_limit", 0, 0, PG_INT64_MAX);
	request->verify = request_boolean(parameters, request_itself, "verify", false);
	request->start_paused = request_boolean(parameters, request_itself, "start_paused", false);
	request->hold_on_failure =
		on_failure ? second_of("on_failure", on_failure, "clean", "hold") : false;
	request->base_template_id = request_uuid(parameters, request_itself, "base_template_id");
	request->template_version_name =
		request_text(parameters, request_itself, "template_version_name");
	request->virtio_scsi_given = request_value(parameters, "virtio_scsi") != NULL;
	request->virtio_scsi = request_boolean(parameters, request_itself, "virtio_scsi", true);
	return request;
}
