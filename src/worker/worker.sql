--
-- The worker and whose jobs it runs.
--

CREATE FUNCTION vmclone.start_worker()
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_start_worker';
COMMENT ON FUNCTION vmclone.start_worker IS 'starts the worker of this database, if none runs, and waits until it does';

CREATE FUNCTION vmclone_internal.wake_worker()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_wake_worker';
COMMENT ON FUNCTION vmclone_internal.wake_worker IS 'tells the launcher at commit that this database has the extension';

CREATE FUNCTION vmclone_internal.worker_preloaded()
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'vmclone_worker_preloaded';
COMMENT ON FUNCTION vmclone_internal.worker_preloaded IS 'whether the library is in shared_preload_libraries, so that a launcher keeps the worker running';

CREATE FUNCTION vmclone_internal.guard_replicated_jobs()
RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'vmclone_guard_replicated_jobs';
COMMENT ON FUNCTION vmclone_internal.guard_replicated_jobs() IS 'refuses jobs that a subscription brings into a database that runs its own';

-- ENABLE REPLICA: our own statements know nothing of it
CREATE TRIGGER vmclone_guard_replicated AFTER INSERT ON vmclone.jobs
    FOR EACH ROW EXECUTE FUNCTION vmclone_internal.guard_replicated_jobs();
ALTER TABLE vmclone.jobs ENABLE REPLICA TRIGGER vmclone_guard_replicated;
COMMENT ON TRIGGER vmclone_guard_replicated ON vmclone.jobs IS 'jobs that a subscription brings are not carried out a second time';

CREATE FUNCTION vmclone_internal.worker_process(OUT pid integer, OUT activity text, OUT started_at timestamptz)
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_worker_process';
COMMENT ON FUNCTION vmclone_internal.worker_process IS 'the worker of this database, for the views; nulls: none runs';

REVOKE ALL ON FUNCTION vmclone.start_worker(), vmclone_internal.wake_worker(), vmclone_internal.worker_preloaded(),
    vmclone_internal.guard_replicated_jobs(), vmclone_internal.worker_process() FROM PUBLIC;
