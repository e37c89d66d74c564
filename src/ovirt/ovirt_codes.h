/*
 * ovirt_codes.h
 *		Numbers and ids that oVirt's tables hold, each once; docs/design/engine-database.md has their sources.
 *
 * SQL_… is a number in the text of a statement: "imagestatus = " SQL_IMAGE_STATUS_LOCKED.
 */
#ifndef VMCLONE_OVIRT_CODES_H
#define VMCLONE_OVIRT_CODES_H

/* Ids that every engine's database has: the object System, and the group Everyone */
#define OVIRT_SYSTEM_ID   "'aaa00000-0000-0000-0000-123456789aaa'"
#define OVIRT_EVERYONE_ID "'eee00000-0000-0000-0000-123456789eee'"

/* cluster.architecture; 1 is x86_64 */
#define ARCHITECTURE_UNDEFINED 0
#define ARCHITECTURE_PPC64     2
#define ARCHITECTURE_PPC       3
#define ARCHITECTURE_PPC64LE   5
#define ARCHITECTURE_PPCLE     6
#define ARCHITECTURE_S390X     7
#define ARCHITECTURE_S390      8

/* vm_static.bios_type, cluster.bios_type; from 2 on the chipset is Q35 */
#define BIOS_CLUSTER_DEFAULT 0
#define BIOS_I440FX          1
#define BIOS_Q35_SEA         2
#define BIOS_Q35_OVMF        3
#define BIOS_Q35_SECURE_BOOT 4

/* vm_static.default_display_type; 3 was "none" in documents before 4.4 */
#define DISPLAY_QXL   1
#define DISPLAY_BOCHS 3
#define DISPLAY_NONE  4

/* vm_static.vm_type, usb_policy, cpu_pinning_policy, origin, template_status */
#define VM_TYPE_HIGH_PERFORMANCE 2
#define USB_POLICY_NATIVE        2
#define PINNING_POLICY_MANUAL    1
#define ORIGIN_OVIRT             3
#define TEMPLATE_STATUS_OK       0
#define TEMPLATE_STATUS_LOCKED   1

/* vm_dynamic.status; of all others qemu has the disks open */
#define VM_STATUS_DOWN          0
#define VM_STATUS_SUSPENDED     13
#define VM_STATUS_IMAGE_ILLEGAL 14
#define VM_STATUS_IMAGE_LOCKED  15

/* vm_dynamic.session, boot_sequence */
#define SESSION_STATE_UNKNOWN 0
#define BOOT_SEQUENCE_C       0

/* images.imagestatus */
#define IMAGE_STATUS_OK      1
#define IMAGE_STATUS_LOCKED  2
#define IMAGE_STATUS_ILLEGAL 4

/* images.volume_classification, qcow_compat */
#define VOLUME_CLASSIFICATION_VOLUME 0
#define QCOW_COMPAT_V2               1
#define QCOW_COMPAT_V3               2

/* base_disks.disk_storage_type */
#define DISK_STORAGE_TYPE_IMAGE         0
#define DISK_STORAGE_TYPE_LUN           1
#define DISK_STORAGE_TYPE_MANAGED_BLOCK 3

/* base_disks.disk_content_type, as far as snapshots don't have such disks; 0 is data */
#define DISK_CONTENT_TYPE_OVF_STORE       1
#define DISK_CONTENT_TYPE_MEMORY_DUMP     2
#define DISK_CONTENT_TYPE_MEMORY_METADATA 3
#define DISK_CONTENT_TYPE_BACKUP_SCRATCH  9

/* storage_domain_static.storage_type, storage_domain_type */
#define STORAGE_TYPE_FCP           2
#define STORAGE_TYPE_ISCSI         3
#define STORAGE_TYPE_MANAGED_BLOCK 10
#define STORAGE_DOMAIN_TYPE_MASTER 0
#define STORAGE_DOMAIN_TYPE_DATA   1

/* storage_pool_iso_map.status, storage_pool.status */
#define STORAGE_DOMAIN_STATUS_ACTIVE 3
#define POOL_STATUS_UP               1

/* storage_pool.quota_enforcement_type */
#define QUOTA_DISABLED 0
#define QUOTA_SOFT     1
#define QUOTA_HARD     2

/* vm_interface.type */
#define INTERFACE_TYPE_RTL8139_PV      0
#define INTERFACE_TYPE_PV              3
#define INTERFACE_TYPE_PCI_PASSTHROUGH 5

/* permissions.object_type_id */
#define OBJECT_TYPE_VM       2
#define OBJECT_TYPE_TEMPLATE 4
#define OBJECT_TYPE_DISK     19

/* roles_groups.action_group_id: what a role allows */
#define ACTION_CREATE_VM                   1
#define ACTION_CONFIGURE_VM_NETWORK        9
#define ACTION_CHANGE_VM_CUSTOM_PROPERTIES 14
#define ACTION_EDIT_ADMIN_VM_PROPERTIES    15
#define ACTION_CREATE_TEMPLATE             200
#define ACTION_MANIPULATE_PERMISSIONS      502
#define ACTION_CONSUME_QUOTA               901
#define ACTION_CREATE_DISK                 1100
#define ACTION_ATTACH_DISK                 1101
#define ACTION_ATTACH_DISK_PROFILE         1563
#define ACTION_ASSIGN_CPU_PROFILE          1668

/* audit_log.severity */
#define AUDIT_SEVERITY_NORMAL  0
#define AUDIT_SEVERITY_WARNING 1
#define AUDIT_SEVERITY_ERROR   2
#define AUDIT_SEVERITY_ALERT   10

/*
 * In statements, for which CppAsString2 is PostgreSQL's.  The sets are for IN: what has block devices, where disks can
 * be, and disks that no snapshot has.
 */
#define SQL_ACTION_ATTACH_DISK_PROFILE    CppAsString2(ACTION_ATTACH_DISK_PROFILE)
#define SQL_ACTION_CONFIGURE_VM_NETWORK   CppAsString2(ACTION_CONFIGURE_VM_NETWORK)
#define SQL_ACTION_MANIPULATE_PERMISSIONS CppAsString2(ACTION_MANIPULATE_PERMISSIONS)
#define SQL_DISK_STORAGE_TYPE_IMAGE       CppAsString2(DISK_STORAGE_TYPE_IMAGE)
#define SQL_DISK_STORAGE_TYPE_LUN         CppAsString2(DISK_STORAGE_TYPE_LUN)
#define SQL_IMAGE_STATUS_LOCKED           CppAsString2(IMAGE_STATUS_LOCKED)
#define SQL_IMAGE_STATUS_OK               CppAsString2(IMAGE_STATUS_OK)
#define SQL_STORAGE_DOMAIN_STATUS_ACTIVE  CppAsString2(STORAGE_DOMAIN_STATUS_ACTIVE)
#define SQL_TEMPLATE_STATUS_LOCKED        CppAsString2(TEMPLATE_STATUS_LOCKED)
#define SQL_TEMPLATE_STATUS_OK            CppAsString2(TEMPLATE_STATUS_OK)
#define SQL_VM_STATUS_DOWN                CppAsString2(VM_STATUS_DOWN)
#define SQL_VM_STATUS_IMAGE_LOCKED        CppAsString2(VM_STATUS_IMAGE_LOCKED)
#define VM_STATUSES_WITHOUT_QEMU                                                                   \
	VM_STATUS_DOWN, VM_STATUS_SUSPENDED, VM_STATUS_IMAGE_ILLEGAL, VM_STATUS_IMAGE_LOCKED
#define SQL_NUMBERS_AS_THEY_ARE(...) "(" #__VA_ARGS__ ")"
#define SQL_NUMBERS(...)             SQL_NUMBERS_AS_THEY_ARE(__VA_ARGS__)
#define SQL_VM_STATUSES_WITHOUT_QEMU SQL_NUMBERS(VM_STATUSES_WITHOUT_QEMU)
/* For CASE: the engine's words for images.volume_format and volume_type, and for base_disks.disk_storage_type. */
#define SQL_DISK_STORAGE_TYPE_WORDS                                                                \
	"WHEN 0 THEN 'IMAGE' WHEN 1 THEN 'LUN' WHEN 2 THEN 'CINDER' WHEN 3 THEN 'MANAGED_BLOCK_STORAGE' WHEN 4 THEN 'KUBERNETES'"
#define SQL_VOLUME_FORMAT_WORDS "WHEN 4 THEN 'COW' WHEN 5 THEN 'RAW'"
#define SQL_VOLUME_TYPE_WORDS   "WHEN 1 THEN 'Preallocated' WHEN 2 THEN 'Sparse'"

/* A user, the groups that the engine knows of it while it is logged in, and everyone: who may have its roles. */
#define SQL_USER_AND_GROUPS(user)                                                                  \
	"(SELECT " user " UNION ALL SELECT " OVIRT_EVERYONE_ID                                         \
	" UNION ALL SELECT g.id::uuid FROM engine_sessions e"                                          \
	" CROSS JOIN regexp_split_to_table(e.group_ids, '\\s*,\\s*') AS g (id)"                        \
	" WHERE e.user_id = " user " AND g.id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')"
/* A disk of base_disks b that has no snapshots: a clone leaves it, or gets the same one attached. */
#define SQL_DISK_IS_KEPT "(b.shareable OR b.disk_storage_type = " SQL_DISK_STORAGE_TYPE_LUN ")"
#define SQL_BLOCK_STORAGE_TYPES                                                                    \
	"(" CppAsString2(STORAGE_TYPE_FCP) ", " CppAsString2(STORAGE_TYPE_ISCSI) ")"
#define SQL_DATA_DOMAIN_TYPES                                                                      \
	"(" CppAsString2(STORAGE_DOMAIN_TYPE_MASTER) ", " CppAsString2(STORAGE_DOMAIN_TYPE_DATA) ")"
#define SQL_SPECIAL_CONTENT_TYPES                                                                                     \
	"(" CppAsString2(DISK_CONTENT_TYPE_OVF_STORE) ", " CppAsString2(DISK_CONTENT_TYPE_MEMORY_DUMP) ", " CppAsString2( \
		DISK_CONTENT_TYPE_MEMORY_METADATA) ", " CppAsString2(DISK_CONTENT_TYPE_BACKUP_SCRATCH) ")"

#endif
