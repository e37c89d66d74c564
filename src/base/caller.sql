--
-- Who calls.  Rights are EXECUTE rights on marker functions, so that role
-- membership, REVOKE and pg_dump treat them as they treat every right.
--

CREATE FUNCTION vmclone.administer() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone.administer() IS 'internal: marker: who may execute it is an administrator of vmclone; given by grant_admin';

CREATE FUNCTION vmclone.act_for_any_user() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone.act_for_any_user() IS 'internal: marker: who may execute it may name any user_id, or none; given by grant_engine';

CREATE FUNCTION vmclone.see_all_jobs() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone.see_all_jobs() IS 'internal: marker: who may execute it sees everybody''s jobs; given by grant_viewer';

CREATE FUNCTION vmclone.caller_name() RETURNS name
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_name';
COMMENT ON FUNCTION vmclone.caller_name() IS 'internal: the role that what a call makes belongs to: of the role outside every SECURITY DEFINER frame and the current one, the one that may do less';

CREATE FUNCTION vmclone.caller_role() RETURNS vmclone.role_id
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_role';
COMMENT ON FUNCTION vmclone.caller_role() IS 'internal: whose jobs the caller may see, where it doesn''t see everybody''s; NULL: nobody''s';

CREATE FUNCTION vmclone.caller_sees_all() RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_sees_all';
COMMENT ON FUNCTION vmclone.caller_sees_all() IS 'internal: whether both the role outside every SECURITY DEFINER frame and the current one see everybody''s jobs';

CREATE FUNCTION vmclone.require_administrator(what text) RETURNS void
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_require_administrator';
COMMENT ON FUNCTION vmclone.require_administrator(text) IS 'internal: an error, unless all roles that take part in the call are administrators';

CREATE FUNCTION vmclone.require_superuser(what text) RETURNS void
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_require_superuser';
COMMENT ON FUNCTION vmclone.require_superuser(text) IS 'internal: an error, unless all roles that take part in the call are superusers';

CREATE FUNCTION vmclone.caller_user_id(user_id uuid) RETURNS uuid
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_user_id';
COMMENT ON FUNCTION vmclone.caller_user_id(uuid) IS 'internal: the engine user that a call with this user_id runs for; NULL is an internal call';

REVOKE ALL ON FUNCTION vmclone.administer(), vmclone.act_for_any_user(), vmclone.see_all_jobs(),
    vmclone.caller_name(), vmclone.caller_role(), vmclone.caller_sees_all(), vmclone.caller_user_id(uuid),
    vmclone.require_administrator(text), vmclone.require_superuser(text) FROM PUBLIC;
