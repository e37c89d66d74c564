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
COMMENT ON COLUMN vm_device.device_id IS 'Primary key, with vm_id; a disk''s or NIC''s is the same id as its own row''s';
COMMENT ON COLUMN vm_device.vm_id IS 'VM';
COMMENT ON COLUMN vm_device.is_plugged IS 'True: the guest sees it';
COMMENT ON COLUMN vm_device.is_readonly IS 'True: the guest can''t write to it';
COMMENT ON COLUMN vm_device._create_date IS 'When the row was made';
COMMENT ON COLUMN vm_device._update_date IS 'When the row was last changed';
COMMENT ON COLUMN vm_device.alias IS 'Name that libvirt gave it';
COMMENT ON COLUMN vm_device.custom_properties IS 'Custom device properties: {key=value,...}';
COMMENT ON COLUMN vm_device.host_device IS 'Name of the host''s device that is passed through';

CREATE TABLE vm_external_data (
    device_id uuid NOT NULL,
    vm_id uuid NOT NULL,
    tpm_data text,
    tpm_hash text,
    CONSTRAINT vm_external_data_pkey PRIMARY KEY (device_id, vm_id),
    CONSTRAINT vm_external_data_device_id_fkey FOREIGN KEY (device_id, vm_id) REFERENCES vm_device (device_id, vm_id) ON DELETE CASCADE
);
COMMENT ON TABLE vm_external_data IS 'State of a VM''s TPM, encrypted by the engine';
COMMENT ON COLUMN vm_external_data.device_id IS 'The VM''s TPM device';
COMMENT ON COLUMN vm_external_data.vm_id IS 'VM';
COMMENT ON COLUMN vm_external_data.tpm_data IS 'State of the TPM, archived';
COMMENT ON COLUMN vm_external_data.tpm_hash IS 'Hash of that, as hosts make it';

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
COMMENT ON COLUMN vm_interface.id IS 'Primary key';
COMMENT ON COLUMN vm_interface.vm_guid IS 'VM or template';
COMMENT ON COLUMN vm_interface.name IS 'Name, unique in the VM';
COMMENT ON COLUMN vm_interface._create_date IS 'When the row was made';
COMMENT ON COLUMN vm_interface._update_date IS 'When the row was last changed';
COMMENT ON COLUMN vm_interface.linked IS 'True: the cable is in';

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
COMMENT ON COLUMN vm_interface_statistics.id IS 'NIC (vm_interface)';
COMMENT ON COLUMN vm_interface_statistics.vm_id IS 'VM';
COMMENT ON COLUMN vm_interface_statistics.rx_rate IS 'Received, percent of the speed';
COMMENT ON COLUMN vm_interface_statistics.tx_rate IS 'Sent, percent of the speed';
COMMENT ON COLUMN vm_interface_statistics.rx_drop IS 'Packets dropped while receiving';
COMMENT ON COLUMN vm_interface_statistics.tx_drop IS 'Packets dropped while sending';
COMMENT ON COLUMN vm_interface_statistics.iface_status IS '0 none, 1 up, 2 down';
COMMENT ON COLUMN vm_interface_statistics._update_date IS 'When the row was last changed';
COMMENT ON COLUMN vm_interface_statistics.rx_total IS 'Bytes received since the NIC was made';
COMMENT ON COLUMN vm_interface_statistics.rx_offset IS 'Of these, before the VM''s last start';
COMMENT ON COLUMN vm_interface_statistics.tx_total IS 'Bytes sent since the NIC was made';
COMMENT ON COLUMN vm_interface_statistics.tx_offset IS 'Of these, before the VM''s last start';
COMMENT ON COLUMN vm_interface_statistics.sample_time IS 'When that was measured';

SELECT pg_catalog.pg_extension_config_dump('vm_device', '');
SELECT pg_catalog.pg_extension_config_dump('vm_external_data', '');
SELECT pg_catalog.pg_extension_config_dump('vm_interface', '');
SELECT pg_catalog.pg_extension_config_dump('vm_interface_statistics', '');

REVOKE ALL ON vm_device, vm_external_data, vm_interface, vm_interface_statistics FROM PUBLIC;

