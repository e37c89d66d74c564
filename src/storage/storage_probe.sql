--
-- What doctor() asks of vmclone-copy.
--

CREATE FUNCTION vmclone_internal.probe_copier(path text) RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_probe_copier';
COMMENT ON FUNCTION vmclone_internal.probe_copier(text) IS 'what vmclone-copy says of itself, and with a path whether it can enter that directory';

CREATE FUNCTION vmclone_internal.probe_storage_domain(storage_domain_id uuid, host text) RETURNS jsonb
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_probe_storage_domain';
COMMENT ON FUNCTION vmclone_internal.probe_storage_domain(uuid, text) IS 'what attach tries in a storage domain, and direct I/O; null: it is not attached on that host';

REVOKE ALL ON FUNCTION vmclone_internal.probe_copier(text), vmclone_internal.probe_storage_domain(uuid, text) FROM PUBLIC;
