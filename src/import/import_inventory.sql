--
-- What is imported becomes rows of vmclone's own inventory: one data center and cluster for all of it, a directory domain
-- for each folder, networks by name.  Ids are made of names, so that the same thing imported again has them again.
--

CREATE FUNCTION vmclone_internal.import_chain(p_directory text, p_file text, p_format text)
RETURNS jsonb
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_import_chain';
COMMENT ON FUNCTION vmclone_internal.import_chain IS 'files that an image of a directory domain is made of, the image first';

CREATE FUNCTION vmclone_internal.import_id(VARIADIC p_names text[])
RETURNS uuid
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT md5('vmclone import' || array_to_string(p_names, E'\n', '-'))::uuid $$;
COMMENT ON FUNCTION vmclone_internal.import_id IS 'the id of what has these names';

-- One import at a time; only into vmclone's own tables: an engine has imports of its own.
CREATE FUNCTION vmclone_internal.import_begin()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    inventory name := (SELECT schema_name FROM vmclone_internal.current_inventory());
BEGIN
    PERFORM vmclone_internal.require_administrator('import virtual machines');
    IF inventory <> 'vmclone' THEN
        RAISE EXCEPTION 'nothing can be imported into the inventory in schema "%"', inventory
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'It is an engine''s, which imports virtual machines itself.',
                HINT = 'Import in a database of its own, whose inventory is vmclone''s.';
    END IF;
    LOCK TABLE vmclone.directory_domains IN SHARE ROW EXCLUSIVE MODE;
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_begin IS 'rights of the caller, and a lock against other imports';

-- The cluster that the caller names, or the one that is made for all imports of an architecture.  What oVirt has no number
-- for counts as x86_64: a clone's XML has the machine of its source, whatever the cluster.
CREATE FUNCTION vmclone_internal.import_cluster(p_cluster_id uuid, p_architecture text)
RETURNS vmclone.cluster
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pool CONSTANT uuid := vmclone_internal.import_id('data center');
    is_other CONSTANT boolean := COALESCE(p_architecture = ANY ('{ppc64,ppc64le,s390x}'), false);
    made CONSTANT uuid := vmclone_internal.import_id('cluster', CASE WHEN is_other THEN p_architecture END);
    found vmclone.cluster;
BEGIN
    IF p_cluster_id IS NULL THEN
        INSERT INTO vmclone.storage_pool (id, name, status, compatibility_version, quota_enforcement_type, is_local, storage_pool_format_type)
        VALUES (pool, 'libvirt', 1, '4.7', 0, true, '5') ON CONFLICT (id) DO NOTHING;
        -- of the addresses that QEMU's virtual machines have, those that virt-install draws least often from
        INSERT INTO vmclone.mac_pools (id, name) VALUES (vmclone_internal.import_id('mac pool'), 'libvirt') ON CONFLICT (id) DO NOTHING;
        INSERT INTO vmclone.mac_pool_ranges (mac_pool_id, from_mac, to_mac)
        SELECT vmclone_internal.import_id('mac pool'), '52:54:00:f0:00:00', '52:54:00:f0:ff:ff'
        WHERE NOT EXISTS (SELECT FROM vmclone.mac_pool_ranges WHERE mac_pool_id = vmclone_internal.import_id('mac pool'));
        INSERT INTO vmclone.cluster (cluster_id, name, storage_pool_id, mac_pool_id, compatibility_version, architecture, bios_type)
        VALUES (made, concat_ws(' ', 'libvirt', CASE WHEN is_other THEN p_architecture END), pool, vmclone_internal.import_id('mac pool'), '4.7',
            CASE p_architecture WHEN 'ppc64' THEN 2 WHEN 'ppc64le' THEN 5 WHEN 's390x' THEN 7 ELSE 1 END, CASE WHEN is_other THEN 0 ELSE 2 END) ON CONFLICT (cluster_id) DO NOTHING;
        INSERT INTO vmclone.cpu_profiles (id, name, cluster_id)
        VALUES (vmclone_internal.import_id('cpu profile', made::text), 'libvirt', made) ON CONFLICT (id) DO NOTHING;
    END IF;
    SELECT c.* INTO found FROM vmclone.cluster c WHERE c.cluster_id = COALESCE(p_cluster_id, made);
    IF found.cluster_id IS NULL OR found.storage_pool_id IS NULL THEN
        RAISE EXCEPTION 'cluster % does not exist, or belongs to no data center', p_cluster_id
            USING ERRCODE = 'VC004', HINT = 'Leave cluster_id out: a cluster "libvirt" is made.';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_cluster IS 'the cluster that imported virtual machines get, made if need be';

-- The domain of a folder, made if need be.
CREATE FUNCTION vmclone_internal.import_directory(p_directory text, p_storage_pool_id uuid)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found uuid := (SELECT d.storage_domain_id
        FROM vmclone.directory_domains d JOIN vmclone.storage_domain_static s ON s.id = d.storage_domain_id
            LEFT JOIN vmclone.storage_mounts m USING (storage_domain_id)
        WHERE p_directory IN (m.files_path, m.mount_path, s.storage)
        ORDER BY m.files_path IS NULL LIMIT 1);
BEGIN
    IF found IS NULL THEN
        found := vmclone_internal.import_id('directory', p_directory);
        INSERT INTO vmclone.storage_domain_static (id, storage, storage_name, storage_domain_type, storage_type, storage_domain_format_type,
            critical_space_action_blocker, warning_low_space_indicator)
        VALUES (found, p_directory, p_directory, 1, 4, '5', 0, 0);
        INSERT INTO vmclone.storage_domain_dynamic (id) VALUES (found);
        INSERT INTO vmclone.disk_profiles (id, name, storage_domain_id) VALUES (vmclone_internal.import_id('disk profile', p_directory), 'libvirt', found);
        INSERT INTO vmclone.directory_domains (storage_domain_id) VALUES (found);
    END IF;
    INSERT INTO vmclone.storage_pool_iso_map (storage_id, storage_pool_id, status) VALUES (found, p_storage_pool_id, 3)
    ON CONFLICT (storage_id, storage_pool_id) DO NOTHING;
    RETURN found;
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_directory IS 'the directory domain of a folder, made if need be';

-- Last of all: the mark of the database stays in the folder when the transaction fails.
CREATE FUNCTION vmclone_internal.import_attach(p_storage_domain_id uuid, p_directory text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mount vmclone.storage_mounts;
BEGIN
    IF NOT EXISTS (SELECT FROM vmclone.storage_mounts m WHERE m.storage_domain_id = p_storage_domain_id) THEN
        PERFORM vmclone.attach_storage_domain(p_storage_domain_id, p_directory);
    ELSE
        PERFORM vmclone.check_storage_domain(p_storage_domain_id);
    END IF;
    SELECT m.* INTO mount FROM vmclone.storage_mounts m WHERE m.storage_domain_id = p_storage_domain_id;
    IF mount.status <> 'attached' THEN
        RAISE EXCEPTION 'directory "%" cannot be used: %', p_directory, mount.error
            USING ERRCODE = 'VC005', HINT = format('Call SELECT vmclone.attach_storage_domain(%L, %L); with take_over => true where '
                'another database had attached it that is gone for good.', p_storage_domain_id, p_directory);
    END IF;
    UPDATE vmclone.storage_domain_dynamic d SET available_disk_size = mount.available_bytes >> 30,
        used_disk_size = (mount.total_bytes - mount.available_bytes) >> 30 WHERE d.id = p_storage_domain_id;
END
$$;
COMMENT ON FUNCTION vmclone_internal.import_attach IS 'attaches a folder''s domain, or looks whether it is there';

-- NICs' networks by their names, with a profile each.
CREATE FUNCTION vmclone_internal.import_networks(p_names text[], p_cluster vmclone.cluster)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO vmclone.network (id, name, storage_pool_id, vdsm_name, vm_network)
    SELECT vmclone_internal.import_id('network', (p_cluster).storage_pool_id::text, n), n, (p_cluster).storage_pool_id, left(n, 15), true
    FROM (SELECT DISTINCT unnest(p_names)) AS w (n) ON CONFLICT (id) DO NOTHING;
    INSERT INTO vmclone.network_cluster (network_id, cluster_id, status, required)
    SELECT DISTINCT vmclone_internal.import_id('network', (p_cluster).storage_pool_id::text, n), (p_cluster).cluster_id, 0, false
    FROM unnest(p_names) AS w (n) ON CONFLICT (network_id, cluster_id) DO NOTHING;
    INSERT INTO vmclone.vnic_profiles (id, name, network_id, port_mirroring)
    SELECT DISTINCT vmclone_internal.import_id('vnic profile', (p_cluster).storage_pool_id::text, n), left(n, 50),
        vmclone_internal.import_id('network', (p_cluster).storage_pool_id::text, n), false
    FROM unnest(p_names) AS w (n) ON CONFLICT (id) DO NOTHING;
$$;
COMMENT ON FUNCTION vmclone_internal.import_networks IS 'networks of imported virtual machines, made if need be';

REVOKE ALL ON FUNCTION vmclone_internal.import_chain, vmclone_internal.import_id, vmclone_internal.import_begin, vmclone_internal.import_cluster,
    vmclone_internal.import_directory, vmclone_internal.import_attach, vmclone_internal.import_networks FROM PUBLIC;
