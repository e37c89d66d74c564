--
-- Who may do what.  role_rights() is the one list; grant_... apply it.
--

CREATE FUNCTION vmclone_internal.role_rights() RETURNS TABLE (kind text, object_type text, object_name text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.kind, o.object_type, o.object_name
    FROM (VALUES
        ('{viewer,operator,engine,admin}'::text[], 'routine', '{get_vm_configuration_by_snapshot_id,parse_ovf,
            snapshot_disks,suggest_vm_name,can_add_vm_from_snapshot,can_add_vm_template_from_snapshot,
            plan_add_vm_from_snapshot,plan_add_vm_template_from_snapshot,checks,snapshot_tree,lineage_tree,job_report,
            caller_name,caller_role,caller_sees_all,caller_user_id,inventory_rows,
            worker_preloaded,worker_process,identity_state}'::text[]),
        ('{viewer,operator,engine,admin}', 'view', '{jobs_view,progress,locks,lineage_tree,snapshot_tree,vms,disks,
            missing_disks,storage,worker,stat}'),
        ('{viewer,engine,admin}', 'view', '{copy_hosts}'),
        ('{viewer,admin}', 'routine', '{see_all_jobs}'),
        ('{operator,engine,admin}', 'routine', '{add_vm_from_snapshot,add_vm_template_from_snapshot,
            measure_snapshot,cancel_job,pause_job,resume_job,retry_job,alter_job,wait_for_job,clone_again,
            start_worker}'),
        ('{engine,admin}', 'routine', '{act_for_any_user}'),
        ('{admin}', 'routine', '{administer,attach_storage_domain,detach_storage_domain,
            check_storage_domain,add_copy_host,drop_copy_host,drain_copy_host,check_copy_host,import_disks,import_libvirt,libvirt_xml,unlock_entity,abandon_cleaning,purge_history,reset_stat,adopt,inventory_report,doctor,grant_engine,
            grant_operator,grant_viewer,revoke_rights}')
    ) AS r(kinds, object_type, names)
    CROSS JOIN LATERAL unnest(r.kinds) AS k(kind)
    CROSS JOIN LATERAL (SELECT r.object_type, name FROM unnest(r.names) AS name) AS o(object_type, object_name)
$$;

COMMENT ON FUNCTION vmclone_internal.role_rights() IS 'what grant_admin, grant_engine, grant_operator and grant_viewer give';

CREATE FUNCTION vmclone_internal.give_rights(p_role name, p_kind text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    object record;
BEGIN
    IF p_kind = 'admin' THEN
        PERFORM vmclone_internal.require_superuser('make administrators of vmclone');
    ELSE
        PERFORM vmclone_internal.require_administrator('give rights of vmclone');
    END IF;
    IF p_role IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'role must not be null',
            HINT = 'Pass the name of a role.';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = p_role) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('role "%s" does not exist', p_role), HINT = 'Create it with CREATE ROLE.';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA vmclone, vmclone_internal TO %I', p_role);
    FOR object IN
        SELECT format('ROUTINE %s', p.oid::regprocedure) AS name
        FROM vmclone_internal.role_rights() r JOIN pg_proc p ON p.proname = r.object_name
        WHERE r.kind = p_kind AND r.object_type = 'routine' AND p.pronamespace IN ('vmclone'::regnamespace, 'vmclone_internal'::regnamespace)
    LOOP
        EXECUTE format('GRANT EXECUTE ON %s TO %I', object.name, p_role);
    END LOOP;
    FOR object IN
        SELECT c.oid::regclass AS name
        FROM vmclone_internal.role_rights() r JOIN pg_class c ON c.relname = r.object_name
        WHERE r.kind = p_kind AND r.object_type = 'view' AND c.relnamespace = 'vmclone'::regnamespace
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', object.name, p_role);
    END LOOP;
END
$$;

COMMENT ON FUNCTION vmclone_internal.give_rights(name, text) IS 'grants the rights of one kind to a role';

CREATE FUNCTION vmclone.grant_admin(role name) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT vmclone_internal.give_rights(role, 'admin') $$;
COMMENT ON FUNCTION vmclone.grant_admin(name) IS 'makes a role an administrator: all jobs, all users, storage domains, unlocking; superusers only';

CREATE FUNCTION vmclone.grant_engine(role name) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT vmclone_internal.give_rights(role, 'engine') $$;
COMMENT ON FUNCTION vmclone.grant_engine(name) IS 'lets a role clone on behalf of any engine user, or internally without permission checks';

CREATE FUNCTION vmclone.grant_operator(role name, user_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF user_id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'user_id must not be null',
            HINT = 'An operator clones as one engine user; vmclone.grant_engine is for roles that clone for anyone.';
    END IF;
    PERFORM vmclone_internal.give_rights(role, 'operator');
    -- of roles that are gone, too
    DELETE FROM vmclone.operators o WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = o.role AND r.rolname <> $1);
    INSERT INTO vmclone.operators (role_name, user_id, role) SELECT r.rolname, $2, r.oid FROM pg_roles r WHERE r.rolname = $1;
END
$$;
COMMENT ON FUNCTION vmclone.grant_operator(name, uuid) IS 'lets a role clone on behalf of one engine user, with that user''s permissions';

CREATE FUNCTION vmclone.grant_viewer(role name) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT vmclone_internal.give_rights(role, 'viewer') $$;
COMMENT ON FUNCTION vmclone.grant_viewer(name) IS 'lets a role look: configurations, checks, plans, everybody''s jobs';

CREATE FUNCTION vmclone_internal.take_rights(p_role name) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA vmclone, vmclone_internal FROM %I', p_role);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA vmclone FROM %I', p_role);
    EXECUTE format('REVOKE ALL ON SCHEMA vmclone, vmclone_internal FROM %I', p_role);
    DELETE FROM vmclone.operators o USING pg_roles r WHERE r.rolname = p_role AND o.role = r.oid;
    -- what it needs as the owner of the inventory's tables is no right of its own
    PERFORM vmclone_internal.grant_to_inventory_owner(b.owner, true)
    FROM vmclone.inventory_binding b JOIN pg_roles r ON r.oid = b.owner WHERE r.rolname = p_role;
END
$$;
COMMENT ON FUNCTION vmclone_internal.take_rights(name) IS 'takes all rights of a role';

CREATE FUNCTION vmclone.revoke_rights(role name) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_revoke_rights';
COMMENT ON FUNCTION vmclone.revoke_rights(name) IS 'takes back all that grant_admin, grant_engine, grant_operator and grant_viewer gave';

REVOKE ALL ON FUNCTION vmclone_internal.role_rights(), vmclone_internal.give_rights(name, text), vmclone.grant_admin(name),
    vmclone.grant_engine(name), vmclone.grant_operator(name, uuid), vmclone.grant_viewer(name),
    vmclone_internal.take_rights(name), vmclone.revoke_rights(name) FROM PUBLIC;
