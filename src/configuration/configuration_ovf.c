/*
 * configuration_ovf.c
 *		The OVF reader seen from PostgreSQL: encodings, jsonb, errors.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/numeric.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/json_objects.h"
#include "configuration/configuration.h"
#include "configuration/configuration_internal.h"
#include "ovf/ovf.h"

static char *
describe(const OvfError *error)
{
	StringInfoData text;

	initStringInfo(&text);
	if (error->line > 0)
		appendStringInfo(&text, "line %d", error->line);
	if (error->element[0] != '\0')
		appendStringInfo(&text, "%selement \"%s\"", text.len > 0 ? ", " : "",
						 pg_any_to_server(error->element, strlen(error->element), PG_UTF8));
	appendStringInfo(&text, "%s%s", text.len > 0 ? ": " : "",
					 pg_any_to_server(error->message, strlen(error->message), PG_UTF8));
	return text.data;
}

/* The reader must not be jumped out of: it stops, and then the interrupt is served. */
static bool
interrupted(void)
{
	return (QueryCancelPending || ProcDiePending) && InterruptHoldoffCount == 0 &&
		   QueryCancelHoldoffCount == 0 && CritSectionCount == 0;
}

static void *
allocate(size_t size)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

OvfResult *
configuration_read_ovf(const char *ovf, Size length, char **message)
{
	static const OvfHost host = {
		.allocate = allocate, .release = pfree, .interrupted = interrupted};
	OvfResult *result = palloc(sizeof(OvfResult));
	OvfError error;
	char *utf8;

	/* the reader refuses what is too long; converting that would be in vain */
	utf8 = length > OVF_MAX_BYTES ? (char *) ovf : pg_server_to_any(ovf, (int) length, PG_UTF8);
	if (!ovf_read(utf8, utf8 == ovf ? length : strlen(utf8), &host, result, &error))
	{
		CHECK_FOR_INTERRUPTS();
		*message = describe(&error);
		return NULL;
	}
	return result;
}

/* The reader's texts are well-formed, and so need no look in a database of the same encoding. */
char *
configuration_text(const char *utf8, Size length)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		return unconstify(char *, utf8);
	return pg_any_to_server(utf8, (int) length, PG_UTF8);
}

void
configuration_value(JsonbValue *target, const OvfValue *value)
{
	char *text;

	switch (value->kind)
	{
		case OVF_NULL:
			target->type = jbvNull;
			break;
		case OVF_TEXT:
			text = configuration_text(value->text, value->length);
			target->type = jbvString;
			target->val.string.val = text;
			target->val.string.len = text == value->text ? (int) value->length : (int) strlen(text);
			break;
		case OVF_INTEGER:
			target->type = jbvNumeric;
			target->val.numeric = int64_to_numeric(value->integer);
			break;
		case OVF_BOOLEAN:
			target->type = jbvBool;
			target->val.boolean = value->boolean;
			break;
		case OVF_OBJECT:
			json_object_begin(target, value->count);
			for (const OvfValue *member = value->first; member; member = member->next)
			{
				const char *key = configuration_text(member->key, strlen(member->key));

				configuration_value(json_put(target, key), member);
			}
			break;
		case OVF_ARRAY:
			target->type = jbvArray;
			target->val.array.nElems = 0;
			target->val.array.rawScalar = false;
			target->val.array.elems = palloc(sizeof(JsonbValue) * value->count);
			for (const OvfValue *element = value->first; element; element = element->next)
				configuration_value(&target->val.array.elems[target->val.array.nElems++], element);
			break;
	}
}

void
configuration_refuse(const char *message)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_VC_VM_CONFIGURATION),
		 errmsg("VM configuration of the snapshot cannot be read: %s", message),
		 errkey(CONFIGURATION_KEY), errdetail("%s", CONFIGURATION_KEY),
		 errhint("Repair snapshots.vm_configuration (vmclone.parse_ovf checks a document), or set "
				 "it to NULL to have the configuration built from the current VM.")));
}

Jsonb *
ovf_to_configuration(const char *ovf, Size length)
{
	char *message = NULL;
	OvfResult *result = configuration_read_ovf(ovf, length, &message);
	JsonbValue document;

	if (result == NULL)
		configuration_refuse(message);
	configuration_value(&document, result->document);
	return json_from_value(&document);
}
