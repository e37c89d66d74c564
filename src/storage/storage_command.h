/*
 * storage_command.h
 *		Starts vmclone-copy and talks to it through pipes; never waits for storage.
 *
 * Every system call on a storage domain happens in such a child, because a dead NFS server hangs
 * whoever calls it (decisions.md, "Processes").  The child runs in its own process group, so that
 * the server's SIGTERM to the worker's group doesn't make it throw its work away; it ends when its
 * stdin does and by its own parent-death signal.
 */
#ifndef VMCLONE_STORAGE_COMMAND_H
#define VMCLONE_STORAGE_COMMAND_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

/* Bytes of one output line; a longer one is cut.  What is said on stderr is kept up to the same. */
#define STORAGE_COMMAND_LINE_MAX 65536

/* Milliseconds that a killed child has to go before it counts as stuck in the kernel. */
#define STORAGE_COMMAND_REAP_MS 5000

typedef struct StorageCommand
{
	pid_t pid;
	int input;                 /* write end of the child's stdin; -1 closed */
	int output;                /* read end of its stdout; -1 at end of file */
	int errors;                /* read end of its stderr; -1 at end of file */
	StringInfoData line;       /* unfinished line of stdout */
	StringInfoData error_text; /* all of stderr, cut */
	StringInfoData pending;    /* what the pipe to stdin had no room for */
	TimestampTz started_at;
	TimestampTz deadline;  /* 0: none */
	TimestampTz killed_at; /* 0: SIGKILL has not been sent */
	bool timed_out;        /* killed because of the deadline */
	bool reaped;
	int wait_status; /* of waitpid, once reaped */
} StorageCommand;

/* One whole line of the child's stdout, without the newline, printable ASCII only. */
typedef void (*StorageCommandLine)(const char *line, void *argument);

/*
 * Starts the program with the arguments (char *), all objects in the current memory context.
 * timeout_seconds 0: no deadline.  Returns NULL and sets *error and errno where no process could be
 * made.
 */
extern StorageCommand *storage_command_start(List *arguments, int timeout_seconds, char **error);

/* The child has that many seconds from now on; 0: no deadline. */
extern void storage_command_set_timeout(StorageCommand *command, int timeout_seconds);

/* Reads what is there, without waiting and not for ever; calls line for each whole line. */
extern void storage_command_read(StorageCommand *command, StorageCommandLine line, void *argument);

/* Sends one control line ("pause"); what doesn't fit is sent by later reads. */
extern void storage_command_send(StorageCommand *command, const char *line);

/*
 * True once the child is gone and its output is read.  Never waits.  Kills a child past its
 * deadline.
 */
extern bool storage_command_finished(StorageCommand *command);

/* SIGKILL was sent more than STORAGE_COMMAND_REAP_MS ago and the child, or one of its own, is still there. */
extern bool storage_command_stuck(const StorageCommand *command);

/* To the child and to the processes that it has made. */
extern void storage_command_kill(StorageCommand *command, int signal_number);

/* Exit code 0..255, or -1 when a signal ended it or it could not be reaped. */
extern int storage_command_exit_code(const StorageCommand *command);

/* Closes the pipes and frees; an unreaped child is killed and reaped some later time. */
extern void storage_command_free(StorageCommand *command);

typedef struct StorageResult
{
	int exit_code; /* as storage_command_exit_code */
	char *output;  /* last line of stdout, or "" */
	char *errors;  /* stderr, or "" */
} StorageResult;

/*
 * Runs one command from a backend and waits up to that many seconds (0: without limit), interruptibly.
 * ERRCODE_VC_STORAGE_COMMAND when it can't be started, doesn't end in time or dies.
 */
extern StorageResult storage_command_run(List *arguments, int timeout_seconds);

/*
 * The same for one that says much: the function gets each line, and the time, vmclone.storage_timeout, begins anew with it.
 */
extern StorageResult storage_command_run_lines(List *arguments, StorageCommandLine line,
											   void *argument);

#endif
