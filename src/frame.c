/*
 * frame.c
 *		As whom, and with which search_path, statements run.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"

#include "frame.h"
#include "statement.h"

static Statement current_inventory = {
	.sql = "SELECT schema_name::text, owner::text FROM vmclone.current_inventory()",
};

static Oid
extension_owner(void)
{
	Relation relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid owner;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("vmclone"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("extension \"vmclone\" does not exist in this database"),
						errhint("Run CREATE EXTENSION vmclone.")));
	owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return owner;
}

static void
enter(Frame *frame, Oid user_id, int restriction, const char *search_path)
{
	GetUserIdAndSecContext(&frame->user_id, &frame->security_context);
	frame->settings_level = NewGUCNestLevel();
	SetUserIdAndSecContext(user_id,
						   frame->security_context | SECURITY_LOCAL_USERID_CHANGE | restriction);
	(void) set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
frame_enter_own(Frame *frame)
{
	enter(frame, extension_owner(), 0, "pg_catalog, pg_temp");
}

/*
 * The bound inventory, as it was found in the statement that the client is running: a call enters
 * dozens of frames, and the choice can't change under it.
 */
static struct
{
	TimestampTz statement_start;
	char schema[NAMEDATALEN];
	Oid owner;
} bound_inventory;

static void
look_up_inventory(void)
{
	TimestampTz statement_start = GetCurrentStatementStartTimestamp();
	Frame own;

	if (bound_inventory.statement_start == statement_start)
		return;
	bound_inventory.statement_start = 0;
	frame_enter_own(&own);
	statement_run_one_row(&current_inventory, NULL, NULL);
	strlcpy(bound_inventory.schema, field_text(0, 1), NAMEDATALEN);
	bound_inventory.owner = get_role_oid(field_text(0, 2), false);
	frame_leave(&own);
	bound_inventory.statement_start = statement_start;
}

void
frame_enter_inventory(Frame *frame)
{
	look_up_inventory();
	enter(frame, bound_inventory.owner, SECURITY_RESTRICTED_OPERATION,
		  psprintf("pg_catalog, %s, vmclone_absent, pg_temp",
				   quote_identifier(bound_inventory.schema)));
}

void
frame_leave(const Frame *frame)
{
	AtEOXact_GUC(false, frame->settings_level);
	SetUserIdAndSecContext(frame->user_id, frame->security_context);
}

char *
frame_inventory_schema(void)
{
	look_up_inventory();
	return pstrdup(bound_inventory.schema);
}
