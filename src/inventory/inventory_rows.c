/*
 * inventory_rows.c
 *		The rows of a kept query on the bound inventory, for the views with words.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/statement.h"

static Statement kept_query = {
	.sql = "SELECT sql FROM vmclone.inventory_queries WHERE name = $1",
	.argument_count = 1,
	.argument_types = {NAMEOID},
};

/* The query of that name; in the SPI procedure's memory context. */
static char *
look_up_query(Name name)
{
	Datum value = NameGetDatum(name);
	Frame own;
	char *sql;

	frame_enter_own(&own);
	if (statement_run(&kept_query, &value, NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no inventory query \"%s\"", NameStr(*name)),
				 errhint("The views vms, disks, missing_disks and storage use this function; "
						 "select from them.")));
	sql = field_text(0, ONLY_COLUMN);
	frame_leave(&own);
	return sql;
}

/* The caller's column list must be the query's: tuples are handed over as they are. */
static void
check_row_type(TupleDesc wanted, TupleDesc got, Name name)
{
	bool same = wanted->natts == got->natts;

	for (int i = 0; same && i < got->natts; i++)
		same = TupleDescAttr(wanted, i)->atttypid == TupleDescAttr(got, i)->atttypid;
	if (!same)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column definition list does not fit inventory query \"%s\"",
							   NameStr(*name)),
						errhint("Select from the view instead.")));
}

VMCLONE_FUNCTION_INFO(inventory_rows);

/* inventory_rows(query name) RETURNS SETOF record */
Datum
inventory_rows(PG_FUNCTION_ARGS)
{
	Name name = PG_GETARG_NAME(0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Frame inventory;
	char *sql;
	int code;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	code = SPI_connect();
	if (code != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI: %s", SPI_result_code_string(code));
	sql = look_up_query(name);
	frame_enter_inventory(&inventory);
	code = SPI_execute(sql, true, 0);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not run inventory query \"%s\": %s", NameStr(*name),
			 SPI_result_code_string(code));
	check_row_type(result->setDesc, SPI_tuptable->tupdesc, name);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CHECK_FOR_INTERRUPTS();
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[row]);
	}
	frame_leave(&inventory);
	code = SPI_finish();
	if (code != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI: %s", SPI_result_code_string(code));
	PG_RETURN_NULL();
}
