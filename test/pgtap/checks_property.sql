-- Random calls on an inventory with random faults: add_… does what can_add_… says, with the key and SQLSTATE of its first error.
-- The seed is printed; PGOPTIONS='-c vmclone_test.seed=0.123' repeats a run.
\set ON_ERROR_STOP on
SET client_min_messages = error;
\i test/fixture/checks.sql
BEGIN;
SELECT no_plan();
SET LOCAL search_path = vmclone, public;
SELECT fixture.attach_domains();
SELECT coalesce(current_setting('vmclone_test.seed', true)::float8, round(random()::numeric, 6)::float8) AS seed \gset
SELECT diag('seed ' || :seed), setseed(:seed);
SELECT count(*) AS made FROM (SELECT fixture.make_vm('one'), fixture.make_vm('two', nics => 3), fixture.make_template('base'), fixture.make_vm('thin', disks => 1, template => 'base'),
    fixture.make_vm('sh', options => '{"shareable": true, "lun": true, "numa": true}'), fixture.make_vm('blk', domain => 'iscsi1')) v \gset

-- What may be wrong before the call.
CREATE TEMP TABLE changes AS SELECT * FROM (VALUES
    ('delete from base_disks where random()<0.3 and disk_storage_type=1'),
    ('delete from disk_profiles where random()<0.4'),
    ('delete from image_storage_domain_map where random()<0.5'),
    ('delete from mac_pool_ranges'),
    ('delete from network_cluster where random()<0.4'),
    ('delete from permissions where random()<0.3'),
    ('delete from quota where is_default'),
    ('delete from quota_limitation where random()<0.4'),
    ('delete from storage_domain_dynamic'),
    ('delete from storage_mounts where random()<0.3'),
    ('delete from storage_pool_iso_map where storage_id=fixture.id(''nfs1'')'),
    ('delete from vm_dynamic'),
    ('delete from vnic_profiles where random()<0.5'),
    ('do $x$ begin perform add_vm_from_snapshot(fixture.snapshot(''one'',1),''first'',start_paused=>true); exception when others then null; end $x$'),
    ('do $x$ begin perform add_vm_from_snapshot(fixture.snapshot(''one'',2),''first'',lock_mode=>''shared'',start_paused=>true); exception when others then null; end $x$'),
    ('do $x$ begin perform add_vm_template_from_snapshot(fixture.snapshot(''two'',1),''base'',base_template_id=>fixture.vm(''base''),start_paused=>true); exception when others then null; end $x$'),
    ('update base_disks set backup=''Incremental'''),
    ('update base_disks set disk_alias=null'),
    ('update base_disks set disk_storage_type=2 where random()<0.3'),
    ('update base_disks set disk_storage_type=3 where random()<0.3'),
    ('update cluster set architecture=0'),
    ('update cluster set architecture=5'),
    ('update cluster set architecture=7'),
    ('update cluster set bios_type=3'),
    ('update cluster set bios_type=NULL'),
    ('update cluster set mac_pool_id=fixture.id(''few_macs'')'),
    ('update cluster set storage_pool_id=null where cluster_id=fixture.id(''cl2'')'),
    ('update disk_vm_element set disk_interface=''IDE'''),
    ('update image_storage_domain_map set quota_id=fixture.id(''q1'')'),
    ('update image_storage_domain_map set storage_domain_id=fixture.id(''nfs_dc2'') where random()<0.3'),
    ('update images set image_group_id=fixture.disk(''two'',1) where image_group_id=fixture.disk(''one'',1) and not active'),
    ('update images set imagestatus=2 where active'),
    ('update images set imagestatus=4 where active'),
    ('update images set imagestatus=4 where not active'),
    ('update images set it_guid=gen_random_uuid()'),
    ('update images set parentid=gen_random_uuid() where parentid=''00000000-0000-0000-0000-000000000000'''),
    ('update images set parentid=image_guid where not active'),
    ('update images set size=-1'),
    ('update images set size=0'),
    ('update images set size=1'),
    ('update images set vm_snapshot_id=null'),
    ('update images set volume_format=3'),
    ('update images set volume_type=0'),
    ('update images set volume_type=1, volume_format=4'),
    ('update mac_pools set allow_duplicate_mac_addresses=true'),
    ('update numa_node set cpu_count=9'),
    ('update quota set threshold_storage_percentage=0'),
    ('update quota_limitation set storage_size_gb=1 where storage_size_gb is not null'),
    ('update snapshots s set vm_configuration=fixture.ovf(snapshot_id) where snapshot_type=''REGULAR'''),
    ('update snapshots set description=null'),
    ('update snapshots set status=''IN_PREVIEW'' where snapshot_type=''ACTIVE'''),
    ('update snapshots set status=''LOCKED'' where snapshot_type=''ACTIVE'''),
    ('update snapshots set vm_configuration=''<x>'''),
    ('update snapshots set vm_configuration=null'),
    ('update snapshots set vm_configuration=regexp_replace(vm_configuration,''(nic[0-9])'',repeat(''n'',300),''g'')'),
    ('update snapshots set vm_configuration=regexp_replace(vm_configuration,''>[0-9]+<'',''>-1<'',''g'')'),
    ('update snapshots set vm_configuration=regexp_replace(vm_configuration,''[0-9]{4,}'',''99999999999999999999'',''g'')'),
    ('update snapshots set vm_configuration=regexp_replace(vm_configuration,''[0-9a-f]{8}-[0-9a-f-]+'',''zz'')'),
    ('update snapshots set vm_configuration=regexp_replace(vm_configuration,''ovf:size="[0-9]+"'',''ovf:size="9223372036854775807"'',''g'')'),
    ('update snapshots set vm_configuration=replace(vm_configuration,''<InstanceId>'',''<InstanceId>zz'')'),
    ('update snapshots set vm_configuration=replace(vm_configuration,''RAW'',''XXX'')'),
    ('update snapshots set vm_configuration=replace(vm_configuration,''true'',''maybe'')'),
    ('update snapshots set vm_configuration_broken=true'),
    ('update storage_domain_dynamic set available_disk_size=0'),
    ('update storage_domain_dynamic set available_disk_size=5'),
    ('update storage_domain_dynamic set available_disk_size=null'),
    ('update storage_domain_static set critical_space_action_blocker=null'),
    ('update storage_domain_static set storage_domain_type=4 where id=fixture.id(''nfs1'')'),
    ('update storage_domain_static set storage_type=10 where id=fixture.id(''nfs1'')'),
    ('update storage_domain_static set storage_type=3'),
    ('update storage_pool set quota_enforcement_type=1'),
    ('update storage_pool set quota_enforcement_type=2'),
    ('update storage_pool set quota_enforcement_type=2'),
    ('update storage_pool set status=2'),
    ('update storage_pool_iso_map set status=6 where storage_id=fixture.id(''nfs2'')'),
    ('update storage_pool_iso_map set status=null'),
    ('update vm_device set spec_params=''{"model":"zz","action":"zz"}'' where type=''watchdog'''),
    ('update vm_dynamic set status=1'),
    ('update vm_dynamic set status=15'),
    ('update vm_interface set mac_addr=null'),
    ('update vm_interface set name=''same'''),
    ('update vm_static set cpu_pinning=''0#0'', cpu_pinning_policy=1 where entity_type=''VM'''),
    ('update vm_static set cpu_profile_id=null where entity_type=''TEMPLATE'''),
    ('update vm_static set custom_compatibility_version=''4.1'''),
    (E'update vm_static set description=E''a\\tb\\x01'''),
    ('update vm_static set is_disabled=true where entity_type=''TEMPLATE'''),
    ('update vm_static set lease_sd_id=fixture.id(''nfs1'')'),
    ('update vm_static set mem_size_mb=1'),
    ('update vm_static set num_of_sockets=17 where entity_type=''VM'''),
    ('update vm_static set quota_id=null'),
    ('update vm_static set template_status=1 where entity_type=''TEMPLATE'''),
    ('update vm_static set vm_name=''x'' where vm_guid=fixture.vm(''blk'')'),
    ('update vnic_profiles set port_mirroring=true')
) c (statement);
-- What may be said in the call, at most one for each parameter; SOURCE is the source VM's name.
CREATE TEMP TABLE arguments AS SELECT * FROM (VALUES
    ('cluster', 'cluster_id=>fixture.id(''cl2'')'),
    ('cluster', 'cluster_id=>fixture.id(''cl_dc2'')'),
    ('cluster', 'cluster_id=>fixture.id(''nothing'')'),
    ('copies', 'copies=>2'),
    ('copies', 'copies=>2, copy_overrides=>''[{"interfaces":[{"name":"nic1","mac":"56:6f:00:00:00:01","name":"nic1"}]},{"interfaces":[{"name":"nic1","mac":"new","include":false}]}]'''),
    ('copies', 'copies=>2, copy_overrides=>''[{"vm_static":{"bios_type":null,"origin":null}},{"vm_static":{"mem_size_mb":9999999}}]'''),
    ('copies', 'copies=>2, copy_overrides=>''[{"vm_static":{"priority":101}},{"vm_static":{"num_of_sockets":17}}]'''),
    ('copies', 'copies=>2, copy_overrides=>jsonb_build_array(jsonb_build_object(''interfaces'',jsonb_build_array(jsonb_build_object(''name'',''nic1'',''vnic_profile_id'',fixture.id(''vnic net1_mirror'')))))'),
    ('copies', 'copies=>2, copy_overrides=>jsonb_build_array(jsonb_build_object(''vm_static'',jsonb_build_object(''lease_sd_id'',fixture.id(''iso1''),''auto_startup'',true)),''{"vm_name":"one"}''::jsonb)'),
    ('copies', 'copies=>3'),
    ('copies', 'copies=>3, copy_overrides=>''[{"vm_static":{"max_memory_size_mb":1,"min_allocated_mem":5000}},{},{"vm_static":{"cpu_pinning":"1#1","cpu_pinning_policy":1,"userdefined_properties":"hugepages=3"}}]'''),
    ('disks', 'disks=>(select jsonb_agg(jsonb_build_object(''disk_id'',fixture.disk(SOURCE,d),''disk_profile_id'',fixture.id(''profile nfs2''),''disk_interface'',''IDE'',''is_boot'',true)) from generate_series(1,2) d)'),
    ('disks', 'disks=>(select jsonb_agg(jsonb_build_object(''disk_id'',fixture.disk(SOURCE,d),''include'',false)) from generate_series(1,2) d)'),
    ('disks', 'disks=>(select jsonb_agg(jsonb_build_object(''disk_id'',fixture.disk(SOURCE,d),''quota_id'',fixture.id(''q1''),''volume_format'',''COW'',''volume_type'',''Preallocated'')) from generate_series(1,2) d)'),
    ('disks', 'disks=>(select jsonb_agg(jsonb_build_object(''disk_id'',fixture.disk(SOURCE,d),''quota_id'',fixture.id(''q_specific''),''volume_format'',''RAW'',''volume_type'',''Sparse'')) from generate_series(1,1) d)'),
    ('disks', 'disks=>(select jsonb_agg(jsonb_build_object(''disk_id'',fixture.disk(SOURCE,d),''storage_domain_id'',fixture.id(''iscsi1''))) from generate_series(1,2) d)'),
    ('disks', 'disks=>(select jsonb_agg(jsonb_build_object(''disk_id'',fixture.disk(SOURCE,d),''storage_domain_id'',fixture.id(''iso1''))) from generate_series(1,1) d)'),
    ('disks', 'disks=>jsonb_build_array(jsonb_build_object(''disk_id'',fixture.id(''shareable of sh''),''attach'',true),jsonb_build_object(''disk_id'',fixture.id(''lun of sh''),''attach'',true))'),
    ('given', 'use_given_vm_static=>true, vm_static=>''{"mem_size_mb":1024}'''),
    ('given', 'use_given_vm_static=>true, vm_static=>jsonb_build_object(''mem_size_mb'',512,''cluster_id'',fixture.id(''cl1''),''cpu_profile_id'',fixture.id(''cpu profile cl2''))'),
    ('given', 'vm_static=>''{"bios_type":4,"custom_compatibility_version":"4.6"}'''),
    ('given', 'vm_static=>''{"cpu_pinning":"0#0_1#9999","cpu_pinning_policy":1}'''),
    ('given', 'vm_static=>''{"entity_type":"TEMPLATE","template_status":2,"vm_guid":"00000000-0000-0000-0000-000000000000","db_generation":-4}'''),
    ('given', 'vm_static=>''{"mem_size_mb":2147483647,"max_memory_size_mb":2147483647}'''),
    ('given', E'vm_static=>''{"migration_downtime":-1,"kernel_url":" x","description":"\\u00a7"}'''),
    ('given', 'vm_static=>''{"priority":101}'''),
    ('given', 'vm_static=>''{"quota_id":null}'''),
    ('given', 'vm_static=>''{"threads_per_cpu":8,"cpu_per_socket":254,"num_of_sockets":16}'''),
    ('given', 'vm_static=>''{"userdefined_properties":"a=b","predefined_properties":"c=d;e"}'''),
    ('given', 'vm_static=>jsonb_build_object(''lease_sd_id'',fixture.id(''nfs2''),''auto_startup'',true)'),
    ('given', 'vm_static=>jsonb_build_object(''quota_id'',fixture.id(''q_specific''))'),
    ('given', 'vm_static=>jsonb_build_object(''small_icon_id'',fixture.id(''x''),''instance_type_id'',fixture.id(''y''))'),
    ('given', 'vm_static=>jsonb_build_object(''vmt_guid'',fixture.vm(''base''))'),
    ('key', 'request_key=>''k''''"'''),
    ('lock', 'lock_mode=>''shared'''),
    ('lock', 'lock_mode=>''shared'''),
    ('missing', 'missing_disk=>''blank'''),
    ('missing', 'missing_disk=>''fail'''),
    ('missing', 'missing_disk=>''skip'''),
    ('name', 'vm_name=>'''''),
    ('name', 'vm_name=>''a b'''),
    ('name', 'vm_name=>''base'''),
    ('name', 'vm_name=>''first'''),
    ('name', 'vm_name=>''x'''),
    ('name', 'vm_name=>''x{n}'''),
    ('nics', 'interfaces=>''[{"name":"nic1","include":false}]'''),
    ('nics', 'interfaces=>''[{"name":"nic1","mac":"56:6f:01:00:00:00"}]'''),
    ('nics', 'interfaces=>''[{"name":"nic1","mac":"keep"}]'''),
    ('nics', 'interfaces=>''[{"name":"nic1","name":"nic1","linked":false,"plugged":false,"type":0},{"name":"nic2","mac":"keep"},{"name":"nic3","mac":"02:00:00:00:00:01"}]'''),
    ('nics', 'interfaces=>''[{"name":"nic1","type":"1","network_name":"zz"}]'''),
    ('nics', 'interfaces=>''[{"name":"nic1","vnic_profile_id":null}]'''),
    ('nics', 'interfaces=>''[{"name":"nic9"}]'''),
    ('nics', 'interfaces=>jsonb_build_array(jsonb_build_object(''name'',''nic1'',''vnic_profile_id'',fixture.id(''vnic net2'')))'),
    ('prio', 'priority=>5, bandwidth_limit=>1, verify=>true, on_failure=>''hold'''),
    ('src', 'source_vm_id=>fixture.vm(''one'')'),
    ('user', 'user_id=>fixture.id(''admin'')'),
    ('user', 'user_id=>fixture.id(''alice'')'),
    ('user', 'user_id=>fixture.id(''bob'')'),
    ('virtio', 'virtio_scsi=>false'),
    ('virtio', 'virtio_scsi=>true')
) a (parameter, argument);

CREATE FUNCTION pg_temp.try_one() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    source CONSTANT text := (ARRAY['one', 'two', 'thin', 'sh', 'blk'])[1 + floor(random() * 5)::integer];
    target CONSTANT text := CASE WHEN random() < 0.25 THEN 'template' ELSE 'vm' END;
    change text;
    call text;
    says text;
BEGIN
    SELECT coalesce(string_agg(statement, '; '), '') INTO change FROM (SELECT statement FROM changes ORDER BY random() LIMIT floor(random() * 4)::integer) c;
    SELECT coalesce(string_agg(argument, ', '), '') INTO call
    FROM (SELECT argument FROM (SELECT DISTINCT ON (parameter) parameter, argument FROM arguments ORDER BY parameter, random()) p ORDER BY random() LIMIT floor(random() * 6)::integer) a;
    call := replace(call, 'SOURCE', quote_literal(source));
    IF target = 'template' AND random() < 0.3 THEN
        call := concat_ws(', ', nullif(call, ''), $b$base_template_id => fixture.vm('base')$b$);
    END IF;
    BEGIN
        SELECT string_agg(DISTINCT add_says, ', ') INTO says FROM fixture.try(change, call, fixture.snapshot(source, 2), target);
    EXCEPTION WHEN integrity_constraint_violation OR SQLSTATE 'VC012' THEN
        -- the inventory didn't take the change
        RETURN 'no call';
    END;
    RETURN CASE WHEN says IN ('same', 'done') THEN says ELSE format('%s: change %s, %s of %s (%s)', says, change, target, source, call) END;
END
$$;
CREATE TEMP TABLE answers AS SELECT pg_temp.try_one() AS answer FROM generate_series(1, 400);
SELECT is((SELECT string_agg(answer, E'\n') FROM answers WHERE answer NOT IN ('same', 'done', 'no call')), NULL, 'add does what can_add says');
SELECT cmp_ok((SELECT count(*) FROM answers WHERE answer = 'same'), '>', 50::bigint, 'many calls were refused');
SELECT cmp_ok((SELECT count(*) FROM answers WHERE answer = 'done'), '>', 20::bigint, 'and others went through');

SELECT * FROM finish();
ROLLBACK;
