/*
 * checks_input.c
 *		Stage (I): what can be said of the parameters alone, and of names in them.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "check_table.h"
#include "errors.h"
#include "json.h"

void
check_snapshot_id_given(CheckRun *run)
{
	if (!run->plan->request->snapshot_id.given)
		refuse(run, NULL, "snapshot_id is null");
}

/*
 * Letters and digits of any language.  Beyond ASCII, where a server has no table of categories,
 * what is surely none is refused: controls, punctuation, symbols, spaces, private use, emoji.
 */
static bool
is_letter_or_digit(pg_wchar c)
{
	static const pg_wchar refused[][2] = {
		{0x80, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},       {0xbb, 0xbf},
		{0xd7, 0xd7},     {0xf7, 0xf7},     {0x2000, 0x2bff},   {0x2e00, 0x2e7f},
		{0x3000, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x3030},   {0xd800, 0xf8ff},
		{0xfe00, 0xfe6f}, {0xfeff, 0xff0f}, {0xff1a, 0xff20},   {0xff3b, 0xff40},
		{0xff5b, 0xff65}, {0xffe0, 0xffff}, {0x1f000, 0x1faff}, {0xe0000, 0x10ffff},
	};

	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	if (GetDatabaseEncoding() != PG_UTF8)
		return true;
	for (int i = 0; i < lengthof(refused); i++)
		if (c >= refused[i][0] && c <= refused[i][1])
			return false;
	return true;
}

/* The first character that the rule doesn't allow, or NULL; punctuation NULL: all of ASCII goes. */
static char *
find_refused_character(const char *text, const char *punctuation)
{
	while (*text)
	{
		int length = pg_mblen(text);
		pg_wchar wide[2];

		(void) pg_mb2wchar_with_len(text, wide, length);
		if (!is_letter_or_digit(wide[0]) &&
			(wide[0] >= 0x80 || (punctuation && strchr(punctuation, (int) wide[0]) == NULL)))
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
