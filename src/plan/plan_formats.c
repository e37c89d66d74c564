/*
 * plan_formats.c
 *		Format and allocation of the new disks (ovirt-clone.md, "Disks"), and the bytes they
 *		take ("Space" there, or an exact measurement).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/frame.h"
#include "base/json.h"
#include "base/json_objects.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "plan/plan_parts.h"

static Statement load_measurements = {
	.sql = "SELECT image_id, volume_format, layers, required, bytes_to_read, allocated"
		   " FROM vmclone.measurements WHERE snapshot_id = $1 AND status = 'done'",
	.argument_count = 1,
	.argument_types = {UUIDOID},
};

/* Columns of load_measurements. */
enum MeasurementColumn
{
	MEASUREMENT_IMAGE_ID = 1,
	MEASUREMENT_VOLUME_FORMAT,
	MEASUREMENT_LAYERS,
	MEASUREMENT_REQUIRED,
	MEASUREMENT_BYTES_TO_READ,
	MEASUREMENT_ALLOCATED,
};

typedef struct Measurement
{
	pg_uuid_t image_id;
	VolumeFormat volume_format;
	Jsonb *layers;
	int64 required;      /* file length of the result */
	int64 bytes_to_read; /* of the chain */
	int64 allocated;     /* of the result, holes left out */
} Measurement;

static const pg_uuid_t *
id_or_null(const pg_uuid_t *id)
{
	return uuid_is_zero(id) ? NULL : id;
}

Jsonb *
plan_layers(const PlannedDisk *disk)
{
	JsonObjects images = {0};

	for (int i = 0; disk->fate == DISK_COPY && i < disk->chain_length; i++)
	{
		const ChainImage *image = &disk->chain[i];
		JsonbValue *object = json_objects_add(&images, 5);

		json_put_int64(object, "size", image->size);
		json_put_uuid(object, "image_id", id_or_null(&image->image_id));
		json_put_text(object, "volume_format",
					  image->volume_format == VOLUME_FORMAT_RAW ? "RAW" : "COW");
		/* a template's image is read by its hard link in the VM's own folder */
		json_put_uuid(object, "image_group_id", id_or_null(&image->folder_id));
		json_put_uuid(object, "storage_domain_id", id_or_null(&image->storage_domain_id));
	}
	return json_objects_array(&images);
}

static VolumeFormat
parse_format(const char *text)
{
	if (text == NULL)
		return VOLUME_FORMAT_UNSET;
	return strcmp(text, "RAW") == 0   ? VOLUME_FORMAT_RAW
		   : strcmp(text, "COW") == 0 ? VOLUME_FORMAT_COW
									  : VOLUME_FORMAT_UNASSIGNED;
}

static VolumeType
parse_type(const char *text)
{
	if (text == NULL)
		return VOLUME_TYPE_UNASSIGNED;
	return strcmp(text, "Sparse") == 0         ? VOLUME_TYPE_SPARSE
		   : strcmp(text, "Preallocated") == 0 ? VOLUME_TYPE_PREALLOCATED
											   : VOLUME_TYPE_UNASSIGNED;
}

/*
 * What the caller chose of format and type.  An object of the configuration that is handed back
 * carries the snapshot image's own; where they are unchanged, they are no choice.
 */
static void
chosen_format(const PlannedDisk *disk, VolumeFormat *format, VolumeType *type)
{
	const DiskChoice *choice = disk->choice;

	*format = choice ? choice->volume_format : VOLUME_FORMAT_UNSET;
	*type = choice ? choice->volume_type : VOLUME_TYPE_UNASSIGNED;
	if (choice && choice->handed_back && disk->chain_length > 0)
	{
		const ChainImage *image = &disk->chain[disk->chain_length - 1];

		if ((*format == VOLUME_FORMAT_UNSET || *format == image->volume_format) &&
			(*type == VOLUME_TYPE_UNASSIGNED || *type == image->volume_type))
		{
			*format = VOLUME_FORMAT_UNSET;
			*type = VOLUME_TYPE_UNASSIGNED;
		}
	}
}

/* The root ancestor's, which is the snapshot's own for a chain of one. */
static void
default_format(const PlannedDisk *disk, VolumeFormat *format, VolumeType *type)
{
	if (disk->chain_length > 0)
	{
		*format = disk->chain[0].volume_format;
		*type = disk->chain[0].volume_type;
		return;
	}
	*format = parse_format(json_get_text(disk->configuration, "volume_format"));
	*type = parse_type(json_get_text(disk->configuration, "volume_type"));
	if (*format != VOLUME_FORMAT_RAW)
		*format = VOLUME_FORMAT_COW;
	if (*type == VOLUME_TYPE_UNASSIGNED)
		*type = VOLUME_TYPE_SPARSE;
}

static int64
whole_extents(int64 bytes, const DomainFacts *target)
{
	int64 rest = bytes % target->extent_size;

	if (rest == 0 || bytes > PG_INT64_MAX - target->extent_size)
		return bytes;
	return bytes + target->extent_size - rest;
}

static void
decide_format(PlannedDisk *disk, const DomainFacts *target)
{
	VolumeFormat format;
	VolumeType type;

	default_format(disk, &disk->volume_format, &disk->volume_type);
	chosen_format(disk, &format, &type);
	if (format == VOLUME_FORMAT_UNSET && disk->volume_format == VOLUME_FORMAT_RAW &&
		disk->has_backup)
	{
		disk->volume_format = VOLUME_FORMAT_COW;
		disk->backup_wants_cow = true;
	}
	if (format != VOLUME_FORMAT_UNSET)
	{
		disk->volume_format = format;
		/* only the format was chosen: COW is sparse */
		if (type == VOLUME_TYPE_UNASSIGNED && format == VOLUME_FORMAT_COW)
			disk->volume_type = VOLUME_TYPE_SPARSE;
	}
	if (type != VOLUME_TYPE_UNASSIGNED)
	{
		disk->volume_type = type;
		/* only the type was chosen: a preallocated disk is RAW, unless it keeps a bitmap */
		if (format == VOLUME_FORMAT_UNSET && type == VOLUME_TYPE_PREALLOCATED && !disk->has_backup)
			disk->volume_format = VOLUME_FORMAT_RAW;
	}
	if (target && target->is_block && disk->volume_format == VOLUME_FORMAT_RAW &&
		disk->volume_type == VOLUME_TYPE_SPARSE)
	{
		disk->volume_format = VOLUME_FORMAT_COW;
		disk->raw_became_cow = true;
	}
	/* what the guest sees of a RAW disk is all of its logical volume (VDSM's Volume.create) */
	if (target && target->is_block && disk->volume_format == VOLUME_FORMAT_RAW)
		disk->size = whole_extents(disk->size, target);
}

/* 1.1 times, rounded up; what COW's tables may take. */
static int64
with_tables(int64 bytes)
{
	return bytes + bytes / 10 + (bytes % 10 != 0);
}

/* ovirt-clone.md, "Space"; by the format that will be made, before it is rounded */
static void
count_image_bytes(PlannedDisk *disk, const DomainFacts *target, const Measurement *measured)
{
	int64 used = 0;
	int64 least;

	for (int i = 0; i < disk->chain_length; i++)
		used = used > PG_INT64_MAX - disk->chain[i].actual_size ? PG_INT64_MAX
																: used + disk->chain[i].actual_size;
	least = Min(disk->size, used);
	disk->bytes_to_read = least;
	disk->bytes_source = "rows";
	if (disk->volume_format == VOLUME_FORMAT_RAW)
		disk->bytes_needed = disk->volume_type == VOLUME_TYPE_SPARSE ? least : disk->size;
	else if (disk->volume_type == VOLUME_TYPE_PREALLOCATED && !(target && target->is_block))
		disk->bytes_needed = with_tables(disk->size);
	else
		disk->bytes_needed = with_tables(least);
	if (measured == NULL)
		return;
	disk->bytes_source = "measured";
	disk->bytes_to_read = measured->bytes_to_read;
	if (disk->volume_type == VOLUME_TYPE_PREALLOCATED &&
		!(target && target->is_block && disk->volume_format == VOLUME_FORMAT_COW))
		disk->bytes_needed = Max(measured->required, disk->size);
	else if (disk->volume_format == VOLUME_FORMAT_RAW)
		disk->bytes_needed = measured->allocated;
	else
		disk->bytes_needed = measured->required;
}

static void
count_bytes(PlannedDisk *disk, const DomainFacts *target, const Measurement *measured)
{
	count_image_bytes(disk, target, measured);
	if (target && target->is_block)
		disk->bytes_needed = whole_extents(disk->bytes_needed, target);
}

static Measurement *
read_measurements(const ClonePlan *plan, int *count)
{
	Datum value = UUIDPGetDatum(&plan->snapshot_id);
	Measurement *measurements;
	uint64 rows;
	Frame frame;

	frame_enter_own(&frame);
	rows = statement_run(&load_measurements, &value, NULL);
	measurements = palloc0(sizeof(Measurement) * (rows + 1));
	for (uint64 row = 0; row < rows; row++)
	{
		Measurement *measurement = &measurements[row];

		measurement->image_id = field_uuid(row, MEASUREMENT_IMAGE_ID);
		measurement->volume_format = parse_format(field_text(row, MEASUREMENT_VOLUME_FORMAT));
		measurement->layers = field_jsonb(row, MEASUREMENT_LAYERS);
		measurement->required = field_int64(row, MEASUREMENT_REQUIRED);
		measurement->bytes_to_read = field_int64(row, MEASUREMENT_BYTES_TO_READ);
		measurement->allocated = field_int64(row, MEASUREMENT_ALLOCATED);
	}
	frame_leave(&frame);
	*count = (int) rows;
	return measurements;
}

/* A measurement counts as long as the chain is what it was. */
static const Measurement *
find_measurement(const PlannedDisk *disk, const Measurement *measurements, int count)
{
	for (int i = 0; i < count; i++)
	{
		Jsonb *layers;

		if (!uuid_same(&measurements[i].image_id, &disk->image_id) ||
			measurements[i].volume_format != disk->volume_format || disk->chain_length == 0)
			continue;
		layers = plan_layers(disk);
		if (compareJsonbContainers(&layers->root, &measurements[i].layers->root) == 0)
			return &measurements[i];
	}
	return NULL;
}

void
plan_decide_disks(ClonePlan *plan)
{
	int count = 0;
	bool measured =
		plan->domains != NIL && ((const DomainFacts *) linitial(plan->domains))->snapshot_measured;
	Measurement *measurements = measured ? read_measurements(plan, &count) : NULL;

	for (int i = 0; i < plan->disk_count; i++)
	{
		PlannedDisk *disk = &plan->disks[i];
		DomainFacts *target;

		if (disk->fate != DISK_COPY && disk->fate != DISK_BLANK)
			continue;
		target = disk->has_target ? plan_domain(plan, &disk->target_domain_id) : NULL;
		decide_format(disk, target);
		count_bytes(disk, target, find_measurement(disk, measurements, count));
		if (disk->choice && disk->choice->disk_profile_id.given)
			disk->disk_profile_id = disk->choice->disk_profile_id;
		else if (target && target->disk_profile_count > 0)
		{
			disk->disk_profile_id.given = true;
			disk->disk_profile_id.value = target->disk_profiles[0];
		}
		if (target &&
			disk->bytes_needed <= (PG_INT64_MAX - target->bytes_needed) / plan->request->copies)
			target->bytes_needed += disk->bytes_needed * plan->request->copies;
		else if (target)
			target->bytes_needed = PG_INT64_MAX;
	}
}
