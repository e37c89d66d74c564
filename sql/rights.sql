-- Two roles stand behind a call: the one outside every SECURITY DEFINER frame and the current one.  What both may do
-- counts.  One case for each way in which they come to differ, in both directions.
\set VERBOSITY terse
SET client_min_messages = error;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
SELECT fixture.attach_domains();
SELECT fixture.make_vm('one'), fixture.make_vm('two'), fixture.make_vm('three');
\o
SET client_min_messages = error;
\set ECHO all
\set ON_ERROR_STOP off
CREATE ROLE regress_root SUPERUSER;
CREATE ROLE regress_admin;
CREATE ROLE regress_engine;
CREATE ROLE regress_engine2;
CREATE ROLE regress_alice;
CREATE ROLE regress_bob;
CREATE ROLE regress_viewer;
CREATE ROLE regress_nobody;
SELECT vmclone.grant_admin('regress_admin');
SELECT vmclone.grant_engine('regress_engine');
SELECT vmclone.grant_engine('regress_engine2');
SELECT vmclone.grant_operator('regress_alice', fixture.id('alice'));
SELECT vmclone.grant_operator('regress_bob', fixture.id('bob'));
SELECT vmclone.grant_viewer('regress_viewer');
GRANT USAGE ON SCHEMA fixture TO PUBLIC;
CREATE SCHEMA alice AUTHORIZATION regress_alice;
CREATE SCHEMA bob AUTHORIZATION regress_bob;
CREATE SCHEMA admin AUTHORIZATION regress_admin;
CREATE SCHEMA engine AUTHORIZATION regress_engine2;
CREATE SCHEMA root AUTHORIZATION regress_root;
GRANT USAGE ON SCHEMA alice, bob, admin, engine, root TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE regress_alice, regress_bob, regress_admin, regress_root GRANT ALL ON TABLES TO PUBLIC;

-- one job of each
SET ROLE regress_alice;
SELECT job_id AS alices FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'alices', lock_mode => 'shared', start_paused => true) \gset
-- bob's engine user has no permissions: his job was made before he was bound to it
RESET ROLE;
SELECT vmclone.grant_engine('regress_bob');
SET ROLE regress_bob;
SELECT job_id AS bobs FROM vmclone.add_vm_from_snapshot(fixture.snapshot('two', 2), 'bobs', lock_mode => 'shared', start_paused => true) \gset
RESET ROLE;
SELECT vmclone.revoke_rights('regress_bob');
SELECT vmclone.grant_operator('regress_bob', fixture.id('bob'));
SET ROLE regress_admin;
SELECT job_id AS admins FROM vmclone.add_vm_from_snapshot(fixture.snapshot('three', 2), 'admins', lock_mode => 'shared', start_paused => true, request_key => 'key') \gset
SET ROLE regress_engine;
SELECT job_id AS engines FROM vmclone.add_vm_from_snapshot(fixture.snapshot('three', 2), 'engines', lock_mode => 'shared', start_paused => true, request_key => 'key') \gset
RESET ROLE;
CREATE TABLE root.jobs AS SELECT vm_name, job_id, vm_id FROM vmclone.jobs;

-- Runs a statement as the current role; its answer, or its error without ids.
CREATE FUNCTION root.answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE statement INTO answer;
    RETURN coalesce(nullif(answer, ''), 'done');
EXCEPTION WHEN OTHERS THEN
    RETURN regexp_replace(SQLERRM, '[0-9a-f]{8}-[0-9a-f-]{27}', '<id>', 'g');
END $$;
-- Everything that a role's code could want in somebody else's session, tried in one go and undone.
CREATE FUNCTION root.tries() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    statement record;
    answer text;
BEGIN
    RETURN NEXT current_user;
    FOR statement IN SELECT * FROM (VALUES
        ('is', 'SELECT vmclone_internal.caller_name()'),
        ('sees', 'SELECT string_agg(vm_name, '' '' ORDER BY vm_name) FROM vmclone.jobs_view'),
        ('sees disks of', 'SELECT string_agg(DISTINCT vm_name, '' '' ORDER BY vm_name) FROM vmclone.progress'),
        ('sees locks of', 'SELECT string_agg(DISTINCT vm_name, '' '' ORDER BY vm_name) FROM vmclone.locks'),
        ('sees parameters of', 'SELECT string_agg(vm_name, '' '' ORDER BY vm_name) FROM vmclone.lineage_tree WHERE parameters IS NOT NULL'),
        ('cancels alice''s', format('SELECT vmclone.cancel_job(%L)', (SELECT job_id FROM root.jobs WHERE vm_name = 'alices'))),
        ('cancels bob''s', format('SELECT vmclone.cancel_job(%L)', (SELECT job_id FROM root.jobs WHERE vm_name = 'bobs'))),
        ('waits for bob''s', format('CALL vmclone.wait_for_job(%L, ''0 s'')', (SELECT job_id FROM root.jobs WHERE vm_name = 'bobs'))),
        ('clones', 'SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot(''one'', 2), ''tried'', lock_mode => ''shared'', start_paused => true)'),
        ('and owns it', 'SELECT vmclone_internal.caller_name()'),
        ('is checked as', 'SELECT (SELECT n FROM unnest(ARRAY[''alice'', ''bob'', ''admin'']) AS n WHERE fixture.id(n) = vmclone_internal.caller_user_id(NULL))'),
        ('clones for admin', 'SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot(''one'', 2), ''tried_for'', user_id => fixture.id(''admin''), lock_mode => ''shared'', start_paused => true)'),
        ('looks for admin', 'SELECT coalesce(string_agg(message_key, '' ''), ''no refusal'') FROM vmclone.can_add_vm_from_snapshot(fixture.snapshot(''one'', 2), ''look'', user_id => fixture.id(''admin''), lock_mode => ''shared'')'),
        ('uses the key', 'SELECT vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot(''three'', 2), ''admins'', lock_mode => ''shared'', start_paused => true, request_key => ''key'')'),
        ('clones again', format('SELECT new_vm_name FROM vmclone.clone_again(%L, ''again'')', (SELECT vm_id FROM root.jobs WHERE vm_name = 'bobs'))),
        ('unlocks', format('SELECT vmclone.unlock_entity(''snapshot'', %L)', fixture.snapshot('one', 1))),
        ('detaches', format('SELECT vmclone.detach_storage_domain(%L)', fixture.id('nfs2'))),
        ('grants', 'SELECT vmclone.grant_viewer(''regress_nobody'')'),
        ('promotes', 'SELECT vmclone.grant_admin(''regress_nobody'')'),
        ('revokes', 'SELECT vmclone.revoke_rights(''regress_viewer'')'),
        ('binds', 'SELECT vmclone.use_inventory(''vmclone'')'),
        ('protects', 'SELECT vmclone.protect_inventory(true)')) AS s (what, sql)
    LOOP
        BEGIN
            answer := root.answer(statement.sql);
            RAISE EXCEPTION USING ERRCODE = 'ZZZZZ', MESSAGE = answer;
        EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
            RETURN NEXT format('  %s: %s', statement.what, SQLERRM);
        END;
    END LOOP;
END $$;

-- how it is without anybody in between
SET ROLE regress_alice;
SELECT * FROM root.tries();
SET ROLE regress_admin;
SELECT * FROM root.tries();
SET ROLE regress_viewer;
SELECT * FROM root.tries();
SET ROLE regress_nobody;
SELECT * FROM root.tries();
RESET ROLE;

-- Code of an operator's in others' sessions.  What each of its tries brought is the same everywhere: what is stored first
-- is shown, and of the others only what differs from it.
CREATE TABLE root.brought (way text, line text, place bigint);
CREATE FUNCTION alice.code() RETURNS text[] LANGUAGE sql SECURITY DEFINER AS $$ SELECT array_agg(t) FROM root.tries() t $$;
CREATE FUNCTION alice.code(way text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO root.brought SELECT way, t.line, t.place FROM root.tries() WITH ORDINALITY AS t (line, place);
    RETURN true;
END $$;
ALTER FUNCTION alice.code() OWNER TO regress_alice;
ALTER FUNCTION alice.code(text) OWNER TO regress_alice;
SET ROLE regress_admin;
SELECT unnest(alice.code());
RESET ROLE;

SET ROLE regress_alice;
-- a trigger, by a foreign key's cascade
CREATE TABLE alice.parents (id integer PRIMARY KEY);
CREATE TABLE alice.children (id integer REFERENCES alice.parents ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO alice.parents VALUES (1), (2);
INSERT INTO alice.children VALUES (1), (2);
CREATE FUNCTION alice.cascaded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO root.brought SELECT 'cascaded ' || lower(TG_OP), t.line, t.place FROM root.tries() WITH ORDINALITY AS t (line, place);
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER cascaded BEFORE DELETE OR UPDATE ON alice.children FOR EACH ROW EXECUTE FUNCTION alice.cascaded();
-- a policy, a view, a view with its invoker's rights, a rule, a check, a deferred trigger
CREATE TABLE alice.policed (id integer);
INSERT INTO alice.policed VALUES (1);
ALTER TABLE alice.policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY policy ON alice.policed USING (alice.code('policy'));
CREATE VIEW alice.viewed AS SELECT alice.code('view') AS seen;
CREATE FUNCTION alice.make_invoker_view(definition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(definition, CASE WHEN current_setting('server_version_num')::integer >= 150000 THEN 'WITH (security_invoker)' ELSE '' END);
END $$;
SELECT alice.make_invoker_view($$CREATE VIEW alice.invoked %s AS SELECT alice.code('security_invoker view') AS seen$$);
CREATE TABLE alice.ruled (id integer);
CREATE RULE rule AS ON INSERT TO alice.ruled DO ALSO SELECT alice.code('rule');
CREATE TABLE alice.checked (id integer CHECK (alice.code('check')));
CREATE TABLE alice.deferred (id integer);
CREATE FUNCTION alice.at_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM alice.code('deferred trigger'); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON alice.deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION alice.at_commit();
-- as the table's owner without SECURITY DEFINER: a materialized view, an index
CREATE FUNCTION alice.plain_code(way text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO root.brought SELECT way, t.line, t.place FROM root.tries() WITH ORDINALITY AS t (line, place);
    RETURN true;
END $$;
CREATE MATERIALIZED VIEW alice.materialized AS SELECT alice.plain_code('materialized view') WITH NO DATA;
CREATE FUNCTION alice.of_index(id integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT alice.plain_code('index') $$;
CREATE TABLE alice.indexed AS SELECT 1 AS id;
CREATE INDEX ON alice.indexed (alice.of_index(id));
DELETE FROM root.brought WHERE way = 'index';
CREATE FUNCTION alice.on_event() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM alice.code('event trigger'); END $$;
RESET ROLE;
SET ROLE regress_root;
CREATE EVENT TRIGGER on_event ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION alice.on_event();
RESET ROLE;

SET ROLE regress_admin;
DELETE FROM alice.parents WHERE id = 1;
UPDATE alice.parents SET id = 3;
SELECT * FROM alice.policed;
SELECT * FROM alice.viewed;
SELECT * FROM alice.invoked;
INSERT INTO alice.ruled VALUES (1);
INSERT INTO alice.checked VALUES (1);
INSERT INTO alice.deferred VALUES (1);
CREATE TABLE admin.event (id integer);
DO $$ BEGIN PERFORM alice.code('DO block'); END $$;
PREPARE prepared AS SELECT alice.code('prepared');
EXECUTE prepared;
RESET ROLE;
SET SESSION AUTHORIZATION regress_admin;
SELECT alice.code('SET SESSION AUTHORIZATION');
RESET SESSION AUTHORIZATION;
SET ROLE regress_root;
SELECT alice.code('superuser');
REFRESH MATERIALIZED VIEW alice.materialized;
REINDEX TABLE alice.indexed;
RESET ROLE;
DROP EVENT TRIGGER on_event;
SELECT way, count(*) FROM root.brought GROUP BY way ORDER BY way COLLATE "C";
-- what an operator's code gets in an administrator's session is what it gets in his own
SET ROLE regress_alice;
SELECT alice.code('her own');
RESET ROLE;
SELECT b.way, b.line, o.line AS her_own FROM root.brought b JOIN root.brought o ON o.way = 'her own' AND o.place = b.place
WHERE b.line IS DISTINCT FROM o.line AND b.place > 1 ORDER BY b.way COLLATE "C", b.place;

-- in a viewer's and an engine's session
SET ROLE regress_viewer;
SELECT alice.code('viewer');
SET ROLE regress_engine;
SELECT alice.code('engine');
SET ROLE regress_bob;
SELECT alice.code('bob');
RESET ROLE;
SELECT b.way, b.line, o.line AS her_own FROM root.brought b JOIN root.brought o ON o.way = 'her own' AND o.place = b.place
WHERE b.way IN ('viewer', 'engine', 'bob') AND b.line IS DISTINCT FROM o.line AND b.place > 1 ORDER BY b.way COLLATE "C", b.place;

-- The other direction: a function lends its owner's rights to nobody who calls it.
CREATE FUNCTION admin.code() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $$ SELECT * FROM root.tries() $$;
ALTER FUNCTION admin.code() OWNER TO regress_admin;
CREATE FUNCTION root.code() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $$ SELECT * FROM root.tries() $$;
ALTER FUNCTION root.code() OWNER TO regress_root;
SET ROLE regress_alice;
SELECT * FROM admin.code();
SELECT * FROM admin.code() EXCEPT SELECT * FROM root.code();
SELECT * FROM root.code() EXCEPT SELECT * FROM admin.code();
SET ROLE regress_viewer;
SELECT * FROM admin.code();
SET ROLE regress_nobody;
SELECT * FROM admin.code();
RESET ROLE;
-- an administrator isn't made a superuser
SET ROLE regress_admin;
SELECT * FROM root.code() WHERE code ~ 'promotes|binds|grants';
RESET ROLE;
-- nor does one engine's function see what the other engine's role owns, and the key is its caller's
CREATE FUNCTION engine.code() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $$ SELECT * FROM root.tries() $$;
ALTER FUNCTION engine.code() OWNER TO regress_engine2;
SET ROLE regress_engine;
SELECT * FROM engine.code();
RESET ROLE;
-- views: the reader's own jobs, whoever the view's owner is
SET ROLE regress_admin;
CREATE VIEW admin.jobs AS SELECT vm_name FROM vmclone.jobs_view;
CREATE VIEW admin.locks AS SELECT DISTINCT vm_name FROM vmclone.locks;
CREATE VIEW admin.lineage AS SELECT vm_name FROM vmclone.lineage_tree WHERE parameters IS NOT NULL;
SET ROLE regress_alice;
SELECT alice.make_invoker_view('CREATE VIEW alice.jobs %s AS SELECT vm_name FROM vmclone.jobs_view');
SELECT * FROM admin.jobs ORDER BY 1;
SELECT * FROM admin.locks ORDER BY 1;
SELECT * FROM admin.lineage ORDER BY 1;
SET ROLE regress_nobody;
SELECT * FROM admin.jobs ORDER BY 1;
SELECT nullif(replace(root.answer('SELECT * FROM alice.jobs'), 'function caller_sees_all', 'view jobs_view'), 'permission denied for view jobs_view');
SET ROLE regress_bob;
SELECT * FROM alice.jobs ORDER BY 1;
SET ROLE regress_admin;
SELECT * FROM alice.jobs ORDER BY 1;
RESET ROLE;

-- A cursor and a prepared statement are judged when they run, not when they are made.
BEGIN;
SET LOCAL ROLE regress_admin;
DECLARE of_admin CURSOR FOR SELECT vm_name FROM vmclone.jobs_view ORDER BY 1;
PREPARE of_admin AS SELECT vm_name FROM vmclone.jobs_view ORDER BY 1;
SET LOCAL ROLE regress_alice;
FETCH ALL FROM of_admin;
EXECUTE of_admin;
DECLARE of_alice CURSOR FOR SELECT vm_name FROM vmclone.jobs_view ORDER BY 1;
SET LOCAL ROLE regress_admin;
FETCH ALL FROM of_alice;
EXECUTE of_admin;
COMMIT;
DEALLOCATE of_admin;
-- nor does a function change the role that it is judged by
SET ROLE regress_alice;
CREATE FUNCTION alice.turns(role text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE 'SET ROLE ' || role; END $$;
CREATE FUNCTION alice.turns_session(role text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE 'SET SESSION AUTHORIZATION ' || role; END $$;
RESET ROLE;
SET ROLE regress_admin;
SELECT alice.turns('regress_admin');
SELECT alice.turns('none');
SELECT alice.turns_session('default');
RESET ROLE;

\set ECHO none
\o /dev/null
SET client_min_messages = error;
DROP SCHEMA alice, bob, admin, engine, root CASCADE;
DROP OWNED BY regress_root, regress_admin, regress_engine, regress_engine2, regress_alice, regress_bob, regress_viewer, regress_nobody CASCADE;
DROP ROLE regress_root, regress_admin, regress_engine, regress_engine2, regress_alice, regress_bob, regress_viewer, regress_nobody;
