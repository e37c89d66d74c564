-- The inventory that the engine would own: one data center, two storage domains, one VM with two disks
-- and three snapshots.  Codes are oVirt's.  Ids that the storage shares come in as psql variables
-- (demo/ids.sh); configuration_1 … 3 are the snapshots' OVF documents.
\set ON_ERROR_STOP 1
\set no_template '00000000-0000-0000-0000-000000000000'
BEGIN;
SET LOCAL search_path = vmclone, pg_catalog;

INSERT INTO storage_pool (id, name, status, compatibility_version, quota_enforcement_type, is_local, storage_pool_format_type)
VALUES (:'storage_pool', 'lab', 1, '4.7', 0, false, '5');
INSERT INTO storage_domain_static (id, storage, storage_name, storage_domain_type, storage_type, storage_domain_format_type,
    critical_space_action_blocker, warning_low_space_indicator)
VALUES (:'source_domain', 'nfs-fast', 'nfs-fast', 0, 1, '5', 0, 0),
    (:'target_domain', 'nfs-archive', 'nfs-archive', 1, 1, '5', 0, 0);
INSERT INTO storage_domain_dynamic (id, available_disk_size, used_disk_size)
VALUES (:'source_domain', 100, 1), (:'target_domain', 100, 1);
INSERT INTO storage_pool_iso_map (storage_id, storage_pool_id, status)
VALUES (:'source_domain', :'storage_pool', 3), (:'target_domain', :'storage_pool', 3);
INSERT INTO disk_profiles (id, name, storage_domain_id)
VALUES (gen_random_uuid(), 'nfs-fast', :'source_domain'), (gen_random_uuid(), 'nfs-archive', :'target_domain');
INSERT INTO mac_pools (id, name) VALUES (:'mac_pool', 'lab');
INSERT INTO mac_pool_ranges (mac_pool_id, from_mac, to_mac) VALUES (:'mac_pool', '56:6f:00:00:00:00', '56:6f:00:00:00:ff');
INSERT INTO cluster (cluster_id, name, storage_pool_id, mac_pool_id, compatibility_version, architecture, bios_type, cpu_name)
VALUES (:'cluster', 'lab-cluster', :'storage_pool', :'mac_pool', '4.7', 1, 2, 'Intel Nehalem Family');
INSERT INTO cpu_profiles (id, name, cluster_id) VALUES (:'cpu_profile', 'lab-cluster', :'cluster');
INSERT INTO network (id, name, storage_pool_id, vdsm_name, vm_network) VALUES (:'network', 'office', :'storage_pool', 'office', true);
INSERT INTO network_cluster (network_id, cluster_id, status, is_display, required) VALUES (:'network', :'cluster', 0, false, false);
INSERT INTO vnic_profiles (id, name, network_id, port_mirroring) VALUES (:'vnic_profile', 'office', :'network', false);

INSERT INTO vm_static (vm_guid, vm_name, description, mem_size_mb, max_memory_size_mb, min_allocated_mem, vmt_guid, cluster_id,
    cpu_profile_id, bios_type, num_of_monitors, num_of_sockets, entity_type, vm_type, origin)
VALUES (:'web01', 'web01', 'the shop''s web server', 2048, 8192, 1024, :'no_template', :'cluster', :'cpu_profile', 2, 1, 2, 'VM', 1, 3);
INSERT INTO vm_dynamic (vm_guid, status) VALUES (:'web01', 0);
INSERT INTO vm_statistics (vm_guid) VALUES (:'web01');
INSERT INTO vm_ovf_generations (vm_guid, storage_pool_id) VALUES (:'web01', :'storage_pool');
INSERT INTO snapshots (snapshot_id, vm_id, snapshot_type, status, description, creation_date, vm_configuration)
VALUES (:'snapshot_1', :'web01', 'REGULAR', 'OK', 'installed', now() - interval '3 days', :'configuration_1'),
    (:'snapshot_2', :'web01', 'REGULAR', 'OK', 'before the upgrade', now() - interval '2 days', :'configuration_2'),
    (:'snapshot_3', :'web01', 'REGULAR', 'OK', 'after the upgrade', now() - interval '1 day', :'configuration_3'),
    (:'snapshot_4', :'web01', 'ACTIVE', 'OK', 'Active VM', now(), NULL);

INSERT INTO base_disks (disk_id, disk_alias, disk_storage_type)
VALUES (:'system_disk', 'web01_system', 0), (:'data_disk', 'web01_data', 0);
INSERT INTO disk_vm_element (disk_id, vm_id, is_boot, disk_interface)
VALUES (:'system_disk', :'web01', true, 'VirtIO_SCSI'), (:'data_disk', :'web01', false, 'VirtIO');
INSERT INTO images (image_guid, parentid, image_group_id, vm_snapshot_id, volume_format, size, active, volume_type, imagestatus,
    it_guid, creation_date, lastmodified)
SELECT i.image::uuid, coalesce(lag(i.image::uuid) OVER (PARTITION BY disk ORDER BY number), :'no_template'), i.disk::uuid,
    i.snapshot::uuid, i.format, i.size, i.number = 4, 2, 1, :'no_template', now(), now()
FROM (VALUES
    (1, :'system_image_1', :'system_disk', :'snapshot_1', 5, :system_size),
    (2, :'system_image_2', :'system_disk', :'snapshot_2', 4, :system_size),
    (3, :'system_image_3', :'system_disk', :'snapshot_3', 4, :system_size),
    (4, :'system_image_4', :'system_disk', :'snapshot_4', 4, :system_size),
    (1, :'data_image_1', :'data_disk', :'snapshot_1', 4, :data_size),
    (2, :'data_image_2', :'data_disk', :'snapshot_2', 4, :data_size),
    (3, :'data_image_3', :'data_disk', :'snapshot_3', 4, :data_size),
    (4, :'data_image_4', :'data_disk', :'snapshot_4', 4, :data_size)
    ) AS i (number, image, disk, snapshot, format, size);
INSERT INTO disk_image_dynamic (image_id, actual_size)
SELECT image_guid, coalesce((file_sizes ->> image_guid::text)::bigint, 0) FROM images, (SELECT :'file_sizes'::jsonb AS file_sizes) AS f WHERE image_group_id IN (:'system_disk', :'data_disk');
INSERT INTO image_storage_domain_map (image_id, storage_domain_id, disk_profile_id)
SELECT image_guid, :'source_domain', (SELECT id FROM disk_profiles WHERE storage_domain_id = :'source_domain')
FROM images WHERE image_group_id IN (:'system_disk', :'data_disk');

INSERT INTO vm_interface (id, vm_guid, mac_addr, name, speed, type, linked, vnic_profile_id)
VALUES (:'nic', :'web01', '56:6f:00:00:00:01', 'nic1', 10000, 3, true, :'vnic_profile');
INSERT INTO vm_device (device_id, vm_id, type, device, address, is_managed, is_plugged, is_readonly, spec_params, alias)
VALUES (:'system_disk', :'web01', 'disk', 'disk', '{type=drive, controller=0, bus=0, target=0, unit=0}', true, true, false, '{}', 'ua-system'),
    (:'data_disk', :'web01', 'disk', 'disk', '{type=pci, slot=0x07, bus=0x00, domain=0x0000, function=0x0}', true, true, false, '{}', 'ua-data'),
    (:'nic', :'web01', 'interface', 'bridge', '{type=pci, slot=0x03, bus=0x00, domain=0x0000, function=0x0}', true, true, false, '{}', ''),
    (gen_random_uuid(), :'web01', 'controller', 'virtio-scsi', '', true, true, false, '{}', ''),
    (gen_random_uuid(), :'web01', 'disk', 'cdrom', '', true, true, true, '{"path": ""}', ''),
    (gen_random_uuid(), :'web01', 'video', 'qxl', '', true, true, false, '{"vram": "8192"}', ''),
    (gen_random_uuid(), :'web01', 'graphics', 'vnc', '', true, true, false, '{}', '');
COMMIT;
