/*
 * storage_attach.c
 *		attach_storage_domain: a directory, or a volume group, becomes a storage domain of this database.
 *
 * What happens on storage is done by "vmclone-copy volume"; here are the rights, the rows and the messages.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "base/extension.h"
#include "base/errors.h"
#include "base/frame.h"
#include "base/json.h"
#include "ovirt/ovirt_codes.h"
#include "base/settings.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "contract/copier_protocol.h"
#include "storage/identity.h"
#include "storage/storage_answer.h"
#include "storage/storage_domain.h"
#include "storage/storage_files.h"
#include "storage/storage_place.h"
#include "wake/wake.h"

VMCLONE_FUNCTION_INFO(vmclone_attach_storage_domain);

/* The engine keeps the group's uuid in column storage of a block domain. */
static Statement find_domain = {
	.sql = "SELECT storage_name, storage_type IN " SQL_BLOCK_STORAGE_TYPES
		   ", to_jsonb(s) ->> 'storage' FROM storage_domain_static s WHERE id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement find_same_path = {
	.sql =
		"SELECT storage_domain_id FROM vmclone.storage_mounts"
		" WHERE storage_domain_id <> $2 AND host_name = $4 AND (real_path = $1 OR volume_group_uuid = $3"
		" OR (kind = 'file' AND (starts_with($1, real_path || '/')"
		" OR starts_with(real_path, $1 || '/'))))",
	.argument_count = 4,
	.argument_types = {TEXTOID, UUIDOID, TEXTOID, TEXTOID},
};

static Statement find_group = {
	.sql = "SELECT volume_group_uuid FROM vmclone.storage_mounts"
		   " WHERE storage_domain_id = $1 AND host_name <> $2 AND kind = 'block' LIMIT 1",
	.argument_count = 2,
	.argument_types = {UUIDOID, TEXTOID},
};

static Statement write_mount = {
	.sql =
		"INSERT INTO vmclone.storage_mounts AS m (storage_domain_id, mount_path, real_path,"
		" storage_root, device, filesystem, block_size, reflink, token, max_copies,"
		" bandwidth_limit, total_bytes, available_bytes, attached_by, kind, volume_group,"
		" volume_group_uuid, extent_size, files_path, host_name)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
		" $18, $19, $20) ON CONFLICT (storage_domain_id, host_name) DO UPDATE SET mount_path = excluded.mount_path,"
		" real_path = excluded.real_path, storage_root = excluded.storage_root,"
		" device = excluded.device, filesystem = excluded.filesystem,"
		" block_size = excluded.block_size, reflink = excluded.reflink,"
		" token = excluded.token, max_copies = excluded.max_copies,"
		" bandwidth_limit = excluded.bandwidth_limit, status = 'attached', error = NULL,"
		" total_bytes = excluded.total_bytes, available_bytes = excluded.available_bytes,"
		" attached_by = excluded.attached_by, attached_at = clock_timestamp(),"
		" checked_at = clock_timestamp(), kind = excluded.kind,"
		" volume_group = excluded.volume_group,"
		" volume_group_uuid = excluded.volume_group_uuid, extent_size = excluded.extent_size,"
		" files_path = excluded.files_path",
	.argument_count = 20,
	.argument_types = {UUIDOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, INT4OID,
					   BOOLOID, UUIDOID, INT4OID, INT8OID, INT8OID, INT8OID, TEXTOID,
					   TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID},
};

/*
 * The limits are the domain's: on all hosts what was said last, which may be none.  Where the call is
 * for one host more and says nothing, they stay as the others have them.
 */
static Statement share_limits = {
	.sql = "UPDATE vmclone.storage_mounts m SET"
		   " max_copies = COALESCE($3, CASE WHEN $5 THEN o.max_copies END),"
		   " bandwidth_limit = COALESCE($4, CASE WHEN $5 THEN o.bandwidth_limit END)"
		   " FROM (SELECT max(max_copies) AS max_copies, max(bandwidth_limit) AS bandwidth_limit"
		   " FROM vmclone.storage_mounts WHERE storage_domain_id = $1 AND host_name <> $2) o"
		   " WHERE m.storage_domain_id = $1",
	.argument_count = 5,
	.argument_types = {UUIDOID, TEXTOID, INT4OID, INT8OID, BOOLOID},
};

/* Columns of find_domain, find_same_path and find_group. */
enum
{
	DOMAIN_NAME = 1,
	DOMAIN_IS_BLOCK,
	DOMAIN_STORAGE,
};
enum
{
	SAME_PATH_STORAGE_DOMAIN_ID = 1,
};
enum
{
	GROUP_UUID = 1,
};

/* Arguments of write_mount; those between the kind and the host are of block or directory domains only. */
enum
{
	ROW_DOMAIN_ID,
	ROW_MOUNT_PATH,
	ROW_REAL_PATH,
	ROW_STORAGE_ROOT,
	ROW_DEVICE,
	ROW_FILESYSTEM,
	ROW_BLOCK_SIZE,
	ROW_REFLINK,
	ROW_TOKEN,
	ROW_MAX_COPIES,
	ROW_BANDWIDTH_LIMIT,
	ROW_TOTAL_BYTES,
	ROW_AVAILABLE_BYTES,
	ROW_ATTACHED_BY,
	ROW_KIND,
	ROW_VOLUME_GROUP,
	ROW_VOLUME_GROUP_UUID,
	ROW_EXTENT_SIZE,
	ROW_FILES_PATH,
	ROW_HOST_NAME,
	ROW_COLUMNS
};

/* A call, and what it has found out. */
typedef struct Attachment
{
	const pg_uuid_t *domain_id;
	char *id;
	char *path; /* as the caller gave it */
	bool take_over;
	bool is_directory; /* a user's own folder */
	bool is_new;       /* the host didn't have it */
	char *name;        /* of the domain */
	char *storage;     /* the engine's column; of a block domain the group's uuid */
	char *root; /* of vmclone.storage_roots, that the place lies in; elsewhere the place itself */
	StoragePlace place; /* real_path NULL until it is known */
	const Jsonb *facts; /* of the copier's answer */
} Attachment;

static void
find_domain_row(Attachment *attachment)
{
	Datum value = UUIDPGetDatum(attachment->domain_id);
	Frame frame;

	frame_enter_inventory(&frame);
	if (statement_run(&find_domain, &value, NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("storage domain %s does not exist", attachment->id),
						errkey("ACTION_TYPE_FAILED_STORAGE_DOMAIN_NOT_EXIST"),
						errhint("Attach a domain that is in table storage_domain_static.")));
	attachment->name = field_text(0, DOMAIN_NAME);
	attachment->place.is_block = field_bool(0, DOMAIN_IS_BLOCK);
	attachment->storage = field_text(0, DOMAIN_STORAGE);
	frame_leave(&frame);
}

void
storage_need_roots(void)
{
	if (vmclone_storage_roots == NULL || vmclone_storage_roots[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_VC_STORAGE_DOMAIN),
				 errmsg("no storage domain can be attached: vmclone.storage_roots is empty"),
				 errhint("A superuser names the directories that may hold storage domains: ALTER "
						 "SYSTEM SET vmclone.storage_roots = '/rhev/data-center/mnt'; SELECT "
						 "pg_reload_conf();")));
}

/* The root of vmclone.storage_roots that is the path or above it; NULL: none. */
static char *
root_of(const char *real_path)
{
	char *rest = pstrdup(vmclone_storage_roots);
	char *root;

	while ((root = strsep(&rest, ":")) != NULL)
	{
		size_t length = strlen(root);

		while (length > 1 && root[length - 1] == '/')
			root[--length] = '\0';
		if (length == 1 || (length > 0 && strncmp(real_path, root, length) == 0 &&
							(real_path[length] == '/' || real_path[length] == '\0')))
			return root;
	}
	return NULL;
}

static void
refuse_attach(const Attachment *attachment, const StorageAnswer *answer)
{
	bool outside =
		answer->kind != NULL && strcmp(answer->kind, copier_error_word(COPIER_OUTSIDE_ROOT)) == 0;
	const char *hint = "Check that the directory is there, and that the server's user may read and "
					   "write in it.";

	if (attachment->place.is_block)
		hint = "Check that the provisioning program sees the volume group; take_over => true takes "
			   "it from another database that is gone for good.";
	if (answer->hint != NULL)
		hint = answer->hint;
	if (attachment->place.host.address != NULL && attachment->place.is_block)
		hint =
			"Check that the host's vmclone-copy serve has --provision PROGRAM and --root "
			"/dev/GROUP, and that the program sees the group there (docs/hosts.md); take_over => "
			"true takes it from another database that is gone for good.";
	else if (attachment->place.host.address != NULL)
		hint =
			"Check that the host has mounted the domain there, that the copier's user may write in "
			"it, and that it lies below a directory that the host names (vmclone-copy serve "
			"--root; docs/hosts.md).";
	ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
					errmsg("could not attach storage domain \"%s\" at \"%s\"", attachment->name,
						   attachment->path),
					outside && attachment->place.host.address == NULL
						? errdetail("%s; vmclone.storage_roots is \"%s\".",
									storage_answer_detail(answer), vmclone_storage_roots)
						: errdetail("%s.", storage_answer_detail(answer)),
					errhint("%s", hint)));
}

static void
attach_directory(Attachment *attachment)
{
	bool is_local = attachment->place.host.address == NULL;
	List *arguments = list_make2(COPIER_VOLUME, COPIER_VOLUME_ATTACH);
	StorageAnswer answer;

	if (attachment->path[0] != '/')
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("mount path \"%s\" is not an absolute path", attachment->path),
						errhint("Give the directory where the host has mounted the domain.")));
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_PATH), attachment->path);
	if (is_local)
		storage_need_roots();
	/* another host has roots of its own, which its copier knows */
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_ROOTS),
						is_local ? vmclone_storage_roots : "/");
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_STORAGE_DOMAIN), attachment->id);
	arguments = lappend(lappend(arguments, "--" COPIER_OPTION_TOKEN), attachment->place.token);
	if (vmclone_domain_owner != NULL && vmclone_domain_owner[0] != '\0')
		arguments = lappend(lappend(arguments, "--" COPIER_OPTION_OWNER), vmclone_domain_owner);
	if (attachment->take_over)
		arguments = lappend(arguments, "--" COPIER_OPTION_TAKE_OVER);
	if (attachment->is_directory)
		arguments = lappend(arguments, "--" COPIER_OPTION_DIRECTORY);
	answer = storage_answer(&attachment->place.host, arguments);
	if (!answer.ok)
		refuse_attach(attachment, &answer);
	attachment->facts = answer.object;
	attachment->place.files_path = json_get_text(answer.object, "files_path");
	attachment->place.real_path = json_get_text(answer.object, "realpath");
	if (attachment->place.real_path == NULL)
		elog(ERROR, "vmclone-copy volume attach gave no realpath");
	attachment->root =
		is_local ? root_of(attachment->place.real_path) : attachment->place.real_path;
	if (attachment->root == NULL)
		elog(ERROR, "vmclone-copy volume attach gave a path outside of all roots");
}

/* "<group>" or "/dev/<group>": a name that LVM allows. */
static char *
group_name(const Attachment *attachment)
{
	const char *name = attachment->path;
	size_t length;

	if (strncmp(name, DEVICE_DIRECTORY "/", strlen(DEVICE_DIRECTORY "/")) == 0)
		name += strlen(DEVICE_DIRECTORY "/");
	length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-");
	if (length == 0 || length > 127 || name[length] != '\0' || name[0] == '-' || name[0] == '.')
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("\"%s\" is not the name of a volume group", attachment->path),
						errdetail("Storage domain \"%s\" is a block domain.", attachment->name),
						errhint("Give the group's name, or /dev/ and its name.")));
	return pstrdup(name);
}

/* Its name alone may say that it is another domain's: VDSM names a group by the domain's id. */
static void
check_group_name(const Attachment *attachment)
{
	const char *name = attachment->place.volume_group;
	bool is_id = strlen(name) == strlen(attachment->id);

	for (int i = 0; is_id && name[i] != '\0'; i++)
		is_id = attachment->id[i] == '-' ? name[i] == '-' : isxdigit((unsigned char) name[i]);
	if (is_id && pg_strcasecmp(name, attachment->id) != 0)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_DOMAIN),
						errmsg("volume group \"%s\" is not that of storage domain \"%s\"", name,
							   attachment->name),
						errdetail("Its name is the id of another domain; this one's is %s.",
								  attachment->id),
						errhint("Give the group that holds the domain.")));
}

/* LVM's uuids are 32 letters and digits in groups of 6, 4, 4, 4, 4, 4, 6. */
static bool
is_group_uuid(const char *text)
{
	static const char form[] = "aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaaa";

	if (text == NULL || strlen(text) != strlen(form))
		return false;
	for (int i = 0; form[i] != '\0'; i++)
		if (form[i] == '-' ? text[i] != '-' : !isalnum((unsigned char) text[i]))
			return false;
	return true;
}

/* The root of vmclone.storage_roots that allows the group on this machine. */
static char *
root_of_group(const Attachment *attachment)
{
	const char *path = attachment->place.real_path;
	char *root;

	storage_need_roots();
	root = root_of(path);
	if (root == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_VC_STORAGE_DOMAIN),
				 errmsg("could not attach storage domain \"%s\" at \"%s\"", attachment->name,
						attachment->path),
				 errdetail("The volume group is outside of vmclone.storage_roots, which is \"%s\".",
						   vmclone_storage_roots),
				 errhint("A superuser adds \"%s\" to vmclone.storage_roots.", path)));
	return root;
}

/* The uuid of the group that the domain is on other hosts: a name may be another group's there.  NULL: none has it. */
static char *
group_elsewhere(const Attachment *attachment)
{
	Datum values[2] = {UUIDPGetDatum(attachment->domain_id),
					   CStringGetTextDatum(attachment->place.host.name)};

	return statement_run(&find_group, values, NULL) > 0 ? field_text(0, GROUP_UUID) : NULL;
}

static void
attach_group(Attachment *attachment)
{
	StoragePlace *place = &attachment->place;
	List *arguments;
	StorageAnswer answer;

	storage_domain_need_program(place, attachment->name);
	place->volume_group = group_name(attachment);
	place->real_path = psprintf(DEVICE_DIRECTORY "/%s", place->volume_group);
	/* another host names its groups itself */
	attachment->root = place->host.address == NULL ? root_of_group(attachment) : place->real_path;
	check_group_name(attachment);
	place->volume_group_uuid =
		is_group_uuid(attachment->storage) ? attachment->storage : group_elsewhere(attachment);
	arguments =
		storage_provision_arguments(place, COPIER_PROVISION_ATTACH, vmclone_storage_timeout);
	if (attachment->take_over)
		arguments = lappend(arguments, "--" COPIER_OPTION_TAKE_OVER);
	answer = storage_answer(&place->host, arguments);
	if (!answer.ok)
		refuse_attach(attachment, &answer);
	attachment->facts = storage_facts(answer.object);
	place->volume_group_uuid = json_get_text(attachment->facts, "vg_uuid");
	if (place->volume_group_uuid == NULL ||
		json_get_count(attachment->facts, "extent_size", 0) <= 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_VC_STORAGE_DOMAIN),
			 errmsg("could not attach storage domain \"%s\" at \"%s\"", attachment->name,
					attachment->path),
			 errdetail("The provisioning program did not tell the group's uuid and extent size."),
			 place->host.address != NULL
				 ? errhint("Look at the program of host \"%s\": docs/provisioning.md says what it "
						   "must answer.",
						   place->host.name)
				 : errhint("Look at \"%s\": docs/provisioning.md says what it must answer.",
						   vmclone_provision_command)));
}

/* Nobody else has the place, and the domain has no other one that jobs still use. */
static void
leave_other_places(Attachment *attachment)
{
	const StoragePlace *place = &attachment->place;
	Datum values[4] = {CStringGetTextDatum(place->real_path), UUIDPGetDatum(attachment->domain_id)};
	bool nulls[4] = {false, false, !place->is_block, false};
	StoragePlace earlier;

	if (place->is_block)
		values[2] = CStringGetTextDatum(place->volume_group_uuid);
	values[3] = CStringGetTextDatum(place->host.name);
	if (statement_run(&find_same_path, values, nulls) > 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_VC_STORAGE_DOMAIN),
			 place->is_block
				 ? errmsg("volume group \"%s\" is attached as storage domain %s",
						  place->volume_group, field_text(0, SAME_PATH_STORAGE_DOMAIN_ID))
				 : errmsg("directory \"%s\" is attached as storage domain %s, or lies inside it "
						  "or above it",
						  place->real_path, field_text(0, SAME_PATH_STORAGE_DOMAIN_ID)),
			 place->is_block
				 ? errhint("One volume group holds one storage domain; detach the other one "
						   "first.")
				 : errhint("One directory holds one storage domain; detach the other one "
						   "first.")));
	attachment->is_new =
		!storage_place_find(attachment->domain_id, place->host.name, true, &earlier);
	if (attachment->is_new || strcmp(earlier.real_path, place->real_path) == 0)
		return;
	/* Jobs under way have their files there. */
	storage_domain_check_free(attachment->domain_id, place->host.name, attachment->name, "move");
	storage_domain_remove_identity(attachment->domain_id, place->host.name, attachment->name,
								   &earlier);
}

static void
put_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* A number that the facts have. */
static void
put_number(Datum *values, bool *nulls, int column, const Jsonb *facts, const char *key)
{
	nulls[column] = !json_is_given(facts, key);
	values[column] = nulls[column] ? (Datum) 0 : Int64GetDatum(json_get_int64(facts, key, 0));
}

/* values and nulls have the caller's limits already. */
static void
write_row(const Attachment *attachment, const char *role, Datum *values, bool *nulls)
{
	const StoragePlace *place = &attachment->place;
	const Jsonb *facts = attachment->facts;

	values[ROW_DOMAIN_ID] = UUIDPGetDatum(attachment->domain_id);
	put_text(values, nulls, ROW_MOUNT_PATH, attachment->path);
	put_text(values, nulls, ROW_REAL_PATH, place->real_path);
	put_text(values, nulls, ROW_STORAGE_ROOT, attachment->root);
	put_number(values, nulls, ROW_DEVICE, facts, "device");
	put_text(values, nulls, ROW_FILESYSTEM,
			 place->is_block ? NULL : json_get_printable(facts, "filesystem"));
	nulls[ROW_BLOCK_SIZE] = place->is_block;
	values[ROW_BLOCK_SIZE] = Int32GetDatum((int32) json_get_int64(facts, "block_size", 0));
	values[ROW_REFLINK] = BoolGetDatum(json_get_bool(facts, "reflink", false));
	values[ROW_TOKEN] = DirectFunctionCall1(uuid_in, CStringGetDatum(place->token));
	put_number(values, nulls, ROW_TOTAL_BYTES, facts, "total_bytes");
	put_number(values, nulls, ROW_AVAILABLE_BYTES, facts, "available_bytes");
	put_text(values, nulls, ROW_ATTACHED_BY, role);
	put_text(values, nulls, ROW_KIND,
			 place->is_block ? "block" : (place->files_path != NULL ? "directory" : "file"));
	put_text(values, nulls, ROW_FILES_PATH, place->files_path);
	put_text(values, nulls, ROW_VOLUME_GROUP, place->volume_group);
	put_text(values, nulls, ROW_VOLUME_GROUP_UUID, place->volume_group_uuid);
	put_number(values, nulls, ROW_EXTENT_SIZE, facts, "extent_size");
	put_text(values, nulls, ROW_HOST_NAME, place->host.name);
	(void) statement_run(&write_mount, values, nulls);
	{
		Datum limits[5] = {values[ROW_DOMAIN_ID], values[ROW_HOST_NAME], values[ROW_MAX_COPIES],
						   values[ROW_BANDWIDTH_LIMIT], BoolGetDatum(attachment->is_new)};
		bool no_limits[5] = {false, false, nulls[ROW_MAX_COPIES], nulls[ROW_BANDWIDTH_LIMIT],
							 false};

		(void) statement_run(&share_limits, limits, no_limits);
	}
}

/* attach_storage_domain(storage_domain_id, mount_path, max_copies, bandwidth_limit, take_over, host) */
Datum
vmclone_attach_storage_domain(PG_FUNCTION_ARGS)
{
	Attachment attachment = {0};
	char *role;
	pg_uuid_t token;
	Datum values[ROW_COLUMNS] = {0};
	bool nulls[ROW_COLUMNS] = {0};
	Frame frame;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("attach_storage_domain needs storage_domain_id and mount_path"),
						errhint("View vmclone.storage lists the storage domains.")));
	attachment.domain_id = PG_GETARG_UUID_P(0);
	attachment.id = uuid_text(attachment.domain_id);
	attachment.path = text_to_cstring(PG_GETARG_TEXT_PP(1));
	attachment.take_over = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	if ((!PG_ARGISNULL(2) && PG_GETARG_INT32(2) <= 0) ||
		(!PG_ARGISNULL(3) && PG_GETARG_INT64(3) <= 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_copies and bandwidth_limit must be greater than zero"),
						errhint("Leave them out for no limit.")));
	nulls[ROW_MAX_COPIES] = PG_ARGISNULL(2);
	values[ROW_MAX_COPIES] = nulls[ROW_MAX_COPIES] ? (Datum) 0 : PG_GETARG_DATUM(2);
	nulls[ROW_BANDWIDTH_LIMIT] = PG_ARGISNULL(3);
	values[ROW_BANDWIDTH_LIMIT] = nulls[ROW_BANDWIDTH_LIMIT] ? (Datum) 0 : PG_GETARG_DATUM(3);
	SPI_connect();
	role = storage_domain_begin("attach");
	find_domain_row(&attachment);
	frame_enter_own(&frame);
	attachment.place.host = storage_host_find(
		PG_ARGISNULL(5) ? LOCAL_HOST : text_to_cstring(PG_GETARG_TEXT_PP(5)), true);
	token = identity_ensure();
	attachment.place.token = uuid_text(&token);
	attachment.is_directory = storage_is_directory(attachment.domain_id);
	if (attachment.place.is_block)
		attach_group(&attachment);
	else
		attach_directory(&attachment);
	leave_other_places(&attachment);
	write_row(&attachment, role, values, nulls);
	frame_leave(&frame);
	SPI_finish();
	/* Jobs may wait for the domain. */
	wake_worker_at_commit();
	PG_RETURN_VOID();
}
