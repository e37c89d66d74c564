-- The engine's defaults and types, where clones and engines write.
ALTER TABLE vmclone.audit_log ALTER user_name SET DEFAULT '', ALTER vm_name SET DEFAULT '', ALTER vm_template_name SET DEFAULT '',
    ALTER vds_name SET DEFAULT '', ALTER storage_pool_name SET DEFAULT '', ALTER storage_domain_name SET DEFAULT '',
    ALTER cluster_name SET DEFAULT '', ALTER quota_name SET DEFAULT '', ALTER gluster_volume_name SET DEFAULT '',
    ALTER custom_id TYPE varchar(255);
ALTER TABLE vmclone.affinity_groups ALTER priority SET DEFAULT 10000000;
ALTER TABLE vmclone.base_disks ALTER disk_description SET DEFAULT '';
ALTER TABLE vmclone.cluster ALTER description SET DEFAULT '', ALTER free_text_comment SET DEFAULT '', ALTER cpu_name SET DEFAULT '',
    ALTER cpu_flags TYPE text, ALTER cpu_verb TYPE text, ALTER emulated_machine SET DEFAULT '', ALTER fips_mode TYPE smallint;
ALTER TABLE vmclone.disk_image_dynamic ALTER read_ops SET DEFAULT 0, ALTER write_ops SET DEFAULT 0,
    ALTER read_rate TYPE bigint, ALTER write_rate TYPE bigint;
ALTER TABLE vmclone.images ALTER sequence_number SET DEFAULT 0, DROP CONSTRAINT images_sound;
ALTER TABLE vmclone.images ADD CONSTRAINT images_sound CHECK (parentid <> image_guid AND size >= 0);
ALTER TABLE vmclone.network ALTER name SET DEFAULT '', ALTER description SET DEFAULT '', ALTER free_text_comment SET DEFAULT '';
ALTER TABLE vmclone.quota ALTER description SET DEFAULT '';
ALTER TABLE vmclone.storage_domain_static ALTER storage_comment SET DEFAULT '', ALTER storage_description SET DEFAULT '';
ALTER TABLE vmclone.storage_pool ALTER free_text_comment SET DEFAULT '';
ALTER TABLE vmclone.users ALTER department SET DEFAULT '', ALTER name SET DEFAULT '', ALTER surname SET DEFAULT '';
ALTER TABLE vmclone.vm_device ALTER is_plugged SET DEFAULT false;
ALTER TABLE vmclone.vm_static ALTER description SET DEFAULT '', ALTER free_text_comment SET DEFAULT '',
    ALTER console_disconnect_action_delay TYPE integer, ALTER is_template_sealed SET DEFAULT false,
    ALTER resume_behavior SET DEFAULT 'AUTO_RESUME';
ALTER TABLE vmclone.vm_statistics ALTER usage_network_percent TYPE smallint;
UPDATE vmclone.numa_node SET numa_tune_mode = pg_catalog.lower(numa_tune_mode);
-- The engine's NOT NULLs: what was NULL is the default.
UPDATE vmclone.audit_log SET user_name = COALESCE(user_name, ''), vm_name = COALESCE(vm_name, ''), vm_template_name =
    COALESCE(vm_template_name, ''), vds_name = COALESCE(vds_name, ''), storage_pool_name = COALESCE(storage_pool_name, ''),
    storage_domain_name = COALESCE(storage_domain_name, ''), cluster_name = COALESCE(cluster_name, ''), quota_name =
    COALESCE(quota_name, ''), gluster_volume_name = COALESCE(gluster_volume_name, '')
    WHERE user_name IS NULL OR vm_name IS NULL OR vm_template_name IS NULL OR vds_name IS NULL OR storage_pool_name IS NULL OR
        storage_domain_name IS NULL OR cluster_name IS NULL OR quota_name IS NULL OR gluster_volume_name IS NULL;
ALTER TABLE vmclone.audit_log ALTER user_name SET NOT NULL, ALTER vm_name SET NOT NULL, ALTER vm_template_name SET NOT NULL, ALTER
    vds_name SET NOT NULL, ALTER storage_pool_name SET NOT NULL, ALTER storage_domain_name SET NOT NULL, ALTER cluster_name SET NOT
    NULL, ALTER quota_name SET NOT NULL, ALTER gluster_volume_name SET NOT NULL;
UPDATE vmclone.base_disks SET disk_description = '' WHERE disk_description IS NULL;
ALTER TABLE vmclone.base_disks ALTER disk_description SET NOT NULL;
UPDATE vmclone.cluster SET description = COALESCE(description, ''), free_text_comment = COALESCE(free_text_comment, '')
    WHERE description IS NULL OR free_text_comment IS NULL;
ALTER TABLE vmclone.cluster ALTER description SET NOT NULL, ALTER free_text_comment SET NOT NULL;
UPDATE vmclone.network SET description = COALESCE(description, ''), free_text_comment = COALESCE(free_text_comment, '')
    WHERE description IS NULL OR free_text_comment IS NULL;
ALTER TABLE vmclone.network ALTER description SET NOT NULL, ALTER free_text_comment SET NOT NULL;
UPDATE vmclone.quota SET description = '' WHERE description IS NULL;
ALTER TABLE vmclone.quota ALTER description SET NOT NULL;
UPDATE vmclone.storage_domain_static SET storage_comment = COALESCE(storage_comment, ''), storage_description =
    COALESCE(storage_description, '')
    WHERE storage_comment IS NULL OR storage_description IS NULL;
ALTER TABLE vmclone.storage_domain_static ALTER storage_comment SET NOT NULL, ALTER storage_description SET NOT NULL;
UPDATE vmclone.storage_pool SET free_text_comment = '' WHERE free_text_comment IS NULL;
ALTER TABLE vmclone.storage_pool ALTER free_text_comment SET NOT NULL;
UPDATE vmclone.users SET department = COALESCE(department, ''), name = COALESCE(name, ''), surname = COALESCE(surname, '')
    WHERE department IS NULL OR name IS NULL OR surname IS NULL;
ALTER TABLE vmclone.users ALTER department SET NOT NULL, ALTER name SET NOT NULL, ALTER surname SET NOT NULL;
UPDATE vmclone.vm_device SET is_plugged = false WHERE is_plugged IS NULL;
ALTER TABLE vmclone.vm_device ALTER is_plugged SET NOT NULL;
UPDATE vmclone.vm_dynamic SET volatile_run = false WHERE volatile_run IS NULL;
ALTER TABLE vmclone.vm_dynamic ALTER volatile_run SET NOT NULL;
UPDATE vmclone.vm_static SET description = COALESCE(description, ''), free_text_comment = COALESCE(free_text_comment, ''),
    is_template_sealed = COALESCE(is_template_sealed, false)
    WHERE description IS NULL OR free_text_comment IS NULL OR is_template_sealed IS NULL;
ALTER TABLE vmclone.vm_static ALTER description SET NOT NULL, ALTER free_text_comment SET NOT NULL, ALTER is_template_sealed SET NOT NULL;
-- What an engine's tables take, these take.
ALTER TABLE vmclone.affinity_groups ALTER vm_positive DROP NOT NULL;
ALTER TABLE vmclone.base_disks ALTER backup DROP NOT NULL;
ALTER TABLE vmclone.cluster ALTER vnc_encryption_enabled DROP NOT NULL;
ALTER TABLE vmclone.disk_lun_map ALTER lun_id TYPE varchar;
ALTER TABLE vmclone.quota ALTER is_default DROP NOT NULL;
ALTER TABLE vmclone.storage_domain_static ALTER block_size DROP NOT NULL;
ALTER TABLE vmclone.vm_dynamic ALTER downtime DROP NOT NULL, ALTER cpu_name TYPE varchar(4000);
ALTER TABLE vmclone.vm_icons ALTER data_url TYPE varchar;
ALTER TABLE vmclone.vm_interface ALTER synced DROP NOT NULL;
ALTER TABLE vmclone.vm_interface_statistics ALTER rx_rate TYPE numeric(24,4), ALTER tx_rate TYPE numeric(24,4),
    ALTER rx_drop TYPE numeric(20,0), ALTER tx_drop TYPE numeric(20,0);
ALTER TABLE vmclone.vm_static ALTER use_tsc_frequency DROP NOT NULL;
-- The roles that come with the software allow what they allow in oVirt 4.5.
DELETE FROM vmclone.roles_groups g USING (VALUES
    ('00000000-0000-0000-0000-000000000001', '{4,130,131}'),
    ('00000000-0000-0000-0001-000000000001', '{4}'),
    ('def00006-0000-0000-0000-def000000006', '{4}'),
    ('def00009-0000-0000-0000-def000000009', '{1300}'),
    ('def00020-0000-0000-0000-abc000000010', '{1300}'),
    ('def00017-0000-0000-0000-def000000017', '{1300}')) AS v (role_id, groups)
WHERE g.role_id = v.role_id::uuid AND g.action_group_id = ANY (v.groups::integer[]);
INSERT INTO vmclone.roles_groups (role_id, action_group_id)
SELECT role_id::uuid, pg_catalog.unnest(groups::integer[]) FROM (VALUES
    ('00000000-0000-0000-0000-000000000001',
        '{17,18,19,21,22,23,1107,1108,1109,1110,1400,1560,1561,1562,1660,1661,1662,1663,1664,1665,1666,1667}'),
    ('00000000-0000-0000-0001-000000000001', '{17,18,19,21,22,23}'),
    ('00000000-0000-0000-0001-000000000002', '{1563,1665,1666,1667,1668}'),
    ('def00006-0000-0000-0000-def000000006', '{17,18,19,21,22,23,1108,1109,1110,1664,1668}'),
    ('def0000a-0000-0000-0000-def00000000b', '{1108,1109,1110}'),
    ('def0000a-0000-0000-0000-def00000000d', '{1668}'),
    ('def00009-0000-0000-0000-def000000009', '{1668}')) AS v (role_id, groups)
ON CONFLICT DO NOTHING;
