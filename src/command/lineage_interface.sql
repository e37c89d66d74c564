--
-- Where clones came from.
--

CREATE FUNCTION vmclone.lineage_tree(id uuid DEFAULT NULL)
RETURNS TABLE (tree text, vm_id uuid, vm_name text, kind text, snapshot_id uuid, snapshot text, created_at timestamptz,
    created_by name, user_id uuid, copy_number integer, job_id uuid, parameters jsonb, vm_exists boolean)
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_lineage_tree';

COMMENT ON FUNCTION vmclone.lineage_tree(uuid) IS 'the family of a virtual machine or template, or what was made from a snapshot: who came from what, when, by whom, with which parameters; NULL: all';

CREATE VIEW vmclone.lineage_tree AS SELECT * FROM vmclone.lineage_tree(NULL::uuid);

COMMENT ON VIEW vmclone.lineage_tree IS 'all families of clones; function lineage_tree(id) shows one';
COMMENT ON COLUMN vmclone.lineage_tree.tree IS 'the clone''s name, drawn below what it was cloned from';
COMMENT ON COLUMN vmclone.lineage_tree.vm_id IS 'the VM or template';
COMMENT ON COLUMN vmclone.lineage_tree.vm_name IS 'its name now, or when it was made';
COMMENT ON COLUMN vmclone.lineage_tree.kind IS 'VM or TEMPLATE';
COMMENT ON COLUMN vmclone.lineage_tree.snapshot_id IS 'snapshot that it was cloned from; null: it is no clone';
COMMENT ON COLUMN vmclone.lineage_tree.snapshot IS 'the snapshot''s description then';
COMMENT ON COLUMN vmclone.lineage_tree.created_at IS 'when the call was made';
COMMENT ON COLUMN vmclone.lineage_tree.created_by IS 'role that made the call';
COMMENT ON COLUMN vmclone.lineage_tree.user_id IS 'engine user on whose behalf';
COMMENT ON COLUMN vmclone.lineage_tree.copy_number IS 'which copy of its call';
COMMENT ON COLUMN vmclone.lineage_tree.job_id IS 'job that made it';
COMMENT ON COLUMN vmclone.lineage_tree.parameters IS 'the call''s parameters';
COMMENT ON COLUMN vmclone.lineage_tree.vm_exists IS 'false: it has been removed since';

REVOKE ALL ON FUNCTION vmclone.lineage_tree(uuid) FROM PUBLIC;
REVOKE ALL ON vmclone.lineage_tree FROM PUBLIC;
