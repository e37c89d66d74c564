/*
 * arrays.c
 *		Arrays for the parameters of statements, and out of their results.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"

Datum
array_of_datums(Datum *values, int count, Oid type)
{
	bool by_value = true;
	int16 length;
	char alignment;

	switch (type)
	{
		case UUIDOID:
			length = UUID_LEN;
			by_value = false;
			alignment = TYPALIGN_CHAR;
			break;
		case INT4OID:
			length = sizeof(int32);
			alignment = TYPALIGN_INT;
			break;
		case INT8OID:
		case TIMESTAMPTZOID:
			length = sizeof(int64);
			by_value = FLOAT8PASSBYVAL;
			alignment = TYPALIGN_DOUBLE;
			break;
		default:
			Assert(type == TEXTOID || type == JSONBOID);
			length = -1;
			by_value = false;
			alignment = TYPALIGN_INT;
			break;
	}
	return PointerGetDatum(construct_array(values, count, type, length, by_value, alignment));
}

Datum
array_of_uuids(const pg_uuid_t *ids, int count)
{
	Datum *values = palloc(sizeof(Datum) * (count + 1));

	for (int i = 0; i < count; i++)
		values[i] = UUIDPGetDatum(&ids[i]);
	return array_of_datums(values, count, UUIDOID);
}

Datum
array_of_texts(const char *const *texts, int count)
{
	Datum *values = palloc0(sizeof(Datum) * (count + 1));
	bool *nulls = palloc0(sizeof(bool) * (count + 1));
	int lower_bound = 1;

	if (count == 0)
		return PointerGetDatum(construct_empty_array(TEXTOID));
	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[i] == NULL;
		if (texts[i])
			values[i] = CStringGetTextDatum(texts[i]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower_bound, TEXTOID, -1,
											  false, TYPALIGN_INT));
}

Datum
array_of_int64s(const int64 *numbers, int count)
{
	Datum *values = palloc(sizeof(Datum) * (count + 1));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(numbers[i]);
	return array_of_datums(values, count, INT8OID);
}

Datum
array_of_int32s(const int32 *numbers, int count)
{
	Datum *values = palloc(sizeof(Datum) * (count + 1));

	for (int i = 0; i < count; i++)
		values[i] = Int32GetDatum(numbers[i]);
	return array_of_datums(values, count, INT4OID);
}

pg_uuid_t *
field_uuids(uint64 row, int column, int *count)
{
	bool is_null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &is_null);
	Datum *elements;
	pg_uuid_t *result;

	*count = 0;
	if (is_null)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &elements,
					  NULL, count);
	result = palloc(sizeof(pg_uuid_t) * (*count + 1));
	for (int i = 0; i < *count; i++)
		result[i] = *DatumGetUUIDP(elements[i]);
	return result;
}

Datum *
field_elements(uint64 row, int column, Oid type, bool **nulls, int *count)
{
	bool is_null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &is_null);
	Datum *elements = NULL;

	*count = 0;
	if (!is_null)
		deconstruct_array(DatumGetArrayTypeP(value), type, type == INT4OID ? 4 : -1,
						  type == INT4OID, TYPALIGN_INT, &elements, nulls, count);
	return elements;
}
