/*
 * locks.c
 *		Lasting locks: they last as long as the copy, and are taken under the rows' locks.
 *
 * Whoever adds or removes a row of image_locks holds the row lock of the entity, so that "the
 * first holder" and "the last holder" are well defined.  Images of a template take part with a
 * sharing row lock and keep their status, else every VM of the template would stop.
 *
 * On an engine's tables, where no guard of ours stands, whole disks are held while the VM is down: the
 * engine's MoveDisk looks only at the active image (ovirt-clone.md, "Execution and its locks").
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/binding.h"
#include "base/frame.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "locks/locks_internal.h"
#include "plan/plan_parts.h"

/* Who holds the entities, of whichever kind; what their rows said when they were locked. */
static Statement entity_holders = {
	.sql = "SELECT kind = 'image', entity_id, mode = 'exclusive', keeps_status, holder,"
		   " row_version::text::int8, row_hash"
		   " FROM vmclone.image_locks LEFT JOIN vmclone.lock_state USING (entity_id, kind)"
		   " WHERE entity_id = ANY ($1) ORDER BY kind DESC, entity_id, holder",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Columns of entity_holders. */
enum EntityHolderColumn
{
	HOLDER_IS_IMAGE = 1,
	HOLDER_ENTITY_ID,
	HOLDER_IS_EXCLUSIVE,
	HOLDER_KEEPS_STATUS,
	HOLDER_ID,
	HOLDER_ROW_VERSION,
	HOLDER_ROW_HASH,
};

static Statement jobs_of_holder = {
	.sql = "SELECT string_agg(job_id::text, ', ' ORDER BY copy_number)"
		   " FROM vmclone.jobs WHERE call_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/*
 * The lasting locks of holder $7 on snapshot $1 of status $2, images $3 of statuses $4 and images of
 * templates $5; shared: $6.  What becomes LOCKED does so by transaction $8; $9 and $10 are the hashes.
 */
#define WRITE_LOCKS(on_conflict)                                                                   \
	"WITH state AS (INSERT INTO vmclone.lock_state AS s"                                           \
	"  (kind, entity_id, earlier_status, shared_only, row_version, row_hash)"                      \
	"  SELECT 'snapshot', $1, $2, $6, $8, $9"                                                      \
	"  UNION ALL SELECT 'image', i.id, i.status::text, $6, $8, i.hash"                             \
	"  FROM ROWS FROM (unnest($3), unnest($4), unnest($10)) AS i(id, status, hash)" on_conflict    \
	") INSERT INTO vmclone.image_locks (kind, entity_id, holder, mode, keeps_status)"              \
	" SELECT 'snapshot', $1, $7, CASE WHEN $6 THEN 'shared' ELSE 'exclusive' END, false"           \
	" UNION ALL SELECT 'image', id, $7, CASE WHEN $6 THEN 'shared' ELSE 'exclusive' END, false"    \
	"  FROM unnest($3) id"                                                                         \
	" UNION ALL SELECT 'image', id, $7, 'shared', true FROM unnest($5) id"
#define WRITE_LOCKS_ARGUMENTS                                                                      \
	.argument_count = 10,                                                                          \
	.argument_types = {UUIDOID, TEXTOID, UUIDARRAYOID, INT4ARRAYOID, UUIDARRAYOID,                 \
					   BOOLOID, UUIDOID, XIDOID,       INT8OID,      INT8ARRAYOID}

static Statement write_first_locks = {.sql = WRITE_LOCKS(""), WRITE_LOCKS_ARGUMENTS};

/*
 * Beside other holders, whose locks have a state already.  Where somebody has taken their LOCKED off, it
 * is ours from now on.
 */
#define OURS_NOW(column)                                                                           \
	column " = CASE WHEN excluded.earlier_status IN ('LOCKED', '" SQL_IMAGE_STATUS_LOCKED          \
		   "') THEN s." column " ELSE excluded." column " END"
static Statement write_more_locks = {
	.sql = WRITE_LOCKS(
		" ON CONFLICT (kind, entity_id) DO UPDATE SET shared_only = s.shared_only AND $6, " OURS_NOW(
			"earlier_status") ", " OURS_NOW("row_version") ", " OURS_NOW("row_hash")),
	WRITE_LOCKS_ARGUMENTS};

static Statement set_snapshot_locked = {
	.sql = "UPDATE snapshots SET status = 'LOCKED' WHERE snapshot_id = $1 AND status <> 'LOCKED'",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement set_images_locked = {
	.sql = "UPDATE images SET imagestatus = " SQL_IMAGE_STATUS_LOCKED " WHERE image_guid = ANY ($1)"
		   " AND imagestatus <> " SQL_IMAGE_STATUS_LOCKED,
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* A row of entity_holders. */
typedef struct EntityHolder
{
	bool is_image;
	pg_uuid_t entity_id;
	bool exclusive;
	bool keeps_status;
	pg_uuid_t holder;
	bool has_version; /* of the row that says LOCKED */
	TransactionId version;
	int64 hash;
} EntityHolder;

static EntityHolder *
load_holders(const LockSet *set, int *count)
{
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * (set->image_count + set->template_image_count + 1));
	EntityHolder *holders;
	Datum value;
	uint64 rows;

	ids[0] = *set->snapshot_id;
	if (set->image_count > 0)
		memcpy(&ids[1], set->images, sizeof(pg_uuid_t) * set->image_count);
	if (set->template_image_count > 0)
		memcpy(&ids[1 + set->image_count], set->template_images,
			   sizeof(pg_uuid_t) * set->template_image_count);
	value = array_of_uuids(ids, 1 + set->image_count + set->template_image_count);
	rows = statement_run(&entity_holders, &value, NULL);
	holders = palloc(sizeof(EntityHolder) * (rows + 1));
	for (uint64 row = 0; row < rows; row++)
	{
		holders[row].is_image = field_bool(row, HOLDER_IS_IMAGE);
		holders[row].entity_id = field_uuid(row, HOLDER_ENTITY_ID);
		holders[row].exclusive = field_bool(row, HOLDER_IS_EXCLUSIVE);
		holders[row].keeps_status = field_bool(row, HOLDER_KEEPS_STATUS);
		holders[row].holder = field_uuid(row, HOLDER_ID);
		holders[row].has_version = !field_is_null(row, HOLDER_ROW_VERSION);
		holders[row].version = (TransactionId) field_int64(row, HOLDER_ROW_VERSION);
		holders[row].hash = field_int64(row, HOLDER_ROW_HASH);
	}
	*count = (int) rows;
	return holders;
}

static void
append_obstacle(StringInfo detail, const EntityHolder *holder)
{
	Datum value = UUIDPGetDatum(&holder->holder);
	char *jobs;

	statement_run_one_row(&jobs_of_holder, &value, NULL);
	jobs = field_text(0, ONLY_COLUMN);
	locks_append_entity(detail, holder->is_image ? "image" : "snapshot",
						uuid_text(&holder->entity_id));
	appendStringInfo(detail, " is held %s by %s%s", holder->exclusive ? "exclusively" : "shared",
					 jobs ? "job " : "a call under way", jobs ? jobs : "");
}

/*
 * LOCKED, and not by holders of ours: another operation of the engine, which may have written it over
 * theirs.  version and hash are the row's.
 */
static void
append_foreign_lock(StringInfo detail, const char *kind, const pg_uuid_t *id, TransactionId version,
					int64 hash, const EntityHolder *holders, int count)
{
	for (int i = 0; i < count; i++)
	{
		const EntityHolder *holder = &holders[i];

		if (!holder->keeps_status && uuid_same(&holder->entity_id, id) &&
			(!holder->has_version || holder->version == version || holder->hash != hash))
			return;
	}
	locks_append_entity(detail, kind, uuid_text(id));
	appendStringInfoString(detail, " is locked by another operation of the engine");
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(pg_uuid_t));
}

/*
 * Refuses when a lasting holder, or another operation of the engine, is in the way.  Returns whether
 * anybody else holds something.
 */
static bool
check_holders(const LockSet *set, const pg_uuid_t *call_id)
{
	int count;
	const EntityHolder *holders = load_holders(set, &count);
	bool snapshot = false;
	pg_uuid_t *images;
	StringInfoData detail;

	initStringInfo(&detail);
	for (int i = 0; i < count; i++)
	{
		const EntityHolder *holder = &holders[i];
		bool of_template =
			holder->is_image &&
			lock_set_contains(set->template_images, set->template_image_count, &holder->entity_id);

		if (uuid_same(&holder->holder, call_id) ||
			!(holder->exclusive || (!set->shared && !of_template)))
			continue;
		snapshot = snapshot || !holder->is_image;
		append_obstacle(&detail, holder);
	}
	if (strcmp(set->snapshot_status, "LOCKED") == 0)
	{
		int before = detail.len;

		append_foreign_lock(&detail, "snapshot", set->snapshot_id, set->snapshot_version,
							set->snapshot_hash, holders, count);
		snapshot = snapshot || detail.len > before;
	}
	images = palloc(sizeof(pg_uuid_t) * (set->image_count + 1));
	if (set->image_count > 0)
		memcpy(images, set->images, sizeof(pg_uuid_t) * set->image_count);
	qsort(images, set->image_count, sizeof(pg_uuid_t), compare_ids);
	for (int i = 0; i < set->image_count; i++)
	{
		const LockedImage *image = lock_set_find(set, &images[i]);

		if (image->status == IMAGE_STATUS_LOCKED)
			append_foreign_lock(&detail, "image", &images[i], image->version, image->hash, holders,
								count);
	}
	if (detail.len > 0)
		locks_refuse(snapshot, detail.data);
	return count > 0;
}

static void
write_locks(const LockSet *set, const pg_uuid_t *call_id, Datum snapshot, Datum images,
			bool some_held)
{
	int32 *statuses = palloc(sizeof(int32) * (set->image_count + 1));
	int64 *hashes = palloc(sizeof(int64) * (set->image_count + 1));
	Datum values[10];

	for (int i = 0; i < set->image_count; i++)
	{
		const LockedImage *image = lock_set_find(set, &set->images[i]);

		statuses[i] = image->status;
		hashes[i] = image->hash;
	}
	values[0] = snapshot;
	values[1] = CStringGetTextDatum(set->snapshot_status);
	values[2] = images;
	values[3] = array_of_int32s(statuses, set->image_count);
	values[4] = array_of_uuids(set->template_images, set->template_image_count);
	values[5] = BoolGetDatum(set->shared);
	values[6] = UUIDPGetDatum(call_id);
	values[7] = TransactionIdGetDatum(GetCurrentTransactionId());
	values[8] = Int64GetDatum(set->snapshot_hash);
	values[9] = array_of_int64s(hashes, set->image_count);
	(void) statement_run(some_held ? &write_more_locks : &write_first_locks, values, NULL);
}

void
locks_take(ClonePlan *plan, const pg_uuid_t *call_id)
{
	LockSet set = {.snapshot_id = &plan->snapshot_id, .shared = plan->request->lock_shared};
	Datum snapshot = UUIDPGetDatum(&plan->snapshot_id);
	Datum images;
	bool some_held;
	Frame frame;

	lock_set_collect(plan, &set);
	set.on_engine = strcmp(NameStr(binding_look_up()->schema), VMCLONE_SCHEMA) != 0;

	/* whoever waits needs a frame of its own: its end takes lock_timeout back */
	if (set.shared)
		frame_enter_inventory(&frame);
	lock_set_take_rows(&set);
	if (set.shared)
		frame_leave(&frame);
	plan->chain_changes = lock_set_describe_changes(plan, &set);
	images = array_of_uuids(set.images, set.image_count);

	frame_enter_own(&frame);
	some_held = check_holders(&set, call_id);
	write_locks(&set, call_id, snapshot, images, some_held);
	frame_leave(&frame);

	if (strcmp(set.snapshot_status, "LOCKED") != 0)
		(void) statement_run(&set_snapshot_locked, &snapshot, NULL);
	for (int i = 0; i < set.image_count; i++)
	{
		if (lock_set_find(&set, &set.images[i])->status == IMAGE_STATUS_LOCKED)
			continue;
		(void) statement_run(&set_images_locked, &images, NULL);
		break;
	}
}
