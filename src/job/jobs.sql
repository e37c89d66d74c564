--
-- Jobs and their tasks.  One call makes one job per copy, one task per image.
-- Rows hold no foreign key into the inventory: that may be another schema's.
--

CREATE TABLE vmclone.jobs (
    job_id uuid PRIMARY KEY,
    call_id uuid NOT NULL,
    copy_number integer NOT NULL DEFAULT 1,
    action text NOT NULL,
    status text NOT NULL DEFAULT 'queued',
    requested text,
    final_status text,
    reason text,
    reason_key text,
    vm_id uuid NOT NULL,
    vm_name text NOT NULL,
    source_vm_id uuid NOT NULL,
    source_snapshot_id uuid NOT NULL,
    storage_pool_id uuid NOT NULL,
    cluster_id uuid,
    owner name NOT NULL,
    user_id uuid,
    parameters jsonb NOT NULL,
    retry_of uuid,
    lock_mode text NOT NULL,
    on_failure text NOT NULL DEFAULT 'clean',
    priority integer NOT NULL DEFAULT 0,
    bandwidth_limit bigint,
    verify boolean NOT NULL DEFAULT false,
    clean_attempts integer NOT NULL DEFAULT 0,
    cleaning_error text,
    next_attempt_at timestamptz,
    waiting_since timestamptz,
    source_freed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    owner_role vmclone.role_id NOT NULL DEFAULT '',
    announced boolean NOT NULL DEFAULT false,
    UNIQUE (call_id, copy_number),
    -- one constraint: each is prepared anew by every statement that writes here
    CONSTRAINT jobs_words CHECK (copy_number >= 1 AND bandwidth_limit > 0
        AND action = ANY ('{AddVmFromSnapshot,AddVmTemplateFromSnapshot}')
        AND status = ANY ('{queued,running,paused,waiting,held,finishing,failing,cancelling,cleaning,
        succeeded,failed,cancelled}')
        AND requested = ANY ('{pause,resume,cancel}') AND final_status = ANY ('{failed,cancelled}')
        AND lock_mode = ANY ('{exclusive,shared}') AND on_failure = ANY ('{clean,hold}')
        AND (status = ANY ('{succeeded,failed,cancelled}')) = (ended_at IS NOT NULL))
);

CREATE INDEX jobs_live ON vmclone.jobs (priority DESC, created_at)
    WHERE status NOT IN ('succeeded', 'failed', 'cancelled');
-- what the worker looks for: each look costs by what there is to do, not by how many jobs rest, wait or are history
CREATE INDEX jobs_new ON vmclone.jobs (job_id) WHERE NOT announced;
CREATE INDEX jobs_requested ON vmclone.jobs (job_id) WHERE requested IS NOT NULL;
CREATE INDEX jobs_startable ON vmclone.jobs (priority DESC, created_at, copy_number)
    WHERE requested IS NULL AND status IN ('queued', 'running');
CREATE INDEX jobs_call_live ON vmclone.jobs (call_id, copy_number)
    WHERE status NOT IN ('succeeded', 'failed', 'cancelled');
CREATE INDEX jobs_moving ON vmclone.jobs (status, next_attempt_at)
    WHERE status IN ('running', 'waiting', 'finishing', 'failing', 'cancelling', 'cleaning');
CREATE INDEX jobs_ended ON vmclone.jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_vm_id ON vmclone.jobs (vm_id);
CREATE INDEX jobs_source_vm_id ON vmclone.jobs (source_vm_id);
CREATE INDEX jobs_source_snapshot_id ON vmclone.jobs (source_snapshot_id);
CREATE INDEX jobs_owner ON vmclone.jobs (owner_role);

COMMENT ON TABLE vmclone.jobs IS 'one row per virtual machine or template that a call makes; stays as history';
COMMENT ON COLUMN vmclone.jobs.call_id IS 'the call that made the job; holder of the source''s locks, shared by all copies of the call';
COMMENT ON COLUMN vmclone.jobs.status IS 'state of the job; docs/jobs.md has the table of who moves it from where to where';
COMMENT ON COLUMN vmclone.jobs.requested IS 'what a control function asked for and the worker has not done yet';
COMMENT ON COLUMN vmclone.jobs.final_status IS 'what the job becomes when failing, cancelling or cleaning is through';
COMMENT ON COLUMN vmclone.jobs.reason IS 'why the job waits, is held or failed; text for people';
COMMENT ON COLUMN vmclone.jobs.reason_key IS 'the same as a stable word for programs: an oVirt message key or the copier''s error kind';
COMMENT ON COLUMN vmclone.jobs.owner IS 'name that the calling role had then';
COMMENT ON COLUMN vmclone.jobs.owner_role IS 'role that called, and that sees and controls the job beside administrators; nobody once the role is dropped';
COMMENT ON COLUMN vmclone.jobs.announced IS 'the worker has sent the NOTIFY of the state that the call made';
COMMENT ON COLUMN vmclone.jobs.user_id IS 'engine user on whose behalf the role called; NULL is an internal call';
COMMENT ON COLUMN vmclone.jobs.parameters IS 'the call''s parameters, for retry and lineage';
COMMENT ON COLUMN vmclone.jobs.bandwidth_limit IS 'bytes per second, for all copies of the job together; NULL is unlimited';
COMMENT ON COLUMN vmclone.jobs.cleaning_error IS 'why removing files or rows did not succeed yet; retried until it does or abandon_cleaning ends it';
COMMENT ON COLUMN vmclone.jobs.source_freed IS 'the call''s locks no longer protect this job''s source';
COMMENT ON COLUMN vmclone.jobs.job_id IS 'primary key';
COMMENT ON COLUMN vmclone.jobs.copy_number IS 'which copy of the call, from 1';
COMMENT ON COLUMN vmclone.jobs.action IS 'AddVmFromSnapshot or AddVmTemplateFromSnapshot, as oVirt calls its jobs';
COMMENT ON COLUMN vmclone.jobs.vm_id IS 'the new VM or template';
COMMENT ON COLUMN vmclone.jobs.vm_name IS 'its name';
COMMENT ON COLUMN vmclone.jobs.source_vm_id IS 'VM that the snapshot belongs to';
COMMENT ON COLUMN vmclone.jobs.source_snapshot_id IS 'snapshot that is cloned';
COMMENT ON COLUMN vmclone.jobs.storage_pool_id IS 'data center';
COMMENT ON COLUMN vmclone.jobs.cluster_id IS 'cluster of the new VM; null: none';
COMMENT ON COLUMN vmclone.jobs.retry_of IS 'job that this one runs again';
COMMENT ON COLUMN vmclone.jobs.lock_mode IS 'how the source is held: exclusive or shared';
COMMENT ON COLUMN vmclone.jobs.on_failure IS 'clean: everything that was made is removed; hold: it waits for a person';
COMMENT ON COLUMN vmclone.jobs.priority IS 'jobs with a higher one come first';
COMMENT ON COLUMN vmclone.jobs.verify IS 'finished images are read back and compared with the chain';
COMMENT ON COLUMN vmclone.jobs.clean_attempts IS 'how often cleaning was tried in vain';
COMMENT ON COLUMN vmclone.jobs.next_attempt_at IS 'when a waiting or cleaning job is tried again';
COMMENT ON COLUMN vmclone.jobs.waiting_since IS 'since when it waits for what reason says';
COMMENT ON COLUMN vmclone.jobs.created_at IS 'when the call was made';
COMMENT ON COLUMN vmclone.jobs.started_at IS 'when its first task was claimed';
COMMENT ON COLUMN vmclone.jobs.ended_at IS 'when it came to its end';

CREATE TABLE vmclone.async_tasks (
    task_id uuid PRIMARY KEY,
    job_id uuid NOT NULL REFERENCES vmclone.jobs (job_id),
    vm_id uuid NOT NULL,
    disk_number integer NOT NULL,
    source_disk_id uuid,
    source_image_id uuid,
    source_storage_domain_id uuid,
    layers jsonb NOT NULL DEFAULT '[]',
    read_from_task uuid,
    disk_id uuid NOT NULL,
    disk_alias text NOT NULL,
    image_id uuid NOT NULL,
    storage_domain_id uuid NOT NULL,
    volume_format text NOT NULL,
    volume_type text NOT NULL,
    copy_volume_type text NOT NULL DEFAULT 'LEAF',
    virtual_size bigint NOT NULL,
    bytes_reserved bigint NOT NULL DEFAULT 0,
    description text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'init',
    result text,
    phase text NOT NULL DEFAULT 'queued',
    bytes_total bigint,
    bytes_done bigint NOT NULL DEFAULT 0,
    bytes_written bigint NOT NULL DEFAULT 0,
    rate bigint,
    method text,
    method_reason text,
    checkpoint text,
    actual_size bigint,
    claim integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    error text,
    error_kind text,
    last_progress_at timestamptz,
    bytes_verified bigint,
    bytes_to_verify bigint,
    host_name text,
    lease integer,
    host_claim integer,
    left_hosts text[],
    UNIQUE (job_id, disk_number),
    CONSTRAINT async_tasks_words CHECK (virtual_size >= 0 AND bytes_reserved >= 0
        AND volume_format = ANY ('{RAW,COW}') AND volume_type = ANY ('{Sparse,Preallocated}')
        AND copy_volume_type = ANY ('{LEAF,SHARED}')
        AND status = ANY ('{init,running,finished,aborting,cleaning}')
        AND result = ANY ('{success,failure,cleanSuccess,cleanFailure}'))
) WITH (fillfactor = 50);

-- a long chain lies beside its row: compressing it costs more than the rest of the INSERT, and progress rewrites the row
ALTER TABLE vmclone.async_tasks ALTER layers SET STORAGE EXTERNAL;

CREATE INDEX async_tasks_open ON vmclone.async_tasks (storage_domain_id) WHERE result IS NULL;
CREATE INDEX async_tasks_finished ON vmclone.async_tasks (storage_domain_id, ended_at) WHERE result = 'success';
CREATE INDEX async_tasks_left_hosts ON vmclone.async_tasks (task_id) WHERE left_hosts IS NOT NULL;
CREATE INDEX async_tasks_image_id ON vmclone.async_tasks (image_id);
CREATE INDEX async_tasks_read_from_task ON vmclone.async_tasks (read_from_task) WHERE read_from_task IS NOT NULL;

COMMENT ON TABLE vmclone.async_tasks IS 'one row per image copy; the new virtual machine is the entity of all its tasks';
COMMENT ON COLUMN vmclone.async_tasks.layers IS 'the chain to read, first snapshot first: [{"image_id", "image_group_id", "storage_domain_id", "volume_format": "RAW|COW", "size"}]; image_group_id is the folder that holds the file; empty: a blank disk';
COMMENT ON COLUMN vmclone.async_tasks.read_from_task IS 'task of an earlier copy of the same call whose finished image is read instead of the chain';
COMMENT ON COLUMN vmclone.async_tasks.virtual_size IS 'bytes, a multiple of 4 KiB';
COMMENT ON COLUMN vmclone.async_tasks.bytes_reserved IS 'bytes that the finished image is expected to take in its storage domain; what bytes_written has used up no longer counts';
COMMENT ON COLUMN vmclone.async_tasks.claim IS 'number of the attempt that may report; what an older one says is dropped';
COMMENT ON COLUMN vmclone.async_tasks.last_progress_at IS 'when the copier last said something new: more bytes, or another phase';
COMMENT ON COLUMN vmclone.async_tasks.bytes_to_verify IS 'guest bytes that the verification compares; null until it begins';
COMMENT ON COLUMN vmclone.async_tasks.checkpoint IS 'how far the copier has data on storage, for display; the file beside the output is the truth';
COMMENT ON COLUMN vmclone.async_tasks.task_id IS 'primary key';
COMMENT ON COLUMN vmclone.async_tasks.job_id IS 'the job that the disk belongs to';
COMMENT ON COLUMN vmclone.async_tasks.vm_id IS 'the new VM or template';
COMMENT ON COLUMN vmclone.async_tasks.disk_number IS 'the disk''s number within its job, from 1; the same in all copies of a call';
COMMENT ON COLUMN vmclone.async_tasks.source_disk_id IS 'disk of the snapshot';
COMMENT ON COLUMN vmclone.async_tasks.source_image_id IS 'image at the top of the chain that is read; null for a blank disk';
COMMENT ON COLUMN vmclone.async_tasks.source_storage_domain_id IS 'storage domain of that image';
COMMENT ON COLUMN vmclone.async_tasks.disk_id IS 'image group of the new disk';
COMMENT ON COLUMN vmclone.async_tasks.disk_alias IS 'the new disk''s name';
COMMENT ON COLUMN vmclone.async_tasks.image_id IS 'image that is made';
COMMENT ON COLUMN vmclone.async_tasks.storage_domain_id IS 'storage domain that it is made in';
COMMENT ON COLUMN vmclone.async_tasks.volume_format IS 'RAW or COW';
COMMENT ON COLUMN vmclone.async_tasks.volume_type IS 'Sparse or Preallocated';
COMMENT ON COLUMN vmclone.async_tasks.copy_volume_type IS 'LEAF for a VM''s image, SHARED for a template''s: VDSM''s VOLTYPE';
COMMENT ON COLUMN vmclone.async_tasks.description IS 'text in the volume''s metadata, the engine''s JSON';
COMMENT ON COLUMN vmclone.async_tasks.status IS 'state of the task; docs/jobs.md has the table of who moves it from where to where';
COMMENT ON COLUMN vmclone.async_tasks.result IS 'success, failure, cleanSuccess or cleanFailure; null until it is over';
COMMENT ON COLUMN vmclone.async_tasks.phase IS 'what the copier does now, or what became of the task, for people';
COMMENT ON COLUMN vmclone.async_tasks.bytes_total IS 'bytes to go through; null until the chain has been looked through';
COMMENT ON COLUMN vmclone.async_tasks.bytes_done IS 'of these, done';
COMMENT ON COLUMN vmclone.async_tasks.bytes_written IS 'bytes that the image takes up so far';
COMMENT ON COLUMN vmclone.async_tasks.rate IS 'bytes per second, as the copier said last';
COMMENT ON COLUMN vmclone.async_tasks.method IS 'how bytes are moved: reflink, copy_file_range, threads-direct or threads-buffered';
COMMENT ON COLUMN vmclone.async_tasks.method_reason IS 'why not by a faster one';
COMMENT ON COLUMN vmclone.async_tasks.actual_size IS 'bytes that the finished image takes';
COMMENT ON COLUMN vmclone.async_tasks.attempts IS 'copiers that ended without a reason; from vmclone.max_attempts on the task fails';
COMMENT ON COLUMN vmclone.async_tasks.next_attempt_at IS 'when the task is tried again';
COMMENT ON COLUMN vmclone.async_tasks.started_at IS 'when it was claimed first';
COMMENT ON COLUMN vmclone.async_tasks.ended_at IS 'when it came to its result';
COMMENT ON COLUMN vmclone.async_tasks.error IS 'what the last attempt said';
COMMENT ON COLUMN vmclone.async_tasks.error_kind IS 'the same as a stable word for programs';
COMMENT ON COLUMN vmclone.async_tasks.host_name IS 'host that it runs on, or ran on last';
COMMENT ON COLUMN vmclone.async_tasks.lease IS 'seconds after which a copier on that host that hears nothing of the worker ends; null: none can be there any more';
COMMENT ON COLUMN vmclone.async_tasks.host_claim IS 'first of the claims in a row that this host had';
COMMENT ON COLUMN vmclone.async_tasks.left_hosts IS 'hosts that may still have logical volumes active for it, since it went on elsewhere; null: none';
COMMENT ON COLUMN vmclone.async_tasks.bytes_verified IS 'guest bytes that the verification has compared';

CREATE TABLE vmclone.measurements (
    snapshot_id uuid NOT NULL,
    image_id uuid NOT NULL,
    volume_format text NOT NULL CHECK (volume_format = ANY ('{RAW,COW}')),
    status text NOT NULL DEFAULT 'queued' CHECK (status = ANY ('{queued,running,done,failed}')),
    layers jsonb NOT NULL,
    required bigint,
    bytes_to_read bigint,
    allocated bigint,
    error text,
    requested_by name NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    measured_at timestamptz,
    PRIMARY KEY (snapshot_id, image_id, volume_format)
);

CREATE INDEX measurements_queued ON vmclone.measurements (requested_at) WHERE status = 'queued';

COMMENT ON TABLE vmclone.measurements IS 'exact sizes of collapsed images, measured by the worker at measure_snapshot''s request';
COMMENT ON COLUMN vmclone.measurements.snapshot_id IS 'snapshot that is measured';
COMMENT ON COLUMN vmclone.measurements.image_id IS 'image at the top of one of its chains';
COMMENT ON COLUMN vmclone.measurements.volume_format IS 'RAW or COW: format that a clone would have';
COMMENT ON COLUMN vmclone.measurements.status IS 'queued, running, done or failed';
COMMENT ON COLUMN vmclone.measurements.layers IS 'the chain, as in async_tasks';
COMMENT ON COLUMN vmclone.measurements.required IS 'bytes of the clone''s file';
COMMENT ON COLUMN vmclone.measurements.bytes_to_read IS 'bytes that a copy has to read';
COMMENT ON COLUMN vmclone.measurements.allocated IS 'bytes that the clone will take up';
COMMENT ON COLUMN vmclone.measurements.error IS 'why it failed, or still waits';
COMMENT ON COLUMN vmclone.measurements.requested_by IS 'role that asked';
COMMENT ON COLUMN vmclone.measurements.requested_at IS 'when it was asked for';
COMMENT ON COLUMN vmclone.measurements.measured_at IS 'when it was done, failed, or was tried last';

SELECT pg_catalog.pg_extension_config_dump('vmclone.jobs', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.async_tasks', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.measurements', '');
REVOKE ALL ON vmclone.jobs, vmclone.async_tasks, vmclone.measurements FROM PUBLIC;
