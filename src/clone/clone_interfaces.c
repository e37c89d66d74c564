/*
 * clone_interfaces.c
 *		NICs of the new virtual machines, with new MAC addresses in the old order (ovirt-clone.md,
 *		"NICs and MAC addresses").
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/audit.h"
#include "base/json.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "clone/clone_internal.h"
#include "clone/mac_pool.h"

static RowCopyTarget vm_interface = {
	.relation = "vm_interface",
	.key = "id",
	.column_count = 3,
	.columns = {{"id", UUIDOID}, {"vm_guid", UUIDOID}, {"mac_addr", TEXTOID}},
};

static RowCopyTarget vm_interface_statistics = {
	.relation = "vm_interface_statistics",
	.key = "id",
	.column_count = 2,
	.columns = {{"id", UUIDOID}, {"vm_id", UUIDOID}},
};

static Statement mac_pool_name = {
	.sql = "SELECT name::text FROM mac_pools WHERE id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Default speed of a NIC type, Mbit/s; codes of VmInterfaceType. */
static int
default_speed(int64 type)
{
	static const int speeds[] = {1000, 100, 1000, 10000, 1000, 1000, 1000};

	return type >= 0 && type < (int64) lengthof(speeds) ? speeds[type] : 1000;
}

/* The snapshot's NIC, and what must be new over it. */
static int
interface_source(RowCopy *rows, const PlannedInterface *interface)
{
	const Jsonb *configuration = interface->configuration;
	int source = row_copy_source(rows, &interface->interface_id, &configuration, 1);

	row_copy_set(rows, source, "speed",
				 psprintf("%d", default_speed(json_get_int64(configuration, "type", 0))));
	row_copy_set(rows, source, "_create_date", "now");
	row_copy_set(rows, source, "_update_date", NULL);
	row_copy_set(rows, source, "synced", "true");
	row_copy_set(rows, source, "vnic_profile_id",
				 interface->vnic_profile_id.given ? uuid_text(&interface->vnic_profile_id.value)
												  : NULL);
	if (interface->name)
		row_copy_set(rows, source, "name", interface->name);
	return source;
}

/* Old MAC order, then names: new addresses, ascending, are given in this order. */
static int
compare_interfaces(const void *a, const void *b)
{
	const PlannedInterface *left = *(const PlannedInterface *const *) a;
	const PlannedInterface *right = *(const PlannedInterface *const *) b;
	const char *left_mac = json_get_text(left->configuration, "mac_addr");
	const char *right_mac = json_get_text(right->configuration, "mac_addr");
	int result;

	if ((left_mac == NULL) != (right_mac == NULL))
		return left_mac ? -1 : 1;
	result = left_mac ? pg_strcasecmp(left_mac, right_mac) : 0;
	if (result == 0 && left->name && right->name)
		result = strcmp(left->name, right->name);
	return result ? result : left->number - right->number;
}

/* The interfaces of a copy that need an address of the pool, in order; returns how many. */
static int
needing_addresses(const CloneWork *work, int copy, const PlannedInterface **result)
{
	int count = 0;

	for (int i = 0; i < work->plan->interface_count; i++)
	{
		const PlannedInterface *interface = &work->copies[copy].interfaces[i];

		if (interface->include && interface->mac == MAC_NEW)
			result[count++] = interface;
	}
	qsort(result, count, sizeof(*result), compare_interfaces);
	return count;
}

static void
audit_remaining(CloneWork *work, int remaining)
{
	const ClonePlan *plan = work->plan;
	AuditSubject subject = *work->caller;
	Datum id = UUIDPGetDatum(&plan->mac_pool_id);
	const char *placeholders[] = {"MacPoolName",
								  NULL,
								  "MacPoolId",
								  uuid_text(&plan->mac_pool_id),
								  "AvailableMacsCount",
								  psprintf("%d", remaining),
								  NULL};

	if (remaining > MAC_POOL_REMAINING_WARNING)
		return;
	statement_run_one_row(&mac_pool_name, &id, NULL);
	placeholders[1] = field_text(0, ONLY_COLUMN);
	subject.vm_id = work->copies[0].vm_id;
	subject.vm_name = work->copies[0].vm_name;
	subject.job_id = work->copies[0].job_id;
	audit_write(remaining == 0 ? AUDIT_MAC_POOL_EMPTY : AUDIT_MAC_POOL_ALMOST_EMPTY, &subject,
				placeholders);
}

/* One row a copy for all NICs whose network the target cluster lacks. */
static void
audit_lost_networks(CloneWork *work, int copy)
{
	const CloneCopy *made = &work->copies[copy];
	StringInfoData networks;
	StringInfoData names;

	initStringInfo(&networks);
	initStringInfo(&names);
	for (int i = 0; i < work->plan->interface_count; i++)
	{
		const PlannedInterface *interface = &made->interfaces[i];

		if (!interface->include || !interface->profile_lost)
			continue;
		appendStringInfo(&networks, "%s%s", networks.len ? "," : "",
						 interface->network_name ? interface->network_name : "");
		appendStringInfo(&names, "%s%s", names.len ? "," : "",
						 interface->name ? interface->name : "");
	}
	if (names.len > 0)
	{
		const char *placeholders[] = {"EntityName", made->vm_name, "Networks", networks.data,
									  "Interfaces", names.data,    NULL};
		AuditSubject subject = *work->caller;

		subject.vm_id = made->vm_id;
		subject.vm_name = made->vm_name;
		subject.job_id = made->job_id;
		audit_write(AUDIT_ADD_VM_FROM_SNAPSHOT_INVALID_INTERFACES, &subject, placeholders);
	}
}

/* Addresses of the pool for all copies; a template's NICs have none. */
static char ***
allocate_addresses(CloneWork *work)
{
	const ClonePlan *plan = work->plan;
	char ***addresses = palloc0(sizeof(char **) * work->copy_count);
	const PlannedInterface **needing =
		palloc(sizeof(PlannedInterface *) * Max(plan->interface_count, 1));
	char **given = palloc(sizeof(char *) * Max(plan->interface_count * work->copy_count, 1));
	int given_count = 0;
	int count = 0;
	int remaining;
	char **allocated;

	for (int c = 0; c < work->copy_count; c++)
	{
		addresses[c] = palloc0(sizeof(char *) * Max(plan->interface_count, 1));
		if (work->is_template)
			continue;
		count += needing_addresses(work, c, needing);
		for (int i = 0; i < plan->interface_count; i++)
		{
			const PlannedInterface *interface = &work->copies[c].interfaces[i];

			if (!interface->include || interface->mac == MAC_NEW || !interface->mac_addr)
				continue;
			addresses[c][i] = pstrdup(interface->mac_addr);
			given[given_count++] = addresses[c][i];
		}
	}
	if (count == 0)
		return addresses;
	allocated = mac_pool_allocate(plan, count, given, given_count, &remaining);
	audit_remaining(work, remaining);
	for (int c = 0; c < work->copy_count; c++)
	{
		int needed = needing_addresses(work, c, needing);

		for (int i = 0; i < needed; i++)
			addresses[c][needing[i] - work->copies[c].interfaces] = *allocated++;
	}
	return addresses;
}

void
clone_interfaces_write(CloneWork *work)
{
	const ClonePlan *plan = work->plan;
	RowCopy *rows = row_copy_begin(&vm_interface, NULL);
	RowCopy *statistics = row_copy_begin(&vm_interface_statistics, NULL);
	char ***addresses = allocate_addresses(work);
	int *sources = palloc0(sizeof(int) * Max(plan->interface_count, 1));
	int statistics_source = row_copy_source(statistics, NULL, NULL, 0);

	for (int c = 0; c < work->copy_count; c++)
	{
		const CloneCopy *copy = &work->copies[c];
		bool own = c > 0 && copy->interfaces != work->copies[c - 1].interfaces;

		for (int i = 0; i < plan->interface_count; i++)
		{
			const PlannedInterface *interface = &copy->interfaces[i];
			const void *values[ROW_COPY_MAX_COLUMNS];

			if (!interface->include)
				continue;
			if (sources[i] == 0 || own)
				sources[i] = interface_source(rows, interface);
			values[0] = &work->interface_ids[c][i];
			values[1] = &copy->vm_id;
			values[2] = addresses[c][i];
			row_copy_row(rows, sources[i], values);
			row_copy_row(statistics, statistics_source, values);
		}
		audit_lost_networks(work, c);
	}
	(void) row_copy_run(rows);
	if (inventory_has_table("vm_interface_statistics"))
		(void) row_copy_run(statistics);
}
