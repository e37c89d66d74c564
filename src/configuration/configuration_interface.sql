--
-- What a snapshot holds: the default values of the form that precedes a clone.
--

CREATE FUNCTION vmclone.get_vm_configuration_by_snapshot_id(snapshot_id uuid) RETURNS jsonb
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_get_vm_configuration_by_snapshot_id';

COMMENT ON FUNCTION vmclone.get_vm_configuration_by_snapshot_id(uuid) IS 'the virtual machine as it was at the snapshot; vm_static, disks and interfaces may be edited and handed to add_vm_from_snapshot';

CREATE FUNCTION vmclone.suggest_vm_name(snapshot_id uuid) RETURNS text
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_suggest_vm_name';

COMMENT ON FUNCTION vmclone.suggest_vm_name(uuid) IS 'copy_of_NAME, or the next number that no virtual machine, template or job of the data center has';

CREATE FUNCTION vmclone.snapshot_disks(
    snapshot_id uuid,
    OUT disk_id uuid,
    OUT disk_alias text,
    OUT image_id uuid,
    OUT chain_depth integer,
    OUT size bigint,
    OUT actual_size bigint,
    OUT volume_format text,
    OUT volume_type text,
    OUT storage_domain_id uuid,
    OUT status text,
    OUT disk_interface text,
    OUT is_boot boolean,
    OUT is_plugged boolean,
    OUT shareable boolean,
    OUT disk_storage_type text,
    OUT root_volume_format text,
    OUT allowed_formats text[],
    OUT storage_domains jsonb)
RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 4
AS 'MODULE_PATHNAME', 'vmclone_snapshot_disks';

COMMENT ON FUNCTION vmclone.snapshot_disks(uuid) IS 'the disks of a snapshot: chain depth, virtual bytes and bytes that the chain takes, status, formats that a clone may have, storage domains with free bytes';

CREATE FUNCTION vmclone.parse_ovf(ovf text) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'vmclone_parse_ovf';

COMMENT ON FUNCTION vmclone.parse_ovf(text) IS 'what vmclone reads in an OVF document of oVirt''s dialect, or the error that a clone of its snapshot would meet';

REVOKE ALL ON FUNCTION vmclone.get_vm_configuration_by_snapshot_id(uuid), vmclone.suggest_vm_name(uuid),
    vmclone.snapshot_disks(uuid), vmclone.parse_ovf(text) FROM PUBLIC;
