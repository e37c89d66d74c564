/*
 * vmclone.c
 *		Library entry point: settings, hooks and the worker's registration.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
}
