/*
 * checks_property.c
 *		V30 and V37: custom properties, "key=value;key=value", and the watchdog.
 *
 * Which properties there are and what they may hold, the engine's configuration says as Java's
 * regular expressions; that is left to it.
 */
#include "postgres.h"

#include "base/json.h"
#include "checks/check_table.h"

static const char *const property_columns[] = {"predefined_properties", "userdefined_properties"};

typedef struct CustomProperty
{
	char *key;
	char *value;
} CustomProperty;

/* As the engine's: keys of letters, digits and _, values without ";", which may end the list too. */
static bool
read_properties(const char *text, List **properties)
{
	*properties = NIL;
	while (text && *text)
	{
		const char *end = text + strcspn(text, ";");
		size_t key_length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
										 "0123456789_");
		CustomProperty *property = palloc(sizeof(CustomProperty));

		if (key_length == 0 || text[key_length] != '=')
			return false;
		property->key = pnstrdup(text, key_length);
		property->value = pnstrdup(text + key_length + 1, end - text - key_length - 1);
		*properties = lappend(*properties, property);
		text = *end ? end + 1 : end;
	}
	return true;
}

char *
custom_property(const CheckRun *run, const char *key)
{
	for (int i = 0; i < lengthof(property_columns); i++)
	{
		List *properties;
		ListCell *cell;

		(void) read_properties(planned_text(run, property_columns[i]), &properties);
		foreach (cell, properties)
		{
			const CustomProperty *property = lfirst(cell);

			if (strcmp(property->key, key) == 0)
				return property->value;
		}
	}
	return NULL;
}

void
check_property_syntax(CheckRun *run)
{
	for (int i = 0; i < lengthof(property_columns); i++)
	{
		char *text = planned_text(run, property_columns[i]);
		List *properties;

		if (!read_properties(text, &properties))
			refuse(run, psprintf("%s is \"%s\".", property_columns[i], text),
				   "the custom properties do not have the form key=value;key=value");
	}
}

void
check_property_duplicates(CheckRun *run)
{
	StringInfoData duplicates;
	List *keys = NIL;

	initStringInfo(&duplicates);
	for (int i = 0; i < lengthof(property_columns); i++)
	{
		List *properties;
		ListCell *cell;

		(void) read_properties(planned_text(run, property_columns[i]), &properties);
		foreach (cell, properties)
		{
			char *key = ((CustomProperty *) lfirst(cell))->key;
			ListCell *other;
			bool seen = false;

			foreach (other, keys)
				seen = seen || strcmp(lfirst(other), key) == 0;
			if (seen)
				append_item(&duplicates, key);
			else
				keys = lappend(keys, key);
		}
	}
	if (duplicates.len)
		refuse(run, psprintf("Keys: %s.", duplicates.data), "custom properties are given twice");
}

/* Words that a watchdog's spec_params have below key, of those that the engine doesn't know; NULL: none. */
static char *
unknown_watchdog_word(const CheckRun *run, const char *key, const char *const *known)
{
	for (int i = 0; i < run->plan->device_count; i++)
	{
		const char *type = run->plan->device_types[i];
		char *word;
		bool found = false;

		if (type == NULL || strcmp(type, "watchdog") != 0)
			continue;
		word = json_get_text(json_get(run->plan->devices[i], "spec_params"), key);
		if (word == NULL)
			continue;
		for (int j = 0; known[j]; j++)
			found = found || pg_strcasecmp(known[j], word) == 0;
		if (!found)
			return word;
	}
	return NULL;
}

/* The engine's VmWatchdogType: those that PCI machines have, and s390x's own. */
void
check_watchdog_model(CheckRun *run)
{
	static const char *const pci_models[] = {"i6300esb", "ib700", NULL};
	static const char *const s390_models[] = {"diag288", NULL};
	const ClonePlan *plan = run->plan;
	char *model;

	if (!plan->cluster_exists)
		return;
	model =
		unknown_watchdog_word(run, "model", is_s390(plan->architecture) ? s390_models : pci_models);
	if (model)
		refuse(run, psprintf("Its model is \"%s\".", model),
			   "cluster \"%s\" has no watchdog of this model", plan->cluster_name);
}

/* The engine's VmWatchdogAction. */
void
check_watchdog_action(CheckRun *run)
{
	static const char *const actions[] = {"none", "reset", "poweroff", "dump", "pause", NULL};
	char *action = unknown_watchdog_word(run, "action", actions);

	if (action)
		refuse(run, psprintf("Its action is \"%s\".", action), "the watchdog's action is unknown");
}
