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

REVOKE ALL ON FUNCTION vmclone.lineage_tree(uuid) FROM PUBLIC;
REVOKE ALL ON vmclone.lineage_tree FROM PUBLIC;
