--
-- Storage domains on this machine.
--

CREATE FUNCTION vmclone.attach_storage_domain(
    storage_domain_id uuid,
    mount_path text,
    max_copies integer DEFAULT NULL,
    bandwidth_limit bigint DEFAULT NULL,
    take_over boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_attach_storage_domain';
COMMENT ON FUNCTION vmclone.attach_storage_domain IS 'makes the directory of a file domain, or the volume group of a block domain (/dev/NAME), usable on this machine; it must lie below vmclone.storage_roots';

CREATE FUNCTION vmclone.detach_storage_domain(storage_domain_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_detach_storage_domain';
COMMENT ON FUNCTION vmclone.detach_storage_domain IS 'gives a storage domain up; refused while a job that is not over uses it';

CREATE FUNCTION vmclone.check_storage_domain(
    storage_domain_id uuid,
    OUT domain_id uuid,
    OUT status text,
    OUT real_path text,
    OUT filesystem text,
    OUT block_size integer,
    OUT reflink boolean,
    OUT total_bytes bigint,
    OUT available_bytes bigint,
    OUT error text)
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_check_storage_domain';
COMMENT ON FUNCTION vmclone.check_storage_domain IS 'asks the storage whether an attached domain is there and this database''s; the answer is kept in view storage';

REVOKE ALL ON FUNCTION vmclone.attach_storage_domain, vmclone.detach_storage_domain,
    vmclone.check_storage_domain FROM PUBLIC;
