-- Rights that were given by hand and that the script would lose: everybody's on a function for users that gets other parameters,
-- and PUBLIC's on anything.  PUBLIC's are taken away for the script, whose GRANTs and REVOKEs go by what the extension itself has
-- given; all are given again behind (upgrade_after.sql).
DO $$
DECLARE
    by_hand record;
    again jsonb := '[]';
BEGIN
    FOR by_hand IN
        SELECT format('EXECUTE ON FUNCTION vmclone.%I%s TO %s', f.name, f.parameters, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END) AS given,
            NULL AS taken, x.is_grantable
        FROM (VALUES ('inventory_report', '(name)'), ('attach_storage_domain', '(uuid, text, integer, bigint, boolean, text)'),
            ('detach_storage_domain', '(uuid, text)'), ('check_storage_domain', '(uuid, text)')) AS f (name, parameters)
        JOIN pg_proc p ON p.pronamespace = 'vmclone'::regnamespace AND p.proname = f.name
        CROSS JOIN aclexplode(p.proacl) x
        WHERE x.grantee <> p.proowner
        UNION ALL
        SELECT format('%s TO PUBLIC', r.what), format('%s FROM PUBLIC', r.what), false
        FROM (
            SELECT format('%s ON %s %s', x.privilege_type, o.kind, o.name) AS what
            FROM (
                SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, c.tableoid, c.oid, c.relacl,
                    acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)
                FROM pg_class c
                UNION ALL
                SELECT 'ROUTINE', p.oid::regprocedure::text, p.tableoid, p.oid, p.proacl, acldefault('f', p.proowner) FROM pg_proc p) AS o (kind, name, class, oid, acl, default_acl)
            JOIN pg_depend d ON d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'
            JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'vmclone'
            LEFT JOIN pg_init_privs i ON i.classoid = o.class AND i.objoid = o.oid AND i.objsubid = 0
            CROSS JOIN aclexplode(o.acl) x
            WHERE x.grantee = 0 AND NOT EXISTS (
                SELECT FROM aclexplode(COALESCE(i.initprivs, o.default_acl)) y WHERE y.grantee = 0 AND y.privilege_type = x.privilege_type)
            UNION ALL
            SELECT format('%s (%I) ON TABLE %s', x.privilege_type, a.attname, a.attrelid::regclass)
            FROM pg_attribute a
            JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.deptype = 'e'
            JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'vmclone'
            CROSS JOIN aclexplode(a.attacl) x
            -- the extension itself gives no rights on columns
            WHERE x.grantee = 0) r
    LOOP
        again := again || to_jsonb(format('GRANT %s%s', by_hand.given, CASE WHEN by_hand.is_grantable THEN ' WITH GRANT OPTION' END));
        IF by_hand.taken IS NOT NULL THEN
            EXECUTE 'REVOKE ' || by_hand.taken;
        END IF;
    END LOOP;
    PERFORM set_config('vmclone_upgrade.rights', again::text, true);
END
$$;
