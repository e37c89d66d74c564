-- An engine's own tables as the inventory, owned by a role without any other right: a whole clone; and what a hostile
-- owner's triggers, defaults, index expressions, generated columns and operators can't do.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
SELECT fixture.attach_domains();
SELECT fixture.make_template('golden');
SELECT fixture.make_vm('vm' || n, options => '{"affinity": true, "numa": true, "vm_init": {"host_name": "h"}}') FROM generate_series(1, 8) n;
SELECT fixture.make_vm('thin', disks => 1, template => 'golden');
CREATE ROLE regress_engine_owner;
CREATE ROLE regress_operator;
-- as from 15 on
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SELECT fixture.copy_inventory('engine', 'regress_engine_owner');
SELECT vmclone.use_inventory('engine');
SELECT vmclone.grant_operator('regress_operator', fixture.id('alice'));
GRANT USAGE ON SCHEMA fixture TO PUBLIC;
\o
\set ECHO all
\set ON_ERROR_STOP off
SET client_min_messages = warning;

SELECT * FROM vmclone_internal.current_inventory();
-- a whole clone, by its rows; vmclone's own tables stay empty
SELECT vm_name, status FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm1', 2), 'clone1', start_paused => true);
SELECT vm_name, status FROM vmclone.add_vm_from_snapshot(fixture.snapshot('thin', 1), 'clone2', copies => 2, start_paused => true);
SELECT vm_name, status FROM vmclone.add_vm_template_from_snapshot(fixture.snapshot('vm2', 1), 'clone3', user_id => fixture.id('alice'), start_paused => true);
SELECT v.vm_name, v.entity_type, count(DISTINCT d.device_id) AS devices, count(DISTINCT e.disk_id) AS disks, count(DISTINCT i.id) AS interfaces,
    string_agg(DISTINCT m.imagestatus::text, ' ') AS image_statuses, string_agg(DISTINCT s.status, ' ') AS snapshot_statuses
FROM engine.vm_static v JOIN engine.vm_device d ON d.vm_id = v.vm_guid LEFT JOIN engine.disk_vm_element e ON e.vm_id = v.vm_guid LEFT JOIN engine.vm_interface i ON i.vm_guid = v.vm_guid
LEFT JOIN engine.images m ON m.image_group_id = e.disk_id LEFT JOIN engine.snapshots s ON s.vm_id = v.vm_guid
WHERE v.vm_name LIKE 'clone%' GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) AS in_own_tables FROM vmclone.vm_static WHERE vm_name LIKE 'clone%';
SELECT kind, mode, count(*) FROM vmclone.locks GROUP BY 1, 2 ORDER BY 1, 2;
SELECT status, (SELECT string_agg(DISTINCT imagestatus::text, ' ') FROM engine.images WHERE image_group_id = fixture.disk('vm1', 1)) FROM engine.snapshots WHERE snapshot_id = fixture.snapshot('vm1', 2);
SELECT message FROM engine.audit_log ORDER BY audit_log_id;
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm1', 1), 'clone4');
SELECT step, message_key FROM vmclone.can_add_vm_from_snapshot(fixture.snapshot('vm1', 1), 'clone1');
SELECT vmclone.suggest_vm_name(fixture.snapshot('vm2', 1));
SELECT count(*) AS vms FROM vmclone.vms;
SELECT count(*) AS snapshots FROM vmclone.snapshot_tree(fixture.vm('vm1'));

-- an operator works on it with his user's permissions, and has no right on its tables
SET ROLE regress_operator;
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm3', 1), 'clone5', start_paused => true);
SELECT count(*) FROM engine.vm_static;
RESET ROLE;

-- what the owner may do with vmclone itself: read its tables, nothing more
SET ROLE regress_engine_owner;
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('vm3', 1), 'mine');
SELECT vmclone.cancel_job('00000000-0000-0000-0000-000000000000');
UPDATE vmclone.jobs SET owner = 'regress_engine_owner';
INSERT INTO vmclone.operators VALUES ('regress_engine_owner', fixture.id('admin'));
DELETE FROM vmclone.image_locks;
RESET ROLE;

-- Hostile code on the tables.  Each attempt is noted with the role it ran as and what became of it.
SET ROLE regress_engine_owner;
CREATE TABLE engine.attempts (what text, role name, outer_role name, outcome text);
CREATE FUNCTION engine.try_all(place text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY[
        'SET ROLE postgres', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION',
        'ALTER ROLE regress_engine_owner SUPERUSER', 'COPY (SELECT 1) TO PROGRAM ''true''', 'SELECT pg_read_file(''PG_VERSION'')',
        'UPDATE vmclone.jobs SET owner = current_user', 'DELETE FROM vmclone.image_locks', 'INSERT INTO vmclone.operators SELECT current_user, fixture.id(''admin'')',
        'UPDATE vmclone.storage_mounts SET real_path = ''/etc''',
        'SELECT vmclone.grant_admin(current_user)', 'SELECT vmclone.unlock_entity(''vm'', fixture.vm(''vm1''))',
        'SELECT vmclone.attach_storage_domain(fixture.id(''nfs1''), ''/etc'')',
        'CREATE TEMP TABLE images (image_guid uuid)', 'LISTEN hostile', 'PREPARE p AS SELECT 1', 'CREATE FUNCTION public.planted() RETURNS int LANGUAGE sql AS ''SELECT 1''']
    LOOP
        BEGIN
            EXECUTE statement;
            INSERT INTO engine.attempts VALUES (place || ': ' || statement, current_user, session_user, 'DONE');
        EXCEPTION WHEN OTHERS THEN
            -- the server's words differ from version to version
            INSERT INTO engine.attempts VALUES (place || ': ' || statement, current_user, session_user, SQLSTATE);
        END;
    END LOOP;
END $$;
CREATE FUNCTION engine.hostile_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM engine.try_all('trigger'); RETURN NEW; END $$;
CREATE TRIGGER hostile BEFORE INSERT ON engine.vm_dynamic FOR EACH ROW EXECUTE FUNCTION engine.hostile_trigger();
CREATE FUNCTION engine.hostile_default() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM engine.try_all('default'); RETURN 'x'; END $$;
ALTER TABLE engine.audit_log ADD hostile text;
ALTER TABLE engine.audit_log ALTER hostile SET DEFAULT engine.hostile_default();
CREATE FUNCTION engine.hostile_expression(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_setting('engine.armed', true) = 'search_path' THEN
        PERFORM set_config('search_path', 'engine, pg_catalog', false);
    ELSIF current_setting('engine.armed', true) <> '' THEN
        RAISE WARNING 'expression runs as %', current_user;
    END IF;
    RETURN $1;
END $$;
CREATE INDEX hostile ON engine.base_disks (engine.hostile_expression(disk_alias));
ALTER TABLE engine.disk_vm_element ADD CHECK (engine.hostile_expression(disk_interface) IS NOT NULL);
ALTER TABLE engine.vm_interface ADD generated text GENERATED ALWAYS AS (engine.hostile_expression(name)) STORED;
ALTER TABLE engine.vm_static ADD "a""b; DROP TABLE x --" text DEFAULT '''quoted';
-- operators and functions that would be found before or beside pg_catalog's
CREATE FUNCTION engine.hostile_equal(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked by an operator as %', current_user; END $$;
CREATE OPERATOR engine.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = engine.hostile_equal);
CREATE FUNCTION engine.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked by a function'; END $$;
-- as in an engine: with an index on lower() no statement calls it
DROP INDEX engine.vm_interface_lower_idx;
CREATE FUNCTION engine.lower(varchar) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO engine.attempts SELECT 'lower(varchar)', current_user, session_user, 'DONE' WHERE NOT EXISTS (SELECT 1 FROM engine.attempts WHERE what = 'lower(varchar)');
    RETURN pg_catalog.lower($1::text);
END $$;
RESET ROLE;
UPDATE engine.vm_static SET "a""b; DROP TABLE x --" = 'of the source' WHERE vm_guid = fixture.vm('vm4');
SET engine.armed = 'search_path';
-- a search_path that an expression sets can hijack later statements of the frame, as the owner, and ends with it
DO $$
BEGIN
    PERFORM vmclone.add_vm_from_snapshot(fixture.snapshot('vm4', 1), 'clone6', start_paused => true);
    RAISE EXCEPTION 'made, to be undone';
EXCEPTION WHEN OTHERS THEN
    IF SQLERRM NOT IN ('made, to be undone', 'hijacked by an operator as regress_engine_owner') THEN
        RAISE;
    END IF;
END
$$;
SHOW search_path;
SET engine.armed = 'yes';
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm4', 1), 'clone6', start_paused => true);
SHOW search_path;
RESET engine.armed;
SELECT current_user;
SELECT "a""b; DROP TABLE x --" FROM engine.vm_static WHERE vm_name = 'clone6';
SELECT what, role, outcome FROM engine.attempts ORDER BY 1;
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_engine_owner';
SELECT DISTINCT owner FROM vmclone.jobs;
SELECT count(*) AS operators FROM vmclone.operators;

-- Constraints of values in vm_static are foreseen with the owner's rights: a CHECK's function runs as it does when the row
-- is written, a table that the owner may not read is left to the foreign key.
SET ROLE regress_engine_owner;
TRUNCATE engine.attempts;
CREATE FUNCTION engine.looks_good(integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('engine.watch', true) = 'yes' THEN
        INSERT INTO engine.attempts VALUES ('CHECK', current_user, session_user, NULL);
    END IF;
    RETURN $1 <> 7;
END $$;
ALTER TABLE engine.vm_static ADD CONSTRAINT looks_good CHECK (engine.looks_good(nice_level));
CREATE TABLE engine.providers (id uuid PRIMARY KEY);
ALTER TABLE engine.vm_static ADD CONSTRAINT of_provider FOREIGN KEY (provider_id) REFERENCES engine.providers;
RESET ROLE;
SET engine.watch = 'yes';
SELECT step, message_key, message, detail FROM vmclone.can_add_vm_from_snapshot(fixture.snapshot('vm5', 2),
    vm_static => jsonb_build_object('nice_level', 7, 'provider_id', fixture.id('provider')));
RESET engine.watch;
SELECT DISTINCT what, role FROM engine.attempts;
CREATE SCHEMA hidden;
CREATE TABLE hidden.regions (id uuid PRIMARY KEY);
ALTER TABLE engine.vm_static ADD CONSTRAINT of_region FOREIGN KEY (migration_policy_id) REFERENCES hidden.regions;
SELECT step, message FROM vmclone.can_add_vm_from_snapshot(fixture.snapshot('vm5', 2), vm_static => jsonb_build_object('migration_policy_id', fixture.id('region')));
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm5', 2), 'x', jsonb_build_object('migration_policy_id', fixture.id('region')), lock_mode => 'shared');
ALTER TABLE engine.vm_static DROP CONSTRAINT of_region;
DROP SCHEMA hidden CASCADE;

-- The owner is an operator, too: in his trigger he is himself, not the administrator who calls.
SELECT vmclone.grant_operator('regress_engine_owner', fixture.id('bob'));
SELECT job_id AS job FROM vmclone.jobs WHERE vm_name = 'clone1' \gset
SET ROLE regress_engine_owner;
TRUNCATE engine.attempts;
DROP TRIGGER hostile ON engine.vm_dynamic;
CREATE FUNCTION engine.deputy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY['SELECT vmclone_internal.caller_name()', 'SELECT vmclone_internal.caller_sees_all()', 'SELECT vmclone.cancel_job(job_id) FROM vmclone.jobs WHERE vm_name = ''clone1''',
        'SELECT vmclone.add_vm_from_snapshot(fixture.snapshot(''vm3'', 2), ''planted'', user_id => fixture.id(''admin''))', 'SELECT vmclone_internal.caller_user_id(NULL)'] LOOP
        DECLARE
            answer text;
        BEGIN
            EXECUTE statement INTO answer;
            INSERT INTO engine.attempts VALUES (statement, current_user, session_user, answer);
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO engine.attempts VALUES (statement, current_user, session_user, regexp_replace(SQLERRM, '[0-9a-f]{8}-[0-9a-f-]{27}', '<id>', 'g'));
        END;
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER deputy BEFORE INSERT ON engine.vm_dynamic FOR EACH ROW EXECUTE FUNCTION engine.deputy();
RESET ROLE;
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm5', 2), 'clone7', lock_mode => 'shared', start_paused => true);
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm6', 2), 'clone8', start_paused => true);
SELECT what, role, outcome FROM engine.attempts ORDER BY 1;
SELECT count(*) AS cancelled FROM vmclone.jobs WHERE requested = 'cancel';
DROP TRIGGER deputy ON engine.vm_dynamic;
-- taking back his rights leaves him what his tables need
SELECT vmclone.revoke_rights('regress_engine_owner');
SELECT has_function_privilege('regress_engine_owner', 'vmclone.cancel_job(uuid)', 'EXECUTE') AS still_operator;
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm5', 2), 'clone8b', lock_mode => 'shared', start_paused => true);

-- without the optional tables
UPDATE vmclone.jobs SET status = 'failed', ended_at = now();
DROP TABLE engine.vm_icons, engine.vm_nvram_data, engine.vm_external_data, engine.numa_node, engine.numa_node_cpu_map, engine.vm_vds_numa_node_map, engine.vm_host_pinning_map,
    engine.vm_interface_statistics, engine.users, engine.affinity_groups, engine.affinity_group_members, engine.labels, engine.labels_map, engine.vdc_options, engine.luns, engine.disk_lun_map CASCADE;
SELECT vmclone.use_inventory('engine');
SELECT fixture.make_vm('other') IS NOT NULL AS made_in_own_tables;
SELECT vmclone.unlock_entity('snapshot', fixture.snapshot('vm3', 1));
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm7', 1), 'clone9', user_id => fixture.id('alice'), start_paused => true);
SELECT vm_name FROM vmclone.add_vm_template_from_snapshot(fixture.snapshot('vm8', 2), 'clone10', lock_mode => 'shared', start_paused => true);

DROP OWNED BY regress_operator;
DROP ROLE regress_operator;
UPDATE vmclone.jobs SET status = 'failed', ended_at = now() WHERE ended_at IS NULL;
SELECT vmclone.use_inventory('vmclone');
SELECT vmclone.revoke_rights('regress_engine_owner');
DROP OWNED BY regress_engine_owner CASCADE;
DROP ROLE regress_engine_owner;
