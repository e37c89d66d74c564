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
COMMENT ON COLUMN vmclone.jobs.user_id IS 'engine user on whose behalf the role called; NULL is an internal call';
COMMENT ON COLUMN vmclone.jobs.parameters IS 'the call''s parameters, for retry and lineage';
COMMENT ON COLUMN vmclone.jobs.bandwidth_limit IS 'bytes per second, for all copies of the job together; NULL is unlimited';
COMMENT ON COLUMN vmclone.jobs.cleaning_error IS 'why removing files or rows did not succeed yet; retried until it does or abandon_cleaning ends it';
COMMENT ON COLUMN vmclone.jobs.source_freed IS 'the call''s locks no longer protect this job''s source';

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

COMMENT ON TABLE vmclone.measurements IS 'exact sizes of collapsed images, measured by the worker at measure_snapshot''s request';

SELECT pg_catalog.pg_extension_config_dump('vmclone.jobs', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.async_tasks', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.measurements', '');
REVOKE ALL ON vmclone.jobs, vmclone.async_tasks, vmclone.measurements FROM PUBLIC;
