/*
 * locks.c
 *		Row locks for the length of the call, lasting locks for the length of the copy.
 *
 * Row locks come first and in one fixed order (snapshot, then images by id), so that two calls
 * never wait for each other in a circle, and the statuses read under them are the newest.  An
 * exclusive caller doesn't wait for them: a row that somebody else has locked is skipped, and what
 * is missing from the result is what is held.  A sharing caller waits up to vmclone.lock_wait,
 * since the row locks of another sharing caller last for its transaction only.
 *
 * Whoever adds or removes a row of image_locks holds the row lock of the entity, so that "the
 * first holder" and "the last holder" are well defined.  Images of a template take part with a
 * sharing row lock and keep their status, else every VM of the template would stop.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "compat.h"
#include "errors.h"
#include "frame.h"
#include "json.h"
#include "locks.h"
#include "row_holders.h"
#include "settings.h"
#include "statement.h"

#define KEY_DURING_SNAPSHOT "ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT"
#define KEY_DISKS_LOCKED    "ACTION_TYPE_FAILED_DISKS_LOCKED"
#define KEY_OBJECT_LOCKED   "ACTION_TYPE_FAILED_OBJECT_LOCKED"
#define KEY_CHAIN_CHANGED   "ACTION_TYPE_FAILED_IMAGE_CHAIN_CHANGED"

#define LOCK_ATTEMPTS 3

#define LOCK_SNAPSHOT "SELECT snapshot_id FROM snapshots WHERE snapshot_id = $1 FOR NO KEY UPDATE"
#define LOCK_IMAGES                                                                                \
	"SELECT image_guid FROM images WHERE image_guid = ANY ($1) ORDER BY image_guid"                \
	" FOR NO KEY UPDATE"

static Statement lock_snapshot_wait = {
	.sql = LOCK_SNAPSHOT, .argument_count = 1, .argument_types = {UUIDOID}};
static Statement lock_snapshot_skip = {
	.sql = LOCK_SNAPSHOT " SKIP LOCKED", .argument_count = 1, .argument_types = {UUIDOID}};
static Statement lock_images_wait = {
	.sql = LOCK_IMAGES, .argument_count = 1, .argument_types = {UUIDARRAYOID}};
static Statement lock_images_skip = {
	.sql = LOCK_IMAGES " SKIP LOCKED", .argument_count = 1, .argument_types = {UUIDARRAYOID}};
static Statement lock_template_images = {
	.sql = "SELECT image_guid FROM images WHERE image_guid = ANY ($1) ORDER BY image_guid"
		   " FOR SHARE SKIP LOCKED",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/*
 * Images that stand directly on those of the chains: whoever merges or re-parents one changes what
 * the chain is, so their rows are locked with it.
 */
static Statement children = {
	/* "<> zero" lets the partial index of parents be used */
	.sql = "SELECT image_guid FROM images WHERE parentid = ANY ($1)"
		   " AND parentid <> '00000000-0000-0000-0000-000000000000'"
		   " AND NOT image_guid = ANY ($1) ORDER BY image_guid",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Where the rows are that were asked for and not got. */
static Statement row_places = {
	.sql = "SELECT 'snapshot', snapshot_id, tableoid, ctid FROM snapshots WHERE snapshot_id = $1"
		   " UNION ALL (SELECT 'image', image_guid, tableoid, ctid FROM images"
		   "  WHERE image_guid = ANY ($2) ORDER BY image_guid)",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDARRAYOID},
};

/*
 * Entities that a holder other than this call stands in the way of.  Here and below, OFFSET 0 makes it
 * one index probe an entity: the planner has mostly seen these tables empty, and would scan them.
 */
static Statement obstacles = {
	.sql = "SELECT e.kind, e.entity_id, l.mode, (SELECT pg_catalog.string_agg(j.job_id::text, ', '"
		   "   ORDER BY j.copy_number) FROM vmclone.jobs j WHERE j.call_id = l.holder)"
		   " FROM (SELECT 'snapshot' AS kind, $1 AS entity_id, false AS template"
		   "  UNION ALL SELECT 'image', id, false FROM pg_catalog.unnest($2) id"
		   "  UNION ALL SELECT 'image', id, true FROM pg_catalog.unnest($3) id) e"
		   " CROSS JOIN LATERAL (SELECT * FROM vmclone.image_locks h WHERE h.kind = e.kind"
		   "   AND h.entity_id = e.entity_id AND h.holder <> $5 OFFSET 0) l"
		   " WHERE l.mode = 'exclusive' OR (NOT $4 AND NOT e.template)"
		   " ORDER BY e.kind DESC, e.entity_id, l.holder",
	.argument_count = 5,
	.argument_types = {UUIDOID, UUIDARRAYOID, UUIDARRAYOID, BOOLOID, UUIDOID},
};

/* LOCKED, and not by holders of ours: another operation of the engine.  $1: earlier_statuses. */
static Statement foreign_locks = {
	.sql = "SELECT e.kind, e.entity_id"
		   " FROM pg_catalog.jsonb_to_recordset($1) AS e(kind text, entity_id uuid, status text)"
		   " WHERE e.status = CASE e.kind WHEN 'snapshot' THEN 'LOCKED' ELSE '2' END"
		   " AND NOT EXISTS (SELECT 1 FROM vmclone.image_locks l WHERE l.kind = e.kind"
		   "  AND l.entity_id = e.entity_id AND NOT l.keeps_status OFFSET 0)"
		   " ORDER BY e.kind DESC, e.entity_id",
	.argument_count = 1,
	.argument_types = {JSONBOID},
};

static Statement earlier_statuses = {
	.sql =
		"SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('kind', e.kind, 'entity_id',"
		" e.entity_id, 'status', e.status)) FROM ("
		"  SELECT 'snapshot' AS kind, snapshot_id AS entity_id, status::text AS status FROM snapshots"
		"   WHERE snapshot_id = $1"
		"  UNION ALL SELECT 'image', image_guid, imagestatus::text FROM images"
		"   WHERE image_guid = ANY ($2)) e",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDARRAYOID},
};

static Statement insert_lock_state = {
	.sql = "INSERT INTO vmclone.lock_state AS s (kind, entity_id, earlier_status, shared_only)"
		   " SELECT e.kind, e.entity_id, e.status, $2"
		   " FROM pg_catalog.jsonb_to_recordset($1) AS e(kind text, entity_id uuid, status text)"
		   " ON CONFLICT (kind, entity_id) DO UPDATE SET shared_only = s.shared_only AND $2",
	.argument_count = 2,
	.argument_types = {JSONBOID, BOOLOID},
};

static Statement insert_image_locks = {
	.sql =
		"INSERT INTO vmclone.image_locks (kind, entity_id, holder, mode, keeps_status)"
		" SELECT 'snapshot', $1, $4, CASE WHEN $5 THEN 'shared' ELSE 'exclusive' END, false"
		" UNION ALL SELECT 'image', id, $4, CASE WHEN $5 THEN 'shared' ELSE 'exclusive' END, false"
		"  FROM pg_catalog.unnest($2) id"
		" UNION ALL SELECT 'image', id, $4, 'shared', true FROM pg_catalog.unnest($3) id",
	.argument_count = 5,
	.argument_types = {UUIDOID, UUIDARRAYOID, UUIDARRAYOID, UUIDOID, BOOLOID},
};

static Statement set_snapshot_locked = {
	.sql = "UPDATE snapshots SET status = 'LOCKED' WHERE snapshot_id = $1 AND status <> 'LOCKED'",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement set_images_locked = {
	.sql = "UPDATE images SET imagestatus = 2 WHERE image_guid = ANY ($1) AND imagestatus <> 2",
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

/* Removes a holder; returns what nobody holds any longer and the status it had. */
static Statement remove_holder = {
	.sql =
		"WITH gone AS (DELETE FROM vmclone.image_locks WHERE holder = $1"
		"  RETURNING kind, entity_id, keeps_status),"
		" last AS (SELECT g.kind, g.entity_id FROM gone g WHERE NOT g.keeps_status AND NOT EXISTS ("
		"  SELECT 1 FROM vmclone.image_locks l WHERE l.kind = g.kind AND l.entity_id = g.entity_id"
		"   AND l.holder <> $1 AND NOT l.keeps_status OFFSET 0)),"
		" state AS (DELETE FROM vmclone.lock_state s USING last"
		"  WHERE s.kind = last.kind AND s.entity_id = last.entity_id"
		"  RETURNING s.kind, s.entity_id, s.earlier_status)"
		" SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('kind', kind, 'entity_id',"
		"  entity_id, 'status', earlier_status)) FROM state",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/*
 * What stays when a holder leaves.  Also makes two holders that leave at once under REPEATABLE READ
 * fail with 40001, where each would see the other one stay and neither would restore the status.
 */
static Statement refresh_shared_only = {
	.sql =
		"UPDATE vmclone.lock_state s SET shared_only = NOT EXISTS (SELECT 1 FROM vmclone.image_locks l"
		"  WHERE l.kind = s.kind AND l.entity_id = s.entity_id AND l.mode = 'exclusive'"
		"   AND l.holder <> $1)"
		" WHERE (s.kind, s.entity_id) IN (SELECT h.kind, h.entity_id FROM vmclone.image_locks h"
		"  WHERE h.holder = $1 AND NOT h.keeps_status)",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

static Statement restore_snapshot = {
	.sql = "UPDATE snapshots s SET status = e.status"
		   " FROM pg_catalog.jsonb_to_recordset($1) AS e(kind text, entity_id uuid, status text)"
		   " WHERE e.kind = 'snapshot' AND s.snapshot_id = e.entity_id AND s.status = 'LOCKED'",
	.argument_count = 1,
	.argument_types = {JSONBOID},
};

static Statement restore_images = {
	.sql = "UPDATE images i SET imagestatus = e.status::integer"
		   " FROM pg_catalog.jsonb_to_recordset($1) AS e(kind text, entity_id uuid, status text)"
		   " WHERE e.kind = 'image' AND i.image_guid = e.entity_id AND i.imagestatus = 2",
	.argument_count = 1,
	.argument_types = {JSONBOID},
};

static Statement make_counted = {
	.sql =
		"INSERT INTO vmclone.reservations (kind, entity_id)"
		" SELECT kind, entity_id FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c(kind, entity_id)"
		" ORDER BY kind, entity_id ON CONFLICT DO NOTHING",
	.argument_count = 2,
	.argument_types = {TEXTARRAYOID, UUIDARRAYOID},
};

static Statement lock_counted = {
	.sql =
		"SELECT 1 FROM vmclone.reservations WHERE (kind, entity_id) IN"
		" (SELECT kind, entity_id FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c(kind, entity_id))"
		" ORDER BY kind, entity_id FOR NO KEY UPDATE",
	.argument_count = 2,
	.argument_types = {TEXTARRAYOID, UUIDARRAYOID},
};

static Statement count_up = {
	.sql =
		"UPDATE vmclone.reservations SET version = version + 1 WHERE (kind, entity_id) IN"
		" (SELECT kind, entity_id FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c(kind, entity_id))",
	.argument_count = 2,
	.argument_types = {TEXTARRAYOID, UUIDARRAYOID},
};

/* A growing list of uuids that ends as a uuid[]. */
typedef struct UuidList
{
	Datum *values;
	int count;
	int size;
} UuidList;

static void
uuid_list_add(UuidList *list, const pg_uuid_t *uuid)
{
	for (int i = 0; i < list->count; i++)
	{
		if (uuid_same(DatumGetUUIDP(list->values[i]), uuid))
			return;
	}
	if (list->count == list->size)
	{
		list->size = list->size ? list->size * 2 : 32;
		list->values = list->values ? repalloc(list->values, list->size * sizeof(Datum))
									: palloc(list->size * sizeof(Datum));
	}
	list->values[list->count++] = UUIDPGetDatum(uuid);
}

static Datum
uuid_list_array(const UuidList *list)
{
	return PointerGetDatum(
		construct_array(list->values, list->count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

static void
set_lock_timeout(void)
{
	char value[32];

	/* a lock_timeout of 0 would wait for ever */
	snprintf(value, sizeof(value), "%d", Max(vmclone_lock_wait, 1));
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

uint64
locks_run_waiting(Statement *statement, const Datum *values, const char *what)
{
	volatile uint64 rows = 0;
	MemoryContext context = CurrentMemoryContext;

	set_lock_timeout();
	PG_TRY();
	{
		rows = statement_run(statement, values, NULL);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_VC_LOCKED),
				 errmsg("could not lock %s within %d ms", what, vmclone_lock_wait),
				 errkey(KEY_OBJECT_LOCKED), errdetail("%s.", KEY_OBJECT_LOCKED),
				 errhint("Another call holds it in an open transaction.  Try again, or raise "
						 "vmclone.lock_wait.")));
	}
	PG_END_TRY();
	return rows;
}

static bool
contains(const UuidList *list, const pg_uuid_t *uuid)
{
	for (int i = 0; i < list->count; i++)
	{
		if (uuid_same(DatumGetUUIDP(list->values[i]), uuid))
			return true;
	}
	return false;
}

/* The entities of a fault as text: "image 1a…", one a line. */
static void
append_entity(StringInfo detail, const char *kind, const char *id)
{
	appendStringInfo(detail, "%s%s %s", detail->len ? "\n" : "", kind, id);
}

pg_noreturn static void
raise_locked(bool snapshot, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_LOCKED),
			 errmsg(snapshot ? "the snapshot is locked" : "images of the snapshot are locked"),
			 errkey(snapshot ? KEY_DURING_SNAPSHOT : KEY_DISKS_LOCKED),
			 errdetail("%s: %s", snapshot ? KEY_DURING_SNAPSHOT : KEY_DISKS_LOCKED, detail),
			 errhint("Wait until the operation that holds them ends; view vmclone.locks shows "
					 "the jobs.  Calls with lock_mode \"shared\" can run side by side.")));
}

/*
 * Appends the rows of kind and id that somebody holds.  Rows whose holder is gone by now, or that
 * are gone themselves, aren't named.
 */
static void
append_held_rows(StringInfo detail, const pg_uuid_t *snapshot_id, const UuidList *missing)
{
	Datum values[2] = {UUIDPGetDatum(snapshot_id), uuid_list_array(missing)};
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
				&holders, DatumGetObjectId(SPI_getbinval(tuple, columns, 3, &is_null)),
				(ItemPointer) DatumGetPointer(SPI_getbinval(tuple, columns, 4, &is_null))))
			continue;
		append_entity(detail, SPI_getvalue(tuple, columns, 1), SPI_getvalue(tuple, columns, 2));
		appendStringInfo(detail, " is locked%s", holders.data);
	}
}

static void
add_rows(UuidList *list, uint64 rows)
{
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t *id = palloc(sizeof(pg_uuid_t));

		*id = field_uuid(row, 1);
		uuid_list_add(list, id);
	}
}

static void
add_missing(UuidList *missing, const UuidList *wanted, const UuidList *got)
{
	for (int i = 0; i < wanted->count; i++)
	{
		pg_uuid_t *id = DatumGetUUIDP(wanted->values[i]);

		if (!contains(got, id))
			uuid_list_add(missing, id);
	}
}

/* One try; returns false if rows are missing that nobody holds (any longer). */
static bool
try_lock_rows(const pg_uuid_t *snapshot_id, const UuidList *images, const UuidList *template_images,
			  bool shared)
{
	Datum snapshot = UUIDPGetDatum(snapshot_id);
	Datum array = uuid_list_array(images);
	UuidList wanted = {0};
	UuidList got = {0};
	UuidList missing = {0};
	uint64 rows;
	bool snapshot_got;
	StringInfoData detail;

	if (shared)
		snapshot_got = locks_run_waiting(&lock_snapshot_wait, &snapshot, "the snapshot") == 1;
	else
		snapshot_got = statement_run(&lock_snapshot_skip, &snapshot, NULL) == 1;

	for (int i = 0; i < images->count; i++)
		uuid_list_add(&wanted, DatumGetUUIDP(images->values[i]));
	add_rows(&wanted, statement_run(&children, &array, NULL));
	array = uuid_list_array(&wanted);
	if (shared)
		rows = locks_run_waiting(&lock_images_wait, &array, "the snapshot's images");
	else
		rows = statement_run(&lock_images_skip, &array, NULL);
	add_rows(&got, rows);
	if (template_images->count > 0)
	{
		array = uuid_list_array(template_images);
		add_rows(&got, statement_run(&lock_template_images, &array, NULL));
	}
	add_missing(&missing, &wanted, &got);
	add_missing(&missing, template_images, &got);
	if (snapshot_got && missing.count == 0)
		return true;

	initStringInfo(&detail);
	append_held_rows(&detail, snapshot_got ? NULL : snapshot_id, &missing);
	if (detail.len > 0)
		raise_locked(!snapshot_got, detail.data);
	return false;
}

static void
lock_rows(const pg_uuid_t *snapshot_id, const UuidList *images, const UuidList *template_images,
		  bool shared)
{
	/* whoever stood in the way may be gone a moment later, with or without the row */
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++)
	{
		if (try_lock_rows(snapshot_id, images, template_images, shared))
			return;
	}
	ereport(ERROR, (errcode(ERRCODE_VC_CHAIN),
					errmsg("the snapshot or images of it were changed or deleted meanwhile"),
					errkey(KEY_CHAIN_CHANGED), errdetail("%s.", KEY_CHAIN_CHANGED),
					errhint("Look at the snapshot again with vmclone.snapshot_disks.")));
}

/* Refuses when a lasting holder, or another operation of the engine, is in the way. */
static void
check_holders(Datum *entities, Datum statuses, bool shared, const pg_uuid_t *call_id)
{
	Datum values[5] = {entities[0], entities[1], entities[2], BoolGetDatum(shared),
					   UUIDPGetDatum(call_id)};
	bool snapshot = false;
	StringInfoData detail;
	uint64 rows;

	initStringInfo(&detail);
	rows = statement_run(&obstacles, values, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		char *kind = field_text(row, 1);
		char *job = field_text(row, 4);

		snapshot = snapshot || strcmp(kind, "snapshot") == 0;
		append_entity(&detail, kind, field_text(row, 2));
		appendStringInfo(&detail, " is held %s by %s%s",
						 strcmp(field_text(row, 3), "shared") == 0 ? "shared" : "exclusively",
						 job ? "job " : "a call under way", job ? job : "");
	}
	rows = statement_run(&foreign_locks, &statuses, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		char *kind = field_text(row, 1);

		snapshot = snapshot || strcmp(kind, "snapshot") == 0;
		append_entity(&detail, kind, field_text(row, 2));
		appendStringInfoString(&detail, " is locked by another operation of the engine");
	}
	if (detail.len > 0)
		raise_locked(snapshot, detail.data);
}

/* What the call reads: images of the VM's own disks, and of the template below them. */
static void
collect_images(const ClonePlan *plan, UuidList *images, UuidList *template_images)
{
	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		if (disk->fate != DISK_COPY)
			continue;
		for (int j = 0; j < disk->chain_length; j++)
			uuid_list_add(disk->chain[j].of_template ? template_images : images,
						  &disk->chain[j].image_id);
	}
}

void
locks_take(const ClonePlan *plan, const pg_uuid_t *call_id)
{
	bool shared = plan->request->lock_shared;
	UuidList images = {0};
	UuidList template_images = {0};
	Datum entities[3];
	Datum values[5];
	Datum statuses;
	Frame frame;

	collect_images(plan, &images, &template_images);
	entities[0] = UUIDPGetDatum(&plan->snapshot_id);
	entities[1] = uuid_list_array(&images);
	entities[2] = uuid_list_array(&template_images);

	/* a frame of its own: its end takes lock_timeout back */
	frame_enter_inventory(&frame);
	lock_rows(&plan->snapshot_id, &images, &template_images, shared);
	statement_run_one_row(&earlier_statuses, entities, NULL);
	statuses = JsonbPGetDatum(field_jsonb(0, 1));
	frame_leave(&frame);

	frame_enter_own(&frame);
	check_holders(entities, statuses, shared, call_id);
	values[0] = statuses;
	values[1] = BoolGetDatum(shared);
	(void) statement_run(&insert_lock_state, values, NULL);
	values[0] = entities[0];
	values[1] = entities[1];
	values[2] = entities[2];
	values[3] = UUIDPGetDatum(call_id);
	values[4] = BoolGetDatum(shared);
	(void) statement_run(&insert_image_locks, values, NULL);
	frame_leave(&frame);

	(void) statement_run(&set_snapshot_locked, &entities[0], NULL);
	(void) statement_run(&set_images_locked, &entities[1], NULL);
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
	nothing = field_is_null(0, 1);
	*snapshot_id = field_uuid(0, 1);
	images = PointerGetDatum(DatumGetArrayTypePCopy(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &is_null)));
	frame_leave(&own);
	if (nothing)
		return;

	/* the same order as when they were taken */
	frame_enter_inventory(&inventory);
	(void) statement_run(&lock_snapshot_wait, &snapshot, NULL);
	(void) statement_run(&lock_images_wait, &images, NULL);
	frame_leave(&inventory);

	frame_enter_own(&own);
	(void) statement_run(&refresh_shared_only, &holder, NULL);
	statement_run_one_row(&remove_holder, &holder, NULL);
	is_null = field_is_null(0, 1);
	released = is_null ? (Datum) 0 : JsonbPGetDatum(field_jsonb(0, 1));
	frame_leave(&own);
	if (is_null)
		return;

	frame_enter_inventory(&inventory);
	(void) statement_run(&restore_snapshot, &released, NULL);
	(void) statement_run(&restore_images, &released, NULL);
	frame_leave(&inventory);
}

/* The rows of vmclone.reservations that a call counts: kinds[i] of ids.values[i]. */
typedef struct CountedRows
{
	UuidList ids;
	List *kinds;
} CountedRows;

static void
add_counted(CountedRows *counted, const char *kind, const pg_uuid_t *id)
{
	int before = counted->ids.count;

	uuid_list_add(&counted->ids, id);
	if (counted->ids.count > before)
		counted->kinds = lappend(counted->kinds, (void *) kind);
}

static void
collect_counted(const ClonePlan *plan, CountedRows *counted)
{
	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];

		if (disk->fate != DISK_COPY && disk->fate != DISK_BLANK)
			continue;
		if (disk->has_target)
			add_counted(counted, "storage_domain", &disk->target_domain_id);
		if (disk->quota_id.given)
			add_counted(counted, "quota", &disk->quota_id.value);
	}
	if (plan->has_mac_pool && plan->interface_count > 0)
		add_counted(counted, "mac_pool", &plan->mac_pool_id);
}

void
locks_take_counted(const ClonePlan *plan)
{
	CountedRows counted = {0};
	Datum *kind_values;
	Datum values[2];
	ListCell *cell;
	int i = 0;
	Frame frame;

	collect_counted(plan, &counted);
	if (counted.ids.count == 0)
		return;

	kind_values = palloc(counted.ids.count * sizeof(Datum));
	foreach (cell, counted.kinds)
		kind_values[i++] = CStringGetTextDatum(lfirst(cell));
	values[0] = PointerGetDatum(
		construct_array(kind_values, counted.ids.count, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = uuid_list_array(&counted.ids);

	frame_enter_own(&frame);
	(void) locks_run_waiting(&make_counted, values, "a quota, storage domain or MAC pool");
	(void) locks_run_waiting(&lock_counted, values, "a quota, storage domain or MAC pool");
	(void) statement_run(&count_up, values, NULL);
	frame_leave(&frame);
}
