/*
 * guards.c
 *		What the guards on the inventory's tables look at: who holds images and snapshots now.
 *
 * As the checks of foreign keys do, a guard looks at what is committed now.  The snapshot of an
 * engine's REPEATABLE READ transaction may be older than the clone that it must not disturb.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/extension.h"
#include "base/statement.h"
#include "locks/guards.h"

VMCLONE_FUNCTION_INFO(vmclone_held_now);

static Statement held_now = {
	.sql = "SELECT h.entity_id, h.keeps_status FROM unnest($2) AS i(id)"
		   " CROSS JOIN LATERAL (SELECT * FROM vmclone.image_locks l WHERE l.kind = $1"
		   "  AND l.entity_id = i.id OFFSET 0) h",
	.argument_count = 2,
	.argument_types = {TEXTOID, UUIDARRAYOID},
};

static Statement all_held_now = {
	.sql = "SELECT entity_id, keeps_status FROM vmclone.image_locks WHERE kind = $1",
	.argument_count = 1,
	.argument_types = {TEXTOID},
};

uint64
guards_held_now(const char *kind, Datum ids)
{
	Datum values[2] = {CStringGetTextDatum(kind), ids};

	return statement_run_latest(&held_now, values, NULL);
}

/* held_now(kind text, ids uuid[]) → entity_id, keeps_status */
Datum
vmclone_held_now(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum values[2] = {PG_GETARG_DATUM(0), PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1)};
	uint64 rows;

	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	rows = statement_run_latest(PG_ARGISNULL(1) ? &all_held_now : &held_now, values, NULL);
	for (uint64 row = 0; row < rows; row++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[row]);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	return (Datum) 0;
}
