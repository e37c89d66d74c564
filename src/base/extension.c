/*
 * extension.c
 *		The extension as this database has it: its owner, its version, and whether the library is of that version.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/extension.h"

/* Not VMCLONE_FUNCTION_INFO, which checks the version: this function answers in every version. */
PG_FUNCTION_INFO_V1(vmclone_library_version);

const char *const library_version = VMCLONE_VERSION;

typedef struct Extension
{
	Oid owner;
	char *version;
} Extension;

static bool
look_up(Extension *extension)
{
	Relation relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool found;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("vmclone"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
	{
		bool is_null;
		Datum version =
			heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(relation), &is_null);

		extension->owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
		extension->version = is_null ? pstrdup("") : TextDatumGetCString(version);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

static bool
is_newer_than_library(const char *version)
{
	int major = 0;
	int minor = 0;
	int library_major = 0;
	int library_minor = 0;

	sscanf(version, "%d.%d", &major, &minor);
	sscanf(library_version, "%d.%d", &library_major, &library_minor);
	return major != library_major ? major > library_major : minor > library_minor;
}

static void
check(const char *version)
{
	if (strcmp(version, library_version) == 0 || IsBinaryUpgrade ||
		(creating_extension && !is_newer_than_library(version)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("extension \"vmclone\" of this database is of another version than the "
					"server's library"),
			 errdetail("The extension is version %s, the library %s.", version, library_version),
			 errhint("%s", extension_advice(version))));
}

const char *
extension_advice(const char *version)
{
	return is_newer_than_library(version)
			   ? "Restart the server, so that it loads the library that is installed."
			   : "Run ALTER EXTENSION vmclone UPDATE in this database.";
}

ExtensionState
extension_state(char **version)
{
	Extension extension;

	if (!look_up(&extension))
		return EXTENSION_ABSENT;
	*version = extension.version;
	return strcmp(extension.version, library_version) == 0 ? EXTENSION_CURRENT
														   : EXTENSION_OTHER_VERSION;
}

void
extension_check_version(void)
{
	Extension extension;

	/* no extension: somebody made the function by hand, and its first statement fails */
	if (look_up(&extension))
		check(extension.version);
}

Oid
extension_owner(void)
{
	static Oid owner;
	static TimestampTz looked_up_at;

	if (looked_up_at != GetCurrentStatementStartTimestamp())
	{
		Extension extension;

		if (!look_up(&extension))
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
							errmsg("extension \"vmclone\" does not exist in this database"),
							errhint("Run CREATE EXTENSION vmclone.")));
		check(extension.version);
		owner = extension.owner;
		looked_up_at = GetCurrentStatementStartTimestamp();
	}
	return owner;
}

/* library_version() → text: of the library that the server has loaded, whatever the extension's is. */
Datum
vmclone_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(library_version));
}
