/*
 * plan.h
 *		A clone call worked out against the inventory: facts for the checks, decisions for the
 *		rows.  plan_load reads and decides, writes nothing, locks nothing, works on a standby.
 */
#ifndef VMCLONE_PLAN_H
#define VMCLONE_PLAN_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "contract/copier_protocol.h"
#include "request/request.h"
#include "storage/identity.h"

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
	int64 size;        /* bytes */
	int64 actual_size; /* bytes */
	bool of_template;  /* belongs to the template that a thin VM stands on */
	/* disk whose folder holds the file; a template's image is linked into the VM's own */
	pg_uuid_t folder_id;
	bool shared_only; /* LOCKED only by sharing holders */
	char *holders;    /* ids of the jobs that hold it; NULL: none of ours */
} ChainImage;

/* What is wrong below a disk's chosen image. */
typedef enum ChainFault
{
	CHAIN_SOUND,
	CHAIN_IMAGE_ILLEGAL,
	CHAIN_PARENT_MISSING,
	CHAIN_LOOP,
	CHAIN_TOO_LONG,
	CHAIN_OTHER_DISK,      /* an image, or the chosen one, belongs to another disk */
	CHAIN_TEMPLATE_STEP,   /* steps into another disk that is no template's, or twice */
	CHAIN_TEMPLATE_DOMAIN, /* the template's image isn't on the disk's own domain */
} ChainFault;

/* A longer one could not be copied. */
#define CHAIN_MAX_LENGTH COPIER_MAX_LAYERS

/* A disk that the source VM has now; oVirt looks at these, not at the snapshot's. */
typedef struct ActiveDisk
{
	pg_uuid_t disk_id;
	pg_uuid_t image_id;
	char *alias;
	int image_status;
	int disk_storage_type;
	bool has_domain;
	pg_uuid_t storage_domain_id;
	bool shared_only; /* LOCKED only by sharing holders */
	char *holders;
} ActiveDisk;

/* A snapshot of the source VM whose status is not OK. */
typedef struct BusySnapshot
{
	pg_uuid_t snapshot_id;
	char *description;
	char *status;
	bool shared_only; /* LOCKED only by sharing holders */
	char *holders;
} BusySnapshot;

typedef enum DiskState
{
	DISK_PRESENT,
	DISK_MISSING, /* the image row is gone */
	DISK_ILLEGAL, /* the chosen image is ILLEGAL */
} DiskState;

typedef enum DiskFate
{
	DISK_COPY,
	DISK_BLANK,  /* missing, an empty disk of its size is made */
	DISK_SKIP,   /* missing or left out by the caller */
	DISK_ATTACH, /* shareable or LUN: the same disk is attached to the clone */
	DISK_LEFT,   /* shareable, LUN or unsupported: not cloned */
} DiskFate;

/* A storage domain that the call reads or writes. */
typedef struct DomainFacts
{
	pg_uuid_t id;
	char *name;
	bool exists; /* and belongs to the pool */
	int status;  /* storage_pool_iso_map.status; 3 = Active */
	int domain_type;
	int storage_type;
	bool is_block;
	int64 extent_size; /* bytes; of a block domain: its volumes are multiples of it */
	char *format;      /* storage_domain_format_type, "0".."5" */
	bool has_available;
	int64 available_bytes;       /* the smaller of what the engine and vmclone know */
	TimestampTz available_since; /* when it was found */
	bool has_blocker;
	int64 critical_blocker_gb;
	bool attached;       /* in vmclone.storage_mounts, status attached, by this database */
	char *attach_error;  /* why it isn't though it is in storage_mounts; or NULL */
	bool is_source;      /* an image to read lies there */
	bool is_target;      /* a disk is to be made there */
	bool of_active_disk; /* a disk that the source VM has now lies there */
	bool of_lease;       /* the clone's lease is to be there */
	pg_uuid_t *disk_profiles;
	int disk_profile_count;
	int64
		bytes_reserved; /* for other clones: to be written, or written since the look; plan_load_reserved */
	int64 bytes_needed; /* of this call, all copies */
	bool is_summed_up;  /* bytes_reserved is read */
	/* locks.h: no fewer than bytes_reserved + bytes_needed, unless images grow beyond what was reserved */
	bool is_counted;
	int64 bytes_counted;
	bool reflink;
	bool snapshot_measured; /* there are measurements of the snapshot; the same for all domains */
} DomainFacts;

typedef struct PlannedDisk
{
	int number;           /* from 1, in the configuration's order */
	Jsonb *configuration; /* its object in configuration.disks, the caller's values laid over it */
	pg_uuid_t disk_id;
	pg_uuid_t image_id;
	const char *source_alias;
	bool is_boot;
	bool shareable;
	int disk_storage_type;
	const char *disk_interface;
	DiskState state;
	DiskFate fate;
	const char *fate_reason;  /* why it isn't simply copied; NULL if it is */
	const DiskChoice *choice; /* NULL: not named by the caller */
	ChainImage *chain;        /* first snapshot first; chain_length 0 for a missing disk */
	int chain_length;
	ChainFault chain_fault; /* what is wrong below the chosen image */
	char *fault_detail;     /* a sentence; NULL for a sound chain */
	int64 size; /* bytes, rounded up to 4 KiB or extents; 0: none that a disk can have */
	bool has_target;
	pg_uuid_t target_domain_id;
	VolumeFormat volume_format; /* after the rules of ovirt-clone.md, "Disks" */
	VolumeType volume_type;
	bool raw_became_cow; /* RAW + Sparse on a block domain */
	bool
		backup_wants_cow; /* a RAW base, and bitmaps for incremental backup, which only COW holds */
	bool has_backup;      /* incremental backup is on */
	OptionalUuid quota_id;
	OptionalUuid disk_profile_id;
	int64 bytes_needed;       /* in the target domain, one copy */
	int64 bytes_to_read;      /* of the chain */
	const char *bytes_source; /* "measured" or "rows" */
} PlannedDisk;

typedef struct PlannedInterface
{
	int number;
	/* its object in configuration.interfaces, the caller's values laid over it */
	Jsonb *configuration;
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
	bool profile_lost;    /* network unknown in the target cluster: emptied, audited */
	bool profile_chosen;  /* the caller's, and not what the snapshot's own names lead to */
	pg_uuid_t network_id; /* of the profile */
	const char *network_name;
	bool profile_unknown;   /* the caller's profile doesn't exist */
	bool profile_elsewhere; /* it does, but its network isn't in the target cluster */
} PlannedInterface;

typedef struct ClonePlan
{
	const CloneRequest *request;
	pg_uuid_t user_id; /* engine user */
	bool has_user;
	Jsonb *configuration;      /* configuration.h; NULL if there is none */
	Jsonb **devices;           /* its "devices" */
	const char **device_types; /* their "type" and "device"; NULL: not given */
	const char **device_names;
	int device_count;
	char *configuration_error;
	/* snapshot and source VM */
	bool snapshot_exists;
	pg_uuid_t snapshot_id;
	const struct KeyedRows *snapshot_row; /* NULL: there is none */
	char *snapshot_type;
	char *snapshot_description;
	char *app_list; /* of the snapshot; NULL: none */
	bool configuration_broken;
	pg_uuid_t memory_disk_id; /* a disk with the memory of the running VM; zero: none */
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
	bool mac_pool_allows_duplicates;
	int architecture;
	int cluster_bios_type; /* 0: none */
	char *rng_sources;     /* of the cluster, beside urandom; NULL: none */
	char *compatibility_version;
	BusySnapshot *busy_snapshots;
	int busy_snapshot_count;
	ActiveDisk *active_disks;
	int active_disk_count;
	OptionalUuid default_quota_id;
	OptionalUuid template_id; /* given vmt_guid, or the base template; not Blank */
	bool template_exists;
	char *template_name;
	bool template_disabled;
	int template_status;      /* 0 OK, 1 Locked, 2 Illegal */
	bool template_is_version; /* of another template */
	bool template_in_pool;
	Jsonb *options;        /* limits that the engine's vdc_options set; NULL: none */
	bool cpu_profile_fits; /* the chosen CPU profile belongs to the target cluster */
	Jsonb *vm_static;      /* current row < OVF < caller's values; what must be new isn't in yet */
	Jsonb *vm_static_changes; /* of these, what the current row does not say */
	char *vm_name;            /* as given or suggested, or the pattern with {n} */
	char **vm_names;          /* of the copies, request->copies of them */
	PlannedDisk *disks;
	int disk_count;
	PlannedInterface *interfaces; /* of every copy that has no overrides of its own */
	int interface_count;
	PlannedInterface **copy_interfaces; /* by copy; most point to interfaces */
	List *unknown_disks;                /* char *: disks of the request that the snapshot lacks */
	List *unknown_interfaces;           /* char *: interfaces likewise */
	struct QuotaState *quota;           /* quota.h; filled by the quota checks */
	IdentityState identity;             /* whose the rows are */
	bool waits_for_adopt;               /* the jobs under way are another database's */
	List *domains;                      /* DomainFacts *, sources and targets */
	const struct KeyedRows
		*image_places; /* image_storage_domain_map of all chains; NULL: some is unread */
	/* locks.h: what the rows say under their locks */
	char *chain_changes;    /* sentences about images that the plan has otherwise; NULL: none */
	int64 last_mac_address; /* the MAC pool's last one given; -1: none */
	/* rows that the call has written before it counts, which are not others' */
	const pg_uuid_t *new_vm_ids;
	int new_vm_count;
	const char *taken_name; /* of the call, reserved by another clone under way; NULL: none */
} ClonePlan;

/* One virtual machine or template that the call makes. */
typedef struct CloneCopy
{
	int number; /* from 1 */
	pg_uuid_t job_id;
	pg_uuid_t vm_id;
	char *vm_name;
	pg_uuid_t active_snapshot_id;
	pg_uuid_t *new_disk_ids;            /* by disk; zero uuid where the fate makes none */
	pg_uuid_t *new_image_ids;           /* by disk */
	char **disk_aliases;                /* by disk */
	const PlannedInterface *interfaces; /* plan->interface_count of them */
	Jsonb *overrides; /* of request.copy_overrides, or NULL; interfaces has its interfaces */
} CloneCopy;

/*
 * In an inventory frame, with an SPI connection; everything lives until SPI_finish.  A fixed
 * number of statements, whatever the number of disks, layers, interfaces and copies.  What is
 * missing or wrong is left for the checks, but for input that no check can name: 22023 for keys
 * that vm_static lacks, values that its types refuse, a name given twice and differently.
 */
extern ClonePlan *plan_load(const CloneRequest *request, bool has_user, const pg_uuid_t *user_id);

/* The snapshot has no document: its configuration is what the source's rows say now. */
extern bool plan_is_from_rows(const ClonePlan *plan);

/* Object of request->copy_overrides for the copy at index, from 0; NULL if it has none. */
extern Jsonb *plan_overrides_of_copy(const CloneRequest *request, int index);

/* Names and ids of the copies; names by {n}, _1.._n or copy_overrides. */
extern CloneCopy *plan_make_copies(const ClonePlan *plan);

/* Reads what other clones take in the domains that the call writes: bytes_reserved. */
extern void plan_load_reserved(const ClonePlan *plan);

/* The clone gets an image of this disk of its own: copied or blank. */
extern bool disk_is_made(const PlannedDisk *disk);

/* NULL: the call neither reads nor writes there. */
extern DomainFacts *plan_domain(const ClonePlan *plan, const pg_uuid_t *domain_id);

/*
 * The chain to read as async_tasks.layers and measurements.layers have it, first snapshot first;
 * none for a disk that isn't copied: [{"image_id", "image_group_id", "storage_domain_id",
 * "volume_format", "size"}].
 */
extern Jsonb *plan_layers(const PlannedDisk *disk);

#endif
