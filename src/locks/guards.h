/*
 * guards.h
 *		What the guards on the inventory's tables look at: who holds images and snapshots now.
 */
#ifndef VMCLONE_GUARDS_H
#define VMCLONE_GUARDS_H

#include "postgres.h"

/*
 * Which of these images or snapshots (kind "image", "snapshot"; ids uuid[]) calls hold, by what is
 * committed now, whatever the isolation level: rows of entity_id, keeps_status in SPI_tuptable.  In
 * the extension's own frame, with an SPI connection.
 */
/* Columns of its rows. */
enum HeldNowColumn
{
	HELD_NOW_ID = 1,
	HELD_NOW_KEEPS_STATUS,
};

extern uint64 guards_held_now(const char *kind, Datum ids);

#endif
