/*
 * configuration_ovf.c
 *		The OVF reader seen from PostgreSQL: encodings, jsonb, errors.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "configuration.h"
#include "configuration_internal.h"
#include "errors.h"
#include "json.h"
#include "ovf.h"

/* Returns NULL and sets *message (server encoding, palloc'd) when the document is refused. */
Jsonb *
configuration_from_ovf(const char *ovf, Size length, char **message)
{
	OvfError error;
	Jsonb *document;
	char *utf8;
	char *json;

	/* the reader refuses what is too long; converting that would be in vain */
	utf8 = length > OVF_MAX_BYTES ? (char *) ovf : pg_server_to_any(ovf, (int) length, PG_UTF8);
	json = ovf_read(utf8, utf8 == ovf ? length : strlen(utf8), &error);
	if (json == NULL)
	{
		StringInfoData text;

		initStringInfo(&text);
		if (error.line > 0)
			appendStringInfo(&text, "line %d, ", error.line);
		if (error.element[0] != '\0')
			appendStringInfo(&text, "element \"%s\": ",
							 pg_any_to_server(error.element, strlen(error.element), PG_UTF8));
		else if (error.line > 0)
		{
			text.len -= 2;
			appendStringInfoString(&text, ": ");
		}
		appendStringInfoString(&text,
							   pg_any_to_server(error.message, strlen(error.message), PG_UTF8));
		*message = text.data;
		return NULL;
	}
	PG_TRY();
	{
		document = json_from_text(pg_any_to_server(json, strlen(json), PG_UTF8));
	}
	PG_FINALLY();
	{
		free(json);
	}
	PG_END_TRY();
	return document;
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
	Jsonb *document = configuration_from_ovf(ovf, length, &message);

	if (document == NULL)
		configuration_refuse(message);
	return document;
}
