/*
 * checks_permission.c
 *		(P): what the engine user may do, by roles given on the object, on what contains it, or on
 *		the system.
 *
 * Roles given to "everyone" count, and those of the groups that the engine knows of the user from its
 * directory, which it does while the user is logged in.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/json.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "checks/check_table.h"
#include "plan/plan_parts.h"
#include "plan/quota.h"

/* The engine's ActionGroup */

#define USER_AND_GROUPS SQL_USER_AND_GROUPS("$1")

/* Objects, each with what contains it besides the pool and the system, on which the right is missing. */
static Statement missing_rights = {
	.sql = "SELECT DISTINCT r.object FROM ROWS FROM (unnest($3), unnest($4))"
		   " AS r(object, container) WHERE NOT EXISTS (SELECT 1 FROM permissions p"
		   "  JOIN roles_groups g ON g.role_id = p.role_id"
		   "  WHERE p.ad_element_id IN " USER_AND_GROUPS
		   "   AND g.action_group_id = $2 AND p.object_id IN (r.object, r.container, $5,"
		   "    'aaa00000-0000-0000-0000-123456789aaa')) ORDER BY r.object",
	.argument_count = 5,
	.argument_types = {UUIDOID, INT4OID, UUIDARRAYOID, UUIDARRAYOID, UUIDOID},
};

/* Custom properties and pinned hosts of a template and of the source VM; one that is gone has none. */
static Statement template_properties = {
	.sql = "SELECT t.predefined_properties::text, t.userdefined_properties::text,"
		   " ARRAY (SELECT p.vds_id FROM vm_host_pinning_map p WHERE p.vm_id = r.id ORDER BY 1)"
		   " = ARRAY (SELECT p.vds_id FROM vm_host_pinning_map p WHERE p.vm_id = $2 ORDER BY 1)"
		   " FROM (SELECT $1 AS id) r LEFT JOIN vm_static t ON t.vm_guid = r.id",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDOID},
};

/* Columns of template_properties. */
enum TemplatePropertyColumn
{
	TEMPLATE_PREDEFINED = 1,
	TEMPLATE_USERDEFINED,
	TEMPLATE_SAME_PINNING,
};

/* Ids of the objects on which the user lacks the right, as text; NULL: none. */
static char *
list_missing(const ClonePlan *plan, int action, const pg_uuid_t *objects,
			 const pg_uuid_t *containers, int count, const pg_uuid_t *pool)
{
	Datum values[5];
	uint64 rows;
	StringInfoData ids;

	if (count == 0)
		return NULL;
	values[0] = UUIDPGetDatum(&plan->user_id);
	values[1] = Int32GetDatum(action);
	values[2] = array_of_uuids(objects, count);
	values[3] = array_of_uuids(containers, count);
	values[4] = UUIDPGetDatum(pool);
	rows = statement_run(&missing_rights, values, NULL);
	initStringInfo(&ids);
	for (uint64 row = 0; row < rows; row++)
		append_item(&ids, field_text(row, ONLY_COLUMN));
	return rows > 0 ? ids.data : NULL;
}

static void
refuse_user(CheckRun *run, const char *objects, const char *what)
{
	refuse(run, psprintf("User %s, object %s.", uuid_text(&run->plan->user_id), objects),
		   "the user may not %s", what);
}

/* The target cluster; for a template its data center. */
void
check_create_vm_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	bool template = plan->request->target == CLONE_TARGET_TEMPLATE;
	const pg_uuid_t *object = template ? &plan->pool_id : &plan->cluster_id;
	char *missing = list_missing(plan, template ? ACTION_CREATE_TEMPLATE : ACTION_CREATE_VM, object,
								 object, 1, &plan->pool_id);

	if (missing)
		refuse_user(run, missing,
					template ? "create templates in the data center"
							 : "create virtual machines in the cluster");
}

void
check_create_disk_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	pg_uuid_t *domains = palloc(sizeof(pg_uuid_t) * (list_length(plan->domains) + 1));
	int count = 0;
	char *missing;
	ListCell *cell;

	foreach (cell, plan->domains)
	{
		const DomainFacts *domain = lfirst(cell);

		if (domain->is_target)
			domains[count++] = domain->id;
	}
	missing = list_missing(plan, ACTION_CREATE_DISK, domains, domains, count, &plan->pool_id);
	if (missing)
		refuse_user(run, missing, "create disks in the storage domain");
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/*
 * Makes SPI's last result the row of the template that the clone's vm_static names, Blank where it
 * names none.
 */
static void
load_template(const ClonePlan *plan, bool *is_blank)
{
	pg_uuid_t template_id = {{0}};
	Datum values[2];

	(void) json_get_uuid(plan->vm_static, "vmt_guid", &template_id);
	*is_blank = uuid_is_zero(&template_id);
	values[0] = UUIDPGetDatum(&template_id);
	values[1] = UUIDPGetDatum(&plan->source_vm_id);
	statement_run_one_row(&template_properties, values, NULL);
}

/* The vm_static of the plan, or of some copy that has values of its own, fulfils it. */
static bool
some_vm_static(const CheckRun *run, bool (*fulfils)(const Jsonb *vm_static))
{
	if (fulfils(run->plan->vm_static))
		return true;
	for (int i = 0; run->copy_vm_static && i < run->plan->request->copies; i++)
		if (run->copy_vm_static[i] && fulfils(run->copy_vm_static[i]))
			return true;
	return false;
}

/* SPI's last result is the template's row. */
static bool
has_other_properties(const Jsonb *vm_static)
{
	return !same_text(field_text(0, TEMPLATE_PREDEFINED),
					  json_get_text(vm_static, "predefined_properties")) ||
		   !same_text(field_text(0, TEMPLATE_USERDEFINED),
					  json_get_text(vm_static, "userdefined_properties"));
}

static bool
has_pinning(const Jsonb *vm_static)
{
	char *pinning = json_get_text(vm_static, "cpu_pinning");

	return pinning && pinning[0];
}

void
check_custom_properties_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	bool is_blank;
	char *missing;

	load_template(plan, &is_blank);
	if (!some_vm_static(run, has_other_properties))
		return;
	missing = list_missing(plan, ACTION_CHANGE_VM_CUSTOM_PROPERTIES, &plan->cluster_id,
						   &plan->cluster_id, 1, &plan->pool_id);
	if (missing)
		refuse_user(run, missing, "change custom properties in the cluster");
}

void
check_admin_properties_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	bool is_blank;
	char *missing;

	load_template(plan, &is_blank);
	if (is_blank || (field_bool(0, TEMPLATE_SAME_PINNING) && !some_vm_static(run, has_pinning)))
		return;
	missing = list_missing(plan, ACTION_EDIT_ADMIN_VM_PROPERTIES, &plan->cluster_id,
						   &plan->cluster_id, 1, &plan->pool_id);
	if (missing)
		refuse_user(run, missing, "pin virtual machines to hosts or processors in the cluster");
}

/* An unknown snapshot has no VM: only a right on the system counts then, as in oVirt. */
void
check_source_vm_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	char *missing = list_missing(plan, ACTION_CREATE_VM, &plan->source_vm_id,
								 &plan->source_cluster_id, 1, &plan->source_pool_id);

	if (missing)
		refuse_user(run, missing, "create virtual machines from the source");
}

void
check_consume_quota_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	const QuotaState *state;
	pg_uuid_t *quotas;
	char *missing;

	if (plan->quota_enforcement != QUOTA_HARD)
		return;
	state = quota_load(plan);
	quotas = palloc(sizeof(pg_uuid_t) * (state->quota_count + 1));
	for (int i = 0; i < state->quota_count; i++)
		quotas[i] = state->quotas[i].quota_id;
	missing = list_missing(plan, ACTION_CONSUME_QUOTA, quotas, quotas, state->quota_count,
						   &plan->pool_id);
	if (missing)
		refuse_user(run, missing, "consume the quota");
}

/* What the snapshot's own names lead to, needs no right, as in oVirt; what the caller chooses, does. */
void
check_vnic_profile_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	int most = plan->request->copies * plan->interface_count;
	pg_uuid_t *profiles = palloc(sizeof(pg_uuid_t) * (most + 1));
	pg_uuid_t *networks = palloc(sizeof(pg_uuid_t) * (most + 1));
	int count = 0;
	char *missing;

	for (int i = 0; i < plan->request->copies; i++)
		for (int j = 0; j < plan->interface_count; j++)
		{
			const PlannedInterface *interface = &plan->copy_interfaces[i][j];

			/* one that doesn't exist has a check of its own */
			if (!interface->include || !interface->profile_chosen || interface->profile_unknown)
				continue;
			profiles[count] = interface->vnic_profile_id.value;
			networks[count++] = interface->network_id;
		}
	missing =
		list_missing(plan, ACTION_CONFIGURE_VM_NETWORK, profiles, networks, count, &plan->pool_id);
	if (missing)
		refuse_user(run, missing, "use the vNIC profile");
}

/* A disk is part of the VM that has it: rights on the source VM count. */
void
check_attach_disk_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	pg_uuid_t *disks = palloc(sizeof(pg_uuid_t) * (plan->disk_count + 1));
	pg_uuid_t *vms = palloc(sizeof(pg_uuid_t) * (plan->disk_count + 1));
	int count = 0;
	char *missing;

	for (int i = 0; i < plan->disk_count; i++)
	{
		if (plan->disks[i].fate != DISK_ATTACH)
			continue;
		disks[count] = plan->disks[i].disk_id;
		vms[count++] = plan->source_vm_id;
	}
	missing = list_missing(plan, ACTION_ATTACH_DISK, disks, vms, count, &plan->pool_id);
	if (missing)
		refuse_user(run, missing, "attach the disk to another virtual machine");
}

void
check_disk_profile_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	pg_uuid_t *profiles = palloc(sizeof(pg_uuid_t) * (plan->disk_count + 1));
	pg_uuid_t *domains = palloc(sizeof(pg_uuid_t) * (plan->disk_count + 1));
	int count = 0;
	char *missing;

	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		if (!disk_is_made(disk) || !disk->disk_profile_id.given)
			continue;
		profiles[count] = disk->disk_profile_id.value;
		domains[count++] = disk->target_domain_id;
	}
	missing =
		list_missing(plan, ACTION_ATTACH_DISK_PROFILE, profiles, domains, count, &plan->pool_id);
	if (missing)
		refuse_user(run, missing, "use the disk profile");
}

void
check_cpu_profile_permission(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	pg_uuid_t profile;
	char *missing;

	if (!plan->cluster_exists || !json_get_uuid(plan->vm_static, "cpu_profile_id", &profile))
		return;
	missing = list_missing(plan, ACTION_ASSIGN_CPU_PROFILE, &profile, &plan->cluster_id, 1,
						   &plan->pool_id);
	if (missing)
		refuse_user(run, missing, "use the CPU profile");
}
