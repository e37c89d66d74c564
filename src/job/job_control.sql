--
-- Controlling jobs.  docs/jobs.md says what each function does in each state.
--

CREATE FUNCTION vmclone.cancel_job(job_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_cancel_job';
COMMENT ON FUNCTION vmclone.cancel_job IS 'stops a job, frees its source and removes what it has made';

CREATE FUNCTION vmclone.pause_job(job_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_pause_job';
COMMENT ON FUNCTION vmclone.pause_job IS 'lets a job rest; what it has copied and what it has locked stays';

CREATE FUNCTION vmclone.resume_job(job_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_resume_job';
COMMENT ON FUNCTION vmclone.resume_job IS 'lets a paused job go on';

CREATE FUNCTION vmclone.alter_job(job_id uuid, priority integer DEFAULT NULL, bandwidth_limit bigint DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_alter_job';
COMMENT ON FUNCTION vmclone.alter_job IS 'changes the priority or the bandwidth (bytes per second, 0: no limit) of a job, also while it runs; NULL leaves as is';

CREATE FUNCTION vmclone.retry_job(job_id uuid)
RETURNS TABLE (copy_number integer, new_job_id uuid, vm_id uuid, vm_name text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_retry_job';
COMMENT ON FUNCTION vmclone.retry_job IS 'a waiting or held job goes on from its checkpoint; a failed or cancelled one runs its call again for this copy, with all checks and new ids';

CREATE FUNCTION vmclone.abandon_cleaning(job_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_abandon_cleaning';
COMMENT ON FUNCTION vmclone.abandon_cleaning IS 'administrators: gives up removing the files of a job; their paths are kept in orphan_files';

CREATE FUNCTION vmclone.adopt(choice text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_adopt';
COMMENT ON FUNCTION vmclone.adopt IS 'in a copied, restored or promoted database: resume the jobs as its own, or abandon them and leave their files alone';

CREATE PROCEDURE vmclone.wait_for_job(job_id uuid, timeout interval DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'vmclone_wait_for_job';
COMMENT ON PROCEDURE vmclone.wait_for_job IS 'waits until a job is over, with progress as NOTICEs; an error with the job''s reason if it failed, was cancelled or is held';

REVOKE ALL ON FUNCTION vmclone.cancel_job, vmclone.pause_job, vmclone.resume_job, vmclone.alter_job,
    vmclone.retry_job, vmclone.abandon_cleaning, vmclone.adopt FROM PUBLIC;
REVOKE ALL ON PROCEDURE vmclone.wait_for_job FROM PUBLIC;
