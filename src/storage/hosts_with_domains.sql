--
-- Which hosts could copy from and to storage domains: for the worker, which chooses one, and for plans.
--

-- without SET, so that it becomes a part of the statement that calls it
CREATE FUNCTION vmclone_internal.hosts_with_domains(domain_ids uuid[])
RETURNS TABLE (host_name text, address text, max_copies integer, bandwidth_limit bigint, obstacle text)
LANGUAGE sql STABLE
AS $$
    SELECT h.host_name, h.address, h.max_copies, h.bandwidth_limit,
        CASE WHEN h.status = 'down' THEN format('host "%s" is down: %s', h.host_name, h.error)
            WHEN h.drain IS NOT NULL THEN format('host "%s" is being drained', h.host_name) END
    FROM vmclone.hosts h
    WHERE (SELECT count(*) FROM vmclone.storage_mounts m WHERE m.host_name = h.host_name
        AND m.storage_domain_id = ANY (domain_ids) AND m.status = 'attached') = cardinality(domain_ids)
    ORDER BY h.host_name <> 'local', h.host_name
$$;
COMMENT ON FUNCTION vmclone_internal.hosts_with_domains(uuid[]) IS 'hosts where all of the storage domains (each named once) are attached, this machine first; obstacle: why a host gets no copies now';

CREATE FUNCTION vmclone_internal.hosts_of_domains(domain_ids uuid[], labels text[]) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'no host has all of its storage domains: ' || string_agg(format('storage domain %s is attached on %s', d.label,
        COALESCE((SELECT string_agg(m.host_name, ', ' ORDER BY m.host_name) FROM vmclone.storage_mounts m
            WHERE m.storage_domain_id = d.id AND m.status = 'attached'), 'no host')), '; ' ORDER BY d.number)
        || ' (attach_storage_domain(..., host => ...) attaches one elsewhere)'
    FROM unnest(domain_ids, labels) WITH ORDINALITY AS d (id, label, number)
$$;
COMMENT ON FUNCTION vmclone_internal.hosts_of_domains(uuid[], text[]) IS 'where each of the storage domains is attached, as the reason why no host has all; labels are what messages call them';

REVOKE ALL ON FUNCTION vmclone_internal.hosts_with_domains(uuid[]), vmclone_internal.hosts_of_domains(uuid[], text[]) FROM PUBLIC;
