/*
 * role_id.c
 *		Type role_id: a role by its oid, written as its name.
 *
 * A row that belongs to a role must follow the role when it is renamed, and must not fall to whoever
 * gets the name when it is dropped: the oid does both.  In a dump, and on its way to a subscriber, the
 * row must name the role, since there other roles have these oids: what is written is the name that
 * the role has then.  regrole would do that too, but where no role has the name it fails, and with it
 * the whole table's restore; and a role that is gone it writes as a number, which may be somebody
 * else's.  Here both become nobody: InvalidOid, written as no text, which is no role's name.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "base/extension.h"

VMCLONE_FUNCTION_INFO(vmclone_role_id_in);
VMCLONE_FUNCTION_INFO(vmclone_role_id_out);

/* role_id_in(cstring) → role_id: the role of that name, as it is, without quotes */
Datum
vmclone_role_id_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(get_role_oid(PG_GETARG_CSTRING(0), true));
}

/* role_id_out(role_id) → cstring */
Datum
vmclone_role_id_out(PG_FUNCTION_ARGS)
{
	char *name = GetUserNameFromId(PG_GETARG_OID(0), true);

	PG_RETURN_CSTRING(name ? name : pstrdup(""));
}
