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

#include "base/extension.h"
#include "base/binding.h"
#include "base/caller.h"
#include "base/compat.h"
#include "base/frame.h"
#include "base/statement.h"
#include "base/uuid.h"

VMCLONE_FUNCTION_INFO(vmclone_caller_name);
VMCLONE_FUNCTION_INFO(vmclone_caller_sees_all);
VMCLONE_FUNCTION_INFO(vmclone_caller_user_id);
VMCLONE_FUNCTION_INFO(vmclone_revoke_rights);

/* A role bound itself comes before the groups that it is a member of. */
static Statement bound_user = {
	.sql = "SELECT o.user_id, o.role_name = r.rolname"
		   " FROM vmclone.operators o, pg_catalog.pg_roles r, pg_catalog.pg_roles b"
		   " WHERE r.oid = $1 AND b.rolname = o.role_name"
		   " AND pg_catalog.pg_has_role(r.oid, b.oid, 'USAGE')"
		   " ORDER BY o.role_name = r.rolname DESC",
	.argument_count = 1,
	.argument_types = {OIDOID},
};

static Statement take_rights = {
	.sql = "SELECT vmclone.take_rights($1)",
	.argument_count = 1,
	.argument_types = {NAMEOID},
};

/*
 * The role outside every SECURITY DEFINER frame.  Not in a security-restricted operation, as the
 * inventory's triggers, index expressions and materialized views are: there the code is the table
 * owner's, and must not act with the rights of whoever made it run.
 */
static Oid
calling_role(void)
{
	return InSecurityRestrictedOperation() ? GetUserId() : GetOuterUserId();
}

/* May the role execute the marker function of that name? */
static bool
has_right(Oid role_id, const char *marker)
{
	Oid function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(marker),
								   PointerGetDatum(buildoidvector(NULL, 0)),
								   ObjectIdGetDatum(get_namespace_oid(VMCLONE_SCHEMA, false)));

	if (!OidIsValid(function))
		elog(ERROR, "function %s.%s() does not exist", VMCLONE_SCHEMA, marker);
	return function_aclcheck(function, role_id) == ACLCHECK_OK;
}

Caller
caller_identify(void)
{
	Caller caller = {0};
	Datum role;
	Frame frame;

	caller.role_id = calling_role();
	caller.role_name = GetUserNameFromId(caller.role_id, false);
	role = ObjectIdGetDatum(caller.role_id);

	if (has_right(caller.role_id, "administer"))
		caller.kind = CALLER_ADMIN;
	else if (has_right(caller.role_id, "act_for_any_user"))
		caller.kind = CALLER_ENGINE;
	else
	{
		uint64 rows;

		frame_enter_own(&frame);
		rows = statement_run(&bound_user, &role, NULL);
		caller.kind = CALLER_OTHER;
		if (rows > 1 && !field_bool(0, 2))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("role \"%s\" is a member of several operator roles", caller.role_name),
					 errhint("Use SET ROLE to act as one of them.")));
		if (rows > 0)
		{
			caller.kind = CALLER_OPERATOR;
			caller.has_user = true;
			caller.user_id = field_uuid(0, 1);
		}
		frame_leave(&frame);
	}
	return caller;
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
			if (given && !uuid_same(given_user, &caller->user_id))
				ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
								errmsg("role \"%s\" may not act for user %s", caller->role_name,
									   uuid_text(given_user)),
								errdetail("It is bound to user %s.", uuid_text(&caller->user_id)),
								errhint("Leave user_id out, or ask an administrator for "
										"vmclone.grant_engine.")));
			*user = caller->user_id;
			return true;
		case CALLER_OTHER:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" may not clone virtual machines", caller->role_name),
			 errhint("Ask an administrator for vmclone.grant_operator, vmclone.grant_engine or "
					 "vmclone.grant_admin.")));
}

void
caller_check_job(const Caller *caller, const char *job_owner, const pg_uuid_t *job_id)
{
	if (caller->kind == CALLER_ADMIN || strcmp(caller->role_name, job_owner) == 0)
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("permission denied for job %s", uuid_text(job_id)),
					errhint("Only the role that started a job and administrators control it.")));
}

static bool
sees_all_jobs(Oid role_id)
{
	return has_right(role_id, "administer") || has_right(role_id, "see_all_jobs");
}

char *
caller_visible_owner(void)
{
	Oid role_id = calling_role();

	return sees_all_jobs(role_id) ? NULL : GetUserNameFromId(role_id, false);
}

/* caller_name() → name: the role outside every SECURITY DEFINER frame. */
Datum
vmclone_caller_name(PG_FUNCTION_ARGS)
{
	Name name = palloc0(NAMEDATALEN);

	namestrcpy(name, GetUserNameFromId(calling_role(), false));
	PG_RETURN_NAME(name);
}

/* caller_sees_all() → bool: administrators and viewers see everybody's jobs. */
Datum
vmclone_caller_sees_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(sees_all_jobs(calling_role()));
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
	if (has_right(get_role_oid(role_name, false), "administer") && !superuser_arg(calling_role()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("only a superuser may revoke the rights of administrator \"%s\"",
							   role_name),
						errhint("Ask a superuser.")));
	SPI_connect();
	frame_enter_own(&frame);
	statement_run_one_row(&take_rights, &role, NULL);
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_VOID();
}
