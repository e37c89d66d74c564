/*
 * errors.h
 *		SQLSTATEs of class VC, and how a refused call is raised.
 *
 * One SQLSTATE for each family of failures; the oVirt message key, which is finer, goes into
 * the CONSTRAINT NAME field and into DETAIL.  docs/errors.md lists both.
 */
#ifndef VMCLONE_ERRORS_H
#define VMCLONE_ERRORS_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/elog.h"

#define ERRCODE_VC_SNAPSHOT         MAKE_SQLSTATE('V', 'C', '0', '0', '1')
#define ERRCODE_VC_CHAIN            MAKE_SQLSTATE('V', 'C', '0', '0', '2')
#define ERRCODE_VC_SOURCE_VM        MAKE_SQLSTATE('V', 'C', '0', '0', '3')
#define ERRCODE_VC_CLUSTER          MAKE_SQLSTATE('V', 'C', '0', '0', '4')
#define ERRCODE_VC_STORAGE_DOMAIN   MAKE_SQLSTATE('V', 'C', '0', '0', '5')
#define ERRCODE_VC_SPACE            MAKE_SQLSTATE('V', 'C', '0', '0', '6')
#define ERRCODE_VC_QUOTA            MAKE_SQLSTATE('V', 'C', '0', '0', '7')
#define ERRCODE_VC_NAME             MAKE_SQLSTATE('V', 'C', '0', '0', '8')
#define ERRCODE_VC_NETWORK          MAKE_SQLSTATE('V', 'C', '0', '0', '9')
#define ERRCODE_VC_PERMISSION       MAKE_SQLSTATE('V', 'C', '0', '1', '0')
#define ERRCODE_VC_INPUT            MAKE_SQLSTATE('V', 'C', '0', '1', '1')
#define ERRCODE_VC_LOCKED           MAKE_SQLSTATE('V', 'C', '0', '1', '2')
#define ERRCODE_VC_DISK             MAKE_SQLSTATE('V', 'C', '0', '1', '3')
#define ERRCODE_VC_JOB              MAKE_SQLSTATE('V', 'C', '0', '1', '4')
#define ERRCODE_VC_TEMPLATE         MAKE_SQLSTATE('V', 'C', '0', '1', '5')
#define ERRCODE_VC_REQUEST_KEY      MAKE_SQLSTATE('V', 'C', '0', '1', '6')
#define ERRCODE_VC_MISSING_DISK     MAKE_SQLSTATE('V', 'C', '0', '1', '7')
#define ERRCODE_VC_VM_CONFIGURATION MAKE_SQLSTATE('V', 'C', '0', '1', '8')
#define ERRCODE_VC_STORAGE_COMMAND  MAKE_SQLSTATE('V', 'C', '0', '1', '9')
#define ERRCODE_VC_IDENTITY         MAKE_SQLSTATE('V', 'C', '0', '2', '0')
#define ERRCODE_VC_WAIT_TIMEOUT     MAKE_SQLSTATE('V', 'C', '0', '2', '1')
#define ERRCODE_VC_NO_SUCH_JOB      MAKE_SQLSTATE('V', 'C', '0', '2', '2')
#define ERRCODE_VC_JOB_STATE        MAKE_SQLSTATE('V', 'C', '0', '2', '3')
#define ERRCODE_VC_HOST             MAKE_SQLSTATE('V', 'C', '0', '2', '4')

typedef enum Severity
{
	SEVERITY_ERROR,   /* the call is refused */
	SEVERITY_WARNING, /* the call goes on and says so */
} Severity;

/* One reason why a call can't be done, or should be thought over. */
typedef struct Refusal
{
	/* ovirt-clone.md, "Order of the checks"; what oVirt never built has a step of its own */
	int step;
	const char *key; /* oVirt message key */
	int sqlstate;
	Severity severity;
	char *message; /* PostgreSQL style, one line */
	char *detail;  /* ids and aliases; NULL if there is nothing to add */
	char *hint;    /* what to do; NULL if there is nothing */
} Refusal;

/*
 * Raises the first refusal of severity ERROR as an error: its SQLSTATE, key in CONSTRAINT NAME
 * and DETAIL, the other failures in DETAIL.  Returns if the list has no error; raises each
 * warning as a WARNING then.
 */
extern void refusals_raise(List *refusals);

/*
 * A caller's text as a message shows it: cut behind MESSAGE_EXCERPT_LENGTH bytes, with an
 * ellipsis.
 */
#define MESSAGE_EXCERPT_LENGTH 200

extern const char *message_excerpt(const char *text);

/* ereport's auxiliary functions for a key: CONSTRAINT NAME, and DETAIL that begins with it. */
extern int errkey(const char *key);

#endif
