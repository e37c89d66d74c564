--
-- A VM's snapshots and image chains, for people.
--

CREATE FUNCTION vmclone.snapshot_tree(vm_id uuid)
RETURNS TABLE (tree text, type text, status text, format text, virtual_size text, actual_size text, storage_domain text,
    created_at timestamptz, locked_by text, id uuid, parent_id uuid)
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_snapshot_tree';

COMMENT ON FUNCTION vmclone.snapshot_tree(uuid) IS 'draws the snapshots of a virtual machine in order of time, each with its images: names, formats, sizes, status, who reads them';

CREATE VIEW vmclone.snapshot_tree AS
SELECT v.vm_id, v.vm_name, t.tree, t.type, t.status, t.format, t.virtual_size, t.actual_size, t.storage_domain, t.created_at, t.locked_by, t.id, t.parent_id
FROM vmclone.vms v CROSS JOIN LATERAL vmclone.snapshot_tree(v.vm_id) WITH ORDINALITY
    AS t (tree, type, status, format, virtual_size, actual_size, storage_domain, created_at, locked_by, id, parent_id, line)
ORDER BY v.vm_name, v.vm_id, t.line;

COMMENT ON VIEW vmclone.snapshot_tree IS 'snapshots and image chains of all virtual machines and templates; function snapshot_tree(vm_id) draws one';
COMMENT ON COLUMN vmclone.snapshot_tree.vm_id IS 'VM';
COMMENT ON COLUMN vmclone.snapshot_tree.vm_name IS 'its name';
COMMENT ON COLUMN vmclone.snapshot_tree.tree IS 'snapshots in order of time, each with its images below';
COMMENT ON COLUMN vmclone.snapshot_tree.type IS 'REGULAR, ACTIVE ..., or image';
COMMENT ON COLUMN vmclone.snapshot_tree.status IS 'of the snapshot or image';
COMMENT ON COLUMN vmclone.snapshot_tree.format IS 'image: format and allocation';
COMMENT ON COLUMN vmclone.snapshot_tree.virtual_size IS 'image: what the guest sees';
COMMENT ON COLUMN vmclone.snapshot_tree.actual_size IS 'image: what it takes';
COMMENT ON COLUMN vmclone.snapshot_tree.storage_domain IS 'image: where it is';
COMMENT ON COLUMN vmclone.snapshot_tree.created_at IS 'when it was made';
COMMENT ON COLUMN vmclone.snapshot_tree.locked_by IS 'jobs that hold it';
COMMENT ON COLUMN vmclone.snapshot_tree.id IS 'of the snapshot or image';
COMMENT ON COLUMN vmclone.snapshot_tree.parent_id IS 'image: the layer below';

REVOKE ALL ON FUNCTION vmclone.snapshot_tree(uuid) FROM PUBLIC;
REVOKE ALL ON vmclone.snapshot_tree FROM PUBLIC;
