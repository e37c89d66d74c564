--
-- A virtual machine of libvirt's: its domain XML, and the XML of its external snapshots where the caller has it.
--

CREATE TABLE vmclone.libvirt_domains (
    vm_id uuid PRIMARY KEY,
    domain_xml text NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE vmclone.libvirt_domains IS 'XML of imported virtual machines, which libvirt_xml makes that of their clones from';
COMMENT ON COLUMN vmclone.libvirt_domains.vm_id IS 'virtual machine: vm_static.vm_guid';
COMMENT ON COLUMN vmclone.libvirt_domains.domain_xml IS 'as virsh dumpxml gave it when it was last imported';
COMMENT ON COLUMN vmclone.libvirt_domains.imported_at IS 'when that was';
SELECT pg_catalog.pg_extension_config_dump('vmclone.libvirt_domains', '');
REVOKE ALL ON vmclone.libvirt_domains FROM PUBLIC;

-- What p_vm of import_vm is, of the XML.
CREATE FUNCTION vmclone_internal.import_libvirt_vm(p_domain xml, p_name text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('vm_id', COALESCE(d.uuid, vmclone_internal.import_id('libvirt', d.name)), 'name', COALESCE(p_name, d.name),
        'description', COALESCE(d.description, d.title), 'architecture', d.arch,
        'memory_mb', ceil(d.memory * CASE lower(d.unit) WHEN 'b' THEN 1 WHEN 'bytes' THEN 1 WHEN 'kb' THEN 1000 WHEN 'k' THEN 1024 WHEN 'kib' THEN 1024
            WHEN 'mb' THEN 1e6 WHEN 'm' THEN 1024 ^ 2 WHEN 'mib' THEN 1024 ^ 2 WHEN 'gb' THEN 1e9 WHEN 'g' THEN 1024 ^ 3 WHEN 'gib' THEN 1024 ^ 3
            WHEN 'tb' THEN 1e12 WHEN 't' THEN 1024 ^ 4 WHEN 'tib' THEN 1024 ^ 4 END / 1024 ^ 2)::integer,
        'sockets', COALESCE(d.sockets * COALESCE(d.dies, 1), d.vcpus), 'cores', COALESCE(d.cores, 1), 'threads', COALESCE(d.threads, 1),
        'bios_type', CASE WHEN d.machine NOT LIKE '%q35%' THEN 1 WHEN d.firmware = 'efi' OR d.loader_type = 'pflash' THEN
            CASE WHEN d.secure = 'yes' THEN 4 ELSE 3 END ELSE 2 END,
        'video', CASE WHEN d.video IN ('qxl', 'vga', 'cirrus', 'virtio', 'bochs') THEN d.video END,
        'graphics', CASE WHEN d.graphics IN ('vnc', 'spice') THEN d.graphics END,
        'interfaces', (SELECT COALESCE(jsonb_agg(jsonb_build_object('name', 'nic' || n.n, 'mac', n.mac,
            'type', CASE n.model WHEN 'virtio' THEN 3 WHEN 'e1000' THEN 2 WHEN 'e1000e' THEN 6 WHEN 'rtl8139' THEN 1 ELSE 3 END,
            'network', COALESCE(n.network, n.bridge, n.dev), 'linked', COALESCE(n.link, 'up') <> 'down') ORDER BY n.n), '[]')
            FROM XMLTABLE('/domain/devices/interface' PASSING p_domain COLUMNS n FOR ORDINALITY, mac text PATH 'mac/@address',
                model text PATH 'model/@type', network text PATH 'source/@network', bridge text PATH 'source/@bridge',
                dev text PATH 'source/@dev', link text PATH 'link/@state') n),
        'disks', (SELECT COALESCE(jsonb_agg(jsonb_build_object('target', k.target, 'file', k.file, 'format', COALESCE(k.driver, 'raw'),
            'interface', CASE k.bus WHEN 'virtio' THEN 'VirtIO' WHEN 'scsi' THEN 'VirtIO_SCSI' WHEN 'ide' THEN 'IDE' WHEN 'sata' THEN 'SATA'
                ELSE 'VirtIO' END,
            'boot', k.is_first, 'readonly', k.readonly) ORDER BY k.n), '[]')
            FROM (SELECT t.*, row_number() OVER (ORDER BY t.boot_order, t.n) = 1 AS is_first
                FROM XMLTABLE('/domain/devices/disk[@type="file" and (not(@device) or @device="disk" or @device="lun")]' PASSING p_domain
                COLUMNS n FOR ORDINALITY, driver text PATH 'driver/@type', file text PATH 'source/@file', target text PATH 'target/@dev',
                bus text PATH 'target/@bus', boot_order integer PATH 'boot/@order', readonly boolean PATH 'boolean(readonly)') t
                WHERE t.file IS NOT NULL) k))
    FROM XMLTABLE('/domain' PASSING p_domain COLUMNS name text PATH 'name', uuid uuid PATH 'uuid', title text PATH 'title',
        description text PATH 'description', memory numeric PATH 'memory', unit text PATH 'memory/@unit' DEFAULT 'KiB',
        vcpus integer PATH 'vcpu' DEFAULT 1, sockets integer PATH 'cpu/topology/@sockets', dies integer PATH 'cpu/topology/@dies',
        cores integer PATH 'cpu/topology/@cores', threads integer PATH 'cpu/topology/@threads', arch text PATH 'os/type/@arch', machine text PATH 'os/type/@machine' DEFAULT '',
        firmware text PATH 'os/@firmware', loader_type text PATH 'os/loader/@type', secure text PATH 'os/loader/@secure',
        video text PATH 'devices/video[1]/model/@type', graphics text PATH 'devices/graphics[1]/@type') d
$$;
COMMENT ON FUNCTION vmclone_internal.import_libvirt_vm IS 'what a libvirt domain''s XML says of it';

-- The overlay that each external snapshot has made, when, and what the domain was then.
CREATE FUNCTION vmclone_internal.import_libvirt_snapshots(p_snapshots xml[])
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT COALESCE(jsonb_agg(jsonb_build_object('name', s.name, 'description', s.description, 'created', to_timestamp(s.created),
        'file', k.file, 'domain', s.domain)), '[]')
    FROM unnest(p_snapshots) AS x (snapshot)
    CROSS JOIN XMLTABLE('/domainsnapshot' PASSING x.snapshot COLUMNS name text PATH 'name', description text PATH 'description',
        created double precision PATH 'creationTime', domain xml PATH 'domain') s
    CROSS JOIN XMLTABLE('/domainsnapshot/disks/disk[@snapshot="external"]' PASSING x.snapshot COLUMNS file text PATH 'source/@file') k
    WHERE k.file IS NOT NULL
$$;
COMMENT ON FUNCTION vmclone_internal.import_libvirt_snapshots IS 'what the XML of libvirt''s snapshots says of them';

CREATE PROCEDURE vmclone.import_libvirt(domain_xml xml, directory text, snapshots xml[] DEFAULT '{}', vm_name text DEFAULT NULL,
    cluster_id uuid DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    size_limit CONSTANT integer := 1048576;
    vm jsonb;
    known jsonb;
    other record;
BEGIN
    PERFORM vmclone_internal.import_begin();
    IF domain_xml IS NULL OR snapshots IS NULL THEN
        RAISE EXCEPTION 'domain_xml and snapshots must not be null' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'Pass what virsh dumpxml and virsh snapshot-dumpxml print.';
    END IF;
    IF octet_length(domain_xml::text) > size_limit OR (SELECT sum(octet_length(s::text)) FROM unnest(snapshots) s) > 64 * size_limit THEN
        RAISE EXCEPTION 'XML of the virtual machine is too long' USING ERRCODE = 'program_limit_exceeded',
            DETAIL = 'A domain''s may be 1 MiB long, that of all snapshots 64 MiB.', HINT = 'Pass what virsh dumpxml prints.';
    END IF;
    IF domain_xml::text ~ '<!DOCTYPE' OR EXISTS (SELECT FROM unnest(snapshots) s WHERE s::text ~ '<!DOCTYPE') THEN
        RAISE EXCEPTION 'XML of a virtual machine has no document type' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Pass what virsh dumpxml prints.';
    END IF;
    vm := vmclone_internal.import_libvirt_vm(domain_xml, vm_name);
    IF vm IS NULL OR vm ->> 'name' IS NULL OR vm ->> 'memory_mb' IS NULL OR length(vm ->> 'name') > 255 THEN
        RAISE EXCEPTION 'domain_xml is not the XML of a libvirt domain' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'It must be an element "domain" with "name" and "memory".', HINT = 'Pass what virsh dumpxml prints.';
    END IF;
    FOR other IN SELECT * FROM XMLTABLE('/domain/devices/disk[@type!="file" and (not(@device) or @device="disk" or @device="lun")]' PASSING domain_xml
        COLUMNS kind text PATH '@type', target text PATH 'target/@dev')
    LOOP
        RAISE WARNING 'disk "%" of virtual machine "%" is left out: it is of type "%"', other.target, vm ->> 'name', other.kind
            USING HINT = 'Only disks of type file can be imported; a volume group can be a storage domain of its own (docs/provisioning.md).';
    END LOOP;
    known := vmclone_internal.import_libvirt_snapshots(snapshots);
    PERFORM vmclone_internal.import_vm(vm, known, directory, cluster_id);
    PERFORM vmclone_internal.import_configurations((vm ->> 'vm_id')::uuid, vm ->> 'name', known);
    INSERT INTO vmclone.libvirt_domains AS d (vm_id, domain_xml) VALUES ((vm ->> 'vm_id')::uuid, domain_xml::text)
    ON CONFLICT (vm_id) DO UPDATE SET domain_xml = excluded.domain_xml, imported_at = clock_timestamp();
END
$$;
COMMENT ON PROCEDURE vmclone.import_libvirt IS 'makes a virtual machine of a libvirt domain''s XML (virsh dumpxml) and the chains of its images, which lie below the directory; nothing of them is written; snapshots: XML of its external snapshots (virsh snapshot-dumpxml) for their names and times and for what the domain was then; again after new snapshots';

REVOKE ALL ON FUNCTION vmclone_internal.import_libvirt_vm, vmclone_internal.import_libvirt_snapshots FROM PUBLIC;
REVOKE ALL ON PROCEDURE vmclone.import_libvirt FROM PUBLIC;
