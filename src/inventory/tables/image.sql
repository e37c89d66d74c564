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
    sequence_number integer DEFAULT 0,
    -- few constraints: each is prepared anew by every statement that writes here
    CONSTRAINT images_sound CHECK (parentid <> image_guid AND size >= 0),
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
COMMENT ON COLUMN images.image_guid IS 'Primary key';
COMMENT ON COLUMN images.creation_date IS 'When it was made';
COMMENT ON COLUMN images.lastmodified IS 'When it last became the active one, or was changed';
COMMENT ON COLUMN images.image_group_id IS 'Disk that it is a layer of (base_disks)';
COMMENT ON COLUMN images._create_date IS 'When the row was made';
COMMENT ON COLUMN images._update_date IS 'When the row was last changed';
COMMENT ON COLUMN images.sequence_number IS 'Counts changes of the volume';

CREATE TABLE disk_image_dynamic (
    image_id uuid CONSTRAINT pk_disk_image_dynamic PRIMARY KEY
        CONSTRAINT fk_disk_image_dynamic_images REFERENCES images (image_guid) ON DELETE CASCADE,
    read_rate bigint,
    write_rate bigint,
    actual_size bigint NOT NULL,
    read_latency_seconds numeric(18,9),
    write_latency_seconds numeric(18,9),
    flush_latency_seconds numeric(18,9),
    read_ops bigint DEFAULT 0,
    write_ops bigint DEFAULT 0,
    _update_date timestamptz,
    CONSTRAINT disk_image_dynamic_actual_size_not_negative CHECK (actual_size >= 0)
);

COMMENT ON TABLE disk_image_dynamic IS 'What an image takes on storage, and its I/O figures, as last reported';
COMMENT ON COLUMN disk_image_dynamic.actual_size IS 'Bytes allocated on storage';
COMMENT ON COLUMN disk_image_dynamic.read_rate IS 'Bytes a second';
COMMENT ON COLUMN disk_image_dynamic.write_rate IS 'Bytes a second';
COMMENT ON COLUMN disk_image_dynamic.image_id IS 'Image';
COMMENT ON COLUMN disk_image_dynamic.read_latency_seconds IS 'As last measured on a host';
COMMENT ON COLUMN disk_image_dynamic.write_latency_seconds IS 'As last measured on a host';
COMMENT ON COLUMN disk_image_dynamic.flush_latency_seconds IS 'As last measured on a host';
COMMENT ON COLUMN disk_image_dynamic.read_ops IS 'Reads, counted by the host';
COMMENT ON COLUMN disk_image_dynamic.write_ops IS 'Writes, counted by the host';
COMMENT ON COLUMN disk_image_dynamic._update_date IS 'When the row was last changed';

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
COMMENT ON COLUMN image_storage_domain_map.image_id IS 'Image';
COMMENT ON COLUMN image_storage_domain_map.storage_domain_id IS 'Storage domain that has it';
COMMENT ON COLUMN image_storage_domain_map.quota_id IS 'Quota that its bytes are charged to';
COMMENT ON COLUMN image_storage_domain_map.disk_profile_id IS 'Disk profile of the storage domain';

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
COMMENT ON COLUMN disk_vm_element.disk_id IS 'Disk';
COMMENT ON COLUMN disk_vm_element.vm_id IS 'VM that has it';
COMMENT ON COLUMN disk_vm_element.is_boot IS 'True: the VM boots from it; one of a VM''s disks';

SELECT pg_catalog.pg_extension_config_dump('images', '');
SELECT pg_catalog.pg_extension_config_dump('disk_image_dynamic', '');
SELECT pg_catalog.pg_extension_config_dump('image_storage_domain_map', '');
SELECT pg_catalog.pg_extension_config_dump('disk_vm_element', '');

REVOKE ALL ON images, disk_image_dynamic, image_storage_domain_map, disk_vm_element FROM PUBLIC;

