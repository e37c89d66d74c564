/*
 * import_chain.c
 *		Which files an image of a directory domain is made of, as vmclone-copy reads it from their headers.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/errors.h"
#include "base/extension.h"
#include "base/json.h"
#include "base/settings.h"
#include "contract/copier_protocol.h"
#include "storage/storage_answer.h"
#include "storage/storage_command.h"
#include "storage/storage_domain.h"

VMCLONE_FUNCTION_INFO(vmclone_import_chain);

static void
collect_layer(const char *line, void *argument)
{
	StringInfo layers = argument;

	/* the answer, which has no file, comes last */
	if (strncmp(line, "{\"file\":", strlen("{\"file\":")) == 0)
		appendStringInfo(layers, "%s%s", layers->len > 1 ? "," : "", line);
}

static List *
add(List *arguments, const char *option, const char *value)
{
	arguments = lappend(arguments, (void *) option);
	return lappend(arguments, (void *) value);
}

/* import_chain(directory, file, format) → array of layers, the image first */
Datum
vmclone_import_chain(PG_FUNCTION_ARGS)
{
	char *directory = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *file = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *format = text_to_cstring(PG_GETARG_TEXT_PP(2));
	List *arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_CHAIN);
	StorageResult result;
	StorageAnswer answer;
	StringInfoData layers;
	const StorageHost local = {LOCAL_HOST, NULL};

	storage_need_roots();
	arguments = add(arguments, "--" COPIER_OPTION_PATH, directory);
	arguments = add(arguments, "--" COPIER_OPTION_ROOTS, vmclone_storage_roots);
	arguments = add(arguments, "--" COPIER_OPTION_FILE, file);
	arguments = add(arguments, "--" COPIER_OPTION_FORMAT, format);
	initStringInfo(&layers);
	appendStringInfoChar(&layers, '[');
	result = storage_command_run_lines(&local, arguments, collect_layer, &layers);
	answer = storage_answer_of(&result);
	if (!answer.ok)
		ereport(ERROR,
				(errcode(ERRCODE_VC_CHAIN),
				 errmsg("could not read the chain of image \"%s\"", message_excerpt(file)),
				 errdetail("%s.", storage_answer_detail(&answer)),
				 errhint("%s", answer.hint != NULL
								   ? answer.hint
								   : "Look at the image with qemu-img info -U --backing-chain.")));
	appendStringInfoChar(&layers, ']');
	PG_RETURN_JSONB_P(json_from_text(layers.data));
}
