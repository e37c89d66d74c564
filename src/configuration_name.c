/*
 * configuration_name.c
 *		Names that a clone may be offered: copy_of_NAME, copy_of_NAME_2, …
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "configuration_internal.h"
#include "frame.h"
#include "statement.h"

#define PREFIX "copy_of_"

/* Names that unfinished jobs hold, of those offered. */
static Statement reserved_names = {
	.sql = "SELECT vm_name FROM vmclone.vm_names WHERE storage_pool_id = $1 AND vm_name = ANY ($2)",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTARRAYOID},
};

/*
 * The engine allows letters and digits of any script and _ - . + in a name; other ASCII is
 * replaced by _.
 */
static char *
allowed_name(const char *vm_name)
{
	char *name = pstrdup(vm_name);

	for (char *c = name; *c != '\0'; c += pg_mblen(c))
	{
		bool allowed = IS_HIGHBIT_SET(*c) || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
					   (*c >= '0' && *c <= '9') || strchr("_-.+", *c) != NULL;

		if (!allowed)
			*c = '_';
	}
	return name;
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
	offered = PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
	if (has_pool)
	{
		Frame frame;
		Datum values[2] = {UUIDPGetDatum(pool_id), offered};
		uint64 reserved;

		frame_enter_own(&frame);
		reserved = statement_run(&reserved_names, values, NULL);
		for (uint64 row = 0; row < reserved; row++)
		{
			char *taken = field_text(row, 1);

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
			offered =
				PointerGetDatum(construct_array(names, kept, TEXTOID, -1, false, TYPALIGN_INT));
	}
	return offered;
}
