/*
 * image_rows.c
 *		Rows of all images of some disks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "base/arrays.h"
#include "base/statement.h"
#include "base/uuid.h"
#include "inventory/image_rows.h"

/* A row for each storage domain that an image lies in. */
static Statement load_images = {
	.sql = "SELECT i.image_guid, i.parentid, i.it_guid, i.image_group_id, i.imagestatus,"
		   " i.volume_format, i.volume_type, i.size, i.active, d.actual_size, m.storage_domain_id"
		   " FROM images i LEFT JOIN disk_image_dynamic d ON d.image_id = i.image_guid"
		   " LEFT JOIN image_storage_domain_map m ON m.image_id = i.image_guid"
		   " WHERE i.image_group_id = ANY ($1)",
	.argument_count = 1,
	.argument_types = {UUIDARRAYOID},
};

/* Columns of load_images. */
enum ImageColumn
{
	IMAGE_ID = 1,
	IMAGE_PARENT_ID,
	IMAGE_TEMPLATE_IMAGE_ID,
	IMAGE_DISK_ID,
	IMAGE_STATUS,
	IMAGE_VOLUME_FORMAT,
	IMAGE_VOLUME_TYPE,
	IMAGE_SIZE,
	IMAGE_ACTIVE,
	IMAGE_ACTUAL_SIZE,
	IMAGE_DOMAIN_ID,
};

static int
compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(pg_uuid_t));
}

static int
compare_images(const void *a, const void *b)
{
	return compare_uuids(&((const ImageRow *) a)->image_id, &((const ImageRow *) b)->image_id);
}

static void
read_row(uint64 row, ImageRow *image)
{
	image->image_id = field_uuid(row, IMAGE_ID);
	image->parent_id = field_uuid(row, IMAGE_PARENT_ID);
	image->template_image_id = field_uuid(row, IMAGE_TEMPLATE_IMAGE_ID);
	image->disk_id = field_uuid(row, IMAGE_DISK_ID);
	image->status = (int) field_int64(row, IMAGE_STATUS);
	image->volume_format = (int) field_int64(row, IMAGE_VOLUME_FORMAT);
	image->volume_type = (int) field_int64(row, IMAGE_VOLUME_TYPE);
	image->size = field_int64(row, IMAGE_SIZE);
	image->active = field_bool(row, IMAGE_ACTIVE);
	image->has_actual_size = !field_is_null(row, IMAGE_ACTUAL_SIZE);
	image->actual_size = field_int64(row, IMAGE_ACTUAL_SIZE);
	image->domain_count = field_is_null(row, IMAGE_DOMAIN_ID) ? 0 : 1;
	image->domains = palloc(sizeof(pg_uuid_t));
	image->domains[0] = field_uuid(row, IMAGE_DOMAIN_ID);
}

/* Neighbours of one image become one, with the domains of all. */
static int
merge_domains(ImageRow *rows, int count)
{
	int kept = 0;

	for (int i = 0; i < count; i++)
	{
		ImageRow *last = kept > 0 ? &rows[kept - 1] : NULL;

		if (last == NULL || !uuid_same(&last->image_id, &rows[i].image_id))
		{
			rows[kept++] = rows[i];
			continue;
		}
		last->domains = repalloc(last->domains, sizeof(pg_uuid_t) * (last->domain_count + 1));
		last->domains[last->domain_count++] = rows[i].domains[0];
		qsort(last->domains, last->domain_count, sizeof(pg_uuid_t), compare_uuids);
	}
	return kept;
}

ImageRows *
image_rows_load(const pg_uuid_t *disk_ids, int count)
{
	ImageRows *images = palloc0(sizeof(ImageRows));
	Datum *ids = palloc(sizeof(Datum) * (count + 1));
	Datum value;
	uint64 rows;

	if (count == 0)
		return images;
	for (int i = 0; i < count; i++)
		ids[i] = UUIDPGetDatum(&disk_ids[i]);
	value = array_of_datums(ids, count, UUIDOID);
	rows = statement_run(&load_images, &value, NULL);
	images->rows = palloc_extended(sizeof(ImageRow) * (rows + 1), MCXT_ALLOC_HUGE);
	for (uint64 row = 0; row < rows; row++)
		read_row(row, &images->rows[row]);
	qsort(images->rows, rows, sizeof(ImageRow), compare_images);
	images->count = merge_domains(images->rows, (int) rows);
	return images;
}

const ImageRow *
image_rows_find(const ImageRows *images, const pg_uuid_t *image_id)
{
	ImageRow key = {.image_id = *image_id};

	if (images->count == 0)
		return NULL;
	return bsearch(&key, images->rows, images->count, sizeof(ImageRow), compare_images);
}
