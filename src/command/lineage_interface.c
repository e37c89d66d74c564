/*
 * lineage_interface.c
 *		SQL functions about where clones came from, and the tree of a VM's snapshots.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/caller.h"
#include "base/compat.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/statement.h"
#include "base/uuid.h"

VMCLONE_FUNCTION_INFO(vmclone_lineage_tree);
VMCLONE_FUNCTION_INFO(vmclone_snapshot_tree);

static Statement lineage_rows = {
	.sql = "SELECT * FROM vmclone_internal.lineage_rows($1, $2)",
	.argument_count = 2,
	.argument_types = {UUIDOID, OIDOID},
};

static Statement snapshot_rows = {
	.sql = "SELECT * FROM vmclone_internal.snapshot_rows($1, $2)",
	.argument_count = 2,
	.argument_types = {UUIDOID, OIDOID},
};

static void
connect_spi(void)
{
	int code = SPI_connect();

	if (code != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI: %s", SPI_result_code_string(code));
}

static void
disconnect_spi(void)
{
	int code = SPI_finish();

	if (code != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI: %s", SPI_result_code_string(code));
}

/* Rows of an internal function of an id, run in an inventory frame; returns how many. */
static uint64
return_rows(FunctionCallInfo fcinfo, Statement *statement)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool nulls[2] = {PG_ARGISNULL(0)};
	Datum values[2] = {nulls[0] ? (Datum) 0 : PG_GETARG_DATUM(0)};
	Frame inventory;
	Oid owner;
	uint64 rows;

	InitMaterializedSRF(fcinfo, 0);
	connect_spi();
	nulls[1] = caller_sees_all(&owner);
	values[1] = ObjectIdGetDatum(owner);
	frame_enter_inventory(&inventory);
	rows = statement_run(statement, values, nulls);
	for (uint64 row = 0; row < rows; row++)
	{
		CHECK_FOR_INTERRUPTS();
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[row]);
	}
	frame_leave(&inventory);
	disconnect_spi();
	return rows;
}

/* lineage_tree(id uuid) → tree, vm_id, vm_name, … */
Datum
vmclone_lineage_tree(PG_FUNCTION_ARGS)
{
	if (return_rows(fcinfo, &lineage_rows) == 0 && !PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
						errmsg("no virtual machine, template or snapshot has id %s",
							   uuid_text(PG_GETARG_UUID_P(0))),
						errhint("View vmclone.lineage_tree shows all clones that you may see.")));
	return (Datum) 0;
}

/* snapshot_tree(vm_id uuid) → tree, type, status, … */
Datum
vmclone_snapshot_tree(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("vm_id must not be null"),
						errhint("View vmclone.vms lists the virtual machines.")));
	if (return_rows(fcinfo, &snapshot_rows) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("no virtual machine or template has id %s", uuid_text(PG_GETARG_UUID_P(0))),
				 errhint("View vmclone.vms lists them.")));
	return (Datum) 0;
}
