/*
 * locks_release.c
 *		Gives back what a holder's lasting locks hold, and the earlier status with the last one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"

#include "base/frame.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "inventory/row_hash.h"
#include "locks/locks_internal.h"

/* The rows of exactly what is given back, in the order in which locks.c takes them. */
static Statement lock_held_snapshot = {
	.sql = "SELECT 1 FROM snapshots WHERE snapshot_id = $1 FOR NO KEY UPDATE",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement lock_held_images = {
	.sql = "SELECT 1 FROM images WHERE image_guid = ANY ($1) ORDER BY image_guid FOR NO KEY UPDATE",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

static Statement held_entities = {
	.sql =
		"SELECT (SELECT entity_id FROM vmclone.image_locks WHERE holder = $1 AND kind = 'snapshot'),"
		" ARRAY (SELECT entity_id FROM vmclone.image_locks WHERE holder = $1 AND kind = 'image'"
		"  AND NOT keeps_status ORDER BY entity_id)",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of held_entities. */
enum HeldColumn
{
	HELD_SNAPSHOT_ID = 1,
	HELD_IMAGE_IDS,
};

/*
 * Removes a holder; returns what nobody holds any longer and the status it had.  OFFSET 0: one index
 * probe an entity; the planner has mostly seen these tables empty, and would scan them.
 */
static Statement remove_holder = {
	.sql =
		"WITH gone AS (DELETE FROM vmclone.image_locks WHERE holder = $1"
		"  RETURNING kind, entity_id, keeps_status),"
		" last AS (SELECT g.kind, g.entity_id FROM gone g WHERE NOT g.keeps_status AND NOT EXISTS ("
		"  SELECT 1 FROM vmclone.image_locks l WHERE l.kind = g.kind AND l.entity_id = g.entity_id"
		"   AND l.holder <> $1 AND NOT l.keeps_status OFFSET 0)),"
		" state AS (DELETE FROM vmclone.lock_state s USING last"
		"  WHERE s.kind = last.kind AND s.entity_id = last.entity_id"
		"  RETURNING s.kind, s.entity_id, s.earlier_status, s.row_version, s.row_hash)"
		" SELECT jsonb_agg(jsonb_build_object('kind', kind, 'entity_id', entity_id,"
		"  'status', earlier_status, 'version', row_version, 'hash', row_hash)) FROM state",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/*
 * What stays when a holder leaves.  Where all share, it stays so: they may be thousands, and nobody looks through them.
 * Also makes two holders that leave at once under REPEATABLE READ
 * fail with 40001, where each would see the other one stay and neither would restore the status.
 */
static Statement refresh_shared_only = {
	.sql = "UPDATE vmclone.lock_state s SET shared_only = s.shared_only OR"
		   " NOT EXISTS (SELECT 1 FROM vmclone.image_locks l"
		   "  WHERE l.kind = s.kind AND l.entity_id = s.entity_id AND l.mode = 'exclusive'"
		   "   AND l.holder <> $1)"
		   " WHERE (s.kind, s.entity_id) IN (SELECT h.kind, h.entity_id FROM vmclone.image_locks h"
		   "  WHERE h.holder = $1 AND NOT h.keeps_status)",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* What is given back, and where LOCKED is still ours: in the row that we wrote, or that somebody wrote otherwise. */
#define RELEASED                                                                                   \
	" FROM jsonb_to_recordset($1)"                                                                 \
	" AS e(kind text, entity_id uuid, status text, version xid, hash int8)"
#define IS_OURS(table, hash)                                                                       \
	"(e.version IS NULL OR " table ".xmin = e.version OR e.hash <> " hash ")"

static Statement restore_snapshot = {
	.sql = "UPDATE snapshots SET status = e.status" RELEASED
		   " WHERE e.kind = 'snapshot' AND snapshots.snapshot_id = e.entity_id"
		   " AND snapshots.status = 'LOCKED' AND " IS_OURS("snapshots", SNAPSHOT_HASH),
	.argument_count = 1,
	.argument_types = {JSONBOID},
};

static Statement restore_images = {
	.sql =
		"UPDATE images SET imagestatus = e.status::integer" RELEASED
		" WHERE e.kind = 'image' AND images.image_guid = e.entity_id"
		" AND images.imagestatus = " SQL_IMAGE_STATUS_LOCKED " AND " IS_OURS("images", IMAGE_HASH),
	.argument_count = 1,
	.argument_types = {JSONBOID},
};

/* What somebody else has locked meanwhile.  As the restoring statements see it: they are rows of ours no more. */
static Statement still_locked = {
	.sql =
		"SELECT string_agg(concat(e.kind, ' ', e.entity_id), ', ' ORDER BY e.kind, e.entity_id)" RELEASED
		" WHERE EXISTS (SELECT FROM images WHERE e.kind = 'image' AND image_guid = e.entity_id"
		"  AND imagestatus = " SQL_IMAGE_STATUS_LOCKED ")"
		" OR EXISTS (SELECT FROM snapshots WHERE e.kind = 'snapshot'"
		"  AND snapshot_id = e.entity_id AND status = 'LOCKED')",
	.argument_count = 1,
	.argument_types = {JSONBOID},
};

static Statement count_released = {
	.sql = "SELECT jsonb_array_length($1)",
	.argument_count = 1,
	.argument_types = {JSONBOID},
};

/* In an inventory frame. */
static void
restore(Datum released)
{
	uint64 restored = statement_run(&restore_snapshot, &released, NULL);

	restored += statement_run(&restore_images, &released, NULL);
	statement_run_one_row(&count_released, &released, NULL);
	if (restored == (uint64) field_int64(0, ONLY_COLUMN))
		return;
	statement_run_one_row(&still_locked, &released, NULL);
	if (!field_is_null(0, ONLY_COLUMN))
		ereport(
			LOG,
			(errmsg("what a clone has read stays locked: somebody else has locked it meanwhile"),
			 errdetail("Locked: %s.", field_text(0, ONLY_COLUMN)),
			 errhint("If nobody is at work there, unlock it with vmclone.unlock_entity.")));
}

static Statement forget_versions = {
	.sql = "UPDATE vmclone.lock_state SET row_version = NULL WHERE row_version IS NOT NULL",
};

void
locks_forget_versions(void)
{
	(void) statement_run(&forget_versions, NULL, NULL);
}

void
locks_release(const pg_uuid_t *call_id)
{
	Datum holder = UUIDPGetDatum(call_id);
	Datum images;
	pg_uuid_t *snapshot_id = palloc(sizeof(pg_uuid_t));
	Datum snapshot = UUIDPGetDatum(snapshot_id);
	Datum released;
	bool is_null;
	bool nothing;
	Frame own;
	Frame inventory;

	frame_enter_own(&own);
	statement_run_one_row(&held_entities, &holder, NULL);
	nothing = field_is_null(0, HELD_SNAPSHOT_ID);
	*snapshot_id = field_uuid(0, HELD_SNAPSHOT_ID);
	images = PointerGetDatum(DatumGetArrayTypePCopy(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, HELD_IMAGE_IDS, &is_null)));
	frame_leave(&own);
	if (nothing)
		return;

	frame_enter_inventory(&inventory);
	(void) statement_run(&lock_held_snapshot, &snapshot, NULL);
	(void) statement_run(&lock_held_images, &images, NULL);
	frame_leave(&inventory);

	frame_enter_own(&own);
	(void) statement_run(&refresh_shared_only, &holder, NULL);
	statement_run_one_row(&remove_holder, &holder, NULL);
	is_null = field_is_null(0, ONLY_COLUMN);
	released = is_null ? (Datum) 0 : JsonbPGetDatum(field_jsonb(0, ONLY_COLUMN));
	frame_leave(&own);
	if (is_null)
		return;

	frame_enter_inventory_to_write(&inventory);
	restore(released);
	frame_leave(&inventory);
}
