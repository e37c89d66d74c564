/*
 * host_interface.c
 *		add_copy_host, drop_copy_host, drain_copy_host, check_copy_host.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/statement.h"
#include "storage/storage_command.h"
#include "storage/storage_domain.h"
#include "storage/storage_host.h"
#include "wake/wake.h"

VMCLONE_FUNCTION_INFO(vmclone_add_copy_host);
VMCLONE_FUNCTION_INFO(vmclone_drop_copy_host);
VMCLONE_FUNCTION_INFO(vmclone_drain_copy_host);
VMCLONE_FUNCTION_INFO(vmclone_check_copy_host);

/* Another address may be another machine. */
static Statement write_host = {
	.sql = "INSERT INTO vmclone.hosts AS h (host_name, address, max_copies, bandwidth_limit,"
		   " added_by) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (host_name) DO UPDATE SET"
		   " address = excluded.address, max_copies = excluded.max_copies,"
		   " bandwidth_limit = excluded.bandwidth_limit, added_by = excluded.added_by,"
		   " added_at = clock_timestamp(), status = CASE WHEN"
		   " h.address IS NOT DISTINCT FROM excluded.address THEN h.status ELSE 'unchecked' END",
	.argument_count = 5,
	.argument_types = {TEXTOID, TEXTOID, INT4OID, INT8OID, TEXTOID},
};

static Statement users_of_host = {
	.sql =
		"SELECT (SELECT count(*) FROM vmclone.storage_mounts WHERE host_name = $1),"
		" (SELECT count(*) FROM vmclone.async_tasks WHERE result IS NULL AND host_name = $1"
		" AND (status <> 'init' OR lease IS NOT NULL)),"
		" (SELECT min(storage_domain_id::text) FROM vmclone.storage_mounts WHERE host_name = $1)",
	.argument_count = 1,
	.argument_types = {TEXTOID},
};

/* Columns of users_of_host. */
enum
{
	USERS_DOMAINS = 1,
	USERS_TASKS,
	USERS_FIRST_DOMAIN,
};

static Statement remove_host = {
	.sql = "DELETE FROM vmclone.hosts WHERE host_name = $1",
	.argument_count = 1,
	.argument_types = {TEXTOID},
};

static Statement drain_host = {
	.sql = "UPDATE vmclone.hosts SET drain = $2 WHERE host_name = $1",
	.argument_count = 2,
	.argument_types = {TEXTOID, TEXTOID},
};

/* Results of check_copy_host. */
enum
{
	CHECK_HOST_NAME,
	CHECK_STATUS,
	CHECK_VERSION,
	CHECK_MILLISECONDS,
	CHECK_ERROR,
	CHECK_COLUMNS
};

static char *
name_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be null"),
						errhint("View vmclone.copy_hosts lists the hosts.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

/* The table's own constraints hold too; here is said what is wrong. */
static void
check_name(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (name[0] == '\0' || strspn(name, allowed) != strlen(name) || strlen(name) > 63 ||
		strchr("._-", name[0]) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" cannot be the name of a copy host", message_excerpt(name)),
				 errdetail("A name has 1 to 63 letters, digits, points, hyphens and "
						   "underscores, and begins with a letter or digit."),
				 errhint("The address may be any; the name is what rows and messages say.")));
}

static void
check_address(const char *name, const char *address)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@%/=+[]-";

	if (strcmp(name, LOCAL_HOST) == 0)
	{
		if (address != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("host \"" LOCAL_HOST "\" is the machine of the database and has no "
							"address"),
					 errhint("Pass null for the address, to change its limits.")));
		return;
	}
	if (address == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("address must not be null"),
						errhint("Give what vmclone.copy_launcher gets for {address}, as "
								"user@host.example.org.")));
	if (address[0] == '\0' || strspn(address, allowed) != strlen(address) ||
		strlen(address) > 255 || strchr("-./:@%=+]", address[0]) != NULL ||
		strstr(address, "@-") != NULL || strstr(address, "/-") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not an address of a copy host", message_excerpt(address)),
				 errdetail("An address is one word of 1 to 255 letters, digits and _.:@%%/=+[]-, "
						   "begins with a letter, digit, _ or [, and no part of it looks like an "
						   "option."),
				 errhint("For ssh: user@host.example.org, or ssh://user@host.example.org:2222.")));
}

/* add_copy_host(name, address, max_copies, bandwidth_limit) */
Datum
vmclone_add_copy_host(PG_FUNCTION_ARGS)
{
	char *name = name_argument(fcinfo);
	char *address = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	Datum values[5] = {CStringGetTextDatum(name)};
	bool nulls[5] = {false, address == NULL, PG_ARGISNULL(2), PG_ARGISNULL(3), false};
	char *role;
	Frame frame;

	check_name(name);
	check_address(name, address);
	if ((!PG_ARGISNULL(2) && PG_GETARG_INT32(2) <= 0) ||
		(!PG_ARGISNULL(3) && PG_GETARG_INT64(3) <= 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_copies and bandwidth_limit must be greater than zero"),
						errhint("Leave them out for no limit.")));
	SPI_connect();
	role = storage_domain_begin("add hosts for");
	frame_enter_own(&frame);
	values[1] = address != NULL ? CStringGetTextDatum(address) : (Datum) 0;
	values[2] = nulls[2] ? (Datum) 0 : PG_GETARG_DATUM(2);
	values[3] = nulls[3] ? (Datum) 0 : PG_GETARG_DATUM(3);
	values[4] = CStringGetTextDatum(role);
	(void) statement_run(&write_host, values, nulls);
	frame_leave(&frame);
	SPI_finish();
	wake_worker_at_commit();
	PG_RETURN_VOID();
}

/* drop_copy_host(name) */
Datum
vmclone_drop_copy_host(PG_FUNCTION_ARGS)
{
	char *name = name_argument(fcinfo);
	Datum value;
	Frame frame;

	SPI_connect();
	(void) storage_domain_begin("drop hosts of");
	frame_enter_own(&frame);
	name = storage_host_find(name, true).name;
	value = CStringGetTextDatum(name);
	if (strcmp(name, LOCAL_HOST) == 0)
		ereport(ERROR, (errcode(ERRCODE_VC_HOST),
						errmsg("host \"" LOCAL_HOST "\" is the machine of the database and always "
							   "there"),
						errhint("drain_copy_host keeps copies away from it.")));
	statement_run_one_row(&users_of_host, &value, NULL);
	if (field_int64(0, USERS_TASKS) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_HOST),
				 errmsg("cannot drop copy host \"%s\" while a copy may run there", name),
				 errdetail("Tasks: " INT64_FORMAT ".", field_int64(0, USERS_TASKS)),
				 errhint("drain_copy_host('%s', move => true) sends them elsewhere; of a host "
						 "that does not answer they are given away when their lease is over "
						 "(vmclone.copy_lease).",
						 name)));
	if (field_int64(0, USERS_DOMAINS) > 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_VC_HOST),
			 errmsg("cannot drop copy host \"%s\" while storage domains are attached there", name),
			 errdetail("Storage domains: " INT64_FORMAT ", among them %s.",
					   field_int64(0, USERS_DOMAINS), field_text(0, USERS_FIRST_DOMAIN)),
			 errhint("Use SELECT vmclone.detach_storage_domain(storage_domain_id, host => "
					 "'%s').",
					 name)));
	(void) statement_run(&remove_host, &value, NULL);
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_VOID();
}

/* drain_copy_host(name, drain, move) */
Datum
vmclone_drain_copy_host(PG_FUNCTION_ARGS)
{
	char *name = name_argument(fcinfo);
	bool drain = PG_ARGISNULL(1) || PG_GETARG_BOOL(1);
	bool move = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	Datum values[2];
	bool nulls[2] = {false, !drain};
	Frame frame;

	if (move && !drain)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("move is only for a host that is drained"),
						errhint("Leave move out, or drain => false.")));
	SPI_connect();
	(void) storage_domain_begin("drain hosts of");
	frame_enter_own(&frame);
	values[0] = CStringGetTextDatum(storage_host_find(name, true).name);
	values[1] = CStringGetTextDatum(move ? "move" : "end");
	(void) statement_run(&drain_host, values, nulls);
	frame_leave(&frame);
	SPI_finish();
	wake_worker_at_commit();
	PG_RETURN_VOID();
}

/* check_copy_host(name) → name, status, version, milliseconds, error */
Datum
vmclone_check_copy_host(PG_FUNCTION_ARGS)
{
	char *name = name_argument(fcinfo);
	Datum values[CHECK_COLUMNS] = {0};
	bool nulls[CHECK_COLUMNS] = {0};
	StorageHost host;
	TupleDesc descriptor;
	HeapTuple row;
	TimestampTz began;
	MemoryContext caller_context = CurrentMemoryContext;
	char *version;
	char *fault;
	Frame frame;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "check_copy_host must be called where a row is accepted");
	descriptor = BlessTupleDesc(descriptor);
	SPI_connect();
	(void) storage_domain_begin("check hosts of");
	frame_enter_own(&frame);
	host = storage_host_find(name, false);
	began = GetCurrentTimestamp();
	fault = storage_host_try(&host, &version);
	storage_host_write(host.name, version, fault);
	MemoryContextSwitchTo(caller_context);
	values[CHECK_HOST_NAME] = CStringGetTextDatum(host.name);
	values[CHECK_STATUS] = CStringGetTextDatum(fault == NULL ? "up" : "down");
	nulls[CHECK_VERSION] = version == NULL;
	values[CHECK_VERSION] = version != NULL ? CStringGetTextDatum(version) : (Datum) 0;
	values[CHECK_MILLISECONDS] = Int32GetDatum((int32) ((GetCurrentTimestamp() - began) / 1000));
	nulls[CHECK_ERROR] = fault == NULL;
	values[CHECK_ERROR] = fault != NULL ? CStringGetTextDatum(fault) : (Datum) 0;
	row = heap_form_tuple(descriptor, values, nulls);
	frame_leave(&frame);
	SPI_finish();
	if (fault == NULL)
		wake_worker_at_commit();
	PG_RETURN_DATUM(HeapTupleGetDatum(row));
}
