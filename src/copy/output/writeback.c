/*
 * writeback.c
 *		Keeps what is written through the page cache from filling it.
 */
#include <errno.h>
#include <fcntl.h>

#include "copy/base/report.h"
#include "copy/output/writeback.h"

#define STEP_BYTES (32 * MIB)

void
writeback_start(struct writeback *writeback, const struct output *output)
{
	writeback->output = output->is_in_memory ? NULL : output;
	writeback->written = 0;
}

int
writeback_add(struct writeback *writeback, uint64_t bytes)
{
	const struct output *output = writeback->output;

	writeback->written += bytes;
	if (output == NULL || writeback->written < STEP_BYTES)
		return 0;
	writeback->written = 0;
	/* Waits for what the last step began, so that at most two steps are in memory. */
	if (sync_file_range(output->fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE) != 0)
	{
		if (errno != EINVAL && errno != ENOSYS && errno != EPERM)
			return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET,
								   "could not write data");
		/* No such call here: the system writes when it likes, and the last sync tells. */
		writeback->output = NULL;
		return 0;
	}
	posix_fadvise(output->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

void
writeback_finish(const struct output *output)
{
	if (!output->is_in_memory)
		posix_fadvise(output->fd, 0, 0, POSIX_FADV_DONTNEED);
}
