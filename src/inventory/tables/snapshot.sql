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
COMMENT ON COLUMN snapshots.snapshot_id IS 'Primary key';
COMMENT ON COLUMN snapshots.vm_id IS 'VM';
COMMENT ON COLUMN snapshots.description IS 'Its name, for people';
COMMENT ON COLUMN snapshots.creation_date IS 'When it was taken';
COMMENT ON COLUMN snapshots._create_date IS 'When the row was made';
COMMENT ON COLUMN snapshots._update_date IS 'When the row was last changed';
COMMENT ON COLUMN snapshots.changed_fields IS 'NEXT_RUN: what differs from the running VM';

SELECT pg_catalog.pg_extension_config_dump('snapshots', '');

REVOKE ALL ON snapshots FROM PUBLIC;

