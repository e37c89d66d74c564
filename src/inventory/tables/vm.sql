-- Inventory: VMs, templates and instance types, and what belongs to one VM only.

CREATE TABLE vm_icons (
    id uuid CONSTRAINT vm_icons_pkey PRIMARY KEY,
    data_url varchar NOT NULL
);
CREATE UNIQUE INDEX unique_vm_icon_data_url ON vm_icons (md5(data_url));

COMMENT ON TABLE vm_icons IS 'Pictures of VMs, as data: URLs, each kept once';
COMMENT ON COLUMN vm_icons.id IS 'Primary key';
COMMENT ON COLUMN vm_icons.data_url IS 'The picture as a data: URL';

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
COMMENT ON COLUMN vm_static.vm_guid IS 'Primary key';
COMMENT ON COLUMN vm_static.vm_name IS 'Name';
COMMENT ON COLUMN vm_static.description IS 'Text for people';
COMMENT ON COLUMN vm_static.cluster_id IS 'Cluster; NULL only for Blank and instance types';
COMMENT ON COLUMN vm_static.creation_date IS 'When it was made';
COMMENT ON COLUMN vm_static.num_of_monitors IS '0, 1, 2 or 4';
COMMENT ON COLUMN vm_static.is_initialized IS 'True: cloud-init or sysprep has run';
COMMENT ON COLUMN vm_static.num_of_sockets IS 'CPU sockets';
COMMENT ON COLUMN vm_static.cpu_per_socket IS 'Cores of a socket';
COMMENT ON COLUMN vm_static.threads_per_cpu IS 'Threads of a core';
COMMENT ON COLUMN vm_static.time_zone IS 'Of the virtual clock; NULL: the engine''s';
COMMENT ON COLUMN vm_static.is_stateless IS 'True: what it writes is dropped when it stops';
COMMENT ON COLUMN vm_static._create_date IS 'When the row was made';
COMMENT ON COLUMN vm_static._update_date IS 'When the row was last changed';
COMMENT ON COLUMN vm_static.auto_startup IS 'True: highly available';
COMMENT ON COLUMN vm_static.nice_level IS 'Unused';
COMMENT ON COLUMN vm_static.priority IS 'Which highly available VM is started first; more is earlier';
COMMENT ON COLUMN vm_static.iso_path IS 'Image in the CD-ROM drive at start';
COMMENT ON COLUMN vm_static.initrd_url IS 'Initrd to boot with, with kernel_url';
COMMENT ON COLUMN vm_static.kernel_url IS 'Kernel to boot with';
COMMENT ON COLUMN vm_static.kernel_params IS 'The kernel''s command line';
COMMENT ON COLUMN vm_static.allow_console_reconnect IS 'True: another user may take the console';
COMMENT ON COLUMN vm_static.is_smartcard_enabled IS 'True: has a smartcard';
COMMENT ON COLUMN vm_static.host_cpu_flags IS 'True: the guest sees the host''s CPU';
COMMENT ON COLUMN vm_static.is_delete_protected IS 'True: can''t be removed';
COMMENT ON COLUMN vm_static.is_disabled IS 'Template: true = not offered for new VMs';
COMMENT ON COLUMN vm_static.is_run_and_pause IS 'True: starts paused';
COMMENT ON COLUMN vm_static.created_by_user_id IS 'Engine user who made it';
COMMENT ON COLUMN vm_static.tunnel_migration IS 'As the cluster''s; NULL as the cluster';
COMMENT ON COLUMN vm_static.free_text_comment IS 'Text for people';
COMMENT ON COLUMN vm_static.cpu_shares IS 'CPU weight against other VMs; 0: the default';
COMMENT ON COLUMN vm_static.vnc_keyboard_layout IS 'NULL: the engine''s';
COMMENT ON COLUMN vm_static.instance_type_id IS 'Instance type that hardware settings follow';
COMMENT ON COLUMN vm_static.image_type_id IS 'Unused';
COMMENT ON COLUMN vm_static.sso_method IS 'none, guest_agent';
COMMENT ON COLUMN vm_static.original_template_name IS 'Name of original_template_id then';
COMMENT ON COLUMN vm_static.migration_downtime IS 'Milliseconds; NULL: the engine''s';
COMMENT ON COLUMN vm_static.template_version_number IS 'Template: version within its base; VM: NULL takes the newest one at each start';
COMMENT ON COLUMN vm_static.template_version_name IS 'Template: name of that version';
COMMENT ON COLUMN vm_static.custom_serial_number IS 'For serial number policy 2';
COMMENT ON COLUMN vm_static.is_boot_menu_enabled IS 'True: the boot menu is shown';
COMMENT ON COLUMN vm_static.is_spice_file_transfer_enabled IS 'True: files can be dropped on a SPICE console';
COMMENT ON COLUMN vm_static.is_spice_copy_paste_enabled IS 'True: copy and paste works in a SPICE console';
COMMENT ON COLUMN vm_static.cpu_profile_id IS 'CPU profile of the cluster';
COMMENT ON COLUMN vm_static.is_auto_converge IS 'As the cluster''s; NULL as the cluster';
COMMENT ON COLUMN vm_static.is_migrate_compressed IS 'As the cluster''s; NULL as the cluster';
COMMENT ON COLUMN vm_static.is_migrate_encrypted IS 'As the cluster''s; NULL as the cluster';
COMMENT ON COLUMN vm_static.custom_emulated_machine IS 'Machine type; NULL as the cluster';
COMMENT ON COLUMN vm_static.custom_cpu_name IS 'CPU type; NULL as the cluster';
COMMENT ON COLUMN vm_static.small_icon_id IS 'Picture in lists';
COMMENT ON COLUMN vm_static.large_icon_id IS 'Picture in details';
COMMENT ON COLUMN vm_static.provider_id IS 'External provider that it comes from';
COMMENT ON COLUMN vm_static.num_of_io_threads IS 'I/O threads; 0: none';
COMMENT ON COLUMN vm_static.console_disconnect_action IS 'What happens when the console''s client leaves';
COMMENT ON COLUMN vm_static.console_disconnect_action_delay IS 'Minutes until then';
COMMENT ON COLUMN vm_static.resume_behavior IS 'After an I/O error: AUTO_RESUME, LEAVE_PAUSED or KILL';
COMMENT ON COLUMN vm_static.custom_compatibility_version IS 'Level of features of its own; NULL as the cluster';
COMMENT ON COLUMN vm_static.migration_policy_id IS 'NULL as the cluster';
COMMENT ON COLUMN vm_static.multi_queues_enabled IS 'True: NICs have several queues';
COMMENT ON COLUMN vm_static.use_tsc_frequency IS 'True: runs only where the host''s TSC has the same frequency';
COMMENT ON COLUMN vm_static.namespace IS 'Of a VM of an external provider';
COMMENT ON COLUMN vm_static.balloon_enabled IS 'True: has a memory balloon';
COMMENT ON COLUMN vm_static.is_template_sealed IS 'Template: true = what belongs to one machine was removed from its disks';

-- Blank is made here and may be changed later.  A dump carries the row, and the CREATE EXTENSION of the restore has made
-- it already: inserting it again therefore means setting it.
CREATE FUNCTION vmclone_internal.vm_static_blank() RETURNS trigger
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
COMMENT ON FUNCTION vmclone_internal.vm_static_blank() IS 'trigger: inserting the template Blank again sets its columns';

-- vmt_guid is a reference of the table to itself.  A foreign key would do, but pg_dump warns of every such one as a
-- circle that may not restore; these two triggers keep the same promise.
CREATE FUNCTION vmclone_internal.vm_static_template_exists() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'vmclone_vm_static_template_exists';
COMMENT ON FUNCTION vmclone_internal.vm_static_template_exists() IS 'trigger: vmt_guid names a row that is there';

CREATE FUNCTION vmclone_internal.vm_static_template_unused() RETURNS trigger
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
COMMENT ON FUNCTION vmclone_internal.vm_static_template_unused() IS 'trigger: a template that virtual machines depend on stays';

REVOKE ALL ON FUNCTION vmclone_internal.vm_static_blank(), vmclone_internal.vm_static_template_exists(), vmclone_internal.vm_static_template_unused() FROM PUBLIC;

INSERT INTO vm_static (vm_guid, vm_name, mem_size_mb, max_memory_size_mb, vmt_guid, description, creation_date, num_of_monitors,
    entity_type, template_status, template_version_number, origin, usb_policy, is_template_sealed)
VALUES ('00000000-0000-0000-0000-000000000000', 'Blank', 1024, 4096, '00000000-0000-0000-0000-000000000000', 'Blank template',
    '2008-04-01 00:00:00+00', 1, 'TEMPLATE', 0, 1, 3, 1, false);

CREATE TRIGGER vm_static_blank BEFORE INSERT ON vm_static
    FOR EACH ROW WHEN (NEW.vm_guid = '00000000-0000-0000-0000-000000000000') EXECUTE FUNCTION vmclone_internal.vm_static_blank();
-- also where foreign keys are switched off for a parallel restore (session_replication_role)
ALTER TABLE vm_static ENABLE ALWAYS TRIGGER vm_static_blank;
CREATE TRIGGER vm_static_template_exists AFTER INSERT OR UPDATE OF vmt_guid ON vm_static
    FOR EACH ROW EXECUTE FUNCTION vmclone_internal.vm_static_template_exists();
CREATE TRIGGER vm_static_template_unused AFTER DELETE OR UPDATE OF vm_guid ON vm_static
    FOR EACH ROW EXECUTE FUNCTION vmclone_internal.vm_static_template_unused();

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
COMMENT ON COLUMN vm_dynamic.vm_guid IS 'VM';
COMMENT ON COLUMN vm_dynamic.vm_ip IS 'Addresses, as the guest agent says';
COMMENT ON COLUMN vm_dynamic.vm_host IS 'Host name, as the guest agent says';
COMMENT ON COLUMN vm_dynamic.last_start_time IS 'When it was last started';
COMMENT ON COLUMN vm_dynamic.boot_time IS 'When the guest booted';
COMMENT ON COLUMN vm_dynamic.downtime IS 'Milliseconds that it was down before';
COMMENT ON COLUMN vm_dynamic.last_stop_time IS 'When it last stopped';
COMMENT ON COLUMN vm_dynamic.guest_cur_user_name IS 'User who is logged into the guest';
COMMENT ON COLUMN vm_dynamic.guest_os IS 'Operating system, as the guest agent says';
COMMENT ON COLUMN vm_dynamic.migrating_to_vds IS 'Host that it migrates to';
COMMENT ON COLUMN vm_dynamic.app_list IS 'Applications, as the guest agent says';
COMMENT ON COLUMN vm_dynamic.acpi_enable IS 'True: runs with ACPI';
COMMENT ON COLUMN vm_dynamic.session IS 'State of the guest''s session';
COMMENT ON COLUMN vm_dynamic.utc_diff IS 'Seconds that the guest''s clock differs from UTC';
COMMENT ON COLUMN vm_dynamic.client_ip IS 'Address of the console''s client';
COMMENT ON COLUMN vm_dynamic.guest_requested_memory IS 'MiB that the balloon was asked to leave';
COMMENT ON COLUMN vm_dynamic.boot_sequence IS 'What it was booted from, as default_boot_sequence';
COMMENT ON COLUMN vm_dynamic.pause_status IS 'Why it is paused';
COMMENT ON COLUMN vm_dynamic.exit_message IS 'What was said when it stopped';
COMMENT ON COLUMN vm_dynamic.hash IS 'Of the configuration that the host reported last';
COMMENT ON COLUMN vm_dynamic.console_user_id IS 'Engine user who has the console';
COMMENT ON COLUMN vm_dynamic.guest_agent_nics_hash IS 'Of the NICs that the guest agent reported';
COMMENT ON COLUMN vm_dynamic.console_cur_user_name IS 'Name of the user who has the console';
COMMENT ON COLUMN vm_dynamic.last_watchdog_event IS 'When the watchdog last did something';
COMMENT ON COLUMN vm_dynamic.last_watchdog_action IS 'What it did';
COMMENT ON COLUMN vm_dynamic.is_run_once IS 'True: runs with settings for this run only';
COMMENT ON COLUMN vm_dynamic.volatile_run IS 'True: settings of this run are dropped at its end';
COMMENT ON COLUMN vm_dynamic.vm_fqdn IS 'Full host name, as the guest agent says';
COMMENT ON COLUMN vm_dynamic.cpu_name IS 'CPU that it runs with';
COMMENT ON COLUMN vm_dynamic.current_cd IS 'Image in the CD-ROM drive';
COMMENT ON COLUMN vm_dynamic.reason IS 'Why it was shut down';
COMMENT ON COLUMN vm_dynamic.exit_reason IS 'How it stopped; -1 unknown';
COMMENT ON COLUMN vm_dynamic.guest_cpu_count IS 'CPUs that the guest sees';
COMMENT ON COLUMN vm_dynamic.emulated_machine IS 'Machine type that it runs with';
COMMENT ON COLUMN vm_dynamic.spice_port IS 'SPICE console''s port';
COMMENT ON COLUMN vm_dynamic.spice_tls_port IS 'SPICE console''s encrypted port';
COMMENT ON COLUMN vm_dynamic.spice_ip IS 'SPICE console''s address';
COMMENT ON COLUMN vm_dynamic.vnc_port IS 'VNC console''s port';
COMMENT ON COLUMN vm_dynamic.vnc_ip IS 'VNC console''s address';
COMMENT ON COLUMN vm_dynamic.ovirt_guest_agent_status IS '0 does not exist, 1 exists, 2 needs an update';
COMMENT ON COLUMN vm_dynamic.qemu_guest_agent_status IS '0 does not exist, 1 exists, 2 needs an update';
COMMENT ON COLUMN vm_dynamic.guest_timezone_offset IS 'Minutes';
COMMENT ON COLUMN vm_dynamic.guest_timezone_name IS 'As the guest agent says';
COMMENT ON COLUMN vm_dynamic.guestos_arch IS 'As the guest agent says';
COMMENT ON COLUMN vm_dynamic.guestos_codename IS 'As the guest agent says';
COMMENT ON COLUMN vm_dynamic.guestos_distribution IS 'As the guest agent says';
COMMENT ON COLUMN vm_dynamic.guestos_kernel_version IS 'As the guest agent says';
COMMENT ON COLUMN vm_dynamic.guestos_type IS 'As the guest agent says';
COMMENT ON COLUMN vm_dynamic.guestos_version IS 'As the guest agent says';
COMMENT ON COLUMN vm_dynamic.guest_containers IS 'Containers that the guest agent reports';
COMMENT ON COLUMN vm_dynamic.runtime_name IS 'Name with which it was started';
COMMENT ON COLUMN vm_dynamic.current_cpu_pinning IS 'Pinning that it runs with';
COMMENT ON COLUMN vm_dynamic.current_sockets IS 'Sockets that it runs with';
COMMENT ON COLUMN vm_dynamic.current_cores IS 'Cores of a socket that it runs with';
COMMENT ON COLUMN vm_dynamic.current_threads IS 'Threads of a core that it runs with';
COMMENT ON COLUMN vm_dynamic.current_numa_pinning IS 'NUMA pinning that it runs with';

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
COMMENT ON COLUMN vm_statistics.vm_guid IS 'VM';
COMMENT ON COLUMN vm_statistics.cpu_user IS 'Percent of CPU time for the guest';
COMMENT ON COLUMN vm_statistics.cpu_sys IS 'Percent of CPU time for the hypervisor';
COMMENT ON COLUMN vm_statistics.elapsed_time IS 'Seconds since its start';
COMMENT ON COLUMN vm_statistics.usage_network_percent IS 'Network in use';
COMMENT ON COLUMN vm_statistics.usage_mem_percent IS 'Memory in use';
COMMENT ON COLUMN vm_statistics.usage_cpu_percent IS 'CPU in use';
COMMENT ON COLUMN vm_statistics.disks_usage IS 'JSON of the guest agent: file systems and their use';
COMMENT ON COLUMN vm_statistics._update_date IS 'When the row was last changed';
COMMENT ON COLUMN vm_statistics.migration_progress_percent IS 'How far a migration is';
COMMENT ON COLUMN vm_statistics.memory_usage_history IS 'Comma-separated percents';
COMMENT ON COLUMN vm_statistics.cpu_usage_history IS 'Comma-separated percents';
COMMENT ON COLUMN vm_statistics.network_usage_history IS 'Comma-separated percents';
COMMENT ON COLUMN vm_statistics.guest_mem_buffered IS 'KiB';
COMMENT ON COLUMN vm_statistics.guest_mem_cached IS 'KiB';
COMMENT ON COLUMN vm_statistics.guest_mem_unused IS 'KiB';

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
COMMENT ON COLUMN vm_init.vm_id IS 'VM or template';
COMMENT ON COLUMN vm_init.host_name IS 'Host name of the guest';
COMMENT ON COLUMN vm_init.domain IS 'Windows domain';
COMMENT ON COLUMN vm_init.authorized_keys IS 'SSH keys of the user';
COMMENT ON COLUMN vm_init.regenerate_keys IS 'True: the guest makes new host keys';
COMMENT ON COLUMN vm_init.time_zone IS 'Time zone of the guest';
COMMENT ON COLUMN vm_init.dns_servers IS 'Name servers, separated by spaces';
COMMENT ON COLUMN vm_init.dns_search_domains IS 'Search domains, separated by spaces';
COMMENT ON COLUMN vm_init.winkey IS 'Product key';
COMMENT ON COLUMN vm_init.custom_script IS 'Cloud-init or sysprep text of one''s own';
COMMENT ON COLUMN vm_init.input_locale IS 'Windows: input';
COMMENT ON COLUMN vm_init.ui_language IS 'Windows: language of the desktop';
COMMENT ON COLUMN vm_init.system_locale IS 'Windows: system';
COMMENT ON COLUMN vm_init.user_locale IS 'Windows: user';
COMMENT ON COLUMN vm_init.user_name IS 'User that is made or set up';
COMMENT ON COLUMN vm_init.active_directory_ou IS 'Windows: organizational unit';
COMMENT ON COLUMN vm_init.org_name IS 'Windows: organization';
COMMENT ON COLUMN vm_init.cloud_init_network_protocol IS 'How networks are described: ENI or OPENSTACK_METADATA';

CREATE TABLE vm_ovf_generations (
    vm_guid uuid CONSTRAINT vm_ovf_generations_pkey PRIMARY KEY,
    storage_pool_id uuid CONSTRAINT vm_ovf_generations_storage_pool_id_fkey REFERENCES storage_pool (id) ON DELETE CASCADE,
    ovf_generation bigint DEFAULT 0,
    ovf_data text
);
CREATE INDEX idx_vm_ovf_generations_storage_pool_id ON vm_ovf_generations (storage_pool_id);
COMMENT ON TABLE vm_ovf_generations IS 'Which vm_static.db_generation the OVF store on storage has.  No foreign key: rows of removed VMs say what to remove there';
COMMENT ON COLUMN vm_ovf_generations.vm_guid IS 'VM';
COMMENT ON COLUMN vm_ovf_generations.storage_pool_id IS 'Data center';
COMMENT ON COLUMN vm_ovf_generations.ovf_generation IS 'db_generation of the document that was last stored';
COMMENT ON COLUMN vm_ovf_generations.ovf_data IS 'That document';

CREATE TABLE vm_nvram_data (
    vm_id uuid CONSTRAINT vm_nvram_data_pkey PRIMARY KEY
        CONSTRAINT vm_nvram_data_vm_id_fkey REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    nvram_data text,
    nvram_hash text
);
COMMENT ON TABLE vm_nvram_data IS 'Secure boot variables of a VM, encrypted by the engine';
COMMENT ON COLUMN vm_nvram_data.vm_id IS 'VM';
COMMENT ON COLUMN vm_nvram_data.nvram_data IS 'UEFI variables, archived';
COMMENT ON COLUMN vm_nvram_data.nvram_hash IS 'Hash of that, as hosts make it';

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
COMMENT ON COLUMN numa_node.numa_node_id IS 'Primary key';
COMMENT ON COLUMN numa_node.vds_id IS 'Host that it belongs to; NULL for a VM''s';
COMMENT ON COLUMN numa_node.vm_id IS 'VM that it belongs to; NULL for a host''s';
COMMENT ON COLUMN numa_node.numa_node_index IS 'Its number, from 0';
COMMENT ON COLUMN numa_node.cpu_count IS 'CPUs of the node';
COMMENT ON COLUMN numa_node.mem_free IS 'MiB that are free (hosts)';
COMMENT ON COLUMN numa_node.usage_mem_percent IS 'Memory in use (hosts)';
COMMENT ON COLUMN numa_node.cpu_sys IS 'Percent of CPU time in the system (hosts)';
COMMENT ON COLUMN numa_node.cpu_user IS 'Percent of CPU time for users (hosts)';
COMMENT ON COLUMN numa_node.cpu_idle IS 'Percent of CPU time idle (hosts)';
COMMENT ON COLUMN numa_node.usage_cpu_percent IS 'CPU in use (hosts)';
COMMENT ON COLUMN numa_node.distance IS 'Distances to the host''s other nodes';
COMMENT ON COLUMN numa_node.hugepages IS 'Huge pages of the host''s node';

CREATE TABLE numa_node_cpu_map (
    id uuid CONSTRAINT pk_numa_node_cpu_map PRIMARY KEY,
    numa_node_id uuid NOT NULL CONSTRAINT fk_numa_node_cpu_map_numa_node REFERENCES numa_node (numa_node_id) ON DELETE CASCADE,
    cpu_core_id integer
);
CREATE INDEX idx_numa_node_cpu_map_numa_node_id ON numa_node_cpu_map (numa_node_id);
COMMENT ON TABLE numa_node_cpu_map IS 'CPUs of a NUMA node';
COMMENT ON COLUMN numa_node_cpu_map.id IS 'Primary key';
COMMENT ON COLUMN numa_node_cpu_map.numa_node_id IS 'NUMA node';
COMMENT ON COLUMN numa_node_cpu_map.cpu_core_id IS 'Number of a CPU in it';

CREATE TABLE vm_vds_numa_node_map (
    id uuid CONSTRAINT pk_vm_vds_numa_node_map PRIMARY KEY,
    vm_numa_node_id uuid NOT NULL CONSTRAINT fk_vm_vds_numa_node_map_vm_numa_node REFERENCES numa_node (numa_node_id) ON DELETE CASCADE,
    vds_numa_node_index smallint
);
CREATE INDEX idx_vm_vds_numa_node_map_vm_numa_node_id ON vm_vds_numa_node_map (vm_numa_node_id);
COMMENT ON TABLE vm_vds_numa_node_map IS 'Host NUMA nodes that a VM''s NUMA node is pinned to';
COMMENT ON COLUMN vm_vds_numa_node_map.id IS 'Primary key';
COMMENT ON COLUMN vm_vds_numa_node_map.vm_numa_node_id IS 'The VM''s NUMA node';
COMMENT ON COLUMN vm_vds_numa_node_map.vds_numa_node_index IS 'Number of the host''s node that it is pinned to';

CREATE TABLE vm_host_pinning_map (
    vm_id uuid NOT NULL CONSTRAINT vm_host_pinning_map_vm_id_fkey REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    vds_id uuid NOT NULL,
    CONSTRAINT pk_vm_host_pinning_map PRIMARY KEY (vm_id, vds_id)
);
COMMENT ON TABLE vm_host_pinning_map IS 'Hosts that a VM is bound to';
COMMENT ON COLUMN vm_host_pinning_map.vm_id IS 'VM';
COMMENT ON COLUMN vm_host_pinning_map.vds_id IS 'Host that it may run on';

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

