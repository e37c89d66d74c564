-- Checks of what the new VM would be: custom properties, watchdog, CPU pinning, NUMA nodes, lease, references; constraints
-- of vm_static that the caller's values would break; values that only some of the copies have.
CREATE EXTENSION vmclone;
\set ECHO none
\i test/fixture/fixture.sql
\i test/fixture/checks.sql
\set ECHO all
\set ON_ERROR_STOP 0
SELECT fixture.attach_domains();
SELECT count(*) FROM (SELECT fixture.make_vm('one'), fixture.make_vm('nodes', options => '{"numa": true, "vm_static": {"cpu_per_socket": 2}}')) v;
SET client_min_messages = error;
SET search_path = vmclone, public;
\pset format unaligned
\pset tuples_only on

-- custom properties
SELECT * FROM fixture.try('', $$vm_static => '{"userdefined_properties": "sap_agent=true;vhost=sapagent,x=1;empty=;"}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"userdefined_properties": "sap_agent"}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"predefined_properties": "a=1;;b=2"}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"predefined_properties": "a-b=1", "userdefined_properties": "=1"}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"predefined_properties": "a=1;b=2", "userdefined_properties": "c=1;a=3;c=4"}'$$);
SELECT * FROM fixture.try($$UPDATE vm_static SET userdefined_properties = 'broken' WHERE vm_guid = fixture.vm('one'); SELECT fixture.write_ovf('one')$$);

-- watchdog
SELECT * FROM fixture.try($$UPDATE vm_device SET spec_params = '{"model": "ib700", "action": "Poweroff"}' WHERE vm_id = fixture.vm('one') AND type = 'watchdog'; SELECT fixture.write_ovf('one')$$);
SELECT * FROM fixture.try($$UPDATE vm_device SET spec_params = '{"model": "diag288", "action": "none"}' WHERE vm_id = fixture.vm('one') AND type = 'watchdog'; SELECT fixture.write_ovf('one')$$);
SELECT * FROM fixture.try($$UPDATE vm_device SET spec_params = '{"model": "i6300esb", "action": "shutdown"}' WHERE vm_id = fixture.vm('one') AND type = 'watchdog'; SELECT fixture.write_ovf('one')$$);

-- CPU pinning; the VM has two processors
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_pinning": "0#1_1#2-4,^3,7", "cpu_pinning_policy": 1}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_pinning": "0#1_1#2", "cpu_pinning_policy": 2}'$$);
SELECT p AS pinning, t.step, t.message_key, t.message, t.add_says
FROM unnest('{0,0#,0#1_,0#1__1#2,0#1 _1#2,a#1,0#1-,0#1-2-3,0#^1-3,"0#1,",0#-1,0#1...,99999999999#1,0#99999999999}'::text[]) WITH ORDINALITY n(p, o),
    LATERAL fixture.try('', format($$vm_static => jsonb_build_object('cpu_pinning', %L, 'cpu_pinning_policy', 1)$$, p)) t ORDER BY o, t.step;
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_pinning": "2#1", "cpu_pinning_policy": 1}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_pinning": "0#1_1#2_0#3", "cpu_pinning_policy": 1}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_pinning": "0#1,^1", "cpu_pinning_policy": 1}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_pinning": "0#^1", "cpu_pinning_policy": 1}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_pinning": "0#4-1", "cpu_pinning_policy": 1}'$$);
-- a smaller VM than the pinning's
SELECT * FROM fixture.try($$UPDATE vm_static SET cpu_pinning = '0#1_1#2', cpu_pinning_policy = 1 WHERE vm_guid = fixture.vm('one'); SELECT fixture.write_ovf('one')$$, $$vm_static => '{"num_of_sockets": 1}'$$);

-- processors
SELECT * FROM fixture.try($$INSERT INTO vdc_options (option_name, option_value, default_value, version) VALUES ('MaxNumOfVmCpus', '{x86=8,ppc=384,s390x=384}', '', '4.7')$$, $$vm_static => '{"num_of_sockets": 3, "cpu_per_socket": 3}'$$);
SELECT * FROM fixture.try($$INSERT INTO vdc_options (option_name, option_value, default_value, version) VALUES ('MaxNumOfVmCpus', '9', '', '4.7')$$, $$vm_static => '{"num_of_sockets": 3, "cpu_per_socket": 3}'$$);

-- NUMA: nodes 0 and 1 of 1024 MiB and a processor each, in a VM of 2048 MiB and four processors
SELECT * FROM fixture.try('', '', fixture.snapshot('nodes', 2));
SELECT * FROM fixture.try('', $$vm_static => '{"num_of_sockets": 1, "cpu_per_socket": 1}'$$, fixture.snapshot('nodes', 2));
SELECT * FROM fixture.try('', $$vm_static => '{"mem_size_mb": 2047}'$$, fixture.snapshot('nodes', 2));
SELECT * FROM fixture.try('', $$vm_static => '{"userdefined_properties": "hugepages=1048576"}'$$, fixture.snapshot('nodes', 2));
SELECT * FROM fixture.try('', $$vm_static => '{"userdefined_properties": "hugepages=2097152"}'$$, fixture.snapshot('nodes', 2));
SELECT * FROM fixture.try($$UPDATE numa_node SET numa_tune_mode = 'PREFERRED' WHERE vm_id = fixture.vm('nodes'); SELECT fixture.write_ovf('nodes')$$, '', fixture.snapshot('nodes', 2));
SELECT * FROM fixture.try($$UPDATE numa_node SET numa_node_index = numa_node_index + 1 WHERE vm_id = fixture.vm('nodes'); SELECT fixture.write_ovf('nodes')$$, '', fixture.snapshot('nodes', 2));
SELECT * FROM fixture.try($$UPDATE numa_node_cpu_map SET cpu_core_id = 4 WHERE id = fixture.id('numa cpu 1 of nodes'); SELECT fixture.write_ovf('nodes')$$, '', fixture.snapshot('nodes', 2));
SELECT * FROM fixture.try($$UPDATE numa_node_cpu_map SET cpu_core_id = 0 WHERE id = fixture.id('numa cpu 1 of nodes'); SELECT fixture.write_ovf('nodes')$$, '', fixture.snapshot('nodes', 2));
SELECT * FROM fixture.try($$UPDATE numa_node SET numa_node_index = 0 WHERE vm_id = fixture.vm('nodes'); UPDATE snapshots SET vm_configuration = NULL WHERE vm_id = fixture.vm('nodes')$$, '', fixture.snapshot('nodes', 2));

-- lease
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('auto_startup', true, 'lease_sd_id', fixture.id('nfs1'))$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('lease_sd_id', fixture.id('nfs1'))$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('auto_startup', true, 'lease_sd_id', fixture.id('no domain'))$$);
SELECT * FROM fixture.try($$UPDATE storage_pool_iso_map SET status = 6 WHERE storage_id = fixture.id('nfs2')$$, $$vm_static => jsonb_build_object('auto_startup', true, 'lease_sd_id', fixture.id('nfs2'))$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET storage_domain_type = 2 WHERE id = fixture.id('nfs2')$$, $$vm_static => jsonb_build_object('auto_startup', true, 'lease_sd_id', fixture.id('nfs2'))$$);

-- icons, instance and image types
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('small_icon_id', fixture.id('small icon'), 'large_icon_id', fixture.id('no icon'))$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('instance_type_id', fixture.vm('one'))$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('image_type_id', fixture.vm('one'))$$);
SELECT * FROM fixture.try($$UPDATE vm_static SET entity_type = 'INSTANCE_TYPE', cluster_id = NULL, bios_type = NULL WHERE vm_guid = fixture.vm('nodes')$$, $$vm_static => jsonb_build_object('instance_type_id', fixture.vm('nodes'))$$);

-- foreign keys that vmclone doesn't know, single and of two columns; null is no reference
CREATE TABLE "Provider" (id uuid, region text, UNIQUE (id, region), PRIMARY KEY (id));
ALTER TABLE vm_static ADD region text, ADD CONSTRAINT "has provider" FOREIGN KEY (provider_id) REFERENCES "Provider",
    ADD CONSTRAINT provider_of_region FOREIGN KEY (provider_id, region) REFERENCES "Provider" (id, region);
INSERT INTO "Provider" VALUES (fixture.id('provider'), 'north');
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('provider_id', fixture.id('provider'))$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('provider_id', fixture.id('no provider'))$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('provider_id', fixture.id('provider'), 'region', 'north')$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('provider_id', fixture.id('provider'), 'region', 'south')$$);
SELECT * FROM fixture.try('', $$vm_static => '{"region": "south"}'$$);
-- CHECK constraints, with functions and whole rows; they look at the row that would be written
ALTER TABLE vm_static ADD CONSTRAINT "no ""zero"" nice" CHECK (nice_level <> 13 OR length(vm_name) < 3),
    ADD CONSTRAINT whole_row CHECK (vm_static IS NOT NULL OR coalesce(free_text_comment, '') <> 'void');
SELECT * FROM fixture.try('', $$vm_static => '{"nice_level": 13}'$$);
SELECT * FROM fixture.try('', $$vm_name => 'x', vm_static => '{"nice_level": 13}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"free_text_comment": "void"}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"migration_support": 5, "bios_type": 9}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_pinning": null, "cpu_pinning_policy": 1}'$$);
SELECT * FROM fixture.try('', $$use_given_vm_static => true, vm_static => '{"mem_size_mb": 512, "child_count": -1}'$$);
SELECT message, detail, hint FROM can_add_vm_from_snapshot(fixture.snapshot('one', 2), vm_static => jsonb_build_object('provider_id', fixture.id('no provider'), 'migration_support', 5)) \gx
-- a default that isn't asked for has no effect
CREATE SEQUENCE counter; GRANT USAGE ON SEQUENCE counter TO PUBLIC;
ALTER TABLE vm_static ADD counted bigint DEFAULT nextval('counter') CHECK (counted > 0);
SELECT last_value AS before FROM counter \gset
SELECT count(*) FROM can_add_vm_from_snapshot(fixture.snapshot('one', 2), vm_static => '{"counted": 0}');
SELECT count(*) FROM can_add_vm_from_snapshot(fixture.snapshot('one', 2), use_given_vm_static => true, vm_static => '{"mem_size_mb": 512}');
SELECT last_value - :before AS taken FROM counter;
SELECT * FROM fixture.try('', $$use_given_vm_static => true, vm_static => '{"mem_size_mb": 512}'$$);

-- values of single copies: each is looked at, and said once
SELECT step, message_key, message, detail FROM can_add_vm_from_snapshot(fixture.snapshot('one', 2), 'c{n}', copies => 4,
    copy_overrides => jsonb_build_array('{}'::jsonb, '{"vm_static": {"priority": 101}}'::jsonb, '{"vm_static": {"priority": 101, "nice_level": 13}, "vm_name": "third"}'::jsonb,
        jsonb_build_object('vm_static', jsonb_build_object('priority', 102, 'small_icon_id', fixture.id('no icon'), 'provider_id', fixture.id('no provider')))));
SELECT * FROM fixture.try('', $$vm_name => 'c{n}', copies => 2, copy_overrides => '[{}, {"vm_static": {"num_of_sockets": 17}}]'$$);
SELECT * FROM fixture.try('', $$vm_name => 'c{n}', copies => 2, copy_overrides => jsonb_build_array('{}'::jsonb, jsonb_build_object('vm_static', jsonb_build_object('lease_sd_id', fixture.id('no domain'))))$$);
-- the parameter's value is that of no copy
SELECT * FROM fixture.try('', $$vm_static => '{"priority": 101}', vm_name => 'c{n}', copies => 2, copy_overrides => '[{"vm_static": {"priority": 1}}, {"vm_static": {"priority": 2}}]'$$);
-- more is reserved than a bigint has: where nobody knows the free space, nothing is refused, and later calls still count
BEGIN;
UPDATE storage_domain_dynamic SET available_disk_size = NULL;
UPDATE storage_mounts SET available_bytes = NULL, total_bytes = NULL;
UPDATE images SET size = 4611686018427387904;
SELECT count(*) FROM add_vm_from_snapshot(fixture.snapshot('one', 2), 'c{n}', copies => 3, start_paused => true,
    disks => (SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.disk('one', d), 'volume_format', 'RAW', 'volume_type', 'Preallocated')) FROM generate_series(1, 2) d));
UPDATE storage_domain_dynamic SET available_disk_size = 500;
SELECT fixture.make_vm('two') AS made \gset
SELECT step, message FROM can_add_vm_from_snapshot(fixture.snapshot('two', 2));
ROLLBACK;
-- a row with absurd values is shown, and the others with it
BEGIN;
UPDATE vm_static SET num_of_sockets = 2147483647, cpu_per_socket = 2147483647, threads_per_cpu = 2147483647 WHERE vm_guid = fixture.vm('one');
UPDATE disk_image_dynamic SET actual_size = 9223372036854775807;
SELECT max(cpus) FROM vms;
SELECT disk_alias, actual_size FROM disks WHERE vm_name = 'one' ORDER BY 1;
SELECT disk_alias, actual_size FROM snapshot_disks(fixture.snapshot('one', 2));
ROLLBACK;
-- PCI slots are counted with what each copy has of its own
BEGIN;
SELECT fixture.make_vm('nets', nics => 22, devices => 'minimal') AS made \gset
SELECT * FROM fixture.try('', $$vm_name => 'c{n}', copies => 2, copy_overrides => '[{}, {"interfaces": [{"name": "nic1", "type": 0}, {"name": "nic2", "type": 0}]}]'$$, fixture.snapshot('nets', 2));
SELECT detail FROM can_add_vm_from_snapshot(fixture.snapshot('nets', 2), 'c{n}', copies => 2, copy_overrides => '[{}, {"interfaces": [{"name": "nic1", "type": 0}, {"name": "nic2", "type": 0}]}]') WHERE step = 3600;
SELECT * FROM fixture.try('', $$vm_name => 'c{n}', copies => 2, copy_overrides => '[{}, {"vm_static": {"num_of_monitors": 4}, "interfaces": [{"name": "nic1", "include": false}, {"name": "nic2", "include": false}]}]'$$, fixture.snapshot('nets', 2));
SELECT * FROM fixture.try('', $$vm_name => 'c{n}', copies => 2, copy_overrides => '[{}, {"vm_static": {"num_of_monitors": 4}}]'$$, fixture.snapshot('nets', 2));
ROLLBACK;
-- a whole vm_static needs no maximum of memory
SELECT * FROM fixture.try('', $$use_given_vm_static => true, vm_name => 'x', vm_static => '{"mem_size_mb": 0}'$$);
SELECT * FROM fixture.try('', $$use_given_vm_static => true, vm_name => 'x', vm_static => '{"mem_size_mb": -1}'$$);
SELECT * FROM fixture.try('', $$use_given_vm_static => true, vm_name => 'x', vm_static => '{"mem_size_mb": 600000000}'$$);
-- a copy's own value is above what the others get from the cluster
BEGIN;
SELECT count(*) FROM add_vm_from_snapshot(fixture.snapshot('one', 2), 'c{n}', copies => 2, start_paused => true, use_given_vm_static => true, vm_static => '{"mem_size_mb": 1024}',
    copy_overrides => '[{}, {"vm_static": {"bios_type": 4, "origin": 7}}]');
SELECT vm_name, bios_type, origin FROM vm_static WHERE vm_name IN ('c1', 'c2') ORDER BY 1;
ROLLBACK;
-- what an element of a copy doesn't say of an interface, the parameter says
BEGIN;
SELECT fixture.make_vm('two_nics', nics => 2) AS made \gset
SELECT count(*) FROM add_vm_from_snapshot(fixture.snapshot('two_nics', 2), 'c{n}', copies => 2, start_paused => true,
    interfaces => jsonb_build_array('{"name": "nic1", "include": false}'::jsonb, jsonb_build_object('name', 'nic2', 'mac', '02:00:00:00:aa:aa', 'vnic_profile_id', fixture.id('vnic net1_mirror'))),
    copy_overrides => '[{"interfaces": [{"name": "nic1", "linked": false}, {"name": "nic2", "mac": "new"}]}]');
SELECT v.vm_name, i.name, i.mac_addr = '02:00:00:00:aa:aa' AS given, p.name FROM vm_static v JOIN vm_interface i USING (vm_guid) JOIN vnic_profiles p ON p.id = i.vnic_profile_id
WHERE v.vm_name IN ('c1', 'c2') ORDER BY 1, 2;
ROLLBACK;
-- a lease of one copy only
BEGIN;
SELECT vm_name FROM add_vm_from_snapshot(fixture.snapshot('one', 2), 'c{n}', copies => 2, start_paused => true,
    copy_overrides => jsonb_build_array('{}'::jsonb, jsonb_build_object('vm_static', jsonb_build_object('auto_startup', true, 'lease_sd_id', fixture.id('nfs1')))));
SELECT vm_name, auto_startup, lease_sd_id = fixture.id('nfs1') FROM vm_static WHERE vm_name IN ('c1', 'c2') ORDER BY 1;
ROLLBACK;
