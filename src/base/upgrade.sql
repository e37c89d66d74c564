-- Version 1.0 of the library doesn't know this function, and can't say itself that the server still runs it.
DO $$
BEGIN
    CREATE FUNCTION vmclone.library_version() RETURNS text LANGUAGE C STABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'vmclone_library_version';
EXCEPTION WHEN undefined_function THEN
    RAISE EXCEPTION 'the server still runs an earlier version of the vmclone library'
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Restart the server, then run ALTER EXTENSION vmclone UPDATE again.';
END
$$;
