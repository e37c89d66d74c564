-- What get_vm_configuration_by_snapshot_id shows can be edited and handed back: unchanged it makes the clone that
-- the name alone makes; changed, the change and nothing else differs.  Both of the seed's ways.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT no_plan();

-- The rows of a VM without what is new in every clone: ids, dates, MACs, its name.
CREATE FUNCTION rows_of(p_vm uuid) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'vm_static', (SELECT to_jsonb(v) - '{vm_guid,vm_name,creation_date,_create_date,_update_date}'::text[] FROM vmclone.vm_static v WHERE v.vm_guid = p_vm),
        'vm_init', (SELECT to_jsonb(i) - 'vm_id' FROM vmclone.vm_init i WHERE i.vm_id = p_vm),
        'disks', (SELECT jsonb_object_agg(regexp_replace(replace(b.disk_alias, v.vm_name, '#'), '_#$', ''), (to_jsonb(b) - '{disk_id,disk_alias,_create_date}'::text[])
                || (to_jsonb(e) - '{vm_id,disk_id}'::text[])
                || (to_jsonb(i) - '{image_guid,image_group_id,vm_snapshot_id,creation_date,lastmodified,_create_date,_update_date}'::text[])
                || (SELECT to_jsonb(m) - 'image_id' FROM vmclone.image_storage_domain_map m WHERE m.image_id = i.image_guid)
                || (SELECT jsonb_build_object('is_plugged', d.is_plugged) FROM vmclone.vm_device d WHERE d.device_id = b.disk_id AND d.vm_id = p_vm))
            FROM vmclone.disk_vm_element e JOIN vmclone.vm_static v ON v.vm_guid = e.vm_id JOIN vmclone.base_disks b USING (disk_id) JOIN vmclone.images i ON i.image_group_id = e.disk_id
            WHERE e.vm_id = p_vm AND b.disk_storage_type = 0 AND NOT b.shareable),
        'interfaces', (SELECT jsonb_object_agg(n.name, (to_jsonb(n) - '{id,vm_guid,mac_addr,_create_date,_update_date}'::text[]) || jsonb_build_object('is_plugged', d.is_plugged))
            FROM vmclone.vm_interface n LEFT JOIN vmclone.vm_device d ON d.device_id = n.id AND d.vm_id = n.vm_guid WHERE n.vm_guid = p_vm),
        'devices', (SELECT jsonb_agg(to_jsonb(d) - '{device_id,vm_id,_create_date,_update_date}'::text[] ORDER BY d.type, d.device, d.alias, d.address, d.spec_params)
            FROM vmclone.vm_device d WHERE d.vm_id = p_vm),
        'numa', (SELECT jsonb_agg((to_jsonb(n) - '{numa_node_id,vm_id}'::text[]) || jsonb_build_object('cpus', (SELECT jsonb_agg(c.cpu_core_id ORDER BY c.cpu_core_id)
                FROM vmclone.numa_node_cpu_map c WHERE c.numa_node_id = n.numa_node_id)) ORDER BY n.numa_node_index) FROM vmclone.numa_node n WHERE n.vm_id = p_vm))
$$;
-- What b has that a has not: {path: value of b}, two levels deep (three for disks and interfaces).
CREATE FUNCTION difference(a jsonb, b jsonb, depth integer DEFAULT 0) RETURNS jsonb LANGUAGE sql AS $$
    SELECT coalesce(jsonb_object_agg(k, CASE WHEN jsonb_typeof(a -> k) = 'object' AND jsonb_typeof(b -> k) = 'object' THEN difference(a -> k, b -> k, depth + 1)
        ELSE coalesce(b -> k, '"gone"') END), '{}')
    FROM (SELECT jsonb_object_keys(a) UNION SELECT jsonb_object_keys(b)) u(k) WHERE a -> k IS DISTINCT FROM b -> k
$$;
CREATE FUNCTION clone(snapshot uuid, name text, vm_static jsonb DEFAULT '{}', disks jsonb DEFAULT '[]', interfaces jsonb DEFAULT '[]', given boolean DEFAULT false)
RETURNS uuid LANGUAGE sql AS $$
    SELECT vm_id FROM vmclone.add_vm_from_snapshot(snapshot, name, vm_static => vm_static, disks => disks, interfaces => interfaces, use_given_vm_static => given,
        lock_mode => 'shared', start_paused => true) $$;
CREATE FUNCTION form(snapshot uuid) RETURNS jsonb LANGUAGE sql AS $$ SELECT vmclone.get_vm_configuration_by_snapshot_id(snapshot) $$;

\o /dev/null
SELECT fixture.attach_domains();
CREATE TABLE cases (name text PRIMARY KEY, snapshot uuid NOT NULL);

-- VMs of many kinds, each with the OVF that an engine writes.
SELECT fixture.make_vm('plain');
SELECT fixture.make_vm('full', disks => 3, layers => 4, nics => 3, options => '{"lun": true, "shareable": true, "affinity": true, "numa": true, "unplugged": [2], "vm_init":
    {"host_name": "h1", "domain": "example.org", "password": "pw", "custom_script": "a\nb", "authorized_keys": "k1", "regenerate_keys": true},
    "vm_static": {"cpu_pinning": "0#0_1#1", "cpu_pinning_policy": 1, "description": "a <b> & \"c\"", "userdefined_properties": "a=b;c=d", "custom_compatibility_version": "4.6",
    "sso_method": "none", "serial_number_policy": 2, "custom_serial_number": "s1", "virtio_scsi_multi_queues": 4, "num_of_io_threads": 2, "is_boot_menu_enabled": true,
    "migration_support": 1, "migration_downtime": 300, "console_disconnect_action": "REBOOT", "resume_behavior": "KILL", "is_delete_protected": true, "vnc_keyboard_layout": "de",
    "tunnel_migration": true, "is_auto_converge": false, "bios_type": 3, "time_zone": "Europe/Vienna", "num_of_monitors": 2}}');
SELECT fixture.make_vm('minimal', disks => 1, nics => 0, devices => 'none');
SELECT fixture.make_vm('diskless', disks => 0);
SELECT fixture.make_vm('on_block', disks => 2, domain => 'iscsi1', format => 'COW');
SELECT fixture.make_template('t1', disks => 2);
SELECT fixture.make_vm('thin', template => 't1', disks => 2);
SELECT fixture.make_vm('old', options => '{"ovf": false}');
\o
INSERT INTO cases SELECT n, fixture.snapshot(n, 2) FROM unnest('{plain,full,minimal,diskless,on_block,thin,old}'::text[]) n;

-- Unchanged: the same clone in every way.
CREATE TABLE clones AS
    SELECT c.name, form(c.snapshot) AS form, clone(c.snapshot, c.name || '_by_name') AS by_name, NULL::uuid AS by_overlay, NULL::uuid AS by_static, NULL::uuid AS suggested FROM cases c;
UPDATE clones c SET by_overlay = clone(s.snapshot, c.name || '_by_overlay', c.form -> 'vm_static', c.form -> 'disks', c.form -> 'interfaces') FROM cases s WHERE s.name = c.name;
UPDATE clones c SET by_static = clone(s.snapshot, c.name || '_by_static', c.form -> 'vm_static', c.form -> 'disks', c.form -> 'interfaces', true) FROM cases s WHERE s.name = c.name;
UPDATE clones c SET suggested = clone(s.snapshot, NULL, c.form -> 'vm_static', c.form -> 'disks', c.form -> 'interfaces') FROM cases s WHERE s.name = c.name;
SELECT is(difference(rows_of(by_name), rows_of(by_overlay)), '{}', name || ': handed back unchanged, it is the clone that the name makes') FROM clones ORDER BY name;
SELECT is(difference(rows_of(by_name), rows_of(by_static)), '{}', name || ': handed back as the whole VmStatic, it is the clone that the name makes') FROM clones ORDER BY name;
SELECT is(difference(rows_of(by_name), rows_of(suggested)), '{}', name || ': handed back without a name, it is that clone too') FROM clones ORDER BY name;
SELECT is(v.vm_name::text, 'copy_of_' || c.name, c.name || ': the suggested name was taken') FROM clones c JOIN vmclone.vm_static v ON v.vm_guid = c.suggested ORDER BY c.name;
-- and the clone is what the VM was
SELECT is(difference(rows_of(fixture.vm(name)) -> 'vm_static', rows_of(by_name) -> 'vm_static') - '{created_by_user_id,vmt_guid,db_generation}'::text[], '{}', name || ': vm_static as it was')
FROM clones WHERE name <> 'thin' ORDER BY name;
SELECT is(rows_of(by_name) -> 'vm_init', rows_of(fixture.vm(name)) -> 'vm_init', name || ': vm_init as it was, password and all') FROM clones ORDER BY name;
SELECT is(rows_of(by_name) -> 'numa', rows_of(fixture.vm(name)) -> 'numa', name || ': NUMA nodes as they were') FROM clones ORDER BY name;
SELECT is((SELECT count(*) FROM jsonb_object_keys(rows_of(by_name) -> 'disks')), (SELECT count(*) FROM jsonb_object_keys(rows_of(fixture.vm(name)) -> 'disks')), name || ': as many disks')
FROM clones WHERE name <> 'diskless' ORDER BY name;
SELECT is(form -> 'source', to_jsonb(CASE name WHEN 'old' THEN 'current' ELSE 'ovf' END::text), name || ': the preview says where it comes from') FROM clones ORDER BY name;
SELECT isnt(form::text LIKE '%"pw"%', true, 'the form shows no password') FROM clones WHERE name = 'full';

-- The VM has changed since: the clone is what the snapshot holds.
CREATE TABLE before AS SELECT rows_of(fixture.vm('full')) AS state, form(fixture.snapshot('full', 2)) AS form;
UPDATE vmclone.vm_static SET mem_size_mb = 999, max_memory_size_mb = 9999, description = 'later', num_of_sockets = 1, cpu_per_socket = 7, threads_per_cpu = 2, usb_policy = 0, os = 5,
    is_stateless = true, auto_startup = true, vm_type = 0, default_boot_sequence = 1, default_display_type = 2, priority = 99, migration_support = 0,
    userdefined_properties = 'x=y', predefined_properties = 'x=z', min_allocated_mem = 1, allow_console_reconnect = true, is_delete_protected = false, is_smartcard_enabled = true,
    is_run_and_pause = true, free_text_comment = 'later', sso_method = 'guest_agent', time_zone = 'Etc/UTC', num_of_monitors = 4, bios_type = 1, cpu_pinning = '0#5', origin = 0,
    serial_number_policy = 0, is_boot_menu_enabled = false, num_of_io_threads = 0, balloon_enabled = false, is_initialized = false
    WHERE vm_guid = fixture.vm('full');
UPDATE vmclone.vm_init SET host_name = 'later', password = 'later' WHERE vm_id = fixture.vm('full');
UPDATE vmclone.vm_device SET is_plugged = NOT is_plugged, alias = 'later', address = 'later' WHERE vm_id = fixture.vm('full');
UPDATE vmclone.vm_interface SET name = name || '_later', linked = false, type = 1 WHERE vm_guid = fixture.vm('full');
UPDATE vmclone.disk_vm_element SET is_boot = NOT is_boot, disk_interface = 'SATA' WHERE vm_id = fixture.vm('full');
SELECT clone(fixture.snapshot('full', 2), 'as_it_was') AS as_it_was \gset
SELECT is(difference(rows_of(c.by_name) - 'vm_static', rows_of(:'as_it_was') - 'vm_static'), '{}', 'devices, disks, NICs, initialisation: as at the snapshot') FROM clones c WHERE name = 'full';
SELECT is(difference(rows_of(c.by_name) -> 'vm_static', rows_of(:'as_it_was') -> 'vm_static'), '{}', 'vm_static: as at the snapshot') FROM clones c WHERE name = 'full';
SELECT is(difference((SELECT form FROM before), form(fixture.snapshot('full', 2))), '{}', 'the form too');

-- Changed: that and nothing else.
SELECT form(snapshot) AS form, snapshot FROM cases WHERE name = 'full' \gset
SELECT rows_of(by_name) AS base FROM clones WHERE name = 'full' \gset
CREATE TABLE changes (what text PRIMARY KEY, part text, path text[], value jsonb, expected jsonb);
INSERT INTO changes VALUES
    ('memory', 'vm_static', '{mem_size_mb}', '3072', '{"vm_static": {"mem_size_mb": 3072}}'),
    ('description', 'vm_static', '{description}', '"changed"', '{"vm_static": {"description": "changed"}}'),
    ('emptied text', 'vm_static', '{iso_path}', 'null', '{"vm_static": {"iso_path": null}}'),
    ('serial number policy', 'vm_static', '{serial_number_policy}', '1', '{"vm_static": {"serial_number_policy": 1}}'),
    ('delete protection', 'vm_static', '{is_delete_protected}', 'false', '{"vm_static": {"is_delete_protected": false}}'),
    ('priority', 'vm_static', '{priority}', '50', '{"vm_static": {"priority": 50}}'),
    ('disk format', 'disks', '{0,volume_format}', '"RAW"', '{}'),
    ('disk type', 'disks', '{0,volume_type}', '"Preallocated"', '{"disks": {"full_Disk1": {"volume_type": 1, "volume_format": 4}}}'),
    ('disk domain', 'disks', '{0,storage_domain_id}', to_jsonb(fixture.id('nfs2')), NULL),
    ('disk plugged', 'disks', '{1,is_plugged}', 'true', NULL),
    ('disk description', 'disks', '{1,disk_description}', '"d"', '{"disks": {"full_Disk2": {"disk_description": "d"}}}'),
    ('boot', 'disks', '{0,is_boot}', 'false', '{"disks": {"full_Disk1": {"is_boot": false}}}'),
    ('wipe', 'disks', '{2,wipe_after_delete}', 'true', '{"disks": {"full_Disk3": {"wipe_after_delete": true}}}'),
    ('pass discard', 'disks', '{2,pass_discard}', 'true', '{"disks": {"full_Disk3": {"pass_discard": true}}}'),
    ('disk interface', 'disks', '{2,disk_interface}', '"VirtIO"', NULL),
    ('disk left out', 'disks', '{1,include}', 'false', NULL),
    ('NIC unlinked', 'interfaces', '{0,linked}', 'false', '{"interfaces": {"nic1": {"linked": false}}}'),
    ('NIC unplugged', 'interfaces', '{0,is_plugged}', 'false', NULL),
    ('NIC left out', 'interfaces', '{2,include}', 'false', NULL);
CREATE TABLE changed AS
    SELECT c.*, clone(:'snapshot', 'changed_' || replace(c.what, ' ', '_'),
        CASE c.part WHEN 'vm_static' THEN jsonb_set(:'form'::jsonb -> 'vm_static', c.path, c.value) ELSE '{}' END,
        CASE c.part WHEN 'disks' THEN jsonb_set(:'form'::jsonb -> 'disks', c.path, c.value) ELSE '[]' END,
        CASE c.part WHEN 'interfaces' THEN jsonb_set(:'form'::jsonb -> 'interfaces', c.path, c.value) ELSE '[]' END) AS vm_id
    FROM changes c WHERE c.what <> 'disk type';
SELECT is(difference(:'base', rows_of(vm_id)), expected, 'changed: ' || what) FROM changed WHERE expected IS NOT NULL ORDER BY what;
SELECT is(difference(:'base', rows_of(vm_id)) -> 'disks', jsonb_build_object('full_Disk1', jsonb_build_object('storage_domain_id', fixture.id('nfs2'), 'disk_profile_id', fixture.id('profile nfs2'))),
    'changed: disk domain, and with it the profile') FROM changed WHERE what = 'disk domain';
SELECT is(difference(:'base', rows_of(vm_id)) -> 'disks', '{"full_Disk2": {"is_plugged": true}}', 'changed: disk plugged') FROM changed WHERE what = 'disk plugged';
SELECT is(difference(:'base', rows_of(vm_id)) -> 'disks', '{"full_Disk3": {"disk_interface": "VirtIO"}}', 'changed: disk interface') FROM changed WHERE what = 'disk interface';
SELECT is(difference(:'base', rows_of(vm_id)) -> 'disks', '{"full_Disk2": "gone"}', 'changed: disk left out') FROM changed WHERE what = 'disk left out';
SELECT is((SELECT count(*) FROM vmclone.vm_device d WHERE d.vm_id = c.vm_id AND d.type = 'disk' AND d.device = 'disk'), 2::bigint, 'and its device is left out with it') FROM changed c WHERE what = 'disk left out';
SELECT is(difference(:'base', rows_of(vm_id)) -> 'interfaces', '{"nic1": {"is_plugged": false}}', 'changed: NIC unplugged') FROM changed WHERE what = 'NIC unplugged';
SELECT is(difference(:'base', rows_of(vm_id)) -> 'interfaces', '{"nic3": "gone"}', 'changed: NIC left out') FROM changed WHERE what = 'NIC left out';
SELECT isnt(difference(:'base', rows_of(vm_id)), '{}', 'a change is a difference: ' || what) FROM changed WHERE what <> 'disk format' ORDER BY what;

-- What nobody may change is refused by its name, as are keys that nobody knows, and wrong types.
SELECT throws_ok(format($$SELECT clone(%L, 'no', disks => jsonb_set(form(%L) -> 'disks', '{0,%s}', %L))$$, :'snapshot', :'snapshot', k, v), '22023', NULL, 'refused: another ' || k)
FROM (VALUES ('image_id', '"5a000000-0000-4000-8000-000000000001"'), ('size', '1'), ('shareable', 'true'), ('disk_storage_type', '1'), ('backup', '"Incremental"'), ('disk_interface', '"SCSI"'), ('colour', '"red"')) x(k, v);
SELECT throws_ok(format($$SELECT clone(%L, 'no', vm_static => jsonb_set(form(%L) -> 'vm_static', '{%s}', %L))$$, :'snapshot', :'snapshot', k, v), state, NULL, 'refused: vm_static ' || k)
FROM (VALUES ('colour', '"red"', '22023'), ('mem_size_mb', '"much"', '22P02'), ('priority', '99999999999', '22003'), ('vm_name', '"other"', '22023')) x(k, v, state);
SELECT throws_ok(format($$SELECT clone(%L, 'no', interfaces => jsonb_set(form(%L) -> 'interfaces', '{0,%s}', %L))$$, :'snapshot', :'snapshot', k, v), '22023', NULL, 'refused: interface ' || k)
FROM (VALUES ('colour', '"red"'), ('linked', '"maybe"')) x(k, v);
SELECT throws_ok(format($$SELECT clone(%L, 'no', interfaces => jsonb_set(form(%L) -> 'interfaces', '{0,name}', '"nic2"'))$$, :'snapshot', :'snapshot'), 'VC009', NULL, 'refused: the name of another NIC');
SELECT is((SELECT count(*) FROM vmclone.vm_static WHERE vm_name = 'no'), 0::bigint, 'a refusal leaves nothing');

-- The whole VmStatic given by the caller: nothing comes from the snapshot's.
SELECT clone(:'snapshot', NULL, jsonb_build_object('vm_name', 'given', 'mem_size_mb', 512, 'max_memory_size_mb', 1024, 'num_of_monitors', 1, 'cluster_id', fixture.id('cl1'), 'bios_type', 3), given => true) AS given \gset
SELECT unnest(ARRAY[is(v.vm_name::text, 'given', 'given: the name in the VmStatic'), is(v.mem_size_mb, 512, 'given: memory'), is(coalesce(v.description, ''), '', 'given: no description of the source'),
    is(v.userdefined_properties, NULL, 'given: no properties of the source'), is(v.is_delete_protected, false, 'given: the default'), is(v.sso_method::text, 'guest_agent', 'given: the default of the table'),
    is(v.cpu_pinning, NULL, 'given: no pinning'), is(v.entity_type::text, 'VM', 'given: it is a VM'), is(v.vmt_guid, '00000000-0000-0000-0000-000000000000'::uuid, 'given: it depends on no template')])
FROM vmclone.vm_static v WHERE v.vm_guid = :'given';
SELECT is((SELECT count(*) FROM vmclone.disk_vm_element WHERE vm_id = :'given'), 3::bigint, 'given: the disks are the snapshot''s');
SELECT is((SELECT count(*) FROM vmclone.vm_interface WHERE vm_guid = :'given'), 3::bigint, 'given: the NICs are the snapshot''s');
SELECT throws_ok(format($$SELECT clone(%L, NULL, '{"vm_name": "g2"}', given => true)$$, :'snapshot'), '22023', 'parameter "vm_static" lacks key "mem_size_mb"', 'given: a VmStatic without memory is refused');
SELECT clone(:'snapshot', 'small', '{"mem_size_mb": 512}', given => true) AS small \gset
SELECT is((SELECT max_memory_size_mb FROM vmclone.vm_static WHERE vm_guid = :'small'), 2048, 'given: the maximum is four times the memory');
SELECT is((SELECT bios_type FROM vmclone.vm_static WHERE vm_guid = :'small'), 2, 'given: the cluster''s BIOS type');

-- A column that vmclone has never heard of survives both ways.
ALTER TABLE vmclone.vm_static ADD COLUMN site_note text;
UPDATE vmclone.vm_static SET site_note = 'mine' WHERE vm_guid = fixture.vm('full');
SELECT clone(:'snapshot', 'noted') AS noted \gset
SELECT clone(:'snapshot', 'noted2', form(:'snapshot') -> 'vm_static', given => true) AS noted2 \gset
SELECT clone(:'snapshot', 'noted3', jsonb_set(form(:'snapshot') -> 'vm_static', '{site_note}', '"yours"')) AS noted3 \gset
SELECT is((SELECT array_agg(site_note ORDER BY vm_name) FROM vmclone.vm_static WHERE vm_guid IN (:'noted', :'noted2', :'noted3')), '{mine,mine,yours}', 'a column of the site comes along');

SELECT finish();
