/*
 * remover.h
 *		A process beside the copier that removes its unfinished files when they must not stay.
 *
 * In the sandbox the copier can't remove names: one that an image has taken over could remove any
 * file of its user.  So a small process, started before anything else and without a byte of any image,
 * is told which files these are, and later only which of them to remove.  It ends with the copier.
 *
 * It can outlive a copier that is killed, and the next one may be there before it.  Whoever holds the lock of the record
 * decides: the next copier goes on only with a record whose name is still there once it is locked, and nothing is
 * removed from under one that has gone on.
 */
#ifndef COPY_REMOVER_H
#define COPY_REMOVER_H

#include "copy/base/common.h"

/* Under its name and this one lies a record that isn't complete yet, or not wanted any more. */
#define RECORD_TEMPORARY_SUFFIX ".new"

/* Bytes of a record's parts: whose it is, two slots that say how far the copy is, a counter. */
#define RECORD_PAGE 4096

enum removable
{
	REMOVABLE_OUTPUT,
	REMOVABLE_RECORD, /* of --resume */
	REMOVABLE_COUNT
};

/*
 * Starts the process; call while there is one thread.  It blanks the words of its own command line, so
 * that nobody takes it for a copier.  Behind remover_join() there is one already.  0, or -1 after report_error().
 */
extern int remover_start(int argc, char **argv);

/*
 * A process that forks the copier and waits for it can be its remover: remover_open() before the fork (0, or -1 after
 * report_error()), remover_join() in the copier, remover_serve() in the process itself, which returns when the copier
 * has ended or hangs up, and, once it has ended, remover_end(), which removes what the copier has asked for.
 */
extern int remover_open(void);
extern void remover_join(void);
extern void remover_serve(void);
extern void remover_end(void);

/*
 * Tells it that "which" is the file open as "fd", by this name in that directory.  Both stay with the
 * caller.  0, or -1 after report_error(), which names "path".
 */
extern int remover_learn(enum removable which, int directory_fd, const char *name, int fd,
						 const char *path);

/* From now on it learns no other file. */
extern void remover_seal(void);

/*
 * Has the file removed by the end of the copier, when it is closed, if its name still belongs to it then; one that is
 * gone is fine.  Without remover_start() the caller's process does it itself, at once.  What can't be done is said on
 * standard error.
 */
extern void remover_remove(enum removable which);

/* Ends the process, which removes what it has been told to.  The files are closed. */
extern void remover_finish(void);

#endif
