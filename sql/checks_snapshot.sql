-- V1..V10 of the checks: the snapshot and its VM; every image of the chains; missing disks.
CREATE EXTENSION vmclone;
\set ECHO none
\i test/fixture/fixture.sql
\i test/fixture/checks.sql
\set ECHO all
\set ON_ERROR_STOP 0
SELECT fixture.attach_domains();
SELECT count(*) FROM (SELECT fixture.make_vm('one'), fixture.make_vm('two', disks => 1), fixture.make_template('base'), fixture.make_template('other'),
    fixture.make_vm('thin', disks => 1, template => 'base')) v;
SET client_min_messages = error;
SET search_path = vmclone, public;
\pset format unaligned
\pset tuples_only on

-- nothing wrong
SELECT * FROM fixture.try('');
SELECT * FROM fixture.try('', target => 'template');

-- the snapshot
SELECT * FROM fixture.try('', $$vm_name => 'x'$$, NULL);
SELECT * FROM fixture.try('', $$vm_name => 'x'$$, fixture.id('nothing'));
SELECT * FROM fixture.try('', $$source_vm_id => fixture.vm('two')$$);
SELECT * FROM fixture.try('', $$source_vm_id => fixture.vm('one')$$);
-- any LOCKED snapshot of the VM, not only the chosen one
SELECT * FROM fixture.try($$UPDATE snapshots SET status = 'LOCKED' WHERE snapshot_id = fixture.snapshot('one', 1)$$);
SELECT * FROM fixture.try($$UPDATE snapshots SET vm_configuration_broken = true WHERE snapshot_id = fixture.snapshot('one', 2)$$);
SELECT * FROM fixture.try('', '', fixture.snapshot('one', 3));
SELECT * FROM fixture.try('', '', fixture.snapshot('one', 3), 'template');
SELECT * FROM fixture.try($$UPDATE vm_dynamic SET status = 1 WHERE vm_guid = fixture.vm('one')$$, '', fixture.snapshot('one', 3), 'template');
-- a running VM can be cloned from a regular snapshot
SELECT * FROM fixture.try($$UPDATE vm_dynamic SET status = 1 WHERE vm_guid = fixture.vm('one')$$);
SELECT * FROM fixture.try($$UPDATE snapshots SET status = 'IN_PREVIEW' WHERE snapshot_id = fixture.snapshot('one', 3)$$);
SELECT * FROM fixture.try($$UPDATE snapshots SET status = 'IN_PREVIEW' WHERE snapshot_id = fixture.snapshot('one', 3)$$, target => 'template');
SELECT * FROM fixture.try($$UPDATE snapshots SET vm_configuration = '<broken' WHERE snapshot_id = fixture.snapshot('one', 2)$$);
SELECT * FROM fixture.try($$UPDATE vm_dynamic SET status = 15 WHERE vm_guid = fixture.vm('one')$$);

-- images that are locked: of the active disks, and of the chain
SELECT * FROM fixture.try($$UPDATE images SET imagestatus = 2 WHERE image_guid = fixture.image('one', 1, 3)$$);
SELECT * FROM fixture.try($$UPDATE images SET imagestatus = 2 WHERE image_guid = fixture.image('one', 1, 1)$$);
SELECT * FROM fixture.try($$UPDATE images SET imagestatus = 2 WHERE image_guid IN (fixture.image('one', 1, 2), fixture.image('one', 2, 1))$$);
-- a disk that is left out doesn't count
SELECT * FROM fixture.try($$UPDATE images SET imagestatus = 2 WHERE image_guid = fixture.image('one', 2, 1)$$,
    $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 2), 'include', false))$$);

-- faults below the chosen image
SELECT * FROM fixture.try($$UPDATE images SET imagestatus = 4 WHERE image_guid = fixture.image('one', 1, 1)$$);
SELECT * FROM fixture.try($$SELECT fixture.lose_image('one', 1, 1)$$);
SELECT * FROM fixture.try($$UPDATE images SET parentid = fixture.image('one', 1, 2) WHERE image_guid = fixture.image('one', 1, 1)$$);
SELECT * FROM fixture.try($$
    INSERT INTO images (image_guid, creation_date, size, it_guid, parentid, imagestatus, lastmodified, image_group_id)
    SELECT fixture.id('deep ' || n), now(), 1048576, '00000000-0000-0000-0000-000000000000', CASE WHEN n = 1 THEN '00000000-0000-0000-0000-000000000000' ELSE fixture.id('deep ' || n - 1) END,
        1, now(), fixture.disk('one', 1) FROM generate_series(1, 1023) n;
    INSERT INTO image_storage_domain_map (image_id, storage_domain_id) SELECT fixture.id('deep ' || n), fixture.id('nfs1') FROM generate_series(1, 1023) n;
    UPDATE images SET parentid = fixture.id('deep 1023') WHERE image_guid = fixture.image('one', 1, 1)$$);
-- 1024 images are not too many
SELECT * FROM fixture.try($$
    INSERT INTO images (image_guid, creation_date, size, it_guid, parentid, imagestatus, lastmodified, image_group_id)
    SELECT fixture.id('deep ' || n), now(), 1048576, '00000000-0000-0000-0000-000000000000', CASE WHEN n = 1 THEN '00000000-0000-0000-0000-000000000000' ELSE fixture.id('deep ' || n - 1) END,
        1, now(), fixture.disk('one', 1) FROM generate_series(1, 1022) n;
    INSERT INTO image_storage_domain_map (image_id, storage_domain_id) SELECT fixture.id('deep ' || n), fixture.id('nfs1') FROM generate_series(1, 1022) n;
    UPDATE images SET parentid = fixture.id('deep 1022') WHERE image_guid = fixture.image('one', 1, 1)$$);
SELECT * FROM fixture.try($$UPDATE images SET image_group_id = fixture.disk('two', 1) WHERE image_guid = fixture.image('one', 1, 1)$$);
SELECT * FROM fixture.try($$UPDATE images SET image_group_id = fixture.disk('two', 1) WHERE image_guid = fixture.image('one', 1, 2)$$);
SELECT * FROM fixture.try($$DELETE FROM image_storage_domain_map WHERE image_id = fixture.image('one', 1, 1)$$);

-- a snapshot with memory: told, and cloned without
SELECT * FROM fixture.try($$UPDATE snapshots SET memory_dump_disk_id = fixture.disk('two', 1) WHERE snapshot_id = fixture.snapshot('one', 2)$$);
SELECT * FROM fixture.try($$UPDATE snapshots SET memory_metadata_disk_id = fixture.disk('two', 1) WHERE snapshot_id = fixture.snapshot('one', 1)$$);

-- the step into a template's disk: right once
SELECT * FROM fixture.try('', '', fixture.snapshot('thin', 2));
SELECT * FROM fixture.try($$UPDATE images SET it_guid = fixture.image('other', 1, 1) WHERE image_guid = fixture.image('thin', 1, 1)$$, '', fixture.snapshot('thin', 2));
SELECT * FROM fixture.try($$UPDATE images SET parentid = fixture.image('other', 1, 1) WHERE image_guid = fixture.image('base', 1, 1)$$, '', fixture.snapshot('thin', 2));
SELECT * FROM fixture.try($$UPDATE image_storage_domain_map SET storage_domain_id = fixture.id('nfs2') WHERE image_id = fixture.image('base', 1, 1)$$, '', fixture.snapshot('thin', 2));
SELECT * FROM fixture.try($$INSERT INTO image_storage_domain_map (image_id, storage_domain_id) VALUES (fixture.image('base', 1, 1), fixture.id('nfs2'))$$, '', fixture.snapshot('thin', 2));
SELECT * FROM fixture.try($$DELETE FROM images WHERE image_guid = fixture.image('base', 1, 1)$$, '', fixture.snapshot('thin', 2));
SELECT * FROM fixture.try($$UPDATE images SET imagestatus = 2 WHERE image_guid = fixture.image('base', 1, 1)$$, '', fixture.snapshot('thin', 2));

-- missing disks: gone, or ILLEGAL; disk 2 is not the boot disk
SELECT * FROM fixture.try($$SELECT fixture.lose_image('one', 2, 2)$$);
SELECT * FROM fixture.try($$UPDATE images SET imagestatus = 4 WHERE image_guid = fixture.image('one', 2, 2)$$);
SELECT * FROM fixture.try($$SELECT fixture.lose_image('one', 2, 2)$$, $$missing_disk => 'skip'$$);
SELECT * FROM fixture.try($$SELECT fixture.lose_image('one', 2, 2)$$, $$missing_disk => 'blank'$$);
SELECT * FROM fixture.try($$SELECT fixture.lose_image('one', 2, 2)$$, $$missing_disk => 'fail'$$);
SELECT * FROM fixture.try($$SELECT fixture.lose_image('one', 2, 2)$$, $$missing_disk => 'fail', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 2), 'include', false))$$);
SELECT * FROM fixture.try($$SELECT fixture.lose_image('one', 1, 2)$$);
SELECT * FROM fixture.try($$SELECT fixture.lose_image('one', 1, 2)$$, $$missing_disk => 'skip'$$);
SELECT * FROM fixture.try($$UPDATE disk_vm_element SET is_boot = false; SELECT fixture.write_ovf('two'); SELECT fixture.lose_image('two', 1, 2)$$, '', fixture.snapshot('two', 2));
SELECT * FROM fixture.try($$SELECT fixture.lose_image('two', 1, 2)$$, '', fixture.snapshot('two', 2));
SELECT * FROM fixture.try($$SELECT fixture.lose_image('two', 1, 2)$$, $$missing_disk => 'skip'$$, fixture.snapshot('two', 2));
-- and a fault below a missing disk's neighbour is refused whatever is said of missing ones
SELECT * FROM fixture.try($$SELECT fixture.lose_image('one', 2, 2), fixture.lose_image('one', 1, 1)$$, $$missing_disk => 'skip'$$);

-- shared clones, and an operation of the engine that has written LOCKED over what they share; another document is no operation
CREATE FUNCTION fixture.share_first() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', start_paused => true, lock_mode => 'shared');
EXCEPTION WHEN division_by_zero THEN
    -- a subtransaction of its own, and so other row versions than those below
    NULL;
END
$$;
SELECT * FROM fixture.try($$SELECT fixture.share_first()$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT fixture.share_first(); UPDATE snapshots SET status = 'LOCKED' WHERE snapshot_id = fixture.snapshot('one', 2)$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT fixture.share_first(); UPDATE snapshots SET description = 'another' WHERE snapshot_id = fixture.snapshot('one', 2)$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT fixture.share_first(); UPDATE images SET imagestatus = 2 WHERE image_guid = fixture.image('one', 2, 1)$$, $$vm_name => 'second', lock_mode => 'shared'$$);
-- detail and hint say which and what to do
\pset tuples_only off
\pset format aligned
\x on
BEGIN;
SELECT fixture.lose_image('one', 1, 1);
UPDATE images SET imagestatus = 4 WHERE image_guid = fixture.image('one', 2, 2);
SELECT * FROM can_add_vm_from_snapshot(fixture.snapshot('one', 2));
ROLLBACK;
