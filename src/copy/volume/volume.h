/*
 * volume.h
 *		vmclone-copy volume: what the PostgreSQL worker needs done on storage.
 *
 * The worker itself makes no storage system call (docs/design/decisions.md): a dead NFS server hangs whoever calls
 * it.  Each subcommand does one step, synced to disk when it answers, safe to repeat after a crash
 * at any instant, and prints exactly one JSON object on standard output:
 *
 *	{"ok":true, …facts of the subcommand…}
 *	{"ok":false,"kind":K,"errno":"ENOENT"|null,"path":P|null,"message":…,"hint":…|null}
 *
 * kind is one of usage, io, exists, busy, not_found, outside_root, not_attached, no_space, refused.
 */
#ifndef VMCLONE_COPY_VOLUME_H
#define VMCLONE_COPY_VOLUME_H

#include <stdbool.h>

/*
 * argv[0] is "volume", argv[1] the subcommand.  Returns the exit status: 0 done; 1 the storage
 * failed or lacks something (io, no_space, not_found); 2 usage; 3 refused (exists, busy,
 * outside_root, not_attached, refused).
 */
extern int volume_main(int argc, char **argv);

/*
 * The same for one of several steps: *committed is set where "create" finds that the volume is complete
 * already, so that there is nothing to copy.
 */
extern int volume_run(int argc, char **argv, bool *committed);

/*
 * From now on "provision" is asked for by another machine: it runs this program (NULL: none), which works on the groups that
 * volume_group.h allows, keeps what belongs to a volume in this directory, and takes neither from the command line.
 */
extern void volume_confine(const char *program, const char *state, bool allow_loop);

#endif /* VMCLONE_COPY_VOLUME_H */
