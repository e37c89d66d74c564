/*
 * storage_remote.c
 *		A copier on another host, and a copier's lease.
 */
#include "postgres.h"

#include <time.h>

#include "base/extension.h"
#include "base/settings.h"
#include "contract/copier_protocol.h"
#include "storage/storage_remote.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MS_PER_SECOND 1000

/* Seconds at least. */
#define LEASE_MARGIN 5

#define FIELD(name)       "\"" name "\":"
#define EVENT(name)       "{" FIELD(COPIER_FIELD_EVENT) "\"" name "\""
#define IS_EVENT(line, e) (strncmp((line), EVENT(e), strlen(EVENT(e))) == 0)

int64
storage_clock(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		elog(ERROR, "could not read the clock: %m");
	return (int64) now.tv_sec * MS_PER_SECOND + now.tv_nsec / 1000000;
}

List *
storage_lease_arguments(int lease, int64 clock)
{
	if (lease == 0)
		return NIL;
	return list_make4("--" COPIER_OPTION_LEASE, psprintf("%d", lease), "--" COPIER_OPTION_BEAT,
					  psprintf(INT64_FORMAT, clock));
}

int
storage_lease_margin(int lease)
{
	return Max(lease / 4, LEASE_MARGIN);
}

/* The arguments as the far end reads them; a lease counts from the clock that it told when it was ready. */
static void
write_request(const StorageCommand *command, int64 clock, StringInfo reply)
{
	List *arguments =
		list_concat(storage_lease_arguments(command->lease, clock), list_copy(command->request));
	StringInfoData body;
	ListCell *cell;

	initStringInfo(&body);
	foreach (cell, arguments)
		appendBinaryStringInfo(&body, lfirst(cell), strlen(lfirst(cell)) + 1);
	appendStringInfo(reply, COPIER_REQUEST " %d %d %d\n", COPIER_PROTOCOL, list_length(arguments),
					 body.len);
	appendBinaryStringInfo(reply, body.data, body.len);
	pfree(body.data);
	list_free(arguments);
}

/* The number behind a field of a line, which the other side's programs write without blanks; absent where it isn't there. */
static int64
number_of(const char *line, const char *field, int64 absent)
{
	const char *found = strstr(line, field);
	char *end;
	long long number;

	if (found == NULL)
		return absent;
	errno = 0;
	number = strtoll(found + strlen(field), &end, 10);
	return errno != 0 || end == found + strlen(field) ? absent : number;
}

/* A text without escapes; NULL where it isn't there or longer than is sensible. */
static char *
text_of(const char *line, const char *field)
{
	const char *found = strstr(line, field);
	size_t length;

	if (found == NULL || found[strlen(field)] != '"')
		return NULL;
	found += strlen(field) + 1;
	length = strcspn(found, "\"\\");
	return length < 64 && found[length] == '"' ? pnstrdup(found, length) : NULL;
}

/* The copier lives that long from its clock on, once it has been told it. */
static void
write_beat(StorageCommand *command, const char *line, StringInfo reply)
{
	int64 clock = number_of(line, FIELD(COPIER_FIELD_CLOCK), -1);

	if (clock < 0 || command->lease == 0 || command->closing)
		return;
	command->heard_at = storage_clock();
	appendStringInfo(reply, COPIER_CONTROL_BEAT " " INT64_FORMAT "\n", clock);
}

static void
take_ready(StorageCommand *command, const char *line, StringInfo reply)
{
	int64 protocol = number_of(line, FIELD(COPIER_FIELD_PROTOCOL), -1);
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(command));

	command->version = text_of(line, FIELD(COPIER_FIELD_VERSION));
	/* the same protocol with other versions, too, might copy otherwise than was tested together */
	if (protocol != COPIER_PROTOCOL || command->version == NULL ||
		strcmp(command->version, library_version) != 0)
		command->fault =
			psprintf("Its vmclone-copy is of version %s and speaks protocol " INT64_FORMAT
					 ", this machine's is of version %s and speaks %d: install the same version "
					 "on both",
					 command->version ? command->version : "unknown", protocol, library_version,
					 COPIER_PROTOCOL);
	MemoryContextSwitchTo(old);
	command->is_ready = true;
	command->heard_at = storage_clock();
	if (command->fault == NULL && command->request != NIL)
		write_request(command, number_of(line, FIELD(COPIER_FIELD_CLOCK), 0), reply);
	else
		command->closing = true;
}

bool
storage_remote_takes(StorageCommand *command, const char *line, StringInfo reply)
{
	if (command->host != NULL && !command->is_ready)
	{
		if (IS_EVENT(line, COPIER_EVENT_READY))
			take_ready(command, line, reply);
		/* a banner, as the far end's login prints it */
		return true;
	}
	if (command->host != NULL && IS_EVENT(line, COPIER_EVENT_ENDED))
	{
		int64 code = number_of(line, FIELD(COPIER_FIELD_EXIT), -1);

		command->has_ended = true;
		command->ended_code = code >= 0 && code <= 255 ? (int) code : -1;
		return true;
	}
	write_beat(command, line, reply);
	return IS_EVENT(line, COPIER_EVENT_ALIVE);
}

bool
storage_remote_is_lost(StorageCommand *command)
{
	int64 silent = storage_clock() - command->heard_at;
	int patience = command->is_ready ? command->lease : vmclone_storage_timeout;
	MemoryContext old;

	if (command->host == NULL || patience == 0 || silent < (int64) patience * MS_PER_SECOND)
		return false;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(command));
	if (command->fault == NULL)
		command->fault =
			psprintf(command->is_ready ? "Nothing was heard of its copier for %d seconds"
									   : "It did not answer within %d seconds",
					 patience);
	MemoryContextSwitchTo(old);
	return true;
}

char *
storage_remote_fault(const StorageCommand *command)
{
	const char *said = command->error_text.data;
	int length = strlen(said);

	while (length > 0 && said[length - 1] == ' ')
		length--;
	if (command->host == NULL || (command->has_ended && command->fault == NULL))
		return NULL;
	if (command->fault != NULL)
		return pstrdup(command->fault);
	return psprintf("%s%s%.*s",
					command->is_ready ? "The connection to its copier was lost"
									  : "The launcher ended before its vmclone-copy answered",
					length > 0 ? ": " : "", length, said);
}

int64
storage_gone_at(const StorageCommand *command)
{
	if (command->host == NULL ? command->reaped : command->has_ended || !command->is_ready)
		return 0;
	/* one without a lease writes nothing */
	if (command->lease == 0)
		return 0;
	return command->heard_at +
		   (int64) (command->lease + storage_lease_margin(command->lease)) * MS_PER_SECOND;
}
