--
-- Jobs that are over: how long they are kept, and what is counted of them.
--

CREATE TABLE vmclone.counters (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    clones_succeeded bigint NOT NULL DEFAULT 0,
    clones_failed bigint NOT NULL DEFAULT 0,
    clones_cancelled bigint NOT NULL DEFAULT 0,
    bytes_by_reflink bigint NOT NULL DEFAULT 0,
    bytes_by_server bigint NOT NULL DEFAULT 0,
    bytes_by_threads bigint NOT NULL DEFAULT 0,
    bytes_left_out bigint NOT NULL DEFAULT 0,
    copy_seconds double precision NOT NULL DEFAULT 0,
    retries bigint NOT NULL DEFAULT 0,
    waits bigint NOT NULL DEFAULT 0,
    reset_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE vmclone.counters IS 'what view stat shows; one row, written by the worker';
COMMENT ON COLUMN vmclone.counters.only_row IS 'true: there is one row';
COMMENT ON COLUMN vmclone.counters.clones_succeeded IS 'jobs that ended in this state';
COMMENT ON COLUMN vmclone.counters.clones_failed IS 'jobs that ended in this state';
COMMENT ON COLUMN vmclone.counters.clones_cancelled IS 'jobs that ended in this state';
COMMENT ON COLUMN vmclone.counters.bytes_by_reflink IS 'bytes of copies whose file system shared the blocks';
COMMENT ON COLUMN vmclone.counters.bytes_by_server IS 'bytes of copies that the file server made by itself';
COMMENT ON COLUMN vmclone.counters.bytes_by_threads IS 'bytes that were read and written';
COMMENT ON COLUMN vmclone.counters.bytes_left_out IS 'guest bytes of copied disks for which there was nothing to copy';
COMMENT ON COLUMN vmclone.counters.copy_seconds IS 'seconds from the first claim to the end, over all disks that were copied';
COMMENT ON COLUMN vmclone.counters.retries IS 'attempts that followed a copier''s crash';
COMMENT ON COLUMN vmclone.counters.waits IS 'times that a job began to wait for something outside';
COMMENT ON COLUMN vmclone.counters.reset_at IS 'since when it is counted';
SELECT pg_catalog.pg_extension_config_dump('vmclone.counters', '');
REVOKE ALL ON vmclone.counters FROM PUBLIC;

CREATE VIEW vmclone.stat AS
SELECT COALESCE(c.clones_succeeded, 0) AS clones_succeeded, COALESCE(c.clones_failed, 0) AS clones_failed,
    COALESCE(c.clones_cancelled, 0) AS clones_cancelled, COALESCE(c.bytes_by_reflink, 0) AS bytes_by_reflink,
    COALESCE(c.bytes_by_server, 0) AS bytes_by_server, COALESCE(c.bytes_by_threads, 0) AS bytes_by_threads,
    COALESCE(c.bytes_by_reflink, 0) AS bytes_saved_by_reflink, COALESCE(c.bytes_left_out, 0) AS bytes_saved_by_holes,
    COALESCE(c.copy_seconds, 0) AS copy_seconds, COALESCE(c.retries, 0) AS retries, COALESCE(c.waits, 0) AS waits, c.reset_at
FROM (VALUES (true)) AS one (row) LEFT JOIN vmclone.counters c ON c.only_row = one.row;

COMMENT ON VIEW vmclone.stat IS 'counters of this database since reset_stat(), or since the first clone; they survive restarts';
COMMENT ON COLUMN vmclone.stat.clones_succeeded IS 'virtual machines and templates that were made';
COMMENT ON COLUMN vmclone.stat.clones_failed IS 'clones that failed and were removed again';
COMMENT ON COLUMN vmclone.stat.clones_cancelled IS 'clones that somebody cancelled';
COMMENT ON COLUMN vmclone.stat.bytes_by_reflink IS 'bytes of copies whose file system shared the blocks';
COMMENT ON COLUMN vmclone.stat.bytes_by_server IS 'bytes of copies that the file server made by itself';
COMMENT ON COLUMN vmclone.stat.bytes_by_threads IS 'bytes that were read and written';
COMMENT ON COLUMN vmclone.stat.bytes_saved_by_reflink IS 'bytes that were shared instead of read and written';
COMMENT ON COLUMN vmclone.stat.bytes_saved_by_holes IS 'guest bytes of the copied disks that nobody had written, so that nothing was copied';
COMMENT ON COLUMN vmclone.stat.copy_seconds IS 'seconds from the first claim to the end, over all disks that were copied';
COMMENT ON COLUMN vmclone.stat.retries IS 'attempts that followed a copier''s crash';
COMMENT ON COLUMN vmclone.stat.waits IS 'times that a job had to wait for something outside';
COMMENT ON COLUMN vmclone.stat.reset_at IS 'since when it is counted; null: there was nothing to count yet';
REVOKE ALL ON vmclone.stat FROM PUBLIC;

CREATE FUNCTION vmclone.reset_stat()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_reset_stat';
COMMENT ON FUNCTION vmclone.reset_stat IS 'administrators: view stat counts from zero';

CREATE PROCEDURE vmclone.purge_history(older_than interval)
LANGUAGE C
AS 'MODULE_PATHNAME', 'vmclone_purge_history';
COMMENT ON PROCEDURE vmclone.purge_history IS 'administrators: removes jobs that ended longer ago than that, with their tasks and request keys; lineage is kept';

REVOKE ALL ON FUNCTION vmclone.reset_stat FROM PUBLIC;
REVOKE ALL ON PROCEDURE vmclone.purge_history FROM PUBLIC;
