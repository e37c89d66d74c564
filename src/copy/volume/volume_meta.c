/*
 * volume_meta.c
 *		VDSM's volume metadata: sorted KEY=VALUE lines, closed by EOF, at most 512 bytes.
 */
#include "copy/volume/volume_internal.h"

#include "copy/base/fileio.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define META_SECTOR 512
#define BLANK_UUID  "00000000-0000-0000-0000-000000000000"

bool
volume_meta_format(const VolumeOptions *options, char text[VOLUME_META_LIMIT + 1])
{
	/* domain format 5 counts bytes and numbers the volumes; before, 512-byte blocks and MTIME */
	bool v5 = options->domain_format >= 5;
	char capacity[48] = "";
	char mtime[16] = "";
	char sequence[32] = "";
	char size[48] = "";
	int length;

	if (v5)
	{
		snprintf(capacity, sizeof(capacity), "CAP=%" PRIu64 "\n", options->size);
		snprintf(sequence, sizeof(sequence), "SEQ=%" PRIu64 "\n", options->sequence);
	}
	else
	{
		snprintf(mtime, sizeof(mtime), "MTIME=0\n");
		snprintf(size, sizeof(size), "SIZE=%" PRIu64 "\n", options->size / META_SECTOR);
	}
	length = snprintf(
		text, VOLUME_META_LIMIT + 1,
		"%sCTIME=%lld\nDESCRIPTION=%s\nDISKTYPE=%s\nDOMAIN=%s\nFORMAT=%s\nGEN=0\n"
		"IMAGE=%s\nLEGALITY=ILLEGAL\n%sPUUID=" BLANK_UUID "\n%s%sTYPE=%s\nVOLTYPE=%s\nEOF\n",
		capacity, (long long) time(NULL), options->description, options->disk_type, options->domain,
		options->format, options->disk, mtime, sequence, size, options->type, options->voltype);
	if (length < 0 || length > VOLUME_META_LIMIT)
		return volume_fail(COPIER_USAGE, 0, NULL, "Shorten the description.",
						   "volume metadata would be %d bytes long, more than %d", length,
						   VOLUME_META_LIMIT);
	return true;
}

bool
volume_meta_parse(const char *text, size_t length, VolumeMeta *meta)
{
	char *line;

	memset(meta, 0, sizeof(*meta));
	if (length > VOLUME_META_LIMIT || memchr(text, '\0', length) != NULL)
		return false;
	memcpy(meta->text, text, length);
	for (line = meta->text; *line != '\0';)
	{
		char *end = strchr(line, '\n');
		char *equals;

		if (end == NULL)
			return false;
		*end = '\0';
		if (strcmp(line, "EOF") == 0)
			return true;
		equals = strchr(line, '=');
		if (equals == NULL || equals == line || meta->count == VOLUME_META_KEYS)
			return false;
		*equals = '\0';
		if (volume_meta_value(meta, line) != NULL)
			return false;
		meta->keys[meta->count] = line;
		meta->values[meta->count] = equals + 1;
		meta->count++;
		line = end + 1;
	}
	return false; /* no EOF: the file was cut off */
}

const char *
volume_meta_value(const VolumeMeta *meta, const char *key)
{
	for (int i = 0; i < meta->count; i++)
		if (strcmp(meta->keys[i], key) == 0)
			return meta->values[i];
	return NULL;
}

bool
volume_meta_is_legal(const VolumeMeta *meta)
{
	const char *legality = volume_meta_value(meta, "LEGALITY");

	return legality != NULL && strcmp(legality, "LEGAL") == 0;
}

bool
volume_meta_is_of_disk(const VolumeMeta *meta, const char *disk)
{
	const char *owner = volume_meta_value(meta, "IMAGE");

	return owner != NULL && strcmp(owner, disk) == 0;
}

int
volume_meta_read(int dirfd, const char *image, VolumeMeta *meta)
{
	char name[VOLUME_NAME_SIZE];
	char text[VOLUME_META_LIMIT + 2];
	ssize_t length;

	snprintf(name, sizeof(name), "%s.meta", image);
	length = volume_read_file(dirfd, name, text, sizeof(text));
	if (length == -2)
		return 0;
	if (length < 0)
		return -1;
	/* create doesn't sync it, so a crash of the machine may leave a name without content, or zeroes */
	if (memory_is_zero(text, (size_t) length))
		return 0;
	if (!volume_meta_parse(text, (size_t) length, meta))
	{
		volume_fail(COPIER_REFUSED, 0, name,
					"Look at the file; vmclone changes nothing that it can't read.",
					"volume metadata is malformed");
		return -1;
	}
	return 1;
}

bool
volume_meta_text(const VolumeMeta *meta, const char *legality, const char *generation,
				 char text[VOLUME_META_LIMIT + 1])
{
	char written[VOLUME_META_LIMIT + 1];
	size_t length = 0;

	for (int i = 0; i <= meta->count; i++)
	{
		const char *value = i == meta->count ? NULL : meta->values[i];
		int n;

		if (i < meta->count && strcmp(meta->keys[i], "LEGALITY") == 0)
			value = legality;
		else if (i < meta->count && strcmp(meta->keys[i], "GEN") == 0)
			value = generation;
		if (i == meta->count)
			n = snprintf(written + length, sizeof(written) - length, "EOF\n");
		else
			n = snprintf(written + length, sizeof(written) - length, "%s=%s\n", meta->keys[i],
						 value);
		if (n < 0 || (size_t) n >= sizeof(written) - length)
			return volume_fail(COPIER_REFUSED, 0, NULL, NULL,
							   "volume metadata would be longer than %d bytes", VOLUME_META_LIMIT);
		length += (size_t) n;
	}
	memcpy(text, written, length + 1);
	return true;
}

bool
volume_meta_write_new(int dirfd, const char *image, const VolumeMeta *meta, const char *legality,
					  const char *generation)
{
	char name[VOLUME_NAME_SIZE];
	char text[VOLUME_META_LIMIT + 1];

	volume_image_name(name, image, ".meta");
	return volume_meta_text(meta, legality, generation, text) &&
		   volume_write_new(dirfd, name, 0644, text, strlen(text), false);
}

bool
volume_meta_rename_new(int dirfd, const char *image)
{
	char name[VOLUME_NAME_SIZE];

	volume_image_name(name, image, ".meta");
	return volume_rename_new(dirfd, name, true);
}

int
volume_meta_is_committing(int dirfd, const VolumeOptions *options)
{
	char name[VOLUME_NAME_SIZE];
	char text[VOLUME_META_LIMIT + 2];
	VolumeMeta meta;
	ssize_t length;

	volume_image_name(name, options->image, ".meta.new");
	length = volume_read_file(dirfd, name, text, sizeof(text));
	if (length == -1)
		return -1;
	return length >= 0 && volume_meta_parse(text, (size_t) length, &meta) &&
		   volume_meta_is_of_disk(&meta, options->disk) && volume_meta_is_legal(&meta);
}
