/*
 * checks_storage.c
 *		V8, V9, V19 and V32: storage domains that are read, domains that are written, and their
 *		space (ovirt-clone.md, "Order of the checks", "Space").
 */
#include "postgres.h"

#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "checks/check_table.h"

#define GIB ((int64) 1024 * 1024 * 1024)

const char *
storage_domain_status_name(int status)
{
	static const char *const names[] = {
		"Unknown",     "Uninitialized",           "Unattached", "Active",    "Inactive", "Locked",
		"Maintenance", "PreparingForMaintenance", "Detaching",  "Activating"};

	return status >= 0 && status < lengthof(names) ? names[status] : "Unknown";
}

static const char *
domain_type_name(int type)
{
	static const char *const names[] = {"Master",   "Data",   "ISO",     "ImportExport",
										"Image",    "Volume", "Unknown", "ManagedBlockStorage",
										"Unmanaged"};

	return type >= 0 && type < lengthof(names) ? names[type] : "Unknown";
}

static const char *
label(const DomainFacts *domain)
{
	return domain->name ? domain->name : uuid_text(&domain->id);
}

static bool
is_read(const DomainFacts *domain)
{
	return domain->is_source || domain->of_active_disk;
}

static bool
is_written(const DomainFacts *domain)
{
	return domain->is_target;
}

bool
holds_disks(const DomainFacts *domain)
{
	return domain->domain_type == STORAGE_DOMAIN_TYPE_MASTER ||
		   domain->domain_type == STORAGE_DOMAIN_TYPE_DATA;
}

static bool
is_wrong_type(const DomainFacts *domain)
{
	/* managed block has a key of its own */
	return domain->exists && !holds_disks(domain) &&
		   domain->storage_type != STORAGE_TYPE_MANAGED_BLOCK;
}

static bool
is_unknown(const DomainFacts *domain)
{
	return !domain->exists;
}

static bool
is_inactive(const DomainFacts *domain)
{
	return domain->exists && domain->status != STORAGE_DOMAIN_STATUS_ACTIVE;
}

static bool
is_not_attached(const DomainFacts *domain)
{
	return domain->exists && !domain->attached && !is_wrong_type(domain) &&
		   domain->storage_type != STORAGE_TYPE_MANAGED_BLOCK;
}

/* One refusal that names all domains of a use that have a defect. */
static void
refuse_domains(CheckRun *run, bool (*used)(const DomainFacts *),
			   bool (*defect)(const DomainFacts *), const char *message)
{
	StringInfoData names;
	StringInfoData detail;
	ListCell *cell;

	/* without a data center every domain would be unknown */
	if (!run->plan->pool_exists)
		return;
	initStringInfo(&names);
	initStringInfo(&detail);
	foreach (cell, run->plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (!used(domain) || !defect(domain))
			continue;
		append_item(&names, label(domain));
		appendStringInfo(&detail, "%sStorage domain %s", detail.len ? "  " : "",
						 uuid_text(&domain->id));
		if (defect == is_not_attached && domain->attach_error != NULL)
			appendStringInfo(&detail, ": %s.", domain->attach_error);
		else if (domain->exists)
			appendStringInfo(&detail, " has status %s and type %s.",
							 storage_domain_status_name(domain->status),
							 domain_type_name(domain->domain_type));
		else
			appendStringInfo(&detail, " is not in data center \"%s\".", run->plan->pool_name);
	}
	if (names.len)
		refuse(run, detail.data, "%s: %s", message, names.data);
}

void
check_jobs_are_own(CheckRun *run)
{
	if (run->plan->waits_for_adopt && run->plan->identity != IDENTITY_NONE)
		refuse(run, psprintf("What happened: %s.", identity_describe(run->plan->identity)),
			   "jobs under way in this database are not its own");
}

void
check_source_domains_exist(CheckRun *run)
{
	refuse_domains(run, is_read, is_unknown, "storage domains of the source do not exist");
}

void
check_source_domains_active(CheckRun *run)
{
	refuse_domains(run, is_read, is_inactive, "storage domains of the source are not active");
}

static bool
is_source(const DomainFacts *domain)
{
	return domain->is_source;
}

void
check_source_domains_attached(CheckRun *run)
{
	refuse_domains(run, is_source, is_not_attached,
				   "storage domains of the source are not attached to vmclone");
}

void
check_target_domains_exist(CheckRun *run)
{
	refuse_domains(run, is_written, is_unknown, "target storage domains do not exist");
}

void
check_target_domains_active(CheckRun *run)
{
	refuse_domains(run, is_written, is_inactive, "target storage domains are not active");
}

void
check_target_domain_types(CheckRun *run)
{
	refuse_domains(run, is_written, is_wrong_type, "target storage domains are no data domains");
}

void
check_target_domains_attached(CheckRun *run)
{
	refuse_domains(run, is_written, is_not_attached,
				   "target storage domains are not attached to vmclone");
}

void
check_no_managed_block(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	for (int i = 0; i < plan->active_disk_count; i++)
		if (plan->active_disks[i].disk_storage_type == DISK_STORAGE_TYPE_MANAGED_BLOCK)
			append_item(&names,
						psprintf("disk %s", plan->active_disks[i].alias
												? plan->active_disks[i].alias
												: uuid_text(&plan->active_disks[i].disk_id)));
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];
		bool active = false;

		for (int j = 0; j < plan->active_disk_count; j++)
			active = active || uuid_same(&plan->active_disks[j].disk_id, &disk->disk_id);
		if (disk->disk_storage_type == DISK_STORAGE_TYPE_MANAGED_BLOCK && !active &&
			disk->fate != DISK_SKIP)
			append_item(&names, psprintf("disk %s", disk_label(disk)));
	}
	foreach (cell, plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (domain->storage_type == STORAGE_TYPE_MANAGED_BLOCK &&
			(domain->is_source || domain->is_target))
			append_item(&names, psprintf("storage domain %s", label(domain)));
	}
	if (names.len)
		refuse(run, psprintf("Managed block storage: %s.", names.data),
			   "managed block storage cannot be cloned");
}

void
check_no_unsupported_storage_type(CheckRun *run)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < run->plan->disk_count; i++)
	{
		const PlannedDisk *disk = &run->plan->disks[i];

		if (disk->fate != DISK_SKIP && disk->disk_storage_type != DISK_STORAGE_TYPE_IMAGE &&
			disk->disk_storage_type != DISK_STORAGE_TYPE_LUN &&
			disk->disk_storage_type != DISK_STORAGE_TYPE_MANAGED_BLOCK)
			append_item(&names, disk_label(disk));
	}
	if (names.len)
		refuse(run, NULL, "disks are on a kind of storage that cannot be cloned: %s", names.data);
}

void
check_every_disk_has_target(CheckRun *run)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < run->plan->disk_count; i++)
		if (disk_is_made(&run->plan->disks[i]) && !run->plan->disks[i].has_target)
			append_item(&names, disk_label(&run->plan->disks[i]));
	if (names.len)
		refuse(run, NULL, "disks have no target storage domain: %s", names.data);
}

void
check_domain_thresholds(CheckRun *run)
{
	StringInfoData names;
	StringInfoData detail;
	ListCell *cell;

	initStringInfo(&names);
	initStringInfo(&detail);
	foreach (cell, run->plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (!domain->is_target || !domain->has_available || !domain->has_blocker ||
			domain->available_bytes / GIB >= domain->critical_blocker_gb)
			continue;
		append_item(&names, label(domain));
		appendStringInfo(&detail,
						 "%sStorage domain \"%s\" has " INT64_FORMAT
						 " GiB left; below " INT64_FORMAT " GiB nothing may be added.",
						 detail.len ? "  " : "", label(domain), domain->available_bytes / GIB,
						 domain->critical_blocker_gb);
	}
	if (names.len)
		refuse(run, detail.data, "disk space is low on storage domains: %s", names.data);
}

/*
 * True if the upper bound of what clones have reserved is less than half of what is free, in each target domain: then the tasks needn't be summed up. Half, since finished images may be larger than was reserved for them.
 */
static bool
surely_enough(const CheckRun *run)
{
	ListCell *cell;

	foreach (cell, run->plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (domain->is_target && domain->has_available && domain->exists &&
			!(domain->is_counted && domain->bytes_counted <= domain->available_bytes / 2))
			return false;
	}
	return !(run->phases & CHECK_ALWAYS);
}

/* Equality passes, as in oVirt. */
void
check_domain_space(CheckRun *run)
{
	StringInfoData names;
	StringInfoData detail;
	ListCell *cell;

	if (surely_enough(run))
		return;
	plan_load_reserved(run->plan);
	initStringInfo(&names);
	initStringInfo(&detail);
	foreach (cell, run->plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);
		int64 available = domain->available_bytes;

		if (!domain->is_target || !domain->has_available || !domain->exists ||
			domain->bytes_needed <= available - domain->bytes_reserved)
			continue;
		append_item(&names, label(domain));
		appendStringInfo(&detail,
						 "%sStorage domain \"%s\" has " INT64_FORMAT
						 " bytes left, of which other clones take " INT64_FORMAT
						 "; the clone needs " INT64_FORMAT " bytes.",
						 detail.len ? "  " : "", label(domain), available, domain->bytes_reserved,
						 domain->bytes_needed);
	}
	if (names.len)
		refuse(run, detail.data, "not enough disk space on storage domains: %s", names.data);
}
