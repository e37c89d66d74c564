/*
 * volume_group.c
 *		LVM's names, and which logical volumes a program on another machine may have opened.
 */
#include <stdio.h>
#include <sys/sysmacros.h>

#include "copy/base/fileio.h"
#include "copy/base/report.h"
#include "copy/base/volume_group.h"

#define DEVICE_DIRECTORY "/dev/"
#define LOOP_MAJOR       7
#define MAX_NAME         127
#define UUID_LENGTH      36

static struct
{
	const char *groups[COPIER_MAX_ROOTS];
	int count;
	bool allows_loops;
} allowed;

bool
volume_group_is_numbered(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 && text[length] != '\0' &&
		   text[length + strspn(text + length, "0123456789")] == '\0';
}

bool
volume_group_is_name(const char *name)
{
	size_t length =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-");

	return length > 0 && length <= MAX_NAME && name[length] == '\0' && name[0] != '-' &&
		   strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

void
volume_group_mapper_name(char *name, size_t size, const char *group, const char *volume)
{
	const char *const parts[] = {group, volume};
	size_t length = 0;

	for (int i = 0; i < 2; i++)
	{
		for (const char *c = parts[i]; *c != '\0' && length + 3 < size; c++)
		{
			name[length++] = *c;
			if (*c == '-')
				name[length++] = '-';
		}
		if (i == 0 && length + 1 < size)
			name[length++] = '-';
	}
	name[length] = '\0';
}

const char *
volume_group_of_path(const char *path)
{
	size_t length = strlen(DEVICE_DIRECTORY);

	return strncmp(path, DEVICE_DIRECTORY, length) == 0 && volume_group_is_name(path + length)
			   ? path + length
			   : NULL;
}

int
volume_group_confine(const char *group)
{
	if (allowed.count == COPIER_MAX_ROOTS)
		return report_error(COPIER_USAGE, 0, NO_LAYER, NULL, NO_OFFSET,
							"at most %d volume groups can be given", COPIER_MAX_ROOTS);
	allowed.groups[allowed.count++] = group;
	return 0;
}

void
volume_group_confine_to_loops(void)
{
	allowed.allows_loops = true;
}

bool
volume_group_is_allowed(const char *group)
{
	for (int i = 0; i < allowed.count; i++)
		if (strcmp(allowed.groups[i], group) == 0)
			return true;
	return false;
}

bool
volume_group_is_device_path(const char *path)
{
	return volume_group_is_numbered(path, DEVICE_DIRECTORY "dm-") ||
		   (allowed.allows_loops && volume_group_is_numbered(path, DEVICE_DIRECTORY "loop"));
}

bool
volume_group_is_image_name(const char *name)
{
	if (strlen(name) != UUID_LENGTH)
		return false;
	for (int i = 0; i < UUID_LENGTH; i++)
	{
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? name[i] != '-' : strchr("0123456789abcdef", name[i]) == NULL)
			return false;
	}
	return true;
}

/* Device mapper's name is that of an image in the group; dashes are single in "volume" then. */
static bool
is_image_of(const char *mapper_name, const char *group)
{
	char prefix[MAPPER_NAME_SIZE];
	char volume[UUID_LENGTH + 1];
	size_t length;
	const char *from;

	volume_group_mapper_name(prefix, sizeof(prefix), group, "");
	length = strlen(prefix);
	if (strncmp(mapper_name, prefix, length) != 0)
		return false;
	from = mapper_name + length;
	for (length = 0; *from != '\0' && length < UUID_LENGTH; from++)
	{
		if (*from == '-' && *++from != '-')
			return false;
		volume[length++] = *from;
	}
	volume[length] = '\0';
	return *from == '\0' && volume_group_is_image_name(volume);
}

bool
volume_group_has_device(dev_t number)
{
	char name[MAPPER_NAME_SIZE];
	char uuid[MAPPER_NAME_SIZE];

	if (allowed.allows_loops && major(number) == LOOP_MAJOR)
		return true;
	if (!file_device_attribute(major(number), minor(number), "dm/name", name, sizeof(name)) ||
		!file_device_attribute(major(number), minor(number), "dm/uuid", uuid, sizeof(uuid)) ||
		strncmp(uuid, "LVM-", 4) != 0)
		return false;
	for (int i = 0; i < allowed.count; i++)
		if (is_image_of(name, allowed.groups[i]))
			return true;
	return false;
}
