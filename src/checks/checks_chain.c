/*
 * checks_chain.c
 *		V7, and what oVirt's feature page wants: every image of the chosen chains is available for
 *		copying; disks that are missing from the snapshot (decisions.md, "Partial snapshots").
 */
#include "postgres.h"

#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "checks/check_table.h"

void
check_active_disks_not_locked(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	StringInfoData aliases;
	StringInfoData detail;

	initStringInfo(&aliases);
	initStringInfo(&detail);
	for (int i = 0; i < plan->active_disk_count; i++)
	{
		const ActiveDisk *disk = &plan->active_disks[i];

		if (disk->image_status != IMAGE_STATUS_LOCKED ||
			(plan->request->lock_shared && disk->shared_only))
			continue;
		append_item(&aliases,
					disk->alias && disk->alias[0] ? disk->alias : uuid_text(&disk->disk_id));
		appendStringInfo(&detail, "%sImage %s is LOCKED%s%s.", detail.len ? "  " : "",
						 uuid_text(&disk->image_id), disk->holders ? ", held by job " : "",
						 disk->holders ? disk->holders : "");
	}
	if (aliases.len)
		refuse(run, detail.data, "disks of virtual machine \"%s\" are locked: %s",
			   plan->source_vm_name, aliases.data);
}

void
check_chain_not_locked(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	StringInfoData aliases;
	StringInfoData detail;

	initStringInfo(&aliases);
	initStringInfo(&detail);
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];
		const char *holders = NULL;
		StringInfoData images;

		initStringInfo(&images);
		for (int j = 0; j < disk->chain_length && disk->fate == DISK_COPY; j++)
		{
			const ChainImage *image = &disk->chain[j];

			/* what other clones hold of a template they only share */
			if (image->image_status != IMAGE_STATUS_LOCKED ||
				(image->shared_only && (plan->request->lock_shared || image->of_template)))
				continue;
			append_item(&images, uuid_text(&image->image_id));
			if (image->holders)
				holders = image->holders;
		}
		if (images.len == 0)
			continue;
		append_item(&aliases, disk_label(disk));
		appendStringInfo(&detail, "%sLOCKED images of disk \"%s\": %s%s%s.", detail.len ? "  " : "",
						 disk_label(disk), images.data, holders ? "; held by job " : "",
						 holders ? holders : "");
	}
	if (aliases.len)
		refuse(run, detail.data, "images of the snapshot's disks are locked: %s", aliases.data);
}

/* One refusal for all disks whose chain has one of the faults. */
static void
refuse_faults(CheckRun *run, ChainFault fault, ChainFault other, const char *message)
{
	StringInfoData aliases;
	StringInfoData detail;

	initStringInfo(&aliases);
	initStringInfo(&detail);
	for (int i = 0; i < run->plan->disk_count; i++)
	{
		const PlannedDisk *disk = &run->plan->disks[i];

		if (disk->fate != DISK_COPY || (disk->chain_fault != fault && disk->chain_fault != other))
			continue;
		append_item(&aliases, disk_label(disk));
		appendStringInfo(&detail, "%s%s", detail.len ? "  " : "", disk->fault_detail);
	}
	if (aliases.len)
		refuse(run, detail.data, "%s: %s", message, aliases.data);
}

void
check_chain_not_illegal(CheckRun *run)
{
	refuse_faults(run, CHAIN_IMAGE_ILLEGAL, CHAIN_IMAGE_ILLEGAL,
				  "images below the snapshot are illegal, of disks");
}

void
check_chain_complete(CheckRun *run)
{
	refuse_faults(run, CHAIN_PARENT_MISSING, CHAIN_PARENT_MISSING,
				  "images below the snapshot are missing, of disks");
}

void
check_chain_no_loop(CheckRun *run)
{
	refuse_faults(run, CHAIN_LOOP, CHAIN_LOOP, "image chains have a loop, of disks");
}

void
check_chain_length(CheckRun *run)
{
	refuse_faults(run, CHAIN_TOO_LONG, CHAIN_TOO_LONG, "image chains are too long, of disks");
}

void
check_chain_disk(CheckRun *run)
{
	refuse_faults(run, CHAIN_OTHER_DISK, CHAIN_OTHER_DISK,
				  "images of the chain belong to another disk, of disks");
}

void
check_chain_template(CheckRun *run)
{
	refuse_faults(run, CHAIN_TEMPLATE_STEP, CHAIN_TEMPLATE_DOMAIN,
				  "image chains do not stand rightly on their template, of disks");
}

void
check_chain_has_domains(CheckRun *run)
{
	StringInfoData detail;

	initStringInfo(&detail);
	for (int i = 0; i < run->plan->disk_count; i++)
	{
		const PlannedDisk *disk = &run->plan->disks[i];

		for (int j = 0; j < disk->chain_length && disk->fate == DISK_COPY; j++)
			if (!disk->chain[j].has_domain)
				appendStringInfo(&detail, "%sImage %s of disk \"%s\".", detail.len ? "  " : "",
								 uuid_text(&disk->chain[j].image_id), disk_label(disk));
	}
	if (detail.len)
		refuse(run, detail.data, "images of the snapshot lie in no storage domain");
}

static bool
is_missing(const PlannedDisk *disk)
{
	/* left out by the caller, shareable and LUN disks aren't asked for */
	return disk->state != DISK_PRESENT && (disk->choice == NULL || disk->choice->include) &&
		   disk->disk_storage_type == DISK_STORAGE_TYPE_IMAGE && !disk->shareable;
}

static char *
list_missing(const ClonePlan *plan, StringInfo aliases)
{
	StringInfoData detail;

	initStringInfo(&detail);
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		if (!is_missing(disk))
			continue;
		append_item(aliases, disk_label(disk));
		appendStringInfo(&detail, "%sImage %s of disk \"%s\" (%s) is %s%s.", detail.len ? "  " : "",
						 uuid_text(&disk->image_id), disk_label(disk), uuid_text(&disk->disk_id),
						 disk->state == DISK_ILLEGAL ? "ILLEGAL" : "gone",
						 disk->fate == DISK_BLANK ? "; an empty disk is made" : "");
	}
	return detail.len ? detail.data : NULL;
}

static bool
needs_explicit_choice(const ClonePlan *plan, bool *boot_missing)
{
	bool some_missing = false;
	bool some_left = false;

	*boot_missing = false;
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		if (is_missing(disk))
		{
			some_missing = true;
			*boot_missing = *boot_missing || disk->is_boot;
		}
		some_left = some_left || disk->fate == DISK_COPY || disk->fate == DISK_ATTACH;
	}
	return plan->request->missing_disk == MISSING_DISK_DEFAULT && some_missing && !some_left;
}

void
warn_partial_snapshot(CheckRun *run)
{
	StringInfoData aliases;
	char *detail;

	initStringInfo(&aliases);
	detail = list_missing(run->plan, &aliases);
	if (detail && run->plan->request->missing_disk != MISSING_DISK_FAIL)
		refuse(run, detail, "the snapshot is partial; missing disks: %s", aliases.data);
}

void
check_missing_disk_fails(CheckRun *run)
{
	StringInfoData aliases;
	char *detail;

	initStringInfo(&aliases);
	detail = list_missing(run->plan, &aliases);
	if (detail && run->plan->request->missing_disk == MISSING_DISK_FAIL)
		refuse(run, detail, "disks are missing from the snapshot: %s", aliases.data);
}

void
check_missing_boot_disk(CheckRun *run)
{
	bool boot_missing;
	StringInfoData aliases;
	char *detail;

	initStringInfo(&aliases);
	(void) needs_explicit_choice(run->plan, &boot_missing);
	detail = list_missing(run->plan, &aliases);
	if (boot_missing && run->plan->request->missing_disk == MISSING_DISK_DEFAULT)
		refuse(run, detail, "the boot disk is missing from the snapshot");
}

void
check_some_disk_left(CheckRun *run)
{
	bool boot_missing;
	StringInfoData aliases;

	initStringInfo(&aliases);
	if (needs_explicit_choice(run->plan, &boot_missing))
		refuse(run, list_missing(run->plan, &aliases),
			   "no disk of the snapshot is left to copy; missing: %s", aliases.data);
}
