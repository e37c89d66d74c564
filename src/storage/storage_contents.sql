--
-- What lies on a storage domain, against rows.
--

-- Runs in an inventory frame: names without a schema are the bound inventory's.  p_files is what "vmclone-copy volume list"
-- said, of a block domain the provisioning program's "list"; p_began when it began: what came or ended since is no problem.
-- A block domain has one logical volume for each image; where its metadata and lease lie is its program's affair.
-- A directory domain has its users' files, which have no disk in p_files and are told and never touched, and below .vmclone what
-- belongs to clones: metadata, and the name that an image was given in the users' folder.  A clone that was finished is its
-- users', too: what is removed is left over from jobs that did not succeed.
CREATE FUNCTION vmclone_internal.storage_problems(p_storage_domain_id uuid, p_files jsonb, p_began timestamptz, p_host text)
RETURNS TABLE (problem text, disk_id text, image_id uuid, path text, detail text, job_id uuid, remedy text, file_name text)
LANGUAGE sql STABLE AS $$
    WITH domain AS (
        -- pattern: of format(), for the path of a volume, by disk and name
        SELECT COALESCE(m.kind = 'block', false) AS is_block, COALESCE(m.kind = 'directory', false) AS is_directory, m.files_path,
            replace(COALESCE(m.real_path, ''), '%', '%%') || CASE m.kind WHEN 'block' THEN '/%2$s' ELSE '/images/%1$s/%2$s' END AS pattern
        FROM (SELECT p_storage_domain_id) p (id) LEFT JOIN vmclone.storage_mounts m ON m.storage_domain_id = p.id AND m.host_name = p_host
    ), file AS MATERIALIZED (
        SELECT COALESCE(f ->> 'disk', f ->> 'image_group') AS disk, n.name, (f ->> 'size')::bigint AS size, (f ->> 'capacity')::bigint AS capacity,
            COALESCE(f ->> 'legality', CASE WHEN (f ->> 'unfinished')::boolean THEN 'ILLEGAL' END) AS legality,
            m.part[1]::uuid AS image, m.part[2] AS suffix, f ->> 'name' AS given, (f ->> 'name_inode')::bigint AS given_inode
        FROM jsonb_array_elements(p_files) f
        CROSS JOIN LATERAL (SELECT COALESCE(f ->> 'file', f ->> 'lv')) n (name)
        LEFT JOIN LATERAL regexp_match(n.name, '^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(.*)$') AS m (part) ON true
        WHERE f ? 'disk' OR f ? 'lv'
    ), own AS MATERIALIZED (
        SELECT f ->> 'file' AS name, (f ->> 'size')::bigint AS size, (f ->> 'inode')::bigint AS inode
        FROM jsonb_array_elements(p_files) f WHERE NOT f ? 'disk' AND NOT f ? 'lv'
    ), task AS MATERIALIZED (
        SELECT t.disk_id::text AS disk, t.image_id AS image, (array_agg(t.job_id ORDER BY t.started_at DESC NULLS LAST))[1] AS job,
            bool_or(j.status NOT IN ('succeeded', 'failed', 'cancelled') OR t.ended_at > p_began) AS is_live,
            bool_or(COALESCE(b.wipe_after_delete, true)) AS wants_wipe, bool_or(j.status = 'succeeded') AS is_delivered
        FROM vmclone.async_tasks t JOIN vmclone.jobs j USING (job_id)
        -- of the clone's disk or, with its row gone, of the source's; where nobody knows, zeroes are safe
        LEFT JOIN base_disks b ON b.disk_id IN (t.disk_id, t.source_disk_id)
        WHERE t.storage_domain_id = p_storage_domain_id
        GROUP BY t.disk_id, t.image_id
    ), image AS MATERIALIZED (
        SELECT i.image_guid AS image, i.image_group_id::text AS disk, i.size, i.volume_format, i.imagestatus, i.creation_date, n.file_name
        FROM image_storage_domain_map m JOIN images i ON i.image_guid = m.image_id
        LEFT JOIN vmclone.image_files n ON n.image_id = i.image_guid AND n.storage_domain_id = p_storage_domain_id
        WHERE m.storage_domain_id = p_storage_domain_id
    ), volume AS (
        SELECT f.disk, f.image, string_agg(f.name, ', ' ORDER BY f.name) AS names,
            string_agg(f.name, ', ' ORDER BY f.name) FILTER (WHERE f.suffix NOT IN ('', '.meta', '.lease', '.name')) AS unfinished,
            bool_or(f.suffix = '') AS has_image, bool_or(f.suffix = '.meta') AS has_meta, bool_or(f.suffix = '.lease') AS has_lease,
            max(f.size) FILTER (WHERE f.suffix = '') AS size, max(f.legality) AS legality, max(f.capacity) AS capacity,
            max(f.given) AS given, max(o.inode) AS inode, COALESCE(bool_or(o.inode = f.given_inode), false) AS is_there,
            t.job, t.wants_wipe, COALESCE(t.is_delivered, false) AS is_delivered, COALESCE(t.is_live, false) AS is_live, r.image IS NOT NULL AS is_known, i.size AS row_size, i.volume_format, i.imagestatus
        FROM file f
        LEFT JOIN own o ON o.name = f.given
        LEFT JOIN task t ON t.disk = f.disk AND t.image = f.image
        -- of a template, linked into the folders of its VMs' disks, too
        LEFT JOIN (SELECT DISTINCT image FROM image) r ON r.image = f.image
        LEFT JOIN image i ON i.image = f.image AND i.disk = f.disk
        WHERE f.image IS NOT NULL
        GROUP BY f.disk, f.image, t.job, t.wants_wipe, t.is_delivered, t.is_live, r.image, i.size, i.volume_format, i.imagestatus
    )
    SELECT 'orphan volume', v.disk, v.image, format(d.pattern, v.disk, v.image),
        format('no image has that id; %s: %s', CASE WHEN d.is_block THEN 'volume' ELSE 'files' END, concat_ws(', ', v.names, CASE WHEN v.is_there THEN v.given END)), v.job,
        CASE WHEN v.job IS NOT NULL AND NOT (d.is_directory AND v.is_delivered) THEN CASE WHEN d.is_block AND v.wants_wipe THEN 'wipe' ELSE 'remove' END END, v.given
    FROM volume v, domain d WHERE NOT v.is_known AND NOT v.is_live
    UNION ALL
    SELECT 'left-over files', v.disk, v.image, format(d.pattern, v.disk, v.image), format('no job is under way; files: %s', v.unfinished), v.job,
        CASE WHEN v.job IS NOT NULL AND (v.has_image OR v.is_there) AND v.legality = 'LEGAL' THEN 'commit' END, v.given
    FROM volume v, domain d WHERE v.is_known AND NOT v.is_live AND v.unfinished IS NOT NULL
    UNION ALL
    SELECT 'illegal volume', v.disk, v.image, format(d.pattern, v.disk, v.image), 'the image is OK, the volume''s metadata say ILLEGAL', v.job, NULL, NULL
    FROM volume v, domain d WHERE v.imagestatus = 1 /* OK */ AND v.legality = 'ILLEGAL' AND NOT v.is_live
    UNION ALL
    SELECT 'wrong size', v.disk, v.image, format(d.pattern, v.disk, v.image),
        CASE WHEN v.capacity IS DISTINCT FROM v.row_size AND v.capacity IS NOT NULL
        THEN format('the image has %s bytes, the volume''s metadata say %s', v.row_size, v.capacity)
        ELSE format('the image has %s bytes, the raw %s %s', v.row_size, CASE WHEN d.is_block THEN 'volume' ELSE 'file' END, v.size) END, v.job, NULL, NULL
    FROM volume v, domain d
    WHERE v.imagestatus = 1 /* OK */ AND NOT v.is_live AND (v.capacity <> v.row_size OR (v.volume_format = 5 /* RAW */ AND
        CASE WHEN d.is_block THEN v.size < v.row_size ELSE v.size <> v.row_size END))
    UNION ALL
    SELECT CASE WHEN COALESCE(v.has_image, false) THEN 'incomplete volume' ELSE 'missing volume' END, i.disk, i.image, format(d.pattern, i.disk, i.image),
        'missing: ' || concat_ws(', ', CASE WHEN NOT COALESCE(v.has_image, false) THEN 'image' END,
            CASE WHEN NOT COALESCE(v.has_meta, d.is_block) THEN 'metadata' END, CASE WHEN NOT COALESCE(v.has_lease, d.is_block) THEN 'lease' END), t.job, NULL, NULL
    FROM domain d, image i
    LEFT JOIN volume v ON v.disk = i.disk AND v.image = i.image
    LEFT JOIN task t ON t.disk = i.disk AND t.image = i.image
    WHERE NOT d.is_directory AND i.imagestatus = 1 /* OK */ AND NOT COALESCE(t.is_live, false) AND NOT COALESCE(i.creation_date > p_began, false)
        AND NOT COALESCE(v.has_image AND (d.is_block OR (v.has_meta AND v.has_lease)), false)
    UNION ALL
    SELECT 'unlinked file', f.disk, t.image, format(d.pattern, f.disk, f.name), 'an NFS client has left it', t.job,
        CASE WHEN t.job IS NOT NULL AND NOT t.is_live THEN CASE WHEN i.image IS NULL THEN 'remove' ELSE 'commit' END END, NULL
    FROM domain d, file f
    LEFT JOIN task t ON t.disk = f.disk
    LEFT JOIN image i ON i.disk = t.disk AND i.image = t.image
    WHERE f.name LIKE '.nfs%' AND NOT COALESCE(t.is_live, false)
    UNION ALL
    SELECT 'orphan file', COALESCE(o.disk, v.disk, t.disk), o.image, o.path,
        CASE WHEN v.image IS NULL THEN 'it is gone' ELSE 'it is there: ' || o.reason END, o.job_id,
        CASE WHEN v.image IS NULL THEN 'forget'
            WHEN NOT v.is_known AND NOT v.is_live AND NOT (d.is_directory AND v.is_delivered) THEN CASE WHEN d.is_block AND v.wants_wipe THEN 'wipe' ELSE 'remove' END END, v.given
    FROM domain d, (SELECT a.path, a.reason, a.job_id, a.part[1] AS disk, a.part[2]::uuid AS image
          FROM (SELECT o.*, regexp_match(o.path, '(?:/images/([^/]+))?/([0-9a-f-]{36})$') AS part
                FROM vmclone.orphan_files o WHERE o.storage_domain_id = p_storage_domain_id) a) o
    LEFT JOIN volume v ON v.image = o.image AND (o.disk IS NULL OR v.disk = o.disk)
    LEFT JOIN task t ON t.image = o.image AND (o.disk IS NULL OR t.disk = o.disk)
    UNION ALL
    SELECT 'missing volume', i.disk, i.image, concat_ws('/', d.files_path, i.file_name),
        CASE WHEN i.file_name IS NULL THEN 'no file is known of the image' ELSE 'no file has that name; import the virtual machine again, if it has other files now' END,
        t.job, NULL, NULL
    FROM domain d, image i
    LEFT JOIN own o ON o.name = i.file_name
    LEFT JOIN task t ON t.disk = i.disk AND t.image = i.image
    WHERE d.is_directory AND i.imagestatus = 1 /* OK */ AND o.name IS NULL AND NOT COALESCE(t.is_live, false) AND NOT COALESCE(i.creation_date > p_began, false)
    UNION ALL
    SELECT 'wrong size', i.disk, i.image, concat_ws('/', d.files_path, i.file_name), format('the image has %s bytes, the raw file %s', i.size, o.size), t.job, NULL, NULL
    FROM domain d, image i
    JOIN own o ON o.name = i.file_name
    LEFT JOIN task t ON t.disk = i.disk AND t.image = i.image
    WHERE d.is_directory AND i.imagestatus = 1 /* OK */ AND i.volume_format = 5 /* RAW */ AND (o.size + 4095) / 4096 * 4096 <> i.size AND NOT COALESCE(t.is_live, false)
    UNION ALL
    SELECT 'replaced volume', v.disk, v.image, concat_ws('/', d.files_path, v.given), 'it is another file than the one that was copied: nobody but its users removes it', v.job, NULL, NULL
    FROM domain d, volume v WHERE d.is_directory AND v.is_known AND v.inode IS NOT NULL AND NOT v.is_there AND NOT v.is_live
    UNION ALL
    -- where images lie that are known
    SELECT 'unknown file', NULL, NULL, concat_ws('/', d.files_path, o.name), 'no image has that file; import its virtual machine, if it is a disk''s', NULL, NULL, NULL
    FROM domain d, own o
    WHERE d.is_directory AND NOT EXISTS (SELECT FROM image i WHERE i.file_name = o.name)
        AND NOT EXISTS (SELECT FROM volume v WHERE v.given = o.name AND v.is_there)
        AND regexp_replace(o.name, '[^/]*$', '') IN (SELECT regexp_replace(i.file_name, '[^/]*$', '') FROM image i WHERE i.file_name IS NOT NULL)
    ORDER BY 1, 4
$$;
COMMENT ON FUNCTION vmclone_internal.storage_problems IS 'what differs between a storage domain''s files and rows, and what may be done about it';

CREATE FUNCTION vmclone.check_storage_domain(
    storage_domain_id uuid,
    repair boolean,
    host text DEFAULT NULL,
    OUT problem text,
    OUT disk_id uuid,
    OUT image_id uuid,
    OUT path text,
    OUT detail text,
    OUT job_id uuid,
    OUT repaired boolean)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_check_storage_contents';
COMMENT ON FUNCTION vmclone.check_storage_domain(uuid, boolean, text) IS 'compares the files or logical volumes of an attached domain with the rows, both ways: a row for each difference; with repair what vmclone itself has left is removed';

REVOKE ALL ON FUNCTION vmclone_internal.storage_problems, vmclone.check_storage_domain(uuid, boolean, text) FROM PUBLIC;
