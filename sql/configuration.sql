-- What the database adds to a snapshot's configuration, and the functions that show it.
CREATE EXTENSION vmclone;
\setenv OVF test/ovf
\set fixture test/ovf/fixture.sql
\set ECHO none
SET search_path = vmclone;
\i :fixture
RESET search_path;
\set ECHO all
\set ON_ERROR_STOP 0
\set v31 `cat "$OVF/synthetic_3.1_two_disks.xml"`
\set v36 `cat "$OVF/synthetic_3.6_deleted_disk_bad_network.xml"`
\set v42 `cat "$OVF/synthetic_4.2_shareable_lun_affinity.xml"`
\set v44 `cat "$OVF/synthetic_4.4_vminit_custom_properties.xml"`
\set snapshot '\'5a000000-0000-4000-8000-000000000002\''
CREATE FUNCTION configuration() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT vmclone.get_vm_configuration_by_snapshot_id('5a000000-0000-4000-8000-000000000002') $$;
CREATE FUNCTION configure(ovf text) RETURNS void LANGUAGE sql AS $$
    UPDATE vmclone.snapshots SET vm_configuration = ovf WHERE snapshot_id = '5a000000-0000-4000-8000-000000000002' $$;
CREATE VIEW disk_states AS SELECT d ->> 'disk_alias' AS alias, d -> 'size' AS size, d ->> 'volume_format' AS format, d ->> 'volume_type' AS type,
    d ->> 'image_status' AS status, d ->> 'storage_domain_id' AS domain FROM jsonb_array_elements(configuration() -> 'disks') d;

-- The form: all columns of vm_static but those that a clone has of its own; no password.
SELECT configure(replace(:'v44', 'ovf:hostname="h1"', 'ovf:hostname="h1" ovf:rootPassword="secret"'));
SELECT jsonb_pretty(configuration() - 'devices');
SELECT configuration()::text LIKE '%secret%' AS password_shown;
-- the OVF wins over the current row, the row gives what the OVF lacks, and unknown columns come along
UPDATE vmclone.vm_static SET mem_size_mb = 3000, iso_path = 'now.iso' WHERE vm_name = 'src1';
ALTER TABLE vmclone.vm_static ADD COLUMN site_note text DEFAULT 'mine';
ALTER TABLE vmclone.vm_static DROP COLUMN parallel_migrations;
SELECT configure(replace(:'v44', '<DeleteProtected>', '<ParallelMigrations>2</ParallelMigrations><DeleteProtected>'));
SELECT s -> 'mem_size_mb' AS memory, s -> 'iso_path' AS iso_path, s -> 'site_note' AS site_note, s ? 'parallel_migrations' AS parallel_migrations
FROM (SELECT configuration() -> 'vm_static') c(s);
UPDATE vmclone.vm_static SET mem_size_mb = 1024, iso_path = '' WHERE vm_name = 'src1';

-- Sizes, formats and domains are the rows'.
UPDATE vmclone.images SET size = 1610612736, volume_type = 1 WHERE image_guid = '1a000000-0000-4000-8000-000000000012';
SELECT * FROM disk_states;
UPDATE vmclone.images SET size = 10737418240, volume_type = 2 WHERE image_guid = '1a000000-0000-4000-8000-000000000012';

-- Status: locked, illegal, never finished, of another disk, gone.
SELECT configure(:'v31');
UPDATE vmclone.images SET imagestatus = 2 WHERE image_guid = '1a000000-0000-4000-8000-000000000012';
UPDATE vmclone.images SET imagestatus = 4 WHERE image_guid = '1a000000-0000-4000-8000-000000000022';
SELECT alias, status FROM disk_states;
SELECT configuration() -> 'is_partial' AS is_partial, configuration() -> 'missing_disks' AS missing_disks;
UPDATE vmclone.images SET imagestatus = 0 WHERE image_guid = '1a000000-0000-4000-8000-000000000022';
SELECT alias, status FROM disk_states;
UPDATE vmclone.images SET imagestatus = 1;
SELECT configure(replace(:'v31', 'b1000000-0000-4000-8000-000000000002/1a000000-0000-4000-8000-000000000022', 'b1000000-0000-4000-8000-000000000009/1a000000-0000-4000-8000-000000000022'));
SELECT alias, status FROM disk_states;
SELECT configure(:'v36');
SELECT * FROM disk_states;
SELECT configuration() -> 'is_partial' AS is_partial, jsonb_pretty(configuration() -> 'missing_disks') AS missing_disks;
-- a shareable disk or LUN that is gone does not make a snapshot partial: a clone has none of them
SELECT configure(:'v42');
SELECT * FROM disk_states;
SELECT configuration() -> 'is_partial' AS is_partial, configuration() -> 'missing_disks' AS missing_disks, configuration() -> 'affinity_groups' AS groups, configuration() -> 'affinity_labels' AS labels;
INSERT INTO vmclone.base_disks (disk_id, disk_alias, disk_storage_type) VALUES ('b1000000-0000-4000-8000-000000000007', 'lun', 1);
SELECT alias, status FROM disk_states WHERE alias LIKE 'lun%';

-- What the OVF names and is gone since becomes null; the memory limit grows with the memory.
SELECT configure(replace(:'v31', '<DeleteProtected>', '<LeaseDomainId>5d000000-0000-4000-8000-000000000009</LeaseDomainId><InstanceTypeId>e0000000-0000-4000-8000-000000000009</InstanceTypeId><DeleteProtected>'));
SELECT s -> 'lease_sd_id' AS lease, s -> 'instance_type_id' AS instance_type, s -> 'quota_id' AS quota, s -> 'max_memory_size_mb' AS max_memory FROM (SELECT configuration() -> 'vm_static') c(s);
SELECT configure(replace(replace(:'v31', '<quota_id>90000000-', '<quota_id>90000009-'), '<rasd:VirtualQuantity>1024<', '<rasd:VirtualQuantity>9000<'));
SELECT s -> 'quota_id' AS quota, s -> 'max_memory_size_mb' AS max_memory FROM (SELECT configuration() -> 'vm_static') c(s);
SELECT configure(regexp_replace(:'v31', '<quota_id>.*?</quota_id>', ''));
SELECT configuration() -> 'vm_static' -> 'quota_id' AS quota;

-- No configuration: the current VM with the snapshot's images, and said so.
SELECT configure(NULL);
SELECT jsonb_pretty(configuration() - '{vm_static,devices}'::text[]) AS current, configuration() -> 'vm_static' ->> 'vm_name' AS vm_name;
SELECT d ->> 'type' AS type, d ->> 'device' AS device, d ->> 'alias' AS alias, d -> 'is_plugged' AS plugged FROM jsonb_array_elements(configuration() -> 'devices') d ORDER BY 1, 2, 3;
SELECT configure('');
SELECT configuration() -> 'source' AS source;
-- an unreadable one is an error, never a VM without disks
\set SHOW_CONTEXT never
SELECT configure(replace(:'v31', '<rasd:VirtualQuantity>1024<', '<rasd:VirtualQuantity>much<'));
SELECT configuration();
\echo :LAST_ERROR_SQLSTATE
SELECT vmclone.suggest_vm_name(:snapshot);
SELECT count(*) FROM vmclone.snapshot_disks(:snapshot);
SELECT vmclone.get_vm_configuration_by_snapshot_id('5a000000-0000-4000-8000-00000000000f');
SELECT vmclone.suggest_vm_name('5a000000-0000-4000-8000-00000000000f');
SELECT vmclone.snapshot_disks('5a000000-0000-4000-8000-00000000000f');

-- Names.
SELECT configure(:'v31');
CREATE FUNCTION take(name text, pool uuid DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO vmclone.vm_static (vm_guid, vm_name, mem_size_mb, max_memory_size_mb, vmt_guid, cluster_id, cpu_profile_id, bios_type, num_of_monitors, entity_type)
    SELECT gen_random_uuid(), name, 1, 1, '00000000-0000-0000-0000-000000000000', 'c1000000-0000-4000-8000-000000000001', 'cb000000-0000-4000-8000-000000000001', 2, 1, 'VM' $$;
SELECT vmclone.suggest_vm_name(:snapshot);
SELECT take('copy_of_src1');
SELECT vmclone.suggest_vm_name(:snapshot);
INSERT INTO vmclone.vm_names (storage_pool_id, vm_name, vm_id, call_id) VALUES
    ('d0000000-0000-4000-8000-000000000001', 'copy_of_src1_2', gen_random_uuid(), gen_random_uuid()),
    ('d0000000-0000-4000-8000-000000000009', 'copy_of_src1_3', gen_random_uuid(), gen_random_uuid());
SELECT vmclone.suggest_vm_name(:snapshot) AS reserved_elsewhere;
SELECT count(*) FROM generate_series(3, 400) n, LATERAL take(format('copy_of_src1_%s', n));
SELECT vmclone.suggest_vm_name(:snapshot), configuration() -> 'suggested_vm_name' AS in_configuration;
INSERT INTO vmclone.vm_names (storage_pool_id, vm_name, vm_id, call_id)
SELECT 'd0000000-0000-4000-8000-000000000001', format('copy_of_src1_%s', n), gen_random_uuid(), gen_random_uuid() FROM generate_series(401, 420) n;
SELECT vmclone.suggest_vm_name(:snapshot);
CREATE FUNCTION suggested(old_name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE vmclone.vm_static SET vm_name = old_name WHERE vm_guid = 'a1000000-0000-4000-8000-000000000001';
    RETURN vmclone.suggest_vm_name('5a000000-0000-4000-8000-000000000002');
END $$;
SELECT suggested(repeat('x', 56)) AS fits, suggested(repeat('x', 255)) AS cut;
SELECT take('copy_of_' || repeat('é', 56));
SELECT suggested(repeat('é', 60)) AS multibyte, char_length(suggested(repeat('é', 60))) AS characters;
SELECT suggested('a b/c"d$e') AS replaced, suggested('Ünï-cödé_1.2+3') AS kept;
SELECT suggested('src1') AS back;

-- Disks with formats and domains.
SELECT take('other');
SELECT configure(:'v44');
SELECT disk_id, disk_alias, image_id, chain_depth, size, actual_size, volume_format, volume_type, root_volume_format, storage_domain_id, status FROM vmclone.snapshot_disks(:snapshot);
SELECT disk_alias, disk_interface, is_boot, is_plugged, shareable, disk_storage_type, allowed_formats, jsonb_pretty(storage_domains) AS storage_domains FROM vmclone.snapshot_disks(:snapshot) LIMIT 1;
INSERT INTO vmclone.async_tasks (task_id, job_id, vm_id, disk_number, disk_id, disk_alias, image_id, storage_domain_id, volume_format, volume_type, virtual_size, bytes_reserved, bytes_written)
SELECT gen_random_uuid(), j, gen_random_uuid(), 1, gen_random_uuid(), 'd', gen_random_uuid(), '5d000000-0000-4000-8000-000000000001', 'COW', 'Sparse', 4096, 1073741824, 73741824
FROM (SELECT gen_random_uuid()) g(j), LATERAL (SELECT set_config('session_replication_role', 'replica', false)) r;
RESET session_replication_role;
UPDATE vmclone.storage_pool_iso_map SET status = 6 WHERE storage_id = '5d000000-0000-4000-8000-000000000002';
SELECT disk_alias, jsonb_path_query_array(storage_domains, '$[*].storage_name') AS names, jsonb_path_query_array(storage_domains, '$[*].available_bytes') AS free FROM vmclone.snapshot_disks(:snapshot);
SELECT configure(:'v42');
SELECT disk_alias, chain_depth, status, shareable, disk_storage_type, allowed_formats, storage_domains FROM vmclone.snapshot_disks(:snapshot) WHERE shareable;
SELECT configure(replace(:'v44', 'ovf:incremental-backup="false"', 'ovf:incremental-backup="true"'));
SELECT disk_alias, allowed_formats FROM vmclone.snapshot_disks(:snapshot);
-- a chain that is a loop ends
UPDATE vmclone.images SET parentid = '1a000000-0000-4000-8000-000000000012' WHERE image_guid = '1a000000-0000-4000-8000-000000000011';
SELECT disk_alias, chain_depth FROM vmclone.snapshot_disks(:snapshot);

-- Who may: viewers; nobody else; and in a transaction that can write nothing.
CREATE ROLE configuration_viewer;
CREATE ROLE configuration_nobody;
SET ROLE configuration_nobody;
SELECT vmclone.suggest_vm_name(:snapshot);
RESET ROLE;
GRANT USAGE ON SCHEMA vmclone TO configuration_nobody;
SET ROLE configuration_nobody;
SELECT vmclone.suggest_vm_name(:snapshot);
SELECT vmclone.get_vm_configuration_by_snapshot_id(:snapshot);
SELECT * FROM vmclone.snapshot_disks(:snapshot);
SELECT vmclone.parse_ovf('<a/>');
RESET ROLE;
SELECT vmclone.grant_viewer('configuration_viewer');
SET ROLE configuration_viewer;
BEGIN READ ONLY;
SELECT vmclone.suggest_vm_name(:snapshot) AS name, vmclone.get_vm_configuration_by_snapshot_id(:snapshot) ->> 'source' AS source,
    (SELECT count(*) FROM vmclone.snapshot_disks(:snapshot)) AS disks;
SELECT current_user = 'configuration_viewer' AS still_me, current_setting('search_path') AS search_path;
COMMIT;
-- an error in the function leaves the caller what it was
SELECT vmclone.suggest_vm_name('5a000000-0000-4000-8000-00000000000f');
SELECT current_user = 'configuration_viewer' AS still_me, current_setting('search_path') AS search_path;
-- tables of the caller's own with the same names are not looked at
CREATE TEMP TABLE snapshots (snapshot_id uuid, vm_id uuid, vm_configuration text);
CREATE TEMP TABLE images (image_guid uuid);
SELECT vmclone.suggest_vm_name(:snapshot) AS name, (SELECT count(*) FROM vmclone.snapshot_disks(:snapshot)) AS disks;
RESET ROLE;
DROP OWNED BY configuration_viewer, configuration_nobody;
DROP ROLE configuration_viewer, configuration_nobody;
