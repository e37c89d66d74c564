/*
 * extension.h
 *		The extension as this database has it: its owner, its version, and whether the library is of that version.
 *
 * The library comes from a file, the SQL objects from the database's catalog; either may be newer, after
 * an installation without ALTER EXTENSION UPDATE or without a restart.  A function then is called
 * with other arguments than it reads.  So no function of the library runs in an extension of another version.
 */
#ifndef VMCLONE_EXTENSION_H
#define VMCLONE_EXTENSION_H

#include "postgres.h"

#include "fmgr.h"

/* The library's; the control file names it. */
extern const char *const library_version;

/* The role that owns the extension, looked up once in a statement of the client; checks the version. */
extern Oid extension_owner(void);

typedef enum ExtensionState
{
	EXTENSION_ABSENT,
	EXTENSION_CURRENT,
	EXTENSION_OTHER_VERSION, /* than the library */
} ExtensionState;

/* For who must not raise an error; the version found is put into *version (palloc'd) unless ABSENT. */
extern ExtensionState extension_state(char **version);

/* Which step makes both versions one; for a HINT. */
extern const char *extension_advice(const char *version);

/*
 * ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE if the database's extension is of another version than the
 * library.  While a script of the extension runs (an update may pass through older versions), only if
 * it is newer.
 */
extern void extension_check_version(void);

/*
 * In place of PG_FUNCTION_INFO_V1.  The server asks for the record of a function before a session's first
 * call of it, and again whenever its catalog entry has changed: the moment to see whether SQL
 * and C agree on its arguments.
 */
#define VMCLONE_FUNCTION_INFO(name)                                                                \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                               \
	extern PGDLLEXPORT const Pg_finfo_record *pg_finfo_##name(void);                               \
	const Pg_finfo_record *pg_finfo_##name(void)                                                   \
	{                                                                                              \
		static const Pg_finfo_record record = {1};                                                 \
                                                                                                   \
		extension_check_version();                                                                 \
		return &record;                                                                            \
	}                                                                                              \
	extern int no_such_variable

#endif
