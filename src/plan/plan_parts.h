/*
 * plan_parts.h
 *		The parts of plan_load; only plan*.c include it.
 *
 *	plan.c				snapshot, VM, cluster, template, vm_static
 *	plan_copies.c		what each copy has of its own: overrides, names, ids
 *	plan_disks.c		disks and their chains, formats, bytes
 *	plan_formats.c		target format and allocation, bytes, layers
 *	plan_domains.c		storage domains, lasting locks, reservations
 *	plan_interfaces.c	network interfaces and their vNIC profiles
 */
#ifndef VMCLONE_PLAN_PARTS_H
#define VMCLONE_PLAN_PARTS_H

#include "inventory/image_rows.h"
#include "plan/plan.h"

/*
 * Disks of the configuration with fate, chain and target domain, and the images of the disks that the
 * source VM has now; needs plan->configuration.  images: of all these disks, NULL: not read yet.
 */
extern void plan_load_disks(ClonePlan *plan, const ImageRows *images);

/* Facts of all domains that disks and active disks name; needs the above. */
extern void plan_load_domains(ClonePlan *plan);

/* Who holds what is LOCKED; runs nothing where nothing is. */
extern void plan_load_locks(ClonePlan *plan);

/* Formats by the rules, sizes, bytes; needs the domains. */
extern void plan_decide_disks(ClonePlan *plan);

extern void plan_load_interfaces(ClonePlan *plan);

/* uuid[] of count ids; fields of type uuid[] the other way. */
extern Datum plan_uuid_array(const pg_uuid_t *ids, int count);
extern pg_uuid_t *plan_field_uuids(uint64 row, int column, int *count);

/* jsonb array below key as an array of objects; 0 objects if there is none. */
extern Jsonb **plan_objects(const Jsonb *object, const char *key, int *count);

/* 22023: vm_static of the call or of a copy has keys or values that the table doesn't take. */
extern void plan_check_overrides(const CloneRequest *request);

/*
 * 22023: a copy wants another cluster, CPU profile or quota than the others.  It may repeat theirs, or
 * hand back what current, the source's row, has.  Needs plan->vm_static.
 */
extern void plan_check_shared_columns(const ClonePlan *plan, const Jsonb *current);

/* plan->vm_name and vm_names; needs plan->configuration. */
extern void plan_name_copies(ClonePlan *plan);

/* Object of request->copy_overrides for the copy at index, from 0; NULL if it has none. */
extern Jsonb *plan_overrides_of_copy(const CloneRequest *request, int index);

/* left || right */
extern Jsonb *plan_concatenate(Jsonb *left, Jsonb *right);

#endif
