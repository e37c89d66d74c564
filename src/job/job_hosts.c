/*
 * job_hosts.c
 *		Whether the hosts that copies run on answer.
 */
#include "postgres.h"

#include <signal.h>

#include "base/statement.h"
#include "catalog/pg_type.h"
#include "job/job_hosts.h"
#include "job/job_transaction.h"
#include "storage/storage_command.h"
#include "storage/storage_remote.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Milliseconds before a host is asked again: they double with every failure. */
#define FIRST_DELAY_MS 2000
#define MAX_DELAY_MS   30000

static Statement hosts = {
	.sql = "SELECT host_name, address, status FROM vmclone.hosts WHERE address IS NOT NULL",
};

/* Columns of hosts. */
enum
{
	HOST_NAME = 1,
	HOST_ADDRESS,
	HOST_STATUS,
};

/* What is known of a host; lives as long as its row. */
typedef struct HostState
{
	MemoryContext context; /* of this and its texts */
	StorageHost host;
	bool is_there;   /* its row was seen by the last pass */
	bool needs_look; /* it is down, or new */

	MemoryContext probe_context;
	StorageCommand *probe; /* that asks it now; NULL: none */
	TimestampTz probe_at;  /* not before */
	int failures;          /* in a row */

	bool is_found; /* what follows is to be written */
	char *version;
	char *error; /* NULL: it answers */
} HostState;

static List *states = NIL; /* HostState * */

static HostState *
find_state(const char *name)
{
	ListCell *cell;

	foreach (cell, states)
		if (strcmp(((HostState *) lfirst(cell))->host.name, name) == 0)
			return lfirst(cell);
	return NULL;
}

static void
end_probe(HostState *state)
{
	if (state->probe == NULL)
		return;
	storage_command_free(state->probe);
	state->probe = NULL;
	MemoryContextDelete(state->probe_context);
}

static void
forget(HostState *state)
{
	end_probe(state);
	states = list_delete_ptr(states, state);
	MemoryContextDelete(state->context);
}

static HostState *
make_state(const char *name, const char *address)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "vmclone host", ALLOCSET_SMALL_SIZES);
	StorageHost host = {(char *) name, (char *) address};
	MemoryContext old = MemoryContextSwitchTo(context);
	HostState *state = palloc0(sizeof(HostState));

	state->context = context;
	state->host = storage_host_copy(&host);
	MemoryContextSwitchTo(TopMemoryContext);
	states = lappend(states, state);
	MemoryContextSwitchTo(old);
	return state;
}

static char *
keep_text(HostState *state, char *earlier, const char *text)
{
	if (earlier != NULL)
		pfree(earlier);
	return text != NULL ? MemoryContextStrdup(state->context, text) : NULL;
}

static void
found(HostState *state, const char *version, const char *error)
{
	int64 delay = FIRST_DELAY_MS;

	for (int i = 0; i < state->failures && delay < MAX_DELAY_MS; i++)
		delay *= 2;
	state->failures = error != NULL ? state->failures + 1 : 0;
	state->probe_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), Min(delay, MAX_DELAY_MS));
	state->version = keep_text(state, state->version, version);
	state->error = keep_text(state, state->error, error);
	state->is_found = true;
}

void
job_host_failed(const char *name, const char *error)
{
	HostState *state = find_state(name);

	if (state != NULL)
		found(state, NULL, error);
}

static void
take_rows(uint64 rows)
{
	ListCell *cell;

	foreach (cell, states)
		((HostState *) lfirst(cell))->is_there = false;
	for (uint64 row = 0; row < rows; row++)
	{
		const char *name = field_text(row, HOST_NAME);
		const char *address = field_text(row, HOST_ADDRESS);
		HostState *state = find_state(name);

		if (state != NULL && strcmp(state->host.address, address) != 0)
		{
			forget(state);
			state = NULL;
		}
		if (state == NULL)
			state = make_state(name, address);
		state->is_there = true;
		state->needs_look = strcmp(field_text(row, HOST_STATUS), "up") != 0;
	}
	foreach (cell, list_copy(states))
		if (!((HostState *) lfirst(cell))->is_there)
			forget(lfirst(cell));
}

static void
write_and_read(void *argument)
{
	ListCell *cell;

	foreach (cell, states)
	{
		const HostState *state = lfirst(cell);

		if (state->is_found)
			storage_host_write(state->host.name, state->version, state->error);
	}
	take_rows(statement_run(&hosts, NULL, NULL));
}

static void
begin_probe(HostState *state)
{
	MemoryContext old;
	char *error;

	state->probe_context =
		AllocSetContextCreate(TopMemoryContext, "vmclone host probe", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(state->probe_context);
	state->probe = storage_command_start(&state->host, NIL, 0, 0, &error);
	MemoryContextSwitchTo(old);
	if (state->probe != NULL)
		return;
	found(state, NULL, error);
	MemoryContextDelete(state->probe_context);
}

void
job_hosts_follow(void)
{
	ListCell *cell;

	if (job_transaction(write_and_read, NULL) != NULL)
		return;
	foreach (cell, states)
	{
		HostState *state = lfirst(cell);

		state->is_found = false;
		if (state->needs_look && state->probe == NULL && state->probe_at <= GetCurrentTimestamp())
			begin_probe(state);
	}
}

static void
drop_line(const char *line, void *argument)
{
}

bool
job_hosts_attend(void)
{
	bool any = false;
	ListCell *cell;

	foreach (cell, states)
	{
		HostState *state = lfirst(cell);

		if (state->probe == NULL)
			continue;
		storage_command_read(state->probe, drop_line, NULL);
		if (!storage_command_finished(state->probe))
			continue;
		found(state, state->probe->version, storage_remote_fault(state->probe));
		end_probe(state);
		any = true;
	}
	return any;
}

List *
job_hosts_commands(void)
{
	List *commands = NIL;
	ListCell *cell;

	foreach (cell, states)
		if (((HostState *) lfirst(cell))->probe != NULL)
			commands = lappend(commands, ((HostState *) lfirst(cell))->probe);
	return commands;
}

void
job_hosts_kill_all(void)
{
	ListCell *cell;

	foreach (cell, states)
		if (((HostState *) lfirst(cell))->probe != NULL)
			storage_command_kill(((HostState *) lfirst(cell))->probe, SIGKILL);
}
