--
-- DROP EXTENSION, and what takes the extension along, is refused while jobs are under way: by a hook of the library
-- (drop_refusal.c), which is loaded here where it isn't preloaded.
--

CREATE FUNCTION vmclone_internal.refuse_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM vmclone.jobs WHERE ended_at IS NULL) THEN
        PERFORM vmclone.library_version();
    END IF;
EXCEPTION WHEN OTHERS THEN
    -- a library that is no longer there must not stand in the way of other people's commands
    RAISE LOG 'vmclone could not look whether jobs are under way: %', SQLERRM;
END
$$;

COMMENT ON FUNCTION vmclone_internal.refuse_drop() IS 'loads the library, whose hook refuses to drop the extension while jobs are under way';

REVOKE ALL ON FUNCTION vmclone_internal.refuse_drop() FROM PUBLIC;

CREATE EVENT TRIGGER vmclone_refuse_drop ON ddl_command_start
    WHEN TAG IN ('DROP EXTENSION', 'DROP SCHEMA', 'DROP OWNED', 'DROP LANGUAGE')
    EXECUTE FUNCTION vmclone_internal.refuse_drop();

COMMENT ON EVENT TRIGGER vmclone_refuse_drop IS 'the extension stays while jobs are under way';
