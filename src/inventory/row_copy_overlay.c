/*
 * row_copy_overlay.c
 *		JSON objects laid over rows, as jsonb_populate_record does; and the check of what callers give.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/statement.h"
#include "inventory/row_copy_internal.h"

/* A text that the type's input function would only copy: no more bytes than the column takes characters. */
static bool
is_taken_as_it_is(const CopiedColumn *column, int length)
{
	return column->type == TEXTOID ||
		   (column->type == VARCHAROID &&
			(column->type_modifier < 0 || length <= column->type_modifier - VARHDRSZ));
}

Datum
row_copy_input(CopiedColumn *column, char *text)
{
	if (text && is_taken_as_it_is(column, (int) strlen(text)))
		return CStringGetTextDatum(text);
	return InputFunctionCall(&column->input_function, text, column->input_parameter,
							 column->type_modifier);
}

/* A scalar's text as an input function takes it; objects and arrays as JSON; NULL for null. */
static char *
value_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return NULL;
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return value->val.boolean ? pstrdup("true") : pstrdup("false");
		case jbvBinary:
			return JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
		default:
			elog(ERROR, "unexpected type %d of a JSON value", (int) value->type);
	}
}

/* Types that have a form of their own in JSON: rare, so the server's function does it. */
static Datum
populate(const CopiedColumn *column, const JsonbValue *value, bool *is_null)
{
	JsonbInState state = {0};
	JsonbValue key = {.type = jbvString, .val.string = {.val = "value", .len = 5}};
	JsonbValue copy = *value;
	Oid type = JSONBOID;
	Datum argument;
	char *text = psprintf("SELECT r.value FROM jsonb_to_record($1) AS r (value %s)",
						  format_type_with_typemod(column->type, column->type_modifier));

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_VALUE, &copy);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	argument = JsonbPGetDatum(JsonbValueToJsonb(state.result));
	if (SPI_execute_with_args(text, 1, &type, &argument, NULL, false, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not read a value of column %s", column->name);
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, ONLY_COLUMN, is_null);
}

static Datum
read_value(CopiedColumn *column, const JsonbValue *value, bool *is_null)
{
	*is_null = value->type == jbvNull;
	if (column->input == ROW_COPY_INPUT_POPULATE)
		return populate(column, value, is_null);
	/* a domain may refuse null */
	if (*is_null)
		return column->is_domain ? row_copy_input(column, NULL) : (Datum) 0;
	if (column->input == ROW_COPY_INPUT_JSONB)
		return JsonbPGetDatum(JsonbValueToJsonb(unconstify(JsonbValue *, value)));
	if (column->type == BOOLOID && value->type == jbvBool)
		return BoolGetDatum(value->val.boolean);
	if (value->type == jbvString && is_taken_as_it_is(column, value->val.string.len))
		return PointerGetDatum(
			cstring_to_text_with_len(value->val.string.val, value->val.string.len));
	return row_copy_input(column, value_text(value));
}

static int
compare_name(const char *name, int length, const CopiedColumn *column)
{
	if (length != column->name_length)
		return length - column->name_length;
	return memcmp(name, column->name, length);
}

static CopiedColumn *
find_column(const RowCopyTable *table, const char *name)
{
	int length = strlen(name);
	int low = 0;
	int high = table->column_count;

	while (low < high)
	{
		int middle = (low + high) / 2;
		CopiedColumn *column = &table->columns[table->by_name[middle]];
		int order = compare_name(name, length, column);

		if (order == 0)
			return column;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void
row_copy_lay_settings(RowCopyTable *table, const RowCopySetting *settings, int count, Datum *values,
					  bool *nulls, bool *is_set)
{
	for (int i = 0; i < count; i++)
	{
		CopiedColumn *column = find_column(table, settings[i].column);
		const char *text = settings[i].text;
		JsonbValue value = {.type = jbvNull};
		int n;

		if (column == NULL)
			continue;
		n = column - table->columns;
		is_set[n] = true;
		/* what is given for every row needs no value here */
		if (column->given >= 0)
			continue;
		nulls[n] = text == NULL;
		if (text && column->input != ROW_COPY_INPUT_POPULATE)
		{
			values[n] = row_copy_input(column, unconstify(char *, text));
			continue;
		}
		if (text)
			value = (JsonbValue){
				.type = jbvString,
				.val.string = {.val = unconstify(char *, text), .len = (int) strlen(text)}};
		values[n] = read_value(column, &value, &nulls[n]);
	}
}

/* Keys and columns have the same order: one walk along both. */
static void
lay_one_over(RowCopyTable *table, const Jsonb *overlay, Datum *values, bool *nulls, bool *is_set)
{
	JsonMembers members;
	JsonbValue key;
	JsonbValue value;
	int next = 0;

	json_members_begin(&members, overlay);
	while (next < table->column_count && json_members_next(&members, &key, &value))
	{
		int order = -1;
		int n;

		while (next < table->column_count &&
			   (order = compare_name(key.val.string.val, key.val.string.len,
									 &table->columns[table->by_name[next]])) > 0)
			next++;
		if (order != 0)
			continue;
		n = table->by_name[next];
		if (is_set[n])
			continue;
		/* what is given for every row needs no value here */
		if (table->columns[n].given < 0)
			values[n] = read_value(&table->columns[n], &value, &nulls[n]);
		is_set[n] = true;
	}
}

void
row_copy_lay_over(RowCopyTable *table, const Jsonb *const *overlays, int overlay_count,
				  Datum *values, bool *nulls, bool *is_set)
{
	/* from the highest: what it sets is not even read from lower ones */
	for (int i = overlay_count - 1; i >= 0; i--)
	{
		if (overlays[i] && JB_ROOT_IS_OBJECT(overlays[i]))
			lay_one_over(table, overlays[i], values, nulls, is_set);
	}
}

/* Reads a value as the column's type; an error of the type becomes one that names key and table. */
static void
check_value(const char *relation, Form_pg_attribute attribute, char *text, const char *parameter)
{
	MemoryContext context = CurrentMemoryContext;
	Oid input;
	Oid parameter_type;

	getTypeInputInfo(attribute->atttypid, &input, &parameter_type);
	PG_TRY();
	{
		(void) OidInputFunctionCall(input, text, parameter_type, attribute->atttypmod);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(error->sqlerrcode),
				 errmsg("value of key \"%s\" in %s is not valid: %s", NameStr(attribute->attname),
						parameter, message_excerpt(error->message)),
				 errhint("Column \"%s\" of %s has type %s.", NameStr(attribute->attname), relation,
						 format_type_with_typemod(attribute->atttypid, attribute->atttypmod))));
	}
	PG_END_TRY();
}

void
row_overlay_check(const char *relation_name, const Jsonb *overlay, const char *parameter)
{
	Relation relation;
	TupleDesc descriptor;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (overlay == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(overlay))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s is not a JSON object", parameter),
						errhint("Give an object keyed by the columns of %s.", relation_name)));
	relation = inventory_open(relation_name, AccessShareLock);
	descriptor = RelationGetDescr(relation);
	iterator = JsonbIteratorInit((JsonbContainer *) &overlay->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		Form_pg_attribute attribute = NULL;
		char *key;
		char *text;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		for (int i = 0; i < descriptor->natts; i++)
		{
			Form_pg_attribute candidate = TupleDescAttr(descriptor, i);

			if (!candidate->attisdropped && strcmp(NameStr(candidate->attname), key) == 0)
				attribute = candidate;
		}
		if (attribute == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("unknown key \"%s\" in %s", message_excerpt(key), parameter),
							errhint("Keys are the columns of %s.", relation_name)));
		if (attribute->attgenerated || attribute->attidentity)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("key \"%s\" in %s can't be given", key, parameter),
							errdetail("Column \"%s\" of %s is generated.", key, relation_name),
							errhint("Leave it out.")));
		text = json_get_text(overlay, key);
		if (text == NULL)
		{
			/* where there is a default, null means that */
			if (attribute->attnotnull && !attribute->atthasdef)
				ereport(ERROR,
						(errcode(ERRCODE_NOT_NULL_VIOLATION),
						 errmsg("value of key \"%s\" in %s must not be null", key, parameter),
						 errhint("Leave it out to keep the source's value.")));
			continue;
		}
		/* JSON, arrays and composites are read as JSON, when the row is made */
		if (row_copy_input_of(attribute->atttypid) != ROW_COPY_INPUT_TEXT)
			continue;
		check_value(relation_name, attribute, text, parameter);
	}
	table_close(relation, AccessShareLock);
}
