--
-- XML by which libvirt knows a virtual machine or a clone.
--

CREATE FUNCTION vmclone_internal.libvirt_edit(p_domain_xml text, p_changes jsonb)
RETURNS text
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'vmclone_libvirt_edit';
COMMENT ON FUNCTION vmclone_internal.libvirt_edit IS 'a domain''s XML with other ids, name, files and addresses: {"vm_id", "name", "memory_mb", "vcpus", "disks": {target: {"file", "format"}}, "interfaces": [{"is_kept", "address"}]}, of disks and NICs those that it names';

-- XML of the virtual machine that was imported, of which this one is a clone's clone: as it was at the snapshot that the first
-- clone was made of, where that is known.
CREATE FUNCTION vmclone_internal.libvirt_origin(p_vm_id uuid)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE origin (vm_id, snapshot_id, depth) AS (
        SELECT p_vm_id, NULL::uuid, 0
        UNION ALL SELECT l.source_vm_id, l.source_snapshot_id, o.depth + 1 FROM origin o JOIN vmclone.lineage l ON l.vm_id = o.vm_id
        WHERE o.depth < 1000 AND NOT EXISTS (SELECT FROM vmclone.libvirt_domains d WHERE d.vm_id = o.vm_id)
    )
    SELECT COALESCE(k.domain_xml, d.domain_xml)
    FROM origin o JOIN vmclone.libvirt_domains d USING (vm_id) LEFT JOIN vmclone.libvirt_snapshots k USING (snapshot_id)
$$;
COMMENT ON FUNCTION vmclone_internal.libvirt_origin IS 'the XML that a clone''s is made of';

-- Where the images that a virtual machine writes to lie.
CREATE FUNCTION vmclone_internal.libvirt_disks(p_vm_id uuid)
RETURNS TABLE (disk_id uuid, target text, disk_interface text, is_boot boolean, file text, is_raw boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE source (disk_id, source_id, depth) AS (
        SELECT e.disk_id, e.disk_id, 0 FROM vmclone.disk_vm_element e WHERE e.vm_id = p_vm_id
        UNION ALL SELECT s.disk_id, t.source_disk_id, s.depth + 1
        FROM source s JOIN vmclone.async_tasks t ON t.disk_id = s.source_id WHERE s.depth < 1000
    )
    SELECT e.disk_id,
        (SELECT b.disk_alias FROM source s JOIN vmclone.base_disks b ON b.disk_id = s.source_id WHERE s.disk_id = e.disk_id ORDER BY s.depth DESC LIMIT 1),
        e.disk_interface, e.is_boot, CASE WHEN f.file_name IS NOT NULL THEN m.files_path || '/' || f.file_name
            WHEN m.kind = 'file' THEN m.real_path || '/images/' || i.image_group_id || '/' || i.image_guid
            ELSE m.real_path || '/' || i.image_guid END, i.volume_format = 5 /* RAW */
    FROM vmclone.disk_vm_element e
    JOIN vmclone.images i ON i.image_group_id = e.disk_id AND i.active
    JOIN vmclone.image_storage_domain_map d ON d.image_id = i.image_guid
    JOIN vmclone.storage_mounts m ON m.storage_domain_id = d.storage_domain_id
    LEFT JOIN vmclone.image_files f ON f.image_id = i.image_guid
    WHERE e.vm_id = p_vm_id
$$;
COMMENT ON FUNCTION vmclone_internal.libvirt_disks IS 'files of a virtual machine''s disks, with the targets of the virtual machine that was imported';

-- For each NIC of the XML the one of the same name.  One that has another name since takes the place of one that is gone.
CREATE FUNCTION vmclone_internal.libvirt_interfaces(p_vm_id uuid, p_interfaces jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH source AS MATERIALIZED (
        SELECT o.n, o.nic ->> 'name' AS name FROM jsonb_array_elements(p_interfaces) WITH ORDINALITY AS o (nic, n)
    ), own AS MATERIALIZED (
        SELECT i.name, i.mac_addr, s.n, row_number() OVER (PARTITION BY s.n IS NULL ORDER BY length(i.name), i.name) AS place
        FROM vmclone.vm_interface i LEFT JOIN source s USING (name) WHERE i.vm_guid = p_vm_id
    ), gone AS (
        SELECT s.n, row_number() OVER (ORDER BY s.n) AS place FROM source s WHERE s.n NOT IN (SELECT o.n FROM own o WHERE o.n IS NOT NULL)
    )
    SELECT COALESCE(jsonb_agg(CASE WHEN o.name IS NULL THEN '{}' ELSE jsonb_build_object('is_kept', true, 'address', o.mac_addr) END ORDER BY s.n), '[]')
    FROM source s LEFT JOIN gone g USING (n) LEFT JOIN own o ON o.n = s.n OR (o.n IS NULL AND o.place = g.place)
$$;
COMMENT ON FUNCTION vmclone_internal.libvirt_interfaces IS 'what becomes of the NICs of a domain''s XML, in their order';

CREATE FUNCTION vmclone.libvirt_xml(vm_id uuid)
RETURNS xml
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    vm vmclone.vm_static;
    source text;
    origin jsonb;
BEGIN
    PERFORM vmclone_internal.require_administrator('read the XML of virtual machines');
    SELECT v.* INTO vm FROM vmclone.vm_static v WHERE v.vm_guid = $1 AND v.entity_type = 'VM';
    IF vm.vm_guid IS NULL THEN
        RAISE EXCEPTION 'virtual machine % does not exist', $1 USING ERRCODE = 'VC003', HINT = 'View vmclone.vms lists the virtual machines.';
    END IF;
    IF EXISTS (SELECT FROM vmclone.jobs j WHERE j.vm_id = $1 AND j.status NOT IN ('succeeded', 'failed', 'cancelled')) THEN
        RAISE EXCEPTION 'virtual machine "%" is not finished yet', vm.vm_name USING ERRCODE = 'VC023',
            HINT = 'CALL vmclone.wait_for_job(job_id) waits for its disks; view vmclone.jobs_view has the job.';
    END IF;
    source := vmclone_internal.libvirt_origin($1);
    IF source IS NULL THEN
        RAISE EXCEPTION 'no XML is known of virtual machine "%" or of what it was cloned from', vm.vm_name USING ERRCODE = 'VC018',
            DETAIL = 'It was not made from a domain of libvirt''s that import_libvirt has read.',
            HINT = 'CALL vmclone.import_libvirt(domain_xml, directory) for the virtual machine that was cloned.';
    END IF;
    origin := vmclone_internal.import_libvirt_vm(xmlparse(DOCUMENT source), NULL);
    RETURN xmlparse(DOCUMENT vmclone_internal.libvirt_edit(source, jsonb_strip_nulls(jsonb_build_object(
        'vm_id', vm.vm_guid, 'name', vm.vm_name,
        'memory_mb', NULLIF(vm.mem_size_mb, (origin ->> 'memory_mb')::integer),
        'vcpus', CASE WHEN (vm.num_of_sockets, vm.cpu_per_socket, vm.threads_per_cpu) <>
            ((origin ->> 'sockets')::integer, (origin ->> 'cores')::integer, (origin ->> 'threads')::integer)
            THEN vm.num_of_sockets * vm.cpu_per_socket * vm.threads_per_cpu END,
        'disks', (SELECT COALESCE(jsonb_object_agg(k.target, jsonb_build_object('file', k.file, 'format',
            CASE WHEN k.is_raw THEN 'raw' ELSE 'qcow2' END)), '{}') FROM vmclone_internal.libvirt_disks($1) k),
        'interfaces', vmclone_internal.libvirt_interfaces($1, origin -> 'interfaces')))));
END
$$;
COMMENT ON FUNCTION vmclone.libvirt_xml IS 'the XML to define a virtual machine with (virsh define): that of the libvirt domain which was imported, as it was at the snapshot, with the clone''s name, ids, files and addresses';

REVOKE ALL ON FUNCTION vmclone_internal.libvirt_edit, vmclone_internal.libvirt_origin, vmclone_internal.libvirt_disks, vmclone_internal.libvirt_interfaces,
    vmclone.libvirt_xml FROM PUBLIC;
