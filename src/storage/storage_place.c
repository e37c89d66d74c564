/*
 * storage_place.c
 *		Where a storage domain lies on a host, and what vmclone-copy is told of that.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "contract/copier_protocol.h"
#include "storage/storage_place.h"
#include "utils/builtins.h"

#define FIND_PLACE                                                                                 \
	"SELECT m.kind = 'block', m.real_path, m.token, m.volume_group, m.volume_group_uuid,"          \
	" m.status = 'attached', m.error, m.files_path, h.host_name, h.address, EXISTS (SELECT"        \
	" FROM vmclone.storage_mounts o WHERE o.storage_domain_id = m.storage_domain_id"               \
	" AND o.host_name <> m.host_name) FROM vmclone.storage_mounts m"                               \
	" JOIN vmclone.hosts h ON h.host_name = m.host_name WHERE m.storage_domain_id = $1"            \
	" AND h.host_name = COALESCE($2, h.host_name)"                                                 \
	" ORDER BY h.status = 'down', h.host_name <> '" LOCAL_HOST "', h.host_name LIMIT 1"

static Statement find_place = {
	.sql = FIND_PLACE,
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static Statement lock_place = {
	.sql = FIND_PLACE " FOR UPDATE OF m",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
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
	PLACE_HOST_NAME,
	PLACE_ADDRESS,
	PLACE_IS_SHARED,
};

bool
storage_place_find(const pg_uuid_t *domain_id, const char *host, bool for_update,
				   StoragePlace *place)
{
	Datum values[2] = {UUIDPGetDatum(domain_id)};
	bool nulls[2] = {false, host == NULL};

	if (host != NULL)
		values[1] = CStringGetTextDatum(host);
	if (statement_run(for_update ? &lock_place : &find_place, values, nulls) == 0)
		return false;
	place->host.name = field_text(0, PLACE_HOST_NAME);
	place->host.address = field_text(0, PLACE_ADDRESS);
	place->is_block = field_bool(0, PLACE_IS_BLOCK);
	place->real_path = field_text(0, PLACE_REAL_PATH);
	place->token = field_text(0, PLACE_TOKEN);
	place->volume_group = field_text(0, PLACE_VOLUME_GROUP);
	place->volume_group_uuid = field_text(0, PLACE_VOLUME_GROUP_UUID);
	place->is_usable = field_bool(0, PLACE_IS_USABLE);
	place->error = field_text(0, PLACE_ERROR);
	place->files_path = field_text(0, PLACE_FILES_PATH);
	place->is_shared = field_bool(0, PLACE_IS_SHARED);
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

	copy.host = storage_host_copy(&place->host);
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

	if (place->host.address == NULL)
		arguments = add(arguments, "--" COPIER_OPTION_COMMAND, vmclone_provision_command);
	arguments = add(arguments, "--" COPIER_OPTION_VG, place->volume_group);
	if (place->volume_group_uuid != NULL)
		arguments = add(arguments, "--" COPIER_OPTION_VG_UUID, place->volume_group_uuid);
	arguments = add(arguments, "--" COPIER_OPTION_TOKEN, place->token);
	return add(arguments, "--" COPIER_OPTION_TIMEOUT, psprintf("%d", timeout_seconds));
}

bool
storage_place_lacks_program(const StoragePlace *place)
{
	return place->is_block && place->host.address == NULL &&
		   (vmclone_provision_command == NULL || vmclone_provision_command[0] == '\0');
}

List *
storage_add_state(const StoragePlace *place, List *arguments)
{
	return place->host.address != NULL
			   ? arguments
			   : add(arguments, "--" COPIER_OPTION_STATE, storage_state_directory());
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
