/*
 * lineage.c
 *		Who was cloned from what, when, by whom and with which parameters.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "frame.h"
#include "json.h"
#include "lineage.h"
#include "statement.h"

/*
 * All copies in one statement.  Ids of the rows made come as one array for all of them and a
 * count for each.
 */
static Statement insert_lineage = {
	.sql =
		"INSERT INTO vmclone.lineage (vm_id, vm_name, entity_type, source_vm_id, source_vm_name,"
		" source_snapshot_id, source_snapshot_description, job_id, copy_number, created_by,"
		" user_id, parameters, devices, row_ids)"
		" SELECT c.vm_id, c.vm_name, $8, $9, $10, $11, $12, c.job_id, c.copy_number, $13, $14, $15,"
		"  c.devices, ($7)[c.first_id:c.last_id]"
		" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),"
		"  pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),"
		"  pg_catalog.unnest($16))"
		"  AS c (vm_id, job_id, vm_name, copy_number, first_id, last_id, devices)",
	.argument_count = 16,
	.argument_types = {UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
					   INT4ARRAYOID, UUIDARRAYOID, TEXTOID, UUIDOID, TEXTOID, UUIDOID, TEXTOID,
					   NAMEOID, UUIDOID, JSONBOID, JSONBARRAYOID},
};

static Datum
array_of(Datum *values, int count, Oid type)
{
	switch (type)
	{
		case UUIDOID:
			return PointerGetDatum(
				construct_array(values, count, type, UUID_LEN, false, TYPALIGN_CHAR));
		case INT4OID:
			return PointerGetDatum(
				construct_array(values, count, type, sizeof(int32), true, TYPALIGN_INT));
		default:
			return PointerGetDatum(construct_array(values, count, type, -1, false, TYPALIGN_INT));
	}
}

void
lineage_write(const ClonePlan *plan, const CloneCopy *copies, int copy_count,
			  const CloneRecord *record, const char *created_by)
{
	Datum *columns[7];
	Datum arguments[16];
	bool nulls[16] = {false};
	Datum *row_ids;
	int row_id_count = 0;
	Name role = palloc0(NAMEDATALEN);
	Frame own;

	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = palloc(sizeof(Datum) * copy_count);
	for (int c = 0; c < copy_count; c++)
		row_id_count += record->row_id_counts[c];
	row_ids = palloc(sizeof(Datum) * Max(row_id_count, 1));
	row_id_count = 0;
	for (int c = 0; c < copy_count; c++)
	{
		columns[0][c] = UUIDPGetDatum(&copies[c].vm_id);
		columns[1][c] = UUIDPGetDatum(&copies[c].job_id);
		columns[2][c] = CStringGetTextDatum(copies[c].vm_name);
		columns[3][c] = Int32GetDatum(copies[c].number);
		columns[4][c] = Int32GetDatum(row_id_count + 1);
		for (int i = 0; i < record->row_id_counts[c]; i++)
			row_ids[row_id_count++] = UUIDPGetDatum(&record->row_ids[c][i]);
		columns[5][c] = Int32GetDatum(row_id_count);
		columns[6][c] = JsonbPGetDatum(record->devices[c]);
	}
	namestrcpy(role, created_by);

	arguments[0] = array_of(columns[0], copy_count, UUIDOID);
	arguments[1] = array_of(columns[1], copy_count, UUIDOID);
	arguments[2] = array_of(columns[2], copy_count, TEXTOID);
	arguments[3] = array_of(columns[3], copy_count, INT4OID);
	arguments[4] = array_of(columns[4], copy_count, INT4OID);
	arguments[5] = array_of(columns[5], copy_count, INT4OID);
	arguments[6] = array_of(row_ids, row_id_count, UUIDOID);
	arguments[7] =
		CStringGetTextDatum(plan->request->target == CLONE_TARGET_TEMPLATE ? "TEMPLATE" : "VM");
	arguments[8] = UUIDPGetDatum(&plan->source_vm_id);
	arguments[9] = CStringGetTextDatum(plan->source_vm_name ? plan->source_vm_name : "");
	arguments[10] = UUIDPGetDatum(&plan->snapshot_id);
	nulls[11] = plan->snapshot_description == NULL;
	arguments[11] = nulls[11] ? (Datum) 0 : CStringGetTextDatum(plan->snapshot_description);
	arguments[12] = NameGetDatum(role);
	nulls[13] = !plan->has_user;
	arguments[13] = UUIDPGetDatum(&plan->user_id);
	arguments[14] = JsonbPGetDatum(plan->request->parameters);
	arguments[15] = array_of(columns[6], copy_count, JSONBOID);

	frame_enter_own(&own);
	(void) statement_run(&insert_lineage, arguments, nulls);
	frame_leave(&own);
}
