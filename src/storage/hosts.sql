--
-- Machines that copies run on.  What a row says of a program is its address alone: the program is vmclone.copy_launcher's.
--

CREATE TABLE vmclone.hosts (
    host_name text PRIMARY KEY,
    address text,
    max_copies integer,
    bandwidth_limit bigint,
    drain text,
    status text NOT NULL DEFAULT 'unchecked',
    status_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    checked_at timestamptz,
    copier_version text,
    error text,
    added_by name NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT hosts_words CHECK (max_copies > 0 AND bandwidth_limit > 0 AND drain = ANY ('{end,move}')
        AND status = ANY ('{unchecked,up,down}')),
    CONSTRAINT hosts_name CHECK (host_name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    -- one word of the launcher's line, that no program takes for an option
    CONSTRAINT hosts_address CHECK ((address IS NULL) = (host_name = 'local')
        AND address ~ '^[A-Za-z0-9_[][A-Za-z0-9_.:@%/=+[\]-]{0,254}$' AND address !~ '[@/]-')
);

COMMENT ON TABLE vmclone.hosts IS 'machines that copies run on';
COMMENT ON COLUMN vmclone.hosts.host_name IS 'name; local is the machine of the database';
COMMENT ON COLUMN vmclone.hosts.address IS 'what vmclone.copy_launcher gets for {address}; null: local';
COMMENT ON COLUMN vmclone.hosts.max_copies IS 'copies that run there at once; null: only vmclone.max_parallel_copies counts';
COMMENT ON COLUMN vmclone.hosts.bandwidth_limit IS 'bytes per second for all copies that run there';
COMMENT ON COLUMN vmclone.hosts.drain IS 'end: it gets no more copies; move: those that run there go on elsewhere, too; null: it gets copies';
COMMENT ON COLUMN vmclone.hosts.status IS 'unchecked, up, or down: it did not answer last, or not as it must';
COMMENT ON COLUMN vmclone.hosts.status_since IS 'since when';
COMMENT ON COLUMN vmclone.hosts.checked_at IS 'when it last answered or did not';
COMMENT ON COLUMN vmclone.hosts.copier_version IS 'version of its vmclone-copy';
COMMENT ON COLUMN vmclone.hosts.error IS 'what was wrong with it last; stays until it is checked again';
COMMENT ON COLUMN vmclone.hosts.added_by IS 'role that added it';
COMMENT ON COLUMN vmclone.hosts.added_at IS 'when';

INSERT INTO vmclone.hosts (host_name, status, added_by) VALUES ('local', 'up', current_user);

-- the machine of another database is another machine
SELECT pg_catalog.pg_extension_config_dump('vmclone.hosts', $$WHERE host_name <> 'local'$$);
REVOKE ALL ON vmclone.hosts FROM PUBLIC;
