-- The inventory's tables: there, of oVirt's types, protected, described, dumped.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();
SET LOCAL search_path = vmclone, public;

-- every table of the design is there, and every column that it must have is of oVirt's type
SELECT has_table('vmclone'::name, t::name)
FROM regexp_split_to_table('vm_static vm_dynamic vm_statistics vm_device vm_interface vm_init vm_icons vm_nvram_data vm_external_data numa_node
    vm_ovf_generations snapshots base_disks images disk_image_dynamic disk_vm_element image_storage_domain_map luns disk_lun_map
    storage_domain_static storage_domain_dynamic storage_pool storage_pool_iso_map cluster cpu_profiles disk_profiles quota quota_limitation
    mac_pools mac_pool_ranges network network_cluster vnic_profiles permissions roles roles_groups affinity_groups affinity_group_members
    labels labels_map audit_log vdc_options', '\s+') t;

SELECT is(format_type(a.atttypid, a.atttypmod), c.type, format('%s.%s is %s', c.relation, c.name, c.type))
FROM (VALUES
    ('vm_static', 'vm_guid', 'uuid'), ('vm_static', 'vm_name', 'character varying(255)'), ('vm_static', 'mem_size_mb', 'integer'),
    ('vm_static', 'max_memory_size_mb', 'integer'), ('vm_static', 'vmt_guid', 'uuid'), ('vm_static', 'cluster_id', 'uuid'), ('vm_static', 'bios_type', 'integer'),
    ('vm_static', 'cpu_profile_id', 'uuid'), ('vm_static', 'quota_id', 'uuid'), ('vm_static', 'userdefined_properties', 'character varying(4000)'),
    ('vm_static', 'predefined_properties', 'character varying(4000)'), ('vm_static', 'entity_type', 'character varying(32)'), ('vm_static', 'db_generation', 'bigint'),
    ('vm_static', 'cpu_pinning', 'text'), ('vm_static', 'cpu_pinning_policy', 'smallint'), ('vm_static', 'lease_sd_id', 'uuid'),
    ('vm_static', 'serial_number_policy', 'smallint'), ('vm_static', 'custom_compatibility_version', 'character varying(40)'),
    ('vm_static', 'virtio_scsi_multi_queues', 'integer'), ('vm_static', 'parallel_migrations', 'smallint'), ('vm_static', 'namespace', 'character varying(253)'),
    ('vm_dynamic', 'status', 'integer'), ('vm_dynamic', 'run_on_vds', 'uuid'), ('vm_dynamic', 'app_list', 'text'),
    ('vm_ovf_generations', 'ovf_generation', 'bigint'), ('vm_init', 'custom_script', 'text'), ('vm_init', 'winkey', 'character varying(30)'),
    ('snapshots', 'snapshot_id', 'uuid'), ('snapshots', 'snapshot_type', 'character varying(32)'), ('snapshots', 'status', 'character varying(32)'),
    ('snapshots', 'description', 'character varying(4000)'), ('snapshots', 'creation_date', 'timestamp with time zone'), ('snapshots', 'vm_configuration', 'text'),
    ('snapshots', 'vm_configuration_broken', 'boolean'), ('snapshots', 'memory_dump_disk_id', 'uuid'),
    ('images', 'image_guid', 'uuid'), ('images', 'size', 'bigint'), ('images', 'it_guid', 'uuid'), ('images', 'parentid', 'uuid'), ('images', 'imagestatus', 'integer'),
    ('images', 'volume_type', 'integer'), ('images', 'volume_format', 'integer'), ('images', 'volume_classification', 'smallint'), ('images', 'active', 'boolean'),
    ('images', 'qcow_compat', 'integer'), ('images', 'sequence_number', 'integer'),
    ('base_disks', 'disk_alias', 'character varying(255)'), ('base_disks', 'disk_storage_type', 'smallint'), ('base_disks', 'propagate_errors', 'character varying(32)'),
    ('disk_image_dynamic', 'actual_size', 'bigint'), ('disk_vm_element', 'disk_interface', 'character varying(32)'),
    ('vm_device', 'type', 'character varying(30)'), ('vm_device', 'device', 'character varying(255)'), ('vm_device', 'address', 'character varying(255)'),
    ('vm_device', 'spec_params', 'text'), ('vm_interface', 'mac_addr', 'character varying(20)'), ('vm_interface', 'name', 'character varying(50)'),
    ('storage_domain_static', 'storage_domain_type', 'integer'), ('storage_domain_static', 'storage_type', 'integer'),
    ('storage_domain_dynamic', 'available_disk_size', 'integer'), ('storage_pool_iso_map', 'status', 'integer'), ('storage_pool', 'quota_enforcement_type', 'integer'),
    ('quota_limitation', 'storage_size_gb', 'bigint'), ('quota_limitation', 'virtual_cpu', 'integer'), ('mac_pool_ranges', 'from_mac', 'character varying(17)'),
    ('permissions', 'ad_element_id', 'uuid'), ('roles_groups', 'action_group_id', 'integer'),
    ('audit_log', 'audit_log_id', 'bigint'), ('audit_log', 'severity', 'integer'), ('audit_log', 'correlation_id', 'character varying(50)')
) AS c (relation, name, type)
LEFT JOIN pg_attribute a ON a.attrelid = ('vmclone.' || c.relation)::regclass AND a.attname = c.name AND NOT a.attisdropped;

-- the row that root images refer to in every engine's tables
INSERT INTO images (image_guid, creation_date, size, it_guid, parentid, imagestatus, lastmodified, volume_type, volume_format, active, volume_classification)
VALUES ('00000000-0000-0000-0000-000000000000', '2008-04-01 00:00+00', 85899345920, '00000000-0000-0000-0000-000000000000', NULL, 0, '2008-04-01 00:00+00', 2, 4, true, 0);
SAVEPOINT zero_row;
SELECT fixture.attach_domains(), fixture.make_template('of_zero') IS NOT NULL AS made \gset
SELECT fixture.make_vm('zero', disks => 1, template => 'of_zero') AS zero_vm, fixture.make_vm('zero_thick', disks => 1) AS zero_thick \gset
SELECT is((SELECT string_agg(concat_ws(' ', disk_alias, chain_depth), ', ') FROM snapshot_disks(fixture.snapshot('zero', 2))), 'zero_Disk1 3', 'a chain stops before the zero row');
SELECT lives_ok($$ SELECT * FROM add_vm_from_snapshot(fixture.snapshot('zero', 2), 'zero{n}', copies => 2, start_paused => true) $$, 'a thin VM is cloned with that row there');
SELECT lives_ok($$ SELECT * FROM add_vm_from_snapshot(fixture.snapshot('zero_thick', 2), 'thick', start_paused => true) $$, 'so is one of its own');
SELECT is((SELECT count(*) FROM image_locks WHERE entity_id = '00000000-0000-0000-0000-000000000000'), 0::bigint, 'nothing holds the row');
SELECT is((SELECT count(*) FROM snapshot_tree(fixture.vm('zero')) WHERE id = '00000000-0000-0000-0000-000000000000'), 0::bigint, 'the tree does not draw it');
ROLLBACK TO zero_row;

-- keys and references
SELECT is_empty(
    $$ SELECT c.relname FROM pg_class c JOIN inventory_columns i ON i.relation = c.relname WHERE c.relnamespace = 'vmclone'::regnamespace
       AND c.relname NOT IN ('mac_pool_ranges', 'affinity_group_members', 'labels_map')
       AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p') $$,
    'every inventory table has a primary key, but those where oVirt has none');
SELECT fk_ok('vmclone', r.relation, r.column_name, 'vmclone', r.target, r.target_column)
FROM (VALUES
    ('snapshots', 'vm_id', 'vm_static', 'vm_guid'), ('images', 'image_group_id', 'base_disks', 'disk_id'), ('images', 'vm_snapshot_id', 'snapshots', 'snapshot_id'),
    ('disk_image_dynamic', 'image_id', 'images', 'image_guid'), ('image_storage_domain_map', 'image_id', 'images', 'image_guid'),
    ('image_storage_domain_map', 'storage_domain_id', 'storage_domain_static', 'id'), ('image_storage_domain_map', 'quota_id', 'quota', 'id'),
    ('disk_vm_element', 'vm_id', 'vm_static', 'vm_guid'), ('disk_vm_element', 'disk_id', 'base_disks', 'disk_id'), ('vm_device', 'vm_id', 'vm_static', 'vm_guid'),
    ('vm_interface', 'vm_guid', 'vm_static', 'vm_guid'), ('vm_static', 'cluster_id', 'cluster', 'cluster_id'), ('vm_static', 'cpu_profile_id', 'cpu_profiles', 'id'),
    ('vm_dynamic', 'vm_guid', 'vm_static', 'vm_guid'), ('cluster', 'mac_pool_id', 'mac_pools', 'id'), ('quota_limitation', 'quota_id', 'quota', 'id'),
    ('permissions', 'role_id', 'roles', 'id'), ('vnic_profiles', 'network_id', 'network', 'id')
) AS r (relation, column_name, target, target_column);
SELECT is_empty(
    $$ WITH RECURSIVE path AS (
           SELECT conrelid AS first, confrelid AS last, ARRAY[conrelid] AS seen FROM pg_constraint WHERE contype = 'f' AND connamespace = 'vmclone'::regnamespace
               AND conrelid::regclass::text IN (SELECT relation::text FROM inventory_columns)
           UNION
           SELECT p.first, k.confrelid, p.seen || k.conrelid FROM path p JOIN pg_constraint k ON k.conrelid = p.last AND k.contype = 'f' WHERE NOT k.conrelid = ANY (p.seen))
       SELECT DISTINCT first::regclass FROM path WHERE first = last $$,
    'no circle of foreign keys, not even of a table with itself: a dump restores without a warning');
SELECT is_empty(
    $$ SELECT conname FROM pg_constraint WHERE connamespace = 'vmclone'::regnamespace AND condeferrable $$, 'no deferrable constraint: one can not be queued in a restricted frame');
SELECT is_empty(
    $$ SELECT conrelid::regclass, conname FROM pg_constraint k
       WHERE contype = 'f' AND connamespace = 'vmclone'::regnamespace AND conrelid::regclass::text NOT IN (SELECT relation::text FROM inventory_columns)
       AND confrelid::regclass::text IN (SELECT relation::text FROM inventory_columns) $$,
    'no foreign key from the extension''s own tables into the inventory');

SELECT has_index('vmclone', i.relation::name, i.name::name, format('index %s', i.name))
FROM (VALUES ('images', 'idx_images_parentid'), ('images', 'idx_images_image_group_id'), ('images', 'idx_images_vm_snapshot_id'), ('images', 'idx_images_one_active'),
    ('snapshots', 'idx_snapshots_vm_id'), ('snapshots', 'idx_snapshots_one_active'), ('vm_static', 'idx_vm_static_vm_name'), ('vm_interface', 'idx_vm_interface_mac_addr'),
    ('quota', 'idx_quota_one_default'), ('vm_device', 'idx_vm_device_vm_id_type')) AS i (relation, name);

-- described, not open to everybody, and dumped: these hold for all that the extension makes
SELECT is_empty(
    $$ SELECT c.oid::regclass FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
       WHERE c.relkind IN ('r', 'p', 'v') AND c.relnamespace = 'vmclone'::regnamespace AND obj_description(c.oid, 'pg_class') IS NULL $$,
    'every table and view of the extension has a comment');
SELECT is_empty(
    $$ SELECT d.classid::regclass, pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vmclone'
       WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid NOT IN ('pg_type'::regclass, 'pg_default_acl'::regclass)
       AND obj_description(d.objid, d.classid::regclass::name) IS NULL
       UNION ALL
       SELECT 'pg_trigger', format('%s on %s', t.tgname, t.tgrelid::regclass) FROM pg_trigger t JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = t.tgrelid AND d.deptype = 'e'
       JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vmclone' WHERE NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL $$,
    'so has every other object of it, and every trigger');
SELECT is_empty(
    $$ SELECT i.relation, i.column_name FROM inventory_columns i JOIN pg_attribute a ON a.attrelid = i.relation::text::regclass AND a.attname = i.column_name
       WHERE i.column_name::text ~ '(status|_type|severity)$' AND i.type IN ('integer'::regtype, 'smallint'::regtype)
       AND (i.relation, i.column_name) NOT IN (('audit_log', 'log_type'), ('storage_pool', 'storage_pool_type'), ('network', 'type'), ('vm_dynamic', 'pause_status'),
           ('vm_dynamic', 'ovirt_guest_agent_status'), ('vm_dynamic', 'qemu_guest_agent_status'), ('storage_domain_dynamic', 'external_status'),
           ('vm_interface_statistics', 'iface_status'), ('cluster', 'optimization_type'), ('cluster', 'firewall_type'), ('cluster', 'log_max_memory_used_threshold_type'))
       AND col_description(a.attrelid, a.attnum) IS NULL $$,
    'every column of codes that matter spells them out');
SELECT is_empty(
    $$ SELECT c.oid::regclass FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
       CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) x
       WHERE c.relnamespace = 'vmclone'::regnamespace AND x.grantee = 0 $$,
    'nobody has rights on tables, views and sequences by being PUBLIC');
SELECT is_empty(
    $$ SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
       CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
       WHERE p.pronamespace IN ('vmclone'::regnamespace, 'vmclone_internal'::regnamespace) AND x.grantee = 0 $$,
    'nobody may call functions by being PUBLIC');
SELECT results_eq(
    $$ SELECT c.relname::text COLLATE "default" FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
       WHERE c.relkind IN ('r', 'p', 'S') AND c.relnamespace = 'vmclone'::regnamespace
       AND NOT c.oid = ANY (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'vmclone') ORDER BY 1 $$,
    ARRAY['inventory_binding', 'inventory_columns', 'inventory_queries', 'storage_mounts'],
    'everything is dumped but what CREATE EXTENSION makes, and what belongs to this machine');

-- codes and amounts that make no sense are refused
CREATE FUNCTION pg_temp.refused(statement text, state text, rule text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    got_state text;
    got_rule text;
BEGIN
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS got_state = RETURNED_SQLSTATE, got_rule = CONSTRAINT_NAME;
    END;
    RETURN is(got_state || ' ' || got_rule, state || ' ' || rule, rule || ' refuses ' || left(statement, 90));
END
$$;
SELECT fixture.make_template('tmpl1') IS NOT NULL AS made \gset
SELECT fixture.make_vm('web01', options => '{"lun": true, "shareable": true, "affinity": true, "numa": true, "vm_init": {"host_name": "h1"}}') AS web01 \gset
SELECT fixture.make_vm('thin1', disks => 1, template => 'tmpl1') AS thin1 \gset
SAVEPOINT bare;
SELECT fixture.make_template('bare', disks => 0) IS NOT NULL AS made \gset
SELECT fixture.make_vm('child', disks => 0, nics => 0, devices => 'none', template => 'bare') AS child \gset

SELECT pg_temp.refused(s.statement, '23514', s.rule)
FROM (VALUES
    ('UPDATE images SET imagestatus = 3', 'images_codes'), ('UPDATE images SET volume_format = 2', 'images_codes'),
    ('UPDATE images SET volume_type = 3', 'images_codes'), ('UPDATE images SET size = -1', 'images_sound'),
    ('UPDATE images SET parentid = image_guid', 'images_sound'), ('UPDATE images SET qcow_compat = 3', 'images_codes'),
    ('UPDATE disk_image_dynamic SET actual_size = -1', 'disk_image_dynamic_actual_size_not_negative'),
    ('UPDATE snapshots SET status = ''BROKEN''', 'snapshots_codes'), ('UPDATE snapshots SET snapshot_type = ''regular''', 'snapshots_codes'),
    ('UPDATE vm_dynamic SET status = 3', 'vm_dynamic_status_code'), ('UPDATE vm_static SET entity_type = ''POOL''', 'vm_static_kind'),
    ('UPDATE vm_static SET bios_type = NULL WHERE cluster_id IS NOT NULL', 'vm_static_bios_type_check'),
    ('UPDATE vm_static SET bios_type = 2 WHERE cluster_id IS NULL', 'vm_static_bios_type_check'),
    ('UPDATE vm_static SET bios_type = 5 WHERE cluster_id IS NOT NULL', 'vm_static_bios_type_code'),
    ('UPDATE vm_static SET cpu_pinning_policy = 1', 'vm_static_cpu_pinning_set_for_manual_pinning_policy_only'),
    ('UPDATE vm_static SET cpu_pinning = ''0#0''', 'vm_static_cpu_pinning_set_for_manual_pinning_policy_only'),
    ('UPDATE vm_static SET max_memory_size_mb = mem_size_mb - 1', 'vm_static_max_memory_size_lower_bound'),
    ('UPDATE vm_static SET cpu_profile_id = NULL WHERE cluster_id IS NOT NULL', 'vm_static_cpu_profile_with_cluster'),
    ('UPDATE vm_static SET num_of_sockets = 0', 'vm_static_cpu_counts'), ('UPDATE vm_static SET template_status = 3', 'vm_static_kind'),
    ('UPDATE vm_interface SET type = 7', 'vm_interface_codes'), ('UPDATE vm_interface SET mac_addr = ''56:6f:0:0:0:0''', 'vm_interface_mac_form'),
    ('UPDATE vm_device SET type = ''floppy''', 'vm_device_type_code'), ('UPDATE disk_vm_element SET disk_interface = ''virtio''', 'disk_vm_element_interface_code'),
    ('UPDATE base_disks SET disk_storage_type = 5', 'base_disks_codes'), ('UPDATE base_disks SET backup = ''Full''', 'base_disks_codes'),
    ('UPDATE storage_domain_static SET storage_domain_type = 9', 'storage_domain_static_type_code'),
    ('UPDATE storage_domain_static SET storage_type = 12', 'storage_domain_static_storage_code'),
    ('UPDATE storage_domain_static SET critical_space_action_blocker = -1', 'storage_domain_static_blocker_not_negative'),
    ('UPDATE storage_domain_dynamic SET available_disk_size = -1', 'storage_domain_dynamic_available_not_negative'),
    ('UPDATE storage_pool_iso_map SET status = 10', 'storage_pool_iso_map_status_code'), ('UPDATE storage_pool SET status = 6', 'storage_pool_status_code'),
    ('UPDATE storage_pool SET quota_enforcement_type = 3', 'storage_pool_quota_mode_code'),
    ('UPDATE quota_limitation SET storage_size_gb = -2', 'quota_limitation_values'),
    ('UPDATE quota_limitation SET storage_id = (SELECT id FROM storage_domain_static LIMIT 1) WHERE cluster_id IS NOT NULL', 'quota_limitation_one_scope'),
    ('UPDATE mac_pool_ranges SET to_mac = ''00:00:00:00:00:00''', 'mac_pool_ranges_order'), ('UPDATE mac_pool_ranges SET from_mac = ''x''', 'mac_pool_ranges_from_form'),
    ('UPDATE roles SET role_type = 3', 'roles_type_code'),
    ('INSERT INTO audit_log (log_time, log_type, severity, message) VALUES (now(), 1, 3, '''')', 'audit_log_severity_code')
) AS s (statement, rule);
SELECT pg_temp.refused(s.statement, '23505', s.rule)
FROM (VALUES
    ('UPDATE snapshots SET snapshot_type = ''ACTIVE''', 'idx_snapshots_one_active'), ('UPDATE images SET active = true', 'idx_images_one_active'),
    ('UPDATE quota SET is_default = true', 'idx_quota_one_default'), ('UPDATE quota SET quota_name = ''q''', 'quota_name_once'),
    ('UPDATE mac_pools SET default_pool = true', 'idx_mac_pools_one_default'), ('UPDATE vnic_profiles SET name = ''p''', 'vnic_profiles_name_once'),
    ('UPDATE network SET name = ''n''', 'network_storage_pool_id_name')
) AS s (statement, rule);

-- references that a foreign key can not hold, or that must not cascade
SELECT pg_temp.refused('DELETE FROM vm_static WHERE vm_name = ''tmpl1''', '23503', 'vm_templates_vm_static');
SELECT pg_temp.refused('UPDATE vm_static SET vmt_guid = fixture.id(''nowhere'') WHERE vm_name = ''web01''', '23503', 'vm_templates_vm_static');
SELECT pg_temp.refused($$ UPDATE vm_static SET vm_guid = fixture.id('new') WHERE vm_name = 'bare' $$, '23503', 'vm_templates_vm_static');
CREATE TABLE public.no_vm_static (vm_name text, vmt_guid integer);
CREATE TRIGGER template_exists AFTER INSERT ON public.no_vm_static FOR EACH ROW EXECUTE FUNCTION vmclone_internal.vm_static_template_exists();
SELECT throws_ok($$ INSERT INTO public.no_vm_static VALUES ('web01', 7) $$, '42804',
    'table no_vm_static, whose templates a trigger looks up, has no column "vmt_guid" of type uuid', 'the trigger takes nothing else for an id');
ROLLBACK TO bare;
SELECT pg_temp.refused('DELETE FROM vm_static WHERE vm_name = ''web01''', '23503', 'fk_snapshot_vm');
SELECT pg_temp.refused('DELETE FROM base_disks', '23503', 'fk_images_disk');

-- Blank: there from the start; a dump's row sets it instead of colliding
SELECT is(vm_name::text, 'Blank', 'Blank is there') FROM vm_static WHERE vm_guid = '00000000-0000-0000-0000-000000000000';
INSERT INTO vm_static (vm_guid, vm_name, mem_size_mb, max_memory_size_mb, vmt_guid, entity_type, template_status, description, child_count)
VALUES ('00000000-0000-0000-0000-000000000000', 'Blank', 512, 2048, '00000000-0000-0000-0000-000000000000', 'TEMPLATE', 0, 'from a dump', 7);
SELECT results_eq($$ SELECT count(*)::int, max(mem_size_mb), max(description)::text, max(child_count) FROM vm_static WHERE vm_name = 'Blank' $$,
    $$ VALUES (1, 512, 'from a dump', 7) $$, 'inserting Blank again sets its columns');

-- predefined roles are there and stay out of dumps
SELECT results_eq($$ SELECT r.name::text FROM roles r JOIN roles_groups g ON g.role_id = r.id WHERE g.action_group_id = 1100 ORDER BY 1 $$,
    ARRAY['DiskCreator', 'DiskOperator', 'PowerUserRole', 'SuperUser', 'UserVmManager', 'VmCreator'], 'who may create disks');
SELECT is_empty($$ SELECT name FROM roles WHERE NOT is_readonly $$, 'all of them are read-only');

-- words for codes
SELECT results_eq($$ SELECT vm_name, kind, status, template, disks, nics, snapshots FROM vms WHERE vm_name <> 'Blank' ORDER BY 1 $$,
    $$ VALUES ('thin1', 'VM', 'Down', 'tmpl1', 1, 1, 2), ('tmpl1', 'TEMPLATE', 'OK', NULL, 1, 0, 0), ('web01', 'VM', 'Down', 'Blank', 4, 1, 2) $$, 'vms');
SELECT results_eq($$ SELECT disk_alias, status, format, allocation, storage, images, storage_domain, boot FROM disks WHERE vm_name = 'web01' ORDER BY 1 $$,
    $$ VALUES ('web01_Disk1', 'OK', 'COW', 'Sparse', 'IMAGE', 3, 'nfs1', true), ('web01_Disk2', 'OK', 'COW', 'Sparse', 'IMAGE', 3, 'nfs1', false),
        ('web01_lun', NULL, NULL, NULL, 'LUN', 0, NULL, false), ('web01_shareable', 'OK', 'RAW', 'Preallocated', 'IMAGE', 1, 'nfs1', false) $$, 'disks');
SELECT results_eq($$ SELECT storage_domain, data_center, type, storage_type, kind, status, attached FROM storage ORDER BY 1 $$,
    $$ VALUES ('iscsi1', 'dc1', 'Data', 'ISCSI', 'block', 'Active', 'not attached'), ('iso1', 'dc1', 'ISO', 'NFS', 'file', 'Active', 'not attached'),
        ('nfs1', 'dc1', 'Master', 'NFS', 'file', 'Active', 'not attached'), ('nfs2', 'dc1', 'Data', 'NFS', 'file', 'Active', 'not attached'),
        ('nfs_dc2', 'dc2', 'Master', 'NFS', 'file', 'Active', 'not attached') $$, 'storage');
SELECT results_eq($$ SELECT tree, type, status FROM snapshot_tree WHERE vm_name = 'web01' $$,
    $$ SELECT tree, type, status FROM snapshot_tree((SELECT vm_guid FROM vm_static WHERE vm_name = 'web01')) $$, 'the view shows what the function draws');
SELECT results_eq('SELECT DISTINCT vm_name FROM snapshot_tree ORDER BY 1', 'SELECT vm_name FROM vms ORDER BY 1', '... of every virtual machine');
SELECT is_empty('SELECT * FROM missing_disks', 'no disk is missing at first');
SELECT fixture.lose_image('web01', 2, 2);
DELETE FROM images WHERE image_guid = fixture.id('shareable image of web01');
UPDATE images SET imagestatus = 4 WHERE image_guid = fixture.image('thin1', 1, 1);
UPDATE snapshots SET vm_configuration = '<broken' WHERE snapshot_id = fixture.snapshot('web01', 1);
SELECT results_eq($$ SELECT vm_name, snapshot, disk_alias, status, disk_id FROM missing_disks ORDER BY 1 $$,
    $$ VALUES ('thin1', 'snapshot 1', 'thin1_Disk1', 'ILLEGAL', fixture.disk('thin1', 1)), ('web01', 'snapshot 2', 'web01_Disk2', 'MISSING', fixture.disk('web01', 2)) $$,
    'missing and illegal disks; shareable disks are no part of snapshots; what other documents look like does not matter');
UPDATE snapshots SET vm_configuration = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x><Disk diskId="&e;" fileRef="a/b"/></x>' WHERE snapshot_id = fixture.snapshot('web01', 1);
SELECT lives_ok('SELECT * FROM missing_disks', 'a hostile document does no harm');
SELECT is(advice, NULL, 'no job, no advice') FROM worker;
SELECT fixture.attach_domains(), fixture.make_vm('waits');
SELECT count(*) FROM add_vm_from_snapshot(fixture.snapshot('waits', 1), 'waiting', start_paused => true);
DELETE FROM identity;
SELECT matches(advice, 'adopt', 'jobs without an identity wait for adopt()') FROM worker;
INSERT INTO identity (system_identifier, timeline, database_oid, token, written_at_lsn)
SELECT c.system_identifier, k.timeline_id, d.oid, gen_random_uuid(), pg_current_wal_lsn() FROM pg_control_system() c, pg_control_checkpoint() k, pg_database d WHERE d.datname = current_database();
SELECT is(advice, CASE WHEN pid IS NULL THEN 'SELECT vmclone.start_worker() starts it' END, 'a job without worker waits for start_worker()') FROM worker;
UPDATE vm_dynamic SET status = 15; UPDATE images SET imagestatus = 2 WHERE active;
SELECT is(status, 'ImageLocked', 'status in words') FROM vms WHERE vm_name = 'web01';
SELECT is(status, 'LOCKED', 'status in words') FROM disks WHERE disk_alias = 'web01_Disk1';

SELECT * FROM finish();
ROLLBACK;
