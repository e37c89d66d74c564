/*
 * plan_load.c
 *		The parts of plan_load in their order; plan_parts.h says what each needs of those before it.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/json_objects.h"
#include "plan/plan_parts.h"
#include "plan/quota.h"

static void
read_devices(ClonePlan *plan)
{
	plan->devices = json_get_elements(plan->configuration, "devices", &plan->device_count);
	plan->device_types = palloc(sizeof(char *) * (plan->device_count + 1));
	plan->device_names = palloc(sizeof(char *) * (plan->device_count + 1));
	for (int i = 0; i < plan->device_count; i++)
	{
		plan->device_types[i] = json_get_text(plan->devices[i], "type");
		plan->device_names[i] = json_get_text(plan->devices[i], "device");
	}
}

ClonePlan *
plan_load(const CloneRequest *request, bool has_user, const pg_uuid_t *user_id)
{
	ClonePlan *plan = palloc0(sizeof(ClonePlan));
	LoadedFacts facts;
	ImageRows *images = NULL;

	plan->request = request;
	plan->quota = palloc0(sizeof(QuotaState));
	plan->has_user = has_user;
	plan->last_mac_address = -1;
	if (has_user)
		plan->user_id = *user_id;
	plan_check_overrides(request);
	plan_load_facts(plan, &facts);
	if (plan->snapshot_exists)
	{
		pg_uuid_t *disks = palloc(sizeof(pg_uuid_t) * (plan->active_disk_count + 1));

		for (int i = 0; i < plan->active_disk_count; i++)
			disks[i] = plan->active_disks[i].disk_id;
		facts.source.other_disks = disks;
		facts.source.other_disk_count = plan->active_disk_count;
		plan->configuration =
			configuration_load_from(&facts.source, &images, &plan->configuration_error);
		read_devices(plan);
	}
	plan_build_vm_static(plan, &facts);
	plan_check_shared_columns(plan, facts.current);
	plan_name_copies(plan);
	plan_load_disks(plan, images);
	plan_load_domains(plan);
	plan_load_locks(plan);
	plan_decide_disks(plan);
	quota_settle(plan);
	plan_load_interfaces(plan);
	return plan;
}
