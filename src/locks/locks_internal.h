/*
 * locks_internal.h
 *		What the files that take locks share: the set of rows that one call locks.
 */
#ifndef VMCLONE_LOCKS_INTERNAL_H
#define VMCLONE_LOCKS_INTERNAL_H

#include "base/compat.h"
#include "base/keyed_rows.h"
#include "locks/locks.h"

/* An image whose row is locked, as the row says. */
typedef struct LockedImage
{
	pg_uuid_t id;
	int status; /* images.imagestatus */
	pg_uuid_t parent_id;
	pg_uuid_t disk_id;
	int volume_format;
	int64 size;
	TransactionId version; /* xmin */
	int64 hash;            /* of what else the row says */
	int row;               /* of LockSet.image_rows */
} LockedImage;

/* What a call locks, and what it got. */
typedef struct LockSet
{
	const pg_uuid_t *snapshot_id;
	bool shared;
	/* those to be read, of the VM's own disks and of the template below them; each once */
	const pg_uuid_t *images;
	int image_count;
	const pg_uuid_t *template_images;
	int template_image_count;
	const pg_uuid_t *disks; /* of images */
	int disk_count;
	/* an engine's tables, and no qemu has the disks open: all their images are locked, as the engine does it */
	bool on_engine;
	bool whole_disks;
	char *snapshot_status; /* NULL: not got */
	TransactionId snapshot_version;
	int64 snapshot_hash;
	LockedImage *got;
	int got_count;
	const KeyedRows *planned_snapshot; /* as the plan has read it */
	/* where the rows were found and locked without a statement; else NULL */
	const KeyedRows *snapshot_rows;
	const KeyedRows *image_rows;
} LockSet;

/* Fills in what the call reads: images of the VM's own disks, and of the template below them. */
extern void lock_set_collect(const ClonePlan *plan, LockSet *set);

/*
 * Takes the row locks and reads what the rows say; refuses where somebody else has locked one, or
 * where one is gone.  In an inventory frame, whose end takes back a lock_timeout that was set.
 */
extern void lock_set_take_rows(LockSet *set);

/* Sentences for check 1780: where the rows aren't what the plan was made from; NULL: nowhere. */
extern char *lock_set_describe_changes(const ClonePlan *plan, const LockSet *set);

extern bool lock_set_contains(const pg_uuid_t *ids, int count, const pg_uuid_t *id);

/* The image's row, or NULL if it wasn't got. */
extern const LockedImage *lock_set_find(const LockSet *set, const pg_uuid_t *id);

/*
 * As locks_run_waiting (locks.h), where the caller knows who stood in the way before it waited, or NULL: once the time is
 * over nothing can be asked.
 */
extern uint64 locks_wait_for(Statement *statement, const Datum *values, const char *what,
							 const char *held);

/* Adds an entity to the text of a refusal, "image 1a…", one a line. */
extern void locks_append_entity(StringInfo detail, const char *kind, const char *id);

/* ERRCODE_VC_LOCKED; detail says who holds what.  snapshot: it is among them. */
pg_noreturn extern void locks_refuse(bool snapshot, const char *detail);

#endif
