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
#include "base/insertion.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/table_updater.h"
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

#define LOCK_STATE                                                                                 \
	.relation = "vmclone.lock_state", .column_count = 6,                                           \
	.columns = {{"kind", TEXTOID},        {"entity_id", UUIDOID},  {"earlier_status", TEXTOID},    \
				{"shared_only", BOOLOID}, {"row_version", XIDOID}, {"row_hash", INT8OID}}

/* Whose are all: nobody else holds any of them. */
static Insertion insert_states = {
	LOCK_STATE,
};

/*
 * Beside other holders, whose locks have a state already.  Where somebody has taken their LOCKED off, it
 * is ours from now on.
 */
#define OURS_NOW(column)                                                                           \
	column " = CASE WHEN excluded.earlier_status IN ('LOCKED', '" SQL_IMAGE_STATUS_LOCKED          \
		   "') THEN s." column " ELSE excluded." column " END"
static Insertion insert_states_beside = {
	LOCK_STATE,
	.statement = {.sql =
					  "INSERT INTO vmclone.lock_state AS s"
					  " (kind, entity_id, earlier_status, shared_only, row_version, row_hash)"
					  " SELECT kind, entity_id, earlier_status, shared_only, row_version, row_hash"
					  " FROM " NEW_ROWS " ON CONFLICT (kind, entity_id) DO UPDATE SET"
					  " shared_only = s.shared_only AND excluded.shared_only, " OURS_NOW(
						  "earlier_status") ", " OURS_NOW("row_version") ", " OURS_NOW("row_hash")},
};

static Insertion insert_locks = {
	.relation = "vmclone.image_locks",
	.column_count = 5,
	.columns = {{"kind", TEXTOID},
				{"entity_id", UUIDOID},
				{"holder", UUIDOID},
				{"mode", TEXTOID},
				{"keeps_status", BOOLOID}},
};

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
	*count = 0;
	/* mostly nobody does */
	if (keyed_rows("vmclone.image_locks", "entity_id", ids,
				   1 + set->image_count + set->template_image_count, KEYED_NOW)
			->count == 0)
		return NULL;
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

/* In the order of insert_states. */
static void
put_state(NewRows *rows, const LockSet *set, const char *kind, const pg_uuid_t *id,
		  const char *status, int64 hash)
{
	new_rows_put_text(rows, kind);
	new_rows_put_uuid(rows, id);
	new_rows_put_text(rows, status);
	new_rows_put(rows, BoolGetDatum(set->shared));
	new_rows_put(rows, TransactionIdGetDatum(GetCurrentTransactionId()));
	new_rows_put(rows, Int64GetDatum(hash));
}

/* In the order of insert_locks. */
static void
put_lock(NewRows *rows, const char *kind, const pg_uuid_t *id, const pg_uuid_t *call_id,
		 bool shared, bool keeps_status)
{
	new_rows_put_text(rows, kind);
	new_rows_put_uuid(rows, id);
	new_rows_put_uuid(rows, call_id);
	new_rows_put_text(rows, shared ? "shared" : "exclusive");
	new_rows_put(rows, BoolGetDatum(keeps_status));
}

static void
write_locks(const LockSet *set, const pg_uuid_t *call_id, bool some_held)
{
	NewRows states = insertion_begin(some_held ? &insert_states_beside : &insert_states);
	NewRows locks = insertion_begin(&insert_locks);

	put_state(&states, set, "snapshot", set->snapshot_id, set->snapshot_status, set->snapshot_hash);
	put_lock(&locks, "snapshot", set->snapshot_id, call_id, set->shared, false);
	for (int i = 0; i < set->image_count; i++)
	{
		const LockedImage *image = lock_set_find(set, &set->images[i]);
		char status[12];

		pg_ltoa(image->status, status);
		put_state(&states, set, "image", &image->id, status, image->hash);
		put_lock(&locks, "image", &image->id, call_id, set->shared, false);
	}
	for (int i = 0; i < set->template_image_count; i++)
		put_lock(&locks, "image", &set->template_images[i], call_id, true, true);
	insertion_run(&states);
	insertion_run(&locks);
}

static void
set_snapshot_status(const LockSet *set)
{
	static const UpdatedColumn status = {"status", TEXTOID};
	const int first = 0;
	Datum value = CStringGetTextDatum("LOCKED");
	Datum id = UUIDPGetDatum(set->snapshot_id);

	if (strcmp(set->snapshot_status, "LOCKED") == 0 ||
		(set->snapshot_rows && table_update(set->snapshot_rows, &first, 1, &status, 1, &value)))
		return;
	(void) statement_run(&set_snapshot_locked, &id, NULL);
}

static void
set_image_statuses(const LockSet *set)
{
	static const UpdatedColumn status = {"imagestatus", INT4OID};
	int *numbers = palloc(sizeof(int) * (set->image_count + 1));
	Datum *values = palloc(sizeof(Datum) * (set->image_count + 1));
	int count = 0;
	Datum ids;

	for (int i = 0; i < set->image_count; i++)
	{
		const LockedImage *image = lock_set_find(set, &set->images[i]);

		if (image->status == IMAGE_STATUS_LOCKED)
			continue;
		values[count] = Int32GetDatum(IMAGE_STATUS_LOCKED);
		numbers[count++] = image->row;
	}
	if (count == 0 ||
		(set->image_rows && table_update(set->image_rows, numbers, count, &status, 1, values)))
		return;
	ids = array_of_uuids(set->images, set->image_count);
	(void) statement_run(&set_images_locked, &ids, NULL);
}

void
locks_take(ClonePlan *plan, const pg_uuid_t *call_id)
{
	LockSet set = {.snapshot_id = &plan->snapshot_id,
				   .planned_snapshot = plan->snapshot_row,
				   .shared = plan->request->lock_shared};
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

	frame_enter_own(&frame);
	some_held = check_holders(&set, call_id);
	write_locks(&set, call_id, some_held);
	frame_leave(&frame);

	set_snapshot_status(&set);
	set_image_statuses(&set);
}
