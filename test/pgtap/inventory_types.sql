-- Types of an engine's columns that are not ours: they work in every call, or use_inventory refuses them by name.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();
SET LOCAL search_path = vmclone, public;
CREATE ROLE engine_of_test;
SELECT fixture.attach_domains();
SELECT fixture.make_template('golden') IS NOT NULL AS made \gset
SELECT fixture.make_vm('thin', disks => 1, template => 'golden') IS NOT NULL AS made \gset
SELECT fixture.make_vm('full', options => '{"lun": true, "shareable": true, "affinity": true, "numa": true, "unplugged": [2],
    "vm_init": {"host_name": "h"}}') IS NOT NULL AS made \gset
SELECT fixture.copy_inventory('engine_db', 'engine_of_test');

-- Gives all needed columns of one type another one; those whose type is another already stay.
CREATE FUNCTION pg_temp.change(was regtype, becomes text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    target record;
    changed bigint := 0;
BEGIN
    FOR target IN
        SELECT c.relation, string_agg(format('ALTER %1$I DROP DEFAULT, ALTER %1$I TYPE %2$s USING %1$I::%2$s', c.column_name, becomes)
                || CASE WHEN d.adbin IS NULL THEN '' ELSE format(', ALTER %I SET DEFAULT %s', c.column_name, pg_get_expr(d.adbin, d.adrelid)) END, ', ') AS actions,
            count(*) AS columns
        FROM inventory_columns c
        JOIN pg_attribute a ON a.attrelid = format('engine_db.%I', c.relation)::regclass AND a.attname = c.column_name AND a.atttypid = was
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.column_required AND c.type = was
        GROUP BY c.relation
    LOOP
        EXECUTE format('ALTER TABLE engine_db.%I %s', target.relation, target.actions);
        changed := changed + target.columns;
    END LOOP;
    RETURN changed;
END
$$;
-- Checks and expressions of indexes stand on the types that columns have; here they are no matter.
CREATE FUNCTION pg_temp.drop_rules() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    rule record;
BEGIN
    FOR rule IN SELECT conrelid::regclass AS relation, conname FROM pg_constraint WHERE connamespace = 'engine_db'::regnamespace AND contype = 'c' LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', rule.relation, rule.conname);
    END LOOP;
    FOR rule IN SELECT indexrelid::regclass AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relnamespace = 'engine_db'::regnamespace AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
    LOOP
        EXECUTE format('DROP INDEX %s', rule.name);
    END LOOP;
END
$$;
SELECT pg_temp.drop_rules();

-- What fits works, in all calls at once.
SAVEPOINT same_types;
SELECT cmp_ok(pg_temp.change('int2', 'integer') + pg_temp.change('int4', 'bigint') + pg_temp.change('varchar', 'text'), '>', 80::bigint,
    'codes, amounts and names of wider types');
SELECT lives_ok($$ SELECT use_inventory('engine_db') $$, 'are an inventory');
SELECT is_empty($$ SELECT * FROM inventory_report() WHERE severity <> 'note' $$, 'inventory_report says that they fit');
SELECT lives_ok($$ SELECT * FROM can_add_vm_from_snapshot(fixture.snapshot('full', 2), 'copy') $$, 'can_add works');
SELECT lives_ok($$ SELECT * FROM plan_add_vm_from_snapshot(fixture.snapshot('full', 2), 'copy') $$, 'plan works');
SELECT lives_ok($$ SELECT * FROM add_vm_from_snapshot(fixture.snapshot('full', 2), 'copy', start_paused => true, user_id => fixture.id('alice'),
    disks => (SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.id(kind || ' of full'), 'attach', true)) FROM unnest('{lun,shareable}'::text[]) kind)) $$,
    'a clone works');
SELECT lives_ok($$ SELECT * FROM add_vm_from_snapshot(fixture.snapshot('thin', 1), 'copy{n}', copies => 2, start_paused => true, lock_mode => 'shared') $$, 'two of a thin VM do');
SELECT lives_ok($$ SELECT * FROM add_vm_template_from_snapshot(fixture.snapshot('thin', 2), 'golden', base_template_id => fixture.vm('golden'), template_version_name => 'v2',
    start_paused => true, lock_mode => 'shared') $$, 'a version of a template does');
SELECT is((SELECT count(*) FROM engine_db.vm_static WHERE vm_name IN ('copy', 'copy1', 'copy2', 'golden')), 5::bigint, 'the rows are there');
SELECT lives_ok($$ SELECT * FROM vms, disks, missing_disks, storage LIMIT 1 $$, 'views work');
SELECT lives_ok($$ SELECT * FROM snapshot_tree(fixture.vm('full')) $$, 'so does the tree');
SELECT lives_ok($$ SELECT get_vm_configuration_by_snapshot_id(fixture.snapshot('full', 2)) $$, 'and the configuration');
SELECT lives_ok($$ UPDATE engine_db.snapshots SET vm_configuration = NULL;
    SELECT get_vm_configuration_by_snapshot_id(fixture.snapshot('full', 2)) $$, 'of rows, too');
ROLLBACK TO same_types;
SELECT cmp_ok(pg_temp.change('text', 'varchar'), '>', 5::bigint, 'long texts that are varchar');
SELECT lives_ok($$ SELECT use_inventory('engine_db') $$, 'are an inventory');
SELECT lives_ok($$ SELECT * FROM add_vm_from_snapshot(fixture.snapshot('full', 2), 'copy', start_paused => true) $$, 'and a clone works');
ROLLBACK TO same_types;

-- What doesn't is refused, every column by its name.
CREATE FUNCTION pg_temp.refused(was regtype, becomes text, columns integer) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    changed bigint := pg_temp.change(was, becomes);
    found text := 'accepted';
BEGIN
    BEGIN
        PERFORM use_inventory('engine_db');
    EXCEPTION WHEN undefined_table THEN
        GET STACKED DIAGNOSTICS found = PG_EXCEPTION_DETAIL;
    END;
    RETURN CASE WHEN changed < columns THEN fail(format('only %s columns were %s', changed, was))
        ELSE is((SELECT count(*) FROM regexp_matches(found, format('(\w+\.\w+): type is %s, expected %s', becomes, was), 'g')), changed,
            format('%s for %s is refused, naming %s columns', becomes, was, changed)) END;
END
$$;
SAVEPOINT all_types;
SELECT pg_temp.refused('int8', 'numeric', 5);
ROLLBACK TO all_types;
SELECT pg_temp.refused('int8', 'double precision', 5);
ROLLBACK TO all_types;
UPDATE engine_db.images SET size = 1;
UPDATE engine_db.disk_image_dynamic SET actual_size = 1;
SELECT pg_temp.refused('int8', 'integer', 5);
ROLLBACK TO all_types;
SELECT pg_temp.refused('int4', 'numeric', 40);
ROLLBACK TO all_types;
SELECT pg_temp.refused('timestamptz', 'date', 5);
ROLLBACK TO all_types;
SELECT pg_temp.refused('timestamptz', 'timestamp without time zone', 5);
ROLLBACK TO all_types;
SELECT pg_temp.refused('text', 'name', 5);
ROLLBACK TO all_types;
SELECT pg_temp.refused('varchar', 'name', 40);
ROLLBACK TO all_types;
-- values of documents and callers go into these two tables' columns, whatever their names
ALTER TABLE engine_db.vm_static ALTER is_stateless TYPE text;
ALTER TABLE engine_db.vm_init ALTER host_name TYPE bytea USING host_name::bytea;
-- what only comes along may be anything
ALTER TABLE engine_db.disk_image_dynamic ALTER read_rate TYPE numeric;
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
    E'vm_init.host_name: type is bytea, expected text\nvm_static.is_stateless: type is text, expected boolean', 'columns that take given values are compared, too');

SELECT * FROM finish();
ROLLBACK;
