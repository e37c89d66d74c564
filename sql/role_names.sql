-- Rights, jobs and request keys are a role's, not a name's: a renamed role keeps them, and who gets a dropped role's name
-- gets nothing with it.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
SELECT fixture.attach_domains();
SELECT fixture.make_vm('one');
\o
SET client_min_messages = error;
\set ECHO all
\set ON_ERROR_STOP off
CREATE ROLE regress_admin;
CREATE ROLE regress_alice;
SELECT vmclone.grant_admin('regress_admin');
SELECT vmclone.grant_operator('regress_alice', fixture.id('alice'));
GRANT USAGE ON SCHEMA fixture TO PUBLIC;
SET ROLE regress_alice;
SELECT job_id AS first FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', lock_mode => 'shared', start_paused => true, request_key => 'key') \gset
RESET ROLE;

-- renamed, with a newcomer of the old name
ALTER ROLE regress_alice RENAME TO regress_anna;
CREATE ROLE regress_alice;
SET ROLE regress_alice;
SELECT vmclone_internal.caller_user_id(NULL);
RESET ROLE;
SELECT vmclone.grant_operator('regress_alice', fixture.id('alice'));
SELECT role, user_id = fixture.id('alice') AS for_alice FROM vmclone.operators ORDER BY role::text;
SET ROLE regress_anna;
SELECT vm_name, owner, owner_is_gone FROM vmclone.jobs_view;
SELECT vm_name, owner FROM vmclone.locks GROUP BY 1, 2;
SELECT tree, created_by FROM vmclone.lineage_tree;
SELECT locked_by FROM vmclone.snapshot_tree(fixture.vm('one')) WHERE locked_by <> '' GROUP BY 1;
SELECT job_id = :'first' AS the_first FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', lock_mode => 'shared', start_paused => true, request_key => 'key');
SELECT vmclone.alter_job(:'first', 5);
SET ROLE regress_alice;
SELECT vm_name FROM vmclone.jobs_view;
SELECT vm_name FROM vmclone.progress;
SELECT vm_name FROM vmclone.locks;
SELECT tree, created_by FROM vmclone.lineage_tree;
SELECT locked_by FROM vmclone.snapshot_tree(fixture.vm('one')) WHERE locked_by <> '' GROUP BY 1;
SELECT job_id AS second FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'second', lock_mode => 'shared', start_paused => true, request_key => 'key') \gset
SELECT :'first' <> :'second' AS a_key_of_her_own;
SELECT vm_name, owner FROM vmclone.jobs_view;
RESET ROLE;
CREATE FUNCTION pg_temp.cancel(p_job_id uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM vmclone.cancel_job(p_job_id);
    RETURN 'done';
EXCEPTION WHEN insufficient_privilege THEN
    RETURN 'denied';
END $$;
SET ROLE regress_alice;
SELECT pg_temp.cancel(:'first') AS annas;
SET ROLE regress_anna;
SELECT pg_temp.cancel(:'second') AS alices;
RESET ROLE;

-- dropped with live jobs: its rights must go first; the jobs stay, and are nobody's
DROP ROLE regress_alice;
SELECT vmclone.revoke_rights('regress_alice');
DROP ROLE regress_alice;
DROP OWNED BY regress_anna;
DROP ROLE regress_anna;
SELECT vm_name, status, owner, owner_is_gone FROM vmclone.jobs_view ORDER BY 1;
SELECT role::text = '' AS is_gone FROM vmclone.operators;
CREATE ROLE regress_alice;
CREATE ROLE regress_anna;
SELECT vmclone.grant_viewer('regress_anna');
SELECT vmclone.grant_operator('regress_alice', fixture.id('bob'));
SELECT role, user_id = fixture.id('bob') AS for_bob FROM vmclone.operators;
SET ROLE regress_alice;
SELECT vm_name FROM vmclone.jobs_view;
SELECT tree FROM vmclone.lineage_tree;
SELECT pg_temp.cancel(:'first') AS first, pg_temp.cancel(:'second') AS second;
SET ROLE regress_anna;
SELECT vmclone_internal.caller_user_id(NULL);
SET ROLE regress_admin;
SELECT pg_temp.cancel(:'first') AS first, pg_temp.cancel(:'second') AS second;
RESET ROLE;
SELECT vm_name, requested, owner_is_gone FROM vmclone.jobs_view ORDER BY 1;

-- what a restore makes of names that no role has is nobody's, too, however many they are
SELECT 'regress_of_another_server'::vmclone.role_id::oid, ''::vmclone.role_id::oid, '10'::vmclone.role_id::oid, 'regress_alice'::vmclone.role_id::oid = 'regress_alice'::regrole;
INSERT INTO vmclone.operators (role_name, role, user_id) VALUES ('one', 'regress_of_another_server', fixture.id('alice')), ('two', 'regress_of_a_third', fixture.id('alice'));
INSERT INTO vmclone.request_keys (owner, owner_role, request_key, call_id, parameters) VALUES ('one', 'regress_of_another_server', 'key', gen_random_uuid(), '{}'), ('two', 'regress_of_a_third', 'key', gen_random_uuid(), '{}');
INSERT INTO vmclone.request_keys (owner, owner_role, request_key, call_id, parameters) VALUES ('regress_alice', 'regress_alice', 'twice', gen_random_uuid(), '{}'), ('regress_alice', 'regress_alice', 'twice', gen_random_uuid(), '{}');
SELECT vmclone.grant_operator('regress_anna', fixture.id('bob'));
SELECT role FROM vmclone.operators ORDER BY role::text;
-- a role that sees nobody's jobs doesn't see those of nobody
UPDATE vmclone.jobs SET owner_role = '';
UPDATE vmclone.lineage SET created_by_role = '';
CREATE SCHEMA alice AUTHORIZATION regress_alice;
CREATE FUNCTION alice.sees() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT vm_name FROM vmclone.jobs_view UNION ALL SELECT vm_name FROM vmclone.lineage_tree $$;
ALTER FUNCTION alice.sees() OWNER TO regress_alice;
GRANT USAGE ON SCHEMA alice TO regress_anna;
SELECT vmclone.revoke_rights('regress_anna');
SELECT vmclone.grant_operator('regress_anna', fixture.id('bob'));
SET ROLE regress_anna;
SELECT * FROM alice.sees();
SELECT vm_name FROM vmclone.jobs_view;
RESET ROLE;

DROP SCHEMA alice CASCADE;
DROP OWNED BY regress_admin, regress_alice, regress_anna CASCADE;
DROP ROLE regress_admin, regress_alice, regress_anna;
