/*
 * audit.h
 *		Rows of audit_log with oVirt's type ids and severities.
 *
 * The engine reads log_type into an enumeration and fails for every number that it doesn't know; so what oVirt has no
 * type for is one of its external events, with origin "vmclone", a custom_event_id of its own, and its name in
 * custom_data.
 */
#ifndef VMCLONE_AUDIT_H
#define VMCLONE_AUDIT_H

#include "postgres.h"

#include "utils/uuid.h"

#include "base/caller.h"
#include "base/insertion.h"

typedef enum AuditType
{
	AUDIT_USER_ADD_VM = 34,
	AUDIT_USER_ADD_VM_STARTED = 37,
	AUDIT_USER_ADD_VM_TEMPLATE = 48,
	AUDIT_USER_ADD_VM_TEMPLATE_FINISHED_SUCCESS = 51,
	AUDIT_USER_ADD_VM_FINISHED_SUCCESS = 53,
	AUDIT_USER_ADD_VM_FINISHED_FAILURE = 60,
	AUDIT_MAC_POOL_EMPTY = 816,
	AUDIT_USER_ADD_VM_TEMPLATE_CREATE_TEMPLATE_FAILURE = 1322,
	AUDIT_MISSING_QUOTA_STORAGE_PARAMETERS_PERMISSIVE_MODE = 3013,
	AUDIT_MISSING_QUOTA_CLUSTER_PARAMETERS_PERMISSIVE_MODE = 3014,
	AUDIT_USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT = 3009,
	AUDIT_USER_EXCEEDED_QUOTA_STORAGE_LIMIT = 3010,
	AUDIT_USER_EXCEEDED_QUOTA_STORAGE_THRESHOLD = 3011,
	AUDIT_USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT_PERMISSIVE_MODE = 3016,
	AUDIT_MAC_POOL_ALMOST_EMPTY = 8160,
	AUDIT_ADD_VM_FROM_SNAPSHOT_INVALID_INTERFACES = 9607,
	/* below zero: external events */
	AUDIT_CLONE_FROM_PARTIAL_SNAPSHOT = -1,
	AUDIT_SNAPSHOT_DISK_MISSING = -2,
	AUDIT_CLONE_RETRIED = -3,
	AUDIT_ENTITY_UNLOCKED = -4,
	AUDIT_CLEANING_ABANDONED = -5,
	AUDIT_JOBS_ADOPTED = -6,
} AuditType;

/* Ids that fill a row; zero uuids are left out, names are looked up. */
typedef struct AuditSubject
{
	pg_uuid_t vm_id;
	const char *vm_name;
	pg_uuid_t user_id;
	const char *user_name; /* audit_user_name */
	pg_uuid_t storage_pool_id;
	pg_uuid_t cluster_id;
	pg_uuid_t storage_domain_id;
	pg_uuid_t quota_id;
	pg_uuid_t job_id;
	pg_uuid_t call_id; /* correlation_id: the same in all rows of a call and of its jobs */
} AuditSubject;

/*
 * Whom a row names: the engine user, or the role where the call was internal or the engine has no
 * such user (any longer).  In an inventory frame.
 */
extern const char *audit_user_name(const pg_uuid_t *user_id, const char *role_name);

/* Names the caller in a row: an operator's engine user, else the role.  In an inventory frame. */
extern void audit_name_caller(AuditSubject *subject, const Caller *caller);

/*
 * Fills the type's own text: placeholders is a NULL-ended list of name, value pairs; a placeholder
 * without a value prints <UNKNOWN>.  In an inventory frame.
 */
extern void audit_write(AuditType type, const AuditSubject *subject,
						const char *const *placeholders);

#define AUDIT_NAMES 8

/* A name that rows of the same run have by its id. */
typedef struct AuditName
{
	const char *table;
	pg_uuid_t id;
	const char *name;
} AuditName;

/* The same for many rows at once; what subject and placeholders point to may go after audit_add. */
typedef struct AuditRows
{
	NewRows rows;
	AuditName names[AUDIT_NAMES];
	int name_count;
} AuditRows;

extern AuditRows audit_begin(void);
extern void audit_add(AuditRows *rows, AuditType type, const AuditSubject *subject,
					  const char *const *placeholders);
extern void audit_end(AuditRows *rows);

#endif
