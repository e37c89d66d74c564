-- Inventory: clusters, their CPU profiles, and the networks in them.

CREATE TABLE cluster (
    cluster_id uuid CONSTRAINT pk_cluster PRIMARY KEY,
    name varchar(40) NOT NULL,
    description varchar(4000) NOT NULL DEFAULT '',
    cpu_name varchar(255) DEFAULT '',
    cpu_flags text,
    cpu_verb text,
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
    emulated_machine varchar(40) DEFAULT '',
    trusted_service boolean NOT NULL DEFAULT false,
    tunnel_migration boolean NOT NULL DEFAULT false,
    cluster_policy_id uuid,
    cluster_policy_custom_properties text,
    enable_balloon boolean NOT NULL DEFAULT false,
    free_text_comment text NOT NULL DEFAULT '',
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
    vnc_encryption_enabled boolean DEFAULT false,
    managed boolean DEFAULT true,
    fips_mode smallint NOT NULL DEFAULT 0,
    upgrade_running boolean NOT NULL DEFAULT false,
    upgrade_percent_complete smallint NOT NULL DEFAULT 0,
    upgrade_correlation_id varchar(50),
    parallel_migrations smallint NOT NULL DEFAULT 0,
    smt_disabled boolean NOT NULL DEFAULT false,
    CONSTRAINT cluster_architecture_code CHECK (architecture BETWEEN 0 AND 8),
    CONSTRAINT cluster_bios_type_code CHECK (bios_type BETWEEN 0 AND 4),
    CONSTRAINT check_cluster_migration_bandwidth_limit_type_enum CHECK (migration_bandwidth_limit_type = ANY ('{AUTO,VDSM_CONFIG,CUSTOM}')),
    CONSTRAINT check_cluster_custom_migration_bandwidth_set
        CHECK (migration_bandwidth_limit_type <> 'CUSTOM' OR custom_migration_bandwidth_limit IS NOT NULL)
);
CREATE INDEX idx_cluster_storage_pool_id ON cluster (storage_pool_id);
CREATE INDEX idx_cluster_mac_pool_id ON cluster (mac_pool_id);

COMMENT ON TABLE cluster IS 'Hosts that run the same VMs: a VM belongs to one cluster, and through it to a data center';
COMMENT ON COLUMN cluster.architecture IS '0 undefined, 1 x86_64, 2 ppc64, 3 ppc, 4 x86, 5 ppc64le, 6 ppcle, 7 s390x, 8 s390';
COMMENT ON COLUMN cluster.bios_type IS '0 or NULL not set, 1 i440FX with SeaBIOS, 2 Q35 with SeaBIOS, 3 Q35 with OVMF, 4 Q35 with OVMF and secure boot';
COMMENT ON COLUMN cluster.migrate_on_error IS '0 do not migrate, 1 migrate, 2 migrate highly available VMs only';
COMMENT ON COLUMN cluster.parallel_migrations IS '-2 automatic, -1 automatic and parallel only, 0 disabled, more: that many connections';
COMMENT ON COLUMN cluster.max_vds_memory_over_commit IS 'Percent';
COMMENT ON COLUMN cluster.cluster_id IS 'Primary key';
COMMENT ON COLUMN cluster.name IS 'Unique name';
COMMENT ON COLUMN cluster.description IS 'Text for people';
COMMENT ON COLUMN cluster.cpu_name IS 'CPU type that all hosts have';
COMMENT ON COLUMN cluster.cpu_flags IS 'CPU flags of that type';
COMMENT ON COLUMN cluster.cpu_verb IS 'What QEMU is told for that type';
COMMENT ON COLUMN cluster._create_date IS 'When the row was made';
COMMENT ON COLUMN cluster._update_date IS 'When the row was last changed';
COMMENT ON COLUMN cluster.storage_pool_id IS 'Data center; NULL: none';
COMMENT ON COLUMN cluster.compatibility_version IS 'Level of features, as 4.7: VMs have it unless they name one of their own';
COMMENT ON COLUMN cluster.transparent_hugepages IS 'True: hosts use transparent huge pages';
COMMENT ON COLUMN cluster.virt_service IS 'True: runs VMs';
COMMENT ON COLUMN cluster.gluster_service IS 'True: serves Gluster volumes';
COMMENT ON COLUMN cluster.count_threads_as_cores IS 'True: threads of hosts count as cores';
COMMENT ON COLUMN cluster.emulated_machine IS 'Machine type that all hosts have';
COMMENT ON COLUMN cluster.trusted_service IS 'True: hosts are attested';
COMMENT ON COLUMN cluster.tunnel_migration IS 'True: migration goes through libvirt''s tunnel';
COMMENT ON COLUMN cluster.cluster_policy_id IS 'Scheduling policy';
COMMENT ON COLUMN cluster.cluster_policy_custom_properties IS 'Parameters of the policy';
COMMENT ON COLUMN cluster.enable_balloon IS 'True: the policy uses memory balloons';
COMMENT ON COLUMN cluster.free_text_comment IS 'Text for people';
COMMENT ON COLUMN cluster.detect_emulated_machine IS 'True: the machine type is taken from the first host that comes up';
COMMENT ON COLUMN cluster.optimization_type IS '0 none, 1 servers, 2 desktops, further ones by threads or cores';
COMMENT ON COLUMN cluster.spice_proxy IS 'Proxy for SPICE consoles';
COMMENT ON COLUMN cluster.ha_reservation IS 'True: room is kept for highly available VMs of a host that fails';
COMMENT ON COLUMN cluster.enable_ksm IS 'True: hosts share equal memory pages';
COMMENT ON COLUMN cluster.serial_number_policy IS '0 host id, 1 VM id, 2 custom, 3 none; NULL as the system';
COMMENT ON COLUMN cluster.custom_serial_number IS 'Serial number for policy 2';
COMMENT ON COLUMN cluster.optional_reason IS 'True: who shuts a VM down may say why';
COMMENT ON COLUMN cluster.additional_rng_sources IS 'Random number sources of all hosts beside the usual one';
COMMENT ON COLUMN cluster.skip_fencing_if_sd_active IS 'True: a host that still writes its leases is not fenced';
COMMENT ON COLUMN cluster.skip_fencing_if_connectivity_broken IS 'True: no fencing while many hosts are out of reach';
COMMENT ON COLUMN cluster.hosts_with_broken_connectivity_threshold IS 'Percent of hosts from which that holds';
COMMENT ON COLUMN cluster.fencing_enabled IS 'True: hosts that don''t answer are fenced';
COMMENT ON COLUMN cluster.is_auto_converge IS 'True: migrations slow the guest down until they end; NULL as the system';
COMMENT ON COLUMN cluster.is_migrate_compressed IS 'True: migrations are compressed; NULL as the system';
COMMENT ON COLUMN cluster.is_migrate_encrypted IS 'True: migrations are encrypted; NULL as the system';
COMMENT ON COLUMN cluster.maintenance_reason_required IS 'True: who puts a host into maintenance must say why';
COMMENT ON COLUMN cluster.gluster_tuned_profile IS 'Tuned profile for Gluster';
COMMENT ON COLUMN cluster.gluster_cli_based_snapshot_scheduled IS 'True: Gluster snapshots are scheduled by its own command';
COMMENT ON COLUMN cluster.ksm_merge_across_nodes IS 'True: equal pages are shared across NUMA nodes';
COMMENT ON COLUMN cluster.migration_bandwidth_limit_type IS 'AUTO, VDSM_CONFIG or CUSTOM';
COMMENT ON COLUMN cluster.custom_migration_bandwidth_limit IS 'Mbit/s for CUSTOM';
COMMENT ON COLUMN cluster.migration_policy_id IS 'Migration policy';
COMMENT ON COLUMN cluster.mac_pool_id IS 'MAC pool that new NICs in the cluster take addresses from';
COMMENT ON COLUMN cluster.switch_type IS 'legacy (Linux bridge) or ovs';
COMMENT ON COLUMN cluster.skip_fencing_if_gluster_bricks_up IS 'True: no fencing while bricks are up';
COMMENT ON COLUMN cluster.skip_fencing_if_gluster_quorum_not_met IS 'True: no fencing that would cost Gluster its quorum';
COMMENT ON COLUMN cluster.firewall_type IS '0 iptables, 1 firewalld';
COMMENT ON COLUMN cluster.default_network_provider_id IS 'Provider of external networks';
COMMENT ON COLUMN cluster.log_max_memory_used_threshold IS 'Memory use of hosts from which it is logged';
COMMENT ON COLUMN cluster.log_max_memory_used_threshold_type IS '0 percent, 1 MiB that are left';
COMMENT ON COLUMN cluster.vnc_encryption_enabled IS 'True: VNC consoles are encrypted';
COMMENT ON COLUMN cluster.managed IS 'False: the engine only shows it';
COMMENT ON COLUMN cluster.fips_mode IS '0 undefined, 1 off, 2 on';
COMMENT ON COLUMN cluster.upgrade_running IS 'True: its hosts are being upgraded';
COMMENT ON COLUMN cluster.upgrade_percent_complete IS 'How far that is';
COMMENT ON COLUMN cluster.upgrade_correlation_id IS 'Correlation id of that upgrade';
COMMENT ON COLUMN cluster.smt_disabled IS 'True: hosts run without simultaneous multithreading';

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
COMMENT ON COLUMN cpu_profiles.id IS 'Primary key';
COMMENT ON COLUMN cpu_profiles.name IS 'Name';
COMMENT ON COLUMN cpu_profiles.cluster_id IS 'Cluster';
COMMENT ON COLUMN cpu_profiles.qos_id IS 'Limits, of the data center''s QoS rows';
COMMENT ON COLUMN cpu_profiles.description IS 'Text for people';
COMMENT ON COLUMN cpu_profiles._create_date IS 'When the row was made';
COMMENT ON COLUMN cpu_profiles._update_date IS 'When the row was last changed';

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
COMMENT ON COLUMN network_cluster.network_id IS 'Network';
COMMENT ON COLUMN network_cluster.cluster_id IS 'Cluster';
COMMENT ON COLUMN network_cluster.is_display IS 'True: consoles go through it';
COMMENT ON COLUMN network_cluster.required IS 'True: a host without it is not operational';
COMMENT ON COLUMN network_cluster.migration IS 'True: migrations go through it';
COMMENT ON COLUMN network_cluster.management IS 'True: the engine talks to hosts through it';
COMMENT ON COLUMN network_cluster.is_gluster IS 'True: Gluster''s traffic goes through it';
COMMENT ON COLUMN network_cluster.default_route IS 'True: hosts have their default route there';

SELECT pg_catalog.pg_extension_config_dump('cluster', '');
SELECT pg_catalog.pg_extension_config_dump('cpu_profiles', '');
SELECT pg_catalog.pg_extension_config_dump('network_cluster', '');

REVOKE ALL ON cluster, cpu_profiles, network_cluster FROM PUBLIC;

