/*
 * frame.h
 *		As whom, and with which search_path, statements run.
 *
 * Two frames.  The extension's own: the extension's owner, search_path pg_catalog, pg_temp; for
 * vmclone's own tables, always written vmclone.x.  The inventory's: the owner of the inventory
 * tables under SECURITY_RESTRICTED_OPERATION, search_path pg_catalog, <inventory schema>,
 * vmclone_absent, pg_temp; inventory tables are written without a schema.  vmclone_absent has an
 * empty stand-in for every optional table.  A hostile trigger, default or index expression in the
 * inventory so runs with its own owner's rights and gains nothing.
 *
 * Frames nest.  After an ERROR the transaction's abort ends them.
 */
#ifndef VMCLONE_FRAME_H
#define VMCLONE_FRAME_H

#include "postgres.h"

typedef struct Frame
{
	Oid user_id;
	int security_context;
	int settings_level;
	bool checks_at_once; /* constraints are IMMEDIATE for it */
} Frame;

extern void frame_enter_own(Frame *frame);

/*
 * ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE when no inventory is bound
 * to this database (restored, not yet chosen again by use_inventory).
 */
extern void frame_enter_inventory(Frame *frame);

/*
 * The same for statements that write: users' deferrable constraints are checked at once meanwhile
 * (deferred_constraints.h), unless an outer frame sees to it.
 */
extern void frame_enter_inventory_to_write(Frame *frame);

/* Whether what runs now runs in the inventory's frame, and in no other that was entered within it. */
extern bool frame_is_inventory(void);

extern void frame_leave(const Frame *frame);

#endif
