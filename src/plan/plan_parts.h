/*
 * plan_parts.h
 *		The parts of plan_load; only files of this folder include it.
 *
 *	plan_load.c			the order
 *	plan_facts.c		snapshot, VM, cluster, template, attached disks
 *	plan_vm_static.c	the new vm_static
 *	plan_disks.c		disks: the caller's values, fate, target domain
 *	plan_chains.c		the chains of their images
 *	plan_formats.c		target format and allocation, bytes, layers
 *	plan_domains.c		storage domains, lasting locks, reservations
 *	plan_interfaces.c	network interfaces and their vNIC profiles
 *	plan_copies.c		what each copy has of its own: overrides, names, ids
 *	quota.c				oVirt's quota (quota.h)
 */
#ifndef VMCLONE_PLAN_PARTS_H
#define VMCLONE_PLAN_PARTS_H

#include "configuration/configuration.h"
#include "inventory/image_rows.h"
#include "plan/plan.h"

/* What the first looks say that the plan itself doesn't keep. */
typedef struct LoadedFacts
{
	Jsonb *current;                         /* the source VM's row as it is now; NULL: it is gone */
	const struct KeyedRows *source_cluster; /* row of cluster; NULL: none */
	pg_uuid_t *cpu_profiles;
	int cpu_profile_count;
	ConfigurationSource source;
} LoadedFacts;

/* Snapshot, source, target cluster, template, attached disks. */
extern void plan_load_facts(ClonePlan *plan, LoadedFacts *facts);

/* plan->vm_static and vm_static_changes; needs plan->configuration. */
extern void plan_build_vm_static(ClonePlan *plan, const LoadedFacts *facts);

/*
 * Disks of the configuration with fate, chain and target domain, and the images of the disks that the
 * source VM has now; needs plan->configuration.  images: of all these disks, NULL: not read yet.
 */
extern void plan_load_disks(ClonePlan *plan, const ImageRows *images);

/* The disk has images of its own, as opposed to LUNs and shareable disks, which are attached or left. */
extern bool plan_has_image(const PlannedDisk *disk);

/* Bytes of a disk rounded up to a multiple of 4 KiB; 0: no size that a new disk can have. */
extern int64 plan_disk_size(int64 size);

/* Chain, state and size of all disks that have images; what is wrong in a chain is noted with its disk. */
extern void plan_load_chains(ClonePlan *plan, const ImageRows *images);

/* Facts of all domains that disks and active disks name; needs the above. */
extern void plan_load_domains(ClonePlan *plan);

/* Who holds what is LOCKED; runs nothing where nothing is. */
extern void plan_load_locks(ClonePlan *plan);

/* Formats by the rules, sizes, bytes; needs the domains. */
extern void plan_decide_disks(ClonePlan *plan);

extern void plan_load_interfaces(ClonePlan *plan);

/* vNIC profiles and networks of interfaces of whichever copies, by their names and what the caller gave. */
extern void plan_resolve_profiles(const ClonePlan *plan, PlannedInterface **interfaces, int count);

/* 22023: vm_static of the call or of a copy has keys or values that the table doesn't take. */
extern void plan_check_overrides(const CloneRequest *request);

/*
 * 22023: a copy wants another cluster, CPU profile or quota than the others.  It may repeat theirs, or
 * hand back what current, the source's row, has.  Needs plan->vm_static.
 */
extern void plan_check_shared_columns(const ClonePlan *plan, const Jsonb *current);

/* plan->vm_name and vm_names; needs plan->configuration. */
extern void plan_name_copies(ClonePlan *plan);

#endif
