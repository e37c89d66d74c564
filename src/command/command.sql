--
-- The clone call.
--

CREATE FUNCTION vmclone.add_vm_from_snapshot(
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
RETURNS TABLE (copy_number integer, job_id uuid, vm_id uuid, vm_name text, status text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_add_vm_from_snapshot';

COMMENT ON FUNCTION vmclone.add_vm_from_snapshot IS 'clones a virtual machine from a snapshot: checks, locks, writes the rows and queues one copy per disk';

CREATE FUNCTION vmclone.add_vm_template_from_snapshot(
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
RETURNS TABLE (copy_number integer, job_id uuid, vm_id uuid, vm_name text, status text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_add_vm_template_from_snapshot';

COMMENT ON FUNCTION vmclone.add_vm_template_from_snapshot IS 'makes a template from a snapshot of a virtual machine';

REVOKE ALL ON FUNCTION vmclone.add_vm_from_snapshot, vmclone.add_vm_template_from_snapshot FROM PUBLIC;
