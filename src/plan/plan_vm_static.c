/*
 * plan_vm_static.c
 *		The vm_static that the copies of a call have in common.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/json_objects.h"
#include "ovirt/ovirt_codes.h"
#include "base/uuid.h"
#include "plan/plan_parts.h"

/* Objects, each NULL where there is none, of which the one above wins, key by key. */
typedef struct Layers
{
	const Jsonb *below;
	const Jsonb *above;
} Layers;

/* The one that has the key's value. */
static const Jsonb *
layer_of(const Layers *layers, const char *key)
{
	return json_has(layers->above, key) ? layers->above : layers->below;
}

/* The caller's or source's CPU profile if the cluster has it, else the cluster's first. */
static void
choose_cpu_profile(ClonePlan *plan, StringInfo overlay, const Layers *merged, const Jsonb *given,
				   const LoadedFacts *facts)
{
	const pg_uuid_t *profiles = facts->cpu_profiles;
	int count = facts->cpu_profile_count;
	pg_uuid_t wanted;
	pg_uuid_t current;

	plan->cpu_profile_fits = true;
	if (!plan->cluster_exists)
		return;
	if (json_get_uuid(layer_of(merged, "cpu_profile_id"), "cpu_profile_id", &wanted))
	{
		for (int i = 0; i < count; i++)
			if (uuid_same(&profiles[i], &wanted))
				return;
		/* the source's own, handed back, is no choice for another cluster */
		if (json_get_text(given, "cpu_profile_id") &&
			(uuid_same(&plan->source_cluster_id, &plan->cluster_id) ||
			 !json_get_uuid(facts->current, "cpu_profile_id", &current) ||
			 !uuid_same(&current, &wanted)))
		{
			plan->cpu_profile_fits = false;
			return;
		}
	}
	if (count > 0)
		appendStringInfo(overlay, ",\"cpu_profile_id\":\"%s\"", uuid_text(&profiles[0]));
	else
		plan->cpu_profile_fits = false;
}

/*
 * The source's quota doesn't go along into another data center: that one's default takes its place.
 * Handed back, it is no choice either; any other quota is the caller's, for the checks.
 */
static bool
loses_quota(const ClonePlan *plan, const LoadedFacts *facts, const Layers *merged)
{
	const Jsonb *sources[2] = {json_get(plan->configuration, "vm_static"), facts->current};
	pg_uuid_t wanted;
	pg_uuid_t own;

	if (!plan->pool_exists || uuid_same(&plan->pool_id, &plan->source_pool_id) ||
		!json_get_uuid(layer_of(merged, "quota_id"), "quota_id", &wanted))
		return false;
	for (int i = 0; i < lengthof(sources); i++)
		if (json_get_uuid(sources[i], "quota_id", &own) && uuid_same(&own, &wanted))
			return true;
	return false;
}

/*
 * A VmStatic given whole needs its memory; the maximum is four times that, as in the engine's
 * form, and it has one monitor.
 */
static void
complete_given_vm_static(StringInfo overlay, const Jsonb *given)
{
	int64 memory = json_get_int64(given, "mem_size_mb", 0);

	if (!json_has(given, "mem_size_mb"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"vm_static\" lacks key \"mem_size_mb\""),
				 errdetail("use_given_vm_static is true: nothing is taken from the snapshot's "
						   "VmStatic."),
				 errhint("vmclone.get_vm_configuration_by_snapshot_id gives a whole vm_static.")));
	if (json_get_text(given, "max_memory_size_mb") == NULL)
		appendStringInfo(overlay, ",\"max_memory_size_mb\":" INT64_FORMAT,
						 memory > 0 ? Min(memory * 4, PG_INT32_MAX) : memory);
	if (json_get_text(given, "num_of_monitors") == NULL)
		appendStringInfoString(overlay, ",\"num_of_monitors\":1");
}

bool
plan_is_from_rows(const ClonePlan *plan)
{
	char *source = json_get_text(plan->configuration, "source");

	return source && strcmp(source, "current") == 0;
}

/*
 * current row < configuration < caller's values (decisions.md, "Rows are copied whole";
 * ovirt-clone.md, "VM").
 */
void
plan_build_vm_static(ClonePlan *plan, const LoadedFacts *facts)
{
	Jsonb *given = plan->request->vm_static;
	Layers merged = {.above = given};
	StringInfoData overlay;

	if (!plan->request->use_given_vm_static)
	{
		merged.below = facts->current;
		/* without a document, the configuration is the current row */
		if (!plan_is_from_rows(plan))
			merged.above = json_overlay(json_get(plan->configuration, "vm_static"), given);
	}

	initStringInfo(&overlay);
	appendStringInfo(&overlay, "{\"entity_type\":\"%s\"",
					 plan->request->target == CLONE_TARGET_TEMPLATE ? "TEMPLATE" : "VM");
	if (plan->cluster_exists)
		appendStringInfo(&overlay, ",\"cluster_id\":\"%s\"", uuid_text(&plan->cluster_id));
	if (plan->request->use_given_vm_static)
		complete_given_vm_static(&overlay, given);
	/* below what copies have of their own */
	if (json_get_text(layer_of(&merged, "origin"), "origin") == NULL)
		appendStringInfo(&overlay, ",\"origin\":%d", ORIGIN_OVIRT);
	if (json_get_int64(layer_of(&merged, "bios_type"), "bios_type", BIOS_CLUSTER_DEFAULT) ==
			BIOS_CLUSTER_DEFAULT &&
		plan->cluster_bios_type != BIOS_CLUSTER_DEFAULT)
		appendStringInfo(&overlay, ",\"bios_type\":%d", plan->cluster_bios_type);
	/* a lease only if it is asked for */
	if (!json_has(given, "lease_sd_id") &&
		json_has(layer_of(&merged, "lease_sd_id"), "lease_sd_id"))
		appendStringInfoString(&overlay, ",\"lease_sd_id\":null");
	if (loses_quota(plan, facts, &merged))
		appendStringInfoString(&overlay, ",\"quota_id\":null");
	choose_cpu_profile(plan, &overlay, &merged, given, facts);
	appendStringInfoChar(&overlay, '}');
	plan->vm_static_changes = json_overlay(merged.above, json_from_text(overlay.data));
	plan->vm_static = json_overlay(merged.below, plan->vm_static_changes);
}
