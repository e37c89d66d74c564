/*
 * copy.c
 *		One copy from beginning to end.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/engine/checkpointer.h"
#include "copy/base/control.h"
#include "copy/command/copy.h"
#include "copy/command/copy_method.h"
#include "copy/output/device.h"
#include "copy/base/fileio.h"
#include "copy/output/hugepage.h"
#include "copy/chain/qcow2_header.h"
#include "copy/output/remote.h"
#include "copy/base/remover.h"
#include "copy/base/report.h"
#include "copy/base/sandbox.h"
#include "copy/command/verify.h"
#include "copy/output/writeback.h"

#define HELPER_BYTES  GIB /* of all layers: of fewer there is no half that is worth a thread */
#define ALLOCATE_STEP GIB
#define COMMIT_BYTES  (16 * MIB) /* that commit writes at once */

static uint64_t *told_length = NULL;

void
copy_tell_length(uint64_t *length)
{
	told_length = length;
}

/*
 * Before the sandbox
 */

static int
open_output(struct copy *copy)
{
	const struct options *options = copy->options;

	if (options->resume_path != NULL)
	{
		copy->with_resume = true;
		if (resume_open(&copy->resume, options->resume_path, options->output_path, options->claim,
						options->since_claim) != 0)
			return -1;
	}
	if (output_open(&copy->output, options->output_path, &copy->chain,
					copy->with_resume ? &copy->resume : NULL) != 0)
		return -1;
	if (!options->preallocate && !options->no_reflink && options->io == IO_AUTO)
		copy->remote = remote_choose(&copy->chain, &copy->output);
	if (options->io != IO_BUFFERED)
		output_open_direct(&copy->output);
	copy_try_reflink(copy);
	/* Allocated blocks are there already. */
	copy->output.huge_pages =
		!copy->output.is_block_device && !options->preallocate && hugepage_prepare(copy->output.fd);
	return options->verify ? output_open_verify(&copy->output, options->io != IO_BUFFERED) : 0;
}

static int
start_threads(struct copy *copy)
{
	struct engine_options options = {.chain = &copy->chain,
									 .output = &copy->output,
									 .throttle = &copy->throttle,
									 .progress = &copy->progress,
									 .threads = copy->options->threads};

	if (options.threads == 0)
		options.threads = copy_default_threads(copy);
	if (copy->with_resume)
		options.done_ever = copy->resume.done_ever;
	if (!copy->options->has_size ||
		copy->options->size >= HELPER_BYTES / (uint64_t) max_u64(1, (uint64_t) copy->chain.count))
	{
		copy->helper = helper_thread_start();
		if (copy->helper == NULL)
			return -1;
	}
	copy->engine = engine_start(&options);
	if (copy->engine == NULL)
		return -1;
	if (copy->with_resume)
		return checkpointer_start(&copy->resume, &copy->output, &copy->throttle, &copy->progress);
	return 0;
}

int
copy_open(struct copy *copy)
{
	const struct options *options = copy->options;

	copy->output.fd = copy->output.direct_fd = copy->output.directory_fd = -1;
	copy->output.verify_fd = copy->output.verify_direct_fd = -1;
	copy->resume.fd = copy->resume.directory_fd = -1;
	progress_phase(&copy->progress, COPIER_PHASE_MAP);
	if (chain_open_files(&copy->chain, options->layers, options->layer_count,
						 options_data_source(options)) != 0)
		return -1;
	if (open_output(copy) != 0)
		return -1;
	if (start_threads(copy) != 0 || (options->verify && verify_start() != 0))
		return -1;
	remover_seal();
	return 0;
}

/*
 * In the sandbox
 */

/* The output got its length before the first checkpoint of data: another one says that it was cut. */
static bool
has_length(const struct output *output, const struct plan *plan)
{
	struct stat status;

	return output->is_block_device || (file_status(output->fd, &status) == 0 &&
									   (uint64_t) status.st_size == plan->layout.file_length);
}

/*
 * XFS shares scattered runs a fifth faster in the order of the source: the counts of references to
 * neighbours then change one after the other.  What is decoded is better written in guest order.
 */
static int
choose_order(struct copy *copy)
{
	bool by_source = copy->stream.unit != 0 && copy->extents.list != NULL &&
					 !extents_totals(&copy->extents)->has_compressed;

	fingerprint_add(&copy->plan.fingerprint, by_source);
	if (!by_source)
		return 0;
	copy->source_order = extents_sort_by_source(&copy->extents);
	return copy->source_order == NULL ? -1 : 0;
}

/* Places data clusters, and finds out how far an earlier run has come. */
static int
place(struct copy *copy)
{
	struct plan *plan = &copy->plan;
	bool failed;

	if (copy->options->output_format == FORMAT_QCOW2)
	{
		copy->placement = placement_open(&copy->extents, &plan->layout, copy->stream.unit != 0);
		if (copy->placement == NULL)
			return -1;
		fingerprint_add(&plan->fingerprint, placement_is_by_source(copy->placement));
	}
	else if (choose_order(copy) != 0)
		return -1;
	if (!copy->with_resume)
		return 0;
	if (resume_matches(&copy->resume, &plan->fingerprint, &failed))
	{
		if (copy->resume.slot.phase == RESUME_DATA && has_length(&copy->output, plan))
			copy->start_mark = min_u64(copy->resume.slot.mark, plan_bytes(plan));
		progress_start_at(&copy->progress, copy->start_mark);
		if (copy->start_mark > 0 || copy->resume.slot.phase != RESUME_DATA)
			return 0;
	}
	if (!failed && !copy->output.is_block_device && ftruncate(copy->output.fd, 0) != 0)
		return report_io_error(errno, NO_LAYER, copy->output.path, NO_OFFSET,
							   "could not empty the output");
	return failed ? -1 : 0;
}

/* Gives a file its blocks, step by step so that a stop is noticed. */
static int
allocate_output(struct copy *copy, uint64_t length)
{
	struct output *output = &copy->output;

	for (uint64_t at = 0; at < length; at += ALLOCATE_STEP)
	{
		int result;

		do
		{
			if (report_if_stopped(&copy->throttle.stop))
				return -1;
			result =
				fallocate(output->fd, 0, (off_t) at, (off_t) min_u64(ALLOCATE_STEP, length - at));
		} while (result != 0 && errno == EINTR);
		if (result == 0)
			continue;
		/*
		 * Without fallocate (NFS before 4.2) blocks come only by writing to them.  A run that goes on
		 * has done so before, and data lies there now.
		 */
		if (errno == EOPNOTSUPP && at == 0)
			return copy->start_mark > 0 ? 0 : device_fill(output, length, &copy->throttle);
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET,
							   "could not allocate %" PRIu64 " bytes", length);
	}
	return 0;
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
			return report_error(COPIER_NO_SPACE, ENOSPC, NO_LAYER, output->path, NO_OFFSET,
								"the result needs %" PRIu64 " bytes but the device has %" PRIu64,
								length, output->device_size);
		return 0;
	}
	sandbox_limit_file_size(length);
	output->skip_zero = !copy->options->keep_zeroes;
	if (length > INT64_MAX || ftruncate(output->fd, (off_t) length) != 0)
		return report_io_error(errno, NO_LAYER, output->path, NO_OFFSET,
							   "could not set the length of the output to %" PRIu64 " bytes",
							   length);
	return copy->options->preallocate ? allocate_output(copy, length) : 0;
}

static int
zero_device(struct copy *copy)
{
	struct resume *resume = copy->with_resume ? &copy->resume : NULL;
	uint64_t mark = 0;

	progress_phase(&copy->progress, COPIER_PHASE_ZERO);
	if (resume != NULL && resume->slot.phase == RESUME_DATA)
		return 0;
	if (resume != NULL && resume->slot.phase == RESUME_ZERO)
		mark = resume->slot.mark;
	return device_zero_gaps(&copy->output, &copy->extents, &copy->plan.layout, &copy->throttle,
							resume, mark);
}

/* L1, L2 and refcounts: a function of the extents alone, so a resumed run writes the same again. */
static int
write_tables(struct copy *copy)
{
	struct placed_piece piece;
	int result;

	copy->writer = qcow2_writer_open(&copy->plan.layout, copy->output.fd, copy->output.path,
									 !copy->output.is_block_device, &copy->throttle.stop);
	if (copy->writer == NULL)
		return -1;
	placement_rewind(copy->placement);
	while ((result = placement_next_in_guest_order(copy->placement, &piece)) > 0)
	{
		if (qcow2_writer_map(copy->writer, piece.new_cluster, piece.new_clusters,
							 piece.new_clusters_out) != 0)
			return -1;
	}
	if (result < 0)
		return -1;
	return qcow2_writer_finish(copy->writer);
}

static int
copy_pieces(struct copy *copy)
{
	struct placed_piece piece;
	struct extent extent;
	int result;

	if (copy->source_order != NULL)
	{
		for (size_t i = 0; i < copy->extents.count; i++)
		{
			const struct extent *next = &copy->extents.list[copy->source_order[i]];

			if (stream_add(&copy->stream, next, 0, next->length, next->start) != 0)
				return -1;
		}
		result = 0;
	}
	else if (copy->placement == NULL)
	{
		extents_rewind(&copy->extents);
		while ((result = extents_next(&copy->extents, &extent)) > 0)
		{
			if (stream_add(&copy->stream, &extent, 0, extent.length, extent.start) != 0)
				return -1;
		}
	}
	else
	{
		placement_rewind(copy->placement);
		while ((result = placement_next_to_copy(copy->placement, &piece)) > 0)
		{
			if (stream_add(&copy->stream, &piece.extent, piece.skip, piece.length, piece.out) != 0)
				return -1;
		}
	}
	return result;
}

static int
sync_file(const struct copy *copy, bool with_metadata)
{
	if ((with_metadata ? fsync(copy->output.fd) : fdatasync(copy->output.fd)) != 0)
		return report_io_error(errno, NO_LAYER, copy->output.path, NO_OFFSET,
							   "could not sync the output");
	return 0;
}

static int
copy_data(struct copy *copy)
{
	uint64_t bytes = plan_bytes(&copy->plan);

	progress_phase(&copy->progress, COPIER_PHASE_DATA);
	chain_look_at_cache(&copy->chain);
	if (engine_configure(copy->engine, copy_buffer_size(copy), copy->start_mark, bytes) != 0)
		return -1;
	copy->stream.chain = &copy->chain;
	copy->stream.output = &copy->output;
	copy->stream.engine = copy->engine;
	copy->stream.throttle = &copy->throttle;
	copy->stream.skip = copy->start_mark;
	if (copy->with_resume)
	{
		/* This checkpoint says that a device's zeroes are there: a later run won't write them. */
		if (copy->output.is_block_device && sync_file(copy, false) != 0)
			return -1;
		if (resume_checkpoint(&copy->resume, RESUME_DATA, copy->start_mark,
							  copy->output.is_block_device) != 0)
			return -1;
		checkpointer_begin(copy->engine);
	}
	if (copy_pieces(copy) != 0 || stream_finish(&copy->stream) != 0)
		return -1;
	progress_show(&copy->progress, true);
	return 0;
}

/* What shares all of its blocks has nothing in memory but tables, which commit has written soon unless they are large. */
static bool
is_synced_by_commit(const struct copy *copy)
{
	return told_length != NULL && copy->options->keep_record && !copy->options->verify &&
		   !copy->output.is_block_device &&
		   (copy->writer == NULL ||
			copy->plan.layout.file_length <= plan_bytes(&copy->plan) + COMMIT_BYTES) &&
		   copy->stream.shared == plan_bytes(&copy->plan) - copy->start_mark;
}

/* Data first, then the header that makes it an image, then the name. */
static int
sync_output(struct copy *copy)
{
	progress_phase(&copy->progress, COPIER_PHASE_SYNC);
	if (copy->writer == NULL && output_allocate_first_block(&copy->output) != 0)
		return -1;
	if (copy->writer != NULL)
	{
		/* A file whose record stays gets its name by volume commit, which comes after the sync of all. */
		bool is_named_later = copy->options->keep_record && !copy->output.is_block_device;

		if ((!is_named_later && sync_file(copy, false) != 0) ||
			qcow2_writer_write_header(copy->writer) != 0)
			return -1;
	}
	if (is_synced_by_commit(copy))
		return 0;
	if (sync_file(copy, true) != 0)
		return -1;
	writeback_finish(&copy->output);
	return copy->output.is_block_device ? 0 : output_sync_directory(&copy->output);
}

static int
verify_output(struct copy *copy)
{
	struct chain result = {0};
	int fd = copy->output.verify_fd;
	int direct_fd = copy->output.verify_direct_fd;
	int outcome = -1;

	progress_phase(&copy->progress, COPIER_PHASE_VERIFY);
	/* What was written must come from the device, not from memory. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	copy->output.verify_fd = copy->output.verify_direct_fd = -1;
	if (chain_open_fd(&result, fd, direct_fd, copy->options->output_format, copy->output.path,
					  &copy->throttle.stop) == 0)
	{
		uint64_t size = max_u64(result.virtual_size, copy->plan.virtual_size);

		atomic_store(&copy->progress.to_verify, size);
		outcome =
			verify_compare(&copy->chain, &result, size, &copy->throttle, &copy->progress.verified);
	}
	chain_close(&result);
	copy->result_is_bad = outcome > 0;
	return outcome == 0 ? 0 : -1;
}

static uint64_t
allocated_bytes(const struct copy *copy)
{
	struct stat status;

	if (copy->output.is_block_device || file_status(copy->output.fd, &status) != 0)
		return copy->plan.layout.file_length;
	return (uint64_t) status.st_blocks * 512;
}

static void
tell_ignored(struct copy *copy)
{
	for (int i = 0; i < copy->chain.count; i++)
	{
		const struct layer *layer = &copy->chain.layers[i];
		char text[160];

		if (qcow2_describe_ignored(layer, text, sizeof(text)))
			progress_notice(&copy->progress, i, layer->path, text);
	}
}

static int
run_phases(struct copy *copy)
{
	struct progress *progress = &copy->progress;

	if (chain_read(&copy->chain, copy->options->force_share, &copy->throttle.stop) != 0 ||
		extents_open(&copy->extents, &copy->chain, &copy->throttle.stop) != 0)
		return -1;
	if (copy->helper != NULL)
		extents_share(&copy->extents, copy->helper);
	if (plan_make(&copy->plan, &copy->chain, &copy->extents, copy->options) != 0)
		return -1;
	atomic_store(&progress->bytes_total, plan_bytes(&copy->plan));
	copy_choose_method(copy);
	progress_plan(progress, copy->plan.virtual_size, copy->plan.layout.file_length, copy->method,
				  copy->reason);
	tell_ignored(copy);
	progress_phase(progress, COPIER_PHASE_LAYOUT);
	if (place(copy) != 0 || prepare_output(copy) != 0)
		return -1;
	if (copy->output.is_block_device && zero_device(copy) != 0)
		return -1;
	if (copy->placement != NULL && write_tables(copy) != 0)
		return -1;
	if (copy_data(copy) != 0)
		return -1;
	checkpointer_finish();
	if (sync_output(copy) != 0)
		return -1;
	/* Its memory is needed for reading back. */
	engine_stop(copy->engine);
	copy->engine = NULL;
	if (copy->options->verify && verify_output(copy) != 0)
		return -1;
	if (chain_check_unchanged(&copy->chain) != 0)
	{
		copy->result_is_bad = true;
		return -1;
	}
	return report_is_set() ? -1 : 0;
}

int
copy_run(struct copy *copy)
{
	uint64_t again = 0;

	if (run_phases(copy) != 0)
		return -1;
	/* What is in the record then is all of it, and synced: the next run has nothing left to copy. */
	if (copy->options->keep_record && copy->with_resume && !is_synced_by_commit(copy) &&
		resume_checkpoint(&copy->resume, RESUME_DATA, plan_bytes(&copy->plan), false) != 0)
		return -1;
	copy->finished = true;
	if (told_length != NULL)
		*told_length = copy->plan.layout.file_length;
	if (copy->with_resume)
	{
		uint64_t ever = atomic_load(copy->resume.done_ever);

		again = ever > plan_bytes(&copy->plan) ? ever - plan_bytes(&copy->plan) : 0;
	}
	progress_done(&copy->progress, again, copy->plan.layout.file_length, allocated_bytes(copy),
				  copy->method, copy->reason);
	if (copy->with_resume && !copy->options->keep_record)
		resume_remove(&copy->resume);
	return 0;
}

void
copy_clean(struct copy *copy)
{
	struct report report = report_get();
	bool keep = copy->with_resume && !copy->result_is_bad &&
				(report_exit_code(&report) == COPIER_EXIT_IO || control_lost_parent());

	/* The threads must not write to a file that is gone. */
	checkpointer_finish();
	engine_stop(copy->engine);
	copy->engine = NULL;
	if (copy->output.fd < 0)
	{
		/* Nothing was begun: what was there stays, whatever it is; a new record goes. */
		if (copy->resume.made)
			resume_remove(&copy->resume);
		return;
	}
	if (keep)
		return;
	output_remove(&copy->output);
	if (copy->with_resume)
		resume_remove(&copy->resume);
}

void
copy_close(struct copy *copy)
{
	checkpointer_finish();
	verify_stop();
	engine_stop(copy->engine);
	placement_close(copy->placement);
	qcow2_writer_close(copy->writer);
	extents_free_order(&copy->extents, copy->source_order);
	extents_close(&copy->extents);
	helper_thread_stop(copy->helper);
	output_close(&copy->output);
	resume_close(&copy->resume);
	chain_close(&copy->chain);
}
