/*
 * configuration.h
 *		What a VM was at a snapshot: the OVF of snapshots.vm_configuration, or, where an old
 *		snapshot has none, the current rows.
 *
 * The document, jsonb, in oVirt's column names so that it can be laid over rows:
 *
 *	{"source": "ovf" | "current",
 *	 "vm_static": {column: value},		what the OVF says of vm_static; enumerations as codes
 *	 "vm_init": {column: value} | null,
 *	 "disks": [{"disk_id", "image_id", "disk_alias", "disk_description", "size": bytes (from images.size
 *				where the row exists), "volume_format": "COW"|"RAW", "volume_type": "Sparse"|"Preallocated",
 *				"disk_interface", "is_boot", "is_plugged", "shareable", "disk_storage_type": code,
 *				"pass_discard", "wipe_after_delete", "backup", "storage_domain_id", "image_status":
 *				"OK"|"LOCKED"|"ILLEGAL"|"MISSING"}],
 *	 "interfaces": [{"interface_id", "name", "mac_addr", "type": code, "linked", "is_plugged", "speed",
 *				"network_name" | null, "profile_name" | null, "address"}],
 *	 "devices": [{"device_id", "type", "device", "address", "alias", "is_managed", "is_plugged",
 *				"is_readonly", "spec_params": object, "custom_properties", "boot_order", "snapshot_id"}],
 *	 "numa_nodes": [...], "affinity_groups": [...], "affinity_labels": [...],
 *	 "external_data": {"tpm": text, "nvram": text} | null,
 *	 "is_partial": bool, "missing_disks": [...], "suggested_vm_name": "copy_of_NAME"}
 */
#ifndef VMCLONE_CONFIGURATION_H
#define VMCLONE_CONFIGURATION_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "inventory/image_rows.h"

/*
 * Parses one OVF document into the object above without what needs the database (status, sizes,
 * missing disks, suggested name).  libxml2; entities, DTDs, external references and documents
 * over 8 MiB are refused.  Error ERRCODE_VC_VM_CONFIGURATION names line and element.
 */
extern Jsonb *ovf_to_configuration(const char *ovf, Size length);

/* The snapshot's row and what its VM's current row says. */
typedef struct ConfigurationSource
{
	pg_uuid_t snapshot_id;
	pg_uuid_t vm_id;
	char *ovf;     /* snapshots.vm_configuration; NULL or empty: none */
	char *vm_name; /* NULL: the VM is gone */
	bool has_pool; /* the VM is in a data center */
	pg_uuid_t pool_id;
	/* zero uuid for null */
	pg_uuid_t quota_id;
	pg_uuid_t instance_type_id;
	pg_uuid_t lease_sd_id;
	int64 max_memory_mb;
	bool wants_name;     /* suggested_vm_name; left out otherwise */
	bool has_kept_disks; /* the VM has shareable or LUN disks, which have no snapshots */
	/* disks whose images are to be read with those of the document */
	const pg_uuid_t *other_disks;
	int other_disk_count;
} ConfigurationSource;

/*
 * The whole document for a snapshot.  In an inventory frame, with an SPI connection.  Returns NULL
 * where no such snapshot is; an unreadable OVF raises ERRCODE_VC_VM_CONFIGURATION.
 */
extern Jsonb *configuration_load(const pg_uuid_t *snapshot_id);

/*
 * The same of a row that has been read.  *images: rows of all images of the document's disks and of
 * other_disks; NULL where there is no OVF.  Returns NULL and a message for an unreadable OVF.
 */
extern Jsonb *configuration_load_from(const ConfigurationSource *source, ImageRows **images,
									  char **error_message);

/* True if the text begins with what the engine's rules for names call a letter or digit. */
extern bool is_letter_or_digit(const char *character);

#endif
