/*
 * plan_interfaces.c
 *		Network interfaces of the copies: the caller's values, MAC choice, vNIC profiles resolved in
 *		the target cluster (ovirt-clone.md, "NICs and MAC addresses").
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/errors.h"
#include "base/json.h"
#include "base/json_objects.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "inventory/row_copy.h"
#include "plan/plan_parts.h"

static Jsonb *
find_override(Jsonb **objects, int count, const Jsonb *interface)
{
	pg_uuid_t id;
	pg_uuid_t given;
	char *name = json_get_text(interface, "name");
	bool has_id = json_get_uuid(interface, "interface_id", &id);

	for (int i = 0; i < count; i++)
	{
		char *given_name = json_get_text(objects[i], "name");

		if (json_get_uuid(objects[i], "interface_id", &given))
		{
			if (has_id && uuid_same(&given, &id))
				return objects[i];
		}
		else if (name && given_name && strcmp(name, given_name) == 0)
			return objects[i];
	}
	return NULL;
}

static void
append_text(StringInfo overlay, const Jsonb *given, const char *key)
{
	char *text = json_get_text(given, key);

	if (text == NULL)
		return;
	appendStringInfo(overlay, "%s\"%s\":", overlay->len > 1 ? "," : "", key);
	json_append_string(overlay, text);
}

static void
append_boolean(StringInfo overlay, const Jsonb *given, const char *from, const char *key)
{
	char *text = json_get_text(given, from);

	if (text)
		appendStringInfo(overlay, "%s\"%s\":%s", overlay->len > 1 ? "," : "", key, text);
}

/* The interface's type: a code 0..6. */
static void
append_type(StringInfo overlay, const Jsonb *given)
{
	char *text = json_get_text(given, "type");

	if (text == NULL)
		return;
	if (strlen(text) != 1 || text[0] < '0' || text[0] > '6')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for parameter \"interfaces.type\": \"%s\"",
							   message_excerpt(text)),
						errhint("Valid values are the codes 0 to 6, for example 3 for pv.")));
	appendStringInfo(overlay, "%s\"type\":%s", overlay->len > 1 ? "," : "", text);
}

/* Keys of a handed-back interface object that follow from others. */
static const char *const fixed_keys[] = {"speed", "address"};

static void
check_fixed_keys(const PlannedInterface *interface, const Jsonb *given)
{
	for (int i = 0; i < lengthof(fixed_keys); i++)
	{
		char *wanted = json_get_text(given, fixed_keys[i]);
		char *is = json_get_text(interface->configuration, fixed_keys[i]);

		if (wanted && (is == NULL || strcmp(wanted, is) != 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("key \"%s\" of interface \"%s\" in parameter \"interfaces\" cannot be "
							"changed",
							fixed_keys[i], json_get_text(interface->configuration, "name")),
					 errdetail("It is \"%s\" in the snapshot, and \"%s\" was given.",
							   is ? is : "null", message_excerpt(wanted)),
					 errhint("Leave the key out, or hand it back unchanged.")));
	}
}

/* A name that an interface is to have instead of its own. */
static void
check_new_name(const PlannedInterface *interface, const Jsonb *given)
{
	char *name = json_get_text(given, "name");
	char *old = json_get_text(interface->configuration, "name");
	StringInfoData overlay;

	if (name == NULL || (old && strcmp(name, old) == 0))
		return;
	if (name[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the new name of interface \"%s\" is empty", old ? old : ""),
						errhint("Leave the key out to keep what the snapshot has.")));
	initStringInfo(&overlay);
	appendStringInfoChar(&overlay, '{');
	append_text(&overlay, given, "name");
	appendStringInfoChar(&overlay, '}');
	row_overlay_check("vm_interface", json_from_text(overlay.data), "interfaces");
}

/* Is the text of a key given, and another one than that of the object? */
static bool
changes_text(const Jsonb *object, const Jsonb *given, const char *key)
{
	char *text = json_get_text(given, key);
	char *is = json_get_text(object, key);

	return text && (is == NULL || strcmp(text, is) != 0);
}

/*
 * True if an explicit null takes the interface off its network. A snapshot's interface without a network, handed back as it is, has a null too, which changes nothing.
 */
static bool
takes_off_networks(const PlannedInterface *interface, const Jsonb *given)
{
	if (json_has(given, "vnic_profile_id"))
		return json_get_text(given, "vnic_profile_id") == NULL;
	return json_has(given, "network_name") && json_get_text(given, "network_name") == NULL &&
		   json_get_text(interface->configuration, "network_name") != NULL;
}

/* Keys that are not given keep what the snapshot, or the parameter for all copies, says. */
static void
apply_override(PlannedInterface *interface, const Jsonb *given)
{
	char *old_mac = json_get_text(interface->configuration, "mac_addr");
	char *mac = json_get_text(given, "mac");
	char *mac_addr = json_get_text(given, "mac_addr");
	StringInfoData overlay;

	check_fixed_keys(interface, given);
	check_new_name(interface, given);
	interface->include = json_get_bool(given, "include", interface->include);
	if (mac && pg_strcasecmp(mac, "new") == 0)
		interface->mac = MAC_NEW;
	else if (mac && pg_strcasecmp(mac, "keep") == 0)
	{
		interface->mac = MAC_KEEP;
		interface->mac_addr = old_mac;
	}
	else if (mac)
	{
		interface->mac = MAC_GIVEN;
		interface->mac_addr = mac;
	}
	else if (mac_addr && (old_mac == NULL || pg_strcasecmp(mac_addr, old_mac) != 0))
	{
		request_check_mac(mac_addr);
		interface->mac = MAC_GIVEN;
		interface->mac_addr = mac_addr;
	}
	if (changes_text(interface->configuration, given, "network_name") ||
		changes_text(interface->configuration, given, "profile_name"))
	{
		interface->profile_chosen = true;
		interface->vnic_profile_id.given = false;
	}
	initStringInfo(&overlay);
	appendStringInfoChar(&overlay, '{');
	append_text(&overlay, given, "name");
	append_text(&overlay, given, "network_name");
	append_text(&overlay, given, "profile_name");
	append_type(&overlay, given);
	append_boolean(&overlay, given, "linked", "linked");
	append_boolean(&overlay, given, json_is_given(given, "plugged") ? "plugged" : "is_plugged",
				   "is_plugged");
	if (takes_off_networks(interface, given))
	{
		appendStringInfo(&overlay, "%s\"network_name\":null,\"profile_name\":null",
						 overlay.len > 1 ? "," : "");
		interface->vnic_profile_id.given = false;
	}
	appendStringInfoChar(&overlay, '}');
	if (overlay.len > 2)
		interface->configuration =
			json_overlay(interface->configuration, json_from_text(overlay.data));
	if (json_get_uuid(given, "vnic_profile_id", &interface->vnic_profile_id.value))
		interface->vnic_profile_id.given = true;
}

/* Interfaces of the configuration with the elements of one or two arrays laid over them. */
static PlannedInterface *
read_interfaces(ClonePlan *plan, Jsonb **objects, int count, const Jsonb *first,
				const Jsonb *second)
{
	PlannedInterface *interfaces = palloc0(sizeof(PlannedInterface) * (count + 1));
	const Jsonb *arrays[2] = {first, second};

	for (int i = 0; i < count; i++)
	{
		interfaces[i].number = i + 1;
		interfaces[i].configuration = objects[i];
		interfaces[i].include = true;
		interfaces[i].mac = MAC_NEW;
		(void) json_get_uuid(objects[i], "interface_id", &interfaces[i].interface_id);
	}
	for (int a = 0; a < lengthof(arrays); a++)
	{
		int given_count;
		Jsonb **given = json_get_elements(arrays[a], "interfaces", &given_count);
		Jsonb **overrides = palloc0(sizeof(Jsonb *) * (count + 1));

		for (int i = 0; i < count; i++)
		{
			overrides[i] = find_override(given, given_count, objects[i]);
			if (overrides[i])
				apply_override(&interfaces[i], overrides[i]);
		}
		for (int g = 0; g < given_count; g++)
		{
			bool known = false;
			bool counts = false;

			for (int i = 0; i < count; i++)
			{
				known = known || find_override(&given[g], 1, objects[i]) != NULL;
				counts = counts || overrides[i] == given[g];
			}
			if (known && !counts)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("parameter \"interfaces\" names interface \"%s\" by its name, and "
								"by its id too",
								json_get_text(given[g], "name")),
						 errhint("Say all that is wanted of an interface in one element.")));
			if (!known)
			{
				char *id = json_get_text(given[g], "interface_id");

				plan->unknown_interfaces =
					lappend(plan->unknown_interfaces, id ? id : json_get_text(given[g], "name"));
			}
		}
	}
	for (int i = 0; i < count; i++)
	{
		interfaces[i].name = json_get_text(interfaces[i].configuration, "name");
		interfaces[i].network_name = json_get_text(interfaces[i].configuration, "network_name");
	}
	return interfaces;
}

void
plan_load_interfaces(ClonePlan *plan)
{
	int count;
	Jsonb **objects = json_get_elements(plan->configuration, "interfaces", &count);
	const CloneRequest *request = plan->request;
	int override_count = 0;
	Jsonb **overrides = NULL;
	PlannedInterface **all;
	int all_count = 0;

	if (request->copy_overrides)
	{
		override_count = JB_ROOT_COUNT(request->copy_overrides);
		overrides = palloc(sizeof(Jsonb *) * (override_count + 1));
		for (int i = 0; i < override_count; i++)
			overrides[i] =
				JsonbValueToJsonb(getIthJsonbValueFromContainer(&request->copy_overrides->root, i));
	}
	plan->interface_count = count;
	plan->interfaces = read_interfaces(plan, objects, count, request->parameters, NULL);
	plan->copy_interfaces = palloc(sizeof(PlannedInterface *) * request->copies);
	all = palloc(sizeof(PlannedInterface *) * (count * (override_count + 1) + 1));
	for (int i = 0; i < count; i++)
		all[all_count++] = &plan->interfaces[i];
	for (int i = 0; i < request->copies; i++)
	{
		plan->copy_interfaces[i] = plan->interfaces;
		if (i >= override_count || json_get(overrides[i], "interfaces") == NULL)
			continue;
		plan->copy_interfaces[i] =
			read_interfaces(plan, objects, count, request->parameters, overrides[i]);
		for (int j = 0; j < count; j++)
			all[all_count++] = &plan->copy_interfaces[i][j];
	}
	if (all_count > 0)
		plan_resolve_profiles(plan, all, all_count);
}
