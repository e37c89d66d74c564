/*
 * engine_write.c
 *		Writes a batch from its buffer, with as few calls as the output ranges allow, or has the file
 *		server copy it.
 */
#include <errno.h>
#include <unistd.h>

#include "copy/engine/engine_internal.h"
#include "copy/base/fileio.h"
#include "copy/base/report.h"

#define ZERO_BLOCK ((size_t) 4096)

static int
write_part(const struct output *output, int fd, const unsigned char *from, size_t length,
		   uint64_t offset)
{
	if (length == 0)
		return 0;
	if (file_write(fd, from, length, offset) != 0)
		return report_io_error(errno, NO_LAYER, output->path, offset, "could not write data");
	return 0;
}

/*
 * Whole blocks go past the page cache, the rest through it: no block is ever written both ways.
 */
static int
write_run(const struct output *output, const unsigned char *from, size_t length, uint64_t offset)
{
	size_t head;
	size_t middle;

	if (output->direct_fd < 0)
		return write_part(output, output->fd, from, length, offset);
	head = (size_t) min_u64(align_up(offset, DIRECT_BLOCK) - offset, length);
	middle = (size_t) align_down(length - head, DIRECT_BLOCK);
	if (!is_aligned((uintptr_t) (from + head), output->direct_alignment))
		middle = 0;
	if (write_part(output, output->fd, from, head, offset) != 0 ||
		write_part(output, output->direct_fd, from + head, middle, offset + head) != 0)
		return -1;
	return write_part(output, output->fd, from + head + middle, length - head - middle,
					  offset + head + middle);
}

/* Bytes up to the next block boundary of the output, at most "length". */
static size_t
block_rest(uint64_t offset, size_t length)
{
	return (size_t) min_u64(ZERO_BLOCK - (offset & (ZERO_BLOCK - 1)), length);
}

/* Leaves out zero blocks: they stay holes. */
static int
write_sparse(const struct output *output, const unsigned char *from, size_t length, uint64_t offset)
{
	size_t at = 0;

	while (at < length)
	{
		size_t end = at;
		size_t rest = 0;

		while (end < length)
		{
			rest = block_rest(offset + end, length - end);
			if (memory_is_zero(from + end, rest))
				break;
			end += rest;
			rest = 0;
		}
		if (end > at && write_run(output, from + at, end - at, offset + at) != 0)
			return -1;
		at = end + rest;
	}
	return 0;
}

static bool
fills_huge_page(const struct batch *batch)
{
	return batch->whole && batch->used == HUGEPAGE_BYTES;
}

int
write_batch(struct engine *engine, const struct batch *batch)
{
	const struct output *output = engine->options.output;
	bool timed = fills_huge_page(batch);
	uint64_t begun = timed ? hugepage_clock() : 0;
	int i = 0;

	while (i < batch->count)
	{
		const struct piece *piece = &batch->pieces[i];
		uint32_t length = piece->length;
		int result;

		for (i++; i < batch->count && batch->pieces[i].out == piece->out + length &&
				  batch->pieces[i].at == piece->at + length;
			 i++)
			length += batch->pieces[i].length;
		if (output->skip_zero)
			result = write_sparse(output, batch->buffer->bytes + piece->at, length, piece->out);
		else
			result = write_run(output, batch->buffer->bytes + piece->at, length, piece->out);
		if (result != 0)
			return -1;
	}
	if (timed)
		hugepage_ordinary_took(&engine->pace, hugepage_clock() - begun);
	return 0;
}

/* Whether all blocks will be written: none is to be left out for being zero. */
static bool
has_no_holes(const struct output *output, const unsigned char *from, size_t length)
{
	for (size_t at = 0; output->skip_zero && at < length; at += ZERO_BLOCK)
	{
		if (memory_is_zero(from + at, ZERO_BLOCK))
			return false;
	}
	return true;
}

bool
write_huge_page(struct worker *worker, const struct batch *batch)
{
	struct engine *engine = worker->engine;
	const struct output *output = engine->options.output;
	uint64_t begun;
	bool good;

	if (worker->window == NULL || !fills_huge_page(batch) ||
		!has_no_holes(output, batch->buffer->bytes, HUGEPAGE_BYTES) ||
		!hugepage_is_due(&engine->pace))
		return false;
	begun = hugepage_clock();
	good = hugepage_write(worker->window, output->fd, batch->buffer->bytes, batch->pieces[0].out);
	hugepage_took(&engine->pace, hugepage_clock() - begun, good);
	return good;
}

int
copy_remote(const struct engine *engine, const struct batch *batch)
{
	const struct piece *piece = &batch->pieces[0];
	const struct layer *layer = &engine->options.chain->layers[piece->layer];
	const struct output *output = engine->options.output;
	uint64_t done = 0;

	while (done < piece->length)
	{
		off_t from = (off_t) (piece->host + done);
		off_t to = (off_t) (piece->out + done);
		ssize_t copied =
			copy_file_range(layer->fd, &from, output->fd, &to, piece->length - done, 0);
		size_t part;

		if (copied > 0)
		{
			done += (uint64_t) copied;
			continue;
		}
		if (copied < 0 && errno == EINTR)
			continue;
		/* The server refused, failed, or met the layer's end: an ordinary read and write do the part, or say what is wrong. */
		part = (size_t) min_u64(piece->length - done, engine->buffer_size);
		if (file_read_zero_filled(layer->fd, batch->buffer->bytes, part, piece->host + done) != 0)
			return report_io_error(errno, layer->shown_as, layer->path, piece->host + done,
								   "could not read data");
		if (write_part(output, output->fd, batch->buffer->bytes, part, piece->out + done) != 0)
			return -1;
		done += part;
	}
	return 0;
}
