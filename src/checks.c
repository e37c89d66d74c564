/*
 * checks.c
 *		The whole canDoAction as a table, in oVirt's order, and the function that runs it.
 *
 * docs/checks.md is the same table for people; a test holds the two together.
 */
#include "postgres.h"

#include "check_table.h"
#include "json.h"
#include "plan_parts.h"

#define WHEN_ALWAYS  CHECK_ALWAYS
#define WHEN_USER    CHECK_USER
#define WHEN_COUNTED CHECK_AFTER_LOCKS

#define HINT_WAIT "Wait until the operation ends; view vmclone.locks shows who holds what."
#define HINT_CHAIN                                                                                    \
	"The chain must be repaired in the engine before it can be copied; vmclone.snapshot_tree(vm_id) " \
	"shows it."
#define HINT_DOMAIN    "Activate the storage domain, or choose another one in parameter \"disks\"."
#define HINT_GRANT     "Ask an administrator of the engine for a role that allows it."
#define HINT_VM_STATIC "Set the column to a valid value in parameter \"vm_static\"."
#define HINT_NUMA                                                                                  \
	"Give processors and memory that fit the NUMA nodes in parameter \"vm_static\"; with use_given_vm_static, nodes that do not fit are left out."
#define HINT_QUOTA "Choose another quota in parameter \"disks\", or have its limit raised."

static const Check checks[] = {
	/* (P) permissions */
	{100, "USER_NOT_AUTHORIZED_TO_PERFORM_ACTION", ERRCODE_VC_PERMISSION, SEVERITY_ERROR, WHEN_USER,
	 "The user may not create VMs in the target cluster, or templates in its data center",
	 HINT_GRANT, check_create_vm_permission},
	{200, "USER_NOT_AUTHORIZED_TO_PERFORM_ACTION", ERRCODE_VC_PERMISSION, SEVERITY_ERROR, WHEN_USER,
	 "The user may not create disks in a target storage domain", HINT_GRANT,
	 check_create_disk_permission},
	{300, "USER_NOT_AUTHORIZED_TO_PERFORM_ACTION", ERRCODE_VC_PERMISSION, SEVERITY_ERROR, WHEN_USER,
	 "Custom properties differ from the template's and the user may not change them", HINT_GRANT,
	 check_custom_properties_permission, true},
	{400, "USER_NOT_AUTHORIZED_TO_PERFORM_ACTION", ERRCODE_VC_PERMISSION, SEVERITY_ERROR, WHEN_USER,
	 "Pinned hosts or processors are set and the user may not set them", HINT_GRANT,
	 check_admin_properties_permission, true},
	{500, "USER_NOT_AUTHORIZED_TO_PERFORM_ACTION", ERRCODE_VC_PERMISSION, SEVERITY_ERROR, WHEN_USER,
	 "The user may not create VMs from the snapshot's VM", HINT_GRANT, check_source_vm_permission},
	{600, "USER_NOT_AUTHORIZED_TO_CONSUME_QUOTA", ERRCODE_VC_PERMISSION, SEVERITY_ERROR, WHEN_USER,
	 "Quota is enforced and the user may not consume a quota that the clone uses", HINT_GRANT,
	 check_consume_quota_permission},
	/* (I) inputs */
	{700, "VALIDATION_SOURCE_SNAPSHOT_ID_NOT_NULL", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "snapshot_id is NULL", "Pass the id of a snapshot; vmclone.snapshot_tree(vm_id) lists a VM's.",
	 check_snapshot_id_given},
	{710, "ACTION_TYPE_FAILED_NAME_MAY_NOT_CONTAIN_SPECIAL_CHARS", ERRCODE_VC_NAME, SEVERITY_ERROR,
	 WHEN_ALWAYS, "A name has characters other than letters, digits, _, -, . and +",
	 "Use letters and digits of any language, and the characters _ - . +", check_name_characters},
	{720, "ACTION_TYPE_FAILED_DESCRIPTION_MAY_NOT_CONTAIN_SPECIAL_CHARS", ERRCODE_VC_INPUT,
	 SEVERITY_ERROR, WHEN_ALWAYS,
	 "The description has characters other than ASCII characters and letters", HINT_VM_STATIC,
	 check_description_characters, true},
	{730, "ACTION_TYPE_FAILED_LINUX_BOOT_PARAMS_MAY_NOT_CONTAIN_TRIMMING_WHITESPACES",
	 ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "Kernel, initrd or kernel parameters begin or end with white space", HINT_VM_STATIC,
	 check_boot_parameters, true},
	{740, "VALIDATION_VM_MIGRATION_DOWNTIME_RANGE", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The migration downtime is negative", HINT_VM_STATIC, check_migration_downtime, true},
	{750, "ACTION_TYPE_FAILED_DISK_NOT_IN_SNAPSHOT", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "Parameter disks names a disk that the snapshot doesn't have",
	 "vmclone.snapshot_disks lists the snapshot's disks.", check_known_disks},
	{760, "ACTION_TYPE_FAILED_INTERFACE_NOT_IN_SNAPSHOT", ERRCODE_VC_INPUT, SEVERITY_ERROR,
	 WHEN_ALWAYS, "Parameter interfaces names a network interface that the snapshot doesn't have",
	 "vmclone.get_vm_configuration_by_snapshot_id lists the snapshot's interfaces.",
	 check_known_interfaces},
	/* (V) AddVmFromSnapshotCommand.validate */
	{1100, "ACTION_TYPE_FAILED_VM_SNAPSHOT_DOES_NOT_EXIST", ERRCODE_VC_SNAPSHOT, SEVERITY_ERROR,
	 WHEN_ALWAYS, "No snapshot has that id",
	 "Pass the id of a snapshot; vmclone.snapshot_tree(vm_id) lists a VM's.",
	 check_snapshot_exists},
	{1110, "ACTION_TYPE_FAILED_SNAPSHOT_OF_ANOTHER_VM", ERRCODE_VC_SNAPSHOT, SEVERITY_ERROR,
	 WHEN_ALWAYS, "source_vm_id is given and the snapshot belongs to another VM",
	 "Leave source_vm_id out, or pass a snapshot of that virtual machine.",
	 check_snapshot_of_source_vm},
	{1200, "ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT", ERRCODE_VC_LOCKED, SEVERITY_ERROR,
	 WHEN_ALWAYS,
	 "A snapshot of the source VM is LOCKED, other than by sharing clones of a sharing call",
	 HINT_WAIT, check_vm_not_during_snapshot},
	{1300, "ACTION_TYPE_FAILED_VM_SNAPSHOT_HAS_NO_CONFIGURATION", ERRCODE_VC_VM_CONFIGURATION,
	 SEVERITY_ERROR, WHEN_ALWAYS, "The snapshot's configuration is marked as broken",
	 "Clone from another snapshot.", check_configuration_not_broken},
	{1400, "ACTION_TYPE_FAILED_VM_SNAPSHOT_TYPE_NOT_REGULAR", ERRCODE_VC_SNAPSHOT, SEVERITY_ERROR,
	 WHEN_ALWAYS, "A VM is to be made and the snapshot's type is not REGULAR",
	 "Make a snapshot of the virtual machine and clone from that.", check_snapshot_type},
	{1410, "ACTION_TYPE_FAILED_VM_IS_NOT_DOWN", ERRCODE_VC_SOURCE_VM, SEVERITY_ERROR, WHEN_ALWAYS,
	 "A template is to be made of the ACTIVE snapshot and the VM is not Down",
	 "Shut the virtual machine down, or use a regular snapshot.", check_active_vm_down},
	{1500, "ACTION_TYPE_FAILED_VM_IN_PREVIEW", ERRCODE_VC_SNAPSHOT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "A snapshot of the source VM is in preview",
	 "Commit or undo the preview of the virtual machine first.", check_vm_not_in_preview},
	{1600, "ACTION_TYPE_FAILED_VM_SNAPSHOT_HAS_NO_CONFIGURATION", ERRCODE_VC_VM_CONFIGURATION,
	 SEVERITY_ERROR, WHEN_ALWAYS, "The snapshot's configuration can't be read",
	 "Clone from another snapshot, or pass the whole vm_static of a new virtual machine.",
	 check_configuration_readable},
	/* (V) AddVmAndCloneImageCommand.validate, and every image of the chains */
	{1700, "ACTION_TYPE_FAILED_DISKS_LOCKED", ERRCODE_VC_LOCKED, SEVERITY_ERROR, WHEN_ALWAYS,
	 "A disk that the source VM has now is LOCKED, other than by sharing clones of a sharing call",
	 HINT_WAIT, check_active_disks_not_locked},
	{1710, "ACTION_TYPE_FAILED_DISKS_LOCKED", ERRCODE_VC_LOCKED, SEVERITY_ERROR, WHEN_ALWAYS,
	 "An image of a chain is LOCKED, other than by sharing clones of a sharing call", HINT_WAIT,
	 check_chain_not_locked},
	{1720, "ACTION_TYPE_FAILED_DISKS_ILLEGAL", ERRCODE_VC_CHAIN, SEVERITY_ERROR, WHEN_ALWAYS,
	 "An image below the chosen one is ILLEGAL", HINT_CHAIN, check_chain_not_illegal},
	{1730, "ACTION_TYPE_FAILED_IMAGE_CHAIN_BROKEN", ERRCODE_VC_CHAIN, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The parent of an image of a chain doesn't exist", HINT_CHAIN, check_chain_complete},
	{1740, "ACTION_TYPE_FAILED_IMAGE_CHAIN_LOOP", ERRCODE_VC_CHAIN, SEVERITY_ERROR, WHEN_ALWAYS,
	 "An image is its own ancestor", HINT_CHAIN, check_chain_no_loop},
	{1750, "ACTION_TYPE_FAILED_IMAGE_CHAIN_TOO_LONG", ERRCODE_VC_CHAIN, SEVERITY_ERROR, WHEN_ALWAYS,
	 "A chain is longer than 1024 images",
	 "Remove snapshots of the virtual machine, so that their images are merged.",
	 check_chain_length},
	{1760, "ACTION_TYPE_FAILED_IMAGE_OF_ANOTHER_DISK", ERRCODE_VC_CHAIN, SEVERITY_ERROR,
	 WHEN_ALWAYS, "An image of a chain belongs to another disk that is no template's", HINT_CHAIN,
	 check_chain_disk},
	{1770, "ACTION_TYPE_FAILED_IMAGE_CHAIN_TEMPLATE", ERRCODE_VC_CHAIN, SEVERITY_ERROR, WHEN_ALWAYS,
	 "A chain steps into a template's disk wrongly or twice, or the template's image isn't on the "
	 "disk's own domain",
	 HINT_CHAIN, check_chain_template},
	{1780, "ACTION_TYPE_FAILED_IMAGE_CHAIN_CHANGED", ERRCODE_VC_CHAIN, SEVERITY_ERROR, WHEN_COUNTED,
	 "A chain was changed, or moved to another domain, while the call waited for its locks",
	 "Call again.", check_chain_unchanged},
	{1785, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_STATUS_ILLEGAL2", ERRCODE_VC_STORAGE_DOMAIN,
	 SEVERITY_ERROR, WHEN_COUNTED,
	 "A storage domain of the clone stopped being Active, or left the data center, while the call "
	 "waited for its locks",
	 "Activate the storage domain in the engine, then call again.", check_domains_unchanged},
	{1790, "ACTION_TYPE_WARNING_PARTIAL_SNAPSHOT", ERRCODE_VC_MISSING_DISK, SEVERITY_WARNING,
	 WHEN_ALWAYS, "The image of a disk is gone or ILLEGAL, and the call goes on without it",
	 "missing_disk => 'fail' refuses such a clone, 'blank' makes an empty disk of that size.",
	 warn_partial_snapshot},
	{1791, "ACTION_TYPE_FAILED_SNAPSHOT_DISK_MISSING", ERRCODE_VC_MISSING_DISK, SEVERITY_ERROR,
	 WHEN_ALWAYS, "missing_disk is fail and the image of a disk is gone or ILLEGAL",
	 "missing_disk => 'skip' leaves such disks out, 'blank' makes an empty disk of that size.",
	 check_missing_disk_fails},
	{1792, "ACTION_TYPE_FAILED_BOOT_DISK_MISSING", ERRCODE_VC_MISSING_DISK, SEVERITY_ERROR,
	 WHEN_ALWAYS, "missing_disk is not given and the image of the boot disk is gone or ILLEGAL",
	 "Say missing_disk => 'skip' or 'blank' if a clone without its boot disk is wanted.",
	 check_missing_boot_disk},
	{1793, "ACTION_TYPE_FAILED_NO_DISK_LEFT", ERRCODE_VC_MISSING_DISK, SEVERITY_ERROR, WHEN_ALWAYS,
	 "missing_disk is not given and the images of all disks are gone or ILLEGAL",
	 "Say missing_disk => 'skip' or 'blank' if a clone without disks is wanted.",
	 check_some_disk_left},
	{1800, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_NOT_EXIST", ERRCODE_VC_STORAGE_DOMAIN, SEVERITY_ERROR,
	 WHEN_ALWAYS,
	 "The domain of a chain's image, or of a disk that the source VM has now, is not in the data "
	 "center",
	 "Attach the storage domain to the data center in the engine.", check_source_domains_exist},
	{1805, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_NOT_EXIST", ERRCODE_VC_STORAGE_DOMAIN, SEVERITY_ERROR,
	 WHEN_ALWAYS, "An image of a chain lies in no storage domain", HINT_CHAIN,
	 check_chain_has_domains},
	{1810, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_STATUS_ILLEGAL2", ERRCODE_VC_STORAGE_DOMAIN,
	 SEVERITY_ERROR, WHEN_ALWAYS,
	 "The domain of a chain's image, or of a disk that the source VM has now, is not Active",
	 "Activate the storage domain in the engine.", check_source_domains_active},
	{1820, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_NOT_ATTACHED", ERRCODE_VC_STORAGE_DOMAIN,
	 SEVERITY_ERROR, WHEN_ALWAYS, "The domain of a chain's image is not attached to vmclone",
	 "Run vmclone.attach_storage_domain(storage_domain_id, mount_path).",
	 check_source_domains_attached},
	{1900, "ACTION_TYPE_FAILED_UNSUPPORTED_ACTION_FOR_MANAGED_BLOCK_STORAGE_TYPE", ERRCODE_VC_DISK,
	 SEVERITY_ERROR, WHEN_ALWAYS, "A disk or a storage domain is managed block storage",
	 "Leave such disks out with \"include\": false, and choose another storage domain.",
	 check_no_managed_block},
	{1910, "ACTION_TYPE_FAILED_UNSUPPORTED_DISK_STORAGE_TYPE", ERRCODE_VC_DISK, SEVERITY_ERROR,
	 WHEN_ALWAYS, "A disk of the snapshot is a Cinder or Kubernetes volume",
	 "Leave such disks out with \"include\": false.", check_no_unsupported_storage_type},
	{2000, "ACTION_TYPE_FAILED_VM_IS_LOCKED", ERRCODE_VC_LOCKED, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The source VM's status is ImageLocked", HINT_WAIT, check_source_vm_not_locked},
	/* (V) AddVmCommand.validate */
	{2100, "ACTION_TYPE_FAILED_CLUSTER_CAN_NOT_BE_EMPTY", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "No cluster is given and the source VM has none", "Pass cluster_id.",
	 check_cluster_given},
	{2200, "ACTION_TYPE_FAILED_TEMPLATE_DOES_NOT_EXIST", ERRCODE_VC_TEMPLATE, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The base template, or the template in the given vm_static, doesn't exist",
	 "Pass the id of a template.", check_template_exists},
	{2300, "ACTION_TYPE_FAILED_TEMPLATE_IS_DISABLED", ERRCODE_VC_TEMPLATE, SEVERITY_ERROR,
	 WHEN_ALWAYS, "That template is disabled", "Pass the id of another template.",
	 check_template_enabled},
	{2310, "ACTION_TYPE_FAILED_TEMPLATE_IS_LOCKED", ERRCODE_VC_TEMPLATE, SEVERITY_ERROR,
	 WHEN_ALWAYS, "That template's status is not OK",
	 "Wait until the template is complete, or pass the id of another one.",
	 check_template_not_locked},
	{2400, "ACTION_TYPE_FAILED_STORAGE_POOL_NOT_EXIST", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The target cluster is in no data center",
	 "Put the cluster into a data center, or pass another cluster_id.", check_pool_exists},
	{2500, "ACTION_TYPE_FAILED_STORAGE_POOL_STATUS_ILLEGAL", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The data center's status is not Up",
	 "Wait until the data center is up; see its storage domains in the engine.", check_pool_up},
	{2600, "ACTION_TYPE_FAILED_TEMPLATE_NOT_EXISTS_IN_CURRENT_DC", ERRCODE_VC_TEMPLATE,
	 SEVERITY_ERROR, WHEN_ALWAYS, "That template belongs to another data center",
	 "Pass a template of the target cluster's data center.", check_template_in_pool},
	{2700, "ACTION_TYPE_FAILED_CUSTOM_COMPATIBILITY_VERSION_NOT_SUPPORTED", ERRCODE_VC_CLUSTER,
	 SEVERITY_ERROR, WHEN_ALWAYS, "custom_compatibility_version is not a supported version",
	 HINT_VM_STATIC, check_compatibility_version, true},
	{2800, "ACTION_TYPE_FAILED_CLUSTER_UNDEFINED_ARCHITECTURE", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The target cluster's architecture is undefined",
	 "Set the cluster's CPU type in the engine, or pass another cluster_id.", check_architecture},
	{2900, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_NOT_EXIST", ERRCODE_VC_STORAGE_DOMAIN, SEVERITY_ERROR,
	 WHEN_ALWAYS, "A target domain is not in the target data center",
	 "Choose a storage domain of the data center in parameter \"disks\".",
	 check_target_domains_exist},
	{2910, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_STATUS_ILLEGAL2", ERRCODE_VC_STORAGE_DOMAIN,
	 SEVERITY_ERROR, WHEN_ALWAYS, "A target domain is not Active", HINT_DOMAIN,
	 check_target_domains_active},
	{2920, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_TYPE_ILLEGAL", ERRCODE_VC_STORAGE_DOMAIN,
	 SEVERITY_ERROR, WHEN_ALWAYS, "A target domain is no data domain",
	 "Choose a data domain in parameter \"disks\".", check_target_domain_types},
	{2930, "ACTION_TYPE_FAILED_MISSED_STORAGES_FOR_SOME_DISKS", ERRCODE_VC_STORAGE_DOMAIN,
	 SEVERITY_ERROR, WHEN_ALWAYS, "A disk has no target domain and none of its own",
	 "Choose a storage domain for the disk in parameter \"disks\".", check_every_disk_has_target},
	{2940, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_NOT_ATTACHED", ERRCODE_VC_STORAGE_DOMAIN,
	 SEVERITY_ERROR, WHEN_ALWAYS, "A target domain is not attached to vmclone",
	 "Run vmclone.attach_storage_domain(storage_domain_id, mount_path).",
	 check_target_domains_attached},
	{3000, "SOUND_DEVICE_REQUESTED_ON_NOT_SUPPORTED_ARCH", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The VM has a sound device and the target cluster's architecture has none",
	 "Pass a cluster_id of the source's architecture.", check_sound_device},
	{3100, "TPM_DEVICE_REQUESTED_ON_NOT_SUPPORTED_PLATFORM", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The VM has a TPM and neither UEFI nor a POWER cluster",
	 "Set bios_type to 3 or 4 in parameter \"vm_static\".", check_tpm_device, true},
	{3300, "ACTION_TYPE_FAILED_QUOTA_NOT_EXIST", ERRCODE_VC_QUOTA, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The VM's own quota doesn't exist, or a disk's that the caller names while quota isn't enforced",
	 "Choose another quota in parameter \"vm_static\" or \"disks\".", check_vm_quota_exists},
	{3310, "ACTION_TYPE_FAILED_QUOTA_IS_NOT_VALID", ERRCODE_VC_QUOTA, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The VM's own quota belongs to another data center, or has no limits", HINT_VM_STATIC,
	 check_vm_quota_pool},
	{3320, "ACTION_TYPE_FAILED_QUOTA_LIMIT_IS_SPECIFIC_AND_GENERAL", ERRCODE_VC_QUOTA,
	 SEVERITY_ERROR, WHEN_ALWAYS,
	 "A quota of the clone has both a global limit and limits of single domains or clusters",
	 "Keep one of the two kinds of limits in the quota.", check_quota_limits},
	{3400, "ACTION_TYPE_FAILED_CLUSTER_IS_NOT_VALID", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The target cluster doesn't exist", "Pass the id of a cluster.",
	 check_cluster_exists},
	{3500, "ACTION_TYPE_FAILED_ILLEGAL_NUM_OF_MONITORS", ERRCODE_VC_INPUT, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The number of monitors is none of 0, 1, 2 and 4", HINT_VM_STATIC, check_monitors,
	 true},
	{3600, "ACTION_TYPE_FAILED_EXCEEDED_MAX_PCI_SLOTS", ERRCODE_VC_DISK, SEVERITY_ERROR,
	 WHEN_ALWAYS, "Monitors, interfaces and VirtIO disks take more than 26 PCI slots",
	 "Leave disks or interfaces out with \"include\": false.", check_pci_slots, true},
	{3610, "ACTION_TYPE_FAILED_EXCEEDED_MAX_IDE_SLOTS", ERRCODE_VC_DISK, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The clone has more than 3 IDE disks",
	 "Leave disks out with \"include\": false, or give them another disk_interface.",
	 check_ide_slots},
	{3700, "ACTION_TYPE_FAILED_NAME_ALREADY_USED", ERRCODE_VC_NAME, SEVERITY_ERROR, WHEN_COUNTED,
	 "A VM (or template) of the data center, a clone under way or another copy of the call has the "
	 "name",
	 "Choose another vm_name; vmclone.suggest_vm_name gives a free one.", check_name_not_used},
	{3800, "MAC_POOL_NOT_ENOUGH_MAC_ADDRESSES", ERRCODE_VC_NETWORK, SEVERITY_ERROR, WHEN_COUNTED,
	 "The cluster's MAC pool has fewer free addresses than the clone has interfaces",
	 "Add a range to the MAC pool, or leave interfaces out with \"include\": false.",
	 check_macs_left},
	{3810, "NETWORK_MAC_ADDRESS_IN_USE", ERRCODE_VC_NETWORK, SEVERITY_ERROR, WHEN_COUNTED,
	 "A MAC address that is kept or given is in use, or given twice, and the pool allows no "
	 "duplicates",
	 "Use \"mac\": \"new\", or another address.", check_macs_not_used},
	{3815, "NETWORK_INTERFACE_NAME_ALREADY_IN_USE", ERRCODE_VC_NETWORK, SEVERITY_ERROR, WHEN_ALWAYS,
	 "Two interfaces of the clone have the same name",
	 "Choose another name for the interface in parameter \"interfaces\".", check_interface_names},
	{3820, "ACTION_TYPE_FAILED_VNIC_PROFILE_NOT_EXISTS", ERRCODE_VC_NETWORK, SEVERITY_ERROR,
	 WHEN_ALWAYS, "A vNIC profile that parameter interfaces names doesn't exist",
	 "Choose another vnic_profile_id, or null for no network.", check_profiles_exist},
	{3830, "NETWORK_NOT_EXISTS_IN_CLUSTER", ERRCODE_VC_NETWORK, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The network of a vNIC profile that parameter interfaces names is no VM network of the target "
	 "cluster",
	 "Choose a profile of a network of the target cluster.", check_profiles_in_cluster},
	{3840, "ADD_VM_FROM_SNAPSHOT_INVALID_INTERFACES", ERRCODE_VC_NETWORK, SEVERITY_WARNING,
	 WHEN_ALWAYS,
	 "The network of an interface is no VM network of the target cluster, or no profile of it may "
	 "be used; the interface gets no network",
	 "Choose a vnic_profile_id for the interface in parameter \"interfaces\".", warn_lost_networks},
	{3900, "VM_OR_TEMPLATE_ILLEGAL_PRIORITY_VALUE", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The VM's priority is not between 0 and 100", HINT_VM_STATIC, check_priority, true},
	{4000, "ACTION_TYPE_FAILED_INVALID_CUSTOM_VM_PROPERTIES_INVALID_SYNTAX", ERRCODE_VC_INPUT,
	 SEVERITY_ERROR, WHEN_ALWAYS,
	 "predefined_properties or userdefined_properties is no list of key=value joined by ;",
	 HINT_VM_STATIC, check_property_syntax, true},
	{4010, "ACTION_TYPE_FAILED_INVALID_CUSTOM_VM_PROPERTIES_DUPLICATE_KEYS", ERRCODE_VC_INPUT,
	 SEVERITY_ERROR, WHEN_ALWAYS, "A custom property is there twice", HINT_VM_STATIC,
	 check_property_duplicates, true},
	{4100, "ACTION_TYPE_FAILED_STORAGE_POOL_NOT_MATCH", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "Disks are copied and the source VM's data center is not the target cluster's",
	 "Pass a cluster_id of the source's data center.", check_pool_matches},
	{4200, "ACTION_TYPE_FAILED_DISK_SPACE_LOW_ON_STORAGE_DOMAIN", ERRCODE_VC_SPACE, SEVERITY_ERROR,
	 WHEN_COUNTED, "A target domain has less space left than its critical_space_action_blocker",
	 "Free space in the storage domain, or choose another one in parameter \"disks\".",
	 check_domain_thresholds},
	{4210, "ACTION_TYPE_FAILED_DISK_SPACE_LOW_ON_STORAGE_DOMAIN", ERRCODE_VC_SPACE, SEVERITY_ERROR,
	 WHEN_COUNTED, "A target domain has less space left than the clone and the jobs under way need",
	 "Free space in the storage domain, choose another one, or measure the exact need with "
	 "vmclone.measure_snapshot.",
	 check_domain_space},
	{4500, "ACTION_TYPE_FAILED_NAME_MAY_NOT_BE_EMPTY", ERRCODE_VC_NAME, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The name is empty", "Pass vm_name.", check_name_given},
	{4600, "ACTION_TYPE_FAILED_NAME_LENGTH_IS_TOO_LONG", ERRCODE_VC_NAME, SEVERITY_ERROR,
	 WHEN_ALWAYS, "A name is longer than option MaxVmNameLength (64) allows",
	 "Pass a shorter vm_name.", check_name_length},
	{4610, "ACTION_TYPE_FAILED_TEMPLATE_VERSION_NAME", ERRCODE_VC_TEMPLATE, SEVERITY_ERROR,
	 WHEN_ALWAYS,
	 "A version name is given without a base template or is longer than 40 characters, or a "
	 "version's name is not its base template's",
	 "Pass base_template_id with template_version_name, and the base template's own name.",
	 check_template_version_name},
	{4700, "ACTION_TYPE_FAILED_ILLEGAL_WATCHDOG_MODEL_IS_NOT_SUPPORTED_BY_OS", ERRCODE_VC_CLUSTER,
	 SEVERITY_ERROR, WHEN_ALWAYS,
	 "The model of the watchdog is none that the target cluster's architecture has",
	 "Pass a cluster_id of the source's architecture, or clone from a snapshot without the watchdog.",
	 check_watchdog_model},
	{4701, "ACTION_TYPE_FAILED_WATCHDOG_ACTION_IS_NOT_SUPPORTED", ERRCODE_VC_INPUT, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The action of the watchdog is none of none, reset, poweroff, dump and pause",
	 "Clone from a snapshot whose watchdog has a known action.", check_watchdog_action},
	{4702, "ACTION_TYPE_FAILED_VM_MANUAL_PINNING_POLICY_NOT_SELECTED", ERRCODE_VC_INPUT,
	 SEVERITY_ERROR, WHEN_ALWAYS, "cpu_pinning is set and cpu_pinning_policy is not 1, manual",
	 "Set \"cpu_pinning_policy\" to 1, or both to null and 0, in parameter \"vm_static\".",
	 check_pinning_policy, true},
	{4703, "VM_PINNING_FORMAT_INVALID", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "cpu_pinning does not have the form vCPU#CPUs joined by _, as in 0#1_1#2-4,^3", HINT_VM_STATIC,
	 check_pinning_format, true},
	{4704, "VM_PINNING_VCPU_DOES_NOT_EXIST", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "cpu_pinning names a processor that the VM doesn't have", HINT_VM_STATIC,
	 check_pinning_processors, true},
	{4705, "VM_PINNING_DUPLICATE_DEFINITION", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "cpu_pinning names a processor twice", HINT_VM_STATIC, check_pinning_duplicates, true},
	{4706, "VM_PINNING_PINNED_TO_NO_CPU", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "cpu_pinning leaves a processor no CPU of the host", HINT_VM_STATIC, check_pinning_targets,
	 true},
	{4707, "USE_HOST_CPU_REQUESTED_ON_UNSUPPORTED_ARCH", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "host_cpu_flags is set and the target cluster's architecture is POWER",
	 HINT_VM_STATIC, check_host_cpu, true},
	{4708, "ACTION_TYPE_FAILED_INSTANCE_TYPE_DOES_NOT_EXIST", ERRCODE_VC_INPUT, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The instance type in the given vm_static doesn't exist", HINT_VM_STATIC,
	 check_instance_type_exists, true},
	{4709, "ACTION_TYPE_FAILED_IMAGE_TYPE_DOES_NOT_EXIST", ERRCODE_VC_INPUT, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The image type in the given vm_static doesn't exist", HINT_VM_STATIC,
	 check_image_type_exists, true},
	{4710, "ACTION_TYPE_FAILED_MAX_NUM_CPU", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "Sockets × cores × threads are more than option MaxNumOfVmCpus, where it is set",
	 HINT_VM_STATIC, check_cpu_count, true},
	{4711, "ACTION_TYPE_FAILED_MAX_NUM_SOCKETS", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The number of sockets is not between 1 and option MaxNumOfVmSockets (16)", HINT_VM_STATIC,
	 check_sockets, true},
	{4712, "ACTION_TYPE_FAILED_MAX_CPU_PER_SOCKET", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The cores per socket are not between 1 and option MaxNumOfCpuPerSocket (254)", HINT_VM_STATIC,
	 check_cpu_per_socket, true},
	{4713, "ACTION_TYPE_FAILED_MAX_THREADS_PER_CPU", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The threads per core are not between 1 and option MaxNumOfThreadsPerCpu (8)", HINT_VM_STATIC,
	 check_threads_per_cpu, true},
	{4720, "QOS_CPU_SHARES_OUT_OF_RANGE", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "cpu_shares is neither 0 nor between 2 and 262144", HINT_VM_STATIC, check_cpu_shares, true},
	{4730, "ACTION_TYPE_FAILED_MIN_MEMORY_CANNOT_EXCEED_MEMORY_SIZE", ERRCODE_VC_INPUT,
	 SEVERITY_ERROR, WHEN_ALWAYS, "The guaranteed memory is more than the memory", HINT_VM_STATIC,
	 check_minimum_memory, true},
	{4800, "ACTION_TYPE_DISK_PROFILE_NOT_FOUND_FOR_STORAGE_DOMAIN", ERRCODE_VC_DISK, SEVERITY_ERROR,
	 WHEN_ALWAYS, "A target domain doesn't have the disk profile, or has none",
	 "Choose a profile of the target storage domain in parameter \"disks\".", check_disk_profiles},
	{4810, "USER_NOT_AUTHORIZED_TO_ATTACH_DISK_PROFILE", ERRCODE_VC_PERMISSION, SEVERITY_ERROR,
	 WHEN_USER, "The user may not use a disk profile of the clone", HINT_GRANT,
	 check_disk_profile_permission},
	{4820, "ACTION_TYPE_FAILED_CPU_PROFILE_NOT_FOUND", ERRCODE_VC_CLUSTER, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The target cluster doesn't have the CPU profile, or has none",
	 "Choose a cpu_profile_id of the target cluster in parameter \"vm_static\".",
	 check_cpu_profile},
	{4830, "ACTION_TYPE_NO_PERMISSION_TO_ASSIGN_CPU_PROFILE", ERRCODE_VC_PERMISSION, SEVERITY_ERROR,
	 WHEN_USER, "The user may not use the clone's CPU profile", HINT_GRANT,
	 check_cpu_profile_permission},
	{5000, "ICON_OF_PROVIDED_ID_DOES_NOT_EXIST", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "An icon in the given vm_static doesn't exist", HINT_VM_STATIC, check_icons_exist, true},
	{5010, "VM_NUMA_NODE_PREFERRED_NOT_PINNED_TO_SINGLE_NODE", ERRCODE_VC_INPUT, SEVERITY_ERROR,
	 WHEN_ALWAYS,
	 "A NUMA node has tune mode preferred and is not the only one, or not pinned to one node of a host",
	 HINT_NUMA, check_numa_preferred, true},
	{5011, "VM_NUMA_NODE_MORE_NODES_THAN_CPUS", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "There are more NUMA nodes than processors", HINT_NUMA, check_numa_count, true},
	{5012, "VM_NUMA_NODE_INDEX_DUPLICATE", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "Two NUMA nodes have the same index", HINT_NUMA, check_numa_index_duplicates, true},
	{5013, "VM_NUMA_NODE_NON_CONTINUOUS_INDEX", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The indexes of the NUMA nodes are not 0 and on without gaps", HINT_NUMA,
	 check_numa_index_continuity, true},
	{5014, "VM_NUMA_NODE_INVALID_CPU_ID", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "A NUMA node has a processor that the VM doesn't have", HINT_NUMA, check_numa_processors,
	 true},
	{5015, "VM_NUMA_NODE_DUPLICATE_CPU_IDS", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "A processor belongs to two NUMA nodes", HINT_NUMA, check_numa_processor_duplicates, true},
	{5016, "VM_NUMA_NODE_TOTAL_MEMORY_ERROR", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The NUMA nodes have more memory than the VM", HINT_NUMA, check_numa_memory, true},
	{5017, "VM_NUMA_NODE_NOT_MULTIPLE_OF_HUGEPAGE", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The memory of a NUMA node is no multiple of custom property hugepages", HINT_NUMA,
	 check_numa_huge_pages, true},
	{5030, "ACTION_TYPE_FAILED_MAX_MEMORY_CANNOT_BE_SMALLER_THAN_MEMORY_SIZE", ERRCODE_VC_INPUT,
	 SEVERITY_ERROR, WHEN_ALWAYS, "The maximum memory is less than the memory", HINT_VM_STATIC,
	 check_maximum_memory, true},
	{5040, "ACTION_TYPE_FAILED_VM_LEASES_ARE_NOT_SUPPORTED_WITH_HA_OFF", ERRCODE_VC_INPUT,
	 SEVERITY_ERROR, WHEN_ALWAYS, "A lease is asked for and auto_startup is not true",
	 "Set \"auto_startup\" to true in parameter \"vm_static\", or leave \"lease_sd_id\" out.",
	 check_lease_high_availability, true},
	{5041, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_NOT_EXIST", ERRCODE_VC_STORAGE_DOMAIN, SEVERITY_ERROR,
	 WHEN_ALWAYS, "The storage domain of the lease is not in the target data center",
	 "Choose a storage domain of the data center in \"lease_sd_id\", or leave it out.",
	 check_lease_domain_exists, true},
	{5042, "ACTION_TYPE_FAILED_STORAGE_DOMAIN_STATUS_ILLEGAL2", ERRCODE_VC_STORAGE_DOMAIN,
	 SEVERITY_ERROR, WHEN_ALWAYS, "The storage domain of the lease is not Active",
	 "Activate the storage domain, or choose another one in \"lease_sd_id\".",
	 check_lease_domain_active, true},
	{5043, "ACTION_TYPE_FAILED_ACTION_IS_SUPPORTED_ONLY_FOR_DATA_DOMAINS",
	 ERRCODE_VC_STORAGE_DOMAIN, SEVERITY_ERROR, WHEN_ALWAYS,
	 "The storage domain of the lease is no data domain",
	 "Choose a data domain in \"lease_sd_id\".", check_lease_domain_type, true},
	{5050, "CLUSTER_BIOS_TYPE_NOT_SET", ERRCODE_VC_CLUSTER, SEVERITY_ERROR, WHEN_ALWAYS,
	 "Neither the VM nor the target cluster has a BIOS type", HINT_VM_STATIC, check_bios_type,
	 true},
	{5060, "NON_DEFAULT_BIOS_TYPE_FOR_X86_ONLY", ERRCODE_VC_CLUSTER, SEVERITY_ERROR, WHEN_ALWAYS,
	 "bios_type is above 1 and the target cluster's architecture is not x86", HINT_VM_STATIC,
	 check_bios_platform, true},
	{5090, "ACTION_TYPE_FAILED_REFERENCED_ROW_NOT_EXIST", ERRCODE_VC_INPUT, SEVERITY_ERROR,
	 WHEN_ALWAYS, "A value in the given vm_static breaks a foreign key of the table",
	 HINT_VM_STATIC, check_foreign_keys},
	{5091, "ACTION_TYPE_FAILED_CONSTRAINT_VIOLATED", ERRCODE_VC_INPUT, SEVERITY_ERROR, WHEN_ALWAYS,
	 "Values in the given vm_static break a CHECK or NOT NULL constraint of the table",
	 HINT_VM_STATIC, check_constraints},
	{5100, "ACTION_TYPE_FAILED_DISK_CONFIGURATION_NOT_SUPPORTED", ERRCODE_VC_DISK, SEVERITY_ERROR,
	 WHEN_ALWAYS,
	 "Format and type of a new disk don't go together: COW preallocated without incremental "
	 "backup, RAW with it, or unassigned ones",
	 "Choose volume_format and volume_type for the disk in parameter \"disks\".",
	 check_disk_configuration},
	{5110, "ACTION_TYPE_WARNING_RAW_SPARSE_ON_BLOCK", ERRCODE_VC_DISK, SEVERITY_WARNING,
	 WHEN_ALWAYS, "The caller chose RAW and Sparse for a block domain; the disk becomes COW",
	 "Choose \"COW\", or \"RAW\" with \"Preallocated\".", warn_raw_became_cow},
	{5120, "ACTION_TYPE_FAILED_DISK_NOT_EXIST", ERRCODE_VC_DISK, SEVERITY_ERROR, WHEN_ALWAYS,
	 "A shareable or LUN disk that is to be attached is gone",
	 "Leave \"attach\" of the disk out in parameter \"disks\".", check_attached_disks},
	{5200, "CANNOT_DISABLE_VIRTIO_SCSI_PLUGGED_DISKS", ERRCODE_VC_DISK, SEVERITY_ERROR, WHEN_ALWAYS,
	 "virtio_scsi is false and a disk of the clone has interface VirtIO_SCSI",
	 "Leave virtio_scsi out, or give those disks another disk_interface.",
	 check_virtio_scsi_needed},
	/* (Q) quota */
	{6100, "ACTION_TYPE_FAILED_QUOTA_IS_NO_LONGER_AVAILABLE_IN_SYSTEM", ERRCODE_VC_QUOTA,
	 SEVERITY_ERROR, WHEN_COUNTED,
	 "Quota enforcement is hard and a disk's quota doesn't exist, or there is none", HINT_QUOTA,
	 check_disk_quotas_exist},
	{6200, "ACTION_TYPE_FAILED_NO_QUOTA_SET_FOR_DOMAIN", ERRCODE_VC_QUOTA, SEVERITY_ERROR,
	 WHEN_COUNTED, "Quota enforcement is hard and a disk's quota has limits for other domains only",
	 HINT_QUOTA, check_quota_covers_domain},
	{6300, "ACTION_TYPE_FAILED_QUOTA_IS_NOT_VALID", ERRCODE_VC_QUOTA, SEVERITY_ERROR, WHEN_COUNTED,
	 "Quota enforcement is hard and a disk's quota belongs to another data center, or has no "
	 "limits",
	 HINT_QUOTA, check_disk_quotas_pool},
	{6400, "ACTION_TYPE_FAILED_QUOTA_STORAGE_LIMIT_EXCEEDED", ERRCODE_VC_QUOTA, SEVERITY_ERROR,
	 WHEN_COUNTED, "Quota enforcement is hard and the clone takes a quota above limit and grace",
	 HINT_QUOTA, check_quota_storage},
};

void
refuse(CheckRun *run, char *detail, const char *message, ...)
{
	Refusal *refusal = palloc0(sizeof(Refusal));
	StringInfoData text;

	initStringInfo(&text);
	for (;;)
	{
		va_list arguments;
		int needed;

		va_start(arguments, message);
		needed = appendStringInfoVA(&text, message, arguments);
		va_end(arguments);
		if (needed == 0)
			break;
		enlargeStringInfo(&text, needed);
	}
	refusal->step = run->check->step;
	refusal->key = run->check->key;
	refusal->sqlstate = run->check->sqlstate;
	refusal->severity = run->check->severity;
	refusal->message = text.data;
	refusal->detail = detail;
	refusal->hint = run->check->hint ? pstrdup(run->check->hint) : NULL;
	run->refusals = lappend(run->refusals, refusal);
}

void
append_item(StringInfo list, const char *item)
{
	appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", item);
}

const char *
disk_label(const PlannedDisk *disk)
{
	if (disk->source_alias && disk->source_alias[0])
		return disk->source_alias;
	return uuid_text(&disk->disk_id);
}

int64
planned_integer(const CheckRun *run, const char *column, int64 absent)
{
	return json_get_int64(run->vm_static, column, absent);
}

char *
planned_text(const CheckRun *run, const char *column)
{
	return json_get_text(run->vm_static, column);
}

Jsonb **
configuration_objects(const ClonePlan *plan, const char *key, int *count)
{
	return plan_objects(plan->configuration, key, count);
}

bool
has_device(const ClonePlan *plan, const char *type, const char *device)
{
	int count;
	Jsonb **objects = configuration_objects(plan, "devices", &count);

	for (int i = 0; i < count; i++)
	{
		char *its_type = json_get_text(objects[i], "type");
		char *its_device = json_get_text(objects[i], "device");

		if (its_type && strcmp(its_type, type) == 0 &&
			(device == NULL || (its_device && strcmp(its_device, device) == 0)))
			return true;
	}
	return false;
}

bool
disk_is_made(const PlannedDisk *disk)
{
	return disk->fate == DISK_COPY || disk->fate == DISK_BLANK;
}

/* A copy's refusal in the words of an earlier one's says nothing new. */
static bool
already_said(List *said, const Refusal *refusal)
{
	ListCell *cell;

	foreach (cell, said)
	{
		const Refusal *earlier = lfirst(cell);

		if (strcmp(earlier->message, refusal->message) == 0 &&
			strcmp(earlier->detail ? earlier->detail : "",
				   refusal->detail ? refusal->detail : "") == 0)
			return true;
	}
	return false;
}

/* What the check says of run->vm_static, less what it has said of other copies. */
static void
run_for_copy(CheckRun *run, int copy, List **said)
{
	int before = list_length(run->refusals);
	List *refusals;
	ListCell *cell;

	run->check->function(run);
	refusals = list_copy_tail(run->refusals, before);
	run->refusals = list_truncate(run->refusals, before);
	foreach (cell, refusals)
	{
		Refusal *refusal = lfirst(cell);
		Refusal *raw;

		if (already_said(*said, refusal))
			continue;
		raw = palloc(sizeof(Refusal));
		*raw = *refusal;
		*said = lappend(*said, raw);
		if (copy > 0)
			refusal->detail =
				psprintf("%s%sCopy %d, \"%s\".", refusal->detail ? refusal->detail : "",
						 refusal->detail ? "  " : "", copy, run->plan->vm_names[copy - 1]);
		run->refusals = lappend(run->refusals, refusal);
	}
}

/* The vm_static of each copy that has values of its own; NULL for the others. */
static Jsonb **
vm_static_of_copies(const ClonePlan *plan)
{
	Jsonb **result = palloc(sizeof(Jsonb *) * plan->request->copies);

	for (int i = 0; i < plan->request->copies; i++)
	{
		Jsonb *own = json_get(plan_overrides_of_copy(plan->request, i), "vm_static");

		result[i] = own ? plan_concatenate(plan->vm_static, own) : NULL;
	}
	return result;
}

/* Copies with values of their own are looked at one by one, the others once. */
static void
run_for_copies(CheckRun *run)
{
	const ClonePlan *plan = run->plan;
	bool others_done = false;
	List *said = NIL;

	for (int i = 0; i < plan->request->copies; i++)
	{
		Jsonb *own = run->copy_vm_static[i];

		if (own == NULL && others_done)
			continue;
		others_done = others_done || own == NULL;
		run->vm_static = own ? own : plan->vm_static;
		run_for_copy(run, own ? i + 1 : 0, &said);
	}
	run->vm_static = plan->vm_static;
}

static List *
run_phases(const ClonePlan *plan, int phases, bool *refused)
{
	CheckRun run = {.plan = plan, .phases = phases, .vm_static = plan->vm_static};
	ListCell *cell;

	if (plan->request->copy_overrides)
		run.copy_vm_static = vm_static_of_copies(plan);

	for (int i = 0; i < lengthof(checks); i++)
	{
		if (!(checks[i].phases & phases) || (checks[i].phases == CHECK_USER && !plan->has_user))
			continue;
		run.check = &checks[i];
		if (checks[i].of_values && run.copy_vm_static)
			run_for_copies(&run);
		else
			checks[i].function(&run);
	}
	*refused = false;
	foreach (cell, run.refusals)
		if (((Refusal *) lfirst(cell))->severity == SEVERITY_ERROR)
			*refused = true;
	return run.refusals;
}

List *
checks_run(const ClonePlan *plan, int phases)
{
	bool refused;
	List *refusals = run_phases(plan, phases, &refused);

	/* not after the locks: what this call has LOCKED itself would look like an obstacle */
	if (refused && (phases & CHECK_ALWAYS))
		refusals = run_phases(plan, CHECK_ALL, &refused);
	return refusals;
}

int
checks_count(void)
{
	return lengthof(checks);
}

const Check *
checks_get(int index)
{
	Assert(index >= 0 && index < lengthof(checks));
	return &checks[index];
}
