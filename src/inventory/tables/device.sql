-- Inventory: devices and NICs of VMs.

CREATE TABLE vm_device (
    device_id uuid NOT NULL,
    vm_id uuid NOT NULL CONSTRAINT fk_vm_device_vm_static REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    type varchar(30) NOT NULL,
    device varchar(255) NOT NULL,
    address varchar(255) NOT NULL,
    spec_params text,
    is_managed boolean NOT NULL DEFAULT false,
    is_plugged boolean NOT NULL DEFAULT false,
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
    synced boolean DEFAULT true,
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
    rx_rate numeric(24,4),
    tx_rate numeric(24,4),
    rx_drop numeric(20,0),
    tx_drop numeric(20,0),
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

