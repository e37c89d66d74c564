/*
 * drop_refusal.c
 *		DROP EXTENSION, and whatever else takes the extension along, is refused while jobs are under way.
 *
 * With the rows would go what says which files are half made and which rows of the inventory are
 * locked.  The hook sees every way on which the table of jobs goes: DROP EXTENSION, DROP SCHEMA …
 * CASCADE, DROP OWNED, DROP LANGUAGE plpgsql CASCADE.  It is there in every session that has loaded the
 * library; the event trigger vmclone_refuse_drop loads it where it isn't preloaded.  The command holds the
 * table's lock by then, so that no call is open.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/binding.h"
#include "base/compat.h"
#include "job/drop_refusal.h"
#include "state/state_table.h"

static object_access_hook_type previous_hook = NULL;

/* By the words: a newer version's, which this library doesn't know, isn't over. */
static bool
is_over(const char *word)
{
	return strcmp(word, job_status_word(JOB_SUCCEEDED)) == 0 ||
		   strcmp(word, job_status_word(JOB_FAILED)) == 0 ||
		   strcmp(word, job_status_word(JOB_CANCELLED)) == 0;
}

/* A job that is not over, as text, or NULL.  No index and no plan: these may be gone already. */
static char *
live_job(Oid table_id)
{
	Relation table = table_open(table_id, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(table, NULL);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(table, snapshot, 0, NULL, SO_NONE);
	AttrNumber id = get_attnum(table_id, "job_id");
	AttrNumber status = get_attnum(table_id, "status");
	char *job = NULL;

	while (job == NULL && id > 0 && status > 0 &&
		   table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool is_null;
		char *word = TextDatumGetCString(slot_getattr(slot, status, &is_null));

		if (!is_over(word))
			job = DatumGetCString(DirectFunctionCall1(uuid_out, slot_getattr(slot, id, &is_null)));
		pfree(word);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(table, AccessShareLock);
	return job;
}

static bool
is_table_of_jobs(Oid table_id)
{
	char *name = get_rel_name(table_id);

	return name != NULL && strcmp(name, "jobs") == 0 &&
		   get_rel_namespace(table_id) == get_namespace_oid(VMCLONE_SCHEMA, true) &&
		   OidIsValid(getExtensionOfObject(RelationRelationId, table_id));
}

static void
at_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
	char *job;

	if (previous_hook)
		previous_hook(access, class_id, object_id, sub_id, argument);
	if (access != OAT_DROP || class_id != RelationRelationId || sub_id != 0 ||
		!is_table_of_jobs(object_id))
		return;
	job = live_job(object_id);
	if (job != NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("cannot drop extension \"vmclone\" while jobs are under way"),
						errdetail("Job %s is not over.", job),
						errhint("Wait for the jobs of view vmclone.jobs_view, or end them with "
								"vmclone.cancel_job; those of a copied database with "
								"vmclone.adopt('abandon').")));
}

void
drop_refusal_initialize(void)
{
	previous_hook = object_access_hook;
	object_access_hook = at_access;
}
