/*
 * checks_interface.c
 *		The SQL functions that say beforehand what a clone call would do: can_add_…, plan_add_… and
 *		the catalogue of checks.  They write nothing and lock nothing, and work on a standby.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/elog.h"
#include "utils/tuplestore.h"

#include "base/arrays.h"
#include "base/caller.h"
#include "base/compat.h"
#include "base/extension.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "checks/check_table.h"
#include "plan/plan_parts.h"
#include "plan/quota.h"

VMCLONE_FUNCTION_INFO(vmclone_can_add_vm_from_snapshot);
VMCLONE_FUNCTION_INFO(vmclone_can_add_vm_template_from_snapshot);
VMCLONE_FUNCTION_INFO(vmclone_plan_add_vm_from_snapshot);
VMCLONE_FUNCTION_INFO(vmclone_plan_add_vm_template_from_snapshot);
VMCLONE_FUNCTION_INFO(vmclone_checks);

/* Bytes per second of the last hundred copies into a storage domain; NULL: there were none. */
static Statement domain_rates = {
	.sql = "SELECT r.id, (SELECT sum(t.bytes_done)"
		   "  / NULLIF(sum(EXTRACT(epoch FROM t.ended_at - t.started_at)), 0)"
		   "  FROM (SELECT * FROM vmclone.async_tasks a WHERE a.storage_domain_id = r.id"
		   "   AND a.result = 'success' AND a.started_at IS NOT NULL AND a.bytes_done > 0"
		   "   ORDER BY a.ended_at DESC LIMIT 100) t)::bigint"
		   " FROM unnest($1) r(id)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Columns of domain_rates. */
enum RateColumn
{
	RATE_DOMAIN_ID = 1,
	RATE_BYTES,
};

/* Hosts that could do what reads and writes the storage domains: numbers of disks, domains, and what these are called. */
static Statement disk_hosts = {
	.sql = "SELECT d.number, COALESCE(h.usable, '{}'), COALESCE(h.obstacles, CASE WHEN"
		   " h.usable IS NULL THEN vmclone_internal.hosts_of_domains(d.ids, d.labels) END)"
		   " FROM (SELECT number, array_agg(id), array_agg(label) FROM unnest($1, $2, $3)"
		   "  AS u(number, id, label) GROUP BY number) AS d(number, ids, labels)"
		   " CROSS JOIN LATERAL (SELECT array_agg(a.host_name) FILTER (WHERE a.obstacle IS NULL),"
		   "  string_agg(a.obstacle, '; ') FROM vmclone_internal.hosts_with_domains(d.ids) a)"
		   "  AS h(usable, obstacles)",
	.argument_count = 3,
	.argument_types = {INT4ARRAYOID, UUIDARRAYOID, TEXTARRAYOID},
};

/* Columns of disk_hosts. */
enum HostsColumn
{
	HOSTS_DISK_NUMBER = 1,
	HOSTS_USABLE,
	HOSTS_REASON,
};

static char *
sqlstate_text(int sqlstate)
{
	return pstrdup(unpack_sql_state(sqlstate));
}

/*
 * The plan of the call that the arguments describe, in an inventory frame.  A viewer may ask for
 * any user, as nothing is done.
 */
static ClonePlan *
load_plan(FunctionCallInfo fcinfo, CloneTarget target, Frame *frame)
{
	CloneRequest *request = request_parse(fcinfo, target);
	Caller caller = caller_identify();
	pg_uuid_t user_id = {{0}};
	bool has_user = caller_choose_user_to_look(&caller, request->user_id.given,
											   &request->user_id.value, &user_id);

	frame_enter_inventory(frame);
	return plan_load(request, has_user, &user_id);
}

static Datum
list_refusals(FunctionCallInfo fcinfo, CloneTarget target)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List *refusals;
	ListCell *cell;
	Frame frame;

	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	refusals = checks_run(load_plan(fcinfo, target, &frame), CHECK_ALL);
	frame_leave(&frame);
	foreach (cell, refusals)
	{
		const Refusal *refusal = lfirst(cell);
		Datum values[7];
		bool nulls[7] = {false};

		values[0] = Int32GetDatum(refusal->step);
		values[1] = CStringGetTextDatum(refusal->key);
		values[2] = CStringGetTextDatum(refusal->severity == SEVERITY_ERROR ? "ERROR" : "WARNING");
		values[3] = CStringGetTextDatum(refusal->message);
		values[4] = text_or_null(refusal->detail, &nulls[4]);
		values[5] = text_or_null(refusal->hint, &nulls[5]);
		values[6] = CStringGetTextDatum(sqlstate_text(refusal->sqlstate));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}

/* can_add_vm_from_snapshot(…) → one row per check that fails, in step order. */
Datum
vmclone_can_add_vm_from_snapshot(PG_FUNCTION_ARGS)
{
	return list_refusals(fcinfo, CLONE_TARGET_VM);
}

Datum
vmclone_can_add_vm_template_from_snapshot(PG_FUNCTION_ARGS)
{
	return list_refusals(fcinfo, CLONE_TARGET_TEMPLATE);
}

/* checks() → the table of checks. */
Datum
vmclone_checks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < checks_count(); i++)
	{
		const Check *check = checks_get(i);
		Datum values[7];
		bool nulls[7] = {false};

		values[0] = Int32GetDatum(check->step);
		values[1] = CStringGetTextDatum(check->key);
		values[2] = CStringGetTextDatum(check->severity == SEVERITY_ERROR ? "ERROR" : "WARNING");
		values[3] = CStringGetTextDatum(sqlstate_text(check->sqlstate));
		values[4] = CStringGetTextDatum(check->phases == CHECK_USER          ? "user"
										: check->phases == CHECK_AFTER_LOCKS ? "counted"
																			 : "always");
		values[5] = CStringGetTextDatum(check->summary);
		values[6] = text_or_null(check->hint, &nulls[6]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static const char *
fate_word(DiskFate fate)
{
	switch (fate)
	{
		case DISK_COPY:
			return "copy";
		case DISK_BLANK:
			return "blank";
		case DISK_SKIP:
			return "skip";
		case DISK_ATTACH:
			return "attach";
		case DISK_LEFT:
			return "leave";
	}
	pg_unreachable();
}

static const char *
format_word(VolumeFormat format)
{
	return format == VOLUME_FORMAT_RAW ? "RAW" : format == VOLUME_FORMAT_COW ? "COW" : NULL;
}

static const char *
type_word(VolumeType type)
{
	return type == VOLUME_TYPE_SPARSE         ? "Sparse"
		   : type == VOLUME_TYPE_PREALLOCATED ? "Preallocated"
											  : NULL;
}

/*
 * How the copier is going to copy, as far as rows tell, and why not faster.  What it finds in the
 * images (compressed clusters, misaligned extents) may still send single extents the slower way.
 */
static const char *
expected_method(const ClonePlan *plan, const PlannedDisk *disk, const char **reason)
{
	const DomainFacts *target = plan_domain(plan, &disk->target_domain_id);

	*reason = NULL;
	if (disk->fate == DISK_BLANK)
		return "create";
	if (target == NULL || !target->exists)
		*reason = "the target storage domain is unknown";
	else if (target->is_block)
		*reason = "block volumes cannot share blocks";
	else if (!target->reflink)
		*reason = target->attached ? "the target storage domain's file system cannot share blocks"
								   : "the target storage domain is not attached";
	else if (disk->volume_type == VOLUME_TYPE_PREALLOCATED)
		*reason = "a preallocated disk gets blocks of its own";
	for (int i = 0; i < disk->chain_length && *reason == NULL; i++)
		if (!uuid_same(&disk->chain[i].storage_domain_id, &disk->target_domain_id))
			*reason = "source and target are different storage domains";
	return *reason ? "copy" : "reflink";
}

static const char *
note_of(const ClonePlan *plan, const PlannedDisk *disk)
{
	const char *source;

	if (disk->fate == DISK_BLANK && json_get_bool(disk->configuration, "size_rounded", false))
		return psprintf("%s; its size is the configuration's, rounded up to GiB",
						disk->fate_reason);
	if (disk->fate_reason)
		return disk->fate_reason;
	if (disk->backup_wants_cow)
		return "RAW becomes COW, which incremental backup needs";
	if (disk->raw_became_cow)
		return "sparse RAW becomes COW on a block domain";
	source = json_get_text(plan->configuration, "source");
	if (source && strcmp(source, "current") == 0)
		return "the snapshot has no configuration: the current virtual machine's is taken";
	if (plan->request->copies > 1 && disk_is_made(disk))
		return psprintf("for each of %d copies", plan->request->copies);
	return NULL;
}

typedef struct DomainRate
{
	pg_uuid_t id;
	int64 rate; /* bytes per second; 0: unknown */
} DomainRate;

static DomainRate *
load_rates(const ClonePlan *plan, int *count)
{
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * (plan->disk_count + 1));
	DomainRate *rates = palloc0(sizeof(DomainRate) * (plan->disk_count + 1));
	int wanted = 0;
	Datum value;
	Frame frame;

	for (int i = 0; i < plan->disk_count; i++)
		if (plan->disks[i].has_target)
			ids[wanted++] = plan->disks[i].target_domain_id;
	value = array_of_uuids(ids, wanted);
	frame_enter_own(&frame);
	*count = (int) statement_run(&domain_rates, &value, NULL);
	for (int i = 0; i < *count; i++)
	{
		rates[i].id = field_uuid(i, RATE_DOMAIN_ID);
		rates[i].rate = field_int64(i, RATE_BYTES);
	}
	frame_leave(&frame);
	return rates;
}

/* The storage domains that a copy of the disk reads and writes, each once; NIL for a disk that isn't made. */
static List *
domains_of_disk(const ClonePlan *plan, const PlannedDisk *disk)
{
	List *domains = NIL;

	if (!disk_is_made(disk))
		return NIL;
	for (int i = 0; i < disk->chain_length; i++)
		domains =
			list_append_unique_ptr(domains, plan_domain(plan, &disk->chain[i].storage_domain_id));
	if (disk->has_target)
		domains = list_append_unique_ptr(domains, plan_domain(plan, &disk->target_domain_id));
	return list_delete_ptr(domains, NULL);
}

/* Where a disk may be copied. */
typedef struct DiskHosts
{
	Datum usable; /* text[] of hosts' names; 0: the disk isn't made */
	char *reason; /* what keeps the others from it; NULL: nothing */
} DiskHosts;

/* By disk. */
static DiskHosts *
load_hosts(const ClonePlan *plan)
{
	DiskHosts *hosts = palloc0(sizeof(DiskHosts) * (plan->disk_count + 1));
	int room = plan->disk_count * list_length(plan->domains) + 1;
	int32 *numbers = palloc(sizeof(int32) * room);
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * room);
	const char **labels = palloc(sizeof(char *) * room);
	int count = 0;
	Datum values[3];
	uint64 rows;
	Frame frame;

	for (int i = 0; i < plan->disk_count; i++)
	{
		ListCell *cell;

		foreach (cell, domains_of_disk(plan, &plan->disks[i]))
		{
			const DomainFacts *domain = lfirst(cell);

			numbers[count] = i;
			ids[count] = domain->id;
			labels[count++] = psprintf("\"%s\" (%s)", domain->name != NULL ? domain->name : "",
									   uuid_text(&domain->id));
		}
	}
	values[0] = array_of_int32s(numbers, count);
	values[1] = array_of_uuids(ids, count);
	values[2] = array_of_texts(labels, count);
	frame_enter_own(&frame);
	rows = statement_run(&disk_hosts, values, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		DiskHosts *its = &hosts[field_int64(row, HOSTS_DISK_NUMBER)];
		bool *nulls;
		int names;
		Datum *elements = field_elements(row, HOSTS_USABLE, TEXTOID, &nulls, &names);

		its->usable = array_of_datums(elements, names, TEXTOID);
		its->reason = field_text(row, HOSTS_REASON);
	}
	frame_leave(&frame);
	return hosts;
}

static void
put_disk(ReturnSetInfo *result, const ClonePlan *plan, const PlannedDisk *disk, int64 rate,
		 const DiskHosts *hosts)
{
	bool made = disk_is_made(disk);
	bool has_target = made && disk->has_target;
	const DomainFacts *target = has_target ? plan_domain(plan, &disk->target_domain_id) : NULL;
	pg_uuid_t *chain = palloc(sizeof(pg_uuid_t) * (disk->chain_length + 1));
	const char *reason = NULL;
	const char *method = made ? expected_method(plan, disk, &reason) : NULL;
	double left_gb;
	bool has_left = made && quota_left(plan, disk, &left_gb);
	Datum values[22];
	bool nulls[22] = {false};

	for (int i = 0; i < disk->chain_length; i++)
		chain[i] = disk->chain[i].image_id;
	values[0] = UUIDPGetDatum(&disk->disk_id);
	values[1] = text_or_null(disk->source_alias, &nulls[1]);
	values[2] = CStringGetTextDatum(fate_word(disk->fate));
	values[3] = array_of_uuids(chain, disk->chain_length);
	values[4] = Int32GetDatum(disk->chain_length);
	values[5] = text_or_null(disk->chain_length > 0
								 ? format_word(disk->chain[disk->chain_length - 1].volume_format)
								 : NULL,
							 &nulls[5]);
	values[6] = UUIDPGetDatum(&disk->target_domain_id);
	nulls[6] = !has_target;
	values[7] = text_or_null(target ? target->name : NULL, &nulls[7]);
	values[8] = text_or_null(made ? format_word(disk->volume_format) : NULL, &nulls[8]);
	values[9] = text_or_null(made ? type_word(disk->volume_type) : NULL, &nulls[9]);
	values[10] = Int64GetDatum(disk->size);
	values[11] = Int64GetDatum(disk->bytes_to_read);
	values[12] = Int64GetDatum(disk->bytes_needed);
	values[13] = text_or_null(disk->bytes_source, &nulls[13]);
	nulls[11] = nulls[12] = !made;
	values[14] = UUIDPGetDatum(&disk->quota_id.value);
	nulls[14] = !made || !disk->quota_id.given;
	values[15] = has_left ? Float8GetDatum(left_gb) : (Datum) 0;
	nulls[15] = !has_left;
	values[16] = text_or_null(method, &nulls[16]);
	values[17] = text_or_null(reason, &nulls[17]);
	values[18] = rate > 0 ? Float8GetDatum((double) disk->bytes_to_read / rate) : (Datum) 0;
	nulls[18] = rate <= 0 || disk->fate != DISK_COPY;
	values[19] = text_or_null(note_of(plan, disk), &nulls[19]);
	values[20] = hosts->usable;
	nulls[20] = hosts->usable == (Datum) 0;
	values[21] = text_or_null(hosts->reason, &nulls[21]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static Datum
list_disks(FunctionCallInfo fcinfo, CloneTarget target)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ClonePlan *plan;
	DomainRate *rates;
	DiskHosts *hosts;
	int rate_count;
	Frame frame;

	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	plan = load_plan(fcinfo, target, &frame);
	/* without a configuration there is nothing to plan, and the checks say why */
	if (plan->configuration == NULL)
		refusals_raise(checks_run(plan, CHECK_ALWAYS));
	(void) quota_evaluate(plan);
	rates = load_rates(plan, &rate_count);
	hosts = load_hosts(plan);
	for (int i = 0; i < plan->disk_count; i++)
	{
		int64 rate = 0;

		for (int r = 0; r < rate_count; r++)
			if (uuid_same(&rates[r].id, &plan->disks[i].target_domain_id))
				rate = rates[r].rate;
		put_disk(result, plan, &plan->disks[i], rate, &hosts[i]);
	}
	frame_leave(&frame);
	SPI_finish();
	return (Datum) 0;
}

/* plan_add_vm_from_snapshot(…) → one row per disk of the snapshot. */
Datum
vmclone_plan_add_vm_from_snapshot(PG_FUNCTION_ARGS)
{
	return list_disks(fcinfo, CLONE_TARGET_VM);
}

Datum
vmclone_plan_add_vm_template_from_snapshot(PG_FUNCTION_ARGS)
{
	return list_disks(fcinfo, CLONE_TARGET_TEMPLATE);
}
