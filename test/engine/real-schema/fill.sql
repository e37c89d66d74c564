--
-- Fills an engine's own database, bound or not, by the engine's own stored procedures, with what the fixture has made in vmclone's
-- own inventory: engine_fill.replay('vm_static', 'InsertVmStatic') calls the procedure once for each row, with the row's columns
-- as the arguments of their names (v_vm_guid for vm_guid).  Needs the fixture and its rows; engine tables in schema public.
--
\set ON_ERROR_STOP on
CREATE SCHEMA engine_fill;

-- renamed: arguments that are called otherwise than their columns, {"v_name": "vm_name"}.  condition: of rows r.
CREATE FUNCTION engine_fill.replay(relation text, procedure text, renamed jsonb DEFAULT '{}', condition text DEFAULT 'true', ordering text DEFAULT '1')
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    routine pg_proc := (SELECT p FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname = lower(procedure) ORDER BY p.pronargs DESC LIMIT 1);
    arguments text;
    called bigint;
BEGIN
    IF routine.oid IS NULL THEN
        RAISE EXCEPTION 'the engine has no procedure %', procedure;
    END IF;
    -- an argument without a column gets what the engine gives for "nothing"
    SELECT string_agg(format('%I => (%s)::%s', a.name,
        coalesce('r.' || quote_ident(c.attname), CASE t.typcategory WHEN 'B' THEN 'false' ELSE 'NULL' END), format_type(a.type, NULL)), ', ' ORDER BY a.n)
    INTO arguments
    FROM ROWS FROM (unnest(routine.proargnames), unnest(coalesce(routine.proallargtypes, routine.proargtypes::oid[])), unnest(routine.proargmodes))
        WITH ORDINALITY a (name, type, mode, n)
    JOIN pg_type t ON t.oid = a.type
    LEFT JOIN pg_attribute c ON c.attrelid = format('vmclone.%I', relation)::regclass AND NOT c.attisdropped
        AND c.attname = coalesce(renamed ->> a.name, regexp_replace(a.name, '^v_', ''))
    WHERE coalesce(a.mode, 'i') IN ('i', 'b');
    EXECUTE format('SELECT count(*) FROM (SELECT public.%I(%s) FROM (SELECT * FROM vmclone.%I r WHERE %s ORDER BY %s) r OFFSET 0) called', routine.proname, arguments, relation, condition, ordering)
    INTO called;
    RETURN called;
END
$$;

CREATE FUNCTION engine_fill.fill() RETURNS TABLE (relation text, calls bigint)
LANGUAGE plpgsql SET search_path = public, vmclone AS $$
DECLARE
    step record;
BEGIN
    FOR step IN
        SELECT * FROM (VALUES
            ('storage_pool', 'InsertStorage_pool', '{}', 'true', '1'),
            ('storage_domain_static', 'InsertStorage_domain_static', '{}', 'true', '1'),
            ('storage_domain_dynamic', 'InsertStorage_domain_dynamic', '{}', 'true', '1'),
            ('storage_pool_iso_map', 'InsertStorage_pool_iso_map', '{}', 'true', '1'),
            ('disk_profiles', 'InsertDiskProfile', '{}', 'true', '1'),
            ('mac_pools', 'InsertMacPool', '{}', 'true', '1'),
            ('mac_pool_ranges', 'InsertMacPoolRange', '{}', 'true', '1'),
            ('cluster', 'InsertCluster', '{}', 'true', '1'),
            ('cpu_profiles', 'InsertCpuProfile', '{}', 'true', '1'),
            ('network', 'InsertNetwork', '{}', 'true', '1'),
            ('network_cluster', 'InsertNetwork_cluster', '{}', 'true', '1'),
            ('vnic_profiles', 'InsertVnicProfile', '{}', 'true', '1'),
            ('quota', 'InsertQuota', '{}', 'true', '1'),
            ('quota_limitation', 'InsertQuotaLimitation', '{}', 'true', '1'),
            ('users', 'InsertUser', '{}', 'true', '1'),
            ('vm_icons', 'InsertVmIcon', '{}', 'true', '1'),
            ('vm_static', 'InsertVmTemplate', '{"v_name": "vm_name", "v_status": "template_status", "v_template_type": "entity_type", "v_base_template_id": "vmt_guid"}',
                'r.entity_type = ''TEMPLATE'' AND r.cluster_id IS NOT NULL', '1'),
            ('vm_static', 'InsertVmStatic', '{}', 'r.entity_type = ''VM''', '1'),
            ('vm_dynamic', 'InsertVmDynamic', '{}', 'true', '1'),
            ('vm_statistics', 'InsertVmStatistics', '{}', 'true', '1'),
            ('vm_init', 'InsertVmInit', '{}', 'true', '1'),
            ('snapshots', 'InsertSnapshot', '{}', 'true', 'r.creation_date'),
            ('base_disks', 'InsertBaseDisk', '{}', 'true', '1'),
            ('luns', 'InsertLUNs', '{}', 'true', '1'),
            ('disk_lun_map', 'InsertDiskLunMap', '{}', 'true', '1'),
            -- a template's before those that refer to it
            ('images', 'InsertImage', '{}', 'true', 'r.it_guid <> ''00000000-0000-0000-0000-000000000000'', r.creation_date'),
            ('disk_image_dynamic', 'InsertDisk_image_dynamic', '{}', 'true', '1'),
            ('image_storage_domain_map', 'InsertImage_storage_domain_map', '{}', 'true', '1'),
            ('disk_vm_element', 'InsertDiskVmElement', '{}', 'true', '1'),
            ('vm_interface', 'InsertVmInterface', '{}', 'true', '1'),
            ('vm_interface_statistics', 'InsertVm_interface_statistics', '{}', 'true', '1'),
            ('vm_device', 'InsertVmDevice', '{}', 'r.device <> ''''', '1'),
            ('numa_node', 'InsertNumaNode', '{}', 'true', '1'),
            ('numa_node_cpu_map', 'InsertNumaNodeCpu', '{}', 'true', '1'),
            ('vm_nvram_data', 'UpdateNvramData', '{}', 'true', '1'),
            ('vm_external_data', 'UpdateTpmData', '{}', 'true', '1'),
            ('permissions', 'InsertPermission', '{}', 'true', '1'),
            ('engine_sessions', 'InsertEngineSession', '{}', 'true', '1')) s (relation, procedure, renamed, condition, ordering)
    LOOP
        relation := step.relation;
        calls := engine_fill.replay(step.relation, step.procedure, step.renamed::jsonb, step.condition, step.ordering);
        RETURN NEXT;
    END LOOP;
END
$$;
