--
-- A clone's rows beside those that the engine's AddVmFromSnapshotCommand would write: for each table the source's row with what that command
-- changes in it, as table "changed" says; columns that still differ are printed.  :source and :clone are names.  Schema public.
--
\set ON_ERROR_STOP on
CREATE TEMP TABLE pairs AS
WITH vms AS (SELECT (SELECT vm_guid FROM public.vm_static WHERE vm_name = :'source') AS source, (SELECT vm_guid FROM public.vm_static WHERE vm_name = :'clone') AS clone),
disks AS (
    SELECT s.disk_id AS source, c.disk_id AS clone
    FROM vms
    JOIN public.disk_vm_element s ON s.vm_id = vms.source
    JOIN public.base_disks sb ON sb.disk_id = s.disk_id
    JOIN public.disk_vm_element c ON c.vm_id = vms.clone
    JOIN public.base_disks cb ON cb.disk_id = c.disk_id AND cb.disk_alias = sb.disk_alias || '_' || :'clone')
SELECT 'vm_static' AS relation, to_jsonb(s) AS source, to_jsonb(c) AS clone FROM vms JOIN public.vm_static s ON s.vm_guid = vms.source JOIN public.vm_static c ON c.vm_guid = vms.clone
UNION ALL SELECT 'vm_dynamic', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.vm_dynamic s ON s.vm_guid = vms.source JOIN public.vm_dynamic c ON c.vm_guid = vms.clone
UNION ALL SELECT 'vm_statistics', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.vm_statistics s ON s.vm_guid = vms.source JOIN public.vm_statistics c ON c.vm_guid = vms.clone
UNION ALL SELECT 'vm_init', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.vm_init s ON s.vm_id = vms.source FULL JOIN public.vm_init c ON c.vm_id = vms.clone WHERE vms.clone IS NOT NULL
UNION ALL SELECT 'vm_ovf_generations', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.vm_ovf_generations s ON s.vm_guid = vms.source JOIN public.vm_ovf_generations c ON c.vm_guid = vms.clone
UNION ALL SELECT 'snapshots', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.snapshots s ON s.vm_id = vms.source AND s.snapshot_type = 'ACTIVE' JOIN public.snapshots c ON c.vm_id = vms.clone
UNION ALL SELECT 'vm_interface', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.vm_interface s ON s.vm_guid = vms.source JOIN public.vm_interface c ON c.vm_guid = vms.clone AND c.name = s.name
UNION ALL SELECT 'vm_device', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.vm_device s ON s.vm_id = vms.source JOIN public.vm_device c ON c.vm_id = vms.clone AND c.type = s.type AND c.device = s.device
    WHERE (s.type, s.device) <> ('disk', 'disk')
UNION ALL SELECT 'vm_device', to_jsonb(s), to_jsonb(c) FROM vms CROSS JOIN disks JOIN public.vm_device s ON s.device_id = disks.source AND s.vm_id = vms.source
    JOIN public.vm_device c ON c.device_id = disks.clone AND c.vm_id = vms.clone
UNION ALL SELECT 'disk_vm_element', to_jsonb(s), to_jsonb(c) FROM disks JOIN public.disk_vm_element s ON s.disk_id = disks.source JOIN public.disk_vm_element c ON c.disk_id = disks.clone
UNION ALL SELECT 'base_disks', to_jsonb(s), to_jsonb(c) FROM disks JOIN public.base_disks s ON s.disk_id = disks.source JOIN public.base_disks c ON c.disk_id = disks.clone
UNION ALL SELECT 'images', to_jsonb(s), to_jsonb(c) FROM disks JOIN public.images s ON s.image_group_id = disks.source AND s.parentid = '00000000-0000-0000-0000-000000000000'
    JOIN public.images c ON c.image_group_id = disks.clone
UNION ALL SELECT 'image_storage_domain_map', to_jsonb(s), to_jsonb(c) FROM disks JOIN public.images si ON si.image_group_id = disks.source AND si.active
    JOIN public.image_storage_domain_map s ON s.image_id = si.image_guid JOIN public.images ci ON ci.image_group_id = disks.clone JOIN public.image_storage_domain_map c ON c.image_id = ci.image_guid
UNION ALL SELECT 'numa_node', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.numa_node s ON s.vm_id = vms.source JOIN public.numa_node c ON c.vm_id = vms.clone AND c.numa_node_index = s.numa_node_index;

-- What the command sets: new ids and times, and the values of rows that it makes anew.
CREATE TEMP TABLE changed (relation text, changes jsonb) ON COMMIT PRESERVE ROWS;
INSERT INTO changed VALUES
    ('vm_dynamic', '{"status": 0, "vm_host": "", "vm_ip": "", "vm_fqdn": "", "acpi_enable": true, "session": 0, "boot_sequence": 0, "exit_status": 0, "pause_status": 0, "exit_reason": -1}'),
    ('vm_statistics', '{"cpu_sys": 0, "cpu_user": 0, "elapsed_time": 0}'),
    ('vm_static', jsonb_build_object('vm_name', :'clone', 'vmt_guid', '00000000-0000-0000-0000-000000000000')),
    ('snapshots', '{"description": "Active VM", "status": "OK", "vm_configuration": null}'),
    ('images', '{"parentid": "00000000-0000-0000-0000-000000000000", "it_guid": "00000000-0000-0000-0000-000000000000", "active": true, "imagestatus": 1, "volume_classification": 0}'),
    ('base_disks', '{}');

SELECT p.relation, k.key AS column, e.row ->> k.key AS engine, p.clone ->> k.key AS vmclone, count(*)
FROM pairs p
CROSS JOIN LATERAL (SELECT p.source || coalesce((SELECT c.changes FROM changed c WHERE c.relation = p.relation), '{}') AS row) e
CROSS JOIN LATERAL jsonb_object_keys(p.clone || e.row) k (key)
WHERE e.row ->> k.key IS DISTINCT FROM p.clone ->> k.key
    -- what is new in every clone
    AND k.key !~ '^(vm_guid|vm_id|snapshot_id|disk_id|image_guid|image_id|image_group_id|device_id|id|numa_node_id|mac_addr|_create_date|_update_date|creation_date|lastmodified|last_stop_time|vm_snapshot_id|disk_alias)$'
    AND NOT (k.key = 'spec_params' AND (e.row ->> k.key)::jsonb = (p.clone ->> k.key)::jsonb)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2;
SELECT relation, count(*) AS compared FROM pairs GROUP BY 1 ORDER BY 1;
