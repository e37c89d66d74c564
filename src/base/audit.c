/*
 * audit.c
 *		Rows of audit_log: type ids and severities are oVirt's, texts are our own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/audit.h"
#include "base/keyed_rows.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"

typedef struct AuditText
{
	AuditType type;
	int severity;
	const char *name;
	const char *text;
} AuditText;

static const AuditText audit_texts[] = {
	{AUDIT_USER_ADD_VM, AUDIT_SEVERITY_NORMAL, "USER_ADD_VM",
	 "VM ${VmName} was created by ${UserName}."},
	{AUDIT_USER_ADD_VM_STARTED, AUDIT_SEVERITY_NORMAL, "USER_ADD_VM_STARTED",
	 "Creation of VM ${VmName} from snapshot ${SnapshotName} of ${SourceVmName} was started by ${UserName}."},
	{AUDIT_USER_ADD_VM_TEMPLATE, AUDIT_SEVERITY_NORMAL, "USER_ADD_VM_TEMPLATE",
	 "Creation of template ${VmName} from snapshot ${SnapshotName} of ${SourceVmName} was started by ${UserName}."},
	{AUDIT_USER_ADD_VM_TEMPLATE_FINISHED_SUCCESS, AUDIT_SEVERITY_NORMAL,
	 "USER_ADD_VM_TEMPLATE_FINISHED_SUCCESS", "Creation of template ${VmName} is complete."},
	{AUDIT_USER_ADD_VM_FINISHED_SUCCESS, AUDIT_SEVERITY_NORMAL, "USER_ADD_VM_FINISHED_SUCCESS",
	 "Creation of VM ${VmName} is complete."},
	{AUDIT_USER_ADD_VM_FINISHED_FAILURE, AUDIT_SEVERITY_ERROR, "USER_ADD_VM_FINISHED_FAILURE",
	 "Creation of VM ${VmName} failed: ${Reason}."},
	{AUDIT_USER_ADD_VM_TEMPLATE_CREATE_TEMPLATE_FAILURE, AUDIT_SEVERITY_ERROR,
	 "USER_ADD_VM_TEMPLATE_CREATE_TEMPLATE_FAILURE",
	 "Creation of template ${VmName} failed: ${Reason}."},
	{AUDIT_MAC_POOL_EMPTY, AUDIT_SEVERITY_WARNING, "MAC_POOL_EMPTY",
	 "MAC pool ${MacPoolName} (${MacPoolId}) has no free address left."},
	{AUDIT_MAC_POOL_ALMOST_EMPTY, AUDIT_SEVERITY_WARNING, "MAC_POOL_ALMOST_EMPTY",
	 "MAC pool ${MacPoolName} (${MacPoolId}) has only ${AvailableMacsCount} free addresses left."},
	{AUDIT_MISSING_QUOTA_STORAGE_PARAMETERS_PERMISSIVE_MODE, AUDIT_SEVERITY_WARNING,
	 "MISSING_QUOTA_STORAGE_PARAMETERS_PERMISSIVE_MODE",
	 "The disks of ${VmName} name no existing quota; quota enforcement is soft, so the clone goes on."},
	{AUDIT_MISSING_QUOTA_CLUSTER_PARAMETERS_PERMISSIVE_MODE, AUDIT_SEVERITY_WARNING,
	 "MISSING_QUOTA_CLUSTER_PARAMETERS_PERMISSIVE_MODE",
	 "${VmName} names no existing quota; quota enforcement is soft, so the clone goes on."},
	{AUDIT_USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT, AUDIT_SEVERITY_ERROR,
	 "USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT",
	 "Storage quota ${QuotaName} is above its grace limit: ${CurrentStorage}% used, ${Requested}% asked for."},
	{AUDIT_USER_EXCEEDED_QUOTA_STORAGE_LIMIT, AUDIT_SEVERITY_WARNING,
	 "USER_EXCEEDED_QUOTA_STORAGE_LIMIT",
	 "Storage quota ${QuotaName} is above its limit, within its grace: ${CurrentStorage}% used, ${Requested}% asked for."},
	{AUDIT_USER_EXCEEDED_QUOTA_STORAGE_THRESHOLD, AUDIT_SEVERITY_WARNING,
	 "USER_EXCEEDED_QUOTA_STORAGE_THRESHOLD",
	 "Storage quota ${QuotaName} is above its threshold: ${CurrentStorage}% used, ${Requested}% asked for."},
	{AUDIT_USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT_PERMISSIVE_MODE, AUDIT_SEVERITY_WARNING,
	 "USER_EXCEEDED_QUOTA_STORAGE_GRACE_LIMIT_PERMISSIVE_MODE",
	 "Storage quota ${QuotaName} is above its grace limit: ${CurrentStorage}% used, ${Requested}% asked for; enforcement is soft, so the clone goes on."},
	{AUDIT_ADD_VM_FROM_SNAPSHOT_INVALID_INTERFACES, AUDIT_SEVERITY_WARNING,
	 "ADD_VM_FROM_SNAPSHOT_INVALID_INTERFACES",
	 "${EntityName} was added from a snapshot whose networks ${Networks} carry no VMs or are not in the cluster; interfaces ${Interfaces} have no network."},
	{AUDIT_CLONE_FROM_PARTIAL_SNAPSHOT, AUDIT_SEVERITY_WARNING, "CLONE_FROM_PARTIAL_SNAPSHOT",
	 "A clone of ${SourceVmName} from its partial snapshot ${SnapshotName} to ${VmName} is starting; missing disks: ${DiskAliases}."},
	{AUDIT_SNAPSHOT_DISK_MISSING, AUDIT_SEVERITY_WARNING, "SNAPSHOT_DISK_MISSING",
	 "Disk ${DiskAlias} (${DiskId}) is missing from snapshot ${SnapshotName} of ${SourceVmName}: ${Fate}."},
	{AUDIT_CLONE_RETRIED, AUDIT_SEVERITY_NORMAL, "CLONE_RETRIED",
	 "Creation of ${VmName} was started again by ${UserName}."},
	{AUDIT_ENTITY_UNLOCKED, AUDIT_SEVERITY_ALERT, "ENTITY_UNLOCKED",
	 "${UserName} removed the locks of ${Kind} ${EntityId} by hand."},
	{AUDIT_CLEANING_ABANDONED, AUDIT_SEVERITY_ALERT, "CLEANING_ABANDONED",
	 "${UserName} gave up cleaning after ${VmName}; files left: ${Paths}."},
	{AUDIT_JOBS_ADOPTED, AUDIT_SEVERITY_ALERT, "JOBS_ADOPTED",
	 "${UserName} let this database ${Choice} the jobs of another one."},
};

static Insertion insert_rows = {
	.relation = "audit_log",
	.column_count = 22,
	.columns = {{"log_time", TIMESTAMPTZOID},
				{"log_type", INT4OID},
				{"log_type_name", TEXTOID},
				{"severity", INT4OID},
				{"message", TEXTOID},
				{"user_id", UUIDOID},
				{"user_name", TEXTOID},
				{"vm_id", UUIDOID},
				{"vm_name", TEXTOID},
				{"storage_pool_id", UUIDOID},
				{"storage_pool_name", TEXTOID},
				{"cluster_id", UUIDOID},
				{"cluster_name", TEXTOID},
				{"storage_domain_id", UUIDOID},
				{"storage_domain_name", TEXTOID},
				{"quota_id", UUIDOID},
				{"quota_name", TEXTOID},
				{"job_id", UUIDOID},
				{"correlation_id", TEXTOID},
				{"origin", TEXTOID},
				{"custom_event_id", INT4OID},
				{"custom_data", TEXTOID}},
};

/* What the table's columns take, in characters; a quota's name has 65 in its own table. */
#define MOST_OF_USER_NAME  255
#define MOST_OF_QUOTA_NAME 60

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
	return field_text(0, ONLY_COLUMN);
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

AuditRows
audit_begin(void)
{
	return (AuditRows){.rows = insertion_begin(&insert_rows)};
}

/* The name in the row of a table; empty if there is none. */
static const char *
look_up_name(const char *table, const char *id_column, const char *name_column, const pg_uuid_t *id)
{
	const KeyedRows *row = keyed_row(table, id_column, id);
	char *name = row ? keyed_text(row, 0, name_column) : NULL;

	return name ? name : "";
}

static const char *
name_of(AuditRows *rows, const char *table, const char *id_column, const char *name_column,
		const pg_uuid_t *id)
{
	const char *name;

	if (uuid_is_zero(id))
		return "";
	for (int i = 0; i < rows->name_count; i++)
	{
		if (rows->names[i].table == table && uuid_same(&rows->names[i].id, id))
			return rows->names[i].name;
	}
	name = look_up_name(table, id_column, name_column, id);
	if (rows->name_count < AUDIT_NAMES)
		rows->names[rows->name_count++] = (AuditName){.table = table, .id = *id, .name = name};
	return name;
}

static char *
cut(const char *text, int most)
{
	return pnstrdup(text, pg_mbcharcliplen(text, strlen(text), most));
}

static const pg_uuid_t *
id_or_null(const pg_uuid_t *id)
{
	return uuid_is_zero(id) ? NULL : id;
}

/* EXTERNAL_EVENT_NORMAL 9801, _WARNING 9802, _ERROR 9803, EXTERNAL_ALERT 9804. */
static int
external_type(int severity)
{
	return severity == AUDIT_SEVERITY_ALERT ? 9804 : 9801 + severity;
}

static const char *
external_type_name(int severity)
{
	switch (severity)
	{
		case AUDIT_SEVERITY_NORMAL:
			return "EXTERNAL_EVENT_NORMAL";
		case AUDIT_SEVERITY_WARNING:
			return "EXTERNAL_EVENT_WARNING";
		case AUDIT_SEVERITY_ERROR:
			return "EXTERNAL_EVENT_ERROR";
		default:
			return "EXTERNAL_ALERT";
	}
}

/* Numbers the external events, for the engine refuses two with one number of an origin. */
static int32
next_event(void)
{
	Oid sequence = relation_of_name("vmclone.external_event_seq", AccessShareLock);

	return (int32) DatumGetInt64(DirectFunctionCall1(nextval_oid, ObjectIdGetDatum(sequence)));
}

void
audit_add(AuditRows *rows, AuditType type, const AuditSubject *subject,
		  const char *const *placeholders)
{
	static const char pools[] = "storage_pool";
	static const char clusters[] = "cluster";
	static const char domains[] = "storage_domain_static";
	static const char quotas[] = "quota";
	const AuditText *text = find_text(type);
	bool is_external = type < 0;
	NewRows *put = &rows->rows;

	new_rows_put(put, TimestampTzGetDatum(GetCurrentTimestamp()));
	new_rows_put(put, Int32GetDatum(is_external ? external_type(text->severity) : (int) type));
	new_rows_put_text(put, is_external ? external_type_name(text->severity) : text->name);
	new_rows_put(put, Int32GetDatum(text->severity));
	new_rows_put_text(put, fill(text->text, placeholders));
	new_rows_put_uuid(put, id_or_null(&subject->user_id));
	new_rows_put_text(put, subject->user_name ? cut(subject->user_name, MOST_OF_USER_NAME) : "");
	new_rows_put_uuid(put, id_or_null(&subject->vm_id));
	new_rows_put_text(put, subject->vm_name ? subject->vm_name : "");
	new_rows_put_uuid(put, id_or_null(&subject->storage_pool_id));
	new_rows_put_text(put, name_of(rows, pools, "id", "name", &subject->storage_pool_id));
	new_rows_put_uuid(put, id_or_null(&subject->cluster_id));
	new_rows_put_text(put, name_of(rows, clusters, "cluster_id", "name", &subject->cluster_id));
	new_rows_put_uuid(put, id_or_null(&subject->storage_domain_id));
	new_rows_put_text(put,
					  name_of(rows, domains, "id", "storage_name", &subject->storage_domain_id));
	new_rows_put_uuid(put, id_or_null(&subject->quota_id));
	new_rows_put_text(put, cut(name_of(rows, quotas, "id", "quota_name", &subject->quota_id),
							   MOST_OF_QUOTA_NAME));
	new_rows_put_uuid(put, id_or_null(&subject->job_id));
	new_rows_put_text(put, uuid_is_zero(&subject->call_id) ? NULL : uuid_text(&subject->call_id));
	new_rows_put_text(put, is_external ? "vmclone" : "oVirt");
	new_rows_put(put, Int32GetDatum(is_external ? next_event() : -1));
	new_rows_put_text(put, is_external ? text->name : "");
}

void
audit_end(AuditRows *rows)
{
	insertion_run(&rows->rows);
}

void
audit_write(AuditType type, const AuditSubject *subject, const char *const *placeholders)
{
	AuditRows rows = audit_begin();

	audit_add(&rows, type, subject, placeholders);
	audit_end(&rows);
}
