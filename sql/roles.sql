-- Who may do what, and attempts to get around it.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
SELECT fixture.attach_domains();
\o
\set ECHO all
\set ON_ERROR_STOP off
SELECT fixture.make_vm('one') IS NOT NULL AS one, fixture.make_vm('two') IS NOT NULL AS two;
CREATE ROLE regress_admin;
CREATE ROLE regress_engine;
CREATE ROLE regress_alice;
CREATE ROLE regress_bob;
CREATE ROLE regress_viewer;
CREATE ROLE regress_nobody;
-- Runs a statement as the current role; its error without ids, which differ from run to run.
CREATE FUNCTION public.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN regexp_replace(concat_ws(': ', SQLSTATE, SQLERRM, nullif(detail, '')), '[0-9a-f]{8}-[0-9a-f-]{27}', '<id>', 'g');
END $$;
GRANT USAGE ON SCHEMA fixture TO PUBLIC;
GRANT CREATE ON SCHEMA public TO regress_alice;
SELECT vmclone.grant_admin('regress_admin');
SELECT vmclone.grant_engine('regress_engine');
SELECT vmclone.grant_operator('regress_alice', fixture.id('alice'));
SELECT vmclone.grant_operator('regress_bob', fixture.id('bob'));
SELECT vmclone.grant_viewer('regress_viewer');
SELECT vmclone.grant_viewer('regress_absent');
SELECT vmclone.grant_viewer(NULL);
SELECT vmclone.grant_operator('regress_viewer', NULL);

-- PUBLIC has nothing
SELECT p.oid::regprocedure AS for_everybody
FROM pg_proc p WHERE p.pronamespace IN ('vmclone'::regnamespace, 'vmclone_internal'::regnamespace) AND has_function_privilege('regress_nobody', p.oid, 'EXECUTE') ORDER BY 1;
SELECT c.oid::regclass AS for_everybody
FROM pg_class c WHERE c.relnamespace = 'vmclone'::regnamespace AND c.relkind IN ('r', 'v', 'S')
  AND has_table_privilege('regress_nobody', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') ORDER BY 1;
-- nobody but the owner has rights on tables
SELECT r.rolname, c.oid::regclass
FROM pg_class c CROSS JOIN pg_roles r WHERE c.relnamespace = 'vmclone'::regnamespace AND c.relkind = 'r' AND r.rolname LIKE 'regress_%'
  AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') ORDER BY 1, 2;
-- every SECURITY DEFINER function has its search_path
SELECT p.oid::regprocedure AS without_search_path
FROM pg_proc p WHERE p.pronamespace IN ('vmclone'::regnamespace, 'vmclone_internal'::regnamespace) AND p.prosecdef
  AND NOT coalesce(p.proconfig, '{}') @> '{"search_path=pg_catalog, pg_temp"}' ORDER BY 1;
-- what role_rights names is there
SELECT r.object_name AS missing FROM vmclone_internal.role_rights() r
WHERE NOT EXISTS (SELECT 1 FROM pg_proc p WHERE p.proname = r.object_name AND p.pronamespace IN ('vmclone'::regnamespace, 'vmclone_internal'::regnamespace) AND r.object_type = 'routine')
  AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.relname = r.object_name AND c.relnamespace = 'vmclone'::regnamespace AND r.object_type = 'view') ORDER BY 1;

SET ROLE regress_nobody;
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone');
RESET ROLE;

SET ROLE regress_viewer;
SELECT vmclone.suggest_vm_name(fixture.snapshot('one', 1));
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'clone');
RESET ROLE;

-- an operator is his user, and nobody else
SET ROLE regress_alice;
SELECT copy_number, vm_name, status FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'alices', start_paused => true);
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('two', 1), 'clone', user_id => fixture.id('admin'));
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('two', 1), 'clone', user_id => fixture.id('alice'), vm_static => '{"created_by_user_id": "eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee"}', lock_mode => 'shared', start_paused => true) IS NOT NULL AS as_alice;
SELECT vmclone.clone_again(vm_id, 'again', '{"user_id": "44a0001b-9067-ed6c-b071-e28772b1f324"}') FROM vmclone.jobs_view WHERE vm_name = 'clone';
SELECT owner, user_id = fixture.id('alice') AS for_alice, vm_name FROM vmclone.jobs_view ORDER BY vm_name;
SELECT vmclone.unlock_entity('snapshot', fixture.snapshot('one', 1));
SELECT vmclone.attach_storage_domain(fixture.id('nfs1'), '/etc');
SELECT vmclone.grant_admin('regress_alice');
SELECT vmclone.use_inventory('public');
SELECT * FROM vmclone.jobs;
RESET ROLE;

-- another one has his own rights only, and sees and controls his own jobs only
SET ROLE regress_bob;
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('two', 2), 'bobs', lock_mode => 'shared');
SELECT count(*) FROM vmclone.jobs_view;
SELECT count(*) FROM vmclone.progress;
SELECT count(*) FROM vmclone.locks;
RESET ROLE;
SELECT created_by_user_id = fixture.id('alice') AS created_by_alice FROM vmclone.vm_static WHERE vm_name = 'clone';
-- an administrator makes an operator's clone again: for her user, not as an internal call
SET ROLE regress_admin;
SELECT vmclone.clone_again((SELECT vm_id FROM vmclone.jobs_view WHERE vm_name = 'clone'), 'once_more', '{"start_paused": true, "lock_mode": "shared"}') IS NOT NULL AS again;
RESET ROLE;
SELECT vm_name, owner, user_id = fixture.id('alice') AS for_alice FROM vmclone.jobs WHERE vm_name = 'once_more';
SELECT created_by_user_id = fixture.id('alice') AS created_by_alice FROM vmclone.vm_static WHERE vm_name = 'once_more';
SELECT count(*) > 0 AS owned_by_alice FROM vmclone.permissions p JOIN vmclone.vm_static v ON v.vm_guid = p.object_id WHERE v.vm_name = 'once_more' AND p.ad_element_id = fixture.id('alice');
SELECT job_id AS alices_job, vm_id AS alices_vm FROM vmclone.jobs WHERE vm_name = 'alices' \gset
SET ROLE regress_bob;
SELECT public.refused(format($$SELECT vmclone.cancel_job(%L)$$, :'alices_job'));
SELECT public.refused(format($$SELECT vmclone.pause_job(%L)$$, :'alices_job'));
SELECT public.refused(format($$SELECT vmclone.alter_job(%L, 5)$$, :'alices_job'));
SELECT public.refused(format($$SELECT vmclone.retry_job(%L)$$, :'alices_job'));
SELECT public.refused(format($$SELECT vmclone.resume_job(%L)$$, :'alices_job'));
SELECT public.refused(format($$SELECT vmclone.abandon_cleaning(%L)$$, :'alices_job'));
SELECT public.refused(format($$SELECT vmclone.clone_again(%L)$$, :'alices_vm'));
SELECT public.refused(format($$CALL vmclone.wait_for_job(%L, '1 s')$$, :'alices_job'));
-- a leaky function sees no row that the barrier hides
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE WARNING 'leaked %', $1; RETURN true; END $$;
SELECT vm_name FROM vmclone.jobs_view WHERE pg_temp.leak(vm_name);
SELECT entity_id FROM vmclone.locks WHERE pg_temp.leak(entity_id::text);
RESET ROLE;

-- nor does a materialized view, which asks as its owner
CREATE SCHEMA bobs AUTHORIZATION regress_bob;
SET ROLE regress_bob;
CREATE MATERIALIZED VIEW bobs.family AS SELECT * FROM vmclone.lineage_tree(NULL::uuid);
SELECT vm_name, parameters FROM bobs.family WHERE job_id = :'alices_job';
CREATE MATERIALIZED VIEW bobs.holders AS SELECT * FROM vmclone.snapshot_tree(fixture.vm('one'));
SELECT DISTINCT locked_by LIKE '%alice%' AS names_alice FROM bobs.holders;
CREATE MATERIALIZED VIEW bobs.jobs AS SELECT * FROM vmclone.jobs_view;
SELECT count(*) FROM bobs.jobs WHERE job_id = :'alices_job';
RESET ROLE;
-- an administrator stays one, whichever way another one asks
CREATE ROLE regress_other_admin;
SELECT vmclone.grant_admin('regress_other_admin');
CREATE SCHEMA admins AUTHORIZATION regress_admin;
SET ROLE regress_admin;
SELECT public.refused($$SELECT vmclone.revoke_rights('regress_other_admin')$$);
SELECT public.refused($$CREATE MATERIALIZED VIEW admins.coup AS SELECT vmclone.revoke_rights('regress_other_admin')::text$$);
SELECT public.refused($$SELECT vmclone_internal.take_rights('regress_other_admin')$$);
SELECT public.refused($$SELECT vmclone.revoke_rights(NULL)$$);
SELECT public.refused($$SELECT vmclone.revoke_rights('nobody_of_that_name')$$);
RESET ROLE;

-- a request key is the caller's own
SET ROLE regress_engine;
SELECT copy_number, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('two', 2), 'engines', request_key => 'key', lock_mode => 'shared', start_paused => true);
RESET ROLE;
SET ROLE regress_admin;
SELECT copy_number, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('two', 2), 'admins', request_key => 'key', lock_mode => 'shared', start_paused => true);
RESET ROLE;

-- an engine names any user, or none; sees its own jobs
SET ROLE regress_engine;
SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('two', 2), 'for_bob', user_id => fixture.id('bob'), lock_mode => 'shared');
SELECT vm_name FROM vmclone.jobs_view ORDER BY 1;
RESET ROLE;
SET ROLE regress_viewer;
SELECT vm_name FROM vmclone.jobs_view ORDER BY 1;
RESET ROLE;

-- functions, operators and a search_path of the caller's own
SET ROLE regress_alice;
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$;
CREATE FUNCTION public.text_equal(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$;
CREATE OPERATOR public.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = public.text_equal);
CREATE TEMP TABLE vm_static (vm_guid uuid, vm_name text);
CREATE TEMP TABLE images (image_guid uuid);
SET search_path = pg_temp, public, pg_catalog;
SELECT copy_number, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('one', 1), 'hijack', start_paused => true);
SELECT copy_number, vm_name FROM vmclone.add_vm_from_snapshot(fixture.snapshot('two', 1), 'hijack', lock_mode => 'shared', start_paused => true);
-- what is done by statements, too
CREATE FUNCTION public.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$;
CREATE FUNCTION public.equal(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$;
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$;
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.equal);
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = public.equal);
SELECT job_id AS hijacked FROM vmclone.add_vm_from_snapshot(fixture.snapshot('two', 1), 'hijack2', lock_mode => 'shared', start_paused => true, request_key => 'hijack') \gset
SELECT public.refused(format('SELECT vmclone.alter_job(%L, 5)', :'hijacked')), public.refused(format('SELECT vmclone.resume_job(%L)', :'hijacked')),
    public.refused(format('SELECT vmclone.pause_job(%L)', :'hijacked')),
    public.refused(format('SELECT vmclone.cancel_job(%L)', :'hijacked'));
SELECT public.refused('SELECT count(*) FROM vmclone.jobs_view'), public.refused('SELECT count(*) FROM vmclone.lineage_tree'), public.refused('SELECT count(*) FROM vmclone.locks');
DROP OPERATOR public.= (text, text);
DROP OPERATOR public.= (oid, oid);
DROP FUNCTION public.clock_timestamp();
RESET search_path;
SELECT count(*) FROM pg_temp.vm_static;
RESET ROLE;

-- inside a SECURITY DEFINER function of somebody else's the caller stays the caller
CREATE FUNCTION public.as_superuser() RETURNS name LANGUAGE sql SECURITY DEFINER AS $$ SELECT vmclone_internal.caller_name() $$;
SET ROLE regress_alice;
SELECT public.as_superuser();
RESET ROLE;

-- an administrator retries an operator's call for the operator's user, with that one's permissions
SELECT fixture.make_vm('three') IS NOT NULL AS three;
SET ROLE regress_alice;
SELECT job_id AS failed_job, vm_id AS failed_vm FROM vmclone.add_vm_from_snapshot(fixture.snapshot('three', 2), 'failed', start_paused => true) \gset
RESET ROLE;
BEGIN;
UPDATE vmclone.jobs SET status = 'failed', ended_at = now(), source_freed = true WHERE job_id = :'failed_job';
UPDATE vmclone.async_tasks SET status = 'finished', result = 'cleanSuccess' WHERE job_id = :'failed_job';
DELETE FROM vmclone.image_locks WHERE holder = (SELECT call_id FROM vmclone.jobs WHERE job_id = :'failed_job');
DELETE FROM vmclone.lock_state WHERE entity_id IN (SELECT snapshot_id FROM vmclone.snapshots WHERE vm_id = fixture.vm('three') UNION SELECT image_guid FROM vmclone.images);
DELETE FROM vmclone.vm_names WHERE vm_id = :'failed_vm';
UPDATE vmclone.snapshots SET status = 'OK' WHERE vm_id = fixture.vm('three');
UPDATE vmclone.images SET imagestatus = 1 WHERE image_group_id IN (fixture.disk('three', 1), fixture.disk('three', 2));
UPDATE vmclone.vm_static SET vm_name = 'gone' WHERE vm_guid = :'failed_vm';
SET LOCAL ROLE regress_admin;
SAVEPOINT retried;
SELECT vm_id AS retried_vm FROM vmclone.retry_job(:'failed_job') \gset
RESET ROLE;
SELECT owner, user_id = fixture.id('alice') AS for_alice FROM vmclone.jobs WHERE vm_id = :'retried_vm';
SELECT count(*) FROM vmclone.permissions WHERE object_id = :'retried_vm' AND ad_element_id = fixture.id('alice');
ROLLBACK TO retried;
RESET ROLE;
DELETE FROM vmclone.permissions WHERE ad_element_id = fixture.id('alice');
SET LOCAL ROLE regress_admin;
SELECT public.refused(format($$SELECT vmclone.retry_job(%L)$$, :'failed_job'));
ROLLBACK;

-- rights are taken back
SELECT vmclone.revoke_rights('regress_alice');
SET ROLE regress_alice;
SELECT vmclone.suggest_vm_name(fixture.snapshot('one', 1));
RESET ROLE;

DROP OWNED BY regress_admin, regress_other_admin, regress_engine, regress_alice, regress_bob, regress_viewer, regress_nobody CASCADE;
DROP ROLE regress_admin, regress_other_admin, regress_engine, regress_alice, regress_bob, regress_viewer, regress_nobody;
