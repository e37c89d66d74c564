/*
 * row_hash.h
 *		What a row says beside its status, and in which file, as one number.
 *
 * Whoever has written the status and nothing else leaves it as it is; whoever has written something else, or the
 * whole table anew, doesn't.  The same in sessions of any settings, and the same by SQL and by C.
 */
#ifndef VMCLONE_ROW_HASH_H
#define VMCLONE_ROW_HASH_H

#include "base/keyed_rows.h"

/* The number is the exclusive or of the columns' hashes, each with a seed of its own; NULL counts as 0. */
#define SQL_HASH_UUID(column, seed) "COALESCE(uuid_hash_extended(" column ", " #seed "), 0)"
#define SQL_HASH_INT(column, seed)  "COALESCE(hashint8extended(" column "::int8, " #seed "), 0)"
#define SQL_HASH_BOOL(column, seed)                                                                \
	"COALESCE(hashint8extended(" column "::int4::int8, " #seed "), 0)"
#define SQL_HASH_TIME(column, seed)                                                                \
	"COALESCE(timestamp_hash_extended(" column " AT TIME ZONE 'UTC', " #seed "), 0)"
#define SQL_HASH_TEXT(column, seed)                                                                \
	"COALESCE(hashtextextended(" column "::text COLLATE \"C\", " #seed "), 0)"
#define SQL_HASH_FILE(table, seed)                                                                 \
	"COALESCE(hashoidextended(pg_relation_filenode(" table ".tableoid), " #seed "), 0)"

#define IMAGE_HASH                                                                                                                                                                                \
	"(" SQL_HASH_FILE("images", 1) " # " SQL_HASH_UUID("images.parentid", 2) " # " SQL_HASH_UUID("images.image_group_id", 3) " # " SQL_HASH_UUID("images.vm_snapshot_id", 4) " # " SQL_HASH_UUID( \
		"images.it_guid",                                                                                                                                                                         \
		5) " # " SQL_HASH_INT("images.size",                                                                                                                                                      \
							  6) " # " SQL_HASH_INT("images.volume_type",                                                                                                                         \
													7) " # " SQL_HASH_INT("images.volume_format",                                                                                                 \
																		  8) " # " SQL_HASH_BOOL("images.active",                                                                                 \
																								 9) " # " SQL_HASH_TIME("images.lastmodified",                                                    \
																														10) " # " SQL_HASH_INT("images.volume_classification",                    \
																																			   11) " # " SQL_HASH_INT("images.qcow_compat",       \
																																									  12) ")"
#define SNAPSHOT_HASH                                                                                                                    \
	"(" SQL_HASH_FILE("snapshots", 1) " # " SQL_HASH_UUID("snapshots.vm_id", 2) " # " SQL_HASH_TEXT(                                     \
		"snapshots.snapshot_type",                                                                                                       \
		3) " # " SQL_HASH_TEXT("snapshots.description",                                                                                  \
							   4) " # " SQL_HASH_TEXT("snapshots.app_list",                                                              \
													  5) " # " SQL_HASH_TEXT("snapshots.vm_configuration",                               \
																			 6) " # " SQL_HASH_BOOL("snapshots.vm_configuration_broken", \
																									7) ")"

/* IMAGE_HASH and SNAPSHOT_HASH of a row of images and of snapshots, found by an index. */
extern int64 image_hash(const KeyedRows *images, int row);
extern int64 snapshot_hash(const KeyedRows *snapshots, int row);

#endif
