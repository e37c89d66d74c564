/*
 * configuration.c
 *		A snapshot's configuration together with what the database says of it now.
 *
 * The snapshot's row comes with the caller's facts, or from a statement; one more reads the images
 * of all disks, and two look for a free name, where one is wanted. Sizes, formats, status and
 * domain of a disk are the rows': the OVF rounds sizes up to GiB and knows no domain.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arrays.h"
#include "base/compat.h"
#include "base/json.h"
#include "base/json_objects.h"
#include "ovirt/ovirt_codes.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "configuration/configuration.h"
#include "configuration/configuration_internal.h"
#include "request/request.h"

#define GIB ((int64) 1024 * 1024 * 1024)

#define NAMES_AT_ONCE   16
#define MAX_NAME_NUMBER (NAMES_AT_ONCE * 4096)

static Statement snapshot_row = {
	.sql = "SELECT s.vm_id, s.vm_configuration, v.vm_name, c.storage_pool_id, v.quota_id,"
		   " v.instance_type_id, v.lease_sd_id, v.max_memory_size_mb,"
		   " EXISTS (SELECT FROM disk_vm_element e JOIN base_disks b ON b.disk_id = e.disk_id"
		   "  WHERE e.vm_id = s.vm_id AND " SQL_DISK_IS_KEPT ")"
		   " FROM snapshots s"
		   " LEFT JOIN vm_static v ON v.vm_guid = s.vm_id"
		   " LEFT JOIN cluster c ON c.cluster_id = v.cluster_id"
		   " WHERE s.snapshot_id = $1",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of snapshot_row. */
enum SnapshotColumn
{
	SNAPSHOT_VM_ID = 1,
	SNAPSHOT_OVF,
	SNAPSHOT_VM_NAME,
	SNAPSHOT_POOL_ID,
	SNAPSHOT_QUOTA_ID,
	SNAPSHOT_INSTANCE_TYPE_ID,
	SNAPSHOT_LEASE_DOMAIN_ID,
	SNAPSHOT_MAX_MEMORY,
	SNAPSHOT_HAS_KEPT_DISKS,
};

/* The first of the names $names that no VM or template of the pool $pool has. */
#define FREE_NAME(names, pool)                                                                     \
	" (SELECT n.name FROM unnest(" names ") WITH ORDINALITY n(name, ordinal)"                      \
	" WHERE NOT EXISTS (SELECT FROM vm_static t JOIN cluster tc ON tc.cluster_id = t.cluster_id"   \
	" WHERE t.vm_name = n.name AND tc.storage_pool_id = " pool ")"                                 \
	" ORDER BY n.ordinal LIMIT 1)"

/* What is_partial and missing_disks are made of: disks that a clone would copy and can't. */
#define MISSING_DISKS                                                                                          \
	" COALESCE(jsonb_agg(d.disk ORDER BY d.ordinal), '[]'),"                                                   \
	" COALESCE(jsonb_agg(jsonb_build_object('disk_id', d.disk -> 'disk_id', 'image_id',"                       \
	" d.disk -> 'image_id', 'disk_alias', d.disk -> 'disk_alias', 'size', d.disk -> 'size',"                   \
	" 'is_boot', d.disk -> 'is_boot', 'image_status', d.disk -> 'image_status')"                               \
	" ORDER BY d.ordinal)"                                                                                     \
	" FILTER (WHERE d.disk ->> 'image_status' IN ('MISSING', 'ILLEGAL')"                                       \
	" AND d.disk ->> 'shareable' = 'false' AND d.disk ->> 'disk_storage_type' = '" SQL_DISK_STORAGE_TYPE_IMAGE \
	"'), '[]')"

#define IMAGE_STATUS                                                                               \
	" CASE i.imagestatus WHEN " SQL_IMAGE_STATUS_OK " THEN 'OK' WHEN " SQL_IMAGE_STATUS_LOCKED     \
	" THEN 'LOCKED' ELSE 'ILLEGAL' END"
#define VOLUME_FORMAT " CASE i.volume_format " SQL_VOLUME_FORMAT_WORDS " END"
#define VOLUME_TYPE   " CASE i.volume_type " SQL_VOLUME_TYPE_WORDS " END"
#define STORAGE_DOMAIN                                                                             \
	" (SELECT m.storage_domain_id FROM image_storage_domain_map m WHERE m.image_id = i.image_guid" \
	" ORDER BY m.storage_domain_id LIMIT 1)"

/* Of direct LUNs, those that are still there. */
static Statement disks_there = {
	.sql = "SELECT b.disk_id FROM base_disks b WHERE b.disk_id = ANY ($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/*
 * $1 the document, $2 the VM; only where the OVF differs from the current row.  A quota, instance
 * type or lease's domain that is gone since becomes null; the limit of hot-plugged memory grows
 * with the memory where the OVF has none.
 */
static Statement repair_vm_static = {
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
		" || CASE WHEN s ->> 'max_memory_size_mb' IS NULL AND (SELECT v.max_memory_size_mb"
		"  FROM vm_static v WHERE v.vm_guid = $2) < (s ->> 'mem_size_mb')::integer"
		"  THEN jsonb_build_object('max_memory_size_mb', s -> 'mem_size_mb') ELSE '{}' END)"
		" FROM (SELECT $1 -> 'vm_static') o(s)",
	.argument_count = 2,
	.argument_types = {JSONBOID, UUIDOID},
};

/*
 * For a snapshot without a configuration: $1 the snapshot, $2 the VM, $3 its data center, $4 names
 * on offer.  As the engine does it (ovirt-clone.md, "Snapshot documents"): the current VM and its
 * NICs, the images of the snapshot, and no devices but those of its disks and NICs, and its
 * display, so that the clone gets the default ones.
 */
static Statement current_rows = {
	.sql =
		"SELECT jsonb_build_object('source', 'current', 'vm_id', v.vm_guid, 'vm_static', to_jsonb(v.*),"
		" 'vm_init', (SELECT to_jsonb(n.*) - 'vm_id' FROM vm_init n WHERE n.vm_id = v.vm_guid),"
		" 'disks', d.disks, 'missing_disks', d.missing, 'is_partial', d.missing <> '[]',"
		" 'interfaces', (SELECT COALESCE(jsonb_agg(jsonb_build_object('interface_id', n.id, 'name',"
		"  n.name, 'mac_addr', n.mac_addr, 'type', n.type, 'linked', n.linked, 'is_plugged',"
		"  COALESCE(e.is_plugged, true), 'speed', n.speed, 'network_name', w.name, 'profile_name',"
		"  p.name, 'address', COALESCE(e.address, '')) ORDER BY n.name, n.id), '[]')"
		"  FROM vm_interface n"
		"  LEFT JOIN vm_device e ON e.device_id = n.id AND e.vm_id = n.vm_guid"
		"  LEFT JOIN vnic_profiles p ON p.id = n.vnic_profile_id"
		"  LEFT JOIN network w ON w.id = p.network_id WHERE n.vm_guid = v.vm_guid),"
		" 'devices', (SELECT COALESCE(jsonb_agg(jsonb_build_object('device_id', e.device_id, 'type',"
		"  e.type, 'device', e.device, 'address', e.address, 'alias', e.alias, 'is_managed',"
		"  e.is_managed, 'is_plugged', COALESCE(e.is_plugged, true), 'is_readonly', e.is_readonly,"
		"  'spec_params', COALESCE(NULLIF(e.spec_params, ''), '{}')::jsonb, 'custom_properties',"
		"  e.custom_properties, 'boot_order', 0, 'snapshot_id', NULL)"
		"  ORDER BY e.type, e.device_id), '[]')"
		"  FROM vm_device e WHERE e.vm_id = v.vm_guid AND e.snapshot_id IS NULL"
		"  AND (e.type IN ('interface', 'graphics') OR e.type = 'disk' AND e.device = 'disk' AND EXISTS (SELECT"
		"  FROM images i WHERE i.image_group_id = e.device_id AND i.vm_snapshot_id = $1))),"
		" 'numa_nodes', (SELECT COALESCE(jsonb_agg(jsonb_build_object('numa_node_id',"
		"  n.numa_node_id, 'numa_node_index', n.numa_node_index, 'mem_total', n.mem_total,"
		"  'cpu_count', n.cpu_count, 'numa_tune_mode', lower(n.numa_tune_mode), 'cpu_ids',"
		"  (SELECT COALESCE(jsonb_agg(c.cpu_core_id ORDER BY c.cpu_core_id), '[]')"
		"   FROM numa_node_cpu_map c WHERE c.numa_node_id = n.numa_node_id), 'host_numa_nodes',"
		"  (SELECT COALESCE(jsonb_agg(h.vds_numa_node_index ORDER BY h.vds_numa_node_index), '[]')"
		"   FROM vm_vds_numa_node_map h WHERE h.vm_numa_node_id = n.numa_node_id))"
		"  ORDER BY n.numa_node_index), '[]') FROM numa_node n WHERE n.vm_id = v.vm_guid),"
		" 'affinity_groups', (SELECT COALESCE(jsonb_agg(g.name ORDER BY g.name), '[]')"
		"  FROM affinity_groups g JOIN affinity_group_members m ON m.affinity_group_id = g.id"
		"  WHERE m.vm_id = v.vm_guid),"
		" 'affinity_labels', (SELECT COALESCE(jsonb_agg(l.label_name ORDER BY l.label_name), '[]')"
		"  FROM labels l JOIN labels_map m USING (label_id) WHERE m.vm_id = v.vm_guid),"
		" 'external_data', (SELECT CASE WHEN COALESCE(x.tpm, x.nvram) IS NOT NULL"
		"  THEN jsonb_strip_nulls(jsonb_build_object('tpm', x.tpm, 'nvram', x.nvram)) END FROM (SELECT"
		"  (SELECT e.tpm_data FROM vm_external_data e WHERE e.vm_id = v.vm_guid LIMIT 1),"
		"  (SELECT n.nvram_data FROM vm_nvram_data n WHERE n.vm_id = v.vm_guid)) x(tpm, nvram)),"
		" 'pinned_hosts', (SELECT COALESCE(jsonb_agg(h.vds_id ORDER BY h.vds_id), '[]')"
		"  FROM vm_host_pinning_map h WHERE h.vm_id = v.vm_guid),"
		" 'warnings', '[]'::jsonb, 'suggested_vm_name'," FREE_NAME(
			"$4",
			"$3") ")"
				  " FROM vm_static v CROSS JOIN (SELECT" MISSING_DISKS
				  "  FROM (SELECT b.disk_alias AS ordinal, jsonb_build_object('disk_id', i.image_group_id, 'image_id',"
				  "   i.image_guid, 'disk_alias', b.disk_alias, 'disk_description', b.disk_description, 'size',"
				  "   i.size, 'actual_size', (SELECT y.actual_size FROM disk_image_dynamic y WHERE"
				  "   y.image_id = i.image_guid), 'volume_format'," VOLUME_FORMAT
				  ", 'volume_type'," VOLUME_TYPE
				  "   , 'disk_interface', COALESCE(e.disk_interface, 'VirtIO'), 'is_boot',"
				  "   COALESCE(e.is_boot, false), 'is_plugged', COALESCE(p.is_plugged, true), 'is_readonly',"
				  "   COALESCE(p.is_readonly, false), 'shareable', COALESCE(b.shareable, false),"
				  "   'disk_storage_type', COALESCE(b.disk_storage_type, 0), 'pass_discard',"
				  "   COALESCE(e.pass_discard, false), 'is_using_scsi_reservation',"
				  "   COALESCE(e.is_using_scsi_reservation, false), 'wipe_after_delete', b.wipe_after_delete,"
				  "   'backup', b.backup, 'storage_domain_id'," STORAGE_DOMAIN
				  ", 'image_status'," IMAGE_STATUS "   ) AS disk FROM images i"
				  "   LEFT JOIN base_disks b ON b.disk_id = i.image_group_id"
				  "   LEFT JOIN disk_vm_element e ON e.disk_id = i.image_group_id AND e.vm_id = $2"
				  "   LEFT JOIN vm_device p ON p.device_id = i.image_group_id AND p.vm_id = $2"
				  "   WHERE i.vm_snapshot_id = $1"
				  "   AND COALESCE(b.disk_content_type, 0) NOT IN " SQL_SPECIAL_CONTENT_TYPES ") d)"
				  " d(disks, missing) WHERE v.vm_guid = $2",
	.argument_count = 4,
	.argument_types = {UUIDOID, UUIDOID, UUIDOID, TEXTARRAYOID},
};

/*
 * $1 the document, $2 the VM: with the shareable and LUN disks that the VM has now and the document
 * doesn't list.  A snapshot's document has disks with snapshots only; these belong to the VM as it is.
 */
static Statement add_kept_disks = {
	.sql =
		"SELECT $1 || jsonb_build_object('disks', ($1 -> 'disks') || k.disks,"
		"  'devices', ($1 -> 'devices') || k.devices)"
		" FROM (SELECT COALESCE(jsonb_agg(d.disk ORDER BY d.disk_alias, d.disk_id), '[]'),"
		"  COALESCE(jsonb_agg(d.device ORDER BY d.disk_alias, d.disk_id)"
		"   FILTER (WHERE d.device IS NOT NULL), '[]')"
		"  FROM (SELECT b.disk_alias, b.disk_id, jsonb_build_object('disk_id', b.disk_id, 'image_id',"
		"   i.image_guid, 'lun_id', (SELECT l.lun_id FROM disk_lun_map l WHERE l.disk_id = b.disk_id"
		"    LIMIT 1), 'disk_alias', b.disk_alias, 'disk_description', b.disk_description, 'size', i.size,"
		"   'actual_size', (SELECT y.actual_size FROM disk_image_dynamic y WHERE"
		"    y.image_id = i.image_guid), 'volume_format'," VOLUME_FORMAT
		", 'volume_type'," VOLUME_TYPE
		"   , 'disk_interface', e.disk_interface, 'is_boot', e.is_boot, 'is_plugged',"
		"   COALESCE(p.is_plugged, true), 'is_readonly', COALESCE(p.is_readonly, false), 'shareable',"
		"   COALESCE(b.shareable, false), 'disk_storage_type', COALESCE(b.disk_storage_type, 0),"
		"   'pass_discard', e.pass_discard, 'is_using_scsi_reservation', e.is_using_scsi_reservation,"
		"   'wipe_after_delete', b.wipe_after_delete, 'backup', COALESCE(b.backup, 'None'),"
		"   'storage_domain_id'," STORAGE_DOMAIN ", 'image_status', CASE WHEN i.image_guid IS NULL"
		"    THEN CASE WHEN b.disk_storage_type = " SQL_DISK_STORAGE_TYPE_LUN
		" THEN 'OK' ELSE 'MISSING' END ELSE" IMAGE_STATUS " END)"
		"   AS disk, CASE WHEN p.device_id IS NOT NULL AND NOT EXISTS (SELECT"
		"    FROM jsonb_array_elements($1 -> 'devices') o WHERE o ->> 'device_id' = p.device_id::text)"
		"   THEN jsonb_build_object('device_id', p.device_id, 'type', p.type, 'device', p.device,"
		"    'address', p.address, 'alias', p.alias, 'is_managed', p.is_managed, 'is_plugged', p.is_plugged,"
		"    'is_readonly', p.is_readonly, 'spec_params', '{}'::jsonb, 'custom_properties',"
		"    p.custom_properties, 'boot_order', 0, 'snapshot_id', NULL) END AS device"
		"   FROM disk_vm_element e JOIN base_disks b ON b.disk_id = e.disk_id"
		"   LEFT JOIN vm_device p ON p.device_id = e.disk_id AND p.vm_id = e.vm_id"
		"   LEFT JOIN images i ON i.image_group_id = b.disk_id AND i.active"
		"   WHERE e.vm_id = $2 AND " SQL_DISK_IS_KEPT
		"   AND NOT EXISTS (SELECT FROM jsonb_array_elements($1 -> 'disks') o"
		"    WHERE o ->> 'disk_id' = b.disk_id::text)) d) k(disks, devices)",
	.argument_count = 2,
	.argument_types = {JSONBOID, UUIDOID},
};

static Statement free_name = {
	.sql = "SELECT" FREE_NAME("$1", "$2"),
	.argument_count = 2,
	.argument_types = {TEXTARRAYOID, UUIDOID},
};

static bool
load_source(ConfigurationSource *source, const pg_uuid_t *snapshot_id)
{
	Datum value = UUIDPGetDatum(snapshot_id);

	if (statement_run(&snapshot_row, &value, NULL) == 0)
		return false;
	source->snapshot_id = *snapshot_id;
	source->vm_id = field_uuid(0, SNAPSHOT_VM_ID);
	source->ovf = field_text(0, SNAPSHOT_OVF);
	source->vm_name = field_text(0, SNAPSHOT_VM_NAME);
	source->has_pool = !field_is_null(0, SNAPSHOT_POOL_ID);
	source->pool_id = field_uuid(0, SNAPSHOT_POOL_ID);
	source->quota_id = field_uuid(0, SNAPSHOT_QUOTA_ID);
	source->instance_type_id = field_uuid(0, SNAPSHOT_INSTANCE_TYPE_ID);
	source->lease_sd_id = field_uuid(0, SNAPSHOT_LEASE_DOMAIN_ID);
	source->max_memory_mb = field_int64(0, SNAPSHOT_MAX_MEMORY);
	source->has_kept_disks = field_bool(0, SNAPSHOT_HAS_KEPT_DISKS);
	return true;
}

/* The first of count names, from number first on, that nobody has; NULL: there is none. */
static char *
try_names(const ConfigurationSource *source, int first, int count)
{
	Datum values[2] = {
		suggested_names(source->vm_name, source->has_pool, &source->pool_id, first, count),
		UUIDPGetDatum(&source->pool_id),
	};
	bool nulls[2] = {false, !source->has_pool};

	statement_run_one_row(&free_name, values, nulls);
	return field_text(0, ONLY_COLUMN);
}

static char *
search_free_name(const ConfigurationSource *source)
{
	char *name = try_names(source, 1, NAMES_AT_ONCE);

	for (int first = NAMES_AT_ONCE + 1; name == NULL && first < MAX_NAME_NUMBER;
		 first += NAMES_AT_ONCE * 16)
		name = try_names(source, first, NAMES_AT_ONCE * 16);
	if (name == NULL)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("no free name found for a copy of \"%s\"", source->vm_name),
						errhint("Pass a name in parameter \"vm_name\".")));
	return name;
}

static void
parse_id(const char *text, pg_uuid_t *id)
{
	if (!uuid_parse_text(text, id))
		elog(ERROR, "the OVF reader gave a wrong uuid");
}

/* Images of the document's disks, and of those that the caller wants besides. */
static ImageRows *
load_images(const ConfigurationSource *source, const OvfResult *result)
{
	pg_uuid_t *ids =
		palloc(sizeof(pg_uuid_t) * (result->disk_count + source->other_disk_count + 1));
	int count = 0;

	for (int i = 0; i < result->disk_count; i++)
	{
		if (result->disks[i].image_id[0] != '\0')
			parse_id(result->disks[i].disk_id, &ids[count++]);
	}
	for (int i = 0; i < source->other_disk_count; i++)
		ids[count++] = source->other_disks[i];
	return image_rows_load(ids, count);
}

/* The disk's image, if its row is there and says the same disk. */
static const ImageRow *
find_image(const ImageRows *images, const OvfDiskSummary *disk)
{
	pg_uuid_t disk_id;
	pg_uuid_t image_id;
	const ImageRow *image;

	if (disk->image_id[0] == '\0')
		return NULL;
	parse_id(disk->disk_id, &disk_id);
	parse_id(disk->image_id, &image_id);
	image = image_rows_find(images, &image_id);
	return image && uuid_same(&image->disk_id, &disk_id) ? image : NULL;
}

static bool
image_is_illegal(const ImageRow *image)
{
	return image->status != IMAGE_STATUS_OK && image->status != IMAGE_STATUS_LOCKED;
}

static const char *
image_status(const ImageRow *image)
{
	return image->status == IMAGE_STATUS_OK       ? "OK"
		   : image->status == IMAGE_STATUS_LOCKED ? "LOCKED"
												  : "ILLEGAL";
}

/* What the rows say of a disk's image, as members of its object. */
static void
put_image(JsonbValue *object, const ImageRow *image)
{
	int format = image->volume_format;
	int type = image->volume_type;

	json_put_int64(object, "size", image->size);
	json_put_text(object, "volume_format",
				  format == VOLUME_FORMAT_COW   ? "COW"
				  : format == VOLUME_FORMAT_RAW ? "RAW"
												: NULL);
	json_put_text(object, "volume_type",
				  type == VOLUME_TYPE_PREALLOCATED ? "Preallocated"
				  : type == VOLUME_TYPE_SPARSE     ? "Sparse"
												   : NULL);
	if (image->has_actual_size)
		json_put_int64(object, "actual_size", image->actual_size);
	else
		json_put_text(object, "actual_size", NULL);
	json_put_uuid(object, "storage_domain_id", image->domain_count > 0 ? &image->domains[0] : NULL);
	json_put_text(object, "image_status", image_status(image));
}

static bool
lun_is_there(const OvfDiskSummary *disk, const char *luns)
{
	return disk->image_id[0] == '\0' && luns != NULL && strstr(luns, disk->disk_id) != NULL;
}

/*
 * The exact size of a disk whose image has no row: that of an image of the disk that the OVF would
 * have rounded so; of the largest one, since disks only grow.  0: not known.
 */
static int64
lost_size(const ImageRows *images, const OvfDiskSummary *disk)
{
	pg_uuid_t disk_id;
	int64 size = 0;

	parse_id(disk->disk_id, &disk_id);
	for (int i = 0; i < images->count; i++)
	{
		const ImageRow *image = &images->rows[i];

		if (uuid_same(&image->disk_id, &disk_id) &&
			(disk->size <= 0 || disk->size == (image->size + GIB - 1) / GIB * GIB))
			size = Max(size, image->size);
	}
	return size;
}

/* Ids of the document's LUN disks that have a row; most documents have no LUN. */
static char *
load_luns(const OvfResult *result)
{
	StringInfoData luns;
	Datum *ids = palloc(sizeof(Datum) * (result->disk_count + 1));
	int count = 0;
	Datum value;
	uint64 rows;

	for (int i = 0; i < result->disk_count; i++)
	{
		pg_uuid_t *id = palloc(sizeof(pg_uuid_t));

		if (result->disks[i].image_id[0] != '\0')
			continue;
		parse_id(result->disks[i].disk_id, id);
		ids[count++] = UUIDPGetDatum(id);
	}
	if (count == 0)
		return NULL;
	value = array_of_datums(ids, count, UUIDOID);
	rows = statement_run(&disks_there, &value, NULL);
	initStringInfo(&luns);
	for (uint64 row = 0; row < rows; row++)
		appendStringInfo(&luns, "%s ", field_text(row, ONLY_COLUMN));
	return luns.data;
}

/* True if repair_vm_static has work: the OVF names another row than the source's current row does, which may be gone, or memory above that row's limit. */
static bool
needs_repair(const ConfigurationSource *source, const Jsonb *document)
{
	Jsonb *vm_static = json_get(document, "vm_static");
	pg_uuid_t id;

	if ((json_get_uuid(vm_static, "quota_id", &id) && !uuid_same(&id, &source->quota_id)) ||
		(json_get_uuid(vm_static, "instance_type_id", &id) &&
		 !uuid_same(&id, &source->instance_type_id)) ||
		(json_get_uuid(vm_static, "lease_sd_id", &id) && !uuid_same(&id, &source->lease_sd_id)))
		return true;
	return !json_has(vm_static, "max_memory_size_mb") &&
		   json_get_int64(vm_static, "mem_size_mb", 0) > source->max_memory_mb;
}

/* A disk as missing_disks shows it: size 0 is not known. */
static void
put_missing_disk(JsonbValue *object, const OvfDiskSummary *disk, int64 size, const char *status)
{
	json_object_begin(object, 6);
	json_put_text(object, "disk_id", disk->disk_id);
	json_put_text(object, "image_id", disk->image_id[0] != '\0' ? disk->image_id : NULL);
	json_put_text(object, "disk_alias",
				  disk->alias ? configuration_text(disk->alias, strlen(disk->alias)) : NULL);
	if (size > 0 || disk->size >= 0)
		json_put_int64(object, "size", size > 0 ? size : disk->size);
	else
		json_put_text(object, "size", NULL);
	json_put_bool(object, "is_boot", disk->is_boot);
	json_put_text(object, "image_status", status);
}

static JsonbValue *
member(JsonbValue *object, const char *key)
{
	for (int i = 0; i < object->val.object.nPairs; i++)
	{
		JsonbPair *pair = &object->val.object.pairs[i];

		if (pair->key.val.string.len == strlen(key) &&
			memcmp(pair->key.val.string.val, key, strlen(key)) == 0)
			return &pair->value;
	}
	elog(ERROR, "the OVF reader gave no \"%s\"", key);
}

/* Lays the rows over the document. */
static Jsonb *
load_ovf(const ConfigurationSource *source, const OvfResult *result, ImageRows **images)
{
	char *luns = load_luns(result);
	Datum values[2];
	JsonbValue value;
	JsonbValue *disks;
	JsonbValue *missing;
	Jsonb *document;

	*images = load_images(source, result);
	configuration_value(&value, result->document);
	json_object_grow(&value, 4);
	disks = member(&value, "disks")->val.array.elems;
	json_put_uuid(&value, "vm_id", &source->vm_id);
	missing = json_put(&value, "missing_disks");
	missing->type = jbvArray;
	missing->val.array.nElems = 0;
	missing->val.array.rawScalar = false;
	missing->val.array.elems = palloc(sizeof(JsonbValue) * result->disk_count);
	for (int i = 0; i < result->disk_count; i++)
	{
		const OvfDiskSummary *disk = &result->disks[i];
		const ImageRow *image = find_image(*images, disk);
		int64 size = 0;

		json_object_grow(&disks[i], 6);
		if (image)
		{
			put_image(&disks[i], image);
			size = image->size;
		}
		else
		{
			json_put_text(&disks[i], "storage_domain_id", NULL);
			json_put_text(&disks[i], "image_status", lun_is_there(disk, luns) ? "OK" : "MISSING");
			size = disk->copied ? lost_size(*images, disk) : 0;
			if (size > 0)
				json_put_int64(&disks[i], "size", size);
			else if (disk->copied)
				json_put_bool(&disks[i], "size_rounded", true);
		}
		if (disk->copied && (!image || image_is_illegal(image)))
			put_missing_disk(&missing->val.array.elems[missing->val.array.nElems++], disk, size,
							 image ? image_status(image) : "MISSING");
	}
	json_put_bool(&value, "is_partial", missing->val.array.nElems > 0);
	if (source->wants_name)
		json_put_text(&value, "suggested_vm_name", search_free_name(source));
	document = json_from_value(&value);
	if (needs_repair(source, document))
	{
		values[0] = JsonbPGetDatum(document);
		values[1] = UUIDPGetDatum(&source->vm_id);
		statement_run_one_row(&repair_vm_static, values, NULL);
		document = field_jsonb(0, ONLY_COLUMN);
	}
	return document;
}

static Jsonb *
load_current(const ConfigurationSource *source)
{
	Datum values[4];
	bool nulls[4] = {false, false, !source->has_pool, false};
	Jsonb *document;
	StringInfoData text;
	char *whole;

	values[0] = UUIDPGetDatum(&source->snapshot_id);
	values[1] = UUIDPGetDatum(&source->vm_id);
	values[2] = UUIDPGetDatum(&source->pool_id);
	values[3] =
		suggested_names(source->vm_name, source->has_pool, &source->pool_id, 1, NAMES_AT_ONCE);
	statement_run_one_row(&current_rows, values, nulls);
	document = field_jsonb(0, ONLY_COLUMN);
	if (!source->wants_name || json_get_text(document, "suggested_vm_name") != NULL)
		return document;
	whole = JsonbToCString(NULL, &document->root, VARSIZE(document));
	initStringInfo(&text);
	appendBinaryStringInfo(&text, whole, (int) strlen(whole) - 1);
	appendStringInfoString(&text, ", \"suggested_vm_name\": ");
	json_append_string(&text, search_free_name(source));
	appendStringInfoChar(&text, '}');
	return json_from_text(text.data);
}

Jsonb *
configuration_load_from(const ConfigurationSource *given, ImageRows **images, char **error_message)
{
	ConfigurationSource source = *given;
	OvfResult *result = NULL;
	char *message = NULL;
	Jsonb *document;

	*images = NULL;
	if (source.ovf != NULL && source.ovf[0] != '\0')
		result = configuration_read_ovf(source.ovf, strlen(source.ovf), &message);
	else if (source.vm_name == NULL)
		message = "the snapshot has none, and its VM is gone";
	if (message)
	{
		*error_message = message;
		return NULL;
	}
	if (source.vm_name == NULL)
		source.vm_name = "vm";
	document = result ? load_ovf(&source, result, images) : load_current(&source);
	if (source.has_kept_disks)
	{
		Datum values[2] = {JsonbPGetDatum(document), UUIDPGetDatum(&source.vm_id)};

		statement_run_one_row(&add_kept_disks, values, NULL);
		document = field_jsonb(0, ONLY_COLUMN);
	}
	return document;
}

Jsonb *
configuration_load(const pg_uuid_t *snapshot_id)
{
	ConfigurationSource source = {.wants_name = true};
	ImageRows *images;
	char *message = NULL;
	Jsonb *document;

	if (!load_source(&source, snapshot_id))
		return NULL;
	document = configuration_load_from(&source, &images, &message);
	if (document == NULL)
		configuration_refuse(message);
	return document;
}
