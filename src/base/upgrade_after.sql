-- Who may use the extension's schema finds its internal routines, as before, where views and functions call them.
DO $$
DECLARE
    grantee record;
BEGIN
    FOR grantee IN
        SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END AS name, x.is_grantable
        FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) x
        WHERE n.nspname = 'vmclone' AND x.privilege_type = 'USAGE' AND x.grantee <> n.nspowner
    LOOP
        EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA vmclone_internal TO %s%s', grantee.name, CASE WHEN grantee.is_grantable THEN ' WITH GRANT OPTION' END);
    END LOOP;
END
$$;

-- Objects that are new, or were made anew, get the rights that the grant functions have given before, to the same roles.
SELECT vmclone_internal.give_rights(r.rolname, k.kind)
FROM (VALUES ('administer', 'admin'), ('act_for_any_user', 'engine'), ('see_all_jobs', 'viewer'), ('cancel_job', 'operator')) AS k (mark, kind)
JOIN pg_catalog.pg_proc p ON p.pronamespace IN ('vmclone'::pg_catalog.regnamespace, 'vmclone_internal'::pg_catalog.regnamespace) AND p.proname = k.mark
CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) a
JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
WHERE a.grantee <> p.proowner AND a.privilege_type = 'EXECUTE';

SELECT vmclone_internal.grant_to_inventory_owner(b.owner, true) FROM vmclone.inventory_binding b;

-- A script's GRANT and REVOKE go down in pg_init_privs as the extension's own, roles' rights and all, and pg_dump leaves out
-- what stands there: the next dump would lose these rights.  So only what owner and PUBLIC have stays, as after CREATE EXTENSION.
-- There is no command for that.
SET LOCAL allow_system_table_mods = on;
UPDATE pg_catalog.pg_init_privs i
SET initprivs = (
    SELECT pg_catalog.array_agg(p.item)
    FROM unnest(i.initprivs) AS p (item)
    WHERE EXISTS (SELECT FROM pg_catalog.aclexplode(ARRAY[p.item]) AS x WHERE x.grantee IN (0, x.grantor)))
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'vmclone'
WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
    AND i.classoid = d.classid AND i.objoid = d.objid
    AND EXISTS (SELECT FROM pg_catalog.aclexplode(i.initprivs) AS x WHERE x.grantee NOT IN (0, x.grantor));

-- What was given by hand, and doesn't go down there; not what is gone since, or has other parameters.
DO $$
DECLARE
    statement text;
    -- rows of pg_init_privs of the extension's own objects
    is_own CONSTANT text := '(classoid, objoid) IN (SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.refclassid = ''pg_extension''::regclass AND d.deptype = ''e'' AND e.extname = ''vmclone'')';
    as_made jsonb;
BEGIN
    EXECUTE 'SELECT jsonb_agg(to_jsonb(i)) FROM pg_init_privs i WHERE ' || is_own INTO as_made;
    FOR statement IN SELECT jsonb_array_elements_text(current_setting('vmclone_upgrade.rights')::jsonb)
    LOOP
        BEGIN
            EXECUTE statement;
        EXCEPTION WHEN undefined_function OR undefined_table OR undefined_column THEN
            NULL;
        END;
    END LOOP;
    EXECUTE 'DELETE FROM pg_init_privs WHERE ' || is_own;
    INSERT INTO pg_init_privs (objoid, classoid, objsubid, privtype, initprivs)
    SELECT (r.value ->> 'objoid')::oid, (r.value ->> 'classoid')::oid, (r.value ->> 'objsubid')::integer, 'e',
        ARRAY(SELECT p.item::aclitem FROM jsonb_array_elements_text(r.value -> 'initprivs') WITH ORDINALITY AS p (item, number) ORDER BY p.number)
    FROM jsonb_array_elements(as_made) r;
END
$$;
SET LOCAL allow_system_table_mods = off;

-- A launcher starts the worker, of this version now, when the transaction commits.
SELECT vmclone_internal.wake_worker();
