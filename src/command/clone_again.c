/*
 * clone_again.c
 *		Runs the call that made a clone once more.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/extension.h"
#include "base/json.h"
#include "command/command.h"

VMCLONE_FUNCTION_INFO(vmclone_clone_again);

/* What is laid over the stored parameters: its own name and key, then the caller's. */
static Jsonb *
again_overrides(FunctionCallInfo fcinfo)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"request_key\": null, \"vm_name\": ");
	json_append_string(&json, PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)));
	appendStringInfoChar(&json, '}');
	if (!PG_ARGISNULL(2))
	{
		Jsonb *given = PG_GETARG_JSONB_P(2);

		if (!JB_ROOT_IS_OBJECT(given))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("overrides is not a JSON object"),
							errhint("Give an object keyed by parameters of "
									"vmclone.add_vm_from_snapshot.")));
		if (!PG_ARGISNULL(1) && json_is_given(given, "vm_name"))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("vm_name is given, and in overrides too"),
							errhint("Give the name once.")));
		return DatumGetJsonbP(DirectFunctionCall2(
			jsonb_concat, JsonbPGetDatum(json_from_text(json.data)), JsonbPGetDatum(given)));
	}
	return json_from_text(json.data);
}

/* clone_again(vm_id uuid, vm_name text, overrides jsonb) → copy_number, job_id, new_vm_id, … */
Datum
vmclone_clone_again(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CommandResult *result;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("vm_id must not be null"),
						errhint("View vmclone.lineage_tree lists the clones.")));
	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	result = command_clone_again(PG_GETARG_UUID_P(0), again_overrides(fcinfo));
	for (int i = 0; i < result->copy_count; i++)
	{
		const CloneCopy *copy = &result->copies[i];
		Datum values[5] = {Int32GetDatum(copy->number), UUIDPGetDatum(&copy->job_id),
						   UUIDPGetDatum(&copy->vm_id), CStringGetTextDatum(copy->vm_name),
						   CStringGetTextDatum(result->statuses[i])};
		bool nulls[5] = {false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	return (Datum) 0;
}
