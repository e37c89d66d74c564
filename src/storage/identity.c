/*
 * identity.c
 *		Whether this database may run the jobs that its rows tell of.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"

#include "base/extension.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/frame.h"
#include "storage/identity.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/statement.h"
#include "base/uuid.h"

VMCLONE_FUNCTION_INFO(vmclone_guard_replicated_jobs);
VMCLONE_FUNCTION_INFO(vmclone_identity_state);

static Statement read_identity = {
	.sql = "SELECT system_identifier, timeline, database_oid::int8, token,"
		   " (written_at_lsn - '0/0'::pg_lsn)::int8 FROM vmclone.identity",
};

/* Columns of read_identity. */
enum
{
	IDENTITY_SYSTEM_IDENTIFIER = 1,
	IDENTITY_TIMELINE,
	IDENTITY_DATABASE_OID,
	IDENTITY_TOKEN,
	IDENTITY_WRITTEN_AT_LSN,
};

static Statement write_identity = {
	.sql = "INSERT INTO vmclone.identity"
		   " (system_identifier, timeline, database_oid, token, written_at_lsn)"
		   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (only_row) DO UPDATE SET"
		   " system_identifier = $1, timeline = $2, database_oid = $3, token = $4,"
		   " written_at_lsn = $5, adopted_at = clock_timestamp()",
	.argument_count = 5,
	.argument_types = {INT8OID, INT4OID, OIDOID, UUIDOID, LSNOID},
};

/* Also where there is no row yet. */
static Statement lock_identity = {
	.sql = "LOCK TABLE vmclone.identity IN SHARE ROW EXCLUSIVE MODE",
};

static Statement one_live_job = {
	.sql = "SELECT FROM vmclone.jobs"
		   " WHERE status NOT IN ('succeeded', 'failed', 'cancelled') LIMIT 1",
};

/* Domains carry the old token: they have to be attached again, taking them over. */
static Statement distrust_mounts = {
	.sql =
		"UPDATE vmclone.storage_mounts SET status = 'failed', error = '" IDENTITY_MOUNT_OF_ANOTHER
		"' WHERE token <> $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/*
 * A copy of the files has the mounts, too; a restored dump has none, and its rows may still be coming in, as a
 * subscriber's (pg_createsubscriber) for ever.
 */
static Statement one_mount_of_identity = {
	.sql =
		"SELECT FROM vmclone.storage_mounts m JOIN vmclone.identity i ON i.token = m.token"
		" WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d"
		"  ON d.oid = s.subdbid WHERE d.datname = current_database()) LIMIT 1",
};

static const char *const state_words[] = {
	[IDENTITY_OWN] = "own",
	[IDENTITY_NONE] = "none",
	[IDENTITY_OTHER_TIMELINE] = "other timeline",
	[IDENTITY_OTHER_DATABASE] = "other database",
	[IDENTITY_OTHER_SERVER] = "other server",
};

/*
 * Where the base backup began that this server was made from; invalid if it wasn't.  The server keeps
 * the backup's label under another name.  Such a server that is started without recovery to a point in
 * time or promotion has the timeline of the one that it is a copy of.
 */
static XLogRecPtr
base_backup_start(void)
{
	static bool known = false;
	static XLogRecPtr start = InvalidXLogRecPtr;
	uint32 high;
	uint32 low;
	FILE *label;

	if (known)
		return start;
	label = AllocateFile(BACKUP_LABEL_OLD, "r");
	if (label == NULL && errno != ENOENT)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not open file \"%s\": %m", BACKUP_LABEL_OLD)));
	if (label != NULL)
	{
		if (fscanf(label, "START WAL LOCATION: %X/%X", &high, &low) == 2)
			start = ((uint64) high << 32) | low;
		FreeFile(label);
	}
	known = true;
	return start;
}

IdentityState
identity_state(void)
{
	if (statement_run_latest(&read_identity, NULL, NULL) == 0)
		return IDENTITY_NONE;
	if ((uint64) field_int64(0, IDENTITY_SYSTEM_IDENTIFIER) != GetSystemIdentifier())
		return IDENTITY_OTHER_SERVER;
	if (field_int64(0, IDENTITY_DATABASE_OID) != MyDatabaseId)
		return IDENTITY_OTHER_DATABASE;
	if (!RecoveryInProgress() &&
		field_int64(0, IDENTITY_TIMELINE) != (int64) GetWALInsertionTimeLine())
		return IDENTITY_OTHER_TIMELINE;
	if (!RecoveryInProgress() &&
		base_backup_start() > (XLogRecPtr) field_int64(0, IDENTITY_WRITTEN_AT_LSN))
		return IDENTITY_OTHER_SERVER;
	return IDENTITY_OWN;
}

IdentityState
identity_state_locked(void)
{
	(void) statement_run(&lock_identity, NULL, NULL);
	return identity_state();
}

bool
identity_is_copy(IdentityState state)
{
	return state == IDENTITY_OTHER_DATABASE || state == IDENTITY_OTHER_SERVER;
}

const char *
identity_word(IdentityState state)
{
	return state_words[state];
}

const char *
identity_describe(IdentityState state)
{
	switch (state)
	{
		case IDENTITY_OWN:
			break;
		case IDENTITY_NONE:
			return "no storage domain was attached in this database yet";
		case IDENTITY_OTHER_TIMELINE:
			return "the server was promoted or recovered to a point in time";
		case IDENTITY_OTHER_DATABASE:
			return "the database was copied from another one of this server";
		case IDENTITY_OTHER_SERVER:
			return "the database was copied from another server";
	}
	return "the jobs are this database's own";
}

bool
identity_any_live_job(void)
{
	return statement_run_latest(&one_live_job, NULL, NULL) > 0;
}

static pg_uuid_t
stored_token(void)
{
	if (statement_run_latest(&read_identity, NULL, NULL) != 1)
		elog(ERROR, "vmclone.identity has no row");
	return field_uuid(0, IDENTITY_TOKEN);
}

bool
identity_owns_token(const char *token)
{
	pg_uuid_t own;
	IdentityState state = identity_state();

	if (state == IDENTITY_NONE || identity_is_copy(state))
		return false;
	own = stored_token();
	return strcmp(uuid_text(&own), token) == 0;
}

static void
make_own(const pg_uuid_t *token)
{
	Datum values[5] = {Int64GetDatum((int64) GetSystemIdentifier()),
					   Int32GetDatum((int32) GetWALInsertionTimeLine()),
					   ObjectIdGetDatum(MyDatabaseId), UUIDPGetDatum(token),
					   LSNGetDatum(GetXLogInsertRecPtr())};
	Datum token_value = UUIDPGetDatum(token);

	(void) statement_run(&write_identity, values, NULL);
	(void) statement_run(&distrust_mounts, &token_value, NULL);
}

/* A promoted server goes on with its domains; a copy gets a token that no domain knows yet. */
static pg_uuid_t
token_for(IdentityState state)
{
	return state == IDENTITY_OTHER_TIMELINE ? stored_token() : uuid_new();
}

void
identity_begin_anew(void)
{
	pg_uuid_t token = uuid_new();

	make_own(&token);
}

pg_uuid_t
identity_take_over(IdentityState state)
{
	pg_uuid_t token = token_for(state);

	make_own(&token);
	return token;
}

pg_uuid_t
identity_ensure(void)
{
	IdentityState state = identity_state();

	if (state != IDENTITY_OWN)
		state = identity_state_locked();
	if (state == IDENTITY_OWN)
		return stored_token();
	if (identity_any_live_job())
		ereport(ERROR, (errcode(ERRCODE_VC_IDENTITY),
						errmsg("jobs under way in this database are not its own"),
						errdetail("What happened: %s.", identity_describe(state)),
						errhint("%s", IDENTITY_ADOPT_HINT)));
	return identity_take_over(state);
}

bool
identity_waits_for_adopt(IdentityState state)
{
	return state != IDENTITY_OWN && state != IDENTITY_NONE && identity_any_live_job();
}

/* A copy of the database's files in which nothing is under way is a database of its own. */
static bool
is_idle_copy(IdentityState state)
{
	return identity_is_copy(state) && statement_run(&one_mount_of_identity, NULL, NULL) > 0 &&
		   !identity_any_live_job();
}

bool
identity_may_run(IdentityState *state)
{
	*state = identity_state();
	if (*state == IDENTITY_OWN || *state == IDENTITY_NONE)
		return *state == IDENTITY_OWN;
	*state = identity_state_locked();
	if (*state == IDENTITY_OTHER_TIMELINE &&
		(vmclone_resume_on_promotion || !identity_any_live_job()))
		ereport(LOG, (errmsg("vmclone goes on with the jobs of database %u after a promotion",
							 MyDatabaseId)));
	else if (is_idle_copy(*state))
		ereport(LOG,
				(errmsg("vmclone takes database %u for one of its own: %s, and no job is under way",
						MyDatabaseId, identity_describe(*state)),
				 errhint("Attach its storage domains again, with take_over => true where the other "
						 "database is gone for good.")));
	else
		return *state == IDENTITY_OWN;
	(void) identity_take_over(*state);
	*state = IDENTITY_OWN;
	return true;
}

/*
 * guard_replicated_jobs(): trigger, where a subscription applies rows.  They have no mark that tells
 * them from our own, and the worker would carry them out a second time, in the same domains.
 */
Datum
vmclone_guard_replicated_jobs(PG_FUNCTION_ARGS)
{
	IdentityState state;
	Frame frame;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "guard_replicated_jobs is a trigger function");
	/* a restore that leaves triggers out fires it, too */
	if (!IsLogicalWorker())
		return PointerGetDatum(NULL);
	SPI_connect();
	frame_enter_own(&frame);
	state = identity_state();
	frame_leave(&frame);
	SPI_finish();
	if (state == IDENTITY_OWN)
		ereport(ERROR,
				(errcode(ERRCODE_VC_IDENTITY),
				 errmsg("jobs of another database cannot be replicated into one that runs its own"),
				 errdetail("This database's worker would copy them a second time."),
				 errhint("Leave vmclone's tables out of the publication.")));
	return PointerGetDatum(NULL);
}

/* identity_state() → text: one of state_words. */
Datum
vmclone_identity_state(PG_FUNCTION_ARGS)
{
	IdentityState state;
	Frame frame;

	SPI_connect();
	frame_enter_own(&frame);
	state = identity_state();
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(identity_word(state)));
}
