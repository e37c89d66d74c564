--
-- What a clone call would do, beforehand: checks, plan, exact measurement.
-- They have the parameters of the calls themselves.
--

CREATE FUNCTION vmclone.can_add_vm_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (step integer, message_key text, severity text, message text, detail text, hint text, sqlstate text)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 5
AS 'MODULE_PATHNAME', 'vmclone_can_add_vm_from_snapshot';

COMMENT ON FUNCTION vmclone.can_add_vm_from_snapshot IS 'every check that add_vm_from_snapshot would refuse or warn of, in order; no row: it can be done.  Writes nothing, locks nothing, works on a standby';

CREATE FUNCTION vmclone.can_add_vm_template_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    base_template_id uuid DEFAULT NULL,
    template_version_name text DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (step integer, message_key text, severity text, message text, detail text, hint text, sqlstate text)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 5
AS 'MODULE_PATHNAME', 'vmclone_can_add_vm_template_from_snapshot';

COMMENT ON FUNCTION vmclone.can_add_vm_template_from_snapshot IS 'every check that add_vm_template_from_snapshot would refuse or warn of, in order; no row: it can be done';

CREATE FUNCTION vmclone.plan_add_vm_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (
    disk_id uuid,
    disk_alias text,
    fate text,
    source_chain uuid[],
    chain_depth integer,
    source_format text,
    target_storage_domain_id uuid,
    target_storage_domain text,
    volume_format text,
    volume_type text,
    virtual_size bigint,
    bytes_to_copy bigint,
    bytes_needed bigint,
    bytes_source text,
    quota_id uuid,
    quota_left_gb double precision,
    method text,
    method_reason text,
    seconds_expected double precision,
    note text,
    copy_hosts text[],
    copy_hosts_reason text)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 4
AS 'MODULE_PATHNAME', 'vmclone_plan_add_vm_from_snapshot';

COMMENT ON FUNCTION vmclone.plan_add_vm_from_snapshot IS 'one row per disk of the snapshot: its chain, target, format and allocation after the rules, bytes to read and bytes needed for one copy, what the quota has left, how it will be copied and why not faster, which hosts could copy it and what keeps others from it';

CREATE FUNCTION vmclone.plan_add_vm_template_from_snapshot(
    snapshot_id uuid,
    vm_name text DEFAULT NULL,
    vm_static jsonb DEFAULT '{}',
    use_given_vm_static boolean DEFAULT false,
    source_vm_id uuid DEFAULT NULL,
    cluster_id uuid DEFAULT NULL,
    disks jsonb DEFAULT '[]',
    interfaces jsonb DEFAULT '[]',
    missing_disk text DEFAULT NULL,
    copies integer DEFAULT 1,
    lock_mode text DEFAULT NULL,
    user_id uuid DEFAULT NULL,
    request_key text DEFAULT NULL,
    priority integer DEFAULT 0,
    bandwidth_limit bigint DEFAULT NULL,
    verify boolean DEFAULT false,
    start_paused boolean DEFAULT false,
    on_failure text DEFAULT 'clean',
    copy_overrides jsonb DEFAULT NULL,
    base_template_id uuid DEFAULT NULL,
    template_version_name text DEFAULT NULL,
    virtio_scsi boolean DEFAULT NULL)
RETURNS TABLE (
    disk_id uuid,
    disk_alias text,
    fate text,
    source_chain uuid[],
    chain_depth integer,
    source_format text,
    target_storage_domain_id uuid,
    target_storage_domain text,
    volume_format text,
    volume_type text,
    virtual_size bigint,
    bytes_to_copy bigint,
    bytes_needed bigint,
    bytes_source text,
    quota_id uuid,
    quota_left_gb double precision,
    method text,
    method_reason text,
    seconds_expected double precision,
    note text,
    copy_hosts text[],
    copy_hosts_reason text)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 4
AS 'MODULE_PATHNAME', 'vmclone_plan_add_vm_template_from_snapshot';

COMMENT ON FUNCTION vmclone.plan_add_vm_template_from_snapshot IS 'one row per disk of the snapshot, as plan_add_vm_from_snapshot, for a template';

CREATE FUNCTION vmclone.checks()
RETURNS TABLE (step integer, message_key text, severity text, sqlstate text, phase text, summary text, hint text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 100
AS 'MODULE_PATHNAME', 'vmclone_checks';

COMMENT ON FUNCTION vmclone.checks() IS 'the checks of a clone call, in order.  phase: always; user = only for an engine user; counted = again under the locks, because other calls take from the same';

CREATE FUNCTION vmclone.measure_snapshot(snapshot_id uuid)
RETURNS TABLE (disk_id uuid, image_id uuid, volume_format text, status text, required bigint, bytes_to_read bigint, allocated bigint, error text)
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 4
AS 'MODULE_PATHNAME', 'vmclone_measure_snapshot';

COMMENT ON FUNCTION vmclone.measure_snapshot(uuid) IS 'asks the worker for the exact bytes that copies of the snapshot''s disks take; plan and checks use them once status is done.  Call again to see them';

REVOKE ALL ON FUNCTION vmclone.can_add_vm_from_snapshot, vmclone.can_add_vm_template_from_snapshot,
    vmclone.plan_add_vm_from_snapshot, vmclone.plan_add_vm_template_from_snapshot, vmclone.checks(),
    vmclone.measure_snapshot(uuid) FROM PUBLIC;
