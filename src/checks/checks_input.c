/*
 * checks_input.c
 *		Stage (I): what can be said of the parameters alone, and of names in them.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/errors.h"
#include "checks/check_table.h"
#include "configuration/configuration.h"

void
check_snapshot_id_given(CheckRun *run)
{
	if (!run->plan->request->snapshot_id.given)
		refuse(run, NULL, "snapshot_id is null");
}

/* The first character that the rule doesn't allow, or NULL; punctuation NULL: all of ASCII goes. */
static char *
find_refused_character(const char *text, const char *punctuation)
{
	while (*text)
	{
		int length = pg_mblen(text);

		if (!is_letter_or_digit(text) &&
			(IS_HIGHBIT_SET(*text) || (punctuation && strchr(punctuation, *text) == NULL)))
			return pnstrdup(text, length);
		text += length;
	}
	return NULL;
}

void
check_name_characters(CheckRun *run)
{
	for (int i = 0; i < run->plan->request->copies; i++)
	{
		const char *name = run->plan->vm_names[i];
		char *refused = find_refused_character(name, "_-.+");

		if (refused == NULL)
			continue;
		refuse(run, psprintf("Character \"%s\" is not allowed.", refused),
			   "name \"%s\" has special characters", message_excerpt(name));
		return;
	}
}

void
check_description_characters(CheckRun *run)
{
	char *description = planned_text(run, "description");
	char *refused = description ? find_refused_character(description, NULL) : NULL;

	if (refused)
		refuse(run, psprintf("Character \"%s\" is not allowed.", refused),
			   "the description has special characters");
}

void
check_boot_parameters(CheckRun *run)
{
	static const char *const columns[] = {"kernel_url", "initrd_url", "kernel_params"};

	for (int i = 0; i < lengthof(columns); i++)
	{
		char *value = planned_text(run, columns[i]);

		if (value && value[0] &&
			(strchr(" \t\n", value[0]) || strchr(" \t\n", value[strlen(value) - 1])))
			refuse(run, psprintf("%s is \"%s\".", columns[i], message_excerpt(value)),
				   "%s begins or ends with white space", columns[i]);
	}
}

void
check_migration_downtime(CheckRun *run)
{
	int64 downtime = planned_integer(run, "migration_downtime", 0);

	if (downtime < 0)
		refuse(run, psprintf("migration_downtime is " INT64_FORMAT ".", downtime),
			   "the migration downtime is negative");
}

static char *
join(const List *items)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, items)
		append_item(&text, lfirst(cell));
	return text.data;
}

void
check_known_disks(CheckRun *run)
{
	if (run->plan->unknown_disks != NIL)
		refuse(run, psprintf("Disks: %s.", join(run->plan->unknown_disks)),
			   "parameter \"disks\" names disks that the snapshot does not have");
}

void
check_known_interfaces(CheckRun *run)
{
	if (run->plan->unknown_interfaces != NIL)
		refuse(run, psprintf("Interfaces: %s.", join(run->plan->unknown_interfaces)),
			   "parameter \"interfaces\" names interfaces that the snapshot does not have");
}
