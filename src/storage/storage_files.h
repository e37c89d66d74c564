/*
 * storage_files.h
 *		Which files the images of directory domains are.
 *
 * All in the own frame; what they return is palloc'd in the current context.
 */
#ifndef VMCLONE_STORAGE_FILES_H
#define VMCLONE_STORAGE_FILES_H

#include "postgres.h"

#include "utils/uuid.h"

/* The domain is a user's own folder, wherever it is attached. */
extern bool storage_is_directory(const pg_uuid_t *domain_id);

/* The image's file, below its domain's directory; NULL: it has no name of its own. */
extern char *storage_file_find(const pg_uuid_t *image_id);

/*
 * A name for a new image in a directory domain, made of what people call it, and free as far as rows tell; the same
 * one if it has a name already.  Only the worker asks, of which there is one.
 */
extern char *storage_file_name(const pg_uuid_t *image_id, const pg_uuid_t *domain_id,
							   const char *vm_name, const char *disk_alias, bool is_raw);

/* The image is gone, and its file. */
extern void storage_file_forget(const pg_uuid_t *image_id);

#endif
