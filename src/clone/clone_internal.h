/*
 * clone_internal.h
 *		What the clone_*.c files share while one call's rows are written.
 */
#ifndef VMCLONE_CLONE_INTERNAL_H
#define VMCLONE_CLONE_INTERNAL_H

#include "clone/clone.h"
#include "inventory/row_copy.h"

/* What the inventory says beyond the plan of templates' versions and of the user who gets the clone. */
typedef struct CloneFacts
{
	int template_version;
	bool grants_vm_role; /* the user gets VM_OPERATOR, or TEMPLATE_OWNER */
	bool has_vm_role;
	pg_uuid_t vm_role_id;
	bool has_disk_role;
	pg_uuid_t disk_role_id;
} CloneFacts;

typedef struct CloneWork
{
	const ClonePlan *plan;
	const AuditSubject *caller;
	const CloneCopy *copies;
	int copy_count;
	bool is_template;
	bool same_cluster;
	CloneFacts facts;
	Jsonb **vm_static;         /* by copy: plan->vm_static, the copy's own values laid over it */
	pg_uuid_t **interface_ids; /* by copy, by interface; zero uuid where none is made */
	CloneRecord *record;
	int *row_id_sizes;
} CloneWork;

/* Notes a row that the clone consists of, for clone_remove. */
extern void clone_note_row(CloneWork *work, int copy, const pg_uuid_t *id);

/* The chipset of vm_static is another one than the snapshot's: addresses don't fit any more. */
extern bool clone_changes_chipset(const ClonePlan *plan, const Jsonb *vm_static);

typedef enum ExternalData
{
	EXTERNAL_DATA_TPM,
	EXTERNAL_DATA_NVRAM
} ExternalData;

/* Columns of vm_external_data or vm_nvram_data, by what the snapshot says; NULL: it says nothing. */
extern const Jsonb *clone_external_data(const CloneWork *work, ExternalData kind);

extern void clone_disks_write(CloneWork *work);
extern void clone_interfaces_write(CloneWork *work);
extern void clone_devices_write(CloneWork *work);
extern void clone_numa_write(CloneWork *work);

#endif
