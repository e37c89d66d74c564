/*
 * template_exists.c
 *		The template that a row of vm_static names is there: what a foreign key would check.
 *
 * In C, since each new virtual machine has it checked: a look into an index and a share in the row found.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "base/extension.h"
#include "base/frame.h"
#include "base/keyed_rows.h"
#include "base/statement.h"
#include "base/uuid.h"

VMCLONE_FUNCTION_INFO(vmclone_vm_static_template_exists);

/* Waits for whoever changes the row. */
static Statement lock_template = {
	.sql = "SELECT FROM vmclone.vm_static WHERE vm_guid = $1 FOR KEY SHARE",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static bool
lock_row(const pg_uuid_t *id)
{
	const KeyedRows *row = keyed_row("vmclone.vm_static", "vm_guid", id);
	Datum value = UUIDPGetDatum(id);
	const int first = 0;

	return (row && keyed_rows_lock(row, &first, 1, LockTupleKeyShare)) ||
		   statement_run(&lock_template, &value, NULL) > 0;
}

/* vm_static_template_exists(): trigger after a row of the own vm_static is inserted, or gets another template. */
Datum
vmclone_vm_static_template_exists(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (const TriggerData *) fcinfo->context;
	HeapTuple row;
	TupleDesc descriptor;
	pg_uuid_t *template_id;
	bool is_null;
	Datum value;
	Frame own;
	bool found;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		elog(ERROR, "vm_static_template_exists is a trigger function after a row");
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	descriptor = RelationGetDescr(trigger->tg_relation);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_gettypeid(descriptor, SPI_fnumber(descriptor, "vmt_guid")) != UUIDOID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("table %s, whose templates a trigger looks up, has no column "
							   "\"vmt_guid\" of type uuid",
							   RelationGetRelationName(trigger->tg_relation)),
						errhint("Give the column its name and type back, or drop the trigger.")));
	value = SPI_getbinval(row, descriptor, SPI_fnumber(descriptor, "vmt_guid"), &is_null);
	template_id = is_null ? NULL : DatumGetUUIDP(value);
	frame_enter_own(&own);
	found = template_id && lock_row(template_id);
	frame_leave(&own);
	if (!found)
		ereport(ERROR, (errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
						errmsg("template of virtual machine \"%s\" does not exist",
							   SPI_getvalue(row, descriptor, SPI_fnumber(descriptor, "vm_name"))),
						errdetail("Key (vmt_guid)=(%s) is not present in table \"vm_static\".",
								  template_id ? uuid_text(template_id) : "null"),
						errhint("Use the id of a template, or the zero uuid for none."),
						errtableconstraint(trigger->tg_relation, "vm_templates_vm_static"),
						err_generic_string(PG_DIAG_COLUMN_NAME, "vmt_guid")));
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	return PointerGetDatum(NULL);
}
