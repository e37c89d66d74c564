/*
 * caller.h
 *		Which role calls, and for which engine user it may act (DESIGN §3).
 *
 * The role is the one outside every SECURITY DEFINER frame (GetOuterUserId).  Admins and engines
 * may name any user, or none ("internal": no permission checks).  An operator acts for the one
 * user that grant_operator bound it to, and leaving user_id out means that one.
 */
#ifndef VMCLONE_CALLER_H
#define VMCLONE_CALLER_H

#include "postgres.h"

#include "utils/uuid.h"

typedef enum CallerKind
{
	CALLER_ADMIN,    /* superuser, extension owner, or a grant_admin role */
	CALLER_ENGINE,   /* a grant_engine role */
	CALLER_OPERATOR, /* a grant_operator role */
	CALLER_OTHER,    /* may look (grant_viewer), may not act */
} CallerKind;

typedef struct Caller
{
	Oid role_id;
	char *role_name;
	CallerKind kind;
	bool has_user;
	pg_uuid_t user_id; /* operators: the bound user */
} Caller;

/* Needs an SPI connection. */
extern Caller caller_identify(void);

/*
 * Engine user that a call runs for.  ERRCODE_INSUFFICIENT_PRIVILEGE when an operator names
 * another user, or when the caller may not act at all.  Returns false for an internal call.
 */
extern bool caller_choose_user(const Caller *caller, bool given, const pg_uuid_t *given_user,
							   pg_uuid_t *user);

/* ERRCODE_INSUFFICIENT_PRIVILEGE unless the caller is an admin or owns the job. */
extern void caller_check_job(const Caller *caller, const char *job_owner, const pg_uuid_t *job_id);

/*
 * The role whose jobs the caller may see; NULL: everybody's, for administrators and viewers.  Outside
 * the frames of frame.h, which make the caller another one where the operation is restricted.
 */
extern char *caller_visible_owner(void);

#endif
