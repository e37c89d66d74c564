/*
 * request.h
 *		The parameters of one clone call, parsed and bounded, before anything is looked up.
 */
#ifndef VMCLONE_REQUEST_H
#define VMCLONE_REQUEST_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* oVirt's codes (images.volume_format, images.volume_type). */
typedef enum VolumeFormat
{
	VOLUME_FORMAT_UNSET = 0,
	VOLUME_FORMAT_UNASSIGNED = 3,
	VOLUME_FORMAT_COW = 4,
	VOLUME_FORMAT_RAW = 5,
} VolumeFormat;

typedef enum VolumeType
{
	VOLUME_TYPE_UNASSIGNED = 0, /* also: not given */
	VOLUME_TYPE_PREALLOCATED = 1,
	VOLUME_TYPE_SPARSE = 2,
} VolumeType;

typedef enum CloneTarget
{
	CLONE_TARGET_VM,
	CLONE_TARGET_TEMPLATE,
} CloneTarget;

typedef enum MissingDisk
{
	MISSING_DISK_DEFAULT, /* not given: skip, unless nothing bootable is left */
	MISSING_DISK_SKIP,
	MISSING_DISK_FAIL,
	MISSING_DISK_BLANK,
} MissingDisk;

#define DISK_ALIAS_LENGTH      255 /* characters that base_disks.disk_alias has room for */
#define REQUEST_MAX_COPIES     1000
#define REQUEST_LEAST_PRIORITY (-1000000)
#define REQUEST_MOST_PRIORITY  1000000
#define REQUEST_MAX_ELEMENTS   4096 /* disks or interfaces in one call */

typedef struct OptionalUuid
{
	bool given;
	pg_uuid_t value;
} OptionalUuid;

/* What the caller says of one disk. */
typedef struct DiskChoice
{
	pg_uuid_t disk_id; /* the source's */
	Jsonb *given;      /* the whole object */
	bool
		handed_back; /* an object of the configuration: what equals the snapshot's isn't a choice */
	bool include;
	bool attach; /* a shareable or LUN disk: attach it to the clone */
	OptionalUuid storage_domain_id;
	VolumeFormat volume_format;
	VolumeType volume_type;
	char *disk_alias; /* NULL: by the rule of ovirt-clone.md, "Disks" */
	OptionalUuid quota_id;
	OptionalUuid disk_profile_id;
} DiskChoice;

typedef struct CloneRequest
{
	CloneTarget target;
	OptionalUuid snapshot_id;
	char *vm_name; /* NULL: from vm_static, else suggested */
	Jsonb *vm_static;
	bool use_given_vm_static;
	OptionalUuid source_vm_id;
	OptionalUuid cluster_id;
	DiskChoice *disks;
	int disk_count;
	Jsonb *interfaces; /* array of objects, keys checked */
	MissingDisk missing_disk;
	int copies;            /* 1..REQUEST_MAX_COPIES */
	Jsonb *copy_overrides; /* array of objects: vm_name, vm_static, interfaces per copy; or NULL */
	bool lock_shared;
	OptionalUuid user_id; /* what the caller passed; caller_choose_user decides */
	char *request_key;
	int priority;
	int64 bandwidth_limit; /* bytes per second; 0 = none */
	bool verify;
	bool start_paused;
	bool hold_on_failure;
	OptionalUuid base_template_id;
	char *template_version_name;
	bool virtio_scsi_given;
	bool virtio_scsi;  /* false: without VirtIO SCSI controller */
	Jsonb *parameters; /* all of the above as given, for jobs.parameters, retry and request_key */
} CloneRequest;

/*
 * From the arguments of add_…, can_add_… and plan_…, which are the same in number and order;
 * arguments missing at the end count as NULL.  Keys of vm_static are checked by plan_load, which
 * knows the table.  Errors: 22023 for a value out of range or of a wrong type and for an unknown
 * key, which is named; 22P02 for text that isn't a uuid.
 */
extern CloneRequest *request_parse(FunctionCallInfo fcinfo, CloneTarget target);

/*
 * 22023 unless "new", "keep" or the address of one station: no group's (an odd first byte), not
 * all zero.
 */
extern void request_check_mac(const char *mac);

/* From jobs.parameters of an earlier call (retry, clone_again). */
extern CloneRequest *request_from_parameters(const Jsonb *parameters, CloneTarget target);

#endif
