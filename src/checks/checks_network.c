/*
 * checks_network.c
 *		V28 and what the caller's interface choices need: MAC addresses, vNIC profiles.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "checks/check_table.h"
#include "clone/mac_pool.h"

/* Addresses of plugged interfaces; the others may be plugged in again, so all rows count. */
static Statement used_addresses = {
	.sql = "SELECT lower(n.mac_addr), v.vm_name::text FROM vm_interface n"
		   " JOIN vm_static v ON v.vm_guid = n.vm_guid"
		   " WHERE lower(n.mac_addr) = ANY ($1) ORDER BY 1, 2",
	.argument_count = 1,
	.argument_types = {TEXTARRAYOID},
};

/* Columns of used_addresses. */
enum UsedAddressColumn
{
	USED_ADDRESS = 1,
	USED_BY_VM_NAME,
};

void
check_macs_left(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	char **given = palloc(sizeof(char *) * (plan->request->copies * plan->interface_count + 1));
	int given_count = 0;
	int needed = 0;
	int left;

	for (int i = 0; i < plan->request->copies; i++)
		for (int j = 0; j < plan->interface_count; j++)
		{
			const PlannedInterface *interface = &plan->copy_interfaces[i][j];

			if (interface->include && interface->mac == MAC_NEW)
				needed++;
			else if (interface->include && interface->mac_addr)
				given[given_count++] = (char *) interface->mac_addr;
		}
	/* under the locks the addresses are taken next, which looks only once; where the call is refused, they aren't */
	if (!(run->phases & CHECK_ALWAYS) && !run->complete)
		return;
	/* a template's interfaces have no addresses */
	if (needed == 0 || !plan->cluster_exists || plan->request->target == CLONE_TARGET_TEMPLATE)
		return;
	left = plan->has_mac_pool ? mac_pool_count_free(plan, needed, given, given_count) : 0;
	if (left < needed)
		refuse(run, psprintf("%d addresses are needed and %d are free.", needed, left),
			   "the MAC pool of cluster \"%s\" has not enough addresses", plan->cluster_name);
}

static bool
is_listed(const List *items, const char *item)
{
	ListCell *cell;

	foreach (cell, items)
		if (strcmp(lfirst(cell), item) == 0)
			return true;
	return false;
}

static char *
lower_case(const char *mac)
{
	char *result = pstrdup(mac);

	for (char *c = result; *c; c++)
		*c = pg_tolower((unsigned char) *c);
	return result;
}

void
check_macs_not_used(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	List *wanted = NIL;
	List *twice = NIL;
	StringInfoData detail;
	Datum *values;
	Datum array;
	int count = 0;
	ListCell *cell;
	uint64 rows;

	if (plan->mac_pool_allows_duplicates || plan->request->target == CLONE_TARGET_TEMPLATE)
		return;
	initStringInfo(&detail);
	for (int i = 0; i < plan->request->copies; i++)
		for (int j = 0; j < plan->interface_count; j++)
		{
			const PlannedInterface *interface = &plan->copy_interfaces[i][j];
			char *mac;

			if (!interface->include || interface->mac == MAC_NEW || interface->mac_addr == NULL)
				continue;
			mac = lower_case(interface->mac_addr);
			if (!is_listed(wanted, mac))
				wanted = lappend(wanted, mac);
			else if (!is_listed(twice, mac))
			{
				twice = lappend(twice, mac);
				appendStringInfo(&detail, "%sAddress %s is given twice, for interface \"%s\".",
								 detail.len ? "  " : "", mac, interface->name);
			}
		}
	if (wanted == NIL)
		return;
	values = palloc(sizeof(Datum) * list_length(wanted));
	foreach (cell, wanted)
		values[count++] = CStringGetTextDatum(lfirst(cell));
	array = array_of_datums(values, count, TEXTOID);
	rows = statement_run(&used_addresses, &array, NULL);
	for (uint64 row = 0; row < rows; row++)
		appendStringInfo(&detail, "%sAddress %s is in use by virtual machine \"%s\".",
						 detail.len ? "  " : "", field_text(row, USED_ADDRESS),
						 field_text(row, USED_BY_VM_NAME));
	if (detail.len)
		refuse(run, detail.data, "MAC addresses are in use");
}

/* Names of the included interfaces that have a defect, each once. */
static char *
list_interfaces(const ClonePlan *plan, bool (*defect)(const PlannedInterface *))
{
	List *listed = NIL;
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < plan->request->copies; i++)
		for (int j = 0; j < plan->interface_count; j++)
		{
			const PlannedInterface *interface = &plan->copy_interfaces[i][j];
			const char *name =
				interface->name ? interface->name : uuid_text(&interface->interface_id);

			if (!interface->include || !defect(interface) || is_listed(listed, name))
				continue;
			append_item(&names, name);
			listed = lappend(listed, (void *) name);
		}
	return names.len ? names.data : NULL;
}

static bool
profile_is_unknown(const PlannedInterface *interface)
{
	return interface->profile_unknown;
}

static bool
profile_is_elsewhere(const PlannedInterface *interface)
{
	return interface->profile_elsewhere;
}

static bool
network_is_lost(const PlannedInterface *interface)
{
	return interface->profile_lost;
}

void
check_interface_names(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	List *named = NIL;

	for (int i = 0; i < plan->request->copies; i++)
	{
		List *names = NIL;

		/* most copies have the interfaces of the first */
		if (i > 0 && plan->copy_interfaces[i] == plan->copy_interfaces[0])
			continue;
		for (int j = 0; j < plan->interface_count; j++)
		{
			const PlannedInterface *interface = &plan->copy_interfaces[i][j];

			if (!interface->include || interface->name == NULL)
				continue;
			if (is_listed(names, interface->name) && !is_listed(named, interface->name))
			{
				named = lappend(named, (char *) interface->name);
				refuse(run, NULL, "the clone would have two interfaces named \"%s\"",
					   interface->name);
			}
			names = lappend(names, (char *) interface->name);
		}
	}
}

void
check_profiles_exist(CheckRun *run)
{
	char *names = list_interfaces(run->plan, profile_is_unknown);

	if (names)
		refuse(run, NULL, "the vNIC profiles given for interfaces do not exist: %s", names);
}

void
check_profiles_in_cluster(CheckRun *run)
{
	char *names =
		run->plan->cluster_exists ? list_interfaces(run->plan, profile_is_elsewhere) : NULL;

	if (names)
		refuse(
			run, NULL,
			"the networks of the vNIC profiles given for interfaces are not in cluster \"%s\": %s",
			run->plan->cluster_name, names);
}

void
warn_lost_networks(CheckRun *run)
{
	char *names = run->plan->cluster_exists ? list_interfaces(run->plan, network_is_lost) : NULL;

	if (names)
		refuse(run, NULL, "interfaces get no network in cluster \"%s\": %s",
			   run->plan->cluster_name, names);
}
