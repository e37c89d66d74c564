/*
 * configuration_interface.c
 *		The SQL functions that show a snapshot's configuration: what a form needs.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/tuplestore.h"

#include "base/extension.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/frame.h"
#include "base/json.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "configuration/configuration.h"

VMCLONE_FUNCTION_INFO(vmclone_get_vm_configuration_by_snapshot_id);
VMCLONE_FUNCTION_INFO(vmclone_suggest_vm_name);
VMCLONE_FUNCTION_INFO(vmclone_snapshot_disks);
VMCLONE_FUNCTION_INFO(vmclone_parse_ovf);

/*
 * $1 the document, $2 the VM: vm_static completed with the current row, less what a clone has of
 * its own; a lease is made only if it is asked for.  Nobody reads a password or a TPM's secrets
 * here; a clone gets them all the same.
 */
static Statement form = {
	.sql =
		"SELECT $1 || jsonb_build_object("
		" 'vm_static', (c.row || (SELECT COALESCE(jsonb_object_agg(e.key, e.value), '{}')"
		"  FROM jsonb_each($1 -> 'vm_static') e WHERE c.row ? e.key OR c.row = '{}'))"
		"  - '{vm_guid,vmt_guid,entity_type,creation_date,created_by_user_id,db_generation,"
		"child_count,template_status,_create_date,_update_date}'::text[]"
		"  - ARRAY (SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'vm_static'::regclass"
		"   AND (a.attgenerated <> '' OR a.attidentity <> '' OR EXISTS (SELECT FROM pg_catalog.pg_attrdef d"
		"    WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum"
		"    AND pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%')))"
		"  || CASE WHEN c.row ? 'lease_sd_id' THEN '{\"lease_sd_id\": null}' ELSE '{}' END::jsonb,"
		" 'lease_sd_id', $1 -> 'vm_static' -> 'lease_sd_id',"
		" 'vm_init', CASE WHEN jsonb_typeof($1 -> 'vm_init') = 'object' THEN ($1 -> 'vm_init')"
		"  - 'password' || jsonb_build_object('password_already_stored',"
		"  $1 -> 'vm_init' ->> 'password' IS NOT NULL) ELSE 'null' END,"
		" 'external_data', (SELECT jsonb_object_agg(e.key, true) FROM jsonb_each("
		"  CASE WHEN jsonb_typeof($1 -> 'external_data') = 'object'"
		"  THEN $1 -> 'external_data' ELSE '{}' END) e))"
		" FROM (SELECT COALESCE((SELECT to_jsonb(v.*) FROM vm_static v WHERE v.vm_guid = $2), '{}'))"
		" c(row)",
	.argument_count = 2,
	.argument_types = {JSONBOID, UUIDOID},
};

/* Of vmclone's own tables: domains in use here, and bytes that jobs under way will still write. */
static Statement domain_facts = {
	.sql =
		"SELECT jsonb_build_object("
		" 'attached', (SELECT COALESCE(jsonb_object_agg(m.storage_domain_id, true), '{}')"
		"  FROM vmclone.storage_mounts m WHERE m.status = 'attached'"
		"   AND vmclone_internal.identity_state() <> ALL ('{other database,other server}')),"
		" 'reserved', (SELECT COALESCE(jsonb_object_agg(r.storage_domain_id, r.bytes), '{}') FROM"
		"  (SELECT t.storage_domain_id, sum(GREATEST(t.bytes_reserved - t.bytes_written, 0)) AS bytes"
		"   FROM vmclone.async_tasks t WHERE t.result IS NULL GROUP BY 1) r))",
};

/*
 * $1 the document, $2 facts of vmclone's tables.  Formats by ovirt-clone.md, "Order of the checks",
 * check 41: COW preallocated and incremental backup go together only with each other, and a block
 * domain takes no sparse RAW.
 */
static Statement disk_rows = {
	.sql =
		"SELECT (o.disk ->> 'disk_id')::uuid, o.disk ->> 'disk_alias', (o.disk ->> 'image_id')::uuid,"
		" c.depth::integer, (o.disk ->> 'size')::bigint,"
		" CASE WHEN c.actual_size > 9223372036854775807 THEN 9223372036854775807"
		"  ELSE c.actual_size END::bigint,"
		" o.disk ->> 'volume_format', o.disk ->> 'volume_type',"
		" (o.disk ->> 'storage_domain_id')::uuid, o.disk ->> 'image_status',"
		" o.disk ->> 'disk_interface', (o.disk ->> 'is_boot')::boolean,"
		" (o.disk ->> 'is_plugged')::boolean, (o.disk ->> 'shareable')::boolean,"
		" CASE (o.disk ->> 'disk_storage_type')::integer " SQL_DISK_STORAGE_TYPE_WORDS " END,"
		" c.root_format, f.formats, s.domains"
		" FROM jsonb_array_elements($1 -> 'disks') WITH ORDINALITY o(disk, ordinal)"
		" CROSS JOIN LATERAL (WITH RECURSIVE chain AS ("
		"   SELECT i.image_guid, i.parentid, i.volume_format, i.volume_type, 1 AS depth FROM images i"
		"    WHERE i.image_guid = (o.disk ->> 'image_id')::uuid"
		"   UNION ALL"
		"   SELECT p.image_guid, p.parentid, p.volume_format, p.volume_type, chain.depth + 1"
		"    FROM chain JOIN images p ON p.image_guid = chain.parentid WHERE chain.depth < 1024"
		"     AND chain.parentid <> '00000000-0000-0000-0000-000000000000')"
		"  SELECT count(*) AS depth, sum(y.actual_size) AS actual_size,"
		"   (array_agg(CASE chain.volume_format " SQL_VOLUME_FORMAT_WORDS " END"
		"    ORDER BY chain.depth DESC))[1] AS root_format"
		"  FROM chain LEFT JOIN disk_image_dynamic y ON y.image_id = chain.image_guid) c"
		" CROSS JOIN LATERAL (SELECT CASE WHEN o.disk ->> 'disk_storage_type' <> '" SQL_DISK_STORAGE_TYPE_IMAGE
		"'"
		"   OR o.disk ->> 'shareable' = 'true' THEN '{}'::text[]"
		"   WHEN o.disk ->> 'backup' = 'Incremental' THEN '{COW/Sparse,COW/Preallocated}'"
		"   ELSE '{RAW/Sparse,RAW/Preallocated,COW/Sparse}' END AS formats) f"
		" CROSS JOIN LATERAL (SELECT COALESCE(jsonb_agg(jsonb_build_object("
		"   'storage_domain_id', g.id, 'storage_name', g.storage_name, 'kind',"
		"   CASE WHEN g.storage_type IN " SQL_BLOCK_STORAGE_TYPES
		" THEN 'block' ELSE 'file' END, 'is_source',"
		"   g.id::text = o.disk ->> 'storage_domain_id', 'attached', $2 -> 'attached' ? g.id::text,"
		"   'available_bytes', d.available_disk_size * 1073741824::bigint"
		"   - COALESCE(($2 -> 'reserved' ->> g.id::text)::numeric, 0), 'formats',"
		"   CASE WHEN g.storage_type IN " SQL_BLOCK_STORAGE_TYPES
		" THEN to_jsonb(array_remove(f.formats, 'RAW/Sparse'))"
		"   ELSE to_jsonb(f.formats) END)"
		"   ORDER BY g.id::text IS DISTINCT FROM o.disk ->> 'storage_domain_id', g.storage_name),"
		"   '[]') AS domains"
		"  FROM vm_static v JOIN cluster w ON w.cluster_id = v.cluster_id"
		"  JOIN storage_pool_iso_map m ON m.storage_pool_id = w.storage_pool_id AND m.status = " SQL_STORAGE_DOMAIN_STATUS_ACTIVE
		"  JOIN storage_domain_static g ON g.id = m.storage_id AND g.storage_domain_type IN " SQL_DATA_DOMAIN_TYPES
		"  LEFT JOIN storage_domain_dynamic d ON d.id = g.id"
		"  WHERE v.vm_guid = ($1 ->> 'vm_id')::uuid AND f.formats <> '{}') s"
		" ORDER BY o.ordinal",
	.argument_count = 2,
	.argument_types = {JSONBOID, JSONBOID},
};

/*
 * The snapshot's document.  An unknown snapshot is an error here, with the key that the check for it has in a clone
 * call: a form has nothing to show, while a call goes on to name all that is wrong.
 */
static Jsonb *
load(const pg_uuid_t *snapshot_id)
{
	Jsonb *document = configuration_load(snapshot_id);

	if (document == NULL)
		ereport(ERROR, (errcode(ERRCODE_VC_SNAPSHOT),
						errmsg("snapshot %s does not exist", uuid_text(snapshot_id)),
						errkey("ACTION_TYPE_FAILED_VM_SNAPSHOT_DOES_NOT_EXIST"),
						errdetail("ACTION_TYPE_FAILED_VM_SNAPSHOT_DOES_NOT_EXIST: snapshot %s",
								  uuid_text(snapshot_id)),
						errhint("List the snapshots of a VM with vmclone.snapshot_tree(vm_id).")));
	return document;
}

/* A copy that outlives SPI_finish. */
static Datum
in_context(MemoryContext context, Datum value, bool by_value, int16 length)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Datum copy = datumCopy(value, by_value, length);

	MemoryContextSwitchTo(old);
	return copy;
}

/* get_vm_configuration_by_snapshot_id(snapshot_id uuid) → jsonb: the document of configuration.h, for a form. */
Datum
vmclone_get_vm_configuration_by_snapshot_id(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	pg_uuid_t *snapshot_id = PG_GETARG_UUID_P(0);
	Frame frame;
	Datum values[2];
	bool nulls[2] = {false, false};
	pg_uuid_t vm_id;
	Jsonb *document;
	Datum result;

	SPI_connect();
	frame_enter_inventory(&frame);
	document = load(snapshot_id);
	values[0] = JsonbPGetDatum(document);
	nulls[1] = !json_get_uuid(document, "vm_id", &vm_id);
	values[1] = UUIDPGetDatum(&vm_id);
	statement_run_one_row(&form, values, nulls);
	result = in_context(caller, JsonbPGetDatum(field_jsonb(0, ONLY_COLUMN)), false, -1);
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* suggest_vm_name(snapshot_id uuid) → text: a name that is free in the data center; 54000 where all that are tried are taken. */
Datum
vmclone_suggest_vm_name(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	pg_uuid_t *snapshot_id = PG_GETARG_UUID_P(0);
	Frame frame;
	char *name;
	Datum result;

	SPI_connect();
	frame_enter_inventory(&frame);
	name = json_get_text(load(snapshot_id), "suggested_vm_name");
	result = in_context(caller, CStringGetTextDatum(name), false, -1);
	frame_leave(&frame);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* snapshot_disks(snapshot_id uuid) → a row for each disk of the snapshot. */
Datum
vmclone_snapshot_disks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	pg_uuid_t *snapshot_id = PG_GETARG_UUID_P(0);
	Frame own;
	Frame frame;
	Datum values[2];
	int columns;
	Datum *row_values;
	bool *row_nulls;
	uint64 rows;

	InitMaterializedSRF(fcinfo, 0);
	columns = result->setDesc->natts;
	SPI_connect();
	row_values = palloc(sizeof(Datum) * columns);
	row_nulls = palloc(sizeof(bool) * columns);

	frame_enter_own(&own);
	statement_run_one_row(&domain_facts, NULL, NULL);
	values[1] = JsonbPGetDatum(field_jsonb(0, ONLY_COLUMN));
	frame_leave(&own);

	frame_enter_inventory(&frame);
	values[0] = JsonbPGetDatum(load(snapshot_id));
	rows = statement_run(&disk_rows, values, NULL);
	if (SPI_tuptable->tupdesc->natts != columns)
		elog(ERROR, "snapshot_disks has %d columns instead of %d", columns,
			 SPI_tuptable->tupdesc->natts);
	for (uint64 row = 0; row < rows; row++)
	{
		heap_deform_tuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, row_values, row_nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, row_values, row_nulls);
	}
	frame_leave(&frame);
	SPI_finish();
	return (Datum) 0;
}

/* parse_ovf(ovf text) → jsonb: what the document says by itself, without rows; ERRCODE_VC_VM_CONFIGURATION for an unreadable one. */
Datum
vmclone_parse_ovf(PG_FUNCTION_ARGS)
{
	text *ovf = PG_GETARG_TEXT_PP(0);

	PG_RETURN_JSONB_P(ovf_to_configuration(VARDATA_ANY(ovf), VARSIZE_ANY_EXHDR(ovf)));
}
