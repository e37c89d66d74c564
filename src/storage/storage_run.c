/*
 * storage_run.c
 *		Runs one command from a backend and waits for its end.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/storage_command.h"
#include "storage/storage_remote.h"
#include "utils/timestamp.h"

static void
keep_last_line(const char *line, void *argument)
{
	StorageResult *result = argument;

	if (result->output[0] != '\0')
		pfree(result->output);
	result->output = line[0] != '\0' ? pstrdup(line) : "";
}

/* Waits until the child has said something, a signal came, or a moment is over. */
static void
wait_for_child(StorageCommand *command)
{
	WaitEventSet *set = CreateWaitEventSet(NULL, 4);
	WaitEvent event;
	bool latch_set = false;

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	if (command->output >= 0)
		AddWaitEventToSet(set, WL_SOCKET_READABLE, command->output, NULL, NULL);
	if (command->errors >= 0)
		AddWaitEventToSet(set, WL_SOCKET_READABLE, command->errors, NULL, NULL);
	/* After end of file only the reaping is left, which no descriptor announces. */
	if (WaitEventSetWait(set, command->output >= 0 ? 200 : 10, &event, 1, PG_WAIT_EXTENSION) > 0)
		latch_set = (event.events & WL_LATCH_SET) != 0;
	FreeWaitEventSet(set);
	if (latch_set)
		ResetLatch(MyLatch);
}

static void
free_at_exit(int code, Datum argument)
{
	storage_command_free((StorageCommand *) DatumGetPointer(argument));
}

typedef struct LineReader
{
	StorageCommand *command;
	StorageResult *result;
	StorageCommandLine line; /* NULL: the last line is all that counts */
	void *argument;
} LineReader;

static void
read_line(const char *line, void *argument)
{
	LineReader *reader = argument;

	keep_last_line(line, reader->result);
	if (reader->line == NULL)
		return;
	reader->line(line, reader->argument);
	storage_command_set_timeout(reader->command, vmclone_storage_timeout);
}

static void
run_to_its_end(StorageCommand *command, StorageCommandLine line, void *argument)
{
	PG_ENSURE_ERROR_CLEANUP(free_at_exit, PointerGetDatum(command));
	{
		while (!storage_command_finished(command) && !storage_command_stuck(command))
		{
			wait_for_child(command);
			CHECK_FOR_INTERRUPTS();
			storage_command_read(command, line, argument);
		}
	}
	PG_END_ENSURE_ERROR_CLEANUP(free_at_exit, PointerGetDatum(command));
}

static void
drop_line(const char *line, void *argument)
{
}

char *
storage_host_try(const StorageHost *host, char **version)
{
	char *fault;
	StorageCommand *command = storage_command_start(host, NIL, 0, 0, &fault);

	*version = NULL;
	if (command == NULL)
		return fault;
	run_to_its_end(command, drop_line, NULL);
	fault = storage_remote_fault(command);
	*version = command->version;
	storage_command_free(command);
	return fault;
}

static StorageResult
run_command(const StorageHost *host, List *arguments, int timeout_seconds, StorageCommandLine line,
			void *argument)
{
	StorageResult result = {-1, "", ""};
	LineReader reader = {NULL, &result, line, argument};
	char *error;
	char *fault;
	bool timed_out;
	StorageCommand *command = storage_command_start(host, arguments, 0, timeout_seconds, &error);

	if (command == NULL)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_COMMAND), errmsg("%s", error),
						host->address != NULL
							? errhint("vmclone.copy_launcher begins with the path of a program.")
							: errhint("Install vmclone-copy beside the server's programs, or set "
									  "vmclone.copy_program to its path.")));
	reader.command = command;
	run_to_its_end(command, read_line, &reader);
	result.exit_code = storage_command_exit_code(command);
	result.errors = pstrdup(command->error_text.data);
	timed_out = command->timed_out;
	fault = storage_remote_fault(command);
	storage_command_free(command);
	if (fault != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_VC_HOST), errmsg("copy host \"%s\" cannot be used", host->name),
				 errdetail("%s.", fault), errhint(HOST_HINT)));
	if (timed_out)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_COMMAND),
						errmsg("storage did not answer within %d s", timeout_seconds),
						errdetail("The process that asked it was killed."),
						errhint("Check that the storage domain's server answers; see "
								"vmclone.storage_timeout.")));
	if (result.exit_code < 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_STORAGE_COMMAND),
				 errmsg("program vmclone-copy was ended by a signal"),
				 result.errors[0] != '\0' ? errdetail("It said: %s", result.errors) : 0,
				 errhint("Try again; the server's and the kernel's log may say who ended it.")));
	return result;
}

StorageResult
storage_command_run(const StorageHost *host, List *arguments, int timeout_seconds)
{
	return run_command(host, arguments, timeout_seconds, NULL, NULL);
}

StorageResult
storage_command_run_lines(const StorageHost *host, List *arguments, StorageCommandLine line,
						  void *argument)
{
	return run_command(host, arguments, vmclone_storage_timeout, line, argument);
}
