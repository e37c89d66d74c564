--
-- The guards on an engine's tables: the same triggers as on vmclone's own.  They are the tables', not the extension's, so
-- that a dump of the tables has them; they go with the extension, and when another inventory is chosen.
--

CREATE FUNCTION vmclone.protect_inventory("on" boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    inventory name;
    guard record;
    target text;
    is_there boolean;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION 'permission denied to protect the inventory'
            USING ERRCODE = 'insufficient_privilege', HINT = 'Only a superuser can run protect_inventory.';
    END IF;
    PERFORM vmclone_internal.require_superuser('protect the inventory');
    IF "on" IS NULL THEN
        RAISE EXCEPTION 'protect_inventory needs true or false' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'True makes the triggers, false takes them away.';
    END IF;
    SELECT schema_name INTO inventory FROM vmclone_internal.current_inventory();
    IF inventory = 'vmclone' THEN
        IF NOT "on" THEN
            RAISE EXCEPTION 'the guards of vmclone''s own inventory cannot be taken away'
                USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Other tables become the inventory by vmclone.use_inventory.';
        END IF;
        RETURN;
    END IF;
    FOR guard IN
        SELECT t.tgname AS name, c.relname AS relation, t.tgfoid, pg_get_triggerdef(t.oid) AS definition,
            obj_description(t.oid, 'pg_trigger') AS comment
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.oid IN ('vmclone.images'::regclass, 'vmclone.snapshots'::regclass) AND t.tgname LIKE 'vmclone\_guard\_%'
        ORDER BY c.relname, t.tgname
    LOOP
        target := format('%I.%I', inventory, guard.relation);
        is_there := EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target::regclass AND tgname = guard.name AND tgfoid = guard.tgfoid);
        IF is_there AND NOT "on" THEN
            EXECUTE format('DROP TRIGGER %I ON %s', guard.name, target);
        ELSIF "on" THEN
            IF NOT is_there THEN
                EXECUTE replace(guard.definition, format(' ON vmclone.%I ', guard.relation), format(' ON %s ', target));
                EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L', guard.name, target, guard.comment);
                EXECUTE format('ALTER TRIGGER %I ON %s DEPENDS ON EXTENSION vmclone', guard.name, target);
            END IF;
            -- somebody may have switched it off
            EXECUTE format('ALTER TABLE %s ENABLE TRIGGER %I', target, guard.name);
        END IF;
    END LOOP;
END
$$;

COMMENT ON FUNCTION vmclone.protect_inventory(boolean) IS 'puts guards on the images and snapshots of an engine''s database, or takes them away: triggers that refuse to delete, merge, move or unlock what a job reads; superusers only';

REVOKE ALL ON FUNCTION vmclone.protect_inventory(boolean) FROM PUBLIC;
