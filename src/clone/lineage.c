/*
 * lineage.c
 *		Who was cloned from what, when, by whom and with which parameters.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/frame.h"
#include "base/insertion.h"
#include "clone/lineage.h"

static Insertion insert_lineage = {
	.relation = "vmclone.lineage",
	.column_count = 15,
	.columns = {{"vm_id", UUIDOID},
				{"vm_name", TEXTOID},
				{"entity_type", TEXTOID},
				{"source_vm_id", UUIDOID},
				{"source_vm_name", TEXTOID},
				{"source_snapshot_id", UUIDOID},
				{"source_snapshot_description", TEXTOID},
				{"job_id", UUIDOID},
				{"copy_number", INT4OID},
				{"created_by", TEXTOID},
				{"created_by_role", OIDOID},
				{"user_id", UUIDOID},
				{"parameters", JSONBOID},
				{"devices", JSONBOID},
				{"row_ids", UUIDARRAYOID}},
};

static Datum
uuid_array(const pg_uuid_t *ids, int count)
{
	Datum *values = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		values[i] = UUIDPGetDatum(&ids[i]);
	return array_of_datums(values, count, UUIDOID);
}

void
lineage_write(const ClonePlan *plan, const CloneCopy *copies, int copy_count,
			  const CloneRecord *record, const Caller *caller)
{
	NewRows rows = insertion_begin(&insert_lineage);
	Frame own;

	for (int c = 0; c < copy_count; c++)
	{
		const CloneCopy *copy = &copies[c];

		new_rows_put_uuid(&rows, &copy->vm_id);
		new_rows_put_text(&rows, copy->vm_name);
		new_rows_put_text(&rows,
						  plan->request->target == CLONE_TARGET_TEMPLATE ? "TEMPLATE" : "VM");
		new_rows_put_uuid(&rows, &plan->source_vm_id);
		new_rows_put_text(&rows, plan->source_vm_name ? plan->source_vm_name : "");
		new_rows_put_uuid(&rows, &plan->snapshot_id);
		new_rows_put_text(&rows, plan->snapshot_description);
		new_rows_put_uuid(&rows, &copy->job_id);
		new_rows_put(&rows, Int32GetDatum(copy->number));
		new_rows_put_text(&rows, caller->role_name);
		new_rows_put(&rows, ObjectIdGetDatum(caller->role_id));
		new_rows_put_uuid(&rows, plan->has_user ? &plan->user_id : NULL);
		new_rows_put_jsonb(&rows, plan->request->parameters);
		new_rows_put_jsonb(&rows, record->devices[c]);
		new_rows_put(&rows, uuid_array(record->row_ids[c], record->row_id_counts[c]));
	}
	frame_enter_own(&own);
	insertion_run(&rows);
	frame_leave(&own);
}
