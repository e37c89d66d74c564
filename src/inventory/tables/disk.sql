-- Inventory: disks.  A disk (image group) is one row in base_disks and a chain of images; what a VM does with it
-- is in disk_vm_element and vm_device (image.sql, device.sql).

CREATE TABLE base_disks (
    disk_id uuid CONSTRAINT pk_disks PRIMARY KEY,
    wipe_after_delete boolean NOT NULL DEFAULT false,
    propagate_errors varchar(32) NOT NULL DEFAULT 'Off',
    disk_alias varchar(255),
    disk_description varchar(500) NOT NULL DEFAULT '',
    shareable boolean DEFAULT false,
    sgio smallint,
    disk_storage_type smallint,
    cinder_volume_type varchar(255),
    disk_content_type smallint NOT NULL DEFAULT 0,
    backup varchar(32) DEFAULT 'None',
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
COMMENT ON COLUMN base_disks.wipe_after_delete IS 'True: the bytes are overwritten when the disk is removed';
COMMENT ON COLUMN base_disks.disk_alias IS 'Name';
COMMENT ON COLUMN base_disks.disk_description IS 'Text for people';
COMMENT ON COLUMN base_disks.cinder_volume_type IS 'Volume type in Cinder';
COMMENT ON COLUMN base_disks.backup_mode IS 'How a backup under way reads the disk';

CREATE TABLE disk_lun_map (
    disk_id uuid NOT NULL CONSTRAINT fk_disk_lun_to_disk REFERENCES base_disks (disk_id) ON DELETE CASCADE,
    lun_id varchar NOT NULL CONSTRAINT fk_disk_lun_to_lun REFERENCES luns (lun_id) ON DELETE CASCADE,
    CONSTRAINT disk_lun_map_pk PRIMARY KEY (disk_id, lun_id)
);
CREATE INDEX idx_disk_lun_map_lun_id ON disk_lun_map (lun_id);

COMMENT ON TABLE disk_lun_map IS 'The block device of a direct LUN disk';
COMMENT ON COLUMN disk_lun_map.disk_id IS 'Disk';
COMMENT ON COLUMN disk_lun_map.lun_id IS 'LUN that the disk is';

SELECT pg_catalog.pg_extension_config_dump('base_disks', '');
SELECT pg_catalog.pg_extension_config_dump('disk_lun_map', '');

REVOKE ALL ON base_disks, disk_lun_map FROM PUBLIC;

