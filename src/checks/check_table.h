/*
 * check_table.h
 *		The table of checks, what a check function gets and how it refuses; only files of this
 *		folder include it.  checks_run.c runs the table of checks.c, whose functions use
 *		check_refusals.c.
 *
 * Steps keep oVirt's order (ovirt-clone.md, "Order of the checks"): permissions P1..P6 are
 * 100..600, inputs I are 700..799, validate() V1..V42 are 1000 + 100 n, quota Q is 6000 and on.
 * Numbers between are checks of the same stage that oVirt doesn't have, or several keys of one of
 * its steps.
 */
#ifndef VMCLONE_CHECK_TABLE_H
#define VMCLONE_CHECK_TABLE_H

#include "base/keyed_rows.h"
#include "checks/checks.h"

struct CheckRun;

typedef struct Check
{
	int step;
	const char *key;
	int sqlstate;
	Severity severity;
	int phases;
	const char *summary; /* when it refuses */
	const char *hint;    /* what to do */
	void (*function)(struct CheckRun *run);
	bool of_values; /* looks at the new vm_static, which copy_overrides may make several of */
} Check;

/* A name of the call that a VM, or template, of the data center has. */
typedef struct UsedName
{
	char *name;
	char *id;
} UsedName;

typedef struct CheckRun
{
	const ClonePlan *plan;
	const Check *check;
	int phases; /* that are run together */
	/* the call is refused: also what the call would look at later */
	bool complete;
	List *refusals;
	/* what the check looks at: the plan's, or that of a copy with values of its own */
	const Jsonb *vm_static;
	Jsonb **copy_vm_static; /* by copy, NULL for one without; NULL: no copy has values */
	/* of checks_reference.c, looked up once a run */
	List *references;
	bool references_loaded;
	List *violations;
	Jsonb **violating_rows;
	bool violations_loaded;
	/* of checks_again.c */
	StringInfoData changed_images;
	StringInfoData changed_domains;
	bool looked_again;
	List *used_names; /* UsedName *, of checks_used_names.c */
} CheckRun;

/* The table, for its listing. */
extern int checks_count(void);
extern const Check *checks_get(int index);

/* detail: a sentence or several, or NULL.  The message has neither capital nor full stop. */
extern void refuse(CheckRun *run, char *detail, const char *message, ...) pg_attribute_printf(3, 4);

/* Joins names or ids for a message: "a, b". */
extern void append_item(StringInfo list, const char *item);

/* Alias of a disk for people: alias, else its id. */
extern const char *disk_label(const PlannedDisk *disk);

/* Of run->vm_static */
extern int64 planned_integer(const CheckRun *run, const char *column, int64 absent);
extern char *planned_text(const CheckRun *run, const char *column);

/* The objects of an array of the configuration ("devices", "numa_nodes"); *count 0: none. */
extern Jsonb **configuration_objects(const ClonePlan *plan, const char *key, int *count);

/* Has the configuration a device of that type (and that device, unless NULL)? */
extern bool has_device(const ClonePlan *plan, const char *type, const char *device);

/* Processors of the clone: sockets × cores × threads. */
extern int64 virtual_processors(const CheckRun *run);

/* Value of a custom property of the clone; NULL: it has none of that name. */
extern char *custom_property(const CheckRun *run, const char *key);

/* Families of cluster.architecture */
extern bool is_power(int architecture);
extern bool is_s390(int architecture);

extern const char *storage_domain_status_name(int status);

/* Disks can be in master and data domains. */
extern bool holds_disks(const DomainFacts *domain);

/* checks_permission.c */
extern void check_create_vm_permission(CheckRun *run);
extern void check_create_disk_permission(CheckRun *run);
extern void check_custom_properties_permission(CheckRun *run);
extern void check_admin_properties_permission(CheckRun *run);
extern void check_source_vm_permission(CheckRun *run);
extern void check_consume_quota_permission(CheckRun *run);
extern void check_vnic_profile_permission(CheckRun *run);
extern void check_attach_disk_permission(CheckRun *run);
extern void check_disk_profile_permission(CheckRun *run);
extern void check_cpu_profile_permission(CheckRun *run);

/* checks_input.c */
extern void check_snapshot_id_given(CheckRun *run);
extern void check_name_characters(CheckRun *run);
extern void check_description_characters(CheckRun *run);
extern void check_boot_parameters(CheckRun *run);
extern void check_migration_downtime(CheckRun *run);
extern void check_known_disks(CheckRun *run);
extern void check_known_interfaces(CheckRun *run);

/* checks_code.c */
extern void check_codes(CheckRun *run);

/* checks_snapshot.c */
extern void check_snapshot_exists(CheckRun *run);
extern void check_snapshot_of_source_vm(CheckRun *run);
extern void check_vm_not_during_snapshot(CheckRun *run);
extern void check_configuration_not_broken(CheckRun *run);
extern void check_snapshot_type(CheckRun *run);
extern void check_vm_not_in_preview(CheckRun *run);
extern void warn_memory_left_out(CheckRun *run);
extern void check_configuration_readable(CheckRun *run);
extern void check_source_vm_not_locked(CheckRun *run);
extern void check_active_vm_down(CheckRun *run);

/* checks_chain.c */
extern void check_active_disks_not_locked(CheckRun *run);
extern void check_chain_not_locked(CheckRun *run);
extern void check_chain_not_illegal(CheckRun *run);
extern void check_chain_complete(CheckRun *run);
extern void check_chain_no_loop(CheckRun *run);
extern void check_chain_length(CheckRun *run);
extern void check_chain_disk(CheckRun *run);
extern void check_chain_template(CheckRun *run);
extern void check_chain_has_domains(CheckRun *run);
extern void check_missing_disk_fails(CheckRun *run);
extern void check_missing_boot_disk(CheckRun *run);
extern void check_some_disk_left(CheckRun *run);
extern void warn_partial_snapshot(CheckRun *run);

/* checks_again.c */
extern void look_up_used_names_again(CheckRun *run);
extern void check_chain_unchanged(CheckRun *run);
extern void check_domains_unchanged(CheckRun *run);

/* checks_storage.c */
extern void check_jobs_are_own(CheckRun *run);
extern void check_source_domains_exist(CheckRun *run);
extern void check_source_domains_active(CheckRun *run);
extern void check_source_domains_attached(CheckRun *run);
extern void check_no_managed_block(CheckRun *run);
extern void check_no_unsupported_storage_type(CheckRun *run);
extern void check_target_domains_exist(CheckRun *run);
extern void check_target_domains_active(CheckRun *run);
extern void check_target_domain_types(CheckRun *run);
extern void check_every_disk_has_target(CheckRun *run);
extern void check_target_domains_attached(CheckRun *run);
extern void check_domain_thresholds(CheckRun *run);
extern void check_domain_space(CheckRun *run);

/* checks_disk.c */
extern void check_boot_disks(CheckRun *run);
extern void check_ide_slots(CheckRun *run);
extern void check_ide_chipset(CheckRun *run);
extern void check_pci_slots(CheckRun *run);
extern void check_disk_profiles(CheckRun *run);
extern void check_disk_sizes(CheckRun *run);
extern void check_disk_configuration(CheckRun *run);
extern void check_attached_disks(CheckRun *run);
extern void check_virtio_scsi_needed(CheckRun *run);
extern void warn_raw_became_cow(CheckRun *run);

/* checks_cluster.c */
extern void check_cluster_given(CheckRun *run);
extern void check_cluster_exists(CheckRun *run);
extern void check_template_exists(CheckRun *run);
extern void check_template_enabled(CheckRun *run);
extern void check_pool_exists(CheckRun *run);
extern void check_pool_up(CheckRun *run);
extern void check_template_in_pool(CheckRun *run);
extern void check_template_not_locked(CheckRun *run);
extern void check_base_template_is_base(CheckRun *run);
extern void check_base_template_not_blank(CheckRun *run);
extern void check_compatibility_version(CheckRun *run);
extern void check_architecture(CheckRun *run);
extern void check_sound_device(CheckRun *run);
extern void check_tpm_device(CheckRun *run);
extern void check_pool_matches(CheckRun *run);
extern void check_cpu_profile(CheckRun *run);
extern void check_bios_type(CheckRun *run);
extern void check_bios_platform(CheckRun *run);
extern void check_bios_version(CheckRun *run);

/* checks_vm.c */
extern void check_monitors(CheckRun *run);
extern void check_priority(CheckRun *run);
extern void check_host_cpu(CheckRun *run);
extern void check_sockets(CheckRun *run);
extern void check_cpu_per_socket(CheckRun *run);
extern void check_threads_per_cpu(CheckRun *run);
extern void check_cpu_shares(CheckRun *run);
extern void check_minimum_memory(CheckRun *run);
extern void check_maximum_memory(CheckRun *run);

extern void check_cpu_count(CheckRun *run);

/* checks_property.c */
extern void check_property_syntax(CheckRun *run);
extern void check_property_duplicates(CheckRun *run);
extern void check_watchdog_model(CheckRun *run);
extern void check_watchdog_action(CheckRun *run);

/* checks_pinning.c */
extern void check_pinning_policy(CheckRun *run);
extern void check_pinning_format(CheckRun *run);
extern void check_pinning_processors(CheckRun *run);
extern void check_pinning_duplicates(CheckRun *run);
extern void check_pinning_targets(CheckRun *run);

/* checks_numa.c */
extern void check_numa_preferred(CheckRun *run);
extern void check_numa_count(CheckRun *run);
extern void check_numa_index_duplicates(CheckRun *run);
extern void check_numa_index_continuity(CheckRun *run);
extern void check_numa_processors(CheckRun *run);
extern void check_numa_processor_duplicates(CheckRun *run);
extern void check_numa_memory(CheckRun *run);
extern void check_numa_huge_pages(CheckRun *run);

/* checks_reference.c */
extern void check_icons_exist(CheckRun *run);
extern void check_instance_type_exists(CheckRun *run);
extern void check_image_type_exists(CheckRun *run);
extern void check_lease_high_availability(CheckRun *run);
extern void check_lease_domain_exists(CheckRun *run);
extern void check_lease_domain_active(CheckRun *run);
extern void check_lease_domain_type(CheckRun *run);
extern void check_foreign_keys(CheckRun *run);
extern void check_constraints(CheckRun *run);

/* checks_used_names.c */
/* Of all copies: names as text[], and the entity_type that they are unique among. */
extern Datum planned_names(const ClonePlan *plan);
extern int planned_name_count(const ClonePlan *plan);

/* Rows of vm_static that have one of these names, in whichever data center; is_indexed false: only a statement can tell. */
extern const KeyedRows *rows_with_planned_names(const ClonePlan *plan, KeyedSnapshot snapshot);
extern const char *planned_entity_type(const ClonePlan *plan);
extern void note_used_name(CheckRun *run, char *name, char *id); /* to run->used_names */

/* checks_name.c */
extern void check_name_not_used(CheckRun *run);
extern void check_no_version_under_way(CheckRun *run);
extern void check_name_given(CheckRun *run);
extern void check_name_length(CheckRun *run);
extern void check_template_version_name(CheckRun *run);

/* checks_network.c */
extern void check_macs_left(CheckRun *run);
extern void check_macs_not_used(CheckRun *run);
extern void check_interface_names(CheckRun *run);
extern void check_profiles_exist(CheckRun *run);
extern void check_profiles_in_cluster(CheckRun *run);
extern void warn_lost_networks(CheckRun *run);

/* checks_quota.c */
extern void check_vm_quota_exists(CheckRun *run);
extern void check_vm_quota_pool(CheckRun *run);
extern void check_quota_limits(CheckRun *run);
extern void check_disk_quotas_exist(CheckRun *run);
extern void check_disk_quotas_pool(CheckRun *run);
extern void check_quota_covers_domain(CheckRun *run);
extern void check_quota_storage(CheckRun *run);

#endif
