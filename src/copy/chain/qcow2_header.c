/*
 * qcow2_header.c
 *		Reads and checks the header cluster of a qcow2 layer, in the order of docs/design/image-copy.md.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "copy/base/budget.h"
#include "copy/base/fileio.h"
#include "copy/chain/qcow2_header.h"
#include "copy/base/report.h"

#define QCOW2_MAGIC            UINT32_C(0x514649fb)
#define QCOW2_V2_HEADER_LENGTH 72
#define QCOW2_V3_HEADER_LENGTH 104

/* incompatible features */
#define QCOW2_INCOMPATIBLE_DIRTY       (UINT64_C(1) << 0)
#define QCOW2_INCOMPATIBLE_CORRUPT     (UINT64_C(1) << 1)
#define QCOW2_INCOMPATIBLE_DATA_FILE   (UINT64_C(1) << 2)
#define QCOW2_INCOMPATIBLE_COMPRESSION (UINT64_C(1) << 3)
#define QCOW2_INCOMPATIBLE_EXTENDED_L2 (UINT64_C(1) << 4)
#define QCOW2_INCOMPATIBLE_KNOWN       UINT64_C(0x1f)

/* autoclear features */
#define QCOW2_AUTOCLEAR_BITMAPS       (UINT64_C(1) << 0)
#define QCOW2_AUTOCLEAR_RAW_DATA_FILE (UINT64_C(1) << 1)

/* header extensions */
#define QCOW2_EXTENSION_END            0
#define QCOW2_EXTENSION_BACKING_FORMAT UINT32_C(0xe2792aca)
#define QCOW2_EXTENSION_DATA_FILE      UINT32_C(0x44415441)
#define QCOW2_EXTENSION_ENCRYPTION     UINT32_C(0x0537be77)

#define QCOW2_MIN_EXTENDED_CLUSTER_BITS 14

static int
refuse(const struct layer *layer, uint64_t offset, const char *message)
{
	return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, offset, "%s", message);
}

/* Reads bytes of cluster 0; what lies past the end of the file reads as zero, as for qemu. */
static int
read_header_bytes(const struct layer *layer, void *buffer, size_t length, uint64_t offset)
{
	if (file_read_zero_filled(layer->fd, buffer, length, offset) != 0)
		return report_io_error(errno, layer->shown_as, layer->path, offset,
							   "could not read header");
	return 0;
}

static int
check_features(struct layer *layer, const unsigned char *header, uint32_t header_length)
{
	struct qcow2_header *qcow2 = &layer->qcow2;
	uint64_t incompatible = load_be64(header + 72);
	uint64_t autoclear = load_be64(header + 88);
	uint32_t refcount_order = load_be32(header + 96);
	unsigned char compression = header_length > 104 ? header[104] : 0;

	if ((incompatible & ~QCOW2_INCOMPATIBLE_KNOWN) != 0)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 72,
							"unknown incompatible feature bits 0x%" PRIx64,
							incompatible & ~QCOW2_INCOMPATIBLE_KNOWN);
	if ((incompatible & QCOW2_INCOMPATIBLE_DATA_FILE) != 0)
		return refuse(layer, 72, "an external data file is not allowed");
	if ((autoclear & QCOW2_AUTOCLEAR_RAW_DATA_FILE) != 0)
		return refuse(layer, 88, "raw external data is flagged without an external data file");
	if (refcount_order > 6)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 96,
							"refcount order %" PRIu32 " is above 6", refcount_order);
	if (((incompatible & QCOW2_INCOMPATIBLE_COMPRESSION) != 0) != (compression != 0))
		return refuse(layer, 104, "compression type and its incompatible feature bit contradict");
	if (compression > COMPRESSION_ZSTD)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 104,
							"unknown compression type %d", compression);
	qcow2->extended_l2 = (incompatible & QCOW2_INCOMPATIBLE_EXTENDED_L2) != 0;
	if (qcow2->extended_l2 && qcow2->cluster_bits < QCOW2_MIN_EXTENDED_CLUSTER_BITS)
		return refuse(layer, 20, "extended L2 entries need clusters of at least 16 KiB");
	qcow2->compression = (enum compression_type) compression;
	qcow2->incompatible_features = incompatible;
	qcow2->has_bitmaps = (autoclear & QCOW2_AUTOCLEAR_BITMAPS) != 0;
	return 0;
}

static int
check_backing_name(struct layer *layer, const unsigned char *header, uint32_t header_length)
{
	uint64_t cluster_size = UINT64_C(1) << layer->qcow2.cluster_bits;
	uint64_t offset = load_be64(header + 8);
	uint32_t length = load_be32(header + 16);

	if (offset == 0)
		return 0;
	if (length > QCOW2_MAX_BACKING_NAME)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 16,
							"backing file name of %" PRIu32 " bytes is longer than %d", length,
							QCOW2_MAX_BACKING_NAME);
	if (offset < header_length || offset > cluster_size || length > cluster_size - offset)
		return report_error(
			COPIER_REFUSED, 0, layer->shown_as, layer->path, 8,
			"backing file name at offset %" PRIu64 " is not inside the first cluster", offset);
	if (read_header_bytes(layer, layer->qcow2.backing_name, length, offset) != 0)
		return -1;
	layer->qcow2.backing_name[length] = '\0';
	if (strlen(layer->qcow2.backing_name) != length)
		return refuse(layer, offset, "backing file name contains a zero byte");
	return 0;
}

static int
read_backing_format(struct layer *layer, uint64_t offset, uint32_t length)
{
	struct qcow2_header *qcow2 = &layer->qcow2;

	if (length >= sizeof(qcow2->backing_format))
		return refuse(layer, offset, "backing file format name is too long");
	if (read_header_bytes(layer, qcow2->backing_format, length, offset) != 0)
		return -1;
	qcow2->backing_format[length] = '\0';
	if (strlen(qcow2->backing_format) != length)
		return refuse(layer, offset, "backing file format name contains a zero byte");
	return 0;
}

static int
check_extensions(struct layer *layer, uint64_t offset, uint64_t end, const atomic_bool *stop)
{
	while (offset < end)
	{
		unsigned char extension[8];
		uint32_t type;
		uint32_t length;

		/* nor does qemu take a rest that is too short for one */
		if (end - offset < sizeof(extension))
			return refuse(layer, offset, "a header extension is cut off by the header's end");
		if (report_if_stopped(stop) ||
			read_header_bytes(layer, extension, sizeof(extension), offset) != 0)
			return -1;
		type = load_be32(extension);
		length = load_be32(extension + 4);
		offset += 8;
		/* qemu looks at the length of the last one too */
		if (length > end - offset)
			return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, offset - 8,
								"header extension 0x%08" PRIx32 " of %" PRIu32
								" bytes reaches beyond the header",
								type, length);
		if (type == QCOW2_EXTENSION_END)
			return 0;
		if (type == QCOW2_EXTENSION_BACKING_FORMAT &&
			read_backing_format(layer, offset, length) != 0)
			return -1;
		if (type == QCOW2_EXTENSION_DATA_FILE)
			return refuse(layer, offset - 8, "an external data file name is not allowed");
		if (type == QCOW2_EXTENSION_ENCRYPTION)
			return refuse(layer, offset - 8, "an encryption header is not allowed");
		offset += align_up(length, 8);
	}
	return 0;
}

/* The tables' places, as far as the header alone can tell. */
static int
check_tables(struct layer *layer, const unsigned char *header)
{
	struct qcow2_header *qcow2 = &layer->qcow2;
	uint64_t cluster_size = UINT64_C(1) << qcow2->cluster_bits;
	uint64_t size = load_be64(header + 24);
	uint32_t l1_size = load_be32(header + 36);
	uint64_t reftable_offset = load_be64(header + 48);
	uint32_t reftable_clusters = load_be32(header + 56);
	uint32_t coverage_bits = qcow2->cluster_bits + qcow2->l2_bits;

	if (size > INT64_MAX - (SECTOR_SIZE - 1))
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 24,
							"virtual size %" PRIu64 " is too large", size);
	/* qemu counts whole sectors and drops the rest. */
	layer->virtual_size = align_down(size, SECTOR_SIZE);
	qcow2->l1_entries = size == 0 ? 0 : ((size - 1) >> coverage_bits) + 1;
	if ((uint64_t) l1_size * 8 > QCOW2_MAX_L1_BYTES)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 36,
							"L1 table of %" PRIu32 " entries is larger than 32 MiB", l1_size);
	if (qcow2->l1_entries > l1_size)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 36,
							"L1 table of %" PRIu32
							" entries is too small for a virtual size of %" PRIu64,
							l1_size, size);
	qcow2->l1_offset = load_be64(header + 40);
	if (!is_aligned(qcow2->l1_offset, cluster_size) ||
		qcow2->l1_offset > QCOW2_MAX_HOST_OFFSET - (uint64_t) l1_size * 8)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 40,
							"L1 table offset %" PRIu64 " is invalid", qcow2->l1_offset);
	if (qcow2->l1_entries > 0 && qcow2->l1_offset < cluster_size)
		return refuse(layer, 40, "L1 table lies inside the header");
	if (reftable_clusters == 0 ||
		(uint64_t) reftable_clusters > QCOW2_MAX_REFTABLE_BYTES >> qcow2->cluster_bits)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 56,
							"refcount table of %" PRIu32 " clusters is not allowed",
							reftable_clusters);
	if (!is_aligned(reftable_offset, cluster_size) ||
		reftable_offset > QCOW2_MAX_HOST_OFFSET - QCOW2_MAX_REFTABLE_BYTES)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 48,
							"refcount table offset %" PRIu64 " is invalid", reftable_offset);
	qcow2->snapshot_count = load_be32(header + 60);
	if (qcow2->snapshot_count > QCOW2_MAX_SNAPSHOTS)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 60,
							"%" PRIu32 " internal snapshots are more than %d",
							qcow2->snapshot_count, QCOW2_MAX_SNAPSHOTS);
	return 0;
}

int
qcow2_read_header(struct layer *layer, const atomic_bool *stop)
{
	struct qcow2_header *qcow2 = &layer->qcow2;
	unsigned char header[112];
	uint32_t header_length = QCOW2_V2_HEADER_LENGTH;
	uint64_t extensions_end;
	uint32_t crypt_method;

	if (layer->file_size < QCOW2_V2_HEADER_LENGTH)
		return refuse(layer, 0, "file is too short for a qcow2 header");
	if (read_header_bytes(layer, header, sizeof(header), 0) != 0)
		return -1;
	if (load_be32(header) != QCOW2_MAGIC)
		return refuse(layer, 0, "file is not a qcow2 image");
	qcow2->version = load_be32(header + 4);
	if (qcow2->version != 2 && qcow2->version != 3)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 4,
							"qcow2 version %" PRIu32 " is not supported", qcow2->version);
	qcow2->cluster_bits = load_be32(header + 20);
	if (qcow2->cluster_bits < QCOW2_MIN_CLUSTER_BITS ||
		qcow2->cluster_bits > QCOW2_MAX_CLUSTER_BITS)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 20,
							"cluster size 2^%" PRIu32 " is not supported", qcow2->cluster_bits);
	if (qcow2->version == 3)
	{
		header_length = load_be32(header + 100);
		if (header_length < QCOW2_V3_HEADER_LENGTH || layer->file_size < header_length)
			return refuse(layer, 100, "qcow2 header is too short");
		if (header_length > UINT32_C(1) << qcow2->cluster_bits)
			return refuse(layer, 100, "qcow2 header is longer than a cluster");
		if (check_features(layer, header, header_length) != 0)
			return -1;
	}
	crypt_method = load_be32(header + 32);
	if (crypt_method != 0)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, 32,
							"encryption method %" PRIu32 " is not supported", crypt_method);
	qcow2->l2_entry_size = qcow2->extended_l2 ? 16 : 8;
	qcow2->l2_bits = qcow2->cluster_bits - (qcow2->extended_l2 ? 4 : 3);
	if (check_tables(layer, header) != 0)
		return -1;
	if (check_backing_name(layer, header, header_length) != 0)
		return -1;
	extensions_end = load_be64(header + 8);
	if (extensions_end == 0)
		extensions_end = UINT64_C(1) << qcow2->cluster_bits;
	return check_extensions(layer, header_length, extensions_end, stop);
}

bool
qcow2_describe_ignored(const struct layer *layer, char *text, size_t size)
{
	const struct qcow2_header *qcow2 = &layer->qcow2;
	char snapshots[48] = "";

	if (layer->format != FORMAT_QCOW2)
		return false;
	if (qcow2->snapshot_count > 0)
		snprintf(snapshots, sizeof(snapshots), "; %" PRIu32 " internal snapshots are not copied",
				 qcow2->snapshot_count);
	snprintf(text, size, "%s%s%s%s", snapshots,
			 qcow2->has_bitmaps ? "; bitmaps are not copied" : "",
			 (qcow2->incompatible_features & QCOW2_INCOMPATIBLE_DIRTY) != 0
				 ? "; marked dirty: refcounts are not needed"
				 : "",
			 (qcow2->incompatible_features & QCOW2_INCOMPATIBLE_CORRUPT) != 0
				 ? "; marked corrupt: read as it is"
				 : "");
	if (text[0] == '\0')
		return false;
	memmove(text, text + 2, strlen(text + 2) + 1);
	return true;
}
