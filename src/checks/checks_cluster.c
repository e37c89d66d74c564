/*
 * checks_cluster.c
 *		V11..V18, V20..V24, V31, V38 and V40: cluster, data center, template, platform.
 */
#include "postgres.h"

#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "checks/check_table.h"

bool
is_power(int architecture)
{
	return architecture == ARCHITECTURE_PPC64 || architecture == ARCHITECTURE_PPC ||
		   architecture == ARCHITECTURE_PPC64LE || architecture == ARCHITECTURE_PPCLE;
}

bool
is_s390(int architecture)
{
	return architecture == ARCHITECTURE_S390X || architecture == ARCHITECTURE_S390;
}

void
check_cluster_given(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (plan->snapshot_exists && !plan->cluster_exists && uuid_is_zero(&plan->cluster_id))
		refuse(run, NULL, "no cluster is given and the source has none");
}

void
check_cluster_exists(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (!plan->cluster_exists && !uuid_is_zero(&plan->cluster_id))
		refuse(run, NULL, "cluster %s does not exist", uuid_text(&plan->cluster_id));
}

void
check_template_exists(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (plan->template_id.given && !plan->template_exists)
		refuse(run, NULL, "template %s does not exist", uuid_text(&plan->template_id.value));
}

void
check_template_enabled(CheckRun *run)
{
	if (run->plan->template_exists && run->plan->template_disabled)
		refuse(run, NULL, "template \"%s\" is disabled", run->plan->template_name);
}

void
check_template_not_locked(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (plan->template_exists && plan->request->base_template_id.given &&
		plan->template_status != TEMPLATE_STATUS_OK)
		refuse(run,
			   psprintf("Its status is %s.",
						plan->template_status == TEMPLATE_STATUS_LOCKED ? "Locked" : "Illegal"),
			   "template \"%s\" is not ready", plan->template_name);
}

void
check_base_template_is_base(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (plan->template_exists && plan->request->base_template_id.given && plan->template_is_version)
		refuse(run, psprintf("Template %s.", uuid_text(&plan->template_id.value)),
			   "template \"%s\" is itself a version of another one", plan->template_name);
}

void
check_base_template_not_blank(CheckRun *run)
{
	const OptionalUuid *base = &run->plan->request->base_template_id;

	if (base->given && uuid_is_zero(&base->value))
		refuse(run, NULL, "template \"Blank\" has no versions");
}

void
check_template_in_pool(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (plan->template_exists && plan->pool_exists && !plan->template_in_pool)
		refuse(run, psprintf("The data center is \"%s\".", plan->pool_name),
			   "template \"%s\" belongs to another data center", plan->template_name);
}

void
check_pool_exists(CheckRun *run)
{
	if (run->plan->cluster_exists && !run->plan->pool_exists)
		refuse(run, NULL, "cluster \"%s\" is in no data center", run->plan->cluster_name);
}

void
check_pool_up(CheckRun *run)
{
	static const char *const names[] = {"Uninitialized", "Up",     "Maintenance", "NotOperational",
										"NonResponsive", "Contend"};
	const ClonePlan *plan = run->plan;

	if (!plan->pool_exists || plan->pool_status == POOL_STATUS_UP)
		return;
	refuse(
		run,
		psprintf("Its status is %s.", plan->pool_status >= 0 && plan->pool_status < lengthof(names)
										  ? names[plan->pool_status]
										  : "unknown"),
		"data center \"%s\" is not up", plan->pool_name);
}

/* The engine's SupportedClusterLevels: 4.2 to 4.8. */
void
check_compatibility_version(CheckRun *run)
{
	char *version = planned_text(run, "custom_compatibility_version");

	if (version == NULL || version[0] == '\0')
		return;
	if (strlen(version) == 3 && version[0] == '4' && version[1] == '.' && version[2] >= '2' &&
		version[2] <= '8')
		return;
	refuse(run,
		   psprintf("custom_compatibility_version is \"%s\"; 4.2 to 4.8 are supported.", version),
		   "the custom compatibility version is not supported");
}

void
check_architecture(CheckRun *run)
{
	if (run->plan->cluster_exists && run->plan->architecture == ARCHITECTURE_UNDEFINED)
		refuse(run, NULL, "the architecture of cluster \"%s\" is undefined",
			   run->plan->cluster_name);
}

void
check_sound_device(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (plan->cluster_exists && (is_power(plan->architecture) || is_s390(plan->architecture)) &&
		has_device(plan, "sound", NULL))
		refuse(run, NULL, "cluster \"%s\" has no sound devices", plan->cluster_name);
}

void
check_tpm_device(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (!plan->cluster_exists || is_power(plan->architecture) || !has_device(plan, "tpm", NULL))
		return;
	if (is_s390(plan->architecture) ||
		planned_integer(run, "bios_type", BIOS_CLUSTER_DEFAULT) < BIOS_Q35_OVMF)
		refuse(run,
			   psprintf("bios_type is " INT64_FORMAT ".",
						planned_integer(run, "bios_type", BIOS_CLUSTER_DEFAULT)),
			   "a TPM needs UEFI, or a POWER cluster");
}

void
check_pool_matches(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	bool some_disk = false;

	for (int i = 0; i < plan->disk_count; i++)
		some_disk = some_disk || disk_is_made(&plan->disks[i]);
	if (!some_disk || !plan->pool_exists || uuid_same(&plan->pool_id, &plan->source_pool_id))
		return;
	refuse(run,
		   psprintf("Source data center %s, target data center %s.",
					uuid_text(&plan->source_pool_id), uuid_text(&plan->pool_id)),
		   "the target cluster \"%s\" is in another data center than the source",
		   plan->cluster_name);
}

void
check_cpu_profile(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	char *profile = planned_text(run, "cpu_profile_id");

	if (!plan->cluster_exists || plan->cpu_profile_fits)
		return;
	if (profile)
		refuse(run, psprintf("CPU profile %s.", profile),
			   "cluster \"%s\" does not have the CPU profile", plan->cluster_name);
	else
		refuse(run, NULL, "cluster \"%s\" has no CPU profile", plan->cluster_name);
}

void
check_bios_type(CheckRun *run)
{
	const ClonePlan *plan = run->plan;

	if (plan->cluster_exists && plan->cluster_bios_type == BIOS_CLUSTER_DEFAULT &&
		planned_integer(run, "bios_type", BIOS_CLUSTER_DEFAULT) == BIOS_CLUSTER_DEFAULT)
		refuse(run, NULL, "neither the virtual machine nor cluster \"%s\" has a BIOS type",
			   plan->cluster_name);
}

/*
 * The engine's option ClusterEmulatedMachines has a machine of chipset Q35 from version 4.4 on: a host of an
 * older cluster could not start what needs one, secure boot say.
 */
void
check_bios_version(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	char *custom = planned_text(run, "custom_compatibility_version");
	const char *version = custom && custom[0] ? custom : plan->compatibility_version;
	int64 bios_type = planned_integer(run, "bios_type", 0);

	if (!plan->cluster_exists || version == NULL || bios_type <= BIOS_I440FX ||
		is_power(plan->architecture) || is_s390(plan->architecture))
		return;
	if (strcmp(version, "4.2") == 0 || strcmp(version, "4.3") == 0)
		refuse(run,
			   psprintf("bios_type is " INT64_FORMAT
						", the compatibility version %s; 4.4 is the first with Q35.",
						bios_type, version),
			   "hosts of cluster \"%s\" have no machines of this BIOS type", plan->cluster_name);
}

/* Chipsets are x86's. */
void
check_bios_platform(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	int64 bios_type = planned_integer(run, "bios_type", BIOS_CLUSTER_DEFAULT);

	if (plan->cluster_exists && (is_power(plan->architecture) || is_s390(plan->architecture)) &&
		bios_type > BIOS_I440FX)
		refuse(run, psprintf("bios_type is " INT64_FORMAT ".", bios_type),
			   "cluster \"%s\" has no machines of this BIOS type", plan->cluster_name);
}
