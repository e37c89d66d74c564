/*
 * unlock.c
 *		unlock_entity: an administrator takes off a lock that nobody is going to give back.
 *
 * What oVirt's unlock_entity.sh does for an engine that died, but refused while a job lives: its
 * copier may be reading.  A lock of vmclone's own is handed back as its holder would have done it,
 * to the status that was there before; a LOCKED that somebody else left behind becomes OK.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "base/audit.h"
#include "base/caller.h"
#include "base/errors.h"
#include "base/extension.h"
#include "base/frame.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "locks/locks.h"

VMCLONE_FUNCTION_INFO(vmclone_unlock_entity);

/* Jobs that make VM $1, or write or read one of the entities $2. */
static Statement live_jobs = {
	.sql = "SELECT job_id, status FROM vmclone.jobs j WHERE ended_at IS NULL AND (vm_id = $1 OR"
		   " job_id IN (SELECT job_id FROM vmclone.async_tasks WHERE image_id = ANY ($2)) OR"
		   " (NOT source_freed AND call_id IN (SELECT holder FROM vmclone.image_locks"
		   "  WHERE entity_id = ANY ($2)))) ORDER BY created_at, copy_number",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDARRAYOID},
};

/* Columns of live_jobs. */
enum LiveJobColumn
{
	LIVE_JOB_ID = 1,
	LIVE_JOB_STATUS,
};

static Statement dead_holders = {
	.sql = "SELECT DISTINCT holder FROM vmclone.image_locks WHERE entity_id = ANY ($1) ORDER BY 1",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* What an entity's lock consists of: itself, or a disk's images. */
static Statement snapshot_entities = {
	.sql = "SELECT ARRAY (SELECT snapshot_id FROM snapshots WHERE snapshot_id = $1)",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};
static Statement image_entities = {
	.sql = "SELECT ARRAY (SELECT image_guid FROM images WHERE image_guid = $1)",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};
static Statement disk_entities = {
	.sql = "SELECT ARRAY (SELECT image_guid FROM images WHERE image_group_id = $1)",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};
static Statement vm_entities = {
	.sql = "SELECT ARRAY (SELECT vm_guid FROM vm_static WHERE vm_guid = $1"
		   " AND entity_type <> 'TEMPLATE')",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};
static Statement template_entities = {
	.sql = "SELECT ARRAY (SELECT vm_guid FROM vm_static WHERE vm_guid = $1"
		   " AND entity_type = 'TEMPLATE')",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement unlock_snapshots = {
	.sql = "UPDATE snapshots SET status = 'OK' WHERE snapshot_id = ANY ($1) AND status = 'LOCKED'",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};
static Statement unlock_images = {
	.sql = "UPDATE images SET imagestatus = " SQL_IMAGE_STATUS_OK " WHERE image_guid = ANY ($1)"
		   " AND imagestatus = " SQL_IMAGE_STATUS_LOCKED,
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};
static Statement unlock_vms = {
	.sql = "UPDATE vm_dynamic SET status = " SQL_VM_STATUS_DOWN " WHERE vm_guid = ANY ($1)"
		   " AND status = " SQL_VM_STATUS_IMAGE_LOCKED,
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};
static Statement unlock_templates = {
	.sql =
		"UPDATE vm_static SET template_status = " SQL_TEMPLATE_STATUS_OK " WHERE vm_guid = ANY ($1)"
		" AND entity_type = 'TEMPLATE' AND template_status = " SQL_TEMPLATE_STATUS_LOCKED,
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

typedef struct EntityKind
{
	const char *name;
	Statement *entities;
	Statement *unlock;
} EntityKind;

static const EntityKind entity_kinds[] = {
	{"snapshot", &snapshot_entities, &unlock_snapshots},
	{"image", &image_entities, &unlock_images},
	{"disk", &disk_entities, &unlock_images},
	{"vm", &vm_entities, &unlock_vms},
	{"template", &template_entities, &unlock_templates},
};

static const EntityKind *
find_kind(const char *name)
{
	for (size_t i = 0; i < lengthof(entity_kinds); i++)
	{
		if (strcmp(entity_kinds[i].name, name) == 0)
			return &entity_kinds[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("entity kind \"%s\" is not known", name),
			 errhint("Kinds are \"snapshot\", \"image\", \"disk\", \"vm\" and \"template\".")));
}

/* The ids that the entity's lock consists of; an error if there are none. */
static Datum
entities_of(const EntityKind *kind, const pg_uuid_t *id)
{
	Datum value = UUIDPGetDatum(id);
	bool is_null;
	ArrayType *array;
	Frame frame;

	frame_enter_inventory(&frame);
	statement_run_one_row(kind->entities, &value, NULL);
	array = DatumGetArrayTypePCopy(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, ONLY_COLUMN, &is_null));
	frame_leave(&frame);
	if (is_null || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("%s %s does not exist", kind->name, uuid_text(id)),
						errhint("View vmclone.locks shows what is locked.")));
	return PointerGetDatum(array);
}

static void
refuse_while_jobs_live(const EntityKind *kind, const pg_uuid_t *id, Datum entities)
{
	Datum values[2] = {UUIDPGetDatum(id), entities};
	StringInfoData detail;
	uint64 rows = statement_run(&live_jobs, values, NULL);

	if (rows == 0)
		return;
	initStringInfo(&detail);
	for (uint64 row = 0; row < rows; row++)
		appendStringInfo(&detail, "%sjob %s is %s", row ? "\n" : "", field_text(row, LIVE_JOB_ID),
						 field_text(row, LIVE_JOB_STATUS));
	ereport(ERROR, (errcode(ERRCODE_VC_JOB),
					errmsg("%s %s is locked by a job that is not over", kind->name, uuid_text(id)),
					errkey("ACTION_TYPE_FAILED_OBJECT_LOCKED"), errdetail("%s", detail.data),
					errhint("Cancel the job with vmclone.cancel_job; it unlocks what it holds.")));
}

/* unlock_entity(kind text, id uuid) → text: "unlocked", or "was not locked" */
Datum
vmclone_unlock_entity(PG_FUNCTION_ARGS)
{
	char *name;
	pg_uuid_t *id;
	const EntityKind *kind;
	Caller caller;
	Datum entities;
	pg_uuid_t *holders;
	uint64 holder_count;
	uint64 changed;
	Frame frame;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("kind and id must not be null"),
				 errhint("View vmclone.locks shows what is locked.")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	id = PG_GETARG_UUID_P(1);
	kind = find_kind(name);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	caller = caller_identify();
	if (caller.kind != CALLER_ADMIN)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("only an administrator may unlock by hand"),
						errhint("vmclone.grant_admin makes a role an administrator.")));
	entities = entities_of(kind, id);

	frame_enter_own(&frame);
	refuse_while_jobs_live(kind, id, entities);
	holder_count = statement_run(&dead_holders, &entities, NULL);
	holders = palloc(sizeof(pg_uuid_t) * Max(holder_count, 1));
	for (uint64 row = 0; row < holder_count; row++)
		holders[row] = field_uuid(row, ONLY_COLUMN);
	frame_leave(&frame);
	for (uint64 i = 0; i < holder_count; i++)
		locks_release(&holders[i]);

	frame_enter_inventory_to_write(&frame);
	changed = statement_run(kind->unlock, &entities, NULL) + holder_count;
	/* while that waited for a row, a call may have locked it and committed; from now on it waits for us */
	if (changed > 0)
	{
		Frame own;

		frame_enter_own(&own);
		refuse_while_jobs_live(kind, id, entities);
		frame_leave(&own);
	}
	if (changed > 0)
	{
		AuditSubject subject = {0};

		audit_name_caller(&subject, &caller);
		audit_write(AUDIT_ENTITY_UNLOCKED, &subject,
					(const char *const[]){"UserName", subject.user_name, "Kind", name, "EntityId",
										  uuid_text(id), NULL});
	}
	frame_leave(&frame);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	PG_RETURN_TEXT_P(cstring_to_text(changed > 0 ? "unlocked" : "was not locked"));
}
