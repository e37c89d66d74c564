/*
 * qcow2_write.c
 *		Writes the metadata of a qcow2 result.
 */
#include <errno.h>

#include "copy/base/budget.h"
#include "copy/base/fileio.h"
#include "copy/chain/qcow2_header.h"
#include "copy/output/qcow2_write.h"
#include "copy/base/report.h"

#define BUFFER_BYTES ((size_t) 65536)
#define WRITE_BLOCK  ((size_t) 4096)

/* A stretch of a table that is being filled: entries of 8 bytes from file offset "offset". */
struct table_buffer
{
	unsigned char *bytes; /* BUFFER_BYTES */
	uint64_t offset;      /* NO_OFFSET = empty */
};

struct qcow2_writer
{
	const struct layout *layout;
	int fd;
	const char *path;
	bool fresh;
	const atomic_bool *stop;
	struct table_buffer l1;
	struct table_buffer l2;
	uint64_t l1_index; /* of the L2 table that is being filled; UINT64_MAX = none */
	uint64_t l2_table; /* its file offset */
	uint64_t tables;   /* L2 tables begun */
};

struct qcow2_writer *
qcow2_writer_open(const struct layout *layout, int fd, const char *path, bool fresh,
				  const atomic_bool *stop)
{
	struct qcow2_writer *writer = budget_allocate(sizeof(*writer));

	if (writer == NULL)
		return NULL;
	writer->layout = layout;
	writer->fd = fd;
	writer->path = path;
	writer->fresh = fresh;
	writer->stop = stop;
	writer->l1.offset = NO_OFFSET;
	writer->l2.offset = NO_OFFSET;
	writer->l1_index = UINT64_MAX;
	writer->l1.bytes = budget_allocate(BUFFER_BYTES);
	writer->l2.bytes = budget_allocate(BUFFER_BYTES);
	if (writer->l1.bytes == NULL || writer->l2.bytes == NULL)
	{
		qcow2_writer_close(writer);
		return NULL;
	}
	return writer;
}

void
qcow2_writer_close(struct qcow2_writer *writer)
{
	if (writer == NULL)
		return;
	budget_free(writer->l1.bytes, BUFFER_BYTES);
	budget_free(writer->l2.bytes, BUFFER_BYTES);
	budget_free(writer, sizeof(*writer));
}

static int
write_bytes(struct qcow2_writer *writer, const void *bytes, size_t length, uint64_t offset)
{
	if (file_write(writer->fd, bytes, length, offset) != 0)
		return report_io_error(errno, NO_LAYER, writer->path, offset, "could not write metadata");
	return 0;
}

/* Writes a buffer; zero blocks only where the file may hold something else. */
static int
write_sparse(struct qcow2_writer *writer, const unsigned char *bytes, size_t length,
			 uint64_t offset)
{
	size_t at = 0;

	if (report_if_stopped(writer->stop))
		return -1;
	if (!writer->fresh)
		return write_bytes(writer, bytes, length, offset);
	while (at < length)
	{
		size_t end = at;

		while (end < length &&
			   !memory_is_zero(bytes + end, (size_t) min_u64(WRITE_BLOCK, length - end)))
			end += (size_t) min_u64(WRITE_BLOCK, length - end);
		if (end > at && write_bytes(writer, bytes + at, end - at, offset + at) != 0)
			return -1;
		at = end + (size_t) min_u64(WRITE_BLOCK, length - end);
	}
	return 0;
}

static size_t
buffer_length(const struct qcow2_writer *writer)
{
	return (size_t) min_u64(BUFFER_BYTES, UINT64_C(1) << writer->layout->cluster_bits);
}

static int
flush_buffer(struct qcow2_writer *writer, struct table_buffer *buffer)
{
	uint64_t offset = buffer->offset;

	if (offset == NO_OFFSET)
		return 0;
	buffer->offset = NO_OFFSET;
	return write_sparse(writer, buffer->bytes, buffer_length(writer), offset);
}

/* Sets the entry at a file offset; buffers begin at multiples of their length. */
static int
put_entry(struct qcow2_writer *writer, struct table_buffer *buffer, uint64_t offset, uint64_t entry)
{
	size_t length = buffer_length(writer);
	uint64_t start = align_down(offset, length);

	if (buffer->offset != start)
	{
		if (flush_buffer(writer, buffer) != 0)
			return -1;
		memset(buffer->bytes, 0, length);
		buffer->offset = start;
	}
	store_be64(buffer->bytes + (offset - start), entry);
	return 0;
}

int
qcow2_writer_map(struct qcow2_writer *writer, uint64_t guest_cluster, uint64_t count, uint64_t host)
{
	const struct layout *layout = writer->layout;
	uint32_t l2_bits = layout->cluster_bits - 3;
	uint64_t cluster_size = UINT64_C(1) << layout->cluster_bits;

	for (uint64_t i = 0; i < count; i++)
	{
		uint64_t cluster = guest_cluster + i;
		uint64_t index = cluster >> l2_bits;

		if (index != writer->l1_index)
		{
			writer->l1_index = index;
			writer->l2_table = layout->l2_offset + writer->tables * cluster_size;
			writer->tables++;
			if (put_entry(writer, &writer->l1, layout->l1_offset + index * 8,
						  writer->l2_table | QCOW2_FLAG_COPIED) != 0)
				return -1;
		}
		if (put_entry(writer, &writer->l2,
					  writer->l2_table + (cluster & ((UINT64_C(1) << l2_bits) - 1)) * 8,
					  (host + i * cluster_size) | QCOW2_FLAG_COPIED) != 0)
			return -1;
	}
	return 0;
}

/* Every cluster of the file has refcount 1. */
static int
write_refcounts(struct qcow2_writer *writer)
{
	const struct layout *layout = writer->layout;
	uint64_t cluster_size = UINT64_C(1) << layout->cluster_bits;
	uint64_t length = layout->refblock_clusters * cluster_size;
	unsigned char *buffer = writer->l2.bytes; /* flushed before */

	for (uint64_t at = 0; at < length; at += BUFFER_BYTES)
	{
		size_t part = (size_t) min_u64(BUFFER_BYTES, length - at);

		memset(buffer, 0, part);
		for (size_t i = 0; i < part / 2 && at / 2 + i < layout->total_clusters; i++)
			buffer[2 * i + 1] = 1;
		if (write_sparse(writer, buffer, part, layout->refblock_offset + at) != 0)
			return -1;
	}
	length = layout->reftable_clusters * cluster_size;
	for (uint64_t at = 0; at < length; at += BUFFER_BYTES)
	{
		size_t part = (size_t) min_u64(BUFFER_BYTES, length - at);

		memset(buffer, 0, part);
		for (size_t i = 0; i < part / 8 && at / 8 + i < layout->refblock_clusters; i++)
			store_be64(buffer + 8 * i, layout->refblock_offset + (at / 8 + i) * cluster_size);
		if (write_sparse(writer, buffer, part, layout->reftable_offset + at) != 0)
			return -1;
	}
	return 0;
}

int
qcow2_writer_finish(struct qcow2_writer *writer)
{
	if (flush_buffer(writer, &writer->l2) != 0 || flush_buffer(writer, &writer->l1) != 0)
		return -1;
	return write_refcounts(writer);
}

int
qcow2_writer_write_header(struct qcow2_writer *writer)
{
	const struct layout *layout = writer->layout;
	size_t length = (size_t) min_u64(UINT64_C(1) << layout->cluster_bits, WRITE_BLOCK);
	unsigned char header[WRITE_BLOCK];

	memset(header, 0, sizeof(header));
	memcpy(header, "QFI\xfb", 4);
	store_be32(header + 4, layout->version);
	store_be32(header + 20, layout->cluster_bits);
	store_be64(header + 24, layout->virtual_size);
	store_be32(header + 36, (uint32_t) layout->l1_entries);
	store_be64(header + 40, layout->l1_offset);
	store_be64(header + 48, layout->reftable_offset);
	store_be32(header + 56, (uint32_t) layout->reftable_clusters);
	if (layout->version >= 3)
	{
		store_be32(header + 96, 4); /* refcount order: 16 bits */
		store_be32(header + 100,
				   112); /* header length; the end-of-extensions mark follows as zeroes */
	}
	return write_bytes(writer, header, length, 0);
}
