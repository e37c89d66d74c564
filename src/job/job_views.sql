--
-- Jobs, their progress and the worker, for people.
-- Operators and engines see their own jobs, administrators and viewers all.
--

-- What is true of a task now.  What a copier said lately is no news any more when it has stopped, or when nobody listens.
CREATE VIEW vmclone.tasks_now AS
SELECT t.*, s.moves, s.stalled,
    CASE WHEN s.moves THEN t.rate END AS rate_now,
    CASE WHEN t.phase = 'verify' THEN t.bytes_to_verify - t.bytes_verified ELSE t.bytes_total - t.bytes_done END AS bytes_left,
    CASE WHEN t.status IN ('running', 'aborting', 'cleaning') AND NOT s.worker_lives
         THEN 'no worker runs: SELECT vmclone.start_worker() starts it'
         WHEN t.phase = 'stuck'
         THEN format('the copier can''t be ended: storage domain %s%s does not answer',
             t.storage_domain_id, ' or ' || NULLIF(t.source_storage_domain_id, t.storage_domain_id))
         WHEN s.stalled
         THEN format('no progress since %s: see whether storage domain %s%s answers (check_storage_domain); cancel_job(%L) gives the job up',
             t.last_progress_at, t.storage_domain_id, ' or ' || NULLIF(t.source_storage_domain_id, t.storage_domain_id), t.job_id) END AS advice
FROM vmclone.async_tasks t
CROSS JOIN LATERAL (
    SELECT w.lives AS worker_lives,
        w.lives AND t.status = 'running' AND t.last_progress_at > clock_timestamp() - LEAST(interval '10 s', w.timeout) AS moves,
        w.lives AND t.status = 'running' AND t.phase <> 'paused'
            AND t.last_progress_at <= clock_timestamp() - w.timeout AS stalled
    FROM (SELECT (SELECT p.pid IS NOT NULL FROM vmclone_internal.worker_process() p) AS lives,
        (SELECT COALESCE(current_setting('vmclone.storage_timeout', true), '30s')::interval) AS timeout) w) s;

COMMENT ON VIEW vmclone.tasks_now IS 'internal: async_tasks, and what is true of them now';
COMMENT ON COLUMN vmclone.tasks_now.moves IS 'has made progress within ten seconds';
COMMENT ON COLUMN vmclone.tasks_now.stalled IS 'is to copy, and has made no progress for vmclone.storage_timeout';
COMMENT ON COLUMN vmclone.tasks_now.task_id IS 'primary key';
COMMENT ON COLUMN vmclone.tasks_now.job_id IS 'the job that the disk belongs to';
COMMENT ON COLUMN vmclone.tasks_now.vm_id IS 'the new VM or template';
COMMENT ON COLUMN vmclone.tasks_now.disk_number IS 'the disk''s number within its job, from 1; the same in all copies of a call';
COMMENT ON COLUMN vmclone.tasks_now.source_disk_id IS 'disk of the snapshot';
COMMENT ON COLUMN vmclone.tasks_now.source_image_id IS 'image at the top of the chain that is read; null for a blank disk';
COMMENT ON COLUMN vmclone.tasks_now.source_storage_domain_id IS 'storage domain of that image';
COMMENT ON COLUMN vmclone.tasks_now.layers IS 'the chain to read, first snapshot first: [{"image_id", "image_group_id", "storage_domain_id", "volume_format": "RAW|COW", "size"}]; image_group_id is the folder that holds the file; empty: a blank disk';
COMMENT ON COLUMN vmclone.tasks_now.read_from_task IS 'task of an earlier copy of the same call whose finished image is read instead of the chain';
COMMENT ON COLUMN vmclone.tasks_now.disk_id IS 'image group of the new disk';
COMMENT ON COLUMN vmclone.tasks_now.disk_alias IS 'the new disk''s name';
COMMENT ON COLUMN vmclone.tasks_now.image_id IS 'image that is made';
COMMENT ON COLUMN vmclone.tasks_now.storage_domain_id IS 'storage domain that it is made in';
COMMENT ON COLUMN vmclone.tasks_now.volume_format IS 'RAW or COW';
COMMENT ON COLUMN vmclone.tasks_now.volume_type IS 'Sparse or Preallocated';
COMMENT ON COLUMN vmclone.tasks_now.copy_volume_type IS 'LEAF for a VM''s image, SHARED for a template''s: VDSM''s VOLTYPE';
COMMENT ON COLUMN vmclone.tasks_now.virtual_size IS 'bytes, a multiple of 4 KiB';
COMMENT ON COLUMN vmclone.tasks_now.bytes_reserved IS 'bytes that the finished image is expected to take in its storage domain; what bytes_written has used up no longer counts';
COMMENT ON COLUMN vmclone.tasks_now.description IS 'text in the volume''s metadata, the engine''s JSON';
COMMENT ON COLUMN vmclone.tasks_now.status IS 'state of the task; docs/jobs.md has the table of who moves it from where to where';
COMMENT ON COLUMN vmclone.tasks_now.result IS 'success, failure, cleanSuccess or cleanFailure; null until it is over';
COMMENT ON COLUMN vmclone.tasks_now.phase IS 'what the copier does now, or what became of the task, for people';
COMMENT ON COLUMN vmclone.tasks_now.bytes_total IS 'bytes to go through; null until the chain has been looked through';
COMMENT ON COLUMN vmclone.tasks_now.bytes_done IS 'of these, done';
COMMENT ON COLUMN vmclone.tasks_now.bytes_written IS 'bytes that the image takes up so far';
COMMENT ON COLUMN vmclone.tasks_now.rate IS 'bytes per second, as the copier said last';
COMMENT ON COLUMN vmclone.tasks_now.method IS 'how bytes are moved: reflink, copy_file_range, threads-direct or threads-buffered';
COMMENT ON COLUMN vmclone.tasks_now.method_reason IS 'why not by a faster one';
COMMENT ON COLUMN vmclone.tasks_now.checkpoint IS 'how far the copier has data on storage, for display; the file beside the output is the truth';
COMMENT ON COLUMN vmclone.tasks_now.actual_size IS 'bytes that the finished image takes';
COMMENT ON COLUMN vmclone.tasks_now.claim IS 'number of the attempt that may report; what an older one says is dropped';
COMMENT ON COLUMN vmclone.tasks_now.attempts IS 'copiers that ended without a reason; from vmclone.max_attempts on the task fails';
COMMENT ON COLUMN vmclone.tasks_now.next_attempt_at IS 'when the task is tried again';
COMMENT ON COLUMN vmclone.tasks_now.started_at IS 'when it was claimed first';
COMMENT ON COLUMN vmclone.tasks_now.ended_at IS 'when it came to its result';
COMMENT ON COLUMN vmclone.tasks_now.error IS 'what the last attempt said';
COMMENT ON COLUMN vmclone.tasks_now.error_kind IS 'the same as a stable word for programs';
COMMENT ON COLUMN vmclone.tasks_now.last_progress_at IS 'when the copier last said something new: more bytes, or another phase';
COMMENT ON COLUMN vmclone.tasks_now.host_name IS 'host that it runs on, or ran on last';
COMMENT ON COLUMN vmclone.tasks_now.lease IS 'seconds after which a copier on that host that hears nothing of the worker ends; null: none can be there any more';
COMMENT ON COLUMN vmclone.tasks_now.host_claim IS 'first of the claims in a row that this host had';
COMMENT ON COLUMN vmclone.tasks_now.left_hosts IS 'hosts that may still have logical volumes active for it, since it went on elsewhere; null: none';
COMMENT ON COLUMN vmclone.tasks_now.bytes_verified IS 'guest bytes that the verification has compared';
COMMENT ON COLUMN vmclone.tasks_now.bytes_to_verify IS 'guest bytes that the verification compares; null until it begins';
COMMENT ON COLUMN vmclone.tasks_now.rate_now IS 'bytes per second; null: no progress for ten seconds, or no worker runs';
COMMENT ON COLUMN vmclone.tasks_now.bytes_left IS 'bytes that are still to go through';
COMMENT ON COLUMN vmclone.tasks_now.advice IS 'what a person has to look after; null: nothing';

CREATE VIEW vmclone.jobs_view WITH (security_barrier) AS
SELECT j.job_id, j.call_id, j.copy_number, j.action, j.status, j.requested, j.reason, j.reason_key,
    j.vm_id, j.vm_name, j.source_vm_id, j.source_snapshot_id,
    COALESCE(NULLIF(j.owner_role::text, '')::name, j.owner) AS owner, j.user_id, j.priority,
    j.bandwidth_limit, j.lock_mode, j.on_failure, j.verify, j.retry_of,
    t.disks, t.disks_done, t.bytes_done, t.bytes_total,
    CASE WHEN j.status = 'succeeded' THEN 100.0
         WHEN t.bytes_total > 0 THEN round(LEAST(100.0, 100.0 * t.bytes_done / t.bytes_total), 1) END AS percent,
    CASE WHEN j.reason IS NOT NULL THEN j.waiting_since END AS waiting_since, j.next_attempt_at, j.clean_attempts, j.cleaning_error, j.source_freed,
    j.created_at, j.started_at, j.ended_at, j.owner_role::text = '' AS owner_is_gone,
    t.last_progress_at, t.rate,
    CASE WHEN t.rate > 0 THEN make_interval(secs => round(t.bytes_left / t.rate)::float8) END AS eta,
    COALESCE(CASE WHEN j.status NOT IN ('succeeded', 'failed', 'cancelled') AND (SELECT starts_with(vmclone_internal.identity_state(), 'other'))
         THEN 'nothing is done until SELECT vmclone.adopt(''resume'' | ''abandon''): the job came with a copy or restore, or the server was promoted'
         END, t.advice, CASE WHEN j.status IN ('queued', 'waiting', 'finishing', 'failing', 'cancelling')
        AND (SELECT p.pid IS NULL FROM vmclone_internal.worker_process() p)
        THEN 'no worker runs: SELECT vmclone.start_worker() starts it' END) AS advice
FROM vmclone.jobs j
CROSS JOIN LATERAL (
    SELECT count(*) AS disks, count(*) FILTER (WHERE a.result = 'success') AS disks_done,
        sum(a.bytes_done) AS bytes_done,
        CASE WHEN count(*) = count(a.bytes_total) THEN sum(a.bytes_total) END AS bytes_total,
        max(a.last_progress_at) AS last_progress_at, sum(a.rate_now) AS rate,
        CASE WHEN count(*) = count(a.bytes_total) THEN GREATEST(sum(a.bytes_left), 0) END AS bytes_left, max(a.advice) AS advice
    FROM vmclone.tasks_now a WHERE a.job_id = j.job_id) t
WHERE (SELECT vmclone_internal.caller_sees_all()) OR j.owner_role = (SELECT vmclone_internal.caller_role());

COMMENT ON VIEW vmclone.jobs_view IS 'one row per virtual machine or template that calls make or made';
COMMENT ON COLUMN vmclone.jobs_view.call_id IS 'one for all copies of a call';
COMMENT ON COLUMN vmclone.jobs_view.requested IS 'pause, resume or cancel, until the worker has done it';
COMMENT ON COLUMN vmclone.jobs_view.reason IS 'why it waits, is held, failed or was cancelled; null when it goes on';
COMMENT ON COLUMN vmclone.jobs_view.waiting_since IS 'since when it waits for what reason says';
COMMENT ON COLUMN vmclone.jobs_view.last_progress_at IS 'when a copier of the job last said something new';
COMMENT ON COLUMN vmclone.jobs_view.rate IS 'bytes per second of the copies that move; null: none has for ten seconds, or no worker runs';
COMMENT ON COLUMN vmclone.jobs_view.eta IS 'time left at that rate';
COMMENT ON COLUMN vmclone.jobs_view.advice IS 'what a person has to look after; null: nothing';
COMMENT ON COLUMN vmclone.jobs_view.reason_key IS 'the same for programs: the copier''s kind of error';
COMMENT ON COLUMN vmclone.jobs_view.owner IS 'the role that made the call, by the name that it has now, or had when it called';
COMMENT ON COLUMN vmclone.jobs_view.user_id IS 'the engine user on whose behalf it was made; null: none';
COMMENT ON COLUMN vmclone.jobs_view.bandwidth_limit IS 'bytes per second for the whole job; null: no limit';
COMMENT ON COLUMN vmclone.jobs_view.retry_of IS 'the job that this one runs again';
COMMENT ON COLUMN vmclone.jobs_view.bytes_done IS 'of the bytes that the copies have to go through, over all disks; from a checkpoint on, what was copied before counts';
COMMENT ON COLUMN vmclone.jobs_view.bytes_total IS 'null until every disk''s chain has been looked through';
COMMENT ON COLUMN vmclone.jobs_view.next_attempt_at IS 'when a waiting or cleaning job is tried again';
COMMENT ON COLUMN vmclone.jobs_view.cleaning_error IS 'why what the job had made could not be removed yet';
COMMENT ON COLUMN vmclone.jobs_view.source_freed IS 'the job needs its snapshot and images no more';

COMMENT ON COLUMN vmclone.jobs_view.owner_is_gone IS 'the role has been dropped: only administrators control the job';
COMMENT ON COLUMN vmclone.jobs_view.job_id IS 'for pause_job, cancel_job and their like';
COMMENT ON COLUMN vmclone.jobs_view.copy_number IS 'which copy of the call, from 1';
COMMENT ON COLUMN vmclone.jobs_view.action IS 'AddVmFromSnapshot or AddVmTemplateFromSnapshot';
COMMENT ON COLUMN vmclone.jobs_view.status IS 'queued, running, paused, waiting, held, finishing, failing, cancelling, cleaning; over: succeeded, failed, cancelled';
COMMENT ON COLUMN vmclone.jobs_view.vm_id IS 'the new VM or template';
COMMENT ON COLUMN vmclone.jobs_view.vm_name IS 'its name';
COMMENT ON COLUMN vmclone.jobs_view.source_vm_id IS 'VM that the snapshot belongs to';
COMMENT ON COLUMN vmclone.jobs_view.source_snapshot_id IS 'snapshot that is cloned';
COMMENT ON COLUMN vmclone.jobs_view.priority IS 'jobs with a higher one come first';
COMMENT ON COLUMN vmclone.jobs_view.lock_mode IS 'how the source is held: exclusive or shared';
COMMENT ON COLUMN vmclone.jobs_view.on_failure IS 'clean: everything that was made is removed; hold: it waits for a person';
COMMENT ON COLUMN vmclone.jobs_view.verify IS 'finished images are read back and compared with the chain';
COMMENT ON COLUMN vmclone.jobs_view.disks IS 'disks that the job copies or makes';
COMMENT ON COLUMN vmclone.jobs_view.disks_done IS 'of these, finished';
COMMENT ON COLUMN vmclone.jobs_view.percent IS 'of the bytes that the copies have to go through; null until bytes_total is known';
COMMENT ON COLUMN vmclone.jobs_view.clean_attempts IS 'how often cleaning was tried in vain';
COMMENT ON COLUMN vmclone.jobs_view.created_at IS 'when the call was made';
COMMENT ON COLUMN vmclone.jobs_view.started_at IS 'when its first copy began';
COMMENT ON COLUMN vmclone.jobs_view.ended_at IS 'when it came to its end';

CREATE VIEW vmclone.progress WITH (security_barrier) AS
SELECT t.job_id, j.vm_name, j.status AS job_status, j.requested, t.task_id, t.disk_number, t.disk_alias,
    t.status, t.result, t.phase, t.bytes_done, t.bytes_total,
    CASE WHEN t.result = 'success' THEN 100.0
         WHEN t.bytes_total > 0 THEN round(LEAST(100.0, 100.0 * t.bytes_done / t.bytes_total), 1) END AS percent,
    t.rate_now AS rate,
    CASE WHEN t.rate_now > 0 AND t.bytes_left >= 0
         THEN make_interval(secs => round(t.bytes_left::numeric / t.rate_now)::float8) END AS eta,
    t.method, t.method_reason, t.checkpoint, t.attempts, t.error, j.reason AS job_reason,
    t.started_at, t.ended_at, t.last_progress_at, t.bytes_verified, t.bytes_to_verify,
    CASE WHEN t.bytes_to_verify > 0
         THEN round(LEAST(100.0, 100.0 * t.bytes_verified / t.bytes_to_verify), 1) END AS verified_percent,
    t.advice, t.host_name
FROM vmclone.tasks_now t
JOIN vmclone.jobs j ON j.job_id = t.job_id
WHERE (SELECT vmclone_internal.caller_sees_all()) OR j.owner_role = (SELECT vmclone_internal.caller_role());

COMMENT ON VIEW vmclone.progress IS 'one row per disk that is copied, rate in bytes per second';
COMMENT ON COLUMN vmclone.progress.phase IS 'what is done now; stuck: the storage doesn''t answer, and the copier can''t be ended';
COMMENT ON COLUMN vmclone.progress.rate IS 'bytes per second; null: no progress for ten seconds, or no worker runs';
COMMENT ON COLUMN vmclone.progress.eta IS 'time left at that rate';
COMMENT ON COLUMN vmclone.progress.method IS 'how the bytes are moved: reflink, copy_file_range or by threads';
COMMENT ON COLUMN vmclone.progress.method_reason IS 'why not by a faster one';
COMMENT ON COLUMN vmclone.progress.checkpoint IS 'how far the copier has data on storage; another attempt goes on from there';
COMMENT ON COLUMN vmclone.progress.attempts IS 'copiers that ended without a reason';
COMMENT ON COLUMN vmclone.progress.error IS 'of the last attempt';
COMMENT ON COLUMN vmclone.progress.last_progress_at IS 'when the copier last said something new';
COMMENT ON COLUMN vmclone.progress.bytes_verified IS 'guest bytes that verify => true has compared with the chain, of bytes_to_verify';
COMMENT ON COLUMN vmclone.progress.advice IS 'what a person has to look after, as a copy without progress for vmclone.storage_timeout; null: nothing';
COMMENT ON COLUMN vmclone.progress.job_id IS 'job';
COMMENT ON COLUMN vmclone.progress.vm_name IS 'the new VM';
COMMENT ON COLUMN vmclone.progress.job_status IS 'state of the job';
COMMENT ON COLUMN vmclone.progress.requested IS 'pause, resume or cancel, until the worker has done it';
COMMENT ON COLUMN vmclone.progress.task_id IS 'the disk''s task';
COMMENT ON COLUMN vmclone.progress.disk_number IS 'the disk''s number within its job, from 1';
COMMENT ON COLUMN vmclone.progress.disk_alias IS 'the new disk''s name';
COMMENT ON COLUMN vmclone.progress.status IS 'state of the task: init, running, finished, aborting, cleaning';
COMMENT ON COLUMN vmclone.progress.result IS 'success, failure, cleanSuccess or cleanFailure; null until it is over';
COMMENT ON COLUMN vmclone.progress.bytes_done IS 'of bytes_total';
COMMENT ON COLUMN vmclone.progress.bytes_total IS 'bytes to go through; null until the chain has been looked through';
COMMENT ON COLUMN vmclone.progress.percent IS 'of the bytes to go through';
COMMENT ON COLUMN vmclone.progress.job_reason IS 'why the job waits, is held or failed';
COMMENT ON COLUMN vmclone.progress.started_at IS 'when the disk''s copy began';
COMMENT ON COLUMN vmclone.progress.ended_at IS 'when it came to its result';
COMMENT ON COLUMN vmclone.progress.bytes_to_verify IS 'guest bytes that the verification compares; null until it begins';
COMMENT ON COLUMN vmclone.progress.host_name IS 'host that the copier runs on, or ran on last';
COMMENT ON COLUMN vmclone.progress.verified_percent IS 'how far the verification is';

CREATE VIEW vmclone.worker AS
SELECT current_database() AS database, a.pid, vmclone_internal.worker_preloaded() AS preloaded,
    COALESCE(a.activity, 'not running') AS activity,
    i.identity,
    CASE WHEN i.identity <> 'own' AND w.jobs_live > 0
         THEN 'claims and deletes nothing until SELECT vmclone.adopt(''resume'' | ''abandon'')'
         WHEN i.identity = ANY ('{other database,other server}')
         THEN 'no storage domain is attached by this database; attach_storage_domain(..., take_over => true) takes one over'
         WHEN a.pid IS NULL AND w.jobs_live > 0 THEN 'SELECT vmclone.start_worker() starts it'
         WHEN w.tasks_stuck > 0 THEN 'storage of the tasks in phase stuck does not answer; view vmclone.progress shows them'
         WHEN w.tasks_stalled > 0 THEN 'copies make no progress; view vmclone.progress shows them and what to do' END AS advice,
    w.tasks_running, w.tasks_stuck, w.jobs_live, a.started_at, w.tasks_stalled
FROM vmclone_internal.worker_process() a
CROSS JOIN (SELECT vmclone_internal.identity_state() AS identity) i
CROSS JOIN (SELECT
    (SELECT count(*) FROM vmclone.async_tasks t WHERE t.result IS NULL AND t.status = 'running') AS tasks_running,
    (SELECT count(*) FROM vmclone.async_tasks t WHERE t.result IS NULL AND t.phase = 'stuck') AS tasks_stuck,
    (SELECT count(*) FROM vmclone.tasks_now t WHERE t.result IS NULL AND t.stalled) AS tasks_stalled,
    (SELECT count(*) FROM vmclone.jobs j WHERE j.status NOT IN ('succeeded', 'failed', 'cancelled')) AS jobs_live) w;

COMMENT ON VIEW vmclone.worker IS 'the background worker of this database, and whether the jobs are this database''s to run';
COMMENT ON COLUMN vmclone.worker.preloaded IS 'a launcher keeps it running; else calls start it, and it leaves when it has nothing to do';
COMMENT ON COLUMN vmclone.worker.identity IS 'own: the rows are this database''s to carry out; none: nobody''s yet; other ...: they came with a copy or restore';
COMMENT ON COLUMN vmclone.worker.advice IS 'what a person has to do; null: nothing';
COMMENT ON COLUMN vmclone.worker.tasks_stuck IS 'copies whose copier hangs in a storage call';
COMMENT ON COLUMN vmclone.worker.jobs_live IS 'jobs that are not over';
COMMENT ON COLUMN vmclone.worker.tasks_stalled IS 'copies without progress for vmclone.storage_timeout';
COMMENT ON COLUMN vmclone.worker.database IS 'name of this database';
COMMENT ON COLUMN vmclone.worker.pid IS 'of its worker; null: none runs';
COMMENT ON COLUMN vmclone.worker.activity IS 'what it does, as pg_stat_activity shows it';
COMMENT ON COLUMN vmclone.worker.tasks_running IS 'copies under way';
COMMENT ON COLUMN vmclone.worker.started_at IS 'when the worker was started';

REVOKE ALL ON vmclone.tasks_now, vmclone.jobs_view, vmclone.progress, vmclone.worker FROM PUBLIC;

-- A launcher starts the worker when this transaction commits.
SELECT vmclone_internal.wake_worker();
