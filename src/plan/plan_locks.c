/*
 * plan_locks.c
 *		Who holds what is LOCKED.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/arrays.h"
#include "base/frame.h"
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

/*
 * Of what holders share ($1, with versions $2 and hashes $3 of the rows that they made LOCKED): what somebody else has
 * written LOCKED over.  As locks.c sees it (append_foreign_lock).
 */
static Statement load_written_over = {
	.sql =
		"SELECT e.id FROM unnest($1, $2, $3) AS e(id, version, hash) JOIN snapshots ON snapshot_id = e.id"
		" WHERE status = 'LOCKED' AND snapshots.xmin::text::int8 <> e.version AND e.hash = " SNAPSHOT_HASH
		" UNION ALL SELECT e.id FROM unnest($1, $2, $3) AS e(id, version, hash)"
		" JOIN images ON image_guid = e.id WHERE imagestatus = " SQL_IMAGE_STATUS_LOCKED
		" AND images.xmin::text::int8 <> e.version AND e.hash = " IMAGE_HASH,
	.argument_count = 3,
	.argument_types = {UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID},
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

/* An operation of the engine holds what holders of ours think is theirs. */
static void
look_for_written_over(const List *entities, const pg_uuid_t *ids, const int64 *versions,
					  const int64 *hashes, int count)
{
	Datum values[3] = {array_of_uuids(ids, count), array_of_int64s(versions, count),
					   array_of_int64s(hashes, count)};
	uint64 rows = count > 0 ? statement_run(&load_written_over, values, NULL) : 0;

	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t id = field_uuid(row, ONLY_COLUMN);
		ListCell *cell;

		foreach (cell, entities)
		{
			LockedEntity *entity = lfirst(cell);

			if (!uuid_same(entity->id, &id))
				continue;
			*entity->shared_only = false;
			*entity->holders = NULL;
		}
	}
}

static void
read_holders(const List *entities)
{
	Datum value = ids_of(entities);
	pg_uuid_t *shared;
	int64 *versions;
	int64 *hashes;
	int count = 0;
	ListCell *cell;
	uint64 rows;
	Frame frame;

	frame_enter_own(&frame);
	rows = statement_run(&load_holders, &value, NULL);
	shared = palloc(sizeof(pg_uuid_t) * (rows + 1));
	versions = palloc(sizeof(int64) * (rows + 1));
	hashes = palloc(sizeof(int64) * (rows + 1));
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
		}
		if (field_bool(row, HOLDER_SHARED_ONLY) && !field_is_null(row, HOLDER_ROW_VERSION))
		{
			shared[count] = id;
			versions[count] = field_int64(row, HOLDER_ROW_VERSION);
			hashes[count++] = field_int64(row, HOLDER_ROW_HASH);
		}
	}
	frame_leave(&frame);
	look_for_written_over(entities, shared, versions, hashes, count);
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
