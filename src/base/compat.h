/*
 * compat.h
 *		PostgreSQL 13 to 19, and older C libraries, under one set of names: the newest one's, mapped
 *		backwards.
 *
 * Files that use one of these names include this header behind PostgreSQL's own.
 */
#ifndef VMCLONE_COMPAT_H
#define VMCLONE_COMPAT_H

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/tupdesc.h"
#include "access/xlog.h"
#include "funcapi.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#if SIZEOF_VOID_P < 8
#error                                                                                             \
	"vmclone needs a 64 bit server: sizes of images don't fit into what a 32 bit one passes by value"
#endif

/* 14: whether the tree of a command is somebody else's; what a hook passes on. */
#if PG_VERSION_NUM >= 140000
#define UTILITY_PARAMETERS                                                                         \
	PlannedStmt *planned, const char *query, bool read_only_tree, ProcessUtilityContext context,   \
		ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *destination,        \
		QueryCompletion *completion
#define UTILITY_ARGUMENTS                                                                          \
	planned, query, read_only_tree, context, parameters, environment, destination, completion
#else
#define UTILITY_PARAMETERS                                                                         \
	PlannedStmt *planned, const char *query, ProcessUtilityContext context,                        \
		ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *destination,        \
		QueryCompletion *completion
#define UTILITY_ARGUMENTS planned, query, context, parameters, environment, destination, completion
#endif

/* 14: names of functions and indexes, and a header less. */
#if PG_VERSION_NUM < 140000
#include "catalog/indexing.h"
#define F_NEXTVAL    F_NEXTVAL_OID
#define F_LOWER_TEXT F_LOWER
#define int64_to_numeric(number)                                                                   \
	DatumGetNumeric(DirectFunctionCall1(int8_numeric, Int64GetDatum(number)))
#endif

/* 15: shared memory is asked for by a hook; before, by whoever is preloaded, at once. */
#if PG_VERSION_NUM < 150000
typedef void (*shmem_request_hook_type)(void);
#endif

static inline void
add_shmem_request(shmem_request_hook_type request, shmem_request_hook_type *previous)
{
#if PG_VERSION_NUM >= 150000
	*previous = shmem_request_hook;
	shmem_request_hook = request;
#else
	*previous = NULL;
	request();
#endif
}

/* 15: whether the page of a tuple that isn't visible stays pinned. */
#if PG_VERSION_NUM < 150000
#define heap_fetch(relation, snapshot, tuple, buffer, keep_buffer)                                 \
	heap_fetch(relation, snapshot, tuple, buffer)
#endif

/* 15: settings of ours that nobody defined are refused, not only warned of. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 15: the timeline in a function; before, in a variable that RecoveryInProgress sets. */
#if PG_VERSION_NUM < 150000
#define GetWALInsertionTimeLine() ((void) RecoveryInProgress(), ThisTimeLineID)
#endif

/* 15: a function for what every function did that returns a set at once. */
#if PG_VERSION_NUM < 150000
#define MAT_SRF_USE_EXPECTED_DESC 0x01

static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext callers;

	if (result == NULL || !IsA(result, ReturnSetInfo) ||
		(result->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("set-valued function called in context that cannot accept a set")));
	callers = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	if (flags & MAT_SRF_USE_EXPECTED_DESC)
		result->setDesc = CreateTupleDescCopy(result->expectedDesc);
	else if (get_call_result_type(fcinfo, NULL, &result->setDesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	result->setResult = tuplestore_begin_heap((result->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	result->returnMode = SFRM_Materialize;
	MemoryContextSwitchTo(callers);
}
#endif

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

/* What pg_stat_activity shows.  14: a header of its own; 16: another name. */
#include "pgstat.h"
#if PG_VERSION_NUM >= 140000
#include "utils/backend_status.h"
#endif
#if PG_VERSION_NUM < 160000
#define pgstat_get_local_beentry_by_index(index) pgstat_fetch_stat_local_beentry(index)
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

/* 19: where get_database_name is declared. */
#if PG_VERSION_NUM >= 190000
#include "utils/lsyscache.h"
#else
#include "commands/dbcommands.h"
#endif

/* 19: how the scan is done otherwise. */
#if PG_VERSION_NUM < 190000
#define SO_NONE 0
#define table_beginscan(relation, snapshot, count, keys, flags)                                    \
	table_beginscan(relation, snapshot, count, keys)
#endif

/* 19: a descriptor that is filled entry by entry says when that is done. */
#if PG_VERSION_NUM < 190000
#define TupleDescFinalize(descriptor) ((void) (descriptor))
#endif

/* 19: the value that is built stands in the state. */
#if PG_VERSION_NUM < 190000
typedef struct JsonbInState
{
	JsonbValue *result;
	JsonbParseState *parseState;
} JsonbInState;

#define pushJsonbValue(state, token, value)                                                        \
	((state)->result = pushJsonbValue(&(state)->parseState, token, value))
#endif

/* 18: where an index scan counts what it did; 19: how it is done otherwise. */
#if PG_VERSION_NUM >= 190000
#define begin_index_scan(table, index, snapshot, keys)                                             \
	index_beginscan(table, index, snapshot, NULL, keys, 0, SO_NONE)
#elif PG_VERSION_NUM >= 180000
#define begin_index_scan(table, index, snapshot, keys)                                             \
	index_beginscan(table, index, snapshot, NULL, keys, 0)
#else
#define begin_index_scan(table, index, snapshot, keys)                                             \
	index_beginscan(table, index, snapshot, keys, 0)
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

/* 18: columns that are computed when they are read. */
#if PG_VERSION_NUM >= 180000
#define has_virtual_columns(constraints) ((constraints)->has_generated_virtual)
#else
#define has_virtual_columns(constraints) false
#endif

/* Constraints can be NOT ENFORCED from 18 on. */
#if PG_VERSION_NUM >= 180000
#define check_is_enforced(check)     ((check)->ccenforced)
#define foreign_key_is_enforced(key) ((key)->conenforced)
#else
#define check_is_enforced(check)     true
#define foreign_key_is_enforced(key) true
#endif

/* glibc 2.34: closes all descriptors of the child from this one on. */
#if !defined(__GLIBC__) || !__GLIBC_PREREQ(2, 34)
static inline int
posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int lowest)
{
	/*
	 * Descriptors get the lowest free number, and a server opens max_files_per_process of them; the rest is for
	 * what libraries and whoever started it have open.
	 */
	long limit = Min(sysconf(_SC_OPEN_MAX), (long) max_files_per_process + 1024);
	int result = 0;

	for (int fd = lowest; result == 0 && fd < limit; fd++)
	{
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
			result = posix_spawn_file_actions_addclose(actions, fd);
	}
	return result;
}
#endif

#endif
