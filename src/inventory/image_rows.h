/*
 * image_rows.h
 *		Rows of all images of some disks: what a configuration says of a
 *		disk, its chain, and the layer that its virtual machine writes to are all among them.
 */
#ifndef VMCLONE_IMAGE_ROWS_H
#define VMCLONE_IMAGE_ROWS_H

#include "postgres.h"

#include "utils/uuid.h"

/* A row of images with those that hang on it. */
typedef struct ImageRow
{
	pg_uuid_t image_id;
	pg_uuid_t parent_id;         /* zero: none */
	pg_uuid_t template_image_id; /* images.it_guid; zero: none */
	pg_uuid_t disk_id;           /* images.image_group_id */
	int status;                  /* images.imagestatus */
	int volume_format;           /* 4 COW, 5 RAW */
	int volume_type;             /* 1 preallocated, 2 sparse */
	int64 size;                  /* bytes */
	bool active;
	bool has_actual_size;
	int64 actual_size; /* bytes; 0 where it isn't known */
	/* storage domains it lies in, ascending; a template's image may lie in several */
	pg_uuid_t *domains;
	int domain_count;
} ImageRow;

typedef struct ImageRows
{
	ImageRow *rows; /* by image id */
	int count;
	const struct KeyedRows *places; /* rows of image_storage_domain_map; NULL: none were read */
} ImageRows;

/* All images of the disks.  In an inventory frame; palloc'd. */
extern ImageRows *image_rows_load(const pg_uuid_t *disk_ids, int count);

/* NULL: it isn't among them. */
extern const ImageRow *image_rows_find(const ImageRows *images, const pg_uuid_t *image_id);

#endif
