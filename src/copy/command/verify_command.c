/*
 * verify_command.c
 *		vmclone-copy verify: compares a chain with an image that was made of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "copy/command/commands.h"
#include "copy/base/control.h"
#include "copy/command/options.h"
#include "copy/base/report.h"
#include "copy/base/rootpath.h"
#include "copy/base/sandbox.h"
#include "copy/command/verify.h"

static int
verify(const struct options *options, struct chain *source, struct chain *result,
	   struct throttle *throttle, struct progress *progress)
{
	uint64_t size;
	int fd;
	int direct_fd = -1;

	if (chain_open_files(source, options->layers, options->layer_count,
						 options_data_source(options)) != 0)
		return -1;
	fd = root_open(options->output_path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return report_io_error(errno, NO_LAYER, options->output_path, NO_OFFSET,
							   "could not open output");
	/* What is read must come from the device, not from memory. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (options->io != IO_BUFFERED)
		direct_fd = root_open_direct(options->output_path, fd);
	if (verify_start() != 0 || sandbox_enter() != 0 ||
		chain_read(source, options->force_share, &throttle->stop) != 0)
	{
		close(fd);
		if (direct_fd >= 0)
			close(direct_fd);
		return -1;
	}
	if (chain_open_fd(result, fd, direct_fd, options->output_format, options->output_path,
					  &throttle->stop) != 0)
		return -1;
	size = options->has_size ? options->size : source->virtual_size;
	/* A raw one has the size of its device. */
	if (result->virtual_size < size ||
		(result->virtual_size > size &&
		 !(result->layers[0].is_block_device && options->output_format == FORMAT_RAW)))
	{
		report_error(COPIER_IO, 0, NO_LAYER, options->output_path, NO_OFFSET,
					 "output has a virtual size of %" PRIu64 " bytes, expected %" PRIu64,
					 result->virtual_size, size);
		return -1;
	}
	progress_phase(progress, COPIER_PHASE_VERIFY);
	/* A device may be larger than the image: the rest must be zero. */
	atomic_store(&progress->bytes_total, result->virtual_size);
	if (verify_compare(source, result, result->virtual_size, throttle, &progress->bytes_done) != 0)
		return -1;
	progress_verified(progress);
	return 0;
}

int
verify_main(int argc, char **argv)
{
	static struct options options;
	static struct throttle throttle;
	static struct progress progress;
	struct chain source = {0};
	struct chain result = {0};
	struct report report;

	if (options_parse(&options, OPTIONS_VERIFY, argc, argv) != 0)
	{
		report_print(options.progress == PROGRESS_JSON);
		return COPIER_EXIT_USAGE;
	}
	sandbox_prepare(options.progress == PROGRESS_JSON);
	throttle_start(&throttle, 0);
	progress_start(&progress, options.progress, &throttle.stop);
	if (control_start(&throttle, &progress, options_control_mode(&options)) == 0)
	{
		verify(&options, &source, &result, &throttle, &progress);
		verify_stop();
		control_finish();
	}
	progress_end_line(&progress);
	chain_close(&source);
	chain_close(&result);
	report_print(options.progress == PROGRESS_JSON && progress_wait_for_room(&progress));
	report = report_get();
	return report_exit_code(&report);
}
