/*
 * clone_record.c
 *		What the files that write a clone's rows all note and ask.
 */
#include "postgres.h"

#include "base/json.h"
#include "ovirt/ovirt_codes.h"
#include "clone/clone_internal.h"

void
clone_note_row(CloneWork *work, int copy, const pg_uuid_t *id)
{
	CloneRecord *record = work->record;
	int n = record->row_id_counts[copy]++;

	if (n == work->row_id_sizes[copy])
	{
		work->row_id_sizes[copy] = n ? n * 2 : 64;
		record->row_ids[copy] =
			n ? repalloc(record->row_ids[copy], work->row_id_sizes[copy] * sizeof(pg_uuid_t))
			  : palloc(work->row_id_sizes[copy] * sizeof(pg_uuid_t));
	}
	record->row_ids[copy][n] = *id;
}

bool
clone_changes_chipset(const ClonePlan *plan, const Jsonb *vm_static)
{
	Jsonb *old = json_get(plan->configuration, "vm_static");
	int64 before = json_get_int64(old, "bios_type", BIOS_CLUSTER_DEFAULT);
	int64 after = json_get_int64(vm_static, "bios_type", BIOS_CLUSTER_DEFAULT);

	/* the cluster's, or not known, is no change */
	return before != BIOS_CLUSTER_DEFAULT && after != BIOS_CLUSTER_DEFAULT &&
		   (before == BIOS_I440FX) != (after == BIOS_I440FX);
}

const CloneRecord *
clone_record(const CloneWork *work)
{
	return work->record;
}
