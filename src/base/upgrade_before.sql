-- Rights that were given by hand on a function for users that gets other parameters; given again behind (upgrade_after.sql).
SELECT pg_catalog.set_config('vmclone_upgrade.rights', COALESCE(pg_catalog.string_agg(pg_catalog.format(
    'GRANT EXECUTE ON FUNCTION vmclone.inventory_report(name) TO %s%s', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END,
    CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END), '; '), ''), true)
FROM pg_catalog.pg_proc p CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) x
WHERE p.pronamespace = 'vmclone'::pg_catalog.regnamespace AND p.proname = 'inventory_report' AND x.grantee <> p.proowner;
