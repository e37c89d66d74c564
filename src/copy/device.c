/*
 * device.c
 *		Makes every byte of a block device that the copy doesn't write read as zero.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "budget.h"
#include "device.h"
#include "fileio.h"
#include "report.h"

/* A call covers at most this much, so that a stop is noticed. */
#define ZERO_STEP   (256 * MIB)
#define ZERO_BUFFER ((size_t) 256 * 1024)

static int
write_zeroes(const struct output *output, uint64_t start, uint64_t end)
{
	void *zeroes;
	int result = 0;

	if (start >= end)
		return 0;
	zeroes = budget_allocate(ZERO_BUFFER);
	if (zeroes == NULL)
		return -1;
	while (start < end && result == 0)
	{
		size_t length = (size_t) min_u64(ZERO_BUFFER, end - start);

		if (file_write(output->fd, zeroes, length, start) != 0)
			result =
				report_io_error(errno, NO_LAYER, output->path, start, "could not write zeroes");
		start += length;
	}
	budget_free(zeroes, ZERO_BUFFER);
	return result;
}

static int
zero_step(const struct output *output, uint64_t start, uint64_t end)
{
	uint64_t range[2] = {start, end - start};

	if (fallocate(output->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) start,
				  (off_t) (end - start)) == 0)
		return 0;
	if (ioctl(output->fd, BLKZEROOUT, range) == 0)
		return 0;
	return write_zeroes(output, start, end);
}

int
device_zero(const struct output *output, uint64_t start, uint64_t end, struct throttle *throttle)
{
	/* Parts of blocks can only be written. */
	uint64_t low = min_u64(align_up(start, DIRECT_BLOCK), end);
	uint64_t high = max_u64(align_down(end, DIRECT_BLOCK), low);

	if (start >= end)
		return 0;
	if (write_zeroes(output, start, low) != 0)
		return -1;
	for (uint64_t at = low; at < high; at += ZERO_STEP)
	{
		if (throttle_is_stopped(throttle))
			return report_error(REPORT_CANCELLED, 0, NO_LAYER, NULL, NO_OFFSET, "cancelled");
		if (zero_step(output, at, min_u64(at + ZERO_STEP, high)) != 0)
			return -1;
	}
	return write_zeroes(output, high, end);
}

int
device_zero_gaps(const struct output *output, struct chain_map *map, const struct layout *layout,
				 struct throttle *throttle)
{
	struct extent extent;
	uint64_t at = 0;
	int result;

	if (layout->format == FORMAT_QCOW2)
		return device_zero(output, 0, output->device_size, throttle);
	chain_map_rewind(map);
	while ((result = chain_map_next(map, &extent)) > 0)
	{
		if (device_zero(output, at, extent.start, throttle) != 0)
			return -1;
		at = extent.start + extent.length;
	}
	if (result < 0)
		return -1;
	return device_zero(output, at, output->device_size, throttle);
}
