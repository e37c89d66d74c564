/*
 * worker.h
 *		Registration and entry points of the launcher and of the per-database worker.
 */
#ifndef VMCLONE_WORKER_H
#define VMCLONE_WORKER_H

#include "postgres.h"

extern void launcher_initialize(void); /* from _PG_init: hooks, shared memory, registration */

extern PGDLLEXPORT void vmclone_launcher_main(Datum argument);
extern PGDLLEXPORT void vmclone_worker_main(Datum argument);

#endif
