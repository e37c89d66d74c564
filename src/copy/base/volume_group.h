/*
 * volume_group.h
 *		LVM's names, and which logical volumes a program on another machine may have opened.
 *
 * A path says nothing of what a device is: only device mapper's own name of it in the kernel does.
 */
#ifndef COPY_VOLUME_GROUP_H
#define COPY_VOLUME_GROUP_H

#include <sys/types.h>

#include "copy/base/common.h"

/* Bytes of device mapper's name of a logical volume and its end: each name has up to 127, and its dashes are doubled. */
#define MAPPER_NAME_SIZE 512

/* "<prefix><digits>" and nothing more, as the kernel numbers devices. */
extern bool volume_group_is_numbered(const char *text, const char *prefix);

/* A name that LVM allows, for a group or a volume, and that is no option. */
extern bool volume_group_is_name(const char *name);

/* "<group>-<volume>" as device mapper has it; what does not fit is cut. */
extern void volume_group_mapper_name(char *name, size_t size, const char *group,
									 const char *volume);

/* The group that "/dev/<group>" names, within "path"; NULL: it is no such path. */
extern const char *volume_group_of_path(const char *path);

/*
 * From now on no block device is opened but an image's logical volume of such a group, whose name lives as long as the
 * program.  At most COPIER_MAX_ROOTS.  Returns 0, or -1 after report_error().
 */
extern int volume_group_confine(const char *group);

/* Beside these loop devices: for tests. */
extern void volume_group_confine_to_loops(void);

/* The group is one of those that may be used. */
extern bool volume_group_is_allowed(const char *group);

/* A path that the kernel itself gives such a device: /dev/dm-N, or /dev/loopN where these are allowed. */
extern bool volume_group_is_device_path(const char *path);

/* The device of this number is an image's logical volume of one of these groups, by its name and uuid in the kernel. */
extern bool volume_group_has_device(dev_t number);

/* Text that is a uuid in lower case: the name of an image. */
extern bool volume_group_is_image_name(const char *name);

#endif
