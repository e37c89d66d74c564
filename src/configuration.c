/*
 * configuration.c
 *		A snapshot's configuration together with what the database says of it now.
 *
 * Three statements: the snapshot, the names that jobs hold, and one that lays the rows over the
 * document.  Sizes, formats, status and domain of a disk are the rows': the OVF rounds sizes up to
 * GiB and knows no domain.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "configuration.h"
#include "configuration_internal.h"
#include "json.h"
#include "statement.h"

#define NAMES_AT_ONCE   16
#define MAX_NAME_NUMBER (NAMES_AT_ONCE * 4096)

static Statement snapshot_row = {
	.sql = "SELECT s.vm_id, s.vm_configuration, v.vm_name, c.storage_pool_id"
		   " FROM snapshots s"
		   " LEFT JOIN vm_static v ON v.vm_guid = s.vm_id"
		   " LEFT JOIN cluster c ON c.cluster_id = v.cluster_id"
		   " WHERE s.snapshot_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* The first of the names $names that no VM or template of the pool $pool has. */
#define FREE_NAME(names, pool)                                                                     \
	" (SELECT n.name FROM unnest(" names ") WITH ORDINALITY n(name, ordinal)"                      \
	" WHERE NOT EXISTS (SELECT FROM vm_static t JOIN cluster tc ON tc.cluster_id = t.cluster_id"   \
	" WHERE t.vm_name = n.name AND tc.storage_pool_id = " pool ")"                                 \
	" ORDER BY n.ordinal LIMIT 1)"

/* What is_partial and missing_disks are made of: disks that a clone would copy and can't. */
#define MISSING_DISKS                                                                              \
	" coalesce(jsonb_agg(d.disk ORDER BY d.ordinal), '[]'),"                                       \
	" coalesce(jsonb_agg(jsonb_build_object('disk_id', d.disk -> 'disk_id', 'image_id',"           \
	" d.disk -> 'image_id', 'disk_alias', d.disk -> 'disk_alias', 'size', d.disk -> 'size',"       \
	" 'is_boot', d.disk -> 'is_boot', 'image_status', d.disk -> 'image_status')"                   \
	" ORDER BY d.ordinal)"                                                                         \
	" FILTER (WHERE d.disk ->> 'image_status' IN ('MISSING', 'ILLEGAL')"                           \
	" AND d.disk ->> 'shareable' = 'false' AND d.disk ->> 'disk_storage_type' = '0'), '[]')"

#define IMAGE_STATUS  " CASE i.imagestatus WHEN 1 THEN 'OK' WHEN 2 THEN 'LOCKED' ELSE 'ILLEGAL' END"
#define VOLUME_FORMAT " CASE i.volume_format WHEN 4 THEN 'COW' WHEN 5 THEN 'RAW' END"
#define VOLUME_TYPE   " CASE i.volume_type WHEN 1 THEN 'Preallocated' WHEN 2 THEN 'Sparse' END"
#define STORAGE_DOMAIN                                                                             \
	" (SELECT m.storage_domain_id FROM image_storage_domain_map m WHERE m.image_id = i.image_guid" \
	" ORDER BY m.storage_domain_id LIMIT 1)"

/*
 * $1 the document, $2 the VM, $3 its data centre, $4 names on offer.  A quota, instance type or
 * lease's domain that is gone since becomes null; the limit of hot-plugged memory grows with the
 * memory where the OVF has none.
 */
static Statement rows_over_ovf = {
	.sql =
		"SELECT $1 || jsonb_build_object('vm_static', $1 -> 'vm_static'"
		" || CASE WHEN s ->> 'quota_id' IS NOT NULL AND NOT EXISTS (SELECT FROM quota t"
		"  WHERE t.id = (s ->> 'quota_id')::uuid)"
		"  THEN '{\"quota_id\": null}' ELSE '{}' END::jsonb"
		" || CASE WHEN s ->> 'instance_type_id' IS NOT NULL AND NOT EXISTS (SELECT FROM vm_static t"
		"  WHERE t.vm_guid = (s ->> 'instance_type_id')::uuid)"
		"  THEN '{\"instance_type_id\": null}' ELSE '{}' END::jsonb"
		" || CASE WHEN s ->> 'lease_sd_id' IS NOT NULL AND NOT EXISTS (SELECT FROM"
		"  storage_domain_static t WHERE t.id = (s ->> 'lease_sd_id')::uuid)"
		"  THEN '{\"lease_sd_id\": null}' ELSE '{}' END::jsonb"
		" || CASE WHEN s ->> 'max_memory_size_mb' IS NULL AND v.max_memory_size_mb <"
		"  (s ->> 'mem_size_mb')::integer"
		"  THEN jsonb_build_object('max_memory_size_mb', s -> 'mem_size_mb') ELSE '{}' END,"
		" 'disks', d.disks, 'missing_disks', d.missing, 'is_partial', d.missing <> '[]',"
		" 'vm_id', $2::uuid, 'suggested_vm_name'," FREE_NAME(
			"$4",
			"$3") ")"
				  " FROM (SELECT" MISSING_DISKS "  FROM (SELECT o.ordinal, o.disk || CASE"
				  "   WHEN i.image_guid IS NOT NULL THEN jsonb_build_object('size', i.size, 'actual_size',"
				  "    y.actual_size, 'volume_format'," VOLUME_FORMAT ", 'volume_type'," VOLUME_TYPE
				  ","
				  "    'storage_domain_id'," STORAGE_DOMAIN ", 'image_status'," IMAGE_STATUS ")"
				  "   WHEN o.disk ->> 'image_id' IS NULL AND EXISTS (SELECT FROM base_disks b"
				  "    WHERE b.disk_id = (o.disk ->> 'disk_id')::uuid)"
				  "   THEN '{\"image_status\": \"OK\", \"storage_domain_id\": null}'"
				  "   ELSE '{\"image_status\": \"MISSING\", \"storage_domain_id\": null}' END AS disk"
				  "   FROM jsonb_array_elements($1 -> 'disks') WITH ORDINALITY o(disk, ordinal)"
				  "   LEFT JOIN LATERAL (SELECT * FROM images x"
				  "    WHERE x.image_guid = (o.disk ->> 'image_id')::uuid"
				  "    AND x.image_group_id = (o.disk ->> 'disk_id')::uuid LIMIT 1) i ON true"
				  "   LEFT JOIN LATERAL (SELECT z.actual_size FROM disk_image_dynamic z"
				  "    WHERE z.image_id = i.image_guid LIMIT 1) y ON true) d) d(disks, missing)"
				  " CROSS JOIN (SELECT $1 -> 'vm_static') o(s)"
				  " LEFT JOIN vm_static v ON v.vm_guid = $2",
	.argument_count = 4,
	.argument_types = {JSONBOID, UUIDOID, UUIDOID, TEXTARRAYOID},
};

/*
 * For a snapshot without a configuration: $1 the snapshot, $2 the VM, $3 its data centre, $4 names
 * on offer.  As the engine does it (reference §5.3): the current VM and its NICs, the images of the
 * snapshot, and no devices but those of its disks and NICs, and its display, so that the clone gets
 * the default ones.
 */
static Statement current_rows = {
	.sql =
		"SELECT jsonb_build_object('source', 'current', 'vm_id', v.vm_guid, 'vm_static', to_jsonb(v),"
		" 'vm_init', (SELECT to_jsonb(n) - 'vm_id' FROM vm_init n WHERE n.vm_id = v.vm_guid),"
		" 'disks', d.disks, 'missing_disks', d.missing, 'is_partial', d.missing <> '[]',"
		" 'interfaces', (SELECT coalesce(jsonb_agg(jsonb_build_object('interface_id', n.id, 'name',"
		"  n.name, 'mac_addr', n.mac_addr, 'type', n.type, 'linked', n.linked, 'is_plugged',"
		"  coalesce(e.is_plugged, true), 'speed', n.speed, 'network_name', w.name, 'profile_name',"
		"  p.name, 'address', coalesce(e.address, '')) ORDER BY n.name, n.id), '[]')"
		"  FROM vm_interface n"
		"  LEFT JOIN vm_device e ON e.device_id = n.id AND e.vm_id = n.vm_guid"
		"  LEFT JOIN vnic_profiles p ON p.id = n.vnic_profile_id"
		"  LEFT JOIN network w ON w.id = p.network_id WHERE n.vm_guid = v.vm_guid),"
		" 'devices', (SELECT coalesce(jsonb_agg(jsonb_build_object('device_id', e.device_id, 'type',"
		"  e.type, 'device', e.device, 'address', e.address, 'alias', e.alias, 'is_managed',"
		"  e.is_managed, 'is_plugged', coalesce(e.is_plugged, true), 'is_readonly', e.is_readonly,"
		"  'spec_params', coalesce(nullif(e.spec_params, ''), '{}')::jsonb, 'custom_properties',"
		"  e.custom_properties, 'boot_order', 0, 'snapshot_id', NULL)"
		"  ORDER BY e.type, e.device_id), '[]')"
		"  FROM vm_device e WHERE e.vm_id = v.vm_guid AND e.snapshot_id IS NULL"
		"  AND (e.type IN ('interface', 'graphics') OR e.type = 'disk' AND e.device = 'disk' AND EXISTS (SELECT"
		"  FROM images i WHERE i.image_group_id = e.device_id AND i.vm_snapshot_id = $1))),"
		" 'numa_nodes', (SELECT coalesce(jsonb_agg(jsonb_build_object('numa_node_id',"
		"  n.numa_node_id, 'numa_node_index', n.numa_node_index, 'mem_total', n.mem_total,"
		"  'cpu_count', n.cpu_count, 'numa_tune_mode', n.numa_tune_mode, 'cpu_ids',"
		"  (SELECT coalesce(jsonb_agg(c.cpu_core_id ORDER BY c.cpu_core_id), '[]')"
		"   FROM numa_node_cpu_map c WHERE c.numa_node_id = n.numa_node_id), 'host_numa_nodes',"
		"  (SELECT coalesce(jsonb_agg(h.vds_numa_node_index ORDER BY h.vds_numa_node_index), '[]')"
		"   FROM vm_vds_numa_node_map h WHERE h.vm_numa_node_id = n.numa_node_id))"
		"  ORDER BY n.numa_node_index), '[]') FROM numa_node n WHERE n.vm_id = v.vm_guid),"
		" 'affinity_groups', (SELECT coalesce(jsonb_agg(g.name ORDER BY g.name), '[]')"
		"  FROM affinity_groups g JOIN affinity_group_members m ON m.affinity_group_id = g.id"
		"  WHERE m.vm_id = v.vm_guid),"
		" 'affinity_labels', (SELECT coalesce(jsonb_agg(l.label_name ORDER BY l.label_name), '[]')"
		"  FROM labels l JOIN labels_map m USING (label_id) WHERE m.vm_id = v.vm_guid),"
		" 'external_data', (SELECT CASE WHEN coalesce(x.tpm, x.nvram) IS NOT NULL"
		"  THEN jsonb_strip_nulls(jsonb_build_object('tpm', x.tpm, 'nvram', x.nvram)) END FROM (SELECT"
		"  (SELECT e.tpm_data FROM vm_external_data e WHERE e.vm_id = v.vm_guid LIMIT 1),"
		"  (SELECT n.nvram_data FROM vm_nvram_data n WHERE n.vm_id = v.vm_guid)) x(tpm, nvram)),"
		" 'pinned_hosts', (SELECT coalesce(jsonb_agg(h.vds_id ORDER BY h.vds_id), '[]')"
		"  FROM vm_host_pinning_map h WHERE h.vm_id = v.vm_guid),"
		" 'warnings', '[]'::jsonb, 'suggested_vm_name'," FREE_NAME(
			"$4",
			"$3") ")"
				  " FROM vm_static v CROSS JOIN (SELECT" MISSING_DISKS
				  "  FROM (SELECT b.disk_alias AS ordinal, jsonb_build_object('disk_id', b.disk_id, 'image_id',"
				  "   i.image_guid, 'disk_alias', b.disk_alias, 'disk_description', b.disk_description, 'size',"
				  "   i.size, 'actual_size', (SELECT y.actual_size FROM disk_image_dynamic y WHERE"
				  "   y.image_id = i.image_guid), 'volume_format'," VOLUME_FORMAT
				  ", 'volume_type'," VOLUME_TYPE
				  "   , 'disk_interface', coalesce(e.disk_interface, 'VirtIO'), 'is_boot',"
				  "   coalesce(e.is_boot, false), 'is_plugged', coalesce(p.is_plugged, true), 'is_readonly',"
				  "   coalesce(p.is_readonly, false), 'shareable', coalesce(b.shareable, false),"
				  "   'disk_storage_type', coalesce(b.disk_storage_type, 0), 'pass_discard',"
				  "   coalesce(e.pass_discard, false), 'is_using_scsi_reservation',"
				  "   coalesce(e.is_using_scsi_reservation, false), 'wipe_after_delete', b.wipe_after_delete,"
				  "   'backup', b.backup, 'storage_domain_id'," STORAGE_DOMAIN
				  ", 'image_status'," IMAGE_STATUS "   ) AS disk FROM images i"
				  "   JOIN base_disks b ON b.disk_id = i.image_group_id"
				  "   LEFT JOIN disk_vm_element e ON e.disk_id = b.disk_id AND e.vm_id = $2"
				  "   LEFT JOIN vm_device p ON p.device_id = b.disk_id AND p.vm_id = $2"
				  "   WHERE i.vm_snapshot_id = $1 AND b.disk_content_type NOT IN (1, 2, 3, 9)) d)"
				  " d(disks, missing) WHERE v.vm_guid = $2",
	.argument_count = 4,
	.argument_types = {UUIDOID, UUIDOID, UUIDOID, TEXTARRAYOID},
};

/* More names, where the first ones are all taken. */
static Statement free_name = {
	.sql = "SELECT" FREE_NAME("$1", "$2"),
	.argument_count = 2,
	.argument_types = {TEXTARRAYOID, UUIDOID},
};

static Jsonb *
with_suggested_name(const Jsonb *document, const char *name)
{
	StringInfoData text;
	char *whole = JsonbToCString(NULL, (JsonbContainer *) &document->root, VARSIZE(document));

	/* jsonb keeps the last of two equal keys */
	initStringInfo(&text);
	appendBinaryStringInfo(&text, whole, strlen(whole) - 1);
	appendStringInfoString(&text, ", \"suggested_vm_name\": ");
	json_append_string(&text, name);
	appendStringInfoChar(&text, '}');
	return json_from_text(text.data);
}

static char *
search_free_name(const char *vm_name, bool has_pool, const pg_uuid_t *pool_id)
{
	for (int first = NAMES_AT_ONCE + 1; first < MAX_NAME_NUMBER; first += NAMES_AT_ONCE * 16)
	{
		Datum values[2] = {
			suggested_names(vm_name, has_pool, pool_id, first, NAMES_AT_ONCE * 16),
			UUIDPGetDatum(pool_id),
		};

		statement_run_one_row(&free_name, values, NULL);
		if (!field_is_null(0, 1))
			return field_text(0, 1);
	}
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("no free name found for a copy of \"%s\"", vm_name),
					errhint("Pass a name in parameter \"vm_name\".")));
}

Jsonb *
configuration_load(const pg_uuid_t *snapshot_id, char **error_message)
{
	Datum values[4];
	bool nulls[4] = {false};
	Jsonb *document = NULL;
	pg_uuid_t vm_id;
	pg_uuid_t pool_id;
	bool has_pool;
	char *vm_name;
	char *ovf;
	char *message = NULL;

	if (error_message)
		*error_message = NULL;
	values[0] = UUIDPGetDatum(snapshot_id);
	if (statement_run(&snapshot_row, values, NULL) == 0)
		return NULL;
	vm_id = field_uuid(0, 1);
	ovf = field_text(0, 2);
	vm_name = field_text(0, 3);
	has_pool = !field_is_null(0, 4);
	pool_id = field_uuid(0, 4);

	if (ovf != NULL && ovf[0] != '\0')
		document = configuration_from_ovf(ovf, strlen(ovf), &message);
	else if (vm_name == NULL)
		message = "the snapshot has none, and its VM is gone";
	if (message)
	{
		if (error_message == NULL)
			configuration_refuse(message);
		*error_message = message;
		return NULL;
	}
	if (vm_name == NULL)
	{
		vm_name = json_get_text(json_get(document, "vm_static"), "vm_name");
		if (vm_name == NULL)
			vm_name = "vm";
	}

	values[0] = document != NULL ? JsonbPGetDatum(document) : UUIDPGetDatum(snapshot_id);
	values[1] = UUIDPGetDatum(&vm_id);
	values[2] = UUIDPGetDatum(&pool_id);
	nulls[2] = !has_pool;
	values[3] = suggested_names(vm_name, has_pool, &pool_id, 1, NAMES_AT_ONCE);
	statement_run_one_row(document != NULL ? &rows_over_ovf : &current_rows, values, nulls);
	document = field_jsonb(0, 1);
	if (json_get_text(document, "suggested_vm_name") == NULL)
		document = with_suggested_name(document, search_free_name(vm_name, has_pool, &pool_id));
	return document;
}
