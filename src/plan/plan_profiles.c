/*
 * plan_profiles.c
 *		vNIC profiles of network interfaces, resolved in the target cluster (ovirt-clone.md, "NICs and
 *		MAC addresses").
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/json.h"
#include "base/keyed_rows.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "plan/plan_parts.h"

#define USER_AND_GROUPS SQL_USER_AND_GROUPS("$6")

/*
 * One row per interface.  By name: the network must be a VM network of the target cluster; the
 * profile of that name, else the first that the user may use (CONFIGURE_VM_NETWORK), or for an
 * internal call the first without port mirroring.  By id: what the caller chose.
 */
static Statement resolve_profiles = {
	.sql =
		"SELECT r.n::integer, w.id, g.id, gn.id IS NOT NULL, gn.name::text, t.id, g.network_id"
		" FROM ROWS FROM (unnest($1), unnest($2), unnest($3))"
		"  WITH ORDINALITY AS r(network_name, profile_name, given, n)"
		" LEFT JOIN network t ON t.name = r.network_name AND t.storage_pool_id = $4 AND t.vm_network"
		"  AND EXISTS (SELECT 1 FROM network_cluster c"
		"   WHERE c.network_id = t.id AND c.cluster_id = $5)"
		" LEFT JOIN LATERAL (SELECT p.id FROM vnic_profiles p WHERE p.network_id = t.id"
		"  AND (p.name = r.profile_name OR CASE WHEN $6 IS NULL THEN NOT p.port_mirroring"
		"   ELSE EXISTS (SELECT 1 FROM permissions pm JOIN roles_groups rg"
		"     ON rg.role_id = pm.role_id AND rg.action_group_id = " SQL_ACTION_CONFIGURE_VM_NETWORK
		"    WHERE pm.ad_element_id IN " USER_AND_GROUPS
		"     AND pm.object_id IN (p.id, t.id, $4, " OVIRT_SYSTEM_ID ")) END)"
		"  ORDER BY p.name IS NOT DISTINCT FROM r.profile_name DESC, p.name, p.id LIMIT 1) w ON true"
		" LEFT JOIN vnic_profiles g ON g.id = r.given"
		" LEFT JOIN network gn ON gn.id = g.network_id AND gn.vm_network"
		"  AND EXISTS (SELECT 1 FROM network_cluster c"
		"   WHERE c.network_id = gn.id AND c.cluster_id = $5)"
		" ORDER BY r.n",
	.argument_count = 6,
	.argument_types = {TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, UUIDOID, UUIDOID, UUIDOID},
};

/* Columns of resolve_profiles. */
enum ProfileColumn
{
	PROFILE_NUMBER = 1,
	PROFILE_BY_NAME,
	PROFILE_GIVEN,
	PROFILE_GIVEN_FITS,
	PROFILE_GIVEN_NETWORK_NAME,
	PROFILE_NETWORK_ID,
	PROFILE_GIVEN_NETWORK_ID,
};

/* What an interface's names and its profile lead to. */
typedef struct Resolved
{
	bool profile_found; /* by name */
	pg_uuid_t profile;
	pg_uuid_t network;
	bool given_found; /* the profile that was given */
	bool given_fits;
	pg_uuid_t given_network;
	char *given_network_name;
} Resolved;

static Datum
array_of(Datum *values, bool *nulls, int count, Oid type)
{
	int dimension = count;
	int lower_bound = 1;

	return PointerGetDatum(construct_md_array(values, nulls, 1, &dimension, &lower_bound, type,
											  type == UUIDOID ? UUID_LEN : -1, false,
											  type == UUIDOID ? TYPALIGN_CHAR : TYPALIGN_INT));
}

static void
resolve_by_statement(const ClonePlan *plan, PlannedInterface **interfaces, int count,
					 Resolved *results)
{
	Datum *networks = palloc(sizeof(Datum) * count);
	Datum *profiles = palloc(sizeof(Datum) * count);
	Datum *given = palloc(sizeof(Datum) * count);
	bool *network_nulls = palloc0(sizeof(bool) * count);
	bool *profile_nulls = palloc0(sizeof(bool) * count);
	bool *given_nulls = palloc0(sizeof(bool) * count);
	Datum values[6];
	bool nulls[6] = {false};
	uint64 rows;

	for (int i = 0; i < count; i++)
	{
		char *profile = json_get_text(interfaces[i]->configuration, "profile_name");

		network_nulls[i] = interfaces[i]->network_name == NULL;
		networks[i] =
			network_nulls[i] ? (Datum) 0 : CStringGetTextDatum(interfaces[i]->network_name);
		profile_nulls[i] = profile == NULL;
		profiles[i] = profile ? CStringGetTextDatum(profile) : (Datum) 0;
		given_nulls[i] = !interfaces[i]->vnic_profile_id.given;
		given[i] = UUIDPGetDatum(&interfaces[i]->vnic_profile_id.value);
	}
	values[0] = array_of(networks, network_nulls, count, TEXTOID);
	values[1] = array_of(profiles, profile_nulls, count, TEXTOID);
	values[2] = array_of(given, given_nulls, count, UUIDOID);
	values[3] = UUIDPGetDatum(&plan->pool_id);
	nulls[3] = !plan->pool_exists;
	values[4] = UUIDPGetDatum(&plan->cluster_id);
	nulls[4] = !plan->cluster_exists;
	values[5] = UUIDPGetDatum(&plan->user_id);
	nulls[5] = !plan->has_user;
	rows = statement_run(&resolve_profiles, values, nulls);
	if (rows != count)
		elog(ERROR, "vNIC profiles of %d interfaces gave " UINT64_FORMAT " rows", count, rows);
	for (int i = 0; i < count; i++)
	{
		results[i].profile_found = !field_is_null(i, PROFILE_BY_NAME);
		results[i].profile = field_uuid(i, PROFILE_BY_NAME);
		results[i].network = field_uuid(i, PROFILE_NETWORK_ID);
		results[i].given_found = !field_is_null(i, PROFILE_GIVEN);
		results[i].given_fits = field_bool(i, PROFILE_GIVEN_FITS);
		results[i].given_network = field_uuid(i, PROFILE_GIVEN_NETWORK_ID);
		results[i].given_network_name = field_text(i, PROFILE_GIVEN_NETWORK_NAME);
	}
}

/* A network by its name, if it carries VMs and is in the cluster; found: NULL, there is none.  False: ask the statement. */
static bool
find_network(const ClonePlan *plan, const char *name, pg_uuid_t **found)
{
	static const char *const by_name[] = {"storage_pool_id", "name"};
	static const char *const in_cluster[] = {"network_id", "cluster_id"};
	Datum key[2] = {UUIDPGetDatum(&plan->pool_id), CStringGetTextDatum(name)};
	const KeyedRows *networks = keyed_rows_by_pairs("network", by_name, key, 1, KEYED_ACTIVE);

	*found = NULL;
	for (int row = 0; row < networks->count; row++)
	{
		pg_uuid_t id = keyed_uuid(networks, row, "id");
		const KeyedRows *members;

		if (!keyed_bool(networks, row, "vm_network"))
			continue;
		key[0] = UUIDPGetDatum(&id);
		key[1] = UUIDPGetDatum(&plan->cluster_id);
		members = keyed_rows_by_pairs("network_cluster", in_cluster, key, 1, KEYED_ACTIVE);
		if (!members->is_indexed || (members->count > 0 && *found))
			return false;
		if (members->count == 0)
			continue;
		*found = palloc(sizeof(pg_uuid_t));
		**found = id;
	}
	return networks->is_indexed;
}

static int
row_of_profile(const KeyedRows *profiles, const pg_uuid_t *id)
{
	for (int row = 0; row < profiles->count; row++)
	{
		pg_uuid_t other = keyed_uuid(profiles, row, "id");

		if (uuid_same(&other, id))
			return row;
	}
	elog(ERROR, "a vNIC profile is gone");
}

/* The profile of that name, else the first without port mirroring.  False: which a user may use, the statement says. */
static bool
choose_profile(const ClonePlan *plan, const char *name, Resolved *result)
{
	const KeyedRows *profiles =
		keyed_rows("vnic_profiles", "network_id", &result->network, 1, KEYED_ACTIVE);
	const pg_uuid_t *ids;

	if (!profiles->is_indexed)
		return false;
	ids = keyed_ids_by_name(profiles, "id", "name");
	for (int i = 0; i < profiles->count; i++)
	{
		int row = row_of_profile(profiles, &ids[i]);
		bool is_named = name && !keyed_is_null(profiles, row, "name") &&
						strcmp(keyed_text(profiles, row, "name"), name) == 0;

		if (is_named || (!result->profile_found && !plan->has_user &&
						 !keyed_is_null(profiles, row, "port_mirroring") &&
						 !keyed_bool(profiles, row, "port_mirroring")))
		{
			result->profile_found = true;
			result->profile = ids[i];
		}
		if (is_named)
			return true;
	}
	return !plan->has_user || profiles->count == 0;
}

static bool
is_same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What an interface before this one led to that names the same network and profile; NULL: there is none. */
static const Resolved *
find_resolved(PlannedInterface **interfaces, char **profiles, int number, const Resolved *results)
{
	for (int i = 0; i < number; i++)
	{
		if (is_same_name(interfaces[i]->network_name, interfaces[number]->network_name) &&
			is_same_name(profiles[i], profiles[number]))
			return &results[i];
	}
	return NULL;
}

/* What the statement does, by index, for interfaces that name their networks. */
static bool
resolve_at_once(const ClonePlan *plan, PlannedInterface **interfaces, int count, Resolved *results)
{
	char **profiles = palloc(sizeof(char *) * (count + 1));

	if (!plan->pool_exists || !plan->cluster_exists)
		return false;
	for (int i = 0; i < count; i++)
	{
		const Resolved *same;
		pg_uuid_t *network;

		if (interfaces[i]->vnic_profile_id.given)
			return false;
		profiles[i] = json_get_text(interfaces[i]->configuration, "profile_name");
		same = find_resolved(interfaces, profiles, i, results);
		if (same)
			results[i] = *same;
		if (same || interfaces[i]->network_name == NULL)
			continue;
		if (!find_network(plan, interfaces[i]->network_name, &network))
			return false;
		if (network == NULL)
			continue;
		results[i].network = *network;
		if (!choose_profile(plan, profiles[i], &results[i]))
			return false;
	}
	return true;
}

void
plan_resolve_profiles(const ClonePlan *plan, PlannedInterface **interfaces, int count)
{
	Resolved *results = palloc0(sizeof(Resolved) * (count + 1));
	bool done;

	keyed_begin_snapshot();
	done = resolve_at_once(plan, interfaces, count, results);
	keyed_end_snapshot();
	if (!done)
		resolve_by_statement(plan, interfaces, count, results);
	for (int i = 0; i < count; i++)
	{
		PlannedInterface *interface = interfaces[i];
		const Resolved *result = &results[i];

		if (interface->vnic_profile_id.given)
		{
			interface->profile_chosen |=
				!uuid_same(&result->profile, &interface->vnic_profile_id.value);
			interface->network_id = result->given_network;
			interface->profile_unknown = !result->given_found;
			interface->profile_elsewhere = result->given_found && !result->given_fits;
			interface->network_name = result->given_network_name;
			continue;
		}
		interface->vnic_profile_id.given = result->profile_found;
		interface->vnic_profile_id.value = result->profile;
		interface->network_id = result->network;
		interface->profile_chosen &= interface->vnic_profile_id.given;
		interface->profile_lost =
			interface->network_name != NULL && !interface->vnic_profile_id.given;
	}
}
