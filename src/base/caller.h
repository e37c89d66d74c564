/*
 * caller.h
 *		Which role calls, and for which engine user it may act (decisions.md, "Who is calling").
 *
 * Two roles stand behind a call: the one outside every SECURITY DEFINER frame (GetOuterUserId), and
 * the current one, whose code it is.  What both may do counts: neither lends a function its owner's
 * rights to who calls it, nor does an operator's trigger borrow those of the administrator whose
 * statement sets it off.
 *
 * Admins and engines may name any user, or none ("internal": no permission checks).  An operator
 * acts for the one user that grant_operator bound it to, and leaving user_id out means that one.
 */
#ifndef VMCLONE_CALLER_H
#define VMCLONE_CALLER_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/uuid.h"

/* From the strongest to the weakest. */
typedef enum CallerKind
{
	CALLER_ADMIN,    /* superuser, extension owner, or a grant_admin role */
	CALLER_ENGINE,   /* a grant_engine role */
	CALLER_OPERATOR, /* a grant_operator role */
	CALLER_OTHER,    /* may look (grant_viewer), may not act */
} CallerKind;

typedef struct Caller
{
	Oid role_id; /* the weaker of both roles; it owns what the call makes */
	char *role_name;
	CallerKind kind;
	bool has_user;
	pg_uuid_t user_id;  /* the one user that an operator among both is bound to */
	Oid second_role_id; /* the other one; mostly the same */
	CallerKind second_kind;
	bool has_two_users; /* two operators, bound to different users: nothing that both may do */
} Caller;

/* require_administrator(what text), for SQL and C: ERRCODE_INSUFFICIENT_PRIVILEGE unless both roles are. */
extern Datum vmclone_require_administrator(PG_FUNCTION_ARGS);

/* Needs an SPI connection. */
extern Caller caller_identify(void);

/*
 * Engine user that a call runs for.  ERRCODE_INSUFFICIENT_PRIVILEGE when an operator names
 * another user, or when the caller may not act at all.  Returns false for an internal call.
 */
extern bool caller_choose_user(const Caller *caller, bool given, const pg_uuid_t *given_user,
							   pg_uuid_t *user);

/* The same for a call that only looks: a viewer may ask for any user. */
extern bool caller_choose_user_to_look(const Caller *caller, bool given,
									   const pg_uuid_t *given_user, pg_uuid_t *user);

/*
 * ERRCODE_INSUFFICIENT_PRIVILEGE unless each of the caller's roles is an admin or owns the job.
 * job_owner: InvalidOid when that role is gone.
 */
extern void caller_check_job(const Caller *caller, Oid job_owner, const pg_uuid_t *job_id);

/*
 * Whose jobs the caller may see: true: everybody's, for administrators and viewers; else *role's,
 * InvalidOid: nobody's.  Outside the frames of frame.h, which make the current role another one.
 */
extern bool caller_sees_all(Oid *role);

#endif
