/*
 * fuzz_decompress.c
 *		Compressed clusters: the input is a stream; what comes out must be what zlib or zstd make of it.
 *
 * Input: 2 bytes (bit 0 of the first: zstd; cluster bits; where in the cluster to begin), the stream.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "copy/chain/decompress.h"
#include "copy/base/report.h"
#include "fuzz_faults.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define MAX_CLUSTER (64 * 1024)

/* True if the stream gives at least one cluster. */
static bool
inflate_reference(const uint8_t *from, size_t size, unsigned char *to, size_t cluster)
{
	z_stream stream = {0};
	int status;

	/* zero bytes follow the stream where its last sector lies past the end of the file */
	if (inflateInit2(&stream, -15) != Z_OK)
		abort();
	stream.next_in = (unsigned char *) from;
	stream.avail_in = (unsigned int) size;
	stream.next_out = to;
	stream.avail_out = (unsigned int) cluster;
	status = inflate(&stream, Z_FINISH);
	inflateEnd(&stream);
	return stream.avail_out == 0 && (status == Z_STREAM_END || status == Z_BUF_ERROR);
}

static bool
zstd_reference(const uint8_t *from, size_t size, unsigned char *to, size_t cluster)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();
	ZSTD_inBuffer in = {from, size, 0};
	ZSTD_outBuffer out = {to, cluster, 0};
	size_t result = 1;

	if (context == NULL)
		abort();
	/* what qemu does: the last frame must have ended when the cluster is full */
	while (out.pos < out.size)
	{
		size_t before_in = in.pos;
		size_t before_out = out.pos;

		result = ZSTD_decompressStream(context, &out, &in);
		if (ZSTD_isError(result) || (in.pos == before_in && out.pos == before_out))
			break;
	}
	ZSTD_freeDCtx(context);
	return result == 0 && out.pos == out.size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static unsigned char expected[MAX_CLUSTER];
	static unsigned char found[MAX_CLUSTER];
	static unsigned char padded[2 * MAX_CLUSTER];
	struct decompressor *decompressor;
	struct layer layer = {.fd = -1, .direct_fd = -1, .format = FORMAT_QCOW2, .path = "image"};
	uint32_t cluster;
	uint32_t sectors;
	uint32_t length;
	uint32_t skip;
	bool zstd;
	bool good;
	bool reference;
	struct fuzz_fault fault;

	fault = fuzz_fault_take(input, &size);
	if (size < 4)
		return 0;
	zstd = (input[0] & 1) != 0;
	layer.qcow2.cluster_bits = 9 + input[0] / 2 % 8;
	cluster = UINT32_C(1) << layer.qcow2.cluster_bits;
	skip = cluster / 256 * input[1];
	input += 2;
	size -= 2;
	sectors = (uint32_t) min_u64(divide_up(size, 512), 2 * cluster / 512);
	length = sectors * 512;
	size = min_u64(size, length);
	memset(padded, 0, length);
	memcpy(padded, input, size);

	layer.qcow2.version = 3;
	layer.qcow2.compression = zstd ? COMPRESSION_ZSTD : COMPRESSION_ZLIB;
	layer.file_size = size;
	layer.fd = memfd_create("image", MFD_CLOEXEC);
	if (layer.fd < 0 || write(layer.fd, input, size) != (ssize_t) size)
		abort();
	if (fuzz_fault_is_file(&fault))
		fuzz_fault_break_file(layer.fd);
	report_reset();
	fuzz_fault_begin(&fault);
	decompressor = decompressor_open(cluster);
	fuzz_fault_end(&fault);
	if (decompressor == NULL || fuzz_fault_is_file(&fault))
	{
		bool read = decompressor != NULL && decompressor_get(decompressor, &layer, 0, length, skip,
															 cluster - skip, found) == 0;

		if (read || !report_is_set() || fault.kind == 0)
			abort();
		decompressor_close(decompressor, cluster);
		close(layer.fd);
		return 0;
	}
	good = decompressor_get(decompressor, &layer, 0, length, skip, cluster - skip, found) == 0;
	if (good == report_is_set())
		abort();
	decompressor_close(decompressor, cluster);
	close(layer.fd);

	reference = zstd ? zstd_reference(padded, length, expected, cluster)
					 : inflate_reference(padded, length, expected, cluster);
	/* libdeflate takes some incomplete codes that zlib does not; no reader of zstd is laxer than another */
	if (good && !reference && zstd)
	{
		fprintf(stderr, "accepted what the reference does not\n");
		abort();
	}
	/* frames of before zstd 0.8, which the library may know, are refused */
	if (!good && reference && !(zstd && memcmp(padded, "\x28\xb5\x2f\xfd", 4) != 0))
	{
		fprintf(stderr, "refused what the reference accepts\n");
		abort();
	}
	if (good && reference && memcmp(found, expected + skip, cluster - skip) != 0)
	{
		fprintf(stderr, "content differs from the reference\n");
		abort();
	}
	return 0;
}
