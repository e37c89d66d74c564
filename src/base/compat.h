/*
 * compat.h
 *		PostgreSQL 15 to 19 under one set of names: the newest one's, mapped backwards.
 *
 * Files that use one of these names include this header behind PostgreSQL's own.
 */
#ifndef VMCLONE_COMPAT_H
#define VMCLONE_COMPAT_H

#include "libpq/pqsignal.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"

/* 16: VARDATA and its like have a header of their own. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 16: one function for objects of all classes; ours are databases and schemas. */
#if PG_VERSION_NUM < 160000
#define object_ownercheck(class_id, object_id, role_id) pg_database_ownercheck(object_id, role_id)
#define object_aclcheck(class_id, object_id, role_id, mode)                                        \
	pg_namespace_aclcheck(object_id, role_id, mode)
#endif

/* May a role execute a function?  16: one function for objects of all classes. */
#if PG_VERSION_NUM >= 160000
#define function_aclcheck(function_id, role_id)                                                    \
	object_aclcheck(ProcedureRelationId, function_id, role_id, ACL_EXECUTE)
#else
#define function_aclcheck(function_id, role_id) pg_proc_aclcheck(function_id, role_id, ACL_EXECUTE)
#endif

/* 17: a resource owner, or NULL, in place of the memory context; 18: a header of their own. */
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif
#if PG_VERSION_NUM < 170000
#define CreateWaitEventSet(owner, count) CreateWaitEventSet(CurrentMemoryContext, count)
#endif

/* 18: stands before "static" and the type. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn _Noreturn
#endif

/* 18: whether a lock that isn't there is logged. */
#if PG_VERSION_NUM < 180000
#define LockAcquireExtended(tag, mode, session, dont_wait, report_memory, local_lock, log_failure) \
	LockAcquireExtended(tag, mode, session, dont_wait, report_memory, local_lock)
#endif

/* 19: handlers take a second argument, so that SIG_IGN has another type. */
#if PG_VERSION_NUM < 190000
#define PG_SIG_IGN SIG_IGN
#endif

/* Can the process be one of ours?  True of background workers, and from 18 on of more than these. */
static inline bool
proc_may_be_background_worker(const PGPROC *proc)
{
#if PG_VERSION_NUM >= 190000
	return proc->backendType == B_BG_WORKER;
#elif PG_VERSION_NUM >= 180000
	return !proc->isRegularBackend;
#else
	return proc->isBackgroundWorker;
#endif
}

/* Constraints can be NOT ENFORCED from 18 on. */
#if PG_VERSION_NUM >= 180000
#define check_is_enforced(check)     ((check)->ccenforced)
#define foreign_key_is_enforced(key) ((key)->conenforced)
#else
#define check_is_enforced(check)     true
#define foreign_key_is_enforced(key) true
#endif

#endif
