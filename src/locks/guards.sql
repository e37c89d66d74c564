--
-- Guards on what a copy reads.  vmclone's own inventory only: a real engine
-- database has the engine's own rules.
--
-- Statement triggers with transition tables: one query a statement, after the
-- rows were changed and so after every wait for a row lock; they look at what is
-- committed then, under every isolation level.  They only refuse, so that a
-- restore may load rows in any order.
--

CREATE FUNCTION vmclone_internal.held_now(kind text, ids uuid[]) RETURNS TABLE (entity_id uuid, keeps_status boolean)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'vmclone_held_now';

COMMENT ON FUNCTION vmclone_internal.held_now(text, uuid[]) IS 'which of these snapshots or images (NULL: all) calls hold, by what is committed now, whatever the isolation level';

CREATE FUNCTION vmclone_internal.refuse_held(p_what text, p_kind text, p_id uuid, p_held uuid) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'VC012',
        MESSAGE = format('%s %s is being copied from and cannot be %s', p_kind, p_id, p_what),
        CONSTRAINT = CASE p_kind WHEN 'image' THEN 'ACTION_TYPE_FAILED_DISKS_LOCKED'
            ELSE 'ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT' END,
        DETAIL = CASE p_kind WHEN 'image' THEN 'ACTION_TYPE_FAILED_DISKS_LOCKED'
            ELSE 'ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT' END
            || CASE WHEN p_held <> p_id THEN format(': it stands on image %s', p_held) ELSE '' END
            || ': held by ' || COALESCE(
            (SELECT string_agg('job ' || j.job_id, ', ' ORDER BY j.created_at, j.copy_number)
             FROM vmclone.image_locks l JOIN vmclone.jobs j ON j.call_id = l.holder
             WHERE l.entity_id = p_held AND j.ended_at IS NULL), 'a call under way') || '.',
        HINT = 'Wait until the job ends or cancel it with vmclone.cancel_job.';
END
$$;

COMMENT ON FUNCTION vmclone_internal.refuse_held(text, text, uuid, uuid) IS 'raises the error of a guard';

CREATE FUNCTION vmclone_internal.guard_deleted_images() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held uuid[];
    parents uuid[];
    refused record;
BEGIN
    SELECT array_agg(h.entity_id), array_agg(h.entity_id) FILTER (WHERE NOT h.keeps_status) INTO held, parents
    FROM vmclone_internal.held_now('image', ARRAY (SELECT image_guid FROM old_images UNION SELECT parentid FROM old_images)) h;
    IF held IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT o.image_guid, CASE WHEN o.image_guid = ANY (held) THEN o.image_guid ELSE o.parentid END AS held_id
    INTO refused FROM old_images o
    WHERE o.image_guid = ANY (held) OR o.parentid = ANY (parents)
    ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        PERFORM vmclone_internal.refuse_held('deleted', 'image', refused.image_guid, refused.held_id);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION vmclone_internal.guard_deleted_images() IS 'refuses to delete an image that a job reads, and its direct children; children of a template''s image belong to other virtual machines and are free';

-- In C, since calls change images too: most updates set a status or a time, and need no query at all.
CREATE FUNCTION vmclone_internal.guard_changed_images() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'vmclone_guard_changed_images';

COMMENT ON FUNCTION vmclone_internal.guard_changed_images() IS 'refuses to merge, re-parent, resize or unlock an image that a job reads, and to re-parent its direct children';

CREATE FUNCTION vmclone_internal.guard_deleted_snapshots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held uuid;
BEGIN
    SELECT o.snapshot_id INTO held FROM old_snapshots o
    JOIN vmclone_internal.held_now('snapshot', ARRAY (SELECT snapshot_id FROM old_snapshots)) h ON h.entity_id = o.snapshot_id
    ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        PERFORM vmclone_internal.refuse_held('deleted', 'snapshot', held, held);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION vmclone_internal.guard_deleted_snapshots() IS 'refuses to delete a snapshot that a job reads';

CREATE FUNCTION vmclone_internal.guard_changed_snapshots() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'vmclone_guard_changed_snapshots';

COMMENT ON FUNCTION vmclone_internal.guard_changed_snapshots() IS 'refuses to unlock or move a snapshot that a job reads';

CREATE FUNCTION vmclone_internal.guard_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind CONSTANT text := CASE TG_TABLE_NAME WHEN 'images' THEN 'image' ELSE 'snapshot' END;
    held uuid;
BEGIN
    SELECT h.entity_id INTO held FROM vmclone_internal.held_now(kind, NULL) h ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        PERFORM vmclone_internal.refuse_held('removed by TRUNCATE', kind, held, held);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION vmclone_internal.guard_truncated() IS 'refuses TRUNCATE while any job reads';

CREATE TRIGGER vmclone_guard_delete AFTER DELETE ON vmclone.images
    REFERENCING OLD TABLE AS old_images
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone_internal.guard_deleted_images();
CREATE TRIGGER vmclone_guard_update AFTER UPDATE ON vmclone.images
    REFERENCING OLD TABLE AS old_images NEW TABLE AS new_images
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone_internal.guard_changed_images();
CREATE TRIGGER vmclone_guard_truncate BEFORE TRUNCATE ON vmclone.images
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone_internal.guard_truncated();
CREATE TRIGGER vmclone_guard_delete AFTER DELETE ON vmclone.snapshots
    REFERENCING OLD TABLE AS old_snapshots
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone_internal.guard_deleted_snapshots();
CREATE TRIGGER vmclone_guard_update AFTER UPDATE ON vmclone.snapshots
    REFERENCING OLD TABLE AS old_snapshots NEW TABLE AS new_snapshots
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone_internal.guard_changed_snapshots();
CREATE TRIGGER vmclone_guard_truncate BEFORE TRUNCATE ON vmclone.snapshots
    FOR EACH STATEMENT EXECUTE FUNCTION vmclone_internal.guard_truncated();

COMMENT ON TRIGGER vmclone_guard_delete ON vmclone.images IS 'an image that a job reads stays, and so does what stands directly on it';
COMMENT ON TRIGGER vmclone_guard_update ON vmclone.images IS 'an image that a job reads is not merged, re-parented, resized, converted or unlocked';
COMMENT ON TRIGGER vmclone_guard_truncate ON vmclone.images IS 'no image goes while any job reads';
COMMENT ON TRIGGER vmclone_guard_delete ON vmclone.snapshots IS 'a snapshot that a job reads stays';
COMMENT ON TRIGGER vmclone_guard_update ON vmclone.snapshots IS 'a snapshot that a job reads is not unlocked or moved';
COMMENT ON TRIGGER vmclone_guard_truncate ON vmclone.snapshots IS 'no snapshot goes while any job reads';

REVOKE ALL ON FUNCTION vmclone_internal.held_now(text, uuid[]), vmclone_internal.refuse_held(text, text, uuid, uuid), vmclone_internal.guard_deleted_images(),
    vmclone_internal.guard_changed_images(), vmclone_internal.guard_deleted_snapshots(), vmclone_internal.guard_changed_snapshots(),
    vmclone_internal.guard_truncated() FROM PUBLIC;
