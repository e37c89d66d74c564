--
-- Who holds which image and snapshot for the time of a copy, and what their
-- status was before the first holder came.
--

CREATE TABLE vmclone.image_locks (
    kind text NOT NULL,
    entity_id uuid NOT NULL,
    holder uuid NOT NULL,
    mode text NOT NULL,
    keeps_status boolean NOT NULL DEFAULT false,
    locked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (entity_id, kind, holder),
    CONSTRAINT image_locks_words CHECK (kind = ANY ('{snapshot,image}') AND mode = ANY ('{exclusive,shared}'))
);

CREATE INDEX image_locks_holder ON vmclone.image_locks (holder);

COMMENT ON TABLE vmclone.image_locks IS 'one row per snapshot or image and holder';
COMMENT ON COLUMN vmclone.image_locks.holder IS 'the call (jobs.call_id) that reads the entity';
COMMENT ON COLUMN vmclone.image_locks.keeps_status IS 'a template''s image: held, but its status is left alone';
COMMENT ON COLUMN vmclone.image_locks.kind IS 'snapshot, or image';
COMMENT ON COLUMN vmclone.image_locks.entity_id IS 'its id';
COMMENT ON COLUMN vmclone.image_locks.mode IS 'exclusive, or shared with others that read it too';
COMMENT ON COLUMN vmclone.image_locks.locked_at IS 'when the call was made';

CREATE TABLE vmclone.lock_state (
    kind text NOT NULL CHECK (kind = ANY ('{snapshot,image}')),
    entity_id uuid NOT NULL,
    earlier_status text NOT NULL,
    shared_only boolean NOT NULL,
    locked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    row_version xid,
    row_hash bigint,
    PRIMARY KEY (entity_id, kind)
);

COMMENT ON TABLE vmclone.lock_state IS 'status of a snapshot or image before the first holder locked it; given back when the last one leaves';
COMMENT ON COLUMN vmclone.lock_state.earlier_status IS 'snapshots.status, or images.imagestatus as text';
COMMENT ON COLUMN vmclone.lock_state.shared_only IS 'all holders share, so that LOCKED is no obstacle to one more sharing call';
COMMENT ON COLUMN vmclone.lock_state.kind IS 'snapshot, or image';
COMMENT ON COLUMN vmclone.lock_state.entity_id IS 'its id';
COMMENT ON COLUMN vmclone.lock_state.locked_at IS 'when the first holder came';
COMMENT ON COLUMN vmclone.lock_state.row_version IS 'xmin of the row that says LOCKED; NULL: not known, as in a database that was restored';
COMMENT ON COLUMN vmclone.lock_state.row_hash IS 'of what else the row said, and of the table''s file: another row version of the same hash is a status that somebody else has written';

--
-- Rows that calls update when they have counted something, so that two calls
-- cannot count the same state and both take the last of it.
--

CREATE TABLE vmclone.reservations (
    kind text NOT NULL CHECK (kind = ANY ('{quota,storage_domain,mac_pool,storage_pool}')),
    entity_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    last_address bigint,
    bytes bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, entity_id)
);

COMMENT ON TABLE vmclone.reservations IS 'a version for each quota, storage domain and MAC pool that calls count; updated with every take, so that REPEATABLE READ callers fail with 40001 and never take too much';
COMMENT ON COLUMN vmclone.reservations.bytes IS 'storage domain: bytes that clones take of its free space, when they were last summed up, and what calls have reserved since; the tasks are only summed up again when this comes near the free space';
COMMENT ON COLUMN vmclone.reservations.last_address IS 'the MAC address that a pool gave last, as a number; the next search goes on from there';
COMMENT ON COLUMN vmclone.reservations.kind IS 'quota, storage_domain, mac_pool or storage_pool: what is counted';
COMMENT ON COLUMN vmclone.reservations.entity_id IS 'its id';
COMMENT ON COLUMN vmclone.reservations.version IS 'grows with each call that counts: an update, so that REPEATABLE READ gets a serialization failure';

CREATE TABLE vmclone.vm_names (
    storage_pool_id uuid NOT NULL,
    vm_name text NOT NULL,
    vm_id uuid NOT NULL,
    call_id uuid NOT NULL,
    PRIMARY KEY (storage_pool_id, vm_name)
);

CREATE INDEX vm_names_vm_id ON vmclone.vm_names (vm_id);

COMMENT ON TABLE vmclone.vm_names IS 'names taken by jobs that are not over, unique in their data center';
COMMENT ON COLUMN vmclone.vm_names.storage_pool_id IS 'data center in which the name is taken';
COMMENT ON COLUMN vmclone.vm_names.vm_name IS 'name that a call under way will use';
COMMENT ON COLUMN vmclone.vm_names.vm_id IS 'the VM that gets it';
COMMENT ON COLUMN vmclone.vm_names.call_id IS 'the call';

CREATE TABLE vmclone.request_keys (
    owner name NOT NULL,
    request_key text NOT NULL,
    call_id uuid NOT NULL,
    parameters jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner_role vmclone.role_id NOT NULL DEFAULT '',
    PRIMARY KEY (call_id)
);

CREATE UNIQUE INDEX request_keys_of_role ON vmclone.request_keys (owner_role, request_key) WHERE owner_role <> 0::oid;

COMMENT ON TABLE vmclone.request_keys IS 'the call that each caller''s request key stands for; kept as long as the job''s history';
COMMENT ON COLUMN vmclone.request_keys.owner IS 'name that the role had then';
COMMENT ON COLUMN vmclone.request_keys.owner_role IS 'whose key it is; of roles that are gone, several may have the same';
COMMENT ON COLUMN vmclone.request_keys.request_key IS 'the caller''s word for the call';
COMMENT ON COLUMN vmclone.request_keys.call_id IS 'the call that used it first';
COMMENT ON COLUMN vmclone.request_keys.parameters IS 'its parameters: another call with the key must have the same';
COMMENT ON COLUMN vmclone.request_keys.created_at IS 'when';

SELECT pg_catalog.pg_extension_config_dump('vmclone.image_locks', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.lock_state', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.reservations', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.vm_names', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.request_keys', '');
REVOKE ALL ON vmclone.image_locks, vmclone.lock_state, vmclone.reservations, vmclone.vm_names, vmclone.request_keys
    FROM PUBLIC;
