-- The plan: fates, formats and allocation after the rules, bytes, methods; exact measurements.
CREATE EXTENSION vmclone;
\set ECHO none
\i test/fixture/fixture.sql
\set ECHO all
\set ON_ERROR_STOP 0
SELECT fixture.attach_domains();
SELECT count(*) FROM (SELECT fixture.make_vm('raw'), fixture.make_vm('cow', format => 'COW'), fixture.make_template('base'), fixture.make_vm('thin', disks => 1, template => 'base'),
    fixture.make_vm('special', disks => 1, options => '{"shareable": true, "lun": true}'), fixture.make_vm('odd', disks => 1, size => 1000000001, actual => 999)) v;
SET client_min_messages = error;
SET search_path = vmclone, public;
\pset format unaligned
CREATE FUNCTION fixture.choose(vm text, choice jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(jsonb_build_object('disk_id', fixture.disk(vm, 1)) || choice) $$;
CREATE FUNCTION fixture.plan(vm text, choice jsonb DEFAULT '{}', layer integer DEFAULT 2) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', p.fate, p.source_format, '->', p.target_storage_domain, p.volume_format, p.volume_type, 'size', p.virtual_size, 'read', p.bytes_to_copy, 'need', p.bytes_needed,
        p.method, '(' || p.method_reason || ')', p.note)
    FROM vmclone.plan_add_vm_from_snapshot(fixture.snapshot(vm, layer), disks => fixture.choose(vm, choice)) p WHERE p.disk_id = fixture.disk(vm, 1) $$;
CREATE FUNCTION fixture.hosts(vm text, choice jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', COALESCE(p.copy_hosts::text, 'none asked'), regexp_replace(p.copy_hosts_reason, '[0-9a-f-]{36}', 'ID', 'g'))
    FROM vmclone.plan_add_vm_from_snapshot(fixture.snapshot(vm, 2), disks => fixture.choose(vm, choice)) p WHERE p.disk_id = fixture.disk(vm, 1) $$;
CREATE FUNCTION fixture.host_has(host text, domain text) RETURNS text LANGUAGE sql AS $$
    INSERT INTO vmclone.storage_mounts (storage_domain_id, mount_path, real_path, storage_root, token, attached_by, host_name)
    SELECT storage_domain_id, mount_path, real_path, storage_root, token, attached_by, host FROM vmclone.storage_mounts
    WHERE storage_domain_id = fixture.id(domain) AND host_name = 'local' RETURNING host_name $$;
\pset tuples_only on
-- not named: own domain, root ancestor's format
SELECT fixture.plan('raw');
SELECT fixture.plan('cow');
SELECT fixture.plan('thin');
-- chosen format and type; COW alone is sparse, preallocated alone is RAW
SELECT fixture.plan('raw', '{"volume_format": "COW"}');
SELECT fixture.plan('raw', '{"volume_format": "RAW", "volume_type": "Preallocated"}');
SELECT fixture.plan('cow', '{"volume_type": "Preallocated"}');
SELECT fixture.plan('cow', '{"volume_format": "RAW"}');
SELECT fixture.plan('cow', '{"volume_format": "COW", "volume_type": "Preallocated"}');
-- block domains have no sparse RAW
SELECT fixture.plan('raw', jsonb_build_object('storage_domain_id', fixture.id('iscsi1')));
SELECT fixture.plan('raw', jsonb_build_object('storage_domain_id', fixture.id('iscsi1'), 'volume_type', 'Preallocated'));
SELECT fixture.plan('cow', jsonb_build_object('storage_domain_id', fixture.id('iscsi1')));
SELECT fixture.plan('cow', jsonb_build_object('storage_domain_id', fixture.id('iscsi1'), 'volume_type', 'Preallocated', 'volume_format', 'COW'));
-- never more than the virtual size; sizes are multiples of 4 KiB
BEGIN;
UPDATE disk_image_dynamic SET actual_size = 8589934592;
SELECT fixture.plan('raw');
SELECT fixture.plan('raw', '{"volume_format": "COW"}');
ROLLBACK;
SELECT fixture.plan('odd');
SELECT fixture.plan('odd', '{"volume_format": "COW"}');
-- left out, missing, blank
SELECT fixture.plan('raw', '{"include": false}');
BEGIN;
SELECT fixture.lose_image('raw', 1, 2);
SELECT fixture.plan('raw');
SELECT fate, volume_format, volume_type, virtual_size, bytes_to_copy, bytes_needed, target_storage_domain, method, note
FROM plan_add_vm_from_snapshot(fixture.snapshot('raw', 2), missing_disk => 'blank', disks => fixture.choose('raw', '{"volume_format": "RAW", "volume_type": "Preallocated"}'));
ROLLBACK;
-- the size of a disk whose image is gone: another image's that rounds to the OVF's GiB, else the OVF's
BEGIN;
SELECT fixture.lose_image('odd', 1, 2);
SELECT fate, virtual_size, note FROM plan_add_vm_from_snapshot(fixture.snapshot('odd', 2), missing_disk => 'blank');
SELECT d ->> 'size' AS size, d -> 'size_rounded' AS rounded FROM jsonb_array_elements(get_vm_configuration_by_snapshot_id(fixture.snapshot('odd', 2)) -> 'missing_disks') d;
UPDATE images SET size = size + 1073741824 WHERE image_guid = fixture.image('odd', 1, 3);
SELECT fate, virtual_size FROM plan_add_vm_from_snapshot(fixture.snapshot('odd', 2), missing_disk => 'blank');
UPDATE images SET size = size + 1073741824 WHERE image_guid = fixture.image('odd', 1, 1);
SELECT fate, virtual_size, note FROM plan_add_vm_from_snapshot(fixture.snapshot('odd', 2), missing_disk => 'blank');
-- handed back, it is the same
SELECT fate, virtual_size, note FROM plan_add_vm_from_snapshot(fixture.snapshot('odd', 2), missing_disk => 'blank', disks => get_vm_configuration_by_snapshot_id(fixture.snapshot('odd', 2)) -> 'disks');
ROLLBACK;
SELECT disk_alias, fate, method, note FROM plan_add_vm_from_snapshot(fixture.snapshot('special', 2)) ORDER BY 1;
SELECT disk_alias, fate, method, note FROM plan_add_vm_from_snapshot(fixture.snapshot('special', 2), disks =>
    jsonb_build_array(jsonb_build_object('disk_id', fixture.id('lun of special'), 'attach', true), jsonb_build_object('disk_id', fixture.id('shareable of special'), 'attach', true))) ORDER BY 1;
-- methods
BEGIN;
UPDATE storage_mounts SET reflink = true;
SELECT fixture.plan('raw');
SELECT fixture.plan('raw', '{"volume_type": "Preallocated"}');
SELECT fixture.plan('raw', jsonb_build_object('storage_domain_id', fixture.id('nfs2')));
SELECT fixture.plan('raw', jsonb_build_object('storage_domain_id', fixture.id('iscsi1')));
ROLLBACK;
-- several copies
SELECT disk_alias, note FROM plan_add_vm_from_snapshot(fixture.snapshot('raw', 2), copies => 3);
-- seconds from the rates of copies that are done
BEGIN;
SELECT count(*) FROM add_vm_from_snapshot(fixture.snapshot('cow', 2), start_paused => true);
UPDATE vmclone.async_tasks SET status = 'finished', result = 'success', bytes_done = 1073741824, started_at = now() - interval '10 s', ended_at = now();
SELECT disk_alias, round(seconds_expected::numeric, 3) FROM plan_add_vm_from_snapshot(fixture.snapshot('raw', 2));
ROLLBACK;
-- the chain, first snapshot first; a thin VM's begins in its template
SELECT source_chain = ARRAY[fixture.image('base', 1, 1), fixture.image('thin', 1, 1), fixture.image('thin', 1, 2)] AS chain, chain_depth FROM plan_add_vm_from_snapshot(fixture.snapshot('thin', 2));
-- a template's plan
SELECT disk_alias, fate, volume_format, volume_type FROM plan_add_vm_template_from_snapshot(fixture.snapshot('raw', 2));
-- which hosts could copy it, and what keeps others from it: all of a disk's domains on one host that answers and takes copies
BEGIN;
INSERT INTO vmclone.hosts (host_name, address, status, error, drain, added_by) VALUES ('h1', 'h1', 'up', NULL, NULL, ''), ('h2', 'h2', 'down', 'no route', NULL, ''), ('h3', 'h3', 'up', NULL, 'end', '');
SELECT fixture.hosts('raw');
SELECT fixture.host_has('h1', 'nfs1'), fixture.host_has('h2', 'nfs1'), fixture.host_has('h3', 'nfs1'), fixture.host_has('h1', 'nfs2');
SELECT fixture.hosts('raw');
SELECT fixture.hosts('raw', jsonb_build_object('storage_domain_id', fixture.id('nfs2')));
DELETE FROM vmclone.storage_mounts WHERE host_name = 'local' AND storage_domain_id = fixture.id('nfs1');
SELECT fixture.hosts('raw');
UPDATE vmclone.hosts SET drain = 'move' WHERE host_name = 'h1';
SELECT fixture.hosts('raw');
DELETE FROM vmclone.storage_mounts WHERE host_name = 'h1' AND storage_domain_id = fixture.id('nfs2');
SELECT fixture.hosts('raw', jsonb_build_object('storage_domain_id', fixture.id('nfs2')));
UPDATE vmclone.storage_mounts SET status = 'failed' WHERE storage_domain_id = fixture.id('nfs2');
SELECT fixture.hosts('raw', jsonb_build_object('storage_domain_id', fixture.id('nfs2')));
SELECT fixture.hosts('raw', '{"include": false}');
ROLLBACK;
-- nothing to plan: the reason
SELECT * FROM plan_add_vm_from_snapshot(fixture.id('nothing'));

-- (in one transaction, so that no worker comes)
BEGIN;
-- measuring: queued for both formats, used when done and as long as the chain is the same
SELECT d.disk_alias, m.volume_format, m.status, m.required FROM measure_snapshot(fixture.snapshot('raw', 2)) m JOIN base_disks d USING (disk_id) ORDER BY 1, 2;
UPDATE measurements SET status = 'done', required = CASE volume_format WHEN 'COW' THEN 1111490560 ELSE 10737418240 END, bytes_to_read = 1000000, allocated = 1228800, measured_at = now();
SELECT disk_alias, volume_format, bytes_to_copy, bytes_needed, bytes_source FROM plan_add_vm_from_snapshot(fixture.snapshot('raw', 2));
SELECT disk_alias, volume_format, bytes_to_copy, bytes_needed, bytes_source FROM plan_add_vm_from_snapshot(fixture.snapshot('raw', 2), disks => fixture.choose('raw', '{"volume_format": "COW"}'));
SELECT disk_alias, volume_type, bytes_to_copy, bytes_needed, bytes_source FROM plan_add_vm_from_snapshot(fixture.snapshot('raw', 2), disks => fixture.choose('raw', '{"volume_type": "Preallocated"}'));
SAVEPOINT same_chain;
UPDATE images SET parentid = '00000000-0000-0000-0000-000000000000' WHERE image_guid = fixture.image('raw', 1, 2);
SELECT disk_alias, bytes_needed, bytes_source FROM plan_add_vm_from_snapshot(fixture.snapshot('raw', 2));
SELECT m.volume_format, m.status FROM measure_snapshot(fixture.snapshot('raw', 2)) m WHERE m.disk_id = fixture.disk('raw', 1) ORDER BY 1;
ROLLBACK TO same_chain;
-- asked again, what is known is shown and nothing is queued
SELECT d.disk_alias, m.volume_format, m.status, m.required, m.allocated FROM measure_snapshot(fixture.snapshot('raw', 2)) m JOIN base_disks d USING (disk_id) ORDER BY 1, 2;
ROLLBACK;
SELECT * FROM measure_snapshot(fixture.id('nothing'));
-- a read-only transaction can plan and check, and nothing is locked or written
BEGIN READ ONLY;
SELECT count(*) FROM can_add_vm_from_snapshot(fixture.snapshot('raw', 2));
SELECT count(*) FROM plan_add_vm_from_snapshot(fixture.snapshot('raw', 2));
SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND mode NOT IN ('AccessShareLock', 'ExclusiveLock');
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
ROLLBACK;
