-- Checks of where a clone goes: storage domains, cluster, data center, template, platform, names, interfaces.
CREATE EXTENSION vmclone;
\set ECHO none
\i test/fixture/fixture.sql
\i test/fixture/checks.sql
\set ECHO all
\set ON_ERROR_STOP 0
SELECT fixture.attach_domains();
SELECT count(*) FROM (SELECT fixture.make_vm('one'), fixture.make_vm('many', disks => 4, nics => 26, devices => 'none'), fixture.make_vm('plain', disks => 1, devices => 'minimal'),
    fixture.make_vm('nets', disks => 1, nics => 2), fixture.make_template('base'), fixture.make_template('base2'), fixture.make_template('far', cluster => 'cl_dc2', domain => 'nfs_dc2')) v;
SET client_min_messages = error;
SET search_path = vmclone, public;
\pset format unaligned
\pset tuples_only on
-- all disks of 'one' to a domain
CREATE FUNCTION fixture.to_domain(domain text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.disk('one', d), 'storage_domain_id', fixture.id(domain)) || more) FROM generate_series(1, 2) d $$;

-- source domains
SELECT * FROM fixture.try($$DELETE FROM storage_pool_iso_map WHERE storage_id = fixture.id('nfs1')$$, $$disks => fixture.to_domain('nfs2')$$);
SELECT * FROM fixture.try($$UPDATE storage_pool_iso_map SET status = 4 WHERE storage_id = fixture.id('nfs1')$$, $$disks => fixture.to_domain('nfs2')$$);
SELECT * FROM fixture.try($$DELETE FROM storage_mounts WHERE storage_domain_id = fixture.id('nfs1')$$, $$disks => fixture.to_domain('nfs2')$$);
SELECT * FROM fixture.try($$UPDATE storage_mounts SET status = 'failed' WHERE storage_domain_id = fixture.id('nfs1')$$, $$disks => fixture.to_domain('nfs2')$$);
-- a domain that only the VM's active disks are on counts too, as in oVirt
SELECT * FROM fixture.try($$UPDATE image_storage_domain_map SET storage_domain_id = fixture.id('nfs2') WHERE image_id = fixture.image('one', 2, 3);
    UPDATE storage_pool_iso_map SET status = 6 WHERE storage_id = fixture.id('nfs2')$$);
-- managed block and other kinds of storage
SELECT * FROM fixture.try($$UPDATE base_disks SET disk_storage_type = 3 WHERE disk_id = fixture.disk('one', 2)$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET storage_type = 10, storage_domain_type = 7 WHERE id = fixture.id('nfs2')$$, $$disks => fixture.to_domain('nfs2')$$);
SELECT * FROM fixture.try($$UPDATE snapshots SET vm_configuration = replace(vm_configuration, 'disk_storage_type="IMAGE"', 'disk_storage_type="CINDER"') WHERE snapshot_id = fixture.snapshot('plain', 2)$$,
    '', fixture.snapshot('plain', 2));

-- target domains
SELECT * FROM fixture.try('', $$disks => fixture.to_domain('nfs2')$$);
SELECT * FROM fixture.try('', $$disks => fixture.to_domain('nfs_dc2')$$);
SELECT * FROM fixture.try('', $$disks => fixture.to_domain('nothing')$$);
SELECT * FROM fixture.try($$UPDATE storage_pool_iso_map SET status = 6 WHERE storage_id = fixture.id('nfs2')$$, $$disks => fixture.to_domain('nfs2')$$);
SELECT * FROM fixture.try('', $$disks => fixture.to_domain('iso1')$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET storage_domain_type = 3 WHERE id = fixture.id('nfs2')$$, $$disks => fixture.to_domain('nfs2')$$);
SELECT * FROM fixture.try($$DELETE FROM storage_mounts WHERE storage_domain_id = fixture.id('nfs2')$$, $$disks => fixture.to_domain('nfs2')$$);
SELECT * FROM fixture.try($$SELECT fixture.lose_image('plain', 1, 2)$$, $$missing_disk => 'blank'$$, fixture.snapshot('plain', 2));
SELECT * FROM fixture.try($$SELECT fixture.lose_image('plain', 1, 2)$$,
    $$missing_disk => 'blank', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('plain', 1), 'storage_domain_id', fixture.id('nfs2')))$$, fixture.snapshot('plain', 2));

-- space: threshold and need; equality passes (StorageDomainValidatorTest: available < blocker fails, >= passes)
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = 501 WHERE id = fixture.id('nfs1')$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = 500 WHERE id = fixture.id('nfs1')$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_dynamic SET available_disk_size = 5 WHERE id = fixture.id('nfs1')$$);
-- both disks need 2 GiB each: RAW, sparse, 2 layers of 1 GiB
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = NULL; UPDATE storage_domain_dynamic SET available_disk_size = 4 WHERE id = fixture.id('nfs1')$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = NULL; UPDATE storage_domain_dynamic SET available_disk_size = 3 WHERE id = fixture.id('nfs1')$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = NULL; UPDATE storage_domain_dynamic SET available_disk_size = 7 WHERE id = fixture.id('nfs1')$$, $$copies => 2$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = NULL; UPDATE storage_domain_dynamic SET available_disk_size = 8 WHERE id = fixture.id('nfs1')$$, $$copies => 2$$);
-- each of two domains has enough for its own disk (AddVmFromSnapshotCommandTest)
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = NULL; UPDATE storage_domain_dynamic SET available_disk_size = 2$$,
    $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 2), 'storage_domain_id', fixture.id('nfs2')))$$);
-- unknown space passes, but for what was seen when the domain was attached
SELECT * FROM fixture.try($$UPDATE storage_domain_dynamic SET available_disk_size = NULL; UPDATE storage_mounts SET available_bytes = NULL$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_dynamic SET available_disk_size = NULL; UPDATE storage_mounts SET available_bytes = 6442450944$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_dynamic SET available_disk_size = NULL; UPDATE storage_domain_static SET critical_space_action_blocker = NULL;
    UPDATE storage_mounts SET available_bytes = 1073741824$$);
-- what vmclone saw counts where it is less than what the engine says, for an hour; afterwards the domain's size does
SELECT * FROM fixture.try($$UPDATE storage_mounts SET available_bytes = 6442450944$$);
SELECT * FROM fixture.try($$UPDATE storage_mounts SET available_bytes = 62914560$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = NULL; UPDATE storage_mounts SET available_bytes = 62914560$$);
SELECT * FROM fixture.try($$UPDATE storage_mounts SET available_bytes = 62914560, checked_at = clock_timestamp() - interval '61 minutes'$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = NULL;
    UPDATE storage_mounts SET available_bytes = 62914560, total_bytes = 62914560, checked_at = clock_timestamp() - interval '61 minutes'$$);
-- jobs under way count once: what they have written is no longer reserved
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = NULL; UPDATE storage_domain_dynamic SET available_disk_size = 7 WHERE id = fixture.id('nfs1');
    SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', start_paused => true, lock_mode => 'shared')$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$UPDATE storage_domain_static SET critical_space_action_blocker = NULL; UPDATE storage_domain_dynamic SET available_disk_size = 7 WHERE id = fixture.id('nfs1');
    SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', start_paused => true, lock_mode => 'shared');
    UPDATE vmclone.async_tasks SET bytes_written = 1073741824 WHERE disk_number = 1$$, $$vm_name => 'second', lock_mode => 'shared'$$);
-- finished ones count until the engine has looked again; an engine that doesn't say when has looked just now
CREATE FUNCTION fixture.finish_first(looked text) RETURNS void LANGUAGE sql SET search_path = vmclone AS $$
    UPDATE storage_domain_static SET critical_space_action_blocker = NULL;
    UPDATE storage_domain_dynamic SET available_disk_size = 7, _update_date = clock_timestamp() + looked::interval WHERE id = fixture.id('nfs1');
    SELECT add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', start_paused => true, lock_mode => 'shared');
    UPDATE vmclone.async_tasks SET status = 'finished', result = 'success', bytes_written = bytes_reserved, actual_size = bytes_reserved, ended_at = clock_timestamp();
$$;
SELECT * FROM fixture.try($$SELECT fixture.finish_first('-1 minute')$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT fixture.finish_first('1 minute')$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT fixture.finish_first(NULL)$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT fixture.finish_first(NULL); UPDATE storage_domain_dynamic SET available_disk_size = NULL; UPDATE storage_mounts SET available_bytes = 7516192768$$,
    $$vm_name => 'second', lock_mode => 'shared'$$);
-- so does what those under way have written since then, if they began later
CREATE FUNCTION fixture.write_first(looked text) RETURNS void LANGUAGE sql SET search_path = vmclone AS $$
    SELECT fixture.finish_first(looked);
    UPDATE vmclone.async_tasks SET status = 'running', result = NULL, bytes_written = bytes_reserved - 4096, actual_size = NULL, started_at = clock_timestamp(), ended_at = NULL;
$$;
SELECT * FROM fixture.try($$SELECT fixture.write_first('-1 minute')$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT fixture.write_first('1 minute')$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT fixture.write_first(NULL)$$, $$vm_name => 'second', lock_mode => 'shared'$$);
-- a second exclusive call while the first holds the snapshot, and a sharing one beside an exclusive one
SELECT * FROM fixture.try($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', start_paused => true)$$, $$vm_name => 'second'$$);
SELECT * FROM fixture.try($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', start_paused => true)$$, $$vm_name => 'second', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', start_paused => true, lock_mode => 'shared')$$, $$vm_name => 'second'$$);
-- sharing clones from an older and a newer snapshot
SELECT * FROM fixture.try($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', start_paused => true, lock_mode => 'shared')$$, $$vm_name => 'second', lock_mode => 'shared'$$,
    fixture.snapshot('one', 1));

-- cluster, data center, template
SELECT * FROM fixture.try($$UPDATE vm_static SET cluster_id = NULL, bios_type = NULL, cpu_profile_id = NULL WHERE vm_guid = fixture.vm('one')$$);
SELECT * FROM fixture.try('', $$cluster_id => fixture.id('nothing')$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('vmt_guid', fixture.id('nothing'))$$);
SELECT * FROM fixture.try('', $$base_template_id => fixture.id('nothing')$$, target => 'template');
SELECT * FROM fixture.try($$UPDATE vm_static SET is_disabled = true WHERE vm_guid = fixture.vm('base')$$, $$vm_static => jsonb_build_object('vmt_guid', fixture.vm('base'))$$);
SELECT * FROM fixture.try($$UPDATE vm_static SET template_status = 1 WHERE vm_guid = fixture.vm('base')$$, $$vm_name => 'base', base_template_id => fixture.vm('base')$$, target => 'template');
SELECT * FROM fixture.try('', $$vm_name => 'base', base_template_id => fixture.vm('base'), template_version_name => 'v2'$$, target => 'template');
-- a version has no versions, nor has Blank
SELECT * FROM fixture.try($$UPDATE vm_static SET vmt_guid = fixture.vm('base') WHERE vm_guid = fixture.vm('base2')$$, $$vm_name => 'base2', base_template_id => fixture.vm('base2')$$, target => 'template');
SELECT * FROM fixture.try('', $$vm_name => 'Blank', base_template_id => '00000000-0000-0000-0000-000000000000'$$, target => 'template');
-- versions are made one at a time
SELECT * FROM fixture.try($$SELECT count(*) FROM vmclone.add_vm_template_from_snapshot(fixture.snapshot('one', 2), 'base', base_template_id => fixture.vm('base'), lock_mode => 'shared', start_paused => true)$$,
    $$vm_name => 'base', base_template_id => fixture.vm('base'), lock_mode => 'shared'$$, target => 'template');
SELECT * FROM fixture.try('', $$vm_name => 'x', base_template_id => fixture.vm('base')$$, target => 'template');
SELECT * FROM fixture.try('', $$vm_name => 'x', template_version_name => 'v2'$$, target => 'template');
SELECT * FROM fixture.try('', $$vm_name => 'base', base_template_id => fixture.vm('base'), template_version_name => repeat('v', 41)$$, target => 'template');
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('vmt_guid', fixture.vm('far'))$$);
SELECT * FROM fixture.try($$UPDATE cluster SET storage_pool_id = NULL WHERE cluster_id = fixture.id('cl1')$$);
SELECT * FROM fixture.try($$UPDATE storage_pool SET status = 2 WHERE id = fixture.id('dc1')$$);
SELECT * FROM fixture.try('', $$vm_static => '{"custom_compatibility_version": "3.6"}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"custom_compatibility_version": "4.6"}'$$);
SELECT * FROM fixture.try($$UPDATE cluster SET architecture = 0 WHERE cluster_id = fixture.id('cl1')$$);
SELECT * FROM fixture.try($$UPDATE cluster SET architecture = 2 WHERE cluster_id = fixture.id('cl1')$$);
SELECT * FROM fixture.try($$UPDATE cluster SET architecture = 2 WHERE cluster_id = fixture.id('cl1')$$, '', fixture.snapshot('plain', 2));
SELECT * FROM fixture.try($$UPDATE cluster SET architecture = 2 WHERE cluster_id = fixture.id('cl1')$$, $$vm_static => '{"host_cpu_flags": true}'$$, fixture.snapshot('plain', 2));
-- the cluster's BIOS type is that of a VM without one
SELECT * FROM fixture.try($$INSERT INTO vm_device (device_id, vm_id, type, device, address, is_managed, is_plugged) VALUES (fixture.id('tpm'), fixture.vm('one'), 'tpm', 'tpm', '', true, true);
    UPDATE snapshots SET vm_configuration = fixture.ovf(snapshot_id) WHERE snapshot_id = fixture.snapshot('one', 2); UPDATE cluster SET bios_type = 3$$, $$use_given_vm_static => true, vm_name => 'x', vm_static => '{"mem_size_mb": 1024}'$$);
SELECT * FROM fixture.try($$INSERT INTO vm_device (device_id, vm_id, type, device, address, is_managed, is_plugged) VALUES (fixture.id('tpm'), fixture.vm('one'), 'tpm', 'tpm', '', true, true);
    SELECT fixture.write_ovf('one')$$);
SELECT * FROM fixture.try($$INSERT INTO vm_device (device_id, vm_id, type, device, address, is_managed, is_plugged) VALUES (fixture.id('tpm'), fixture.vm('one'), 'tpm', 'tpm', '', true, true);
    SELECT fixture.write_ovf('one')$$, $$vm_static => '{"bios_type": 3}'$$);
SELECT * FROM fixture.try('', $$cluster_id => fixture.id('cl2')$$);
SELECT * FROM fixture.try($$DELETE FROM cpu_profiles WHERE cluster_id = fixture.id('cl2')$$, $$cluster_id => fixture.id('cl2')$$);
SELECT * FROM fixture.try('', $$vm_static => jsonb_build_object('cpu_profile_id', fixture.id('cpu profile cl2'))$$);
SELECT * FROM fixture.try($$UPDATE cluster SET bios_type = NULL WHERE cluster_id = fixture.id('cl1')$$, $$vm_static => '{"bios_type": 0}'$$);
-- another data center: nothing fits
SELECT * FROM fixture.try('', $$cluster_id => fixture.id('cl_dc2')$$);
SELECT * FROM fixture.try('', $$cluster_id => fixture.id('cl_dc2'), disks => fixture.to_domain('nfs_dc2'), vm_static => '{"quota_id": null}'$$);

-- slots
SELECT * FROM fixture.try('', '', fixture.snapshot('many', 2));
SELECT * FROM fixture.try('', $$disks => (SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.disk('many', d), 'disk_interface', 'IDE')) FROM generate_series(1, 4) d),
    interfaces => '[{"name": "nic1", "include": false}, {"name": "nic2", "include": false}]', vm_static => '{"bios_type": 1}'$$, fixture.snapshot('many', 2));

-- disk profiles, formats, VirtIO SCSI
SELECT * FROM fixture.try($$DELETE FROM disk_profiles WHERE storage_domain_id = fixture.id('nfs2')$$, $$disks => fixture.to_domain('nfs2')$$);
SELECT * FROM fixture.try('', $$disks => fixture.to_domain('nfs2', jsonb_build_object('disk_profile_id', fixture.id('profile nfs1')))$$);
SELECT * FROM fixture.try('', $$disks => fixture.to_domain('nfs1', '{"volume_format": "COW", "volume_type": "Preallocated"}')$$);
SELECT * FROM fixture.try($$UPDATE base_disks SET backup = 'Incremental'; SELECT fixture.write_ovf('one')$$);
SELECT * FROM fixture.try($$UPDATE base_disks SET backup = 'Incremental'; SELECT fixture.write_ovf('one')$$, $$disks => fixture.to_domain('nfs1', '{"volume_format": "RAW"}')$$);
SELECT * FROM fixture.try($$UPDATE base_disks SET backup = 'Incremental'; SELECT fixture.write_ovf('one')$$, $$disks => fixture.to_domain('nfs1', '{"volume_format": "COW", "volume_type": "Preallocated"}')$$);
SELECT * FROM fixture.try($$UPDATE images SET volume_format = 3 WHERE image_guid = fixture.image('one', 1, 1)$$);
SELECT * FROM fixture.try('', $$disks => fixture.to_domain('iscsi1', '{"volume_format": "RAW", "volume_type": "Sparse"}')$$);
SELECT * FROM fixture.try('', $$disks => fixture.to_domain('iscsi1')$$);
SELECT * FROM fixture.try('', $$virtio_scsi => false$$);
SELECT * FROM fixture.try('', $$virtio_scsi => false, disks => fixture.to_domain('nfs1', '{"disk_interface": "IDE"}'), vm_static => '{"bios_type": 1}'$$);

-- names
SELECT * FROM fixture.try('', $$vm_name => 'one'$$);
SELECT * FROM fixture.try('', $$vm_name => 'one'$$, target => 'template');
SELECT * FROM fixture.try('', $$vm_name => 'base'$$, target => 'template');
SELECT * FROM fixture.try('', $$vm_name => 'x', copies => 2, copy_overrides => '[{"vm_name": "y"}, {"vm_name": "y"}]'$$);
SELECT * FROM fixture.try($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'x', start_paused => true, lock_mode => 'shared')$$, $$vm_name => 'x', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$INSERT INTO vm_names VALUES (fixture.id('dc1'), 'x', fixture.id('clone'), fixture.id('call'))$$, $$vm_name => 'x'$$);
SELECT * FROM fixture.try($$INSERT INTO vm_names VALUES (fixture.id('dc2'), 'x', fixture.id('clone'), fixture.id('call'))$$, $$vm_name => 'x'$$);
SELECT * FROM fixture.try('', $$vm_name => ''$$);
SELECT * FROM fixture.try('', $$vm_name => repeat('n', 64)$$);
SELECT * FROM fixture.try('', $$vm_name => repeat('n', 65)$$);
SELECT * FROM fixture.try($$INSERT INTO vdc_options (option_name, option_value, default_value) VALUES ('MaxVmNameLength', '10', '')$$, $$vm_name => repeat('n', 11)$$);
SELECT * FROM fixture.try('', $$vm_name => 'aa-??bb'$$);
SELECT * FROM fixture.try('', $$vm_name => 'Käse_2.0+α-日本'$$);
SELECT * FROM fixture.try('', $$vm_name => 'two words'$$);
SELECT * FROM fixture.try('', $$vm_name => 'snow☃'$$);

-- MAC addresses and networks
SELECT * FROM fixture.try('', $$cluster_id => fixture.id('cl2'), copies => 3$$);
SELECT * FROM fixture.try('', $$cluster_id => fixture.id('cl2'), copies => 4$$);
SELECT * FROM fixture.try('', $$cluster_id => fixture.id('cl2'), copies => 4, interfaces => '[{"name": "nic1", "include": false}]'$$);
SELECT * FROM fixture.try('', $$interfaces => '[{"name": "nic1", "mac": "keep"}]'$$);
-- an address of the pool that is given is not there for the other interfaces: three are free
SELECT * FROM fixture.try($$SELECT fixture.make_vm('three_nics', nics => 3)$$, $$cluster_id => fixture.id('cl2'), interfaces => '[{"name": "nic1", "mac": "56:6f:01:00:00:00"}, {"name": "nic2", "vnic_profile_id": null}]'$$, fixture.snapshot('three_nics', 2));
SELECT * FROM fixture.try($$SELECT fixture.make_vm('four_nics', nics => 4)$$, $$cluster_id => fixture.id('cl2'), interfaces => '[{"name": "nic1", "mac": "56:6F:01:00:00:00"}, {"name": "nic2", "vnic_profile_id": null}, {"name": "nic4", "vnic_profile_id": null}]'$$, fixture.snapshot('four_nics', 2));
SELECT * FROM fixture.try('', $$interfaces => '[{"name": "nic1", "mac": "56:6F:00:00:00:77"}]'$$);
SELECT * FROM fixture.try('', $$interfaces => '[{"name": "nic1", "mac": "56:6f:00:00:00:77"}]', copies => 2$$);
SELECT * FROM fixture.try($$UPDATE mac_pools SET allow_duplicate_mac_addresses = true$$, $$interfaces => '[{"name": "nic1", "mac": "keep"}]'$$);
SELECT * FROM fixture.try('', $$interfaces => jsonb_build_array(jsonb_build_object('name', 'nic1', 'vnic_profile_id', fixture.id('nothing')))$$);
SELECT * FROM fixture.try('', $$interfaces => jsonb_build_array(jsonb_build_object('name', 'nic1', 'vnic_profile_id', fixture.id('vnic net_dc2')))$$);
SELECT * FROM fixture.try('', $$interfaces => jsonb_build_array(jsonb_build_object('name', 'nic1', 'vnic_profile_id', fixture.id('vnic net2')))$$);
SELECT * FROM fixture.try('', $$cluster_id => fixture.id('cl2')$$, fixture.snapshot('nets', 2));
SELECT * FROM fixture.try('', $$cluster_id => fixture.id('cl2'), interfaces => '[{"name": "nic2", "vnic_profile_id": null}]'$$, fixture.snapshot('nets', 2));

-- several of the counted ones at once, in order
SELECT * FROM fixture.try($$DELETE FROM mac_pool_ranges; UPDATE storage_domain_dynamic SET available_disk_size = 0$$);
SELECT * FROM fixture.try($$SELECT vmclone.add_vm_from_snapshot(fixture.snapshot('one', 2), 'first', start_paused => true, lock_mode => 'shared'); UPDATE storage_domain_dynamic SET available_disk_size = 0$$,
    $$vm_name => 'first', lock_mode => 'shared'$$);
SELECT * FROM fixture.try($$SELECT vmclone.add_vm_template_from_snapshot(fixture.snapshot('one', 2), 'base', base_template_id => fixture.vm('base'), lock_mode => 'shared', start_paused => true);
    UPDATE storage_domain_dynamic SET available_disk_size = 0$$, $$vm_name => 'base', base_template_id => fixture.vm('base'), lock_mode => 'shared'$$, target => 'template');
SELECT * FROM fixture.try($$UPDATE storage_domain_dynamic SET available_disk_size = 0$$, $$copies => 3, copy_overrides => '[{"vm_name": "x"}, {"vm_name": "y"}, {"vm_name": "x"}]'$$);

-- several at once, in order
SELECT * FROM fixture.try($$UPDATE storage_pool SET status = 2 WHERE id = fixture.id('dc1'); UPDATE images SET imagestatus = 2 WHERE image_guid = fixture.image('one', 1, 1);
    UPDATE snapshots SET status = 'LOCKED' WHERE snapshot_id = fixture.snapshot('one', 1); UPDATE storage_domain_dynamic SET available_disk_size = 0$$,
    $$vm_name => 'one', vm_static => '{"priority": 101, "num_of_monitors": 3}', user_id => fixture.id('bob')$$);
\pset tuples_only off
\pset format aligned
SELECT * FROM add_vm_from_snapshot(fixture.snapshot('one', 2), 'one two', vm_static => '{"priority": 101}', source_vm_id => fixture.vm('plain'));
