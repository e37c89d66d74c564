-- inventory_report: of any schema, bound or not, one row for each finding, with what to do; use_inventory refuses where it has errors.
\set ON_ERROR_STOP on
SET client_min_messages = error;
BEGIN;
SELECT no_plan();
SET LOCAL search_path = public;
CREATE ROLE owner_of_test;
CREATE ROLE web_of_test;
GRANT USAGE ON SCHEMA fixture TO owner_of_test;

CREATE FUNCTION pg_temp.found(pattern text, schema name DEFAULT 'other') RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', severity, relation, object), ', ' ORDER BY severity, relation, object)
    FROM vmclone.inventory_report(schema) WHERE finding ~ pattern AND advice <> '' $$;

SELECT fixture.copy_inventory('other', 'owner_of_test');
SELECT is_empty($$ SELECT * FROM vmclone.inventory_report('vmclone') WHERE severity = 'error' $$, 'nothing is wrong with vmclone''s own tables');
SELECT is_empty($$ SELECT * FROM vmclone.inventory_report('other') WHERE severity <> 'note' $$, 'nor with another schema that has all, before it is bound');
SELECT is(pg_temp.found('does not exist', 'nowhere'), 'error', 'a schema that is not there');

SAVEPOINT clean;
DROP TABLE other.cpu_profiles, other.luns CASCADE;
ALTER TABLE other.cluster DROP COLUMN bios_type;
ALTER TABLE other.vm_static DROP COLUMN small_icon_id;
ALTER TABLE other.images ALTER size TYPE numeric;
ALTER TABLE other.vm_dynamic ALTER app_list TYPE varchar;
SELECT is(pg_temp.found('table is missing'), 'error cpu_profiles, note luns', 'tables that are missing, needed and not');
SELECT is(pg_temp.found('column is missing'), 'error cluster bios_type, error vm_static small_icon_id', 'columns that are missing');
SELECT is(pg_temp.found('type is'), 'error images size, note vm_dynamic app_list', 'types that do not fit, and that do');
PREPARE bind AS SELECT vmclone.use_inventory('other');
SELECT throws_like('EXECUTE bind', '%cannot be the inventory%', 'use_inventory refuses it');
ROLLBACK TO clean;

ALTER TABLE other.quota OWNER TO web_of_test;
SELECT is(pg_temp.found('other owners'), 'error owner_of_test, error web_of_test', 'more owners than one');
SELECT throws_like('EXECUTE bind', '%more than one owner%', 'use_inventory refuses it');
ROLLBACK TO clean;
GRANT CREATE ON SCHEMA other TO PUBLIC;
SELECT ok(pg_temp.found('may create objects in the schema: .*PUBLIC') IS NOT NULL, 'others may create objects');
ROLLBACK TO clean;
ALTER TABLE other.permissions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT is(pg_temp.found('row security'), 'error permissions', 'row security that hides rows from the owner');
ROLLBACK TO clean;

-- users' objects
CREATE SCHEMA web_of_test AUTHORIZATION web_of_test;
CREATE TABLE web_of_test.note (id integer, vm_id uuid CONSTRAINT note_vm REFERENCES other.vm_static DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE web_of_test.note OWNER TO web_of_test;
ALTER TABLE other.snapshots ADD CONSTRAINT waits UNIQUE (vm_id, snapshot_id) DEFERRABLE;
CREATE FUNCTION web_of_test.see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE CONSTRAINT TRIGGER sees AFTER INSERT ON other.images DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION web_of_test.see();
CREATE TRIGGER told AFTER DELETE ON other.images FOR EACH STATEMENT EXECUTE FUNCTION web_of_test.see();
SELECT is(pg_temp.found('is checked at COMMIT'), 'note images sees, note note note_vm', 'constraints that wait for COMMIT, a foreign key of another table too');
SELECT is(pg_temp.found('can be checked at COMMIT'), 'note snapshots waits', 'and one that may');
SELECT is(pg_temp.found('a trigger$'), 'note images told', 'triggers');
SELECT is(pg_temp.found('refers to it'), 'note vm_static note_vm', 'tables of others that refer to a clone');
REVOKE ALL ON SCHEMA web_of_test FROM web_of_test;
ALTER SCHEMA web_of_test OWNER TO CURRENT_USER;
SELECT is(pg_temp.found('is checked at COMMIT'), 'error note note_vm, note images sees', 'one that PostgreSQL lets nobody check earlier');
SELECT vmclone.use_inventory('other');
SELECT fixture.attach_domains();
SELECT throws_ok('SELECT * FROM vmclone.add_vm_from_snapshot(gen_random_uuid(), ''none'')', '42501', 'permission denied for schema web_of_test', 'is refused by a call, before anything else');
SELECT vmclone.use_inventory('vmclone');
ROLLBACK TO clean;

-- publications
ALTER TABLE other.labels_map REPLICA IDENTITY DEFAULT;
ALTER TABLE other.images REPLICA IDENTITY NOTHING;
CREATE PUBLICATION everything_of_test FOR ALL TABLES;
SELECT ok(pg_temp.found('everything_of_test: nobody can') ~ '^error images, warning.* warning labels_map', 'tables without replica identity: that calls write, that cleaning meets');
ALTER TABLE other.labels_map REPLICA IDENTITY FULL;
SELECT ok(pg_temp.found('everything_of_test: nobody can') !~ 'labels_map', 'not one that publishes whole rows');
DROP PUBLICATION everything_of_test;
CREATE PUBLICATION inserts_of_test FOR ALL TABLES WITH (publish = 'insert');
SELECT is(pg_temp.found('nobody can'), NULL, 'a publication of insertions is nothing');
ROLLBACK TO clean;

-- guards, of the bound inventory
SELECT is(pg_temp.found('guards'), NULL, 'guards are no matter before it is bound');
SELECT vmclone.use_inventory('other');
SELECT is(pg_temp.found('guards'), 'note images, note snapshots', 'a bound one has none');
SELECT is((SELECT string_agg(severity, ' ') FROM vmclone.inventory_report() WHERE finding ~ 'guards'), 'note note', 'it is the one that is looked at where none is named');
SELECT vmclone.protect_inventory(true);
SELECT is(pg_temp.found('guards|trigger'), NULL, 'with guards there is nothing to say, of the guards neither');
ALTER TABLE other.images DISABLE TRIGGER vmclone_guard_update;
ALTER TABLE other.images DISABLE TRIGGER vmclone_guard_delete;
ALTER TABLE other.images DISABLE TRIGGER vmclone_guard_truncate;
SELECT is(pg_temp.found('guards'), 'note images', 'those that are switched off do not count');

-- protect_inventory
SELECT vmclone.protect_inventory(true);
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'vmclone\_guard%' AND tgrelid IN ('other.images'::regclass, 'other.snapshots'::regclass) AND tgenabled = 'O'), 6::bigint, 'protect_inventory switches them on again');
SELECT is((SELECT count(*) FROM pg_depend d JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
    WHERE d.deptype = 'x' AND t.tgrelid IN ('other.images'::regclass, 'other.snapshots'::regclass)), 6::bigint, 'they go with the extension');
SELECT is_empty($$ SELECT tgname FROM pg_trigger t WHERE tgname LIKE 'vmclone\_guard%' AND obj_description(t.oid, 'pg_trigger') IS NULL $$, 'each says what it is for');
SELECT vmclone.protect_inventory(false);
SELECT is_empty($$ SELECT FROM pg_trigger WHERE tgname LIKE 'vmclone\_guard%' AND tgrelid IN ('other.images'::regclass, 'other.snapshots'::regclass) $$, 'and takes them away');
SELECT lives_ok('SELECT vmclone.protect_inventory(false)', 'twice is fine');
SELECT vmclone.protect_inventory(true);
SELECT vmclone.use_inventory('vmclone');
SELECT is_empty($$ SELECT FROM pg_trigger WHERE tgname LIKE 'vmclone\_guard%' AND tgrelid IN ('other.images'::regclass, 'other.snapshots'::regclass) $$, 'another inventory takes them away, too');
SELECT lives_ok('SELECT vmclone.protect_inventory(true)', 'vmclone''s own tables have theirs');
SELECT throws_ok('SELECT vmclone.protect_inventory(false)', '55000', 'the guards of vmclone''s own inventory cannot be taken away', 'and keep them');
SELECT throws_ok('SELECT vmclone.protect_inventory(NULL)', '22004', 'protect_inventory needs true or false');
SELECT * FROM finish();
ROLLBACK;
