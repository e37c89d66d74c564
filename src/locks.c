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

#include "errors.h"
#include "frame.h"
#include "json.h"
#include "locks.h"
#include "settings.h"
#include "statement.h"

#define KEY_DURING_SNAPSHOT "ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT"
#define KEY_DISKS_LOCKED    "ACTION_TYPE_FAILED_DISKS_LOCKED"
#define KEY_OBJECT_LOCKED   "ACTION_TYPE_FAILED_OBJECT_LOCKED"

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

/* Sessions whose open transaction holds one of the rows that were asked for and not got. */
static Statement row_holders = {
	.sql = "SELECT e.kind, e.entity_id, l.pid FROM ("
		   "  SELECT 'snapshot' AS kind, snapshot_id AS entity_id, xmax AS holder FROM snapshots"
		   "   WHERE snapshot_id = $1"
		   "  UNION ALL SELECT 'image', image_guid, xmax FROM images WHERE image_guid = ANY ($2)) e"
		   " LEFT JOIN pg_catalog.pg_locks l ON l.locktype = 'transactionid'"
		   "  AND l.transactionid = e.holder AND l.granted ORDER BY 1 DESC, 2",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDARRAYOID},
};

/* Entities that a holder other than this call stands in the way of, or that are locked otherwise. */
static Statement obstacles = {
	.sql = "SELECT e.kind, e.entity_id, l.mode, (SELECT min(j.job_id::text) FROM vmclone.jobs j"
		   "  WHERE j.call_id = l.holder)"
		   " FROM (SELECT 'snapshot' AS kind, $1 AS entity_id, false AS template"
		   "  UNION ALL SELECT 'image', id, false FROM pg_catalog.unnest($2) id"
		   "  UNION ALL SELECT 'image', id, true FROM pg_catalog.unnest($3) id) e"
		   " JOIN vmclone.image_locks l ON l.kind = e.kind AND l.entity_id = e.entity_id"
		   "  AND l.holder <> $5"
		   " WHERE l.mode = 'exclusive' OR (NOT $4 AND NOT e.template) ORDER BY 1 DESC, 2",
	.argument_count = 5,
	.argument_types = {UUIDOID, UUIDARRAYOID, UUIDARRAYOID, BOOLOID, UUIDOID},
};

/* LOCKED, and not by holders of ours: another operation of the engine. */
static Statement foreign_locks = {
	.sql = "SELECT e.kind, e.entity_id FROM ("
		   "  SELECT 'snapshot' AS kind, snapshot_id AS entity_id FROM snapshots"
		   "   WHERE snapshot_id = $1 AND status <> 'OK'"
		   "  UNION ALL SELECT 'image', image_guid FROM images"
		   "   WHERE image_guid = ANY ($2) AND imagestatus = 2) e"
		   " WHERE NOT EXISTS (SELECT 1 FROM vmclone.image_locks l WHERE l.kind = e.kind"
		   "  AND l.entity_id = e.entity_id AND NOT l.keeps_status) ORDER BY 1 DESC, 2",
	.argument_count = 2,
	.argument_types = {UUIDOID, UUIDARRAYOID},
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
		"   AND l.holder <> $1 AND NOT l.keeps_status)),"
		" state AS (DELETE FROM vmclone.lock_state s USING last"
		"  WHERE s.kind = last.kind AND s.entity_id = last.entity_id"
		"  RETURNING s.kind, s.entity_id, s.earlier_status)"
		" SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('kind', kind, 'entity_id',"
		"  entity_id, 'status', earlier_status)) FROM state",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* An exclusive holder may have left sharing ones behind. */
static Statement refresh_shared_only = {
	.sql = "UPDATE vmclone.lock_state s SET shared_only = true WHERE NOT s.shared_only"
		   " AND s.entity_id = ANY ($1) AND NOT EXISTS (SELECT 1 FROM vmclone.image_locks l"
		   "  WHERE l.kind = s.kind AND l.entity_id = s.entity_id AND l.mode = 'exclusive')",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
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

	snprintf(value, sizeof(value), "%d", vmclone_lock_wait);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* Runs a statement that may wait, and says what it waited for when it can't go on. */
static uint64
run_waiting(Statement *statement, const Datum *values, const char *what)
{
	volatile uint64 rows = 0;
	MemoryContext context = CurrentMemoryContext;

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

static void
pg_attribute_noreturn() raise_locked(bool snapshot, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_LOCKED),
			 errmsg(snapshot ? "the snapshot is locked" : "images of the snapshot are locked"),
			 errkey(snapshot ? KEY_DURING_SNAPSHOT : KEY_DISKS_LOCKED),
			 errdetail("%s: %s", snapshot ? KEY_DURING_SNAPSHOT : KEY_DISKS_LOCKED, detail),
			 errhint("Wait until the operation that holds them ends; view vmclone.locks shows "
					 "the jobs.  Calls with lock_mode \"shared\" can run side by side.")));
}

/* Names every row that was asked for and not got. */
static void
pg_attribute_noreturn()
	raise_row_locks(const pg_uuid_t *snapshot_id, bool snapshot_missing, const UuidList *missing)
{
	Datum values[2] = {UUIDPGetDatum(snapshot_id), uuid_list_array(missing)};
	uint64 rows = statement_run(&row_holders, values, NULL);
	StringInfoData detail;

	initStringInfo(&detail);
	for (uint64 row = 0; row < rows; row++)
	{
		char *kind = field_text(row, 1);

		if (strcmp(kind, "snapshot") == 0 && !snapshot_missing)
			continue;
		append_entity(&detail, kind, field_text(row, 2));
		if (field_is_null(row, 3))
			appendStringInfoString(&detail, " is locked by another transaction");
		else
			appendStringInfo(&detail, " is locked by the open transaction of process %s",
							 field_text(row, 3));
	}
	if (rows == 0 || detail.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_CHAIN), errmsg("images of the snapshot were deleted meanwhile"),
				 errkey("ACTION_TYPE_FAILED_DISKS_NOT_EXIST"),
				 errdetail("ACTION_TYPE_FAILED_DISKS_NOT_EXIST."),
				 errhint("Look at the snapshot again with vmclone.snapshot_disks.")));
	raise_locked(snapshot_missing, detail.data);
}

static void
lock_rows(const pg_uuid_t *snapshot_id, const UuidList *images, const UuidList *template_images,
		  bool shared)
{
	Datum snapshot = UUIDPGetDatum(snapshot_id);
	Datum array = uuid_list_array(images);
	UuidList got = {0};
	UuidList missing = {0};
	uint64 rows;
	bool snapshot_got;

	if (shared)
		snapshot_got = run_waiting(&lock_snapshot_wait, &snapshot, "the snapshot") == 1;
	else
		snapshot_got = statement_run(&lock_snapshot_skip, &snapshot, NULL) == 1;

	if (shared)
		rows = run_waiting(&lock_images_wait, &array, "the snapshot's images");
	else
		rows = statement_run(&lock_images_skip, &array, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t *id = palloc(sizeof(pg_uuid_t));

		*id = field_uuid(row, 1);
		uuid_list_add(&got, id);
	}
	if (template_images->count > 0)
	{
		array = uuid_list_array(template_images);
		rows = statement_run(&lock_template_images, &array, NULL);
		for (uint64 row = 0; row < rows; row++)
		{
			pg_uuid_t *id = palloc(sizeof(pg_uuid_t));

			*id = field_uuid(row, 1);
			uuid_list_add(&got, id);
		}
	}

	for (int i = 0; i < images->count; i++)
	{
		if (!contains(&got, DatumGetUUIDP(images->values[i])))
			uuid_list_add(&missing, DatumGetUUIDP(images->values[i]));
	}
	for (int i = 0; i < template_images->count; i++)
	{
		if (!contains(&got, DatumGetUUIDP(template_images->values[i])))
			uuid_list_add(&missing, DatumGetUUIDP(template_images->values[i]));
	}
	if (!snapshot_got || missing.count > 0)
		raise_row_locks(snapshot_id, !snapshot_got, &missing);
}

/* Refuses when a lasting holder, or another operation of the engine, is in the way. */
static void
check_holders(Datum *entities, bool shared, const pg_uuid_t *call_id)
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
	rows = statement_run(&foreign_locks, entities, NULL);
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

void
locks_take(const ClonePlan *plan, const pg_uuid_t *call_id)
{
	bool shared = plan->request->lock_shared;
	UuidList images = {0};
	UuidList template_images = {0};
	Datum entities[3];
	Datum values[5];
	Jsonb *statuses;
	Frame frame;

	for (int i = 0; i < plan->disk_count; i++)
	{
		const PlannedDisk *disk = &plan->disks[i];

		if (disk->fate != DISK_COPY)
			continue;
		for (int j = 0; j < disk->chain_length; j++)
			uuid_list_add(disk->chain[j].of_template ? &template_images : &images,
						  &disk->chain[j].image_id);
	}
	entities[0] = UUIDPGetDatum(&plan->snapshot_id);
	entities[1] = uuid_list_array(&images);
	entities[2] = uuid_list_array(&template_images);

	/* the frame's end takes lock_timeout back */
	frame_enter_inventory(&frame);
	set_lock_timeout();
	lock_rows(&plan->snapshot_id, &images, &template_images, shared);
	check_holders(entities, shared, call_id);
	statement_run_one_row(&earlier_statuses, entities, NULL);
	statuses = field_jsonb(0, 1);
	frame_leave(&frame);

	frame_enter_own(&frame);
	values[0] = JsonbPGetDatum(statuses);
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
	statement_run_one_row(&remove_holder, &holder, NULL);
	is_null = field_is_null(0, 1);
	released = is_null ? (Datum) 0 : JsonbPGetDatum(field_jsonb(0, 1));
	(void) statement_run(&refresh_shared_only, &images, NULL);
	frame_leave(&own);
	if (is_null)
		return;

	frame_enter_inventory(&inventory);
	(void) statement_run(&restore_snapshot, &released, NULL);
	(void) statement_run(&restore_images, &released, NULL);
	frame_leave(&inventory);
}

static void
add_counted(UuidList *ids, List **kinds, const char *kind, const pg_uuid_t *id)
{
	int before = ids->count;

	uuid_list_add(ids, id);
	if (ids->count > before)
		*kinds = lappend(*kinds, (void *) kind);
}

void
locks_take_counted(const ClonePlan *plan)
{
	UuidList ids = {0};
	List *kinds = NIL;
	Datum *kind_values;
	Datum values[2];
	ListCell *cell;
	int i = 0;
	Frame frame;

	for (int d = 0; d < plan->disk_count; d++)
	{
		const PlannedDisk *disk = &plan->disks[d];

		if (disk->fate != DISK_COPY && disk->fate != DISK_BLANK)
			continue;
		if (disk->has_target)
			add_counted(&ids, &kinds, "storage_domain", &disk->target_domain_id);
		if (disk->quota_id.given)
			add_counted(&ids, &kinds, "quota", &disk->quota_id.value);
	}
	if (plan->has_mac_pool && plan->interface_count > 0)
		add_counted(&ids, &kinds, "mac_pool", &plan->mac_pool_id);
	if (ids.count == 0)
		return;

	kind_values = palloc(ids.count * sizeof(Datum));
	foreach (cell, kinds)
		kind_values[i++] = CStringGetTextDatum(lfirst(cell));
	values[0] =
		PointerGetDatum(construct_array(kind_values, ids.count, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = uuid_list_array(&ids);

	frame_enter_own(&frame);
	set_lock_timeout();
	(void) run_waiting(&make_counted, values, "a quota, storage domain or MAC pool");
	(void) run_waiting(&lock_counted, values, "a quota, storage domain or MAC pool");
	(void) statement_run(&count_up, values, NULL);
	frame_leave(&frame);
}
