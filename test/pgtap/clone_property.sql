-- Random virtual machines, cloned in random ways: what must hold for each of them, and for all of them together.
-- The seed is printed; PGOPTIONS='-c vmclone_test.seed=0.123' repeats a run.
\set ON_ERROR_STOP on
SET client_min_messages = error;
BEGIN;
SELECT no_plan();
SET LOCAL search_path = vmclone, public;
SELECT fixture.attach_domains();
SELECT coalesce(current_setting('vmclone_test.seed', true)::float8, round(random()::numeric, 6)::float8) AS seed \gset
SELECT diag('seed ' || :seed), setseed(:seed);
UPDATE storage_domain_dynamic SET available_disk_size = 1000000;

CREATE FUNCTION pg_temp.pick(VARIADIC words text[]) RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT words[1 + floor(random() * cardinality(words))::integer] $$;
CREATE FUNCTION pg_temp.upto(n integer) RETURNS integer VOLATILE LANGUAGE sql AS $$ SELECT floor(random() * (n + 1))::integer $$;

-- Every row of the inventory but the audit log and the statuses that locks set, by table.
CREATE FUNCTION pg_temp.fingerprint() RETURNS TABLE (name text, rows bigint, hash numeric) LANGUAGE plpgsql AS $$
DECLARE
    relation name;
BEGIN
    FOR relation IN SELECT DISTINCT c.relation FROM vmclone.inventory_columns c WHERE c.relation <> 'audit_log' AND to_regclass('vmclone.' || c.relation) IS NOT NULL ORDER BY 1 LOOP
        RETURN QUERY EXECUTE format($q$SELECT %L::text, count(*), coalesce(sum(hashtextextended((to_jsonb(t) - 'imagestatus' - 'status')::text, 0)::numeric), 0) FROM %I t$q$,
            relation, relation);
    END LOOP;
END
$$;

-- The virtual machines, and a few shared things that clones must not touch.
SELECT fixture.make_template('tpl', disks => 2) AS made \gset
CREATE TEMP TABLE sources AS
SELECT 'vm' || n AS name, 2 + pg_temp.upto(4) AS layers, pg_temp.upto(4) AS nics, CASE WHEN random() < 0.2 THEN 'tpl' END AS template,
    pg_temp.pick('full', 'minimal', 'none') AS devices, pg_temp.pick('RAW', 'COW') AS format, pg_temp.pick('nfs1', 'nfs2') AS domain, 1 + pg_temp.upto(3) AS disks,
    jsonb_build_object('shareable', random() < 0.3, 'lun', random() < 0.3, 'numa', random() < 0.3, 'affinity', random() < 0.3, 'ovf', random() < 0.85,
        'unplugged', CASE WHEN random() < 0.3 THEN '[1]'::jsonb ELSE '[]' END) || CASE WHEN random() < 0.4 THEN '{"vm_init": {"host_name": "h", "custom_script": "a\nb"}}' ELSE '{}' END::jsonb
        || jsonb_build_object('vm_static', jsonb_build_object('num_of_monitors', (ARRAY[1, 2, 4])[1 + pg_temp.upto(2)], 'is_smartcard_enabled', random() < 0.3,
            'default_display_type', pg_temp.upto(2), 'description', md5(random()::text))) AS options
FROM generate_series(1, 40) n;
UPDATE sources SET disks = 2, domain = 'nfs1' WHERE template IS NOT NULL;
SELECT count(fixture.make_vm(name, disks => disks, layers => layers, nics => nics, template => template, devices => devices, format => format, domain => domain, options => options)) AS made
FROM sources \gset
-- more devices than a form would allow
INSERT INTO vm_device (device_id, vm_id, type, device, address, spec_params, is_managed, is_plugged, alias)
SELECT gen_random_uuid(), fixture.vm(s.name), d.type, d.device, '', '{}', random() < 0.7, random() < 0.9, ''
FROM sources s, generate_series(1, 4), LATERAL (SELECT s.name, (ARRAY['disk/cdrom', 'video/qxl', 'graphics/spice', 'graphics/vnc', 'channel/unix', 'controller/pci', 'redir/spicevmc',
    'memory/dimm', 'hostdev/usb', 'smartcard/smartcard', 'rng/virtio', 'balloon/memballoon', 'mdev/vgpu'])[1 + pg_temp.upto(12)] AS pair) p,
    LATERAL (SELECT split_part(p.pair, '/', 1) AS type, split_part(p.pair, '/', 2) AS device) d;
SELECT count(fixture.write_ovf(name)) AS made FROM sources WHERE (options -> 'ovf')::boolean \gset

CREATE TEMP TABLE before AS SELECT * FROM pg_temp.fingerprint();
CREATE TEMP TABLE old_ids AS
SELECT vm_guid AS id FROM vm_static UNION SELECT snapshot_id FROM snapshots UNION SELECT device_id FROM vm_device UNION SELECT id FROM vm_interface
UNION SELECT disk_id FROM base_disks UNION SELECT image_guid FROM images UNION SELECT id FROM permissions UNION SELECT numa_node_id FROM numa_node;

-- One to three calls a virtual machine.
CREATE TEMP TABLE calls AS
SELECT s.name, 1 + pg_temp.upto(s.layers - 2) AS layer, format('%s_%s_{n}', s.name, n) AS clone_name, 1 + pg_temp.upto(2) AS copies, random() < 0.2 AS template,
    CASE WHEN random() < 0.5 THEN 'alice' END AS user_name,
    CASE WHEN random() < 0.3 THEN jsonb_build_array(jsonb_build_object('disk_id', fixture.disk(s.name, 1), 'volume_format', pg_temp.pick('RAW', 'COW'))) ELSE '[]' END AS disks
FROM sources s, generate_series(1, 1 + (hashtext(s.name) & 1)) n;
CREATE TEMP TABLE made AS
SELECT c.*, r.vm_id, r.copy_number, r.vm_name FROM calls c, LATERAL (
    SELECT a.vm_id, a.copy_number, a.vm_name FROM add_vm_from_snapshot(fixture.snapshot(c.name, c.layer), c.clone_name, copies => c.copies, lock_mode => 'shared', disks => c.disks,
        user_id => fixture.id(c.user_name), start_paused => true) a WHERE NOT c.template
    UNION ALL
    SELECT a.vm_id, a.copy_number, a.vm_name FROM add_vm_template_from_snapshot(fixture.snapshot(c.name, c.layer), c.clone_name, copies => c.copies, lock_mode => 'shared', disks => c.disks,
        user_id => fixture.id(CASE c.user_name WHEN 'alice' THEN 'admin' END), start_paused => true) a WHERE c.template) r;
SELECT diag(format('%s clones of %s virtual machines in %s calls', count(*), count(DISTINCT name), (SELECT count(*) FROM calls))) FROM made;
SELECT is((SELECT count(*) FROM made), (SELECT sum(copies) FROM calls), 'every call made its copies');

-- no shared ids
CREATE TEMP TABLE new_ids AS
SELECT 'vm_static' AS name, vm_guid AS id FROM vm_static WHERE vm_guid IN (SELECT vm_id FROM made)
UNION ALL SELECT 'snapshots', snapshot_id FROM snapshots WHERE vm_id IN (SELECT vm_id FROM made)
UNION ALL SELECT 'vm_device', device_id FROM vm_device WHERE vm_id IN (SELECT vm_id FROM made) AND type NOT IN ('interface') AND device <> 'disk'
UNION ALL SELECT 'vm_interface', id FROM vm_interface WHERE vm_guid IN (SELECT vm_id FROM made)
UNION ALL SELECT 'base_disks', disk_id FROM disk_vm_element WHERE vm_id IN (SELECT vm_id FROM made)
UNION ALL SELECT 'images', image_guid FROM images WHERE image_group_id IN (SELECT disk_id FROM disk_vm_element WHERE vm_id IN (SELECT vm_id FROM made))
UNION ALL SELECT 'numa_node', numa_node_id FROM numa_node WHERE vm_id IN (SELECT vm_id FROM made);
SELECT is((SELECT count(*) FROM new_ids JOIN old_ids USING (id)), 0::bigint, 'no id is one that was there');
SELECT is((SELECT count(*) FROM (SELECT id FROM new_ids GROUP BY id HAVING count(*) > 1) d), 0::bigint, 'no id is there twice');
SELECT is((SELECT count(*) FROM (SELECT lower(mac_addr) FROM vm_interface WHERE mac_addr IS NOT NULL GROUP BY 1 HAVING count(*) > 1) d), 0::bigint, 'no MAC is there twice');
SELECT is((SELECT count(*) FROM vm_interface n JOIN made m ON m.vm_id = n.vm_guid WHERE (n.mac_addr IS NULL) <> m.template), 0::bigint, 'every NIC has a MAC, but for those of templates');

-- every device of the source is accounted for
CREATE TEMP TABLE configurations AS SELECT DISTINCT name, layer, get_vm_configuration_by_snapshot_id(fixture.snapshot(name, layer)) AS c FROM calls;
SELECT is((SELECT count(*) FROM made m JOIN configurations f USING (name, layer) JOIN lineage l USING (vm_id), jsonb_array_elements(f.c -> 'devices') d
    WHERE d ->> 'device_id' IS NOT NULL AND NOT EXISTS (SELECT FROM jsonb_array_elements(l.devices) r WHERE r ->> 'device_id' = d ->> 'device_id')), 0::bigint,
    'every device of the snapshot is in the record');
SELECT is((SELECT count(*) FROM lineage l, jsonb_array_elements(l.devices) r WHERE r ->> 'fate' NOT IN ('copied', 'remade', 'left out', 'added')
    OR (r ->> 'fate' IN ('left out', 'added', 'remade') AND coalesce(r ->> 'reason', '') = '')), 0::bigint, 'what is not just copied has a reason');
SELECT is((SELECT count(*) FROM made m JOIN lineage l USING (vm_id)
    WHERE (SELECT count(*) FROM vm_device d WHERE d.vm_id = m.vm_id AND d.type <> 'video')
       <> (SELECT count(*) FROM jsonb_array_elements(l.devices) r WHERE r ->> 'fate' <> 'left out' AND r ->> 'type' <> 'video')), 0::bigint, 'the record counts the devices that are there');
SELECT is((SELECT count(*) FROM made m JOIN vm_static v ON v.vm_guid = m.vm_id
    WHERE (SELECT count(*) FROM vm_device d WHERE d.vm_id = m.vm_id AND d.type = 'video') <> greatest(v.num_of_monitors, 1)), 0::bigint, 'as many video devices as monitors');
SELECT is((SELECT count(*) FROM vm_device d JOIN made m USING (vm_id) WHERE d.type = 'interface' AND NOT EXISTS (SELECT FROM vm_interface n WHERE n.id = d.device_id AND n.vm_guid = d.vm_id))
    + (SELECT count(*) FROM vm_device d JOIN made m USING (vm_id) WHERE d.device = 'disk' AND NOT EXISTS (SELECT FROM disk_vm_element e WHERE e.disk_id = d.device_id AND e.vm_id = d.vm_id)), 0::bigint,
    'no device stands for a disk or NIC that is not there');
SELECT is((SELECT count(*) FROM vm_interface n JOIN made m ON m.vm_id = n.vm_guid WHERE NOT EXISTS (SELECT FROM vm_device d WHERE d.device_id = n.id AND d.vm_id = n.vm_guid))
    + (SELECT count(*) FROM disk_vm_element e JOIN made m USING (vm_id) WHERE NOT EXISTS (SELECT FROM vm_device d WHERE d.device_id = e.disk_id AND d.vm_id = e.vm_id)), 0::bigint,
    'every disk and NIC has its device');

-- NICs and disks of the snapshot
SELECT is((SELECT count(*) FROM made m JOIN configurations f USING (name, layer) WHERE NOT m.template AND (SELECT coalesce(array_agg(n.name::text ORDER BY n.mac_addr), '{}') FROM vm_interface n WHERE n.vm_guid = m.vm_id)
    <> (SELECT coalesce(array_agg(i ->> 'name' ORDER BY i ->> 'mac_addr'), '{}') FROM jsonb_array_elements(f.c -> 'interfaces') i)), 0::bigint, 'all NICs, in the old order of MACs');
SELECT is((SELECT count(*) FROM made m JOIN sources s USING (name) WHERE (SELECT count(*) FROM disk_vm_element e WHERE e.vm_id = m.vm_id) <> s.disks), 0::bigint, 'all disks but shareable ones and LUNs');
SELECT is((SELECT count(*) FROM made m JOIN disk_vm_element e USING (vm_id) WHERE (SELECT array_agg(row(i.active, i.imagestatus, i.parentid)::text) FROM images i WHERE i.image_group_id = e.disk_id)
    <> ARRAY['(t,2,00000000-0000-0000-0000-000000000000)']), 0::bigint, 'each disk is one locked image without parent');
SELECT is((SELECT count(*) FROM made m JOIN vmclone.async_tasks t USING (vm_id) JOIN images i ON i.image_guid = t.image_id JOIN images f ON f.image_guid = t.source_image_id WHERE i.size <> f.size), 0::bigint, 'sizes are those of the source');

-- the record of what the clone is made of is complete, and the removal removes just that
SELECT is((SELECT count(*) FROM made m JOIN lineage l USING (vm_id), LATERAL (
        SELECT device_id AS id FROM vm_device d WHERE d.vm_id = m.vm_id UNION SELECT id FROM vm_interface n WHERE n.vm_guid = m.vm_id UNION SELECT disk_id FROM disk_vm_element e WHERE e.vm_id = m.vm_id
        UNION SELECT snapshot_id FROM snapshots s WHERE s.vm_id = m.vm_id UNION SELECT numa_node_id FROM numa_node n WHERE n.vm_id = m.vm_id UNION SELECT m.vm_id
        UNION SELECT i.image_guid FROM images i JOIN disk_vm_element e ON e.disk_id = i.image_group_id WHERE e.vm_id = m.vm_id) r WHERE r.id <> ALL (l.row_ids)), 0::bigint, 'every row made is in the record');
SELECT is((SELECT count(*) FROM before b JOIN pg_temp.fingerprint() f USING (name) WHERE b.hash <> f.hash AND name NOT IN ('vm_static', 'vm_dynamic', 'vm_statistics', 'vm_device', 'vm_interface',
        'vm_interface_statistics', 'vm_init', 'vm_ovf_generations', 'snapshots', 'base_disks', 'images', 'disk_image_dynamic', 'disk_vm_element', 'image_storage_domain_map', 'permissions',
        'numa_node', 'numa_node_cpu_map', 'vm_vds_numa_node_map', 'vm_host_pinning_map', 'vm_nvram_data', 'vm_external_data')), 0::bigint, 'no other table has changed');
SELECT vmclone_internal.clone_remove_rows(array_agg(DISTINCT vm_id), array_agg(id)) AS removed FROM lineage CROSS JOIN unnest(row_ids) id WHERE vm_id IN (SELECT vm_id FROM made) \gset
SELECT is((SELECT coalesce(string_agg(format('%s: %s rows instead of %s', name, f.rows, b.rows), ', '), 'nothing') FROM before b JOIN pg_temp.fingerprint() f USING (name) WHERE b.hash <> f.hash), 'nothing',
    'after the removal the inventory is what it was: nothing of the sources has changed but their locks');

SELECT * FROM finish();
ROLLBACK;
