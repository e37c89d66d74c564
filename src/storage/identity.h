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

/* What is said of a domain that the original has attached; what to do about jobs that are not ours. */
#define IDENTITY_MOUNT_OF_ANOTHER                                                                  \
	"attached by the database that this one was copied from; attach it again with take_over => true"
#define IDENTITY_ADOPT_HINT                                                                        \
	"Decide with SELECT vmclone.adopt('resume'), if the other one is gone for good, or "           \
	"vmclone.adopt('abandon')."

/* As it is committed now.  In the extension's own frame, with an SPI connection. */
extern IdentityState identity_state(void);

/* The same, and until the end of the transaction nobody else changes it. */
extern IdentityState identity_state_locked(void);

/* The rows came with a copy or a restore: the domains that they name are another database's. */
extern bool identity_is_copy(IdentityState state);

/* A mount with that token is this database's, not the original's.  In the extension's own frame. */
extern bool identity_owns_token(const char *token);

/* Nothing is carried out before adopt() has decided.  In the extension's own frame. */
extern bool identity_waits_for_adopt(IdentityState state);

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

/*
 * Makes the rows this database's own, with its domains where the server was promoted; the token.  After
 * identity_state_locked: two who take over would each make a token.
 */
extern pg_uuid_t identity_take_over(IdentityState state);

/*
 * Makes the identity this database's own, with a token that no domain knows: its storage domains are left
 * to the database that had them, after a promotion or recovery too.  In the extension's own frame.
 */
extern void identity_begin_anew(void);

/* A job is not over yet.  In the extension's own frame. */
extern bool identity_any_live_job(void);

/*
 * For the worker: true if jobs may be run.  Where nothing is under way, or vmclone.resume_on_promotion
 * says so, another timeline is taken for its own; likewise a copy of the database's files in which nothing
 * is under way, whose domains have to be attached again then.  In the extension's own frame.
 */
extern bool identity_may_run(IdentityState *state);

#endif
