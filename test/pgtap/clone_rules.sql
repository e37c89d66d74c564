-- What is cloned and how: a case for each rule.  Everything in one transaction, so that no worker sees the jobs.
\set ON_ERROR_STOP on
SET client_min_messages = error;
BEGIN;
SELECT no_plan();
SET LOCAL search_path = vmclone, public;
SELECT fixture.attach_domains();

-- Clones in shared mode; returns the first copy.
CREATE FUNCTION pg_temp.clone(source text, layer integer, name text, user_name text DEFAULT NULL, static jsonb DEFAULT '{}', disks jsonb DEFAULT '[]',
    nics jsonb DEFAULT '[]', cluster text DEFAULT NULL, copies integer DEFAULT 1, overrides jsonb DEFAULT NULL, missing text DEFAULT NULL,
    given boolean DEFAULT false)
RETURNS uuid LANGUAGE sql AS $$
    SELECT c.vm_id FROM vmclone.add_vm_from_snapshot(fixture.snapshot(source, layer), name, vm_static => static, use_given_vm_static => given,
        cluster_id => fixture.id(cluster), disks => disks, interfaces => nics, copies => copies, lock_mode => 'shared',
        user_id => fixture.id(user_name), missing_disk => missing, start_paused => true, copy_overrides => overrides) c
    ORDER BY c.copy_number LIMIT 1
$$;
CREATE FUNCTION pg_temp.sorted(anyarray) RETURNS anyarray LANGUAGE sql AS $$ SELECT array_agg(e ORDER BY e) FROM unnest($1) e $$;
CREATE FUNCTION pg_temp.fate(clone uuid, wanted_type text, wanted_device text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg((d ->> 'fate') || coalesce(': ' || (d ->> 'reason'), ''), '; ')
    FROM vmclone.lineage l, jsonb_array_elements(l.devices) d
    WHERE l.vm_id = clone AND d ->> 'type' = wanted_type AND d ->> 'device' = wanted_device
$$;
-- All that a VM is made of, as text.
CREATE FUNCTION pg_temp.rows_of(vm uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(r, E'\n' ORDER BY r) FROM (
        SELECT to_jsonb(t)::text AS r FROM vmclone.vm_static t WHERE vm_guid = vm
        UNION ALL SELECT to_jsonb(t)::text FROM vmclone.vm_dynamic t WHERE vm_guid = vm
        UNION ALL SELECT to_jsonb(t)::text FROM vmclone.vm_statistics t WHERE vm_guid = vm
        UNION ALL SELECT to_jsonb(t)::text FROM vmclone.vm_device t WHERE vm_id = vm
        UNION ALL SELECT to_jsonb(t)::text FROM vmclone.vm_interface t WHERE vm_guid = vm
        UNION ALL SELECT (to_jsonb(t) - 'status')::text FROM vmclone.snapshots t WHERE vm_id = vm
        UNION ALL SELECT to_jsonb(t)::text FROM vmclone.disk_vm_element t WHERE vm_id = vm
        UNION ALL SELECT to_jsonb(b)::text FROM vmclone.disk_vm_element t JOIN vmclone.base_disks b USING (disk_id) WHERE vm_id = vm
        UNION ALL SELECT (to_jsonb(i) - 'imagestatus')::text FROM vmclone.disk_vm_element t JOIN vmclone.images i ON i.image_group_id = t.disk_id WHERE vm_id = vm
    ) s
$$;

SELECT fixture.make_vm('src', disks => 2, layers => 4, nics => 3, options => '{"unplugged": [2], "numa": true, "vm_init": {"host_name": "h1"}, "affinity": true}') AS made \gset
SELECT pg_temp.rows_of(fixture.vm('src')) AS source_before \gset
SELECT pg_temp.clone('src', 2, 'plain', 'alice') AS clone \gset

-- vm_static
SELECT is(vmt_guid, '00000000-0000-0000-0000-000000000000'::uuid, 'the clone stands on no template') FROM vm_static WHERE vm_guid = :'clone';
SELECT is(creation_date, now(), 'creation date is now') FROM vm_static WHERE vm_guid = :'clone';
SELECT is(created_by_user_id, fixture.id('alice'), 'the creator is the user') FROM vm_static WHERE vm_guid = :'clone';
SELECT is(db_generation, 1::bigint, 'db_generation starts at 1') FROM vm_static WHERE vm_guid = :'clone';
SELECT is(row(c.original_template_id, c.original_template_name), row(s.original_template_id, s.original_template_name), 'original template is kept')
FROM vm_static c, vm_static s WHERE c.vm_guid = :'clone' AND s.vm_guid = fixture.vm('src');
SELECT is(row(c.small_icon_id, c.large_icon_id, c.mem_size_mb, c.os, c.time_zone, c.cpu_profile_id, c.quota_id, c.bios_type),
    row(s.small_icon_id, s.large_icon_id, s.mem_size_mb, s.os, s.time_zone, s.cpu_profile_id, s.quota_id, s.bios_type), 'icons, memory, OS, profile, quota are the source''s')
FROM vm_static c, vm_static s WHERE c.vm_guid = :'clone' AND s.vm_guid = fixture.vm('src');
SELECT is(row(status, run_on_vds, vm_ip, vm_host, acpi_enable, session, boot_sequence), row(15, NULL::uuid, ''::text, ''::varchar, true, 0, 0), 'vm_dynamic is ImageLocked and empty, as the engine writes it') FROM vm_dynamic WHERE vm_guid = :'clone';
SELECT is(row(cpu_user, usage_mem_percent), row(0::numeric(18,3), 0), 'vm_statistics are zero') FROM vm_statistics WHERE vm_guid = :'clone';
SELECT is(storage_pool_id, fixture.id('dc1'), 'there is an OVF generation row') FROM vm_ovf_generations WHERE vm_guid = :'clone';
SELECT is(host_name, 'h1', 'vm_init is the snapshot''s') FROM vm_init WHERE vm_id = :'clone';
SELECT results_eq(format('SELECT numa_node_index, mem_total, numa_tune_mode FROM numa_node WHERE vm_id = %L ORDER BY 1', :'clone'),
    format('SELECT numa_node_index, mem_total, numa_tune_mode FROM numa_node WHERE vm_id = %L ORDER BY 1', fixture.vm('src')), 'NUMA nodes are there');
SELECT is(count(*), 0::bigint, '... under new ids') FROM numa_node c JOIN numa_node s USING (numa_node_id) WHERE c.vm_id = :'clone' AND s.vm_id = fixture.vm('src');
SELECT fixture.make_vm('old', disks => 1, layers => 2, nics => 0, options => '{"numa": true, "ovf": false}') AS made \gset
SELECT pg_temp.clone('old', 1, 'of_rows') AS of_rows \gset
SELECT is(array_agg(row(n.numa_node_index, n.cpu_count, c.cpu_core_id)::text), ARRAY['(0,1,0)', '(1,1,1)'], '... with their CPUs, here of a VM without OVF')
FROM numa_node n JOIN numa_node_cpu_map c USING (numa_node_id) WHERE n.vm_id = :'of_rows';
SELECT is(count(*), 0::bigint, 'affinity groups and labels are not copied')
FROM (SELECT vm_id FROM affinity_group_members UNION ALL SELECT vm_id FROM labels_map) m WHERE vm_id = :'clone';

-- snapshots
SELECT is(array_agg(row(snapshot_type, status, description, vm_configuration)::text), ARRAY['(ACTIVE,OK,"Active VM",)'], 'just one snapshot: the active one')
FROM snapshots WHERE vm_id = :'clone';

-- permissions
SELECT is(pg_temp.sorted(array_agg(format('%s on %s', r.name, p.object_type_id))), ARRAY['DiskOperator on 19', 'DiskOperator on 19', 'UserVmManager on 2'],
    'the creator operates VM and disks')
FROM permissions p JOIN roles r ON r.id = p.role_id
WHERE p.ad_element_id = fixture.id('alice') AND (p.object_id = :'clone' OR p.object_id IN (SELECT disk_id FROM disk_vm_element WHERE vm_id = :'clone'));
SELECT pg_temp.clone('src', 2, 'admins', 'admin') AS made \gset
SELECT is(count(*), 0::bigint, 'the super user needs no role on the VM') FROM permissions
WHERE object_id = :'made';
SELECT pg_temp.clone('src', 2, 'internal') AS made \gset
SELECT is(count(*), 0::bigint, 'an internal call gives nobody a role') FROM permissions
WHERE object_id = :'made';

-- disks
SELECT is(count(*), 2::bigint, 'both disks are there') FROM disk_vm_element WHERE vm_id = :'clone';
SELECT is(pg_temp.sorted(array_agg(b.disk_alias::text)), ARRAY['src_Disk1_plain', 'src_Disk2_plain'], 'alias: the old one and the new VM''s name')
FROM disk_vm_element e JOIN base_disks b USING (disk_id) WHERE e.vm_id = :'clone';
SELECT is(count(*) FILTER (WHERE i.parentid = '00000000-0000-0000-0000-000000000000' AND i.it_guid = i.parentid AND i.active AND i.imagestatus = 2
        AND i.volume_classification = 0 AND s.snapshot_type = 'ACTIVE' AND s.vm_id = :'clone'), 2::bigint, 'one collapsed, locked, active image each')
FROM disk_vm_element e JOIN images i ON i.image_group_id = e.disk_id JOIN snapshots s ON s.snapshot_id = i.vm_snapshot_id WHERE e.vm_id = :'clone';
SELECT is(pg_temp.sorted(array_agg(i.volume_format)), ARRAY[5, 5], 'the format is the root ancestor''s: RAW below COW gives RAW')
FROM disk_vm_element e JOIN images i ON i.image_group_id = e.disk_id WHERE e.vm_id = :'clone';
SELECT is(pg_temp.sorted(array_agg(i.size)), ARRAY[10737418240, 21474836480], 'sizes are those of the images')
FROM disk_vm_element e JOIN images i ON i.image_group_id = e.disk_id WHERE e.vm_id = :'clone';
SELECT is(array_agg(row(e.is_boot, e.disk_interface, v.is_plugged, v.address <> '')::text ORDER BY e.is_boot DESC), ARRAY['(t,VirtIO_SCSI,t,t)', '(f,VirtIO,f,f)'],
    'boot, interface and plugged state are kept: an unplugged disk is cloned and stays unplugged')
FROM disk_vm_element e JOIN vm_device v ON v.device_id = e.disk_id AND v.vm_id = e.vm_id WHERE e.vm_id = :'clone';
SELECT is(array_agg(row(m.storage_domain_id, m.quota_id)::text), array_fill(row(fixture.id('nfs1'), fixture.id('quota default'))::text, ARRAY[2]), 'own domain, the data center''s default quota')
FROM disk_vm_element e JOIN images i ON i.image_group_id = e.disk_id JOIN image_storage_domain_map m ON m.image_id = i.image_guid WHERE e.vm_id = :'clone';
SELECT is(count(*), 2::bigint, 'nothing is written yet') FROM disk_vm_element e JOIN images i ON i.image_group_id = e.disk_id
JOIN disk_image_dynamic d ON d.image_id = i.image_guid AND d.actual_size = 0 WHERE e.vm_id = :'clone';

-- what the caller says of a disk
SELECT pg_temp.clone('src', 3, 'chosen', disks => jsonb_build_array(
    jsonb_build_object('disk_id', fixture.disk('src', 1), 'storage_domain_id', fixture.id('nfs2'), 'volume_format', 'COW', 'disk_alias', 'mine'),
    jsonb_build_object('disk_id', fixture.disk('src', 2), 'include', false))) AS chosen \gset
SELECT is(array_agg(row(b.disk_alias, i.volume_format, i.qcow_compat, m.storage_domain_id)::text), ARRAY[row('mine', 4, 2, fixture.id('nfs2'))::text],
    'domain, format and alias as chosen; a disk that is left out is not there')
FROM disk_vm_element e JOIN base_disks b USING (disk_id) JOIN images i ON i.image_group_id = e.disk_id JOIN image_storage_domain_map m ON m.image_id = i.image_guid
WHERE e.vm_id = :'chosen';

-- the alias: the old one and the new name, where the old one is cut if both are too long; a number where there is none; {n} is the copy's number
SELECT fixture.make_vm('named', disks => 4);
UPDATE base_disks SET disk_alias = CASE disk_id WHEN fixture.disk('named', 1) THEN repeat('ü', 255) WHEN fixture.disk('named', 2) THEN '' WHEN fixture.disk('named', 3) THEN NULL ELSE 'x' END
WHERE disk_id IN (SELECT fixture.disk('named', n) FROM generate_series(1, 4) n);
SELECT fixture.write_ovf('named');
CREATE TEMP TABLE named AS SELECT * FROM add_vm_from_snapshot(fixture.snapshot('named', 2), 'aliases{n}', copies => 2, start_paused => true,
    disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('named', 4), 'disk_alias', 'data {n} of {n}')));
SELECT set_eq($$ SELECT n.copy_number, b.disk_alias FROM named n JOIN disk_vm_element e USING (vm_id) JOIN base_disks b USING (disk_id) $$,
    $$ SELECT n, a::varchar(255) FROM generate_series(1, 2) n, LATERAL (VALUES (repeat('ü', 246) || '_aliases' || n), (format('aliases%s_Disk1', n)), (format('aliases%s_Disk4', n)),
        (format('data %s of %s', n, n))) v (a) $$, 'aliases: long, empty, none, and of every copy');
SELECT is(count(*), 1::bigint, '... nor is its device') FROM vm_device WHERE vm_id = :'chosen' AND type = 'disk' AND device = 'disk';
SELECT is(pg_temp.fate(:'chosen', 'disk', 'disk'), 'copied; left out: the caller leaves the disk out', '... and the record says why');

-- shareable and direct LUN disks
SELECT fixture.make_vm('shares', disks => 1, layers => 3, nics => 0, options => '{"shareable": true, "lun": true}') AS made \gset
SELECT pg_temp.clone('shares', 2, 'unshared') AS unshared \gset
SELECT is(count(*), 1::bigint, 'shareable and LUN disks are not cloned') FROM disk_vm_element WHERE vm_id = :'unshared';
SELECT pg_temp.clone('shares', 2, 'attached', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.id('shareable of shares'), 'attach', true),
    jsonb_build_object('disk_id', fixture.id('lun of shares'), 'attach', true))) AS attached \gset
SELECT is(count(*), 2::bigint, 'the same disks are attached when asked for') FROM disk_vm_element e JOIN vm_device d ON d.device_id = e.disk_id AND d.vm_id = e.vm_id
WHERE e.vm_id = :'attached' AND e.disk_id IN (fixture.id('shareable of shares'), fixture.id('lun of shares'));
SELECT is(count(*), 3::bigint, '... each with its device, beside the copied one') FROM vm_device WHERE vm_id = :'attached' AND device = 'disk';
-- Documents of real engines list neither: they belong to the VM as it is now.
UPDATE vm_device SET address = '{type=pci, slot=0x0b}', is_readonly = true, alias = 'ua-shared' WHERE device_id = fixture.id('shareable of shares');
UPDATE disk_vm_element SET disk_interface = 'VirtIO_SCSI', is_using_scsi_reservation = true WHERE disk_id = fixture.id('lun of shares');
UPDATE snapshots SET vm_configuration = regexp_replace(vm_configuration, format('<(Disk|File) [^>]*(%1$s|%2$s|%3$s)[^>]*/>|<Item>((?!</Item>).)*(%1$s|%2$s|%3$s)((?!</Item>).)*</Item>',
    fixture.id('shareable of shares'), fixture.id('lun of shares'), fixture.id('shareable image of shares')), '', 'g') WHERE snapshot_id = fixture.snapshot('shares', 2);
SELECT is((SELECT vm_configuration ~ format('%s|%s', fixture.id('shareable of shares'), fixture.id('lun of shares')) FROM snapshots WHERE snapshot_id = fixture.snapshot('shares', 2)),
    false, 'a document without the shareable and the LUN disk');
SELECT results_eq($$ SELECT d ->> 'disk_alias', d ->> 'image_status', d ->> 'lun_id' IS NOT NULL FROM get_vm_configuration_by_snapshot_id(fixture.snapshot('shares', 2)) c,
    jsonb_array_elements(c -> 'disks') d ORDER BY 1 $$,
    $$ VALUES ('shares_Disk1', 'LOCKED', false), ('shares_lun', 'OK', true), ('shares_shareable', 'OK', false) $$, '... its configuration has them as the VM has them now');
SELECT results_eq($$ SELECT disk_alias, note FROM plan_add_vm_from_snapshot(fixture.snapshot('shares', 2)) WHERE disk_alias <> 'shares_Disk1' ORDER BY 1 $$,
    $$ SELECT a, 'shareable and LUN disks are not copied; "attach": true attaches them' FROM unnest('{shares_lun,shares_shareable}'::text[]) a $$, '... the plan says what can be done');
SELECT pg_temp.clone('shares', 2, 'left') AS left \gset
SELECT is(count(*), 1::bigint, '... they are left') FROM disk_vm_element WHERE vm_id = :'left';
SELECT pg_temp.clone('shares', 2, 'unlisted', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.id('shareable of shares'), 'attach', true),
    jsonb_build_object('disk_id', fixture.id('lun of shares'), 'attach', true)), copies => 1) AS unlisted \gset
SELECT results_eq(format($$ SELECT b.disk_alias::text, e.disk_interface::text, e.is_using_scsi_reservation, d.address::text, d.is_readonly FROM disk_vm_element e JOIN base_disks b USING (disk_id)
    JOIN vm_device d ON d.device_id = e.disk_id AND d.vm_id = e.vm_id WHERE e.vm_id = %L AND b.disk_alias IN ('shares_lun', 'shares_shareable') ORDER BY 1 $$, :'unlisted'),
    $$ VALUES ('shares_lun', 'VirtIO_SCSI', true, '', false), ('shares_shareable', 'VirtIO', false, '{type=pci, slot=0x0b}', true) $$, '... or attached as the VM has them');
SELECT is((SELECT count(*) FROM images WHERE image_group_id = fixture.id('shareable of shares')), 1::bigint, '... and not copied');
UPDATE snapshots SET vm_configuration = NULL WHERE snapshot_id = fixture.snapshot('shares', 1);
SELECT pg_temp.clone('shares', 1, 'undocumented', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.id('lun of shares'), 'attach', true))) AS undocumented \gset
SELECT is(count(*), 2::bigint, '... without a document, too') FROM disk_vm_element WHERE vm_id = :'undocumented';
-- incremental backup on a RAW base: the copy is COW
SELECT fixture.make_vm('backed', disks => 1, layers => 2, nics => 0, devices => 'none', format => 'RAW') AS made \gset
UPDATE base_disks SET backup = 'Incremental' WHERE disk_id = fixture.disk('backed', 1);
SELECT fixture.write_ovf('backed');
SELECT row_eq($$ SELECT volume_format, note ~ 'incremental' FROM plan_add_vm_from_snapshot(fixture.snapshot('backed', 1)) $$, ROW('COW'::text, true), 'incremental backup on a RAW base: the plan chooses COW and says why');
SELECT pg_temp.clone('backed', 1, 'backed_up') AS made \gset
SELECT row_eq(format($$ SELECT i.volume_format, b.backup::text FROM disk_vm_element e JOIN images i ON i.image_group_id = e.disk_id JOIN base_disks b USING (disk_id) WHERE e.vm_id = %L $$, :'made'),
    ROW(4, 'Incremental'::text), '... so is the clone, which can be backed up so');

-- devices
SELECT is(pg_temp.sorted(array_agg(row(c.type, c.device, c.address, c.alias, c.is_managed, c.is_plugged, c.is_readonly)::text)),
    (SELECT pg_temp.sorted(array_agg(row(s.type, s.device, s.address, s.alias, s.is_managed, s.is_plugged, s.is_readonly)::text))
     FROM vm_device s WHERE s.vm_id = fixture.vm('src') AND s.type <> 'video'), 'addresses, aliases, managed, plugged and read-only state are kept')
FROM vm_device c WHERE c.vm_id = :'clone' AND c.type <> 'video';
SELECT is(count(*), 0::bigint, 'no device id is shared with the source') FROM vm_device c JOIN vm_device s USING (device_id)
WHERE c.vm_id = :'clone' AND s.vm_id = fixture.vm('src');
SELECT is(spec_params::jsonb, '{"ioThreadId": "1"}', 'virtio-scsi keeps its I/O thread') FROM vm_device WHERE vm_id = :'clone' AND device = 'virtio-scsi';
SELECT is(spec_params::jsonb, '{"index": "0", "model": "piix3-uhci"}', 'USB controllers keep their parameters') FROM vm_device WHERE vm_id = :'clone' AND device = 'usb';
SELECT is(spec_params::jsonb, '{}', 'unmanaged controllers come without') FROM vm_device WHERE vm_id = :'clone' AND device = 'ide';
SELECT is(spec_params::jsonb, '{"model": "i6300esb", "action": "reset"}', 'the watchdog keeps its parameters') FROM vm_device WHERE vm_id = :'clone' AND type = 'watchdog';
SELECT is(spec_params::jsonb, '{"model": "virtio"}', 'the balloon is virtio') FROM vm_device WHERE vm_id = :'clone' AND type = 'balloon';
SELECT is(spec_params::jsonb ->> 'source', 'urandom', 'the random number generator keeps its source') FROM vm_device WHERE vm_id = :'clone' AND type = 'rng';
SELECT is(count(*), 1::bigint, 'one video device for one monitor') FROM vm_device WHERE vm_id = :'clone' AND type = 'video';
SELECT pg_temp.clone('src', 2, 'monitors', static => '{"num_of_monitors": 4}') AS made \gset
SELECT is(count(*), 4::bigint, 'four for four') FROM vm_device
WHERE vm_id = :'made' AND type = 'video' AND device = 'qxl';
SELECT pg_temp.clone('src', 2, 'vga', static => '{"default_display_type": 2}') AS made \gset
SELECT is(count(*), 1::bigint, 'the display type names the device') FROM vm_device
WHERE vm_id = :'made' AND type = 'video' AND device = 'vga';
SELECT pg_temp.clone('src', 2, 'headless', static => '{"default_display_type": 4}') AS made \gset
SELECT is(count(*), 0::bigint, 'none for a headless VM') FROM vm_device
WHERE vm_id = :'made' AND type = 'video';
SELECT pg_temp.clone('src', 2, 'iso', static => '{"iso_path": "tools.iso"}') AS made \gset
SELECT is(spec_params::jsonb ->> 'path', 'tools.iso', 'the CD has the VM''s ISO') FROM vm_device
WHERE vm_id = :'made' AND device = 'cdrom';
SELECT pg_temp.clone('src', 2, 'smart', static => '{"is_smartcard_enabled": true}') AS made \gset
SELECT is(count(*), 1::bigint, 'a smartcard is there when it is enabled') FROM vm_device
WHERE vm_id = :'made' AND type = 'smartcard';
SELECT fixture.make_vm('bare', disks => 1, layers => 2, nics => 1, devices => 'none') AS made \gset
SELECT pg_temp.clone('bare', 1, 'dressed') AS dressed \gset
SELECT is(pg_temp.sorted(array_agg(row(type, device)::text)), ARRAY['(balloon,memballoon)', '(controller,virtio-scsi)', '(controller,virtio-serial)', '(disk,cdrom)', '(disk,disk)',
        '(graphics,spice)', '(interface,bridge)', '(video,qxl)'],
    'what a VM needs and the snapshot lacks is added') FROM vm_device WHERE vm_id = :'dressed';
SELECT is(pg_temp.fate(:'dressed', 'balloon', 'memballoon'), 'added: every virtual machine has a balloon', '... and the record says so');

-- the state at snapshot time counts, not that of now
INSERT INTO vm_device (device_id, vm_id, type, device, address, is_managed) VALUES (fixture.id('late'), fixture.vm('src'), 'sound', 'late', '', true);
SELECT pg_temp.clone('src', 2, 'early') AS made \gset
SELECT is(count(*), 0::bigint, 'a device added after the snapshot is not cloned') FROM vm_device WHERE vm_id = :'made' AND device = 'late';
DELETE FROM vm_device WHERE device_id = fixture.id('late');

-- another chipset: no addresses, no unmanaged devices, IDE and SATA change places
UPDATE disk_vm_element SET disk_interface = 'SATA' WHERE disk_id = fixture.disk('bare', 1);
SELECT fixture.write_ovf('bare');
SELECT pg_temp.clone('src', 2, 'i440fx', static => '{"bios_type": 1}') AS i440fx \gset
SELECT is(row(count(*) FILTER (WHERE address <> ''), count(*) FILTER (WHERE NOT is_managed)), row(0::bigint, 0::bigint), 'another chipset: no old address, nothing unmanaged')
FROM vm_device WHERE vm_id = :'i440fx';
SELECT is(pg_temp.fate(:'i440fx', 'controller', 'ide'), 'left out: unmanaged, and the chipset changes', '... for a named reason');
SELECT pg_temp.clone('bare', 1, 'ide', static => '{"bios_type": 1}') AS made \gset
SELECT is(disk_interface, 'IDE', 'SATA becomes IDE') FROM disk_vm_element WHERE vm_id = :'made';

-- USB: the source is a Q35 machine that redirects nothing
CREATE FUNCTION pg_temp.usb(vm uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('; ', string_agg(spec_params::jsonb ->> 'model' || coalesce(' ' || (spec_params::jsonb ->> 'index'), ''), ', ' ORDER BY spec_params::jsonb ->> 'index', spec_params::jsonb ->> 'model')
            FILTER (WHERE type = 'controller'), count(*) FILTER (WHERE type = 'redir') || ' slots', nullif(count(*) FILTER (WHERE type = 'redirdev'), 0) || ' channels')
    FROM vm_device WHERE vm_id = vm AND (type, device) IN (('controller', 'usb'), ('redir', 'spicevmc'), ('redirdev', 'spicevmc')) $$;
CREATE FUNCTION pg_temp.usb_slots(number integer) RETURNS void LANGUAGE sql AS $$
    DELETE FROM vdc_options WHERE option_name = 'NumberOfUSBSlots';
    INSERT INTO vdc_options (option_name, option_value, default_value, version) SELECT 'NumberOfUSBSlots', number::text, '', 'general' WHERE number IS NOT NULL $$;
SELECT is(pg_temp.usb(:'i440fx'), 'piix3-uhci 0; 0 slots', 'another chipset has another USB controller');
SELECT is(pg_temp.fate(:'i440fx', 'controller', 'usb'), 'left out: the chipset changes; added: the chipset changes', '... and the record says so');
SELECT is(pg_temp.usb(pg_temp.clone('src', 2, 'usb1', static => '{"usb_policy": 2}')), 'qemu-xhci; 4 slots', 'USB redirection on Q35');
SELECT is(pg_temp.usb(pg_temp.clone('src', 2, 'usb2', static => '{"usb_policy": 2, "bios_type": 1}')),
    'ich9-ehci1 0, ich9-uhci1 0, ich9-uhci2 0, ich9-uhci3 0; 4 slots', '... and on i440FX');
SELECT pg_temp.usb_slots(7);
SELECT is(pg_temp.usb(pg_temp.clone('src', 2, 'usb3', static => '{"usb_policy": 2, "bios_type": 1}')),
    'ich9-ehci1 0, ich9-uhci1 0, ich9-uhci2 0, ich9-uhci3 0, ich9-ehci1 1, ich9-uhci1 1, ich9-uhci2 1, ich9-uhci3 1; 7 slots', 'a controller for every six slots');
SELECT pg_temp.usb_slots(0);
SELECT is(pg_temp.usb(pg_temp.clone('src', 2, 'usb4', static => '{"usb_policy": 2}')), '0 slots', 'no slots, no controllers');
SELECT pg_temp.usb_slots(NULL);
SELECT is(pg_temp.usb(pg_temp.clone('src', 2, 'usb5', static => '{"vm_type": 2}')), 'none 0; 0 slots', 'a high performance VM has no USB');
-- a VM that redirects
SELECT fixture.make_vm('usb', disks => 1, layers => 2, nics => 0, options => '{"vm_static": {"usb_policy": 2}}') AS made \gset
DELETE FROM vm_device WHERE vm_id = fixture.vm('usb') AND device = 'usb';
INSERT INTO vm_device (device_id, vm_id, type, device, address, spec_params, is_managed, is_plugged)
SELECT fixture.id('usb ' || n), fixture.vm('usb'), (ARRAY['controller', 'redir', 'redir', 'redir', 'redir', 'redirdev'])[n], CASE n WHEN 1 THEN 'usb' ELSE 'spicevmc' END, '',
    CASE n WHEN 1 THEN '{"model": "kept"}' ELSE '{}' END, n < 6, true FROM generate_series(1, 6) n;
SELECT fixture.write_ovf('usb');
SELECT is(pg_temp.usb(pg_temp.clone('usb', 1, 'usb6')), 'kept; 4 slots; 1 channels', 'what fits is kept');
SELECT pg_temp.usb_slots(2);
SELECT is(pg_temp.usb(pg_temp.clone('usb', 1, 'usb7')), 'kept; 2 slots; 1 channels', 'fewer slots, where the engine has fewer');
SELECT is(pg_temp.fate(fixture_vm, 'redir', 'spicevmc'), 'copied; copied; left out: the number of USB slots is the engine''s; left out: the number of USB slots is the engine''s', '... for a named reason')
FROM (SELECT vm_guid FROM vm_static WHERE vm_name = 'usb7') v (fixture_vm);
SELECT pg_temp.usb_slots(6);
SELECT is(pg_temp.usb(pg_temp.clone('usb', 1, 'usb8')), 'kept; 6 slots; 1 channels', 'more, where it has more');
SELECT pg_temp.usb_slots(NULL);
SELECT is(pg_temp.usb(pg_temp.clone('usb', 1, 'usb9', static => '{"usb_policy": 1}')), 'qemu-xhci 0; 0 slots', 'without redirection a plain controller remains');
SELECT is(pg_temp.usb(pg_temp.clone('usb', 1, 'usb10', static => '{"bios_type": 1}')), 'ich9-ehci1 0, ich9-uhci1 0, ich9-uhci2 0, ich9-uhci3 0; 4 slots', 'another chipset has other ones');

-- host devices
INSERT INTO vm_device (device_id, vm_id, type, device, address, is_managed) VALUES (fixture.id('gpu'), fixture.vm('bare'), 'hostdev', 'pci_0000_01_00_0', '', true);
SELECT fixture.write_ovf('bare');
SELECT pg_temp.clone('bare', 1, 'gpu') AS made \gset
SELECT is(count(*), 1::bigint, 'a host device stays in its cluster') FROM vm_device WHERE vm_id = :'made' AND type = 'hostdev';
SELECT pg_temp.clone('bare', 1, 'gpu2', cluster => 'cl2') AS made \gset
SELECT is(count(*), 0::bigint, '... and is left out in another') FROM vm_device WHERE vm_id = :'made' AND type = 'hostdev';

-- TPM and NVRAM: the snapshot's data
UPDATE vm_static SET bios_type = 3 WHERE vm_guid = fixture.vm('bare');
INSERT INTO vm_device (device_id, vm_id, type, device, address, is_managed) VALUES (fixture.id('tpm'), fixture.vm('bare'), 'tpm', 'tpm', '', true);
INSERT INTO vm_external_data (device_id, vm_id, tpm_data) VALUES (fixture.id('tpm'), fixture.vm('bare'), 'NOW');
INSERT INTO vm_nvram_data (vm_id, nvram_data) VALUES (fixture.vm('bare'), 'NV NOW');
SELECT fixture.write_ovf('bare');
UPDATE snapshots SET vm_configuration = replace(vm_configuration, '</Content>', '<Section xsi:type="ovf:VmExternalDataSection_Type"><VmExternalDataItem kind="tpm">'
    '<VmExternalDataContent>AT SNAPSHOT</VmExternalDataContent></VmExternalDataItem><VmExternalDataItem kind="nvram"><VmExternalDataContent>NV AT SNAPSHOT'
    '</VmExternalDataContent></VmExternalDataItem></Section></Content>') WHERE snapshot_id = fixture.snapshot('bare', 1);
SELECT pg_temp.clone('bare', 1, 'tpm') AS tpm \gset
SELECT is(count(*), 1::bigint, 'the TPM is made anew') FROM vm_device WHERE vm_id = :'tpm' AND type = 'tpm' AND device_id <> fixture.id('tpm');
SELECT is(e.tpm_data, 'AT SNAPSHOT', 'TPM data are the snapshot''s') FROM vm_external_data e JOIN vm_device d USING (device_id, vm_id) WHERE e.vm_id = :'tpm';
SELECT is(nvram_data, 'NV AT SNAPSHOT', 'NVRAM data are the snapshot''s') FROM vm_nvram_data WHERE vm_id = :'tpm';
SELECT is(tpm_hash, '', 'no hash is known of them') FROM vm_external_data WHERE vm_id = :'tpm';
SELECT is(nvram_hash, '', '... nor of these') FROM vm_nvram_data WHERE vm_id = :'tpm';
UPDATE vm_external_data SET tpm_data = 'AT SNAPSHOT', tpm_hash = 'hash of it' WHERE vm_id = fixture.vm('bare');
UPDATE vm_nvram_data SET nvram_data = 'NV AT SNAPSHOT', nvram_hash = 'hash of NV' WHERE vm_id = fixture.vm('bare');
SELECT pg_temp.clone('bare', 1, 'tpm{n}', copies => 2) AS tpm \gset
SELECT is((SELECT array_agg(tpm_hash) FROM vm_external_data e JOIN vm_static v ON v.vm_guid = e.vm_id WHERE v.vm_name IN ('tpm1', 'tpm2')), '{hash of it,hash of it}'::text[],
    'data that the source still has bring its hash');
SELECT is((SELECT array_agg(nvram_hash) FROM vm_nvram_data e JOIN vm_static v ON v.vm_guid = e.vm_id WHERE v.vm_name IN ('tpm1', 'tpm2')), '{hash of NV,hash of NV}'::text[], '... NVRAM as well');

-- NICs
SELECT is((SELECT array_agg(name::text ORDER BY mac_addr) FROM vm_interface WHERE vm_guid = :'clone'),
    (SELECT array_agg(name::text ORDER BY mac_addr) FROM vm_interface WHERE vm_guid = fixture.vm('src')), 'new MACs are in the old order');
SELECT is(count(*), 3::bigint, '... of the cluster''s pool, not the old ones') FROM vm_interface n
WHERE n.vm_guid = :'clone' AND n.mac_addr LIKE '56:6f:00:%' AND n.mac_addr NOT IN (SELECT mac_addr FROM vm_interface WHERE vm_guid <> :'clone');
SELECT is(pg_temp.sorted(array_agg(row(n.name, n.type, n.speed, n.linked, n.vnic_profile_id)::text)),
    (SELECT pg_temp.sorted(array_agg(row(n.name, n.type, 10000, n.linked, n.vnic_profile_id)::text)) FROM vm_interface n WHERE n.vm_guid = fixture.vm('src')),
    'name, type, link and profile are kept, speed is the type''s') FROM vm_interface n WHERE n.vm_guid = :'clone';
SELECT is(count(*), 3::bigint, 'each has its device and its statistics') FROM vm_interface n JOIN vm_device d ON d.device_id = n.id AND d.vm_id = n.vm_guid
JOIN vm_interface_statistics s ON s.id = n.id WHERE n.vm_guid = :'clone';
SELECT pg_temp.clone('src', 2, 'nics', nics => jsonb_build_array(jsonb_build_object('name', 'nic1', 'mac', '02:00:00:00:00:01', 'linked', false),
    jsonb_build_object('name', 'nic2', 'include', false), jsonb_build_object('name', 'nic3', 'plugged', false))) AS nics \gset
SELECT is(array_agg(row(n.name, n.mac_addr = '02:00:00:00:00:01', n.linked, d.is_plugged)::text ORDER BY n.name), ARRAY['(nic1,t,f,t)', '(nic3,f,t,f)'],
    'MAC, link, plugged state as given; a NIC that is left out is not there')
FROM vm_interface n JOIN vm_device d ON d.device_id = n.id AND d.vm_id = n.vm_guid WHERE n.vm_guid = :'nics';
SELECT is((SELECT count(*) FROM vm_device WHERE vm_id = :'nics' AND type = 'interface'), 2::bigint, '... nor is its device');
INSERT INTO mac_pool_ranges VALUES (fixture.id('few_macs'), '56:6f:01:00:00:03', '56:6f:01:00:00:03');
SELECT pg_temp.clone('src', 2, 'elsewhere', cluster => 'cl2') AS elsewhere \gset
SELECT is(array_agg(row(n.name, n.mac_addr LIKE '56:6f:01:%', n.vnic_profile_id = fixture.id('vnic net1'))::text ORDER BY n.name),
    ARRAY['(nic1,t,t)', '(nic2,t,)', '(nic3,t,t)'], 'another cluster: its pool; a network that it lacks is emptied') FROM vm_interface n WHERE n.vm_guid = :'elsewhere';
SELECT is(array_agg(row(severity, message LIKE '%elsewhere%net2%nic2%')::text), ARRAY['(1,t)'], '... with one audit row') FROM audit_log WHERE log_type = 9607 AND vm_id = :'elsewhere';
SELECT is(cpu_profile_id, fixture.id('cpu profile cl2'), '... and its CPU profile') FROM vm_static WHERE vm_guid = :'elsewhere';
SELECT is(count(*), 1::bigint, 'an empty MAC pool is audited') FROM audit_log WHERE log_type = 816;

-- MAC pool
INSERT INTO mac_pools (id, name) VALUES (fixture.id('small'), 'small');
INSERT INTO mac_pool_ranges (mac_pool_id, from_mac, to_mac) VALUES
    (fixture.id('small'), '01:ff:ff:ff:ff:fe', '02:00:00:00:00:05'), (fixture.id('small'), '02:00:00:00:00:04', '02:00:00:00:00:0C');
SELECT is(vmclone_internal.mac_pool_free_addresses(fixture.id('small'), 100, NULL, '{02:00:00:00:00:02}'),
    ARRAY(SELECT x'020000000000'::bigint + n FROM generate_series(0, 12) n WHERE n NOT IN (1, 2)),
    'overlapping ranges count once; multicast, used (here in upper or lower case) and given addresses are passed over');
-- letters before digits: 02:…:0a stands before 02:…:01, and the used one between other neighbours
SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AS has_icu \gset
\if :has_icu
CREATE COLLATION fixture.letters_first (provider = icu, locale = 'en-u-kr-latn-digit');
ALTER TABLE vm_interface ALTER mac_addr TYPE varchar(20) COLLATE fixture.letters_first;
\endif
SELECT is(vmclone_internal.mac_pool_free_addresses(fixture.id('small'), n, x'01ffffffffff'::bigint, '{02:00:00:00:00:02}'),
    (ARRAY(SELECT x'020000000000'::bigint + n FROM generate_series(0, 12) n WHERE n NOT IN (1, 2)))[:n],
    'used addresses are found whatever order an index on them has: ' || n) FROM generate_series(1, 11, 5) n;
\if :has_icu
ALTER TABLE vm_interface ALTER mac_addr TYPE varchar(20) COLLATE "default";
\endif
SELECT is(vmclone_internal.mac_pool_free_addresses(fixture.id('small'), 3, x'02000000000b'::bigint, '{}'), ARRAY[x'02000000000c'::bigint, x'020000000000'::bigint, x'020000000002'::bigint],
    'the scan goes on where it was, and round');
UPDATE mac_pools SET allow_duplicate_mac_addresses = true WHERE id = fixture.id('small');
SELECT is(vmclone_internal.mac_pool_free_addresses(fixture.id('small'), 2, x'020000000000'::bigint, '{}'), ARRAY[x'020000000001'::bigint, x'020000000002'::bigint],
    'a pool that allows duplicates gives used ones too');

-- partial snapshots
SELECT fixture.make_vm('partial', disks => 2, layers => 3, nics => 0) AS made \gset
SELECT fixture.lose_image('partial', 2, 2);
SELECT pg_temp.clone('partial', 2, 'skipped', missing => 'skip') AS skipped \gset
SELECT is(row(count(*) FILTER (WHERE device = 'disk'), pg_temp.fate(:'skipped', 'disk', 'disk')), row(1::bigint, 'copied; left out: the disk''s image is missing'::text),
    'a missing disk leaves no device behind') FROM vm_device WHERE vm_id = :'skipped';
SELECT pg_temp.clone('partial', 2, 'blank', missing => 'blank') AS blank \gset
SELECT is(count(*), 2::bigint, 'blank: an empty disk in its place') FROM disk_vm_element e JOIN images i ON i.image_group_id = e.disk_id WHERE e.vm_id = :'blank';

-- layers of vm_static: current row < OVF < caller's values < what must be new
UPDATE vm_static SET description = 'after the snapshot', mem_size_mb = 4096 WHERE vm_guid = fixture.vm('src');
SELECT pg_temp.clone('src', 2, 'layers', static => '{"num_of_sockets": 4, "db_generation": 77, "vm_guid": "00000000-0000-0000-0000-0000000000aa"}') AS layers \gset
SELECT is(row(description, mem_size_mb, num_of_sockets, db_generation), row('VM src'::varchar(4000), 2048, 4, 1::bigint), 'the OVF lies over the row, the caller over both, what is new over all')
FROM vm_static WHERE vm_guid = :'layers';
SELECT pg_temp.clone('src', 2, 'whole', given => true, static => jsonb_build_object('mem_size_mb', 512, 'max_memory_size_mb', 512, 'num_of_monitors', 1, 'bios_type', 2)) AS whole \gset
SELECT is(row(mem_size_mb, coalesce(description, ''), time_zone, os, console_disconnect_action), row(512, ''::varchar, NULL::varchar(40), 0, NULL::varchar(64)), 'the whole VmStatic given: nothing of the snapshot''s')
FROM vm_static WHERE vm_guid = :'whole';
SELECT is(count(*), 0::bigint, '... NUMA nodes that do not fit are left out') FROM numa_node WHERE vm_id = :'whole';
SELECT pg_temp.clone('src', 2, 'whole2', copies => 2, given => true, static => jsonb_build_object('mem_size_mb', 2048, 'max_memory_size_mb', 2048, 'num_of_sockets', 2, 'bios_type', 2), overrides => '[{}, {"vm_static": {"mem_size_mb": 2047}}]') AS whole2 \gset
SELECT is(array_agg(v.vm_name::text || ' ' || n.numa_node_index || ' ' || c.cpu_core_id ORDER BY 1), ARRAY['whole2_1 0 0', 'whole2_1 1 1'], '... and others go along, copy by copy')
FROM numa_node n JOIN vm_static v ON v.vm_guid = n.vm_id JOIN numa_node_cpu_map c USING (numa_node_id) WHERE v.vm_name LIKE 'whole2%';

-- many copies
SELECT pg_temp.clone('src', 2, 'many{n}', copies => 5, overrides => '[{}, {"vm_static": {"num_of_monitors": 2, "description": "second"}}, {"interfaces": [{"name": "nic1", "mac": "02:00:00:00:00:77"}]}, {}, {}]') AS many \gset
SELECT is(pg_temp.sorted(array_agg(vm_name::text)), ARRAY['many1', 'many2', 'many3', 'many4', 'many5'], 'five copies, five names') FROM vm_static WHERE vm_name LIKE 'many%';
SELECT is(pg_temp.sorted(array_agg(v.vm_name::text || ' ' || (SELECT count(*) FROM vm_device d WHERE d.vm_id = v.vm_guid AND d.type = 'video') || ' ' || v.description)),
    ARRAY['many1 1 VM src', 'many2 2 second', 'many3 1 VM src', 'many4 1 VM src', 'many5 1 VM src'], 'a copy''s own values count for it alone') FROM vm_static v WHERE vm_name LIKE 'many%';
SELECT is(array_agg(v.vm_name::text), ARRAY['many3'], '... those of its NICs too') FROM vm_interface n JOIN vm_static v ON v.vm_guid = n.vm_guid WHERE mac_addr = '02:00:00:00:00:77';
SELECT is(row(count(*), count(DISTINCT mac_addr)), row(15::bigint, 15::bigint), 'every NIC of every copy has a MAC of its own') FROM vm_interface n JOIN vm_static v ON v.vm_guid = n.vm_guid WHERE v.vm_name LIKE 'many%';
SELECT is(row(count(*), count(DISTINCT image_guid), count(DISTINCT image_group_id)), row(10::bigint, 10::bigint, 10::bigint), 'every disk of every copy is its own')
FROM images i JOIN disk_vm_element e ON e.disk_id = i.image_group_id JOIN vm_static v ON v.vm_guid = e.vm_id WHERE v.vm_name LIKE 'many%';

-- templates
SELECT t.vm_id AS template FROM add_vm_template_from_snapshot(fixture.snapshot('src', 2), 'tpl', lock_mode => 'shared', user_id => fixture.id('alice'), start_paused => true) t \gset
SELECT is(row(entity_type, template_status, vmt_guid = vm_guid, template_version_number), row('TEMPLATE'::varchar(32), 1, true, 1), 'a template: locked, its own base, version 1') FROM vm_static WHERE vm_guid = :'template';
SELECT is((SELECT count(*) FROM vm_dynamic WHERE vm_guid = :'template') + (SELECT count(*) FROM vm_statistics WHERE vm_guid = :'template') + (SELECT count(*) FROM snapshots WHERE vm_id = :'template'),
    0::bigint, 'a template doesn''t run and has no snapshots');
SELECT is(count(*), 3::bigint, 'its NICs have no MAC') FROM vm_interface WHERE vm_guid = :'template' AND mac_addr IS NULL;
SELECT is(count(*), 2::bigint, 'its images belong to no snapshot') FROM images i JOIN disk_vm_element e ON e.disk_id = i.image_group_id WHERE e.vm_id = :'template' AND i.vm_snapshot_id IS NULL;
SELECT is(array_agg(r.name::text), ARRAY['TemplateOwner'], 'its maker owns it') FROM permissions p JOIN roles r ON r.id = p.role_id WHERE p.object_id = :'template';
SELECT is(count(*), 2::bigint, 'its volumes are SHARED') FROM vmclone.async_tasks WHERE vm_id = :'template' AND copy_volume_type = 'SHARED';
UPDATE vm_static SET template_status = 0 WHERE vm_guid = :'template';
DELETE FROM vm_names WHERE vm_id = :'template';
SELECT t.vm_id AS version FROM add_vm_template_from_snapshot(fixture.snapshot('src', 2), 'tpl', lock_mode => 'shared', start_paused => true, base_template_id => :'template',
    template_version_name => 'second') t \gset
SELECT is(row(vmt_guid, template_version_number, template_version_name), row(:'template'::uuid, 2, 'second'::varchar(40)), 'a version of a base template') FROM vm_static WHERE vm_guid = :'version';

-- thin VMs: the template is read, never changed
SELECT fixture.make_template('base', disks => 1) AS made \gset
SELECT fixture.make_vm('thin', disks => 1, layers => 3, nics => 1, template => 'base') AS made \gset
SELECT pg_temp.rows_of(fixture.vm('base')) AS template_before, i.imagestatus AS template_status_before FROM images i WHERE i.image_guid = fixture.image('base', 1, 1) \gset
SELECT pg_temp.clone('thin', 2, 'thick') AS thick \gset
SELECT is(row(pg_temp.rows_of(fixture.vm('base')), i.imagestatus::text), row(:'template_before'::text, :'template_status_before'::text), 'the template''s rows and status are untouched')
FROM images i WHERE i.image_guid = fixture.image('base', 1, 1);
SELECT is(row(v.vmt_guid, v.original_template_name, i.parentid), row('00000000-0000-0000-0000-000000000000'::uuid, 'base'::varchar(255), '00000000-0000-0000-0000-000000000000'::uuid),
    'the clone of a thin VM stands alone and remembers its template') FROM vm_static v JOIN disk_vm_element e ON e.vm_id = v.vm_guid JOIN images i ON i.image_group_id = e.disk_id WHERE v.vm_guid = :'thick';

-- no disk to copy: done at once
SELECT pg_temp.clone('bare', 1, 'diskless', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('bare', 1), 'include', false))) AS diskless \gset
SELECT is(row(d.status, v.db_generation, j.status), row(0, 2::bigint, 'succeeded'::text), 'without disks the clone is done at once')
FROM vm_dynamic d JOIN vm_static v USING (vm_guid) JOIN jobs j ON j.vm_id = v.vm_guid WHERE v.vm_guid = :'diskless';

-- the source
UPDATE vm_static SET description = 'VM src', mem_size_mb = 2048 WHERE vm_guid = fixture.vm('src');
SELECT is(pg_temp.rows_of(fixture.vm('src')), :'source_before', 'nothing of the source has changed but its locks');

-- a snapshot without document: a disk whose base_disks row is gone is a disk all the same
SELECT fixture.make_vm('orphan', disks => 2, layers => 3, nics => 0, options => '{"ovf": false}');
-- (an engine's images have no foreign key)
ALTER TABLE images DROP CONSTRAINT IF EXISTS fk_images_disk;
DELETE FROM base_disks WHERE disk_id = fixture.disk('orphan', 2);
SELECT pg_temp.clone('orphan', 2, 'orphan_clone') AS clone \gset
SELECT is(array_agg(b.disk_alias::text ORDER BY 1), '{orphan_Disk1_orphan_clone,orphan_clone_Disk2}'::text[], 'a disk without a base_disks row is not left out')
FROM disk_vm_element e JOIN base_disks b USING (disk_id) WHERE e.vm_id = :'clone';

SELECT * FROM finish();
ROLLBACK;
