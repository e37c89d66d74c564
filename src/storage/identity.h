/*
 * identity.h
 *		Whether this database may run the jobs that its rows tell of (decisions.md, "Identity").
 *
 * A database made by TEMPLATE, restore, base backup, PITR or promotion has the same rows but must
 * not run or clean the same files.  The row of vmclone.identity says whose they are; it is made by
 * the first attach_storage_domain, not before, so that a restore finds the table empty.
 */
#ifndef VMCLONE_IDENTITY_H
#define VMCLONE_IDENTITY_H

#include "postgres.h"

#include "utils/uuid.h"

typedef enum IdentityState
{
	IDENTITY_OWN,
	IDENTITY_NONE,           /* no row: no storage domain was ever attached here */
	IDENTITY_OTHER_TIMELINE, /* same server and database after promotion or recovery */
	IDENTITY_OTHER_DATABASE, /* same server: made by TEMPLATE, or restored */
	IDENTITY_OTHER_SERVER,
} IdentityState;

/* In the extension's own frame, with an SPI connection. */
extern IdentityState identity_state(void);

/* The state as one or two words, as in view worker. */
extern const char *identity_word(IdentityState state);

/* One phrase for people, such as "was copied from another server". */
extern const char *identity_describe(IdentityState state);

/*
 * The token of this database; makes the row where there is none, or where the rows are another's
 * but no job is under way.  ERRCODE_VC_IDENTITY where jobs wait for adopt() to decide.  In the
 * extension's own frame.
 */
extern pg_uuid_t identity_ensure(void);

/* Makes the rows this database's own, with its domains where the server was promoted; the token. */
extern pg_uuid_t identity_take_over(IdentityState state);

/* A job is not over yet.  In the extension's own frame. */
extern bool identity_any_live_job(void);

/*
 * For the worker: true if jobs may be run.  Takes another timeline for its own where nothing is
 * under way, or where vmclone.resume_on_promotion says so.  In the extension's own frame.
 */
extern bool identity_may_run(IdentityState *state);

#endif
