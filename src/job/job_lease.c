/*
 * job_lease.c
 *		Tasks whose copier may still write.
 *
 * A connection that has gone says nothing of the copier behind it.  It ends by itself when its lease is over, which counts from
 * when this worker last told it its own clock (storage_remote.c).  Clocks here are those that no one sets: a worker that starts
 * counts anew, since it doesn't know when the one before it was last heard.
 */
#include "postgres.h"

#include "base/statement.h"
#include "catalog/pg_type.h"
#include "base/uuid.h"
#include "job/job_lease.h"
#include "storage/storage_remote.h"
#include "utils/memutils.h"

/*
 * A lone machine's copiers can't outlive it, and their outputs are locked.  After a promotion rows may lack what was given to
 * hosts last.
 */
static Statement leased_tasks = {
	.sql =
		"SELECT t.task_id, COALESCE(t.lease, extract(epoch FROM"
		" current_setting('vmclone.copy_lease')::interval)::integer), t.storage_domain_id::text, COALESCE(t.host_name, ''),"
		" EXISTS (SELECT FROM vmclone.storage_mounts m WHERE m.storage_domain_id = t.storage_domain_id AND m.kind = 'block')"
		" FROM vmclone.async_tasks t WHERE t.result IS NULL"
		" AND EXISTS (SELECT FROM vmclone.hosts h WHERE h.address IS NOT NULL)"
		" AND (t.lease IS NOT NULL OR EXISTS (SELECT FROM vmclone.identity i"
		" WHERE i.adopted_at > clock_timestamp() - 2 * current_setting('vmclone.copy_lease')::interval))",
};

/* Columns of leased_tasks. */
enum
{
	LEASED_TASK_ID = 1,
	LEASED_SECONDS,
	LEASED_DOMAIN_ID,
	LEASED_HOST_NAME,
	LEASED_IN_GROUP,
};

typedef struct HeldTask
{
	pg_uuid_t task_id;
	int64 until;        /* storage_clock() */
	bool changes_group; /* its host may be changing the volume group of its domain */
	char domain_id[37];
	char host_name[FLEXIBLE_ARRAY_MEMBER];
} HeldTask;

static List *held_tasks = NIL; /* HeldTask * */

static void
hold(const pg_uuid_t *task_id, int64 until, bool changes_group, const char *domain_id,
	 const char *host_name)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	HeldTask *held = palloc(offsetof(HeldTask, host_name) + strlen(host_name) + 1);

	held->task_id = *task_id;
	held->until = until;
	held->changes_group = changes_group;
	strlcpy(held->domain_id, domain_id, sizeof(held->domain_id));
	strcpy(held->host_name, host_name);
	held_tasks = lappend(held_tasks, held);
	MemoryContextSwitchTo(old);
}

bool
job_lease_is_over(const JobRun *run)
{
	return run->command == NULL || storage_gone_at(run->command) == 0;
}

void
job_lease_hold(const JobRun *run, bool changes_group)
{
	if ((run->kind == RUN_COPY || run->kind == RUN_CLEAN) && !job_lease_is_over(run))
		hold(&run->task.task_id, storage_gone_at(run->command), changes_group,
			 job_run_target(run)->id, run->host.name);
}

bool
job_lease_holds_group(const char *domain_id, const char *host_name)
{
	int64 now = storage_clock();
	ListCell *cell;

	foreach (cell, held_tasks)
	{
		const HeldTask *held = lfirst(cell);

		if (held->changes_group && held->until > now && strcmp(held->domain_id, domain_id) == 0 &&
			strcmp(held->host_name, host_name) != 0)
			return true;
	}
	return false;
}

void
job_lease_load(void)
{
	uint64 rows = statement_run(&leased_tasks, NULL, NULL);
	int64 now = storage_clock();

	list_free_deep(held_tasks);
	held_tasks = NIL;
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t task_id = field_uuid(row, LEASED_TASK_ID);
		int lease = field_int64(row, LEASED_SECONDS);

		hold(&task_id, now + (int64) (lease + storage_lease_margin(lease)) * 1000,
			 field_bool(row, LEASED_IN_GROUP), field_text(row, LEASED_DOMAIN_ID),
			 field_text(row, LEASED_HOST_NAME));
	}
}

Datum *
job_lease_held(int room, int *count)
{
	int64 now = storage_clock();
	Datum *ids = palloc(sizeof(Datum) * (list_length(held_tasks) + room + 1));
	ListCell *cell;

	*count = 0;
	foreach (cell, held_tasks)
	{
		HeldTask *held = lfirst(cell);

		if (held->until > now)
			ids[(*count)++] = UUIDPGetDatum(&held->task_id);
		else
		{
			held_tasks = foreach_delete_current(held_tasks, cell);
			pfree(held);
		}
	}
	return ids;
}
