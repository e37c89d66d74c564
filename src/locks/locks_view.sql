--
-- What is locked, by which job, since when.
--

CREATE VIEW vmclone.locks WITH (security_barrier) AS
SELECT l.kind, l.entity_id, l.mode, l.locked_at, s.earlier_status, l.keeps_status,
       j.job_id, j.status AS job_status, j.vm_name, COALESCE(NULLIF(j.owner_role::text, '')::name, j.owner) AS owner, j.source_vm_id, j.source_snapshot_id
FROM vmclone.image_locks l
LEFT JOIN vmclone.lock_state s USING (kind, entity_id)
LEFT JOIN vmclone.jobs j ON j.call_id = l.holder
WHERE (SELECT vmclone_internal.caller_sees_all()) OR j.owner_role = (SELECT vmclone_internal.caller_role());

COMMENT ON VIEW vmclone.locks IS 'snapshots and images that jobs hold: what, by which job, since when, exclusive or shared';
COMMENT ON COLUMN vmclone.locks.earlier_status IS 'what the status becomes again when the last holder leaves';
COMMENT ON COLUMN vmclone.locks.keeps_status IS 'an image of a template: held, but its status is left alone';
COMMENT ON COLUMN vmclone.locks.kind IS 'snapshot, or image';
COMMENT ON COLUMN vmclone.locks.entity_id IS 'its id';
COMMENT ON COLUMN vmclone.locks.mode IS 'exclusive, or shared with others that read it too';
COMMENT ON COLUMN vmclone.locks.locked_at IS 'when the call was made';
COMMENT ON COLUMN vmclone.locks.job_id IS 'job that holds it';
COMMENT ON COLUMN vmclone.locks.job_status IS 'state of the job';
COMMENT ON COLUMN vmclone.locks.vm_name IS 'the job''s new VM';
COMMENT ON COLUMN vmclone.locks.owner IS 'role that made the call';
COMMENT ON COLUMN vmclone.locks.source_vm_id IS 'VM that is cloned';
COMMENT ON COLUMN vmclone.locks.source_snapshot_id IS 'snapshot that is cloned';

REVOKE ALL ON vmclone.locks FROM PUBLIC;
