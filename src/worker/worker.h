/*
 * worker.h
 *		Entry points of the background processes: the launcher, and a worker per database.
 */
#ifndef VMCLONE_WORKER_H
#define VMCLONE_WORKER_H

#include "postgres.h"

extern void launcher_initialize(void); /* from _PG_init: hooks, shared memory, registration */

extern PGDLLEXPORT void vmclone_launcher_main(Datum argument);
extern PGDLLEXPORT void vmclone_worker_main(Datum argument);

#endif
