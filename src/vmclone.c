/*
 * vmclone.c
 *		Library entry point.
 *
 * The library loads harmlessly at any time.  Only where it is preloaded does it register the
 * launcher and its hooks; everywhere else the first call in need of a worker starts one.
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/settings.h"
#include "job/drop_refusal.h"
#include "wake/wake.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	settings_define();
	wake_initialize();
	drop_refusal_initialize();
	launcher_initialize();
}
