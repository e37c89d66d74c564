--
-- Whose a row is.  By oid in the table, by name in a dump: role_id.c says why.
--

CREATE TYPE vmclone.role_id;

CREATE FUNCTION vmclone_internal.role_id_in(cstring) RETURNS vmclone.role_id
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'vmclone_role_id_in';
COMMENT ON FUNCTION vmclone_internal.role_id_in(cstring) IS 'the role of a name; nobody, where no role has it';

CREATE FUNCTION vmclone_internal.role_id_out(vmclone.role_id) RETURNS cstring
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'vmclone_role_id_out';
COMMENT ON FUNCTION vmclone_internal.role_id_out(vmclone.role_id) IS 'the name that the role has now; empty, when it is gone';

CREATE TYPE vmclone.role_id (INPUT = vmclone_internal.role_id_in, OUTPUT = vmclone_internal.role_id_out, LIKE = oid);
COMMENT ON TYPE vmclone.role_id IS 'a role by its oid, written as its name: a renamed role keeps what is its, nobody gets what a dropped one had, a restore goes by name';

CREATE CAST (vmclone.role_id AS oid) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (oid AS vmclone.role_id) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (vmclone.role_id AS oid) IS 'compared and indexed as an oid';
COMMENT ON CAST (oid AS vmclone.role_id) IS 'the role of that oid';

REVOKE ALL ON FUNCTION vmclone_internal.role_id_in(cstring), vmclone_internal.role_id_out(vmclone.role_id) FROM PUBLIC;
