/*
 * plan_locks.c
 *		Who holds what is LOCKED.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"

#include "base/arrays.h"
#include "base/frame.h"
#include "base/keyed_rows.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "inventory/row_hash.h"
#include "ovirt/ovirt_codes.h"
#include "plan/plan_parts.h"

/*
 * Looks at what is LOCKED and held by nobody of ours.  Each has a snapshot of its own; who gives a lock
 * back and takes one may come in between.
 */
#define LOOKS 3

static Statement load_holders = {
	.sql =
		"SELECT s.entity_id, s.shared_only, s.row_version::text::int8, s.row_hash, (SELECT string_agg(h.job_id::text, ', ' ORDER BY h.created_at, h.job_id)"
		"   || CASE WHEN max(h.total) > 3"
		"    THEN format(' and %s more', max(h.total) - 3) ELSE '' END"
		"   FROM (SELECT j.job_id, j.created_at, count(*) OVER () AS total"
		"    FROM vmclone.image_locks l JOIN vmclone.jobs j ON j.call_id = l.holder"
		"    WHERE l.kind = s.kind AND l.entity_id = s.entity_id"
		"    ORDER BY j.created_at, j.job_id LIMIT 3) h)"
		" FROM unnest($1) AS i(id) CROSS JOIN (VALUES ('snapshot'), ('image')) k(kind)"
		" CROSS JOIN LATERAL (SELECT * FROM vmclone.lock_state l WHERE l.kind = k.kind"
		"  AND l.entity_id = i.id OFFSET 0) s",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Columns of load_holders. */
enum HolderColumn
{
	HOLDER_ENTITY_ID = 1,
	HOLDER_SHARED_ONLY,
	HOLDER_ROW_VERSION,
	HOLDER_ROW_HASH,
	HOLDER_JOBS,
};

static Statement load_statuses = {
	.sql =
		"SELECT snapshot_id, status::text, NULL::integer FROM snapshots"
		" WHERE snapshot_id = ANY ($1) UNION ALL SELECT image_guid, NULL, imagestatus FROM images"
		" WHERE image_guid = ANY ($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Columns of load_statuses. */
enum StatusColumn
{
	STATUS_ENTITY_ID = 1,
	STATUS_OF_SNAPSHOT,
	STATUS_OF_IMAGE,
};

/* One LOCKED entity, and where to write down who holds it, and what it is where nobody does. */
typedef struct LockedEntity
{
	const pg_uuid_t *id;
	bool *shared_only;
	char **holders;
	char **snapshot_status; /* one of these two */
	int *image_status;
	bool is_held; /* by jobs of ours */
	bool has_version;
	TransactionId version; /* of the row that they have made LOCKED */
	int64 hash;            /* row_hash.h */
} LockedEntity;

static void
add_locked(List **entities, LockedEntity entity)
{
	LockedEntity *added = palloc(sizeof(LockedEntity));

	*added = entity;
	*entities = lappend(*entities, added);
}

static List *
collect_locked(ClonePlan *plan)
{
	List *entities = NIL;

	for (int i = 0; i < plan->busy_snapshot_count; i++)
	{
		BusySnapshot *snapshot = &plan->busy_snapshots[i];

		if (strcmp(snapshot->status, "LOCKED") == 0)
			add_locked(&entities, (LockedEntity){.id = &snapshot->snapshot_id,
												 .shared_only = &snapshot->shared_only,
												 .holders = &snapshot->holders,
												 .snapshot_status = &snapshot->status});
	}
	for (int i = 0; i < plan->active_disk_count; i++)
	{
		ActiveDisk *disk = &plan->active_disks[i];

		if (disk->image_status == IMAGE_STATUS_LOCKED)
			add_locked(&entities, (LockedEntity){.id = &disk->image_id,
												 .shared_only = &disk->shared_only,
												 .holders = &disk->holders,
												 .image_status = &disk->image_status});
	}
	for (int i = 0; i < plan->disk_count; i++)
	{
		PlannedDisk *disk = &plan->disks[i];

		for (int j = 0; j < disk->chain_length; j++)
		{
			ChainImage *image = &disk->chain[j];

			if (image->image_status == IMAGE_STATUS_LOCKED)
				add_locked(&entities, (LockedEntity){.id = &image->image_id,
													 .shared_only = &image->shared_only,
													 .holders = &image->holders,
													 .image_status = &image->image_status});
		}
	}
	return entities;
}

static Datum
ids_of(const List *entities)
{
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * list_length(entities));
	int count = 0;
	ListCell *cell;

	foreach (cell, entities)
		ids[count++] = *((LockedEntity *) lfirst(cell))->id;
	return array_of_uuids(ids, count);
}

/*
 * An operation of the engine holds what sharing holders of ours think is theirs: LOCKED is written into the row once
 * more, and nothing else (locks.c, append_foreign_lock).  Where rows aren't found by an index, only the locks tell.
 */
static void
look_for_written_over(const List *entities, const KeyedRows *rows, const char *id_column,
					  int64 (*row_hash)(const KeyedRows *rows, int row))
{
	for (int row = 0; row < rows->count && rows->is_indexed; row++)
	{
		pg_uuid_t id = keyed_uuid(rows, row, id_column);
		TransactionId version = HeapTupleHeaderGetRawXmin(rows->rows[row]->t_data);
		ListCell *cell;

		foreach (cell, entities)
		{
			LockedEntity *entity = lfirst(cell);

			if (!*entity->shared_only || !entity->has_version || !uuid_same(entity->id, &id) ||
				entity->version == version || entity->hash != row_hash(rows, row))
				continue;
			*entity->shared_only = false;
			*entity->holders = NULL;
		}
	}
}

/* The ids of what is shared: of snapshots, or of images. */
static pg_uuid_t *
shared_ids(const List *entities, bool snapshots, int *count)
{
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * (list_length(entities) + 1));
	ListCell *cell;

	*count = 0;
	foreach (cell, entities)
	{
		const LockedEntity *entity = lfirst(cell);

		if (*entity->shared_only && (entity->snapshot_status != NULL) == snapshots)
			ids[(*count)++] = *entity->id;
	}
	return ids;
}

static void
read_holders(const List *entities)
{
	Datum value = ids_of(entities);
	const pg_uuid_t *ids;
	int count;
	ListCell *cell;
	uint64 rows;
	Frame frame;

	frame_enter_own(&frame);
	rows = statement_run(&load_holders, &value, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t id = field_uuid(row, HOLDER_ENTITY_ID);

		foreach (cell, entities)
		{
			LockedEntity *entity = lfirst(cell);

			if (!uuid_same(entity->id, &id))
				continue;
			entity->is_held = true;
			*entity->shared_only = field_bool(row, HOLDER_SHARED_ONLY);
			*entity->holders = field_text(row, HOLDER_JOBS);
			entity->has_version = !field_is_null(row, HOLDER_ROW_VERSION);
			entity->version = (TransactionId) field_int64(row, HOLDER_ROW_VERSION);
			entity->hash = field_int64(row, HOLDER_ROW_HASH);
		}
	}
	frame_leave(&frame);
	ids = shared_ids(entities, true, &count);
	if (count > 0)
		look_for_written_over(entities,
							  keyed_rows("snapshots", "snapshot_id", ids, count, KEYED_NOW),
							  "snapshot_id", snapshot_hash);
	ids = shared_ids(entities, false, &count);
	if (count > 0)
		look_for_written_over(entities, keyed_rows("images", "image_guid", ids, count, KEYED_NOW),
							  "image_guid", image_hash);
}

/* What the entities are now.  Returns those that are LOCKED still. */
static List *
read_statuses(const List *entities)
{
	Datum value = ids_of(entities);
	uint64 rows = statement_run(&load_statuses, &value, NULL);
	List *locked = NIL;
	ListCell *cell;

	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t id = field_uuid(row, STATUS_ENTITY_ID);

		foreach (cell, entities)
		{
			LockedEntity *entity = lfirst(cell);
			bool is_locked;

			if (!uuid_same(entity->id, &id) ||
				(entity->snapshot_status == NULL) != field_is_null(row, STATUS_OF_SNAPSHOT))
				continue;
			if (entity->snapshot_status != NULL)
			{
				*entity->snapshot_status = field_text(row, STATUS_OF_SNAPSHOT);
				is_locked = strcmp(*entity->snapshot_status, "LOCKED") == 0;
			}
			else
			{
				*entity->image_status = field_int64(row, STATUS_OF_IMAGE);
				is_locked = *entity->image_status == IMAGE_STATUS_LOCKED;
			}
			if (is_locked)
				locked = lappend(locked, entity);
		}
	}
	return locked;
}

static List *
without_held(const List *entities)
{
	List *others = NIL;
	ListCell *cell;

	foreach (cell, entities)
		if (!((LockedEntity *) lfirst(cell))->is_held)
			others = lappend(others, lfirst(cell));
	return others;
}

/*
 * The plan has read the statuses before: a job that ended since has given its locks back, and what is
 * LOCKED by nobody would be taken for another operation of the engine.
 */
void
plan_load_locks(ClonePlan *plan)
{
	List *entities = collect_locked(plan);

	for (int look = 0; entities != NIL && look < LOOKS; look++)
	{
		read_holders(entities);
		entities = without_held(entities);
		if (entities != NIL)
			entities = read_statuses(entities);
	}
}
