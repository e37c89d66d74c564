/*
 * reflink.c
 *		Sharing blocks with the layers (FICLONERANGE) instead of copying bytes.
 */
#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/output/reflink.h"
#include "copy/base/report.h"

/* A longer call would hold locks of the file system for long and couldn't be cancelled. */
#define MAX_CLONE (256 * MIB)

static int
clone_range(const struct output *output, const struct layer *layer, uint64_t host, uint64_t length,
			uint64_t out)
{
	struct file_clone_range range = {
		.src_fd = layer->fd, .src_offset = host, .src_length = length, .dest_offset = out};

	return ioctl(output->fd, FICLONERANGE, &range);
}

static bool
means_unsupported(int error_number)
{
	return error_number == EOPNOTSUPP || error_number == EXDEV || error_number == EINVAL ||
		   error_number == ENOTTY || error_number == ENOSYS || error_number == ETXTBSY ||
		   error_number == EPERM;
}

/* Why the file system that the output lies on has shared nothing with it. */
static const char *
reason_of(int error_number, const struct statfs *system)
{
	if (error_number == EXDEV)
		return "layers and output are on different file systems";
	/* Btrfs shares no blocks between a file with checksums and one without. */
	if (error_number == EINVAL && system->f_type == BTRFS_SUPER_MAGIC)
		return "only one of layer and output is without copy-on-write (chattr +C)";
	if (error_number == EINVAL || error_number == EPERM || error_number == ETXTBSY)
		return "the file system does not share blocks between these files";
	return "the file system has no reflink";
}

/* Result for a layer on the same file system that was asked before, if there is one. */
static const struct layer *
probed_before(const struct chain *chain, const struct layer *layer, uint64_t unit)
{
	for (const struct layer *other = chain->layers; other < layer; other++)
	{
		if (other->device == layer->device && !other->is_block_device && other->file_size >= unit)
			return other;
	}
	return NULL;
}

uint64_t
reflink_probe(struct chain *chain, const struct output *output, const char **reason)
{
	struct statfs system;
	struct stat status;
	uint64_t unit;
	uint64_t beyond;
	bool any = false;
	int error_number = 0; /* of the first layer that could not be shared */

	*reason = "the output is a block device";
	if (output->is_block_device || file_system_of(output->fd, &system) != 0 ||
		file_status(output->fd, &status) != 0)
		return 0;
	unit = (uint64_t) system.f_bsize;
	*reason = "the file system has no reflink";
	if (!is_power_of_two(unit) || unit > MIB)
		return 0;
	beyond = align_up((uint64_t) status.st_size, unit);
	for (int i = 0; i < chain->count; i++)
	{
		struct layer *layer = &chain->layers[i];
		const struct layer *before = probed_before(chain, layer, unit);

		if (layer->is_block_device || layer->file_size < unit)
			continue;
		if (before != NULL)
			layer->reflink = before->reflink;
		else
		{
			layer->reflink = clone_range(output, layer, 0, unit, beyond) == 0;
			if (!layer->reflink && error_number == 0)
				error_number = errno;
		}
		any = any || layer->reflink;
	}
	/* A copy that goes on knows its output by its length. */
	if (any && ftruncate(output->fd, status.st_size) != 0)
	{
		*reason = "the trial of reflink could not be undone";
		return 0;
	}
	if (!any)
	{
		if (error_number != 0)
			*reason = reason_of(error_number, &system);
		return 0;
	}
	return unit;
}

int
reflink_range(const struct output *output, const struct layer *layer, uint64_t host,
			  uint64_t length, uint64_t out, uint64_t *done)
{
	*done = 0;
	while (*done < length)
	{
		uint64_t part = min_u64(length - *done, MAX_CLONE);

		if (clone_range(output, layer, host + *done, part, out + *done) != 0)
		{
			if (errno == EINTR)
				continue;
			if (means_unsupported(errno))
				return 1;
			return report_io_error(errno, layer->shown_as, layer->path, host + *done,
								   "could not share blocks with the output");
		}
		*done += part;
	}
	return 0;
}
