/*
 * row_copy_internal.h
 *		What the row_copy*.c files share: a table as its rows are copied.
 */
#ifndef VMCLONE_ROW_COPY_INTERNAL_H
#define VMCLONE_ROW_COPY_INTERNAL_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/primnodes.h"
#include "utils/rel.h"

#include "inventory/row_copy.h"

/* How a column takes a JSON value. */
typedef enum RowCopyInput
{
	ROW_COPY_INPUT_TEXT, /* by its type's input function */
	ROW_COPY_INPUT_JSONB,
	ROW_COPY_INPUT_POPULATE, /* json, arrays, composites and domains of such: jsonb_to_record */
} RowCopyInput;

/* row_copy_table.c */
extern RowCopyInput row_copy_input_of(Oid type);

/* A value that is set for a source's rows. */
typedef struct RowCopySetting
{
	const char *column;
	const char *text;
} RowCopySetting;

/* A column that is copied. */
typedef struct CopiedColumn
{
	const char *name;
	int name_length;
	Oid type;
	int32 type_modifier;
	bool is_domain;
	bool by_value;
	int16 length;
	RowCopyInput input;
	FmgrInfo input_function;
	Oid input_parameter;
	Expr *default_expression; /* not planned; NULL: null */
	bool is_volatile;         /* the default: another one for every row */
	bool is_serial;           /* the default is a sequence's number: not the source row's to give */
	bool null_is_default;     /* NOT NULL with a default: a NULL leaves the column out */
	int given;                /* index into target->columns, or -1: the source has it */
	AttrNumber number;        /* in the table */
} CopiedColumn;

/*
 * A table with the statements that are kept for it.  Columns are those that are copied: all but
 * dropped, generated and identity columns, in the table's order.
 */
typedef struct RowCopyTable
{
	Oid relation_id;
	uint64 changes; /* of tables, when it was last found to be as described */
	char *schema_name;
	char *relation_name;  /* qualified and quoted, as in the statements */
	TupleDesc descriptor; /* of the table, when the statements were made */
	TupleDesc columns_descriptor;
	int column_count;
	CopiedColumn *columns;
	int *by_name;         /* columns in the order that jsonb has for keys */
	int key;              /* column that finds a source row */
	AttrNumber read_by;   /* column of the table that sources are read by: key, or the second one */
	bool has_identity;    /* a column that the server fills */
	SPIPlanPtr read_plan; /* statements, NULL until one is needed */
	bool has_read;
	SPIPlanPtr insert_plan;
	int users; /* copies under way: a default's or a trigger's function may call us again */
	MemoryContext context;
} RowCopyTable;

/*
 * row_copy_table.c: the target's table as it is now, locked (ERRCODE_UNDEFINED_COLUMN where it lacks one
 * of the target's columns); its statements, for tables that can't be read or written without.
 */
extern RowCopyTable *row_copy_table(RowCopyTarget *target, Relation relation);
extern void row_copy_make_statements(RowCopyTable *table, const RowCopyTarget *target);

/*
 * row_copy_overlay.c: a text as the column's type, NULL for null; lays settings, and below them overlays, over
 * values and nulls, by column; is_set gets true for every column that one of them names.
 */
extern Datum row_copy_input(CopiedColumn *column, char *text);
extern void row_copy_lay_settings(RowCopyTable *table, const RowCopySetting *settings, int count,
								  Datum *values, bool *nulls, bool *is_set);
extern void row_copy_lay_over(RowCopyTable *table, const Jsonb *const *overlays, int overlay_count,
							  Datum *values, bool *nulls, bool *is_set);

#endif
