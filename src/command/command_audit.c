/*
 * command_audit.c
 *		What a call tells: audit rows, and a warning about missing disks.
 */
#include "postgres.h"

#include "base/audit.h"
#include "base/uuid.h"
#include "command/command_steps.h"
#include "plan/quota.h"

static const char *
fate_text(const PlannedDisk *disk)
{
	return disk->fate == DISK_BLANK ? "the clone gets an empty disk" : "the clone goes without it";
}

/* Shareable and LUN disks aren't part of a clone, nor is what the caller leaves out. */
static bool
is_missing(const PlannedDisk *disk)
{
	return disk->state != DISK_PRESENT && (disk->fate == DISK_SKIP || disk->fate == DISK_BLANK) &&
		   (disk->choice == NULL || disk->choice->include);
}

/* The snapshot's description, or its id: a description may be missing, and two may be the same. */
static const char *
snapshot_label(const ClonePlan *plan)
{
	return plan->snapshot_description ? plan->snapshot_description : uuid_text(&plan->snapshot_id);
}

static const char *
disk_name(const PlannedDisk *disk)
{
	return disk->source_alias ? disk->source_alias : uuid_text(&disk->disk_id);
}

/*
 * "Clone from a partial snapshot is starting", and one row for each missing disk (decisions.md,
 * "Partial snapshots"); the caller's WARNING is the checks'.  Every copy has its own: who looks at
 * one finds them.
 */
static void
report_missing_disks(AuditRows *rows, const Command *command, const AuditSubject *subject)
{
	const ClonePlan *plan = command->plan;
	const char *snapshot_name = snapshot_label(plan);
	StringInfoData aliases;

	initStringInfo(&aliases);
	for (int d = 0; d < plan->disk_count; d++)
	{
		if (is_missing(&plan->disks[d]))
			appendStringInfo(&aliases, "%s%s", aliases.len ? ", " : "", disk_name(&plan->disks[d]));
	}
	if (aliases.len == 0)
		return;
	audit_add(rows, AUDIT_CLONE_FROM_PARTIAL_SNAPSHOT, subject,
			  (const char *const[]){"SourceVmName", plan->source_vm_name, "SnapshotName",
									snapshot_name, "VmName", subject->vm_name, "DiskAliases",
									aliases.data, NULL});
	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];

		if (!is_missing(disk))
			continue;
		audit_add(rows, AUDIT_SNAPSHOT_DISK_MISSING, subject,
				  (const char *const[]){"DiskAlias", disk_name(disk), "DiskId",
										uuid_text(&disk->disk_id), "SnapshotName", snapshot_name,
										"SourceVmName", plan->source_vm_name, "Fate",
										fate_text(disk), NULL});
	}
}

static AuditSubject
subject_of_copy(const Command *command, const CloneCopy *copy)
{
	AuditSubject subject = command->audit;

	subject.vm_id = copy->vm_id;
	subject.vm_name = copy->vm_name;
	subject.job_id = copy->job_id;
	return subject;
}

/* Thresholds and limits that the call passes, or passes by where enforcement is soft. */
static void
report_quota(const Command *command)
{
	const CloneCopy *copy = &command->result->copies[0];
	ListCell *cell;

	foreach (cell, quota_events(command->plan))
	{
		const QuotaEvent *event = lfirst(cell);
		AuditSubject subject = subject_of_copy(command, copy);

		subject.quota_id = event->quota_id;
		if (event->has_domain)
			subject.storage_domain_id = event->storage_domain_id;
		audit_write(event->type, &subject, event->placeholders);
	}
}

void
command_name_caller(Command *command)
{
	command->audit = (AuditSubject){
		.user_id = command->user_id,
		.user_name = audit_user_name(&command->user_id, command->caller.role_name),
		.storage_pool_id = command->plan->pool_id,
		.cluster_id = command->plan->cluster_id,
		.call_id = command->result->call_id,
	};
}

void
command_write_audit(const Command *command)
{
	const ClonePlan *plan = command->plan;
	AuditType started = command->request->target == CLONE_TARGET_TEMPLATE
							? AUDIT_USER_ADD_VM_TEMPLATE
						: command->tasks_per_copy == 0 ? AUDIT_USER_ADD_VM
													   : AUDIT_USER_ADD_VM_STARTED;

	AuditRows rows = audit_begin();

	for (int i = 0; i < command->result->copy_count; i++)
	{
		const CloneCopy *copy = &command->result->copies[i];
		AuditSubject subject = subject_of_copy(command, copy);

		report_missing_disks(&rows, command, &subject);
		audit_add(&rows, started, &subject,
				  (const char *const[]){"VmName", copy->vm_name, "SnapshotName",
										snapshot_label(plan), "SourceVmName", plan->source_vm_name,
										"UserName", command->audit.user_name, NULL});
	}
	audit_end(&rows);
	report_quota(command);
}
