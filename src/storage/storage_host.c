/*
 * storage_host.c
 *		A machine that copies run on.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "base/errors.h"
#include "base/settings.h"
#include "base/statement.h"
#include "storage/storage_host.h"
#include "utils/builtins.h"

/* Below the data directory. */
#define STATE_DIRECTORY "vmclone"

#define FIND_HOST "SELECT host_name, address FROM vmclone.hosts WHERE host_name = $1"

static Statement find_host = {
	.sql = FIND_HOST,
	.argument_count = 1,
	.argument_types = {TEXTOID},
};

static Statement lock_host = {
	.sql = FIND_HOST " FOR UPDATE",
	.argument_count = 1,
	.argument_types = {TEXTOID},
};

static Statement write_status = {
	.sql = "UPDATE vmclone.hosts SET status_since = CASE WHEN status = $2 THEN status_since"
		   " ELSE clock_timestamp() END, status = $2, checked_at = clock_timestamp(),"
		   " copier_version = COALESCE($3, copier_version), error = $4 WHERE host_name = $1",
	.argument_count = 4,
	.argument_types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
};

/* Columns of find_host and lock_host. */
enum
{
	HOST_NAME = 1,
	HOST_ADDRESS,
};

StorageHost
storage_host_find(const char *name, bool for_update)
{
	Datum value = CStringGetTextDatum(name);
	StorageHost host;

	if (statement_run(for_update ? &lock_host : &find_host, &value, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_HOST),
				 errmsg("copy host \"%s\" does not exist", message_excerpt(name)),
				 errhint("View vmclone.copy_hosts lists the hosts; add_copy_host adds one.")));
	host.name = field_text(0, HOST_NAME);
	host.address = field_text(0, HOST_ADDRESS);
	return host;
}

void
storage_host_write(const char *name, const char *version, const char *error)
{
	bool nulls[4] = {0};
	Datum values[4] = {CStringGetTextDatum(name),
					   CStringGetTextDatum(error != NULL ? "down" : "up"),
					   text_or_null(version, &nulls[2]), text_or_null(error, &nulls[3])};

	(void) statement_run(&write_status, values, nulls);
}

StorageHost
storage_host_copy(const StorageHost *host)
{
	StorageHost copy = {pstrdup(host->name), host->address ? pstrdup(host->address) : NULL};

	return copy;
}

/* A word with each placeholder replaced. */
static char *
fill_word(const char *word, const char *address)
{
	StringInfoData filled;
	const char *found;

	initStringInfo(&filled);
	while ((found = strstr(word, LAUNCHER_ADDRESS)) != NULL)
	{
		appendBinaryStringInfo(&filled, word, found - word);
		appendStringInfoString(&filled, address);
		word = found + strlen(LAUNCHER_ADDRESS);
	}
	appendStringInfoString(&filled, word);
	return filled.data;
}

char *
storage_state_directory(void)
{
	char *path = psprintf("%s/" STATE_DIRECTORY, DataDir);

	/* where it can't be made, the program that needs it says so */
	if (MakePGDirectory(path) != 0 && errno != EEXIST)
		ereport(LOG,
				(errcode_for_file_access(), errmsg("could not create directory \"%s\": %m", path)));
	return path;
}

char **
storage_host_launcher(const StorageHost *host, int *count)
{
	char *rest = pstrdup(vmclone_copy_launcher);
	/* a word takes a byte and a blank */
	char **words = palloc0((strlen(rest) / 2 + 2) * sizeof(char *));
	char *word;

	*count = 0;
	while ((word = strsep(&rest, LAUNCHER_BLANKS)) != NULL)
		if (*word != '\0')
			words[(*count)++] = fill_word(word, host->address);
	return words;
}
