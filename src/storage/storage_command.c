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
#include "contract/copier_protocol.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "base/settings.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/storage_command.h"
#include "storage/storage_remote.h"
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
spawn(pid_t *pid, char **argv, const char *directory, int input, int output, int errors)
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
		(result = posix_spawn_file_actions_addchdir_np(&actions, directory)) == 0 &&
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

/* The command line for this machine, or the launcher's, whose far end gets the arguments when it is ready. */
static char **
command_line(StorageCommand *command, const StorageHost *host, List *arguments)
{
	List *lease = storage_lease_arguments(command->lease, storage_clock());
	char **argv;
	int argc = 0;
	ListCell *cell;

	if (host->address != NULL || arguments == NIL)
	{
		command->host = pstrdup(host->name);
		command->request = arguments;
	}
	if (host->address != NULL)
		return storage_host_launcher(host, &argc);
	/* asked for nothing, this machine answers as the others do */
	if (arguments == NIL)
		arguments = list_make3(COPIER_SERVE, "--" COPIER_OPTION_ROOT, DataDir);
	argv = palloc((list_length(lease) + list_length(arguments) + 2) * sizeof(char *));
	argv[argc++] = copy_program_path();
	foreach (cell, lease)
		argv[argc++] = lfirst(cell);
	foreach (cell, arguments)
		argv[argc++] = lfirst(cell);
	argv[argc] = NULL;
	return argv;
}

StorageCommand *
storage_command_start(const StorageHost *host, List *arguments, int lease, int timeout_seconds,
					  char **error)
{
	StorageCommand *command = palloc0(sizeof(StorageCommand));
	char **argv;
	int pipes[PIPES_OF_A_CHILD][2];
	int made = 0;
	int reserved = 0;
	int result = 0;

	*error = NULL;
	reap_unreaped();
	command->lease = lease;
	command->heard_at = storage_clock();
	argv = command_line(command, host, arguments);

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
		result = spawn(&command->pid, argv, host->address != NULL ? storage_state_directory() : "/",
					   pipes[0][0], pipes[1][1], pipes[2][1]);
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
	/* a host that isn't ready takes a request first */
	if (command->host != NULL && !command->is_ready)
	{
		if (command->closing)
			close_pipe(&command->input);
		return;
	}
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
	if (command->closing)
		close_pipe(&command->input);
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

/* A whole line: for whoever reads it, unless it is of host and lease only. */
static void
deliver(StorageCommand *command, StorageCommandLine line, void *argument)
{
	StringInfoData reply;
	bool was_ready = command->is_ready;

	initStringInfo(&reply);
	if (!storage_remote_takes(command, command->line.data, &reply))
		line(command->line.data, argument);
	/* the request goes before what was to be told in the meantime */
	if (command->is_ready && !was_ready)
	{
		appendBinaryStringInfo(&reply, command->pending.data, command->pending.len);
		resetStringInfo(&command->pending);
	}
	if (command->input >= 0)
		appendBinaryStringInfo(&command->pending, reply.data, reply.len);
	flush_pending(command);
	pfree(reply.data);
	resetStringInfo(&command->line);
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
				deliver(command, line, argument);
			return;
		}
		while (from < buffer + length)
		{
			char *end = memchr(from, '\n', buffer + length - from);

			append_printable(&command->line, from, (end ? end : buffer + length) - from);
			if (end == NULL)
				break;
			deliver(command, line, argument);
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
		else if (command->killed_at == 0 && storage_remote_is_lost(command))
			storage_command_kill(command, SIGKILL);
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
storage_command_stop(StorageCommand *command)
{
	if (command->host == NULL)
	{
		storage_command_kill(command, SIGTERM);
		return;
	}
	storage_command_send(command, COPIER_CONTROL_CANCEL);
	storage_command_close_input(command);
}

void
storage_command_close_input(StorageCommand *command)
{
	command->closing = true;
	flush_pending(command);
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
	if (command->host != NULL)
		return command->has_ended ? command->ended_code : -1;
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
