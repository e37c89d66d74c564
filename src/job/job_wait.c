/*
 * job_wait.c
 *		CALL wait_for_job(job_id, timeout): progress as NOTICEs, the job's reason as an error.
 *
 * Between two looks no snapshot is held where the procedure is called outside a transaction block,
 * so that a long wait doesn't keep vacuum from its work; inside one, looks see what is committed
 * meanwhile whatever the isolation level is.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/extension.h"
#include "base/caller.h"
#include "base/errors.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "state/state_table.h"
#include "storage/identity.h"
#include "wake/wake.h"

#define LOOK_INTERVAL_MS   100
#define NOTICE_INTERVAL_MS 1000
#define WORKER_INTERVAL_MS 2000

VMCLONE_FUNCTION_INFO(vmclone_wait_for_job);

static const char *const look_sql =
	"SELECT j.owner_role::oid::int8, j.status, COALESCE(j.reason, j.cleaning_error), j.reason_key, j.vm_name,"
	" COALESCE(sum(t.bytes_done), 0)::int8, COALESCE(sum(t.bytes_total), 0)::int8,"
	" COALESCE(sum(t.rate) FILTER (WHERE t.last_progress_at > clock_timestamp() - interval '10 s'), 0)::int8,"
	" COALESCE(sum(t.bytes_verified), 0)::int8, COALESCE(sum(t.bytes_to_verify), 0)::int8, j.requested,"
	" j.xmin::text = pg_current_xact_id_if_assigned()::xid::text AND j.status = 'queued'"
	" FROM vmclone.jobs j LEFT JOIN vmclone.async_tasks t ON t.job_id = j.job_id"
	" WHERE j.job_id = $1 GROUP BY j.job_id, j.xmin";

/* Columns of look_sql. */
enum
{
	LOOK_OWNER = 1,
	LOOK_STATUS,
	LOOK_REASON,
	LOOK_REASON_KEY,
	LOOK_VM_NAME,
	LOOK_BYTES_DONE,
	LOOK_BYTES_TOTAL,
	LOOK_RATE,
	LOOK_BYTES_VERIFIED,
	LOOK_BYTES_TO_VERIFY,
	LOOK_REQUESTED,
	LOOK_IS_OWN_INSERT,
};

typedef struct JobLook
{
	JobStatus status;
	char text[512]; /* what a NOTICE says */
	char *reason;   /* in the long-lived context, or NULL */
	char *reason_key;
	char *vm_name;
} JobLook;

static char *
keep(MemoryContext context, const char *text)
{
	return text != NULL ? MemoryContextStrdup(context, text) : NULL;
}

/* What a NOTICE says of the row that was read, the last thing that is taken from it. */
static void
describe(JobLook *look)
{
	const char *requested = field_text(0, LOOK_REQUESTED);
	int64 done = field_int64(0, LOOK_BYTES_DONE);
	int64 total = field_int64(0, LOOK_BYTES_TOTAL);
	int64 rate = field_int64(0, LOOK_RATE);
	int64 to_verify = field_int64(0, LOOK_BYTES_TO_VERIFY);
	IdentityState identity;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, job_status_word(look->status));
	if (requested != NULL)
		appendStringInfo(&text, " (%s requested)", requested);
	if (total > 0)
		appendStringInfo(&text, ", " INT64_FORMAT " %% of %.1f MiB", Min(done, total) * 100 / total,
						 total / 1048576.0);
	if (to_verify > 0)
		appendStringInfo(&text, ", " INT64_FORMAT " %% verified",
						 field_int64(0, LOOK_BYTES_VERIFIED) * 100 / to_verify);
	if (rate > 0)
		appendStringInfo(&text, ", %.1f MiB/s", rate / 1048576.0);
	if (look->reason != NULL)
		appendStringInfo(&text, ": %s", look->reason);
	identity = identity_state();
	if (identity != IDENTITY_OWN && identity != IDENTITY_NONE &&
		!state_in(look->status, JOB_IS_OVER))
		appendStringInfo(&text,
						 "; nothing is done until SELECT vmclone.adopt('resume' | 'abandon'): %s",
						 identity_describe(identity));
	strlcpy(look->text, text.data, sizeof(look->text));
	pfree(text.data);
}

/* What is committed now, in a snapshot of its own.  Needs an SPI connection. */
static void
take_look(const pg_uuid_t *job_id, MemoryContext context, JobLook *look)
{
	Oid types[1] = {UUIDOID};
	Datum value = UUIDPGetDatum(job_id);
	Caller caller;
	Frame frame;
	Oid owner;

	/* GetLatestSnapshot sees what others committed, also under REPEATABLE READ. */
	PushActiveSnapshot(GetLatestSnapshot());
	caller = caller_identify();
	frame_enter_own(&frame);
	if (SPI_execute_with_args(look_sql, 1, types, &value, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read job %s", uuid_text(job_id));
	if (SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_VC_NO_SUCH_JOB),
						errmsg("job %s does not exist", uuid_text(job_id)),
						errkey("JOB_DOES_NOT_EXIST"), errdetail("JOB_DOES_NOT_EXIST."),
						errhint("View vmclone.jobs_view lists the jobs.")));
	if (field_bool(0, LOOK_IS_OWN_INSERT))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("job %s was queued by this transaction", uuid_text(job_id)),
						errdetail("The worker sees it when the transaction is committed."),
						errhint("COMMIT first, then CALL vmclone.wait_for_job.")));
	owner = (Oid) field_int64(0, LOOK_OWNER);
	look->status = job_status_of_word(field_text(0, LOOK_STATUS));
	look->reason = keep(context, field_text(0, LOOK_REASON));
	look->reason_key = keep(context, field_text(0, LOOK_REASON_KEY));
	look->vm_name = keep(context, field_text(0, LOOK_VM_NAME));
	describe(look);
	frame_leave(&frame);
	caller_check_job(&caller, owner, job_id);
	PopActiveSnapshot();
}

static void
raise_failure(const pg_uuid_t *job_id, const JobLook *look)
{
	if (look->status == JOB_SUCCEEDED)
		return;
	ereport(ERROR, (errcode(ERRCODE_VC_JOB),
					errmsg("job %s %s: %s", uuid_text(job_id),
						   look->status == JOB_FAILED ? "failed" : "was cancelled",
						   look->reason ? look->reason : "no reason was recorded"),
					look->reason_key ? errkey(look->reason_key) : 0,
					errdetail("It was to make \"%s\"; what it had made is removed.", look->vm_name),
					errhint("SELECT * FROM vmclone.retry_job('%s') runs the call again.",
							uuid_text(job_id))));
}

/* CALL wait_for_job(job_id uuid, timeout interval); NULL waits for ever */
Datum
vmclone_wait_for_job(PG_FUNCTION_ARGS)
{
	bool atomic = !(fcinfo->context && IsA(fcinfo->context, CallContext) &&
					!castNode(CallContext, fcinfo->context)->atomic);
	MemoryContext context;
	pg_uuid_t job_id;
	TimestampTz until = 0;
	TimestampTz told_at = 0;
	TimestampTz worker_seen_at = GetCurrentTimestamp();
	bool warned = false;
	char told[sizeof(((JobLook *) 0)->text)] = "";

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("job_id must not be null"),
						errhint("View vmclone.jobs_view lists the jobs.")));
	job_id = *PG_GETARG_UUID_P(0);
	if (!PG_ARGISNULL(1))
		until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
														TimestampTzGetDatum(GetCurrentTimestamp()),
														PG_GETARG_DATUM(1)));
	/* Survives the commits below. */
	context = AllocSetContextCreate(PortalContext, "vmclone wait", ALLOCSET_SMALL_SIZES);
	for (;;)
	{
		TimestampTz now;
		JobLook look;

		MemoryContextReset(context);
		/* A connection for each look: what it allocates would add up over days. */
		if (SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
			elog(ERROR, "could not connect to SPI");
		take_look(&job_id, context, &look);
		now = GetCurrentTimestamp();
		if (strcmp(told, look.text) != 0 &&
			(state_in(look.status, JOB_IS_OVER) ||
			 TimestampDifferenceExceeds(told_at, now, NOTICE_INTERVAL_MS)))
		{
			ereport(NOTICE, (errmsg("job %s: %s", uuid_text(&job_id), look.text)));
			strlcpy(told, look.text, sizeof(told));
			told_at = now;
		}
		if (state_in(look.status, JOB_IS_OVER))
		{
			raise_failure(&job_id, &look);
			SPI_finish();
			break;
		}
		if (look.status == JOB_HELD)
			ereport(ERROR, (errcode(ERRCODE_VC_JOB),
							errmsg("job %s is held: %s", uuid_text(&job_id),
								   look.reason ? look.reason : "no reason was recorded"),
							errhint("Mend the cause and use retry_job, or use cancel_job.")));
		if (until != 0 && now >= until)
			ereport(ERROR, (errcode(ERRCODE_VC_WAIT_TIMEOUT), errkey("JOB_IS_NOT_OVER"),
							errmsg("job %s is not over yet: %s", uuid_text(&job_id), look.text),
							errhint("The job goes on; wait longer, or look at view "
									"vmclone.progress.")));
		/* a server that was started anew starts workers only where the library is preloaded */
		if (!warned && !RecoveryInProgress() && look.status != JOB_PAUSED &&
			TimestampDifferenceExceeds(worker_seen_at, now, WORKER_INTERVAL_MS))
		{
			warned = !wake_worker_now();
			worker_seen_at = now;
		}
		if (!atomic)
			SPI_commit();
		SPI_finish();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_INTERVAL_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	PG_RETURN_VOID();
}
