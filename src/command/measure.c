/*
 * measure.c
 *		measure_snapshot: asks the worker for the exact bytes that copies of a snapshot's disks take,
 *		as RAW and as COW.  Plans and checks use what it finds as long as the chain is the same.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/caller.h"
#include "base/compat.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "checks/checks.h"
#include "plan/plan.h"
#include "wake/wake.h"

VMCLONE_FUNCTION_INFO(vmclone_measure_snapshot);

/* A measurement of the same chain that is there or under way is kept. */
static Statement queue_measurements = {
	.sql = "INSERT INTO vmclone.measurements AS m"
		   " (snapshot_id, image_id, volume_format, layers, requested_by)"
		   " SELECT $1, (d ->> 'image_id')::uuid, f.format, d -> 'layers', $3::name"
		   "  FROM jsonb_array_elements($2) d"
		   "  CROSS JOIN (VALUES ('COW'), ('RAW')) f(format)"
		   " ON CONFLICT (snapshot_id, image_id, volume_format) DO UPDATE SET status = 'queued',"
		   "  layers = excluded.layers, required = NULL, bytes_to_read = NULL, allocated = NULL,"
		   "  error = NULL, requested_by = excluded.requested_by,"
		   "  requested_at = clock_timestamp(), measured_at = NULL"
		   "  WHERE m.status = 'failed' OR m.layers <> excluded.layers",
	.argument_count = 3,
	.argument_types = {UUIDOID, JSONBOID, TEXTOID},
};

static Statement list_measurements = {
	.sql = "SELECT (d ->> 'disk_id')::uuid, m.image_id, m.volume_format, m.status, m.required,"
		   " m.bytes_to_read, m.allocated, m.error"
		   " FROM jsonb_array_elements($2) WITH ORDINALITY AS e(d, n)"
		   " JOIN vmclone.measurements m ON m.snapshot_id = $1"
		   "  AND m.image_id = (d ->> 'image_id')::uuid ORDER BY e.n, m.volume_format",
	.argument_count = 2,
	.argument_types = {UUIDOID, JSONBOID},
};

/* Steps that say that the snapshot can't be read at all, or not by this user. */
static bool
forbids_measuring(const Refusal *refusal)
{
	return refusal->severity == SEVERITY_ERROR &&
		   (refusal->step == STEP_USER_MAY_CLONE || refusal->step == STEP_SNAPSHOT_EXISTS ||
			refusal->step == STEP_CONFIGURATION_IS_WHOLE ||
			refusal->step == STEP_CONFIGURATION_READABLE);
}

static Jsonb *
sound_disks(const ClonePlan *plan)
{
	StringInfoData json;
	int count = 0;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		if (disk->fate != DISK_COPY || disk->chain_fault != CHAIN_SOUND)
			continue;
		appendStringInfo(&json, "%s{\"disk_id\":\"%s\",\"image_id\":\"%s\",\"layers\":",
						 count++ ? "," : "", uuid_text(&disk->disk_id), uuid_text(&disk->image_id));
		(void) JsonbToCString(&json, &plan_layers(disk)->root, -1);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json_from_text(json.data);
}

static ClonePlan *
load_plan(const pg_uuid_t *snapshot_id, const Caller *caller)
{
	Jsonb *parameters =
		json_from_text(psprintf("{\"snapshot_id\":\"%s\"}", uuid_text(snapshot_id)));
	CloneRequest *request = request_from_parameters(parameters, CLONE_TARGET_VM);
	pg_uuid_t user_id;
	bool has_user = caller_choose_user(caller, false, NULL, &user_id);
	List *forbidding = NIL;
	ClonePlan *plan;
	ListCell *cell;
	Frame frame;

	frame_enter_inventory(&frame);
	plan = plan_load(request, has_user, &user_id);
	foreach (cell, checks_run(plan, CHECK_ALWAYS | CHECK_USER))
		if (forbids_measuring(lfirst(cell)))
			forbidding = lappend(forbidding, lfirst(cell));
	refusals_raise(forbidding);
	frame_leave(&frame);
	return plan;
}

/* measure_snapshot(snapshot_id uuid) → a row per disk and format, with what is known already. */
Datum
vmclone_measure_snapshot(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	pg_uuid_t *snapshot_id = PG_GETARG_UUID_P(0);
	Caller caller;
	Datum values[3];
	uint64 rows;
	Frame frame;

	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot measure a snapshot on a standby"),
						errhint("Call on the primary.")));
	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	caller = caller_identify();
	values[0] = UUIDPGetDatum(snapshot_id);
	values[1] = JsonbPGetDatum(sound_disks(load_plan(snapshot_id, &caller)));
	values[2] = CStringGetTextDatum(caller.role_name);

	frame_enter_own(&frame);
	if (statement_run(&queue_measurements, values, NULL) > 0)
		wake_worker_at_commit();
	rows = statement_run(&list_measurements, values, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		Datum fields[8];
		bool nulls[8];

		for (int i = 0; i < lengthof(fields); i++)
			fields[i] =
				SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i + 1, &nulls[i]);
		tuplestore_putvalues(result->setResult, result->setDesc, fields, nulls);
	}
	frame_leave(&frame);
	SPI_finish();
	return (Datum) 0;
}
