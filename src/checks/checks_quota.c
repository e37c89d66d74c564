/*
 * checks_quota.c
 *		V23 and (Q): the VM's own quota, and what the disks take of theirs.
 */
#include "postgres.h"

#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "checks/check_table.h"
#include "plan/quota.h"

#define GIB (1024.0 * 1024 * 1024)

static bool
is_hard(const CheckRun *run)
{
	return run->plan->quota_enforcement == QUOTA_HARD;
}

/*
 * The VM's own, or, where quota isn't enforced and the checks of (Q) say nothing, one that the
 * caller names for a disk.
 */
void
check_vm_quota_exists(CheckRun *run)
{
	const QuotaState *state = quota_load(run->plan);

	if (state->vm_quota_named && (state->vm_quota == NULL || state->vm_quota->name == NULL))
		refuse(run, NULL, "quota %s of the virtual machine does not exist",
			   planned_text(run, "quota_id"));
	if (run->plan->quota_enforcement != QUOTA_DISABLED)
		return;
	for (int i = 0; i < state->quota_count; i++)
		if (state->quotas[i].name == NULL && &state->quotas[i] != state->vm_quota)
			refuse(run, NULL, "quota %s of a disk does not exist",
				   uuid_text(&state->quotas[i].quota_id));
}

void
check_vm_quota_pool(CheckRun *run)
{
	const QuotaState *state = quota_load(run->plan);
	const QuotaFacts *quota = state->vm_quota;

	if (!run->plan->pool_exists)
		return;
	/* it would count what lies in another data center; where quota is enforced, (Q) refuses */
	for (int i = 0; i < state->quota_count && !is_hard(run); i++)
		if (state->quotas[i].name && !state->quotas[i].in_pool && &state->quotas[i] != quota)
			refuse(run, psprintf("The data center is \"%s\".", run->plan->pool_name),
				   "quota \"%s\" of a disk belongs to another data center", state->quotas[i].name);
	if (!state->vm_quota_named || quota == NULL || quota->name == NULL)
		return;
	if (!quota->in_pool)
		refuse(run, psprintf("The data center is \"%s\".", run->plan->pool_name),
			   "quota \"%s\" of the virtual machine belongs to another data center", quota->name);
	else if (!quota->limits_cluster && !quota->limits_storage)
		refuse(run, NULL, "quota \"%s\" of the virtual machine has no limits", quota->name);
}

void
check_quota_limits(CheckRun *run)
{
	const QuotaState *state = quota_load(run->plan);

	for (int i = 0; i < state->quota_count; i++)
		if (state->quotas[i].limits_mixed)
			refuse(run, psprintf("Quota %s.", uuid_text(&state->quotas[i].quota_id)),
				   "quota \"%s\" has both global and specific limits", state->quotas[i].name);
}

/* The first check that needs usage: it counts, and the checks after it look at what it found. */
void
check_disk_quotas_exist(CheckRun *run)
{
	const QuotaState *state = quota_evaluate(run->plan);
	bool vm_quota_missing = state->vm_quota == NULL || state->vm_quota->name == NULL;

	if (!is_hard(run))
		return;
	for (int i = 0; i < state->demand_count; i++)
	{
		const QuotaDemand *demand = &state->demands[i];

		if (demand->verdict != QUOTA_ROW_MISSING)
			continue;
		refuse(run,
			   demand->quota
				   ? psprintf("Quota %s.", uuid_text(&demand->quota->quota_id))
				   : psprintf("Data center \"%s\" has no default quota.", run->plan->pool_name),
			   "the quota of the disks of \"%s\" does not exist", run->plan->vm_name);
		return;
	}
	/* processors and memory: nothing is taken before the VM runs, but there must be a quota */
	if (vm_quota_missing && !state->vm_quota_named && run->plan->pool_exists)
		refuse(run, psprintf("Data center \"%s\" has no default quota.", run->plan->pool_name),
			   "there is no quota for virtual machine \"%s\"", run->plan->vm_name);
}

static void
refuse_demands(CheckRun *run, QuotaVerdict verdict, const char *message)
{
	const QuotaState *state = run->plan->quota;

	if (!is_hard(run))
		return;
	for (int i = 0; i < state->demand_count; i++)
	{
		const QuotaDemand *demand = &state->demands[i];
		char *detail;

		if (demand->verdict != verdict)
			continue;
		if (verdict == QUOTA_EXCEEDED)
			detail = psprintf(
				"Limit " INT64_FORMAT " GiB, grace %d%%, used %.2f GiB, asked for %.2f GiB%s%s.",
				demand->limit_gb, demand->quota->grace_percent, demand->used_bytes / GIB,
				demand->requested_bytes / GIB, demand->has_domain ? ", storage domain " : "",
				demand->has_domain ? uuid_text(&demand->storage_domain_id) : "");
		else
			detail = psprintf("Quota %s%s%s.", uuid_text(&demand->quota->quota_id),
							  demand->has_domain ? ", storage domain " : "",
							  demand->has_domain ? uuid_text(&demand->storage_domain_id) : "");
		refuse(run, detail, "%s: \"%s\"", message, demand->quota->name);
	}
}

void
check_disk_quotas_pool(CheckRun *run)
{
	refuse_demands(run, QUOTA_NOT_VALID,
				   "the quota belongs to another data center or has no storage limits");
}

void
check_quota_covers_domain(CheckRun *run)
{
	refuse_demands(run, QUOTA_NO_DOMAIN_LIMIT, "the quota has no limit for the storage domain");
}

void
check_quota_storage(CheckRun *run)
{
	refuse_demands(run, QUOTA_EXCEEDED, "the storage limit of the quota is exceeded");
}
