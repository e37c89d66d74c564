/*
 * statement.c
 *		SPI statements whose plans live as long as the session.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/statement.h"

void
statement_plan(SPIPlanPtr plan, bool is_new, bool joins)
{
	/* jit is off too: it compiles plans of a high cost, and a switched-off plan type has one */
	static const char *const off[] = {"jit",
									  "enable_seqscan",
									  "enable_bitmapscan",
									  "enable_memoize",
									  "enable_hashjoin",
									  "enable_mergejoin"};
	CachedPlan *cached;
	int level;

	if (!is_new && SPI_plan_is_valid(plan))
		return;
	level = NewGUCNestLevel();
	for (int i = 0; i < (joins ? lengthof(off) : 4); i++)
	{
		/* enable_memoize is 14's */
		if (GetConfigOption(off[i], true, false) != NULL)
			(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
									 true, 0, false);
	}
	cached = SPI_plan_get_cached_plan(plan);
	if (cached)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
	AtEOXact_GUC(false, level);
}

static uint64
run(Statement *statement, const Datum *values, const bool *nulls, Snapshot snapshot)
{
	char null_flags[STATEMENT_MAX_ARGUMENTS + 1];
	bool is_new = statement->plan == NULL;
	/* SPI leaves its own, which ends with the frame, whatever the caller was in */
	MemoryContext caller_context = CurrentMemoryContext;
	int result;

	/* names are written without schemas: outside of a frame a caller's search_path would choose */
	if (!InLocalUserIdChange())
		elog(ERROR, "\"%s\" is run outside of a frame", statement->sql);
	/*
	 * Generic plans: the statements look up rows by keys, so a plan for the actual values would be the
	 * same one; making it at every run costs more than running the statement.
	 */
	if (is_new)
	{
		SPIPlanPtr plan = SPI_prepare_cursor(statement->sql, statement->argument_count,
											 statement->argument_types, CURSOR_OPT_GENERIC_PLAN);

		if (plan == NULL)
			elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
				 SPI_result_code_string(SPI_result));
		result = SPI_keepplan(plan);
		if (result != 0)
			elog(ERROR, "could not keep the plan of \"%s\": %s", statement->sql,
				 SPI_result_code_string(result));
		statement->plan = plan;
	}
	for (int i = 0; i < statement->argument_count; i++)
		null_flags[i] = nulls && nulls[i] ? 'n' : ' ';
	null_flags[statement->argument_count] = '\0';

	statement_plan(statement->plan, is_new, true);
	result = SPI_execute_snapshot(statement->plan, (Datum *) values, null_flags, snapshot,
								  InvalidSnapshot, false, true, 0);
	MemoryContextSwitchTo(caller_context);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", statement->sql, SPI_result_code_string(result));
	return SPI_processed;
}

uint64
statement_run(Statement *statement, const Datum *values, const bool *nulls)
{
	return run(statement, values, nulls, InvalidSnapshot);
}

uint64
statement_run_latest(Statement *statement, const Datum *values, const bool *nulls)
{
	CommandCounterIncrement();
	return run(statement, values, nulls, GetLatestSnapshot());
}

void
statement_run_one_row(Statement *statement, const Datum *values, const bool *nulls)
{
	uint64 rows = statement_run(statement, values, nulls);

	if (rows != 1)
		elog(ERROR, "\"%s\" gave " UINT64_FORMAT " rows instead of one", statement->sql, rows);
}

Datum
text_or_null(const char *text, bool *is_null)
{
	*is_null = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static Datum
field(uint64 row, int column, Oid *type, bool *is_null)
{
	if (SPI_tuptable == NULL || row >= SPI_tuptable->numvals || column < 1 ||
		column > SPI_tuptable->tupdesc->natts)
		elog(ERROR, "row " UINT64_FORMAT ", column %d is not in the result", row, column);
	*type = TupleDescAttr(SPI_tuptable->tupdesc, column - 1)->atttypid;
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, is_null);
}

static Datum
typed_field(uint64 row, int column, Oid expected, bool *is_null)
{
	Oid type;
	Datum value = field(row, column, &type, is_null);

	if (type != expected)
		elog(ERROR, "column %d has type %s instead of %s", column, format_type_be(type),
			 format_type_be(expected));
	return value;
}

bool
field_is_null(uint64 row, int column)
{
	Oid type;
	bool is_null;

	(void) field(row, column, &type, &is_null);
	return is_null;
}

char *
field_text(uint64 row, int column)
{
	Oid type;
	bool is_null;
	Datum value = field(row, column, &type, &is_null);
	Oid output;
	bool is_varlena;

	if (is_null)
		return NULL;
	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

pg_uuid_t
field_uuid(uint64 row, int column)
{
	bool is_null;
	Datum value = typed_field(row, column, UUIDOID, &is_null);
	pg_uuid_t uuid = {{0}};

	if (!is_null)
		uuid = *DatumGetUUIDP(value);
	return uuid;
}

bool
get_integer(Datum value, Oid type, int64 *result)
{
	switch (type)
	{
		case INT2OID:
			*result = DatumGetInt16(value);
			return true;
		case INT4OID:
			*result = DatumGetInt32(value);
			return true;
		case INT8OID:
			*result = DatumGetInt64(value);
			return true;
		default:
			return false;
	}
}

int64
field_int64(uint64 row, int column)
{
	Oid type;
	bool is_null;
	Datum value = field(row, column, &type, &is_null);
	int64 result = 0;

	if (!is_null && !get_integer(value, type, &result))
		elog(ERROR, "column %d has type %s instead of an integer", column, format_type_be(type));
	return result;
}

bool
field_bool(uint64 row, int column)
{
	bool is_null;
	Datum value = typed_field(row, column, BOOLOID, &is_null);

	return !is_null && DatumGetBool(value);
}

Jsonb *
field_jsonb(uint64 row, int column)
{
	bool is_null;
	Datum value = typed_field(row, column, JSONBOID, &is_null);

	return is_null ? NULL : DatumGetJsonbPCopy(value);
}

TimestampTz
field_timestamp(uint64 row, int column)
{
	bool is_null;
	Datum value = typed_field(row, column, TIMESTAMPTZOID, &is_null);

	return is_null ? 0 : DatumGetTimestampTz(value);
}
