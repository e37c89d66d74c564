/*
 * storage_domain.c
 *		detach_storage_domain, check_storage_domain, and what attach_storage_domain has in common with them.
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
#include "base/frame.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "storage/identity.h"
#include "storage/storage_answer.h"
#include "storage/storage_domain.h"
#include "storage/storage_place.h"
#include "wake/wake.h"

VMCLONE_FUNCTION_INFO(vmclone_detach_storage_domain);
VMCLONE_FUNCTION_INFO(vmclone_check_storage_domain);

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

/* Jobs whose copiers work on the domain on a host now; what waits goes to another one. */
static Statement users_on_host = {
	.sql = "SELECT count(DISTINCT t.job_id), min(t.job_id::text) FROM vmclone.async_tasks t"
		   " WHERE t.result IS NULL AND t.host_name = $2 AND t.status <> 'init'"
		   " AND (t.storage_domain_id = $1"
		   " OR t.layers @> jsonb_build_array(jsonb_build_object('storage_domain_id', $1::text)))",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static Statement mounts_elsewhere = {
	.sql = "SELECT count(*) FROM vmclone.storage_mounts"
		   " WHERE storage_domain_id = $1 AND host_name <> $2",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static Statement remove_mounts = {
	.sql = "DELETE FROM vmclone.storage_mounts WHERE storage_domain_id = $1"
		   " AND host_name = COALESCE($2, host_name)",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static Statement note_check = {
	.sql = "UPDATE vmclone.storage_mounts SET checked_at = clock_timestamp(),"
		   " status = CASE WHEN $2 IS NULL THEN 'attached' ELSE 'failed' END, error = $2,"
		   " total_bytes = COALESCE($3, total_bytes), available_bytes = COALESCE($4,"
		   " available_bytes), reflink = COALESCE($5, reflink) WHERE storage_domain_id = $1"
		   " AND host_name = $6"
		   " RETURNING storage_domain_id, status, real_path, filesystem, block_size, reflink,"
		   " total_bytes, available_bytes, error, host_name",
	.argument_count = 6,
	.argument_types = {UUIDOID, TEXTOID, INT8OID, INT8OID, BOOLOID, TEXTOID},
};

/* Columns of users_of_domain and users_on_host, and of mounts_elsewhere. */
enum
{
	USERS_COUNT = 1,
	USERS_FIRST_JOB_ID,
};
enum
{
	MOUNTS_COUNT = 1,
};

char *
storage_domain_begin(const char *what)
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

char *
storage_domain_host_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return NULL;
	return storage_host_find(text_to_cstring(PG_GETARG_TEXT_PP(number)), false).name;
}

static bool
is_elsewhere(const pg_uuid_t *domain_id, const char *host)
{
	Datum values[2] = {UUIDPGetDatum(domain_id)};

	if (host == NULL)
		return false;
	values[1] = CStringGetTextDatum(host);
	statement_run_one_row(&mounts_elsewhere, values, NULL);
	return field_int64(0, MOUNTS_COUNT) > 0;
}

void
storage_domain_check_free(const pg_uuid_t *domain_id, const char *host, const char *name,
						  const char *what)
{
	Datum values[2] = {UUIDPGetDatum(domain_id)};
	bool elsewhere = is_elsewhere(domain_id, host);

	if (elsewhere)
		values[1] = CStringGetTextDatum(host);
	(void) statement_run(&lock_tasks, NULL, NULL);
	statement_run_one_row(elsewhere ? &users_on_host : &users_of_domain, values, NULL);
	if (field_int64(0, USERS_COUNT) > 0)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("cannot %s storage domain \"%s\" while jobs use it", what, name),
						errdetail("Jobs that are not over: " INT64_FORMAT ", among them %s.",
								  field_int64(0, USERS_COUNT), field_text(0, USERS_FIRST_JOB_ID)),
						errhint("Wait for them or cancel them.")));
}

void
storage_domain_remove_identity(const pg_uuid_t *domain_id, const char *host, const char *name,
							   const StoragePlace *place)
{
	StorageAnswer answer;

	if (is_elsewhere(domain_id, host))
		return;
	/* a copy of the database has the original's token in its mounts, but not its domains */
	if (identity_state() != IDENTITY_OWN || !identity_owns_token(place->token))
	{
		ereport(NOTICE, (errmsg(place->is_block
									? "identity tag of storage domain \"%s\" was left on \"%s\": "
									  "it is not this database's"
									: "identity file of storage domain \"%s\" was left in \"%s\": "
									  "it is not this database's",
								name, place->real_path)));
		return;
	}
	answer = storage_answer(&place->host, storage_detach_arguments(place));
	if (!answer.ok)
		ereport(WARNING,
				(errmsg(place->is_block ? "identity tag of storage domain \"%s\" was left on \"%s\""
										: "identity file of storage domain \"%s\" was left in "
										  "\"%s\"",
						name, place->real_path),
				 errdetail("%s.", storage_answer_detail(&answer))));
}

void
storage_domain_need_program(const StoragePlace *place, const char *name)
{
	if (storage_place_lacks_program(place))
		ereport(ERROR,
				(errcode(ERRCODE_VC_STORAGE_DOMAIN),
				 errmsg("storage domain \"%s\" is a block domain, and vmclone.provision_command is "
						"empty",
						name),
				 errdetail("vmclone makes no logical volumes itself."),
				 errhint("A superuser names the program that does: ALTER SYSTEM SET "
						 "vmclone.provision_command = '/path/of/vmclone-provision-lvm'; SELECT "
						 "pg_reload_conf();")));
}

/* An error where the domain isn't attached on the host, or its program isn't set.  In the own frame. */
static StoragePlace
find_attached(const pg_uuid_t *domain_id, const char *host, const char *name)
{
	StoragePlace place;

	if (!storage_place_find(domain_id, host, true, &place))
		ereport(ERROR,
				(errcode(ERRCODE_VC_STORAGE_DOMAIN),
				 host == NULL
					 ? errmsg("storage domain \"%s\" is not attached", name)
					 : errmsg("storage domain \"%s\" is not attached on host \"%s\"", name, host),
				 errhint("Use SELECT vmclone.attach_storage_domain('%s', '/its/directory'); with "
						 "take_over => true where another database has attached it that is "
						 "gone for good.",
						 uuid_text(domain_id))));
	storage_domain_need_program(&place, name);
	return place;
}

/* detach_storage_domain(storage_domain_id, host); the domain keeps its mark as long as another host has it. */
Datum
vmclone_detach_storage_domain(PG_FUNCTION_ARGS)
{
	pg_uuid_t *domain_id;
	Datum values[2];
	bool nulls[2] = {false, PG_ARGISNULL(1)};
	char *name;
	char *host;
	StoragePlace place;
	Frame frame;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("storage_domain_id must not be null"),
						errhint("View vmclone.storage lists the storage domains.")));
	domain_id = PG_GETARG_UUID_P(0);
	values[0] = UUIDPGetDatum(domain_id);
	name = uuid_text(domain_id);

	SPI_connect();
	(void) storage_domain_begin("detach");
	frame_enter_own(&frame);
	host = storage_domain_host_argument(fcinfo, 1);
	place = find_attached(domain_id, host, name);
	storage_domain_check_free(domain_id, host, name, "detach");
	storage_domain_remove_identity(domain_id, host, name, &place);
	values[1] = host != NULL ? CStringGetTextDatum(host) : (Datum) 0;
	(void) statement_run(&remove_mounts, values, nulls);
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_VOID();
}

/* check_storage_domain(storage_domain_id, host) → row of storage_mounts as found now */
Datum
vmclone_check_storage_domain(PG_FUNCTION_ARGS)
{
	pg_uuid_t *domain_id;
	char *name;
	StoragePlace place;
	StorageAnswer answer = {0};
	const Jsonb *facts;
	Datum values[6];
	bool nulls[6] = {0};
	TupleDesc descriptor;
	HeapTuple row;
	Frame frame;
	MemoryContext caller_context = CurrentMemoryContext;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "check_storage_domain must be called where a row is accepted");
	descriptor = BlessTupleDesc(descriptor);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	domain_id = PG_GETARG_UUID_P(0);
	name = uuid_text(domain_id);
	SPI_connect();
	(void) storage_domain_begin("check");
	frame_enter_own(&frame);
	place = find_attached(domain_id, storage_domain_host_argument(fcinfo, 1), name);
	values[5] = CStringGetTextDatum(place.host.name);
	if (identity_owns_token(place.token))
		answer = storage_answer(&place.host, storage_check_arguments(&place, uuid_text(domain_id)));
	else
		answer.message = IDENTITY_MOUNT_OF_ANOTHER;
	facts = storage_facts(answer.object);
	values[0] = UUIDPGetDatum(domain_id);
	nulls[1] = answer.ok;
	values[1] = answer.ok ? (Datum) 0 : CStringGetTextDatum(answer.message);
	nulls[2] = !answer.ok || !json_has(facts, "total_bytes");
	values[2] = nulls[2] ? (Datum) 0 : Int64GetDatum(json_get_int64(facts, "total_bytes", 0));
	nulls[3] = !answer.ok || !json_has(facts, "available_bytes");
	values[3] = nulls[3] ? (Datum) 0 : Int64GetDatum(json_get_int64(facts, "available_bytes", 0));
	nulls[4] = !answer.ok || !json_has(facts, "reflink");
	values[4] = nulls[4] ? (Datum) 0 : BoolGetDatum(json_get_bool(facts, "reflink", false));
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
