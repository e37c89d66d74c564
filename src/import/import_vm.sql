--
-- A virtual machine and its chains become rows.  p_vm is what its XML says, or what the caller of import_disks does:
-- {"vm_id", "name", "description", "architecture", "memory_mb", "sockets", "cores", "threads", "bios_type",
--  "disks": [{"target", "interface", "file", "format", "boot", "readonly"}],
--  "interfaces": [{"name", "mac", "type", "network", "linked"}], "video", "graphics"};
-- p_snapshots what libvirt says of external snapshots: [{"name", "description", "created", "file" (the overlay), "domain" (its XML then)}].
--

-- One row for each layer of each disk, number 1 the first snapshot's.
CREATE FUNCTION vmclone_internal.import_layers(p_vm jsonb, p_directory text, p_storage_domain_id uuid)
RETURNS TABLE (target text, disk_id uuid, number integer, count integer, image_id uuid, file text, is_raw boolean, size bigint,
    allocated bigint, modified timestamptz, internal_snapshots bigint)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    WITH layer AS MATERIALIZED (
        SELECT d.disk ->> 'target' AS target, (count(*) OVER w - l.n + 1)::integer AS number, (count(*) OVER w)::integer AS count,
            l.layer ->> 'file' AS file, l.layer ->> 'format' = 'raw' AS is_raw, (l.layer ->> 'virtual_size')::bigint AS size,
            (l.layer ->> 'allocated')::bigint AS allocated, to_timestamp((l.layer ->> 'modified')::bigint) AS modified,
            (l.layer ->> 'internal_snapshots')::bigint AS internal_snapshots
        FROM jsonb_array_elements(p_vm -> 'disks') AS d (disk)
        CROSS JOIN LATERAL vmclone_internal.import_chain(p_directory, d.disk ->> 'file', d.disk ->> 'format') AS c (layers)
        CROSS JOIN LATERAL jsonb_array_elements(c.layers) WITH ORDINALITY AS l (layer, n)
        WINDOW w AS (PARTITION BY d.disk ->> 'target')
    ), disk AS (
        -- a disk that has one of the files is that disk, whatever it is called now
        SELECT l.target, COALESCE((array_agg(i.image_group_id ORDER BY l.number DESC) FILTER (WHERE i.image_group_id IS NOT NULL))[1],
            vmclone_internal.import_id('disk', p_vm ->> 'vm_id', l.target)) AS disk_id
        FROM layer l
        LEFT JOIN (vmclone.image_files f JOIN vmclone.images i ON i.image_guid = f.image_id
            JOIN vmclone.disk_vm_element e ON e.disk_id = i.image_group_id AND e.vm_id = (p_vm ->> 'vm_id')::uuid)
            ON f.storage_domain_id = p_storage_domain_id AND f.file_name = l.file
        GROUP BY l.target
    )
    SELECT l.target, d.disk_id, l.number, l.count,
        COALESCE((SELECT f.image_id FROM vmclone.image_files f JOIN vmclone.images i ON i.image_guid = f.image_id
            WHERE f.storage_domain_id = p_storage_domain_id AND f.file_name = l.file AND i.image_group_id = d.disk_id LIMIT 1),
            vmclone_internal.import_id('image', d.disk_id::text, l.file)),
        -- a volume's size is a multiple of 4 KiB
        l.file, l.is_raw, (l.size + 4095) / 4096 * 4096, l.allocated, l.modified, l.internal_snapshots
    FROM layer l JOIN disk d USING (target)
$$;
COMMENT ON FUNCTION vmclone_internal.import_layers IS 'layers of all disks of a virtual machine that is imported';

-- Which external snapshot a layer was frozen by: the name that libvirt tells or has made the overlay's name of
-- (disk.qcow2 and disk.NAME); else layers at the same place belong together.
CREATE FUNCTION vmclone_internal.import_snapshot_name(p_file text, p_overlay text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN regexp_replace(p_overlay, '\.[^./]*$', '') = regexp_replace(p_file, '\.[^./]*$', '')
        AND p_overlay !~* '\.(qcow2?|img|raw|disk|vda?|iso)$' THEN substring(p_overlay FROM '\.([^./]+)$') END
$$;
COMMENT ON FUNCTION vmclone_internal.import_snapshot_name IS 'the snapshot that libvirt has named an overlay after; null: it has not';

-- The layers again, kept as JSON between statements.
CREATE FUNCTION vmclone_internal.import_layer_rows(p_layers jsonb)
RETURNS TABLE (target text, disk_id uuid, number integer, count integer, image_id uuid, file text, is_raw boolean, size bigint,
    allocated bigint, modified timestamptz, internal_snapshots bigint)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT * FROM jsonb_to_recordset(p_layers) AS l (target text, disk_id uuid, number integer, count integer, image_id uuid, file text,
        is_raw boolean, size bigint, allocated bigint, modified timestamptz, internal_snapshots bigint)
$$;
COMMENT ON FUNCTION vmclone_internal.import_layer_rows IS 'rows of import_layers again';

-- The snapshot of each layer below the active one.
CREATE FUNCTION vmclone_internal.import_snapshots(p_vm_id uuid, p_layers jsonb, p_snapshots jsonb)
RETURNS TABLE (image_id uuid, snapshot_id uuid, description text, created timestamptz, is_told boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH frozen AS (
        SELECT l.image_id, l.target, l.number, l.file, s.snapshot,
            -- one snapshot is later than another that it stands on, whatever times say
            max(COALESCE((s.snapshot ->> 'created')::timestamptz, l.modified)) OVER (PARTITION BY l.target ORDER BY l.number)
                + l.number * interval '1 microsecond' AS created,
            COALESCE(s.snapshot ->> 'name', vmclone_internal.import_snapshot_name(l.file, o.file)) AS name
        FROM vmclone_internal.import_layer_rows(p_layers) l
        JOIN vmclone_internal.import_layer_rows(p_layers) o ON o.target = l.target AND o.number = l.number + 1
        LEFT JOIN LATERAL (SELECT s FROM jsonb_array_elements(p_snapshots) s
            WHERE s ->> 'file' = o.file OR s ->> 'file' LIKE '%/' || replace(replace(replace(o.file, '\', '\\'), '%', '\%'), '_', '\_') LIMIT 1)
            AS s (snapshot) ON true
    )
    SELECT f.image_id, vmclone_internal.import_id('snapshot', p_vm_id::text, COALESCE(f.name, '#' || f.number), first_value(f.file) OVER w),
        COALESCE(NULLIF(max(f.snapshot ->> 'description') OVER w, ''), f.name,
            'state kept in ' || string_agg(f.file, ', ') OVER w),
        max(f.created) OVER w, bool_or(f.snapshot IS NOT NULL) OVER w
    FROM frozen f
    WINDOW w AS (PARTITION BY COALESCE(f.name, '#' || f.number) ORDER BY f.target
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
$$;
COMMENT ON FUNCTION vmclone_internal.import_snapshots IS 'which snapshots the layers of an imported virtual machine hold';

-- What an earlier import has made and isn't there any more: layers that were committed or pulled, disks that were detached.
CREATE FUNCTION vmclone_internal.import_remove(p_vm_id uuid, p_images uuid[], p_disks uuid[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone uuid[] := ARRAY (SELECT i.image_guid FROM vmclone.images i
        JOIN vmclone.disk_vm_element e ON e.disk_id = i.image_group_id AND e.vm_id = p_vm_id
        JOIN vmclone.image_files f ON f.image_id = i.image_guid WHERE i.image_guid <> ALL (p_images));
BEGIN
    DELETE FROM vmclone.images WHERE image_guid = ANY (gone);
    DELETE FROM vmclone.image_files WHERE image_id = ANY (gone);
    WITH disk AS (DELETE FROM vmclone.disk_vm_element e
        WHERE e.vm_id = p_vm_id AND e.disk_id <> ALL (p_disks) AND NOT EXISTS (SELECT FROM vmclone.images i WHERE i.image_group_id = e.disk_id)
        RETURNING e.disk_id), device AS (DELETE FROM vmclone.vm_device v USING disk WHERE v.device_id = disk.disk_id AND v.vm_id = p_vm_id)
    DELETE FROM vmclone.base_disks b USING disk WHERE b.disk_id = disk.disk_id
        AND NOT EXISTS (SELECT FROM vmclone.disk_vm_element o WHERE o.disk_id = b.disk_id AND o.vm_id <> p_vm_id);
    DELETE FROM vmclone.snapshots s WHERE s.vm_id = p_vm_id AND s.snapshot_type = 'REGULAR'
        AND NOT EXISTS (SELECT FROM vmclone.images i WHERE i.vm_snapshot_id = s.snapshot_id);
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_remove IS 'rows of layers, disks and snapshots that an imported virtual machine has no more';

-- The virtual machine's own rows.
CREATE FUNCTION vmclone_internal.import_vm_static(p_vm jsonb, p_cluster vmclone.cluster)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    vm CONSTANT uuid := p_vm ->> 'vm_id';
    memory CONSTANT integer := (p_vm ->> 'memory_mb')::integer;
    other uuid := (SELECT v.vm_guid FROM vmclone.vm_static v JOIN vmclone.cluster c USING (cluster_id)
        WHERE v.vm_name = p_vm ->> 'name' AND v.vm_guid <> vm AND c.storage_pool_id = p_cluster.storage_pool_id LIMIT 1);
BEGIN
    IF other IS NOT NULL THEN
        RAISE EXCEPTION 'name "%" is in use by another virtual machine', p_vm ->> 'name'
            USING ERRCODE = 'VC008', DETAIL = format('It is virtual machine %s; the one to import is %s.', other, vm),
                HINT = 'Pass another name in vm_name.';
    END IF;
    INSERT INTO vmclone.vm_static AS v (vm_guid, vm_name, description, mem_size_mb, max_memory_size_mb, min_allocated_mem, vmt_guid,
        cluster_id, cpu_profile_id, bios_type, num_of_sockets, cpu_per_socket, threads_per_cpu, entity_type, vm_type, origin, creation_date)
    VALUES (vm, p_vm ->> 'name', COALESCE(left(p_vm ->> 'description', 4000), ''), memory, memory * 4, memory,
        '00000000-0000-0000-0000-000000000000', p_cluster.cluster_id,
        (SELECT id FROM vmclone.cpu_profiles WHERE cluster_id = p_cluster.cluster_id ORDER BY name, id LIMIT 1),
        (p_vm ->> 'bios_type')::integer, (p_vm ->> 'sockets')::integer, (p_vm ->> 'cores')::integer, (p_vm ->> 'threads')::integer,
        'VM', 1, 7, now())
    ON CONFLICT (vm_guid) DO UPDATE SET vm_name = excluded.vm_name, description = excluded.description, mem_size_mb = excluded.mem_size_mb,
        max_memory_size_mb = excluded.max_memory_size_mb, min_allocated_mem = excluded.min_allocated_mem,
        bios_type = excluded.bios_type, num_of_sockets = excluded.num_of_sockets, cpu_per_socket = excluded.cpu_per_socket,
        threads_per_cpu = excluded.threads_per_cpu;
    INSERT INTO vmclone.vm_dynamic (vm_guid, status) VALUES (vm, 0) ON CONFLICT (vm_guid) DO NOTHING;
    INSERT INTO vmclone.vm_statistics (vm_guid) VALUES (vm) ON CONFLICT (vm_guid) DO NOTHING;
    INSERT INTO vmclone.vm_ovf_generations (vm_guid, storage_pool_id) VALUES (vm, p_cluster.storage_pool_id) ON CONFLICT (vm_guid) DO NOTHING;
    INSERT INTO vmclone.snapshots (snapshot_id, vm_id, snapshot_type, status, description, creation_date)
    SELECT vmclone_internal.import_id('active snapshot', vm::text), vm, 'ACTIVE', 'OK', 'Active VM', now()
    WHERE NOT EXISTS (SELECT FROM vmclone.snapshots WHERE vm_id = vm AND snapshot_type = 'ACTIVE');
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_vm_static IS 'rows of an imported virtual machine itself';

-- Images from the first snapshot's on, and what belongs to them.
CREATE FUNCTION vmclone_internal.import_images(p_vm_id uuid, p_layers jsonb, p_snapshots jsonb, p_storage_domain_id uuid)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    none CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    active CONSTANT uuid := (SELECT snapshot_id FROM vmclone.snapshots WHERE vm_id = p_vm_id AND snapshot_type = 'ACTIVE');
BEGIN
    -- what libvirt has once told of a snapshot stays
    INSERT INTO vmclone.snapshots AS s (snapshot_id, vm_id, snapshot_type, status, description, creation_date)
    SELECT DISTINCT n.snapshot_id, p_vm_id, 'REGULAR', 'OK', left(n.description, 4000), n.created
    FROM vmclone_internal.import_snapshots(p_vm_id, p_layers, p_snapshots) n
    WHERE n.is_told OR NOT EXISTS (SELECT FROM vmclone.libvirt_snapshots k WHERE k.snapshot_id = n.snapshot_id)
    ON CONFLICT (snapshot_id) DO UPDATE SET description = excluded.description, creation_date = excluded.creation_date
    WHERE (s.description, s.creation_date) IS DISTINCT FROM (excluded.description, excluded.creation_date);
    UPDATE vmclone.images i SET active = false FROM vmclone_internal.import_layer_rows(p_layers) l
    WHERE i.image_group_id = l.disk_id AND i.active AND l.number = l.count AND i.image_guid <> l.image_id;
    INSERT INTO vmclone.images AS i (image_guid, parentid, image_group_id, vm_snapshot_id, volume_format, volume_type, size, active,
        imagestatus, it_guid, creation_date, lastmodified)
    SELECT l.image_id, COALESCE(lag(l.image_id) OVER (PARTITION BY l.disk_id ORDER BY l.number), none), l.disk_id,
        COALESCE(n.snapshot_id, active), CASE WHEN l.is_raw THEN 5 ELSE 4 END, 2, l.size, l.number = l.count, 1, none, l.modified, l.modified
    FROM vmclone_internal.import_layer_rows(p_layers) l
    LEFT JOIN vmclone_internal.import_snapshots(p_vm_id, p_layers, p_snapshots) n USING (image_id)
    ORDER BY l.disk_id, l.number
    ON CONFLICT (image_guid) DO UPDATE SET parentid = excluded.parentid, vm_snapshot_id = excluded.vm_snapshot_id,
        volume_format = excluded.volume_format, size = excluded.size, active = excluded.active, lastmodified = excluded.lastmodified
    WHERE (i.parentid, i.vm_snapshot_id, i.volume_format, i.size, i.active) IS DISTINCT FROM
        (excluded.parentid, excluded.vm_snapshot_id, excluded.volume_format, excluded.size, excluded.active);
    INSERT INTO vmclone.disk_image_dynamic AS d (image_id, actual_size)
    SELECT l.image_id, l.allocated FROM vmclone_internal.import_layer_rows(p_layers) l
    ON CONFLICT (image_id) DO UPDATE SET actual_size = excluded.actual_size WHERE d.actual_size <> excluded.actual_size;
    INSERT INTO vmclone.image_storage_domain_map (image_id, storage_domain_id, disk_profile_id)
    SELECT l.image_id, p_storage_domain_id,
        (SELECT id FROM vmclone.disk_profiles WHERE storage_domain_id = p_storage_domain_id ORDER BY name, id LIMIT 1)
    FROM vmclone_internal.import_layer_rows(p_layers) l ON CONFLICT (image_id, storage_domain_id) DO NOTHING;
    INSERT INTO vmclone.image_files (image_id, storage_domain_id, file_name)
    SELECT l.image_id, p_storage_domain_id, l.file FROM vmclone_internal.import_layer_rows(p_layers) l
    ON CONFLICT (image_id) DO NOTHING;
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_images IS 'rows of the layers and snapshots of an imported virtual machine';

-- Disks and NICs as the virtual machine has them now.
CREATE FUNCTION vmclone_internal.import_devices(p_vm jsonb, p_layers jsonb, p_cluster vmclone.cluster)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    vm CONSTANT uuid := p_vm ->> 'vm_id';
BEGIN
    INSERT INTO vmclone.base_disks (disk_id, disk_alias, disk_storage_type)
    SELECT DISTINCT l.disk_id, left(l.target, 255), 0
    FROM vmclone_internal.import_layer_rows(p_layers) l ON CONFLICT (disk_id) DO NOTHING;
    -- at most one disk of a virtual machine boots
    UPDATE vmclone.disk_vm_element SET is_boot = false WHERE vm_id = vm AND is_boot;
    INSERT INTO vmclone.disk_vm_element (disk_id, vm_id, is_boot, disk_interface)
    SELECT DISTINCT l.disk_id, vm, (d ->> 'boot')::boolean, d ->> 'interface'
    FROM jsonb_array_elements(p_vm -> 'disks') d JOIN vmclone_internal.import_layer_rows(p_layers) l ON l.target = d ->> 'target'
    ON CONFLICT (vm_id, disk_id) DO UPDATE SET is_boot = excluded.is_boot, disk_interface = excluded.disk_interface;
    INSERT INTO vmclone.vm_device (device_id, vm_id, type, device, address, is_managed, is_plugged, is_readonly, spec_params)
    SELECT DISTINCT l.disk_id, vm, 'disk', 'disk', '', true, true, (d ->> 'readonly')::boolean, '{}'
    FROM jsonb_array_elements(p_vm -> 'disks') d JOIN vmclone_internal.import_layer_rows(p_layers) l ON l.target = d ->> 'target'
    ON CONFLICT (device_id, vm_id) DO UPDATE SET is_readonly = excluded.is_readonly;

    PERFORM vmclone_internal.import_networks(ARRAY (SELECT n ->> 'network' FROM jsonb_array_elements(p_vm -> 'interfaces') n
        WHERE n ->> 'network' IS NOT NULL), p_cluster);
    DELETE FROM vmclone.vm_device v WHERE v.vm_id = vm AND v.type = ANY ('{interface,video,graphics}');
    DELETE FROM vmclone.vm_interface v WHERE v.vm_guid = vm;
    INSERT INTO vmclone.vm_interface (id, vm_guid, mac_addr, name, speed, type, linked, vnic_profile_id)
    SELECT vmclone_internal.import_id('nic', vm::text, n ->> 'name'), vm, lower(n ->> 'mac'), n ->> 'name', 10000, (n ->> 'type')::integer,
        (n ->> 'linked')::boolean, (SELECT f.id FROM vmclone.vnic_profiles f
            WHERE f.id = vmclone_internal.import_id('vnic profile', p_cluster.storage_pool_id::text, n ->> 'network'))
    FROM jsonb_array_elements(p_vm -> 'interfaces') n;
    INSERT INTO vmclone.vm_device (device_id, vm_id, type, device, address, is_managed, is_plugged, is_readonly, spec_params)
    SELECT vmclone_internal.import_id('nic', vm::text, n ->> 'name'), vm, 'interface', 'bridge', '', true, true, false, '{}'
    FROM jsonb_array_elements(p_vm -> 'interfaces') n
    UNION ALL SELECT vmclone_internal.import_id(d.type, vm::text), vm, d.type, d.device, '', true, true, false, '{}'
    FROM (VALUES ('video', p_vm ->> 'video'), ('graphics', p_vm ->> 'graphics')) AS d (type, device) WHERE d.device IS NOT NULL;
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_devices IS 'rows of disks and devices of an imported virtual machine';

CREATE FUNCTION vmclone_internal.import_vm(p_vm jsonb, p_snapshots jsonb, p_directory text, p_cluster_id uuid)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    vm CONSTANT uuid := p_vm ->> 'vm_id';
    in_cluster vmclone.cluster := vmclone_internal.import_cluster(p_cluster_id, p_vm ->> 'architecture');
    folder CONSTANT text := regexp_replace(p_directory, '(.)/+$', '\1');
    domain uuid;
    layers jsonb;
    told record;
BEGIN
    IF p_directory IS NULL OR folder !~ '^/' OR length(folder) > 250 THEN
        RAISE EXCEPTION 'directory "%" is not an absolute path of at most 250 characters', p_directory
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the directory that all files of the disks lie below.';
    END IF;
    domain := vmclone_internal.import_directory(folder, in_cluster.storage_pool_id);
    layers := (SELECT jsonb_agg(to_jsonb(l)) FROM vmclone_internal.import_layers(p_vm, folder, domain) l);
    IF layers IS NULL THEN
        RAISE EXCEPTION 'virtual machine "%" has no disk that is a file', p_vm ->> 'name'
            USING ERRCODE = 'VC013', HINT = 'Only disks of type file, raw or qcow2, can be imported.';
    END IF;
    IF EXISTS (SELECT FROM vmclone_internal.import_layer_rows(layers) l GROUP BY l.disk_id HAVING count(DISTINCT l.target) > 1) THEN
        RAISE EXCEPTION 'two disks of virtual machine "%" are the same file', p_vm ->> 'name'
            USING ERRCODE = 'VC013', HINT = 'Name each image once.';
    END IF;
    PERFORM vmclone_internal.import_vm_static(p_vm, in_cluster);
    PERFORM vmclone_internal.import_devices(p_vm, layers, in_cluster);
    PERFORM vmclone_internal.import_images(vm, layers, p_snapshots, domain);
    PERFORM vmclone_internal.import_remove(vm, ARRAY (SELECT l.image_id FROM vmclone_internal.import_layer_rows(layers) l),
        ARRAY (SELECT l.disk_id FROM vmclone_internal.import_layer_rows(layers) l));
    PERFORM vmclone_internal.import_attach(domain, folder);
    FOR told IN SELECT DISTINCT l.file, l.internal_snapshots FROM vmclone_internal.import_layer_rows(layers) l WHERE l.internal_snapshots > 0 ORDER BY l.file
    LOOP
        RAISE WARNING 'internal snapshots of image "%" are left out: %', told.file, told.internal_snapshots
            USING HINT = 'Clones are made of external snapshots (virsh snapshot-create-as --disk-only); qemu-img convert -l copies an internal one.';
    END LOOP;
    SELECT count(DISTINCT disk_id) AS disks, (SELECT count(*) FROM vmclone.snapshots WHERE vm_id = vm AND snapshot_type = 'REGULAR') AS snapshots
    INTO told FROM vmclone_internal.import_layer_rows(layers);
    RAISE NOTICE 'virtual machine "%" (%) is imported: disks %, snapshots %', p_vm ->> 'name', vm, told.disks, told.snapshots;
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_vm IS 'makes or refreshes all rows of a virtual machine';

REVOKE ALL ON FUNCTION vmclone_internal.import_layers, vmclone_internal.import_layer_rows, vmclone_internal.import_snapshot_name, vmclone_internal.import_snapshots,
    vmclone_internal.import_remove, vmclone_internal.import_vm_static, vmclone_internal.import_images, vmclone_internal.import_devices, vmclone_internal.import_vm FROM PUBLIC;
