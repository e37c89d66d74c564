/*
 * clone.h
 *		Writes the rows of the new virtual machines or templates.
 */
#ifndef VMCLONE_CLONE_H
#define VMCLONE_CLONE_H

#include "plan.h"

/*
 * All inventory rows of all copies, set-based: one statement a table, not one a row or a copy.
 * vm_static, vm_dynamic (ImageLocked 15), vm_statistics, ACTIVE snapshot, devices, NICs with new
 * MACs, base_disks, images (LOCKED), disk_image_dynamic, image_storage_domain_map,
 * disk_vm_element, permissions, vm_init, numa_node, NVRAM and TPM data, vm_ovf_generations.
 * In an inventory frame, after the locks.
 */
extern void clone_write(const ClonePlan *plan, const CloneCopy *copies, int copy_count);

/* The inverse, for failure and cancel: removes the rows of one new VM; never CASCADE (DESIGN §5). */
extern void clone_remove(const pg_uuid_t *vm_id);

/* A finished job: rows OK, sizes as on storage, VM Down or template OK, db_generation + 1. */
extern void clone_finish(const pg_uuid_t *vm_id);

#endif
