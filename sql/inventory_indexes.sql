-- An inventory's indexes are its owner's: where one is missing, or has another idea of what is equal than its column, statements
-- read what is read by it otherwise, and a call does the same.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
SELECT fixture.attach_domains();
SELECT fixture.make_vm('vm' || n) FROM generate_series(1, 3) n;
CREATE ROLE regress_engine_owner;
SELECT fixture.copy_inventory('engine', 'regress_engine_owner');
SELECT vmclone.use_inventory('engine');
GRANT USAGE ON SCHEMA fixture TO PUBLIC;
\o
\set ECHO all
\set ON_ERROR_STOP off
-- foreign keys of a column that the call sets, and on it
CREATE TABLE engine.states (status varchar(32) PRIMARY KEY);
INSERT INTO engine.states SELECT DISTINCT status FROM engine.snapshots;
ALTER TABLE engine.snapshots ADD CONSTRAINT of_state FOREIGN KEY (status) REFERENCES engine.states;
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm3', 2), 'no_such_state', start_paused => true);
ALTER TABLE engine.snapshots DROP CONSTRAINT of_state, ADD CONSTRAINT with_status UNIQUE (snapshot_id, status);
CREATE TABLE engine.watched (snapshot_id uuid, status varchar(32),
    FOREIGN KEY (snapshot_id, status) REFERENCES engine.snapshots (snapshot_id, status) ON UPDATE CASCADE);
INSERT INTO engine.watched SELECT snapshot_id, status FROM engine.snapshots WHERE snapshot_id = fixture.snapshot('vm3', 2);
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm3', 2), 'watched', start_paused => true);
SELECT w.status, s.status FROM engine.watched w JOIN engine.snapshots s USING (snapshot_id);
DROP TABLE engine.watched;
ALTER TABLE engine.snapshots DROP CONSTRAINT with_status;
DROP TABLE engine.states;
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm1', 2), 'with_indexes', lock_mode => 'shared', start_paused => true);
-- a column that came after the rows, which have the value that it came with
ALTER TABLE engine.snapshots DROP COLUMN vm_configuration_broken;
ALTER TABLE engine.snapshots ADD COLUMN vm_configuration_broken boolean DEFAULT true;
SELECT DISTINCT message_key FROM vmclone.can_add_vm_from_snapshot(fixture.snapshot('vm2', 2), vm_name => 'broken', lock_mode => 'shared');
UPDATE engine.snapshots SET vm_configuration_broken = false;
SELECT fixture.drop_indexes('engine');
SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'engine'::regnamespace;
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm2', 2), 'without', lock_mode => 'shared', start_paused => true);
SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm2', 2), 'without{n}', lock_mode => 'shared', start_paused => true, copies => 2);
-- the name of a machine, and one of a job under way
SELECT message_key FROM vmclone.can_add_vm_from_snapshot(fixture.snapshot('vm2', 2), vm_name => 'vm1', lock_mode => 'shared');
SELECT message_key FROM vmclone.can_add_vm_from_snapshot(fixture.snapshot('vm2', 2), vm_name => 'without', lock_mode => 'shared');
SELECT with_indexes.*, without.* FROM
    (SELECT count(*) AS devices FROM engine.vm_device JOIN engine.vm_static ON vm_guid = vm_id WHERE vm_name = 'with_indexes') with_indexes,
    (SELECT count(*) AS the_same FROM engine.vm_device JOIN engine.vm_static ON vm_guid = vm_id WHERE vm_name = 'without') without;

-- a column in which case makes no difference, with an index in which it does
CREATE COLLATION engine.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
ALTER TABLE engine.vm_static ALTER vm_name TYPE varchar(255) COLLATE engine.nocase;
CREATE INDEX ON engine.vm_static (vm_name COLLATE "C");
SELECT message_key FROM vmclone.can_add_vm_from_snapshot(fixture.snapshot('vm2', 2), vm_name => 'VM1', lock_mode => 'shared');

UPDATE vmclone.jobs SET status = 'failed', ended_at = now();
SELECT vmclone.use_inventory('vmclone');
SELECT vmclone.revoke_rights('regress_engine_owner');
DROP OWNED BY regress_engine_owner CASCADE;
DROP ROLE regress_engine_owner;
