/*
 * clone.h
 *		Writes the rows of the new virtual machines or templates.
 */
#ifndef VMCLONE_CLONE_H
#define VMCLONE_CLONE_H

#include "base/audit.h"
#include "plan/plan.h"

/* What clone_write made; lineage_write keeps it. */
typedef struct CloneRecord
{
	Jsonb **devices; /* by copy: every device of the source: copied, re-made or left out, and why */
	pg_uuid_t **row_ids; /* by copy: the id of every row made, for clone_remove */
	int *row_id_counts;
} CloneRecord;

/*
 * All inventory rows of all copies, set-based: a table at a time, not a row or a copy.
 * vm_static, vm_dynamic (ImageLocked 15), vm_statistics, ACTIVE snapshot, devices, base_disks, images
 * (LOCKED), disk_image_dynamic, image_storage_domain_map, disk_vm_element, permissions, vm_init,
 * numa_node, NVRAM and TPM data, vm_ovf_generations; the NICs, which take from a pool that all calls
 * count, are clone_write_interfaces'.
 * caller: whom audit rows name, and which call.
 * In an inventory frame, after the row locks.
 */
extern struct CloneWork *clone_write(const ClonePlan *plan, const CloneCopy *copies, int copy_count,
									 const AuditSubject *caller);

/* What lineage_write needs: all that the clone consists of, the NICs that are still to be written too. */
extern const CloneRecord *clone_record(const struct CloneWork *work);

/*
 * NICs with new MACs, and their statistics; the audit rows of an almost empty MAC pool and of NICs
 * whose network is lost.  In an inventory frame, after locks_take_counted.
 */
extern void clone_write_interfaces(struct CloneWork *work);

/*
 * What clone_write will lay over vm_static's rows whatever the caller says, as far as it is known
 * before the locks: a template's version is 1.
 */
extern Jsonb *clone_expected_vm_static(const ClonePlan *plan);

/*
 * Does a clone with that vm_static get the snapshot's NUMA nodes?  Yes, but where the caller has
 * given the whole VmStatic and the nodes don't fit its processors and memory.
 */
extern bool clone_takes_numa_nodes(const ClonePlan *plan, const Jsonb *vm_static);

/*
 * The inverse, for failure and cancel: removes the rows of new VMs (uuid[]) that clone_write made, and
 * their lineage.  Rows that others have attached meanwhile are an error (ERRCODE_VC_JOB) that names
 * table and key; never CASCADE (decisions.md, "Failure").  Does nothing for a VM that is gone.  In
 * an inventory frame.
 */
extern void clone_remove(Datum vm_ids);

/*
 * A finished job: rows OK, sizes as vmclone.async_tasks has them from storage, VM Down or template
 * OK, db_generation + 1.  In an inventory frame.
 */
extern void clone_finish(const pg_uuid_t *vm_id);

#endif
