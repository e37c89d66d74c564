-- Permissions of engine users (stage P), by object, container and system; profiles.
CREATE EXTENSION vmclone;
\set ECHO none
\i test/fixture/fixture.sql
\i test/fixture/checks.sql
\set ECHO all
\set ON_ERROR_STOP 0
SELECT fixture.attach_domains();
SELECT count(*) FROM (SELECT fixture.make_vm('one'), fixture.make_template('base'), fixture.make_vm('thin', disks => 1, template => 'base'), fixture.make_vm('shared', options => '{"shareable": true, "lun": true}')) v;
SET client_min_messages = error;
SET search_path = vmclone, public;
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION fixture.take(who text, role text, what text) RETURNS void LANGUAGE sql SET search_path = vmclone AS $$
    DELETE FROM permissions WHERE id = fixture.id(format('permission %s %s %s', who, role, what)) $$;
CREATE FUNCTION fixture.give(who uuid, role text, what uuid) RETURNS void LANGUAGE sql SET search_path = vmclone AS $$
    INSERT INTO permissions (id, role_id, ad_element_id, object_id, object_type_id)
    SELECT gen_random_uuid(), r.id, who, what, 1 FROM roles r WHERE r.name = role $$;

-- alice may, the super user may, nobody in particular (an internal call) may
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice')$$, target => 'template');
SELECT * FROM fixture.try('', $$user_id => fixture.id('admin')$$);
SELECT * FROM fixture.try('');
SELECT * FROM fixture.try('', $$user_id => fixture.id('bob')$$);
-- one right less
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'VmCreator', 'cl1')$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'TemplateCreator', 'dc1')$$, $$user_id => fixture.id('alice')$$, target => 'template');
-- the cluster is part of the data center, not the other way round
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'TemplateCreator', 'dc1'), fixture.give(fixture.id('alice'), 'TemplateCreator', fixture.id('cl1'))$$, $$user_id => fixture.id('alice')$$, target => 'template');
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'DiskCreator', 'nfs1')$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), vm_static => '{"userdefined_properties": "a=b"}'$$);
SELECT * FROM fixture.try('', $$user_id => fixture.id('admin'), vm_static => '{"userdefined_properties": "a=b"}'$$);
-- without a template, or with one that is gone: there is none that has these properties
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), use_given_vm_static => true, vm_name => 'x', vm_static => '{"mem_size_mb": 1024, "userdefined_properties": "a=b"}'$$);
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), use_given_vm_static => true, vm_name => 'x', vm_static => '{"mem_size_mb": 1024}'$$);
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), copies => 2, vm_name => 'c{n}', copy_overrides => '[{}, {"vm_static": {"userdefined_properties": "a=b"}}]'$$);
SELECT * FROM fixture.try($$INSERT INTO vm_host_pinning_map VALUES (fixture.vm('thin'), fixture.id('host'))$$, $$user_id => fixture.id('alice')$$, fixture.snapshot('thin', 2));
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), vm_static => '{"cpu_pinning": "0#0", "cpu_pinning_policy": 1}'$$, fixture.snapshot('thin', 2));
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), copies => 2, vm_name => 'c{n}', copy_overrides => '[{}, {"vm_static": {"cpu_pinning": "0#0", "cpu_pinning_policy": 1}}]'$$, fixture.snapshot('thin', 2));
-- a VM of no template may be pinned
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), vm_static => '{"cpu_pinning": "0#0", "cpu_pinning_policy": 1}'$$);
-- the source VM: its own permission, or one on its cluster; a right on the target's cluster is not enough
SELECT * FROM fixture.try($$DELETE FROM permissions WHERE object_id = fixture.vm('one')$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try($$DELETE FROM permissions WHERE object_id = fixture.vm('one'); SELECT fixture.take('alice', 'VmCreator', 'cl1');
    SELECT fixture.give(fixture.id('alice'), 'VmCreator', fixture.id('cl2')), fixture.give(fixture.id('alice'), 'CpuProfileOperator', fixture.id('cpu profile cl2'))$$,
    $$user_id => fixture.id('alice'), cluster_id => fixture.id('cl2')$$);
-- an unknown snapshot belongs to nobody but the system
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), vm_name => 'x'$$, fixture.id('nothing'));
SELECT * FROM fixture.try('', $$user_id => fixture.id('admin'), vm_name => 'x'$$, fixture.id('nothing'));
-- quotas, only where they are enforced
SELECT * FROM fixture.try($$UPDATE storage_pool SET quota_enforcement_type = 2$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try($$UPDATE storage_pool SET quota_enforcement_type = 1$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try($$UPDATE storage_pool SET quota_enforcement_type = 2$$, $$user_id => fixture.id('alice'),
    disks => (SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.disk('one', d), 'quota_id', fixture.id('q1'))) FROM generate_series(1, 2) d)$$);
-- profiles; without a choice the first permitted one is taken
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'DiskProfileUser', 'profile nfs1')$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'DiskProfileUser', 'profile nfs1'); INSERT INTO disk_profiles (id, name, storage_domain_id) VALUES (fixture.id('p2'), 'zz', fixture.id('nfs1'));
    SELECT fixture.give(fixture.id('alice'), 'DiskProfileUser', fixture.id('p2'))$$, $$user_id => fixture.id('alice')$$);
-- who may create VMs in a cluster may use its profiles, but by a role of one's own
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'CpuProfileOperator', 'cpu profile cl1')$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'CpuProfileOperator', 'cpu profile cl1'); DELETE FROM roles_groups WHERE action_group_id = 1668$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'VnicProfileUser', 'vnic net1')$$, $$user_id => fixture.id('alice')$$);
-- a vNIC profile that the caller chooses, by id or by name, for all copies or for one; its network's users may too
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), interfaces => jsonb_build_array(jsonb_build_object('name', 'nic1', 'vnic_profile_id', fixture.id('vnic net1_mirror')))$$);
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), interfaces => '[{"name": "nic1", "profile_name": "net1_mirror"}]'$$);
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), copies => 2, vm_name => 'c{n}', copy_overrides => '[{}, {"interfaces": [{"name": "nic1", "profile_name": "net1_mirror"}]}]'$$);
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), interfaces => '[{"name": "nic1", "network_name": "net2", "profile_name": "net2"}]'$$);
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'VnicProfileUser', 'vnic net2')$$, $$user_id => fixture.id('alice'), interfaces => '[{"name": "nic1", "network_name": "net2", "profile_name": "net2"}]'$$);
SELECT * FROM fixture.try($$SELECT fixture.give(fixture.id('alice'), 'VnicProfileUser', fixture.id('net1'))$$,
    $$user_id => fixture.id('alice'), interfaces => jsonb_build_array(jsonb_build_object('name', 'nic1', 'vnic_profile_id', fixture.id('vnic net1_mirror')))$$);
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), interfaces => jsonb_build_array(jsonb_build_object('name', 'nic1', 'vnic_profile_id', fixture.id('vnic net1_mirror'), 'include', false))$$);
-- the snapshot's own profile may be handed back, by name and by id
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'VnicProfileUser', 'vnic net1')$$, $$user_id => fixture.id('alice'),
    interfaces => jsonb_build_array(jsonb_build_object('name', 'nic1', 'network_name', 'net1', 'profile_name', 'net1', 'vnic_profile_id', fixture.id('vnic net1')))$$);
-- a shareable disk: who may only create VMs from the source may not attach it elsewhere
SELECT * FROM fixture.try('', $$user_id => fixture.id('alice'), disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.id('shareable of shared'), 'attach', true))$$, fixture.snapshot('shared', 2));
SELECT * FROM fixture.try($$DELETE FROM permissions WHERE object_id = fixture.vm('shared'); SELECT fixture.give(fixture.id('alice'), 'VmCreator', fixture.vm('shared'))$$,
    $$user_id => fixture.id('alice'), disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.id('shareable of shared'), 'attach', true), jsonb_build_object('disk_id', fixture.id('lun of shared'), 'attach', true))$$, fixture.snapshot('shared', 2));
SELECT * FROM fixture.try($$DELETE FROM permissions WHERE object_id = fixture.vm('shared'); SELECT fixture.give(fixture.id('alice'), 'VmCreator', fixture.vm('shared')), fixture.give(fixture.id('alice'), 'DiskOperator', fixture.id('shareable of shared'))$$,
    $$user_id => fixture.id('alice'), disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.id('shareable of shared'), 'attach', true))$$, fixture.snapshot('shared', 2));
-- roles of a user's groups, while the user is logged in
SELECT DISTINCT message_key, add_says FROM fixture.try($$UPDATE permissions SET ad_element_id = fixture.id('group') WHERE ad_element_id = fixture.id('alice')$$, $$user_id => fixture.id('alice')$$)
ORDER BY 1;
SELECT * FROM fixture.try($$UPDATE permissions SET ad_element_id = fixture.id('group') WHERE ad_element_id = fixture.id('alice');
    INSERT INTO engine_sessions (engine_session_id, user_id, user_name, group_ids) VALUES ('other', fixture.id('bob'), 'bob', fixture.id('other')::text),
        ('none', fixture.id('alice'), 'alice', NULL), ('empty', fixture.id('alice'), 'alice', ''), ('odd', fixture.id('alice'), 'alice', ',x,'),
        ('one', fixture.id('alice'), 'alice', concat(fixture.id('other'), ',', fixture.id('group')))$$, $$user_id => fixture.id('alice')$$);
-- the hierarchy: data center, system, everyone
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'VmCreator', 'cl1'), fixture.give(fixture.id('alice'), 'VmCreator', fixture.id('dc1'))$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try($$SELECT fixture.take('alice', 'VmCreator', 'cl1'), fixture.give(fixture.id('alice'), 'VmCreator', fixture.id('dc2'))$$, $$user_id => fixture.id('alice')$$);
SELECT * FROM fixture.try($$SELECT fixture.give(fixture.id('bob'), 'SuperUser', 'aaa00000-0000-0000-0000-123456789aaa')$$, $$user_id => fixture.id('bob')$$);
SELECT * FROM fixture.try($$SELECT fixture.give('eee00000-0000-0000-0000-123456789eee', 'SuperUser', fixture.id('dc1'))$$, $$user_id => fixture.id('bob')$$);
SELECT * FROM fixture.try($$SELECT fixture.give(fixture.id('bob'), 'UserRole', 'aaa00000-0000-0000-0000-123456789aaa')$$, $$user_id => fixture.id('bob')$$);
