/*
 * job_claim_copy.c
 *		Which copy is next.
 *
 * The first copy of a call reads the source's chain.  The other copies wait until its image of the same disk
 * is finished and read that (job_source.c); when it fails or pauses, they read the chain themselves.
 */
#include "postgres.h"

#include "base/arrays.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "catalog/pg_type.h"
#include "contract/copier_protocol.h"
#include "job/job_block.h"
#include "job/job_claim.h"
#include "job/job_claim_internal.h"
#include "job/job_lease.h"
#include "job/job_place.h"
#include "job/job_run.h"
#include "job/job_source.h"
#include "job/job_state.h"
#include "job/job_step.h"
#include "job/job_transaction.h"
#include "storage/storage_files.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A search through a long queue that finds nothing takes at most one part in this of the time; at most µs between two. */
#define SEARCH_SHARE     50
#define MAX_SEARCH_PAUSE (10 * USECS_PER_SEC)

/*
 * A copy whose image another copy of its call is about to make waits for it: the first one that the
 * call had, which is looked up by its key, or, where none is there to be read, any with a lower number.
 * Live copies are looked at in the order of their numbers, by jobs_call_live: the maker is among the first.  LATERAL
 * with LIMIT keeps that order; of a plain join the planner makes one that looks at all of them for each copy.
 */
#define MAY_BEGIN                                                                                  \
	"CASE WHEN t.read_from_task IS NULL THEN true"                                                 \
	" WHEN EXISTS (SELECT FROM vmclone.async_tasks e JOIN vmclone.jobs ej ON ej.job_id = e.job_id" \
	"  WHERE e.task_id = t.read_from_task AND e.result IS NULL"                                    \
	"  AND ej.status IN ('queued', 'running')) THEN false"                                         \
	" WHEN EXISTS (SELECT FROM (SELECT ej.job_id FROM vmclone.jobs ej"                             \
	"   WHERE ej.call_id = j.call_id AND ej.status NOT IN ('succeeded', 'failed', 'cancelled')"    \
	"   AND ej.status IN ('queued', 'running', 'paused', 'waiting', 'finishing')"                  \
	"   ORDER BY ej.copy_number) m CROSS JOIN LATERAL (SELECT FROM vmclone.async_tasks e"          \
	"   WHERE e.job_id = m.job_id AND e.disk_number = t.disk_number AND e.result = 'success'"      \
	"   LIMIT 1) e) THEN true"                                                                     \
	" ELSE NOT EXISTS (SELECT FROM (SELECT ej.job_id FROM vmclone.jobs ej"                         \
	"   WHERE ej.call_id = j.call_id AND ej.copy_number < j.copy_number"                           \
	"   AND ej.status NOT IN ('succeeded', 'failed', 'cancelled')"                                 \
	"   AND ej.status IN ('queued', 'running') ORDER BY ej.copy_number) m"                         \
	"  CROSS JOIN LATERAL (SELECT FROM vmclone.async_tasks e WHERE e.job_id = m.job_id"            \
	"   AND e.disk_number = t.disk_number AND e.result IS NULL LIMIT 1) e) END"

/*
 * The next task of the jobs that a condition lets begin: the first of them, by an index, that has one.
 * $1 targets of the copies that run, $2 and $3 targets and sources of stalled ones, $4 copies that an
 * owner may have at once, $5 owners of the copies that run, $6 hosts that may get a copy, $7 tasks whose
 * copier may still be there.  OFFSET 0: what costs more is asked of those alone that have a place.
 */
#define NEXT_TASK(condition)                                                                              \
	"SELECT t.task_id, t.job_id, t.layers, t.disk_id, t.image_id, t.storage_domain_id,"                   \
	" t.volume_format, t.volume_type, t.copy_volume_type, t.virtual_size, t.description,"                 \
	" j.verify, t.bytes_done, t.disk_number, t.read_from_task IS NOT NULL, t.disk_alias,"                 \
	" t.attempts, t.bytes_total, j.bandwidth_limit, t.domain_limit, j.owner_role::text,"                  \
	" j.priority, j.created_at, j.copy_number, t.host_name"                                               \
	" FROM vmclone.jobs j CROSS JOIN LATERAL (SELECT t.* FROM"                                            \
	" (SELECT t.*, m.bandwidth_limit AS domain_limit"                                                     \
	"  FROM vmclone.async_tasks t"                                                                        \
	"  LEFT JOIN LATERAL (SELECT m.max_copies, m.bandwidth_limit FROM vmclone.storage_mounts m"           \
	"   WHERE m.storage_domain_id = t.storage_domain_id LIMIT 1) m ON true"                               \
	"  WHERE t.job_id = j.job_id AND t.status = 'init' AND t.result IS NULL"                              \
	"  AND (t.next_attempt_at IS NULL OR t.next_attempt_at <= clock_timestamp())"                         \
	"  AND (m.max_copies IS NULL OR m.max_copies >"                                                       \
	"  (SELECT count(*) FROM unnest($1) target WHERE target = t.storage_domain_id))"                      \
	"  AND NOT EXISTS (SELECT FROM unnest($2, $3) AS stalled (target, source)"                            \
	"  WHERE stalled.target = t.storage_domain_id"                                                        \
	"  AND stalled.source = COALESCE(t.source_storage_domain_id, t.storage_domain_id)) OFFSET 0) t"       \
	"  WHERE " SQL_TASK_CAN_BE_PLACED(                                                                    \
		"$6",                                                                                             \
		"$7") "  AND " MAY_BEGIN " ORDER BY t.disk_number LIMIT 1) t"                                     \
			  " WHERE " condition " AND j.requested IS NULL AND ($4 = 0 OR $4 >"                          \
			  " (SELECT count(*) FROM unnest($5) AS busy (owner) WHERE busy.owner = j.owner_role::text))" \
			  " ORDER BY j.priority DESC, j.created_at, j.copy_number LIMIT 1 FOR UPDATE OF j SKIP LOCKED"

#define NEXT_TASK_ARGUMENTS                                                                        \
	.argument_count = 7, .argument_types = {UUIDARRAYOID, UUIDARRAYOID, UUIDARRAYOID, INT8OID,     \
											TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID}

static Statement next_startable = {
	.sql = NEXT_TASK("j.status IN ('queued', 'running')"),
	NEXT_TASK_ARGUMENTS,
};

static Statement next_waiting = {
	.sql = NEXT_TASK("j.status = 'waiting' AND j.next_attempt_at <= clock_timestamp()"),
	NEXT_TASK_ARGUMENTS,
};

/* Columns of NEXT_TASK. */
enum
{
	TASK_TASK_ID = 1,
	TASK_JOB_ID,
	TASK_LAYERS,
	TASK_DISK_ID,
	TASK_IMAGE_ID,
	TASK_STORAGE_DOMAIN_ID,
	TASK_VOLUME_FORMAT,
	TASK_VOLUME_TYPE,
	TASK_COPY_VOLUME_TYPE,
	TASK_VIRTUAL_SIZE,
	TASK_DESCRIPTION,
	TASK_VERIFY,
	TASK_BYTES_DONE,
	TASK_DISK_NUMBER,
	TASK_READS_COPY,
	TASK_DISK_ALIAS,
	TASK_ATTEMPTS,
	TASK_BYTES_TOTAL,
	TASK_JOB_LIMIT,
	TASK_DOMAIN_LIMIT,
	TASK_OWNER,
	TASK_PRIORITY,
	TASK_CREATED_AT,
	TASK_COPY_NUMBER,
	TASK_HOST_NAME,
};

/* Target domains of the copies that run, each as often as it is written to. */
static Datum
targets_of_runs(void)
{
	Datum *ids = palloc(sizeof(Datum) * (list_length(job_runs_list) + 1));
	int count = 0;
	ListCell *cell;

	foreach (cell, job_runs_list)
		if (job_run_active(lfirst(cell)))
		{
			const RunDomain *target = job_run_target(lfirst(cell));

			ids[count++] = DirectFunctionCall1(uuid_in, CStringGetDatum(target->id));
		}
	return array_of_datums(ids, count, UUIDOID);
}

/* Owners of the copies that run, each as often as it has one. */
static Datum
owners_of_runs(void)
{
	const char **owners = palloc(sizeof(char *) * (list_length(job_runs_list) + 1));
	int count = 0;
	ListCell *cell;

	foreach (cell, job_runs_list)
		if (job_run_active(lfirst(cell)))
			owners[count++] = ((JobRun *) lfirst(cell))->owner;
	return array_of_texts(owners, count);
}

static Datum
held_tasks(void)
{
	int count;
	Datum *ids = job_lease_held(0, &count);

	return array_of_datums(ids, count, UUIDOID);
}

/*
 * Where copies stall, others would stall too: the places that stalled copies have given up are for copies
 * between other domains.  Target and source of each stalled copy; none while there are places enough.
 */
static void
stalled_domains(Datum *targets, Datum *sources)
{
	int room = list_length(job_runs_list) + 1;
	Datum *target_ids = palloc(sizeof(Datum) * room);
	Datum *source_ids = palloc(sizeof(Datum) * room);
	bool short_of_places = job_runs_active() + job_runs_stalled() >= vmclone_max_parallel_copies;
	int count = 0;
	ListCell *cell;

	foreach (cell, job_runs_list)
	{
		const JobRun *run = lfirst(cell);
		const RunDomain *source;

		if (!short_of_places || !job_run_stalled(run))
			continue;
		source = llast(run->domains);
		target_ids[count] = DirectFunctionCall1(uuid_in, CStringGetDatum(job_run_target(run)->id));
		source_ids[count++] = DirectFunctionCall1(uuid_in, CStringGetDatum(source->id));
	}
	*targets = array_of_datums(target_ids, count, UUIDOID);
	*sources = array_of_datums(source_ids, count, UUIDOID);
}

/* Is the row of the first result before the one of the order given? */
static bool
comes_before(int64 priority, TimestampTz created_at, int64 copy_number)
{
	if (field_int64(0, TASK_PRIORITY) != priority)
		return field_int64(0, TASK_PRIORITY) > priority;
	if (field_timestamp(0, TASK_CREATED_AT) != created_at)
		return field_timestamp(0, TASK_CREATED_AT) < created_at;
	return field_int64(0, TASK_COPY_NUMBER) < copy_number;
}

/* Finds the next task, of a job that has its turn or of one that has waited long enough.  False: none. */
static bool
find_task(bool any_waiting)
{
	Datum values[7] = {targets_of_runs()};
	int64 priority;
	TimestampTz created_at;
	int64 copy_number;

	stalled_domains(&values[1], &values[2]);
	values[3] = Int64GetDatum(vmclone_max_copies_per_owner);
	values[4] = owners_of_runs();
	values[5] = job_free_hosts();
	values[6] = held_tasks();
	if (!any_waiting || statement_run(&next_waiting, values, NULL) == 0)
		return statement_run(&next_startable, values, NULL) > 0;
	priority = field_int64(0, TASK_PRIORITY);
	created_at = field_timestamp(0, TASK_CREATED_AT);
	copy_number = field_int64(0, TASK_COPY_NUMBER);
	if (statement_run(&next_startable, values, NULL) > 0 &&
		comes_before(priority, created_at, copy_number))
		return true;
	return statement_run(&next_waiting, values, NULL) > 0;
}

/* In a directory domain the new image gets a name that people know it by. */
static void
choose_file_name(JobRun *run, const JobRow *job, const pg_uuid_t *domain_id)
{
	pg_uuid_t image_id;

	if (!uuid_parse_text(run->image_id, &image_id))
		elog(ERROR, "image id of a task is no uuid");
	run->file_name =
		job_claim_keep(run, storage_file_name(&image_id, domain_id, job->vm_name, run->disk_alias,
											  strcmp(run->volume_format, COPIER_WORD_RAW) == 0));
}

static void
claim_copy(void *argument)
{
	Claim *claim = argument;
	JobRun *run;
	JobRow job;
	Jsonb *layers;
	RunDomain *target;
	pg_uuid_t domain_id;
	char *problem;
	int disk_number;
	bool may_read;

	if (!find_task(claim->any_waiting))
		return;
	run = claim->run = job_run_make(RUN_COPY);
	run->task.task_id = field_uuid(0, TASK_TASK_ID);
	run->job_id = field_uuid(0, TASK_JOB_ID);
	layers = field_jsonb(0, TASK_LAYERS);
	run->disk_id = job_claim_keep(run, field_text(0, TASK_DISK_ID));
	run->image_id = job_claim_keep(run, field_text(0, TASK_IMAGE_ID));
	domain_id = field_uuid(0, TASK_STORAGE_DOMAIN_ID);
	run->volume_format = job_claim_keep(run, field_text(0, TASK_VOLUME_FORMAT));
	run->volume_type = job_claim_keep(run, field_text(0, TASK_VOLUME_TYPE));
	run->copy_volume_type = job_claim_keep(run, field_text(0, TASK_COPY_VOLUME_TYPE));
	run->virtual_size = field_int64(0, TASK_VIRTUAL_SIZE);
	run->description = job_claim_keep(run, field_text(0, TASK_DESCRIPTION));
	run->verify = field_bool(0, TASK_VERIFY);
	run->bytes_best = run->bytes_done = run->bytes_written = field_int64(0, TASK_BYTES_DONE);
	disk_number = field_int64(0, TASK_DISK_NUMBER);
	may_read = field_bool(0, TASK_READS_COPY);
	run->disk_alias = job_claim_keep(run, field_text(0, TASK_DISK_ALIAS));
	run->owner = job_claim_keep(run, field_text(0, TASK_OWNER));
	run->attempts = field_int64(0, TASK_ATTEMPTS);
	run->bytes_total = field_int64(0, TASK_BYTES_TOTAL);
	run->job_limit = field_int64(0, TASK_JOB_LIMIT);
	run->domain_limit = field_int64(0, TASK_DOMAIN_LIMIT);
	run->earlier_host = job_claim_keep(run, field_text(0, TASK_HOST_NAME));

	if (!job_lock(&run->job_id, &job))
		elog(ERROR, "row of job %s is locked, but can't be read", uuid_text(&run->job_id));
	claim->claimed = true;
	problem = job_run_add_domain(run, &domain_id, &job.storage_pool_id, &target);
	if (problem == NULL)
		problem = job_run_choose_source(run, &job, layers, disk_number, may_read);
	if (problem == NULL)
		(void) job_run_place(run, &problem);
	if (problem != NULL)
	{
		job_set_waiting(&job, "storage_domain",
						psprintf("disk \"%s\" (%s): %s", run->disk_alias, run->disk_id, problem));
		MemoryContextDelete(run->context);
		claim->run = NULL;
		return;
	}
	if (target->place.files_path != NULL)
		choose_file_name(run, &job, &domain_id);
	task_set_running(&run->task, run->host.name, vmclone_copy_lease, job_block_is_touched(run));
	job_set_running(&job);
}

/* Claims of one transaction. */
typedef struct ClaimList
{
	MemoryContext context;
	Claim claim; /* the one that is being made */
	bool claimed;
	List *runs;
} ClaimList;

static bool
may_claim_more(int claims)
{
	return claims < CLAIMS_A_PASS && job_runs_active() < vmclone_max_parallel_copies;
}

/* A run counts for the next claim as soon as it is made. */
static void
claim_copies(void *argument)
{
	ClaimList *list = argument;

	for (int claims = 0; may_claim_more(claims); claims++)
	{
		MemoryContext old;

		list->claim.claimed = false;
		claim_copy(&list->claim);
		if (!list->claim.claimed)
			break;
		list->claimed = true;
		if (list->claim.run == NULL)
			continue;
		old = MemoryContextSwitchTo(list->context);
		list->runs = lappend(list->runs, list->claim.run);
		MemoryContextSwitchTo(old);
		job_run_add(list->claim.run);
		list->claim.run = NULL;
	}
}

/* All at once.  False: something stands in the way of one of them, and nothing was claimed. */
static bool
claim_together(bool any_waiting, bool *any)
{
	ClaimList list = {CurrentMemoryContext, {NULL, false, any_waiting}, false, NIL};
	bool done = job_transaction(claim_copies, &list) == NULL;
	ListCell *cell;

	if (list.claim.run != NULL)
		MemoryContextDelete(list.claim.run->context);

	foreach (cell, list.runs)
	{
		if (done)
			job_run_step(lfirst(cell));
		else
			job_run_remove(lfirst(cell));
	}
	*any = done && list.claimed;
	return done;
}

bool
job_claim_next(bool any_waiting, bool something_new)
{
	/* what was looked through in vain is looked through again at once only when something has changed */
	static TimestampTz search_again_at = 0;
	TimestampTz begun = GetCurrentTimestamp();
	bool any = false;

	if (!may_claim_more(0) || (!something_new && begun < search_again_at))
		return false;
	if (!claim_together(any_waiting, &any))
		for (int claims = 0; may_claim_more(claims) && job_claim_one(claim_copy, any_waiting);
			 claims++)
			any = true;
	search_again_at =
		any ? 0 : begun + Min((GetCurrentTimestamp() - begun) * SEARCH_SHARE, MAX_SEARCH_PAUSE);
	return any;
}
