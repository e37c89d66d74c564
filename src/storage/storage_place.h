/*
 * storage_place.h
 *		Where a storage domain lies on a host, and what vmclone-copy is told of that.
 *
 * A file domain is a directory.  A block domain is a volume group, which a program of the administrator's works on
 * (here vmclone.provision_command, on another host what its vmclone-copy serve names; docs/provisioning.md).  A directory
 * domain is a file domain in a folder of ours, within a folder of images that have their users' names; new images move there
 * when they are whole.
 */
#ifndef VMCLONE_STORAGE_PLACE_H
#define VMCLONE_STORAGE_PLACE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/storage_host.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* Seconds that a program has which zeroes or discards: a day. */
#define STORAGE_ENDLESS_TIMEOUT 86400

/* Below it lie volume groups and their devices. */
#define DEVICE_DIRECTORY "/dev"

typedef struct StoragePlace
{
	StorageHost host;
	bool is_block;
	char *real_path; /* the directory; of a block domain DEVICE_DIRECTORY "/<group>" */
	char *token;     /* identity of the database that attached it */
	char *volume_group;
	char *volume_group_uuid;
	bool is_usable;   /* attached, and its last check was good */
	char *error;      /* why not; NULL: not said */
	char *files_path; /* of a directory domain, its users' folder; NULL of others */
	bool is_shared;   /* other hosts have it, too */
} StoragePlace;

/*
 * Where the domain is attached on a host, or, where the host is NULL, on "local" or else the first host that has it and
 * is not known to be down; false where it isn't.  In the own frame; palloc'd in the current context.  With for_update its
 * row is locked.
 */
extern bool storage_place_find(const pg_uuid_t *domain_id, const char *host, bool for_update,
							   StoragePlace *place);

/* With all texts in the current memory context. */
extern StoragePlace storage_place_copy(const StoragePlace *place);

/* "volume provision <action>" with what all such commands have in common. */
extern List *storage_provision_arguments(const StoragePlace *place, const char *action,
										 int timeout_seconds);

/* A block domain whose devices can't be made on this machine, since no program is set. */
extern bool storage_place_lacks_program(const StoragePlace *place);

/* What is kept for a volume that "volume provision" makes or removes: here; on another host in a directory of its own. */
extern List *storage_add_state(const StoragePlace *place, List *arguments);

/* Asks whether the domain is there and this database's, and how much space it has. */
extern List *storage_check_arguments(const StoragePlace *place, const char *domain_id);

/* Takes the identity away. */
extern List *storage_detach_arguments(const StoragePlace *place);

/*
 * The facts of such a command's answer: total_bytes, available_bytes and others.  What a provisioning program answered is an
 * object within the copier's.  NULL for NULL.
 */
extern const Jsonb *storage_facts(const Jsonb *answer);

#endif
