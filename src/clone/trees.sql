--
-- Trees for people: what was cloned from what, and a VM's snapshots with their image chains.  Both run in an inventory
-- frame: names without a schema are the bound inventory's.
--

-- What trees are drawn with: boxes, or what every encoding has.  This file has ASCII only: a script is read in the
-- database's encoding.
CREATE FUNCTION vmclone_internal.tree_mark(p_mark text)
RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- by statements: chr() of a box is an error elsewhere, also where it is only planned
    IF getdatabaseencoding() <> 'UTF8' THEN
        RETURN CASE p_mark WHEN 'last' THEN '`- ' WHEN 'next' THEN '|- ' WHEN 'line' THEN '|  ' ELSE ' <' END;
    ELSIF p_mark = 'last' THEN
        RETURN chr(9492) || chr(9472) || ' ';
    ELSIF p_mark = 'next' THEN
        RETURN chr(9500) || chr(9472) || ' ';
    ELSIF p_mark = 'line' THEN
        RETURN chr(9474) || '  ';
    END IF;
    RETURN ' ' || chr(9664);
END
$$;

-- The family of a VM or template: from its first known ancestor down to every clone of a clone.  Of a snapshot: its VM,
-- and what was made from that snapshot.  NULL: all families.  What somebody other than p_owner made is left out, unless
-- p_owner is NULL; 0 is nobody.
CREATE FUNCTION vmclone_internal.lineage_rows(p_id uuid, p_owner oid)
RETURNS TABLE (tree text, vm_id uuid, vm_name text, kind text, snapshot_id uuid, snapshot text, created_at timestamptz,
    created_by name, user_id uuid, copy_number integer, job_id uuid, parameters jsonb, vm_exists boolean)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE seen AS (
        SELECT l.* FROM vmclone.lineage l WHERE $2 IS NULL OR l.created_by_role = NULLIF($2, 0::oid)
    ), of_snapshot AS (
        SELECT s.vm_id AS id FROM snapshots s WHERE s.snapshot_id = $1
        UNION
        SELECT s.source_vm_id FROM seen s WHERE s.source_snapshot_id = $1
    ), ancestors AS (
        SELECT $1 AS id, 0 AS steps WHERE NOT EXISTS (SELECT FROM of_snapshot)
        UNION
        SELECT s.source_vm_id, a.steps + 1 FROM ancestors a JOIN seen s ON s.vm_id = a.id
    ), roots AS (
        SELECT id FROM of_snapshot
        UNION
        SELECT id FROM ancestors WHERE id IS NOT NULL AND steps = (SELECT max(steps) FROM ancestors)
            AND (EXISTS (SELECT FROM vm_static v WHERE v.vm_guid = id) OR EXISTS (SELECT FROM seen s WHERE s.source_vm_id = id))
        UNION
        SELECT s.source_vm_id FROM seen s WHERE $1 IS NULL AND NOT EXISTS (SELECT FROM seen a WHERE a.vm_id = s.source_vm_id)
    ), nodes AS (
        SELECT r.id, NULL::uuid AS made, ''::text AS branch, ''::text AS indent, ARRAY[r.id::text] AS path,
            COALESCE((SELECT v.vm_name::text FROM vm_static v WHERE v.vm_guid = r.id),
                (SELECT s.source_vm_name FROM seen s WHERE s.source_vm_id = r.id ORDER BY s.created_at DESC LIMIT 1)) AS name
        FROM roots r
        UNION ALL
        SELECT c.vm_id, c.vm_id, c.indent || CASE WHEN c.number = c.count THEN vmclone_internal.tree_mark('last') ELSE vmclone_internal.tree_mark('next') END,
            c.indent || CASE WHEN c.number = c.count THEN '   ' ELSE vmclone_internal.tree_mark('line') END, c.path || to_char(c.number, 'FM0000000000'), c.vm_name
        FROM (
            SELECT s.vm_id, s.vm_name, n.indent, n.path,
                row_number() OVER (PARTITION BY s.source_vm_id ORDER BY s.created_at, s.copy_number, s.vm_name) AS number,
                count(*) OVER (PARTITION BY s.source_vm_id) AS count
            FROM nodes n JOIN seen s ON s.source_vm_id = n.id
            WHERE n.made IS NOT NULL OR NOT EXISTS (SELECT FROM of_snapshot) OR s.source_snapshot_id = $1
        ) c
    )
    SELECT n.branch || COALESCE(v.vm_name::text, n.name) || CASE WHEN v.vm_guid IS NULL THEN ' (deleted)' ELSE '' END
            || CASE WHEN n.id = $1 THEN vmclone_internal.tree_mark('here') ELSE '' END,
        n.id, COALESCE(v.vm_name::text, n.name), COALESCE(s.entity_type, v.entity_type::text), s.source_snapshot_id, s.source_snapshot_description,
        s.created_at, COALESCE(NULLIF(s.created_by_role::text, '')::name, s.created_by), s.user_id, s.copy_number, s.job_id, s.parameters, v.vm_guid IS NOT NULL
    FROM nodes n
    LEFT JOIN seen s ON s.vm_id = n.made
    LEFT JOIN vm_static v ON v.vm_guid = n.id
    ORDER BY n.path
$$;

-- A VM or template: for a thin VM the template's images, then every snapshot in order of time with the image of each
-- disk.  Who reads: jobs that are not over; the names of jobs that somebody other than p_owner started are left out.
CREATE FUNCTION vmclone_internal.snapshot_rows(p_vm_id uuid, p_owner oid)
RETURNS TABLE (tree text, type text, status text, format text, virtual_size text, actual_size text, storage_domain text,
    created_at timestamptz, locked_by text, id uuid, parent_id uuid)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE own AS (
        SELECT i.image_guid, i.parentid, i.image_group_id, i.vm_snapshot_id, 0 AS below, ARRAY[i.image_guid] AS path
        FROM disk_vm_element e JOIN images i ON i.image_group_id = e.disk_id
        WHERE e.vm_id = $1
        UNION
        -- a chain that is its own ancestor is drawn once round
        SELECT p.image_guid, p.parentid, p.image_group_id, NULL::uuid, o.below + 1, o.path || p.image_guid
        FROM own o JOIN images p ON p.image_guid = o.parentid
        WHERE (p.image_group_id <> o.image_group_id OR o.below > 0) AND p.image_guid <> ALL (o.path)
            AND p.image_guid <> '00000000-0000-0000-0000-000000000000'
    ), of_snapshots AS (
        SELECT s.snapshot_id, s.snapshot_type::text AS type, s.status::text AS status, s.description::text AS name, s.creation_date
        FROM snapshots s WHERE s.vm_id = $1
    ), groups AS (
        -- what has images of the VM: the template below it, each snapshot, and images that no snapshot has
        SELECT 1 AS rank, NULL::uuid AS group_id, 'template ' || COALESCE(string_agg(DISTINCT t.vm_name::text, ', '), '(deleted)') AS name,
            'TEMPLATE' AS type, NULL::text AS status, NULL::timestamptz AS created
        FROM own o LEFT JOIN disk_vm_element e ON e.disk_id = o.image_group_id LEFT JOIN vm_static t ON t.vm_guid = e.vm_id
        WHERE o.below > 0 HAVING count(*) > 0
        UNION ALL
        SELECT 2, s.snapshot_id, COALESCE(NULLIF(s.name, ''), s.snapshot_id::text), s.type, s.status, s.creation_date FROM of_snapshots s
        UNION ALL
        SELECT 3, NULL, 'images of no snapshot', NULL, NULL, NULL
        FROM own o WHERE o.below = 0 AND NOT EXISTS (SELECT FROM of_snapshots s WHERE s.snapshot_id = o.vm_snapshot_id) HAVING count(*) > 0
    ), numbered AS (
        SELECT g.*, row_number() OVER w AS number, lead(1) OVER w IS NULL AS is_last FROM groups g WINDOW w AS (ORDER BY g.rank, g.created, g.group_id)
    ), holders AS (
        SELECT l.kind, l.entity_id, string_agg(format('%s by %s', l.mode, CASE WHEN $2 IS NULL OR j.owner_role = NULLIF($2, 0::oid) THEN j.vm_name ELSE 'another job' END),
            ', ' ORDER BY l.mode, j.vm_name) AS text
        FROM vmclone.image_locks l LEFT JOIN vmclone.jobs j ON j.call_id = l.holder
        GROUP BY l.kind, l.entity_id
    ), lines AS (
        SELECT 0::bigint AS number, 0::bigint AS line, v.vm_name::text AS tree, v.entity_type::text AS type,
            CASE WHEN v.entity_type = 'TEMPLATE' THEN CASE v.template_status WHEN 0 THEN 'OK' WHEN 1 THEN 'LOCKED' WHEN 2 THEN 'ILLEGAL' END END AS status,
            NULL::text AS format, NULL::text AS virtual_size, NULL::text AS actual_size, NULL::text AS storage_domain,
            v.creation_date AS created_at, NULL::text AS locked_by, v.vm_guid AS id, NULL::uuid AS parent_id
        FROM vm_static v WHERE v.vm_guid = $1
        UNION ALL
        SELECT n.number, 0, CASE WHEN n.is_last THEN vmclone_internal.tree_mark('last') ELSE vmclone_internal.tree_mark('next') END || n.name, n.type, n.status, NULL, NULL, NULL, NULL, n.created, h.text, n.group_id, NULL
        FROM numbered n LEFT JOIN holders h ON h.kind = 'snapshot' AND h.entity_id = n.group_id
        UNION ALL
        SELECT n.number, row_number() OVER (PARTITION BY n.number ORDER BY b.disk_alias, o.below DESC, o.image_guid),
            CASE WHEN n.is_last THEN '   ' ELSE vmclone_internal.tree_mark('line') END
                || CASE WHEN lead(1) OVER (PARTITION BY n.number ORDER BY b.disk_alias, o.below DESC, o.image_guid) IS NULL THEN vmclone_internal.tree_mark('last') ELSE vmclone_internal.tree_mark('next') END
                || COALESCE(b.disk_alias, b.disk_id::text),
            'image', CASE i.imagestatus WHEN 0 THEN 'Unassigned' WHEN 1 THEN 'OK' WHEN 2 THEN 'LOCKED' WHEN 4 THEN 'ILLEGAL' END,
            CASE i.volume_format WHEN 4 THEN 'COW' WHEN 5 THEN 'RAW' ELSE 'Unassigned' END || ' '
                || CASE i.volume_type WHEN 1 THEN 'Preallocated' WHEN 2 THEN 'Sparse' ELSE 'Unassigned' END,
            pg_size_pretty(i.size), pg_size_pretty(d.actual_size),
            (SELECT string_agg(s.storage_name::text, ', ' ORDER BY s.storage_name)
             FROM image_storage_domain_map m JOIN storage_domain_static s ON s.id = m.storage_domain_id WHERE m.image_id = i.image_guid),
            i.creation_date, h.text, i.image_guid, NULLIF(i.parentid, '00000000-0000-0000-0000-000000000000')
        FROM own o
        JOIN images i ON i.image_guid = o.image_guid
        LEFT JOIN base_disks b ON b.disk_id = i.image_group_id
        LEFT JOIN disk_image_dynamic d ON d.image_id = i.image_guid
        LEFT JOIN holders h ON h.kind = 'image' AND h.entity_id = i.image_guid
        JOIN numbered n ON CASE WHEN o.below > 0 THEN n.rank = 1
            WHEN EXISTS (SELECT FROM of_snapshots s WHERE s.snapshot_id = o.vm_snapshot_id) THEN n.rank = 2 AND n.group_id = o.vm_snapshot_id
            ELSE n.rank = 3 END
    )
    SELECT l.tree, l.type, l.status, l.format, l.virtual_size, l.actual_size, l.storage_domain, l.created_at, l.locked_by, l.id, l.parent_id
    FROM lines l ORDER BY l.number, l.line
$$;

COMMENT ON FUNCTION vmclone_internal.tree_mark IS 'what trees are drawn with';
COMMENT ON FUNCTION vmclone_internal.lineage_rows IS 'what lineage_tree shows';
COMMENT ON FUNCTION vmclone_internal.snapshot_rows IS 'what snapshot_tree shows';

REVOKE ALL ON FUNCTION vmclone_internal.tree_mark, vmclone_internal.lineage_rows, vmclone_internal.snapshot_rows FROM PUBLIC;
