/*
 * configuration_ovf.c
 *		The OVF reader seen from PostgreSQL: encodings, jsonb, errors.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/errors.h"
#include "base/json.h"
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

OvfResult *
configuration_read_ovf(const char *ovf, Size length, char **message)
{
	OvfResult *copy = palloc0(sizeof(OvfResult));
	OvfResult result;
	OvfError error;
	char *utf8;

	/* the reader refuses what is too long; converting that would be in vain */
	utf8 = length > OVF_MAX_BYTES ? (char *) ovf : pg_server_to_any(ovf, (int) length, PG_UTF8);
	if (!ovf_read(utf8, utf8 == ovf ? length : strlen(utf8), interrupted, &result, &error))
	{
		CHECK_FOR_INTERRUPTS();
		*message = describe(&error);
		return NULL;
	}
	PG_TRY();
	{
		*copy = result;
		copy->json = pnstrdup(result.json, result.length);
		copy->short_forms =
			result.short_forms ? pnstrdup(result.short_forms, result.short_length) : NULL;
		copy->disks = palloc(sizeof(OvfDiskPlace) * (result.disk_count + 1));
		memcpy(copy->disks, result.disks, sizeof(OvfDiskPlace) * result.disk_count);
	}
	PG_FINALLY();
	{
		ovf_result_free(&result);
	}
	PG_END_TRY();
	return copy;
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

	if (result == NULL)
		configuration_refuse(message);
	return json_from_text(pg_any_to_server(result->json, (int) result->length, PG_UTF8));
}
