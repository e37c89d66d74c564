/*
 * device.c
 *		Makes every byte of a block device that the copy doesn't write read as zero.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "copy/base/budget.h"
#include "copy/output/device.h"
#include "copy/base/fileio.h"
#include "copy/base/report.h"

/* A call covers at most this much, so that a stop is noticed; under a limit, what it lets through at once. */
#define ZERO_STEP           (64 * MIB)
#define LIMITED_ZERO_STEP   (1 * MIB)
#define CHECKPOINT_INTERVAL UINT64_C(1000000000) /* ns */
#define ZERO_BUFFER         ((size_t) 256 * 1024)

/* Waits for the limit, or for the end of a pause; -1 after report_error() if everything is to stop. */
static int
take(struct throttle *throttle, uint64_t bytes)
{
	if (throttle_take(throttle, bytes))
		return 0;
	(void) report_if_stopped(&throttle->stop);
	return -1;
}

static int
write_zeroes(const struct output *output, uint64_t start, uint64_t end, struct throttle *throttle)
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

		if (take(throttle, length) != 0)
			result = -1;
		else if (file_write(output->fd, zeroes, length, start) != 0)
			result =
				report_io_error(errno, NO_LAYER, output->path, start, "could not write zeroes");
		start += length;
	}
	budget_free(zeroes, ZERO_BUFFER);
	return result;
}

/* Zeroes that the device makes by itself count against the limit like written ones: it may have to write them. */
static int
zero_step(const struct output *output, uint64_t start, uint64_t end, struct throttle *throttle)
{
	uint64_t range[2] = {start, end - start};

	if (fallocate(output->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) start,
				  (off_t) (end - start)) == 0)
		return take(throttle, end - start);
	if (ioctl(output->fd, BLKZEROOUT, range) == 0)
		return take(throttle, end - start);
	return write_zeroes(output, start, end, throttle);
}

struct zeroing
{
	const struct output *output;
	struct throttle *throttle;
	struct resume *resume;
	uint64_t checkpoint_time; /* monotonic ns */
};

/* All below "mark" is zero or will be copied. */
static int
make_checkpoint(struct zeroing *zeroing, uint64_t mark)
{
	if (zeroing->resume == NULL || monotonic_now() - zeroing->checkpoint_time < CHECKPOINT_INTERVAL)
		return 0;
	if (fdatasync(zeroing->output->fd) != 0)
		return report_io_error(errno, NO_LAYER, zeroing->output->path, NO_OFFSET,
							   "could not sync the output");
	zeroing->checkpoint_time = monotonic_now();
	return resume_checkpoint(zeroing->resume, RESUME_ZERO, mark, true);
}

static int
zero_range(struct zeroing *zeroing, uint64_t start, uint64_t end)
{
	/* Parts of blocks can only be written. */
	uint64_t low = min_u64(align_up(start, DIRECT_BLOCK), end);
	uint64_t high = max_u64(align_down(end, DIRECT_BLOCK), low);
	struct throttle *throttle = zeroing->throttle;

	if (start >= end)
		return 0;
	if (write_zeroes(zeroing->output, start, low, throttle) != 0)
		return -1;
	for (uint64_t at = low; at < high;)
	{
		bool is_limited = atomic_load_explicit(&throttle->closed, memory_order_relaxed);
		uint64_t step_end = min_u64(at + (is_limited ? LIMITED_ZERO_STEP : ZERO_STEP), high);

		if (report_if_stopped(&throttle->stop) ||
			zero_step(zeroing->output, at, step_end, throttle) != 0 ||
			make_checkpoint(zeroing, step_end) != 0)
			return -1;
		at = step_end;
	}
	return write_zeroes(zeroing->output, high, end, throttle);
}

int
device_zero_gaps(const struct output *output, struct extents *extents, const struct layout *layout,
				 struct throttle *throttle, struct resume *resume, uint64_t mark)
{
	struct zeroing zeroing = {.output = output,
							  .throttle = throttle,
							  .resume = resume,
							  .checkpoint_time = monotonic_now()};
	struct extent extent;
	uint64_t at = mark;
	int result = 0;

	extents_rewind(extents);
	while (layout->format == FORMAT_RAW && (result = extents_next(extents, &extent)) > 0)
	{
		if (zero_range(&zeroing, at, extent.start) != 0)
			return -1;
		at = max_u64(at, extent.start + extent.length);
	}
	if (result < 0)
		return -1;
	return zero_range(&zeroing, at, output->device_size);
}

int
device_fill(const struct output *output, uint64_t length, struct throttle *throttle)
{
	return write_zeroes(output, 0, length, throttle);
}
