/*
 * storage_remote.h
 *		A copier on another host, and a copier's lease: what "vmclone-copy serve" and the far clock say.
 *
 * The launcher's end proves nothing: ssh ends when a link is cut while the copier goes on.  What proves that it is gone is the
 * event "ended", or that its lease is over: it counts from the clock of its own that it was told back last.
 */
#ifndef VMCLONE_STORAGE_REMOTE_H
#define VMCLONE_STORAGE_REMOTE_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "storage/storage_command.h"

/* What is to be done about a host's fault. */
#define HOST_HINT                                                                                  \
	"SELECT vmclone.check_copy_host(name) tries it; docs/hosts.md says how a host is set up."

/* Milliseconds of this machine since it was started, those included in which it slept. */
extern int64 storage_clock(void);

/* What goes before a subcommand for a lease of that many seconds from a clock of the copier's machine on; NIL for 0. */
extern List *storage_lease_arguments(int lease, int64 clock);

/*
 * Looks at a line of the copier's: true if it was about host or lease alone.  reply gets what is to be sent: the request
 * to a host that is ready, and the copier's clock back to it.
 */
extern bool storage_remote_takes(StorageCommand *command, const char *line, StringInfo reply);

/* The far end doesn't answer any more, or not as it must: fault says so. */
extern bool storage_remote_is_lost(StorageCommand *command);

/*
 * After the end of a command: what was wrong with its host, as a phrase with a capital letter; NULL: nothing, or it ran
 * here.
 */
extern char *storage_remote_fault(const StorageCommand *command);

/* storage_clock() from which on the copier of a command that is over can write nothing any more; 0: it can't now. */
extern int64 storage_gone_at(const StorageCommand *command);

/* Seconds that are added to a lease before another copier gets the task. */
extern int storage_lease_margin(int lease);

#endif
