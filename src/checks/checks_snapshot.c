/*
 * checks_snapshot.c
 *		V1..V6 and V10: the snapshot, its configuration, and the state of its virtual machine.
 */
#include "postgres.h"

#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "checks/check_table.h"

void
check_snapshot_exists(CheckRun *run)
{
	if (run->plan->request->snapshot_id.given && !run->plan->snapshot_exists)
		refuse(run, psprintf("No snapshot has id %s.", uuid_text(&run->plan->snapshot_id)),
			   "the snapshot does not exist");
}

void
check_snapshot_of_source_vm(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	const OptionalUuid *given = &plan->request->source_vm_id;

	if (!plan->snapshot_exists || !given->given || uuid_same(&given->value, &plan->source_vm_id))
		return;
	refuse(run,
		   psprintf("Snapshot %s belongs to virtual machine %s, not to %s.",
					uuid_text(&plan->snapshot_id), uuid_text(&plan->source_vm_id),
					uuid_text(&given->value)),
		   "the snapshot belongs to another virtual machine");
}

static char *
describe(const BusySnapshot *snapshot)
{
	return psprintf(
		"Snapshot \"%s\" (%s) is %s%s%s.", snapshot->description ? snapshot->description : "",
		uuid_text(&snapshot->snapshot_id), snapshot->status,
		snapshot->holders ? ", held by job " : "", snapshot->holders ? snapshot->holders : "");
}

/* Snapshots of the source VM with a status, but for those that only sharing clones have locked. */
static char *
list_busy(const ClonePlan *plan, const char *status)
{
	StringInfoData detail;

	initStringInfo(&detail);
	for (int i = 0; i < plan->busy_snapshot_count; i++)
	{
		const BusySnapshot *snapshot = &plan->busy_snapshots[i];

		if (strcmp(snapshot->status, status) != 0 ||
			(plan->request->lock_shared && snapshot->shared_only))
			continue;
		appendStringInfo(&detail, "%s%s", detail.len ? "  " : "", describe(snapshot));
	}
	return detail.len ? detail.data : NULL;
}

void
check_vm_not_during_snapshot(CheckRun *run)
{
	char *detail = list_busy(run->plan, "LOCKED");

	if (detail)
		refuse(run, detail, "virtual machine \"%s\" is during a snapshot operation",
			   run->plan->source_vm_name);
}

void
check_configuration_not_broken(CheckRun *run)
{
	if (run->plan->configuration_broken)
		refuse(run, psprintf("New virtual machine: \"%s\".", run->plan->vm_name),
			   "the configuration of snapshot \"%s\" is broken",
			   run->plan->snapshot_description ? run->plan->snapshot_description : "");
}

void
check_snapshot_type(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (!plan->snapshot_exists || plan->request->target != CLONE_TARGET_VM ||
		strcmp(plan->snapshot_type, "REGULAR") == 0)
		return;
	refuse(run,
		   psprintf("Snapshot %s has type %s.", uuid_text(&plan->snapshot_id), plan->snapshot_type),
		   "the snapshot is not a regular one");
}

/*
 * ovirt-clone.md, "Templates from a snapshot": a template may be made of the active snapshot while
 * nothing writes
 */
void
check_active_vm_down(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (!plan->snapshot_exists || plan->request->target != CLONE_TARGET_TEMPLATE ||
		strcmp(plan->snapshot_type, "ACTIVE") != 0 || plan->source_vm_status == VM_STATUS_DOWN)
		return;
	refuse(run, psprintf("Its status is %d.", plan->source_vm_status),
		   "virtual machine \"%s\" is not down", plan->source_vm_name);
}

void
check_vm_not_in_preview(CheckRun *run)
{
	char *detail = list_busy(run->plan, "IN_PREVIEW");

	if (detail && run->plan->request->target == CLONE_TARGET_VM)
		refuse(run, detail, "a snapshot of virtual machine \"%s\" is in preview",
			   run->plan->source_vm_name);
}

/* A clone is a new machine that was never on; the engine's doesn't take the memory over either. */
void
warn_memory_left_out(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (plan->snapshot_exists && !uuid_is_zero(&plan->memory_disk_id))
		refuse(run, psprintf("Its memory is in disk %s.", uuid_text(&plan->memory_disk_id)),
			   "snapshot \"%s\" has the memory of the running virtual machine, which is left out",
			   plan->snapshot_description ? plan->snapshot_description : "");
}

void
check_configuration_readable(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (!plan->snapshot_exists || plan->configuration)
		return;
	refuse(run, psprintf("New virtual machine: \"%s\".", plan->vm_name),
		   "the configuration of snapshot \"%s\" cannot be read: %s",
		   plan->snapshot_description ? plan->snapshot_description : "",
		   plan->configuration_error ? plan->configuration_error : "there is none");
}

void
check_source_vm_not_locked(CheckRun *run)
{
	if (run->plan->source_vm_status == VM_STATUS_IMAGE_LOCKED)
		refuse(run, psprintf("Virtual machine %s.", uuid_text(&run->plan->source_vm_id)),
			   "virtual machine \"%s\" is locked", run->plan->source_vm_name);
}
