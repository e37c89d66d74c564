-- complain if the script is sourced in psql rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION vmclone" to load this file. \quit
-- Inventory: data centres (storage pools), storage domains, LUNs, disk profiles.
-- Names, types and codes are those of an oVirt 4.5 engine database.

CREATE TABLE storage_pool (
    id uuid CONSTRAINT pk_storage_pool PRIMARY KEY,
    name varchar(40) NOT NULL,
    description varchar(4000) NOT NULL DEFAULT '',
    storage_pool_type integer,
    storage_pool_format_type varchar(50),
    status integer NOT NULL,
    master_domain_version integer NOT NULL DEFAULT 0,
    spm_vds_id uuid,
    compatibility_version varchar(40) NOT NULL DEFAULT '4.7',
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    quota_enforcement_type integer,
    free_text_comment text,
    is_local boolean,
    managed boolean DEFAULT true,
    CONSTRAINT storage_pool_status_code CHECK (status BETWEEN 0 AND 5),
    CONSTRAINT storage_pool_quota_mode_code CHECK (quota_enforcement_type BETWEEN 0 AND 2)
);
CREATE INDEX idx_storage_pool_name ON storage_pool (name);

COMMENT ON TABLE storage_pool IS 'A data centre: the storage domains, clusters, networks and quotas that belong together';
COMMENT ON COLUMN storage_pool.status IS '0 uninitialized, 1 up, 2 maintenance, 3 not operational, 4 non-responsive, 5 contend';
COMMENT ON COLUMN storage_pool.quota_enforcement_type IS '0 disabled, 1 soft (audited), 2 hard (enforced)';
COMMENT ON COLUMN storage_pool.storage_pool_format_type IS 'Version of the on-disk domain format, "0" to "5"';
COMMENT ON COLUMN storage_pool.spm_vds_id IS 'Host that manages the storage of this data centre at present';

CREATE TABLE luns (
    physical_volume_id varchar(50),
    lun_id varchar(255) CONSTRAINT pk_luns PRIMARY KEY,
    volume_group_id varchar(50) NOT NULL,
    serial varchar(4000),
    lun_mapping integer,
    vendor_id varchar(50),
    product_id varchar(50),
    device_size integer DEFAULT 0,
    discard_max_size bigint,
    CONSTRAINT luns_device_size_not_negative CHECK (device_size >= 0),
    CONSTRAINT luns_discard_max_size_not_negative CHECK (discard_max_size >= 0)
);
CREATE INDEX idx_luns_volume_group_id ON luns (volume_group_id);

COMMENT ON TABLE luns IS 'Block devices: those below a block storage domain, and those a VM uses directly';
COMMENT ON COLUMN luns.volume_group_id IS 'LVM volume group that the device is part of; empty for a direct LUN';
COMMENT ON COLUMN luns.device_size IS 'Size in GiB';
COMMENT ON COLUMN luns.discard_max_size IS 'Largest discard the device takes at once, in bytes; 0 = no discard';

CREATE TABLE storage_domain_static (
    id uuid CONSTRAINT pk_storage_domain_static PRIMARY KEY,
    storage varchar(250) NOT NULL,
    storage_name varchar(250) NOT NULL,
    storage_domain_type integer NOT NULL,
    storage_type integer NOT NULL,
    storage_domain_format_type varchar(50) NOT NULL DEFAULT '0',
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    recoverable boolean NOT NULL DEFAULT true,
    last_time_used_as_master bigint,
    storage_description varchar(4000),
    storage_comment text,
    wipe_after_delete boolean NOT NULL DEFAULT false,
    warning_low_space_indicator integer,
    critical_space_action_blocker integer,
    warning_low_confirmed_space_indicator integer,
    first_metadata_device varchar(100) REFERENCES luns (lun_id),
    vg_metadata_device varchar(100) REFERENCES luns (lun_id),
    discard_after_delete boolean NOT NULL DEFAULT false,
    backup boolean NOT NULL DEFAULT false,
    block_size integer NOT NULL DEFAULT 512,
    CONSTRAINT storage_domain_static_type_code CHECK (storage_domain_type BETWEEN 0 AND 8),
    CONSTRAINT storage_domain_static_storage_code CHECK (storage_type BETWEEN 0 AND 11),
    CONSTRAINT storage_domain_static_low_space_percent CHECK (warning_low_space_indicator BETWEEN 0 AND 100),
    CONSTRAINT storage_domain_static_blocker_not_negative CHECK (critical_space_action_blocker >= 0),
    CONSTRAINT storage_domain_static_block_size CHECK (block_size = ANY ('{0,512,4096}'))
);
CREATE INDEX idx_storage_domain_static_name ON storage_domain_static (storage_name);

COMMENT ON TABLE storage_domain_static IS 'A storage domain as configured: where disks can lie';
COMMENT ON COLUMN storage_domain_static.storage IS 'Connection id of a file domain, LVM volume group of a block domain';
COMMENT ON COLUMN storage_domain_static.storage_domain_type IS '0 master data, 1 data, 2 ISO, 3 import/export, 4 image, 5 volume, 6 unknown, 7 managed block storage, 8 unmanaged';
COMMENT ON COLUMN storage_domain_static.storage_type IS '0 unknown, 1 NFS, 2 FCP, 3 iSCSI, 4 local FS, 6 POSIX FS, 7 GlusterFS, 8 Glance, 9 Cinder, 10 managed block, 11 unmanaged; 2 and 3 are block, 1, 4, 6 and 7 file';
COMMENT ON COLUMN storage_domain_static.storage_domain_format_type IS 'Version of the on-disk domain format, "0" to "5"';
COMMENT ON COLUMN storage_domain_static.warning_low_space_indicator IS 'Warn below this many percent free';
COMMENT ON COLUMN storage_domain_static.critical_space_action_blocker IS 'No new disks below this many GiB free';
COMMENT ON COLUMN storage_domain_static.first_metadata_device IS 'Block domain: the LUN that holds its metadata';
COMMENT ON COLUMN storage_domain_static.vg_metadata_device IS 'Block domain: the LUN that holds the LVM metadata of the volume group';
COMMENT ON COLUMN storage_domain_static.block_size IS 'Logical sector size in bytes: 512 or 4096; 0 = to be found out';
COMMENT ON COLUMN storage_domain_static.last_time_used_as_master IS 'Milliseconds since 1970';

CREATE TABLE storage_domain_dynamic (
    id uuid CONSTRAINT pk_storage_domain_dynamic PRIMARY KEY
        CONSTRAINT fk_storage_domain_dynamic_static REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    available_disk_size integer,
    used_disk_size integer,
    _update_date timestamptz,
    external_status integer NOT NULL DEFAULT 0,
    confirmed_available_disk_size integer,
    vdo_savings integer,
    CONSTRAINT storage_domain_dynamic_available_not_negative CHECK (available_disk_size >= 0),
    CONSTRAINT storage_domain_dynamic_used_not_negative CHECK (used_disk_size >= 0)
);

COMMENT ON TABLE storage_domain_dynamic IS 'Free and used space of a storage domain, as last reported';
COMMENT ON COLUMN storage_domain_dynamic.available_disk_size IS 'Free space in GiB; NULL = not known';
COMMENT ON COLUMN storage_domain_dynamic.used_disk_size IS 'Used space in GiB; NULL = not known';
COMMENT ON COLUMN storage_domain_dynamic.confirmed_available_disk_size IS 'Thin-provisioned storage: free space in GiB that is really backed';
COMMENT ON COLUMN storage_domain_dynamic.vdo_savings IS 'Percent saved by deduplication, NULL = no VDO';

CREATE TABLE storage_pool_iso_map (
    storage_id uuid NOT NULL CONSTRAINT fk_storage_pool_iso_map_domain REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    storage_pool_id uuid NOT NULL CONSTRAINT fk_storage_pool_iso_map_pool REFERENCES storage_pool (id) ON DELETE CASCADE,
    status integer,
    CONSTRAINT pk_storage_domain_pool_map PRIMARY KEY (storage_id, storage_pool_id),
    CONSTRAINT storage_pool_iso_map_status_code CHECK (status BETWEEN 0 AND 9)
);
CREATE INDEX idx_storage_pool_iso_map_pool ON storage_pool_iso_map (storage_pool_id);

COMMENT ON TABLE storage_pool_iso_map IS 'Which data centre a storage domain is attached to, and its state there';
COMMENT ON COLUMN storage_pool_iso_map.status IS '0 unknown, 1 uninitialized, 2 unattached, 3 active, 4 inactive, 5 locked, 6 maintenance, 7 preparing for maintenance, 8 detaching, 9 activating';

CREATE TABLE disk_profiles (
    id uuid CONSTRAINT disk_profiles_pkey PRIMARY KEY,
    name varchar(50) NOT NULL,
    storage_domain_id uuid NOT NULL CONSTRAINT fk_disk_profiles_domain REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    qos_id uuid,
    description text,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz
);
CREATE INDEX idx_disk_profiles_storage_domain_id ON disk_profiles (storage_domain_id);

COMMENT ON TABLE disk_profiles IS 'What a disk on a storage domain may consume; users are granted profiles';

SELECT pg_catalog.pg_extension_config_dump('storage_pool', '');
SELECT pg_catalog.pg_extension_config_dump('luns', '');
SELECT pg_catalog.pg_extension_config_dump('storage_domain_static', '');
SELECT pg_catalog.pg_extension_config_dump('storage_domain_dynamic', '');
SELECT pg_catalog.pg_extension_config_dump('storage_pool_iso_map', '');
SELECT pg_catalog.pg_extension_config_dump('disk_profiles', '');

REVOKE ALL ON storage_pool, luns, storage_domain_static, storage_domain_dynamic, storage_pool_iso_map, disk_profiles FROM PUBLIC;

-- Inventory: MAC pools, networks, vNIC profiles.  (Networks in clusters: cluster.sql.)

CREATE TABLE mac_pools (
    id uuid CONSTRAINT mac_pools_pkey PRIMARY KEY,
    name varchar(255),
    description varchar(4000),
    allow_duplicate_mac_addresses boolean NOT NULL DEFAULT false,
    default_pool boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX idx_mac_pools_one_default ON mac_pools (default_pool) WHERE default_pool;

COMMENT ON TABLE mac_pools IS 'A set of MAC address ranges; every cluster takes its addresses from one pool';
COMMENT ON COLUMN mac_pools.allow_duplicate_mac_addresses IS 'True: an address that is in use elsewhere may be given out again';

CREATE TABLE mac_pool_ranges (
    mac_pool_id uuid NOT NULL CONSTRAINT fk_mac_pool_ranges_pool REFERENCES mac_pools (id) ON DELETE CASCADE,
    from_mac varchar(17) NOT NULL,
    to_mac varchar(17) NOT NULL,
    CONSTRAINT mac_pool_ranges_from_form CHECK (from_mac ~* '^([0-9a-f]{2}:){5}[0-9a-f]{2}$'),
    CONSTRAINT mac_pool_ranges_to_form CHECK (to_mac ~* '^([0-9a-f]{2}:){5}[0-9a-f]{2}$'),
    CONSTRAINT mac_pool_ranges_order CHECK (lower(from_mac) COLLATE "C" <= lower(to_mac) COLLATE "C")
);
CREATE INDEX idx_mac_pool_ranges_pool ON mac_pool_ranges (mac_pool_id);

COMMENT ON TABLE mac_pool_ranges IS 'The ranges of a MAC pool, both ends included';
COMMENT ON COLUMN mac_pool_ranges.from_mac IS 'First address, six hex bytes with colons';
COMMENT ON COLUMN mac_pool_ranges.to_mac IS 'Last address';

CREATE TABLE network (
    id uuid CONSTRAINT pk_network PRIMARY KEY,
    name varchar(256) NOT NULL,
    description varchar(4000),
    type integer,
    addr varchar(50),
    subnet varchar(20),
    gateway varchar(20),
    vlan_id integer,
    stp boolean NOT NULL DEFAULT false,
    storage_pool_id uuid CONSTRAINT fk_network_storage_pool REFERENCES storage_pool (id) ON DELETE SET NULL,
    mtu integer,
    vm_network boolean NOT NULL DEFAULT true,
    provider_network_provider_id uuid,
    provider_network_external_id text,
    free_text_comment text,
    label text,
    qos_id uuid,
    vdsm_name varchar(15),
    dns_resolver_configuration_id uuid,
    provider_physical_network_id uuid,
    port_isolation boolean NOT NULL DEFAULT false,
    CONSTRAINT network_vlan_range CHECK (vlan_id BETWEEN 0 AND 4094),
    CONSTRAINT network_mtu_not_negative CHECK (mtu >= 0)
);
CREATE UNIQUE INDEX network_storage_pool_id_name ON network (storage_pool_id, name);

COMMENT ON TABLE network IS 'A logical network of a data centre';
COMMENT ON COLUMN network.vm_network IS 'True: VM NICs can be attached to it';
COMMENT ON COLUMN network.vdsm_name IS 'Name of the bridge on the hosts';
COMMENT ON COLUMN network.mtu IS 'Bytes; 0 or NULL = the host''s default';
COMMENT ON COLUMN network.provider_physical_network_id IS 'External network: the network that carries it';

CREATE TABLE vnic_profiles (
    id uuid CONSTRAINT pk_vnic_profiles_id PRIMARY KEY,
    name varchar(256) NOT NULL,
    network_id uuid NOT NULL CONSTRAINT fk_vnic_profiles_network_id REFERENCES network (id) ON DELETE CASCADE,
    port_mirroring boolean NOT NULL DEFAULT false,
    custom_properties text,
    description text,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    network_qos_id uuid,
    passthrough boolean NOT NULL DEFAULT false,
    network_filter_id uuid,
    migratable boolean NOT NULL DEFAULT false,
    failover_vnic_profile_id uuid,
    CONSTRAINT vnic_profiles_name_once UNIQUE (network_id, name)
);

COMMENT ON TABLE vnic_profiles IS 'How a NIC may use a network; users are granted profiles';
COMMENT ON COLUMN vnic_profiles.port_mirroring IS 'True: the NIC sees all traffic of the network';
COMMENT ON COLUMN vnic_profiles.passthrough IS 'True: the NIC is a virtual function of the host''s card';
COMMENT ON COLUMN vnic_profiles.failover_vnic_profile_id IS 'Passthrough: the profile used while the VM migrates';

SELECT pg_catalog.pg_extension_config_dump('mac_pools', '');
SELECT pg_catalog.pg_extension_config_dump('mac_pool_ranges', '');
SELECT pg_catalog.pg_extension_config_dump('network', '');
SELECT pg_catalog.pg_extension_config_dump('vnic_profiles', '');

REVOKE ALL ON mac_pools, mac_pool_ranges, network, vnic_profiles FROM PUBLIC;

-- Inventory: clusters, their CPU profiles, and the networks in them.

CREATE TABLE cluster (
    cluster_id uuid CONSTRAINT pk_cluster PRIMARY KEY,
    name varchar(40) NOT NULL,
    description varchar(4000),
    cpu_name varchar(255),
    cpu_flags varchar(4000),
    cpu_verb varchar(4000),
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    storage_pool_id uuid CONSTRAINT fk_cluster_storage_pool_id REFERENCES storage_pool (id) ON DELETE SET NULL,
    max_vds_memory_over_commit integer NOT NULL DEFAULT 100,
    compatibility_version varchar(40) NOT NULL DEFAULT '4.7',
    transparent_hugepages boolean NOT NULL DEFAULT false,
    migrate_on_error integer NOT NULL DEFAULT 1,
    virt_service boolean NOT NULL DEFAULT true,
    gluster_service boolean NOT NULL DEFAULT false,
    count_threads_as_cores boolean NOT NULL DEFAULT false,
    emulated_machine varchar(40),
    trusted_service boolean NOT NULL DEFAULT false,
    tunnel_migration boolean NOT NULL DEFAULT false,
    cluster_policy_id uuid,
    cluster_policy_custom_properties text,
    enable_balloon boolean NOT NULL DEFAULT false,
    free_text_comment text,
    detect_emulated_machine boolean DEFAULT false,
    architecture integer NOT NULL DEFAULT 0,
    optimization_type smallint DEFAULT 0,
    spice_proxy varchar(255),
    ha_reservation boolean NOT NULL DEFAULT false,
    enable_ksm boolean NOT NULL DEFAULT true,
    serial_number_policy smallint,
    custom_serial_number varchar(255),
    optional_reason boolean NOT NULL DEFAULT false,
    additional_rng_sources varchar(255),
    skip_fencing_if_sd_active boolean DEFAULT false,
    skip_fencing_if_connectivity_broken boolean DEFAULT false,
    hosts_with_broken_connectivity_threshold smallint DEFAULT 50,
    fencing_enabled boolean DEFAULT true,
    is_auto_converge boolean,
    is_migrate_compressed boolean,
    is_migrate_encrypted boolean,
    maintenance_reason_required boolean NOT NULL DEFAULT false,
    gluster_tuned_profile varchar(50),
    gluster_cli_based_snapshot_scheduled boolean NOT NULL DEFAULT true,
    ksm_merge_across_nodes boolean DEFAULT true,
    migration_bandwidth_limit_type varchar(16) NOT NULL DEFAULT 'AUTO',
    custom_migration_bandwidth_limit integer,
    migration_policy_id uuid,
    mac_pool_id uuid CONSTRAINT cluster_mac_pool_id_fkey REFERENCES mac_pools (id),
    switch_type varchar(6) NOT NULL DEFAULT 'legacy',
    skip_fencing_if_gluster_bricks_up boolean DEFAULT false,
    skip_fencing_if_gluster_quorum_not_met boolean DEFAULT false,
    firewall_type integer NOT NULL DEFAULT 1,
    default_network_provider_id uuid,
    log_max_memory_used_threshold integer NOT NULL DEFAULT 95,
    log_max_memory_used_threshold_type smallint NOT NULL DEFAULT 0,
    bios_type integer,
    vnc_encryption_enabled boolean NOT NULL DEFAULT false,
    managed boolean DEFAULT true,
    fips_mode integer NOT NULL DEFAULT 0,
    upgrade_running boolean NOT NULL DEFAULT false,
    upgrade_percent_complete smallint NOT NULL DEFAULT 0,
    upgrade_correlation_id varchar(50),
    parallel_migrations smallint NOT NULL DEFAULT 0,
    CONSTRAINT cluster_architecture_code CHECK (architecture BETWEEN 0 AND 8),
    CONSTRAINT cluster_bios_type_code CHECK (bios_type BETWEEN 0 AND 4),
    CONSTRAINT check_cluster_migration_bandwidth_limit_type_enum CHECK (migration_bandwidth_limit_type = ANY ('{AUTO,VDSM_CONFIG,CUSTOM}')),
    CONSTRAINT check_cluster_custom_migration_bandwidth_set
        CHECK (migration_bandwidth_limit_type <> 'CUSTOM' OR custom_migration_bandwidth_limit IS NOT NULL)
);
CREATE INDEX idx_cluster_storage_pool_id ON cluster (storage_pool_id);
CREATE INDEX idx_cluster_mac_pool_id ON cluster (mac_pool_id);

COMMENT ON TABLE cluster IS 'Hosts that run the same VMs: a VM belongs to one cluster, and through it to a data centre';
COMMENT ON COLUMN cluster.architecture IS '0 undefined, 1 x86_64, 2 ppc64, 3 ppc, 4 x86, 5 ppc64le, 6 ppcle, 7 s390x, 8 s390';
COMMENT ON COLUMN cluster.bios_type IS '0 or NULL not set, 1 i440FX with SeaBIOS, 2 Q35 with SeaBIOS, 3 Q35 with OVMF, 4 Q35 with OVMF and secure boot';
COMMENT ON COLUMN cluster.migrate_on_error IS '0 do not migrate, 1 migrate, 2 migrate highly available VMs only';
COMMENT ON COLUMN cluster.parallel_migrations IS '-2 automatic, -1 automatic and parallel only, 0 disabled, more: that many connections';
COMMENT ON COLUMN cluster.max_vds_memory_over_commit IS 'Percent';

CREATE TABLE cpu_profiles (
    id uuid CONSTRAINT cpu_profiles_pkey PRIMARY KEY,
    name varchar(50) NOT NULL,
    cluster_id uuid NOT NULL CONSTRAINT fk_cpu_profiles_cluster REFERENCES cluster (cluster_id) ON DELETE CASCADE,
    qos_id uuid,
    description text,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz
);
CREATE INDEX idx_cpu_profiles_cluster_id ON cpu_profiles (cluster_id);

COMMENT ON TABLE cpu_profiles IS 'What a VM in a cluster may consume; users are granted profiles';

CREATE TABLE network_cluster (
    network_id uuid NOT NULL CONSTRAINT fk_network_cluster_network REFERENCES network (id) ON DELETE CASCADE,
    cluster_id uuid NOT NULL CONSTRAINT fk_network_cluster_cluster REFERENCES cluster (cluster_id) ON DELETE CASCADE,
    status integer NOT NULL DEFAULT 0,
    is_display boolean NOT NULL DEFAULT false,
    required boolean NOT NULL DEFAULT true,
    migration boolean NOT NULL DEFAULT false,
    management boolean NOT NULL DEFAULT false,
    is_gluster boolean NOT NULL DEFAULT false,
    default_route boolean NOT NULL DEFAULT false,
    CONSTRAINT pk_network_cluster PRIMARY KEY (network_id, cluster_id),
    CONSTRAINT network_cluster_status_code CHECK (status = ANY ('{0,1}'))
);
CREATE INDEX idx_network_cluster_cluster_id ON network_cluster (cluster_id);

COMMENT ON TABLE network_cluster IS 'Which networks a cluster has, and what for';
COMMENT ON COLUMN network_cluster.status IS '0 non-operational, 1 operational';

SELECT pg_catalog.pg_extension_config_dump('cluster', '');
SELECT pg_catalog.pg_extension_config_dump('cpu_profiles', '');
SELECT pg_catalog.pg_extension_config_dump('network_cluster', '');

REVOKE ALL ON cluster, cpu_profiles, network_cluster FROM PUBLIC;

-- Inventory: quotas.

CREATE TABLE quota (
    id uuid CONSTRAINT pk_quota PRIMARY KEY,
    storage_pool_id uuid NOT NULL CONSTRAINT fk_quota_pool REFERENCES storage_pool (id) ON DELETE CASCADE,
    quota_name varchar(65) NOT NULL,
    description varchar(500),
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    threshold_cluster_percentage integer DEFAULT 80,
    threshold_storage_percentage integer DEFAULT 80,
    grace_cluster_percentage integer DEFAULT 20,
    grace_storage_percentage integer DEFAULT 20,
    is_default boolean NOT NULL DEFAULT false,
    CONSTRAINT quota_name_once UNIQUE (storage_pool_id, quota_name),
    CONSTRAINT quota_percentages_not_negative CHECK (threshold_cluster_percentage >= 0 AND threshold_storage_percentage >= 0
        AND grace_cluster_percentage >= 0 AND grace_storage_percentage >= 0)
);
CREATE UNIQUE INDEX idx_quota_one_default ON quota (storage_pool_id) WHERE is_default;

COMMENT ON TABLE quota IS 'An allowance of storage, memory and CPUs in a data centre';
COMMENT ON COLUMN quota.threshold_storage_percentage IS 'Warn when more than this share of the limit is used';
COMMENT ON COLUMN quota.grace_storage_percentage IS 'Allow this much above the limit, with a warning';
COMMENT ON COLUMN quota.is_default IS 'The one that counts where no quota is named; one in a data centre';

CREATE TABLE quota_limitation (
    id uuid CONSTRAINT pk_quota_limitation PRIMARY KEY,
    quota_id uuid NOT NULL CONSTRAINT fk_quota_limitation_quota REFERENCES quota (id) ON DELETE CASCADE,
    storage_id uuid CONSTRAINT fk_quota_limitation_domain REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    cluster_id uuid CONSTRAINT fk_quota_limitation_cluster REFERENCES cluster (cluster_id) ON DELETE CASCADE,
    virtual_cpu integer,
    mem_size_mb bigint,
    storage_size_gb bigint,
    CONSTRAINT quota_limitation_one_scope CHECK (storage_id IS NULL OR cluster_id IS NULL),
    CONSTRAINT quota_limitation_values CHECK (virtual_cpu >= -1 AND mem_size_mb >= -1 AND storage_size_gb >= -1)
);
CREATE INDEX idx_quota_limitation_quota_id ON quota_limitation (quota_id);
CREATE INDEX idx_quota_limitation_storage_id ON quota_limitation (storage_id);
CREATE INDEX idx_quota_limitation_cluster_id ON quota_limitation (cluster_id);

COMMENT ON TABLE quota_limitation IS 'A limit of a quota: for one storage domain, for one cluster, or (both NULL) for all';
COMMENT ON COLUMN quota_limitation.virtual_cpu IS 'Virtual CPUs; -1 unlimited, NULL not limited by this row';
COMMENT ON COLUMN quota_limitation.mem_size_mb IS 'MiB; -1 unlimited, NULL not limited by this row';
COMMENT ON COLUMN quota_limitation.storage_size_gb IS 'GiB; -1 unlimited, NULL not limited by this row';

SELECT pg_catalog.pg_extension_config_dump('quota', '');
SELECT pg_catalog.pg_extension_config_dump('quota_limitation', '');

REVOKE ALL ON quota, quota_limitation FROM PUBLIC;

-- Inventory: VMs, templates and instance types, and what belongs to one VM only.

CREATE TABLE vm_icons (
    id uuid CONSTRAINT vm_icons_pkey PRIMARY KEY,
    data_url varchar(32768) NOT NULL
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
    description varchar(4000),
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
    free_text_comment text,
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
    console_disconnect_action_delay smallint,
    resume_behavior varchar(64),
    custom_compatibility_version varchar(40),
    migration_policy_id uuid,
    lease_sd_id uuid CONSTRAINT fk_vm_static_lease_sd_id_storage_domain_static_id REFERENCES storage_domain_static (id),
    multi_queues_enabled boolean NOT NULL DEFAULT true,
    virtio_scsi_multi_queues integer NOT NULL DEFAULT 0,
    use_tsc_frequency boolean NOT NULL DEFAULT false,
    namespace varchar(253),
    balloon_enabled boolean NOT NULL DEFAULT false,
    bios_type integer,
    is_template_sealed boolean,
    parallel_migrations smallint,
    CONSTRAINT vm_static_kind CHECK (entity_type = ANY ('{VM,TEMPLATE,INSTANCE_TYPE,IMAGE_TYPE}')
        AND template_status = ANY ('{0,1,2}') AND child_count >= 0),
    CONSTRAINT vm_static_max_memory_size_lower_bound CHECK (max_memory_size_mb >= mem_size_mb),
    CONSTRAINT vm_static_memory_not_negative CHECK (mem_size_mb >= 0 AND min_allocated_mem >= 0),
    CONSTRAINT vm_static_cpu_counts CHECK (num_of_sockets >= 1 AND cpu_per_socket >= 1 AND threads_per_cpu >= 1),
    CONSTRAINT vm_static_bios_type_check CHECK ((cluster_id IS NULL) = (bios_type IS NULL)),
    CONSTRAINT vm_static_bios_type_code CHECK (bios_type BETWEEN 0 AND 4),
    CONSTRAINT vm_static_cpu_profile_with_cluster CHECK (cluster_id IS NULL OR cpu_profile_id IS NOT NULL),
    CONSTRAINT vm_static_cpu_pinning_set_for_manual_pinning_policy_only CHECK ((cpu_pinning_policy = 1) = (cpu_pinning IS NOT NULL)),
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
COMMENT ON FUNCTION vm_static_blank() IS 'Trigger: inserting the template Blank again sets its columns';

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
COMMENT ON FUNCTION vm_static_template_exists() IS 'Trigger: vmt_guid names a row that is there';

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
COMMENT ON FUNCTION vm_static_template_unused() IS 'Trigger: a template that virtual machines depend on stays';

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
    downtime bigint NOT NULL DEFAULT 0,
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
    volatile_run boolean DEFAULT false,
    vm_fqdn text DEFAULT '',
    cpu_name varchar(255),
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
CREATE INDEX idx_vm_dynamic_status ON vm_dynamic (status) WHERE status <> 0;
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
    usage_network_percent integer DEFAULT 0,
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
COMMENT ON COLUMN numa_node.numa_tune_mode IS 'STRICT, INTERLEAVE or PREFERRED';

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

-- Inventory: disks.  A disk (image group) is one row in base_disks and a chain of images; what a VM does with it
-- is in disk_vm_element and vm_device (image.sql, device.sql).

CREATE TABLE base_disks (
    disk_id uuid CONSTRAINT pk_disks PRIMARY KEY,
    wipe_after_delete boolean NOT NULL DEFAULT false,
    propagate_errors varchar(32) NOT NULL DEFAULT 'Off',
    disk_alias varchar(255),
    disk_description varchar(500),
    shareable boolean DEFAULT false,
    sgio smallint,
    disk_storage_type smallint,
    cinder_volume_type varchar(255),
    disk_content_type smallint NOT NULL DEFAULT 0,
    backup varchar(32) NOT NULL DEFAULT 'None',
    backup_mode varchar(32),
    CONSTRAINT base_disks_codes CHECK (propagate_errors = ANY ('{Off,On}') AND disk_storage_type BETWEEN 0 AND 4
        AND disk_content_type BETWEEN 0 AND 9 AND backup = ANY ('{None,Incremental}'))
);
CREATE INDEX idx_base_disks_alias ON base_disks (disk_alias);

COMMENT ON TABLE base_disks IS 'A disk: what stays the same over its snapshots';
COMMENT ON COLUMN base_disks.disk_id IS 'The image group: images.image_group_id, and the folder on a file domain';
COMMENT ON COLUMN base_disks.propagate_errors IS 'Off: the VM pauses on an I/O error; On: the guest sees it';
COMMENT ON COLUMN base_disks.shareable IS 'True: several VMs may use it at the same time; such a disk has no snapshots';
COMMENT ON COLUMN base_disks.sgio IS 'Direct LUN, privileged I/O: 0 filtered, 1 unfiltered';
COMMENT ON COLUMN base_disks.disk_storage_type IS '0 image, 1 LUN, 2 Cinder, 3 managed block storage, 4 Kubernetes';
COMMENT ON COLUMN base_disks.disk_content_type IS '0 data, 1 OVF store, 2 memory dump, 3 memory metadata, 4 ISO, 5 hosted engine, 6 hosted engine sanlock, 7 hosted engine metadata, 8 hosted engine configuration, 9 backup scratch';
COMMENT ON COLUMN base_disks.backup IS 'None or Incremental';

CREATE TABLE disk_lun_map (
    disk_id uuid NOT NULL CONSTRAINT fk_disk_lun_to_disk REFERENCES base_disks (disk_id) ON DELETE CASCADE,
    lun_id varchar(255) NOT NULL CONSTRAINT fk_disk_lun_to_lun REFERENCES luns (lun_id) ON DELETE CASCADE,
    CONSTRAINT disk_lun_map_pk PRIMARY KEY (disk_id, lun_id)
);
CREATE INDEX idx_disk_lun_map_lun_id ON disk_lun_map (lun_id);

COMMENT ON TABLE disk_lun_map IS 'The block device of a direct LUN disk';

SELECT pg_catalog.pg_extension_config_dump('base_disks', '');
SELECT pg_catalog.pg_extension_config_dump('disk_lun_map', '');

REVOKE ALL ON base_disks, disk_lun_map FROM PUBLIC;

-- Inventory: snapshots of VMs.

CREATE TABLE snapshots (
    snapshot_id uuid CONSTRAINT pk_snapshots PRIMARY KEY,
    vm_id uuid NOT NULL CONSTRAINT fk_snapshot_vm REFERENCES vm_static (vm_guid),
    snapshot_type varchar(32) NOT NULL,
    status varchar(32) NOT NULL,
    description varchar(4000),
    creation_date timestamptz NOT NULL,
    app_list text,
    vm_configuration text,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    memory_metadata_disk_id uuid CONSTRAINT fk_snapshots_metadata_disk REFERENCES base_disks (disk_id) ON DELETE SET NULL,
    memory_dump_disk_id uuid CONSTRAINT fk_snapshots_dump_disk REFERENCES base_disks (disk_id) ON DELETE SET NULL,
    vm_configuration_broken boolean NOT NULL DEFAULT false,
    changed_fields text,
    CONSTRAINT snapshots_codes CHECK (snapshot_type = ANY ('{REGULAR,ACTIVE,STATELESS,PREVIEW,NEXT_RUN}')
        AND status = ANY ('{OK,LOCKED,IN_PREVIEW}'))
);
CREATE INDEX idx_snapshots_vm_id ON snapshots (vm_id, creation_date);
CREATE UNIQUE INDEX idx_snapshots_one_active ON snapshots (vm_id) WHERE snapshot_type = 'ACTIVE';
CREATE INDEX idx_snapshots_not_ok ON snapshots (vm_id) WHERE status <> 'OK';
CREATE INDEX idx_snapshots_memory_metadata_disk ON snapshots (memory_metadata_disk_id) WHERE memory_metadata_disk_id IS NOT NULL;
CREATE INDEX idx_snapshots_memory_dump_disk ON snapshots (memory_dump_disk_id) WHERE memory_dump_disk_id IS NOT NULL;

COMMENT ON TABLE snapshots IS 'A point in time of a VM: its configuration as OVF, and one image per disk (images.vm_snapshot_id)';
COMMENT ON COLUMN snapshots.snapshot_type IS 'REGULAR, ACTIVE (the present state; one for a VM), STATELESS, PREVIEW (the former active one during a preview), NEXT_RUN';
COMMENT ON COLUMN snapshots.status IS 'OK, LOCKED (something works on it), IN_PREVIEW';
COMMENT ON COLUMN snapshots.vm_configuration IS 'OVF document of the VM at that time; NULL in very old snapshots and in the ACTIVE one';
COMMENT ON COLUMN snapshots.vm_configuration_broken IS 'True: vm_configuration does not describe the images any more; no clone can be made';
COMMENT ON COLUMN snapshots.memory_dump_disk_id IS 'Disk that holds the memory of the running VM';
COMMENT ON COLUMN snapshots.memory_metadata_disk_id IS 'Disk that holds the run-time configuration belonging to the memory';
COMMENT ON COLUMN snapshots.app_list IS 'Applications the guest agent had reported';

SELECT pg_catalog.pg_extension_config_dump('snapshots', '');

REVOKE ALL ON snapshots FROM PUBLIC;

-- Inventory: images, the links of the chains below disks, and where they lie.

CREATE TABLE images (
    image_guid uuid CONSTRAINT pk_images PRIMARY KEY,
    creation_date timestamptz NOT NULL,
    size bigint NOT NULL,
    it_guid uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    parentid uuid,
    imagestatus integer DEFAULT 0,
    lastmodified timestamptz NOT NULL,
    vm_snapshot_id uuid CONSTRAINT fk_images_snapshot REFERENCES snapshots (snapshot_id),
    volume_type integer NOT NULL DEFAULT 2,
    volume_format integer NOT NULL DEFAULT 4,
    image_group_id uuid CONSTRAINT fk_images_disk REFERENCES base_disks (disk_id),
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    active boolean NOT NULL DEFAULT false,
    volume_classification smallint,
    qcow_compat integer DEFAULT 0,
    sequence_number integer,
    -- few constraints: each is prepared anew by every statement that writes here
    CONSTRAINT images_sound CHECK (image_guid <> '00000000-0000-0000-0000-000000000000' AND parentid <> image_guid AND size >= 0),
    CONSTRAINT images_codes CHECK (imagestatus = ANY ('{0,1,2,4}') AND volume_type = ANY ('{0,1,2}') AND volume_format = ANY ('{3,4,5}')
        AND volume_classification = ANY ('{0,1,2}') AND qcow_compat = ANY ('{0,1,2}'))
-- room for the status that clones set and give back, on the same page
) WITH (fillfactor = 60);
CREATE INDEX idx_images_image_group_id ON images (image_group_id);
CREATE INDEX idx_images_vm_snapshot_id ON images (vm_snapshot_id);
CREATE INDEX idx_images_parentid ON images (parentid) WHERE parentid <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX idx_images_it_guid ON images (it_guid) WHERE it_guid <> '00000000-0000-0000-0000-000000000000';
CREATE UNIQUE INDEX idx_images_one_active ON images (image_group_id) WHERE active;

COMMENT ON TABLE images IS 'A volume: one layer of a disk.  parentid leads from the newest layer to the first one';
COMMENT ON COLUMN images.size IS 'Virtual size in bytes';
COMMENT ON COLUMN images.parentid IS 'The layer below; NULL or the zero uuid = this is the first one.  No foreign key: a chain with a hole must be representable, and is refused';
COMMENT ON COLUMN images.it_guid IS 'The template''s image that the disk was made from; the zero uuid = none';
COMMENT ON COLUMN images.imagestatus IS '0 unassigned, 1 OK, 2 locked, 4 illegal';
COMMENT ON COLUMN images.vm_snapshot_id IS 'The snapshot whose state this layer holds; NULL for a template''s image';
COMMENT ON COLUMN images.volume_type IS '0 unassigned, 1 preallocated, 2 sparse';
COMMENT ON COLUMN images.volume_format IS '3 unassigned, 4 COW (qcow2), 5 RAW';
COMMENT ON COLUMN images.active IS 'True: the layer that the VM writes to; one for a disk';
COMMENT ON COLUMN images.volume_classification IS '0 volume, 1 snapshot, 2 invalid';
COMMENT ON COLUMN images.qcow_compat IS '0 undefined, 1 qcow2 version 2 (0.10), 2 qcow2 version 3 (1.1)';

CREATE TABLE disk_image_dynamic (
    image_id uuid CONSTRAINT pk_disk_image_dynamic PRIMARY KEY
        CONSTRAINT fk_disk_image_dynamic_images REFERENCES images (image_guid) ON DELETE CASCADE,
    read_rate integer,
    write_rate integer,
    actual_size bigint NOT NULL,
    read_latency_seconds numeric(18,9),
    write_latency_seconds numeric(18,9),
    flush_latency_seconds numeric(18,9),
    read_ops bigint,
    write_ops bigint,
    _update_date timestamptz,
    CONSTRAINT disk_image_dynamic_actual_size_not_negative CHECK (actual_size >= 0)
);

COMMENT ON TABLE disk_image_dynamic IS 'What an image takes on storage, and its I/O figures, as last reported';
COMMENT ON COLUMN disk_image_dynamic.actual_size IS 'Bytes allocated on storage';
COMMENT ON COLUMN disk_image_dynamic.read_rate IS 'Bytes a second';
COMMENT ON COLUMN disk_image_dynamic.write_rate IS 'Bytes a second';

CREATE TABLE image_storage_domain_map (
    image_id uuid NOT NULL CONSTRAINT fk_image_storage_domain_map_images REFERENCES images (image_guid) ON DELETE CASCADE,
    storage_domain_id uuid NOT NULL CONSTRAINT fk_image_storage_domain_map_domain REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    quota_id uuid CONSTRAINT image_storage_domain_map_quota_id_fkey REFERENCES quota (id) ON DELETE SET NULL,
    disk_profile_id uuid CONSTRAINT fk_image_storage_domain_map_profile REFERENCES disk_profiles (id) ON DELETE SET NULL,
    CONSTRAINT pk_image_storage_domain_map PRIMARY KEY (image_id, storage_domain_id)
);
CREATE INDEX idx_image_storage_domain_map_domain ON image_storage_domain_map (storage_domain_id);
CREATE INDEX idx_image_storage_domain_map_quota ON image_storage_domain_map (quota_id, storage_domain_id);
CREATE INDEX idx_image_storage_domain_map_profile ON image_storage_domain_map (disk_profile_id);

COMMENT ON TABLE image_storage_domain_map IS 'The storage domains an image lies on (a template''s image can lie on several), and the quota it is charged to';

CREATE TABLE disk_vm_element (
    disk_id uuid NOT NULL CONSTRAINT fk_disk_vm_element_base_disks REFERENCES base_disks (disk_id) ON DELETE CASCADE,
    vm_id uuid NOT NULL CONSTRAINT fk_disk_vm_element_vm_static REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    is_boot boolean NOT NULL DEFAULT false,
    disk_interface varchar(32) NOT NULL,
    pass_discard boolean NOT NULL DEFAULT false,
    is_using_scsi_reservation boolean NOT NULL DEFAULT false,
    CONSTRAINT pk_disk_vm_element PRIMARY KEY (vm_id, disk_id),
    CONSTRAINT disk_vm_element_interface_code CHECK (disk_interface = ANY ('{IDE,VirtIO_SCSI,VirtIO,SPAPR_VSCSI,SATA}'))
);
CREATE INDEX idx_disk_vm_element_disk_id ON disk_vm_element (disk_id);

COMMENT ON TABLE disk_vm_element IS 'A disk as a VM sees it; whether it is plugged and read-only is in vm_device';
COMMENT ON COLUMN disk_vm_element.disk_interface IS 'IDE, VirtIO_SCSI, VirtIO, SPAPR_VSCSI or SATA';
COMMENT ON COLUMN disk_vm_element.pass_discard IS 'True: the guest''s discards reach the storage';
COMMENT ON COLUMN disk_vm_element.is_using_scsi_reservation IS 'Direct LUN: the guest may reserve it';

SELECT pg_catalog.pg_extension_config_dump('images', '');
SELECT pg_catalog.pg_extension_config_dump('disk_image_dynamic', '');
SELECT pg_catalog.pg_extension_config_dump('image_storage_domain_map', '');
SELECT pg_catalog.pg_extension_config_dump('disk_vm_element', '');

REVOKE ALL ON images, disk_image_dynamic, image_storage_domain_map, disk_vm_element FROM PUBLIC;

-- Inventory: devices and NICs of VMs.

CREATE TABLE vm_device (
    device_id uuid NOT NULL,
    vm_id uuid NOT NULL CONSTRAINT fk_vm_device_vm_static REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    type varchar(30) NOT NULL,
    device varchar(255) NOT NULL,
    address varchar(255) NOT NULL,
    spec_params text,
    is_managed boolean NOT NULL DEFAULT false,
    is_plugged boolean,
    is_readonly boolean NOT NULL DEFAULT false,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    alias varchar(255) NOT NULL DEFAULT '',
    custom_properties text,
    snapshot_id uuid CONSTRAINT fk_vm_device_snapshots REFERENCES snapshots (snapshot_id) ON DELETE CASCADE,
    logical_name varchar(255),
    host_device varchar(255),
    CONSTRAINT pk_vm_device PRIMARY KEY (device_id, vm_id),
    CONSTRAINT vm_device_type_code CHECK (type = ANY ('{disk,interface,video,graphics,sound,controller,balloon,channel,
        redir,redirdev,console,rng,smartcard,watchdog,hostdev,memory,tpm,mdev,iommu,unknown}'))
);
CREATE INDEX idx_vm_device_vm_id_type ON vm_device (vm_id, type);
CREATE INDEX idx_vm_device_snapshot_id ON vm_device (snapshot_id) WHERE snapshot_id IS NOT NULL;

COMMENT ON TABLE vm_device IS 'A device of a VM.  device_id is the disk''s or the NIC''s id for those two types, else a uuid of its own';
COMMENT ON COLUMN vm_device.type IS 'Kind: disk, interface, video, graphics, sound, controller, balloon, channel, redir, redirdev, console, rng, smartcard, watchdog, hostdev, memory, tpm, mdev, iommu, unknown';
COMMENT ON COLUMN vm_device.device IS 'What of that kind: cdrom, bridge, qxl, virtio-scsi ...';
COMMENT ON COLUMN vm_device.address IS 'Address on the guest''s bus as libvirt reported it, {type=pci, slot=0x03, ...}; empty = to be given';
COMMENT ON COLUMN vm_device.spec_params IS 'JSON object: settings of the device';
COMMENT ON COLUMN vm_device.is_managed IS 'True: the engine knows the device; false: it was found in the running guest';
COMMENT ON COLUMN vm_device.snapshot_id IS 'Not NULL: the device is this snapshot''s disk, attached to another VM';
COMMENT ON COLUMN vm_device.logical_name IS 'Name inside the guest, as its agent says';

CREATE TABLE vm_external_data (
    device_id uuid NOT NULL,
    vm_id uuid NOT NULL,
    tpm_data text,
    tpm_hash text,
    CONSTRAINT vm_external_data_pkey PRIMARY KEY (device_id, vm_id),
    CONSTRAINT vm_external_data_device_id_fkey FOREIGN KEY (device_id, vm_id) REFERENCES vm_device (device_id, vm_id) ON DELETE CASCADE
);
COMMENT ON TABLE vm_external_data IS 'State of a VM''s TPM, encrypted by the engine';

CREATE TABLE vm_interface (
    id uuid CONSTRAINT pk_vm_interface PRIMARY KEY,
    vm_guid uuid NOT NULL CONSTRAINT fk_vm_interface_vm_static REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    mac_addr varchar(20),
    name varchar(50) NOT NULL,
    speed integer,
    type integer DEFAULT 0,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    linked boolean NOT NULL DEFAULT true,
    vnic_profile_id uuid CONSTRAINT fk_vm_interface_vnic_profile_id REFERENCES vnic_profiles (id) ON DELETE SET NULL,
    synced boolean NOT NULL DEFAULT true,
    CONSTRAINT vm_interface_mac_form CHECK (mac_addr ~* '^([0-9a-f]{2}:){5}[0-9a-f]{2}$'),
    CONSTRAINT vm_interface_codes CHECK (type BETWEEN 0 AND 6 AND speed >= 0)
);
CREATE INDEX idx_vm_interface_vm_guid ON vm_interface (vm_guid);
CREATE INDEX idx_vm_interface_mac_addr ON vm_interface (lower(mac_addr));
CREATE INDEX idx_vm_interface_vnic_profile_id ON vm_interface (vnic_profile_id);

COMMENT ON TABLE vm_interface IS 'A NIC of a VM or template';
COMMENT ON COLUMN vm_interface.type IS '0 rtl8139 with pv, 1 rtl8139, 2 e1000, 3 pv (virtio), 4 spapr-vlan, 5 PCI passthrough, 6 e1000e';
COMMENT ON COLUMN vm_interface.speed IS 'Mbit/s';
COMMENT ON COLUMN vm_interface.vnic_profile_id IS 'NULL = no network';
COMMENT ON COLUMN vm_interface.mac_addr IS 'NULL for a template''s NIC';
COMMENT ON COLUMN vm_interface.synced IS 'False: the running guest''s NIC differs from this row';

CREATE TABLE vm_interface_statistics (
    id uuid CONSTRAINT pk_vm_interface_statistics PRIMARY KEY
        CONSTRAINT fk_vm_interface_statistics_vm_interface REFERENCES vm_interface (id) ON DELETE CASCADE,
    vm_id uuid CONSTRAINT fk_vm_interface_statistics_vm_static REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    rx_rate numeric(18,0),
    tx_rate numeric(18,0),
    rx_drop numeric(18,0),
    tx_drop numeric(18,0),
    iface_status integer,
    _update_date timestamptz,
    rx_total bigint,
    rx_offset bigint,
    tx_total bigint,
    tx_offset bigint,
    sample_time double precision
);
CREATE INDEX idx_vm_interface_statistics_vm_id ON vm_interface_statistics (vm_id);
COMMENT ON TABLE vm_interface_statistics IS 'Load of a NIC, as last reported';

SELECT pg_catalog.pg_extension_config_dump('vm_device', '');
SELECT pg_catalog.pg_extension_config_dump('vm_external_data', '');
SELECT pg_catalog.pg_extension_config_dump('vm_interface', '');
SELECT pg_catalog.pg_extension_config_dump('vm_interface_statistics', '');

REVOKE ALL ON vm_device, vm_external_data, vm_interface, vm_interface_statistics FROM PUBLIC;

-- Inventory: users, roles, and who has which role on what.

CREATE TABLE users (
    user_id uuid CONSTRAINT pk_users PRIMARY KEY,
    name varchar(255),
    surname varchar(255),
    domain varchar(255) NOT NULL,
    username varchar(255) NOT NULL,
    department varchar(255),
    email varchar(255),
    note varchar(255),
    last_admin_check_status boolean NOT NULL DEFAULT false,
    external_id text NOT NULL,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    namespace varchar(2048) DEFAULT '*',
    CONSTRAINT users_domain_external_id_unique UNIQUE (domain, external_id)
);
COMMENT ON TABLE users IS 'Users of the engine (not roles of this database)';

CREATE TABLE roles (
    id uuid CONSTRAINT pk_roles PRIMARY KEY,
    name varchar(126) NOT NULL,
    description varchar(4000),
    is_readonly boolean NOT NULL,
    role_type integer NOT NULL,
    allows_viewing_children boolean NOT NULL DEFAULT false,
    app_mode integer NOT NULL,
    CONSTRAINT roles_type_code CHECK (role_type = ANY ('{1,2}'))
);
CREATE UNIQUE INDEX idx_roles_name ON roles (name);

COMMENT ON TABLE roles IS 'A named set of action groups';
COMMENT ON COLUMN roles.is_readonly IS 'True: comes with the software and cannot be changed; not in a dump';
COMMENT ON COLUMN roles.role_type IS '1 administrator, 2 user';
COMMENT ON COLUMN roles.app_mode IS 'Bits: 1 virtualization, 2 Gluster; 255 all';

CREATE TABLE roles_groups (
    role_id uuid NOT NULL CONSTRAINT fk_roles_groups_action_id REFERENCES roles (id) ON DELETE CASCADE,
    action_group_id integer NOT NULL,
    CONSTRAINT pk_roles_groups PRIMARY KEY (role_id, action_group_id)
);
COMMENT ON TABLE roles_groups IS 'What a role allows';
COMMENT ON COLUMN roles_groups.action_group_id IS '1 create VM, 14 change custom properties, 15 edit administrative VM properties, 901 consume quota, 1100 create disk ... : the engine''s ActionGroup';

-- The roles that come with the software and that giving, checking or testing permissions of a clone needs.
INSERT INTO roles (id, name, description, is_readonly, role_type, allows_viewing_children, app_mode) VALUES
    ('00000000-0000-0000-0000-000000000001', 'SuperUser', 'Everything, everywhere', true, 1, true, 255),
    ('00000000-0000-0000-0001-000000000001', 'UserRole', 'Log in and use VMs and pools', true, 2, true, 1),
    ('00000000-0000-0000-0001-000000000002', 'PowerUserRole', 'Create VMs, templates and disks', true, 2, false, 1),
    ('def00006-0000-0000-0000-def000000006', 'UserVmManager', 'All operations on a VM (the VM operator)', true, 2, true, 1),
    ('def0000a-0000-0000-0000-def00000000a', 'QuotaConsumer', 'Consume a quota', true, 2, false, 1),
    ('def0000a-0000-0000-0000-def00000000b', 'DiskOperator', 'All operations on a disk', true, 2, true, 1),
    ('def0000a-0000-0000-0000-def00000000c', 'DiskCreator', 'Create disks', true, 2, false, 1),
    ('def0000a-0000-0000-0000-def00000000d', 'VmCreator', 'Create VMs', true, 2, false, 1),
    ('def0000a-0000-0000-0000-def00000000e', 'TemplateCreator', 'Create templates', true, 2, false, 1),
    ('def0000a-0000-0000-0000-def00000000f', 'TemplateOwner', 'All operations on a template', true, 2, true, 1),
    ('def0000a-0000-0000-0000-def000000010', 'VnicProfileUser', 'Use a vNIC profile', true, 2, false, 1),
    ('def00009-0000-0000-0000-def000000009', 'UserTemplateBasedVm', 'Create VMs from a template', true, 2, false, 1),
    ('def00020-0000-0000-0000-abc000000010', 'DiskProfileUser', 'Use a disk profile', true, 2, false, 1),
    ('def00017-0000-0000-0000-def000000017', 'CpuProfileOperator', 'Use a CPU profile', true, 2, false, 1);

INSERT INTO roles_groups (role_id, action_group_id)
SELECT role_id::uuid, unnest(groups::integer[])
FROM (VALUES
    ('00000000-0000-0000-0000-000000000001', '{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,100,101,102,103,104,130,131,200,201,202,203,204,205,
        300,301,302,303,400,401,402,403,404,500,501,502,503,600,601,602,603,700,701,702,703,704,705,800,900,901,
        1000,1001,1002,1003,1004,1100,1101,1102,1103,1104,1105,1106,1203,1204,1205,1300,1301,1302,1303,1304,1500,1550,1563,1668}'),
    ('00000000-0000-0000-0001-000000000001', '{4,5,7,303,1106,1300}'),
    ('00000000-0000-0000-0001-000000000002', '{1,200,1100,1106,1300}'),
    ('def00006-0000-0000-0000-def000000006', '{1,2,3,4,5,7,9,10,12,502,503,1100,1101,1102,1104,1300}'),
    ('def0000a-0000-0000-0000-def00000000a', '{901}'),
    ('def0000a-0000-0000-0000-def00000000b', '{502,503,1100,1101,1102,1104,1300}'),
    ('def0000a-0000-0000-0000-def00000000c', '{1100,1300}'),
    ('def0000a-0000-0000-0000-def00000000d', '{1,1100,1300}'),
    ('def0000a-0000-0000-0000-def00000000e', '{200,1300}'),
    ('def0000a-0000-0000-0000-def00000000f', '{201,202,203,204,502,503,1300}'),
    ('def0000a-0000-0000-0000-def000000010', '{9,204,1300}'),
    ('def00009-0000-0000-0000-def000000009', '{1,1300}'),
    ('def00020-0000-0000-0000-abc000000010', '{1563,1300}'),
    ('def00017-0000-0000-0000-def000000017', '{1668,1300}')
) AS seed (role_id, groups);

CREATE TABLE permissions (
    id uuid CONSTRAINT pk_permissions_id PRIMARY KEY,
    role_id uuid NOT NULL CONSTRAINT fk_permissions_roles REFERENCES roles (id) ON DELETE CASCADE,
    ad_element_id uuid NOT NULL,
    object_id uuid NOT NULL,
    object_type_id integer NOT NULL,
    creation_date bigint DEFAULT extract(epoch FROM now())::bigint,
    CONSTRAINT permissions_once UNIQUE (ad_element_id, role_id, object_id)
);
CREATE INDEX idx_permissions_object_id ON permissions (object_id);
CREATE INDEX idx_permissions_role_id ON permissions (role_id);

COMMENT ON TABLE permissions IS 'Who (a user or group) has which role on which object; it counts for what the object contains too';
COMMENT ON COLUMN permissions.ad_element_id IS 'User or group; eee00000-0000-0000-0000-123456789eee = everyone';
COMMENT ON COLUMN permissions.object_id IS 'The object; aaa00000-0000-0000-0000-123456789aaa = the system, that is everything';
COMMENT ON COLUMN permissions.object_type_id IS '1 system, 2 VM, 3 host, 4 template, 5 VM pool, 9 cluster, 11 storage domain, 14 data centre, 17 quota, 19 disk, 20 network, 27 vNIC profile, 29 disk profile, 30 CPU profile';
COMMENT ON COLUMN permissions.creation_date IS 'Seconds since 1970';

SELECT pg_catalog.pg_extension_config_dump('users', '');
SELECT pg_catalog.pg_extension_config_dump('roles', 'WHERE NOT is_readonly');
SELECT pg_catalog.pg_extension_config_dump('roles_groups', 'WHERE role_id IN (SELECT id FROM @extschema@.roles WHERE NOT is_readonly)');
SELECT pg_catalog.pg_extension_config_dump('permissions', '');

REVOKE ALL ON users, roles, roles_groups, permissions FROM PUBLIC;

-- Inventory: affinity groups and affinity labels.

CREATE TABLE affinity_groups (
    id uuid CONSTRAINT affinity_group_pk PRIMARY KEY,
    name varchar(255) NOT NULL,
    description varchar(4000),
    cluster_id uuid NOT NULL CONSTRAINT affinity_group_cluster_id_fk REFERENCES cluster (cluster_id) ON DELETE CASCADE,
    vm_positive boolean NOT NULL DEFAULT true,
    vm_enforcing boolean NOT NULL DEFAULT true,
    _create_date timestamptz DEFAULT now(),
    _update_date timestamptz,
    vds_positive boolean NOT NULL DEFAULT true,
    vds_enforcing boolean NOT NULL DEFAULT false,
    vms_affinity_enabled boolean NOT NULL DEFAULT true,
    vds_affinity_enabled boolean NOT NULL DEFAULT false,
    priority bigint NOT NULL DEFAULT 0
);
CREATE INDEX idx_affinity_group_cluster_id ON affinity_groups (cluster_id);

COMMENT ON TABLE affinity_groups IS 'VMs that should run on the same host, on certain hosts, or apart';
COMMENT ON COLUMN affinity_groups.vm_positive IS 'True: VMs together; false: apart';
COMMENT ON COLUMN affinity_groups.vm_enforcing IS 'True: a must; false: a wish';

CREATE TABLE affinity_group_members (
    affinity_group_id uuid NOT NULL CONSTRAINT affinity_group_member_affinity_id_fk REFERENCES affinity_groups (id) ON DELETE CASCADE,
    vm_id uuid CONSTRAINT affinity_group_member_vm_id_fk REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    vds_id uuid,
    CONSTRAINT affinity_group_members_one_kind CHECK ((vm_id IS NULL) <> (vds_id IS NULL))
);
CREATE UNIQUE INDEX idx_affinity_group_members_vm ON affinity_group_members (affinity_group_id, vm_id) WHERE vm_id IS NOT NULL;
CREATE UNIQUE INDEX idx_affinity_group_members_vds ON affinity_group_members (affinity_group_id, vds_id) WHERE vds_id IS NOT NULL;
CREATE INDEX idx_affinity_group_members_vm_id ON affinity_group_members (vm_id);
COMMENT ON TABLE affinity_group_members IS 'A VM (vm_id) or a host (vds_id) in an affinity group';

CREATE TABLE labels (
    label_id uuid CONSTRAINT labels_pk PRIMARY KEY,
    label_name varchar(50) NOT NULL CONSTRAINT label_name UNIQUE,
    read_only boolean NOT NULL DEFAULT false,
    has_implicit_affinity_group boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE labels IS 'Affinity labels: names that tie VMs to hosts';
COMMENT ON COLUMN labels.has_implicit_affinity_group IS 'True: VMs with the label must run on hosts with the label';

CREATE TABLE labels_map (
    label_id uuid NOT NULL CONSTRAINT labels_map_label_id_fk REFERENCES labels (label_id) ON DELETE CASCADE,
    vm_id uuid CONSTRAINT labels_map_vm_id_fk REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    vds_id uuid,
    CONSTRAINT labels_map_one_kind CHECK ((vm_id IS NULL) <> (vds_id IS NULL))
);
CREATE UNIQUE INDEX idx_labels_map_vm ON labels_map (label_id, vm_id) WHERE vm_id IS NOT NULL;
CREATE UNIQUE INDEX idx_labels_map_vds ON labels_map (label_id, vds_id) WHERE vds_id IS NOT NULL;
CREATE INDEX idx_labels_map_vm_id ON labels_map (vm_id);
COMMENT ON TABLE labels_map IS 'A VM (vm_id) or a host (vds_id) that has a label';

SELECT pg_catalog.pg_extension_config_dump('affinity_groups', '');
SELECT pg_catalog.pg_extension_config_dump('affinity_group_members', '');
SELECT pg_catalog.pg_extension_config_dump('labels', '');
SELECT pg_catalog.pg_extension_config_dump('labels_map', '');

REVOKE ALL ON affinity_groups, affinity_group_members, labels, labels_map FROM PUBLIC;

-- Inventory: the audit log, and the engine's options.

CREATE SEQUENCE audit_log_seq;

CREATE TABLE audit_log (
    audit_log_id bigint NOT NULL DEFAULT nextval('audit_log_seq') CONSTRAINT pk_audit_log PRIMARY KEY,
    user_id uuid,
    user_name varchar(255),
    vm_id uuid,
    vm_name varchar(255),
    vm_template_id uuid,
    vm_template_name varchar(255),
    vds_id uuid,
    vds_name varchar(255),
    log_time timestamptz NOT NULL,
    log_type_name varchar(100) DEFAULT '',
    log_type integer NOT NULL,
    severity integer NOT NULL,
    message text NOT NULL,
    processed boolean NOT NULL DEFAULT false,
    storage_pool_id uuid,
    storage_pool_name varchar(40),
    storage_domain_id uuid,
    storage_domain_name varchar(250),
    cluster_id uuid,
    cluster_name varchar(255),
    correlation_id varchar(50),
    job_id uuid,
    quota_id uuid,
    quota_name varchar(65),
    gluster_volume_id uuid,
    gluster_volume_name varchar(1000),
    origin varchar(255) DEFAULT 'oVirt',
    custom_event_id integer DEFAULT -1,
    event_flood_in_sec integer DEFAULT 30,
    custom_data text DEFAULT '',
    deleted boolean DEFAULT false,
    call_stack text DEFAULT '',
    brick_id uuid,
    brick_path text DEFAULT '',
    custom_id text,
    CONSTRAINT audit_log_severity_code CHECK (severity = ANY ('{0,1,2,10}'))
);
ALTER SEQUENCE audit_log_seq OWNED BY audit_log.audit_log_id;
CREATE INDEX idx_audit_log_log_time ON audit_log (log_time);
CREATE INDEX idx_audit_log_vm_id ON audit_log (vm_id) WHERE vm_id IS NOT NULL;
CREATE INDEX idx_audit_log_job_id ON audit_log (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX idx_audit_correlation_id ON audit_log (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE UNIQUE INDEX audit_log_origin_custom_event_id_idx ON audit_log (origin, custom_event_id) WHERE origin NOT ILIKE 'ovirt';

COMMENT ON TABLE audit_log IS 'What happened, for people: one row for each event.  Names are kept beside ids because objects go away';
COMMENT ON SEQUENCE audit_log_seq IS 'Numbers of audit_log rows';
COMMENT ON COLUMN audit_log.severity IS '0 normal, 1 warning, 2 error, 10 alert';
COMMENT ON COLUMN audit_log.log_type IS 'Code of the event; log_type_name is its name';
COMMENT ON COLUMN audit_log.correlation_id IS 'The same in all events of one request';
COMMENT ON COLUMN audit_log.custom_event_id IS 'Number given by an outside origin, once for each; -1 for the engine''s own events';
COMMENT ON COLUMN audit_log.processed IS 'True: notifications have been sent';
COMMENT ON COLUMN audit_log.deleted IS 'True: a person has dismissed it';

CREATE SEQUENCE vdc_options_seq AS integer;

CREATE TABLE vdc_options (
    option_id integer NOT NULL DEFAULT nextval('vdc_options_seq') CONSTRAINT pk_vdc_options PRIMARY KEY,
    option_name varchar(100) NOT NULL,
    option_value varchar(4000) NOT NULL,
    default_value varchar(4000),
    version varchar(40) NOT NULL DEFAULT 'general',
    CONSTRAINT vdc_options_once UNIQUE (option_name, version)
);
ALTER SEQUENCE vdc_options_seq OWNED BY vdc_options.option_id;

COMMENT ON TABLE vdc_options IS 'Settings of the engine; an option that is not there has its built-in value';
COMMENT ON SEQUENCE vdc_options_seq IS 'Numbers of vdc_options rows';
COMMENT ON COLUMN vdc_options.version IS 'Compatibility version that the value is for; general = all';

SELECT pg_catalog.pg_extension_config_dump('audit_log', '');
SELECT pg_catalog.pg_extension_config_dump('audit_log_seq', '');
SELECT pg_catalog.pg_extension_config_dump('vdc_options', '');
SELECT pg_catalog.pg_extension_config_dump('vdc_options_seq', '');

REVOKE ALL ON audit_log, vdc_options FROM PUBLIC;
REVOKE ALL ON SEQUENCE audit_log_seq, vdc_options_seq FROM PUBLIC;

-- Which schema's tables are the inventory.  The choice is made again after a restore: the tables it names may not be
-- there, or be somebody else's.

CREATE TABLE inventory_binding (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    schema_name name NOT NULL,
    owner oid NOT NULL,
    database_oid oid NOT NULL,
    bound_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE inventory_binding IS 'The schema whose tables all functions work on; not dumped: use_inventory makes it, CREATE EXTENSION for its own schema';
COMMENT ON COLUMN inventory_binding.owner IS 'Role that owns all inventory tables, and as which all inventory statements run';
COMMENT ON COLUMN inventory_binding.database_oid IS 'The database that the choice was made in';

CREATE TABLE inventory_choice (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    schema_name name NOT NULL CHECK (schema_name <> '@extschema@')
);
COMMENT ON TABLE inventory_choice IS 'Set while another schema than the extension''s own is the inventory.  Dumped, so that a restored database knows that a choice must be made again';

INSERT INTO inventory_binding (schema_name, owner, database_oid)
SELECT '@extschema@', relowner, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
FROM pg_catalog.pg_class WHERE oid = '@extschema@.vm_static'::pg_catalog.regclass;

-- The bound inventory: one row, or an error that says what to do.
CREATE FUNCTION current_inventory(OUT schema_name name, OUT owner name)
LANGUAGE C STABLE
AS 'MODULE_PATHNAME', 'vmclone_current_inventory';
COMMENT ON FUNCTION current_inventory() IS 'Schema and owner of the inventory that all functions work on';

SELECT pg_catalog.pg_extension_config_dump('inventory_choice', '');

REVOKE ALL ON inventory_binding, inventory_choice FROM PUBLIC;
REVOKE ALL ON FUNCTION current_inventory() FROM PUBLIC;

-- What a schema must have to be the inventory, and use_inventory, which checks it and makes it so.

CREATE TABLE inventory_columns (
    relation name NOT NULL,
    column_name name NOT NULL,
    type oid NOT NULL,
    table_required boolean NOT NULL,
    column_required boolean NOT NULL,
    PRIMARY KEY (relation, column_name)
);
COMMENT ON TABLE inventory_columns IS 'The inventory tables'' columns as the extension makes them, and which of them a foreign inventory must have; not dumped: CREATE EXTENSION makes it';
COMMENT ON COLUMN inventory_columns.table_required IS 'False: the table may be missing; its stand-in in vmclone_absent is empty then';
COMMENT ON COLUMN inventory_columns.column_required IS 'True: the table, where it is, must have the column; others come along in whole-row copies if they are there';

INSERT INTO inventory_columns (relation, column_name, type, table_required, column_required)
WITH needed (relation, columns, table_required) AS (
    SELECT *, true FROM (VALUES
        ('storage_pool', '{id,name,status,quota_enforcement_type}'),
        ('storage_domain_static', '{id,storage_name,storage_domain_type,storage_type,storage_domain_format_type,
            warning_low_space_indicator,critical_space_action_blocker,backup}'),
        ('storage_domain_dynamic', '{id,available_disk_size,used_disk_size}'),
        ('storage_pool_iso_map', '{storage_id,storage_pool_id,status}'),
        ('disk_profiles', '{id,name,storage_domain_id}'),
        ('mac_pools', '{id,name,allow_duplicate_mac_addresses}'),
        ('mac_pool_ranges', '{mac_pool_id,from_mac,to_mac}'),
        ('network', '{id,name,storage_pool_id,vm_network}'),
        ('vnic_profiles', '{id,name,network_id,port_mirroring}'),
        ('cluster', '{cluster_id,name,storage_pool_id,mac_pool_id,compatibility_version,architecture,bios_type,
            additional_rng_sources}'),
        ('cpu_profiles', '{id,name,cluster_id}'),
        ('network_cluster', '{network_id,cluster_id}'),
        ('quota', '{id,storage_pool_id,quota_name,threshold_storage_percentage,grace_storage_percentage,is_default}'),
        ('quota_limitation', '{id,quota_id,storage_id,cluster_id,virtual_cpu,mem_size_mb,storage_size_gb}'),
        ('vm_static', '{vm_guid,vm_name,mem_size_mb,max_memory_size_mb,min_allocated_mem,vmt_guid,os,description,
            cluster_id,creation_date,num_of_monitors,num_of_sockets,cpu_per_socket,threads_per_cpu,default_display_type,
            priority,origin,iso_path,migration_support,predefined_properties,userdefined_properties,entity_type,
            child_count,template_status,quota_id,cpu_pinning,cpu_pinning_policy,db_generation,is_disabled,
            created_by_user_id,original_template_id,original_template_name,template_version_number,template_version_name,
            cpu_profile_id,small_icon_id,large_icon_id,lease_sd_id,custom_compatibility_version,bios_type,
            is_smartcard_enabled,instance_type_id}'),
        ('vm_dynamic', '{vm_guid,status,run_on_vds,last_stop_time,app_list}'),
        ('vm_statistics', '{vm_guid}'),
        ('vm_init', '{vm_id}'),
        ('vm_ovf_generations', '{vm_guid,storage_pool_id}'),
        ('snapshots', '{snapshot_id,vm_id,snapshot_type,status,description,creation_date,app_list,vm_configuration,
            vm_configuration_broken}'),
        ('base_disks', '{disk_id,wipe_after_delete,propagate_errors,disk_alias,disk_description,shareable,
            disk_storage_type,disk_content_type,backup}'),
        ('images', '{image_guid,creation_date,size,it_guid,parentid,imagestatus,lastmodified,vm_snapshot_id,volume_type,
            volume_format,image_group_id,active,volume_classification,qcow_compat}'),
        ('disk_image_dynamic', '{image_id,actual_size}'),
        ('image_storage_domain_map', '{image_id,storage_domain_id,quota_id,disk_profile_id}'),
        ('disk_vm_element', '{disk_id,vm_id,is_boot,disk_interface,pass_discard,is_using_scsi_reservation}'),
        ('vm_device', '{device_id,vm_id,type,device,address,spec_params,is_managed,is_plugged,is_readonly,alias,
            custom_properties,snapshot_id,host_device}'),
        ('vm_interface', '{id,vm_guid,mac_addr,name,speed,type,linked,vnic_profile_id}'),
        ('permissions', '{id,role_id,ad_element_id,object_id,object_type_id}'),
        ('roles', '{id,name}'),
        ('roles_groups', '{role_id,action_group_id}'),
        ('audit_log', '{audit_log_id,user_id,user_name,vm_id,vm_name,log_time,log_type_name,log_type,severity,message,
            storage_pool_id,storage_pool_name,storage_domain_id,storage_domain_name,cluster_id,cluster_name,
            correlation_id,job_id,quota_id,quota_name,origin,custom_event_id,custom_data}')
    ) AS r (relation, columns)
    UNION ALL
    SELECT *, false FROM (VALUES
        ('luns', '{lun_id,device_size}'),
        ('disk_lun_map', '{disk_id,lun_id}'),
        ('vm_icons', '{id}'),
        ('vm_nvram_data', '{vm_id,nvram_data}'),
        ('vm_external_data', '{device_id,vm_id,tpm_data}'),
        ('numa_node', '{numa_node_id,vm_id,numa_node_index,mem_total,cpu_count,numa_tune_mode}'),
        ('numa_node_cpu_map', '{id,numa_node_id,cpu_core_id}'),
        ('vm_vds_numa_node_map', '{id,vm_numa_node_id,vds_numa_node_index}'),
        ('vm_host_pinning_map', '{vm_id,vds_id}'),
        ('vm_interface_statistics', '{id,vm_id}'),
        ('users', '{user_id,username}'),
        ('affinity_groups', '{id,name,cluster_id}'),
        ('affinity_group_members', '{affinity_group_id,vm_id}'),
        ('labels', '{label_id,label_name}'),
        ('labels_map', '{label_id,vm_id}'),
        ('vdc_options', '{option_name,option_value,version}')
    ) AS o (relation, columns)
)
SELECT n.relation, a.attname, a.atttypid, n.table_required, a.attname = ANY (n.columns::name[])
FROM needed n
JOIN pg_catalog.pg_attribute a ON a.attrelid = ('@extschema@.' || n.relation)::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped;

-- An optional table that the inventory's schema lacks is found here, after it in the search_path of inventory statements:
-- without rows, and swallowing what is written, so that no statement has to be written twice.
CREATE SCHEMA vmclone_absent;
COMMENT ON SCHEMA vmclone_absent IS 'Stand-ins, always empty, for inventory tables that an engine version lacks';
REVOKE ALL ON SCHEMA vmclone_absent FROM PUBLIC;

DO $$
DECLARE
    missing record;
BEGIN
    FOR missing IN
        SELECT c.relation, string_agg(format('NULL::%s AS %I', format_type(c.type, NULL), c.column_name), ', ' ORDER BY a.attnum) AS columns
        FROM @extschema@.inventory_columns c
        JOIN pg_catalog.pg_attribute a ON a.attrelid = ('@extschema@.' || c.relation)::pg_catalog.regclass AND a.attname = c.column_name
        WHERE NOT c.table_required
        GROUP BY c.relation
    LOOP
        EXECUTE format('CREATE VIEW vmclone_absent.%I AS SELECT %s WHERE false', missing.relation, missing.columns);
        EXECUTE format('COMMENT ON VIEW vmclone_absent.%I IS %L', missing.relation, 'Stands for a missing table');
        EXECUTE format('CREATE RULE nothing_to_insert AS ON INSERT TO vmclone_absent.%I DO INSTEAD NOTHING', missing.relation);
        EXECUTE format('CREATE RULE nothing_to_update AS ON UPDATE TO vmclone_absent.%I DO INSTEAD NOTHING', missing.relation);
        EXECUTE format('CREATE RULE nothing_to_delete AS ON DELETE TO vmclone_absent.%I DO INSTEAD NOTHING', missing.relation);
        EXECUTE format('REVOKE ALL ON vmclone_absent.%I FROM PUBLIC', missing.relation);
    END LOOP;
END
$$;

-- How a schema compares.  A column's type fits if it is the same, or of the same kind (text and varchar; the integers and
-- numeric; the timestamps): values are converted by assignment.
CREATE FUNCTION inspect_inventory(p_schema name)
RETURNS TABLE (relation name, column_name name, required boolean, present boolean, type_ok boolean, owner oid, note text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.relation, w.column_name, w.column_required AND (w.table_required OR c.oid IS NOT NULL),
        a.attnum IS NOT NULL AND c.relkind IN ('r', 'p'),
        f.oid = w.type OR f.typcategory = t.typcategory AND t.typcategory IN ('S', 'N', 'D'),
        c.relowner,
        CASE
            WHEN c.oid IS NULL THEN CASE WHEN w.table_required THEN 'table is missing' ELSE 'optional table is missing' END
            WHEN c.relkind NOT IN ('r', 'p') THEN 'is not a table'
            WHEN a.attnum IS NULL THEN CASE WHEN w.column_required THEN 'column is missing' ELSE 'optional column is missing' END
            WHEN f.oid <> w.type THEN format('type is %s, expected %s', format_type(f.oid, NULL), format_type(w.type, NULL))
        END
    FROM @extschema@.inventory_columns w
    JOIN pg_type t ON t.oid = w.type
    LEFT JOIN pg_class c ON c.relname = w.relation AND c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = p_schema)
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.column_name AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_type f ON f.oid = a.atttypid
$$;
COMMENT ON FUNCTION inspect_inventory(name) IS 'Every table and column of the inventory: is it there in that schema, and of a fitting type';

CREATE FUNCTION inventory_report()
RETURNS TABLE (relation name, "column" name, present boolean, type_ok boolean, note text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.relation, i.column_name, i.present, i.type_ok,
        coalesce(i.note || CASE WHEN i.required AND NOT (i.present AND i.type_ok IS TRUE) THEN ' (needed)' ELSE '' END, CASE WHEN i.required THEN 'needed' ELSE '' END)
    FROM @extschema@.inspect_inventory(coalesce((SELECT schema_name FROM @extschema@.inventory_choice), '@extschema@')) i
    ORDER BY i.relation, i.column_name
$$;
COMMENT ON FUNCTION inventory_report() IS 'How the inventory''s tables compare with what the functions know: one row for each column';

-- Roles other than the owner, its members and superusers that may put objects into the schema, and so before the
-- owner's own statements.
CREATE FUNCTION inventory_intruders(p_schema name, p_owner oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(DISTINCT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END, ', ')
    FROM (
        SELECT CASE pg_get_userbyid(x.grantee) WHEN 'pg_database_owner' THEN d.datdba ELSE x.grantee END AS grantee
        FROM pg_namespace n
        CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
        CROSS JOIN pg_database d
        WHERE n.nspname = p_schema AND x.privilege_type = 'CREATE' AND d.datname = current_database()
    ) g
    LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE g.grantee = 0 OR NOT (r.rolsuper OR pg_has_role(g.grantee, p_owner, 'MEMBER'))
$$;
COMMENT ON FUNCTION inventory_intruders(name, oid) IS 'Who else may create objects in an inventory''s schema; NULL = nobody';

-- What the inventory's owner needs of the extension's own schema: its statements look at locks, names and reservations.
CREATE FUNCTION grant_to_inventory_owner(p_owner oid, p_give boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    target text;
    owner name := quote_ident(pg_get_userbyid(p_owner));
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE oid = p_owner) IS NOT FALSE THEN
        RETURN;
    END IF;
    EXECUTE format(CASE WHEN p_give THEN 'GRANT USAGE ON SCHEMA @extschema@ TO %s' ELSE 'REVOKE USAGE ON SCHEMA @extschema@ FROM %s' END, owner);
    EXECUTE format(CASE WHEN p_give THEN 'GRANT EXECUTE ON FUNCTION @extschema@.current_inventory() TO %s'
        ELSE 'REVOKE EXECUTE ON FUNCTION @extschema@.current_inventory() FROM %s' END, owner);
    EXECUTE format(CASE WHEN p_give THEN 'GRANT USAGE ON SCHEMA vmclone_absent TO %s' ELSE 'REVOKE USAGE ON SCHEMA vmclone_absent FROM %s' END, owner);
    EXECUTE format(CASE WHEN p_give THEN 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA vmclone_absent TO %s'
        ELSE 'REVOKE ALL ON ALL TABLES IN SCHEMA vmclone_absent FROM %s' END, owner);
    -- functions that inventory statements call; all run as whoever calls them
    FOR target IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = '@extschema@'::regnamespace AND NOT p.prosecdef
            AND p.proname IN ('clone_remove_rows', 'clone_refuse_references', 'clone_refuse_removal', 'lineage_rows', 'snapshot_rows', 'tree_mark')
    LOOP
        EXECUTE format(CASE WHEN p_give THEN 'GRANT EXECUTE ON FUNCTION %s TO %s' ELSE 'REVOKE EXECUTE ON FUNCTION %s FROM %s' END, target, owner);
    END LOOP;
    FOR target IN
        SELECT c.relname
        FROM pg_class c
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'vmclone'
        WHERE c.relkind = 'r' AND c.relnamespace = '@extschema@'::regnamespace
            AND c.relname NOT IN (SELECT relation FROM @extschema@.inventory_columns)
    LOOP
        EXECUTE format(CASE WHEN p_give THEN 'GRANT SELECT ON @extschema@.%I TO %s' ELSE 'REVOKE SELECT ON @extschema@.%I FROM %s' END, target, owner);
    END LOOP;
END
$$;
COMMENT ON FUNCTION grant_to_inventory_owner(oid, boolean) IS 'Gives the inventory''s owner, or takes from it, what its statements need of the extension''s tables';

CREATE FUNCTION bind_inventory(p_schema name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wrong text;
    owners oid[];
    previous @extschema@.inventory_binding;
    chosen name;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION 'permission denied to choose the inventory'
            USING ERRCODE = 'insufficient_privilege', HINT = 'Only a superuser can run use_inventory.';
    END IF;
    IF p_schema IS NULL THEN
        RAISE EXCEPTION 'schema of the inventory must not be null'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the schema that holds the engine''s tables, mostly "public".';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = p_schema) THEN
        RAISE EXCEPTION 'schema "%" does not exist', p_schema
            USING ERRCODE = 'invalid_schema_name', HINT = 'Name the schema that holds the engine''s tables, mostly "public".';
    END IF;
    LOCK TABLE @extschema@.inventory_binding IN EXCLUSIVE MODE;
    SELECT * INTO previous FROM @extschema@.inventory_binding;
    SELECT schema_name INTO chosen FROM @extschema@.inventory_choice;

    SELECT string_agg(line, E'\n' ORDER BY line) INTO wrong
    FROM (
        SELECT DISTINCT format('%I: %s', i.relation, i.note) AS line
        FROM @extschema@.inspect_inventory(p_schema) i
        WHERE i.note IN ('table is missing', 'is not a table') AND (i.required OR i.note = 'is not a table')
        UNION ALL
        SELECT format('%I.%I: %s', i.relation, i.column_name, i.note)
        FROM @extschema@.inspect_inventory(p_schema) i
        WHERE i.required AND i.note NOT IN ('table is missing', 'is not a table') AND NOT (i.present AND i.type_ok)
    ) l;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'schema "%" cannot be the inventory', p_schema
            USING ERRCODE = 'undefined_table', DETAIL = wrong,
            HINT = 'The tables of an oVirt 4.5 engine database are needed; inventory_columns lists them.';
    END IF;

    SELECT array_agg(DISTINCT i.owner) INTO owners FROM @extschema@.inspect_inventory(p_schema) i WHERE i.owner IS NOT NULL;
    IF cardinality(owners) > 1 THEN
        SELECT string_agg(format('%s: %s', quote_ident(pg_get_userbyid(o.owner)), o.relations), E'\n' ORDER BY o.owner) INTO wrong
        FROM (SELECT i.owner, string_agg(DISTINCT i.relation::text, ', ') AS relations
            FROM @extschema@.inspect_inventory(p_schema) i WHERE i.owner IS NOT NULL GROUP BY i.owner) o;
        RAISE EXCEPTION 'the tables of schema "%" have more than one owner', p_schema
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = wrong, HINT = 'Give them one owner with ALTER TABLE ... OWNER TO.';
    END IF;
    wrong := @extschema@.inventory_intruders(p_schema, owners[1]);
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'others than the owner of its tables may create objects in schema "%"', p_schema
            USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('Owner: %s.  May create objects: %s.', quote_ident(pg_get_userbyid(owners[1])), wrong),
            HINT = format('Run REVOKE CREATE ON SCHEMA %I FROM %s; for a schema''s owner, ALTER SCHEMA ... OWNER TO.', p_schema, wrong);
    END IF;

    IF p_schema <> coalesce(chosen, '@extschema@') THEN
        SELECT string_agg(j.job_id::text, ', ') INTO wrong
        FROM (SELECT job_id FROM @extschema@.jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled') ORDER BY created_at LIMIT 10) j;
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION 'cannot change the inventory while jobs are under way'
                USING ERRCODE = 'object_in_use', DETAIL = format('Jobs: %s.', wrong),
                HINT = 'Wait for them, or end them with cancel_job.';
        END IF;
    END IF;

    PERFORM @extschema@.grant_to_inventory_owner(previous.owner, false) WHERE previous.owner IS DISTINCT FROM owners[1];
    PERFORM @extschema@.grant_to_inventory_owner(owners[1], true);
    DELETE FROM @extschema@.inventory_choice;
    INSERT INTO @extschema@.inventory_choice (schema_name) SELECT p_schema WHERE p_schema <> '@extschema@';
    DELETE FROM @extschema@.inventory_binding;
    INSERT INTO @extschema@.inventory_binding (schema_name, owner, database_oid)
    SELECT p_schema, owners[1], oid FROM pg_database WHERE datname = current_database();
END
$$;
COMMENT ON FUNCTION bind_inventory(name) IS 'Does use_inventory''s work';

CREATE FUNCTION use_inventory(schema name) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT @extschema@.bind_inventory($1) $$;
COMMENT ON FUNCTION use_inventory(name) IS 'Makes all functions work on the tables of a schema, after checking them; superusers only';

REVOKE ALL ON inventory_columns FROM PUBLIC;
REVOKE ALL ON FUNCTION inspect_inventory(name), inventory_report(), inventory_intruders(name, oid),
    grant_to_inventory_owner(oid, boolean), bind_inventory(name), use_inventory(name) FROM PUBLIC;

--
-- Who calls.  Rights are EXECUTE rights on marker functions, so that role
-- membership, REVOKE and pg_dump treat them as they treat every right.
--

CREATE FUNCTION vmclone.administer() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone.administer() IS 'marker: who may execute it is an administrator of vmclone; given by grant_admin';

CREATE FUNCTION vmclone.act_for_any_user() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone.act_for_any_user() IS 'marker: who may execute it may name any user_id, or none; given by grant_engine';

CREATE FUNCTION vmclone.see_all_jobs() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone.see_all_jobs() IS 'marker: who may execute it sees everybody''s jobs; given by grant_viewer';

CREATE FUNCTION vmclone.caller_name() RETURNS name
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_name';
COMMENT ON FUNCTION vmclone.caller_name() IS 'the calling role, outside every SECURITY DEFINER frame';

CREATE FUNCTION vmclone.caller_sees_all() RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_sees_all';
COMMENT ON FUNCTION vmclone.caller_sees_all() IS 'whether the calling role sees everybody''s jobs';

CREATE FUNCTION vmclone.caller_user_id(user_id uuid) RETURNS uuid
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_user_id';
COMMENT ON FUNCTION vmclone.caller_user_id(uuid) IS 'the engine user that a call with this user_id runs for; NULL is an internal call';

REVOKE ALL ON FUNCTION vmclone.administer(), vmclone.act_for_any_user(), vmclone.see_all_jobs(),
    vmclone.caller_name(), vmclone.caller_sees_all(), vmclone.caller_user_id(uuid) FROM PUBLIC;
--
-- Jobs and their tasks.  One call makes one job per copy, one task per image.
-- Rows hold no foreign key into the inventory: that may be another schema's.
--

CREATE TABLE vmclone.jobs (
    job_id uuid PRIMARY KEY,
    call_id uuid NOT NULL,
    copy_number integer NOT NULL DEFAULT 1,
    action text NOT NULL,
    status text NOT NULL DEFAULT 'queued',
    requested text,
    final_status text,
    reason text,
    reason_key text,
    vm_id uuid NOT NULL,
    vm_name text NOT NULL,
    source_vm_id uuid NOT NULL,
    source_snapshot_id uuid NOT NULL,
    storage_pool_id uuid NOT NULL,
    cluster_id uuid,
    owner name NOT NULL,
    user_id uuid,
    parameters jsonb NOT NULL,
    retry_of uuid,
    lock_mode text NOT NULL,
    on_failure text NOT NULL DEFAULT 'clean',
    priority integer NOT NULL DEFAULT 0,
    bandwidth_limit bigint,
    verify boolean NOT NULL DEFAULT false,
    clean_attempts integer NOT NULL DEFAULT 0,
    cleaning_error text,
    next_attempt_at timestamptz,
    waiting_since timestamptz,
    source_freed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    UNIQUE (call_id, copy_number),
    -- one constraint: each is prepared anew by every statement that writes here
    CONSTRAINT jobs_words CHECK (copy_number >= 1 AND bandwidth_limit > 0
        AND action = ANY ('{AddVmFromSnapshot,AddVmTemplateFromSnapshot}')
        AND status = ANY ('{queued,running,paused,waiting,held,finishing,failing,cancelling,cleaning,
        succeeded,failed,cancelled}')
        AND requested = ANY ('{pause,resume,cancel}') AND final_status = ANY ('{failed,cancelled}')
        AND lock_mode = ANY ('{exclusive,shared}') AND on_failure = ANY ('{clean,hold}')
        AND (status = ANY ('{succeeded,failed,cancelled}')) = (ended_at IS NOT NULL))
);

CREATE INDEX jobs_live ON vmclone.jobs (priority DESC, created_at)
    WHERE status NOT IN ('succeeded', 'failed', 'cancelled');
CREATE INDEX jobs_vm_id ON vmclone.jobs (vm_id);
CREATE INDEX jobs_source_vm_id ON vmclone.jobs (source_vm_id);
CREATE INDEX jobs_source_snapshot_id ON vmclone.jobs (source_snapshot_id);
CREATE INDEX jobs_owner ON vmclone.jobs (owner);

COMMENT ON TABLE vmclone.jobs IS 'one row per virtual machine or template that a call makes; stays as history';
COMMENT ON COLUMN vmclone.jobs.call_id IS 'the call that made the job; holder of the source''s locks, shared by all copies of the call';
COMMENT ON COLUMN vmclone.jobs.status IS 'state of the job; docs/jobs.md has the table of who moves it from where to where';
COMMENT ON COLUMN vmclone.jobs.requested IS 'what a control function asked for and the worker has not done yet';
COMMENT ON COLUMN vmclone.jobs.final_status IS 'what the job becomes when failing, cancelling or cleaning is through';
COMMENT ON COLUMN vmclone.jobs.reason IS 'why the job waits, is held or failed; text for people';
COMMENT ON COLUMN vmclone.jobs.reason_key IS 'the same as a stable word for programs: an oVirt message key or the copier''s error kind';
COMMENT ON COLUMN vmclone.jobs.owner IS 'role that called, outside every SECURITY DEFINER frame';
COMMENT ON COLUMN vmclone.jobs.user_id IS 'engine user on whose behalf the role called; NULL is an internal call';
COMMENT ON COLUMN vmclone.jobs.parameters IS 'the call''s parameters, for retry and lineage';
COMMENT ON COLUMN vmclone.jobs.bandwidth_limit IS 'bytes per second, for all copies of the job together; NULL is unlimited';
COMMENT ON COLUMN vmclone.jobs.cleaning_error IS 'why removing files or rows did not succeed yet; retried until it does or abandon_cleaning ends it';
COMMENT ON COLUMN vmclone.jobs.source_freed IS 'the call''s locks no longer protect this job''s source';

CREATE TABLE vmclone.async_tasks (
    task_id uuid PRIMARY KEY,
    job_id uuid NOT NULL REFERENCES vmclone.jobs (job_id),
    vm_id uuid NOT NULL,
    disk_number integer NOT NULL,
    source_disk_id uuid,
    source_image_id uuid,
    source_storage_domain_id uuid,
    layers jsonb NOT NULL DEFAULT '[]',
    read_from_task uuid,
    disk_id uuid NOT NULL,
    disk_alias text NOT NULL,
    image_id uuid NOT NULL,
    storage_domain_id uuid NOT NULL,
    volume_format text NOT NULL,
    volume_type text NOT NULL,
    copy_volume_type text NOT NULL DEFAULT 'LEAF',
    virtual_size bigint NOT NULL,
    bytes_reserved bigint NOT NULL DEFAULT 0,
    description text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'init',
    result text,
    phase text NOT NULL DEFAULT 'queued',
    bytes_total bigint,
    bytes_done bigint NOT NULL DEFAULT 0,
    bytes_written bigint NOT NULL DEFAULT 0,
    rate bigint,
    method text,
    method_reason text,
    checkpoint text,
    actual_size bigint,
    claim integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    error text,
    error_kind text,
    UNIQUE (job_id, disk_number),
    CONSTRAINT async_tasks_words CHECK (virtual_size >= 0 AND bytes_reserved >= 0
        AND volume_format = ANY ('{RAW,COW}') AND volume_type = ANY ('{Sparse,Preallocated}')
        AND copy_volume_type = ANY ('{LEAF,SHARED}')
        AND status = ANY ('{init,running,finished,aborting,cleaning}')
        AND result = ANY ('{success,failure,cleanSuccess,cleanFailure}'))
) WITH (fillfactor = 50);

-- a long chain lies beside its row: compressing it costs more than the rest of the INSERT, and progress rewrites the row
ALTER TABLE vmclone.async_tasks ALTER layers SET STORAGE EXTERNAL;

CREATE INDEX async_tasks_open ON vmclone.async_tasks (storage_domain_id) WHERE result IS NULL;
CREATE INDEX async_tasks_finished ON vmclone.async_tasks (storage_domain_id, ended_at) WHERE result = 'success';
CREATE INDEX async_tasks_image_id ON vmclone.async_tasks (image_id);
CREATE INDEX async_tasks_read_from_task ON vmclone.async_tasks (read_from_task) WHERE read_from_task IS NOT NULL;

COMMENT ON TABLE vmclone.async_tasks IS 'one row per image copy; the new virtual machine is the entity of all its tasks';
COMMENT ON COLUMN vmclone.async_tasks.layers IS 'the chain to read, first snapshot first: [{"image_id", "image_group_id", "storage_domain_id", "volume_format": "RAW|COW", "size"}]; image_group_id is the folder that holds the file; empty: a blank disk';
COMMENT ON COLUMN vmclone.async_tasks.read_from_task IS 'task of an earlier copy of the same call whose finished image is read instead of the chain';
COMMENT ON COLUMN vmclone.async_tasks.virtual_size IS 'bytes, a multiple of 4 KiB';
COMMENT ON COLUMN vmclone.async_tasks.bytes_reserved IS 'bytes that the finished image is expected to take in its storage domain; what bytes_written has used up no longer counts';
COMMENT ON COLUMN vmclone.async_tasks.claim IS 'number of the attempt that may report; what an older one says is dropped';
COMMENT ON COLUMN vmclone.async_tasks.checkpoint IS 'how far the copier has data on storage, for display; the file beside the output is the truth';

CREATE TABLE vmclone.measurements (
    snapshot_id uuid NOT NULL,
    image_id uuid NOT NULL,
    volume_format text NOT NULL CHECK (volume_format = ANY ('{RAW,COW}')),
    status text NOT NULL DEFAULT 'queued' CHECK (status = ANY ('{queued,running,done,failed}')),
    layers jsonb NOT NULL,
    required bigint,
    bytes_to_read bigint,
    allocated bigint,
    error text,
    requested_by name NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    measured_at timestamptz,
    PRIMARY KEY (snapshot_id, image_id, volume_format)
);

COMMENT ON TABLE vmclone.measurements IS 'exact sizes of collapsed images, measured by the worker at measure_snapshot''s request';

SELECT pg_catalog.pg_extension_config_dump('vmclone.jobs', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.async_tasks', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.measurements', '');
REVOKE ALL ON vmclone.jobs, vmclone.async_tasks, vmclone.measurements FROM PUBLIC;
--
-- Who holds which image and snapshot for the time of a copy, and what their
-- status was before the first holder came.
--

CREATE TABLE vmclone.image_locks (
    kind text NOT NULL,
    entity_id uuid NOT NULL,
    holder uuid NOT NULL,
    mode text NOT NULL,
    keeps_status boolean NOT NULL DEFAULT false,
    locked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (entity_id, kind, holder),
    CONSTRAINT image_locks_words CHECK (kind = ANY ('{snapshot,image}') AND mode = ANY ('{exclusive,shared}'))
);

CREATE INDEX image_locks_holder ON vmclone.image_locks (holder);

COMMENT ON TABLE vmclone.image_locks IS 'one row per snapshot or image and holder';
COMMENT ON COLUMN vmclone.image_locks.holder IS 'the call (jobs.call_id) that reads the entity';
COMMENT ON COLUMN vmclone.image_locks.keeps_status IS 'a template''s image: held, but its status is left alone';

CREATE TABLE vmclone.lock_state (
    kind text NOT NULL CHECK (kind = ANY ('{snapshot,image}')),
    entity_id uuid NOT NULL,
    earlier_status text NOT NULL,
    shared_only boolean NOT NULL,
    locked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (entity_id, kind)
);

COMMENT ON TABLE vmclone.lock_state IS 'status of a snapshot or image before the first holder locked it; given back when the last one leaves';
COMMENT ON COLUMN vmclone.lock_state.earlier_status IS 'snapshots.status, or images.imagestatus as text';
COMMENT ON COLUMN vmclone.lock_state.shared_only IS 'all holders share, so that LOCKED is no obstacle to one more sharing call';

--
-- Rows that calls update when they have counted something, so that two calls
-- cannot count the same state and both take the last of it.
--

CREATE TABLE vmclone.reservations (
    kind text NOT NULL CHECK (kind = ANY ('{quota,storage_domain,mac_pool,storage_pool}')),
    entity_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    last_address bigint,
    bytes bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, entity_id)
);

COMMENT ON TABLE vmclone.reservations IS 'a version for each quota, storage domain and MAC pool that calls count; updated with every take, so that REPEATABLE READ callers fail with 40001 and never take too much';
COMMENT ON COLUMN vmclone.reservations.bytes IS 'storage domain: bytes that clones take of its free space, when they were last summed up, and what calls have reserved since; the tasks are only summed up again when this comes near the free space';
COMMENT ON COLUMN vmclone.reservations.last_address IS 'the MAC address that a pool gave last, as a number; the next search goes on from there';

CREATE TABLE vmclone.vm_names (
    storage_pool_id uuid NOT NULL,
    vm_name text NOT NULL,
    vm_id uuid NOT NULL,
    call_id uuid NOT NULL,
    PRIMARY KEY (storage_pool_id, vm_name)
);

CREATE INDEX vm_names_vm_id ON vmclone.vm_names (vm_id);

COMMENT ON TABLE vmclone.vm_names IS 'names taken by jobs that are not over, unique in their data centre';

CREATE TABLE vmclone.request_keys (
    owner name NOT NULL,
    request_key text NOT NULL,
    call_id uuid NOT NULL,
    parameters jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (owner, request_key)
);

COMMENT ON TABLE vmclone.request_keys IS 'the call that each caller''s request key stands for; kept as long as the job''s history';

SELECT pg_catalog.pg_extension_config_dump('vmclone.image_locks', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.lock_state', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.reservations', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.vm_names', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.request_keys', '');
REVOKE ALL ON vmclone.image_locks, vmclone.lock_state, vmclone.reservations, vmclone.vm_names, vmclone.request_keys
    FROM PUBLIC;
--
-- Where storage domains lie on this machine, and what a cleaning left behind.
--

CREATE TABLE vmclone.storage_mounts (
    storage_domain_id uuid PRIMARY KEY,
    kind text NOT NULL DEFAULT 'file' CHECK (kind = ANY ('{file,block}')),
    mount_path text NOT NULL,
    real_path text NOT NULL,
    storage_root text NOT NULL,
    device bigint,
    filesystem text,
    block_size integer,
    reflink boolean NOT NULL DEFAULT false,
    token uuid NOT NULL,
    max_copies integer CHECK (max_copies > 0),
    bandwidth_limit bigint CHECK (bandwidth_limit > 0),
    status text NOT NULL DEFAULT 'attached' CHECK (status = ANY ('{attached,failed}')),
    error text,
    total_bytes bigint,
    available_bytes bigint,
    attached_by name NOT NULL,
    attached_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE vmclone.storage_mounts IS 'storage domains attached on this machine; not dumped, since another machine has other paths';
COMMENT ON COLUMN vmclone.storage_mounts.real_path IS 'mount_path resolved once, below one of vmclone.storage_roots';
COMMENT ON COLUMN vmclone.storage_mounts.token IS 'identity token written into the domain; a database with another token is refused';
COMMENT ON COLUMN vmclone.storage_mounts.max_copies IS 'copies at once that write to the domain; NULL: only vmclone.max_parallel_copies counts';
COMMENT ON COLUMN vmclone.storage_mounts.bandwidth_limit IS 'bytes per second for all copies that write to the domain';

CREATE TABLE vmclone.orphan_files (
    orphan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL,
    task_id uuid NOT NULL,
    storage_domain_id uuid NOT NULL,
    path text NOT NULL,
    reason text NOT NULL,
    abandoned_by name NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE vmclone.orphan_files IS 'paths that a cleaning could not remove and an administrator gave up';
COMMENT ON SEQUENCE vmclone.orphan_files_orphan_id_seq IS 'numbers of the orphan files';

--
-- Which database this is.  A database made by TEMPLATE, restore or promotion
-- has the same rows but must not run or clean the same files.
--

CREATE TABLE vmclone.identity (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    database_oid oid NOT NULL,
    token uuid NOT NULL,
    written_at_lsn pg_lsn NOT NULL,
    adopted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE vmclone.identity IS 'the server and database that may run the jobs; where it does not match, the worker claims and deletes nothing until adopt() decides';
COMMENT ON COLUMN vmclone.identity.written_at_lsn IS 'a server that began as a base backup taken later than this is another one';

--
-- Where every clone came from; survives the source.
--

CREATE TABLE vmclone.lineage (
    vm_id uuid PRIMARY KEY,
    vm_name text NOT NULL,
    entity_type text NOT NULL,
    source_vm_id uuid NOT NULL,
    source_vm_name text NOT NULL,
    source_snapshot_id uuid NOT NULL,
    source_snapshot_description text,
    job_id uuid NOT NULL,
    copy_number integer NOT NULL DEFAULT 1,
    created_by name NOT NULL,
    user_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    parameters jsonb NOT NULL,
    devices jsonb NOT NULL DEFAULT '[]',
    row_ids uuid[] NOT NULL DEFAULT '{}'
);

-- as it is: compressing it costs more than the rest of the INSERT
ALTER TABLE vmclone.lineage ALTER devices SET STORAGE EXTERNAL;

CREATE INDEX lineage_source_vm_id ON vmclone.lineage (source_vm_id);
CREATE INDEX lineage_source_snapshot_id ON vmclone.lineage (source_snapshot_id);

COMMENT ON TABLE vmclone.lineage IS 'who was cloned from what, when, by whom and with which parameters';
COMMENT ON COLUMN vmclone.lineage.devices IS 'what became of every device of the source: [{"device_id", "type", "device", "fate": "copied|remade|left out|added", "reason"}]';
COMMENT ON COLUMN vmclone.lineage.row_ids IS 'ids of the inventory rows that the clone was made of: what a cleaning may remove';

--
-- Roles that act for one engine user only.
--

CREATE TABLE vmclone.operators (
    role_name name PRIMARY KEY,
    user_id uuid NOT NULL
);

COMMENT ON TABLE vmclone.operators IS 'roles made by grant_operator and the one engine user that each may act for';

SELECT pg_catalog.pg_extension_config_dump('vmclone.orphan_files', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.orphan_files_orphan_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.identity', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.lineage', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.operators', '');
REVOKE ALL ON vmclone.storage_mounts, vmclone.orphan_files, vmclone.identity, vmclone.lineage, vmclone.operators
    FROM PUBLIC;
--
-- MAC addresses of a pool of the bound inventory.
--

CREATE FUNCTION vmclone.mac_pool_free_addresses(p_mac_pool_id uuid, p_count integer, p_after bigint, p_except text[])
RETURNS bigint[]
LANGUAGE C STABLE
AS 'MODULE_PATHNAME', 'vmclone_mac_pool_free_addresses';

COMMENT ON FUNCTION vmclone.mac_pool_free_addresses IS 'internal: up to so many free addresses of a MAC pool, as numbers, in the order in which clones get them: upwards from the address after p_after, then from the pool''s first one';

REVOKE ALL ON FUNCTION vmclone.mac_pool_free_addresses FROM PUBLIC;
--
-- The parameters of a stored call, for one of its copies alone.  Runs in the extension's own frame.
--

-- What the copy had of its own takes the place of what all had: its vm_static, its interfaces.  The name is not part of
-- it.  p_overrides are laid over the result by name; interfaces in them replace the copy's own ones too.
CREATE FUNCTION vmclone.parameters_of_copy(p_parameters jsonb, p_copy_number integer, p_overrides jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT $1 || jsonb_build_object('copies', 1,
            'vm_static', (coalesce(nullif($1 -> 'vm_static', 'null'), '{}') || coalesce(nullif(c.own -> 'vm_static', 'null'), '{}')) - 'vm_name',
            'copy_overrides', CASE WHEN c.own ? 'interfaces' AND NOT $3 ? 'interfaces' THEN to_jsonb(ARRAY(
                SELECT jsonb_build_object('interfaces', c.own -> 'interfaces')
                FROM generate_series(1, CASE WHEN jsonb_typeof($3 -> 'copies') = 'number' THEN least(($3 ->> 'copies')::numeric, 1000) ELSE 1 END))) END)
        || $3
    FROM (SELECT coalesce($1 -> 'copy_overrides' -> ($2 - 1), '{}') AS own) c
$$;

-- As above, for a copy that is to be made under the name that it had; {n} in its disks' aliases is the number that it had.
CREATE FUNCTION vmclone.parameters_of_retry(p_parameters jsonb, p_copy_number integer, p_vm_name text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN coalesce(($1 ->> 'copies')::integer, 1) = 1 THEN $1
        ELSE vmclone.parameters_of_copy($1, $2, jsonb_build_object('vm_name', $3, 'disks', (
            SELECT jsonb_agg(CASE WHEN d ? 'disk_alias' THEN d || jsonb_build_object('disk_alias', replace(d ->> 'disk_alias', '{n}', $2::text)) ELSE d END)
            FROM jsonb_array_elements(nullif($1 -> 'disks', 'null')) d))) END
$$;

COMMENT ON FUNCTION vmclone.parameters_of_copy IS 'internal: parameters of a call for one of its copies alone';
COMMENT ON FUNCTION vmclone.parameters_of_retry IS 'internal: parameters of a call that makes a copy again which failed';

REVOKE ALL ON FUNCTION vmclone.parameters_of_copy, vmclone.parameters_of_retry FROM PUBLIC;
--
-- Removal of a clone's rows, for failure and cancel.  Runs in an inventory frame: names without a schema are the
-- bound inventory's.  Only what the job made goes; what somebody attached meanwhile is an error that names it.
--

-- Raises if a row that is not to go refers, by a foreign key, to one that is: with an ON DELETE CASCADE it would be lost.
-- p_condition is SQL about the row's columns, with $1 the VM's id and $2 the ids to remove.
CREATE FUNCTION vmclone.clone_refuse_references(p_table regclass, p_condition text, p_vm_id uuid, p_ids uuid[])
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    reference record;
    key text;
BEGIN
    FOR reference IN
        SELECT c.conrelid, c.conrelid::regclass AS name,
            (SELECT string_agg(format('r.%I = t.%I', a.attname, b.attname), ' AND ')
             FROM unnest(c.conkey, c.confkey) AS k (own, other)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own
             JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other) AS same,
            coalesce((SELECT format('concat(''(%s)=('', concat_ws('', '', %s), '')'')', string_agg(a.attname, ', ' ORDER BY k.n),
                             string_agg(format('r.%I', a.attname), ', ' ORDER BY k.n))
                      FROM pg_index i
                      CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, n)
                      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                      WHERE i.indrelid = c.conrelid AND i.indisprimary HAVING count(*) > 0),
                     'to_jsonb(r)::text') AS key
        FROM pg_constraint c
        WHERE c.contype = 'f' AND c.confrelid = p_table
        ORDER BY c.conname
    LOOP
        EXECUTE format('SELECT %s FROM (SELECT * FROM %s WHERE %s) t JOIN %s r ON %s%s LIMIT 1', reference.key, p_table, p_condition,
            reference.name, reference.same,
            CASE WHEN reference.conrelid = p_table
                THEN format(' WHERE NOT EXISTS (SELECT FROM (SELECT r.*) s WHERE %s)', p_condition) ELSE '' END)
        INTO key USING p_vm_id, p_ids;
        IF key IS NOT NULL THEN
            PERFORM vmclone.clone_refuse_removal(reference.name::text, key, p_vm_id);
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION vmclone.clone_refuse_removal(p_table text, p_key text, p_vm_id uuid)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of the new virtual machine cannot be removed: table "%" has a row that the job did not make', p_table
        USING ERRCODE = 'VC014', DETAIL = format('Row %s of table "%s" refers to virtual machine %s or to a disk of it.', p_key, p_table, p_vm_id),
            HINT = 'Remove the row, or detach it from the virtual machine; cleaning is tried again by itself.';
END
$$;

CREATE FUNCTION vmclone.clone_remove_rows(p_vm_id uuid, p_ids uuid[])
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    disks uuid[];
    step record;
    key text;
    target regclass;
    inventory text := (SELECT quote_ident(n) FROM unnest(current_schemas(false)) n WHERE n <> 'pg_catalog' AND n !~ '^pg_temp' LIMIT 1);
BEGIN
    -- from here nobody attaches anything: the check of a foreign key waits for these locks
    PERFORM FROM vm_static WHERE vm_guid = p_vm_id FOR UPDATE;
    SELECT coalesce(array_agg(DISTINCT d.disk_id), '{}') INTO disks
    FROM (SELECT i.image_group_id AS disk_id FROM images i WHERE i.image_guid = ANY (p_ids)
          UNION ALL SELECT t.disk_id FROM vmclone.async_tasks t WHERE t.vm_id = p_vm_id AND t.disk_id = ANY (p_ids)) d;
    PERFORM FROM base_disks WHERE disk_id = ANY (disks) ORDER BY disk_id FOR UPDATE;

    -- references that no foreign key guards
    SELECT format('(image_guid)=(%s)', i.image_guid) INTO key
    FROM (SELECT image_guid FROM images WHERE image_group_id = ANY (disks)
          UNION ALL SELECT image_guid FROM images WHERE parentid = ANY (p_ids) AND parentid <> '00000000-0000-0000-0000-000000000000'
          UNION ALL SELECT image_guid FROM images WHERE it_guid = ANY (p_ids) AND it_guid <> '00000000-0000-0000-0000-000000000000') i
    WHERE i.image_guid <> ALL (p_ids) LIMIT 1;
    IF key IS NOT NULL THEN
        PERFORM vmclone.clone_refuse_removal('images', key, p_vm_id);
    END IF;
    SELECT format('(id)=(%s)', p.id) INTO key FROM permissions p
    WHERE p.object_id = ANY (disks || p_vm_id) AND p.id <> ALL (p_ids) LIMIT 1;
    IF key IS NOT NULL THEN
        PERFORM vmclone.clone_refuse_removal('permissions', key, p_vm_id);
    END IF;
    SELECT format('(device_id, vm_id)=(%s, %s)', d.device_id, d.vm_id) INTO key FROM vm_device d
    WHERE d.device_id = ANY (disks) AND d.vm_id <> p_vm_id LIMIT 1;
    IF key IS NOT NULL THEN
        PERFORM vmclone.clone_refuse_removal('vm_device', key, p_vm_id);
    END IF;

    -- children first; a table that this inventory lacks is passed over
    FOR step IN
        SELECT * FROM (VALUES
            ('permissions', 'id = ANY ($2)'),
            ('vm_host_pinning_map', 'vm_id = $1'),
            ('numa_node_cpu_map', 'id = ANY ($2)'),
            ('vm_vds_numa_node_map', 'id = ANY ($2)'),
            ('numa_node', 'vm_id = $1 AND numa_node_id = ANY ($2)'),
            ('vm_nvram_data', 'vm_id = $1'),
            ('vm_init', 'vm_id = $1'),
            ('vm_ovf_generations', 'vm_guid = $1'),
            ('vm_external_data', 'vm_id = $1 AND device_id = ANY ($2)'),
            ('vm_interface_statistics', 'id = ANY ($2)'),
            ('vm_interface', 'vm_guid = $1 AND id = ANY ($2)'),
            ('vm_device', 'vm_id = $1 AND device_id = ANY ($2)'),
            ('disk_vm_element', 'vm_id = $1 AND disk_id = ANY ($2)'),
            ('image_storage_domain_map', 'image_id = ANY ($2)'),
            ('disk_image_dynamic', 'image_id = ANY ($2)'),
            ('images', 'image_guid = ANY ($2)'),
            ('snapshots', 'vm_id = $1 AND snapshot_id = ANY ($2)'),
            ('base_disks', 'disk_id = ANY ($3)'),
            ('vm_statistics', 'vm_guid = $1'),
            ('vm_dynamic', 'vm_guid = $1'),
            ('vm_static', 'vm_guid = $1')) AS s (name, condition)
    LOOP
        target := to_regclass(inventory || '.' || quote_ident(step.name));
        CONTINUE WHEN target IS NULL;
        IF step.name = 'base_disks' THEN
            PERFORM vmclone.clone_refuse_references(target, 'disk_id = ANY ($2)', p_vm_id, disks);
        ELSE
            PERFORM vmclone.clone_refuse_references(target, step.condition, p_vm_id, p_ids);
        END IF;
        EXECUTE format('DELETE FROM %s WHERE %s', target, step.condition) USING p_vm_id, p_ids, disks;
    END LOOP;
END
$$;

COMMENT ON FUNCTION vmclone.clone_refuse_references IS 'internal: no foreign row refers to rows that are to go';
COMMENT ON FUNCTION vmclone.clone_refuse_removal IS 'internal: the error that names a row which stands in the way of cleaning';
COMMENT ON FUNCTION vmclone.clone_remove_rows IS 'internal: removes the inventory rows of a failed or cancelled clone';

REVOKE ALL ON FUNCTION vmclone.clone_refuse_references, vmclone.clone_refuse_removal, vmclone.clone_remove_rows FROM PUBLIC;
--
-- Trees for people: what was cloned from what, and a VM's snapshots with their image chains.  Both run in an inventory
-- frame: names without a schema are the bound inventory's.
--

-- What trees are drawn with: boxes, or what every encoding has.  This file has ASCII only: a script is read in the
-- database's encoding.
CREATE FUNCTION vmclone.tree_mark(p_mark text)
RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- by statements: chr() of a box is an error elsewhere, also where it is only planned
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        RETURN CASE p_mark WHEN 'last' THEN '`- ' WHEN 'next' THEN '|- ' WHEN 'line' THEN '|  ' ELSE ' <' END;
    ELSIF p_mark = 'last' THEN
        RETURN chr(9492) || chr(9472) || ' ';
    ELSIF p_mark = 'next' THEN
        RETURN chr(9500) || chr(9472) || ' ';
    ELSIF p_mark = 'line' THEN
        RETURN chr(9474) || '  ';
    END IF;
    RETURN ' ' || chr(9664);
END
$$;

-- The family of a VM or template: from its first known ancestor down to every clone of a clone.  Of a snapshot: its VM,
-- and what was made from that snapshot.  NULL: all families.  What somebody other than p_owner made is left out, unless
-- p_owner is NULL.
CREATE FUNCTION vmclone.lineage_rows(p_id uuid, p_owner name)
RETURNS TABLE (tree text, vm_id uuid, vm_name text, kind text, snapshot_id uuid, snapshot text, created_at timestamptz,
    created_by name, user_id uuid, copy_number integer, job_id uuid, parameters jsonb, vm_exists boolean)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE seen AS (
        SELECT l.* FROM vmclone.lineage l WHERE $2 IS NULL OR l.created_by = $2
    ), of_snapshot AS (
        SELECT s.vm_id AS id FROM snapshots s WHERE s.snapshot_id = $1
        UNION
        SELECT s.source_vm_id FROM seen s WHERE s.source_snapshot_id = $1
    ), ancestors AS (
        SELECT $1 AS id, 0 AS steps WHERE NOT EXISTS (SELECT FROM of_snapshot)
        UNION
        SELECT s.source_vm_id, a.steps + 1 FROM ancestors a JOIN seen s ON s.vm_id = a.id
    ), roots AS (
        SELECT id FROM of_snapshot
        UNION
        SELECT id FROM ancestors WHERE id IS NOT NULL AND steps = (SELECT max(steps) FROM ancestors)
            AND (EXISTS (SELECT FROM vm_static v WHERE v.vm_guid = id) OR EXISTS (SELECT FROM seen s WHERE s.source_vm_id = id))
        UNION
        SELECT s.source_vm_id FROM seen s WHERE $1 IS NULL AND NOT EXISTS (SELECT FROM seen a WHERE a.vm_id = s.source_vm_id)
    ), nodes AS (
        SELECT r.id, NULL::uuid AS made, ''::text AS branch, ''::text AS indent, ARRAY[r.id::text] AS path,
            coalesce((SELECT v.vm_name::text FROM vm_static v WHERE v.vm_guid = r.id),
                (SELECT s.source_vm_name FROM seen s WHERE s.source_vm_id = r.id ORDER BY s.created_at DESC LIMIT 1)) AS name
        FROM roots r
        UNION ALL
        SELECT c.vm_id, c.vm_id, c.indent || CASE WHEN c.number = c.count THEN vmclone.tree_mark('last') ELSE vmclone.tree_mark('next') END,
            c.indent || CASE WHEN c.number = c.count THEN '   ' ELSE vmclone.tree_mark('line') END, c.path || to_char(c.number, 'FM0000000000'), c.vm_name
        FROM (
            SELECT s.vm_id, s.vm_name, n.indent, n.path,
                row_number() OVER (PARTITION BY s.source_vm_id ORDER BY s.created_at, s.copy_number, s.vm_name) AS number,
                count(*) OVER (PARTITION BY s.source_vm_id) AS count
            FROM nodes n JOIN seen s ON s.source_vm_id = n.id
            WHERE n.made IS NOT NULL OR NOT EXISTS (SELECT FROM of_snapshot) OR s.source_snapshot_id = $1
        ) c
    )
    SELECT n.branch || coalesce(v.vm_name::text, n.name) || CASE WHEN v.vm_guid IS NULL THEN ' (deleted)' ELSE '' END
            || CASE WHEN n.id = $1 THEN vmclone.tree_mark('here') ELSE '' END,
        n.id, coalesce(v.vm_name::text, n.name), coalesce(s.entity_type, v.entity_type::text), s.source_snapshot_id, s.source_snapshot_description,
        s.created_at, s.created_by, s.user_id, s.copy_number, s.job_id, s.parameters, v.vm_guid IS NOT NULL
    FROM nodes n
    LEFT JOIN seen s ON s.vm_id = n.made
    LEFT JOIN vm_static v ON v.vm_guid = n.id
    ORDER BY n.path
$$;

-- A VM or template: for a thin VM the template's images, then every snapshot in order of time with the image of each
-- disk.  Who reads: jobs that are not over; the names of jobs that somebody other than p_owner started are left out.
CREATE FUNCTION vmclone.snapshot_rows(p_vm_id uuid, p_owner name)
RETURNS TABLE (tree text, type text, status text, format text, virtual_size text, actual_size text, storage_domain text,
    created_at timestamptz, locked_by text, id uuid, parent_id uuid)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE own AS (
        SELECT i.image_guid, i.parentid, i.image_group_id, i.vm_snapshot_id, 0 AS below, ARRAY[i.image_guid] AS path
        FROM disk_vm_element e JOIN images i ON i.image_group_id = e.disk_id
        WHERE e.vm_id = $1
        UNION
        -- a chain that is its own ancestor is drawn once round
        SELECT p.image_guid, p.parentid, p.image_group_id, NULL::uuid, o.below + 1, o.path || p.image_guid
        FROM own o JOIN images p ON p.image_guid = o.parentid
        WHERE (p.image_group_id <> o.image_group_id OR o.below > 0) AND p.image_guid <> ALL (o.path)
    ), of_snapshots AS (
        SELECT s.snapshot_id, s.snapshot_type::text AS type, s.status::text AS status, s.description::text AS name, s.creation_date
        FROM snapshots s WHERE s.vm_id = $1
    ), groups AS (
        -- what has images of the VM: the template below it, each snapshot, and images that no snapshot has
        SELECT 1 AS rank, NULL::uuid AS group_id, 'template ' || coalesce(string_agg(DISTINCT t.vm_name::text, ', '), '(deleted)') AS name,
            'TEMPLATE' AS type, NULL::text AS status, NULL::timestamptz AS created
        FROM own o LEFT JOIN disk_vm_element e ON e.disk_id = o.image_group_id LEFT JOIN vm_static t ON t.vm_guid = e.vm_id
        WHERE o.below > 0 HAVING count(*) > 0
        UNION ALL
        SELECT 2, s.snapshot_id, coalesce(nullif(s.name, ''), s.snapshot_id::text), s.type, s.status, s.creation_date FROM of_snapshots s
        UNION ALL
        SELECT 3, NULL, 'images of no snapshot', NULL, NULL, NULL
        FROM own o WHERE o.below = 0 AND NOT EXISTS (SELECT FROM of_snapshots s WHERE s.snapshot_id = o.vm_snapshot_id) HAVING count(*) > 0
    ), numbered AS (
        SELECT g.*, row_number() OVER w AS number, lead(1) OVER w IS NULL AS is_last FROM groups g WINDOW w AS (ORDER BY g.rank, g.created, g.group_id)
    ), holders AS (
        SELECT l.kind, l.entity_id, string_agg(format('%s by %s', l.mode, CASE WHEN $2 IS NULL OR j.owner = $2 THEN j.vm_name ELSE 'another job' END),
            ', ' ORDER BY l.mode, j.vm_name) AS text
        FROM vmclone.image_locks l LEFT JOIN vmclone.jobs j ON j.call_id = l.holder
        GROUP BY l.kind, l.entity_id
    ), lines AS (
        SELECT 0::bigint AS number, 0::bigint AS line, v.vm_name::text AS tree, v.entity_type::text AS type,
            CASE WHEN v.entity_type = 'TEMPLATE' THEN CASE v.template_status WHEN 0 THEN 'OK' WHEN 1 THEN 'LOCKED' WHEN 2 THEN 'ILLEGAL' END END AS status,
            NULL::text AS format, NULL::text AS virtual_size, NULL::text AS actual_size, NULL::text AS storage_domain,
            v.creation_date AS created_at, NULL::text AS locked_by, v.vm_guid AS id, NULL::uuid AS parent_id
        FROM vm_static v WHERE v.vm_guid = $1
        UNION ALL
        SELECT n.number, 0, CASE WHEN n.is_last THEN vmclone.tree_mark('last') ELSE vmclone.tree_mark('next') END || n.name, n.type, n.status, NULL, NULL, NULL, NULL, n.created, h.text, n.group_id, NULL
        FROM numbered n LEFT JOIN holders h ON h.kind = 'snapshot' AND h.entity_id = n.group_id
        UNION ALL
        SELECT n.number, row_number() OVER (PARTITION BY n.number ORDER BY b.disk_alias, o.below DESC, o.image_guid),
            CASE WHEN n.is_last THEN '   ' ELSE vmclone.tree_mark('line') END
                || CASE WHEN lead(1) OVER (PARTITION BY n.number ORDER BY b.disk_alias, o.below DESC, o.image_guid) IS NULL THEN vmclone.tree_mark('last') ELSE vmclone.tree_mark('next') END
                || coalesce(b.disk_alias, b.disk_id::text),
            'image', CASE i.imagestatus WHEN 0 THEN 'Unassigned' WHEN 1 THEN 'OK' WHEN 2 THEN 'LOCKED' WHEN 4 THEN 'ILLEGAL' END,
            CASE i.volume_format WHEN 4 THEN 'COW' WHEN 5 THEN 'RAW' ELSE 'Unassigned' END || ' '
                || CASE i.volume_type WHEN 1 THEN 'Preallocated' WHEN 2 THEN 'Sparse' ELSE 'Unassigned' END,
            pg_size_pretty(i.size), pg_size_pretty(d.actual_size),
            (SELECT string_agg(s.storage_name::text, ', ' ORDER BY s.storage_name)
             FROM image_storage_domain_map m JOIN storage_domain_static s ON s.id = m.storage_domain_id WHERE m.image_id = i.image_guid),
            i.creation_date, h.text, i.image_guid, nullif(i.parentid, '00000000-0000-0000-0000-000000000000')
        FROM own o
        JOIN images i ON i.image_guid = o.image_guid
        LEFT JOIN base_disks b ON b.disk_id = i.image_group_id
        LEFT JOIN disk_image_dynamic d ON d.image_id = i.image_guid
        LEFT JOIN holders h ON h.kind = 'image' AND h.entity_id = i.image_guid
        JOIN numbered n ON CASE WHEN o.below > 0 THEN n.rank = 1
            WHEN EXISTS (SELECT FROM of_snapshots s WHERE s.snapshot_id = o.vm_snapshot_id) THEN n.rank = 2 AND n.group_id = o.vm_snapshot_id
            ELSE n.rank = 3 END
    )
    SELECT l.tree, l.type, l.status, l.format, l.virtual_size, l.actual_size, l.storage_domain, l.created_at, l.locked_by, l.id, l.parent_id
    FROM lines l ORDER BY l.number, l.line
$$;

COMMENT ON FUNCTION vmclone.tree_mark IS 'internal: what trees are drawn with';
COMMENT ON FUNCTION vmclone.lineage_rows IS 'internal: what lineage_tree shows';
COMMENT ON FUNCTION vmclone.snapshot_rows IS 'internal: what snapshot_tree shows';

REVOKE ALL ON FUNCTION vmclone.tree_mark, vmclone.lineage_rows, vmclone.snapshot_rows FROM PUBLIC;
--
-- Guards on what a copy reads.  vmclone's own inventory only: a real engine
-- database has the engine's own rules.
--
-- Statement triggers with transition tables: one query a statement, after the
-- rows were changed and so after every wait for a row lock; they look at what is
-- committed then, under every isolation level.  They only refuse, so that a
-- restore may load rows in any order.
--

CREATE FUNCTION vmclone.held_now(kind text, ids uuid[]) RETURNS TABLE (entity_id uuid, keeps_status boolean)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_held_now';

COMMENT ON FUNCTION vmclone.held_now(text, uuid[]) IS 'which of these snapshots or images (NULL: all) calls hold, by what is committed now, whatever the isolation level';

CREATE FUNCTION vmclone.refuse_held(p_what text, p_kind text, p_id uuid, p_held uuid) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'VC012',
        MESSAGE = format('%s %s is being copied from and cannot be %s', p_kind, p_id, p_what),
        CONSTRAINT = CASE p_kind WHEN 'image' THEN 'ACTION_TYPE_FAILED_DISKS_LOCKED'
            ELSE 'ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT' END,
        DETAIL = CASE p_kind WHEN 'image' THEN 'ACTION_TYPE_FAILED_DISKS_LOCKED'
            ELSE 'ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT' END
            || CASE WHEN p_held <> p_id THEN format(': it stands on image %s', p_held) ELSE '' END
            || ': held by ' || coalesce(
            (SELECT string_agg('job ' || j.job_id, ', ' ORDER BY j.created_at, j.copy_number)
             FROM vmclone.image_locks l JOIN vmclone.jobs j ON j.call_id = l.holder
             WHERE l.entity_id = p_held AND j.ended_at IS NULL), 'a call under way') || '.',
        HINT = 'Wait until the job ends or cancel it with vmclone.cancel_job.';
END
$$;

COMMENT ON FUNCTION vmclone.refuse_held(text, text, uuid, uuid) IS 'raises the error of a guard';

CREATE FUNCTION vmclone.guard_deleted_images() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held uuid[];
    parents uuid[];
    refused record;
BEGIN
    SELECT array_agg(h.entity_id), array_agg(h.entity_id) FILTER (WHERE NOT h.keeps_status) INTO held, parents
    FROM vmclone.held_now('image', ARRAY (SELECT image_guid FROM old_images UNION SELECT parentid FROM old_images)) h;
    IF held IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT o.image_guid, CASE WHEN o.image_guid = ANY (held) THEN o.image_guid ELSE o.parentid END AS held_id
    INTO refused FROM old_images o
    WHERE o.image_guid = ANY (held) OR o.parentid = ANY (parents)
    ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        PERFORM vmclone.refuse_held('deleted', 'image', refused.image_guid, refused.held_id);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION vmclone.guard_deleted_images() IS 'refuses to delete an image that a job reads, and its direct children; children of a template''s image belong to other virtual machines and are free';

-- In C, since calls change images too: most updates set a status or a time, and need no query at all.
CREATE FUNCTION vmclone.guard_changed_images() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'vmclone_guard_changed_images';

COMMENT ON FUNCTION vmclone.guard_changed_images() IS 'refuses to merge, re-parent, resize or unlock an image that a job reads, and to re-parent its direct children';

CREATE FUNCTION vmclone.guard_deleted_snapshots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held uuid;
BEGIN
    SELECT o.snapshot_id INTO held FROM old_snapshots o
    JOIN vmclone.held_now('snapshot', ARRAY (SELECT snapshot_id FROM old_snapshots)) h ON h.entity_id = o.snapshot_id
    ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        PERFORM vmclone.refuse_held('deleted', 'snapshot', held, held);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION vmclone.guard_deleted_snapshots() IS 'refuses to delete a snapshot that a job reads';

CREATE FUNCTION vmclone.guard_changed_snapshots() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'vmclone_guard_changed_snapshots';

COMMENT ON FUNCTION vmclone.guard_changed_snapshots() IS 'refuses to unlock or move a snapshot that a job reads';

CREATE FUNCTION vmclone.guard_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind CONSTANT text := CASE TG_TABLE_NAME WHEN 'images' THEN 'image' ELSE 'snapshot' END;
    held uuid;
BEGIN
    SELECT h.entity_id INTO held FROM vmclone.held_now(kind, NULL) h ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        PERFORM vmclone.refuse_held('removed by TRUNCATE', kind, held, held);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION vmclone.guard_truncated() IS 'refuses TRUNCATE while any job reads';

CREATE TRIGGER vmclone_guard_delete AFTER DELETE ON vmclone.images
    REFERENCING OLD TABLE AS old_images
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone.guard_deleted_images();
CREATE TRIGGER vmclone_guard_update AFTER UPDATE ON vmclone.images
    REFERENCING OLD TABLE AS old_images NEW TABLE AS new_images
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone.guard_changed_images();
CREATE TRIGGER vmclone_guard_truncate BEFORE TRUNCATE ON vmclone.images
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone.guard_truncated();
CREATE TRIGGER vmclone_guard_delete AFTER DELETE ON vmclone.snapshots
    REFERENCING OLD TABLE AS old_snapshots
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone.guard_deleted_snapshots();
CREATE TRIGGER vmclone_guard_update AFTER UPDATE ON vmclone.snapshots
    REFERENCING OLD TABLE AS old_snapshots NEW TABLE AS new_snapshots
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone.guard_changed_snapshots();
CREATE TRIGGER vmclone_guard_truncate BEFORE TRUNCATE ON vmclone.snapshots
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone.guard_truncated();

COMMENT ON TRIGGER vmclone_guard_delete ON vmclone.images IS 'an image that a job reads stays, and so does what stands directly on it';
COMMENT ON TRIGGER vmclone_guard_update ON vmclone.images IS 'an image that a job reads is not merged, re-parented, resized, converted or unlocked';
COMMENT ON TRIGGER vmclone_guard_truncate ON vmclone.images IS 'no image goes while any job reads';
COMMENT ON TRIGGER vmclone_guard_delete ON vmclone.snapshots IS 'a snapshot that a job reads stays';
COMMENT ON TRIGGER vmclone_guard_update ON vmclone.snapshots IS 'a snapshot that a job reads is not unlocked or moved';
COMMENT ON TRIGGER vmclone_guard_truncate ON vmclone.snapshots IS 'no snapshot goes while any job reads';

REVOKE ALL ON FUNCTION vmclone.held_now(text, uuid[]), vmclone.refuse_held(text, text, uuid, uuid), vmclone.guard_deleted_images(),
    vmclone.guard_changed_images(), vmclone.guard_deleted_snapshots(), vmclone.guard_changed_snapshots(),
    vmclone.guard_truncated() FROM PUBLIC;
-- The inventory with words for its codes.  A view that stood on the tables of an engine's database would be in the way of
-- the engine's upgrades, and DROP ... CASCADE of one of those tables would take this extension with it.  So the views stand
-- on inventory_rows, which runs the query kept under a name, as the inventory's owner, on the inventory that is bound.

CREATE TABLE inventory_queries (
    name name PRIMARY KEY,
    sql text NOT NULL
);
COMMENT ON TABLE inventory_queries IS 'What inventory_rows may run; tables without a schema are the bound inventory''s.  Not dumped: CREATE EXTENSION makes it';

CREATE FUNCTION inventory_rows(query name) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION inventory_rows(name) IS 'Rows of one of inventory_queries; the views below give them columns';

INSERT INTO inventory_queries (name, sql) VALUES ('vms', $query$
SELECT v.vm_guid AS vm_id,
    v.vm_name::text AS vm_name,
    v.entity_type::text AS kind,
    CASE WHEN v.entity_type = 'TEMPLATE' THEN CASE v.template_status WHEN 0 THEN 'OK' WHEN 1 THEN 'LOCKED' WHEN 2 THEN 'ILLEGAL' END
        ELSE CASE d.status WHEN -1 THEN 'Unassigned' WHEN 0 THEN 'Down' WHEN 1 THEN 'Up' WHEN 2 THEN 'PoweringUp' WHEN 4 THEN 'Paused'
            WHEN 5 THEN 'MigratingFrom' WHEN 6 THEN 'MigratingTo' WHEN 7 THEN 'Unknown' WHEN 8 THEN 'NotResponding' WHEN 9 THEN 'WaitForLaunch'
            WHEN 10 THEN 'RebootInProgress' WHEN 11 THEN 'SavingState' WHEN 12 THEN 'RestoringState' WHEN 13 THEN 'Suspended'
            WHEN 14 THEN 'ImageIllegal' WHEN 15 THEN 'ImageLocked' WHEN 16 THEN 'PoweringDown' ELSE 'code ' || d.status END
        END::text AS status,
    c.name::text AS cluster,
    p.name::text AS data_center,
    CASE WHEN v.vmt_guid <> v.vm_guid THEN t.vm_name END::text AS template,
    v.mem_size_mb::bigint AS memory_mb,
    least(v.num_of_sockets::numeric * v.cpu_per_socket * v.threads_per_cpu, 2147483647)::integer AS cpus,
    CASE v.bios_type WHEN 1 THEN 'I440FX_SEA_BIOS' WHEN 2 THEN 'Q35_SEA_BIOS' WHEN 3 THEN 'Q35_OVMF' WHEN 4 THEN 'Q35_SECURE_BOOT' END::text AS bios,
    (SELECT count(*) FROM disk_vm_element e WHERE e.vm_id = v.vm_guid)::integer AS disks,
    (SELECT count(*) FROM vm_interface i WHERE i.vm_guid = v.vm_guid)::integer AS nics,
    (SELECT count(*) FROM snapshots s WHERE s.vm_id = v.vm_guid AND s.snapshot_type = 'REGULAR')::integer AS snapshots,
    EXISTS (SELECT FROM snapshots s WHERE s.vm_id = v.vm_guid AND s.status <> 'OK') AS snapshot_busy,
    q.quota_name::text AS quota,
    v.description::text AS description,
    v.creation_date::timestamptz AS created,
    v.cluster_id,
    c.storage_pool_id
FROM vm_static v
LEFT JOIN vm_dynamic d ON d.vm_guid = v.vm_guid
LEFT JOIN cluster c ON c.cluster_id = v.cluster_id
LEFT JOIN storage_pool p ON p.id = c.storage_pool_id
LEFT JOIN vm_static t ON t.vm_guid = v.vmt_guid
LEFT JOIN quota q ON q.id = v.quota_id
WHERE v.entity_type IN ('VM', 'TEMPLATE')
$query$);

INSERT INTO inventory_queries (name, sql) VALUES ('disks', $query$
SELECT b.disk_id,
    b.disk_alias::text AS disk_alias,
    v.vm_name::text AS vm_name,
    e.is_boot AS boot,
    e.disk_interface::text AS interface,
    dev.is_plugged AS plugged,
    dev.is_readonly AS read_only,
    b.shareable AS shareable,
    CASE b.disk_storage_type WHEN 0 THEN 'IMAGE' WHEN 1 THEN 'LUN' WHEN 2 THEN 'CINDER' WHEN 3 THEN 'MANAGED_BLOCK_STORAGE' WHEN 4 THEN 'KUBERNETES' END::text AS storage,
    CASE b.disk_content_type WHEN 0 THEN 'DATA' WHEN 1 THEN 'OVF_STORE' WHEN 2 THEN 'MEMORY_DUMP' WHEN 3 THEN 'MEMORY_METADATA' WHEN 4 THEN 'ISO'
        WHEN 9 THEN 'BACKUP_SCRATCH' ELSE 'HOSTED_ENGINE' END::text AS content,
    CASE i.imagestatus WHEN 0 THEN 'Unassigned' WHEN 1 THEN 'OK' WHEN 2 THEN 'LOCKED' WHEN 4 THEN 'ILLEGAL' END::text AS status,
    CASE i.volume_format WHEN 3 THEN 'Unassigned' WHEN 4 THEN 'COW' WHEN 5 THEN 'RAW' END::text AS format,
    CASE i.volume_type WHEN 0 THEN 'Unassigned' WHEN 1 THEN 'Preallocated' WHEN 2 THEN 'Sparse' END::text AS allocation,
    i.size::bigint AS virtual_size,
    CASE WHEN chain.actual_size > 9223372036854775807 THEN 9223372036854775807 ELSE chain.actual_size END::bigint AS actual_size,
    chain.images::integer AS images,
    place.domains::text AS storage_domain,
    place.quotas::text AS quota,
    i.image_guid AS image_id,
    e.vm_id
FROM base_disks b
LEFT JOIN disk_vm_element e ON e.disk_id = b.disk_id
LEFT JOIN vm_static v ON v.vm_guid = e.vm_id
LEFT JOIN vm_device dev ON dev.device_id = e.disk_id AND dev.vm_id = e.vm_id
LEFT JOIN images i ON i.image_group_id = b.disk_id AND i.active
LEFT JOIN LATERAL (
    SELECT count(*) AS images, sum(a.actual_size) AS actual_size
    FROM images l LEFT JOIN disk_image_dynamic a ON a.image_id = l.image_guid
    WHERE l.image_group_id = b.disk_id
) chain ON true
LEFT JOIN LATERAL (
    SELECT string_agg(DISTINCT s.storage_name::text, ', ') AS domains, string_agg(DISTINCT q.quota_name::text, ', ') AS quotas
    FROM image_storage_domain_map m
    JOIN storage_domain_static s ON s.id = m.storage_domain_id
    LEFT JOIN quota q ON q.id = m.quota_id
    WHERE m.image_id = i.image_guid
) place ON true
$query$);

INSERT INTO inventory_queries (name, sql) VALUES ('missing_disks', $query$
SELECT s.snapshot_id,
    s.description::text AS snapshot,
    s.vm_id,
    v.vm_name::text AS vm_name,
    d.disk_alias,
    CASE WHEN d.file_ref ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(/.*)?$' THEN left(d.file_ref, 36) END::uuid AS disk_id,
    ref.image_id,
    CASE WHEN i.image_guid IS NULL THEN 'MISSING' ELSE 'ILLEGAL' END::text AS status
FROM snapshots s
JOIN vm_static v ON v.vm_guid = s.vm_id
CROSS JOIN LATERAL xmltable('//*[local-name()="Disk"]'
    PASSING CASE WHEN xml_is_well_formed_document(s.vm_configuration) THEN xmlparse(DOCUMENT s.vm_configuration) END
    COLUMNS image text PATH '@*[local-name()="diskId"]',
        file_ref text PATH '@*[local-name()="fileRef"]',
        lun text PATH '@*[local-name()="lun_id"]',
        shareable text PATH '@*[local-name()="shareable"]',
        disk_alias text PATH '@*[local-name()="disk-alias"]') d
CROSS JOIN LATERAL (
    SELECT CASE WHEN d.image ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN d.image END::uuid AS image_id) ref
LEFT JOIN images i ON i.image_guid = ref.image_id
WHERE s.snapshot_type <> 'PREVIEW' AND d.lun IS NULL AND lower(d.shareable) IS DISTINCT FROM 'true' AND d.file_ref LIKE '%/%'
    AND ref.image_id IS NOT NULL AND (i.image_guid IS NULL OR i.imagestatus = 4)
$query$);

INSERT INTO inventory_queries (name, sql) VALUES ('storage', $query$
SELECT s.id AS storage_domain_id,
    s.storage_name::text AS storage_domain,
    p.name::text AS data_center,
    CASE s.storage_domain_type WHEN 0 THEN 'Master' WHEN 1 THEN 'Data' WHEN 2 THEN 'ISO' WHEN 3 THEN 'ImportExport' WHEN 4 THEN 'Image' WHEN 5 THEN 'Volume'
        WHEN 6 THEN 'Unknown' WHEN 7 THEN 'ManagedBlockStorage' WHEN 8 THEN 'Unmanaged' ELSE 'code ' || s.storage_domain_type END::text AS type,
    CASE s.storage_type WHEN 0 THEN 'UNKNOWN' WHEN 1 THEN 'NFS' WHEN 2 THEN 'FCP' WHEN 3 THEN 'ISCSI' WHEN 4 THEN 'LOCALFS' WHEN 6 THEN 'POSIXFS'
        WHEN 7 THEN 'GLUSTERFS' WHEN 8 THEN 'GLANCE' WHEN 9 THEN 'CINDER' WHEN 10 THEN 'MANAGED_BLOCK_STORAGE' WHEN 11 THEN 'UNMANAGED'
        ELSE 'code ' || s.storage_type END::text AS storage_type,
    CASE WHEN s.storage_type IN (2, 3) THEN 'block' WHEN s.storage_type IN (1, 4, 6, 7) THEN 'file' END::text AS kind,
    s.storage_domain_format_type::text AS format,
    CASE m.status WHEN 0 THEN 'Unknown' WHEN 1 THEN 'Uninitialized' WHEN 2 THEN 'Unattached' WHEN 3 THEN 'Active' WHEN 4 THEN 'Inactive' WHEN 5 THEN 'Locked'
        WHEN 6 THEN 'Maintenance' WHEN 7 THEN 'PreparingForMaintenance' WHEN 8 THEN 'Detaching' WHEN 9 THEN 'Activating' ELSE 'Unattached' END::text AS status,
    d.available_disk_size::bigint AS available_gb,
    d.used_disk_size::bigint AS used_gb,
    s.warning_low_space_indicator::integer AS warning_below_percent,
    s.critical_space_action_blocker::integer AS blocked_below_gb,
    m.storage_pool_id
FROM storage_domain_static s
LEFT JOIN storage_domain_dynamic d ON d.id = s.id
LEFT JOIN storage_pool_iso_map m ON m.storage_id = s.id
LEFT JOIN storage_pool p ON p.id = m.storage_pool_id
$query$);

CREATE VIEW vms AS
SELECT * FROM inventory_rows('vms') AS r (vm_id uuid, vm_name text, kind text, status text, cluster text, data_center text, template text, memory_mb bigint, cpus integer,
    bios text, disks integer, nics integer, snapshots integer, snapshot_busy boolean, quota text, description text, created timestamptz,
    cluster_id uuid, storage_pool_id uuid);

CREATE VIEW disks AS
SELECT * FROM inventory_rows('disks') AS r (disk_id uuid, disk_alias text, vm_name text, boot boolean, interface text, plugged boolean, read_only boolean, shareable boolean,
    storage text, content text, status text, format text, allocation text, virtual_size bigint, actual_size bigint, images integer,
    storage_domain text, quota text, image_id uuid, vm_id uuid);

CREATE VIEW missing_disks AS
SELECT * FROM inventory_rows('missing_disks') AS r (snapshot_id uuid, snapshot text, vm_id uuid, vm_name text, disk_alias text, disk_id uuid, image_id uuid, status text);

CREATE VIEW storage AS
SELECT r.storage_domain_id, r.storage_domain, r.data_center, r.type, r.storage_type, r.kind, r.format, r.status, r.available_gb, r.used_gb,
    r.warning_below_percent, r.blocked_below_gb, a.mount_path, coalesce(a.status, 'not attached') AS attached, a.error AS attach_error, a.reflink,
    a.total_bytes, a.available_bytes, a.checked_at, r.storage_pool_id
FROM inventory_rows('storage') AS r (storage_domain_id uuid, storage_domain text, data_center text, type text, storage_type text, kind text, format text,
    status text, available_gb bigint, used_gb bigint, warning_below_percent integer, blocked_below_gb integer, storage_pool_id uuid)
LEFT JOIN @extschema@.storage_mounts a USING (storage_domain_id);

COMMENT ON VIEW vms IS 'VMs and templates: state, size and place';
COMMENT ON COLUMN vms.status IS 'Of a VM: Down, Up, ImageLocked ...; of a template: OK, LOCKED, ILLEGAL';
COMMENT ON COLUMN vms.snapshot_busy IS 'A snapshot is locked or in preview';
COMMENT ON VIEW disks IS 'Disks, one row for each VM that has the disk; a floating disk has no VM';
COMMENT ON COLUMN disks.virtual_size IS 'Bytes that the guest sees';
COMMENT ON COLUMN disks.actual_size IS 'Bytes that all images of the disk take, as last reported';
COMMENT ON COLUMN disks.images IS 'Images of the disk: its snapshots and the active one';
COMMENT ON COLUMN disks.status IS 'Of the active image';
COMMENT ON VIEW missing_disks IS 'Disks that a snapshot''s configuration names and whose image is gone or illegal: the snapshot is partial';
COMMENT ON VIEW storage IS 'Storage domains: state, space, and where they are attached on this machine';
COMMENT ON COLUMN storage.available_gb IS 'Free GiB as the engine last knew; available_bytes is what this machine saw';

REVOKE ALL ON FUNCTION inventory_rows(name) FROM PUBLIC;
REVOKE ALL ON inventory_queries, vms, disks, missing_disks, storage FROM PUBLIC;

--
-- What is locked, by which job, since when.
--

CREATE VIEW vmclone.locks WITH (security_barrier) AS
SELECT l.kind, l.entity_id, l.mode, l.locked_at, s.earlier_status, l.keeps_status,
       j.job_id, j.status AS job_status, j.vm_name, j.owner, j.source_vm_id, j.source_snapshot_id
FROM vmclone.image_locks l
LEFT JOIN vmclone.lock_state s USING (kind, entity_id)
LEFT JOIN vmclone.jobs j ON j.call_id = l.holder
WHERE (SELECT vmclone.caller_sees_all()) OR j.owner = (SELECT vmclone.caller_name());

COMMENT ON VIEW vmclone.locks IS 'snapshots and images that jobs hold: what, by which job, since when, exclusive or shared';
COMMENT ON COLUMN vmclone.locks.earlier_status IS 'what the status becomes again when the last holder leaves';
COMMENT ON COLUMN vmclone.locks.keeps_status IS 'an image of a template: held, but its status is left alone';

REVOKE ALL ON vmclone.locks FROM PUBLIC;
CREATE FUNCTION vmclone.unlock_entity(kind text, id uuid) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_unlock_entity';

COMMENT ON FUNCTION vmclone.unlock_entity(text, uuid) IS 'administrators: takes the lock off a snapshot, image, disk, vm or template that no live job holds; audited';

REVOKE ALL ON FUNCTION vmclone.unlock_entity(text, uuid) FROM PUBLIC;
--
-- Where clones came from.
--

CREATE FUNCTION vmclone.lineage_tree(id uuid DEFAULT NULL)
RETURNS TABLE (tree text, vm_id uuid, vm_name text, kind text, snapshot_id uuid, snapshot text, created_at timestamptz,
    created_by name, user_id uuid, copy_number integer, job_id uuid, parameters jsonb, vm_exists boolean)
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_lineage_tree';

COMMENT ON FUNCTION vmclone.lineage_tree(uuid) IS 'the family of a virtual machine or template, or what was made from a snapshot: who came from what, when, by whom, with which parameters; NULL: all';

CREATE VIEW vmclone.lineage_tree AS SELECT * FROM vmclone.lineage_tree(NULL::uuid);

COMMENT ON VIEW vmclone.lineage_tree IS 'all families of clones; function lineage_tree(id) shows one';

REVOKE ALL ON FUNCTION vmclone.lineage_tree(uuid) FROM PUBLIC;
REVOKE ALL ON vmclone.lineage_tree FROM PUBLIC;
--
-- The call that made a clone, once more.
--

CREATE FUNCTION vmclone.clone_again(
    vm_id uuid,
    vm_name text DEFAULT NULL,
    overrides jsonb DEFAULT '{}',
    OUT copy_number integer, OUT job_id uuid, OUT new_vm_id uuid, OUT new_vm_name text, OUT status text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_clone_again';

COMMENT ON FUNCTION vmclone.clone_again(uuid, text, jsonb) IS 'runs the call that made a clone again, for this copy: same snapshot and parameters, overrides laid over them by name, all checks, new ids';

REVOKE ALL ON FUNCTION vmclone.clone_again(uuid, text, jsonb) FROM PUBLIC;
--
-- A VM's snapshots and image chains, for people.
--

CREATE FUNCTION vmclone.snapshot_tree(vm_id uuid)
RETURNS TABLE (tree text, type text, status text, format text, virtual_size text, actual_size text, storage_domain text,
    created_at timestamptz, locked_by text, id uuid, parent_id uuid)
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_snapshot_tree';

COMMENT ON FUNCTION vmclone.snapshot_tree(uuid) IS 'draws the snapshots of a virtual machine in order of time, each with its images: names, formats, sizes, status, who reads them';

CREATE VIEW vmclone.snapshot_tree AS
SELECT v.vm_id, v.vm_name, t.tree, t.type, t.status, t.format, t.virtual_size, t.actual_size, t.storage_domain, t.created_at, t.locked_by, t.id, t.parent_id
FROM vmclone.vms v CROSS JOIN LATERAL vmclone.snapshot_tree(v.vm_id) WITH ORDINALITY
    AS t (tree, type, status, format, virtual_size, actual_size, storage_domain, created_at, locked_by, id, parent_id, line)
ORDER BY v.vm_name, v.vm_id, t.line;

COMMENT ON VIEW vmclone.snapshot_tree IS 'snapshots and image chains of all virtual machines and templates; function snapshot_tree(vm_id) draws one';

REVOKE ALL ON FUNCTION vmclone.snapshot_tree(uuid) FROM PUBLIC;
REVOKE ALL ON vmclone.snapshot_tree FROM PUBLIC;
--
-- What a snapshot holds: the default values of the form that precedes a clone.
--

CREATE FUNCTION vmclone.get_vm_configuration_by_snapshot_id(snapshot_id uuid) RETURNS jsonb
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_get_vm_configuration_by_snapshot_id';

COMMENT ON FUNCTION vmclone.get_vm_configuration_by_snapshot_id(uuid) IS 'the virtual machine as it was at the snapshot; vm_static, disks and interfaces may be edited and handed to add_vm_from_snapshot';

CREATE FUNCTION vmclone.suggest_vm_name(snapshot_id uuid) RETURNS text
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_suggest_vm_name';

COMMENT ON FUNCTION vmclone.suggest_vm_name(uuid) IS 'copy_of_NAME, or the next number that no virtual machine, template or job of the data centre has';

CREATE FUNCTION vmclone.snapshot_disks(
    snapshot_id uuid,
    OUT disk_id uuid,
    OUT disk_alias text,
    OUT image_id uuid,
    OUT chain_depth integer,
    OUT size bigint,
    OUT actual_size bigint,
    OUT volume_format text,
    OUT volume_type text,
    OUT storage_domain_id uuid,
    OUT status text,
    OUT disk_interface text,
    OUT is_boot boolean,
    OUT is_plugged boolean,
    OUT shareable boolean,
    OUT disk_storage_type text,
    OUT root_volume_format text,
    OUT allowed_formats text[],
    OUT storage_domains jsonb)
RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 4
AS 'MODULE_PATHNAME', 'vmclone_snapshot_disks';

COMMENT ON FUNCTION vmclone.snapshot_disks(uuid) IS 'the disks of a snapshot: chain depth, virtual bytes and bytes that the chain takes, status, formats that a clone may have, storage domains with free bytes';

CREATE FUNCTION vmclone.parse_ovf(ovf text) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'vmclone_parse_ovf';

COMMENT ON FUNCTION vmclone.parse_ovf(text) IS 'what vmclone reads in an OVF document of oVirt''s dialect, or the error that a clone of its snapshot would meet';

REVOKE ALL ON FUNCTION vmclone.get_vm_configuration_by_snapshot_id(uuid), vmclone.suggest_vm_name(uuid),
    vmclone.snapshot_disks(uuid), vmclone.parse_ovf(text) FROM PUBLIC;
--
-- What a clone call would do, beforehand: checks, plan, exact measurement.
-- They have the parameters of the calls themselves.
--

CREATE FUNCTION vmclone.can_add_vm_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (step integer, message_key text, severity text, message text, detail text, hint text, sqlstate text)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 5
AS 'MODULE_PATHNAME', 'vmclone_can_add_vm_from_snapshot';

COMMENT ON FUNCTION vmclone.can_add_vm_from_snapshot IS 'every check that add_vm_from_snapshot would refuse or warn of, in order; no row: it can be done.  Writes nothing, locks nothing, works on a standby';

CREATE FUNCTION vmclone.can_add_vm_template_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    base_template_id uuid DEFAULT NULL,
    template_version_name text DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (step integer, message_key text, severity text, message text, detail text, hint text, sqlstate text)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 5
AS 'MODULE_PATHNAME', 'vmclone_can_add_vm_template_from_snapshot';

COMMENT ON FUNCTION vmclone.can_add_vm_template_from_snapshot IS 'every check that add_vm_template_from_snapshot would refuse or warn of, in order; no row: it can be done';

CREATE FUNCTION vmclone.plan_add_vm_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (
    disk_id uuid,
    disk_alias text,
    fate text,
    source_chain uuid[],
    chain_depth integer,
    source_format text,
    target_storage_domain_id uuid,
    target_storage_domain text,
    volume_format text,
    volume_type text,
    virtual_size bigint,
    bytes_to_copy bigint,
    bytes_needed bigint,
    bytes_source text,
    quota_id uuid,
    quota_left_gb double precision,
    method text,
    method_reason text,
    seconds_expected double precision,
    note text)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 4
AS 'MODULE_PATHNAME', 'vmclone_plan_add_vm_from_snapshot';

COMMENT ON FUNCTION vmclone.plan_add_vm_from_snapshot IS 'one row per disk of the snapshot: its chain, target, format and allocation after the rules, bytes to read and bytes needed for one copy, what the quota has left, how it will be copied and why not faster';

CREATE FUNCTION vmclone.plan_add_vm_template_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    base_template_id uuid DEFAULT NULL,
    template_version_name text DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (
    disk_id uuid,
    disk_alias text,
    fate text,
    source_chain uuid[],
    chain_depth integer,
    source_format text,
    target_storage_domain_id uuid,
    target_storage_domain text,
    volume_format text,
    volume_type text,
    virtual_size bigint,
    bytes_to_copy bigint,
    bytes_needed bigint,
    bytes_source text,
    quota_id uuid,
    quota_left_gb double precision,
    method text,
    method_reason text,
    seconds_expected double precision,
    note text)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 4
AS 'MODULE_PATHNAME', 'vmclone_plan_add_vm_template_from_snapshot';

COMMENT ON FUNCTION vmclone.plan_add_vm_template_from_snapshot IS 'one row per disk of the snapshot, as plan_add_vm_from_snapshot, for a template';

CREATE FUNCTION vmclone.checks()
RETURNS TABLE (step integer, message_key text, severity text, sqlstate text, phase text, summary text, hint text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 100
AS 'MODULE_PATHNAME', 'vmclone_checks';

COMMENT ON FUNCTION vmclone.checks() IS 'the checks of a clone call, in order.  phase: always; user = only for an engine user; counted = again under the locks, because other calls take from the same';

CREATE FUNCTION vmclone.measure_snapshot(snapshot_id uuid)
RETURNS TABLE (disk_id uuid, image_id uuid, volume_format text, status text, required bigint, bytes_to_read bigint, allocated bigint, error text)
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 4
AS 'MODULE_PATHNAME', 'vmclone_measure_snapshot';

COMMENT ON FUNCTION vmclone.measure_snapshot(uuid) IS 'asks the worker for the exact bytes that copies of the snapshot''s disks take; plan and checks use them once status is done.  Call again to see them';

REVOKE ALL ON FUNCTION vmclone.can_add_vm_from_snapshot, vmclone.can_add_vm_template_from_snapshot,
    vmclone.plan_add_vm_from_snapshot, vmclone.plan_add_vm_template_from_snapshot, vmclone.checks(),
    vmclone.measure_snapshot(uuid) FROM PUBLIC;
--
-- Storage domains on this machine.
--

CREATE FUNCTION vmclone.attach_storage_domain(
    storage_domain_id uuid,
    mount_path text,
    max_copies integer DEFAULT NULL,
    bandwidth_limit bigint DEFAULT NULL,
    take_over boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_attach_storage_domain';
COMMENT ON FUNCTION vmclone.attach_storage_domain IS 'makes the directory of a file domain usable on this machine; it must lie below vmclone.storage_roots';

CREATE FUNCTION vmclone.detach_storage_domain(storage_domain_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_detach_storage_domain';
COMMENT ON FUNCTION vmclone.detach_storage_domain IS 'gives a storage domain up; refused while a job that is not over uses it';

CREATE FUNCTION vmclone.check_storage_domain(
    storage_domain_id uuid,
    OUT domain_id uuid,
    OUT status text,
    OUT real_path text,
    OUT filesystem text,
    OUT block_size integer,
    OUT reflink boolean,
    OUT total_bytes bigint,
    OUT available_bytes bigint,
    OUT error text)
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_check_storage_domain';
COMMENT ON FUNCTION vmclone.check_storage_domain IS 'asks the storage whether an attached domain is there and this database''s; the answer is kept in view storage';

REVOKE ALL ON FUNCTION vmclone.attach_storage_domain, vmclone.detach_storage_domain,
    vmclone.check_storage_domain FROM PUBLIC;
--
-- Controlling jobs.  docs/jobs.md says what each function does in each state.
--

CREATE FUNCTION vmclone.cancel_job(job_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_cancel_job';
COMMENT ON FUNCTION vmclone.cancel_job IS 'stops a job, frees its source and removes what it has made';

CREATE FUNCTION vmclone.pause_job(job_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_pause_job';
COMMENT ON FUNCTION vmclone.pause_job IS 'lets a job rest; what it has copied and what it has locked stays';

CREATE FUNCTION vmclone.resume_job(job_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_resume_job';
COMMENT ON FUNCTION vmclone.resume_job IS 'lets a paused job go on';

CREATE FUNCTION vmclone.alter_job(job_id uuid, priority integer DEFAULT NULL, bandwidth_limit bigint DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_alter_job';
COMMENT ON FUNCTION vmclone.alter_job IS 'changes the priority or the bandwidth (bytes per second, 0: no limit) of a job, also while it runs; NULL leaves as is';

CREATE FUNCTION vmclone.retry_job(job_id uuid)
RETURNS TABLE (copy_number integer, new_job_id uuid, vm_id uuid, vm_name text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_retry_job';
COMMENT ON FUNCTION vmclone.retry_job IS 'a waiting or held job goes on from its checkpoint; a failed or cancelled one runs its call again for this copy, with all checks and new ids';

CREATE FUNCTION vmclone.abandon_cleaning(job_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_abandon_cleaning';
COMMENT ON FUNCTION vmclone.abandon_cleaning IS 'administrators: gives up removing the files of a job; their paths are kept in orphan_files';

CREATE PROCEDURE vmclone.wait_for_job(job_id uuid, timeout interval DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'vmclone_wait_for_job';
COMMENT ON PROCEDURE vmclone.wait_for_job IS 'waits until a job is over, with progress as NOTICEs; an error with the job''s reason if it failed, was cancelled or is held';

REVOKE ALL ON FUNCTION vmclone.cancel_job, vmclone.pause_job, vmclone.resume_job, vmclone.alter_job,
    vmclone.retry_job, vmclone.abandon_cleaning FROM PUBLIC;
REVOKE ALL ON PROCEDURE vmclone.wait_for_job FROM PUBLIC;
--
-- The worker and whose jobs it runs.
--

CREATE FUNCTION vmclone.start_worker()
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_start_worker';
COMMENT ON FUNCTION vmclone.start_worker IS 'starts the worker of this database, if none runs, and waits until it does';

CREATE FUNCTION vmclone.wake_worker()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_wake_worker';
COMMENT ON FUNCTION vmclone.wake_worker IS 'internal: tells the launcher at commit that this database has the extension';

CREATE FUNCTION vmclone.worker_preloaded()
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'vmclone_worker_preloaded';
COMMENT ON FUNCTION vmclone.worker_preloaded IS 'whether the library is in shared_preload_libraries, so that a launcher keeps the worker running';

CREATE FUNCTION vmclone.adopt(choice text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_adopt';
COMMENT ON FUNCTION vmclone.adopt IS 'in a copied, restored or promoted database: resume the jobs as its own, or abandon them and leave their files alone';

CREATE FUNCTION vmclone.identity_state()
RETURNS text
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_identity_state';
COMMENT ON FUNCTION vmclone.identity_state IS 'whether the jobs are this database''s: own, none, other timeline, other database, other server';

REVOKE ALL ON FUNCTION vmclone.start_worker(), vmclone.wake_worker(), vmclone.worker_preloaded(),
    vmclone.adopt, vmclone.identity_state() FROM PUBLIC;
--
-- Jobs, their progress and the worker, for people.
-- Operators and engines see their own jobs, administrators and viewers all.
--

CREATE VIEW vmclone.jobs_view WITH (security_barrier) AS
SELECT j.job_id, j.call_id, j.copy_number, j.action, j.status, j.requested, j.reason, j.reason_key,
    j.vm_id, j.vm_name, j.source_vm_id, j.source_snapshot_id, j.owner, j.user_id, j.priority,
    j.bandwidth_limit, j.lock_mode, j.on_failure, j.verify, j.retry_of,
    t.disks, t.disks_done, t.bytes_done, t.bytes_total,
    CASE WHEN j.status = 'succeeded' THEN 100.0
         WHEN t.bytes_total > 0 THEN round(least(100.0, 100.0 * t.bytes_done / t.bytes_total), 1) END AS percent,
    j.waiting_since, j.next_attempt_at, j.clean_attempts, j.cleaning_error, j.source_freed,
    j.created_at, j.started_at, j.ended_at
FROM vmclone.jobs j
CROSS JOIN LATERAL (
    SELECT count(*) AS disks, count(*) FILTER (WHERE a.result = 'success') AS disks_done,
        sum(a.bytes_done) AS bytes_done,
        CASE WHEN count(*) = count(a.bytes_total) THEN sum(a.bytes_total) END AS bytes_total
    FROM vmclone.async_tasks a WHERE a.job_id = j.job_id) t
WHERE (SELECT vmclone.caller_sees_all()) OR j.owner = (SELECT vmclone.caller_name());

COMMENT ON VIEW vmclone.jobs_view IS 'one row per virtual machine or template that calls make or made';
COMMENT ON COLUMN vmclone.jobs_view.call_id IS 'one for all copies of a call';
COMMENT ON COLUMN vmclone.jobs_view.requested IS 'pause, resume or cancel, until the worker has done it';
COMMENT ON COLUMN vmclone.jobs_view.reason IS 'why it waits, is held, failed or was cancelled';
COMMENT ON COLUMN vmclone.jobs_view.reason_key IS 'the same for programs: the copier''s kind of error';
COMMENT ON COLUMN vmclone.jobs_view.owner IS 'the role that made the call';
COMMENT ON COLUMN vmclone.jobs_view.user_id IS 'the engine user on whose behalf it was made; null: none';
COMMENT ON COLUMN vmclone.jobs_view.bandwidth_limit IS 'bytes per second for the whole job; null: no limit';
COMMENT ON COLUMN vmclone.jobs_view.retry_of IS 'the job that this one runs again';
COMMENT ON COLUMN vmclone.jobs_view.bytes_done IS 'of the bytes that the copies have to go through, over all disks; from a checkpoint on, what was copied before counts';
COMMENT ON COLUMN vmclone.jobs_view.bytes_total IS 'null until every disk''s chain has been looked through';
COMMENT ON COLUMN vmclone.jobs_view.next_attempt_at IS 'when a waiting or cleaning job is tried again';
COMMENT ON COLUMN vmclone.jobs_view.cleaning_error IS 'why what the job had made could not be removed yet';
COMMENT ON COLUMN vmclone.jobs_view.source_freed IS 'the job needs its snapshot and images no more';

CREATE VIEW vmclone.progress WITH (security_barrier) AS
SELECT t.job_id, j.vm_name, j.status AS job_status, j.requested, t.task_id, t.disk_number, t.disk_alias,
    t.status, t.result, t.phase, t.bytes_done, t.bytes_total,
    CASE WHEN t.result = 'success' THEN 100.0
         WHEN t.bytes_total > 0 THEN round(least(100.0, 100.0 * t.bytes_done / t.bytes_total), 1) END AS percent,
    t.rate,
    CASE WHEN t.rate > 0 AND t.bytes_total >= t.bytes_done
         THEN make_interval(secs => round((t.bytes_total - t.bytes_done)::numeric / t.rate)::float8) END AS eta,
    t.method, t.method_reason, t.checkpoint, t.attempts, t.error, j.reason AS job_reason,
    t.started_at, t.ended_at
FROM vmclone.async_tasks t
JOIN vmclone.jobs j ON j.job_id = t.job_id
WHERE (SELECT vmclone.caller_sees_all()) OR j.owner = (SELECT vmclone.caller_name());

COMMENT ON VIEW vmclone.progress IS 'one row per disk that is copied, rate in bytes per second';
COMMENT ON COLUMN vmclone.progress.phase IS 'what is done now; stuck: the storage doesn''t answer, and the copier can''t be ended';
COMMENT ON COLUMN vmclone.progress.eta IS 'time left at the present rate';
COMMENT ON COLUMN vmclone.progress.method IS 'how the bytes are moved: reflink, copy_file_range or by threads';
COMMENT ON COLUMN vmclone.progress.method_reason IS 'why not by a faster one';
COMMENT ON COLUMN vmclone.progress.checkpoint IS 'how far the copier has data on storage; another attempt goes on from there';
COMMENT ON COLUMN vmclone.progress.attempts IS 'copiers that ended without a reason';
COMMENT ON COLUMN vmclone.progress.error IS 'of the last attempt';

CREATE VIEW vmclone.worker AS
SELECT d.datname AS database, a.pid, vmclone.worker_preloaded() AS preloaded,
    CASE WHEN a.pid IS NULL THEN 'not running'
         ELSE coalesce(substring(a.application_name FROM '^vmclone worker: (.*)'), 'starting') END AS activity,
    i.identity,
    CASE WHEN i.identity LIKE 'other%' OR (i.identity = 'none' AND w.jobs_live > 0)
         THEN 'claims and deletes nothing until SELECT vmclone.adopt(''resume'' | ''abandon'')'
         WHEN a.pid IS NULL AND w.jobs_live > 0 THEN 'SELECT vmclone.start_worker() starts it'
         WHEN w.tasks_stuck > 0 THEN 'storage of the tasks in phase stuck does not answer; view vmclone.progress shows them' END AS advice,
    w.tasks_running, w.tasks_stuck, w.jobs_live, a.backend_start AS started_at
FROM pg_catalog.pg_database d
CROSS JOIN (SELECT vmclone.identity_state() AS identity) i
CROSS JOIN (SELECT
    (SELECT count(*) FROM vmclone.async_tasks t WHERE t.result IS NULL AND t.status = 'running') AS tasks_running,
    (SELECT count(*) FROM vmclone.async_tasks t WHERE t.result IS NULL AND t.phase = 'stuck') AS tasks_stuck,
    (SELECT count(*) FROM vmclone.jobs j WHERE j.status NOT IN ('succeeded', 'failed', 'cancelled')) AS jobs_live) w
LEFT JOIN pg_catalog.pg_stat_activity a ON a.datid = d.oid AND a.backend_type = 'vmclone worker'
WHERE d.datname = current_database();

COMMENT ON VIEW vmclone.worker IS 'the background worker of this database, and whether the jobs are this database''s to run';
COMMENT ON COLUMN vmclone.worker.preloaded IS 'a launcher keeps it running; else calls start it, and it leaves when it has nothing to do';
COMMENT ON COLUMN vmclone.worker.identity IS 'own: the rows are this database''s to carry out; none: nobody''s yet; other ...: they came with a copy or restore';
COMMENT ON COLUMN vmclone.worker.advice IS 'what a person has to do; null: nothing';
COMMENT ON COLUMN vmclone.worker.tasks_stuck IS 'copies whose copier hangs in a storage call';
COMMENT ON COLUMN vmclone.worker.jobs_live IS 'jobs that are not over';

REVOKE ALL ON vmclone.jobs_view, vmclone.progress, vmclone.worker FROM PUBLIC;

-- A launcher starts the worker when this transaction commits.
SELECT vmclone.wake_worker();
--
-- The clone call.
--

CREATE FUNCTION vmclone.add_vm_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (copy_number integer, job_id uuid, vm_id uuid, vm_name text, status text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_add_vm_from_snapshot';

COMMENT ON FUNCTION vmclone.add_vm_from_snapshot IS 'clones a virtual machine from a snapshot: checks, locks, writes the rows and queues one copy per disk';

CREATE FUNCTION vmclone.add_vm_template_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    base_template_id uuid DEFAULT NULL,
    template_version_name text DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (copy_number integer, job_id uuid, vm_id uuid, vm_name text, status text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_add_vm_template_from_snapshot';

COMMENT ON FUNCTION vmclone.add_vm_template_from_snapshot IS 'makes a template from a snapshot of a virtual machine';

REVOKE ALL ON FUNCTION vmclone.add_vm_from_snapshot, vmclone.add_vm_template_from_snapshot FROM PUBLIC;
--
-- Who may do what.  role_rights() is the one list; grant_... apply it.
--

CREATE FUNCTION vmclone.role_rights() RETURNS TABLE (kind text, object_type text, object_name text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.kind, o.object_type, o.object_name
    FROM (VALUES
        ('{viewer,operator,engine,admin}'::text[], 'routine', '{get_vm_configuration_by_snapshot_id,parse_ovf,
            snapshot_disks,suggest_vm_name,can_add_vm_from_snapshot,can_add_vm_template_from_snapshot,
            plan_add_vm_from_snapshot,plan_add_vm_template_from_snapshot,checks,snapshot_tree,lineage_tree,
            caller_name,caller_sees_all,caller_user_id,inventory_rows,
            worker_preloaded,identity_state}'::text[]),
        ('{viewer,operator,engine,admin}', 'view', '{jobs_view,progress,locks,lineage_tree,snapshot_tree,vms,disks,
            missing_disks,storage,worker}'),
        ('{viewer,admin}', 'routine', '{see_all_jobs}'),
        ('{operator,engine,admin}', 'routine', '{add_vm_from_snapshot,add_vm_template_from_snapshot,
            measure_snapshot,cancel_job,pause_job,resume_job,retry_job,alter_job,wait_for_job,clone_again,
            start_worker}'),
        ('{engine,admin}', 'routine', '{act_for_any_user}'),
        ('{admin}', 'routine', '{administer,attach_storage_domain,detach_storage_domain,
            check_storage_domain,unlock_entity,abandon_cleaning,adopt,inventory_report,grant_engine,
            grant_operator,grant_viewer,revoke_rights}')
    ) AS r(kinds, object_type, names)
    CROSS JOIN LATERAL unnest(r.kinds) AS k(kind)
    CROSS JOIN LATERAL (SELECT r.object_type, name FROM unnest(r.names) AS name) AS o(object_type, object_name)
$$;

COMMENT ON FUNCTION vmclone.role_rights() IS 'what grant_admin, grant_engine, grant_operator and grant_viewer give';

CREATE FUNCTION vmclone.give_rights(p_role name, p_kind text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    object record;
BEGIN
    IF p_role IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'role must not be null',
            HINT = 'Pass the name of a role.';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = p_role) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('role "%s" does not exist', p_role), HINT = 'Create it with CREATE ROLE.';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA vmclone TO %I', p_role);
    FOR object IN
        SELECT format('ROUTINE %s', p.oid::regprocedure) AS name
        FROM vmclone.role_rights() r JOIN pg_proc p ON p.proname = r.object_name
        WHERE r.kind = p_kind AND r.object_type = 'routine' AND p.pronamespace = 'vmclone'::regnamespace
    LOOP
        EXECUTE format('GRANT EXECUTE ON %s TO %I', object.name, p_role);
    END LOOP;
    FOR object IN
        SELECT c.oid::regclass AS name
        FROM vmclone.role_rights() r JOIN pg_class c ON c.relname = r.object_name
        WHERE r.kind = p_kind AND r.object_type = 'view' AND c.relnamespace = 'vmclone'::regnamespace
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', object.name, p_role);
    END LOOP;
END
$$;

COMMENT ON FUNCTION vmclone.give_rights(name, text) IS 'grants the rights of one kind to a role';

CREATE FUNCTION vmclone.grant_admin(role name) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT vmclone.give_rights(role, 'admin') $$;
COMMENT ON FUNCTION vmclone.grant_admin(name) IS 'makes a role an administrator: all jobs, all users, storage domains, unlocking; superusers only';

CREATE FUNCTION vmclone.grant_engine(role name) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT vmclone.give_rights(role, 'engine') $$;
COMMENT ON FUNCTION vmclone.grant_engine(name) IS 'lets a role clone on behalf of any engine user, or internally without permission checks';

CREATE FUNCTION vmclone.grant_operator(role name, user_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF user_id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'user_id must not be null',
            HINT = 'An operator clones as one engine user; vmclone.grant_engine is for roles that clone for anyone.';
    END IF;
    PERFORM vmclone.give_rights(role, 'operator');
    INSERT INTO vmclone.operators AS o (role_name, user_id) VALUES ($1, $2)
    ON CONFLICT (role_name) DO UPDATE SET user_id = excluded.user_id;
END
$$;
COMMENT ON FUNCTION vmclone.grant_operator(name, uuid) IS 'lets a role clone on behalf of one engine user, with that user''s permissions';

CREATE FUNCTION vmclone.grant_viewer(role name) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT vmclone.give_rights(role, 'viewer') $$;
COMMENT ON FUNCTION vmclone.grant_viewer(name) IS 'lets a role look: configurations, checks, plans, everybody''s jobs';

CREATE FUNCTION vmclone.take_rights(p_role name) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA vmclone FROM %I', p_role);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA vmclone FROM %I', p_role);
    EXECUTE format('REVOKE ALL ON SCHEMA vmclone FROM %I', p_role);
    DELETE FROM vmclone.operators o WHERE o.role_name = p_role;
    -- what it needs as the owner of the inventory's tables is no right of its own
    PERFORM vmclone.grant_to_inventory_owner(b.owner, true)
    FROM vmclone.inventory_binding b JOIN pg_roles r ON r.oid = b.owner WHERE r.rolname = p_role;
END
$$;
COMMENT ON FUNCTION vmclone.take_rights(name) IS 'takes all rights of a role';

CREATE FUNCTION vmclone.revoke_rights(role name) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_revoke_rights';
COMMENT ON FUNCTION vmclone.revoke_rights(name) IS 'takes back all that grant_admin, grant_engine, grant_operator and grant_viewer gave';

REVOKE ALL ON FUNCTION vmclone.role_rights(), vmclone.give_rights(name, text), vmclone.grant_admin(name),
    vmclone.grant_engine(name), vmclone.grant_operator(name, uuid), vmclone.grant_viewer(name),
    vmclone.take_rights(name), vmclone.revoke_rights(name) FROM PUBLIC;
