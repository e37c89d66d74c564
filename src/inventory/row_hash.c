/*
 * row_hash.c
 *		What a row says beside its status, and in which file, as one number.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/compat.h"
#include "base/statement.h"
#include "inventory/row_hash.h"

/* Which macro of row_hash.h. */
typedef enum HashKind
{
	AS_UUID,
	AS_INT,
	AS_BOOL,
	AS_TIME,
	AS_TEXT,
} HashKind;

/* A column of the macros below; its place is its seed, from 2 on. */
typedef struct HashedColumn
{
	const char *name;
	HashKind kind;
} HashedColumn;

static const HashedColumn image_columns[] = {
	{"parentid", AS_UUID},
	{"image_group_id", AS_UUID},
	{"vm_snapshot_id", AS_UUID},
	{"it_guid", AS_UUID},
	{"size", AS_INT},
	{"volume_type", AS_INT},
	{"volume_format", AS_INT},
	{"active", AS_BOOL},
	{"lastmodified", AS_TIME},
	{"volume_classification", AS_INT},
	{"qcow_compat", AS_INT},
};

static const HashedColumn snapshot_columns[] = {
	{"vm_id", AS_UUID},    {"snapshot_type", AS_TEXT},    {"description", AS_TEXT},
	{"app_list", AS_TEXT}, {"vm_configuration", AS_TEXT}, {"vm_configuration_broken", AS_BOOL},
};

static Datum
hash_value(const KeyedRows *rows, int row, const HashedColumn *column, Datum value, Oid type,
		   Datum seed)
{
	pg_uuid_t uuid;
	int64 number;

	/* the table may have been changed since it was bound: what reads a value looks at its type */
	switch (column->kind)
	{
		case AS_UUID:
			if (type == UUIDOID)
				return DirectFunctionCall2(uuid_hash_extended, value, seed);
			uuid = keyed_uuid(rows, row, column->name);
			return DirectFunctionCall2(uuid_hash_extended, UUIDPGetDatum(&uuid), seed);
		case AS_INT:
			if (!get_integer(value, type, &number))
				number = keyed_int64(rows, row, column->name);
			return DirectFunctionCall2(hashint8extended, Int64GetDatum(number), seed);
		case AS_BOOL:
			return DirectFunctionCall2(hashint8extended,
									   Int64GetDatum(keyed_bool(rows, row, column->name)), seed);
		case AS_TIME:
			if (type != TIMESTAMPTZOID && type != TIMESTAMPOID)
				break;
			/* a timestamp's hash is its number's */
			return DirectFunctionCall2(hashint8extended, value, seed);
		case AS_TEXT:
			break;
	}
	if (type != TEXTOID && type != VARCHAROID)
		value = CStringGetTextDatum(keyed_text(rows, row, column->name));
	return DirectFunctionCall2Coll(hashtextextended, C_COLLATION_OID, value, seed);
}

static int64
hash_row(const KeyedRows *rows, int row, const HashedColumn *columns, int count)
{
	Datum file = DirectFunctionCall1(pg_relation_filenode, ObjectIdGetDatum(rows->relation_id));
	uint64 result = DatumGetUInt64(DirectFunctionCall2(hashoidextended, file, Int64GetDatum(1)));

	for (int i = 0; i < count; i++)
	{
		Oid type;
		bool is_null;
		Datum value = keyed_field(rows, row, columns[i].name, &type, &is_null);

		if (!is_null)
			result ^= DatumGetUInt64(
				hash_value(rows, row, &columns[i], value, type, Int64GetDatum(i + 2)));
	}
	return (int64) result;
}

int64
image_hash(const KeyedRows *images, int row)
{
	return hash_row(images, row, image_columns, lengthof(image_columns));
}

int64
snapshot_hash(const KeyedRows *snapshots, int row)
{
	return hash_row(snapshots, row, snapshot_columns, lengthof(snapshot_columns));
}
