-- The inventory with words for its codes.  A view that stood on the tables of an engine's database would be in the way of
-- the engine's upgrades, and DROP ... CASCADE of one of those tables would take this extension with it.  So the views stand
-- on inventory_rows, which runs the query kept under a name, as the inventory's owner, on the inventory that is bound.

CREATE TABLE inventory_queries (
    name name PRIMARY KEY,
    sql text NOT NULL
);
COMMENT ON TABLE inventory_queries IS 'What inventory_rows may run; tables without a schema are the bound inventory''s.  Not dumped: CREATE EXTENSION makes it';
COMMENT ON COLUMN inventory_queries.name IS 'View of the same name that it fills';
COMMENT ON COLUMN inventory_queries.sql IS 'Query, run in the inventory''s frame';

CREATE FUNCTION vmclone_internal.inventory_rows(query name) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION vmclone_internal.inventory_rows(name) IS 'rows of one of inventory_queries; the views below give them columns';

INSERT INTO inventory_queries (name, sql) VALUES ('vms', $query$
SELECT v.vm_guid AS vm_id,
    v.vm_name::text AS vm_name,
    v.entity_type::text AS kind,
    CASE WHEN v.entity_type = 'TEMPLATE' THEN CASE v.template_status WHEN 0 THEN 'OK' WHEN 1 THEN 'LOCKED' WHEN 2 THEN 'ILLEGAL' END
        ELSE CASE d.status WHEN -1 THEN 'Unassigned' WHEN 0 THEN 'Down' WHEN 1 THEN 'Up' WHEN 2 THEN 'PoweringUp' WHEN 4 THEN 'Paused'
            WHEN 5 THEN 'MigratingFrom' WHEN 6 THEN 'MigratingTo' WHEN 7 THEN 'Unknown' WHEN 8 THEN 'NotResponding' WHEN 9 THEN 'WaitForLaunch'
            WHEN 10 THEN 'RebootInProgress' WHEN 11 THEN 'SavingState' WHEN 12 THEN 'RestoringState' WHEN 13 THEN 'Suspended'
            WHEN 14 THEN 'ImageIllegal' WHEN 15 THEN 'ImageLocked' WHEN 16 THEN 'PoweringDown' ELSE 'code ' || d.status END
        END::text AS status,
    c.name::text AS cluster,
    p.name::text AS data_center,
    CASE WHEN v.vmt_guid <> v.vm_guid THEN t.vm_name END::text AS template,
    v.mem_size_mb::bigint AS memory_mb,
    LEAST(v.num_of_sockets::numeric * v.cpu_per_socket * v.threads_per_cpu, 2147483647)::integer AS cpus,
    CASE v.bios_type WHEN 1 THEN 'I440FX_SEA_BIOS' WHEN 2 THEN 'Q35_SEA_BIOS' WHEN 3 THEN 'Q35_OVMF' WHEN 4 THEN 'Q35_SECURE_BOOT' END::text AS bios,
    (SELECT count(*) FROM disk_vm_element e WHERE e.vm_id = v.vm_guid)::integer AS disks,
    (SELECT count(*) FROM vm_interface i WHERE i.vm_guid = v.vm_guid)::integer AS nics,
    (SELECT count(*) FROM snapshots s WHERE s.vm_id = v.vm_guid AND s.snapshot_type = 'REGULAR')::integer AS snapshots,
    EXISTS (SELECT FROM snapshots s WHERE s.vm_id = v.vm_guid AND s.status <> 'OK') AS snapshot_busy,
    q.quota_name::text AS quota,
    v.description::text AS description,
    v.creation_date::timestamptz AS created,
    v.cluster_id,
    c.storage_pool_id
FROM vm_static v
LEFT JOIN vm_dynamic d ON d.vm_guid = v.vm_guid
LEFT JOIN cluster c ON c.cluster_id = v.cluster_id
LEFT JOIN storage_pool p ON p.id = c.storage_pool_id
LEFT JOIN vm_static t ON t.vm_guid = v.vmt_guid
LEFT JOIN quota q ON q.id = v.quota_id
WHERE v.entity_type IN ('VM', 'TEMPLATE')
$query$);

INSERT INTO inventory_queries (name, sql) VALUES ('disks', $query$
SELECT b.disk_id,
    b.disk_alias::text AS disk_alias,
    v.vm_name::text AS vm_name,
    e.is_boot AS boot,
    e.disk_interface::text AS interface,
    dev.is_plugged AS plugged,
    dev.is_readonly AS read_only,
    b.shareable AS shareable,
    CASE b.disk_storage_type WHEN 0 THEN 'IMAGE' WHEN 1 THEN 'LUN' WHEN 2 THEN 'CINDER' WHEN 3 THEN 'MANAGED_BLOCK_STORAGE' WHEN 4 THEN 'KUBERNETES' END::text AS storage,
    CASE b.disk_content_type WHEN 0 THEN 'DATA' WHEN 1 THEN 'OVF_STORE' WHEN 2 THEN 'MEMORY_DUMP' WHEN 3 THEN 'MEMORY_METADATA' WHEN 4 THEN 'ISO'
        WHEN 9 THEN 'BACKUP_SCRATCH' ELSE 'HOSTED_ENGINE' END::text AS content,
    CASE i.imagestatus WHEN 0 THEN 'Unassigned' WHEN 1 THEN 'OK' WHEN 2 THEN 'LOCKED' WHEN 4 THEN 'ILLEGAL' END::text AS status,
    CASE i.volume_format WHEN 3 THEN 'Unassigned' WHEN 4 THEN 'COW' WHEN 5 THEN 'RAW' END::text AS format,
    CASE i.volume_type WHEN 0 THEN 'Unassigned' WHEN 1 THEN 'Preallocated' WHEN 2 THEN 'Sparse' END::text AS allocation,
    i.size::bigint AS virtual_size,
    CASE WHEN chain.actual_size > 9223372036854775807 THEN 9223372036854775807 ELSE chain.actual_size END::bigint AS actual_size,
    chain.images::integer AS images,
    place.domains::text AS storage_domain,
    place.quotas::text AS quota,
    i.image_guid AS image_id,
    e.vm_id
FROM base_disks b
LEFT JOIN disk_vm_element e ON e.disk_id = b.disk_id
LEFT JOIN vm_static v ON v.vm_guid = e.vm_id
LEFT JOIN vm_device dev ON dev.device_id = e.disk_id AND dev.vm_id = e.vm_id
LEFT JOIN images i ON i.image_group_id = b.disk_id AND i.active
LEFT JOIN LATERAL (
    SELECT count(*) AS images, sum(a.actual_size) AS actual_size
    FROM images l LEFT JOIN disk_image_dynamic a ON a.image_id = l.image_guid
    WHERE l.image_group_id = b.disk_id
) chain ON true
LEFT JOIN LATERAL (
    SELECT string_agg(DISTINCT s.storage_name::text, ', ') AS domains, string_agg(DISTINCT q.quota_name::text, ', ') AS quotas
    FROM image_storage_domain_map m
    JOIN storage_domain_static s ON s.id = m.storage_domain_id
    LEFT JOIN quota q ON q.id = m.quota_id
    WHERE m.image_id = i.image_guid
) place ON true
$query$);

INSERT INTO inventory_queries (name, sql) VALUES ('missing_disks', $query$
SELECT s.snapshot_id,
    s.description::text AS snapshot,
    s.vm_id,
    v.vm_name::text AS vm_name,
    d.disk_alias,
    CASE WHEN d.file_ref ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(/.*)?$' THEN left(d.file_ref, 36) END::uuid AS disk_id,
    ref.image_id,
    CASE WHEN i.image_guid IS NULL THEN 'MISSING' ELSE 'ILLEGAL' END::text AS status
FROM snapshots s
JOIN vm_static v ON v.vm_guid = s.vm_id
CROSS JOIN LATERAL xmltable('//*[local-name()="Disk"]'
    PASSING CASE WHEN xml_is_well_formed_document(s.vm_configuration) THEN xmlparse(DOCUMENT s.vm_configuration) END
    COLUMNS image text PATH '@*[local-name()="diskId"]',
        file_ref text PATH '@*[local-name()="fileRef"]',
        lun text PATH '@*[local-name()="lun_id"]',
        shareable text PATH '@*[local-name()="shareable"]',
        disk_alias text PATH '@*[local-name()="disk-alias"]') d
CROSS JOIN LATERAL (
    SELECT CASE WHEN d.image ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN d.image END::uuid AS image_id) ref
LEFT JOIN images i ON i.image_guid = ref.image_id
WHERE s.snapshot_type <> 'PREVIEW' AND d.lun IS NULL AND lower(d.shareable) IS DISTINCT FROM 'true' AND d.file_ref LIKE '%/%'
    AND ref.image_id IS NOT NULL AND (i.image_guid IS NULL OR i.imagestatus = 4 /* ILLEGAL */)
$query$);

INSERT INTO inventory_queries (name, sql) VALUES ('storage', $query$
SELECT s.id AS storage_domain_id,
    s.storage_name::text AS storage_domain,
    p.name::text AS data_center,
    CASE s.storage_domain_type WHEN 0 THEN 'Master' WHEN 1 THEN 'Data' WHEN 2 THEN 'ISO' WHEN 3 THEN 'ImportExport' WHEN 4 THEN 'Image' WHEN 5 THEN 'Volume'
        WHEN 6 THEN 'Unknown' WHEN 7 THEN 'ManagedBlockStorage' WHEN 8 THEN 'Unmanaged' ELSE 'code ' || s.storage_domain_type END::text AS type,
    CASE s.storage_type WHEN 0 THEN 'UNKNOWN' WHEN 1 THEN 'NFS' WHEN 2 THEN 'FCP' WHEN 3 THEN 'ISCSI' WHEN 4 THEN 'LOCALFS' WHEN 6 THEN 'POSIXFS'
        WHEN 7 THEN 'GLUSTERFS' WHEN 8 THEN 'GLANCE' WHEN 9 THEN 'CINDER' WHEN 10 THEN 'MANAGED_BLOCK_STORAGE' WHEN 11 THEN 'UNMANAGED'
        ELSE 'code ' || s.storage_type END::text AS storage_type,
    CASE WHEN s.storage_type IN (2, 3 /* FCP, ISCSI */) THEN 'block' WHEN s.storage_type IN (1, 4, 6, 7 /* NFS, LOCALFS, POSIXFS, GLUSTERFS */) THEN 'file' END::text AS kind,
    s.storage_domain_format_type::text AS format,
    CASE m.status WHEN 0 THEN 'Unknown' WHEN 1 THEN 'Uninitialized' WHEN 2 THEN 'Unattached' WHEN 3 THEN 'Active' WHEN 4 THEN 'Inactive' WHEN 5 THEN 'Locked'
        WHEN 6 THEN 'Maintenance' WHEN 7 THEN 'PreparingForMaintenance' WHEN 8 THEN 'Detaching' WHEN 9 THEN 'Activating' ELSE 'Unattached' END::text AS status,
    d.available_disk_size::bigint AS available_gb,
    d.used_disk_size::bigint AS used_gb,
    s.warning_low_space_indicator::integer AS warning_below_percent,
    s.critical_space_action_blocker::integer AS blocked_below_gb,
    m.storage_pool_id
FROM storage_domain_static s
LEFT JOIN storage_domain_dynamic d ON d.id = s.id
LEFT JOIN storage_pool_iso_map m ON m.storage_id = s.id
LEFT JOIN storage_pool p ON p.id = m.storage_pool_id
$query$);

CREATE VIEW vms AS
SELECT * FROM vmclone_internal.inventory_rows('vms') AS r (vm_id uuid, vm_name text, kind text, status text, cluster text, data_center text, template text, memory_mb bigint, cpus integer,
    bios text, disks integer, nics integer, snapshots integer, snapshot_busy boolean, quota text, description text, created timestamptz,
    cluster_id uuid, storage_pool_id uuid);

CREATE VIEW disks AS
SELECT * FROM vmclone_internal.inventory_rows('disks') AS r (disk_id uuid, disk_alias text, vm_name text, boot boolean, interface text, plugged boolean, read_only boolean, shareable boolean,
    storage text, content text, status text, format text, allocation text, virtual_size bigint, actual_size bigint, images integer,
    storage_domain text, quota text, image_id uuid, vm_id uuid);

CREATE VIEW missing_disks AS
SELECT * FROM vmclone_internal.inventory_rows('missing_disks') AS r (snapshot_id uuid, snapshot text, vm_id uuid, vm_name text, disk_alias text, disk_id uuid, image_id uuid, status text);

CREATE VIEW storage AS
SELECT r.storage_domain_id, r.storage_domain, r.data_center, r.type, r.storage_type, r.kind, r.format, r.status, r.available_gb, r.used_gb,
    r.warning_below_percent, r.blocked_below_gb, a.mount_path,
    CASE WHEN a.status = 'attached' AND i.is_copy THEN 'failed' ELSE COALESCE(a.status, 'not attached') END AS attached,
    CASE WHEN a.status = 'attached' AND i.is_copy
         THEN 'attached by the database that this one was copied from; attach it again with take_over => true'
         ELSE a.error END AS attach_error, a.reflink,
    a.total_bytes, a.available_bytes, a.checked_at, r.storage_pool_id, a.host_name
FROM vmclone_internal.inventory_rows('storage') AS r (storage_domain_id uuid, storage_domain text, data_center text, type text, storage_type text, kind text, format text,
    status text, available_gb bigint, used_gb bigint, warning_below_percent integer, blocked_below_gb integer, storage_pool_id uuid)
LEFT JOIN @extschema@.storage_mounts a USING (storage_domain_id)
CROSS JOIN (SELECT vmclone_internal.identity_state() = ANY ('{other database,other server}') AS is_copy) i;

COMMENT ON VIEW vms IS 'VMs and templates: state, size and place';
COMMENT ON COLUMN vms.status IS 'Of a VM: Down, Up, ImageLocked ...; of a template: OK, LOCKED, ILLEGAL';
COMMENT ON COLUMN vms.snapshot_busy IS 'A snapshot is locked or in preview';
COMMENT ON COLUMN vms.vm_id IS 'Id';
COMMENT ON COLUMN vms.vm_name IS 'Name';
COMMENT ON COLUMN vms.kind IS 'VM or TEMPLATE';
COMMENT ON COLUMN vms.cluster IS 'Name of its cluster';
COMMENT ON COLUMN vms.data_center IS 'Name of its data center';
COMMENT ON COLUMN vms.template IS 'Template that it depends on; null: none';
COMMENT ON COLUMN vms.memory_mb IS 'MiB';
COMMENT ON COLUMN vms.cpus IS 'Sockets times cores times threads';
COMMENT ON COLUMN vms.bios IS 'Chipset and firmware; null: as the cluster';
COMMENT ON COLUMN vms.disks IS 'How many disks it has';
COMMENT ON COLUMN vms.nics IS 'How many NICs';
COMMENT ON COLUMN vms.snapshots IS 'How many regular snapshots';
COMMENT ON COLUMN vms.quota IS 'Quota that memory and CPUs are charged to';
COMMENT ON COLUMN vms.description IS 'Text for people';
COMMENT ON COLUMN vms.created IS 'When it was made';
COMMENT ON COLUMN vms.cluster_id IS 'Id of the cluster';
COMMENT ON COLUMN vms.storage_pool_id IS 'Id of the data center';
COMMENT ON VIEW disks IS 'Disks, one row for each VM that has the disk; a floating disk has no VM';
COMMENT ON COLUMN disks.virtual_size IS 'Bytes that the guest sees';
COMMENT ON COLUMN disks.actual_size IS 'Bytes that all images of the disk take, as last reported';
COMMENT ON COLUMN disks.images IS 'Images of the disk: its snapshots and the active one';
COMMENT ON COLUMN disks.status IS 'Of the active image';
COMMENT ON COLUMN disks.disk_id IS 'Id of the disk, its image group';
COMMENT ON COLUMN disks.disk_alias IS 'Name of the disk';
COMMENT ON COLUMN disks.vm_name IS 'VM or template that has it; null: none';
COMMENT ON COLUMN disks.boot IS 'True: the VM boots from it';
COMMENT ON COLUMN disks.interface IS 'As in oVirt: VirtIO, VirtIO_SCSI, IDE, SATA ...';
COMMENT ON COLUMN disks.plugged IS 'True: the guest sees it';
COMMENT ON COLUMN disks.read_only IS 'True: the guest can''t write to it';
COMMENT ON COLUMN disks.shareable IS 'True: several VMs may have it';
COMMENT ON COLUMN disks.storage IS 'IMAGE, LUN ...: only images are copied';
COMMENT ON COLUMN disks.content IS 'DATA for a VM''s disks, others are the engine''s own';
COMMENT ON COLUMN disks.format IS 'Of the active image: RAW or COW';
COMMENT ON COLUMN disks.allocation IS 'Of the active image: Sparse or Preallocated';
COMMENT ON COLUMN disks.storage_domain IS 'Of the active image';
COMMENT ON COLUMN disks.quota IS 'Quota that it is charged to';
COMMENT ON COLUMN disks.image_id IS 'The active image';
COMMENT ON COLUMN disks.vm_id IS 'Id of that VM or template';
COMMENT ON VIEW missing_disks IS 'Disks that a snapshot''s configuration names and whose image is gone or illegal: the snapshot is partial';
COMMENT ON COLUMN missing_disks.snapshot_id IS 'Snapshot';
COMMENT ON COLUMN missing_disks.snapshot IS 'Its description';
COMMENT ON COLUMN missing_disks.vm_id IS 'VM';
COMMENT ON COLUMN missing_disks.vm_name IS 'Its name';
COMMENT ON COLUMN missing_disks.disk_alias IS 'The disk''s name in the snapshot''s configuration';
COMMENT ON COLUMN missing_disks.disk_id IS 'Disk that the configuration lists';
COMMENT ON COLUMN missing_disks.image_id IS 'Its image, which can''t be copied';
COMMENT ON COLUMN missing_disks.status IS 'MISSING: no such image is left; ILLEGAL: it is marked so';
COMMENT ON VIEW storage IS 'Storage domains: state, space, and where they are attached, a row for each host';
COMMENT ON COLUMN storage.available_gb IS 'Free GiB as the engine last knew; available_bytes is what the host saw';
COMMENT ON COLUMN storage.storage_domain_id IS 'Id';
COMMENT ON COLUMN storage.storage_domain IS 'Name';
COMMENT ON COLUMN storage.data_center IS 'Data center that it is attached to in oVirt';
COMMENT ON COLUMN storage.type IS 'Data, Master, ISO ...';
COMMENT ON COLUMN storage.storage_type IS 'NFS, ISCSI ...';
COMMENT ON COLUMN storage.kind IS 'file or block';
COMMENT ON COLUMN storage.format IS 'VDSM version of the domain, 0 to 5';
COMMENT ON COLUMN storage.status IS 'In oVirt: Active, Maintenance ...';
COMMENT ON COLUMN storage.used_gb IS 'GiB in use, as the engine last knew';
COMMENT ON COLUMN storage.warning_below_percent IS 'Free percent below which there is a warning';
COMMENT ON COLUMN storage.blocked_below_gb IS 'Free GiB below which nothing new is made';
COMMENT ON COLUMN storage.mount_path IS 'Where it was attached on the host';
COMMENT ON COLUMN storage.attached IS 'Whether it is attached on the host: attached, failed, not attached';
COMMENT ON COLUMN storage.attach_error IS 'Why its last check failed';
COMMENT ON COLUMN storage.reflink IS 'True: copies within it can share blocks';
COMMENT ON COLUMN storage.total_bytes IS 'Size, as the host saw it';
COMMENT ON COLUMN storage.available_bytes IS 'Free bytes, as the host saw them';
COMMENT ON COLUMN storage.checked_at IS 'When the host last looked';
COMMENT ON COLUMN storage.host_name IS 'Host that has it attached; null: none has';
COMMENT ON COLUMN storage.storage_pool_id IS 'Id of the data center';

REVOKE ALL ON FUNCTION vmclone_internal.inventory_rows(name) FROM PUBLIC;
REVOKE ALL ON inventory_queries, vms, disks, missing_disks, storage FROM PUBLIC;

