--
-- Storage domains on hosts.
--

CREATE FUNCTION vmclone.attach_storage_domain(
    storage_domain_id uuid,
    mount_path text,
    max_copies integer DEFAULT NULL,
    bandwidth_limit bigint DEFAULT NULL,
    take_over boolean DEFAULT false,
    host text DEFAULT 'local')
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_attach_storage_domain';
COMMENT ON FUNCTION vmclone.attach_storage_domain IS 'makes the directory of a file domain, or the volume group of a block domain (/dev/NAME), usable on a host; it must lie below vmclone.storage_roots, on other hosts than local below the roots that the host itself names';

CREATE FUNCTION vmclone.detach_storage_domain(storage_domain_id uuid, host text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_detach_storage_domain';
COMMENT ON FUNCTION vmclone.detach_storage_domain IS 'gives a storage domain up, on one host or, without a host, everywhere; refused while a job that is not over uses it there';

CREATE FUNCTION vmclone.check_storage_domain(
    storage_domain_id uuid,
    host text DEFAULT NULL,
    OUT domain_id uuid,
    OUT status text,
    OUT real_path text,
    OUT filesystem text,
    OUT block_size integer,
    OUT reflink boolean,
    OUT total_bytes bigint,
    OUT available_bytes bigint,
    OUT error text,
    OUT host_name text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_check_storage_domain';
COMMENT ON FUNCTION vmclone.check_storage_domain IS 'asks the storage whether an attached domain is there and this database''s, on the host named, else on local or the first host that has it; the answer is kept in view storage';

REVOKE ALL ON FUNCTION vmclone.attach_storage_domain, vmclone.detach_storage_domain,
    vmclone.check_storage_domain FROM PUBLIC;
