/*
 * storage_domain.c
 *		attach_storage_domain, detach_storage_domain, check_storage_domain.
 *
 * What happens on storage is done by "vmclone-copy volume"; here are the rights, the rows and the
 * messages.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/extension.h"
#include "base/caller.h"
#include "base/errors.h"
#include "contract/copier_protocol.h"
#include "base/frame.h"
#include "storage/identity.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "ovirt/ovirt_codes.h"
#include "storage/storage_command.h"
#include "wake/wake.h"

VMCLONE_FUNCTION_INFO(vmclone_attach_storage_domain);
VMCLONE_FUNCTION_INFO(vmclone_detach_storage_domain);
VMCLONE_FUNCTION_INFO(vmclone_check_storage_domain);

static Statement find_domain = {
	.sql = "SELECT storage_name, storage_type IN " SQL_BLOCK_STORAGE_TYPES
		   " FROM storage_domain_static WHERE id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement find_mount = {
	.sql = "SELECT real_path, token FROM vmclone.storage_mounts"
		   " WHERE storage_domain_id = $1 FOR UPDATE",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement find_same_path = {
	.sql = "SELECT storage_domain_id FROM vmclone.storage_mounts"
		   " WHERE storage_domain_id <> $2 AND (real_path = $1"
		   " OR starts_with($1, real_path || '/') OR starts_with(real_path, $1 || '/'))",
	.argument_count = 2,
	.argument_types = {TEXTOID, UUIDOID},
};

/* Nobody queues a job that uses the domain between this look and the end of the transaction. */
static Statement lock_tasks = {
	.sql = "LOCK TABLE vmclone.async_tasks IN SHARE ROW EXCLUSIVE MODE",
};

static Statement users_of_domain = {
	.sql = "SELECT count(DISTINCT j.job_id), min(j.job_id::text) FROM vmclone.jobs j"
		   " JOIN vmclone.async_tasks t ON t.job_id = j.job_id"
		   " WHERE j.status NOT IN ('succeeded', 'failed', 'cancelled')"
		   " AND (t.storage_domain_id = $1"
		   " OR t.layers @> jsonb_build_array(jsonb_build_object('storage_domain_id', $1::text)))",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement write_mount = {
	.sql = "INSERT INTO vmclone.storage_mounts AS m (storage_domain_id, mount_path, real_path,"
		   " storage_root, device, filesystem, block_size, reflink, token, max_copies,"
		   " bandwidth_limit, total_bytes, available_bytes, attached_by)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
		   " ON CONFLICT (storage_domain_id) DO UPDATE SET mount_path = excluded.mount_path,"
		   " real_path = excluded.real_path, storage_root = excluded.storage_root,"
		   " device = excluded.device, filesystem = excluded.filesystem,"
		   " block_size = excluded.block_size, reflink = excluded.reflink,"
		   " token = excluded.token, max_copies = excluded.max_copies,"
		   " bandwidth_limit = excluded.bandwidth_limit, status = 'attached', error = NULL,"
		   " total_bytes = excluded.total_bytes, available_bytes = excluded.available_bytes,"
		   " attached_by = excluded.attached_by, attached_at = clock_timestamp(),"
		   " checked_at = clock_timestamp()",
	.argument_count = 14,
	.argument_types = {UUIDOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, INT4OID, BOOLOID,
					   UUIDOID, INT4OID, INT8OID, INT8OID, INT8OID, TEXTOID},
};

static Statement remove_mount = {
	.sql = "DELETE FROM vmclone.storage_mounts WHERE storage_domain_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement note_check = {
	.sql = "UPDATE vmclone.storage_mounts SET checked_at = clock_timestamp(),"
		   " status = CASE WHEN $2 IS NULL THEN 'attached' ELSE 'failed' END, error = $2,"
		   " total_bytes = COALESCE($3, total_bytes), available_bytes = COALESCE($4,"
		   " available_bytes), reflink = COALESCE($5, reflink) WHERE storage_domain_id = $1"
		   " RETURNING storage_domain_id, status, real_path, filesystem, block_size, reflink,"
		   " total_bytes, available_bytes, error",
	.argument_count = 5,
	.argument_types = {UUIDOID, TEXTOID, INT8OID, INT8OID, BOOLOID},
};

/* Columns of find_domain, find_mount, find_same_path and users_of_domain. */
enum
{
	DOMAIN_NAME = 1,
	DOMAIN_IS_BLOCK,
};
enum
{
	MOUNT_REAL_PATH = 1,
	MOUNT_TOKEN,
};
enum
{
	SAME_PATH_STORAGE_DOMAIN_ID = 1,
};
enum
{
	USERS_COUNT = 1,
	USERS_FIRST_JOB_ID,
};

/* What a volume command answered; ok false with message, and errno, path and hint where given. */
typedef struct Answer
{
	bool ok;
	Jsonb *object;
	char *kind;
	char *message;
	char *hint;
} Answer;

static Answer
run_volume_command(List *arguments)
{
	StorageResult result = storage_command_run(arguments);
	Answer answer = {0};
	char *path;
	char *error;

	if (result.output[0] != '{')
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_COMMAND),
						errmsg("program vmclone-copy ended with exit code %d and no answer",
							   result.exit_code),
						result.errors[0] != '\0' ? errdetail("It said: %s", result.errors) : 0,
						errhint("Check that vmclone.copy_program names the vmclone-copy of this "
								"version.")));
	/* it speaks of its own options, which nobody here has given */
	if (result.exit_code == COPIER_EXIT_USAGE)
	{
		ereport(LOG, (errmsg("vmclone-copy refused its command line"),
					  errdetail("It said: %s", result.output)));
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_COMMAND),
						errmsg("program vmclone-copy and the extension are of different versions"),
						errhint("Install both from the same version; see vmclone.copy_program.")));
	}
	answer.object = json_from_text(result.output);
	answer.ok = result.exit_code == 0 && json_get_bool(answer.object, COPIER_FIELD_OK, false);
	if (answer.ok)
		return answer;
	answer.kind = json_get_text(answer.object, COPIER_FIELD_KIND);
	answer.message = json_get_text(answer.object, COPIER_FIELD_MESSAGE);
	if (answer.message == NULL)
		answer.message = psprintf("vmclone-copy ended with exit code %d", result.exit_code);
	path = json_get_text(answer.object, COPIER_FIELD_PATH);
	error = json_get_text(answer.object, COPIER_FIELD_ERRNO);
	if (path != NULL)
		answer.message = psprintf("%s: \"%s\"", answer.message, path);
	if (error != NULL)
		answer.message = psprintf("%s (%s)", answer.message, error);
	answer.hint = json_get_text(answer.object, COPIER_FIELD_HINT);
	return answer;
}

/* Common to all three: an administrator, on a server that writes. */
static char *
begin(const char *what)
{
	Caller caller;

	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot %s storage domains on a standby server", what),
						errhint("Call on the primary server.")));
	caller = caller_identify();
	if (caller.kind != CALLER_ADMIN)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to %s storage domains", what),
						errhint("Ask an administrator of vmclone (grant_admin).")));
	return caller.role_name;
}

static char *
domain_name(const pg_uuid_t *domain_id, bool *is_block)
{
	Datum value = UUIDPGetDatum(domain_id);
	char *name;
	Frame frame;

	frame_enter_inventory(&frame);
	if (statement_run(&find_domain, &value, NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("storage domain %s does not exist", uuid_text(domain_id)),
						errkey("ACTION_TYPE_FAILED_STORAGE_DOMAIN_NOT_EXIST"),
						errhint("Attach a domain that is in table storage_domain_static.")));
	name = field_text(0, DOMAIN_NAME);
	*is_block = field_bool(0, DOMAIN_IS_BLOCK);
	frame_leave(&frame);
	return name;
}

/* The root of vmclone.storage_roots that the path lies in; the copier has checked that one is. */
static char *
root_of(const char *real_path)
{
	char *roots = pstrdup(vmclone_storage_roots);
	char *rest = roots;
	char *root;

	while ((root = strsep(&rest, ":")) != NULL)
	{
		size_t length = strlen(root);

		if (length > 0 && strncmp(real_path, root, length) == 0)
			return root;
	}
	return vmclone_storage_roots;
}

/* The copier's words as the beginning of a DETAIL. */
static char *
capitalized(const char *message)
{
	char *text = pstrdup(message);

	text[0] = (char) pg_toupper((unsigned char) text[0]);
	return text;
}

static void
refuse_attach(const Answer *answer, const char *name, const char *path)
{
	bool outside =
		answer->kind != NULL && strcmp(answer->kind, copier_error_word(COPIER_OUTSIDE_ROOT)) == 0;

	ereport(ERROR,
			(errcode(ERRCODE_VC_STORAGE_DOMAIN),
			 errmsg("could not attach storage domain \"%s\" at \"%s\"", name, path),
			 outside ? errdetail("%s; vmclone.storage_roots is \"%s\".",
								 capitalized(answer->message), vmclone_storage_roots)
					 : errdetail("%s.", capitalized(answer->message)),
			 answer->hint
				 ? errhint("%s", answer->hint)
				 : errhint("Check that the directory is there, and that the server's user may "
						   "read and write in it.")));
}

static void
check_free(const pg_uuid_t *domain_id, const char *name, const char *what)
{
	Datum value = UUIDPGetDatum(domain_id);

	(void) statement_run(&lock_tasks, NULL, NULL);
	statement_run_one_row(&users_of_domain, &value, NULL);
	if (field_int64(0, USERS_COUNT) > 0)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("cannot %s storage domain \"%s\" while jobs use it", what, name),
						errdetail("Jobs that are not over: " INT64_FORMAT ", among them %s.",
								  field_int64(0, USERS_COUNT), field_text(0, USERS_FIRST_JOB_ID)),
						errhint("Wait for them or cancel them.")));
}

/* Takes the identity file away.  A domain that is gone must still be possible to give up. */
static void
remove_identity(const char *name, const char *real_path, const char *token)
{
	List *arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_DETACH);
	Answer answer;

	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_ROOT), (void *) real_path);
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_TOKEN), (void *) token);
	answer = run_volume_command(arguments);
	if (!answer.ok)
		ereport(WARNING, (errmsg("identity file of storage domain \"%s\" was left in \"%s\"", name,
								 real_path),
						  errdetail("%s.", capitalized(answer.message))));
}

/* The domain moves to another directory; the row of the earlier one is SPI's last result. */
static void
leave_earlier_place(const pg_uuid_t *domain_id, const char *name)
{
	char *real_path = field_text(0, MOUNT_REAL_PATH);
	char *token = field_text(0, MOUNT_TOKEN);

	/* Jobs under way have their files there. */
	check_free(domain_id, name, "move");
	remove_identity(name, real_path, token);
}

/* attach_storage_domain(storage_domain_id, mount_path, max_copies, bandwidth_limit, take_over) */
Datum
vmclone_attach_storage_domain(PG_FUNCTION_ARGS)
{
	pg_uuid_t *domain_id;
	char *path;
	char *role;
	char *name;
	char *real_path;
	bool is_block;
	bool take_over;
	pg_uuid_t token;
	List *arguments;
	Answer answer;
	Datum values[14];
	bool nulls[14] = {0};
	Frame frame;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("attach_storage_domain needs storage_domain_id and mount_path"),
						errhint("View vmclone.storage lists the storage domains.")));
	domain_id = PG_GETARG_UUID_P(0);
	path = text_to_cstring(PG_GETARG_TEXT_PP(1));
	take_over = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	if ((!PG_ARGISNULL(2) && PG_GETARG_INT32(2) <= 0) ||
		(!PG_ARGISNULL(3) && PG_GETARG_INT64(3) <= 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_copies and bandwidth_limit must be greater than zero"),
						errhint("Leave them out for no limit.")));
	if (path[0] != '/')
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("mount path \"%s\" is not an absolute path", path),
						errhint("Give the directory where the server has mounted the domain.")));
	SPI_connect();
	role = begin("attach");
	name = domain_name(domain_id, &is_block);
	if (is_block)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("storage domain \"%s\" is a block domain", name),
						errdetail("Only file domains have a directory that can be attached."),
						errhint("Choose a file domain as the target of the disks.")));
	if (vmclone_storage_roots == NULL || vmclone_storage_roots[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_VC_STORAGE_DOMAIN),
				 errmsg("no storage domain can be attached: vmclone.storage_roots is empty"),
				 errhint("A superuser names the directories that may hold storage domains: ALTER "
						 "SYSTEM SET vmclone.storage_roots = '/rhev/data-center/mnt'; SELECT "
						 "pg_reload_conf();")));
	frame_enter_own(&frame);
	token = identity_ensure();
	arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_ATTACH);
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_PATH), path);
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_ROOTS), vmclone_storage_roots);
	arguments =
		lappend(lappend(arguments, "--" COPIER_OPTION_STORAGE_DOMAIN), uuid_text(domain_id));
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_TOKEN), uuid_text(&token));
	if (vmclone_domain_owner != NULL && vmclone_domain_owner[0] != '\0')
		arguments = lappend(lappend(arguments, "--" COPIER_OPTION_OWNER), vmclone_domain_owner);
	if (take_over)
		arguments = lappend(arguments, "--" COPIER_OPTION_TAKE_OVER);
	answer = run_volume_command(arguments);
	if (!answer.ok)
		refuse_attach(&answer, name, path);
	real_path = json_get_text(answer.object, "realpath");
	if (real_path == NULL)
		elog(ERROR, "vmclone-copy volume attach gave no realpath");
	values[0] = CStringGetTextDatum(real_path);
	values[1] = UUIDPGetDatum(domain_id);
	if (statement_run(&find_same_path, values, NULL) > 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_VC_STORAGE_DOMAIN),
			 errmsg(
				 "directory \"%s\" is attached as storage domain %s, or lies inside it or above it",
				 real_path, field_text(0, SAME_PATH_STORAGE_DOMAIN_ID)),
			 errhint("One directory holds one storage domain; detach the other one "
					 "first.")));
	values[0] = UUIDPGetDatum(domain_id);
	if (statement_run(&find_mount, values, NULL) > 0 &&
		strcmp(field_text(0, MOUNT_REAL_PATH), real_path) != 0)
		leave_earlier_place(domain_id, name);
	values[1] = CStringGetTextDatum(path);
	values[2] = CStringGetTextDatum(real_path);
	values[3] = CStringGetTextDatum(root_of(real_path));
	values[4] = Int64GetDatum(json_get_int64(answer.object, "device", 0));
	values[5] = CStringGetTextDatum(json_get_text(answer.object, "filesystem"));
	values[6] = Int32GetDatum((int32) json_get_int64(answer.object, "block_size", 0));
	values[7] = BoolGetDatum(json_get_bool(answer.object, "reflink", false));
	values[8] = UUIDPGetDatum(&token);
	nulls[9] = PG_ARGISNULL(2);
	values[9] = nulls[9] ? (Datum) 0 : PG_GETARG_DATUM(2);
	nulls[10] = PG_ARGISNULL(3);
	values[10] = nulls[10] ? (Datum) 0 : PG_GETARG_DATUM(3);
	values[11] = Int64GetDatum(json_get_int64(answer.object, "total_bytes", 0));
	values[12] = Int64GetDatum(json_get_int64(answer.object, "available_bytes", 0));
	values[13] = CStringGetTextDatum(role);
	(void) statement_run(&write_mount, values, nulls);
	frame_leave(&frame);
	SPI_finish();
	/* Jobs may wait for the domain. */
	wake_worker_at_commit();
	PG_RETURN_VOID();
}

/* The mount's directory and token; an error where the domain isn't attached.  In the own frame. */
static void
find_attached(const pg_uuid_t *domain_id, const char *name, char **real_path, char **token)
{
	Datum value = UUIDPGetDatum(domain_id);

	if (statement_run(&find_mount, &value, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_STORAGE_DOMAIN),
				 errmsg("storage domain \"%s\" is not attached", name),
				 errhint("Use SELECT vmclone.attach_storage_domain('%s', '/its/directory'); with "
						 "take_over => true where another database has attached it that is "
						 "gone for good.",
						 uuid_text(domain_id))));
	*real_path = field_text(0, MOUNT_REAL_PATH);
	*token = field_text(0, MOUNT_TOKEN);
}

/* detach_storage_domain(storage_domain_id) */
Datum
vmclone_detach_storage_domain(PG_FUNCTION_ARGS)
{
	pg_uuid_t *domain_id;
	Datum value;
	char *name;
	char *real_path;
	char *token;
	Frame frame;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("storage_domain_id must not be null"),
						errhint("View vmclone.storage lists the storage domains.")));
	domain_id = PG_GETARG_UUID_P(0);
	value = UUIDPGetDatum(domain_id);
	name = uuid_text(domain_id);

	SPI_connect();
	(void) begin("detach");
	frame_enter_own(&frame);
	find_attached(domain_id, name, &real_path, &token);
	check_free(domain_id, name, "detach");
	remove_identity(name, real_path, token);
	(void) statement_run(&remove_mount, &value, NULL);
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_VOID();
}

/* check_storage_domain(storage_domain_id) → row of storage_mounts as found now */
Datum
vmclone_check_storage_domain(PG_FUNCTION_ARGS)
{
	pg_uuid_t *domain_id = PG_GETARG_UUID_P(0);
	char *name = uuid_text(domain_id);
	char *real_path;
	char *token;
	List *arguments;
	Answer answer = {0};
	Datum values[5];
	bool nulls[5] = {0};
	TupleDesc descriptor;
	HeapTuple row;
	Frame frame;
	MemoryContext caller_context = CurrentMemoryContext;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "check_storage_domain must be called where a row is accepted");
	descriptor = BlessTupleDesc(descriptor);
	SPI_connect();
	(void) begin("check");
	frame_enter_own(&frame);
	find_attached(domain_id, name, &real_path, &token);
	if (identity_owns_token(token))
	{
		arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_CHECK);
		arguments = lappend(lappend(arguments, "--" COPIER_OPTION_ROOT), real_path);
		arguments =
			lappend(lappend(arguments, "--" COPIER_OPTION_STORAGE_DOMAIN), uuid_text(domain_id));
		arguments = lappend(lappend(arguments, "--" COPIER_OPTION_TOKEN), token);
		answer = run_volume_command(arguments);
	}
	else
		answer.message = IDENTITY_MOUNT_OF_ANOTHER;
	values[0] = UUIDPGetDatum(domain_id);
	nulls[1] = answer.ok;
	values[1] = answer.ok ? (Datum) 0 : CStringGetTextDatum(answer.message);
	nulls[2] = !answer.ok || !json_has(answer.object, "total_bytes");
	values[2] =
		nulls[2] ? (Datum) 0 : Int64GetDatum(json_get_int64(answer.object, "total_bytes", 0));
	nulls[3] = !answer.ok || !json_has(answer.object, "available_bytes");
	values[3] =
		nulls[3] ? (Datum) 0 : Int64GetDatum(json_get_int64(answer.object, "available_bytes", 0));
	nulls[4] = !answer.ok || !json_has(answer.object, "reflink");
	values[4] = nulls[4] ? (Datum) 0 : BoolGetDatum(json_get_bool(answer.object, "reflink", false));
	statement_run_one_row(&note_check, values, nulls);
	{
		Datum *columns = palloc(sizeof(Datum) * descriptor->natts);
		bool *column_nulls = palloc(sizeof(bool) * descriptor->natts);

		heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, columns, column_nulls);
		MemoryContextSwitchTo(caller_context);
		row = heap_form_tuple(descriptor, columns, column_nulls);
	}
	frame_leave(&frame);
	SPI_finish();
	if (answer.ok)
		wake_worker_at_commit();
	PG_RETURN_DATUM(HeapTupleGetDatum(row));
}
