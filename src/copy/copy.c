/*
 * copy.c
 *		One copy from beginning to end.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy.h"
#include "device.h"
#include "fileio.h"
#include "report.h"
#include "verify.h"

/* Small buffers stay in the processor's cache; large requests suit devices. */
#define BUFFERED_BUFFER_BYTES ((size_t) 256 * 1024)
#define DIRECT_BUFFER_BYTES   ((size_t) 1024 * 1024)
#define DIRECT_THREADS        8

static int
available_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 2;
	return CPU_COUNT(&set);
}

static void
choose_method(struct copy *copy)
{
	const struct options *options = copy->options;

	copy->method = "threads-buffered";
	if (options->io == IO_BUFFERED)
	{
		copy->reason = "--io buffered was asked for";
		return;
	}
	output_open_direct(&copy->output);
	if (copy->output.direct_fd < 0)
	{
		copy->reason = "the output's file system has no direct I/O";
		return;
	}
	chain_open_direct(&copy->chain);
	copy->method = "threads-direct";
	copy->reason = "the output has direct I/O";
}

/* Gives the output its length, and its blocks with --preallocate. */
static int
prepare_output(struct copy *copy)
{
	struct output *output = &copy->output;
	uint64_t length = copy->plan.layout.file_length;

	if (output->is_block_device)
	{
		if (length > output->device_size)
			return report_error(REPORT_NO_SPACE, ENOSPC, NO_LAYER, output->path, NO_OFFSET,
								"the result needs %" PRIu64 " bytes but the device has %" PRIu64,
								length, output->device_size);
		return 0;
	}
	output->skip_zero = !copy->options->keep_zeroes;
	if (length > INT64_MAX || ftruncate(output->fd, (off_t) length) != 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET,
							   "could not set the length of the output to %" PRIu64 " bytes",
							   length);
	if (copy->options->preallocate && length > 0)
	{
		int error_number;

		do
			error_number = posix_fallocate(output->fd, 0, (off_t) length);
		while (error_number == EINTR && !throttle_is_stopped(&copy->throttle));
		if (error_number != 0)
			return report_io_error(error_number, NO_LAYER, output->path, NO_OFFSET,
								   "could not allocate %" PRIu64 " bytes", length);
	}
	return 0;
}

static int
start_engine(struct copy *copy)
{
	struct engine_options options = {.chain = &copy->chain,
									 .output = &copy->output,
									 .throttle = &copy->throttle,
									 .progress = &copy->progress,
									 .threads = copy->options->threads};
	bool direct = copy->output.direct_fd >= 0;

	options.buffer_size = direct ? DIRECT_BUFFER_BYTES : BUFFERED_BUFFER_BYTES;
	if (options.threads == 0)
		options.threads = direct ? DIRECT_THREADS : available_processors();
	copy->engine = engine_start(&options);
	return copy->engine != NULL ? 0 : -1;
}

/*
 * Where the extent goes in a qcow2 result, data clusters being in guest order: consecutive guest
 * clusters follow each other, and only the first can have been there before.
 */
static int
place_extent(struct copy *copy, const struct extent *extent, uint64_t *out_offset)
{
	struct layout *layout = &copy->plan.layout;
	uint64_t first = extent->start >> layout->cluster_bits;
	uint64_t end = ((extent->start + extent->length - 1) >> layout->cluster_bits) + 1;
	uint64_t cluster_size = UINT64_C(1) << layout->cluster_bits;
	uint64_t first_new = max_u64(first, layout->next_cluster);
	uint64_t placed = layout->placed_clusters;

	*out_offset = layout->data_offset + ((placed - (first_new - first)) << layout->cluster_bits) +
				  (extent->start & (cluster_size - 1));
	if (first_new >= end)
		return 0;
	if (end - first_new > layout->data_clusters - placed)
		return report_error(REPORT_SOURCE_CHANGED, 0, extent->layer,
							copy->chain.layers[extent->layer].path, NO_OFFSET,
							"layer holds more data than when it was first read");
	if (qcow2_writer_map(copy->writer, first_new, end - first_new,
						 layout->data_offset + (placed << layout->cluster_bits)) != 0)
		return -1;
	layout->placed_clusters = placed + (end - first_new);
	layout->next_cluster = end;
	return 0;
}

static int
copy_data(struct copy *copy)
{
	struct extent extent;
	int result;

	chain_map_rewind(copy->map);
	while ((result = chain_map_next(copy->map, &extent)) > 0)
	{
		uint64_t out_offset = extent.start;

		if (copy->writer != NULL && place_extent(copy, &extent, &out_offset) != 0)
			return -1;
		if (engine_add(copy->engine, &extent, 0, extent.length, out_offset) != 0)
			return -1;
	}
	if (result < 0)
		return -1;
	if (copy->writer != NULL &&
		copy->plan.layout.placed_clusters != copy->plan.layout.data_clusters)
		return report_error(REPORT_SOURCE_CHANGED, 0, NO_LAYER, NULL, NO_OFFSET,
							"the layers hold less data than when they were first read");
	if (engine_drain(copy->engine) != 0)
		return -1;
	return copy->writer != NULL ? qcow2_writer_finish(copy->writer) : 0;
}

static int
sync_file(const struct copy *copy, bool with_metadata)
{
	if ((with_metadata ? fsync(copy->output.fd) : fdatasync(copy->output.fd)) != 0)
		return report_io_error(errno, NO_LAYER, copy->output.path, NO_OFFSET,
							   "could not sync the output");
	return 0;
}

/* Data first, then what makes it an image, then the name. */
static int
sync_output(struct copy *copy)
{
	progress_phase(&copy->progress, "sync");
	if (copy->writer != NULL)
	{
		if (sync_file(copy, false) != 0 || qcow2_writer_write_header(copy->writer) != 0)
			return -1;
	}
	if (sync_file(copy, true) != 0)
		return -1;
	return copy->output.is_block_device ? 0 : output_sync_directory(&copy->output);
}

static int
verify_output(struct copy *copy)
{
	struct chain result = {0};
	int fd = copy->output.verify_fd;
	int outcome = -1;

	progress_phase(&copy->progress, "verify");
	/* What was written must come from the device, not from memory. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	copy->output.verify_fd = -1;
	if (chain_open_fd(&result, fd, copy->options->output_format, copy->output.path) == 0)
	{
		atomic_store(&copy->progress.bytes_done, 0);
		outcome = verify_compare(&copy->chain, &result,
								 max_u64(result.virtual_size, copy->plan.virtual_size),
								 &copy->throttle, &copy->progress);
	}
	chain_close(&result);
	return outcome == 0 ? 0 : -1;
}

static uint64_t
allocated_bytes(const struct copy *copy)
{
	struct stat status;

	if (copy->output.is_block_device || fstat(copy->output.fd, &status) != 0)
		return copy->plan.layout.file_length;
	return (uint64_t) status.st_blocks * 512;
}

static int
run_phases(struct copy *copy)
{
	const struct options *options = copy->options;
	struct progress *progress = &copy->progress;

	progress_phase(progress, "map");
	if (chain_open(&copy->chain, options->layers, options->layer_count, options->force_share) != 0)
		return -1;
	copy->map = chain_map_open(&copy->chain, false);
	if (copy->map == NULL)
		return -1;
	chain_map_set_stop(copy->map, &copy->throttle.stop);
	if (plan_make(&copy->plan, &copy->chain, copy->map, options) != 0)
		return -1;
	atomic_store(&progress->bytes_total, plan_bytes(&copy->plan));

	if (output_open(&copy->output, options->output_path, &copy->chain, false) != 0)
		return -1;
	if (options->verify && output_open_verify(&copy->output) != 0)
		return -1;
	choose_method(copy);
	progress_plan(progress, copy->plan.virtual_size, copy->plan.layout.file_length, copy->method,
				  copy->reason);
	progress_phase(progress, "layout");
	if (prepare_output(copy) != 0)
		return -1;
	if (copy->output.is_block_device)
	{
		progress_phase(progress, "zero");
		if (device_zero_gaps(&copy->output, copy->map, &copy->plan.layout, &copy->throttle) != 0)
			return -1;
	}
	if (options->output_format == FORMAT_QCOW2)
	{
		copy->writer = qcow2_writer_open(&copy->plan.layout, copy->output.fd, copy->output.path,
										 !copy->output.is_block_device);
		if (copy->writer == NULL)
			return -1;
	}
	if (start_engine(copy) != 0)
		return -1;
	progress_phase(progress, "data");
	if (copy_data(copy) != 0)
		return -1;
	progress_show(progress, true);
	if (sync_output(copy) != 0)
		return -1;
	engine_stop(copy->engine);
	copy->engine = NULL;
	if (options->verify && verify_output(copy) != 0)
		return -1;
	if (chain_check_unchanged(&copy->chain) != 0)
		return -1;
	return report_is_set() ? -1 : 0;
}

int
copy_run(struct copy *copy)
{
	copy->output.fd = copy->output.direct_fd = copy->output.verify_fd = -1;
	copy->output.directory_fd = -1;
	if (run_phases(copy) != 0)
	{
		/* The threads must not write to a file that is gone. */
		engine_stop(copy->engine);
		copy->engine = NULL;
		output_remove(&copy->output);
		return -1;
	}
	copy->finished = true;
	progress_done(&copy->progress, 0, copy->plan.layout.file_length, allocated_bytes(copy),
				  copy->method, copy->reason);
	return 0;
}

void
copy_close(struct copy *copy)
{
	engine_stop(copy->engine);
	qcow2_writer_close(copy->writer);
	chain_map_close(copy->map);
	output_close(&copy->output);
	chain_close(&copy->chain);
}
