/*
 * caller.c
 *		Which role calls, and for which engine user it may act.
 *
 * What a role may do is an EXECUTE right on a marker function (administer, act_for_any_user), so
 * that role membership, REVOKE and pg_dump treat it as they treat every right.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "base/binding.h"
#include "base/caller.h"
#include "base/compat.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/statement.h"
#include "base/uuid.h"

VMCLONE_FUNCTION_INFO(vmclone_caller_name);
VMCLONE_FUNCTION_INFO(vmclone_caller_role);
VMCLONE_FUNCTION_INFO(vmclone_caller_sees_all);
VMCLONE_FUNCTION_INFO(vmclone_caller_user_id);
VMCLONE_FUNCTION_INFO(vmclone_require_administrator);
VMCLONE_FUNCTION_INFO(vmclone_require_superuser);
VMCLONE_FUNCTION_INFO(vmclone_revoke_rights);

/* The role's own binding comes before those of groups that it is a member of. */
static Statement bound_user = {
	.sql = "SELECT o.user_id, o.role = $1 FROM vmclone.operators o"
		   " JOIN pg_catalog.pg_roles b ON b.oid = o.role"
		   " WHERE pg_has_role($1, b.oid, 'USAGE') ORDER BY o.role = $1 DESC",
	.argument_count = 1,
	.argument_types = {OIDOID},
};

/* Columns of bound_user. */
enum BoundUserColumn
{
	BOUND_USER_ID = 1,
	BOUND_BY_NAME,
};

static Statement take_rights = {
	.sql = "SELECT vmclone_internal.take_rights($1)",
	.argument_count = 1,
	.argument_types = {NAMEOID},
};

/* May the role execute the marker function of that name? */
static bool
has_right(Oid role_id, const char *marker)
{
	Oid function =
		GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(marker),
						PointerGetDatum(buildoidvector(NULL, 0)),
						ObjectIdGetDatum(get_namespace_oid(VMCLONE_INTERNAL_SCHEMA, false)));

	if (!OidIsValid(function))
		elog(ERROR, "function %s.%s() does not exist", VMCLONE_INTERNAL_SCHEMA, marker);
	return function_aclcheck(function, role_id) == ACLCHECK_OK;
}

/* What one role may do by itself. */
static Caller
identify_role(Oid role_id)
{
	Caller caller = {.role_id = role_id, .kind = CALLER_OTHER};
	Datum role = ObjectIdGetDatum(role_id);
	uint64 rows;
	Frame frame;

	caller.role_name = GetUserNameFromId(role_id, false);
	if (has_right(role_id, "administer"))
		caller.kind = CALLER_ADMIN;
	else if (has_right(role_id, "act_for_any_user"))
		caller.kind = CALLER_ENGINE;
	else
	{
		frame_enter_own(&frame);
		rows = statement_run(&bound_user, &role, NULL);
		if (rows > 1 && !field_bool(0, BOUND_BY_NAME))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("role \"%s\" is a member of several operator roles", caller.role_name),
					 errhint("Use SET ROLE to act as one of them.")));
		if (rows > 0)
		{
			caller.kind = CALLER_OPERATOR;
			caller.has_user = true;
			caller.user_id = field_uuid(0, BOUND_USER_ID);
		}
		frame_leave(&frame);
	}
	caller.second_role_id = role_id;
	caller.second_kind = caller.kind;
	return caller;
}

Caller
caller_identify(void)
{
	Caller outer = identify_role(GetOuterUserId());
	Caller current;
	Caller caller;
	const Caller *second;

	if (GetUserId() == outer.role_id)
		return outer;
	current = identify_role(GetUserId());
	caller = current.kind > outer.kind ? current : outer;
	second = current.kind > outer.kind ? &outer : &current;
	caller.second_role_id = second->role_id;
	caller.second_kind = second->kind;
	if (!caller.has_user)
	{
		caller.has_user = second->has_user;
		caller.user_id = second->user_id;
	}
	else if (second->has_user && !uuid_same(&caller.user_id, &second->user_id))
	{
		caller.kind = CALLER_OTHER;
		caller.has_two_users = true;
	}
	return caller;
}

/* Tells who is refused that two roles count, where a function runs as another role than its caller. */
static int
detail_of_roles(const Caller *caller)
{
	if (caller->role_id == caller->second_role_id)
		return 0;
	return errdetail("Role \"%s\" takes part in the call, too; what both roles may do counts.",
					 GetUserNameFromId(caller->second_role_id, false));
}

static void
refuse_other_user(const Caller *caller, const pg_uuid_t *given_user)
{
	if (caller->has_two_users)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("roles \"%s\" and \"%s\" are bound to different users",
							   caller->role_name, GetUserNameFromId(caller->second_role_id, false)),
						errdetail("Both take part in the call; what both may do counts."),
						errhint("Call without the function of the other role in between.")));
	if (given_user && !uuid_same(given_user, &caller->user_id))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not act for user %s", caller->role_name,
						uuid_text(given_user)),
				 errdetail("It is bound to user %s.", uuid_text(&caller->user_id)),
				 errhint("Leave user_id out, or ask an administrator for vmclone.grant_engine.")));
}

bool
caller_choose_user(const Caller *caller, bool given, const pg_uuid_t *given_user, pg_uuid_t *user)
{
	switch (caller->kind)
	{
		case CALLER_ADMIN:
		case CALLER_ENGINE:
			if (given)
				*user = *given_user;
			return given;
		case CALLER_OPERATOR:
			refuse_other_user(caller, given ? given_user : NULL);
			*user = caller->user_id;
			return true;
		case CALLER_OTHER:
			break;
	}
	refuse_other_user(caller, NULL);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" may not clone virtual machines", caller->role_name),
			 detail_of_roles(caller),
			 errhint("Ask an administrator for vmclone.grant_operator, vmclone.grant_engine or "
					 "vmclone.grant_admin.")));
}

bool
caller_choose_user_to_look(const Caller *caller, bool given, const pg_uuid_t *given_user,
						   pg_uuid_t *user)
{
	if (caller->kind != CALLER_OTHER)
		return caller_choose_user(caller, given, given_user, user);
	if (caller->has_user)
	{
		refuse_other_user(caller, given ? given_user : NULL);
		*user = caller->user_id;
		return true;
	}
	if (given)
		*user = *given_user;
	return given;
}

void
caller_check_job(const Caller *caller, Oid job_owner, const pg_uuid_t *job_id)
{
	if ((caller->kind == CALLER_ADMIN || caller->role_id == job_owner) &&
		(caller->second_kind == CALLER_ADMIN || caller->second_role_id == job_owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for job %s", uuid_text(job_id)), detail_of_roles(caller),
			 errhint("Only the role that started a job and administrators control it.")));
}

bool
caller_sees_all(Oid *role)
{
	Oid outer = GetOuterUserId();
	Oid current = GetUserId();
	bool outer_sees_all = has_right(outer, "administer") || has_right(outer, "see_all_jobs");
	bool current_sees_all = has_right(current, "administer") || has_right(current, "see_all_jobs");

	if (outer_sees_all)
		*role = current;
	else if (current_sees_all || outer == current)
		*role = outer;
	else
		*role = InvalidOid;
	return outer_sees_all && current_sees_all;
}

/* caller_role() → role_id: whose jobs the caller may see beside everybody's; NULL: nobody's. */
Datum
vmclone_caller_role(PG_FUNCTION_ARGS)
{
	Oid role;

	(void) caller_sees_all(&role);
	if (!OidIsValid(role))
		PG_RETURN_NULL();
	PG_RETURN_OID(role);
}

/* caller_sees_all() → bool: administrators and viewers see everybody's jobs. */
Datum
vmclone_caller_sees_all(PG_FUNCTION_ARGS)
{
	Oid role;

	PG_RETURN_BOOL(caller_sees_all(&role));
}

/* caller_name() → name: the role that owns what the caller's calls make. */
Datum
vmclone_caller_name(PG_FUNCTION_ARGS)
{
	Name name = palloc0(NAMEDATALEN);
	Caller caller;

	SPI_connect();
	caller = caller_identify();
	namestrcpy(name, caller.role_name);
	SPI_finish();
	PG_RETURN_NAME(name);
}

/* caller_user_id(user_id uuid) → uuid: the engine user that a call with this user_id runs for. */
Datum
vmclone_caller_user_id(PG_FUNCTION_ARGS)
{
	bool given = !PG_ARGISNULL(0);
	pg_uuid_t *user = palloc0(sizeof(pg_uuid_t));
	bool chosen;
	Caller caller;

	SPI_connect();
	caller = caller_identify();
	chosen = caller_choose_user(&caller, given, given ? PG_GETARG_UUID_P(0) : NULL, user);
	SPI_finish();
	if (!chosen)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(user);
}

/*
 * require_administrator(what text), require_superuser(what text): an error unless both roles are
 * that.  For functions in SQL, where a SECURITY DEFINER frame hides the role that PostgreSQL has let
 * in by its EXECUTE right: what is left to ask is the outer one.
 */
Datum
vmclone_require_administrator(PG_FUNCTION_ARGS)
{
	if (has_right(GetOuterUserId(), "administer") && has_right(GetUserId(), "administer"))
		PG_RETURN_VOID();
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("permission denied to %s", text_to_cstring(PG_GETARG_TEXT_PP(0))),
					errhint("Ask an administrator of vmclone (grant_admin).")));
}

Datum
vmclone_require_superuser(PG_FUNCTION_ARGS)
{
	if (superuser_arg(GetOuterUserId()) && superuser_arg(GetUserId()))
		PG_RETURN_VOID();
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("permission denied to %s", text_to_cstring(PG_GETARG_TEXT_PP(0))),
					errhint("Only a superuser may do this.")));
}

/* revoke_rights(role name): who calls is asked here, since a SECURITY DEFINER function can't in a restricted operation */
Datum
vmclone_revoke_rights(PG_FUNCTION_ARGS)
{
	Datum role = PG_GETARG_DATUM(0);
	char *role_name;
	Frame frame;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("role must not be null"),
						errhint("Pass the name of a role.")));
	role_name = NameStr(*DatumGetName(role));
	if (has_right(get_role_oid(role_name, false), "administer") &&
		!(superuser_arg(GetOuterUserId()) && superuser_arg(GetUserId())))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("only a superuser may revoke the rights of administrator \"%s\"",
							   role_name),
						errhint("Ask a superuser.")));
	DirectFunctionCall1(vmclone_require_administrator,
						CStringGetTextDatum("revoke rights of vmclone"));
	SPI_connect();
	frame_enter_own(&frame);
	statement_run_one_row(&take_rights, &role, NULL);
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_VOID();
}
