-- What a schema must have to be the inventory, and use_inventory, which checks it and makes it so.

CREATE TABLE inventory_columns (
    relation name NOT NULL,
    column_name name NOT NULL,
    type oid NOT NULL,
    table_required boolean NOT NULL,
    column_required boolean NOT NULL,
    PRIMARY KEY (relation, column_name)
);
COMMENT ON TABLE inventory_columns IS 'The inventory tables'' columns as the extension makes them, and which of them a foreign inventory must have; not dumped: CREATE EXTENSION makes it';
COMMENT ON COLUMN inventory_columns.table_required IS 'False: the table may be missing; its stand-in in vmclone_absent is empty then';
COMMENT ON COLUMN inventory_columns.column_required IS 'True: the table, where it is, must have the column; others come along in whole-row copies if they are there';
COMMENT ON COLUMN inventory_columns.relation IS 'Table of oVirt''s';
COMMENT ON COLUMN inventory_columns.column_name IS 'A column that statements name';
COMMENT ON COLUMN inventory_columns.type IS 'Type that the stand-in gives it';

INSERT INTO inventory_columns (relation, column_name, type, table_required, column_required)
WITH needed (relation, columns, table_required) AS (
    SELECT *, true FROM (VALUES
        ('storage_pool', '{id,name,status,quota_enforcement_type}'),
        ('storage_domain_static', '{id,storage_name,storage_domain_type,storage_type,storage_domain_format_type,
            warning_low_space_indicator,critical_space_action_blocker,backup}'),
        ('storage_domain_dynamic', '{id,available_disk_size,used_disk_size}'),
        ('storage_pool_iso_map', '{storage_id,storage_pool_id,status}'),
        ('disk_profiles', '{id,name,storage_domain_id}'),
        ('mac_pools', '{id,name,allow_duplicate_mac_addresses}'),
        ('mac_pool_ranges', '{mac_pool_id,from_mac,to_mac}'),
        ('network', '{id,name,storage_pool_id,vm_network}'),
        ('vnic_profiles', '{id,name,network_id,port_mirroring}'),
        ('cluster', '{cluster_id,name,storage_pool_id,mac_pool_id,compatibility_version,architecture,bios_type,
            additional_rng_sources}'),
        ('cpu_profiles', '{id,name,cluster_id}'),
        ('network_cluster', '{network_id,cluster_id}'),
        ('quota', '{id,storage_pool_id,quota_name,threshold_storage_percentage,grace_storage_percentage,is_default}'),
        ('quota_limitation', '{id,quota_id,storage_id,cluster_id,virtual_cpu,mem_size_mb,storage_size_gb}'),
        ('vm_static', '{vm_guid,vm_name,mem_size_mb,max_memory_size_mb,min_allocated_mem,vmt_guid,os,description,
            cluster_id,creation_date,num_of_monitors,num_of_sockets,cpu_per_socket,threads_per_cpu,default_display_type,
            priority,origin,iso_path,migration_support,predefined_properties,userdefined_properties,entity_type,
            child_count,template_status,quota_id,cpu_pinning,cpu_pinning_policy,db_generation,is_disabled,
            created_by_user_id,original_template_id,original_template_name,template_version_number,template_version_name,
            cpu_profile_id,small_icon_id,large_icon_id,lease_sd_id,custom_compatibility_version,bios_type,
            is_smartcard_enabled,instance_type_id}'),
        ('vm_dynamic', '{vm_guid,status,run_on_vds,last_stop_time,app_list,vm_host,vm_ip,acpi_enable,session,boot_sequence}'),
        ('vm_statistics', '{vm_guid}'),
        ('vm_init', '{vm_id}'),
        ('vm_ovf_generations', '{vm_guid,storage_pool_id}'),
        ('snapshots', '{snapshot_id,vm_id,snapshot_type,status,description,creation_date,app_list,vm_configuration,
            vm_configuration_broken,memory_metadata_disk_id,memory_dump_disk_id}'),
        ('base_disks', '{disk_id,wipe_after_delete,propagate_errors,disk_alias,disk_description,shareable,
            disk_storage_type,disk_content_type,backup}'),
        ('images', '{image_guid,creation_date,size,it_guid,parentid,imagestatus,lastmodified,vm_snapshot_id,volume_type,
            volume_format,image_group_id,active,volume_classification,qcow_compat}'),
        ('disk_image_dynamic', '{image_id,actual_size}'),
        ('image_storage_domain_map', '{image_id,storage_domain_id,quota_id,disk_profile_id}'),
        ('disk_vm_element', '{disk_id,vm_id,is_boot,disk_interface,pass_discard,is_using_scsi_reservation}'),
        ('vm_device', '{device_id,vm_id,type,device,address,spec_params,is_managed,is_plugged,is_readonly,alias,
            custom_properties,snapshot_id,host_device}'),
        ('vm_interface', '{id,vm_guid,mac_addr,name,speed,type,linked,vnic_profile_id}'),
        ('permissions', '{id,role_id,ad_element_id,object_id,object_type_id}'),
        ('roles', '{id,name}'),
        ('roles_groups', '{role_id,action_group_id}'),
        ('audit_log', '{audit_log_id,user_id,user_name,vm_id,vm_name,log_time,log_type_name,log_type,severity,message,
            storage_pool_id,storage_pool_name,storage_domain_id,storage_domain_name,cluster_id,cluster_name,
            correlation_id,job_id,quota_id,quota_name,origin,custom_event_id,custom_data}')
    ) AS r (relation, columns)
    UNION ALL
    SELECT *, false FROM (VALUES
        ('luns', '{lun_id,device_size}'),
        ('disk_lun_map', '{disk_id,lun_id}'),
        ('vm_icons', '{id}'),
        ('vm_nvram_data', '{vm_id,nvram_data}'),
        ('vm_external_data', '{device_id,vm_id,tpm_data}'),
        ('numa_node', '{numa_node_id,vm_id,numa_node_index,mem_total,cpu_count,numa_tune_mode}'),
        ('numa_node_cpu_map', '{id,numa_node_id,cpu_core_id}'),
        ('vm_vds_numa_node_map', '{id,vm_numa_node_id,vds_numa_node_index}'),
        ('vm_host_pinning_map', '{vm_id,vds_id}'),
        ('vm_interface_statistics', '{id,vm_id}'),
        ('users', '{user_id,username}'),
        ('engine_sessions', '{user_id,group_ids}'),
        ('affinity_groups', '{id,name,cluster_id}'),
        ('affinity_group_members', '{affinity_group_id,vm_id}'),
        ('labels', '{label_id,label_name}'),
        ('labels_map', '{label_id,vm_id}'),
        ('vdc_options', '{option_name,option_value,version}')
    ) AS o (relation, columns)
)
SELECT n.relation, a.attname, a.atttypid, n.table_required, a.attname = ANY (n.columns::name[])
FROM needed n
JOIN pg_catalog.pg_attribute a ON a.attrelid = ('@extschema@.' || n.relation)::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped;

-- An optional table that the inventory's schema lacks is found here, after it in the search_path of inventory statements:
-- without rows, and swallowing what is written, so that no statement has to be written twice.
CREATE SCHEMA vmclone_absent;
COMMENT ON SCHEMA vmclone_absent IS 'Stand-ins, always empty, for inventory tables that an engine version lacks';
REVOKE ALL ON SCHEMA vmclone_absent FROM PUBLIC;

DO $$
DECLARE
    missing record;
BEGIN
    FOR missing IN
        SELECT c.relation, string_agg(format('NULL::%s AS %I', format_type(c.type, NULL), c.column_name), ', ' ORDER BY a.attnum) AS columns
        FROM @extschema@.inventory_columns c
        JOIN pg_catalog.pg_attribute a ON a.attrelid = ('@extschema@.' || c.relation)::pg_catalog.regclass AND a.attname = c.column_name
        WHERE NOT c.table_required
        GROUP BY c.relation
    LOOP
        EXECUTE format('CREATE VIEW vmclone_absent.%I AS SELECT %s WHERE false', missing.relation, missing.columns);
        EXECUTE format('COMMENT ON VIEW vmclone_absent.%I IS %L', missing.relation, 'Stands for a missing table');
        EXECUTE format('CREATE RULE nothing_to_insert AS ON INSERT TO vmclone_absent.%I DO INSTEAD NOTHING', missing.relation);
        EXECUTE format('CREATE RULE nothing_to_update AS ON UPDATE TO vmclone_absent.%I DO INSTEAD NOTHING', missing.relation);
        EXECUTE format('CREATE RULE nothing_to_delete AS ON DELETE TO vmclone_absent.%I DO INSTEAD NOTHING', missing.relation);
        EXECUTE format('REVOKE ALL ON vmclone_absent.%I FROM PUBLIC', missing.relation);
    END LOOP;
END
$$;

-- How a schema compares.  A column's type fits if it is the same, a text of any length for another, or a wider integer: these
-- are what all statements read and write alike.  A column that only comes along in whole rows may be of any type, but where
-- snapshots' documents and callers give values: in vm_static and vm_init.
CREATE FUNCTION vmclone_internal.inspect_inventory(p_schema name)
RETURNS TABLE (relation name, column_name name, required boolean, present boolean, type_ok boolean, owner oid, note text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.relation, w.column_name, w.column_required AND (w.table_required OR c.oid IS NOT NULL),
        a.attnum IS NOT NULL AND c.relkind IN ('r', 'p'),
        NOT (w.column_required OR w.relation IN ('vm_static', 'vm_init')) OR f.oid = w.type
            OR 'text'::regtype IN (f.oid, w.type) AND 'varchar'::regtype IN (f.oid, w.type)
            OR f.typlen >= t.typlen AND f.oid = ANY ('{int2,int4,int8}'::regtype[]) AND w.type = ANY ('{int2,int4,int8}'::regtype[]),
        c.relowner,
        CASE
            WHEN c.oid IS NULL THEN CASE WHEN w.table_required THEN 'table is missing' ELSE 'optional table is missing' END
            WHEN c.relkind NOT IN ('r', 'p') THEN 'is not a table'
            WHEN a.attnum IS NULL THEN CASE WHEN w.column_required THEN 'column is missing' ELSE 'optional column is missing' END
            WHEN f.oid <> w.type THEN format('type is %s, expected %s', format_type(f.oid, NULL), format_type(w.type, NULL))
        END
    FROM @extschema@.inventory_columns w
    JOIN pg_type t ON t.oid = w.type
    LEFT JOIN pg_class c ON c.relname = w.relation AND c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = p_schema)
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.column_name AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_type f ON f.oid = a.atttypid
$$;
COMMENT ON FUNCTION vmclone_internal.inspect_inventory(name) IS 'every table and column of the inventory: is it there in that schema, and of a fitting type';

-- Roles other than the owner, its members and superusers that may put objects into the schema, and so before the
-- owner's own statements.
CREATE FUNCTION vmclone_internal.inventory_intruders(p_schema name, p_owner oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(DISTINCT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END, ', ')
    FROM (
        SELECT CASE pg_get_userbyid(x.grantee) WHEN 'pg_database_owner' THEN d.datdba ELSE x.grantee END AS grantee
        FROM pg_namespace n
        CROSS JOIN LATERAL aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) x
        CROSS JOIN pg_database d
        WHERE n.nspname = p_schema AND x.privilege_type = 'CREATE' AND d.datname = current_database()
    ) g
    LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE g.grantee = 0 OR NOT (r.rolsuper OR pg_has_role(g.grantee, p_owner, 'MEMBER'))
$$;
COMMENT ON FUNCTION vmclone_internal.inventory_intruders(name, oid) IS 'who else may create objects in an inventory''s schema; NULL = nobody';

-- What the inventory's owner needs of the extension's own schema: its statements look at locks, names and reservations.
CREATE FUNCTION vmclone_internal.grant_to_inventory_owner(p_owner oid, p_give boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    target text;
    owner name := quote_ident(pg_get_userbyid(p_owner));
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE oid = p_owner) IS NOT FALSE THEN
        RETURN;
    END IF;
    EXECUTE format(CASE WHEN p_give THEN 'GRANT USAGE ON SCHEMA @extschema@, vmclone_internal TO %s'
        ELSE 'REVOKE USAGE ON SCHEMA @extschema@, vmclone_internal FROM %s' END, owner);
    EXECUTE format(CASE WHEN p_give THEN 'GRANT EXECUTE ON FUNCTION vmclone_internal.current_inventory() TO %s'
        ELSE 'REVOKE EXECUTE ON FUNCTION vmclone_internal.current_inventory() FROM %s' END, owner);
    EXECUTE format(CASE WHEN p_give THEN 'GRANT USAGE ON SCHEMA vmclone_absent TO %s' ELSE 'REVOKE USAGE ON SCHEMA vmclone_absent FROM %s' END, owner);
    EXECUTE format(CASE WHEN p_give THEN 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA vmclone_absent TO %s'
        ELSE 'REVOKE ALL ON ALL TABLES IN SCHEMA vmclone_absent FROM %s' END, owner);
    -- functions that inventory statements call; all run as whoever calls them
    FOR target IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'vmclone_internal'::regnamespace AND NOT p.prosecdef
            AND p.proname IN ('clone_remove_rows', 'clone_refuse_references', 'clone_refuse_removal', 'clone_delete_is_refused', 'clone_delete_plainly', 'published_without_identity', 'lineage_rows', 'snapshot_rows',
                'storage_problems', 'tree_mark')
    LOOP
        EXECUTE format(CASE WHEN p_give THEN 'GRANT EXECUTE ON FUNCTION %s TO %s' ELSE 'REVOKE EXECUTE ON FUNCTION %s FROM %s' END, target, owner);
    END LOOP;
    -- Every table and sequence, vmclone's own inventory too: the owner's pg_dump reads them all.
    FOR target IN
        SELECT c.relname
        FROM pg_class c
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'vmclone'
        WHERE c.relkind IN ('r', 'S') AND c.relnamespace = '@extschema@'::regnamespace
    LOOP
        EXECUTE format(CASE WHEN p_give THEN 'GRANT SELECT ON @extschema@.%I TO %s' ELSE 'REVOKE SELECT ON @extschema@.%I FROM %s' END, target, owner);
    END LOOP;
    -- numbers of the audit rows that its statements write
    EXECUTE format(CASE WHEN p_give THEN 'GRANT USAGE ON SEQUENCE @extschema@.external_event_seq TO %s'
        ELSE 'REVOKE USAGE ON SEQUENCE @extschema@.external_event_seq FROM %s' END, owner);
END
$$;
COMMENT ON FUNCTION vmclone_internal.grant_to_inventory_owner(oid, boolean) IS 'gives the inventory''s owner, or takes from it, what its statements need of the extension''s tables';

-- What protect_inventory has made: triggers on the schema's tables that run functions of the extension's.
CREATE FUNCTION vmclone_internal.drop_guards(p_schema name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    guard record;
BEGIN
    FOR guard IN
        SELECT t.tgname, t.tgrelid::regclass AS relation
        FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE n.nspname = p_schema AND p_schema <> '@extschema@' AND p.pronamespace = 'vmclone_internal'::regnamespace AND NOT t.tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', guard.tgname, guard.relation);
    END LOOP;
END
$$;
COMMENT ON FUNCTION vmclone_internal.drop_guards(name) IS 'takes away what protect_inventory has made in a schema';

CREATE FUNCTION vmclone_internal.bind_inventory(p_schema name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wrong text;
    owners oid[];
    previous @extschema@.inventory_binding;
    chosen name;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION 'permission denied to choose the inventory'
            USING ERRCODE = 'insufficient_privilege', HINT = 'Only a superuser can run use_inventory.';
    END IF;
    PERFORM vmclone_internal.require_superuser('choose the inventory');
    IF p_schema IS NULL THEN
        RAISE EXCEPTION 'schema of the inventory must not be null'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the schema that holds the engine''s tables, mostly "public".';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = p_schema) THEN
        RAISE EXCEPTION 'schema "%" does not exist', p_schema
            USING ERRCODE = 'invalid_schema_name', HINT = 'Name the schema that holds the engine''s tables, mostly "public".';
    END IF;
    -- who has looked at it, a call under way too, is awaited
    LOCK TABLE @extschema@.inventory_binding IN ACCESS EXCLUSIVE MODE;
    SELECT * INTO previous FROM @extschema@.inventory_binding;
    SELECT schema_name INTO chosen FROM @extschema@.inventory_choice;

    SELECT string_agg(line, E'\n' ORDER BY line) INTO wrong
    FROM (
        SELECT DISTINCT format('%I: %s', i.relation, i.note) AS line
        FROM vmclone_internal.inspect_inventory(p_schema) i
        WHERE i.note IN ('table is missing', 'is not a table') AND (i.required OR i.note = 'is not a table')
        UNION ALL
        SELECT format('%I.%I: %s', i.relation, i.column_name, i.note)
        FROM vmclone_internal.inspect_inventory(p_schema) i
        WHERE i.note NOT IN ('table is missing', 'is not a table') AND (i.required AND NOT i.present OR i.present AND NOT i.type_ok)
    ) l;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'schema "%" cannot be the inventory', p_schema
            USING ERRCODE = 'undefined_table', DETAIL = wrong,
            HINT = 'The tables of an oVirt 4.5 engine database are needed; inventory_columns lists them.';
    END IF;

    SELECT array_agg(DISTINCT i.owner) INTO owners FROM vmclone_internal.inspect_inventory(p_schema) i WHERE i.owner IS NOT NULL;
    IF cardinality(owners) > 1 THEN
        SELECT string_agg(format('%s: %s', quote_ident(pg_get_userbyid(o.owner)), o.relations), E'\n' ORDER BY o.owner) INTO wrong
        FROM (SELECT i.owner, string_agg(DISTINCT i.relation::text, ', ') AS relations
            FROM vmclone_internal.inspect_inventory(p_schema) i WHERE i.owner IS NOT NULL GROUP BY i.owner) o;
        RAISE EXCEPTION 'the tables of schema "%" have more than one owner', p_schema
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = wrong, HINT = 'Give them one owner with ALTER TABLE ... OWNER TO.';
    END IF;
    wrong := vmclone_internal.inventory_intruders(p_schema, owners[1]);
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'others than the owner of its tables may create objects in schema "%"', p_schema
            USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('Owner: %s.  May create objects: %s.', quote_ident(pg_get_userbyid(owners[1])), wrong),
            HINT = format('Run REVOKE CREATE ON SCHEMA %I FROM %s; for a schema''s owner, ALTER SCHEMA ... OWNER TO.', p_schema, wrong);
    END IF;

    IF p_schema <> COALESCE(chosen, '@extschema@') THEN
        SELECT string_agg(j.job_id::text, ', ') INTO wrong
        FROM (SELECT job_id FROM @extschema@.jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled') ORDER BY created_at LIMIT 10) j;
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION 'cannot change the inventory while jobs are under way'
                USING ERRCODE = 'object_in_use', DETAIL = format('Jobs: %s.', wrong),
                HINT = 'Wait for them, or end them with cancel_job.';
        END IF;
    END IF;

    IF COALESCE(previous.schema_name, chosen) <> p_schema THEN
        PERFORM vmclone_internal.drop_guards(COALESCE(previous.schema_name, chosen));
    END IF;
    PERFORM vmclone_internal.grant_to_inventory_owner(previous.owner, false) WHERE previous.owner IS DISTINCT FROM owners[1];
    PERFORM vmclone_internal.grant_to_inventory_owner(owners[1], true);
    -- numbers of external events go on behind those that the tables have from an earlier installation
    EXECUTE format('SELECT setval(%L, GREATEST(max(custom_event_id), (SELECT last_value FROM @extschema@.external_event_seq)))
        FROM %I.audit_log WHERE origin = ''vmclone'' HAVING max(custom_event_id) IS NOT NULL', '@extschema@.external_event_seq', p_schema);
    DELETE FROM @extschema@.inventory_choice;
    INSERT INTO @extschema@.inventory_choice (schema_name) SELECT p_schema WHERE p_schema <> '@extschema@';
    DELETE FROM @extschema@.inventory_binding;
    INSERT INTO @extschema@.inventory_binding (schema_name, owner, database_oid)
    SELECT p_schema, owners[1], oid FROM pg_database WHERE datname = current_database();
END
$$;
COMMENT ON FUNCTION vmclone_internal.bind_inventory(name) IS 'does use_inventory''s work';

CREATE FUNCTION use_inventory(schema name) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$ SELECT vmclone_internal.bind_inventory($1) $$;
COMMENT ON FUNCTION use_inventory(name) IS 'makes all functions work on the tables of a schema, after checking them; superusers only';

REVOKE ALL ON inventory_columns FROM PUBLIC;
REVOKE ALL ON FUNCTION vmclone_internal.inspect_inventory(name), vmclone_internal.inventory_intruders(name, oid),
    vmclone_internal.grant_to_inventory_owner(oid, boolean), vmclone_internal.drop_guards(name), vmclone_internal.bind_inventory(name), use_inventory(name) FROM PUBLIC;

