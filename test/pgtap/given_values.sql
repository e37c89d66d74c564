-- What a caller gives counts or is refused: nothing that is given is passed over in silence.  One transaction, so that no
-- worker sees the jobs.
\set ON_ERROR_STOP on
SET client_min_messages = error;
BEGIN;
SELECT no_plan();
SET LOCAL search_path = vmclone, public;
SELECT fixture.attach_domains();

-- Clones of src in shared mode; the arguments are add_vm_from_snapshot's.
CREATE FUNCTION pg_temp.clone(name text, static jsonb DEFAULT '{}', disks jsonb DEFAULT '[]', nics jsonb DEFAULT '[]', copies integer DEFAULT 1,
    overrides jsonb DEFAULT NULL, given boolean DEFAULT false, cluster text DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
    SELECT count(*) FROM vmclone.add_vm_from_snapshot(fixture.snapshot('src', 2), name, vm_static => static, use_given_vm_static => given,
        cluster_id => fixture.id(cluster), disks => disks, interfaces => nics, copies => copies, lock_mode => 'shared', start_paused => true,
        copy_overrides => overrides) c
$$;
CREATE FUNCTION pg_temp.nics(name text) RETURNS TABLE (nic text, network text, linked boolean, mac text) LANGUAGE sql AS $$
    SELECT i.name::text, p.name::text, i.linked, CASE WHEN i.mac_addr LIKE '56:6f:00:00:99:%' THEN 'given' ELSE 'new' END
    FROM vmclone.vm_static v JOIN vmclone.vm_interface i USING (vm_guid) LEFT JOIN vmclone.vnic_profiles p ON p.id = i.vnic_profile_id
    WHERE v.vm_name = $1 ORDER BY 1
$$;

SELECT fixture.make_vm('src', disks => 2, layers => 3, nics => 2) AS made \gset
UPDATE snapshots SET vm_configuration = replace(vm_configuration, 'ovf:disk-interface="VirtIO_SCSI"', 'ovf:disk-interface="SATA"') WHERE vm_id = fixture.vm('src');

-- disks
SELECT pg_temp.clone('reserved', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('src', 1), 'is_readonly', true, 'is_using_scsi_reservation', true)));
SELECT results_eq($$SELECT e.is_using_scsi_reservation, d.is_readonly FROM vm_static v JOIN disk_vm_element e ON e.vm_id = v.vm_guid
    JOIN vm_device d ON d.vm_id = v.vm_guid AND d.device_id = e.disk_id WHERE v.vm_name = 'reserved' ORDER BY 1$$,
    'VALUES (false, false), (true, true)', 'a disk is read-only and uses SCSI reservations as the caller says');
UPDATE snapshots SET vm_configuration = replace(vm_configuration, 'ovf:read-only="false"', 'ovf:read-only="true" ovf:scsi_reservation="true"') WHERE vm_id = fixture.vm('src');
SELECT pg_temp.clone('as_was');
SELECT results_eq($$SELECT e.is_using_scsi_reservation, d.is_readonly FROM vm_static v JOIN disk_vm_element e ON e.vm_id = v.vm_guid
    JOIN vm_device d ON d.vm_id = v.vm_guid AND d.device_id = e.disk_id WHERE v.vm_name = 'as_was' ORDER BY 1$$,
    'VALUES (true, true), (true, true)', '... or as it was at the snapshot, not as it is now');
UPDATE disk_vm_element SET is_using_scsi_reservation = true WHERE disk_id = fixture.disk('src', 2);
UPDATE snapshots SET vm_configuration = replace(vm_configuration, 'ovf:read-only="true" ovf:scsi_reservation="true"', 'ovf:read-only="false"') WHERE vm_id = fixture.vm('src');
SELECT pg_temp.clone('as_is');
SELECT results_eq($$SELECT e.is_using_scsi_reservation, d.is_readonly FROM vm_static v JOIN disk_vm_element e ON e.vm_id = v.vm_guid
    JOIN vm_device d ON d.vm_id = v.vm_guid AND d.device_id = e.disk_id WHERE v.vm_name = 'as_is' ORDER BY 1$$,
    'VALUES (false, false), (true, false)', '... or as it is now, where the snapshot does not say');

-- the chipset of one copy
SELECT pg_temp.clone('chip{n}', copies => 2, overrides => '[{}, {"vm_static": {"bios_type": 1}}]');
SELECT results_eq($$SELECT v.vm_name::text, bool_or(e.disk_interface = 'IDE'), bool_or(e.disk_interface = 'SATA') FROM vm_static v JOIN disk_vm_element e ON e.vm_id = v.vm_guid
    WHERE v.vm_name IN ('chip1', 'chip2') GROUP BY 1 ORDER BY 1$$, $$VALUES ('chip1', false, true), ('chip2', true, false)$$,
    'disks follow the chipset that a copy has of its own');
SELECT pg_temp.clone('given{n}', '{"mem_size_mb": 1024}', given => true, copies => 2, overrides => '[{}, {"vm_static": {"bios_type": 4, "origin": 9}}]');
SELECT results_eq($$SELECT bios_type, origin FROM vm_static WHERE vm_name IN ('given1', 'given2') ORDER BY vm_name$$, 'VALUES (2, 3), (4, 9)',
    'a copy''s own BIOS type and origin win over those that a given VmStatic lacks');
UPDATE snapshots SET vm_configuration = regexp_replace(vm_configuration, '<BiosType>1</BiosType>', '<BiosType>0</BiosType>') WHERE vm_id = fixture.vm('src');
SELECT pg_temp.clone('given_q35', '{"mem_size_mb": 1024}', given => true);
SELECT is(count(*), 0::bigint, 'the cluster''s BIOS type, in a given VmStatic that lacks one, changes the chipset') FROM vm_static v JOIN vm_device d ON d.vm_id = v.vm_guid
WHERE v.vm_name = 'given_q35' AND (d.address LIKE '%type=pci%' OR NOT d.is_managed);

-- a display, or none
CREATE FUNCTION pg_temp.display(name text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(d.type || ' ' || d.device, ', ' ORDER BY d.type), 'none') FROM vmclone.vm_static v JOIN vmclone.vm_device d ON d.vm_id = v.vm_guid
    WHERE v.vm_name = $1 AND d.type IN ('graphics', 'video') $$;
SELECT pg_temp.clone('display{n}', copies => 2, overrides => '[{"vm_static": {"default_display_type": 4}}]');
SELECT is(pg_temp.display('display1'), 'none', 'a headless copy has no graphics');
SELECT is(pg_temp.display('display2'), 'graphics spice, video qxl', '... the others have');
SELECT fixture.make_vm('headless', disks => 0, layers => 2, nics => 0, devices => 'none', options => '{"vm_static": {"default_display_type": 4}}') AS made \gset
SELECT count(*) AS made FROM add_vm_from_snapshot(fixture.snapshot('headless', 1), 'seeing', vm_static => '{"default_display_type": 2}') \gset
SELECT is(pg_temp.display('seeing'), 'graphics vnc, video vga', 'a display that the snapshot has not comes with a server');
SELECT count(*) AS made FROM add_vm_from_snapshot(fixture.snapshot('headless', 1), 'blind') \gset
SELECT is(pg_temp.display('blind'), 'none', 'a headless virtual machine stays so');

-- a copy's interfaces are laid over those for all copies, key by key
SELECT pg_temp.clone('nic{n}', copies => 3, nics => jsonb_build_array(
        jsonb_build_object('name', 'nic1', 'vnic_profile_id', fixture.id('vnic net2'), 'mac', '56:6f:00:00:99:01'), '{"name": "nic2", "include": false}'::jsonb),
    overrides => '[{"interfaces": [{"name": "nic1", "linked": false, "mac": "new"}]}, {"interfaces": [{"name": "nic1", "mac": "56:6f:00:00:99:02", "network_name": "net1"},
        {"name": "nic2", "linked": false}]}, {"interfaces": [{"name": "nic2", "include": true}]}]');
SELECT results_eq('SELECT * FROM pg_temp.nics(''nic1'')', $$VALUES ('nic1', 'net2', false, 'new')$$, 'profile and exclusion stay where a copy says nothing of them; "new" takes a given address back');
SELECT results_eq('SELECT * FROM pg_temp.nics(''nic2'')', $$VALUES ('nic1', 'net2', true, 'given')$$, 'the network that the snapshot has is no other choice');
SELECT results_eq('SELECT * FROM pg_temp.nics(''nic3'')', $$VALUES ('nic1', 'net2', true, 'given'), ('nic2', 'net2', true, 'new')$$, 'a copy takes an interface in again');
SELECT pg_temp.clone('off', nics => '[{"name": "nic1", "network_name": null}]');
SELECT results_eq('SELECT * FROM pg_temp.nics(''off'')', $$VALUES ('nic1', NULL::text, true, 'new'), ('nic2', 'net2', true, 'new')$$, 'network_name null takes an interface off its network');
SELECT throws_ok($$SELECT pg_temp.clone('bad', nics => '[{"name": "nic1", "mac_addr": "01:00:5e:00:00:01"}]')$$, '22023', NULL, 'a changed mac_addr is checked as mac is');
SELECT throws_ok(format($$SELECT pg_temp.clone('bad', nics => '[{"interface_id": "%s", "linked": false}, {"name": "nic1", "mac": "56:6f:00:00:99:07"}]')$$, fixture.nic('src', 1)),
    '22023', NULL, 'one interface by id and by name is refused');
SELECT pg_temp.clone('unplugged', nics => '[{"name": "nic1", "plugged": null, "is_plugged": false}]');
SELECT ok(NOT d.is_plugged, 'plugged null leaves is_plugged its word') FROM vm_static v JOIN vm_interface i USING (vm_guid) JOIN vm_device d ON d.device_id = i.id
WHERE v.vm_name = 'unplugged' AND i.name = 'nic1';
SELECT pg_temp.clone('direct', nics => '[{"name": "nic1", "type": 5}]');
SELECT results_eq($$SELECT i.name::text, d.device::text FROM vm_static v JOIN vm_interface i USING (vm_guid) JOIN vm_device d ON d.device_id = i.id WHERE v.vm_name = 'direct' ORDER BY 1$$,
    $$VALUES ('nic1', 'hostdev'), ('nic2', 'bridge')$$, 'an interface that is passed through is a host''s device');

-- an attached disk stays the disk that it is
SELECT fixture.make_vm('shared', disks => 1, layers => 2, nics => 0, devices => 'none', options => '{"shareable": true}') AS made \gset
CREATE FUNCTION pg_temp.attach(changes jsonb) RETURNS uuid LANGUAGE sql AS $$
    SELECT c.vm_id FROM vmclone.add_vm_from_snapshot(fixture.snapshot('shared', 1), 'attaching', lock_mode => 'shared', start_paused => true, virtio_scsi => true, disks => (
        SELECT jsonb_agg(d || changes || '{"attach": true}') FROM jsonb_array_elements(vmclone.get_vm_configuration_by_snapshot_id(fixture.snapshot('shared', 1)) -> 'disks') d
        WHERE d ->> 'shareable' = 'true')) c
$$;
SELECT throws_ok(format('SELECT pg_temp.attach(%L)', jsonb_build_object(key, value)), '22023', NULL, key || ' of an attached disk cannot be changed')
FROM jsonb_each('{"disk_alias": "mine", "volume_format": "COW", "volume_type": "Sparse", "wipe_after_delete": true, "quota_id": "00000000-0000-0000-0000-00000000000a"}');
SELECT pg_temp.attach('{"is_readonly": true}') AS clone \gset
SELECT ok(d.is_readonly, '... but how the virtual machine uses it') FROM vm_device d JOIN base_disks b ON b.disk_id = d.device_id WHERE d.vm_id = :'clone' AND b.shareable;
SELECT is(count(*), 1::bigint, 'virtio_scsi adds a controller where there is none') FROM vm_device WHERE vm_id = :'clone' AND device = 'virtio-scsi';

-- clusters and what belongs to them
SELECT throws_ok(format($$SELECT pg_temp.clone('bad', %L, cluster => 'cl1')$$, jsonb_build_object('cluster_id', fixture.id('cl2'))), '22023', NULL, 'two different clusters are refused');
SELECT throws_ok(format($$SELECT pg_temp.clone('bad', %L, cluster => 'cl2')$$, jsonb_build_object('cpu_profile_id', fixture.id('cpu profile cl_dc2'))), 'VC004', NULL,
    'a CPU profile of a third cluster is refused');
SELECT lives_ok(format($$SELECT pg_temp.clone('elsewhere', %L, cluster => 'cl2')$$,
    jsonb_build_object('cluster_id', fixture.id('cl1'), 'cpu_profile_id', fixture.id('cpu profile cl1'))), 'the source''s, handed back, are not');

SELECT fixture.make_vm('diskless', disks => 0, layers => 2, nics => 0) AS made \gset
SELECT lives_ok(format($$SELECT add_vm_from_snapshot(%L, 'abroad', cluster_id => %L)$$, fixture.snapshot('diskless', 1), fixture.id('cl_dc2')), 'a clone in another data center');
SELECT is(quota_id, fixture.id('quota default dc2'), '... has that one''s default quota') FROM vm_static WHERE vm_name = 'abroad';
SELECT is(array_agg(message_key), NULL, '... also where the form is handed back') FROM can_add_vm_from_snapshot(fixture.snapshot('diskless', 1), 'abroad2', cluster_id => fixture.id('cl_dc2'),
    vm_static => get_vm_configuration_by_snapshot_id(fixture.snapshot('diskless', 1)) -> 'vm_static');
SELECT is(array_agg(message_key), '{ACTION_TYPE_FAILED_QUOTA_IS_NOT_VALID}', '... but no other quota of a third one') FROM can_add_vm_from_snapshot(fixture.snapshot('diskless', 1), 'abroad2',
    cluster_id => fixture.id('cl_dc2'), vm_static => jsonb_build_object('quota_id', fixture.id('q_specific')));

-- again: one copy, with what was its own
SELECT pg_temp.clone('group{n}', copies => 3, disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('src', 1), 'disk_alias', 'data-{n}')),
    static => '{"description": "all"}', overrides => '[{}, {"vm_name": "second", "vm_static": {"mem_size_mb": 4096}, "interfaces": [{"name": "nic1", "linked": false}]}]');
SELECT results_eq($$SELECT copy_number, new_vm_name FROM clone_again((SELECT vm_guid FROM vm_static WHERE vm_name = 'second'), 'third')$$, $$VALUES (1, 'third'::text)$$,
    'a copy with a name of its own is cloned again');
SELECT results_eq($$SELECT v.mem_size_mb, v.description::text, n.linked FROM vm_static v, pg_temp.nics('third') n WHERE v.vm_name = 'third' ORDER BY n.nic$$,
    $$VALUES (4096, 'all', false), (4096, 'all', true)$$, '... with its values and its interfaces');
SELECT set_eq($$SELECT new_vm_name, linked FROM clone_again((SELECT vm_guid FROM vm_static WHERE vm_name = 'second'), 'more{n}', '{"copies": 2}') c, pg_temp.nics(c.new_vm_name)
    WHERE nic = 'nic1'$$, $$VALUES ('more1'::text, false), ('more2', false)$$, '... in several copies too');
SELECT lives_ok($$SELECT clone_again((SELECT vm_guid FROM vm_static WHERE vm_name = 'second'), 'plain', '{"interfaces": []}')$$, 'interfaces that are given');
SELECT ok(bool_and(linked), '... replace its own') FROM pg_temp.nics('plain');
SELECT pg_temp.clone(NULL, '{"vm_name": "by_column"}');
SELECT lives_ok($$SELECT clone_again((SELECT vm_guid FROM vm_static WHERE vm_name = 'by_column'), 'renamed')$$, 'a name in vm_static does not stand in the way of another one');

SELECT throws_ok($$SELECT clone_again((SELECT vm_guid FROM vm_static WHERE vm_name = 'renamed'), 'a', '{"vm_name": "b"}')$$, '22023', NULL, 'two names are refused');

-- the suggested name is one that a call takes
UPDATE vm_static SET vm_name = U&'a\2514\202e\00e4\6f22 b' WHERE vm_guid = fixture.vm('src');
SELECT is(suggest_vm_name(fixture.snapshot('src', 2)), U&'copy_of_a__\00e4\6f22_b', 'what no name may have becomes _ in a suggested one');
SELECT pg_temp.clone(NULL);
SELECT is(count(*), 1::bigint, '... which makes a clone') FROM vm_static WHERE vm_name = U&'copy_of_a__\00e4\6f22_b';

-- a copy that failed among others that did not
UPDATE vmclone.jobs SET status = 'failed', ended_at = now() WHERE vm_name = 'second';
UPDATE vm_static SET vm_name = 'gone' WHERE vm_name = 'second';
DELETE FROM vmclone.vm_names WHERE vm_name = 'second';
SELECT results_eq($$SELECT copy_number, vm_name FROM retry_job((SELECT job_id FROM jobs WHERE vm_name = 'second'))$$, $$VALUES (1, 'second'::text)$$,
    'retry_job makes the copy that failed, under its name, and no other one');
SELECT is(row(v.mem_size_mb, (SELECT linked FROM pg_temp.nics('second') WHERE nic = 'nic1')), row(4096, false), '... with its values')
FROM vm_static v WHERE v.vm_name = 'second';
SELECT ok('data-2' = ANY (array_agg(b.disk_alias)), '... and aliases by its number')
FROM vm_static v JOIN disk_vm_element e ON e.vm_id = v.vm_guid JOIN base_disks b USING (disk_id) WHERE v.vm_name = 'second';

SELECT * FROM finish();
ROLLBACK;
