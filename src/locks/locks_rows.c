/*
 * locks_rows.c
 *		Row locks on the snapshot and its images, for the length of the call.
 *
 * They are taken in one fixed order (snapshot, then images by id), so that two calls never wait for
 * each other in a circle, and the statuses read under them are the newest.  An exclusive caller
 * doesn't wait for them: a row that somebody else has locked is skipped, and what is missing from
 * the result is what is held.  A sharing caller waits up to vmclone.lock_wait, since the row locks
 * of another sharing caller last for its transaction only.
 */
#include "postgres.h"

#include "base/arrays.h"
#include "base/errors.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "inventory/row_hash.h"
#include "locks/locks_internal.h"
#include "locks/row_holders.h"
#include "plan/plan_parts.h"

#define KEY_DURING_SNAPSHOT "ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT"
#define KEY_DISKS_LOCKED    "ACTION_TYPE_FAILED_DISKS_LOCKED"
#define KEY_CHAIN_CHANGED   "ACTION_TYPE_FAILED_IMAGE_CHAIN_CHANGED"

#define LOCK_ATTEMPTS 3

#define LOCK_SNAPSHOT                                                                              \
	"SELECT status::text, xmin::text::int8, " SNAPSHOT_HASH ","                                    \
	" (SELECT d.status NOT IN " SQL_VM_STATUSES_WITHOUT_QEMU " FROM vm_dynamic d"                  \
	"  WHERE d.vm_guid = snapshots.vm_id)"                                                         \
	" FROM snapshots WHERE snapshot_id = $1 FOR NO KEY UPDATE OF snapshots"

/* Columns of LOCK_SNAPSHOT. */
enum LockedSnapshotColumn
{
	LOCKED_SNAPSHOT_STATUS = 1,
	LOCKED_SNAPSHOT_VERSION,
	LOCKED_SNAPSHOT_HASH,
	LOCKED_VM_RUNS,
};

/*
 * The images $1, and those of their disks $2 that stand directly on them: whoever merges or re-parents
 * one changes what the chain is, so their rows are locked with it.  With $3 all of the disks.  What a
 * row says is the newest, since it is read under its lock; the last column is the ids of all that are
 * wanted.
 */
#define CHILDREN                                                                                   \
	"SELECT c.image_guid FROM images c WHERE c.image_group_id = ANY ($2)"                          \
	" AND (c.parentid = ANY ($1) OR $3) AND NOT c.image_guid = ANY ($1)"
#define LOCKED_COLUMNS                                                                             \
	"image_guid, imagestatus, parentid, image_group_id, volume_format, size, xmin::text::int8,"    \
	" " IMAGE_HASH
#define LOCK_IMAGES                                                                                \
	"WITH wanted AS MATERIALIZED (SELECT $1 || ARRAY (" CHILDREN ") AS ids)"                       \
	" SELECT " LOCKED_COLUMNS ", (SELECT ids FROM wanted) FROM images"                             \
	" WHERE image_guid = ANY ((SELECT ids FROM wanted)::uuid[])"                                   \
	" ORDER BY image_guid FOR NO KEY UPDATE OF images"

/* Columns of LOCK_IMAGES and, but for the last one, of lock_template_images. */
enum LockedImageColumn
{
	LOCKED_IMAGE_ID = 1,
	LOCKED_STATUS,
	LOCKED_PARENT_ID,
	LOCKED_DISK_ID,
	LOCKED_VOLUME_FORMAT,
	LOCKED_SIZE,
	LOCKED_VERSION,
	LOCKED_HASH,
	LOCKED_WANTED,
};

static Statement lock_snapshot_wait = {
	.sql = LOCK_SNAPSHOT, .argument_count = 1, .argument_types = {UUIDOID}};
static Statement lock_snapshot_skip = {
	.sql = LOCK_SNAPSHOT " SKIP LOCKED", .argument_count = 1, .argument_types = {UUIDOID}};
static Statement lock_images_wait = {.sql = LOCK_IMAGES,
									 .argument_count = 3,
									 .argument_types = {UUIDARRAYOID, UUIDARRAYOID, BOOLOID}};
static Statement lock_images_skip = {.sql = LOCK_IMAGES " SKIP LOCKED",
									 .argument_count = 3,
									 .argument_types = {UUIDARRAYOID, UUIDARRAYOID, BOOLOID}};
static Statement lock_template_images = {
	.sql = "SELECT " LOCKED_COLUMNS " FROM images"
		   " WHERE image_guid = ANY ($1) ORDER BY image_guid FOR SHARE SKIP LOCKED",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* The same without locks, for what the locking one doesn't show when it gets no row at all. */
static Statement children = {
	.sql = CHILDREN, .argument_count = 3, .argument_types = {UUIDARRAYOID, UUIDARRAYOID, BOOLOID}};

/* Places (ctid) of the rows that were asked for and not locked, for row_holders.c. */
static Statement row_places = {
	.sql = "SELECT 'snapshot', snapshot_id, tableoid, ctid FROM snapshots WHERE snapshot_id = $1"
		   " UNION ALL (SELECT 'image', image_guid, tableoid, ctid FROM images"
		   "  WHERE image_guid = ANY ($2) ORDER BY image_guid)",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDARRAYOID},
};

/* Columns of row_places. */
enum RowPlaceColumn
{
	PLACE_KIND = 1,
	PLACE_ID,
	PLACE_TABLE,
	PLACE_ROW,
};

bool
lock_set_contains(const pg_uuid_t *ids, int count, const pg_uuid_t *id)
{
	for (int i = 0; i < count; i++)
	{
		if (uuid_same(&ids[i], id))
			return true;
	}
	return false;
}

const LockedImage *
lock_set_find(const LockSet *set, const pg_uuid_t *id)
{
	for (int i = 0; i < set->got_count; i++)
	{
		if (uuid_same(&set->got[i].id, id))
			return &set->got[i];
	}
	return NULL;
}

void
locks_append_entity(StringInfo detail, const char *kind, const char *id)
{
	appendStringInfo(detail, "%s%s %s", detail->len ? "\n" : "", kind, id);
}

pg_noreturn void
locks_refuse(bool snapshot, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_LOCKED),
			 errmsg(snapshot ? "the snapshot is locked" : "images of the snapshot are locked"),
			 errkey(snapshot ? KEY_DURING_SNAPSHOT : KEY_DISKS_LOCKED),
			 errdetail("%s: %s", snapshot ? KEY_DURING_SNAPSHOT : KEY_DISKS_LOCKED, detail),
			 errhint("Wait until the operation that holds them ends; view vmclone.locks shows "
					 "the jobs.  Calls with lock_mode \"shared\" can run side by side.")));
}

void
lock_set_collect(const ClonePlan *plan, LockSet *set)
{
	pg_uuid_t *images;
	pg_uuid_t *template_images;
	pg_uuid_t *disks = palloc(sizeof(pg_uuid_t) * (plan->disk_count + 1));
	int total = 0;

	for (int i = 0; i < plan->disk_count; i++)
		total += plan->disks[i].chain_length;
	images = palloc(sizeof(pg_uuid_t) * (total + 1));
	template_images = palloc(sizeof(pg_uuid_t) * (total + 1));
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		if (disk->fate != DISK_COPY)
			continue;
		disks[set->disk_count++] = disk->disk_id;
		for (int j = 0; j < disk->chain_length; j++)
		{
			const ChainImage *image = &disk->chain[j];

			if (image->of_template)
			{
				if (!lock_set_contains(template_images, set->template_image_count,
									   &image->image_id))
					template_images[set->template_image_count++] = image->image_id;
			}
			else if (!lock_set_contains(images, set->image_count, &image->image_id))
				images[set->image_count++] = image->image_id;
		}
	}
	set->images = images;
	set->template_images = template_images;
	set->disks = disks;
}

/*
 * The plan was made before the rows were locked; what somebody merged, grew or made ILLEGAL in
 * between would be copied wrongly.  Sentences for check 1780.
 */
char *
lock_set_describe_changes(const ClonePlan *plan, const LockSet *set)
{
	pg_uuid_t *seen = palloc(sizeof(pg_uuid_t) * (set->got_count + 1));
	int seen_count = 0;
	int illegal = 0;
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		for (int j = 0; j < disk->chain_length && disk->fate == DISK_COPY; j++)
		{
			const ChainImage *planned = &disk->chain[j];
			const LockedImage *now = lock_set_find(set, &planned->image_id);

			if (lock_set_contains(seen, seen_count, &planned->image_id))
				continue;
			seen[seen_count++] = planned->image_id;
			if (!uuid_same(&planned->parent_id, &now->parent_id) ||
				!uuid_same(&planned->disk_id, &now->disk_id) ||
				(int) planned->volume_format != now->volume_format || planned->size != now->size)
				appendStringInfo(&text, "%sImage %s has other values now.", text.len ? "  " : "",
								 uuid_text(&planned->image_id));
			if (now->status == IMAGE_STATUS_ILLEGAL)
				illegal++;
		}
	}
	if (illegal > 0)
		appendStringInfo(&text, "%s%d images have become ILLEGAL.", text.len ? "  " : "", illegal);
	return text.len ? text.data : NULL;
}

/*
 * Appends the rows of kind and id that somebody holds.  Rows whose holder is gone by now, or that
 * are gone themselves, aren't named.
 */
static void
append_held_rows(StringInfo detail, const pg_uuid_t *snapshot_id, const pg_uuid_t *missing,
				 int missing_count)
{
	Datum values[2] = {UUIDPGetDatum(snapshot_id), array_of_uuids(missing, missing_count)};
	bool nulls[2] = {snapshot_id == NULL, false};
	uint64 rows = statement_run(&row_places, values, nulls);
	SPITupleTable *places = SPI_tuptable;

	for (uint64 row = 0; row < rows; row++)
	{
		TupleDesc columns = places->tupdesc;
		HeapTuple tuple = places->vals[row];
		bool is_null;
		StringInfoData holders;

		initStringInfo(&holders);
		if (!append_row_holders(
				&holders, DatumGetObjectId(SPI_getbinval(tuple, columns, PLACE_TABLE, &is_null)),
				(ItemPointer) DatumGetPointer(SPI_getbinval(tuple, columns, PLACE_ROW, &is_null))))
			continue;
		locks_append_entity(detail, SPI_getvalue(tuple, columns, PLACE_KIND),
							SPI_getvalue(tuple, columns, PLACE_ID));
		appendStringInfo(detail, " is locked%s", holders.data);
	}
}

/*
 * Rows of a locking statement.  A row that an earlier try has got keeps what that said: it is ours
 * since.
 */
static void
add_locked(LockSet *set, uint64 rows)
{
	LockedImage *all = palloc(sizeof(LockedImage) * (set->got_count + rows + 1));

	if (set->got_count > 0)
		memcpy(all, set->got, sizeof(LockedImage) * set->got_count);
	set->got = all;
	for (uint64 row = 0; row < rows; row++)
	{
		LockedImage *image = &set->got[set->got_count];

		image->id = field_uuid(row, LOCKED_IMAGE_ID);
		if (lock_set_find(set, &image->id))
			continue;
		image->status = (int) field_int64(row, LOCKED_STATUS);
		image->parent_id = field_uuid(row, LOCKED_PARENT_ID);
		image->disk_id = field_uuid(row, LOCKED_DISK_ID);
		image->volume_format = (int) field_int64(row, LOCKED_VOLUME_FORMAT);
		image->size = field_int64(row, LOCKED_SIZE);
		image->version = (TransactionId) field_int64(row, LOCKED_VERSION);
		image->hash = field_int64(row, LOCKED_HASH);
		image->row = -1;
		set->got_count++;
	}
}

/* Ids of all images that are wanted, children too: of the rows of the locking statement. */
static pg_uuid_t *
wanted_images(const LockSet *set, const Datum *values, uint64 rows, int *count)
{
	pg_uuid_t *wanted;

	if (rows > 0)
		return field_uuids(0, LOCKED_WANTED, count);
	wanted = palloc(sizeof(pg_uuid_t) * (set->image_count + 1));
	memcpy(wanted, set->images, sizeof(pg_uuid_t) * set->image_count);
	*count = set->image_count;
	rows = statement_run(&children, values, NULL);
	wanted = repalloc(wanted, sizeof(pg_uuid_t) * (*count + rows + 1));
	for (uint64 row = 0; row < rows; row++)
		wanted[(*count)++] = field_uuid(row, ONLY_COLUMN);
	return wanted;
}

/* Of the ids, those whose rows were not got; returns how many. */
static int
missing_rows(const LockSet *set, const pg_uuid_t *ids, int count, pg_uuid_t *missing)
{
	int missing_count = 0;

	for (int i = 0; i < count; i++)
	{
		if (lock_set_find(set, &ids[i]) == NULL)
			missing[missing_count++] = ids[i];
	}
	return missing_count;
}

/*
 * Who has rows that a sharing call may have to wait for; NULL: nobody that can be named.  Asked before, since
 * nothing can be asked when the time is over; and not by locking what is free, which would be out of order.
 */
static char *
describe_held(const pg_uuid_t *snapshot_id, const pg_uuid_t *images, int count)
{
	StringInfoData text;

	initStringInfo(&text);
	append_held_rows(&text, snapshot_id, images, count);
	return text.len > 0 ? text.data : NULL;
}

/* Of a row of images: is it among those that LOCK_IMAGES names? */
static bool
is_wanted(const LockSet *set, const LockedImage *image)
{
	return set->whole_disks || lock_set_contains(set->images, set->image_count, &image->id) ||
		   lock_set_contains(set->images, set->image_count, &image->parent_id);
}

static int
compare_images(const void *a, const void *b)
{
	return memcmp(&((const LockedImage *) a)->id, &((const LockedImage *) b)->id,
				  sizeof(pg_uuid_t));
}

/* The wanted ones of the rows, in the order in which they are to be locked. */
static int
find_wanted(const LockSet *set, const KeyedRows *rows, LockedImage *found)
{
	int count = 0;

	for (int row = 0; row < rows->count; row++)
	{
		LockedImage *image = &found[count];

		image->id = keyed_uuid(rows, row, "image_guid");
		image->parent_id = keyed_uuid(rows, row, "parentid");
		if (!is_wanted(set, image))
			continue;
		image->status = (int) keyed_int64(rows, row, "imagestatus");
		image->disk_id = keyed_uuid(rows, row, "image_group_id");
		image->volume_format = (int) keyed_int64(rows, row, "volume_format");
		image->size = keyed_int64(rows, row, "size");
		image->version = HeapTupleHeaderGetRawXmin(rows->rows[row]->t_data);
		image->hash = image_hash(rows, row);
		image->row = row;
		count++;
	}
	qsort(found, count, sizeof(LockedImage), compare_images);
	return count;
}

/*
 * What LOCK_IMAGES does, where all rows are there, and nobody has one locked or is changing it.  False: the
 * statement has to say what is to be had, or to wait.
 */
static bool
lock_images_at_once(LockSet *set)
{
	const KeyedRows *rows =
		keyed_rows("images", "image_group_id", set->disks, set->disk_count, KEYED_NOW);
	LockedImage *found;
	int *numbers;
	int count;

	if (!rows->is_indexed)
		return false;
	found = palloc(sizeof(LockedImage) * (rows->count + 1));
	count = find_wanted(set, rows, found);
	numbers = palloc(sizeof(int) * (count + 1));
	for (int i = 0; i < count; i++)
		numbers[i] = found[i].row;
	if (!keyed_rows_lock(rows, numbers, count, LockTupleNoKeyExclusive))
		return false;
	for (int i = 0; i < set->image_count; i++)
	{
		LockedImage key = {.id = set->images[i]};

		if (bsearch(&key, found, count, sizeof(LockedImage), compare_images) == NULL)
			return false;
	}
	set->got = found;
	set->got_count = count;
	set->image_rows = rows;
	return true;
}

/* Locks the images' rows; returns the ids of all that are wanted, as far as they may be missing. */
static pg_uuid_t *
lock_images(LockSet *set, int *count)
{
	Datum values[3] = {array_of_uuids(set->images, set->image_count),
					   array_of_uuids(set->disks, set->disk_count), BoolGetDatum(set->whole_disks)};
	uint64 rows;

	*count = 0;
	if (set->got_count == 0 && lock_images_at_once(set))
		return NULL;
	if (set->shared)
		rows = locks_wait_for(&lock_images_wait, values, "the snapshot's images",
							  describe_held(NULL, set->images, set->image_count));
	else
		rows = statement_run(&lock_images_skip, values, NULL);
	add_locked(set, rows);
	return wanted_images(set, values, rows, count);
}

/* Has a qemu the disks of the snapshot's virtual machine open? */
static bool
vm_runs(const KeyedRows *snapshots)
{
	static const int without_qemu[] = {VM_STATUSES_WITHOUT_QEMU};
	pg_uuid_t vm_id = keyed_uuid(snapshots, 0, "vm_id");
	const KeyedRows *vm = keyed_row("vm_dynamic", "vm_guid", &vm_id);

	if (vm == NULL || keyed_is_null(vm, 0, "status"))
		return false;
	for (int i = 0; i < (int) lengthof(without_qemu); i++)
	{
		if (keyed_int64(vm, 0, "status") == without_qemu[i])
			return false;
	}
	return true;
}

/* What LOCK_SNAPSHOT does, as lock_images_at_once. */
static bool
lock_snapshot_at_once(LockSet *set)
{
	const KeyedRows *rows = set->planned_snapshot;
	int number = 0;

	/* mostly nobody has changed it since it was read */
	if (rows == NULL || !keyed_rows_lock(rows, &number, 1, LockTupleNoKeyExclusive))
	{
		rows = keyed_row("snapshots", "snapshot_id", set->snapshot_id);
		if (rows == NULL || !keyed_rows_lock(rows, &number, 1, LockTupleNoKeyExclusive))
			return false;
	}
	set->snapshot_status = keyed_text(rows, 0, "status");
	set->snapshot_version = HeapTupleHeaderGetRawXmin(rows->rows[0]->t_data);
	set->snapshot_hash = snapshot_hash(rows, 0);
	set->whole_disks = set->on_engine && !vm_runs(rows);
	set->snapshot_rows = rows;
	return true;
}

static void
lock_snapshot(LockSet *set)
{
	Datum snapshot = UUIDPGetDatum(set->snapshot_id);
	uint64 rows;

	if (lock_snapshot_at_once(set))
		return;
	rows = set->shared ? locks_wait_for(&lock_snapshot_wait, &snapshot, "the snapshot",
										describe_held(set->snapshot_id, NULL, 0))
					   : statement_run(&lock_snapshot_skip, &snapshot, NULL);
	if (rows == 0)
		return;
	set->snapshot_status = field_text(0, LOCKED_SNAPSHOT_STATUS);
	set->snapshot_version = (TransactionId) field_int64(0, LOCKED_SNAPSHOT_VERSION);
	set->snapshot_hash = field_int64(0, LOCKED_SNAPSHOT_HASH);
	set->whole_disks = set->on_engine && !field_bool(0, LOCKED_VM_RUNS);
}

/* One try; returns false if rows are missing that nobody holds (any longer). */
static bool
try_lock_rows(LockSet *set)
{
	pg_uuid_t *wanted = NULL;
	int wanted_count = 0;
	pg_uuid_t *missing;
	int missing_count = 0;
	StringInfoData detail;

	if (set->snapshot_status == NULL)
		lock_snapshot(set);
	if (set->image_count > 0)
		wanted = lock_images(set, &wanted_count);
	if (set->template_image_count > 0)
	{
		Datum array = array_of_uuids(set->template_images, set->template_image_count);

		add_locked(set, statement_run(&lock_template_images, &array, NULL));
	}
	missing = palloc(sizeof(pg_uuid_t) * (wanted_count + set->template_image_count + 1));
	missing_count = missing_rows(set, wanted, wanted_count, missing);
	missing_count +=
		missing_rows(set, set->template_images, set->template_image_count, missing + missing_count);
	if (set->snapshot_status && missing_count == 0)
		return true;

	initStringInfo(&detail);
	append_held_rows(&detail, set->snapshot_status ? NULL : set->snapshot_id, missing,
					 missing_count);
	if (detail.len > 0)
		locks_refuse(set->snapshot_status == NULL, detail.data);
	return false;
}

/* Of whole disks, all images that were got are to be held, not only those that are read. */
static void
add_whole_disks(LockSet *set)
{
	pg_uuid_t *images = palloc(sizeof(pg_uuid_t) * (set->got_count + 1));
	int count = 0;

	for (int i = 0; i < set->got_count; i++)
	{
		if (!lock_set_contains(set->template_images, set->template_image_count, &set->got[i].id))
			images[count++] = set->got[i].id;
	}
	set->images = images;
	set->image_count = count;
}

void
lock_set_take_rows(LockSet *set)
{
	/* whoever stood in the way may be gone a moment later, with or without the row */
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++)
	{
		if (!try_lock_rows(set))
			continue;
		if (set->whole_disks)
			add_whole_disks(set);
		return;
	}
	ereport(ERROR, (errcode(ERRCODE_VC_CHAIN),
					errmsg("the snapshot or images of it were changed or deleted meanwhile"),
					errkey(KEY_CHAIN_CHANGED), errdetail("%s.", KEY_CHAIN_CHANGED),
					errhint("Look at the snapshot again with vmclone.snapshot_disks.")));
}
