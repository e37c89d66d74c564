/*
 * storage_contents.c
 *		check_storage_domain(storage_domain_id, repair): a domain's files or logical volumes against rows.
 *
 * "vmclone-copy volume list" names the files, "volume provision list" the logical volumes; storage_problems() compares them with
 * the rows, and what may be removed is what a task of ours has named: by "volume remove" and "volume provision remove", as
 * cleaning does, which look again whose everything is.
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
	.sql = "SELECT problem, disk_id, image_id, path, detail, job_id, remedy, file_name"
		   " FROM vmclone_internal.storage_problems($1, $2, $3, $4)",
	.argument_count = 4,
	.argument_types = {UUIDOID, JSONBOID, TIMESTAMPTZOID, TEXTOID},
};

/* Columns of find_problems; the result's last one is another, and it has no file names. */
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
	PROBLEM_FILE_NAME,
	PROBLEM_FIELDS = PROBLEM_FILE_NAME,
};

/* Nothing lies there any more. */
static Statement forget_orphan = {
	.sql = "DELETE FROM vmclone.orphan_files WHERE storage_domain_id = $1"
		   " AND path LIKE '%/' || $2",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

/* One row of find_problems, kept while other statements run. */
typedef struct Problem
{
	char *columns[PROBLEM_FIELDS]; /* NULL: null */
	bool repaired;
} Problem;

static char *
column(const Problem *problem, int number)
{
	return problem->columns[number - 1];
}

/* What "list" has said: an array, and how its lines of files or volumes, which the answer is not, can be told. */
typedef struct Listing
{
	StringInfoData objects;
	const char *mark;
} Listing;

static void
collect_line(const char *line, void *argument)
{
	Listing *listing = argument;

	if (strstr(line, listing->mark) == NULL)
		return;
	appendStringInfo(&listing->objects, "%s%s", listing->objects.len > 1 ? "," : "", line);
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
	message = json_get_printable(answer, COPIER_FIELD_MESSAGE);
	path = json_get_printable(answer, COPIER_FIELD_PATH);
	return psprintf("%s%s%s", message ? message : "no reason is known", path ? ": " : "",
					path ? path : "");
}

static List *
add(List *arguments, const char *option, const char *value)
{
	arguments = lappend(arguments, (void *) option);
	return lappend(arguments, (void *) value);
}

static List *
list_arguments(const StoragePlace *place, const char *domain_id)
{
	List *arguments;

	if (place->is_block)
		return storage_provision_arguments(place, COPIER_PROVISION_LIST, vmclone_storage_timeout);
	arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_LIST);
	arguments = add(arguments, "--" COPIER_OPTION_ROOT, place->real_path);
	arguments = add(arguments, "--" COPIER_OPTION_STORAGE_DOMAIN, domain_id);
	arguments = add(arguments, "--" COPIER_OPTION_TOKEN, place->token);
	return place->files_path != NULL ? lappend(arguments, "--" COPIER_OPTION_DIRECTORY) : arguments;
}

/* The files or logical volumes of the domain as an array; an error where it can't be listed. */
static Jsonb *
list_contents(const char *domain_id, const StoragePlace *place)
{
	Listing listing = {.mark = place->is_block ? "\"lv\":" : "\"file\":"};
	StorageResult result;
	char *failure;

	initStringInfo(&listing.objects);
	appendStringInfoChar(&listing.objects, '[');
	result = storage_command_run_lines(&place->host, list_arguments(place, domain_id), collect_line,
									   &listing);
	failure = failure_of(&result);
	if (failure != NULL)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("could not list storage domain %s: %s", domain_id, failure),
						errhint("check_storage_domain with the id alone says whether the domain is "
								"there.")));
	appendStringInfoChar(&listing.objects, ']');
	return json_from_text(listing.objects.data);
}

static bool
has_remedy(const Problem *problem, const char *remedy)
{
	return strcmp(column(problem, PROBLEM_REMEDY), remedy) == 0;
}

static List *
repair_arguments(const Problem *problem, const StoragePlace *place, int timeout_seconds)
{
	List *arguments;

	if (place->is_block)
	{
		arguments = storage_provision_arguments(place, COPIER_PROVISION_REMOVE, timeout_seconds);
		arguments = storage_add_state(place, arguments);
		if (has_remedy(problem, "wipe"))
			arguments = lappend(arguments, "--" COPIER_OPTION_WIPE);
	}
	else
	{
		arguments = list_make2(COPIER_VOLUME, has_remedy(problem, "commit") ? COPIER_VOLUME_COMMIT
																			: COPIER_VOLUME_REMOVE);
		arguments = add(arguments, "--" COPIER_OPTION_ROOT, place->real_path);
		if (column(problem, PROBLEM_FILE_NAME) != NULL)
			arguments = add(arguments, "--" COPIER_OPTION_NAME, column(problem, PROBLEM_FILE_NAME));
	}
	arguments = add(arguments, "--" COPIER_OPTION_DISK, column(problem, PROBLEM_DISK_ID));
	return add(arguments, "--" COPIER_OPTION_IMAGE, column(problem, PROBLEM_IMAGE_ID));
}

/* Does what the remedy says.  False after a WARNING. */
static bool
repair(const Problem *problem, const StoragePlace *place)
{
	/* zeroing takes as long as the device needs */
	bool wipes = has_remedy(problem, "wipe");
	int program_timeout = wipes ? STORAGE_ENDLESS_TIMEOUT : vmclone_storage_timeout;
	StorageAnswer answer;

	if (has_remedy(problem, "forget"))
		return true;
	answer = storage_answer_within(&place->host, repair_arguments(problem, place, program_timeout),
								   wipes ? 0 : vmclone_storage_timeout);
	if (!answer.ok)
		ereport(WARNING, (errmsg("\"%s\" was not repaired", column(problem, PROBLEM_PATH)),
						  errdetail("%s.", storage_answer_detail(&answer))));
	return answer.ok;
}

static void
forget(const pg_uuid_t *domain_id, const Problem *problem)
{
	Datum values[2] = {UUIDPGetDatum(domain_id),
					   CStringGetTextDatum(column(problem, PROBLEM_IMAGE_ID))};

	(void) statement_run(&forget_orphan, values, NULL);
}

/* The rows, as find_problems gives them. */
static Problem *
read_problems(uint64 count)
{
	Problem *problems = palloc0(sizeof(Problem) * (count + 1));

	for (uint64 row = 0; row < count; row++)
		for (int i = 1; i <= PROBLEM_FIELDS; i++)
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

/* check_storage_domain(storage_domain_id, repair, host) → a row for each difference */
Datum
vmclone_check_storage_contents(PG_FUNCTION_ARGS)
{
	pg_uuid_t *domain_id;
	bool wants_repair;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char *id;
	StoragePlace place;
	Datum values[4];
	Problem *problems;
	uint64 count;
	Frame frame;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	domain_id = PG_GETARG_UUID_P(0);
	wants_repair = PG_GETARG_BOOL(1);
	id = uuid_text(domain_id);
	SPI_connect();
	(void) storage_domain_begin("check");
	frame_enter_own(&frame);
	if (!storage_place_find(domain_id, storage_domain_host_argument(fcinfo, 2), false, &place))
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("no storage domain is attached as %s", id),
						errhint("View vmclone.storage lists the storage domains.")));
	storage_domain_need_program(&place, id);
	/* plain LVM knows nothing of what another host changes in the group meanwhile */
	if (wants_repair && place.is_block && place.is_shared)
		storage_domain_check_free(domain_id, NULL, id, "repair");
	values[0] = UUIDPGetDatum(domain_id);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = JsonbPGetDatum(list_contents(id, &place));
	values[3] = CStringGetTextDatum(place.host.name);
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
			is_uuid(column(problem, PROBLEM_DISK_ID)) && repair(problem, &place))
		{
			problem->repaired = true;
			if (!has_remedy(problem, "commit"))
				forget(domain_id, problem);
		}
		put_row(result, problem);
	}
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_NULL();
}
