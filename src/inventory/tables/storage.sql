-- Inventory: data centers (storage pools), storage domains, LUNs, disk profiles.
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
    free_text_comment text NOT NULL DEFAULT '',
    is_local boolean,
    managed boolean DEFAULT true,
    CONSTRAINT storage_pool_status_code CHECK (status BETWEEN 0 AND 5),
    CONSTRAINT storage_pool_quota_mode_code CHECK (quota_enforcement_type BETWEEN 0 AND 2)
);
CREATE INDEX idx_storage_pool_name ON storage_pool (name);

COMMENT ON TABLE storage_pool IS 'A data center: the storage domains, clusters, networks and quotas that belong together';
COMMENT ON COLUMN storage_pool.status IS '0 uninitialized, 1 up, 2 maintenance, 3 not operational, 4 non-responsive, 5 contend';
COMMENT ON COLUMN storage_pool.quota_enforcement_type IS '0 disabled, 1 soft (audited), 2 hard (enforced)';
COMMENT ON COLUMN storage_pool.storage_pool_format_type IS 'Version of the on-disk domain format, "0" to "5"';
COMMENT ON COLUMN storage_pool.spm_vds_id IS 'Host that manages the storage of this data center at present';
COMMENT ON COLUMN storage_pool.id IS 'Primary key';
COMMENT ON COLUMN storage_pool.name IS 'Unique name';
COMMENT ON COLUMN storage_pool.description IS 'Text for people';
COMMENT ON COLUMN storage_pool.storage_pool_type IS 'Unused';
COMMENT ON COLUMN storage_pool.master_domain_version IS 'Counts changes of the master domain';
COMMENT ON COLUMN storage_pool.compatibility_version IS 'Level of features, as 4.7';
COMMENT ON COLUMN storage_pool._create_date IS 'When the row was made';
COMMENT ON COLUMN storage_pool._update_date IS 'When the row was last changed';
COMMENT ON COLUMN storage_pool.free_text_comment IS 'Text for people';
COMMENT ON COLUMN storage_pool.is_local IS 'True: its storage is on one host';
COMMENT ON COLUMN storage_pool.managed IS 'False: the engine only shows it';

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
COMMENT ON COLUMN luns.physical_volume_id IS 'LVM: physical volume on it';
COMMENT ON COLUMN luns.lun_id IS 'Primary key: the device''s WWID';
COMMENT ON COLUMN luns.serial IS 'Serial number';
COMMENT ON COLUMN luns.lun_mapping IS 'LUN number on its target';
COMMENT ON COLUMN luns.vendor_id IS 'Vendor, as the device says';
COMMENT ON COLUMN luns.product_id IS 'Product, as the device says';

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
    storage_description varchar(4000) NOT NULL DEFAULT '',
    storage_comment text NOT NULL DEFAULT '',
    wipe_after_delete boolean NOT NULL DEFAULT false,
    warning_low_space_indicator integer,
    critical_space_action_blocker integer,
    warning_low_confirmed_space_indicator integer,
    first_metadata_device varchar(100) REFERENCES luns (lun_id),
    vg_metadata_device varchar(100) REFERENCES luns (lun_id),
    discard_after_delete boolean NOT NULL DEFAULT false,
    backup boolean NOT NULL DEFAULT false,
    block_size integer DEFAULT 512,
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
COMMENT ON COLUMN storage_domain_static.id IS 'Primary key';
COMMENT ON COLUMN storage_domain_static.storage_name IS 'Unique name';
COMMENT ON COLUMN storage_domain_static._create_date IS 'When the row was made';
COMMENT ON COLUMN storage_domain_static._update_date IS 'When the row was last changed';
COMMENT ON COLUMN storage_domain_static.recoverable IS 'True: the engine brings it up again by itself';
COMMENT ON COLUMN storage_domain_static.storage_description IS 'Text for people';
COMMENT ON COLUMN storage_domain_static.storage_comment IS 'Text for people';
COMMENT ON COLUMN storage_domain_static.wipe_after_delete IS 'True: new disks in it are wiped when they are removed';
COMMENT ON COLUMN storage_domain_static.warning_low_confirmed_space_indicator IS 'Percent of confirmed free space below which there is a warning';
COMMENT ON COLUMN storage_domain_static.discard_after_delete IS 'True: blocks are discarded before a volume is removed';
COMMENT ON COLUMN storage_domain_static.backup IS 'True: a place for backups; no VM runs from it';

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
COMMENT ON COLUMN storage_domain_dynamic.id IS 'Storage domain';
COMMENT ON COLUMN storage_domain_dynamic._update_date IS 'When the row was last changed';
COMMENT ON COLUMN storage_domain_dynamic.external_status IS '0 OK, 1 info, 2 warning, 3 error, 4 failure: what an external system says of it';

CREATE TABLE storage_pool_iso_map (
    storage_id uuid NOT NULL CONSTRAINT fk_storage_pool_iso_map_domain REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    storage_pool_id uuid NOT NULL CONSTRAINT fk_storage_pool_iso_map_pool REFERENCES storage_pool (id) ON DELETE CASCADE,
    status integer,
    CONSTRAINT pk_storage_domain_pool_map PRIMARY KEY (storage_id, storage_pool_id),
    CONSTRAINT storage_pool_iso_map_status_code CHECK (status BETWEEN 0 AND 9)
);
CREATE INDEX idx_storage_pool_iso_map_pool ON storage_pool_iso_map (storage_pool_id);

COMMENT ON TABLE storage_pool_iso_map IS 'Which data center a storage domain is attached to, and its state there';
COMMENT ON COLUMN storage_pool_iso_map.status IS '0 unknown, 1 uninitialized, 2 unattached, 3 active, 4 inactive, 5 locked, 6 maintenance, 7 preparing for maintenance, 8 detaching, 9 activating';
COMMENT ON COLUMN storage_pool_iso_map.storage_id IS 'Storage domain';
COMMENT ON COLUMN storage_pool_iso_map.storage_pool_id IS 'Data center that it is attached to';

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
COMMENT ON COLUMN disk_profiles.id IS 'Primary key';
COMMENT ON COLUMN disk_profiles.name IS 'Name';
COMMENT ON COLUMN disk_profiles.storage_domain_id IS 'Storage domain';
COMMENT ON COLUMN disk_profiles.qos_id IS 'Limits, of the data center''s QoS rows';
COMMENT ON COLUMN disk_profiles.description IS 'Text for people';
COMMENT ON COLUMN disk_profiles._create_date IS 'When the row was made';
COMMENT ON COLUMN disk_profiles._update_date IS 'When the row was last changed';

SELECT pg_catalog.pg_extension_config_dump('storage_pool', '');
SELECT pg_catalog.pg_extension_config_dump('luns', '');
SELECT pg_catalog.pg_extension_config_dump('storage_domain_static', '');
SELECT pg_catalog.pg_extension_config_dump('storage_domain_dynamic', '');
SELECT pg_catalog.pg_extension_config_dump('storage_pool_iso_map', '');
SELECT pg_catalog.pg_extension_config_dump('disk_profiles', '');

REVOKE ALL ON storage_pool, luns, storage_domain_static, storage_domain_dynamic, storage_pool_iso_map, disk_profiles FROM PUBLIC;

