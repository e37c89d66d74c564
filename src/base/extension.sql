-- The library's version; the extension's own stands in pg_extension.
CREATE FUNCTION vmclone.library_version() RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'vmclone_library_version';
COMMENT ON FUNCTION vmclone.library_version() IS 'version of the library that the server has loaded; where pg_extension says another one: restart the server, or ALTER EXTENSION vmclone UPDATE';
REVOKE ALL ON FUNCTION vmclone.library_version() FROM PUBLIC;
