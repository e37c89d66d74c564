/*
 * storage_place.c
 *		Where a storage domain lies on this machine, and what vmclone-copy is told of that.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "contract/copier_protocol.h"
#include "storage/storage_place.h"

#define FIND_PLACE                                                                                 \
	"SELECT kind = 'block', real_path, token, volume_group, volume_group_uuid,"                    \
	" status = 'attached', error, files_path FROM vmclone.storage_mounts WHERE storage_domain_id = $1"

/* Below the data directory. */
#define STATE_DIRECTORY "vmclone"

static Statement find_place = {
	.sql = FIND_PLACE,
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement lock_place = {
	.sql = FIND_PLACE " FOR UPDATE",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of both. */
enum
{
	PLACE_IS_BLOCK = 1,
	PLACE_REAL_PATH,
	PLACE_TOKEN,
	PLACE_VOLUME_GROUP,
	PLACE_VOLUME_GROUP_UUID,
	PLACE_IS_USABLE,
	PLACE_ERROR,
	PLACE_FILES_PATH,
};

bool
storage_place_find(const pg_uuid_t *domain_id, bool for_update, StoragePlace *place)
{
	Datum value = UUIDPGetDatum(domain_id);

	if (statement_run(for_update ? &lock_place : &find_place, &value, NULL) == 0)
		return false;
	place->is_block = field_bool(0, PLACE_IS_BLOCK);
	place->real_path = field_text(0, PLACE_REAL_PATH);
	place->token = field_text(0, PLACE_TOKEN);
	place->volume_group = field_text(0, PLACE_VOLUME_GROUP);
	place->volume_group_uuid = field_text(0, PLACE_VOLUME_GROUP_UUID);
	place->is_usable = field_bool(0, PLACE_IS_USABLE);
	place->error = field_text(0, PLACE_ERROR);
	place->files_path = field_text(0, PLACE_FILES_PATH);
	return true;
}

static char *
copy_text(const char *text)
{
	return text != NULL ? pstrdup(text) : NULL;
}

StoragePlace
storage_place_copy(const StoragePlace *place)
{
	StoragePlace copy = *place;

	copy.real_path = copy_text(place->real_path);
	copy.token = copy_text(place->token);
	copy.volume_group = copy_text(place->volume_group);
	copy.volume_group_uuid = copy_text(place->volume_group_uuid);
	copy.error = copy_text(place->error);
	copy.files_path = copy_text(place->files_path);
	return copy;
}

static List *
add(List *arguments, const char *option, const char *value)
{
	arguments = lappend(arguments, (void *) option);
	return lappend(arguments, (void *) value);
}

List *
storage_provision_arguments(const StoragePlace *place, const char *action, int timeout_seconds)
{
	List *arguments = list_make3(COPIER_VOLUME, COPIER_VOLUME_PROVISION, (void *) action);

	arguments = add(arguments, "--" COPIER_OPTION_COMMAND, vmclone_provision_command);
	arguments = add(arguments, "--" COPIER_OPTION_VG, place->volume_group);
	if (place->volume_group_uuid != NULL)
		arguments = add(arguments, "--" COPIER_OPTION_VG_UUID, place->volume_group_uuid);
	arguments = add(arguments, "--" COPIER_OPTION_TOKEN, place->token);
	return add(arguments, "--" COPIER_OPTION_TIMEOUT, psprintf("%d", timeout_seconds));
}

char *
storage_state_directory(void)
{
	char *path = psprintf("%s/" STATE_DIRECTORY, DataDir);

	/* where it can't be made, the copier says so */
	if (MakePGDirectory(path) != 0 && errno != EEXIST)
		ereport(LOG,
				(errcode_for_file_access(), errmsg("could not create directory \"%s\": %m", path)));
	return path;
}

List *
storage_check_arguments(const StoragePlace *place, const char *domain_id)
{
	List *arguments;

	if (place->is_block)
		return storage_provision_arguments(place, COPIER_PROVISION_SPACE, vmclone_storage_timeout);
	arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_CHECK);
	arguments = add(arguments, "--" COPIER_OPTION_ROOT, place->real_path);
	arguments = add(arguments, "--" COPIER_OPTION_STORAGE_DOMAIN, domain_id);
	return add(arguments, "--" COPIER_OPTION_TOKEN, place->token);
}

List *
storage_detach_arguments(const StoragePlace *place)
{
	List *arguments;

	if (place->is_block)
		return storage_provision_arguments(place, COPIER_PROVISION_DETACH, vmclone_storage_timeout);
	arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_DETACH);
	arguments = add(arguments, "--" COPIER_OPTION_ROOT, place->real_path);
	return add(arguments, "--" COPIER_OPTION_TOKEN, place->token);
}

const Jsonb *
storage_facts(const Jsonb *answer)
{
	const Jsonb *facts = answer != NULL ? json_get(answer, "answer") : NULL;

	return facts != NULL ? facts : answer;
}
