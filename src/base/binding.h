/*
 * binding.h
 *		Which schema's tables are the inventory, and as whom its statements run.
 */
#ifndef VMCLONE_BINDING_H
#define VMCLONE_BINDING_H

#include "postgres.h"

/* Schema and name of vmclone's own tables and functions (the control file fixes it). */
#define VMCLONE_SCHEMA "vmclone"
#define VMCLONE_INTERNAL_SCHEMA                                                                    \
	"vmclone_internal" /* routines that nobody but the extension calls */

typedef struct Binding
{
	NameData schema; /* of the inventory's tables */
	Oid owner;       /* of all of them */
} Binding;

/*
 * What vmclone_internal.current_inventory() says, looked up once in a statement of the client: a call enters
 * dozens of frames, and the choice can't change under it.  ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
 * when no inventory is bound to this database.
 */
extern const Binding *binding_look_up(void);

#endif
