-- use_inventory: what it checks, what it binds, and that an engine's tables stay the engine's.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();
SET LOCAL search_path = vmclone, public;
CREATE ROLE engine_of_test;
GRANT USAGE ON SCHEMA fixture TO engine_of_test;
CREATE ROLE mallory_of_test;
SELECT fixture.make_vm('web01') AS web01 \gset

SELECT results_eq('SELECT schema_name, owner FROM vmclone_internal.current_inventory()', $$ SELECT 'vmclone'::name, current_user::name $$, 'CREATE EXTENSION binds its own inventory');
SELECT is_empty($$ SELECT * FROM inventory_report() $$, 'the extension''s own inventory has everything');
SELECT throws_ok('SELECT use_inventory(NULL)', '22004', 'schema of the inventory must not be null');
SELECT throws_ok($$ SELECT use_inventory('nowhere') $$, '3F000', 'schema "nowhere" does not exist');
CREATE SCHEMA nothing_in_it;
SELECT throws_ok($$ SELECT use_inventory('nothing_in_it') $$, '42P01', 'schema "nothing_in_it" cannot be the inventory');
SELECT lives_ok($$ SELECT use_inventory('vmclone') $$, 'choosing its own inventory again is fine');

-- a foreign one
SELECT fixture.copy_inventory('engine_db', 'engine_of_test');
UPDATE engine_db.snapshots SET snapshot_type = 'STATELESS' WHERE description = 'snapshot 2';
SELECT lives_ok($$ SELECT use_inventory('engine_db') $$, 'a schema with all tables');
SELECT results_eq('SELECT schema_name, owner FROM vmclone_internal.current_inventory()', $$ VALUES ('engine_db'::name, 'engine_of_test'::name) $$, 'is the inventory now');
SELECT is(snapshots, 1, 'the views show it') FROM vms WHERE vm_name = 'web01';
SELECT ok(has_schema_privilege('engine_of_test', 'vmclone', 'USAGE') AND has_table_privilege('engine_of_test', 'vmclone.image_locks', 'SELECT')
    AND NOT has_table_privilege('engine_of_test', 'vmclone.jobs', 'INSERT, UPDATE, DELETE') AND has_table_privilege('engine_of_test', 'vmclone.vm_static', 'SELECT')
    AND NOT has_table_privilege('engine_of_test', 'vmclone.vm_static', 'INSERT, UPDATE, DELETE'),
    'its owner may read all that pg_dump reads, and no more');
SELECT is_empty(
    $$ SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
       JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid WHERE c.relnamespace = 'engine_db'::regnamespace $$,
    'nothing of the extension depends on the engine''s tables');
DROP TABLE engine_db.luns, engine_db.vm_nvram_data CASCADE;
SELECT lives_ok($$ SELECT use_inventory('engine_db') $$, 'optional tables may be missing');
SELECT lives_ok('SELECT * FROM vms, disks, missing_disks, storage', 'and the views still work');
SELECT results_eq($$ SELECT severity, relation::text COLLATE "default", finding FROM inventory_report() WHERE finding ~ 'missing' $$,
    $$ VALUES ('note', 'luns', 'optional table is missing'), ('note', 'vm_nvram_data', 'optional table is missing') $$, 'inventory_report says so');

-- none of the optional tables: stand-ins take their place in inventory statements
SAVEPOINT all_tables;
DO $$
DECLARE
    relation name;
BEGIN
    FOR relation IN SELECT DISTINCT c.relation FROM vmclone.inventory_columns c WHERE NOT c.table_required LOOP
        EXECUTE format('DROP TABLE IF EXISTS engine_db.%I CASCADE', relation);
    END LOOP;
END
$$;
SELECT lives_ok($$ SELECT use_inventory('engine_db') $$, 'all optional tables may be missing');
SELECT is(get_vm_configuration_by_snapshot_id(fixture.snapshot('web01', 1)) #>> '{vm_static,vm_name}', 'web01', 'a snapshot''s configuration, from its document');
UPDATE engine_db.snapshots SET vm_configuration = NULL WHERE snapshot_id = fixture.snapshot('web01', 1);
SELECT is(get_vm_configuration_by_snapshot_id(fixture.snapshot('web01', 1)) -> 'numa_nodes', '[]', 'and from the rows');
SELECT is(count(*), 2::bigint, 'its disks') FROM snapshot_disks(fixture.snapshot('web01', 1));
SET ROLE engine_of_test;
INSERT INTO vmclone_absent.vm_nvram_data (vm_id) VALUES (fixture.vm('web01'));
SELECT is_empty('SELECT * FROM vmclone_absent.vm_nvram_data', 'a stand-in stays empty');
RESET ROLE;
ROLLBACK TO all_tables;

-- everything that is wrong is named, not only the first
SAVEPOINT whole;
ALTER TABLE engine_db.images RENAME COLUMN active TO actief;
ALTER TABLE engine_db.quota ALTER quota_name TYPE text;
ALTER TABLE engine_db.disk_vm_element ALTER is_boot DROP DEFAULT, ALTER is_boot TYPE text;
DROP TABLE engine_db.vm_device CASCADE;
DO $$
DECLARE
    found text;
BEGIN
    PERFORM vmclone.use_inventory('engine_db');
EXCEPTION WHEN undefined_table THEN
    GET STACKED DIAGNOSTICS found = PG_EXCEPTION_DETAIL;
    PERFORM set_config('vmclone_test.detail', found, true);
END
$$;
SELECT is(current_setting('vmclone_test.detail'),
    E'disk_vm_element.is_boot: type is text, expected boolean\nimages.active: column is missing\nvm_device: table is missing', 'all that is missing or does not fit');
ROLLBACK TO whole;
DROP TABLE engine_db.vm_statistics;
CREATE VIEW engine_db.vm_statistics AS SELECT NULL::uuid AS vm_guid;
ALTER VIEW engine_db.vm_statistics OWNER TO engine_of_test;
SELECT throws_ok($$ SELECT use_inventory('engine_db') $$, '42P01', 'schema "engine_db" cannot be the inventory', 'a view is no table');
ROLLBACK TO whole;

-- nobody else may put objects where the owner's statements look
GRANT CREATE ON SCHEMA engine_db TO mallory_of_test;
SELECT throws_ok($$ SELECT use_inventory('engine_db') $$, '55000', 'others than the owner of its tables may create objects in schema "engine_db"', 'another role may create');
ROLLBACK TO whole;
GRANT CREATE ON SCHEMA engine_db TO PUBLIC;
SELECT throws_ok($$ SELECT use_inventory('engine_db') $$, '55000', 'others than the owner of its tables may create objects in schema "engine_db"', 'everybody may create');
ROLLBACK TO whole;
ALTER SCHEMA engine_db OWNER TO mallory_of_test;
SELECT throws_ok($$ SELECT use_inventory('engine_db') $$, '55000', 'others than the owner of its tables may create objects in schema "engine_db"', 'the schema is another role''s');
ROLLBACK TO whole;
ALTER TABLE engine_db.roles OWNER TO mallory_of_test;
SELECT throws_ok($$ SELECT use_inventory('engine_db') $$, '55000', 'the tables of schema "engine_db" have more than one owner', 'two owners');
ROLLBACK TO whole;
ALTER TABLE engine_db.vm_static OWNER TO mallory_of_test;
SELECT throws_ok('SELECT * FROM vmclone_internal.current_inventory()', '55000', 'the inventory in schema "engine_db" has changed since it was bound', 'the owner changed later');
ROLLBACK TO whole;

-- what an owner puts in a table's place afterwards runs with the owner's rights
CREATE FUNCTION engine_db.trap() RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$ BEGIN
    RAISE EXCEPTION 'trap runs as %, superuser %', current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user); END $$;
DROP TABLE engine_db.storage_domain_dynamic CASCADE;
CREATE VIEW engine_db.storage_domain_dynamic AS SELECT engine_db.trap() AS id, 1 AS available_disk_size, 1 AS used_disk_size;
ALTER VIEW engine_db.storage_domain_dynamic OWNER TO engine_of_test;
SELECT throws_ok('SELECT * FROM storage', 'P0001', 'trap runs as engine_of_test, superuser f', 'a view in a table''s place gains nothing');
ROLLBACK TO whole;

-- only a superuser chooses, and not while jobs are under way
GRANT USAGE ON SCHEMA vmclone, vmclone_internal TO mallory_of_test;
GRANT EXECUTE ON FUNCTION use_inventory(name), vmclone_internal.bind_inventory(name) TO mallory_of_test;
SET ROLE mallory_of_test;
SELECT throws_ok($$ SELECT vmclone.use_inventory('vmclone') $$, '42501', 'permission denied to choose the inventory');
RESET ROLE;
INSERT INTO jobs (job_id, call_id, action, vm_id, vm_name, source_vm_id, source_snapshot_id, storage_pool_id, owner, parameters, lock_mode)
VALUES (gen_random_uuid(), gen_random_uuid(), 'AddVmFromSnapshot', gen_random_uuid(), 'x', :'web01', fixture.snapshot('web01', 1), fixture.id('dc1'), current_user, '{}', 'exclusive');
SELECT throws_ok($$ SELECT use_inventory('vmclone') $$, '55006', 'cannot change the inventory while jobs are under way');
SELECT lives_ok($$ SELECT use_inventory('engine_db') $$, 'choosing the same again, as after a restore, is possible with jobs');
DELETE FROM jobs;

-- as after a restore: CREATE EXTENSION has bound its own, the dump says another was used
UPDATE inventory_binding SET schema_name = 'vmclone', owner = (SELECT relowner FROM pg_class WHERE oid = 'vmclone.vm_static'::regclass);
SELECT throws_ok('SELECT * FROM vmclone_internal.current_inventory()', '55000', 'no inventory is bound to this database', 'after a restore');
SELECT throws_ok('SELECT * FROM vms', '55000', 'no inventory is bound to this database', 'the views say so too');
SELECT lives_ok($$ SELECT use_inventory('engine_db') $$, 'until the choice is made again');
UPDATE inventory_binding SET database_oid = 1;
SELECT throws_ok('SELECT * FROM vmclone_internal.current_inventory()', '55000', 'no inventory is bound to this database', 'as in a copy of the database');
SELECT lives_ok($$ SELECT use_inventory('vmclone') $$, 'back to its own');
SELECT is_empty('SELECT * FROM inventory_choice', 'which needs no note for a restore');
SELECT ok(NOT has_schema_privilege('engine_of_test', 'vmclone', 'USAGE') AND NOT has_table_privilege('engine_of_test', 'vmclone.jobs', 'SELECT')
    AND NOT has_schema_privilege('engine_of_test', 'vmclone_absent', 'USAGE'), 'the former owner keeps no rights');

SELECT * FROM finish();
ROLLBACK;
