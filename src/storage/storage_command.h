/*
 * storage_command.h
 *		Starts vmclone-copy, here or on another host, and talks to it through pipes; never waits for storage.
 *
 * Every system call on a storage domain happens in such a child, because a dead NFS server hangs
 * whoever calls it (decisions.md, "Processes").  The child runs in its own process group, so that
 * the server's SIGTERM to the worker's group doesn't make it throw its work away; it ends when its
 * stdin does and by its own parent-death signal.
 *
 * On another host "vmclone-copy serve" starts it, whose words storage_remote.c understands: the child here is the launcher
 * then, and what becomes of it proves nothing.  A copier is gone when serve has said so, or when its lease is over.
 */
#ifndef VMCLONE_STORAGE_COMMAND_H
#define VMCLONE_STORAGE_COMMAND_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "storage/storage_host.h"

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

	/* of a copier on another host (storage_remote.h) */
	char *host;     /* its name; NULL: this machine */
	List *request;  /* arguments, sent when the host is ready */
	bool is_ready;  /* its serve has said so */
	bool has_ended; /* and that the copier is gone */
	int ended_code; /* exit code that it told then, 0..255, or -1 */
	char *version;  /* of its copier; NULL: not told */
	char *fault;    /* why it could not be used, as one phrase; NULL: nothing is known */
	bool closing;   /* stdin is closed when all is sent */

	/* of a copier with a lease, here or there */
	int lease;
	int64
		heard_at; /* this machine's clock (storage_clock) when that of the copier was read that it has been told */
} StorageCommand;

/* One whole line of the child's stdout, without the newline, printable ASCII only. */
typedef void (*StorageCommandLine)(const char *line, void *argument);

/*
 * Starts the program with the arguments (char *) on the host, all objects in the current memory context.
 * lease: seconds that it goes on without hearing from us; 0: as long as stdin is open.  timeout_seconds 0: no deadline.
 * Returns NULL and sets *error and errno where no process could be made.
 */
extern StorageCommand *storage_command_start(const StorageHost *host, List *arguments, int lease,
											 int timeout_seconds, char **error);

/* The child has that many seconds from now on; 0: no deadline. */
extern void storage_command_set_timeout(StorageCommand *command, int timeout_seconds);

/* Closes the child's stdin behind what is still to be sent. */
extern void storage_command_close_input(StorageCommand *command);

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

/* Asks it to end: a signal here, a control line and the end of stdin on another host. */
extern void storage_command_stop(StorageCommand *command);

/* To the child and to the processes that it has made. */
extern void storage_command_kill(StorageCommand *command, int signal_number);

/* Exit code of the copier 0..255, or -1 when a signal ended it, or nobody knows. */
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
 * ERRCODE_VC_STORAGE_COMMAND when it can't be started, doesn't end in time or dies; ERRCODE_VC_HOST when its host is at fault.
 */
extern StorageResult storage_command_run(const StorageHost *host, List *arguments,
										 int timeout_seconds);

/*
 * The same for one that says much: the function gets each line, and the time, vmclone.storage_timeout, begins anew with it.
 */
extern StorageResult storage_command_run_lines(const StorageHost *host, List *arguments,
											   StorageCommandLine line, void *argument);

/*
 * Asks the host's copier for nothing.  What is wrong with the host, as a phrase, or NULL; *version: of its copier, NULL where
 * it wasn't told.
 */
extern char *storage_host_try(const StorageHost *host, char **version);

#endif
