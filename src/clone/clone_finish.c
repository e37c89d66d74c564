/*
 * clone_finish.c
 *		The end of a clone: its rows become usable, or go.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/frame.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "clone/clone_internal.h"

/* $1: the VM; what the clone is made of is in its lineage, sizes are in its tasks. */
static Statement finish = {
	.sql = "WITH made AS (SELECT unnest(row_ids) AS id FROM vmclone.lineage WHERE vm_id = $1),"
		   " sizes AS (SELECT t.image_id, t.virtual_size, t.actual_size FROM vmclone.jobs j"
		   "  JOIN vmclone.async_tasks t ON t.job_id = j.job_id WHERE j.vm_id = $1),"
		   " unlocked AS (UPDATE images i SET imagestatus = " SQL_IMAGE_STATUS_OK
		   ", lastmodified = now(),"
		   "   size = COALESCE(s.virtual_size, i.size)"
		   "  FROM made m LEFT JOIN sizes s ON s.image_id = m.id"
		   "  WHERE i.image_guid = m.id AND i.imagestatus = " SQL_IMAGE_STATUS_LOCKED "),"
		   " measured AS (UPDATE disk_image_dynamic d SET actual_size = s.actual_size"
		   "  FROM sizes s WHERE d.image_id = s.image_id AND s.actual_size IS NOT NULL),"
		   " down AS (UPDATE vm_dynamic SET status = " SQL_VM_STATUS_DOWN " WHERE vm_guid = $1"
		   "  AND status = " SQL_VM_STATUS_IMAGE_LOCKED ")"
		   " UPDATE vm_static SET db_generation = COALESCE(db_generation, 0) + 1,"
		   "  template_status = CASE WHEN entity_type = 'TEMPLATE' THEN " SQL_TEMPLATE_STATUS_OK
		   " ELSE template_status END"
		   " WHERE vm_guid = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement made_rows = {
	.sql = "SELECT array_agg(DISTINCT l.vm_id), array_agg(r.id) FROM vmclone.lineage l"
		   " CROSS JOIN LATERAL unnest(l.row_ids) AS r (id) WHERE l.vm_id = ANY ($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Columns of made_rows. */
enum
{
	MADE_VM_IDS = 1,
	MADE_ROW_IDS,
};

static Statement remove_rows = {
	.sql = "SELECT vmclone_internal.clone_remove_rows($1, $2)",
	.argument_count = 2,
	.argument_types = {UUIDARRAYOID, UUIDARRAYOID},
};

static Statement delete_lineage = {
	.sql = "DELETE FROM vmclone.lineage WHERE vm_id = ANY ($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

void
clone_finish(const pg_uuid_t *vm_id)
{
	Datum argument = UUIDPGetDatum(vm_id);

	if (statement_run(&finish, &argument, NULL) == 0)
		ereport(WARNING, (errcode(ERRCODE_NO_DATA_FOUND),
						  errmsg("virtual machine %s was deleted before its clone ended",
								 uuid_text(vm_id))));
}

static Datum
array_field(int column)
{
	bool is_null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &is_null);

	return PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
}

void
clone_remove(Datum vm_ids)
{
	Datum arguments[2];
	Frame own;

	statement_run_one_row(&made_rows, &vm_ids, NULL);
	/* without lineage nothing is known to be ours: it has been removed before */
	if (field_is_null(0, MADE_VM_IDS))
		return;
	arguments[0] = array_field(MADE_VM_IDS);
	arguments[1] = array_field(MADE_ROW_IDS);
	statement_run_one_row(&remove_rows, arguments, NULL);
	frame_enter_own(&own);
	(void) statement_run(&delete_lineage, arguments, NULL);
	frame_leave(&own);
}
