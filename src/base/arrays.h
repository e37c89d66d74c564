/*
 * arrays.h
 *		Arrays for the parameters of statements, and out of their results.
 */
#ifndef VMCLONE_ARRAYS_H
#define VMCLONE_ARRAYS_H

#include "postgres.h"

#include "utils/uuid.h"

/* uuid[], text[], bigint[] and integer[] of count elements; count may be 0. */
extern Datum array_of_uuids(const pg_uuid_t *ids, int count);
extern Datum array_of_texts(const char *const *texts, int count); /* NULL becomes NULL */
extern Datum array_of_int64s(const int64 *numbers, int count);
extern Datum array_of_int32s(const int32 *numbers, int count);

/* Of values that are there already: uuid, text, jsonb, bigint, integer and timestamptz. */
extern Datum array_of_datums(Datum *values, int count, Oid type);

/* Fields of SPI_tuptable, by row and by column from 1; *count is 0 for null. */
extern pg_uuid_t *field_uuids(uint64 row, int column, int *count); /* NULL for null */

/* The elements of an array of type text or integer. */
extern Datum *field_elements(uint64 row, int column, Oid type, bool **nulls, int *count);

#endif
