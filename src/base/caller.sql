--
-- Who calls.  Rights are EXECUTE rights on marker functions, so that role
-- membership, REVOKE and pg_dump treat them as they treat every right.
--

CREATE FUNCTION vmclone.administer() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone.administer() IS 'marker: who may execute it is an administrator of vmclone; given by grant_admin';

CREATE FUNCTION vmclone.act_for_any_user() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone.act_for_any_user() IS 'marker: who may execute it may name any user_id, or none; given by grant_engine';

CREATE FUNCTION vmclone.see_all_jobs() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone.see_all_jobs() IS 'marker: who may execute it sees everybody''s jobs; given by grant_viewer';

CREATE FUNCTION vmclone.caller_name() RETURNS name
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_name';
COMMENT ON FUNCTION vmclone.caller_name() IS 'the calling role, outside every SECURITY DEFINER frame';

CREATE FUNCTION vmclone.caller_sees_all() RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_sees_all';
COMMENT ON FUNCTION vmclone.caller_sees_all() IS 'whether the calling role sees everybody''s jobs';

CREATE FUNCTION vmclone.caller_user_id(user_id uuid) RETURNS uuid
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_user_id';
COMMENT ON FUNCTION vmclone.caller_user_id(uuid) IS 'the engine user that a call with this user_id runs for; NULL is an internal call';

REVOKE ALL ON FUNCTION vmclone.administer(), vmclone.act_for_any_user(), vmclone.see_all_jobs(),
    vmclone.caller_name(), vmclone.caller_sees_all(), vmclone.caller_user_id(uuid) FROM PUBLIC;
