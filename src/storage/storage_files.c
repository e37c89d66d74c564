/*
 * storage_files.c
 *		Which files the images of directory domains are.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/statement.h"
#include "base/uuid.h"
#include "contract/copier_protocol.h"
#include "storage/storage_files.h"

static Statement find_directory = {
	.sql = "SELECT FROM vmclone.directory_domains WHERE storage_domain_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement find_file = {
	.sql = "SELECT file_name FROM vmclone.image_files WHERE image_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* $3 the stem, $4 the ending: the first of STEM.END, STEM-2.END … that no image has. */
static Statement choose_name = {
	.sql = "INSERT INTO vmclone.image_files (image_id, storage_domain_id, file_name)"
		   " SELECT $1, $2, c.name FROM (SELECT n, $3 || CASE n WHEN 1 THEN '' ELSE '-' || n END"
		   "  || $4 AS name FROM generate_series(1, 10000) AS n) c"
		   " WHERE NOT EXISTS (SELECT FROM vmclone.image_files f WHERE f.storage_domain_id = $2"
		   "  AND f.file_name = c.name) ORDER BY c.n LIMIT 1 RETURNING file_name",
	.argument_count = 4,
	.argument_types = {UUIDOID, UUIDOID, TEXTOID, TEXTOID},
};

static Statement forget_file = {
	.sql = "DELETE FROM vmclone.image_files WHERE image_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

bool
storage_is_directory(const pg_uuid_t *domain_id)
{
	Datum value = UUIDPGetDatum(domain_id);

	return statement_run(&find_directory, &value, NULL) > 0;
}

char *
storage_file_find(const pg_uuid_t *image_id)
{
	Datum value = UUIDPGetDatum(image_id);

	return statement_run(&find_file, &value, NULL) > 0 ? field_text(0, ONLY_COLUMN) : NULL;
}

/* Bytes that everybody's tools take in a file name; it doesn't begin as a hidden file's or an option. */
static void
make_plain(char *name)
{
	for (char *at = name; *at != '\0'; at++)
		if (!isalnum((unsigned char) *at) && (at == name || strchr("._+-", *at) == NULL))
			*at = '_';
}

char *
storage_file_name(const pg_uuid_t *image_id, const pg_uuid_t *domain_id, const char *vm_name,
				  const char *disk_alias, bool is_raw)
{
	/* room for a number and the ending */
	const int room = COPIER_MAX_NAME - 16;
	char *name = storage_file_find(image_id);
	int alias_length = strlen(disk_alias);
	int own_length = alias_length - (int) strlen(vm_name) - 1;
	char *stem;
	Datum values[4] = {UUIDPGetDatum(image_id), UUIDPGetDatum(domain_id)};

	if (name != NULL)
		return name;
	/* a clone's disk "vda" has the alias "vda_NAME", as in oVirt */
	if (own_length > 0 && disk_alias[own_length] == '_' &&
		strcmp(disk_alias + own_length + 1, vm_name) == 0)
		alias_length = own_length;
	stem = psprintf("%s-%.*s", vm_name, alias_length, disk_alias);
	if (strlen(stem) > room)
		stem[room] = '\0';
	make_plain(stem);
	values[2] = CStringGetTextDatum(stem);
	values[3] = CStringGetTextDatum(is_raw ? ".raw" : ".qcow2");
	statement_run_one_row(&choose_name, values, NULL);
	return field_text(0, ONLY_COLUMN);
}

void
storage_file_forget(const pg_uuid_t *image_id)
{
	Datum value = UUIDPGetDatum(image_id);

	(void) statement_run(&forget_file, &value, NULL);
}
