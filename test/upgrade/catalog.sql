-- What the catalogs say of the extension, as text to be compared: a section for each object that is a member of it.  No oid and
-- no order by oid, so that an updated database and a new one give the same text if, and only if, they are the same.
WITH member AS (
    SELECT d.classid, d.objid, i.type, i.identity
    FROM pg_extension e
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
    CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
    WHERE e.extname = 'vmclone'
), relation AS (
    SELECT m.type || ' ' || m.identity AS section, c.*
    FROM member m
    JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
), rights AS (
    SELECT classid, objid, proacl AS acl, proowner AS owner, 'f' AS kind FROM member JOIN pg_proc ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid
    UNION ALL
    SELECT classid, objid, relacl, relowner, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END FROM member JOIN pg_class ON classid = 'pg_class'::regclass AND objid = pg_class.oid
    UNION ALL
    SELECT classid, objid, nspacl, nspowner, 'n' FROM member JOIN pg_namespace ON classid = 'pg_namespace'::regclass AND objid = pg_namespace.oid
), fact (section, place, text) AS (
    SELECT type || ' ' || identity, 0, 'member' FROM member
    UNION ALL
    SELECT m.type || ' ' || m.identity, 1, pg_get_functiondef(p.oid)
    FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid AND p.prokind IN ('f', 'p')
    UNION ALL
    SELECT section, 2, format('kind %s, persistence %s, options %s, row security %s', relkind, relpersistence, reloptions, relrowsecurity) FROM relation
    UNION ALL
    SELECT r.section, 3, format('column %s: %s %s%s%s%s, storage %s',
        row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' NOT NULL' END, ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
        nullif(concat(' ', a.attidentity, a.attgenerated), ' '), a.attstorage)
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT r.section, 4, format('constraint %s: %s', k.conname, pg_get_constraintdef(k.oid))
    FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid
    UNION ALL
    SELECT r.section, 5, pg_get_indexdef(i.indexrelid) FROM relation r JOIN pg_index i ON i.indrelid = r.oid
    UNION ALL
    SELECT r.section, 6, format('%s (%s)', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT r.section, 7, format('%s (%s)', pg_get_ruledef(w.oid), w.ev_enabled)
    FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid
    UNION ALL
    SELECT r.section, 8, format('policy %s: %s %s %s %s %s', p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT r.section, 9, format('sequence: %s from %s by %s, %s to %s, cache %s, cycle %s', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement,
        s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
    FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
    UNION ALL
    SELECT r.section, 10, 'dumped: ' || coalesce(nullif(e.extcondition[k.n], ''), 'all rows')
    FROM pg_extension e
    CROSS JOIN LATERAL unnest(e.extconfig) WITH ORDINALITY k (oid, n)
    JOIN relation r ON r.oid = k.oid
    WHERE e.extname = 'vmclone'
    UNION ALL
    SELECT m.type || ' ' || m.identity, 11, format('comment%s: %s', ' on column ' || a.attname, c.description)
    FROM member m
    JOIN pg_description c ON c.classoid = m.classid AND c.objoid = m.objid
    LEFT JOIN pg_attribute a ON m.classid = 'pg_class'::regclass AND a.attrelid = m.objid AND a.attnum = c.objsubid AND c.objsubid > 0
    UNION ALL
    SELECT m.type || ' ' || m.identity, 12, format('%s may %s', coalesce(nullif(x.grantee, 0)::regrole::text, 'PUBLIC'), string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type))
    FROM rights g
    JOIN member m USING (classid, objid)
    CROSS JOIN LATERAL aclexplode(coalesce(g.acl, acldefault(g.kind::"char", g.owner))) x
    GROUP BY m.type, m.identity, x.grantee
    UNION ALL
    SELECT m.type || ' ' || m.identity, 13, format('at first %s might %s', coalesce(nullif(x.grantee, 0)::regrole::text, 'PUBLIC'), string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type))
    FROM pg_init_privs i
    JOIN member m ON m.classid = i.classoid AND m.objid = i.objoid AND i.objsubid = 0 AND i.privtype = 'e'
    CROSS JOIN LATERAL aclexplode(i.initprivs) x
    GROUP BY m.type, m.identity, x.grantee
    UNION ALL
    SELECT 'schema vmclone', 11, coalesce(obj_description('vmclone'::regnamespace, 'pg_namespace'), 'no comment')
    UNION ALL
    SELECT 'rows of inventory_columns', 14, (c.relation, c.column_name, c.type::regtype, c.table_required, c.column_required)::text FROM vmclone.inventory_columns c
    UNION ALL
    SELECT 'rows of inventory_queries', 14, format('%s: %s', q.name, q.sql) FROM vmclone.inventory_queries q
    UNION ALL
    SELECT 'rows of roles', 14, r::text FROM vmclone.roles r WHERE r.is_readonly
    UNION ALL
    SELECT 'rows of roles_groups', 14, g::text FROM vmclone.roles_groups g JOIN vmclone.roles r ON r.id = g.role_id WHERE r.is_readonly
)
SELECT CASE WHEN row_number() OVER (PARTITION BY section ORDER BY place, text COLLATE "C") = 1 THEN E'\n## ' || section || E'\n' ELSE '' END || text
FROM fact
ORDER BY section COLLATE "C", place, text COLLATE "C"
