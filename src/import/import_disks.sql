--
-- A virtual machine without XML: a name and the image files that it has.
--

CREATE PROCEDURE vmclone.import_disks(vm_name text, directory text, VARIADIC files text[])
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unclear text;
BEGIN
    PERFORM vmclone_internal.import_begin();
    IF vm_name IS NULL OR vm_name = '' OR length(vm_name) > 255 THEN
        RAISE EXCEPTION 'vm_name must be 1 to 255 characters long' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the virtual machine a name.';
    END IF;
    SELECT f INTO unclear FROM unnest(files) f WHERE f IS NULL OR f !~ '^(qcow2|raw):' AND f !~ '\.(qcow2|raw)$' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'format of image "%" is not clear', unclear USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'Formats are never guessed from what a guest may have written.',
            HINT = format('Write it before the name: %L or %L.', 'qcow2:' || COALESCE(unclear, 'NAME'), 'raw:' || COALESCE(unclear, 'NAME'));
    END IF;
    IF COALESCE(cardinality(files), 0) NOT BETWEEN 1 AND 26 THEN
        RAISE EXCEPTION 'import_disks needs 1 to 26 images' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name the image that each disk writes to, below the directory.';
    END IF;
    PERFORM vmclone_internal.import_vm(jsonb_build_object(
        'vm_id', COALESCE((SELECT v.vm_guid FROM vmclone.vm_static v JOIN vmclone.cluster c USING (cluster_id)
            WHERE v.vm_name = $1 AND c.storage_pool_id = vmclone_internal.import_id('data center')), vmclone_internal.import_id('vm', directory, vm_name)),
        'name', vm_name, 'memory_mb', 1024, 'sockets', 1, 'cores', 1, 'threads', 1, 'bios_type', 1, 'interfaces', '[]'::jsonb,
        'disks', (SELECT jsonb_agg(jsonb_build_object('target', 'vd' || chr(96 + n::integer), 'interface', 'VirtIO', 'boot', n = 1,
            'readonly', false, 'file', regexp_replace(f, '^(qcow2|raw):', ''),
            'format', COALESCE(substring(f FROM '^(qcow2|raw):'), substring(f FROM '\.(qcow2|raw)$'))) ORDER BY n)
            FROM unnest(files) WITH ORDINALITY AS i (f, n))),
        '[]', directory, NULL);
END
$$;
COMMENT ON PROCEDURE vmclone.import_disks IS 'makes a virtual machine of image files in a directory, the active image of each disk; their chains are read from the images, and nothing of them is written; again after new snapshots';

REVOKE ALL ON PROCEDURE vmclone.import_disks FROM PUBLIC;
