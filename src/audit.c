/*
 * audit.c
 *		Rows of audit_log: type ids and severities are oVirt's, texts are our own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "audit.h"
#include "json.h"
#include "statement.h"

#define SEVERITY_CODE_NORMAL  0
#define SEVERITY_CODE_WARNING 1
#define SEVERITY_CODE_ERROR   2
#define SEVERITY_CODE_ALERT   10

typedef struct AuditText
{
	AuditType type;
	int severity;
	const char *name;
	const char *text;
} AuditText;

static const AuditText audit_texts[] = {
	{AUDIT_USER_ADD_VM, SEVERITY_CODE_NORMAL, "USER_ADD_VM",
	 "VM ${VmName} was created by ${UserName}."},
	{AUDIT_USER_ADD_VM_STARTED, SEVERITY_CODE_NORMAL, "USER_ADD_VM_STARTED",
	 "Creation of VM ${VmName} from snapshot ${SnapshotName} of ${SourceVmName} was started by ${UserName}."},
	{AUDIT_USER_ADD_VM_TEMPLATE, SEVERITY_CODE_NORMAL, "USER_ADD_VM_TEMPLATE",
	 "Creation of template ${VmName} from snapshot ${SnapshotName} of ${SourceVmName} was started by ${UserName}."},
	{AUDIT_USER_ADD_VM_TEMPLATE_FINISHED_SUCCESS, SEVERITY_CODE_NORMAL,
	 "USER_ADD_VM_TEMPLATE_FINISHED_SUCCESS", "Creation of template ${VmName} is complete."},
	{AUDIT_USER_ADD_VM_FINISHED_SUCCESS, SEVERITY_CODE_NORMAL, "USER_ADD_VM_FINISHED_SUCCESS",
	 "Creation of VM ${VmName} is complete."},
	{AUDIT_USER_ADD_VM_FINISHED_FAILURE, SEVERITY_CODE_ERROR, "USER_ADD_VM_FINISHED_FAILURE",
	 "Creation of VM ${VmName} failed: ${Reason}."},
	{AUDIT_USER_ADD_VM_TEMPLATE_CREATE_TEMPLATE_FAILURE, SEVERITY_CODE_ERROR,
	 "USER_ADD_VM_TEMPLATE_CREATE_TEMPLATE_FAILURE",
	 "Creation of template ${VmName} failed: ${Reason}."},
	{AUDIT_MAC_POOL_EMPTY, SEVERITY_CODE_WARNING, "MAC_POOL_EMPTY",
	 "MAC pool ${MacPoolName} (${MacPoolId}) has no free address left."},
	{AUDIT_MAC_POOL_ALMOST_EMPTY, SEVERITY_CODE_WARNING, "MAC_POOL_ALMOST_EMPTY",
	 "MAC pool ${MacPoolName} (${MacPoolId}) has only ${AvailableMacsCount} free addresses left."},
	{AUDIT_MISSING_QUOTA_STORAGE_PARAMETERS_PERMISSIVE_MODE, SEVERITY_CODE_WARNING,
	 "MISSING_QUOTA_STORAGE_PARAMETERS_PERMISSIVE_MODE",
	 "The disks of ${VmName} name no existing quota; quota enforcement is soft, so the clone goes on."},
	{AUDIT_MISSING_QUOTA_CLUSTER_PARAMETERS_PERMISSIVE_MODE, SEVERITY_CODE_WARNING,
	 "MISSING_QUOTA_CLUSTER_PARAMETERS_PERMISSIVE_MODE",
	 "${VmName} names no existing quota; quota enforcement is soft, so the clone goes on."},
	{AUDIT_USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT, SEVERITY_CODE_ERROR,
	 "USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT",
	 "Storage quota ${QuotaName} is above its grace limit: ${CurrentStorage}% used, ${Requested}% asked for."},
	{AUDIT_USER_EXCEEDED_QUOTA_STORAGE_LIMIT, SEVERITY_CODE_WARNING,
	 "USER_EXCEEDED_QUOTA_STORAGE_LIMIT",
	 "Storage quota ${QuotaName} is above its limit, within its grace: ${CurrentStorage}% used, ${Requested}% asked for."},
	{AUDIT_USER_EXCEEDED_QUOTA_STORAGE_THRESHOLD, SEVERITY_CODE_WARNING,
	 "USER_EXCEEDED_QUOTA_STORAGE_THRESHOLD",
	 "Storage quota ${QuotaName} is above its threshold: ${CurrentStorage}% used, ${Requested}% asked for."},
	{AUDIT_USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT_PERMISSIVE_MODE, SEVERITY_CODE_WARNING,
	 "USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT_PERMISSIVE_MODE",
	 "Storage quota ${QuotaName} is above its grace limit: ${CurrentStorage}% used, ${Requested}% asked for; enforcement is soft, so the clone goes on."},
	{AUDIT_ADD_VM_FROM_SNAPSHOT_INVALID_INTERFACES, SEVERITY_CODE_WARNING,
	 "ADD_VM_FROM_SNAPSHOT_INVALID_INTERFACES",
	 "${EntityName} was added from a snapshot whose networks ${Networks} carry no VMs or are not in the cluster; interfaces ${Interfaces} have no network."},
	{AUDIT_CLONE_FROM_PARTIAL_SNAPSHOT, SEVERITY_CODE_WARNING, "CLONE_FROM_PARTIAL_SNAPSHOT",
	 "A clone of ${SourceVmName} from its partial snapshot ${SnapshotName} to ${VmName} is starting; missing disks: ${DiskAliases}."},
	{AUDIT_SNAPSHOT_DISK_MISSING, SEVERITY_CODE_WARNING, "SNAPSHOT_DISK_MISSING",
	 "Disk ${DiskAlias} (${DiskId}) is missing from snapshot ${SnapshotName} of ${SourceVmName}: ${Fate}."},
	{AUDIT_CLONE_CANCELLED, SEVERITY_CODE_WARNING, "CLONE_CANCELLED",
	 "Creation of ${VmName} was given up: ${Reason}."},
	{AUDIT_CLONE_RETRIED, SEVERITY_CODE_NORMAL, "CLONE_RETRIED",
	 "Creation of ${VmName} was started again by ${UserName}."},
	{AUDIT_ENTITY_UNLOCKED, SEVERITY_CODE_ALERT, "ENTITY_UNLOCKED",
	 "${UserName} removed the locks of ${Kind} ${EntityId} by hand."},
	{AUDIT_CLEANING_ABANDONED, SEVERITY_CODE_ALERT, "CLEANING_ABANDONED",
	 "${UserName} gave up cleaning after ${VmName}; files left: ${Paths}."},
	{AUDIT_JOBS_ADOPTED, SEVERITY_CODE_ALERT, "JOBS_ADOPTED",
	 "${UserName} let this database ${Choice} the jobs of another one."},
};

static Statement insert_row = {
	.sql =
		"INSERT INTO audit_log (log_time, log_type, log_type_name, severity, message, user_id,"
		" user_name, vm_id, vm_name, storage_pool_id, storage_pool_name, cluster_id, cluster_name,"
		" storage_domain_id, storage_domain_name, quota_id, quota_name, job_id, correlation_id, origin)"
		" SELECT pg_catalog.clock_timestamp(), $1, $2, $3, $4, $5, $6, $7, $8,"
		" $9, (SELECT name FROM storage_pool WHERE id = $9),"
		" $10, (SELECT name FROM cluster WHERE cluster_id = $10),"
		" $11, (SELECT storage_name FROM storage_domain_static WHERE id = $11),"
		" $12, (SELECT quota_name FROM quota WHERE id = $12), $13, $14::text, 'oVirt'",
	.argument_count = 14,
	.argument_types = {INT4OID, TEXTOID, INT4OID, TEXTOID, UUIDOID, TEXTOID, UUIDOID, TEXTOID,
					   UUIDOID, UUIDOID, UUIDOID, UUIDOID, UUIDOID, UUIDOID},
};

static Statement engine_user = {
	.sql = "SELECT username::text FROM users WHERE user_id = $1 AND username <> ''",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

const char *
audit_user_name(const pg_uuid_t *user_id, const char *role_name)
{
	Datum value = UUIDPGetDatum(user_id);

	if (uuid_is_zero(user_id) || statement_run(&engine_user, &value, NULL) == 0)
		return role_name;
	return field_text(0, 1);
}

void
audit_name_caller(AuditSubject *subject, const Caller *caller)
{
	if (caller->has_user)
		subject->user_id = caller->user_id;
	subject->user_name = audit_user_name(&subject->user_id, caller->role_name);
}

static const AuditText *
find_text(AuditType type)
{
	for (size_t i = 0; i < lengthof(audit_texts); i++)
	{
		if (audit_texts[i].type == type)
			return &audit_texts[i];
	}
	elog(ERROR, "audit type %d has no text", (int) type);
}

static const char *
find_value(const char *const *placeholders, const char *name, size_t length)
{
	for (; placeholders && placeholders[0]; placeholders += 2)
	{
		if (strlen(placeholders[0]) == length && strncmp(placeholders[0], name, length) == 0)
			return placeholders[1] ? placeholders[1] : "<UNKNOWN>";
	}
	return "<UNKNOWN>";
}

static char *
fill(const char *text, const char *const *placeholders)
{
	StringInfoData result;

	initStringInfo(&result);
	while (*text)
	{
		const char *end;

		if (text[0] == '$' && text[1] == '{' && (end = strchr(text, '}')) != NULL)
		{
			appendStringInfoString(&result, find_value(placeholders, text + 2, end - text - 2));
			text = end + 1;
		}
		else
			appendStringInfoChar(&result, *text++);
	}
	return result.data;
}

void
audit_write(AuditType type, const AuditSubject *subject, const char *const *placeholders)
{
	const AuditText *text = find_text(type);
	const pg_uuid_t *ids[] = {&subject->user_id,
							  &subject->vm_id,
							  &subject->storage_pool_id,
							  &subject->cluster_id,
							  &subject->storage_domain_id,
							  &subject->quota_id,
							  &subject->job_id,
							  &subject->call_id};
	static const int id_columns[] = {4, 6, 8, 9, 10, 11, 12, 13};
	Datum values[14] = {0};
	bool nulls[14] = {0};

	values[0] = Int32GetDatum((int) type);
	values[1] = CStringGetTextDatum(text->name);
	values[2] = Int32GetDatum(text->severity);
	values[3] = CStringGetTextDatum(fill(text->text, placeholders));
	for (size_t i = 0; i < lengthof(ids); i++)
	{
		values[id_columns[i]] = UUIDPGetDatum(ids[i]);
		nulls[id_columns[i]] = uuid_is_zero(ids[i]);
	}
	nulls[5] = subject->user_name == NULL;
	if (subject->user_name)
		values[5] = CStringGetTextDatum(subject->user_name);
	nulls[7] = subject->vm_name == NULL;
	if (subject->vm_name)
		values[7] = CStringGetTextDatum(subject->vm_name);
	(void) statement_run(&insert_row, values, nulls);
}
