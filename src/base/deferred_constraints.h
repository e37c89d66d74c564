/*
 * deferred_constraints.h
 *		Users' deferrable constraints on the inventory's tables are checked at once while a frame writes.
 *
 * PostgreSQL fires no deferred trigger in a security-restricted operation, as inventory statements are: a
 * foreign key or constraint trigger that is INITIALLY DEFERRED, as web frameworks make them, would make
 * each of them fail.  So they are IMMEDIATE while a writing frame lasts, which PostgreSQL allows at any
 * time, and as they were declared behind it.  What the caller's transaction has pending of them is
 * checked then, too.
 */
#ifndef VMCLONE_DEFERRED_CONSTRAINTS_H
#define VMCLONE_DEFERRED_CONSTRAINTS_H

#include "postgres.h"

/*
 * On the tables of a schema.  Runs what is pending as the owner of each constraint's table, under
 * SECURITY_RESTRICTED_OPERATION.  True: there are any, and deferred_constraints_leave is due.
 */
extern bool deferred_constraints_enter(const char *schema);
extern void deferred_constraints_leave(void);

#endif
