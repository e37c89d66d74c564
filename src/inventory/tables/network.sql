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
COMMENT ON COLUMN mac_pools.id IS 'Primary key';
COMMENT ON COLUMN mac_pools.name IS 'Unique name';
COMMENT ON COLUMN mac_pools.description IS 'Text for people';
COMMENT ON COLUMN mac_pools.default_pool IS 'True: for clusters that name none';

CREATE TABLE mac_pool_ranges (
    mac_pool_id uuid NOT NULL CONSTRAINT fk_mac_pool_ranges_pool REFERENCES mac_pools (id) ON DELETE CASCADE,
    from_mac varchar(17) NOT NULL,
    to_mac varchar(17) NOT NULL,
    CONSTRAINT mac_pool_ranges_from_form CHECK (from_mac ~* '^([0-9a-f]{2}:){5}[0-9a-f]{2}$'),
    CONSTRAINT mac_pool_ranges_to_form CHECK (to_mac ~* '^([0-9a-f]{2}:){5}[0-9a-f]{2}$'),
    CONSTRAINT mac_pool_ranges_order CHECK (lower(from_mac) COLLATE "C" <= lower(to_mac) COLLATE "C")
);
-- no key, as in oVirt: a publication takes the whole row
ALTER TABLE mac_pool_ranges REPLICA IDENTITY FULL;
CREATE INDEX idx_mac_pool_ranges_pool ON mac_pool_ranges (mac_pool_id);

COMMENT ON TABLE mac_pool_ranges IS 'The ranges of a MAC pool, both ends included';
COMMENT ON COLUMN mac_pool_ranges.from_mac IS 'First address, six hex bytes with colons';
COMMENT ON COLUMN mac_pool_ranges.to_mac IS 'Last address';
COMMENT ON COLUMN mac_pool_ranges.mac_pool_id IS 'Pool';

CREATE TABLE network (
    id uuid CONSTRAINT pk_network PRIMARY KEY,
    name varchar(256) NOT NULL DEFAULT '',
    description varchar(4000) NOT NULL DEFAULT '',
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
    free_text_comment text NOT NULL DEFAULT '',
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

COMMENT ON TABLE network IS 'A logical network of a data center';
COMMENT ON COLUMN network.vm_network IS 'True: VM NICs can be attached to it';
COMMENT ON COLUMN network.vdsm_name IS 'Name of the bridge on the hosts';
COMMENT ON COLUMN network.mtu IS 'Bytes; 0 or NULL = the host''s default';
COMMENT ON COLUMN network.provider_physical_network_id IS 'External network: the network that carries it';
COMMENT ON COLUMN network.id IS 'Primary key';
COMMENT ON COLUMN network.name IS 'Name in the data center';
COMMENT ON COLUMN network.description IS 'Text for people';
COMMENT ON COLUMN network.type IS 'Unused';
COMMENT ON COLUMN network.addr IS 'Unused';
COMMENT ON COLUMN network.subnet IS 'Unused';
COMMENT ON COLUMN network.gateway IS 'Unused';
COMMENT ON COLUMN network.vlan_id IS 'VLAN; NULL: untagged';
COMMENT ON COLUMN network.stp IS 'True: spanning tree protocol on the bridge';
COMMENT ON COLUMN network.storage_pool_id IS 'Data center';
COMMENT ON COLUMN network.provider_network_provider_id IS 'External provider that it comes from';
COMMENT ON COLUMN network.provider_network_external_id IS 'Its id there';
COMMENT ON COLUMN network.free_text_comment IS 'Text for people';
COMMENT ON COLUMN network.label IS 'Hosts'' NICs with this label carry the network';
COMMENT ON COLUMN network.qos_id IS 'Limits for hosts';
COMMENT ON COLUMN network.dns_resolver_configuration_id IS 'Name servers for hosts';
COMMENT ON COLUMN network.port_isolation IS 'True: VMs on it don''t see each other';

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
COMMENT ON COLUMN vnic_profiles.id IS 'Primary key';
COMMENT ON COLUMN vnic_profiles.name IS 'Name, unique for the network';
COMMENT ON COLUMN vnic_profiles.network_id IS 'Network';
COMMENT ON COLUMN vnic_profiles.custom_properties IS 'Custom device properties of NICs with the profile';
COMMENT ON COLUMN vnic_profiles.description IS 'Text for people';
COMMENT ON COLUMN vnic_profiles._create_date IS 'When the row was made';
COMMENT ON COLUMN vnic_profiles._update_date IS 'When the row was last changed';
COMMENT ON COLUMN vnic_profiles.network_qos_id IS 'Limits';
COMMENT ON COLUMN vnic_profiles.network_filter_id IS 'libvirt''s network filter';
COMMENT ON COLUMN vnic_profiles.migratable IS 'True: VMs with a passed-through NIC of it can migrate';

SELECT pg_catalog.pg_extension_config_dump('mac_pools', '');
SELECT pg_catalog.pg_extension_config_dump('mac_pool_ranges', '');
SELECT pg_catalog.pg_extension_config_dump('network', '');
SELECT pg_catalog.pg_extension_config_dump('vnic_profiles', '');

REVOKE ALL ON mac_pools, mac_pool_ranges, network, vnic_profiles FROM PUBLIC;

