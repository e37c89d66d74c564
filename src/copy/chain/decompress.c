/*
 * decompress.c
 *		Decodes compressed clusters (zlib, zstd) of qcow2 layers.
 */
#include <errno.h>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include "copy/base/budget.h"
#include "copy/chain/decompress.h"
#include "copy/base/fileio.h"
#include "copy/base/report.h"

#define MIN_INPUT_BYTES ((size_t) 512 * 1024)

#define ZSTD_FRAME_MAGIC     UINT32_C(0xfd2fb528)
#define ZSTD_SKIPPABLE_MAGIC UINT32_C(0x184d2a50) /* the last digit is free */
#define ZSTD_WINDOW_LIMIT    ((UINT64_C(1) << 27) + 1)

struct decompressor
{
	struct libdeflate_decompressor *deflate;
	ZSTD_DCtx *zstd;
	unsigned char *input;
	const struct layer *input_layer; /* NULL = nothing read */
	uint64_t input_start;
	size_t input_length;
	unsigned char *cluster; /* decoded last */
	const struct layer *cluster_layer;
	uint64_t cluster_host;
	uint32_t cluster_input; /* compressed length it was decoded from */
};

size_t
decompressor_read_limit(uint32_t max_cluster)
{
	/* The sector count of an entry reaches at most two clusters. */
	return (size_t) max_u64(2 * (uint64_t) max_cluster, MIN_INPUT_BYTES);
}

size_t
decompressor_memory(uint32_t max_cluster)
{
	return sizeof(struct decompressor) + decompressor_read_limit(max_cluster) + max_cluster +
		   512 * 1024; /* what the libraries keep for themselves */
}

struct decompressor *
decompressor_open(uint32_t max_cluster)
{
	struct decompressor *decompressor = budget_allocate(sizeof(*decompressor));

	if (decompressor == NULL)
		return NULL;
	decompressor->input = budget_allocate(decompressor_read_limit(max_cluster));
	decompressor->cluster = budget_allocate(max_cluster);
	if (decompressor->input == NULL || decompressor->cluster == NULL)
	{
		decompressor_close(decompressor, max_cluster);
		return NULL;
	}
	decompressor->deflate = libdeflate_alloc_decompressor();
	decompressor->zstd = ZSTD_createDCtx();
	if (decompressor->deflate == NULL || decompressor->zstd == NULL)
	{
		report_error(COPIER_IO, ENOMEM, NO_LAYER, NULL, NO_OFFSET,
					 "could not set up decompression");
		decompressor_close(decompressor, max_cluster);
		return NULL;
	}
	return decompressor;
}

void
decompressor_close(struct decompressor *decompressor, uint32_t max_cluster)
{
	if (decompressor == NULL)
		return;
	if (decompressor->deflate != NULL)
		libdeflate_free_decompressor(decompressor->deflate);
	ZSTD_freeDCtx(decompressor->zstd);
	budget_free(decompressor->input, decompressor_read_limit(max_cluster));
	budget_free(decompressor->cluster, max_cluster);
	budget_free(decompressor, sizeof(*decompressor));
}

int
decompressor_read_ahead(struct decompressor *decompressor, const struct layer *layer, uint64_t host,
						uint64_t length)
{
	size_t limit = decompressor_read_limit(UINT32_C(1) << layer->qcow2.cluster_bits);

	length = min_u64(length, limit);
	decompressor->input_layer = NULL;
	/* The last sector of the last cluster may lie past the end of the file. */
	if (file_read_zero_filled(layer->fd, decompressor->input, (size_t) length, host) != 0)
		return report_io_error(errno, layer->shown_as, layer->path, host,
							   "could not read compressed cluster");
	decompressor->input_layer = layer;
	decompressor->input_start = host;
	decompressor->input_length = (size_t) length;
	return 0;
}

/* zlib's own inflate, for streams that don't end with the cluster. */
static bool
inflate_prefix(const unsigned char *input, size_t input_length, unsigned char *output,
			   size_t output_length)
{
	z_stream stream;
	int result;

	memset(&stream, 0, sizeof(stream));
	if (inflateInit2(&stream, -15) != Z_OK)
		return false;
	stream.next_in = (unsigned char *) (uintptr_t) input;
	stream.avail_in = (uInt) input_length;
	stream.next_out = output;
	stream.avail_out = (uInt) output_length;
	result = inflate(&stream, Z_FINISH);
	inflateEnd(&stream);
	return (result == Z_STREAM_END || result == Z_BUF_ERROR || result == Z_OK) &&
		   stream.avail_out == 0;
}

static bool
decode_zlib(struct decompressor *decompressor, const unsigned char *input, size_t input_length,
			unsigned char *output, size_t output_length)
{
	size_t used;
	size_t made = 0;

	if (libdeflate_deflate_decompress_ex(decompressor->deflate, input, input_length, output,
										 output_length, &used, &made) == LIBDEFLATE_SUCCESS)
		return made == output_length;
	return inflate_prefix(input, input_length, output, output_length);
}

/*
 * Begins with a frame that qemu would decode, or with a skippable one (RFC 8878, sections 3.1.1 and
 * 3.1.2).  A frame that does not say how much it holds may ask for any window; zstd's streaming
 * decoder, which qemu uses, allows 128 MiB.
 */
static bool
is_zstd_frame(const unsigned char *input, size_t length)
{
	uint32_t magic;
	uint64_t window;

	if (length < sizeof(magic) + 2)
		return false;
	memcpy(&magic, input, sizeof(magic));
	magic = le32toh(magic);
	if ((magic & 0xfffffff0) == ZSTD_SKIPPABLE_MAGIC)
		return true;
	if (magic != ZSTD_FRAME_MAGIC)
		return false;
	/* content size and single segment flags; then the window's exponent and mantissa */
	if (input[4] >> 5 != 0)
		return true;
	window = UINT64_C(1) << (10 + (input[5] >> 3));
	window += window / 8 * (input[5] & 7);
	return window <= ZSTD_WINDOW_LIMIT;
}

static bool
decode_zstd(struct decompressor *decompressor, const unsigned char *input, size_t input_length,
			unsigned char *output, size_t output_length)
{
	size_t used = 0;
	size_t made = 0;

	/*
	 * Frame by frame straight into the output: needs no window memory whatever a frame claims.  A
	 * frame that holds more than the cluster is refused, as qemu does.  So are frames of zstd's formats
	 * before version 0.8, which the library may still read: no image has them.
	 */
	while (made < output_length)
	{
		size_t frame;
		size_t result;

		if (!is_zstd_frame(input + used, input_length - used))
			break;
		frame = ZSTD_findFrameCompressedSize(input + used, input_length - used);
		if (ZSTD_isError(frame) || frame == 0)
			break;
		result = ZSTD_decompressDCtx(decompressor->zstd, output + made, output_length - made,
									 input + used, frame);
		if (ZSTD_isError(result))
			break;
		used += frame;
		made += result;
	}
	return made == output_length;
}

static int
decode_cluster(struct decompressor *decompressor, const struct layer *layer, uint64_t host,
			   uint32_t compressed_length, void *output)
{
	size_t cluster_size = (size_t) 1 << layer->qcow2.cluster_bits;
	const unsigned char *input;
	bool good;

	if (decompressor->input_layer != layer || host < decompressor->input_start ||
		host + compressed_length > decompressor->input_start + decompressor->input_length)
	{
		if (decompressor_read_ahead(decompressor, layer, host, compressed_length) != 0)
			return -1;
	}
	input = decompressor->input + (host - decompressor->input_start);
	if (layer->qcow2.compression == COMPRESSION_ZSTD)
		good = decode_zstd(decompressor, input, compressed_length, output, cluster_size);
	else
		good = decode_zlib(decompressor, input, compressed_length, output, cluster_size);
	if (!good)
		return report_error(COPIER_REFUSED, 0, layer->shown_as, layer->path, host,
							"compressed cluster does not decode to a whole cluster");
	return 0;
}

int
decompressor_get(struct decompressor *decompressor, const struct layer *layer, uint64_t host,
				 uint32_t compressed_length, uint32_t skip, uint32_t length, void *to)
{
	uint32_t cluster_size = UINT32_C(1) << layer->qcow2.cluster_bits;

	if (skip == 0 && length == cluster_size)
		return decode_cluster(decompressor, layer, host, compressed_length, to);
	if (decompressor->cluster_layer != layer || decompressor->cluster_host != host ||
		decompressor->cluster_input != compressed_length)
	{
		decompressor->cluster_layer = NULL;
		if (decode_cluster(decompressor, layer, host, compressed_length, decompressor->cluster) !=
			0)
			return -1;
		decompressor->cluster_layer = layer;
		decompressor->cluster_host = host;
		decompressor->cluster_input = compressed_length;
	}
	memcpy(to, decompressor->cluster + skip, length);
	return 0;
}
