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
