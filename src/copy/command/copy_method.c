/*
 * copy_method.c
 *		How a copy moves its data: shared blocks, the file server, or threads with direct or buffered I/O.
 */
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "copy/base/fileio.h"
#include "copy/command/copy_method.h"
#include "copy/output/reflink.h"

/* Small buffers stay in the processor's cache; large requests suit devices: each costs the same whatever it moves. */
#define BUFFERED_BUFFER_BYTES ((size_t) 256 * 1024)
#define DIRECT_BUFFER_BYTES   ((size_t) 4 * 1024 * 1024)
#define BYTES_A_DIRECT_THREAD                                                                      \
	(1 * MIB) /* of a small disk: buffers shrink before there are fewer threads */
#define DIRECT_THREADS 8
#define USEFUL_THREADS 16 /* more only wait for each other, unless somebody asks for them */
#define SMALL_BYTES    GIB

#define SCATTERED_RUN_BYTES (512 * KIB) /* on average: longer ones are worth a write of their own */
#define SCATTERED_RUNS      64          /* fewer take no time either way */

size_t
copy_buffer_size(const struct copy *copy)
{
	return copy->output.direct_fd >= 0 ? DIRECT_BUFFER_BYTES : BUFFERED_BUFFER_BYTES;
}

/* A small disk, all of whose blocks can be shared without asking a server: threads cost more than they do. */
static bool
shares_quickly(const struct copy *copy)
{
	if (copy->stream.unit == 0 || copy->remote || !copy->options->has_size ||
		copy->options->size > SMALL_BYTES)
		return false;
	for (int i = 0; i < copy->chain.count; i++)
		if (!copy->chain.layers[i].reflink)
			return false;
	return true;
}

static int
most_threads(const struct copy *copy)
{
	cpu_set_t set;

	/* Direct I/O waits for the device, so more than one request per processor is useful. */
	if (copy->output.direct_fd >= 0 && !shares_quickly(copy))
		return DIRECT_THREADS;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 2;
	return CPU_COUNT(&set) < USEFUL_THREADS ? CPU_COUNT(&set) : USEFUL_THREADS;
}

/* A disk that is known to be small needs no more than it fills buffers: each costs some time to start. */
int
copy_default_threads(const struct copy *copy)
{
	uint64_t most = (uint64_t) most_threads(copy);
	uint64_t each = min_u64(copy_buffer_size(copy), BYTES_A_DIRECT_THREAD);

	if (!copy->options->has_size)
		return (int) most;
	return (int) max_u64(1, min_u64(most, divide_up(copy->options->size, each)));
}

void
copy_try_reflink(struct copy *copy)
{
	const struct options *options = copy->options;

	if (options->preallocate)
		copy->no_reflink = "shared blocks are not preallocated";
	else if (options->no_reflink)
		copy->no_reflink = "--no-reflink was given";
	else
		copy->stream.unit = reflink_probe(&copy->chain, &copy->output, &copy->no_reflink);
}

/*
 * Scattered pieces that fill holes of a file: a disk's file system allocates for each direct write alone, and for
 * many at once when it writes its page cache back (three times as fast on ext4).
 */
static bool
fills_scattered_holes(const struct copy *copy)
{
	const struct options *options = copy->options;
	const struct plan *plan = &copy->plan;
	struct stat status;

	return options->io == IO_AUTO && copy->output.direct_fd >= 0 && !copy->output.is_block_device &&
		   options->output_format == FORMAT_RAW && !options->preallocate &&
		   plan->runs >= SCATTERED_RUNS && plan_bytes(plan) / plan->runs < SCATTERED_RUN_BYTES &&
		   file_status(copy->output.fd, &status) == 0 && major(status.st_dev) != 0;
}

void
copy_choose_method(struct copy *copy)
{
	if (copy->stream.unit != 0)
	{
		copy->method = "reflink";
		copy->reason = "layers and output share a file system with reflink";
	}
	else if (copy->remote)
	{
		copy->method = "copy_file_range";
		copy->reason = "layers and output are on one file server that copies by itself";
	}
	else if (fills_scattered_holes(copy))
	{
		output_close_direct(&copy->output);
		copy->method = "threads-buffered";
		snprintf(copy->reason_text, sizeof(copy->reason_text),
				 "%s; scattered pieces fill holes faster through the page cache", copy->no_reflink);
		copy->reason = copy->reason_text;
	}
	else if (copy->output.direct_fd >= 0)
	{
		copy->method = "threads-direct";
		copy->reason = copy->no_reflink;
	}
	else
	{
		copy->method = "threads-buffered";
		copy->reason = copy->options->io == IO_BUFFERED
						   ? "--io buffered was given"
						   : "the output's file system has no direct I/O and no reflink";
	}
}
