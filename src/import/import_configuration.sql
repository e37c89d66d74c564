--
-- What a virtual machine was at each external snapshot: libvirt keeps the domain's XML of that moment with it.  It becomes the
-- snapshot's OVF document, so that a clone has the memory, processors, disks' buses, NICs and displays of then.
--

CREATE TABLE vmclone.libvirt_snapshots (
    snapshot_id uuid PRIMARY KEY,
    domain_xml text NOT NULL
);
COMMENT ON TABLE vmclone.libvirt_snapshots IS 'XML that domains had at their external snapshots, as far as import_libvirt was given it';
COMMENT ON COLUMN vmclone.libvirt_snapshots.snapshot_id IS 'snapshot: snapshots.snapshot_id';
COMMENT ON COLUMN vmclone.libvirt_snapshots.domain_xml IS 'the domain at that moment, of virsh snapshot-dumpxml';
SELECT pg_catalog.pg_extension_config_dump('vmclone.libvirt_snapshots', '');
REVOKE ALL ON vmclone.libvirt_snapshots FROM PUBLIC;

-- The images of a snapshot with what the domain of then says of their disks, found by the file, else by the target: columns as
-- the OVF wants them.  A disk of then that has no image in the snapshot is there without format: a clone tells that it is missing.
CREATE FUNCTION vmclone_internal.import_snapshot_disks(p_vm_id uuid, p_snapshot_id uuid, p_disks jsonb)
RETURNS TABLE (disk_id uuid, image_id uuid, target text, disk_interface text, is_boot boolean, is_readonly boolean, volume_format text,
    size bigint, allocated bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH image AS MATERIALIZED (
        SELECT i.image_group_id AS disk_id, i.image_guid AS image_id, b.disk_alias AS target, i.volume_format, i.size, f.file_name,
            COALESCE(s.actual_size, 0) AS allocated
        FROM vmclone.images i
        JOIN vmclone.base_disks b ON b.disk_id = i.image_group_id
        JOIN vmclone.image_files f ON f.image_id = i.image_guid
        LEFT JOIN vmclone.disk_image_dynamic s ON s.image_id = i.image_guid
        WHERE i.vm_snapshot_id = p_snapshot_id
    ), disk AS MATERIALIZED (
        SELECT d ->> 'target' AS target, d ->> 'interface' AS disk_interface, (d ->> 'boot')::boolean AS is_boot,
            (d ->> 'readonly')::boolean AS is_readonly,
            (SELECT i.image_id FROM image i WHERE right('/' || (d ->> 'file'), length(i.file_name) + 1) = '/' || i.file_name
                OR i.target = d ->> 'target' ORDER BY i.target = d ->> 'target' LIMIT 1) AS image_id
        FROM jsonb_array_elements(p_disks) d
    )
    SELECT i.disk_id, i.image_id, COALESCE(d.target, i.target), COALESCE(d.disk_interface, 'VirtIO'), COALESCE(d.is_boot, false), COALESCE(d.is_readonly, false),
        CASE i.volume_format WHEN 5 THEN 'RAW' ELSE 'COW' END, i.size, i.allocated
    FROM image i LEFT JOIN disk d USING (image_id)
    UNION ALL
    SELECT COALESCE((SELECT b.disk_id FROM vmclone.base_disks b JOIN vmclone.disk_vm_element e USING (disk_id)
            WHERE e.vm_id = p_vm_id AND b.disk_alias = d.target LIMIT 1), vmclone_internal.import_id('disk', p_vm_id::text, d.target)),
        vmclone_internal.import_id('no image', p_snapshot_id::text, d.target), d.target, d.disk_interface, d.is_boot, d.is_readonly, NULL, NULL, NULL
    FROM disk d WHERE d.image_id IS NULL
$$;
COMMENT ON FUNCTION vmclone_internal.import_snapshot_disks IS 'disks of a domain at a snapshot, with their images';

-- p_vm as import_vm has it.  What an OVF doesn't say stays as the virtual machine has it now.
CREATE FUNCTION vmclone_internal.import_ovf(p_vm_id uuid, p_snapshot_id uuid, p_vm jsonb)
RETURNS xml
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH disk AS MATERIALIZED (
        SELECT d.*, format('%s/%s', d.disk_id, d.image_id) AS file
        FROM vmclone_internal.import_snapshot_disks(p_vm_id, p_snapshot_id, p_vm -> 'disks') d
    ), nic AS (
        SELECT x.n, x.nic ->> 'name' AS name, x.nic ->> 'mac' AS mac, x.nic ->> 'type' AS type, x.nic ->> 'network' AS network, x.nic ->> 'linked' AS linked
        FROM jsonb_array_elements(p_vm -> 'interfaces') WITH ORDINALITY x (nic, n)
    ), item (number, content) AS (
        SELECT 1, XMLFOREST('3' AS "rasd:ResourceType", '1' AS "rasd:InstanceId", p_vm ->> 'sockets' AS "rasd:num_of_sockets",
            p_vm ->> 'cores' AS "rasd:cpu_per_socket", p_vm ->> 'threads' AS "rasd:threads_per_cpu")
        UNION ALL
        SELECT 2, XMLFOREST('4' AS "rasd:ResourceType", '2' AS "rasd:InstanceId", 'MegaBytes' AS "rasd:AllocationUnits",
            p_vm ->> 'memory_mb' AS "rasd:VirtualQuantity")
        UNION ALL
        SELECT 3, XMLFOREST('17' AS "rasd:ResourceType", d.image_id AS "rasd:InstanceId", d.file AS "rasd:HostResource", 'disk' AS "Type",
            'disk' AS "Device", true AS "IsPlugged", d.is_readonly AS "IsReadOnly") FROM disk d
        UNION ALL
        SELECT 4, XMLFOREST('10' AS "rasd:ResourceType", vmclone_internal.import_id('nic', p_vm_id::text, n.name) AS "rasd:InstanceId",
            left(n.network, 50) AS "rasd:OtherResourceType", n.type AS "rasd:ResourceSubType", n.network AS "rasd:Connection", n.linked AS "rasd:Linked",
            n.name AS "rasd:Name", lower(n.mac) AS "rasd:MACAddress", 'interface' AS "Type", 'bridge' AS "Device", true AS "IsPlugged")
        FROM nic n
        UNION ALL
        SELECT 5, XMLFOREST(v.resource AS "rasd:ResourceType", vmclone_internal.import_id(v.type, p_vm_id::text) AS "rasd:InstanceId", v.type AS "Type",
            v.device AS "Device", true AS "IsPlugged")
        FROM (VALUES ('20', 'video', p_vm ->> 'video'), ('26', 'graphics', p_vm ->> 'graphics')) AS v (resource, type, device) WHERE v.device IS NOT NULL
    )
    SELECT XMLELEMENT(NAME "ovf:Envelope",
        XMLATTRIBUTES('http://schemas.dmtf.org/ovf/envelope/1/' AS "xmlns:ovf",
            'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData' AS "xmlns:rasd",
            'http://www.w3.org/2001/XMLSchema-instance' AS "xmlns:xsi", '4.5.0.0' AS "ovf:version"),
        XMLELEMENT(NAME "References", (SELECT XMLAGG(XMLELEMENT(NAME "File",
            XMLATTRIBUTES(d.file AS "ovf:href", d.image_id AS "ovf:id", d.allocated AS "ovf:size")) ORDER BY d.target) FROM disk d)),
        XMLELEMENT(NAME "Section", XMLATTRIBUTES('ovf:DiskSection_Type' AS "xsi:type"),
            (SELECT XMLAGG(XMLELEMENT(NAME "Disk", XMLATTRIBUTES(d.image_id AS "ovf:diskId", (d.size + 1073741823) / 1073741824 AS "ovf:size",
                d.file AS "ovf:fileRef", d.volume_format AS "ovf:volume-format", 'Sparse' AS "ovf:volume-type", d.disk_interface AS "ovf:disk-interface",
                d.is_boot AS "ovf:boot", d.is_readonly AS "ovf:read-only", d.target AS "ovf:disk-alias")) ORDER BY d.target) FROM disk d)),
        XMLELEMENT(NAME "Content", XMLATTRIBUTES('out' AS "ovf:id", 'ovf:VirtualSystem_Type' AS "xsi:type"),
            XMLFOREST(p_vm ->> 'name' AS "Name", COALESCE(left(p_vm ->> 'description', 4000), '') AS "Description",
                p_vm ->> 'memory_mb' AS "MinAllocatedMem", (p_vm ->> 'memory_mb')::bigint * 4 AS "MaxMemorySizeMb", (p_vm ->> 'bios_type')::integer - 1 AS "BiosType"),
            XMLELEMENT(NAME "Section", XMLATTRIBUTES(p_vm_id AS "ovf:id", 'ovf:OperatingSystemSection_Type' AS "xsi:type")),
            XMLELEMENT(NAME "Section", XMLATTRIBUTES('ovf:VirtualHardwareSection_Type' AS "xsi:type"),
                (SELECT XMLAGG(XMLELEMENT(NAME "Item", i.content) ORDER BY i.number) FROM item i))))
$$;
COMMENT ON FUNCTION vmclone_internal.import_ovf IS 'OVF document of an imported virtual machine at a snapshot';

-- p_snapshots as import_vm has it.  What an earlier import was given counts as long as its snapshot is there.
CREATE FUNCTION vmclone_internal.import_configurations(p_vm_id uuid, p_vm_name text, p_snapshots jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept record;
    pool CONSTANT vmclone.cluster := (SELECT c FROM vmclone.vm_static v JOIN vmclone.cluster c USING (cluster_id) WHERE v.vm_guid = p_vm_id);
    vm jsonb;
BEGIN
    -- a snapshot is the image below the overlay that it made
    INSERT INTO vmclone.libvirt_snapshots AS k (snapshot_id, domain_xml)
    SELECT DISTINCT ON (i.vm_snapshot_id) i.vm_snapshot_id, s ->> 'domain'
    FROM jsonb_array_elements(p_snapshots) s
    JOIN vmclone.image_files f ON right(s ->> 'file', length(f.file_name) + 1) = '/' || f.file_name
    JOIN vmclone.images o ON o.image_guid = f.image_id
    JOIN vmclone.images i ON i.image_guid = o.parentid
    JOIN vmclone.snapshots n ON n.snapshot_id = i.vm_snapshot_id AND n.vm_id = p_vm_id AND n.snapshot_type = 'REGULAR'
    WHERE s ->> 'domain' IS NOT NULL
    ORDER BY i.vm_snapshot_id, s ->> 'created' DESC
    ON CONFLICT (snapshot_id) DO UPDATE SET domain_xml = excluded.domain_xml WHERE k.domain_xml <> excluded.domain_xml;
    DELETE FROM vmclone.libvirt_snapshots k WHERE NOT EXISTS (SELECT FROM vmclone.snapshots n WHERE n.snapshot_id = k.snapshot_id);
    FOR kept IN SELECT k.snapshot_id, k.domain_xml FROM vmclone.libvirt_snapshots k JOIN vmclone.snapshots n USING (snapshot_id) WHERE n.vm_id = p_vm_id
    LOOP
        vm := vmclone_internal.import_libvirt_vm(xmlparse(DOCUMENT kept.domain_xml), p_vm_name);
        CONTINUE WHEN vm IS NULL OR vm ->> 'memory_mb' IS NULL;
        PERFORM vmclone_internal.import_networks(ARRAY (SELECT n ->> 'network' FROM jsonb_array_elements(vm -> 'interfaces') n
            WHERE n ->> 'network' IS NOT NULL), pool);
        UPDATE vmclone.snapshots n SET vm_configuration = c.ovf
        FROM (SELECT vmclone_internal.import_ovf(p_vm_id, kept.snapshot_id, vm)::text) AS c (ovf)
        WHERE n.snapshot_id = kept.snapshot_id AND n.vm_configuration IS DISTINCT FROM c.ovf;
    END LOOP;
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_configurations IS 'OVF documents of an imported virtual machine''s snapshots, of the XML that libvirt keeps with them';

REVOKE ALL ON FUNCTION vmclone_internal.import_snapshot_disks, vmclone_internal.import_ovf, vmclone_internal.import_configurations FROM PUBLIC;
