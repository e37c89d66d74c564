-- Clones from the sample OVF documents of four eras, in the data center that they were written for.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT no_plan();

\o /dev/null
SET search_path = vmclone;
\i test/ovf/fixture.sql
RESET search_path;
SET client_min_messages = error;
\o
\set v31 `cat test/ovf/synthetic_3.1_two_disks.xml`
\set v36 `cat test/ovf/synthetic_3.6_deleted_disk_bad_network.xml`
\set v42 `cat test/ovf/synthetic_4.2_shareable_lun_affinity.xml`
\set v44 `cat test/ovf/synthetic_4.4_vminit_custom_properties.xml`
CREATE TABLE samples (name text PRIMARY KEY, ovf text);
INSERT INTO samples VALUES ('v31', :'v31'), ('v36', :'v36'), ('v42', :'v42'), ('v44', :'v44'), ('v00', NULL);
INSERT INTO vmclone.storage_mounts (storage_domain_id, kind, mount_path, real_path, storage_root, filesystem, block_size, token, attached_by, total_bytes, available_bytes)
    SELECT id, CASE storage_type WHEN 3 THEN 'block' ELSE 'file' END, '/none/' || storage_name, '/none/' || storage_name, '/none', 'ext4', 4096, gen_random_uuid(), current_user,
        1099511627776, 1099511627776 FROM vmclone.storage_domain_static WHERE storage_name LIKE 'sd_%';
UPDATE vmclone.mac_pool_ranges SET to_mac = '56:6f:00:00:ff:ff' WHERE from_mac = '56:6f:00:00:00:00';
UPDATE vmclone.quota_limitation SET storage_size_gb = 100000 WHERE storage_size_gb = 100;

-- Clones the snapshot with the document of that name; more arguments of the call as SQL.
CREATE FUNCTION clone(sample text, name text, more text DEFAULT '') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    vm uuid;
BEGIN
    UPDATE vmclone.snapshots SET vm_configuration = (SELECT ovf FROM samples s WHERE s.name = sample) WHERE snapshot_id = '5a000000-0000-4000-8000-000000000002';
    EXECUTE format('SELECT vm_id FROM vmclone.add_vm_from_snapshot(''5a000000-0000-4000-8000-000000000002'', %L, lock_mode => ''shared'', start_paused => true %s)', name, more) INTO vm;
    RETURN vm;
END $$;
CREATE VIEW devices AS SELECT v.vm_name, string_agg(concat_ws('/', d.type, d.device, nullif(d.address, ''), nullif(d.alias, ''), CASE WHEN NOT d.is_plugged THEN 'unplugged' END,
    CASE WHEN NOT d.is_managed THEN 'unmanaged' END, nullif(d.spec_params, '{}')), E'\n' ORDER BY d.type, d.device, d.address) AS list
    FROM vmclone.vm_device d JOIN vmclone.vm_static v ON v.vm_guid = d.vm_id GROUP BY v.vm_name;
CREATE VIEW disks AS SELECT v.vm_name, string_agg(concat_ws('/', b.disk_alias, i.size, CASE i.volume_format WHEN 4 THEN 'COW' ELSE 'RAW' END, CASE WHEN e.is_boot THEN 'boot' END, e.disk_interface),
    E'\n' ORDER BY b.disk_alias) AS list
    FROM vmclone.disk_vm_element e JOIN vmclone.vm_static v ON v.vm_guid = e.vm_id JOIN vmclone.base_disks b USING (disk_id) LEFT JOIN vmclone.images i ON i.image_group_id = b.disk_id
    GROUP BY v.vm_name;
CREATE VIEW interfaces AS SELECT v.vm_name, string_agg(concat_ws('/', i.name, i.type, i.speed, CASE WHEN NOT i.linked THEN 'unlinked' END, coalesce(p.name, 'no network')), E'\n' ORDER BY i.name) AS list
    FROM vmclone.vm_interface i JOIN vmclone.vm_static v USING (vm_guid) LEFT JOIN vmclone.vnic_profiles p ON p.id = i.vnic_profile_id GROUP BY v.vm_name;

SELECT ok(clone(n, 'a' || substr(n, 2)) IS NOT NULL, n || ': cloned') FROM unnest('{v31,v36,v44,v00}'::text[]) n;
SELECT throws_ok($$SELECT clone('v42', 'a42')$$, 'VC004', NULL, '4.2: a compatibility version that no engine of today supports is refused');
SELECT ok(clone('v42', 'a42', $$, vm_static => '{"custom_compatibility_version": null}'$$) IS NOT NULL, '4.2: and can be overridden');

SELECT is(list, E'src1_Disk1_a31/10737418240/RAW/boot/VirtIO_SCSI\nsrc1_Disk2_a31/21474836480/RAW/VirtIO', '3.1: disks, of the root ancestor''s format') FROM disks WHERE vm_name = 'a31';
SELECT is(list, E'src1_Disk1_a36/10737418240/RAW/boot/VirtIO_SCSI\nsrc1_Disk2_a36/21474836480/RAW/VirtIO', '3.6: without the disk that is gone') FROM disks WHERE vm_name = 'a36';
SELECT is(list, 'src1_Disk1_a42/10737418240/RAW/boot/VirtIO_SCSI', '4.2: without the shareable disk and the LUN') FROM disks WHERE vm_name = 'a42';
SELECT is(list, E'src1_Disk1_a44/10737418240/RAW/boot/VirtIO_SCSI\nsrc1_Disk2_a44/21474836480/RAW/VirtIO', '4.4: disks') FROM disks WHERE vm_name = 'a44';
SELECT is(list, E'src1_Disk1_a00/10737418240/RAW/boot/VirtIO_SCSI\nsrc1_Disk2_a00/21474836480/RAW/VirtIO', 'no document: disks') FROM disks WHERE vm_name = 'a00';

SELECT is(list, 'nic1/3/10000/net1', '3.1: NIC') FROM interfaces WHERE vm_name = 'a31';
SELECT is(list, E'nic1/3/10000/net1\nnic2/1/100/unlinked/no network', '3.6: the unknown network is left empty') FROM interfaces WHERE vm_name = 'a36';
SELECT is(list, 'nic1/3/10000/net1', 'no document: the NIC that the VM has now') FROM interfaces WHERE vm_name = 'a00';
SELECT is((SELECT count(*) FROM vmclone.vm_interface), (SELECT count(DISTINCT lower(mac_addr)) FROM vmclone.vm_interface), 'no MAC address twice');

SELECT is(list, $$balloon/memballoon/{"model": "virtio"}
controller/virtio-scsi
controller/virtio-serial
disk/cdrom/{type=drive, bus=0, controller=0, target=0, unit=2}/{"path": ""}
disk/disk/unplugged
disk/disk/{type=drive, controller=0, bus=0, target=0, unit=0}/ua-1
graphics/spice
interface/bridge/{type=pci, slot=0x03, bus=0x00, domain=0x0000, function=0x0}
video/qxl/{"vram": "8192", "heads": "1"}$$, '3.1: devices, with what such documents leave out') FROM devices WHERE vm_name = 'a31';
SELECT is(list, $$balloon/memballoon/{"model": "virtio"}
channel/unix/{type=virtio-serial, bus=0, controller=0, port=1}/channel0/unmanaged
console/console/{"consoleType": "virtio"}
controller/ide/{type=pci, slot=0x01}/ide0/unmanaged
controller/virtio-scsi/{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}/{"ioThreadId": "1"}
controller/virtio-serial
disk/cdrom/{type=drive, bus=0, controller=0, target=0, unit=2}/{"path": ""}
disk/disk/unplugged
disk/disk/{type=drive, controller=0, bus=0, target=0, unit=0}/ua-1
graphics/spice
interface/bridge/unplugged
interface/bridge/{type=pci, slot=0x03, bus=0x00, domain=0x0000, function=0x0}
sound/ich9
video/qxl/{"vram": "8192", "heads": "1"}
watchdog/watchdog/{"model": "i6300esb", "action": "reset"}$$, '4.4: devices') FROM devices WHERE vm_name = 'a44';
SELECT is(regexp_replace(list, '.*(rng/.*)\nvideo.*', '\1'), 'rng/virtio/{"source": "urandom"}', '4.2: the random number generator') FROM devices WHERE vm_name = 'a42';
SELECT ok(list ~ 'graphics/spice' AND list ~ 'video/' AND list ~ 'disk/cdrom' AND list ~ 'balloon' AND list !~ 'channel', 'no document: default devices, and the display') FROM devices WHERE vm_name = 'a00';

SELECT is(to_jsonb(v) -> k, e, format('%s: %s', v.vm_name, k))
FROM vmclone.vm_static v JOIN (VALUES ('a31', 'os', '30'::jsonb), ('a31', 'bios_type', '1'), ('a31', 'num_of_sockets', '2'), ('a31', 'priority', '1'), ('a31', 'quota_id', '"90000000-0000-4000-8000-000000000001"'),
    ('a31', 'vmt_guid', '"00000000-0000-0000-0000-000000000000"'), ('a31', 'original_template_name', '"Blank"'), ('a42', 'custom_compatibility_version', 'null'), ('a44', 'bios_type', '2'),
    ('a44', 'cpu_pinning', '"0#0_1#1"'), ('a44', 'cpu_pinning_policy', '1'), ('a44', 'userdefined_properties', '"foo=bar"'), ('a44', 'max_memory_size_mb', '4096'), ('a44', 'entity_type', '"VM"'),
    ('a44', 'time_zone', '"Etc/GMT"'), ('a44', 'balloon_enabled', 'true'), ('a31', 'balloon_enabled', 'false'), ('a00', 'os', '0'), ('a00', 'bios_type', '2')) x(n, k, e) ON x.n = v.vm_name;
SELECT is(to_jsonb(i) - 'vm_id' - 'cloud_init_network_protocol' - '{input_locale,ui_language,system_locale,user_locale,user_name,active_directory_ou,org_name}'::text[],
    '{"host_name": "h1", "domain": null, "authorized_keys": null, "regenerate_keys": true, "time_zone": null, "dns_servers": "192.0.2.1", "dns_search_domains": null, "networks": null, "password": null, "winkey": null, "custom_script": "runcmd:\n - [ls]"}'::jsonb,
    '4.4: initialisation, with line ends') FROM vmclone.vm_init i JOIN vmclone.vm_static v ON v.vm_guid = i.vm_id WHERE v.vm_name = 'a44';

-- What is missing: skipped, refused, or made blank.
SELECT is((SELECT array_agg(log_type ORDER BY log_type) FROM vmclone.audit_log WHERE vm_name = 'a36'), '{37,9607,9802,9802}', '3.6: audit of the start, the networks, the partial snapshot and its disk');
SELECT is((SELECT count(*) FROM vmclone.audit_log WHERE vm_name = 'a42' AND origin = 'vmclone'), 0::bigint, '4.2: a shareable disk and a LUN do not make it partial');
SELECT throws_ok($$SELECT clone('v36', 'b36', ', missing_disk => ''fail''')$$, 'VC017', NULL, '3.6: refused where that is asked for');
SELECT ok(clone('v36', 'c36', $$, missing_disk => 'blank', interfaces => '[{"interface_id": "fa000000-0000-4000-8000-000000000002", "vnic_profile_id": "ef000000-0000-4000-8000-000000000001", "mac": "56:6f:00:00:aa:aa"}]'$$) IS NOT NULL, '3.6: a blank disk, a profile and a MAC address for nic2');
SELECT is(list, E'src1_Deleted_c36/5368709120/COW/VirtIO\nsrc1_Disk1_c36/10737418240/RAW/boot/VirtIO_SCSI\nsrc1_Disk2_c36/21474836480/RAW/VirtIO', '3.6: the blank disk has the size and format of the document') FROM disks WHERE vm_name = 'c36';
SELECT is(list, E'nic1/3/10000/net1\nnic2/1/100/unlinked/net1', '3.6: nic2 has the profile') FROM interfaces WHERE vm_name = 'c36';

-- A LUN is attached where that is asked for, if it is still there.
SELECT throws_ok($$SELECT clone('v42', 'b42', $c$, vm_static => '{"custom_compatibility_version": null}', disks => '[{"disk_id": "b1000000-0000-4000-8000-000000000007", "attach": true}]'$c$)$$, 'VC013', NULL, '4.2: a LUN that is gone cannot be attached');
INSERT INTO vmclone.base_disks (disk_id, disk_alias, disk_storage_type) VALUES ('b1000000-0000-4000-8000-000000000007', 'lun_b100', 1);
SELECT ok(clone('v42', 'b42', $$, vm_static => '{"custom_compatibility_version": null}', disks => '[{"disk_id": "b1000000-0000-4000-8000-000000000007", "attach": true}]'$$) IS NOT NULL, '4.2: the LUN is attached');
SELECT is(list, E'lun_b100/RAW/VirtIO_SCSI\nsrc1_Disk1_b42/10737418240/RAW/boot/VirtIO_SCSI', '4.2: the same LUN, beside the copied disk') FROM disks WHERE vm_name = 'b42';
SELECT is((SELECT count(*) FROM vmclone.vm_device d JOIN vmclone.vm_static v ON v.vm_guid = d.vm_id WHERE v.vm_name = 'b42' AND d.device_id = 'b1000000-0000-4000-8000-000000000007' AND d.is_plugged), 1::bigint, '4.2: with its device');

-- A document that cannot be read is refused, by the call and by the checks, never a VM without disks.
INSERT INTO samples SELECT 'cut', left(ovf, 9000) FROM samples WHERE name = 'v44';
SELECT throws_ok($$SELECT clone('cut', 'cut')$$, 'VC018', NULL, 'a document that is cut off is refused');
SELECT is((SELECT count(*) FROM vmclone.vm_static WHERE vm_name = 'cut'), 0::bigint, 'and nothing is left of it');
SELECT is((SELECT snapshot_type || status FROM vmclone.snapshots WHERE snapshot_id = '5a000000-0000-4000-8000-000000000002'), 'REGULARLOCKED', 'the snapshot is held by the clones that were made');

SELECT finish();
