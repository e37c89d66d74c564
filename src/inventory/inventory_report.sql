-- What stands in the way of an inventory, and what users have put on its tables that vmclone has to do with.

-- Publications of updates or deletions refuse these on a table by whose rows a subscriber couldn't know them.
CREATE FUNCTION vmclone_internal.published_without_identity(p_table oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- the view is slow: only for tables that it matters for
    SELECT CASE WHEN c.relreplident <> 'f' AND NOT EXISTS (SELECT FROM pg_index i
                WHERE i.indrelid = c.oid AND i.indisvalid AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END)
        THEN (SELECT string_agg(quote_ident(p.pubname), ', ' ORDER BY p.pubname)
            FROM pg_namespace n
            JOIN pg_publication_tables t ON t.schemaname = n.nspname AND t.tablename = c.relname
            JOIN pg_publication p ON p.pubname = t.pubname AND (p.pubdelete OR p.pubupdate)
            WHERE n.oid = c.relnamespace) END
    FROM pg_class c
    WHERE c.oid = p_table
$$;
COMMENT ON FUNCTION vmclone_internal.published_without_identity(oid) IS 'publications that keep everybody from deleting and updating rows of a table, which has neither key nor replica identity; NULL = none';

-- schema: NULL is the one that is bound, or that use_inventory is to be run for again.
CREATE FUNCTION inventory_report(schema name DEFAULT NULL)
RETURNS TABLE (severity text, relation name, object name, finding text, advice text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH place AS (
        SELECT w.name, n.oid, w.name = (SELECT b.schema_name FROM @extschema@.inventory_binding b) AS is_bound
        FROM (SELECT COALESCE($1, (SELECT c.schema_name FROM @extschema@.inventory_choice c), '@extschema@') AS name) w
        LEFT JOIN pg_namespace n ON n.nspname = w.name
    ), inspected AS (
        SELECT i.*, i.note IN ('table is missing', 'optional table is missing', 'is not a table') AS whole_table
        FROM place p CROSS JOIN LATERAL vmclone_internal.inspect_inventory(p.name) i
        WHERE p.oid IS NOT NULL
    ), tables AS (
        SELECT c.oid, c.relname, c.relowner, c.relrowsecurity AND c.relforcerowsecurity AS hides_rows
        FROM place p JOIN pg_class c ON c.relnamespace = p.oid
        WHERE c.relkind IN ('r', 'p') AND c.relname IN (SELECT w.relation FROM @extschema@.inventory_columns w)
    ), found (severity, relation, object, finding, advice) AS (
        SELECT 'error', NULL::name, NULL::name, format('schema "%s" does not exist', p.name), 'Name the schema that holds the engine''s tables, mostly "public".'
        FROM place p WHERE p.oid IS NULL
        UNION ALL
        SELECT DISTINCT CASE WHEN i.note LIKE 'optional%' THEN 'note' ELSE 'error' END, i.relation, NULL::name, i.note,
            CASE WHEN i.note LIKE 'optional%' THEN 'Nothing: clones do without it.' ELSE 'The tables of an oVirt engine''s database are needed, from 4.3 on.' END
        FROM inspected i WHERE i.whole_table
        UNION ALL
        SELECT CASE WHEN i.required AND NOT i.present OR i.present AND NOT i.type_ok THEN 'error' ELSE 'note' END, i.relation, i.column_name, i.note,
            CASE WHEN i.required AND NOT i.present THEN 'Upgrade the engine, or add the column.'
                WHEN NOT i.present THEN 'Nothing: clones do without it.'
                WHEN NOT i.type_ok THEN 'Give the column the expected type.'
                ELSE 'Nothing: this type works, too.' END
        FROM inspected i WHERE i.note IS NOT NULL AND NOT i.whole_table
        UNION ALL
        SELECT 'error', NULL, pg_get_userbyid(t.relowner), format('owns %s of the tables, others have other owners', count(*)), 'Give all tables one owner with ALTER TABLE ... OWNER TO.'
        FROM tables t GROUP BY t.relowner HAVING count(*) < (SELECT count(*) FROM tables)
        UNION ALL
        SELECT 'error', NULL, NULL, format('others than the owner of the tables may create objects in the schema: %s', o.others),
            format('Run REVOKE CREATE ON SCHEMA %I FROM %s; for a schema''s owner, ALTER SCHEMA ... OWNER TO.', p.name, o.others)
        FROM place p CROSS JOIN LATERAL (SELECT vmclone_internal.inventory_intruders(p.name, (SELECT t.relowner FROM tables t GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)) AS others) o
        WHERE o.others IS NOT NULL
        UNION ALL
        SELECT 'error', t.relname, NULL, 'row security is forced on the owner: every call fails where it would hide a row',
            format('Run ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY.', p.name, t.relname)
        FROM place p, tables t WHERE t.hides_rows
        UNION ALL
        -- of tables of the inventory, or of others that refer to them
        SELECT DISTINCT CASE WHEN has_schema_privilege(c.relowner, k.connamespace, 'USAGE') THEN 'note' ELSE 'error' END, c.relname, k.conname,
            CASE WHEN g.tginitdeferred THEN 'is checked at COMMIT' ELSE 'can be checked at COMMIT' END
                || CASE k.contype WHEN 't' THEN ', a constraint trigger' ELSE '' END,
            CASE WHEN has_schema_privilege(c.relowner, k.connamespace, 'USAGE')
                THEN 'Nothing: while vmclone writes it is checked at once, and what the caller''s transaction has pending of it by the call.'
                ELSE format('Run GRANT USAGE ON SCHEMA %s TO %s: vmclone checks the constraint at once, as the table''s owner.', k.connamespace::regnamespace, quote_ident(pg_get_userbyid(c.relowner))) END
        FROM tables t
        JOIN pg_trigger g ON g.tgrelid = t.oid AND g.tgdeferrable
        JOIN pg_constraint k ON k.oid = g.tgconstraint
        JOIN pg_class c ON c.oid = k.conrelid
        UNION ALL
        SELECT CASE WHEN c.relname = ANY ('{images,snapshots,vm_static,vm_dynamic,disk_image_dynamic}') THEN 'error' ELSE 'warning' END, c.relname, NULL::name,
            format('publication %s: nobody can update or delete rows, since the table has neither a key nor a replica identity', u.publications),
            format('Run ALTER TABLE %s REPLICA IDENTITY FULL, or leave it out of the publication.  Cleaning deletes past it, without a word to subscribers and triggers.', c.oid::regclass)
        FROM (SELECT t.oid FROM tables t
            UNION SELECT f.conrelid FROM pg_constraint f JOIN tables t ON t.oid = f.confrelid WHERE f.contype = 'f' AND f.confdeltype IN ('c', 'n', 'd')) d
        JOIN pg_class c ON c.oid = d.oid
        CROSS JOIN LATERAL (SELECT vmclone_internal.published_without_identity(c.oid) AS publications) u
        WHERE u.publications IS NOT NULL
        UNION ALL
        SELECT 'note', t.relname, g.tgname, CASE WHEN g.tgenabled = 'D' THEN 'a trigger, disabled' ELSE 'a trigger' END,
            'Nothing: it runs with vmclone''s statements, as the tables'' owner.  Where it raises an error, a call is refused, and a job tries again.'
        FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgconstraint = 0
        JOIN pg_proc f ON f.oid = g.tgfoid AND f.pronamespace <> 'vmclone_internal'::regnamespace
        WHERE NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'vmclone'
            WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e')
        UNION ALL
        SELECT 'note', t.relname, k.conname, format('table %s refers to it', k.conrelid::regclass),
            'Nothing: a row there that refers to a new clone stands in the way of its cleaning, should that be needed, until somebody removes it.'
        FROM place p CROSS JOIN tables t
        JOIN pg_constraint k ON k.confrelid = t.oid AND k.contype = 'f' AND k.connamespace <> p.oid
        UNION ALL
        SELECT 'note', t.relname, NULL, 'has no guards: the engine''s own checks hold off what would harm a copy',
            'Nothing; or SELECT vmclone.protect_inventory(true), which also stops scripts and an engine that looked a moment too early.'
        FROM place p CROSS JOIN tables t
        WHERE p.is_bound AND t.relname IN ('images', 'snapshots')
            AND NOT EXISTS (SELECT FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
                WHERE g.tgrelid = t.oid AND g.tgenabled <> 'D' AND f.pronamespace = 'vmclone_internal'::regnamespace AND g.tgname LIKE 'vmclone\_guard%')
    )
    SELECT f.severity, f.relation, f.object, f.finding, f.advice
    FROM found f
    ORDER BY array_position('{error,warning,note}', f.severity), f.relation NULLS FIRST, f.object NULLS FIRST, f.finding
$$;
COMMENT ON FUNCTION inventory_report(name) IS 'what stands in the way of a schema, the bound one unless it is named, as the inventory (error), may surprise (warning), or is good to know (note), and what to do';

REVOKE ALL ON FUNCTION vmclone_internal.published_without_identity(oid), inventory_report(name) FROM PUBLIC;
