/*
 * image_rows.c
 *		Rows of all images of some disks.
 */
#include "postgres.h"

#include "base/keyed_rows.h"
#include "base/uuid.h"
#include "inventory/image_rows.h"

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
read_images(ImageRows *images, const KeyedRows *rows)
{
	images->rows = palloc_extended(sizeof(ImageRow) * (rows->count + 1), MCXT_ALLOC_HUGE);
	images->count = rows->count;
	for (int i = 0; i < rows->count; i++)
	{
		ImageRow *image = &images->rows[i];

		memset(image, 0, sizeof(ImageRow));
		image->image_id = keyed_uuid(rows, i, "image_guid");
		image->parent_id = keyed_uuid(rows, i, "parentid");
		image->template_image_id = keyed_uuid(rows, i, "it_guid");
		image->disk_id = keyed_uuid(rows, i, "image_group_id");
		image->status = (int) keyed_int64(rows, i, "imagestatus");
		image->volume_format = (int) keyed_int64(rows, i, "volume_format");
		image->volume_type = (int) keyed_int64(rows, i, "volume_type");
		image->size = keyed_int64(rows, i, "size");
		image->active = keyed_bool(rows, i, "active");
	}
	qsort(images->rows, images->count, sizeof(ImageRow), compare_images);
}

static pg_uuid_t *
image_ids(const ImageRows *images)
{
	pg_uuid_t *ids = palloc_extended(sizeof(pg_uuid_t) * (images->count + 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < images->count; i++)
		ids[i] = images->rows[i].image_id;
	return ids;
}

static ImageRow *
find_image(const ImageRows *images, const KeyedRows *rows, int row)
{
	pg_uuid_t id = keyed_uuid(rows, row, "image_id");

	return (ImageRow *) image_rows_find(images, &id);
}

static void
read_sizes(const ImageRows *images, const KeyedRows *rows)
{
	for (int i = 0; i < rows->count; i++)
	{
		ImageRow *image = find_image(images, rows, i);

		image->has_actual_size = !keyed_is_null(rows, i, "actual_size");
		image->actual_size = keyed_int64(rows, i, "actual_size");
	}
}

static void
read_domains(const ImageRows *images, const KeyedRows *rows)
{
	for (int i = 0; i < rows->count; i++)
	{
		ImageRow *image = find_image(images, rows, i);

		if (image->domain_count == 0)
			image->domains = palloc(sizeof(pg_uuid_t));
		else
			image->domains =
				repalloc(image->domains, sizeof(pg_uuid_t) * (image->domain_count + 1));
		image->domains[image->domain_count++] = keyed_uuid(rows, i, "storage_domain_id");
		qsort(image->domains, image->domain_count, sizeof(pg_uuid_t), compare_uuids);
	}
}

ImageRows *
image_rows_load(const pg_uuid_t *disk_ids, int count)
{
	ImageRows *images = palloc0(sizeof(ImageRows));
	const pg_uuid_t *ids;

	if (count == 0)
		return images;
	read_images(images, keyed_rows("images", "image_group_id", disk_ids, count, KEYED_NOW));
	if (images->count == 0)
		return images;
	ids = image_ids(images);
	read_sizes(images, keyed_rows("disk_image_dynamic", "image_id", ids, images->count, KEYED_NOW));
	images->places =
		keyed_rows("image_storage_domain_map", "image_id", ids, images->count, KEYED_NOW);
	read_domains(images, images->places);
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
