-- A database of version 1.0 with jobs that are over, cancelled, held and paused, as that version itself wrote it (pg_dump).
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA fixture;
CREATE SCHEMA IF NOT EXISTS vmclone;
CREATE EXTENSION IF NOT EXISTS vmclone WITH SCHEMA vmclone;
COMMENT ON EXTENSION vmclone IS 'clone a virtual machine, or make a template, from a snapshot of another one';
CREATE FUNCTION fixture.add_devices(vm_name text, set text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $_$
    INSERT INTO vm_device (device_id, vm_id, type, device, address, spec_params, is_managed, is_plugged, is_readonly, alias, _create_date)
    SELECT fixture.device($1, d.device), fixture.vm($1), d.type, d.device, d.address, d.spec_params, d.is_managed, true,
        d.device = 'cdrom', d.alias, '2024-01-01 00:00+00'
    FROM (VALUES
        ('minimal', 'controller', 'virtio-scsi', '{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}', '{"ioThreadId": "1"}', true, 'ua-scsi0'),
        ('minimal', 'disk', 'cdrom', '{type=drive, bus=0, controller=0, target=0, unit=2}', '{"path": ""}', true, 'ua-cdrom'),
        ('minimal', 'video', 'qxl', '', '{"vram": "8192", "heads": "1"}', true, ''),
        ('minimal', 'graphics', 'spice', '', '{}', true, ''),
        ('full', 'controller', 'virtio-serial', '', '{}', true, ''),
        ('full', 'controller', 'usb', '{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x2}', '{"index": "0", "model": "piix3-uhci"}', true, 'usb'),
        ('full', 'balloon', 'memballoon', '', '{"model": "virtio"}', true, ''),
        ('full', 'rng', 'virtio', '', '{"source": "urandom", "bytes": "1024", "period": "1000"}', true, ''),
        ('full', 'watchdog', 'watchdog', '', '{"model": "i6300esb", "action": "reset"}', true, ''),
        ('full', 'console', 'console', '', '{"consoleType": "virtio"}', true, ''),
        ('full', 'sound', 'ich9', '', '{}', true, ''),
        ('full', 'channel', 'unix', '{type=virtio-serial, bus=0, controller=0, port=1}', '{}', false, 'channel0'),
        ('full', 'controller', 'ide', '{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x1}', '{}', false, 'ide')
    ) AS d (set, type, device, address, spec_params, is_managed, alias)
    WHERE d.set = $2 OR $2 = 'full';
$_$;
CREATE FUNCTION fixture.add_image(image uuid, disk uuid, snapshot uuid, parent uuid, template_image uuid, format text, type text, virtual_size bigint, actual_size bigint, domain text, is_active boolean, made timestamp with time zone, quota text DEFAULT NULL::text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $_$
    INSERT INTO images (image_guid, creation_date, size, it_guid, parentid, imagestatus, lastmodified, vm_snapshot_id, volume_type,
        volume_format, image_group_id, _create_date, active, volume_classification, qcow_compat)
    VALUES ($1, $12, $8, coalesce($5, '00000000-0000-0000-0000-000000000000'), coalesce($4, '00000000-0000-0000-0000-000000000000'),
        1, $12, $3, CASE $7 WHEN 'Preallocated' THEN 1 ELSE 2 END, CASE $6 WHEN 'RAW' THEN 5 ELSE 4 END, $2, $12, $11,
        CASE WHEN $11 THEN 0 ELSE 1 END, CASE $6 WHEN 'RAW' THEN 0 ELSE 2 END);
    INSERT INTO disk_image_dynamic (image_id, read_rate, write_rate, actual_size) VALUES ($1, 0, 0, $9);
    INSERT INTO image_storage_domain_map (image_id, storage_domain_id, quota_id, disk_profile_id)
    VALUES ($1, fixture.id($10), fixture.id($13), fixture.id('profile ' || $10));
$_$;
CREATE FUNCTION fixture.answer(statement text) RETURNS text
    LANGUAGE plpgsql
    AS $$
DECLARE
    key text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS key = CONSTRAINT_NAME;
    RETURN concat_ws(' ', SQLSTATE, key, SQLERRM);
END
$$;
CREATE FUNCTION fixture.attach_domains() RETURNS void
    LANGUAGE sql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $$
    INSERT INTO vmclone.storage_mounts (storage_domain_id, kind, mount_path, real_path, storage_root, filesystem, block_size, token, attached_by,
        total_bytes, available_bytes)
    SELECT id, CASE storage_type WHEN 3 THEN 'block' ELSE 'file' END, '/none/' || storage_name, '/none/' || storage_name, '/none', 'ext4', 4096,
        fixture.id('token'), current_user, 1099511627776, 1099511627776
    FROM storage_domain_static WHERE storage_domain_type IN (0, 1)
    ON CONFLICT DO NOTHING
$$;
CREATE FUNCTION fixture.copy_inventory(target name, owner name) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    source regclass;
    relation name;
    key name;
    reference record;
BEGIN
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', target, owner);
    FOR relation IN SELECT DISTINCT c.relation FROM vmclone.inventory_columns c ORDER BY 1 LOOP
        source := format('vmclone.%I', relation)::regclass;
        EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING ALL EXCLUDING COMMENTS)', target, relation, source);
        EXECUTE format('INSERT INTO %I.%I SELECT * FROM %s', target, relation, source);
        EXECUTE format('ALTER TABLE %I.%I OWNER TO %I', target, relation, owner);
    END LOOP;
    FOR reference IN
        SELECT t.relname, k.conname, replace(pg_get_constraintdef(k.oid), ' REFERENCES vmclone.', format(' REFERENCES %I.', target)) AS definition
        FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
        WHERE k.contype = 'f' AND t.relnamespace = 'vmclone'::regnamespace AND t.relname IN (SELECT c.relation FROM vmclone.inventory_columns c)
        UNION ALL
        SELECT 'vm_static', 'vm_templates_vm_static', format('FOREIGN KEY (vmt_guid) REFERENCES %I.vm_static (vm_guid)', target)
    LOOP
        EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', target, reference.relname, reference.conname, reference.definition);
    END LOOP;
    FOR relation, key IN VALUES ('audit_log', 'audit_log_id'), ('vdc_options', 'option_id') LOOP
        EXECUTE format('CREATE SEQUENCE %I.%I', target, relation || '_seq');
        EXECUTE format('ALTER SEQUENCE %I.%I OWNER TO %I', target, relation || '_seq', owner);
        EXECUTE format('ALTER SEQUENCE %1$I.%2$I OWNED BY %1$I.%3$I.%4$I', target, relation || '_seq', relation, key);
        EXECUTE format('ALTER TABLE %I.%I ALTER %I SET DEFAULT nextval(%L)', target, relation, key, format('%I.%I', target, relation || '_seq'));
    END LOOP;
END
$_$;
CREATE FUNCTION fixture.device(vm_name text, device text) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$ SELECT fixture.id(format('device %s of %s', $2, $1)) $_$;
CREATE FUNCTION fixture.disk(vm_name text, disk integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$ SELECT fixture.id(format('disk %s of %s', $2, $1)) $_$;
CREATE FUNCTION fixture.forget_clones() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $$
DECLARE
    clones uuid[] := ARRAY (SELECT vm_id FROM vmclone.jobs);
BEGIN
    TRUNCATE vmclone.image_locks, vmclone.lock_state, vmclone.vm_names, vmclone.request_keys, vmclone.reservations, vmclone.jobs,
        vmclone.async_tasks, vmclone.lineage;
    UPDATE snapshots SET status = 'OK' WHERE status = 'LOCKED';
    UPDATE images SET imagestatus = 1 WHERE imagestatus = 2;
    DELETE FROM images i USING disk_vm_element e WHERE e.disk_id = i.image_group_id AND e.vm_id = ANY (clones);
    DELETE FROM base_disks d USING disk_vm_element e WHERE e.disk_id = d.disk_id AND e.vm_id = ANY (clones);
    DELETE FROM snapshots WHERE vm_id = ANY (clones);
    DELETE FROM permissions WHERE object_id = ANY (clones);
    DELETE FROM vm_ovf_generations WHERE vm_guid = ANY (clones);
    DELETE FROM vm_static WHERE vm_guid = ANY (clones);
END
$$;
CREATE FUNCTION fixture.id(name text) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$ SELECT md5('fixture ' || $1)::uuid $_$;
COMMENT ON FUNCTION fixture.id(name text) IS 'Id of a thing that make_inventory makes, by its name';
CREATE FUNCTION fixture.image(vm_name text, disk integer, layer integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$ SELECT fixture.id(format('image %s of disk %s of %s', $3, $2, $1)) $_$;
CREATE FUNCTION fixture.lose_image(vm_name text, disk integer, layer integer) RETURNS void
    LANGUAGE sql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $_$
    DELETE FROM images WHERE image_guid = fixture.image($1, $2, $3)
$_$;
CREATE FUNCTION fixture.make_inventory() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $$
DECLARE
    gib CONSTANT bigint := 1024 * 1024 * 1024;
BEGIN
    INSERT INTO storage_pool (id, name, status, master_domain_version, compatibility_version, quota_enforcement_type, is_local, storage_pool_format_type)
    VALUES (fixture.id('dc1'), 'dc1', 1, 1, '4.7', 0, false, '5'), (fixture.id('dc2'), 'dc2', 1, 1, '4.7', 0, false, '5');
    INSERT INTO storage_domain_static (id, storage, storage_name, storage_domain_type, storage_type, storage_domain_format_type,
        warning_low_space_indicator, critical_space_action_blocker, last_time_used_as_master)
    VALUES
        (fixture.id('nfs1'), fixture.id('connection nfs1'), 'nfs1', 0, 1, '5', 10, 5, 0),
        (fixture.id('nfs2'), fixture.id('connection nfs2'), 'nfs2', 1, 1, '5', 10, 5, 0),
        (fixture.id('iscsi1'), 'vg-iscsi1', 'iscsi1', 1, 3, '5', 10, 5, 0),
        (fixture.id('iso1'), fixture.id('connection iso1'), 'iso1', 2, 1, '0', 10, 5, 0),
        (fixture.id('nfs_dc2'), fixture.id('connection nfs_dc2'), 'nfs_dc2', 0, 1, '5', 10, 5, 0);
    INSERT INTO storage_domain_dynamic (id, available_disk_size, used_disk_size)
    SELECT id, 500, 100 FROM storage_domain_static;
    INSERT INTO storage_pool_iso_map (storage_id, storage_pool_id, status)
    SELECT id, fixture.id(CASE storage_name WHEN 'nfs_dc2' THEN 'dc2' ELSE 'dc1' END), 3 FROM storage_domain_static;
    INSERT INTO disk_profiles (id, name, storage_domain_id)
    SELECT fixture.id('profile ' || storage_name), storage_name, id FROM storage_domain_static WHERE storage_domain_type IN (0, 1);
    INSERT INTO mac_pools (id, name, description, allow_duplicate_mac_addresses, default_pool)
    VALUES (fixture.id('macs'), 'macs', 'plenty', false, true), (fixture.id('few_macs'), 'few_macs', 'three addresses', false, false);
    INSERT INTO mac_pool_ranges (mac_pool_id, from_mac, to_mac)
    VALUES (fixture.id('macs'), '56:6f:00:00:00:00', '56:6f:00:0f:ff:ff'), (fixture.id('few_macs'), '56:6f:01:00:00:00', '56:6f:01:00:00:02');
    INSERT INTO cluster (cluster_id, name, storage_pool_id, mac_pool_id, compatibility_version, architecture, bios_type, cpu_name, additional_rng_sources)
    VALUES
        (fixture.id('cl1'), 'cl1', fixture.id('dc1'), fixture.id('macs'), '4.7', 1, 2, 'Intel Nehalem Family', 'hwrng'),
        (fixture.id('cl2'), 'cl2', fixture.id('dc1'), fixture.id('few_macs'), '4.7', 1, 2, 'Intel Nehalem Family', NULL),
        (fixture.id('cl_dc2'), 'cl_dc2', fixture.id('dc2'), fixture.id('macs'), '4.7', 1, 2, 'Intel Nehalem Family', NULL);
    INSERT INTO cpu_profiles (id, name, cluster_id)
    SELECT fixture.id('cpu profile ' || name), name, cluster_id FROM cluster;
    INSERT INTO network (id, name, description, storage_pool_id, vdsm_name, vm_network, vlan_id)
    VALUES
        (fixture.id('net1'), 'net1', 'in every cluster of dc1', fixture.id('dc1'), 'net1', true, NULL),
        (fixture.id('net2'), 'net2', 'in cl1 only', fixture.id('dc1'), 'net2', true, 42),
        (fixture.id('storage_net'), 'storage_net', 'not for VMs', fixture.id('dc1'), 'storage_net', false, 43),
        (fixture.id('net_dc2'), 'net_dc2', 'in cl_dc2', fixture.id('dc2'), 'net_dc2', true, NULL);
    INSERT INTO network_cluster (network_id, cluster_id, status, required, management)
    VALUES
        (fixture.id('net1'), fixture.id('cl1'), 1, true, true), (fixture.id('net1'), fixture.id('cl2'), 1, true, true),
        (fixture.id('net2'), fixture.id('cl1'), 1, false, false), (fixture.id('storage_net'), fixture.id('cl1'), 1, false, false),
        (fixture.id('net_dc2'), fixture.id('cl_dc2'), 1, true, true);
    INSERT INTO vnic_profiles (id, name, network_id, port_mirroring)
    VALUES
        (fixture.id('vnic net1'), 'net1', fixture.id('net1'), false), (fixture.id('vnic net1_mirror'), 'net1_mirror', fixture.id('net1'), true),
        (fixture.id('vnic net2'), 'net2', fixture.id('net2'), false), (fixture.id('vnic net_dc2'), 'net_dc2', fixture.id('net_dc2'), false);
    INSERT INTO quota (id, storage_pool_id, quota_name, description, is_default)
    VALUES
        (fixture.id('quota default'), fixture.id('dc1'), 'Default', 'no limits', true),
        (fixture.id('q1'), fixture.id('dc1'), 'q1', '1000 GiB in all', false),
        (fixture.id('q_specific'), fixture.id('dc1'), 'q_specific', '100 GiB on nfs1, nothing said of others', false),
        (fixture.id('quota default dc2'), fixture.id('dc2'), 'Default', 'no limits', true);
    INSERT INTO quota_limitation (id, quota_id, storage_id, cluster_id, virtual_cpu, mem_size_mb, storage_size_gb)
    VALUES
        (fixture.id('limit default cpu'), fixture.id('quota default'), NULL, NULL, -1, -1, NULL),
        (fixture.id('limit default storage'), fixture.id('quota default'), NULL, NULL, NULL, NULL, -1),
        (fixture.id('limit q1 cpu'), fixture.id('q1'), NULL, NULL, -1, -1, NULL),
        (fixture.id('limit q1 storage'), fixture.id('q1'), NULL, NULL, NULL, NULL, 1000),
        (fixture.id('limit q_specific cpu'), fixture.id('q_specific'), NULL, fixture.id('cl1'), -1, -1, NULL),
        (fixture.id('limit q_specific storage'), fixture.id('q_specific'), fixture.id('nfs1'), NULL, NULL, NULL, 100),
        (fixture.id('limit dc2 cpu'), fixture.id('quota default dc2'), NULL, NULL, -1, -1, NULL),
        (fixture.id('limit dc2 storage'), fixture.id('quota default dc2'), NULL, NULL, NULL, NULL, -1);
    INSERT INTO users (user_id, name, domain, username, external_id)
    SELECT fixture.id(u), initcap(u), 'internal-authz', u || '@internal', fixture.id('external ' || u)::text
    FROM unnest(ARRAY['admin', 'alice', 'bob']) u;
    INSERT INTO permissions (id, role_id, ad_element_id, object_id, object_type_id, creation_date)
    SELECT fixture.id(format('permission %s %s %s', who, role, what)), r.id, fixture.id(who),
        CASE what WHEN 'system' THEN 'aaa00000-0000-0000-0000-123456789aaa' ELSE fixture.id(what) END, object_type, 1704067200
    FROM (VALUES
        ('admin', 'SuperUser', 'system', 1),
        ('alice', 'VmCreator', 'cl1', 9), ('alice', 'TemplateCreator', 'dc1', 14),
        ('alice', 'DiskCreator', 'nfs1', 11), ('alice', 'DiskCreator', 'nfs2', 11), ('alice', 'DiskCreator', 'iscsi1', 11),
        ('alice', 'QuotaConsumer', 'q1', 17), ('alice', 'QuotaConsumer', 'q_specific', 17),
        ('alice', 'VnicProfileUser', 'vnic net1', 27), ('alice', 'VnicProfileUser', 'vnic net2', 27),
        ('alice', 'DiskProfileUser', 'profile nfs1', 29), ('alice', 'DiskProfileUser', 'profile nfs2', 29),
        ('alice', 'DiskProfileUser', 'profile iscsi1', 29), ('alice', 'CpuProfileOperator', 'cpu profile cl1', 30)
    ) AS given (who, role, what, object_type)
    JOIN roles r ON r.name = given.role;
    INSERT INTO vm_icons (id, data_url)
    VALUES (fixture.id('small icon'), 'data:image/png;base64,c21hbGw='), (fixture.id('large icon'), 'data:image/png;base64,bGFyZ2U=');
    INSERT INTO affinity_groups (id, name, cluster_id, _create_date) VALUES (fixture.id('ag1'), 'ag1', fixture.id('cl1'), '2024-01-01 00:00+00');
    INSERT INTO labels (label_id, label_name) VALUES (fixture.id('lb1'), 'lb1');
END
$$;
CREATE FUNCTION fixture.make_template(template_name text, disks integer DEFAULT 1, format text DEFAULT 'RAW'::text, size bigint DEFAULT 1073741824, domain text DEFAULT 'nfs1'::text, cluster text DEFAULT 'cl1'::text) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    template CONSTANT uuid := fixture.vm(template_name);
    made CONSTANT timestamptz := '2024-01-01 00:00+00';
BEGIN
    INSERT INTO vm_static (vm_guid, vm_name, mem_size_mb, max_memory_size_mb, vmt_guid, cluster_id, cpu_profile_id, bios_type, creation_date, _create_date,
        entity_type, template_status, template_version_number, origin, usb_policy, is_template_sealed, original_template_id, original_template_name)
    VALUES (template, template_name, 1024, 4096, template, fixture.id(cluster), fixture.id('cpu profile ' || cluster), 2, made, made,
        'TEMPLATE', 0, 1, 3, 1, false, template, template_name);
    INSERT INTO vm_ovf_generations (vm_guid, storage_pool_id)
    SELECT template, storage_pool_id FROM cluster WHERE cluster_id = fixture.id(cluster);
    FOR d IN 1 .. disks LOOP
        INSERT INTO base_disks (disk_id, disk_alias, disk_description, disk_storage_type)
        VALUES (fixture.disk(template_name, d), format('%s_Disk%s', template_name, d), '', 0);
        PERFORM fixture.add_image(fixture.image(template_name, d, 1), fixture.disk(template_name, d), NULL, NULL, NULL, format, 'Sparse',
            size, size / 4, domain, true, made);
        INSERT INTO disk_vm_element (disk_id, vm_id, is_boot, disk_interface) VALUES (fixture.disk(template_name, d), template, d = 1, 'VirtIO_SCSI');
        INSERT INTO vm_device (device_id, vm_id, type, device, address, spec_params, is_managed, is_plugged, _create_date)
        VALUES (fixture.disk(template_name, d), template, 'disk', 'disk', '', '{}', true, true, made);
    END LOOP;
    RETURN template;
END
$$;
CREATE FUNCTION fixture.make_vm(vm_name text, disks integer DEFAULT 2, layers integer DEFAULT 3, nics integer DEFAULT 1, size bigint DEFAULT '10737418240'::bigint, actual bigint DEFAULT 1073741824, format text DEFAULT 'RAW'::text, domain text DEFAULT 'nfs1'::text, cluster text DEFAULT 'cl1'::text, template text DEFAULT NULL::text, devices text DEFAULT 'full'::text, status integer DEFAULT 0, quota text DEFAULT 'q1'::text, options jsonb DEFAULT '{}'::jsonb) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $_$
#variable_conflict use_variable
DECLARE
    vm CONSTANT uuid := fixture.vm(vm_name);
    made CONSTANT timestamptz := '2024-01-01 00:00+00';
    zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    template_id CONSTANT uuid := coalesce(fixture.vm(template), zero);
    pool uuid;
    static vm_static;
    init vm_init;
    mac bigint;
    disk_size bigint;
    special text;
BEGIN
    SELECT c.storage_pool_id INTO STRICT pool FROM cluster c WHERE c.cluster_id = fixture.id(cluster);
    static := jsonb_populate_record(NULL::vm_static, to_jsonb(b) || jsonb_build_object(
            'vm_guid', vm, 'vm_name', vm_name, 'mem_size_mb', 2048, 'max_memory_size_mb', 8192, 'min_allocated_mem', 1024,
            'vmt_guid', template_id, 'os', 30, 'description', 'VM ' || vm_name, 'cluster_id', fixture.id(cluster),
            'cpu_profile_id', fixture.id('cpu profile ' || cluster), 'bios_type', 2, 'creation_date', made, '_create_date', made,
            'is_initialized', true, 'num_of_sockets', 2, 'time_zone', 'Etc/GMT', 'is_stateless', false, 'auto_startup', false, 'vm_type', 1,
            'default_display_type', 1, 'priority', 1, 'entity_type', 'VM', 'template_status', NULL, 'template_version_number', NULL,
            'is_template_sealed', NULL, 'child_count', 0, 'quota_id', fixture.id(quota), 'created_by_user_id', fixture.id('alice'), 'free_text_comment', '',
            'original_template_id', template_id, 'original_template_name', coalesce(template, 'Blank'), 'small_icon_id', fixture.id('small icon'),
            'large_icon_id', fixture.id('large icon'), 'balloon_enabled', devices = 'full', 'userdefined_properties', '', 'predefined_properties', '')
            || coalesce(options -> 'vm_static', '{}'))
        FROM vm_static b WHERE b.vm_guid = zero;
    INSERT INTO vm_static SELECT static.*;
    UPDATE vm_static SET child_count = child_count + 1 WHERE vm_guid = template_id AND template_id <> zero;
    INSERT INTO vm_dynamic (vm_guid, status, last_stop_time) VALUES (vm, status, made);
    INSERT INTO vm_statistics (vm_guid, _update_date) VALUES (vm, made);
    INSERT INTO vm_ovf_generations (vm_guid, storage_pool_id) VALUES (vm, pool);
    IF options ? 'vm_init' THEN
        init := jsonb_populate_record(NULL::vm_init, '{"regenerate_keys": false}' || (options -> 'vm_init') || jsonb_build_object('vm_id', vm));
        INSERT INTO vm_init SELECT init.*;
    END IF;
    INSERT INTO permissions (id, role_id, ad_element_id, object_id, object_type_id, creation_date)
    VALUES (fixture.id('permission alice ' || vm_name), 'def00006-0000-0000-0000-def000000006', fixture.id('alice'), vm, 2, 1704067200);
    INSERT INTO snapshots (snapshot_id, vm_id, snapshot_type, status, description, creation_date, _create_date, app_list)
    SELECT fixture.snapshot(vm_name, l), vm, CASE WHEN l < layers THEN 'REGULAR' ELSE 'ACTIVE' END, 'OK',
        CASE WHEN l < layers THEN 'snapshot ' || l ELSE 'Active VM' END, made + l * interval '1 day', made + l * interval '1 day', 'kernel-5.14'
    FROM generate_series(1, layers) l;
    -- Those of fixture VMs are at the pool's end: what a clone gets from its beginning does not depend on how many there are.
    SELECT x'566f000fffff'::bigint - count(*) INTO mac FROM vm_interface WHERE mac_addr LIKE '56:6f:00:0%';
    INSERT INTO vm_interface (id, vm_guid, mac_addr, name, speed, type, linked, vnic_profile_id, _create_date)
    SELECT fixture.nic(vm_name, n), vm, regexp_replace(lpad(to_hex(mac - n + 1), 12, '0'), '(..)(?!$)', '\1:', 'g'), 'nic' || n, 10000, 3, true,
        CASE WHEN pool = fixture.id('dc1') THEN fixture.id(CASE n % 2 WHEN 1 THEN 'vnic net1' ELSE 'vnic net2' END) ELSE fixture.id('vnic net_dc2') END, made
    FROM generate_series(1, nics) n;
    INSERT INTO vm_interface_statistics (id, vm_id, rx_rate, tx_rate, rx_drop, tx_drop, iface_status)
    SELECT fixture.nic(vm_name, n), vm, 0, 0, 0, 0, 0 FROM generate_series(1, nics) n;
    INSERT INTO vm_device (device_id, vm_id, type, device, address, spec_params, is_managed, is_plugged, alias, _create_date)
    SELECT fixture.nic(vm_name, n), vm, 'interface', 'bridge', format('{type=pci, slot=0x%s, bus=0x00, domain=0x0000, function=0x0}', lpad(to_hex(9 + n), 2, '0')),
        '{}', true, true, 'ua-nic' || n, made
    FROM generate_series(1, nics) n;
    PERFORM fixture.add_devices(vm_name, devices);
    FOR d IN 1 .. disks LOOP
        SELECT i.size INTO disk_size FROM images i WHERE i.image_guid = fixture.image(template, d, 1);
        disk_size := coalesce(disk_size, size * d);
        INSERT INTO base_disks (disk_id, disk_alias, disk_description, disk_storage_type)
        VALUES (fixture.disk(vm_name, d), format('%s_Disk%s', vm_name, d), 'disk ' || d, 0);
        PERFORM fixture.add_image(fixture.image(vm_name, d, l), fixture.disk(vm_name, d), fixture.snapshot(vm_name, l),
            CASE WHEN l > 1 THEN fixture.image(vm_name, d, l - 1) ELSE fixture.image(template, d, 1) END,
            fixture.image(template, d, 1), CASE WHEN l > 1 OR template IS NOT NULL THEN 'COW' ELSE format END, 'Sparse', disk_size, actual, domain,
            l = layers, made + l * interval '1 day', quota)
        FROM generate_series(1, layers) l;
        INSERT INTO disk_vm_element (disk_id, vm_id, is_boot, disk_interface)
        VALUES (fixture.disk(vm_name, d), vm, d = 1, CASE d % 2 WHEN 1 THEN 'VirtIO_SCSI' ELSE 'VirtIO' END);
        INSERT INTO vm_device (device_id, vm_id, type, device, address, spec_params, is_managed, is_plugged, alias, _create_date)
        VALUES (fixture.disk(vm_name, d), vm, 'disk', 'disk',
            CASE d % 2 WHEN 1 THEN format('{type=drive, controller=0, bus=0, target=0, unit=%s}', d - 1) ELSE '' END, '{}', true,
            NOT coalesce(options -> 'unplugged', '[]') @> to_jsonb(d), 'ua-disk' || d, made);
    END LOOP;
    FOR special IN SELECT o.key FROM jsonb_each(options) o WHERE o.key IN ('shareable', 'lun') AND o.value = 'true' ORDER BY 1 LOOP
        INSERT INTO base_disks (disk_id, disk_alias, disk_description, disk_storage_type, shareable)
        VALUES (fixture.id(special || ' of ' || vm_name), vm_name || '_' || special, special, CASE special WHEN 'lun' THEN 1 ELSE 0 END, true);
        IF special = 'lun' THEN
            INSERT INTO luns (lun_id, volume_group_id, device_size) VALUES ('3600' || md5(vm_name), '', 10);
            INSERT INTO disk_lun_map (disk_id, lun_id) VALUES (fixture.id('lun of ' || vm_name), '3600' || md5(vm_name));
        ELSE
            PERFORM fixture.add_image(fixture.id('shareable image of ' || vm_name), fixture.id('shareable of ' || vm_name), fixture.snapshot(vm_name, layers),
                NULL, NULL, 'RAW', 'Preallocated', size, size, domain, true, made, quota);
        END IF;
        INSERT INTO disk_vm_element (disk_id, vm_id, disk_interface) VALUES (fixture.id(special || ' of ' || vm_name), vm, 'VirtIO');
        INSERT INTO vm_device (device_id, vm_id, type, device, address, spec_params, is_managed, is_plugged, _create_date)
        VALUES (fixture.id(special || ' of ' || vm_name), vm, 'disk', 'disk', '', '{}', true, true, made);
    END LOOP;
    IF options -> 'affinity' = 'true' THEN
        INSERT INTO affinity_group_members (affinity_group_id, vm_id) VALUES (fixture.id('ag1'), vm);
        INSERT INTO labels_map (label_id, vm_id) VALUES (fixture.id('lb1'), vm);
    END IF;
    IF options -> 'numa' = 'true' THEN
        INSERT INTO numa_node (numa_node_id, vm_id, numa_node_index, mem_total, cpu_count, numa_tune_mode)
        SELECT fixture.id(format('numa node %s of %s', n, vm_name)), vm, n, 1024, 1, 'INTERLEAVE' FROM generate_series(0, 1) n;
        INSERT INTO numa_node_cpu_map (id, numa_node_id, cpu_core_id)
        SELECT fixture.id(format('numa cpu %s of %s', n, vm_name)), fixture.id(format('numa node %s of %s', n, vm_name)), n FROM generate_series(0, 1) n;
    END IF;
    IF coalesce(options -> 'ovf', 'true') = 'true' THEN
        UPDATE snapshots s SET vm_configuration = fixture.ovf(s.snapshot_id) WHERE s.vm_id = vm AND s.snapshot_type = 'REGULAR';
    END IF;
    RETURN vm;
END
$_$;
CREATE FUNCTION fixture.nic(vm_name text, nic integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$ SELECT fixture.id(format('nic %s of %s', $2, $1)) $_$;
CREATE FUNCTION fixture.ovf(snapshot uuid) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'vmclone', 'pg_temp'
    AS $$
DECLARE
    v vm_static;
    init vm_init;
    pool cluster;
    s snapshots;
    stamp CONSTANT text := 'YYYY/MM/DD HH24:MI:SS';
    zero CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    files xml;
    networks xml;
    disks xml;
    items xml;
    sections xml;
    initial xml;
BEGIN
    SELECT * INTO STRICT s FROM snapshots WHERE snapshot_id = snapshot;
    SELECT * INTO STRICT v FROM vm_static WHERE vm_guid = s.vm_id;
    SELECT * INTO STRICT pool FROM cluster WHERE cluster_id = v.cluster_id;
    SELECT xmlagg(xmlelement(NAME "File", xmlattributes(
                CASE WHEN i.image_guid IS NULL THEN b.disk_id::text ELSE b.disk_id || '/' || i.image_guid END AS "ovf:href",
                coalesce(i.image_guid, b.disk_id) AS "ovf:id", d.actual_size AS "ovf:size", CASE WHEN i.image_guid IS NOT NULL THEN 'Active VM' END AS "ovf:description",
                CASE b.disk_storage_type WHEN 1 THEN 'LUN' ELSE 'IMAGE' END AS "ovf:disk_storage_type", '' AS "ovf:cinder_volume_type")) ORDER BY b.disk_alias),
        xmlagg(xmlelement(NAME "Disk", xmlattributes(
                coalesce(i.image_guid, b.disk_id) AS "ovf:diskId", ceil(i.size / 1073741824.0) AS "ovf:size", ceil(d.actual_size / 1073741824.0) AS "ovf:actual_size",
                i.vm_snapshot_id AS "ovf:vm_snapshot_id",
                CASE WHEN i.parentid = zero THEN '' ELSE b.disk_id || '/' || i.parentid END AS "ovf:parentRef",
                CASE WHEN i.image_guid IS NULL THEN b.disk_id::text ELSE b.disk_id || '/' || i.image_guid END AS "ovf:fileRef",
                CASE i.volume_format WHEN 4 THEN 'http://www.gnome.org/~markmc/qcow-image-format.html' WHEN 5 THEN 'http://www.vmware.com/specifications/vmdk.html#sparse' END AS "ovf:format",
                CASE i.volume_format WHEN 4 THEN 'COW' WHEN 5 THEN 'RAW' END AS "ovf:volume-format",
                CASE i.volume_type WHEN 1 THEN 'Preallocated' WHEN 2 THEN 'Sparse' END AS "ovf:volume-type",
                e.disk_interface AS "ovf:disk-interface", p.is_readonly AS "ovf:read-only", b.shareable AS "ovf:shareable", e.pass_discard AS "ovf:pass-discard",
                b.backup = 'Incremental' AS "ovf:incremental-backup", e.is_boot AS "ovf:boot", b.disk_alias AS "ovf:disk-alias",
                b.disk_description AS "ovf:disk-description", b.wipe_after_delete AS "ovf:wipe-after-delete",
                CASE b.disk_storage_type WHEN 1 THEN p.is_plugged END AS "ovf:plugged", l.lun_id AS "ovf:lun_id")) ORDER BY b.disk_alias)
    INTO files, disks
    FROM disk_vm_element e
    JOIN base_disks b USING (disk_id)
    JOIN vm_device p ON p.device_id = e.disk_id AND p.vm_id = e.vm_id
    LEFT JOIN images i ON i.image_group_id = b.disk_id AND (i.vm_snapshot_id = snapshot OR b.shareable)
    LEFT JOIN disk_image_dynamic d ON d.image_id = i.image_guid
    LEFT JOIN disk_lun_map l ON l.disk_id = b.disk_id
    WHERE e.vm_id = v.vm_guid AND (i.image_guid IS NOT NULL OR l.lun_id IS NOT NULL);
    SELECT xmlagg(xmlelement(NAME "Network", xmlattributes(name AS "ovf:name")) ORDER BY name) INTO networks
    FROM (SELECT DISTINCT n.name FROM vm_interface i JOIN vnic_profiles p ON p.id = i.vnic_profile_id JOIN network n ON n.id = p.network_id WHERE i.vm_guid = v.vm_guid) n;
    SELECT xmlagg(item ORDER BY place, ordinal) INTO items
    FROM (
        SELECT 1 AS place, '' AS ordinal, xmlelement(NAME "Item", xmlelement(NAME "rasd:Caption", v.num_of_sockets * v.cpu_per_socket || ' virtual cpu'),
            xmlelement(NAME "rasd:Description", 'Number of virtual CPU'), xmlelement(NAME "rasd:InstanceId", 1), xmlelement(NAME "rasd:ResourceType", 3),
            xmlelement(NAME "rasd:num_of_sockets", v.num_of_sockets), xmlelement(NAME "rasd:cpu_per_socket", v.cpu_per_socket),
            xmlelement(NAME "rasd:threads_per_cpu", v.threads_per_cpu)) AS item
        UNION ALL
        SELECT 2, '', xmlelement(NAME "Item", xmlelement(NAME "rasd:Caption", v.mem_size_mb || ' MB of memory'), xmlelement(NAME "rasd:Description", 'Memory Size'),
            xmlelement(NAME "rasd:InstanceId", 2), xmlelement(NAME "rasd:ResourceType", 4), xmlelement(NAME "rasd:AllocationUnits", 'MegaBytes'),
            xmlelement(NAME "rasd:VirtualQuantity", v.mem_size_mb))
        UNION ALL
        SELECT 3, b.disk_alias, xmlelement(NAME "Item", xmlelement(NAME "rasd:Caption", b.disk_alias), xmlelement(NAME "rasd:InstanceId", i.image_guid),
            xmlelement(NAME "rasd:ResourceType", 17), xmlelement(NAME "rasd:HostResource", b.disk_id || '/' || i.image_guid), xmlelement(NAME "rasd:Parent", i.parentid),
            xmlelement(NAME "rasd:Template", i.it_guid), xmlelement(NAME "rasd:ApplicationList", s.app_list), xmlelement(NAME "rasd:StoragePoolId", pool.storage_pool_id),
            xmlelement(NAME "rasd:CreationDate", to_char(i.creation_date AT TIME ZONE 'UTC', stamp)), xmlelement(NAME "rasd:LastModified", '1970/01/01 00:00:00'),
            xmlelement(NAME "rasd:last_modified_date", to_char(i.lastmodified AT TIME ZONE 'UTC', stamp)), fixture.ovf_device(p))
        FROM disk_vm_element e
        JOIN base_disks b USING (disk_id)
        JOIN vm_device p ON p.device_id = e.disk_id AND p.vm_id = e.vm_id
        JOIN images i ON i.image_group_id = b.disk_id AND (i.vm_snapshot_id = snapshot OR b.shareable)
        WHERE e.vm_id = v.vm_guid
        UNION ALL
        SELECT 4, i.name, xmlelement(NAME "Item", xmlelement(NAME "rasd:Caption", 'Ethernet adapter on ' || coalesce(n.name, '[No Network]')),
            xmlelement(NAME "rasd:InstanceId", i.id), xmlelement(NAME "rasd:ResourceType", 10), xmlelement(NAME "rasd:OtherResourceType", p.name),
            xmlelement(NAME "rasd:ResourceSubType", i.type), xmlelement(NAME "rasd:Connection", n.name), xmlelement(NAME "rasd:Linked", i.linked),
            xmlelement(NAME "rasd:Name", i.name), xmlelement(NAME "rasd:MACAddress", i.mac_addr), xmlelement(NAME "rasd:speed", i.speed), fixture.ovf_device(d))
        FROM vm_interface i
        JOIN vm_device d ON d.device_id = i.id AND d.vm_id = i.vm_guid
        LEFT JOIN vnic_profiles p ON p.id = i.vnic_profile_id
        LEFT JOIN network n ON n.id = p.network_id
        WHERE i.vm_guid = v.vm_guid
        UNION ALL
        SELECT 5, '', xmlelement(NAME "Item", xmlelement(NAME "rasd:Caption", 'USB Controller'), xmlelement(NAME "rasd:InstanceId", 3), xmlelement(NAME "rasd:ResourceType", 23),
            xmlelement(NAME "rasd:UsbPolicy", CASE v.usb_policy WHEN 2 THEN 'ENABLED_NATIVE' ELSE 'DISABLED' END))
        UNION ALL
        SELECT 6, d.type || d.device, xmlelement(NAME "Item", xmlelement(NAME "rasd:Caption", d.device),
            xmlelement(NAME "rasd:ResourceType", CASE WHEN d.device = 'cdrom' THEN 15 WHEN d.type = 'video' THEN CASE d.device WHEN 'qxl' THEN 20 ELSE 32768 END
                WHEN d.type = 'graphics' THEN 26 ELSE 0 END),
            xmlelement(NAME "rasd:InstanceId", d.device_id), CASE WHEN d.type = 'video' THEN xmlelement(NAME "rasd:VirtualQuantity", v.num_of_monitors) END, fixture.ovf_device(d))
        FROM vm_device d
        WHERE d.vm_id = v.vm_guid AND d.type <> 'interface' AND (d.type, d.device) <> ('disk', 'disk')
    ) item;
    SELECT xmlconcat(
        (SELECT xmlelement(NAME "Section", xmlattributes('ovf:AffinityGroupsSection_Type' AS "xsi:type"), xmlagg(xmlelement(NAME "AffinityGroup", xmlattributes(g.name AS "ovf:name")) ORDER BY g.name))
            FROM affinity_group_members m JOIN affinity_groups g ON g.id = m.affinity_group_id WHERE m.vm_id = v.vm_guid HAVING count(*) > 0),
        (SELECT xmlelement(NAME "Section", xmlattributes('ovf:AffinityLabelsSection_Type' AS "xsi:type"), xmlagg(xmlelement(NAME "AffinityLabel", xmlattributes(l.label_name AS "ovf:name")) ORDER BY l.label_name))
            FROM labels_map m JOIN labels l USING (label_id) WHERE m.vm_id = v.vm_guid HAVING count(*) > 0),
        (SELECT xmlelement(NAME "Section", xmlattributes('ovf:NumaNodeSection_Type' AS "xsi:type"), xmlagg(xmlelement(NAME "NumaNode", xmlelement(NAME "Index", n.numa_node_index),
                xmlelement(NAME "cpuIdList", (SELECT string_agg(cpu_core_id::text, ',' ORDER BY cpu_core_id) FROM numa_node_cpu_map c WHERE c.numa_node_id = n.numa_node_id)),
                xmlelement(NAME "MemTotal", n.mem_total), xmlelement(NAME "NumaTuneMode", n.numa_tune_mode)) ORDER BY n.numa_node_index))
            FROM numa_node n WHERE n.vm_id = v.vm_guid HAVING count(*) > 0))
    INTO sections;
    SELECT * INTO init FROM vm_init WHERE vm_id = v.vm_guid;
    IF FOUND THEN
        initial := xmlelement(NAME "VmInit", xmlattributes(init.host_name AS "ovf:hostname", init.domain AS "ovf:domain", init.time_zone AS "ovf:timeZone",
            init.authorized_keys AS "ovf:authorizedKeys", init.regenerate_keys AS "ovf:regenerateKeys", init.dns_servers AS "ovf:dnsServers",
            init.dns_search_domains AS "ovf:dnsSearch", init.networks AS "ovf:networks", init.winkey AS "ovf:winKey", init.password AS "ovf:rootPassword",
            replace(init.custom_script, E'\n', '\n') AS "ovf:customScript", init.user_name AS "ovf:userName"));
    END IF;
    RETURN '<?xml version="1.0" encoding="UTF-8"?>' || E'\n' || xmlelement(NAME "ovf:Envelope", xmlattributes(
        'http://schemas.dmtf.org/ovf/envelope/1/' AS "xmlns:ovf",
        'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData' AS "xmlns:rasd",
        'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData' AS "xmlns:vssd",
        'http://www.w3.org/2001/XMLSchema-instance' AS "xmlns:xsi", '4.5.5.0' AS "ovf:version"),
        xmlelement(NAME "References", files),
        xmlelement(NAME "Section", xmlattributes('ovf:NetworkSection_Type' AS "xsi:type"), xmlelement(NAME "Info", 'List of networks'), networks),
        xmlelement(NAME "Section", xmlattributes('ovf:DiskSection_Type' AS "xsi:type"), xmlelement(NAME "Info", 'List of Virtual Disks'), disks),
        xmlelement(NAME "Content", xmlattributes('out' AS "ovf:id", 'ovf:VirtualSystem_Type' AS "xsi:type"),
            xmlforest(v.vm_name AS "Name", v.description AS "Description", v.free_text_comment AS "Comment",
                to_char(v.creation_date AT TIME ZONE 'UTC', stamp) AS "CreationDate", to_char(s.creation_date AT TIME ZONE 'UTC', stamp) AS "ExportDate",
                v.is_delete_protected AS "DeleteProtected", v.sso_method AS "SsoMethod", v.is_smartcard_enabled AS "IsSmartcardEnabled",
                v.num_of_io_threads AS "NumOfIoThreads", v.time_zone AS "TimeZone", v.default_boot_sequence AS "default_boot_sequence", v.db_generation AS "Generation",
                pool.compatibility_version AS "ClusterCompatibilityVersion", v.custom_compatibility_version AS "CustomCompatibilityVersion", v.vm_type AS "VmType",
                v.min_allocated_mem AS "MinAllocatedMem", v.is_stateless AS "IsStateless", v.is_run_and_pause AS "IsRunAndPause", v.auto_startup AS "AutoStartup",
                v.priority AS "Priority", v.created_by_user_id AS "CreatedByUserId", v.migration_support AS "MigrationSupport", v.serial_number_policy AS "SerialNumberPolicy",
                v.custom_serial_number AS "CustomSerialNumber", v.is_boot_menu_enabled AS "IsBootMenuEnabled", v.is_spice_file_transfer_enabled AS "IsSpiceFileTransferEnabled",
                v.is_spice_copy_paste_enabled AS "IsSpiceCopyPasteEnabled", v.allow_console_reconnect AS "AllowConsoleReconnect",
                v.custom_emulated_machine AS "CustomEmulatedMachine", v.bios_type - 1 AS "BiosType", v.custom_cpu_name AS "CustomCpuName",
                v.predefined_properties AS "PredefinedProperties", v.userdefined_properties AS "UserDefinedProperties", v.max_memory_size_mb AS "MaxMemorySizeMb",
                v.multi_queues_enabled AS "MultiQueuesEnabled", v.use_tsc_frequency AS "UseTscFrequency", v.vmt_guid AS "TemplateId",
                (SELECT vm_name FROM vm_static t WHERE t.vm_guid = v.vmt_guid) AS "TemplateName", v.is_initialized AS "IsInitilized", v.origin AS "Origin",
                v.quota_id AS "quota_id", v.default_display_type AS "DefaultDisplayType", v.original_template_id AS "OriginalTemplateId",
                v.original_template_name AS "OriginalTemplateName", v.balloon_enabled AS "BalloonEnabled", v.cpu_pinning AS "CpuPinning",
                v.lease_sd_id AS "LeaseDomainId"),
            initial,
            xmlelement(NAME "Section", xmlattributes(v.vm_guid AS "ovf:id", 'false' AS "ovf:required", 'ovf:OperatingSystemSection_Type' AS "xsi:type"),
                xmlelement(NAME "Info", 'Guest Operating System'),
                xmlelement(NAME "Description", CASE v.os WHEN 0 THEN 'other' WHEN 5 THEN 'other_linux' WHEN 24 THEN 'rhel_7x64' WHEN 30 THEN 'rhel_8x64' ELSE v.os::text END)),
            xmlelement(NAME "Section", xmlattributes('ovf:VirtualHardwareSection_Type' AS "xsi:type"),
                xmlelement(NAME "Info", format('%s CPU, %s Memory', v.num_of_sockets * v.cpu_per_socket, v.mem_size_mb)),
                xmlelement(NAME "System", xmlelement(NAME "vssd:VirtualSystemType", 'ENGINE 4.5.5.0')), items),
            sections))::text;
END
$$;
COMMENT ON FUNCTION fixture.ovf(snapshot uuid) IS 'OVF document of a snapshot in the engine''s dialect, from the rows';
CREATE FUNCTION fixture.ovf_device(device vmclone.vm_device) RETURNS xml
    LANGUAGE sql STABLE
    SET search_path TO 'vmclone', 'pg_temp'
    AS $_$
    SELECT xmlconcat(
        xmlelement(NAME "Type", $1.type), xmlelement(NAME "Device", $1.device), xmlelement(NAME "rasd:Address", $1.address),
        xmlelement(NAME "BootOrder", 0), xmlelement(NAME "IsPlugged", $1.is_plugged), xmlelement(NAME "IsReadOnly", $1.is_readonly),
        xmlelement(NAME "Alias", $1.alias),
        CASE WHEN coalesce($1.spec_params, '{}') <> '{}' THEN
            (SELECT xmlelement(NAME "SpecParams", xmlagg(format('<%s>%s</%1$s>', key, replace(replace(value, '&', '&amp;'), '<', '&lt;'))::xml ORDER BY key))
                FROM jsonb_each_text($1.spec_params::jsonb))
        END,
        CASE WHEN $1.custom_properties IS NOT NULL THEN xmlelement(NAME "CustomProperties", $1.custom_properties) END)
$_$;
CREATE FUNCTION fixture.prepare_races() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM vm_static WHERE vm_guid = fixture.vm('race')) THEN
        PERFORM fixture.attach_domains(), fixture.make_vm('race'), fixture.make_vm('race2');
    END IF;
END
$$;
CREATE FUNCTION fixture.remove_vm(vm_name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    disks uuid[] := ARRAY (SELECT e.disk_id FROM disk_vm_element e WHERE e.vm_id = fixture.vm(vm_name));
BEGIN
    DELETE FROM images i WHERE i.image_group_id = ANY (disks);
    DELETE FROM base_disks d WHERE d.disk_id = ANY (disks);
    DELETE FROM snapshots s WHERE s.vm_id = fixture.vm(vm_name);
    DELETE FROM permissions p WHERE p.object_id = fixture.vm(vm_name);
    DELETE FROM vm_ovf_generations g WHERE g.vm_guid = fixture.vm(vm_name);
    DELETE FROM vm_static v WHERE v.vm_guid = fixture.vm(vm_name);
END
$$;
CREATE FUNCTION fixture.snapshot(vm_name text, layer integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$ SELECT fixture.id(format('snapshot %s of %s', $2, $1)) $_$;
CREATE FUNCTION fixture.vm(vm_name text) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$ SELECT fixture.id('vm ' || $1) $_$;
CREATE FUNCTION fixture.write_ovf(vm_name text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'vmclone', 'pg_temp'
    AS $_$
    UPDATE snapshots s SET vm_configuration = fixture.ovf(s.snapshot_id) WHERE s.vm_id = fixture.vm($1) AND s.snapshot_type = 'REGULAR'
$_$;
-- Data for Name: mac_pools; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.mac_pools (id, name, description, allow_duplicate_mac_addresses, default_pool) FROM stdin;
623ab3ed-f0ea-5faf-afb4-7c0dd19b0ea9	macs	plenty	f	t
8b42fd75-3937-4b39-0427-b31e21ac02dd	few_macs	three addresses	f	f
\.
-- Data for Name: storage_pool; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.storage_pool (id, name, description, storage_pool_type, storage_pool_format_type, status, master_domain_version, spm_vds_id, compatibility_version, _create_date, _update_date, quota_enforcement_type, free_text_comment, is_local, managed) FROM stdin;
941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	dc1		\N	5	1	1	\N	4.7	2026-11-29 17:47:29.896475+00	\N	0	\N	f	t
ba77700e-dcd9-0d1f-2643-fa27e5cda723	dc2		\N	5	1	1	\N	4.7	2026-11-29 17:47:29.896475+00	\N	0	\N	f	t
\.
-- Data for Name: cluster; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.cluster (cluster_id, name, description, cpu_name, cpu_flags, cpu_verb, _create_date, _update_date, storage_pool_id, max_vds_memory_over_commit, compatibility_version, transparent_hugepages, migrate_on_error, virt_service, gluster_service, count_threads_as_cores, emulated_machine, trusted_service, tunnel_migration, cluster_policy_id, cluster_policy_custom_properties, enable_balloon, free_text_comment, detect_emulated_machine, architecture, optimization_type, spice_proxy, ha_reservation, enable_ksm, serial_number_policy, custom_serial_number, optional_reason, additional_rng_sources, skip_fencing_if_sd_active, skip_fencing_if_connectivity_broken, hosts_with_broken_connectivity_threshold, fencing_enabled, is_auto_converge, is_migrate_compressed, is_migrate_encrypted, maintenance_reason_required, gluster_tuned_profile, gluster_cli_based_snapshot_scheduled, ksm_merge_across_nodes, migration_bandwidth_limit_type, custom_migration_bandwidth_limit, migration_policy_id, mac_pool_id, switch_type, skip_fencing_if_gluster_bricks_up, skip_fencing_if_gluster_quorum_not_met, firewall_type, default_network_provider_id, log_max_memory_used_threshold, log_max_memory_used_threshold_type, bios_type, vnc_encryption_enabled, managed, fips_mode, upgrade_running, upgrade_percent_complete, upgrade_correlation_id, parallel_migrations) FROM stdin;
0c41113c-f1bf-8514-41d9-d789a4c51a04	cl1	\N	Intel Nehalem Family	\N	\N	2026-11-29 17:47:29.896475+00	\N	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	100	4.7	f	1	t	f	f	\N	f	f	\N	\N	f	\N	f	1	0	\N	f	t	\N	\N	f	hwrng	f	f	50	t	\N	\N	\N	f	\N	t	t	AUTO	\N	\N	623ab3ed-f0ea-5faf-afb4-7c0dd19b0ea9	legacy	f	f	1	\N	95	0	2	f	t	0	f	0	\N	0
c0f1718d-925b-896c-13a4-cdbc696a858d	cl2	\N	Intel Nehalem Family	\N	\N	2026-11-29 17:47:29.896475+00	\N	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	100	4.7	f	1	t	f	f	\N	f	f	\N	\N	f	\N	f	1	0	\N	f	t	\N	\N	f	\N	f	f	50	t	\N	\N	\N	f	\N	t	t	AUTO	\N	\N	8b42fd75-3937-4b39-0427-b31e21ac02dd	legacy	f	f	1	\N	95	0	2	f	t	0	f	0	\N	0
47f09df2-0b0c-b9ba-e658-5ccb6d9e5343	cl_dc2	\N	Intel Nehalem Family	\N	\N	2026-11-29 17:47:29.896475+00	\N	ba77700e-dcd9-0d1f-2643-fa27e5cda723	100	4.7	f	1	t	f	f	\N	f	f	\N	\N	f	\N	f	1	0	\N	f	t	\N	\N	f	\N	f	f	50	t	\N	\N	\N	f	\N	t	t	AUTO	\N	\N	623ab3ed-f0ea-5faf-afb4-7c0dd19b0ea9	legacy	f	f	1	\N	95	0	2	f	t	0	f	0	\N	0
\.
-- Data for Name: affinity_groups; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.affinity_groups (id, name, description, cluster_id, vm_positive, vm_enforcing, _create_date, _update_date, vds_positive, vds_enforcing, vms_affinity_enabled, vds_affinity_enabled, priority) FROM stdin;
d053d837-637c-09f8-aff2-f280dd81281d	ag1	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	t	t	2024-01-01 00:00:00+00	\N	t	f	t	f	0
\.
-- Data for Name: cpu_profiles; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.cpu_profiles (id, name, cluster_id, qos_id, description, _create_date, _update_date) FROM stdin;
abca7bbe-b191-2102-d043-c53b72d76b1d	cl1	0c41113c-f1bf-8514-41d9-d789a4c51a04	\N	\N	2026-11-29 17:47:29.896475+00	\N
9823d61f-401b-9587-03f8-76ba804e728f	cl2	c0f1718d-925b-896c-13a4-cdbc696a858d	\N	\N	2026-11-29 17:47:29.896475+00	\N
fb8d6c03-303c-f1e5-be34-7c3546d86302	cl_dc2	47f09df2-0b0c-b9ba-e658-5ccb6d9e5343	\N	\N	2026-11-29 17:47:29.896475+00	\N
\.
-- Data for Name: luns; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.luns (physical_volume_id, lun_id, volume_group_id, serial, lun_mapping, vendor_id, product_id, device_size, discard_max_size) FROM stdin;
\.
-- Data for Name: quota; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.quota (id, storage_pool_id, quota_name, description, _create_date, _update_date, threshold_cluster_percentage, threshold_storage_percentage, grace_cluster_percentage, grace_storage_percentage, is_default) FROM stdin;
9e45312a-afd6-f45b-85b2-973f519140bb	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	Default	no limits	2026-11-29 17:47:29.896475+00	\N	80	80	20	20	t
e8a08326-07ca-b888-ce1e-576dd4d0031f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	q1	1000 GiB in all	2026-11-29 17:47:29.896475+00	\N	80	80	20	20	f
3a73efec-b4f0-7466-974d-f0c5bc4dc296	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	q_specific	100 GiB on nfs1, nothing said of others	2026-11-29 17:47:29.896475+00	\N	80	80	20	20	f
cdaed10e-ddce-3470-d4d0-3612e871219c	ba77700e-dcd9-0d1f-2643-fa27e5cda723	Default	no limits	2026-11-29 17:47:29.896475+00	\N	80	80	20	20	t
\.
-- Data for Name: storage_domain_static; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.storage_domain_static (id, storage, storage_name, storage_domain_type, storage_type, storage_domain_format_type, _create_date, _update_date, recoverable, last_time_used_as_master, storage_description, storage_comment, wipe_after_delete, warning_low_space_indicator, critical_space_action_blocker, warning_low_confirmed_space_indicator, first_metadata_device, vg_metadata_device, discard_after_delete, backup, block_size) FROM stdin;
8646e3ac-556a-fa29-45a4-a96537941a9a	b8472ec9-bf5b-46c6-e91d-0046ecccf84c	nfs1	0	1	5	2026-11-29 17:47:29.896475+00	\N	t	0	\N	\N	f	10	5	\N	\N	\N	f	f	512
89f66094-adba-d820-b86e-0f647a5986df	375c386d-fadd-b77f-26dd-ce003bdf5eeb	nfs2	1	1	5	2026-11-29 17:47:29.896475+00	\N	t	0	\N	\N	f	10	5	\N	\N	\N	f	f	512
49f6e7b5-31f6-b66d-f146-11dc2428e9cc	vg-iscsi1	iscsi1	1	3	5	2026-11-29 17:47:29.896475+00	\N	t	0	\N	\N	f	10	5	\N	\N	\N	f	f	512
44233407-428e-1312-c324-f093f0ab50b5	abfa2467-bfe4-09c3-7f81-521e56c9e22c	iso1	2	1	0	2026-11-29 17:47:29.896475+00	\N	t	0	\N	\N	f	10	5	\N	\N	\N	f	f	512
5524f6b9-fa22-2c94-c18e-42ff42784d33	63862239-2d93-abab-e051-51ede8316fc3	nfs_dc2	0	1	5	2026-11-29 17:47:29.896475+00	\N	t	0	\N	\N	f	10	5	\N	\N	\N	f	f	512
\.
-- Data for Name: vm_icons; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_icons (id, data_url) FROM stdin;
b70313c9-d4a7-3d2d-ec69-c5c59e951143	data:image/png;base64,c21hbGw=
db9749f0-b777-2f3b-c7dd-858a034894b2	data:image/png;base64,bGFyZ2U=
\.
-- Data for Name: vm_static; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_static (vm_guid, vm_name, mem_size_mb, max_memory_size_mb, vmt_guid, os, description, cluster_id, creation_date, num_of_monitors, is_initialized, num_of_sockets, cpu_per_socket, threads_per_cpu, usb_policy, time_zone, is_stateless, _create_date, _update_date, auto_startup, vm_type, nice_level, default_boot_sequence, default_display_type, priority, iso_path, origin, initrd_url, kernel_url, kernel_params, migration_support, userdefined_properties, predefined_properties, min_allocated_mem, entity_type, child_count, template_status, quota_id, allow_console_reconnect, cpu_pinning, cpu_pinning_policy, is_smartcard_enabled, host_cpu_flags, db_generation, is_delete_protected, is_disabled, is_run_and_pause, created_by_user_id, tunnel_migration, free_text_comment, cpu_shares, vnc_keyboard_layout, instance_type_id, image_type_id, sso_method, original_template_id, original_template_name, migration_downtime, template_version_number, template_version_name, serial_number_policy, custom_serial_number, is_boot_menu_enabled, is_spice_file_transfer_enabled, is_spice_copy_paste_enabled, cpu_profile_id, is_auto_converge, is_migrate_compressed, is_migrate_encrypted, custom_emulated_machine, custom_cpu_name, small_icon_id, large_icon_id, provider_id, num_of_io_threads, console_disconnect_action, console_disconnect_action_delay, resume_behavior, custom_compatibility_version, migration_policy_id, lease_sd_id, multi_queues_enabled, virtio_scsi_multi_queues, use_tsc_frequency, namespace, balloon_enabled, bios_type, is_template_sealed, parallel_migrations) FROM stdin;
00000000-0000-0000-0000-000000000000	Blank	1024	4096	00000000-0000-0000-0000-000000000000	0	Blank template	\N	2008-04-01 00:00:00+00	1	\N	1	1	1	1	\N	\N	2026-11-29 17:47:28.537748+00	\N	\N	0	0	0	0	0		3	\N	\N	\N	0	\N	\N	0	TEMPLATE	0	0	\N	f	\N	0	f	f	1	f	f	f	\N	\N	\N	0	\N	\N	\N	guest_agent	\N	\N	\N	1	\N	\N	\N	f	t	t	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	\N	\N	\N	\N	\N	\N	t	0	f	\N	f	\N	f	\N
09d8a66e-fbeb-49aa-63e9-a36b73abfb73	vm1	2048	8192	00000000-0000-0000-0000-000000000000	30	VM vm1	0c41113c-f1bf-8514-41d9-d789a4c51a04	2024-01-01 00:00:00+00	1	t	2	1	1	1	Etc/GMT	f	2024-01-01 00:00:00+00	\N	f	1	0	0	1	1		3	\N	\N	\N	0			1024	VM	0	\N	e8a08326-07ca-b888-ce1e-576dd4d0031f	f	\N	0	f	f	1	f	f	f	9979a8d2-a929-e3bb-7932-7dd053ea74ee	\N		0	\N	\N	\N	guest_agent	00000000-0000-0000-0000-000000000000	Blank	\N	\N	\N	\N	\N	f	t	t	abca7bbe-b191-2102-d043-c53b72d76b1d	\N	\N	\N	\N	\N	b70313c9-d4a7-3d2d-ec69-c5c59e951143	db9749f0-b777-2f3b-c7dd-858a034894b2	\N	0	\N	\N	\N	\N	\N	\N	t	0	f	\N	t	2	\N	\N
821ce38d-8e1f-248c-01e8-3ee579cd2790	golden	1024	4096	821ce38d-8e1f-248c-01e8-3ee579cd2790	0	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	2024-01-01 00:00:00+00	1	\N	1	1	1	1	\N	\N	2024-01-01 00:00:00+00	\N	\N	0	0	0	0	0		3	\N	\N	\N	0	\N	\N	0	TEMPLATE	0	0	\N	f	\N	0	f	f	1	f	f	f	\N	\N	\N	0	\N	\N	\N	guest_agent	821ce38d-8e1f-248c-01e8-3ee579cd2790	golden	\N	1	\N	\N	\N	f	t	t	abca7bbe-b191-2102-d043-c53b72d76b1d	\N	\N	\N	\N	\N	\N	\N	\N	0	\N	\N	\N	\N	\N	\N	t	0	f	\N	f	2	f	\N
726a6489-c56b-56c9-ad40-e8be6ab7a4e3	done	2048	8192	00000000-0000-0000-0000-000000000000	30	VM vm1	0c41113c-f1bf-8514-41d9-d789a4c51a04	2026-11-29 17:47:32.594425+00	1	t	2	1	1	1	Etc/GMT	f	2026-11-29 17:47:32.594425+00	\N	f	1	0	0	1	1		3	\N	\N	\N	0			1024	VM	0	\N	e8a08326-07ca-b888-ce1e-576dd4d0031f	f	\N	0	f	f	2	f	f	f	\N	\N		0	\N	\N	\N	guest_agent	00000000-0000-0000-0000-000000000000	Blank	\N	\N	\N	\N	\N	f	t	t	abca7bbe-b191-2102-d043-c53b72d76b1d	\N	\N	\N	\N	\N	b70313c9-d4a7-3d2d-ec69-c5c59e951143	db9749f0-b777-2f3b-c7dd-858a034894b2	\N	0	\N	\N	\N	\N	\N	\N	t	0	f	\N	t	2	\N	\N
065fc2fe-5db8-51ea-a628-6166add05b24	held	2048	8192	00000000-0000-0000-0000-000000000000	30	VM vm1	0c41113c-f1bf-8514-41d9-d789a4c51a04	2026-11-29 17:47:33.959406+00	1	t	2	1	1	1	Etc/GMT	f	2026-11-29 17:47:33.959406+00	\N	f	1	0	0	1	1		3	\N	\N	\N	0			1024	VM	0	\N	e8a08326-07ca-b888-ce1e-576dd4d0031f	f	\N	0	f	f	1	f	f	f	\N	\N		0	\N	\N	\N	guest_agent	00000000-0000-0000-0000-000000000000	Blank	\N	\N	\N	\N	\N	f	t	t	abca7bbe-b191-2102-d043-c53b72d76b1d	\N	\N	\N	\N	\N	b70313c9-d4a7-3d2d-ec69-c5c59e951143	db9749f0-b777-2f3b-c7dd-858a034894b2	\N	0	\N	\N	\N	\N	\N	\N	t	0	f	\N	t	2	\N	\N
5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	paused	2048	8192	00000000-0000-0000-0000-000000000000	30	VM vm1	0c41113c-f1bf-8514-41d9-d789a4c51a04	2026-11-29 17:47:34.390718+00	1	t	2	1	1	1	Etc/GMT	f	2026-11-29 17:47:34.390718+00	\N	f	1	0	0	1	1		3	\N	\N	\N	0			1024	VM	0	\N	e8a08326-07ca-b888-ce1e-576dd4d0031f	f	\N	0	f	f	1	f	f	f	\N	\N		0	\N	\N	\N	guest_agent	00000000-0000-0000-0000-000000000000	Blank	\N	\N	\N	\N	\N	f	t	t	abca7bbe-b191-2102-d043-c53b72d76b1d	\N	\N	\N	\N	\N	b70313c9-d4a7-3d2d-ec69-c5c59e951143	db9749f0-b777-2f3b-c7dd-858a034894b2	\N	0	\N	\N	\N	\N	\N	\N	t	0	f	\N	t	2	\N	\N
eb6015af-b138-5332-a896-c18751ef509b	many1	2048	8192	00000000-0000-0000-0000-000000000000	30	VM vm1	0c41113c-f1bf-8514-41d9-d789a4c51a04	2026-11-29 17:47:34.593747+00	1	t	2	1	1	1	Etc/GMT	f	2026-11-29 17:47:34.593747+00	\N	f	1	0	0	1	1		3	\N	\N	\N	0			1024	VM	0	\N	e8a08326-07ca-b888-ce1e-576dd4d0031f	f	\N	0	f	f	1	f	f	f	\N	\N		0	\N	\N	\N	guest_agent	00000000-0000-0000-0000-000000000000	Blank	\N	\N	\N	\N	\N	f	t	t	abca7bbe-b191-2102-d043-c53b72d76b1d	\N	\N	\N	\N	\N	b70313c9-d4a7-3d2d-ec69-c5c59e951143	db9749f0-b777-2f3b-c7dd-858a034894b2	\N	0	\N	\N	\N	\N	\N	\N	t	0	f	\N	t	2	\N	\N
f035267b-8917-5f22-86b8-3c2856064225	many2	2048	8192	00000000-0000-0000-0000-000000000000	30	VM vm1	0c41113c-f1bf-8514-41d9-d789a4c51a04	2026-11-29 17:47:34.593747+00	1	t	2	1	1	1	Etc/GMT	f	2026-11-29 17:47:34.593747+00	\N	f	1	0	0	1	1		3	\N	\N	\N	0			1024	VM	0	\N	e8a08326-07ca-b888-ce1e-576dd4d0031f	f	\N	0	f	f	1	f	f	f	\N	\N		0	\N	\N	\N	guest_agent	00000000-0000-0000-0000-000000000000	Blank	\N	\N	\N	\N	\N	f	t	t	abca7bbe-b191-2102-d043-c53b72d76b1d	\N	\N	\N	\N	\N	b70313c9-d4a7-3d2d-ec69-c5c59e951143	db9749f0-b777-2f3b-c7dd-858a034894b2	\N	0	\N	\N	\N	\N	\N	\N	t	0	f	\N	t	2	\N	\N
\.
-- Data for Name: affinity_group_members; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.affinity_group_members (affinity_group_id, vm_id, vds_id) FROM stdin;
\.
-- Data for Name: jobs; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.jobs (job_id, call_id, copy_number, action, status, requested, final_status, reason, reason_key, vm_id, vm_name, source_vm_id, source_snapshot_id, storage_pool_id, cluster_id, owner, user_id, parameters, retry_of, lock_mode, on_failure, priority, bandwidth_limit, verify, clean_attempts, cleaning_error, next_attempt_at, waiting_since, source_freed, created_at, started_at, ended_at) FROM stdin;
80304ba3-883d-550c-80f6-dafe61b59e28	11e49f03-eb4f-59ea-808e-55b834cce8c5	1	AddVmFromSnapshot	succeeded	\N	\N	\N	\N	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	done	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	9eca123c-61cd-6363-ce2d-9b60e1f10465	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0c41113c-f1bf-8514-41d9-d789a4c51a04	postgres	\N	{"disks": [], "copies": 1, "verify": false, "vm_name": "done", "priority": 0, "vm_static": {}, "interfaces": [], "on_failure": "clean", "request_key": "twice", "snapshot_id": "9eca123c-61cd-6363-ce2d-9b60e1f10465", "start_paused": false, "use_given_vm_static": false}	\N	exclusive	clean	0	\N	f	0	\N	\N	\N	t	2026-11-29 17:47:32.70152+00	2026-11-29 17:47:32.716495+00	2026-11-29 17:47:33.010095+00
14e0f859-a258-5bbc-8262-f7e536ba3ffa	9393c115-edbb-56e5-ab30-2e0fd380f16b	1	AddVmFromSnapshot	held	\N	\N	disk "vm1_Disk1_held" (e0882983-8161-56e9-b5f3-6d3180041a63): image file is there already: "847c2a19-0344-555d-a4b3-628551ca5c74" (EEXIST); Another job or VDSM made this volume; use another image id.	exists	065fc2fe-5db8-51ea-a628-6166add05b24	held	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	9eca123c-61cd-6363-ce2d-9b60e1f10465	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0c41113c-f1bf-8514-41d9-d789a4c51a04	postgres	\N	{"disks": [], "copies": 1, "verify": false, "vm_name": "held", "priority": 0, "lock_mode": "shared", "vm_static": {}, "interfaces": [], "on_failure": "hold", "snapshot_id": "9eca123c-61cd-6363-ce2d-9b60e1f10465", "start_paused": true, "use_given_vm_static": false}	\N	shared	hold	0	\N	f	0	\N	\N	\N	f	2026-11-29 17:47:34.104635+00	2026-11-29 17:47:34.259886+00	\N
140853a4-2029-5c55-ab1d-75df8851cba8	912c1d9a-9a35-5e3f-8371-cdce2c5e03e0	1	AddVmFromSnapshot	cancelled	\N	cancelled	cancelled by postgres	cancelled	c9442681-9f08-5adb-a90a-c6bdf112f79d	cancelled	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	9eca123c-61cd-6363-ce2d-9b60e1f10465	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0c41113c-f1bf-8514-41d9-d789a4c51a04	postgres	\N	{"disks": [], "copies": 1, "verify": false, "vm_name": "cancelled", "priority": 0, "vm_static": {}, "interfaces": [], "on_failure": "clean", "snapshot_id": "9eca123c-61cd-6363-ce2d-9b60e1f10465", "start_paused": true, "use_given_vm_static": false}	\N	exclusive	clean	0	\N	f	0	\N	\N	\N	t	2026-11-29 17:47:33.571221+00	\N	2026-11-29 17:47:33.76449+00
a05c34c9-5293-5ee9-aa7b-6bbac46ea8de	0e76da81-b092-5c14-a0fe-273774102978	1	AddVmFromSnapshot	paused	\N	\N	\N	\N	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	paused	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	9eca123c-61cd-6363-ce2d-9b60e1f10465	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0c41113c-f1bf-8514-41d9-d789a4c51a04	postgres	\N	{"disks": [], "copies": 1, "verify": false, "vm_name": "paused", "priority": 0, "lock_mode": "shared", "vm_static": {}, "interfaces": [], "on_failure": "clean", "snapshot_id": "9eca123c-61cd-6363-ce2d-9b60e1f10465", "start_paused": true, "use_given_vm_static": false}	\N	shared	clean	0	\N	f	0	\N	\N	\N	f	2026-11-29 17:47:34.512261+00	\N	\N
9b663d85-c3d8-5615-9ede-18f05fdc1b44	016b0741-5075-58ef-b2e4-742f84b4c354	1	AddVmFromSnapshot	paused	\N	\N	\N	\N	eb6015af-b138-5332-a896-c18751ef509b	many1	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	9af917e5-1ad7-c52e-ffba-12475b5f585c	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0c41113c-f1bf-8514-41d9-d789a4c51a04	postgres	\N	{"disks": [], "copies": 2, "verify": false, "vm_name": "many{n}", "priority": 0, "lock_mode": "shared", "vm_static": {}, "interfaces": [], "on_failure": "clean", "snapshot_id": "9af917e5-1ad7-c52e-ffba-12475b5f585c", "start_paused": true, "use_given_vm_static": false}	\N	shared	clean	0	\N	f	0	\N	\N	\N	f	2026-11-29 17:47:34.73035+00	\N	\N
5f09e1b3-a1e2-5bb9-8f34-bf7be8d44392	016b0741-5075-58ef-b2e4-742f84b4c354	2	AddVmFromSnapshot	paused	\N	\N	\N	\N	f035267b-8917-5f22-86b8-3c2856064225	many2	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	9af917e5-1ad7-c52e-ffba-12475b5f585c	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0c41113c-f1bf-8514-41d9-d789a4c51a04	postgres	\N	{"disks": [], "copies": 2, "verify": false, "vm_name": "many{n}", "priority": 0, "lock_mode": "shared", "vm_static": {}, "interfaces": [], "on_failure": "clean", "snapshot_id": "9af917e5-1ad7-c52e-ffba-12475b5f585c", "start_paused": true, "use_given_vm_static": false}	\N	shared	clean	0	\N	f	0	\N	\N	\N	f	2026-11-29 17:47:34.730428+00	\N	\N
\.
-- Data for Name: async_tasks; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.async_tasks (task_id, job_id, vm_id, disk_number, source_disk_id, source_image_id, source_storage_domain_id, layers, read_from_task, disk_id, disk_alias, image_id, storage_domain_id, volume_format, volume_type, copy_volume_type, virtual_size, bytes_reserved, description, status, result, phase, bytes_total, bytes_done, bytes_written, rate, method, method_reason, checkpoint, actual_size, claim, attempts, next_attempt_at, started_at, ended_at, error, error_kind) FROM stdin;
5b4113db-ae95-5025-876c-fae2d480e91b	80304ba3-883d-550c-80f6-dafe61b59e28	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	1	b976cdff-791f-956f-afba-e7dc5da2e3f5	cc0f045a-d605-aac7-023f-811e2737b444	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "91e525c7-cd0d-9bd9-f1e1-d1eee66c233f", "volume_format": "RAW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cc0f045a-d605-aac7-023f-811e2737b444", "volume_format": "COW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	31241ff9-eba0-52e1-934f-3053615d2693	vm1_Disk1_done	3e8e3129-7eb6-5d12-acf5-c0e568b76bf4	8646e3ac-556a-fa29-45a4-a96537941a9a	RAW	Sparse	LEAF	67108864	67108864	vm1_Disk1_done	finished	success	done	1400832	1400832	1400832	\N	threads-direct	the file system has no reflink	\N	1146880	1	0	\N	2026-11-29 17:47:32.716299+00	2026-11-29 17:47:32.971496+00	\N	\N
cdfe095b-7342-550b-b0a9-15b59d5b59de	80304ba3-883d-550c-80f6-dafe61b59e28	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	2	2c679a9d-e97f-4944-701b-4048f035b81a	cbbdfc8f-5354-03b3-eb7a-32b76b292336	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "f337efa1-8af7-389c-0c31-ebd292afa2b6", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cbbdfc8f-5354-03b3-eb7a-32b76b292336", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	e362ff0c-cd53-5871-9bc5-fae31e22bad1	vm1_Disk2_done	d3e30880-b54c-5d36-a414-487d627225c3	8646e3ac-556a-fa29-45a4-a96537941a9a	COW	Sparse	LEAF	67108864	2595226	vm1_Disk2_done	finished	success	done	1703936	1703936	1703936	\N	threads-direct	the file system has no reflink	\N	1171456	1	0	\N	2026-11-29 17:47:32.731025+00	2026-11-29 17:47:32.971948+00	\N	\N
d33aecad-48fc-5f2a-ad9a-724e20a2d495	140853a4-2029-5c55-ab1d-75df8851cba8	c9442681-9f08-5adb-a90a-c6bdf112f79d	1	b976cdff-791f-956f-afba-e7dc5da2e3f5	cc0f045a-d605-aac7-023f-811e2737b444	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "91e525c7-cd0d-9bd9-f1e1-d1eee66c233f", "volume_format": "RAW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cc0f045a-d605-aac7-023f-811e2737b444", "volume_format": "COW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	d700683f-4d73-5551-baae-3c9988286189	vm1_Disk1_cancelled	451733c8-6c06-5818-9b76-76ae098e2500	8646e3ac-556a-fa29-45a4-a96537941a9a	RAW	Sparse	LEAF	67108864	67108864	vm1_Disk1_cancelled	finished	cleanSuccess	cleaned	67108864	0	0	\N	\N	\N	\N	\N	1	0	\N	\N	2026-11-29 17:47:33.654372+00	\N	\N
c74f9b5e-b1d4-512d-acd3-126b785eb34d	140853a4-2029-5c55-ab1d-75df8851cba8	c9442681-9f08-5adb-a90a-c6bdf112f79d	2	2c679a9d-e97f-4944-701b-4048f035b81a	cbbdfc8f-5354-03b3-eb7a-32b76b292336	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "f337efa1-8af7-389c-0c31-ebd292afa2b6", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cbbdfc8f-5354-03b3-eb7a-32b76b292336", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	6bcc515b-a9f8-5c58-80b9-9624305f019e	vm1_Disk2_cancelled	9cfac5c3-88ad-511a-8e1b-aa7e2367badd	8646e3ac-556a-fa29-45a4-a96537941a9a	COW	Sparse	LEAF	67108864	2595226	vm1_Disk2_cancelled	finished	cleanSuccess	cleaned	2359296	0	0	\N	\N	\N	\N	\N	1	0	\N	\N	2026-11-29 17:47:33.654438+00	\N	\N
26541d72-53c7-56d1-804c-7463c5a609e4	14e0f859-a258-5bbc-8262-f7e536ba3ffa	065fc2fe-5db8-51ea-a628-6166add05b24	2	2c679a9d-e97f-4944-701b-4048f035b81a	cbbdfc8f-5354-03b3-eb7a-32b76b292336	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "f337efa1-8af7-389c-0c31-ebd292afa2b6", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cbbdfc8f-5354-03b3-eb7a-32b76b292336", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	7ef52c39-000b-5c80-9d26-f1aefcd0f30f	vm1_Disk2_held	a458646b-9a06-5f02-ad66-a3fb1756fb5e	8646e3ac-556a-fa29-45a4-a96537941a9a	COW	Sparse	LEAF	67108864	2595226	vm1_Disk2_held	finished	success	done	1703936	1703936	1703936	\N	threads-direct	the file system has no reflink	\N	1171456	1	0	\N	2026-11-29 17:47:34.266389+00	2026-11-29 17:47:34.43709+00	\N	\N
89c5202b-2633-54ca-aabf-0fe372b78a2a	14e0f859-a258-5bbc-8262-f7e536ba3ffa	065fc2fe-5db8-51ea-a628-6166add05b24	1	b976cdff-791f-956f-afba-e7dc5da2e3f5	cc0f045a-d605-aac7-023f-811e2737b444	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "91e525c7-cd0d-9bd9-f1e1-d1eee66c233f", "volume_format": "RAW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cc0f045a-d605-aac7-023f-811e2737b444", "volume_format": "COW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	e0882983-8161-56e9-b5f3-6d3180041a63	vm1_Disk1_held	847c2a19-0344-555d-a4b3-628551ca5c74	8646e3ac-556a-fa29-45a4-a96537941a9a	RAW	Sparse	LEAF	67108864	67108864	vm1_Disk1_held	finished	failure	failed	\N	0	0	\N	\N	\N	\N	\N	1	0	\N	2026-11-29 17:47:34.259841+00	2026-11-29 17:47:34.309308+00	image file is there already: "847c2a19-0344-555d-a4b3-628551ca5c74" (EEXIST); Another job or VDSM made this volume; use another image id.	exists
4f093bd2-a79f-57ce-ad46-5a343c6c150c	a05c34c9-5293-5ee9-aa7b-6bbac46ea8de	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	1	b976cdff-791f-956f-afba-e7dc5da2e3f5	cc0f045a-d605-aac7-023f-811e2737b444	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "91e525c7-cd0d-9bd9-f1e1-d1eee66c233f", "volume_format": "RAW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cc0f045a-d605-aac7-023f-811e2737b444", "volume_format": "COW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	58b11812-7e23-5913-a0f7-9267cd5fe10f	vm1_Disk1_paused	aff595f7-0c12-5c56-a38e-54905af85889	8646e3ac-556a-fa29-45a4-a96537941a9a	RAW	Sparse	LEAF	67108864	67108864	vm1_Disk1_paused	init	\N	queued	67108864	0	0	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N
6485a0b6-269b-54fe-a1be-750494c435cf	a05c34c9-5293-5ee9-aa7b-6bbac46ea8de	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	2	2c679a9d-e97f-4944-701b-4048f035b81a	cbbdfc8f-5354-03b3-eb7a-32b76b292336	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "f337efa1-8af7-389c-0c31-ebd292afa2b6", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cbbdfc8f-5354-03b3-eb7a-32b76b292336", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	8a23853f-6425-5499-8f99-5598e3fd6f00	vm1_Disk2_paused	c4a9c05a-caa5-5b26-945e-24817064866b	8646e3ac-556a-fa29-45a4-a96537941a9a	COW	Sparse	LEAF	67108864	2595226	vm1_Disk2_paused	init	\N	queued	2359296	0	0	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N
58e7af32-740b-5178-a32b-ad2c366f5fa6	9b663d85-c3d8-5615-9ede-18f05fdc1b44	eb6015af-b138-5332-a896-c18751ef509b	1	b976cdff-791f-956f-afba-e7dc5da2e3f5	91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "91e525c7-cd0d-9bd9-f1e1-d1eee66c233f", "volume_format": "RAW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	9c8aedc9-8805-5aa8-bc30-197b35739f0e	vm1_Disk1_many1	d7862cd9-c01d-5de8-9632-acaf5210c7d3	8646e3ac-556a-fa29-45a4-a96537941a9a	RAW	Sparse	LEAF	67108864	67108864	vm1_Disk1_many1	init	\N	queued	67108864	0	0	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N
e31422e0-f952-5c56-90c9-53b85a8ec79e	5f09e1b3-a1e2-5bb9-8f34-bf7be8d44392	f035267b-8917-5f22-86b8-3c2856064225	1	b976cdff-791f-956f-afba-e7dc5da2e3f5	91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "91e525c7-cd0d-9bd9-f1e1-d1eee66c233f", "volume_format": "RAW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	58e7af32-740b-5178-a32b-ad2c366f5fa6	cfad9537-dd83-58ac-b287-13647d697839	vm1_Disk1_many2	4dca621a-b56b-54d1-a7a5-c59a841b4de0	8646e3ac-556a-fa29-45a4-a96537941a9a	RAW	Sparse	LEAF	67108864	67108864	vm1_Disk1_many2	init	\N	queued	67108864	0	0	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N
95e34e72-8114-5171-aadf-fdafb63fe69e	9b663d85-c3d8-5615-9ede-18f05fdc1b44	eb6015af-b138-5332-a896-c18751ef509b	2	2c679a9d-e97f-4944-701b-4048f035b81a	f337efa1-8af7-389c-0c31-ebd292afa2b6	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "f337efa1-8af7-389c-0c31-ebd292afa2b6", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	\N	09bc8b0b-4b02-5635-9313-4b4cdba6fb80	vm1_Disk2_many1	56220d8f-38d7-56c8-b0ce-51a2a792b28c	8646e3ac-556a-fa29-45a4-a96537941a9a	COW	Sparse	LEAF	67108864	1297613	vm1_Disk2_many1	init	\N	queued	1179648	0	0	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N
3feb5006-72f9-5740-b792-963567e6c548	5f09e1b3-a1e2-5bb9-8f34-bf7be8d44392	f035267b-8917-5f22-86b8-3c2856064225	2	2c679a9d-e97f-4944-701b-4048f035b81a	f337efa1-8af7-389c-0c31-ebd292afa2b6	8646e3ac-556a-fa29-45a4-a96537941a9a	[{"size": 67108864, "image_id": "f337efa1-8af7-389c-0c31-ebd292afa2b6", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	95e34e72-8114-5171-aadf-fdafb63fe69e	75936dda-b4ee-548e-ba44-72853dedd7dc	vm1_Disk2_many2	481a4c84-fa1a-562f-8fc4-669d872b2edd	8646e3ac-556a-fa29-45a4-a96537941a9a	COW	Sparse	LEAF	67108864	1297613	vm1_Disk2_many2	init	\N	queued	1179648	0	0	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N
\.
-- Data for Name: audit_log; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.audit_log (audit_log_id, user_id, user_name, vm_id, vm_name, vm_template_id, vm_template_name, vds_id, vds_name, log_time, log_type_name, log_type, severity, message, processed, storage_pool_id, storage_pool_name, storage_domain_id, storage_domain_name, cluster_id, cluster_name, correlation_id, job_id, quota_id, quota_name, gluster_volume_id, gluster_volume_name, origin, custom_event_id, event_flood_in_sec, custom_data, deleted, call_stack, brick_id, brick_path, custom_id) FROM stdin;
1	\N	postgres	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	done	\N	\N	\N	\N	2026-11-29 17:47:32.694339+00	USER_ADD_VM_STARTED	37	0	Creation of VM done from snapshot snapshot 2 of vm1 was started by postgres.	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	dc1	\N	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	cl1	11e49f03-eb4f-59ea-808e-55b834cce8c5	80304ba3-883d-550c-80f6-dafe61b59e28	\N	\N	\N	\N	oVirt	-1	30		f		\N		\N
2	\N	postgres	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	done	\N	\N	\N	\N	2026-11-29 17:47:33.009584+00	USER_ADD_VM_FINISHED_SUCCESS	53	0	Creation of VM done is complete.	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	dc1	\N	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	cl1	11e49f03-eb4f-59ea-808e-55b834cce8c5	80304ba3-883d-550c-80f6-dafe61b59e28	\N	\N	\N	\N	oVirt	-1	30		f		\N		\N
3	\N	postgres	c9442681-9f08-5adb-a90a-c6bdf112f79d	cancelled	\N	\N	\N	\N	2026-11-29 17:47:33.562053+00	USER_ADD_VM_STARTED	37	0	Creation of VM cancelled from snapshot snapshot 2 of vm1 was started by postgres.	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	dc1	\N	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	cl1	912c1d9a-9a35-5e3f-8371-cdce2c5e03e0	140853a4-2029-5c55-ab1d-75df8851cba8	\N	\N	\N	\N	oVirt	-1	30		f		\N		\N
4	\N	postgres	c9442681-9f08-5adb-a90a-c6bdf112f79d	cancelled	\N	\N	\N	\N	2026-11-29 17:47:33.764389+00	CLONE_CANCELLED	11002	1	Creation of cancelled was given up: cancelled by postgres.	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	dc1	\N	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	cl1	912c1d9a-9a35-5e3f-8371-cdce2c5e03e0	140853a4-2029-5c55-ab1d-75df8851cba8	\N	\N	\N	\N	oVirt	-1	30		f		\N		\N
5	\N	postgres	065fc2fe-5db8-51ea-a628-6166add05b24	held	\N	\N	\N	\N	2026-11-29 17:47:34.104077+00	USER_ADD_VM_STARTED	37	0	Creation of VM held from snapshot snapshot 2 of vm1 was started by postgres.	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	dc1	\N	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	cl1	9393c115-edbb-56e5-ab30-2e0fd380f16b	14e0f859-a258-5bbc-8262-f7e536ba3ffa	\N	\N	\N	\N	oVirt	-1	30		f		\N		\N
6	\N	postgres	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	paused	\N	\N	\N	\N	2026-11-29 17:47:34.511725+00	USER_ADD_VM_STARTED	37	0	Creation of VM paused from snapshot snapshot 2 of vm1 was started by postgres.	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	dc1	\N	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	cl1	0e76da81-b092-5c14-a0fe-273774102978	a05c34c9-5293-5ee9-aa7b-6bbac46ea8de	\N	\N	\N	\N	oVirt	-1	30		f		\N		\N
7	\N	postgres	eb6015af-b138-5332-a896-c18751ef509b	many1	\N	\N	\N	\N	2026-11-29 17:47:34.729862+00	USER_ADD_VM_STARTED	37	0	Creation of VM many1 from snapshot snapshot 1 of vm1 was started by postgres.	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	dc1	\N	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	cl1	016b0741-5075-58ef-b2e4-742f84b4c354	9b663d85-c3d8-5615-9ede-18f05fdc1b44	\N	\N	\N	\N	oVirt	-1	30		f		\N		\N
8	\N	postgres	f035267b-8917-5f22-86b8-3c2856064225	many2	\N	\N	\N	\N	2026-11-29 17:47:34.730147+00	USER_ADD_VM_STARTED	37	0	Creation of VM many2 from snapshot snapshot 1 of vm1 was started by postgres.	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	dc1	\N	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	cl1	016b0741-5075-58ef-b2e4-742f84b4c354	5f09e1b3-a1e2-5bb9-8f34-bf7be8d44392	\N	\N	\N	\N	oVirt	-1	30		f		\N		\N
\.
-- Data for Name: base_disks; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.base_disks (disk_id, wipe_after_delete, propagate_errors, disk_alias, disk_description, shareable, sgio, disk_storage_type, cinder_volume_type, disk_content_type, backup, backup_mode) FROM stdin;
b976cdff-791f-956f-afba-e7dc5da2e3f5	f	Off	vm1_Disk1	disk 1	f	\N	0	\N	0	None	\N
2c679a9d-e97f-4944-701b-4048f035b81a	f	Off	vm1_Disk2	disk 2	f	\N	0	\N	0	None	\N
56e33e2d-ade9-1a48-8ff6-c3a4b674bed6	f	Off	golden_Disk1		f	\N	0	\N	0	None	\N
31241ff9-eba0-52e1-934f-3053615d2693	f	Off	vm1_Disk1_done	disk 1	f	\N	0	\N	0	None	\N
e362ff0c-cd53-5871-9bc5-fae31e22bad1	f	Off	vm1_Disk2_done	disk 2	f	\N	0	\N	0	None	\N
e0882983-8161-56e9-b5f3-6d3180041a63	f	Off	vm1_Disk1_held	disk 1	f	\N	0	\N	0	None	\N
7ef52c39-000b-5c80-9d26-f1aefcd0f30f	f	Off	vm1_Disk2_held	disk 2	f	\N	0	\N	0	None	\N
58b11812-7e23-5913-a0f7-9267cd5fe10f	f	Off	vm1_Disk1_paused	disk 1	f	\N	0	\N	0	None	\N
8a23853f-6425-5499-8f99-5598e3fd6f00	f	Off	vm1_Disk2_paused	disk 2	f	\N	0	\N	0	None	\N
9c8aedc9-8805-5aa8-bc30-197b35739f0e	f	Off	vm1_Disk1_many1	disk 1	f	\N	0	\N	0	None	\N
cfad9537-dd83-58ac-b287-13647d697839	f	Off	vm1_Disk1_many2	disk 1	f	\N	0	\N	0	None	\N
09bc8b0b-4b02-5635-9313-4b4cdba6fb80	f	Off	vm1_Disk2_many1	disk 2	f	\N	0	\N	0	None	\N
75936dda-b4ee-548e-ba44-72853dedd7dc	f	Off	vm1_Disk2_many2	disk 2	f	\N	0	\N	0	None	\N
\.
-- Data for Name: snapshots; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.snapshots (snapshot_id, vm_id, snapshot_type, status, description, creation_date, app_list, vm_configuration, _create_date, _update_date, memory_metadata_disk_id, memory_dump_disk_id, vm_configuration_broken, changed_fields) FROM stdin;
07289831-aa9a-e436-da82-b1f7023c8385	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	ACTIVE	OK	Active VM	2024-01-04 00:00:00+00	kernel-5.14	\N	2024-01-04 00:00:00+00	\N	\N	\N	f	\N
6c2f8983-c17a-52ff-b1a5-11d513798ea0	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	ACTIVE	OK	Active VM	2026-11-29 17:47:32.594425+00	kernel-5.14	\N	2026-11-29 17:47:32.594425+00	\N	\N	\N	f	\N
9eca123c-61cd-6363-ce2d-9b60e1f10465	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	REGULAR	LOCKED	snapshot 2	2024-01-03 00:00:00+00	kernel-5.14	<?xml version="1.0" encoding="UTF-8"?>\n<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1/" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ovf:version="4.5.5.0"><References><File ovf:href="b976cdff-791f-956f-afba-e7dc5da2e3f5/cc0f045a-d605-aac7-023f-811e2737b444" ovf:id="cc0f045a-d605-aac7-023f-811e2737b444" ovf:size="1179648" ovf:description="Active VM" ovf:disk_storage_type="IMAGE" ovf:cinder_volume_type=""/><File ovf:href="2c679a9d-e97f-4944-701b-4048f035b81a/cbbdfc8f-5354-03b3-eb7a-32b76b292336" ovf:id="cbbdfc8f-5354-03b3-eb7a-32b76b292336" ovf:size="1179648" ovf:description="Active VM" ovf:disk_storage_type="IMAGE" ovf:cinder_volume_type=""/></References><Section xsi:type="ovf:NetworkSection_Type"><Info>List of networks</Info><Network ovf:name="net1"/></Section><Section xsi:type="ovf:DiskSection_Type"><Info>List of Virtual Disks</Info><Disk ovf:diskId="cc0f045a-d605-aac7-023f-811e2737b444" ovf:size="1" ovf:actual_size="1" ovf:vm_snapshot_id="9eca123c-61cd-6363-ce2d-9b60e1f10465" ovf:parentRef="b976cdff-791f-956f-afba-e7dc5da2e3f5/91e525c7-cd0d-9bd9-f1e1-d1eee66c233f" ovf:fileRef="b976cdff-791f-956f-afba-e7dc5da2e3f5/cc0f045a-d605-aac7-023f-811e2737b444" ovf:format="http://www.gnome.org/~markmc/qcow-image-format.html" ovf:volume-format="COW" ovf:volume-type="Sparse" ovf:disk-interface="VirtIO_SCSI" ovf:read-only="false" ovf:shareable="false" ovf:pass-discard="false" ovf:incremental-backup="false" ovf:boot="true" ovf:disk-alias="vm1_Disk1" ovf:disk-description="disk 1" ovf:wipe-after-delete="false"/><Disk ovf:diskId="cbbdfc8f-5354-03b3-eb7a-32b76b292336" ovf:size="1" ovf:actual_size="1" ovf:vm_snapshot_id="9eca123c-61cd-6363-ce2d-9b60e1f10465" ovf:parentRef="2c679a9d-e97f-4944-701b-4048f035b81a/f337efa1-8af7-389c-0c31-ebd292afa2b6" ovf:fileRef="2c679a9d-e97f-4944-701b-4048f035b81a/cbbdfc8f-5354-03b3-eb7a-32b76b292336" ovf:format="http://www.gnome.org/~markmc/qcow-image-format.html" ovf:volume-format="COW" ovf:volume-type="Sparse" ovf:disk-interface="VirtIO" ovf:read-only="false" ovf:shareable="false" ovf:pass-discard="false" ovf:incremental-backup="false" ovf:boot="false" ovf:disk-alias="vm1_Disk2" ovf:disk-description="disk 2" ovf:wipe-after-delete="false"/></Section><Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type"><Name>vm1</Name><Description>VM vm1</Description><Comment></Comment><CreationDate>2024/01/01 00:00:00</CreationDate><ExportDate>2024/01/03 00:00:00</ExportDate><DeleteProtected>false</DeleteProtected><SsoMethod>guest_agent</SsoMethod><IsSmartcardEnabled>false</IsSmartcardEnabled><NumOfIoThreads>0</NumOfIoThreads><TimeZone>Etc/GMT</TimeZone><default_boot_sequence>0</default_boot_sequence><Generation>1</Generation><ClusterCompatibilityVersion>4.7</ClusterCompatibilityVersion><VmType>1</VmType><MinAllocatedMem>1024</MinAllocatedMem><IsStateless>false</IsStateless><IsRunAndPause>false</IsRunAndPause><AutoStartup>false</AutoStartup><Priority>1</Priority><CreatedByUserId>9979a8d2-a929-e3bb-7932-7dd053ea74ee</CreatedByUserId><MigrationSupport>0</MigrationSupport><IsBootMenuEnabled>false</IsBootMenuEnabled><IsSpiceFileTransferEnabled>true</IsSpiceFileTransferEnabled><IsSpiceCopyPasteEnabled>true</IsSpiceCopyPasteEnabled><AllowConsoleReconnect>false</AllowConsoleReconnect><BiosType>1</BiosType><PredefinedProperties></PredefinedProperties><UserDefinedProperties></UserDefinedProperties><MaxMemorySizeMb>8192</MaxMemorySizeMb><MultiQueuesEnabled>true</MultiQueuesEnabled><UseTscFrequency>false</UseTscFrequency><TemplateId>00000000-0000-0000-0000-000000000000</TemplateId><TemplateName>Blank</TemplateName><IsInitilized>true</IsInitilized><Origin>3</Origin><quota_id>e8a08326-07ca-b888-ce1e-576dd4d0031f</quota_id><DefaultDisplayType>1</DefaultDisplayType><OriginalTemplateId>00000000-0000-0000-0000-000000000000</OriginalTemplateId><OriginalTemplateName>Blank</OriginalTemplateName><BalloonEnabled>true</BalloonEnabled><Section ovf:id="09d8a66e-fbeb-49aa-63e9-a36b73abfb73" ovf:required="false" xsi:type="ovf:OperatingSystemSection_Type"><Info>Guest Operating System</Info><Description>rhel_8x64</Description></Section><Section xsi:type="ovf:VirtualHardwareSection_Type"><Info>2 CPU, 2048 Memory</Info><System><vssd:VirtualSystemType>ENGINE 4.5.5.0</vssd:VirtualSystemType></System><Item><rasd:Caption>2 virtual cpu</rasd:Caption><rasd:Description>Number of virtual CPU</rasd:Description><rasd:InstanceId>1</rasd:InstanceId><rasd:ResourceType>3</rasd:ResourceType><rasd:num_of_sockets>2</rasd:num_of_sockets><rasd:cpu_per_socket>1</rasd:cpu_per_socket><rasd:threads_per_cpu>1</rasd:threads_per_cpu></Item><Item><rasd:Caption>2048 MB of memory</rasd:Caption><rasd:Description>Memory Size</rasd:Description><rasd:InstanceId>2</rasd:InstanceId><rasd:ResourceType>4</rasd:ResourceType><rasd:AllocationUnits>MegaBytes</rasd:AllocationUnits><rasd:VirtualQuantity>2048</rasd:VirtualQuantity></Item><Item><rasd:Caption>vm1_Disk1</rasd:Caption><rasd:InstanceId>cc0f045a-d605-aac7-023f-811e2737b444</rasd:InstanceId><rasd:ResourceType>17</rasd:ResourceType><rasd:HostResource>b976cdff-791f-956f-afba-e7dc5da2e3f5/cc0f045a-d605-aac7-023f-811e2737b444</rasd:HostResource><rasd:Parent>91e525c7-cd0d-9bd9-f1e1-d1eee66c233f</rasd:Parent><rasd:Template>00000000-0000-0000-0000-000000000000</rasd:Template><rasd:ApplicationList>kernel-5.14</rasd:ApplicationList><rasd:StoragePoolId>941a478f-850b-e18a-c7a3-cc9ba4dfa9e9</rasd:StoragePoolId><rasd:CreationDate>2024/01/03 00:00:00</rasd:CreationDate><rasd:LastModified>1970/01/01 00:00:00</rasd:LastModified><rasd:last_modified_date>2024/01/03 00:00:00</rasd:last_modified_date><Type>disk</Type><Device>disk</Device><rasd:Address>{type=drive, controller=0, bus=0, target=0, unit=0}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ua-disk1</Alias></Item><Item><rasd:Caption>vm1_Disk2</rasd:Caption><rasd:InstanceId>cbbdfc8f-5354-03b3-eb7a-32b76b292336</rasd:InstanceId><rasd:ResourceType>17</rasd:ResourceType><rasd:HostResource>2c679a9d-e97f-4944-701b-4048f035b81a/cbbdfc8f-5354-03b3-eb7a-32b76b292336</rasd:HostResource><rasd:Parent>f337efa1-8af7-389c-0c31-ebd292afa2b6</rasd:Parent><rasd:Template>00000000-0000-0000-0000-000000000000</rasd:Template><rasd:ApplicationList>kernel-5.14</rasd:ApplicationList><rasd:StoragePoolId>941a478f-850b-e18a-c7a3-cc9ba4dfa9e9</rasd:StoragePoolId><rasd:CreationDate>2024/01/03 00:00:00</rasd:CreationDate><rasd:LastModified>1970/01/01 00:00:00</rasd:LastModified><rasd:last_modified_date>2024/01/03 00:00:00</rasd:last_modified_date><Type>disk</Type><Device>disk</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ua-disk2</Alias></Item><Item><rasd:Caption>Ethernet adapter on net1</rasd:Caption><rasd:InstanceId>9530897e-9e09-00df-d8b2-e88bf8b74620</rasd:InstanceId><rasd:ResourceType>10</rasd:ResourceType><rasd:OtherResourceType>net1</rasd:OtherResourceType><rasd:ResourceSubType>3</rasd:ResourceSubType><rasd:Connection>net1</rasd:Connection><rasd:Linked>true</rasd:Linked><rasd:Name>nic1</rasd:Name><rasd:MACAddress>56:6f:00:0f:ff:ff</rasd:MACAddress><rasd:speed>10000</rasd:speed><Type>interface</Type><Device>bridge</Device><rasd:Address>{type=pci, slot=0x0a, bus=0x00, domain=0x0000, function=0x0}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ua-nic1</Alias></Item><Item><rasd:Caption>USB Controller</rasd:Caption><rasd:InstanceId>3</rasd:InstanceId><rasd:ResourceType>23</rasd:ResourceType><rasd:UsbPolicy>DISABLED</rasd:UsbPolicy></Item><Item><rasd:Caption>memballoon</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>391537ec-077e-8c68-ca77-a2fcb4e00f42</rasd:InstanceId><Type>balloon</Type><Device>memballoon</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><model>virtio</model></SpecParams></Item><Item><rasd:Caption>unix</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>d26055ae-339b-3ce2-b29c-3def5c2930f5</rasd:InstanceId><Type>channel</Type><Device>unix</Device><rasd:Address>{type=virtio-serial, bus=0, controller=0, port=1}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>channel0</Alias></Item><Item><rasd:Caption>console</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>f3e5f5b4-1020-a3d1-6f35-2a64e6b1131b</rasd:InstanceId><Type>console</Type><Device>console</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><consoleType>virtio</consoleType></SpecParams></Item><Item><rasd:Caption>ide</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>7a22562b-70bb-5ca2-45de-53166d81f003</rasd:InstanceId><Type>controller</Type><Device>ide</Device><rasd:Address>{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x1}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ide</Alias></Item><Item><rasd:Caption>usb</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>5178221b-a149-f877-bae8-a2e3f9ea7344</rasd:InstanceId><Type>controller</Type><Device>usb</Device><rasd:Address>{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x2}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>usb</Alias><SpecParams><index>0</index><model>piix3-uhci</model></SpecParams></Item><Item><rasd:Caption>virtio-scsi</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>2eb27b11-37de-8d3d-a35e-7c00b3930274</rasd:InstanceId><Type>controller</Type><Device>virtio-scsi</Device><rasd:Address>{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ua-scsi0</Alias><SpecParams><ioThreadId>1</ioThreadId></SpecParams></Item><Item><rasd:Caption>virtio-serial</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>1970509d-2bff-a50d-cc3e-dab07a807fff</rasd:InstanceId><Type>controller</Type><Device>virtio-serial</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias></Item><Item><rasd:Caption>cdrom</rasd:Caption><rasd:ResourceType>15</rasd:ResourceType><rasd:InstanceId>3be095bc-d669-7ee6-283c-5ebf4aaa7aa9</rasd:InstanceId><Type>disk</Type><Device>cdrom</Device><rasd:Address>{type=drive, bus=0, controller=0, target=0, unit=2}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>true</IsReadOnly><Alias>ua-cdrom</Alias><SpecParams><path></path></SpecParams></Item><Item><rasd:Caption>spice</rasd:Caption><rasd:ResourceType>26</rasd:ResourceType><rasd:InstanceId>29afb61e-10d8-9b19-9f05-14e8c33f1b0e</rasd:InstanceId><Type>graphics</Type><Device>spice</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias></Item><Item><rasd:Caption>virtio</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>ba0ba7af-e33a-9b8d-2ba4-c2a752fc1c3c</rasd:InstanceId><Type>rng</Type><Device>virtio</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><bytes>1024</bytes><period>1000</period><source>urandom</source></SpecParams></Item><Item><rasd:Caption>ich9</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>50447ba0-3f0f-6576-bc3f-49ad98636eec</rasd:InstanceId><Type>sound</Type><Device>ich9</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias></Item><Item><rasd:Caption>qxl</rasd:Caption><rasd:ResourceType>20</rasd:ResourceType><rasd:InstanceId>c4627a66-78ae-3f06-caac-4137a1c0961b</rasd:InstanceId><rasd:VirtualQuantity>1</rasd:VirtualQuantity><Type>video</Type><Device>qxl</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><heads>1</heads><vram>8192</vram></SpecParams></Item><Item><rasd:Caption>watchdog</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>e04a1ea8-2340-8f0e-3c79-af9d53c30983</rasd:InstanceId><Type>watchdog</Type><Device>watchdog</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><action>reset</action><model>i6300esb</model></SpecParams></Item></Section></Content></ovf:Envelope>	2024-01-03 00:00:00+00	\N	\N	\N	f	\N
b118f063-0625-59aa-bd5b-ba3f99ffab4c	065fc2fe-5db8-51ea-a628-6166add05b24	ACTIVE	OK	Active VM	2026-11-29 17:47:33.959406+00	kernel-5.14	\N	2026-11-29 17:47:33.959406+00	\N	\N	\N	f	\N
97773aec-fc53-5c30-ad03-4f355278f521	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	ACTIVE	OK	Active VM	2026-11-29 17:47:34.390718+00	kernel-5.14	\N	2026-11-29 17:47:34.390718+00	\N	\N	\N	f	\N
9af917e5-1ad7-c52e-ffba-12475b5f585c	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	REGULAR	LOCKED	snapshot 1	2024-01-02 00:00:00+00	kernel-5.14	<?xml version="1.0" encoding="UTF-8"?>\n<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1/" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ovf:version="4.5.5.0"><References><File ovf:href="b976cdff-791f-956f-afba-e7dc5da2e3f5/91e525c7-cd0d-9bd9-f1e1-d1eee66c233f" ovf:id="91e525c7-cd0d-9bd9-f1e1-d1eee66c233f" ovf:size="67108864" ovf:description="Active VM" ovf:disk_storage_type="IMAGE" ovf:cinder_volume_type=""/><File ovf:href="2c679a9d-e97f-4944-701b-4048f035b81a/f337efa1-8af7-389c-0c31-ebd292afa2b6" ovf:id="f337efa1-8af7-389c-0c31-ebd292afa2b6" ovf:size="1179648" ovf:description="Active VM" ovf:disk_storage_type="IMAGE" ovf:cinder_volume_type=""/></References><Section xsi:type="ovf:NetworkSection_Type"><Info>List of networks</Info><Network ovf:name="net1"/></Section><Section xsi:type="ovf:DiskSection_Type"><Info>List of Virtual Disks</Info><Disk ovf:diskId="91e525c7-cd0d-9bd9-f1e1-d1eee66c233f" ovf:size="1" ovf:actual_size="1" ovf:vm_snapshot_id="9af917e5-1ad7-c52e-ffba-12475b5f585c" ovf:parentRef="" ovf:fileRef="b976cdff-791f-956f-afba-e7dc5da2e3f5/91e525c7-cd0d-9bd9-f1e1-d1eee66c233f" ovf:format="http://www.vmware.com/specifications/vmdk.html#sparse" ovf:volume-format="RAW" ovf:volume-type="Sparse" ovf:disk-interface="VirtIO_SCSI" ovf:read-only="false" ovf:shareable="false" ovf:pass-discard="false" ovf:incremental-backup="false" ovf:boot="true" ovf:disk-alias="vm1_Disk1" ovf:disk-description="disk 1" ovf:wipe-after-delete="false"/><Disk ovf:diskId="f337efa1-8af7-389c-0c31-ebd292afa2b6" ovf:size="1" ovf:actual_size="1" ovf:vm_snapshot_id="9af917e5-1ad7-c52e-ffba-12475b5f585c" ovf:parentRef="" ovf:fileRef="2c679a9d-e97f-4944-701b-4048f035b81a/f337efa1-8af7-389c-0c31-ebd292afa2b6" ovf:format="http://www.gnome.org/~markmc/qcow-image-format.html" ovf:volume-format="COW" ovf:volume-type="Sparse" ovf:disk-interface="VirtIO" ovf:read-only="false" ovf:shareable="false" ovf:pass-discard="false" ovf:incremental-backup="false" ovf:boot="false" ovf:disk-alias="vm1_Disk2" ovf:disk-description="disk 2" ovf:wipe-after-delete="false"/></Section><Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type"><Name>vm1</Name><Description>VM vm1</Description><Comment></Comment><CreationDate>2024/01/01 00:00:00</CreationDate><ExportDate>2024/01/02 00:00:00</ExportDate><DeleteProtected>false</DeleteProtected><SsoMethod>guest_agent</SsoMethod><IsSmartcardEnabled>false</IsSmartcardEnabled><NumOfIoThreads>0</NumOfIoThreads><TimeZone>Etc/GMT</TimeZone><default_boot_sequence>0</default_boot_sequence><Generation>1</Generation><ClusterCompatibilityVersion>4.7</ClusterCompatibilityVersion><VmType>1</VmType><MinAllocatedMem>1024</MinAllocatedMem><IsStateless>false</IsStateless><IsRunAndPause>false</IsRunAndPause><AutoStartup>false</AutoStartup><Priority>1</Priority><CreatedByUserId>9979a8d2-a929-e3bb-7932-7dd053ea74ee</CreatedByUserId><MigrationSupport>0</MigrationSupport><IsBootMenuEnabled>false</IsBootMenuEnabled><IsSpiceFileTransferEnabled>true</IsSpiceFileTransferEnabled><IsSpiceCopyPasteEnabled>true</IsSpiceCopyPasteEnabled><AllowConsoleReconnect>false</AllowConsoleReconnect><BiosType>1</BiosType><PredefinedProperties></PredefinedProperties><UserDefinedProperties></UserDefinedProperties><MaxMemorySizeMb>8192</MaxMemorySizeMb><MultiQueuesEnabled>true</MultiQueuesEnabled><UseTscFrequency>false</UseTscFrequency><TemplateId>00000000-0000-0000-0000-000000000000</TemplateId><TemplateName>Blank</TemplateName><IsInitilized>true</IsInitilized><Origin>3</Origin><quota_id>e8a08326-07ca-b888-ce1e-576dd4d0031f</quota_id><DefaultDisplayType>1</DefaultDisplayType><OriginalTemplateId>00000000-0000-0000-0000-000000000000</OriginalTemplateId><OriginalTemplateName>Blank</OriginalTemplateName><BalloonEnabled>true</BalloonEnabled><Section ovf:id="09d8a66e-fbeb-49aa-63e9-a36b73abfb73" ovf:required="false" xsi:type="ovf:OperatingSystemSection_Type"><Info>Guest Operating System</Info><Description>rhel_8x64</Description></Section><Section xsi:type="ovf:VirtualHardwareSection_Type"><Info>2 CPU, 2048 Memory</Info><System><vssd:VirtualSystemType>ENGINE 4.5.5.0</vssd:VirtualSystemType></System><Item><rasd:Caption>2 virtual cpu</rasd:Caption><rasd:Description>Number of virtual CPU</rasd:Description><rasd:InstanceId>1</rasd:InstanceId><rasd:ResourceType>3</rasd:ResourceType><rasd:num_of_sockets>2</rasd:num_of_sockets><rasd:cpu_per_socket>1</rasd:cpu_per_socket><rasd:threads_per_cpu>1</rasd:threads_per_cpu></Item><Item><rasd:Caption>2048 MB of memory</rasd:Caption><rasd:Description>Memory Size</rasd:Description><rasd:InstanceId>2</rasd:InstanceId><rasd:ResourceType>4</rasd:ResourceType><rasd:AllocationUnits>MegaBytes</rasd:AllocationUnits><rasd:VirtualQuantity>2048</rasd:VirtualQuantity></Item><Item><rasd:Caption>vm1_Disk1</rasd:Caption><rasd:InstanceId>91e525c7-cd0d-9bd9-f1e1-d1eee66c233f</rasd:InstanceId><rasd:ResourceType>17</rasd:ResourceType><rasd:HostResource>b976cdff-791f-956f-afba-e7dc5da2e3f5/91e525c7-cd0d-9bd9-f1e1-d1eee66c233f</rasd:HostResource><rasd:Parent>00000000-0000-0000-0000-000000000000</rasd:Parent><rasd:Template>00000000-0000-0000-0000-000000000000</rasd:Template><rasd:ApplicationList>kernel-5.14</rasd:ApplicationList><rasd:StoragePoolId>941a478f-850b-e18a-c7a3-cc9ba4dfa9e9</rasd:StoragePoolId><rasd:CreationDate>2024/01/02 00:00:00</rasd:CreationDate><rasd:LastModified>1970/01/01 00:00:00</rasd:LastModified><rasd:last_modified_date>2024/01/02 00:00:00</rasd:last_modified_date><Type>disk</Type><Device>disk</Device><rasd:Address>{type=drive, controller=0, bus=0, target=0, unit=0}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ua-disk1</Alias></Item><Item><rasd:Caption>vm1_Disk2</rasd:Caption><rasd:InstanceId>f337efa1-8af7-389c-0c31-ebd292afa2b6</rasd:InstanceId><rasd:ResourceType>17</rasd:ResourceType><rasd:HostResource>2c679a9d-e97f-4944-701b-4048f035b81a/f337efa1-8af7-389c-0c31-ebd292afa2b6</rasd:HostResource><rasd:Parent>00000000-0000-0000-0000-000000000000</rasd:Parent><rasd:Template>00000000-0000-0000-0000-000000000000</rasd:Template><rasd:ApplicationList>kernel-5.14</rasd:ApplicationList><rasd:StoragePoolId>941a478f-850b-e18a-c7a3-cc9ba4dfa9e9</rasd:StoragePoolId><rasd:CreationDate>2024/01/02 00:00:00</rasd:CreationDate><rasd:LastModified>1970/01/01 00:00:00</rasd:LastModified><rasd:last_modified_date>2024/01/02 00:00:00</rasd:last_modified_date><Type>disk</Type><Device>disk</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ua-disk2</Alias></Item><Item><rasd:Caption>Ethernet adapter on net1</rasd:Caption><rasd:InstanceId>9530897e-9e09-00df-d8b2-e88bf8b74620</rasd:InstanceId><rasd:ResourceType>10</rasd:ResourceType><rasd:OtherResourceType>net1</rasd:OtherResourceType><rasd:ResourceSubType>3</rasd:ResourceSubType><rasd:Connection>net1</rasd:Connection><rasd:Linked>true</rasd:Linked><rasd:Name>nic1</rasd:Name><rasd:MACAddress>56:6f:00:0f:ff:ff</rasd:MACAddress><rasd:speed>10000</rasd:speed><Type>interface</Type><Device>bridge</Device><rasd:Address>{type=pci, slot=0x0a, bus=0x00, domain=0x0000, function=0x0}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ua-nic1</Alias></Item><Item><rasd:Caption>USB Controller</rasd:Caption><rasd:InstanceId>3</rasd:InstanceId><rasd:ResourceType>23</rasd:ResourceType><rasd:UsbPolicy>DISABLED</rasd:UsbPolicy></Item><Item><rasd:Caption>memballoon</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>391537ec-077e-8c68-ca77-a2fcb4e00f42</rasd:InstanceId><Type>balloon</Type><Device>memballoon</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><model>virtio</model></SpecParams></Item><Item><rasd:Caption>unix</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>d26055ae-339b-3ce2-b29c-3def5c2930f5</rasd:InstanceId><Type>channel</Type><Device>unix</Device><rasd:Address>{type=virtio-serial, bus=0, controller=0, port=1}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>channel0</Alias></Item><Item><rasd:Caption>console</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>f3e5f5b4-1020-a3d1-6f35-2a64e6b1131b</rasd:InstanceId><Type>console</Type><Device>console</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><consoleType>virtio</consoleType></SpecParams></Item><Item><rasd:Caption>ide</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>7a22562b-70bb-5ca2-45de-53166d81f003</rasd:InstanceId><Type>controller</Type><Device>ide</Device><rasd:Address>{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x1}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ide</Alias></Item><Item><rasd:Caption>usb</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>5178221b-a149-f877-bae8-a2e3f9ea7344</rasd:InstanceId><Type>controller</Type><Device>usb</Device><rasd:Address>{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x2}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>usb</Alias><SpecParams><index>0</index><model>piix3-uhci</model></SpecParams></Item><Item><rasd:Caption>virtio-scsi</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>2eb27b11-37de-8d3d-a35e-7c00b3930274</rasd:InstanceId><Type>controller</Type><Device>virtio-scsi</Device><rasd:Address>{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias>ua-scsi0</Alias><SpecParams><ioThreadId>1</ioThreadId></SpecParams></Item><Item><rasd:Caption>virtio-serial</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>1970509d-2bff-a50d-cc3e-dab07a807fff</rasd:InstanceId><Type>controller</Type><Device>virtio-serial</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias></Item><Item><rasd:Caption>cdrom</rasd:Caption><rasd:ResourceType>15</rasd:ResourceType><rasd:InstanceId>3be095bc-d669-7ee6-283c-5ebf4aaa7aa9</rasd:InstanceId><Type>disk</Type><Device>cdrom</Device><rasd:Address>{type=drive, bus=0, controller=0, target=0, unit=2}</rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>true</IsReadOnly><Alias>ua-cdrom</Alias><SpecParams><path></path></SpecParams></Item><Item><rasd:Caption>spice</rasd:Caption><rasd:ResourceType>26</rasd:ResourceType><rasd:InstanceId>29afb61e-10d8-9b19-9f05-14e8c33f1b0e</rasd:InstanceId><Type>graphics</Type><Device>spice</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias></Item><Item><rasd:Caption>virtio</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>ba0ba7af-e33a-9b8d-2ba4-c2a752fc1c3c</rasd:InstanceId><Type>rng</Type><Device>virtio</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><bytes>1024</bytes><period>1000</period><source>urandom</source></SpecParams></Item><Item><rasd:Caption>ich9</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>50447ba0-3f0f-6576-bc3f-49ad98636eec</rasd:InstanceId><Type>sound</Type><Device>ich9</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias></Item><Item><rasd:Caption>qxl</rasd:Caption><rasd:ResourceType>20</rasd:ResourceType><rasd:InstanceId>c4627a66-78ae-3f06-caac-4137a1c0961b</rasd:InstanceId><rasd:VirtualQuantity>1</rasd:VirtualQuantity><Type>video</Type><Device>qxl</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><heads>1</heads><vram>8192</vram></SpecParams></Item><Item><rasd:Caption>watchdog</rasd:Caption><rasd:ResourceType>0</rasd:ResourceType><rasd:InstanceId>e04a1ea8-2340-8f0e-3c79-af9d53c30983</rasd:InstanceId><Type>watchdog</Type><Device>watchdog</Device><rasd:Address></rasd:Address><BootOrder>0</BootOrder><IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly><Alias></Alias><SpecParams><action>reset</action><model>i6300esb</model></SpecParams></Item></Section></Content></ovf:Envelope>	2024-01-02 00:00:00+00	\N	\N	\N	f	\N
a50d0177-0900-5d4f-9fcf-0af521c15893	eb6015af-b138-5332-a896-c18751ef509b	ACTIVE	OK	Active VM	2026-11-29 17:47:34.593747+00	kernel-5.14	\N	2026-11-29 17:47:34.593747+00	\N	\N	\N	f	\N
535901f8-5d62-5056-a465-4b3d167358a3	f035267b-8917-5f22-86b8-3c2856064225	ACTIVE	OK	Active VM	2026-11-29 17:47:34.593747+00	kernel-5.14	\N	2026-11-29 17:47:34.593747+00	\N	\N	\N	f	\N
\.
-- Data for Name: images; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.images (image_guid, creation_date, size, it_guid, parentid, imagestatus, lastmodified, vm_snapshot_id, volume_type, volume_format, image_group_id, _create_date, _update_date, active, volume_classification, qcow_compat, sequence_number) FROM stdin;
98fda198-61a6-0c05-cc10-643a14ef25e8	2024-01-04 00:00:00+00	67108864	00000000-0000-0000-0000-000000000000	cc0f045a-d605-aac7-023f-811e2737b444	1	2024-01-04 00:00:00+00	07289831-aa9a-e436-da82-b1f7023c8385	2	4	b976cdff-791f-956f-afba-e7dc5da2e3f5	2024-01-04 00:00:00+00	\N	t	0	2	\N
2df38f97-8e98-c9f7-12f1-945a0cb776c1	2024-01-04 00:00:00+00	67108864	00000000-0000-0000-0000-000000000000	cbbdfc8f-5354-03b3-eb7a-32b76b292336	1	2024-01-04 00:00:00+00	07289831-aa9a-e436-da82-b1f7023c8385	2	4	2c679a9d-e97f-4944-701b-4048f035b81a	2024-01-04 00:00:00+00	\N	t	0	2	\N
57daa160-4005-698e-e2fe-c77d1460279b	2024-01-01 00:00:00+00	1073741824	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	1	2024-01-01 00:00:00+00	\N	2	5	56e33e2d-ade9-1a48-8ff6-c3a4b674bed6	2024-01-01 00:00:00+00	\N	t	0	0	\N
91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	2024-01-02 00:00:00+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2024-01-02 00:00:00+00	9af917e5-1ad7-c52e-ffba-12475b5f585c	2	5	b976cdff-791f-956f-afba-e7dc5da2e3f5	2024-01-02 00:00:00+00	\N	f	1	0	\N
cbbdfc8f-5354-03b3-eb7a-32b76b292336	2024-01-03 00:00:00+00	67108864	00000000-0000-0000-0000-000000000000	f337efa1-8af7-389c-0c31-ebd292afa2b6	2	2024-01-03 00:00:00+00	9eca123c-61cd-6363-ce2d-9b60e1f10465	2	4	2c679a9d-e97f-4944-701b-4048f035b81a	2024-01-03 00:00:00+00	\N	f	1	2	\N
3e8e3129-7eb6-5d12-acf5-c0e568b76bf4	2026-11-29 17:47:32.594425+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	1	2026-11-29 17:47:32.972462+00	6c2f8983-c17a-52ff-b1a5-11d513798ea0	2	5	31241ff9-eba0-52e1-934f-3053615d2693	2026-11-29 17:47:32.594425+00	\N	t	0	0	1
d3e30880-b54c-5d36-a414-487d627225c3	2026-11-29 17:47:32.594425+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	1	2026-11-29 17:47:32.972462+00	6c2f8983-c17a-52ff-b1a5-11d513798ea0	2	4	e362ff0c-cd53-5871-9bc5-fae31e22bad1	2026-11-29 17:47:32.594425+00	\N	t	0	2	1
cc0f045a-d605-aac7-023f-811e2737b444	2024-01-03 00:00:00+00	67108864	00000000-0000-0000-0000-000000000000	91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	2	2024-01-03 00:00:00+00	9eca123c-61cd-6363-ce2d-9b60e1f10465	2	4	b976cdff-791f-956f-afba-e7dc5da2e3f5	2024-01-03 00:00:00+00	\N	f	1	2	\N
f337efa1-8af7-389c-0c31-ebd292afa2b6	2024-01-02 00:00:00+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2024-01-02 00:00:00+00	9af917e5-1ad7-c52e-ffba-12475b5f585c	2	4	2c679a9d-e97f-4944-701b-4048f035b81a	2024-01-02 00:00:00+00	\N	f	1	0	\N
847c2a19-0344-555d-a4b3-628551ca5c74	2026-11-29 17:47:33.959406+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2026-11-29 17:47:33.959406+00	b118f063-0625-59aa-bd5b-ba3f99ffab4c	2	5	e0882983-8161-56e9-b5f3-6d3180041a63	2026-11-29 17:47:33.959406+00	\N	t	0	0	1
a458646b-9a06-5f02-ad66-a3fb1756fb5e	2026-11-29 17:47:33.959406+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2026-11-29 17:47:33.959406+00	b118f063-0625-59aa-bd5b-ba3f99ffab4c	2	4	7ef52c39-000b-5c80-9d26-f1aefcd0f30f	2026-11-29 17:47:33.959406+00	\N	t	0	2	1
aff595f7-0c12-5c56-a38e-54905af85889	2026-11-29 17:47:34.390718+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2026-11-29 17:47:34.390718+00	97773aec-fc53-5c30-ad03-4f355278f521	2	5	58b11812-7e23-5913-a0f7-9267cd5fe10f	2026-11-29 17:47:34.390718+00	\N	t	0	0	1
c4a9c05a-caa5-5b26-945e-24817064866b	2026-11-29 17:47:34.390718+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2026-11-29 17:47:34.390718+00	97773aec-fc53-5c30-ad03-4f355278f521	2	4	8a23853f-6425-5499-8f99-5598e3fd6f00	2026-11-29 17:47:34.390718+00	\N	t	0	2	1
d7862cd9-c01d-5de8-9632-acaf5210c7d3	2026-11-29 17:47:34.593747+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2026-11-29 17:47:34.593747+00	a50d0177-0900-5d4f-9fcf-0af521c15893	2	5	9c8aedc9-8805-5aa8-bc30-197b35739f0e	2026-11-29 17:47:34.593747+00	\N	t	0	0	1
4dca621a-b56b-54d1-a7a5-c59a841b4de0	2026-11-29 17:47:34.593747+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2026-11-29 17:47:34.593747+00	535901f8-5d62-5056-a465-4b3d167358a3	2	5	cfad9537-dd83-58ac-b287-13647d697839	2026-11-29 17:47:34.593747+00	\N	t	0	0	1
56220d8f-38d7-56c8-b0ce-51a2a792b28c	2026-11-29 17:47:34.593747+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2026-11-29 17:47:34.593747+00	a50d0177-0900-5d4f-9fcf-0af521c15893	2	4	09bc8b0b-4b02-5635-9313-4b4cdba6fb80	2026-11-29 17:47:34.593747+00	\N	t	0	2	1
481a4c84-fa1a-562f-8fc4-669d872b2edd	2026-11-29 17:47:34.593747+00	67108864	00000000-0000-0000-0000-000000000000	00000000-0000-0000-0000-000000000000	2	2026-11-29 17:47:34.593747+00	535901f8-5d62-5056-a465-4b3d167358a3	2	4	75936dda-b4ee-548e-ba44-72853dedd7dc	2026-11-29 17:47:34.593747+00	\N	t	0	2	1
\.
-- Data for Name: disk_image_dynamic; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.disk_image_dynamic (image_id, read_rate, write_rate, actual_size, read_latency_seconds, write_latency_seconds, flush_latency_seconds, read_ops, write_ops, _update_date) FROM stdin;
91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	0	0	67108864	\N	\N	\N	\N	\N	\N
cc0f045a-d605-aac7-023f-811e2737b444	0	0	1179648	\N	\N	\N	\N	\N	\N
98fda198-61a6-0c05-cc10-643a14ef25e8	0	0	1245184	\N	\N	\N	\N	\N	\N
f337efa1-8af7-389c-0c31-ebd292afa2b6	0	0	1179648	\N	\N	\N	\N	\N	\N
cbbdfc8f-5354-03b3-eb7a-32b76b292336	0	0	1179648	\N	\N	\N	\N	\N	\N
2df38f97-8e98-c9f7-12f1-945a0cb776c1	0	0	1245184	\N	\N	\N	\N	\N	\N
57daa160-4005-698e-e2fe-c77d1460279b	0	0	268435456	\N	\N	\N	\N	\N	\N
3e8e3129-7eb6-5d12-acf5-c0e568b76bf4	\N	\N	1146880	\N	\N	\N	\N	\N	\N
d3e30880-b54c-5d36-a414-487d627225c3	\N	\N	1171456	\N	\N	\N	\N	\N	\N
847c2a19-0344-555d-a4b3-628551ca5c74	\N	\N	0	\N	\N	\N	\N	\N	\N
a458646b-9a06-5f02-ad66-a3fb1756fb5e	\N	\N	0	\N	\N	\N	\N	\N	\N
aff595f7-0c12-5c56-a38e-54905af85889	\N	\N	0	\N	\N	\N	\N	\N	\N
c4a9c05a-caa5-5b26-945e-24817064866b	\N	\N	0	\N	\N	\N	\N	\N	\N
d7862cd9-c01d-5de8-9632-acaf5210c7d3	\N	\N	0	\N	\N	\N	\N	\N	\N
4dca621a-b56b-54d1-a7a5-c59a841b4de0	\N	\N	0	\N	\N	\N	\N	\N	\N
56220d8f-38d7-56c8-b0ce-51a2a792b28c	\N	\N	0	\N	\N	\N	\N	\N	\N
481a4c84-fa1a-562f-8fc4-669d872b2edd	\N	\N	0	\N	\N	\N	\N	\N	\N
\.
-- Data for Name: disk_lun_map; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.disk_lun_map (disk_id, lun_id) FROM stdin;
\.
-- Data for Name: disk_profiles; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.disk_profiles (id, name, storage_domain_id, qos_id, description, _create_date, _update_date) FROM stdin;
ca87921d-4df4-07da-6a92-01d646c571be	nfs1	8646e3ac-556a-fa29-45a4-a96537941a9a	\N	\N	2026-11-29 17:47:29.896475+00	\N
528b5bba-1b2f-aea4-21d1-5139c06791cf	nfs2	89f66094-adba-d820-b86e-0f647a5986df	\N	\N	2026-11-29 17:47:29.896475+00	\N
d961d795-7123-0e27-12f0-be9b9ff5cdf7	iscsi1	49f6e7b5-31f6-b66d-f146-11dc2428e9cc	\N	\N	2026-11-29 17:47:29.896475+00	\N
99ca8e89-9a08-8398-2153-3d632258bb15	nfs_dc2	5524f6b9-fa22-2c94-c18e-42ff42784d33	\N	\N	2026-11-29 17:47:29.896475+00	\N
\.
-- Data for Name: disk_vm_element; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.disk_vm_element (disk_id, vm_id, is_boot, disk_interface, pass_discard, is_using_scsi_reservation) FROM stdin;
b976cdff-791f-956f-afba-e7dc5da2e3f5	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	t	VirtIO_SCSI	f	f
2c679a9d-e97f-4944-701b-4048f035b81a	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	f	VirtIO	f	f
56e33e2d-ade9-1a48-8ff6-c3a4b674bed6	821ce38d-8e1f-248c-01e8-3ee579cd2790	t	VirtIO_SCSI	f	f
31241ff9-eba0-52e1-934f-3053615d2693	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	t	VirtIO_SCSI	f	f
e362ff0c-cd53-5871-9bc5-fae31e22bad1	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	f	VirtIO	f	f
e0882983-8161-56e9-b5f3-6d3180041a63	065fc2fe-5db8-51ea-a628-6166add05b24	t	VirtIO_SCSI	f	f
7ef52c39-000b-5c80-9d26-f1aefcd0f30f	065fc2fe-5db8-51ea-a628-6166add05b24	f	VirtIO	f	f
58b11812-7e23-5913-a0f7-9267cd5fe10f	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	t	VirtIO_SCSI	f	f
8a23853f-6425-5499-8f99-5598e3fd6f00	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	f	VirtIO	f	f
9c8aedc9-8805-5aa8-bc30-197b35739f0e	eb6015af-b138-5332-a896-c18751ef509b	t	VirtIO_SCSI	f	f
cfad9537-dd83-58ac-b287-13647d697839	f035267b-8917-5f22-86b8-3c2856064225	t	VirtIO_SCSI	f	f
09bc8b0b-4b02-5635-9313-4b4cdba6fb80	eb6015af-b138-5332-a896-c18751ef509b	f	VirtIO	f	f
75936dda-b4ee-548e-ba44-72853dedd7dc	f035267b-8917-5f22-86b8-3c2856064225	f	VirtIO	f	f
\.
-- Data for Name: identity; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.identity (only_row, system_identifier, timeline, database_oid, token, written_at_lsn, adopted_at) FROM stdin;
t	7713651506563458287	1	5	2069360b-fbeb-520c-846f-31e9c8a27574	0/19EDBB0	2026-11-29 17:47:30.24655+00
\.
-- Data for Name: image_locks; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.image_locks (kind, entity_id, holder, mode, keeps_status, locked_at) FROM stdin;
snapshot	9eca123c-61cd-6363-ce2d-9b60e1f10465	9393c115-edbb-56e5-ab30-2e0fd380f16b	shared	f	2026-11-29 17:47:34.027716+00
image	91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	9393c115-edbb-56e5-ab30-2e0fd380f16b	shared	f	2026-11-29 17:47:34.027775+00
image	cc0f045a-d605-aac7-023f-811e2737b444	9393c115-edbb-56e5-ab30-2e0fd380f16b	shared	f	2026-11-29 17:47:34.027779+00
image	f337efa1-8af7-389c-0c31-ebd292afa2b6	9393c115-edbb-56e5-ab30-2e0fd380f16b	shared	f	2026-11-29 17:47:34.027782+00
image	cbbdfc8f-5354-03b3-eb7a-32b76b292336	9393c115-edbb-56e5-ab30-2e0fd380f16b	shared	f	2026-11-29 17:47:34.027785+00
snapshot	9eca123c-61cd-6363-ce2d-9b60e1f10465	0e76da81-b092-5c14-a0fe-273774102978	shared	f	2026-11-29 17:47:34.450341+00
image	91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	0e76da81-b092-5c14-a0fe-273774102978	shared	f	2026-11-29 17:47:34.450379+00
image	cc0f045a-d605-aac7-023f-811e2737b444	0e76da81-b092-5c14-a0fe-273774102978	shared	f	2026-11-29 17:47:34.450383+00
image	f337efa1-8af7-389c-0c31-ebd292afa2b6	0e76da81-b092-5c14-a0fe-273774102978	shared	f	2026-11-29 17:47:34.450385+00
image	cbbdfc8f-5354-03b3-eb7a-32b76b292336	0e76da81-b092-5c14-a0fe-273774102978	shared	f	2026-11-29 17:47:34.450387+00
snapshot	9af917e5-1ad7-c52e-ffba-12475b5f585c	016b0741-5075-58ef-b2e4-742f84b4c354	shared	f	2026-11-29 17:47:34.671381+00
image	91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	016b0741-5075-58ef-b2e4-742f84b4c354	shared	f	2026-11-29 17:47:34.671449+00
image	f337efa1-8af7-389c-0c31-ebd292afa2b6	016b0741-5075-58ef-b2e4-742f84b4c354	shared	f	2026-11-29 17:47:34.671455+00
\.
-- Data for Name: image_storage_domain_map; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.image_storage_domain_map (image_id, storage_domain_id, quota_id, disk_profile_id) FROM stdin;
91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	8646e3ac-556a-fa29-45a4-a96537941a9a	e8a08326-07ca-b888-ce1e-576dd4d0031f	ca87921d-4df4-07da-6a92-01d646c571be
cc0f045a-d605-aac7-023f-811e2737b444	8646e3ac-556a-fa29-45a4-a96537941a9a	e8a08326-07ca-b888-ce1e-576dd4d0031f	ca87921d-4df4-07da-6a92-01d646c571be
98fda198-61a6-0c05-cc10-643a14ef25e8	8646e3ac-556a-fa29-45a4-a96537941a9a	e8a08326-07ca-b888-ce1e-576dd4d0031f	ca87921d-4df4-07da-6a92-01d646c571be
f337efa1-8af7-389c-0c31-ebd292afa2b6	8646e3ac-556a-fa29-45a4-a96537941a9a	e8a08326-07ca-b888-ce1e-576dd4d0031f	ca87921d-4df4-07da-6a92-01d646c571be
cbbdfc8f-5354-03b3-eb7a-32b76b292336	8646e3ac-556a-fa29-45a4-a96537941a9a	e8a08326-07ca-b888-ce1e-576dd4d0031f	ca87921d-4df4-07da-6a92-01d646c571be
2df38f97-8e98-c9f7-12f1-945a0cb776c1	8646e3ac-556a-fa29-45a4-a96537941a9a	e8a08326-07ca-b888-ce1e-576dd4d0031f	ca87921d-4df4-07da-6a92-01d646c571be
57daa160-4005-698e-e2fe-c77d1460279b	8646e3ac-556a-fa29-45a4-a96537941a9a	\N	ca87921d-4df4-07da-6a92-01d646c571be
3e8e3129-7eb6-5d12-acf5-c0e568b76bf4	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
d3e30880-b54c-5d36-a414-487d627225c3	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
847c2a19-0344-555d-a4b3-628551ca5c74	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
a458646b-9a06-5f02-ad66-a3fb1756fb5e	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
aff595f7-0c12-5c56-a38e-54905af85889	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
c4a9c05a-caa5-5b26-945e-24817064866b	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
d7862cd9-c01d-5de8-9632-acaf5210c7d3	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
4dca621a-b56b-54d1-a7a5-c59a841b4de0	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
56220d8f-38d7-56c8-b0ce-51a2a792b28c	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
481a4c84-fa1a-562f-8fc4-669d872b2edd	8646e3ac-556a-fa29-45a4-a96537941a9a	9e45312a-afd6-f45b-85b2-973f519140bb	ca87921d-4df4-07da-6a92-01d646c571be
\.
-- Data for Name: inventory_choice; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.inventory_choice (only_row, schema_name) FROM stdin;
\.
-- Data for Name: labels; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.labels (label_id, label_name, read_only, has_implicit_affinity_group) FROM stdin;
7e7ae6f8-a834-4897-5a39-f276f404c414	lb1	f	f
\.
-- Data for Name: labels_map; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.labels_map (label_id, vm_id, vds_id) FROM stdin;
\.
-- Data for Name: lineage; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.lineage (vm_id, vm_name, entity_type, source_vm_id, source_vm_name, source_snapshot_id, source_snapshot_description, job_id, copy_number, created_by, user_id, created_at, parameters, devices, row_ids) FROM stdin;
726a6489-c56b-56c9-ad40-e8be6ab7a4e3	done	VM	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	vm1	9eca123c-61cd-6363-ce2d-9b60e1f10465	snapshot 2	80304ba3-883d-550c-80f6-dafe61b59e28	1	postgres	\N	2026-11-29 17:47:32.707497+00	{"disks": [], "copies": 1, "verify": false, "vm_name": "done", "priority": 0, "vm_static": {}, "interfaces": [], "on_failure": "clean", "request_key": "twice", "snapshot_id": "9eca123c-61cd-6363-ce2d-9b60e1f10465", "start_paused": false, "use_given_vm_static": false}	[{"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5"}, {"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "2c679a9d-e97f-4944-701b-4048f035b81a"}, {"fate": "copied", "type": "interface", "device": "bridge", "reason": null, "device_id": "9530897e-9e09-00df-d8b2-e88bf8b74620"}, {"fate": "copied", "type": "balloon", "device": "memballoon", "reason": null, "device_id": "391537ec-077e-8c68-ca77-a2fcb4e00f42"}, {"fate": "copied", "type": "channel", "device": "unix", "reason": null, "device_id": "d26055ae-339b-3ce2-b29c-3def5c2930f5"}, {"fate": "copied", "type": "console", "device": "console", "reason": null, "device_id": "f3e5f5b4-1020-a3d1-6f35-2a64e6b1131b"}, {"fate": "copied", "type": "controller", "device": "ide", "reason": null, "device_id": "7a22562b-70bb-5ca2-45de-53166d81f003"}, {"fate": "copied", "type": "controller", "device": "usb", "reason": null, "device_id": "5178221b-a149-f877-bae8-a2e3f9ea7344"}, {"fate": "copied", "type": "controller", "device": "virtio-scsi", "reason": null, "device_id": "2eb27b11-37de-8d3d-a35e-7c00b3930274"}, {"fate": "copied", "type": "controller", "device": "virtio-serial", "reason": null, "device_id": "1970509d-2bff-a50d-cc3e-dab07a807fff"}, {"fate": "copied", "type": "disk", "device": "cdrom", "reason": null, "device_id": "3be095bc-d669-7ee6-283c-5ebf4aaa7aa9"}, {"fate": "copied", "type": "graphics", "device": "spice", "reason": null, "device_id": "29afb61e-10d8-9b19-9f05-14e8c33f1b0e"}, {"fate": "copied", "type": "rng", "device": "virtio", "reason": null, "device_id": "ba0ba7af-e33a-9b8d-2ba4-c2a752fc1c3c"}, {"fate": "copied", "type": "sound", "device": "ich9", "reason": null, "device_id": "50447ba0-3f0f-6576-bc3f-49ad98636eec"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "video devices follow the number of monitors", "device_id": "c4627a66-78ae-3f06-caac-4137a1c0961b"}, {"fate": "copied", "type": "watchdog", "device": "watchdog", "reason": null, "device_id": "e04a1ea8-2340-8f0e-3c79-af9d53c30983"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "one for each monitor", "device_id": null}]	{726a6489-c56b-56c9-ad40-e8be6ab7a4e3,6c2f8983-c17a-52ff-b1a5-11d513798ea0,31241ff9-eba0-52e1-934f-3053615d2693,3e8e3129-7eb6-5d12-acf5-c0e568b76bf4,e362ff0c-cd53-5871-9bc5-fae31e22bad1,d3e30880-b54c-5d36-a414-487d627225c3,0b69a480-cc57-5e9b-8b3c-71ffb2d44951,31241ff9-eba0-52e1-934f-3053615d2693,e362ff0c-cd53-5871-9bc5-fae31e22bad1,0b69a480-cc57-5e9b-8b3c-71ffb2d44951,2e2c122c-4d1f-5dbe-a289-cee12cfb87fc,d045286d-cb5d-5457-83b1-91d5b5eb8bfc,99806a8b-5120-5e7f-b3a3-491160ade295,0ad63c00-04d0-515e-87aa-8a25b507ea66,edc7a770-a242-55a0-9636-af7092e57b7f,7d7fd384-29dd-571f-aa9e-6fece1034f81,cefd1004-d774-5f2a-8502-26aa42c14cf0,27fe1ee5-af76-5c16-8696-5c3da05b3b33,d7fcacbd-63eb-5068-ab46-7e78418cc9ce,540c3fe8-0474-5522-8f9c-52b80bde8483,437f7f27-6865-5ab8-8cbc-0a1deb3ec4ba,fe018f80-a171-550e-849b-194c4946d87c,9c642bd8-1a43-5006-9cba-234fb058d238}
065fc2fe-5db8-51ea-a628-6166add05b24	held	VM	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	vm1	9eca123c-61cd-6363-ce2d-9b60e1f10465	snapshot 2	14e0f859-a258-5bbc-8262-f7e536ba3ffa	1	postgres	\N	2026-11-29 17:47:34.105666+00	{"disks": [], "copies": 1, "verify": false, "vm_name": "held", "priority": 0, "lock_mode": "shared", "vm_static": {}, "interfaces": [], "on_failure": "hold", "snapshot_id": "9eca123c-61cd-6363-ce2d-9b60e1f10465", "start_paused": true, "use_given_vm_static": false}	[{"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5"}, {"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "2c679a9d-e97f-4944-701b-4048f035b81a"}, {"fate": "copied", "type": "interface", "device": "bridge", "reason": null, "device_id": "9530897e-9e09-00df-d8b2-e88bf8b74620"}, {"fate": "copied", "type": "balloon", "device": "memballoon", "reason": null, "device_id": "391537ec-077e-8c68-ca77-a2fcb4e00f42"}, {"fate": "copied", "type": "channel", "device": "unix", "reason": null, "device_id": "d26055ae-339b-3ce2-b29c-3def5c2930f5"}, {"fate": "copied", "type": "console", "device": "console", "reason": null, "device_id": "f3e5f5b4-1020-a3d1-6f35-2a64e6b1131b"}, {"fate": "copied", "type": "controller", "device": "ide", "reason": null, "device_id": "7a22562b-70bb-5ca2-45de-53166d81f003"}, {"fate": "copied", "type": "controller", "device": "usb", "reason": null, "device_id": "5178221b-a149-f877-bae8-a2e3f9ea7344"}, {"fate": "copied", "type": "controller", "device": "virtio-scsi", "reason": null, "device_id": "2eb27b11-37de-8d3d-a35e-7c00b3930274"}, {"fate": "copied", "type": "controller", "device": "virtio-serial", "reason": null, "device_id": "1970509d-2bff-a50d-cc3e-dab07a807fff"}, {"fate": "copied", "type": "disk", "device": "cdrom", "reason": null, "device_id": "3be095bc-d669-7ee6-283c-5ebf4aaa7aa9"}, {"fate": "copied", "type": "graphics", "device": "spice", "reason": null, "device_id": "29afb61e-10d8-9b19-9f05-14e8c33f1b0e"}, {"fate": "copied", "type": "rng", "device": "virtio", "reason": null, "device_id": "ba0ba7af-e33a-9b8d-2ba4-c2a752fc1c3c"}, {"fate": "copied", "type": "sound", "device": "ich9", "reason": null, "device_id": "50447ba0-3f0f-6576-bc3f-49ad98636eec"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "video devices follow the number of monitors", "device_id": "c4627a66-78ae-3f06-caac-4137a1c0961b"}, {"fate": "copied", "type": "watchdog", "device": "watchdog", "reason": null, "device_id": "e04a1ea8-2340-8f0e-3c79-af9d53c30983"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "one for each monitor", "device_id": null}]	{065fc2fe-5db8-51ea-a628-6166add05b24,b118f063-0625-59aa-bd5b-ba3f99ffab4c,e0882983-8161-56e9-b5f3-6d3180041a63,847c2a19-0344-555d-a4b3-628551ca5c74,7ef52c39-000b-5c80-9d26-f1aefcd0f30f,a458646b-9a06-5f02-ad66-a3fb1756fb5e,fb90829f-e046-5c53-8823-bad1a65f0985,e0882983-8161-56e9-b5f3-6d3180041a63,7ef52c39-000b-5c80-9d26-f1aefcd0f30f,fb90829f-e046-5c53-8823-bad1a65f0985,cba37710-6105-5fc4-838f-908d97800949,43eadc2a-380f-58bf-8dd8-61d8a127cf81,1f080156-52e3-5a51-9dbf-ea4c9456b813,80354e22-f7d1-5f6c-8876-57a25f98c3ab,a4509f43-a817-5d0d-9d3e-743f9378f393,a38fa49a-da55-5c3d-b8c7-1a45e746b073,094fa3fb-b2fc-5960-a66c-989f6be51937,56696140-e3b0-5c5e-9251-644db67a35b8,6c26fc6f-ef1a-554d-805a-605d7b29d317,7111af7b-f204-5e20-9481-b5143d16024f,13460f7b-36c5-5c77-877c-bb12b44668cf,a1f2b662-8b42-59ac-850f-10f595665481,83c34f1e-7043-54d6-8dd4-0f2484131f0f}
5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	paused	VM	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	vm1	9eca123c-61cd-6363-ce2d-9b60e1f10465	snapshot 2	a05c34c9-5293-5ee9-aa7b-6bbac46ea8de	1	postgres	\N	2026-11-29 17:47:34.513132+00	{"disks": [], "copies": 1, "verify": false, "vm_name": "paused", "priority": 0, "lock_mode": "shared", "vm_static": {}, "interfaces": [], "on_failure": "clean", "snapshot_id": "9eca123c-61cd-6363-ce2d-9b60e1f10465", "start_paused": true, "use_given_vm_static": false}	[{"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5"}, {"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "2c679a9d-e97f-4944-701b-4048f035b81a"}, {"fate": "copied", "type": "interface", "device": "bridge", "reason": null, "device_id": "9530897e-9e09-00df-d8b2-e88bf8b74620"}, {"fate": "copied", "type": "balloon", "device": "memballoon", "reason": null, "device_id": "391537ec-077e-8c68-ca77-a2fcb4e00f42"}, {"fate": "copied", "type": "channel", "device": "unix", "reason": null, "device_id": "d26055ae-339b-3ce2-b29c-3def5c2930f5"}, {"fate": "copied", "type": "console", "device": "console", "reason": null, "device_id": "f3e5f5b4-1020-a3d1-6f35-2a64e6b1131b"}, {"fate": "copied", "type": "controller", "device": "ide", "reason": null, "device_id": "7a22562b-70bb-5ca2-45de-53166d81f003"}, {"fate": "copied", "type": "controller", "device": "usb", "reason": null, "device_id": "5178221b-a149-f877-bae8-a2e3f9ea7344"}, {"fate": "copied", "type": "controller", "device": "virtio-scsi", "reason": null, "device_id": "2eb27b11-37de-8d3d-a35e-7c00b3930274"}, {"fate": "copied", "type": "controller", "device": "virtio-serial", "reason": null, "device_id": "1970509d-2bff-a50d-cc3e-dab07a807fff"}, {"fate": "copied", "type": "disk", "device": "cdrom", "reason": null, "device_id": "3be095bc-d669-7ee6-283c-5ebf4aaa7aa9"}, {"fate": "copied", "type": "graphics", "device": "spice", "reason": null, "device_id": "29afb61e-10d8-9b19-9f05-14e8c33f1b0e"}, {"fate": "copied", "type": "rng", "device": "virtio", "reason": null, "device_id": "ba0ba7af-e33a-9b8d-2ba4-c2a752fc1c3c"}, {"fate": "copied", "type": "sound", "device": "ich9", "reason": null, "device_id": "50447ba0-3f0f-6576-bc3f-49ad98636eec"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "video devices follow the number of monitors", "device_id": "c4627a66-78ae-3f06-caac-4137a1c0961b"}, {"fate": "copied", "type": "watchdog", "device": "watchdog", "reason": null, "device_id": "e04a1ea8-2340-8f0e-3c79-af9d53c30983"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "one for each monitor", "device_id": null}]	{5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04,97773aec-fc53-5c30-ad03-4f355278f521,58b11812-7e23-5913-a0f7-9267cd5fe10f,aff595f7-0c12-5c56-a38e-54905af85889,8a23853f-6425-5499-8f99-5598e3fd6f00,c4a9c05a-caa5-5b26-945e-24817064866b,30b54690-1871-54af-a8dc-e032abe5f8b8,58b11812-7e23-5913-a0f7-9267cd5fe10f,8a23853f-6425-5499-8f99-5598e3fd6f00,30b54690-1871-54af-a8dc-e032abe5f8b8,ab14c40f-6641-5d20-b1c9-5afff8da7232,79ea86fa-13d3-59aa-b953-8e07ea167664,f2e2aeae-457b-59e3-9d23-cfe30ea74592,49b0729a-3143-59b7-924b-de8b99a7235e,7061c45a-8b86-5d55-89d7-70ce9c4057b9,52916129-5ab2-5fa2-95e2-8ce8c95d3671,7cd63b2e-94e2-5f6d-a497-65c2240c5a02,483083bc-5290-550b-9bd7-3198ea096d0a,e8bbcb4f-e749-51b9-b8a6-b0a385892765,3d67f776-9740-52c3-994a-acc567b7d611,6d40e9f8-5e8d-5a1f-9393-ea02c504d4f5,7e9f77cb-915c-5906-b501-0eb95a1654e6,5480e356-08c0-54d0-8ef0-5733ce3f795c}
eb6015af-b138-5332-a896-c18751ef509b	many1	VM	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	vm1	9af917e5-1ad7-c52e-ffba-12475b5f585c	snapshot 1	9b663d85-c3d8-5615-9ede-18f05fdc1b44	1	postgres	\N	2026-11-29 17:47:34.745307+00	{"disks": [], "copies": 2, "verify": false, "vm_name": "many{n}", "priority": 0, "lock_mode": "shared", "vm_static": {}, "interfaces": [], "on_failure": "clean", "snapshot_id": "9af917e5-1ad7-c52e-ffba-12475b5f585c", "start_paused": true, "use_given_vm_static": false}	[{"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5"}, {"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "2c679a9d-e97f-4944-701b-4048f035b81a"}, {"fate": "copied", "type": "interface", "device": "bridge", "reason": null, "device_id": "9530897e-9e09-00df-d8b2-e88bf8b74620"}, {"fate": "copied", "type": "balloon", "device": "memballoon", "reason": null, "device_id": "391537ec-077e-8c68-ca77-a2fcb4e00f42"}, {"fate": "copied", "type": "channel", "device": "unix", "reason": null, "device_id": "d26055ae-339b-3ce2-b29c-3def5c2930f5"}, {"fate": "copied", "type": "console", "device": "console", "reason": null, "device_id": "f3e5f5b4-1020-a3d1-6f35-2a64e6b1131b"}, {"fate": "copied", "type": "controller", "device": "ide", "reason": null, "device_id": "7a22562b-70bb-5ca2-45de-53166d81f003"}, {"fate": "copied", "type": "controller", "device": "usb", "reason": null, "device_id": "5178221b-a149-f877-bae8-a2e3f9ea7344"}, {"fate": "copied", "type": "controller", "device": "virtio-scsi", "reason": null, "device_id": "2eb27b11-37de-8d3d-a35e-7c00b3930274"}, {"fate": "copied", "type": "controller", "device": "virtio-serial", "reason": null, "device_id": "1970509d-2bff-a50d-cc3e-dab07a807fff"}, {"fate": "copied", "type": "disk", "device": "cdrom", "reason": null, "device_id": "3be095bc-d669-7ee6-283c-5ebf4aaa7aa9"}, {"fate": "copied", "type": "graphics", "device": "spice", "reason": null, "device_id": "29afb61e-10d8-9b19-9f05-14e8c33f1b0e"}, {"fate": "copied", "type": "rng", "device": "virtio", "reason": null, "device_id": "ba0ba7af-e33a-9b8d-2ba4-c2a752fc1c3c"}, {"fate": "copied", "type": "sound", "device": "ich9", "reason": null, "device_id": "50447ba0-3f0f-6576-bc3f-49ad98636eec"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "video devices follow the number of monitors", "device_id": "c4627a66-78ae-3f06-caac-4137a1c0961b"}, {"fate": "copied", "type": "watchdog", "device": "watchdog", "reason": null, "device_id": "e04a1ea8-2340-8f0e-3c79-af9d53c30983"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "one for each monitor", "device_id": null}]	{eb6015af-b138-5332-a896-c18751ef509b,a50d0177-0900-5d4f-9fcf-0af521c15893,9c8aedc9-8805-5aa8-bc30-197b35739f0e,d7862cd9-c01d-5de8-9632-acaf5210c7d3,09bc8b0b-4b02-5635-9313-4b4cdba6fb80,56220d8f-38d7-56c8-b0ce-51a2a792b28c,6b62fbb5-6cfe-50b9-80bd-c59b7eaf168d,9c8aedc9-8805-5aa8-bc30-197b35739f0e,09bc8b0b-4b02-5635-9313-4b4cdba6fb80,6b62fbb5-6cfe-50b9-80bd-c59b7eaf168d,4cdac6f7-763d-5920-9c2f-14f33ae9e3a1,6b554a3f-6a36-56e6-b7e1-afc9dc73c3c1,c051962a-b905-503f-9a37-af876646289f,923bdb8b-e177-53bd-a8de-86ef647c8218,0e62aecd-d60c-5438-bf2f-f8e76590f202,8b86aad7-d3bf-5175-8a9c-d1657f4836d9,a1344402-b49f-5b57-b0b1-73c1c2f6ddd6,6515c1be-52c5-561c-8ae2-044eef781e37,619a711f-8614-5c1e-bf2a-0d0c67041b87,1c8e01b9-6e5a-535e-b37e-aa41d7a6aaa0,3692b64a-3937-5250-9f45-d899a5866486,74b4b579-14f7-5938-a7dd-9bb39ac6dd53,e9035502-c152-58fd-8be5-0d1bfdb4271d}
f035267b-8917-5f22-86b8-3c2856064225	many2	VM	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	vm1	9af917e5-1ad7-c52e-ffba-12475b5f585c	snapshot 1	5f09e1b3-a1e2-5bb9-8f34-bf7be8d44392	2	postgres	\N	2026-11-29 17:47:34.745457+00	{"disks": [], "copies": 2, "verify": false, "vm_name": "many{n}", "priority": 0, "lock_mode": "shared", "vm_static": {}, "interfaces": [], "on_failure": "clean", "snapshot_id": "9af917e5-1ad7-c52e-ffba-12475b5f585c", "start_paused": true, "use_given_vm_static": false}	[{"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5"}, {"fate": "copied", "type": "disk", "device": "disk", "reason": null, "device_id": "2c679a9d-e97f-4944-701b-4048f035b81a"}, {"fate": "copied", "type": "interface", "device": "bridge", "reason": null, "device_id": "9530897e-9e09-00df-d8b2-e88bf8b74620"}, {"fate": "copied", "type": "balloon", "device": "memballoon", "reason": null, "device_id": "391537ec-077e-8c68-ca77-a2fcb4e00f42"}, {"fate": "copied", "type": "channel", "device": "unix", "reason": null, "device_id": "d26055ae-339b-3ce2-b29c-3def5c2930f5"}, {"fate": "copied", "type": "console", "device": "console", "reason": null, "device_id": "f3e5f5b4-1020-a3d1-6f35-2a64e6b1131b"}, {"fate": "copied", "type": "controller", "device": "ide", "reason": null, "device_id": "7a22562b-70bb-5ca2-45de-53166d81f003"}, {"fate": "copied", "type": "controller", "device": "usb", "reason": null, "device_id": "5178221b-a149-f877-bae8-a2e3f9ea7344"}, {"fate": "copied", "type": "controller", "device": "virtio-scsi", "reason": null, "device_id": "2eb27b11-37de-8d3d-a35e-7c00b3930274"}, {"fate": "copied", "type": "controller", "device": "virtio-serial", "reason": null, "device_id": "1970509d-2bff-a50d-cc3e-dab07a807fff"}, {"fate": "copied", "type": "disk", "device": "cdrom", "reason": null, "device_id": "3be095bc-d669-7ee6-283c-5ebf4aaa7aa9"}, {"fate": "copied", "type": "graphics", "device": "spice", "reason": null, "device_id": "29afb61e-10d8-9b19-9f05-14e8c33f1b0e"}, {"fate": "copied", "type": "rng", "device": "virtio", "reason": null, "device_id": "ba0ba7af-e33a-9b8d-2ba4-c2a752fc1c3c"}, {"fate": "copied", "type": "sound", "device": "ich9", "reason": null, "device_id": "50447ba0-3f0f-6576-bc3f-49ad98636eec"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "video devices follow the number of monitors", "device_id": "c4627a66-78ae-3f06-caac-4137a1c0961b"}, {"fate": "copied", "type": "watchdog", "device": "watchdog", "reason": null, "device_id": "e04a1ea8-2340-8f0e-3c79-af9d53c30983"}, {"fate": "remade", "type": "video", "device": "qxl", "reason": "one for each monitor", "device_id": null}]	{f035267b-8917-5f22-86b8-3c2856064225,535901f8-5d62-5056-a465-4b3d167358a3,cfad9537-dd83-58ac-b287-13647d697839,4dca621a-b56b-54d1-a7a5-c59a841b4de0,75936dda-b4ee-548e-ba44-72853dedd7dc,481a4c84-fa1a-562f-8fc4-669d872b2edd,314c4bc1-5eb9-5485-94f4-4a2b3efae43f,cfad9537-dd83-58ac-b287-13647d697839,75936dda-b4ee-548e-ba44-72853dedd7dc,314c4bc1-5eb9-5485-94f4-4a2b3efae43f,61f691fd-4b87-5786-a6b2-38fc3b87956b,932b2d88-1ef2-53b7-8950-cd4e06ff922e,419ec878-5b00-5548-896a-d158b0a5cdf8,d12d8ad4-d32f-5a08-9146-3ad263b112e4,8def5a1d-f79b-5fbc-9180-a17724f2bb08,b836011e-3f62-5e45-98e1-4d7aa051e9f1,4a79566b-9c74-53f7-8dbd-f9504fc4ffb5,0ad02e52-81f0-59f9-927c-c1163025cc5c,977b5d00-1d72-5658-8617-6b46d3c7a417,8d7b6b23-350e-5808-8ad6-d9f93a756e64,3cbdbf89-30f3-596b-b168-c970291e3fcd,b73d4581-e06e-56d4-a7f2-5479c88f5e85,7dff7615-f79b-5efa-9942-3ca45654663c}
\.
-- Data for Name: lock_state; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.lock_state (kind, entity_id, earlier_status, shared_only, locked_at) FROM stdin;
snapshot	9eca123c-61cd-6363-ce2d-9b60e1f10465	OK	t	2026-11-29 17:47:34.027794+00
image	cc0f045a-d605-aac7-023f-811e2737b444	1	t	2026-11-29 17:47:34.02789+00
image	cbbdfc8f-5354-03b3-eb7a-32b76b292336	1	t	2026-11-29 17:47:34.027896+00
snapshot	9af917e5-1ad7-c52e-ffba-12475b5f585c	OK	t	2026-11-29 17:47:34.671461+00
image	91e525c7-cd0d-9bd9-f1e1-d1eee66c233f	1	t	2026-11-29 17:47:34.027886+00
image	f337efa1-8af7-389c-0c31-ebd292afa2b6	1	t	2026-11-29 17:47:34.027893+00
\.
-- Data for Name: mac_pool_ranges; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.mac_pool_ranges (mac_pool_id, from_mac, to_mac) FROM stdin;
623ab3ed-f0ea-5faf-afb4-7c0dd19b0ea9	56:6f:00:00:00:00	56:6f:00:0f:ff:ff
8b42fd75-3937-4b39-0427-b31e21ac02dd	56:6f:01:00:00:00	56:6f:01:00:00:02
\.
-- Data for Name: measurements; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.measurements (snapshot_id, image_id, volume_format, status, layers, required, bytes_to_read, allocated, error, requested_by, requested_at, measured_at) FROM stdin;
9eca123c-61cd-6363-ce2d-9b60e1f10465	cc0f045a-d605-aac7-023f-811e2737b444	COW	done	[{"size": 67108864, "image_id": "91e525c7-cd0d-9bd9-f1e1-d1eee66c233f", "volume_format": "RAW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cc0f045a-d605-aac7-023f-811e2737b444", "volume_format": "COW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	2031616	1400832	1400832	\N	postgres	2026-11-29 17:47:34.765816+00	2026-11-29 17:47:34.800989+00
9eca123c-61cd-6363-ce2d-9b60e1f10465	cc0f045a-d605-aac7-023f-811e2737b444	RAW	done	[{"size": 67108864, "image_id": "91e525c7-cd0d-9bd9-f1e1-d1eee66c233f", "volume_format": "RAW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cc0f045a-d605-aac7-023f-811e2737b444", "volume_format": "COW", "image_group_id": "b976cdff-791f-956f-afba-e7dc5da2e3f5", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	67108864	1400832	1400832	\N	postgres	2026-11-29 17:47:34.765956+00	2026-11-29 17:47:34.826866+00
9eca123c-61cd-6363-ce2d-9b60e1f10465	cbbdfc8f-5354-03b3-eb7a-32b76b292336	COW	done	[{"size": 67108864, "image_id": "f337efa1-8af7-389c-0c31-ebd292afa2b6", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cbbdfc8f-5354-03b3-eb7a-32b76b292336", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	2031616	1703936	1703936	\N	postgres	2026-11-29 17:47:34.765964+00	2026-11-29 17:47:34.866214+00
9eca123c-61cd-6363-ce2d-9b60e1f10465	cbbdfc8f-5354-03b3-eb7a-32b76b292336	RAW	done	[{"size": 67108864, "image_id": "f337efa1-8af7-389c-0c31-ebd292afa2b6", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}, {"size": 67108864, "image_id": "cbbdfc8f-5354-03b3-eb7a-32b76b292336", "volume_format": "COW", "image_group_id": "2c679a9d-e97f-4944-701b-4048f035b81a", "storage_domain_id": "8646e3ac-556a-fa29-45a4-a96537941a9a"}]	67108864	1703936	1703936	\N	postgres	2026-11-29 17:47:34.765968+00	2026-11-29 17:47:34.908885+00
\.
-- Data for Name: network; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.network (id, name, description, type, addr, subnet, gateway, vlan_id, stp, storage_pool_id, mtu, vm_network, provider_network_provider_id, provider_network_external_id, free_text_comment, label, qos_id, vdsm_name, dns_resolver_configuration_id, provider_physical_network_id, port_isolation) FROM stdin;
3c2e122e-26fb-4427-9195-fef6b60bac9d	net1	in every cluster of dc1	\N	\N	\N	\N	\N	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	\N	t	\N	\N	\N	\N	\N	net1	\N	\N	f
ace2a2bf-a513-b711-9cc3-a3e3933c9a3a	net2	in cl1 only	\N	\N	\N	\N	42	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	\N	t	\N	\N	\N	\N	\N	net2	\N	\N	f
6db0ee09-0dfa-20f9-e58d-d3ec235edd09	storage_net	not for VMs	\N	\N	\N	\N	43	f	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	\N	f	\N	\N	\N	\N	\N	storage_net	\N	\N	f
b74f9948-f3f8-f7b7-6564-4c55443d5d36	net_dc2	in cl_dc2	\N	\N	\N	\N	\N	f	ba77700e-dcd9-0d1f-2643-fa27e5cda723	\N	t	\N	\N	\N	\N	\N	net_dc2	\N	\N	f
\.
-- Data for Name: network_cluster; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.network_cluster (network_id, cluster_id, status, is_display, required, migration, management, is_gluster, default_route) FROM stdin;
3c2e122e-26fb-4427-9195-fef6b60bac9d	0c41113c-f1bf-8514-41d9-d789a4c51a04	1	f	t	f	t	f	f
3c2e122e-26fb-4427-9195-fef6b60bac9d	c0f1718d-925b-896c-13a4-cdbc696a858d	1	f	t	f	t	f	f
ace2a2bf-a513-b711-9cc3-a3e3933c9a3a	0c41113c-f1bf-8514-41d9-d789a4c51a04	1	f	f	f	f	f	f
6db0ee09-0dfa-20f9-e58d-d3ec235edd09	0c41113c-f1bf-8514-41d9-d789a4c51a04	1	f	f	f	f	f	f
b74f9948-f3f8-f7b7-6564-4c55443d5d36	47f09df2-0b0c-b9ba-e658-5ccb6d9e5343	1	f	t	f	t	f	f
\.
-- Data for Name: numa_node; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.numa_node (numa_node_id, vds_id, vm_id, numa_node_index, mem_total, cpu_count, mem_free, usage_mem_percent, cpu_sys, cpu_user, cpu_idle, usage_cpu_percent, distance, hugepages, numa_tune_mode) FROM stdin;
\.
-- Data for Name: numa_node_cpu_map; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.numa_node_cpu_map (id, numa_node_id, cpu_core_id) FROM stdin;
\.
-- Data for Name: operators; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.operators (role_name, user_id) FROM stdin;
\.
-- Data for Name: orphan_files; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.orphan_files (orphan_id, job_id, task_id, storage_domain_id, path, reason, abandoned_by, created_at) FROM stdin;
\.
-- Data for Name: roles; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.roles (id, name, description, is_readonly, role_type, allows_viewing_children, app_mode) FROM stdin;
\.
-- Data for Name: permissions; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.permissions (id, role_id, ad_element_id, object_id, object_type_id, creation_date) FROM stdin;
5c1ae17b-c055-6acd-750d-2a104f0956e4	00000000-0000-0000-0000-000000000001	44a0001b-9067-ed6c-b071-e28772b1f324	aaa00000-0000-0000-0000-123456789aaa	1	1704067200
6fc3b890-f7b7-0344-7b77-8e5b98319510	def0000a-0000-0000-0000-def00000000a	9979a8d2-a929-e3bb-7932-7dd053ea74ee	3a73efec-b4f0-7466-974d-f0c5bc4dc296	17	1704067200
ace2d694-a75f-5db2-c5e2-ce5aff6ba4aa	def0000a-0000-0000-0000-def00000000a	9979a8d2-a929-e3bb-7932-7dd053ea74ee	e8a08326-07ca-b888-ce1e-576dd4d0031f	17	1704067200
cc84a921-810e-c7a1-e12f-1c5cdde6ed0f	def0000a-0000-0000-0000-def00000000c	9979a8d2-a929-e3bb-7932-7dd053ea74ee	49f6e7b5-31f6-b66d-f146-11dc2428e9cc	11	1704067200
fcb9a18b-e519-834f-df04-ec36f0106038	def0000a-0000-0000-0000-def00000000c	9979a8d2-a929-e3bb-7932-7dd053ea74ee	89f66094-adba-d820-b86e-0f647a5986df	11	1704067200
10112eaa-77b6-1b1c-f919-81e29bce86fb	def0000a-0000-0000-0000-def00000000c	9979a8d2-a929-e3bb-7932-7dd053ea74ee	8646e3ac-556a-fa29-45a4-a96537941a9a	11	1704067200
b9ba874f-6dd7-34f1-81ee-6cb464f452fc	def0000a-0000-0000-0000-def00000000d	9979a8d2-a929-e3bb-7932-7dd053ea74ee	0c41113c-f1bf-8514-41d9-d789a4c51a04	9	1704067200
8e0f819e-434a-e892-bd2b-1391990450ca	def0000a-0000-0000-0000-def00000000e	9979a8d2-a929-e3bb-7932-7dd053ea74ee	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	14	1704067200
68f2a544-03ad-8c3d-4964-d3e565eed874	def0000a-0000-0000-0000-def000000010	9979a8d2-a929-e3bb-7932-7dd053ea74ee	df67539e-67a9-1060-84ee-539ecd0f11e9	27	1704067200
6c1cc84b-3355-07d6-b47d-eac9fc8013ff	def0000a-0000-0000-0000-def000000010	9979a8d2-a929-e3bb-7932-7dd053ea74ee	f5f1cf5a-8048-15f1-a081-49e19d44f611	27	1704067200
8e96f56b-4140-f6a3-52f9-c0cd15ef703b	def00020-0000-0000-0000-abc000000010	9979a8d2-a929-e3bb-7932-7dd053ea74ee	d961d795-7123-0e27-12f0-be9b9ff5cdf7	29	1704067200
a1bfa66a-99e2-e79d-25da-a8fac3d63ea9	def00020-0000-0000-0000-abc000000010	9979a8d2-a929-e3bb-7932-7dd053ea74ee	528b5bba-1b2f-aea4-21d1-5139c06791cf	29	1704067200
8d0077bd-24b3-2573-29e4-1553a14a0ac5	def00020-0000-0000-0000-abc000000010	9979a8d2-a929-e3bb-7932-7dd053ea74ee	ca87921d-4df4-07da-6a92-01d646c571be	29	1704067200
86c49358-d24b-8878-51d5-bdc68fe5bfd5	def00017-0000-0000-0000-def000000017	9979a8d2-a929-e3bb-7932-7dd053ea74ee	abca7bbe-b191-2102-d043-c53b72d76b1d	30	1704067200
8c9ad3c2-a61c-24ba-07c5-5e284279be90	def00006-0000-0000-0000-def000000006	9979a8d2-a929-e3bb-7932-7dd053ea74ee	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	2	1704067200
\.
-- Data for Name: quota_limitation; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.quota_limitation (id, quota_id, storage_id, cluster_id, virtual_cpu, mem_size_mb, storage_size_gb) FROM stdin;
1bbd4f2c-09ca-1acb-de1b-ce9428a5609f	9e45312a-afd6-f45b-85b2-973f519140bb	\N	\N	-1	-1	\N
62f703de-0134-d3ec-ecde-e2ebb9e4a783	9e45312a-afd6-f45b-85b2-973f519140bb	\N	\N	\N	\N	-1
c869c182-a74d-8253-efaf-a76aac1d780c	e8a08326-07ca-b888-ce1e-576dd4d0031f	\N	\N	-1	-1	\N
fe594718-dadb-3649-c8da-ec18f7606cb2	e8a08326-07ca-b888-ce1e-576dd4d0031f	\N	\N	\N	\N	1000
d258df31-c3aa-a0f8-5c10-a24ef8f0c4e3	3a73efec-b4f0-7466-974d-f0c5bc4dc296	\N	0c41113c-f1bf-8514-41d9-d789a4c51a04	-1	-1	\N
a620f6a2-8a3f-34bd-07fa-ae4ad7eb46e4	3a73efec-b4f0-7466-974d-f0c5bc4dc296	8646e3ac-556a-fa29-45a4-a96537941a9a	\N	\N	\N	100
752c256c-0b49-1549-fbb6-a2f3f790736d	cdaed10e-ddce-3470-d4d0-3612e871219c	\N	\N	-1	-1	\N
15b64938-c079-f160-7efa-3759ca5e96e1	cdaed10e-ddce-3470-d4d0-3612e871219c	\N	\N	\N	\N	-1
\.
-- Data for Name: request_keys; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.request_keys (owner, request_key, call_id, parameters, created_at) FROM stdin;
postgres	twice	11e49f03-eb4f-59ea-808e-55b834cce8c5	{"disks": [], "copies": 1, "verify": false, "vm_name": "done", "priority": 0, "vm_static": {}, "interfaces": [], "on_failure": "clean", "request_key": "twice", "snapshot_id": "9eca123c-61cd-6363-ce2d-9b60e1f10465", "start_paused": false, "use_given_vm_static": false}	2026-11-29 17:47:32.595769+00
\.
-- Data for Name: reservations; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.reservations (kind, entity_id, version, last_address, bytes) FROM stdin;
quota	9e45312a-afd6-f45b-85b2-973f519140bb	5	\N	0
storage_domain	8646e3ac-556a-fa29-45a4-a96537941a9a	5	\N	415629314
mac_pool	623ab3ed-f0ea-5faf-afb4-7c0dd19b0ea9	5	95034741358597	0
\.
-- Data for Name: roles_groups; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.roles_groups (role_id, action_group_id) FROM stdin;
\.
-- Data for Name: storage_domain_dynamic; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.storage_domain_dynamic (id, available_disk_size, used_disk_size, _update_date, external_status, confirmed_available_disk_size, vdo_savings) FROM stdin;
8646e3ac-556a-fa29-45a4-a96537941a9a	500	100	\N	0	\N	\N
89f66094-adba-d820-b86e-0f647a5986df	500	100	\N	0	\N	\N
49f6e7b5-31f6-b66d-f146-11dc2428e9cc	500	100	\N	0	\N	\N
44233407-428e-1312-c324-f093f0ab50b5	500	100	\N	0	\N	\N
5524f6b9-fa22-2c94-c18e-42ff42784d33	500	100	\N	0	\N	\N
\.
-- Data for Name: storage_pool_iso_map; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.storage_pool_iso_map (storage_id, storage_pool_id, status) FROM stdin;
8646e3ac-556a-fa29-45a4-a96537941a9a	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	3
89f66094-adba-d820-b86e-0f647a5986df	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	3
49f6e7b5-31f6-b66d-f146-11dc2428e9cc	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	3
44233407-428e-1312-c324-f093f0ab50b5	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	3
5524f6b9-fa22-2c94-c18e-42ff42784d33	ba77700e-dcd9-0d1f-2643-fa27e5cda723	3
\.
-- Data for Name: users; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.users (user_id, name, surname, domain, username, department, email, note, last_admin_check_status, external_id, _create_date, _update_date, namespace) FROM stdin;
44a0001b-9067-ed6c-b071-e28772b1f324	Admin	\N	internal-authz	admin@internal	\N	\N	\N	f	ba6a8503-d7ad-0af4-b632-41c5eb872f95	2026-11-29 17:47:29.896475+00	\N	*
9979a8d2-a929-e3bb-7932-7dd053ea74ee	Alice	\N	internal-authz	alice@internal	\N	\N	\N	f	c7bd55f7-cf76-5ce9-93f0-5bad5d1a247f	2026-11-29 17:47:29.896475+00	\N	*
96a21683-518a-e2f4-3f58-e15c1418ebea	Bob	\N	internal-authz	bob@internal	\N	\N	\N	f	3913a001-9e0c-349e-6836-418f4b39fb53	2026-11-29 17:47:29.896475+00	\N	*
\.
-- Data for Name: vdc_options; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vdc_options (option_id, option_name, option_value, default_value, version) FROM stdin;
\.
-- Data for Name: vm_device; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_device (device_id, vm_id, type, device, address, spec_params, is_managed, is_plugged, is_readonly, _create_date, _update_date, alias, custom_properties, snapshot_id, logical_name, host_device) FROM stdin;
9530897e-9e09-00df-d8b2-e88bf8b74620	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	interface	bridge	{type=pci, slot=0x0a, bus=0x00, domain=0x0000, function=0x0}	{}	t	t	f	2024-01-01 00:00:00+00	\N	ua-nic1	\N	\N	\N	\N
2eb27b11-37de-8d3d-a35e-7c00b3930274	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	controller	virtio-scsi	{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}	{"ioThreadId": "1"}	t	t	f	2024-01-01 00:00:00+00	\N	ua-scsi0	\N	\N	\N	\N
3be095bc-d669-7ee6-283c-5ebf4aaa7aa9	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	disk	cdrom	{type=drive, bus=0, controller=0, target=0, unit=2}	{"path": ""}	t	t	t	2024-01-01 00:00:00+00	\N	ua-cdrom	\N	\N	\N	\N
c4627a66-78ae-3f06-caac-4137a1c0961b	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	video	qxl		{"vram": "8192", "heads": "1"}	t	t	f	2024-01-01 00:00:00+00	\N		\N	\N	\N	\N
29afb61e-10d8-9b19-9f05-14e8c33f1b0e	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	graphics	spice		{}	t	t	f	2024-01-01 00:00:00+00	\N		\N	\N	\N	\N
1970509d-2bff-a50d-cc3e-dab07a807fff	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	controller	virtio-serial		{}	t	t	f	2024-01-01 00:00:00+00	\N		\N	\N	\N	\N
5178221b-a149-f877-bae8-a2e3f9ea7344	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	controller	usb	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x2}	{"index": "0", "model": "piix3-uhci"}	t	t	f	2024-01-01 00:00:00+00	\N	usb	\N	\N	\N	\N
391537ec-077e-8c68-ca77-a2fcb4e00f42	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	balloon	memballoon		{"model": "virtio"}	t	t	f	2024-01-01 00:00:00+00	\N		\N	\N	\N	\N
ba0ba7af-e33a-9b8d-2ba4-c2a752fc1c3c	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	rng	virtio		{"source": "urandom", "bytes": "1024", "period": "1000"}	t	t	f	2024-01-01 00:00:00+00	\N		\N	\N	\N	\N
e04a1ea8-2340-8f0e-3c79-af9d53c30983	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	watchdog	watchdog		{"model": "i6300esb", "action": "reset"}	t	t	f	2024-01-01 00:00:00+00	\N		\N	\N	\N	\N
f3e5f5b4-1020-a3d1-6f35-2a64e6b1131b	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	console	console		{"consoleType": "virtio"}	t	t	f	2024-01-01 00:00:00+00	\N		\N	\N	\N	\N
50447ba0-3f0f-6576-bc3f-49ad98636eec	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	sound	ich9		{}	t	t	f	2024-01-01 00:00:00+00	\N		\N	\N	\N	\N
d26055ae-339b-3ce2-b29c-3def5c2930f5	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	channel	unix	{type=virtio-serial, bus=0, controller=0, port=1}	{}	f	t	f	2024-01-01 00:00:00+00	\N	channel0	\N	\N	\N	\N
7a22562b-70bb-5ca2-45de-53166d81f003	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	controller	ide	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x1}	{}	f	t	f	2024-01-01 00:00:00+00	\N	ide	\N	\N	\N	\N
b976cdff-791f-956f-afba-e7dc5da2e3f5	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	disk	disk	{type=drive, controller=0, bus=0, target=0, unit=0}	{}	t	t	f	2024-01-01 00:00:00+00	\N	ua-disk1	\N	\N	\N	\N
2c679a9d-e97f-4944-701b-4048f035b81a	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	disk	disk		{}	t	t	f	2024-01-01 00:00:00+00	\N	ua-disk2	\N	\N	\N	\N
56e33e2d-ade9-1a48-8ff6-c3a4b674bed6	821ce38d-8e1f-248c-01e8-3ee579cd2790	disk	disk		{}	t	t	f	2024-01-01 00:00:00+00	\N		\N	\N	\N	\N
31241ff9-eba0-52e1-934f-3053615d2693	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	disk	disk	{type=drive, controller=0, bus=0, target=0, unit=0}	{}	t	t	f	2026-11-29 17:47:32.594425+00	\N	ua-disk1	\N	\N	\N	\N
e362ff0c-cd53-5871-9bc5-fae31e22bad1	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	disk	disk		{}	t	t	f	2026-11-29 17:47:32.594425+00	\N	ua-disk2	\N	\N	\N	\N
0b69a480-cc57-5e9b-8b3c-71ffb2d44951	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	interface	bridge	{type=pci, slot=0x0a, bus=0x00, domain=0x0000, function=0x0}	{}	t	t	f	2026-11-29 17:47:32.594425+00	\N	ua-nic1	\N	\N	\N	\N
2e2c122c-4d1f-5dbe-a289-cee12cfb87fc	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	balloon	memballoon		{"model": "virtio"}	t	t	f	2026-11-29 17:47:32.594425+00	\N		\N	\N	\N	\N
d045286d-cb5d-5457-83b1-91d5b5eb8bfc	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	channel	unix	{type=virtio-serial, bus=0, controller=0, port=1}	{}	f	t	f	2026-11-29 17:47:32.594425+00	\N	channel0	\N	\N	\N	\N
99806a8b-5120-5e7f-b3a3-491160ade295	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	console	console		{"consoleType": "virtio"}	t	t	f	2026-11-29 17:47:32.594425+00	\N		\N	\N	\N	\N
0ad63c00-04d0-515e-87aa-8a25b507ea66	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	controller	ide	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x1}	{}	f	t	f	2026-11-29 17:47:32.594425+00	\N	ide	\N	\N	\N	\N
edc7a770-a242-55a0-9636-af7092e57b7f	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	controller	usb	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x2}	{"index": "0", "model": "piix3-uhci"}	t	t	f	2026-11-29 17:47:32.594425+00	\N	usb	\N	\N	\N	\N
7d7fd384-29dd-571f-aa9e-6fece1034f81	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	controller	virtio-scsi	{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}	{"ioThreadId": "1"}	t	t	f	2026-11-29 17:47:32.594425+00	\N	ua-scsi0	\N	\N	\N	\N
cefd1004-d774-5f2a-8502-26aa42c14cf0	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	controller	virtio-serial		{}	t	t	f	2026-11-29 17:47:32.594425+00	\N		\N	\N	\N	\N
27fe1ee5-af76-5c16-8696-5c3da05b3b33	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	disk	cdrom	{type=drive, bus=0, controller=0, target=0, unit=2}	{"path": ""}	t	t	t	2026-11-29 17:47:32.594425+00	\N	ua-cdrom	\N	\N	\N	\N
d7fcacbd-63eb-5068-ab46-7e78418cc9ce	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	graphics	spice		{}	t	t	f	2026-11-29 17:47:32.594425+00	\N		\N	\N	\N	\N
540c3fe8-0474-5522-8f9c-52b80bde8483	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	rng	virtio		{"bytes": "1024", "period": "1000", "source": "urandom"}	t	t	f	2026-11-29 17:47:32.594425+00	\N		\N	\N	\N	\N
437f7f27-6865-5ab8-8cbc-0a1deb3ec4ba	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	sound	ich9		{}	t	t	f	2026-11-29 17:47:32.594425+00	\N		\N	\N	\N	\N
fe018f80-a171-550e-849b-194c4946d87c	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	watchdog	watchdog		{"model": "i6300esb", "action": "reset"}	t	t	f	2026-11-29 17:47:32.594425+00	\N		\N	\N	\N	\N
9c642bd8-1a43-5006-9cba-234fb058d238	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	video	qxl		{"vram": "8192", "heads": "1"}	t	t	f	2026-11-29 17:47:32.594425+00	\N		\N	\N	\N	\N
e0882983-8161-56e9-b5f3-6d3180041a63	065fc2fe-5db8-51ea-a628-6166add05b24	disk	disk	{type=drive, controller=0, bus=0, target=0, unit=0}	{}	t	t	f	2026-11-29 17:47:33.959406+00	\N	ua-disk1	\N	\N	\N	\N
7ef52c39-000b-5c80-9d26-f1aefcd0f30f	065fc2fe-5db8-51ea-a628-6166add05b24	disk	disk		{}	t	t	f	2026-11-29 17:47:33.959406+00	\N	ua-disk2	\N	\N	\N	\N
fb90829f-e046-5c53-8823-bad1a65f0985	065fc2fe-5db8-51ea-a628-6166add05b24	interface	bridge	{type=pci, slot=0x0a, bus=0x00, domain=0x0000, function=0x0}	{}	t	t	f	2026-11-29 17:47:33.959406+00	\N	ua-nic1	\N	\N	\N	\N
cba37710-6105-5fc4-838f-908d97800949	065fc2fe-5db8-51ea-a628-6166add05b24	balloon	memballoon		{"model": "virtio"}	t	t	f	2026-11-29 17:47:33.959406+00	\N		\N	\N	\N	\N
43eadc2a-380f-58bf-8dd8-61d8a127cf81	065fc2fe-5db8-51ea-a628-6166add05b24	channel	unix	{type=virtio-serial, bus=0, controller=0, port=1}	{}	f	t	f	2026-11-29 17:47:33.959406+00	\N	channel0	\N	\N	\N	\N
1f080156-52e3-5a51-9dbf-ea4c9456b813	065fc2fe-5db8-51ea-a628-6166add05b24	console	console		{"consoleType": "virtio"}	t	t	f	2026-11-29 17:47:33.959406+00	\N		\N	\N	\N	\N
80354e22-f7d1-5f6c-8876-57a25f98c3ab	065fc2fe-5db8-51ea-a628-6166add05b24	controller	ide	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x1}	{}	f	t	f	2026-11-29 17:47:33.959406+00	\N	ide	\N	\N	\N	\N
a4509f43-a817-5d0d-9d3e-743f9378f393	065fc2fe-5db8-51ea-a628-6166add05b24	controller	usb	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x2}	{"index": "0", "model": "piix3-uhci"}	t	t	f	2026-11-29 17:47:33.959406+00	\N	usb	\N	\N	\N	\N
a38fa49a-da55-5c3d-b8c7-1a45e746b073	065fc2fe-5db8-51ea-a628-6166add05b24	controller	virtio-scsi	{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}	{"ioThreadId": "1"}	t	t	f	2026-11-29 17:47:33.959406+00	\N	ua-scsi0	\N	\N	\N	\N
094fa3fb-b2fc-5960-a66c-989f6be51937	065fc2fe-5db8-51ea-a628-6166add05b24	controller	virtio-serial		{}	t	t	f	2026-11-29 17:47:33.959406+00	\N		\N	\N	\N	\N
56696140-e3b0-5c5e-9251-644db67a35b8	065fc2fe-5db8-51ea-a628-6166add05b24	disk	cdrom	{type=drive, bus=0, controller=0, target=0, unit=2}	{"path": ""}	t	t	t	2026-11-29 17:47:33.959406+00	\N	ua-cdrom	\N	\N	\N	\N
6c26fc6f-ef1a-554d-805a-605d7b29d317	065fc2fe-5db8-51ea-a628-6166add05b24	graphics	spice		{}	t	t	f	2026-11-29 17:47:33.959406+00	\N		\N	\N	\N	\N
7111af7b-f204-5e20-9481-b5143d16024f	065fc2fe-5db8-51ea-a628-6166add05b24	rng	virtio		{"bytes": "1024", "period": "1000", "source": "urandom"}	t	t	f	2026-11-29 17:47:33.959406+00	\N		\N	\N	\N	\N
13460f7b-36c5-5c77-877c-bb12b44668cf	065fc2fe-5db8-51ea-a628-6166add05b24	sound	ich9		{}	t	t	f	2026-11-29 17:47:33.959406+00	\N		\N	\N	\N	\N
a1f2b662-8b42-59ac-850f-10f595665481	065fc2fe-5db8-51ea-a628-6166add05b24	watchdog	watchdog		{"model": "i6300esb", "action": "reset"}	t	t	f	2026-11-29 17:47:33.959406+00	\N		\N	\N	\N	\N
83c34f1e-7043-54d6-8dd4-0f2484131f0f	065fc2fe-5db8-51ea-a628-6166add05b24	video	qxl		{"vram": "8192", "heads": "1"}	t	t	f	2026-11-29 17:47:33.959406+00	\N		\N	\N	\N	\N
58b11812-7e23-5913-a0f7-9267cd5fe10f	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	disk	disk	{type=drive, controller=0, bus=0, target=0, unit=0}	{}	t	t	f	2026-11-29 17:47:34.390718+00	\N	ua-disk1	\N	\N	\N	\N
8a23853f-6425-5499-8f99-5598e3fd6f00	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	disk	disk		{}	t	t	f	2026-11-29 17:47:34.390718+00	\N	ua-disk2	\N	\N	\N	\N
30b54690-1871-54af-a8dc-e032abe5f8b8	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	interface	bridge	{type=pci, slot=0x0a, bus=0x00, domain=0x0000, function=0x0}	{}	t	t	f	2026-11-29 17:47:34.390718+00	\N	ua-nic1	\N	\N	\N	\N
ab14c40f-6641-5d20-b1c9-5afff8da7232	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	balloon	memballoon		{"model": "virtio"}	t	t	f	2026-11-29 17:47:34.390718+00	\N		\N	\N	\N	\N
79ea86fa-13d3-59aa-b953-8e07ea167664	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	channel	unix	{type=virtio-serial, bus=0, controller=0, port=1}	{}	f	t	f	2026-11-29 17:47:34.390718+00	\N	channel0	\N	\N	\N	\N
f2e2aeae-457b-59e3-9d23-cfe30ea74592	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	console	console		{"consoleType": "virtio"}	t	t	f	2026-11-29 17:47:34.390718+00	\N		\N	\N	\N	\N
49b0729a-3143-59b7-924b-de8b99a7235e	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	controller	ide	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x1}	{}	f	t	f	2026-11-29 17:47:34.390718+00	\N	ide	\N	\N	\N	\N
7061c45a-8b86-5d55-89d7-70ce9c4057b9	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	controller	usb	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x2}	{"index": "0", "model": "piix3-uhci"}	t	t	f	2026-11-29 17:47:34.390718+00	\N	usb	\N	\N	\N	\N
52916129-5ab2-5fa2-95e2-8ce8c95d3671	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	controller	virtio-scsi	{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}	{"ioThreadId": "1"}	t	t	f	2026-11-29 17:47:34.390718+00	\N	ua-scsi0	\N	\N	\N	\N
7cd63b2e-94e2-5f6d-a497-65c2240c5a02	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	controller	virtio-serial		{}	t	t	f	2026-11-29 17:47:34.390718+00	\N		\N	\N	\N	\N
483083bc-5290-550b-9bd7-3198ea096d0a	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	disk	cdrom	{type=drive, bus=0, controller=0, target=0, unit=2}	{"path": ""}	t	t	t	2026-11-29 17:47:34.390718+00	\N	ua-cdrom	\N	\N	\N	\N
e8bbcb4f-e749-51b9-b8a6-b0a385892765	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	graphics	spice		{}	t	t	f	2026-11-29 17:47:34.390718+00	\N		\N	\N	\N	\N
3d67f776-9740-52c3-994a-acc567b7d611	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	rng	virtio		{"bytes": "1024", "period": "1000", "source": "urandom"}	t	t	f	2026-11-29 17:47:34.390718+00	\N		\N	\N	\N	\N
6d40e9f8-5e8d-5a1f-9393-ea02c504d4f5	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	sound	ich9		{}	t	t	f	2026-11-29 17:47:34.390718+00	\N		\N	\N	\N	\N
7e9f77cb-915c-5906-b501-0eb95a1654e6	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	watchdog	watchdog		{"model": "i6300esb", "action": "reset"}	t	t	f	2026-11-29 17:47:34.390718+00	\N		\N	\N	\N	\N
5480e356-08c0-54d0-8ef0-5733ce3f795c	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	video	qxl		{"vram": "8192", "heads": "1"}	t	t	f	2026-11-29 17:47:34.390718+00	\N		\N	\N	\N	\N
9c8aedc9-8805-5aa8-bc30-197b35739f0e	eb6015af-b138-5332-a896-c18751ef509b	disk	disk	{type=drive, controller=0, bus=0, target=0, unit=0}	{}	t	t	f	2026-11-29 17:47:34.593747+00	\N	ua-disk1	\N	\N	\N	\N
cfad9537-dd83-58ac-b287-13647d697839	f035267b-8917-5f22-86b8-3c2856064225	disk	disk	{type=drive, controller=0, bus=0, target=0, unit=0}	{}	t	t	f	2026-11-29 17:47:34.593747+00	\N	ua-disk1	\N	\N	\N	\N
09bc8b0b-4b02-5635-9313-4b4cdba6fb80	eb6015af-b138-5332-a896-c18751ef509b	disk	disk		{}	t	t	f	2026-11-29 17:47:34.593747+00	\N	ua-disk2	\N	\N	\N	\N
75936dda-b4ee-548e-ba44-72853dedd7dc	f035267b-8917-5f22-86b8-3c2856064225	disk	disk		{}	t	t	f	2026-11-29 17:47:34.593747+00	\N	ua-disk2	\N	\N	\N	\N
6b62fbb5-6cfe-50b9-80bd-c59b7eaf168d	eb6015af-b138-5332-a896-c18751ef509b	interface	bridge	{type=pci, slot=0x0a, bus=0x00, domain=0x0000, function=0x0}	{}	t	t	f	2026-11-29 17:47:34.593747+00	\N	ua-nic1	\N	\N	\N	\N
314c4bc1-5eb9-5485-94f4-4a2b3efae43f	f035267b-8917-5f22-86b8-3c2856064225	interface	bridge	{type=pci, slot=0x0a, bus=0x00, domain=0x0000, function=0x0}	{}	t	t	f	2026-11-29 17:47:34.593747+00	\N	ua-nic1	\N	\N	\N	\N
4cdac6f7-763d-5920-9c2f-14f33ae9e3a1	eb6015af-b138-5332-a896-c18751ef509b	balloon	memballoon		{"model": "virtio"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
61f691fd-4b87-5786-a6b2-38fc3b87956b	f035267b-8917-5f22-86b8-3c2856064225	balloon	memballoon		{"model": "virtio"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
6b554a3f-6a36-56e6-b7e1-afc9dc73c3c1	eb6015af-b138-5332-a896-c18751ef509b	channel	unix	{type=virtio-serial, bus=0, controller=0, port=1}	{}	f	t	f	2026-11-29 17:47:34.593747+00	\N	channel0	\N	\N	\N	\N
932b2d88-1ef2-53b7-8950-cd4e06ff922e	f035267b-8917-5f22-86b8-3c2856064225	channel	unix	{type=virtio-serial, bus=0, controller=0, port=1}	{}	f	t	f	2026-11-29 17:47:34.593747+00	\N	channel0	\N	\N	\N	\N
c051962a-b905-503f-9a37-af876646289f	eb6015af-b138-5332-a896-c18751ef509b	console	console		{"consoleType": "virtio"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
419ec878-5b00-5548-896a-d158b0a5cdf8	f035267b-8917-5f22-86b8-3c2856064225	console	console		{"consoleType": "virtio"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
923bdb8b-e177-53bd-a8de-86ef647c8218	eb6015af-b138-5332-a896-c18751ef509b	controller	ide	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x1}	{}	f	t	f	2026-11-29 17:47:34.593747+00	\N	ide	\N	\N	\N	\N
d12d8ad4-d32f-5a08-9146-3ad263b112e4	f035267b-8917-5f22-86b8-3c2856064225	controller	ide	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x1}	{}	f	t	f	2026-11-29 17:47:34.593747+00	\N	ide	\N	\N	\N	\N
0e62aecd-d60c-5438-bf2f-f8e76590f202	eb6015af-b138-5332-a896-c18751ef509b	controller	usb	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x2}	{"index": "0", "model": "piix3-uhci"}	t	t	f	2026-11-29 17:47:34.593747+00	\N	usb	\N	\N	\N	\N
8def5a1d-f79b-5fbc-9180-a17724f2bb08	f035267b-8917-5f22-86b8-3c2856064225	controller	usb	{type=pci, slot=0x01, bus=0x00, domain=0x0000, function=0x2}	{"index": "0", "model": "piix3-uhci"}	t	t	f	2026-11-29 17:47:34.593747+00	\N	usb	\N	\N	\N	\N
8b86aad7-d3bf-5175-8a9c-d1657f4836d9	eb6015af-b138-5332-a896-c18751ef509b	controller	virtio-scsi	{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}	{"ioThreadId": "1"}	t	t	f	2026-11-29 17:47:34.593747+00	\N	ua-scsi0	\N	\N	\N	\N
b836011e-3f62-5e45-98e1-4d7aa051e9f1	f035267b-8917-5f22-86b8-3c2856064225	controller	virtio-scsi	{type=pci, slot=0x04, bus=0x00, domain=0x0000, function=0x0}	{"ioThreadId": "1"}	t	t	f	2026-11-29 17:47:34.593747+00	\N	ua-scsi0	\N	\N	\N	\N
a1344402-b49f-5b57-b0b1-73c1c2f6ddd6	eb6015af-b138-5332-a896-c18751ef509b	controller	virtio-serial		{}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
4a79566b-9c74-53f7-8dbd-f9504fc4ffb5	f035267b-8917-5f22-86b8-3c2856064225	controller	virtio-serial		{}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
6515c1be-52c5-561c-8ae2-044eef781e37	eb6015af-b138-5332-a896-c18751ef509b	disk	cdrom	{type=drive, bus=0, controller=0, target=0, unit=2}	{"path": ""}	t	t	t	2026-11-29 17:47:34.593747+00	\N	ua-cdrom	\N	\N	\N	\N
0ad02e52-81f0-59f9-927c-c1163025cc5c	f035267b-8917-5f22-86b8-3c2856064225	disk	cdrom	{type=drive, bus=0, controller=0, target=0, unit=2}	{"path": ""}	t	t	t	2026-11-29 17:47:34.593747+00	\N	ua-cdrom	\N	\N	\N	\N
619a711f-8614-5c1e-bf2a-0d0c67041b87	eb6015af-b138-5332-a896-c18751ef509b	graphics	spice		{}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
977b5d00-1d72-5658-8617-6b46d3c7a417	f035267b-8917-5f22-86b8-3c2856064225	graphics	spice		{}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
1c8e01b9-6e5a-535e-b37e-aa41d7a6aaa0	eb6015af-b138-5332-a896-c18751ef509b	rng	virtio		{"bytes": "1024", "period": "1000", "source": "urandom"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
8d7b6b23-350e-5808-8ad6-d9f93a756e64	f035267b-8917-5f22-86b8-3c2856064225	rng	virtio		{"bytes": "1024", "period": "1000", "source": "urandom"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
3692b64a-3937-5250-9f45-d899a5866486	eb6015af-b138-5332-a896-c18751ef509b	sound	ich9		{}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
3cbdbf89-30f3-596b-b168-c970291e3fcd	f035267b-8917-5f22-86b8-3c2856064225	sound	ich9		{}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
74b4b579-14f7-5938-a7dd-9bb39ac6dd53	eb6015af-b138-5332-a896-c18751ef509b	watchdog	watchdog		{"model": "i6300esb", "action": "reset"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
b73d4581-e06e-56d4-a7f2-5479c88f5e85	f035267b-8917-5f22-86b8-3c2856064225	watchdog	watchdog		{"model": "i6300esb", "action": "reset"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
e9035502-c152-58fd-8be5-0d1bfdb4271d	eb6015af-b138-5332-a896-c18751ef509b	video	qxl		{"vram": "8192", "heads": "1"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
7dff7615-f79b-5efa-9942-3ca45654663c	f035267b-8917-5f22-86b8-3c2856064225	video	qxl		{"vram": "8192", "heads": "1"}	t	t	f	2026-11-29 17:47:34.593747+00	\N		\N	\N	\N	\N
\.
-- Data for Name: vm_dynamic; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_dynamic (vm_guid, status, vm_ip, vm_host, last_start_time, boot_time, downtime, last_stop_time, guest_cur_user_name, guest_os, run_on_vds, migrating_to_vds, app_list, acpi_enable, session, utc_diff, client_ip, guest_requested_memory, boot_sequence, exit_status, pause_status, exit_message, hash, console_user_id, guest_agent_nics_hash, console_cur_user_name, last_watchdog_event, last_watchdog_action, is_run_once, volatile_run, vm_fqdn, cpu_name, current_cd, reason, exit_reason, guest_cpu_count, emulated_machine, spice_port, spice_tls_port, spice_ip, vnc_port, vnc_ip, ovirt_guest_agent_status, qemu_guest_agent_status, guest_timezone_offset, guest_timezone_name, guestos_arch, guestos_codename, guestos_distribution, guestos_kernel_version, guestos_type, guestos_version, guest_containers, lease_info, runtime_name, current_cpu_pinning, current_sockets, current_cores, current_threads, current_numa_pinning) FROM stdin;
09d8a66e-fbeb-49aa-63e9-a36b73abfb73	0	\N	\N	\N	\N	0	2024-01-01 00:00:00+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N	\N	\N	f	f		\N	\N	\N	-1	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	0	\N	\N	\N	Other	\N	[]	\N	\N	\N	0	0	0	\N
726a6489-c56b-56c9-ad40-e8be6ab7a4e3	0	\N	\N	\N	\N	0	2026-11-29 17:47:32.594425+00	\N	\N	\N	\N	kernel-5.14	\N	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N	\N	\N	f	f		\N	\N	\N	-1	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	0	\N	\N	\N	Other	\N	[]	\N	\N	\N	0	0	0	\N
065fc2fe-5db8-51ea-a628-6166add05b24	15	\N	\N	\N	\N	0	2026-11-29 17:47:33.959406+00	\N	\N	\N	\N	kernel-5.14	\N	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N	\N	\N	f	f		\N	\N	\N	-1	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	0	\N	\N	\N	Other	\N	[]	\N	\N	\N	0	0	0	\N
5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	15	\N	\N	\N	\N	0	2026-11-29 17:47:34.390718+00	\N	\N	\N	\N	kernel-5.14	\N	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N	\N	\N	f	f		\N	\N	\N	-1	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	0	\N	\N	\N	Other	\N	[]	\N	\N	\N	0	0	0	\N
eb6015af-b138-5332-a896-c18751ef509b	15	\N	\N	\N	\N	0	2026-11-29 17:47:34.593747+00	\N	\N	\N	\N	kernel-5.14	\N	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N	\N	\N	f	f		\N	\N	\N	-1	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	0	\N	\N	\N	Other	\N	[]	\N	\N	\N	0	0	0	\N
f035267b-8917-5f22-86b8-3c2856064225	15	\N	\N	\N	\N	0	2026-11-29 17:47:34.593747+00	\N	\N	\N	\N	kernel-5.14	\N	\N	\N	\N	\N	\N	0	0	\N	\N	\N	\N	\N	\N	\N	f	f		\N	\N	\N	-1	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	0	\N	\N	\N	Other	\N	[]	\N	\N	\N	0	0	0	\N
\.
-- Data for Name: vm_external_data; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_external_data (device_id, vm_id, tpm_data, tpm_hash) FROM stdin;
\.
-- Data for Name: vm_host_pinning_map; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_host_pinning_map (vm_id, vds_id) FROM stdin;
\.
-- Data for Name: vm_init; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_init (vm_id, host_name, domain, authorized_keys, regenerate_keys, time_zone, dns_servers, dns_search_domains, networks, password, winkey, custom_script, input_locale, ui_language, system_locale, user_locale, user_name, active_directory_ou, org_name, cloud_init_network_protocol) FROM stdin;
\.
-- Data for Name: vnic_profiles; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vnic_profiles (id, name, network_id, port_mirroring, custom_properties, description, _create_date, _update_date, network_qos_id, passthrough, network_filter_id, migratable, failover_vnic_profile_id) FROM stdin;
f5f1cf5a-8048-15f1-a081-49e19d44f611	net1	3c2e122e-26fb-4427-9195-fef6b60bac9d	f	\N	\N	2026-11-29 17:47:29.896475+00	\N	\N	f	\N	f	\N
8e2421a2-b832-fe6a-8e4d-37768e136b00	net1_mirror	3c2e122e-26fb-4427-9195-fef6b60bac9d	t	\N	\N	2026-11-29 17:47:29.896475+00	\N	\N	f	\N	f	\N
df67539e-67a9-1060-84ee-539ecd0f11e9	net2	ace2a2bf-a513-b711-9cc3-a3e3933c9a3a	f	\N	\N	2026-11-29 17:47:29.896475+00	\N	\N	f	\N	f	\N
3ef2e520-d288-5c5f-a397-80d48eba0807	net_dc2	b74f9948-f3f8-f7b7-6564-4c55443d5d36	f	\N	\N	2026-11-29 17:47:29.896475+00	\N	\N	f	\N	f	\N
\.
-- Data for Name: vm_interface; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_interface (id, vm_guid, mac_addr, name, speed, type, _create_date, _update_date, linked, vnic_profile_id, synced) FROM stdin;
9530897e-9e09-00df-d8b2-e88bf8b74620	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	56:6f:00:0f:ff:ff	nic1	10000	3	2024-01-01 00:00:00+00	\N	t	f5f1cf5a-8048-15f1-a081-49e19d44f611	t
0b69a480-cc57-5e9b-8b3c-71ffb2d44951	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	56:6f:00:00:00:00	nic1	10000	3	2026-11-29 17:47:32.594425+00	\N	t	f5f1cf5a-8048-15f1-a081-49e19d44f611	t
fb90829f-e046-5c53-8823-bad1a65f0985	065fc2fe-5db8-51ea-a628-6166add05b24	56:6f:00:00:00:02	nic1	10000	3	2026-11-29 17:47:33.959406+00	\N	t	f5f1cf5a-8048-15f1-a081-49e19d44f611	t
30b54690-1871-54af-a8dc-e032abe5f8b8	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	56:6f:00:00:00:03	nic1	10000	3	2026-11-29 17:47:34.390718+00	\N	t	f5f1cf5a-8048-15f1-a081-49e19d44f611	t
6b62fbb5-6cfe-50b9-80bd-c59b7eaf168d	eb6015af-b138-5332-a896-c18751ef509b	56:6f:00:00:00:04	nic1	10000	3	2026-11-29 17:47:34.593747+00	\N	t	f5f1cf5a-8048-15f1-a081-49e19d44f611	t
314c4bc1-5eb9-5485-94f4-4a2b3efae43f	f035267b-8917-5f22-86b8-3c2856064225	56:6f:00:00:00:05	nic1	10000	3	2026-11-29 17:47:34.593747+00	\N	t	f5f1cf5a-8048-15f1-a081-49e19d44f611	t
\.
-- Data for Name: vm_interface_statistics; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_interface_statistics (id, vm_id, rx_rate, tx_rate, rx_drop, tx_drop, iface_status, _update_date, rx_total, rx_offset, tx_total, tx_offset, sample_time) FROM stdin;
9530897e-9e09-00df-d8b2-e88bf8b74620	09d8a66e-fbeb-49aa-63e9-a36b73abfb73	0	0	0	0	0	\N	\N	\N	\N	\N	\N
0b69a480-cc57-5e9b-8b3c-71ffb2d44951	726a6489-c56b-56c9-ad40-e8be6ab7a4e3	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N
fb90829f-e046-5c53-8823-bad1a65f0985	065fc2fe-5db8-51ea-a628-6166add05b24	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N
30b54690-1871-54af-a8dc-e032abe5f8b8	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N
6b62fbb5-6cfe-50b9-80bd-c59b7eaf168d	eb6015af-b138-5332-a896-c18751ef509b	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N
314c4bc1-5eb9-5485-94f4-4a2b3efae43f	f035267b-8917-5f22-86b8-3c2856064225	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N
\.
-- Data for Name: vm_names; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_names (storage_pool_id, vm_name, vm_id, call_id) FROM stdin;
941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	held	065fc2fe-5db8-51ea-a628-6166add05b24	9393c115-edbb-56e5-ab30-2e0fd380f16b
941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	paused	5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	0e76da81-b092-5c14-a0fe-273774102978
941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	many1	eb6015af-b138-5332-a896-c18751ef509b	016b0741-5075-58ef-b2e4-742f84b4c354
941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	many2	f035267b-8917-5f22-86b8-3c2856064225	016b0741-5075-58ef-b2e4-742f84b4c354
\.
-- Data for Name: vm_nvram_data; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_nvram_data (vm_id, nvram_data, nvram_hash) FROM stdin;
\.
-- Data for Name: vm_ovf_generations; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_ovf_generations (vm_guid, storage_pool_id, ovf_generation, ovf_data) FROM stdin;
09d8a66e-fbeb-49aa-63e9-a36b73abfb73	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0	\N
821ce38d-8e1f-248c-01e8-3ee579cd2790	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0	\N
726a6489-c56b-56c9-ad40-e8be6ab7a4e3	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0	\N
065fc2fe-5db8-51ea-a628-6166add05b24	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0	\N
5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0	\N
eb6015af-b138-5332-a896-c18751ef509b	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0	\N
f035267b-8917-5f22-86b8-3c2856064225	941a478f-850b-e18a-c7a3-cc9ba4dfa9e9	0	\N
\.
-- Data for Name: vm_statistics; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_statistics (vm_guid, cpu_user, cpu_sys, elapsed_time, usage_network_percent, usage_mem_percent, usage_cpu_percent, disks_usage, _update_date, migration_progress_percent, memory_usage_history, cpu_usage_history, network_usage_history, guest_mem_buffered, guest_mem_cached, guest_mem_unused) FROM stdin;
09d8a66e-fbeb-49aa-63e9-a36b73abfb73	0.000	0.000	0.000	0	0	0	\N	2024-01-01 00:00:00+00	0	\N	\N	\N	\N	\N	\N
726a6489-c56b-56c9-ad40-e8be6ab7a4e3	0.000	0.000	0.000	0	0	0	\N	\N	0	\N	\N	\N	\N	\N	\N
065fc2fe-5db8-51ea-a628-6166add05b24	0.000	0.000	0.000	0	0	0	\N	\N	0	\N	\N	\N	\N	\N	\N
5ef37df0-9cd0-5d3a-9ce0-8da0b571dd04	0.000	0.000	0.000	0	0	0	\N	\N	0	\N	\N	\N	\N	\N	\N
eb6015af-b138-5332-a896-c18751ef509b	0.000	0.000	0.000	0	0	0	\N	\N	0	\N	\N	\N	\N	\N	\N
f035267b-8917-5f22-86b8-3c2856064225	0.000	0.000	0.000	0	0	0	\N	\N	0	\N	\N	\N	\N	\N	\N
\.
-- Data for Name: vm_vds_numa_node_map; Type: TABLE DATA; Schema: vmclone; Owner: -
COPY vmclone.vm_vds_numa_node_map (id, vm_numa_node_id, vds_numa_node_index) FROM stdin;
\.
SELECT pg_catalog.setval('vmclone.audit_log_seq', 8, true);
SELECT pg_catalog.setval('vmclone.orphan_files_orphan_id_seq', 1, false);
SELECT pg_catalog.setval('vmclone.vdc_options_seq', 1, false);
