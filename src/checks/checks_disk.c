/*
 * checks_disk.c
 *		V26, V38, V41 and V42: slots, disk profiles, formats, VirtIO SCSI.
 */
#include "postgres.h"

#include "base/json.h"
#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "checks/check_table.h"

#define MAX_IDE_DISKS 3  /* four slots, one for the CD */
#define MAX_PCI_SLOTS 26 /* 31, less what the machine itself needs */

static bool
goes_along(const PlannedDisk *disk)
{
	return disk_is_made(disk) || disk->fate == DISK_ATTACH;
}

static int
count_disks(const ClonePlan *plan, const char *disk_interface)
{
	int count = 0;

	for (int i = 0; i < plan->disk_count; i++)
		if (goes_along(&plan->disks[i]) && plan->disks[i].disk_interface &&
			strcmp(plan->disks[i].disk_interface, disk_interface) == 0)
			count++;
	return count;
}

void
check_ide_slots(CheckRun *run)
{
	int count = count_disks(run->plan, "IDE");

	if (count > MAX_IDE_DISKS)
		refuse(run, psprintf("It would have %d IDE disks; %d are possible.", count, MAX_IDE_DISKS),
			   "the clone has too many IDE disks");
}

/* The firmware boots from one; which of two it would be nobody has said. */
void
check_boot_disks(CheckRun *run)
{
	StringInfoData names;
	int count = 0;

	initStringInfo(&names);
	for (int i = 0; i < run->plan->disk_count; i++)
	{
		const PlannedDisk *disk = &run->plan->disks[i];

		if (!goes_along(disk) || !disk->is_boot)
			continue;
		append_item(&names, disk_label(disk));
		count++;
	}
	if (count > 1)
		refuse(run, psprintf("Boot disks: %s.", names.data), "the clone has %d boot disks", count);
}

/*
 * Q35 has no IDE controller.  Where the clone's chipset is another one than the snapshot's, IDE becomes SATA.
 */
void
check_ide_chipset(CheckRun *run)
{
	int64 before = json_get_int64(json_get(run->plan->configuration, "vm_static"), "bios_type", 0);
	int64 bios_type = planned_integer(run, "bios_type", 0);
	StringInfoData names;

	if (bios_type == 0)
		bios_type = run->plan->cluster_bios_type;
	if (bios_type <= BIOS_I440FX || before == BIOS_I440FX)
		return;
	initStringInfo(&names);
	for (int i = 0; i < run->plan->disk_count; i++)
	{
		const PlannedDisk *disk = &run->plan->disks[i];

		if (goes_along(disk) && disk->disk_interface && strcmp(disk->disk_interface, "IDE") == 0)
			append_item(&names, disk_label(disk));
	}
	if (names.len > 0)
		refuse(run,
			   psprintf("bios_type is " INT64_FORMAT "; IDE disks: %s.", bios_type, names.data),
			   "chipset Q35 has no IDE disks");
}

static int
count_pci_slots(const ClonePlan *plan, const Jsonb *vm_static, const PlannedInterface *interfaces)
{
	int slots = (int) json_get_int64(vm_static, "num_of_monitors", 1);

	for (int i = 0; i < plan->interface_count; i++)
	{
		int64 type = json_get_int64(interfaces[i].configuration, "type", INTERFACE_TYPE_PV);

		if (!interfaces[i].include || type == INTERFACE_TYPE_PCI_PASSTHROUGH)
			continue;
		slots += type == INTERFACE_TYPE_RTL8139_PV ? 2 : 1;
	}
	slots += count_disks(plan, "VirtIO");
	if (has_device(plan, "controller", "virtio-scsi") || count_disks(plan, "VirtIO_SCSI") > 0)
		slots++;
	if (has_device(plan, "balloon", NULL))
		slots++;
	if (has_device(plan, "sound", NULL))
		slots++;
	if (has_device(plan, "watchdog", NULL))
		slots++;
	return slots;
}

/* Monitors and interfaces are the copy's own: the first that has too many is named. */
void
check_pci_slots(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	bool others_done = false;

	for (int i = 0; i < plan->request->copies; i++)
	{
		const Jsonb *own = run->copy_vm_static ? run->copy_vm_static[i] : NULL;
		const PlannedInterface *interfaces = plan->copy_interfaces[i];
		int slots;

		if (own == NULL && interfaces == plan->interfaces)
		{
			if (others_done)
				continue;
			others_done = true;
		}
		slots = count_pci_slots(plan, own ? own : plan->vm_static, interfaces);
		if (slots <= MAX_PCI_SLOTS)
			continue;
		refuse(run,
			   psprintf("%s would need %d PCI slots; %d are there.",
						plan->request->copies > 1
							? psprintf("Copy %d, \"%s\",", i + 1, plan->vm_names[i])
							: "It",
						slots, MAX_PCI_SLOTS),
			   "the clone has too many devices");
		return;
	}
}

void
check_disk_profiles(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];
		const DomainFacts *domain;
		bool found = false;

		if (!disk_is_made(disk) || !disk->has_target)
			continue;
		domain = plan_domain(plan, &disk->target_domain_id);
		/* a domain that holds no disks is refused as such */
		if (domain == NULL || !domain->exists || !holds_disks(domain))
			continue;
		for (int p = 0; p < domain->disk_profile_count; p++)
			found = found || (disk->disk_profile_id.given &&
							  uuid_same(&domain->disk_profiles[p], &disk->disk_profile_id.value));
		if (found)
			continue;
		if (disk->disk_profile_id.given)
			refuse(run,
				   psprintf("Disk profile %s is not one of storage domain \"%s\" (%s).",
							uuid_text(&disk->disk_profile_id.value), domain->name,
							uuid_text(&domain->id)),
				   "the disk profile of disk \"%s\" does not exist in its storage domain",
				   disk_label(disk));
		else
			refuse(run,
				   psprintf("Storage domain \"%s\" (%s) has no disk profile.", domain->name,
							uuid_text(&domain->id)),
				   "there is no disk profile for disk \"%s\"", disk_label(disk));
	}
}

static const char *
format_name(VolumeFormat format)
{
	return format == VOLUME_FORMAT_RAW ? "RAW" : format == VOLUME_FORMAT_COW ? "COW" : "Unassigned";
}

static const char *
type_name(VolumeType type)
{
	return type == VOLUME_TYPE_SPARSE         ? "Sparse"
		   : type == VOLUME_TYPE_PREALLOCATED ? "Preallocated"
											  : "Unassigned";
}

void
check_disk_sizes(CheckRun *run)
{
	StringInfoData names;
	StringInfoData detail;

	initStringInfo(&names);
	initStringInfo(&detail);
	for (int i = 0; i < run->plan->disk_count; i++)
	{
		const PlannedDisk *disk = &run->plan->disks[i];

		if (!disk_is_made(disk) || disk->size > 0)
			continue;
		append_item(&names, disk_label(disk));
		appendStringInfo(&detail, "%sImage %s of disk %s has size %s.", detail.len ? "  " : "",
						 uuid_text(&disk->image_id), uuid_text(&disk->disk_id),
						 json_get_text(disk->configuration, "size"));
	}
	if (names.len)
		refuse(run, detail.data, "disks have a virtual size that no disk can have: %s", names.data);
}

void
check_disk_configuration(CheckRun *run)
{
	for (int i = 0; i < run->plan->disk_count; i++)
	{
		const PlannedDisk *disk = &run->plan->disks[i];
		bool raw = disk->volume_format == VOLUME_FORMAT_RAW;
		bool preallocated = disk->volume_type == VOLUME_TYPE_PREALLOCATED;

		if (!disk_is_made(disk))
			continue;
		if ((raw || disk->volume_format == VOLUME_FORMAT_COW) &&
			(preallocated || disk->volume_type == VOLUME_TYPE_SPARSE) &&
			!(!raw && preallocated && !disk->has_backup) && !(raw && disk->has_backup))
			continue;
		refuse(run,
			   psprintf("Volume format %s, volume type %s, backup %s.",
						format_name(disk->volume_format), type_name(disk->volume_type),
						disk->has_backup ? "Incremental" : "None"),
			   "format and type of disk \"%s\" are not supported together", disk_label(disk));
	}
}

void
check_attached_disks(CheckRun *run)
{
	for (int i = 0; i < run->plan->disk_count; i++)
	{
		const PlannedDisk *disk = &run->plan->disks[i];
		char *status = json_get_text(disk->configuration, "image_status");

		if (disk->fate == DISK_ATTACH && status && strcmp(status, "MISSING") == 0)
			refuse(run, psprintf("Disk %s.", uuid_text(&disk->disk_id)),
				   "disk \"%s\" cannot be attached because it does not exist", disk_label(disk));
	}
}

void
warn_raw_became_cow(CheckRun *run)
{
	for (int i = 0; i < run->plan->disk_count; i++)
	{
		const PlannedDisk *disk = &run->plan->disks[i];

		if (disk_is_made(disk) && disk->raw_became_cow && disk->choice &&
			disk->choice->volume_format == VOLUME_FORMAT_RAW && !disk->choice->handed_back)
			refuse(run, NULL,
				   "disk \"%s\" becomes COW, since a block domain has no sparse RAW volumes",
				   disk_label(disk));
	}
}

void
check_virtio_scsi_needed(CheckRun *run)
{
	const CloneRequest *request = run->plan->request;
	int count = count_disks(run->plan, "VirtIO_SCSI");

	if (request->virtio_scsi_given && !request->virtio_scsi && count > 0)
		refuse(run, psprintf("%d disks of the clone use it.", count),
			   "VirtIO SCSI cannot be disabled while disks use it");
}
