--
-- Who calls.  Rights are EXECUTE rights on marker functions, so that role
-- membership, REVOKE and pg_dump treat them as they treat every right.
--

CREATE FUNCTION vmclone_internal.administer() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone_internal.administer() IS 'marker: who may execute it is an administrator of vmclone; given by grant_admin';

CREATE FUNCTION vmclone_internal.act_for_any_user() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone_internal.act_for_any_user() IS 'marker: who may execute it may name any user_id, or none; given by grant_engine';

CREATE FUNCTION vmclone_internal.see_all_jobs() RETURNS void
LANGUAGE sql IMMUTABLE AS '';
COMMENT ON FUNCTION vmclone_internal.see_all_jobs() IS 'marker: who may execute it sees everybody''s jobs; given by grant_viewer';

CREATE FUNCTION vmclone_internal.caller_name() RETURNS name
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_name';
COMMENT ON FUNCTION vmclone_internal.caller_name() IS 'the role that what a call makes belongs to: of the role outside every SECURITY DEFINER frame and the current one, the one that may do less';

CREATE FUNCTION vmclone_internal.caller_role() RETURNS vmclone.role_id
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_role';
COMMENT ON FUNCTION vmclone_internal.caller_role() IS 'whose jobs the caller may see, where it doesn''t see everybody''s; NULL: nobody''s';

CREATE FUNCTION vmclone_internal.caller_sees_all() RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_sees_all';
COMMENT ON FUNCTION vmclone_internal.caller_sees_all() IS 'whether both the role outside every SECURITY DEFINER frame and the current one see everybody''s jobs';

CREATE FUNCTION vmclone_internal.require_administrator(what text) RETURNS void
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_require_administrator';
COMMENT ON FUNCTION vmclone_internal.require_administrator(text) IS 'an error, unless all roles that take part in the call are administrators';

CREATE FUNCTION vmclone_internal.require_superuser(what text) RETURNS void
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_require_superuser';
COMMENT ON FUNCTION vmclone_internal.require_superuser(text) IS 'an error, unless all roles that take part in the call are superusers';

CREATE FUNCTION vmclone_internal.caller_user_id(user_id uuid) RETURNS uuid
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'vmclone_caller_user_id';
COMMENT ON FUNCTION vmclone_internal.caller_user_id(uuid) IS 'the engine user that a call with this user_id runs for; NULL is an internal call';

REVOKE ALL ON FUNCTION vmclone_internal.administer(), vmclone_internal.act_for_any_user(), vmclone_internal.see_all_jobs(),
    vmclone_internal.caller_name(), vmclone_internal.caller_role(), vmclone_internal.caller_sees_all(), vmclone_internal.caller_user_id(uuid),
    vmclone_internal.require_administrator(text), vmclone_internal.require_superuser(text) FROM PUBLIC;
