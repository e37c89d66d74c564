/*
 * storage_command.c
 *		Starts vmclone-copy and talks to it through pipes; never waits for storage.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/errors.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "base/settings.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/storage_command.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define PIPES_OF_A_CHILD 3

/* Buffers of a pipe that are read in one go: a child that never stops to talk must not be all we hear. */
#define READS_AT_ONCE 2

/* Children that were killed and not yet there to be reaped when their owner went on. */
static pid_t *unreaped = NULL;
static int unreaped_count = 0;
static int unreaped_room = 0;

static void
reap_unreaped(void)
{
	for (int i = 0; i < unreaped_count;)
	{
		int status;

		if (waitpid(unreaped[i], &status, WNOHANG) != 0)
			unreaped[i] = unreaped[--unreaped_count];
		else
			i++;
	}
}

static void
remember_unreaped(pid_t pid)
{
	if (unreaped_count == unreaped_room)
	{
		int room = unreaped_room == 0 ? 16 : unreaped_room * 2;

		if (unreaped == NULL)
			unreaped = MemoryContextAlloc(TopMemoryContext, room * sizeof(pid_t));
		else
			unreaped = repalloc(unreaped, room * sizeof(pid_t));
		unreaped_room = room;
	}
	unreaped[unreaped_count++] = pid;
}

/* Absolute path of vmclone-copy: vmclone.copy_program, else beside the server's programs. */
static char *
copy_program_path(void)
{
	char path[MAXPGPATH];

	if (vmclone_copy_program != NULL && vmclone_copy_program[0] != '\0')
		return pstrdup(vmclone_copy_program);
	strlcpy(path, my_exec_path, sizeof(path));
	get_parent_directory(path);
	return psprintf("%s/vmclone-copy", path);
}

static void
close_pipe(int *fd)
{
	if (*fd >= 0)
	{
		close(*fd);
		ReleaseExternalFD();
		*fd = -1;
	}
}

/* A pipe whose end `ours` doesn't block.  False with errno. */
static bool
make_pipe(int ends[2], int ours)
{
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	if (fcntl(ends[ours], F_SETFL, O_NONBLOCK) != 0)
	{
		int saved = errno;

		close(ends[0]);
		close(ends[1]);
		errno = saved;
		return false;
	}
	return true;
}

/* posix_spawn makes no copy of the server's memory and runs only safe calls in the child. */
static int
spawn(pid_t *pid, char **argv, int input, int output, int errors)
{
	static char *const environment[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t all;
	int result;

	if ((result = posix_spawn_file_actions_init(&actions)) != 0)
		return result;
	if ((result = posix_spawnattr_init(&attributes)) != 0)
	{
		posix_spawn_file_actions_destroy(&actions);
		return result;
	}
	sigemptyset(&none);
	sigfillset(&all);
	if ((result = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)) == 0 &&
		(result = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)) == 0 &&
		(result = posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)) == 0 &&
		(result = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)) == 0 &&
		(result = posix_spawn_file_actions_addchdir_np(&actions, "/")) == 0 &&
		(result = posix_spawnattr_setsigmask(&attributes, &none)) == 0 &&
		(result = posix_spawnattr_setsigdefault(&attributes, &all)) == 0 &&
		(result = posix_spawnattr_setpgroup(&attributes, 0)) == 0 &&
		(result =
			 posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
													   POSIX_SPAWN_SETPGROUP)) == 0)
		result = posix_spawn(pid, argv[0], &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

StorageCommand *
storage_command_start(List *arguments, int timeout_seconds, char **error)
{
	StorageCommand *command = palloc0(sizeof(StorageCommand));
	char **argv = palloc((list_length(arguments) + 2) * sizeof(char *));
	int argc = 0;
	int pipes[PIPES_OF_A_CHILD][2];
	int made = 0;
	int reserved = 0;
	int result = 0;
	ListCell *cell;

	*error = NULL;
	reap_unreaped();
	argv[argc++] = copy_program_path();
	foreach (cell, arguments)
		argv[argc++] = lfirst(cell);
	argv[argc] = NULL;

	/* one more than it needs: whoever started it must still be able to wait for it */
	while (reserved <= PIPES_OF_A_CHILD && AcquireExternalFD())
		reserved++;
	if (reserved <= PIPES_OF_A_CHILD)
		result = EMFILE;
	while (result == 0 && made < PIPES_OF_A_CHILD)
	{
		/* Of stdin the write end is ours, of the others the read end. */
		if (make_pipe(pipes[made], made == 0 ? 1 : 0))
			made++;
		else
			result = errno;
	}
	if (result == 0)
		result = spawn(&command->pid, argv, pipes[0][0], pipes[1][1], pipes[2][1]);
	if (result != 0)
	{
		for (int i = 0; i < made; i++)
		{
			close(pipes[i][0]);
			close(pipes[i][1]);
		}
		while (reserved-- > 0)
			ReleaseExternalFD();
		*error = psprintf("could not start program \"%s\": %s", argv[0], strerror(result));
		errno = result;
		return NULL;
	}
	ReleaseExternalFD();
	close(pipes[0][0]);
	close(pipes[1][1]);
	close(pipes[2][1]);
	command->input = pipes[0][1];
	command->output = pipes[1][0];
	command->errors = pipes[2][0];
	initStringInfo(&command->line);
	initStringInfo(&command->error_text);
	initStringInfo(&command->pending);
	command->started_at = GetCurrentTimestamp();
	storage_command_set_timeout(command, timeout_seconds);
	return command;
}

void
storage_command_set_timeout(StorageCommand *command, int timeout_seconds)
{
	command->deadline =
		timeout_seconds > 0
			? TimestampTzPlusMilliseconds(GetCurrentTimestamp(), (int64) timeout_seconds * 1000)
			: 0;
}

/* The child parses what guests wrote: nothing but printable ASCII comes further than here. */
static void
append_printable(StringInfo to, const char *bytes, ssize_t length)
{
	for (ssize_t i = 0; i < length && to->len < STORAGE_COMMAND_LINE_MAX; i++)
	{
		unsigned char byte = bytes[i];

		if (byte == '\n' || byte == '\t')
			byte = ' ';
		appendStringInfoChar(to, byte < 0x20 || byte > 0x7e ? '?' : byte);
	}
}

static void
flush_pending(StorageCommand *command)
{
	while (command->input >= 0 && command->pending.len > 0)
	{
		ssize_t written = write(command->input, command->pending.data, command->pending.len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
		{
			/* EPIPE: the child is going, which reading will tell. */
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				close_pipe(&command->input);
			return;
		}
		memmove(command->pending.data, command->pending.data + written,
				command->pending.len - written);
		command->pending.len -= written;
	}
}

void
storage_command_send(StorageCommand *command, const char *line)
{
	if (command->input < 0)
		return;
	appendStringInfo(&command->pending, "%s\n", line);
	flush_pending(command);
}

static void
read_errors(StorageCommand *command)
{
	char buffer[4096];

	for (int reads = 0; command->errors >= 0 && reads < READS_AT_ONCE; reads++)
	{
		ssize_t length = read(command->errors, buffer, sizeof(buffer));

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (length <= 0)
		{
			close_pipe(&command->errors);
			return;
		}
		append_printable(&command->error_text, buffer, length);
	}
}

void
storage_command_read(StorageCommand *command, StorageCommandLine line, void *argument)
{
	char buffer[8192];

	flush_pending(command);
	read_errors(command);
	for (int reads = 0; command->output >= 0 && reads < READS_AT_ONCE; reads++)
	{
		ssize_t length = read(command->output, buffer, sizeof(buffer));
		char *from = buffer;

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (length <= 0)
		{
			close_pipe(&command->output);
			if (command->line.len > 0)
				line(command->line.data, argument);
			resetStringInfo(&command->line);
			return;
		}
		while (from < buffer + length)
		{
			char *end = memchr(from, '\n', buffer + length - from);

			append_printable(&command->line, from, (end ? end : buffer + length) - from);
			if (end == NULL)
				break;
			line(command->line.data, argument);
			resetStringInfo(&command->line);
			from = end + 1;
		}
	}
}

bool
storage_command_finished(StorageCommand *command)
{
	if (!command->reaped)
	{
		int status;
		pid_t pid = waitpid(command->pid, &status, WNOHANG);

		if (pid == command->pid || (pid < 0 && errno == ECHILD))
		{
			command->reaped = true;
			command->wait_status = pid == command->pid ? status : -1;
		}
		else if (command->deadline != 0 && command->killed_at == 0 &&
				 GetCurrentTimestamp() >= command->deadline)
		{
			command->timed_out = true;
			storage_command_kill(command, SIGKILL);
		}
	}
	return command->reaped && command->output < 0;
}

bool
storage_command_stuck(const StorageCommand *command)
{
	return !(command->reaped && command->output < 0) && command->killed_at != 0 &&
		   TimestampDifferenceExceeds(command->killed_at, GetCurrentTimestamp(),
									  STORAGE_COMMAND_REAP_MS);
}

void
storage_command_kill(StorageCommand *command, int signal_number)
{
	if (command->reaped && command->output < 0)
		return;
	/* the group is there as long as one of its processes has the pipe open */
	if (kill(-command->pid, signal_number) != 0 && !command->reaped)
		kill(command->pid, signal_number);
	if (signal_number == SIGKILL && command->killed_at == 0)
		command->killed_at = GetCurrentTimestamp();
}

int
storage_command_exit_code(const StorageCommand *command)
{
	if (!command->reaped || command->wait_status == -1 || !WIFEXITED(command->wait_status))
		return -1;
	return WEXITSTATUS(command->wait_status);
}

void
storage_command_free(StorageCommand *command)
{
	close_pipe(&command->input);
	close_pipe(&command->output);
	close_pipe(&command->errors);
	if (!command->reaped && !storage_command_finished(command) && !command->reaped)
	{
		storage_command_kill(command, SIGKILL);
		remember_unreaped(command->pid);
	}
	pfree(command->line.data);
	pfree(command->error_text.data);
	pfree(command->pending.data);
	pfree(command);
}

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

static StorageResult
run_command(List *arguments, int timeout_seconds, StorageCommandLine line, void *argument)
{
	StorageResult result = {-1, "", ""};
	LineReader reader = {NULL, &result, line, argument};
	char *error;
	bool timed_out;
	StorageCommand *command = storage_command_start(arguments, timeout_seconds, &error);

	if (command == NULL)
		ereport(ERROR, (errcode(ERRCODE_VC_STORAGE_COMMAND), errmsg("%s", error),
						errhint("Install vmclone-copy beside the server's programs, or set "
								"vmclone.copy_program to its path.")));
	reader.command = command;
	PG_ENSURE_ERROR_CLEANUP(free_at_exit, PointerGetDatum(command));
	{
		while (!storage_command_finished(command) && !storage_command_stuck(command))
		{
			wait_for_child(command);
			CHECK_FOR_INTERRUPTS();
			storage_command_read(command, read_line, &reader);
		}
	}
	PG_END_ENSURE_ERROR_CLEANUP(free_at_exit, PointerGetDatum(command));
	result.exit_code = storage_command_exit_code(command);
	result.errors = pstrdup(command->error_text.data);
	timed_out = command->timed_out;
	storage_command_free(command);
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
storage_command_run(List *arguments, int timeout_seconds)
{
	return run_command(arguments, timeout_seconds, NULL, NULL);
}

StorageResult
storage_command_run_lines(List *arguments, StorageCommandLine line, void *argument)
{
	return run_command(arguments, vmclone_storage_timeout, line, argument);
}
