-- Checks of values in the new vm_static, and parameters that are refused before anything is looked up.
CREATE EXTENSION vmclone;
\set ECHO none
\i test/fixture/fixture.sql
\i test/fixture/checks.sql
\set ECHO all
\set ON_ERROR_STOP 0
SELECT fixture.attach_domains();
SELECT count(*) FROM (SELECT fixture.make_vm('one')) v;
SET client_min_messages = error;
SET search_path = vmclone, public;
\pset format unaligned
\pset tuples_only on

SELECT * FROM fixture.try('', $$vm_static => '{"description": "snow ☃"}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"description": "a VM (\"quoted\"), für Käse; 50 % off!"}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"kernel_params": " quiet"}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"initrd_url": "iso://initrd "}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"migration_downtime": -1}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"migration_downtime": 0}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"num_of_monitors": 3}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"num_of_monitors": 4}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"priority": 101}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"priority": 100}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"num_of_sockets": 17}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"num_of_sockets": 0}'$$);
SELECT * FROM fixture.try($$INSERT INTO vdc_options (option_name, option_value, default_value, version) VALUES ('MaxNumOfVmSockets', '32', '', '4.7')$$, $$vm_static => '{"num_of_sockets": 17}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_per_socket": 255}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"threads_per_cpu": 9}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_shares": 1}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"cpu_shares": 262144}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"min_allocated_mem": 2049}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"mem_size_mb": 8193}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"mem_size_mb": 8192}'$$);
SELECT * FROM fixture.try('', $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.id('nothing')))$$);
SELECT * FROM fixture.try('', $$interfaces => '[{"name": "nic9"}]'$$);

-- codes and words that no engine has; the snapshot's own, which a newer engine may know, go along
SELECT value, state, message FROM unnest(ARRAY['{"vm_type": 3}', '{"origin": 11}', '{"default_boot_sequence": 15}', '{"default_display_type": -1}', '{"usb_policy": 9}',
    '{"serial_number_policy": 3}', '{"cpu_pinning_policy": 5}', '{"resume_behavior": "SLEEP"}', '{"console_disconnect_action": "NONE,REBOOT"}', '{"sso_method": "GUEST_AGENT"}',
    '{"vm_type": 2, "origin": 10, "default_boot_sequence": 14, "default_display_type": 4, "usb_policy": 1, "serial_number_policy": 2, "resume_behavior": "KILL",
    "console_disconnect_action": "SHUTDOWN", "sso_method": "none"}']) value LEFT JOIN LATERAL fixture.try('', format('vm_static => %L', value)) t ON true;
SELECT * FROM fixture.try('', $$vm_static => '{"vm_type": 4}', copies => 2, copy_overrides => '[{"vm_static": {"vm_type": 1}}]'$$);
SELECT * FROM fixture.try($$UPDATE vm_static SET origin = 77 WHERE vm_name = 'one'; SELECT fixture.write_ovf('one')$$);

-- boot disks, the chipset of IDE disks and of old clusters
SELECT * FROM fixture.try('', $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 2), 'is_boot', true))$$);
SELECT * FROM fixture.try('', $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 2), 'is_boot', true), jsonb_build_object('disk_id', fixture.disk('one', 1), 'is_boot', false))$$);
SELECT * FROM fixture.try('', $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 2), 'is_boot', true), jsonb_build_object('disk_id', fixture.disk('one', 1), 'include', false)), missing_disk => 'skip'$$);
SELECT * FROM fixture.try('', $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 2), 'disk_interface', 'IDE'))$$);
SELECT * FROM fixture.try('', $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 2), 'disk_interface', 'IDE', 'include', false))$$);
SELECT * FROM fixture.try('', $$vm_static => '{"bios_type": 1}', disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 2), 'disk_interface', 'IDE'))$$);
SELECT * FROM fixture.try('', $$vm_static => '{"bios_type": 4}'$$);
SELECT * FROM fixture.try($$UPDATE cluster SET compatibility_version = '4.3' WHERE cluster_id = fixture.id('cl1')$$, $$vm_static => '{"bios_type": 4}'$$);
SELECT * FROM fixture.try($$UPDATE cluster SET compatibility_version = '4.3' WHERE cluster_id = fixture.id('cl1')$$, $$vm_static => '{"bios_type": 1}'$$);
SELECT * FROM fixture.try('', $$vm_static => '{"bios_type": 4, "custom_compatibility_version": "4.3"}'$$);

-- two interfaces of one name; a LUN that is gone, which can be left out but not attached
SELECT count(*) FROM (SELECT fixture.make_vm('pair', nics => 2), fixture.make_vm('special', disks => 1, options => '{"lun": true}')) v;
SELECT * FROM fixture.try('', $$interfaces => jsonb_build_array(jsonb_build_object('interface_id', (SELECT id FROM vm_interface WHERE vm_guid = fixture.vm('pair') AND name = 'nic2'), 'name', 'nic1'))$$, fixture.snapshot('pair', 2));
SELECT * FROM fixture.try('', $$interfaces => jsonb_build_array(jsonb_build_object('interface_id', (SELECT id FROM vm_interface WHERE vm_guid = fixture.vm('pair') AND name = 'nic2'), 'name', 'nic1', 'include', false))$$, fixture.snapshot('pair', 2));
SELECT * FROM fixture.try('', $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.id('lun of special'), 'attach', true))$$, fixture.snapshot('special', 2));
SELECT * FROM fixture.try($$DELETE FROM disk_lun_map WHERE disk_id = fixture.id('lun of special'); DELETE FROM base_disks WHERE disk_id = fixture.id('lun of special')$$, $$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.id('lun of special'), 'attach', true))$$, fixture.snapshot('special', 2));
SELECT * FROM fixture.try($$DELETE FROM disk_lun_map WHERE disk_id = fixture.id('lun of special'); DELETE FROM base_disks WHERE disk_id = fixture.id('lun of special')$$, '', fixture.snapshot('special', 2));

-- bad parameters: an error that names what is wrong, from can_add, plan_add and add alike
\pset tuples_only off
CREATE FUNCTION call(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    hint text;
    function_name text;
BEGIN
    FOREACH function_name IN ARRAY '{can_add,plan_add,add}'::text[] LOOP
        BEGIN
            EXECUTE format('SELECT count(*) FROM vmclone.%s_vm_from_snapshot(fixture.snapshot(''one'', 2), %s)', function_name, arguments);
            RETURN function_name || ' went through';
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
            IF result IS NULL THEN
                result := format('%s %s%s', SQLSTATE, SQLERRM, CASE WHEN hint <> '' THEN E'\n    ' || hint ELSE '' END);
            ELSIF result NOT LIKE SQLSTATE || ' ' || SQLERRM || '%' THEN
                RETURN format('%s: %s %s', function_name, SQLSTATE, SQLERRM);
            END IF;
        END;
    END LOOP;
    RETURN result;
END
$$;
\pset tuples_only on
SELECT call($$disks => '{}'$$);
SELECT call($$disks => '3'$$);
SELECT call($$disks => '[3]'$$);
SELECT call($$disks => '[{"storage_domain_id": null}]'$$);
SELECT call($$disks => '[{"disk_id": "x"}]'$$);
SELECT call($$disks => '[{"disk_id": 3}]'$$);
SELECT call($$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1), 'storage', 1))$$);
SELECT call($$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1)), jsonb_build_object('disk_id', fixture.disk('one', 1)))$$);
SELECT call($$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1), 'volume_format', 'VMDK'))$$);
SELECT call($$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1), 'volume_type', 'thin'))$$);
SELECT call($$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1), 'include', 'yes'))$$);
SELECT call($$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1), 'disk_interface', 'SCSI'))$$);
SELECT call($$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1), 'size', 1))$$);
SELECT call($$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1), 'disk_alias', repeat('ä', 256)))$$);
SELECT call($$disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('one', 1), 'attach', true))$$);
SELECT call($$disks => (SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.id(n::text))) FROM generate_series(1, 4097) n)$$);
SELECT call($$interfaces => '[{}]'$$);
SELECT call($$interfaces => '[{"name": "nic1", "mac": "zz"}]'$$);
SELECT call($$interfaces => '[{"name": "nic1", "mac": "56:6f:00:00:00:0"}]'$$);
SELECT call($$interfaces => '[{"name": "nic1", "mac": "01:00:5e:00:00:01"}]'$$);
SELECT call($$interfaces => '[{"name": "nic1", "mac": "00:00:00:00:00:00"}]'$$);
SELECT call($$interfaces => '[{"name": "nic1"}, {"name": "nic1", "linked": false}]'$$);
SELECT call($$interfaces => jsonb_build_array(jsonb_build_object('interface_id', fixture.nic('one', 1)), jsonb_build_object('interface_id', fixture.nic('one', 1)))$$);
SELECT call($$interfaces => '[{"name": "nic1", "type": 9}]'$$);
SELECT call($$interfaces => '[{"name": "nic1", "linked": 1}]'$$);
SELECT call($$interfaces => '[{"name": "nic1", "network": "net1"}]'$$);
SELECT call($$vm_static => '[]'$$);
SELECT call($$vm_static => '"a"'$$);
SELECT call($$disks => '5'$$);
SELECT call($$vm_static => '{"memory": 1}'$$);
SELECT call($$vm_static => '{"mem_size_mb": "much"}'$$);
SELECT call($$vm_static => '{"quota_id": "x"}'$$);
SELECT call($$use_given_vm_static => true$$);
SELECT call($$vm_name => 'a', vm_static => '{"vm_name": "b"}'$$);
SELECT call($$missing_disk => 'ignore'$$);
SELECT call($$copies => 0$$);
SELECT call($$copies => 1001$$);
SELECT call($$copies => 2, copy_overrides => '[{}, {}, {}]'$$);
SELECT call($$copies => 2, copy_overrides => '[{"name": "x"}]'$$);
SELECT call($$copies => 2, copy_overrides => '[{"vm_static": {"memory": 1}}]'$$);
SELECT call($$copies => 2, copy_overrides => '[{"interfaces": 1}]'$$);
-- what all copies share, unless it is what they get anyway
SELECT call(format($$copies => 2, copy_overrides => '[{}, {"vm_static": {"cluster_id": "%s"}}]'$$, fixture.id('cl2')));
SELECT call(format($$copies => 2, copy_overrides => '[{"vm_static": {"cpu_profile_id": "%s"}}]'$$, fixture.id('nothing')));
SELECT call(format($$copies => 2, copy_overrides => '[{"vm_static": {"quota_id": "%s"}}]'$$, fixture.id('nothing')));
SELECT call(format($$copies => 2, copy_overrides => '[{"vm_static": {"cluster_id": "%s"}}]'$$, fixture.id('cl1')));
SELECT call($$lock_mode => 'both'$$);
SELECT call($$on_failure => 'retry'$$);
SELECT call($$request_key => ''$$);
SELECT call($$priority => 1000001$$);
SELECT call($$bandwidth_limit => -1$$);
SELECT call($$bandwidth_limit => 0$$);
SELECT call($$missing_disk => repeat('x', 1000)$$);
SELECT call($$vm_static => '{"mem_size_mb": 1e400}'$$);
SELECT call(format($$vm_static => '{"%s": 1}'$$, repeat('ü', 500)));

-- What a new row can't take is told beforehand, and what would be passed over is refused.
SELECT call($$interfaces => '[{"name": "nic1", "speed": 17}]'$$);
SELECT call($$interfaces => '[{"name": "nic1", "address": "0000:00:1f.0"}]'$$);
SELECT call(format($$interfaces => '[{"interface_id": "%s", "name": "%s"}]'$$, fixture.nic('one', 1), repeat('n', 51)));
SELECT call(format($$interfaces => '[{"interface_id": "%s", "name": ""}]'$$, fixture.nic('one', 1)));
SELECT call(format($$disks => '[{"disk_id": "%s", "disk_description": "%s"}]'$$, fixture.disk('one', 1), repeat('d', 501)));
SELECT detail FROM can_add_vm_from_snapshot(fixture.snapshot('one', 2), 'one-{n}', copies => 3, interfaces => '[{"name": "nic1", "mac": "aa:bb:cc:00:00:10"}]');
SELECT call($$copies => 2, copy_overrides => '[{}, {"vm_static": {"mem_size_mb": "much"}}]'$$);

-- A copy's name may stand in its vm_static as well; twice only if it is the same.
SELECT call($$copies => 2, copy_overrides => '[{"vm_name": "a", "vm_static": {"vm_name": "b"}}]'$$);
BEGIN;
SELECT vm_name FROM add_vm_from_snapshot(fixture.snapshot('one', 2), 'three-{n}', copies => 4, start_paused => true,
    copy_overrides => '[{"vm_name": "a", "vm_static": {"vm_name": "a"}}, {"vm_static": {"vm_name": "b"}}, {"vm_static": {"vm_name": "one"}}]');
ROLLBACK;

-- A virtual size that no disk can have.
SELECT t.* FROM unnest('{0,4611686018427387905,9223372036854775807}'::bigint[]) size,
    fixture.try(format($$UPDATE images SET size = %s WHERE image_guid = fixture.image('one', 1, 2)$$, size), $$vm_name => 'x'$$) t;
SELECT * FROM fixture.try($$UPDATE images SET size = 0 WHERE image_guid = fixture.image('one', 1, 2)$$,
    format($$vm_name => 'x', disks => '[{"disk_id": "%s", "include": false}]'$$, fixture.disk('one', 1)));

-- An option of the engine that is no number.
SELECT * FROM fixture.try($$INSERT INTO vdc_options (option_name, option_value, default_value, version) VALUES ('MaxVmNameLength', ' 64 ', '', 'general')$$, $$vm_name => 'x'$$);
BEGIN;
INSERT INTO vdc_options (option_name, option_value, default_value, version) VALUES ('MaxVmNameLength', 'many', '', 'general');
SELECT count(*) FROM can_add_vm_from_snapshot(fixture.snapshot('one', 2), 'x');
ROLLBACK;

-- the configuration handed back, unchanged: as if nothing was said
BEGIN;
CREATE TEMPORARY TABLE configuration AS SELECT get_vm_configuration_by_snapshot_id(fixture.snapshot('one', 2)) AS c;
SELECT * FROM fixture.try('', $$vm_static => (SELECT c -> 'vm_static' FROM configuration), disks => (SELECT c -> 'disks' FROM configuration),
    interfaces => (SELECT c -> 'interfaces' FROM configuration)$$);
SELECT * FROM fixture.try('', $$vm_name => 'x', vm_static => (SELECT c -> 'vm_static' FROM configuration)$$);
SELECT (SELECT jsonb_agg(p) FROM plan_add_vm_from_snapshot(fixture.snapshot('one', 2)) p)
     = (SELECT jsonb_agg(p) FROM plan_add_vm_from_snapshot(fixture.snapshot('one', 2), vm_static => (SELECT c -> 'vm_static' FROM configuration),
            disks => (SELECT c -> 'disks' FROM configuration), interfaces => (SELECT c -> 'interfaces' FROM configuration)) p) AS same_plan;
ROLLBACK;

-- What only a unique constraint refuses: its error, without the statement.
\set VERBOSITY default
CREATE UNIQUE INDEX one_serial_number ON vm_static (custom_serial_number);
UPDATE vm_static SET custom_serial_number = '4711' WHERE vm_guid = fixture.vm('one');
SELECT add_vm_from_snapshot(fixture.snapshot('one', 2), 'serial', '{"custom_serial_number": "4711"}');
UPDATE vm_static SET custom_serial_number = NULL WHERE vm_guid = fixture.vm('one');

-- Made again with other parameters, whose names and types are checked as those of a call; a priority's range is that of a call.
CREATE FUNCTION again(overrides jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    PERFORM clone_again((SELECT vm_id FROM jobs WHERE vm_name = 'made'), 'again', overrides);
    RETURN 'went through';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n    ', SQLSTATE || ' ' || SQLERRM, nullif(hint, ''));
END
$$;
SELECT vm_name FROM add_vm_from_snapshot(fixture.snapshot('one', 2), 'made', start_paused => true, lock_mode => 'shared');
SELECT again(overrides::jsonb) FROM unnest(ARRAY['{"bogus": 1}', '{"copies": "many"}', '{"priority": 1.5}', '{"snapshot_id": "x"}', '{"verify": 1}', '[]', '7']) overrides;
SELECT again('{"priority": 7}');
SELECT alter_job(job_id, 1000001) FROM jobs WHERE vm_name = 'made';

-- A snapshot without configuration: the preview says where values come from.
UPDATE snapshots SET vm_configuration = NULL WHERE snapshot_id = fixture.snapshot('one', 1);
SELECT disk_alias, note FROM plan_add_vm_from_snapshot(fixture.snapshot('one', 1));
SELECT get_vm_configuration_by_snapshot_id(fixture.snapshot('one', 1)) -> 'source';
