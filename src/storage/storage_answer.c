/*
 * storage_answer.c
 *		A volume command that a backend runs, and what it answered.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/json.h"
#include "base/settings.h"
#include "contract/copier_protocol.h"
#include "storage/storage_answer.h"

StorageAnswer
storage_answer(const StorageHost *host, List *arguments)
{
	return storage_answer_within(host, arguments, vmclone_storage_timeout);
}

StorageAnswer
storage_answer_within(const StorageHost *host, List *arguments, int timeout_seconds)
{
	StorageResult result = storage_command_run(host, arguments, timeout_seconds);
	StorageAnswer answer = storage_answer_of(&result);

	if (!answer.ok && host->address != NULL)
		answer.message = psprintf("on host \"%s\": %s", host->name, answer.message);
	return answer;
}

StorageAnswer
storage_answer_of(const StorageResult *result)
{
	StorageAnswer answer = {0};
	char *path;
	char *error;

	if (result->output[0] != '{')
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_COMMAND),
						errmsg("program vmclone-copy ended with exit code %d and no answer",
							   result->exit_code),
						result->errors[0] != '\0' ? errdetail("It said: %s", result->errors) : 0,
						errhint("Check that vmclone.copy_program names the vmclone-copy of this "
								"version.")));
	/* it speaks of its own options, which nobody here has given */
	if (result->exit_code == COPIER_EXIT_USAGE)
	{
		ereport(LOG, (errmsg("vmclone-copy refused its command line"),
					  errdetail("It said: %s", result->output)));
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_COMMAND),
						errmsg("program vmclone-copy and the extension are of different versions"),
						errhint("Install both from the same version; see vmclone.copy_program.")));
	}
	answer.object = json_from_text(result->output);
	answer.ok = result->exit_code == 0 && json_get_bool(answer.object, COPIER_FIELD_OK, false);
	if (answer.ok)
		return answer;
	answer.kind = json_get_printable(answer.object, COPIER_FIELD_KIND);
	answer.message = json_get_printable(answer.object, COPIER_FIELD_MESSAGE);
	if (answer.message == NULL)
		answer.message = psprintf("vmclone-copy ended with exit code %d", result->exit_code);
	path = json_get_printable(answer.object, COPIER_FIELD_PATH);
	error = json_get_printable(answer.object, COPIER_FIELD_ERRNO);
	if (path != NULL)
		answer.message = psprintf("%s: \"%s\"", answer.message, path);
	if (error != NULL)
		answer.message = psprintf("%s (%s)", answer.message, error);
	answer.hint = json_get_printable(answer.object, COPIER_FIELD_HINT);
	return answer;
}

char *
storage_answer_detail(const StorageAnswer *answer)
{
	char *text = pstrdup(answer->message);

	text[0] = (char) pg_toupper((unsigned char) text[0]);
	return text;
}
