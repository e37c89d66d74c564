-- Inventory: VMs, templates and instance types, and what belongs to one VM only.

CREATE TABLE vm_icons (
    id uuid CONSTRAINT vm_icons_pkey PRIMARY KEY,
    data_url varchar NOT NULL
);
CREATE UNIQUE INDEX unique_vm_icon_data_url ON vm_icons (md5(data_url));

COMMENT ON TABLE vm_icons IS 'Pictures of VMs, as data: URLs, each kept once';

CREATE TABLE vm_static (
    vm_guid uuid CONSTRAINT pk_vm_static PRIMARY KEY,
    vm_name varchar(255) NOT NULL,
    mem_size_mb integer NOT NULL,
    max_memory_size_mb integer NOT NULL,
    vmt_guid uuid NOT NULL,
    os integer NOT NULL DEFAULT 0,
    description varchar(4000) NOT NULL DEFAULT '',
    cluster_id uuid CONSTRAINT cluster_vm_static REFERENCES cluster (cluster_id),
    creation_date timestamptz,
    num_of_monitors integer NOT NULL DEFAULT 1,
    is_initialized boolean,
    num_of_sockets integer NOT NULL DEFAULT 1,
    cpu_per_socket integer NOT NULL DEFAULT 1,
    threads_per_cpu integer NOT NULL DEFAULT 1,
    usb_policy integer,
    time_zone varchar(40),
    is_stateless boolean,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    auto_startup boolean,
    vm_type integer NOT NULL DEFAULT 0,
    nice_level integer NOT NULL DEFAULT 0,
    default_boot_sequence integer NOT NULL DEFAULT 0,
    default_display_type integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    iso_path varchar(4000) DEFAULT '',
    origin integer DEFAULT 0,
    initrd_url varchar(4000),
    kernel_url varchar(4000),
    kernel_params varchar(4000),
    migration_support integer NOT NULL DEFAULT 0,
    userdefined_properties varchar(4000),
    predefined_properties varchar(4000),
    min_allocated_mem integer NOT NULL DEFAULT 0,
    entity_type varchar(32) NOT NULL,
    child_count integer DEFAULT 0,
    template_status integer,
    quota_id uuid CONSTRAINT vm_static_quota_id_fkey REFERENCES quota (id) ON DELETE SET NULL,
    allow_console_reconnect boolean NOT NULL DEFAULT false,
    cpu_pinning text,
    cpu_pinning_policy smallint NOT NULL DEFAULT 0,
    is_smartcard_enabled boolean DEFAULT false,
    host_cpu_flags boolean DEFAULT false,
    db_generation bigint DEFAULT 1,
    is_delete_protected boolean DEFAULT false,
    is_disabled boolean DEFAULT false,
    is_run_and_pause boolean NOT NULL DEFAULT false,
    created_by_user_id uuid,
    tunnel_migration boolean,
    free_text_comment text NOT NULL DEFAULT '',
    cpu_shares integer NOT NULL DEFAULT 0,
    vnc_keyboard_layout varchar(16),
    instance_type_id uuid,
    image_type_id uuid,
    sso_method varchar(32) NOT NULL DEFAULT 'guest_agent',
    original_template_id uuid,
    original_template_name varchar(255),
    migration_downtime integer,
    template_version_number integer,
    template_version_name varchar(40),
    serial_number_policy smallint,
    custom_serial_number varchar(255),
    is_boot_menu_enabled boolean NOT NULL DEFAULT false,
    is_spice_file_transfer_enabled boolean NOT NULL DEFAULT true,
    is_spice_copy_paste_enabled boolean NOT NULL DEFAULT true,
    cpu_profile_id uuid CONSTRAINT fk_vm_static_cpu_profile_id REFERENCES cpu_profiles (id),
    is_auto_converge boolean,
    is_migrate_compressed boolean,
    is_migrate_encrypted boolean,
    custom_emulated_machine varchar(40),
    custom_cpu_name varchar(255),
    small_icon_id uuid CONSTRAINT fk_vm_static_small_icon_id_vm_icons_id REFERENCES vm_icons (id) ON DELETE RESTRICT,
    large_icon_id uuid CONSTRAINT fk_vm_static_large_icon_id_vm_icons_id REFERENCES vm_icons (id) ON DELETE RESTRICT,
    provider_id uuid,
    num_of_io_threads integer NOT NULL DEFAULT 0,
    console_disconnect_action varchar(64),
    console_disconnect_action_delay integer,
    resume_behavior varchar(64) DEFAULT 'AUTO_RESUME',
    custom_compatibility_version varchar(40),
    migration_policy_id uuid,
    lease_sd_id uuid CONSTRAINT fk_vm_static_lease_sd_id_storage_domain_static_id REFERENCES storage_domain_static (id),
    multi_queues_enabled boolean NOT NULL DEFAULT true,
    virtio_scsi_multi_queues integer NOT NULL DEFAULT 0,
    use_tsc_frequency boolean DEFAULT false,
    namespace varchar(253),
    balloon_enabled boolean NOT NULL DEFAULT false,
    bios_type integer,
    is_template_sealed boolean NOT NULL DEFAULT false,
    parallel_migrations smallint,
    CONSTRAINT vm_static_kind CHECK (entity_type = ANY ('{VM,TEMPLATE,INSTANCE_TYPE,IMAGE_TYPE}')
        AND template_status = ANY ('{0,1,2}') AND child_count >= 0),
    CONSTRAINT vm_static_max_memory_size_lower_bound CHECK (max_memory_size_mb >= mem_size_mb),
    CONSTRAINT vm_static_memory_not_negative CHECK (mem_size_mb >= 0 AND min_allocated_mem >= 0),
    CONSTRAINT vm_static_cpu_counts CHECK (num_of_sockets >= 1 AND cpu_per_socket >= 1 AND threads_per_cpu >= 1),
    CONSTRAINT vm_static_bios_type_check CHECK ((cluster_id IS NULL) = (bios_type IS NULL)),
    CONSTRAINT vm_static_bios_type_code CHECK (bios_type BETWEEN 0 AND 4),
    CONSTRAINT vm_static_cpu_profile_with_cluster CHECK (cluster_id IS NULL OR cpu_profile_id IS NOT NULL),
    CONSTRAINT vm_static_cpu_pinning_set_for_manual_pinning_policy_only CHECK ((cpu_pinning_policy = 1 /* MANUAL */) = (cpu_pinning IS NOT NULL)),
    CONSTRAINT vm_static_migration_support_code CHECK (migration_support = ANY ('{0,1,2}'))
);
CREATE INDEX idx_vm_static_vm_name ON vm_static (vm_name, cluster_id);
CREATE INDEX idx_vm_static_vmt_guid ON vm_static (vmt_guid);
CREATE INDEX idx_vm_static_cluster_id ON vm_static (cluster_id);
CREATE INDEX idx_vm_static_quota_id ON vm_static (quota_id);
CREATE INDEX idx_vm_static_cpu_profile_id ON vm_static (cpu_profile_id);
CREATE INDEX idx_vm_static_lease_sd_id ON vm_static (lease_sd_id) WHERE lease_sd_id IS NOT NULL;
CREATE INDEX idx_vm_static_small_icon_id ON vm_static (small_icon_id) WHERE small_icon_id IS NOT NULL;
CREATE INDEX idx_vm_static_large_icon_id ON vm_static (large_icon_id) WHERE large_icon_id IS NOT NULL;

COMMENT ON TABLE vm_static IS 'A VM, template or instance type as configured.  The template Blank (the zero uuid) is always there';
COMMENT ON COLUMN vm_static.vmt_guid IS 'The template the VM depends on; the zero uuid = Blank, that is none';
COMMENT ON COLUMN vm_static.mem_size_mb IS 'MiB';
COMMENT ON COLUMN vm_static.max_memory_size_mb IS 'MiB up to which memory can be plugged in while the VM runs';
COMMENT ON COLUMN vm_static.min_allocated_mem IS 'MiB that the VM is guaranteed';
COMMENT ON COLUMN vm_static.os IS 'Code of the engine''s osinfo files';
COMMENT ON COLUMN vm_static.usb_policy IS '0 legacy, 1 disabled, 2 native';
COMMENT ON COLUMN vm_static.vm_type IS '0 desktop, 1 server, 2 high performance';
COMMENT ON COLUMN vm_static.default_boot_sequence IS 'Which of C disk, D CD and N network boot, in which order: the engine''s BootSequence';
COMMENT ON COLUMN vm_static.default_display_type IS '0 cirrus, 1 qxl, 2 vga, 3 bochs, 4 none';
COMMENT ON COLUMN vm_static.origin IS '0 RHEV, 1 VMware, 2 Xen, 3 oVirt, 4 external, 5 hosted engine, 6 managed hosted engine, 7 KVM, 8 physical Xen, 9 Hyper-V, 10 KubeVirt';
COMMENT ON COLUMN vm_static.migration_support IS '0 migratable, 1 by an administrator only, 2 pinned to its hosts';
COMMENT ON COLUMN vm_static.entity_type IS 'VM, TEMPLATE, INSTANCE_TYPE or IMAGE_TYPE';
COMMENT ON COLUMN vm_static.child_count IS 'Template: number of VMs that depend on it';
COMMENT ON COLUMN vm_static.template_status IS 'Template: 0 OK, 1 locked, 2 illegal; NULL for a VM';
COMMENT ON COLUMN vm_static.quota_id IS 'Quota that the VM''s memory and CPUs are charged to; disks: image_storage_domain_map';
COMMENT ON COLUMN vm_static.cpu_pinning IS 'Which virtual CPU runs on which host CPUs, vCPU#CPUs joined by _; only with the manual policy';
COMMENT ON COLUMN vm_static.cpu_pinning_policy IS '0 none, 1 manual, 2 resize and pin NUMA, 3 dedicated, 4 isolate threads';
COMMENT ON COLUMN vm_static.db_generation IS 'Grows with every change; compared with vm_ovf_generations';
COMMENT ON COLUMN vm_static.bios_type IS '1 i440FX with SeaBIOS, 2 Q35 with SeaBIOS, 3 Q35 with OVMF, 4 Q35 with OVMF and secure boot; NULL exactly where cluster_id is';
COMMENT ON COLUMN vm_static.serial_number_policy IS '0 host id, 1 VM id, 2 custom, 3 none; NULL as the cluster';
COMMENT ON COLUMN vm_static.virtio_scsi_multi_queues IS '0 off, -1 automatic, more: that many queues';
COMMENT ON COLUMN vm_static.parallel_migrations IS '-2 automatic, -1 automatic and parallel only, 0 disabled, more: that many connections; NULL as the cluster';
COMMENT ON COLUMN vm_static.lease_sd_id IS 'Storage domain that holds the lease of a highly available VM';
COMMENT ON COLUMN vm_static.original_template_id IS 'The template the VM was made from, also when it no longer depends on it';
COMMENT ON COLUMN vm_static.predefined_properties IS 'Custom properties that the engine defines: key=value;key=value';
COMMENT ON COLUMN vm_static.userdefined_properties IS 'Custom properties that the site defines: key=value;key=value';

-- Blank is made here and may be changed later.  A dump carries the row, and the CREATE EXTENSION of the restore has made
-- it already: inserting it again therefore means setting it.
CREATE FUNCTION vm_static_blank() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    targets text;
    sources text;
BEGIN
    PERFORM FROM @extschema@.vm_static WHERE vm_guid = NEW.vm_guid;
    IF NOT FOUND THEN
        RETURN NEW;
    END IF;
    SELECT string_agg(format('%I', attname), ', '), string_agg(format('($1).%I', attname), ', ')
    INTO targets, sources
    FROM pg_attribute
    WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    EXECUTE format('UPDATE @extschema@.vm_static SET (%s) = ROW(%s) WHERE vm_guid = ($1).vm_guid', targets, sources)
    USING NEW;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vm_static_blank() IS 'internal: trigger: inserting the template Blank again sets its columns';

-- vmt_guid is a reference of the table to itself.  A foreign key would do, but pg_dump warns of every such one as a
-- circle that may not restore; these two triggers keep the same promise.
CREATE FUNCTION vm_static_template_exists() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM @extschema@.vm_static WHERE vm_guid = NEW.vmt_guid FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'template of virtual machine "%" does not exist', NEW.vm_name
            USING ERRCODE = 'foreign_key_violation', DETAIL = format('Key (vmt_guid)=(%s) is not present in table "vm_static".', NEW.vmt_guid),
            HINT = 'Use the id of a template, or the zero uuid for none.',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'vmt_guid', CONSTRAINT = 'vm_templates_vm_static';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vm_static_template_exists() IS 'internal: trigger: vmt_guid names a row that is there';

CREATE FUNCTION vm_static_template_unused() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child record;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.vm_guid = OLD.vm_guid THEN
        RETURN NULL;
    END IF;
    SELECT vm_guid, vm_name INTO child FROM @extschema@.vm_static WHERE vmt_guid = OLD.vm_guid LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'cannot remove template "%" because virtual machines depend on it', OLD.vm_name
            USING ERRCODE = 'foreign_key_violation', DETAIL = format('Key (vm_guid)=(%s) is still referenced by "%s" (%s).', OLD.vm_guid, child.vm_name, child.vm_guid),
            HINT = 'Remove those virtual machines first.',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'vmt_guid', CONSTRAINT = 'vm_templates_vm_static';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vm_static_template_unused() IS 'internal: trigger: a template that virtual machines depend on stays';

REVOKE ALL ON FUNCTION vm_static_blank(), vm_static_template_exists(), vm_static_template_unused() FROM PUBLIC;

INSERT INTO vm_static (vm_guid, vm_name, mem_size_mb, max_memory_size_mb, vmt_guid, description, creation_date, num_of_monitors,
    entity_type, template_status, template_version_number, origin, usb_policy, is_template_sealed)
VALUES ('00000000-0000-0000-0000-000000000000', 'Blank', 1024, 4096, '00000000-0000-0000-0000-000000000000', 'Blank template',
    '2008-04-01 00:00:00+00', 1, 'TEMPLATE', 0, 1, 3, 1, false);

CREATE TRIGGER vm_static_blank BEFORE INSERT ON vm_static
    FOR EACH ROW WHEN (NEW.vm_guid = '00000000-0000-0000-0000-000000000000') EXECUTE FUNCTION vm_static_blank();
-- also where foreign keys are switched off for a parallel restore (session_replication_role)
ALTER TABLE vm_static ENABLE ALWAYS TRIGGER vm_static_blank;
CREATE TRIGGER vm_static_template_exists AFTER INSERT OR UPDATE OF vmt_guid ON vm_static
    FOR EACH ROW EXECUTE FUNCTION vm_static_template_exists();
CREATE TRIGGER vm_static_template_unused AFTER DELETE OR UPDATE OF vm_guid ON vm_static
    FOR EACH ROW EXECUTE FUNCTION vm_static_template_unused();

COMMENT ON TRIGGER vm_static_blank ON vm_static IS 'the row of template Blank in a dump replaces the one that is there';
COMMENT ON TRIGGER vm_static_template_exists ON vm_static IS 'vmt_guid names a row of the table; a foreign key of it with itself would not restore';
COMMENT ON TRIGGER vm_static_template_unused ON vm_static IS 'a template goes only when no row is based on it';

CREATE TABLE vm_dynamic (
    vm_guid uuid CONSTRAINT pk_vm_dynamic PRIMARY KEY
        CONSTRAINT vm_static_vm_dynamic REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    status integer NOT NULL,
    vm_ip text,
    vm_host varchar(255),
    last_start_time timestamptz,
    boot_time timestamptz,
    downtime bigint DEFAULT 0,
    last_stop_time timestamptz,
    guest_cur_user_name text,
    guest_os varchar(255),
    run_on_vds uuid,
    migrating_to_vds uuid,
    app_list text,
    acpi_enable boolean,
    session integer,
    utc_diff integer,
    client_ip varchar(255),
    guest_requested_memory integer,
    boot_sequence integer,
    exit_status integer NOT NULL DEFAULT 0,
    pause_status integer NOT NULL DEFAULT 0,
    exit_message varchar(4000),
    hash varchar(40),
    console_user_id uuid,
    guest_agent_nics_hash integer,
    console_cur_user_name varchar(255),
    last_watchdog_event bigint,
    last_watchdog_action varchar(8),
    is_run_once boolean NOT NULL DEFAULT false,
    volatile_run boolean NOT NULL DEFAULT false,
    vm_fqdn text DEFAULT '',
    cpu_name varchar(4000),
    current_cd varchar(4000),
    reason text,
    exit_reason integer DEFAULT -1,
    guest_cpu_count integer,
    emulated_machine varchar(255),
    spice_port integer,
    spice_tls_port integer,
    spice_ip varchar(255),
    vnc_port integer,
    vnc_ip varchar(255),
    ovirt_guest_agent_status integer DEFAULT 0,
    qemu_guest_agent_status integer DEFAULT 0,
    guest_timezone_offset integer,
    guest_timezone_name varchar(255),
    guestos_arch integer NOT NULL DEFAULT 0,
    guestos_codename varchar(255),
    guestos_distribution varchar(255),
    guestos_kernel_version varchar(255),
    guestos_type varchar(255) NOT NULL DEFAULT 'Other',
    guestos_version varchar(255),
    guest_containers text DEFAULT '[]',
    lease_info varchar(1000),
    runtime_name varchar(255),
    current_cpu_pinning text,
    current_sockets integer NOT NULL DEFAULT 0,
    current_cores integer NOT NULL DEFAULT 0,
    current_threads integer NOT NULL DEFAULT 0,
    current_numa_pinning text,
    CONSTRAINT vm_dynamic_status_code CHECK (status = ANY ('{-1,0,1,2,4,5,6,7,8,9,10,11,12,13,14,15,16}'))
);
CREATE INDEX idx_vm_dynamic_status ON vm_dynamic (status) WHERE status <> 0 /* down */;
CREATE INDEX idx_vm_dynamic_run_on_vds ON vm_dynamic (run_on_vds) WHERE run_on_vds IS NOT NULL;

COMMENT ON TABLE vm_dynamic IS 'The state of a VM at present';
COMMENT ON COLUMN vm_dynamic.status IS '-1 unassigned, 0 down, 1 up, 2 powering up, 4 paused, 5 migrating from, 6 migrating to, 7 unknown, 8 not responding, 9 wait for launch, 10 reboot in progress, 11 saving state, 12 restoring state, 13 suspended, 14 image illegal, 15 image locked, 16 powering down';
COMMENT ON COLUMN vm_dynamic.run_on_vds IS 'Host it runs on';
COMMENT ON COLUMN vm_dynamic.exit_status IS '0 normal, 1 error';
COMMENT ON COLUMN vm_dynamic.lease_info IS 'Where the lease is, as the host reported it';

CREATE TABLE vm_statistics (
    vm_guid uuid CONSTRAINT pk_vm_statistics PRIMARY KEY
        CONSTRAINT vm_static_vm_statistics REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    cpu_user numeric(18,3) DEFAULT 0,
    cpu_sys numeric(18,3) DEFAULT 0,
    elapsed_time numeric(18,3) DEFAULT 0,
    usage_network_percent smallint DEFAULT 0,
    usage_mem_percent integer DEFAULT 0,
    usage_cpu_percent integer DEFAULT 0,
    disks_usage text,
    _update_date timestamptz,
    migration_progress_percent integer DEFAULT 0,
    memory_usage_history text,
    cpu_usage_history text,
    network_usage_history text,
    guest_mem_buffered bigint,
    guest_mem_cached bigint,
    guest_mem_unused bigint
);
COMMENT ON TABLE vm_statistics IS 'Load of a VM, as last reported';

CREATE TABLE vm_init (
    vm_id uuid CONSTRAINT pk_vm_init PRIMARY KEY
        CONSTRAINT vm_static_vm_init REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    host_name text,
    domain text,
    authorized_keys text,
    regenerate_keys boolean DEFAULT false,
    time_zone varchar(40),
    dns_servers text,
    dns_search_domains text,
    networks text,
    password text,
    winkey varchar(30),
    custom_script text,
    input_locale varchar(256),
    ui_language varchar(256),
    system_locale varchar(256),
    user_locale varchar(256),
    user_name varchar(256),
    active_directory_ou varchar(256),
    org_name varchar(256),
    cloud_init_network_protocol varchar(32)
);
COMMENT ON TABLE vm_init IS 'What cloud-init or sysprep sets up when the VM starts first';
COMMENT ON COLUMN vm_init.networks IS 'JSON list';
COMMENT ON COLUMN vm_init.password IS 'Encrypted by the engine';

CREATE TABLE vm_ovf_generations (
    vm_guid uuid CONSTRAINT vm_ovf_generations_pkey PRIMARY KEY,
    storage_pool_id uuid CONSTRAINT vm_ovf_generations_storage_pool_id_fkey REFERENCES storage_pool (id) ON DELETE CASCADE,
    ovf_generation bigint DEFAULT 0,
    ovf_data text
);
CREATE INDEX idx_vm_ovf_generations_storage_pool_id ON vm_ovf_generations (storage_pool_id);
COMMENT ON TABLE vm_ovf_generations IS 'Which vm_static.db_generation the OVF store on storage has.  No foreign key: rows of removed VMs say what to remove there';

CREATE TABLE vm_nvram_data (
    vm_id uuid CONSTRAINT vm_nvram_data_pkey PRIMARY KEY
        CONSTRAINT vm_nvram_data_vm_id_fkey REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    nvram_data text,
    nvram_hash text
);
COMMENT ON TABLE vm_nvram_data IS 'Secure boot variables of a VM, encrypted by the engine';

CREATE TABLE numa_node (
    numa_node_id uuid CONSTRAINT pk_numa_node PRIMARY KEY,
    vds_id uuid,
    vm_id uuid CONSTRAINT fk_numa_node_vm REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    numa_node_index smallint,
    mem_total bigint,
    cpu_count smallint,
    mem_free bigint,
    usage_mem_percent integer,
    cpu_sys numeric(5,2),
    cpu_user numeric(5,2),
    cpu_idle numeric(5,2),
    usage_cpu_percent integer,
    distance text,
    hugepages text,
    numa_tune_mode varchar(20),
    CONSTRAINT numa_node_one_owner CHECK (vds_id IS NULL OR vm_id IS NULL)
);
CREATE INDEX idx_numa_node_vm_id ON numa_node (vm_id);
COMMENT ON TABLE numa_node IS 'NUMA nodes of hosts (vds_id) and of VMs (vm_id)';
COMMENT ON COLUMN numa_node.mem_total IS 'MiB';
COMMENT ON COLUMN numa_node.numa_tune_mode IS 'strict, interleave or preferred, in lower case';

CREATE TABLE numa_node_cpu_map (
    id uuid CONSTRAINT pk_numa_node_cpu_map PRIMARY KEY,
    numa_node_id uuid NOT NULL CONSTRAINT fk_numa_node_cpu_map_numa_node REFERENCES numa_node (numa_node_id) ON DELETE CASCADE,
    cpu_core_id integer
);
CREATE INDEX idx_numa_node_cpu_map_numa_node_id ON numa_node_cpu_map (numa_node_id);
COMMENT ON TABLE numa_node_cpu_map IS 'CPUs of a NUMA node';

CREATE TABLE vm_vds_numa_node_map (
    id uuid CONSTRAINT pk_vm_vds_numa_node_map PRIMARY KEY,
    vm_numa_node_id uuid NOT NULL CONSTRAINT fk_vm_vds_numa_node_map_vm_numa_node REFERENCES numa_node (numa_node_id) ON DELETE CASCADE,
    vds_numa_node_index smallint
);
CREATE INDEX idx_vm_vds_numa_node_map_vm_numa_node_id ON vm_vds_numa_node_map (vm_numa_node_id);
COMMENT ON TABLE vm_vds_numa_node_map IS 'Host NUMA nodes that a VM''s NUMA node is pinned to';

CREATE TABLE vm_host_pinning_map (
    vm_id uuid NOT NULL CONSTRAINT vm_host_pinning_map_vm_id_fkey REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    vds_id uuid NOT NULL,
    CONSTRAINT pk_vm_host_pinning_map PRIMARY KEY (vm_id, vds_id)
);
COMMENT ON TABLE vm_host_pinning_map IS 'Hosts that a VM is bound to';

SELECT pg_catalog.pg_extension_config_dump('vm_icons', '');
SELECT pg_catalog.pg_extension_config_dump('vm_static', '');
SELECT pg_catalog.pg_extension_config_dump('vm_dynamic', '');
SELECT pg_catalog.pg_extension_config_dump('vm_statistics', '');
SELECT pg_catalog.pg_extension_config_dump('vm_init', '');
SELECT pg_catalog.pg_extension_config_dump('vm_ovf_generations', '');
SELECT pg_catalog.pg_extension_config_dump('vm_nvram_data', '');
SELECT pg_catalog.pg_extension_config_dump('numa_node', '');
SELECT pg_catalog.pg_extension_config_dump('numa_node_cpu_map', '');
SELECT pg_catalog.pg_extension_config_dump('vm_vds_numa_node_map', '');
SELECT pg_catalog.pg_extension_config_dump('vm_host_pinning_map', '');

REVOKE ALL ON vm_icons, vm_static, vm_dynamic, vm_statistics, vm_init, vm_ovf_generations, vm_nvram_data, numa_node,
    numa_node_cpu_map, vm_vds_numa_node_map, vm_host_pinning_map FROM PUBLIC;

