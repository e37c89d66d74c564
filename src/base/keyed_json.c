/*
 * keyed_json.c
 *		A row as to_jsonb has it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/compat.h"
#include "base/keyed_rows.h"
#include "base/uuid.h"

/* to_jsonb, which looks at the type of its argument in the expression that calls it. */
static Jsonb *
json_of(Datum value, Oid type, int32 modifier)
{
	Const *argument = makeNullConst(type, modifier, InvalidOid);
	FmgrInfo function;

	fmgr_info(F_TO_JSONB, &function);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument), InvalidOid,
											 InvalidOid, COERCE_EXPLICIT_CALL),
					   &function);
	return DatumGetJsonbP(FunctionCall1(&function, value));
}

static void
put_string(JsonbValue *result, char *text, int length)
{
	result->type = jbvString;
	result->val.string.val = text;
	result->val.string.len = length;
}

static void
put_integer(JsonbValue *result, int64 value)
{
	result->type = jbvNumeric;
	result->val.numeric = int64_to_numeric(value);
}

/* False: it is an object or an array. */
static bool
put_value(JsonbValue *result, Datum value, Oid type)
{
	switch (type)
	{
		case BOOLOID:
			result->type = jbvBool;
			result->val.boolean = DatumGetBool(value);
			return true;
		case INT2OID:
			put_integer(result, DatumGetInt16(value));
			return true;
		case INT4OID:
			put_integer(result, DatumGetInt32(value));
			return true;
		case INT8OID:
			put_integer(result, DatumGetInt64(value));
			return true;
		case UUIDOID:
			put_string(result, uuid_text(DatumGetUUIDP(value)), 36);
			return true;
		case TEXTOID:
		case VARCHAROID:
		{
			text *detoasted = DatumGetTextPP(value);

			put_string(result, VARDATA_ANY(detoasted), (int) VARSIZE_ANY_EXHDR(detoasted));
			return true;
		}
		default:
		{
			Jsonb *json = json_of(value, type, -1);

			return JB_ROOT_IS_SCALAR(json) && JsonbExtractScalar(&json->root, result);
		}
	}
}

/* As the members of a jsonb object are ordered: by length, then by bytes. */
static int
compare_names(const NameData *a, const NameData *b)
{
	size_t left = strlen(NameStr(*a));
	size_t right = strlen(NameStr(*b));

	if (left != right)
		return left < right ? -1 : 1;
	return memcmp(NameStr(*a), NameStr(*b), left);
}

static int
compare_columns(const void *a, const void *b, void *argument)
{
	TupleDesc descriptor = argument;

	return compare_names(&TupleDescAttr(descriptor, *(const int16 *) a - 1)->attname,
						 &TupleDescAttr(descriptor, *(const int16 *) b - 1)->attname);
}

/*
 * The numbers of the columns that there are, in the order of their names, *count of them, palloc'd.  The last answer, for whichever
 * table it was, is taken again where it holds, which is seen faster than sorted.
 */
static int16 *
sorted_columns(TupleDesc descriptor, int *count)
{
	static int16 sorted[MaxHeapAttributeNumber];
	static int sorted_count;
	int16 *result;
	bool is_sorted;

	*count = 0;
	for (int i = 0; i < descriptor->natts; i++)
		*count += TupleDescAttr(descriptor, i)->attisdropped ? 0 : 1;
	is_sorted = *count == sorted_count;
	for (int i = 0; i < *count && is_sorted; i++)
		is_sorted = sorted[i] <= descriptor->natts &&
					!TupleDescAttr(descriptor, sorted[i] - 1)->attisdropped &&
					(i == 0 || compare_columns(&sorted[i - 1], &sorted[i], descriptor) < 0);
	if (!is_sorted)
	{
		sorted_count = 0;
		for (int i = 0; i < descriptor->natts; i++)
		{
			if (!TupleDescAttr(descriptor, i)->attisdropped)
				sorted[sorted_count++] = (int16) (i + 1);
		}
		qsort_arg(sorted, sorted_count, sizeof(int16), compare_columns, descriptor);
	}
	/* a type's function that is called for a value may ask for another table's */
	result = palloc(sizeof(int16) * (*count + 1));
	memcpy(result, sorted, sizeof(int16) * *count);
	return result;
}

Jsonb *
keyed_json(const KeyedRows *rows, int row)
{
	TupleDesc descriptor = rows->descriptor;
	int count;
	int16 *columns = sorted_columns(descriptor, &count);
	Datum *values = palloc(sizeof(Datum) * descriptor->natts);
	bool *nulls = palloc(sizeof(bool) * descriptor->natts);
	JsonbPair *pairs = palloc(sizeof(JsonbPair) * (count + 1));
	JsonbValue object = {.type = jbvObject, .val.object = {.nPairs = count, .pairs = pairs}};

	heap_deform_tuple(rows->rows[row], descriptor, values, nulls);
	for (int i = 0; i < count; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, columns[i] - 1);

		put_string(&pairs[i].key, NameStr(column->attname), (int) strlen(NameStr(column->attname)));
		if (nulls[columns[i] - 1])
			pairs[i].value.type = jbvNull;
		/* seldom: objects and arrays are put in one by one by to_jsonb alone */
		else if (!put_value(&pairs[i].value, values[columns[i] - 1], column->atttypid))
			return json_of(heap_copy_tuple_as_datum(rows->rows[row], BlessTupleDesc(descriptor)),
						   descriptor->tdtypeid, descriptor->tdtypmod);
	}
	return JsonbValueToJsonb(&object);
}
