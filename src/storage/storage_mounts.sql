--
-- Where storage domains lie on each host, and what a cleaning left behind.
--

CREATE TABLE vmclone.storage_mounts (
    storage_domain_id uuid,
    kind text NOT NULL DEFAULT 'file' CHECK (kind = ANY ('{file,block,directory}')),
    mount_path text NOT NULL,
    real_path text NOT NULL,
    storage_root text NOT NULL,
    device bigint,
    filesystem text,
    block_size integer,
    reflink boolean NOT NULL DEFAULT false,
    token uuid NOT NULL,
    max_copies integer CHECK (max_copies > 0),
    bandwidth_limit bigint CHECK (bandwidth_limit > 0),
    status text NOT NULL DEFAULT 'attached' CHECK (status = ANY ('{attached,failed}')),
    error text,
    total_bytes bigint,
    available_bytes bigint,
    attached_by name NOT NULL,
    attached_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    volume_group text,
    volume_group_uuid text,
    extent_size bigint CHECK (extent_size > 0),
    files_path text,
    host_name text NOT NULL DEFAULT 'local',
    PRIMARY KEY (storage_domain_id, host_name),
    FOREIGN KEY (host_name) REFERENCES vmclone.hosts (host_name)
);

COMMENT ON TABLE vmclone.storage_mounts IS 'storage domains attached, on each host; not dumped, since another machine has other paths';
COMMENT ON COLUMN vmclone.storage_mounts.real_path IS 'mount_path resolved once, below one of vmclone.storage_roots; of a block domain /dev/ and the volume group, of a directory domain the folder .vmclone in it';
COMMENT ON COLUMN vmclone.storage_mounts.token IS 'identity token written into the domain; a database with another token is refused';
COMMENT ON COLUMN vmclone.storage_mounts.host_name IS 'host that has it there';
COMMENT ON COLUMN vmclone.storage_mounts.max_copies IS 'copies at once that write to the domain, the same on all hosts; NULL: only vmclone.max_parallel_copies counts';
COMMENT ON COLUMN vmclone.storage_mounts.bandwidth_limit IS 'bytes per second for all copies that write to the domain, the same on all hosts';
COMMENT ON COLUMN vmclone.storage_mounts.storage_domain_id IS 'storage domain, of the bound inventory';
COMMENT ON COLUMN vmclone.storage_mounts.kind IS 'file: a directory in VDSM''s layout; block: a volume group; directory: a folder of images under their users'' own names';
COMMENT ON COLUMN vmclone.storage_mounts.mount_path IS 'path that was given';
COMMENT ON COLUMN vmclone.storage_mounts.storage_root IS 'allowed root (vmclone.storage_roots) that it is below';
COMMENT ON COLUMN vmclone.storage_mounts.device IS 'st_dev of the directory, for people';
COMMENT ON COLUMN vmclone.storage_mounts.filesystem IS 'type of the file system';
COMMENT ON COLUMN vmclone.storage_mounts.block_size IS 'of the file system';
COMMENT ON COLUMN vmclone.storage_mounts.reflink IS 'files in it can share blocks';
COMMENT ON COLUMN vmclone.storage_mounts.status IS 'attached, or failed: its last check did';
COMMENT ON COLUMN vmclone.storage_mounts.error IS 'why the last check failed';
COMMENT ON COLUMN vmclone.storage_mounts.total_bytes IS 'size of the file system at the last check';
COMMENT ON COLUMN vmclone.storage_mounts.available_bytes IS 'bytes that were free then';
COMMENT ON COLUMN vmclone.storage_mounts.attached_by IS 'role that attached it';
COMMENT ON COLUMN vmclone.storage_mounts.attached_at IS 'when it was attached';
COMMENT ON COLUMN vmclone.storage_mounts.checked_at IS 'when it was last looked at';
COMMENT ON COLUMN vmclone.storage_mounts.volume_group IS 'of a block domain, its name';
COMMENT ON COLUMN vmclone.storage_mounts.volume_group_uuid IS 'LVM''s uuid of a block domain''s volume group; another group of that name is refused';
COMMENT ON COLUMN vmclone.storage_mounts.extent_size IS 'bytes; a volume of a block domain is a multiple of it';
COMMENT ON COLUMN vmclone.storage_mounts.files_path IS 'of a directory domain, the folder of its users, resolved once';

CREATE TABLE vmclone.orphan_files (
    orphan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL,
    task_id uuid NOT NULL,
    storage_domain_id uuid NOT NULL,
    path text NOT NULL,
    reason text NOT NULL,
    abandoned_by name NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE vmclone.orphan_files IS 'paths that a cleaning could not remove and an administrator gave up';
COMMENT ON COLUMN vmclone.orphan_files.orphan_id IS 'primary key';
COMMENT ON COLUMN vmclone.orphan_files.job_id IS 'job that made it';
COMMENT ON COLUMN vmclone.orphan_files.task_id IS 'task that made it';
COMMENT ON COLUMN vmclone.orphan_files.storage_domain_id IS 'storage domain that it is in';
COMMENT ON COLUMN vmclone.orphan_files.path IS 'file or directory that is left';
COMMENT ON COLUMN vmclone.orphan_files.reason IS 'why it could not be removed';
COMMENT ON COLUMN vmclone.orphan_files.abandoned_by IS 'who called abandon_cleaning';
COMMENT ON COLUMN vmclone.orphan_files.created_at IS 'when';
COMMENT ON SEQUENCE vmclone.orphan_files_orphan_id_seq IS 'numbers of the orphan files';

--
-- Which database this is.  A database made by TEMPLATE, restore or promotion
-- has the same rows but must not run or clean the same files.
--

CREATE TABLE vmclone.identity (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    database_oid oid NOT NULL,
    token uuid NOT NULL,
    written_at_lsn pg_lsn NOT NULL,
    adopted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE vmclone.identity IS 'the server and database that may run the jobs; where it does not match, the worker claims and deletes nothing until adopt() decides';
COMMENT ON COLUMN vmclone.identity.written_at_lsn IS 'a server that began as a base backup taken later than this is another one';
COMMENT ON COLUMN vmclone.identity.only_row IS 'always true: the table has one row';
COMMENT ON COLUMN vmclone.identity.system_identifier IS 'of the cluster (pg_controldata)';
COMMENT ON COLUMN vmclone.identity.timeline IS 'timeline on which the cluster ran then';
COMMENT ON COLUMN vmclone.identity.database_oid IS 'the database''s oid';
COMMENT ON COLUMN vmclone.identity.token IS 'written into each storage domain that is attached';
COMMENT ON COLUMN vmclone.identity.adopted_at IS 'when the rows became this database''s to carry out';

CREATE FUNCTION vmclone_internal.identity_state()
RETURNS text
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_identity_state';
COMMENT ON FUNCTION vmclone_internal.identity_state IS 'whether the jobs are this database''s: own, none, other timeline, other database, other server';

REVOKE ALL ON FUNCTION vmclone_internal.identity_state() FROM PUBLIC;

--
-- Where every clone came from; survives the source.
--

CREATE TABLE vmclone.lineage (
    vm_id uuid PRIMARY KEY,
    vm_name text NOT NULL,
    entity_type text NOT NULL,
    source_vm_id uuid NOT NULL,
    source_vm_name text NOT NULL,
    source_snapshot_id uuid NOT NULL,
    source_snapshot_description text,
    job_id uuid NOT NULL,
    copy_number integer NOT NULL DEFAULT 1,
    created_by name NOT NULL,
    user_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    parameters jsonb NOT NULL,
    devices jsonb NOT NULL DEFAULT '[]',
    row_ids uuid[] NOT NULL DEFAULT '{}',
    created_by_role vmclone.role_id NOT NULL DEFAULT ''
);

-- as it is: compressing it costs more than the rest of the INSERT
ALTER TABLE vmclone.lineage ALTER devices SET STORAGE EXTERNAL;

CREATE INDEX lineage_source_vm_id ON vmclone.lineage (source_vm_id);
CREATE INDEX lineage_source_snapshot_id ON vmclone.lineage (source_snapshot_id);

COMMENT ON TABLE vmclone.lineage IS 'who was cloned from what, when, by whom and with which parameters';
COMMENT ON COLUMN vmclone.lineage.created_by IS 'name that the role had then';
COMMENT ON COLUMN vmclone.lineage.created_by_role IS 'who sees the row, beside administrators and viewers';
COMMENT ON COLUMN vmclone.lineage.devices IS 'what became of every device of the source: [{"device_id", "type", "device", "fate": "copied|remade|left out|added", "reason"}]';
COMMENT ON COLUMN vmclone.lineage.row_ids IS 'ids of the inventory rows that the clone was made of: what a cleaning may remove';
COMMENT ON COLUMN vmclone.lineage.vm_id IS 'the clone; it stays here when the VM is gone';
COMMENT ON COLUMN vmclone.lineage.vm_name IS 'its name when it was made';
COMMENT ON COLUMN vmclone.lineage.entity_type IS 'VM or TEMPLATE';
COMMENT ON COLUMN vmclone.lineage.source_vm_id IS 'what it was cloned from';
COMMENT ON COLUMN vmclone.lineage.source_vm_name IS 'that one''s name then';
COMMENT ON COLUMN vmclone.lineage.source_snapshot_id IS 'snapshot that was cloned';
COMMENT ON COLUMN vmclone.lineage.source_snapshot_description IS 'the snapshot''s description then';
COMMENT ON COLUMN vmclone.lineage.job_id IS 'job that made it';
COMMENT ON COLUMN vmclone.lineage.copy_number IS 'which copy of its call';
COMMENT ON COLUMN vmclone.lineage.user_id IS 'engine user on whose behalf; null: none';
COMMENT ON COLUMN vmclone.lineage.created_at IS 'when the call was made';
COMMENT ON COLUMN vmclone.lineage.parameters IS 'the call''s parameters';

--
-- Roles that act for one engine user only.
--

CREATE TABLE vmclone.operators (
    role_name name NOT NULL,
    user_id uuid NOT NULL,
    role vmclone.role_id NOT NULL DEFAULT '',
    -- the role is no key: roles that are gone, or not there after a restore, are all nobody
    operator_id uuid PRIMARY KEY DEFAULT gen_random_uuid()
);

CREATE UNIQUE INDEX operators_role ON vmclone.operators (role) WHERE role <> 0::oid;

COMMENT ON TABLE vmclone.operators IS 'roles made by grant_operator and the one engine user that each may act for';
COMMENT ON COLUMN vmclone.operators.role_name IS 'name that the role had then';
COMMENT ON COLUMN vmclone.operators.user_id IS 'engine user that the role always acts for; null: none is bound';
COMMENT ON COLUMN vmclone.operators.role IS 'oid of the role';
COMMENT ON COLUMN vmclone.operators.operator_id IS 'primary key';

SELECT pg_catalog.pg_extension_config_dump('vmclone.orphan_files', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.orphan_files_orphan_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.identity', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.lineage', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.operators', '');
REVOKE ALL ON vmclone.storage_mounts, vmclone.orphan_files, vmclone.identity, vmclone.lineage, vmclone.operators
    FROM PUBLIC;
