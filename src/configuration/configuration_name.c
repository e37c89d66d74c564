/*
 * configuration_name.c
 *		Names that a clone may be offered: copy_of_NAME, copy_of_NAME_2, …
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/frame.h"
#include "base/statement.h"
#include "configuration/configuration.h"
#include "configuration/configuration_internal.h"

#define PREFIX "copy_of_"

/* Names that unfinished jobs hold, of those offered. */
static Statement reserved_names = {
	.sql = "SELECT vm_name FROM vmclone.vm_names WHERE storage_pool_id = $1 AND vm_name = ANY ($2)",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTARRAYOID},
};

/*
 * Letters and digits of any language.  Beyond ASCII, where a server has no table of categories,
 * what is surely none is refused: controls, punctuation, symbols, spaces, private use, emoji.
 */
bool
is_letter_or_digit(const char *character)
{
	static const pg_wchar refused[][2] = {
		{0x80, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},       {0xbb, 0xbf},
		{0xd7, 0xd7},     {0xf7, 0xf7},     {0x2000, 0x2bff},   {0x2e00, 0x2e7f},
		{0x3000, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x3030},   {0xd800, 0xf8ff},
		{0xfe00, 0xfe6f}, {0xfeff, 0xff0f}, {0xff1a, 0xff20},   {0xff3b, 0xff40},
		{0xff5b, 0xff65}, {0xffe0, 0xffff}, {0x1f000, 0x1faff}, {0xe0000, 0x10ffff},
	};

	pg_wchar wide[2];
	pg_wchar c;

	(void) pg_mb2wchar_with_len(character, wide, pg_mblen(character));
	c = wide[0];
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	if (GetDatabaseEncoding() != PG_UTF8)
		return true;
	for (int i = 0; i < lengthof(refused); i++)
		if (c >= refused[i][0] && c <= refused[i][1])
			return false;
	return true;
}

/* The engine allows letters and digits of any script and _ - . + in a name; others become _. */
static char *
allowed_name(const char *vm_name)
{
	StringInfoData name;

	initStringInfo(&name);
	for (const char *c = vm_name; *c != '\0'; c += pg_mblen(c))
	{
		if (is_letter_or_digit(c) || strchr("_-.+", *c) != NULL)
			appendBinaryStringInfo(&name, c, pg_mblen(c));
		else
			appendStringInfoChar(&name, '_');
	}
	return name.data;
}

/* PREFIX, as much of the name as fits, and the number unless it is the first. */
static char *
numbered_name(const char *name, int number)
{
	char suffix[16] = "";
	int room;
	int bytes;

	if (number > 1)
		snprintf(suffix, sizeof(suffix), "_%d", number);
	room = SUGGESTED_NAME_MAX_LENGTH - (int) strlen(PREFIX) - (int) strlen(suffix);
	bytes = pg_mbcharcliplen(name, strlen(name), room);
	return psprintf("%s%.*s%s", PREFIX, bytes, name, suffix);
}

Datum
suggested_names(const char *vm_name, bool has_pool, const pg_uuid_t *pool_id, int first, int count)
{
	char *name = allowed_name(vm_name);
	Datum *names = palloc(sizeof(Datum) * count);
	int kept = count;
	Datum offered;

	for (int i = 0; i < count; i++)
		names[i] = CStringGetTextDatum(numbered_name(name, first + i));
	offered = array_of_datums(names, count, TEXTOID);
	if (has_pool)
	{
		Frame frame;
		Datum values[2] = {UUIDPGetDatum(pool_id), offered};
		uint64 reserved;

		frame_enter_own(&frame);
		reserved = statement_run(&reserved_names, values, NULL);
		for (uint64 row = 0; row < reserved; row++)
		{
			char *taken = field_text(row, ONLY_COLUMN);

			for (int i = 0; i < kept; i++)
			{
				if (strcmp(TextDatumGetCString(names[i]), taken) == 0)
				{
					memmove(&names[i], &names[i + 1], sizeof(Datum) * (--kept - i));
					break;
				}
			}
		}
		frame_leave(&frame);
		if (reserved > 0)
			offered = array_of_datums(names, kept, TEXTOID);
	}
	return offered;
}
