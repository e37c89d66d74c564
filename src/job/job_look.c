/*
 * job_look.c
 *		What runs see of storage domains, for view storage.
 *
 * A run looks at its domains first.  Whether a domain is attached stays as people have it: a server that is away for
 * a minute is no reason to refuse calls.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/json.h"
#include "base/statement.h"
#include "job/job_look.h"

static Statement write_look = {
	.sql =
		"UPDATE vmclone.storage_mounts m SET checked_at = $2, error = $5,"
		" total_bytes = COALESCE($3, total_bytes), available_bytes = COALESCE($4, available_bytes)"
		" FROM (SELECT storage_domain_id FROM vmclone.storage_mounts"
		" WHERE storage_domain_id = $1 AND host_name = $6 AND status = 'attached'"
		" AND (error IS DISTINCT FROM $5 OR checked_at < $2 - interval '5 s')"
		" FOR UPDATE SKIP LOCKED) free WHERE m.storage_domain_id = free.storage_domain_id"
		" AND m.host_name = $6",
	.argument_count = 6,
	.argument_types = {UUIDOID, TIMESTAMPTZOID, INT8OID, INT8OID, TEXTOID, TEXTOID},
};

void
job_look_keep(RunDomain *domain, const Jsonb *answer)
{
	domain->looked_at = GetCurrentTimestamp();
	domain->look_error = NULL;
	domain->total_bytes = answer != NULL ? json_get_count(answer, "total_bytes", -1) : -1;
	domain->available_bytes = answer != NULL ? json_get_count(answer, "available_bytes", -1) : -1;
}

void
job_look_fail(JobRun *run, RunDomain *domain)
{
	domain->looked_at = GetCurrentTimestamp();
	domain->look_error =
		MemoryContextStrdup(run->context, run->error_message ? run->error_message : "no answer");
	domain->total_bytes = domain->available_bytes = -1;
}

void
job_look_write(const JobRun *run)
{
	ListCell *cell;

	foreach (cell, run->domains)
	{
		const RunDomain *domain = lfirst(cell);
		Datum values[6];
		bool nulls[6] = {0};

		if (domain->looked_at == 0)
			continue;
		values[0] = DirectFunctionCall1(uuid_in, CStringGetDatum(domain->id));
		values[1] = TimestampTzGetDatum(domain->looked_at);
		values[2] = Int64GetDatum(domain->total_bytes);
		nulls[2] = domain->total_bytes < 0;
		values[3] = Int64GetDatum(domain->available_bytes);
		nulls[3] = domain->available_bytes < 0;
		values[4] =
			domain->look_error != NULL ? CStringGetTextDatum(domain->look_error) : (Datum) 0;
		nulls[4] = domain->look_error == NULL;
		values[5] = CStringGetTextDatum(run->host.name);
		(void) statement_run(&write_look, values, nulls);
	}
}
