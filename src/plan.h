/*
 * plan.h
 *		A clone call worked out against the inventory: facts for the checks, decisions for the
 *		rows.  plan_load reads and decides, writes nothing, locks nothing, works on a standby.
 */
#ifndef VMCLONE_PLAN_H
#define VMCLONE_PLAN_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "request.h"

/* An image of a disk's chain as the rows say. */
typedef struct ChainImage
{
	pg_uuid_t image_id;
	pg_uuid_t parent_id;
	pg_uuid_t disk_id; /* image_group_id */
	pg_uuid_t storage_domain_id;
	bool has_domain;
	int image_status; /* images.imagestatus */
	VolumeFormat volume_format;
	VolumeType volume_type;
	int64 size;		   /* bytes */
	int64 actual_size; /* bytes */
	bool of_template;  /* belongs to the template that a thin VM stands on */
	int other_locks;   /* holders in vmclone.image_locks other than this call */
	bool shared_only;  /* LOCKED only by sharing holders */
} ChainImage;

typedef enum DiskState
{
	DISK_PRESENT,
	DISK_MISSING, /* the image row is gone */
	DISK_ILLEGAL, /* the chosen image is ILLEGAL */
} DiskState;

typedef enum DiskFate
{
	DISK_COPY,
	DISK_BLANK,	 /* missing, an empty disk of its size is made */
	DISK_SKIP,	 /* missing or left out by the caller */
	DISK_ATTACH, /* shareable or LUN: the same disk is attached to the clone */
	DISK_LEFT,	 /* shareable, LUN or unsupported: not cloned */
} DiskFate;

/* A storage domain that the call reads or writes. */
typedef struct DomainFacts
{
	pg_uuid_t id;
	char *name;
	bool exists; /* and belongs to the pool */
	int status;	 /* storage_pool_iso_map.status; 3 = Active */
	int domain_type;
	int storage_type;
	bool is_block;
	char *format; /* storage_domain_format_type, "0".."5" */
	bool has_available;
	int64 available_gb;
	bool has_blocker;
	int64 critical_blocker_gb;
	bool attached;		   /* in vmclone.storage_mounts, status attached */
	int64 bytes_reserved;  /* of jobs under way, less what they have written */
	int64 bytes_needed;	   /* of this call, all copies */
	bool backup;
	bool reflink;
} DomainFacts;

typedef struct PlannedDisk
{
	int number; /* from 1, in the configuration's order */
	Jsonb *configuration; /* its object in configuration.disks */
	pg_uuid_t disk_id;
	pg_uuid_t image_id;
	const char *source_alias;
	bool is_boot;
	bool shareable;
	int disk_storage_type;
	const char *disk_interface;
	DiskState state;
	DiskFate fate;
	const DiskChoice *choice; /* NULL: not named by the caller */
	ChainImage *chain;		  /* first snapshot first; chain_length 0 for a missing disk */
	int chain_length;
	const char *chain_fault; /* NULL, or what is wrong below the chosen image */
	pg_uuid_t faulty_image_id;
	int64 size; /* bytes, rounded up to 4 KiB */
	bool has_target;
	pg_uuid_t target_domain_id;
	VolumeFormat volume_format; /* after the rules of reference §2.5 */
	VolumeType volume_type;
	bool raw_became_cow; /* RAW + Sparse on a block domain */
	OptionalUuid quota_id;
	OptionalUuid disk_profile_id;
	int64 bytes_needed;	 /* in the target domain, one copy */
	int64 bytes_to_read; /* of the chain */
	const char *bytes_source; /* "measured" or "rows" */
} PlannedDisk;

typedef struct PlannedInterface
{
	int number;
	Jsonb *configuration; /* its object in configuration.interfaces, the caller's values laid over it */
	pg_uuid_t interface_id;
	const char *name;
	bool include;
	enum
	{
		MAC_NEW,
		MAC_KEEP,
		MAC_GIVEN
	} mac;
	const char *mac_addr; /* MAC_KEEP, MAC_GIVEN */
	OptionalUuid vnic_profile_id;
	bool profile_lost; /* network unknown in the target cluster: emptied, audited */
	const char *network_name;
} PlannedInterface;

typedef struct ClonePlan
{
	const CloneRequest *request;
	pg_uuid_t user_id; /* engine user */
	bool has_user;
	Jsonb *configuration; /* configuration.h; NULL if there is none */
	char *configuration_error;
	/* snapshot and source VM */
	bool snapshot_exists;
	pg_uuid_t snapshot_id;
	char *snapshot_type;
	char *snapshot_status;
	char *snapshot_description;
	bool configuration_broken;
	pg_uuid_t source_vm_id;
	char *source_vm_name;
	int source_vm_status; /* vm_dynamic.status; -1 if there is no row */
	pg_uuid_t source_cluster_id;
	pg_uuid_t source_pool_id;
	/* target */
	pg_uuid_t cluster_id;
	char *cluster_name;
	bool cluster_exists;
	pg_uuid_t pool_id;
	char *pool_name;
	bool pool_exists;
	int pool_status;
	int quota_enforcement; /* 0 disabled, 1 soft, 2 hard */
	pg_uuid_t mac_pool_id;
	bool has_mac_pool;
	Jsonb *vm_static; /* current row < OVF < caller's values; what must be new isn't in yet */
	char *vm_name;	  /* of the first copy, or the pattern with {n} */
	PlannedDisk *disks;
	int disk_count;
	PlannedInterface *interfaces;
	int interface_count;
	List *domains; /* DomainFacts *, sources and targets */
} ClonePlan;

/* One virtual machine or template that the call makes. */
typedef struct CloneCopy
{
	int number; /* from 1 */
	pg_uuid_t job_id;
	pg_uuid_t vm_id;
	char *vm_name;
	pg_uuid_t active_snapshot_id;
	pg_uuid_t *new_disk_ids;  /* by disk; zero uuid where the fate makes none */
	pg_uuid_t *new_image_ids; /* by disk */
	char **disk_aliases;	  /* by disk */
	Jsonb *overrides;		  /* of request.copy_overrides, or NULL */
} CloneCopy;

/* In an inventory frame, with an SPI connection. */
extern ClonePlan *plan_load(const CloneRequest *request, bool has_user, const pg_uuid_t *user_id);

/* Names and ids of the copies; names by {n}, _1.._n or copy_overrides. */
extern CloneCopy *plan_make_copies(const ClonePlan *plan);

extern const DomainFacts *plan_domain(const ClonePlan *plan, const pg_uuid_t *domain_id);

#endif
