/*
 * output.c
 *		The file or block device that is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <unistd.h>

#include "copy/base/fileio.h"
#include "copy/output/output.h"
#include "copy/base/remover.h"
#include "copy/base/report.h"
#include "copy/output/resume.h"
#include "copy/base/rootpath.h"

#define OUTPUT_MODE 0660 /* VDSM's mode of volumes; the umask applies */
#define FIRST_BLOCK 4096

static int
lock_output(struct output *output)
{
	int locked = file_lock(output->fd);

	if (locked == 0)
		return report_error(COPIER_BUSY, 0, NO_LAYER, output->path, NO_OFFSET,
							"output is locked by another process");
	if (locked < 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET, "could not lock output");
	return 0;
}

static int
check_output(struct output *output, const struct chain *chain)
{
	struct stat status;
	struct statfs system;

	if (fstat(output->fd, &status) != 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET, "could not stat output");
	output->is_block_device = S_ISBLK(status.st_mode);
	output->device = output->is_block_device ? status.st_rdev : status.st_dev;
	output->inode = output->is_block_device ? 0 : status.st_ino;
	output->device_identity = output->is_block_device ? file_device_identity(&status) : 0;
	output->birth = output->is_block_device ? 0 : file_birth(output->fd, "");
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return report_error(COPIER_USAGE, 0, NO_LAYER, output->path, NO_OFFSET,
							"output is neither a regular file nor a block device");
	if (output->is_block_device && file_size(output->fd, &output->device_size) != 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET,
							   "could not get size of output");
	if (file_system_of(output->fd, &system) != 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET,
							   "could not get the output's file system");
	output->is_in_memory = system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
	for (int i = 0; i < chain->count; i++)
	{
		const struct layer *layer = &chain->layers[i];

		if (layer->device == output->device && layer->inode == output->inode &&
			layer->is_block_device == output->is_block_device)
			return report_error(COPIER_USAGE, 0, NO_LAYER, output->path, NO_OFFSET,
								"output is the same file as layer %d", i);
	}
	return 0;
}

/* From now on the output is a file that the remover takes away unless the copy succeeds. */
static int
set_created(struct output *output)
{
	output->created = true;
	return remover_learn(REMOVABLE_OUTPUT, output->directory_fd, output->name, output->fd,
						 output->path);
}

/*
 * A write that failed for whoever used the device or file before is told to the next one who syncs, as long as
 * nobody was told of it: not to this copy at its end, which writes all that it relies on itself.
 */
static void
forget_old_errors(const struct output *output)
{
	(void) fsync(output->fd);
}

/* Opens what exists at the output's place, if it is a device or ours. */
static int
open_existing(struct output *output, const struct chain *chain, struct resume *resume)
{
	struct stat status;
	bool ours;

	if (fstatat(output->directory_fd, output->name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET, "could not stat output");
	ours = resume != NULL &&
		   resume_owns(resume, &status, file_birth(output->directory_fd, output->name));
	if (!S_ISBLK(status.st_mode) && !ours)
		return report_error(COPIER_EXISTS, EEXIST, NO_LAYER, output->path, NO_OFFSET,
							"output must not exist yet");
	output->fd = open_in_directory(
		output->directory_fd, output->name,
		O_RDWR | O_NONBLOCK | O_NOCTTY | (S_ISBLK(status.st_mode) ? O_EXCL : 0), 0);
	if (output->fd < 0 && errno == EBUSY)
		return report_error(COPIER_BUSY, EBUSY, NO_LAYER, output->path, NO_OFFSET,
							"output device is in use");
	if (output->fd < 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET, "could not open output");
	if (lock_output(output) != 0)
		return -1;
	/* What was locked must be what was looked at. */
	if (fstat(output->fd, &status) != 0 ||
		(!S_ISBLK(status.st_mode) &&
		 !(ours && resume_owns(resume, &status, file_birth(output->fd, "")))))
		return report_error(COPIER_EXISTS, EEXIST, NO_LAYER, output->path, NO_OFFSET,
							"output was replaced meanwhile");
	if (S_ISREG(status.st_mode) && set_created(output) != 0)
		return -1;
	if (check_output(output, chain) != 0)
		return -1;
	forget_old_errors(output);
	return resume != NULL ? resume_set_output(resume, output, false) : 0;
}

/*
 * Makes the file under a name that nobody can guess, notes in the record which file it is, and gives
 * it its name only then: a file of that name that the record doesn't know is never ours.
 */
static int
create_noted(struct output *output, const struct chain *chain, struct resume *resume)
{
	char temporary[NAME_MAX + 1];

	if (resume_temporary_name(resume, output->name, temporary, sizeof(temporary)) != 0)
		return -1;
	/* An earlier run may have been killed before it gave the file its name. */
	if (resume->found && unlinkat(output->directory_fd, temporary, 0) != 0 && errno != ENOENT)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET,
							   "could not remove what an earlier run has left of the output");
	output->fd =
		open_in_directory(output->directory_fd, temporary, O_RDWR | O_CREAT | O_EXCL, OUTPUT_MODE);
	if (output->fd < 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET, "could not create output");
	if (lock_output(output) == 0 && check_output(output, chain) == 0 &&
		resume_set_output(resume, output, true) == 0)
	{
		if (rename_in_directory(output->directory_fd, temporary, output->name) == 0)
		{
			if (set_created(output) == 0)
				return 0;
			unlink_if_same(output->directory_fd, output->name, output->fd);
		}
		else if (errno == EEXIST)
			report_error(COPIER_EXISTS, EEXIST, NO_LAYER, output->path, NO_OFFSET,
						 "output must not exist yet");
		else
			report_io_error(errno, NO_LAYER, output->path, NO_OFFSET, "could not create output");
	}
	unlink_if_same(output->directory_fd, temporary, output->fd);
	close(output->fd);
	output->fd = -1;
	return -1;
}

int
output_open(struct output *output, const char *path, const struct chain *chain,
			struct resume *resume)
{
	struct stat status;

	memset(output, 0, sizeof(*output));
	output->path = path;
	output->fd = -1;
	output->direct_fd = -1;
	output->verify_fd = -1;
	output->verify_direct_fd = -1;
	output->directory_fd = root_open_directory_of(path, &output->name);
	if (output->directory_fd < 0 && errno == EISDIR)
		return report_error(COPIER_USAGE, 0, NO_LAYER, path, NO_OFFSET,
							"output must be the name of a file");
	if (output->directory_fd < 0)
		return report_io_error(errno, NO_LAYER, path, NO_OFFSET,
							   "could not open the directory of the output");
	if (resume != NULL)
	{
		if (fstatat(output->directory_fd, output->name, &status, AT_SYMLINK_NOFOLLOW) != 0 &&
			errno == ENOENT)
			return create_noted(output, chain, resume);
		return open_existing(output, chain, resume);
	}
	output->fd = open_in_directory(output->directory_fd, output->name, O_RDWR | O_CREAT | O_EXCL,
								   OUTPUT_MODE);
	if (output->fd >= 0)
	{
		if (set_created(output) != 0)
		{
			unlink_if_same(output->directory_fd, output->name, output->fd);
			return -1;
		}
		if (lock_output(output) != 0)
			return -1;
		return check_output(output, chain);
	}
	if (errno != EEXIST)
		return report_io_error(errno, NO_LAYER, path, NO_OFFSET, "could not create output");
	return open_existing(output, chain, NULL);
}

void
output_open_direct(struct output *output)
{
	struct stat status;

	output->direct_alignment = file_direct_alignment(output->fd);
	if (output->direct_alignment == 0)
		return;
	output->direct_fd =
		open_in_directory(output->directory_fd, output->name, O_RDWR | O_DIRECT | O_NONBLOCK, 0);
	if (output->direct_fd < 0)
		return;
	if (fstat(output->direct_fd, &status) != 0 ||
		(output->is_block_device
			 ? status.st_rdev != output->device
			 : status.st_dev != output->device || status.st_ino != output->inode))
	{
		close(output->direct_fd);
		output->direct_fd = -1;
	}
}

void
output_close_direct(struct output *output)
{
	close(output->direct_fd);
	output->direct_fd = -1;
}

int
output_open_verify(struct output *output, bool direct)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

	output->verify_fd = open_in_directory(output->directory_fd, output->name, flags, 0);
	if (output->verify_fd < 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET,
							   "could not open output for reading back");
	if (direct)
		output->verify_direct_fd = root_open_direct(output->path, output->verify_fd);
	return 0;
}

int
output_allocate_first_block(const struct output *output)
{
	unsigned char block[FIRST_BLOCK];
	ssize_t length;

	if (output->is_block_device)
		return 0;
	length = file_read(output->fd, block, sizeof(block), 0);
	if (length < 0)
		return report_io_error(errno, NO_LAYER, output->path, 0, "could not read the output");
	if (memory_is_zero(block, (size_t) length) &&
		file_write(output->fd, block, (size_t) length, 0) != 0)
		return report_io_error(errno, NO_LAYER, output->path, 0, "could not write the output");
	return 0;
}

int
output_sync_directory(const struct output *output)
{
	if (file_sync_directory(output->directory_fd) != 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET,
							   "could not sync the directory of the output");
	return 0;
}

void
output_remove(struct output *output)
{
	if (output->created)
	{
		remover_remove(REMOVABLE_OUTPUT);
		output->created = false;
	}
}

void
output_close(struct output *output)
{
	if (output->direct_fd >= 0)
		close(output->direct_fd);
	if (output->verify_fd >= 0)
		close(output->verify_fd);
	if (output->verify_direct_fd >= 0)
		close(output->verify_direct_fd);
	if (output->fd >= 0)
		close(output->fd);
	if (output->directory_fd >= 0)
		close(output->directory_fd);
	output->fd = output->direct_fd = output->directory_fd = -1;
	output->verify_fd = output->verify_direct_fd = -1;
}
