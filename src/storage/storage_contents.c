/*
 * storage_contents.c
 *		check_storage_domain(storage_domain_id, repair): a domain's files against rows.
 *
 * "vmclone-copy volume list" names the files, storage_problems() compares them with the rows, and what may be removed is what a
 * task of ours has named: by "volume remove", as cleaning does, which looks again whose everything is.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "contract/copier_protocol.h"
#include "storage/storage_answer.h"
#include "storage/storage_command.h"
#include "storage/storage_domain.h"

VMCLONE_FUNCTION_INFO(vmclone_check_storage_contents);

static Statement find_problems = {
	.sql = "SELECT problem, disk_id, image_id, path, detail, job_id, remedy"
		   " FROM vmclone.storage_problems($1, $2, $3)",
	.argument_count = 3,
	.argument_types = {UUIDOID, JSONBOID, TIMESTAMPTZOID},
};

/* Columns of find_problems, and of the result but for the last. */
enum
{
	PROBLEM = 1,
	PROBLEM_DISK_ID,
	PROBLEM_IMAGE_ID,
	PROBLEM_PATH,
	PROBLEM_DETAIL,
	PROBLEM_JOB_ID,
	PROBLEM_REMEDY,
	PROBLEM_COLUMNS = PROBLEM_REMEDY,
};

/* Nothing lies there any more. */
static Statement forget_orphan = {
	.sql = "DELETE FROM vmclone.orphan_files WHERE storage_domain_id = $1"
		   " AND path LIKE '%/images/' || $2 || '/' || $3",
	.argument_count = 3,
	.argument_types = {UUIDOID, TEXTOID, TEXTOID},
};

static Statement find_mount = {
	.sql = "SELECT real_path, token FROM vmclone.storage_mounts"
		   " WHERE storage_domain_id = $1 AND kind = 'file'",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of find_mount. */
enum
{
	MOUNT_REAL_PATH = 1,
	MOUNT_TOKEN,
};

/* One row of find_problems, kept while other statements run. */
typedef struct Problem
{
	char *columns[PROBLEM_COLUMNS]; /* NULL: null */
	bool repaired;
} Problem;

static char *
column(const Problem *problem, int number)
{
	return problem->columns[number - 1];
}

static void
collect_line(const char *line, void *argument)
{
	StringInfo files = argument;

	/* the answer, which has no file, comes last */
	if (strstr(line, "\"file\":") == NULL)
		return;
	appendStringInfo(files, "%s%s", files->len > 1 ? "," : "", line);
}

/* Why a volume command did not do what it was told; NULL: it did. */
static char *
failure_of(const StorageResult *result)
{
	Jsonb *answer;
	char *message;
	char *path;

	if (result->output[0] != '{')
		return psprintf("vmclone-copy ended with exit code %d", result->exit_code);
	answer = json_from_text(result->output);
	if (result->exit_code == 0 && json_get_bool(answer, COPIER_FIELD_OK, false))
		return NULL;
	message = json_get_text(answer, COPIER_FIELD_MESSAGE);
	path = json_get_text(answer, COPIER_FIELD_PATH);
	return psprintf("%s%s%s", message ? message : "no reason is known", path ? ": " : "",
					path ? path : "");
}

/* The files of the domain as an array; an error where it can't be listed. */
static Jsonb *
list_files(const char *domain_id, const char *root, const char *token)
{
	List *arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_LIST);
	StringInfoData files;
	StorageResult result;
	char *failure;

	initStringInfo(&files);
	appendStringInfoChar(&files, '[');
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_ROOT), (void *) root);
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_STORAGE_DOMAIN), (void *) domain_id);
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_TOKEN), (void *) token);
	result = storage_command_run_lines(arguments, collect_line, &files);
	failure = failure_of(&result);
	if (failure != NULL)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("could not list storage domain %s: %s", domain_id, failure),
						errhint("check_storage_domain with the id alone says whether the domain is "
								"there.")));
	appendStringInfoChar(&files, ']');
	return json_from_text(files.data);
}

/* Does what the remedy says.  False after a WARNING. */
static bool
repair(const Problem *problem, const char *root)
{
	bool commit = strcmp(column(problem, PROBLEM_REMEDY), "commit") == 0;
	List *arguments =
		list_make2(COPIER_VOLUME, commit ? COPIER_VOLUME_COMMIT : COPIER_VOLUME_REMOVE);
	StorageAnswer answer;

	if (strcmp(column(problem, PROBLEM_REMEDY), "forget") == 0)
		return true;
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_ROOT), (void *) root);
	arguments =
		lappend(lappend(arguments, "--" COPIER_OPTION_DISK), column(problem, PROBLEM_DISK_ID));
	arguments =
		lappend(lappend(arguments, "--" COPIER_OPTION_IMAGE), column(problem, PROBLEM_IMAGE_ID));
	answer = storage_answer(arguments);
	if (!answer.ok)
		ereport(WARNING, (errmsg("\"%s\" was not repaired", column(problem, PROBLEM_PATH)),
						  errdetail("%s.", storage_answer_detail(&answer))));
	return answer.ok;
}

static void
forget(const pg_uuid_t *domain_id, const Problem *problem)
{
	Datum values[3] = {UUIDPGetDatum(domain_id),
					   CStringGetTextDatum(column(problem, PROBLEM_DISK_ID)),
					   CStringGetTextDatum(column(problem, PROBLEM_IMAGE_ID))};

	(void) statement_run(&forget_orphan, values, NULL);
}

/* The rows, as find_problems gives them. */
static Problem *
read_problems(uint64 count)
{
	Problem *problems = palloc0(sizeof(Problem) * (count + 1));

	for (uint64 row = 0; row < count; row++)
		for (int i = 1; i <= PROBLEM_COLUMNS; i++)
			problems[row].columns[i - 1] =
				SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i);
	return problems;
}

static bool
is_uuid(const char *text)
{
	return text != NULL && strlen(text) == 36 && strspn(text, "0123456789abcdef-") == 36;
}

static void
put_row(ReturnSetInfo *result, const Problem *problem)
{
	Datum values[PROBLEM_COLUMNS];
	bool nulls[PROBLEM_COLUMNS];

	for (int i = 1; i < PROBLEM_COLUMNS; i++)
	{
		char *text = column(problem, i);
		bool wants_uuid = i == PROBLEM_DISK_ID || i == PROBLEM_IMAGE_ID || i == PROBLEM_JOB_ID;

		nulls[i - 1] = text == NULL || (wants_uuid && !is_uuid(text));
		if (nulls[i - 1])
			continue;
		values[i - 1] = wants_uuid ? DirectFunctionCall1(uuid_in, CStringGetDatum(text))
								   : CStringGetTextDatum(text);
	}
	values[PROBLEM_COLUMNS - 1] = BoolGetDatum(problem->repaired);
	nulls[PROBLEM_COLUMNS - 1] = false;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* check_storage_domain(storage_domain_id, repair) → a row for each difference */
Datum
vmclone_check_storage_contents(PG_FUNCTION_ARGS)
{
	pg_uuid_t *domain_id = PG_GETARG_UUID_P(0);
	bool wants_repair = PG_GETARG_BOOL(1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char *id = uuid_text(domain_id);
	char *real_path;
	char *token;
	Datum values[3];
	Problem *problems;
	uint64 count;
	Frame frame;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	(void) storage_domain_begin("check");
	frame_enter_own(&frame);
	values[0] = UUIDPGetDatum(domain_id);
	if (statement_run(&find_mount, values, NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("no file domain is attached as storage domain %s", id),
						errhint("View vmclone.storage lists the storage domains.")));
	real_path = field_text(0, MOUNT_REAL_PATH);
	token = field_text(0, MOUNT_TOKEN);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = JsonbPGetDatum(list_files(id, real_path, token));
	frame_leave(&frame);

	frame_enter_inventory(&frame);
	count = statement_run(&find_problems, values, NULL);
	problems = read_problems(count);
	frame_leave(&frame);

	frame_enter_own(&frame);
	for (uint64 i = 0; i < count; i++)
	{
		Problem *problem = &problems[i];

		CHECK_FOR_INTERRUPTS();
		if (wants_repair && column(problem, PROBLEM_REMEDY) != NULL &&
			is_uuid(column(problem, PROBLEM_DISK_ID)) && repair(problem, real_path))
		{
			problem->repaired = true;
			if (strcmp(column(problem, PROBLEM_REMEDY), "commit") != 0)
				forget(domain_id, problem);
		}
		put_row(result, problem);
	}
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_NULL();
}
