--
-- What is told of a job to whoever draws it: its disks, what they were read from, how long that took.
--

CREATE FUNCTION vmclone.job_report(job_id uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    -- whose jobs the caller may see, the view decides
    SELECT jsonb_build_object(
        'job', to_jsonb(j),
        'source', (SELECT v.vm_name FROM vmclone.vms v WHERE v.vm_id = j.source_vm_id),
        'snapshots', (SELECT jsonb_agg(jsonb_build_object('tree', s.tree, 'type', s.type, 'status', s.status, 'format', s.format, 'actual_size', s.actual_size,
                'created_at', s.created_at, 'is_source', s.id = j.source_snapshot_id) ORDER BY s.number)
            FROM ROWS FROM (vmclone.snapshot_tree(j.source_vm_id)) WITH ORDINALITY
                AS s (tree, type, status, format, virtual_size, actual_size, storage_domain, created_at, locked_by, id, parent_id, number)),
        'disks', (SELECT jsonb_agg(jsonb_build_object('disk_alias', t.disk_alias, 'disk_number', t.disk_number, 'format', t.volume_format, 'allocation', t.volume_type,
                'virtual_size', t.virtual_size, 'actual_size', t.actual_size, 'bytes_read', t.bytes_done, 'method', t.method, 'method_reason', t.method_reason,
                'result', t.result, 'error', t.error, 'started_at', t.started_at, 'ended_at', t.ended_at, 'attempts', t.attempts,
                'path', COALESCE(m.files_path || '/' || (SELECT f.file_name FROM vmclone.image_files f WHERE f.image_id = t.image_id),
                    concat(m.mount_path, CASE m.kind WHEN 'block' THEN '/' ELSE '/images/' || t.disk_id || '/' END, t.image_id)),
                'layers', (SELECT jsonb_agg(jsonb_build_object('format', CASE l.layer ->> 'volume_format' WHEN 'COW' THEN 'qcow2' ELSE 'raw' END,
                        'path', COALESCE(d.files_path || '/' || f.file_name,
                            concat(d.mount_path, CASE d.kind WHEN 'block' THEN '/' ELSE '/images/' || (l.layer ->> 'image_group_id') || '/' END, l.layer ->> 'image_id')),
                        -- what the layer above has for its backing file
                        'name', COALESCE(regexp_replace(f.file_name, '^.*/', ''), l.layer ->> 'image_id')) ORDER BY l.number)
                    FROM jsonb_array_elements(t.layers) WITH ORDINALITY AS l (layer, number)
                    LEFT JOIN vmclone.storage_mounts d ON d.storage_domain_id = (l.layer ->> 'storage_domain_id')::uuid
                    LEFT JOIN vmclone.image_files f ON f.image_id = (l.layer ->> 'image_id')::uuid AND d.files_path IS NOT NULL)) ORDER BY t.disk_number)
            FROM vmclone.async_tasks t LEFT JOIN vmclone.storage_mounts m USING (storage_domain_id) WHERE t.job_id = j.job_id))
    FROM vmclone.jobs_view j WHERE j.job_id = $1
$$;
COMMENT ON FUNCTION vmclone.job_report(uuid) IS 'a job with its disks: layers that were read, method, times and sizes, and the snapshots of its source, for "vmclone report"; null: no such job, or another role''s';

REVOKE ALL ON FUNCTION vmclone.job_report(uuid) FROM PUBLIC;
