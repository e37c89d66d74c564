/*
 * drop_refusal.h
 *		DROP EXTENSION, and whatever else takes the extension along, is refused while jobs are under way.
 */
#ifndef VMCLONE_DROP_REFUSAL_H
#define VMCLONE_DROP_REFUSAL_H

/* From _PG_init. */
extern void drop_refusal_initialize(void);

#endif
