-- What the inventory's owner does to his tables after they were bound, and functions in them that call vmclone again, or change
-- the tables, while it reads and writes them: an error, or what would have been without; never another row's or freed memory.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
SELECT fixture.attach_domains();
SELECT fixture.make_vm('vm' || n) FROM generate_series(1, 8) n;
CREATE ROLE regress_engine_owner;
SELECT fixture.copy_inventory('engine', 'regress_engine_owner');
SELECT vmclone.use_inventory('engine');
SELECT vmclone.grant_engine('regress_engine_owner');
GRANT USAGE ON SCHEMA fixture TO PUBLIC;
\o
\set ECHO all
\set ON_ERROR_STOP off
SET client_min_messages = warning;
-- A call in a session that has called before, so that it has plans and descriptions of all tables; its error, or its name.
CREATE FUNCTION fixture.calls(vm text, clone text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot(vm, 2), clone, lock_mode => 'shared', start_paused => true));
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SELECT fixture.calls('vm1', 'first');

-- another type for each column that is read without a statement
CREATE FUNCTION fixture.with_other_type(relation text, name text, becomes text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    rule record;
BEGIN
    FOR rule IN SELECT conrelid::regclass AS name, conname FROM pg_constraint WHERE connamespace = 'engine'::regnamespace AND contype IN ('c', 'f') LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', rule.name, rule.conname);
    END LOOP;
    FOR rule IN SELECT indexrelid::regclass AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relnamespace = 'engine'::regnamespace AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) LOOP
        EXECUTE format('DROP INDEX %s', rule.name);
    END LOOP;
    EXECUTE format('ALTER TABLE engine.%I ALTER %I DROP DEFAULT, ALTER %2$I DROP NOT NULL, ALTER %2$I TYPE %s USING %s', relation, name, becomes,
        CASE becomes WHEN 'bigint' THEN '1' WHEN 'uuid' THEN 'gen_random_uuid()' ELSE '''x''' END);
    answer := fixture.calls('vm1', 'changed');
    RAISE EXCEPTION USING ERRCODE = 'ZZZZZ', MESSAGE = answer;
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
    RETURN CASE WHEN SQLERRM = 'changed' THEN 'as before' ELSE 'refused' END;
END $$;
SELECT c.relation, c.name, b.becomes, fixture.with_other_type(c.relation, c.name, b.becomes)
FROM (VALUES ('images', ARRAY['vm_snapshot_id', 'it_guid', 'size', 'volume_type', 'active', 'lastmodified', 'volume_classification', 'qcow_compat']),
    ('snapshots', ARRAY['vm_id', 'snapshot_type', 'description', 'app_list', 'vm_configuration_broken'])) AS r (relation, names)
CROSS JOIN LATERAL unnest(r.names) WITH ORDINALITY AS c2 (name, place)
CROSS JOIN LATERAL (SELECT r.relation, c2.name, c2.place) AS c
CROSS JOIN (VALUES ('bigint'), ('uuid'), ('text')) AS b (becomes)
ORDER BY c.relation, c.place, b.becomes;

-- a CHECK whose function calls again, and has all that is kept of tables thrown away: the next CHECK still gets its own row
SET ROLE regress_engine_owner;
CREATE TABLE engine.noted (what text, name text, place serial);
CREATE FUNCTION engine.notes(what text, name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('engine.armed', true) = 'yes' THEN
        INSERT INTO engine.noted VALUES (what, name);
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION engine.calls_again(name text, outer_name text, vm text, inner_name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('engine.armed', true) = 'yes' AND name = outer_name THEN
        CREATE OR REPLACE FUNCTION engine.made_meanwhile() RETURNS integer LANGUAGE sql AS 'SELECT 1';
        INSERT INTO engine.noted VALUES ('calls again', fixture.calls(vm, inner_name));
    END IF;
    RETURN true;
END $$;
ALTER TABLE engine.vm_static ADD CONSTRAINT a_calls_again CHECK (engine.calls_again(vm_name, 'outer', 'vm3', 'inner')),
    ADD CONSTRAINT b_notes CHECK (engine.notes('check', vm_name)), ADD CONSTRAINT c_notes CHECK (engine.notes('next check', vm_name));
RESET ROLE;
GRANT EXECUTE ON FUNCTION fixture.calls(text, text) TO PUBLIC;
SELECT fixture.calls('vm2', 'second');
SET engine.armed = 'yes';
SELECT fixture.calls('vm2', 'outer');
RESET engine.armed;
SELECT what, name FROM engine.noted ORDER BY place;
SELECT vm_name, (SELECT count(*) FROM engine.vm_device d WHERE d.vm_id = v.vm_guid) > 0 AS has_devices FROM engine.vm_static v WHERE vm_name IN ('outer', 'inner') ORDER BY 1;

-- the same of the condition of a BEFORE trigger
SET ROLE regress_engine_owner;
TRUNCATE engine.noted;
ALTER TABLE engine.vm_static DROP CONSTRAINT a_calls_again;
CREATE FUNCTION engine.fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM engine.notes(TG_NAME::text, NEW.vm_name::text); RETURN NEW; END $$;
CREATE TRIGGER a BEFORE INSERT ON engine.vm_static FOR EACH ROW WHEN (NOT engine.calls_again(NEW.vm_name, 'outer2', 'vm5', 'inner2')) EXECUTE FUNCTION engine.fires();
CREATE TRIGGER b BEFORE INSERT ON engine.vm_static FOR EACH ROW WHEN (NEW.vm_name LIKE 'outer%') EXECUTE FUNCTION engine.fires();
RESET ROLE;
SELECT fixture.calls('vm4', 'third');
SET engine.armed = 'yes';
SELECT fixture.calls('vm4', 'outer2');
RESET engine.armed;
SELECT what, name FROM engine.noted ORDER BY place;

-- the same of an index: its predicate calls again, its expression is the row's own, and both rows are in it; after an error, too
SET ROLE regress_engine_owner;
TRUNCATE engine.noted;
DROP TRIGGER a ON engine.vm_static;
DROP TRIGGER b ON engine.vm_static;
CREATE FUNCTION engine.indexes(name text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_setting('engine.armed', true) = 'no' THEN
        RAISE EXCEPTION 'not armed';
    END IF;
    RETURN engine.calls_again(name, 'outer3', 'vm5', 'inner3');
END $$;
CREATE FUNCTION engine.reversed(name text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT reverse(name)';
CREATE INDEX by_end ON engine.vm_static (engine.reversed(vm_name::text)) WHERE engine.indexes(vm_name::text);
RESET ROLE;
SELECT fixture.calls('vm4', 'third2');
SELECT fixture.calls('vm4', 'third3');
SET engine.armed = 'no';
SELECT fixture.calls('vm4', 'outer3');
SET engine.armed = 'yes';
SELECT fixture.calls('vm4', 'outer3');
RESET engine.armed;
SELECT what, name FROM engine.noted WHERE what = 'calls again';
CREATE FUNCTION fixture.by_end(names text[]) RETURNS SETOF text LANGUAGE sql SET enable_seqscan = off AS $$
    SELECT vm_name FROM engine.vm_static WHERE engine.indexes(vm_name::text) AND engine.reversed(vm_name::text) IN (SELECT reverse(n) FROM unnest(names) n) ORDER BY 1
$$;
SELECT fixture.by_end('{third2,third3,outer3,inner3}');

-- what is kept of indexes and defaults changes with the table and with functions in it
SET ROLE regress_engine_owner;
CREATE FUNCTION engine.stamp() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'one' $$;
ALTER TABLE engine.vm_dynamic ADD stamp text;
ALTER TABLE engine.vm_dynamic ALTER stamp SET DEFAULT engine.stamp();
RESET ROLE;
SELECT fixture.calls('vm4', 'stamped1');
SELECT fixture.calls('vm4', 'stamped2');
SET ROLE regress_engine_owner;
CREATE OR REPLACE FUNCTION engine.stamp() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'two' $$;
CREATE INDEX by_stamp ON engine.vm_dynamic (stamp) WHERE stamp = 'two';
RESET ROLE;
SELECT fixture.calls('vm4', 'stamped3');
SELECT fixture.calls('vm4', 'stamped4');
SET ROLE regress_engine_owner;
DROP INDEX engine.by_stamp;
CREATE INDEX by_stamp ON engine.vm_dynamic (upper(stamp));
RESET ROLE;
SELECT fixture.calls('vm4', 'stamped5');
SELECT vm_name, stamp FROM engine.vm_dynamic JOIN engine.vm_static USING (vm_guid) WHERE vm_name LIKE 'stamped%' ORDER BY 1;
SET enable_seqscan = off;
SELECT upper(stamp), count(*) FROM engine.vm_dynamic WHERE upper(stamp) IN ('ONE', 'TWO') GROUP BY 1 ORDER BY 1;
RESET enable_seqscan;

-- a default whose function puts another table in the place of the one that is written, and calls again
SET ROLE regress_engine_owner;
TRUNCATE engine.noted;
CREATE FUNCTION engine.exchanges(relation text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('engine.armed', true) = relation THEN
        PERFORM set_config('engine.armed', '', true);
        EXECUTE format('ALTER TABLE engine.%I RENAME TO exchanged', relation);
        EXECUTE format('CREATE TABLE engine.%I (LIKE engine.exchanged INCLUDING ALL)', relation);
        EXECUTE format('ALTER TABLE engine.%I ALTER exchanges DROP DEFAULT, ADD another text', relation);
        INSERT INTO engine.noted VALUES ('exchanged', fixture.calls('vm7', 'inner_' || relation));
    END IF;
    RETURN relation;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY '{vm_dynamic,vm_statistics,vm_device,vm_interface,base_disks,disk_vm_element,images,snapshots,disk_image_dynamic,permissions}'::text[] LOOP
        EXECUTE format('ALTER TABLE engine.%I ADD exchanges text', relation);
        EXECUTE format('ALTER TABLE engine.%I ALTER exchanges SET DEFAULT engine.exchanges(%L)', relation, relation);
    END LOOP;
END $$;
RESET ROLE;
SELECT fixture.calls('vm6', 'fourth');
CREATE FUNCTION fixture.exchanging(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    PERFORM set_config('engine.armed', relation, true);
    answer := fixture.calls('vm6', 'outer4');
    EXECUTE format('SELECT concat_ws('', '', %L, (SELECT string_agg(name, '' '') FROM engine.noted WHERE what = ''exchanged''), (SELECT string_agg(DISTINCT exchanges, '' '') FROM engine.%I WHERE exchanges <> %2$L))', answer, relation) INTO answer;
    RAISE EXCEPTION USING ERRCODE = 'ZZZZZ', MESSAGE = answer;
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
    RETURN SQLERRM;
END $$;
SELECT r, fixture.exchanging(r) FROM unnest('{vm_dynamic,vm_statistics,vm_device,vm_interface,base_disks,disk_vm_element,images,snapshots,disk_image_dynamic,permissions}'::text[]) r;
SELECT fixture.calls('vm6', 'fifth');

-- a trigger that changes the rows which are being locked, before they are
SET ROLE regress_engine_owner;
CREATE FUNCTION engine.meddles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() = 1 THEN
        UPDATE engine.images SET volume_classification = volume_classification;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER meddles BEFORE UPDATE ON engine.images FOR EACH STATEMENT EXECUTE FUNCTION engine.meddles();
RESET ROLE;
SELECT fixture.calls('vm8', 'sixth');
DROP TRIGGER meddles ON engine.images;
SELECT fixture.calls('vm8', 'sixth');

UPDATE vmclone.jobs SET status = 'failed', ended_at = now();
SELECT vmclone.use_inventory('vmclone');
SELECT vmclone.revoke_rights('regress_engine_owner');
DROP OWNED BY regress_engine_owner CASCADE;
DROP ROLE regress_engine_owner;
