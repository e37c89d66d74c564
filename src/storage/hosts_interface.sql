--
-- Hosts that copies run on, for people.
--

CREATE FUNCTION vmclone.add_copy_host(
    name text,
    address text,
    max_copies integer DEFAULT NULL,
    bandwidth_limit bigint DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_add_copy_host';
COMMENT ON FUNCTION vmclone.add_copy_host IS 'makes a machine known that copies may run on, or changes its address and limits; the address is what vmclone.copy_launcher gets for {address}; null for host local';

CREATE FUNCTION vmclone.drop_copy_host(name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_drop_copy_host';
COMMENT ON FUNCTION vmclone.drop_copy_host IS 'forgets a host; refused while a copy may run there or a storage domain is attached there';

CREATE FUNCTION vmclone.drain_copy_host(name text, drain boolean DEFAULT true, move boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_drain_copy_host';
COMMENT ON FUNCTION vmclone.drain_copy_host IS 'a host gets no more copies, as before maintenance: those that run there end, or with move go on elsewhere from their checkpoint; drain => false: it gets copies again';

CREATE FUNCTION vmclone.check_copy_host(
    name text,
    OUT host_name text,
    OUT status text,
    OUT copier_version text,
    OUT milliseconds integer,
    OUT error text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_check_copy_host';
COMMENT ON FUNCTION vmclone.check_copy_host IS 'starts the copier of a host and sees whether it answers and has the version that this one works with; the answer is kept in view copy_hosts';

CREATE VIEW vmclone.copy_hosts AS
SELECT h.host_name, h.address, CASE WHEN h.drain IS NOT NULL THEN 'draining' ELSE h.status END AS state, h.status_since AS since, h.copier_version,
    (SELECT count(*) FROM vmclone.async_tasks t WHERE t.result IS NULL AND t.status = 'running' AND t.host_name = h.host_name) AS running_copies,
    h.max_copies, h.bandwidth_limit,
    (SELECT count(*) FROM vmclone.storage_mounts m WHERE m.host_name = h.host_name) AS storage_domains,
    h.error, h.checked_at
FROM vmclone.hosts h;

COMMENT ON VIEW vmclone.copy_hosts IS 'machines that copies run on: whether they answer, what runs there';
COMMENT ON COLUMN vmclone.copy_hosts.host_name IS 'name; local is the machine of the database';
COMMENT ON COLUMN vmclone.copy_hosts.address IS 'what vmclone.copy_launcher gets for {address}';
COMMENT ON COLUMN vmclone.copy_hosts.state IS 'unchecked, up, down, or draining: it gets no more copies';
COMMENT ON COLUMN vmclone.copy_hosts.since IS 'since when it is up or down';
COMMENT ON COLUMN vmclone.copy_hosts.copier_version IS 'version of its vmclone-copy; null: it has not answered yet';
COMMENT ON COLUMN vmclone.copy_hosts.running_copies IS 'copies that run there';
COMMENT ON COLUMN vmclone.copy_hosts.max_copies IS 'copies that it runs at once';
COMMENT ON COLUMN vmclone.copy_hosts.bandwidth_limit IS 'bytes per second for all copies that run there';
COMMENT ON COLUMN vmclone.copy_hosts.storage_domains IS 'storage domains that are attached there';
COMMENT ON COLUMN vmclone.copy_hosts.error IS 'what was wrong with it last';
COMMENT ON COLUMN vmclone.copy_hosts.checked_at IS 'when it last answered or did not';

REVOKE ALL ON FUNCTION vmclone.add_copy_host, vmclone.drop_copy_host, vmclone.drain_copy_host, vmclone.check_copy_host FROM PUBLIC;
REVOKE ALL ON vmclone.copy_hosts FROM PUBLIC;
