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
UNION ALL SELECT 'numa_node', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.numa_node s ON s.vm_id = vms.source JOIN public.numa_node c ON c.vm_id = vms.clone AND c.numa_node_index = s.numa_node_index
UNION ALL SELECT 'numa_node_cpu_map', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.numa_node sn ON sn.vm_id = vms.source JOIN public.numa_node_cpu_map s ON s.numa_node_id = sn.numa_node_id
    JOIN public.numa_node cn ON cn.vm_id = vms.clone AND cn.numa_node_index = sn.numa_node_index JOIN public.numa_node_cpu_map c ON c.numa_node_id = cn.numa_node_id
UNION ALL SELECT 'vm_interface_statistics', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.vm_interface si ON si.vm_guid = vms.source JOIN public.vm_interface_statistics s ON s.id = si.id
    JOIN public.vm_interface ci ON ci.vm_guid = vms.clone AND ci.name = si.name JOIN public.vm_interface_statistics c ON c.id = ci.id
UNION ALL SELECT 'disk_image_dynamic', to_jsonb(s), to_jsonb(c) FROM disks JOIN public.images si ON si.image_group_id = disks.source AND si.active
    JOIN public.disk_image_dynamic s ON s.image_id = si.image_guid JOIN public.images ci ON ci.image_group_id = disks.clone JOIN public.disk_image_dynamic c ON c.image_id = ci.image_guid
UNION ALL SELECT 'vm_nvram_data', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.vm_nvram_data s ON s.vm_id = vms.source JOIN public.vm_nvram_data c ON c.vm_id = vms.clone
UNION ALL SELECT 'vm_external_data', to_jsonb(s), to_jsonb(c) FROM vms JOIN public.vm_external_data s ON s.vm_id = vms.source JOIN public.vm_external_data c ON c.vm_id = vms.clone;

-- What the command sets: new ids and times, and the values of rows that it makes anew.
CREATE TEMP TABLE changed (relation text, changes jsonb) ON COMMIT PRESERVE ROWS;
INSERT INTO changed VALUES
    ('vm_dynamic', '{"status": 0, "vm_host": "", "vm_ip": "", "vm_fqdn": "", "acpi_enable": true, "session": 0, "boot_sequence": 0, "exit_status": 0, "pause_status": 0, "exit_reason": -1}'),
    ('vm_statistics', '{"cpu_sys": 0, "cpu_user": 0, "elapsed_time": 0}'),
    ('vm_static', jsonb_build_object('vm_name', :'clone', 'vmt_guid', '00000000-0000-0000-0000-000000000000')),
    ('snapshots', '{"description": "Active VM", "status": "OK", "vm_configuration": null}'),
    ('images', '{"parentid": "00000000-0000-0000-0000-000000000000", "it_guid": "00000000-0000-0000-0000-000000000000", "active": true, "imagestatus": 1, "volume_classification": 0}'),
    -- new objects of Java classes, with nothing in them
    ('disk_image_dynamic', '{"read_rate": null, "write_rate": null}'),
    ('vm_interface_statistics', '{"rx_rate": null, "tx_rate": null, "rx_drop": null, "tx_drop": null, "iface_status": null}'),
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

-- Every table of the database: how many rows name the source, or something of its own, in any column of ids, and how many the clone.  The source
-- has three images of each disk, and snapshots of its own; a table in which only one of the two has rows is named.
CREATE TEMP TABLE ids AS
WITH RECURSIVE owned (vm_name, id) AS (
    SELECT v.vm_name, v.vm_guid FROM public.vm_static v WHERE v.vm_name IN (:'source', :'clone')
), disks AS (
    SELECT o.vm_name, e.disk_id FROM owned o JOIN public.disk_vm_element e ON e.vm_id = o.id
)
SELECT vm_name, id FROM owned
UNION SELECT vm_name, disk_id FROM disks
UNION SELECT d.vm_name, i.image_guid FROM disks d JOIN public.images i ON i.image_group_id = d.disk_id
UNION SELECT o.vm_name, s.snapshot_id FROM owned o JOIN public.snapshots s ON s.vm_id = o.id
UNION SELECT o.vm_name, d.device_id FROM owned o JOIN public.vm_device d ON d.vm_id = o.id
UNION SELECT o.vm_name, n.id FROM owned o JOIN public.vm_interface n ON n.vm_guid = o.id
UNION SELECT o.vm_name, n.numa_node_id FROM owned o JOIN public.numa_node n ON n.vm_id = o.id;
CREATE TEMP TABLE mentions (relation text, source bigint, clone bigint);
SELECT set_config('compare.source', :'source', false), set_config('compare.clone', :'clone', false) \g /dev/null
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT c.relname, string_agg(format('t.%I', a.attname), ', ') AS columns
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'uuid'::regtype
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY 1
    LOOP
        EXECUTE format('INSERT INTO mentions SELECT %L, count(*) FILTER (WHERE s.ids && ARRAY[%s]), count(*) FILTER (WHERE c.ids && ARRAY[%s]) FROM public.%I t,
            (SELECT array_agg(id) AS ids FROM ids WHERE vm_name = current_setting(''compare.source'')) s,
            (SELECT array_agg(id) AS ids FROM ids WHERE vm_name = current_setting(''compare.clone'')) c',
            t.relname, t.columns, t.columns, t.relname);
    END LOOP;
END
$$;
SELECT relation, source, clone, CASE WHEN source = 0 THEN 'only the clone has rows' WHEN clone = 0 THEN 'only the source has rows' END AS remark
FROM mentions WHERE source + clone > 0 ORDER BY 4 NULLS LAST, 1;
SELECT count(*) AS tables_looked_through FROM mentions;
