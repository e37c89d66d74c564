-- Where clones came from, clones made again, and the drawings for people.
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
SELECT fixture.attach_domains();
\o
\set ECHO all
\set ON_ERROR_STOP off
SET search_path = vmclone;
\pset null -
SELECT count(*) FROM (SELECT fixture.make_vm('diskless', 0, 3)) made;
SELECT copy_number, vm_name, status FROM add_vm_from_snapshot(fixture.snapshot('diskless', 2), 'child_{n}', copies => 2, vm_static => '{"mem_size_mb": 3072}');
SELECT copy_number, vm_name, status FROM add_vm_template_from_snapshot(fixture.snapshot('diskless', 1), 'golden', user_id => fixture.id('admin'));

-- made again: the parameters of the first call, but one copy under a name of its own, and what is given laid over
SELECT copy_number, new_vm_name, status FROM clone_again((SELECT vm_guid FROM vm_static WHERE vm_name = 'child_2'));
SELECT copy_number, new_vm_name, status FROM clone_again((SELECT vm_guid FROM vm_static WHERE vm_name = 'child_2'), 'bigger', '{"vm_static": {"mem_size_mb": 4096}}');
SELECT vm_name, entity_type, mem_size_mb FROM vm_static WHERE vm_guid IN (SELECT vm_id FROM lineage) ORDER BY 1;

-- a clone's clone
INSERT INTO snapshots (snapshot_id, vm_id, snapshot_type, status, description, creation_date, _create_date)
SELECT fixture.id('of child'), vm_guid, 'REGULAR', 'OK', 'of the child', now(), now() FROM vm_static WHERE vm_name = 'child_1';
SELECT vm_name, status FROM add_vm_from_snapshot(fixture.id('of child'), 'grandchild');

-- from any of the family, with the one that was asked for marked
SELECT tree, vm_name, kind, snapshot, created_by = current_user AS created_by_me, copy_number, parameters ->> 'copies' AS copies, parameters -> 'vm_static' AS vm_static, vm_exists
FROM lineage_tree(fixture.vm('diskless'));
SELECT tree FROM lineage_tree((SELECT vm_guid FROM vm_static WHERE vm_name = 'grandchild'));
SELECT tree, snapshot FROM lineage_tree(fixture.snapshot('diskless', 1));
SELECT count(*) FROM lineage_tree;

-- it survives its source
SELECT fixture.remove_vm('diskless');
SELECT tree, snapshot, parameters ->> 'vm_name' AS called, vm_exists FROM lineage_tree((SELECT vm_guid FROM vm_static WHERE vm_name = 'child_1'));
DO $$ BEGIN PERFORM clone_again((SELECT vm_guid FROM vmclone.vm_static WHERE vm_name = 'child_1')); EXCEPTION WHEN OTHERS THEN RAISE WARNING '% %', SQLSTATE, SQLERRM; END $$;

-- snapshots and chains: of a thin VM, with who reads them
SELECT count(*) FROM (SELECT fixture.make_template('base'), fixture.make_vm('thin', 1, 3, template => 'base')) made;
SELECT vm_name FROM add_vm_from_snapshot(fixture.snapshot('thin', 2), 'reader', start_paused => true);
UPDATE images SET imagestatus = 4 WHERE image_guid = fixture.image('thin', 1, 3);
SELECT tree, type, status, format, virtual_size, actual_size, storage_domain, locked_by FROM snapshot_tree(fixture.vm('thin'));
-- a chain that goes round is drawn once
SELECT count(*) FROM (SELECT fixture.make_template('loop_base'), fixture.make_vm('loop', 1, 2, template => 'loop_base')) made;
UPDATE images SET parentid = fixture.image('loop', 1, 1) WHERE image_guid = fixture.image('loop_base', 1, 1);
SELECT tree, type FROM snapshot_tree(fixture.vm('loop'));
SELECT * FROM snapshot_tree(fixture.id('nobody'));
