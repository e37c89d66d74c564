/*
 * clone_external_data.c
 *		What a virtual machine's TPM and NVRAM held at the snapshot.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/json.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "clone/clone_internal.h"

/* $1 the VM, $2 the data.  Engines before 4.4 lack the columns of the hashes. */
static Statement hash_of_tpm = {
	.sql = "SELECT to_jsonb(e.*) ->> 'tpm_hash' FROM vm_external_data e"
		   " WHERE e.vm_id = $1 AND e.tpm_data = $2 LIMIT 1",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static Statement hash_of_nvram = {
	.sql = "SELECT to_jsonb(n.*) ->> 'nvram_hash' FROM vm_nvram_data n"
		   " WHERE n.vm_id = $1 AND n.nvram_data = $2",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

/*
 * The document has no hash.  That of the source is the data's where these are the same; else the
 * engine's word for a hash that it doesn't know, and it asks the host for the data again.
 */
static char *
find_hash(Statement *statement, const pg_uuid_t *vm_id, const char *data)
{
	Datum values[2] = {UUIDPGetDatum(vm_id), CStringGetTextDatum(data)};
	char *hash = NULL;

	if (statement_run(statement, values, NULL) > 0)
		hash = field_text(0, ONLY_COLUMN);
	return hash ? hash : "";
}

const Jsonb *
clone_external_data(const CloneWork *work, ExternalData kind)
{
	const char *name = kind == EXTERNAL_DATA_TPM ? "tpm" : "nvram";
	char *data = json_get_text(json_get(work->plan->configuration, "external_data"), name);
	StringInfoData text;

	if (data == NULL)
		return NULL;
	initStringInfo(&text);
	appendStringInfo(&text, "{\"%s_data\": ", name);
	json_append_string(&text, data);
	appendStringInfo(&text, ", \"%s_hash\": ", name);
	json_append_string(&text, find_hash(kind == EXTERNAL_DATA_TPM ? &hash_of_tpm : &hash_of_nvram,
										&work->plan->source_vm_id, data));
	appendStringInfoChar(&text, '}');
	return json_from_text(text.data);
}
