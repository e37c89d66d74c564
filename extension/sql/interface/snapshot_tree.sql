--
-- A VM's snapshots and image chains, for people.
--

CREATE FUNCTION vmclone.snapshot_tree(vm_id uuid)
RETURNS TABLE (tree text, type text, status text, format text, virtual_size text, actual_size text, storage_domain text,
    created_at timestamptz, locked_by text, id uuid, parent_id uuid)
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_snapshot_tree';

COMMENT ON FUNCTION vmclone.snapshot_tree(uuid) IS 'draws the snapshots of a virtual machine in order of time, each with its images: names, formats, sizes, status, who reads them';

REVOKE ALL ON FUNCTION vmclone.snapshot_tree(uuid) FROM PUBLIC;
